//! The PromQL of each rule.

use std::io::{self, Write};

use crate::report::format::duration;
use crate::report::table::grid::printable;
use crate::rules::{Rule, RuleFile, RuleKind};
use crate::source::SourceMap;
use crate::time::Millis;

/// Writes each rule in two lines: a comment with its place, name and `for`, and its expression.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, files: &[RuleFile], sources: &SourceMap) -> io::Result<()> {
    for file in files {
        let name = &sources.file(file.file).name;
        for rule in file.groups.iter().flat_map(|group| &group.rules) {
            let line = sources.position(rule.at).line;
            writeln!(out, "# {}:{line}  {}", printable(name), printable(&title(rule)))?;
            writeln!(out, "{}", rule.expr)?;
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
                title.push_str(&format!(" {word} {}", duration(span)));
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
    use crate::diagnostic::Diagnostics;
    use crate::rules::load;

    #[test]
    fn rules_of_both_forms_are_shown() {
        let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::default());
        let native = "alertctl: 1\nrules: [{id: low, metric: t, below: 1, for: 90s, enabled: false}]";
        let groups =
            "groups: [{name: g, rules: [{record: a, expr: b  +1}, {alert: C, expr: a>1, keep_firing_for: 5m}]}]";
        let texts = [("n.yml", native), ("g.yml", groups)];
        let files: Vec<RuleFile> = texts
            .iter()
            .filter_map(|(name, text)| load(&mut sources, name, text.as_bytes(), &mut diagnostics))
            .collect();
        let mut out = Vec::new();
        write(&mut out, &files, &sources).expect("a vector takes all");
        insta::assert_snapshot!(String::from_utf8_lossy(&out), @"
        # n.yml:2  alert low for 1m30s (disabled)
        t < 1
        # g.yml:1  record a
        b + 1
        # g.yml:1  alert C keep_firing_for 5m
        a > 1
        ");
    }
}
