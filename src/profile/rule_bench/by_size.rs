//! How the time of each rule grows with more series and longer windows.

use std::cell::Cell;

use crate::engine::{Engine, EngineOptions};
use crate::rules::RuleFile;
use crate::store::Store;
use crate::time::{Millis, Timestamp};

use super::super::alone::{Alone, Parts};
use super::super::clock::stopwatch;
use super::super::growth::{Sized, longest, scaled, tail_of, widened};
use super::super::protocol::{AtSize, Cut, Grew, Grown};
use super::{RuleBench, clock, refused, samples};

/// Sizes at which growth is measured.
const SIZES: [u32; 4] = [1, 2, 4, 8];
/// Of these, the sizes that every rule is measured at, whatever its share of the time: an exponent takes two.
const FLOOR: usize = 2;
/// Passes at each size, of which the best counts.
const PASSES: usize = 3;
/// The least share of the time of one rule. Unit: nanoseconds.
const LEAST_SHARE_NS: u64 = 2_000_000;
/// How many times as long the next size takes, at most.
const LONGER: u64 = 3;
/// The slots at which rules are ranked by what they read.
const SIZED_BY: u64 = 8;

impl RuleBench {
    /// Measures every rule at more than one size, those that read the most first.
    ///
    /// # Errors
    /// When the recording cannot be evaluated.
    pub(super) fn by_size(&mut self, budget_ns: u64) -> Result<Vec<Grown>, String> {
        // Those that read the most come first: where the time does not suffice they are the ones to know of.
        let costs = self.counted_last(SIZED_BY.max(self.fewest_slots()))?;
        let mut order: Vec<usize> = (0..costs.len()).collect();
        order.sort_by_key(|rule| std::cmp::Reverse(costs[*rule].samples));
        let parts = Parts::of(&self.files);
        let spent = stopwatch();
        let mut grown = Vec::new();
        for (done, rule) in order.into_iter().enumerate() {
            let left = budget_ns.saturating_sub(spent());
            if left == 0 {
                let not = Grew { cut: Some(Cut::Time), ..Grew::default() };
                grown.push(Grown { rule, series: not.clone(), window: not });
                continue;
            }
            let alone = parts.alone(rule, &self.store);
            // What the rules before it left over is shared by those to come; half is for the windows.
            let share = (left / (parts.len() - done) as u64 / 2).clamp(LEAST_SHARE_NS.min(left), left);
            let series = self.by_series(&alone, (share, left))?;
            let left = budget_ns.saturating_sub(spent());
            grown.push(Grown { rule, series, window: self.by_window(&alone, (share, left))? });
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
        let options = EngineOptions { start: Some(from), apart: true, ..self.options.clone() };
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

    /// Counts the samples that a server reads for one evaluation of the rule at a place. 0 where they cannot be counted.
    fn samples(
        &self,
        place: usize,
        files: &[RuleFile],
        (options, warm): (EngineOptions, Timestamp),
        store: &mut Store,
    ) -> f64 {
        let Ok(mut engine) = Engine::new(files, options, store) else { return 0.0 };
        if engine.advance(store, warm).is_err() {
            return 0.0;
        }
        engine.watch(&samples());
        if engine.finish(store, self.span.1).is_err() {
            return 0.0;
        }
        let costs = engine.costs();
        costs.get(place).map_or(0.0, |cost| cost.samples as f64 / cost.evaluations.max(1) as f64)
    }

    /// Measures one rule with more and more series, as far as the time allows: its share, and what is left for all.
    fn by_series(&self, alone: &Alone, time: (u64, u64)) -> Result<Grew, String> {
        let clock = Sizes::begin(time);
        let mut grew = Grew::default();
        for (at, size) in SIZES.into_iter().enumerate() {
            if clock.too_late(at) {
                grew.cut = Some(Cut::Time);
                break;
            }
            grew.points.push(clock.measure(|| self.at_size(alone, &alone.files, (size, size)))?);
        }
        Ok(grew)
    }

    /// Measures one rule with longer and longer windows, as far as the time and the recording allow.
    fn by_window(&self, alone: &Alone, time: (u64, u64)) -> Result<Grew, String> {
        let clock = Sizes::begin(time);
        let mut grew = Grew::default();
        for (at, size) in SIZES.into_iter().enumerate() {
            let Some(files) = widened(alone, size) else { break };
            if longest(&files, &self.options).0 > self.span.1.since(self.span.0).0 {
                grew.cut = Some(Cut::Recording);
                break;
            }
            if clock.too_late(at) {
                grew.cut = Some(Cut::Time);
                break;
            }
            grew.points.push(clock.measure(|| self.at_size(alone, &files, (size, 1)))?);
        }
        Ok(grew)
    }
}

/// The time that the sizes of one rule may take. Unit: nanoseconds.
struct Sizes {
    share: u64,
    left: u64,
    spent: Box<dyn Fn() -> u64>,
    last: Cell<u64>,
}

impl Sizes {
    fn begin((share, left): (u64, u64)) -> Self {
        Self { share, left, spent: Box::new(stopwatch()), last: Cell::new(0) }
    }

    /// Returns whether the size at a place must be left out.
    fn too_late(&self, at: usize) -> bool {
        let spent = (self.spent)();
        let next = spent.saturating_add(self.last.get().saturating_mul(LONGER));
        next > self.left || (at >= FLOOR && spent > self.share)
    }

    fn measure<T>(&self, work: impl FnOnce() -> T) -> T {
        let begun = (self.spent)();
        let done = work();
        self.last.set((self.spent)().saturating_sub(begun));
        done
    }
}
