//! What is counted of a rule while it runs.

use crate::limits;
use crate::promql::annotation::Annotated;
use crate::store::Store;
use crate::time::Timestamp;

use super::Engine;
use super::rows::Rows;
use super::rule::RuleRun;
use super::schedule::RuleInfo;

/// A message of failed evaluations of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultCount {
    /// The first slot.
    pub first: Timestamp,
    /// The last slot.
    pub last: Timestamp,
    /// How many.
    pub count: u64,
    /// Prometheus' words.
    pub message: String,
}

/// A warning or an info of the evaluations of one rule.
#[derive(Clone, Debug, PartialEq)]
pub struct AnnotationCount {
    /// What was told, of all these evaluations.
    pub annotated: Annotated,
    /// The first slot.
    pub first: Timestamp,
    /// The last slot.
    pub last: Timestamp,
    /// At how many evaluations.
    pub count: u64,
}

/// What was counted of a rule over a run, whatever is reported for it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleCounts {
    /// Evaluations.
    pub evaluations: u64,
    /// Evaluations with at least one sample in the result.
    pub true_evaluations: u64,
    /// Failed evaluations, by message.
    pub faults: Vec<FaultCount>,
    /// Warnings and infos of evaluations, by what they tell: at most as many as messages of failed ones.
    pub annotations: Vec<AnnotationCount>,
    /// The time from which all windows are within the recording.
    pub warm_from: Option<Timestamp>,
    /// Literal metric names that the expression selects and that neither the recording nor a rule has.
    pub missing_metrics: Vec<String>,
    /// The least and the greatest value that a threshold was compared with; only where the result never had a sample.
    pub extremes: Option<(f64, f64)>,
}

/// Counts evaluations that had a sample, and failed ones by message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counting {
    true_evaluations: u64,
    faults: Vec<FaultCount>,
    annotations: Vec<AnnotationCount>,
}

/// What was counted of a rule over all that it was evaluated on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Total {
    pub counting: Counting,
    pub evaluations: u64,
    /// Of what a threshold is compared with, while the result has had no sample.
    pub extremes: Option<(f64, f64)>,
}

impl Total {
    /// Adds the evaluations of one course, and the extremes of what they compared.
    pub(crate) fn add(&mut self, evaluations: u64, extremes: Option<(f64, f64)>) {
        self.evaluations += evaluations;
        self.extremes = match (self.extremes, extremes) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
    }

    /// Returns the counts, without what is known of the rule from elsewhere.
    pub(crate) fn counts(&self) -> RuleCounts {
        RuleCounts {
            evaluations: self.evaluations,
            true_evaluations: self.counting.true_evaluations,
            faults: self.counting.faults.clone(),
            annotations: self.counting.annotations.clone(),
            warm_from: None,
            missing_metrics: Vec::new(),
            extremes: self.extremes.filter(|_| !self.counting.was_true()),
        }
    }
}

impl Counting {
    /// Makes one that goes on.
    pub(crate) fn of(true_evaluations: u64, faults: Vec<FaultCount>) -> Self {
        Self { true_evaluations, faults, annotations: Vec::new() }
    }

    /// Returns how many evaluations had a sample in their result.
    pub(crate) fn true_evaluations(&self) -> u64 {
        self.true_evaluations
    }

    /// Counts evaluations that had a sample in their result.
    pub(crate) fn had_samples(&mut self, evaluations: u64) {
        self.true_evaluations += evaluations;
    }

    /// Returns the failed evaluations, by message.
    pub(crate) fn faults(&self) -> &[FaultCount] {
        &self.faults
    }

    /// Forgets the failed evaluations, and gives their memory back.
    pub(crate) fn clear_faults(&mut self) {
        self.faults = Vec::new();
    }

    /// Returns whether any evaluation had a sample in its result.
    pub(crate) fn was_true(&self) -> bool {
        self.true_evaluations > 0
    }

    /// Counts a failed evaluation.
    pub(crate) fn failed(&mut self, at: Timestamp, message: &str) {
        self.add((at, at), 1, message);
    }

    /// Counts evaluations that were passed over.
    pub(crate) fn passed_over(&mut self, span: (Timestamp, Timestamp), count: u64) {
        self.add(span, count, "the time moved on so far at once that evaluations were passed over");
    }

    fn add(&mut self, (first, last): (Timestamp, Timestamp), count: u64, message: &str) {
        let held = self.faults.len();
        let known = self.faults.iter().position(|fault| fault.message == message);
        let known = known.or_else(|| (held >= limits::FAULT_MESSAGES).then(|| held - 1));
        match known {
            Some(known) => {
                let fault = &mut self.faults[known];
                fault.count += count;
                (fault.first, fault.last) = (fault.first.min(first), fault.last.max(last));
            }
            None if held + 1 == limits::FAULT_MESSAGES => {
                let message = format!("more than {} different errors", limits::FAULT_MESSAGES - 1);
                self.faults.push(FaultCount { first, last, count, message });
            }
            None => self.faults.push(FaultCount { first, last, count, message: message.to_owned() }),
        }
    }

    /// Counts evaluations that told something.
    pub(crate) fn told(&mut self, new: &AnnotationCount) {
        let known = self.annotations.iter_mut().find(|known| known.annotated.what.is_alike(&new.annotated.what));
        if let Some(known) = known {
            known.annotated.what.merge(&new.annotated.what);
            known.count += new.count;
            (known.first, known.last) = (known.first.min(new.first), known.last.max(new.last));
        } else if self.annotations.len() < limits::FAULT_MESSAGES {
            self.annotations.push(new.clone());
        }
    }

    /// Adds what was counted on one label set.
    pub(crate) fn absorb(&mut self, other: &Self) {
        self.true_evaluations += other.true_evaluations;
        other.annotations.iter().for_each(|annotation| self.told(annotation));
        if self.faults.is_empty() {
            self.faults.clone_from(&other.faults);
            return;
        }
        for FaultCount { first, last, count, message } in &other.faults {
            self.add((*first, *last), *count, message);
        }
        // In an order that does not depend on which label set came first.
        self.faults.sort_by(|a, b| (a.first, &a.message).cmp(&(b.first, &b.message)));
    }
}

impl Engine {
    /// Returns what was counted of each rule, in their order.
    #[must_use]
    pub fn counts(&self, recording: &Store) -> Vec<RuleCounts> {
        let mut known = recording.metric_names();
        known.extend(self.rules.iter().flat_map(RuleRun::written_names));
        known.sort_unstable();
        let mut totals: Vec<Total> = vec![Total::default(); self.rules.len()];
        self.runs().for_each(|rule| totals[rule.id.0 as usize].counting.absorb(&rule.counting));
        for unit in self.stages.iter().flat_map(|stage| &stage.units) {
            let rows = unit.rows.as_ref().map(Rows::courses).into_iter().flatten();
            for course in std::iter::once(&unit.course).chain(rows) {
                for link in &unit.links {
                    let extremes = link.compared.and_then(|number| course.extremes(number));
                    totals[link.rule].add(course.evaluations, extremes);
                }
            }
        }
        let of = |(rule, info): (&RuleRun, &RuleInfo)| {
            let missing = rule.selected.iter().filter(|name| known.binary_search(&name.as_str()).is_err());
            let mut counts = totals[rule.id.0 as usize].counts();
            counts.warm_from = self.warm_from(info);
            counts.missing_metrics = missing.cloned().collect();
            counts
        };
        self.rules.iter().zip(&self.infos).map(of).collect()
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
        let faults = Total { counting, ..Total::default() }.counts().faults;
        assert_eq!(faults.len(), limits::FAULT_MESSAGES);
        assert_eq!((faults[0].first, faults[0].last, faults[0].count), (Timestamp(0), Timestamp(999), 1002));
        assert_eq!(faults.iter().map(|fault| fault.count).sum::<u64>(), 2000);
        assert_eq!(faults[limits::FAULT_MESSAGES - 1].message, "more than 99 different errors");
    }
}
