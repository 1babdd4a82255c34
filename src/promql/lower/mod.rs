//! From an expression to the nodes of a plan, and what is refused on the way.

mod call;
mod info;

use crate::diagnostic::codes;
use crate::limits;
use crate::source::Span;
use crate::time::Millis;

use super::ast::{
    Aggregate, AggregateOp, At, Binary, BinaryOp, DurationExpr, Edges, Expr, ExprKind, Matching, Modifiers, Selector,
    Side, Subquery, Type, UnaryOp,
};
use super::duration::{DurationContext, evaluate_duration};
use super::eval::scalar_binary;
use super::maths::MathFn;
use super::parse::Problem;
use super::plan::{
    Context, Elementwise, Fill, Fixed, KeyLabels, Kind, Needed, NodeId, Number, Operand, Plan, PlannedRoot, RootId,
    Select, Take, VectorBinary, WindowInput,
};

type Problems = Vec<Problem>;

/// Refuses what Prometheus cannot evaluate either.
fn refuse(span: Span, message: impl Into<String>) -> Problems {
    vec![Problem { code: codes::CANNOT_EVALUATE, span, message: message.into(), help: None }]
}

/// Refuses what has no value at a step.
pub(super) fn not_at_a_step(span: Span, ty: Type) -> Problems {
    refuse(span, format!("this is a {}: it cannot be evaluated at a step", ty.words()))
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
        let places = self.places.len();
        let node = self.lower(part)?;
        // Nothing new: a part of the root has its places there.
        self.places.truncate(places);
        let next = u32::try_from(self.compared.len()).unwrap_or(u32::MAX);
        let number = *self.nodes[node].place.compared.get_or_insert(next);
        if number == next {
            self.compared.push(node);
        }
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
        if let Ok(node) = node {
            self.places.add(self.roots.len(), node, expr);
        }
        node
    }

    fn lower_kind(&mut self, expr: &Expr) -> Result<NodeId, Problems> {
        let span = expr.span;
        Ok(match &expr.kind {
            ExprKind::Number { value, .. } => self.node(Kind::Const(Number(*value))),
            ExprKind::Paren(inner) => self.lower(inner)?,
            ExprKind::Unary { op: UnaryOp::Plus, expr } => self.lower(expr)?,
            ExprKind::Unary { op: UnaryOp::Minus, expr } if expr.ty() == Type::Scalar => match self.operand(expr)? {
                Operand::Const(value) => self.node(Kind::Const(Number(-value))),
                rhs => self.node(Kind::ScalarBinary { op: BinaryOp::Mul, lhs: Operand::Const(-1.0), rhs }),
            },
            ExprKind::Unary { op: UnaryOp::Minus, expr } => {
                let input = self.lower(expr)?;
                self.node(Kind::Map { op: Elementwise::Maths(MathFn::Neg), input })
            }
            ExprKind::Binary(binary) => self.binary(binary)?,
            ExprKind::Selector(selector) => {
                let select = self.instant(selector)?;
                self.node(Kind::Select { select, take: Take::Value })
            }
            ExprKind::Call { function, args, .. } => self.call(function, args, span)?,
            ExprKind::Aggregate(aggregate) => self.aggregate(aggregate)?,
            ExprKind::String(_) | ExprKind::Range { .. } | ExprKind::Subquery(_) => {
                return Err(refuse(span, format!("a {} cannot stand here", expr.ty().words())));
            }
            ExprKind::Invalid => return Err(refuse(span, "this expression could not be read")),
        })
    }

    /// Lowers a scalar expression; numbers are folded.
    fn operand(&mut self, expr: &Expr) -> Result<Operand, Problems> {
        let known = self.nodes.len();
        let node = self.lower(expr)?;
        Ok(match self.nodes[node].kind {
            Kind::Const(Number(value)) => {
                // A number needs no node; what was made to compute it was numbers, too.
                self.forget_from(known);
                Operand::Const(value)
            }
            _ => Operand::Node(node),
        })
    }

    fn modifiers(&self, modifiers: &Modifiers) -> Result<(Millis, Option<Fixed>), Problems> {
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

    /// Reads an instant selector, which `anchored` does not change.
    fn instant(&self, selector: &Selector) -> Result<Select, Problems> {
        let select = self.select(selector)?;
        Ok(Select { edges: select.edges.filter(|edges| *edges == Edges::Smoothed), ..select })
    }

    fn select(&self, selector: &Selector) -> Result<Select, Problems> {
        let (offset, at) = self.modifiers(&selector.modifiers)?;
        Ok(Select {
            matchers: selector.matchers.clone(),
            offset,
            at,
            short: Millis::ZERO,
            edges: selector.modifiers.edges,
            stats: self.needed == Needed::Sums,
        })
    }

    fn binary(&mut self, binary: &Binary) -> Result<NodeId, Problems> {
        let around = self.needed;
        if binary.op.is_trim() {
            self.needed = Needed::Buckets;
        }
        let node = self.binary_of(binary);
        self.needed = around;
        node
    }

    fn binary_of(&mut self, binary: &Binary) -> Result<NodeId, Problems> {
        let Binary { op, lhs, rhs, return_bool, matching, .. } = binary;
        match (lhs.ty(), rhs.ty()) {
            (Type::Scalar, Type::Scalar) if op.is_trim() => {
                let words = format!("operator {:?} not allowed for Scalar operations", op.symbol());
                Err(refuse(binary.op_span, words))
            }
            (Type::Scalar, Type::Scalar) => {
                let (lhs, rhs) = (self.operand(lhs)?, self.operand(rhs)?);
                if let (Operand::Const(a), Operand::Const(b)) = (lhs, rhs) {
                    return Ok(self.node(Kind::Const(Number(scalar_binary(*op, a, b)))));
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
                let (lhs, rhs) = (self.lower(lhs)?, self.lower(rhs)?);
                Ok(self.vectors(*op, *return_bool, matching.clone().unwrap_or_default(), lhs, rhs))
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
        let binary = VectorBinary { op, return_bool, key, many, include, many_node, one_node };
        // They are the sides of a many to one match, also where `group_right` turns the operands around.
        let fill = Fill { many: matching.fill_left.map(Number), one: matching.fill_right.map(Number) };
        self.node(if fill.many.is_some() || fill.one.is_some() {
            Kind::FilledBinary { binary, fill }
        } else {
            Kind::VectorBinary(binary)
        })
    }

    fn aggregate(&mut self, aggregate: &Aggregate) -> Result<NodeId, Problems> {
        let op = aggregate.op;
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
                if label.is_empty() {
                    return Err(refuse(param.span, format!("invalid label name {label:?}")));
                }
                let label = Some(label).filter(|label| key.only || key.keeps(label));
                let input = self.lower(&aggregate.expr)?;
                Ok(self.node(Kind::CountValues { label, key, input }))
            }
            AggregateOp::TopK | AggregateOp::BottomK => {
                let k = self.operand(aggregate.param.as_ref().ok_or_else(missing)?)?;
                let input = self.lower(&aggregate.expr)?;
                Ok(self.node(Kind::TopK { bottom: op == AggregateOp::BottomK, k, key, input }))
            }
            AggregateOp::LimitK | AggregateOp::LimitRatio => {
                let wanted = self.operand(aggregate.param.as_ref().ok_or_else(missing)?)?;
                let input = self.lower(&aggregate.expr)?;
                Ok(self.node(Kind::Limit { ratio: op == AggregateOp::LimitRatio, wanted, key, input }))
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

    /// Lowers a range vector to where its samples come from and how long it is.
    ///
    /// # Errors
    /// What is not evaluated, and what can never be.
    pub(super) fn range_vector(&mut self, expr: &Expr) -> Result<(WindowInput, Millis), Problems> {
        match &expr.unparen().kind {
            ExprKind::Range { selector, range, .. } => {
                let range = positive(range, self.durations())?;
                Ok((WindowInput::Selector(self.select(selector)?), range))
            }
            ExprKind::Subquery(subquery) => self.subquery(subquery, expr.span),
            _ => Err(refuse(expr.span, "no samples are selected here")),
        }
    }

    fn subquery(&mut self, subquery: &Subquery, span: Span) -> Result<(WindowInput, Millis), Problems> {
        let (offset, at) = self.modifiers(&subquery.modifiers)?;
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
        plan.needed = Needed::Buckets;
        plan.add(&subquery.expr)?;
        // Equal subqueries share their inner program, so that the windows over them are equal too.
        let inner = self.inner(plan, subquery.expr.span);
        Ok((WindowInput::Subquery { inner, step, offset, at }, range))
    }
}

fn positive(range: &DurationExpr, context: DurationContext) -> Result<Millis, Problems> {
    let span = evaluate_duration(range, context)?;
    if span.0 <= 0 {
        let message = "duration must be greater than 0".to_owned();
        return Err(vec![Problem { code: codes::PROMQL_DURATION, span: range.span, message, help: None }]);
    }
    Ok(span)
}

fn string(expr: &Expr) -> Result<String, Problems> {
    match &expr.unparen().kind {
        ExprKind::String(text) => Ok(text.clone()),
        _ => Err(refuse(expr.span, "a text in quotes must stand here")),
    }
}
