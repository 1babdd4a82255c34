//! Lays expressions out as Prometheus' formatter does: on one line where they fit, otherwise one part a line.

use std::fmt::{self, Write};

use super::ast::{Expr, ExprKind};
use super::lex::lex;
use super::print::{Out, Printer};
use crate::limits::EXPR_BYTES;

/// How long an expression may be that stands on one line, its indentation not counted. Unit: bytes.
///
/// Source: Prometheus' formatter.
const LINE: usize = 100;
/// How long an expression may get that is split, so that it can be read again, with comments above it. Unit: bytes.
const SPLIT: usize = EXPR_BYTES / 2;
/// What each level is indented by.
const INDENT: &str = "  ";

/// Returns an expression laid out over lines, without a line break at its end. `source` is the text that it was read
/// from: numbers, durations and strings that would need escapes stay as they are written there.
///
/// What is longer than 100 bytes is split, and its parts stand two spaces deeper; so the first line of a binary
/// expression that is split begins with spaces. What would get longer than 128 KiB, as a chain of some 300 operators,
/// stays on one line. Cost: linear in the expression and in the result.
///
/// Source: Prometheus' formatter (`promtool promql format`). Unlike there, a subquery that fits on its line is indented
/// like all else.
#[must_use]
pub fn lines(expr: &Expr, source: &str) -> String {
    let mut flat = Flat { text: String::with_capacity(source.len()), parts: Vec::new() };
    // A text takes all.
    let _ = Printer { out: &mut flat, source: Some(source) }.expr(expr);
    if flat.text.len() <= LINE {
        return flat.text;
    }
    let mut layout = Layout { source, out: String::with_capacity(2 * flat.text.len()), flat, next: 0 };
    let is_done = layout.node(expr, 0).is_ok() && layout.out.len() <= SPLIT;
    if is_done { layout.out } else { layout.flat.text }
}

/// Returns an expression on one line, as [`lines`] has those that fit.
#[must_use]
pub fn one_line(expr: &Expr, source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    // A text takes all.
    let _ = Printer { out: &mut out, source: Some(source) }.expr(expr);
    out
}

/// Returns the comments above an expression and the blank lines between and below them, each line without its break and
/// the blanks around it; nothing where a comment stands inside the expression or behind it, which has no place in the
/// layout.
#[must_use]
pub fn comments(source: &str) -> Option<Vec<&str>> {
    let mut end = 0;
    let mut above = Vec::new();
    for token in lex(source) {
        let between = &source[end..token.span.start as usize];
        // A lone `\r` ends a comment, but no line of an editor.
        let is_odd = || between.replace("\r\n", "").contains('\r');
        if end == 0 && !(between.contains('#') && is_odd()) {
            above = between.split('\n').map(str::trim).skip_while(|line| line.is_empty()).collect();
            // The line that the expression begins on.
            above.pop();
        } else if between.contains('#') {
            return None;
        }
        end = token.span.end as usize;
    }
    (!source[end..].contains('#')).then_some(above)
}

/// Returns an expression that is laid out below [`comments`]; nothing where it would be longer than an expression may be.
#[must_use]
pub fn below(above: &[&str], expr: &str) -> Option<String> {
    let text = [above, &[expr]].concat().join("\n");
    (text.len() <= EXPR_BYTES).then_some(text)
}

/// An expression on one line, and where its parts are there.
struct Flat {
    text: String,
    /// In the order in which they begin.
    parts: Vec<Part>,
}

/// A part of an expression that is one itself.
#[derive(Clone, Copy)]
struct Part {
    start: usize,
    end: usize,
    /// The number of the first part that begins behind it.
    next: usize,
}

impl Write for &mut Flat {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.text.push_str(text);
        Ok(())
    }
}

impl Out for &mut Flat {
    fn begin(&mut self) -> usize {
        self.parts.push(Part { start: self.text.len(), end: 0, next: 0 });
        self.parts.len() - 1
    }

    fn end(&mut self, number: usize) {
        let next = self.parts.len();
        self.parts[number].end = self.text.len();
        self.parts[number].next = next;
    }
}

struct Layout<'a> {
    source: &'a str,
    flat: Flat,
    /// The number of the part that comes next.
    next: usize,
    out: String,
}

impl Layout<'_> {
    /// Writes an expression, the first line of it indented too. Expressions come in the order of the parts.
    fn node(&mut self, expr: &Expr, level: usize) -> fmt::Result {
        let part = self.flat.parts[self.next];
        if part.end - part.start <= LINE {
            self.indent(level)?;
            self.out.push_str(&self.flat.text[part.start..part.end]);
            self.next = part.next;
            return Ok(());
        }
        self.next += 1;
        match &expr.kind {
            ExprKind::Paren(inner) => self.within(level, |_| Ok(()), &[inner]),
            ExprKind::Call { function, args, .. } => {
                let args: Vec<&Expr> = args.iter().collect();
                self.within(level, |printer| printer.out.write_str(function.name), &args)
            }
            ExprKind::Aggregate(aggregate) => {
                let parts: Vec<&Expr> = aggregate.param.iter().chain([&aggregate.expr]).collect();
                self.within(level, |printer| printer.aggregation(aggregate), &parts)
            }
            ExprKind::Binary(binary) => {
                self.node(&binary.lhs, level + 1)?;
                self.out.push('\n');
                self.indent(level)?;
                self.printer().operator(binary)?;
                self.out.push('\n');
                self.node(&binary.rhs, level + 1)
            }
            ExprKind::Subquery(subquery) => {
                self.node(&subquery.expr, level)?;
                self.printer().window(subquery)
            }
            ExprKind::Unary { op, expr } => {
                self.indent(level)?;
                self.out.push_str(op.symbol());
                // What follows the sign is indented already.
                let start = self.out.len();
                self.node(expr, level)?;
                let blank = self.out[start..].len() - self.out[start..].trim_start().len();
                self.out.drain(start..start + blank);
                Ok(())
            }
            ExprKind::Number { .. }
            | ExprKind::String(_)
            | ExprKind::Selector(_)
            | ExprKind::Range { .. }
            | ExprKind::Invalid => {
                self.indent(level)?;
                self.out.push_str(&self.flat.text[part.start..part.end]);
                Ok(())
            }
        }
    }

    /// Writes what stands before a parenthesis, and the parts inside it on lines of their own.
    fn within(
        &mut self,
        level: usize,
        head: impl FnOnce(&mut Printer<'_, &mut String>) -> fmt::Result,
        parts: &[&Expr],
    ) -> fmt::Result {
        self.indent(level)?;
        head(&mut self.printer())?;
        self.out.push('(');
        for (at, part) in parts.iter().enumerate() {
            self.out.push_str(if at > 0 { ",\n" } else { "\n" });
            self.node(part, level + 1)?;
        }
        self.out.push('\n');
        self.indent(level)?;
        self.out.push(')');
        Ok(())
    }

    fn printer(&mut self) -> Printer<'_, &mut String> {
        Printer { out: &mut self.out, source: Some(self.source) }
    }

    /// Indents a line, unless there is too much of them already: then all of it is given up.
    fn indent(&mut self, level: usize) -> fmt::Result {
        if self.out.len() > SPLIT {
            return Err(fmt::Error);
        }
        (0..level).for_each(|_| self.out.push_str(INDENT));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::promql::parse::parse;
    use crate::promql::same::same;

    /// Checks how an expression is laid out, that it means the same, and that it is laid out already.
    fn check(text: &str, expected: &str) {
        let parsed = parse(text);
        assert_eq!(parsed.problems, [], "{text}");
        let laid_out = lines(&parsed.expr, text);
        assert_eq!(laid_out, expected, "{text}");
        let again = parse(&laid_out);
        assert_eq!(again.problems, [], "{text}");
        assert!(same(&parsed.expr, &again.expr), "{text} became {laid_out}");
        assert_eq!(lines(&again.expr, &laid_out), laid_out, "twice is once");
    }

    /// A metric whose name alone is as long as a line less so many bytes.
    fn long(less: usize) -> String {
        "m".repeat(LINE - less)
    }

    #[test]
    fn what_fits_on_a_line_stands_on_one() {
        for (text, expected) in [
            ("a+b", "a + b"),
            ("sum(a)by(b,c)", "sum by (b, c) (a)"),
            ("sum by () (a)", "sum(a)"),
            ("a==bool on(b)group_left c", "a == bool on (b) group_left () c"),
            ("a{job='x',fstype!=\"\",}", "a{fstype!=\"\",job=\"x\"}"),
            ("{__name__='a', b='c'}", "{__name__=\"a\",b=\"c\"}"),
            ("rate(\na [ 5m ]\n)", "rate(a[5m])"),
            ("max_over_time(rate(a[1m])[1h : 1m] offset 5m)", "max_over_time(rate(a[1m])[1h:1m] offset 5m)"),
            ("a @ 1", "a @ 1.000"),
            ("a offset - 5m", "a offset -5m"),
            ("a smoothed offset 1m @ 2", "a @ 2.000 smoothed offset 1m"),
            ("rate(a[5m] @ 2 anchored)", "rate(a[5m] anchored @ 2.000)"),
            ("a[2*1h]", "a[2 * 1h]"),
            ("-  a", "-a"),
        ] {
            check(text, expected);
        }
        check(&format!("{}+1", long(4)), &format!("{} + 1", long(4)));
    }

    #[test]
    fn literals_stay_as_they_are_written() {
        for text in
            ["0.95", "1e9", ".5", "0x1F", "1_000", "90m", "1e-3 * 60s", "-1e3", "a[90s]", "a[300]", "a[24h] offset 7d"]
        {
            check(text, text);
        }
        check("--1", "1");
        check("+1.50", "1.50");
        check("- 1.50", "-1.50");
        check("- # b\n\t# c\r- # d\n1 + a offset - # e\n1m", "1 + a offset -1m");
        check("inf", "+Inf");
        check("inf^2 + -inf^inf", "Inf ^ 2 + -Inf ^ +Inf");
        check("a offset +60s", "a offset 60s");
        check("a+fill(1e6)b", "a + fill (1e6) b");
        check("a+fill_right(+0x1F)fill_left( - 1m)b", "a + fill_left (-1m) fill_right (0x1F) b");
        check("a+fill_left(1e6)fill_right(1000000)b", "a + fill (1e6) b");
        check("a+on(fill)group_left(fill_left)fill(nan)b", "a + on (fill) group_left (fill_left) fill (NaN) b");
    }

    #[test]
    fn strings_have_double_quotes_unless_those_need_escapes() {
        check("a{b='c'}", "a{b=\"c\"}");
        check("a{b=~`c\\d`,a='\"'}", "a{a='\"',b=~`c\\d`}");
        check("a{b=~\"c\\\\d\"}", "a{b=~\"c\\\\d\"}");
        check("a{b=`c\nd`}", "a{b=\"c\\nd\"}");
        check(
            "a{b=`\\d\n`,c=\"\\\\d\t\",d='\\\\d\\t',e=\"\t\"}",
            "a{b=\"\\\\d\\n\",c=\"\\\\d\\t\",d='\\\\d\\t',e=\"\\t\"}",
        );
        check("{`a.\\b`, 'c.d'='e'}", "{\"c.d\"=\"e\",__name__=`a.\\b`}");
        check("a{b='é',c=\"\\u2028é\"}", "a{b=\"é\",c=\"\\u2028é\"}");
        check("a{b='\\u2028',c='\\x41'}", "a{b='\\u2028',c=\"A\"}");
        check("label_replace(a, 'b', '$1', \"c\", `(\\d)`)", "label_replace(a, \"b\", \"$1\", \"c\", `(\\d)`)");
    }

    #[test]
    fn what_is_long_is_split() {
        let m = long(0);
        check(&format!("{m}+1"), &format!("  {m}\n+\n  1"));
        check(&format!("{m}+1+2"), &format!("    {m}\n  +\n    1\n+\n  2"));
        check(&format!("{m}==bool on(a)group_left(b)c"), &format!("  {m}\n== bool on (a) group_left (b)\n  c"));
        check(&format!("rate({m}[5m])>0"), &format!("  rate(\n    {m}[5m]\n  )\n>\n  0"));
        check(&format!("clamp({m},0,1)"), &format!("clamp(\n  {m},\n  0,\n  1\n)"));
        check(&format!("topk by (a) (3,{m})"), &format!("topk by (a) (\n  3,\n  {m}\n)"));
        check(&format!("({m})"), &format!("(\n  {m}\n)"));
        check(&format!("-rate({m}[1m])"), &format!("-rate(\n  {m}[1m]\n)"));
        check(&format!("(-{m})"), &format!("(\n  -{m}\n)"));
        check(&format!("-{m}^2"), &format!("-{m}\n^\n  2"));
        check(
            &format!("max_over_time(rate({m}[1m])[1m:]@start() offset 1m)"),
            &format!("max_over_time(\n  rate(\n    {m}[1m]\n  )[1m:] @ start() offset 1m\n)"),
        );
        check(&format!("max_over_time(a[1h:]) + {m}"), &format!("  max_over_time(a[1h:])\n+\n  {m}"));
        // The subquery fits on a line of its own.
        let m = long(4);
        check(&format!("max_over_time({m}[1h:])"), &format!("max_over_time(\n  {m}[1h:]\n)"));
        let long_label = format!("{m}{{a=\"b\"}}");
        check(&long_label, &long_label);
    }

    #[test]
    fn what_would_be_too_long_when_split_stays_on_a_line() {
        let chain = |len: usize| "a or ".repeat(len) + "a";
        check(&chain(399), &chain(399));
        assert!(lines(&parse(&chain(200)).expr, &chain(200)).contains("\nor\n"));
    }

    #[test]
    fn alerts_look_as_in_prometheus() {
        check(
            "(node_filesystem_avail_bytes{job=\"node\",fstype!=\"\"}/node_filesystem_size_bytes{job=\"node\",fstype!=\"\"}*100<40 \
             and predict_linear(node_filesystem_avail_bytes{job=\"node\",fstype!=\"\"}[6h],24*60*60)<0)",
            "(
          node_filesystem_avail_bytes{fstype!=\"\",job=\"node\"}
        /
          node_filesystem_size_bytes{fstype!=\"\",job=\"node\"}
      *
        100
    <
      40
  and
    predict_linear(node_filesystem_avail_bytes{fstype!=\"\",job=\"node\"}[6h], 24 * 60 * 60) < 0
)",
        );
    }

    #[test]
    fn comments_are_found() {
        for (text, expected) in [
            ("a # b", None),
            ("a\n# b\n+ c", None),
            ("a #", None),
            ("# b", None),
            ("# b\ra", None),
            ("# b\n\n  #c \r\n a", Some(vec!["# b", "", "#c"])),
            ("\n \n# b\n\n\na", Some(vec!["# b", "", ""])),
            ("\n\na", Some(vec![])),
            ("a{b=\"#\"}", Some(vec![])),
            ("a", Some(vec![])),
            ("", Some(vec![])),
        ] {
            assert_eq!(comments(text), expected, "{text}");
        }
    }

    /// Expressions to break.
    const WHOLE: &[&str] = &[
        "sum by (job, instance) (rate(http_requests_total{job=~\"api|web\", code!~'5..'}[5m] offset 1h)) / on (job) \
         group_left (team) sum(owner) > bool 0.95 and on () vector(1) == 1",
        "histogram_quantile(0.99, sum without (le) (rate(took_seconds_bucket[90s]))) > 1e3 or absent(up{a=`\\d`}) @ end()",
        "-max_over_time((a - b)[1h:5m] @ 1609746000 offset -5m) ^ 2 % 3 unless topk(5, {__name__=\"x.y\", \"a b\"='c'}) \
         atan2 label_replace(z[5m], \"a\", '$1', \"b\", \"(.*)\")",
        "a[(1m + step()) * 2:max_of(range(), 5m)] smoothed + fill(0) b + fill_left(-1) fill_right(NaN) c </ Inf",
        "# why\n\ncount_values without (a, \"b c\") (\"é\\n\", a{x=`\n\t`}) > -0x1F * -Inf ^ +1h30m ^ - a + fill_right(1e6)fill_left( - 0x10 ) b",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100_000))]

        /// Bytes are cut out, doubled and moved; what still is an expression is laid out.
        #[test]
        fn mutated_expressions_are_laid_out_once(which in 0..WHOLE.len(), cuts in prop::collection::vec((0.0..1.0f64, 0usize..12, 0.0..1.0f64), 1..5)) {
            let mut text: Vec<char> = WHOLE[which].chars().collect();
            for (from, count, to) in cuts {
                let from = (from * text.len() as f64) as usize;
                let part: Vec<char> = text[from..(from + count).min(text.len())].to_vec();
                if part.len().is_multiple_of(2) {
                    text.drain(from..from + part.len());
                }
                let to = (to * text.len() as f64) as usize;
                text.splice(to..to, part);
            }
            let text: String = text.into_iter().collect();
            let parsed = parse(&text);
            let laid_out = lines(&parsed.expr, &text);
            if parsed.problems.is_empty() {
                let again = parse(&laid_out);
                prop_assert_eq!(&again.problems, &[], "{} became {}", text, laid_out);
                prop_assert!(same(&parsed.expr, &again.expr), "{} became {}", text, laid_out);
                prop_assert_eq!(lines(&again.expr, &laid_out), laid_out.clone(), "twice is once: {}", text);
                let line = one_line(&parsed.expr, &text);
                prop_assert!(same(&parsed.expr, &parse(&line).expr), "{} became {}", text, line);
            }
        }
    }
}
