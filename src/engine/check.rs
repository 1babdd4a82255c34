//! What the evaluator cannot do, found without a recording.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::promql::ast::Expr;
use crate::promql::parse::Problem;
use crate::promql::plan::{Context, LowerOptions};
use crate::promql::program::Program;
use crate::rules::{Broken, Group, Rule, RuleSet};
use crate::threads;
use crate::time::Millis;

use super::EngineOptions;

/// Returns what can never be evaluated, of the rules in which nothing else is wrong.
///
/// Cost: linear in the rules, and in the errors that were found of them.
#[must_use]
pub fn check(set: &RuleSet) -> Diagnostics {
    let broken = Broken::of(set);
    let options = EngineOptions::default();
    let groups = set.files.iter().flat_map(|file| &file.groups);
    let parts = groups.flat_map(|group| group.rules.chunks(PART).map(move |rules| (group, rules)));
    let parts: Vec<(&Group, &[Rule])> = parts.collect();
    let of_part = |(group, rules): &(&Group, &[Rule])| {
        let lookback = options.lookback_of(group);
        let rules = rules.iter().filter(|rule| rule.enabled && broken.leaves(rule));
        let refused =
            rules.flat_map(|rule| refused_with(&rule.expr, &options, lookback).into_iter().map(move |p| (rule, p)));
        refused.map(|(rule, problem)| refusal(rule, group, &problem)).collect::<Vec<_>>()
    };
    let pays = parts.iter().map(|(_, rules)| rules.len()).sum::<usize>() > PART;
    let found = threads::map(&parts, pays, of_part);
    let mut all = Diagnostics::default();
    found.into_iter().flatten().for_each(|diagnostic| all.push(diagnostic));
    all
}

/// How many rules of a group are looked at together.
const PART: usize = 64;

/// Says why the expression of a rule can never be evaluated.
pub(super) fn refusal(rule: &Rule, group: &Group, problem: &Problem) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(problem.code, problem.message.clone(), rule.text.at(problem.span));
    diagnostic.help.extend(problem.help.clone());
    diagnostic.subject = Some((group.name.text.clone(), rule.name.text.clone()));
    diagnostic
}

/// Returns why an expression of a rule can never be evaluated.
pub(crate) fn refused(expr: &Expr) -> Vec<Problem> {
    let options = EngineOptions::default();
    refused_with(expr, &options, options.lookback)
}

fn refused_with(expr: &Expr, options: &EngineOptions, lookback: Millis) -> Vec<Problem> {
    let EngineOptions { interval, delayed_names, start_timestamps, .. } = *options;
    let options = LowerOptions {
        lookback,
        subquery_step: interval,
        delayed_names,
        start_timestamps,
        context: Context::Rule,
        reads_written: false,
    };
    Program::new(options).add(expr).err().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is not evaluated.
    const REFUSED: &str = "double_exponential_smoothing(up[5m], 7.0000, 0.5)";

    /// Returns `code line:column` of what is found in a rule file.
    fn check(text: &str, expected: &[&str]) {
        let mut rules = RuleSet::default();
        rules.add_partly("a.yml", text.as_bytes());
        let refused = super::check(&rules);
        rules.diagnostics.extend(refused);
        let told = rules.diagnostics.sorted().into_iter().map(|found| {
            let at = rules.sources.position(found.primary.expect("a place").at);
            format!("{} {}:{}", found.code, at.line, at.column)
        });
        assert_eq!(told.collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn what_the_evaluator_refuses_is_told_with_all_else() {
        let rules = "groups:\n- name: g\n  rules:\n";
        let smoothed = format!("  - {{record: a, expr: '{REFUSED}'}}\n");
        check(&format!("{rules}{smoothed}"), &["cannot-evaluate 4:24"]);
        check(&format!("{rules}{smoothed}  - {{alert: B}}\n"), &["cannot-evaluate 4:24", "missing-expr 5:5"]);
    }

    #[test]
    fn a_rule_is_left_out_where_an_error_touches_it() {
        // A sweep over the sorted errors finds what a look at all of them finds.
        let rules = "groups:\n- name: g\n  rules:\n";
        let bad = "  - {record: b, expr: 'x +'}\n";
        let smoothed = format!("  - {{record: a, expr: '{REFUSED}'}}\n");
        check(
            &format!("{rules}{bad}{smoothed}{bad}{smoothed}"),
            &["promql-syntax 4:27", "cannot-evaluate 5:24", "promql-syntax 6:27", "cannot-evaluate 7:24"],
        );
        check(
            &format!("{rules}  - {{record: a, expr: '{REFUSED}', for: 5}}\n{smoothed}"),
            &["cannot-evaluate 4:24", "duration 4:81", "cannot-evaluate 5:24"],
        );
    }

    #[test]
    fn a_rule_with_a_mistake_is_told_once() {
        for expr in ["SMOOTHED + (", "rate(SMOOTHED)", "up[5m]", "'up'", "SMOOTHED[5m]", "\"SMOOTHED\" + nope()"] {
            let expr = expr.replace("SMOOTHED", REFUSED);
            let text = format!("groups:\n- name: g\n  rules:\n  - record: a\n    expr: {expr}\n");
            let mut rules = RuleSet::default();
            rules.add_partly("a.yml", text.as_bytes());
            assert!(super::check(&rules).is_empty(), "{expr}");
        }
    }
}
