//! The formats of `profile`: [`table`] for people, [`json`], [`markdown`], [`github`], [`junit`]; [`hgrm`] of
//! latencies, [`folded`] stacks, and [`soak`]: days of continuous operation.
//!
//! Table and markdown show the same sheets; they differ in lines and bars only.

pub mod folded;
pub mod github;
pub mod hgrm;
pub mod json;
pub mod junit;
pub mod markdown;
mod sheets;
pub mod soak;
pub mod table;
mod verdict;
pub(crate) mod words;

/// How much is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The width of the terminal, if it is one. Unit: columns.
    pub width: Option<usize>,
    /// Whether colours may be used.
    pub color: bool,
    /// The most rules and the most compared metrics without a finding that are shown; 0 shows all.
    pub top: usize,
    /// Whether rules are shown with all columns.
    pub wide: bool,
}

#[cfg(test)]
mod tests;
