//! A file of one's own targets: a YAML mapping of check ids to values with units.

use serde_yaml::Value;
use thiserror::Error;

use super::sample::time_unit_ns;
use super::targets::{ALL_LATENCIES, CHECKS, LATENCIES, Op, REGRESSION, Target, Targets};
use crate::diagnostic::nearest;

/// Says what is wrong with a file of targets, a line a problem.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}", .0.join("\n"))]
pub struct TargetsError(pub Vec<String>);

impl Targets {
    /// Reads a YAML mapping of check ids to targets; those that it leaves out keep theirs.
    ///
    /// A target is a number in the check's unit, a text with a unit (`80 us`, `"> 20k events/s"`), or
    /// `{target: .., exponent: ..}`.
    ///
    /// # Errors
    /// Everything that is wrong with it: ids that do not exist, with the nearest ones, and values that are no target.
    pub fn read(text: &str) -> Result<Self, TargetsError> {
        let value: Value =
            serde_yaml::from_str(text).map_err(|error| TargetsError(vec![format!("no YAML: {error}")]))?;
        let Value::Mapping(entries) = value else {
            let form = "expected a mapping of checks to targets, such as `latency.p50: 80 us`";
            return Err(TargetsError(vec![form.to_owned()]));
        };
        let (mut targets, mut problems) = (Self::default(), Vec::new());
        for (key, value) in entries {
            let Value::String(id) = key else {
                problems.push(format!("expected the id of a check, found {}", shown(&key)));
                continue;
            };
            if let Err(problem) = targets.set(&id, &value) {
                problems.push(problem);
            }
        }
        if problems.is_empty() { Ok(targets) } else { Err(TargetsError(problems)) }
    }

    fn set(&mut self, id: &str, value: &Value) -> Result<(), String> {
        let Some(target) = self.0.iter_mut().find(|target| target.id == id) else {
            let ids = || CHECKS.iter().map(|check| check.id);
            let near = nearest(id, ids());
            let list = if near.is_empty() { ids().collect() } else { near };
            let word = if list.len() < CHECKS.len() { "near" } else { "the checks are" };
            return Err(format!("there is no check `{id}`; {word}: {}", list.join(", ")));
        };
        match id {
            ALL_LATENCIES => return Err(format!("`{id}` follows from {}: set those", LATENCIES.join(", "))),
            REGRESSION => return Err(format!("`{id}` is set by --max-slowdown")),
            _ => {}
        }
        let Value::Mapping(fields) = value else {
            target.target = amount(target, value)?;
            return Ok(());
        };
        for (key, value) in fields {
            match (key.as_str(), target.exponent) {
                (Some("target"), _) => target.target = amount(target, value)?,
                (Some("exponent"), Some(_)) => match value.as_f64().filter(|exponent| *exponent > 0.0) {
                    Some(exponent) => target.exponent = Some(exponent),
                    None => return Err(format!("`{id}`: expected an exponent such as 1.1, found {}", shown(value))),
                },
                (Some("exponent"), None) => return Err(format!("`{id}` does not grow: it takes no exponent")),
                _ => return Err(format!("`{id}`: expected `target` or `exponent`, found {}", shown(key))),
            }
        }
        Ok(())
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text:?}"),
        Value::Number(number) => number.to_string(),
        Value::Bool(bool) => bool.to_string(),
        Value::Null => "nothing".to_owned(),
        Value::Sequence(_) => "a list".to_owned(),
        Value::Mapping(_) | Value::Tagged(_) => "a mapping".to_owned(),
    }
}

/// Reads a target, in the check's unit.
fn amount(target: &Target, value: &Value) -> Result<f64, String> {
    let wrong = || {
        format!(
            "`{}`: expected a number of {} such as {}, found {}",
            target.id,
            target.unit,
            target.target,
            shown(value)
        )
    };
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => {
            let text = text.trim();
            let bound = text.trim_start_matches(['<', '>', '=']);
            let operator = &text[..text.len() - bound.len()];
            if !matches!(
                (operator, target.op),
                ("", _) | ("<" | "<=", Op::Less | Op::AtMost) | (">" | ">=", Op::Greater)
            ) {
                return Err(format!("`{}` is good when {} its target, found {text:?}", target.id, target.op.symbol()));
            }
            let bound = bound.trim();
            let digits = bound.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(bound.len());
            let (number, unit) = bound.split_at(digits);
            let factor = factor(unit.trim(), target.unit).ok_or_else(wrong)?;
            number.parse::<f64>().ok().map(|number| number * factor)
        }
        _ => None,
    };
    number.filter(|number| number.is_finite() && *number > 0.0).ok_or_else(wrong)
}

/// Returns how many of the check's unit one of the written unit is.
fn factor(written: &str, unit: &str) -> Option<f64> {
    if written.is_empty() || written == unit {
        return Some(1.0);
    }
    let ascii = written.replace(['\u{b5}', '\u{3bc}'], "u");
    if let Some(of) = time_unit_ns(unit).filter(|_| !unit.contains('/')) {
        return time_unit_ns(&ascii).filter(|_| !ascii.contains('/')).map(|ns| ns / of);
    }
    match (unit, written) {
        ("bytes", "B") | ("events/s", "/s") => Some(1.0),
        ("bytes", "kB" | "KB") | ("events/s", "k events/s" | "k/s" | "K/s" | "k" | "K") => Some(1e3),
        ("bytes", "MB") | ("events/s", "M events/s" | "M/s" | "M") => Some(1e6),
        ("bytes", "KiB") => Some(1024.0),
        ("bytes", "MiB") => Some(1_048_576.0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_targets_replace_those_of_the_report() {
        let text = "latency.p50: 80\nlatency.p99: < 0.5 ms\nthroughput.rules10: '> 20k events/s'\nmemory.rules1000: {target: 600 kB, exponent: 1.05}\n";
        let targets = Targets::read(text).expect("a good file");
        let value = |id| targets.get(id).map(|target| target.target);
        assert_eq!(value("latency.p50"), Some(80.0));
        assert_eq!(value("latency.p95"), Some(500.0));
        assert_eq!(value("latency.p99"), Some(500.0));
        assert_eq!(value("throughput.rules10"), Some(20_000.0));
        assert_eq!(value("memory.rules1000"), Some(600_000.0));
        assert_eq!(targets.get("memory.rules1000").and_then(|target| target.exponent), Some(1.05));
    }

    #[test]
    fn all_that_is_wrong_is_told() {
        let check = |text: &str, expected: &str| {
            assert_eq!(Targets::read(text).expect_err("a bad file").to_string(), expected);
        };
        check("latency.p90: 1", "there is no check `latency.p90`; near: latency.p50, latency.p95, latency.p99");
        check(
            "zzz: 1\nlatency.p50: fast",
            "there is no check `zzz`; the checks are: latency.p50, latency.p95, latency.p99, latency.all, \
             throughput.no_rules, throughput.rules10, health_score.p50, condition.p99, extraction.100k, memory.rule1, \
             memory.rules1000, memory.alerts100, regression\n\
             `latency.p50`: expected a number of us such as 100, found \"fast\"",
        );
        check("latency.p50: 3 MB", "`latency.p50`: expected a number of us such as 100, found \"3 MB\"");
        check("latency.p50: -3", "`latency.p50`: expected a number of us such as 100, found -3");
        check("latency.p50: '> 3'", "`latency.p50` is good when < its target, found \"> 3\"");
        check("latency.p50: {exponent: 2}", "`latency.p50` does not grow: it takes no exponent");
        check("latency.all: 2", "`latency.all` follows from latency.p50, latency.p95, latency.p99: set those");
        check("regression: 2", "`regression` is set by --max-slowdown");
        check("- 1", "expected a mapping of checks to targets, such as `latency.p50: 80 us`");
    }
}
