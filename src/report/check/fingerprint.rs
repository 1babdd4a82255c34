//! What tells a problem from others while lines move.

use std::collections::BTreeMap;

use xxhash_rust::xxh64::xxh64;

use super::{Checked, Root};

/// Returns a fingerprint of each problem, in their order: of its code, file, group, rule and the text under its caret,
/// and for equal ones of how many stand above. Lines, columns and the words of the message do not count.
pub(super) fn all(checked: &Checked<'_>, root: &Root) -> Vec<String> {
    let mut known: BTreeMap<u64, u64> = BTreeMap::new();
    let one = |found: &crate::diagnostic::Diagnostic| {
        let path = found.primary.as_ref().map(|mark| root.path(checked.place(mark.at).file)).unwrap_or_default();
        let text = found.primary.as_ref().map_or("", |mark| checked.quoted(mark.at));
        // How far a text is indented does not count either.
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let (group, rule) = found.subject.as_ref().map_or(("", ""), |(group, rule)| (group, rule));
        xxh64([found.code, &path, group, rule, &text].join("\0").as_bytes(), 0)
    };
    let mut prints = Vec::with_capacity(checked.diagnostics.len());
    for found in &checked.diagnostics {
        let hash = one(found);
        let above = known.entry(hash).or_default();
        prints.push(format!("{:016x}", xxh64(&above.to_le_bytes(), hash)));
        *above += 1;
    }
    prints
}
