//! What the obvious evaluator does not know.

use alertctl::promql::ast::{Expr, ExprKind};

use super::Fault;

/// Names the first thing in an expression that is not known here.
pub(crate) fn check(expr: &Expr) -> Result<(), Fault> {
    let mut unknown = None;
    expr.walk(&mut |node| {
        unknown = unknown.take().or_else(|| unsupported(node));
    });
    unknown.map_or(Ok(()), |name| Err(Fault::Unsupported(name)))
}

fn unsupported(node: &Expr) -> Option<String> {
    match &node.kind {
        ExprKind::Call { function, .. } => match function.name {
            "start_timestamp" => Some(function.name.to_owned()),
            _ => None,
        },
        ExprKind::Invalid => Some("an expression that could not be read".to_owned()),
        _ => None,
    }
}
