//! Families of windows: nodes that fold the same samples of one metric, each for its own series or with its own scalar.

use hashbrown::HashMap;

use crate::labels::named_metric;
use crate::time::Millis;

use super::super::rollup::RangeFn;
use super::{Fixed, Kind, Node, NodeId, Operand, Plan, WindowInput};

/// What the nodes of a family fold once for each series that several of them have.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Folded {
    /// The result itself.
    Result,
    /// The line that `predict_linear` follows: its slope, and its value at the evaluation time.
    Line,
    /// These quantiles.
    Quantiles(Vec<f64>),
}

impl Folded {
    /// Returns how many numbers it is at each step.
    pub(crate) fn outputs(&self) -> usize {
        match self {
            Self::Result => 1,
            Self::Line => 2,
            Self::Quantiles(quantiles) => quantiles.len(),
        }
    }
}

/// The most quantiles that a family folds; nodes that ask for others are in none.
const QUANTILES: usize = 16;

/// What the nodes of a family have in common.
#[derive(PartialEq, Eq, Hash)]
struct Key<'a> {
    metric: &'a str,
    function: RangeFn,
    range: Millis,
    offset: Millis,
    at: Option<Fixed>,
    /// Those that what is folded depends on.
    params: [Operand; 2],
}

/// The number that stands for a scalar that what is folded does not depend on.
const ANY: Operand = Operand::Const(0.0);

impl<'a> Key<'a> {
    /// Returns the key of a window that is folded at every step and ends where its samples do. Selectors that do not name their metric hardly ever
    /// share series with another.
    fn of(node: &'a Node) -> Option<Self> {
        let Kind::Window { input: WindowInput::Selector(select), function, range, params } = &node.kind else {
            return None;
        };
        let metric = named_metric(&select.matchers).filter(|_| !node.invariant && select.edges.is_none())?;
        let params = match (function, params) {
            (RangeFn::PredictLinear, _) | (RangeFn::QuantileOverTime, [Operand::Const(_), _]) => [ANY; 2],
            _ => *params,
        };
        Some(Self { metric, function: *function, range: *range, offset: select.offset, at: select.at, params })
    }
}

impl Plan {
    /// Finds the families of two nodes and more. Cost: linear in the nodes.
    pub(in crate::promql) fn find_families(&mut self) {
        let mut families: Vec<Vec<NodeId>> = Vec::new();
        let mut numbers: HashMap<Key<'_>, usize, foldhash::fast::FixedState> = HashMap::default();
        for (id, node) in self.nodes.iter().enumerate() {
            if let Some(key) = Key::of(node) {
                let number = *numbers.entry(key).or_insert(families.len());
                if number == families.len() {
                    families.push(Vec::new());
                }
                families[number].push(id);
            }
        }
        drop(numbers);
        self.families.clear();
        self.nodes.iter_mut().for_each(|node| node.place.family = None);
        for mut family in families {
            let folded = self.folded(&mut family);
            if family.len() > 1 {
                let number = u32::try_from(self.families.len()).unwrap_or(u32::MAX);
                self.families.push(folded);
                family.iter().for_each(|node| self.nodes[*node].place.family = Some(number));
            }
        }
        self.families.shrink_to_fit();
    }

    /// Returns what the nodes of a family fold; takes away those that ask for quantiles beyond the limit.
    fn folded(&self, family: &mut Vec<NodeId>) -> Folded {
        let window = |node: NodeId| match &self.nodes[node].kind {
            Kind::Window { function, params, .. } => Some((*function, params[0])),
            _ => None,
        };
        match family.first().and_then(|first| window(*first)) {
            Some((RangeFn::PredictLinear, _)) => Folded::Line,
            Some((RangeFn::QuantileOverTime, Operand::Const(_))) => {
                let mut quantiles: Vec<f64> = Vec::new();
                family.retain(|node| {
                    let Some((_, Operand::Const(quantile))) = window(*node) else { return false };
                    let known = quantiles.iter().any(|known| known.to_bits() == quantile.to_bits());
                    if !known && quantiles.len() < QUANTILES {
                        quantiles.push(quantile);
                    }
                    known || quantiles.last().is_some_and(|last| last.to_bits() == quantile.to_bits())
                });
                if quantiles.len() == 1 { Folded::Result } else { Folded::Quantiles(quantiles) }
            }
            _ => Folded::Result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::parse::parse;
    use crate::promql::plan::{Context, LowerOptions};

    /// Checks the families of expressions: by family what is folded and how many nodes it has.
    fn check(exprs: &[&str], expected: &[(Folded, usize)]) {
        let mut plan = Plan::new(LowerOptions {
            lookback: Millis(300_000),
            subquery_step: Millis(60_000),
            delayed_names: false,
            start_timestamps: false,
            context: Context::Rule,
            reads_written: false,
        });
        for expr in exprs {
            let parsed = parse(expr);
            assert!(parsed.problems.is_empty() && plan.add(&parsed.expr).is_ok(), "{expr}");
        }
        plan.find_families();
        let nodes = |family: usize| {
            let own = |node: &&Node| node.place.family == u32::try_from(family).ok();
            plan.nodes.iter().filter(own).count()
        };
        let found: Vec<_> = plan.families.iter().enumerate().map(|(at, folded)| (folded.clone(), nodes(at))).collect();
        assert_eq!(found, expected, "{exprs:?}");
    }

    #[test]
    fn windows_of_one_metric_and_range_are_a_family() {
        check(&["rate(m[5m])", "rate(m{a=\"1\"}[5m]) > 1", "sum(rate(m{a=\"1\"}[5m]))"], &[(Folded::Result, 2)]);
        for other in ["rate(m[6m])", "increase(m[5m])", "rate(n[5m])", "rate(m[5m] offset 1m)", "rate(m[5m] @ 0)"] {
            check(&["rate(m{a=\"1\"}[5m])", other], &[]);
        }
        check(&["rate({a=\"1\"}[5m])", "rate({a=\"2\"}[5m])", "rate(m[5m:1m])", "rate(m{a=\"1\"}[5m:1m])"], &[]);
        check(&["rate(m[5m] @ 0)", "rate(m{a=\"1\"}[5m] @ 0)"], &[]);
    }

    #[test]
    fn lines_and_quantiles_are_folded_whatever_is_asked_of_them() {
        check(
            &["predict_linear(m[1h], 60)", "predict_linear(m[1h], 120)", "predict_linear(m{a=\"1\"}[1h], time())"],
            &[(Folded::Line, 3)],
        );
        check(
            &[
                "quantile_over_time(0.5, m[1h])",
                "quantile_over_time(0.9, m[1h])",
                "quantile_over_time(0.9, m{a=\"1\"}[1h])",
            ],
            &[(Folded::Quantiles(vec![0.5, 0.9]), 3)],
        );
        check(&["quantile_over_time(0.9, m[1h])", "quantile_over_time(0.9, m{a=\"1\"}[1h])"], &[(Folded::Result, 2)]);
        check(&["quantile_over_time(time(), m[1h])", "quantile_over_time(0.9, m[1h])"], &[]);
        let many: Vec<String> = (0..20).map(|q| format!("quantile_over_time(0.{q:02}, m[1h])")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let first = (0..16).map(|q| f64::from(q) / 100.0).collect();
        check(&many, &[(Folded::Quantiles(first), 16)]);
        check(
            &[
                "double_exponential_smoothing(m[1h], 0.5, 0.5)",
                "double_exponential_smoothing(m{a=\"1\"}[1h], 0.5, 0.6)",
            ],
            &[],
        );
    }
}
