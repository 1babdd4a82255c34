//! What holds of any expression on any recording.

use alertctl::promql::ast::{Expr, ExprKind};
use alertctl::promql::query::nodes::Nodes;
use alertctl::promql::query::{Query, QueryContext};
use alertctl::store::{Batch, Store};
use alertctl::time::Timestamp;

use crate::promql::evaluators::{Block, Evaluate, SERVED, STARTED, Slow, answer, query_options};
use crate::promql::pin::reads_context;
use crate::promql::run::expression;
use crate::slow::generate::{self, Random, SPAN, recording, vector};
use crate::slow::generate_histograms;
use crate::slow::{Context, Fault, Options, SAME_LABELS, SampleValue, Starts, Stored, Value, instant, stored};

/// The steps that are compared: on the grid of the samples and off it.
fn contexts() -> [Context; 2] {
    [Context { start: 0, end: SPAN + 600_000, step: 60_000 }, Context { start: 127_003, end: SPAN, step: 45_001 }]
}

/// Returns whether two results are the same: label sets, times, values by bits (any NaN is any NaN), the words of
/// faults.
pub(crate) fn same(a: &Result<Value, Fault>, b: &Result<Value, Fault>) -> bool {
    let point = |a: &[(i64, SampleValue)], b: &[(i64, SampleValue)]| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && a.1.same(&b.1))
    };
    match (a, b) {
        (Ok(Value::Scalar(a)), Ok(Value::Scalar(b))) => SampleValue::Float(*a).same(&SampleValue::Float(*b)),
        (Ok(Value::Vector(a)), Ok(Value::Vector(b))) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && a.1.same(&b.1))
        }
        (Ok(Value::Matrix(a)), Ok(Value::Matrix(b))) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && point(&a.1, &b.1))
        }
        (a, b) => a == b,
    }
}

/// Returns whether a result of a range is the slow evaluator's. Of several faults either may be reported. And where a
/// subquery fails at a time that is in no step's window, a server fails the whole range; here nobody looks there.
fn same_range(expr: &Expr, got: &Result<Value, Fault>, slow: &Result<Value, Fault>) -> bool {
    let mut between = false;
    expr.walk(&mut |node| between |= matches!(node.kind, ExprKind::Subquery(_)));
    let failed = |got: &Result<Value, Fault>| matches!(got, Err(Fault::Failed(_)));
    same(got, slow) || (failed(slow) && (failed(got) || between))
}

/// Compares an evaluator with the slow one on generated expressions.
pub(crate) fn check(evaluator: &impl Evaluate, seeds: std::ops::Range<u64>) {
    let expression = |random: &mut Random| {
        let depth = random.below(5);
        vector(random, depth)
    };
    let recording = |random: &mut Random| stored(&recording(random));
    check_with((evaluator, &Slow(SERVED)), (recording, expression), |_, _| Starts::new(), seeds);
}

/// Compares an evaluator with the slow one on generated expressions, each on a generated recording, at all steps of a range and at
/// some of them alone.
fn check_with(
    (evaluator, slow): (&impl Evaluate, &Slow),
    (recording, text): (impl Fn(&mut Random) -> Vec<Stored>, impl Fn(&mut Random) -> String),
    starts: impl Fn(&mut Random, &[Stored]) -> Starts,
    seeds: std::ops::Range<u64>,
) {
    let mut wrong = Vec::new();
    for seed in seeds {
        let mut random = Random(seed);
        let data = recording(&mut random);
        let starts = starts(&mut random, &data);
        let (storage, kept) = (evaluator.load(&data, &starts), slow.load(&data, &starts));
        for _ in 0..20 {
            let text = text(&mut random);
            let expr = expression(&text).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            for context in contexts() {
                let (got, wanted) = (evaluator.range(&storage, &expr, context), slow.range(&kept, &expr, context));
                if !matches!(got, Err(Fault::Unsupported(_))) && !same_range(&expr, &got, &wanted) {
                    wrong.push(format!("seed {seed}, {context:?}: {text}\n got {got:?}\nslow {wanted:?}"));
                }
                let at = context.start + random.below(20) as i64 * context.step;
                let (got, wanted) = (evaluator.instant(&storage, &expr, at), slow.instant(&kept, &expr, at));
                if !matches!(got, Err(Fault::Unsupported(_))) && !same(&got, &wanted) {
                    wrong.push(format!("seed {seed}, at {at}: {text}\n got {got:?}\nslow {wanted:?}"));
                }
            }
        }
    }
    wrong.sort_by_key(String::len);
    wrong.truncate(12);
    assert!(wrong.is_empty(), "{} differs from the slow evaluator:\n{}", evaluator.name(), wrong.join("\n"));
}

/// Evaluates a range as Prometheus describes it: one instant after the other.
struct OneByOne;

impl Evaluate for OneByOne {
    type Storage = Vec<Stored>;

    fn name(&self) -> &'static str {
        "instants of the slow evaluator"
    }

    fn load(&self, data: &[Stored], _: &Starts) -> Self::Storage {
        data.to_vec()
    }

    fn instant(&self, storage: &Self::Storage, expr: &Expr, at: i64) -> Result<Value, Fault> {
        instant(storage, expr, at, &SERVED)
    }

    fn range(&self, storage: &Self::Storage, expr: &Expr, context: Context) -> Result<Value, Fault> {
        if reads_context(expr) {
            return Err(Fault::Unsupported("start() and end()".to_owned()));
        }
        // Instants do not know that two series of a function over ranges have one label set at different steps.
        if matches!(crate::slow::range((storage, &Starts::new()), expr, context, &SERVED), Err(Fault::Failed(words)) if words == SAME_LABELS)
        {
            return Err(Fault::Unsupported("series of one label set".to_owned()));
        }
        let mut rows = std::collections::BTreeMap::<_, Vec<(i64, SampleValue)>>::new();
        for at in (0..).map(|at| context.start + at * context.step).take_while(|at| *at <= context.end) {
            let Value::Vector(samples) = self.instant(storage, expr, at)? else { panic!("not a vector") };
            for (labels, value) in samples {
                rows.entry(labels).or_default().push((at, value));
            }
        }
        Ok(Value::Matrix(rows.into_iter().collect()))
    }
}

#[test]
fn a_range_is_its_instants() {
    check(&OneByOne, 0..60);
}

#[test]
fn the_block_evaluator_agrees_with_the_slow_one() {
    check(&Block(SERVED), 1000..1300);
}

#[test]
fn names_that_go_at_the_end_go_as_in_the_slow_evaluator() {
    let options = Options { delayed_names: true, ..SERVED };
    let floats = |random: &mut Random| stored(&recording(random));
    // Prometheus lets several samples of one label set come out of that one.
    let fits = |text: &String| !text.contains("histogram_quantiles");
    let expression = |random: &mut Random| {
        let depth = random.below(4);
        std::iter::repeat_with(|| vector(random, depth)).find(fits).expect("an expression")
    };
    check_with((&Block(options), &Slow(options)), (floats, expression), |_, _| Starts::new(), 4000..4150);
    let with_histograms = |random: &mut Random| {
        let depth = random.below(4);
        std::iter::repeat_with(|| generate_histograms::vector(random, depth)).find(fits).expect("an expression")
    };
    let made = (generate_histograms::recording, with_histograms);
    check_with((&Block(options), &Slow(options)), made, |_, _| Starts::new(), 4150..4250);
}

#[test]
fn start_timestamps_count_as_in_the_slow_evaluator() {
    let floats = |random: &mut Random| stored(&recording(random));
    check_with((&Block(STARTED), &Slow(STARTED)), (floats, generate::started), generate::starts, 3000..3120);
    // Where they do not count, they say nothing.
    check_with((&Block(SERVED), &Slow(SERVED)), (floats, generate::started), generate::starts, 3120..3140);
}

#[test]
fn the_block_evaluator_agrees_with_the_slow_one_on_native_histograms() {
    let expression = |random: &mut Random| {
        let depth = random.below(5);
        generate_histograms::vector(random, depth)
    };
    let made = (generate_histograms::recording, expression);
    check_with((&Block(SERVED), &Slow(SERVED)), made, |_, _| Starts::new(), 3000..3300);
}

#[test]
fn a_query_that_was_asked_before_answers_like_one_that_was_not() {
    let prepare = |expr: &Expr| Query::of(expr, QueryContext::Instant, &query_options(&SERVED));
    let mut wrong = Vec::new();
    for seed in 0..60 {
        let mut random = Random(seed);
        let data = recording(&mut random);
        let mut samples: Vec<_> =
            data.iter().flat_map(|(labels, points)| points.iter().map(move |point| (point, labels))).collect();
        samples.sort_by_key(|((at, _), _)| *at);
        let mut asked: Vec<_> = (0..30)
            .map(|_| {
                let depth = random.below(5);
                let text = vector(&mut random, depth);
                let expr = expression(&text).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
                (text, prepare(&expr), expr)
            })
            .collect();
        let mut store = Store::default();
        store.keep_all();
        for piece in samples.chunks(samples.len().div_ceil(6)) {
            let mut batch = Batch::default();
            for ((at, value), labels) in piece {
                batch.push(store.series(labels), Timestamp(*at), *value, 0);
            }
            store.append(&batch).expect("samples in time order");
            let last = piece[piece.len() - 1].0.0;
            for (text, query, expr) in &mut asked {
                for at in [last, last / 2, last + 90_000].map(Timestamp) {
                    let again =
                        answer(query.as_mut().map_err(|error| error.clone()).and_then(|query| query.at(&store, at)));
                    let first = answer(prepare(expr).and_then(|mut query| query.at(&store, at)));
                    if !same(&again, &first) {
                        wrong.push(format!("seed {seed}, at {at:?}: {text}\nagain {again:?}\nfirst {first:?}"));
                    }
                }
            }
        }
    }
    wrong.sort_by_key(String::len);
    wrong.truncate(12);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_part_of_an_expression_agrees_with_the_slow_evaluator() {
    let (block, mut wrong, mut compared) = (Block(SERVED), Vec::new(), 0);
    for seed in 2000..2200 {
        let mut random = Random(seed);
        let data = stored(&recording(&mut random));
        let store = block.load(&data, &Starts::new());
        for _ in 0..10 {
            let depth = 1 + random.below(4);
            let text = vector(&mut random, depth);
            let expr = expression(&text).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            let Ok(mut nodes) = Nodes::of(&expr, QueryContext::Rule, &query_options(&SERVED)) else { continue };
            let at = random.below(SPAN as usize / 1000) as i64 * 1000;
            let values = nodes.at(&store, Timestamp(at));
            let mut parts = Vec::new();
            expr.walk(&mut |part| parts.push(part));
            assert_eq!(parts.len(), values.len(), "{text}");
            for (part, value) in parts.into_iter().zip(values) {
                let Some(value) = value else { continue };
                assert_eq!(part.span, value.span, "{text}");
                // In a subquery the time of the query is another one than that of the part.
                if value.at.0 != at && reads_context(part) {
                    continue;
                }
                compared += 1;
                let (got, wanted) = (answer(value.value), instant(&data, part, value.at.0, &SERVED));
                if !same(&got, &wanted) {
                    wrong.push(format!("seed {seed}, at {at}: {text}: {part}\n got {got:?}\nslow {wanted:?}"));
                }
            }
        }
    }
    wrong.sort_by_key(String::len);
    wrong.truncate(8);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 5000, "{compared} parts");
}
