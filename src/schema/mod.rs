//! JSON Schemas (2020-12) of the files that are read and the outputs that are written, for editors and validators.
//!
//! What is read refuses unknown keys, as the reader does. What is written may gain keys within its version, so its
//! schemas leave that open.

/// The schema of one kind of file or output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The word for it.
    pub kind: &'static str,
    /// What it describes.
    pub about: &'static str,
    /// The schema itself, in JSON.
    pub text: &'static str,
}

/// All of them: files first, then outputs.
pub const ALL: &[Schema] = &[
    Schema { kind: "rules", about: "native rules", text: include_str!("rules.json") },
    Schema { kind: "prometheus-rules", about: "rule files of Prometheus", text: include_str!("prometheus-rules.json") },
    Schema { kind: "config", about: "alertctl.yml, the configuration of check", text: include_str!("config.json") },
    Schema { kind: "silences", about: "the file of eval --silences", text: include_str!("silences.json") },
    Schema { kind: "targets", about: "the file of profile --targets", text: include_str!("targets.json") },
    Schema { kind: "accept", about: "the file of profile --accept", text: include_str!("accept.json") },
    Schema { kind: "eval", about: "eval -o json", text: include_str!("eval.json") },
    Schema { kind: "sweep", about: "eval --set -o json", text: include_str!("sweep.json") },
    Schema { kind: "events", about: "a line of eval -o ndjson", text: include_str!("events.json") },
    Schema { kind: "explain", about: "explain -o json", text: include_str!("explain.json") },
    Schema { kind: "query", about: "query -o json", text: include_str!("query.json") },
    Schema { kind: "query-plan", about: "query --plan -o json", text: include_str!("query-plan.json") },
    Schema { kind: "check", about: "check -o json", text: include_str!("check.json") },
    Schema { kind: "check-baseline", about: "check --save-baseline", text: include_str!("check-baseline.json") },
    Schema { kind: "diff", about: "diff -o json", text: include_str!("diff.json") },
    Schema { kind: "data", about: "data -o json", text: include_str!("data.json") },
    Schema { kind: "profile", about: "profile -o json", text: include_str!("profile.json") },
    Schema { kind: "baseline", about: "profile --save-baseline", text: include_str!("baseline.json") },
    Schema { kind: "soak", about: "profile --soak -o json", text: include_str!("soak.json") },
];

/// Returns the schema of a kind.
#[must_use]
pub fn find(kind: &str) -> Option<&'static Schema> {
    ALL.iter().find(|schema| schema.kind == kind)
}
