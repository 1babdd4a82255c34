//! A configuration of the check, `alertctl.yml`: severities of findings, and policies.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostics, Severity, codes};
use crate::lint::policy::{Asked, Kinds, Policy};
use crate::source::SourceMap;
use crate::yaml;
use crate::yaml::fields::{Field, Fields};
use crate::yaml::problems::Problems;

use super::names::codes_of;
use super::paths::Globs;
use super::values::{SEVERITIES, counts, entries, globs, limits, names, pattern, values, wanted, word};

/// What messages call the file.
const WHAT: &str = "a configuration of check";
/// The keys of the file.
const KEYS: [&str; 3] = ["lints", "policies", "overrides"];
/// The keys of an override.
const OVERRIDE_KEYS: [&str; 2] = ["paths", "lints"];
/// The keys of a policy.
const POLICY_KEYS: [&str; 19] = [
    "paths",
    "rules",
    "severity",
    "required-labels",
    "allowed-labels",
    "forbidden-labels",
    "severities",
    "required-annotations",
    "allowed-annotations",
    "forbidden-annotations",
    codes::RUNBOOK_URL,
    "names",
    "for",
    "keep-firing-for",
    "firings",
    "owner",
    "selectors-must-have",
    "aggregations-must-keep",
    "aggregations-must-drop",
];

/// A configuration.
#[derive(Clone, Debug, Default)]
pub(super) struct Config {
    lints: Levels,
    overrides: Vec<(Globs, Levels)>,
    policies: Vec<(Globs, Policy)>,
}

/// How bad findings are, by code; none is off.
type Levels = BTreeMap<&'static str, Option<Severity>>;

impl Config {
    /// Reads a configuration and adds its text to the sources. Every problem is reported; what is wrong is left out.
    pub(super) fn read(sources: &mut SourceMap, name: &str, bytes: &[u8], diagnostics: &mut Diagnostics) -> Self {
        let (mut problems, root) = yaml::open(sources, name, bytes, WHAT, diagnostics);
        let mut config = Self::default();
        if let Some(mut fields) = root.as_ref().and_then(|root| Fields::open(root, WHAT, &mut problems)) {
            let [lints, policies, overrides] = KEYS.map(|key| fields.take(key));
            fields.finish(WHAT, &KEYS, hint, &mut problems);
            config.lints = lints.map(|field| levels(field, &mut problems)).unwrap_or_default();
            for fields in policies.map(|field| entries(field, "a policy", &mut problems)).unwrap_or_default() {
                config.policies.push(policy(fields, &mut problems));
            }
            for mut fields in overrides.map(|field| entries(field, "an override", &mut problems)).unwrap_or_default() {
                let [paths, lints] = OVERRIDE_KEYS.map(|key| fields.take(key));
                let span = fields.span;
                fields.finish("an override", &OVERRIDE_KEYS, |_| None, &mut problems);
                if paths.is_none() || lints.is_none() {
                    let help = "write it like `- {paths: [tests/**], lints: {always-fires: off}}`";
                    let message = "an override has `paths` and `lints`";
                    problems.error_with_help(codes::MISSING_KEY, message, span, help);
                }
                let paths = paths.map(|field| globs(field, &mut problems)).unwrap_or_default();
                let levels = lints.map(|field| levels(field, &mut problems)).unwrap_or_default();
                config.overrides.push((paths, levels));
            }
        }
        problems.finish();
        config
    }

    /// Returns how bad findings of a code are in a file, where this says so; an inner none is off. `path` is relative to
    /// the configuration.
    pub(super) fn level(&self, code: &str, path: &str) -> Option<Option<Severity>> {
        let last = self.overrides.iter().rev().filter(|(globs, levels)| levels.contains_key(code) && globs.has(path));
        last.map(|(_, levels)| levels).chain([&self.lints]).find_map(|levels| levels.get(code)).copied()
    }

    /// Returns whether there is a policy.
    pub(super) fn has_policies(&self) -> bool {
        !self.policies.is_empty()
    }

    /// Walks over the policies for a file.
    pub(super) fn policies<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a Policy> {
        self.policies.iter().filter(move |(globs, _)| globs.has(path)).map(|(_, policy)| policy)
    }
}

/// Returns help for keys that belong elsewhere.
fn hint(key: &str) -> Option<String> {
    match key {
        "groups" | "alertctl" | "rules" => {
            Some("this file looks like rules: give it another name, or name a configuration with --config".to_owned())
        }
        _ if POLICY_KEYS.contains(&key) => Some(format!("`{key}` is a key of a policy: under `policies:`, after `- `")),
        _ if codes_of(key).is_ok() => Some(format!("`{key}` is a code: under `lints:`, indented more")),
        _ => None,
    }
}

/// Reads the severities of codes.
fn levels(field: Field<'_>, problems: &mut Problems<'_>) -> Levels {
    let what = format!("`{}`", field.key.text());
    let Some(fields) = Fields::open(field.value, &what, problems) else { return Levels::new() };
    let mut levels = Levels::new();
    let mut words: Vec<(&str, Option<Severity>)> = vec![("off", None)];
    words.extend(SEVERITIES.map(|(word, severity)| (word, Some(severity))));
    for field in fields.rest() {
        let key = field.key.text();
        let level = word(field, &words, problems);
        match codes_of(key) {
            // What names one code says more than what names all of policies.
            Ok(codes) => codes.into_iter().zip(std::iter::repeat(level)).for_each(|(code, level)| {
                if let Some(level) = level {
                    match code == key {
                        true => levels.insert(code, level),
                        false => Some(*levels.entry(code).or_insert(level)),
                    };
                }
            }),
            Err(refusal) => {
                problems.error_with_help(codes::CONFIGURATION, refusal.message(), field.key_span, refusal.help());
            }
        }
    }
    levels
}

/// Reads a policy.
fn policy(mut fields: Fields<'_>, problems: &mut Problems<'_>) -> (Globs, Policy) {
    let mut take = |key: &str| fields.take(key);
    let (paths, rules, severity) = (take("paths"), take("rules"), take("severity"));
    let (required_labels, allowed_labels, forbidden_labels) =
        (take("required-labels"), take("allowed-labels"), take("forbidden-labels"));
    let (required_annotations, allowed_annotations, forbidden_annotations) =
        (take("required-annotations"), take("allowed-annotations"), take("forbidden-annotations"));
    let (severities, runbook_url, called, owner) =
        (take("severities"), take(codes::RUNBOOK_URL), take("names"), take("owner"));
    let (hold, keep_firing, firings) = (take("for"), take("keep-firing-for"), take("firings"));
    let (selector_labels, kept_labels, dropped_labels) =
        (take("selectors-must-have"), take("aggregations-must-keep"), take("aggregations-must-drop"));
    let asked = [
        required_labels,
        allowed_labels,
        forbidden_labels,
        severities,
        required_annotations,
        allowed_annotations,
        forbidden_annotations,
        runbook_url,
        called,
        hold,
        keep_firing,
        firings,
        owner,
        selector_labels,
        kept_labels,
        dropped_labels,
    ];
    if asked.iter().all(Option::is_none) && fields.first().is_none() {
        let help = "write what rules must have, like `- {required-labels: [severity]}`";
        problems.error_with_help(codes::MISSING_KEY, "this policy asks for nothing", fields.span, help);
    }
    fields.finish("a policy", &POLICY_KEYS, |_| None, problems);
    let kinds = [("alerts", Kinds::Alerts), ("recording", Kinds::Recording), ("all", Kinds::All)];
    let asks = |field: Option<Field<'_>>, problems: &mut Problems<'_>| {
        let field = field?;
        Some(Asked { what: values(field, problems)?, at: problems.at(field.key_span) })
    };
    let policy = Policy {
        kinds: rules.and_then(|field| word(field, &kinds, problems)).unwrap_or_default(),
        severity: severity.and_then(|field| word(field, &SEVERITIES, problems)).unwrap_or(Severity::Warning),
        required_labels: required_labels.map(|field| wanted(field, problems)).unwrap_or_default(),
        allowed_labels: allowed_labels.and_then(|field| names(field, problems)),
        forbidden_labels: forbidden_labels.map(|field| wanted(field, problems)).unwrap_or_default(),
        severities: severities.and_then(|field| names(field, problems)),
        required_annotations: required_annotations.map(|field| wanted(field, problems)).unwrap_or_default(),
        allowed_annotations: allowed_annotations.and_then(|field| names(field, problems)),
        forbidden_annotations: forbidden_annotations.map(|field| wanted(field, problems)).unwrap_or_default(),
        runbook_url: asks(runbook_url, problems),
        names: called.and_then(|field| {
            let what = pattern(field.text(problems)?, problems)?;
            Some(Asked { what, at: problems.at(field.key_span) })
        }),
        hold: hold.and_then(|field| limits(field, problems)),
        keep_firing: keep_firing.and_then(|field| limits(field, problems)),
        firings: firings.and_then(|field| counts(field, problems)),
        owner: asks(owner, problems),
        selector_labels: selector_labels.and_then(|field| names(field, problems)),
        kept_labels: kept_labels.and_then(|field| names(field, problems)),
        dropped_labels: dropped_labels.and_then(|field| names(field, problems)),
    };
    (paths.map(|field| globs(field, problems)).unwrap_or_default(), policy)
}
