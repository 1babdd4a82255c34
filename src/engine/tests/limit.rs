//! How many series rules may write, and how many steps of them are held.

use super::*;

#[test]
fn rules_that_multiply_series_are_refused() {
    let twice = |from: &str, at: usize| {
        let copy = |value: &str| format!(r#"label_replace({from}, "x{at}", "{value}", "", "")"#);
        record(&format!("r{at}"), &format!("{} or {}", copy("a"), copy("b")))
    };
    let groups = vec![group(vec![twice("temp", 0), twice("r0", 1), twice("r1", 2), alert("Any", "r2", 0, 0, &[])])];
    let files = [RuleFile { file: FileId(0), form: Form::Prometheus, groups }];
    let run = |most: usize| {
        let mut store = Store::default();
        let mut engine = Engine::new(&files, EngineOptions::default(), &mut store).expect("rules");
        engine.written.most = most;
        let mut batch = Batch::default();
        batch.push(store.series(&LabelSet::new([("__name__", "temp")])), Timestamp(0), 1.0, 0);
        store.append(&batch).expect("in order");
        engine.finish(&store, Timestamp(0)).map(|()| engine.take_events().len())
    };
    assert_eq!(run(2 + 4 + 8), Ok(8));
    let refused = TooManySeries { rule: "r2".to_owned(), series: 8 };
    assert_eq!(run(2 + 4 + 7), Err(LimitReached::Series(refused)));
}

#[test]
fn a_slice_holds_fewer_steps_the_more_series_rules_write() {
    let labels = |at: u32| LabelSet::new([("__name__", "r"), ("x", &at.to_string())]);
    let mut written = WrittenSeries::new(Hidden::default(), false, None, false);
    assert_eq!(written.slice_steps(), 1, "nobody knows yet how many there will be");
    written.quiet = 10;
    assert_eq!(written.slice_steps(), 1024, "rules that write nothing are no reason for short slices");
    written.store.series(&labels(0));
    assert_eq!(written.slice_steps(), 4 << 20);
    for at in 0..4096 {
        written.store.series(&labels(at));
    }
    assert_eq!(written.slice_steps(), 1024);
}
