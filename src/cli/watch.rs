//! Watching a run from the terminal: progress, Ctrl-C, and what `ndjson` and `openmetrics` show in the end.

use std::io::{self, Read as _, Seek, Write};
use std::ops::ControlFlow;

use tempfile::SpooledTempFile;

use crate::engine::{Event, WrittenSample};
use crate::replay::Observer;
use crate::report::ndjson::NdjsonWriter;
use crate::report::openmetrics::SampleColumns;
use crate::rules::RuleSet;

use super::Failure;
use super::flags::ConsoleArgs;
use super::interrupt::Interrupt;
use super::ui::{Progress, Terminal};

/// The most bytes of transitions that stay in memory.
const TRANSITIONS_IN_MEMORY: usize = 8 << 20;

/// How many bytes of transitions go to the file at once.
const TRANSITIONS_AT_ONCE: usize = 64 << 10;

/// Draws progress, listens to Ctrl-C, keeps transitions and samples.
pub(super) struct Watch<'a> {
    progress: Progress,
    interrupt: &'a Interrupt,
    transitions: Option<Transitions<'a>>,
    samples: Option<SampleColumns>,
}

/// What was kept of a run.
pub(super) struct Kept<'a> {
    pub(super) transitions: Option<Transitions<'a>>,
    pub(super) samples: Option<SampleColumns>,
}

impl<'a> Watch<'a> {
    /// Begins to watch the reading of so many bytes (0 is unknown).
    pub(super) fn new(console: ConsoleArgs, terminal: &Terminal, bytes: u64, interrupt: &'a Interrupt) -> Self {
        let drawn = terminal.stderr && !console.quiet && !console.no_progress;
        Self { progress: Progress::new(drawn, bytes), interrupt, transitions: None, samples: None }
    }

    /// Keeps the transitions of a run of these rules on these recordings.
    pub(super) fn keep_transitions(&mut self, rules: &'a RuleSet, recordings: &'a [String]) {
        self.transitions = Some(Transitions { rules, recordings, kept: Ok(None) });
    }

    /// Keeps the samples that rules write.
    pub(super) fn keep_samples(&mut self) {
        self.samples = Some(SampleColumns::default());
    }

    /// Ends the watch; hands over what was kept.
    pub(super) fn done(self) -> Kept<'a> {
        self.progress.done();
        Kept { transitions: self.transitions, samples: self.samples }
    }
}

impl Observer for Watch<'_> {
    fn begin(&mut self) {
        if let Some(transitions) = &mut self.transitions {
            transitions.begin();
        }
        if let Some(samples) = &mut self.samples {
            *samples = SampleColumns::default();
        }
    }

    fn read(&mut self, bytes: u64) -> ControlFlow<()> {
        self.progress.at(bytes);
        let full = self.samples.as_ref().is_some_and(SampleColumns::is_full);
        let lost = self.transitions.as_ref().is_some_and(|transitions| transitions.kept.is_err());
        if full || lost || self.interrupt.pressed() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn event(&mut self, _: usize, event: &Event) {
        if let Some(transitions) = &mut self.transitions {
            transitions.keep(event);
        }
    }

    fn written(&mut self, _: usize, sample: WrittenSample) {
        if let Some(samples) = &mut self.samples {
            samples.push(&sample.labels, sample.stamp, &sample.value);
        }
    }
}

/// Transitions as lines, until all rows are known to be good: in memory, and if they are many in a temporary file. The
/// file has no name, so that nothing is left of it when a signal ends the process.
pub(super) struct Transitions<'a> {
    rules: &'a RuleSet,
    recordings: &'a [String],
    /// None before the run begins.
    kept: io::Result<Option<NdjsonWriter<io::BufWriter<SpooledTempFile>>>>,
}

impl Transitions<'_> {
    fn begin(&mut self) {
        let spool = SpooledTempFile::new(TRANSITIONS_IN_MEMORY);
        let spool = io::BufWriter::with_capacity(TRANSITIONS_AT_ONCE, spool);
        self.kept = NdjsonWriter::begin(spool, self.rules, self.recordings).map(Some);
    }

    fn keep(&mut self, event: &Event) {
        if let Ok(Some(writer)) = &mut self.kept
            && let Err(error) = writer.event(event)
        {
            self.kept = Err(error);
        }
    }

    /// Says why transitions were lost, if any were: then the run was stopped.
    pub(super) fn failure(&self) -> Option<Failure> {
        self.kept.as_ref().err().map(unkept)
    }

    /// Makes the lines of a run ready to be copied.
    pub(super) fn finish(self) -> Result<Option<Lines>, Failure> {
        let Some(writer) = self.kept.map_err(|error| unkept(&error))? else { return Ok(None) };
        writer.into_inner().into_inner().map(|lines| Some(Lines(lines))).map_err(|error| unkept(error.error()))
    }
}

fn unkept(error: &io::Error) -> Failure {
    let folder = std::env::temp_dir();
    Failure::new(format!(
        "cannot keep the transitions for ndjson in a temporary file in `{}`: {error}",
        folder.display()
    ))
    .hint("set TMPDIR to a folder that exists and has room")
}

/// Transitions that can be copied, any number of times.
pub(super) struct Lines(SpooledTempFile);

impl Lines {
    pub(super) fn copy(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.0.rewind()?;
        let mut piece = vec![0; 64 << 10];
        loop {
            match self.0.read(&mut piece)? {
                0 => return Ok(()),
                many => out.write_all(&piece[..many])?,
            }
        }
    }
}
