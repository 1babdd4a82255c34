//! A median of values in bounded memory.

/// Holds values, all of them up to a limit, and from there on a random choice of that many with a fixed seed.
#[derive(Clone, Debug)]
pub(super) struct Median {
    held: Vec<f64>,
    most: usize,
    seen: u64,
    seed: u64,
}

impl Median {
    /// Makes an empty one that holds at most so many values.
    pub(super) fn new(most: usize) -> Self {
        Self { held: Vec::new(), most, seen: 0, seed: 0x9e37_79b9_7f4a_7c15 }
    }

    /// Adds a value that is a number.
    pub(super) fn add(&mut self, value: f64) {
        self.seen += 1;
        if self.held.len() < self.most {
            self.held.push(value);
            return;
        }
        // Xorshift: any value so far is held with the same chance.
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        if let Some(held) = self.held.get_mut((self.seed % self.seen) as usize) {
            *held = value;
        }
    }

    /// Returns the median, the lower one of two; none without values.
    pub(super) fn get(&self) -> Option<f64> {
        let mut values = self.held.clone();
        let middle = values.len().checked_sub(1)? / 2;
        Some(*values.select_nth_unstable_by(middle, f64::total_cmp).1)
    }

    /// Returns whether all values are held.
    pub(super) fn is_exact(&self) -> bool {
        self.seen <= self.most as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_are_exact_and_many_are_near() {
        let median = |count: u32| {
            let mut median = Median::new(1000);
            (0..count).for_each(|value| median.add(f64::from(value)));
            (median.get(), median.is_exact())
        };
        assert_eq!(median(0), (None, true));
        assert_eq!(median(5), (Some(2.0), true));
        assert_eq!(median(1000), (Some(499.0), true));
        let (near, exact) = median(100_000);
        assert!(!exact && near.is_some_and(|near| (near - 50_000.0).abs() < 5_000.0), "{near:?}");
    }
}
