//! The names that a misspelt one may have meant.

use std::collections::HashMap;

use crate::limits;

/// The most edits that a near name may be away.
const MOST_EDITS: usize = 4;
/// The cells of a row of edit distances that are not certain to be over the limit.
const BAND: usize = 2 * MOST_EDITS + 1;
/// The most names of an answer.
const NAMED: usize = 3;
/// The shortest name that may be near for being the beginning of another. Unit: bytes.
const BEGINNING_BYTES: usize = 4;

/// Returns the candidates that a misspelt name may have meant, nearest first, at most three: those within a third of
/// its length in edits, but 1 to 4, and those that begin with it or that it begins with.
///
/// To look for several names among the same candidates, use [`Names`].
#[must_use]
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names = Names::new(candidates);
    names.rows_left = usize::MAX;
    names.search(name)
}

/// Candidates to look for near names in, sorted once.
///
/// Cost of an answer: candidates that begin alike share their part of the distance, and a beginning that is too far
/// away drops all of them, so that most of many candidates are not looked at. The answers to all names take at most
/// [`limits::NEAREST_ROWS`] rows of distances together.
#[derive(Clone, Debug)]
pub struct Names<'a> {
    sorted: Vec<&'a str>,
    answers: HashMap<String, Vec<&'a str>>,
    rows_left: usize,
}

impl<'a> Names<'a> {
    /// Takes candidates, in any order, equal ones once.
    pub fn new(candidates: impl IntoIterator<Item = &'a str>) -> Self {
        let mut sorted: Vec<&str> = candidates.into_iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        Self { sorted, answers: HashMap::new(), rows_left: limits::NEAREST_ROWS }
    }

    /// Returns what [`nearest`] does; nothing once all answers together have cost too much.
    pub fn nearest(&mut self, name: &str) -> &[&'a str] {
        if !self.answers.contains_key(name) {
            let found = self.search(name);
            self.answers.insert(name.to_owned(), found);
        }
        self.answers.get(name).map_or(&[], Vec::as_slice)
    }

    fn search(&mut self, name: &str) -> Vec<&'a str> {
        let wanted: Vec<char> = name.chars().collect();
        let limit = (wanted.len() / 3).clamp(1, MOST_EDITS);
        let mut found = Vec::new();
        let mut rows = Rows::new(&wanted, limit);
        // What is as far away as the last of three comes after them by its text.
        let mut below = limit + 1;
        let mut at = 0;
        while let Some(candidate) = self.sorted.get(at) {
            at += 1;
            match rows.walk(candidate, below, &mut self.rows_left) {
                Walk::Near(away) => {
                    found.push((away, *candidate));
                    found.sort_unstable();
                    found.truncate(NAMED);
                    if let [.., (worst, _)] = found[..]
                        && found.len() == NAMED
                    {
                        below = worst;
                    }
                }
                Walk::Far => {}
                Walk::FarFrom(beginning) => {
                    let beginning = &candidate[..beginning];
                    at += self.sorted[at..].partition_point(|next| next.starts_with(beginning));
                }
                Walk::Costly => return Vec::new(),
            }
        }
        let mut found: Vec<&str> = found.into_iter().map(|(_, candidate)| candidate).collect();
        let mut others = self.sharing_beginning(name);
        others.retain(|other| !found.contains(other));
        found.extend(others.into_iter().take(NAMED - found.len()));
        found
    }

    /// Returns the candidates that the name begins with, and the first that begin with it, in the order of their text.
    fn sharing_beginning(&self, name: &str) -> Vec<&'a str> {
        let mut alike = self.sorted.as_slice();
        let mut found = Vec::new();
        for end in (1..=name.len()).filter(|end| name.is_char_boundary(*end)) {
            let beginning = &name[..end];
            let (before, with) = (
                alike.partition_point(|candidate| *candidate < beginning),
                alike.partition_point(|candidate| *candidate < beginning || candidate.starts_with(beginning)),
            );
            alike = &alike[before..with];
            match alike.first() {
                None => return found,
                Some(first) if *first == beginning && end >= BEGINNING_BYTES => found.push(first),
                Some(_) => {}
            }
        }
        if name.len() >= BEGINNING_BYTES {
            // Those that are near by their edits as well, at most three, are taken out of these.
            let longer = alike.iter().filter(|candidate| candidate.len() > name.len());
            found.extend(longer.take(2 * NAMED));
        }
        found
    }
}

/// How a candidate was found to be.
enum Walk {
    /// So many edits away.
    Near(usize),
    /// Too far away.
    Far,
    /// As is everything that begins with so many bytes of it.
    FarFrom(usize),
    /// Not known, for it would cost more than is left.
    Costly,
}

/// The numbers of edits (insert, delete, replace, swap of neighbours) between the beginnings of a name and those of a
/// candidate, of which those that its forerunner had stay: for each character of the candidate, the beginnings of the
/// name whose lengths differ from its own by at most [`MOST_EDITS`].
struct Rows<'n> {
    name: &'n [char],
    limit: usize,
    /// The candidate.
    chars: Vec<char>,
    /// Its bytes up to the end of each character.
    ends: Vec<usize>,
    /// The row before the first character, then one for each.
    rows: Vec<[u8; BAND]>,
}

/// A distance over every limit.
const FAR: u8 = MOST_EDITS as u8 + 1;

impl<'n> Rows<'n> {
    fn new(name: &'n [char], limit: usize) -> Self {
        let mut first = [FAR; BAND];
        for (cell, away) in first[MOST_EDITS..].iter_mut().zip(0..=FAR).take(name.len() + 1) {
            *cell = away;
        }
        Self { name, limit, chars: Vec::new(), ends: Vec::new(), rows: vec![first] }
    }

    /// Goes through a candidate, from where it differs from the last one.
    fn walk(&mut self, candidate: &str, below: usize, rows_left: &mut usize) -> Walk {
        let shared = self.chars.iter().zip(candidate.chars()).take_while(|(known, char)| **known == *char).count();
        self.chars.truncate(shared);
        self.ends.truncate(shared);
        self.rows.truncate(shared + 1);
        let mut end = self.ends.last().copied().unwrap_or(0);
        for char in candidate[end..].chars() {
            let Some(left) = rows_left.checked_sub(1) else { return Walk::Costly };
            *rows_left = left;
            end += char.len_utf8();
            self.chars.push(char);
            self.ends.push(end);
            let row = self.next();
            self.rows.push(row);
            if row.iter().all(|away| usize::from(*away) >= below) {
                return Walk::FarFrom(end);
            }
        }
        let last = (self.name.len() + MOST_EDITS).checked_sub(self.chars.len());
        let cell = last.and_then(|cell| self.rows.last().and_then(|row| row.get(cell)));
        match cell.map(|away| usize::from(*away)) {
            Some(away) if away < below && away <= self.limit => Walk::Near(away),
            _ => Walk::Far,
        }
    }

    /// Makes the row of the last character.
    fn next(&self) -> [u8; BAND] {
        let mut row = [FAR; BAND];
        let [.., last] = self.rows[..] else { return row };
        let (length, before) = (self.chars.len(), self.rows.len().checked_sub(2).map(|at| self.rows[at]));
        let char = self.chars[length - 1];
        let swapped = length.checked_sub(2).map(|at| self.chars[at]);
        for cell in 0..BAND {
            // The length of the name's beginning.
            let Some(upto) = (length + cell).checked_sub(MOST_EDITS).filter(|upto| *upto <= self.name.len()) else {
                continue;
            };
            let mut away = last.get(cell + 1).map_or(FAR, |away| away + 1);
            if cell > 0 {
                away = away.min(row[cell - 1] + 1);
            }
            if let Some(other) = upto.checked_sub(1).map(|at| self.name[at]) {
                away = away.min(last[cell] + u8::from(!is_same(char, other)));
                if let (Some(before), Some(swapped), Some(at)) = (before, swapped, upto.checked_sub(2))
                    && char == self.name[at]
                    && swapped == other
                {
                    away = away.min(before[cell] + 1);
                }
            }
            row[cell] = away.min(FAR);
        }
        row
    }
}

/// Returns whether two characters differ in their case at most.
fn is_same(a: char, b: char) -> bool {
    a == b
        || if a.is_ascii() && b.is_ascii() { a.eq_ignore_ascii_case(&b) } else { a.to_lowercase().eq(b.to_lowercase()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_nearest_name_comes_first() {
        let check = |name: &str, candidates: &[&str], expected: &[&str]| {
            assert_eq!(nearest(name, candidates.iter().copied()), expected, "{name}");
        };
        check("fro", &["expr", "for", "labels"], &["for"]);
        check("node_cpu", &["node_cpu_seconds_total", "up"], &["node_cpu_seconds_total"]);
        check("node_cpu_seconds_total", &["node_cpu", "up", "node"], &["node", "node_cpu"]);
        check("Warnung", &["warning", "WARNUNG", "warnung"], &["WARNUNG", "warnung", "warning"]);
        check("zzz", &["expr", "for"], &[]);
        check("", &["a", "bb", ""], &["", "a"]);
        check("metric_b", &["metric_a", "metric_ab", "metric_d", "metric_c"], &["metric_a", "metric_ab", "metric_c"]);
    }

    /// The whole matrix.
    fn distance(a: &[char], b: &[char]) -> usize {
        let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
        for i in 0..=a.len() {
            for j in 0..=b.len() {
                rows[i][j] = match (i, j) {
                    (0, _) => j,
                    (_, 0) => i,
                    _ => {
                        let replaced = rows[i - 1][j - 1] + usize::from(!is_same(a[i - 1], b[j - 1]));
                        let mut away = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                        if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                            away = away.min(rows[i - 2][j - 2] + 1);
                        }
                        away
                    }
                };
            }
        }
        rows[a.len()][b.len()]
    }

    /// Looks at every candidate.
    fn plain<'a>(name: &str, candidates: &'a [String]) -> Vec<&'a str> {
        let wanted: Vec<char> = name.chars().collect();
        let limit = (wanted.len() / 3).clamp(1, 4);
        let mut found: Vec<(usize, &str)> = Vec::new();
        for candidate in candidates {
            let away = distance(&wanted, &candidate.chars().collect::<Vec<_>>());
            let long = candidate.len() > 3 && name.len() > 3;
            if away <= limit || (long && (candidate.starts_with(name) || name.starts_with(candidate.as_str()))) {
                found.push((away.min(limit + 1), candidate));
            }
        }
        found.sort_unstable();
        found.dedup();
        found.into_iter().take(3).map(|(_, candidate)| candidate).collect()
    }

    proptest! {
        #[test]
        fn the_answers_are_those_of_a_look_at_every_candidate(
            names in proptest::collection::vec("[abAB_é]{0,14}", 1..4),
            candidates in proptest::collection::vec("[abAB_é]{0,14}", 0..60),
        ) {
            let mut many = Names::new(candidates.iter().map(String::as_str));
            for name in names.iter().chain(&candidates) {
                prop_assert_eq!(many.nearest(name), plain(name, &candidates), "{}", name);
            }
        }
    }

    #[test]
    fn the_answers_to_many_names_have_a_bound() {
        let candidates: Vec<String> = (0..5000).map(|number| format!("metric_{number:04}_total")).collect();
        let mut names = Names::new(candidates.iter().map(String::as_str));
        let before = names.rows_left;
        assert_eq!(names.nearest("metrix_0007_total"), ["metric_0007_total", "metric_0000_total", "metric_0001_total"]);
        // Most of 5,000 names of 17 characters were not looked at.
        assert!(before - names.rows_left < 10_000, "{}", before - names.rows_left);
        let left = names.rows_left;
        assert_eq!(names.nearest("metrix_0007_total").len(), 3);
        assert_eq!(names.rows_left, left, "an answer is known the second time");
        names.rows_left = 10;
        assert_eq!(names.nearest("metrix_0008_total"), [] as [&str; 0]);
        assert_eq!(names.nearest("metrix_0007_total").len(), 3);
    }
}
