//! What changed between two rules that are one, in words: in the expression, in the rest of the rule and of its group, in
//! name and place.

mod place;
mod rule;

use std::fmt::Display;

pub use place::{Place, moved, moved_files};
pub use rule::{InGroup, are_alike, every, of_rule};

use crate::labels::{Matcher, Quoted};
use crate::promql::ast::{
    Aggregate, Binary, BinaryOp, DurationExpr, DurationKind, Expr, ExprKind, Modifiers, Selector, SelectorUse,
};
use crate::promql::scalar_ops::mirrored;

/// What kind of change it is, the most likely to matter first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CauseKind {
    /// How often it is evaluated.
    Interval,
    /// A window or a subquery's resolution.
    Window,
    /// Which series are selected.
    Selector,
    /// What is computed.
    Operator,
    /// A number or a text.
    Constant,
    /// Its name or its group.
    Place,
    /// What people read of it, and what a live system does.
    Text,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cause {
    /// What kind.
    pub kind: CauseKind,
    /// In words.
    pub text: String,
}

/// The most of an expression that is quoted. Unit: characters.
const QUOTED: usize = 60;
/// The most causes that are reported for one rule.
const TOLD: usize = 4;

/// Returns what differs between two expressions, the most likely to cost first; empty when they mean the same
/// (parentheses, the order of matchers, `60s` for `1m`).
#[must_use]
pub fn causes(before: &Expr, after: &Expr) -> Vec<Cause> {
    let mut found = Found::default();
    found.expr(before, after);
    let mut causes = found.0;
    // Stable: within a kind they stay in the order of the text.
    causes.sort_by_key(|cause| cause.kind);
    let mut told: Vec<Cause> = Vec::new();
    for cause in causes {
        if !told.contains(&cause) {
            told.push(cause);
        }
    }
    told
}

/// Returns the causes in one line.
#[must_use]
pub fn sentence(causes: &[Cause]) -> String {
    let texts: Vec<&str> = causes.iter().take(TOLD).map(|cause| cause.text.as_str()).collect();
    let more = causes.len().saturating_sub(TOLD);
    texts.join("; ") + &if more > 0 { format!("; {more} more") } else { String::new() }
}

fn short(expr: &impl Display) -> String {
    let text = expr.to_string();
    if text.chars().count() <= QUOTED {
        return format!("`{text}`");
    }
    format!("`{}...`", text.chars().take(QUOTED).collect::<String>())
}

/// Writes a number as it stands in the expression, a large one with a suffix where that loses nothing: `10G`.
fn number(expr: &Expr) -> String {
    match expr.unparen().kind {
        ExprKind::Number { value, duration: false }
            if value.abs() >= 1e5 && format!("{value:.2e}").parse() == Ok(value) =>
        {
            crate::format::value(value)
        }
        _ => expr.unparen().to_string(),
    }
}

#[derive(Default)]
struct Found(Vec<Cause>);

impl Found {
    fn add(&mut self, kind: CauseKind, text: String) {
        self.0.push(Cause { kind, text });
    }

    /// Compares two expressions in step.
    fn expr(&mut self, before: &Expr, after: &Expr) {
        let (before, after) = (before.unparen(), after.unparen());
        match (&before.kind, &after.kind) {
            (ExprKind::Number { value: a, .. }, ExprKind::Number { value: b, .. }) => {
                if a.to_bits() != b.to_bits() {
                    self.add(CauseKind::Constant, format!("number {} became {}", number(before), number(after)));
                }
            }
            (ExprKind::String(a), ExprKind::String(b)) => {
                if a != b {
                    self.add(CauseKind::Constant, format!("text {before} became {after}"));
                }
            }
            (ExprKind::Unary { op: a, expr: inner }, ExprKind::Unary { op: b, expr: other }) => {
                if a != b {
                    self.add(CauseKind::Operator, format!("sign differs: {} became {}", short(before), short(after)));
                }
                self.expr(inner, other);
            }
            (ExprKind::Binary(a), ExprKind::Binary(b)) => self.binary(before, a, after, b),
            (ExprKind::Selector(a), ExprKind::Selector(b)) => self.selector(a, b),
            (ExprKind::Range { selector: a, range: from, .. }, ExprKind::Range { selector: b, range: to, .. }) => {
                self.window(from, to);
                self.selector(a, b);
            }
            (ExprKind::Subquery(a), ExprKind::Subquery(b)) => {
                self.window(&a.range, &b.range);
                let step = |step: &Option<DurationExpr>| step.as_ref().map_or(String::new(), ToString::to_string);
                if step(&a.step) != step(&b.step) {
                    let text =
                        format!("resolution of the subquery changed from [:{}] to [:{}]", step(&a.step), step(&b.step));
                    self.add(CauseKind::Window, text);
                }
                self.modifiers(&a.modifiers, &b.modifiers);
                self.expr(&a.expr, &b.expr);
            }
            (ExprKind::Call { function: a, args: from, .. }, ExprKind::Call { function: b, args: to, .. }) => {
                if a.name != b.name && (contains(after, before) || contains(before, after)) {
                    return self.shape(before, after);
                }
                if a.name != b.name {
                    self.add(CauseKind::Operator, format!("function {} became {}", a.name, b.name));
                }
                if from.len() != to.len() && a.name == b.name {
                    let text = format!("arguments of {} differ: {} became {}", b.name, short(before), short(after));
                    self.add(CauseKind::Operator, text);
                }
                let data = |args: &[Expr]| args.iter().filter(|arg| !is_constant(arg)).cloned().collect::<Vec<_>>();
                if from.len() == to.len() {
                    from.iter().zip(to).for_each(|(a, b)| self.expr(a, b));
                } else {
                    data(from).iter().zip(&data(to)).for_each(|(a, b)| self.expr(a, b));
                }
            }
            (ExprKind::Aggregate(a), ExprKind::Aggregate(b)) => self.aggregate(a, b),
            _ => self.shape(before, after),
        }
    }

    fn binary(&mut self, before: &Expr, a: &Binary, after: &Expr, b: &Binary) {
        if is_turned(a, b) {
            let Binary { op, lhs, rhs, .. } = b.clone();
            let turned = Binary { op: mirrored(op), lhs: rhs, rhs: lhs, ..b.clone() };
            return self.binary(before, a, after, &turned);
        }
        // `x > 5` that became `x - 5 > 0` or `x >= 5 < 9` has another shape: its parts have no counterparts.
        let is_moved = |from: &Binary, to: &Binary| {
            is_constant(&from.rhs)
                && is_constant(&to.rhs)
                && from.rhs.to_string() != to.rhs.to_string()
                && contains(&to.lhs, &from.rhs)
        };
        let is_range = |one: &Binary| one.op.is_comparison() && is_comparison(&one.lhs);
        if is_moved(a, b) || is_moved(b, a) || is_range(a) != is_range(b) {
            return self.shape(before, after);
        }
        if a.op != b.op {
            // `x > 5` that became `x > 5 and y` is an operand added, not a `>` that became an `and`.
            if contains(after, before) || contains(before, after) || a.op.is_comparison() != b.op.is_comparison() {
                return self.shape(before, after);
            }
            self.add(CauseKind::Operator, format!("operator {} became {}", a.op.symbol(), b.op.symbol()));
        }
        if a.matching != b.matching && [a, b].iter().any(|one| is_constant(&one.lhs) || is_constant(&one.rhs)) {
            // Where a number became a vector, the matching came with it.
            return self.shape(before, after);
        }
        if a.return_bool != b.return_bool {
            let text = if b.return_bool { "`bool` added" } else { "`bool` removed" };
            self.add(CauseKind::Operator, format!("{text} at {}", b.op.symbol()));
        }
        if a.matching != b.matching {
            let text = format!("vector matching differs: {} became {}", short(before), short(after));
            self.add(CauseKind::Operator, text);
        }
        for (from, to) in [(&a.lhs, &b.lhs), (&a.rhs, &b.rhs)] {
            match (&from.unparen().kind, &to.unparen().kind) {
                (ExprKind::Number { value: old, .. }, ExprKind::Number { value: new, .. })
                    if a.op.is_comparison() && b.op.is_comparison() =>
                {
                    if old.to_bits() != new.to_bits() {
                        let text = format!("threshold {} became {}", number(from), number(to));
                        self.add(CauseKind::Constant, text);
                    }
                }
                _ => self.expr(from, to),
            }
        }
    }

    fn aggregate(&mut self, a: &Aggregate, b: &Aggregate) {
        if a.op != b.op {
            self.add(CauseKind::Operator, format!("aggregation {} became {}", a.op.name(), b.op.name()));
        }
        let grouping = |aggregate: &Aggregate| match &aggregate.grouping {
            Some(grouping) if grouping.without || !grouping.labels.is_empty() => {
                format!("{} ({})", if grouping.without { "without" } else { "by" }, grouping.labels.join(", "))
            }
            _ => "none".to_owned(),
        };
        if grouping(a) != grouping(b) {
            let text = format!("grouping of {} changed from {} to {}", b.op.name(), grouping(a), grouping(b));
            self.add(CauseKind::Operator, text);
        }
        if let (Some(a), Some(b)) = (&a.param, &b.param) {
            self.expr(a, b);
        }
        self.expr(&a.expr, &b.expr);
    }

    /// Tells of two expressions that are not built alike: what was put around or taken away, or that operators differ,
    /// and then what became of the selectors in them.
    fn shape(&mut self, before: &Expr, after: &Expr) {
        if contains(after, before) {
            return self
                .add(CauseKind::Operator, format!("operators added: {} became {}", short(before), short(after)));
        }
        if contains(before, after) {
            return self
                .add(CauseKind::Operator, format!("operators removed: {} became {}", short(before), short(after)));
        }
        let plain = |expr: &Expr| matches!(expr.kind, ExprKind::Selector(_) | ExprKind::Range { .. });
        match (is_constant(before), is_constant(after)) {
            (true, false) => return self.add(CauseKind::Operator, format!("number {before} became {}", short(after))),
            (false, true) => return self.add(CauseKind::Operator, format!("{} became number {after}", short(before))),
            // What a window does to a selector is told below.
            _ if plain(before) && plain(after) => {}
            _ => self.add(CauseKind::Operator, format!("operators differ: {} became {}", short(before), short(after))),
        }
        self.selectors(before, after);
    }

    /// Tells what became of the selectors in two expressions that are not built alike: those that stand in both are the
    /// same, then those of one metric are counterparts.
    fn selectors(&mut self, before: &Expr, after: &Expr) {
        let (was, is) = (before.selectors(), after.selectors());
        let (old, mut left) = (without(&was, &is), without(&is, &was));
        // Of a metric that the other side reads too, the labels say which one it is.
        let named = |selector: &Selector, other: &[SelectorUse<'_>]| {
            let reads = other.iter().any(|other| other.selector.metric() == selector.metric());
            if reads { short(selector) } else { words(selector) }
        };
        for a in old {
            let same = left.iter().position(|b| b.selector.metric() == a.selector.metric());
            match same.map(|at| left.remove(at)) {
                Some(b) => {
                    match (a.range, b.range) {
                        (Some(from), Some(to)) => self.window(from, to),
                        (None, Some(to)) => {
                            self.add(
                                CauseKind::Window,
                                format!("{} is now read over a window of [{to}]", words(b.selector)),
                            );
                        }
                        (Some(from), None) => {
                            self.add(
                                CauseKind::Window,
                                format!("{} has no window any more, had [{from}]", words(b.selector)),
                            );
                        }
                        (None, None) => {}
                    }
                    self.selector(a.selector, b.selector);
                }
                None => self.add(CauseKind::Selector, format!("selector {} removed", named(a.selector, &is))),
            }
        }
        for b in left {
            self.add(CauseKind::Selector, format!("selector {} added", named(b.selector, &was)));
        }
    }

    fn window(&mut self, from: &DurationExpr, to: &DurationExpr) {
        let (was, is) = (from.to_string(), to.to_string());
        let verb = match (literal_ms(from), literal_ms(to)) {
            (Some(a), Some(b)) if a == b => return,
            (Some(a), Some(b)) if a < b => "grew",
            (Some(_), Some(_)) => "shrank",
            _ if was == is => return,
            _ => "changed",
        };
        self.add(CauseKind::Window, format!("window {verb} from [{was}] to [{is}]"));
    }

    fn selector(&mut self, a: &Selector, b: &Selector) {
        let (from, to) = (a.metric(), b.metric());
        if from != to {
            let name = |name: Option<&str>| name.map_or("any metric".to_owned(), |name| format!("metric {name}"));
            self.add(CauseKind::Selector, format!("{} became {}", name(from), name(to)));
        }
        let whose = to.map_or(String::new(), |name| format!(" of {name}"));
        let mut added = difference(b, a);
        for lost in difference(a, b) {
            let text = match added.iter().position(|matcher| matcher.name == lost.name) {
                Some(at) => format!("label matcher {}{whose} became {}", shown(lost), shown(added.remove(at))),
                None => format!("label matcher {}{whose} removed", shown(lost)),
            };
            self.add(CauseKind::Selector, text);
        }
        for matcher in added {
            self.add(CauseKind::Selector, format!("label matcher {}{whose} added", shown(matcher)));
        }
        self.modifiers(&a.modifiers, &b.modifiers);
    }

    fn modifiers(&mut self, a: &Modifiers, b: &Modifiers) {
        let offset = |modifiers: &Modifiers| modifiers.offset.as_ref().map_or("none".to_owned(), ToString::to_string);
        if offset(a) != offset(b) {
            self.add(CauseKind::Window, format!("offset changed from {} to {}", offset(a), offset(b)));
        }
        if a.at != b.at {
            self.add(CauseKind::Window, "`@` differs".to_owned());
        }
        if a.edges != b.edges {
            self.add(CauseKind::Window, "`anchored` or `smoothed` differs".to_owned());
        }
    }
}

/// Returns whether an expression is a number or a text.
fn is_constant(expr: &Expr) -> bool {
    match &expr.unparen().kind {
        ExprKind::Number { .. } | ExprKind::String(_) => true,
        ExprKind::Unary { expr, .. } => is_constant(expr),
        _ => false,
    }
}

fn is_comparison(expr: &Expr) -> bool {
    matches!(&expr.unparen().kind, ExprKind::Binary(binary) if binary.op.is_comparison())
}

/// Returns whether the number stands on the other side, where that makes no difference: `x > 5` and `5 < x`.
fn is_turned(a: &Binary, b: &Binary) -> bool {
    let constants = |one: &Binary| (is_constant(&one.lhs), is_constant(&one.rhs));
    let can_turn = b.op.is_comparison() || matches!(b.op, BinaryOp::Add | BinaryOp::Mul);
    can_turn && matches!((constants(a), constants(b)), ((true, false), (false, true)) | ((false, true), (true, false)))
}

/// Returns the selectors of one side that do not stand on the other one; one that stands there more or less often is read
/// as it was.
fn without<'a>(side: &[SelectorUse<'a>], other: &[SelectorUse<'_>]) -> Vec<SelectorUse<'a>> {
    let text = |one: &SelectorUse<'_>| (one.selector.to_string(), one.range.map(ToString::to_string));
    let other: Vec<_> = other.iter().map(text).collect();
    side.iter().filter(|one| !other.contains(&text(one))).copied().collect()
}

/// Returns the metric that a selector names, or the selector.
fn words(selector: &Selector) -> String {
    selector.metric().map_or_else(|| short(selector), str::to_owned)
}

/// Returns whether `inner`, as it prints, stands somewhere below `outer`.
fn contains(outer: &Expr, inner: &Expr) -> bool {
    let text = inner.to_string();
    let mut found = false;
    outer.walk(&mut |expr| {
        // Printing is as long as the tree below: only nodes that could be equal are printed.
        let alike = std::mem::discriminant(&expr.kind) == std::mem::discriminant(&inner.kind);
        found = found || (alike && !std::ptr::eq(expr, outer) && expr.to_string() == text);
    });
    found
}

/// Returns a plain duration in milliseconds.
fn literal_ms(duration: &DurationExpr) -> Option<i64> {
    match &duration.kind {
        DurationKind::Literal { span, .. } => Some(span.0),
        DurationKind::Paren(inner) => literal_ms(inner),
        _ => None,
    }
}

/// Returns the label matchers of `a` that `b` lacks.
fn difference<'a>(a: &'a Selector, b: &Selector) -> Vec<&'a Matcher> {
    let same = |x: &Matcher, y: &Matcher| x.name == y.name && x.op == y.op && x.value == y.value;
    let labels = a.matchers.iter().filter(|matcher| !matcher.names_metric());
    labels.filter(|matcher| !b.matchers.iter().any(|other| same(matcher, other))).collect()
}

fn shown(matcher: &Matcher) -> String {
    format!("{}{}{}", matcher.name, matcher.op.symbol(), Quoted(&matcher.value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::parse::parse;

    fn check(before: &str, after: &str, expected: &str) {
        let read = |text: &str| {
            let parsed = parse(text);
            assert!(parsed.problems.is_empty(), "{text}: {:?}", parsed.problems);
            parsed.expr
        };
        assert_eq!(sentence(&causes(&read(before), &read(after))), expected, "{before} -> {after}");
    }

    #[test]
    fn windows() {
        check("avg_over_time(x[1h]) > 5", "avg_over_time(x[6h]) > 5", "window grew from [1h] to [6h]");
        check("rate(x[5m])", "rate(x[1m])", "window shrank from [5m] to [1m]");
        check("rate(x[60s])", "rate(x[1m])", "");
        check(
            "max_over_time(x[1h:1m])",
            "max_over_time(x[1h:15s])",
            "resolution of the subquery changed from [:1m] to [:15s]",
        );
        check("x", "x offset 1h", "offset changed from none to 1h");
        check(
            "x > 5",
            "avg_over_time(x[6h]) > 5",
            "x is now read over a window of [6h]; operators differ: `x` became `avg_over_time(x[6h])`",
        );
    }

    #[test]
    fn selectors() {
        check(r#"x{job="db"} > 5"#, "x > 5", r#"label matcher job="db" of x removed"#);
        check("x > 5", r#"x{job=~"d.*"} > 5"#, r#"label matcher job=~"d.*" of x added"#);
        check(r#"x{job="db"}"#, r#"x{job=~"db|web"}"#, r#"label matcher job="db" of x became job=~"db|web""#);
        check("x > 5", "y > 5", "metric x became metric y");
        check(r#"{__name__="x"}"#, "x", "");
        check(r#"x{a="1", b="2"}"#, r#"x{b="2", a="1"}"#, "");
    }

    #[test]
    fn operators() {
        check("x > 5", "x >= 5", "operator > became >=");
        check("x > 5", "5 < x", "");
        check("6 >= x", "x <= 5", "threshold 6 became 5");
        check("x > 5", "5 > x", "operator > became <");
        check("x >= 5", "4 < x", "operator >= became >; threshold 5 became 4");
        check("x * 2 > 5", "2 * x > 5", "");
        check("x - 2", "2 - x", "`x` became number 2; number 2 became `x`");
        check("rate(x[5m])", "increase(x[5m])", "function rate became increase");
        check(
            "max_over_time(x[5m])",
            "quantile_over_time(0.5, x[1h])",
            "window grew from [5m] to [1h]; function max_over_time became quantile_over_time",
        );
        check(
            "rate(x[5m])",
            "max_over_time(rate(x[5m])[1h:1m])",
            "operators added: `rate(x[5m])` became `max_over_time(rate(x[5m])[1h:1m])`",
        );
        check("sum by (job) (x)", "sum by (job, pod) (x)", "grouping of sum changed from by (job) to by (job, pod)");
        check("sum(x) by (job)", "sum by (job) (x)", "");
        check("sum by () (x)", "sum(x)", "");
        check("sum(x)", "max(x)", "aggregation sum became max");
        check("x > 5", "x > bool 5", "`bool` added at >");
        check("x > 5", "x > 5 and y", "operators added: `x > 5` became `x > 5 and y`");
        check("sum(rate(x[5m]))", "rate(x[5m])", "operators removed: `sum(rate(x[5m]))` became `rate(x[5m])`");
        check("x * 2", "x * on () x", "operators differ: `x * 2` became `x * on () x`");
        check("x * 2 > 5", "x * y > 5", "number 2 became `y`");
        check("x > x offset 5m", "x > 3", "`x offset 5m` became number 3");
        check("x * y", "x * on (job) y", "vector matching differs: `x * y` became `x * on (job) y`");
    }

    #[test]
    fn an_inequality_that_is_written_otherwise_is_told_as_a_whole() {
        check("x > 3", "x - 3 > 0", "operators differ: `x > 3` became `x - 3 > 0`");
        check("x - 3 > 0", "x > 3", "operators differ: `x - 3 > 0` became `x > 3`");
        check("x > 3", "x >= 3 <= 6", "operators differ: `x > 3` became `x >= 3 <= 6`");
        check("x >= 4 <= 6", "x > 3", "operators differ: `x >= 4 <= 6` became `x > 3`");
        check("x >= 4 <= 6", "x >= 4 <= 7", "threshold 6 became 7");
        check("x > 3", "x > bool 3 == 1", "operators differ: `x > 3` became `x > bool 3 == 1`");
        check("x > 3", "avg(x) > 4", "operators added: `x` became `avg(x)`; threshold 3 became 4");
    }

    #[test]
    fn a_selector_that_is_read_on_both_sides_was_not_added() {
        check("x < 5 and x > 1", "x > 3", "operators differ: `x < 5 and x > 1` became `x > 3`");
        check("x < 1", "x > 3 and x < 6", "operators differ: `x < 1` became `x > 3 and x < 6`");
        check(
            r#"x{a="1"} and x{a="2"}"#,
            r#"sum(x{a="2"})"#,
            "selector `x{a=\"1\"}` removed; operators differ: `x{a=\"1\"} and x{a=\"2\"}` became `sum(x{a=\"2\"})`",
        );
        check(
            "absent(x)",
            "absent_over_time(x[5m])",
            "x is now read over a window of [5m]; function absent became absent_over_time",
        );
    }

    #[test]
    fn a_window_and_a_matcher_are_found_in_another_shape() {
        check(
            r#"avg_over_time(x{job="db"}[1h]) > 5"#,
            "avg_over_time(x[6h]) > 5 and up",
            "window grew from [1h] to [6h]; label matcher job=\"db\" of x removed; selector up added; operators differ: \
             `avg_over_time(x{job=\"db\"}[1h]) > 5` became `avg_over_time(x[6h]) > 5 and up`",
        );
    }

    #[test]
    fn constants_and_parentheses() {
        check("x > 5", "x > 7", "threshold 5 became 7");
        check("x < 10e9", "x < 80e9", "threshold 10G became 80G");
        check("x < 10000000000", "x < 10000000001", "threshold 10G became 10000000001");
        check("(x) > 5", "x > (5)", "");
        check(
            r#"label_replace(x, "a", "b", "c", "d")"#,
            r#"label_replace(x, "a", "b", "c", "e")"#,
            r#"text "d" became "e""#,
        );
    }

    #[test]
    fn many_causes_are_cut() {
        check(
            "a + b + c + d + e",
            "f + g + h + i + j",
            "metric a became metric f; metric b became metric g; metric c became metric h; metric d became metric i; 1 more",
        );
    }
}
