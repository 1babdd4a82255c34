//! `--format json`: one object with everything, `alertctl.eval/1`.

mod shape;

use std::io::{self, Write};

use crate::engine::{Episode, RuleId, Suppression, silence};
use crate::outcome::gate::Condition;
use crate::outcome::summary::{self, RuleSummary, Summary};
use crate::outcome::{
    Finding, GroupFacts, HiddenMetric, Kind, Needs, Origin, Outcome, RecordingFacts, RuleFacts, Setting, Unseen,
    WriterFacts,
};
use crate::promql::annotation::Level;
use crate::report::number::{At, Labels, Number, Pairs, Sampled, Seconds, write_json};
use crate::time::Timestamp;

use shape::{
    AnnotationOut, DifferenceOut, Document, EpisodeOut, ErrorOut, EvaluationsOut, ExcludedOut, GapOut, GroupOut,
    HiddenOut, NoSourceOut, PointsOut, RecordingOut, RuleOut, SettingOut, StaleOut, SuppressedOut, ThresholdOut,
    TimeOut, TotalsOut, UnmatchedOut, UnseenOut, ValuesOut, WriterOut,
};
pub(in crate::report) use shape::{FindingOut, GateOut, OptionsOut, RangeOut, Tool};

/// The version of the server whose meaning the results have.
pub(crate) const SEMANTICS: &str = "prometheus 3.14";

/// Writes a run as one JSON object in one line.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, outcome: &Outcome, summary: &Summary) -> io::Result<()> {
    write_json(out, &document(outcome, summary))?;
    out.write_all(b"\n")
}

fn group_id(at: usize) -> String {
    format!("g{}", at + 1)
}

fn rule_id(id: RuleId) -> String {
    format!("r{}", u64::from(id.0) + 1)
}

fn document<'a>(outcome: &'a Outcome, summary: &'a Summary) -> Document<'a> {
    let totals = &summary.totals;
    Document {
        schema: "alertctl.eval/1",
        tool: Tool { version: &outcome.version, semantics: SEMANTICS },
        options: options(outcome),
        range: range(outcome),
        recordings: outcome.recordings.iter().map(recording).collect(),
        hidden: outcome.hidden.iter().map(hidden).collect(),
        groups: outcome.groups.iter().enumerate().map(|(at, facts)| group(outcome, at, facts)).collect(),
        rules: outcome.rules.iter().zip(&summary.rules).map(|(facts, sums)| rule(outcome, facts, sums)).collect(),
        episodes: episodes(outcome),
        diagnostics: findings(outcome),
        totals: TotalsOut {
            firings: totals.firings,
            by_severity: Pairs(&totals.by_severity),
            open_at_end: totals.open_at_end,
            began_before_data: totals.began_before_data,
            suppressed: totals.suppressed,
            near_misses: totals.near_misses,
        },
        gate: gate(outcome, summary),
    }
}

/// Returns when a run was evaluated and reported.
pub(in crate::report) fn range(outcome: &Outcome) -> RangeOut {
    let range = &outcome.range;
    RangeOut {
        data_start: range.data_start.map(At),
        data_end: range.data_end.map(At),
        evaluated_from: range.evaluated_from.map(At),
        evaluated_to: range.evaluated_to.map(At),
        reported_from: range.reported_from.map(At),
    }
}

/// Returns the problems and notes of a run.
pub(in crate::report) fn findings(outcome: &Outcome) -> Vec<FindingOut<'_>> {
    outcome.findings.iter().chain(&outcome.notes).map(finding).collect()
}

fn finding(finding: &Finding) -> FindingOut<'_> {
    FindingOut {
        code: finding.code,
        severity: finding.severity.word(),
        message: &finding.message,
        file: finding.place.as_ref().map(|(file, ..)| file.as_str()),
        line: finding.place.as_ref().map(|(_, line, _)| *line),
        column: finding.place.as_ref().map(|(.., column)| *column),
    }
}

/// Returns the answer of the gate of a run.
pub(in crate::report) fn gate(outcome: &Outcome, summary: &Summary) -> GateOut {
    let verdict = &summary.verdict;
    GateOut {
        fail_on: outcome.options.fail_on.iter().map(Condition::to_string).collect(),
        counted: verdict.counted,
        excluded: ExcludedOut {
            began_before_data: verdict.excluded.began_before_data,
            warm_up: verdict.excluded.warm_up,
            suppressed: verdict.excluded.suppressed,
        },
        met: !verdict.met.is_empty(),
        exit: verdict.exit,
    }
}

/// Returns the settings of a run.
pub(in crate::report) fn options(outcome: &Outcome) -> OptionsOut<'_> {
    fn setting<'a, T, O>(setting: &'a Setting<T>, value: impl FnOnce(&'a T) -> O) -> SettingOut<O> {
        SettingOut { value: value(&setting.value), from: setting.from.word() }
    }
    fn flag<T>(value: T) -> SettingOut<T> {
        SettingOut { value, from: Origin::Flag.word() }
    }
    let options = &outcome.options;
    let selection = &options.selection;
    OptionsOut {
        eval_interval: setting(&options.eval_interval, ToString::to_string),
        align: setting(&options.align, ToString::to_string),
        lookback_delta: setting(&options.lookback_delta, ToString::to_string),
        stale: setting(&options.stale, ToString::to_string),
        external_labels: setting(&options.external_labels, Labels),
        join: setting(&options.join, ToString::to_string),
        alert: selection.alert.as_ref().map(|alert| flag(alert.text.as_str())),
        start: selection.start.map(|start| flag(At(start))),
        end: options.end.map(|end| flag(At(end))),
        group: selection.group.as_ref().map(|group| flag(group.text.as_str())),
        r#where: selection.filter.as_ref().map(|filter| flag(filter.text.as_str())),
    }
}

fn recording(facts: &RecordingFacts) -> RecordingOut<'_> {
    let gap = |gap: &crate::survey::Gap| GapOut { from: At(gap.from), to: At(gap.to), series: gap.series };
    RecordingOut {
        path: &facts.path,
        format: &facts.format,
        series: facts.series,
        samples: facts.samples,
        start: facts.start.map(At),
        end: facts.end.map(At),
        cadence_s: facts.cadence.map(Seconds),
        bad_rows: facts.bad_rows,
        conflicts: facts.conflicts,
        stale_markers: StaleOut {
            recorded: facts.stale_recorded,
            inferred: facts.stale_inferred,
            by: facts.stale_by.as_deref(),
        },
        gaps: facts.gaps.iter().map(gap).collect(),
        time: TimeOut { unit: &facts.time_unit, zone: &facts.time_zone, from: &facts.time_from },
    }
}

fn hidden<'a>(one: &'a HiddenMetric) -> HiddenOut<'a> {
    let agreement = &one.agreement;
    let rule = |writer: &'a WriterFacts| WriterOut {
        id: rule_id(writer.id),
        group: group_id(writer.group),
        file: &writer.file,
        line: writer.line,
    };
    HiddenOut {
        metric: &agreement.metric,
        rules: one.writers.iter().map(rule).collect(),
        series: agreement.series,
        samples: agreement.samples,
        computed_series: agreement.computed_series,
        recorded_only_series: agreement.recorded_only,
        computed_only_series: agreement.computed_only,
        points: PointsOut { compared: agreement.compared, agree: agreement.agreed, recorded_only: agreement.gaps },
        first_difference: agreement.first.as_ref().map(|first| DifferenceOut {
            at: At(first.at),
            labels: Labels(&first.labels),
            recorded: Sampled(&first.recorded),
            computed: Sampled(&first.computed),
        }),
    }
}

fn group<'a>(outcome: &Outcome, at: usize, facts: &'a GroupFacts) -> GroupOut<'a> {
    let schedule = &facts.schedule;
    let interval_from = if schedule.interval_from_file { Origin::File } else { outcome.options.eval_interval.from };
    GroupOut {
        id: group_id(at),
        file: &facts.file,
        name: &facts.name,
        interval_s: Seconds(schedule.interval),
        interval_from: interval_from.word(),
        offset_ms: schedule.offset.0,
        offset_from: outcome.options.align.from.word(),
        steps: schedule.steps,
    }
}

/// Returns what the evaluations of a rule told at one level.
fn told(facts: &RuleFacts, level: Level) -> Vec<AnnotationOut<'_>> {
    let of_level = facts.annotations.iter().filter(|annotation| annotation.level == level);
    of_level.map(|found| AnnotationOut { at: At(found.first), count: found.count, message: &found.text }).collect()
}

fn rule<'a>(outcome: &Outcome, facts: &'a RuleFacts, sums: &RuleSummary) -> RuleOut<'a> {
    let name = |kind| (facts.kind == kind).then_some(facts.name.as_str());
    RuleOut {
        id: rule_id(facts.id),
        group: group_id(facts.group),
        kind: match facts.kind {
            Kind::Alert => "alert",
            Kind::Record => "record",
        },
        alert: name(Kind::Alert),
        record: name(Kind::Record),
        file: &facts.file,
        line: facts.line,
        expr: &facts.expr,
        for_s: Seconds(facts.hold),
        for_effective_s: Seconds(facts.effective_hold(outcome.interval(facts))),
        keep_firing_for_s: Seconds(facts.keep),
        severity: facts.severity.as_deref(),
        labels: Pairs(&facts.labels),
        evaluations: facts.counts.evaluations,
        true_evaluations: facts.counts.true_evaluations,
        firings: sums.firings,
        label_sets: sums.label_sets,
        bursts: sums.bursts,
        near_misses: sums.near_misses,
        refires: sums.refires,
        firing_s: Seconds(sums.firing),
        longest_s: Seconds(sums.longest),
        first_fired_at: sums.first_fired.map(At),
        last_fired_at: sums.last_fired.map(At),
        never: sums.never.map(summary::Never::word),
        warm_from: facts.counts.warm_from.map(At),
        missing_metrics: facts.missing.iter().map(|missing| missing.name.as_str()).collect(),
        errors: facts
            .counts
            .faults
            .iter()
            .map(|fault| ErrorOut { at: At(fault.first), count: fault.count, message: &fault.message })
            .collect(),
        warnings: told(facts, Level::Warning),
        infos: told(facts, Level::Info),
        worst: sums.worst.map(Number),
        longest_near_miss_s: Seconds(sums.longest_near),
        nearest_metrics: facts.missing.iter().map(|missing| (missing.name.as_str(), missing.near.as_slice())).collect(),
        unmatched: facts.unmatched.as_ref().map(|unmatched| UnmatchedOut {
            selector: &unmatched.selector,
            matcher: unmatched.matcher.as_ref().map(|(_, matcher)| matcher.as_str()),
            values: &unmatched.values,
            nearest: unmatched.near,
        }),
        no_source: facts.no_source.as_ref().map(|source| NoSourceOut {
            metric: &source.metric,
            rule: &source.rule,
            file: &source.file,
            line: source.line,
            missing_metric: match &source.needs {
                Needs::Metric(missing) => Some(&missing.name),
                _ => None,
            },
            selector: match &source.needs {
                Needs::Series(unmatched) => Some(&unmatched.selector),
                _ => None,
            },
            hidden: source.hidden.as_deref(),
        }),
        unseen: facts.unseen.as_ref().map(unseen),
    }
}

fn unseen(unseen: &Unseen) -> UnseenOut<'_> {
    let (selector, absent): (&str, &[(Timestamp, Timestamp)]) = match unseen {
        Unseen::NoSeries(unmatched) => (&unmatched.selector, &[]),
        Unseen::NoSamples { selector, stretches } => (selector, stretches),
        Unseen::NeverTrue { selector } => (selector, &[]),
        Unseen::OtherValue { .. } | Unseen::NoLabel { .. } => ("", &[]),
    };
    let absent = absent.iter().map(|(from, to)| [At(*from), At(*to)]).collect();
    UnseenOut { reason: unseen.word(), selector, absent }
}

fn episodes(outcome: &Outcome) -> Vec<EpisodeOut<'_>> {
    let all: Vec<&Episode> = outcome.episodes.iter().collect();
    let refired = summary::refired(&all, outcome.options.join.value);
    all.iter()
        .zip(refired)
        .filter_map(|(episode, before)| {
            let rule = outcome.rule(episode.rule)?;
            let previous = before.map(|before| summary::episode_id(all[before]));
            Some(self::episode(outcome, rule, episode, previous))
        })
        .collect()
}

fn episode<'a>(
    outcome: &'a Outcome,
    rule: &'a RuleFacts,
    episode: &'a Episode,
    previous: Option<String>,
) -> EpisodeOut<'a> {
    let activity = &episode.activity;
    let last_step = outcome.last_step(rule);
    EpisodeOut {
        id: summary::episode_id(episode),
        rule: rule_id(episode.rule),
        group: outcome.groups.get(rule.group).map_or("", |group| &group.name),
        alert: &rule.name,
        severity: episode.labels.get("severity"),
        file: &rule.file,
        line: rule.line,
        labels: Labels(&episode.labels),
        annotations: Pairs(&episode.annotations),
        active_at: At(activity.active_at),
        fired_at: activity.fired_at.map(At),
        resolved_at: activity.fired_at.and(episode.ended_at).map(At),
        last_true_at: At(activity.last_true_at),
        pending_s: Seconds(summary::pending(episode, last_step)),
        firing_s: Seconds(summary::firing(episode, last_step)),
        end: episode.end.word(),
        end_cause: episode.cause.word(),
        began: episode.began.word(),
        values: ValuesOut {
            active: Number(activity.value_active),
            fire: activity.value_fire.map(Number),
            worst: summary::worst(episode, rule.threshold).map(Number),
            last: Number(activity.value_last),
            min: Number(activity.value_min),
            max: Number(activity.value_max),
        },
        threshold: rule.threshold.map(|(op, value)| ThresholdOut { op: op.symbol(), value: Number(value) }),
        evaluations: EvaluationsOut { total: episode.steps, r#true: activity.steps_true, error: activity.steps_failed },
        suppressed: episode.suppressed.iter().map(suppressed).collect(),
        suppressed_s: Seconds(silence::suppressed_for(episode)),
        depends_on: if episode.stale_inferred { vec!["stale"] } else { Vec::new() },
        previous,
    }
}

fn suppressed(suppression: &Suppression) -> SuppressedOut<'_> {
    SuppressedOut { from: At(suppression.from), to: At(suppression.to), by: &suppression.by }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::sample;

    fn text(outcome: &Outcome) -> String {
        let mut out = Vec::new();
        write(&mut out, outcome, &Summary::of(outcome)).expect("a vector takes all");
        String::from_utf8(out).expect("JSON is UTF-8")
    }

    /// Returns what stands between `from` and `to`, both included.
    fn part<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
        let start = text.find(from).expect(from);
        let end = start + text[start..].find(to).expect(to) + to.len();
        &text[start..end]
    }

    #[test]
    fn the_head_says_what_was_asked() {
        let text = text(&sample::outcome());
        insta::assert_snapshot!(part(&text, "{\"schema\"", "\"groups\""), @r#"{"schema":"alertctl.eval/1","tool":{"version":"0.1.0","semantics":"prometheus 3.14"},"options":{"eval_interval":{"value":"1m","from":"default"},"align":{"value":"12s368ms","from":"flag"},"lookback_delta":{"value":"5m","from":"default"},"stale":{"value":"auto","from":"default"},"external_labels":{"value":{"cluster":"ams"},"from":"flag"},"join":{"value":"5m","from":"default"},"alert":null,"start":null,"end":null},"range":{"data_start":"2026-01-06T00:00:00Z","data_end":"2026-01-06T02:00:00Z","evaluated_from":"2026-01-06T00:00:00Z","evaluated_to":"2026-01-06T02:00:00Z","reported_from":"2026-01-06T00:00:00Z"},"recordings":[{"path":"night.csv","format":"csv_long","series":1204,"samples":6900000,"start":"2026-01-06T00:00:00Z","end":"2026-01-06T02:00:00Z","cadence_s":15,"bad_rows":0,"conflicts":0,"stale_markers":{"recorded":0,"inferred":0,"by":null},"gaps":[],"time":{"unit":"ms","zone":"UTC","from":"suffix"}}],"hidden":[],"groups""#);
    }

    #[test]
    fn rules_have_their_sums() {
        let text = text(&sample::outcome());
        insta::assert_snapshot!(part(&text, "{\"id\":\"r1\"", "\"unseen\":null}"), @r#"{"id":"r1","group":"g1","kind":"alert","alert":"DiskFull","file":"rules/node.yml","line":10,"expr":"disk_free_bytes < 4e+10","for_s":90,"for_effective_s":120,"keep_firing_for_s":0,"severity":"critical","labels":{"severity":"critical"},"evaluations":121,"true_evaluations":60,"firings":2,"label_sets":2,"bursts":2,"near_misses":1,"refires":0,"firing_s":4860,"longest_s":2880,"first_fired_at":"2026-01-06T00:07:00Z","last_fired_at":"2026-01-06T01:12:00Z","never":null,"warm_from":null,"missing_metrics":[],"errors":[],"warnings":[],"infos":[],"worst":1e9,"longest_near_miss_s":60,"nearest_metrics":{},"unmatched":null,"no_source":null,"unseen":null}"#);
    }

    #[test]
    fn episodes_are_whole() {
        let text = text(&sample::outcome());
        insta::assert_snapshot!(part(&text, "\"episodes\":[{", "},{\"id\""), @r#""episodes":[{"id":"3aad27d63291f643-1767657900000","rule":"r1","group":"disks","alert":"DiskFull","severity":"critical","file":"rules/node.yml","line":10,"labels":{"alertname":"DiskFull","instance":"db-1","job":"db","severity":"critical"},"annotations":{"summary":"Disk is full"},"active_at":"2026-01-06T00:05:00Z","fired_at":"2026-01-06T00:07:00Z","resolved_at":"2026-01-06T00:40:00Z","last_true_at":"2026-01-06T00:39:00Z","pending_s":120,"firing_s":1980,"end":"resolved","end_cause":"condition_false","began":"observed","values":{"active":3.9e10,"fire":3.9e10,"worst":3.9e10,"last":3.9e10,"min":3.9e10,"max":7.8e10},"threshold":{"op":"<","value":4e10},"evaluations":{"total":35,"true":35,"error":0},"suppressed":[],"suppressed_s":0,"depends_on":[],"previous":null},{"id""#);
        insta::assert_snapshot!(part(&text, "],\"diagnostics\"", "}}\n"), @r#"],"diagnostics":[],"totals":{"firings":3,"by_severity":{"critical":2,"warning":1},"open_at_end":1,"began_before_data":0,"suppressed":0,"near_misses":1},"gate":{"fail_on":[],"counted":3,"excluded":{"began_before_data":0,"warm_up":0,"suppressed":0},"met":false,"exit":0}}"#);
    }

    #[test]
    fn numbers_that_json_lacks_are_texts() {
        let mut outcome = sample::outcome();
        outcome.episodes[0].activity.value_last = f64::NAN;
        outcome.episodes[0].activity.value_max = f64::INFINITY;
        assert!(text(&outcome).contains(r#""last":"NaN","min":3.9e10,"max":"+Inf"}"#));
    }

    #[test]
    fn every_document_can_be_read_back() {
        let value: serde_json::Value = serde_json::from_str(&text(&sample::outcome())).expect("valid JSON");
        assert_eq!(value["episodes"].as_array().map(Vec::len), Some(4));
    }
}
