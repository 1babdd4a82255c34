//! How the time of each rule grows with more series and longer windows.

use std::sync::Arc;

use crate::engine::{Engine, EngineOptions, Watch};
use crate::rules::{Rule, RuleFile, RuleKind};
use crate::store::Store;
use crate::time::{Millis, Timestamp};

use super::super::alone::{Alone, Parts};
use super::super::clock::stopwatch;
use super::super::growth::{Sized, longest, scaled, tail_of, unfolded, widened};
use super::super::protocol::{AtSize, Cut, Grew, Grown};
use super::{RuleBench, clock, refused};

/// Sizes at which growth is measured.
const SIZES: [u32; 4] = [1, 2, 4, 8];
/// Of these, the sizes that every rule is measured at, whatever its share of the time: an exponent takes two.
const FLOOR: usize = 2;
/// Passes at each size, of which the best counts.
const PASSES: usize = 3;
/// The least share of the time of one rule. Unit: nanoseconds.
const LEAST_SHARE_NS: u64 = 2_000_000;
/// How many times the time may be used up by what every rule is measured at.
const OVERDRAFT: u64 = 3;
/// The slots at which rules are ranked by what they read.
const SIZED_BY: u64 = 8;

impl RuleBench {
    /// Measures every rule at more than one size, those that read the most first.
    ///
    /// # Errors
    /// When the recording cannot be evaluated.
    pub(super) fn by_size(&mut self, budget_ns: u64) -> Result<Vec<Grown>, String> {
        // Those that read the most come first: where the time does not suffice they are the ones to know of.
        let samples = Watch { now: Arc::new(|| 0), samples: true };
        let costs = self.pass(Some(SIZED_BY.max(self.fewest_slots())), &samples)?;
        let mut order: Vec<usize> = (0..costs.len()).collect();
        order.sort_by_key(|rule| std::cmp::Reverse(costs[*rule].samples));
        let parts = Parts::of(&self.files);
        let spent = stopwatch();
        let mut grown = Vec::new();
        for (done, rule) in order.into_iter().enumerate() {
            if spent() >= budget_ns.saturating_mul(OVERDRAFT) {
                let not = Grew { cut: Some(Cut::Time), ..Grew::default() };
                grown.push(Grown { rule, series: not.clone(), window: not });
                continue;
            }
            let alone = parts.alone(rule, &self.store);
            // What the rules before it left over is shared by those to come; half is for the windows.
            let share = budget_ns.saturating_sub(spent()) / (parts.len() - done) as u64 / 2;
            let share = share.max(LEAST_SHARE_NS);
            let series = self.by_series(&alone, share)?;
            grown.push(Grown { rule, series, window: self.by_window(&alone, share)? });
        }
        Ok(grown)
    }

    /// Returns how far apart the evaluations of the rule at a place are.
    fn interval_at(&self, files: &[RuleFile], place: usize) -> Millis {
        let groups = files.iter().flat_map(|file| &file.groups);
        let mut of_rules = groups.flat_map(|group| group.rules.iter().map(move |_| group));
        of_rules.nth(place).map_or(self.shortest, |group| self.interval_of(group))
    }

    /// Measures a rule at one size. The time is the best of a few passes: what disturbs one makes it longer only.
    fn at_size(&self, alone: &Alone, files: &[RuleFile], (size, copies): (u32, u32)) -> Result<AtSize, String> {
        let reach = longest(files, &self.options);
        let (from, warm) = tail_of(self.span, self.interval_at(files, alone.place), reach);
        let options = EngineOptions { start: Some(from), ..self.options.clone() };
        let mut store = Store::default();
        let engine =
            |store: &mut Store| Engine::new(files, options.clone(), store).map_err(|problems| refused(&problems));
        engine(&mut store)?;
        scaled(&self.store, &mut store, Sized { copies, from }, reach, alone);
        let mut best = f64::INFINITY;
        for _ in 0..PASSES {
            let mut engine = engine(&mut store)?;
            engine.advance(&store, warm).map_err(|error| error.to_string())?;
            engine.watch(&clock());
            engine.finish(&store, self.span.1).map_err(|error| error.to_string())?;
            if let Some(cost) = engine.costs().get(alone.place) {
                best = best.min((cost.evaluate + cost.alert) / cost.evaluations.max(1) as f64);
            }
        }
        let samples = self.samples(alone.place, files, (options, warm), &mut store);
        Ok(AtSize { size: f64::from(size), ns: best, samples })
    }

    /// Counts the samples that a server handles for one evaluation of the rule at a place: those that it reads, and
    /// those of its subqueries, which alertctl evaluates once for many slots. 0 where they cannot be counted.
    fn samples(
        &self,
        place: usize,
        files: &[RuleFile],
        (options, warm): (EngineOptions, Timestamp),
        store: &mut Store,
    ) -> f64 {
        let (files, times) = with_subqueries(files, place, self.options.interval);
        let Ok(mut engine) = Engine::new(&files, options, store) else { return 0.0 };
        if engine.advance(store, warm).is_err() {
            return 0.0;
        }
        engine.watch(&Watch { now: Arc::new(|| 0), samples: true });
        if engine.finish(store, self.span.1).is_err() {
            return 0.0;
        }
        let costs = engine.costs();
        let each = costs.iter().skip(place).zip(times);
        each.map(|(cost, times)| times * cost.samples as f64 / cost.evaluations.max(1) as f64).sum()
    }

    /// Measures one rule with more and more series, as far as the time allows.
    fn by_series(&self, alone: &Alone, may_take: u64) -> Result<Grew, String> {
        let begun = stopwatch();
        let mut grew = Grew::default();
        for (at, size) in SIZES.into_iter().enumerate() {
            if at >= FLOOR && begun() > may_take {
                grew.cut = Some(Cut::Time);
                break;
            }
            grew.points.push(self.at_size(alone, &alone.files, (size, size))?);
        }
        Ok(grew)
    }

    /// Measures one rule with longer and longer windows, as far as the time and the recording allow.
    fn by_window(&self, alone: &Alone, may_take: u64) -> Result<Grew, String> {
        let begun = stopwatch();
        let mut grew = Grew::default();
        for (at, size) in SIZES.into_iter().enumerate() {
            let Some(files) = widened(alone, size) else { break };
            if longest(&files, &self.options).0 > self.span.1.since(self.span.0).0 {
                grew.cut = Some(Cut::Recording);
                break;
            }
            if at >= FLOOR && begun() > may_take {
                grew.cut = Some(Cut::Time);
                break;
            }
            grew.points.push(self.at_size(alone, &files, (size, 1))?);
        }
        Ok(grew)
    }
}

/// Puts the subqueries of the rule at a place behind it, as rules of their own, and says how many times a server
/// evaluates each of them.
fn with_subqueries(files: &[RuleFile], place: usize, step: Millis) -> (Vec<RuleFile>, Vec<f64>) {
    let mut files = files.to_vec();
    let mut place = place;
    for group in files.iter_mut().flat_map(|file| &mut file.groups) {
        if let Some(rule) = group.rules.get(place).cloned() {
            let all = unfolded(&rule.expr, step);
            let times = all.iter().map(|(times, _)| *times).collect();
            let rules = all.into_iter().enumerate().map(|(at, (_, expr))| {
                let mut rule = Rule { expr, kind: RuleKind::Record, ..rule.clone() };
                rule.name.text = format!("{}:{at}", rule.name.text);
                rule
            });
            group.rules.splice(place..=place, rules);
            return (files, times);
        }
        place -= group.rules.len();
    }
    (files, Vec::new())
}
