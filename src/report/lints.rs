//! What there is to find: `check --list-lints` and `check --explain`.

use std::io::{self, Write};

use crate::diagnostic::Severity;
use crate::diagnostic::codes::{self, About, Code};
use crate::lint::{Lint, Page, catalog, loading};
use crate::report::diagnostic::Look;
use crate::report::table::grid::{Cell, Column, Grid, Tone};
use crate::report::wrap::hung;

/// Returns the codes that `check` may report, by what they are about.
fn reported() -> impl Iterator<Item = &'static Code> {
    let about = [About::Loading, About::Lint, About::DataLint, About::Policy, About::Control];
    about.into_iter().flat_map(|about| codes::ALL.iter().filter(move |code| code.about == about))
}

/// Writes the table of all lints and loading errors.
///
/// # Errors
/// What the writer says.
pub fn write_list(out: &mut dyn Write, look: Look) -> io::Result<()> {
    let columns = [
        Column::left("CODE", 0),
        Column::left("SEVERITY", 0),
        Column::left("KNOWN FROM", 1),
        Column::words("FINDS", 2),
    ];
    let mut grid = Grid::new(columns.into());
    for code in reported() {
        let known = match code.about {
            About::Loading => "loading",
            About::Lint => "rules",
            About::Policy => "configuration",
            About::Control => "comments",
            About::DataLint | About::Run => "recording",
        };
        let severity = code.severity.word();
        grid.row(vec![
            code.word.into(),
            Cell::new(severity, Tone::of_severity(severity)),
            known.into(),
            code.meaning.into(),
        ]);
    }
    grid.write(out, look.width, look.color)
}

/// Writes the page of a code.
///
/// # Errors
/// What the writer says.
pub fn write_page(out: &mut dyn Write, code: &Code, look: Look) -> io::Result<()> {
    let mut say = |text: &str| writeln!(out, "{}", hung(text, look.width));
    let severity = code.severity.word();
    say(&format!("{} ({severity})", code.word))?;
    say(code.meaning)?;
    if let Some(lint) = catalog::find(code.word) {
        page(lint, &mut say)?;
    } else if let Some(page) = loading::find(code.word) {
        examples(&[("Found here:", page.bad), ("Not here:", page.clean)], &mut say)?;
    }
    say("")?;
    match code.about {
        About::Loading if code.severity == Severity::Error => {
            say("No rule of a file with such an error is evaluated, so it cannot be switched off.")
        }
        About::Run => say("It is a hint of `eval`, `data` or `profile`; `check` does not report it."),
        About::Control => say(&format!("To switch it off, write `{}: off` under `lints:` in alertctl.yml.", code.word)),
        About::Loading | About::Lint | About::DataLint | About::Policy => {
            if code.about == About::DataLint {
                say("It needs a recording: `alertctl check RULES -d night.csv`.")?;
            }
            say(&format!("To silence it for one rule, write `# alertctl disable {}` above the rule.", code.word))
        }
    }
}

fn page(lint: &Lint, say: &mut dyn FnMut(&str) -> io::Result<()>) -> io::Result<()> {
    let Page { why, bad, clean, data } = lint.page;
    let config = lint.check.config();
    for paragraph in why.split("\n\n") {
        say("")?;
        say(paragraph)?;
    }
    let all = [
        ("Found here:", bad),
        ("Not here:", clean),
        ("With this recording:", data),
        ("With this alertctl.yml:", config),
    ];
    examples(&all, say)
}

/// Writes examples that are not empty.
fn examples(all: &[(&str, &str)], say: &mut dyn FnMut(&str) -> io::Result<()>) -> io::Result<()> {
    for (title, text) in all.iter().filter(|(_, text)| !text.is_empty()) {
        say(&format!("\n{title}"))?;
        text.lines().try_for_each(|line| say(&format!("    {line}")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Look = Look { color: false, width: None };

    #[test]
    fn every_code_that_is_reported_is_listed() {
        let mut out = Vec::new();
        write_list(&mut out, LOOK).expect("a vector takes all");
        let text = String::from_utf8_lossy(&out);
        for code in reported() {
            assert!(text.lines().any(|line| line.starts_with(code.word)), "{}", code.word);
        }
        assert!(!text.contains("replicas"));
    }

    #[test]
    fn a_page_has_its_examples() {
        let mut out = Vec::new();
        let code = codes::find(codes::VALUE_IN_LABELS).expect("a code");
        write_page(&mut out, code, LOOK).expect("a vector takes all");
        let text = String::from_utf8_lossy(&out);
        let parts = [
            "value-in-labels (error)",
            "\nFound here:\n    - alert: ",
            "\nNot here:\n    - alert: ",
            "# alertctl disable",
        ];
        parts.iter().for_each(|part| assert!(text.contains(part), "{part}: {text}"));
    }
}
