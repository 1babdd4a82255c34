//! `--show-expr` with `--set`: the expression as it is, with what is set marked, and with each value in its place.

use std::io::{self, Write};

use crate::format::one_line;
use crate::report::table::grid::printable;
use crate::report::wrap::width;
use crate::rules::Rule;
use crate::sweep::Plan;

use super::{meant, shown};

/// Writes the expression of each combination of literals, the rule's own one first, at most so many.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, plan: &Plan, rule: &Rule, most: usize) -> io::Result<()> {
    writeln!(out, "# {}:{}  alert {}", printable(&plan.place.file), plan.place.line, printable(&plan.alert))?;
    for axis in &plan.axes {
        let values: Vec<String> = axis.values.iter().take(most).map(shown).collect();
        let more = axis.values.len().saturating_sub(values.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        writeln!(out, "# {}: {}; values {}{more}", axis.name, printable(&meant(axis)), values.join(" "))?;
    }
    for line in marked(plan, rule) {
        writeln!(out, "# {line}")?;
    }
    writeln!(out, "{}", printable(&one_line(&rule.text.text)))?;
    // What is not in the expression changes nothing in it.
    let in_expression =
        |point: &[usize]| plan.axes.iter().zip(point).all(|(axis, at)| axis.key.is_literal() || *at == axis.now);
    let mut points = (0..plan.points())
        .filter(|number| *number != plan.now())
        .map(|number| plan.point(number))
        .filter(|point| in_expression(point));
    for point in points.by_ref().take(most) {
        writeln!(out, "{}", printable(&one_line(&plan.edited(rule, &point))))?;
    }
    match points.count() {
        0 => Ok(()),
        more => writeln!(out, "# and {more} more: --limit 0"),
    }
}

/// Returns the expression in one line, and a line of carets under what is set.
fn marked(plan: &Plan, rule: &Rule) -> [String; 2] {
    // Characters that mean nothing, of which a text has none.
    const BEGIN: char = '\u{e000}';
    const END: char = '\u{e001}';
    let mut text = rule.text.text.clone();
    for span in plan.spans().into_iter().rev() {
        text.insert(span.end as usize, END);
        text.insert(span.start as usize, BEGIN);
    }
    let (mut line, mut carets) = (String::new(), String::new());
    let mut caret = ' ';
    for c in one_line(&text).chars() {
        match c {
            BEGIN => caret = '^',
            END => caret = ' ',
            c => {
                let shown = printable(c.encode_utf8(&mut [0; 4]));
                carets.extend(std::iter::repeat_n(caret, width(&shown)));
                line.push_str(&shown);
            }
        }
    }
    [line, carets.trim_end().to_owned()]
}
