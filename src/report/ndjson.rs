//! `--format ndjson`: one transition a line, `alertctl.events/1`.

use std::io::{self, Write};

use serde::Serialize;

use crate::engine::timeline::{Cause, Event, Phase, RuleId};
use crate::report::RuleFacts;
use crate::report::number::{At, Labels, Number, Pairs, write_json};

/// Writes transitions as they come.
pub struct NdjsonWriter<'a> {
    out: &'a mut dyn Write,
    /// Group and alert of each rule that is reported, by its number.
    names: &'a [(RuleId, String, String)],
}

#[derive(Serialize)]
struct Header<'a> {
    schema: &'static str,
    recordings: &'a [String],
    rules: &'a [String],
}

#[derive(Serialize)]
struct Line<'a> {
    at: At,
    group: &'a str,
    alert: &'a str,
    labels: Labels<'a>,
    from: &'static str,
    to: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<Pairs<'a, String>>,
}

/// Writes the first line: what was read.
///
/// # Errors
/// What the writer says.
pub fn write_header(out: &mut dyn Write, recordings: &[String], rule_files: &[String]) -> io::Result<()> {
    write_json(out, &Header { schema: "alertctl.events/1", recordings, rules: rule_files })?;
    out.write_all(b"\n")
}

impl<'a> NdjsonWriter<'a> {
    /// Makes a writer that names rules by [`names`]; [`write_header`] comes before its first line.
    pub fn new(out: &'a mut dyn Write, names: &'a [(RuleId, String, String)]) -> Self {
        Self { out, names }
    }

    /// Writes one transition; one of a rule that is not reported is passed over. The caller brings them in (time,
    /// group, rule, labels) order.
    ///
    /// # Errors
    /// What the writer says.
    pub fn event(&mut self, event: &Event) -> io::Result<()> {
        let Ok(rule) = self.names.binary_search_by_key(&event.rule, |(id, ..)| *id) else { return Ok(()) };
        let (_, group, alert) = &self.names[rule];
        let line = Line {
            at: At(event.at),
            group,
            alert,
            labels: Labels(&event.labels),
            from: event.from.word(),
            to: event.to.word(),
            value: event.value.map(Number),
            cause: event.cause.map(Cause::word),
            annotations: (event.to == Phase::Firing).then_some(Pairs(&event.annotations)),
        };
        write_json(self.out, &line)?;
        self.out.write_all(b"\n")
    }
}

/// Returns the names that [`NdjsonWriter::new`] wants, by the numbers of the rules.
#[must_use]
pub fn names(rules: &[RuleFacts], group_names: &[String]) -> Vec<(RuleId, String, String)> {
    let group = |rule: &RuleFacts| group_names.get(rule.group).cloned().unwrap_or_default();
    rules.iter().map(|rule| (rule.id, group(rule), rule.name.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_header_and_one_line_a_transition() {
        let episode = &sample::evaluation().episodes[0];
        let event = |at, from, to, value, cause| Event {
            at: sample::at(at),
            rule: episode.rule,
            labels: episode.labels.clone(),
            from,
            to,
            value,
            cause,
            annotations: episode.annotations.clone(),
            activity: episode.activity,
            warm_from: None,
        };
        let mut out = Vec::new();
        let names = vec![(RuleId(0), "disks".to_owned(), "DiskFull".to_owned())];
        write_header(&mut out, &["night.csv".to_owned()], &["rules/node.yml".to_owned()]).expect("a vector takes all");
        let mut writer = NdjsonWriter::new(&mut out, &names);
        for event in [
            event(5, Phase::Inactive, Phase::Pending, Some(3.9e10), None),
            event(7, Phase::Pending, Phase::Firing, Some(3.7e10), None),
            event(40, Phase::Firing, Phase::Inactive, None, Some(Cause::ConditionFalse)),
            Event { rule: RuleId(7), ..event(41, Phase::Inactive, Phase::Pending, Some(1.0), None) },
        ] {
            writer.event(&event).expect("a vector takes all");
        }
        insta::assert_snapshot!(String::from_utf8_lossy(&out), @r#"
        {"schema":"alertctl.events/1","recordings":["night.csv"],"rules":["rules/node.yml"]}
        {"at":"2026-01-06T00:05:00Z","group":"disks","alert":"DiskFull","labels":{"alertname":"DiskFull","instance":"db-1","job":"db","severity":"critical"},"from":"inactive","to":"pending","value":3.9e10}
        {"at":"2026-01-06T00:07:00Z","group":"disks","alert":"DiskFull","labels":{"alertname":"DiskFull","instance":"db-1","job":"db","severity":"critical"},"from":"pending","to":"firing","value":3.7e10,"annotations":{"summary":"Disk is full"}}
        {"at":"2026-01-06T00:40:00Z","group":"disks","alert":"DiskFull","labels":{"alertname":"DiskFull","instance":"db-1","job":"db","severity":"critical"},"from":"firing","to":"inactive","cause":"condition_false"}
        "#);
    }
}
