//! What a run of the profiler has to tell, and its answer.

use super::compare::{Compared, Comparison, Difference, RuleRef};
use super::gate::{Verdict, percent};
use super::sample::{Inputs, Machine, Plan, Tool};
use super::stats::{Estimate, Growth};
use super::targets::{Category, CheckResult, Outcome, Target};
use crate::diagnostic::nearest;

/// What makes the answer of a run "no".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailOn {
    /// A metric became worse than in the baseline.
    Regression,
    /// A check missed its target.
    Target,
    /// Something could not be decided.
    Inconclusive,
}

impl FailOn {
    /// All of them with their words.
    const ALL: [(Self, &'static str); 3] =
        [(Self::Regression, "regression"), (Self::Target, "target"), (Self::Inconclusive, "inconclusive")];
    /// What counts where nothing is said.
    pub const DEFAULT: [Self; 2] = [Self::Regression, Self::Target];

    /// Reads a list such as `regression,target`.
    ///
    /// # Errors
    /// A message that names the word and the ones there are.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, String> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        let mut list = words
            .map(|word| match Self::ALL.iter().find(|(_, name)| *name == word) {
                Some((fail_on, _)) => Ok(*fail_on),
                None => {
                    let near = nearest(word, Self::ALL.iter().map(|(_, name)| *name));
                    let hint = near.first().map_or(String::new(), |near| format!("; did you mean `{near}`?"));
                    Err(format!("expected a list of regression, target, inconclusive, found `{word}`{hint}"))
                }
            })
            .collect::<Result<Vec<_>, _>>()?;
        list.sort_unstable();
        list.dedup();
        Ok(list)
    }
}

/// A figure beside the checks, without a target.
#[derive(Clone, Debug, PartialEq)]
pub struct Extra {
    /// A stable dotted name.
    pub id: String,
    /// The table it stands in.
    pub category: Category,
    /// The unit.
    pub unit: String,
    /// The value.
    pub estimate: Estimate,
    /// What a reader should know; may be empty.
    pub note: String,
}

/// What one rule costs. The exact figures lead: they are the same on any machine, and rank rules as a server feels them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleCost {
    /// The rule.
    pub rule: RuleRef,
    /// Its expression.
    pub expr: String,
    /// Samples touched by one evaluation, as Prometheus' query statistics count them.
    pub samples_per_evaluation: f64,
    /// Series that its selectors touch.
    pub series: u64,
    /// Series in its result, on average over the evaluations.
    pub result_series: f64,
    /// Allocations per sample, once warm.
    pub allocations_per_sample: Option<f64>,
    /// Time of one evaluation in this tool, which is not a server's. Unit: nanoseconds.
    pub evaluation_ns: Option<Estimate>,
    /// Its share of the time of all rules.
    pub share: Option<f64>,
    /// Its time by stage. Unit: nanoseconds an evaluation.
    pub stages: Vec<(String, f64)>,
    /// How its time grows with the number of series.
    pub growth_series: Option<Growth>,
    /// How its time grows with the window.
    pub growth_window: Option<Growth>,
}

/// The exponent from which on a rule is told to be not linear: what noise makes of 1 stays below.
pub const NOT_LINEAR: f64 = 1.2;

impl RuleCost {
    /// Says what stands out before it meets production; empty when nothing does.
    #[must_use]
    pub fn finding(&self) -> String {
        let worse = |growth: Option<Growth>| growth.filter(|growth| growth.exponent >= NOT_LINEAR);
        let told = [(worse(self.growth_series), "series"), (worse(self.growth_window), "the window")];
        let told = told.iter().filter_map(|(growth, of)| growth.map(|growth| (growth.exponent, of)));
        told.map(|(exponent, of)| format!("not linear in {of}: exponent {exponent:.2}")).collect::<Vec<_>>().join("; ")
    }
}

/// Everything that a report of the profiler may show.
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileReport {
    /// The program.
    pub tool: Tool,
    /// When, RFC 3339.
    pub created: String,
    /// The machine.
    pub machine: Machine,
    /// How much was measured.
    pub plan: Plan,
    /// On what.
    pub inputs: Inputs,
    /// The seed of the order in which things were measured.
    pub seed: u64,
    /// The checks in their order, or none where they were not asked for.
    pub checks: Vec<CheckResult>,
    /// Figures beside them.
    pub extras: Vec<Extra>,
    /// The rules, the most expensive first.
    pub rules: Vec<RuleCost>,
    /// The run by stage. Unit: nanoseconds.
    pub stages: Vec<(String, f64)>,
    /// What was compared with, as the user named it.
    pub baseline: Option<String>,
    /// The comparison.
    pub comparison: Option<Comparison>,
    /// What kept a comparison from being made.
    pub incompatible: Vec<Difference>,
    /// What a reader should know of the run.
    pub notes: Vec<String>,
    /// What makes the answer "no".
    pub fail_on: Vec<FailOn>,
}

impl ProfileReport {
    /// Returns the metrics that were compared.
    #[must_use]
    pub fn compared(&self) -> &[Compared] {
        self.comparison.as_ref().map_or(&[], |comparison| &comparison.metrics)
    }

    /// Returns how many metrics have a verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.compared().iter().filter(|metric| metric.decision.verdict == verdict).count()
    }

    /// Returns the exit code: 2 when nothing could be compared, 1 when something in [`ProfileReport::fail_on`] is so.
    #[must_use]
    pub fn exit(&self) -> u8 {
        if !self.incompatible.is_empty() {
            return 2;
        }
        let any = |outcome| {
            self.checks.iter().any(|check| check.outcome == outcome && check.target.category != Category::Regression)
        };
        let met = |fail_on: &FailOn| match fail_on {
            FailOn::Regression => self.count(Verdict::Regression) > 0,
            FailOn::Target => any(Outcome::Fail),
            FailOn::Inconclusive => any(Outcome::Inconclusive) || self.count(Verdict::Inconclusive) > 0,
        };
        u8::from(self.fail_on.iter().any(met))
    }
}

/// Judges the check `regression` from a comparison: its value is the worst ratio among the metrics that are gated.
#[must_use]
pub fn regression_check(target: Target, comparison: Option<&Comparison>) -> CheckResult {
    let Some(comparison) = comparison else { return CheckResult::not_run(target, "no baseline was given") };
    let gated = |verdict| matches!(verdict, Verdict::Ok | Verdict::Improved | Verdict::Regression);
    let count = |verdict| comparison.metrics.iter().filter(|metric| metric.decision.verdict == verdict).count();
    let ratios = comparison.metrics.iter().filter(|metric| gated(metric.decision.verdict));
    let worst = ratios.filter_map(|metric| Some((metric.decision.ratio?, metric))).max_by(|a, b| a.0.total_cmp(&b.0));
    let (failed, open) = (count(Verdict::Regression), count(Verdict::Inconclusive));
    let all = comparison.metrics.iter().filter(|metric| gated(metric.decision.verdict)).count();
    let outcome = match (failed, open, all) {
        (1.., ..) => Outcome::Fail,
        (_, 1.., _) | (.., 0) => Outcome::Inconclusive,
        _ => Outcome::Pass,
    };
    let mut notes = vec![format!("{failed} of {all} gated metrics are regressions")];
    if open > 0 {
        notes.push(format!("{open} inconclusive"));
    }
    if let Some((ratio, metric)) = worst.filter(|(ratio, _)| *ratio > 1.0) {
        let of = metric.rule.as_ref().map_or(String::new(), |rule| format!(" of {}", rule.name));
        notes.push(format!("worst: {}{of}, {} more", metric.id, percent(ratio - 1.0)));
    }
    // No interval: the verdict comes from the gate, not from this one ratio.
    let estimate = worst.map(|(ratio, _)| Estimate::bare(ratio));
    CheckResult { target, estimate, exponent: None, outcome, note: notes.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::compare::{Settings, compare};
    use crate::profile::gate::{Evidence, Limits};
    use crate::profile::targets::CHECKS;
    use crate::profile::testing::{measurement, measurement_of, report, samples, session, time};

    fn comparison(now: [f64; 5], touched: f64) -> Comparison {
        let metrics = vec![time("latency.p50", now), samples(0, touched)];
        let now = measurement_of(measurement().rules, vec![session(metrics)]);
        let settings = Settings { evidence: Evidence::Saved, limits: Limits::default() };
        compare(&measurement(), &now, &settings).expect("comparable")
    }

    #[test]
    fn the_regression_check_follows_the_gate() {
        let check = |comparison: Option<Comparison>, outcome, note: &str| {
            let result = regression_check(CHECKS[12], comparison.as_ref());
            assert_eq!((result.outcome, result.note.as_str()), (outcome, note));
        };
        check(None, Outcome::NotRun, "no baseline was given");
        check(Some(comparison([560.0; 5], 240.0)), Outcome::Pass, "0 of 2 gated metrics are regressions");
        check(
            Some(comparison([560.0; 5], 480.0)),
            Outcome::Fail,
            "1 of 2 gated metrics are regressions; worst: rule.samples of HighCpu, 100 % more",
        );
        check(
            Some(comparison([400.0, 500.0, 560.0, 700.0, 900.0], 240.0)),
            Outcome::Inconclusive,
            "0 of 1 gated metrics are regressions; 1 inconclusive",
        );
        check(Some(Comparison::default()), Outcome::Inconclusive, "0 of 0 gated metrics are regressions");
    }

    #[test]
    fn the_exit_code_follows_what_was_asked_for() {
        let check = |fail_on: &str, change: &dyn Fn(&mut ProfileReport), expected| {
            let mut report = report();
            report.checks.iter_mut().for_each(|check| check.outcome = Outcome::Pass);
            report.comparison = None;
            report.fail_on = FailOn::parse_list(fail_on).expect("a good list");
            change(&mut report);
            assert_eq!(report.exit(), expected, "{fail_on}");
        };
        let slower = |report: &mut ProfileReport| report.comparison = Some(comparison([560.0; 5], 480.0));
        let missed = |report: &mut ProfileReport| report.checks[0].outcome = Outcome::Fail;
        let open = |report: &mut ProfileReport| report.checks[0].outcome = Outcome::Inconclusive;
        let unlike = |report: &mut ProfileReport| {
            report.incompatible.push(Difference { what: "plan.rounds", base: "3".to_owned(), now: "4".to_owned() });
        };
        check("regression,target", &|_| (), 0);
        check("regression", &slower, 1);
        check("target", &slower, 0);
        check("target", &missed, 1);
        check("regression", &missed, 0);
        check("regression,target", &open, 0);
        check("inconclusive", &open, 1);
        check("", &unlike, 2);
    }

    #[test]
    fn a_list_of_reasons_is_read() {
        assert_eq!(FailOn::parse_list("target, regression,target"), Ok(FailOn::DEFAULT.to_vec()));
        let error = FailOn::parse_list("regresion").expect_err("misspelt");
        assert_eq!(
            error,
            "expected a list of regression, target, inconclusive, found `regresion`; did you mean `regression`?"
        );
    }

    #[test]
    fn a_rule_that_is_not_linear_stands_out() {
        let growth = |exponent| Some(Growth { exponent, explained: 1.0 });
        let check = |series, window, expected: &str| {
            let cost = RuleCost { growth_series: growth(series), growth_window: growth(window), ..RuleCost::default() };
            assert_eq!(cost.finding(), expected);
        };
        check(1.0, 1.05, "");
        check(1.98, 1.0, "not linear in series: exponent 1.98");
        check(1.98, 1.5, "not linear in series: exponent 1.98; not linear in the window: exponent 1.50");
    }
}
