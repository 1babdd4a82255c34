//! Columns that line up, on comfy-table, and what gives way where a terminal is too narrow for them: see [`Grid::write`].

use std::io::{self, Write};
use std::iter;

use comfy_table::{CellAlignment, Table, presets};

use crate::format::go;
use crate::report::markdown::escaped;
use crate::report::wrap::{hung, width, wrapped};

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
    /// One of several series, by its place among them.
    Series(usize),
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
            Self::Series(place) => ["36", "33", "35", "32", "34", "31", "96", "95"][place % 8],
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
    /// Whether its texts may be broken between words.
    wraps: bool,
    /// Whether a word is never broken: half of a number is another number.
    whole: bool,
}

impl Column {
    /// Makes a column of texts, with its rank among those that go when the terminal is narrow (0 stays).
    pub(crate) fn left(title: impl Into<String>, rank: u8) -> Self {
        Self { title: title.into(), right: false, rank, wraps: false, whole: false }
    }

    /// Makes a column of numbers.
    pub(crate) fn right(title: impl Into<String>, rank: u8) -> Self {
        Self { right: true, whole: true, ..Self::left(title, rank) }
    }

    /// Makes a column of times.
    pub(crate) fn times(title: impl Into<String>, rank: u8) -> Self {
        Self { whole: true, ..Self::left(title, rank) }
    }

    /// Makes a column of texts that may take several lines.
    pub(crate) fn words(title: impl Into<String>, rank: u8) -> Self {
        Self { wraps: true, ..Self::left(title, rank) }
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
    if !text.chars().any(go::is_hidden) {
        return text.to_owned();
    }
    text.chars().map(go::visible).collect()
}

/// Rows under columns.
#[derive(Clone, Debug)]
pub(crate) struct Grid {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
    /// Lines that stand before a row, by its number.
    headings: Vec<(usize, String)>,
    /// Whether the last column goes below the rows before any other one is left out.
    figures_first: bool,
    /// Where columns that were left out can be seen.
    remedy: &'static str,
}

/// Between two columns.
const GAP: usize = 2;
/// The narrowest that the last column is made before others go, and the widest that its longest word makes it then.
/// Unit: columns of the terminal.
const LAST: (usize, usize) = (20, 36);
/// The narrowest that other columns of words are made. Unit: columns of the terminal.
const WORDS: usize = 12;
/// How wide texts are where numbers alone take more than there is. Unit: columns of the terminal.
const WORD: usize = 4;
/// How far the last column is indented where it stands under its row.
const INDENT: usize = 4;

/// What of a grid is shown, and how wide.
struct Layout {
    /// The places of the columns, with their widths.
    columns: Vec<(usize, usize)>,
    /// Whether the last column stands under each row, and in what width.
    below: Option<usize>,
    /// The places of those that were left out, in the order in which they went.
    left_out: Vec<usize>,
}

impl Grid {
    pub(crate) fn new(columns: Vec<Column>) -> Self {
        let remedy = "widen the terminal or use -o json";
        Self { columns, rows: Vec::new(), headings: Vec::new(), figures_first: false, remedy }
    }

    /// Returns the grid with other words for where columns that were left out can be seen: those of no other format.
    pub(crate) fn only_wider(self) -> Self {
        Self { remedy: "widen the terminal or use --width", ..self }
    }

    /// Returns the grid with other columns kept before the words of the last one, which go below the rows.
    pub(crate) fn figures_first(self) -> Self {
        Self { figures_first: true, ..self }
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
    /// What is too wide wraps between words: the last column first, then other columns of words and the titles. Then
    /// columns go by their ranks, and a line under the grid names them. Where what stays leaves no room for the last
    /// column, it stands under its row. Only a word that is longer than its column is broken, and a number never, even if
    /// its line is too long then.
    ///
    /// # Errors
    /// What the writer says.
    pub(crate) fn write(&self, out: &mut dyn Write, limit: Option<usize>, color: bool) -> io::Result<()> {
        self.write_after(out, limit, color, &mut Vec::new())
    }

    /// Does what [`Grid::write`] does, and names the columns that were left out only if `said` does not have them yet.
    ///
    /// # Errors
    /// What the writer says.
    pub(crate) fn write_after(
        &self,
        out: &mut dyn Write,
        limit: Option<usize>,
        color: bool,
        said: &mut Vec<String>,
    ) -> io::Result<()> {
        let layout = match limit {
            Some(limit) => self.layout(limit),
            None => Layout {
                columns: self.all().map(|at| (at, self.natural(at))).collect(),
                below: None,
                left_out: Vec::new(),
            },
        };
        let titles: Vec<Cell> = self.columns.iter().map(|column| Cell::new(&column.title, Tone::Heading)).collect();
        let rows: Vec<&[Cell]> = iter::once(titles.as_slice()).chain(self.rows.iter().map(Vec::as_slice)).collect();
        let broken =
            |cell: &Cell, width| if limit.is_some() { wrapped(&cell.text, width) } else { vec![cell.text.clone()] };
        let parts: Vec<Vec<Vec<String>>> = rows
            .iter()
            .map(|cells| layout.columns.iter().map(|(at, width)| broken(&cells[*at], *width)).collect())
            .collect();
        let mut lines = self.aligned(&parts, &layout).into_iter();
        let mut headings = self.headings.iter().peekable();
        for (at, (cells, parts)) in rows.into_iter().zip(&parts).enumerate() {
            while let Some((_, text)) = headings.next_if(|(before, _)| *before < at) {
                writeln!(out, "{}", Tone::Heading.paint(text, color))?;
            }
            let height = parts.iter().map(Vec::len).max().unwrap_or(0);
            for (place, line) in lines.by_ref().take(height).enumerate() {
                let shown = layout
                    .columns
                    .iter()
                    .zip(parts)
                    .map(|((at, _), parts)| (parts.get(place).map_or("", |part| part.trim_end()), cells[*at].tone));
                writeln!(out, "{}", painted(line.trim_end(), shown, color))?;
            }
            if let Some((width, cell)) = layout.below.zip(cells.last()).filter(|(_, cell)| !cell.text.is_empty()) {
                let lines = wrapped(&cell.text, width);
                lines.iter().try_for_each(|line| writeln!(out, "{:INDENT$}{}", "", cell.tone.paint(line, color)))?;
            }
        }
        match limit {
            Some(limit) if !layout.left_out.is_empty() => {
                let names: Vec<&str> = layout.left_out.iter().map(|at| self.columns[*at].title.as_str()).collect();
                let names = names.join(", ");
                if said.contains(&names) {
                    return Ok(());
                }
                let how = if said.is_empty() { format!("; {}", self.remedy) } else { String::new() };
                let line = format!("columns left out at {limit} columns: {names}{how}");
                said.push(names);
                writeln!(out, "{}", Tone::Faint.paint(&hung(&line, Some(limit)), color))
            }
            _ => Ok(()),
        }
    }

    /// Lays out rows whose cells are broken into lines, without colours: only text is measured.
    fn aligned(&self, rows: &[Vec<Vec<String>>], layout: &Layout) -> Vec<String> {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.add_rows(rows.iter().map(|row| row.iter().map(|lines| lines.join("\n")).collect::<Vec<_>>()));
        for (column, (at, _)) in table.column_iter_mut().zip(&layout.columns) {
            column.set_padding((0, GAP as u16));
            let right = self.columns[*at].right;
            column.set_cell_alignment(if right { CellAlignment::Right } else { CellAlignment::Left });
        }
        table.lines().collect()
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

    fn all(&self) -> std::ops::Range<usize> {
        0..self.columns.len()
    }

    fn texts(&self, at: usize) -> impl Iterator<Item = &str> {
        self.rows.iter().map(move |row| row[at].text.as_str())
    }

    /// Returns the width of a column that nothing narrows.
    fn natural(&self, at: usize) -> usize {
        self.texts(at).chain([self.columns[at].title.as_str()]).map(width).max().unwrap_or(0)
    }

    fn longest_word(&self, at: usize) -> usize {
        self.texts(at).chain([self.columns[at].title.as_str()]).map(longest).max().unwrap_or(0)
    }

    /// Returns the width to which a column may shrink before others go.
    fn least(&self, at: usize) -> usize {
        let title = &self.columns[at].title;
        let in_two_lines = (longest(title)..).find(|width| wrapped(title, *width).len() <= 2);
        let title = in_two_lines.unwrap_or(0);
        let (wraps, last) = (self.columns[at].wraps, at + 1 == self.columns.len());
        let least = match (wraps, last) {
            (true, true) => title.max(self.longest_word(at)).clamp(LAST.0, LAST.1),
            (true, false) => title.max(self.longest_word(at)).max(WORDS),
            (false, _) => title.max(self.texts(at).map(width).max().unwrap_or(0)),
        };
        least.min(self.natural(at))
    }

    /// Decides what is shown within a width.
    fn layout(&self, limit: usize) -> Layout {
        let all: Vec<usize> = self.all().collect();
        if let Some(columns) = self.fitted(&all, limit) {
            return Layout { columns, below: None, left_out: Vec::new() };
        }
        // What is empty says nothing.
        let told = |at: &usize| *at == 0 || self.texts(*at).any(|text| !text.is_empty());
        let told: Vec<usize> = all.into_iter().filter(told).collect();
        let wraps = self.columns.last().is_some_and(|last| last.wraps);
        let below = limit.saturating_sub(INDENT).max(1);
        let above = match told.split_last() {
            Some((last, above)) if wraps && *last + 1 == self.columns.len() && !above.is_empty() => {
                Some(above.to_vec())
            }
            _ => None,
        };
        // A few words are worth no column that others have to go for.
        if let Some(above) = above.as_ref().filter(|_| self.figures_first || self.is_sparse())
            && let Some(layout) = self.shortened(above.clone(), limit)
        {
            return Layout { below: Some(below), ..layout };
        }
        if let Some(layout) = self.shortened(told.clone(), limit) {
            return layout;
        }
        let below = above.is_some().then_some(below);
        let above = above.unwrap_or(told);
        if let Some(layout) = self.shortened(above.clone(), limit) {
            return Layout { below, ..layout };
        }
        // Nothing is left to go: the widest shrink.
        let mut shown = above;
        let left_out: Vec<usize> = iter::from_fn(|| self.next_to_go(&mut shown)).collect();
        let naturals: Vec<usize> = shown.iter().map(|at| self.natural(*at)).collect();
        let room = limit.saturating_sub(GAP * shown.len().saturating_sub(1));
        let words: Vec<usize> = shown.iter().map(|at| self.longest_word(*at)).collect();
        // Where all words fit, none is broken.
        let fit = words.iter().sum::<usize>() <= room;
        let floor = |(at, word): (&usize, &usize)| if fit || self.columns[*at].whole { *word } else { 0 };
        let floors: Vec<usize> = shown.iter().zip(&words).map(floor).collect();
        let within = |most: usize| naturals.iter().zip(&floors).map(move |(wide, floor)| (*wide).min(most.max(*floor)));
        let most = (1..=limit).rev().find(|most| within(*most).sum::<usize>() <= room).unwrap_or(WORD);
        let columns = shown.iter().copied().zip(within(most)).collect();
        Layout { columns, below, left_out }
    }

    /// Returns whether the last column has something in fewer than half of the rows.
    fn is_sparse(&self) -> bool {
        let filled = self.texts(self.columns.len() - 1).filter(|text| !text.is_empty()).count();
        filled * 2 < self.rows.len()
    }

    /// Leaves columns out by rank until the rest fits; none when not even those that stay do.
    fn shortened(&self, mut shown: Vec<usize>, limit: usize) -> Option<Layout> {
        let mut left_out = Vec::new();
        loop {
            if let Some(columns) = self.fitted(&shown, limit) {
                return Some(Layout { columns, below: None, left_out });
            }
            left_out.push(self.next_to_go(&mut shown)?);
        }
    }

    /// Takes out the column that goes next, if one may go.
    fn next_to_go(&self, shown: &mut Vec<usize>) -> Option<usize> {
        let next = (0..shown.len()).max_by_key(|at| (self.columns[shown[*at]].rank, *at))?;
        (self.columns[shown[next]].rank > 0).then(|| shown.remove(next))
    }

    /// Returns the widths with which columns fit, if they do without breaking a word that could stay whole.
    fn fitted(&self, shown: &[usize], limit: usize) -> Option<Vec<(usize, usize)>> {
        let room = limit.checked_sub(GAP * shown.len().saturating_sub(1))?;
        let naturals: Vec<usize> = shown.iter().map(|at| self.natural(*at)).collect();
        let leasts: Vec<usize> = shown.iter().map(|at| self.least(*at)).collect();
        let sum = |widths: &[usize]| widths.iter().sum::<usize>();
        let (last, others) = shown.split_last()?;
        let last_wraps = self.columns[*last].wraps;
        let with_last = |widths: &[usize]| room.checked_sub(sum(&widths[..others.len()]));
        let widths = match with_last(&naturals) {
            _ if sum(&naturals) <= room => naturals,
            // The last column alone gives way.
            Some(rest) if last_wraps && rest >= leasts[others.len()] => {
                let mut widths = naturals;
                widths[others.len()] = rest;
                widths
            }
            _ => {
                let mut free = room.checked_sub(sum(&leasts))?;
                let mut widths = leasts;
                // What is left goes to the words, and then to the titles.
                let words = (0..shown.len()).filter(|at| self.columns[shown[*at]].wraps);
                let titles = (0..shown.len()).filter(|at| !self.columns[shown[*at]].wraps);
                for at in words.chain(titles) {
                    let more = (naturals[at] - widths[at]).min(free);
                    widths[at] += more;
                    free -= more;
                }
                widths
            }
        };
        Some(shown.iter().copied().zip(widths).collect())
    }
}

/// Returns the width of the longest word of a text.
fn longest(text: &str) -> usize {
    text.split(' ').map(width).max().unwrap_or(0)
}

/// Colours the parts of a line, found from left to right.
fn painted<'a>(line: &str, parts: impl Iterator<Item = (&'a str, Tone)>, color: bool) -> String {
    if !color {
        return line.to_owned();
    }
    let (mut text, mut rest) = (String::new(), line);
    for (part, tone) in parts.filter(|(part, _)| !part.is_empty()) {
        let Some(at) = rest.find(part) else { continue };
        text.push_str(&rest[..at]);
        text.push_str(&tone.paint(part, true));
        rest = &rest[at + part.len()..];
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Grid {
        let mut grid = Grid::new(vec![
            Column::left("NAME", 0),
            Column::right("COUNT", 2),
            Column::left("STATE", 1),
            Column::words("NOTE", 0),
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
        insta::assert_snapshot!(check(Some(48), false), @"
        NAME    COUNT  STATE     NOTE
        Tue
        a       1,204  critical  a long note that says
                                 much
        Wed
        bücher      7  ok
        ");
        insta::assert_snapshot!(check(Some(40), false), @"
        NAME    STATE     NOTE
        Tue
        a       critical  a long note that says
                          much
        Wed
        bücher  ok
        columns left out at 40 columns: COUNT;
          widen the terminal or use -o json
        ");
        insta::assert_snapshot!(check(Some(30), false), @"
        NAME    NOTE
        Tue
        a       a long note that says
                much
        Wed
        bücher
        columns left out at 30
          columns: COUNT, STATE; widen
          the terminal or use -o json
        ");
    }

    #[test]
    fn colour_does_not_move_anything() {
        let text = check(None, true);
        assert!(text.contains("\u{1b}[31mcritical\u{1b}[0m"));
        let plain: String = text.replace("\u{1b}[31m", "").replace("\u{1b}[1m", "").replace("\u{1b}[0m", "");
        assert_eq!(plain, check(None, false));
    }
}
