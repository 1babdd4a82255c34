//! Explanations as one JSON object.

mod tree;

use std::io::{self, Write};

use serde::Serialize;

use self::tree::NodeOut;
use super::answer::answer;
use super::words::{Times, happened, why};
use crate::engine::{Episode, Phase};
use crate::explain::{Because, Explanation, Happening, What, Why};
use crate::format::Clock;
use crate::labels::LabelSet;
use crate::report::json::{SEMANTICS, Tool};
use crate::report::number::{At, Labels, Number, Pairs, Seconds, write_json};

/// Writes one JSON object in one line: all events, rows and samples; times in UTC.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, explanation: &Explanation) -> io::Result<()> {
    let clock = Clock::utc();
    let times = Times::exact(&clock);
    let Explanation { rule, group, outcome, .. } = explanation;
    let document = Document {
        schema: "alertctl.explain/1",
        tool: Tool { version: &outcome.version, semantics: SEMANTICS },
        rule: RuleOut {
            alert: &rule.name,
            group: &group.name,
            file: &rule.file,
            line: rule.line,
            expr: &rule.expr,
            r#for_s: Seconds(rule.hold),
            keep_firing_for_s: Seconds(rule.keep),
            interval_s: Seconds(group.schedule.interval),
            severity: rule.severity.as_deref(),
            threshold: rule.threshold.map(|(op, value)| ThresholdOut { op: op.symbol(), value: Number(value) }),
        },
        namesakes: explanation.namesakes.iter().map(|(file, line)| PlaceOut { file, line: *line }).collect(),
        evaluated_from: outcome.range.evaluated_from.map(At),
        evaluated_to: outcome.range.evaluated_to.map(At),
        labels: explanation.alert.as_ref().map(Labels),
        chosen: chosen(explanation.because),
        label_sets: explanation.label_sets,
        firings: explanation.episodes.iter().filter(|one| one.activity.fired_at.is_some()).count(),
        answer: answer(explanation, &times),
        history: explanation.history.iter().map(|one| HappeningOut::of(one, explanation, &times)).collect(),
        episode: explanation.episode.map(|place| EpisodeOut::of(&explanation.episodes[place])),
        at: At(explanation.at),
        state: match explanation.phase {
            Phase::Inactive => "inactive",
            Phase::Pending => "pending",
            Phase::Firing => "firing",
        },
        tree: NodeOut::of(&explanation.tree, &times),
        margin: explanation.margin.map(|margin| MarginOut {
            for_over_s: margin.hold_over.map(Seconds),
            threshold: margin.threshold.map(Number),
        }),
        near: explanation.near.map(|near| NearOut {
            closest: near.nearest.map(|(at, value)| PointOut { at: At(at), value: Number(value) }),
            threshold: near.threshold.map(Number),
            true_for_s: near.hold.map(Seconds),
        }),
    };
    write_json(out, &document)?;
    out.write_all(b"\n")
}

fn chosen(because: Because) -> &'static str {
    match because {
        Because::Only => "only",
        Because::FiredLongest => "fired_longest",
        Because::FiredFirst => "fired_first",
        Because::FiredLast => "fired_last",
        Because::PendingLongest => "pending_longest",
        Because::ActiveThen => "active_then",
        Because::NearestInTime => "nearest_in_time",
        Because::NearestValue => "nearest_value",
        Because::Beyond => "beyond",
        Because::NearestValueThen => "nearest_value_then",
        Because::Nothing => "nothing",
    }
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    tool: Tool<'a>,
    rule: RuleOut<'a>,
    namesakes: Vec<PlaceOut<'a>>,
    evaluated_from: Option<At>,
    evaluated_to: Option<At>,
    labels: Option<Labels<'a>>,
    chosen: &'static str,
    label_sets: usize,
    firings: usize,
    answer: String,
    history: Vec<HappeningOut<'a>>,
    episode: Option<EpisodeOut<'a>>,
    at: At,
    state: &'static str,
    tree: NodeOut<'a>,
    margin: Option<MarginOut>,
    near: Option<NearOut>,
}

#[derive(Serialize)]
struct RuleOut<'a> {
    alert: &'a str,
    group: &'a str,
    file: &'a str,
    line: u32,
    expr: &'a str,
    for_s: Seconds,
    keep_firing_for_s: Seconds,
    interval_s: Seconds,
    severity: Option<&'a str>,
    threshold: Option<ThresholdOut>,
}

#[derive(Serialize)]
struct ThresholdOut {
    op: &'static str,
    value: Number,
}

#[derive(Serialize)]
struct PlaceOut<'a> {
    file: &'a str,
    line: u32,
}

#[derive(Serialize)]
struct PointOut {
    at: At,
    value: Number,
}

#[derive(Serialize)]
struct MarginOut {
    for_over_s: Option<Seconds>,
    threshold: Option<Number>,
}

#[derive(Serialize)]
struct NearOut {
    closest: Option<PointOut>,
    threshold: Option<Number>,
    true_for_s: Option<Seconds>,
}

#[derive(Serialize)]
struct EpisodeOut<'a> {
    active_at: At,
    fired_at: Option<At>,
    resolved_at: Option<At>,
    end: &'static str,
    end_cause: &'static str,
    began: &'static str,
    annotations: Pairs<'a, String>,
    suppressed: Vec<SuppressedOut<'a>>,
}

#[derive(Serialize)]
struct SuppressedOut<'a> {
    from: At,
    to: At,
    by: &'a str,
}

impl<'a> EpisodeOut<'a> {
    fn of(episode: &'a Episode) -> Self {
        let silence =
            |one: &'a crate::engine::Suppression| SuppressedOut { from: At(one.from), to: At(one.to), by: &one.by };
        Self {
            active_at: At(episode.activity.active_at),
            fired_at: episode.activity.fired_at.map(At),
            resolved_at: episode.ended_at.map(At),
            end: episode.end.word(),
            end_cause: episode.cause.word(),
            began: episode.began.word(),
            annotations: Pairs(&episode.annotations),
            suppressed: episode.suppressed.iter().map(silence).collect(),
        }
    }
}

#[derive(Serialize)]
struct SidesOut {
    op: &'static str,
    left: Number,
    right: Number,
}

#[derive(Serialize)]
struct HappeningOut<'a> {
    at: At,
    what: &'static str,
    value: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after_s: Option<Seconds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evaluations: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sides: Option<SidesOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<At>,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<Labels<'a>>,
    reason: Option<ReasonOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lost: Option<ReasonOut<'a>>,
    text: String,
}

impl<'a> HappeningOut<'a> {
    fn of(one: &'a Happening, explanation: &Explanation, times: &Times<'_>) -> Self {
        let mut out = Self {
            at: At(one.at),
            what: "",
            value: one.value.map(Number),
            after_s: None,
            evaluations: None,
            failed: None,
            sides: one.sides.map(|(op, left, right)| SidesOut {
                op: op.symbol(),
                left: Number(left),
                right: Number(right),
            }),
            to: None,
            labels: None,
            reason: one.why.as_ref().map(|reason| ReasonOut::of(Some((reason.part, &reason.text)), &reason.why, times)),
            lost: one.lost.as_ref().map(|lost| ReasonOut::of(None, lost, times)),
            text: happened(one, explanation, times).1,
        };
        out.what = match &one.what {
            What::True => "true",
            What::Fires { after, evaluations, failed } => {
                (out.after_s, out.evaluations) = (Some(Seconds(*after)), Some(*evaluations));
                out.failed = Some(*failed);
                "fires"
            }
            What::Dropped { after, evaluations } => {
                (out.after_s, out.evaluations) = (Some(Seconds(*after)), Some(*evaluations));
                "dropped"
            }
            What::Kept => "kept",
            What::TrueAgain => "true_again",
            What::Resolved { after, .. } => {
                out.after_s = Some(Seconds(*after));
                "resolved"
            }
            What::Failed { evaluations } => {
                out.evaluations = Some(*evaluations);
                "failed"
            }
            What::LimitExceeded => "limit_exceeded",
            What::Renamed { labels } => {
                out.labels = labels.as_ref().map(Labels);
                "renamed"
            }
            What::Silenced { to, .. } => {
                out.to = Some(At(*to));
                "silenced"
            }
            What::EndOfData { .. } => "end_of_data",
        };
        out
    }
}

#[derive(Serialize)]
struct ReasonOut<'a> {
    /// The number of the part, in the order the parts stand in the tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expr: Option<&'a str>,
    kind: &'static str,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    series: Option<Labels<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nearest: Option<Labels<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    differs: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<At>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<At>,
    #[serde(skip_serializing_if = "Option::is_none")]
    down: Option<Labels<'a>>,
}

impl<'a> ReasonOut<'a> {
    fn of(part: Option<(usize, &'a str)>, reason: &'a Why, times: &Times<'_>) -> Self {
        let (part, expr) = part.unzip();
        let mut out = Self {
            part,
            expr: expr.filter(|expr| !expr.is_empty()),
            kind: "",
            text: why(reason, times),
            series: None,
            nearest: None,
            differs: None,
            last: None,
            next: None,
            down: None,
        };
        let of = |labels: &'a Option<LabelSet>| labels.as_ref().map(Labels);
        out.kind = match reason {
            Why::Failed { .. } => "failed",
            Why::False { labels, .. } => {
                out.series = Some(Labels(labels));
                "false"
            }
            Why::NoSample { series, last, next, down, .. } => {
                (out.series, out.down) = (Some(Labels(series)), of(down));
                (out.last, out.next) = (last.map(At), next.map(At));
                "no_sample"
            }
            Why::NoSeries { wanted, nearest, .. } => {
                (out.series, out.nearest) = (Some(Labels(wanted)), of(nearest));
                "no_series"
            }
            Why::NoMatch { nearest, .. } => {
                out.nearest = of(nearest);
                "no_match"
            }
            Why::Outside { .. } => "outside",
            Why::NoStep { .. } => "no_step",
            Why::OtherKind { series, .. } => {
                out.series = Some(Labels(series));
                "other_kind"
            }
            Why::Kinds { series, .. } => {
                out.series = Some(Labels(series));
                "kinds"
            }
            Why::NoBounds { .. } => "no_bounds",
            Why::Source { .. } => "source",
            Why::NoBuckets { row } => {
                out.series = Some(Labels(row));
                "no_buckets"
            }
            Why::NoMetric { .. } => "no_metric",
            Why::NoSource(_) => "no_source",
            Why::FewSamples { series, .. } => {
                out.series = Some(Labels(series));
                "few_samples"
            }
            Why::NoPartner { row, nearest, differs, .. } => {
                (out.series, out.nearest, out.differs) = (Some(Labels(row)), of(nearest), Some(differs.as_slice()));
                "no_partner"
            }
            Why::Taken { by, .. } => {
                out.series = Some(Labels(by));
                "taken"
            }
            Why::NotOne { .. } => "not_one",
            Why::Reset { series, .. } => {
                out.series = Some(Labels(series));
                "reset"
            }
            Why::There { series, .. } => {
                out.series = Some(Labels(series));
                "there"
            }
            Why::NotChosen { labels, .. } => {
                out.series = Some(Labels(labels));
                "not_chosen"
            }
            Why::Nothing => "nothing",
        };
        out
    }
}
