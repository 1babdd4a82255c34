//! Which increases are accepted: the file of --accept, and comments in rule files.

use std::path::Path;

use crate::diagnostic::Diagnostics;
use crate::profile::accept::{Acceptance, Comment, Covers, Known, read_comments, read_file};
use crate::profile::compare::RuleRef;
use crate::rules::RuleSet;
use crate::source::SourceMap;
use crate::time::{Day, Timestamp};

use super::super::ui::Terminal;
use super::super::{Failure, problems};
use super::args::ProfileArgs;
use super::read;

/// A comment of a rule file, and the rule that it stands at.
#[derive(Clone, Debug)]
pub(super) struct OfRule {
    rule: RuleRef,
    comment: Comment,
}

/// What is known of one side: its rules, and the acceptances that their files hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Side {
    rules: Vec<Known>,
    comments: Vec<OfRule>,
}

impl Side {
    /// Takes the rules of a set and reads the comments of their files.
    pub(super) fn of(rules: &RuleSet, diagnostics: &mut Diagnostics) -> Self {
        let mut side = Self::default();
        for file in &rules.files {
            let text = rules.sources.file(file.file);
            let groups = file.groups.iter();
            let all: Vec<_> = groups.flat_map(|group| group.rules.iter().map(move |rule| (group, rule))).collect();
            let lines: Vec<u32> = all.iter().map(|(_, rule)| rules.sources.position(rule.at).line).collect();
            for comment in read_comments(&rules.sources, file, today(), diagnostics) {
                let (group, rule) = all[comment.rule];
                let line = lines[comment.rule];
                let (group, name) = (group.name.text.clone(), rule.name.text.clone());
                let rule = RuleRef { file: text.name.clone(), line, group, name };
                side.comments.push(OfRule { rule, comment });
            }
            side.rules.extend(
                all.iter().map(|(group, rule)| Known { rule: rule.name.text.clone(), group: group.name.text.clone() }),
            );
        }
        side
    }

    fn has(&self, rule: &str) -> bool {
        self.rules.iter().any(|known| known.rule == rule)
    }
}

/// Returns what is accepted: by the file of --accept, and by the comments of the rules that are not in those of the
/// base already.
pub(super) fn all(
    args: &ProfileArgs,
    now: Option<&Side>,
    base: Option<&Side>,
    terminal: &Terminal,
) -> Result<Vec<Acceptance>, Failure> {
    let mut all = match &args.accept {
        Some(path) => from_file(path, (now, base), args.console.quiet, terminal)?,
        None => Vec::new(),
    };
    let comments = now.iter().flat_map(|side| &side.comments);
    all.extend(comments.map(|OfRule { rule, comment }| Acceptance {
        place: format!("{}:{}", rule.file, comment.line),
        used_up: base.zip(now).is_some_and(|(base, now)| is_used_up(rule, comment, base, now)),
        covers: Covers::Rule(rule.clone()),
        date: comment.date,
        reason: comment.reason.clone(),
    }));
    Ok(all)
}

/// Returns whether the base has a comment already: at a rule of the same name, or at one that is not there any more,
/// which may have been renamed.
fn is_used_up(rule: &RuleRef, comment: &Comment, base: &Side, now: &Side) -> bool {
    let same = |other: &&OfRule| other.comment.date == comment.date && other.comment.reason == comment.reason;
    base.comments.iter().filter(same).any(|other| other.rule.name == rule.name || !now.has(&other.rule.name))
}

fn from_file(
    path: &Path,
    (now, base): (Option<&Side>, Option<&Side>),
    quiet: bool,
    terminal: &Terminal,
) -> Result<Vec<Acceptance>, Failure> {
    let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::default());
    let bytes = read(path, "acceptance file")?;
    let name = path.to_string_lossy();
    // A rule that is gone may be named still.
    let rules: Vec<Known> = now.into_iter().chain(base).flat_map(|side| side.rules.iter().cloned()).collect();
    let found = read_file(&mut sources, (&name, &bytes), &rules, today(), &mut diagnostics);
    problems::settle(&diagnostics, &sources, "the acceptances; nothing was measured", quiet, terminal)?;
    Ok(found.unwrap_or_default())
}

/// Returns the day it is, UTC.
pub(super) fn today() -> Day {
    Day::of(Timestamp(jiff::Timestamp::now().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes a side of rules, each with whether it has a comment.
    fn side(rules: &[(&str, bool)]) -> Side {
        let mut set = RuleSet::default();
        let rule = |(name, has_comment): &(&str, bool)| {
            let comment = if *has_comment { "  # alertctl accept 2026-01-05: a whole cycle\n" } else { "" };
            format!("{comment}  - alert: {name}\n    expr: x > 1\n")
        };
        let text = format!("groups:\n- name: g\n  rules:\n{}", rules.iter().map(rule).collect::<String>());
        set.add("a.yml", text.as_bytes());
        let mut diagnostics = Diagnostics::default();
        let side = Side::of(&set, &mut diagnostics);
        assert!(diagnostics.is_empty() && !set.diagnostics.has_errors(), "{text}");
        side
    }

    #[test]
    fn a_comment_of_the_base_is_used_up() {
        let check = |base: &[(&str, bool)], now: &[(&str, bool)], expected: &[(&str, bool)]| {
            let (base, now) = (side(base), side(now));
            let found = now
                .comments
                .iter()
                .map(|OfRule { rule, comment }| (rule.name.as_str(), is_used_up(rule, comment, &base, &now)));
            assert_eq!(found.collect::<Vec<_>>(), expected);
        };
        check(&[("A", false)], &[("A", true)], &[("A", false)]);
        check(&[("A", true)], &[("A", true)], &[("A", true)]);
        // The same words at another rule accept something else, unless the rule was renamed.
        check(&[("A", true), ("B", false)], &[("A", true), ("B", true)], &[("A", true), ("B", false)]);
        check(&[("A", true)], &[("B", true)], &[("B", true)]);
    }
}
