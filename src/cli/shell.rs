//! `alertctl completions` and `alertctl man`: what a shell and a reader of manuals want.

use std::fs;
use std::path::Path;

use clap::{Command, CommandFactory};

use super::args::{Cli, CompletionsArgs, ManArgs};
use super::interrupt::Interrupt;
use super::{Exit, Failure, out};

/// Prints the completion script of a shell.
pub(super) fn completions(args: &CompletionsArgs) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "alertctl", &mut script);
    out::write_to(None, &mut |out| out.write_all(&script))?;
    Ok(Exit::Good)
}

/// Prints the manual page of the tool, or writes all pages to a folder.
pub(super) fn man(args: &ManArgs) -> Result<Exit, Failure> {
    match &args.folder {
        None => out::write_to(None, &mut |out| clap_mangen::Man::new(documented()).render(out))?,
        Some(folder) => {
            let interrupt = Interrupt::listen(false);
            pages(folder)?;
            if interrupt.pressed() {
                return Ok(interrupt.exit());
            }
        }
    }
    Ok(Exit::Good)
}

/// Returns the command line as a manual documents it.
fn documented() -> Command {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    command
}

fn pages(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| {
        Failure::new(format!("cannot create the folder `{}`: {error}", folder.display()))
            .hint("name a folder that you may write to: alertctl man ./man1")
    })?;
    let command = documented();
    std::iter::once(&command).chain(command.get_subcommands()).try_for_each(|command| {
        let page = clap_mangen::Man::new(command.clone());
        out::write_to(Some(&folder.join(page.get_filename())), &mut |out| page.render(out))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page() {
        let folder = tempfile::tempdir().expect("a folder");
        pages(&folder.path().join("man1")).expect("written");
        for command in Cli::command().get_subcommands() {
            let page = folder.path().join(format!("man1/alertctl-{}.1", command.get_name()));
            assert!(page.is_file(), "{}", page.display());
        }
        let file = folder.path().join("man1/alertctl.1");
        assert!(pages(&file).is_err_and(|failure| failure.to_string().contains("cannot create the folder")));
    }
}
