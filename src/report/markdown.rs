//! `--format markdown`: the tables of a run as GitHub draws them, for a comment on a pull request.
//!
//! The same rows as [`crate::report::table`], without colours and widths, and below them what was read and evaluated.
//! Texts are escaped: a label value can neither break a table, nor mention a person.

use std::io::{self, Write};

use crate::format::counted;
use crate::outcome::Outcome;
use crate::outcome::summary::Summary;
use crate::report::table::episodes::{self, Block, Which};
use crate::report::table::{self, View, alerts, lines};

/// Writes the tables of a run.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, outcome: &Outcome, summary: &Summary, view: &View) -> io::Result<()> {
    let (order, hidden) = alerts::order(outcome, summary, view);
    writeln!(out, "**{}**", escaped(&lines::totals(summary, view.pending)))?;
    if !order.is_empty() {
        writeln!(out)?;
        alerts::grid(outcome, summary, view, &order).write_markdown(out)?;
    }
    if hidden > 0 {
        writeln!(out, "\nand {}: `--limit 0`", counted(hidden as u64, "more alert"))?;
    }
    let shown = table::shows_episodes(outcome, &order, view);
    if summary.totals.firings > 0 && !shown {
        writeln!(out, "\nTheir episodes: `--episodes`, or `--alert NAME` for one alert.")?;
    }
    for rule in order.iter().map(|at| &outcome.rules[*at]) {
        let fired = shown.then_some(Which::Fired);
        for which in fired.into_iter().chain(view.pending.then_some(Which::Pending)) {
            if let Some(block) = episodes::block(outcome, rule, which, view, false) {
                write_block(out, block)?;
            }
        }
    }
    writeln!(out)?;
    for (name, text) in lines::summary_lines(outcome, &view.clock) {
        writeln!(out, "- {name}: {}", escaped(&text))?;
    }
    Ok(())
}

fn write_block(out: &mut dyn Write, block: Block<'_>) -> io::Result<()> {
    let mut title = escaped(&block.rule.name);
    if block.which == Which::Pending {
        title = format!("Near misses of {title}");
    }
    if let Some(severity) = &block.rule.severity {
        title = format!("{title} ({})", escaped(severity));
    }
    writeln!(out, "\n#### {title}\n")?;
    let mut about = vec![code(&block.rule.condition), escaped(&block.place)];
    about.extend(block.common.map(|labels| format!("all {}", code(&labels))));
    about.extend(block.left.map(|left| escaped(&left)));
    writeln!(out, "{}\n", about.join(", "))?;
    block.grid.write_markdown(out)?;
    if block.hidden > 0 {
        writeln!(out, "\nand {}, not longer than these: `--limit 0`", counted(block.hidden as u64, "more row"))?;
    }
    Ok(())
}

/// Returns a text that shows as it is: nothing in it formats, ends a cell or mentions a person or an issue.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.trim().chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '~' | '&' | '$' => out.extend(['\\', c]),
            '@' | '#' => {
                out.push(c);
                out.push_str("<!-- -->");
            }
            '\n' | '\r' | '\t' => out.push(' '),
            _ => out.push(c),
        }
    }
    out
}

/// Returns a text as code, between more backticks than it has in a row.
pub(crate) fn code(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let space = if longest > 0 { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::sample;

    fn text(view: &View, change: impl FnOnce(&mut Outcome)) -> String {
        let mut outcome = sample::outcome();
        change(&mut outcome);
        let mut out = Vec::new();
        write(&mut out, &outcome, &Summary::of(&outcome), view).expect("a vector takes all");
        String::from_utf8(out).expect("Markdown is UTF-8")
    }

    #[test]
    fn a_comment_has_the_alerts_their_episodes_and_what_was_evaluated() {
        insta::assert_snapshot!(text(&View::default(), |_| ()), @r#"
        **3 firings of 2 alerts in 3 bursts; 1 open at the end. 1 near miss: --pending**

        | ALERT | SEVERITY | FOR | FIRED | SETS | BURSTS | FIRING | LONGEST | NEAR | LAST FIRED (UTC) | NOTE |
        | :-- | :-- | :-- | --: | --: | --: | --: | --: | --: | :-- | :-- |
        | DiskFull | critical | 1m30s (2m) | 2 | 2 | 2 | 1h21m | 48m | 1 | 01:12:00 | 1 open at the end |
        | HighCpu | warning | 0s | 1 | 1 | 1 | 5m | 5m | 0 | 01:00:00 |  |
        | BatchMissing | warning | 0s | 0 |  |  |  |  | 0 | never | no such metric: batch\_last\_run (node.yml:12), near: batch\_last\_run\_seconds |

        #### DiskFull (critical)

        `disk_free_bytes < 40e9 for 1m30s`, node.yml:10, all `{job="db"}`

        | FIRED (UTC) | UNTIL | FIRING | PENDING | INSTANCE | AT FIRE | WORST | ENDED BY |
        | :-- | :-- | --: | --: | :-- | --: | --: | :-- |
        | 2026-01-06 00:07:00 | 2026-01-06 00:40:00 | 33m | 2m | db-1 | 39G | 39G | condition false |
        | 2026-01-06 01:12:00 | open | 48m | 2m | db-2 | 1G | 1G | end of data |

        #### HighCpu (warning)

        `x > 1`, node.yml:11

        | FIRED (UTC) | UNTIL | FIRING | PENDING | AT FIRE | WORST | ENDED BY |
        | :-- | :-- | --: | --: | --: | --: | :-- |
        | 2026-01-06 01:00:00 | 2026-01-06 01:05:00 | 5m | 0s | 0.913 | - | condition false |

        - rules: rules/node.yml  3 alerts; disks every 1m
        - recording: night.csv  1,204 series, 6.9M samples, one every 15s, 2026-01-06 00:00:00 to 2026-01-06 02:00:00 UTC
        - evaluated: 121 steps x 3 rules
        "#);
    }

    #[test]
    fn near_misses_are_added_when_asked_for() {
        let view = View { pending: true, ..View::default() };
        let all = text(&view, |_| ());
        let from = all.find("#### Near misses of DiskFull").expect("a title");
        insta::assert_snapshot!(all[from..].lines().take(7).collect::<Vec<_>>().join("\n"), @r#"
        #### Near misses of DiskFull (critical)

        `disk_free_bytes < 40e9 for 1m30s`, node.yml:10, all `{instance="db-1", job="db"}`

        | PENDING (UTC) | UNTIL | FOR | SHORT BY | WORST | ENDED BY |
        | :-- | :-- | --: | --: | --: | :-- |
        | 2026-01-06 00:50:00 | 2026-01-06 00:51:00 | 1m | 1m | 39G | condition false |
        "#);
    }

    #[test]
    fn texts_can_not_format_or_mention() {
        let check = |text: &str, expected: &str| assert_eq!(escaped(text), expected);
        check("a|b", "a\\|b");
        check("__name__ <b>", "\\_\\_name\\_\\_ \\<b\\>");
        check("@root #12", "@<!-- -->root #<!-- -->12");
        check("a\nb", "a b");
        assert_eq!((code("x > 1"), code("a`b``c")), ("`x > 1`".to_owned(), "``` a`b``c ```".to_owned()));
    }
}
