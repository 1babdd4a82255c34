//! The crate's files, line by line: code without comments, and what is only built for tests.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// One line of a file.
pub(super) struct Line {
    /// Without comments, and without what stands inside quotes.
    pub(super) code: String,
    /// Without comments.
    pub(super) text: String,
    /// Whether it is only built for tests.
    pub(super) test: bool,
    /// How many inline modules of tests it stands in.
    pub(super) inside: usize,
}

/// One file of `src`.
pub(super) struct File {
    pub(super) path: PathBuf,
    /// `src/promql/parse/mod.rs` is `promql::parse`.
    pub(super) module: String,
    pub(super) lines: Vec<Line>,
}

/// Reads all of `src`.
pub(super) fn read() -> Vec<File> {
    let mut paths = Vec::new();
    sources(Path::new("src"), &mut paths);
    let mut tests = BTreeSet::new();
    let mut files = Vec::new();
    for path in paths {
        let source = std::fs::read_to_string(&path).expect("a readable file");
        let mut file = File { module: module_of(&path), lines: lines(&source), path };
        tests.extend(mark(&mut file));
        files.push(file);
    }
    for file in files.iter_mut().filter(|file| tests.iter().any(|module| within(&file.module, module))) {
        file.lines.iter_mut().for_each(|line| line.test = true);
    }
    files
}

/// Finds the Rust files of a folder and those below, in order.
pub(super) fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
}

/// Whether a module is another or stands below it.
pub(super) fn within(module: &str, of: &str) -> bool {
    module == of || module.strip_prefix(of).is_some_and(|rest| rest.starts_with("::"))
}

fn module_of(file: &Path) -> String {
    let path = file.strip_prefix("src").expect("a source file").with_extension("");
    let parts: Vec<String> = path.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    parts.join("::").trim_end_matches("::mod").to_owned()
}

/// Marks what stands under `#[cfg(test)]`; returns the modules of which the same is said and which are other files.
fn mark(file: &mut File) -> Vec<String> {
    let mut files = Vec::new();
    let mut at = 0;
    while at < file.lines.len() {
        if file.lines[at].code.trim() != "#[cfg(test)]" {
            at += 1;
            continue;
        }
        let (mut depth, mut opened, mut last, mut path) = (0_i32, false, at, None);
        for line in &file.lines[at + 1..] {
            last += 1;
            if let Some(named) = line.text.trim().strip_prefix("#[path = \"") {
                path = named.strip_suffix(".rs\"]").map(str::to_owned);
            }
            depth += line.code.matches('{').count() as i32 - line.code.matches('}').count() as i32;
            opened |= line.code.contains('{');
            let over = if opened { depth <= 0 } else { line.code.trim_end().ends_with(';') };
            if over {
                break;
            }
        }
        let head = file.lines[at + 1..=last].iter().find_map(|line| line.code.split_once("mod "));
        let name = head.map(|(_, rest)| rest.trim_end_matches([' ', '{', ';']).to_owned());
        match name {
            Some(name) if !opened => {
                // A file that `#[path]` names stands in the folder of this one.
                let folder = match path {
                    Some(_) => file.module.rsplit_once("::").map_or("", |(folder, _)| folder),
                    None => &file.module,
                };
                files.push(format!("{folder}::{}", path.unwrap_or(name)));
            }
            Some(_) => file.lines[at..=last].iter_mut().for_each(|line| line.inside = 1),
            None => {}
        }
        file.lines[at..=last].iter_mut().for_each(|line| line.test = true);
        at = last + 1;
    }
    files
}

/// Where a walk over Rust text stands.
#[derive(Clone, Copy)]
enum State {
    Code,
    Comment(usize),
    /// In a string that ends with a quote and so many `#`; none: escapes count.
    Quoted(Option<usize>),
}

/// Splits a text into lines, comments and the content of strings taken out.
fn lines(source: &str) -> Vec<Line> {
    let mut state = State::Code;
    source.lines().map(|line| one(line, &mut state)).collect()
}

fn one(line: &str, state: &mut State) -> Line {
    let (mut code, mut text) = (String::new(), String::new());
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let mut len = c.len_utf8();
        match *state {
            State::Comment(depth) => {
                if rest.starts_with("*/") {
                    len = 2;
                    *state = if depth == 1 { State::Code } else { State::Comment(depth - 1) };
                } else if rest.starts_with("/*") {
                    len = 2;
                    *state = State::Comment(depth + 1);
                }
            }
            State::Quoted(hashes) => {
                let end = format!("\"{}", "#".repeat(hashes.unwrap_or(0)));
                if hashes.is_none() && c == '\\' {
                    len += rest[len..].chars().next().map_or(0, char::len_utf8);
                } else if rest.starts_with(&end) {
                    len = end.len();
                    code.push('"');
                    *state = State::Code;
                }
                text.push_str(&rest[..len]);
            }
            State::Code => {
                if rest.starts_with("//") {
                    break;
                }
                if rest.starts_with("/*") {
                    len = 2;
                    *state = State::Comment(1);
                } else {
                    let after = code.chars().last();
                    let (taken, next) = token(rest, after.is_some_and(|last| last.is_alphanumeric() || last == '_'));
                    len = taken;
                    match next {
                        Some(next) => {
                            code.push('"');
                            *state = next;
                        }
                        None if len > c.len_utf8() => code.push_str("' '"),
                        None => code.push(c),
                    }
                    text.push_str(&rest[..len]);
                }
            }
        }
        rest = &rest[len..];
    }
    Line { code, text, test: false, inside: 0 }
}

/// Returns the length of what stands at the beginning of code, a character or what opens a string; `word`: it goes on
/// with a word.
fn token(rest: &str, word: bool) -> (usize, Option<State>) {
    let raw = rest.trim_start_matches('b').strip_prefix('r').filter(|_| !word);
    if let Some(raw) = raw {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            return (rest.len() - raw.len() + hashes + 1, Some(State::Quoted(Some(hashes))));
        }
    }
    let first = rest.chars().next().map_or(0, char::len_utf8);
    if rest.starts_with('"') {
        return (1, Some(State::Quoted(None)));
    }
    if let Some(inner) = rest.strip_prefix('\'') {
        let mut chars = inner.chars();
        let content = match chars.next() {
            Some('\\') => inner.get(2..).and_then(|tail| tail.find('\'')).map(|at| at + 2),
            Some(c) if inner[c.len_utf8()..].starts_with('\'') => Some(c.len_utf8()),
            // A lifetime.
            _ => None,
        };
        return (content.map_or(first, |content| content + 2), None);
    }
    (first, None)
}

#[test]
fn comments_and_texts_are_told_from_code() {
    let source = "a(\"x // {\", '{', '\\'', b'\"'); // c\nfn f<'a>() /* { */ {}\nlet r = r#\"}\n\"} \"#; b\n\"a\\\"b\" + \"\\\n }\" c\n";
    let found: Vec<String> = lines(source).into_iter().map(|line| line.code).collect();
    let expected = ["a(\"\", ' ', ' ', b' '); ", "fn f<'a>()  {}", "let r = \"", "\"; b", "\"\" + \"", "\" c"];
    assert_eq!(found, expected);
}

#[test]
fn code_after_a_module_of_tests_is_code() {
    let source = "a();\n#[cfg(test)]\nmod tests {\n    let x = \"}\";\n}\nb();\n#[cfg(test)]\nmod more;\nc();\n";
    let mut file = File { path: PathBuf::new(), module: "m".to_owned(), lines: lines(source) };
    assert_eq!(mark(&mut file), ["m::more"]);
    let code: Vec<&str> = file.lines.iter().filter(|line| !line.test).map(|line| line.code.as_str()).collect();
    assert_eq!(code, ["a();", "b();", "c();"]);
}
