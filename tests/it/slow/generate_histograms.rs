//! Random recordings and expressions with native histograms.

use alertctl::histogram::{Buckets, CUSTOM_SCHEMA, Hint, Histogram};
use alertctl::labels::LabelSet;
use alertctl::store::is_stale;

use super::generate::{self, Random, gauge, grouping, number, quantile, samples};
use super::{SampleValue, Stored, stored};

/// Makes a recording: the floats of [`generate::recording`], native histograms, and series of both.
pub(crate) fn recording(random: &mut Random) -> Vec<Stored> {
    let mut out = stored(&generate::recording(random));
    for metric in ["lat", "mix"] {
        for host in ["a", "b", "c"] {
            for zone in ["n", "s"] {
                if random.one_in(5) {
                    continue;
                }
                let labels = LabelSet::new([("__name__", metric), ("host", host), ("zone", zone)]);
                let floats = if metric == "mix" { 1 + random.below(8) } else { usize::MAX };
                out.push((labels, series(random, floats)));
            }
        }
    }
    out.retain(|(_, points)| !points.is_empty());
    out
}

/// Makes the samples of a series, of which one in so many is a float.
fn series(random: &mut Random, floats: usize) -> Vec<(i64, SampleValue)> {
    let points = samples(random, gauge);
    let mut course = Course::new(random);
    let value = |(at, value): (i64, f64)| {
        let is_float = is_stale(value) || floats != usize::MAX && random.one_in(floats);
        (at, if is_float { value.into() } else { course.next(random).into() })
    };
    points.into_iter().map(value).collect()
}

/// A histogram as it goes on from sample to sample.
struct Course {
    now: Histogram,
    gauge: bool,
    first: i32,
    counts: [f64; 4],
    below: [f64; 2],
}

impl Course {
    fn new(random: &mut Random) -> Self {
        let mut course =
            Self { now: Histogram::default(), gauge: random.one_in(4), first: 0, counts: [0.0; 4], below: [0.0; 2] };
        course.lay_out(random);
        course
    }

    /// Chooses the buckets anew.
    fn lay_out(&mut self, random: &mut Random) {
        let schema = [0, 0, 1, 2, -1, CUSTOM_SCHEMA, CUSTOM_SCHEMA][random.below(7)];
        let bounds: &[f64] = [[0.1, 1.0, 5.0].as_slice(), &[0.1, 1.0, 2.0, 5.0], &[1.0, 5.0]][random.below(3)];
        let is_custom = schema == CUSTOM_SCHEMA;
        self.now.schema = schema;
        self.now.bounds = is_custom.then(|| bounds.into());
        self.now.zero_threshold = if is_custom { 0.0 } else { [0.0, 0.001, 0.5, 2.0][random.below(4)] };
        self.now.zero_count = 0.0;
        self.first = if is_custom { 0 } else { random.below(4) as i32 - 1 };
        self.counts = [0.0; 4];
        self.below = [0.0; 2];
    }

    fn next(&mut self, random: &mut Random) -> Histogram {
        match random.below(40) {
            0 => self.lay_out(random),
            1 | 2 => {
                self.counts = [0.0; 4];
                self.below = [0.0; 2];
                self.now.zero_count = 0.0;
            }
            _ => {}
        }
        let shift = if self.gauge { 1.0 } else { 0.0 };
        let mut step = |value: f64| (value + random.below(4) as f64 - shift).max(0.0);
        let is_custom = self.now.is_custom();
        // The first bounds that there are have two buckets and what is above.
        let buckets = if is_custom { 3 } else { 4 };
        self.counts.iter_mut().take(buckets).for_each(|count| *count = step(*count));
        if !is_custom {
            self.below.iter_mut().for_each(|count| *count = step(*count));
            self.now.zero_count = step(self.now.zero_count);
        }
        let mut made = self.now.clone();
        made.positive = Buckets::run(self.first, &self.counts[..buckets]).expect("few buckets");
        made.negative = if is_custom { Buckets::default() } else { Buckets::run(0, &self.below).expect("few buckets") };
        made.count = self.counts[..buckets].iter().sum::<f64>() + made.zero_count;
        made.count += if is_custom { 0.0 } else { self.below.iter().sum() };
        made.sum = made.count * 0.7;
        if random.one_in(40) {
            (made.count, made.sum) = (made.count + 1.0, f64::NAN);
        }
        made.hint = match random.below(30) {
            _ if self.gauge => Hint::Gauge,
            0 => Hint::Reset,
            1 => Hint::NotReset,
            _ => Hint::Unknown,
        };
        made
    }
}

/// Lets an expression or rule file read histograms in place of floats.
pub(crate) fn renamed(random: &mut Random, text: &str) -> String {
    let text = text.replace("temp", "lat");
    if random.one_in(2) { text.replace("load", "mix") } else { text }
}

/// Makes an expression that gives an instant vector, nested about so deep.
pub(crate) fn vector(random: &mut Random, depth: usize) -> String {
    let inner = depth.saturating_sub(1);
    match random.below(16) {
        0 => {
            let name = random.pick(&[
                "histogram_count",
                "histogram_sum",
                "histogram_avg",
                "histogram_stddev",
                "histogram_stdvar",
            ]);
            format!("{name}({})", histograms(random, inner))
        }
        1 => format!("histogram_quantile({}, {})", quantile(random), histograms(random, inner)),
        2 => format!("histogram_fraction({}, {}, {})", number(random), number(random), histograms(random, inner)),
        3 => format!(
            "histogram_quantiles({}, \"q\", {}, {})",
            histograms(random, inner),
            quantile(random),
            quantile(random)
        ),
        4 => {
            let op = random.pick(&["</", ">/"]);
            format!("({}) {op} {}", histograms(random, inner), random.pick(&["1", "0", "-1", "0.3", "Inf", "NaN"]))
        }
        5 => {
            let op = random.pick(&["+", "-", "==", "!=", "and", "or", "unless"]);
            format!("({}) {op} ({})", histograms(random, inner), histograms(random, inner))
        }
        6 => format!("({}) {} {}", histograms(random, inner), random.pick(&["*", "/", "+", "> bool"]), number(random)),
        7..10 => histograms(random, depth),
        _ => {
            let text = generate::vector(random, depth);
            renamed(random, &text)
        }
    }
}

/// Makes an expression that mostly gives histograms.
fn histograms(random: &mut Random, depth: usize) -> String {
    let metric = random.pick(&["lat", "lat", "mix", "lat{host=\"a\"}"]);
    match random.below(9) {
        0 => metric.to_owned(),
        1 => format!("{metric} smoothed"),
        2 => {
            let name = random.pick(&["rate", "increase", "delta", "rate", "irate", "idelta"]);
            format!("{name}({metric}[{}])", random.pick(&["2m", "5m", "45s"]))
        }
        3 => {
            let edges = random.pick(&["anchored", "smoothed"]);
            format!("{}({metric}[3m] {edges})", random.pick(&["rate", "increase", "delta"]))
        }
        4 => {
            let name = random.pick(&["avg_over_time", "sum_over_time", "last_over_time", "first_over_time"]);
            format!("{name}({metric}[{}])", random.pick(&["2m", "5m", "3m:40s"]))
        }
        5 => {
            let op = random.pick(&["sum", "avg", "sum", "limitk"]);
            let parameter = if op == "limitk" { "2, " } else { "" };
            format!("{op}{} ({parameter}{})", grouping(random), histograms(random, depth.saturating_sub(1)))
        }
        6 => format!("-({})", histograms(random, depth.saturating_sub(1))),
        _ if depth > 0 => vector(random, depth - 1),
        _ => metric.to_owned(),
    }
}
