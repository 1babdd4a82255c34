//! `--format csv`: one episode a row.

use std::io::{self, Write};

use crate::engine::Episode;
use crate::engine::silence::suppressed_for;
use crate::labels::Quoted;
use crate::outcome::{Outcome, summary};
use crate::report::number::shortest;
use crate::time::{Millis, Timestamp};

const COLUMNS: [&str; 17] = [
    "group",
    "alert",
    "severity",
    "labels",
    "active_at",
    "fired_at",
    "resolved_at",
    "end",
    "end_cause",
    "began",
    "pending_s",
    "firing_s",
    "value_fire",
    "value_worst",
    "suppressed_s",
    "file",
    "line",
];

/// Writes the episodes of a run, a header first.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, outcome: &Outcome) -> io::Result<()> {
    let mut writer = ::csv::Writer::from_writer(out);
    writer.write_record(COLUMNS).map_err(io_error)?;
    for episode in &outcome.episodes {
        let Some(rule) = outcome.rule(episode.rule) else { continue };
        let activity = &episode.activity;
        let last_step = outcome.last_step(rule);
        let at = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
        let value = |value: Option<f64>| value.map(shortest).unwrap_or_default();
        writer
            .write_record([
                outcome.groups.get(rule.group).map_or("", |group| &group.name),
                &rule.name,
                episode.labels.get("severity").unwrap_or(""),
                &labels(episode),
                &activity.active_at.to_string(),
                &at(activity.fired_at),
                &at(activity.fired_at.and(episode.ended_at)),
                episode.end.word(),
                episode.cause.word(),
                episode.began.word(),
                &seconds(summary::pending(episode, last_step)),
                &seconds(summary::firing(episode, last_step)),
                &value(activity.value_fire),
                &value(summary::worst(episode, rule.threshold)),
                &seconds(suppressed_for(episode)),
                &rule.file,
                &rule.line.to_string(),
            ])
            .map_err(io_error)?;
    }
    writer.flush()
}

/// Returns what the writer said, whose kind tells a closed pipe.
fn io_error(error: ::csv::Error) -> io::Error {
    match error.into_kind() {
        ::csv::ErrorKind::Io(error) => error,
        kind => io::Error::other(format!("{kind:?}")),
    }
}

fn seconds(span: Millis) -> String {
    shortest(span.seconds())
}

/// Prints the labels that no other column holds: `{a="b", c="d"}`.
fn labels(episode: &Episode) -> String {
    let pairs = episode.labels.iter().filter(|(name, _)| !matches!(*name, "alertname" | "severity"));
    let pairs: Vec<String> = pairs.map(|(name, value)| format!("{name}={}", Quoted(value))).collect();
    format!("{{{}}}", pairs.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::sample;

    #[test]
    fn one_row_an_episode() {
        let mut out = Vec::new();
        write(&mut out, &sample::outcome()).expect("a vector takes all");
        insta::assert_snapshot!(String::from_utf8_lossy(&out), @r#"
        group,alert,severity,labels,active_at,fired_at,resolved_at,end,end_cause,began,pending_s,firing_s,value_fire,value_worst,suppressed_s,file,line
        disks,DiskFull,critical,"{instance=""db-1"", job=""db""}",2026-01-06T00:05:00Z,2026-01-06T00:07:00Z,2026-01-06T00:40:00Z,resolved,condition_false,observed,120,1980,3.9e10,3.9e10,0,rules/node.yml,10
        disks,DiskFull,critical,"{instance=""db-1"", job=""db""}",2026-01-06T00:50:00Z,,,died_pending,condition_false,observed,60,0,,3.9e10,0,rules/node.yml,10
        disks,HighCpu,warning,{},2026-01-06T01:00:00Z,2026-01-06T01:00:00Z,2026-01-06T01:05:00Z,resolved,condition_false,observed,0,300,0.913,,0,rules/node.yml,11
        disks,DiskFull,critical,"{instance=""db-2"", job=""db""}",2026-01-06T01:10:00Z,2026-01-06T01:12:00Z,,active_at_end,end_of_data,observed,120,2880,1e9,1e9,0,rules/node.yml,10
        "#);
    }
}
