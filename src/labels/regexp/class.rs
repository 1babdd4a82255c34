//! Sets of characters: what RE2 names, and what brackets hold.

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, HirKind};

const DIGIT: &[(u32, u32)] = &[(0x30, 0x39)];
const SPACE: &[(u32, u32)] = &[(0x09, 0x0a), (0x0c, 0x0d), (0x20, 0x20)];
const WORD: &[(u32, u32)] = &[(0x30, 0x39), (0x41, 0x5a), (0x5f, 0x5f), (0x61, 0x7a)];

/// The sets of `[:name:]`; all are ASCII.
///
/// Source: Go's `regexp/syntax`.
const POSIX: &[(&str, &[(u32, u32)])] = &[
    ("alnum", &[(0x30, 0x39), (0x41, 0x5a), (0x61, 0x7a)]),
    ("alpha", &[(0x41, 0x5a), (0x61, 0x7a)]),
    ("ascii", &[(0x00, 0x7f)]),
    ("blank", &[(0x09, 0x09), (0x20, 0x20)]),
    ("cntrl", &[(0x00, 0x1f), (0x7f, 0x7f)]),
    ("digit", DIGIT),
    ("graph", &[(0x21, 0x7e)]),
    ("lower", &[(0x61, 0x7a)]),
    ("print", &[(0x20, 0x7e)]),
    ("punct", &[(0x21, 0x2f), (0x3a, 0x40), (0x5b, 0x60), (0x7b, 0x7e)]),
    ("space", &[(0x09, 0x0d), (0x20, 0x20)]),
    ("upper", &[(0x41, 0x5a)]),
    ("word", WORD),
    ("xdigit", &[(0x30, 0x39), (0x41, 0x46), (0x61, 0x66)]),
];

/// The scripts whose whole name has four letters; any other four letters are a code such as `Grek`, which Go refuses.
const FOUR_LETTERS: &[&str] = &["ahom", "cham", "kawi", "lisu", "miao", "modi", "newa", "thai", "toto"];

/// Returns the set of `\d`, `\s`, `\w` (and `\D`, `\S`, `\W`, negated) by its letter.
pub(super) fn perl(letter: char, fold: bool) -> Option<ClassUnicode> {
    let ranges = match letter.to_ascii_lowercase() {
        'd' => DIGIT,
        's' => SPACE,
        'w' => WORD,
        _ => return None,
    };
    Some(set(ranges, letter.is_ascii_uppercase(), fold))
}

/// Returns the set of `[:name:]` or `[:^name:]`.
pub(super) fn posix(name: &str, fold: bool) -> Option<ClassUnicode> {
    let (negated, name) = name.strip_prefix('^').map_or((false, name), |name| (true, name));
    let (_, ranges) = POSIX.iter().find(|(known, _)| *known == name)?;
    Some(set(ranges, negated, fold))
}

/// Returns the set of a general category or a script, by any name that Go knows: case, spaces, `_` and `-` do not
/// count.
///
/// Source: Go's `unicode.Categories`, `unicode.CategoryAliases` and `unicode.Scripts`. Go has no other property, no
/// short name of a script and no prefix `is`.
pub(super) fn unicode(name: &str, negated: bool, fold: bool) -> Option<ClassUnicode> {
    let name: String = name.chars().filter(|c| !matches!(c, ' ' | '_' | '-')).map(|c| c.to_ascii_lowercase()).collect();
    if name.is_empty() || name.starts_with("is") || !name.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return None;
    }
    let class = match name.as_str() {
        // Half of a UTF-16 pair is no character of a text.
        "cs" | "surrogate" => ClassUnicode::empty(),
        name => table(&format!(r"\p{{gc={name}}}")).or_else(|| {
            let is_code = name.len() == 4 && !FOUR_LETTERS.contains(&name);
            if is_code { None } else { table(&format!(r"\p{{sc={name}}}")) }
        })?,
    };
    Some(finish(class, negated, fold))
}

/// Returns whether Go's `unicode` package calls a character a letter or a digit.
pub(super) fn is_letter_or_digit(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric();
    }
    let holds = |name| unicode(name, false, false).is_some_and(|class| contains(&class, c));
    holds("L") || holds("Nd")
}

fn contains(class: &ClassUnicode, c: char) -> bool {
    class.iter().any(|range| range.start() <= c && c <= range.end())
}

/// Looks a table of Unicode up.
fn table(pattern: &str) -> Option<ClassUnicode> {
    match regex_syntax::parse(pattern).ok()?.into_kind() {
        HirKind::Class(Class::Unicode(class)) => Some(class),
        // A class of one character is a literal.
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).ok()?;
            Some(ClassUnicode::new(text.chars().map(|c| ClassUnicodeRange::new(c, c))))
        }
        _ => None,
    }
}

fn set(ranges: &[(u32, u32)], negated: bool, fold: bool) -> ClassUnicode {
    let ranges = ranges.iter().flat_map(|&(low, high)| characters(low, high));
    finish(ClassUnicode::new(ranges), negated, fold)
}

/// Returns the set of a range of code points.
pub(super) fn range(low: u32, high: u32, fold: bool) -> ClassUnicode {
    set(&[(low, high)], false, fold)
}

fn finish(mut class: ClassUnicode, negated: bool, fold: bool) -> ClassUnicode {
    if fold {
        // It fails only where the tables of simple case folding are not compiled in, and they are.
        let _ = class.try_case_fold_simple();
    }
    if negated {
        class.negate();
    }
    class
}

/// Returns the characters of a range of code points: the surrogates in it match nothing, as no text holds any.
fn characters(low: u32, high: u32) -> impl Iterator<Item = ClassUnicodeRange> {
    let parts = [(low, high.min(0xd7ff)), (low.max(0xe000), high)];
    parts
        .into_iter()
        .filter(|(low, high)| low <= high)
        .filter_map(|(low, high)| Some(ClassUnicodeRange::new(char::from_u32(low)?, char::from_u32(high)?)))
}
