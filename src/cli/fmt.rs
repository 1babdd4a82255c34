//! `alertctl fmt`.

use std::fs::OpenOptions;
use std::path::Path;

use crate::diagnostic::{Diagnostic, Diagnostics, Severity, codes};
use crate::fmt::{Left, laid_out, same_rules};
use crate::format::counted;
use crate::limits;
use crate::lint::fix::patch;
use crate::promql::layout::{below, comments, lines};
use crate::promql::parse::parse;
use crate::rules::{self, RuleSet, RuleText};
use crate::source::{FileKind, FileSpan, Files, SourceMap, expand};

use super::args::FmtArgs;
use super::load::{self, Disk, STDIN};
use super::problems::show;
use super::rules::say_unread;
use super::ui::{Terminal, say};
use super::{Exit, Failure, mistaken, out, signed};

/// How expressions of the command line are named.
const EXPR: &str = "<expr>";

/// Lays out expressions and rule files.
pub(super) fn run(args: &FmtArgs) -> Result<Exit, Failure> {
    let terminal = Terminal::look(args.color);
    let mut run = Run { args, terminal, done: Done::default(), printed: String::new(), is_split: false };
    let mut paths = Vec::new();
    if args.inputs.iter().filter(|input| *input == STDIN).count() > 1 {
        return Err(Failure::new("standard input (`-`) is named twice"));
    }
    let inputs: Vec<Input> = args.inputs.iter().map(|word| Input::of(word)).collect::<Result<_, _>>()?;
    let must_exist = args.check || args.diff || inputs.iter().any(|input| matches!(input, Input::Path));
    for (word, input) in args.inputs.iter().map(|word| signed::typed(word)).zip(inputs) {
        match input {
            Input::Path => paths.push(word.to_owned()),
            Input::Expr if must_exist && may_be_name(word) => return Err(missing(word)),
            Input::Expr => run.expression(word, word),
            Input::Stdin => run.stdin()?,
        }
    }
    args.expr.iter().map(|text| signed::typed(text)).for_each(|text| run.expression(text, text));
    if !paths.is_empty() {
        run.files(&paths);
    }
    run.finish(!paths.is_empty())
}

/// What a word of the command line stands for.
enum Input {
    Path,
    Expr,
    Stdin,
}

impl Input {
    fn of(word: &str) -> Result<Self, Failure> {
        if word == STDIN {
            return Ok(Self::Stdin);
        }
        let endings = [".yml", ".yaml", ".json", ".rules", ".y*ml", "/"];
        let is_name = ["./", "../", "/", "~/"].iter().any(|start| word.starts_with(start))
            || !word.contains(char::is_whitespace) && endings.iter().any(|end| word.ends_with(end));
        // What the shell has opened can be a regular file, which is not to be replaced without its name.
        let is_opened = word == "/dev/stdin" || word.starts_with("/dev/fd/");
        match Disk.kind(word) {
            Some(kind) if kind == FileKind::Other || is_opened => {
                return Err(Failure::new(format!("`{word}` is not a regular file: it cannot be rewritten"))
                    .hint(format!("print what it holds, laid out: alertctl fmt - < {word}")));
            }
            None if !is_name => {}
            _ => return Ok(Self::Path),
        }
        if !parse(word).problems.is_empty() {
            let is_glob = word.contains(['*', '?', '[']) && expand(&Disk, word).is_ok();
            return Ok(if is_glob { Self::Path } else { Self::Expr });
        }
        // `rules/node` divides one metric by another, but hardly next to a folder `rules`.
        let folder = Path::new(word).parent().filter(|folder| !folder.as_os_str().is_empty());
        match folder.filter(|folder| folder.is_dir() && !word.contains(char::is_whitespace)) {
            Some(folder) => Err(Failure::new(format!("there is no `{word}` in the folder `{}`", folder.display()))
                .hint(format!("if it is an expression: alertctl fmt -e '{word}'"))),
            None => Ok(Self::Expr),
        }
    }
}

/// Returns whether an expression may as well be the name of a file, or a flag that there is not: neither must pass for a
/// metric.
fn may_be_name(word: &str) -> bool {
    word.chars().all(|c| c.is_alphanumeric() || "_-./:*".contains(c))
}

/// Says that a word that may be a name is none.
fn missing(word: &str) -> Failure {
    let message = format!("no such file or folder: `{word}`; if it is an expression: -e '{word}'");
    Failure { hint: expand(&Disk, word).err().and_then(|error| error.hint), ..Failure::new(message) }
}

/// What was done so far.
#[derive(Default)]
struct Done {
    changed: u64,
    unchanged: u64,
    /// Files with errors, and those that could not be read or written.
    failed: u64,
    /// Whether an expression or standard input would change.
    differs: bool,
    /// Whether there was an error of any kind.
    wrong: bool,
}

struct Run<'a> {
    args: &'a FmtArgs,
    terminal: Terminal,
    done: Done,
    /// What goes to standard output.
    printed: String,
    /// Whether the last of it takes several lines.
    is_split: bool,
}

impl Run<'_> {
    /// Lays out one expression; `name` stands for it where it would change.
    fn expression(&mut self, text: &str, name: &str) {
        let line_break = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let text = text.trim_start_matches('\u{feff}').trim_end();
        let parsed = parse(text);
        if !parsed.problems.is_empty() {
            let (mut sources, mut found) = (SourceMap::default(), Diagnostics::default());
            let file = sources.add(EXPR, text);
            for problem in parsed.problems {
                let at = FileSpan { file, span: problem.span };
                let mut diagnostic = Diagnostic::error(problem.code, problem.message, at);
                diagnostic.help.extend(problem.help);
                found.push(diagnostic);
            }
            show(&found, &sources, &self.terminal);
            self.done.wrong = true;
            return;
        }
        let above = comments(text);
        let laid_out = match above.as_ref().and_then(|above| below(above, &lines(&parsed.expr, text))) {
            Some(laid_out) => laid_out.replace('\n', line_break),
            None => {
                let why = if above.is_some() { LONG } else { "it has a comment inside" };
                say(self.args.quiet, &format!("note: an expression is left as it is: {why}"));
                text.to_owned()
            }
        };
        self.done.differs |= laid_out != text;
        if self.args.check {
            if laid_out != text {
                self.print(name);
            }
        } else if self.args.diff {
            self.printed.push_str(&patch(EXPR, &format!("{text}{line_break}"), &format!("{laid_out}{line_break}")));
        } else {
            // Lines of one must not be taken for lines of another.
            let is_split = laid_out.contains('\n');
            if !self.printed.is_empty() && (is_split || self.is_split) {
                self.printed.push('\n');
            }
            self.is_split = is_split;
            self.printed.push_str(&laid_out);
            self.printed.push_str(line_break);
        }
    }

    fn print(&mut self, line: &str) {
        self.printed.push_str(line);
        self.printed.push('\n');
    }

    /// Lays out what standard input holds: an expression or a rule file.
    fn stdin(&mut self) -> Result<(), Failure> {
        let bytes = load::stdin(limits::YAML_BYTES)?;
        match std::str::from_utf8(&bytes) {
            Ok(text) if is_empty(text) => self.keep(&bytes),
            Ok(text) if !is_rules(text) => self.expression(text, STDIN),
            _ => {
                let text = RuleText { name: STDIN.to_owned(), bytes };
                match self.file(&text) {
                    Some(laid_out) if laid_out == text.bytes => self.keep(&text.bytes),
                    Some(laid_out) => {
                        self.done.differs = true;
                        self.keep(&laid_out);
                        self.show(&text, &laid_out);
                    }
                    None => {}
                }
            }
        }
        Ok(())
    }

    /// Prints a rule file of standard input.
    fn keep(&mut self, bytes: &[u8]) {
        if !self.is_dry() {
            self.printed.push_str(&String::from_utf8_lossy(bytes));
            self.is_split = true;
        }
    }

    /// Shows that a file would change, where that is asked for.
    fn show(&mut self, text: &RuleText, laid_out: &[u8]) {
        if self.args.check {
            self.print(&text.name);
        } else if self.args.diff {
            let [before, after] = [&text.bytes, laid_out].map(String::from_utf8_lossy);
            self.printed.push_str(&patch(&text.name, &before, &after));
        }
    }

    /// Lays out the rule files that paths name.
    fn files(&mut self, paths: &[String]) {
        let (texts, failures) = rules::find(&Disk, paths);
        say_unread(paths, self.args.quiet);
        for failure in failures {
            self.fail(&Failure::from(failure));
        }
        for text in &texts {
            match self.file(text) {
                None => self.done.failed += 1,
                Some(laid_out) if laid_out == text.bytes => self.done.unchanged += 1,
                Some(laid_out) => {
                    self.show(text, &laid_out);
                    match if self.is_dry() { Ok(()) } else { write(text, &laid_out) } {
                        Ok(()) => self.done.changed += 1,
                        Err(failure) => self.fail(&failure),
                    }
                }
            }
        }
    }

    fn fail(&mut self, failure: &Failure) {
        failure.say();
        self.done.failed += 1;
    }

    /// Returns what a rule file is to hold; nothing where it has errors, which are shown.
    fn file(&mut self, text: &RuleText) -> Option<Vec<u8>> {
        let load = |bytes: &[u8]| {
            let mut rules = RuleSet { keep_parts: true, ..self.args.keys.rules() };
            rules.add(&text.name, bytes);
            rules
        };
        let rules = load(&text.bytes);
        let Some(file) = rules.files.first() else {
            let line = |name: &str| format!("alertctl data {name}");
            match mistaken::not_rules(std::slice::from_ref(text), line) {
                Some(failure) => failure.say(),
                None => show(&rules.diagnostics.at_least(Severity::Error), &rules.sources, &self.terminal),
            }
            self.done.wrong = true;
            return None;
        };
        let mut all = file.groups.iter().flat_map(|group| &group.rules).peekable();
        if all.peek().is_some() && all.all(|rule| rule.parts.is_none()) {
            let line = format!("note: {}: an answer of a server is left as it is", text.name);
            say(self.args.quiet, &line);
        }
        let mut later = rules.diagnostics.at_least(Severity::Warning);
        later.retain(|found| found.code == codes::SECOND_DOCUMENT);
        show(&later, &rules.sources, &self.terminal);
        let found = laid_out(file, &rules.sources);
        let bytes = text.rewritten(&found.text);
        if bytes == text.bytes {
            self.say_left(&text.name, &found.left, &rules.sources);
            return Some(bytes);
        }
        let after = load(&bytes);
        let Some(now) = after.files.first().filter(|now| same_rules(file, now)) else {
            let message = format!("`{}` is left as it is: laid out, it would not hold the same rules", text.name);
            Failure::new(message).hint("this is a mistake of alertctl: please report it with the file").say();
            self.done.wrong = true;
            return None;
        };
        if self.is_dry() {
            self.say_left(&text.name, &found.left, &rules.sources);
        } else {
            // The lines of the file as it will be.
            self.say_left(&text.name, &laid_out(now, &after.sources).left, &after.sources);
        }
        Some(bytes)
    }

    /// Says which expressions of a file are left as they are.
    fn say_left(&self, name: &str, left: &[(FileSpan, Left)], sources: &SourceMap) {
        for why in [Left::Comment, Left::Long, Left::Within, Left::Shared] {
            let places = left.iter().filter(|(_, left)| *left == why);
            let lines: Vec<String> = places.map(|(at, _)| sources.position(*at).line.to_string()).collect();
            if !lines.is_empty() {
                say(self.args.quiet, &format!("note: {name}: {}", are_left(why, &lines)));
            }
        }
    }

    /// Returns whether nothing is to be written.
    fn is_dry(&self) -> bool {
        self.args.check || self.args.diff
    }

    /// Prints what there is to print, and says how it went.
    fn finish(self, files: bool) -> Result<Exit, Failure> {
        let dry = self.is_dry();
        let Self { args, done, printed, .. } = self;
        if !printed.is_empty() {
            out::write_to(None, &mut |out| out.write_all(printed.as_bytes()))?;
        }
        if files {
            let would = if dry { "would be " } else { "" };
            let failed = if done.failed > 0 { format!(", {} with errors", done.failed) } else { String::new() };
            let changed = counted(done.changed, "file");
            say(args.quiet, &format!("{changed} {would}reformatted, {} unchanged{failed}", done.unchanged));
        }
        Ok(match done {
            _ if done.wrong || done.failed > 0 => Exit::Failed,
            _ if dry && (done.differs || done.changed > 0) => Exit::No,
            _ => Exit::Good,
        })
    }
}

/// Says that the expressions in some lines are left as they are.
fn are_left(why: Left, lines: &[String]) -> String {
    const NAMED: usize = 5;
    let one = lines.len() == 1;
    let (lines, more) = (&lines[..lines.len().min(NAMED)], lines.len().saturating_sub(NAMED));
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let place = format!("line{} {}{more}", if one { "" } else { "s" }, lines.join(", "));
    let (with, why) = match why {
        Left::Comment if one => (" with a comment", String::new()),
        Left::Comment => (" with comments", String::new()),
        Left::Long => ("", format!(": {LONG}")),
        Left::Within => ("", format!(": {WITHIN}")),
        Left::Shared => ("", format!(": {SHARED}")),
    };
    let (expressions, are_left) =
        if one { ("expression", "is left as it is") } else { ("expressions", "are left as they are") };
    format!("the {expressions}{with} in {place} {are_left}{why}")
}

/// Why a long expression stays.
const LONG: &str = "with its blanks it would be longer than an expression may be";
/// Why an expression of a file that is a text stays.
const WITHIN: &str = "write the file that holds it below `|`";

/// Why an expression with an anchor or an alias stays.
const SHARED: &str = "a name, a label or an annotation has the same text by an anchor";

/// Returns whether a text has nothing but comments, as a file that is begun in an editor.
fn is_empty(text: &str) -> bool {
    text.trim_start_matches('\u{feff}')
        .lines()
        .map(str::trim_start)
        .all(|line| line.is_empty() || line.starts_with('#'))
}

/// Returns whether a text looks like a rule file rather than like an expression.
fn is_rules(text: &str) -> bool {
    const KEYS: [&str; 8] = ["groups", "alertctl", "apiVersion", "kind", "rules", "alert", "record", "expr"];
    // Names of metrics may have a `:`, but then no blank follows in an expression.
    let has_key = |line: &str| {
        let pair = line.trim_start_matches(['\u{feff}', '-', ' ']).split_once(':');
        pair.is_some_and(|(key, value)| {
            KEYS.contains(&key) && (value.is_empty() || value.starts_with(char::is_whitespace))
        })
    };
    text.lines().any(has_key) || text.trim_start().starts_with('{') && !parse(text).problems.is_empty()
}

/// Replaces a file, unless it may not be written: another one could be put in its place all the same.
fn write(text: &RuleText, bytes: &[u8]) -> Result<(), Failure> {
    let path = Path::new(&text.name);
    OpenOptions::new().write(true).open(path).map_err(|error| {
        Failure::new(format!("cannot write `{}`: {error}", text.name)).hint("--diff shows what would change")
    })?;
    out::write_to(Some(path), &mut |out| out.write_all(bytes))
}
