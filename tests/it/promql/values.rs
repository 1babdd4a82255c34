//! Exact values: expressions on one large recording, and what Prometheus' engine gives, to the last bit.

use std::collections::BTreeMap;
use std::path::Path;

use alertctl::labels::LabelSet;

use super::evaluators::{Block, Evaluate, SERVED, Slow};
use super::{conformance, needs, run};
use crate::slow::value::floats;
use crate::slow::{Context, Fault, Series, Starts, Value, stored};
use crate::spawn;

/// The range that the values were taken at.
const CONTEXT: Context = Context { start: 1_767_571_213_000, end: 1_767_657_540_000, step: 1_620_000 };
/// The functions whose values the mathematical library decides, which is another one there.
const BY_LIBRARY: [&str; 17] = [
    "^", "atan2(", "exp(", "ln(", "log2(", "log10(", "sin(", "cos(", "tan(", "asin(", "acos(", "atan(", "sinh(",
    "cosh(", "tanh(", "acosh(", "atanh(",
];

/// Returns the recording S by series, if the bench data is there.
fn recording() -> Option<Vec<Series>> {
    let text = std::fs::read_to_string(spawn::recording_s(&spawn::bench()?)).expect("the recording");
    let mut series: BTreeMap<&str, Vec<(i64, f64)>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let (at, rest) = line.split_once(',').expect("a time");
        let (key, value) = rest.rsplit_once(',').expect("a value");
        series.entry(key).or_default().push((at.parse().expect("a time"), value.parse().expect("a number")));
    }
    let labels = |key: &str| LabelSet::new(["__name__", "instance", "job"].into_iter().zip(key.split(',')));
    Some(series.into_iter().map(|(key, points)| (labels(key), points)).collect())
}

/// Returns whether two values are the same: by bits, or nearly where another library decides.
fn same(by_library: bool, a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()) || (by_library && (a - b).abs() <= 1e-12 * a.abs())
}

/// An expression and what it gives.
pub(crate) struct Case(serde_json::Value);

/// Returns the expressions, and the recording that they are evaluated on, if they are there.
pub(crate) fn cases() -> Option<(Vec<Case>, &'static Path)> {
    let folder = conformance("values")?;
    let bench = spawn::bench()?;
    let mut files: Vec<_> = std::fs::read_dir(&folder).expect("a readable folder").flatten().collect();
    files.sort_by_key(std::fs::DirEntry::path);
    let text = |file: &std::fs::DirEntry| std::fs::read_to_string(file.path()).expect("a text");
    let lines = files.iter().map(text).collect::<String>();
    let cases = lines.lines().map(|line| Case(serde_json::from_str(line).expect("a JSON object")));
    Some((cases.collect(), spawn::recording_s(&bench)))
}

impl Case {
    pub(crate) fn text(&self) -> &str {
        self.0["expr"].as_str().expect("an expression")
    }

    /// Returns the series that it gives.
    fn expected(&self) -> BTreeMap<LabelSet, Vec<(i64, f64)>> {
        let series = self.0["series"].as_array().expect("series").iter();
        let point = |point: &serde_json::Value| {
            let value = point[1].as_str().and_then(needs::number).expect("a number");
            (point[0].as_i64().expect("a time"), value)
        };
        let one = |series: &serde_json::Value| {
            (labels(&series["labels"]), series["points"].as_array().expect("points").iter().map(point).collect())
        };
        series.map(one).collect()
    }

    /// Returns in what a result differs, if it does.
    fn difference(&self, got: &BTreeMap<LabelSet, Vec<(i64, f64)>>) -> Option<String> {
        let (text, expected) = (self.text(), self.expected());
        let by_library = BY_LIBRARY.iter().any(|name| text.contains(name));
        if got.keys().ne(expected.keys()) {
            return Some(format!("{text}: series {:?}, expected {:?}", got.keys(), expected.keys()));
        }
        expected.iter().find_map(|(labels, points)| {
            let of = &got[labels];
            let differs = |(a, b): &(&(i64, f64), &(i64, f64))| a.0 != b.0 || !same(by_library, a.1, b.1);
            let first = of.iter().zip(points).find(differs);
            (of.len() != points.len() || first.is_some())
                .then(|| format!("{text}: {labels:?} {} points, expected {}; {first:?}", of.len(), points.len()))
        })
    }

    /// Checks an answer of Prometheus' API.
    pub(crate) fn check(&self, line: &str) {
        let answer: serde_json::Value = serde_json::from_str(line).expect("a JSON object");
        let point = |point: &serde_json::Value| {
            let value = point[1].as_str().and_then(needs::number).expect("a number");
            ((point[0].as_f64().expect("a time") * 1000.0).round() as i64, value)
        };
        let series = answer["data"]["result"].as_array().unwrap_or_else(|| panic!("{}: {line}", self.text()));
        let one = |series: &serde_json::Value| {
            (labels(&series["metric"]), series["values"].as_array().expect("values").iter().map(point).collect())
        };
        assert_eq!(self.difference(&series.iter().map(one).collect()), None);
    }
}

fn labels(labels: &serde_json::Value) -> LabelSet {
    let labels = labels.as_object().expect("labels");
    LabelSet::new(labels.iter().map(|(name, value)| (name, value.as_str().expect("a text"))))
}

#[expect(clippy::print_stdout, reason = "it is what a person reads with --nocapture")]
fn check(evaluator: &impl Evaluate) {
    let Some((cases, _)) = cases() else { return };
    let Some(data) = recording() else { return };
    let storage = evaluator.load(&stored(&data), &Starts::new());
    let mut wrong = Vec::new();
    for case in &cases {
        let expr = run::expression(case.text()).unwrap_or_else(|error| panic!("{error}"));
        match evaluator.range(&storage, &expr, CONTEXT) {
            Ok(Value::Matrix(rows)) => {
                let rows = rows.into_iter().map(|(labels, points)| (labels, floats(points)));
                wrong.extend(case.difference(&rows.collect()));
            }
            Err(Fault::Unsupported(why)) => println!("skipped: {} ({why})", case.text()),
            other => wrong.push(format!("{}: {other:?}", case.text())),
        }
    }
    let compared = cases.len();
    println!("exact values ({}): {compared} expressions compared, {} differ", evaluator.name(), wrong.len());
    assert!(wrong.is_empty(), "{} expressions differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn exact_values_come_from_the_slow_evaluator() {
    check(&Slow(SERVED));
}

#[test]
fn exact_values() {
    check(&Block(SERVED));
}
