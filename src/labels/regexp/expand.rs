//! Replacements: text with `$1`, `${1}`, `$name` and `${name}` in Go's dialect.

use regex_automata::util::captures::Captures;

use super::class;

/// Appends a replacement with its groups expanded; a group that did not match, or does not exist, is empty.
///
/// Source: Go's `Regexp.Expand`: a name is as long as it can be, `$$` is a `$`, and so is a `$` before no name.
pub(super) fn append(out: &mut String, replacement: &str, text: &str, captures: &Captures, names: &[Option<String>]) {
    let mut rest = replacement;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        rest = after;
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = group(rest) {
            rest = after;
            let found = match number(name) {
                Some(number) => captures.get_group(number),
                None => (1..)
                    .zip(names)
                    .filter(|(_, named)| named.as_deref() == Some(name))
                    .find_map(|(number, _)| captures.get_group(number)),
            };
            out.push_str(found.map_or("", |found| &text[found.range()]));
        } else {
            out.push('$');
        }
    }
    out.push_str(rest);
}

/// Reads the name of a group, with or without braces, and what follows.
fn group(text: &str) -> Option<(&str, &str)> {
    let braced = text.strip_prefix('{');
    let inner = braced.unwrap_or(text);
    let end = inner.find(|c: char| c != '_' && !class::is_letter_or_digit(c)).unwrap_or(inner.len());
    let (name, after) = inner.split_at(end);
    let after = if braced.is_some() { after.strip_prefix('}')? } else { after };
    (!name.is_empty()).then_some((name, after))
}

/// Reads the number of a group: digits without a leading zero.
fn number(name: &str) -> Option<usize> {
    let plain = name.bytes().all(|byte| byte.is_ascii_digit()) && (name.len() == 1 || !name.starts_with('0'));
    // No expression has so many groups that a longer number would be one.
    if plain { name.parse().ok().or(Some(usize::MAX)) } else { None }
}
