//! Calls of functions: the node that each becomes.

use crate::diagnostic::codes;
use crate::labels::{LabelBuilder, LabelSet, METRIC_NAME, MatchOp, Regexp};
use crate::source::Span;
use crate::time::{Millis, Timestamp};

use super::super::ast::{Edges, Expr, ExprKind, Type};
use super::super::functions::{Function, Kernel};
use super::super::parse::Problem;
use super::super::plan::{
    BucketFn, Context, Elementwise, Kind, Needed, NodeId, Number, Operand, Pattern, Plan, Relabel, Select, SortBy, Take,
};
use super::super::rollup::{RangeFn, smoothing_fault};
use super::{Problems, refuse, string};

impl Plan {
    /// Lowers a call whose arguments were checked against the function's types.
    pub(super) fn call(&mut self, function: &Function, args: &[Expr], span: Span) -> Result<NodeId, Problems> {
        refuse_edges(function, args)?;
        let needed = match function.kernel {
            Kernel::Histogram(function) if function.is_of_sums() => self.needed.sums(),
            Kernel::BucketQuantile | Kernel::BucketQuantiles | Kernel::BucketFraction => Needed::Buckets,
            _ => self.needed,
        };
        let around = std::mem::replace(&mut self.needed, needed);
        let node = self.call_of(function, args, span);
        self.needed = around;
        node
    }

    fn call_of(&mut self, function: &Function, args: &[Expr], span: Span) -> Result<NodeId, Problems> {
        Ok(match function.kernel {
            Kernel::Histogram(function) => self.map_first(args, Elementwise::Histogram(function))?,
            Kernel::Range(function) => self.window(function, args, span)?,
            Kernel::Maths(function) => self.map_first(args, Elementwise::Maths(function))?,
            Kernel::Date(function) => self.map_first(args, Elementwise::Date(function))?,
            Kernel::Time => self.node(Kind::Time),
            Kernel::Pi => self.node(Kind::Const(Number(std::f64::consts::PI))),
            Kernel::Start => self.edge(|start, _| start),
            Kernel::End => self.edge(|_, end| end),
            Kernel::Step => self.node(Kind::Const(Number(self.durations().step.seconds()))),
            Kernel::QueryRange => self.node(Kind::Const(Number(self.durations().range.seconds()))),
            Kernel::Extreme { max } => {
                let (lhs, rhs) = (self.operand(&args[0])?, self.operand(&args[1])?);
                self.node(Kind::Extreme { max, lhs, rhs })
            }
            Kernel::Vector => {
                let value = self.operand(&args[0])?;
                self.node(Kind::Vector(value))
            }
            Kernel::Scalar => {
                let input = self.lower(&args[0])?;
                self.node(Kind::Scalar(input))
            }
            Kernel::Clamp => {
                let input = self.lower(&args[0])?;
                let (low, high) = (self.operand(&args[1])?, self.operand(&args[2])?);
                self.node(Kind::Map { op: Elementwise::Clamp(low, high), input })
            }
            Kernel::ClampMin => {
                let input = self.lower(&args[0])?;
                let low = self.operand(&args[1])?;
                self.node(Kind::Map { op: Elementwise::ClampMin(low), input })
            }
            Kernel::ClampMax => {
                let input = self.lower(&args[0])?;
                let high = self.operand(&args[1])?;
                self.node(Kind::Map { op: Elementwise::ClampMax(high), input })
            }
            Kernel::Round => {
                let input = self.lower(&args[0])?;
                let nearest = args.get(1).map_or(Ok(Operand::Const(1.0)), |nearest| self.operand(nearest))?;
                self.node(Kind::Map { op: Elementwise::Round(nearest), input })
            }
            Kernel::Timestamp => self.stamp(&args[0], Take::Time, Elementwise::EvalTime)?,
            // Where start timestamps do not count, nothing has one.
            Kernel::StartTimestamp if self.options.start_timestamps => {
                self.stamp(&args[0], Take::Start, Elementwise::Nothing)?
            }
            Kernel::StartTimestamp => self.map_first(args, Elementwise::Nothing)?,
            Kernel::Sort { descending } => {
                let input = self.lower(&args[0])?;
                self.node(Kind::Sort { by: SortBy::Value { descending }, input })
            }
            Kernel::SortByLabel { descending } => {
                let input = self.lower(&args[0])?;
                let names = args[1..].iter().map(string).collect::<Result<_, _>>()?;
                self.node(Kind::Sort { by: SortBy::Labels { names, descending }, input })
            }
            Kernel::Absent => {
                let input = self.lower(&args[0])?;
                self.node(Kind::Absent { labels: absent_labels(&args[0]), input })
            }
            Kernel::AbsentOverTime => {
                // Any function that keeps names does: series that differ in their names alone are no fault here.
                let input = self.window(RangeFn::LastOverTime, args, span)?;
                self.places.add_call(self.roots.len(), input, span, args);
                self.node(Kind::Absent { labels: absent_labels(&args[0]), input })
            }
            Kernel::Info => self.info(args)?,
            Kernel::LabelReplace => self.relabel(label_replace(args)?, &args[0])?,
            Kernel::LabelJoin => self.relabel(label_join(args)?, &args[0])?,
            Kernel::BucketQuantile => {
                let q = self.operand(&args[0])?;
                let input = self.lower(&args[1])?;
                self.node(Kind::Buckets { function: BucketFn::Quantile(q), input })
            }
            Kernel::BucketQuantiles => {
                let label = string(&args[1])?;
                if label.is_empty() {
                    return Err(refuse(args[1].span, "invalid label name \"\""));
                }
                let input = self.lower(&args[0])?;
                let quantiles = args[2..].iter().map(|q| self.operand(q)).collect::<Result<_, _>>()?;
                self.node(Kind::Quantiles { label, quantiles, input })
            }
            Kernel::BucketFraction => {
                let (lower, upper) = (self.operand(&args[0])?, self.operand(&args[1])?);
                let input = self.lower(&args[2])?;
                self.node(Kind::Buckets { function: BucketFn::Fraction(lower, upper), input })
            }
        })
    }

    /// Applies an operation to the only argument, or to the time where there is none.
    fn map_first(&mut self, args: &[Expr], op: Elementwise) -> Result<NodeId, Problems> {
        let input = match args.first() {
            Some(arg) => self.lower(arg)?,
            None => {
                let time = self.node(Kind::Time);
                self.node(Kind::Vector(Operand::Node(time)))
            }
        };
        Ok(self.node(Kind::Map { op, input }))
    }

    /// Makes a node of the start or the end of the query, whichever is taken; in a rule both are the step.
    fn edge(&mut self, take: fn(Timestamp, Timestamp) -> Timestamp) -> NodeId {
        self.node(match self.options.context {
            Context::Rule => Kind::QueryTime,
            Context::Range { start, end, .. } => Kind::Const(Number(take(start, end).seconds())),
        })
    }

    /// Takes a time of each of the samples of a selector; of anything else, what an operation gives.
    fn stamp(&mut self, arg: &Expr, take: Take, otherwise: Elementwise) -> Result<NodeId, Problems> {
        Ok(match &arg.unparen().kind {
            ExprKind::Selector(selector) => {
                // The time is that of a sample, not one between two.
                let mut select = Select { edges: None, ..self.select(selector)? };
                if select.at.is_some() {
                    // Prometheus looks at the fixed time itself, but among samples that it fetched with regard to the
                    // offset: those of both look-backs are left.
                    select.short = Millis(select.offset.0.saturating_abs());
                    select.offset = select.offset.max(Millis::ZERO);
                }
                let input = self.node(Kind::Select { select, take });
                self.node(Kind::Map { op: Elementwise::Same, input })
            }
            _ => {
                let input = self.lower(arg)?;
                self.node(Kind::Map { op: otherwise, input })
            }
        })
    }

    fn relabel(&mut self, relabel: Relabel, arg: &Expr) -> Result<NodeId, Problems> {
        let input = self.lower(arg)?;
        Ok(self.node(Kind::Relabel { relabel, input }))
    }

    fn window(&mut self, function: RangeFn, args: &[Expr], span: Span) -> Result<NodeId, Problems> {
        let samples_first = args.first().is_some_and(|arg| arg.ty() == Type::Matrix);
        let (samples, others) = if samples_first { (&args[0], &args[1..]) } else { (&args[1], &args[..1]) };
        let mut params = [Operand::Const(f64::NAN); 2];
        for (param, arg) in params.iter_mut().zip(others) {
            *param = self.operand(arg)?;
        }
        if let (RangeFn::DoubleExponentialSmoothing, [Operand::Const(smoothing), Operand::Const(trend)]) =
            (function, params)
            && let Some(words) = smoothing_fault(smoothing, trend)
        {
            return Err(refuse(span, words));
        }
        let (input, range) = self.range_vector(samples)?;
        Ok(self.node(Kind::Window { input, function, range, params }))
    }
}

/// Refuses `anchored` and `smoothed` ranges in functions that do not know what to do with their edges.
///
/// Source: the words of Prometheus, which fails when it evaluates.
fn refuse_edges(function: &Function, args: &[Expr]) -> Result<(), Problems> {
    for arg in args {
        let ExprKind::Range { selector, .. } = &arg.unparen().kind else { continue };
        let (word, known): (&str, &[&str]) = match selector.modifiers.edges {
            None => continue,
            Some(Edges::Anchored) => ("anchored", &["changes", "delta", "increase", "rate", "resets"]),
            Some(Edges::Smoothed) => ("smoothed", &["delta", "increase", "rate"]),
        };
        if !known.contains(&function.name) {
            let words =
                format!("{word} modifier can only be used with: {} - not with {}", known.join(", "), function.name);
            return Err(refuse(arg.span, words));
        }
    }
    Ok(())
}

/// Reads the texts of a function that writes a label: that label, and the others.
fn texts(args: &[Expr], name: &str) -> Result<(String, Vec<String>), Problems> {
    let mut texts = args[1..].iter().map(string).collect::<Result<Vec<_>, _>>()?;
    let destination = texts.remove(0);
    if destination.is_empty() {
        return Err(refuse(args[1].span, format!("invalid destination label name in {name}(): {destination}")));
    }
    Ok((destination, texts))
}

fn label_replace(args: &[Expr]) -> Result<Relabel, Problems> {
    let (destination, texts) = texts(args, "label_replace")?;
    let regexp = Regexp::wrapped(&texts[2]).map_err(|error| {
        let words = format!("invalid regular expression in label_replace(): {}: {}", texts[2], error.reason());
        vec![Problem { code: codes::PROMQL_REGEX, span: args[4].span, message: words, help: None }]
    })?;
    let pattern = Pattern { text: texts[2].clone(), regexp };
    Ok(Relabel::Replace { destination, replacement: texts[0].clone(), source: texts[1].clone(), pattern })
}

fn label_join(args: &[Expr]) -> Result<Relabel, Problems> {
    let (destination, texts) = texts(args, "label_join")?;
    if let Some(at) = texts[1..].iter().position(String::is_empty) {
        return Err(refuse(args[3 + at].span, "invalid source label name in label_join(): "));
    }
    Ok(Relabel::Join { destination, separator: texts[0].clone(), sources: texts[1..].to_vec() })
}

/// Returns the labels that `absent` gives its sample: those that the selector's `=` matchers fix, but not twice.
///
/// Source: Prometheus' `createLabelsForAbsentFunction`; promql.md 8.4.
fn absent_labels(expr: &Expr) -> LabelSet {
    let (ExprKind::Selector(selector) | ExprKind::Range { selector, .. }) = &expr.unparen().kind else {
        return LabelSet::empty();
    };
    let mut builder = LabelBuilder::default();
    let mut seen: Vec<&str> = Vec::new();
    for matcher in selector.matchers.iter().filter(|matcher| matcher.name != METRIC_NAME) {
        if matcher.op == MatchOp::Equal && !seen.contains(&matcher.name.as_str()) {
            builder.set(&matcher.name, &matcher.value);
            seen.push(&matcher.name);
        } else {
            builder.remove(&matcher.name);
        }
    }
    builder.build()
}
