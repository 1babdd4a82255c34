//! Runs files in the format of Prometheus' own PromQL tests: those of this project always, Prometheus' own where they
//! are at hand.

mod compare;
pub(crate) mod evaluators;
mod format;
mod needs;
mod nhcb;
pub(crate) mod pin;
mod report;
pub(crate) mod run;
pub(crate) mod values;

use std::path::{Path, PathBuf};

use self::evaluators::{Block, Evaluate, SERVED, STARTED, Slow, TESTED};
use self::report::Report;
use crate::skipped;

/// Names the folder that holds Prometheus' cases.
const VARIABLE: &str = "ALERTCTL_CONFORMANCE";

/// Returns a folder of Prometheus' cases, if there is one.
fn conformance(part: &str) -> Option<PathBuf> {
    skipped::folder("no Prometheus cases", "../shared/conformance", Some(VARIABLE), part)
}

/// Runs all files of a folder, prints what came of them and fails if a case did.
fn check(folder: &Path, evaluator: &impl Evaluate) {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "test"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} holds no .test file", folder.display());
    let mut report = Report::new(evaluator.name());
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        run::file(&name, &text, evaluator, &mut report);
    }
    report.finish();
}

#[test]
fn own_cases_pass_in_the_slow_evaluator() {
    check(Path::new("tests/cases/promql"), &Slow(SERVED));
    check(Path::new("tests/cases/promql"), &Slow(TESTED));
    check(Path::new("tests/cases/promql/delayed"), &Slow(TESTED));
    check(Path::new("tests/cases/promql/started"), &Slow(STARTED));
    check(Path::new("tests/cases/promql/started"), &Slow(TESTED));
}

#[test]
fn prometheus_cases_pass_in_the_slow_evaluator() {
    if let Some(folder) = conformance("promqltest") {
        check(&folder, &Slow(TESTED));
    }
}

#[test]
fn own_cases_pass() {
    check(Path::new("tests/cases/promql"), &Block(SERVED));
    check(Path::new("tests/cases/promql"), &Block(TESTED));
    check(Path::new("tests/cases/promql/delayed"), &Block(TESTED));
    check(Path::new("tests/cases/promql/started"), &Block(STARTED));
    check(Path::new("tests/cases/promql/started"), &Block(TESTED));
    check(Path::new("tests/cases/promql"), &Block(SERVED));
}

#[test]
fn prometheus_cases_pass() {
    if let Some(folder) = conformance("promqltest") {
        check(&folder, &Block(TESTED));
    }
}
