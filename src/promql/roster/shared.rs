//! Series of windows that several nodes of a family have.

use hashbrown::HashMap;

use super::super::program::Source;
use super::number;

/// The series of a family of windows.
#[derive(Default)]
pub(crate) struct Shared {
    /// In the order that nodes found them.
    numbers: HashMap<Source, u32, foldhash::fast::FixedState>,
    /// By number: the place of its rows; [`ALONE`] while one node alone has it, which then keeps no rows for others.
    places: Vec<u32>,
    /// How many places there are.
    count: u32,
}

/// Stands for no place.
const ALONE: u32 = u32::MAX;

impl Shared {
    /// Takes a series that a node found, and returns its number.
    pub(super) fn add(&mut self, source: Source) -> u32 {
        let next = number(self.places.len());
        let found = *self.numbers.entry(source).or_insert(next);
        if found == next {
            self.places.push(ALONE);
        } else if self.places[found as usize] == ALONE {
            self.places[found as usize] = self.count;
            self.count += 1;
        }
        found
    }

    /// Returns where the rows of a series are kept, if more than one node has it.
    pub(crate) fn place(&self, number: u32) -> Option<usize> {
        let place = self.places[number as usize];
        (place != ALONE).then_some(place as usize)
    }

    /// Returns how many series are shared.
    pub(crate) fn count(&self) -> usize {
        self.count as usize
    }
}
