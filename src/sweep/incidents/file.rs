//! Files of incidents: CSV with a header, or JSON.

use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::format::Clock;
use crate::labels::LabelSet;
use crate::source::{SourceMap, Span};
use crate::time::Timestamp;
use crate::yaml::fields::Fields;
use crate::yaml::problems::Problems;
use crate::yaml::{self, Content, Node};

use super::Incident;

/// What to type.
const EXAMPLE: &str = "`[[\"2026-01-05 18:00\", \"2026-01-05 20:00\"]]`, or in CSV `start,end` and a row for each";
/// The most recordings that a message names.
const NAMED: usize = 10;

/// Reads the incidents of a file and adds its text to the sources: CSV with the columns `start`, `end` and labels, or
/// JSON, a list of `[start, end]` or of `{"start": .., "end": ..}` with labels, or such lists by the names of
/// recordings, of which those of `recordings` count. Times that name no zone are in the clock's. Every problem is
/// reported; `None` when there is one.
pub fn load(
    sources: &mut SourceMap,
    name: &str,
    bytes: &[u8],
    recordings: &[String],
    clock: &Clock,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<Incident>> {
    let first = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).iter().find(|byte| !byte.is_ascii_whitespace());
    if let Some(first) = first.filter(|byte| b"[{-".contains(byte)) {
        let mut read = Diagnostics::default();
        let (mut problems, root) = yaml::open(sources, name, bytes, "a file of incidents", &mut read);
        let found = root.map(|root| document(&root, recordings, clock, &mut problems)).unwrap_or_default();
        none_is_wrong(&found, &mut problems);
        let good = problems.finish() == 0;
        if *first != b'-' {
            read.retain(as_json);
        }
        diagnostics.extend(read);
        return good.then_some(found);
    }
    let text = String::from_utf8_lossy(bytes).into_owned();
    let file = sources.add(name, text.as_str());
    let mut problems = Problems::new(file, diagnostics);
    let found = table(&text, clock, &mut problems);
    none_is_wrong(&found, &mut problems);
    (problems.finish() == 0).then_some(found)
}

/// Says of JSON that is broken what is written in JSON: the advice for YAML would mislead. Keeps every problem.
fn as_json(found: &mut Diagnostic) -> bool {
    if found.code == codes::YAML_SYNTAX {
        found.code = codes::INCIDENT;
        if found.message.starts_with("this is not YAML") {
            found.message = "this cannot be read as JSON".to_owned();
        }
        let form = "incidents are written like `[[\"2026-01-05 18:00\", \"2026-01-05 20:00\"]]`";
        found.help = vec![format!("is a quote, a comma or a bracket missing, or one too many? {form}")];
    }
    true
}

/// Returns what to call a column or a key that is missing, if another one may be meant.
fn meant<'a>(key: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let words: &[&str] = match key {
        "start" => {
            &["begin", "began", "begins", "from", "since", "starts", "started", "starttime", "startsat", "startedat"]
        }
        _ => {
            &["ends", "ended", "until", "to", "stop", "finish", "finished", "resolved", "endtime", "endsat", "endedat"]
        }
    };
    let plain = |name: &str| name.to_ascii_lowercase().replace(['_', '-', ' '], "");
    let found = names.map(str::trim).find(|name| words.contains(&plain(name).as_str()))?;
    Some(format!("if `{found}` is the {key}, call it `{key}`"))
}

/// Says that a file without a problem has no incident, by which nothing can be judged.
fn none_is_wrong(found: &[Incident], problems: &mut Problems<'_>) {
    if found.is_empty() && problems.errors() == 0 {
        problems.error_with_help(codes::INCIDENT, "there is no incident in this file", Span::new(0, 1), EXAMPLE);
    }
}

fn document(root: &Node, recordings: &[String], clock: &Clock, problems: &mut Problems<'_>) -> Vec<Incident> {
    match &root.content {
        Content::Sequence(items) => items.iter().filter_map(|item| incident(item, clock, problems)).collect(),
        Content::Mapping(entries) => {
            let is_read = |(key, _): &&(Node, Node)| {
                let key = key.scalar().map_or("", |key| key.text());
                recordings.iter().any(|recording| is_of(key, recording))
            };
            let read: Vec<&(Node, Node)> = entries.iter().filter(is_read).collect();
            if read.is_empty() {
                problems.push(no_recording(root, entries, recordings, problems));
            }
            // Alerts do not tell which recording they are of.
            if recordings.len() > 1 || read.len() > 1 {
                for (key, _) in read.iter().take(1) {
                    let message = "lists by recording judge one recording at a time".to_owned();
                    let help = "run the command once for each recording, or write one list, with labels";
                    problems.error_with_help(codes::INCIDENT, message, key.span, help);
                }
            }
            let mut found = Vec::new();
            for (_, list) in read {
                match &list.content {
                    Content::Sequence(items) => {
                        found.extend(items.iter().filter_map(|item| incident(item, clock, problems)));
                    }
                    _ => {
                        let message = format!("the incidents of a recording are a list, this is {}", list.words());
                        problems.error_with_help(codes::INCIDENT, message, list.span, EXAMPLE);
                    }
                }
            }
            found
        }
        Content::Scalar(_) => {
            let message = format!("a file of incidents is a list, or lists by recording, this is {}", root.words());
            problems.error_with_help(codes::INCIDENT, message, root.span, EXAMPLE);
            Vec::new()
        }
    }
}

/// Returns whether a name in a file of incidents is that of a recording: folders and compression do not count.
fn is_of(key: &str, recording: &str) -> bool {
    let bare = |path: &str| {
        let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
        let packed = [".gz", ".zst", ".bz2"].iter().find_map(|end| name.strip_suffix(end));
        packed.unwrap_or(name).to_owned()
    };
    !key.is_empty() && bare(key) == bare(recording)
}

fn no_recording(root: &Node, entries: &[(Node, Node)], recordings: &[String], problems: &Problems<'_>) -> Diagnostic {
    let keys: Vec<&str> = entries.iter().filter_map(|(key, _)| key.scalar()).map(|key| key.text()).collect();
    let named = recordings.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let message = format!("no incidents of {named} are in this file");
    let more = keys.len().saturating_sub(NAMED);
    let mut shown: Vec<&str> = keys.into_iter().take(NAMED).collect();
    let more = format!("{more} more");
    if entries.len() > NAMED {
        shown.push(&more);
    }
    let at = Span { end: root.span.start + 1, ..root.span };
    Diagnostic::error(codes::INCIDENT, message, problems.at(at))
        .with_help(format!("it has those of {}: name a recording so, or write its list alone", shown.join(", ")))
}

/// Reads `[start, end]`, or `{start: .., end: ..}` with labels.
fn incident(node: &Node, clock: &Clock, problems: &mut Problems<'_>) -> Option<Incident> {
    let (start, end, labels) = match &node.content {
        Content::Sequence(items) => match &items[..] {
            [start, end] => (start, end, LabelSet::empty()),
            items => {
                let message = format!("an incident has a start and an end, this list has {} values", items.len());
                problems.error_with_help(codes::INCIDENT, message, node.span, EXAMPLE);
                return None;
            }
        },
        Content::Mapping(_) => {
            let mut fields = Fields::open(node, "an incident", problems)?;
            let (start, end) = (fields.take("start"), fields.take("end"));
            let rest: Vec<_> = fields.rest().collect();
            for (key, _) in [("start", start), ("end", end)].iter().filter(|(_, field)| field.is_none()) {
                let message = format!("this incident has no `{key}`");
                let help = meant(key, rest.iter().map(|field| field.key.text()));
                problems.error_with_help(codes::INCIDENT, message, node.span, help.unwrap_or(EXAMPLE.to_owned()));
            }
            let mut labels = Vec::new();
            for field in rest {
                let value = field.text(problems)?;
                labels.push((field.key.text().to_owned(), value.text.clone()));
            }
            let labels = LabelSet::new(labels.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            (start?.value, end?.value, labels)
        }
        Content::Scalar(_) => {
            let message = format!("an incident is `[start, end]`, this is {}", node.words());
            problems.error_with_help(codes::INCIDENT, message, node.span, EXAMPLE);
            return None;
        }
    };
    let text = |node: &Node| node.scalar().map_or("", |scalar| scalar.text()).trim().to_owned();
    window((&text(start), start.span), (&text(end), end.span), labels, clock, problems)
}

fn window(
    (start, start_at): (&str, Span),
    (end, end_at): (&str, Span),
    labels: LabelSet,
    clock: &Clock,
    problems: &mut Problems<'_>,
) -> Option<Incident> {
    let mut time = |text: &str, at: Span| -> Option<Timestamp> {
        clock.read(text).map_err(|error| problems.error(codes::INCIDENT, error.to_string(), at)).ok()
    };
    let (from, to) = (time(start, start_at), time(end, end_at));
    let (from, to) = (from?, to?);
    if to < from {
        let message = format!("this incident ends before it begins, at {}", clock.full(from));
        problems.error(codes::INCIDENT, message, end_at);
        return None;
    }
    Some(Incident { from, to, labels })
}

/// Reads CSV: the first line names the columns.
fn table(text: &str, clock: &Clock, problems: &mut Problems<'_>) -> Vec<Incident> {
    let mut found = Vec::new();
    let mut columns: Option<Vec<String>> = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let begin = at;
        at += line.len();
        let line = line.trim_end_matches(['\n', '\r']);
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let whole = Span::new(begin, begin + line.len());
        let cells = cells(line, begin);
        let Some(columns) = &columns else {
            let name = |text: &str| match text.trim_start_matches('\u{feff}') {
                own if own.eq_ignore_ascii_case("start") || own.eq_ignore_ascii_case("end") => own.to_ascii_lowercase(),
                label => label.to_owned(),
            };
            let names: Vec<String> = cells.iter().map(|(text, _)| name(text)).collect();
            let help = match line {
                line if !line.contains(',') && line.contains([';', '\t']) => "separate the columns by commas",
                _ => "`start,end`, and labels such as `instance`",
            };
            for key in ["start", "end"].iter().filter(|key| !names.iter().any(|name| name == **key)) {
                let message = format!("the first line names the columns, and has no `{key}`");
                let help = meant(key, names.iter().map(String::as_str)).unwrap_or(help.to_owned());
                problems.error_with_help(codes::INCIDENT, message, whole, help);
            }
            if problems.errors() > 0 {
                return found;
            }
            columns = Some(names);
            continue;
        };
        if cells.len() != columns.len() {
            let message = format!("this row has {} values, and there are {} columns", cells.len(), columns.len());
            problems.error(codes::INCIDENT, message, whole);
            continue;
        }
        let place = |key: &str| columns.iter().position(|name| name == key).unwrap_or_default();
        let own = |name: &str| matches!(name, "start" | "end");
        let labels = columns.iter().zip(&cells).filter(|(name, (text, _))| !own(name) && !text.is_empty());
        let labels = LabelSet::new(labels.map(|(name, (text, _))| (name.as_str(), text.as_str())));
        let ((start, start_at), (end, end_at)) = (&cells[place("start")], &cells[place("end")]);
        found.extend(window((start, *start_at), (end, *end_at), labels, clock, problems));
    }
    if columns.is_none() {
        let span = Span::new(0, text.len().min(1));
        problems.error_with_help(codes::INCIDENT, "there is nothing in this file", span, EXAMPLE);
    }
    found
}

/// Returns the cells of a line that begins at an offset, without quotes, each with where it stands.
fn cells(line: &str, begin: usize) -> Vec<(String, Span)> {
    let mut found = Vec::new();
    let mut from = 0;
    let mut quoted = false;
    for (at, byte) in line.bytes().chain([b',']).enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b',' if !quoted || at == line.len() => {
                let raw = &line[from..at];
                let text = raw.trim();
                let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
                let text = inner.map_or_else(|| text.to_owned(), |text| text.replace("\"\"", "\""));
                found.push((text, Span::new(begin + from, begin + at)));
                from = at + 1;
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a file; returns its incidents, or `line:column message` of each problem.
    fn read(text: &str, recordings: &[&str]) -> Vec<String> {
        let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::default());
        let recordings: Vec<String> = recordings.iter().map(|name| (*name).to_owned()).collect();
        let found = load(&mut sources, "f", text.as_bytes(), &recordings, &Clock::utc(), &mut diagnostics);
        match found {
            Some(found) => found.iter().map(|one| format!("{} {} {}", one.from, one.to, one.labels)).collect(),
            None => {
                let line = |found: &Diagnostic| {
                    let at = sources.position(found.primary.as_ref().expect("a place").at);
                    format!("{}:{} {}", at.line, at.column, found.message)
                };
                diagnostics.sorted().iter().map(line).collect()
            }
        }
    }

    const DAY: &str = "2026-01-05T00:00:00Z 2026-01-06T00:00:00Z {}";

    #[test]
    fn all_forms_are_read() {
        assert_eq!(read("[[\"2026-01-05\", \"2026-01-06\"]]", &[]), [DAY]);
        assert_eq!(read("[{\"start\": \"2026-01-05\", \"end\": 1767657600}]", &[]), [DAY]);
        assert_eq!(read("start,end\n2026-01-05,2026-01-06\n\n# none\n", &[]), [DAY]);
        assert_eq!(read("\u{feff}Start,END\n2026-01-05,2026-01-06\n", &[]), [DAY]);
        let labelled = "2026-01-05T00:00:00Z 2026-01-06T00:00:00Z {host=\"a,b\"}";
        assert_eq!(read("host,start,end\n\"a,b\",2026-01-05,2026-01-06\n,2026-01-05,2026-01-06", &[]), [labelled, DAY]);
        let named = "{\"x/a.csv\": [[\"2026-01-05\", \"2026-01-06\"]], \"b.csv\": [], \"c.csv\": [[1, 2]]}";
        assert_eq!(read(named, &["night/a.csv.gz"]), [DAY]);
    }

    #[test]
    fn every_problem_is_reported_at_its_place() {
        assert_eq!(
            read("start,end\n2026-01-05,noon\nx,2026-01-05\n2026-01-06,2026-01-05\n2026-01-05\n", &[])
                .iter()
                .map(|line| line.split(' ').take(4).collect::<Vec<_>>().join(" "))
                .collect::<Vec<_>>(),
            ["2:12 `noon` is not", "3:1 `x` is not", "4:12 this incident ends", "5:1 this row has"]
        );
        assert_eq!(read("from,to\n1,2\n", &[]).len(), 2);
        assert_eq!(read("", &[]), ["1:1 there is nothing in this file"]);
        let found = read("[[1], 7, {\"start\": 1}, [1, \"x\"]]", &[]);
        let places: Vec<&str> = found.iter().map(|line| line.split(' ').next().unwrap_or_default()).collect();
        assert_eq!(places, ["1:2", "1:7", "1:10", "1:28"], "{found:?}");
        let one_at_a_time = ["1:2 lists by recording judge one recording at a time"];
        assert_eq!(read("{\"a.csv\": [], \"b.csv\": [[1, 2]]}", &["a.csv", "b.csv"]), one_at_a_time);
        assert_eq!(read("{\"a.csv\": [[1, 2]]}", &["a.csv", "b.csv"]), one_at_a_time);
        assert_eq!(read("{\"x/a.csv\": [], \"y/a.csv\": []}", &["a.csv"]), one_at_a_time);
        assert_eq!(read("{\"a.csv\": []}", &["a.csv"]), ["1:1 there is no incident in this file"]);
        assert_eq!(read("[]", &[]), ["1:1 there is no incident in this file"]);
        assert_eq!(read("start,end\n# none\n", &[]), ["1:1 there is no incident in this file"]);
        assert_eq!(read("{\"a.csv\": []}", &["b.csv"]), ["1:1 no incidents of `b.csv` are in this file"]);
        assert_eq!(
            read("{\"a.csv\": 7}", &["a.csv"]),
            ["1:11 the incidents of a recording are a list, this is a text"]
        );
    }
}
