//! A file of acceptances: a YAML list, an entry each.

use super::{Acceptance, Covers, Total, read_day};
use crate::diagnostic::{Diagnostic, Diagnostics, codes, nearest};
use crate::source::{Located, SourceMap, Span};
use crate::time::Day;
use crate::yaml::fields::{Fields, wrong_type};
use crate::yaml::problems::Problems;
use crate::yaml::{self, Content, Node};

/// What messages call the file.
const WHAT: &str = "an acceptance file";
/// What messages call an entry.
const ENTRY: &str = "an acceptance";
/// The keys of an entry.
const KEYS: [&str; 5] = ["rule", "group", "total", "date", "reason"];

/// A rule of the run, as an entry names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The alert, or the metric that is recorded.
    pub rule: String,
    /// Its group.
    pub group: String,
}

/// Reads a list of acceptances and adds its text to the sources. Every problem is reported, also a rule that is none of
/// the run's; `None` when one of them is an error.
pub fn read_file(
    sources: &mut SourceMap,
    (name, bytes): (&str, &[u8]),
    rules: &[Known],
    today: Day,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<Acceptance>> {
    let (mut problems, root) = yaml::open(sources, name, bytes, WHAT, diagnostics);
    let entries: &[Node] = match root.as_ref() {
        Some(Node { content: Content::Sequence(entries), .. }) => entries,
        Some(node) if !node.is_null() => {
            wrong_type(&format!("{WHAT} is a list, each entry after `- `"), node, node.span, &mut problems);
            &[]
        }
        _ => &[],
    };
    let mut all = Vec::new();
    for node in entries {
        let Some(fields) = Fields::open(node, ENTRY, &mut problems) else { continue };
        if let Some((covers, date, reason)) = entry(fields, rules, today, &mut problems) {
            let line = sources.position(problems.at(node.span)).line;
            all.push(Acceptance { covers, date, reason, place: format!("{name}:{line}"), used_up: false });
        }
    }
    (problems.finish() == 0).then_some(all)
}

/// Reads one entry; `None` where something is wrong with it, which the problems say.
fn entry(
    mut fields: Fields<'_>,
    rules: &[Known],
    today: Day,
    problems: &mut Problems<'_>,
) -> Option<(Covers, Day, String)> {
    let span = fields.span;
    let mut text = |key: &str| fields.take(key).and_then(|field| field.text(problems));
    let [rule, group, total, date, reason] = KEYS.map(&mut text);
    fields.finish(ENTRY, &KEYS, |_| None, problems);
    let covers = match (rule, total) {
        (Some(rule), None) => known(rule, group, rules, problems),
        (None, Some(total)) => {
            if let Some(group) = group {
                problems.error(codes::ACCEPTANCE, "a total has no `group`", group.span);
            }
            of_total(total, problems)
        }
        (Some(_), Some(total)) => {
            problems.error(codes::ACCEPTANCE, "an acceptance has either `rule` or `total`", total.span);
            None
        }
        (None, None) => {
            missing("`rule` or `total`", "rule: HighCpu", span, problems);
            None
        }
    };
    let date = match date {
        Some(date) => {
            read_day(&date.text, today).map_err(|message| problems.error(codes::ACCEPTANCE, message, date.span)).ok()
        }
        None => {
            missing("`date`", &format!("date: {today}"), span, problems);
            None
        }
    };
    let reason = reason.map(|reason| reason.text.trim().to_owned()).filter(|reason| !reason.is_empty());
    if reason.is_none() {
        missing("`reason`", "reason: weekly pattern needs a week", span, problems);
    }
    Some((covers?, date?, reason?))
}

fn missing(key: &str, example: &str, span: Span, problems: &mut Problems<'_>) {
    let message = format!("this acceptance lacks {key}");
    problems.error_with_help(codes::MISSING_KEY, message, span, format!("write: {example}"));
}

/// Takes a rule of the run.
fn known(rule: &Located, group: Option<&Located>, rules: &[Known], problems: &mut Problems<'_>) -> Option<Covers> {
    let groups: Vec<&str> =
        rules.iter().filter(|known| known.rule == rule.text).map(|known| known.group.as_str()).collect();
    if groups.is_empty() {
        let message = format!("no rule of this run is named `{}`", rule.text);
        unknown(message, rule, rules.iter().map(|known| known.rule.as_str()), problems);
        return None;
    }
    if let Some(group) = group.filter(|group| !groups.contains(&group.text.as_str())) {
        let message = format!("the rule `{}` is in no group `{}`", rule.text, group.text);
        let found = Diagnostic::error(codes::ACCEPTANCE, message, problems.at(group.span));
        problems.push(found.with_help(format!("it is in `{}`", groups.join("`, `"))));
        return None;
    }
    Some(Covers::Named { rule: rule.text.clone(), group: group.map(|group| group.text.clone()) })
}

fn of_total(total: &Located, problems: &mut Problems<'_>) -> Option<Covers> {
    let found = Total::ALL.iter().find(|(_, word)| *word == total.text);
    if found.is_none() {
        let words = Total::ALL.map(|(_, word)| word);
        let message = format!("`{}` is no total of a run; there are {}", total.text, words.join(", "));
        unknown(message, total, words, problems);
    }
    found.map(|(total, _)| Covers::Total(*total))
}

/// Tells of a name that is none of the known ones, and of the nearest of them.
fn unknown<'a>(message: String, name: &Located, known: impl IntoIterator<Item = &'a str>, problems: &mut Problems<'_>) {
    let at = problems.at(name.span);
    let found = Diagnostic::error(codes::ACCEPTANCE, message, at);
    problems.push(match nearest(&name.text, known).first() {
        Some(near) => found.with_mark(at, format!("did you mean `{near}`?")),
        None => found,
    });
}

#[cfg(test)]
mod tests {
    use super::super::tests::day;
    use super::*;

    fn read(text: &str) -> (Option<Vec<Acceptance>>, Vec<String>) {
        let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::default());
        let known = |rule: &str, group: &str| Known { rule: rule.to_owned(), group: group.to_owned() };
        let rules = [known("HighCpu", "node"), known("HighCpu", "edge"), known("DiskFull", "node")];
        let today = day("2026-11-29");
        let found = read_file(&mut sources, ("a.yml", text.as_bytes()), &rules, today, &mut diagnostics);
        let line = |found: &Diagnostic| {
            let mark = found.primary.as_ref().expect("a place");
            let at = sources.position(mark.at);
            format!("{}:{} {} {}", at.line, at.column, found.message, mark.text).trim_end().to_owned()
        };
        (found, diagnostics.sorted().iter().map(line).collect())
    }

    #[test]
    fn entries_are_read() {
        let text = "# why\n- {rule: HighCpu, group: edge, date: 2026-11-29, reason: \"a week: all of it\"}\n- total: series\n  date: '2026-11-01'\n  reason: new hosts\n";
        let (found, problems) = read(text);
        assert_eq!(problems, Vec::<String>::new());
        let found = found.expect("a good file");
        let named = Covers::Named { rule: "HighCpu".to_owned(), group: Some("edge".to_owned()) };
        assert_eq!((&found[0].covers, found[0].reason.as_str()), (&named, "a week: all of it"));
        assert_eq!((found[0].place.as_str(), found[1].place.as_str()), ("a.yml:2", "a.yml:3"));
        assert_eq!((&found[1].covers, found[1].date), (&Covers::Total(Total::Series), day("2026-11-01")));
        assert_eq!(read("").0, Some(Vec::new()));
    }

    #[test]
    fn all_that_is_wrong_is_reported() {
        let check = |text: &str, expected: &[&str]| {
            let (found, problems) = read(text);
            assert_eq!(problems, expected, "{text}");
            assert_eq!(found, None, "{text}");
        };
        let dated = "date: 2026-11-29, reason: x";
        check(
            &format!("- {{rule: HigCpu, {dated}}}\n- {{rule: Nothing, {dated}}}\n- {{total: serie, {dated}}}\n"),
            &[
                "1:10 no rule of this run is named `HigCpu` did you mean `HighCpu`?",
                "2:10 no rule of this run is named `Nothing`",
                "3:11 `serie` is no total of a run; there are samples_per_s, series, time did you mean `series`?",
            ],
        );
        check(
            &format!("- {{rule: DiskFull, group: edge, {dated}}}\n- {{total: time, group: edge, {dated}}}\n"),
            &["1:27 the rule `DiskFull` is in no group `edge`", "2:24 a total has no `group`"],
        );
        check(
            "- {rule: HighCpu, date: 2026-13-01, reason: ' '}\n- {rule: HighCpu, dat: 2027-01-01, reason: x}\n- {date: 2027-01-01, reason: x}\n",
            &[
                "1:3 this acceptance lacks `reason`",
                "1:25 `2026-13-01` is not a date; write it like `2026-11-29`",
                "2:3 this acceptance lacks `date`",
                "2:19 `dat` is not a key of an acceptance did you mean `date`?",
                "3:3 this acceptance lacks `rule` or `total`",
                "3:10 2027-01-01 is still to come; today is 2026-11-29",
            ],
        );
        check(
            &format!("- {{rule: HighCpu, total: time, {dated}}}\n- HighCpu\n"),
            &[
                "1:26 an acceptance has either `rule` or `total`",
                "2:3 an acceptance is a mapping of keys to values, this is a text",
            ],
        );
        check("rule: HighCpu\n", &["1:1 an acceptance file is a list, each entry after `- `, this is a mapping"]);
    }
}
