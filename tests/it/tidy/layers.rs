//! Which module may use which.

use std::path::Path;

use super::source::{File, read, within};

/// Which layer each module is on: a file may use modules of its own layer and of lower ones. The longest prefix counts.
const LAYERS: &[(&str, u8)] = &[
    ("alloc", 0),
    ("threads", 0),
    ("time", 0),
    ("source", 0),
    ("diagnostic", 0),
    ("limits", 0),
    ("format", 0),
    ("labels", 0),
    ("marker", 0),
    ("kahan", 0),
    ("histogram", 0),
    ("schema", 0),
    ("store", 1),
    ("yaml", 1),
    ("promql::ast", 1),
    ("promql::lex", 1),
    ("promql::literal", 1),
    ("promql::parse", 1),
    ("promql::check", 1),
    ("promql::functions", 1),
    ("promql::maths", 1),
    ("promql::dates", 1),
    ("promql::quantile", 1),
    ("promql::rollup", 1),
    ("promql::print", 1),
    ("promql::layout", 1),
    ("promql::same", 1),
    ("promql::notation", 1),
    ("promql", 2),
    ("input", 2),
    ("rules", 2),
    ("engine", 3),
    ("survey", 3),
    ("embed", 4),
    ("outcome", 4),
    ("replay", 4),
    ("diff", 5),
    ("profile", 5),
    ("explain", 5),
    ("fmt", 5),
    ("lint", 5),
    ("sweep", 5),
    ("report", 6),
    ("cli", 7),
    ("main", 7),
    ("lib", 7),
];

/// Pairs that must not meet although their layers would allow it: (from, to).
const FORBIDDEN: [(&str, &str); 6] = [
    ("input", "rules"),
    ("rules", "input"),
    ("promql", "rules"),
    ("promql", "input"),
    ("rules", "store"),
    ("engine::alert", "store"),
];

fn layer(module: &str) -> Option<u8> {
    let of = LAYERS.iter().filter(|(name, _)| within(module, name));
    of.max_by_key(|(name, _)| name.len()).map(|(_, layer)| *layer)
}

/// Returns the modules that a file names by a path from `crate` or `super`, and the line of each.
fn used(file: &File) -> Vec<(usize, String)> {
    let code: String = file.lines.iter().map(|line| format!("{}\n", line.code)).collect();
    let mut found = Vec::new();
    for root in ["crate::", "super::"] {
        for (at, _) in code.match_indices(root) {
            let before = code[..at].chars().last();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') || code[..at].ends_with("super::") {
                continue;
            }
            let number = code[..at].matches('\n').count();
            let mut rest = &code[at..];
            let mut base: Vec<&str> = Vec::new();
            if root == "super::" {
                base = file.module.split("::").collect();
                let mut ups = 0;
                while let Some(tail) = rest.strip_prefix("super::") {
                    (rest, ups) = (tail, ups + 1);
                }
                base.truncate((base.len() + file.lines[number].inside).saturating_sub(ups));
            } else {
                rest = &rest[root.len()..];
            }
            let mut paths = Vec::new();
            spread(rest, "", &mut paths);
            for path in paths {
                let mut whole = base.clone();
                whole.extend(path.split("::").filter(|part| part.starts_with(|c: char| c.is_ascii_lowercase())));
                if !whole.is_empty() {
                    found.push((number + 1, whole.join("::")));
                }
            }
        }
    }
    found
}

/// Writes out the paths of `a::b` or `{a::b, c::{d, e}}` at the beginning of a text; returns how long it is.
fn spread(text: &str, head: &str, paths: &mut Vec<String>) -> usize {
    let name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    if !text.starts_with('{') {
        let end = text.find(|c| !name(c)).unwrap_or(text.len());
        let path = format!("{head}{}", &text[..end]);
        if text[..end].ends_with("::") && text[end..].starts_with('{') {
            return end + spread(&text[end..], &path, paths);
        }
        paths.push(path.trim_end_matches(':').to_owned());
        return end;
    }
    let mut at = 1;
    while at < text.len() && !text[at..].starts_with('}') {
        let c = text[at..].chars().next().unwrap_or('}');
        if name(c) || c == '{' {
            at += spread(&text[at..], head, paths).max(1);
            if let Some(alias) = text[at..].strip_prefix(" as ") {
                at = text.len() - alias.trim_start_matches(name).len();
            }
        } else {
            at += c.len_utf8();
        }
    }
    at + 1
}

/// Bodies of tests are read too.
#[test]
fn no_module_uses_a_higher_layer() {
    let mut crossings = Vec::new();
    for file in read() {
        let from = &file.module;
        let own = layer(from).unwrap_or_else(|| panic!("{} is on no layer", file.path.display()));
        for (line, to) in used(&file) {
            let forbidden = FORBIDDEN.iter().any(|(a, b)| within(from, a) && within(&to, b));
            match layer(&to) {
                None => crossings.push(format!("{}:{line}: {to} is on no layer", file.path.display())),
                Some(other) if other > own || forbidden => {
                    crossings.push(format!("{}:{line}: {from} uses {to}", file.path.display()));
                }
                Some(_) => {}
            }
        }
    }
    assert!(crossings.is_empty(), "{}", crossings.join("\n"));
}

#[test]
fn the_lists_name_modules_that_exist() {
    let pairs = FORBIDDEN.iter().flat_map(|(from, to)| [*from, *to]);
    for module in LAYERS.iter().map(|(name, _)| *name).chain(pairs) {
        let path = format!("src/{}", module.replace("::", "/"));
        let exists = [format!("{path}.rs"), format!("{path}/mod.rs")].iter().any(|path| Path::new(path).is_file());
        assert!(exists, "there is no module {module}");
    }
}

#[test]
fn groups_of_paths_are_written_out() {
    let check = |text: &str, expected: &[&str]| {
        let mut paths = Vec::new();
        spread(text, "", &mut paths);
        assert_eq!(paths, expected, "{text}");
    };
    check("a::b::C;", &["a::b::C"]);
    check("{a::b, c::{d, E as F},\n  g};", &["a::b", "c::d", "c::E", "g"]);
}
