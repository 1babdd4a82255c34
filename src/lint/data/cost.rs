//! What a rule reads and gives.

use std::collections::BTreeMap;

use super::super::evidence::Evidence;
use super::super::subject::Place;
use super::super::{Check, Found, Lint, Page};
use super::parts::written;
use crate::diagnostic::{Severity, codes};
use crate::engine::{Episode, FaultCount};
use crate::format::{count, counted};
use crate::labels::LabelSet;
use crate::outcome::RuleFacts;
use crate::promql::ast::{Expr, ExprKind, Selector};
use crate::source::Span;
use crate::time::Millis;

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::COST,
    page: Page {
        why: "How many series and samples one evaluation of the rule reads, and how many series it gives at once. Each \
              series of a recording rule is kept, and each of an alerting rule is an alert. Where the `limit` of the group \
              is nearly reached, or exceeded, it is a warning: beyond it an evaluation fails, and all alerts of the rule \
              end.",
        bad: "\
- alert: CpuHigh
  expr: avg_over_time(cpu_usage_ratio[4m]) > 0.9
  for: 1m
",
        clean: "\
- alert: Heartbeat
  expr: vector(1)
",
        data: "\
time,host,cpu_usage_ratio
2026-01-05T00:00:00Z,a,0.5
2026-01-05T00:01:00Z,a,0.95
2026-01-05T00:02:00Z,a,0.95
2026-01-05T00:03:00Z,a,0.95
2026-01-05T00:04:00Z,a,0.95
2026-01-05T00:05:00Z,a,0.4
",
    },
    check: Check::Data(check),
};

/// The words of an evaluation that exceeds a limit.
pub(in crate::lint) const EXCEEDED: &str = "exceeded limit of ";

fn check(evidence: &Evidence<'_>, found: &mut Found) {
    for (place, facts) in evidence.rules() {
        let mut reads = Reads {
            evidence,
            place: &place,
            interval: evidence.recorded.outcome.interval(facts),
            series: BTreeMap::new(),
        };
        reads.expr(&place.rule.expr, 1);
        let (series, samples) = (reads.series.len() as u64, reads.series.values().sum::<u64>());
        let tried = tried(facts);
        let gives = gives(evidence, &place, facts).max(tried);
        limit(&place, facts, gives, found);
        if series > 0 {
            let message = format!(
                "an evaluation reads {} and {}, and {}",
                if series == 1 { "1 series".to_owned() } else { format!("{} series", count(series)) },
                counted(samples, "sample"),
                match (gives, place.is_alert()) {
                    (gives, _) if tried > 0 => format!("would give up to {gives}, more than the limit"),
                    (0, true) => "gives no alert".to_owned(),
                    (0, false) => "gives no series".to_owned(),
                    (gives, true) => format!("gives up to {}", counted(gives, "alert")),
                    (gives, false) => format!("gives up to {} series", count(gives)),
                }
            );
            found.at(place.rule.name.whole(), (place.group, place.rule), message);
        }
    }
}

/// What one evaluation of a rule reads.
struct Reads<'a, 'e> {
    evidence: &'a Evidence<'e>,
    place: &'a Place<'a>,
    /// The distance of its evaluations, and of what rules write.
    interval: Millis,
    /// By series, whoever asks for it: samples.
    series: BTreeMap<LabelSet, u64>,
}

impl Reads<'_, '_> {
    /// Adds what an expression reads that is evaluated at so many steps.
    fn expr(&mut self, expr: &Expr, steps: u64) {
        match &expr.kind {
            ExprKind::Selector(selector) => self.selector(selector, (expr.span, None), steps),
            ExprKind::Range { selector, selector_span, range } => {
                self.selector(selector, (*selector_span, written(range)), steps);
            }
            ExprKind::Subquery(subquery) => {
                let usual = self.evidence.recorded.outcome.options.engine().query().subquery_step;
                let step = subquery.step.as_ref().and_then(written).unwrap_or(usual);
                let inner = written(&subquery.range).map_or(1, |range| range.0 / step.0.max(1));
                self.expr(&subquery.expr, steps.saturating_mul(inner.max(1).unsigned_abs()));
            }
            ExprKind::Paren(inner) | ExprKind::Unary { expr: inner, .. } => self.expr(inner, steps),
            ExprKind::Binary(binary) => [&binary.lhs, &binary.rhs].into_iter().for_each(|side| self.expr(side, steps)),
            ExprKind::Call { args, .. } => args.iter().for_each(|arg| self.expr(arg, steps)),
            ExprKind::Aggregate(aggregate) => {
                aggregate.param.iter().for_each(|param| self.expr(param, steps));
                self.expr(&aggregate.expr, steps);
            }
            ExprKind::Number { .. } | ExprKind::String(_) | ExprKind::Invalid => {}
        }
    }

    fn selector(&mut self, selector: &Selector, (span, range): (Span, Option<Millis>), steps: u64) {
        let evidence = self.evidence;
        let range = range.map_or(0, |range| range.0.max(0));
        if selector.metric().is_some_and(|metric| evidence.is_written(metric)) {
            let probe = evidence.probe(self.place, &Expr { kind: ExprKind::Selector(selector.clone()), span });
            let samples = (range / self.interval.0.max(1)).max(1).unsigned_abs();
            probe.labels().for_each(|labels| self.add(labels, samples.saturating_mul(steps)));
            return;
        }
        for id in evidence.series(selector) {
            let spacing = evidence.spacing(id).map_or(i64::MAX, |spacing| spacing.0.max(1));
            let samples = (range / spacing).max(1).unsigned_abs();
            self.add(evidence.recorded.store.labels(id), samples.saturating_mul(steps));
        }
    }

    fn add(&mut self, series: &LabelSet, samples: u64) {
        match self.series.get_mut(series) {
            Some(known) => *known = samples.max(*known),
            None => drop(self.series.insert(series.clone(), samples)),
        }
    }
}

/// Returns the faults of a rule that come of the limit of its group.
fn exceeded(facts: &RuleFacts) -> impl Iterator<Item = &FaultCount> {
    facts.counts.faults.iter().filter(|fault| fault.message.starts_with(EXCEEDED))
}

/// Returns how many series or alerts a rule had where they were more than its limit, at most; 0 where they never were.
fn tried(facts: &RuleFacts) -> u64 {
    let many = |fault: &FaultCount| fault.message.split_once(" with ")?.1.split(' ').next()?.parse().ok();
    exceeded(facts).filter_map(many).max().unwrap_or(0)
}

/// Returns how many alerts a rule has at once, at most, or how many series it gives at the steps that were looked at.
fn gives(evidence: &Evidence<'_>, place: &Place<'_>, facts: &RuleFacts) -> u64 {
    if place.is_alert() {
        return at_once(&evidence.episodes(facts));
    }
    let probe = evidence.probe(place, &place.rule.expr);
    probe.steps.iter().map(|(_, samples)| samples.len() as u64).max().unwrap_or(0)
}

/// Returns the most episodes that are open at one time.
fn at_once(episodes: &[&Episode]) -> u64 {
    // An alert that ends at a slot makes room for one that begins there.
    let begins = episodes.iter().map(|episode| (episode.activity.active_at, 1));
    let ends = episodes.iter().filter_map(|episode| Some((episode.ended_at?, -1)));
    let mut changes: Vec<(_, i64)> = begins.chain(ends).collect();
    changes.sort_unstable();
    let (mut open, mut most) = (0, 0);
    for (_, change) in changes {
        open += change;
        most = most.max(open);
    }
    most.unsigned_abs()
}

/// Says that the limit of a group is near, or exceeded.
fn limit(place: &Place<'_>, facts: &RuleFacts, gives: u64, found: &mut Found) {
    let limit = place.group.limit as u64;
    if limit == 0 {
        return;
    }
    let (failed, first) =
        exceeded(facts).fold((0, None), |(many, first), fault| (many + fault.count, first.or(Some(fault.first))));
    let what = if place.is_alert() { "alerts" } else { "series" };
    let name = &place.rule.name.text;
    let drops = if place.is_alert() { "drops all alerts of the rule" } else { "records nothing of the rule" };
    let message = match first {
        Some(first) => format!(
            "`{name}` exceeds the limit of {limit} {what} at {}, first at {first}, with up to {gives}: then Prometheus {drops}",
            counted(failed, "evaluation")
        ),
        None if gives * 5 > limit * 4 => {
            format!("`{name}` gives up to {gives} {what}, and the limit of its group is {limit}")
        }
        None => return,
    };
    let at =
        place.group.parts.as_ref().and_then(|parts| parts.limit).map_or(place.rule.name.whole(), |limit| limit.value);
    let finding = found.at(at, (place.group, place.rule), message);
    finding.severity = Severity::Warning;
    finding
        .help
        .push("a higher `limit`, or an expression that gives less: an aggregation, a narrower selector".to_owned());
}
