//! Rules on recorded values: one run, and what came of it.

use std::fmt;
use std::sync::Arc;

use crate::diagnostic::Severity;
use crate::input::{ReadOptions, Recording, Source, Text};
use crate::outcome::summary::Summary;
use crate::outcome::{Finding, Nothing, Outcome, RuleFacts, RunOptions};
use crate::replay::{Replay, RunError};
use crate::source::SourceMap;
use crate::time::{Millis, Timestamp};

use super::alert::Fault;
use super::diagnostic::{Diagnostic, LoadError};
use super::episode::Episode;
use super::held_rule::HeldRule;
use super::rule_set::{RuleHandle, RuleSet};

/// Flags of the command line that messages name, and what the same is called here.
const CALLED: [(&str, &str); 4] =
    [("--eval-interval", "interval"), ("--lookback-delta", "lookback"), ("--start", "start"), ("--end", "end")];

/// Evaluates rules on recorded values, as `alertctl eval` does: rules have the same alerts as when
/// [`Live`](crate::Live) evaluates them on these values. It opens no files: the program passes what they contain.
///
/// ```
/// use alertctl::{Evaluation, RuleSet};
/// use std::time::Duration;
///
/// let mut rules = RuleSet::new();
/// rules.load("disk.yml", "groups: [{name: disks, rules: [{alert: Full, expr: free < 5, for: 15s}]}]")?;
/// let csv = "time,host,free\n\
///            2026-01-05T00:00:00Z,a,9\n\
///            2026-01-05T00:00:15Z,a,4\n\
///            2026-01-05T00:00:30Z,a,3\n\
///            2026-01-05T00:00:45Z,a,7\n";
/// let outcome = Evaluation::new(&rules).csv(csv).interval(Duration::from_secs(15)).run()?;
/// for episode in outcome.episodes() {
///     let fired = episode.fired_at().map(|at| at.to_string());
///     assert_eq!(fired.as_deref(), Some("2026-01-05T00:00:30Z"));
/// }
/// assert_eq!((outcome.episodes().len(), outcome.faults().len()), (1, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Evaluation<'a> {
    rules: &'a RuleSet,
    inputs: Vec<(String, Arc<[u8]>)>,
    interval: Option<Millis>,
    lookback: Option<Millis>,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
}

impl<'a> Evaluation<'a> {
    /// Makes an evaluation of some rules, as yet without values.
    #[must_use]
    pub fn new(rules: &'a RuleSet) -> Self {
        Self { rules, inputs: Vec::new(), interval: None, lookback: None, start: None, end: None }
    }

    /// Adds values as CSV with a header: a column of times, labels, and metrics. Messages call it `recording.csv`.
    #[must_use]
    pub fn csv(self, text: &str) -> Self {
        let name = match self.inputs.len() {
            0 => "recording.csv".to_owned(),
            before => format!("recording{}.csv", before + 1),
        };
        self.input(&name, text)
    }

    /// Adds the content of a file; messages call it `name`. Its format is detected by the content and by the ending of
    /// the name, as `alertctl eval` does; it may be compressed. Several inputs are read as one recording, in time
    /// order.
    ///
    /// ```
    /// # use alertctl::{Evaluation, NewRule, RuleSet};
    /// # let mut rules = RuleSet::new();
    /// # rules.add(NewRule::alert("Full", "free < 5").each_label_set())?;
    /// let outcome = Evaluation::new(&rules)
    ///     .input("night.jsonl", "{\"time\": \"2026-01-05T00:00:00Z\", \"host\": \"a\", \"free\": 4}\n")
    ///     .input("day.csv", "time,host,free\n2026-01-05T08:00:00Z,a,9\n")
    ///     .run()?;
    /// assert_eq!(outcome.episodes().len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn input(mut self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.inputs.push((name.to_owned(), bytes.as_ref().into()));
        self
    }

    /// Sets how often rules without an interval of their own are evaluated; the default is 1 minute.
    #[must_use]
    pub fn interval(mut self, interval: impl Into<Millis>) -> Self {
        self.interval = Some(interval.into());
        self
    }

    /// Sets for how long a value counts when no newer one follows; the default is 5 minutes.
    #[must_use]
    pub fn lookback(mut self, span: impl Into<Millis>) -> Self {
        self.lookback = Some(span.into());
        self
    }

    /// Leaves out episodes that ended before a time. What is before it is evaluated all the same, so that alerts which
    /// are active at that time have their true beginning.
    #[must_use]
    pub fn start(mut self, at: impl Into<Timestamp>) -> Self {
        self.start = Some(at.into());
        self
    }

    /// Ends the evaluation at a time instead of at the last value.
    #[must_use]
    pub fn end(mut self, at: impl Into<Timestamp>) -> Self {
        self.end = Some(at.into());
        self
    }

    /// Reads the recording to its end while the rules are evaluated.
    ///
    /// # Errors
    /// When the recording cannot be read, or nothing is evaluated: there are no rules or no values, all rules are
    /// disabled, or no evaluation falls within the recording.
    pub fn run(&self) -> Result<EvaluationOutcome, EvaluationError> {
        let options = self.options()?;
        let held: Vec<HeldRule<'_>> = self.rules.iter().collect();
        if held.is_empty() {
            return Err(EvaluationError::new("there are no rules to evaluate"));
        }
        if self.inputs.is_empty() {
            return Err(EvaluationError::new("there is no recording to evaluate the rules on"));
        }
        let rules = self.rules.to_rules();
        let source = |(name, bytes): &(String, Arc<[u8]>)| -> Box<dyn Source> {
            Box::new(Text::new(name.clone(), Arc::clone(bytes)))
        };
        let recording = Recording::open(self.inputs.iter().map(source).collect(), ReadOptions::default());
        let run = |mut recording| Replay::new(&rules, options).run(&mut recording, &mut ());
        let outcome = recording.map_err(RunError::from).and_then(run);
        let outcome = outcome.map_err(|error| EvaluationError::of(&error, &rules.sources))?;
        if Summary::of(&outcome).verdict.exit == 2 {
            return Err(match Nothing::of(&outcome) {
                Nothing::Disabled => EvaluationError::new("nothing was evaluated: all rules are disabled"),
                nothing => EvaluationError::new(called(&nothing.to_string())),
            });
        }
        Ok(EvaluationOutcome::of(&outcome, &held))
    }

    fn options(&self) -> Result<RunOptions, EvaluationError> {
        for (span, what) in [(self.interval, "interval"), (self.lookback, "lookback")] {
            if let Some(span) = span.filter(|span| *span <= Millis::ZERO) {
                return Err(EvaluationError::new(format!("{what} must be longer than 0s, and is {span}")));
            }
        }
        let mut options = RunOptions { end: self.end, ..RunOptions::default() };
        options.eval_interval.set(self.interval);
        options.lookback_delta.set(self.lookback);
        options.selection.start = self.start;
        Ok(options)
    }
}

impl fmt::Debug for Evaluation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.inputs.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Evaluation").field("rules", &self.rules.len()).field("inputs", &names).finish_non_exhaustive()
    }
}

/// The result of an [`Evaluation`]: episodes, and what may be wrong with them.
///
/// ```
/// use alertctl::{Evaluation, NewRule, RuleSet};
///
/// let mut rules = RuleSet::new();
/// rules.add(NewRule::alert("Full", "fre < 5").each_label_set())?;
/// let outcome = Evaluation::new(&rules).csv("time,host,free\n2026-01-05T00:00:00Z,a,4\n").run()?;
/// assert!(outcome.episodes().is_empty());
/// assert_eq!(outcome.warnings().next(), Some("Full: no such metric: fre, near: free"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct EvaluationOutcome {
    episodes: Vec<Episode>,
    faults: Vec<Fault>,
    warnings: Vec<String>,
    notes: Vec<String>,
    evaluations: u64,
    range: (Timestamp, Timestamp),
}

impl EvaluationOutcome {
    /// Takes what is shown of a run; `held` are its rules, by number.
    fn of(outcome: &Outcome, held: &[HeldRule<'_>]) -> Self {
        let handle = |rule: &RuleFacts| held.get(rule.id.0 as usize).map(HeldRule::handle);
        let episodes = outcome.episodes.iter().filter_map(|episode| {
            let rule = outcome.rule(episode.rule)?;
            Some(Episode::of(&rule.name, handle(rule)?, episode, rule.threshold))
        });
        let faults = outcome.rules.iter().filter_map(|rule| Some((rule, handle(rule)?)));
        let (warnings, notes) = remarks(outcome, held);
        let Outcome { range, .. } = outcome;
        Self {
            episodes: episodes.collect(),
            faults: faults.flat_map(|(rule, handle)| faults_of(rule, handle)).collect(),
            warnings,
            notes,
            evaluations: outcome.rules.iter().map(|rule| rule.counts.evaluations).sum(),
            range: (range.evaluated_from.unwrap_or_default(), range.evaluated_to.unwrap_or_default()),
        }
    }

    /// Returns the episodes of all alerts by the time at which they fired, or became active if they never fired.
    #[must_use]
    pub fn episodes(&self) -> &[Episode] {
        &self.episodes
    }

    /// Returns the evaluations that failed, by rule and message. While a rule fails, its alerts stay as they are.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Walks over what may make the result wrong, one sentence each: metrics that are not in the recording, rules that
    /// were never evaluated, values that were left out, series that come and go. A flag in such a sentence is a flag of
    /// `alertctl eval`.
    pub fn warnings(&self) -> impl Iterator<Item = &str> {
        self.warnings.iter().map(String::as_str)
    }

    /// Walks over what else is worth knowing about the recording, one sentence each: stretches without values, times
    /// that look rounded.
    pub fn notes(&self) -> impl Iterator<Item = &str> {
        self.notes.iter().map(String::as_str)
    }

    /// Returns the number of evaluations, of all rules together.
    #[must_use]
    pub fn evaluations(&self) -> u64 {
        self.evaluations
    }

    /// Returns the time of the first evaluation.
    #[must_use]
    pub fn first_evaluation(&self) -> Timestamp {
        self.range.0
    }

    /// Returns the time of the last evaluation.
    #[must_use]
    pub fn last_evaluation(&self) -> Timestamp {
        self.range.1
    }
}

fn faults_of(rule: &RuleFacts, handle: RuleHandle) -> impl Iterator<Item = Fault> {
    rule.counts.faults.iter().map(move |fault| Fault {
        rule: Some((rule.name.clone(), handle)),
        message: fault.message.clone(),
        count: fault.count,
        first: fault.first,
        last: fault.last,
    })
}

/// Returns the warnings and the notes of a run.
fn remarks(outcome: &Outcome, held: &[HeldRule<'_>]) -> (Vec<String>, Vec<String>) {
    let inputs = outcome.input.inputs.iter();
    let read = inputs.flat_map(|input| input.warnings.iter().map(|text| format!("{}: {text}", input.path)));
    let (mut warnings, mut notes): (Vec<String>, Vec<String>) = (read.collect(), Vec::new());
    warnings.extend(outcome.input.order_remarks());
    for rule in &outcome.rules {
        let made = held.get(rule.id.0 as usize).is_some_and(|held| held.file().is_none());
        let place = if made { String::new() } else { format!("{}:{}: ", rule.file, rule.line) };
        warnings.extend(lacks(rule).into_iter().map(|what| format!("{place}{}: {what}", rule.name)));
    }
    for Finding { severity, message, .. } in outcome.findings.iter().chain(&outcome.notes) {
        let list = if *severity == Severity::Info { &mut notes } else { &mut warnings };
        list.push(called(message));
    }
    notes.extend(outcome.gaps.iter().map(|(from, to)| format!("no series has a value between {from} and {to}")));
    (warnings, notes)
}

/// Says what a rule lacks that it may never be true for.
fn lacks(rule: &RuleFacts) -> Vec<String> {
    let missing = rule.missing.iter().map(|metric| format!("no such metric: {}{}", metric.name, metric.hint()));
    let mut lacks: Vec<String> = missing.collect();
    lacks.extend(rule.unmatched.iter().map(ToString::to_string));
    lacks.extend(rule.no_source.iter().map(ToString::to_string));
    if rule.counts.evaluations == 0 && !rule.disabled {
        lacks.push("was never evaluated: no time at which it would be is within the recording".to_owned());
    }
    lacks
}

/// Writes the names of settings as they are here.
fn called(message: &str) -> String {
    CALLED.iter().fold(message.to_owned(), |text, (flag, name)| text.replace(flag, name))
}

/// Why an [`Evaluation`] has no outcome. Its [`Display`](fmt::Display) form names the line of the recording if one is
/// at fault. A flag in it is a flag of `alertctl eval`.
///
/// ```
/// use alertctl::{Evaluation, NewRule, RuleSet};
///
/// let mut rules = RuleSet::new();
/// rules.add(NewRule::alert("Full", "free < 5").each_label_set())?;
/// let csv = "time,host,free\n2026-01-05T00:00:00Z,a,4\nyesterday,a,4\n";
/// let error = Evaluation::new(&rules).csv(csv).run().unwrap_err();
/// assert!(error.to_string().contains("recording.csv:3: "));
/// # Ok::<(), alertctl::LoadError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct EvaluationError {
    message: String,
    /// What is wrong with the rules, where they are at fault.
    rules: Option<LoadError>,
}

impl EvaluationError {
    fn new(message: impl fmt::Display) -> Self {
        Self { message: message.to_string(), rules: None }
    }

    /// Says why a run had no outcome.
    fn of(error: &RunError, sources: &SourceMap) -> Self {
        match error {
            RunError::Rules(found) => {
                let rules = Some(LoadError::new(Diagnostic::all(found, sources)));
                Self { rules, ..Self::new("these rules cannot be evaluated together") }
            }
            RunError::Asked(mismatch) => Self::new(called(&mismatch.to_string())),
            error => Self::new(error),
        }
    }
}

impl fmt::Display for EvaluationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Its source is a [`LoadError`] if the rules are at fault.
/// Formats as [`Display`](fmt::Display) does: what `main` prints when it returns an error is for people.
impl fmt::Debug for EvaluationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for EvaluationError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.rules.as_ref().map(|error| error as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AlertState, Cause, NewRule};

    const DISK: &str = "groups:\n- name: disks\n  rules:\n  - {alert: Full, expr: free < 5, for: 1m, \
                        annotations: {summary: '{{ $value }} left on {{ $labels.host }}'}}\n";

    /// Values of a disk, one per minute.
    fn disk(values: &[&str]) -> String {
        let rows = (0..).zip(values).map(|(minute, value)| format!("2026-01-05T00:{minute:02}:00Z,a,{value}\n"));
        format!("time,host,free\n{}", rows.collect::<String>())
    }

    fn loaded(text: &str) -> RuleSet {
        let mut rules = RuleSet::new();
        rules.load("disk.yml", text).expect("rules");
        rules
    }

    fn made(rule: NewRule) -> RuleSet {
        let mut rules = RuleSet::new();
        rules.add(rule).expect("a rule");
        rules
    }

    fn refused(evaluation: &Evaluation<'_>) -> String {
        evaluation.run().expect_err("nothing to evaluate").to_string()
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp(1_767_571_200_000 + minute * 60_000)
    }

    #[test]
    fn an_alert_fires_and_ends() {
        let rules = loaded(DISK);
        let outcome = Evaluation::new(&rules).csv(&disk(&["9", "4", "3", "1", "8", "4"])).run().expect("an outcome");
        let [full, open] = outcome.episodes() else { panic!("{:?}", outcome.episodes()) };
        assert_eq!((full.rule(), Some(full.handle())), ("Full", rules.find("Full")));
        assert_eq!(full.labels().to_string(), r#"{alertname="Full", host="a"}"#);
        assert_eq!((full.active_at(), full.fired_at(), full.ended_at()), (at(1), Some(at(2)), Some(at(4))));
        assert_eq!((full.state(), full.cause()), (AlertState::Inactive, Cause::ConditionFalse));
        assert_eq!((full.value(), full.last_value(), full.worst()), (3.0, 1.0, Some(1.0)));
        assert_eq!(full.annotation("summary"), Some("3 left on a"));
        assert!(full.beginning_seen());
        assert_eq!((open.state(), open.cause(), open.ended_at()), (AlertState::Pending, Cause::EndOfData, None));
        assert_eq!((outcome.evaluations(), outcome.first_evaluation(), outcome.last_evaluation()), (6, at(0), at(5)));
        assert!(outcome.faults().is_empty());
    }

    #[test]
    fn inputs_of_several_formats_are_one_recording() {
        let rules = loaded(DISK);
        let lines =
            (3..6).map(|minute| format!("{{\"time\":\"2026-01-05T00:{minute:02}:00Z\",\"host\":\"a\",\"free\":2}}\n"));
        let evaluation =
            Evaluation::new(&rules).input("late.jsonl", lines.collect::<String>()).csv(&disk(&["9", "4", "4"]));
        let outcome = evaluation.run().expect("an outcome");
        let [full] = outcome.episodes() else { panic!("{:?}", outcome.episodes()) };
        assert_eq!((full.fired_at(), full.ended_at(), full.worst()), (Some(at(2)), None, Some(2.0)));
        assert_eq!(full.state(), AlertState::Firing);
    }

    #[test]
    fn the_interval_and_the_stretch_of_time_are_chosen() {
        let rules = loaded(DISK);
        let evaluation = Evaluation::new(&rules).csv(&disk(&["4", "4", "9", "9", "4", "4", "9"]));
        let count = |evaluation: Evaluation<'_>| evaluation.run().expect("an outcome").episodes().len();
        assert_eq!(count(evaluation.clone()), 2);
        assert_eq!(count(evaluation.clone().start(at(3))), 1);
        assert_eq!(count(evaluation.clone().end(at(3))), 1);
        let outcome = evaluation.clone().interval(Millis(30_000)).run().expect("an outcome");
        assert_eq!(outcome.evaluations(), 13);
        assert!(outcome.warnings().all(|warning| !warning.contains("interval")));
        let assumed = evaluation.run().expect("an outcome");
        assert!(assumed.warnings().any(|warning| warning == "the group disks has no interval: 1m is assumed"));
    }

    #[test]
    fn rules_that_were_made_in_code_are_evaluated() {
        let rows = disk(&["9", "4", "3"]);
        for rule in [
            NewRule::alert("Low", "free < 5").every(Millis(60_000)),
            NewRule::alert("Low", "free < 5").each_label_set(),
        ] {
            let rules = made(rule);
            let outcome = Evaluation::new(&rules).csv(&rows).run().expect("an outcome");
            let [low] = outcome.episodes() else { panic!("{:?}", outcome.episodes()) };
            assert_eq!((Some(low.handle()), low.fired_at()), (rules.find("Low"), Some(at(1))));
        }
    }

    #[test]
    fn each_rule_has_its_own_handle_and_line() {
        let mut rules = made(NewRule::record("half", "fre / 2").every(Millis(60_000)));
        rules.load("disk.yml", DISK).expect("rules");
        rules.load("b.yml", "groups:\n- name: b\n  rules:\n  - {record: b, expr: gone}\n").expect("rules");
        let outcome = Evaluation::new(&rules).csv(&disk(&["4", "4", "4"])).run().expect("an outcome");
        assert_eq!(outcome.episodes().iter().map(Episode::handle).next(), rules.find("Full"));
        let lacks: Vec<&str> = outcome.warnings().filter(|warning| warning.contains("metric")).collect();
        assert_eq!(lacks, ["half: no such metric: fre, near: free", "b.yml:4: b: no such metric: gone"]);
        assert_eq!(rules.iter().map(|rule| rule.line()).collect::<Vec<_>>(), [None, Some(4), Some(4)]);
    }

    #[test]
    fn what_fails_is_counted() {
        let rules = made(NewRule::alert("Both", "free / on () size").every(Millis(60_000)));
        let row = |minute| format!("2026-01-05T00:0{minute}:00Z,a,1,2\n2026-01-05T00:0{minute}:00Z,b,1,2\n");
        let csv = format!("time,host,free,size\n{}", (0..3).map(row).collect::<String>());
        let outcome = Evaluation::new(&rules).csv(&csv).run().expect("an outcome");
        let [fault] = outcome.faults() else { panic!("{:?}", outcome.faults()) };
        assert_eq!((fault.rule(), fault.handle()), (Some("Both"), rules.find("Both")));
        assert_eq!((fault.count(), fault.first(), fault.last()), (3, at(0), at(2)));
        assert!(fault.message().contains("many-to-many"), "{fault}");
        assert!(outcome.episodes().is_empty());
    }

    #[test]
    fn a_rule_that_selects_nothing_is_named() {
        let rules = loaded("groups: [{name: g, interval: 1m, rules: [{alert: A, expr: 'free{host=\"b\"} < 5'}]}]");
        let outcome = Evaluation::new(&rules).csv(&disk(&["4", "4"])).run().expect("an outcome");
        let warnings: Vec<&str> = outcome.warnings().collect();
        assert_eq!(warnings, [r#"disk.yml:1: A: no series of free has host="b", near: a"#]);
    }

    #[test]
    fn what_was_odd_about_the_rows_is_named() {
        let rules = loaded(DISK);
        let rows = format!("{}2026-01-05T00:01:00Z,a,9\n2026-01-05T02:00:00Z,a,9", disk(&["9", "9", "9"]));
        let outcome = Evaluation::new(&rules).csv(&rows).run().expect("an outcome");
        let warnings: Vec<&str> = outcome.warnings().collect();
        for part in ["recording.csv:5: is before the row above it", "1 sample repeats another one", "line end"] {
            assert!(warnings.iter().any(|warning| warning.contains(part)), "{part}: {warnings:?}");
        }
        let rows = format!("{}2026-01-05T02:00:00Z,a,9\n", disk(&["9"; 30]));
        let outcome = Evaluation::new(&rules).csv(&rows).run().expect("an outcome");
        let gap = format!("no series has a value between {} and {}", at(29), at(120));
        assert!(outcome.notes().any(|note| note == gap), "{:?}", outcome.notes().collect::<Vec<_>>());
        let outcome = Evaluation::new(&rules).csv(&disk(&["9"; 3])).run().expect("an outcome");
        assert!(outcome.notes().any(|note| note.ends_with("is seen to its end; lookback")), "the names of settings");
    }

    #[test]
    fn a_rule_that_is_never_evaluated_is_named() {
        let mut rules = loaded("groups: [{name: g, interval: 1h, rules: [{alert: Hourly, expr: free < 5}]}]");
        let late = disk(&["4"; 20]).replace("T00:", "T01:").replace("2026-01-05T01:00:00Z,a,4\n", "");
        let alone = refused(&Evaluation::new(&rules).csv(&late));
        assert!(alone.starts_with("nothing was evaluated: no evaluation time of any group"), "{alone}");
        rules.add(NewRule::alert("Low", "free < 5").each_label_set()).expect("a rule");
        let outcome = Evaluation::new(&rules).csv(&late).run().expect("an outcome");
        let never = "disk.yml:1: Hourly: was never evaluated: no time at which it would be is within the recording";
        assert!(outcome.warnings().any(|warning| warning == never), "{:?}", outcome.warnings().collect::<Vec<_>>());
    }

    #[test]
    fn an_outcome_is_never_empty_for_want_of_something() {
        let rules = loaded(DISK);
        let evaluation = || Evaluation::new(&rules);
        let rows = disk(&["9", "4"]);
        assert_eq!(refused(&evaluation()), "there is no recording to evaluate the rules on");
        assert_eq!(refused(&Evaluation::new(&RuleSet::new()).csv(&rows)), "there are no rules to evaluate");
        assert!(refused(&evaluation().csv("")).starts_with("recording.csv: is empty"));
        assert!(refused(&evaluation().csv("time,host,free\n")).starts_with("recording.csv: has no rows"));
        let cut = format!("{rows}2026-01-05T00:02:00Z,a,much\n");
        let found = refused(&evaluation().input("a.csv", &rows).csv(&cut));
        assert!(found.contains("recording2.csv:4: "), "{found}");
        assert_eq!(refused(&evaluation().csv(&rows).interval(Millis(0))), "interval must be longer than 0s, and is 0s");
        let found = refused(&evaluation().csv(&rows).start(at(1)).end(at(0)));
        assert_eq!(found, "start 2026-01-05T00:01:00Z is after end 2026-01-05T00:00:00Z");
        assert!(refused(&evaluation().csv(&rows).start(at(9))).starts_with("start 2026-01-05T00:09:00Z is after"));
        let mut off = loaded(DISK);
        off.set_enabled(off.find("Full").expect("there"), false);
        assert_eq!(refused(&Evaluation::new(&off).csv(&rows)), "nothing was evaluated: all rules are disabled");
    }

    #[test]
    fn spans_and_times_of_any_size_are_taken() {
        let rules = loaded(DISK);
        let rows = disk(&["9", "4", "4"]);
        let evaluation = || Evaluation::new(&rules).csv(&rows);
        let all = [i64::MIN, -1, 0, 1, i64::MAX];
        for size in all {
            let _ = evaluation().interval(Millis(size.max(60_000))).lookback(Millis(size)).run();
            let _ = evaluation().interval(Millis(size.min(60_000))).run();
            let (span, interval) = (Millis(size.max(0)), Millis(size.max(60_000)));
            let rule = NewRule::alert("Low", "free < 5").hold(span).keep_firing(span).every(interval);
            let _ = Evaluation::new(&made(rule)).csv(&rows).run();
            for end in all {
                let _ = evaluation().start(Timestamp(size)).end(Timestamp(end)).run();
            }
        }
    }
}
