//! From an expression to the nodes of a plan, and what is refused on the way.

use crate::diagnostic::codes;
use crate::labels::{LabelBuilder, LabelSet, METRIC_NAME, MatchOp, Regexp};
use crate::limits;
use crate::source::Span;
use crate::time::Millis;

use super::ast::{
    Aggregate, AggregateOp, At, Binary, BinaryOp, DurationExpr, Expr, ExprKind, Matching, Modifiers, Selector, Side,
    Subquery, Type, UnaryOp,
};
use super::dates::DateFn;
use super::duration::{DurationContext, evaluate_duration};
use super::eval::scalar_binary;
use super::maths::MathFn;
use super::parse::Problem;
use super::plan::{
    BucketFn, Context, Elementwise, Fixed, KeyLabels, Kind, NodeId, Operand, Plan, PlannedRoot, Relabel, RootId,
    Select, SortBy, VectorBinary, WindowInput,
};
use super::rollup::{RangeFn, smoothing_fault};

type Problems = Vec<Problem>;

fn refuse(span: Span, message: impl Into<String>) -> Problems {
    vec![Problem { code: codes::NOT_SUPPORTED, span, message: message.into(), help: None }]
}

fn not_yet(span: Span, what: impl std::fmt::Display) -> Problems {
    refuse(span, format!("not supported yet: {what}"))
}

/// Refuses what has no value at a step.
pub(super) fn not_at_a_step(span: Span, ty: Type) -> Problems {
    refuse(span, format!("this is a {}: it can not be evaluated at a step", ty.words()))
}

impl Plan {
    /// Lowers an expression to nodes and makes it a root.
    ///
    /// # Errors
    /// What is not evaluated, and what can never be.
    pub(crate) fn add(&mut self, expr: &Expr) -> Result<RootId, Problems> {
        match expr.ty() {
            Type::Matrix | Type::String => return Err(not_at_a_step(expr.span, expr.ty())),
            Type::Scalar | Type::Vector => {}
        }
        let node = self.lower(expr)?;
        self.roots.push(PlannedRoot { node, scalar: expr.ty() == Type::Scalar, compared: None });
        Ok(RootId(self.roots.len() - 1))
    }

    /// Names a part of the newest root as the vector that it compares, and returns its number.
    ///
    /// # Errors
    /// As [`Plan::add`]; never for a part of an expression that was added.
    pub(crate) fn compare(&mut self, part: &Expr) -> Result<u32, Problems> {
        let node = self.lower(part)?;
        let number = self.compared.iter().position(|known| *known == node).unwrap_or_else(|| {
            self.compared.push(node);
            self.compared.len() - 1
        });
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        if let Some(root) = self.roots.last_mut() {
            debug_assert!(node <= root.node, "a part comes before the whole");
            root.compared = Some(number);
        }
        Ok(number)
    }

    fn lower(&mut self, expr: &Expr) -> Result<NodeId, Problems> {
        let around = std::mem::replace(&mut self.span, expr.span);
        let node = self.lower_kind(expr);
        self.span = around;
        node
    }

    fn lower_kind(&mut self, expr: &Expr) -> Result<NodeId, Problems> {
        let span = expr.span;
        Ok(match &expr.kind {
            ExprKind::Number { value, .. } => self.node(Kind::Const(*value)),
            ExprKind::Paren(inner) => self.lower(inner)?,
            ExprKind::Unary { op: UnaryOp::Plus, expr } => self.lower(expr)?,
            ExprKind::Unary { op: UnaryOp::Minus, expr } if expr.ty() == Type::Scalar => match self.operand(expr)? {
                Operand::Const(value) => self.node(Kind::Const(-value)),
                rhs => self.node(Kind::ScalarBinary { op: BinaryOp::Mul, lhs: Operand::Const(-1.0), rhs }),
            },
            ExprKind::Unary { op: UnaryOp::Minus, expr } => {
                let input = self.lower(expr)?;
                self.node(Kind::Map { op: Elementwise::Maths(MathFn::Neg), input })
            }
            ExprKind::Binary(binary) => self.binary(binary, span)?,
            ExprKind::Selector(selector) => {
                let select = self.select(selector, span)?;
                self.node(Kind::Select { select, stamp: false })
            }
            ExprKind::Call { function, args, .. } => self.call(function.name, args, span)?,
            ExprKind::Aggregate(aggregate) => self.aggregate(aggregate)?,
            ExprKind::String(_) | ExprKind::Range { .. } | ExprKind::Subquery(_) => {
                return Err(refuse(span, format!("a {} can not stand here", expr.ty().words())));
            }
            ExprKind::Invalid => return Err(refuse(span, "this expression could not be read")),
        })
    }

    /// Lowers a scalar expression; numbers are folded.
    fn operand(&mut self, expr: &Expr) -> Result<Operand, Problems> {
        let known = self.nodes.len();
        let node = self.lower(expr)?;
        Ok(match self.nodes[node].kind {
            Kind::Const(value) => {
                // A number needs no node; what was made to compute it was numbers, too.
                self.forget_from(known);
                Operand::Const(value)
            }
            _ => Operand::Node(node),
        })
    }

    fn modifiers(&self, modifiers: &Modifiers, span: Span) -> Result<(Millis, Option<Fixed>), Problems> {
        if modifiers.edges.is_some() {
            return Err(not_yet(span, "`anchored` and `smoothed`"));
        }
        let offset = match &modifiers.offset {
            Some(offset) => evaluate_duration(offset, self.durations())?,
            None => Millis::ZERO,
        };
        let at = match (modifiers.at, self.options.context) {
            (None, _) => None,
            (Some(At::Time(at)), _) => Some(Fixed::Time(at)),
            (Some(At::Start), Context::Range { start, .. }) => Some(Fixed::Time(start)),
            (Some(At::End), Context::Range { end, .. }) => Some(Fixed::Time(end)),
            (Some(At::Start | At::End), Context::Rule) => Some(Fixed::Query),
        };
        Ok((offset, at))
    }

    fn durations(&self) -> DurationContext {
        match self.options.context {
            Context::Rule => DurationContext { step: Millis::ZERO, range: Millis::ZERO },
            Context::Range { start, end, step } => DurationContext { step, range: end.since(start) },
        }
    }

    fn select(&self, selector: &Selector, span: Span) -> Result<Select, Problems> {
        let (offset, at) = self.modifiers(&selector.modifiers, span)?;
        Ok(Select { matchers: selector.matchers.clone(), offset, at })
    }

    fn binary(&mut self, binary: &Binary, span: Span) -> Result<NodeId, Problems> {
        let Binary { op, lhs, rhs, return_bool, matching, .. } = binary;
        if matches!(op, BinaryOp::TrimUpper | BinaryOp::TrimLower) {
            return Err(not_yet(binary.op_span, format_args!("the operator `{}` of native histograms", op.symbol())));
        }
        match (lhs.ty(), rhs.ty()) {
            (Type::Scalar, Type::Scalar) => {
                let (lhs, rhs) = (self.operand(lhs)?, self.operand(rhs)?);
                if let (Operand::Const(a), Operand::Const(b)) = (lhs, rhs) {
                    return Ok(self.node(Kind::Const(scalar_binary(*op, a, b))));
                }
                Ok(self.node(Kind::ScalarBinary { op: *op, lhs, rhs }))
            }
            (Type::Scalar, _) => {
                let scalar = self.operand(lhs)?;
                let input = self.lower(rhs)?;
                Ok(self.with_scalar(*op, input, scalar, true, *return_bool))
            }
            (_, Type::Scalar) => {
                let input = self.lower(lhs)?;
                let scalar = self.operand(rhs)?;
                Ok(self.with_scalar(*op, input, scalar, false, *return_bool))
            }
            _ => {
                let matching = matching.clone().unwrap_or_default();
                if matching.fill_left.is_some() || matching.fill_right.is_some() {
                    return Err(not_yet(span, "`fill`, `fill_left` and `fill_right`"));
                }
                let (lhs, rhs) = (self.lower(lhs)?, self.lower(rhs)?);
                Ok(self.vectors(*op, *return_bool, matching, lhs, rhs))
            }
        }
    }

    fn with_scalar(&mut self, op: BinaryOp, input: NodeId, scalar: Operand, swap: bool, return_bool: bool) -> NodeId {
        let op = if op.is_comparison() {
            Elementwise::Compare { op, scalar, swap, return_bool }
        } else {
            Elementwise::Arithmetic { op, scalar, swap }
        };
        self.node(Kind::Map { op, input })
    }

    fn vectors(&mut self, op: BinaryOp, return_bool: bool, matching: Matching, lhs: NodeId, rhs: NodeId) -> NodeId {
        let mut labels = matching.labels;
        labels.sort();
        labels.dedup();
        let key = KeyLabels { only: matching.on, labels };
        if op.is_set() {
            return self.node(Kind::Set { op, key, lhs, rhs });
        }
        let (many, include) = match matching.group {
            Some(group) => (group.many, Some(group.include)),
            None => (Side::Left, None),
        };
        let (many_node, one_node) = if many == Side::Left { (lhs, rhs) } else { (rhs, lhs) };
        self.node(Kind::VectorBinary(VectorBinary { op, return_bool, key, many, include, many_node, one_node }))
    }

    fn aggregate(&mut self, aggregate: &Aggregate) -> Result<NodeId, Problems> {
        let op = aggregate.op;
        if matches!(op, AggregateOp::LimitK | AggregateOp::LimitRatio) {
            return Err(not_yet(aggregate.op_span, format_args!("`{}`", op.name())));
        }
        let key = match &aggregate.grouping {
            None => KeyLabels { only: true, labels: Vec::new() },
            Some(grouping) => {
                let mut labels = grouping.labels.clone();
                labels.sort();
                labels.dedup();
                KeyLabels { only: !grouping.without, labels }
            }
        };
        let missing = || refuse(aggregate.op_span, format!("`{}` wants a parameter", op.name()));
        match op {
            AggregateOp::CountValues => {
                let param = aggregate.param.as_ref().ok_or_else(missing)?;
                let label = string(param)?;
                if label.is_empty() || label == METRIC_NAME {
                    return Err(refuse(param.span, format!("invalid label name {label:?}")));
                }
                let input = self.lower(&aggregate.expr)?;
                Ok(self.node(Kind::CountValues { label, key, input }))
            }
            AggregateOp::TopK | AggregateOp::BottomK => {
                let k = self.operand(aggregate.param.as_ref().ok_or_else(missing)?)?;
                let input = self.lower(&aggregate.expr)?;
                Ok(self.node(Kind::TopK { bottom: op == AggregateOp::BottomK, k, key, input }))
            }
            _ => {
                let param = match &aggregate.param {
                    Some(param) => self.operand(param)?,
                    None => Operand::Const(0.0),
                };
                let input = self.lower(&aggregate.expr)?;
                Ok(self.node(Kind::Aggregate { op, param, key, input }))
            }
        }
    }

    fn call(&mut self, name: &'static str, args: &[Expr], span: Span) -> Result<NodeId, Problems> {
        if let Some(function) = RangeFn::named(name) {
            return self.window(function, args, span);
        }
        let first = |plan: &mut Self| match args.first() {
            Some(arg) => plan.lower(arg),
            None => {
                let time = plan.node(Kind::Time);
                Ok(plan.node(Kind::Vector(Operand::Node(time))))
            }
        };
        if let Some(function) = MathFn::named(name) {
            let input = first(self)?;
            return Ok(self.node(Kind::Map { op: Elementwise::Maths(function), input }));
        }
        if let Some(function) = DateFn::named(name) {
            let input = first(self)?;
            return Ok(self.node(Kind::Map { op: Elementwise::Date(function), input }));
        }
        let scalar = |plan: &mut Self, at: usize, default: f64| match args.get(at) {
            Some(arg) => plan.operand(arg),
            None => Ok(Operand::Const(default)),
        };
        Ok(match name {
            "time" => self.node(Kind::Time),
            "pi" => self.node(Kind::Const(std::f64::consts::PI)),
            "start" | "end" => match self.options.context {
                Context::Rule => self.node(Kind::QueryTime),
                Context::Range { start, end, .. } => {
                    let at = if name == "start" { start } else { end };
                    self.node(Kind::Const(at.seconds()))
                }
            },
            "step" => self.node(Kind::Const(self.durations().step.seconds())),
            "range" => self.node(Kind::Const(self.durations().range.seconds())),
            "min_of" | "max_of" => {
                let (lhs, rhs) = (scalar(self, 0, 0.0)?, scalar(self, 1, 0.0)?);
                self.node(Kind::Extreme { max: name == "max_of", lhs, rhs })
            }
            "vector" => {
                let value = scalar(self, 0, 0.0)?;
                self.node(Kind::Vector(value))
            }
            "scalar" => {
                let input = first(self)?;
                self.node(Kind::Scalar(input))
            }
            "clamp" => {
                let input = first(self)?;
                let (low, high) = (scalar(self, 1, 0.0)?, scalar(self, 2, 0.0)?);
                self.node(Kind::Map { op: Elementwise::Clamp(low, high), input })
            }
            "clamp_min" | "clamp_max" => {
                let input = first(self)?;
                let bound = scalar(self, 1, 0.0)?;
                let op = if name == "clamp_min" { Elementwise::ClampMin(bound) } else { Elementwise::ClampMax(bound) };
                self.node(Kind::Map { op, input })
            }
            "round" => {
                let input = first(self)?;
                let nearest = scalar(self, 1, 1.0)?;
                self.node(Kind::Map { op: Elementwise::Round(nearest), input })
            }
            "timestamp" => match args.first().map(|arg| &arg.unparen().kind) {
                Some(ExprKind::Selector(selector)) => {
                    let select = self.select(selector, span)?;
                    let input = self.node(Kind::Select { select, stamp: true });
                    self.node(Kind::Map { op: Elementwise::Same, input })
                }
                _ => {
                    let input = first(self)?;
                    self.node(Kind::Map { op: Elementwise::EvalTime, input })
                }
            },
            "sort" | "sort_desc" => {
                let input = first(self)?;
                self.node(Kind::Sort { by: SortBy::Value { descending: name == "sort_desc" }, input })
            }
            "sort_by_label" | "sort_by_label_desc" => {
                let input = first(self)?;
                let names = args[1..].iter().map(string).collect::<Result<_, _>>()?;
                self.node(Kind::Sort { by: SortBy::Labels { names, descending: name == "sort_by_label_desc" }, input })
            }
            "absent" => {
                let input = first(self)?;
                self.node(Kind::Absent { labels: absent_labels(&args[0]), input })
            }
            "absent_over_time" => {
                // Any function that keeps names does: series that differ in their names alone are no fault here.
                let input = self.window(RangeFn::LastOverTime, args, span)?;
                self.node(Kind::Absent { labels: absent_labels(&args[0]), input })
            }
            "label_replace" | "label_join" => {
                let relabel = relabel(name, args)?;
                let input = first(self)?;
                self.node(Kind::Relabel { relabel, input })
            }
            "histogram_quantile" => {
                let q = scalar(self, 0, 0.0)?;
                let input = self.lower(&args[1])?;
                self.node(Kind::Buckets { function: BucketFn::Quantile(q), input })
            }
            "histogram_fraction" => {
                let (lower, upper) = (scalar(self, 0, 0.0)?, scalar(self, 1, 0.0)?);
                let input = self.lower(&args[2])?;
                self.node(Kind::Buckets { function: BucketFn::Fraction(lower, upper), input })
            }
            _ => return Err(not_yet(span, format_args!("the function `{name}`"))),
        })
    }

    fn window(&mut self, function: RangeFn, args: &[Expr], span: Span) -> Result<NodeId, Problems> {
        let samples_first = args.first().is_some_and(|arg| arg.ty() == Type::Matrix);
        let (samples, others) = if samples_first { (&args[0], &args[1..]) } else { (&args[1], &args[..1]) };
        let mut params = [Operand::Const(f64::NAN); 2];
        for (param, arg) in params.iter_mut().zip(others) {
            *param = self.operand(arg)?;
        }
        if function == RangeFn::DoubleExponentialSmoothing {
            let [Operand::Const(smoothing), Operand::Const(trend)] = params else {
                return Err(not_yet(span, "smoothing factors that are no numbers"));
            };
            if let Some(words) = smoothing_fault(smoothing, trend) {
                return Err(refuse(span, words));
            }
        }
        let (input, range) = self.range_vector(samples)?;
        Ok(self.node(Kind::Window { input, function, range, params }))
    }

    /// Lowers a range vector to where its samples come from and how long it is.
    ///
    /// # Errors
    /// What is not evaluated, and what can never be.
    pub(super) fn range_vector(&mut self, expr: &Expr) -> Result<(WindowInput, Millis), Problems> {
        match &expr.unparen().kind {
            ExprKind::Range { selector, range, .. } => {
                let range = positive(range, self.durations())?;
                Ok((WindowInput::Selector(self.select(selector, expr.span)?), range))
            }
            ExprKind::Subquery(subquery) => self.subquery(subquery, expr.span),
            _ => Err(not_yet(expr.span, "this range vector")),
        }
    }

    fn subquery(&mut self, subquery: &Subquery, span: Span) -> Result<(WindowInput, Millis), Problems> {
        let (offset, at) = self.modifiers(&subquery.modifiers, span)?;
        let range = positive(&subquery.range, self.durations())?;
        let step = match &subquery.step {
            Some(step) => positive(step, self.durations())?,
            None => self.options.subquery_step,
        };
        if range.0 / step.0 > limits::SUBQUERY_POINTS {
            return Err(refuse(
                span,
                format!(
                    "this subquery has {} points a series at every evaluation; the limit is {}",
                    range.0 / step.0,
                    limits::SUBQUERY_POINTS
                ),
            ));
        }
        let mut plan = Self::new(self.options);
        plan.add(&subquery.expr)?;
        // Equal subqueries share their inner program, so that the windows over them print alike.
        let same = self.inner.iter().position(|other| other.prints_like(&plan));
        let inner = same.unwrap_or_else(|| {
            self.inner.push(plan);
            self.inner.len() - 1
        });
        Ok((WindowInput::Subquery { inner, step, offset, at }, range))
    }
}

fn positive(range: &DurationExpr, context: DurationContext) -> Result<Millis, Problems> {
    let span = evaluate_duration(range, context)?;
    if span.0 <= 0 {
        return Err(refuse(range.span, "duration must be greater than 0"));
    }
    Ok(span)
}

fn string(expr: &Expr) -> Result<String, Problems> {
    match &expr.unparen().kind {
        ExprKind::String(text) => Ok(text.clone()),
        _ => Err(refuse(expr.span, "a text in quotes must stand here")),
    }
}

fn relabel(name: &str, args: &[Expr]) -> Result<Relabel, Problems> {
    let texts = args[1..].iter().map(string).collect::<Result<Vec<_>, _>>()?;
    let destination = texts[0].clone();
    if destination.is_empty() {
        return Err(refuse(args[1].span, format!("invalid destination label name in {name}(): {destination}")));
    }
    if name == "label_replace" {
        let regexp = Regexp::anchored(&texts[3]).map_err(|error| {
            refuse(args[4].span, format!("invalid regular expression in label_replace(): {}: {error}", texts[3]))
        })?;
        return Ok(Relabel::Replace { destination, replacement: texts[1].clone(), source: texts[2].clone(), regexp });
    }
    if let Some(at) = texts[2..].iter().position(String::is_empty) {
        return Err(refuse(args[3 + at].span, "invalid source label name in label_join(): "));
    }
    Ok(Relabel::Join { destination, separator: texts[1].clone(), sources: texts[2..].to_vec() })
}

/// Returns the labels that `absent` gives its sample: those that the selector's `=` matchers fix, but not twice.
///
/// Source: Prometheus' `createLabelsForAbsentFunction`; promql.md 8.4.
fn absent_labels(expr: &Expr) -> LabelSet {
    // Parentheses hide the selector, as in Prometheus.
    let (ExprKind::Selector(selector) | ExprKind::Range { selector, .. }) = &expr.kind else {
        return LabelSet::empty();
    };
    let mut builder = LabelBuilder::default();
    let mut seen: Vec<&str> = Vec::new();
    for matcher in selector.matchers.iter().filter(|matcher| matcher.name != METRIC_NAME) {
        if matcher.op == MatchOp::Equal && !seen.contains(&matcher.name.as_str()) {
            builder.set(&matcher.name, &matcher.value);
            seen.push(&matcher.name);
        } else {
            builder.remove(&matcher.name);
        }
    }
    builder.build()
}
