//! How live values are evaluated.

use crate::engine::EngineOptions;
use crate::labels::LabelSet;
use crate::time::Millis;

const MINUTE: Millis = Millis(60_000);

/// How a [`Live`](super::Live) evaluates: when series end, and how long their values are kept.
///
/// ```
/// use std::time::Duration;
/// use alertctl::{Live, LiveOptions};
///
/// let options = LiveOptions::new()
///     .stale_after(Duration::from_secs(60))
///     .idle_series(Duration::from_secs(600));
/// let live = Live::with_options(options);
/// # drop(live);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LiveOptions {
    pub(super) stale_after: Millis,
    pub(super) idle_series: Millis,
    pub(super) history: Millis,
    pub(super) interval: Millis,
    pub(super) longest_jump: Millis,
    pub(super) external_labels: LabelSet,
    pub(super) external_url: String,
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self {
            stale_after: Millis(5 * MINUTE.0),
            idle_series: Millis(10 * MINUTE.0),
            history: Millis(5 * MINUTE.0),
            interval: MINUTE,
            longest_jump: Millis(366 * 24 * 60 * MINUTE.0),
            external_labels: LabelSet::empty(),
            external_url: String::new(),
        }
    }
}

/// Returns a span, or another one where it is not longer than 0.
fn or(span: Millis, default: Millis) -> Millis {
    if span.0 > 0 { span } else { default }
}

impl LiveOptions {
    /// Makes the default options.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how long a series lives without a new value: then it has ended, and so have its alerts. It should be longer
    /// than the time between two values of a series. The default is 5 minutes, also for 0 and less.
    #[must_use]
    pub fn stale_after(mut self, span: impl Into<Millis>) -> Self {
        self.stale_after = or(span.into(), Self::default().stale_after);
        self
    }

    /// Sets how long a series without a value is kept in memory. A value that arrives later is the first one of a new
    /// series. Handles stay valid. The default is 10 minutes.
    #[must_use]
    pub fn idle_series(mut self, span: impl Into<Millis>) -> Self {
        self.idle_series = span.into().max(Millis::ZERO);
        self
    }

    /// Sets for how long values are kept that no rule needs: this is how far back [`Live::query`](super::Live::query),
    /// a `query` in a template and a rule that is added later can look. What the windows of rules need, such as
    /// `rate(requests[1h])`, is kept in any case. The default is 5 minutes; it is never less than
    /// [`stale_after`](Self::stale_after).
    #[must_use]
    pub fn history(mut self, span: impl Into<Millis>) -> Self {
        self.history = span.into().max(Millis::ZERO);
        self
    }

    /// Sets how often groups of a rule file without an `interval` are evaluated. The default is 1 minute, also for 0
    /// and less.
    #[must_use]
    pub fn interval(mut self, span: impl Into<Millis>) -> Self {
        self.interval = or(span.into(), MINUTE);
        self
    }

    /// Sets how far a snapshot may be ahead of the one before it. One that is further ahead is refused and counted by
    /// [`Live::faults`](super::Live::faults): a single wrong time would make all later values come too late.
    /// [`Live::advance`](super::Live::advance) goes any distance. The default is 366 days, also for 0 and less.
    #[must_use]
    pub fn longest_jump(mut self, span: impl Into<Millis>) -> Self {
        self.longest_jump = or(span.into(), Self::default().longest_jump);
        self
    }

    /// Sets the labels that templates see as `$externalLabels`.
    #[must_use]
    pub fn external_labels(mut self, labels: LabelSet) -> Self {
        self.external_labels = labels;
        self
    }

    /// Sets the text that templates see as `$externalURL`.
    #[must_use]
    pub fn external_url(mut self, url: &str) -> Self {
        url.clone_into(&mut self.external_url);
        self
    }

    /// Returns how long values are held that no rule needs: as long as a series is there at least.
    pub(super) fn held(&self) -> Millis {
        self.history.max(self.stale_after)
    }

    /// Returns the options of the engine.
    pub(super) fn engine(&self) -> EngineOptions {
        EngineOptions {
            interval: self.interval,
            lookback: self.stale_after,
            external_labels: self.external_labels.clone(),
            external_url: self.external_url.clone(),
            history: Some(self.held()),
            ..EngineOptions::default()
        }
    }
}
