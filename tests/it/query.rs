//! `query`: expressions that are evaluated while a recording is read, and what the tool writes of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use alertctl::input::GivenSeries;
use alertctl::outcome::RunOptions;
use alertctl::promql::annotation::Annotated;
use alertctl::promql::ast::Expr;
use alertctl::promql::query::query_set::{Answered, QuerySet};
use alertctl::promql::query::{Query, QueryContext, QueryRange};
use alertctl::replay::{self, Work};
use alertctl::store::Stale;
use alertctl::time::{Millis, Timestamp};

use crate::promql::evaluators::{Block, Evaluate, SERVED, answer, query_options};
use crate::promql::run::expression;
use crate::promql::values;
use crate::props;
use crate::schema::check_outputs;
use crate::slow::generate::{Random, SPAN, recording, vector};
use crate::slow::{Context, Fault, SampleValue, Starts, Stored, Value, stored};
use crate::spawn;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Evaluates while the samples come, a few at a time, and drops those that no later step reaches.
struct Streamed(usize);

impl Streamed {
    fn ask(&self, data: &[Stored], exprs: &[&Expr], context: QueryContext, at: Option<i64>) -> Vec<Answered> {
        let mut queries = QuerySet::new(context, &query_options(&SERVED));
        for expr in exprs {
            if let Err(error) = queries.add(expr) {
                return vec![Answered { result: Err(error), annotations: Vec::new() }];
            }
        }
        let floats = |points: &[(i64, SampleValue)]| -> Vec<(Timestamp, f64)> {
            points.iter().filter_map(|(at, value)| Some((Timestamp(*at), value.float()?))).collect()
        };
        let series = data.iter().map(|(labels, points)| (labels.clone(), floats(points)));
        let mut given = GivenSeries::new(series).in_batches_of(self.0);
        let mut options = RunOptions { retire_at_once: true, ..RunOptions::default() };
        options.stale.set(Some(Stale::Off));
        let answers = replay::query(&queries, at.map(Timestamp), Work::Evaluate, &options, &mut given, &mut ());
        answers.expect("given series can be read").answered
    }
}

fn range(context: Context) -> QueryRange {
    QueryRange::new(Timestamp(context.start), Timestamp(context.end), Millis(context.step)).expect("a range")
}

impl Evaluate for Streamed {
    type Storage = Vec<Stored>;

    fn name(&self) -> &'static str {
        "query on a recording that is read"
    }

    fn load(&self, data: &[Stored], _: &Starts) -> Self::Storage {
        data.to_vec()
    }

    fn instant(&self, storage: &Self::Storage, expr: &Expr, at: i64) -> Result<Value, Fault> {
        let found = self.ask(storage, &[expr], QueryContext::Instant, Some(at)).pop();
        found.map_or(Err(Fault::Unsupported("no samples".to_owned())), |answered| answer(answered.result))
    }

    fn range(&self, storage: &Self::Storage, expr: &Expr, context: Context) -> Result<Value, Fault> {
        let found = self.ask(storage, &[expr], QueryContext::Range(range(context)), None).pop();
        found.map_or(Err(Fault::Unsupported("no samples".to_owned())), |answered| answer(answered.result))
    }
}

#[test]
fn what_is_evaluated_while_reading_agrees_with_the_slow_evaluator() {
    props::check(&Streamed(1), 5000..5020);
    props::check(&Streamed(23), 5020..5050);
}

#[test]
fn many_expressions_give_what_each_gives_alone() {
    for seed in 6000..6020 {
        let mut random = Random(seed);
        let data = stored(&recording(&mut random));
        let texts: Vec<String> = (0..12).map(|depth| vector(&mut random, depth % 5)).collect();
        let exprs: Vec<Expr> = texts.iter().map(|text| expression(text).expect("an expression")).collect();
        let context = Context { start: 127_003, end: SPAN, step: 45_001 };
        let of = |context| Query::of(&exprs[0], context, &query_options(&SERVED)).is_ok();
        let can = |expr: &&Expr| Query::of(expr, QueryContext::Instant, &query_options(&SERVED)).is_ok();
        assert!(of(QueryContext::Instant));
        let exprs: Vec<&Expr> = exprs.iter().filter(can).collect();
        let store = Block(SERVED).load(&data, &Starts::new());
        let together = Streamed(7).ask(&data, &exprs, QueryContext::Range(range(context)), None);
        assert_eq!(together.len(), exprs.len());
        for (expr, together) in exprs.iter().zip(together) {
            let mut alone =
                Query::of(expr, QueryContext::Range(range(context)), &query_options(&SERVED)).expect("a query");
            let result = answer(alone.over(&store, range(context)));
            let Answered { result: found, annotations } = together;
            assert!(props::same(&answer(found), &result), "seed {seed}: {expr}");
            // Blocks are cut where samples come, and so are in another order.
            let told = |list: &[Annotated]| list.iter().map(|one| one.what.to_string()).collect::<BTreeSet<_>>();
            if result.is_ok() {
                assert_eq!(told(&annotations), told(alone.annotations()), "seed {seed}: {expr}");
            }
        }
    }
}

#[test]
fn the_time_of_an_instant_is_that_of_the_last_sample() {
    let mut random = Random(1);
    let data = stored(&recording(&mut random));
    let last = data.iter().flat_map(|(_, points)| points).map(|(at, _)| *at).max().expect("samples");
    for text in
        ["sum(temp)", "rate(temp[5m])", "temp[5m]", "max_over_time(temp[5m])[5m:1m]", "temp offset 3m", "temp @ 0"]
    {
        let expr = expression(text).expect("an expression");
        let by_default = Streamed(3).ask(&data, &[&expr], QueryContext::Instant, None).pop();
        let by_default = by_default.map(|answered| answer(answered.result));
        let store = Block(SERVED).load(&data, &Starts::new());
        assert!(props::same(&by_default.expect("a result"), &Block(SERVED).instant(&store, &expr, last)), "{text}");
    }
}

/// Runs the tool on files of the repository, and returns standard output.
fn stdout(args: &[&str]) -> String {
    let out = spawn::alertctl(args, Path::new(ROOT), None);
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("text")
}

#[test]
fn exact_values_come_through_the_tool() {
    let Some((cases, recording)) = values::cases() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("exprs.txt");
    let exprs: Vec<&str> = cases.iter().map(values::Case::text).collect();
    fs::write(&file, exprs.join("\n")).expect("written");
    let (file, recording) = (file.to_string_lossy(), recording.to_string_lossy());
    let args = [
        ["query", "-q", "--expr-file", &file, &recording, "--stale", "off"].as_slice(),
        &["--start", "2026-01-05T00:00:13Z", "--end", "2026-01-05T23:59:00Z", "--step", "1620s"],
    ]
    .concat();
    let lines = stdout(&args);
    assert_eq!(lines.lines().count(), cases.len());
    for (case, line) in cases.iter().zip(lines.lines()) {
        case.check(line);
    }
}

#[test]
fn json_satisfies_its_schema() {
    let node = "fixtures/node.csv";
    let range = ["--start", "-1h", "--step", "10m"];
    let mut outputs = Vec::new();
    for expr in ["up", "3.5", "\"text\"", "up[5m]", "up == 7", "1 / 0 * up"] {
        outputs.push(stdout(&["query", "-q", expr, node, "-o", "json"]));
    }
    outputs.push(stdout(&[&["query", "-q", "sum(up)", node, "-o", "json"], range.as_slice()].concat()));
    for (expr, code) in [("up[", 2), ("up * on () up", 1)] {
        let out = spawn::alertctl(&["query", "-q", expr, node, "-o", "json"], Path::new(ROOT), None);
        assert_eq!(out.status.code(), Some(code), "{expr}");
        outputs.push(String::from_utf8(out.stdout).expect("text"));
    }
    check_outputs("query", &outputs.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn plans_satisfy_their_schema() {
    let node = "fixtures/node.csv";
    let range = ["--start", "-1h", "--step", "10m"];
    let held = "max_over_time(sum(up)[5m:1m]) + sum(up @ 1767643200) / on () group_right () sum(up)";
    let plan = stdout(&["query", "-q", held, node, "--plan", "-o", "json"]);
    let analyzed = stdout(&[&["query", "-q", held, node, "--analyze", "-o", "json"], range.as_slice()].concat());
    assert!(analyzed.contains("\"held\":[\"2026") && analyzed.contains("\"step_s\":600"), "{analyzed}");
    check_outputs("query-plan", &[&plan, &analyzed]);
}

#[test]
fn csv_is_a_recording() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("busy.csv");
    let text = "sum by (instance) (rate(node_cpu_seconds_total[5m]))";
    let range = ["--start", "-2h", "--step", "5m"];
    let renamed = format!("label_replace({text}, \"__name__\", \"busy\", \"\", \"\")");
    fs::write(
        &file,
        stdout(&[&["query", "-q", &renamed, "fixtures/node.csv", "-o", "csv"], range.as_slice()].concat()),
    )
    .expect("written");
    let json = |expr: &str, recording: &str| {
        stdout(&[&["query", "-q", expr, recording, "-o", "json", "--stale", "off"], range.as_slice()].concat())
    };
    let first = json(&renamed, "fixtures/node.csv");
    assert_eq!(json("busy", &file.to_string_lossy()), first);
}
