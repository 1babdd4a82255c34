//! Two measurements side by side: what may be compared, which rules belong together, and a verdict for each metric.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::cause::{Cause, causes, sentence};
use super::gate::{Decision, Evidence, Limits, Side, Verdict, advise, confirm, decide, percent};
use super::inherited::{Altered, inherited};
use super::sample::{Better, Kind, Measurement, Metric, RuleText, Session};
use crate::promql::parse::parse;

/// Below this a time moves by up to 21 % when the same source is linked in another order. Unit: nanoseconds an
/// operation.
pub const LINK_ORDER_NS: f64 = 200.0;
/// How far the integer loop may move before the machine counts as another one. A share.
pub const CALIBRATION_MOVE: f64 = 0.03;
/// Metrics whose ids begin so are about all rules of a run together: another set of rules is no regression of theirs.
pub const RUN_PREFIX: &str = "run.";
/// Why nothing is gated on a machine with another fingerprint.
const ANOTHER_MACHINE: &str = "another machine";
/// The calibration loops that tell whether the machine changed.
const GUARDS: [&str; 2] = ["int", "wide"];

/// How a comparison is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// How the two sides were measured.
    pub evidence: Evidence,
    /// What is tolerated.
    pub limits: Limits,
}

/// Something that must be the same on both sides and is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What: `plan.processes`, `inputs.data_sha256`.
    pub what: &'static str,
    /// In the base.
    pub base: String,
    /// Now.
    pub now: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {} in the baseline and {} now", self.what, self.base, self.now)
    }
}

/// A rule as reports name it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleRef {
    /// The file as the user named it.
    pub file: String,
    /// The line it begins on, from 1.
    pub line: u32,
    /// The group.
    pub group: String,
    /// The alert, or the metric that is recorded.
    pub name: String,
}

impl RuleRef {
    /// Names a rule.
    #[must_use]
    pub fn of(rule: &RuleText) -> Self {
        Self { file: rule.path.clone(), line: rule.line, group: rule.group.clone(), name: rule.name.clone() }
    }
}

/// One metric of both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// Its id.
    pub id: String,
    /// The rule it is about.
    pub rule: Option<RuleRef>,
    /// The unit of its values.
    pub unit: String,
    /// Which direction is good.
    pub better: Better,
    /// What it counts.
    pub kind: Kind,
    /// The verdict and what it rests on.
    pub decision: Decision,
}

/// A rule that is not the same on both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleChange {
    /// The rule: now, or as it was for one that is gone.
    pub rule: RuleRef,
    /// New, gone or changed.
    pub verdict: Verdict,
    /// What changed in its expression.
    pub causes: Vec<Cause>,
}

/// All of both sides.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// The metrics, in the order they were measured, those only in the base last.
    pub metrics: Vec<Compared>,
    /// The rules that are not the same.
    pub rules: Vec<RuleChange>,
}

impl Comparison {
    /// Returns whether the sides have nothing in common, so that no metric could be compared.
    #[must_use]
    pub fn is_void(&self) -> bool {
        self.metrics.iter().all(|metric| matches!(metric.decision.verdict, Verdict::New | Verdict::Gone))
    }

    /// Returns the metrics whose times look worse: what fresh processes are to measure again.
    #[must_use]
    pub fn suspects(&self) -> Vec<&Compared> {
        let suspect = |metric: &&Compared| !metric.kind.is_exact() && metric.decision.verdict == Verdict::Regression;
        self.metrics.iter().filter(suspect).collect()
    }

    /// Returns the metrics of which more processes are to be measured before anything is said.
    #[must_use]
    pub fn open(&self) -> Vec<&Compared> {
        self.metrics.iter().filter(|metric| metric.decision.open).collect()
    }

    /// Joins the decisions about times with those of fresh processes; a suspect that was not measured again is not
    /// confirmed.
    pub fn confirm(&mut self, fresh: &Self) {
        let suspect =
            |metric: &&mut Compared| !metric.kind.is_exact() && metric.decision.verdict == Verdict::Regression;
        for metric in self.metrics.iter_mut().filter(suspect) {
            let again = fresh.metrics.iter().find(|other| other.id == metric.id && other.rule == metric.rule);
            let decision = metric.decision.clone();
            metric.decision = match again {
                Some(again) => confirm(decision, &again.decision),
                None => Decision { verdict: Verdict::Inconclusive, note: "not measured again".to_owned(), ..decision },
            };
        }
    }
}

/// Returns what keeps two measurements from being compared; empty when nothing does.
#[must_use]
pub fn differences(base: &Measurement, now: &Measurement) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut same = |what, base: &dyn fmt::Display, now: &dyn fmt::Display| {
        let (base, now) = (base.to_string(), now.to_string());
        if base != now {
            found.push(Difference { what, base, now });
        }
    };
    same("inputs.data_sha256", &base.inputs.data_sha256, &now.inputs.data_sha256);
    same("inputs.series", &base.inputs.series, &now.inputs.series);
    same("inputs.samples", &base.inputs.samples, &now.inputs.samples);
    same("plan.processes", &base.plan.processes, &now.plan.processes);
    same("plan.rounds", &base.plan.rounds, &now.plan.rounds);
    same("plan.batch_us", &base.plan.batch_us, &now.plan.batch_us);
    same("plan.warmup_rounds", &base.plan.warmup_rounds, &now.plan.warmup_rounds);
    same("plan.allocator", &base.plan.allocator, &now.plan.allocator);
    same("tool.opt", &base.tool.build_kind(), &now.tool.build_kind());
    found
}

/// Compares two measurements metric by metric.
///
/// # Errors
/// What keeps them from being compared: another plan, other data, another kind of build.
pub fn compare(base: &Measurement, now: &Measurement, settings: &Settings) -> Result<Comparison, Vec<Difference>> {
    let differences = differences(base, now);
    if !differences.is_empty() {
        return Err(differences);
    }
    let alike = if settings.evidence == Evidence::Saved { alike(base, now) } else { None };
    let (base, now) = alike.as_ref().map_or((base, now), |(base, now)| (base, now));
    let mut pairs = pair_rules(&base.rules, &now.rules);
    pairs.inherit(&base.rules, &now.rules);
    let rules = changes(base, now, &pairs);
    // Sides that were measured in turns had the same machine, at the same speed.
    let elsewhere = if settings.evidence == Evidence::Saved { elsewhere(base, now) } else { None };
    let bench = Bench { base, now, settings, elsewhere, rules_differ: !rules.is_empty() };
    let (before, after) = (Index::of(base), Index::of(now));
    let mut metrics = Vec::new();
    let mut met = BTreeSet::new();
    for key @ (id, rule) in &after.order {
        // A rule without a counterpart has no metrics before; what is about no rule pairs by its id alone.
        let paired = rule.map_or(Some(None), |at| pairs.base_of[at].map(Some)).map(|rule| (*id, rule));
        let was = paired.map_or(&[][..], |key| before.get(&key));
        met.extend(paired);
        let origin = rule.map_or(Origin::Measured, |at| pairs.origin(at));
        metrics.extend(bench.row(rule.map(|at| &now.rules[at]), was, after.get(key), &origin));
    }
    for key in before.order.iter().filter(|key| !met.contains(*key)) {
        metrics.extend(bench.row(key.1.map(|at| &base.rules[at]), before.get(key), &[], &Origin::Measured));
    }
    Ok(Comparison { metrics, rules })
}

/// What tells metrics apart: the id, and the place of the rule.
type Key<'a> = (&'a str, Option<usize>);

/// The metrics of all sessions.
struct Index<'a> {
    /// Each once, in the order they first stand in.
    order: Vec<Key<'a>>,
    metrics: BTreeMap<Key<'a>, Vec<&'a Metric>>,
}

impl<'a> Index<'a> {
    fn of(measurement: &'a Measurement) -> Self {
        let mut index = Self { order: Vec::new(), metrics: BTreeMap::new() };
        let known = |metric: &&Metric| metric.rule.is_none_or(|at| at < measurement.rules.len());
        for metric in measurement.sessions.iter().flat_map(|session| &session.metrics).filter(known) {
            let key = (metric.id.as_str(), metric.rule);
            let metrics = index.metrics.entry(key).or_default();
            if metrics.is_empty() {
                index.order.push(key);
            }
            metrics.push(metric);
        }
        index
    }

    /// Returns a metric, once a session that has it.
    fn get<'s>(&'s self, key: &Key<'s>) -> &'s [&'a Metric] {
        self.metrics.get(key).map_or(&[], Vec::as_slice)
    }
}

/// Which rules belong together.
#[derive(Debug, Default, PartialEq)]
struct Pairs {
    /// For each rule now, its place in the base.
    base_of: Vec<Option<usize>>,
    /// The rules now whose expression means something else than before.
    changed: BTreeMap<usize, Vec<Cause>>,
    /// The rules now that are what they were and read one that is not, with what became of that one.
    readers: BTreeMap<usize, String>,
    /// The rules of the base that are no more.
    gone: Vec<usize>,
}

/// Why a metric of a rule may differ.
enum Origin {
    /// Nothing but what is measured.
    Measured,
    /// The rule changed, in these words.
    Changed(String),
    /// It reads one that did.
    Inherited(String),
}

impl Pairs {
    /// Finds the rules that read one that changed, is new or gone: their samples differ though their text does not.
    fn inherit(&mut self, base: &[RuleText], now: &[RuleText]) {
        let changed = self.changed.iter();
        let mut all: Vec<Altered<'_>> =
            changed.map(|(at, causes)| Altered::of(&now[*at], format!("changed ({})", sentence(causes)))).collect();
        let is_new = |at: &usize| self.base_of[*at].is_none();
        all.extend((0..now.len()).filter(is_new).map(|at| Altered::of(&now[at], "is new".to_owned())));
        all.extend(self.gone.iter().map(|at| Altered::of(&base[*at], "was removed".to_owned())));
        let same = now.iter().enumerate().filter(|(at, _)| !is_new(at) && !self.changed.contains_key(at));
        self.readers = inherited(same, all);
    }

    fn origin(&self, at: usize) -> Origin {
        let changed = self.changed.get(&at).map(|causes| Origin::Changed(sentence(causes)));
        let inherited = || self.readers.get(&at).cloned().map(Origin::Inherited);
        changed.or_else(inherited).unwrap_or(Origin::Measured)
    }
}

/// Returns what a rule is paired by, with or without its file.
fn key(rule: &RuleText, each_one: bool) -> (&str, &str, &str) {
    let (file, group, name) = rule.key();
    (if each_one { "" } else { file }, group, name)
}

/// Pairs rules by file, group and name; by group and name alone where each side is one file, whatever its name. Several
/// of one name meet first by equal expressions, then in order.
fn pair_rules(base: &[RuleText], now: &[RuleText]) -> Pairs {
    let one_file = |rules: &[RuleText]| rules.windows(2).all(|pair| pair[0].file == pair[1].file);
    let each_one = one_file(base) && one_file(now);
    let mut free: BTreeMap<(&str, &str, &str), Vec<usize>> = BTreeMap::new();
    for (at, rule) in base.iter().enumerate() {
        free.entry(key(rule, each_one)).or_default().push(at);
    }
    let mut base_of = vec![None; now.len()];
    for equal_only in [true, false] {
        for (at, rule) in now.iter().enumerate().filter(|(at, _)| base_of[*at].is_none()).collect::<Vec<_>>() {
            let Some(candidates) = free.get_mut(&key(rule, each_one)) else { continue };
            let fits = |before: &usize| !equal_only || base[*before].expr == rule.expr;
            if let Some(found) = candidates.iter().position(fits) {
                base_of[at] = Some(candidates.remove(found));
            }
        }
    }
    let mut pairs = Pairs { gone: free.into_values().flatten().collect(), base_of, ..Pairs::default() };
    pairs.gone.sort_unstable();
    for (at, before) in pairs.base_of.iter().enumerate() {
        let Some(before) = before.map(|before| &base[before]).filter(|before| before.expr != now[at].expr) else {
            continue;
        };
        let causes = causes(&parse(&before.expr).expr, &parse(&now[at].expr).expr);
        if !causes.is_empty() {
            pairs.changed.insert(at, causes);
        }
    }
    pairs
}

fn changes(base: &Measurement, now: &Measurement, pairs: &Pairs) -> Vec<RuleChange> {
    let mut changes = Vec::new();
    for (at, rule) in now.rules.iter().enumerate() {
        let (verdict, causes) = match (pairs.base_of[at], pairs.changed.get(&at)) {
            (None, _) => (Verdict::New, Vec::new()),
            (Some(_), Some(causes)) => (Verdict::Changed, causes.clone()),
            (Some(_), None) => continue,
        };
        changes.push(RuleChange { rule: RuleRef::of(rule), verdict, causes });
    }
    for at in &pairs.gone {
        changes.push(RuleChange { rule: RuleRef::of(&base.rules[*at]), verdict: Verdict::Gone, causes: Vec::new() });
    }
    changes
}

/// Returns how fast the loops ran that never change: one over a chain of integers, which follows the clock of the
/// processor, and one over several chains, which also feels a neighbour on the other half of a core.
fn speeds(session: &Session) -> Vec<Option<f64>> {
    GUARDS.iter().map(|name| session.calibration.get(*name).map(|loop_| loop_.p10)).collect()
}

/// Returns the move of a loop between two sessions that moved most; zero where none is known. A share.
fn moved(before: &Session, after: &Session) -> f64 {
    let moves =
        speeds(before).into_iter().zip(speeds(after)).filter_map(|(before, after)| Some(after? / before? - 1.0));
    let worst = moves.max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or(0.0);
    if worst.is_finite() { worst } else { f64::INFINITY }
}

fn same_speed(a: &Session, b: &Session) -> bool {
    moved(a, b).abs() <= CALIBRATION_MOVE
}

/// Compares like with like: returns both sides with the times of those sessions alone in which the machine ran at one
/// speed, where sessions differ. `None` when all may stay, or no two are alike.
///
/// The clock of a shared machine wanders by some percent within minutes, and half a core is slower than a whole one.
/// What is left out is chosen by the loops, never by what was measured.
fn alike(base: &Measurement, now: &Measurement) -> Option<(Measurement, Measurement)> {
    let speed = now.sessions.iter().find(|now| base.sessions.iter().any(|base| same_speed(base, now)))?.clone();
    let all = base.sessions.iter().chain(&now.sessions);
    if all.clone().all(|session| same_speed(session, &speed)) {
        return None;
    }
    let kept = |side: &Measurement| {
        let mut side = side.clone();
        for session in side.sessions.iter_mut().filter(|session| !same_speed(session, &speed)) {
            session.metrics.retain(|metric| metric.kind.is_exact());
            session.calibration.clear();
        }
        side
    };
    Some((kept(base), kept(now)))
}

/// Returns why times of the two sides say little about each other.
fn elsewhere(base: &Measurement, now: &Measurement) -> Option<String> {
    if base.machine.fingerprint != now.machine.fingerprint {
        return Some(ANOTHER_MACHINE.to_owned());
    }
    // The least of all moves: what can be compared is.
    let pairs = base.sessions.iter().flat_map(|before| now.sessions.iter().map(move |after| moved(before, after)));
    let least = pairs.min_by(|a, b| a.abs().total_cmp(&b.abs()))?;
    (least.abs() > CALIBRATION_MOVE)
        .then(|| format!("the machine changed: its calibration loop differs by {}", percent(least)))
}

struct Bench<'a> {
    base: &'a Measurement,
    now: &'a Measurement,
    settings: &'a Settings,
    elsewhere: Option<String>,
    rules_differ: bool,
}

impl Bench<'_> {
    /// Decides about one metric; `None` when neither side has it.
    fn row(&self, rule: Option<&RuleText>, was: &[&Metric], is: &[&Metric], origin: &Origin) -> Option<Compared> {
        let any = is.first().or(was.first())?;
        Some(Compared {
            id: any.id.clone(),
            rule: rule.map(RuleRef::of),
            unit: any.unit.clone(),
            better: any.better,
            kind: any.kind,
            decision: self.decision(was, is, origin),
        })
    }

    fn decision(&self, was: &[&Metric], is: &[&Metric], origin: &Origin) -> Decision {
        let (before, after) = match (Side::of(was), Side::of(is)) {
            (Some(before), Some(after)) => (before, after),
            (before, after) => {
                let verdict = if after.is_some() { Verdict::New } else { Verdict::Gone };
                let (base, now) = (before.map(|side| side.value()), after.map(|side| side.value()));
                return Decision { verdict, base, now, ratio: None, threshold: None, open: false, note: String::new() };
            }
        };
        let (Some(a), Some(b)) = (was.first(), is.first()) else { return unlike(&before, &after, "no metric") };
        if (&a.unit, a.kind, a.better, a.ops) != (&b.unit, b.kind, b.better, b.ops) {
            let sides = format!("{} {} in the baseline, {} {} now", a.kind.word(), a.unit, b.kind.word(), b.unit);
            return unlike(&before, &after, &sides);
        }
        let iters = |measurement: &Measurement| measurement.plan.iters.get(&a.id).copied();
        if let (Some(from), Some(to)) = (iters(self.base), iters(self.now))
            && from != to
        {
            return unlike(&before, &after, &format!("{from} operations per batch in the baseline, {to} now"));
        }
        let settings = self.settings;
        let levelled = if settings.evidence == Evidence::Interleaved { Side::in_turns(was, is) } else { None };
        let (before, after) = levelled.unwrap_or((before, after));
        let decision = decide(&before, &after, a.better, a.kind, settings.evidence, &settings.limits);
        match origin {
            Origin::Changed(cause) => return changed(decision, a.kind, cause),
            // What did not move needs no cause.
            Origin::Inherited(cause) if !matches!(decision.verdict, Verdict::Ok) => {
                return changed(decision, a.kind, cause);
            }
            Origin::Inherited(_) | Origin::Measured => {}
        }
        if self.rules_differ && a.id.starts_with(RUN_PREFIX) {
            return changed(decision, Kind::Time, "the rules differ");
        }
        if a.kind.is_exact() {
            return decision;
        }
        let tiny = [a, b].into_iter().filter_map(|metric| metric.ns_per_op()).any(|ns| ns < LINK_ORDER_NS);
        match &self.elsewhere {
            // The machine may come back to its speed, unless it is another one.
            Some(because) => Decision { open: because != ANOTHER_MACHINE, ..advise(decision, because) },
            None if tiny && self.base.tool.binary_sha256 != self.now.tool.binary_sha256 => advise(
                decision,
                "different binary: below 200 ns per operation, link order alone can move a time by 21 %",
            ),
            None => decision,
        }
    }
}

fn unlike(before: &Side, after: &Side, note: &str) -> Decision {
    Decision {
        verdict: Verdict::Incompatible,
        base: Some(before.value()),
        now: Some(after.value()),
        ratio: None,
        threshold: None,
        open: false,
        note: note.to_owned(),
    }
}

/// Decides about a metric of a rule that changed: what is exact and became worse fails with the cause named, for the
/// change is real on any machine; times are only shown.
fn changed(decision: Decision, kind: Kind, cause: &str) -> Decision {
    let verdict = match decision.verdict {
        verdict @ (Verdict::Regression | Verdict::Improved) if kind.is_exact() => verdict,
        _ => Verdict::Changed,
    };
    Decision { verdict, open: false, note: cause.to_owned(), ..decision }
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
