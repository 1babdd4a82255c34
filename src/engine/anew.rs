//! Leaving rows behind whose series have ended.

use super::Engine;
#[cfg(test)]
use super::rows::Rows;

impl Engine {
    /// Returns whether [`Engine::bind_anew`] may be called: not where a fixed `@` was read once for good, nor where the
    /// recording has no end, whose engine is made anew instead.
    #[must_use]
    pub fn may_bind_anew(&self) -> bool {
        self.reach.pinned.is_none() && self.options.history.is_none()
    }

    /// Binds all programs to the series that selectors list now: to be called once ended ones were taken off the lists of
    /// the recording ([`Store::retire`](crate::store::Store::retire)). Ended series among those that rules wrote are taken
    /// off theirs. To the rules nothing has happened: what goes on is found again by its labels. Cost: as though all series
    /// that are left appeared at once.
    pub fn bind_anew(&mut self) {
        let evaluated = self.evaluated();
        self.written.store.retire(evaluated, 1);
        for unit in self.stages.iter_mut().flat_map(|stage| &mut stage.units).filter(|unit| unit.rows.is_none()) {
            unit.program.forget_rows();
            unit.course.forget_rows();
        }
        self.rules.iter_mut().for_each(|rule| rule.forget_rows());
    }

    /// Returns how many rows the largest program has.
    #[cfg(test)]
    pub(crate) fn widest(&self) -> usize {
        let units = self.stages.iter().flat_map(|stage| &stage.units);
        units.map(|unit| unit.rows.as_ref().map_or(unit.program.widest(), Rows::widest)).max().unwrap_or(0)
    }
}
