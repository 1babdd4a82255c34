//! Inference of stale markers, which text exports lose: only what came before a gap counts, and it does not matter how
//! the samples were cut into batches.

use std::fmt;
use std::str::FromStr;

use hashbrown::HashMap;

use super::append::{Appended, Batch, Rejected};
use super::cadence::Cadence;
use super::{SeriesId, Store, StreamId, is_stale, stale_marker};
use crate::labels::LabelSet;
use crate::time::{Millis, Timestamp, parse_interval};

/// How the end of a series is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stale {
    /// From the markers of the recording alone.
    #[default]
    Off,
    /// From rows that lack a metric, from `up`, and from the series' own cadence.
    Auto,
    /// From a silence of this length.
    After(Millis),
}

/// Formats as `--stale` is written: `auto`, `off` or the span.
impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Off => f.write_str("off"),
            Self::After(span) => span.fmt(f),
        }
    }
}

/// Reads what [`Stale`] formats as.
impl FromStr for Stale {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "off" => Ok(Self::Off),
            _ => parse_interval(text)
                .map(Self::After)
                .map_err(|_| format!("`{text}` is none of `auto`, `off` or a duration such as `90s`")),
        }
    }
}

/// How many stale markers there are of each kind, those of series that no selector wants not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StaleCounts {
    /// Markers of the recording itself.
    pub recorded: u64,
    /// Inferred: the row of a snapshot lacked the metric.
    pub by_row: u64,
    /// Inferred: `up` was 0, or was there and the series was not.
    pub by_up: u64,
    /// Inferred: the series kept silent for longer than its cadence allows.
    pub by_cadence: u64,
    /// Inferred: the series kept silent for the given time.
    pub by_limit: u64,
}

impl StaleCounts {
    /// Returns the number of inferred markers.
    #[must_use]
    pub fn inferred(&self) -> u64 {
        self.by_row + self.by_up + self.by_cadence + self.by_limit
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Row,
    Up,
    Cadence,
    Limit,
}

/// How many scrapes of its `up` a series must have had a sample at before one without it ends it; and how many rows after
/// one that lacked it.
const RHYTHM: u8 = 4;

/// What is known of one series.
#[derive(Clone)]
struct Track {
    cadence: Cadence,
    /// A marker stands after the last sample.
    marked: bool,
    /// It had a sample at the stream's last row.
    with_row: bool,
    /// How many rows of the stream, one after the other, had a sample of it since one had none; [`RHYTHM`] where there
    /// was no such row, or long ago.
    rows: u8,
    /// How many of the last scrapes of its `up` that succeeded had a sample of it, one after the other; up to
    /// [`RHYTHM`].
    scrapes: u8,
    ever_with_up: bool,
    /// The `up` that this series is, by its place in [`Inference::ups`].
    up: Option<u32>,
    /// Whether some `up` has it as a member.
    has_up: bool,
}

impl Track {
    const NEW: Self = Self {
        cadence: Cadence::NEW,
        marked: false,
        with_row: false,
        rows: RHYTHM,
        scrapes: 0,
        ever_with_up: false,
        up: None,
        has_up: false,
    };
}

/// An `up` series and those that its scrapes bring.
struct Up {
    labels: LabelSet,
    members: Vec<SeriesId>,
}

/// The series of one job and instance.
#[derive(Default)]
struct Target {
    ups: Vec<u32>,
    series: Vec<SeriesId>,
}

/// What is remembered to infer stale markers.
pub(super) struct Inference {
    /// The fixed limit; none for `auto`.
    limit: Option<i64>,
    tracks: Vec<Track>,
    streams: Vec<Vec<SeriesId>>,
    ups: Vec<Up>,
    targets: HashMap<(String, String), Target, foldhash::fast::FixedState>,
    /// The newest time; more samples of it may come.
    open: Timestamp,
    /// Streams with a row, and `up` series with a sample (and whether it was 0), at that time.
    open_rows: Vec<StreamId>,
    open_ups: Vec<(u32, bool)>,
    advanced: Timestamp,
}

impl Store {
    /// Says how the end of a series is known; to be called before the first series.
    pub fn infer(&mut self, stale: Stale) {
        let limit = match stale {
            Stale::Off => {
                self.inference = None;
                return;
            }
            Stale::Auto => None,
            Stale::After(limit) => Some(limit.0.max(1)),
        };
        self.inference = Some(Box::new(Inference {
            limit,
            tracks: Vec::new(),
            streams: Vec::new(),
            ups: Vec::new(),
            targets: HashMap::default(),
            open: Timestamp::MIN,
            open_rows: Vec::new(),
            open_ups: Vec::new(),
            advanced: Timestamp::MIN,
        }));
    }

    /// Infers nothing more by itself: the recording says where its series end. A fixed limit stays.
    pub fn trust_markers(&mut self) {
        if self.infers_from_rows() {
            self.inference = None;
        }
    }

    /// Takes a promise: no sample stamped at or before the watermark will still be appended. Inferred markers up to it
    /// are in their places from now on. Cost: a look at each series; nothing where none are inferred.
    pub fn advance(&mut self, watermark: Timestamp) {
        let Some(mut inference) = self.inference.take() else { return };
        inference.advance(self, watermark);
        self.inference = Some(inference);
    }

    /// Returns how many stale markers there are.
    #[must_use]
    pub fn stale_counts(&self) -> StaleCounts {
        self.stale_counts
    }

    /// Returns whether the marker of a series at this time was inferred.
    #[must_use]
    pub fn inferred(&self, id: SeriesId, at: Timestamp) -> bool {
        self.series[id.0 as usize].inferred.binary_search(&at).is_ok()
    }

    /// Returns whether the rows of streams are wanted ([`Batch::snapshots`]).
    #[must_use]
    pub fn infers_from_rows(&self) -> bool {
        self.inference.as_ref().is_some_and(|inference| inference.limit.is_none())
    }

    /// Returns how many streams of rows there are.
    pub(super) fn streams(&self) -> u32 {
        self.inference.as_ref().map_or(0, |inference| u32::try_from(inference.streams.len()).unwrap_or(u32::MAX))
    }

    /// Begins streams of rows, until there are so many.
    pub(super) fn begin_streams(&mut self, streams: u32) {
        if let Some(inference) = &mut self.inference {
            inference.streams.resize(inference.streams.len().max(streams as usize), Vec::new());
        }
    }

    /// Tells that a series comes in the rows of a stream.
    pub(super) fn join(&mut self, series: SeriesId, stream: StreamId) {
        if let Some(inference) = &mut self.inference
            && let Some(members) = inference.streams.get_mut(stream.0 as usize)
        {
            members.push(series);
        }
    }

    pub(super) fn append_inferring(
        &mut self,
        inference: &mut Inference,
        batch: &Batch,
        values: &[f64],
        appended: &mut Appended,
    ) -> Result<(), Rejected> {
        inference.meet(self);
        let mut rows = batch.snapshots.iter().copied().peekable();
        for (at, id) in batch.series.iter().enumerate() {
            let time = batch.times[at];
            while let Some((stream, row_at)) = rows.next_if(|(_, row_at)| *row_at <= time) {
                inference.row(self, stream, row_at);
            }
            inference.sample(self, *id, time, values[at]);
            self.push(*id, time, values[at], batch.rows[at], appended)?;
        }
        rows.for_each(|(stream, at)| inference.row(self, stream, at));
        Ok(())
    }

    /// Puts a marker after the last sample of a series.
    fn mark(&mut self, id: SeriesId, at: Timestamp, kind: Kind) {
        let series = &mut self.series[id.0 as usize];
        if !series.wanted || series.times.last().is_some_and(|last| *last >= at) {
            return;
        }
        series.times.push(at);
        series.values.push(stale_marker());
        series.stale += 1;
        series.inferred.push(at);
        let counts = &mut self.stale_counts;
        match kind {
            Kind::Row => counts.by_row += 1,
            Kind::Up => counts.by_up += 1,
            Kind::Cadence => counts.by_cadence += 1,
            Kind::Limit => counts.by_limit += 1,
        }
    }
}

impl Inference {
    /// Records the series that are new in the store.
    fn meet(&mut self, store: &Store) {
        for at in self.tracks.len()..store.len() {
            self.tracks.push(Track::NEW);
            if self.limit.is_none() {
                self.find_target(store, SeriesId(u32::try_from(at).unwrap_or(u32::MAX)));
            }
        }
    }

    /// Joins a new series to its `up`, or a new `up` to its series. Without an instance there is no target; where
    /// several `up` share one (two replicas), a series goes to the first whose labels it has all.
    fn find_target(&mut self, store: &Store, id: SeriesId) {
        let labels = store.labels(id);
        let Some(instance) = labels.get("instance") else { return };
        let key = (labels.get("job").unwrap_or("").to_owned(), instance.to_owned());
        let target = self.targets.entry(key).or_default();
        if labels.metric() != Some("up") {
            target.series.push(id);
            let up = target.ups.iter().find(|up| has_all(labels, &self.ups[**up as usize].labels));
            if let Some(up) = up {
                self.ups[*up as usize].members.push(id);
                self.tracks[id.0 as usize].has_up = true;
            }
            return;
        }
        let own = labels.without_metric();
        let number = u32::try_from(self.ups.len()).unwrap_or(u32::MAX);
        target.ups.push(number);
        let mut members = Vec::new();
        for member in &target.series {
            let track = &mut self.tracks[member.0 as usize];
            if !track.has_up && has_all(store.labels(*member), &own) {
                track.has_up = true;
                members.push(*member);
            }
        }
        self.tracks[id.0 as usize].up = Some(number);
        self.ups.push(Up { labels: own, members });
    }

    /// Records a row of a stream.
    fn row(&mut self, store: &mut Store, stream: StreamId, at: Timestamp) {
        self.come_to(store, at);
        self.open_rows.push(stream);
    }

    /// Records a sample before it is pushed.
    fn sample(&mut self, store: &mut Store, id: SeriesId, time: Timestamp, value: f64) {
        self.come_to(store, time);
        let track = &mut self.tracks[id.0 as usize];
        let series = &store.series[id.0 as usize];
        let (facts, wanted) = (series.facts, series.wanted);
        if time <= facts.last || !(wanted || track.up.is_some()) {
            return;
        }
        if is_stale(value) {
            track.marked = true;
            return;
        }
        if let Some(up) = track.up {
            self.open_ups.push((up, value == 0.0));
        }
        if facts.samples == 0 {
            track.marked = false;
            return;
        }
        let silence = time.since(facts.last).0;
        let overdue = match self.limit {
            Some(limit) => Some(limit),
            None if track.cadence.short(silence) => None,
            None => track.cadence.allowed(),
        };
        let marked = std::mem::take(&mut track.marked);
        track.cadence.add(silence);
        if let Some(allowed) = overdue.filter(|allowed| *allowed < silence && !marked) {
            store.mark(id, facts.last.plus(Millis(allowed)), self.kind_of_silence());
        }
    }

    fn kind_of_silence(&self) -> Kind {
        if self.limit.is_some() { Kind::Limit } else { Kind::Cadence }
    }

    fn come_to(&mut self, store: &mut Store, time: Timestamp) {
        if time > self.open {
            self.close(store);
            self.open = time;
        }
    }

    /// Draws the consequences of the rows and `up` samples of the newest time, which is complete now.
    fn close(&mut self, store: &mut Store) {
        let mut rows = std::mem::take(&mut self.open_rows);
        for stream in rows.drain(..) {
            let members = std::mem::take(&mut self.streams[stream.0 as usize]);
            for id in &members {
                let facts = store.series[id.0 as usize].facts;
                // A series may be known before its first sample is appended.
                if facts.samples == 0 {
                    continue;
                }
                let here = facts.last == self.open;
                let track = &mut self.tracks[id.0 as usize];
                let before = std::mem::replace(&mut track.with_row, here);
                // A column that is filled in some rows only is no end of a series in the others: its cadence tells that.
                let kept = track.rows == RHYTHM;
                track.rows = if here { (track.rows + 1).min(RHYTHM) } else { 0 };
                if before && !here && kept {
                    self.end(store, *id, Kind::Row);
                }
            }
            self.streams[stream.0 as usize] = members;
        }
        self.open_rows = rows;
        let mut ups = std::mem::take(&mut self.open_ups);
        for (up, down) in ups.drain(..) {
            let members = std::mem::take(&mut self.ups[up as usize].members);
            for id in &members {
                let here = store.series[id.0 as usize].facts.last == self.open;
                let track = &mut self.tracks[id.0 as usize];
                track.ever_with_up |= here;
                if here {
                    track.scrapes = (track.scrapes + 1).min(RHYTHM);
                    continue;
                }
                // A series that comes at every other `up` only is not one of its scrapes: its cadence tells its end.
                let missed = !down && std::mem::take(&mut track.scrapes) == RHYTHM;
                if missed || down && track.ever_with_up {
                    self.end(store, *id, Kind::Up);
                }
            }
            self.ups[up as usize].members = members;
        }
        self.open_ups = ups;
    }

    /// Ends a series at the newest time, or before it where its cadence says so.
    fn end(&mut self, store: &mut Store, id: SeriesId, kind: Kind) {
        let facts = store.series[id.0 as usize].facts;
        let track = &mut self.tracks[id.0 as usize];
        if track.marked || facts.samples == 0 {
            return;
        }
        track.marked = true;
        let due = track.cadence.allowed().map(|allowed| facts.last.plus(Millis(allowed)));
        match due.filter(|due| *due < self.open) {
            Some(due) => store.mark(id, due, Kind::Cadence),
            None => store.mark(id, self.open, kind),
        }
    }

    fn advance(&mut self, store: &mut Store, watermark: Timestamp) {
        if watermark <= self.advanced {
            return;
        }
        self.advanced = watermark;
        if watermark >= self.open {
            self.close(store);
        }
        // Later ones have had no sample yet.
        let (awake, met) = (store.take_awake(), self.tracks.len());
        match &awake {
            None => (0..met).for_each(|at| self.advance_one(store, at, watermark)),
            Some(ids) => {
                let ids = ids.iter().map(|id| id.0 as usize).filter(|at| *at < met);
                ids.for_each(|at| self.advance_one(store, at, watermark));
            }
        }
        store.put_awake(awake);
    }

    fn advance_one(&mut self, store: &mut Store, at: usize, watermark: Timestamp) {
        let (series, track) = (&store.series[at], &mut self.tracks[at]);
        let silence = watermark.since(series.facts.last).0;
        if track.marked || !series.wanted || series.facts.samples == 0 {
            return;
        }
        let allowed = match self.limit {
            Some(limit) => Some(limit),
            // One less: a marker that is due at the watermark itself belongs there.
            None if track.cadence.short(silence.saturating_add(1)) => None,
            None => track.cadence.allowed(),
        };
        if let Some(allowed) = allowed.filter(|allowed| *allowed <= silence) {
            track.marked = true;
            let due = series.facts.last.plus(Millis(allowed));
            let kind = self.kind_of_silence();
            store.mark(SeriesId(u32::try_from(at).unwrap_or(u32::MAX)), due, kind);
        }
    }

    /// Returns whether a silence of a series tells nothing more: it has its marker, or its samples are too few to tell.
    pub(super) fn is_done_with(&self, id: SeriesId) -> bool {
        let Some(track) = self.tracks.get(id.0 as usize) else { return false };
        track.marked || self.limit.is_none() && track.cadence.clone().allowed().is_none()
    }
}

/// Returns whether a set has all labels of another.
fn has_all(labels: &LabelSet, others: &LabelSet) -> bool {
    others.iter().all(|(name, value)| labels.get(name) == Some(value))
}

#[cfg(test)]
mod tests {
    use super::super::Conflicts;
    use super::*;

    type Row<'a> = (&'a str, i64, f64);

    /// Appends samples of series that are named `metric/instance`, at times in seconds, in batches of several sizes up
    /// to a watermark, and compares where the markers of one series stand.
    fn check(stale: Stale, rows: &[Row<'_>], watermark: i64, series: &str, expected: &[f64]) -> StaleCounts {
        let labels = |name: &str| {
            let (metric, instance) = name.split_once('/').unwrap_or((name, ""));
            LabelSet::new([("__name__", metric), ("instance", instance), ("job", "j")])
        };
        let mut counts = None;
        for size in [1, 3, usize::MAX] {
            let mut store = Store::new(Conflicts::Refuse);
            store.keep_all();
            store.infer(stale);
            for rows in rows.chunks(size.min(rows.len())) {
                let mut batch = Batch::default();
                for (name, at, value) in rows {
                    let id = store.series(&labels(name));
                    batch.push(id, Timestamp(at * 1000), *value, 0);
                }
                store.append(&batch).expect("in order");
                store.advance(Timestamp(rows[rows.len() - 1].1 * 1000 - 1));
            }
            store.advance(Timestamp(watermark * 1000));
            let id = store.find(&labels(series)).expect("there");
            let samples = store.samples(id, Timestamp::MIN, Timestamp::MAX);
            let marks = samples.times.iter().zip(samples.values).filter(|(_, value)| is_stale(**value));
            let marks: Vec<f64> = marks.map(|(at, _)| at.seconds()).collect();
            assert_eq!(marks, expected, "{series} in batches of {size}");
            assert!(marks.iter().all(|at| store.inferred(id, Timestamp((at * 1000.0) as i64))));
            assert_eq!(*counts.get_or_insert(store.stale_counts()), store.stale_counts());
        }
        counts.unwrap_or_default()
    }

    fn every(name: &str, times: impl IntoIterator<Item = i64>) -> Vec<Row<'_>> {
        times.into_iter().map(|at| (name, at, 1.0)).collect()
    }

    fn merged<'a>(lists: &[Vec<Row<'a>>]) -> Vec<Row<'a>> {
        let mut rows = lists.concat();
        rows.sort_by_key(|row| row.1);
        rows
    }

    #[test]
    fn a_steady_series_ends_after_a_spacing_and_a_quarter() {
        let rows = merged(&[every("a", [0, 60, 120, 180, 240, 400]), every("b", (0..50).map(|at| at * 10))]);
        let counts = check(Stale::Auto, &rows, 474, "a", &[315.0]);
        assert_eq!((counts.by_cadence, counts.inferred()), (1, 1));
        // After the gap the spacings differ by more than a tenth: 2.5 medians.
        check(Stale::Auto, &rows, 550, "a", &[315.0, 550.0]);
        check(Stale::Auto, &rows, 549, "a", &[315.0]);
    }

    #[test]
    fn a_series_without_a_cadence_has_no_end() {
        check(Stale::Auto, &every("a", [0, 60, 120, 180]), 10_000, "a", &[]);
        check(Stale::Auto, &every("a", (0..9).map(|at| at * 1200)), 100_000, "a", &[]);
        check(Stale::Auto, &every("a", (0..9).map(|at| at * 900)), 100_000, "a", &[8325.0]);
        check(Stale::Off, &every("a", (0..9).map(|at| at * 60)), 100_000, "a", &[]);
    }

    #[test]
    fn a_fixed_limit_asks_for_nothing_else() {
        let counts =
            check(Stale::After(Millis(90_000)), &every("a", [0, 60, 200, 291]), 1000, "a", &[150.0, 290.0, 381.0]);
        assert_eq!(counts.by_limit, 3);
    }

    #[test]
    fn a_failed_scrape_ends_the_series_of_its_target() {
        let up = |values: &[(i64, f64)]| values.iter().map(|(at, value)| ("up/x", *at, *value)).collect::<Vec<_>>();
        let ups = up(&[(-60, 1.0), (0, 1.0), (60, 1.0), (120, 0.0), (180, 1.0), (240, 1.0)]);
        let rows = merged(&[ups, every("a/x", [-60, 0, 60, 180]), every("a/y", [0, 60]), every("late/x", [1, 61])]);
        let counts = check(Stale::Auto, &rows, 240, "a/x", &[120.0, 240.0]);
        assert_eq!(counts.by_up, 2);
        check(Stale::Auto, &rows, 240, "a/y", &[]);
        check(Stale::Auto, &rows, 240, "late/x", &[]);
        check(Stale::Auto, &rows, 239, "a/x", &[120.0]);
    }

    #[test]
    fn a_series_slower_than_its_up_ends_by_its_own_cadence() {
        let rows = merged(&[
            every("up/x", (0..30).map(|at| at * 60)),
            every("disk/x", (0..10).map(|at| at * 120)),
            every("cpu/x", (0..20).map(|at| at * 60)),
            every("short/x", [0, 60, 120]),
        ]);
        let counts = check(Stale::Auto, &rows, 1740, "disk/x", &[1230.0]);
        assert_eq!((counts.by_up, counts.by_cadence), (1, 1));
        check(Stale::Auto, &rows, 1740, "cpu/x", &[1200.0]);
        // Too few scrapes to know its rhythm, and too few samples for a cadence.
        check(Stale::Auto, &rows, 1740, "short/x", &[]);
    }

    #[test]
    fn a_failed_scrape_does_not_break_the_rhythm() {
        let ups = (0..8).map(|at| ("up/x", at * 60, f64::from(u8::from(at != 3)))).collect();
        let rows = merged(&[ups, every("a/x", [0, 60, 120, 240, 300])]);
        check(Stale::Auto, &rows, 420, "a/x", &[180.0, 360.0]);
    }

    /// Appends rows of a stream: `a` in all of them, `b` where it is told; returns the times of `b`, and how many markers
    /// rows made.
    fn rows(with_b: &[bool]) -> (Vec<i64>, u64) {
        let mut store = Store::default();
        store.keep_all();
        store.infer(Stale::Auto);
        let stream = StreamId(0);
        store.begin_streams(1);
        let ids = ["a", "b"].map(|name| store.series(&LabelSet::new([("__name__", name)])));
        ids.into_iter().for_each(|id| store.join(id, stream));
        let mut batch = Batch::default();
        for (at, with_b) in (1..).zip(with_b) {
            let series = if *with_b { &ids[..] } else { &ids[..1] };
            series.iter().for_each(|id| batch.push(*id, Timestamp(at), 1.0, 0));
            batch.snapshots.push((stream, Timestamp(at)));
        }
        store.append(&batch).expect("in order");
        store.advance(Timestamp(with_b.len() as i64));
        let times = store.samples(ids[1], Timestamp::MIN, Timestamp::MAX).times.iter().map(|at| at.0).collect();
        (times, store.stale_counts().by_row)
    }

    #[test]
    fn a_row_without_a_metric_ends_it() {
        assert_eq!(rows(&[true, false, false, true]), (vec![1, 2, 4], 1));
        assert_eq!(rows(&[false, true, true, false]), (vec![2, 3, 4], 1));
    }

    #[test]
    fn a_column_that_is_filled_in_some_rows_is_no_series_that_ends_in_the_others() {
        let (times, markers) = rows(&[true, false, true, false, true, false, true, false, true]);
        assert_eq!((times, markers), (vec![1, 2, 3, 5, 7, 9], 1));
        // Four rows with it, and it belongs to the rows again.
        let (_, markers) = rows(&[true, false, true, true, true, true, false]);
        assert_eq!(markers, 2);
    }
}
