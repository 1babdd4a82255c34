//! Keys that are none of Prometheus': those of other systems are named, and left out on request.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, codes, nearest};
use crate::source::Span;
use crate::yaml::fields::{Field, Fields};
use crate::yaml::problems::Problems;

/// The flag that leaves unknown keys out.
const FLAG: &str = "--ignore-unknown-fields";

/// A key of another system.
struct Foreign {
    key: &'static str,
    system: &'static str,
    /// What to know or to write instead, where leaving it out changes what is evaluated.
    instead: Option<&'static str>,
}

const fn foreign(key: &'static str, system: &'static str) -> Foreign {
    Foreign { key, system, instead: None }
}

const fn changing(key: &'static str, system: &'static str, instead: &'static str) -> Foreign {
    Foreign { key, system, instead: Some(instead) }
}

/// Keys of files, groups and rules.
const FOREIGN: [Foreign; 22] = [
    foreign("partial_response_strategy", "Thanos"),
    changing("source_tenants", "Mimir", "the rules see all series of the recording"),
    changing("evaluation_delay", "Mimir", "Prometheus calls it `query_offset`"),
    changing("align_evaluation_time_on_interval", "Mimir", "`--align epoch`, the default, does the same"),
    foreign("namespace", "mimirtool"),
    foreign("remote_write", "Loki and cortextool"),
    foreign("rwconfigs", "mimirtool"),
    foreign("concurrency", "vmalert"),
    foreign("debug", "vmalert"),
    foreign("update_entries_limit", "vmalert"),
    changing("eval_delay", "vmalert", "Prometheus calls it `query_offset`"),
    changing("eval_offset", "vmalert", "`--align OFFSET` moves the evaluation times of all groups"),
    changing("eval_alignment", "vmalert", "`--align epoch`, the default, and `--align start` choose it for all groups"),
    changing("params", "vmalert", "what it adds to each query is not applied"),
    changing("extra_filter_labels", "vmalert", "`--match SELECTOR` limits what is read"),
    changing("tenant", "vmalert", "the rules see all series of the recording"),
    foreign("headers", "vmalert"),
    foreign("notifier_headers", "vmalert"),
    foreign("type", "vmalert"),
    foreign("datasource_type", "vmalert"),
    foreign("search_step", "vmalert"),
    foreign("project", "other systems"),
];

/// How rule files are read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reading {
    /// Whether unknown keys are left out, and not refused.
    pub(super) ignore_unknown_fields: bool,
    /// Whether rules and groups keep where their parts stand.
    pub(super) keep_parts: bool,
}

/// How the keys of a rule file are read, and which of them were left out.
#[derive(Debug, Default)]
pub(super) struct Keys {
    reading: Reading,
    /// Those left out, by what has them: where the first stands, and how many there are.
    ignored: BTreeMap<(String, String), (Span, u64)>,
}

impl Keys {
    /// Begins with none left out.
    pub(super) fn new(reading: Reading) -> Self {
        Self { reading, ignored: BTreeMap::new() }
    }

    /// Returns whether rules and groups keep where their parts stand.
    pub(super) fn keep_parts(&self) -> bool {
        self.reading.keep_parts
    }

    /// Begins those of a part of the file.
    pub(super) fn part(&self) -> Self {
        Self::new(self.reading)
    }

    /// Takes those that were left out of a part, which comes after all that were taken before.
    pub(super) fn take(&mut self, part: Self) {
        for (named, (first, times)) in part.ignored {
            self.ignored.entry(named).or_insert((first, 0)).1 += times;
        }
    }

    /// Deals with every key that was not taken, as [`Fields::finish`] does.
    pub(super) fn finish(
        &mut self,
        mut fields: Fields<'_>,
        what: &str,
        known: &[&str],
        hint: impl Fn(&str) -> Option<String>,
        problems: &mut Problems<'_>,
    ) {
        let left: Vec<Field<'_>> = fields.left().collect();
        for field in left {
            let key = field.key.text();
            if self.reading.ignore_unknown_fields {
                fields.take(key);
                let named = (what.to_owned(), key.to_owned());
                self.ignored.entry(named).or_insert((field.key_span, 0)).1 += 1;
            } else if let Some(foreign) = find(key) {
                fields.take(key);
                let message = format!("`{key}` is not a key of {what} of Prometheus");
                let mut diagnostic = Diagnostic::error(codes::UNKNOWN_KEY, message, problems.at(field.key_span));
                diagnostic.help.extend(foreign.instead.map(str::to_owned));
                diagnostic.help.push(format!("it is a key of {}: {FLAG} leaves it out and says so", foreign.system));
                problems.push(diagnostic);
            }
        }
        fields.finish(what, known, hint, problems);
    }

    /// Names the keys that were left out.
    pub(super) fn tell(self, problems: &mut Problems<'_>) {
        for ((what, key), (at, times)) in self.ignored {
            let foreign = find(&key);
            let whose = foreign.map_or("unknown", |foreign| foreign.system);
            let mut message = match foreign {
                Some(_) => format!("`{key}` is left out: a key of {whose}"),
                None => format!("`{key}` is left out: not a key of {what}"),
            };
            if times > 1 {
                message.push_str(&format!(" ({times} times)"));
            }
            let mut diagnostic = Diagnostic::warning(codes::IGNORED_KEY, message, problems.at(at));
            if let Some(instead) = foreign.and_then(|foreign| foreign.instead) {
                diagnostic.help.push(instead.to_owned());
            } else if let Some(near) = near(&what, &key).filter(|_| foreign.is_none()) {
                diagnostic.help.push(format!("if `{near}` was meant, its value has no effect"));
            }
            problems.push(diagnostic);
        }
    }
}

fn find(key: &str) -> Option<&'static Foreign> {
    FOREIGN.iter().find(|foreign| foreign.key == key)
}

/// Returns the key that another was probably meant to be.
fn near(what: &str, key: &str) -> Option<&'static str> {
    let known: &[&'static str] = match what {
        "a group" => &super::prometheus::GROUP_KEYS,
        "a rule file" => &["groups"],
        "a recording rule" => &super::rule::RECORD_KEYS,
        _ => &super::rule::ALERT_KEYS,
    };
    nearest(key, known.iter().copied()).first().copied()
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::codes;
    use crate::rules::RuleSet;
    use crate::rules::testing::{check, check_ignoring};

    #[test]
    fn keys_of_other_systems_are_refused_or_left_out() {
        let text = "groups:\n- name: g\n  eval_delay: 30s\n  rules:\n  - alert: A\n    expr: up\n    debug: true\n    \
                    fro: 5m\n";
        check(
            text,
            &[
                "unknown-key 3:3 `eval_delay` is not a key of a group of Prometheus",
                "unknown-key 7:5 `debug` is not a key of an alerting rule of Prometheus",
                "unknown-key 8:5 `fro` is not a key of an alerting rule",
            ],
        );
        check_ignoring(
            text,
            &[
                "ignored-key 3:3 `eval_delay` is left out: a key of vmalert",
                "ignored-key 7:5 `debug` is left out: a key of vmalert",
                "ignored-key 8:5 `fro` is left out: not a key of an alerting rule",
            ],
        );
        check_ignoring(
            "namespace: n\ngroups:\n- name: g\n  source_tenants: [a]\n- name: h\n  source_tenants: [b]\n",
            &[
                "ignored-key 1:1 `namespace` is left out: a key of mimirtool",
                "ignored-key 4:3 `source_tenants` is left out: a key of Mimir (2 times)",
            ],
        );
        check_ignoring("groups:\n- name: g\n  intervall: [\n", &["yaml-syntax 3:14 `[` is not closed"]);
    }

    #[test]
    fn what_is_suggested_is_a_key_of_the_rule_and_fixes_one_key() {
        let mut rules = RuleSet::default();
        let text = "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    fro: 5m\n    fr: 6m\n  \
                    - record: r\n    expr: up\n    anotations: {}\n    fro: 5m\n    summary: s\n  - recrd: q\n    expr: up\n";
        rules.add("a.yml", text.as_bytes());
        let found = rules.diagnostics.sorted();
        let unknown = found.iter().filter(|one| one.code == codes::UNKNOWN_KEY).map(|one| {
            let mark = one.primary.as_ref().map_or("", |mark| mark.text.as_str());
            let fixes: Vec<&str> = one.fixes.iter().map(|fix| fix.replacement.as_str()).collect();
            format!("{mark}|{}|{}", one.help.join(", "), fixes.join(", "))
        });
        let keys = "the keys of a recording rule are `record`, `expr` and `labels`";
        assert_eq!(
            unknown.collect::<Vec<_>>(),
            [
                "did you mean `for`?||for".to_owned(),
                "did you mean `for`?||".to_owned(),
                format!("|{keys}|"),
                format!("|{keys}|"),
                format!("|{keys}|"),
                "did you mean `record`?||record".to_owned(),
            ]
        );
    }

    #[test]
    fn rules_in_another_language_are_refused() {
        let text = "groups:\n- name: g\n  type: graphite\n  rules:\n  - alert: A\n    expr: up\n";
        let refused = "not-supported 3:9 rules of the type `graphite` are not PromQL: they are not evaluated here";
        check(text, &[refused]);
        check_ignoring(text, &[refused]);
    }
}
