//! Why an expression that no rule holds has no result.

use crate::outcome::{Known, Lack};
use crate::promql::ast::Expr;
use crate::promql::query::{QueryContext, QueryError, QueryOptions};
use crate::store::Store;
use crate::survey::Survey;
use crate::time::Timestamp;

use super::case::Case;
use super::lineage::Wanted;
use super::tree;
use super::why::{Reason, Why};

/// Returns why an expression, whose text is given too, gave nothing at a time, which is a step where the context is a
/// range. The recording must hold what is read at that time. Cost: one evaluation of each part.
///
/// # Errors
/// When the expression can never be evaluated.
pub(crate) fn absence<'a>(
    (expr, source): (&'a Expr, &str),
    known: &Known<'a>,
    recording: (&'a Store, &'a Survey),
    at: Timestamp,
    (context, options): (QueryContext, &QueryOptions),
) -> Result<Reason, QueryError> {
    // Without its metric it has no result whatever else is there.
    if let Some(Lack::Metric(name)) = known.lack(expr) {
        return Ok(Reason::of(Why::NoMetric { metric: known.missing(&name, true) }));
    }
    let case = Case::alone(expr, recording, context, options)?;
    let reason = tree::absent(&case, known, &Wanted::any(), at);
    // The part as somebody wrote it, who looks for it there.
    let written = case.outline.get(reason.part).and_then(|part| source.get(part.expr.span.range()));
    Ok(Reason { text: written.map_or(reason.text, str::to_owned), ..reason })
}
