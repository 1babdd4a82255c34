//! What makes a rule useless although it loads: lints, each in a file of its own, and what they share.
//!
//! ```text
//!  RuleSet, with the parts of its rules --> Subject   graph, recorded names, flow of labels
//!                                             |             + Evidence: recording, survey, outcome (`-d`)
//!                                             v
//!                          catalog::ALL     one lint a file: code, page, check
//!                                             | Diagnostics
//!                                             v
//!                          control          configuration, comments in rule files, a baseline: what is shown
//! ```
//! A lint of a rule sees one rule and what is known of all of them; a lint of the set sees all rules at once; a lint
//! of data sees, in addition, a recording and what an evaluation on it found. Every lint has a page with a bad and a
//! clean example, which are its test as well.

mod bounds;
pub mod catalog;
pub mod control;
mod data;
mod edit;
pub mod evidence;
pub mod fix;
pub mod flow;
pub mod loading;
pub mod policy;
mod rule;
mod set;
mod shape;
pub mod subject;
mod texts;

use crate::diagnostic::codes::{self, About};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::rules::{Group, Rule};
use crate::source::{FileSpan, Span};
use crate::threads;

use self::evidence::Evidence;
use self::subject::{Place, Subject};

/// One lint.
#[derive(Debug)]
pub struct Lint {
    /// A word of [`codes`], where its meaning and severity stand.
    pub code: &'static str,
    /// What `--explain` shows.
    pub page: Page,
    /// What finds it.
    pub check: Check,
}

/// The page of a lint.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Why it matters, what Prometheus does, and how to fix it: paragraphs of plain text, lines of any length.
    pub why: &'static str,
    /// A rule in which it is found: the entries of a group's `rules:`, or a whole file, which begins with `groups:` or
    /// `alertctl:`.
    pub bad: &'static str,
    /// Its neighbour in which nothing is found.
    pub clean: &'static str,
    /// The recording that both are looked at with, as CSV; empty where none is needed.
    pub data: &'static str,
}

/// How a lint looks at rules.
#[derive(Clone, Copy, Debug)]
pub enum Check {
    /// One rule after the other.
    Rule(fn(&Place<'_>, &mut Found)),
    /// All at once.
    Set(fn(&Subject<'_>, &mut Found)),
    /// All at once, with what a recording tells of them.
    Data(fn(&Evidence<'_>, &mut Found)),
    /// One rule, as a policy of a configuration asks.
    Policy {
        /// The configuration with which its examples are looked at.
        config: &'static str,
        /// What finds it.
        check: fn(&policy::Case<'_>, &mut Found),
    },
}

impl Check {
    /// Returns the configuration that its examples are looked at with; empty where none is needed.
    #[must_use]
    pub fn config(&self) -> &'static str {
        match self {
            Self::Rule(_) | Self::Set(_) | Self::Data(_) => "",
            Self::Policy { config, .. } => config,
        }
    }
}

/// What a lint found so far.
#[derive(Debug)]
pub struct Found {
    code: &'static str,
    severity: Severity,
    items: Vec<Diagnostic>,
}

impl Found {
    fn new(code: &'static str) -> Self {
        let severity = codes::find(code).map_or(Severity::Warning, |code| code.severity);
        Self { code, severity, items: Vec::new() }
    }

    /// Adds a finding at a place of a rule's file.
    pub fn at(&mut self, at: FileSpan, (group, rule): (&Group, &Rule), message: impl Into<String>) -> &mut Diagnostic {
        let subject = (group.name.text.clone(), rule.name.text.clone());
        let diagnostic = Diagnostic::new(self.code, self.severity, message).about(subject);
        self.push(match borrowed(at, group, rule) {
            Some(own) => diagnostic.with_mark(own, "").with_related(at, "written here"),
            None => diagnostic.with_mark(at, ""),
        })
    }

    /// Adds a finding at a stretch of a rule's expression.
    pub fn expr(&mut self, place: &Place<'_>, span: Span, message: impl Into<String>) -> &mut Diagnostic {
        self.at(place.rule.text.at(span), (place.group, place.rule), message)
    }

    /// Adds a finding that is about no one rule.
    pub fn push(&mut self, diagnostic: Diagnostic) -> &mut Diagnostic {
        self.items.push(diagnostic);
        let last = self.items.len() - 1;
        &mut self.items[last]
    }
}

/// Returns where a rule stands that an alias or `<<` takes from elsewhere, for a finding in what it takes.
fn borrowed(at: FileSpan, group: &Group, rule: &Rule) -> Option<FileSpan> {
    let own = rule.parts.as_ref()?.span;
    let is_in = |at: FileSpan| at.file == own.file && own.span.start <= at.span.start && at.span.end <= own.span.end;
    let is_of_group = group.parts.as_ref().and_then(|parts| parts.interval).is_some_and(|part| part.value == at);
    let is_borrowed = !is_in(at) && !is_of_group && (!is_in(rule.text.whole()) || !is_in(rule.name.whole()));
    is_borrowed.then(|| FileSpan { span: Span { end: own.span.end.min(own.span.start + FIRST), ..own.span }, ..own })
}

/// How much is marked of a rule as a whole: the `<<` that it begins with, or so much of an alias. Unit: bytes.
const FIRST: u32 = 2;

/// How many rules are looked at together.
const PART: usize = 64;

/// Looks at rules with every lint that `wanted` takes, and returns what was found, in the order of the lints.
///
/// Rules whose expression could not be read are left out: what is wrong with them was found when they were loaded.
/// Cost: near linear in the rules.
#[must_use]
pub fn run(subject: &Subject<'_>, wanted: &(impl Fn(&str) -> bool + Sync)) -> Diagnostics {
    let lints: Vec<&Lint> = catalog::ALL.iter().copied().filter(|lint| wanted(lint.code)).collect();
    let places: Vec<Place<'_>> = subject.places().collect();
    let parts: Vec<&[Place<'_>]> = places.chunks(PART).collect();
    let of_part = |part: &&[Place<'_>]| {
        let mut found: Vec<Found> = Vec::new();
        for lint in &lints {
            let Check::Rule(check) = lint.check else { continue };
            let mut own = Found::new(lint.code);
            part.iter().for_each(|place| check(place, &mut own));
            found.push(own);
        }
        found.into_iter().flat_map(|found| found.items).collect::<Vec<_>>()
    };
    let mut all = Diagnostics::default();
    threads::map(&parts, places.len() > PART, of_part).into_iter().flatten().for_each(|found| all.push(found));
    for lint in &lints {
        if let Check::Set(check) = lint.check {
            let mut found = Found::new(lint.code);
            check(subject, &mut found);
            found.items.into_iter().for_each(|found| all.push(found));
        }
    }
    all
}

/// Returns how often each alert fired on a recording, for policies.
#[must_use]
pub fn firings(evidence: &Evidence<'_>) -> policy::Firings {
    data::fire_count::firings(evidence)
}

/// Looks at rules on a recording with every lint of data that `wanted` takes, and returns what was found, in the order
/// of the lints.
///
/// Cost: near linear in the rules, times the series that they select; what an expression gives is asked at a few steps.
#[must_use]
pub fn run_data(evidence: &Evidence<'_>, wanted: &impl Fn(&str) -> bool) -> Diagnostics {
    let mut all = Diagnostics::default();
    for lint in catalog::ALL.iter().filter(|lint| wanted(lint.code)) {
        if let Check::Data(check) = lint.check {
            let mut found = Found::new(lint.code);
            check(evidence, &mut found);
            found.items.into_iter().for_each(|found| all.push(found));
        }
    }
    all
}

/// Returns whether a recording tells what the lint of a code looks for: then the one that sees rules alone is not asked.
#[must_use]
pub fn needs_data(code: &str) -> bool {
    catalog::ALL.iter().any(|lint| lint.code == code && matches!(lint.check, Check::Data(_)))
}

/// Returns whether findings of a code come from a lint, and not from loading.
#[must_use]
pub fn is_lint(code: &str) -> bool {
    codes::find(code).is_some_and(|code| matches!(code.about, About::Lint | About::DataLint | About::Policy))
}

#[cfg(test)]
mod cases;
#[cfg(test)]
mod tests;
