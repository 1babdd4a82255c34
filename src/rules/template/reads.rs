//! What a template reads of its data, and where: for those who look at what it will never find.

use super::tree::{Branches, Command, Node, Operand, Pipe, Term, Tree};
use crate::source::Span;

/// Something that a template reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// What it is.
    pub what: What,
    /// Where it stands in the template's text.
    pub span: Span,
    /// Whether it is only asked about, in the condition of an `if` or `with`.
    pub asked: bool,
    /// Whether it stands where a condition on the same has said that it is there.
    pub guarded: bool,
}

/// The kinds of data that are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A label of the alert.
    Label(String),
    /// The value; `bare`: it is printed with all its digits.
    Value {
        /// Whether nothing formats it.
        bare: bool,
    },
    /// The answer to a query whose text is written out.
    Query {
        /// The text.
        text: String,
        /// The labels that are read of its samples, and where.
        labels: Vec<(String, Span)>,
    },
}

/// Returns what a template reads, in the order of its text. What is read where the dot stands for something else, or in
/// templates that it defines, is left out. Cost: linear in its size.
pub(super) fn reads(tree: &Tree) -> Vec<Read> {
    let mut reader = Reader { found: Vec::new(), sure: Vec::new() };
    reader.list(&tree.root, Dot::Data);
    reader.found
}

/// What the dot stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dot {
    /// All the data of the template.
    Data,
    /// A sample of the query that was found last.
    Sample,
    /// Anything else.
    Other,
}

struct Reader {
    found: Vec<Read>,
    /// Labels of which a condition has said that they are there.
    sure: Vec<String>,
}

impl Reader {
    fn list(&mut self, nodes: &[Node], dot: Dot) {
        for node in nodes {
            match node {
                Node::Text(_) | Node::Break | Node::Continue => {}
                Node::Action(action) => {
                    self.pipe(action, dot, false, action.variables.is_empty());
                }
                Node::If(node) => self.branches(node, dot, dot, true),
                // What is asked for is the dot inside, and printed as a rule.
                Node::With(node) => self.branches(node, dot, Dot::Other, false),
                Node::Range(range) => {
                    let inner = if self.pipe(&range.pipe, dot, false, false) { Dot::Sample } else { Dot::Other };
                    self.list(&range.body, inner);
                    self.list(&range.otherwise, dot);
                }
                Node::Call(call) => {
                    if let Some(pipe) = &call.pipe {
                        self.pipe(pipe, dot, false, false);
                    }
                }
            }
        }
    }

    fn branches(&mut self, node: &Branches, dot: Dot, inner: Dot, only_asked: bool) {
        let before = self.sure.len();
        for (condition, body) in &node.branches {
            let first = self.found.len();
            self.pipe(condition, dot, true, false);
            if !only_asked {
                for read in self.found[first..].iter_mut().filter(|read| matches!(read.what, What::Value { .. })) {
                    read.asked = false;
                }
            }
            let asked = self.found[first..].iter().filter_map(|read| match &read.what {
                What::Label(label) => Some(label.clone()),
                What::Value { .. } | What::Query { .. } => None,
            });
            self.sure.extend(asked);
            self.list(body, inner);
        }
        self.list(&node.otherwise, dot);
        self.sure.truncate(before);
    }

    /// Returns whether the pipeline gives the samples of a query, as they are or sorted.
    fn pipe(&mut self, pipe: &Pipe, dot: Dot, asked: bool, printed: bool) -> bool {
        let mut samples = false;
        let mut last_query = None;
        for (stage, command) in pipe.commands.iter().enumerate() {
            let bare = printed && pipe.commands.len() == 1 && command.words.len() == 1;
            if let Some((text, at)) = query_of(command) {
                last_query = Some(self.found.len());
                self.push(What::Query { text: text.to_owned(), labels: Vec::new() }, at, text.len() + 2, asked);
                samples = true;
                continue;
            }
            let function = command.words.first().and_then(|word| match &word.term {
                Term::Function(function) => Some(function.name),
                _ => None,
            });
            match (function, command.words.get(1).map(|word| &word.term)) {
                (Some("label"), Some(Term::Text(label, _))) if stage > 0 => {
                    let at = command.words[1].at;
                    let span = Span { start: at, end: at + length(label) + 2 };
                    if let Some(What::Query { labels, .. }) = last_query.map(|at: usize| &mut self.found[at].what) {
                        labels.push((label.clone(), span));
                    }
                    samples = false;
                }
                (Some("index"), Some(term)) if is_labels(term, dot) => {
                    if let Some(Operand { at, term: Term::Text(label, _) }) = command.words.get(2) {
                        self.push(What::Label(label.clone()), *at, label.len() + 2, asked);
                    }
                }
                _ => {
                    // `or $labels.x "none"` says what to print where there is none.
                    let asked = asked || matches!(function, Some("or" | "and" | "not"));
                    command.words.iter().for_each(|word| self.operand(word, dot, asked, bare));
                    samples &= function == Some("sortByLabel");
                }
            }
        }
        samples
    }

    fn operand(&mut self, word: &Operand, dot: Dot, asked: bool, bare: bool) {
        match &word.term {
            Term::Field(fields) if dot == Dot::Data => self.fields(fields, word.at, fields.len() > 1, asked, bare),
            Term::Field(fields) if dot == Dot::Sample => {
                if let [first, label] = &fields[..] {
                    let span = Span { start: word.at, end: word.at + length(label) + 1 };
                    let last = self.found.iter_mut().rev().find_map(|read| match &mut read.what {
                        What::Query { labels, .. } => Some(labels),
                        What::Label(_) | What::Value { .. } => None,
                    });
                    if let Some(labels) = last.filter(|_| first == "Labels") {
                        labels.push((label.clone(), span));
                    }
                }
            }
            Term::Variable(name, fields) => match (name.as_str(), &fields[..]) {
                ("$value", []) => self.push(What::Value { bare }, word.at, name.len(), asked),
                ("$labels", [label]) => self.push(What::Label(label.clone()), word.at, label.len() + 1, asked),
                ("$", fields) if !fields.is_empty() => self.fields(fields, word.at, false, asked, bare),
                _ => {}
            },
            Term::Pipe(inner) => {
                self.pipe(inner, dot, asked, false);
            }
            Term::Chain(inner, _) => self.operand(inner, dot, asked, false),
            _ => {}
        }
    }

    /// Reads fields of all the data; `at` is where the first of them stands, the second one where `second` says so.
    fn fields(&mut self, fields: &[String], at: u32, second: bool, asked: bool, bare: bool) {
        match fields {
            [first] if first == "Value" => self.push(What::Value { bare }, at, first.len() + 1, asked),
            [first, label] if first == "Labels" => {
                let at = if second { at } else { at + length(first) + 1 };
                self.push(What::Label(label.clone()), at, label.len() + 1, asked);
            }
            _ => {}
        }
    }

    fn push(&mut self, what: What, at: u32, len: usize, asked: bool) {
        let guarded = matches!(&what, What::Label(label) if self.sure.contains(label));
        let end = at.saturating_add(u32::try_from(len).unwrap_or(u32::MAX));
        self.found.push(Read { what, span: Span { start: at, end }, asked, guarded });
    }
}

fn length(text: &str) -> u32 {
    u32::try_from(text.len()).unwrap_or(u32::MAX)
}

/// Returns whether a word is all labels of the alert.
fn is_labels(term: &Term, dot: Dot) -> bool {
    match term {
        Term::Variable(name, fields) => {
            name == "$labels" && fields.is_empty() || name == "$" && matches!(&fields[..], [one] if one == "Labels")
        }
        Term::Field(fields) => dot == Dot::Data && matches!(&fields[..], [one] if one == "Labels"),
        _ => false,
    }
}

/// Returns the text of a query that is written out, and where it stands.
fn query_of(command: &Command) -> Option<(&str, u32)> {
    match &command.words[..] {
        [Operand { term: Term::Function(function), .. }, Operand { at, term: Term::Text(text, _) }]
            if function.name == "query" =>
        {
            Some((text, *at))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::template::Template;

    /// Checks what a template reads: each with the text where it stands.
    fn check(text: &str, expected: &[&str]) {
        let template = Template::parse(text).expect("a template");
        let line = |read: Read| {
            let more = [(read.asked, " asked"), (read.guarded, " guarded")];
            let more: String = more.into_iter().filter(|(is, _)| *is).map(|(_, word)| word).collect();
            let labels: String = match &read.what {
                What::Query { labels, .. } => {
                    labels.iter().map(|(label, at)| format!(" {label}={}", &text[at.range()])).collect()
                }
                _ => String::new(),
            };
            let what = match read.what {
                What::Label(label) => label,
                What::Value { bare } => format!("value{}", if bare { " bare" } else { "" }),
                What::Query { text, .. } => text,
            };
            format!("{what}: {}{labels}{more}", &text[read.span.range()])
        };
        assert_eq!(template.reads().into_iter().map(line).collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn labels_and_values_are_found() {
        check("{{ $labels.job }} {{ .Labels.a }} {{ $.Labels.b }}", &["job: .job", "a: .a", "b: .b"]);
        check("{{ index $labels \"a-b\" }}", &["a-b: \"a-b\""]);
        check("{{ $value }} {{ .Value | humanize }}", &["value bare: $value", "value: .Value"]);
        check("{{ printf \"%.2f\" $value }}", &["value: $value"]);
        check("{{ $x := $labels.job }}{{ $x }}", &["job: .job"]);
        check("no template", &[]);
    }

    #[test]
    fn conditions_guard_what_they_ask_for() {
        check("{{ if $labels.a }}{{ $labels.a }}{{ $labels.b }}{{ end }}", &["a: .a asked", "a: .a guarded", "b: .b"]);
        check("{{ with $labels.a }}{{ . }}{{ .Labels.b }}{{ end }}", &["a: .a asked"]);
        check("{{ if gt $value 9.0 }}x{{ else }}{{ $labels.a }}{{ end }}", &["value: $value asked", "a: .a"]);
        check("{{ or $labels.a \"all\" }}", &["a: .a asked"]);
    }

    #[test]
    fn queries_are_found_with_the_labels_of_their_samples() {
        check("{{ range query \"up\" }}{{ .Labels.job }}{{ end }}", &["up: \"up\" job=.job"]);
        check("{{ query \"up\" | first | label \"job\" }}", &["up: \"up\" job=\"job\""]);
        check("{{ range query \"up\" | sortByLabel \"job\" }}{{ .Labels.x }}{{ end }}", &["up: \"up\" x=.x"]);
        check("{{ with query \"up\" }}{{ . | first | value }}{{ end }}", &["up: \"up\" asked"]);
        check("{{ query (printf \"up{job='%s'}\" $labels.job) | first | value }}", &["job: .job"]);
    }
}
