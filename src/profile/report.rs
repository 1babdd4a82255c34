//! What a run of the profiler has to tell, and its answer.

use super::compare::{Compared, Comparison, Difference, RuleRef};
use super::gate::{Verdict, percent};
use super::histogram::Latencies;
use super::max_costs::Over;
use super::protocol::{AtSize, Cut, Grew};
use super::sample::{Inputs, Machine, Plan, Tool};
use super::stats::{Estimate, Growth, fitted_growth};
use super::targets::{Category, CheckResult, Outcome, Target, judge};
use crate::diagnostic::nearest;

/// What makes the answer of a run "no".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailOn {
    /// A metric became worse than in the baseline.
    Regression,
    /// A check missed its target.
    Target,
    /// Rules cost more than they may.
    Budget,
    /// Something could not be decided.
    Inconclusive,
}

impl FailOn {
    /// All of them with their words.
    const ALL: [(Self, &'static str); 4] = [
        (Self::Regression, "regression"),
        (Self::Target, "target"),
        (Self::Budget, "budget"),
        (Self::Inconclusive, "inconclusive"),
    ];

    /// Returns what counts where nothing is said: a run that compares is about what became worse, and a slow machine may
    /// miss targets on both sides.
    #[must_use]
    pub fn usual(compares: bool) -> Vec<Self> {
        if compares { vec![Self::Regression, Self::Budget] } else { vec![Self::Target, Self::Budget] }
    }

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
                    let all: Vec<&str> = Self::ALL.iter().map(|(_, name)| *name).collect();
                    Err(format!("expected a list of {}, found `{word}`{hint}", all.join(", ")))
                }
            })
            .collect::<Result<Vec<_>, _>>()?;
        list.sort_unstable();
        list.dedup();
        Ok(list)
    }
}

/// A figure besides the checks; a few have a target.
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
    /// What it should reach, in its unit.
    pub target: Option<Target>,
    /// What a reader should know; may be empty.
    pub note: String,
}

impl Extra {
    /// Returns the verdict, where it has a target.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        self.target.map(|target| judge(target.op, target.target, &self.estimate))
    }
}

/// What one rule costs. The exact figures lead: they are the same on any machine, and rank rules as a server feels
/// them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleCost {
    /// The rule.
    pub rule: RuleRef,
    /// Its expression.
    pub expr: String,
    /// When it is evaluated: `1m`, `each_row`, `each_snapshot`.
    pub every: String,
    /// Whether it looks back further than the recording goes, so that less is counted than a server reads.
    pub too_short: bool,
    /// Whether it is evaluated.
    pub enabled: bool,
    /// Samples that a server reads for one evaluation, those of subqueries each time that they are evaluated.
    pub samples_per_evaluation: f64,
    /// The same for a second of the recording: what rules are ranked by.
    pub samples_per_s: f64,
    /// Its share of the samples of all rules.
    pub share: Option<f64>,
    /// Series that its selectors touch.
    pub series: u64,
    /// Series in its result, on average over the evaluations.
    pub result_series: f64,
    /// Allocations per sample, once warm.
    pub allocations_per_sample: Option<f64>,
    /// Time of one evaluation in this tool, which is not a server's. Unit: nanoseconds.
    pub evaluation_ns: Option<Estimate>,
    /// Its time by stage. Unit: nanoseconds an evaluation.
    pub stages: Vec<(String, f64)>,
    /// How its time grows with the number of series.
    pub growth_series: GrownBy,
    /// How its time grows with the window.
    pub growth_window: GrownBy,
}

/// What all rules of a run cost together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// How many rules.
    pub rules: u64,
    /// Samples that a server reads for them in a second of the recording.
    pub samples_per_s: f64,
    /// Series that they read, one that several read once.
    pub series: u64,
    /// How much less time they take together, sharing what they have in common, than each by itself. A share.
    pub saved_by_sharing: Option<f64>,
    /// By group, the dearest first.
    pub groups: Vec<CostOf>,
    /// By file, the dearest first.
    pub files: Vec<CostOf>,
}

/// What the rules of a group or a file cost.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CostOf {
    /// The file as the user named it.
    pub file: String,
    /// The group; empty for a file.
    pub group: String,
    /// How many rules.
    pub rules: u64,
    /// Samples that a server reads for them in a second of the recording.
    pub samples_per_s: f64,
    /// Their share of the samples of all rules.
    pub share: Option<f64>,
}

/// How a rule grows by one size.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GrownBy {
    /// The sizes at which it was measured.
    pub sizes: Vec<f64>,
    /// How its time grows in this tool; none where there are fewer than three sizes, of which one may be disturbed.
    pub time: Option<Growth>,
    /// How the samples grow that a server handles, those of subqueries each time that they are evaluated: exact.
    pub samples: Option<Growth>,
    /// What kept it from being measured at more.
    pub cut: Option<Cut>,
}

/// The exponent from which on samples are reported to grow faster than linear.
pub const NOT_LINEAR: f64 = 1.2;
/// The same of a time: what noise and caches make of 1 stays below.
const TIME_NOT_LINEAR: f64 = 1.5;
/// The sizes that it takes to fit a time.
const TIME_SIZES: usize = 3;
/// The exponents from which on growth is called by these words.
const WORDS: [(f64, &str); 3] = [(2.5, "cubic or worse"), (1.75, "quadratic"), (NOT_LINEAR, "more than linear")];
/// How much of the variation an exponent must explain for a rule to be judged by it.
const CREDIBLE: f64 = 0.95;

impl GrownBy {
    /// Fits exponents through what was measured.
    #[must_use]
    pub fn of(grew: &Grew) -> Self {
        let fit = |of: fn(&AtSize) -> f64| {
            fitted_growth(&grew.points.iter().map(|point| (point.size, of(point))).collect::<Vec<_>>())
        };
        let sizes: Vec<f64> = grew.points.iter().map(|point| point.size).collect();
        let time = fit(|point| point.ns).filter(|_| sizes.len() >= TIME_SIZES);
        Self { sizes, time, samples: fit(|point| point.samples), cut: grew.cut }
    }

    /// Says what it was not measured at, and why; empty where nothing is missing.
    #[must_use]
    pub fn missing(&self) -> String {
        let why = match self.cut {
            None => return String::new(),
            Some(Cut::Time) => "time budget",
            Some(Cut::Recording) => "the recording is too short",
        };
        match self.sizes.last().filter(|_| self.sizes.len() > 1) {
            Some(largest) => format!("measured up to {largest}x ({why})"),
            None => format!("not measured ({why})"),
        }
    }

    /// Says how it grows where that stands out; what is exact is reported before a time.
    fn finding(&self, of: &str) -> Option<String> {
        let told = |fit: Option<Growth>, least: f64, what: &str| {
            let fit = fit.filter(|fit| fit.explained >= CREDIBLE && fit.exponent >= least)?;
            let (_, word) = WORDS.iter().find(|(least, _)| fit.exponent >= *least)?;
            Some(format!("{word} in {of}: {what} with exponent {:.2}", fit.exponent))
        };
        let time = || told(self.time, TIME_NOT_LINEAR, "alertctl's time grows");
        told(self.samples, NOT_LINEAR, "samples grow").or_else(time)
    }
}

impl RuleCost {
    /// Says what stands out before it meets production; empty when there is nothing.
    #[must_use]
    pub fn finding(&self) -> String {
        let (series, window) = (&self.growth_series, &self.growth_window);
        let mut found: Vec<String> =
            [series.finding("series"), window.finding("the window")].into_iter().flatten().collect();
        if !self.enabled {
            found.push("disabled".to_owned());
        } else if self.samples_per_s == 0.0 {
            found.push("reads nothing of the recording".to_owned());
        } else if self.too_short {
            found.push("looks back beyond the recording: counted too low".to_owned());
        }
        found.join("; ")
    }

    /// Returns whether there was no time to find how it grows at all sizes.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        [&self.growth_series, &self.growth_window].iter().any(|by| by.cut == Some(Cut::Time))
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
    /// Figures besides them.
    pub extras: Vec<Extra>,
    /// The latencies of single evaluations; none where they were not taken.
    pub latencies: Option<Latencies>,
    /// The rules, the most expensive first.
    pub rules: Vec<RuleCost>,
    /// What they cost together; none without rules.
    pub totals: Option<Totals>,
    /// What costs more than it may.
    pub over: Vec<Over>,
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
        let checks = self.checks.iter().filter(|check| check.target.category != Category::Regression);
        let all: Vec<Outcome> =
            checks.map(|check| check.outcome).chain(self.extras.iter().filter_map(Extra::outcome)).collect();
        let any = |outcome| all.contains(&outcome);
        let met = |fail_on: &FailOn| match fail_on {
            FailOn::Regression => self.count(Verdict::Regression) > 0,
            FailOn::Target => any(Outcome::Fail),
            FailOn::Budget => !self.over.is_empty(),
            FailOn::Inconclusive => any(Outcome::Inconclusive) || self.count(Verdict::Inconclusive) > 0,
        };
        u8::from(self.fail_on.iter().any(met))
    }
}

/// Judges the check `regression` from a comparison: its value is the worst ratio among the metrics that are gated.
#[must_use]
pub fn regression_check(target: Target, comparison: Option<&Comparison>) -> CheckResult {
    let Some(comparison) = comparison else { return CheckResult::not_run(target, "no baseline: pass --baseline") };
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
        let settings =
            Settings { evidence: Evidence::Saved, limits: Limits::default(), rules_only: false, slowed: true };
        compare(&measurement(), &now, &settings).expect("comparable")
    }

    #[test]
    fn the_regression_check_follows_the_gate() {
        let check = |comparison: Option<Comparison>, outcome, note: &str| {
            let result = regression_check(CHECKS[12], comparison.as_ref());
            assert_eq!((result.outcome, result.note.as_str()), (outcome, note));
        };
        check(None, Outcome::NotRun, "no baseline: pass --baseline");
        check(Some(comparison([560.0; 5], 240.0)), Outcome::Pass, "0 of 2 gated metrics are regressions");
        check(
            Some(comparison([560.0; 5], 480.0)),
            Outcome::Fail,
            "1 of 2 gated metrics are regressions; worst: rule.samples_per_s of HighCpu, 100 % more",
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
        let large = |report: &mut ProfileReport| {
            report.extras[0].target = Some(CHECKS[0]);
            report.extras[0].estimate = Estimate::exact(CHECKS[0].target + 1.0);
        };
        let unlike = |report: &mut ProfileReport| {
            report.incompatible.push(Difference { what: "plan.rounds", base: "3".to_owned(), now: "4".to_owned() });
        };
        check("regression,target", &|_| (), 0);
        check("regression", &slower, 1);
        check("target", &slower, 0);
        check("target", &missed, 1);
        check("target", &large, 1);
        check("regression", &large, 0);
        check("regression", &missed, 0);
        check("regression,target", &open, 0);
        check("inconclusive", &open, 1);
        check("", &unlike, 2);
    }

    #[test]
    fn a_list_of_reasons_is_read() {
        assert_eq!(FailOn::parse_list("target, regression,target"), Ok(vec![FailOn::Regression, FailOn::Target]));
        let error = FailOn::parse_list("regresion").expect_err("misspelt");
        assert_eq!(
            error,
            "expected a list of regression, target, budget, inconclusive, found `regresion`; did you mean `regression`?"
        );
    }

    #[test]
    fn a_rule_that_is_not_linear_stands_out() {
        let grown = |samples: f64, time: f64, noise: f64| {
            let at = |size: f64| AtSize { size, ns: size.powf(time), samples: size.powf(samples) };
            let mut points = [1.0, 2.0, 4.0, 8.0].map(at).to_vec();
            points[1].ns *= noise;
            GrownBy::of(&Grew { points, cut: None })
        };
        let cut = |sizes: &[f64], cut| {
            let points = sizes.iter().map(|size| AtSize { size: *size, ns: *size, samples: *size }).collect();
            GrownBy::of(&Grew { points, cut: Some(cut) })
        };
        let check = |growth_series, growth_window, expected: &str| {
            let cost =
                RuleCost { growth_series, growth_window, enabled: true, samples_per_s: 1.0, ..RuleCost::default() };
            assert_eq!(cost.finding(), expected);
        };
        let linear = || grown(1.0, 1.0, 1.0);
        check(linear(), GrownBy::default(), "");
        check(grown(1.0, 1.98, 1.0), linear(), "quadratic in series: alertctl's time grows with exponent 1.98");
        check(
            grown(1.5, 1.5, 1.0),
            grown(3.1, 0.2, 1.0),
            "more than linear in series: samples grow with exponent 1.50; \
             cubic or worse in the window: samples grow with exponent 3.10",
        );
        check(grown(1.0, 1.9, 9.0), linear(), "");
        check(grown(1.0, 1.4, 1.0), linear(), "");
        // What was not measured is no finding about the rule.
        check(cut(&[], Cut::Time), cut(&[1.0, 2.0], Cut::Time), "");
        check(linear(), cut(&[1.0], Cut::Recording), "");
        assert_eq!(cut(&[1.0, 2.0], Cut::Time).missing(), "measured up to 2x (time budget)");
        assert_eq!(cut(&[1.0], Cut::Recording).missing(), "not measured (the recording is too short)");
    }
}
