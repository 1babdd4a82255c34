//! A range that holds too few samples.

use super::super::evidence::Evidence;
use super::super::rule::range_too_short::evaluated;
use super::super::subject::Place;
use super::super::{Check, Found, Lint, Page};
use super::parts::written;
use crate::diagnostic::{Severity, codes};
use crate::format::{count, counted, duration};
use crate::promql::ast::{Expr, ExprKind};
use crate::source::Span;
use crate::store::SeriesId;
use crate::time::Millis;

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::RANGE_TOO_SHORT,
    page: Page {
        why: "`rate()`, `increase()`, `deriv()` and the like need two samples in their range. Where samples are as far \
              apart as the range is long, there is only one, the function gives nothing, and the alert never fires. With \
              one missing sample the same happens to a range of two. Four samples are a good rule.\n\n\
              How far samples are apart is measured, series by series. Where the range is too short for some of them \
              only, it is a warning at most.",
        bad: "\
- alert: ManyErrors
  expr: rate(errors_total[1m]) > 0.3
  for: 2m
",
        clean: "\
- alert: ManyErrors
  expr: rate(errors_total[4m]) > 0.3
  for: 2m
",
        data: "\
time,host,errors_total
2026-01-05T00:00:00Z,a,10
2026-01-05T00:01:00Z,a,12
2026-01-05T00:02:00Z,a,13
2026-01-05T00:03:00Z,a,40
2026-01-05T00:04:00Z,a,90
2026-01-05T00:05:00Z,a,191
2026-01-05T00:06:00Z,a,292
2026-01-05T00:07:00Z,a,393
2026-01-05T00:08:00Z,a,494
2026-01-05T00:09:00Z,a,495
",
    },
    check: Check::Data(check),
};

/// What a function does with too few samples.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// It gives nothing.
    Two,
    /// It gives what the samples themselves are.
    Several,
    /// It asks for one.
    One,
}

/// Returns what a function over a range needs.
fn needs(function: &str) -> Needs {
    match function {
        "rate"
        | "irate"
        | "increase"
        | "delta"
        | "idelta"
        | "deriv"
        | "predict_linear"
        | "double_exponential_smoothing"
        | "changes"
        | "resets" => Needs::Two,
        "avg_over_time" | "max_over_time" | "min_over_time" | "sum_over_time" | "quantile_over_time"
        | "stddev_over_time" | "stdvar_over_time" | "mad_over_time" => Needs::Several,
        _ => Needs::One,
    }
}

fn check(evidence: &Evidence<'_>, found: &mut Found) {
    for (place, _) in evidence.rules() {
        place.rule.expr.walk(&mut |expr| {
            let ExprKind::Call { function, args, .. } = &expr.kind else { return };
            for arg in args {
                let (selector, range) = match &arg.unparen().kind {
                    ExprKind::Range { selector, range, .. } => (selector, range),
                    // Its steps are as far apart as it says, whatever is recorded.
                    ExprKind::Subquery(subquery) if needs(function.name) == Needs::Two => {
                        evaluated(&place, function.name, subquery, found);
                        continue;
                    }
                    _ => continue,
                };
                let spacings = evidence.series(selector).into_iter().filter_map(|id| Some((evidence.spacing(id)?, id)));
                let mut spacings: Vec<(Millis, SeriesId)> = spacings.collect();
                spacings.sort_unstable_by_key(|(spacing, id)| (*spacing, id.0));
                let is_absent = function.name.starts_with("absent");
                if let Some(long) = written(range).filter(|long| long.0 > 0 && !spacings.is_empty() && !is_absent) {
                    judge(evidence, &place, (function.name, arg, range.span), long, &spacings, found);
                }
            }
        });
    }
}

/// Judges a range by how far the samples of the series are apart, the nearest first.
fn judge(
    evidence: &Evidence<'_>,
    place: &Place<'_>,
    (function, arg, at): (&str, &Expr, Span),
    range: Millis,
    spacings: &[(Millis, SeriesId)],
    found: &mut Found,
) {
    let short: Vec<_> = spacings
        .iter()
        .filter_map(|(spacing, id)| Some((too_short(function, range, *spacing)?, *spacing, *id)))
        .collect();
    // The usual series, where it is too short for all, else one for which it is at its worst.
    let of_all = short.len() == spacings.len();
    let told = if of_all { short.get(short.len() / 2) } else { short.last() };
    let Some(((judged, effect), usual, id)) = told else { return };
    let same = |one: &&((Severity, String), Millis, SeriesId)| one.0.0 == *judged;
    let alike = short.iter().filter(same).count();
    let severity = if alike < spacings.len() { (*judged).max(Severity::Warning) } else { *judged };
    let holds = match (range.0 / usual.0.max(1), range.0 % usual.0.max(1)) {
        (0, _) => "at most one sample".to_owned(),
        (many, 0) => counted(many.unsigned_abs(), "sample"),
        (many, _) => format!("{many} or {}", counted(many.unsigned_abs() + 1, "sample")),
    };
    let of = match alike < spacings.len() {
        true => format!(" of `{}`", evidence.recorded.store.labels(*id)),
        false => String::new(),
    };
    let message =
        format!("a range of {} holds {holds}{of}: one comes every {}, {effect}", duration(range), duration(*usual));
    let finding = found.expr(place, at, message);
    finding.severity = severity;
    if alike < spacings.len() {
        finding.help.push(format!("so it is with {} of {} series", count(alike as u64), count(spacings.len() as u64)));
    }
    let enough = Millis(usual.0.saturating_mul(4));
    finding.help.push(format!("four samples: `[{}]` instead of `[{}]`", rounded(enough), written_in(place, arg, at)));
}

/// Returns how bad a range is for samples that are so far apart, and what comes of it, if it is too short.
fn too_short(function: &str, range: Millis, spacing: Millis) -> Option<(Severity, String)> {
    // Between n and n + 1 samples: a range has its end and not its beginning.
    let surely = range.0 / spacing.0.max(1);
    let fits = surely >= 2 && range.0 > 2 * spacing.0;
    Some(match needs(function) {
        Needs::Two if range <= spacing => {
            (Severity::Error, format!("`{function}()` needs two and never gives a value"))
        }
        Needs::Two if surely < 2 => {
            (Severity::Warning, format!("`{function}()` needs two and gives a value only now and then"))
        }
        Needs::Two if !fits => (Severity::Info, format!("with one missing, `{function}()` gives nothing")),
        Needs::Several | Needs::One if surely < 1 => {
            (Severity::Warning, format!("`{function}()` mostly has nothing to look at"))
        }
        Needs::Several if surely < 2 => (Severity::Info, format!("`{function}()` gives the sample itself")),
        _ => return None,
    })
}

/// Returns the range as it was written.
fn written_in<'a>(place: &Place<'a>, arg: &Expr, at: Span) -> &'a str {
    let text = &place.rule.text.text;
    text.get(at.range()).or_else(|| text.get(arg.span.range())).unwrap_or("")
}

/// Rounds a duration up to whole seconds or minutes.
fn rounded(span: Millis) -> Millis {
    let unit = if span.0 > 120_000 { 60_000 } else { 1000 };
    Millis((span.0 + unit - 1).div_euclid(unit).saturating_mul(unit))
}
