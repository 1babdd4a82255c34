//! The NaNs that are no numbers: the stale marker, which ends a series, and what stands for a native histogram.

/// The bits of the NaN that marks the end of a series.
///
/// Source: Prometheus' `value.StaleNaN`.
pub const STALE_BITS: u64 = 0x7ff0_0000_0000_0002;

/// The upper 16 bits of the NaNs that stand for histograms; the others are a number.
const HISTOGRAM: u64 = 0x7ffd;

/// Returns whether a value is the stale marker; every other NaN is data.
#[must_use]
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_BITS
}

/// Returns the stale marker.
#[must_use]
pub fn stale_marker() -> f64 {
    f64::from_bits(STALE_BITS)
}

/// Returns the value that stands for a histogram in a column of floats: its number among those that are held with the
/// column.
pub(crate) fn histogram_at(number: usize) -> f64 {
    f64::from_bits(HISTOGRAM << 48 | number as u64)
}

/// Returns the number of the histogram that a value stands for, if it does.
#[inline]
pub(crate) fn histogram_number(value: f64) -> Option<usize> {
    let bits = value.to_bits();
    (bits >> 48 == HISTOGRAM).then_some((bits & 0xffff_ffff_ffff) as usize)
}

/// Returns a value as data: a NaN that would stand for a histogram becomes another one.
#[inline]
pub(crate) fn plain(value: f64) -> f64 {
    if value.to_bits() >> 48 == HISTOGRAM { f64::NAN } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_never_stands_for_a_histogram() {
        assert_eq!(histogram_number(histogram_at(7)), Some(7));
        for value in [1.0, f64::NAN, stale_marker(), f64::from_bits(u64::MAX), -f64::INFINITY] {
            assert_eq!((histogram_number(value), plain(value).to_bits()), (None, value.to_bits()));
        }
        assert!(histogram_number(plain(histogram_at(7))).is_none());
    }
}
