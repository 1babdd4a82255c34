//! Other values of a rule's parameters.

use std::str::FromStr;

use clap::Args;

use crate::sweep::ask::Ask;

/// What is tried, and by what it is judged.
#[derive(Debug, Args)]
pub(crate) struct SweepArgs {
    /// Try other values: 'HighCpu.for=5m,10m'; repeatable
    ///
    /// ALERT.KEY=VALUES shows one row per value. The key is `for`, `keep_firing_for`, `threshold` (a number that the
    /// expression compares with), `number` (any other one) or `window` (a range, such as `[5m]`), the values are a list
    /// or a range `from..to:step`: 'HighCpu.threshold=0.8..0.95:0.05'. Of several, `threshold[2]` is the second in the
    /// text of the expression, and `window[*]` all together. Several --set try all combinations. Where two alerts have
    /// one name, write 'GROUP/NAME.for=..', 'NAME#2.for=..' for the second, or where its rule stands:
    /// 'node.yml:12.for=..'.
    #[arg(long, value_name = "VALUES", value_parser = Ask::from_str, conflicts_with_all = ["pending", "all", "sort", "by"], help_heading = "Report")]
    pub(crate) set: Vec<Ask>,
    /// Judge an alert by the times at which something was wrong
    ///
    /// CSV with the columns start, end and labels, or JSON: a list of [start, end], or such lists by the names of
    /// recordings; `-` is standard input. With --set each value is judged, without it the alert of --alert as it is. A
    /// time without a zone is in --input-timezone where that is given, else in --tz.
    #[arg(long, value_name = "FILE", hide_short_help = true, conflicts_with_all = ["pending", "all", "sort", "by", "show_expr"], help_heading = "Report")]
    pub(crate) incidents: Option<String>,
}

impl SweepArgs {
    /// Returns whether anything is tried or judged.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.set.is_empty() || self.incidents.is_some()
    }
}
