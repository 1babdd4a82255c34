//! What is counted of a rule while it runs.

use crate::limits;
use crate::promql::program::Root;
use crate::time::Timestamp;

use super::bits;
use super::targets::{row_bits, row_values};
use super::timeline::{FaultCount, RuleCounts};

/// Counts evaluations; failed ones by message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counting {
    evaluations: u64,
    true_evaluations: u64,
    faults: Vec<FaultCount>,
    /// Of what a threshold is compared with, while the result has had no sample.
    extremes: Option<(f64, f64)>,
}

impl Counting {
    /// Counts evaluations and those of them that had a sample in their result.
    pub(crate) fn evaluated(&mut self, all: u64, with_samples: u64) {
        self.evaluations += all;
        self.true_evaluations += with_samples;
    }

    /// Takes note of the values that a threshold is compared with; once the condition was true they are of no interest.
    pub(crate) fn compared(&mut self, root: &Root<'_>) {
        if self.true_evaluations > 0 {
            return;
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

    /// Counts a failed evaluation.
    pub(crate) fn failed(&mut self, at: Timestamp, message: &str) {
        self.add(at, 1, message);
    }

    fn add(&mut self, at: Timestamp, count: u64, message: &str) {
        let held = self.faults.len();
        let known = self.faults.iter().position(|fault| fault.message == message);
        let known = known.or_else(|| (held >= limits::FAULT_MESSAGES).then(|| held - 1));
        match known {
            Some(known) => {
                self.faults[known].count += count;
                self.faults[known].first = self.faults[known].first.min(at);
            }
            None if held + 1 == limits::FAULT_MESSAGES => {
                let message = format!("more than {} different errors", limits::FAULT_MESSAGES - 1);
                self.faults.push(FaultCount { first: at, count, message });
            }
            None => self.faults.push(FaultCount { first: at, count, message: message.to_owned() }),
        }
    }

    /// Adds what was counted on one label set.
    pub(crate) fn absorb(&mut self, other: &Self) {
        self.evaluations += other.evaluations;
        self.true_evaluations += other.true_evaluations;
        self.extremes = match (self.extremes, other.extremes) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
        if self.faults.is_empty() {
            self.faults.clone_from(&other.faults);
            return;
        }
        for FaultCount { first, count, message } in &other.faults {
            self.add(*first, *count, message);
        }
        // In an order that does not depend on which label set came first.
        self.faults.sort_by(|a, b| (a.first, &a.message).cmp(&(b.first, &b.message)));
    }

    /// Returns the counts, without what is known of the rule from elsewhere.
    pub(crate) fn counts(&self) -> RuleCounts {
        RuleCounts {
            evaluations: self.evaluations,
            true_evaluations: self.true_evaluations,
            faults: self.faults.clone(),
            warm_from: None,
            missing_metrics: Vec::new(),
            extremes: self.extremes.filter(|_| self.true_evaluations == 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_counted_by_message_up_to_a_limit() {
        let mut counting = Counting::default();
        for at in 0..1000 {
            counting.failed(Timestamp(at), &format!("error {}", at % 500));
            counting.failed(Timestamp(at), "error 0");
        }
        let faults = counting.counts().faults;
        assert_eq!(faults.len(), limits::FAULT_MESSAGES);
        assert_eq!((faults[0].first, faults[0].count), (Timestamp(0), 1002));
        assert_eq!(faults.iter().map(|fault| fault.count).sum::<u64>(), 2000);
        assert_eq!(faults[limits::FAULT_MESSAGES - 1].message, "more than 99 different errors");
    }
}
