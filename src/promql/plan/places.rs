//! Where in the text of an expression stands what a node may tell of.

use crate::source::Span;

use super::super::ast::{Expr, ExprKind, Type};
use super::NodeId;

/// The place of a whole node among its places; its arguments follow, an aggregation's operand before its parameter.
pub(crate) const WHOLE: usize = 0;

/// The spans of nodes in the texts of roots: nodes are shared, texts are not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    /// By root, then in the order of lowering.
    nodes: Vec<(u32, u32, Spans)>,
}

/// A node and what it was made of.
#[derive(Clone, Debug)]
enum Spans {
    One(Span),
    All(Box<[Span]>),
    /// Those of a call, and what a subquery among its arguments evaluates.
    Around(Box<[Span]>, Span),
}

impl Places {
    /// Notes where in the text of a root a node was made.
    pub(crate) fn add(&mut self, root: usize, node: NodeId, expr: &Expr) {
        let spans = match &expr.kind {
            ExprKind::Call { args, .. } => return self.add_call(root, node, expr.span, args),
            ExprKind::Aggregate(aggregate) => {
                let operands = std::iter::once(&aggregate.expr).chain(&aggregate.param);
                Spans::All(std::iter::once(expr.span).chain(operands.map(argument)).collect())
            }
            ExprKind::Binary(_) | ExprKind::Selector(_) | ExprKind::Range { .. } => Spans::One(expr.span),
            _ => return,
        };
        self.push(root, node, spans);
    }

    /// Notes where in the text of a root a node was made of a call.
    pub(crate) fn add_call(&mut self, root: usize, node: NodeId, span: Span, args: &[Expr]) {
        let all = std::iter::once(span).chain(args.iter().map(argument)).collect();
        let inside = args.iter().find_map(|arg| match &arg.unparen().kind {
            ExprKind::Subquery(subquery) if arg.ty() == Type::Matrix => Some(subquery.expr.span),
            _ => None,
        });
        let spans = match inside {
            Some(inside) => Spans::Around(all, inside),
            None => Spans::All(all),
        };
        self.push(root, node, spans);
    }

    fn push(&mut self, root: usize, node: NodeId, spans: Spans) {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        self.nodes.push((number(root), number(node), spans));
    }

    /// Returns where a part of a node stands in the text of a root: the last time that it does.
    pub(crate) fn find(&self, root: usize, node: NodeId, part: usize) -> Option<Span> {
        match self.last(root, node)? {
            Spans::One(span) => Some(*span),
            Spans::All(spans) | Spans::Around(spans, _) => spans.get(part).copied(),
        }
    }

    /// Returns where in the text of a root stands what the subquery of a node evaluates: the last time that it does.
    pub(crate) fn inside(&self, root: usize, node: NodeId) -> Option<Span> {
        match self.last(root, node)? {
            Spans::Around(_, inside) => Some(*inside),
            Spans::One(_) | Spans::All(_) => None,
        }
    }

    fn last(&self, root: usize, node: NodeId) -> Option<&Spans> {
        let from = self.nodes.partition_point(|(of, ..)| (*of as usize) < root);
        let of_root = self.nodes[from..].iter().take_while(|(of, ..)| *of as usize == root);
        of_root.filter(|(_, at, _)| *at as usize == node).map(|(.., spans)| spans).last()
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        self.nodes.truncate(len);
    }

    pub(super) fn seal(&mut self) {
        self.nodes.shrink_to_fit();
    }
}

/// Returns where an argument stands: its parentheses do not count, and of a subquery nothing is known.
///
/// Source: Prometheus, which puts a selector without a place where a subquery was evaluated.
fn argument(arg: &Expr) -> Span {
    let inside = arg.unparen();
    if matches!(inside.kind, ExprKind::Subquery(_)) && inside.ty() == Type::Matrix {
        Span::default()
    } else {
        inside.span
    }
}
