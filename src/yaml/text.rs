//! From the bytes of a file to its text.

use std::borrow::Cow;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::limits::YAML_BYTES;
use crate::source::{SourceMap, Span};

use super::problems::Problems;

/// Adds the text of a file to the sources, without a byte order mark, so that columns of its first line count from what
/// is seen. `what` names the kind of file (`a rule file`). No text where the bytes are none, which the problems say.
pub(crate) fn add<'d>(
    sources: &mut SourceMap,
    name: &str,
    bytes: &[u8],
    what: &str,
    diagnostics: &'d mut Diagnostics,
) -> (Problems<'d>, Option<Arc<str>>) {
    if bytes.len() > YAML_BYTES {
        let mut problems = Problems::new(sources.add(name, ""), diagnostics);
        let message = format!("{name} has {} MiB; {what} has at most {}", bytes.len() >> 20, YAML_BYTES >> 20);
        problems.error_with_help(codes::FILE_TOO_LARGE, message, Span::default(), "split it into several files");
        return (problems, None);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let (text, valid) = match std::str::from_utf8(bytes) {
        Ok(text) => (Cow::Borrowed(text), text.len()),
        Err(error) => (String::from_utf8_lossy(bytes), error.valid_up_to()),
    };
    let file = sources.add(name, text.as_ref());
    let mut problems = Problems::new(file, diagnostics);
    check(&text, bytes, valid, &mut problems);
    let good = problems.errors() == 0;
    (problems, good.then(|| Arc::clone(&sources.file(file).text)))
}

/// Tells of the first byte that is no UTF-8 and the first character that YAML forbids.
fn check(text: &str, bytes: &[u8], valid: usize, problems: &mut Problems<'_>) {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        let help = "save it as UTF-8";
        problems.error_with_help(codes::INVALID_UTF8, "this file is UTF-16, expected UTF-8", Span::default(), help);
        return;
    }
    if let Some(byte) = bytes.get(valid) {
        let message = format!("the byte 0x{byte:02x} is no UTF-8");
        // The replacement character has three bytes.
        problems.error_with_help(codes::INVALID_UTF8, message, Span::new(valid, valid + 3), "save the file as UTF-8");
    }
    let forbidden = |c: char| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}');
    // Most texts are ASCII, of which a walk over bytes says enough.
    if text.bytes().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~')) {
        return;
    }
    let found = text.char_indices().filter(|(_, c)| forbidden(*c));
    let mut found = found.peekable();
    let Some((at, c)) = found.peek().copied() else { return };
    let more = found.count() - 1;
    let mut message = format!("the control character U+{:04X} is not allowed in YAML", u32::from(c));
    if more > 0 {
        message.push_str(&format!(" ({more} more of the kind follow)"));
    }
    let help = "remove it, or write it as an escape inside double quotes, such as `\\x1b`";
    let diagnostic =
        Diagnostic::error(codes::CONTROL_CHARACTER, message, problems.at(Span::new(at, at + c.len_utf8())));
    problems.push(diagnostic.with_help(help));
}
