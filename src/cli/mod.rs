//! The command line tool: flags, files, the terminal. The only layer that opens paths, prints or reads the environment.

mod args;
mod check;
mod check_data;
mod claims;
mod complete;
mod convert;
mod data;
mod diff;
mod eval;
mod explain;
mod flags;
mod fmt;
mod git;
mod help;
mod init;
mod interrupt;
mod load;
mod mistaken;
mod out;
mod problems;
mod profile;
mod query;
mod rules;
mod schema;
mod shell;
mod signed;
mod span;
mod sweep;
mod ui;
mod unfinished;
mod watch;

use std::fmt::{Display, Formatter};
use std::io::{self, Write};

use clap::Parser;

use crate::report::table::grid::printable;
use crate::report::wrap::hung;
use crate::source::FileError;
use args::{Cli, Command};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, and the answer is good.
    Good,
    /// Done, and the answer is "no".
    No,
    /// It could not be done.
    Failed,
    /// Stopped by Ctrl-C.
    Interrupted,
    /// Stopped by SIGTERM.
    Terminated,
    /// Stopped by SIGHUP: the terminal went away.
    HungUp,
}

impl Exit {
    /// Returns the exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::No => 1,
            Self::Failed => 2,
            Self::HungUp => 129,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}

/// Work that could not be done, and what to type next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    message: String,
    hint: Option<String>,
    /// Problems in the user's files with carets, which the message counts; empty for other failures.
    carets: String,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, carets: String::new() }
    }

    /// Takes an error of the library, and what to type next where it knows.
    pub(crate) fn of(error: &impl Display, hint: Option<String>) -> Self {
        Self { hint, ..Self::new(error.to_string()) }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl Failure {
    /// Returns all but the problems with carets.
    fn words(&self) -> String {
        let head = if self.carets.is_empty() { "error: " } else { "" };
        let hint = self.hint.as_ref().map(|hint| format!("\nhint: {hint}"));
        let words = format!("{head}{}{}", self.message, hint.unwrap_or_default());
        // A file's name or content may hold anything; a terminal must not obey it.
        words.split('\n').map(printable).collect::<Vec<_>>().join("\n")
    }

    /// Says what went wrong on standard error.
    fn say(&self) {
        // The carets are within the width already.
        ui::say_as_is(&self.carets);
        ui::say(false, &self.words());
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        Self { hint: error.hint, ..Self::new(error.message) }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.carets, self.words())
    }
}

/// What the process was given when it began.
#[derive(Clone, Copy, Debug)]
pub struct Given {
    /// Whether standard output was closed. The runtime puts /dev/null in place of a closed stream before `main`, so
    /// this has to be determined earlier.
    pub stdout_closed: bool,
}

/// The answer to `--version`.
const VERSION: &str = concat!("alertctl ", env!("CARGO_PKG_VERSION"), "\n");

/// Parses the command line and does what it says.
#[must_use]
pub fn run(given: Given) -> Exit {
    if given.stdout_closed {
        out::stdout_is_closed();
    }
    if let Some(completed) = complete::answer() {
        return told(completed);
    }
    if std::env::args_os().skip(1).eq(["--version"]) {
        // Scripts ask at every start: answered without the tree of all flags.
        return told(printed(VERSION, &ui::Terminal::look(flags::ColorWhen::Auto)));
    }
    let cli = match Cli::try_parse_from(signed::spaced(std::env::args_os())) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => {
            let text = error.render();
            let color = ui::Terminal::look(flags::ColorWhen::Auto).stderr_color;
            let text = if color { text.ansi().to_string() } else { text.to_string() };
            ui::say(false, text.trim_end());
            if error.kind() == clap::error::ErrorKind::MissingRequiredArgument {
                let words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
                mistaken::unflagged(&words).iter().for_each(|line| ui::say(false, &format!("hint: {line}")));
            }
            return Exit::Failed;
        }
        Err(help) => {
            let terminal = ui::Terminal::look(flags::ColorWhen::Auto);
            let text = help.render();
            let text = if terminal.stdout_color { text.ansi().to_string() } else { text.to_string() };
            return told(printed(&text, &terminal));
        }
    };
    let Some(command) = cli.command else {
        return told(printed(help::INTRODUCTION, &ui::Terminal::look(flags::ColorWhen::Auto)));
    };
    told(match command {
        Command::Eval(args) => eval::run(&args),
        Command::Query(args) => query::run(*args),
        Command::Diff(args) => diff::run(&args),
        Command::Profile(args) => profile::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Fmt(args) => fmt::run(&args),
        Command::Data(args) => data::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Init(args) => init::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Completions(args) => shell::completions(&args),
        Command::Man(args) => shell::man(&args),
    })
}

/// Says why something could not be done.
fn told(outcome: Result<Exit, Failure>) -> Exit {
    outcome.unwrap_or_else(|failure| {
        failure.say();
        Exit::Failed
    })
}

/// Prints a text that is asked for, unless nobody wants to read it to its end.
fn printed(text: &str, terminal: &ui::Terminal) -> Result<Exit, Failure> {
    out::check_stdout()?;
    let lines = hung(text, terminal.width);
    let print = || lines.lines().try_for_each(|line| writeln!(io::stdout(), "{}", line.trim_end()));
    match print().and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(out::unwritable_stdout(&error)),
        _ => Ok(Exit::Good),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_version_is_that_of_the_command_line() {
        assert_eq!(Cli::command().render_version(), VERSION);
    }
}
