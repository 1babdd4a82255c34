//! `alertctl completions` and `alertctl man`: what a shell and a reader of manuals want.

use std::fs;
use std::path::Path;

use clap::CommandFactory;

use super::args::{Cli, CompletionsArgs, ManArgs};
use super::flags::Format;
use super::out::{self, Output};
use super::{Exit, Failure};

const STDOUT: Output = Output { format: Format::Table, path: None };

/// Prints the completion script of a shell.
pub(super) fn completions(args: &CompletionsArgs) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "alertctl", &mut script);
    out::write(&STDOUT, &mut |out| out.write_all(&script))?;
    Ok(Exit::Good)
}

/// Prints the manual page of the tool, or writes all pages to a folder.
pub(super) fn man(args: &ManArgs) -> Result<Exit, Failure> {
    match &args.folder {
        None => out::write(&STDOUT, &mut |out| clap_mangen::Man::new(Cli::command()).render(out))?,
        Some(folder) => pages(folder)?,
    }
    Ok(Exit::Good)
}

fn pages(folder: &Path) -> Result<(), Failure> {
    let failed = |error| {
        let failure = Failure::new(format!("no manual page can be written to `{}`: {error}", folder.display()));
        failure.hint("name a folder that you may write to: alertctl man ./man1")
    };
    fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), folder).map_err(failed)
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
        assert!(pages(&file).is_err_and(|failure| failure.to_string().contains("no manual page can be written")));
    }
}
