//! The program of an expression, compiled when a text is first looked at: compiling is the dearest part of reading an
//! expression, and a large set of rules has many that no recording ever asks.

use std::sync::{Arc, OnceLock};

use regex_automata::meta;
use regex_syntax::hir::{Class, Hir, HirKind};

use crate::limits;

/// A program that clones share; each has memory of its own to match with.
#[derive(Clone, Debug)]
pub(super) struct Program {
    shared: Arc<Shared>,
    own: OnceLock<meta::Regex>,
}

#[derive(Debug)]
struct Shared {
    hir: Hir,
    compiled: OnceLock<meta::Regex>,
}

/// Says that a program is larger than [`limits::REGEX_BYTES`].
#[derive(Clone, Copy, Debug)]
pub(super) struct TooLarge;

impl Program {
    /// Takes an expression. What may be too large is compiled at once, to know.
    pub(super) fn new(hir: Hir) -> Result<Self, TooLarge> {
        let compiled = OnceLock::new();
        if most_bytes(&hir) > limits::REGEX_BYTES as u64 {
            let program = compile(&hir, limits::REGEX_BYTES)?;
            compiled.get_or_init(|| program);
        }
        Ok(Self { shared: Arc::new(Shared { hir, compiled }), own: OnceLock::new() })
    }

    /// Returns the compiled program. Cost: compiling it, the first time.
    pub(super) fn get(&self) -> &meta::Regex {
        self.own.get_or_init(|| self.shared.compiled.get_or_init(|| self.shared.compile()).clone())
    }
}

impl Shared {
    fn compile(&self) -> meta::Regex {
        compile(&self.hir, limits::REGEX_BYTES).expect("less than the limit, as was estimated")
    }
}

/// Compiles an expression to at most so many bytes.
fn compile(hir: &Hir, most: usize) -> Result<meta::Regex, TooLarge> {
    let config = meta::Config::new().nfa_size_limit(Some(most));
    // A tree that was built by the parser fails by its size alone.
    meta::Builder::new().configure(config).build_from_hir(hir).map_err(|_| TooLarge)
}

/// Returns more bytes than the program of an expression takes.
fn most_bytes(hir: &Hir) -> u64 {
    /// What a state and its transitions take, and more.
    const STATE: u64 = 64;
    most_states(hir).saturating_add(64).saturating_mul(STATE)
}

/// Returns more states than the program of an expression has, those around it aside.
fn most_states(hir: &Hir) -> u64 {
    /// A range of characters is at most so many sequences of ranges of bytes, and states.
    const RANGE: u64 = 64;
    let sum = |parts: &[Hir]| parts.iter().fold(0_u64, |sum, part| sum.saturating_add(most_states(part) + 2));
    let inner = match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 0,
        HirKind::Literal(literal) => literal.0.len() as u64,
        HirKind::Class(Class::Unicode(class)) => class.ranges().len() as u64 * RANGE,
        HirKind::Class(Class::Bytes(class)) => class.ranges().len() as u64,
        HirKind::Repetition(repetition) => {
            let copies = repetition.max.unwrap_or(repetition.min).max(repetition.min).saturating_add(1);
            most_states(&repetition.sub).saturating_add(4).saturating_mul(u64::from(copies))
        }
        HirKind::Capture(capture) => most_states(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => sum(parts),
    };
    inner.saturating_add(4)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::super::parse::{self, Flags};
    use super::*;

    /// Checks that the program of a pattern is not larger than it was estimated to be.
    fn check(pattern: &str) {
        let hir = parse::parse(pattern, Flags::DOT_NL).unwrap_or_else(|_| panic!("{pattern}")).hir;
        let most = most_bytes(&hir);
        assert!(compile(&hir, usize::try_from(most).unwrap_or(usize::MAX)).is_ok(), "{pattern}: {most}");
    }

    #[test]
    fn no_program_is_larger_than_estimated() {
        for pattern in [
            "",
            "a",
            "abc|abd|x",
            ".*",
            ".+foo.*",
            "^(a|b)?$",
            r"\pL",
            r"\PL",
            r"[^\pL\d]",
            r"(?i)straße|κόσμε",
            r"\b\w+\b",
            "(a{0,100}){9}",
            "a{1000}",
            "(.{3,}){50}",
            r"[\x{80}-\x{10FFFF}]",
            r"([^a]|[^b]|[^\x{1234}]){20}",
            "(((((a)))))*?",
            "(|a|b||)+",
            "tmpfs|fuse.lxcfs|squashfs|vfat|overlay|nsfs",
        ] {
            check(pattern);
        }
        check(&r"\pL{1000}".repeat(40));
    }

    #[test]
    fn clones_match_alike_whenever_they_were_made() {
        let hir = || parse::parse("a+", Flags::DOT_NL).unwrap_or_else(|_| panic!("a pattern")).hir;
        let first = Program::new(hir()).expect("small");
        let before = first.clone();
        assert!(first.get().is_match("a") && before.get().is_match("xa") && !first.clone().get().is_match("b"));
        assert!(first.shared.compiled.get().is_some());
    }

    proptest! {
        #[test]
        fn no_program_of_random_parts_is_larger_than_estimated(
            parts in proptest::collection::vec((select(&PARTS[..]), select(&TIMES[..])), 1..12)
        ) {
            check(&parts.iter().map(|(part, times)| format!("(?:{part}){times}")).collect::<String>());
        }
    }

    const PARTS: [&str; 8] = ["a", ".", r"\pL", r"\d", "[^a-ž]", "[b-ш]", "(a|é)", "(?:|xyz|.*)"];
    const TIMES: [&str; 7] = ["", "*", "+", "?", "{7}", "{2,9}", "{0}"];
}
