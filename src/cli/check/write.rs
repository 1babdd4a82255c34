//! The outputs of `check`.

use std::env;
use std::io::{self, Write};
use std::path::Path;

use crate::report::check::{Checked, Root, checkstyle, github, gitlab, json, junit, sarif, text};
use crate::report::diagnostic::Look;

use crate::cli::Failure;
use crate::cli::args::{CheckArgs, CheckFormat};
use crate::cli::out::{self, Output};
use crate::cli::ui::{Terminal, say};

/// Returns where results go. What ends in `.xml` may be of two formats, so the word must say which.
pub(super) fn outputs(args: &CheckArgs) -> Result<Vec<Output<CheckFormat>>, Failure> {
    let is_xml = |path: &Path| path.extension().is_some_and(|end| end.eq_ignore_ascii_case("xml"));
    let says = matches!(args.format, Some(CheckFormat::Junit | CheckFormat::Checkstyle));
    let unsaid = args.out.iter().filter(|target| target.format.is_none() && !says);
    if let Some(path) = unsaid.filter_map(|target| target.path.as_deref()).find(|path| is_xml(path)) {
        let path = path.display();
        return Err(Failure::new(format!("`{path}` does not say which format it is: junit or checkstyle"))
            .hint(format!("--out junit:{path}")));
    }
    out::outputs(&args.out, args.format, CheckFormat::Text)
}

/// Writes all outputs; no text where there is `nothing` to say.
pub(super) fn write(
    args: &CheckArgs,
    checked: &Checked<'_>,
    outputs: &[Output<CheckFormat>],
    nothing: bool,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let root = root();
    for output in outputs {
        let is_shown = output.path.is_none();
        if is_shown && output.format == CheckFormat::Text && (nothing || checked.files.is_empty()) {
            continue;
        }
        // A file holds neither colours nor the width of the terminal.
        let (color, width) = if is_shown { (terminal.stdout_color, terminal.width) } else { (false, None) };
        out::write(output, &mut |out: &mut dyn Write| -> io::Result<()> {
            match output.format {
                CheckFormat::Text => text::write(out, checked, Look { color, width }, !args.quiet),
                CheckFormat::Json => json::write(out, checked),
                CheckFormat::Sarif => sarif::write(out, checked, &root),
                CheckFormat::Github => github::write(out, checked, &root),
                CheckFormat::Gitlab => gitlab::write(out, checked, &root),
                CheckFormat::Junit => junit::write(out, checked, args.fail_on.severity()),
                CheckFormat::Checkstyle => checkstyle::write(out, checked),
            }
        })?;
    }
    out::wrote(outputs).iter().for_each(|line| say(args.quiet, line));
    Ok(())
}

/// Returns the top of the repository that the current folder is in, which is known by its `.git`.
fn root() -> Root {
    let current = env::current_dir().unwrap_or_default();
    let top = current.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(&current);
    Root { top: top.to_owned(), current: current.clone() }
}
