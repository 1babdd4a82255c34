//! What `alertctl check` learns from recorded data.

use std::str::FromStr;

use clap::Args;

use crate::diagnostic::Diagnostics;
use crate::input::{BadRows, Form};
use crate::lint::evidence::{self, Evidence};
use crate::lint::policy::Firings;
use crate::lint::subject::Subject;
use crate::lint::{self, subject::LintOptions};
use crate::outcome::{Nothing, RunOptions};
use crate::replay::RunError;
use crate::store::{Conflicts, Stale};
use crate::time::{Millis, parse_interval};

use super::flags::ConsoleArgs;
use super::flags::input::ReadArgs;
use super::flags::output::ColorWhen;
use super::interrupt::Interrupt;
use super::load;
use super::ui::Terminal;
use super::watch::Watch;
use super::{Exit, Failure};

/// The recording that rules are checked on, and how it is read.
#[derive(Debug, Args)]
pub(crate) struct DataFlags {
    /// Check rules on recorded data too; repeatable
    ///
    /// Names and labels that are not there, ranges too short for the samples, thresholds, firings, gaps.
    #[arg(short, long = "data", value_name = "RECORDING", help_heading = "Recorded data")]
    pub(crate) data: Vec<String>,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
    /// Interval of groups that set none [default: 1m]
    #[arg(long, value_name = "DURATION", value_parser = parse_interval, hide_short_help = true, help_heading = "Recorded data")]
    pub(crate) eval_interval: Option<Millis>,
    /// How far back a selector looks for a sample [default: 5m]
    #[arg(long, value_name = "DURATION", value_parser = parse_interval, hide_short_help = true, help_heading = "Recorded data")]
    pub(crate) lookback_delta: Option<Millis>,
    /// How the end of a series is detected: auto, off or a duration [default: auto]
    ///
    /// As for `alertctl eval`.
    #[arg(long, value_name = "HOW", value_parser = Stale::from_str, hide_short_help = true, requires = "data", help_heading = "Recorded data")]
    pub(crate) stale: Option<Stale>,
}

/// What came of the lints of data.
pub(super) enum Learnt {
    /// What they found, how often each alert fired, and why that is no answer, if it is none.
    Found(Diagnostics, Firings, Option<Failure>),
    /// The reading was stopped.
    Stopped(Exit),
}

impl DataFlags {
    /// Returns whether there is a recording.
    pub(super) fn is_given(&self) -> bool {
        !self.data.is_empty()
    }

    /// Returns what rules are looked at with.
    pub(super) fn lint_options(&self) -> LintOptions {
        let mut options = LintOptions::default();
        options.interval = self.eval_interval.unwrap_or(options.interval);
        options.lookback = self.lookback_delta.unwrap_or(options.lookback);
        options
    }

    /// Refuses flags that say how a recording is read where there is none.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let read = self.read.options()?;
        let is_usual = read.form == Form::default()
            && read.chosen.is_none()
            && read.bad_rows == BadRows::default()
            && self.read.conflicts == Conflicts::default()
            && read.time_zone.is_none();
        if is_usual || self.is_given() {
            return Ok(());
        }
        Err(Failure::new("flags say how a recording is read, but none is named")
            .hint("name it: alertctl check rules/ -d night.csv"))
    }

    /// Returns whether a lint is asked that sees rules alone: not where the recording tells the same better.
    pub(super) fn leaves(&self, code: &str) -> bool {
        !(self.is_given() && lint::needs_data(code))
    }

    /// Evaluates rules on the recordings, if any are named, and looks at them with the lints of data.
    pub(super) fn learn(
        &self,
        subject: &Subject<'_>,
        wanted: &impl Fn(&str) -> bool,
        quiet: bool,
        terminal: &Terminal,
    ) -> Result<Learnt, Failure> {
        if !self.is_given() || subject.all.is_empty() {
            return Ok(Learnt::Found(Diagnostics::default(), Firings::new(), None));
        }
        let interrupt = Interrupt::listen(terminal.stderr);
        let mut options = RunOptions { conflicts: self.read.conflicts, ..RunOptions::default() };
        options.eval_interval.set(self.eval_interval);
        options.lookback_delta.set(self.lookback_delta);
        options.stale.set(self.stale);
        let recordings = load::recordings(&self.data)?;
        let mut opened = self.read.open("check", recordings, self.read.options()?)?;
        let console = ConsoleArgs { quiet, no_progress: false, color: ColorWhen::Auto };
        let mut watch = Watch::new(console, terminal, opened.length, &interrupt);
        let read = evidence::record(subject.rules, &options, &mut opened.recording, &mut watch);
        watch.done();
        let recorded = match read {
            Ok(recorded) => recorded,
            Err(RunError::Stopped) => {
                interrupt.say_stopped();
                return Ok(Learnt::Stopped(interrupt.exit()));
            }
            Err(error) => return Err(Failure::of(&error, error.hint())),
        };
        let evidence = Evidence::new(subject, &recorded);
        Ok(Learnt::Found(lint::run_data(&evidence, wanted), lint::firings(&evidence), unread(&evidence)))
    }
}

/// Says that nothing was evaluated on a recording, or that no rule reads it: silence about it would look like praise.
fn unread(evidence: &Evidence<'_>) -> Option<Failure> {
    let outcome = &evidence.recorded.outcome;
    if outcome.rules.iter().all(|rule| rule.disabled) {
        return None;
    }
    if outcome.rules.iter().all(|rule| rule.counts.evaluations == 0) {
        let nothing = Nothing::of(outcome);
        return Some(Failure::of(&nothing, nothing.hint().map(str::to_owned)));
    }
    let mut wanted = Vec::new();
    for place in evidence.subject.places() {
        for found in place.rule.expr.selectors() {
            match found.selector.metric() {
                Some(metric) if evidence.is_written(metric) => {}
                Some(metric) if evidence.series_of(metric).is_empty() => wanted.push(metric.to_owned()),
                _ => return None,
            }
        }
    }
    let near = wanted.iter().find_map(|metric| Some((metric, *evidence.near(metric).first()?)));
    let hint = match near {
        Some((metric, near)) => {
            format!("`{near}` is near `{metric}`; `alertctl data` lists all metrics of a recording")
        }
        None => "`alertctl data` lists the metrics of a recording".to_owned(),
    };
    (!wanted.is_empty()).then(|| Failure::new("no metric of the rules is in the recording").hint(hint))
}
