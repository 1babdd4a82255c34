//! `alertctl completions` and `alertctl man`: what a shell and a reader of manuals want.

use std::fs;
use std::path::Path;

use clap::{Command, CommandFactory};

use super::args::{Cli, CompletionsArgs, ManArgs};
use super::interrupt::Interrupt;
use super::{Exit, Failure, complete, out};

/// Prints the completion script of a shell.
pub(super) fn completions(args: &CompletionsArgs) -> Result<Exit, Failure> {
    let script = complete::script(args.shell)?;
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

/// Returns the command line as a manual documents it: with the flags that `-h` leaves out.
fn documented() -> Command {
    fn shown(command: Command) -> Command {
        // The page of a flag that short help leaves out would have no text.
        command.mut_args(|arg| arg.hide_short_help(false)).mut_subcommands(shown)
    }
    let mut command = shown(Cli::command().disable_help_subcommand(true));
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

    /// Returns the text under a flag or positional on a page, without what it can be set to.
    fn text_of(page: &str, head: &str) -> Option<String> {
        let (_, rest) = page.split_once(&format!("\n.TP\n{head}"))?;
        rest.lines().nth(1).map(str::to_owned)
    }

    #[test]
    fn every_flag_has_a_text_in_its_manual() {
        let mut flags = 0;
        for command in documented().get_subcommands() {
            let mut page = Vec::new();
            clap_mangen::Man::new(command.clone()).render(&mut page).expect("a vector takes all");
            let page = String::from_utf8(page).expect("text");
            for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
                let dashes = |flag: String| flag.replace('-', "\\-");
                let name = arg.get_value_names().map_or_else(String::new, |names| names.join(" "));
                let head = match (arg.get_short(), arg.get_long()) {
                    (Some(short), Some(long)) => dashes(format!("\\fB-{short}\\fR, \\fB--{long}\\fR")),
                    (_, Some(long)) => dashes(format!("\\fB--{long}\\fR")),
                    _ if arg.is_required_set() => format!("<\\fI{name}\\fR>"),
                    _ => format!("[\\fI{name}\\fR]"),
                };
                let text = text_of(&page, &head);
                let written = text.as_deref().is_some_and(|text| text.trim().len() > 5 && !text.starts_with('.'));
                assert!(written, "{} {head}: {text:?}", command.get_name());
                flags += 1;
            }
        }
        assert!(flags > 80, "{flags}");
    }

    #[test]
    fn values_that_are_words_are_named() {
        for command in documented().get_subcommands() {
            for arg in command.get_arguments().filter(|arg| !arg.is_hide_set() && arg.is_hide_possible_values_set()) {
                let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
                let missing = arg.get_possible_values().into_iter().find(|value| !help.contains(value.get_name()));
                assert!(missing.is_none(), "{} {}: {missing:?} is not in `{help}`", command.get_name(), arg.get_id());
            }
        }
    }
}
