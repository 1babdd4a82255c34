//! What policies ask of names, times and owners.

use crate::diagnostic::codes;
use crate::format::counted;
use crate::lint::{Check, Found, Lint, Page};
use crate::rules::{Part, RuleKind, RuleParts};
use crate::time::Millis;

use super::{Case, Limits, Values};

pub(in crate::lint) const RULE_NAME: Lint = Lint {
    code: codes::RULE_NAME,
    page: Page {
        why: "Names are what people search, silence and link by: one that follows the convention is found.\n\n\
              Your alertctl.yml says what names look like, under `names:`. With `rules: alerts` or `rules: recording` \
              next to it the pattern is for one kind of rule.",
        bad: "- alert: api_down\n  expr: up == 0\n",
        clean: "- alert: ApiDown\n  expr: up == 0\n",
        data: "",
    },
    check: Check::Policy {
        config: "policies:\n- rules: alerts\n  names: '[A-Z][A-Za-z0-9]+'\n",
        check: |case, found| {
            let Some(asked) = &case.policy.names else { return };
            let name = &case.place.rule.name;
            if !asked.what.regexp.is_match(&name.text) {
                let message = format!("the name `{}` does not match `{}`", name.text, asked.what.text);
                case.found(found, name.whole(), asked.at, message);
            }
        },
    },
};

pub(in crate::lint) const FOR_LIMITS: Lint = Lint {
    code: codes::FOR_LIMITS,
    page: Page {
        why: "Without a `for`, or with a short one, an alert fires at every blip; with a long one it comes too late.\n\n\
              Your alertctl.yml has limits, under `for:` and `keep-firing-for:`, with `min` and `max`. An alert without \
              the key has 0s.",
        bad: "- alert: Down\n  expr: up == 0\n  for: 10s\n",
        clean: "- alert: Down\n  expr: up == 0\n  for: 5m\n",
        data: "",
    },
    check: Check::Policy {
        config: "policies:\n- for: {min: 1m, max: 1h}\n",
        check: |case, found| {
            let RuleKind::Alert { hold, keep_firing, .. } = &case.place.rule.kind else { return };
            let part = |of: fn(&RuleParts) -> Option<Part>| case.place.rule.parts.as_deref().and_then(of);
            limits(case, case.policy.hold, "for", *hold, part(|parts| parts.hold), found);
            let keep = part(|parts| parts.keep_firing);
            limits(case, case.policy.keep_firing, "keep_firing_for", *keep_firing, keep, found);
        },
    },
};

fn limits(
    case: &Case<'_>,
    asked: Option<Limits<Millis>>,
    key: &str,
    is: Millis,
    part: Option<Part>,
    found: &mut Found,
) {
    let Some(Limits { min, max }) = asked else { return };
    let at = part.map_or(case.place.rule.name.whole(), |part| part.value);
    if let Some((min, asked)) = min.filter(|(min, _)| is < *min) {
        let message = match part {
            Some(_) => format!("`{key}: {is}` is shorter than {min}, the least that is allowed here"),
            None => format!("{} has no `{key}`; at least {min} is asked for here", case.rule()),
        };
        case.found(found, at, asked, message).help.push(format!("write `{key}: {min}`"));
    }
    if let Some((max, asked)) = max.filter(|(max, _)| is > *max) {
        let message = format!("`{key}: {is}` is longer than {max}, the most that is allowed here");
        case.found(found, at, asked, message).help.push(format!("write `{key}: {max}`, or less"));
    }
}

pub(in crate::lint) const FIRING_LIMITS: Lint = Lint {
    code: codes::FIRING_LIMITS,
    page: Page {
        why: "An alert that fires fifty times in a night is one that nobody reads; one that is to be seen firing on the \
              recording of an incident and does not is of no use there.\n\n\
              Your alertctl.yml has limits for the firings of each alert on the recording, under `firings:`, with `min` \
              and `max`. All label sets count.",
        bad: "- alert: Down\n  expr: up == 0\n  for: 1m\n",
        clean: "- alert: Down\n  expr: up == 0\n  for: 2m\n",
        data: "\
time,host,up
2026-01-05T00:00:00Z,a,1
2026-01-05T00:01:00Z,a,0
2026-01-05T00:02:00Z,a,0
2026-01-05T00:03:00Z,a,1
2026-01-05T00:04:00Z,a,0
2026-01-05T00:05:00Z,a,0
2026-01-05T00:06:00Z,a,0
2026-01-05T00:07:00Z,a,1
",
    },
    check: Check::Policy {
        config: "policies:\n- firings: {min: 1, max: 1}\n",
        check: |case, found| {
            let Some(Limits { min, max }) = case.policy.firings else { return };
            let Some(is) = case.firings.get(&case.place.number) else { return };
            let at = case.place.rule.name.whole();
            let times = counted(*is, "time");
            if let Some((min, asked)) = min.filter(|(min, _)| is < min) {
                let message = format!("{} fires {times} on this recording; at least {min} are asked for", case.rule());
                case.found(found, at, asked, message);
            }
            if let Some((max, asked)) = max.filter(|(max, _)| is > max) {
                let message = format!("{} fires {times} on this recording; {max} are allowed", case.rule());
                let help = "wait longer (`for`), keep it firing over short breaks (`keep_firing_for`), or change the threshold";
                case.found(found, at, asked, message).help.push(help.to_owned());
            }
        },
    },
};

pub(in crate::lint) const RULE_OWNER: Lint = Lint {
    code: codes::RULE_OWNER,
    page: Page {
        why: "A rule that nobody owns is silenced and never repaired.\n\n\
              Your alertctl.yml asks for an owner, under `owner:`: any, one of a list, or one that matches a pattern. \
              Write `# alertctl owner db` at the rule or at its group, or `# alertctl file/owner db` for a whole file; \
              `# pint rule/owner db` and `# pint file/owner db` count too.",
        bad: "- alert: Down\n  expr: up == 0\n",
        clean: "# alertctl owner db\n- alert: Down\n  expr: up == 0\n",
        data: "",
    },
    check: Check::Policy {
        config: "policies:\n- owner: [db, web]\n",
        check: |case, found| {
            let Some(asked) = &case.policy.owner else { return };
            let at = case.place.rule.name.whole();
            let (group, rule) = case.numbers;
            let expected = match &asked.what {
                Values::Any => String::new(),
                values => format!(", expected {}", values.words()),
            };
            match case.comments.owner(case.place.file.file, group, rule) {
                Some(owner) if asked.what.has(owner) => {}
                Some(owner) => {
                    let message = format!("{} is owned by `{owner}`{expected}", case.rule());
                    case.found(found, at, asked.at, message);
                }
                None => {
                    let message = format!("{} has no owner{expected}", case.rule());
                    let help = "write `# alertctl owner TEAM` above it, or `# alertctl file/owner TEAM`";
                    case.found(found, at, asked.at, message).help.push(help.to_owned());
                }
            }
        },
    },
};
