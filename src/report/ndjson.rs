//! `--format ndjson`: one transition a line, `alertctl.events/1`.

use std::io::{self, Write};

use serde::Serialize;

use crate::engine::{Cause, Event, Phase};
use crate::report::number::{At, Labels, Number, Pairs, write_json};
use crate::rules::RuleSet;

/// Writes transitions as they come.
pub struct NdjsonWriter<W> {
    out: W,
    /// Group and alert of each rule, by its number.
    names: Vec<(String, String)>,
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

impl<W: Write> NdjsonWriter<W> {
    /// Writes the first line: what is read and evaluated.
    ///
    /// # Errors
    /// What the writer says.
    pub fn begin(mut out: W, rules: &RuleSet, recordings: &[String]) -> io::Result<Self> {
        write_json(&mut out, &Header { schema: "alertctl.events/1", recordings, rules: &rules.file_names() })?;
        out.write_all(b"\n")?;
        let groups = rules.groups().flat_map(|(_, group)| group.rules.iter().map(move |rule| (group, rule)));
        let names = groups.map(|(group, rule)| (group.name.text.clone(), rule.name.text.clone()));
        Ok(Self { out, names: names.collect() })
    }

    /// Returns the writer, with all that was written.
    pub fn into_inner(self) -> W {
        self.out
    }

    /// Writes one transition. The caller brings them in (time, group, rule, labels) order.
    ///
    /// # Errors
    /// What the writer says.
    pub fn event(&mut self, event: &Event) -> io::Result<()> {
        let Some((group, alert)) = self.names.get(event.rule.0 as usize) else { return Ok(()) };
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
        write_json(&mut self.out, &line)?;
        self.out.write_all(b"\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::sample;

    #[test]
    fn a_header_and_one_line_a_transition() {
        let episode = &sample::outcome().episodes[0];
        let event = |at, from, to, value, cause| Event {
            at: sample::at(at),
            rule: episode.rule,
            labels: episode.labels.clone(),
            from,
            to,
            value,
            cause,
            annotations: episode.annotations.clone(),
            histogram: None,
            activity: episode.activity,
            warm_from: None,
            on: None,
        };
        let mut out = Vec::new();
        let mut rules = RuleSet::default();
        rules.add("rules/node.yml", b"groups: [{name: disks, rules: [{alert: DiskFull, expr: free < 1}]}]");
        let mut writer = NdjsonWriter::begin(&mut out, &rules, &["night.csv".to_owned()]).expect("a vector takes all");
        for event in [
            event(5, Phase::Inactive, Phase::Pending, Some(3.9e10), None),
            event(7, Phase::Pending, Phase::Firing, Some(3.7e10), None),
            event(40, Phase::Firing, Phase::Inactive, None, Some(Cause::ConditionFalse)),
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
