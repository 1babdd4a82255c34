//! Flags by concept, shared by the commands and parsed straight into the library's own types.

pub(crate) mod control;
pub(crate) mod convert;
pub(crate) mod form;
pub(crate) mod input;
pub(crate) mod output;
pub(crate) mod report;
pub(crate) mod rules;
pub(crate) mod sweep;
pub(crate) mod time;

pub(crate) use control::ControlArgs;
pub(crate) use convert::ConvertArgs;
pub(crate) use input::InputArgs;
pub(crate) use output::{ColorWhen, ConsoleArgs, Format, JobArgs, OutArgs};
pub(crate) use report::{ChoiceArgs, GateArgs, LabelArgs, ReportArgs, SelectArgs, SilenceArgs, ZoneArgs};
pub(crate) use rules::{ExternalArgs, KeyArgs, RuleArgs};
pub(crate) use sweep::SweepArgs;
pub(crate) use time::{SightArgs, TimeArgs};
