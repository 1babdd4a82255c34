//! The function `info`: its infos are a selector that nobody wrote.

use crate::labels::{METRIC_NAME, MatchOp, Matcher};
use crate::source::Span;
use crate::time::Millis;

use super::super::ast::{Expr, ExprKind, Modifiers};
use super::super::functions::TARGET_INFO_NAME;
use super::super::plan::{Fixed, InfoJoin, Kind, NodeId, Plan, Select, Take};
use super::{Problems, refuse};

impl Plan {
    /// Lowers `info(vector, {matchers})`.
    ///
    /// Source: histograms.md 9.3.
    pub(super) fn info(&mut self, args: &[Expr]) -> Result<NodeId, Problems> {
        let base = self.lower(&args[0])?;
        let given: &[Matcher] = match args.get(1).map(|arg| &arg.unparen().kind) {
            Some(ExprKind::Selector(selector)) => &selector.matchers,
            _ => &[],
        };
        let (names, data): (Vec<_>, Vec<_>) = given.iter().cloned().partition(|matcher| matcher.name == METRIC_NAME);
        let names = named(names, args[0].span)?;
        let mut labels: Vec<String> = data.iter().map(|matcher| matcher.name.clone()).collect();
        labels.sort();
        labels.dedup();
        let required = data.iter().any(|matcher| !matcher.matches(""));
        let (offset, at) = self.reference_of(&args[0])?;
        let matchers = names.iter().cloned().chain(data).collect();
        let select = Select { matchers, offset, at, short: Millis::ZERO, edges: None, stats: false };
        let infos = self.node(Kind::Select { select: select.clone(), take: Take::Time });
        let values = self.node(Kind::Select { select, take: Take::Value });
        Ok(self.node(Kind::Info {
            join: InfoJoin { names, labels, required, asked: args.len() > 1 },
            base,
            infos,
            values,
        }))
    }

    /// Returns where an expression is looked at, which is where its first selector is: the fixed time next to it, and all
    /// offsets up to there.
    fn reference_of(&self, expr: &Expr) -> Result<(Millis, Option<Fixed>), Problems> {
        let mut path = Vec::new();
        first_selector(expr, &mut path);
        let mut all = Millis::ZERO;
        for modifiers in path.iter().rev() {
            let (offset, at) = self.modifiers(modifiers)?;
            all = Millis(all.0.saturating_add(offset.0));
            if at.is_some() {
                return Ok((all, at));
            }
        }
        Ok((all, None))
    }
}

/// Returns the conditions on the names of infos: those given, if they say what a name is, not only what it is not.
fn named(mut given: Vec<Matcher>, span: Span) -> Result<Vec<Matcher>, Problems> {
    if given.is_empty() {
        given.push(Matcher::equal(METRIC_NAME, TARGET_INFO_NAME));
    } else if given.iter().all(|matcher| matches!(matcher.op, MatchOp::NotEqual | MatchOp::NotRegex)) {
        let any = Matcher::new(METRIC_NAME, MatchOp::Regex, ".+_info");
        given.push(any.map_err(|error| refuse(span, error.to_string()))?);
    }
    Ok(given)
}

/// Finds the first selector of an expression: the modifiers on the way to it, those of subqueries and its own.
fn first_selector<'a>(expr: &'a Expr, path: &mut Vec<&'a Modifiers>) -> bool {
    match &expr.kind {
        ExprKind::Selector(selector) | ExprKind::Range { selector, .. } => {
            path.push(&selector.modifiers);
            true
        }
        ExprKind::Subquery(subquery) => {
            path.push(&subquery.modifiers);
            let found = first_selector(&subquery.expr, path);
            if !found {
                path.pop();
            }
            found
        }
        ExprKind::Paren(inner) | ExprKind::Unary { expr: inner, .. } => first_selector(inner, path),
        ExprKind::Binary(binary) => first_selector(&binary.lhs, path) || first_selector(&binary.rhs, path),
        ExprKind::Call { args, .. } => args.iter().any(|arg| first_selector(arg, path)),
        // Prometheus walks through what is aggregated before the parameter.
        ExprKind::Aggregate(aggregate) => {
            first_selector(&aggregate.expr, path)
                || aggregate.param.as_ref().is_some_and(|param| first_selector(param, path))
        }
        ExprKind::Number { .. } | ExprKind::String(_) | ExprKind::Invalid => false,
    }
}
