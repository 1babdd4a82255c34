//! Words for texts that are no YAML.

use granit_parser::{ErrorKind, ScanError};

use crate::diagnostic::codes;
use crate::format::go;
use crate::limits::YAML_DEPTH;
use crate::source::Span;

use super::problems::Problems;

/// Reports where and why a text is no YAML, and what to type instead.
pub(crate) fn report(error: &ScanError, source: &str, problems: &mut Problems<'_>) {
    let mut start = error.marker().byte_offset().unwrap_or(source.len()).min(source.len());
    if matches!(error.kind(), ErrorKind::TabInPlainScalar) {
        // The parser points at where the text begins, lines above.
        start = indenting_tab(source, start).unwrap_or(start);
    }
    let end =
        source[start..].chars().next().filter(|c| *c != '\n' && *c != '\r').map_or(start, |c| start + c.len_utf8());
    let (message, help) = match error.kind() {
        _ if after_braces(&source[..start]) => (
            Some("a text that begins with `{` is read as a mapping, which ends before this".to_owned()),
            Some("put the whole text in quotes: `expr: '{job=\"db\"} > 0'`"),
        ),
        ErrorKind::ExpectedBlockMappingKey if source[start..].starts_with("- ") => {
            (Some("this `-` lines up with no other".to_owned()), Some("line up the `-` of one list"))
        }
        ErrorKind::UnclosedFlowCollection { open } if source.trim_start().starts_with('{') => {
            (Some(format!("`{open}` is not closed")), Some("this looks like JSON that is cut off"))
        }
        kind => words(kind),
    };
    let message = message.unwrap_or_else(|| format!("this is not YAML: {}", error.info()));
    let span = Span::new(start, end);
    match help {
        Some(help) => problems.error_with_help(codes::YAML_SYNTAX, message, span, help),
        None => problems.error(codes::YAML_SYNTAX, message, span),
    }
}

/// Returns whether the last line of a text is a key and a selector in braces, as in `expr: {job="db"} `.
fn after_braces(text: &str) -> bool {
    let line = &text[text.rfind('\n').map_or(0, |at| at + 1)..];
    let value = line.split_once(": ").map_or("", |(_, value)| value.trim());
    value.starts_with('{') && value.ends_with('}')
}

/// Returns where the first tab stands, after an offset, that indents a line.
fn indenting_tab(source: &str, from: usize) -> Option<usize> {
    let mut line_start = from + source[from..].find('\n')? + 1;
    loop {
        let line = &source[line_start..];
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        if let Some(tab) = line[..indent].find('\t') {
            return Some(line_start + tab);
        }
        line_start += line.find('\n')? + 1;
    }
}

/// Returns clearer words than the parser's, and help, for the mistakes that are often made.
fn words(kind: &ErrorKind) -> (Option<String>, Option<&'static str>) {
    let (message, help) = match kind {
        ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabNotAllowed
        | ErrorKind::TabInPlainScalar
        | ErrorKind::TabAtBlockScalarStart => ("a tab stands where YAML indents", Some("indent with spaces")),
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => (
            "a `:` stands where no key can end",
            Some("a text with `: ` in it needs quotes, or a line of its own after `|`"),
        ),
        ErrorKind::InvalidIndentation => (
            "this line is indented neither as the one above nor as those around it",
            Some("line up the keys of one mapping"),
        ),
        ErrorKind::ExpectedBlockMappingKey => (
            "expected a key, such as `expr:`, at this indent",
            Some("line up the keys of one mapping; a text that begins with a quote ends with it"),
        ),
        ErrorKind::ExpectedBlockSequenceEntry => {
            ("expected `- ` or a line that is indented less", Some("line up the `-` of one list"))
        }
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            ("expected `:` after this key", Some("a text that goes on in the next line is indented more than its key"))
        }
        ErrorKind::UnexpectedCharacter { character } => {
            let message = format!("`{}` cannot begin a value", go::visible(*character));
            return (Some(message), Some("put the text in quotes"));
        }
        ErrorKind::UnclosedQuotedScalar => ("this quote is not closed", Some("close it, or begin the text with `|`")),
        ErrorKind::InvalidTrailingSingleQuotedScalar => {
            ("text follows the closing `'`", Some("inside `'..'` a quote is written twice: `''`"))
        }
        ErrorKind::InvalidTrailingDoubleQuotedScalar => {
            (r#"text follows the closing `"`"#, Some(r#"inside `".."` a quote is written `\"`"#))
        }
        ErrorKind::UnknownQuotedScalarEscape => (
            r#"no such escape inside `".."`"#,
            Some(r"write `\\` for a backslash, or use `'..'`, in which it means nothing"),
        ),
        ErrorKind::UnclosedFlowCollection { open } => {
            let message = format!("`{open}` is not closed");
            return (Some(message), Some("a text that begins with a bracket needs quotes"));
        }
        ErrorKind::ExpectedFlowMappingSeparator => {
            ("expected `,` or `}`", Some("a text that begins with `{` needs quotes"))
        }
        ErrorKind::ExpectedFlowSequenceSeparator => {
            ("expected `,` or `]`", Some("a text that begins with `[` needs quotes"))
        }
        ErrorKind::MissingAnchorOrAliasName => {
            ("expected a name after `*` or `&`", Some("a text that begins with `*` or `&` needs quotes"))
        }
        ErrorKind::InvalidBlockScalarIndent => {
            ("this line is indented less than the text it belongs to", Some("indent all lines of a text alike"))
        }
        ErrorKind::RecursionLimitExceeded => {
            let message = format!("lists and mappings are nested deeper than {YAML_DEPTH} levels, the limit");
            return (Some(message), None);
        }
        _ => return (None, None),
    };
    (Some(message.to_owned()), help)
}
