//! From a recorded series to the rule that wrote it.

use crate::engine::RuleId;
use crate::labels::{METRIC_NAME, Matcher};
use crate::promql::ast::Selector;
use crate::rules::graph::{ALERT_NAME, ALERT_STATE, ALERTS, ALERTS_FOR_STATE};
use crate::rules::{Rule, RuleKind};
use crate::time::Timestamp;

use super::case::{Case, OfRule};
use super::lineage::Wanted;

/// The deepest chain of recording rules that is followed.
const CHAIN: usize = 8;

/// A rule that writes what a selector takes, at one of its evaluations.
pub(crate) struct Writer<'a> {
    pub(crate) case: Case<'a>,
    /// What is wanted of its result.
    pub(crate) whole: Wanted,
    pub(crate) slot: Timestamp,
    pub(crate) record: String,
    pub(crate) file: String,
    pub(crate) line: u32,
}

/// Finds the rule that wrote what a selector takes at a time, as seen from a slot: at the evaluation that wrote the sample,
/// or, where there is none that counts, at the last one that could have.
pub(crate) fn writer<'a>(
    reader: &Case<'a>,
    selector: &Selector,
    wanted: &Wanted,
    (at, seen): (Timestamp, Timestamp),
    is_there: bool,
) -> Option<Writer<'a>> {
    let written = reader.inputs.written.filter(|_| reader.depth < CHAIN)?;
    let OfRule { rules, recorded, id: own_id, on } = reader.rule?;
    let metric = selector.metric()?;
    // `ALERTS` is written by the alerts it asks for; one that reads its own is not followed into itself.
    let of_alerts = metric == ALERTS || metric == ALERTS_FOR_STATE;
    let asks_for = |rule: &Rule| {
        let by_name = |matcher: &Matcher| matcher.name != ALERT_NAME || matcher.matches(&rule.name.text);
        selector.matchers.iter().all(by_name)
    };
    let writes = |(number, (_, rule)): &(usize, (usize, &Rule))| {
        rule.enabled
            && match rule.kind {
                RuleKind::Record => rule.name.text == metric,
                RuleKind::Alert { .. } => of_alerts && *number != own_id.0 as usize && asks_for(rule),
            }
    };
    let writers: Vec<(usize, &Rule)> =
        rules.rules().enumerate().filter(writes).map(|(number, (_, rule))| (number, rule)).collect();
    // The series that has a part in the row at hand, and when it was written.
    let series = written.store.matching(&selector.matchers, &Default::default());
    let own = series.into_iter().filter(|id| wanted.takes(written.store.labels(*id)));
    let newest = own.filter_map(|id| {
        let seen = seen.minus(written.lags.of(written.writers[id.0 as usize]));
        let stamp = *written.store.samples(id, Timestamp::MIN, at.min(seen)).times.last()?;
        Some((id, stamp, seen))
    });
    let newest = newest.max_by_key(|(_, stamp, _)| *stamp);
    let (number, rule) = match newest {
        Some((id, ..)) => {
            let writer = recorded.engine.writer_of(id)?;
            *writers.iter().find(|(number, _)| *number == writer.0 as usize)?
        }
        // Where the rule wrote other series, its matchers are what is wrong.
        None if !of_alerts && written.store.has_metric(metric) => return None,
        None => *writers.first()?,
    };
    let id = RuleId(u32::try_from(number).ok()?);
    let mut case = Case::of(rules, recorded, id, on).ok().flatten()?;
    case.depth = reader.depth + 1;
    let offset = recorded.engine.query_offset(id);
    let until = match newest {
        Some((_, stamp, _)) if is_there => stamp.plus(offset),
        Some((.., seen)) => seen.plus(offset),
        None => seen,
    };
    let steps = case.steps();
    let slot = *steps.get(steps.partition_point(|slot| *slot <= until).checked_sub(1)?)?;
    // Labels that the rule sets may have had any value before.
    let own: Vec<&str> = rule.labels.iter().map(|(name, _)| name.as_str()).collect();
    let of_rule = |name: &str| [METRIC_NAME, ALERT_NAME, ALERT_STATE].contains(&name) || own.contains(&name);
    let whole = newest.map_or_else(Wanted::any, |(id, ..)| {
        Wanted::of(&written.store.labels(id).filter(|name| !of_rule(name))).free(&own)
    });
    Some(Writer {
        case,
        whole,
        slot,
        record: rule.name.text.clone(),
        file: rules.sources.file(rule.at.file).name.clone(),
        line: rules.sources.position(rule.at).line,
    })
}
