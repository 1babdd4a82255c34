//! What rules cost, measured so that a number may stop a merge.
//!
//! ```text
//!  budget --> counts, and batches of processes --> sample::Measurement --> baseline (a file, saved and read)
//!             (rule_bench: each rule alone)                |                     |
//!                                |                         v                     v
//!                                |          compare: pairs, gate::decide for each metric, totals, accept
//!                                v                         |
//!   checks, targets: verdict on intervals; costs, max_costs: what rules cost, and what they may
//!                                |                         |
//!                                +--> report::ProfileReport <--+
//! ```
//! `soak` stands apart: it drives [`crate::Live`] through days. `mutate` changes rules at random, for tests of the gate.
//!
//! [`clock`], [`machine`], [`process`] and `group` alone touch the clock, the kernel's files and other processes; the
//! rest works on recorded numbers. The unit of evidence is the process; the value of a time is the low decile of its
//! batches; what is exact is compared exactly.

pub mod accept;
mod allowance;
mod alone;
pub mod baseline;
pub mod bench;
pub mod budget;
pub mod campaign;
pub mod checks;
pub mod clock;
pub mod compare;
mod costs;
pub mod dice;
mod differs;
pub mod digest;
pub mod fields;
pub mod gate;
pub(crate) mod group;
pub mod growth;
pub mod histogram;
mod inherited;
pub mod machine;
pub mod max_costs;
pub mod mutate;
mod pairs;
pub mod process;
pub mod protocol;
pub mod report;
pub mod rule_bench;
pub mod sample;
pub mod soak;
pub mod stats;
pub mod target_file;
pub mod targets;
pub mod totals;
pub mod trial;
pub mod workload;

#[cfg(test)]
pub(crate) mod testing;
