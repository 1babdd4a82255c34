//! Histograms as Prometheus prints them.

use std::fmt::{self, Display, Formatter};

use super::Histogram;
use crate::format::go::shortest;

/// Formats as `{count:4, sum:5, [-2,-1):2, [-0.001,0.001]:1, (0.5,1]:1}`, the populated buckets from the lowest to the
/// highest.
///
/// Source: histograms.md 3.8; Prometheus' `FloatHistogram.String`.
impl Display for Histogram {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let write = |f: &mut Formatter<'_>, (open, lower, upper, close): (char, f64, f64, char), n: f64| {
            write!(f, ", {open}{},{}{close}:{}", shortest(lower), shortest(upper), shortest(n))
        };
        write!(f, "{{count:{}, sum:{}", shortest(self.count), shortest(self.sum))?;
        for (index, n) in self.negative.populated().rev() {
            write(f, ('[', -self.upper(index), -self.lower(index), ')'), n)?;
        }
        if self.zero_count != 0.0 {
            write(f, ('[', -self.zero_threshold, self.zero_threshold, ']'), self.zero_count)?;
        }
        for (index, n) in self.positive.populated() {
            let open = if self.is_custom() && index == 0 { '[' } else { '(' };
            write(f, (open, self.lower(index), self.upper(index), ']'), n)?;
        }
        f.write_str("}")
    }
}
