//! The command line tool: flags, files, the terminal. The only layer that opens paths, prints or reads the environment.

mod args;
mod check;
mod data;
mod eval;
mod flags;
mod help;
mod load;
mod out;
mod problems;
mod profile;
mod rules;
mod shell;
mod ui;
mod watch;

use std::fmt;
use std::io::{self, Write};

use clap::Parser;

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
    /// Ctrl-C.
    Interrupted,
}

impl Exit {
    /// Returns the exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::No => 1,
            Self::Failed => 2,
            Self::Interrupted => 130,
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
    pub(crate) fn of(error: &impl fmt::Display, hint: Option<String>) -> Self {
        Self { hint, ..Self::new(error.to_string()) }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        Self { hint: error.hint, ..Self::new(error.message) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = if self.carets.is_empty() { "error: " } else { &self.carets };
        write!(f, "{head}{}", self.message)?;
        self.hint.iter().try_for_each(|hint| write!(f, "\nhint: {hint}"))
    }
}

/// Parses the command line and does what it says.
#[must_use]
pub fn run() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let printed = error.print();
            return if error.use_stderr() || !quietly_closed(&printed) { Exit::Failed } else { Exit::Good };
        }
    };
    let Some(command) = cli.command else {
        let printed = io::stdout().write_all(help::INTRODUCTION.as_bytes());
        return if quietly_closed(&printed) { Exit::Good } else { Exit::Failed };
    };
    told(match command {
        Command::Eval(args) => eval::run(&args),
        Command::Profile(args) => profile::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Data(args) => data::run(&args),
        Command::Completions(args) => shell::completions(&args),
        Command::Man(args) => shell::man(&args),
    })
}

/// Says why something could not be done.
fn told(outcome: Result<Exit, Failure>) -> Exit {
    outcome.unwrap_or_else(|failure| {
        ui::say(false, &failure.to_string());
        Exit::Failed
    })
}

/// Tells whether a text was printed, or nobody wanted to read it.
fn quietly_closed(printed: &io::Result<()>) -> bool {
    printed.as_ref().err().is_none_or(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
