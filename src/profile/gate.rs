//! The rule that decides whether a metric became worse. Pure: two sides in, one decision out.
//!
//! The unit of evidence is the process, not the batch: processes of one program differ 24 to 48 times more than their
//! batches would predict. Two ratios must agree. What makes the evidence weaker makes the threshold higher, and never
//! mutes a metric: what is worse by more than all of it is a regression, what could be is inconclusive.

use super::sample::{Better, Kind, Metric};
use super::stats;

/// What is said of one metric or rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// No change that matters.
    Ok,
    /// It became worse.
    Regression,
    /// It became worse, which somebody accepted.
    Accepted,
    /// It became better.
    Improved,
    /// The evidence is too noisy or too thin to say.
    Inconclusive,
    /// Shown, but not gated: the machine or the binary differs.
    Advisory,
    /// The two sides cannot be compared.
    Incompatible,
    /// Not in the baseline.
    New,
    /// Only in the baseline.
    Gone,
    /// The rule itself changed, and its cost with it or not.
    Changed,
}

impl Verdict {
    /// Returns the word of all reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Regression => "regression",
            Self::Accepted => "accepted",
            Self::Improved => "improved",
            Self::Inconclusive => "inconclusive",
            Self::Advisory => "advisory",
            Self::Incompatible => "incompatible",
            Self::New => "new",
            Self::Gone => "gone",
            Self::Changed => "changed",
        }
    }
}

/// How the two sides were measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// The base comes from a file: the machine may have drifted, so spread raises the threshold once more.
    Saved,
    /// Both sides were measured in turns, now.
    Interleaved,
}

/// What is tolerated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// The smallest slowdown of a time that is a regression, and the most spread that one can be seen in. A share.
    pub max_slowdown: f64,
    /// The same for what repeats exactly.
    pub exact: f64,
    /// The largest growth of what all rules of a run read together, where the rules differ. A share.
    pub total: f64,
    /// By how much the machine itself became slower, below zero where it became faster, as loops tell that never
    /// change. A share; zero where both sides were measured in turns.
    pub moved: f64,
}

/// 7 %: with it, runs of the same code never failed in 2,352 pairs, and 98.9 % of slowdowns by 10 % were caught.
/// What is exact is gated at 0 %; all rules together may read 5 % more when rules are added or changed.
impl Default for Limits {
    fn default() -> Self {
        Self { max_slowdown: 0.07, exact: 0.0, total: 0.05, moved: 0.0 }
    }
}

/// How many times the spread of an unsteady baseline is added to its threshold.
const UNSTEADY: f64 = 2.0;
/// The fewest processes whose quartiles say something about their spread.
const FEWEST_PROCESSES: usize = 3;

/// The evidence about one metric from one side.
#[derive(Clone, Debug, PartialEq)]
pub struct Side {
    /// The low decile of each process, of all sessions.
    pub processes: Vec<f64>,
    /// The low decile of all batches.
    pub pooled: f64,
    /// The median process of each session.
    pub sessions: Vec<f64>,
}

impl Side {
    /// Takes one metric from the sessions that have it; `None` when there is none.
    ///
    /// Batches are not kept, so the pooled decile of several sessions is the median of theirs.
    #[must_use]
    pub fn of(metrics: &[&Metric]) -> Option<Self> {
        let pooled: Vec<f64> = metrics.iter().map(|metric| metric.pooled.p10).collect();
        Some(Self {
            processes: metrics.iter().flat_map(|metric| metric.per_process.p10.iter().copied()).collect(),
            pooled: stats::median(&pooled)?,
            sessions: metrics.iter().filter_map(|metric| stats::median(&metric.per_process.p10)).collect(),
        })
    }

    /// Takes one metric of both sides from sessions that had a process of each in turns.
    ///
    /// A host that is slow for a minute slows both sides of a session, and must not count as a difference of
    /// processes: each session is brought to the level of the middle one, by the median process of its base. One
    /// session is taken as it is. `None` when the sessions are not the same or a value is zero.
    #[must_use]
    pub fn in_turns(base: &[&Metric], now: &[&Metric]) -> Option<(Self, Self)> {
        let before = Self::of(base)?;
        let level = stats::median(&before.sessions)?;
        let steady = before.sessions.iter().all(|session| *session > 0.0 && session.is_finite());
        if base.len() != now.len() || before.sessions.len() != base.len() || !steady {
            return None;
        }
        let side = |metrics: &[&Metric]| {
            let (mut processes, mut pooled, mut sessions) = (Vec::new(), Vec::new(), Vec::new());
            for (metric, session) in metrics.iter().zip(&before.sessions) {
                let factor = level / session;
                let levelled: Vec<f64> = metric.per_process.p10.iter().map(|value| value * factor).collect();
                pooled.push(metric.pooled.p10 * factor);
                sessions.extend(stats::median(&levelled));
                processes.extend(levelled);
            }
            Some(Self { processes, pooled: stats::median(&pooled)?, sessions })
        };
        Some((side(base)?, side(now)?))
    }

    /// Returns the median process: what tables show.
    #[must_use]
    pub fn value(&self) -> f64 {
        stats::median(&self.processes).unwrap_or(self.pooled)
    }
}

/// A verdict and what it rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The verdict.
    pub verdict: Verdict,
    /// The median process of the base, if it has the metric. Unit: the metric's.
    pub base: Option<f64>,
    /// The median process now, if there is one.
    pub now: Option<f64>,
    /// How many times worse, as the cautious one of two ratios: above 1 is worse for times and rates alike. `None`
    /// where the base is zero.
    pub ratio: Option<f64>,
    /// The 95 % interval of the ratio, from the spread between processes; wider where the machine's speed moved. `None`
    /// where there is no ratio, or there are too few processes. What is exact has itself.
    pub interval: Option<(f64, f64)>,
    /// The ratio above which it is a regression, where it is gated.
    pub threshold: Option<f64>,
    /// Whether more processes could change the verdict.
    pub open: bool,
    /// Why, where the verdict alone does not say; may be empty.
    pub note: String,
}

/// Writes a share as a percentage of at most one decimal.
pub(crate) fn percent(share: f64) -> String {
    let tenths = (share * 1000.0).round() / 10.0;
    // No minus before a zero.
    format!("{} %", if tenths == 0.0 { 0.0 } else { tenths })
}

/// Says how the speed of the machine changed.
pub(crate) fn speed_changed(moved: f64) -> String {
    let direction = if moved < 0.0 { "faster" } else { "slower" };
    format!("the machine changed: its calibration loop is {} {direction}", percent(moved.abs()))
}

/// Decides about one metric.
#[must_use]
pub fn decide(base: &Side, now: &Side, better: Better, kind: Kind, evidence: Evidence, limits: &Limits) -> Decision {
    if kind.is_exact() {
        decide_exact(base, now, better, limits)
    } else {
        decide_time(base, now, better, evidence, limits)
    }
}

/// Returns how many times worse `now` is.
fn worse(base: f64, now: f64, better: Better) -> Option<f64> {
    let (under, over) = match better {
        Better::Lower => (base, now),
        Better::Higher => (now, base),
    };
    (under > 0.0 && under.is_finite() && over.is_finite()).then(|| over / under)
}

fn decide_time(base: &Side, now: &Side, better: Better, evidence: Evidence, limits: &Limits) -> Decision {
    let limit = limits.max_slowdown;
    let decision = |verdict, ratio, threshold: f64, note: String| Decision {
        verdict,
        base: Some(base.value()),
        now: Some(now.value()),
        ratio,
        interval: None,
        threshold: Some(threshold),
        open: false,
        note,
    };
    let pooled = worse(base.pooled, now.pooled, better);
    let by_process = worse(base.value(), now.value(), better);
    let (Some(pooled), Some(by_process)) = (pooled, by_process) else {
        let note = "too short for the clock: a value is zero".to_owned();
        return decision(Verdict::Inconclusive, None, 1.0 + limit, note);
    };
    let fewest = base.processes.len().min(now.processes.len());
    if fewest < FEWEST_PROCESSES {
        let processes = if fewest == 1 { "1 process" } else { "2 processes" };
        let note = format!("{processes} cannot tell a change from chance: use --processes 5");
        return decision(Verdict::Inconclusive, Some(pooled.min(by_process)), 1.0 + limit, note);
    }
    let spread_base = stats::relative_spread(&base.processes).unwrap_or(f64::INFINITY);
    let spread_now = stats::relative_spread(&now.processes).unwrap_or(f64::INFINITY);
    let variance = |spread: f64, side: &Side| spread * spread / side.processes.len() as f64;
    // With as many processes on both sides: 1.25 sqrt(sd_b^2 + sd_c^2) / sqrt(m). 1.25 is what a median costs.
    let error = 1.25 * (variance(spread_base, base) + variance(spread_now, now)).sqrt();
    let spread = spread_base.max(spread_now);
    let drift = match evidence {
        Evidence::Saved => stats::relative_range(&base.sessions).unwrap_or(0.0),
        Evidence::Interleaved => 0.0,
    };
    let noisy = if drift > limit {
        Some(format!("sessions of the baseline differ by {}, more than {}", percent(drift), percent(limit)))
    } else if spread > limit {
        Some(format!("processes differ by {}, more than {}", percent(spread), percent(limit)))
    } else if 3.0 * error > limit {
        Some(format!("3 standard errors are {}, more than {}", percent(3.0 * error), percent(limit)))
    } else {
        None
    };
    // What is looked for where nothing but the code may have changed.
    let alike = 1.0 + limit.max(3.0 * error);
    let unsteady = evidence == Evidence::Saved && (spread > limit || drift > limit);
    let threshold = alike + limits.moved.abs() + if unsteady { UNSTEADY * spread.max(drift) } else { 0.0 };
    // The cautious ratio is the one nearer to 1 on the side that both are on.
    let (least, most) = (pooled.min(by_process), pooled.max(by_process));
    let cautious = if least > 1.0 {
        least
    } else if most < 1.0 {
        most
    } else {
        1.0
    };
    // A machine that became faster hides as much of what became slower.
    let at_worst = cautious / (1.0 + limits.moved.min(0.0));
    let freedom = base.processes.len() + now.processes.len() - 2;
    let (low, high) = interval(by_process, stats::student_975(freedom) * error, limits.moved);
    let (low, high) = (low.min(cautious), high.max(cautious));
    let verdict = if least > threshold {
        Verdict::Regression
    } else if noisy.is_some() || at_worst > alike {
        Verdict::Inconclusive
    } else if at_worst < 1.0 / alike {
        Verdict::Improved
    } else {
        Verdict::Ok
    };
    // Noise of a baseline stays what it is; what came out near the threshold is looked at again, or a slowdown that is
    // little above it would be missed as often as found.
    let lasting = evidence == Evidence::Saved && (drift > limit || spread_base > limit);
    let near = least <= threshold && least + 3.0 * error > threshold;
    let open = verdict != Verdict::Regression && !lasting && (verdict == Verdict::Inconclusive || near);
    let note = if verdict == Verdict::Inconclusive {
        let because = noisy.unwrap_or_else(|| speed_changed(limits.moved));
        format!("{because}: {low:.2}x to {high:.2}x")
    } else {
        String::new()
    };
    Decision { open, interval: Some((low, high)), ..decision(verdict, Some(cautious), threshold, note) }
}

/// Returns the interval of a ratio, which is lognormal. The machine may have become slower by as much as its loops, or not
/// at all.
fn interval(ratio: f64, half_width: f64, moved: f64) -> (f64, f64) {
    (ratio * (-half_width).exp() / (1.0 + moved.max(0.0)), ratio * half_width.exp() / (1.0 + moved.min(0.0)))
}

fn decide_exact(base: &Side, now: &Side, better: Better, limits: &Limits) -> Decision {
    let (base_values, now_values) = (stats::sorted(&base.processes), stats::sorted(&now.processes));
    let ends = |values: &[f64]| (values.first().copied().unwrap_or(0.0), values.last().copied().unwrap_or(0.0));
    let ((base_low, base_high), (now_low, now_high)) = (ends(&base_values), ends(&now_values));
    let grown = 1.0 + limits.exact;
    let (risen, fallen) = (now_low > base_high * grown, now_high * grown < base_low);
    let (worse_now, better_now) = match better {
        Better::Lower => (risen, fallen),
        Better::Higher => (fallen, risen),
    };
    let steady = |low: f64, high: f64| high <= low * grown;
    let (verdict, note) = if worse_now {
        (Verdict::Regression, String::new())
    } else if better_now {
        (Verdict::Improved, String::new())
    } else if !steady(base_low, base_high) || !steady(now_low, now_high) {
        let side = if steady(now_low, now_high) { "in the baseline" } else { "now" };
        (Verdict::Inconclusive, format!("not exactly repeatable {side}"))
    } else {
        (Verdict::Ok, String::new())
    };
    let ratio = match worse(base.value(), now.value(), better) {
        None if base.value().total_cmp(&now.value()).is_eq() => Some(1.0),
        ratio => ratio,
    };
    // From the least to the most that values of the two sides differ by.
    let ends = [(base_high, now_low), (base_low, now_high)].map(|(base, now)| worse(base, now, better));
    let interval = match ends {
        [Some(one), Some(other)] => Some((one.min(other), one.max(other))),
        _ => ratio.map(|ratio| (ratio, ratio)),
    };
    Decision {
        verdict,
        base: Some(base.value()),
        now: Some(now.value()),
        ratio,
        interval,
        threshold: Some(grown),
        open: false,
        note,
    }
}

/// Joins a decision with that of fresh processes: a regression stands only if both say so.
///
/// Where they disagree nothing is known: a second measurement never turns a failure into a pass.
#[must_use]
pub fn confirm(first: Decision, second: &Decision) -> Decision {
    match (first.verdict, second.verdict) {
        (Verdict::Regression, Verdict::Regression) => {
            let cause = Some(&first.note).filter(|note| !note.is_empty()).map(|note| format!("{note}; "));
            let note = cause.unwrap_or_default() + "confirmed by fresh processes";
            // What is shown is of one measurement: the one that found less.
            let less = first.ratio.zip(second.ratio).is_some_and(|(first, second)| second < first);
            Decision { note, ..if less { second.clone() } else { first } }
        }
        (Verdict::Regression, other) => Decision {
            verdict: Verdict::Inconclusive,
            note: format!("not confirmed by fresh processes: {}", other.word()),
            ..first
        },
        _ => first,
    }
}

/// Makes a decision advisory: it is shown with what it would have been, and gates nothing.
#[must_use]
pub fn advise(decision: Decision, because: &str) -> Decision {
    let would = match decision.verdict {
        Verdict::Regression | Verdict::Improved => format!("{}; would be: {}", because, decision.verdict.word()),
        _ => because.to_owned(),
    };
    Decision { verdict: Verdict::Advisory, open: false, note: would, ..decision }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEADY: [f64; 5] = [99.0, 100.0, 100.0, 100.0, 101.0];

    fn side(processes: &[f64]) -> Side {
        let pooled = stats::median(processes).unwrap_or(0.0);
        Side { processes: processes.to_vec(), pooled, sessions: vec![pooled] }
    }

    fn times(factor: f64) -> Side {
        side(&STEADY.map(|value| value * factor))
    }

    fn saved(base: &Side, now: &Side) -> Decision {
        decide(base, now, Better::Lower, Kind::Time, Evidence::Saved, &Limits::default())
    }

    #[test]
    fn steady_times_are_told_apart_at_seven_percent() {
        let check =
            |factor: f64, expected| assert_eq!(saved(&times(1.0), &times(factor)).verdict, expected, "{factor}");
        check(1.0, Verdict::Ok);
        check(1.06, Verdict::Ok);
        check(1.08, Verdict::Regression);
        check(2.0, Verdict::Regression);
        check(0.95, Verdict::Ok);
        check(0.90, Verdict::Improved);
    }

    #[test]
    fn without_spread_the_limit_alone_decides() {
        let base = side(&[100.0; 5]);
        assert_eq!(saved(&base, &side(&[107.0; 5])).verdict, Verdict::Ok);
        let slower = saved(&base, &side(&[108.0; 5]));
        assert_eq!((slower.verdict, slower.threshold, slower.ratio), (Verdict::Regression, Some(1.07), Some(1.08)));
    }

    #[test]
    fn every_ratio_has_an_interval_that_holds_it() {
        let interval = |decision: &Decision| decision.interval.expect("there are processes");
        let round = |(low, high): (f64, f64)| ((low * 1e3).round() / 1e3, (high * 1e3).round() / 1e3);
        let wide = |factor: f64| side(&[96.0, 98.0, 100.0, 102.0, 104.0].map(|value| value * factor));
        // sd = 4 / 1.35 %, twice; SE = 1.25 * sd * sqrt(2 / 5) = 2.34 %; t of 8 degrees is 2.306.
        assert_eq!(round(interval(&saved(&wide(1.0), &wide(1.0)))), (0.947, 1.056));
        assert_eq!(round(interval(&saved(&wide(1.0), &wide(2.0)))), (1.895, 2.111));
        // Processes that differ wildly: never below zero.
        let wild = side(&[1.0, 10.0, 100.0, 900.0, 1_000.0]);
        let (low, high) = interval(&saved(&wild, &wild));
        assert!(low > 0.0 && low < 1.0 && high > 1.0 && high.is_finite(), "{low} {high}");
        // The loops moved, and the metric with them or not.
        let limits = Limits { moved: 0.05, ..Limits::default() };
        let both = side(&[100.0; 5]);
        let moved = decide(&both, &both, Better::Lower, Kind::Time, Evidence::Saved, &limits);
        assert_eq!(round(interval(&moved)), (0.952, 1.0));
        let now = Side { pooled: 100.0, ..times(1.2) };
        let apart = saved(&times(1.0), &now);
        assert!(apart.ratio == Some(1.0) && interval(&apart).0 <= 1.0 && interval(&apart).1 >= 1.2, "{apart:?}");
        assert_eq!(saved(&side(&[100.0]), &side(&[300.0])).interval, None);
        let exact = |base: &[f64], now: &[f64]| {
            decide(&side(base), &side(now), Better::Lower, Kind::Bytes, Evidence::Saved, &Limits::default()).interval
        };
        assert_eq!(exact(&[482.0], &[964.0]), Some((2.0, 2.0)));
        assert_eq!(exact(&[0.0], &[0.0]), Some((1.0, 1.0)));
        assert_eq!(exact(&[0.0], &[5.0]), None);
        assert_eq!(exact(&[100.0, 200.0], &[200.0, 400.0]), Some((1.0, 4.0)));
    }

    #[test]
    fn two_modes_are_inconclusive_and_raise_the_threshold() {
        let two = side(&[100.0, 100.0, 100.0, 150.0, 150.0]);
        let decision = saved(&two, &times(1.5));
        assert_eq!(decision.verdict, Verdict::Inconclusive);
        assert_eq!(decision.note, "processes differ by 37 %, more than 7 %: 0.93x to 2.42x");
        assert_eq!(saved(&times(1.0), &two).verdict, Verdict::Inconclusive);
        assert_eq!(saved(&two, &times(3.0)).verdict, Verdict::Regression);
    }

    #[test]
    fn calibration_that_moved_widens_what_is_tolerated_by_as_much() {
        let check = |moved: f64, factor: f64, expected| {
            let limits = Limits { moved, ..Limits::default() };
            let (base, now) = (side(&[100.0; 5]), side(&[100.0 * factor; 5]));
            let decision = decide(&base, &now, Better::Lower, Kind::Time, Evidence::Saved, &limits);
            let threshold = decision.threshold.unwrap_or_default();
            assert!((threshold - 1.07 - moved.abs()).abs() < 1e-9, "{decision:?}");
            assert_eq!(decision.verdict, expected, "moved {moved}, {factor} times slower: {decision:?}");
            assert_eq!(decision.open, expected == Verdict::Inconclusive, "{decision:?}");
        };
        for moved in [0.034, 0.036, 0.038, -0.034, -0.036, -0.038] {
            // The metric moves with the loop, or does not.
            for with_it in [1.0, 1.0 + moved] {
                check(moved, with_it, Verdict::Ok);
                check(moved, 1.2 * with_it, Verdict::Regression);
                check(moved, 1.9 * with_it, Verdict::Regression);
                check(moved, 2.0 * with_it, Verdict::Regression);
            }
        }
        check(0.036, 1.10, Verdict::Inconclusive);
        check(-0.036, 1.05, Verdict::Inconclusive);
        check(0.5, 1.5, Verdict::Inconclusive);
        check(0.5, 3.0, Verdict::Regression);
        // A machine that is twice as fast may hide what is twice as slow.
        check(-0.5, 1.0, Verdict::Inconclusive);
        check(-0.5, 0.5, Verdict::Ok);
        check(-0.3, 1.4, Verdict::Regression);
    }

    #[test]
    fn spread_and_drift_of_a_baseline_raise_the_threshold() {
        let check = |spread: f64, drift: f64, [least, found]: [f64; 2]| {
            // The quartiles of five values are the second and the fourth.
            let half = spread * 1.35 / 2.0;
            let of =
                |factor: f64| side(&[1.0 - half, 1.0 - half, 1.0, 1.0 + half, 1.0 + half].map(|value| value * factor));
            let base = Side { sessions: vec![1.0, 1.0, 1.0 + drift], ..of(1.0) };
            assert_eq!(saved(&base, &of(1.0)).verdict, Verdict::Inconclusive);
            assert_eq!(saved(&base, &of(least)).verdict, Verdict::Inconclusive, "{:?}", saved(&base, &of(least)));
            assert_eq!(saved(&base, &of(found)).verdict, Verdict::Regression, "{:?}", saved(&base, &of(found)));
        };
        check(0.08, 0.0, [1.34, 1.36]);
        check(0.12, 0.0, [1.52, 1.54]);
        check(0.20, 0.0, [1.86, 1.89]);
        check(0.01, 0.12, [1.30, 1.32]);
        check(0.01, 0.40, [1.86, 1.88]);
        check(0.22, 0.0, [1.96, 1.98]);
        check(0.24, 0.0, [2.00, 2.06]);
    }

    #[test]
    fn interleaved_spread_raises_the_threshold_instead() {
        let wide = |factor: f64| side(&[90.0, 95.0, 100.0, 105.0, 110.0].map(|value| value * factor));
        let check = |factor, expected| {
            let decision =
                decide(&wide(1.0), &wide(factor), Better::Lower, Kind::Time, Evidence::Interleaved, &Limits::default());
            assert_eq!(decision.verdict, expected, "{decision:?}");
        };
        check(1.0, Verdict::Inconclusive);
        check(1.10, Verdict::Inconclusive);
        check(2.0, Verdict::Regression);
        // That of a saved baseline is raised once more: by 22 %.
        assert_eq!(saved(&wide(1.0), &wide(1.3)).verdict, Verdict::Inconclusive);
        assert_eq!(saved(&wide(1.0), &wide(2.0)).verdict, Verdict::Regression);
    }

    /// Returns one metric of sessions at these levels, whose processes are so many times slower.
    fn sessions(levels: &[f64], factor: f64) -> Vec<Metric> {
        let metric = |level: &f64| {
            let processes = STEADY.map(|value| vec![value / 100.0 * level * factor; 3]);
            Metric::of_batches("x", "ns", Better::Lower, Kind::Time, &processes)
        };
        levels.iter().filter_map(metric).collect()
    }

    fn interleaved(base: &[Metric], now: &[Metric]) -> Decision {
        let (base, now): (Vec<_>, Vec<_>) = (base.iter().collect(), now.iter().collect());
        let (base, now) = Side::in_turns(&base, &now).expect("the sessions are the same");
        decide(&base, &now, Better::Lower, Kind::Time, Evidence::Interleaved, &Limits::default())
    }

    #[test]
    fn a_host_that_is_slow_for_a_session_slows_both_sides() {
        let levels = [100.0, 190.0, 104.0];
        let check = |factor: f64, expected| {
            let decision = interleaved(&sessions(&levels, 1.0), &sessions(&levels, factor));
            assert_eq!(decision.verdict, expected, "{decision:?}");
            assert_eq!(decision.base, Some(104.0));
        };
        check(1.0, Verdict::Ok);
        check(1.10, Verdict::Regression);
        check(0.90, Verdict::Improved);
        let (whole, less) = (sessions(&levels, 1.0), sessions(&levels[..2], 1.0));
        let of = |metrics: &[Metric]| Side::of(&metrics.iter().collect::<Vec<_>>());
        assert!(of(&whole).is_some_and(|side| side.processes.len() == 15));
        assert_eq!(Side::in_turns(&whole.iter().collect::<Vec<_>>(), &less.iter().collect::<Vec<_>>()), None);
    }

    #[test]
    fn one_session_is_taken_as_it_is() {
        let (base, now) = (sessions(&[97.3], 1.0), sessions(&[97.3], 1.1));
        let sides = Side::in_turns(&[&base[0]], &[&now[0]]);
        assert_eq!(sides, Side::of(&[&base[0]]).zip(Side::of(&[&now[0]])));
    }

    #[test]
    fn more_processes_are_asked_for_where_they_could_change_the_verdict() {
        let check = |base: &Side, now: &Side, evidence, expected: (Verdict, bool)| {
            let decision = decide(base, now, Better::Lower, Kind::Time, evidence, &Limits::default());
            assert_eq!((decision.verdict, decision.open), expected, "{decision:?}");
        };
        let noisy = side(&[90.0, 95.0, 100.0, 105.0, 110.0]);
        let uneven = |factor: f64| side(&[98.5, 99.5, 100.0, 100.5, 101.5].map(|value| value * factor));
        let (interleaved, saved) = (Evidence::Interleaved, Evidence::Saved);
        check(&times(1.0), &times(1.0), interleaved, (Verdict::Ok, false));
        check(&times(1.0), &times(1.2), interleaved, (Verdict::Regression, false));
        check(&times(1.0), &noisy, interleaved, (Verdict::Inconclusive, true));
        check(&times(1.0), &noisy, saved, (Verdict::Inconclusive, true));
        // More processes now do not make a noisy baseline quiet.
        check(&noisy, &times(1.0), saved, (Verdict::Inconclusive, false));
        // Three standard errors are 1.8 %: it could be 7 % slower.
        check(&uneven(1.0), &uneven(1.06), interleaved, (Verdict::Ok, true));
        check(&uneven(1.0), &uneven(1.0), interleaved, (Verdict::Ok, false));
        check(&side(&[100.0]), &side(&[100.0]), interleaved, (Verdict::Inconclusive, false));
    }

    #[test]
    fn one_process_tells_nothing() {
        let decision = saved(&side(&[100.0]), &side(&[300.0]));
        assert_eq!(decision.verdict, Verdict::Inconclusive);
        assert_eq!(decision.note, "1 process cannot tell a change from chance: use --processes 5");
        assert_eq!(saved(&times(1.0), &side(&[300.0, 300.0])).verdict, Verdict::Inconclusive);
    }

    #[test]
    fn a_baseline_that_drifts_is_inconclusive_up_to_where_nothing_else_explains_it() {
        let drifting = Side { sessions: vec![100.0, 101.0, 112.0], ..times(1.0) };
        assert_eq!(saved(&drifting, &times(2.0)).verdict, Verdict::Regression);
        let decision = saved(&drifting, &times(1.25));
        assert_eq!(decision.verdict, Verdict::Inconclusive);
        assert_eq!(decision.note, "sessions of the baseline differ by 11.9 %, more than 7 %: 1.25x to 1.25x");
        let now_drifts = Side { sessions: vec![100.0, 112.0], ..times(1.0) };
        assert_eq!(saved(&times(1.0), &now_drifts).verdict, Verdict::Ok);
    }

    #[test]
    fn both_ratios_must_agree() {
        let now = Side { pooled: 100.0, ..times(1.2) };
        let decision = saved(&times(1.0), &now);
        assert_eq!((decision.verdict, decision.ratio), (Verdict::Ok, Some(1.0)));
        let now = Side { pooled: 115.0, ..times(1.2) };
        assert_eq!(saved(&times(1.0), &now).ratio, Some(1.15));
    }

    #[test]
    fn three_standard_errors_are_the_threshold_where_they_are_more() {
        let limits = Limits { max_slowdown: 0.01, ..Limits::default() };
        let decision = decide(&times(1.0), &times(1.5), Better::Lower, Kind::Time, Evidence::Saved, &limits);
        assert_eq!(decision.verdict, Verdict::Regression);
        let spread = side(&[98.0, 99.0, 100.0, 101.0, 102.0]);
        let decision = decide(&spread, &spread, Better::Lower, Kind::Time, Evidence::Interleaved, &limits);
        // sd = 2 / 1.35 %, twice; SE = 1.25 * sd * sqrt(2 / 5).
        let threshold = decision.threshold.unwrap_or_default();
        assert!((threshold - 1.035_136).abs() < 1e-6, "{threshold}");
        assert_eq!(decision.verdict, Verdict::Inconclusive);
    }

    #[test]
    fn a_rate_that_falls_is_a_regression() {
        let check = |factor, expected| {
            let decision =
                decide(&times(1.0), &times(factor), Better::Higher, Kind::Rate, Evidence::Saved, &Limits::default());
            assert_eq!(decision.verdict, expected, "{decision:?}");
        };
        check(0.9, Verdict::Regression);
        check(1.0, Verdict::Ok);
        check(1.1, Verdict::Improved);
    }

    #[test]
    fn exact_metrics_are_gated_at_nothing() {
        let check = |base: &[f64], now: &[f64], exact: f64, expected| {
            let limits = Limits { exact, ..Limits::default() };
            let decision = decide(&side(base), &side(now), Better::Lower, Kind::Bytes, Evidence::Saved, &limits);
            assert_eq!(decision.verdict, expected, "{decision:?}");
        };
        check(&[482.0], &[482.0], 0.0, Verdict::Ok);
        check(&[482.0], &[483.0], 0.0, Verdict::Regression);
        check(&[482.0], &[481.0], 0.0, Verdict::Improved);
        check(&[482.0], &[483.0], 0.01, Verdict::Ok);
        check(&[482.0], &[490.0], 0.01, Verdict::Regression);
        check(&[0.0], &[0.0], 0.0, Verdict::Ok);
        check(&[0.0], &[1.0], 0.0, Verdict::Regression);
        check(&[480.0, 482.0], &[481.0, 481.0], 0.0, Verdict::Inconclusive);
        check(&[480.0, 482.0], &[483.0, 485.0], 0.0, Verdict::Regression);
    }

    #[test]
    fn a_time_of_zero_is_no_evidence() {
        assert_eq!(saved(&side(&[0.0; 5]), &times(1.0)).verdict, Verdict::Inconclusive);
        assert_eq!(saved(&times(1.0), &side(&[f64::NAN; 5])).verdict, Verdict::Inconclusive);
    }

    #[test]
    fn only_fresh_processes_make_a_regression_final() {
        let slow = || saved(&times(1.0), &times(1.2));
        let fine = || saved(&times(1.0), &times(1.0));
        assert_eq!(confirm(slow(), &slow()).verdict, Verdict::Regression);
        let unsure = confirm(slow(), &fine());
        assert_eq!(unsure.verdict, Verdict::Inconclusive);
        assert_eq!(unsure.note, "not confirmed by fresh processes: ok");
        assert_eq!(confirm(fine(), &slow()).verdict, Verdict::Ok);
    }

    #[test]
    fn advice_says_what_it_would_have_been() {
        let advised = advise(saved(&times(1.0), &times(1.2)), "another machine");
        assert_eq!(
            (advised.verdict, advised.note.as_str()),
            (Verdict::Advisory, "another machine; would be: regression")
        );
    }
}

#[cfg(test)]
#[path = "gate_trials.rs"]
mod trials;
