//! From rule files to an engine: schedules, order, programs.

mod entry;
mod kin;
mod rules;
mod sight;
mod units;
mod waits;
mod warmth;

use crate::diagnostic::Diagnostics;
use crate::rules::RuleFile;
use crate::rules::graph::{Keep, RuleGraph};
use crate::store::{Reach, RowsId, Store};
use crate::time::Millis;

use self::entry::{Entry, Schedules};
use self::sight::Sight;
use self::units::Packing;
use super::course::Course;
use super::query::Queries;
use super::resume::Resumed;
use super::rows::{RowReaders, Rows};
use super::rule::RuleRun;
use super::schedule::{Beat, RuleInfo, Schedule, Terms, Wait};
use super::stage::Stage;
use super::written::{WrittenSeries, hidden_by};
use super::{Engine, EngineOptions, agreement};

/// Builds an engine and registers with the recording what its rules read; it does not see there what they write.
/// `by_step` makes all rules run one step at a time in the order of time and rule, as a server does: slow, and with the
/// same events. `resumed` is where another engine on the same recording stopped.
pub(super) fn build(
    files: &[RuleFile],
    options: EngineOptions,
    recording: &mut Store,
    by_step: bool,
    resumed: Option<Resumed>,
) -> Result<Engine, Diagnostics> {
    let mut entries = entry::entries(files);
    let graph = RuleGraph::of(files, kept(&options));
    let waits = waits::waits(&entries, &graph, &options);
    let Schedules { groups, mut terms, .. } =
        Schedules::of((files, &mut entries), (&waits, &graph), &options, resumed.as_ref());
    let query_offsets: Vec<Millis> = entries.iter().map(|entry| entry.query_offset).collect();
    let sight = Sight::of(&graph, &query_offsets);
    let mut packing = Packing {
        entries: &entries,
        graph: &graph,
        sight: &sight,
        options: &options,
        problems: Diagnostics::default(),
    };
    let mut stages = if by_step { packing.stages(&[graph.all_stepwise()]) } else { packing.stages(&graph.components) };
    if packing.problems.has_errors() {
        return Err(packing.problems);
    }
    let warmth = warmth::warmth(&entries, &graph, &options);
    let mut rules = rules::ready(&entries, &sight, &warmth);
    let info = |(entry, warmth): (&Entry<'_>, &Millis)| RuleInfo {
        schedule: entry.schedule,
        query_offset: entry.query_offset,
        warmth: *warmth,
        after: entry.after,
        done: entry.done,
    };
    let infos: Vec<RuleInfo> = entries.iter().zip(&warmth).map(info).collect();
    let asks = graph.nodes.iter().any(|node| node.asks);
    let keep = asks || options.keep_written;
    let mut written = WrittenSeries::new(hidden_by(&graph, &options.hidden), keep, options.history, options.trace);
    if asks {
        recording.keep_for_queries();
    }
    let (reach, rows) = bind(&mut stages, &terms, recording, &mut written);
    if options.history.is_none() {
        terms.iter_mut().for_each(|terms| terms.wait = Wait::of(reach));
    }
    if options.compare {
        let lookback = |entry: &Entry<'_>| entry.rule.enabled.then(|| options.lookback_of(entry.group));
        let lookbacks: Vec<Option<Millis>> = entries.iter().map(lookback).collect();
        agreement::register(&mut rules, &lookbacks, recording);
    }
    begin_courses(&mut stages, &rules);
    let nodes = graph.nodes.iter().enumerate();
    let askers = nodes.filter(|(_, node)| node.asks).map(|(rule, _)| (rule, sight.of_all(rule)));
    let queries = Queries::new(options.query(), options.history, askers);
    let mut engine = Engine {
        faults: options.trace.then(Vec::new),
        groups,
        offsets: longest_offsets(&infos, terms.len()),
        infos,
        rules,
        stages,
        schedules: terms.into_iter().map(|terms| Schedule::new(terms, rows)).collect(),
        reach,
        written,
        queries,
        ..Engine::empty(options)
    };
    if let Some(resumed) = resumed {
        engine.take_state(resumed, recording);
    }
    Ok(engine)
}

/// Returns which written series are wanted although no rule reads them.
fn kept(options: &EngineOptions) -> Keep {
    match options.history {
        _ if options.keep_written || options.trace => Keep::All,
        Some(_) => Keep::Recorded,
        None => Keep::Read,
    }
}

/// Registers what all units select, and who reads rows or snapshots where there is a schedule of them. Returns how far
/// from a step they look, all taken together, and the reader of the recording's rows.
fn bind(
    stages: &mut [Stage],
    terms: &[Terms],
    recording: &mut Store,
    written: &mut WrittenSeries,
) -> (Reach, Option<RowsId>) {
    let any = |beat: Beat| terms.iter().any(|terms| terms.beat == beat);
    if any(Beat::Snapshots) {
        recording.keep_times();
    }
    let readers = any(Beat::Rows).then(|| RowReaders {
        recorded: recording.keep_rows(&written.hidden),
        written: written.store.keep_label_sets(),
    });
    let mut reach = Reach::default();
    for unit in stages.iter_mut().flat_map(|stage| &mut stage.units) {
        let store = unit.lags.is_some().then_some(&mut written.store);
        unit.program.bind(recording, &written.hidden, store);
        reach = reach.or(unit.program.reach());
        let readers = readers.filter(|_| terms[unit.schedule].beat == Beat::Rows);
        unit.rows = readers.map(|readers| Rows::of(&unit.links, readers));
    }
    (reach, readers.map(|readers| readers.recorded))
}

/// Begins the courses of all units, once their roots are known.
fn begin_courses(stages: &mut [Stage], rules: &[RuleRun]) {
    for unit in stages.iter_mut().flat_map(|stage| &mut stage.units) {
        unit.course = Course::of(&unit.links);
        unit.commits = unit.links.iter().map(|link| link.rule).filter(|rule| rules[*rule].commits()).collect();
    }
}

/// Returns by schedule the longest query offset of its rules, if it has any.
fn longest_offsets(infos: &[RuleInfo], schedules: usize) -> Vec<Option<Millis>> {
    let mut offsets = vec![None; schedules];
    for info in infos {
        let offset: &mut Option<Millis> = &mut offsets[info.schedule];
        *offset = (*offset).max(Some(info.query_offset));
    }
    offsets
}
