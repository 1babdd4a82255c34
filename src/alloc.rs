//! An allocator that counts, for measurements of memory that repeat exactly.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};

static ON: AtomicBool = AtomicBool::new(false);
static LIVE: AtomicI64 = AtomicI64::new(0);
static PEAK: AtomicI64 = AtomicI64::new(0);
static COUNT: AtomicU64 = AtomicU64::new(0);

/// The system's allocator, counted while [`Counting::on`] says so.
///
/// Cost: one load of a flag an allocation while it is off, some nanoseconds while it is on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counting;

/// What was allocated since counting began. Sizes are those that were asked for, not what the allocator rounds them to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allocated {
    /// Bytes that are held: below zero when more was freed than allocated since counting began.
    pub live: i64,
    /// The most bytes that were held at once.
    pub peak: i64,
    /// Allocations, growing ones included.
    pub count: u64,
}

impl Counting {
    /// Begins to count from zero.
    pub fn on() {
        LIVE.store(0, Relaxed);
        PEAK.store(0, Relaxed);
        COUNT.store(0, Relaxed);
        ON.store(true, Relaxed);
    }

    /// Ends counting and returns what was counted.
    pub fn off() -> Allocated {
        ON.store(false, Relaxed);
        Self::now()
    }

    /// Returns what was counted so far; all zero where this is not the program's allocator.
    #[must_use]
    pub fn now() -> Allocated {
        Allocated { live: LIVE.load(Relaxed), peak: PEAK.load(Relaxed), count: COUNT.load(Relaxed) }
    }
}

fn grew(bytes: usize) {
    COUNT.fetch_add(1, Relaxed);
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    let live = LIVE.fetch_add(bytes, Relaxed).wrapping_add(bytes);
    PEAK.fetch_max(live, Relaxed);
}

fn shrank(bytes: usize) {
    LIVE.fetch_sub(i64::try_from(bytes).unwrap_or(i64::MAX), Relaxed);
}

#[expect(
    unsafe_code,
    reason = "an allocator is unsafe by its trait; every call goes to the system's with its arguments"
)]
// SAFETY: the system's allocator does all the work; counting touches atomics only and allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if ON.load(Relaxed) {
            grew(layout.size());
        }
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        if ON.load(Relaxed) {
            shrank(layout.size());
        }
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if ON.load(Relaxed) {
            grew(layout.size());
        }
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if ON.load(Relaxed) {
            shrank(layout.size());
            grew(size);
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
        Counting::on();
        #[expect(unsafe_code, reason = "an allocator is called by hand")]
        // SAFETY: the layout has a size, and what is freed was allocated with the layout it is freed with.
        unsafe {
            let memory = Counting.alloc(layout);
            let memory = Counting.realloc(memory, layout, 300);
            let grown = Layout::from_size_align(300, 8).expect("a layout");
            assert_eq!(Counting::now(), Allocated { live: 300, peak: 300, count: 2 });
            Counting.dealloc(memory, grown);
        }
        assert_eq!(Counting::off(), Allocated { live: 0, peak: 300, count: 2 });
    }
}
