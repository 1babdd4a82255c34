//! Comments of rule files that control what is done with their rules, and the rule or group that each belongs to.

use std::ops::Range;

use crate::source::{FileSpan, Located, Piece, SourceMap, Span};
use crate::yaml::comments::marks;

use super::{Group, Rule, RuleFile};

/// A comment of a rule file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comment<'a> {
    /// The word that it begins with.
    pub word: &'a str,
    /// What follows the word, up to the end of the line.
    pub rest: &'a str,
    /// Where it stands, its `#` included.
    pub at: FileSpan,
    /// Where what follows the word stands.
    pub rest_at: FileSpan,
    /// The number of its line, from 1.
    pub line: u32,
    /// What it belongs to.
    pub owner: Owner,
}

/// What a comment belongs to. Rules and groups are numbered as they stand in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// The rule that it stands in, or directly above.
    Rule(usize),
    /// The group whose head it stands in, or that it stands directly above.
    Group(usize),
    /// Neither.
    Nothing,
}

/// Returns the comments of a file that begin with one of some words, in their order. Comments in the text of an
/// expression count, other text of values does not.
///
/// Cost: a walk over the file; with such comments, as much as reading its YAML, and for each its rule.
#[must_use]
pub fn comments<'a>(sources: &'a SourceMap, file: &RuleFile, words: &[&str]) -> Vec<Comment<'a>> {
    let text: &'a str = &sources.file(file.file).text;
    let is_wanted = |rest: &str| word_of(rest, words).is_some();
    let is_yaml = |value: &str| value.contains("groups:") || value.contains("alertctl:");
    let marks = marks(text, &is_wanted, &is_yaml);
    if marks.is_empty() {
        return Vec::new();
    }
    let places = Places::of(text, file, sources);
    let mut found = Vec::new();
    for mark in &marks {
        let end = if mark.is_comment { Some(mark.span.end) } else { places.end_in_expr(mark.span) };
        let (start, Some(end)) = (mark.span.start as usize, end) else { continue };
        let end = end as usize;
        let Some((word, rest)) = word_of(text.get(start + 1..end).unwrap_or_default(), words) else { continue };
        let line = sources.file(file.file).position(mark.span.start).line;
        let span = |from: usize, len: usize| FileSpan { file: file.file, span: Span::new(from, from + len) };
        let rest_from = end - rest.len();
        found.push(Comment {
            word,
            rest,
            at: span(start, end - start),
            rest_at: span(rest_from, rest.len()),
            line,
            owner: places.owner(line as usize - 1, start),
        });
    }
    found
}

/// Returns the word that the text of a comment begins with, and what follows it, where it is one of those.
fn word_of<'a>(text: &'a str, words: &[&str]) -> Option<(&'a str, &'a str)> {
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let is_whole = rest.chars().next().is_none_or(|c| c.is_whitespace() || c == ':');
    (is_whole && words.contains(&word)).then_some((word, rest))
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

    /// Returns whether nothing stands on it but a comment, or the `-` of an entry whose keys follow.
    fn is_bare(&self, before: usize) -> bool {
        let said = self.text[..before.min(self.text.len())].trim();
        said.is_empty() || said == "-"
    }
}

/// Where the rules and groups of a file stand. Lines are numbered from 0.
struct Places<'a, 'f> {
    lines: Vec<Line<'a>>,
    /// The first line of each rule and its number, in the order of the lines.
    rules: Vec<(usize, usize)>,
    /// The same of groups.
    groups: Vec<(usize, usize)>,
    /// The group of each rule, by the rule's number.
    group_of: Vec<usize>,
    /// The rules, by where their expressions begin.
    exprs: Vec<(Span, &'f Rule)>,
}

impl<'a, 'f> Places<'a, 'f> {
    fn of(text: &'a str, file: &'f RuleFile, sources: &SourceMap) -> Self {
        let mut start = 0;
        let mut lines = Vec::new();
        for line in text.split_inclusive('\n') {
            lines.push(Line { start, text: line.trim_end_matches(['\n', '\r']) });
            start += line.len();
        }
        let line = |at: FileSpan| sources.position(at).line as usize - 1;
        let of_rule = |rule: &Rule| line(rule.parts.as_ref().map_or(rule.at, |parts| parts.span));
        let of_group = |group: &Group| line(group.parts.as_ref().map_or(group.at, |parts| parts.span));
        let all =
            || file.groups.iter().enumerate().flat_map(|(at, group)| group.rules.iter().map(move |one| (at, one)));
        let mut rules: Vec<_> = all().enumerate().map(|(number, (_, rule))| (of_rule(rule), number)).collect();
        let mut groups: Vec<_> = file.groups.iter().enumerate().map(|(at, group)| (of_group(group), at)).collect();
        let mut exprs: Vec<_> = all().map(|(_, rule)| (rule.text.span, rule)).collect();
        rules.sort_unstable();
        groups.sort_unstable();
        exprs.sort_by_key(|(span, _)| *span);
        Self { lines, rules, groups, group_of: all().map(|(at, _)| at).collect(), exprs }
    }

    /// Returns where a comment of an expression ends that a `#` begins, without the quote or bracket behind the
    /// expression; nothing where it begins none. `to` is the rest of its line.
    fn end_in_expr(&self, to: Span) -> Option<u32> {
        let at = to.start;
        let before = self.exprs.partition_point(|(span, _)| span.start <= at);
        let (_, rule) = before.checked_sub(1).and_then(|before| self.exprs.get(before))?;
        let pieces = rule.text.map.pieces();
        let piece = pieces.iter().find(|piece| (piece.file..piece.file + piece.len).contains(&at))?;
        let start = (piece.text + (at - piece.file)) as usize;
        let (before, comment) = rule.text.text.split_at_checked(start)?;
        let line = u32::try_from(comment.find('\n').unwrap_or(comment.len())).unwrap_or(u32::MAX);
        let end = to.end.min(piece.file + piece.len).min(at.saturating_add(line));
        (!ends_in_string(before)).then_some(end)
    }

    /// Finds what a comment belongs to that begins at `start`, on a line.
    fn owner(&self, at: usize, start: usize) -> Owner {
        let after = self.rules.partition_point(|(first, _)| *first <= at);
        let next = self.rules.get(after).copied();
        let next_line = next.map_or(self.lines.len(), |(first, _)| first);
        if let Some((first, rule)) = after.checked_sub(1).map(|before| self.rules[before])
            && self.is_within(at, first, next_line)
        {
            return Owner::Rule(rule);
        }
        let is_alone = self.lines[at].is_bare(start - self.lines[at].start);
        let stands_above = |first: usize| {
            let between = self.lines.get(at + 1..first);
            let is_bare = |line: &Line<'_>| line.is_comment() || line.text.trim() == "-";
            is_alone && between.is_some_and(|lines| lines.iter().all(is_bare))
        };
        match next {
            Some((first, rule)) if stands_above(first) => Owner::Rule(rule),
            _ => self.group(at, next.map(|(_, rule)| self.group_of[rule]), stands_above),
        }
    }

    /// Finds the group that a comment belongs to that is no rule's; `of_next` is that of the first rule below.
    fn group(&self, at: usize, of_next: Option<usize>, stands_above: impl Fn(usize) -> bool) -> Owner {
        let after = self.groups.partition_point(|(first, _)| *first <= at);
        match self.groups.get(after) {
            Some((first, group)) if stands_above(*first) => return Owner::Group(*group),
            _ => {}
        }
        // In its head no rule of the group stands above.
        let head = after.checked_sub(1).map(|before| self.groups[before]);
        let is_head = |(first, group): &(usize, usize)| {
            let above = self.rules.partition_point(|(line, _)| line < first);
            Some(*group) == of_next && self.rules.get(above).is_some_and(|(line, _)| *line > at)
        };
        head.filter(is_head).map_or(Owner::Nothing, |(_, group)| Owner::Group(group))
    }

    /// Returns whether a line is part of the rule that begins on `first`, which is over before the line `next`: its keys
    /// are indented more than the `-` before them, and so are comments below the last one.
    fn is_within(&self, at: usize, first: usize, next: usize) -> bool {
        let lines = &self.lines;
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
}

/// Returns what a comment of an expression hides that stands on another line of the file: YAML makes one line of those
/// of `>` and of quoted texts. Cost: a walk over a text with a `#`.
#[must_use]
pub fn hidden(text: &Located) -> Option<Span> {
    let pieces = text.map.pieces();
    for comment in comments_and_string(&text.text).0 {
        let below = pieces.partition_point(|piece| piece.text as usize <= comment.start);
        let within = |piece: &&[Piece]| (piece[1].text as usize) < comment.end;
        for pair in pieces[below.max(1) - 1..].windows(2).take_while(within) {
            // Between an escape and what follows it no byte of the text is left out, between lines one is.
            let is_line = pair[1].text > pair[0].text + pair[0].len;
            let said = text.text[pair[1].text as usize..comment.end].trim();
            if is_line && !said.is_empty() && !said.starts_with('#') {
                let start = pair[1].text as usize;
                return Some(Span::new(start, start + said.len()));
            }
        }
    }
    None
}

/// Returns whether PromQL text is cut off within a string.
pub(super) fn ends_in_string(text: &str) -> bool {
    comments_and_string(text).1
}

/// Returns the comments of a PromQL text, without the ends of their lines, and whether it is cut off within a string.
fn comments_and_string(text: &str) -> (Vec<Range<usize>>, bool) {
    let (mut comments, mut open) = (Vec::new(), None);
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match (open, c) {
            (None, '"' | '\'' | '`') => open = Some(c),
            // A quote in a comment opens nothing.
            (None, '#') => {
                let end = chars.by_ref().find(|(_, c)| *c == '\n').map_or(text.len(), |(end, _)| end);
                comments.push(at..end);
            }
            (Some('"' | '\''), '\\') => {
                chars.next();
            }
            (Some(quote), c) if c == quote => open = None,
            _ => {}
        }
    }
    (comments, open.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::RuleSet;

    /// Returns `line owner rest` of each comment of a file.
    fn check(text: &str, expected: &[&str]) {
        let mut rules = RuleSet { keep_parts: true, ..RuleSet::default() };
        rules.add("a.yml", text.as_bytes());
        assert!(!rules.diagnostics.has_errors(), "{:?}", rules.diagnostics);
        let file = &rules.files[0];
        let all: Vec<&str> = rules.rules().map(|(_, rule)| rule.name.text.as_str()).collect();
        let found = comments(&rules.sources, file, &["x"]);
        let found: Vec<String> = found
            .iter()
            .map(|comment| {
                let owner = match comment.owner {
                    Owner::Rule(rule) => all[rule].to_owned(),
                    Owner::Group(group) => format!("group {}", file.groups[group].name.text),
                    Owner::Nothing => "-".to_owned(),
                };
                assert_eq!(&text[comment.rest_at.span.range()], comment.rest);
                format!("{} {owner} {}", comment.line, comment.rest.trim())
            })
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn a_comment_belongs_to_a_rule_or_a_group() {
        check(
            "\
# x top
groups:
# x above the group
- name: g # x beside
  interval: 1m
  # x head
  rules: # x rules
  # x above
  - expr: a > 1 # x first
    alert: A
    # x end

  # x gap

  - alert: B
    expr: b > 1
# x above h
- name: h
  rules:
  - {alert: C, expr: c > 1} # x flow
",
            &[
                "1 - top",
                "3 group g above the group",
                "4 group g beside",
                "6 group g head",
                "7 group g rules",
                "8 A above",
                "9 A first",
                "11 A end",
                "13 - gap",
                "17 group h above h",
                "20 C flow",
            ],
        );
    }

    #[test]
    fn comments_of_expressions_count_and_texts_do_not() {
        check(
            "\
groups:
- name: g
  rules:
  - alert: A
    expr: |
      # x yes, isn't it
      a{b=\"# x no\"} > 1 # x too
    annotations:
      text: |
        # x no
      other: '# x no'
",
            &["6 A yes, isn't it", "7 A too"],
        );
    }

    #[test]
    fn comments_of_quoted_expressions_end_with_them() {
        check(
            "\
groups:
- name: g
  rules:
  - {alert: A, expr: \"a > 1 # x double\"}
  - {alert: B, expr: 'a > 1 # x single'}
  - {\"alert\": \"C\", \"expr\": \"a # x line\\n> 1\"}
",
            &["4 A double", "5 B single", "6 C line"],
        );
    }

    #[test]
    fn a_mistake_that_yaml_made_says_so() {
        let check = |expr: &str, help: &str| {
            let mut rules = RuleSet::default();
            rules.add("a.yml", format!("groups:\n- name: g\n  rules:\n  - alert: A\n    expr: {expr}\n").as_bytes());
            let found = rules.diagnostics.sorted();
            assert!(found.iter().any(|one| one.help.iter().any(|line| line.contains(help))), "{expr}: {found:?}");
        };
        check("foo{a=\"x #1\"} > 1", "put the whole expression in quotes");
        check(">\n      # why\n      foo > 1", "write `expr: |`");
    }

    #[test]
    fn files_in_a_config_map_have_comments() {
        check(
            "\
apiVersion: v1
kind: ConfigMap
metadata: {name: rules}
data:
  a.yml: |
    groups:
    - name: g
      rules:
      # x above
      - alert: A
        expr: a > 1 # x beside
",
            &["9 A above", "11 A beside"],
        );
    }

    #[test]
    fn native_rules_have_comments() {
        check(
            "alertctl: 1\n# x all\nrules:\n# x above\n- id: hot\n  metric: t # x in\n  above: 1\n",
            &["2 group a all", "4 hot above", "6 hot in"],
        );
    }
}
