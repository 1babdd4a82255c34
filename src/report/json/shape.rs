//! The shape of the object: what stands where, and under which key.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::report::number::{At, Labels, Number, Pairs, Sampled, Seconds};

#[derive(Serialize)]
pub(super) struct Document<'a> {
    pub(super) schema: &'static str,
    pub(super) tool: Tool<'a>,
    pub(super) options: OptionsOut<'a>,
    pub(super) range: RangeOut,
    pub(super) recordings: Vec<RecordingOut<'a>>,
    pub(super) hidden: Vec<HiddenOut<'a>>,
    pub(super) groups: Vec<GroupOut<'a>>,
    pub(super) rules: Vec<RuleOut<'a>>,
    pub(super) episodes: Vec<EpisodeOut<'a>>,
    pub(super) diagnostics: Vec<FindingOut<'a>>,
    pub(super) totals: TotalsOut<'a>,
    pub(super) gate: GateOut,
}

#[derive(Serialize)]
pub(in crate::report) struct Tool<'a> {
    pub(in crate::report) version: &'a str,
    pub(in crate::report) semantics: &'static str,
}

#[derive(Serialize)]
pub(in crate::report) struct SettingOut<T> {
    pub(in crate::report) value: T,
    pub(in crate::report) from: &'static str,
}

#[derive(Serialize)]
pub(in crate::report) struct OptionsOut<'a> {
    pub(in crate::report) eval_interval: SettingOut<String>,
    pub(in crate::report) align: SettingOut<String>,
    pub(in crate::report) lookback_delta: SettingOut<String>,
    pub(in crate::report) stale: SettingOut<String>,
    pub(in crate::report) external_labels: SettingOut<Labels<'a>>,
    pub(in crate::report) join: SettingOut<String>,
    pub(in crate::report) alert: Option<SettingOut<&'a str>>,
    pub(in crate::report) start: Option<SettingOut<At>>,
    pub(in crate::report) end: Option<SettingOut<At>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::report) group: Option<SettingOut<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::report) r#where: Option<SettingOut<&'a str>>,
}

#[derive(Serialize)]
pub(in crate::report) struct RangeOut {
    pub(in crate::report) data_start: Option<At>,
    pub(in crate::report) data_end: Option<At>,
    pub(in crate::report) evaluated_from: Option<At>,
    pub(in crate::report) evaluated_to: Option<At>,
    pub(in crate::report) reported_from: Option<At>,
}

#[derive(Serialize)]
pub(super) struct RecordingOut<'a> {
    pub(super) path: &'a str,
    pub(super) format: &'a str,
    pub(super) series: Option<u64>,
    pub(super) samples: u64,
    pub(super) start: Option<At>,
    pub(super) end: Option<At>,
    pub(super) cadence_s: Option<Seconds>,
    pub(super) bad_rows: u64,
    pub(super) conflicts: Option<u64>,
    pub(super) stale_markers: StaleOut<'a>,
    pub(super) gaps: Vec<GapOut>,
    pub(super) time: TimeOut<'a>,
}

#[derive(Serialize)]
pub(super) struct StaleOut<'a> {
    pub(super) recorded: u64,
    pub(super) inferred: u64,
    pub(super) by: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct GapOut {
    pub(super) from: At,
    pub(super) to: At,
    pub(super) series: u64,
}

#[derive(Serialize)]
pub(super) struct TimeOut<'a> {
    pub(super) unit: &'a str,
    pub(super) zone: &'a str,
    pub(super) from: &'a str,
}

#[derive(Serialize)]
pub(super) struct HiddenOut<'a> {
    pub(super) metric: &'a str,
    pub(super) rules: Vec<WriterOut<'a>>,
    pub(super) series: u64,
    pub(super) samples: u64,
    pub(super) computed_series: u64,
    pub(super) recorded_only_series: u64,
    pub(super) computed_only_series: u64,
    pub(super) points: PointsOut,
    pub(super) first_difference: Option<DifferenceOut<'a>>,
}

#[derive(Serialize)]
pub(super) struct WriterOut<'a> {
    pub(super) id: String,
    pub(super) group: String,
    pub(super) file: &'a str,
    pub(super) line: u32,
}

#[derive(Serialize)]
pub(super) struct PointsOut {
    pub(super) compared: u64,
    pub(super) agree: u64,
    pub(super) recorded_only: u64,
}

#[derive(Serialize)]
pub(super) struct DifferenceOut<'a> {
    pub(super) at: At,
    pub(super) labels: Labels<'a>,
    pub(super) recorded: Sampled<'a>,
    pub(super) computed: Sampled<'a>,
}

#[derive(Serialize)]
pub(super) struct GroupOut<'a> {
    pub(super) id: String,
    pub(super) file: &'a str,
    pub(super) name: &'a str,
    pub(super) interval_s: Seconds,
    pub(super) interval_from: &'static str,
    pub(super) offset_ms: i64,
    pub(super) offset_from: &'static str,
    pub(super) steps: u64,
}

#[derive(Serialize)]
pub(super) struct RuleOut<'a> {
    pub(super) id: String,
    pub(super) group: String,
    pub(super) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) alert: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) record: Option<&'a str>,
    pub(super) file: &'a str,
    pub(super) line: u32,
    pub(super) expr: &'a str,
    pub(super) for_s: Seconds,
    pub(super) for_effective_s: Seconds,
    pub(super) keep_firing_for_s: Seconds,
    pub(super) severity: Option<&'a str>,
    pub(super) labels: Pairs<'a, String>,
    pub(super) evaluations: u64,
    pub(super) true_evaluations: u64,
    pub(super) firings: u64,
    pub(super) label_sets: u64,
    pub(super) bursts: u64,
    pub(super) near_misses: u64,
    pub(super) refires: u64,
    pub(super) firing_s: Seconds,
    pub(super) longest_s: Seconds,
    pub(super) first_fired_at: Option<At>,
    pub(super) last_fired_at: Option<At>,
    pub(super) never: Option<&'static str>,
    pub(super) warm_from: Option<At>,
    pub(super) missing_metrics: Vec<&'a str>,
    pub(super) errors: Vec<ErrorOut<'a>>,
    pub(super) warnings: Vec<AnnotationOut<'a>>,
    pub(super) infos: Vec<AnnotationOut<'a>>,
    pub(super) worst: Option<Number>,
    pub(super) longest_near_miss_s: Seconds,
    pub(super) nearest_metrics: BTreeMap<&'a str, &'a [String]>,
    pub(super) unmatched: Option<UnmatchedOut<'a>>,
    pub(super) no_source: Option<NoSourceOut<'a>>,
    pub(super) unseen: Option<UnseenOut<'a>>,
}

#[derive(Serialize)]
pub(super) struct NoSourceOut<'a> {
    pub(super) metric: &'a str,
    pub(super) rule: &'a str,
    pub(super) file: &'a str,
    pub(super) line: u32,
    pub(super) missing_metric: Option<&'a str>,
    pub(super) selector: Option<&'a str>,
    pub(super) hidden: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct UnseenOut<'a> {
    pub(super) reason: &'static str,
    pub(super) selector: &'a str,
    pub(super) absent: Vec<[At; 2]>,
}

#[derive(Serialize)]
pub(super) struct UnmatchedOut<'a> {
    pub(super) selector: &'a str,
    pub(super) matcher: Option<&'a str>,
    pub(super) values: &'a [String],
    pub(super) nearest: bool,
}

#[derive(Serialize)]
pub(super) struct ErrorOut<'a> {
    pub(super) at: At,
    pub(super) count: u64,
    pub(super) message: &'a str,
}

#[derive(Serialize)]
pub(super) struct AnnotationOut<'a> {
    pub(super) at: At,
    pub(super) count: u64,
    pub(super) message: &'a str,
}

#[derive(Serialize)]
pub(super) struct EpisodeOut<'a> {
    pub(super) id: String,
    pub(super) rule: String,
    pub(super) group: &'a str,
    pub(super) alert: &'a str,
    pub(super) severity: Option<&'a str>,
    pub(super) file: &'a str,
    pub(super) line: u32,
    pub(super) labels: Labels<'a>,
    pub(super) annotations: Pairs<'a, String>,
    pub(super) active_at: At,
    pub(super) fired_at: Option<At>,
    pub(super) resolved_at: Option<At>,
    pub(super) last_true_at: At,
    pub(super) pending_s: Seconds,
    pub(super) firing_s: Seconds,
    pub(super) end: &'static str,
    pub(super) end_cause: &'static str,
    pub(super) began: &'static str,
    pub(super) values: ValuesOut,
    pub(super) threshold: Option<ThresholdOut>,
    pub(super) evaluations: EvaluationsOut,
    pub(super) suppressed: Vec<SuppressedOut<'a>>,
    pub(super) suppressed_s: Seconds,
    pub(super) depends_on: Vec<&'static str>,
    pub(super) previous: Option<String>,
}

#[derive(Serialize)]
pub(super) struct ValuesOut {
    pub(super) active: Number,
    pub(super) fire: Option<Number>,
    pub(super) worst: Option<Number>,
    pub(super) last: Number,
    pub(super) min: Number,
    pub(super) max: Number,
}

#[derive(Serialize)]
pub(super) struct ThresholdOut {
    pub(super) op: &'static str,
    pub(super) value: Number,
}

#[derive(Serialize)]
pub(super) struct EvaluationsOut {
    pub(super) total: u64,
    pub(super) r#true: u64,
    pub(super) error: u64,
}

#[derive(Serialize)]
pub(in crate::report) struct FindingOut<'a> {
    pub(in crate::report) code: &'static str,
    pub(in crate::report) severity: &'static str,
    pub(in crate::report) message: &'a str,
    pub(in crate::report) file: Option<&'a str>,
    pub(in crate::report) line: Option<u32>,
    pub(in crate::report) column: Option<u32>,
}

#[derive(Serialize)]
pub(super) struct SuppressedOut<'a> {
    pub(super) from: At,
    pub(super) to: At,
    pub(super) by: &'a str,
}

#[derive(Serialize)]
pub(super) struct TotalsOut<'a> {
    pub(super) firings: u64,
    pub(super) by_severity: Pairs<'a, u64>,
    pub(super) open_at_end: u64,
    pub(super) began_before_data: u64,
    pub(super) suppressed: u64,
    pub(super) near_misses: u64,
}

#[derive(Serialize)]
pub(in crate::report) struct GateOut {
    pub(in crate::report) fail_on: Vec<String>,
    pub(in crate::report) counted: u64,
    pub(in crate::report) excluded: ExcludedOut,
    pub(in crate::report) met: bool,
    pub(in crate::report) exit: u8,
}

#[derive(Serialize)]
pub(in crate::report) struct ExcludedOut {
    pub(in crate::report) began_before_data: u64,
    pub(in crate::report) warm_up: u64,
    pub(in crate::report) suppressed: u64,
}
