//! Series that have ended: nothing walks over them until a sample of theirs comes again.

use crate::time::{Millis, Timestamp};

use super::{SelectorId, Series, SeriesId, Store, is_stale};

/// Below so many series it does not matter how many of them have ended.
const FEW: usize = 512;
/// How long a series with a single sample keeps silent before it counts as ended.
const LONG: Millis = Millis(3_600_000);

/// The series of a store that something walks over.
pub(super) struct Awake {
    /// Those that are awake; none is asleep where this is absent.
    ids: Option<Vec<SeriesId>>,
    /// How many may be awake before it is worth looking for ended ones.
    room: usize,
    /// How often a series woke.
    woken: usize,
}

impl Default for Awake {
    fn default() -> Self {
        Self { ids: None, room: FEW, woken: 0 }
    }
}

impl Awake {
    /// Records a new series.
    pub(super) fn add(&mut self, id: SeriesId) {
        if let Some(ids) = &mut self.ids {
            ids.push(id);
        }
    }
}

impl Store {
    /// Returns whether there are twice as many series as when ended ones were looked for last.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        self.awake() > self.awake.room
    }

    /// Returns how many series are not asleep.
    #[must_use]
    pub fn awake(&self) -> usize {
        self.awake.ids.as_ref().map_or(self.series.len(), Vec::len)
    }

    /// Returns a count that changes whenever a selector may have got a series.
    pub(crate) fn offers(&self) -> usize {
        self.series.len() + self.awake.woken
    }

    /// Puts series to sleep that have ended, if there are at least so many: those without a sample that a selector could
    /// still reach from a step after `evaluated`, of which no marker is still to be inferred, and which have kept silent
    /// for longer than they use to. Selectors list them no more, so whoever reads lists of selectors has to begin anew where
    /// this returns true. A series that goes on after all wakes and is listed again. All that is known of it stays.
    /// Cost: a walk over all that are awake.
    pub fn retire(&mut self, evaluated: Timestamp, least: usize) -> bool {
        let awake = self.awake.ids.take().unwrap_or_else(|| self.ids().collect());
        let (over, mut rest): (Vec<SeriesId>, Vec<SeriesId>) = awake.into_iter().partition(|id| {
            self.series[id.0 as usize].is_over(evaluated)
                && self.inference.as_ref().is_none_or(|inference| inference.is_done_with(*id))
        });
        let enough = !over.is_empty() && over.len() >= least;
        if enough {
            for id in over {
                let series = &mut self.series[id.0 as usize];
                series.asleep = true;
                if !self.keep_all {
                    series.drop_but_last();
                }
            }
            for selector in self.selectors.iter_mut().filter(|selector| !selector.lasting) {
                selector.series.retain(|id| !self.series[id.0 as usize].asleep);
            }
        } else {
            rest = self.ids().filter(|id| !self.series[id.0 as usize].asleep).collect();
        }
        self.awake.room = (rest.len() * 2).max(FEW);
        self.awake.ids = Some(rest);
        enough
    }

    /// Lets a selector list all series that it ever took, ended or not.
    pub(crate) fn list_for_good(&mut self, selector: SelectorId) {
        self.selectors[selector.0 as usize].lasting = true;
    }

    /// Lists a series again, of which a sample comes.
    #[cold]
    pub(super) fn wake(&mut self, id: SeriesId) {
        self.series[id.0 as usize].asleep = false;
        self.awake.add(id);
        self.awake.woken += 1;
        self.offer(id);
    }

    /// Does something for each series that is awake.
    pub(super) fn for_each_awake(&mut self, mut each: impl FnMut(&mut Series)) {
        match &self.awake.ids {
            None => self.series.iter_mut().for_each(each),
            Some(ids) => ids.iter().for_each(|id| each(&mut self.series[id.0 as usize])),
        }
    }

    /// Takes the list of the series that are awake, to be given back; absent where all are.
    pub(super) fn take_awake(&mut self) -> Option<Vec<SeriesId>> {
        self.awake.ids.take()
    }

    /// Gives back what [`Store::take_awake`] took.
    pub(super) fn put_awake(&mut self, ids: Option<Vec<SeriesId>>) {
        self.awake.ids = ids;
    }
}

impl Series {
    /// Returns whether no step after `evaluated` reaches a sample, and none is to be expected.
    fn is_over(&self, evaluated: Timestamp) -> bool {
        let facts = self.facts;
        let Some(last) = self.times.last().copied().max((facts.samples > 0).then_some(facts.last)) else {
            return false;
        };
        let silence = evaluated.since(last);
        if last == Timestamp::MIN || silence < self.back {
            return false;
        }
        let ended = self.values.last().is_some_and(|value| is_stale(*value));
        let spacing = match i64::try_from(facts.samples).unwrap_or(i64::MAX) {
            0 | 1 => LONG,
            samples => Millis(facts.last.since(facts.first).0 / (samples - 1) * 2),
        };
        ended || silence > spacing
    }

    /// Drops all samples but the newest.
    fn drop_but_last(&mut self) {
        let (Some(time), Some(value)) = (self.times.last().copied(), self.values.last().copied()) else { return };
        (self.times, self.values, self.head) = (vec![time], vec![value], 0);
        self.stale = usize::from(is_stale(value));
        self.inferred.retain(|at| *at == time);
        self.inferred.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::{LabelSet, Matcher};
    use crate::store::{Batch, Hidden, Reach, Stale, stale_marker};

    fn series(store: &mut Store, name: &str) -> SeriesId {
        store.series(&LabelSet::new([("__name__", "up"), ("host", name)]))
    }

    fn select(store: &mut Store) -> SelectorId {
        store.select(&[Matcher::equal("__name__", "up")], Reach::back(Millis(50)), &Hidden::default())
    }

    fn push(store: &mut Store, samples: &[(SeriesId, i64, f64)]) {
        let mut batch = Batch::default();
        samples.iter().for_each(|(id, at, value)| batch.push(*id, Timestamp(*at), *value, 0));
        store.append(&batch).expect("in order");
    }

    #[test]
    fn ended_series_are_listed_no_more_until_they_come_again() {
        let mut store = Store::default();
        let (selector, lasting) = (select(&mut store), select(&mut store));
        store.list_for_good(lasting);
        let [slow, gone, marked, once] = ["slow", "gone", "marked", "once"].map(|name| series(&mut store, name));
        let regular = (0..10).flat_map(|at| [(gone, at * 10, 1.0), (marked, at * 10, 1.0), (slow, at * 1_000, 1.0)]);
        let mut samples: Vec<_> = regular.collect();
        samples.extend([(marked, 100, stale_marker()), (once, 100, 1.0)]);
        samples.sort_by_key(|sample| sample.1);
        push(&mut store, &samples);
        assert!(!store.retire(Timestamp(139), 1), "the last samples are in reach");
        assert!(!store.retire(Timestamp(9_900), 3), "two are too few");
        assert_eq!((store.awake(), store.selected(selector).len()), (4, 4));
        let offers = store.offers();
        assert!(store.retire(Timestamp(9_900), 2));
        assert_eq!(store.selected(selector), [slow, once], "one sample tells no spacing");
        assert_eq!(store.selected(lasting), [slow, gone, marked, once]);
        assert_eq!((store.awake(), store.offers(), store.facts(gone).samples), (2, offers, 10));
        assert_eq!(store.samples(gone, Timestamp::MIN, Timestamp::MAX).times, [Timestamp(90)]);
        push(&mut store, &[(gone, 9_950, 2.0)]);
        assert_eq!(store.selected(selector), [slow, once, gone]);
        assert_eq!(store.selected(lasting), [slow, gone, marked, once]);
        assert_eq!((store.awake(), store.offers()), (3, offers + 1));
        store.evict(Timestamp(10_050));
        assert_eq!(store.samples(gone, Timestamp(9_900), Timestamp::MAX).values, [2.0]);
        let new = series(&mut store, "new");
        assert_eq!((store.selected(selector).last(), store.selected(lasting).last()), (Some(&new), Some(&new)));
    }

    #[test]
    fn a_series_stays_awake_until_its_marker_is_in_its_place() {
        let run = |retire: bool| {
            let mut store = Store::default();
            store.infer(Stale::Auto);
            let selector = select(&mut store);
            let (hourly, other) = (series(&mut store, "hourly"), series(&mut store, "other"));
            push(&mut store, &(0..6).map(|at| (hourly, at * 1_000, 1.0)).collect::<Vec<_>>());
            let mut listed = Vec::new();
            for at in (6_000..=12_000).step_by(200) {
                push(&mut store, &[(other, at, 1.0)]);
                store.advance(Timestamp(at));
                store.evict(Timestamp(at));
                if retire && store.retire(Timestamp(at), 1) {
                    listed.push((at, store.selected(selector).len(), store.stale_counts().by_cadence));
                }
            }
            push(&mut store, &[(hourly, 13_000, 1.0)]);
            store.advance(Timestamp(13_000));
            (listed, store.stale_counts(), store.inferred(hourly, Timestamp(6_250)))
        };
        let (listed, counts, inferred) = run(true);
        assert_eq!(listed, [(6_400, 1, 1)]);
        assert_eq!((counts, inferred), (run(false).1, true));
    }

    #[test]
    fn ended_series_are_looked_for_when_there_are_twice_as_many() {
        let mut store = Store::default();
        select(&mut store);
        let mut looks = Vec::new();
        for at in 0..20_000 {
            let id = series(&mut store, &at.to_string());
            push(&mut store, &[(id, at, 1.0), (id, at + 1, stale_marker())]);
            if store.is_crowded() {
                looks.push(at);
                assert!(store.retire(Timestamp(at), 1));
                assert!(store.awake() < 60, "{}", store.awake());
            }
        }
        assert!(looks.len() < 20_000 / 450, "{looks:?}");
    }
}
