//! An allocator that counts, for measurements of memory that repeat exactly.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

static ON: AtomicBool = AtomicBool::new(false);
static CALLS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);
static FREED: AtomicU64 = AtomicU64::new(0);
static PEAK: AtomicU64 = AtomicU64::new(0);
static USABLE: AtomicU64 = AtomicU64::new(0);
static USABLE_FREED: AtomicU64 = AtomicU64::new(0);

/// The system's allocator, counted while [`CountingAllocator::on`] says so. To be named by `#[global_allocator]` in a
/// binary; elsewhere nothing is counted.
///
/// Cost: one load of a flag an allocation while it is off, some nanoseconds while it is on.
#[derive(Clone, Copy, Debug, Default)]
pub struct CountingAllocator;

/// What was asked of the allocator since counting began, by all threads. Sizes are those that were asked for, but for
/// [`Allocated::usable`].
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
    /// What the allocator rounded the sizes of the blocks to that are held; 0 where it does not tell, and without the
    /// feature `profile`. Unit: bytes.
    pub usable: u64,
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
        usable: USABLE.load(Relaxed).saturating_sub(USABLE_FREED.load(Relaxed)),
    }
}

impl CountingAllocator {
    /// Begins to count from zero.
    pub fn on() {
        for counter in [&CALLS, &BYTES, &FREED, &PEAK, &USABLE, &USABLE_FREED] {
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

fn taken(bytes: usize, usable: u64) {
    CALLS.fetch_add(1, Relaxed);
    USABLE.fetch_add(usable, Relaxed);
    let bytes = BYTES.fetch_add(bytes as u64, Relaxed) + bytes as u64;
    PEAK.fetch_max(bytes.saturating_sub(FREED.load(Relaxed)), Relaxed);
}

fn given_back(bytes: usize, usable: u64) {
    FREED.fetch_add(bytes as u64, Relaxed);
    USABLE_FREED.fetch_add(usable, Relaxed);
}

/// Returns what a block has room for; 0 where the system's allocator does not tell, or is not asked.
fn usable(memory: *mut u8) -> u64 {
    #[cfg(all(target_os = "linux", feature = "profile"))]
    #[expect(unsafe_code, reason = "the allocator is asked about its own block")]
    // SAFETY: the callers pass a block of the system's allocator that is not freed yet, or null, of which the size is 0.
    let usable: usize = unsafe { libc::malloc_usable_size(memory.cast()) };
    #[cfg(not(all(target_os = "linux", feature = "profile")))]
    let usable = {
        let _ = memory;
        0_usize
    };
    usable as u64
}

#[expect(
    unsafe_code,
    reason = "an allocator is unsafe by its trait; every call goes to the system's with its arguments"
)]
// SAFETY: the system's allocator does all the work; counting touches atomics only and allocates nothing.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        let memory = unsafe { System.alloc(layout) };
        if ON.load(Relaxed) {
            taken(layout.size(), usable(memory));
        }
        memory
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        if ON.load(Relaxed) {
            given_back(layout.size(), usable(memory));
        }
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        let memory = unsafe { System.alloc_zeroed(layout) };
        if ON.load(Relaxed) {
            taken(layout.size(), usable(memory));
        }
        memory
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let counts = ON.load(Relaxed);
        let before = if counts { usable(memory) } else { 0 };
        // SAFETY: the caller's promises are passed on.
        let grown = unsafe { System.realloc(memory, layout, size) };
        if counts && !grown.is_null() {
            given_back(layout.size(), before);
            taken(size, usable(grown));
        }
        grown
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
            assert!(
                !cfg!(all(target_os = "linux", feature = "profile")) || allocated().usable >= 300,
                "{:?}",
                allocated()
            );
            CountingAllocator.dealloc(memory, grown);
        }
        assert_eq!(CountingAllocator::off(), Allocated { calls: 2, bytes: 400, freed: 400, peak: 300, usable: 0 });
    }
}
