//! The function `info`.

use std::collections::{BTreeMap, BTreeSet};

use alertctl::labels::{LabelSet, METRIC_NAME, MatchOp, Matcher};
use alertctl::promql::ast::{At, Expr, ExprKind, Modifiers};

use super::eval::{Evaluator, Sample, Vector};
use super::{Fault, SampleValue, durations, failed};

const IDENTIFYING: [&str; 2] = ["instance", "job"];

impl Evaluator<'_> {
    /// Evaluates `info(vector, {matchers})`.
    pub(crate) fn info(&self, args: &[Expr], steps: &[i64]) -> Result<Vec<Vector>, Fault> {
        let given: &[Matcher] = match args.get(1).map(|arg| &arg.unparen().kind) {
            Some(ExprKind::Selector(selector)) => &selector.matchers,
            _ => &[],
        };
        let (mut names, data): (Vec<Matcher>, Vec<Matcher>) =
            given.iter().cloned().partition(|matcher| matcher.name == METRIC_NAME);
        if names.is_empty() {
            names.push(Matcher::equal(METRIC_NAME, "target_info"));
        } else if names.iter().all(|matcher| matches!(matcher.op, MatchOp::NotEqual | MatchOp::NotRegex)) {
            names.push(Matcher::new(METRIC_NAME, MatchOp::Regex, ".+_info").expect("it is a regular expression"));
        }
        let vectors = self.vectors(&args[0], steps)?;
        let shift = self.info_shift(&args[0])?;
        let mut out = Vec::new();
        for (vector, step) in vectors.into_iter().zip(steps) {
            let at = shift.0.unwrap_or(*step) - shift.1;
            out.push(self.with_infos(vector, at, &names, &data)?);
        }
        self.unique(out)
    }

    /// Returns the fixed time at which infos are looked at, if there is one, and what is taken off it.
    fn info_shift(&self, expr: &Expr) -> Result<(Option<i64>, i64), Fault> {
        let mut path = Vec::new();
        if !first_selector(expr, &mut path) {
            return Ok((None, 0));
        }
        let mut offset = 0;
        for modifiers in path.iter().rev() {
            offset += durations::offset(modifiers, self.context)?;
            let fixed = match modifiers.at {
                None => continue,
                Some(At::Time(at)) => at.0,
                Some(At::Start) => self.context.start,
                Some(At::End) => self.context.end,
            };
            return Ok((Some(fixed), offset));
        }
        Ok((None, offset))
    }

    fn with_infos(&self, base: Vector, at: i64, names: &[Matcher], data: &[Matcher]) -> Result<Vector, Fault> {
        let is_info = |sample: &Sample| {
            let name = sample.labels.metric().unwrap_or("");
            names.iter().all(|matcher| matcher.matches(name))
        };
        let infos =
            self.infos_of(&base.iter().filter(|sample| !is_info(sample)).collect::<Vec<_>>(), at, names, data)?;
        let mut out = Vec::new();
        for mut sample in base {
            if is_info(&sample) {
                out.push(sample);
                continue;
            }
            let own: Vec<_> = infos.iter().filter(|((_, key), _)| *key == identity(&sample.labels)).collect();
            if own.is_empty() && data.iter().any(|matcher| !matcher.matches("")) {
                continue;
            }
            let mut added: BTreeMap<&str, &str> = BTreeMap::new();
            let given = |name: &str| data.is_empty() || data.iter().any(|matcher| matcher.name == name);
            for (_, (labels, _)) in own {
                for (name, value) in labels.iter().filter(|(name, _)| *name != METRIC_NAME && given(name)) {
                    if sample.labels.get(name).is_none() && added.insert(name, value).is_some_and(|old| old != value) {
                        return failed(format!("conflicting label: {name}"));
                    }
                }
            }
            let mut builder = sample.labels.to_builder();
            for (name, value) in added {
                builder.set(name, value);
            }
            sample.labels = builder.build();
            out.push(sample);
        }
        Ok(out)
    }

    /// Returns the newest info by name and identity, with its time.
    fn infos_of(&self, base: &[&Sample], at: i64, names: &[Matcher], data: &[Matcher]) -> Result<Infos, Fault> {
        let values = IDENTIFYING
            .map(|label| base.iter().filter_map(|sample| sample.labels.get(label)).collect::<BTreeSet<&str>>());
        let mut infos = Infos::new();
        if values.iter().all(BTreeSet::is_empty) {
            return Ok(infos);
        }
        let fits = |labels: &LabelSet| {
            names.iter().chain(data).all(|matcher| matcher.matches_set(labels))
                && IDENTIFYING.iter().zip(&values).all(|(label, values)| {
                    values.is_empty() || labels.get(label).is_some_and(|value| values.contains(value))
                })
        };
        let mut series: Vec<_> = self.data.iter().filter(|(labels, _)| fits(labels)).collect();
        series.sort_by(|a, b| a.0.cmp(b.0));
        for (labels, points) in series {
            let newest = points[..points.partition_point(|(time, _)| *time <= at)].last();
            let fresh = |(time, value): &&(i64, SampleValue)| *time > at - self.options.lookback && !value.is_stale();
            let Some((time, value)) = newest.filter(fresh) else { continue };
            if value.float().is_none() {
                return failed(format!("this should be an info metric, with float samples: {labels:?}"));
            }
            let key = (labels.metric().unwrap_or("").to_owned(), identity(labels));
            match infos.get(&key) {
                Some((_, held)) if held > time => {}
                Some((existing, held)) if held == time => {
                    return failed(format!(
                        "found duplicate series for info metric: existing {existing:?} @ {held}, new {labels:?} @ {time}"
                    ));
                }
                _ => {
                    infos.insert(key, ((*labels).clone(), *time));
                }
            }
        }
        Ok(infos)
    }
}

type Infos = BTreeMap<(String, LabelSet), (LabelSet, i64)>;

fn identity(labels: &LabelSet) -> LabelSet {
    labels.filter(|name| IDENTIFYING.contains(&name))
}

/// Finds the first selector and writes the modifiers on the way to it, those of subqueries and its own.
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
        // What is aggregated comes before the parameter.
        ExprKind::Aggregate(aggregate) => {
            first_selector(&aggregate.expr, path)
                || aggregate.param.as_ref().is_some_and(|param| first_selector(param, path))
        }
        ExprKind::Number { .. } | ExprKind::String(_) | ExprKind::Invalid => false,
    }
}
