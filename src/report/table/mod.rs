//! `--format table`: for people.
//!
//! First one row an alert, the worst severity first and those that never fired last, each with the reason; then the
//! episodes, where they fold to few rows or were asked for. On a terminal that is too narrow the notes wrap first, then
//! columns go: BURSTS, SETS, LONGEST, NEAR, FIRING, SEVERITY, FOR, LAST FIRED, in this order. Of episodes PENDING, AT
//! FIRE and WORST go first, then the third label, the second, UNTIL and SHORT BY. The machine formats lose nothing.

pub(crate) mod alerts;
pub(crate) mod episodes;
#[cfg(test)]
mod fit_tests;
mod fold;
pub(crate) mod grid;
pub(crate) mod labels;
pub(crate) mod lines;

use std::io::{self, Write};

use crate::format::Clock;
use crate::outcome::Outcome;
use crate::outcome::summary::Summary;
use crate::report::wrap::hung;

pub use lines::{gate_line, write_recordings, write_summary};

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

/// The most rows of episodes that are shown without being asked for.
const FEW_ROWS: usize = 20;

/// Writes the tables of a run.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, outcome: &Outcome, summary: &Summary, view: &View) -> io::Result<()> {
    let mut said = Vec::new();
    let order = alerts::write(out, outcome, summary, view, &mut said)?;
    let shown = shows_episodes(outcome, &order, view);
    if summary.totals.firings > 0 && !shown {
        writeln!(out, "{}", hung("Their episodes: --episodes, or --alert NAME for one alert.", view.width))?;
    }
    for at in order {
        let rule = &outcome.rules[at];
        if shown {
            episodes::write(out, outcome, rule, episodes::Which::Fired, view, &mut said)?;
        }
        if view.pending {
            episodes::write(out, outcome, rule, episodes::Which::Pending, view, &mut said)?;
        }
    }
    Ok(())
}

/// Returns whether the episodes of some rules follow the alerts: where they fold to few rows, or are asked for.
pub(crate) fn shows_episodes(outcome: &Outcome, rules: &[usize], view: &View) -> bool {
    let selection = &outcome.options.selection;
    let asked = view.episodes || view.unfolded || selection.alert.is_some() || selection.filter.is_some();
    let rows = || rules.iter().map(|at| episodes::rows_fired(outcome, &outcome.rules[*at])).sum::<usize>();
    asked || rows() <= FEW_ROWS
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

        DiskFull  critical  disk_free_bytes < 40e9 for 1m30s  node.yml:10  all {job="db"}
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
        near misses of  DiskFull  critical  disk_free_bytes < 40e9 for 1m30s  node.yml:10  all {instance="db-1", job="db"}
        PENDING (UTC)  UNTIL     FOR  SHORT BY  WORST  ENDED BY
        Tue 2026-01-06
          00:50:00     00:51:00   1m        1m    39G  condition false
        "#);
    }

    #[test]
    fn a_narrow_terminal_keeps_what_matters() {
        let view = View { width: Some(60), ..View::default() };
        insta::assert_snapshot!(text(&view, |_| ()), @r#"
        ALERT         FIRED  LAST FIRED  NOTE
                             (UTC)
        DiskFull          2  01:12:00    1 open at the end
        HighCpu           1  01:00:00
        BatchMissing      0  never       no such metric:
                                         batch_last_run
                                         (node.yml:12), near:
                                         batch_last_run_seconds
        columns left out at 60 columns: BURSTS, SETS, LONGEST, NEAR,
          FIRING, SEVERITY, FOR; widen the terminal or use -o json
        3 firings of 2 alerts in 3 bursts; 1 open at the end. 1 near
          miss: --pending

        DiskFull  critical  disk_free_bytes < 40e9 for 1m30s
          node.yml:10  all {job="db"}
        FIRED (UTC)  UNTIL     FIRING  INSTANCE  ENDED BY
        Tue 2026-01-06
          00:07:00   00:40:00     33m  db-1      condition false
          01:12:00   open         48m  db-2      end of data
        columns left out at 60 columns: PENDING, AT FIRE, WORST

        HighCpu  warning  x > 1  node.yml:11
        FIRED (UTC)  UNTIL     FIRING     AT  WORST  ENDED BY
                                        FIRE
        Tue 2026-01-06
          01:00:00   01:05:00      5m  0.913      -  condition false
        columns left out at 60 columns: PENDING
        "#);
    }

    /// Thirty firings: of one label set that flaps, or of as many sets, one every ten minutes.
    fn many(outcome: &mut Outcome, sets: bool) {
        let episode = |at: i64| {
            let name = if sets { at.to_string() } else { "all".to_owned() };
            let labels = [("alertname", "HighCpu"), ("severity", "warning"), ("instance", &name)];
            let from = if sets { at * 10 } else { at * 2 };
            sample::episode(1, &labels, from, Some(from), Some(from + 1), 1.0)
        };
        outcome.episodes = (0..30).map(episode).collect();
    }

    #[test]
    fn many_episodes_are_one_flag_away() {
        let short = text(&View::default(), |outcome| many(outcome, true));
        assert!(short.ends_with("Their episodes: --episodes, or --alert NAME for one alert.\n"), "{short}");
        let view = View { unfolded: true, ..View::default() };
        assert!(text(&view, |outcome| many(outcome, true)).lines().count() > 30);
    }

    #[test]
    fn episodes_are_few_by_the_rows_they_fold_to() {
        let short = text(&View::default(), |outcome| many(outcome, false));
        assert!(short.contains("\n  00:00:00 x30  "), "{short}");
    }

    #[test]
    fn a_limit_holds_for_all_episodes() {
        let view = View { unfolded: true, limit: Some(5), ..View::default() };
        for sets in [true, false] {
            let shown = text(&view, |outcome| many(outcome, sets));
            assert_eq!(shown.lines().filter(|line| line.starts_with("  0")).count(), 5, "{shown}");
            assert!(shown.ends_with("and 25 more rows, not longer than these: --limit 0\n"), "{shown}");
        }
    }
}
