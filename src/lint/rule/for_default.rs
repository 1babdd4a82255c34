//! A `for` or `keep_firing_for` that says nothing, or something else than it does.

use super::super::{Check, Found, Lint, Page, subject::Place};
use crate::diagnostic::{Fix, codes};
use crate::rules::{Evaluate, Part, RuleKind};
use crate::source::{FileSpan, Span};
use crate::time::{Millis, parse_duration};

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::FOR_DEFAULT,
    page: Page {
        why: "`for: 0s` and `keep_firing_for: 0s` are what a rule does without them.\n\n\
              A `for` counts in evaluations of the group: an alert fires at the first evaluation at which its condition \
              has held for that long. With `interval: 1m` a `for: 90s` is one of 2m. A `keep_firing_for` shorter than \
              the interval lasts one interval, since nothing is looked at in between.\n\n\
              Remove what says nothing, and write multiples of the interval.",
        bad: "\
- alert: InstanceDown
  expr: up == 0
  for: 0s
",
        clean: "\
- alert: InstanceDown
  expr: up == 0
",
        data: "",
    },
    check: Check::Rule(check),
};

fn check(place: &Place<'_>, found: &mut Found) {
    let (RuleKind::Alert { hold, keep_firing, .. }, Some(parts)) = (&place.rule.kind, &place.rule.parts) else {
        return;
    };
    let interval = match place.group.evaluate {
        Evaluate::Every(interval) => Some(interval),
        Evaluate::ByDefault | Evaluate::EveryRow | Evaluate::EverySnapshot => None,
    };
    let mut removals: Vec<Fix> = Vec::new();
    for (name, part, span) in [("for", parts.hold, *hold), ("keep_firing_for", parts.keep_firing, *keep_firing)] {
        let Some(part) = part.filter(|part| part.value.span.end > part.value.span.start) else { continue };
        let about = (place.group, place.rule);
        if span == Millis::ZERO {
            if !is_written(place, part, parts.span) {
                continue;
            }
            let fix = removal(place, part, parts.span).filter(|fix| removals.iter().all(|other| is_apart(other, fix)));
            let whole = FileSpan { span: part.key.span.to(part.value.span), ..part.key };
            let finding = found.at(whole, about, format!("`{name}: {span}` is the default"));
            finding.help.push("remove it".to_owned());
            finding.fixes.extend(fix.clone());
            removals.extend(fix);
            continue;
        }
        let Some(interval) = interval else { continue };
        let effective = Millis((span.0 + interval.0 - 1) / interval.0 * interval.0);
        if name == "for" && effective != span {
            let message = format!(
                "`for: {span}` acts as {effective}: the group is evaluated every {interval}, and never in between"
            );
            found.at(part.value, about, message).help.push(format!("write `for: {effective}`"));
        }
        if name == "keep_firing_for" && span < interval {
            let message =
                format!("`keep_firing_for: {span}` is shorter than the interval of {interval}, and acts as {interval}");
            found.at(part.value, about, message).help.push(format!("write `keep_firing_for: {interval}`"));
        }
    }
}

/// Returns whether a rule itself says 0: what is no duration counts as 0, and a 0 may end what `<<` takes over.
fn is_written(place: &Place<'_>, part: Part, rule: FileSpan) -> bool {
    let text = |at: FileSpan| place.subject.rules.sources.file(at.file).text.get(at.span.range()).unwrap_or_default();
    let written = text(part.value);
    let unquoted = ['"', '\''].iter().find_map(|quote| written.strip_prefix(*quote)?.strip_suffix(*quote));
    let is_own = rule.span.start <= part.key.span.start && part.key.span.end <= part.value.span.start;
    is_own
        && part.value.span.end <= rule.span.end
        && parse_duration(unquoted.unwrap_or(written)) == Ok(Millis::ZERO)
        && !text(rule).contains("<<")
}

fn is_apart(one: &Fix, other: &Fix) -> bool {
    let (a, b) = (one.at.span, other.at.span);
    a.end <= b.start || b.end <= a.start
}

/// Returns the edit that removes an entry of a rule, where nothing else is lost by it.
fn removal(place: &Place<'_>, part: Part, rule: FileSpan) -> Option<Fix> {
    let text: &str = &place.subject.rules.sources.file(part.key.file).text;
    let (start, end) = (part.key.span.start as usize, part.value.span.end as usize);
    let cut = |from: usize, to: usize| {
        Some(Fix { at: FileSpan { file: part.key.file, span: Span::new(from, to) }, replacement: String::new() })
    };
    // Others may take an anchored value over.
    if text.get(start..end)?.contains(['\n', '&']) {
        return None;
    }
    let blank = |c: char| c == ' ' || c == '\t';
    let after = &text[end..];
    let rest = after.trim_start_matches(blank);
    if text.get(rule.span.range())?.starts_with('{') {
        // Flow style: with the comma behind it, or else the one before it.
        if let Some(rest) = rest.strip_prefix(',') {
            let line = text[..start].rfind('\n').map_or(0, |at| at + 1);
            let next = rest.trim_start_matches(blank);
            let next = next.strip_prefix("\r\n").or_else(|| next.strip_prefix('\n'));
            if let Some(next) = next.filter(|_| text[line..start].chars().all(blank)) {
                return cut(line, text.len() - next.len());
            }
            return cut(start, text.len() - rest.trim_start_matches(blank).len());
        }
        let before = text[..start].trim_end();
        return cut(before.strip_suffix(',')?.len(), end);
    }
    let line = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let is_last = rest.is_empty();
    let next = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix('\n'));
    if text[line..start].chars().all(blank) {
        // The last entry goes with the end of the line above, so that the edit ends where the rule does.
        if end == rule.span.end as usize && (next.is_some() || is_last) && line > 0 {
            let above = text[..line - 1].strip_suffix('\r').map_or(line - 1, str::len);
            return cut(above, end);
        }
        return match next {
            Some(next) => cut(line, text.len() - next.len()),
            None if is_last => cut(line.checked_sub(1)?, text.len()),
            None => None,
        };
    }
    // The first entry, behind `- `: the next one takes its place.
    let next = next?;
    let indent = next.trim_start_matches(blank);
    let column = text[line..start].chars().count();
    let is_entry = next.len() - indent.len() == column && !indent.starts_with(['#', '\n', '\r']);
    let is_dash = text[line..start].trim() == "-";
    if is_dash && is_entry { cut(start, text.len() - indent.len()) } else { None }
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::codes;
    use crate::lint::run;
    use crate::lint::subject::{LintOptions, Subject};
    use crate::rules::RuleSet;

    /// Expects findings in rules, each with `true` where it can be fixed.
    fn check(rules: &str, expected: &[bool]) {
        let mut set = RuleSet { keep_parts: true, ..RuleSet::default() };
        set.add_partly("a.yml", format!("groups:\n- name: g\n  rules:\n{rules}").as_bytes());
        let subject = Subject::new(&set, LintOptions::default());
        let found = run(&subject, &|code| code == codes::FOR_DEFAULT).sorted();
        let fixes: Vec<bool> = found.iter().map(|one| !one.fixes.is_empty()).collect();
        assert_eq!(fixes, expected, "{rules}");
    }

    #[test]
    fn only_a_zero_that_the_rule_says_is_the_default() {
        let of = |hold: &str| format!("  - alert: A\n    expr: up == 0\n    for: {hold}\n    labels: {{a: b}}\n");
        for zero in ["0s", "0", "0m", "'0s'", "\"0h\""] {
            check(&of(zero), &[true]);
        }
        for other in ["1.5h", "5 m", "[]", "~", "''", "5m"] {
            check(&of(other), &[]);
        }
        check(&of("&z 0s"), &[false]);
        check("  - &a {alert: A, expr: up == 0, for: 5m}\n  - <<: *a\n    alert: B\n    for: 0s\n", &[]);
        check("  - {alert: A, expr: up == 0, for: &z 0s}\n  - {alert: B, expr: up == 0, for: *z}\n", &[false]);
    }
}
