//! The values of one node over many steps: rows of numbers and bits.

/// What one node of a program evaluates to: `rows` x `steps` values with a bit each, and a bit a step for failures.
///
/// Value (row, step) is at `row * steps + step`; its bit is bit `step % 64` of word `row * words + step / 64`. Bits
/// past the last step are 0. A value whose bit is cleared is absent and means nothing.
#[derive(Debug, Default)]
pub(crate) struct Block {
    /// Unit: rows.
    pub(crate) rows: usize,
    /// Unit: steps.
    pub(crate) steps: usize,
    /// Words of bits a row.
    pub(crate) words: usize,
    pub(crate) values: Vec<f64>,
    pub(crate) present: Vec<u64>,
    /// By value: where it stands among the values of its step. Empty where the rows have one order at all steps, or
    /// nobody asks.
    pub(crate) ranks: Vec<u32>,
    /// Steps at which the node, or what it reads, failed.
    pub(crate) failed: Vec<u64>,
    /// Whether values may stand for histograms (see `histograms`).
    pub(crate) mixed: bool,
}

impl Block {
    /// A block without rows.
    pub(crate) const EMPTY: Self = Self {
        rows: 0,
        steps: 0,
        words: 0,
        values: Vec::new(),
        present: Vec::new(),
        ranks: Vec::new(),
        failed: Vec::new(),
        mixed: false,
    };

    /// Empties the block and gives it a shape: all absent, none failed. Keeps its memory.
    #[inline]
    pub(crate) fn reset(&mut self, rows: usize, steps: usize) {
        self.steps = steps;
        self.words = steps.div_ceil(64);
        self.rows = rows;
        self.mixed = false;
        // Values are read only where a bit is set, so old ones need no clearing.
        if self.values.len() != rows * steps {
            self.values.resize(rows * steps, 0.0);
        }
        all(&mut self.present, rows * self.words, 0);
        all(&mut self.failed, self.words, 0);
        self.ranks.clear();
    }

    /// Adds absent rows at the end.
    pub(crate) fn grow(&mut self, rows: usize) {
        if rows > self.rows {
            self.rows = rows;
            self.values.resize(rows * self.steps, 0.0);
            self.present.resize(rows * self.words, 0);
            if !self.ranks.is_empty() {
                self.ranks.resize(rows * self.steps, u32::MAX);
            }
        }
    }

    pub(crate) fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.steps..(row + 1) * self.steps]
    }

    pub(crate) fn bits(&self, row: usize) -> &[u64] {
        &self.present[row * self.words..(row + 1) * self.words]
    }

    pub(crate) fn row_mut(&mut self, row: usize) -> (&mut [f64], &mut [u64]) {
        (
            &mut self.values[row * self.steps..(row + 1) * self.steps],
            &mut self.present[row * self.words..(row + 1) * self.words],
        )
    }

    /// Returns the value of a row at a step, if it is there.
    pub(crate) fn get(&self, row: usize, step: usize) -> Option<f64> {
        has(self.bits(row), step).then(|| self.values[row * self.steps + step])
    }

    pub(crate) fn set(&mut self, row: usize, step: usize, value: f64) {
        self.values[row * self.steps + step] = value;
        set(&mut self.present[row * self.words..(row + 1) * self.words], step);
    }

    /// Joins the failures of an input of as many steps, or of one step for all.
    pub(crate) fn fail_with(&mut self, input: &Self) {
        if input.steps == self.steps {
            or_into(&mut self.failed, &input.failed);
        } else if input.failed.first().is_some_and(|word| *word != 0) {
            fill(&mut self.failed, self.steps);
        }
    }

    /// Writes the union of all rows' bits: the steps at which anything is present.
    pub(crate) fn any(&self, out: &mut Vec<u64>) {
        all(out, self.words, 0);
        for row in 0..self.rows {
            or_into(out, self.bits(row));
        }
    }
}

/// Makes a list of equal values. One that is run at every step has its length already.
#[inline]
pub(crate) fn all<T: Copy>(list: &mut Vec<T>, len: usize, value: T) {
    if list.len() == len {
        list.fill(value);
    } else {
        list.clear();
        list.resize(len, value);
    }
}

/// Returns whether a bit is set.
pub(crate) fn has(bits: &[u64], at: usize) -> bool {
    bits[at / 64] >> (at % 64) & 1 == 1
}

/// Sets a bit.
pub(crate) fn set(bits: &mut [u64], at: usize) {
    bits[at / 64] |= 1 << (at % 64);
}

/// Clears a bit.
pub(crate) fn clear(bits: &mut [u64], at: usize) {
    bits[at / 64] &= !(1 << (at % 64));
}

/// Sets the first `count` bits and clears the rest.
pub(crate) fn fill(bits: &mut [u64], count: usize) {
    for (at, word) in bits.iter_mut().enumerate() {
        let left = count.saturating_sub(at * 64);
        *word = if left >= 64 { u64::MAX } else { (1 << left) - 1 };
    }
}

/// Sets in `bits` what is set in `other`.
pub(crate) fn or_into(bits: &mut [u64], other: &[u64]) {
    for (word, other) in bits.iter_mut().zip(other) {
        *word |= other;
    }
}

/// Returns whether any bit is set.
pub(crate) fn any(bits: &[u64]) -> bool {
    bits.iter().any(|word| *word != 0)
}

/// Walks over the set bits, lowest first.
pub(crate) fn ones(bits: &[u64]) -> impl Iterator<Item = usize> + '_ {
    bits.iter().enumerate().flat_map(|(at, word)| {
        let mut left = *word;
        std::iter::from_fn(move || {
            if left == 0 {
                return None;
            }
            let bit = left.trailing_zeros() as usize;
            left &= left - 1;
            Some(at * 64 + bit)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_set_cleared_and_walked() {
        let mut bits = [0; 3];
        fill(&mut bits, 130);
        assert_eq!(ones(&bits).count(), 130);
        clear(&mut bits, 129);
        assert!(!has(&bits, 129) && has(&bits, 128));
        assert_eq!(ones(&[1 << 63, 0, 2]).collect::<Vec<_>>(), [63, 129]);
    }

    #[test]
    fn a_reset_block_is_absent() {
        let mut block = Block::default();
        block.reset(2, 70);
        block.set(1, 69, 5.0);
        assert_eq!((block.get(1, 69), block.get(1, 68)), (Some(5.0), None));
        block.reset(2, 70);
        assert_eq!(block.get(1, 69), None);
        block.grow(3);
        assert_eq!(block.get(2, 0), None);
    }
}
