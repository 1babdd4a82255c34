//! Which alerts of a rule are gone through one by one, in label order.

use crate::labels::LabelSet;
use crate::promql::roster::inserted;

/// Alerts in label order, each by its number.
#[derive(Debug, Default)]
pub(crate) struct Ordered {
    sorted: Vec<u32>,
    /// Those that are to be put into order.
    new: Vec<u32>,
    /// By alert: whether it is in either list.
    is_listed: Vec<bool>,
}

impl Ordered {
    /// Adds an alert, unless it is there.
    pub(crate) fn add(&mut self, alert: u32) {
        let index = alert as usize;
        if self.is_listed.len() <= index {
            self.is_listed.resize(index + 1, false);
        }
        if !std::mem::replace(&mut self.is_listed[index], true) {
            self.new.push(alert);
        }
    }

    /// Returns all alerts in label order. Cost: nothing where none was added.
    pub(crate) fn all<'a>(&mut self, labels: impl Fn(u32) -> &'a LabelSet) -> &[u32] {
        if !self.new.is_empty() {
            let new = std::mem::take(&mut self.new);
            self.sorted = inserted(&self.sorted, new, |a, b| labels(*a).cmp(labels(*b)));
        }
        &self.sorted
    }

    /// Drops the alerts that are not to be kept, until they are added again.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(u32) -> bool) {
        let Self { sorted, new, is_listed } = self;
        let mut kept = |alert: &u32| {
            is_listed[*alert as usize] = keep(*alert);
            is_listed[*alert as usize]
        };
        sorted.retain(&mut kept);
        new.retain(kept);
        sorted.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_are_listed_once_and_in_label_order() {
        let labels = ["d", "a", "c", "b", "e"].map(|name| LabelSet::new([("name", name)]));
        let mut ordered = Ordered::default();
        let check = |ordered: &mut Ordered, add: &[u32], expected: &[u32]| {
            add.iter().for_each(|alert| ordered.add(*alert));
            assert_eq!(ordered.all(|alert| &labels[alert as usize]), expected);
        };
        check(&mut ordered, &[2, 0, 2], &[2, 0]);
        check(&mut ordered, &[1, 0], &[1, 2, 0]);
        ordered.add(4);
        ordered.retain(|alert| alert % 2 == 0 && alert > 0);
        check(&mut ordered, &[], &[2, 4]);
        check(&mut ordered, &[3, 0, 2], &[3, 2, 0, 4]);
    }
}
