//! Who watches a run.

use std::ops::ControlFlow;

use crate::engine::{Event, FaultAt, WrittenSample};

/// Is shown what comes of a run while it goes on. `set` is the number of the rule set.
pub trait Observer {
    /// A pass begins. Where the recording turns out not to be in time order a second one does, and what was shown of
    /// the first is void.
    fn begin(&mut self) {}

    /// A batch was read, up to this number of bytes, compressed as they are in their files. [`ControlFlow::Break`] ends
    /// the run with [`super::RunError::Stopped`].
    fn read(&mut self, bytes: u64) -> ControlFlow<()> {
        let _ = bytes;
        ControlFlow::Continue(())
    }

    /// A transition that is reported ([`crate::outcome::Selection`]), in (time, group, rule, labels) order.
    fn event(&mut self, set: usize, event: &Event) {
        let _ = (set, event);
    }

    /// A failed evaluation; only with [`crate::outcome::RunOptions::trace`].
    fn fault(&mut self, set: usize, fault: FaultAt) {
        let _ = (set, fault);
    }

    /// A sample or stale marker that a rule wrote and that is reported ([`crate::outcome::Selection`]), in the order of
    /// time within a series; only with [`crate::outcome::RunOptions::trace`].
    fn written(&mut self, set: usize, sample: WrittenSample) {
        let _ = (set, sample);
    }
}

/// Watches nothing.
impl Observer for () {}
