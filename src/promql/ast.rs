//! The syntax tree of PromQL 3.14, with a span on every node.

use crate::labels::{Matcher, named_metric};
use crate::source::Span;
use crate::time::{Millis, Timestamp};

use super::functions::{Function, TARGET_INFO};

/// What an expression evaluates to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// One number at each step.
    Scalar,
    /// Any number of series with one value each at each step: an instant vector.
    Vector,
    /// Any number of series with many samples each: a range vector.
    Matrix,
    /// A text.
    String,
}

impl Type {
    /// Returns the words that messages use.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Vector => "instant vector",
            Self::Matrix => "range vector",
            Self::String => "string",
        }
    }
}

/// An expression and where it stands in its text.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands: modifiers, brackets and parentheses included.
    pub span: Span,
}

/// The kinds of expression.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// A number; `duration` when it was written as one (`5m` is 300).
    Number {
        /// Its value.
        value: f64,
        /// Whether it prints as a duration.
        duration: bool,
    },
    /// A text.
    String(String),
    /// An expression in parentheses.
    Paren(Box<Expr>),
    /// `+x` or `-x`.
    Unary {
        /// The sign.
        op: UnaryOp,
        /// What it stands before.
        expr: Box<Expr>,
    },
    /// Two operands and what stands between them.
    Binary(Box<Binary>),
    /// An instant vector selector.
    Selector(Selector),
    /// `selector[range]`: offset and `@` are on the selector.
    Range {
        /// What is selected.
        selector: Selector,
        /// Where the selector stands, without the brackets.
        selector_span: Span,
        /// How far back.
        range: DurationExpr,
    },
    /// `expr[range:step]`.
    Subquery(Box<Subquery>),
    /// A function call.
    Call {
        /// What is called.
        function: &'static Function,
        /// Where its name stands.
        name: Span,
        /// What it is given.
        args: Vec<Expr>,
    },
    /// An aggregation over label sets.
    Aggregate(Box<Aggregate>),
    /// Stands where the text could not be read; `parse` never returns it without a problem.
    Invalid,
}

/// The signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnaryOp {
    /// `+`
    Plus,
    /// `-`
    Minus,
}

impl UnaryOp {
    /// Returns the sign as it is written.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Plus => "+",
            Self::Minus => "-",
        }
    }
}

/// `lhs op rhs` with its modifiers.
#[derive(Clone, Debug, PartialEq)]
pub struct Binary {
    /// The operator.
    pub op: BinaryOp,
    /// Where the operator stands.
    pub op_span: Span,
    /// The left operand.
    pub lhs: Expr,
    /// The right operand.
    pub rhs: Expr,
    /// Whether a comparison gives 0 or 1 instead of filtering.
    pub return_bool: bool,
    /// How series are paired; `None` when nothing was written (all labels but the name, one to one).
    pub matching: Option<Matching>,
}

/// The binary operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is its symbol")]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Atan2,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    And,
    Or,
    Unless,
    /// `</`, trims native histograms.
    TrimUpper,
    /// `>/`, trims native histograms.
    TrimLower,
}

impl BinaryOp {
    /// Returns the operator as it is written.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Mod => "%",
            Self::Pow => "^",
            Self::Atan2 => "atan2",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::And => "and",
            Self::Or => "or",
            Self::Unless => "unless",
            Self::TrimUpper => "</",
            Self::TrimLower => ">/",
        }
    }

    /// Returns whether it is `== != < <= > >=`.
    #[must_use]
    pub fn is_comparison(self) -> bool {
        matches!(self, Self::Equal | Self::NotEqual | Self::Less | Self::LessEqual | Self::Greater | Self::GreaterEqual)
    }

    /// Returns whether it is `</` or `>/`.
    #[must_use]
    pub fn is_trim(self) -> bool {
        matches!(self, Self::TrimUpper | Self::TrimLower)
    }

    /// Returns whether it is `and`, `or` or `unless`.
    #[must_use]
    pub fn is_set(self) -> bool {
        matches!(self, Self::And | Self::Or | Self::Unless)
    }
}

/// How the series of two vectors find each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matching {
    /// Whether `labels` are the only ones that count (`on`) or the ones that do not (`ignoring`).
    pub on: bool,
    /// The labels, as written.
    pub labels: Vec<String>,
    /// `group_left` or `group_right` and the labels that are copied.
    pub group: Option<Group>,
    /// `fill_left(n)`, or `fill(n)`.
    pub fill_left: Option<f64>,
    /// `fill_right(n)`, or `fill(n)`.
    pub fill_right: Option<f64>,
}

/// `group_left (..)` or `group_right (..)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Which operand may have many series for one key.
    pub many: Side,
    /// The labels that are copied from the other side.
    pub include: Vec<String>,
}

/// One of two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The left one.
    Left,
    /// The right one.
    Right,
}

/// An instant vector selector with its modifiers.
#[derive(Clone, Debug, PartialEq)]
pub struct Selector {
    /// The metric name as it was written outside the braces; also among the matchers.
    pub name: Option<String>,
    /// All conditions, the name's (`__name__="x"`) included, in the order they were written, the outside name last.
    pub matchers: Vec<Matcher>,
    /// `offset`, `@`, `anchored`, `smoothed`.
    pub modifiers: Modifiers,
}

impl Selector {
    /// Returns the metric that is named in full, outside or inside the braces.
    #[must_use]
    pub fn metric(&self) -> Option<&str> {
        named_metric(&self.matchers)
    }
}

/// A selector of an expression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SelectorUse<'a> {
    /// What is selected.
    pub selector: &'a Selector,
    /// Where it stands, without a range.
    pub span: Span,
    /// How far back it is read; none where the newest sample counts.
    pub range: Option<&'a DurationExpr>,
}

/// What may follow a selector or subquery.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Modifiers {
    /// `offset d`; the value may be negative.
    pub offset: Option<DurationExpr>,
    /// `@ t`.
    pub at: Option<At>,
    /// `anchored` or `smoothed` (selectors only).
    pub edges: Option<Edges>,
}

/// What `@` is followed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum At {
    /// A time.
    Time(Timestamp),
    /// `start()`: of the query; in a rule, the step.
    Start,
    /// `end()`: of the query; in a rule, the step.
    End,
}

/// How a window treats its edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Edges {
    /// With the last sample before the window.
    Anchored,
    /// Interpolated at both ends.
    Smoothed,
}

/// `expr[range:step]` with its modifiers.
#[derive(Clone, Debug, PartialEq)]
pub struct Subquery {
    /// What is evaluated at each of its steps.
    pub expr: Expr,
    /// How far back.
    pub range: DurationExpr,
    /// The distance of its steps; the default evaluation interval when absent.
    pub step: Option<DurationExpr>,
    /// `offset` and `@`.
    pub modifiers: Modifiers,
}

/// A duration, or an arithmetic over durations.
#[derive(Clone, Debug, PartialEq)]
pub struct DurationExpr {
    /// What it is.
    pub kind: DurationKind,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of duration.
#[derive(Clone, Debug, PartialEq)]
pub enum DurationKind {
    /// Written out, as a duration (`5m`) or as a number of seconds (`300`), its sign included (in an offset).
    Literal {
        /// How long it is, cut to whole milliseconds.
        span: Millis,
        /// The same in seconds, as arithmetic uses it.
        seconds: f64,
    },
    /// `step()`: 0 in a rule.
    Step,
    /// `range()`: 0 in a rule.
    Range,
    /// `-d` or `+d`.
    Unary(UnaryOp, Box<DurationExpr>),
    /// `a op b`, with `+ - * / % ^`.
    Binary(BinaryOp, Box<DurationExpr>, Box<DurationExpr>),
    /// `min_of(a, b)`.
    MinOf(Box<DurationExpr>, Box<DurationExpr>),
    /// `max_of(a, b)`.
    MaxOf(Box<DurationExpr>, Box<DurationExpr>),
    /// `(d)`.
    Paren(Box<DurationExpr>),
}

/// `op by (labels) (param, expr)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// What is computed of each group.
    pub op: AggregateOp,
    /// Where the operator's name stands.
    pub op_span: Span,
    /// The k, q or label of those that take one.
    pub param: Option<Expr>,
    /// What is aggregated.
    pub expr: Expr,
    /// Which series make a group; `None` when neither `by` nor `without` was written (all are one group).
    pub grouping: Option<Grouping>,
}

/// `by (..)` or `without (..)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Grouping {
    /// Whether `labels` are left out rather than kept.
    pub without: bool,
    /// The labels, as written.
    pub labels: Vec<String>,
    /// Where the list stands, its parentheses included.
    pub span: Span,
}

/// The aggregations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is its name")]
pub enum AggregateOp {
    Sum,
    Avg,
    Min,
    Max,
    Count,
    Group,
    Stddev,
    Stdvar,
    CountValues,
    TopK,
    BottomK,
    Quantile,
    LimitK,
    LimitRatio,
}

impl AggregateOp {
    /// All of them, with their names.
    pub const ALL: [(Self, &'static str); 14] = [
        (Self::Sum, "sum"),
        (Self::Avg, "avg"),
        (Self::Min, "min"),
        (Self::Max, "max"),
        (Self::Count, "count"),
        (Self::Group, "group"),
        (Self::Stddev, "stddev"),
        (Self::Stdvar, "stdvar"),
        (Self::CountValues, "count_values"),
        (Self::TopK, "topk"),
        (Self::BottomK, "bottomk"),
        (Self::Quantile, "quantile"),
        (Self::LimitK, "limitk"),
        (Self::LimitRatio, "limit_ratio"),
    ];

    /// Returns the name as it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(op, _)| *op == self).map_or("", |(_, name)| name)
    }

    /// Returns the type of the parameter, for those that take one.
    #[must_use]
    pub fn param(self) -> Option<Type> {
        match self {
            Self::TopK | Self::BottomK | Self::Quantile | Self::LimitK | Self::LimitRatio => Some(Type::Scalar),
            Self::CountValues => Some(Type::String),
            _ => None,
        }
    }
}

impl Expr {
    /// Returns what the expression evaluates to, as far as its own node tells.
    #[must_use]
    pub fn ty(&self) -> Type {
        match &self.kind {
            ExprKind::Number { .. } => Type::Scalar,
            ExprKind::String(_) => Type::String,
            ExprKind::Paren(expr) | ExprKind::Unary { expr, .. } => expr.ty(),
            ExprKind::Binary(binary) => match (binary.lhs.ty(), binary.rhs.ty()) {
                (Type::Scalar, Type::Scalar) => Type::Scalar,
                _ => Type::Vector,
            },
            ExprKind::Selector(_) | ExprKind::Aggregate(_) | ExprKind::Invalid => Type::Vector,
            ExprKind::Range { .. } | ExprKind::Subquery(_) => Type::Matrix,
            ExprKind::Call { function, .. } => function.returns,
        }
    }

    /// Returns the expression inside any number of parentheses.
    #[must_use]
    pub fn unparen(&self) -> &Self {
        match &self.kind {
            ExprKind::Paren(inner) => inner.unparen(),
            _ => self,
        }
    }

    /// Returns all selectors of the expression, those of subqueries included, in the order of [`Expr::walk`]; for `info`
    /// without matchers that of the infos, where the call stands.
    #[must_use]
    pub fn selectors(&self) -> Vec<SelectorUse<'_>> {
        let mut found = Vec::new();
        self.walk(&mut |expr| match &expr.kind {
            ExprKind::Selector(selector) => found.push(SelectorUse { selector, span: expr.span, range: None }),
            ExprKind::Range { selector, selector_span, range } => {
                found.push(SelectorUse { selector, span: *selector_span, range: Some(range) });
            }
            ExprKind::Call { function, args, .. } if function.name == "info" && args.len() == 1 => {
                found.push(SelectorUse { selector: &TARGET_INFO, span: expr.span, range: None });
            }
            _ => {}
        });
        found
    }

    /// Calls `visit` for this expression and all below it, parents first.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Self)) {
        visit(self);
        match &self.kind {
            ExprKind::Paren(expr) | ExprKind::Unary { expr, .. } => expr.walk(visit),
            ExprKind::Binary(binary) => {
                binary.lhs.walk(visit);
                binary.rhs.walk(visit);
            }
            ExprKind::Subquery(subquery) => subquery.expr.walk(visit),
            ExprKind::Call { args, .. } => args.iter().for_each(|arg| arg.walk(visit)),
            ExprKind::Aggregate(aggregate) => {
                if let Some(param) = &aggregate.param {
                    param.walk(visit);
                }
                aggregate.expr.walk(visit);
            }
            ExprKind::Number { .. }
            | ExprKind::String(_)
            | ExprKind::Selector(_)
            | ExprKind::Range { .. }
            | ExprKind::Invalid => {}
        }
    }
}
