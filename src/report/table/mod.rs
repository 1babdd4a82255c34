//! `--format table`: for people.
//!
//! First one row an alert, the worst severity first and those that never fired last, each with the reason; then the
//! episodes, where there are few or where they were asked for. A terminal that is too narrow first wraps the notes,
//! then loses the columns SETS, BURSTS, NEAR, LONGEST, FOR, LAST FIRED, SEVERITY, FIRING in this order; the machine
//! formats lose nothing.

pub(crate) mod alerts;
pub(crate) mod episodes;
mod fold;
pub(crate) mod grid;
pub(crate) mod lines;

use std::io::{self, Write};

use crate::format::Clock;
use crate::outcome::Outcome;
use crate::outcome::summary::Summary;

pub use lines::{gate_line, write_summary};

/// What rows are ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// When it fired, the earliest first.
    Time,
    /// How long it fired, the longest first.
    Firing,
    /// How often it fired, the most first.
    Count,
    /// The severity, then how long it fired.
    Severity,
}

/// The most rows of one table where nothing is said.
pub const ROWS: usize = 50;

/// How much is shown, and how.
#[derive(Clone, Debug)]
pub struct View {
    /// Writes instants.
    pub clock: Clock,
    /// The width of the terminal, if it is one. Unit: columns.
    pub width: Option<usize>,
    /// Whether colours may be used.
    pub color: bool,
    /// The order; alerts by severity and episodes by time where nothing is said.
    pub sort: Option<Sort>,
    /// The most rows of one table, where a number was asked for; 0 shows all.
    pub limit: Option<usize>,
    /// Whether episodes are shown however many there are.
    pub episodes: bool,
    /// Whether episodes that died pending are shown.
    pub pending: bool,
    /// Whether every episode has its own row.
    pub unfolded: bool,
}

/// Everything that fits, in UTC, without colours.
impl Default for View {
    fn default() -> Self {
        Self {
            clock: Clock::utc(),
            width: None,
            color: false,
            sort: None,
            limit: None,
            episodes: false,
            pending: false,
            unfolded: false,
        }
    }
}

impl View {
    /// Returns the limit as a number of rows.
    pub(crate) fn rows(&self) -> usize {
        match self.limit {
            Some(0) => usize::MAX,
            Some(limit) => limit,
            None if self.unfolded => usize::MAX,
            None => ROWS,
        }
    }
}

/// The most firings whose episodes are shown without being asked for.
const FEW_FIRINGS: u64 = 20;

/// Writes the tables of a run.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, outcome: &Outcome, summary: &Summary, view: &View) -> io::Result<()> {
    let order = alerts::write(out, outcome, summary, view)?;
    let shown = shows_episodes(outcome, summary, view);
    if summary.totals.firings > 0 && !shown {
        writeln!(out, "Their episodes: --episodes, or --alert NAME for one alert.")?;
    }
    for at in order {
        let rule = &outcome.rules[at];
        if shown {
            episodes::write(out, outcome, rule, episodes::Which::Fired, view)?;
        }
        if view.pending {
            episodes::write(out, outcome, rule, episodes::Which::Pending, view)?;
        }
    }
    Ok(())
}

/// Tells whether the episodes follow the alerts: where they are few, or asked for.
pub(crate) fn shows_episodes(outcome: &Outcome, summary: &Summary, view: &View) -> bool {
    let selection = &outcome.options.selection;
    let asked = view.episodes || view.unfolded || selection.alert.is_some() || selection.filter.is_some();
    asked || summary.totals.firings <= FEW_FIRINGS
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
        String::from_utf8(out).expect("a table is UTF-8")
    }

    #[test]
    fn alerts_come_first_and_few_episodes_follow() {
        insta::assert_snapshot!(text(&View::default(), |_| ()), @r#"
        ALERT         SEVERITY  FOR         FIRED  SETS  BURSTS  FIRING  LONGEST  NEAR  LAST FIRED (UTC)  NOTE
        DiskFull      critical  1m30s (2m)      2     2       2   1h21m      48m     1  01:12:00          1 open at the end
        HighCpu       warning   0s              1     1       1      5m       5m     0  01:00:00
        BatchMissing  warning   0s              0                                    0  never             no such metric: batch_last_run (node.yml:12), near: batch_last_run_seconds
        3 firings of 2 alerts in 3 bursts; 1 open at the end. 1 near miss: --pending

        DiskFull  critical  disk_free_bytes < 4e+10 for 1m30s  node.yml:10  all {job="db"}
        FIRED (UTC)  UNTIL     FIRING  PENDING  INSTANCE  AT FIRE  WORST  ENDED BY
        Tue 2026-01-06
          00:07:00   00:40:00     33m       2m  db-1          39G    39G  condition false
          01:12:00   open         48m       2m  db-2           1G     1G  end of data

        HighCpu  warning  x > 1  node.yml:11
        FIRED (UTC)  UNTIL     FIRING  PENDING  AT FIRE  WORST  ENDED BY
        Tue 2026-01-06
          01:00:00   01:05:00      5m       0s    0.913      -  condition false
        "#);
    }

    #[test]
    fn near_misses_are_shown_when_asked_for() {
        let view = View { pending: true, ..View::default() };
        let all = text(&view, |outcome| outcome.episodes.retain(|episode| episode.rule.0 == 0));
        let from = all.find("near misses of").expect("a heading");
        insta::assert_snapshot!(&all[from..], @r#"
        near misses of  DiskFull  critical  disk_free_bytes < 4e+10 for 1m30s  node.yml:10  all {instance="db-1", job="db"}
        PENDING (UTC)  UNTIL     FOR  SHORT BY  WORST  ENDED BY
        Tue 2026-01-06
          00:50:00     00:51:00   1m        1m    39G  condition false
        "#);
    }

    #[test]
    fn a_narrow_terminal_keeps_what_matters() {
        let view = View { width: Some(60), ..View::default() };
        insta::assert_snapshot!(text(&view, |_| ()), @r#"
        ALERT         FIRED  FIRING  NOTE
        DiskFull          2   1h21m  1 open at the end
        HighCpu           1      5m
        BatchMissing      0          no such metric: batch_last_run
                                     (node.yml:12), near:
                                     batch_last_run_seconds
        3 firings of 2 alerts in 3 bursts; 1 open at the end. 1 near miss: --pending

        DiskFull  critical  disk_free_bytes < 4e+10 for 1m30s  node.yml:10  all {job="db"}
        FIRED (UTC)  UNTIL     FIRING  INSTANCE  ENDED BY
        Tue 2026-01-06
          00:07:00   00:40:00     33m  db-1      condition false
          01:12:00   open         48m  db-2      end of data

        HighCpu  warning  x > 1  node.yml:11
        FIRED (UTC)  UNTIL     FIRING  WORST  ENDED BY
        Tue 2026-01-06
          01:00:00   01:05:00      5m      -  condition false
        "#);
    }

    #[test]
    fn many_episodes_are_one_flag_away() {
        let many = |outcome: &mut Outcome| {
            let labels = [("alertname", "HighCpu"), ("severity", "warning")];
            outcome.episodes = (0..30).map(|at| sample::episode(1, &labels, at, Some(at), Some(at), 1.0)).collect();
        };
        let short = text(&View::default(), many);
        assert!(short.ends_with("Their episodes: --episodes, or --alert NAME for one alert.\n"), "{short}");
        let view = View { unfolded: true, ..View::default() };
        assert!(text(&view, many).lines().count() > 30);
    }
}
