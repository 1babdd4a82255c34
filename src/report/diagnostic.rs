//! Problems with the lines they are about and carets under them.

use std::collections::BTreeMap;
use std::io::{self, Write};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::diagnostic::{Diagnostic, Mark, Severity};
use crate::limits;
use crate::report::wrap::{hung, width, wrapped};
use crate::source::{FileId, SourceMap};

/// The fewest columns of a source line, however narrow the terminal.
const SHORTEST_SOURCE: usize = 24;
/// The fewest columns of a line of words.
const SHORTEST_LINE: usize = 12;

/// How problems are shown.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Whether colours may be used.
    pub color: bool,
    /// The width of the terminal, if it is one. Unit: columns.
    pub width: Option<usize>,
}

/// Writes problems in their order, an empty line after each; at most [`limits::DIAGNOSTICS_PER_CODE`] of one code and
/// file and [`limits::DIAGNOSTICS_BYTES`] in all, then how many more there are.
///
/// Returns whether all were shown.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, diagnostics: &[Diagnostic], sources: &SourceMap, look: Look) -> io::Result<bool> {
    let mut of_code: BTreeMap<(&str, Option<FileId>), usize> = BTreeMap::new();
    let mut bytes = 0;
    let mut unshown = 0;
    for diagnostic in diagnostics {
        let file = diagnostic.primary.as_ref().map(|mark| mark.at.file);
        let shown = of_code.entry((diagnostic.code, file)).or_default();
        *shown += 1;
        if *shown > limits::DIAGNOSTICS_PER_CODE {
            continue;
        }
        let text = render(diagnostic, sources, look);
        if bytes + text.len() > limits::DIAGNOSTICS_BYTES {
            unshown += 1;
            // What is small enough for the rest is not shown either: the order stays that of the files.
            bytes = limits::DIAGNOSTICS_BYTES;
            continue;
        }
        bytes += text.len();
        writeln!(out, "{text}\n")?;
    }
    let mut all = unshown == 0;
    for ((code, file), count) in of_code {
        if let Some(more @ 1..) = count.checked_sub(limits::DIAGNOSTICS_PER_CODE) {
            let place = file.map(|file| format!(" in {}", sources.file(file).name)).unwrap_or_default();
            writeln!(out, "{}\n", hung(&format!("and {more} more [{code}]{place}"), look.width))?;
            all = false;
        }
    }
    if unshown > 0 {
        writeln!(out, "{}\n", hung(&format!("and {unshown} more: fix those above and run again"), look.width))?;
    }
    Ok(all)
}

/// Returns one problem as text, without a line end.
#[must_use]
pub fn render(diagnostic: &Diagnostic, sources: &SourceMap, look: Look) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Info => Level::INFO,
    };
    let room = Room::of(diagnostic, sources, look.width);
    let head = diagnostic.severity.word().len() + diagnostic.code.len() + ": []".len();
    let title = level.primary_title(room.lines(&diagnostic.message, head)).id(diagnostic.code);
    let mut group = Group::with_title(title);
    let primary = diagnostic.primary.iter().map(|mark| (mark, AnnotationKind::Primary));
    let related = diagnostic.related.iter().map(|mark| (mark, AnnotationKind::Context));
    let (mut moved, mut below) = (Vec::new(), Vec::new());
    for (mark, kind) in primary.chain(related) {
        let excerpt = Excerpt::around(mark, sources, room.source());
        moved.extend(excerpt.moved());
        let label = (!mark.text.is_empty()).then(|| shortened(&mark.text));
        // A label that does not fit behind its caret stands below.
        let first = excerpt.text[excerpt.marked.start..].chars().next().map_or(0, char::len_utf8);
        let carets = width(&excerpt.text[..excerpt.marked.end.max(excerpt.marked.start + first)]);
        let fits = label.as_ref().is_none_or(|label| room.fits(carets + 2 + width(label)));
        let label = if fits {
            label
        } else {
            below.extend(label);
            None
        };
        let annotation = kind.span(excerpt.marked).label(label);
        let snippet = Snippet::source(excerpt.text).line_start(excerpt.line).path(excerpt.path).fold(false);
        group = group.element(snippet.annotation(annotation));
    }
    let below = below.iter().map(|label| Level::NOTE.message(room.lines(label, room.gutter + "= note: ".len())));
    let help = diagnostic.help.iter();
    let help = help.map(|help| Level::HELP.message(room.lines(help, room.gutter + "= help: ".len())));
    let group = group.elements(below).elements(help);
    let renderer = if look.color { Renderer::styled() } else { Renderer::plain() };
    let mut text = renderer.term_width(limits::SOURCE_LINE_SHOWN + 40).render(&[group]);
    for (shown, meant) in moved {
        text = text.replacen(&shown, &meant, 1);
    }
    text.trim_end().to_owned()
}

/// What fits on the lines of a problem.
struct Room {
    width: Option<usize>,
    /// How far the source lines are indented. Unit: columns.
    gutter: usize,
}

impl Room {
    fn of(diagnostic: &Diagnostic, sources: &SourceMap, width: Option<usize>) -> Self {
        let marks = diagnostic.primary.iter().chain(&diagnostic.related);
        let last = marks.map(|mark| sources.position(mark.at).line).max().unwrap_or(0);
        Self { width, gutter: last.to_string().len() + 1 }
    }

    /// Returns how many columns a source line may take, its dots included.
    fn source(&self) -> usize {
        // The line begins after ` | `.
        let free = self.width.map(|width| width.saturating_sub(self.gutter + 2).max(SHORTEST_SOURCE));
        free.map_or(limits::SOURCE_LINE_SHOWN, |free| free.min(limits::SOURCE_LINE_SHOWN))
    }

    /// Returns whether so many columns fit next to the gutter.
    fn fits(&self, columns: usize) -> bool {
        self.width.is_none_or(|width| self.gutter + 2 + columns <= width)
    }

    /// Breaks a text that stands behind something into lines.
    fn lines(&self, text: &str, behind: usize) -> String {
        let text = shortened(text);
        match self.width {
            Some(width) => {
                let lines = |text: &str| wrapped(text, width.saturating_sub(behind).max(SHORTEST_LINE)).join("\n");
                text.split('\n').map(lines).collect::<Vec<_>>().join("\n")
            }
            None => text,
        }
    }
}

/// Cuts a text that would fill the screen (a message may quote what the user wrote).
fn shortened(text: &str) -> String {
    const LONGEST: usize = 1_000;
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}

/// The line a mark begins on, cut around it when it is long.
struct Excerpt {
    path: String,
    line: usize,
    /// In the whole line, from 1.
    column: usize,
    text: String,
    /// In `text`. Unit: bytes.
    marked: std::ops::Range<usize>,
}

impl Excerpt {
    /// Returns the place that the renderer works out of a cut line, and the one that is meant.
    fn moved(&self) -> Option<(String, String)> {
        let shown = self.text[..self.marked.start].chars().count() + 1;
        let place = |column| format!("{}:{}:{column}", self.path, self.line);
        (shown != self.column).then(|| (place(shown), place(self.column)))
    }

    fn around(mark: &Mark, sources: &SourceMap, shown: usize) -> Self {
        let file = sources.file(mark.at.file);
        let text: &str = &file.text;
        let boundary = |mut at: usize| {
            at = at.min(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let start = boundary(mark.at.span.start as usize);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let line = text[line_start..line_end].trim_end_matches('\r');
        let line_end = line_start + line.len();
        let start = start.min(line_end);
        let end = boundary(mark.at.span.end as usize).clamp(start, line_end);
        let position = file.position(mark.at.span.start);
        let (cut, marked) = cut(line, start - line_start..end - line_start, shown);
        Self {
            path: file.name.clone(),
            line: position.line as usize,
            column: position.column as usize,
            text: cut,
            marked,
        }
    }
}

/// Cuts a line that is longer than `shown` characters around the stretch that is marked, between words where it can.
fn cut(line: &str, marked: std::ops::Range<usize>, shown: usize) -> (String, std::ops::Range<usize>) {
    const DOTS: &str = "...";
    if line.chars().nth(shown).is_none() {
        return (line.to_owned(), marked);
    }
    let shown = shown.saturating_sub(2 * DOTS.len()).max(2);
    let before = line[..marked.start].char_indices().rev().nth(shown / 2).map_or(0, |(at, _)| at);
    // Neither edge cuts a name in two, unless the mark does.
    let inside = |c: char| c.is_alphanumeric() || c == '_';
    let before = match line[before..marked.start].find(|c| !inside(c)) {
        Some(edge) if before > 0 && line[..before].ends_with(inside) => before + edge,
        _ => before,
    };
    let before = if before > 0 { marked.start - line[before..marked.start].trim_start().len() } else { 0 };
    let after = line[before..].char_indices().nth(shown).map_or(line.len(), |(at, _)| before + at);
    let after = match line[..after].rfind(|c| !inside(c)) {
        Some(edge) if line[after..].starts_with(inside) && edge >= marked.end => edge,
        _ => after,
    };
    let after = marked.end.clamp(before, after).max(line[..after].trim_end().len());
    let head = if before > 0 { DOTS } else { "" };
    let tail = if after < line.len() { DOTS } else { "" };
    let at = |offset: usize| offset.min(after) - before + head.len();
    (format!("{head}{}{tail}", &line[before..after]), at(marked.start)..at(marked.end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileSpan, Span};

    const LOOK: Look = Look { color: false, width: None };

    /// Returns the report on the first `found` in a text.
    fn check(text: &str, found: &str, diagnostic: impl FnOnce(FileSpan) -> Diagnostic) -> String {
        check_within(LOOK, text, found, diagnostic)
    }

    fn check_within(look: Look, text: &str, found: &str, diagnostic: impl FnOnce(FileSpan) -> Diagnostic) -> String {
        let mut sources = SourceMap::default();
        let file = sources.add("team.yml", text);
        let start = text.find(found).expect("in the text");
        let span = Span::new(start, start + found.len());
        render(&diagnostic(FileSpan { file, span }), &sources, look)
    }

    #[test]
    fn the_caret_stands_under_what_is_meant() {
        let text = check("groups:\n- name: a\n  fro: 5m\r\n", "fro", |at| {
            Diagnostic::error("unknown-key", "`fro` is not a key of an alerting rule", at)
                .with_mark(at, "did you mean `for`?")
                .with_help("see `alertctl check --explain unknown-key`")
        });
        insta::assert_snapshot!(text, @"
        error[unknown-key]: `fro` is not a key of an alerting rule
         --> team.yml:3:3
          |
        3 |   fro: 5m
          |   ^^^ did you mean `for`?
          |
          = help: see `alertctl check --explain unknown-key`
        ");
    }

    #[test]
    fn a_mark_over_lines_ends_with_its_first() {
        let text = check("expr: |\n  a +\n  b\n", "a +\n  b", |at| Diagnostic::warning("odd", "odd", at));
        insta::assert_snapshot!(text, @"
        warning[odd]: odd
         --> team.yml:2:3
          |
        2 |   a +
          |   ^^^
        ");
    }

    #[test]
    fn a_long_line_is_cut_around_the_caret() {
        let line = format!("expr: {}HERE{}", "é + ".repeat(500), " - b".repeat(500));
        let text = check(&line, "HERE", |at| Diagnostic::error("odd", "odd", at));
        assert!(text.contains("team.yml:1:2007"), "{text}");
        assert!(text.contains("...+ é + é"), "{text}");
        assert!(text.len() < 900, "{text}");
        assert!(text.lines().all(|line| line.chars().count() < 260));
        let colored = check_within(Look { color: true, width: Some(60) }, &line, "HERE", |at| {
            Diagnostic::error("odd", "odd", at)
        });
        assert!(colored.contains("team.yml:1:2007"), "{colored}");
    }

    #[test]
    fn a_narrow_terminal_breaks_between_words() {
        let line = "  expr: sum by (job) (rate(http_requests_total[5m])) / sum by (job) (rate(other[5m])) > HERE and on (job) up";
        let report = |look| {
            check_within(look, line, "HERE", |at| {
                Diagnostic::error("unknown-thing", "`HERE` is neither a number nor the name of anything", at)
                    .with_mark(at, "did you mean something else that is longer than the line?")
                    .with_help("write a number, such as `0.5`, or the name of a recorded metric")
            })
        };
        for columns in [40, 60, 80, 100] {
            let text = report(Look { color: false, width: Some(columns) });
            assert!(text.lines().all(|line| width(line) <= columns), "{columns}\n{text}");
            for word in ["neither", "anything", "something", "longer", "recorded", "`0.5`,"] {
                assert!(text.split_whitespace().any(|found| found == word), "{columns}: {word}\n{text}");
            }
            let (above, below) =
                text.split_once(" | ").map(|(_, rest)| rest.split_once('\n').expect("carets")).expect("a line");
            let caret = below.find('^').expect("a caret") - below.find("| ").expect("a gutter") - 2;
            assert_eq!(&above[caret..caret + 4], "HERE", "{text}");
        }
        insta::assert_snapshot!(report(Look { color: false, width: Some(60) }), @"
        error[unknown-thing]: `HERE` is neither a number nor the
                              name of anything
         --> team.yml:1:89
          |
        1 | ...(job) (rate(other[5m])) > HERE and on (job) up
          |                              ^^^^
          |
          = note: did you mean something else that is longer than
                  the line?
          = help: write a number, such as `0.5`, or the name of a
                  recorded metric
        ");
    }

    #[test]
    fn a_place_at_the_end_of_the_file_is_no_trouble() {
        let mut sources = SourceMap::default();
        let file = sources.add("a.yml", "");
        let at = FileSpan { file, span: Span::new(0, 0) };
        assert!(render(&Diagnostic::error("empty", "nothing here", at), &sources, LOOK).contains("a.yml:1:1"));
        assert!(!render(&Diagnostic::new("all", Severity::Info, "no place"), &sources, LOOK).contains("-->"));
    }

    #[test]
    fn a_place_may_begin_and_end_anywhere() {
        let mut sources = SourceMap::default();
        let text = "\u{fffd}\u{fffd}a é\r\n日本 x\n";
        let file = sources.add("a.yml", text);
        for (start, end) in (0..=text.len() + 2).flat_map(|start| (start..=text.len() + 2).map(move |end| (start, end)))
        {
            for columns in [None, Some(1), Some(30)] {
                let at = FileSpan { file, span: Span::new(start, end) };
                let found = Diagnostic::error("odd", "odd", at).with_mark(at, "here");
                let text = render(&found, &sources, Look { color: false, width: columns });
                assert!(text.contains("a.yml:"), "{start}..{end}\n{text}");
            }
        }
    }

    #[test]
    fn many_problems_are_counted() {
        let mut sources = SourceMap::default();
        let file = sources.add("a.yml", "x: 1\n");
        let at = FileSpan { file, span: Span::new(0, 1) };
        let check = |count: usize, message: &str, last: &str| {
            let all = vec![Diagnostic::error("odd", message, at); count];
            let mut out = Vec::new();
            write(&mut out, &all, &sources, LOOK).expect("a vector takes all");
            let text = String::from_utf8_lossy(&out).into_owned();
            assert!(text.trim_end().ends_with(last), "{text}");
            assert!(text.len() < 16 << 10);
        };
        check(60, "no", "and 10 more [odd] in a.yml");
        check(40, &"no ".repeat(300), "fix those above and run again");
    }
}
