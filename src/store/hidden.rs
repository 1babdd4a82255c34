//! Metrics that a reader does not see in a recording.

use std::sync::Arc;

/// Metric names that one reader of a store does not see, such as those that rules write: it reads them elsewhere. The
/// store holds them all the same, for other readers. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hidden(Option<Arc<[String]>>);

impl Hidden {
    /// Makes a set of names; one may come more than once.
    pub fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        names.dedup();
        Self((!names.is_empty()).then(|| names.into_iter().map(str::to_owned).collect()))
    }

    /// Returns whether a metric is hidden. Cost: a binary search.
    #[must_use]
    pub fn contains(&self, metric: &str) -> bool {
        self.0.as_ref().is_some_and(|names| names.binary_search_by(|name| name.as_str().cmp(metric)).is_ok())
    }
}
