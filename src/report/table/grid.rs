//! Columns that line up, on comfy-table.
//!
//! Every row is one line: the last column is wrapped here, so that words can be coloured after the widths are settled
//! and nothing but text is measured.

use std::io::{self, Write};

use comfy_table::{CellAlignment, Table, presets};

use crate::report::markdown::escaped;

/// What a colour stands for; the words say the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Nothing special.
    #[default]
    Plain,
    /// Bad, or firing.
    Bad,
    /// Not good, or pending.
    Uneasy,
    /// Of less interest.
    Faint,
    /// A heading.
    Heading,
}

impl Tone {
    /// Returns the tone of a severity.
    pub(crate) fn of_severity(severity: &str) -> Self {
        match severity {
            "critical" | "page" | "emergency" | "error" => Self::Bad,
            "warning" => Self::Uneasy,
            _ => Self::Plain,
        }
    }

    /// Returns the text in its colour, or as it is.
    pub(crate) fn paint(self, text: &str, color: bool) -> String {
        let code = match self {
            Self::Bad => "31",
            Self::Uneasy => "33",
            Self::Faint => "2",
            Self::Heading => "1",
            Self::Plain => "",
        };
        if color && !code.is_empty() && !text.is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// One column.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    title: String,
    right: bool,
    /// When the column goes as the terminal narrows: the highest first, 0 never.
    rank: u8,
}

impl Column {
    /// Makes a column of texts, with its rank among those that go when the terminal is narrow (0 stays).
    pub(crate) fn left(title: impl Into<String>, rank: u8) -> Self {
        Self { title: title.into(), right: false, rank }
    }

    /// Makes a column of numbers.
    pub(crate) fn right(title: impl Into<String>, rank: u8) -> Self {
        Self { title: title.into(), right: true, rank }
    }
}

/// One cell.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// Makes a cell in a tone. Characters that would move the cursor are shown as escapes.
    pub(crate) fn new(text: impl AsRef<str>, tone: Tone) -> Self {
        Self { text: printable(text.as_ref()), tone }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(text, Tone::Plain)
    }
}

/// Returns the text with control characters as escapes: a label value may hold anything, a terminal must not obey it.
pub(crate) fn printable(text: &str) -> String {
    let hidden = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !text.chars().any(hidden) {
        return text.to_owned();
    }
    text.chars().map(|c| if hidden(c) { c.escape_default().to_string() } else { c.to_string() }).collect()
}

/// Rows under columns.
#[derive(Clone, Debug)]
pub(crate) struct Grid {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
    /// Lines that stand before a row, by its number.
    headings: Vec<(usize, String)>,
}

/// The narrowest that the last column is made before other columns go. Unit: columns of the terminal.
const NARROWEST_LAST: usize = 30;
/// Between two columns.
const GAP: usize = 2;

impl Grid {
    pub(crate) fn new(columns: Vec<Column>) -> Self {
        Self { columns, rows: Vec::new(), headings: Vec::new() }
    }

    /// Adds a row; cells that are missing are empty.
    pub(crate) fn row(&mut self, mut cells: Vec<Cell>) {
        cells.resize_with(self.columns.len(), Cell::default);
        self.rows.push(cells);
    }

    /// Adds a line that stands before the next row.
    pub(crate) fn heading(&mut self, text: String) {
        self.headings.push((self.rows.len(), text));
    }

    /// Writes the grid within a width, if there is one.
    ///
    /// # Errors
    /// What the writer says.
    pub(crate) fn write(mut self, out: &mut dyn Write, width: Option<usize>, color: bool) -> io::Result<()> {
        if let Some(width) = width {
            self.narrow(width);
        }
        let titles: Vec<&str> = self.columns.iter().map(|column| column.title.as_str()).collect();
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_header(titles);
        table.add_rows(self.rows.iter().map(|row| row.iter().map(|cell| cell.text.as_str()).collect::<Vec<_>>()));
        let right: Vec<bool> = self.columns.iter().map(|column| column.right).collect();
        for (column, right) in table.column_iter_mut().zip(right) {
            column.set_padding((0, GAP as u16));
            column.set_cell_alignment(if right { CellAlignment::Right } else { CellAlignment::Left });
        }
        let mut headings = self.headings.iter().peekable();
        for (at, line) in table.lines().enumerate() {
            let Some(row) = at.checked_sub(1) else {
                writeln!(out, "{}", Tone::Heading.paint(line.trim_end(), color))?;
                continue;
            };
            while let Some((_, text)) = headings.next_if(|(before, _)| *before <= row) {
                writeln!(out, "{}", Tone::Heading.paint(text, color))?;
            }
            let cells = self.rows.get(row).map_or(&[][..], Vec::as_slice);
            writeln!(out, "{}", painted(line.trim_end(), cells, color))?;
        }
        Ok(())
    }

    /// Writes the grid as a table of Markdown; lines before rows are left out.
    ///
    /// # Errors
    /// What the writer says.
    pub(crate) fn write_markdown(&self, out: &mut dyn Write) -> io::Result<()> {
        let line = |cells: &mut dyn Iterator<Item = String>| format!("| {} |", cells.collect::<Vec<_>>().join(" | "));
        writeln!(out, "{}", line(&mut self.columns.iter().map(|column| escaped(&column.title))))?;
        let ruler = |column: &Column| if column.right { "--:" } else { ":--" }.to_owned();
        writeln!(out, "{}", line(&mut self.columns.iter().map(ruler)))?;
        self.rows.iter().try_for_each(|row| writeln!(out, "{}", line(&mut row.iter().map(|cell| escaped(&cell.text)))))
    }

    /// Wraps the last column, and drops columns by rank, until the grid fits.
    fn narrow(&mut self, width: usize) {
        loop {
            let widths = self.widths();
            let Some((last, others)) = widths.split_last() else { return };
            let taken: usize = others.iter().map(|width| width + GAP).sum();
            let dropped = (0..self.columns.len()).max_by_key(|at| (self.columns[*at].rank, *at));
            let droppable = dropped.filter(|at| self.columns[*at].rank > 0);
            if taken + last <= width {
                return;
            }
            match droppable {
                Some(at) if taken + NARROWEST_LAST.min(*last) > width => {
                    self.columns.remove(at);
                    for row in &mut self.rows {
                        row.remove(at);
                    }
                }
                _ => return self.wrap_last(width.saturating_sub(taken).max(NARROWEST_LAST.min(*last))),
            }
        }
    }

    fn widths(&self) -> Vec<usize> {
        let mut table = Table::new();
        table.set_header(self.columns.iter().map(|column| column.title.as_str()).collect::<Vec<_>>());
        table.add_rows(self.rows.iter().map(|row| row.iter().map(|cell| cell.text.as_str()).collect::<Vec<_>>()));
        table.column_max_content_widths().into_iter().map(usize::from).collect()
    }

    fn wrap_last(&mut self, width: usize) {
        let mut rows = Vec::with_capacity(self.rows.len());
        let mut starts = Vec::with_capacity(self.rows.len());
        for mut row in std::mem::take(&mut self.rows) {
            starts.push(rows.len());
            let Some(last) = row.pop() else { continue };
            let columns = row.len();
            let mut head = Some(row);
            for text in wrapped(&last.text, width) {
                let mut row = head.take().unwrap_or_else(|| vec![Cell::default(); columns]);
                row.push(Cell { text, tone: last.tone });
                rows.push(row);
            }
        }
        for (before, _) in &mut self.headings {
            *before = starts.get(*before).copied().unwrap_or(rows.len());
        }
        self.rows = rows;
    }
}

/// Breaks a text between words into lines of at most `width` characters; a longer word keeps its own line.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut();
        match line {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Colours the cells of a line, found from left to right.
fn painted(line: &str, cells: &[Cell], color: bool) -> String {
    if !color || cells.iter().all(|cell| cell.tone == Tone::Plain) {
        return line.to_owned();
    }
    let mut out = String::with_capacity(line.len() + 16);
    let mut rest = line;
    for cell in cells.iter().filter(|cell| !cell.text.is_empty()) {
        let Some(at) = rest.find(cell.text.trim_end()) else { continue };
        let (before, after) = rest.split_at(at);
        let (text, after) = after.split_at(cell.text.trim_end().len());
        out.push_str(before);
        out.push_str(&cell.tone.paint(text, true));
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Grid {
        let mut grid = Grid::new(vec![
            Column::left("NAME", 0),
            Column::right("COUNT", 2),
            Column::left("STATE", 1),
            Column::left("NOTE", 0),
        ]);
        grid.heading("Tue".to_owned());
        grid.row(vec![
            "a".into(),
            "1,204".into(),
            Cell::new("critical", Tone::Bad),
            "a long note that says much".into(),
        ]);
        grid.heading("Wed".to_owned());
        grid.row(vec!["bücher".into(), "7".into(), "ok".into()]);
        grid
    }

    fn check(width: Option<usize>, color: bool) -> String {
        let mut out = Vec::new();
        grid().write(&mut out, width, color).expect("a vector takes all");
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn columns_line_up() {
        insta::assert_snapshot!(check(None, false), @"
        NAME    COUNT  STATE     NOTE
        Tue
        a       1,204  critical  a long note that says much
        Wed
        bücher      7  ok
        ");
    }

    #[test]
    fn a_narrow_terminal_loses_columns_in_order() {
        insta::assert_snapshot!(check(Some(45), false), @"
        NAME    STATE     NOTE
        Tue
        a       critical  a long note that says much
        Wed
        bücher  ok
        ");
        insta::assert_snapshot!(check(Some(24), false), @"
        NAME    NOTE
        Tue
        a       a long note that says much
        Wed
        bücher
        ");
    }

    #[test]
    fn colour_does_not_move_anything() {
        let text = check(None, true);
        assert!(text.contains("\u{1b}[31mcritical\u{1b}[0m"));
        let plain: String = text.replace("\u{1b}[31m", "").replace("\u{1b}[1m", "").replace("\u{1b}[0m", "");
        assert_eq!(plain, check(None, false));
    }

    #[test]
    fn a_terminal_is_never_commanded() {
        assert_eq!(printable("a\u{1b}[2Jb\n"), r"a\u{1b}[2Jb\n");
    }
}
