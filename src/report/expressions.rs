//! The PromQL of each rule.

use std::io::{self, Write};

use crate::format::one_line;
use crate::report::table::grid::printable;
use crate::rules::{Rule, RuleKind, RuleSet};
use crate::time::Millis;

/// Writes each rule in two lines: a comment with its place, name and `for`, and its expression.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, rules: &RuleSet) -> io::Result<()> {
    for file in &rules.files {
        let name = rules.file_name(file);
        for rule in file.groups.iter().flat_map(|group| &group.rules) {
            let line = rules.sources.position(rule.at).line;
            writeln!(out, "# {}:{line}  {}", printable(name), printable(&title(rule)))?;
            writeln!(out, "{}", printable(&one_line(&rule.text.text)))?;
        }
    }
    Ok(())
}

fn title(rule: &Rule) -> String {
    let mut title = match &rule.kind {
        RuleKind::Record => format!("record {}", rule.name.text),
        RuleKind::Alert { hold, keep_firing, .. } => {
            let mut title = format!("alert {}", rule.name.text);
            let spans = [("for", *hold), ("keep_firing_for", *keep_firing)];
            for (word, span) in spans.into_iter().filter(|(_, span)| *span != Millis::ZERO) {
                title.push_str(&format!(" {word} {}", span));
            }
            title
        }
    };
    if !rule.enabled {
        title.push_str(" (disabled)");
    }
    title
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_both_forms_are_shown() {
        let mut rules = RuleSet::default();
        let native = "alertctl: 1\nrules: [{id: low, metric: t, below: 1, for: 90s, enabled: false}]";
        let groups =
            "groups: [{name: g, rules: [{record: a, expr: b  +1}, {alert: C, expr: a>1, keep_firing_for: 5m}]}]";
        rules.add("n.yml", native.as_bytes());
        rules.add("g.yml", groups.as_bytes());
        let mut out = Vec::new();
        write(&mut out, &rules).expect("a vector takes all");
        insta::assert_snapshot!(String::from_utf8_lossy(&out), @"
        # n.yml:2  alert low for 1m30s (disabled)
        t < 1
        # g.yml:1  record a
        b +1
        # g.yml:1  alert C keep_firing_for 5m
        a>1
        ");
    }
}
