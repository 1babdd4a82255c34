//! The file of a baseline: versioned JSON with sorted keys, the same bytes whenever it is saved again.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde_json::Value;
use serde_json::error::Category;
use thiserror::Error;

use super::fields::{Fields, Wrong, count};
use super::histogram::Latencies;
use super::sample::{
    Better, Calibration, Inputs, Kind, Machine, Measurement, Metric, PerProcess, Plan, Pooled, RuleText, Session, Tool,
};
use crate::limits;

/// The schema that is written, and whose major version is read.
pub const SCHEMA: &str = "alertctl.baseline/1";
/// The schema without its version.
const FAMILY: &str = "alertctl.baseline/";
/// Collections that are deeper stand on one line, so that a metric is a line.
const OPEN_DEPTH: usize = 4;

/// Says why a file is no baseline.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BaselineError {
    /// It ends in the middle.
    #[error("the baseline is cut off at line {line}; save it again with --save-baseline")]
    Truncated {
        /// The last line, from 1.
        line: usize,
    },
    /// It is not JSON.
    #[error("the baseline is not JSON: {message}")]
    Syntax {
        /// What the reader says, line and column included.
        message: String,
    },
    /// It is longer than any that is written.
    #[error("the baseline is {bytes} bytes, over the limit of {}", limits::BASELINE_BYTES)]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// It is JSON of another kind or another major version.
    #[error("expected a baseline with \"schema\": \"{SCHEMA}\", found {found}")]
    Schema {
        /// What stands there.
        found: String,
    },
    /// A field is not what it should be.
    #[error("the baseline is damaged at {0}")]
    Wrong(#[from] Wrong),
}

/// Reads a baseline.
///
/// # Errors
/// When the text is not a whole and consistent baseline of this major version.
pub fn read(text: &[u8]) -> Result<Measurement, BaselineError> {
    if text.len() > limits::BASELINE_BYTES {
        return Err(BaselineError::TooLong { bytes: text.len() });
    }
    let value: Value = serde_json::from_slice(text).map_err(|error| match error.classify() {
        Category::Eof => BaselineError::Truncated { line: error.line() },
        _ => BaselineError::Syntax { message: error.to_string() },
    })?;
    let schema = value.get("schema").cloned();
    let schema = match schema {
        Some(Value::String(schema)) => schema,
        None => return Err(BaselineError::Schema { found: "no schema".to_owned() }),
        Some(other) => return Err(BaselineError::Schema { found: other.to_string() }),
    };
    let major = schema.strip_prefix(FAMILY).and_then(|version| version.split('.').next());
    if major != SCHEMA.strip_prefix(FAMILY) {
        return Err(BaselineError::Schema { found: format!("{schema:?}") });
    }
    Ok(measurement(value)?)
}

/// Writes a baseline: sorted keys, one metric a line.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, measurement: &Measurement) -> io::Result<()> {
    let mut value = serde_json::to_value(measurement).map_err(io::Error::from)?;
    value.sort_all_objects();
    write_value(out, &value, 0)?;
    out.write_all(b"\n")
}

fn write_value(out: &mut dyn Write, value: &Value, depth: usize) -> io::Result<()> {
    let short = |value: &Value| !value.is_array() && !value.is_object();
    match value {
        Value::Object(map) if depth < OPEN_DEPTH && !map.is_empty() => {
            let entries = map.iter().map(|(key, value)| (Some(key), value));
            write_lines(out, ('{', '}'), entries, depth)
        }
        Value::Array(items) if depth < OPEN_DEPTH && !items.iter().all(short) => {
            write_lines(out, ('[', ']'), items.iter().map(|item| (None, item)), depth)
        }
        other => serde_json::to_writer(out, other).map_err(io::Error::from),
    }
}

fn write_lines<'a>(
    out: &mut dyn Write,
    ends: (char, char),
    entries: impl Iterator<Item = (Option<&'a String>, &'a Value)>,
    depth: usize,
) -> io::Result<()> {
    write!(out, "{}", ends.0)?;
    for (at, (key, value)) in entries.enumerate() {
        write!(out, "{}\n{:2$}", if at > 0 { "," } else { "" }, "", depth + 1)?;
        if let Some(key) = key {
            serde_json::to_writer(&mut *out, key).map_err(io::Error::from)?;
            out.write_all(b": ")?;
        }
        write_value(out, value, depth + 1)?;
    }
    write!(out, "\n{:2$}{}", "", ends.1, depth)
}

fn measurement(value: Value) -> Result<Measurement, Wrong> {
    let mut fields = Fields::of("", value)?;
    let rules = fields.list("rules")?.into_iter().map(rule).collect::<Result<Vec<_>, _>>()?;
    let sessions = fields.list("sessions")?;
    if sessions.is_empty() {
        return Err(Wrong::new("sessions", "at least one session", "none"));
    }
    let measurement = Measurement {
        schema: fields.text("schema")?,
        created: fields.text("created")?,
        tool: tool(fields.object("tool")?)?,
        inputs: inputs(fields.object("inputs")?)?,
        machine: machine(fields.object("machine")?)?,
        plan: plan(fields.object("plan")?)?,
        sessions: sessions.into_iter().map(|item| session(item, rules.len())).collect::<Result<_, _>>()?,
        rules,
        unknown: fields.rest(),
    };
    Ok(measurement)
}

fn tool(mut fields: Fields) -> Result<Tool, Wrong> {
    Ok(Tool {
        version: fields.text("version")?,
        git: fields.maybe_text("git")?,
        binary_sha256: fields.text("binary_sha256")?,
        rustc: fields.text("rustc")?,
        opt: fields.text("opt")?,
        features: fields.texts("features")?,
        unknown: fields.rest(),
    })
}

fn inputs(mut fields: Fields) -> Result<Inputs, Wrong> {
    Ok(Inputs {
        rules_sha256: fields.text("rules_sha256")?,
        rules: fields.count("rules")?,
        data_sha256: fields.text("data_sha256")?,
        series: fields.count("series")?,
        samples: fields.count("samples")?,
        span_ms: milliseconds(&mut fields, "span_ms")?,
        counting: fields.maybe_count("counting")?,
        unknown: fields.rest(),
    })
}

/// Reads a span of time; none is 0.
fn milliseconds(fields: &mut Fields, key: &str) -> Result<i64, Wrong> {
    Ok(fields.maybe_count(key)?.and_then(|span| i64::try_from(span).ok()).unwrap_or(0))
}

fn machine(mut fields: Fields) -> Result<Machine, Wrong> {
    Ok(Machine {
        fingerprint: fields.text("fingerprint")?,
        cpu_model: fields.text("cpu_model")?,
        vcpus: fields.count("vcpus")?,
        virt: fields.text("virt")?,
        kernel: fields.text("kernel")?,
        os: fields.text("os")?,
        cpu_quota: fields.maybe_number("cpu_quota")?,
        clocksource: fields.text("clocksource")?,
        timer_grain_ns: fields.number("timer_grain_ns")?,
        timer_cost_ns: fields.number("timer_cost_ns")?,
        unknown: fields.rest(),
    })
}

fn plan(mut fields: Fields) -> Result<Plan, Wrong> {
    let iters = fields.entries("iters")?.into_iter();
    let id_path = fields.path("id");
    let plan = Plan {
        id: fields.text("id")?,
        processes: fields.count("processes")?,
        rounds: fields.count("rounds")?,
        batch_us: fields.count("batch_us")?,
        iters: iters.map(|(path, name, value)| Ok((name, count(&path, &value)?))).collect::<Result<_, Wrong>>()?,
        warmup_rounds: fields.count("warmup_rounds")?,
        allocator: fields.text("allocator")?,
        unknown: fields.rest(),
    };
    let digest = plan.digest();
    if plan.id != digest {
        return Err(Wrong::new(id_path, format!("the digest of the plan, {digest}"), format!("{:?}", plan.id)));
    }
    Ok(plan)
}

fn rule((path, value): (String, Value)) -> Result<RuleText, Wrong> {
    let mut fields = Fields::of(path, value)?;
    let file = fields.text("file")?;
    let line_path = fields.path("line");
    let line = fields.count("line")?;
    let labels = match (fields.path("labels"), fields.take("labels")) {
        (_, None) => Vec::new(),
        (path, Some(value)) => {
            serde_json::from_value(value).map_err(|_| Wrong::new(path, "a list of pairs of texts", "something else"))?
        }
    };
    Ok(RuleText {
        path: file.clone(),
        file,
        group: fields.text("group")?,
        name: fields.text("name")?,
        records: fields.take("records").and_then(|value| value.as_bool()).unwrap_or_default(),
        labels,
        expr: fields.text("expr")?,
        every: fields.maybe_text("every")?.unwrap_or_default(),
        interval_ms: fields.maybe_count("interval_ms")?.and_then(|interval| i64::try_from(interval).ok()),
        terms: fields.maybe_text("terms")?.unwrap_or_default(),
        reach_ms: milliseconds(&mut fields, "reach_ms")?,
        enabled: true,
        line: u32::try_from(line).map_err(|_| Wrong::new(line_path, "a line number", line.to_string()))?,
        unknown: fields.rest(),
    })
}

fn session((path, value): (String, Value), rules: usize) -> Result<Session, Wrong> {
    let mut fields = Fields::of(path, value)?;
    let calibration = fields.entries("calibration")?.into_iter().map(|(path, name, value)| {
        let mut fields = Fields::of(path, value)?;
        let (p10, spread) = (fields.number("p10")?, fields.number("spread")?);
        Ok((name, Calibration { p10, spread, unknown: fields.rest() }))
    });
    let calibration = calibration.collect::<Result<_, Wrong>>()?;
    let mut seen = BTreeSet::new();
    let mut metrics = Vec::new();
    for (path, value) in fields.list("metrics")? {
        let metric = metric(&path, value, rules)?;
        if !seen.insert((metric.id.clone(), metric.rule)) {
            return Err(Wrong::new(path, "every metric once per session", format!("{:?} again", metric.id)));
        }
        metrics.push(metric);
    }
    Ok(Session {
        start: fields.text("start")?,
        load1: fields.number("load1")?,
        steal_ticks: fields.count("steal_ticks")?,
        throttled_ns: fields.count("throttled_ns")?,
        calibration,
        metrics,
        unknown: fields.rest(),
    })
}

fn metric(path: &str, value: Value, rules: usize) -> Result<Metric, Wrong> {
    let mut fields = Fields::of(path, value)?;
    let rule = fields.maybe_count("rule")?.map(|rule| rule as usize);
    if let Some(rule) = rule.filter(|rule| *rule >= rules) {
        return Err(Wrong::new(fields.path("rule"), format!("the place of one of {rules} rules"), rule.to_string()));
    }
    let better = match fields.text("better")?.as_str() {
        "lower" => Better::Lower,
        "higher" => Better::Higher,
        other => return Err(Wrong::new(fields.path("better"), "`lower` or `higher`", format!("{other:?}"))),
    };
    let kind = fields.text("kind")?;
    let Some((kind, _)) = Kind::ALL.into_iter().find(|(_, word)| *word == kind) else {
        return Err(Wrong::new(fields.path("kind"), "time, rate, bytes, count or samples", format!("{kind:?}")));
    };
    let hist = fields.maybe_text("hist")?;
    if let Some(Err(error)) = hist.as_deref().map(Latencies::from_text) {
        return Err(Wrong::new(fields.path("hist"), "a histogram in base64", error.to_string()));
    }
    let nivcsw = if let Some(value) = fields.take("nivcsw") {
        let path = fields.path("nivcsw");
        let Value::Array(items) = value else { return Err(Wrong::new(path, "a list", "something else")) };
        items.iter().map(|item| count(&path, item)).collect::<Result<_, _>>()?
    } else {
        Vec::new()
    };
    let (samples_path, samples) = (fields.path("samples"), fields.maybe_lists("samples")?);
    let per_process = per_process(fields.object("per_process")?)?;
    let lengths: Vec<u64> = samples.iter().map(|batches| batches.len() as u64).collect();
    if !samples.is_empty() && lengths != per_process.n {
        let expected = format!("as many batches as in per_process.n, {:?}", per_process.n);
        return Err(Wrong::new(samples_path, expected, format!("{lengths:?}")));
    }
    Ok(Metric {
        id: fields.text("id")?,
        rule,
        unit: fields.text("unit")?,
        better,
        kind,
        ops: fields.maybe_count("ops")?.unwrap_or(1),
        per_process,
        pooled: pooled(fields.object("pooled")?)?,
        hist,
        nivcsw,
        samples,
        unknown: fields.rest(),
    })
}

fn per_process(mut fields: Fields) -> Result<PerProcess, Wrong> {
    let p10 = fields.numbers("p10")?;
    if p10.is_empty() {
        return Err(Wrong::new(fields.path("p10"), "one value per process", "none"));
    }
    let (median, min, n) = (fields.numbers("median")?, fields.numbers("min")?, fields.counts("n")?);
    for (key, length) in [("median", median.len()), ("min", min.len()), ("n", n.len())] {
        if length != p10.len() {
            let expected = format!("{} values, as many as in p10", p10.len());
            return Err(Wrong::new(fields.path(key), expected, length.to_string()));
        }
    }
    Ok(PerProcess { p10, median, min, n, unknown: fields.rest() })
}

fn pooled(mut fields: Fields) -> Result<Pooled, Wrong> {
    Ok(Pooled {
        p10: fields.number("p10")?,
        p25: fields.number("p25")?,
        median: fields.number("median")?,
        min: fields.number("min")?,
        n: fields.count("n")?,
        unknown: fields.rest(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::testing;

    fn text(measurement: &Measurement) -> String {
        let mut out = Vec::new();
        write(&mut out, measurement).expect("a vector takes all");
        String::from_utf8(out).expect("JSON is UTF-8")
    }

    #[test]
    fn saving_again_gives_the_same_bytes() {
        let first = text(&testing::measurement());
        let again = read(first.as_bytes()).expect("it was written here");
        assert_eq!(text(&again), first);
        assert_eq!(again, testing::measurement());
    }

    #[test]
    fn a_metric_is_a_line_and_keys_are_sorted() {
        let text = text(&testing::measurement());
        let line = text.lines().find(|line| line.contains("\"cond.above.ns\"") && line.contains("pooled"));
        insta::assert_snapshot!(line.unwrap_or_default().trim(), @r#"{"better":"lower","id":"cond.above.ns","kind":"time","per_process":{"median":[12.0,12.0,12.0,12.0,12.0],"min":[11.0,11.0,11.0,11.0,11.0],"n":[3,3,3,3,3],"p10":[11.2,11.2,11.2,11.2,11.2]},"pooled":{"median":12.0,"min":11.0,"n":15,"p10":11.0,"p25":11.0},"unit":"ns"},"#);
    }

    #[test]
    fn fields_of_a_later_version_are_kept() {
        let with = |text: String| {
            text.replacen("\"created\"", "\"aaa\": {\"z\": [1, 2.5], \"a\": null},\n \"created\"", 1)
                .replacen("\"cpu_model\"", "\"cache_kib\": 512, \"cpu_model\"", 1)
                .replacen("{\"better\"", "{\"later\":\"x\",\"better\"", 1)
                .replacen("\"per_process\":{", "\"per_process\":{\"max\":[9.0],", 1)
                .replacen("\"pooled\":{", "\"pooled\":{\"p75\":13.0,", 1)
        };
        let once = text(&read(with(text(&testing::measurement())).as_bytes()).expect("only keys were added"));
        for kept in [
            "\"aaa\": {\n  \"a\": null,\n  \"z\": [1,2.5]",
            "\"cache_kib\": 512",
            "\"later\":\"x\"",
            "\"max\":[9.0]",
            "\"p75\":13.0",
        ] {
            assert!(once.contains(kept), "{kept} in {once}");
        }
        assert_eq!(text(&read(once.as_bytes()).expect("it was written here")), once);
    }

    #[test]
    fn batches_are_kept_where_they_are_asked_for() {
        let mut kept = testing::measurement();
        kept.sessions[0].metrics[0].samples = vec![vec![11.0, 12.5, 13.0]; 5];
        let once = text(&kept);
        assert!(once.contains("\"samples\":[[11.0,12.5,13.0],[11.0"), "{once}");
        assert_eq!(read(once.as_bytes()).expect("it was written here"), kept);
        let error = read(once.replacen("[[11.0,", "[[", 1).as_bytes()).expect_err("a batch is missing").to_string();
        assert!(error.contains("metrics[0].samples: expected as many batches as in per_process.n"), "{error}");
        kept.forget_samples();
        assert_eq!(kept, testing::measurement());
    }

    #[test]
    fn a_damaged_file_is_told_with_its_place() {
        let whole = text(&testing::measurement());
        let check = |from: &str, to: &str, expected: &str| {
            assert!(whole.contains(from), "{from} is not in {whole}");
            let error = read(whole.replacen(from, to, 1).as_bytes()).expect_err("damaged").to_string();
            assert!(error.contains(expected), "{error} lacks {expected}");
        };
        check(
            "\"p10\":[11.2,",
            "\"p10\":[-1,",
            "sessions[0].metrics[0].per_process.p10[0]: expected a number of at least 0, found -1",
        );
        check("\"p10\":[11.2,", "\"p10\":[", "per_process.median: expected 4 values, as many as in p10, found 5");
        check("\"kind\":\"time\"", "\"kind\":\"tide\"", "expected time, rate, bytes, count or samples, found \"tide\"");
        check("\"unit\":\"ns\"", "\"unit\":7", "sessions[0].metrics[0].unit: expected a text, found 7");
        check("\"rule\":0", "\"rule\":9", "rule: expected the place of one of 2 rules, found 9");
        check("\"rounds\": 3", "\"rounds\": 4", "plan.id: expected the digest of the plan");
        check("\"created\"", "\"crated\"", "created: expected a text, found nothing");
        check(
            "baseline/1\"",
            "baseline/2\"",
            "expected a baseline with \"schema\": \"alertctl.baseline/1\", found \"alertctl.baseline/2\"",
        );
        check("\"hist\":\"", "\"hist\":\"AAAA", "hist: expected a histogram in base64");
        check("\"id\":\"latency.p50\"", "\"id\":\"cond.above.ns\"", "expected every metric once per session");
    }

    #[test]
    fn what_is_no_baseline_is_reported() {
        let check = |text: &str, expected: &str| {
            let error = read(text.as_bytes()).expect_err("no baseline").to_string();
            assert!(error.contains(expected), "{error}");
        };
        let whole = text(&testing::measurement());
        check(&whole[..whole.len() / 2], "is cut off at line");
        check("", "is cut off at line");
        check("rules:\n", "not JSON");
        check("{}", "found no schema");
        check("[1]", "found no schema");
        check("{\"schema\":7}", "found 7");
        check("{\"schema\":\"alertctl.eval/1\"}", "found \"alertctl.eval/1\"");
        check("{\"schema\":\"alertctl.baseline/1\"}", "rules: expected a list, found nothing");
    }

    #[test]
    fn a_minor_version_is_read_and_kept() {
        let later = text(&testing::measurement()).replacen("baseline/1\"", "baseline/1.4\"", 1);
        assert_eq!(text(&read(later.as_bytes()).expect("same major version")), later);
    }
}
