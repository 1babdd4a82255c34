//! What policies ask of labels and annotations.

use crate::diagnostic::{codes, nearest};
use crate::lint::{Check, Found, Lint, Page};
use crate::rules::template::Template;
use crate::rules::{Rule, RuleKind, TextPart};
use crate::source::FileSpan;
use crate::yaml::fields::one_of;

use super::{Case, Names, Values, Wanted};

/// A label or an annotation of a rule.
struct Text<'a> {
    name: &'a str,
    /// As it was written, templates included.
    value: &'a str,
    /// Whether it holds a template.
    is_template: bool,
    name_at: FileSpan,
    at: FileSpan,
}

fn texts<'a>(rule: &'a Rule, all: &'a [(String, Template)], parts: &'a [TextPart]) -> Vec<Text<'a>> {
    let text = |(name, template): &'a (String, Template)| {
        let part = parts.iter().find(|part| part.name == *name);
        let written = part.and_then(|part| part.text.as_ref()).map(|text| text.text.as_str());
        Text {
            name,
            value: written.unwrap_or_else(|| template.text()),
            is_template: !template.is_literal(),
            name_at: part.map_or(rule.at, |part| part.key),
            at: part.map_or(rule.at, TextPart::at),
        }
    };
    all.iter().map(text).collect()
}

fn labels(rule: &Rule) -> Vec<Text<'_>> {
    let parts = rule.parts.as_ref().map_or(&[][..], |parts| &parts.labels);
    texts(rule, &rule.labels, parts)
}

fn annotations(rule: &Rule) -> Vec<Text<'_>> {
    let parts = rule.parts.as_ref().map_or(&[][..], |parts| &parts.annotations);
    match &rule.kind {
        RuleKind::Alert { annotations, .. } => texts(rule, annotations, parts),
        RuleKind::Record => Vec::new(),
    }
}

/// Looks for texts that must be there.
fn required(case: &Case<'_>, wanted: &[Wanted], texts: &[Text<'_>], what: &str, found: &mut Found) {
    for Wanted { name, values, at } in wanted {
        let Some(text) = texts.iter().find(|text| text.name == name && !text.value.is_empty()) else {
            let key = if what == "annotation" { "annotations" } else { "labels" };
            let message = format!("{} has no {what} `{name}`", case.rule());
            let help = match values {
                Values::Any => format!("add `{name}` under `{key}:`"),
                values => format!("add `{name}` under `{key}:`: {}", values.words()),
            };
            case.found(found, case.place.rule.name.whole(), *at, message).help.push(help);
            continue;
        };
        // What a template of a label becomes is not known here; a text for people is taken as it is written.
        if values.has(text.value) || (text.is_template && what == "label") {
            continue;
        }
        wrong(case, text, what, values, *at, found);
    }
}

/// Says that a text is another one than those that are allowed.
fn wrong(case: &Case<'_>, text: &Text<'_>, what: &str, values: &Values, asked: FileSpan, found: &mut Found) {
    let message = format!("the {what} `{}` is {}, expected {}", text.name, shown(text.value), values.words());
    let one = case.found(found, text.at, asked, message);
    if let Values::OneOf(values) = values
        && let Some(near) = nearest(text.value, values.iter().map(String::as_str)).first()
    {
        one.help.push(format!("did you mean `{near}`?"));
    }
}

fn shown(value: &str) -> String {
    match value.char_indices().nth(60) {
        Some((at, _)) => format!("`{}..`", &value[..at]),
        None if value.is_empty() => "empty".to_owned(),
        None => format!("`{value}`"),
    }
}

/// Looks for texts that must not be there.
fn forbidden(
    case: &Case<'_>,
    (allowed, forbidden): (Option<&Names>, &[Wanted]),
    texts: &[Text<'_>],
    what: &str,
    found: &mut Found,
) {
    for text in texts {
        if let Some(allowed) = allowed.filter(|allowed| allowed.what.iter().all(|name| name != text.name)) {
            let message = format!("the {what} `{}` is not one that rules may have here", text.name);
            let near =
                nearest(text.name, allowed.what.iter().map(String::as_str)).first().map(|near| (*near).to_owned());
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("they may have {}", one_of(&allowed.what)),
            };
            case.found(found, text.name_at, allowed.at, message).help.push(help);
        }
        for wanted in forbidden.iter().filter(|wanted| wanted.name == text.name && wanted.values.has(text.value)) {
            let message = match wanted.values {
                Values::Any => format!("the {what} `{}` must not be set here", text.name),
                Values::Matching(_) | Values::OneOf(_) => {
                    format!("the {what} `{}` must not be {} here", text.name, shown(text.value))
                }
            };
            let at = if matches!(wanted.values, Values::Any) { text.name_at } else { text.at };
            case.found(found, at, wanted.at, message).help.push("remove it, or write another".to_owned());
        }
    }
}

pub(in crate::lint) const REQUIRED_LABEL: Lint = Lint {
    code: codes::REQUIRED_LABEL,
    page: Page {
        why: "Alertmanager routes by labels: an alert without the label that a route looks for goes to whoever gets \
              the rest, if to anybody.\n\n\
              Your alertctl.yml asks for this label, under `policies:` and `required-labels:`. Add the label to the \
              rule, or to the `labels:` of its group. A value that is a template is not looked at.",
        bad: "- alert: Down\n  expr: up == 0\n  labels: {severity: page}\n",
        clean: "- alert: Down\n  expr: up == 0\n  labels: {severity: critical, team: db}\n",
        data: "",
    },
    check: Check::Policy {
        config: "policies:\n- required-labels: {team: '', severity: [critical, warning]}\n",
        check: |case, found| {
            required(case, &case.policy.required_labels, &labels(case.place.rule), "label", found);
        },
    },
};

pub(in crate::lint) const FORBIDDEN_LABEL: Lint = Lint {
    code: codes::FORBIDDEN_LABEL,
    page: Page {
        why: "Labels are the identity of an alert, and what routes and silences are written for: one that nobody knows \
              is a mistake or a private matter.\n\n\
              Your alertctl.yml lists the labels that rules may set (`allowed-labels:`), or those that they must not \
              (`forbidden-labels:`). Rename the label, or make an annotation of it.",
        bad: "- alert: Down\n  expr: up == 0\n  labels: {sevrity: critical}\n",
        clean: "- alert: Down\n  expr: up == 0\n  labels: {severity: critical}\n",
        data: "",
    },
    check: Check::Policy {
        config: "policies:\n- allowed-labels: [severity, team]\n",
        check: |case, found| {
            let asked = (case.policy.allowed_labels.as_ref(), case.policy.forbidden_labels.as_slice());
            forbidden(case, asked, &labels(case.place.rule), "label", found);
        },
    },
};

pub(in crate::lint) const ALLOWED_SEVERITY: Lint = Lint {
    code: codes::ALLOWED_SEVERITY,
    page: Page {
        why: "Routes and dashboards know the severities that were agreed on. An alert with another one, or with the \
              same one spelled in another way, is routed as if it had none.\n\n\
              Your alertctl.yml lists them under `severities:`. Whether an alert must have one at all is \
              `required-labels:`.",
        bad: "- alert: Down\n  expr: up == 0\n  labels: {severity: Critical}\n",
        clean: "- alert: Down\n  expr: up == 0\n  labels: {severity: critical}\n",
        data: "",
    },
    check: Check::Policy {
        config: "policies:\n- severities: [critical, warning]\n",
        check: |case, found| {
            let Some(allowed) = &case.policy.severities else { return };
            let values = Values::OneOf(allowed.what.clone());
            let is_wrong = |text: &&Text<'_>| text.name == "severity" && !text.is_template && !values.has(text.value);
            if let Some(text) = labels(case.place.rule).iter().find(is_wrong).filter(|_| case.place.is_alert()) {
                wrong(case, text, "label", &values, allowed.at, found);
            }
        },
    },
};

pub(in crate::lint) const REQUIRED_ANNOTATION: Lint = Lint {
    code: codes::REQUIRED_ANNOTATION,
    page: Page {
        why: "An annotation is what a person reads at night: what is broken, and what to do.\n\n\
              Your alertctl.yml asks for this annotation, under `policies:` and `required-annotations:`. A pattern is \
              compared with the text as it is written, templates included.",
        bad: "- alert: Down\n  expr: up == 0\n  annotations: {summary: it is down}\n",
        clean: "- alert: Down\n  expr: up == 0\n  annotations: {summary: '{{ $labels.job }} is down', owner: db}\n",
        data: "",
    },
    check: Check::Policy {
        config: "policies:\n- required-annotations: {summary: '.*is down', owner: ''}\n",
        check: |case, found| {
            let Some(texts) = case.place.is_alert().then(|| annotations(case.place.rule)) else { return };
            required(case, &case.policy.required_annotations, &texts, "annotation", found);
        },
    },
};

pub(in crate::lint) const FORBIDDEN_ANNOTATION: Lint = Lint {
    code: codes::FORBIDDEN_ANNOTATION,
    page: Page {
        why: "What sends notifications knows the annotations that were agreed on; another one is never seen by anybody, \
              or is a misspelt one.\n\n\
              Your alertctl.yml lists the annotations that alerts may have (`allowed-annotations:`), or those that they \
              must not (`forbidden-annotations:`).",
        bad: "- alert: Down\n  expr: up == 0\n  annotations: {runbook: TODO}\n",
        clean: "- alert: Down\n  expr: up == 0\n  annotations: {runbook: look at the log}\n",
        data: "",
    },
    check: Check::Policy {
        config: "policies:\n- forbidden-annotations: {runbook: 'TODO.*'}\n",
        check: |case, found| {
            let asked = (case.policy.allowed_annotations.as_ref(), case.policy.forbidden_annotations.as_slice());
            forbidden(case, asked, &annotations(case.place.rule), "annotation", found);
        },
    },
};

pub(in crate::lint) const RUNBOOK_URL: Lint = Lint {
    code: codes::RUNBOOK_URL,
    page: Page {
        why: "A link that does not open is noticed when it is needed.\n\n\
              Your alertctl.yml asks for the form of `runbook_url`, under `runbook-url:`: by a pattern, or else any URL of http or https. Whether an alert must have one is `required-annotations:`. Nothing is \
              fetched.",
        bad: "- alert: Down\n  expr: up == 0\n  annotations: {runbook_url: runbooks/down}\n",
        clean: "- alert: Down\n  expr: up == 0\n  annotations: {runbook_url: 'https://runbooks.example.com/{{ $labels.job }}'}\n",
        data: "",
    },
    check: Check::Policy {
        config: "policies:\n- runbook-url: https://.*\n",
        check: |case, found| {
            let Some(asked) = &case.policy.runbook_url else { return };
            for text in annotations(case.place.rule).iter().filter(|text| text.name == "runbook_url") {
                let is_url = is_url(text.value);
                if is_url && asked.what.has(text.value) {
                    continue;
                }
                let expected = match &asked.what {
                    Values::Any => "a URL such as `https://runbooks.example.com/down`".to_owned(),
                    values if is_url => values.words(),
                    values => format!("a URL: {}", values.words()),
                };
                let message = format!("the annotation `{}` is {}, expected {expected}", text.name, shown(text.value));
                case.found(found, text.at, asked.at, message);
            }
        },
    },
};

/// Returns whether a text is a URL of http or https, as it is written: templates may stand for parts of it.
fn is_url(text: &str) -> bool {
    let rest = ["https://", "http://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    let is_host = |rest: &str| rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '{' | '['));
    let mut depth = 0;
    let mut is_plain = |c: char| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        depth > 0 || !c.is_whitespace()
    };
    rest.is_some_and(|rest| is_host(rest) && rest.chars().all(&mut is_plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_may_hold_templates() {
        let check = |text: &str, expected: bool| assert_eq!(is_url(text), expected, "{text}");
        check("https://a.example/b?c=d", true);
        check("http://{{ $labels.host }}/x", true);
        check("https://", false);
        check("https:///x", false);
        check("https://a.example/b c", false);
        check("wiki/Down", false);
        check("ftp://a.example", false);
    }
}
