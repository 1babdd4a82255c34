//! What a time budget suffices for.

/// The most of the time that processes may spend on reading the recording again. A share.
const READING: f64 = 0.6;
/// The most of what is left that is meant to be spent: what disturbs a measurement makes it longer only. A share.
const SPENT: f64 = 0.75;
/// The fewest batches that have a low decile worth its name.
const FEWEST_ROUNDS: u64 = 5;

/// How a budget is shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// What is left of it. Unit: nanoseconds.
    pub left_ns: u64,
    /// How long one process of each side takes to read its inputs, together. Unit: nanoseconds.
    pub reading_ns: u64,
    /// How many sides there are.
    pub sides: u64,
}

/// How much a process measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rounds {
    /// Batches that count.
    pub counted: u64,
    /// Batches before them.
    pub warmup: u64,
}

impl Budget {
    /// Returns how many processes of each side there is time for, of those asked for; none where there is not even time
    /// to read the recording.
    #[must_use]
    pub fn processes(&self, asked: u64) -> u64 {
        if self.reading_ns > self.left_ns {
            return 0;
        }
        let fit = self.left_ns as f64 * READING / self.reading_ns.max(1) as f64;
        (fit as u64).clamp(1, asked)
    }

    /// Returns how long each process may measure. Unit: nanoseconds.
    #[must_use]
    pub fn each_ns(&self, processes: u64) -> u64 {
        let measuring = self.left_ns.saturating_sub(self.reading_ns.saturating_mul(processes));
        (measuring as f64 * SPENT / (processes * self.sides).max(1) as f64) as u64
    }
}

impl Rounds {
    /// Returns the longest that a batch may be so that enough of them fit. Unit: nanoseconds.
    #[must_use]
    pub fn longest_batch_ns(each_ns: u64) -> u64 {
        each_ns / (FEWEST_ROUNDS + 1)
    }

    /// Returns how many batches of this length fit, of those asked for.
    #[must_use]
    pub fn fit(self, each_ns: u64, batch_ns: u64) -> Self {
        let fit = each_ns / batch_ns.max(1);
        if fit >= self.counted + self.warmup {
            return self;
        }
        let warmup = self.warmup.min(1);
        Self { counted: fit.saturating_sub(warmup).clamp(FEWEST_ROUNDS.min(self.counted), self.counted), warmup }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn processes_are_fewer_where_reading_takes_long() {
        let check = |left: u64, reading: u64, expected: u64| {
            let budget = Budget { left_ns: left * MS, reading_ns: reading * MS, sides: 1 };
            assert_eq!(budget.processes(5), expected, "{left} {reading}");
            // What is given out is never more than there is.
            let spent = expected * (reading * MS + budget.each_ns(expected.max(1)));
            assert!(spent <= left * MS, "{left} {reading}: {spent}");
        };
        check(5_000, 100, 5);
        check(5_000, 1_000, 3);
        check(5_000, 4_000, 1);
        check(5_000, 6_000, 0);
        check(0, 0, 1);
    }

    #[test]
    fn rounds_are_fewer_where_a_batch_takes_long() {
        let asked = Rounds { counted: 20, warmup: 5 };
        let check = |each: u64, batch: u64, counted: u64, warmup: u64| {
            assert_eq!(asked.fit(each * MS, batch * MS), Rounds { counted, warmup }, "{each} {batch}");
        };
        check(250, 10, 20, 5);
        check(200, 10, 19, 1);
        check(100, 10, 9, 1);
        check(10, 10, 5, 1);
        check(100, 0, 20, 5);
    }
}
