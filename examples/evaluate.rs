//! Evaluates a rule file on a recording, and lists what its alerts did.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::Path;

use alertctl::{Evaluation, RuleSet};

fn main() -> Result<(), Box<dyn Error>> {
    let read = |name: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name));
    let mut rules = RuleSet::new();
    rules.load("node.yml", &read("rules/node.yml")?)?;
    let outcome = Evaluation::new(&rules).input("node.csv", read("fixtures/node.csv")?).run()?;
    let mut out = std::io::stdout().lock();
    for episode in outcome.episodes() {
        let (alert, host) = (episode.rule(), episode.labels().get("instance").unwrap_or("-"));
        match (episode.fired_at(), episode.ended_at()) {
            (Some(fired), Some(ended)) => {
                writeln!(out, "{alert} {host}: fired at {fired}, ended at {ended} ({})", episode.cause())?;
            }
            (Some(fired), None) => writeln!(out, "{alert} {host}: fired at {fired}, and goes on")?,
            (None, _) => writeln!(out, "{alert} {host}: pending at {}, never fired", episode.active_at())?,
        }
        if let Some(summary) = episode.annotation("summary") {
            writeln!(out, "  {summary}")?;
        }
    }
    for fault in outcome.faults() {
        writeln!(out, "failed: {fault}")?;
    }
    for warning in outcome.warnings() {
        writeln!(out, "warning: {warning}")?;
    }
    Ok(())
}
