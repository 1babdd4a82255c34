//! Which configuration is for which rule file.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostics, Severity};
use crate::limits;
use crate::lint::policy::Policy;
use crate::source::{self, FileError, FileKind, Files, SourceMap};

use super::config::Config;
use super::paths::{folder, relative};

/// The names that a configuration may have.
const NAMES: [&str; 2] = ["alertctl.yml", "alertctl.yaml"];

/// The configurations of a run.
#[derive(Clone, Debug, Default)]
pub struct Configs {
    all: Vec<Config>,
    /// By the name of each rule file, its configuration and its path relative to that.
    files: BTreeMap<String, (usize, String)>,
}

impl Configs {
    /// Reads the configuration of each rule file: the named one, or else the nearest in its folder and those around it,
    /// up to a folder with `.git`. Their texts are added to the sources, their problems to `diagnostics`.
    ///
    /// # Errors
    /// When a configuration cannot be read.
    pub fn load(
        files: &dyn Files,
        named: Option<&str>,
        rules: &[&str],
        sources: &mut SourceMap,
        diagnostics: &mut Diagnostics,
    ) -> Result<Self, FileError> {
        let mut configs = Self::default();
        let here = files.identity(".");
        let place = |name: &str| {
            let parent = folder(name);
            let parent = files.identity(if parent.is_empty() { "." } else { parent });
            let last = name.rsplit('/').next().unwrap_or(name).to_owned();
            (parent, last)
        };
        // By the path of a configuration, its number.
        let mut read: BTreeMap<String, usize> = BTreeMap::new();
        let mut nearest: BTreeMap<String, Option<String>> = BTreeMap::new();
        for rule in rules {
            let (parent, last) = place(rule);
            let found = match named {
                Some(named) => Some(named.to_owned()),
                None => nearest.entry(parent.clone()).or_insert_with(|| above(files, &parent)).clone(),
            };
            let Some(path) = found else { continue };
            let number = match read.get(&path) {
                Some(number) => *number,
                None => {
                    let name = if named.is_some() { path.clone() } else { shown(&path, &here) };
                    let bytes = source::bytes(files, &path, limits::YAML_BYTES)?;
                    configs.all.push(Config::read(sources, &name, &bytes, diagnostics));
                    read.insert(path.clone(), configs.all.len() - 1);
                    configs.all.len() - 1
                }
            };
            let at = if named.is_some() { place(&path).0 } else { folder(&path).to_owned() };
            let seen = relative(&format!("{parent}/{last}"), &at);
            configs.files.insert((*rule).to_owned(), (number, seen));
        }
        Ok(configs)
    }

    /// Returns how bad findings of a code are in a rule file, where its configuration says so; an inner none is off.
    pub(super) fn level(&self, code: &str, file: &str) -> Option<Option<Severity>> {
        let (number, path) = self.files.get(file)?;
        self.all[*number].level(code, path)
    }

    /// Returns whether there is a policy.
    pub(super) fn has_policies(&self) -> bool {
        self.all.iter().any(Config::has_policies)
    }

    /// Returns the policies for a rule file.
    pub(super) fn policies(&self, file: &str) -> Vec<&Policy> {
        let place = self.files.get(file);
        place.into_iter().flat_map(|(number, path)| self.all[*number].policies(path)).collect()
    }
}

/// Finds the nearest configuration of a folder.
fn above(files: &dyn Files, start: &str) -> Option<String> {
    let mut at = start;
    loop {
        let in_folder = |name: &str| format!("{}/{name}", at.trim_end_matches('/'));
        let is_file = |path: &String| files.kind(path) == Some(FileKind::File);
        if let Some(found) = NAMES.map(in_folder).into_iter().find(is_file) {
            return Some(found);
        }
        if files.kind(&in_folder(".git")).is_some() || at == "/" {
            return None;
        }
        at = match folder(at) {
            "" => return None,
            parent => parent,
        };
    }
}

/// Returns a path as messages show it: relative where it is below.
fn shown(path: &str, here: &str) -> String {
    let below = path.strip_prefix(here).and_then(|rest| rest.strip_prefix('/'));
    below.unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Memory;

    /// Returns the level of a code in each file.
    fn check(texts: &[(&str, &str)], named: Option<&str>, expected: &[(&str, Option<Option<Severity>>)]) {
        let files = Memory(texts.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect());
        let rules: Vec<&str> = expected.iter().map(|(name, _)| *name).collect();
        let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::default());
        let configs = Configs::load(&files, named, &rules, &mut sources, &mut diagnostics).expect("readable");
        assert!(diagnostics.is_empty(), "{diagnostics:?}");
        for (name, level) in expected {
            assert_eq!(configs.level("dead-code", name), *level, "{name}");
        }
    }

    const OFF: &str = "lints: {dead-code: off}";
    const INFO: &str = "lints: {dead-code: info}\noverrides: [{paths: ['x/*.yml'], lints: {dead-code: error}}]";

    #[test]
    fn the_nearest_configuration_counts() {
        let texts = [("/a/alertctl.yml", INFO), ("/a/b/alertctl.yaml", OFF), ("/a/c/.git/HEAD", "")];
        let (off, info, error) = (Some(None), Some(Some(Severity::Info)), Some(Some(Severity::Error)));
        let expected =
            [("/a/r.yml", info), ("/a/b/d/r.yml", off), ("/a/x/r.yml", error), ("/a/c/r.yml", None), ("/r.yml", None)];
        check(&texts, None, &expected);
        check(&texts, Some("/a/b/alertctl.yaml"), &[("/a/r.yml", off), ("/r.yml", off)]);
    }
}
