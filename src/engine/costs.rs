//! Watching what rules cost while they are evaluated.

use super::Engine;
use super::watch::{Cost, Watch, Watched};

impl Engine {
    /// Watches what rules cost from now on; what was watched before is forgotten.
    pub fn watch(&mut self, watch: &Watch) {
        for unit in self.stages.iter_mut().flat_map(|stage| &mut stage.units) {
            unit.watched = Some(Box::new(Watched::of(&unit.program, &unit.links, watch)));
        }
    }

    /// Returns what each rule cost since it is watched, in their order; all zero if it is not.
    #[must_use]
    pub fn costs(&self) -> Vec<Cost> {
        let mut costs = vec![Cost::default(); self.rules.len()];
        for unit in self.stages.iter().flat_map(|stage| &stage.units) {
            if let Some(watched) = &unit.watched {
                watched.add(&unit.program, &unit.links, &mut costs);
            }
        }
        costs
    }

    /// Returns how many series were read since it is watched, one that several rules read once.
    #[must_use]
    pub fn series_read(&self) -> u64 {
        let units = self.stages.iter().flat_map(|stage| &stage.units);
        let mut all: Vec<(bool, u32)> =
            units.filter_map(|unit| unit.watched.as_deref()).flat_map(Watched::series).collect();
        all.sort_unstable();
        all.dedup();
        all.len() as u64
    }
}
