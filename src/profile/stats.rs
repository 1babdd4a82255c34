//! Order statistics, robust spread and growth: what a verdict rests on.
//!
//! Nothing here takes a mean of times: one preemption moves a mean by percent and the low decile not at all.

/// The confidence of all intervals.
pub const CONFIDENCE: f64 = 0.95;
/// Up to here the binomial sum is worked out; beyond, the normal curve differs by less than a rank in a thousand.
const EXACT_RANKS: u64 = 1 << 20;
/// The quantile 0.975 of the normal distribution.
const NORMAL_975: f64 = 1.959_963_985;

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

/// The ranks, from 1, of the samples that bound a quantile; absent where there are too few samples for the bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ranks {
    /// The rank of the lower bound.
    pub low: Option<u64>,
    /// The rank of the upper bound.
    pub high: Option<u64>,
}

/// Returns the ranks of a two-sided 95 % interval of a quantile among `n` independent samples.
///
/// The number of samples at or below the true quantile is binomial, whatever the distribution. A finite upper bound
/// needs 6 samples for the median, 72 for 0.95, 368 for 0.99 and 3,688 for 0.999.
/// Cost: O(n).
#[must_use]
pub fn quantile_ranks(n: u64, q: f64) -> Ranks {
    if n == 0 || !(q > 0.0 && q < 1.0) {
        return Ranks::default();
    }
    let tail = (1.0 - CONFIDENCE) / 2.0;
    if n > EXACT_RANKS {
        let (centre, half) = (n as f64 * q, NORMAL_975 * (n as f64 * q * (1.0 - q)).sqrt());
        let (low, high) = ((centre - half).floor(), (centre + half).ceil() + 1.0);
        return Ranks { low: (low >= 1.0).then_some(low as u64), high: (high <= n as f64).then_some(high as u64) };
    }
    let odds = (q / (1.0 - q)).ln();
    let mut ln_mass = n as f64 * (-q).ln_1p();
    let mut below = 0.0;
    let mut ranks = Ranks::default();
    for k in 0..n {
        below += ln_mass.exp();
        // `below` is P(X <= k): the sample of rank k + 1 bounds from below while it is small, from above once the
        // rest is.
        if below <= tail {
            ranks.low = Some(k + 1);
        }
        if 1.0 - below <= tail {
            ranks.high = Some(k + 1);
            break;
        }
        ln_mass += ((n - k) as f64 / (k + 1) as f64).ln() + odds;
    }
    ranks
}

/// An estimate and its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The best guess.
    pub value: f64,
    /// The lower bound; `None` where too few samples were taken to know one.
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

    /// Estimates a quantile from samples, with the interval of the order statistics.
    #[must_use]
    pub fn of_quantile(values: &[f64], q: f64) -> Option<Self> {
        let sorted = sorted(values);
        let ranks = quantile_ranks(sorted.len() as u64, q);
        let at = |rank: Option<u64>| rank.and_then(|rank| sorted.get(rank as usize - 1).copied());
        Some(Self { value: quantile(&sorted, q)?, low: at(ranks.low), high: at(ranks.high) })
    }

    /// Estimates the median of a few processes: the process is the unit of evidence, so the width comes from the
    /// spread between them, by Student's t. No interval below three processes.
    #[must_use]
    pub fn of_processes(values: &[f64]) -> Option<Self> {
        let value = median(values)?;
        if values.len() < 3 {
            return Some(Self::bare(value));
        }
        let deviation = interquartile_range(values)? / 1.35;
        let half = student_975(values.len() - 1) * 1.25 * deviation / (values.len() as f64).sqrt();
        Some(Self { value, low: Some(value - half), high: Some(value + half) })
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

/// Fits the exponent of growth through `(size, cost)` by least squares of the logarithms.
///
/// Pairs that are not above zero are left out; `None` below two different sizes.
#[must_use]
pub fn growth(points: &[(f64, f64)]) -> Option<Growth> {
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
    fn ranks_are_those_of_the_tables() {
        let check = |n, q, low, high| assert_eq!(quantile_ranks(n, q), Ranks { low, high }, "n {n} q {q}");
        check(5, 0.5, None, None);
        check(6, 0.5, Some(1), Some(6));
        check(10, 0.5, Some(2), Some(9));
        check(100, 0.5, Some(40), Some(61));
        check(0, 0.5, None, None);
        check(10, 1.0, None, None);
        assert_eq!(quantile_ranks(367, 0.99).high, None);
        assert_eq!(quantile_ranks(368, 0.99).high, Some(368));
        assert_eq!(quantile_ranks(3_687, 0.999).high, None);
        assert_eq!(quantile_ranks(3_688, 0.999).high, Some(3_688));
    }

    #[test]
    fn many_samples_go_over_to_the_normal_curve_without_a_jump() {
        let exact = quantile_ranks(EXACT_RANKS, 0.99);
        let normal = quantile_ranks(EXACT_RANKS + 1, 0.99);
        for (a, b) in [(exact.low, normal.low), (exact.high, normal.high)] {
            assert!(a.zip(b).is_some_and(|(a, b)| a.abs_diff(b) <= 3), "{exact:?} {normal:?}");
        }
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
    fn growth_is_the_slope_of_the_logarithms() {
        let check = |points: &[(f64, f64)], expected: Option<f64>| {
            let found = growth(points).map(|growth| (growth.exponent * 1e6).round() / 1e6);
            assert_eq!(found, expected);
        };
        check(&[(1.0, 3.0), (2.0, 6.0), (4.0, 12.0), (8.0, 24.0)], Some(1.0));
        check(&[(1.0, 1.0), (2.0, 4.0), (4.0, 16.0)], Some(2.0));
        check(&[(1.0, 7.0), (2.0, 7.0)], Some(0.0));
        check(&[(1.0, 0.0), (2.0, 7.0)], None);
        check(&[(2.0, 1.0), (2.0, 7.0)], None);
        check(&[], None);
    }
}
