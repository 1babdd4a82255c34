//! Comments that silence findings.

use std::collections::BTreeMap;

use crate::diagnostic::codes::{self, About};
use crate::diagnostic::{Diagnostic, Diagnostics, Mark, Severity};
use crate::rules::comments::{Comment, Owner, comments};
use crate::rules::{Group, Rule, RuleFile, RuleSet};
use crate::source::{FileId, FileSpan, Span};
use crate::time::Day;

use super::is_certain;
use super::words::{self, Asked, Lines, Name};

/// The comments of all rule files that control the check.
#[derive(Debug, Default)]
pub struct Comments {
    files: BTreeMap<FileId, OfFile>,
    /// What is wrong with them.
    problems: Vec<Diagnostic>,
}

/// The comments of one file.
#[derive(Debug, Default)]
struct OfFile {
    silences: Vec<Silence>,
    /// By code and place, which of them.
    index: BTreeMap<(&'static str, Place), Vec<usize>>,
    /// Lines of which nothing is said, from 1, the last one included; sorted.
    ignored: Vec<(u32, u32)>,
    owners: BTreeMap<Place, String>,
    /// Where rules and groups stand, in the order of their places.
    rules: Vec<(Span, usize)>,
    groups: Vec<(Span, usize)>,
    /// The rules of each group and name.
    named: BTreeMap<(String, String), Vec<usize>>,
}

/// What a comment is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    File,
    Group(usize),
    Rule(usize),
}

/// One name of a comment.
#[derive(Debug)]
struct Silence {
    at: FileSpan,
    codes: Vec<&'static str>,
    about: Option<String>,
    until: Option<Day>,
    of_pint: bool,
    used: bool,
}

impl Comments {
    /// Reads the comments of all rule files. Cost: as [`comments`].
    #[must_use]
    pub fn read(rules: &RuleSet, today: Day) -> Self {
        let mut all = Self::default();
        for file in &rules.files {
            let found = comments(&rules.sources, file, &["alertctl", "pint"]);
            if found.is_empty() {
                continue;
            }
            let mut of_file = OfFile::of(file);
            let (mut lost, mut open) = (Vec::new(), None);
            for comment in &found {
                let of_pint = comment.word == "pint";
                let asked = if of_pint { words::of_pint(comment.rest) } else { words::own(comment.rest, today) };
                match asked {
                    Ok(Asked::Silence { whole_file, until, names }) => {
                        match place(comment, whole_file) {
                            Some(place) => of_file.silence((comment, of_pint), place, until, names, &mut all.problems),
                            None => lost.push(comment),
                        };
                    }
                    Ok(Asked::Lines(lines)) => of_file.ignore(lines, comment.line, &mut open),
                    Ok(Asked::Owner { whole_file, owner }) => {
                        place(comment, whole_file).map(|place| of_file.owners.insert(place, owner));
                    }
                    Ok(Asked::Nothing) => {}
                    Err((message, help)) => {
                        let severity = if of_pint { Severity::Warning } else { Severity::Error };
                        let found = Diagnostic::new(codes::INVALID_COMMENT, severity, message);
                        all.problems.push(found.with_mark(comment.at, "").with_help(help));
                    }
                }
            }
            if let Some(from) = open {
                of_file.ignored.push((from, u32::MAX));
            }
            of_file.ignored.sort_unstable();
            all.problems.extend(lost.into_iter().filter(|comment| comment.word != "pint").map(stands_nowhere));
            all.files.insert(file.file, of_file);
        }
        all
    }

    /// Returns who owns a rule, by its number in its file, where a comment says so.
    #[must_use]
    pub fn owner(&self, file: FileId, group: usize, rule: usize) -> Option<&str> {
        let owners = &self.files.get(&file)?.owners;
        let places = [Place::Rule(rule), Place::Group(group), Place::File];
        places.iter().find_map(|place| owners.get(place)).map(String::as_str)
    }

    /// Leaves out the findings that comments silence, and adds what is wrong with the comments. `ran` says whether a
    /// code was looked for.
    pub fn apply(mut self, rules: &RuleSet, found: &mut Diagnostics, today: Day, ran: &dyn Fn(&str) -> bool) {
        let broken: Vec<FileId> =
            found.iter().filter(|one| is_certain(one)).filter_map(|one| Some(one.primary.as_ref()?.at.file)).collect();
        found.retain(|one| is_certain(one) || !self.silences(rules, one, today));
        // What a file that was read in part has at a comment is not known.
        let is_whole = |file: &FileId| !broken.contains(file);
        let lost = |one: &Diagnostic| one.code == codes::UNUSED_COMMENT;
        let file = |one: &Diagnostic| one.primary.as_ref().map(|mark| mark.at.file);
        let known = self.problems.into_iter().filter(|one| !lost(one) || file(one).is_none_or(|file| is_whole(&file)));
        let unused = self.files.iter().filter(|(file, _)| is_whole(file)).flat_map(|(_, of_file)| &of_file.silences);
        let unused = unused.filter(|silence| !silence.used && !silence.of_pint);
        let unused = unused.filter(|silence| !silence.codes.is_empty() && silence.codes.iter().all(|code| ran(code)));
        let all: Vec<Diagnostic> = known.chain(unused.map(|silence| silence.unused(today))).collect();
        all.into_iter().for_each(|one| found.push(one));
    }

    /// Returns whether a comment silences a finding. One whose snooze is over says so.
    fn silences(&mut self, rules: &RuleSet, one: &mut Diagnostic, today: Day) -> bool {
        let Some(at) = one.primary.as_ref().map(|mark| mark.at) else { return false };
        let Some(of_file) = self.files.get_mut(&at.file) else { return false };
        if codes::find(one.code).is_none_or(|code| code.about == About::Control) {
            return false;
        }
        let mut silent = of_file.ignores(rules.sources.position(at).line);
        for place in of_file.places(at.span.start, one.subject.as_ref()) {
            for number in of_file.index.get(&(one.code, place)).into_iter().flatten() {
                let silence = &mut of_file.silences[*number];
                let text = rules.sources.file(at.file).text.get(at.span.range()).unwrap_or_default();
                if silence.about.as_ref().is_some_and(|about| !one.message.contains(about) && !text.contains(about)) {
                    continue;
                }
                silence.used = true;
                match silence.until {
                    Some(until) if until <= today => {
                        let text = format!("this snooze was over on {until}");
                        one.related.push(Mark { at: silence.at, text });
                    }
                    _ => silent = true,
                }
            }
        }
        silent
    }
}

/// Returns what a comment is about; nothing where it stands at no rule and no group.
fn place(comment: &Comment<'_>, whole_file: bool) -> Option<Place> {
    match comment.owner {
        _ if whole_file => Some(Place::File),
        Owner::Rule(rule) => Some(Place::Rule(rule)),
        Owner::Group(group) => Some(Place::Group(group)),
        Owner::Nothing => None,
    }
}

fn stands_nowhere(comment: &Comment<'_>) -> Diagnostic {
    let message = "this comment stands at no rule and no group, so it silences nothing";
    let help = "write it directly above a rule or in it; for all of the file write `file/` before its word";
    Diagnostic::warning(codes::UNUSED_COMMENT, message, comment.at).with_help(help)
}

impl OfFile {
    fn of(file: &RuleFile) -> Self {
        let all = || file.groups.iter().flat_map(|group| group.rules.iter().map(move |rule| (group, rule))).enumerate();
        let span = |(number, (_, rule)): (usize, (_, &Rule))| {
            (rule.parts.as_ref().map_or(rule.at, |parts| parts.span).span, number)
        };
        let mut rules: Vec<_> = all().map(span).collect();
        let group_span =
            |(number, group): (usize, &Group)| (group.parts.as_ref().map_or(group.at, |parts| parts.span).span, number);
        let mut groups: Vec<_> = file.groups.iter().enumerate().map(group_span).collect();
        rules.sort_unstable();
        groups.sort_unstable();
        let mut named: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (number, (group, rule)) in all() {
            named.entry((group.name.text.clone(), rule.name.text.clone())).or_default().push(number);
        }
        Self { rules, groups, named, ..Self::default() }
    }

    fn silence(
        &mut self,
        (comment, of_pint): (&Comment<'_>, bool),
        place: Place,
        until: Option<Day>,
        names: Vec<Name>,
        problems: &mut Vec<Diagnostic>,
    ) {
        for Name { codes, about, at: (from, to), refused } in names {
            let start = comment.rest_at.span.start as usize;
            let at = FileSpan { file: comment.at.file, span: Span::new(start + from, start + to) };
            if let Some(refusal) = refused {
                let found = Diagnostic::warning(codes::UNKNOWN_CODE, refusal.message(), at);
                problems.push(found.with_help(refusal.help()));
                continue;
            }
            for code in &codes {
                self.index.entry((*code, place)).or_default().push(self.silences.len());
            }
            self.silences.push(Silence { at, codes, about, until, of_pint, used: false });
        }
    }

    /// Adds lines of which nothing is said; `open` is where those begin whose end is to come.
    fn ignore(&mut self, lines: Lines, line: u32, open: &mut Option<u32>) {
        let range = match lines {
            Lines::File => (0, u32::MAX),
            Lines::Own => (line, line),
            Lines::Next => (line + 1, line + 1),
            Lines::Begin => {
                open.get_or_insert(line);
                return;
            }
            Lines::End => match open.take() {
                Some(from) => (from, line),
                None => return,
            },
        };
        self.ignored.push(range);
    }

    fn ignores(&self, line: u32) -> bool {
        let begun = self.ignored.partition_point(|(from, _)| *from <= line);
        self.ignored[..begun].iter().any(|(_, to)| line <= *to)
    }

    /// Returns what a finding at an offset is in: the file, its group, its rule, and the rules it names.
    fn places(&self, offset: u32, subject: Option<&(String, String)>) -> Vec<Place> {
        let around = |spans: &[(Span, usize)]| {
            let begun = spans.partition_point(|(span, _)| span.start <= offset);
            let (span, number) = spans.get(begun.checked_sub(1)?)?;
            (offset <= span.end).then_some(*number)
        };
        let mut places = vec![Place::File];
        places.extend(around(&self.groups).map(Place::Group));
        let named = subject.and_then(|subject| self.named.get(subject)).into_iter().flatten();
        match around(&self.rules) {
            Some(rule) => places.push(Place::Rule(rule)),
            // It stands in the head of the group, whose labels its rules take over.
            None => places.extend(named.map(|rule| Place::Rule(*rule))),
        }
        places
    }
}

impl Silence {
    fn unused(&self, today: Day) -> Diagnostic {
        let codes: Vec<String> = self.codes.iter().map(|code| format!("`{code}`")).collect();
        let what = if codes.len() == 1 { codes.concat() } else { "any policy".to_owned() };
        let message = match self.until {
            Some(until) if until <= today => format!("this snooze was over on {until}, and {what} finds nothing here"),
            _ => format!("{what} finds nothing here, so this comment silences nothing"),
        };
        Diagnostic::warning(codes::UNUSED_COMMENT, message, self.at).with_help("remove it")
    }
}
