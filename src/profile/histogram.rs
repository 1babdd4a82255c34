//! Latencies in buckets of three digits, and their text in a baseline: HDR V2, deflated, base64.

use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use thiserror::Error;

/// The longest latency that is distinguished. Unit: nanoseconds.
const HIGHEST_NS: u64 = 60_000_000_000;
/// Digits kept.
pub(crate) const DIGITS: u8 = 3;
/// The most that a histogram's text may inflate to: 216 KiB of counts of at most 9 bytes each, and some room.
const INFLATED_BYTES: u64 = 1 << 20;
/// The header of a V2 histogram: cookie, payload length, normalising offset, digits, lowest, highest, ratio.
const HEADER_BYTES: usize = 40;

/// Says why a text is no histogram.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct HistogramError(pub String);

/// Latencies of single calls. Unit: nanoseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Latencies(Histogram<u64>);

impl Latencies {
    /// Makes an empty histogram of 1 ns to 60 s with three digits; allocates all it will ever need.
    ///
    /// # Errors
    /// Never for these bounds; the crate's constructor can fail for others.
    pub fn new() -> Result<Self, HistogramError> {
        Histogram::new_with_bounds(1, HIGHEST_NS, DIGITS).map(Self).map_err(|error| HistogramError(error.to_string()))
    }

    /// Counts one latency; what is longer than 60 s counts as 60 s.
    pub fn record(&mut self, ns: u64) {
        self.0.saturating_record(ns);
    }

    /// Adds the counts of another process.
    ///
    /// # Errors
    /// When the other one reaches further than this one.
    pub fn add(&mut self, other: &Self) -> Result<(), HistogramError> {
        self.0.add(&other.0).map_err(|error| HistogramError(error.to_string()))
    }

    /// Returns how many latencies were counted.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// Returns whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the crate's histogram, for its iterators.
    #[must_use]
    pub fn counts(&self) -> &Histogram<u64> {
        &self.0
    }

    /// Returns a quantile; `None` where nothing was counted. Unit: nanoseconds.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<f64> {
        (!self.is_empty()).then(|| self.0.value_at_quantile(q) as f64)
    }

    /// Returns the histogram as base64 text.
    ///
    /// # Errors
    /// When the counts cannot be encoded.
    pub fn to_text(&self) -> Result<String, HistogramError> {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new()
            .serialize(&self.0, &mut bytes)
            .map_err(|error| HistogramError(format!("cannot write the histogram: {error}")))?;
        Ok(STANDARD.encode(bytes))
    }

    /// Reads base64 text; whatever it holds, at most a few megabytes are taken.
    ///
    /// # Errors
    /// When it is no base64, no deflated V2 histogram, or one that is larger than any that is written here.
    pub fn from_text(text: &str) -> Result<Self, HistogramError> {
        let wrong = |what: &str| HistogramError(what.to_owned());
        let bytes = STANDARD.decode(text).map_err(|error| HistogramError(format!("not base64: {error}")))?;
        let deflated = bytes.get(8..).ok_or_else(|| wrong("too short for a histogram"))?;
        let mut inflated = Vec::new();
        ZlibDecoder::new(deflated)
            .take(INFLATED_BYTES + 1)
            .read_to_end(&mut inflated)
            .map_err(|error| HistogramError(format!("not a deflated histogram: {error}")))?;
        // The reader reserves what the header asks for, so the header is looked at first.
        let word = |at: usize| {
            inflated
                .get(at..at + 4)
                .map(|bytes| bytes.iter().fold(0_usize, |word, byte| word << 8 | usize::from(*byte)))
        };
        let (Some(payload), Some(digits)) = (word(4), word(12)) else { return Err(wrong("too short for a histogram")) };
        if inflated.len() as u64 > INFLATED_BYTES || payload.saturating_add(HEADER_BYTES) != inflated.len() {
            return Err(wrong("the length of the histogram does not match its header"));
        }
        if digits > usize::from(DIGITS) {
            return Err(HistogramError(format!("a histogram with {digits} digits; at most {DIGITS} are supported")));
        }
        Deserializer::new()
            .deserialize(&mut inflated.as_slice())
            .map(Self)
            .map_err(|error| HistogramError(format!("not a V2 histogram: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(values: impl IntoIterator<Item = u64>) -> Latencies {
        let mut latencies = Latencies::new().expect("fixed bounds");
        values.into_iter().for_each(|ns| latencies.record(ns));
        latencies
    }

    #[test]
    fn the_text_reads_back() {
        let latencies = filled((1..=5_000).map(|at| at * 37));
        let text = latencies.to_text().expect("it fits");
        let again = Latencies::from_text(&text).expect("it was written here");
        assert_eq!(again.quantile(0.99), latencies.quantile(0.99));
        assert_eq!(again.to_text().expect("it fits"), text);
    }

    #[test]
    fn quantiles_are_those_of_the_counts() {
        assert_eq!(filled(1..=1_000).quantile(0.5), Some(500.0));
        assert_eq!(filled(1..=100).quantile(0.99), Some(99.0));
        assert_eq!(filled([]).quantile(0.5), None);
    }

    #[test]
    fn nonsense_is_told_and_takes_no_memory() {
        let check = |text: &str| Latencies::from_text(text).expect_err("nonsense");
        check("");
        check("no base64!");
        check("AAAA");
        check(&STANDARD.encode([0_u8; 64]));
        let mut text = filled([5]).to_text().expect("it fits");
        text.truncate(text.len() / 8 * 4);
        check(&text);
    }
}
