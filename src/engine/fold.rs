//! Whether alerts can be made of conditions apart from the run that evaluates them.

use super::alerting::AlertRule;

/// How the alerts of a rule follow from what its expression gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// Each alert follows from its own condition: it may be made of it apart from the others, later, and again at
    /// another pace.
    ByAlert,
    /// All alerts of a step follow together before the next step.
    ByStep(Why),
}

/// Why alerts are made step by step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The labels show the value, the time or what a query finds: a series may be another alert at every step.
    LabelsByValue,
    /// Rules or queries read the series that tell of the alerts, and are evaluated by these.
    Read,
    /// No more alerts than this may be active at once: each depends on how many others there are.
    Limit(usize),
}

impl Fold {
    /// Returns how the alerts of a rule follow.
    pub(super) fn of(rule: &AlertRule) -> Self {
        if rule.naming.by_value() {
            Self::ByStep(Why::LabelsByValue)
        } else if rule.writes {
            Self::ByStep(Why::Read)
        } else if rule.limit > 0 {
            Self::ByStep(Why::Limit(rule.limit))
        } else {
            Self::ByAlert
        }
    }

    /// Returns whether each sample is named again.
    pub(super) fn by_value(self) -> bool {
        self == Self::ByStep(Why::LabelsByValue)
    }

    /// Returns whether a block is to be gone through step by step, if there were so many alerts in all.
    pub(super) fn steps_with(self, alerts: usize) -> bool {
        match self {
            Self::ByAlert => false,
            // So few cannot exceed it.
            Self::ByStep(Why::Limit(limit)) => alerts > limit,
            Self::ByStep(Why::LabelsByValue | Why::Read) => true,
        }
    }
}
