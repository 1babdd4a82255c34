//! A range that holds no two samples.

use super::super::shape::duration;
use super::super::{Check, Found, Lint, Page, subject::Place};
use crate::diagnostic::{Severity, codes};
use crate::promql::ast::{DurationExpr, ExprKind, Subquery};
use crate::rules::Form;
use crate::time::Millis;

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::RANGE_TOO_SHORT,
    page: Page {
        why: "`rate()`, `increase()`, `delta()`, `deriv()` and their like compare samples: with fewer than two in the range \
              they give nothing. A range shorter than two scrape intervals holds one sample most of the time, so the \
              rule never fires, or flickers. Prometheus does not warn.\n\n\
              Make the range at least two scrape intervals long, better four, so that one missed scrape does not \
              matter. `--scrape-interval 15s` says what the interval is; without it only ranges are reported that are \
              too short for nearly every setup. A subquery has two samples in a range of two steps.",
        bad: "\
- alert: ManyErrors
  expr: rate(errors_total[15s]) > 1
  for: 5m
",
        clean: "\
- alert: ManyErrors
  expr: rate(errors_total[5m]) > 1
  for: 5m
",
        data: "",
    },
    check: Check::Rule(check),
};

/// The shortest range that is not reported where the scrape interval is unknown: two of 15s, the shortest that is common.
const SHORTEST: Millis = Millis(30_000);

fn check(place: &Place<'_>, found: &mut Found) {
    place.rule.expr.walk(&mut |expr| {
        let ExprKind::Call { function, args, .. } = &expr.kind else { return };
        let Some(arg) = args.first().filter(|_| function.needs_two_samples()) else { return };
        match &arg.unparen().kind {
            ExprKind::Range { selector, range, .. } if selector.modifiers.edges.is_none() => {
                scraped(place, function.name, range, found);
            }
            ExprKind::Subquery(subquery) => evaluated(place, function.name, subquery, found),
            _ => {}
        }
    });
}

/// Looks at a range of samples that were scraped.
fn scraped(place: &Place<'_>, name: &str, range: &DurationExpr, found: &mut Found) {
    let Some(length) = duration(range) else { return };
    match place.subject.options.scrape_interval {
        Some(scrape) if length.0 < scrape.0.saturating_mul(2) => {
            let message =
                format!("`{name}` needs two samples: with a scrape every {scrape} a range of {length} often holds one");
            let help = format!("write `[{}]` or more: four scrape intervals", Millis(scrape.0.saturating_mul(4)));
            found.expr(place, range.span, message).help.push(help);
        }
        // Native rules look at recordings, which may be dense.
        None if length < SHORTEST && place.file.form == Form::Prometheus => {
            let half = Millis(length.0 / 2);
            let message = format!(
                "`{name}` needs two samples: {length} hold them only where targets are scraped every {half} or more often"
            );
            let finding = found.expr(place, range.span, message);
            finding.severity = Severity::Warning;
            finding
                .help
                .push(format!("write `[5m]`, or say that targets are scraped so often: `--scrape-interval {half}`"));
        }
        _ => {}
    }
}

/// Looks at a range of a subquery.
pub(in crate::lint) fn evaluated(place: &Place<'_>, name: &str, subquery: &Subquery, found: &mut Found) {
    let step = subquery.step.as_ref().and_then(duration);
    let (Some(length), Some(step)) = (duration(&subquery.range), step) else { return };
    if step > Millis::ZERO && length.0 < step.0.saturating_mul(2) {
        let message = format!("`{name}` needs two samples: a range of {length} has one step of {step}");
        let help = format!("make the range two steps or more, such as `[{}:{step}]`", Millis(step.0.saturating_mul(4)));
        found.expr(place, subquery.range.span, message).help.push(help);
    }
}
