//! A comment that hides the lines below it.

use super::super::{Check, Found, Lint, Page, subject::Place};
use crate::diagnostic::codes;
use crate::promql::parse::parse;
use crate::rules::comments::hidden;
use crate::source::Span;

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::HIDDEN_BY_COMMENT,
    page: Page {
        why: "YAML makes one line of the lines of `expr: >` and of a quoted text. A comment of PromQL ends with its line, so \
              a `#` in such an expression hides all that follows, such as the condition.\n\n\
              Write `expr: |`, which keeps the lines, or take the comment out of the expression.",
        bad: "\
- alert: DiskFull
  expr: >
    disk_free_bytes < 1073741824
    # But not on test machines.
    unless on (instance) test_machine
  for: 5m
",
        clean: "\
- alert: DiskFull
  expr: |
    disk_free_bytes < 1073741824
    # But not on test machines.
    unless on (instance) test_machine
  for: 5m
",
        data: "",
    },
    check: Check::Rule(check),
};

fn check(place: &Place<'_>, found: &mut Found) {
    // A comment may be folded itself: what is hidden must be PromQL.
    let is_code = |span: &Span| {
        let text = &place.rule.text.text;
        let before = text[..span.start as usize].rfind('#').unwrap_or(0);
        parse(&format!("{}\n{}", &text[..before], &text[span.start as usize..])).problems.is_empty()
    };
    if let Some(span) = hidden(&place.rule.text).filter(is_code) {
        let message = "this line is part of the comment above it: YAML makes one line of both";
        found.expr(place, span, message).help.push("write `expr: |` to keep the lines".to_owned());
    }
}
