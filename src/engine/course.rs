//! What is known of the rules of a program while it runs: kept by root rather than by rule, so that rules of which
//! nothing is true cost nothing.

use hashbrown::HashMap;

use crate::labels::LabelSet;
use crate::promql::plan::RootId;
use crate::promql::program::Root;

use super::bits;
use super::targets::{row_bits, row_values};

/// A root of a program, from its rule's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// The number or the place of the rule.
    pub rule: usize,
    /// The number of the vector that the rule's expression compares.
    pub compared: Option<u32>,
}

/// A vector that expressions compare with numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Compared {
    /// Rules whose expression has had no sample.
    open: u32,
    /// The least and the greatest of its values, as long as there are such rules.
    extremes: Option<(f64, f64)>,
    /// Its rows by labels, those that were looked up.
    rows: HashMap<LabelSet, usize, foldhash::fast::FixedState>,
}

/// The course of one program.
#[derive(Debug, Default)]
pub(crate) struct Course {
    /// Steps that were evaluated.
    pub evaluations: u64,
    /// By root: whether nothing comes of a result without samples and faults.
    idle: Vec<bool>,
    compared: Vec<Compared>,
    /// Working memory: the steps that failed.
    pub failed: Vec<u64>,
}

impl Course {
    /// Begins a course.
    pub(crate) fn of(links: &[Link]) -> Self {
        let mut compared: Vec<Compared> = Vec::new();
        for number in links.iter().filter_map(|link| link.compared) {
            let number = number as usize;
            compared.resize(compared.len().max(number + 1), Compared::default());
            compared[number].open += 1;
        }
        compared.shrink_to_fit();
        Self { evaluations: 0, idle: vec![false; links.len()], compared, failed: Vec::new() }
    }

    /// Forgets the rows of the program.
    pub(crate) fn forget_rows(&mut self) {
        self.compared.iter_mut().for_each(|compared| compared.rows = HashMap::default());
    }

    pub(crate) fn is_idle(&self, id: RootId) -> bool {
        self.idle[id.0]
    }

    pub(crate) fn set_idle(&mut self, id: RootId, idle: bool) {
        self.idle[id.0] = idle;
    }

    /// Returns whether a rule's expression that compares a vector has had no sample.
    pub(crate) fn is_open(&self, number: u32) -> bool {
        self.compared[number as usize].open > 0
    }

    /// Records that a rule's expression had its first sample.
    pub(crate) fn close(&mut self, number: u32) {
        self.compared[number as usize].open -= 1;
    }

    /// Records the values of a vector.
    pub(crate) fn see(&mut self, number: u32, root: &Root<'_>) {
        self.compared[number as usize].see(root);
    }

    /// Records the only value of a vector, as long as there are rules whose expression has had no sample.
    pub(crate) fn see_value(&mut self, number: u32, value: f64) {
        let Compared { open, extremes, .. } = &mut self.compared[number as usize];
        // NaN is none of them, and passes by both.
        let is_known = extremes.is_some_and(|(least, greatest)| least <= value && value <= greatest);
        if *open > 0 && !is_known && !value.is_nan() {
            let (least, greatest) = extremes.unwrap_or((value, value));
            *extremes = Some((least.min(value), greatest.max(value)));
        }
    }

    /// Returns the least and the greatest value of a vector.
    pub(crate) fn extremes(&self, number: u32) -> Option<(f64, f64)> {
        self.compared[number as usize].extremes
    }

    pub(crate) fn compared(&mut self, number: u32) -> &mut Compared {
        &mut self.compared[number as usize]
    }
}

impl Compared {
    fn see(&mut self, root: &Root<'_>) {
        if root.steps == 1 {
            return self.see_step(root);
        }
        let good = |word: usize| bits::mask(word, root.steps) & !root.failed.get(word).copied().unwrap_or(0);
        let (mut least, mut greatest) = self.extremes.unwrap_or((f64::NAN, f64::NAN));
        for row in 0..root.labels.len() {
            for ((word, present), values) in
                row_bits(root, row).iter().enumerate().zip(row_values(root, row).chunks(u64::BITS as usize))
            {
                let present = present & good(word);
                if present == u64::MAX {
                    // `min` and `max` pass over NaN.
                    least = values.iter().fold(least, |least, value| least.min(*value));
                    greatest = values.iter().fold(greatest, |greatest, value| greatest.max(*value));
                } else {
                    for step in bits::ones(&[present], values.len()) {
                        least = least.min(values[step]);
                        greatest = greatest.max(values[step]);
                    }
                }
            }
        }
        self.extremes = (least <= greatest).then_some((least, greatest));
    }

    /// Records the values of the only step.
    fn see_step(&mut self, root: &Root<'_>) {
        if root.failed.first().is_some_and(|failed| failed & 1 == 1) {
            return;
        }
        let (mut least, mut greatest) = self.extremes.unwrap_or((f64::NAN, f64::NAN));
        let rows = root.values.iter().zip(root.present).take(root.labels.len());
        for (value, _) in rows.filter(|(_, present)| **present & 1 == 1) {
            least = least.min(*value);
            greatest = greatest.max(*value);
        }
        self.extremes = (least <= greatest).then_some((least, greatest));
    }

    /// Returns whether a series is there at a step.
    pub(crate) fn has(&mut self, root: &Root<'_>, labels: &LabelSet, step: usize) -> bool {
        for (row, labels) in root.labels.iter().enumerate().skip(self.rows.len()) {
            self.rows.insert(labels.clone(), row);
        }
        self.rows.get(labels).is_some_and(|row| bits::is_set(row_bits(root, *row), step))
    }
}
