//! Where the table of a file begins: what stands above its header.

use super::header::names_time;
use crate::input::Form;

/// Where a table begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Start {
    /// How many bytes come before it.
    pub(super) bytes: usize,
    /// How many lines come before it.
    pub(super) lines: u64,
    pub(super) delimiter: u8,
    /// Whether the header has a `#` before it.
    pub(super) hash: bool,
    /// What was passed over, a sentence each.
    pub(super) notes: Vec<String>,
}

/// Finds the header in the beginning of a file; the error is what was not found.
pub(super) fn find(head: &[u8], form: &Form) -> Result<Start, String> {
    let told = form.delimiter.and_then(|delimiter| u8::try_from(delimiter).ok());
    let mut start = Start { bytes: 0, lines: 0, delimiter: told.unwrap_or(b','), hash: false, notes: Vec::new() };
    let mut separator = told;
    let mut comments = 0;
    loop {
        let Some(line) = line_at(head, start.bytes) else {
            let Some(pattern) = &form.header_line else { break };
            return Err(format!("no line of its first {} KiB matches the header line {pattern}", head.len() >> 10));
        };
        let text = line.trim_ascii();
        let skipped = start.lines < form.skip_lines as u64;
        let is_header = form.header_line.as_ref().is_none_or(|pattern| pattern.is_in(text));
        if let Some(sign) = text.strip_prefix(b"sep=").filter(|sign| sign.len() == 1 && !skipped) {
            separator = separator.or(Some(sign[0]));
        } else if !skipped && is_header {
            if let Some(inner) = text.strip_prefix(b"#") {
                let inner = inner.trim_ascii_start();
                if names_time(inner, separator.unwrap_or_else(|| delimiter(inner)), form) {
                    start.bytes += line.len() - inner.len();
                    start.hash = true;
                    start.delimiter = separator.unwrap_or_else(|| delimiter(inner));
                    break;
                }
                comments += 1;
            } else if !text.is_empty() {
                start.delimiter = separator.unwrap_or_else(|| delimiter(text));
                break;
            }
        }
        start.bytes = (start.bytes + line.len() + 1).min(head.len());
        start.lines += 1;
    }
    if comments > 0 {
        let noun = if comments == 1 { "line is a comment" } else { "lines are comments" };
        start.notes.push(format!("{comments} {noun} above the header"));
    }
    Ok(start)
}

/// Returns the line that begins at a place, without its line end.
fn line_at(head: &[u8], at: usize) -> Option<&[u8]> {
    let rest = head.get(at..).filter(|rest| !rest.is_empty())?;
    Some(&rest[..memchr::memchr(b'\n', rest).unwrap_or(rest.len())])
}

/// Finds the delimiter: the most frequent of comma, semicolon and tab in a line, a comma if there is none.
pub(super) fn delimiter(line: &[u8]) -> u8 {
    let mut quoted = false;
    let mut counts = [0_usize; 3];
    for byte in line {
        match byte {
            b'"' => quoted = !quoted,
            b',' if !quoted => counts[0] += 1,
            b';' if !quoted => counts[1] += 1,
            b'\t' if !quoted => counts[2] += 1,
            _ => {}
        }
    }
    let most = counts[0].max(counts[1]).max(counts[2]);
    [b',', b';', b'\t'][counts.iter().position(|count| *count == most).unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(head: &str, form: &Form, lines: u64, header: &str, delimiter: u8) {
        let start = find(head.as_bytes(), form).expect(head);
        let rest = &head[start.bytes..];
        assert_eq!(
            (start.lines, rest.lines().next().unwrap_or(""), start.delimiter),
            (lines, header, delimiter),
            "{head}"
        );
    }

    #[test]
    fn the_header_is_found_below_what_stands_above_it() {
        let plain = Form::default();
        check("time,a\n1,2\n", &plain, 0, "time,a", b',');
        check("\n\ntime;a\n", &plain, 2, "time;a", b';');
        check("sep=;\r\ntime;a,b\r\n", &plain, 1, "time;a,b", b';');
        check("# a comment\n# time of day\ntime,a\n", &plain, 2, "time,a", b',');
        check("# hostname;interval;timestamp;x\nweb;1;2;3\n", &plain, 0, "hostname;interval;timestamp;x", b';');
        check("#time,a\n", &plain, 0, "time,a", b',');
        let skip = Form { skip_lines: 2, ..Form::default() };
        check("a title\n\"another, one\ntime\ta\n", &skip, 2, "time\ta", b'\t');
        let line = Form { header_line: "^\"time\"".parse().ok(), ..Form::default() };
        check("\"tool\"\n\"Host:\",x\n\n\"time\",\"a\"\n", &line, 3, "\"time\",\"a\"", b',');
        assert!(find(b"a\nb\n", &line).is_err());
    }
}
