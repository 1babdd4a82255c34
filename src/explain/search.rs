//! Why a part of an expression has no sample at a step: the part further down that decided it, and what it lacked.

use crate::labels::{LabelSet, METRIC_NAME};
use crate::outcome::Known;
use crate::promql::ast::{AggregateOp, Binary, BinaryOp, Expr, ExprKind, Side, Type};
use crate::promql::query::nodes::NodeValue;
use crate::promql::query::{SampleValue, Series, Value};
use crate::time::Timestamp;

use super::case::{Case, Part, reset, rows, samples};
use super::lineage::{Wanted, partner};
use super::why::{Why, distance};

/// What decided that a part has no sample.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Decided {
    /// The part, counted in the order of [`Expr::walk`].
    pub part: usize,
    /// What it lacked.
    pub why: Why,
}

/// Looks for reasons at one step.
pub(crate) struct Search<'a, 'b> {
    pub(crate) case: &'b Case<'a>,
    pub(crate) known: &'b Known<'a>,
    pub(crate) values: &'b [Option<NodeValue>],
    pub(crate) slot: Timestamp,
}

impl Search<'_, '_> {
    /// Returns what decided that a part has no sample of what is wanted.
    pub(crate) fn absent(&self, part: usize, wanted: &Wanted) -> Decided {
        let own = |why| Decided { part, why };
        let value = self.values[part].as_ref();
        let expr = self.case.outline[part].expr;
        let below = &self.case.outline[part].below;
        if let Some(Err(error)) = value.map(|value| &value.value) {
            // The part that failed first is the one to look at.
            let failed =
                below.iter().find(|part| self.values[**part].as_ref().is_some_and(|value| value.value.is_err()));
            return match failed {
                Some(part) => self.absent(*part, &Wanted::any()),
                None => own(Why::Failed { message: error.to_string() }),
            };
        }
        let of_parts = super::lineage::parts(expr, wanted);
        match &expr.kind {
            ExprKind::Subquery(_) if value.is_some() && self.values[below[0]].is_none() => {
                own(Why::NoStep { subquery: expr.to_string() })
            }
            ExprKind::Paren(_) | ExprKind::Unary { .. } | ExprKind::Subquery(_) => self.absent(below[0], &of_parts[0]),
            ExprKind::Binary(binary) => self.binary(part, binary, &of_parts),
            ExprKind::Selector(selector) | ExprKind::Range { selector, .. } => {
                own(self.selected(selector, wanted, value.map_or(self.slot, |value| value.at)))
            }
            ExprKind::Call { function, .. } => match function.name {
                "absent" | "absent_over_time" => own(self.there(below[0])),
                name => {
                    let vectors = below.iter().zip(&of_parts);
                    let mut vectors = vectors.filter(|(part, _)| self.case.outline[**part].expr.ty() != Type::Scalar);
                    let Some((input, wanted)) =
                        vectors.find(|(part, _)| self.case.outline[**part].expr.ty() != Type::String)
                    else {
                        return own(Why::Nothing);
                    };
                    if function.needs_two_samples()
                        && let Some((range, series, found)) = self.few(*input, wanted)
                    {
                        let spacing = self.case.spacing(&series);
                        return own(Why::FewSamples { function: name, range, series, found, spacing });
                    }
                    let found = self.found(*input, wanted);
                    let of_histograms = name.starts_with("histogram_");
                    match of_one_kind(&found) {
                        _ if found.is_empty() => self.absent(*input, wanted),
                        Some((row, false)) if takes_buckets(name) => own(Why::NoBuckets { row: row.clone() }),
                        Some((series, histograms)) if histograms != of_histograms && !takes_both(name) => {
                            own(other_kind(name, series, histograms))
                        }
                        _ if name == "clamp" => own(self.bounds(below)),
                        _ => own(Why::Nothing),
                    }
                }
            },
            ExprKind::Aggregate(aggregate) => {
                let (Some(input), Some(wanted)) = (below.last(), of_parts.last()) else { return own(Why::Nothing) };
                let op = aggregate.op;
                let found = self.found(*input, wanted);
                if let Some((series, true)) = of_one_kind(&found).filter(|_| takes_floats(op)) {
                    return own(other_kind(op.name(), series, true));
                }
                let chooses = matches!(
                    op,
                    AggregateOp::TopK | AggregateOp::BottomK | AggregateOp::LimitK | AggregateOp::LimitRatio
                );
                match rows(self.values[*input].as_ref(), wanted).into_iter().next() {
                    Some((labels, value)) if chooses => {
                        let of = match self.values[below[0]].as_ref().map(|value| &value.value) {
                            Some(Ok(Value::Scalar(of))) if op != AggregateOp::LimitRatio => Some(*of),
                            _ => None,
                        };
                        own(Why::NotChosen { labels, value, of })
                    }
                    Some(_) => own(Why::Nothing),
                    None => self.absent(*input, wanted),
                }
            }
            ExprKind::Number { .. } | ExprKind::String(_) | ExprKind::Invalid => own(Why::Nothing),
        }
    }

    /// Returns the series of a part that have samples and a part in what is wanted, and whether the last sample of each is
    /// a native histogram.
    fn found(&self, part: usize, wanted: &Wanted) -> Vec<(LabelSet, bool)> {
        let is_histogram = |value: &SampleValue| value.float().is_none();
        match self.values[part].as_ref().map(|value| &value.value) {
            Some(Ok(Value::Matrix(series))) => {
                let taken = series.iter().filter(|one| wanted.takes(&one.labels));
                let last = |one: &Series| Some((one.labels.clone(), is_histogram(&one.samples.last()?.1)));
                taken.filter_map(last).collect()
            }
            _ => {
                let samples = samples(self.values[part].as_ref(), wanted).into_iter();
                samples.map(|(labels, value)| (labels, is_histogram(&value))).collect()
            }
        }
    }

    fn binary(&self, part: usize, binary: &Binary, of_parts: &[Wanted]) -> Decided {
        let own = |why| Decided { part, why };
        let [lhs, rhs] = [self.case.outline[part].below[0], self.case.outline[part].below[1]];
        let is_scalar = |part: usize| self.case.outline[part].expr.ty() == Type::Scalar;
        let of = |part: usize, wanted: &Wanted| rows(self.values[part].as_ref(), wanted);
        let (left, right) = (of(lhs, &of_parts[0]), of(rhs, &of_parts[1]));
        if binary.op == BinaryOp::Or {
            // Of two sides that have nothing the one that came nearer.
            let sides = [self.absent(lhs, &of_parts[0]), self.absent(rhs, &of_parts[1])];
            let nearer = usize::from(sides[1].why.tells() > sides[0].why.tells());
            let [left, right] = sides;
            return if nearer == 1 { right } else { left };
        }
        if binary.op != BinaryOp::Unless {
            // What can never be there decides, whatever the other side lacks just now.
            let sides = [lhs, rhs].into_iter().zip(of_parts).filter(|(part, _)| !is_scalar(*part));
            let empty = sides.filter(|(part, _)| of(*part, &Wanted::any()).is_empty());
            let mut reasons = empty.map(|(part, wanted)| self.absent(part, wanted));
            if let Some(never) = reasons.find(|decided| decided.why.is_never()) {
                return never;
            }
        }
        if left.is_empty() && !is_scalar(lhs) {
            return self.absent(lhs, &of_parts[0]);
        }
        let vectors = !is_scalar(lhs) && !is_scalar(rhs);
        if right.is_empty() && !vectors {
            return self.absent(rhs, &of_parts[1]);
        }
        if vectors {
            let Some((row, _)) = left.first() else { return own(Why::Nothing) };
            let matching = binary.matching.as_ref();
            let pairs = left.iter().filter_map(|(row, value)| {
                let (other, found) = of(rhs, &partner(matching, row)).into_iter().next()?;
                Some((row, *value, other, found))
            });
            let pairs: Vec<(&LabelSet, f64, LabelSet, f64)> = pairs.collect();
            let Some((_, _, by, value)) = pairs.first() else {
                let key = partner(matching, row);
                let all = of(rhs, &Wanted::any());
                // A right side that filters may have had the partner, and left it out.
                let further = self.absent(rhs, &key);
                let filtered = matches!(further.why, Why::False { .. } | Why::NoSample { .. } | Why::FewSamples { .. });
                return if all.is_empty() || filtered { further } else { own(self.no_partner(binary, row, &all)) };
            };
            if binary.op == BinaryOp::Unless {
                return own(Why::Taken { by: by.clone(), value: *value });
            }
            if !binary.op.is_comparison() {
                return own(self.kinds(binary.op, [lhs, rhs], of_parts));
            }
            let far = |pair: &(&LabelSet, f64, LabelSet, f64)| distance(pair.1, pair.3);
            let close = pairs.iter().min_by(|a, b| far(a).total_cmp(&far(b)));
            return own(close.map_or(Why::Nothing, |(row, left, _, right)| Why::False {
                op: binary.op,
                labels: (*row).clone(),
                left: *left,
                right: *right,
                scalar: None,
                written: false,
                others: pairs.len() - 1,
            }));
        }
        if !binary.op.is_comparison() {
            return own(self.kinds(binary.op, [lhs, rhs], of_parts));
        }
        let scalar = if is_scalar(rhs) { rhs } else { lhs };
        if let Some(decided) = self.not_one(scalar) {
            return decided;
        }
        let vector = if is_scalar(rhs) { (lhs, &of_parts[0]) } else { (rhs, &of_parts[1]) };
        let found = self.found(vector.0, vector.1);
        if let Some((series, true)) = of_one_kind(&found) {
            return own(other_kind(binary.op.symbol(), series, true));
        }
        let (rows, limit, turned) = if is_scalar(rhs) { (&left, right[0].1, false) } else { (&right, left[0].1, true) };
        let close = nearest_to(rows, limit);
        let (labels, value) = close.cloned().unwrap_or((LabelSet::empty(), f64::NAN));
        let (left, right) = if turned { (limit, value) } else { (value, limit) };
        let written = is_number(self.case.outline[scalar].expr);
        let scalar = Some(if turned { Side::Left } else { Side::Right });
        own(Why::False { op: binary.op, labels, left, right, scalar, written, others: rows.len().saturating_sub(1) })
    }

    /// Says that an operator of arithmetic has no result for the kinds of its sides, where all of a side are of one kind.
    fn kinds(&self, op: BinaryOp, sides: [usize; 2], of_parts: &[Wanted]) -> Why {
        let [left, right] = [0, 1].map(|side| self.found(sides[side], &of_parts[side]));
        match (of_one_kind(&left), of_one_kind(&right)) {
            // Those whose buckets do not go together.
            (Some((_, true)), Some((_, true))) if matches!(op, BinaryOp::Add | BinaryOp::Sub) => Why::Nothing,
            (Some((series, true)), Some((_, of_right))) => {
                Why::Kinds { op, histograms: [true, of_right], series: series.clone() }
            }
            (Some((_, false)), Some((series, true))) => {
                Why::Kinds { op, histograms: [false, true], series: series.clone() }
            }
            _ => Why::Nothing,
        }
    }

    /// Says that the bounds of `clamp`, of whose parts these are the numbers, have nothing between them.
    fn bounds(&self, parts: &[usize]) -> Why {
        let scalars = parts.iter().filter(|part| self.case.outline[**part].expr.ty() == Type::Scalar);
        let numbers =
            scalars.filter_map(|part| rows(self.values[*part].as_ref(), &Wanted::any()).first().map(|row| row.1));
        match numbers.collect::<Vec<_>>()[..] {
            [min, max] if min > max => Why::NoBounds { min, max },
            _ => Why::Nothing,
        }
    }

    /// Returns the call of `scalar` in a scalar part that has other than one series.
    fn not_one(&self, part: usize) -> Option<Decided> {
        let Part { expr, below } = &self.case.outline[part];
        if let ExprKind::Call { function, .. } = &expr.kind
            && function.name == "scalar"
        {
            let of = rows(self.values[below[0]].as_ref(), &Wanted::any()).len();
            return (of != 1).then(|| Decided { part, why: Why::NotOne { scalar: expr.to_string(), of } });
        }
        below.iter().find_map(|below| self.not_one(*below))
    }

    /// Says which row of the other side is most like one that has no partner there.
    fn no_partner(&self, binary: &Binary, row: &LabelSet, all: &[(LabelSet, f64)]) -> Why {
        let (on, labels): (bool, &[String]) = match &binary.matching {
            Some(matching) => (matching.on, &matching.labels),
            None => (false, &[]),
        };
        let differs = |other: &LabelSet| -> Vec<String> {
            let names = row.iter().chain(other.iter()).map(|(name, _)| name);
            let mut names: Vec<&str> =
                names.filter(|name| *name != METRIC_NAME && labels.iter().any(|one| one == name) == on).collect();
            names.sort_unstable();
            names.dedup();
            names.retain(|name| row.get(name) != other.get(name));
            names.into_iter().map(str::to_owned).collect()
        };
        let nearest = all
            .iter()
            .map(|(other, _)| (differs(other), other))
            .min_by_key(|(differs, other)| (differs.len(), other.to_string()));
        let (differs, nearest) = nearest.map(|(differs, other)| (differs, other.clone())).unzip();
        Why::NoPartner { op: binary.op, row: row.clone(), nearest, differs: differs.unwrap_or_default() }
    }

    /// Returns the series of a part of which one should not be there.
    fn there(&self, part: usize) -> Why {
        let rows = match self.values[part].as_ref().map(|value| &value.value) {
            Some(Ok(Value::Vector(samples))) => samples.iter().map(|(labels, _)| labels.clone()).collect(),
            Some(Ok(Value::Matrix(series))) => series.iter().map(|series| series.labels.clone()).collect(),
            _ => Vec::new(),
        };
        rows.first().cloned().map_or(Why::Nothing, |series| Why::There { series, of: rows.len() })
    }

    /// Returns the range that has samples, and too few of them for a function that needs two: that of the series with the
    /// most.
    fn few(&self, part: usize, wanted: &Wanted) -> Option<(String, LabelSet, Vec<Timestamp>)> {
        let Some(Ok(Value::Matrix(series))) = self.values[part].as_ref().map(|value| &value.value) else { return None };
        let taken = series.iter().rev().filter(|series| wanted.takes(&series.labels));
        let one = taken.max_by_key(|series| series.samples.len()).filter(|one| one.samples.len() == 1)?;
        let times = one.samples.iter().map(|(at, _)| *at).collect();
        Some((self.case.outline[part].expr.to_string(), one.labels.clone(), times))
    }

    /// Returns a counter that began again since the evaluation before, within a range that a result was made of.
    pub(crate) fn reset(&self, before: &[Option<NodeValue>], wanted: &[Wanted]) -> Option<Why> {
        fn series(value: Option<&NodeValue>) -> &[Series] {
            match value.map(|value| &value.value) {
                Some(Ok(Value::Matrix(series))) => series,
                _ => &[],
            }
        }
        let counted = (0..self.case.outline.len()).filter(|part| self.case.is_counted(*part));
        let mut ranges = counted.flat_map(|part| {
            let own = series(self.values[part].as_ref()).iter().filter(move |one| wanted[part].takes(&one.labels));
            own.map(move |one| (part, one))
        });
        ranges.find_map(|(part, one)| {
            let seen = series(before[part].as_ref()).iter().find(|other| other.labels == one.labels);
            let seen = seen.and_then(|seen| seen.samples.last()).map(|(time, _)| *time);
            let is_new = |time: Timestamp| seen.is_none_or(|seen| time > seen);
            let mut resets = one.samples.windows(2).filter_map(reset);
            let (at, before, then) = resets.find(|(at, ..)| is_new(*at))?;
            Some(Why::Reset { series: one.labels.clone(), at, before, then })
        })
    }

    /// Returns why a series has no sample that had one before: of any selector below a part.
    pub(crate) fn lost(&self, before: &[Option<NodeValue>], wanted: &[Wanted]) -> Option<Why> {
        let parts = self.case.outline.iter().enumerate();
        parts
            .filter_map(|(at, part)| match &part.expr.kind {
                ExprKind::Selector(selector) | ExprKind::Range { selector, .. } => Some((at, selector)),
                _ => None,
            })
            .find_map(|(at, selector)| {
                let now = present(self.values[at].as_ref());
                let gone =
                    present(before[at].as_ref()).into_iter().find(|one| wanted[at].takes(one) && !now.contains(one))?;
                let why = self.selected(
                    selector,
                    &Wanted::of(gone),
                    self.values[at].as_ref().map_or(self.slot, |one| one.at),
                );
                matches!(why, Why::NoSample { .. } | Why::Source { .. }).then_some(why)
            })
    }
}

fn other_kind(by: &str, series: &LabelSet, histograms: bool) -> Why {
    Why::OtherKind { by: by.to_owned(), series: series.clone(), histograms }
}

/// Returns the first of some series and whether it has native histograms, if that is so of all or of none.
fn of_one_kind(found: &[(LabelSet, bool)]) -> Option<(&LabelSet, bool)> {
    let (series, histograms) = found.first()?;
    found.iter().all(|(_, other)| other == histograms).then_some((series, *histograms))
}

/// Returns whether a function takes native histograms, or the floats that are the buckets of classic ones.
fn takes_buckets(function: &str) -> bool {
    matches!(function, "histogram_quantile" | "histogram_quantiles" | "histogram_fraction")
}

/// Returns whether a function that may give nothing for samples of one kind takes both kinds.
fn takes_both(function: &str) -> bool {
    matches!(function, "rate" | "increase" | "delta" | "irate" | "idelta" | "sum_over_time" | "avg_over_time")
}

/// Returns whether an aggregation leaves out native histograms.
fn takes_floats(op: AggregateOp) -> bool {
    use AggregateOp::{BottomK, Max, Min, Quantile, Stddev, Stdvar, TopK};
    matches!(op, Min | Max | Stddev | Stdvar | Quantile | TopK | BottomK)
}

/// Returns whether an expression is a number, with or without a sign.
fn is_number(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Number { .. } => true,
        ExprKind::Paren(inner) | ExprKind::Unary { expr: inner, .. } => is_number(inner),
        _ => false,
    }
}

/// Returns the series that a selector has samples of.
fn present(value: Option<&NodeValue>) -> Vec<&LabelSet> {
    match value.map(|value| &value.value) {
        Some(Ok(Value::Vector(samples))) => samples.iter().map(|(labels, _)| labels).collect(),
        Some(Ok(Value::Matrix(series))) => {
            series.iter().filter(|one| !one.samples.is_empty()).map(|one| &one.labels).collect()
        }
        _ => Vec::new(),
    }
}

/// Returns the row whose value comes nearest to a limit.
fn nearest_to(rows: &[(LabelSet, f64)], limit: f64) -> Option<&(LabelSet, f64)> {
    rows.iter().min_by(|a, b| distance(a.1, limit).total_cmp(&distance(b.1, limit)))
}
