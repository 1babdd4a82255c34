//! Acceptances in rule files: `# alertctl accept 2026-11-29: weekly pattern needs a week`, directly above a rule or
//! within it.

use super::Day;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::source::{FileId, FileSpan, Span};

/// What such a comment begins with, after its `#`.
const WORDS: &str = "alertctl accept";

/// An acceptance as a comment writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// Which of the rules of the file it belongs to.
    pub rule: usize,
    /// The line it stands on, from 1.
    pub line: u32,
    /// Its date.
    pub date: Day,
    /// Its reason.
    pub reason: String,
}

/// One line of a file.
struct Line<'a> {
    start: usize,
    text: &'a str,
}

impl Line<'_> {
    fn is_comment(&self) -> bool {
        self.text.trim_start().starts_with('#')
    }

    fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    fn indent(&self) -> usize {
        self.text.len() - self.text.trim_start().len()
    }

    /// Returns where a comment that accepts something begins, and what follows its words.
    fn acceptance(&self) -> Option<(usize, &str)> {
        self.text.match_indices('#').find_map(|(at, _)| {
            let is_comment = self.text[..at].chars().next_back().is_none_or(char::is_whitespace);
            let rest = self.text[at + 1..].trim_start().strip_prefix(WORDS).filter(|_| is_comment)?;
            rest.chars().next().is_none_or(|c| c.is_whitespace() || c == ':').then_some((at, rest))
        })
    }
}

/// Reads the comments of a rule file that accept an increase. `rules` are the lines that its rules begin on,
/// from 1, in any order. A comment that lacks something, or stands at no rule, is reported.
pub fn read_comments(
    (file, text): (FileId, &str),
    rules: &[u32],
    today: Day,
    diagnostics: &mut Diagnostics,
) -> Vec<Comment> {
    let mut start = 0;
    let mut lines = Vec::new();
    for line in text.split_inclusive('\n') {
        lines.push(Line { start, text: line.trim_end_matches(['\n', '\r']) });
        start += line.len();
    }
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some((begin, rest)) = line.acceptance() else { continue };
        let read = read(rest, today).and_then(|(date, reason)| match rule_of(&lines, at, rules) {
            Some(rule) => Ok(Comment { rule, line: number(at), date, reason }),
            None => Err("this acceptance stands at no rule: write it directly above one, or within it".to_owned()),
        });
        match read {
            Ok(comment) => found.push(comment),
            Err(message) => {
                let span = Span::new(line.start + begin, line.start + line.text.len());
                let help = format!("write it like `# {WORDS} {today}: weekly pattern needs a week`");
                let problem = Diagnostic::error(codes::ACCEPTANCE, message, FileSpan { file, span });
                diagnostics.push(problem.with_help(help));
            }
        }
    }
    found
}

/// Returns the number of a line.
fn number(at: usize) -> u32 {
    u32::try_from(at + 1).unwrap_or(u32::MAX)
}

/// Reads the date and the reason.
fn read(rest: &str, today: Day) -> Result<(Day, String), String> {
    let (date, reason) = rest.split_once(':').unwrap_or((rest, ""));
    if date.trim().is_empty() {
        return Err("this acceptance lacks its date".to_owned());
    }
    let date = Day::read(date.trim(), today)?;
    match reason.trim() {
        "" => Err("this acceptance lacks its reason".to_owned()),
        reason => Ok((date, reason.to_owned())),
    }
}

/// Finds the rule that a comment on a line belongs to: the one that it stands in, else the one that it stands above.
fn rule_of(lines: &[Line<'_>], at: usize, rules: &[u32]) -> Option<usize> {
    let index = |line: u32| line.saturating_sub(1) as usize;
    let places = || rules.iter().map(|line| index(*line)).enumerate();
    let before = places().filter(|(_, first)| *first <= at).max_by_key(|(_, first)| *first);
    let after = places().filter(|(_, first)| *first > at).min_by_key(|(_, first)| *first);
    if let Some((found, first)) = before {
        let next = after.map_or(lines.len(), |(_, next)| next);
        if is_within(lines, at, first, next) {
            return Some(found);
        }
    }
    let (found, first) = after?;
    let between = lines.get(at + 1..first)?;
    between.iter().all(|line| line.is_comment() || line.text.trim() == "-").then_some(found)
}

/// Returns whether a line is part of the rule that begins on `first`, which is over before the line `next`: its keys are
/// indented more than the `-` before them, and so are comments below the last one.
fn is_within(lines: &[Line<'_>], at: usize, first: usize, next: usize) -> bool {
    let Some(head) = lines.get(first) else { return false };
    let least = head.indent() + usize::from(head.text.trim_start().starts_with('-'));
    let is_part = |line: &Line<'_>| line.indent() >= least;
    let said = |line: &Line<'_>| !line.is_comment() && !line.is_blank();
    let below = lines.get(first + 1..next).unwrap_or_default();
    let parts = below.iter().take_while(|line| !said(line) || is_part(line));
    let last = parts.enumerate().filter(|(_, line)| said(line)).last().map_or(first, |(at, _)| first + 1 + at);
    let between = lines.get(last + 1..at).unwrap_or_default();
    at <= last || (is_part(&lines[at]) && !between.iter().any(said))
}

#[cfg(test)]
mod tests {
    use super::super::tests::day;
    use super::*;
    use crate::rules::RuleSet;

    /// Reads the comments of a rule file: the name of the rule, the line, and the reason of each, and all problems.
    fn read(text: &str) -> (Vec<String>, Vec<String>) {
        let mut rules = RuleSet::default();
        rules.add("a.yml", text.as_bytes());
        assert!(!rules.diagnostics.has_errors(), "{:?}", rules.diagnostics);
        let found: Vec<_> = rules.rules().map(|(_, rule)| rule).collect();
        let places: Vec<u32> = found.iter().map(|rule| rules.sources.position(rule.at).line).collect();
        let file = rules.files[0].file;
        let mut diagnostics = Diagnostics::default();
        let comments = read_comments((file, text), &places, day("2026-11-29"), &mut diagnostics);
        let comment = |comment: &Comment| {
            format!("{} {} {} {}", found[comment.rule].name.text, comment.line, comment.date, comment.reason)
        };
        let problem = |problem: &Diagnostic| {
            let mark = problem.primary.as_ref().expect("a place");
            let at = rules.sources.position(mark.at);
            format!("{}:{} {}", at.line, at.column, problem.message)
        };
        (comments.iter().map(comment).collect(), diagnostics.sorted().iter().map(problem).collect())
    }

    #[test]
    fn a_comment_belongs_to_the_rule_it_stands_at() {
        let text = "\
# alertctl accept 2026-11-01: not read, there is a line between
groups:
- name: g
  rules:
  # alertctl accept 2026-11-02: above
  # more words
  - alert: A # alertctl accept 2026-11-03: beside
    # alertctl accept 2026-11-04: within
# alertctl accept 2026-11-04: however it is indented
    expr: |
      # alertctl accept 2026-11-05: in the expression
      x > 1
    # alertctl accept 2026-11-06: at the end

  # alertctl accept 2026-11-07: above the next
  -
    #alertctl accept 2026-11-08:above as well
    alert: B
    expr: x > 2

    # alertctl accept 2026-11-09: behind a gap
  # alertctl accepts what you write
";
        let (comments, problems) = read(text);
        assert_eq!(
            comments,
            [
                "A 5 2026-11-02 above",
                "A 7 2026-11-03 beside",
                "A 8 2026-11-04 within",
                "A 9 2026-11-04 however it is indented",
                "A 11 2026-11-05 in the expression",
                "A 13 2026-11-06 at the end",
                "B 15 2026-11-07 above the next",
                "B 17 2026-11-08 above as well",
                "B 21 2026-11-09 behind a gap",
            ]
        );
        let lost = "1:1 this acceptance stands at no rule: write it directly above one, or within it";
        assert_eq!(problems, [lost]);
    }

    #[test]
    fn native_rules_are_accepted_too() {
        let text = "\
alertctl: 1
rules:
  # alertctl accept 2026-11-29: needs a week
  - id: hot
    metric: temp
    above: 70
  - id: cold
    metric: temp
    below: 5
    # alertctl accept 2026-11-29: so does this
";
        assert_eq!(
            read(text),
            (
                vec!["hot 3 2026-11-29 needs a week".to_owned(), "cold 10 2026-11-29 so does this".to_owned()],
                Vec::new()
            )
        );
    }

    #[test]
    fn what_an_acceptance_lacks_is_reported() {
        let check = |comment: &str, expected: &str| {
            let text = format!("groups:\n- name: g\n  rules:\n  # {comment}\n  - alert: A\n    expr: x > 1\n");
            assert_eq!(read(&text), (Vec::new(), vec![format!("4:3 {expected}")]), "{comment}");
        };
        check("alertctl accept", "this acceptance lacks its date");
        check("alertctl accept: a reason", "this acceptance lacks its date");
        check("alertctl accept 2026-11-29", "this acceptance lacks its reason");
        check("alertctl accept 2026-11-29: ", "this acceptance lacks its reason");
        check("alertctl accept today: x", "`today` is not a date; write it like `2026-11-29`");
        check("alertctl accept 2027-11-29: x", "2027-11-29 is still to come; today is 2026-11-29");
    }
}
