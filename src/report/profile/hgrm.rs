//! `--format hgrm`: the latencies of single evaluations by percentile, as the plotters of HdrHistogram read them.
//!
//! Source: `outputPercentileDistribution` of HdrHistogram's Java library, which made the format.

use std::io::{self, Write};

use crate::profile::histogram::{DIGITS, Latencies};

/// How many lines there are for each halving of the distance to 100 %.
const TICKS: u32 = 5;

/// Writes a histogram as a table of percentiles. Unit of the values: nanoseconds.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, latencies: &Latencies) -> io::Result<()> {
    writeln!(out, "{:>12} {:>14} {:>10} {:>14}\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)")?;
    let counts = latencies.counts();
    let digits = usize::from(DIGITS);
    let mut total = 0;
    for step in counts.iter_quantiles(TICKS) {
        total += step.count_since_last_iteration();
        let (value, percentile) = (step.value_iterated_to() as f64, step.quantile_iterated_to());
        write!(out, "{value:12.digits$} {percentile:2.12} {total:10}")?;
        // 100 % has no last column.
        if percentile < 1.0 {
            write!(out, " {:14.2}", 1.0 / (1.0 - percentile))?;
        }
        writeln!(out)?;
    }
    let (mean, deviation) = (counts.mean(), counts.stdev());
    writeln!(out, "#[Mean    = {mean:12.digits$}, StdDeviation   = {deviation:12.digits$}]")?;
    writeln!(out, "#[Max     = {:12.digits$}, Total count    = {:12}]", counts.max() as f64, counts.len())?;
    // A bucket holds twice as many values as the digits tell apart, up to the next power of two.
    let sub_buckets = (2 * 10_u64.pow(u32::from(DIGITS))).next_power_of_two();
    writeln!(out, "#[Buckets = {:12}, SubBuckets     = {sub_buckets:12}]", counts.buckets())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_that_of_hdr_histogram() {
        let mut latencies = Latencies::new().expect("fixed bounds");
        (1..=10).for_each(|at| latencies.record(at * 100));
        let mut out = Vec::new();
        write(&mut out, &latencies).expect("a vector takes all");
        insta::assert_snapshot!(String::from_utf8_lossy(&out), @"
               Value     Percentile TotalCount 1/(1-Percentile)

             100.000 0.000000000000          1           1.00
             100.000 0.100000000000          1           1.11
             200.000 0.200000000000          2           1.25
             400.000 0.300000000000          4           1.43
             400.000 0.400000000000          4           1.67
             500.000 0.500000000000          5           2.00
             600.000 0.550000000000          6           2.22
             700.000 0.600000000000          7           2.50
             700.000 0.650000000000          7           2.86
             800.000 0.700000000000          8           3.33
             800.000 0.750000000000          8           4.00
             800.000 0.775000000000          8           4.44
             900.000 0.800000000000          9           5.00
             900.000 0.825000000000          9           5.71
             900.000 0.850000000000          9           6.67
             900.000 0.875000000000          9           8.00
             900.000 0.887500000000          9           8.89
            1000.000 0.900000000000         10          10.00
            1000.000 1.000000000000         10
        #[Mean    =      550.000, StdDeviation   =      287.228]
        #[Max     =     1000.000, Total count    =           10]
        #[Buckets =           26, SubBuckets     =         2048]
        ");
    }
}
