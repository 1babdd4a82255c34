//! What holds of any expression on any recording.

use alertctl::labels::LabelSet;
use alertctl::promql::ast::{AggregateOp, Expr, ExprKind};

use crate::promql::evaluators::{Block, Evaluate, SERVED, Slow};
use crate::promql::pin::reads_context;
use crate::promql::run::expression;
use crate::slow::generate::{Random, SPAN, recording, vector};
use crate::slow::{Context, Data, Fault, SAME_LABELS, Series, Value, instant};

/// The steps that are compared: on the grid of the samples and off it.
fn contexts() -> [Context; 2] {
    [Context { start: 0, end: SPAN + 600_000, step: 60_000 }, Context { start: 127_003, end: SPAN, step: 45_001 }]
}

/// Tells whether two results are the same: label sets, times, values by bits (any NaN is any NaN), the words of faults.
pub(crate) fn same(a: &Result<Value, Fault>, b: &Result<Value, Fault>) -> bool {
    let float = |a: f64, b: f64| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
    let point = |a: &[(i64, f64)], b: &[(i64, f64)]| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && float(a.1, b.1))
    };
    match (a, b) {
        (Ok(Value::Scalar(a)), Ok(Value::Scalar(b))) => float(*a, *b),
        (Ok(Value::Vector(a)), Ok(Value::Vector(b))) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && float(a.1, b.1))
        }
        (Ok(Value::Matrix(a)), Ok(Value::Matrix(b))) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && point(&a.1, &b.1))
        }
        (a, b) => a == b,
    }
}

/// Tells whether two results of one step are the same. Where the expression orders its result the values come in that
/// order; which of two equal values comes first is left open, as the order of all other results is.
fn same_instant(expr: &Expr, a: &Result<Value, Fault>, b: &Result<Value, Fault>) -> bool {
    let (Ok(Value::Vector(a)), Ok(Value::Vector(b))) = (a, b) else { return same(a, b) || same_duplicates(expr, a, b) };
    let sorted = |samples: &[(LabelSet, f64)]| {
        let mut samples = samples.to_vec();
        samples.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(Value::Vector(samples))
    };
    let ordered = match &expr.unparen().kind {
        ExprKind::Call { function, .. } => function.name.starts_with("sort"),
        ExprKind::Aggregate(aggregate) => {
            aggregate.grouping.is_none() && matches!(aggregate.op, AggregateOp::TopK | AggregateOp::BottomK)
        }
        _ => false,
    };
    let values = |samples: &[(LabelSet, f64)]| {
        Ok(Value::Matrix(vec![(LabelSet::empty(), samples.iter().map(|(_, value)| (0, *value)).collect())]))
    };
    same(&sorted(a), &sorted(b)) && (!ordered || same(&values(a), &values(b)))
}

/// Tells whether both fail for duplicates on one side of an operator. Which of them are named depends on an order that
/// sorting and ranking functions leave open.
fn same_duplicates(expr: &Expr, a: &Result<Value, Fault>, b: &Result<Value, Fault>) -> bool {
    let duplicates = |result: &Result<Value, Fault>| matches!(result, Err(Fault::Failed(words)) if words.starts_with("found duplicate series for the match group"));
    reorders(expr) && duplicates(a) && duplicates(b)
}

/// Tells whether a result of a range is the slow evaluator's. Of several faults either may be told. And where two series
/// of a window function get one label set at different steps a server fails the whole range; rules know only steps.
fn same_range(got: &Result<Value, Fault>, slow: &Result<Value, Fault>) -> bool {
    let merged = |slow: &Result<Value, Fault>| matches!(slow, Err(Fault::Failed(words)) if words == SAME_LABELS);
    let failed = |got: &Result<Value, Fault>| matches!(got, Err(Fault::Failed(_)));
    same(got, slow) || (failed(got) && failed(slow)) || merged(slow)
}

/// Compares an evaluator with the slow one on generated expressions, each on a generated recording, at all steps of a
/// range and at some of them alone.
pub(crate) fn check(evaluator: &impl Evaluate, seeds: std::ops::Range<u64>, skip: fn(&Expr) -> bool) {
    let slow = Slow(SERVED);
    let mut wrong = Vec::new();
    for seed in seeds {
        let mut random = Random(seed);
        let data = recording(&mut random);
        let (storage, kept) = (evaluator.load(&data), slow.load(&data));
        for _ in 0..20 {
            let depth = random.below(5);
            let text = vector(&mut random, depth);
            let expr = expression(&text).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            if skip(&expr) {
                continue;
            }
            for context in contexts() {
                let (got, wanted) = (evaluator.range(&storage, &expr, context), slow.range(&kept, &expr, context));
                if !matches!(got, Err(Fault::Unsupported(_))) && !same_range(&got, &wanted) {
                    wrong.push(format!("seed {seed}, {context:?}: {text}\n got {got:?}\nslow {wanted:?}"));
                }
                let at = context.start + random.below(20) as i64 * context.step;
                let (got, wanted) = (evaluator.instant(&storage, &expr, at), slow.instant(&kept, &expr, at));
                if !matches!(got, Err(Fault::Unsupported(_))) && !same_instant(&expr, &got, &wanted) {
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
    type Storage = Vec<Series>;

    fn name(&self) -> &'static str {
        "instants of the slow evaluator"
    }

    fn load(&self, data: &Data) -> Self::Storage {
        data.to_vec()
    }

    fn instant(&self, storage: &Self::Storage, expr: &Expr, at: i64) -> Result<Value, Fault> {
        instant(storage, expr, at, &SERVED)
    }

    fn range(&self, storage: &Self::Storage, expr: &Expr, context: Context) -> Result<Value, Fault> {
        if reads_context(expr) {
            return Err(Fault::Unsupported("start() and end()".to_owned()));
        }
        let mut rows = std::collections::BTreeMap::<_, Vec<(i64, f64)>>::new();
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
    check(&OneByOne, 0..60, |_| false);
}

/// Tells whether the block evaluator is known to answer otherwise. Each line is a fault of it, and goes when it does:
/// `absent_over_time` of series that differ by name only fails; `@ start()` and `@ end()` in a subquery mean its steps
/// rather than the query's; the groups of an aggregation stand in the order of their first series, not of the first that
/// is present at the step, which shows wherever something folds, ranks or names them (rarely, so do rows that a function
/// merges when it drops their names); a `sort` inside an expression orders nothing.
pub(crate) fn known_to_differ(expr: &Expr) -> bool {
    let mut known = false;
    expr.walk(&mut |node| {
        known |= match &node.kind {
            ExprKind::Aggregate(aggregate) => reorders(&aggregate.expr),
            ExprKind::Binary(binary) => reorders(&binary.lhs) || reorders(&binary.rhs),
            _ => false,
        };
    });
    known
}

/// Tells whether there is an aggregation or a sorting function in an expression.
fn reorders(expr: &Expr) -> bool {
    let mut found = false;
    expr.walk(&mut |node| {
        found |= match &node.kind {
            ExprKind::Aggregate(_) => true,
            ExprKind::Call { function, .. } => function.name.starts_with("sort"),
            _ => false,
        };
    });
    found
}

#[test]
fn the_block_evaluator_agrees_with_the_slow_one() {
    check(&Block(SERVED), 1000..1150, known_to_differ);
}
