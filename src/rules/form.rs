//! Tells which of the two forms a rule file is written in.

use crate::diagnostic::{Diagnostic, Fix, codes, nearest};
use crate::yaml::fields::{Field, Fields};
use crate::yaml::problems::Problems;

use super::Form;
use super::other;

/// What to type for a file of the native form.
const NATIVE_LINE: &str =
    "for alertctl's own form (`metric: temp`, `above: 80`), write as the first line: `alertctl: 1`";
/// What to type for a file of Prometheus' form.
const PROMETHEUS_LINE: &str = "for Prometheus' form (`alert: Hot`, `expr: temp > 80`), write as the first line: `groups:`, and below it groups \
     of rules";

/// Returns the form that the keys of a file name; `None` when they name both or neither, which is reported. A file that
/// is plainly of another kind counts as Prometheus' form, which tells so. `cut`: a mistake of YAML hides keys.
pub(super) fn of(fields: &Fields<'_>, cut: bool, problems: &mut Problems<'_>) -> Option<Form> {
    let native = fields.peek("alertctl");
    let resource = fields.peek("kind");
    let prometheus = fields.peek("groups").or(resource);
    match (native, prometheus) {
        (Some(native), Some(prometheus)) => {
            let key = prometheus.key.text();
            let message = format!(
                "`alertctl:` names alertctl's own form of rule file and `{key}:` Prometheus' form: this file has both"
            );
            let diagnostic = Diagnostic::error(codes::RULE_FORM, message, problems.at(prometheus.key_span))
                .with_related(problems.at(native.key_span), "the other")
                .with_help(format!("for Prometheus' form, remove the line `alertctl: {}`", native.value_text()))
                .with_help(format!("for alertctl's own form, remove `{key}:` and put the rules under `rules:`"));
            problems.push(diagnostic);
            None
        }
        (Some(_), None) => Some(Form::Native),
        (None, Some(_)) => Some(Form::Prometheus),
        (None, None) => {
            let first = fields.first().filter(|_| !cut && other::of(fields).is_none());
            let Some(first) = first else { return Some(Form::Prometheus) };
            neither(fields, first, problems);
            None
        }
    }
}

/// Tells that a file names no form: by a key that one of the two names was meant to be, or by its first key.
fn neither(fields: &Fields<'_>, first: Field<'_>, problems: &mut Problems<'_>) {
    let close = |field: &Field<'_>| nearest(field.key.text(), ["alertctl", "groups"]).first().copied();
    let meant = fields.left().find_map(|field| close(&field).map(|name| (field, name)));
    let diagnostic = match meant {
        Some((field, name)) => {
            let at = problems.at(field.key_span);
            let message = format!("`{}` is not a key of a rule file", field.key.text());
            let mut diagnostic = Diagnostic::error(codes::UNKNOWN_KEY, message, at);
            diagnostic.fixes.push(Fix { at, replacement: name.to_owned() });
            diagnostic.with_mark(at, format!("did you mean `{name}`?"))
        }
        None if other::first(first.value).is_some_and(|group| other::value(group, "rules").is_some()) => {
            // Mimir's configuration API answers with groups by namespace.
            let key = first.key.text();
            let message = format!("`{key}` holds groups of rules, which stand under `groups`");
            Diagnostic::error(codes::RULE_FORM, message, problems.at(first.key_span))
                .with_help(format!("write `groups:` in place of `{key}:`"))
        }
        None => {
            let message = "this file does not say which of the two forms of rule file it is written in";
            Diagnostic::error(codes::RULE_FORM, message, problems.at(first.key_span))
                .with_help(NATIVE_LINE)
                .with_help(PROMETHEUS_LINE)
        }
    };
    problems.push(diagnostic);
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::check;

    #[test]
    fn a_file_names_one_of_two_forms() {
        check("alertctl: 1\n", &[]);
        check("groups: []\n", &[]);
        check("kind: PrometheusRule\nspec: {groups: []}\n", &[]);
        let both = "`alertctl:` names alertctl's own form of rule file and";
        check(
            "alertctl: 1\ngroups: []\n",
            &[&format!("rule-form 2:1 {both} `groups:` Prometheus' form: this file has both")],
        );
        check(
            "kind: PrometheusRule\nalertctl: 1\n",
            &[&format!("rule-form 1:1 {both} `kind:` Prometheus' form: this file has both")],
        );
        check(
            "# mine\nrules: [{id: hot, metric: temp, above: 80}]\n",
            &["rule-form 2:1 this file does not say which of the two forms of rule file it is written in"],
        );
        check("- alert: A\n", &["wrong-type 1:1 a rule file is a mapping of keys to values, this is a list"]);
        check("rules: []\nalertctrl: 1\n", &["unknown-key 2:1 `alertctrl` is not a key of a rule file"]);
        check(
            "team: [{name: g, rules: []}]\n",
            &["rule-form 1:1 `team` holds groups of rules, which stand under `groups`"],
        );
        check("group: []\n", &["unknown-key 1:1 `group` is not a key of a rule file"]);
    }
}
