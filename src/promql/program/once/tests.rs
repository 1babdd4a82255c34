//! One step at a time tells the same as blocks do.

use proptest::prelude::*;

use super::*;
use crate::promql::ast::{Expr, ExprKind, Type};
use crate::promql::parse::parse;
use crate::promql::plan::{Context, LowerOptions};
use crate::promql::probe::Probe;
use crate::promql::program::{Only, Steps};
use crate::store::{Batch, Conflicts, Hidden, Store, stale_marker};
use crate::time::{Millis, Timestamp};

const MINUTE: i64 = 60_000;

/// Hears of nodes, so that all of them are evaluated by blocks.
struct Heard;

impl Probe for Heard {}

/// Notes what it is shown, and asks for results as the rules of an engine do.
#[derive(Default)]
struct Told {
    lines: Vec<(usize, String)>,
    /// By root: whether its latest result had a sample.
    full: Vec<bool>,
}

fn words(root: &Root<'_>) -> String {
    let row = |row: usize| match root.present[row * root.words] & 1 {
        0 => format!("{} -", root.labels[row]),
        // No two values are shown alike but NaN, whose sign has no meaning.
        _ => format!("{} {:?}", root.labels[row], root.values[row]),
    };
    let rows: Vec<String> = (0..root.labels.len()).map(row).collect();
    format!("{} {:?} {:?} {:?} {:?}", root.scalar, rows, root.failed, root.faults, root.told)
}

impl Sink for Told {
    fn wants_empty(&self, id: RootId) -> bool {
        id.0.is_multiple_of(5) || self.full.get(id.0).copied().unwrap_or(true)
    }

    fn wants_compared(&self, number: u32) -> bool {
        number.is_multiple_of(2)
    }

    fn compared(&mut self, number: u32, root: Root<'_>) {
        let good = |row: &usize| root.present[*row] != 0 && root.failed[0] == 0;
        (0..root.labels.len()).filter(good).for_each(|row| self.compared_value(number, root.values[row]));
    }

    fn compared_value(&mut self, number: u32, value: f64) {
        if self.wants_compared(number) {
            self.lines.push((1000 + number as usize, format!("{value:?}")));
        }
    }

    fn root(&mut self, id: RootId, root: Root<'_>, compared: Option<Root<'_>>) {
        self.lines.push((id.0, format!("{} of {:?}", words(&root), compared.as_ref().map(words))));
        self.full.resize(self.full.len().max(id.0 + 1), true);
        self.full[id.0] = (0..root.labels.len()).any(|row| root.present[row] != 0);
    }
}

/// Expressions that the others are made of.
const LEAVES: [&str; 22] = [
    "a",
    "b",
    "c",
    r#"{x="1"}"#,
    r#"{__name__=~"a|b",x="1"}"#,
    "a offset 1m",
    "b @ 120",
    "rate(a[3m])",
    "max_over_time(b[2m])",
    "last_over_time(a[4m])",
    "quantile_over_time(scalar(c), a[3m])",
    "max_over_time(a[4m:1m])",
    "sum(a)",
    "avg by (x) (b)",
    "topk(1, a)",
    r#"count_values("v", b)"#,
    "absent(c)",
    "vector(time())",
    "vector(scalar(a))",
    "timestamp(c)",
    r#"label_replace(a, "z", "1", "x", ".*")"#,
    "histogram_quantile(0.9, a)",
];

fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(LEAVES.to_vec()).prop_map(str::to_owned);
    leaf.prop_recursive(3, 8, 2, |inner| {
        let number = || prop::sample::select(vec!["0", "1", "3", "7", "9", "NaN"]);
        let compare = prop::sample::select(vec![">", ">=", "<", "<=", "==", "!=", "> bool", "<= bool"]);
        let join = prop::sample::select(vec![
            "+ on (x)",
            "/",
            "* on () group_left ()",
            "- ignoring (x)",
            "> on (x)",
            "== bool on (x)",
            "and",
            "or",
            "unless",
            "unless on ()",
            "and on (x)",
        ]);
        let call = prop::sample::select(vec![
            "abs",
            "sgn",
            "sum",
            "min",
            "count",
            "stddev",
            "avg",
            "group",
            "scalar",
            "absent",
            "sort",
            "sort_desc",
            "ceil",
            "hour",
            "-",
            "timestamp",
        ]);
        let with = prop::sample::select(vec![
            "clamp({}, 2, 8)",
            "clamp({}, 8, scalar(c))",
            "clamp_min({}, 3)",
            "round({}, 2)",
            "quantile(0.5, {})",
            "5 - {}",
            "{} * scalar(b)",
            "2 ^ {}",
        ]);
        prop_oneof![
            4 => (inner.clone(), compare.clone(), number()).prop_map(|(a, op, b)| format!("({a}) {op} {b}")),
            1 => (inner.clone(), compare, number()).prop_map(|(a, op, b)| format!("{b} {op} ({a})")),
            3 => (inner.clone(), join, inner.clone()).prop_map(|(a, op, b)| format!("({a}) {op} ({b})")),
            2 => (call, inner.clone()).prop_map(|(name, a)| format!("{name}({a})")),
            2 => (with, inner).prop_map(|(text, a)| text.replace("{}", &format!("({a})"))),
        ]
    })
}

/// Roots of programs: with each, thresholds of its own.
fn roots() -> impl Strategy<Value = Vec<String>> {
    let numbers = prop::collection::vec((prop::sample::select(vec![">", "<", ">=", "!="]), 0..10), 0..4);
    prop::collection::vec((expression(), numbers), 1..4).prop_map(|roots| {
        let of = |(expression, numbers): (String, Vec<(&str, i32)>)| {
            let thresholds: Vec<String> =
                numbers.iter().map(|(op, number)| format!("({expression}) {op} {number}")).collect();
            thresholds.into_iter().chain([expression])
        };
        roots.into_iter().flat_map(of).collect()
    })
}

/// By series: a value a minute.
fn values() -> impl Strategy<Value = Vec<Vec<Option<f64>>>> {
    let value = prop_oneof![
        3 => Just(None),
        1 => Just(Some(stale_marker())),
        1 => Just(Some(f64::NAN)),
        8 => (0..10).prop_map(|value| Some(f64::from(value))),
    ];
    prop::collection::vec(prop::collection::vec(value, 4..12), 1..6)
}

const SERIES: [(&str, &str, &str); 5] =
    [("a", "x", "1"), ("b", "x", "1"), ("c", "x", ""), ("a", "x", "2"), ("b", "le", "1")];

/// Returns what is compared with a number.
fn compared(expr: &Expr) -> Option<&Expr> {
    let ExprKind::Binary(binary) = &expr.kind else { return None };
    let is_test = binary.op.is_comparison() && !binary.return_bool;
    (is_test && (binary.lhs.ty(), binary.rhs.ty()) == (Type::Vector, Type::Scalar)).then_some(&binary.lhs)
}

fn program(roots: &[String]) -> Program {
    let options = LowerOptions {
        lookback: Millis(2 * MINUTE),
        subquery_step: Millis(MINUTE),
        delayed_names: false,
        start_timestamps: false,
        context: Context::Rule,
        reads_written: false,
    };
    let mut program = Program::new(options);
    for text in roots {
        let parsed = parse(text);
        if parsed.problems.is_empty() && program.add(&parsed.expr).is_ok() {
            compared(&parsed.expr).map(|input| program.compare(input));
        }
    }
    program
}

/// Runs a program by blocks and step by step as series come and go; returns whether both told the same.
fn check(roots: &[String], values: &[Vec<Option<f64>>], by_rows: bool) {
    let mut store = Store::new(Conflicts::Last);
    store.keep_all();
    let rows = store.keep_rows(&Hidden::default());
    let mut lenders = [program(roots), program(roots)];
    lenders.iter_mut().for_each(|program| program.bind(&mut store, &Hidden::default(), None));
    let labels = crate::labels::LabelSet::new([("x", "1")]);
    let mut forks = lenders.each_ref().map(Program::fork);
    let mut told = [Told::default(), Told::default()];
    for minute in 0..12 {
        let at = Timestamp(minute * MINUTE);
        let mut batch = Batch::default();
        for ((metric, name, text), values) in SERIES.iter().zip(values) {
            if let Some(value) = values.get(minute as usize).copied().flatten() {
                let labels = crate::labels::LabelSet::new([("__name__", *metric), (*name, *text)]);
                batch.push(store.series(&labels), at, value, 0);
            }
        }
        store.append(&batch).expect("in order");
        let series = store.find_label_set(&labels).map_or(&[][..], |id| store.series_of(rows, id));
        let only = by_rows.then_some(Only { recorded: series, written: &[] });
        let inputs = Inputs { only, ..Inputs::of(&store) };
        let steps = Steps { slots: &[at], offset: Millis::ZERO };
        let [blocks, once] = &mut lenders;
        if by_rows {
            forks[0].run_on(blocks, &inputs, &steps, &mut Heard, &mut told[0]);
            forks[1].run_on(once, &inputs, &steps, &mut Unheard, &mut told[1]);
        } else {
            blocks.run_probed(&inputs, &steps, &mut Heard, &mut told[0]);
            once.run_probed(&inputs, &steps, &mut Unheard, &mut told[1]);
        }
        let [expected, found] = told.each_mut().map(|told| {
            let mut lines = std::mem::take(&mut told.lines);
            lines.sort();
            lines
        });
        assert_eq!(found, expected, "at {minute}m, {roots:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn one_step_at_a_time_tells_what_blocks_tell(roots in roots(), values in values(), by_rows in any::<bool>()) {
        check(&roots, &values, by_rows);
    }
}
