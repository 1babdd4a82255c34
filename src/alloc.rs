//! An allocator that counts, for measurements of memory that repeat exactly.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

static ON: AtomicBool = AtomicBool::new(false);
static CALLS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);
static FREED: AtomicU64 = AtomicU64::new(0);
static PEAK: AtomicU64 = AtomicU64::new(0);

/// The system's allocator, counted while [`CountingAllocator::on`] says so. To be named by `#[global_allocator]` in a
/// binary; elsewhere nothing is counted.
///
/// Cost: one load of a flag an allocation while it is off, some nanoseconds while it is on.
#[derive(Clone, Copy, Debug, Default)]
pub struct CountingAllocator;

/// What was asked of the allocator since counting began, by all threads. Sizes are those that were asked for, not what
/// the allocator rounds them to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allocated {
    /// Blocks that were taken, or made longer or shorter.
    pub calls: u64,
    /// Memory that was taken. Unit: bytes.
    pub bytes: u64,
    /// Memory that was given back, that of before counting began included. Unit: bytes.
    pub freed: u64,
    /// The most that was held at once. Unit: bytes.
    pub peak: u64,
}

impl Allocated {
    /// Returns what is held of what was taken: 0 where more was given back. Unit: bytes.
    #[must_use]
    pub fn live(self) -> u64 {
        self.bytes.saturating_sub(self.freed)
    }
}

/// Returns what was counted so far; zeros where no [`CountingAllocator`] is in use.
#[must_use]
pub fn allocated() -> Allocated {
    Allocated {
        calls: CALLS.load(Relaxed),
        bytes: BYTES.load(Relaxed),
        freed: FREED.load(Relaxed),
        peak: PEAK.load(Relaxed),
    }
}

impl CountingAllocator {
    /// Begins to count from zero.
    pub fn on() {
        for counter in [&CALLS, &BYTES, &FREED, &PEAK] {
            counter.store(0, Relaxed);
        }
        ON.store(true, Relaxed);
    }

    /// Ends counting and returns what was counted.
    pub fn off() -> Allocated {
        ON.store(false, Relaxed);
        allocated()
    }
}

fn taken(bytes: usize) {
    CALLS.fetch_add(1, Relaxed);
    let bytes = BYTES.fetch_add(bytes as u64, Relaxed) + bytes as u64;
    PEAK.fetch_max(bytes.saturating_sub(FREED.load(Relaxed)), Relaxed);
}

fn given_back(bytes: usize) {
    FREED.fetch_add(bytes as u64, Relaxed);
}

#[expect(
    unsafe_code,
    reason = "an allocator is unsafe by its trait; every call goes to the system's with its arguments"
)]
// SAFETY: the system's allocator does all the work; counting touches atomics only and allocates nothing.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if ON.load(Relaxed) {
            taken(layout.size());
        }
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        if ON.load(Relaxed) {
            given_back(layout.size());
        }
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if ON.load(Relaxed) {
            taken(layout.size());
        }
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if ON.load(Relaxed) {
            given_back(layout.size());
            taken(size);
        }
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_and_what_was_held_are_counted() {
        let layout = Layout::from_size_align(100, 8).expect("a layout");
        CountingAllocator::on();
        #[expect(unsafe_code, reason = "an allocator is called by hand")]
        // SAFETY: the layout has a size, and what is freed was allocated with the layout it is freed with.
        unsafe {
            let memory = CountingAllocator.alloc(layout);
            let memory = CountingAllocator.realloc(memory, layout, 300);
            let grown = Layout::from_size_align(300, 8).expect("a layout");
            assert_eq!((allocated().live(), allocated().calls), (300, 2));
            CountingAllocator.dealloc(memory, grown);
        }
        assert_eq!(CountingAllocator::off(), Allocated { calls: 2, bytes: 400, freed: 400, peak: 300 });
    }
}
