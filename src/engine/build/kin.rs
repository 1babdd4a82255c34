//! Which rules share work, and so are better evaluated together.

use std::cmp::Reverse;

use hashbrown::HashMap;

use crate::promql::ast::Expr;

/// What a rule costs, and a window over many samples.
const RULE: u64 = 1;
const WINDOW: u64 = 8;

/// Deals rules out to at most so many bins, by the order of the rules: those that select a metric in common, directly or
/// by way of other rules, come into one, since they share subtrees. Bins get about the same work. Cost: a walk over all
/// expressions.
pub(super) fn deal(exprs: &[&Expr], most: usize) -> Vec<usize> {
    if most < 2 {
        return vec![0; exprs.len()];
    }
    let mut kin = Kin { above: (0..exprs.len()).collect() };
    let mut first: HashMap<&str, usize, foldhash::fast::FixedState> = HashMap::default();
    let mut work = vec![0_u64; exprs.len()];
    for (rule, expr) in exprs.iter().enumerate() {
        work[rule] = RULE;
        for one in expr.selectors() {
            work[rule] += if one.range.is_some() { WINDOW } else { RULE };
            // Selectors of any metric are akin.
            kin.join(*first.entry(one.selector.metric().unwrap_or("")).or_insert(rule), rule);
        }
    }
    let mut families: HashMap<usize, u64, foldhash::fast::FixedState> = HashMap::default();
    for (rule, work) in work.iter().enumerate() {
        *families.entry(kin.oldest(rule)).or_default() += work;
    }
    let mut families: Vec<(usize, u64)> = families.into_iter().collect();
    families.sort_unstable_by_key(|(oldest, work)| (Reverse(*work), *oldest));
    let mut loads = vec![0_u64; most];
    let mut bins = vec![0; exprs.len()];
    for (oldest, work) in families {
        let bin = (0..most).min_by_key(|bin| loads[*bin]).unwrap_or(0);
        loads[bin] += work;
        bins[oldest] = bin;
    }
    (0..exprs.len()).map(|rule| bins[kin.oldest(rule)]).collect()
}

/// Families of rules, each a tree whose root is the oldest.
struct Kin {
    above: Vec<usize>,
}

impl Kin {
    /// Returns the oldest of a rule's family.
    fn oldest(&mut self, mut rule: usize) -> usize {
        while self.above[rule] != rule {
            self.above[rule] = self.above[self.above[rule]];
            rule = self.above[rule];
        }
        rule
    }

    /// Makes one family of two.
    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.oldest(a), self.oldest(b));
        let (older, younger) = (a.min(b), a.max(b));
        self.above[younger] = older;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::parse::parse;

    fn check(exprs: &[&str], most: usize, expected: &[usize]) {
        let parsed: Vec<Expr> = exprs.iter().map(|text| parse(text).expr).collect();
        let exprs: Vec<&Expr> = parsed.iter().collect();
        assert_eq!(deal(&exprs, most), expected);
    }

    #[test]
    fn rules_with_a_metric_in_common_are_dealt_out_together() {
        check(&["a > 1", "b > 1", "a > 2", "b > 3"], 1, &[0, 0, 0, 0]);
        check(&["a > 1", "b > 1", "a > 2", "b > 3"], 4, &[0, 1, 0, 1]);
        // By way of the third.
        check(&["a > 1", "b > 1", "a + b > 2", "c > 3"], 4, &[0, 0, 0, 1]);
        check(&["a{x=\"1\"} > 1", "a{x=\"2\"} > 1", "{__name__=\"a\"} > 2", "vector(1)"], 2, &[0, 0, 0, 1]);
        // The heaviest first, then what keeps the bins even.
        check(&["a > 1", "b > 1", "rate(c[1m]) > 1", "d > 1"], 2, &[1, 1, 0, 1]);
    }
}
