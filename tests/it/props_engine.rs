//! What holds of any rules on any recording: the engine does what the obvious rule evaluation does, however the
//! recording is cut.

use std::collections::BTreeMap;
use std::rc::Rc;

use alertctl::diagnostic::Diagnostics;
use alertctl::engine::{Engine, EngineOptions, Event, Timeline};
use alertctl::histogram::Hint;
use alertctl::labels::LabelSet;
use alertctl::rules::template::{Share, Template, TemplateData};
use alertctl::rules::{self, RuleFile, RuleKind};
use alertctl::source::SourceMap;
use alertctl::store::{Batch, Store};
use alertctl::time::Timestamp;

use crate::promql::evaluators::SERVED;
use crate::promql::run::expression;
use crate::slow::generate::{Random, recording};
use crate::slow::generate_histograms;
use crate::slow::generate_rules::rule_file;
use crate::slow::groups::{self, Group, Kind, Label, Rule};
use crate::slow::{SampleValue, Stored, stored};

/// How a recording is handed to an engine.
#[derive(Clone, Copy, Debug)]
struct Way {
    /// Samples at a time.
    chunk: usize,
    evict: bool,
    trace: bool,
    /// Whether ended series are left behind after each chunk.
    retire: bool,
}

const WHOLE: Way = Way { chunk: usize::MAX, evict: false, trace: true, retire: false };

const OTHERS: [Way; 8] = [
    Way { chunk: usize::MAX, evict: true, trace: false, retire: false },
    Way { chunk: 1, evict: true, trace: false, retire: false },
    Way { chunk: 7, evict: true, trace: true, retire: false },
    Way { chunk: 7, evict: false, trace: false, retire: false },
    Way { chunk: 1_024, evict: true, trace: true, retire: false },
    Way { chunk: 1, evict: true, trace: true, retire: true },
    Way { chunk: 7, evict: false, trace: false, retire: true },
    Way { chunk: 100, evict: true, trace: false, retire: true },
];

/// A failed evaluation: slot, group, rule, words.
type FaultLine = (i64, usize, usize, String);

/// A sample by label set, stamp and bits, or the text of a native histogram; all NaN that are no stale markers are one.
type WrittenLine = (LabelSet, Vec<(i64, String)>);

/// What an engine says of a run.
#[derive(Debug, PartialEq)]
struct Outcome {
    events: Vec<String>,
    episodes: Vec<String>,
    faults: Vec<FaultLine>,
    written: Vec<WrittenLine>,
}

/// Reads a rule file that has no problems.
pub(crate) fn load(text: &str) -> RuleFile {
    let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::default());
    let file = rules::load(&mut sources, "rules.yml", text.as_bytes(), &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{text}\n{:?}", diagnostics.sorted());
    file.expect("a rule file")
}

/// Returns all samples in time order.
pub(crate) fn rows<V: Clone>(data: &[(LabelSet, Vec<(i64, V)>)]) -> Vec<(i64, &LabelSet, V)> {
    let mut rows: Vec<_> = data
        .iter()
        .flat_map(|(labels, points)| points.iter().map(move |(at, value)| (*at, labels, value.clone())))
        .collect();
    rows.sort_by_key(|(at, ..)| *at);
    rows
}

fn run(data: &[Stored], file: &RuleFile, start: Option<i64>, way: Way) -> Outcome {
    let mut store = Store::default();
    let start = start.map(Timestamp);
    let options = EngineOptions { trace: way.trace, start, ..EngineOptions::default() };
    let mut engine = Engine::new(std::slice::from_ref(file), options, &mut store).expect("rules that can be evaluated");
    let rows = rows(data);
    let (mut events, mut timeline) = (Vec::new(), Timeline::default());
    let mut told = |engine: &mut Engine, timeline: &mut Timeline| {
        for event in engine.take_events() {
            events.push(shown(&event));
            let clock = engine.clock(event.rule);
            timeline.push(event, &clock);
        }
    };
    let mut batch = Batch::default();
    let mut done = 0;
    for chunk in rows.chunks(way.chunk.min(rows.len())) {
        batch.clear();
        for (at, labels, value) in chunk {
            let id = store.series(labels);
            match value {
                SampleValue::Float(value) => batch.push(id, Timestamp(*at), *value, 0),
                SampleValue::Histogram(held) => batch.push_histogram(id, Timestamp(*at), held.clone(), 0),
            }
        }
        done += chunk.len();
        store.append(&batch).expect("samples in time order");
        // Samples of equal time may be in two chunks.
        let watermark = rows.get(done).map_or(chunk[chunk.len() - 1].0, |(next, ..)| next - 1);
        store.advance(Timestamp(watermark));
        engine.advance(&store, Timestamp(watermark)).expect("few steps");
        if way.evict {
            store.evict(engine.evaluated());
        }
        if way.retire && engine.may_bind_anew() {
            store.retire(engine.evaluated(), 1);
            engine.bind_anew();
        }
        told(&mut engine, &mut timeline);
    }
    engine.finish(&store, Timestamp(rows[rows.len() - 1].0)).expect("few steps");
    told(&mut engine, &mut timeline);
    engine.close_into(&mut timeline, &store);
    let places = places(file);
    let place = |rule: u32| places[rule as usize];
    let mut episodes: Vec<String> = timeline
        .finish()
        .into_iter()
        .map(|episode| {
            let activity = episode.activity;
            let times = (activity.active_at.0, activity.fired_at.map(|at| at.0), episode.ended_at.map(|at| at.0));
            format!("{:?} {} {times:?}", place(episode.rule.0), episode.labels)
        })
        .collect();
    episodes.sort();
    let mut faults: Vec<FaultLine> = engine
        .take_faults()
        .into_iter()
        .map(|fault| (fault.slot.0, place(fault.rule.0).0, place(fault.rule.0).1, fault.message))
        .collect();
    faults.sort();
    let mut written: BTreeMap<LabelSet, Vec<(i64, SampleValue)>> = BTreeMap::new();
    for sample in engine.take_written() {
        written.entry(sample.labels).or_default().push((sample.stamp.0, sample.value.into()));
    }
    Outcome { events, episodes, faults, written: lines(written) }
}

/// Shows an event, floats by bits.
fn shown(event: &Event) -> String {
    format!("{event:?}")
}

/// Returns by rule its group and its number in it.
fn places(file: &RuleFile) -> Vec<(usize, usize)> {
    let groups = file.groups.iter().enumerate();
    groups.flat_map(|(group, rules)| (0..rules.rules.len()).map(move |rule| (group, rule))).collect()
}

fn lines(written: impl IntoIterator<Item = Stored>) -> Vec<WrittenLine> {
    let bits = |value: SampleValue| match value {
        SampleValue::Float(value) if value.is_nan() && !alertctl::store::is_stale(value) => "NaN".to_owned(),
        SampleValue::Float(value) => format!("{value} {:x}", value.to_bits()),
        SampleValue::Histogram(histogram) => format!("{histogram} gauge: {}", histogram.hint == Hint::Gauge),
    };
    written
        .into_iter()
        .filter(|(_, points)| !points.is_empty())
        .map(|(labels, mut points)| {
            points.sort_by_key(|(at, _)| *at);
            (labels, points.into_iter().map(|(at, value)| (at, bits(value))).collect())
        })
        .collect()
}

/// Makes a label of a template, expanded as it stands.
fn label(template: &Template, alert: &str) -> Label {
    let (same, alert) = (template.clone(), alert.to_owned());
    let expand = move |labels: &LabelSet, value: &SampleValue| {
        let (none, now) = (LabelSet::empty(), Timestamp(0));
        let value = &value.into();
        let data = TemplateData { labels, value, external_labels: &none, external_url: "", now, alert: alert.as_str() };
        same.expand_or_error(&data, Share::WHOLE, &mut |_| Err("no query".to_owned()))
    };
    Label { written: template.text().to_owned(), expand: Rc::new(expand) }
}

/// Returns the groups of a file as the obvious rule evaluation takes them.
fn slow_groups(file: &RuleFile) -> Vec<Group> {
    let rule = |rule: &rules::Rule| Rule {
        name: rule.name.text.clone(),
        expr: expression(&rule.text.text).expect("it was read before"),
        labels: rule.labels.iter().map(|(name, text)| (name.clone(), label(text, &rule.name.text))).collect(),
        kind: match &rule.kind {
            RuleKind::Record => Kind::Record,
            RuleKind::Alert { hold, keep_firing, .. } => Kind::Alert { hold: hold.0, keep: keep_firing.0 },
        },
    };
    let group = |group: &rules::Group| Group {
        interval: group.evaluate.interval().map_or(60_000, |interval| interval.0),
        offset: 0,
        query_offset: group.query_offset.map_or(0, |offset| offset.0),
        limit: group.limit,
        rules: group.rules.iter().map(rule).collect(),
    };
    file.groups.iter().map(group).collect()
}

fn run_slow(data: &[Stored], file: &RuleFile, start: Option<i64>) -> Outcome {
    let rows = rows(data);
    let (first, last) = (rows[0].0, rows[rows.len() - 1].0);
    let out = groups::run(data, &slow_groups(file), start.unwrap_or(first), last, &SERVED);
    let mut episodes: Vec<String> = out
        .episodes
        .into_iter()
        .map(|episode| {
            let times = (episode.active_at, episode.fired_at, episode.ended_at);
            format!("{:?} {} {times:?}", (episode.group, episode.rule), episode.labels)
        })
        .collect();
    episodes.sort();
    let mut faults = out.faults;
    faults.sort();
    Outcome { events: Vec::new(), episodes, faults, written: lines(out.written) }
}

/// Lists what is in one list and not in the other.
fn differences<T: PartialEq + std::fmt::Debug>(what: &str, got: &[T], wanted: &[T], out: &mut String) {
    for (sign, here, there) in [('+', got, wanted), ('-', wanted, got)] {
        for item in here.iter().filter(|item| !there.contains(item)).take(3) {
            out.push_str(&format!("  {sign} {what} {item:?}\n"));
        }
    }
    if out.is_empty() && got != wanted {
        out.push_str(&format!("  {what}: another order\n"));
    }
}

fn compare(got: &Outcome, wanted: &Outcome) -> String {
    let mut out = String::new();
    differences("episode", &got.episodes, &wanted.episodes, &mut out);
    differences("fault", &got.faults, &wanted.faults, &mut out);
    differences("written", &got.written, &wanted.written, &mut out);
    out
}

/// Lists how an engine differs from the obvious evaluation, and from itself when the recording is cut.
fn differing(data: &[Stored], text: &str, start: Option<i64>) -> Vec<String> {
    let file = load(text);
    let whole = run(data, &file, start, WHOLE);
    let mut wrong = Vec::new();
    let difference = compare(&whole, &run_slow(data, &file, start));
    if !difference.is_empty() {
        wrong.push(format!("{start:?}: from the obvious evaluation (+ is the engine's)\n{text}{difference}"));
    }
    for way in OTHERS {
        let other = run(data, &file, start, way);
        let mut difference = String::new();
        differences("event", &other.events, &whole.events, &mut difference);
        differences("episode", &other.episodes, &whole.episodes, &mut difference);
        if way.trace {
            differences("fault", &other.faults, &whole.faults, &mut difference);
            differences("written", &other.written, &whole.written, &mut difference);
        }
        if !difference.is_empty() {
            wrong.push(format!("{start:?}: {way:?} from the whole\n{text}{difference}"));
        }
    }
    wrong
}

fn assert_none(mut wrong: Vec<String>) {
    let count = wrong.len();
    wrong.sort_by_key(String::len);
    wrong.truncate(6);
    assert!(wrong.is_empty(), "{count} runs differ:\n{}", wrong.join("\n"));
}

#[test]
fn the_engine_does_what_the_obvious_rule_evaluation_does_however_the_recording_is_cut() {
    let mut wrong = Vec::new();
    for seed in 0..120 {
        let mut random = Random(seed);
        let data = stored(&recording(&mut random));
        let text = rule_file(&mut random);
        let start = random.one_in(4).then(|| random.below(600_000) as i64);
        wrong.extend(differing(&data, &text, start).into_iter().map(|text| format!("seed {seed}, {text}")));
    }
    assert_none(wrong);
}

#[test]
fn rules_on_native_histograms_do_what_the_obvious_rule_evaluation_does() {
    let mut wrong = Vec::new();
    for seed in 0..80 {
        let mut random = Random(seed);
        let data = generate_histograms::recording(&mut random);
        let text = rule_file(&mut random);
        let text = generate_histograms::renamed(&mut random, &text);
        wrong.extend(differing(&data, &text, None).into_iter().map(|text| format!("seed {seed}, {text}")));
    }
    assert_none(wrong);
}

/// Runs rules of one group, given as `name: expression`, on generated recordings. Lower-case names record.
fn check(rules: &[(&str, &str)], start: Option<i64>) {
    let mut text = "groups:\n  - name: g\n    rules:\n".to_owned();
    for (name, expr) in rules {
        let kind = if name.starts_with(char::is_lowercase) { "record" } else { "alert" };
        text.push_str(&format!("      - {kind}: {name}\n        expr: '{expr}'\n"));
    }
    assert_none((0..10).flat_map(|seed| differing(&stored(&recording(&mut Random(seed))), &text, start)).collect());
}

#[test]
fn alerts_that_differ_in_their_state_label_alone_are_one_series() {
    check(&[("A", "temp > 5"), ("B", "ALERTS"), ("C", "ALERTS offset 1m")], None);
}

#[test]
fn a_fault_of_what_is_evaluated_once_holds_in_every_block() {
    check(&[("A", r#"rate({__name__=~"temp|load"}[5m] @ 300)"#)], None);
}

#[test]
fn what_a_fixed_time_reads_is_kept_until_it_is_read() {
    check(&[("A", "temp @ 120 > 0"), ("B", "max_over_time(temp[2m] @ 120) > 0")], Some(600_000));
    check(&[("A", "predict_linear(temp[2m] @ 120, 60)"), ("B", "max_over_time((temp @ 120)[3m:2m])")], None);
}

#[test]
fn subqueries_of_subqueries_see_what_the_rule_sees() {
    check(
        &[
            ("A", "max_over_time(sum_over_time(rec[2m:30s])[3m:1m])"),
            ("B", "max_over_time(sum_over_time(temp[2m:20s])[3m:1m])"),
            ("C", "max_over_time(sum_over_time(temp[2m:50s])[3m:1m])"),
            ("rec", "temp > 0"),
        ],
        None,
    );
}
