//! Cells that say that there is no sample.

use std::collections::BTreeMap;

/// What exports write where there is no sample, in letters of any case. `NaN` is a value.
const WORDS: [&str; 12] =
    ["n/a", "na", "#n/a", "[n/a]", "null", "none", "nil", "-", "--", "unknown", "unavailable", "[not supported]"];

/// Knows which cells of value columns are no samples, and counts the words among them.
#[derive(Default)]
pub(super) struct Absent {
    /// Texts that the user named.
    pub(super) null: Vec<String>,
    /// By column and word: how many cells.
    words: BTreeMap<(usize, String), u64>,
}

impl Absent {
    pub(super) fn new(null: &[String]) -> Self {
        Self { null: null.to_vec(), ..Self::default() }
    }

    /// Returns whether a cell without blanks around it is empty, or what the user says is no sample.
    pub(super) fn is_empty(&self, field: &[u8]) -> bool {
        field.is_empty() || self.null.iter().any(|null| null.trim().as_bytes() == field)
    }

    /// Returns whether a cell that is no number is one of the usual words for no sample, and counts it.
    #[cold]
    pub(super) fn is_word(&mut self, column: usize, field: &[u8]) -> bool {
        let word = is_word(field);
        if word {
            *self.words.entry((column, String::from_utf8_lossy(field).into_owned())).or_default() += 1;
        }
        word
    }

    /// Says how many cells were words for no sample, by column; `name` names a column.
    pub(super) fn describe(&self, what: &str, name: impl Fn(usize) -> String) -> Vec<String> {
        let mut words: BTreeMap<&str, Vec<(usize, u64)>> = BTreeMap::new();
        for ((column, word), count) in &self.words {
            words.entry(word).or_default().push((*column, *count));
        }
        let mut lines = Vec::new();
        for (word, columns) in words {
            let (first, all) = (columns[0].0, columns.iter().map(|(_, count)| count).sum::<u64>());
            let said = |count: u64| {
                format!("{count} {} `{word}`, read as no sample", if count == 1 { "cell is" } else { "cells are" })
            };
            if columns.len() > 3 {
                lines.push(format!("{} {what}s such as `{}`: {}", columns.len(), name(first), said(all)));
            } else {
                lines.extend(
                    columns.iter().map(|(column, count)| format!("{what} `{}`: {}", name(*column), said(*count))),
                );
            }
        }
        lines
    }
}

/// Returns whether a text is one of the usual words for no sample.
pub(super) fn is_word(field: &[u8]) -> bool {
    WORDS.iter().any(|word| word.as_bytes().eq_ignore_ascii_case(field))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_no_sample_are_counted_by_column() {
        let mut absent = Absent::new(&["ERR".to_owned()]);
        assert!(absent.is_empty(b"") && absent.is_empty(b"ERR") && !absent.is_empty(b"N/A"));
        for field in ["N/A", "n/a", "N/A", "NaN", "0"] {
            assert_eq!(absent.is_word(1, field.as_bytes()), field.contains('/'), "{field}");
        }
        assert_eq!(
            absent.describe("column", |column| format!("c{column}")),
            ["column `c1`: 2 cells are `N/A`, read as no sample", "column `c1`: 1 cell is `n/a`, read as no sample"]
        );
    }
}
