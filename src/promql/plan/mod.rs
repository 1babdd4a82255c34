//! From an expression to a flat program: nodes in topological order, common subtrees once.

mod families;
mod invariant;
mod known;
mod places;

use std::sync::Arc;

use crate::labels::{LabelSet, METRIC_NAME, Matcher};
use crate::source::Span;
use crate::time::{Millis, Timestamp};

use super::ast::{AggregateOp, BinaryOp, Edges, Side};
use super::dates::DateFn;
use super::functions::HistogramFn;
use super::maths::MathFn;
use super::rollup::RangeFn;
use super::walk::Walk;

pub(crate) use self::families::Folded;
use self::known::Known;
pub(crate) use self::known::{Number, Pattern};
pub(crate) use self::places::{Places, WHOLE};

/// Where an expression is evaluated: what `start()`, `end()`, `step()` and `range()` mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Context {
    /// In a rule or an instant query: start and end are the step itself, step and range are 0.
    Rule,
    /// In a range query.
    Range {
        /// Its first step.
        start: Timestamp,
        /// Its end.
        end: Timestamp,
        /// The distance of its steps.
        step: Millis,
    },
}

impl Context {
    /// Returns whether all steps, those of subqueries too, are of one evaluation.
    pub(crate) fn is_range(self) -> bool {
        self != Self::Rule
    }
}

/// How expressions are lowered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LowerOptions {
    /// How far an instant selector looks back.
    pub(crate) lookback: Millis,
    /// The step of a subquery that gives none.
    pub(crate) subquery_step: Millis,
    /// Whether metric names are dropped only at the end (a feature flag of Prometheus; off by default there).
    pub(crate) delayed_names: bool,
    /// Whether functions of counters look at start timestamps (a feature flag of Prometheus; off by default there).
    pub(crate) start_timestamps: bool,
    /// Where the expression is evaluated.
    pub(crate) context: Context,
    /// Whether selectors may match series that rules write: then nothing is evaluated once for all steps.
    pub(crate) reads_written: bool,
}

/// The number of a node in its program.
pub(crate) type NodeId = usize;

/// The number of a root in its program, in the order they were added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RootId(pub(crate) usize);

/// A scalar that a node takes: a number, or a scalar node (one row). Numbers are equal as [`Number`] says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operand {
    Const(f64),
    Node(NodeId),
}

/// What an instant or range selector selects.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Select {
    pub(crate) matchers: Vec<Matcher>,
    /// Subtracted from the step, or from `at`.
    pub(crate) offset: Millis,
    /// What stands in place of the step.
    pub(crate) at: Option<Fixed>,
    /// By how much less than usual an instant selector looks back.
    pub(crate) short: Millis,
    /// Whether it is `anchored`, of a range, or `smoothed`.
    pub(crate) edges: Option<Edges>,
    /// Whether of histograms only counts and sums are read: then it is worked out whether each follows a reset.
    pub(crate) stats: bool,
}

/// What an expression and those around it need of the histograms that a selector gives.
///
/// Source: Prometheus' `detectHistogramStatsDecoding`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Needed {
    /// Nothing is said.
    #[default]
    Any,
    /// Counts and sums alone.
    Sums,
    /// Buckets too, whatever is further in: so below a subquery.
    Buckets,
}

impl Needed {
    /// Returns what a function of counts and sums needs within this.
    pub(crate) fn sums(self) -> Self {
        if self == Self::Buckets { self } else { Self::Sums }
    }
}

/// What an instant selector takes of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Take {
    Value,
    /// Its time, in seconds.
    Time,
    /// Its start timestamp, in seconds; 0 where it is not known.
    Start,
}

/// What `@` puts in place of the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fixed {
    /// A time.
    Time(Timestamp),
    /// The time of the query: in a subquery of a rule, the step that the subquery belongs to.
    Query,
}

/// Where the samples of a window come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum WindowInput {
    Selector(Select),
    /// The number of an inner program of this program, its step and the modifiers of the subquery.
    Subquery {
        inner: usize,
        step: Millis,
        offset: Millis,
        at: Option<Fixed>,
    },
}

/// One elementwise operation on a vector.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Elementwise {
    Maths(MathFn),
    Date(DateFn),
    Clamp(Operand, Operand),
    ClampMin(Operand),
    ClampMax(Operand),
    Round(Operand),
    /// Arithmetic with a scalar; `swap`: the scalar is the left operand.
    Arithmetic {
        op: BinaryOp,
        scalar: Operand,
        swap: bool,
    },
    /// Comparison with a scalar.
    Compare {
        op: BinaryOp,
        scalar: Operand,
        swap: bool,
        return_bool: bool,
    },
    /// A number that is read from a histogram; nothing of floats.
    Histogram(HistogramFn),
    /// The evaluation time, for `timestamp()` of anything but a selector.
    EvalTime,
    /// Unchanged values, of which only the name goes.
    Same,
    /// Nothing of any value, for `start_timestamp()` of anything but a selector.
    Nothing,
}

/// What is computed of the buckets of a classic histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum BucketFn {
    /// The value below which a share of the observations is.
    Quantile(Operand),
    /// The share of the observations between two values.
    Fraction(Operand, Operand),
}

impl BucketFn {
    /// Returns the scalars it takes.
    pub(crate) fn operands(self) -> [Option<Operand>; 2] {
        match self {
            Self::Quantile(q) => [Some(q), None],
            Self::Fraction(lower, upper) => [Some(lower), Some(upper)],
        }
    }
}

/// How labels are rewritten.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Relabel {
    Replace { destination: String, replacement: String, source: String, pattern: Pattern },
    Join { destination: String, separator: String, sources: Vec<String> },
}

/// Which labels make a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct KeyLabels {
    /// Whether the labels are the only ones (`on`, `by`), or the ones that do not count.
    pub(crate) only: bool,
    /// Sorted.
    pub(crate) labels: Vec<String>,
}

impl KeyLabels {
    /// Returns the key of a label set: the metric name counts only where it is listed by `only`.
    pub(crate) fn key(&self, labels: &LabelSet) -> LabelSet {
        labels.filter(|name| self.keeps(name))
    }

    /// Returns whether a label is part of keys.
    pub(crate) fn keeps(&self, name: &str) -> bool {
        let listed = self.labels.binary_search_by(|label| label.as_str().cmp(name)).is_ok();
        if self.only { listed } else { !listed && name != METRIC_NAME }
    }
}

/// An operator between two vectors that computes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct VectorBinary {
    pub(crate) op: BinaryOp,
    pub(crate) return_bool: bool,
    pub(crate) key: KeyLabels,
    /// The side that may have many series a key; left without `group_left` and `group_right`.
    pub(crate) many: Side,
    /// Labels copied from the one side; `None` for one to one.
    pub(crate) include: Option<Vec<String>>,
    pub(crate) many_node: NodeId,
    pub(crate) one_node: NodeId,
}

/// What stands for a side of a pair that is missing, where anything does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Fill {
    pub(crate) many: Option<Number>,
    pub(crate) one: Option<Number>,
}

/// How `info` finds the labels that it adds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct InfoJoin {
    /// What the names of series satisfy that are infos, and so get no labels themselves.
    pub(crate) names: Vec<Matcher>,
    /// The labels that are added; all, if it is empty.
    pub(crate) labels: Vec<String>,
    /// Whether a series without an info is dropped.
    pub(crate) required: bool,
    /// Whether infos were asked for by a selector.
    pub(crate) asked: bool,
}

/// What a vector is sorted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SortBy {
    Value { descending: bool },
    Labels { names: Vec<String>, descending: bool },
}

/// The kinds of node. Rows, unless said otherwise, are those of the input.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// A number, as one row.
    Const(Number),
    /// Seconds since the epoch of the step, as one row.
    Time,
    /// Seconds since the epoch of the time of the query, as one row.
    QueryTime,
    /// An instant selector, and what it takes of each sample.
    Select {
        select: Select,
        take: Take,
    },
    /// A function over a range of samples.
    Window {
        input: WindowInput,
        function: RangeFn,
        range: Millis,
        params: [Operand; 2],
    },
    Map {
        op: Elementwise,
        input: NodeId,
    },
    /// Arithmetic or comparison of two scalars.
    ScalarBinary {
        op: BinaryOp,
        lhs: Operand,
        rhs: Operand,
    },
    /// `min_of` and `max_of`.
    Extreme {
        max: bool,
        lhs: Operand,
        rhs: Operand,
    },
    VectorBinary(VectorBinary),
    /// The same with `fill`, `fill_left` or `fill_right`.
    FilledBinary {
        binary: VectorBinary,
        fill: Fill,
    },
    /// `and`, `or`, `unless`.
    Set {
        op: BinaryOp,
        key: KeyLabels,
        lhs: NodeId,
        rhs: NodeId,
    },
    /// Rows are groups.
    Aggregate {
        op: AggregateOp,
        param: Operand,
        key: KeyLabels,
        input: NodeId,
    },
    /// Rows are groups and values.
    CountValues {
        /// The one that has the value; none where the grouping drops it.
        label: Option<String>,
        key: KeyLabels,
        input: NodeId,
    },
    /// `topk` and `bottomk`.
    TopK {
        bottom: bool,
        k: Operand,
        key: KeyLabels,
        input: NodeId,
    },
    /// `limitk` and `limit_ratio`: how many of each group, or which share of all.
    Limit {
        ratio: bool,
        wanted: Operand,
        key: KeyLabels,
        input: NodeId,
    },
    /// One row where the input has none.
    Absent {
        labels: LabelSet,
        input: NodeId,
    },
    /// The only sample of the input, or NaN.
    Scalar(NodeId),
    /// A scalar as a vector without labels.
    Vector(Operand),
    Relabel {
        relabel: Relabel,
        input: NodeId,
    },
    /// The samples of one node with labels of another, whose values are when they were taken. Rows are found as they come.
    Info {
        join: InfoJoin,
        base: NodeId,
        infos: NodeId,
        /// Their values, which are to be floats.
        values: NodeId,
    },
    /// The same values in another order.
    Sort {
        by: SortBy,
        input: NodeId,
    },
    /// Rows are groups of buckets.
    Buckets {
        function: BucketFn,
        input: NodeId,
    },
    /// Rows are groups of buckets and quantiles, which a label tells.
    Quantiles {
        label: String,
        quantiles: Vec<Operand>,
        input: NodeId,
    },
}

/// One node of a program.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    /// The part that it was made of first, in the text of that expression.
    pub(crate) span: Span,
    /// Whether it has the same value at every step: evaluated once, at one step.
    pub(crate) invariant: bool,
    /// Where it keeps what; known once the plan is bound.
    pub(crate) place: Place,
}

/// Where a node keeps what, the same in all programs of a plan.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    /// The block it writes to.
    pub(crate) register: u32,
    /// The state that has its rows.
    pub(crate) state: u32,
    /// Whether that state is another node's: a filter has the rows of its input.
    pub(crate) shares: bool,
    /// Its number among the vectors that roots compare; known from the start.
    pub(crate) compared: Option<u32>,
    /// The family of windows that it belongs to, if there is one.
    pub(crate) family: Option<u32>,
}

impl Node {
    /// Returns the node whose rows are this one's, if it only drops samples.
    pub(super) fn filtered(&self) -> Option<NodeId> {
        match &self.kind {
            Kind::Map { op: Elementwise::Compare { return_bool: false, .. }, input } if !self.invariant => Some(*input),
            _ => None,
        }
    }
}

/// An expression of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PlannedRoot {
    pub(crate) node: NodeId,
    pub(crate) scalar: bool,
    /// The number of the vector that it compares, if that was named.
    pub(crate) compared: Option<u32>,
}

/// A program without its run-time state.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) options: LowerOptions,
    pub(crate) nodes: Vec<Node>,
    pub(crate) roots: Vec<PlannedRoot>,
    /// The vectors that roots compare, each once.
    pub(crate) compared: Vec<NodeId>,
    /// Those of subqueries, until it is bound.
    pub(crate) inner: Vec<Arc<Plan>>,
    /// Where each of these stands in the text that it was planned of.
    pub(crate) inner_spans: Vec<Span>,
    /// What the families of windows fold; known once it is bound.
    pub(crate) families: Vec<Folded>,
    /// How many blocks its nodes share; known once it is bound.
    pub(crate) registers: u32,
    /// How it is gone through one step at a time; known once it is bound.
    pub(crate) walk: Walk,
    /// The part that is being lowered.
    pub(super) span: Span,
    /// What is needed of the histograms that are being lowered.
    pub(super) needed: Needed,
    /// Where in the text of each root stands what its nodes may tell of.
    pub(crate) places: Places,
    known: Known,
}

impl Plan {
    pub(crate) fn new(options: LowerOptions) -> Self {
        Self {
            options,
            nodes: Vec::new(),
            roots: Vec::new(),
            compared: Vec::new(),
            inner: Vec::new(),
            inner_spans: Vec::new(),
            families: Vec::new(),
            registers: 0,
            walk: Walk::default(),
            span: Span::default(),
            needed: Needed::default(),
            places: Places::default(),
            known: Known::default(),
        }
    }

    /// Gives back the memory that is needed only while nodes are added.
    pub(super) fn seal(&mut self) {
        self.known = Known::default();
        self.nodes.shrink_to_fit();
        self.roots.shrink_to_fit();
        self.compared.shrink_to_fit();
        self.places.seal();
    }
}
