//! Which rows of a part of an expression a row of the whole was made of: told by labels, from the expression alone.

use crate::labels::{LabelSet, METRIC_NAME};
use crate::promql::ast::{AggregateOp, Binary, BinaryOp, Expr, ExprKind, Matching, Side, Type};

/// What the labels of a row must be, for the row to have a part in another one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Labels and their values; the empty value is that of a label that is not there.
    fixed: Vec<(String, String)>,
    /// Which labels a row may have besides.
    others: Others,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Others {
    /// Any.
    #[default]
    All,
    /// These alone, and the metric name.
    Only(Vec<String>),
}

impl Wanted {
    /// Wants any row.
    pub(crate) fn any() -> Self {
        Self::default()
    }

    /// Wants the rows with these labels, and no others; the metric name, which no alert has, does not count.
    pub(crate) fn of(labels: &LabelSet) -> Self {
        let fixed = labels
            .iter()
            .filter(|(name, _)| *name != METRIC_NAME)
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Self { fixed, others: Others::Only(Vec::new()) }
    }

    /// Wants the rows that have some labels, and any others.
    pub(crate) fn with(labels: impl Iterator<Item = (String, String)>) -> Self {
        Self { fixed: labels.collect(), others: Others::All }
    }

    /// Returns whether a row has a part in it.
    pub(crate) fn takes(&self, labels: &LabelSet) -> bool {
        let has = |(name, value): &(String, String)| labels.get(name).unwrap_or("") == value;
        let known = |name: &str| name == METRIC_NAME || self.is_fixed(name);
        self.fixed.iter().all(has)
            && match &self.others {
                Others::All => true,
                Others::Only(names) => {
                    labels.iter().all(|(name, _)| known(name) || names.iter().any(|one| one == name))
                }
            }
    }

    /// Returns the labels that a row must have, without those that it must lack.
    pub(crate) fn labels(&self) -> LabelSet {
        LabelSet::new(self.fixed.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name, value)))
    }

    fn is_fixed(&self, name: &str) -> bool {
        self.fixed.iter().any(|(own, _)| own == name)
    }

    /// Lets some labels have any value.
    pub(crate) fn free(&self, names: &[&str]) -> Self {
        let fixed = self.fixed.iter().filter(|(name, _)| !names.contains(&name.as_str())).cloned().collect();
        let others = match &self.others {
            Others::All => Others::All,
            Others::Only(own) => {
                let mut own = own.clone();
                own.extend(names.iter().filter(|name| **name != METRIC_NAME).map(|name| (*name).to_owned()));
                Others::Only(own)
            }
        };
        Self { fixed, others }
    }

    fn unnamed(&self) -> Self {
        self.free(&[METRIC_NAME])
    }

    /// Wants the same values of these labels, and any of others.
    fn restrict(&self, names: &[String]) -> Self {
        let value = |name: &String| {
            let own = self.fixed.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone());
            let lacks = || match &self.others {
                Others::Only(free) if !free.contains(name) && name != METRIC_NAME => Some(String::new()),
                _ => None,
            };
            Some((name.clone(), own.or_else(lacks)?))
        };
        Self { fixed: names.iter().filter_map(value).collect(), others: Others::All }
    }
}

/// Returns what the rows of the other side of an operator have in common with a row of one side.
pub(crate) fn partner(matching: Option<&Matching>, row: &LabelSet) -> Wanted {
    let whole = Wanted::of(row).unnamed();
    match matching {
        Some(Matching { on: true, labels, .. }) => whole.restrict(labels),
        Some(Matching { on: false, labels, .. }) => whole.free(&names(labels)),
        None => whole,
    }
}

/// Returns what is wanted of the parts of an expression, in order, where so much is wanted of its own rows; those of
/// scalars are not asked.
pub(crate) fn parts(expr: &Expr, wanted: &Wanted) -> Vec<Wanted> {
    match &expr.kind {
        ExprKind::Paren(_) | ExprKind::Subquery(_) => vec![wanted.clone()],
        ExprKind::Unary { .. } => vec![wanted.unnamed()],
        ExprKind::Binary(binary) => operands(binary, wanted).into(),
        ExprKind::Call { function, args, .. } => {
            let own = match function.name {
                // Labels of a row with infos may be theirs.
                "absent" | "absent_over_time" | "scalar" | "vector" | "info" => Wanted::any(),
                "label_replace" | "label_join" => match args.get(1).map(|arg| &arg.unparen().kind) {
                    Some(ExprKind::String(label)) => wanted.free(&[label]),
                    _ => Wanted::any(),
                },
                "histogram_quantile" | "histogram_fraction" => wanted.free(&[METRIC_NAME, "le"]),
                "histogram_quantiles" => match args.get(1).map(|arg| &arg.unparen().kind) {
                    Some(ExprKind::String(label)) => wanted.free(&[METRIC_NAME, "le", label]),
                    _ => Wanted::any(),
                },
                "sort" | "sort_desc" | "sort_by_label" | "sort_by_label_desc" | "last_over_time"
                | "first_over_time" => wanted.clone(),
                _ => wanted.unnamed(),
            };
            args.iter().map(|_| own.clone()).collect()
        }
        ExprKind::Aggregate(aggregate) => {
            let of_groups = || match &aggregate.grouping {
                None => Wanted::any(),
                Some(grouping) if grouping.without => wanted.free(&names(&grouping.labels)).unnamed(),
                Some(grouping) => wanted.restrict(&grouping.labels),
            };
            let own = match aggregate.op {
                AggregateOp::TopK | AggregateOp::BottomK | AggregateOp::LimitK | AggregateOp::LimitRatio => {
                    wanted.clone()
                }
                AggregateOp::CountValues => match aggregate.param.as_ref().map(|param| &param.unparen().kind) {
                    Some(ExprKind::String(label)) if !of_groups().is_fixed(label) => of_groups(),
                    Some(ExprKind::String(label)) => of_groups().free(&[label]),
                    _ => Wanted::any(),
                },
                _ => of_groups(),
            };
            let param = aggregate.param.as_ref().map(|_| Wanted::any());
            param.into_iter().chain([own]).collect()
        }
        ExprKind::Number { .. }
        | ExprKind::String(_)
        | ExprKind::Selector(_)
        | ExprKind::Range { .. }
        | ExprKind::Invalid => Vec::new(),
    }
}

fn names(labels: &[String]) -> Vec<&str> {
    labels.iter().map(String::as_str).collect()
}

/// Returns what is wanted of the two sides of an operator.
fn operands(binary: &Binary, wanted: &Wanted) -> [Wanted; 2] {
    let keeps_name = binary.op.is_set() || binary.op.is_comparison() && !binary.return_bool;
    let own = if keeps_name { wanted.clone() } else { wanted.unnamed() };
    if binary.lhs.ty() == Type::Scalar || binary.rhs.ty() == Type::Scalar {
        return [own.clone(), own];
    }
    if binary.op == BinaryOp::Or {
        return [own.clone(), own];
    }
    let matching = binary.matching.as_ref();
    let key = match matching {
        Some(Matching { on: true, labels, .. }) => wanted.restrict(labels),
        Some(Matching { on: false, labels, .. }) => wanted.free(&names(labels)).unnamed(),
        None => wanted.unnamed(),
    };
    if binary.op.is_set() {
        return [own, key];
    }
    let Some(group) = matching.and_then(|matching| matching.group.as_ref()) else {
        // The labels that both sides match by are all that the result has.
        return match matching {
            None => [own, key],
            Some(matching) if matching.on => [key.clone(), key],
            Some(matching) => [own.free(&names(&matching.labels)), key],
        };
    };
    let many = own.free(&names(&group.include));
    let mut one = key;
    for name in &group.include {
        let value = wanted.fixed.iter().find(|(own, _)| own == name);
        one = one.free(&[name]);
        one.fixed.extend(value.cloned());
    }
    match group.many {
        Side::Left => [many, one],
        Side::Right => [one, many],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::notation::parse_series;
    use crate::promql::parse::parse;

    fn labels(text: &str) -> LabelSet {
        parse_series(text).expect("a series")
    }

    /// Checks which of some rows of one part have a part in a row of the whole.
    #[track_caller]
    fn check(expr: &str, row: &str, part: usize, taken: &[&str], left: &[&str]) {
        let wanted = &parts(&parse(expr).expr, &Wanted::of(&labels(row)))[part];
        taken.iter().for_each(|one| assert!(wanted.takes(&labels(one)), "{expr}: {one}"));
        left.iter().for_each(|one| assert!(!wanted.takes(&labels(one)), "{expr}: {one}"));
    }

    #[test]
    fn rows_are_followed_through_operators() {
        check("a > 5", "a{i=\"1\"}", 0, &["a{i=\"1\"}"], &["a{i=\"2\"}", "a{i=\"1\", j=\"x\"}", "a"]);
        check("a * 5", "{i=\"1\"}", 0, &["a{i=\"1\"}"], &["a{i=\"2\"}"]);
        check("a / b", "{i=\"1\"}", 1, &["b{i=\"1\"}"], &["b{i=\"2\"}", "b{i=\"1\", j=\"x\"}"]);
        check("a / on (i) b", "{i=\"1\"}", 1, &["b{i=\"1\"}", "b{i=\"1\", j=\"x\"}"], &["b{i=\"2\"}"]);
        check("a / ignoring (j) b", "{i=\"1\"}", 1, &["b{i=\"1\", j=\"x\"}"], &["b{i=\"1\", k=\"x\"}"]);
        let joined = "a * on (i) group_left (n) b";
        check(joined, "{i=\"1\", m=\"2\", n=\"3\"}", 0, &["a{i=\"1\", m=\"2\"}"], &["a{i=\"1\"}"]);
        check(joined, "{i=\"1\", m=\"2\", n=\"3\"}", 1, &["b{i=\"1\", n=\"3\"}"], &["b{i=\"1\", n=\"4\"}"]);
        check("a unless on (i) b", "a{i=\"1\", j=\"2\"}", 1, &["b{i=\"1\"}"], &["b{i=\"2\"}"]);
        check("a and b", "a{i=\"1\"}", 1, &["b{i=\"1\"}"], &["b{i=\"1\", j=\"2\"}"]);
    }

    #[test]
    fn rows_are_followed_into_groups() {
        check("sum by (i) (a)", "{i=\"1\"}", 0, &["a{i=\"1\"}", "a{i=\"1\", j=\"2\"}"], &["a{i=\"2\"}"]);
        check("sum by (i) (a)", "{}", 0, &["a{j=\"2\"}"], &["a{i=\"2\"}"]);
        check("sum without (i) (a)", "{j=\"1\"}", 0, &["a{j=\"1\", i=\"4\"}"], &["a{j=\"1\", k=\"2\"}"]);
        check("sum(a)", "{}", 0, &["a{i=\"1\"}"], &[]);
        check("topk(2, a)", "a{i=\"1\"}", 1, &["a{i=\"1\"}"], &["a{i=\"2\"}"]);
        let quantile = "histogram_quantile(0.9, a)";
        check(quantile, "{i=\"1\"}", 1, &["a{i=\"1\", le=\"5\"}"], &["a{i=\"2\", le=\"5\"}"]);
    }

    #[test]
    fn a_partner_has_the_labels_that_match() {
        let partner = |text: &str, row: &str| {
            let ExprKind::Binary(binary) = parse(text).expr.kind else { panic!("an operator") };
            partner(binary.matching.as_ref(), &labels(row))
        };
        assert!(partner("a / on (i) b", "a{i=\"1\", j=\"2\"}").takes(&labels("b{i=\"1\"}")));
        assert!(!partner("a / b", "a{i=\"1\", j=\"2\"}").takes(&labels("b{i=\"1\"}")));
        assert_eq!(partner("a / on (i) b", "a{i=\"1\", j=\"2\"}").labels().to_string(), "{i=\"1\"}");
    }
}
