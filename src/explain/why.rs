//! Why a part of an expression has no sample at a step: the part further down that decided it, and what it lacked.

use crate::labels::{LabelSet, METRIC_NAME, MatchOp, Matcher};
use crate::outcome::{Known, Lack, MissingMetric, NoSource, Unmatched, selector_text};
use crate::promql::ast::{At, Binary, BinaryOp, ExprKind, Modifiers, Selector, Type};
use crate::promql::duration::{DurationContext, evaluate_duration};
use crate::promql::query::Value;
use crate::promql::query::nodes::NodeValue;
use crate::store::{SeriesId, Store, is_stale};
use crate::time::{Millis, Timestamp};

use super::case::{Case, rows};
use super::lineage::{Wanted, partner};

/// What decided that a part has no sample.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Decided {
    /// The part, counted in the order of [`Expr::walk`].
    pub part: usize,
    /// What it lacked.
    pub why: Why,
}

/// Why there is no sample.
#[derive(Clone, Debug, PartialEq)]
pub enum Why {
    /// The evaluation failed.
    Failed {
        /// Prometheus' words.
        message: String,
    },
    /// A comparison does not hold.
    False {
        /// Its operator.
        op: BinaryOp,
        /// The labels of the left side, or of the only side that is a vector.
        labels: LabelSet,
        /// The left side.
        left: f64,
        /// The right side.
        right: f64,
        /// How many other series were compared and were not true either.
        others: usize,
    },
    /// The series is in the recording, and has no sample that counts.
    NoSample {
        /// The selector.
        selector: String,
        /// The series, or one of them.
        series: LabelSet,
        /// How many series there are.
        of: usize,
        /// Its last sample before.
        last: Option<Timestamp>,
        /// Its next sample.
        next: Option<Timestamp>,
        /// When the recording marks it as stale, if it does.
        ended: Option<Timestamp>,
        /// The series of `up` of the same target that was 0 at that time.
        down: Option<LabelSet>,
    },
    /// No series has the labels that the other parts have.
    NoSeries {
        /// The selector.
        selector: String,
        /// What was looked for.
        wanted: LabelSet,
        /// The series that is most like it.
        nearest: Option<LabelSet>,
    },
    /// No series at all satisfies the matchers of a selector.
    NoMatch {
        /// The selector.
        selector: String,
        /// What it lacks, where that is known.
        unmatched: Option<Unmatched>,
    },
    /// The metric is not in the recording, and no rule writes it.
    NoMetric {
        /// The metric, with those that are near.
        metric: MissingMetric,
    },
    /// Rules write the metric, and had nothing to write.
    NoSource(NoSource),
    /// A range has fewer samples than the function needs.
    FewSamples {
        /// The function.
        function: &'static str,
        /// The range, as it is written.
        range: String,
        /// The series.
        series: LabelSet,
        /// The samples in the range.
        found: Vec<Timestamp>,
    },
    /// A row of one side has no partner on the other.
    NoPartner {
        /// The operator.
        op: BinaryOp,
        /// The row.
        row: LabelSet,
        /// The row of the other side that is most like it.
        nearest: Option<LabelSet>,
        /// The labels that differ between them, of those that must be equal.
        differs: Vec<String>,
    },
    /// The right side of `unless` takes it away.
    Taken {
        /// The row there.
        by: LabelSet,
        /// Its value.
        value: f64,
    },
    /// What should be absent is there.
    There {
        /// The first of the series.
        series: LabelSet,
        /// How many there are.
        of: usize,
    },
    /// `topk` or the like chose others.
    NotChosen {
        /// The row.
        labels: LabelSet,
        /// Its value.
        value: f64,
    },
    /// Nothing further is known.
    Nothing,
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
                    match self.few(*input, wanted, function.needs_two_samples()) {
                        Some((range, series, found)) => own(Why::FewSamples { function: name, range, series, found }),
                        None => self.absent(*input, wanted),
                    }
                }
            },
            ExprKind::Aggregate(_) => {
                let (Some(input), Some(wanted)) = (below.last(), of_parts.last()) else { return own(Why::Nothing) };
                match rows(self.values[*input].as_ref(), wanted).into_iter().next() {
                    Some((labels, value)) => own(Why::NotChosen { labels, value }),
                    None => self.absent(*input, wanted),
                }
            }
            ExprKind::Number { .. } | ExprKind::String(_) | ExprKind::Invalid => own(Why::Nothing),
        }
    }

    fn binary(&self, part: usize, binary: &Binary, of_parts: &[Wanted]) -> Decided {
        let own = |why| Decided { part, why };
        let [lhs, rhs] = [self.case.outline[part].below[0], self.case.outline[part].below[1]];
        let is_scalar = |part: usize| self.case.outline[part].expr.ty() == Type::Scalar;
        let of = |part: usize, wanted: &Wanted| rows(self.values[part].as_ref(), wanted);
        let (left, right) = (of(lhs, &of_parts[0]), of(rhs, &of_parts[1]));
        if left.is_empty() && (binary.op != BinaryOp::Or || right.is_empty()) && !is_scalar(lhs) {
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
                return own(Why::Nothing);
            }
            let far = |pair: &(&LabelSet, f64, LabelSet, f64)| distance(pair.1, pair.3);
            let close = pairs.iter().min_by(|a, b| far(a).total_cmp(&far(b)));
            return own(close.map_or(Why::Nothing, |(row, left, _, right)| Why::False {
                op: binary.op,
                labels: (*row).clone(),
                left: *left,
                right: *right,
                others: pairs.len() - 1,
            }));
        }
        if !binary.op.is_comparison() {
            return own(Why::Nothing);
        }
        let (rows, limit, turned) = if is_scalar(rhs) { (&left, right[0].1, false) } else { (&right, left[0].1, true) };
        let close = nearest_to(rows, limit);
        let (labels, value) = close.cloned().unwrap_or((LabelSet::empty(), f64::NAN));
        let (left, right) = if turned { (limit, value) } else { (value, limit) };
        own(Why::False { op: binary.op, labels, left, right, others: rows.len().saturating_sub(1) })
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

    /// Returns the range that has samples, too few for a function.
    fn few(&self, part: usize, wanted: &Wanted, needs_two: bool) -> Option<(String, LabelSet, Vec<Timestamp>)> {
        let Some(Ok(Value::Matrix(series))) = self.values[part].as_ref().map(|value| &value.value) else { return None };
        let one = series.iter().find(|series| wanted.takes(&series.labels) && !series.samples.is_empty())?;
        let times = one.samples.iter().map(|(at, _)| *at).collect();
        needs_two.then(|| (self.case.outline[part].expr.to_string(), one.labels.clone(), times))
    }

    /// Says why a selector has no sample at a time.
    fn selected(&self, selector: &Selector, wanted: &Wanted, at: Timestamp) -> Why {
        let at = reference(&selector.modifiers, at);
        let text = selector_text(selector);
        let written = self.case.inputs.written;
        let hidden = written.map(|written| written.hidden.clone()).unwrap_or_default();
        let recorded = &self.case.recorded.store;
        let stores = [Some((recorded, hidden)), written.map(|written| (written.store, Default::default()))];
        let mut matching: Vec<(&Store, SeriesId)> = Vec::new();
        for (store, hidden) in stores.iter().flatten() {
            matching.extend(store.matching(&selector.matchers, hidden).into_iter().map(|id| (*store, id)));
        }
        if let Some(only) = self.case.inputs.only {
            matching.retain(|(store, id)| {
                let own = if std::ptr::eq(*store, recorded) { only.recorded } else { only.written };
                own.contains(id)
            });
        }
        if matching.is_empty() {
            return match self.known.lack_of(selector) {
                Some(Lack::Metric(name)) => Why::NoMetric { metric: self.known.missing(&name, true) },
                Some(Lack::Series(unmatched)) => Why::NoMatch { selector: text, unmatched: Some(unmatched) },
                Some(Lack::Source(source)) => Why::NoSource(source),
                None => Why::NoMatch { selector: text, unmatched: None },
            };
        }
        let fits = |(store, id): &&(&Store, SeriesId)| wanted.takes(store.labels(*id));
        let fitting: Vec<&(&Store, SeriesId)> = matching.iter().filter(fits).collect();
        // Of several the one that had a sample last.
        let last = |(store, id): &(&Store, SeriesId)| {
            let samples = store.samples(*id, Timestamp::MIN, at);
            let live = samples.times.iter().zip(samples.values).rev().find(|(_, value)| !is_stale(**value));
            let ended = samples.times.last().zip(samples.values.last()).filter(|(_, value)| is_stale(**value));
            let ended = ended.map(|(time, _)| *time).filter(|time| !store.inferred(*id, *time));
            (live.map(|(time, _)| *time), ended)
        };
        let Some((store, id)) = fitting.iter().copied().max_by_key(|one| last(one).0) else {
            let labels = wanted.labels();
            let all = matching.iter().map(|(store, id)| store.labels(*id));
            return Why::NoSeries { selector: text, nearest: most_alike(&labels, all), wanted: labels };
        };
        let (last, ended) = last(&(*store, *id));
        let after = store.samples(*id, at, Timestamp::MAX);
        let next = after.times.iter().zip(after.values).find(|(_, value)| !is_stale(**value)).map(|(time, _)| *time);
        let series = store.labels(*id).clone();
        let down = self.down(&series, at);
        Why::NoSample { selector: text, of: fitting.len(), series, last, next, ended, down }
    }

    /// Returns the series of `up` of a series' target, if it is 0 at a time.
    fn down(&self, series: &LabelSet, at: Timestamp) -> Option<LabelSet> {
        let own = ["job", "instance"].iter().filter_map(|name| Some((*name, series.get(name)?)));
        let mut matchers: Vec<Matcher> =
            own.filter_map(|(name, value)| Matcher::new(name, MatchOp::Equal, value).ok()).collect();
        if !matchers.iter().any(|matcher| matcher.name == "instance") || series.metric() == Some("up") {
            return None;
        }
        matchers.extend(Matcher::new(METRIC_NAME, MatchOp::Equal, "up"));
        let store = &self.case.recorded.store;
        store.matching(&matchers, &Default::default()).into_iter().find_map(|id| {
            let (_, value) = store.newest(id, at.minus(self.case.lookback()), at)?;
            (value == 0.0).then(|| store.labels(id).clone())
        })
    }
}

/// Returns the time that a selector reads up to.
pub(crate) fn reference(modifiers: &Modifiers, at: Timestamp) -> Timestamp {
    let from = match modifiers.at {
        Some(At::Time(time)) => time,
        Some(At::Start | At::End) | None => at,
    };
    let context = DurationContext { step: Millis::ZERO, range: Millis::ZERO };
    let offset = modifiers.offset.as_ref().and_then(|offset| evaluate_duration(offset, context).ok());
    from.minus(offset.unwrap_or(Millis::ZERO))
}

/// Returns how far a value is from another one; NaN is farthest.
pub(crate) fn distance(a: f64, b: f64) -> f64 {
    let far = (a - b).abs();
    if far.is_nan() { f64::INFINITY } else { far }
}

/// Returns the row whose value comes nearest to a limit.
fn nearest_to(rows: &[(LabelSet, f64)], limit: f64) -> Option<&(LabelSet, f64)> {
    rows.iter().min_by(|a, b| distance(a.1, limit).total_cmp(&distance(b.1, limit)))
}

/// Returns the label set that has most in common with another one.
fn most_alike<'s>(labels: &LabelSet, all: impl Iterator<Item = &'s LabelSet>) -> Option<LabelSet> {
    let unlike = |other: &&LabelSet| labels.iter().filter(|(name, value)| other.get(name) != Some(value)).count();
    all.min_by_key(unlike).cloned()
}
