//! Rows of series that have ended are left behind.

use super::*;

/// Runs rules on pods of which so many are there at a time, each for ten minutes, in batches of twenty minutes; returns
/// the events, and the most rows and the most series awake after a batch.
fn churn(rules: Vec<Rule>, batches: i64, retire: bool) -> (Vec<Event>, usize, usize) {
    const PODS: i64 = 50;
    let files = [RuleFile { file: FileId(0), form: Form::Prometheus, groups: vec![group(rules)] }];
    let mut store = Store::default();
    let mut engine = Engine::new(&files, EngineOptions::default(), &mut store).expect("rules");
    let (mut events, mut rows, mut awake) = (Vec::new(), 0, 0);
    for batch in 0..batches {
        let mut samples = Batch::default();
        for minute in batch * 20..batch * 20 + 20 {
            for pod in 0..PODS {
                let life = (minute + pod % 10) / 10;
                let labels = [("__name__", "temp".to_owned()), ("pod", format!("{pod}-{life}"))];
                let value = if pod % 7 == 0 && minute % 10 > 4 { 99.0 } else { 1.0 };
                samples.push(store.series(&LabelSet::new(labels)), Timestamp(minute * MINUTE), value, 0);
            }
        }
        store.append(&samples).expect("in order");
        engine.advance(&store, Timestamp((batch * 20 + 19) * MINUTE)).expect("few series");
        let evaluated = engine.evaluated();
        store.evict(evaluated);
        if retire && store.is_crowded() && store.retire(evaluated, 1) {
            engine.bind_anew();
        }
        events.extend(engine.take_events());
        (rows, awake) = (rows.max(engine.widest()), awake.max(engine.written().awake()));
    }
    (events, rows, awake)
}

#[test]
fn a_program_has_no_more_rows_however_many_series_there_were() {
    let rules = || {
        vec![
            alert("Hot", "temp > 90", 120, 0, &[]),
            record("kept", "max by (pod) (temp)"),
            alert("Kept", "kept / temp > 0.5 and kept > 90", 0, 120, &[]),
            alert("Told", r#"count(ALERTS{alertname="Hot"}) > 4"#, 0, 0, &[]),
        ]
    };
    let (short, rows, awake) = churn(rules(), 20, true);
    let (long, most_rows, most_awake) = churn(rules(), 60, true);
    // Twice those that are there, those that were within the look-back, and those of one batch.
    assert!(most_rows <= 1_200 && most_rows <= rows * 11 / 10, "{rows} {most_rows}");
    assert!(most_awake <= 1_200 && most_awake <= awake * 11 / 10, "{awake} {most_awake}");
    let (all, all_rows, _) = churn(rules(), 60, false);
    assert!(all_rows > 6_000, "{all_rows}");
    assert!(short.len() > 100 && long == all, "{} {}", long.len(), all.len());
}
