//! Inputs in memory, and what a recording of them holds.

use std::io::{self, Cursor, Read};

use super::{InputError, Progress, ReadOptions, Recording, Source, Summary};
use crate::store::{Conflicts, Stale, Store};
use crate::time::Timestamp;

/// A named input in memory.
pub(super) struct Memory {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    pub(super) reopens: bool,
}

impl Source for Memory {
    fn name(&self) -> &str {
        &self.name
    }

    fn open(&self) -> io::Result<Box<dyn Read>> {
        Ok(Box::new(Cursor::new(self.bytes.clone())))
    }

    fn reopens(&self) -> bool {
        self.reopens
    }
}

pub(super) fn source(name: &str, bytes: impl AsRef<[u8]>) -> Box<dyn Source> {
    Box::new(Memory { name: name.to_owned(), bytes: bytes.as_ref().to_vec(), reopens: true })
}

/// Reads a recording to its end as the command does.
pub(super) fn read(
    sources: Vec<Box<dyn Source>>,
    options: ReadOptions,
    stale: Stale,
) -> Result<(Store, Summary), InputError> {
    let fresh = || {
        let mut store = Store::new(Conflicts::Refuse);
        store.keep_all();
        store.infer(stale);
        store
    };
    let mut recording = Recording::open(sources, options)?;
    let mut store = fresh();
    let mut batch = crate::store::Batch::default();
    let mut last = Timestamp::MIN;
    loop {
        match recording.next_batch(&mut store, &mut batch)? {
            Progress::Batch(watermark) => {
                assert!(watermark >= last, "the watermark falls from {last} to {watermark}");
                assert!(batch.times.iter().all(|at| *at > last), "a sample lies at or before the watermark {last}");
                last = watermark;
                recording.append(&mut store, &batch)?;
                store.advance(watermark);
            }
            Progress::Restart => {
                store = fresh();
                last = Timestamp::MIN;
            }
            Progress::End => return Ok((store, recording.summary().clone())),
        }
    }
}

/// Prints what a store holds, a line a series: labels, then `time=value` for each sample, `stale` for markers.
pub(super) fn dump(store: &Store) -> Vec<String> {
    let mut lines: Vec<String> = store
        .ids()
        .map(|id| {
            let samples = store.samples(id, Timestamp::MIN, Timestamp::MAX);
            let mut line = store.labels(id).to_string();
            for (at, value) in samples.times.iter().zip(samples.values) {
                match crate::store::is_stale(*value) {
                    true => line.push_str(&format!(" {}=stale", at.0)),
                    false => line.push_str(&format!(" {}={value}", at.0)),
                }
            }
            line
        })
        .collect();
    lines.sort();
    lines
}
