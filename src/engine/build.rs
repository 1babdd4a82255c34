//! From rule files to an engine: schedules, order, programs.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::promql::ast::{Expr, ExprKind};
use crate::promql::parse::Problem;
use crate::promql::plan::{Context, LowerOptions};
use crate::promql::program::Program;
use crate::rules::template::Template;
use crate::rules::{Evaluate, Group, Rule, RuleFile, RuleKind};
use crate::store::{Reach, Store};
use crate::time::Millis;

use super::alert::Pace;
use super::alerting::AlertRule;
use super::cause;
use super::course::{Course, Link};
use super::naming::Naming;
use super::order::{self, ALERT_NAME, ALERTS, ALERTS_FOR_STATE, Component, Order, Ties};
use super::query::Queries;
use super::record::{Names, Recording};
use super::rows::{self, Rows};
use super::rule::{Body, RuleRun};
use super::stage::{Stage, Unit};
use super::timeline::RuleId;
use super::written::WrittenSeries;
use super::{Engine, EngineOptions, GroupInfo, RuleInfo, Schedule};

/// A rule and the numbers of its group and schedule.
struct Entry<'a> {
    rule: &'a Rule,
    group: &'a Group,
    schedule: usize,
    query_offset: Millis,
}

/// Tells whether an expression looks at a stretch of time, or at what is not there: then it is warm only after all
/// that it reaches back for was recorded.
fn needs_warmth(expr: &Expr) -> bool {
    let mut found = false;
    expr.walk(&mut |expr| {
        found |= match &expr.kind {
            ExprKind::Range { .. } | ExprKind::Subquery(_) => true,
            ExprKind::Selector(selector) => selector.modifiers.offset.is_some(),
            ExprKind::Call { function, .. } => function.name == "absent",
            _ => false,
        };
    });
    found
}

/// Returns the metrics that an expression names in full, sorted.
fn named_metrics(expr: &Expr) -> Vec<String> {
    let uses = expr.selectors().into_iter();
    let mut names: Vec<String> = uses.filter_map(|one| one.selector.metric().map(str::to_owned)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Returns what the order of a rule depends on.
fn ties(entry: &Entry<'_>) -> Ties {
    let rule = entry.rule;
    if !rule.enabled {
        return Ties::default();
    }
    let literal = rule.labels.iter().filter(|(_, template)| template.is_literal());
    let certain: Vec<(String, String)> = literal.map(|(name, text)| (name.clone(), text.text().to_owned())).collect();
    let asks = |texts: &[(String, Template)]| texts.iter().any(|(_, template)| template.uses_query());
    let written = |name: &str, certain: &[(String, String)], alert_state| order::Written {
        name: name.to_owned(),
        certain: certain.to_vec(),
        alert_state,
    };
    let (writes, reads_all_later) = match &rule.kind {
        RuleKind::Record => (vec![written(&rule.name.text, &certain, false)], false),
        RuleKind::Alert { annotations, .. } => {
            let mut certain = certain;
            certain.retain(|(name, _)| name != ALERT_NAME);
            certain.push((ALERT_NAME.to_owned(), rule.name.text.clone()));
            let writes = vec![written(ALERTS, &certain, true), written(ALERTS_FOR_STATE, &certain, false)];
            (writes, asks(annotations))
        }
    };
    Ties {
        writes,
        selectors: order::selectors(&rule.expr),
        reads_all: asks(&rule.labels),
        reads_all_later,
        query_offset: entry.query_offset.0,
    }
}

/// Lists of names, each once.
type SharedNames = HashMap<Vec<String>, Arc<[String]>, foldhash::fast::FixedState>;

/// Returns a rule ready to run.
fn rule_run(id: RuleId, entry: &Entry<'_>, writer: Option<u32>, names: &mut SharedNames) -> RuleRun {
    let (rule, limit, writes) = (entry.rule, entry.group.limit, writer.is_some());
    let body = match &rule.kind {
        RuleKind::Record => {
            let labels = rule.labels.iter().map(|(name, template)| (name.clone(), template.text().to_owned()));
            let names = Names { metric: rule.name.text.clone(), labels: labels.collect() };
            Body::Recording(Box::new(Recording::new(Arc::new(names), limit, writes)))
        }
        RuleKind::Alert { hold, keep_firing, annotations } => {
            let (labels, annotations) = (rule.labels.clone(), annotations.clone());
            let naming = Naming { alert: rule.name.text.clone(), labels, annotations };
            let pace = Pace { hold: *hold, keep: *keep_firing };
            Body::Quiet(Arc::new(AlertRule { naming, pace, limit, writes }))
        }
    };
    let selected = if rule.enabled { named_metrics(&rule.expr) } else { Vec::new() };
    // Many rules select the same names.
    let selected = Arc::clone(names.entry(selected).or_insert_with_key(|names| names.as_slice().into()));
    RuleRun::new(id, body, writer, entry.query_offset, selected)
}

/// What is built of the rules, and what is wrong with them.
struct Builder<'a> {
    entries: Vec<Entry<'a>>,
    order: Order,
    /// By rule: the number that readers know it by.
    writers: Vec<Option<u32>>,
    options: &'a EngineOptions,
    problems: Diagnostics,
}

impl Builder<'_> {
    fn lower_options(&self, group: &Group, reads_written: bool) -> LowerOptions {
        LowerOptions {
            lookback: self.options.lookback_of(group),
            subquery_step: self.options.interval,
            delayed_names: self.options.delayed_names,
            context: Context::Rule,
            reads_written,
        }
    }

    /// Returns by writer from when on a rule sees a written sample: the writer's query offset after its stamp, and
    /// 1 ms later where the writer comes at or after the rule. Rules that run one step at a time see at once what
    /// those they run with have written.
    fn lags(&self, reader: usize, with: &[u32]) -> Vec<Millis> {
        let written = self.writers.iter().enumerate().filter(|(_, writer)| writer.is_some());
        written
            .map(|(rule, _)| {
                if with.iter().any(|other| *other as usize == rule) {
                    return Millis::ZERO;
                }
                Millis(self.entries[rule].query_offset.0 + i64::from(rule >= reader))
            })
            .collect()
    }

    /// Makes an empty unit for rules like this one.
    fn unit(&self, rule: usize, lags: Option<Vec<Millis>>) -> Unit {
        let Entry { group, schedule, query_offset, .. } = self.entries[rule];
        Unit {
            program: Program::new(self.lower_options(group, lags.is_some())),
            links: Vec::new(),
            course: Course::default(),
            commits: Vec::new(),
            schedule,
            interval: self.options.interval_of(group).unwrap_or(self.options.interval),
            query_offset,
            lags,
            rows: None,
            watched: None,
        }
    }

    /// Adds the roots of a rule to a unit.
    fn add(&mut self, unit: &mut Unit, rule: usize) {
        let source = self.entries[rule].rule;
        if !source.enabled {
            return;
        }
        if let Err(problems) = unit.program.add(&source.expr) {
            problems.iter().for_each(|problem| self.tell(rule, problem));
            return;
        }
        let alerts = matches!(source.kind, RuleKind::Alert { .. });
        let series = cause::compared(&source.expr).filter(|_| alerts);
        let compared = series.and_then(|series| unit.program.compare(series).ok());
        unit.links.push(Link { rule, compared });
    }

    fn tell(&mut self, rule: usize, problem: &Problem) {
        let Entry { rule, group, .. } = &self.entries[rule];
        let mut diagnostic = Diagnostic::error(problem.code, problem.message.clone(), rule.text.at(problem.span));
        diagnostic.help.extend(problem.help.clone());
        diagnostic.subject = Some((group.name.text.clone(), rule.name.text.clone()));
        self.problems.push(diagnostic);
    }

    /// Returns what a rule must see of each writer: the lag where it reads it, nothing where it does not.
    fn wants(&self, rule: usize) -> Vec<Option<Millis>> {
        let mut wants = vec![None; self.writers.iter().flatten().count()];
        let lags = self.lags(rule, &[]);
        for writer in &self.order.reads[rule] {
            if let Some(at) = self.writers[*writer as usize] {
                wants[at as usize] = Some(lags[at as usize]);
            }
        }
        wants
    }

    /// Lays out the stages, in the order they run. Rules of one level and schedule share a program unless they see
    /// written samples at different times.
    fn stages(&mut self, components: &[Component]) -> Vec<Stage> {
        let mut stages = Vec::new();
        // One unit where there is one thread: the more rules in it, the more they share.
        let most = if self.options.threads > 1 { self.options.threads * UNITS_A_THREAD } else { 1 };
        for level in components.chunk_by(|a, b| a.level == b.level) {
            let mut shared: Vec<(Vec<Option<Millis>>, Unit)> = Vec::new();
            let mut by_selector: HashMap<String, usize, foldhash::fast::FixedState> = HashMap::default();
            for component in level {
                if component.stepwise {
                    let mut units = Vec::new();
                    for rule in component.rules.iter().map(|rule| *rule as usize) {
                        let mut unit = self.unit(rule, Some(self.lags(rule, &component.rules)));
                        self.add(&mut unit, rule);
                        units.push(unit);
                    }
                    stages.push(Stage { units, by_step: true, at_once: false });
                    continue;
                }
                for rule in component.rules.iter().map(|rule| *rule as usize) {
                    let wants = self.wants(rule);
                    let Entry { schedule, query_offset, .. } = self.entries[rule];
                    let reads = wants.iter().any(Option::is_some);
                    let fits = |(held, unit): &(Vec<Option<Millis>>, Unit)| {
                        (unit.schedule, unit.query_offset, unit.lags.is_some()) == (schedule, query_offset, reads)
                            && held.iter().zip(&wants).all(|(a, b)| a.is_none() || b.is_none() || a == b)
                    };
                    // Rules with a selector in common share subtrees; others are better evaluated side by side, in a
                    // few units for each thread.
                    let texts = selector_texts(&self.entries[rule].rule.expr);
                    let akin = texts.iter().filter_map(|text| by_selector.get(text)).find(|at| fits(&shared[**at]));
                    let any = (0..shared.len()).filter(|at| fits(&shared[*at]));
                    let at = match akin {
                        Some(at) => *at,
                        None if any.clone().count() < most => {
                            shared.push((wants.clone(), self.unit(rule, reads.then(Vec::new))));
                            shared.len() - 1
                        }
                        None => any.min_by_key(|at| shared[*at].1.links.len()).unwrap_or_default(),
                    };
                    by_selector.extend(texts.into_iter().map(|text| (text, at)));
                    let (held, unit) = &mut shared[at];
                    held.iter_mut().zip(wants).for_each(|(held, want)| *held = held.or(want));
                    self.add(unit, rule);
                }
            }
            let units = shared.into_iter().map(|(wants, mut unit)| {
                // What no rule of the unit reads may lag by anything.
                unit.lags = unit.lags.map(|_| wants.into_iter().map(Option::unwrap_or_default).collect());
                unit
            });
            let mut units: Vec<Unit> = units.collect();
            units.shrink_to_fit();
            let at_once = self.options.threads > 1 && units.len() > 1;
            stages.push(Stage { units, by_step: false, at_once });
        }
        stages
    }

    /// Returns by rule how long after the first sample it is warm, through the rules it reads.
    fn warmth(&self) -> Vec<Millis> {
        let mut warmth = vec![Millis::ZERO; self.entries.len()];
        for component in &self.order.components {
            let external = |reader: u32| {
                let writers = self.order.reads[reader as usize].iter();
                writers.filter(|writer| component.rules.binary_search(writer).is_err()).map(|writer| *writer as usize)
            };
            let below = component.rules.iter().flat_map(|rule| external(*rule)).map(|writer| warmth[writer]).max();
            for rule in &component.rules {
                let Entry { rule: source, group, query_offset, .. } = &self.entries[*rule as usize];
                let mut own = Millis::ZERO;
                if needs_warmth(&source.expr) {
                    let mut alone = Program::new(self.lower_options(group, false));
                    own = alone.add(&source.expr).map_or(own, |_| alone.reach().back);
                }
                let all = [own, below.unwrap_or_default(), *query_offset].map(|span| span.0);
                warmth[*rule as usize] = Millis(all.iter().fold(0_i64, |sum, span| sum.saturating_add(*span)));
            }
        }
        warmth
    }
}

/// The most units of one schedule for each thread: enough to share the work out, few enough to share subtrees.
const UNITS_A_THREAD: usize = 4;

/// Returns the selectors of an expression as they print.
fn selector_texts(expr: &Expr) -> Vec<String> {
    expr.selectors().into_iter().map(|one| one.selector.to_string()).collect()
}

impl EngineOptions {
    /// Returns how far an instant selector of a group's rules looks back.
    pub(crate) fn lookback_of(&self, group: &Group) -> Millis {
        if group.evaluate == Evaluate::EveryRow { rows::LOOKBACK } else { self.lookback }
    }

    /// Returns how often a group is evaluated; none where it is evaluated at rows.
    pub(crate) fn interval_of(&self, group: &Group) -> Option<Millis> {
        match group.evaluate {
            Evaluate::EveryRow => None,
            evaluate => Some(evaluate.interval().filter(|interval| interval.0 > 0).unwrap_or(self.interval)),
        }
    }
}

/// Builds an engine and registers with the recording what its rules read; names that rules write are hidden in it.
/// `by_step` makes all rules run one step at a time in the order of time and rule, as a server does: slow, and with the
/// same events.
pub(super) fn build(
    files: &[RuleFile],
    options: EngineOptions,
    recording: &mut Store,
    by_step: bool,
) -> Result<Engine, Diagnostics> {
    let mut groups = Vec::new();
    let mut intervals: Vec<Option<Millis>> = Vec::new();
    let mut entries = Vec::new();
    for group in files.iter().flat_map(|file| &file.groups) {
        let interval = options.interval_of(group);
        let schedule = intervals.iter().position(|known| *known == interval).unwrap_or_else(|| {
            intervals.push(interval);
            intervals.len() - 1
        });
        groups.push(GroupInfo {
            name: group.name.text.clone(),
            interval_from_file: group.evaluate != Evaluate::ByDefault,
            schedule,
        });
        let query_offset = group.query_offset.unwrap_or_default();
        entries.extend(group.rules.iter().map(|rule| Entry { rule, group, schedule, query_offset }));
    }
    let ties: Vec<Ties> = entries.iter().map(ties).collect();
    let keep = options.keep_written || options.trace;
    let order = order::order(&ties, keep);
    let mut next = 0..;
    let writers: Vec<Option<u32>> = order.is_read.iter().map(|read| if *read { next.next() } else { None }).collect();
    let mut builder = Builder { entries, order, writers, options: &options, problems: Diagnostics::default() };
    let warmth = builder.warmth();
    let mut components = std::mem::take(&mut builder.order.components);
    if by_step {
        let rules = ties.iter().enumerate().map(|(rule, _)| u32::try_from(rule).unwrap_or(u32::MAX)).collect();
        components = vec![Component { rules, stepwise: true, level: 0 }];
    }
    let mut stages = builder.stages(&components);
    if builder.problems.has_errors() {
        return Err(builder.problems);
    }
    let asks = ties.iter().any(|tie| tie.reads_all || tie.reads_all_later);
    let mut written = WrittenSeries::new(asks || options.keep_written, options.trace);
    if asks {
        recording.keep_all();
    }
    for name in ties.iter().flat_map(|tie| &tie.writes).map(|written| written.name.as_str()) {
        if !recording.is_hidden(name) {
            recording.hide(name);
        }
    }
    if intervals.contains(&None) {
        recording.keep_events();
        written.store.keep_label_sets();
    }
    let mut reach = Reach::default();
    for unit in stages.iter_mut().flat_map(|stage| &mut stage.units) {
        let store = unit.lags.is_some().then_some(&mut written.store);
        unit.program.bind(recording, store);
        reach = reach.or(unit.program.reach());
        unit.rows = intervals[unit.schedule].is_none().then(|| Rows::of(&unit.links));
    }
    let asking = |rule: usize| ties[rule].reads_all || ties[rule].reads_all_later;
    let lags = (0..ties.len()).map(|rule| if asking(rule) { builder.lags(rule, &[]) } else { Vec::new() }).collect();
    let query = options.query();
    let (mut rules, mut infos) = (Vec::with_capacity(ties.len()), Vec::with_capacity(ties.len()));
    let mut names = SharedNames::default();
    for (at, entry) in builder.entries.iter().enumerate() {
        let id = RuleId(u32::try_from(at).unwrap_or(u32::MAX));
        let mut rule = rule_run(id, entry, builder.writers[at], &mut names);
        rule.warmth = warmth[at];
        rules.push(rule);
        infos.push(RuleInfo { schedule: entry.schedule, query_offset: entry.query_offset, warmth: warmth[at] });
    }
    let mut offsets = vec![None; intervals.len()];
    for info in &infos {
        let offset: &mut Option<Millis> = &mut offsets[info.schedule];
        *offset = (*offset).max(Some(info.query_offset));
    }
    for unit in stages.iter_mut().flat_map(|stage| &mut stage.units) {
        unit.course = Course::of(&unit.links);
        unit.commits = unit.links.iter().map(|link| link.rule).filter(|rule| rules[*rule].commits()).collect();
    }
    Ok(Engine {
        faults: options.trace.then(Vec::new),
        groups,
        infos,
        rules,
        stages,
        schedules: intervals.into_iter().map(Schedule::new).collect(),
        offsets,
        reach,
        written,
        queries: Queries { options: query, lags },
        ..Engine::empty(options)
    })
}
