//! Counts what came of the cases.

use std::collections::BTreeMap;

/// What came of one case.
pub(crate) enum Outcome {
    /// It holds.
    Passed,
    /// It cannot be run here, and why.
    Skipped(String),
    /// It does not hold, and how.
    Failed(String),
}

/// The outcomes of all files.
pub(crate) struct Report {
    evaluator: &'static str,
    failures: Vec<String>,
    passed: usize,
    skipped: BTreeMap<String, usize>,
}

impl Report {
    /// Makes an empty report on an evaluator.
    pub(crate) fn new(evaluator: &'static str) -> Self {
        Self { evaluator, failures: Vec::new(), passed: 0, skipped: BTreeMap::new() }
    }

    /// Takes the outcomes of one file, by line, and prints its line.
    #[expect(clippy::print_stdout, reason = "it is what a person reads with --nocapture")]
    pub(crate) fn file(&mut self, name: &str, outcomes: Vec<(usize, Outcome)>) {
        let (mut passed, mut failed, mut skipped) = (0, 0, BTreeMap::new());
        for (line, outcome) in outcomes {
            match outcome {
                Outcome::Passed => passed += 1,
                Outcome::Skipped(why) => *skipped.entry(why).or_default() += 1,
                Outcome::Failed(how) => {
                    failed += 1;
                    self.failures.push(format!("{name}:{line}: {how}"));
                }
            }
        }
        println!("{name}: {}", summary(passed, failed, &skipped));
        self.passed += passed;
        for (why, count) in skipped {
            *self.skipped.entry(why).or_default() += count;
        }
    }

    /// Prints the sums, and fails if a case did.
    #[expect(clippy::print_stdout, reason = "it is what a person reads with --nocapture")]
    pub(crate) fn finish(self) {
        let failed = self.failures.len();
        println!("all ({}): {}", self.evaluator, summary(self.passed, failed, &self.skipped));
        assert!(failed == 0, "{failed} cases fail:\n{}", self.failures.join("\n"));
    }
}

fn summary(passed: usize, failed: usize, skipped: &BTreeMap<String, usize>) -> String {
    let mut reasons: Vec<_> = skipped.iter().collect();
    reasons.sort_by_key(|(why, count)| (std::cmp::Reverse(**count), (*why).clone()));
    let total: usize = skipped.values().sum();
    let reasons: Vec<String> = reasons.into_iter().map(|(why, count)| format!("{count} {why}")).collect();
    let reasons = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) };
    format!("{passed} passed, {failed} failed, {total} skipped{reasons}")
}
