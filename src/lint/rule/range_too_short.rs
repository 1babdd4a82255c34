//! A range that holds no two samples.

use super::super::shape::duration;
use super::super::{Check, Found, Lint, Page, subject::Place};
use crate::diagnostic::{Severity, codes};
use crate::promql::ast::ExprKind;
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

/// The functions that need two samples.
const FUNCTIONS: [&str; 7] = ["rate", "irate", "increase", "delta", "idelta", "deriv", "predict_linear"];

/// The shortest range that is not reported where the scrape interval is unknown: two of 15s, the shortest that is common.
const SHORTEST: Millis = Millis(30_000);

fn check(place: &Place<'_>, found: &mut Found) {
    // Native rules look at recordings, which may be dense.
    let is_scraped = place.file.form == Form::Prometheus;
    place.rule.expr.walk(&mut |expr| {
        let ExprKind::Call { function, args, .. } = &expr.kind else { return };
        let Some(arg) = args.first().filter(|_| FUNCTIONS.contains(&function.name)) else { return };
        match &arg.unparen().kind {
            ExprKind::Range { selector, range, .. } if selector.modifiers.edges.is_none() => {
                let Some(length) = duration(range) else { return };
                let scrape = place.subject.options.scrape_interval;
                let least = Millis(scrape.map_or(SHORTEST.0, |scrape| scrape.0.saturating_mul(2)));
                if length >= least || scrape.is_none() && !is_scraped {
                    return;
                }
                let name = function.name;
                let (message, help) = match scrape {
                    Some(scrape) => (
                        format!("`{name}` needs two samples, and {length} hold one where targets are scraped every {scrape}"),
                        format!("write `[{}]` or more: four scrape intervals", Millis(scrape.0.saturating_mul(4))),
                    ),
                    None => (
                        format!("`{name}` needs two samples, and {length} hold two only where targets are scraped more often than every 15s"),
                        "write `[5m]`, or say how often targets are scraped, such as `--scrape-interval 5s`".to_owned(),
                    ),
                };
                let finding = found.expr(place, range.span, message);
                finding.help.push(help);
                if scrape.is_none() {
                    finding.severity = Severity::Warning;
                }
            }
            ExprKind::Subquery(subquery) => {
                let step = subquery.step.as_ref().and_then(duration);
                let (Some(length), Some(step)) = (duration(&subquery.range), step) else { return };
                if step.0 > 0 && length.0 < step.0.saturating_mul(2) {
                    let name = function.name;
                    let message = format!("`{name}` needs two samples, and a range of {length} has one step of {step}");
                    let help = format!("make the range two steps or more, such as `[{}:{step}]`", Millis(step.0.saturating_mul(4)));
                    found.expr(place, subquery.range.span, message).help.push(help);
                }
            }
            _ => {}
        }
    });
}
