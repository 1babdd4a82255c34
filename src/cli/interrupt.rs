//! Signals that end a run: Ctrl-C, SIGTERM, and SIGHUP when a terminal goes away.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::profile::group;

use super::Exit;
use super::ui::say;
use super::unfinished;

/// How long work may go on after a signal before the process is ended.
const GRACE: Duration = Duration::from_millis(25);

/// Returns whether a signal asked to stop.
///
/// The work ends by itself between two slices of it; where one takes long, or where a read or write waits for a pipe,
/// the process is ended [`GRACE`] later. Files that are not whole by then go away.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt {
    /// The signal; 0 is none.
    signal: Arc<AtomicI32>,
    writing: Arc<AtomicBool>,
    told: Arc<AtomicBool>,
}

impl Interrupt {
    /// Begins to listen; `terminal` tells whether a line of progress may have to be taken away. Where the system
    /// refuses, signals end the process as they always do.
    pub(crate) fn listen(terminal: bool) -> Self {
        let interrupt = Self::default();
        let mut wanted = vec![SIGINT, SIGTERM];
        // `nohup` lets a process live on when its terminal goes away: that is not to be undone.
        if !ignored(SIGHUP) {
            wanted.push(SIGHUP);
        }
        if let Ok(mut signals) = Signals::new(wanted) {
            let interrupt = interrupt.clone();
            std::thread::spawn(move || {
                if let Some(signal) = signals.forever().next() {
                    interrupt.signal.store(signal, Ordering::Relaxed);
                    std::thread::sleep(GRACE);
                    if terminal {
                        let _ = write!(io::stderr(), "\r\x1b[2K");
                    }
                    interrupt.say_stopped();
                    end(interrupt.exit());
                }
            });
        }
        interrupt
    }

    /// Returns whether a signal asked to stop.
    pub(crate) fn pressed(&self) -> bool {
        self.signal.load(Ordering::Relaxed) != 0
    }

    /// Returns how a run ends that a signal stopped.
    pub(crate) fn exit(&self) -> Exit {
        match self.signal.load(Ordering::Relaxed) {
            SIGTERM => Exit::Terminated,
            SIGHUP => Exit::HungUp,
            _ => Exit::Interrupted,
        }
    }

    fn name(&self) -> &'static str {
        match self.exit() {
            Exit::Terminated => "SIGTERM",
            Exit::HungUp => "SIGHUP",
            _ => "Ctrl-C",
        }
    }

    /// Says what was finished, once.
    pub(crate) fn say_stopped(&self) {
        if !self.told.swap(true, Ordering::Relaxed) {
            let writing = self.writing.load(Ordering::Relaxed);
            let finished = if writing { "the results are incomplete" } else { "nothing was reported" };
            say(false, &format!("stopped by {}: {finished}", self.name()));
        }
    }

    /// Makes a writer of results that fails once a signal asks to stop, so that a file that is not whole goes away.
    pub(crate) fn watch<'a>(&self, out: &'a mut dyn Write) -> Watched<'a> {
        self.writing.store(true, Ordering::Relaxed);
        Watched { out, interrupt: self.clone() }
    }
}

/// Returns whether the process was started with a signal ignored, where the system says so.
///
/// Source: proc_pid_status(5), `SigIgn`: a mask in hexadecimal, bit 0 is signal 1.
fn ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}

/// A writer that fails once a signal asks to stop.
pub(crate) struct Watched<'a> {
    out: &'a mut dyn Write,
    interrupt: Interrupt,
}

impl Write for Watched<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.interrupt.pressed() {
            return Err(io::Error::other(format!("stopped by {}", self.interrupt.name())));
        }
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[expect(clippy::exit, reason = "the thread that works may be blocked")]
fn end(outcome: Exit) {
    // Held until the process is gone: no other file begins, and no other process.
    let _held = (unfinished::abandon(), group::end_all());
    std::process::exit(i32::from(outcome.code()));
}
