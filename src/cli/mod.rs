//! The command line tool: flags, files, the terminal. The only layer that opens paths, prints or reads the environment.

mod args;
mod check;
mod data;
mod eval;
mod facts;
mod flags;
mod help;
mod hints;
mod load;
mod notes;
mod out;
mod profile;
mod reasons;
mod rules;
mod shell;
mod ui;

use std::fmt;
use std::io::{self, Write};

use clap::Parser;

use args::{Cli, Command};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done, and the answer is good.
    Good,
    /// Done, and the answer is "no".
    No,
    /// It could not be done.
    Failed,
    /// Ctrl-C.
    Interrupted,
}

impl Outcome {
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
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        self.hint.iter().try_for_each(|hint| write!(f, "\nhint: {hint}"))
    }
}

/// Parses the command line and does what it says.
#[must_use]
pub fn run() -> Outcome {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let printed = error.print();
            return if error.use_stderr() || !quietly_closed(&printed) { Outcome::Failed } else { Outcome::Good };
        }
    };
    let Some(command) = cli.command else {
        let printed = io::stdout().write_all(help::INTRODUCTION.as_bytes());
        return if quietly_closed(&printed) { Outcome::Good } else { Outcome::Failed };
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
fn told(outcome: Result<Outcome, Failure>) -> Outcome {
    outcome.unwrap_or_else(|failure| {
        ui::tell(false, &failure.to_string());
        Outcome::Failed
    })
}

/// Tells whether a text was printed, or nobody wanted to read it.
fn quietly_closed(printed: &io::Result<()>) -> bool {
    printed.as_ref().err().is_none_or(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
