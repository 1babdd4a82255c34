//! A file of targets that replace those of the report: a YAML mapping of check ids to values with units.

use super::max_costs::{MaxCosts, number_of};
use super::rule_bench::{RULE_SAMPLES_PER_S, RULE_SERIES, RUN_SAMPLES_PER_S, RUN_SERIES};
use super::sample::time_unit_ns;
use super::targets::{ALL_LATENCIES, LATENCIES, Op, REGRESSION, Target, Targets};
use crate::diagnostic::{Diagnostics, codes};
use crate::source::SourceMap;
use crate::yaml::fields::{Field, Fields, shown};
use crate::yaml::problems::Problems;
use crate::yaml::scalar::Scalar;
use crate::yaml::{self, Content, Node};

impl Targets {
    /// Reads a YAML mapping of check ids to targets and adds its text to the sources; those that it leaves out keep
    /// theirs. Every problem is reported; `None` when one of them is an error.
    ///
    /// A target is a number in the check's unit, a text with a unit (`80 us`, `"> 20k events/s"`), or
    /// `{target: .., exponent: ..}`. What rules may cost at most is a number, too: `run.samples_per_s: 50k`.
    pub fn load(sources: &mut SourceMap, name: &str, bytes: &[u8], diagnostics: &mut Diagnostics) -> Option<Self> {
        const WHAT: &str = "a targets file";
        let (mut problems, root) = yaml::open(sources, name, bytes, WHAT, diagnostics);
        let mut targets = Self::default();
        if let Some(mut fields) = root.as_ref().and_then(|root| Fields::open(root, WHAT, &mut problems)) {
            for target in &mut targets.all {
                if let Some(field) = fields.take(target.id) {
                    targets.of_workload = true;
                    set(target, field, &mut problems);
                }
            }
            for (id, limit) in limits(&mut targets.max_costs) {
                if let Some(field) = fields.take(id) {
                    match field.value.scalar().map(|scalar| number_of(bare(scalar.text()))) {
                        Some(Ok(most)) => *limit = Some(most),
                        _ => {
                            let found = found(field.value);
                            let message = format!("`{id}`: expected a count such as `500` or `50k`, found {found}");
                            problems.error(codes::TARGET, message, field.value.span);
                        }
                    }
                }
            }
            let settable = targets.all.iter().filter(|target| fixed(target.id).is_none());
            let ids = settable.map(|target| target.id).chain(COSTS);
            let ids: Vec<&str> = ids.collect();
            fields.finish(WHAT, &ids, |_| None, &mut problems);
        }
        (problems.finish() == 0).then_some(targets)
    }
}

/// What a file may say of the costs of rules.
const COSTS: [&str; 4] = [RUN_SAMPLES_PER_S, RUN_SERIES, RULE_SAMPLES_PER_S, RULE_SERIES];

/// Returns the limits of [`COSTS`], in that order.
fn limits(costs: &mut MaxCosts) -> [(&'static str, &mut Option<f64>); 4] {
    let MaxCosts { samples_per_s, series } = costs;
    let all = [&mut samples_per_s.run, &mut series.run, &mut samples_per_s.rule, &mut series.rule];
    let mut ids = COSTS.into_iter();
    all.map(|limit| (ids.next().unwrap_or_default(), limit))
}

/// Returns the number of a limit that is written as other targets may be: `<= 50k samples/s`.
fn bare(text: &str) -> &str {
    let text = text.trim().trim_start_matches(['<', '=']).trim();
    ["samples/s", "series"].iter().find_map(|unit| text.strip_suffix(unit)).unwrap_or(text).trim()
}

/// Says why no file sets the target of a check, if that is so.
fn fixed(id: &str) -> Option<String> {
    match id {
        ALL_LATENCIES => Some(format!("`{id}` follows from {}: set those instead", LATENCIES.join(", "))),
        REGRESSION => Some(format!("`{id}` is set by --max-slowdown")),
        _ => None,
    }
}

/// Sets what the field of a check says.
fn set(target: &mut Target, field: Field<'_>, problems: &mut Problems<'_>) {
    if let Some(fixed) = fixed(target.id) {
        problems.error(codes::TARGET, fixed, field.key_span);
        return;
    }
    if !matches!(field.value.content, Content::Mapping(_)) {
        bound(target, field.value, problems);
        return;
    }
    let what = format!("the target of `{}`", target.id);
    let Some(mut fields) = Fields::open(field.value, &what, problems) else { return };
    if let Some(field) = fields.take("target") {
        bound(target, field.value, problems);
    }
    if let Some(field) = fields.take("exponent") {
        let exponent = field.value.scalar().and_then(Scalar::decimal).filter(|exponent| *exponent > 0.0);
        match (target.exponent, exponent) {
            (None, _) => {
                let message = format!("`{}` does not grow with size: it has no exponent", target.id);
                problems.error(codes::TARGET, message, field.key_span);
            }
            (Some(_), None) => {
                let found = found(field.value);
                let message = format!("`{}`: expected an exponent such as 1.1, found {found}", target.id);
                problems.error(codes::TARGET, message, field.value.span);
            }
            (Some(_), Some(_)) => target.exponent = exponent,
        }
    }
    fields.finish(&what, &["target", "exponent"], |_| None, problems);
}

fn bound(target: &mut Target, value: &Node, problems: &mut Problems<'_>) {
    match amount(target, value) {
        Ok(amount) => target.target = amount,
        Err(message) => problems.error(codes::TARGET, message, value.span),
    }
}

/// Returns the words for what stands in place of a number.
fn found(value: &Node) -> String {
    match value.scalar() {
        Some(scalar) if !scalar.is_null() => format!("`{}`", shown(scalar)),
        _ => value.words().to_owned(),
    }
}

/// Reads a target, in the check's unit.
fn amount(target: &Target, value: &Node) -> Result<f64, String> {
    let (id, unit) = (target.id, target.unit);
    let wrong = || format!("`{id}`: expected a number of {unit} such as {}, found {}", target.target, found(value));
    let scalar = value.scalar().ok_or_else(wrong)?;
    let number = match scalar.decimal() {
        Some(number) => Some(number),
        None => {
            let text = scalar.text().trim();
            let bound = text.trim_start_matches(['<', '>', '=']);
            let operator = &text[..text.len() - bound.len()];
            if !matches!(
                (operator, target.op),
                ("", _) | ("<" | "<=", Op::Less | Op::AtMost) | (">" | ">=", Op::Greater)
            ) {
                return Err(format!("`{id}` passes when {} its target, found {}", target.op.symbol(), found(value)));
            }
            let bound = bound.trim();
            let digits = bound.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(bound.len());
            let (number, written) = bound.split_at(digits);
            let factor = factor(written.trim(), unit).ok_or_else(wrong)?;
            number.parse::<f64>().ok().map(|number| number * factor)
        }
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
    use crate::diagnostic::Diagnostic;

    #[test]
    fn own_targets_replace_those_of_the_report() {
        let text = "latency.p50: 80\nlatency.p99: < 0.5 ms\nthroughput.rules10: '> 20k events/s'\nmemory.rule1: 1e3\nmemory.rules1000: {target: 600 kB, exponent: 1.05}\nmemory.live1000: 2 MB\n";
        let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::default());
        let targets = Targets::load(&mut sources, "t.yml", text.as_bytes(), &mut diagnostics).expect("a good file");
        let value = |id| targets.get(id).map(|target| target.target);
        assert_eq!(value("latency.p50"), Some(80.0));
        assert_eq!(value("latency.p95"), Some(500.0));
        assert_eq!(value("latency.p99"), Some(500.0));
        assert_eq!(value("throughput.rules10"), Some(20_000.0));
        assert_eq!(value("memory.rule1"), Some(1_000.0));
        assert_eq!(value("memory.rules1000"), Some(600_000.0));
        assert_eq!(value("memory.live1000"), Some(2_000_000.0));
        assert_eq!(targets.get("memory.rules1000").and_then(|target| target.exponent), Some(1.05));
    }

    /// Checks what is reported for a file: `line:column message` and the caret's words of each problem.
    fn check(text: &str, expected: &[&str]) {
        let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::default());
        let targets = Targets::load(&mut sources, "t.yml", text.as_bytes(), &mut diagnostics);
        assert_eq!(targets.is_none(), !expected.is_empty());
        let line = |found: &Diagnostic| {
            let mark = found.primary.as_ref().expect("a place");
            let at = sources.position(mark.at);
            format!("{}:{} {} {}", at.line, at.column, found.message, mark.text).trim_end().to_owned()
        };
        assert_eq!(diagnostics.sorted().iter().map(line).collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn all_that_is_wrong_is_reported() {
        check("# all as they are\n", &[]);
        check(
            "latency.p90: 1\nlatency.p50: fast\nlatency.p95: -3\n",
            &[
                "1:1 `latency.p90` is not a key of a targets file did you mean `latency.p99`?",
                "2:14 `latency.p50`: expected a number of us such as 100, found `fast`",
                "3:14 `latency.p95`: expected a number of us such as 500, found `-3`",
            ],
        );
        check("latency.p50: 3 MB", &["1:14 `latency.p50`: expected a number of us such as 100, found `3 MB`"]);
        check("latency.p50: '> 3'", &["1:14 `latency.p50` passes when < its target, found `\"> 3\"`"]);
        check("latency.p50: {exponent: 2}", &["1:15 `latency.p50` does not grow with size: it has no exponent"]);
        check(
            "memory.rules1000: {exponent: -2, targt: 5}",
            &[
                "1:30 `memory.rules1000`: expected an exponent such as 1.1, found `-2`",
                "1:34 `targt` is not a key of the target of `memory.rules1000` did you mean `target`?",
            ],
        );
        check(
            "latency.p50:\nlatency.p95: [1]",
            &[
                "1:1 `latency.p50`: expected a number of us such as 100, found nothing",
                "2:14 `latency.p95`: expected a number of us such as 500, found a list",
            ],
        );
        check(
            "latency.all: 2",
            &["1:1 `latency.all` follows from latency.p50, latency.p95, latency.p99: set those instead"],
        );
        check("regression: 2", &["1:1 `regression` is set by --max-slowdown"]);
        check("- 1", &["1:1 a targets file is a mapping of keys to values, this is a list"]);
    }
}
