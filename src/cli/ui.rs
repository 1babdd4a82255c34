//! The terminal: progress, colours, width.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rustix::termios::{Winsize, tcgetwinsize};

use crate::report::wrap::hung;

use super::flags::ColorWhen;

/// The width that is taken for a terminal that does not tell its own. Unit: columns.
const USUAL_WIDTH: usize = 120;
/// How long work may take before it is shown.
const PATIENCE: Duration = Duration::from_millis(300);

/// What standard output and standard error are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Terminal {
    /// Whether results may be coloured.
    pub(crate) stdout_color: bool,
    /// Whether messages may be coloured.
    pub(crate) stderr_color: bool,
    /// The width of standard output, if it is a terminal. Unit: columns.
    pub(crate) width: Option<usize>,
    /// The width of standard error, if it is a terminal. Unit: columns.
    pub(crate) stderr_width: Option<usize>,
    /// Whether standard error is a terminal.
    pub(crate) stderr: bool,
}

impl Terminal {
    /// Looks at both streams and the environment (`NO_COLOR`, and `COLUMNS` before what the terminal says).
    pub(crate) fn look(when: ColorWhen) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let (stdout, stderr) = (std::io::stdout().is_terminal(), std::io::stderr().is_terminal());
        Self {
            stdout_color: colored(when, stdout, no_color),
            stderr_color: colored(when, stderr, no_color),
            width: stdout_width(),
            stderr_width: stderr_width(),
            stderr,
        }
    }
}

/// Returns the width of standard output, if it is a terminal.
fn stdout_width() -> Option<usize> {
    let said = || tcgetwinsize(std::io::stdout()).ok();
    std::io::stdout().is_terminal().then(|| columns(said))
}

/// Returns the width of standard error, if it is a terminal.
fn stderr_width() -> Option<usize> {
    let said = || tcgetwinsize(std::io::stderr()).ok();
    std::io::stderr().is_terminal().then(|| columns(said))
}

/// Returns the width in the environment, or else the one that a terminal says it has.
fn columns(said: impl FnOnce() -> Option<Winsize>) -> usize {
    let given = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).filter(|wide| *wide > 0);
    let said = || said().map(|size| usize::from(size.ws_col)).filter(|wide| *wide > 0);
    given.or_else(said).unwrap_or(USUAL_WIDTH)
}

fn colored(when: ColorWhen, terminal: bool, no_color: bool) -> bool {
    match when {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto => terminal && !no_color,
    }
}

/// Writes lines to standard error, unless they are not wanted. One that cannot be written is lost: there is no other
/// place to say so.
pub(crate) fn say(quiet: bool, text: &str) {
    if !quiet {
        let _ = writeln!(std::io::stderr(), "{}", hung(text, stderr_width()));
    }
}

/// Writes a text that fits already to standard error.
pub(crate) fn say_as_is(text: &str) {
    let _ = write!(std::io::stderr(), "{text}");
}

/// One line on a terminal that says how far the reading is; gone when done.
pub(crate) struct Progress {
    bar: ProgressBar,
    begun: Instant,
    wanted: bool,
}

impl Progress {
    /// Makes a line for a number of bytes (0 is unknown); nothing is drawn for a third of a second.
    pub(crate) fn new(wanted: bool, bytes: u64) -> Self {
        let bar = ProgressBar::with_draw_target((bytes > 0).then_some(bytes), ProgressDrawTarget::hidden());
        let known = "reading  {binary_bytes} of {binary_total_bytes}  {wide_bar}  {binary_bytes_per_sec}, {eta} left";
        let unknown = "reading  {binary_bytes}  {binary_bytes_per_sec}";
        if let Ok(style) = ProgressStyle::with_template(if bytes > 0 { known } else { unknown }) {
            bar.set_style(style.progress_chars("=> "));
        }
        Self { bar, begun: Instant::now(), wanted }
    }

    /// Moves the line to a number of bytes.
    pub(crate) fn at(&mut self, bytes: u64) {
        if self.wanted && self.begun.elapsed() > PATIENCE {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
            self.wanted = false;
        }
        self.bar.set_position(bytes);
    }

    /// Takes the line away.
    pub(crate) fn done(&self) {
        self.bar.finish_and_clear();
    }
}

/// One line on a terminal that counts what is done of a number of things; gone when done.
pub(crate) struct Steps {
    bar: ProgressBar,
}

impl Steps {
    /// Makes a line, which is drawn once [`Steps::expect`] has told of how much it is.
    pub(crate) fn new(wanted: bool) -> Self {
        let target = if wanted { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("measuring  process {pos} of {len}  {wide_bar}  {eta} left") {
            bar.set_style(style.progress_chars("=> "));
        }
        Self { bar }
    }

    /// Tells how many there are.
    pub(crate) fn expect(&self, count: u64) {
        self.bar.set_length(count);
    }

    /// Moves the line by one.
    pub(crate) fn next(&self) {
        self.bar.inc(1);
    }

    /// Takes the line away.
    pub(crate) fn done(&self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_that_want_them() {
        assert!(colored(ColorWhen::Auto, true, false));
        assert!(!colored(ColorWhen::Auto, true, true));
        assert!(!colored(ColorWhen::Auto, false, false));
        assert!(colored(ColorWhen::Always, false, true));
        assert!(!colored(ColorWhen::Never, true, false));
    }
}
