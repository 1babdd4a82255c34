//! Random recordings and expressions, the same for the same seed. Expressions are texts, so that one that fails can be
//! read and run again.

use std::collections::BTreeMap;

use alertctl::labels::LabelSet;
use alertctl::store::stale_marker;

use super::{Series, Starts, Stored};

/// A small generator of random numbers.
///
/// Source: splitmix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number from 0 to below `n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).expect("it is below n")
    }

    /// Returns true once in `n` times.
    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// Returns one of some texts.
    pub(crate) fn pick<'a>(&mut self, among: &[&'a str]) -> &'a str {
        among[self.below(among.len())]
    }

    /// Returns a number from 0 to below 1.
    pub(super) fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// How long recordings are. Unit: milliseconds.
pub(crate) const SPAN: i64 = 20 * 60_000;

/// Makes a recording: two gauges with equal labels, a counter, a histogram, a series of its own and one that is rare.
pub(crate) fn recording(random: &mut Random) -> Vec<Series> {
    let mut out = Vec::new();
    for metric in ["temp", "load"] {
        for host in ["a", "b", "c"] {
            for zone in ["n", "s"] {
                if !random.one_in(5) {
                    let labels = LabelSet::new([("__name__", metric), ("host", host), ("zone", zone)]);
                    out.push((labels, samples(random, gauge)));
                }
            }
        }
    }
    for host in ["a", "b"] {
        for code in ["200", "500"] {
            let labels = LabelSet::new([("__name__", "req_total"), ("host", host), ("code", code)]);
            out.push((labels, samples(random, counter)));
        }
        for le in ["0.1", "1.0", "5.0", "+Inf"] {
            let labels = LabelSet::new([("__name__", "took_bucket"), ("host", host), ("le", le)]);
            out.push((labels, samples(random, counter)));
        }
        let labels = LabelSet::new([("__name__", "owner"), ("host", host), ("team", random.pick(&["red", "blue"]))]);
        out.push((labels, samples(random, |_, _| 1.0)));
    }
    for (instance, owner) in [("1", "red"), ("2", "blue"), ("1", "green")] {
        let metric = random.pick(&["target_info", "build_info"]);
        let labels = [("__name__", metric), ("instance", instance), ("job", "j"), ("owner", owner)];
        out.push((LabelSet::new(labels), samples(random, |_, _| 1.0)));
        let labels = [("__name__", "ready"), ("instance", instance), ("job", random.pick(&["j", ""])), ("owner", "")];
        out.push((LabelSet::new(labels), samples(random, gauge)));
    }
    out.push((LabelSet::new([("__name__", "alone")]), samples(random, gauge)));
    let mut met = std::collections::BTreeSet::new();
    out.retain(|(labels, points)| !points.is_empty() && met.insert(labels.clone()));
    out
}

/// Makes the samples of a series: on a grid or off it, with gaps, a birth, an end with or without a marker.
pub(super) fn samples(random: &mut Random, mut value: impl FnMut(&mut Random, f64) -> f64) -> Vec<(i64, f64)> {
    let every = [15_000, 30_000, 60_000][random.below(3)];
    let shift = if random.one_in(3) { random.below(15_000) as i64 } else { 0 };
    let jitter = random.one_in(4);
    let birth = if random.one_in(4) { random.below(15 * 60_000) as i64 } else { 0 };
    let end = if random.one_in(4) { random.below(SPAN as usize) as i64 } else { SPAN };
    let mut points = BTreeMap::new();
    let mut last = 0.0;
    let mut silent = 0;
    for at in (0..).map(|at| at * every + shift).take_while(|at| *at <= end).skip_while(|at| *at < birth) {
        let at = if jitter { at + random.below(2_000) as i64 } else { at };
        if silent > 0 {
            silent -= 1;
            continue;
        }
        if random.one_in(40) {
            silent = random.below(12);
            if random.one_in(2) {
                points.insert(at, stale_marker());
                continue;
            }
        }
        last = value(random, last);
        points.insert(at, last);
    }
    if end < SPAN && random.one_in(2) {
        points.insert(end + every, stale_marker());
    }
    points.into_iter().collect()
}

pub(super) fn gauge(random: &mut Random, last: f64) -> f64 {
    match random.below(60) {
        0 => f64::NAN,
        1 => f64::INFINITY,
        2 => f64::NEG_INFINITY,
        3 => -0.0,
        4 => 1e16,
        5 => -1e16,
        6..20 => random.below(5) as f64,
        20..30 if last.is_finite() => last,
        _ => (random.fraction() * 200.0 - 50.0).round() / 10.0,
    }
}

fn counter(random: &mut Random, last: f64) -> f64 {
    match random.below(40) {
        0 => 0.0,
        1 => random.below(20) as f64,
        2 => last + random.fraction(),
        _ => last + random.below(7) as f64,
    }
}

/// Makes an expression that gives an instant vector, nested at most so deep.
pub(crate) fn vector(random: &mut Random, depth: usize) -> String {
    if depth == 0 {
        return selector(random);
    }
    let inner = depth - 1;
    match random.below(24) {
        0..4 => selector(random),
        4..9 => window_call(random, inner),
        9..13 => aggregation(random, inner),
        13..15 => with_number(random, inner),
        15..19 => two_vectors(random, inner),
        19 => format!("-{}", operand(random, inner)),
        20 => format!("vector({})", scalar(random, inner)),
        21 if random.one_in(3) => info(random, inner),
        21 => relabelled(random, inner),
        22 if random.one_in(3) => {
            let buckets = buckets(random, inner);
            format!(
                "histogram_quantiles({buckets}, \"{}\", {}, {})",
                random.pick(&["q", "host"]),
                quantile(random),
                quantile(random)
            )
        }
        22 if random.one_in(3) => {
            format!("histogram_fraction({}, {}, {})", number(random), number(random), buckets(random, inner))
        }
        22 => format!("histogram_quantile({}, {})", quantile(random), buckets(random, inner)),
        _ => sample_call(random, inner),
    }
}

/// Makes an expression that gives a number, nested at most so deep.
pub(crate) fn scalar(random: &mut Random, depth: usize) -> String {
    if depth == 0 {
        return number(random);
    }
    let inner = depth - 1;
    match random.below(10) {
        0..4 => number(random),
        4 => "time()".to_owned(),
        5 => format!("scalar({})", vector(random, inner)),
        6 => format!("-({})", scalar(random, inner)),
        7 => {
            let op = random.pick(&["+", "-", "*", "/", "%", "< bool", "== bool"]);
            format!("({} {op} {})", scalar(random, inner), scalar(random, inner))
        }
        8 => format!("min_of({}, {})", scalar(random, inner), scalar(random, inner)),
        _ => format!("max_of({}, {})", scalar(random, inner), scalar(random, inner)),
    }
}

pub(super) fn number(random: &mut Random) -> String {
    random.pick(&["0", "1", "2", "0.5", "-3", "10", "1e16", "Inf", "NaN", "60"]).to_owned()
}

pub(super) fn quantile(random: &mut Random) -> &'static str {
    random.pick(&["0.5", "0.9", "0", "1", "0.25", "-1", "1.5", "NaN"])
}

fn range(random: &mut Random) -> &'static str {
    random.pick(&["1m", "2m", "5m", "45s", "61s", "10m", "15s"])
}

fn modifiers(random: &mut Random) -> String {
    let offset = if random.one_in(6) { random.pick(&[" offset 1m", " offset 37s", " offset -1m"]) } else { "" };
    let at = if random.one_in(10) { random.pick(&[" @ 300", " @ 601.5", " @ start()", " @ end()"]) } else { "" };
    format!("{offset}{at}")
}

fn matched(random: &mut Random) -> String {
    let metric =
        random.pick(&["temp", "load", "temp", "load", "req_total", "took_bucket", "owner", "ready", "alone", "nobody"]);
    if random.one_in(10) {
        return random
            .pick(&["{__name__=~\"temp|load\"}", "{host=\"a\"}", "{__name__!=\"temp\", zone=\"n\"}", "{zone=~\".+\"}"])
            .to_owned();
    }
    let matchers = match random.below(6) {
        0 => "{host=\"a\"}",
        1 => "{host!=\"a\"}",
        2 => "{host=~\"a|b\"}",
        3 => "{zone!~\"n.*\"}",
        _ => "",
    };
    format!("{metric}{matchers}")
}

fn selector(random: &mut Random) -> String {
    let smoothed = if random.one_in(8) { " smoothed" } else { "" };
    format!("{}{smoothed}{}", matched(random), modifiers(random))
}

fn matrix(random: &mut Random, depth: usize) -> String {
    if depth > 0 && random.one_in(3) {
        let step = random.pick(&["", "30s", "1m", "17s"]);
        return format!("({})[{}:{step}]{}", vector(random, depth - 1), range(random), modifiers(random));
    }
    format!("{}[{}]{}", matched(random), range(random), modifiers(random))
}

fn window_call(random: &mut Random, depth: usize) -> String {
    if random.one_in(7) {
        let (name, edges) = (random.pick(&["rate", "increase", "delta"]), random.pick(&["anchored", "smoothed"]));
        return format!("{name}({}[{}] {edges}{})", matched(random), range(random), modifiers(random));
    }
    if random.one_in(16) {
        let name = random.pick(&["resets", "changes"]);
        return format!("{name}({}[{}] anchored{})", matched(random), range(random), modifiers(random));
    }
    let matrix = matrix(random, depth);
    match random.below(12) {
        0 => format!("quantile_over_time({}, {matrix})", quantile(random)),
        1 => format!("predict_linear({matrix}, {})", random.pick(&["60", "-60", "3600"])),
        2 => {
            let factor = random.pick(&["0.3", "0.3", "(time() % 7 + 1) / 8", "time() % 7 / 7"]);
            format!("double_exponential_smoothing({matrix}, {factor}, 0.6)")
        }
        3..6 => format!("{}({matrix})", random.pick(&["rate", "increase", "delta", "irate", "idelta"])),
        _ => {
            let name = random.pick(&[
                "avg_over_time",
                "sum_over_time",
                "min_over_time",
                "max_over_time",
                "count_over_time",
                "present_over_time",
                "absent_over_time",
                "first_over_time",
                "last_over_time",
                "stddev_over_time",
                "stdvar_over_time",
                "mad_over_time",
                "ts_of_min_over_time",
                "ts_of_max_over_time",
                "ts_of_first_over_time",
                "ts_of_last_over_time",
                "changes",
                "resets",
                "deriv",
            ]);
            format!("{name}({matrix})")
        }
    }
}

/// Makes an expression in which start timestamps count.
pub(crate) fn started(random: &mut Random) -> String {
    let count = match random.below(8) {
        0 => return format!("start_timestamp({})", selector(random)),
        1 => format!("resets({}[{}] anchored{})", matched(random), range(random), modifiers(random)),
        _ => {
            let name = random.pick(&["rate", "increase", "irate", "resets"]);
            format!("{name}({}[{}]{})", matched(random), range(random), modifiers(random))
        }
    };
    if random.one_in(4) { format!("sum({count})") } else { count }
}

/// Makes start timestamps of samples: most of them of a count from the start on, or from the sample before on, some within
/// the window of a step, and some that are wrong.
pub(crate) fn starts(random: &mut Random, data: &[Stored]) -> Starts {
    let mut starts = Starts::new();
    for (labels, points) in data {
        if random.one_in(4) {
            continue;
        }
        let (mut began, mut before) = (points.first().map_or(0, |(at, _)| at - 30_000), 0);
        let of = starts.entry(labels.clone()).or_default();
        let is_delta = random.one_in(3);
        for (at, _) in points {
            if random.one_in(6) {
                began = before + random.below(90_000) as i64 - 10_000;
            }
            let start = if is_delta { before } else { began };
            if !random.one_in(8) && start != 0 {
                of.insert(*at, start);
            }
            before = *at;
        }
    }
    starts
}

pub(super) fn grouping(random: &mut Random) -> &'static str {
    random.pick(&[
        "",
        " by (host)",
        " by (zone)",
        " by (host, zone)",
        " without (host)",
        " without (zone, le)",
        " by (__name__)",
    ])
}

fn aggregation(random: &mut Random, depth: usize) -> String {
    let by = grouping(random);
    let inner = vector(random, depth);
    match random.below(14) {
        0 => format!("topk{by} ({}, {inner})", random.pick(&["1", "2", "5", "0.5", "-Inf", "time() % 3 + 1"])),
        1 => format!("bottomk{by} ({}, {inner})", random.pick(&["1", "3"])),
        2 => {
            let q = quantile(random);
            format!("quantile{by} ({}, {inner})", random.pick(&[q, q, "time() % 7 / 7"]))
        }
        3 => format!("count_values{by} (\"{}\", {inner})", random.pick(&["v", "v", "zone", "host", "__name__"])),
        4 => format!("limitk{by} ({}, {inner})", random.pick(&["1", "2", "time() % 3"])),
        5 => {
            format!("limit_ratio{by} ({}, {inner})", random.pick(&["0.5", "-0.5", "0.1", "time() % 7 / 7"]))
        }
        _ => {
            let op = random.pick(&["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar", "sum"]);
            format!("{op}{by} ({inner})")
        }
    }
}

/// Puts an operand in parentheses, so that what is generated is what is read.
fn operand(random: &mut Random, depth: usize) -> String {
    format!("({})", vector(random, depth))
}

fn comparison(random: &mut Random) -> String {
    let op = random.pick(&["==", "!=", "<", "<=", ">", ">="]);
    format!("{op}{}", random.pick(&["", "", " bool"]))
}

fn with_number(random: &mut Random, depth: usize) -> String {
    let op = if random.one_in(2) { comparison(random) } else { random.pick(&["+", "-", "*", "/", "%"]).to_owned() };
    let (vector, number) = (operand(random, depth), scalar(random, 1));
    if random.one_in(2) { format!("{vector} {op} ({number})") } else { format!("({number}) {op} {vector}") }
}

fn two_vectors(random: &mut Random, depth: usize) -> String {
    let (lhs, rhs) = (operand(random, depth), operand(random, depth));
    let labels =
        random.pick(&["on (host)", "on (host, zone)", "ignoring (team)", "on ()", "ignoring (code, le)", "on (zone)"]);
    if random.one_in(2) {
        let matching = if random.one_in(2) { labels } else { "" };
        return format!("{lhs} {} {matching} {rhs}", random.pick(&["and", "or", "unless"]));
    }
    let op = if random.one_in(2) { comparison(random) } else { random.pick(&["+", "-", "*", "/"]).to_owned() };
    let matching = match random.below(4) {
        0 => String::new(),
        1 => labels.to_owned(),
        2 => format!("{labels} group_left ({})", random.pick(&["", "team", "zone"])),
        _ => format!("{labels} group_right ({})", random.pick(&["", "team"])),
    };
    // A label may not be both matched on and copied.
    let matching = if matching.starts_with("on") && matching.contains("(host, zone) group") {
        matching.replace("(zone)", "()")
    } else if matching.starts_with("on (zone)") {
        matching.replace("left (zone)", "left ()")
    } else {
        matching
    };
    let fill = match random.below(9) {
        0 => "fill (0)",
        1 => "fill_left (-1)",
        2 => "fill_right (NaN)",
        3 => "fill_right (2) fill_left (0.5)",
        _ => "",
    };
    format!("{lhs} {op} {matching} {fill} {rhs}")
}

fn relabelled(random: &mut Random, depth: usize) -> String {
    let inner = vector(random, depth);
    match random.below(5) {
        0 => format!("label_replace({inner}, \"zone\", \"$1\", \"host\", \"(a|b)\")"),
        1 => format!("label_replace({inner}, \"host\", \"\", \"host\", \".*\")"),
        2 => format!("label_replace({inner}, \"__name__\", \"new_$1\", \"host\", \"(.*)\")"),
        3 => format!("label_join({inner}, \"where\", \"-\", \"host\", \"zone\")"),
        _ => format!("sort_by_label({inner}, \"zone\", \"host\")"),
    }
}

fn info(random: &mut Random, depth: usize) -> String {
    let base = if random.one_in(2) { format!("ready{}", modifiers(random)) } else { vector(random, depth) };
    let matchers = random.pick(&[
        "",
        ", {owner=\"red\"}",
        ", {owner=~\".*\"}",
        ", {__name__!=\"build_info\"}",
        ", {__name__=~\".*_info\"}",
    ]);
    format!("info({base}{matchers})")
}

fn buckets(random: &mut Random, depth: usize) -> String {
    match random.below(4) {
        0 => "took_bucket".to_owned(),
        1 => "sum by (le) (took_bucket)".to_owned(),
        2 => "rate(took_bucket[5m])".to_owned(),
        _ => vector(random, depth),
    }
}

fn sample_call(random: &mut Random, depth: usize) -> String {
    let inner = vector(random, depth);
    match random.below(8) {
        0 => format!("clamp({inner}, {}, {})", number(random), number(random)),
        1 => format!("clamp_min({inner}, {})", scalar(random, 1)),
        2 => format!("round({inner}, {})", random.pick(&["1", "0.3", "10"])),
        3 => format!("absent({inner})"),
        4 => format!("timestamp({inner})"),
        5 => format!("sort({inner})"),
        _ => {
            let name =
                random.pick(&["abs", "ceil", "floor", "sgn", "sqrt", "minute", "hour", "day_of_year", "deg", "asinh"]);
            format!("{name}({inner})")
        }
    }
}
