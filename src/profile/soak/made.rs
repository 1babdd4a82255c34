//! Series that are made up from what rules read.

use crate::engine::EngineOptions;
use crate::labels::{LabelBuilder, LabelSet, METRIC_NAME, MatchOp, Matcher};
use crate::promql::ast::{Binary, BinaryOp, Expr, ExprKind, UnaryOp};
use crate::rules::{Rule, RuleKind, RuleSet};
use crate::time::Millis;

use super::super::growth::longest;
use super::course::{Kind, Shape};
use super::{Plan, SoakError};

/// Functions over a window of a counter.
const OF_COUNTERS: [&str; 4] = ["rate", "irate", "increase", "resets"];

/// What rules read.
pub(super) struct Found {
    pub(super) kinds: Vec<Kind>,
    pub(super) rules: u64,
    /// How far back they look.
    pub(super) reach: Millis,
}

/// Finds what rules read; series that they record themselves are left out.
pub(super) fn read(texts: &[(&str, &str)], plan: &Plan) -> Result<Found, SoakError> {
    let mut rules = RuleSet::default();
    rules.add_all(texts.iter().map(|(name, text)| (*name, text.as_bytes())));
    if rules.diagnostics.has_errors() {
        let first = rules.diagnostics.sorted().first().map_or(String::new(), |first| first.message.clone());
        let names: Vec<&str> = texts.iter().map(|(name, _)| *name).collect();
        return Err(SoakError(format!("cannot load {}: {first}", names.join(", "))));
    }
    let usual = EngineOptions::default();
    let options = EngineOptions {
        interval: plan.interval.unwrap_or(usual.interval),
        lookback: plan.lookback.unwrap_or(usual.lookback),
        ..usual
    };
    let recorded: Vec<&str> = rules
        .rules()
        .filter(|(_, rule)| matches!(rule.kind, RuleKind::Record))
        .map(|(_, rule)| rule.name.text.as_str())
        .collect();
    let mut kinds: Vec<Kind> = Vec::new();
    for (_, rule) in rules.rules() {
        add(rule, &recorded, &mut kinds);
    }
    Ok(Found { kinds, rules: rules.rules().count() as u64, reach: longest(&rules.files, &options) })
}

/// Adds what one rule reads.
fn add(rule: &Rule, recorded: &[&str], kinds: &mut Vec<Kind>) {
    let mut limits = Vec::new();
    let mut counters: Vec<String> = Vec::new();
    rule.expr.walk(&mut |expr| match &expr.kind {
        ExprKind::Binary(binary) => limits.extend(limit(binary)),
        ExprKind::Call { function, args, .. } if OF_COUNTERS.contains(&function.name) => {
            let metrics = args.iter().flat_map(Expr::selectors).filter_map(|one| one.selector.metric());
            counters.extend(metrics.map(str::to_owned));
        }
        _ => {}
    });
    for one in rule.expr.selectors() {
        let Some(metric) = one.selector.metric() else { continue };
        if recorded.contains(&metric) || metric == "ALERTS" || metric == "ALERTS_FOR_STATE" {
            continue;
        }
        let Some(base) = labels(metric, &one.selector.matchers) else { continue };
        let (mut usual, mut bad) = match limits.first() {
            None => (1.0, vec![2.0]),
            Some(first) => (first.good(), limits.iter().map(Limit::bad).collect()),
        };
        // Series of one rule are not all the same: a quotient of them would be 1 all day.
        let share = 1.0 + 0.25 * (kinds.len() % 4) as f64;
        if !limits.iter().any(|limit| limit.is_equal) {
            usual *= share;
        }
        let shape = if counters.iter().any(|counter| counter == metric) {
            bad.iter_mut().for_each(|value| *value = value.max(0.0));
            Shape::Counter { usual: usual.max(0.0), bad }
        } else {
            Shape::Level { usual, bad }
        };
        let label = if base.get("instance").is_some() { "replica" } else { "instance" };
        match kinds.iter_mut().find(|kind| kind.base == base) {
            None => kinds.push(Kind { base, label, shape }),
            // Each rule that reads a series has its own limits.
            Some(Kind { shape: Shape::Level { bad, .. } | Shape::Counter { bad, .. }, .. }) => {
                let (Shape::Level { bad: more, .. } | Shape::Counter { bad: more, .. }) = shape else { continue };
                bad.extend(more);
                bad.sort_by(f64::total_cmp);
                bad.dedup();
            }
            Some(_) => {}
        }
    }
}

/// A value that something is compared with.
struct Limit {
    value: f64,
    /// Whether a value above it is what the rule is about.
    is_above: bool,
    is_equal: bool,
}

impl Limit {
    fn margin(&self) -> f64 {
        if self.value == 0.0 { 1.0 } else { self.value.abs() / 2.0 }
    }

    fn bad(&self) -> f64 {
        match (self.is_equal, self.is_above) {
            (true, _) => self.value,
            (_, true) => self.value + self.margin(),
            (_, false) => self.value - self.margin(),
        }
    }

    fn good(&self) -> f64 {
        match (self.is_equal, self.is_above) {
            (true, _) => self.value + 1.0,
            (_, true) => self.value - self.margin(),
            (_, false) => self.value + self.margin(),
        }
    }
}

/// Returns the number of a comparison with one.
fn limit(binary: &Binary) -> Option<Limit> {
    let (value, flipped) = match (number(&binary.lhs), number(&binary.rhs)) {
        (None, Some(value)) => (value, false),
        (Some(value), None) => (value, true),
        _ => return None,
    };
    let is_above = match binary.op {
        BinaryOp::Greater | BinaryOp::GreaterEqual => !flipped,
        BinaryOp::Less | BinaryOp::LessEqual => flipped,
        BinaryOp::NotEqual | BinaryOp::Equal => true,
        _ => return None,
    };
    Some(Limit { value, is_above, is_equal: binary.op == BinaryOp::Equal })
}

fn number(expr: &Expr) -> Option<f64> {
    match &expr.kind {
        ExprKind::Number { value, .. } if value.is_finite() => Some(*value),
        ExprKind::Paren(expr) => number(expr),
        ExprKind::Unary { op: UnaryOp::Minus, expr } => number(expr).map(|value| -value),
        _ => None,
    }
}

/// Returns labels that the matchers take; none where that takes more than a look at them.
fn labels(metric: &str, matchers: &[Matcher]) -> Option<LabelSet> {
    let mut labels: LabelBuilder = LabelSet::new([(METRIC_NAME, metric)]).to_builder();
    for matcher in matchers.iter().filter(|matcher| !matcher.names_metric()) {
        let value = match matcher.op {
            MatchOp::Equal => matcher.value.clone(),
            MatchOp::Regex => example(&matcher.value),
            MatchOp::NotEqual | MatchOp::NotRegex => continue,
        };
        labels.set(&matcher.name, &value);
    }
    let labels = labels.build();
    matchers.iter().all(|matcher| matcher.matches_set(&labels)).then_some(labels)
}

/// Returns a text that a simple pattern takes: the first choice, with a letter for what may be anything.
fn example(pattern: &str) -> String {
    let first = pattern.trim_start_matches(['^', '(']).split(['|', ')']).next().unwrap_or_default();
    first.replace(".*", "a").replace(".+", "a").replace('\\', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(expr: &str) -> Vec<String> {
        let text = format!("groups: [{{name: g, rules: [{{record: own, expr: up}}, {{alert: A, expr: '{expr}'}}]}}]\n");
        let plan = Plan {
            days: 3,
            cadence: Millis(10_000),
            seed: 1,
            leak: 0,
            rules: Vec::new(),
            interval: None,
            lookback: None,
        };
        let found = read(&[("r.yml", &text)], &plan).expect("good rules");
        let kinds = found.kinds.iter().filter(|kind| kind.base.metric() != Some("up"));
        kinds.map(|kind| format!("{} by {} {:?}", kind.base, kind.label, kind.shape)).collect()
    }

    #[test]
    fn series_fit_their_selectors_and_cross_their_limits() {
        let check = |expr: &str, expected: &[&str]| assert_eq!(found(expr), expected, "{expr}");
        check("own > 3", &[]);
        check(
            "cpu{job=\"a\", mode!=\"idle\"} > 80",
            &["cpu{job=\"a\"} by instance Level { usual: 50.0, bad: [120.0] }"],
        );
        check("free{instance=\"x\"} < 10", &["free{instance=\"x\"} by replica Level { usual: 18.75, bad: [5.0] }"]);
        check("state == 0", &["state by instance Level { usual: 1.0, bad: [0.0] }"]);
        check(
            "rate(errors_total{code=~\"5..|4..\"}[5m]) > 2",
            &["errors_total{code=\"5..\"} by instance Counter { usual: 1.25, bad: [3.0] }"],
        );
        check("-5 > t and t > 30", &["t by instance Level { usual: -3.125, bad: [-7.5, 45.0] }"]);
        check("absent(x{a=~\"[0-9]{3}\"})", &[]);
    }
}
