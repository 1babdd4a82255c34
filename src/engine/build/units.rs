//! Which rules are evaluated together, in which order.

use crate::diagnostic::Diagnostics;
use crate::engine::cause;
use crate::engine::check::refusal;
use crate::engine::course::{Course, Link};
use crate::engine::options::EngineOptions;
use crate::engine::stage::Stage;
use crate::engine::unit::Unit;
use crate::promql::ast::Expr;
use crate::promql::lags::Lags;
use crate::promql::program::Program;
use crate::rules::RuleKind;
use crate::rules::graph::{Component, RuleGraph};

use super::entry::Entry;
use super::kin;
use super::sight::{self, Apart, Held, Sight};

/// The most units of one schedule for each thread: enough to share the work out, few enough to share subtrees.
const UNITS_A_THREAD: usize = 4;

/// Packs rules into units, and collects what is wrong with them.
pub(super) struct Packing<'a> {
    pub entries: &'a [Entry<'a>],
    pub graph: &'a RuleGraph,
    pub sight: &'a Sight,
    pub options: &'a EngineOptions,
    pub problems: Diagnostics,
}

impl Packing<'_> {
    /// Makes an empty unit for rules like this one.
    fn unit(&self, rule: usize, lags: Option<Lags>) -> Unit {
        let entry = self.entries[rule];
        Unit {
            program: Program::new(entry.lower_options(self.options, lags.is_some())),
            links: Vec::new(),
            course: Course::default(),
            commits: Vec::new(),
            schedule: entry.schedule,
            interval: self.options.interval_of(entry.group).unwrap_or(self.options.interval),
            query_offset: entry.query_offset,
            after: entry.after,
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
            let group = self.entries[rule].group;
            problems.iter().for_each(|problem| self.problems.push(refusal(source, group, problem)));
            return;
        }
        let alerts = matches!(source.kind, RuleKind::Alert { .. });
        let series = cause::compared(&source.expr).filter(|_| alerts);
        let compared = series.and_then(|series| unit.program.compare(series).ok());
        unit.links.push(Link { rule, compared });
    }

    /// Lays out the stages, in the order they run. Rules of one level and schedule share a program unless they see
    /// written samples at different times.
    pub(super) fn stages(&mut self, components: &[Component]) -> Vec<Stage> {
        let mut stages = Vec::new();
        for level in components.chunk_by(|a, b| a.level == b.level) {
            let mut rules = Vec::new();
            for component in level {
                if component.stepwise {
                    stages.push(self.by_step(component));
                    continue;
                }
                rules.extend(component.rules.iter().map(|rule| *rule as usize));
            }
            // One bin where there is one thread: the more rules in it, the more they share.
            let bins = if self.options.threads > 1 { self.options.threads * UNITS_A_THREAD } else { 1 };
            let exprs: Vec<&Expr> = rules.iter().map(|rule| &self.entries[*rule].rule.expr).collect();
            let bins = if self.options.apart { (0..rules.len()).collect() } else { kin::deal(&exprs, bins) };
            let mut shared = Vec::new();
            rules.iter().zip(bins).for_each(|(rule, bin)| self.share(&mut shared, bin, *rule));
            let units: Vec<Unit> = shared.into_iter().map(Shared::into_unit).collect();
            let at_once = self.options.threads > 1 && units.len() > 1;
            stages.push(Stage { units, by_step: false, at_once });
        }
        stages
    }

    /// Makes a stage of the rules of a component, each in a unit of its own.
    fn by_step(&mut self, component: &Component) -> Stage {
        let apart = Apart::of(self.graph, component);
        let mut units = Vec::new();
        for rule in component.rules.iter().map(|rule| *rule as usize) {
            let mut unit = self.unit(rule, Some(self.sight.stepwise(self.graph, rule, &apart)));
            self.add(&mut unit, rule);
            units.push(unit);
        }
        Stage { units, by_step: true, at_once: false }
    }

    /// Adds a rule to the unit of its bin, or to another one of the bin where it sees written samples at other times.
    fn share(&mut self, units: &mut Vec<Shared>, bin: usize, rule: usize) {
        let wants = sight::wants(self.graph, rule);
        let Entry { schedule, query_offset, after, .. } = self.entries[rule];
        let reads = !wants.is_empty();
        let fits = |Shared { bin: own, held, unit }: &Shared| {
            (*own, unit.schedule, unit.query_offset, unit.after, unit.lags.is_some())
                == (bin, schedule, query_offset, after, reads)
                && held.fits((self.sight, self.graph), rule, &wants)
        };
        let at = units.iter().position(fits).unwrap_or_else(|| {
            units.push(Shared { bin, held: Held::default(), unit: self.unit(rule, reads.then(Lags::default)) });
            units.len() - 1
        });
        let Shared { held, unit, .. } = &mut units[at];
        held.hold((self.sight, self.graph), rule, &wants);
        self.add(unit, rule);
    }
}

/// A unit of one level that rules share.
struct Shared {
    bin: usize,
    /// What its rules see.
    held: Held,
    unit: Unit,
}

impl Shared {
    /// Returns the unit, with what its rules see of written samples.
    fn into_unit(self) -> Unit {
        let Self { held, mut unit, .. } = self;
        unit.lags = unit.lags.map(|_| held.into_lags());
        unit
    }
}
