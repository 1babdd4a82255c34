//! Where `check` writes, and in which formats.

use std::io::{self, Write};
use std::path::Path;

use crate::cli::Failure;
use crate::cli::args::{CheckArgs, CheckFormat};
use crate::cli::out::{self, Output};
use crate::cli::ui::say;
use crate::report::check::{Checked, checkstyle, github, gitlab, json, junit, sarif, text};
use crate::report::diagnostic::Look;

/// The outputs of one run.
pub(super) struct Outputs(Vec<Output<CheckFormat>>);

impl Outputs {
    /// Reads them from the flags. What ends in `.xml` may be of two formats, so a word must say which.
    pub(super) fn of(args: &CheckArgs) -> Result<Self, Failure> {
        let is_xml = |path: &Path| path.extension().is_some_and(|end| end.eq_ignore_ascii_case("xml"));
        let says = matches!(args.format, Some(CheckFormat::Junit | CheckFormat::Checkstyle));
        let unsaid = args.out.iter().filter(|target| target.format.is_none() && !says);
        if let Some(path) = unsaid.filter_map(|target| target.path.as_deref()).find(|path| is_xml(path)) {
            let path = path.display();
            return Err(Failure::new(format!("`{path}` does not say which format it is: junit or checkstyle"))
                .hint(format!("--out junit:{path}")));
        }
        out::outputs(&args.out, args.format, CheckFormat::Text).map(Self)
    }

    /// Returns the files that are written.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().filter_map(|output| output.path.as_deref())
    }

    /// Writes all of them; on standard output nothing where it holds a patch, and no text where there is no file to
    /// tell of or `nothing` to say.
    pub(super) fn write(
        &self,
        args: &CheckArgs,
        checked: &Checked<'_>,
        look: Look,
        nothing: bool,
    ) -> Result<(), Failure> {
        let root = out::root();
        for output in &self.0 {
            let is_shown = output.path.is_none();
            let is_empty = output.format == CheckFormat::Text && (nothing || checked.files.is_empty());
            if is_shown && (args.diff || is_empty) {
                continue;
            }
            // A file holds neither colours nor the width of the terminal.
            let look = if is_shown { look } else { Look { color: false, width: None } };
            out::write(output, &mut |out: &mut dyn Write| -> io::Result<()> {
                match output.format {
                    CheckFormat::Text => text::write(out, checked, look, !args.quiet),
                    CheckFormat::Json => json::write(out, checked),
                    CheckFormat::Sarif => sarif::write(out, checked, &root),
                    CheckFormat::Github => github::write(out, checked, &root),
                    CheckFormat::Gitlab => gitlab::write(out, checked, &root),
                    CheckFormat::Junit => junit::write(out, checked, args.fail_on.severity()),
                    CheckFormat::Checkstyle => checkstyle::write(out, checked),
                }
            })?;
        }
        out::wrote(&self.0).iter().for_each(|line| say(args.quiet, line));
        Ok(())
    }
}
