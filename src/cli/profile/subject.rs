//! What is measured: rules, recordings, programs, and how they are named.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::diagnostic::Diagnostics;
use crate::profile::campaign::{Loaded, Side};
use crate::profile::digest::sha256;
use crate::profile::protocol::{self, Hello, RuleSource};
use crate::profile::sample::{Inputs, RuleText, Tool};
use crate::rules;
use crate::source::SourceMap;

use super::super::rules::{refuse, show};
use super::super::ui::Terminal;
use super::super::{Failure, load};
use super::args::ProfileArgs;

/// Bytes that are digested at once.
const CHUNK: usize = 8 << 20;

/// The interval of groups that give none, and how far back a selector looks. Unit: milliseconds.
///
/// Source: Prometheus' defaults.
const DEFAULTS: (i64, i64) = (60_000, 300_000);

/// Rules as they were named, and their texts.
#[derive(Clone, Debug)]
pub(super) struct Ruleset {
    /// As they are paired: relative to what was named.
    pub(super) names: Vec<String>,
    pub(super) texts: Vec<RuleSource>,
}

/// Reads rules and tells all problems; none when one is an error.
pub(super) fn ruleset(paths: &[String], terminal: &Terminal, quiet: bool) -> Result<Option<Ruleset>, Failure> {
    let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::default());
    let (mut names, mut texts, mut count) = (Vec::new(), Vec::new(), 0);
    for text in load::rule_files(paths)? {
        let file = rules::load(&mut sources, &text.name, &text.bytes, &mut diagnostics);
        count += file.iter().flat_map(|file| &file.groups).map(|group| group.rules.len()).sum::<usize>();
        names.push(relative(&text.name, paths));
        texts.push(RuleSource { text: String::from_utf8_lossy(&text.bytes).into_owned(), name: text.name });
    }
    if diagnostics.has_errors() {
        refuse(&diagnostics, &sources, terminal);
        return Ok(None);
    }
    if !quiet {
        show(&diagnostics, &sources, terminal);
    }
    if count == 0 {
        return Err(Failure::new(format!("there is no rule in `{}`", paths.join("`, `"))));
    }
    Ok(Some(Ruleset { names, texts }))
}

/// Returns a file's path within the folder that named it, or its name alone.
fn relative(name: &str, paths: &[String]) -> String {
    let path = Path::new(name);
    let within = paths.iter().filter_map(|folder| path.strip_prefix(folder).ok()).map(Path::to_path_buf);
    let mut within = within;
    let within = within.find(|path| !path.as_os_str().is_empty());
    let alone = || path.file_name().map_or_else(|| name.to_owned(), |name| name.to_string_lossy().into_owned());
    within.map_or_else(alone, |path| path.to_string_lossy().into_owned())
}

/// Returns the recordings' paths.
pub(super) fn recordings(args: &ProfileArgs) -> Result<Vec<String>, Failure> {
    let paths: Vec<String> = args.recordings.iter().chain(&args.data).cloned().collect();
    match (args.rules.is_empty(), paths.is_empty()) {
        (true, false) => {
            return Err(Failure::new("a recording is named, but no rules").hint("alertctl profile -r RULES week.csv"));
        }
        (false, true) => {
            return Err(Failure::new("rules are named, but no recording to measure them on")
                .hint("alertctl profile -r RULES week.csv"));
        }
        _ => {}
    }
    if paths.iter().any(|path| path == "-") {
        return Err(Failure::new("standard input can not be profiled: every process reads the recording anew")
            .hint("write it to a file first"));
    }
    Ok(load::recordings(&paths)?.iter().map(|source| source.name().to_owned()).collect())
}

/// Returns what workers load.
pub(super) fn inputs(args: &ProfileArgs, rules: &Ruleset, recordings: &[String]) -> protocol::Inputs {
    protocol::Inputs {
        rules: rules.texts.clone(),
        recordings: recordings.to_vec(),
        labels: args.labels.clone(),
        interval: args.eval_interval.map_or(DEFAULTS.0, |interval| interval.0),
        lookback: args.lookback_delta.map_or(DEFAULTS.1, |lookback| lookback.0),
    }
}

/// Describes what was measured, for comparison.
pub(super) fn describe(rules: Option<&Ruleset>, recordings: &[String], loaded: &Loaded) -> Result<Inputs, Failure> {
    let texts = match rules {
        Some(rules) => {
            rules.names.iter().zip(&rules.texts).map(|(name, text)| format!("{name}\n{}\n", text.text)).collect()
        }
        None => crate::profile::workload::RULES.1.to_owned(),
    };
    let mut digests = String::new();
    for path in recordings {
        digests.push_str(&digest(Path::new(path))?);
    }
    Ok(Inputs {
        rules_sha256: sha256(texts.as_bytes()),
        rules: loaded.rules.len() as u64,
        data_sha256: sha256(digests.as_bytes()),
        series: loaded.series,
        samples: loaded.samples,
        ..Inputs::default()
    })
}

/// Returns the digest of a file's pieces.
fn digest(path: &Path) -> Result<String, Failure> {
    let unreadable = |error| Failure::new(format!("`{}` can not be read: {error}", path.display()));
    let mut file = fs::File::open(path).map_err(unreadable)?;
    let mut digests = String::new();
    loop {
        let mut piece = Vec::new();
        let read = file.by_ref().take(CHUNK as u64).read_to_end(&mut piece).map_err(unreadable)?;
        digests.push_str(&sha256(&piece));
        if read < CHUNK {
            return Ok(sha256(digests.as_bytes()));
        }
    }
}

/// Names the rules as a report does.
pub(super) fn rule_texts(rules: Option<&Ruleset>, loaded: &Loaded) -> Vec<RuleText> {
    let Some(rules) = rules else { return Vec::new() };
    let text = |rule: &protocol::LoadedRule| RuleText {
        file: rules.names.get(rule.file).cloned().unwrap_or_default(),
        path: rules.texts.get(rule.file).map(|text| text.name.clone()).unwrap_or_default(),
        group: rule.group.clone(),
        name: rule.name.clone(),
        expr: rule.expr.clone(),
        line: rule.line,
        ..RuleText::default()
    };
    loaded.rules.iter().map(text).collect()
}

/// Describes a program, from what it says of itself.
pub(super) fn tool(side: &Side, hello: &Hello) -> Result<Tool, Failure> {
    let build = hello.build.clone();
    let known = |text: String| if text.is_empty() { "unknown".to_owned() } else { text };
    let kind = if hello.optimised { "release" } else { "debug" };
    Ok(Tool {
        version: hello.version.clone(),
        git: build.git,
        binary_sha256: digest(&side.exe)?,
        rustc: known(build.rustc),
        opt: if build.opt.is_empty() { kind.to_owned() } else { format!("{kind}, {}", build.opt) },
        features: build.features,
        ..Tool::default()
    })
}

/// Returns this program's path.
pub(super) fn own_exe() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(|error| Failure::new(format!("alertctl does not find its own program: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_paired_by_their_path_below_what_was_named() {
        let check = |name: &str, path: &str, expected: &str| {
            assert_eq!(relative(name, &[path.to_owned()]), expected, "{name}");
        };
        check("rules/node.yml", "rules", "node.yml");
        check("rules.old/node.yml", "rules.old/", "node.yml");
        check("rules/node.yml", "rules/node.yml", "node.yml");
        check("rules/a/node.yml", "rules/**/*.yml", "node.yml");
    }
}
