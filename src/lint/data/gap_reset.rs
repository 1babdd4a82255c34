//! Missing samples that begin the waiting of `for` anew.

use super::super::evidence::Evidence;
use super::super::subject::Place;
use super::super::{Check, Found, Lint, Page};
use super::parts::{Limit, limit, ranged, unfiltered};
use crate::diagnostic::codes;
use crate::engine::{Cause, Episode};
use crate::format::{counted, duration};
use crate::labels::LabelSet;
use crate::outcome::RuleFacts;
use crate::promql::ast::{Expr, ExprKind, Selector};
use crate::store::{SeriesId, is_stale};
use crate::time::{Millis, Timestamp};

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::GAP_RESET,
    page: Page {
        why: "Where a scrape fails, the series is not there, the condition is not true, and `for` begins again with the next \
              sample, although the value was never on the other side of the threshold. An alert with `for: 15m` on a series \
              that misses one scrape every ten minutes never fires.\n\n\
              Look at the value over a range, which holds an older sample: `max_over_time(x[5m]) > 90`, or \
              `last_over_time(x[5m]) > 90`. `keep_firing_for` bridges gaps of an alert that fires already.",
        bad: "\
- alert: QueueFull
  expr: queue_depth > 90
  for: 5m
",
        clean: "\
- alert: QueueFull
  expr: last_over_time(queue_depth[6m]) > 90
  for: 5m
",
        data: "\
time,metric,host,value
2026-01-05T00:00:00Z,queue_depth,a,20
2026-01-05T00:00:00Z,up,a,1
2026-01-05T00:01:00Z,queue_depth,a,95
2026-01-05T00:01:00Z,up,a,1
2026-01-05T00:02:00Z,queue_depth,a,95
2026-01-05T00:02:00Z,up,a,1
2026-01-05T00:03:00Z,queue_depth,a,95
2026-01-05T00:03:00Z,up,a,1
2026-01-05T00:04:00Z,queue_depth,a,95
2026-01-05T00:04:00Z,up,a,1
2026-01-05T00:05:00Z,queue_depth,a,95
2026-01-05T00:05:00Z,up,a,1
2026-01-05T00:06:00Z,up,a,0
2026-01-05T00:07:00Z,up,a,0
2026-01-05T00:08:00Z,up,a,0
2026-01-05T00:09:00Z,queue_depth,a,96
2026-01-05T00:09:00Z,up,a,1
2026-01-05T00:10:00Z,queue_depth,a,96
2026-01-05T00:10:00Z,up,a,1
2026-01-05T00:11:00Z,queue_depth,a,96
2026-01-05T00:11:00Z,up,a,1
2026-01-05T00:12:00Z,queue_depth,a,10
2026-01-05T00:12:00Z,up,a,1
2026-01-05T00:13:00Z,queue_depth,a,10
2026-01-05T00:13:00Z,up,a,1
",
    },
    check: Check::Data(check),
};

/// The most breaks of a rule that are looked at.
const BREAKS: usize = 40;
/// Up to how long samples are missing now and then: after a longer time `for` begins anew for good reason, unless it is
/// longer itself.
const SHORT: Millis = Millis(300_000);

fn check(evidence: &Evidence<'_>, found: &mut Found) {
    for (place, facts) in evidence.alerts() {
        let interval = evidence.recorded.outcome.interval(facts);
        if facts.hold <= Millis::ZERO || interval <= Millis::ZERO || !is_recorded(evidence, &place) {
            continue;
        }
        let mut resets: Vec<Millis> = Vec::new();
        let compared = unfiltered(&place.rule.expr);
        for (ended, active_at, labels) in breaks(evidence, facts).into_iter().take(BREAKS) {
            let gap = active_at.since(ended);
            let many = gap.0 / interval.0;
            if gap <= facts.hold.max(SHORT) && is_gap(evidence, &place, &compared, (ended, many, interval), labels) {
                resets.push(silence(evidence, &place, ended, labels).unwrap_or(gap));
            }
        }
        let Some(longest) = resets.iter().max() else { continue };
        let message = format!(
            "`for` begins again {} because samples are missing: the condition is true before and after the gap, the longest of {}",
            counted(resets.len() as u64, "time"),
            duration(*longest)
        );
        let at =
            place.rule.parts.as_ref().and_then(|parts| parts.hold).map_or(place.rule.name.whole(), |hold| hold.value);
        let finding = found.at(at, (place.group, place.rule), message);
        // One evaluation more: the samples may be late.
        let range = Millis(whole(longest.0.saturating_add(interval.0)));
        match limit(&place.rule.expr) {
            Some(Limit { compared: Expr { kind: ExprKind::Selector(selector), .. }, .. }) => finding.help.push(
                format!("a range holds the sample before the gap: `last_over_time({})`", ranged(selector, range)),
            ),
            _ => finding.help.push("longer ranges hold the samples before the gap".to_owned()),
        }
        if facts.keep == Millis::ZERO {
            finding.help.push("`keep_firing_for` bridges gaps of an alert that fires already".to_owned());
        }
    }
}

/// Returns whether all that a rule reads is recorded, and often enough: what a rule writes may be gone because it is not
/// true, and what is hardly ever there has another finding. `absent()` is true because samples are missing.
fn is_recorded(evidence: &Evidence<'_>, place: &Place<'_>) -> bool {
    let look_back = evidence.lookback(place.group);
    let is_often = |id: SeriesId| evidence.spacing(id).is_none_or(|spacing| spacing <= look_back);
    let recorded = |selector: &Selector| {
        selector.metric().is_some_and(|metric| !evidence.is_written(metric))
            && evidence.series(selector).into_iter().all(is_often)
    };
    let mut asks_absence = false;
    place.rule.expr.walk(&mut |expr| {
        asks_absence |= matches!(&expr.kind, ExprKind::Call { function, .. } if function.name.starts_with("absent"));
    });
    !asks_absence && place.rule.expr.selectors().iter().all(|found| recorded(found.selector))
}

/// Rounds up to whole seconds, or minutes where it is minutes. Unit: milliseconds.
fn whole(span: i64) -> i64 {
    let unit = if span > 120_000 { 60_000 } else { 1000 };
    (span + unit - 1).div_euclid(unit).saturating_mul(unit)
}

/// Returns the longest time without a sample of a series that an alert is about, from the last sample before it ended to
/// the first one after.
fn silence(evidence: &Evidence<'_>, place: &Place<'_>, ended: Timestamp, alert: &LabelSet) -> Option<Millis> {
    let store = &evidence.recorded.store;
    let of = |id: SeriesId| {
        let all = store.samples(id, Timestamp::MIN, Timestamp::MAX);
        let times: Vec<Timestamp> =
            all.times.iter().zip(all.values).filter(|(_, value)| !is_stale(**value)).map(|(time, _)| *time).collect();
        let after = times.partition_point(|time| *time <= ended);
        Some(times.get(after)?.since(*times.get(after.checked_sub(1)?)?))
    };
    evidence.series_behind(place, alert).into_iter().filter_map(of).max()
}

/// Returns the breaks between episodes of the same labels that began with the end of a series: when the episode ended,
/// when the next one began, and the labels.
fn breaks<'a>(evidence: &'a Evidence<'_>, facts: &RuleFacts) -> Vec<(Timestamp, Timestamp, &'a LabelSet)> {
    let mut episodes: Vec<&Episode> = evidence.episodes(facts);
    episodes.sort_by(|a, b| (&a.labels, a.activity.active_at).cmp(&(&b.labels, b.activity.active_at)));
    let gone = |episode: &Episode| matches!(episode.cause, Cause::SeriesEnded | Cause::StaleInferred);
    let pairs = episodes.windows(2).filter(|pair| gone(pair[0]) && pair[0].labels == pair[1].labels);
    pairs.filter_map(|pair| Some((pair[0].ended_at?, pair[1].activity.active_at, &pair[0].labels))).collect()
}

/// Returns whether what is compared has no sample for an alert at the steps from the one at which it ended up to, and
/// without, the one at which it is active again.
fn is_gap(
    evidence: &Evidence<'_>,
    place: &Place<'_>,
    compared: &Expr,
    (ended, many, interval): (Timestamp, i64, Millis),
    alert: &LabelSet,
) -> bool {
    let slots: Vec<Timestamp> = (0..many.max(1)).map(|at| ended.plus(Millis(interval.0 * at))).collect();
    let probe = evidence.evaluate(place, compared, &slots);
    // Labels that the rule sets may be those of the alert alone.
    let alert = Evidence::bare(place, alert);
    !probe.failed && probe.labels().all(|labels| Evidence::bare(place, labels) != alert)
}
