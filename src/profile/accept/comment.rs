//! Acceptances in rule files: `# alertctl accept 2026-11-29: weekly pattern needs a week`, directly above a rule or
//! within it.

use super::read_day;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::rules::RuleFile;
use crate::rules::comments::{Owner, comments};
use crate::source::SourceMap;
use crate::time::Day;

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

/// Reads the comments of a rule file that accept an increase. A comment that lacks something, or stands at no rule, is
/// reported.
pub fn read_comments(sources: &SourceMap, file: &RuleFile, today: Day, diagnostics: &mut Diagnostics) -> Vec<Comment> {
    let mut found = Vec::new();
    for comment in comments(sources, file, &["alertctl"]) {
        let Some(rest) = acceptance(comment.rest) else { continue };
        let read = read(rest, today).and_then(|(date, reason)| match comment.owner {
            Owner::Rule(rule) => Ok(Comment { rule, line: comment.line, date, reason }),
            Owner::Group(_) | Owner::Nothing => {
                Err("this acceptance stands at no rule: write it directly above one, or within it".to_owned())
            }
        });
        match read {
            Ok(comment) => found.push(comment),
            Err(message) => {
                let help = format!("write it like `# {WORDS} {today}: weekly pattern needs a week`");
                let problem = Diagnostic::error(codes::ACCEPTANCE, message, comment.at);
                diagnostics.push(problem.with_help(help));
            }
        }
    }
    found
}

/// Returns what follows the word that accepts something.
fn acceptance(rest: &str) -> Option<&str> {
    let rest = rest.trim_start().strip_prefix("accept")?;
    rest.chars().next().is_none_or(|c| c.is_whitespace() || c == ':').then_some(rest)
}

/// Reads the date and the reason.
fn read(rest: &str, today: Day) -> Result<(Day, String), String> {
    let (date, reason) = rest.split_once(':').unwrap_or((rest, ""));
    if date.trim().is_empty() {
        return Err("this acceptance lacks its date".to_owned());
    }
    let date = read_day(date.trim(), today)?;
    match reason.trim() {
        "" => Err("this acceptance lacks its reason".to_owned()),
        reason => Ok((date, reason.to_owned())),
    }
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
        let mut diagnostics = Diagnostics::default();
        let comments = read_comments(&rules.sources, &rules.files[0], day("2026-11-29"), &mut diagnostics);
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
