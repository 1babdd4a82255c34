//! Inputs in memory, and what a recording of them holds.

use std::cell::Cell;
use std::io::{self, Read};

use super::{Batches, InputError, Progress, ReadOptions, Recording, Source, Summary, Text};
use crate::store::{Batch, Conflicts, Stale, Store};
use crate::time::Timestamp;

/// An input that can be opened once, as a pipe.
pub(super) struct Once(pub(super) Text);

impl Source for Once {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        self.0.open()
    }

    fn reopens(&self) -> bool {
        false
    }
}

pub(super) fn source(name: &str, bytes: impl AsRef<[u8]>) -> Box<dyn Source> {
    Text::boxed(name, bytes)
}

/// Reads a recording to its end into stores that `begin` makes; `see` is shown each batch, and its watermark, before it
/// is appended.
pub(crate) fn walk(
    recording: &mut Recording,
    begin: &mut dyn FnMut() -> Store,
    see: &mut dyn FnMut(&Store, &Batch, Timestamp),
) -> Result<Store, InputError> {
    let (mut store, mut batch) = (begin(), Batch::default());
    loop {
        match recording.next_batch(&mut store, &mut batch)? {
            Progress::Batch(watermark) => {
                see(&store, &batch, watermark);
                recording.append(&mut store, &batch)?;
                store.advance(watermark);
            }
            Progress::Restart => store = begin(),
            Progress::End => return Ok(store),
        }
    }
}

/// Reads a recording to its end as the command does.
pub(super) fn read(
    sources: Vec<Box<dyn Source>>,
    options: ReadOptions,
    stale: Stale,
) -> Result<(Store, Summary), InputError> {
    read_by(false, sources, options, stale)
}

/// Does the same as [`read`], by a thread that is ahead if that is wanted.
pub(super) fn read_by(
    ahead: bool,
    sources: Vec<Box<dyn Source>>,
    options: ReadOptions,
    stale: Stale,
) -> Result<(Store, Summary), InputError> {
    let mut recording = Recording::open(sources, options)?;
    if ahead {
        recording.read_ahead();
    }
    let last = Cell::new(Timestamp::MIN);
    let mut begin = || {
        last.set(Timestamp::MIN);
        let mut store = Store::new(Conflicts::Refuse);
        store.keep_all();
        store.infer(stale);
        store
    };
    let store = walk(&mut recording, &mut begin, &mut |_, batch, watermark| {
        let before = last.replace(watermark);
        assert!(watermark >= before, "the watermark falls from {before} to {watermark}");
        assert!(batch.times.iter().all(|at| *at > before), "a sample lies at or before the watermark {before}");
    })?;
    Ok((store, recording.summary().clone()))
}

/// Prints what a store holds, a line a series: labels, then `time=value` for each sample, `stale` for markers, and the
/// text of native histograms.
pub(super) fn dump(store: &Store) -> Vec<String> {
    let mut lines: Vec<String> = store
        .ids()
        .map(|id| {
            let samples = store.samples(id, Timestamp::MIN, Timestamp::MAX);
            let mut line = store.labels(id).to_string();
            for (at, value) in samples.times.iter().zip(samples.values) {
                let shown = match store.histogram(*value) {
                    Some(histogram) => histogram.to_string(),
                    None if crate::store::is_stale(*value) => "stale".to_owned(),
                    None => value.to_string(),
                };
                line.push_str(&format!(" {}={shown}", at.0));
            }
            line
        })
        .collect();
    lines.sort();
    lines
}
