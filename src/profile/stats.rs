//! Order statistics, robust spread and growth: what a verdict rests on.
//!
//! Nothing here takes a mean of times: one preemption moves a mean by percent and the low decile not at all.

/// The quantile 0.975 of the normal distribution: all intervals are of 95 %.
const NORMAL_975: f64 = 1.959_963_985;
/// The processes that it takes to know how much they differ.
pub const LEAST_PROCESSES: usize = 3;

/// Returns a quantile of sorted values, interpolated between neighbours; `None` without values.
#[must_use]
pub fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let at = q.clamp(0.0, 1.0) * last as f64;
    let below = at.floor() as usize;
    let (low, high) = (*sorted.get(below)?, *sorted.get((below + 1).min(last))?);
    // Equal neighbours must give exactly themselves: exact metrics are compared at 0 %.
    Some(if low.total_cmp(&high).is_eq() { low } else { low + (high - low) * (at - below as f64) })
}

/// Returns the values in order; NaN goes last.
#[must_use]
pub fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// Returns the low decile, the estimate of every time that is gated.
#[must_use]
pub fn low_decile(values: &[f64]) -> Option<f64> {
    quantile(&sorted(values), 0.10)
}

/// Returns the median.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(&sorted(values), 0.50)
}

/// Returns the distance of the quartiles.
#[must_use]
pub fn interquartile_range(values: &[f64]) -> Option<f64> {
    let sorted = sorted(values);
    Some(quantile(&sorted, 0.75)? - quantile(&sorted, 0.25)?)
}

/// Returns the standard deviation as the quartiles tell it, as a share of the median: `IQR / 1.35 / median`.
///
/// `None` without values or where the median is not above zero.
#[must_use]
pub fn relative_spread(values: &[f64]) -> Option<f64> {
    let median = median(values).filter(|median| median.is_finite() && *median > 0.0)?;
    Some(interquartile_range(values)? / 1.35 / median)
}

/// Returns the distance of the largest and smallest value as a share of the median.
#[must_use]
pub fn relative_range(values: &[f64]) -> Option<f64> {
    let sorted = sorted(values);
    let median = quantile(&sorted, 0.5).filter(|median| median.is_finite() && *median > 0.0)?;
    Some((sorted.last()? - sorted.first()?) / median)
}

/// An estimate and its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The best guess.
    pub value: f64,
    /// The lower bound; `None` where too few processes ran to know one.
    pub low: Option<f64>,
    /// The upper bound; `None` likewise.
    pub high: Option<f64>,
}

impl Estimate {
    /// Makes an estimate that repeats exactly, run after run.
    #[must_use]
    pub fn exact(value: f64) -> Self {
        Self { value, low: Some(value), high: Some(value) }
    }

    /// Makes an estimate of which no interval is known.
    #[must_use]
    pub fn bare(value: f64) -> Self {
        Self { value, low: None, high: None }
    }

    /// Returns the estimate in another unit.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        let scale = |bound: f64| bound * factor;
        Self { value: scale(self.value), low: self.low.map(scale), high: self.high.map(scale) }
    }

    /// Estimates the median of a few processes: the process is the unit of evidence, so the width comes from the
    /// spread between them, by Student's t. No interval below three processes.
    ///
    /// Costs spread by factors, and a machine that is busy makes them larger only, so the spread is that of their
    /// logarithms: a bound is never below zero, and lies as many times above the median as the other one below. Where a
    /// value is not above zero, it is the spread of the values themselves, and zero bounds it.
    #[must_use]
    pub fn of_processes(values: &[f64]) -> Option<Self> {
        let value = median(values)?;
        if values.len() < LEAST_PROCESSES {
            return Some(Self::bare(value));
        }
        let half = |values: &[f64]| {
            let deviation = interquartile_range(values)? / 1.35;
            Some(student_975(values.len() - 1) * 1.25 * deviation / (values.len() as f64).sqrt())
        };
        if values.iter().all(|value| *value > 0.0 && value.is_finite()) {
            let logs: Vec<f64> = values.iter().map(|value| value.ln()).collect();
            let factor = half(&logs)?.exp();
            return Some(Self { value, low: Some(value / factor), high: Some(value * factor) });
        }
        let half = half(values)?;
        Some(Self { value, low: Some((value - half).max(value.min(0.0))), high: Some(value + half) })
    }

    /// Returns the estimate with bounds that are at least so far from the value: what the measure itself can tell apart.
    /// A bound that is not known stays so, and none goes below zero.
    #[must_use]
    pub fn at_least(self, half: f64) -> Self {
        let low = self.low.map(|low| low.min(self.value - half).max(self.value.min(0.0)));
        Self { low, high: self.high.map(|high| high.max(self.value + half)), ..self }
    }
}

/// Returns the quantile 0.975 of Student's t.
pub(super) fn student_975(freedom: usize) -> f64 {
    const TABLE: [f64; 15] =
        [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131];
    match freedom.checked_sub(1).and_then(|at| TABLE.get(at)) {
        Some(t) => *t,
        // The first terms of the expansion around the normal quantile, right to 0.003 from 16 on.
        None => NORMAL_975 * (1.0 + (NORMAL_975 * NORMAL_975 + 1.0) / (4.0 * freedom.max(1) as f64)),
    }
}

/// How a cost grows with a size: `cost ~ size ^ exponent`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Growth {
    /// The exponent: 1 is linear.
    pub exponent: f64,
    /// How much of the variation of the logarithms it explains, 0 to 1; steps of a table make it smaller.
    pub explained: f64,
}

/// Fits the exponent of growth through `(size, cost)` by least squares of the logarithms: for sizes that lie close
/// together. Over several decades it hides what begins at the last size only, see [`marginal_exponent`].
///
/// Pairs that are not above zero are left out; `None` below two different sizes.
#[must_use]
pub fn fitted_growth(points: &[(f64, f64)]) -> Option<Growth> {
    let usable = |value: f64| value.is_finite() && value > 0.0;
    let logs: Vec<(f64, f64)> = points
        .iter()
        .filter(|(size, cost)| usable(*size) && usable(*cost))
        .map(|(size, cost)| (size.ln(), cost.ln()))
        .collect();
    let n = logs.len() as f64;
    let (sum_x, sum_y) = logs.iter().fold((0.0, 0.0), |(a, b), (x, y)| (a + x, b + y));
    let (mean_x, mean_y) = (sum_x / n, sum_y / n);
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for (x, y) in &logs {
        let (dx, dy) = (x - mean_x, y - mean_y);
        xx += dx * dx;
        xy += dx * dy;
        yy += dy * dy;
    }
    (xx > 0.0).then(|| Growth { exponent: xy / xx, explained: if yy > 0.0 { xy * xy / (xx * yy) } else { 1.0 } })
}

/// Returns the exponent of growth from what each step from one size to the next adds, by thing added: 1 and the slope
/// of the logarithm of that cost by the logarithm of the size in the middle of the step. 1 is linear.
///
/// A fit through the costs themselves looks at all sizes alike and takes what is quadratic from 1,000 to 10,000 for a
/// blemish; of what the last step adds it is eleven times as much as before. Tables that double move it by less than 0.1
/// over sizes ten times apart.
///
/// `points` are `(size, cost)` by ascending size. Steps that add nothing are left out; `None` with fewer than two others.
#[must_use]
pub fn marginal_exponent(points: &[(f64, f64)]) -> Option<f64> {
    let steps = points.windows(2).map(|pair| {
        let ((size, cost), (next_size, next_cost)) = (pair[0], pair[1]);
        ((size * next_size).sqrt(), (next_cost - cost) / (next_size - size))
    });
    let steps: Vec<(f64, f64)> = steps.collect();
    fitted_growth(&steps).map(|growth| 1.0 + growth.exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_interpolated() {
        let values = [5.0, 1.0, 4.0, 2.0, 3.0];
        assert_eq!(median(&values), Some(3.0));
        assert_eq!(low_decile(&values), Some(1.4));
        assert_eq!(interquartile_range(&values), Some(2.0));
        assert_eq!(median(&[]), None);
        assert_eq!(low_decile(&[7.0]), Some(7.0));
        assert_eq!(relative_spread(&[0.0, 0.0]), None);
        assert_eq!(relative_range(&[90.0, 100.0, 105.0]), Some(0.15));
    }

    #[test]
    fn an_interval_of_processes_needs_three() {
        assert_eq!(Estimate::of_processes(&[1.0, 2.0]), Some(Estimate::bare(1.5)));
        assert_eq!(Estimate::of_processes(&[4.0, 4.0, 4.0]), Some(Estimate::exact(4.0)));
        assert_eq!(Estimate::of_processes(&[]), None);
        let wide = Estimate::of_processes(&[90.0, 95.0, 100.0, 105.0, 110.0]).expect("five values");
        assert!(wide.low.is_some_and(|low| (80.0..95.0).contains(&low)), "{wide:?}");
    }

    #[test]
    fn an_interval_is_one_of_factors() {
        let logs = [50.0_f64, 90.0, 100.0, 150.0, 900.0];
        let Estimate { value, low, high } = Estimate::of_processes(&logs).expect("five values");
        let (low, high) = (low.expect("a bound"), high.expect("a bound"));
        assert_eq!(value, 100.0);
        // The quartiles of five are the second and the fourth: t is 2.776.
        let factor = (2.776 * 1.25 * (150.0_f64 / 90.0).ln() / 1.35 / 5.0_f64.sqrt()).exp();
        assert!((low - 100.0 / factor).abs() < 1e-9 && (high - 100.0 * factor).abs() < 1e-9, "{low} {high}");
        // By differences the lower bound of these would be far below zero.
        for values in [[1.0, 2.0, 100.0, 5_000.0, 9_000.0], [0.0, 0.0, 1.0, 90.0, 95.0]] {
            let estimate = Estimate::of_processes(&values).expect("five values");
            assert!(estimate.low.is_some_and(|low| low >= 0.0 && low < estimate.value), "{estimate:?}");
            assert!(estimate.high.is_some_and(|high| high > estimate.value), "{estimate:?}");
        }
        assert_eq!(Estimate::of_processes(&[0.0; 5]), Some(Estimate::exact(0.0)));
    }

    #[test]
    fn an_interval_is_as_wide_as_what_is_told_apart() {
        let same = Estimate::exact(40.0).at_least(5.0);
        assert_eq!((same.low, same.high), (Some(35.0), Some(45.0)));
        let wide = Estimate { value: 40.0, low: Some(20.0), high: Some(41.0) }.at_least(5.0);
        assert_eq!((wide.low, wide.high), (Some(20.0), Some(45.0)));
        assert_eq!(Estimate::exact(3.0).at_least(5.0).low, Some(0.0));
        assert_eq!(Estimate::bare(3.0).at_least(5.0), Estimate::bare(3.0));
    }

    #[test]
    fn growth_is_the_slope_of_the_logarithms() {
        let check = |points: &[(f64, f64)], expected: Option<f64>| {
            let found = fitted_growth(points).map(|growth| (growth.exponent * 1e6).round() / 1e6);
            assert_eq!(found, expected);
        };
        check(&[(1.0, 3.0), (2.0, 6.0), (4.0, 12.0), (8.0, 24.0)], Some(1.0));
        check(&[(1.0, 1.0), (2.0, 4.0), (4.0, 16.0)], Some(2.0));
        check(&[(1.0, 7.0), (2.0, 7.0)], Some(0.0));
        check(&[(1.0, 0.0), (2.0, 7.0)], None);
        check(&[(2.0, 1.0), (2.0, 7.0)], None);
        check(&[], None);
    }

    /// Returns what so many things hold, at the sizes of the report.
    fn held(of: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
        [10.0, 100.0, 1_000.0, 10_000.0].map(|size| (size, of(size))).to_vec()
    }

    #[test]
    fn growth_by_steps_sees_what_begins_at_the_last_size() {
        let exponent = |of: fn(f64) -> f64| marginal_exponent(&held(of)).expect("it grows");
        let linear = exponent(|size| 4_000.0 + 700.0 * size);
        assert!((linear - 1.0).abs() < 1e-9, "{linear}");
        // Linear to 1,000, and quadratic beyond: a fit through the bytes says less than 1.3.
        let late = |size: f64| 700.0 * size * (size / 1_000.0).max(1.0);
        assert!(exponent(late) > 1.5, "{}", exponent(late));
        // A square that is as much as the rest at 10,000 only.
        let little = |size: f64| 700.0 * size * (1.0 + size / 10_000.0);
        assert!(exponent(little) > 1.1, "{}", exponent(little));
        assert!(fitted_growth(&held(little)).is_some_and(|growth| growth.exponent < 1.1));
        assert!(exponent(|size| size * size) > 1.9);
        assert_eq!(marginal_exponent(&held(|_| 5.0)), None);
        assert_eq!(marginal_exponent(&[(1.0, 1.0), (2.0, 2.0)]), None);
    }

    #[test]
    fn tables_that_double_are_linear() {
        let doubled = |size: f64| size.log2().ceil().exp2();
        let list = |size: f64| 64.0 * doubled(size);
        // A hash table is never more than seven eighths full.
        let table = |size: f64| 72.0 * doubled(size * 8.0 / 7.0);
        for of in [&list as &dyn Fn(f64) -> f64, &table, &|size| list(size) + table(size), &|size| size + table(size)] {
            let exponent = marginal_exponent(&held(of)).expect("it grows");
            assert!(exponent < 1.1, "{exponent}");
        }
        let ones = [1.0, 10.0, 100.0, 1_000.0].map(|size| (size, table(size)));
        assert!(marginal_exponent(&ones).is_some_and(|exponent| exponent < 1.1), "{ones:?}");
        // What rules and alerts held when this was written.
        let rules = [(10.0, 59_630.0), (100.0, 291_523.0), (1_000.0, 2_274_425.0), (10_000.0, 22_205_043.0)];
        let alerts = [(1.0, 2_944.0), (10.0, 10_256.0), (100.0, 78_632.0), (1_000.0, 666_360.0)];
        for points in [rules, alerts] {
            let exponent = marginal_exponent(&points).expect("it grows");
            assert!((0.9..1.05).contains(&exponent), "{exponent}");
        }
    }
}
