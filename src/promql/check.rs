//! Types: what operators, functions and aggregations may be given.

use super::ast::{Binary, Expr, ExprKind, Selector, Type};
use super::functions::Function;
use super::parse::{Problem, TYPE};
use crate::labels::METRIC_NAME;

/// Checks an expression and all below it and returns what it evaluates to; none where a problem leaves that open.
///
/// Source: the type check of Prometheus 3.14's parser.
pub(crate) fn check(expr: &Expr, problems: &mut Vec<Problem>) -> Option<Type> {
    match &expr.kind {
        ExprKind::Number { .. } => Some(Type::Scalar),
        ExprKind::String(_) => Some(Type::String),
        ExprKind::Invalid => None,
        ExprKind::Paren(inner) => check(inner, problems),
        ExprKind::Unary { expr: inner, .. } => {
            let ty = check(inner, problems)?;
            if matches!(ty, Type::Scalar | Type::Vector) {
                return Some(ty);
            }
            let message = format!("a sign stands before a scalar or an instant vector, found {}", a(ty));
            problems.push(with_type_help(Problem::new(TYPE, inner.span, message), inner, Type::Vector, ty));
            None
        }
        ExprKind::Binary(binary) => check_binary(binary, problems),
        ExprKind::Selector(selector) => {
            check_selector(selector, expr, true, problems);
            Some(Type::Vector)
        }
        ExprKind::Range { selector, .. } => {
            check_selector(selector, expr, true, problems);
            Some(Type::Matrix)
        }
        ExprKind::Subquery(subquery) => {
            let inner = &subquery.expr;
            expect(inner, Type::Vector, "a subquery runs over", problems);
            Some(Type::Matrix)
        }
        ExprKind::Call { function, args, .. } => {
            check_call(function, args, expr, problems);
            Some(function.returns)
        }
        ExprKind::Aggregate(aggregate) => {
            let name = aggregate.op.name();
            if let (Some(param), Some(want)) = (&aggregate.param, aggregate.op.param()) {
                expect(param, want, &format!("the first argument of `{name}` is"), problems);
            }
            expect(&aggregate.expr, Type::Vector, &format!("`{name}` aggregates"), problems);
            Some(Type::Vector)
        }
    }
}

/// Names a type with its article.
fn a(ty: Type) -> String {
    let article = if ty == Type::Vector { "an" } else { "a" };
    format!("{article} {}", ty.words())
}

/// Checks an expression and says that another type was wanted; `context` is the beginning of the sentence.
fn expect(expr: &Expr, want: Type, context: &str, problems: &mut Vec<Problem>) {
    let Some(ty) = check(expr, problems) else { return };
    if ty != want {
        let problem = Problem::new(TYPE, expr.span, format!("{context} {}, found {}", a(want), a(ty)));
        problems.push(with_type_help(problem, expr, want, ty));
    }
}

/// Adds how to turn one type into the other, where there is a common way.
fn with_type_help(problem: Problem, expr: &Expr, want: Type, ty: Type) -> Problem {
    const LONGEST: usize = 60;
    let mut text = match &expr.kind {
        ExprKind::Selector(selector) => selector.to_string(),
        _ => "..".to_owned(),
    };
    if text.len() > LONGEST {
        "..".clone_into(&mut text);
    }
    match (want, ty) {
        (Type::Matrix, Type::Vector) if matches!(expr.kind, ExprKind::Selector(_)) && text != ".." => {
            problem.with_help(format!("add a range: `{text}[5m]`"))
        }
        (Type::Matrix, Type::Vector) => {
            problem.with_help("give a metric with a range, `metric[5m]`, or a subquery, `(..)[5m:]`")
        }
        (Type::Vector, Type::Matrix) => {
            problem.with_help("a range vector goes into a function such as `rate(..)` or `avg_over_time(..)`")
        }
        (Type::Vector, Type::Scalar) => problem.with_help("`vector(..)` makes an instant vector of a scalar"),
        (Type::Scalar, Type::Vector) => {
            problem.with_help("`scalar(..)` makes a scalar of an instant vector with one element")
        }
        (Type::String, _) => problem.with_help("a string stands in quotes"),
        _ => problem,
    }
}

fn check_binary(binary: &Binary, problems: &mut Vec<Problem>) -> Option<Type> {
    let op = binary.op;
    let symbol = op.symbol();
    let lhs = check_operand(&binary.lhs, symbol, problems);
    let rhs = check_operand(&binary.rhs, symbol, problems);
    let (lhs, rhs) = (lhs?, rhs?);
    if op.is_set() && (lhs == Type::Scalar || rhs == Type::Scalar) {
        let scalar = if lhs == Type::Scalar { &binary.lhs } else { &binary.rhs };
        let message = format!("`{symbol}` stands between instant vectors, found a scalar");
        let problem = Problem::new(TYPE, scalar.span, message);
        problems.push(with_type_help(problem, scalar, Type::Vector, Type::Scalar));
        return Some(Type::Vector);
    }
    if lhs == Type::Scalar && rhs == Type::Scalar {
        if op.is_comparison() && !binary.return_bool {
            let message = format!("a comparison of two scalars needs `bool` after `{symbol}`");
            let problem = Problem::new(TYPE, binary.op_span, message);
            problems.push(problem.with_help(format!("write `{symbol} bool`; it gives 1 or 0")));
        }
        return Some(Type::Scalar);
    }
    Some(Type::Vector)
}

fn check_operand(expr: &Expr, symbol: &str, problems: &mut Vec<Problem>) -> Option<Type> {
    let ty = check(expr, problems)?;
    if matches!(ty, Type::Scalar | Type::Vector) {
        return Some(ty);
    }
    let message = format!("an operand of `{symbol}` is a scalar or an instant vector, found {}", a(ty));
    let problem = Problem::new(TYPE, expr.span, message);
    problems.push(match ty {
        Type::Matrix => with_type_help(problem, expr, Type::Vector, ty),
        _ => problem,
    });
    None
}

fn check_selector(selector: &Selector, expr: &Expr, must_narrow: bool, problems: &mut Vec<Problem>) {
    if let Some(name) = &selector.name {
        // The last matcher is the name outside the braces.
        let inside = selector.matchers.split_last().map_or(&[][..], |(_, inside)| inside);
        if let Some(twice) = inside.iter().find(|matcher| matcher.name == METRIC_NAME) {
            let message = format!("the metric name is set twice: `{name}` and `{}`", twice.value);
            problems.push(Problem::new(TYPE, expr.span, message).with_help("keep one of them"));
        }
        return;
    }
    if must_narrow && selector.matchers.iter().all(|matcher| matcher.matches("")) {
        let message = "a selector needs at least one matcher that does not match the empty text";
        let help = "this would select every series; name a metric or a label: `{job=\"api\"}`, `{job=~\".+\"}`";
        problems.push(Problem::new(TYPE, expr.span, message).with_help(help));
    }
}

fn check_call(function: &Function, args: &[Expr], call: &Expr, problems: &mut Vec<Problem>) {
    let name = function.name;
    let types = function.args;
    let (least, most) = arity(function);
    // What could not be read may stand for any number of arguments.
    let all_read = args.iter().all(|arg| arg.kind != ExprKind::Invalid);
    if all_read && (args.len() < least || most.is_some_and(|most| args.len() > most)) {
        let count = match most {
            Some(most) if most == least => format!("{least} argument{}", if least == 1 { "" } else { "s" }),
            Some(most) => format!("{least} to {most} arguments"),
            None => format!("at least {least} argument{}", if least == 1 { "" } else { "s" }),
        };
        let message = format!("`{name}` takes {count}, found {}", args.len());
        problems.push(Problem::new(TYPE, call.span, message).with_help(format!("write {}", signature(function))));
    }
    for (at, arg) in args.iter().enumerate() {
        if name == "info" && at == 1 {
            check_info_selector(arg, problems);
            continue;
        }
        let want = match types.get(at) {
            Some(want) => *want,
            None if function.variadic != 0 => *types.last().unwrap_or(&Type::Vector),
            None => {
                check(arg, problems);
                continue;
            }
        };
        let context = match (types.len(), function.variadic) {
            (1, _) => format!("`{name}` takes"),
            _ => format!("the {} argument of `{name}` is", ordinal(at + 1)),
        };
        expect(arg, want, &context, problems);
    }
}

/// Checks the second argument of `info`: matchers alone, for the labels that are wanted.
fn check_info_selector(arg: &Expr, problems: &mut Vec<Problem>) {
    let wrong = match &arg.kind {
        ExprKind::Selector(selector) if selector.name.is_none() => {
            check_selector(selector, arg, false, problems);
            return;
        }
        ExprKind::Invalid => return,
        ExprKind::Selector(_) => "a metric name outside the braces",
        _ => {
            check(arg, problems);
            "another expression"
        }
    };
    let message = format!("the 2nd argument of `info` is a selector of labels, found {wrong}");
    problems.push(Problem::new(TYPE, arg.span, message).with_help("write `info(metric, {label=\"value\"})`"));
}

/// Returns how many arguments a function takes at least and at most.
fn arity(function: &Function) -> (usize, Option<usize>) {
    let named = function.args.len();
    match usize::try_from(function.variadic) {
        Ok(0) => (named, Some(named)),
        Ok(more) => (named.saturating_sub(1), Some(named.saturating_sub(1) + more)),
        Err(_) => (named.saturating_sub(1), None),
    }
}

/// Writes how a function is called.
fn signature(function: &Function) -> String {
    let args: Vec<&str> = function.args.iter().map(|ty| ty.words()).collect();
    let more = if function.variadic < 0 { ", .." } else { "" };
    format!("`{}({}{more})`", function.name, args.join(", "))
}

fn ordinal(number: usize) -> String {
    let suffix = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{suffix}")
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;

    /// Checks the message and the text it points at; an empty message stands for no problem.
    fn check(text: &str, message: &str, at: &str) {
        let problems = parse(text).problems;
        let told = problems.first().map_or("", |problem| problem.message.as_str());
        assert_eq!(told, message, "{text}");
        assert_eq!(problems.first().map_or("", |problem| &text[problem.span.range()]), at, "{text}");
        assert!(problems.len() <= 1, "{problems:?}");
    }

    #[test]
    fn arguments_have_their_types() {
        check("rate(foo)", "`rate` takes a range vector, found an instant vector", "foo");
        check("abs(foo[5m])", "`abs` takes an instant vector, found a range vector", "foo[5m]");
        check("clamp_max(foo, bar)", "the 2nd argument of `clamp_max` is a scalar, found an instant vector", "bar");
        check(
            "label_join(foo, \"a\", \"b\", \"c\", 1)",
            "the 5th argument of `label_join` is a string, found a scalar",
            "1",
        );
        check("topk(foo, foo)", "the first argument of `topk` is a scalar, found an instant vector", "foo");
        check("sum(1)", "`sum` aggregates an instant vector, found a scalar", "1");
        check("count_values(5, foo)", "the first argument of `count_values` is a string, found a scalar", "5");
        check("1[5m:]", "a subquery runs over an instant vector, found a scalar", "1");
        check("-\"a\"", "a sign stands before a scalar or an instant vector, found a string", "\"a\"");
    }

    #[test]
    fn arguments_are_counted() {
        check("rate()", "`rate` takes 1 argument, found 0", "rate()");
        check("clamp(foo, 1)", "`clamp` takes 3 arguments, found 2", "clamp(foo, 1)");
        check("round(foo, 1, 2)", "`round` takes 1 to 2 arguments, found 3", "round(foo, 1, 2)");
        check("label_join(foo, \"a\")", "`label_join` takes at least 3 arguments, found 2", "label_join(foo, \"a\")");
        for good in ["hour()", "hour(foo)", "time()", "sort_by_label(foo)", "round(foo)", "info(foo)"] {
            check(good, "", "");
        }
    }

    #[test]
    fn operands_have_their_types() {
        check("foo[5m] + 1", "an operand of `+` is a scalar or an instant vector, found a range vector", "foo[5m]");
        check("\"a\" + 1", "an operand of `+` is a scalar or an instant vector, found a string", "\"a\"");
        check("1 == 1", "a comparison of two scalars needs `bool` after `==`", "==");
        check("foo and 1", "`and` stands between instant vectors, found a scalar", "1");
        check("foo + bool bar", "`bool` stands only after a comparison, not after `+`", "bool");
        check("foo + on (a) 1", "labels can be matched only between two instant vectors", "on (a)");
        check("foo + fill (0) 1", "gaps can be filled only between two instant vectors", "fill (0)");
        check("foo and on (a) group_left bar", "`group_left` has no place after `and`", "group_left");
        check("1 == bool 1", "", "");
        check("foo + on () 1", "", "");
    }

    #[test]
    fn selectors_narrow() {
        let message = "a selector needs at least one matcher that does not match the empty text";
        for text in ["{}", "{a=\"\"}", "{a=~\".*\"}", "{a!=\"b\"}"] {
            check(text, message, text);
        }
        check("{a=\"b\", c=\"\"}", "", "");
        check("foo{__name__=\"bar\"}", "the metric name is set twice: `foo` and `bar`", "foo{__name__=\"bar\"}");
        check("info(foo, {})", "", "");
        let message = "the 2nd argument of `info` is a selector of labels, found a metric name outside the braces";
        check("info(foo, bar)", message, "bar");
    }
}
