//! The clock: what it can see, and what it costs to ask.

use std::hint::black_box;
use std::time::Instant;

/// How often the clock is asked for its grain.
const PROBES: u32 = 1_000_000;

/// What the clock of this machine can see.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timer {
    /// The smallest step that was seen. Unit: nanoseconds.
    pub grain_ns: f64,
    /// What one reading costs. Unit: nanoseconds.
    pub cost_ns: f64,
}

impl Timer {
    /// Looks for the smallest step over a million readings. Cost: about 50 ms.
    #[must_use]
    pub fn probe() -> Self {
        let begun = Instant::now();
        let mut last = begun;
        let mut grain = u128::MAX;
        for _ in 0..PROBES {
            let now = black_box(Instant::now());
            let step = now.duration_since(last).as_nanos();
            if step > 0 {
                grain = grain.min(step);
            }
            last = now;
        }
        let cost = begun.elapsed().as_nanos() as f64 / f64::from(PROBES);
        Self { grain_ns: grain.min(1_000_000_000) as f64, cost_ns: cost }
    }
}

/// Returns the time that something takes. Unit: nanoseconds.
pub fn timed(work: impl FnOnce()) -> u64 {
    let begun = Instant::now();
    work();
    u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Returns a clock that counts from now on. Unit: nanoseconds.
pub fn stopwatch() -> impl Fn() -> u64 + Send + Sync {
    let begun = Instant::now();
    move || u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// What the kernel counted of this process: all zero where it does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Time on a processor. Unit: nanoseconds.
    pub cpu_ns: u64,
    /// How often it was interrupted for another process.
    pub involuntary_switches: u64,
}

impl Usage {
    /// Reads the counts of the main thread.
    #[must_use]
    pub fn now() -> Self {
        let schedule = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        Self { cpu_ns: first_number(&schedule), involuntary_switches: involuntary(&status) }
    }

    /// Returns what was counted since an earlier reading.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            cpu_ns: self.cpu_ns.saturating_sub(earlier.cpu_ns),
            involuntary_switches: self.involuntary_switches.saturating_sub(earlier.involuntary_switches),
        }
    }
}

fn first_number(text: &str) -> u64 {
    text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0)
}

fn involuntary(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("nonvoluntary_ctxt_switches:"));
    line.map_or(0, first_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_the_kernel_are_read() {
        assert_eq!(first_number("123 45 6\n"), 123);
        assert_eq!(first_number(""), 0);
        assert_eq!(involuntary("Name:\tx\nvoluntary_ctxt_switches:\t9\nnonvoluntary_ctxt_switches:\t7\n"), 7);
        let (a, b) = (Usage { cpu_ns: 5, involuntary_switches: 1 }, Usage { cpu_ns: 9, involuntary_switches: 1 });
        assert_eq!(b.since(a), Usage { cpu_ns: 4, involuntary_switches: 0 });
    }
}
