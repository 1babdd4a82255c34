//! When rules are evaluated, and what they see then.

use std::str::FromStr;

use clap::Args;

use crate::engine::Align;
use crate::store::Stale;
use crate::time::{Millis, Moment, parse_interval};

/// The range and the slots of an evaluation.
#[derive(Debug, Args)]
pub(crate) struct TimeArgs {
    /// How the end of a series is told: auto, off (look-back only) or a fixed time
    #[arg(long, value_name = "HOW", value_parser = Stale::from_str, hide_short_help = true, help_heading = "Input")]
    pub(crate) stale: Option<Stale>,

    /// From when on it is reported: RFC 3339 or seconds since the epoch
    #[arg(long, value_name = "TIME", value_parser = Moment::from_str, allow_hyphen_values = true, help_heading = "Time")]
    pub(crate) start: Option<Moment>,
    /// Until when it is evaluated
    #[arg(long, value_name = "TIME", value_parser = Moment::from_str, allow_hyphen_values = true, help_heading = "Time")]
    pub(crate) end: Option<Moment>,
    /// The interval of groups that give none [default: 1m]
    #[arg(long, value_name = "DURATION", value_parser = parse_interval, help_heading = "Time")]
    pub(crate) eval_interval: Option<Millis>,
    /// Where slots are counted from: epoch, start (the first sample) or a duration after the epoch
    #[arg(long, value_name = "WHERE", value_parser = Align::from_str, help_heading = "Time")]
    pub(crate) align: Option<Align>,
    /// How far back a selector looks for a sample [default: 5m]
    #[arg(long, value_name = "DURATION", value_parser = parse_interval, hide_short_help = true, help_heading = "Time")]
    pub(crate) lookback_delta: Option<Millis>,
}

impl TimeArgs {
    /// Tells whether the span of the recordings must be known before the rules are evaluated.
    pub(crate) fn is_relative(&self) -> bool {
        self.start.iter().chain(&self.end).any(|moment| moment.is_relative())
    }
}
