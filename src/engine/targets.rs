//! Which rows of a result are one alert, or one recorded series.

use crate::promql::program::Root;
use crate::promql::roster::number;

use super::bits;

const NONE: u32 = u32::MAX;

/// Maps the rows of a root to what they stand for. Usually one to one; rows that the rule's labels make equal share a
/// target, and two of them at one step are a fault.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    of_row: Vec<u32>,
    rows: Vec<Vec<u32>>,
    /// Those with more rows than one.
    shared: Vec<u32>,
    /// By target: whether it is in `listed`.
    is_listed: Vec<bool>,
    /// Those that have a row, or had one when it last mattered, ascending.
    listed: Vec<u32>,
    /// How many of these are in order.
    sorted: usize,
}

/// The steps at which a target is present, and its values there.
pub(crate) struct Presence<'a> {
    pub present: &'a [u64],
    pub values: &'a [f64],
}

impl<'a> Presence<'a> {
    /// Returns the values as numbers, of which a histogram is 0. Cost: nothing where there are none.
    pub(crate) fn numbers(&self, root: &Root<'_>, spare: &'a mut Vec<f64>) -> &'a [f64] {
        if !root.mixed {
            return self.values;
        }
        spare.clear();
        spare.extend(self.values.iter().map(|value| root.number(*value)));
        spare
    }
}

/// Memory for targets of several rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Merged {
    present: Vec<u64>,
    values: Vec<f64>,
}

/// Returns the bits of a row.
pub(crate) fn row_bits<'a>(root: &Root<'a>, row: usize) -> &'a [u64] {
    &root.present[row * root.words..(row + 1) * root.words]
}

/// Returns the values of a row.
pub(crate) fn row_values<'a>(root: &Root<'a>, row: usize) -> &'a [f64] {
    &root.values[row * root.steps..(row + 1) * root.steps]
}

/// Returns the first step that did not fail and at which a row has a sample.
pub(crate) fn first_good(root: &Root<'_>, row: usize, failed: &[u64]) -> Option<usize> {
    let good = |(word, bits): (usize, &u64)| bits & !failed[word] & bits::mask(word, root.steps);
    let mut words = row_bits(root, row).iter().enumerate().take(bits::words(root.steps));
    words.find(|word| good(*word) != 0).map(|word| word.0 * 64 + good(word).trailing_zeros() as usize)
}

impl Targets {
    /// Returns how many targets there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns the target of a row, if it has one.
    pub(crate) fn of_row(&self, row: usize) -> Option<u32> {
        self.of_row.get(row).copied().filter(|target| *target != NONE)
    }

    /// Returns whether any target has more rows than one.
    pub(crate) fn any_shared(&self) -> bool {
        !self.shared.is_empty()
    }

    /// Returns the number that a new target gets.
    pub(crate) fn next(&self) -> u32 {
        number(self.rows.len())
    }

    /// Adds a target that no row stands for yet.
    pub(crate) fn add(&mut self) {
        self.rows.push(Vec::new());
        self.list(number(self.rows.len() - 1));
    }

    fn list(&mut self, target: u32) {
        let index = target as usize;
        if self.is_listed.len() <= index {
            self.is_listed.resize(index + 1, false);
        }
        if !std::mem::replace(&mut self.is_listed[index], true) {
            self.listed.push(target);
        }
    }

    /// Returns the targets that a row may stand for, ascending: all but those that were taken off when rows were forgotten,
    /// and have none since.
    pub(crate) fn listed(&mut self) -> &[u32] {
        if self.sorted < self.listed.len() {
            self.listed.sort_unstable();
            self.sorted = self.listed.len();
        }
        &self.listed
    }

    /// Forgets all rows, and lists only the targets that are to be kept until they have rows again.
    pub(crate) fn forget_rows(&mut self, mut keep: impl FnMut(u32) -> bool) {
        self.of_row = Vec::new();
        self.shared.clear();
        let Self { rows, is_listed, listed, .. } = self;
        listed.retain(|target| {
            rows[*target as usize] = Vec::new();
            is_listed[*target as usize] = keep(*target);
            is_listed[*target as usize]
        });
        listed.shrink_to_fit();
        self.sorted = 0;
    }

    /// Lets a row stand for a target, a new one if it is the next.
    pub(crate) fn set(&mut self, row: usize, target: u32) {
        if self.of_row.len() <= row {
            self.of_row.resize(row + 1, NONE);
        }
        self.of_row[row] = target;
        if target == self.next() {
            self.rows.push(Vec::new());
        }
        self.list(target);
        let rows = &mut self.rows[target as usize];
        rows.push(number(row));
        if rows.len() == 2 {
            self.shared.push(target);
        }
    }

    /// Returns the first row of a target that is present at a step.
    pub(crate) fn row_at(&self, target: u32, root: &Root<'_>, step: usize) -> usize {
        let rows = &self.rows[target as usize];
        let present = |row: &&u32| bits::is_set(row_bits(root, **row as usize), step);
        rows.iter().find(present).or(rows.first()).map_or(0, |row| *row as usize)
    }

    /// Returns the steps, of those that did not fail, at which two rows of one target are present.
    pub(crate) fn duplicates(&self, root: &Root<'_>, failed: &[u64]) -> Vec<usize> {
        if self.shared.is_empty() {
            return Vec::new();
        }
        let mut twice = vec![0; bits::words(root.steps)];
        for target in &self.shared {
            for (word, twice) in twice.iter_mut().enumerate() {
                let mut once = 0;
                for row in &self.rows[*target as usize] {
                    let bits = root.present[*row as usize * root.words + word];
                    *twice |= once & bits & !failed[word];
                    once |= bits;
                }
            }
        }
        bits::ones(&twice, root.steps).collect()
    }

    /// Returns where a target is present. Cost: nothing for a target of one row.
    pub(crate) fn presence<'a>(&self, target: u32, root: &Root<'a>, merged: &'a mut Merged) -> Presence<'a> {
        let rows = &self.rows[target as usize];
        if let [row] = rows.as_slice() {
            return Presence { present: row_bits(root, *row as usize), values: row_values(root, *row as usize) };
        }
        merged.present.clear();
        merged.present.resize(root.words, 0);
        merged.values.clear();
        merged.values.resize(root.steps, 0.0);
        for row in rows {
            let (present, values) = (row_bits(root, *row as usize), row_values(root, *row as usize));
            bits::ones(present, root.steps).for_each(|step| merged.values[step] = values[step]);
            merged.present.iter_mut().zip(present).for_each(|(all, bits)| *all |= bits);
        }
        Presence { present: &merged.present, values: &merged.values }
    }
}
