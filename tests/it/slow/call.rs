//! Function calls.

use std::collections::BTreeMap;

use alertctl::labels::{LabelSet, METRIC_NAME, MatchOp, Matcher};
use alertctl::promql::ast::{Expr, ExprKind, Selector, Type};

use super::eval::{Evaluator, Sample, Vector, floats, repeats, text};
use super::windows::{Window, evaluate};
use super::{Fault, SAME_LABELS, SampleValue, buckets, dates, edges, failed, histogram_edges, histograms, pointwise};

impl Evaluator<'_> {
    /// Evaluates a function that returns a scalar.
    pub(crate) fn scalar_call(&self, name: &str, args: &[Expr], steps: &[i64]) -> Result<Vec<f64>, Fault> {
        let each = |value: f64| Ok(vec![value; steps.len()]);
        let (start, end) = (self.context.start, self.context.end);
        match name {
            "pi" => each(std::f64::consts::PI),
            "time" => Ok(steps.iter().map(|step| *step as f64 / 1000.0).collect()),
            "start" => each(start as f64 / 1000.0),
            "end" => each(end as f64 / 1000.0),
            "range" => each((end - start) as f64 / 1000.0),
            "step" if start == end => each(0.0),
            "step" => each(self.context.step as f64 / 1000.0),
            "scalar" => {
                let only = |vector: Vector| {
                    let values: Vec<f64> = floats(vector).map(|(_, value)| value).collect();
                    if let [value] = values.as_slice() { *value } else { f64::NAN }
                };
                Ok(self.vectors(&args[0], steps)?.into_iter().map(only).collect())
            }
            "min_of" | "max_of" => {
                let (a, b) = (self.scalars(&args[0], steps)?, self.scalars(&args[1], steps)?);
                let pick = if name == "min_of" { pointwise::min } else { pointwise::max };
                Ok(a.into_iter().zip(b).map(|(a, b)| pick(a, b)).collect())
            }
            other => Err(Fault::Unsupported(other.to_owned())),
        }
    }

    /// Evaluates a function that returns an instant vector.
    pub(crate) fn vector_call(&self, name: &str, args: &[Expr], steps: &[i64]) -> Result<Vec<Vector>, Fault> {
        if args.iter().any(|arg| arg.ty() == Type::Matrix) {
            return self.window_call(name, args, steps);
        }
        match name {
            "label_replace" => return self.label_replace(args, steps),
            "label_join" => return self.label_join(args, steps),
            "info" => return self.info(args, steps),
            _ => {}
        }
        let vectors = match name {
            "vector" => {
                let sample =
                    |value: f64| vec![Sample { labels: LabelSet::empty(), value: value.into(), drop_name: false }];
                self.scalars(&args[0], steps)?.into_iter().map(sample).collect()
            }
            "timestamp" => self.timestamps(&args[0], steps)?,
            "start_timestamp" => self.start_timestamps(&args[0], steps)?,
            "absent" => {
                let sample = Sample { labels: absent_labels(&args[0]), value: 1.0.into(), drop_name: false };
                let one = |vector: Vector| if vector.is_empty() { vec![sample.clone()] } else { Vec::new() };
                self.vectors(&args[0], steps)?.into_iter().map(one).collect()
            }
            "sort" | "sort_desc" => {
                let mut vectors = self.vectors(&args[0], steps)?;
                vectors.iter_mut().for_each(|vector| super::aggregate::go_sort(vector, name == "sort_desc"));
                vectors
            }
            "sort_by_label" | "sort_by_label_desc" => self.sort_by_label(name, args, steps)?,
            "histogram_quantile" => {
                let numbers = self.scalars(&args[0], steps)?;
                let vectors = self.vectors(&args[1], steps)?;
                let mut out = Vec::new();
                for (q, vector) in numbers.into_iter().zip(vectors) {
                    let mut samples = buckets::quantiles(q, &vector);
                    samples.iter_mut().for_each(|sample| self.drop_name(sample));
                    out.push(samples);
                }
                out
            }
            "histogram_quantiles" => self.quantiles(args, steps)?,
            "histogram_fraction" => {
                let (lower, upper) = (self.scalars(&args[0], steps)?, self.scalars(&args[1], steps)?);
                let mut vectors = Vec::new();
                for (at, vector) in self.vectors(&args[2], steps)?.into_iter().enumerate() {
                    let mut samples = buckets::fractions(lower[at], upper[at], &vector);
                    samples.iter_mut().for_each(|sample| self.drop_name(sample));
                    vectors.push(samples);
                }
                vectors
            }
            "clamp" | "clamp_min" | "clamp_max" => self.clamp(name, args, steps)?,
            _ => self.each_sample(name, args, steps)?,
        };
        self.unique(vectors)
    }

    /// Evaluates `histogram_quantiles(vector, label, q, ..)`: all histograms for one quantile after the other.
    fn quantiles(&self, args: &[Expr], steps: &[i64]) -> Result<Vec<Vector>, Fault> {
        let label = text(&args[1]);
        if label.is_empty() {
            return failed("invalid label name \"\"");
        }
        let vectors = self.vectors(&args[0], steps)?;
        let mut out = vec![Vec::new(); steps.len()];
        for q in &args[2..] {
            let numbers = self.scalars(q, steps)?;
            for ((out, vector), q) in out.iter_mut().zip(&vectors).zip(numbers) {
                for mut sample in buckets::quantiles(q, vector) {
                    self.drop_name(&mut sample);
                    sample.labels = sample.labels.to_builder().set(&label, &buckets::shown(q)).build();
                    out.push(sample);
                }
            }
        }
        Ok(out)
    }

    /// Evaluates a function that turns each sample of its first argument into another value.
    fn each_sample(&self, name: &str, args: &[Expr], steps: &[i64]) -> Result<Vec<Vector>, Fault> {
        if let Some(date) = dates::function(name) {
            if args.is_empty() {
                let sample = |step: &i64| Sample {
                    labels: LabelSet::empty(),
                    value: date(step / 1000).into(),
                    drop_name: false,
                };
                return Ok(steps.iter().map(|step| vec![sample(step)]).collect());
            }
            return self.mapped(&args[0], steps, |value, _| date(dates::seconds(value)));
        }
        if name == "round" {
            let nearest = match args.get(1) {
                Some(nearest) => self.scalars(nearest, steps)?,
                None => vec![1.0; steps.len()],
            };
            return self.mapped(&args[0], steps, |value, at| {
                let inverse = 1.0 / nearest[at];
                (value * inverse + 0.5).floor() / inverse
            });
        }
        if let Some(read) = histograms::function(name) {
            return self.mapped_values(&args[0], steps, |value, _| value.histogram().map(|native| read(native)));
        }
        let function = pointwise::function(name).ok_or_else(|| Fault::Unsupported(name.to_owned()))?;
        self.mapped(&args[0], steps, |value, _| function(value))
    }

    /// Maps the floats of a vector; histograms are left out.
    fn mapped(&self, arg: &Expr, steps: &[i64], to: impl Fn(f64, usize) -> f64) -> Result<Vec<Vector>, Fault> {
        self.mapped_values(arg, steps, |value, at| value.float().map(|value| to(value, at)))
    }

    /// Maps what gives a number.
    fn mapped_values(
        &self,
        arg: &Expr,
        steps: &[i64],
        to: impl Fn(&SampleValue, usize) -> Option<f64>,
    ) -> Result<Vec<Vector>, Fault> {
        let mut out = Vec::new();
        for (at, vector) in self.vectors(arg, steps)?.into_iter().enumerate() {
            let mut mapped = Vec::new();
            for mut sample in vector {
                let Some(value) = to(&sample.value, at) else { continue };
                sample.value = value.into();
                self.drop_name(&mut sample);
                mapped.push(sample);
            }
            out.push(mapped);
        }
        Ok(out)
    }

    fn clamp(&self, name: &str, args: &[Expr], steps: &[i64]) -> Result<Vec<Vector>, Fault> {
        let vectors = self.vectors(&args[0], steps)?;
        let given = |at: usize| self.scalars(&args[at], steps);
        let (low, high) = match name {
            "clamp" => (given(1)?, given(2)?),
            "clamp_min" => (given(1)?, vec![f64::INFINITY; steps.len()]),
            _ => (vec![f64::NEG_INFINITY; steps.len()], given(1)?),
        };
        let mut out = Vec::new();
        for (at, mut vector) in vectors.into_iter().enumerate() {
            if high[at] < low[at] {
                vector.clear();
            }
            let clamped = floats(vector).map(|(mut sample, value)| {
                sample.value = pointwise::max(low[at], pointwise::min(high[at], value)).into();
                self.drop_name(&mut sample);
                sample
            });
            out.push(clamped.collect());
        }
        Ok(out)
    }

    /// The time of each sample: its own for a selector, the step for anything else.
    fn timestamps(&self, arg: &Expr, steps: &[i64]) -> Result<Vec<Vector>, Fault> {
        let ExprKind::Selector(selector) = &arg.unparen().kind else {
            return self.mapped_values(arg, steps, |_, at| Some(steps[at] as f64 / 1000.0));
        };
        self.of_times(selector, steps, |_, at| at)
    }

    /// The start timestamp of each sample of a selector, if those count; of anything else nothing.
    fn start_timestamps(&self, arg: &Expr, steps: &[i64]) -> Result<Vec<Vector>, Fault> {
        let selector = match &arg.unparen().kind {
            ExprKind::Selector(selector) if self.options.start_timestamps => selector,
            _ => return self.mapped_values(arg, steps, |_, _| None),
        };
        let start = |labels: &LabelSet, at| self.starts.get(labels).and_then(|starts| starts.get(&at)).copied();
        self.of_times(selector, steps, |labels, at| start(labels, at).unwrap_or(0))
    }

    /// A time for each sample of a selector, given the series and the time of the sample. Unit: milliseconds.
    fn of_times(
        &self,
        selector: &Selector,
        steps: &[i64],
        time: impl Fn(&LabelSet, i64) -> i64,
    ) -> Result<Vec<Vector>, Fault> {
        let mut vectors = Vec::new();
        for vector in self.selected_with_times(selector, steps, true)? {
            let mut samples = Vec::new();
            for (mut sample, at) in vector {
                sample.value = (time(&sample.labels, at) as f64 / 1000.0).into();
                self.drop_name(&mut sample);
                samples.push(sample);
            }
            vectors.push(samples);
        }
        Ok(vectors)
    }

    /// Evaluates a function over windows. When names are dropped at once, two series with one label set fail even if
    /// they are there at different steps.
    fn window_call(&self, name: &str, args: &[Expr], steps: &[i64]) -> Result<Vec<Vector>, Fault> {
        let matrix = args.iter().find(|arg| arg.ty() == Type::Matrix).expect("the caller looked");
        let edges = edges::of(matrix);
        if let Some(edges) = edges {
            edges::check(name, edges)?;
        }
        let rows = self.windows(matrix, steps)?;
        let mut numbers = Vec::new();
        for arg in args.iter().filter(|arg| arg.ty() == Type::Scalar) {
            numbers.push(self.scalars(arg, steps)?);
        }
        let (range, ends) = self.window_ends(matrix, steps)?;
        let reads_starts = self.options.start_timestamps && matches!(name, "rate" | "increase" | "irate" | "resets");
        let none = BTreeMap::new();
        let keeps_name = matches!(name, "last_over_time" | "first_over_time");
        let mut vectors = vec![Vec::new(); steps.len()];
        let mut present = Vec::new();
        for row in rows {
            let starts = if reads_starts { &row.starts } else { &none };
            let mut model = Sample { labels: row.labels, value: 0.0.into(), drop_name: row.drop_name };
            if !keeps_name || row.drop_name {
                self.drop_name(&mut model);
            }
            let mut any = false;
            for (at, points) in row.windows.iter().enumerate() {
                if points.is_empty() {
                    continue;
                }
                let numbers = numbers.iter().map(|values| values[at]).collect();
                let histograms = points.iter().filter_map(|(at, value)| Some((*at, value.histogram()?.clone())));
                let histograms: Vec<_> = histograms.collect();
                let points: Vec<_> = points.iter().filter_map(|(at, value)| Some((*at, value.float()?))).collect();
                let (end, step) = (ends[at], steps[at]);
                let window = Window { points: &points, histograms, starts, range, end, step, numbers };
                let value = match edges {
                    Some(edges) if window.histograms.is_empty() => {
                        edges::evaluate(name, edges, &window).map(SampleValue::Float)
                    }
                    Some(edges) => histogram_edges::evaluate(name, edges, &window)?,
                    None if window.histograms.is_empty() => evaluate(name, &window)?.map(SampleValue::Float),
                    None => histograms::over_window(name, &window)?,
                };
                if let Some(value) = value {
                    any = true;
                    vectors[at].push(Sample { value, ..model.clone() });
                }
            }
            if any {
                present.push(model.labels);
            }
        }
        if name == "absent_over_time" {
            let sample = Sample { labels: absent_labels(matrix), value: 1.0.into(), drop_name: true };
            let absent = |vector: Vector| if vector.is_empty() { vec![sample.clone()] } else { Vec::new() };
            return Ok(vectors.into_iter().map(absent).collect());
        }
        if !self.options.delayed_names && repeats(present.iter()) {
            return failed(SAME_LABELS);
        }
        Ok(vectors)
    }
}

/// Returns the labels that a selector matches with `=`, each once and nothing else about it.
fn absent_labels(expr: &Expr) -> LabelSet {
    let matchers: &[Matcher] = match &expr.unparen().kind {
        ExprKind::Selector(selector) | ExprKind::Range { selector, .. } => &selector.matchers,
        _ => &[],
    };
    let mut equal: BTreeMap<&str, &str> = BTreeMap::new();
    let mut seen = std::collections::BTreeSet::new();
    for matcher in matchers.iter().filter(|matcher| matcher.name != METRIC_NAME) {
        if matcher.op == MatchOp::Equal && seen.insert(&matcher.name) {
            equal.insert(&matcher.name, &matcher.value);
        } else {
            equal.remove(matcher.name.as_str());
        }
    }
    LabelSet::new(equal)
}
