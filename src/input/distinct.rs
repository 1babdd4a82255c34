//! Counts the texts of label columns, to tell free text from labels.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashSet;

/// The most different texts that a column may have in any case.
const TEXTS: usize = 100;
/// The share of rows that bring a new text, above which a column is no label.
const SHARE: f64 = 0.2;
/// The share of rows with a new text above which a column makes a series of nearly every row.
const NEARLY_ALL: f64 = 0.9;
/// The share above which that is worth a warning.
const MANY: f64 = 0.5;
/// The fewest different times that are needed to tell: a scrape of many hosts brings a new text in every row too.
const TIMES: u64 = 10;
/// From how many texts on a column is looked at before the end, so that memory stays bounded.
const EARLY: usize = 4096;

/// Counts distinct texts by column.
#[derive(Default)]
pub(super) struct Distinct {
    columns: Vec<(usize, HashSet<u64, FixedState>)>,
    rows: u64,
    times: u64,
    /// Whether some column came to a number of texts at which it is looked at.
    look: bool,
}

impl Distinct {
    /// Notes the text of a column; needed once a distinct key only.
    pub(super) fn note(&mut self, column: usize, text: &[u8]) {
        let at = match self.columns.binary_search_by_key(&column, |(column, _)| *column) {
            Ok(at) => at,
            Err(at) => {
                self.columns.insert(at, (column, HashSet::default()));
                at
            }
        };
        let texts = &mut self.columns[at].1;
        let new = texts.insert(FixedState::default().hash_one(text));
        self.look |= new && texts.len() >= EARLY && texts.len().is_power_of_two();
    }

    /// Counts a row; returns a column that is certainly no label, and its texts.
    pub(super) fn row(&mut self, new_time: bool) -> Option<(usize, usize)> {
        self.rows += 1;
        self.times += u64::from(new_time);
        if !self.look {
            return None;
        }
        self.look = false;
        self.too_many()
    }

    /// Counts rows without a new text.
    pub(super) fn rows(&mut self, rows: u64, new_times: u64) {
        self.rows += rows;
        self.times += new_times;
    }

    /// Returns the first column that is no label, and its number of texts.
    pub(super) fn too_many(&self) -> Option<(usize, usize)> {
        self.above(SHARE).find(|(_, texts)| *texts > TEXTS).or_else(|| self.above(NEARLY_ALL).next())
    }

    /// Returns the columns that may be no labels, each with its number of texts.
    pub(super) fn suspicious(&self) -> impl Iterator<Item = (usize, usize)> {
        self.above(MANY)
    }

    /// Returns the columns with a new text in more than a share of the rows, once there are enough to say so.
    fn above(&self, share: f64) -> impl Iterator<Item = (usize, usize)> {
        let most = if self.times < TIMES { f64::INFINITY } else { self.rows as f64 * share };
        let texts = self.columns.iter().map(|(column, texts)| (*column, texts.len()));
        texts.filter(move |(_, texts)| *texts as f64 > most)
    }
}
