//! When rules are evaluated, and what they see then.

use std::str::FromStr;

use clap::Args;

use crate::engine::Align;
use crate::outcome::RunOptions;
use crate::store::Stale;
use crate::time::{Millis, Moment, parse_interval};

/// What an evaluation sees of a recording.
#[derive(Debug, Args)]
pub(crate) struct SightArgs {
    /// How the end of a series is detected: auto, off or a duration [default: auto]
    ///
    /// `auto` infers it from the spacing of the samples, a duration such as 90s is a fixed time without samples, `off`
    /// leaves --lookback-delta alone to end a series.
    #[arg(long, value_name = "HOW", value_parser = Stale::from_str, hide_short_help = true, help_heading = "Input")]
    pub(crate) stale: Option<Stale>,
    /// How far back a selector looks for a sample [default: 5m]
    #[arg(long, value_name = "DURATION", value_parser = parse_interval, allow_hyphen_values = true, hide_short_help = true, help_heading = "Time")]
    pub(crate) lookback_delta: Option<Millis>,
}

impl SightArgs {
    /// Puts what the flags say into the options of a run.
    pub(crate) fn set(&self, options: &mut RunOptions) {
        options.lookback_delta.set(self.lookback_delta);
        options.stale.set(self.stale);
    }
}

/// The range and the slots of an evaluation.
#[derive(Debug, Args)]
pub(crate) struct TimeArgs {
    #[command(flatten)]
    pub(crate) sight: SightArgs,
    /// Report only from TIME; earlier data still warms up windows
    ///
    /// A time as reports print it (`2026-01-05 18:00`, `2026-01-05`, `18:00:30` if the recording has it once), RFC
    /// 3339, seconds since the epoch, or relative: `-2h` is two hours before the last sample, `+30m` half an hour after
    /// the first. A time without a zone is in --tz.
    #[arg(long, value_name = "TIME", value_parser = Moment::from_str, allow_hyphen_values = true, help_heading = "Time")]
    pub(crate) start: Option<Moment>,
    /// Stop evaluating at TIME
    ///
    /// Written as for --start.
    #[arg(long, value_name = "TIME", value_parser = Moment::from_str, allow_hyphen_values = true, help_heading = "Time")]
    pub(crate) end: Option<Moment>,
    /// Interval of groups that set none [default: 1m]
    #[arg(long, value_name = "DURATION", value_parser = parse_interval, help_heading = "Time")]
    pub(crate) eval_interval: Option<Millis>,
    /// Align evaluation times: epoch, start or a duration [default: epoch]
    ///
    /// `start` is the first sample; a duration such as 12s is counted from the epoch. A server's offset differs for
    /// each of its groups.
    #[arg(long, value_name = "TO", value_parser = Align::from_str, hide_short_help = true, help_heading = "Time")]
    pub(crate) align: Option<Align>,
}

impl TimeArgs {
    /// Returns whether the span of the recordings must be known before the rules are evaluated.
    pub(crate) fn is_relative(&self) -> bool {
        self.start.iter().chain(&self.end).any(|moment| moment.is_relative())
    }
}
