//! `--format checkstyle`: the XML of Checkstyle, which many programs read.

use std::io::{self, Write};

use super::Checked;
use crate::report::xml::escape;

/// Writes the problems by file. Those without a place have line 0 of a file named `alertctl`.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, checked: &Checked<'_>) -> io::Result<()> {
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(out, r#"<checkstyle version="4.3">"#)?;
    let files = checked.files.iter().map(|file| (Some(file.file), file.name.as_str()));
    for (file, name) in files.chain([(None, "alertctl")]) {
        let found = checked.within(file);
        if found.is_empty() {
            continue;
        }
        writeln!(out, r#"  <file name="{}">"#, escape(name))?;
        for one in found {
            let at = one.primary.as_ref().map(|mark| checked.place(mark.at).start);
            let (line, column) = at.map_or((0, 0), |at| (at.line, at.column));
            write!(out, r#"    <error line="{line}" column="{column}" severity="{}""#, one.severity.word())?;
            writeln!(
                out,
                r#" message="{}" source="alertctl.{}"/>"#,
                escape(&checked.words_with_places(one)),
                one.code
            )?;
        }
        writeln!(out, "  </file>")?;
    }
    writeln!(out, "</checkstyle>")
}
