//! Paths as the programs that know a repository want them: from its top, with `/`.

use std::path::{Component, Path, PathBuf};

/// The folder that paths are written from, and the one that they were given in.
#[derive(Clone, Debug)]
pub struct Root {
    /// The top of the repository, or the current folder where there is none; absolute.
    pub top: PathBuf,
    /// The current folder; absolute.
    pub current: PathBuf,
}

impl Root {
    /// Returns a path from the top, with `/`; as it was given where it is not below the top. Links are not followed.
    pub(crate) fn path(&self, name: &str) -> String {
        let whole = normal(&self.current.join(name));
        match whole.strip_prefix(&self.top) {
            Ok(below) => slashed(below),
            Err(_) => slashed(Path::new(name)),
        }
    }

    /// Returns the URI of a path: from the top where it is below it, else one with `file://`.
    pub(super) fn uri(&self, name: &str) -> String {
        let whole = normal(&self.current.join(name));
        match whole.strip_prefix(&self.top) {
            Ok(below) => encoded(&slashed(below)),
            Err(_) => format!("file:///{}", encoded(slashed(&whole).trim_start_matches('/'))),
        }
    }
}

/// Takes `.` and `..` out of an absolute path.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

fn slashed(path: &Path) -> String {
    let parts = path.components().filter(|part| *part != Component::CurDir);
    let mut text = String::new();
    for part in parts {
        if !text.is_empty() && !text.ends_with('/') {
            text.push('/');
        }
        match part {
            Component::RootDir => text.push('/'),
            other => text.push_str(&other.as_os_str().to_string_lossy()),
        }
    }
    text
}

/// Writes every byte that a path of a URI may not hold as it is with `%`.
fn encoded(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn paths_begin_at_the_top() {
        let root = Root { top: "/repo".into(), current: "/repo/team a".into() };
        let check = |name: &str, path: &str, uri: &str| {
            assert_eq!((root.path(name).as_str(), root.uri(name).as_str()), (path, uri), "{name}");
        };
        check("rules/a.yml", "team a/rules/a.yml", "team%20a/rules/a.yml");
        check("./../b#1.yml", "b#1.yml", "b%231.yml");
        check("/repo/c:%\u{e9}.yml", "c:%\u{e9}.yml", "c%3A%25%C3%A9.yml");
        check("/other/d.yml", "/other/d.yml", "file:///other/d.yml");
        check("../../other/d.yml", "../../other/d.yml", "file:///other/d.yml");
    }
}
