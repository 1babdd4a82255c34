//! The stale marker: the NaN that ends a series.

/// The bits of the NaN that marks the end of a series.
///
/// Source: Prometheus' `value.StaleNaN`.
pub const STALE_BITS: u64 = 0x7ff0_0000_0000_0002;

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
