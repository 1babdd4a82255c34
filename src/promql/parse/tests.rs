use proptest::prelude::*;

use super::super::ast::{Expr, ExprKind};
use super::{Problem, parse, parse_matchers};
use crate::limits;

/// Expressions of every kind, in the form in which they print.
const CANONICAL: &[&str] = &[
    "1",
    "-1",
    "+Inf",
    "-Inf",
    "NaN",
    "5m",
    "-1h30m",
    "\"a\\n\\\"\"",
    "foo",
    "a:b",
    "sum",
    "offset",
    "and",
    "start",
    "foo{a=\"b\",c!=\"d\",e=~\"f.*\",g!~\"h|i\"}",
    "{a=\"b\"}",
    "{__name__=\"foo\"}",
    "{\"a.b\"=\"c\"}",
    "foo offset 5m",
    "foo offset -5m",
    "foo @ 1.500",
    "foo @ -1.000",
    "foo @ start()",
    "foo @ end() offset 1h",
    "foo anchored",
    "foo[5m]",
    "foo[5m] smoothed @ 10.000 offset 1m",
    "foo[1h:]",
    "foo[1h:5m] @ end() offset 5m",
    "rate(foo[5m])[1h:1m]",
    "foo[step()]",
    "foo[5m * 2]",
    "foo[(1m + 30s) ^ 2]",
    "foo[-step() + 10m:max_of(step(), 1m)]",
    "foo[min_of(range() / 2, 5m)]",
    "foo offset (5m)",
    "foo offset -(5m + step())",
    "foo offset (1m) + 1m",
    "foo[0.0015]",
    "time()",
    "clamp(foo, 0, 1)",
    "label_replace(foo, \"a\", \"$1\", \"b\", \"(.*)\")",
    "histogram_quantile(0.9, sum by (le) (rate(foo_bucket[5m])))",
    "info(foo, {a=\"b\"})",
    "min_of(1, 2)",
    "sum(foo)",
    "sum by () (foo)",
    "sum without (a, \"b.c\", by, on) (foo)",
    "topk by (a) (3, foo)",
    "count_values(\"v\", foo)",
    "limit_ratio(0.5, foo)",
    "-foo",
    "+foo",
    "--foo",
    "-1 ^ 2",
    "2 ^ -1",
    "-Inf ^ +Inf",
    "(-1) ^ 2",
    "foo + bar * 2",
    "foo == bool 1",
    "foo </ 1",
    "foo >/ 1",
    "foo atan2 bar",
    "foo and on (a) bar",
    "foo / ignoring (a, b) bar",
    "foo / on (a) group_left (c) bar",
    "foo / on () group_right () bar",
    "foo + fill (0) bar",
    "foo + on (a) fill_left (-1) bar",
    "foo == bool on (a) group_left () fill_left (1) fill_right (2) bar",
    "foo or bar unless baz",
];

/// Prints a tree with parentheses around every operation, to show how it groups.
fn grouped(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Binary(binary) => {
            format!("({} {} {})", grouped(&binary.lhs), binary.op.symbol(), grouped(&binary.rhs))
        }
        ExprKind::Unary { op, expr } => format!("({op:?} {})", grouped(expr)),
        _ => expr.to_string(),
    }
}

fn check_grouping(text: &str, expected: &str) {
    let parsed = parse(text);
    assert_eq!(parsed.problems, [], "{text}");
    assert_eq!(grouped(&parsed.expr), expected, "{text}");
}

/// Checks the message of each problem and the text it points at.
fn check_problems(text: &str, expected: &[(&str, &str)]) {
    let problems = parse(text).problems;
    let told: Vec<(&str, &str)> =
        problems.iter().map(|problem| (&text[problem.span.range()], problem.message.as_str())).collect();
    assert_eq!(told, expected, "{text}");
}

fn check_help(text: &str, expected: &str) {
    let problems = parse(text).problems;
    assert_eq!(problems.first().and_then(|problem| problem.help.as_deref()), Some(expected), "{text}: {problems:?}");
}

/// Drops the spans from a tree's debug form.
fn without_spans(expr: &Expr) -> String {
    let debug = format!("{expr:?}");
    let mut parts = debug.split("Span {");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.split_once('}').map_or("", |(_, rest)| rest))
}

fn check_round_trip(text: &str) -> Result<(), TestCaseError> {
    let parsed = parse(text);
    for problem in &parsed.problems {
        let range = problem.span.range();
        prop_assert!(text.get(range).is_some(), "{text:?} {problem:?}");
    }
    if parsed.problems.is_empty() {
        let printed = parsed.expr.to_string();
        let again = parse(&printed);
        prop_assert_eq!(&again.problems, &[], "{} printed as {}", text, printed);
        prop_assert_eq!(without_spans(&again.expr), without_spans(&parsed.expr), "{} printed as {}", text, printed);
    }
    Ok(())
}

#[test]
fn canonical_texts_print_as_they_are() {
    for text in CANONICAL {
        let parsed = parse(text);
        assert_eq!(parsed.problems, [], "{text}");
        assert_eq!(parsed.expr.to_string(), *text);
        check_round_trip(text).expect("the same tree");
    }
}

#[test]
fn other_spellings_are_read() {
    for (text, printed) in [
        ("SUM(foo) BY (a)", "sum by (a) (foo)"),
        ("foo{a='b',}", "foo{a=\"b\"}"),
        ("{'foo'}", "{__name__=\"foo\"}"),
        ("{\"foo\", a=`\\d`}", "{__name__=\"foo\",a=\"\\\\d\"}"),
        ("foo[300]", "foo[5m]"),
        ("foo[ 5m ]", "foo[5m]"),
        ("foo offset 1d # since yesterday\n", "foo offset 1d"),
        ("foo anchored [5m]", "foo[5m] anchored"),
        ("foo @ 1m", "foo @ 60.000"),
        ("foo + ignoring () bar", "foo + bar"),
        ("1 + on () foo", "1 + foo"),
        ("0x1F + 1_000 + .5", "31 + 1000 + 0.5"),
        ("fill + fill", "fill + fill"),
        ("foo{on=\"1\",by=\"2\"}", "foo{on=\"1\",by=\"2\"}"),
        ("foo[292y]", "foo[292y]"),
        ("foo offset 0", "foo offset 0s"),
    ] {
        let parsed = parse(text);
        assert_eq!(parsed.problems, [], "{text}");
        assert_eq!(parsed.expr.to_string(), printed);
    }
}

#[test]
fn operators_bind_as_in_prometheus() {
    check_grouping("a or b and c == d + e * f ^ g", "(a or (b and (c == (d + (e * (f ^ g))))))");
    check_grouping("a - b - c", "((a - b) - c)");
    check_grouping("a ^ b ^ c", "(a ^ (b ^ c))");
    check_grouping("a unless b and c", "((a unless b) and c)");
    check_grouping("-a ^ b", "(Minus (a ^ b))");
    check_grouping("-a * b", "((Minus a) * b)");
    check_grouping("a ^ -b * c", "((a ^ (Minus b)) * c)");
    check_grouping("a % b atan2 c", "((a % b) atan2 c)");
    check_grouping("foo offset -2 ^ 2", "(foo offset -2s ^ 2)");
    check_grouping("foo offset 5m + 5m", "(foo offset 5m + 5m)");
    check_grouping("foo offset (5m) + 5m", "foo offset (5m) + 5m");
    check_grouping("-foo offset 5m", "(Minus foo offset 5m)");
}

#[test]
fn nodes_know_where_they_stand() {
    let text = " rate( foo{a=\"é\"} [5m] offset 1m ) > bool 0.5 ";
    let mut seen = Vec::new();
    parse(text).expr.walk(&mut |expr| seen.push(&text[expr.span.range()]));
    let selector = "foo{a=\"é\"} [5m] offset 1m";
    assert_eq!(
        seen,
        ["rate( foo{a=\"é\"} [5m] offset 1m ) > bool 0.5", "rate( foo{a=\"é\"} [5m] offset 1m )", selector, "0.5"]
    );
    let text = "sum(foo) by (a)  + -  1";
    seen = Vec::new();
    parse(text).expr.walk(&mut |expr| seen.push(&text[expr.span.range()]));
    assert_eq!(seen, ["sum(foo) by (a)  + -  1", "sum(foo) by (a)", "foo", "-  1"]);
}

#[test]
fn problems_say_what_was_expected_and_found() {
    check_problems("", &[("", "expected an expression, found nothing")]);
    check_problems("foo +", &[("", "expected an expression, found the end of the expression")]);
    check_problems("foo bar", &[("bar", "expected an operator or the end of the expression, found `bar`")]);
    check_problems("foo)", &[(")", "expected an operator or the end of the expression, found `)`")]);
    check_problems("(foo", &[("(", "this `(` is never closed")]);
    check_problems("sum(foo", &[("(", "this `(` is never closed")]);
    check_problems("foo[5m", &[("", "expected `]`, or `:` and a step, found the end of the expression")]);
    check_problems("foo[]", &[("]", "expected a duration such as `5m` inside `[ ]`, found `]`")]);
    check_problems("foo[bar]", &[("bar", "expected a duration such as `5m`, found `bar`")]);
    check_problems("foo[0]", &[("0", "expected a duration of at least 1ms inside `[ ]`, found `0`")]);
    check_problems("foo[-5m]", &[("-5m", "expected a duration of at least 1ms inside `[ ]`, found `-5m`")]);
    check_problems("foo[300y]", &[("300y", "`300y` is longer than 292 years, the longest duration there is")]);
    check_problems(
        "foo[1e300]",
        &[("1e300", "`1e300` seconds are longer than 292 years, the longest duration there is")],
    );
    check_problems("foo[5m / 0]", &[("/ 0", "a duration cannot be divided by zero: `/ 0`")]);
    check_problems("foo{a=b}", &[("b", "expected a string, found `b`")]);
    check_problems("foo{a==\"b\"}", &[("==", "expected `=`, `!=`, `=~` or `!~`, found `==`")]);
    check_problems("foo{a=\"b\" c=\"d\"}", &[("c", "expected `,` or `}`, found `c`")]);
    check_problems("foo{a=\"b", &[("\"b", "the string \"b has no closing \" on its line")]);
    check_problems("sum by (a foo", &[("foo", "expected `,` or `)`, found `foo`")]);
    check_problems("on + 1", &[("on", "expected an expression, found the keyword `on`")]);
    check_problems("foo offset bar", &[("bar", "expected a duration such as `5m`, found `bar`")]);
    check_problems("foo offset 1m offset 2m", &[("offset", "`offset` is there already")]);
    check_problems("foo @ bar", &[("bar", "expected a time in seconds, `start()` or `end()`, found `bar`")]);
    check_problems("foo @ inf", &[("inf", "`inf` is out of range: not a time")]);
    check_problems("foo offset 5m[1h]", &[("[1h]", "the range stands before `offset`")]);
    check_problems("foo smoothed anchored", &[("anchored", "`anchored` and `smoothed` exclude each other")]);
    check_problems("foo[1h:] anchored", &[("anchored", "`anchored` has no place after a subquery")]);
    check_problems("rate(foo[5m],)", &[(",", "a `,` needs another argument after it")]);
    check_problems(
        "a + on (x) group_left (x) b",
        &[("x", "the label `x` is in `on (..)` already, both sides have it")],
    );
    check_problems("foo | bar", &[("|", "`|` has no meaning in PromQL")]);
    check_problems(
        "5x",
        &[("5x", "`5x` is neither a number nor a duration; a duration is written like `30s`, `5m` or `1h30m`")],
    );
}

#[test]
fn several_problems_are_told_at_once() {
    check_problems(
        "ratee(foo[5m]) + sum(bar[0]) + {}",
        &[
            ("ratee", "unknown function `ratee`"),
            ("0", "expected a duration of at least 1ms inside `[ ]`, found `0`"),
            ("{}", "a selector needs at least one matcher that does not match the empty text"),
        ],
    );
    check_problems(
        "clamp(foo bar, rate(foo), )",
        &[
            ("bar", "expected an operator, `,` or `)`, found `bar`"),
            ("rate(foo)", "the 2nd argument of `clamp` is a scalar, found an instant vector"),
            ("foo", "`rate` takes a range vector, found an instant vector"),
            (",", "a `,` needs another argument after it"),
        ],
    );
}

#[test]
fn help_says_what_to_write() {
    check_help("ratee(foo[5m])", "did you mean `rate`?");
    check_help("Rate(foo[5m])", "did you mean `rate`?");
    check_help("summ(foo)", "did you mean `sum`?");
    check_help("rate(foo)", "add a range: `foo[5m]`");
    check_help("sum(foo)[5m]", "over an expression, write a subquery: `[5m:]`");
    check_help("foo = 1", "values are compared with `==`");
    check_help("foo{a=b}", "a value stands in quotes: `\"b\"`");
    check_help("foo && bar", "the set operators are `and`, `or` and `unless`");
    check_help("{a=\"\\d\"}", "a string in backquotes has no escapes: `\\d`");
    check_help("foo by (a)", "it belongs to an aggregation: `sum by (label) (..)`");
}

#[test]
fn a_wrong_regular_expression_is_pointed_at() {
    let text = "foo{a=\"b\", c=~\"(d\"}";
    let problems = parse(text).problems;
    assert_eq!(problems.len(), 1);
    assert_eq!((problems[0].code, &text[problems[0].span.range()]), ("promql-regex", "\"(d\""));
}

#[test]
fn matchers_are_read_with_and_without_braces() {
    let printed = |text: &str| -> Result<Vec<String>, Problem> {
        parse_matchers(text).map(|matchers| matchers.iter().map(ToString::to_string).collect())
    };
    let expected = Ok(vec!["a=\"b\"".to_owned(), "c=~\"d\"".to_owned()]);
    assert_eq!(printed("{a=\"b\", c=~\"d\"}"), expected);
    assert_eq!(printed("a=\"b\", c=~\"d\","), expected);
    assert_eq!(printed("up"), Ok(vec!["__name__=\"up\"".to_owned()]));
    assert_eq!(printed("up{a=\"b\"}"), Ok(vec!["a=\"b\"".to_owned(), "__name__=\"up\"".to_owned()]));
    assert_eq!(printed("{}"), Ok(vec![]));
    for text in ["", "a=b", "{a=\"b\"", "up{} x", "a=~\"(\"", "rate(up)"] {
        assert!(parse_matchers(text).is_err(), "{text}");
    }
}

#[test]
fn huge_and_deep_texts_are_refused_in_words() {
    let deep = 100_000;
    let texts = [
        "(".repeat(deep),
        "-".repeat(deep) + "a",
        "a^".repeat(deep) + "a",
        "abs(".repeat(deep),
        "a+".repeat(limits::EXPR_DEPTH) + "a",
        "a[5m:1m]".to_owned() + &"[5m:1m]".repeat(10_000),
        "a[".to_owned() + &"(".repeat(deep),
        "a[".to_owned() + &"1^".repeat(deep) + "1]",
        "a[1".to_owned() + &"+1".repeat(10_000) + "]",
        "a offset ".to_owned() + &"-".repeat(deep) + "1",
        "[".repeat(200_000),
        "{".repeat(200_000),
        "a".repeat(limits::EXPR_BYTES + 1),
        "(a a),".repeat(40_000),
    ];
    for text in texts {
        let parsed = parse(&text);
        let start = &text[..20];
        assert!((1..=20).contains(&parsed.problems.len()), "{start}: {}", parsed.problems.len());
        let mut nodes = 0;
        parsed.expr.walk(&mut |_| nodes += 1);
        assert!(parsed.expr.to_string().len() < 1 << 20, "{start}");
    }
}

#[test]
fn the_longest_chain_works() {
    let text = "a+".repeat(limits::EXPR_DEPTH - 1) + "a";
    let parsed = parse(&text);
    assert_eq!(parsed.problems, []);
    let mut nodes = 0;
    parsed.expr.clone().walk(&mut |_| nodes += 1);
    assert_eq!(nodes, 2 * limits::EXPR_DEPTH - 1);
    assert_eq!(parse(&parsed.expr.to_string()).problems, []);
    let nested = "(".repeat(limits::EXPR_DEPTH - 1) + "a" + &")".repeat(limits::EXPR_DEPTH - 1);
    assert_eq!(parse(&nested).problems, []);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_texts_never_panic(
        first in 0..CANONICAL.len(),
        second in 0..CANONICAL.len(),
        cut in 0.0..1.0_f64,
        other_cut in 0.0..1.0_f64,
        middle in "[-+*/%^()\\[\\]{}:,@=!~<>\"'`\\\\#é0-9a-z_. ]{0,4}",
    ) {
        let part = |text: &'static str, at: f64| {
            let mut at = (at * text.len() as f64) as usize;
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            text.split_at(at)
        };
        let text = format!("{}{middle}{}", part(CANONICAL[first], cut).0, part(CANONICAL[second], other_cut).1);
        check_round_trip(&text)?;
    }

    #[test]
    fn joined_texts_round_trip(
        first in 0..CANONICAL.len(),
        second in 0..CANONICAL.len(),
        op in prop::sample::select(vec!["+", "^", "or", "== bool", "/ on (a) group_left ()"]),
    ) {
        check_round_trip(&format!("({}) {op} {}", CANONICAL[first], CANONICAL[second]))?;
    }
}
