//! Whether a column without a role is a metric or a label: decided by a stretch of rows, not by the first one.

use super::absent::is_word;
use super::stamp::looks_like_time;

/// How many rows are read ahead to decide. A recording is then read alike from a file, a pipe, and in pieces of any
/// size.
pub(super) const ROWS: usize = 2_000;
/// The most that these rows may hold. Unit: bytes.
pub(super) const BYTES: usize = 8 << 20;

/// What one cell is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    /// It says nothing.
    Empty,
    /// A number, perhaps in a way that its row is refused for.
    Number,
    /// A text that a number is in: a number among numbers, a text among texts.
    Quoted,
    /// Another text.
    Text,
}

/// What the cells of one column are.
#[derive(Clone, Debug, Default)]
pub(super) struct Cells {
    /// Texts that are times.
    times: u64,
    /// Whether some number in quotes has a point or an exponent, as no id has.
    fraction: bool,
    numbers: u64,
    quoted: u64,
    texts: u64,
    /// The first of each kind, with its line.
    number: Option<(u64, String)>,
    first_quoted: Option<(u64, String)>,
    text: Option<(u64, String)>,
}

/// What a column is, by its cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decided {
    /// A metric.
    Metric,
    /// A label.
    Label,
    /// Nothing was seen yet.
    Open,
    /// It mixes numbers and words so that neither is an exception.
    Mixed(Mixed),
}

/// Examples of a column that mixes numbers and words: line and text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mixed {
    /// A number.
    pub number: (u64, String),
    /// A word.
    pub text: (u64, String),
}

/// The share of cells that texts among numbers may be, whose rows are then bad: one in so many.
const TEXTS: u64 = 10;
/// The share of cells that numbers among texts may be, which are then labels in silence: one in so many.
const NUMBERS: u64 = 100;

impl Cells {
    /// Takes a cell that is not empty; words for no sample say nothing.
    pub(super) fn take(&mut self, line: u64, field: &[u8], kind: Cell) {
        let (count, first) = match kind {
            Cell::Number => (&mut self.numbers, &mut self.number),
            Cell::Quoted => (&mut self.quoted, &mut self.first_quoted),
            Cell::Text if !is_word(field) => (&mut self.texts, &mut self.text),
            Cell::Empty | Cell::Text => return,
        };
        *count += 1;
        if kind == Cell::Text && looks_like_time(field, None) {
            self.times += 1;
        }
        self.fraction |= kind == Cell::Quoted && field.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E'));
        if first.is_none() {
            *first = Some((line, super::number::shown(&String::from_utf8_lossy(field))));
        }
    }

    /// Returns whether all it holds are numbers in quotes.
    pub(super) fn is_quoted(&self) -> bool {
        self.quoted > 0 && self.numbers == 0 && self.texts == 0
    }

    /// Returns whether all it holds are times.
    pub(super) fn is_times(&self) -> bool {
        self.times > 0 && self.times == self.texts && self.numbers == 0
    }

    /// Returns what the column is.
    pub(super) fn decide(&self) -> Decided {
        let bare = self.numbers > 0 || self.fraction && self.texts == 0;
        let all = self.numbers + self.quoted + self.texts;
        let (texts, numbers) = if bare { (self.texts, all - self.texts) } else { (all, 0) };
        let text = self.text.as_ref().or(self.first_quoted.as_ref().filter(|_| !bare));
        match (self.number.as_ref().or(self.first_quoted.as_ref().filter(|_| bare)), text) {
            (None, None) => Decided::Open,
            (Some(_), None) => Decided::Metric,
            (None, Some(_)) => Decided::Label,
            // What the few exceptions are is said row by row.
            (Some(_), Some(_)) if few(texts, all, TEXTS) => Decided::Metric,
            (Some(_), Some(_)) if few(numbers, all, NUMBERS) => Decided::Label,
            (Some(number), Some(text)) => Decided::Mixed(Mixed { number: number.clone(), text: text.clone() }),
        }
    }
}

/// Returns whether some cells are exceptions among all.
fn few(some: u64, all: u64, share: u64) -> bool {
    some * share <= all || some == 1 && all > 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_of_cells_decides() {
        let decide = |cells: &[&str]| {
            let mut seen = Cells::default();
            for (line, cell) in (2..).zip(cells) {
                let kind = if cell.parse::<f64>().is_ok() { Cell::Number } else { Cell::Text };
                seen.take(line, cell.as_bytes(), kind);
            }
            seen.decide()
        };
        assert_eq!(decide(&["N/A", "null", "-"]), Decided::Open);
        assert_eq!(decide(&["N/A", "1", "-"]), Decided::Metric);
        assert_eq!(decide(&["unknown", "a", "-"]), Decided::Label);
        assert_eq!(decide(&["1", "ERR", "3"]), Decided::Metric);
        assert_eq!(decide(&["1", "2", "3", "4", "5", "6", "7", "8", "9", "ERR"]), Decided::Metric);
        assert_eq!(decide(&["a", "b", "c", "d", "e", "f", "g", "h", "i", "1"]), Decided::Label);
        let mixed = Mixed { number: (3, "1".to_owned()), text: (2, "a".to_owned()) };
        assert_eq!(decide(&["a", "1", "b", "2"]), Decided::Mixed(mixed));
    }
}
