//! Paths relative to the file that speaks of them, and globs on such paths.

use glob::{MatchOptions, Pattern};

/// How globs match: `*` and `?` stay within one name, `**` does not.
const OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: false };

/// Returns a path as seen from a folder. Both are absolute, with `/` between names and no `.` or `..` in them.
#[must_use]
pub fn relative(path: &str, folder: &str) -> String {
    let names = |path: &str| path.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let (path, folder) = (names(path), names(folder));
    let shared = path.iter().zip(&folder).take_while(|(a, b)| a == b).count();
    let mut all = vec!["..".to_owned(); folder.len() - shared];
    all.extend_from_slice(&path[shared..]);
    all.join("/")
}

/// Returns the folder of a path; of a name alone, the empty path.
#[must_use]
pub fn folder(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) => "/",
        Some((folder, _)) => folder,
        None => "",
    }
}

/// Globs of which one must match; without any, all paths do.
#[derive(Clone, Debug, Default)]
pub(super) struct Globs(Vec<Pattern>);

impl Globs {
    /// Adds a glob.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn add(&mut self, glob: &str) -> Result<(), String> {
        let glob = glob.strip_prefix("./").unwrap_or(glob).trim_end_matches('/');
        self.0.push(Pattern::new(glob).map_err(|error| error.msg.to_owned())?);
        Ok(())
    }

    /// Returns whether a relative path is meant, or a folder that it is in.
    pub(super) fn has(&self, path: &str) -> bool {
        let fits = |path: &str| self.0.iter().any(|glob| glob.matches_with(path, OPTIONS));
        let folders = path.match_indices('/').map(|(at, _)| &path[..at]);
        self.0.is_empty() || fits(path) || folders.into_iter().any(fits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_seen_from_a_folder() {
        let check = |path: &str, folder: &str, expected: &str| assert_eq!(relative(path, folder), expected);
        check("/a/b/c.yml", "/a", "b/c.yml");
        check("/a/b/c.yml", "/a/b", "c.yml");
        check("/a/b/c.yml", "/a/d/e", "../../b/c.yml");
        check("/c.yml", "/", "c.yml");
        check("a/c.yml", "", "a/c.yml");
    }

    #[test]
    fn globs_match_files_and_folders() {
        let check = |globs: &[&str], path: &str, expected: bool| {
            let mut all = Globs::default();
            globs.iter().for_each(|glob| all.add(glob).expect("a glob"));
            assert_eq!(all.has(path), expected, "{globs:?} {path}");
        };
        check(&[], "a.yml", true);
        check(&["*.yml"], "a.yml", true);
        check(&["*.yml"], "b/a.yml", false);
        check(&["**/*.yml"], "b/c/a.yml", true);
        check(&["**/*.yml"], "a.yml", true);
        check(&["rules/pay*/**"], "rules/payments/eu/a.yml", true);
        check(&["./rules/payments/"], "rules/payments/eu/a.yml", true);
        check(&["rules"], "rules2/a.yml", false);
        check(&["x", "../shared/*"], "../shared/a.yml", true);
        assert!(Globs::default().add("a**").is_err());
    }
}
