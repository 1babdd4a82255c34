//! The functions of PromQL 3.14: names, types and what computes them.

use std::sync::LazyLock;

use crate::histogram::Histogram;
use crate::labels::{METRIC_NAME, Matcher};

use super::ast::Type::{self, Matrix, Scalar, String, Vector};
use super::ast::{Modifiers, Selector};
use super::dates::DateFn;
use super::maths::MathFn;
use super::rollup::RangeFn;

/// A function that an expression may call.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name, case-sensitive.
    pub name: &'static str,
    /// The types of its arguments, in order.
    pub args: &'static [Type],
    /// How the last type goes on: 0 exactly `args`; n > 0 the last may be left out or given up to n times; -1 any number.
    pub variadic: i8,
    /// What it evaluates to.
    pub returns: Type,
    /// Whether Prometheus 3.14 wants a feature flag for it.
    pub experimental: bool,
    /// What computes it.
    pub(crate) kernel: Kernel,
}

impl Function {
    /// Returns whether it gives nothing for a range with a single sample.
    #[must_use]
    pub fn needs_two_samples(&self) -> bool {
        matches!(self.name, "rate" | "irate" | "increase" | "delta" | "idelta" | "deriv" | "predict_linear")
    }
}

/// What computes a function: the node that a call becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kernel {
    /// Pointwise maths; without an argument, of the time.
    Maths(MathFn),
    /// A part of the date that a value is; without an argument, that the time is.
    Date(DateFn),
    /// A fold of the samples of a window.
    Range(RangeFn),
    AbsentOverTime,
    Absent,
    Time,
    Pi,
    /// The first step of the query.
    Start,
    /// The last one.
    End,
    /// The distance of its steps.
    Step,
    /// From the first one to the last one.
    QueryRange,
    /// The larger or the smaller of two scalars.
    Extreme {
        max: bool,
    },
    Scalar,
    Vector,
    Clamp,
    ClampMin,
    ClampMax,
    Round,
    Timestamp,
    StartTimestamp,
    Sort {
        descending: bool,
    },
    SortByLabel {
        descending: bool,
    },
    Info,
    LabelReplace,
    LabelJoin,
    /// A number that is read from a histogram.
    Histogram(HistogramFn),
    BucketQuantile,
    BucketQuantiles,
    BucketFraction,
}

/// What is read from a native histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum HistogramFn {
    Count,
    Sum,
    Avg,
    Stddev,
    Stdvar,
}

impl HistogramFn {
    /// Reads it.
    pub(crate) fn of(self, histogram: &Histogram) -> f64 {
        match self {
            Self::Count => histogram.count,
            Self::Sum => histogram.sum,
            Self::Avg => histogram.average(),
            Self::Stddev => histogram.deviation(),
            Self::Stdvar => histogram.variance(),
        }
    }

    /// Returns whether it needs no buckets.
    pub(crate) fn is_of_sums(self) -> bool {
        matches!(self, Self::Count | Self::Sum | Self::Avg)
    }
}

impl Kernel {
    /// Returns the name of the function that it computes. Cost: a walk over the table.
    pub(crate) fn name(self) -> &'static str {
        FUNCTIONS.iter().find(|function| function.kernel == self).map_or("", |function| function.name)
    }
}

const fn function(name: &'static str, args: &'static [Type], variadic: i8, returns: Type, kernel: Kernel) -> Function {
    Function { name, args, variadic, returns, experimental: false, kernel }
}

const fn experimental(
    name: &'static str,
    args: &'static [Type],
    variadic: i8,
    returns: Type,
    kernel: Kernel,
) -> Function {
    Function { experimental: true, ..function(name, args, variadic, returns, kernel) }
}

/// All functions, by name.
///
/// Source: the table of Prometheus 3.14's parser.
pub static FUNCTIONS: &[Function] = &[
    function("abs", &[Vector], 0, Vector, Kernel::Maths(MathFn::Abs)),
    function("absent", &[Vector], 0, Vector, Kernel::Absent),
    function("absent_over_time", &[Matrix], 0, Vector, Kernel::AbsentOverTime),
    function("acos", &[Vector], 0, Vector, Kernel::Maths(MathFn::Acos)),
    function("acosh", &[Vector], 0, Vector, Kernel::Maths(MathFn::Acosh)),
    function("asin", &[Vector], 0, Vector, Kernel::Maths(MathFn::Asin)),
    function("asinh", &[Vector], 0, Vector, Kernel::Maths(MathFn::Asinh)),
    function("atan", &[Vector], 0, Vector, Kernel::Maths(MathFn::Atan)),
    function("atanh", &[Vector], 0, Vector, Kernel::Maths(MathFn::Atanh)),
    function("avg_over_time", &[Matrix], 0, Vector, Kernel::Range(RangeFn::AvgOverTime)),
    function("ceil", &[Vector], 0, Vector, Kernel::Maths(MathFn::Ceil)),
    function("changes", &[Matrix], 0, Vector, Kernel::Range(RangeFn::Changes)),
    function("clamp", &[Vector, Scalar, Scalar], 0, Vector, Kernel::Clamp),
    function("clamp_max", &[Vector, Scalar], 0, Vector, Kernel::ClampMax),
    function("clamp_min", &[Vector, Scalar], 0, Vector, Kernel::ClampMin),
    function("cos", &[Vector], 0, Vector, Kernel::Maths(MathFn::Cos)),
    function("cosh", &[Vector], 0, Vector, Kernel::Maths(MathFn::Cosh)),
    function("count_over_time", &[Matrix], 0, Vector, Kernel::Range(RangeFn::CountOverTime)),
    function("day_of_month", &[Vector], 1, Vector, Kernel::Date(DateFn::DayOfMonth)),
    function("day_of_week", &[Vector], 1, Vector, Kernel::Date(DateFn::DayOfWeek)),
    function("day_of_year", &[Vector], 1, Vector, Kernel::Date(DateFn::DayOfYear)),
    function("days_in_month", &[Vector], 1, Vector, Kernel::Date(DateFn::DaysInMonth)),
    function("deg", &[Vector], 0, Vector, Kernel::Maths(MathFn::Deg)),
    function("delta", &[Matrix], 0, Vector, Kernel::Range(RangeFn::Delta)),
    function("deriv", &[Matrix], 0, Vector, Kernel::Range(RangeFn::Deriv)),
    experimental(
        "double_exponential_smoothing",
        &[Matrix, Scalar, Scalar],
        0,
        Vector,
        Kernel::Range(RangeFn::DoubleExponentialSmoothing),
    ),
    experimental("end", &[], 0, Scalar, Kernel::End),
    function("exp", &[Vector], 0, Vector, Kernel::Maths(MathFn::Exp)),
    function("first_over_time", &[Matrix], 0, Vector, Kernel::Range(RangeFn::FirstOverTime)),
    function("floor", &[Vector], 0, Vector, Kernel::Maths(MathFn::Floor)),
    function("histogram_avg", &[Vector], 0, Vector, Kernel::Histogram(HistogramFn::Avg)),
    function("histogram_count", &[Vector], 0, Vector, Kernel::Histogram(HistogramFn::Count)),
    function("histogram_fraction", &[Scalar, Scalar, Vector], 0, Vector, Kernel::BucketFraction),
    function("histogram_quantile", &[Scalar, Vector], 0, Vector, Kernel::BucketQuantile),
    experimental("histogram_quantiles", &[Vector, String, Scalar, Scalar], 9, Vector, Kernel::BucketQuantiles),
    function("histogram_stddev", &[Vector], 0, Vector, Kernel::Histogram(HistogramFn::Stddev)),
    function("histogram_stdvar", &[Vector], 0, Vector, Kernel::Histogram(HistogramFn::Stdvar)),
    function("histogram_sum", &[Vector], 0, Vector, Kernel::Histogram(HistogramFn::Sum)),
    function("hour", &[Vector], 1, Vector, Kernel::Date(DateFn::Hour)),
    function("idelta", &[Matrix], 0, Vector, Kernel::Range(RangeFn::Idelta)),
    function("increase", &[Matrix], 0, Vector, Kernel::Range(RangeFn::Increase)),
    experimental("info", &[Vector, Vector], 1, Vector, Kernel::Info),
    function("irate", &[Matrix], 0, Vector, Kernel::Range(RangeFn::Irate)),
    function("label_join", &[Vector, String, String, String], -1, Vector, Kernel::LabelJoin),
    function("label_replace", &[Vector, String, String, String, String], 0, Vector, Kernel::LabelReplace),
    function("last_over_time", &[Matrix], 0, Vector, Kernel::Range(RangeFn::LastOverTime)),
    function("ln", &[Vector], 0, Vector, Kernel::Maths(MathFn::Ln)),
    function("log10", &[Vector], 0, Vector, Kernel::Maths(MathFn::Log10)),
    function("log2", &[Vector], 0, Vector, Kernel::Maths(MathFn::Log2)),
    experimental("mad_over_time", &[Matrix], 0, Vector, Kernel::Range(RangeFn::MadOverTime)),
    experimental("max_of", &[Scalar, Scalar], 0, Scalar, Kernel::Extreme { max: true }),
    function("max_over_time", &[Matrix], 0, Vector, Kernel::Range(RangeFn::MaxOverTime)),
    experimental("min_of", &[Scalar, Scalar], 0, Scalar, Kernel::Extreme { max: false }),
    function("min_over_time", &[Matrix], 0, Vector, Kernel::Range(RangeFn::MinOverTime)),
    function("minute", &[Vector], 1, Vector, Kernel::Date(DateFn::Minute)),
    function("month", &[Vector], 1, Vector, Kernel::Date(DateFn::Month)),
    function("pi", &[], 0, Scalar, Kernel::Pi),
    function("predict_linear", &[Matrix, Scalar], 0, Vector, Kernel::Range(RangeFn::PredictLinear)),
    function("present_over_time", &[Matrix], 0, Vector, Kernel::Range(RangeFn::PresentOverTime)),
    function("quantile_over_time", &[Scalar, Matrix], 0, Vector, Kernel::Range(RangeFn::QuantileOverTime)),
    function("rad", &[Vector], 0, Vector, Kernel::Maths(MathFn::Rad)),
    experimental("range", &[], 0, Scalar, Kernel::QueryRange),
    function("rate", &[Matrix], 0, Vector, Kernel::Range(RangeFn::Rate)),
    function("resets", &[Matrix], 0, Vector, Kernel::Range(RangeFn::Resets)),
    function("round", &[Vector, Scalar], 1, Vector, Kernel::Round),
    function("scalar", &[Vector], 0, Scalar, Kernel::Scalar),
    function("sgn", &[Vector], 0, Vector, Kernel::Maths(MathFn::Sgn)),
    function("sin", &[Vector], 0, Vector, Kernel::Maths(MathFn::Sin)),
    function("sinh", &[Vector], 0, Vector, Kernel::Maths(MathFn::Sinh)),
    function("sort", &[Vector], 0, Vector, Kernel::Sort { descending: false }),
    experimental("sort_by_label", &[Vector, String], -1, Vector, Kernel::SortByLabel { descending: false }),
    experimental("sort_by_label_desc", &[Vector, String], -1, Vector, Kernel::SortByLabel { descending: true }),
    function("sort_desc", &[Vector], 0, Vector, Kernel::Sort { descending: true }),
    function("sqrt", &[Vector], 0, Vector, Kernel::Maths(MathFn::Sqrt)),
    experimental("start", &[], 0, Scalar, Kernel::Start),
    experimental("start_timestamp", &[Vector], 0, Vector, Kernel::StartTimestamp),
    function("stddev_over_time", &[Matrix], 0, Vector, Kernel::Range(RangeFn::StddevOverTime)),
    function("stdvar_over_time", &[Matrix], 0, Vector, Kernel::Range(RangeFn::StdvarOverTime)),
    experimental("step", &[], 0, Scalar, Kernel::Step),
    function("sum_over_time", &[Matrix], 0, Vector, Kernel::Range(RangeFn::SumOverTime)),
    function("tan", &[Vector], 0, Vector, Kernel::Maths(MathFn::Tan)),
    function("tanh", &[Vector], 0, Vector, Kernel::Maths(MathFn::Tanh)),
    function("time", &[], 0, Scalar, Kernel::Time),
    function("timestamp", &[Vector], 0, Vector, Kernel::Timestamp),
    experimental("ts_of_first_over_time", &[Matrix], 0, Vector, Kernel::Range(RangeFn::TsOfFirst)),
    experimental("ts_of_last_over_time", &[Matrix], 0, Vector, Kernel::Range(RangeFn::TsOfLast)),
    experimental("ts_of_max_over_time", &[Matrix], 0, Vector, Kernel::Range(RangeFn::TsOfMax)),
    experimental("ts_of_min_over_time", &[Matrix], 0, Vector, Kernel::Range(RangeFn::TsOfMin)),
    function("vector", &[Scalar], 0, Vector, Kernel::Vector),
    function("year", &[Vector], 1, Vector, Kernel::Date(DateFn::Year)),
];

/// The name of the infos that `info` takes where nothing else is said.
pub(crate) const TARGET_INFO_NAME: &str = "target_info";

/// What `info` selects where nothing else is said.
pub(super) static TARGET_INFO: LazyLock<Selector> = LazyLock::new(|| Selector {
    name: None,
    matchers: vec![Matcher::equal(METRIC_NAME, TARGET_INFO_NAME)],
    modifiers: Modifiers::default(),
});

/// Finds a function by its name. Cost: a binary search.
#[must_use]
pub fn function_named(name: &str) -> Option<&'static Function> {
    FUNCTIONS.binary_search_by(|function| function.name.cmp(name)).ok().map(|at| &FUNCTIONS[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_found() {
        assert!(FUNCTIONS.is_sorted_by(|a, b| a.name < b.name));
        assert!(FUNCTIONS.iter().all(|function| function_named(function.name) == Some(function)));
        assert_eq!(function_named("Rate"), None);
    }

    #[test]
    fn a_kernel_computes_one_function() {
        for function in FUNCTIONS {
            assert_eq!(function.kernel.name(), function.name);
        }
    }
}
