//! Rule files with their expressions laid out: only the scalars that hold PromQL change, every other byte stays.

use std::collections::{BTreeMap, BTreeSet};

use crate::promql::layout::{below, comments, lines, one_line};
use crate::promql::same::same;
use crate::rules::{Group, Rule, RuleFile, RuleKind, RuleSet};
use crate::source::{FileSpan, Located, SourceMap, Span};
use crate::yaml::write::{Place, is_literal, quoted, rewritten, within_quotes};

/// The text of a rule file with its expressions laid out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaidOut {
    /// All of it, without a byte order mark.
    pub text: String,
    /// The expressions that are left as they are, and why, in the order of the text that was given.
    pub left: Vec<(FileSpan, Left)>,
}

/// Why an expression is left as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Left {
    /// A comment stands in it or behind it, or above it where that is no line of its own.
    Comment,
    /// It would be longer than an expression may be.
    Long,
    /// It stands in a file that is a text inside another one, and that text is folded, below `>`.
    Within,
    /// An anchor and its alias share it with a name, a label or an annotation, which would change with it.
    Shared,
}

/// Lays out the expressions of a rule file, which was read with `keep_parts` and has no errors.
///
/// Not touched are those that were made of the keys of a native rule, and what an alias or a merge key brings from
/// elsewhere: it is laid out where it stands, if that is the expression of a rule. Cost: linear in the file.
#[must_use]
pub fn laid_out(file: &RuleFile, sources: &SourceMap) -> LaidOut {
    let source: &str = &sources.file(file.file).text;
    let edits = Edits::of(file, source, Lines::Many);
    let mut text = String::with_capacity(source.len());
    let mut at = 0;
    for (span, replacement) in edits.replaced {
        text.push_str(&source[at..span.start as usize]);
        text.push_str(&replacement);
        at = span.end as usize;
    }
    text.push_str(&source[at..]);
    let left = edits.left.into_iter().map(|(span, left)| (FileSpan { file: file.file, span }, left));
    LaidOut { text, left: left.collect() }
}

/// How many lines an expression may take. A text in single quotes has no way to indent one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lines {
    One,
    Many,
}

/// What becomes of the expressions of a text.
#[derive(Default)]
struct Edits {
    replaced: BTreeMap<Span, String>,
    left: BTreeSet<(Span, Left)>,
}

impl Edits {
    fn of(file: &RuleFile, source: &str, most: Lines) -> Self {
        let mut edits = Self::default();
        let mut texts: BTreeMap<Span, Option<Located>> = BTreeMap::new();
        let others = others(file);
        for group in &file.groups {
            let within = group.parts.as_ref().and_then(|parts| parts.within).map(|within| within.span);
            let Some(within) = within.filter(|within| !is_literal(source, *within)) else {
                group.rules.iter().for_each(|rule| edits.rule(rule, source, most, &others));
                continue;
            };
            if texts.entry(within).or_insert_with(|| quoted(&source[within.range()])).is_none() {
                let left = group.rules.iter().filter(|rule| place(rule, source).is_some() && !is_laid_out(rule));
                edits.left.extend(left.map(|rule| (rule.text.span, Left::Within)));
            }
        }
        for (within, text) in texts {
            text.iter().for_each(|text| edits.text(text, &source[within.range()], within.start));
        }
        edits
    }

    fn rule(&mut self, rule: &Rule, source: &str, most: Lines, others: &BTreeSet<Span>) {
        if others.contains(&rule.text.span) {
            let expr = rule.parts.as_ref().and_then(|parts| parts.expr);
            let expr = expr.filter(|_| rule.condition.is_none() && !is_laid_out(rule));
            self.left.extend(expr.map(|expr| (expr.value.span, Left::Shared)));
            return;
        }
        let Some(place) = place(rule, source) else { return };
        let text = &rule.text.text;
        let above = comments(text).filter(|above| above.is_empty() || is_literal(source, rule.text.span));
        let Some(above) = above else {
            self.left.insert((rule.text.span, Left::Comment));
            return;
        };
        let line = one_line(&rule.expr, text);
        let split = if most == Lines::Many { lines(&rule.expr, text) } else { line.clone() };
        match below(&above, &split) {
            Some(lines) => self.replaced.extend(rewritten(place, &line, &lines)),
            None => {
                self.left.insert((rule.text.span, Left::Long));
            }
        }
    }

    /// Lays out the rule file that the text of a scalar in quotes is; `start` is where that stands.
    fn text(&mut self, text: &Located, written: &str, start: u32) {
        // The file has been read: what it has of unknown keys was allowed.
        let mut rules = RuleSet { keep_parts: true, ignore_unknown_fields: true, ..RuleSet::default() };
        rules.add("", text.text.as_bytes());
        let Some(file) = rules.files.first() else { return };
        let source: &str = &rules.sources.file(file.file).text;
        // Without a byte order mark, all would stand elsewhere.
        if source != text.text {
            return;
        }
        let most = if written.starts_with('"') { Lines::Many } else { Lines::One };
        let edits = Self::of(file, source, most);
        let outer = |span: Span| {
            let Span { start: from, end } = text.map.to_file(span);
            // Nothing follows the last escape that tells how long it is, but the quote.
            let end = if span.range().end == source.len() { written.len() - 1 } else { end as usize };
            Span::new((start + from) as usize, start as usize + end)
        };
        let quote = |(span, text): (Span, String)| (outer(span), within_quotes(&text, written));
        self.replaced.extend(edits.replaced.into_iter().map(quote));
        self.left.extend(edits.left.into_iter().map(|(span, left)| (outer(span), left)));
    }
}

/// Returns where the texts of a file stand that are no expressions. One that an alias brings stands at its anchor.
fn others(file: &RuleFile) -> BTreeSet<Span> {
    let mut others = BTreeSet::new();
    for group in &file.groups {
        others.insert(group.name.span);
        for rule in &group.rules {
            others.insert(rule.name.span);
            let texts = rule.parts.iter().flat_map(|parts| parts.labels.iter().chain(&parts.annotations));
            others.extend(texts.filter_map(|part| part.text.as_ref()).map(|text| text.span));
        }
    }
    others
}

fn is_laid_out(rule: &Rule) -> bool {
    one_line(&rule.expr, &rule.text.text) == rule.text.text
}

/// Returns where the expression of a rule stands, if it was written there for this rule.
fn place<'a>(rule: &Rule, source: &'a str) -> Option<Place<'a>> {
    let parts = rule.parts.as_ref().filter(|_| rule.condition.is_none())?;
    let (expr, mapping, scalar) = (parts.expr?, parts.span.span, rule.text.span);
    let key = expr.key.span;
    let is_own = expr.value.span == scalar && mapping.start <= key.start && key.end <= scalar.start;
    (is_own && scalar.end <= mapping.end).then_some(Place { source, mapping, key, scalar })
}

/// Returns whether two files hold the same rules, each with the same expression.
#[must_use]
pub fn same_rules(before: &RuleFile, after: &RuleFile) -> bool {
    before.form == after.form && all(&before.groups, &after.groups, same_group)
}

fn all<T>(before: &[T], after: &[T], same: impl Fn(&T, &T) -> bool) -> bool {
    before.len() == after.len() && before.iter().zip(after).all(|(before, after)| same(before, after))
}

fn same_group(before: &Group, after: &Group) -> bool {
    let terms = |group: &Group| (group.evaluate, group.query_offset, group.limit);
    before.name.text == after.name.text && terms(before) == terms(after) && all(&before.rules, &after.rules, same_rule)
}

fn same_rule(before: &Rule, after: &Rule) -> bool {
    let same_kind = match (&before.kind, &after.kind) {
        (RuleKind::Record, RuleKind::Record) => true,
        (
            RuleKind::Alert { hold, keep_firing, annotations },
            RuleKind::Alert { hold: hold_now, keep_firing: keep_now, annotations: annotations_now },
        ) => (hold, keep_firing, annotations) == (hold_now, keep_now, annotations_now),
        _ => false,
    };
    same_kind
        && before.name.text == after.name.text
        && (&before.condition, &before.labels, before.enabled) == (&after.condition, &after.labels, after.enabled)
        && before.actions == after.actions
        && same(&before.expr, &after.expr)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::RuleSet;

    fn load(text: &str) -> RuleSet {
        let mut rules = RuleSet { keep_parts: true, ..RuleSet::default() };
        rules.add("a.yml", text.as_bytes());
        assert!(!rules.diagnostics.has_errors(), "{text}\n{:?}", rules.diagnostics.sorted());
        rules
    }

    /// Checks what becomes of a file, that its rules are the same, and that laying it out again changes nothing; and
    /// where expressions are left as they are.
    fn check_left(text: &str, expected: &str, left: &[(&str, Left)]) {
        let before = load(text);
        let found = laid_out(&before.files[0], &before.sources);
        assert_eq!(found.text, expected);
        let places: Vec<(&str, Left)> = found.left.iter().map(|(at, left)| (&text[at.span.range()], *left)).collect();
        assert_eq!(places, left);
        let after = load(&found.text);
        assert!(same_rules(&before.files[0], &after.files[0]), "{expected}");
        assert_eq!(laid_out(&after.files[0], &after.sources).text, expected, "twice is once");
    }

    fn check(text: &str, expected: &str) {
        check_left(text, expected, &[]);
    }

    const LONG: &str = "sum by (job) (rate(http_requests_total{code=~'5..'}[5m])) / sum by (job) (rate(http_requests_total[5m])) > 0.05";
    const LINES: [&str; 7] = [
        "    sum by (job) (rate(http_requests_total{code=~\"5..\"}[5m]))",
        "  /",
        "    sum by (job) (rate(http_requests_total[5m]))",
        ">",
        "  0.05",
        "",
        "",
    ];

    /// Returns the long expression laid out, each line indented by some spaces.
    fn lines_at(indent: usize) -> String {
        let line = |line: &&str| format!("{}{line}\n", " ".repeat(indent));
        LINES.iter().filter(|line| !line.is_empty()).map(line).collect()
    }

    #[test]
    fn expressions_change_and_nothing_else() {
        let head = "# rules\ngroups:\n- name: g   # one\n  rules:\n  - alert: A\n    annotations: {a: 'x>1'}\n";
        check(
            &format!("{head}    expr:   up==0 # why\n    for:  1m\n"),
            &format!("{head}    expr:   up == 0 # why\n    for:  1m\n"),
        );
        check(
            &format!("{head}    expr: {LONG} # why\n    for: 1m\n"),
            &format!("{head}    expr: |2- # why\n{}    for: 1m\n", lines_at(6)),
        );
        check(
            &format!("{head}    expr: >-\n        {LONG}\n    for: 1m\n").replace('\n', "\r\n"),
            &format!("{head}    expr: >4-\n{}    for: 1m\n", lines_at(8)).replace('\n', "\r\n"),
        );
    }

    #[test]
    fn all_rules_of_manifests_are_laid_out() {
        let of = |expr: &str, more: &str| {
            format!(
                "kind: PrometheusRule\nspec:\n  groups:\n  - name: g\n    rules:\n    - record: r\n      expr: {expr}\n---\n\
                 kind: ConfigMap\napiVersion: v1\ndata:\n  a.rules: |\n    groups:\n    - name: h\n      rules:\n      \
                 - record: s\n        expr: {more}"
            )
        };
        check(&of("a+b", &format!("{LONG}\n")), &of("a + b", &format!("|2-\n{}", lines_at(10))));
    }

    /// Returns a ConfigMap with an entry for the text, written as it is.
    fn config_map(written: &str) -> String {
        format!("kind: ConfigMap\napiVersion: v1\ndata:\n  a.rules: {written}\n  b: 1\n")
    }

    #[test]
    fn files_inside_double_quotes_are_laid_out_in_escapes() {
        let head = r#""groups:\n- name: \"g\"\n  rules:\n  - record: r  # \u00e9\n    expr: "#;
        let check = |expr: &str, expected: &str| {
            check(&config_map(&format!("{head}{expr}\"")), &config_map(&format!("{head}{expected}\"")));
        };
        check(r"a+b", "a + b");
        check(r"a+b\n", r"a + b\n");
        check(r#"\"a{b='c'}\"\n"#, r#"'a{b=\"c\"}'\n"#);
        check(r#"'a{b=\"c\"}+d'"#, r#"'a{b=\"c\"} + d'"#);
        check(r#"\"a+b\""#, r#"\"a + b\""#);
        check(r"|\n      # one\n      a+b\n", r"|\n      # one\n      a + b\n");
        check(
            "sum(a)\\\n    \\ by (b)\\n\\\n    \\    labels: {c: d}\\n",
            "sum by (b) (a)\\n\\\n    \\    labels: {c: d}\\n",
        );
        let body = lines_at(6).trim_end().replace('"', "\\\"").replace('\n', "\\n");
        check(LONG, &format!("|2-\\n{body}"));
        check(&format!("{LONG} # why\\r\\n"), &format!("|2- # why\\r\\n{}\\r\\n", body.replace("\\n", "\\r\\n")));
        let json = |expr: &str| {
            format!(r#""{{\"groups\": [{{\"name\": \"g\", \"rules\": [{{\"record\": \"r\", \"expr\": {expr}}}]}}]}}""#)
        };
        let (before, after) = (json(r#"\"a{b='c'}+d\""#), json(r#"\"a{b=\\\"c\\\"} + d\""#));
        super::tests::check(&config_map(&before), &config_map(&after));
    }

    #[test]
    fn files_inside_single_quotes_stay_on_their_lines() {
        let of =
            |expr: &str| config_map(&format!("'groups: [{{name: g,\n    rules: [{{record: r, expr: {expr}}}]}}]'"));
        check(&of("a+b"), &of("a + b"));
        check(&of("\"a{b=''c''}+d\""), &of("''a{b=\"c\"} + d''"));
        let line = LINES.map(str::trim).join(" ");
        check(&of(&format!("\"{}\"", LONG.replace('\'', "''"))), &of(&format!("''{}''", line.trim_end())));
        let list =
            |expr: &str| config_map(&format!("'groups:\n\n    - {{name: g, rules: [{{record: r, expr: {expr}}}]}}'"));
        check(&list("sum(a)\n    by (b)"), &list("sum by (b) (a)"));
    }

    #[test]
    fn a_file_inside_a_folded_text_is_left_as_it_is() {
        let text = config_map(">\n    groups: [{name: g,\n    rules: [{record: r, expr: a+b}]}]");
        check_left(&text, &text, &[("a+b", Left::Within)]);
        let text = text.replace("a+b", "a + b");
        check_left(&text, &text, &[]);
        let native =
            ">\n    {alertctl: 1, derived: [{record: r, expr: a+b}], rules: [{id: hot, metric: r, above: 80}]}";
        check_left(&config_map(native), &config_map(native), &[("a+b", Left::Within)]);
    }

    #[test]
    fn an_expression_with_a_comment_is_left_as_it_is() {
        let text = "groups:\n- name: g\n  rules:\n  - record: r\n    expr: |\n      a # b\n      +c\n  - record: s\n    expr: a";
        let left = [("a # b\n      +c", Left::Comment)];
        check_left(&format!("{text}+b\n"), &format!("{text} + b\n"), &left);
    }

    #[test]
    fn comments_above_an_expression_stay_there() {
        let text = "groups:\n- name: g\n  rules:\n  - record: r\n    expr: ";
        let of = |expr: &str| format!("{text}|\n{expr}");
        check(&of("      # one\n       # two\n\n      a+b\n"), &of("      # one\n      # two\n\n      a + b\n"));
        let apart = |expr: &str| of(&format!("      # one\n\n      # two\n\n\n      {expr}\n"));
        check(&apart("a+b"), &apart("a + b"));
        check(&of("\n\n      # one\n   \n      a+b\n"), &of("      # one\n\n      a + b\n"));
        check(&of(&format!("      # one\n      {LONG}\n")), &of(&format!("      # one\n{}", lines_at(6))));
        let folded = format!("{text}>\n      # one\n\n      a+b\n");
        check_left(&folded, &folded, &[("# one\n\n      a+b", Left::Comment)]);
    }

    #[test]
    fn what_is_shared_is_laid_out_where_it_stands() {
        check(
            "groups:\n- name: g\n  rules:\n  - &r\n    record: r\n    expr: &x a+b\n  - record: s\n    expr: *x\n  - <<: *r\n    \
             record: t\n  - {<<: *r, record: u}\n",
            "groups:\n- name: g\n  rules:\n  - &r\n    record: r\n    expr: &x a + b\n  - record: s\n    expr: *x\n  - <<: *r\n    \
             record: t\n  - {<<: *r, record: u}\n",
        );
    }

    #[test]
    fn what_is_shared_with_another_text_is_left_as_it_is() {
        let check = |rule: &str, left: &[(&str, Left)]| {
            let of =
                |expr: &str| format!("groups:\n- name: g\n  rules:\n  - {{{rule}}}\n  - {{record: r, expr: {expr}}}\n");
            check_left(&of("c+d"), &of("c + d"), left);
        };
        check("alert: A, expr: &x a+b, annotations: {d: *x}", &[("a+b", Left::Shared)]);
        check("alert: A, labels: {d: &x a+b}, expr: *x", &[("*x", Left::Shared)]);
        check("alert: &x a+b, expr: *x", &[("*x", Left::Shared)]);
        check("alert: A, expr: &x a + b, labels: {d: *x}", &[]);
    }

    #[test]
    fn native_files_have_derived_metrics() {
        check(
            "alertctl: 1\nderived:\n- record: a\n  expr: b+c\nrules:\n- {id: hot, metric: a, above: 80}\n",
            "alertctl: 1\nderived:\n- record: a\n  expr: b + c\nrules:\n- {id: hot, metric: a, above: 80}\n",
        );
    }

    #[test]
    fn json_stays_json() {
        check(
            "{\"groups\": [\n\t{\"name\": \"g\", \"rules\": [{\"record\": \"r\", \"expr\": \"a{b='c'}+d\"}]}]}",
            "{\"groups\": [\n\t{\"name\": \"g\", \"rules\": [{\"record\": \"r\", \"expr\": \"a{b=\\\"c\\\"} + d\"}]}]}",
        );
    }

    #[test]
    fn rules_that_differ_are_not_the_same() {
        let of = |rule: &str| load(&format!("groups:\n- name: g\n  rules:\n  - {{{rule}}}\n"));
        let first = of("alert: A, expr: a + b, for: 1m");
        for (rule, expected) in [
            ("alert: A, expr: a+b, for: 1m", true),
            ("alert: B, expr: a + b, for: 1m", false),
            ("alert: A, expr: a + b", false),
            ("alert: A, expr: (a + b), for: 1m", false),
            ("alert: A, expr: a + b, for: 1m, labels: {c: d}", false),
            ("alert: A, expr: a + b, for: 1m, annotations: {c: d}", false),
        ] {
            assert_eq!(same_rules(&first.files[0], &of(rule).files[0]), expected, "{rule}");
        }
    }
}
