//! Regular expressions that need not be any.

use super::super::shape::replace;
use super::super::{Check, Found, Lint, Page, subject::Place};
use crate::diagnostic::{Fix, codes};
use crate::labels::{MatchOp, Matcher};
use crate::promql::ast::{ExprKind, Selector};
use crate::promql::functions::Kernel;
use crate::promql::lex::{Kind, Token, lex};
use crate::source::Span;

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::REGEXP,
    page: Page {
        why: "`=~` compares the whole value: `^` at the beginning and `$` at the end change nothing. A pattern that is a \
              plain text selects what `=` selects, at less cost. `=~\".*\"` selects everything, also series without the \
              label.\n\n\
              Write `=` or `!=`, and leave out what does nothing.",
        bad: "\
- alert: InstanceDown
  expr: up{job=~\"^node$\"} == 0
  for: 5m
",
        clean: "\
- alert: InstanceDown
  expr: up{job=~\"node|db\"} == 0
  for: 5m
",
        data: "",
    },
    check: Check::Rule(check),
};

fn check(place: &Place<'_>, found: &mut Found) {
    // `absent()` gives the labels of `=` alone, so that `=~` with a plain text is another alert.
    let mut absent: Vec<Span> = Vec::new();
    place.rule.expr.walk(&mut |expr| {
        let is_absent = |span: Span| absent.iter().any(|around| around.start <= span.start && span.end <= around.end);
        match &expr.kind {
            ExprKind::Call { function, .. } if matches!(function.kernel, Kernel::Absent | Kernel::AbsentOverTime) => {
                absent.push(expr.span);
            }
            ExprKind::Selector(selector) if !is_absent(expr.span) => selected(place, selector, expr.span, found),
            ExprKind::Range { selector, selector_span, .. } if !is_absent(expr.span) => {
                selected(place, selector, *selector_span, found);
            }
            _ => {}
        }
    });
}

/// What is wrong with a pattern.
enum Wrong {
    /// It is this text.
    Plain,
    /// It begins with `^` or ends with `$`.
    Anchors { start: bool, end: bool },
    /// Its alternatives begin with `^` or end with `$`, at these bytes.
    Alternatives(Vec<usize>),
    /// It is `.*`.
    All,
}

fn selected(place: &Place<'_>, selector: &Selector, span: Span, found: &mut Found) {
    let is_regexp = |matcher: &&Matcher| matches!(matcher.op, MatchOp::Regex | MatchOp::NotRegex);
    let mut wrong =
        selector.matchers.iter().filter(is_regexp).filter_map(|matcher| Some((matcher, judged(&matcher.value)?)));
    let Some(first) = wrong.next() else { return };
    let text = &place.rule.text.text;
    let tokens = lex(&text[span.range()]);
    let at =
        |token: &Token| Span::new((span.start + token.span.start) as usize, (span.start + token.span.end) as usize);
    // The operators and patterns, as they stand in the text and among the matchers.
    let mut written = tokens
        .windows(2)
        .filter(|pair| matches!(pair[0].kind, Kind::RegexMatch | Kind::RegexNot) && pair[1].kind == Kind::Str)
        .map(|pair| (at(&pair[0]), at(&pair[1])));
    let mut all = selector.matchers.iter().filter(is_regexp);
    for (matcher, wrong) in std::iter::once(first).chain(wrong) {
        // The walk over both goes on to the matcher that is meant.
        let place_of = loop {
            match (all.next(), written.next()) {
                (Some(other), Some(spans)) if std::ptr::eq(other, matcher) => break Some(spans),
                (Some(_), Some(_)) => {}
                _ => break None,
            }
        };
        let Some((op, pattern)) = place_of else { return };
        tell(place, (matcher, wrong), (op, pattern), found);
    }
}

fn tell(place: &Place<'_>, (matcher, wrong): (&Matcher, Wrong), (op, pattern): (Span, Span), found: &mut Found) {
    let (name, value) = (&matcher.name, &matcher.value);
    let is_not = matcher.op == MatchOp::NotRegex;
    let symbol = if is_not { "!=" } else { "=" };
    match wrong {
        Wrong::Plain => {
            let plain = value.replace('\\', "");
            let message = match plain.as_str() {
                "" => "the empty text needs no regular expression".to_owned(),
                _ => format!("`{value}` is a plain text, for which no regular expression is needed"),
            };
            let mut fixes: Vec<Fix> = replace(place, op, symbol).into_iter().collect();
            let backslashes = value.contains('\\');
            if backslashes {
                let quote = &place.rule.text.text[pattern.range()][..1];
                fixes.extend(replace(place, pattern, format!("{quote}{plain}{quote}")));
            }
            let wanted = 1 + usize::from(backslashes);
            let finding = found.expr(place, op, message);
            finding.help.push(format!("write `{name}{symbol}\"{plain}\"`"));
            if fixes.len() == wanted {
                finding.fixes = fixes;
            }
        }
        Wrong::Anchors { start, end } => {
            let bare = &value[usize::from(start)..value.len() - usize::from(end)];
            let what = match (start, end) {
                (true, true) => "`^` and `$` do",
                (true, false) => "`^` does",
                _ => "`$` does",
            };
            let message = format!("{what} nothing here: `{}` compares the whole value", matcher.op.symbol());
            let is_plain = matches!(judged(bare), Some(Wrong::Plain)) && !bare.contains('\\');
            let ends = [
                start.then(|| Span { start: pattern.start + 1, end: pattern.start + 2 }),
                end.then(|| Span { start: pattern.end - 2, end: pattern.end - 1 }),
            ];
            // They may be written with an escape.
            let is_char = |at: &Span| matches!(place.rule.text.text.get(at.range()), Some("^" | "$"));
            let is_bare = ends.iter().flatten().all(is_char);
            let cuts = ends.into_iter().flatten().map(|at| (at, ""));
            let edits: Vec<(Span, &str)> = cuts.chain(is_plain.then_some((op, symbol))).collect();
            let fixes: Vec<Fix> = edits.iter().filter_map(|(at, new)| replace(place, *at, *new)).collect();
            let symbol = if is_plain { symbol } else { matcher.op.symbol() };
            let finding = found.expr(place, pattern, message);
            finding.help.push(format!("write `{name}{symbol}\"{bare}\"`"));
            if is_bare && fixes.len() == edits.len() {
                finding.fixes = fixes;
            }
        }
        Wrong::Alternatives(cuts) => {
            let message = format!("`^` and `$` do nothing here: `{}` compares the whole value", matcher.op.symbol());
            let inside = Span { start: pattern.start + 1, end: pattern.end - 1 };
            // What is written with an escape stands elsewhere.
            let is_bare = place.rule.text.text[inside.range()] == **value;
            let at = |cut: &usize| Span::new(inside.start as usize + cut, inside.start as usize + cut + 1);
            let fixes: Vec<Fix> = cuts.iter().filter_map(|cut| replace(place, at(cut), "")).collect();
            let kept = value.char_indices().filter(|(at, _)| !cuts.contains(at)).map(|(_, c)| c);
            let bare: String = kept.collect();
            let finding = found.expr(place, pattern, message);
            finding.help.push(format!("write `{name}{}\"{bare}\"`", matcher.op.symbol()));
            if is_bare && fixes.len() == cuts.len() {
                finding.fixes = fixes;
            }
        }
        Wrong::All if is_not => {
            let message = format!("`{name}!~\"{value}\"` removes every series, also those without the label");
            found
                .expr(place, op.to(pattern), message)
                .help
                .push(format!("write `{name}=\"\"` for series without the label"));
        }
        Wrong::All => {
            let message = format!("`{name}=~\"{value}\"` selects every series, also those without the label");
            let help = format!("remove it, or write `{name}!=\"\"` for series that have the label");
            found.expr(place, op.to(pattern), message).help.push(help);
        }
    }
}

/// Returns where the anchors of alternatives stand; none of a pattern with brackets or escapes, in which a `|` may mean
/// something else.
fn anchors(pattern: &str) -> Vec<usize> {
    if pattern.contains(['(', '[', '\\']) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut start = 0;
    for alternative in pattern.split('|') {
        let end = start + alternative.len();
        if alternative.starts_with('^') {
            found.push(start);
        }
        if alternative.len() > 1 && alternative.ends_with('$') {
            found.push(end - 1);
        }
        start = end + 1;
    }
    found
}

/// Returns what is wrong with a pattern.
fn judged(pattern: &str) -> Option<Wrong> {
    if pattern == ".*" {
        return Some(Wrong::All);
    }
    if pattern.contains('|') {
        let cuts = anchors(pattern);
        return (!cuts.is_empty()).then_some(Wrong::Alternatives(cuts));
    }
    let start = pattern.starts_with('^') && !pattern[1..].starts_with(['*', '+', '?', '{']);
    let before = pattern.strip_suffix('$').map(|before| before.len() - before.trim_end_matches('\\').len());
    let end = before.is_some_and(|backslashes| backslashes % 2 == 0);
    if start || end {
        return Some(Wrong::Anchors { start, end });
    }
    is_plain(pattern).then_some(Wrong::Plain)
}

/// Returns whether a pattern matches one text alone, which is the pattern without its backslashes.
fn is_plain(pattern: &str) -> bool {
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars
                .next()
                .is_some_and(|next| next.is_ascii_punctuation() && !['\\', '"', '\'', '`'].contains(&next)) => {}
            '\\' | '.' | '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '^' | '$' => return false,
            _ => {}
        }
    }
    true
}
