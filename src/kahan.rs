//! Running sums, means and spreads, in exactly the order of operations that Prometheus uses.

/// A compensated sum after Kahan and Neumaier: a rounded sum and what the roundings lost.
///
/// Source: promql.md 8.3; Prometheus' `kahansum.Inc`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Kahan {
    /// The sum as plain addition gives it.
    pub(crate) sum: f64,
    /// What is to be added to it.
    pub(crate) c: f64,
}

impl Kahan {
    /// Begins with a first value, as the aggregations do.
    pub(crate) fn starting(first: f64) -> Self {
        Self { sum: first, c: 0.0 }
    }

    /// Adds a value.
    #[inline]
    pub(crate) fn add(&mut self, x: f64) {
        let t = self.sum + x;
        if t.is_infinite() {
            self.c = 0.0;
        } else if self.sum.abs() >= x.abs() {
            self.c += (self.sum - t) + x;
        } else {
            self.c += (x - t) + self.sum;
        }
        self.sum = t;
    }

    /// Returns the sum with its compensation, which is zero once the sum is infinite.
    #[inline]
    pub(crate) fn total(self) -> f64 {
        self.sum + self.c
    }
}

/// A mean: a compensated sum until that would overflow, from then on a compensated running mean.
///
/// Source: promql.md 8.3; Prometheus' `avg` and `avg_over_time`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Mean {
    /// The sum, or the mean once `incremental`.
    value: Kahan,
    count: f64,
    incremental: bool,
}

impl Mean {
    /// Begins with a first value.
    pub(crate) fn starting(first: f64) -> Self {
        Self { value: Kahan::starting(first), count: 1.0, incremental: false }
    }

    /// Adds a value.
    #[inline]
    pub(crate) fn add(&mut self, x: f64) {
        let before = self.count;
        self.count += 1.0;
        if !self.incremental {
            let mut next = self.value;
            next.add(x);
            if !next.sum.is_infinite() {
                self.value = next;
                return;
            }
            self.incremental = true;
            self.value = Kahan { sum: self.value.sum / before, c: self.value.c / before };
        }
        let q = before / self.count;
        self.value = Kahan { sum: q * self.value.sum, c: q * self.value.c };
        self.value.add(x / self.count);
    }

    /// Returns the mean of what was added.
    #[inline]
    pub(crate) fn result(self) -> f64 {
        if self.incremental {
            return self.value.total();
        }
        self.value.sum / self.count + self.value.c / self.count
    }
}

/// The variance of a group, after Welford and without compensation: what the aggregations `stdvar` and `stddev` use.
///
/// Source: promql.md 8.3.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    mean: f64,
    squares: f64,
    count: f64,
}

impl Spread {
    /// Begins with a first value; one that is not finite makes everything NaN.
    pub(crate) fn starting(first: f64) -> Self {
        Self { mean: first, squares: if first.is_finite() { 0.0 } else { f64::NAN }, count: 1.0 }
    }

    /// Adds a value.
    #[inline]
    pub(crate) fn add(&mut self, x: f64) {
        self.count += 1.0;
        let delta = x - self.mean;
        self.mean += delta / self.count;
        self.squares += delta * (x - self.mean);
    }

    /// Returns the population variance.
    pub(crate) fn variance(self) -> f64 {
        self.squares / self.count
    }

    /// Returns the population standard deviation.
    pub(crate) fn deviation(self) -> f64 {
        self.variance().sqrt()
    }
}

/// The variance of a window, with compensated mean and squares: what `stdvar_over_time` and `stddev_over_time` use.
///
/// Source: promql.md 8.3.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Variance {
    /// The mean so far.
    pub(crate) mean: Kahan,
    /// The sum of squared distances from the mean so far.
    pub(crate) squares: Kahan,
    /// The number of values.
    pub(crate) count: f64,
}

impl Variance {
    /// Adds a value.
    #[inline]
    pub(crate) fn add(&mut self, x: f64) {
        self.count += 1.0;
        let delta = x - self.mean.total();
        self.mean.add(delta / self.count);
        self.squares.add(delta * (x - self.mean.total()));
    }

    /// Returns the population variance.
    #[inline]
    pub(crate) fn variance(self) -> f64 {
        self.squares.total() / self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(values: &[f64]) -> f64 {
        let mut sum = Kahan::default();
        values.iter().for_each(|x| sum.add(*x));
        sum.total()
    }

    fn mean(values: &[f64]) -> f64 {
        let mut mean = Mean::starting(values[0]);
        values[1..].iter().for_each(|x| mean.add(*x));
        mean.result()
    }

    #[test]
    fn small_values_survive_between_large_ones() {
        assert_eq!(sum(&[1.0, 1e100, 1.0, -1e100]), 2.0);
        assert_eq!(sum(&[0.1; 10]), 1.0);
        assert_eq!(sum(&[-0.0]).to_bits(), 0.0f64.to_bits());
    }

    #[test]
    fn infinite_sums_lose_their_compensation() {
        assert_eq!(sum(&[0.1, 0.2, f64::INFINITY, 1.0]), f64::INFINITY);
        assert!(sum(&[f64::INFINITY, f64::NEG_INFINITY]).is_nan());
        assert_eq!(sum(&[f64::MAX, f64::MAX]), f64::INFINITY);
    }

    #[test]
    fn a_mean_does_not_overflow() {
        assert_eq!(mean(&[f64::MAX, f64::MAX]), f64::MAX);
        assert_eq!(mean(&[f64::INFINITY, 1.0]), f64::INFINITY);
        assert_eq!(mean(&[1.0, 2.0, 4.0]), 7.0 / 3.0);
        assert!(mean(&[f64::INFINITY, f64::NEG_INFINITY]).is_nan());
    }

    #[test]
    fn spreads_are_of_the_population() {
        let mut spread = Spread::starting(2.0);
        [4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0].iter().for_each(|x| spread.add(*x));
        assert_eq!((spread.variance(), spread.deviation()), (4.0, 2.0));
        assert!(Spread::starting(f64::INFINITY).variance().is_nan());
        assert_eq!(Spread::starting(3.0).variance(), 0.0);
        let mut variance = Variance::default();
        [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0].iter().for_each(|x| variance.add(*x));
        assert_eq!(variance.variance(), 4.0);
    }
}
