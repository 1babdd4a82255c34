//! Whether two expressions are built alike, wherever they stand.

use super::ast::{
    Aggregate, Binary, DurationExpr, DurationKind, Expr, ExprKind, Grouping, Matching, Modifiers, Selector,
};
use crate::labels::Matcher;

/// Returns whether two expressions have the same tree: all but where they stand, the order of the matchers of a selector,
/// and whether grouping by nothing was written.
#[must_use]
pub fn same(a: &Expr, b: &Expr) -> bool {
    match (&a.kind, &b.kind) {
        (ExprKind::Number { value: a, duration: a_span }, ExprKind::Number { value: b, duration: b_span }) => {
            same_number(*a, *b) && a_span == b_span
        }
        (ExprKind::String(a), ExprKind::String(b)) => a == b,
        (ExprKind::Paren(a), ExprKind::Paren(b)) => same(a, b),
        (ExprKind::Unary { op: a_op, expr: a }, ExprKind::Unary { op: b_op, expr: b }) => a_op == b_op && same(a, b),
        (ExprKind::Binary(a), ExprKind::Binary(b)) => same_binary(a, b),
        (ExprKind::Selector(a), ExprKind::Selector(b)) => same_selector(a, b),
        (ExprKind::Range { selector: a, range: from, .. }, ExprKind::Range { selector: b, range: to, .. }) => {
            same_selector(a, b) && same_duration(from, to)
        }
        (ExprKind::Subquery(a), ExprKind::Subquery(b)) => {
            same(&a.expr, &b.expr)
                && same_duration(&a.range, &b.range)
                && same_some(a.step.as_ref(), b.step.as_ref(), same_duration)
                && same_modifiers(&a.modifiers, &b.modifiers)
        }
        (ExprKind::Call { function: a, args: from, .. }, ExprKind::Call { function: b, args: to, .. }) => {
            a.name == b.name && from.len() == to.len() && from.iter().zip(to).all(|(a, b)| same(a, b))
        }
        (ExprKind::Aggregate(a), ExprKind::Aggregate(b)) => same_aggregate(a, b),
        _ => false,
    }
}

/// One `NaN` is as good as another.
fn same_number(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

fn same_some<T>(a: Option<T>, b: Option<T>, same: impl FnOnce(T, T) -> bool) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => same(a, b),
        (None, None) => true,
        _ => false,
    }
}

fn same_binary(a: &Binary, b: &Binary) -> bool {
    let none = Matching::default();
    let matching = |one: &Matching, other: &Matching| {
        (one.on, &one.labels, &one.group) == (other.on, &other.labels, &other.group)
            && same_some(one.fill_left, other.fill_left, same_number)
            && same_some(one.fill_right, other.fill_right, same_number)
    };
    (a.op, a.return_bool) == (b.op, b.return_bool)
        && matching(a.matching.as_ref().unwrap_or(&none), b.matching.as_ref().unwrap_or(&none))
        && same(&a.lhs, &b.lhs)
        && same(&a.rhs, &b.rhs)
}

fn same_aggregate(a: &Aggregate, b: &Aggregate) -> bool {
    let grouping = |grouping: &Option<Grouping>| {
        let grouping = grouping.clone().filter(|grouping| grouping.without || !grouping.labels.is_empty());
        grouping.map(|grouping| (grouping.without, grouping.labels))
    };
    a.op == b.op
        && grouping(&a.grouping) == grouping(&b.grouping)
        && same_some(a.param.as_ref(), b.param.as_ref(), same)
        && same(&a.expr, &b.expr)
}

fn same_selector(a: &Selector, b: &Selector) -> bool {
    let sorted = |selector: &Selector| {
        let mut matchers: Vec<(String, &'static str, String)> = selector.matchers.iter().map(shown).collect();
        matchers.sort_unstable();
        matchers
    };
    a.name == b.name && sorted(a) == sorted(b) && same_modifiers(&a.modifiers, &b.modifiers)
}

fn shown(matcher: &Matcher) -> (String, &'static str, String) {
    (matcher.name.clone(), matcher.op.symbol(), matcher.value.clone())
}

fn same_modifiers(a: &Modifiers, b: &Modifiers) -> bool {
    (a.at, a.edges) == (b.at, b.edges) && same_some(a.offset.as_ref(), b.offset.as_ref(), same_duration)
}

fn same_duration(a: &DurationExpr, b: &DurationExpr) -> bool {
    match (&a.kind, &b.kind) {
        (DurationKind::Literal { seconds: a, .. }, DurationKind::Literal { seconds: b, .. }) => same_number(*a, *b),
        (DurationKind::Step, DurationKind::Step) | (DurationKind::Range, DurationKind::Range) => true,
        (DurationKind::Unary(a_op, a), DurationKind::Unary(b_op, b)) => a_op == b_op && same_duration(a, b),
        (DurationKind::Binary(a_op, a_lhs, a_rhs), DurationKind::Binary(b_op, b_lhs, b_rhs)) => {
            a_op == b_op && same_duration(a_lhs, b_lhs) && same_duration(a_rhs, b_rhs)
        }
        (DurationKind::MinOf(a, other), DurationKind::MinOf(b, another))
        | (DurationKind::MaxOf(a, other), DurationKind::MaxOf(b, another)) => {
            same_duration(a, b) && same_duration(other, another)
        }
        (DurationKind::Paren(a), DurationKind::Paren(b)) => same_duration(a, b),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::parse::parse;

    fn check(a: &str, b: &str, expected: bool) {
        let [a_expr, b_expr] = [a, b].map(|text| {
            let parsed = parse(text);
            assert_eq!(parsed.problems, [], "{text}");
            parsed.expr
        });
        assert_eq!(same(&a_expr, &b_expr), expected, "{a} and {b}");
    }

    #[test]
    fn spelling_is_no_difference() {
        for (a, b) in [
            ("a{b='c',d=\"e\"}", "a { d = 'e', b=`c` }"),
            ("sum(a)by()", "sum(a)"),
            ("a + ignoring() b", "a+b"),
            ("sum(a) by (b)", "SUM BY(b)(a)"),
            ("NaN", "-NaN"),
            ("1e3", "0x3e8"),
            ("a[60s] offset 3600s", "a[1m] offset 1h"),
            ("a @ 1e3", "a @ 1000.000"),
            ("a + fill(NaN) b", "a + fill_left(NaN) fill_right(NaN) b"),
        ] {
            check(a, b, true);
        }
    }

    #[test]
    fn all_that_has_a_meaning_is_a_difference() {
        let texts = [
            "1",
            "-1",
            "0",
            "-0",
            "1s",
            "\"1\"",
            "a",
            "b",
            "-a",
            "+a",
            "(a)",
            "a{b=\"c\"}",
            "a{b!=\"c\"}",
            "a{b=\"d\"}",
            "{__name__=\"a\"}",
            "a offset 1m",
            "a offset -1m",
            "a offset step()",
            "a @ 1",
            "a @ start()",
            "a @ end()",
            "a[1m]",
            "a[2m]",
            "a[1m] anchored",
            "a[1m] smoothed",
            "a[1m:]",
            "a[1m:1m]",
            "a[1m:2m]",
            "a[1m:] offset 1m",
            "a[range()]",
            "a[-range()]",
            "a[(1m)]",
            "a[1m+1m]",
            "a[1m-1m]",
            "a[min_of(1m,2m)]",
            "a[max_of(1m,2m)]",
            "abs(a)",
            "ceil(a)",
            "round(a)",
            "round(a, 1)",
            "sum(a)",
            "max(a)",
            "sum(b)",
            "sum by (a) (a)",
            "sum by (b) (a)",
            "sum without (a) (a)",
            "sum without () (a)",
            "topk(1, a)",
            "topk(2, a)",
            "a + b",
            "a - b",
            "b + a",
            "a + on () b",
            "a + on (c) b",
            "a + ignoring (c) b",
            "a + on () group_left () b",
            "a + on () group_right () b",
            "a + on () group_left (c) b",
            "a + fill (0) b",
            "a + fill_left (0) b",
            "a + fill_right (0) b",
            "a + fill (1) b",
            "a == b",
            "a == bool b",
        ];
        for (at, a) in texts.iter().enumerate() {
            for (other, b) in texts.iter().enumerate() {
                check(a, b, at == other);
            }
        }
    }
}
