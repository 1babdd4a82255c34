//! A thread that reads a recording ahead of those who ask for it.

use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};

use super::sequence::Sequence;
use super::{InputError, Progress, Summary};
use crate::store::Batch;

/// How many batches are read ahead: as many samples as a run waits for before it evaluates, some 15 MB.
const BATCHES: usize = 32;

/// A batch, what the call that filled it did, and after the last one what was found.
struct Parcel {
    batch: Batch,
    progress: Result<Progress, InputError>,
    summary: Option<Summary>,
}

/// The other end of the thread, which stops when this is dropped.
pub(super) struct Ahead {
    parcels: Receiver<Parcel>,
    /// Takes batches back, for their memory.
    used: Sender<Batch>,
    /// None once it was joined.
    thread: Option<JoinHandle<()>>,
}

impl Ahead {
    /// Begins to read; hands the inputs back where there is no thread to be had.
    pub(super) fn start(sequence: Box<Sequence>) -> Result<Self, Box<Sequence>> {
        let (send, parcels) = sync_channel(BATCHES);
        let (used, empty) = channel();
        let (give, take) = channel::<Box<Sequence>>();
        let read = move || {
            if let Ok(sequence) = take.recv() {
                run(*sequence, &send, &empty);
            }
        };
        let started = thread::Builder::new().name("reader".to_owned()).spawn(read);
        match started {
            Ok(thread) => {
                let given = give.send(sequence).map_err(|back| back.0);
                given.map(|()| Self { parcels, used, thread: Some(thread) })
            }
            Err(_) => Err(sequence),
        }
    }

    /// Exchanges a batch for the next one that was read.
    pub(super) fn next(&mut self, batch: &mut Batch, summary: &mut Summary) -> Result<Progress, InputError> {
        let Ok(parcel) = self.parcels.recv() else {
            // A panic there is one here; otherwise the last batch came already.
            if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join) {
                resume_unwind(panic);
            }
            return Ok(Progress::End);
        };
        let old = std::mem::replace(batch, parcel.batch);
        // Its memory is of no use once the thread has stopped.
        let _ = self.used.send(old);
        if let Some(found) = parcel.summary {
            *summary = found;
        }
        parcel.progress
    }
}

/// Reads to the end, as long as somebody takes what is read.
fn run(mut sequence: Sequence, parcels: &SyncSender<Parcel>, empty: &Receiver<Batch>) {
    loop {
        let mut batch = empty.try_recv().unwrap_or_default();
        let progress = sequence.next(&mut batch);
        let ends = !matches!(progress, Ok(Progress::Batch(_) | Progress::Restart));
        let summary = ends.then(|| sequence.take_summary());
        if parcels.send(Parcel { batch, progress, summary }).is_err() || ends {
            return;
        }
    }
}
