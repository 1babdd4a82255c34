//! How often a series has samples, and how long it may therefore keep silent.

/// How many spacings of a series tell its cadence.
const SPACINGS: usize = 15;
/// The fewest that do.
const FEWEST: usize = 4;
/// How far back they count. Unit: milliseconds.
const WITHIN_MS: i64 = 3_600_000;

/// The last spacings of one series.
#[derive(Clone)]
pub(super) struct Cadence {
    /// A ring. Unit: milliseconds.
    spacings: [u32; SPACINGS],
    next: u8,
    len: u8,
    /// No spacing in the ring is smaller.
    low: u32,
}

impl Cadence {
    pub(super) const NEW: Self = Self { spacings: [0; SPACINGS], next: 0, len: 0, low: 0 };

    /// Adds the time between two samples. Unit: milliseconds.
    pub(super) fn add(&mut self, spacing: i64) {
        let spacing = u32::try_from(spacing).unwrap_or(u32::MAX);
        self.low = if self.len == 0 { spacing } else { self.low.min(spacing) };
        self.spacings[usize::from(self.next)] = spacing;
        self.next = if usize::from(self.next) + 1 == SPACINGS { 0 } else { self.next + 1 };
        self.len = (self.len + 1).min(SPACINGS as u8);
    }

    /// Tells without a median that a silence of this length is none: 1.25 times a median is no less than 1.25 times
    /// the smallest.
    pub(super) fn short(&self, silence: i64) -> bool {
        silence.saturating_mul(4) <= i64::from(self.low) * 5
    }

    /// Returns how long the series may keep silent after its last sample; none where too little is known.
    /// Unit: milliseconds. Cost: a sort of at most 15 numbers.
    pub(super) fn allowed(&mut self) -> Option<i64> {
        let len = usize::from(self.len);
        self.low = self.spacings[..len].iter().copied().min().unwrap_or(0);
        let mut recent = [0_i64; SPACINGS];
        let (mut count, mut age) = (0, 0);
        for back in 1..=len {
            let spacing = i64::from(self.spacings[(usize::from(self.next) + SPACINGS - back) % SPACINGS]);
            age += spacing;
            if age > WITHIN_MS {
                break;
            }
            recent[count] = spacing;
            count += 1;
        }
        if count < FEWEST {
            return None;
        }
        let recent = &mut recent[..count];
        recent.sort_unstable();
        let median = (recent[(count - 1) / 2] + recent[count / 2]) / 2;
        let steady = recent.iter().all(|spacing| (spacing - median).abs() * 10 <= median);
        Some(if steady { median * 5 / 4 } else { median * 5 / 2 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(spacings: &[i64], allowed: Option<i64>) {
        let mut cadence = Cadence::NEW;
        spacings.iter().for_each(|spacing| cadence.add(*spacing));
        assert_eq!(cadence.allowed(), allowed, "{spacings:?}");
        for silence in 0..allowed.unwrap_or(0) {
            assert!(!cadence.short(silence) || silence <= allowed.unwrap_or(0));
        }
    }

    #[test]
    fn the_median_of_the_last_hour_decides() {
        check(&[10, 10, 10], None);
        check(&[10, 10, 10, 10], Some(12));
        check(&[100, 91, 109, 100, 100], Some(125));
        check(&[100, 89, 109, 100, 100], Some(250));
        check(&[100, 100, 100, 100, 400], Some(250));
        check(&[900_000; 4], Some(1_125_000));
        check(&[900_001; 9], None);
        check(&[10, 10, 10, 10, 3_700_000], None);
        let old = [vec![5; 20], vec![100; 15]].concat();
        check(&old, Some(125));
    }
}
