//! From rule files to an engine: schedules, order, programs.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::promql::ast::{Expr, ExprKind};
use crate::promql::lags::Lags;
use crate::promql::parse::Problem;
use crate::promql::plan::{Context, LowerOptions};
use crate::promql::program::Program;
use crate::rules::graph::{Component, RuleGraph};
use crate::rules::{Evaluate, Group, Rule, RuleFile, RuleKind};
use crate::store::{Reach, Store};
use crate::time::Millis;

use super::alert::Pace;
use super::alerting::AlertRule;
use super::cause;
use super::course::{Course, Link};
use super::event::RuleId;
use super::naming::Naming;
use super::query::Queries;
use super::record::{Names, Recording};
use super::rows::{RowReaders, Rows};
use super::rule::{Body, RuleRun};
use super::schedule::{GroupInfo, RuleInfo, Schedule};
use super::sight::{self, Apart, Held, Sight};
use super::stage::Stage;
use super::unit::Unit;
use super::written::{WrittenSeries, hidden_by};
use super::{Engine, EngineOptions};

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
    graph: &'a RuleGraph,
    sight: Sight,
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

    /// Makes an empty unit for rules like this one.
    fn unit(&self, rule: usize, lags: Option<Lags>) -> Unit {
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

    /// Lays out the stages, in the order they run. Rules of one level and schedule share a program unless they see
    /// written samples at different times.
    fn stages(&mut self, components: &[Component]) -> Vec<Stage> {
        let mut stages = Vec::new();
        // One unit where there is one thread: the more rules in it, the more they share.
        let most = if self.options.threads > 1 { self.options.threads * UNITS_A_THREAD } else { 1 };
        for level in components.chunk_by(|a, b| a.level == b.level) {
            let mut shared: Vec<(Held, Unit)> = Vec::new();
            let mut by_selector: HashMap<String, usize, foldhash::fast::FixedState> = HashMap::default();
            for component in level {
                if component.stepwise {
                    let apart = Apart::of(self.graph, component);
                    let mut units = Vec::new();
                    for rule in component.rules.iter().map(|rule| *rule as usize) {
                        let mut unit = self.unit(rule, Some(self.sight.stepwise(self.graph, rule, &apart)));
                        self.add(&mut unit, rule);
                        units.push(unit);
                    }
                    stages.push(Stage { units, by_step: true, at_once: false });
                    continue;
                }
                for rule in component.rules.iter().map(|rule| *rule as usize) {
                    let wants = sight::wants(self.graph, rule);
                    let Entry { schedule, query_offset, .. } = self.entries[rule];
                    let reads = !wants.is_empty();
                    let fits = |(held, unit): &(Held, Unit)| {
                        (unit.schedule, unit.query_offset, unit.lags.is_some()) == (schedule, query_offset, reads)
                            && held.fits((&self.sight, self.graph), rule, &wants)
                    };
                    // Rules with a selector in common share subtrees; others are better evaluated side by side, in a
                    // few units for each thread.
                    let texts = selector_texts(&self.entries[rule].rule.expr);
                    let akin = texts.iter().filter_map(|text| by_selector.get(text)).find(|at| fits(&shared[**at]));
                    let any = (0..shared.len()).filter(|at| fits(&shared[*at]));
                    let at = match akin {
                        Some(at) => *at,
                        None if any.clone().take(most).count() < most => {
                            shared.push((Held::default(), self.unit(rule, reads.then(Lags::default))));
                            shared.len() - 1
                        }
                        None => any.min_by_key(|at| shared[*at].1.links.len()).unwrap_or_default(),
                    };
                    by_selector.extend(texts.into_iter().map(|text| (text, at)));
                    let (held, unit) = &mut shared[at];
                    held.hold((&self.sight, self.graph), rule, &wants);
                    self.add(unit, rule);
                }
            }
            let units = shared.into_iter().map(|(held, mut unit)| {
                unit.lags = unit.lags.map(|_| held.into_lags());
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
        // By set: the longest of its writers, once all of them are known.
        let mut of_sets: Vec<Option<Millis>> = vec![None; self.graph.sets.len()];
        for component in &self.graph.components {
            let apart = Apart::of(self.graph, component);
            let longest = |set: u32| apart.writers(self.graph, set).iter().map(|writer| warmth[*writer as usize]).max();
            let own = component.sets.iter().filter_map(|set| longest(*set)).max();
            let rules = component.rules.iter().map(|rule| *rule as usize);
            let read = rules.clone().flat_map(|rule| &self.graph.nodes[rule].reads);
            let others = read.filter(|set| component.sets.binary_search(set).is_err());
            let others = others
                .map(|set| *of_sets[*set as usize].get_or_insert_with(|| longest(*set).unwrap_or_default()))
                .max();
            let below = own.max(others).unwrap_or_default();
            for rule in rules {
                let Entry { rule: source, group, query_offset, .. } = &self.entries[rule];
                let mut own = Millis::ZERO;
                if needs_warmth(&source.expr) {
                    let mut alone = Program::new(self.lower_options(group, false));
                    own = alone.add(&source.expr).map_or(own, |_| alone.reach().back);
                }
                let all = [own, below, *query_offset].map(|span| span.0);
                warmth[rule] = Millis(all.iter().fold(0_i64, |sum, span| sum.saturating_add(*span)));
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

/// Builds an engine and registers with the recording what its rules read; it does not see there what they write.
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
    let graph = RuleGraph::of(files, options.keep_written || options.trace);
    let offsets: Vec<Millis> = entries.iter().map(|entry| entry.query_offset).collect();
    let sight = Sight::of(&graph, &offsets);
    let mut builder = Builder { entries, graph: &graph, sight, options: &options, problems: Diagnostics::default() };
    let warmth = builder.warmth();
    let mut stages = if by_step { builder.stages(&[graph.all_stepwise()]) } else { builder.stages(&graph.components) };
    if builder.problems.has_errors() {
        return Err(builder.problems);
    }
    let asks = graph.nodes.iter().any(|node| node.asks);
    let keep = asks || options.keep_written;
    let mut written = WrittenSeries::new(hidden_by(&graph), keep, options.trace);
    if asks {
        recording.keep_all();
    }
    let at_rows = intervals.contains(&None);
    let readers = at_rows.then(|| RowReaders {
        recorded: recording.keep_events(&written.hidden),
        written: written.store.keep_label_sets(),
    });
    let mut reach = Reach::default();
    for unit in stages.iter_mut().flat_map(|stage| &mut stage.units) {
        let store = unit.lags.is_some().then_some(&mut written.store);
        unit.program.bind(recording, &written.hidden, store);
        reach = reach.or(unit.program.reach());
        let readers = readers.filter(|_| intervals[unit.schedule].is_none());
        unit.rows = readers.map(|readers| Rows::of(&unit.links, readers));
    }
    let nodes = graph.nodes.iter().enumerate();
    let lags = nodes.map(|(rule, node)| if node.asks { builder.sight.of_all(rule) } else { Lags::default() }).collect();
    let query = options.query();
    let (mut rules, mut infos) = (Vec::with_capacity(graph.nodes.len()), Vec::with_capacity(graph.nodes.len()));
    let mut names = SharedNames::default();
    for (at, entry) in builder.entries.iter().enumerate() {
        let id = RuleId(u32::try_from(at).unwrap_or(u32::MAX));
        let mut rule = rule_run(id, entry, builder.sight.writer(at), &mut names);
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
    let rows = readers.map(|readers| readers.recorded);
    let schedules = intervals.into_iter().map(|interval| Schedule::new(interval, rows));
    Ok(Engine {
        faults: options.trace.then(Vec::new),
        groups,
        infos,
        rules,
        stages,
        schedules: schedules.collect(),
        offsets,
        reach,
        written,
        queries: Queries::new(query, lags),
        ..Engine::empty(options)
    })
}
