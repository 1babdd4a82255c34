//! How live values are evaluated.

use crate::engine::EngineOptions;
use crate::labels::LabelSet;
use crate::time::Millis;

const MINUTE: Millis = Millis(60_000);

/// How a [`Live`](super::Live) evaluates.
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
            idle_series: Millis(60 * MINUTE.0),
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

    /// Sets how long a series counts as being there after its last value: then it has ended, and so have the alerts on
    /// it. The default, and what 0 stands for, is 5 minutes.
    #[must_use]
    pub fn stale_after(mut self, span: impl Into<Millis>) -> Self {
        self.stale_after = or(span.into(), Self::default().stale_after);
        self
    }

    /// Sets how long a series without a value is remembered. The default is 1 hour. A value that comes later is taken
    /// as the first one of a new series.
    #[must_use]
    pub fn idle_series(mut self, span: impl Into<Millis>) -> Self {
        self.idle_series = span.into().max(Millis::ZERO);
        self
    }

    /// Sets for how long values are held that no rule needs: as far back a rule sees that is added later, and a query of
    /// a template or of [`Live::query`](super::Live::query). The default is 5 minutes. Windows of rules are held as long
    /// as they are.
    #[must_use]
    pub fn history(mut self, span: impl Into<Millis>) -> Self {
        self.history = span.into().max(Millis::ZERO);
        self
    }

    /// Sets how often groups of a rule file are evaluated that name no interval. The default, and what 0 stands for, is
    /// 1 minute.
    #[must_use]
    pub fn interval(mut self, span: impl Into<Millis>) -> Self {
        self.interval = or(span.into(), MINUTE);
        self
    }

    /// Sets how far a snapshot may be ahead of the one before it; one that is further away is refused and told by
    /// [`Live::faults`](super::Live::faults), since all that came after it would be too late.
    /// [`Live::advance`](super::Live::advance) goes any distance. The default, and what 0 stands for, is 366 days.
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

    /// Returns the options of the engine.
    pub(super) fn engine(&self) -> EngineOptions {
        EngineOptions {
            interval: self.interval,
            lookback: self.stale_after,
            external_labels: self.external_labels.clone(),
            external_url: self.external_url.clone(),
            history: Some(self.history),
            ..EngineOptions::default()
        }
    }
}
