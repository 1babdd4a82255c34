//! The grammar of RE2 as Go's `regexp/syntax` reads it with Perl's extensions, into a tree of `regex-syntax`.
//!
//! Source: Go's `regexp/syntax`. What it refuses is refused in its words.

mod escape;

use std::ops::Range;

use regex_syntax::hir::{Capture, Class, ClassUnicode, Dot, Hir, HirKind, Look, Repetition};

use super::{RegexpError, class, short};
use crate::limits;

/// The highest count of a repetition, and the highest product of counts nested in each other.
const MAX_REPEAT: u32 = 1000;
/// The deepest nesting of operators.
const MAX_HEIGHT: usize = 1000;
/// The most work that sets of characters may make. Unit: ranges, of which a compiled one takes 8 bytes and more.
const MAX_RANGES: usize = limits::REGEX_BYTES / 8;

const CLASS_RANGE: &str = "invalid character class range";
const ESCAPE: &str = "invalid escape sequence";
const NAMED_CAPTURE: &str = "invalid named capture";
const NESTED_REPEAT: &str = "invalid nested repetition operator";
const PERL_OP: &str = "invalid or unsupported Perl syntax";
const REPEAT_ARGUMENT: &str = "missing argument to repetition operator";
const REPEAT_SIZE: &str = "invalid repeat count";

const LOOK_AROUND: &str = "RE2 cannot look ahead or behind; use a second matcher, such as `!~`";

/// What letters after `(?` change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flags {
    /// `i`: letters match both cases.
    fold: bool,
    /// `m`: `^` and `$` match at lines.
    lines: bool,
    /// `s`: `.` matches a line end.
    dot_nl: bool,
    /// `U`: repetitions prefer fewer.
    lazy: bool,
}

impl Flags {
    /// As Prometheus reads the expressions of matchers.
    pub(super) const DOT_NL: Self = Self { fold: false, lines: false, dot_nl: true, lazy: false };
}

/// A parsed expression.
#[derive(Debug)]
pub(super) struct Parsed {
    /// Its tree, groups without their names.
    pub(super) hir: Hir,
    /// The name of each group, from group 1 on.
    pub(super) names: Vec<Option<String>>,
}

/// Parses an expression. Cost: linear in its length, and in the sets of characters that it names.
pub(super) fn parse(pattern: &str, flags: Flags) -> Result<Parsed, RegexpError> {
    let mut parser = Parser {
        text: pattern,
        at: 0,
        flags,
        frames: Vec::new(),
        level: Level::default(),
        names: Vec::new(),
        ranges: 0,
    };
    match parser.all() {
        Ok(hir) => Ok(Parsed { hir, names: parser.names }),
        Err(Stop::TooLarge) => Err(RegexpError::TooLarge { pattern: short(pattern) }),
        Err(Stop::Wrong { reason, shown, at, help }) => {
            let help = help.or_else(|| instead(reason, &pattern[at.clone()]));
            let reason = format!("{reason}: `{}`", short(&pattern[shown]));
            Err(RegexpError::Syntax { pattern: short(pattern), reason, at, help })
        }
    }
}

/// Why parsing stopped.
enum Stop {
    TooLarge,
    Wrong {
        reason: &'static str,
        /// The bytes that Go shows.
        shown: Range<usize>,
        /// The bytes that are wrong.
        at: Range<usize>,
        help: Option<&'static str>,
    },
}

/// A part of the tree.
struct Node {
    hir: Hir,
    /// How deep operators are nested in it. Concatenations within concatenations are one, as alternations are.
    height: usize,
    /// The highest product of repetition counts nested in it.
    repeats: u32,
}

/// What was parsed since the last open parenthesis.
#[derive(Default)]
struct Level {
    alternatives: Vec<Node>,
    /// The parts of the last alternative.
    items: Vec<Node>,
}

/// An open parenthesis.
struct Frame {
    /// Where it is.
    at: usize,
    /// The flags to go back to.
    flags: Flags,
    /// The number of the group, if it captures.
    capture: Option<u32>,
    /// What came before it.
    outer: Level,
}

struct Parser<'p> {
    text: &'p str,
    at: usize,
    flags: Flags,
    frames: Vec<Frame>,
    level: Level,
    names: Vec<Option<String>>,
    /// The ranges of all sets so far.
    ranges: usize,
}

impl<'p> Parser<'p> {
    fn rest(&self) -> &'p str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    /// Takes a text if it comes next.
    fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    /// Refuses what stands between a place and here.
    fn wrong(&self, reason: &'static str, from: usize) -> Stop {
        Stop::Wrong { reason, shown: from..self.at, at: from..self.at, help: None }
    }

    /// Refuses a place, and shows the text from another place to the end.
    fn wrong_to_end(&self, reason: &'static str, from: usize, at: Range<usize>) -> Stop {
        Stop::Wrong { reason, shown: from..self.text.len(), at, help: None }
    }

    fn all(&mut self) -> Result<Hir, Stop> {
        // Where a repetition began that the next character would repeat again.
        let mut last_repeat = None;
        while let Some(c) = self.peek() {
            let from = self.at;
            let repeat = match c {
                '*' | '+' | '?' => {
                    self.at += 1;
                    Some(if c == '+' { (1, None) } else { (0, (c == '?').then_some(1)) })
                }
                '{' => self.counts()?,
                _ => None,
            };
            match repeat {
                Some((low, high)) => {
                    self.repeat(low, high, c == '{', from, last_repeat)?;
                    last_repeat = Some(from);
                }
                None => {
                    self.one(c)?;
                    last_repeat = None;
                }
            }
        }
        if let Some(frame) = self.frames.last() {
            return Err(self.wrong_to_end("missing closing )", 0, frame.at..frame.at + 1));
        }
        let level = std::mem::take(&mut self.level);
        Ok(self.close(level)?.hir)
    }

    /// Parses what is no repetition.
    fn one(&mut self, c: char) -> Result<(), Stop> {
        let from = self.at;
        match c {
            '(' => self.open()?,
            '|' => {
                self.at += 1;
                let items = std::mem::take(&mut self.level.items);
                let alternative = self.concat(items)?;
                self.level.alternatives.push(alternative);
            }
            ')' => {
                self.at += 1;
                let Some(frame) = self.frames.pop() else {
                    return Err(self.wrong_to_end("unexpected )", 0, from..self.at));
                };
                let inner = std::mem::replace(&mut self.level, frame.outer);
                let mut node = self.close(inner)?;
                self.flags = frame.flags;
                if let Some(index) = frame.capture {
                    node.height += 1;
                    node.hir = Hir::capture(Capture { index, name: None, sub: Box::new(node.hir) });
                    self.check(&node)?;
                }
                self.level.items.push(node);
            }
            '[' => {
                let class = self.brackets()?;
                self.push_class(class)?;
            }
            '\\' => self.backslash()?,
            _ => {
                self.at += c.len_utf8();
                match c {
                    '^' => self.push(Hir::look(if self.flags.lines { Look::StartLF } else { Look::Start })),
                    '$' => self.push(Hir::look(if self.flags.lines { Look::EndLF } else { Look::End })),
                    '.' if self.flags.dot_nl => self.push(Hir::dot(Dot::AnyChar)),
                    '.' => self.push(Hir::dot(Dot::AnyCharExceptLF)),
                    c => self.literal(c)?,
                }
            }
        }
        Ok(())
    }

    fn push(&mut self, hir: Hir) {
        self.level.items.push(Node { hir, height: 1, repeats: 1 });
    }

    fn literal(&mut self, c: char) -> Result<(), Stop> {
        if self.flags.fold {
            return self.push_class(class::range(c.into(), c.into(), true));
        }
        let mut bytes = [0; 4];
        self.push(Hir::literal(c.encode_utf8(&mut bytes).as_bytes()));
        Ok(())
    }

    fn push_class(&mut self, class: ClassUnicode) -> Result<(), Stop> {
        self.count(&class)?;
        self.push(Hir::class(Class::Unicode(class)));
        Ok(())
    }

    fn count(&mut self, class: &ClassUnicode) -> Result<(), Stop> {
        self.spend(class.ranges().len())
    }

    fn spend(&mut self, ranges: usize) -> Result<(), Stop> {
        self.ranges += ranges;
        if self.ranges > MAX_RANGES { Err(Stop::TooLarge) } else { Ok(()) }
    }

    fn check(&self, node: &Node) -> Result<(), Stop> {
        if node.height > MAX_HEIGHT {
            return Err(self.wrong_to_end("expression nests too deeply", 0, 0..self.text.len()));
        }
        Ok(())
    }

    fn close(&self, mut level: Level) -> Result<Node, Stop> {
        let last = self.concat(level.items)?;
        if level.alternatives.is_empty() {
            return Ok(last);
        }
        level.alternatives.push(last);
        self.join(level.alternatives, Hir::alternation, |kind| matches!(kind, HirKind::Alternation(_)))
    }

    fn concat(&self, items: Vec<Node>) -> Result<Node, Stop> {
        self.join(items, Hir::concat, |kind| matches!(kind, HirKind::Concat(_)))
    }

    fn join(&self, nodes: Vec<Node>, make: fn(Vec<Hir>) -> Hir, same: fn(&HirKind) -> bool) -> Result<Node, Stop> {
        let height = |node: &Node| node.height - usize::from(same(node.hir.kind()));
        let above = usize::from(nodes.len() > 1);
        let height = above + nodes.iter().map(height).max().unwrap_or(1);
        let repeats = nodes.iter().map(|node| node.repeats).max().unwrap_or(1);
        let hir = make(nodes.into_iter().map(|node| node.hir).collect());
        // What turned out to be a single literal or set has no operator.
        let leaf = matches!(hir.kind(), HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_));
        let node = Node { hir, height: if leaf { 1 } else { height }, repeats };
        self.check(&node)?;
        Ok(node)
    }

    /// Reads `{n}`, `{n,}` or `{n,m}`; any other text makes the brace a character.
    fn counts(&mut self) -> Result<Option<(u32, Option<u32>)>, Stop> {
        let from = self.at;
        let Some((inner, _)) = self.rest()[1..].split_once('}') else { return Ok(None) };
        let (low, high) = inner.split_once(',').unwrap_or((inner, inner));
        let number = |text: &str| {
            let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            // A number that does not fit is above the limit too.
            (plain && (text.len() == 1 || !text.starts_with('0'))).then(|| text.parse().unwrap_or(u32::MAX))
        };
        let Some(low) = number(low) else { return Ok(None) };
        let high = match high {
            "" => None,
            high => match number(high) {
                Some(high) => Some(high),
                None => return Ok(None),
            },
        };
        self.at += 1 + inner.len() + 1;
        if low > MAX_REPEAT || high.is_some_and(|high| high > MAX_REPEAT || high < low) {
            return Err(self.wrong(REPEAT_SIZE, from));
        }
        Ok(Some((low, high)))
    }

    /// Repeats the part before.
    fn repeat(
        &mut self,
        low: u32,
        high: Option<u32>,
        counted: bool,
        from: usize,
        last_repeat: Option<usize>,
    ) -> Result<(), Stop> {
        let greedy = !self.eat("?");
        if let Some(last) = last_repeat {
            return Err(self.wrong(NESTED_REPEAT, last));
        }
        let Some(node) = self.level.items.pop() else { return Err(self.wrong(REPEAT_ARGUMENT, from)) };
        let repeats = match high {
            _ if !counted => node.repeats,
            Some(0) => 1,
            high => node.repeats.saturating_mul(high.unwrap_or(low).max(1)),
        };
        if repeats > MAX_REPEAT {
            return Err(self.wrong(REPEAT_SIZE, from));
        }
        let greedy = greedy != self.flags.lazy;
        let hir = Hir::repetition(Repetition { min: low, max: high, greedy, sub: Box::new(node.hir) });
        let node = Node { hir, height: node.height + 1, repeats };
        self.check(&node)?;
        self.level.items.push(node);
        Ok(())
    }

    /// Opens a group, or changes flags.
    fn open(&mut self) -> Result<(), Stop> {
        let from = self.at;
        self.at += 1;
        if !self.eat("?") {
            self.capture(from, None);
            return Ok(());
        }
        // Go wants something after `(?P<` and `(?<`.
        let named = ["P<", "<"]
            .into_iter()
            .find(|named| self.rest().strip_prefix(named).is_some_and(|after| !after.is_empty()));
        if let Some(named) = named {
            self.at += named.len();
            let Some((name, _)) = self.rest().split_once('>') else {
                return Err(self.wrong_to_end(NAMED_CAPTURE, from, from..self.at));
            };
            self.at += name.len() + 1;
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                return Err(self.wrong(NAMED_CAPTURE, from));
            }
            self.capture(from, Some(name.to_owned()));
            return Ok(());
        }
        let mut flags = self.flags;
        let mut set = true;
        let mut any = false;
        while let Some(c) = self.next() {
            let flag = match c {
                'i' => &mut flags.fold,
                'm' => &mut flags.lines,
                's' => &mut flags.dot_nl,
                'U' => &mut flags.lazy,
                '-' if set => {
                    set = false;
                    any = false;
                    continue;
                }
                ':' | ')' if set || any => {
                    if c == ':' {
                        self.enter(from, None);
                    }
                    self.flags = flags;
                    return Ok(());
                }
                _ => break,
            };
            *flag = set;
            any = true;
        }
        Err(self.wrong(PERL_OP, from))
    }

    fn capture(&mut self, from: usize, name: Option<String>) {
        self.names.push(name);
        // A pattern has fewer groups than bytes, and limits keep those below 2^32.
        let index = u32::try_from(self.names.len()).ok();
        self.enter(from, index);
    }

    fn enter(&mut self, at: usize, capture: Option<u32>) {
        let outer = std::mem::take(&mut self.level);
        self.frames.push(Frame { at, flags: self.flags, capture, outer });
    }
}

/// Returns what to write instead of what other engines read and RE2 does not.
fn instead(reason: &str, wrong: &str) -> Option<&'static str> {
    let starts = |starts: &[&str]| starts.iter().any(|start| wrong.starts_with(start));
    match reason {
        PERL_OP if starts(&["(?=", "(?!"]) => Some(LOOK_AROUND),
        NAMED_CAPTURE if starts(&["(?<=", "(?<!"]) => Some(LOOK_AROUND),
        PERL_OP if starts(&["(?>"]) => Some("RE2 never backtracks; write `(?:` for a group"),
        PERL_OP if starts(&["(?P"]) => Some("RE2 cannot refer back to a group"),
        PERL_OP if starts(&["(?#", "(?x"]) => Some("RE2 has no comments and no free spacing"),
        ESCAPE if wrong[1..].starts_with(|c: char| c.is_ascii_digit()) => Some("RE2 cannot refer back to a group"),
        ESCAPE if starts(&[r"\Z"]) => Some(r"write `\z` for the end of the text"),
        ESCAPE if starts(&[r"\u", r"\U"]) => Some(r"write a code point as `\x{20ac}`"),
        REPEAT_ARGUMENT if starts(&["*"]) => Some("write `.*` for any text"),
        REPEAT_SIZE => Some("a count is at most 1000, and so is the product of nested ones"),
        NESTED_REPEAT if wrong.ends_with('+') => Some("RE2 has no possessive repetition; leave out the last `+`"),
        _ => None,
    }
}
