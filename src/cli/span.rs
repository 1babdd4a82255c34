//! The span of recordings, for times that are relative to it.

use crate::format::Clock;
use crate::input::Source;
use crate::replay::{self, RunError};
use crate::time::{Moment, Timestamp};

use super::Failure;
use super::flags::ConsoleArgs;
use super::flags::input::ReadArgs;
use super::interrupt::Interrupt;
use super::load::Shared;
use super::ui::Terminal;
use super::watch::Watch;

/// Why the first reading of recordings came to no end.
pub(super) enum Unread {
    Failed(Failure),
    Run(RunError),
}

/// The times of the first and the last sample of recordings, where a time that was asked for is relative to them.
#[derive(Clone, Copy)]
pub(super) struct Span(Option<(Timestamp, Timestamp)>);

impl Span {
    /// Reads recordings for their span where that is needed, and returns them for the reading that follows.
    pub(super) fn of(
        needed: bool,
        recordings: Vec<Box<dyn Source>>,
        (command, read, console): (&str, &ReadArgs, ConsoleArgs),
        terminal: &Terminal,
        interrupt: &Interrupt,
    ) -> Result<(Self, Vec<Box<dyn Source>>), Unread> {
        if !needed {
            return Ok((Self(None), recordings));
        }
        let shared = Shared::all(recordings).map_err(Unread::Failed)?;
        let again = Shared::again(&shared);
        let opened = read.options().and_then(|options| read.open(command, again, options));
        let mut opened = opened.map_err(Unread::Failed)?;
        let mut watch = Watch::new(console, terminal, opened.length, interrupt);
        let span = replay::span(&mut opened.recording, &mut watch);
        watch.done();
        Ok((Self(span.map_err(Unread::Run)?), Shared::again(&shared)))
    }

    /// Returns both times, where they were needed and there is a sample.
    pub(super) fn ends(self) -> Option<(Timestamp, Timestamp)> {
        self.0
    }

    /// Returns the time that a flag names. Without a sample nothing is relative to anything: that there is none is said by
    /// the run.
    pub(super) fn place(self, flag: &str, moment: Option<Moment>, clock: &Clock) -> Result<Option<Timestamp>, Failure> {
        let moment = moment.filter(|moment| self.0.is_some() || !moment.is_relative());
        let at = moment.map(|moment| clock.place(moment, self.0)).transpose();
        at.map_err(|error| Failure::new(format!("{flag}: {error}")))
    }
}
