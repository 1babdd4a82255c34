//! Recordings: bytes in, batches of samples and watermarks out.
//!
//! A [`Recording`] is a list of inputs that are read one after another in time order; what is not in order is held
//! whole and sorted, and comes out through the same calls. Readers name rows that they cannot take by file and line.
//!
//! A [`Form`] says what the columns of a table or the fields of an object are: one that is built in and recognized, one
//! that the user names, and the flags on top of it. A reader sees what comes of them (`settings`).
//!
//! Readers number series by themselves and know no store, so a `sequence` of inputs may be read in a thread that is
//! `ahead`. Rows that `repeat` ones before them, but for time and value, go past the reader of their format.

mod absent;
mod ahead;
mod batches;
mod bytes;
mod csv;
mod distinct;
mod encoding;
mod error;
mod export;
mod exposition;
mod feed;
mod form;
mod hint;
mod hold;
mod host;
mod influx;
mod jsonl;
mod keys;
mod lines;
mod names;
mod naming;
mod number;
mod options;
#[cfg(feature = "parquet")]
mod parquet;
mod reader;
mod recording;
mod repeat;
mod roles;
mod sequence;
mod series;
mod settings;
mod stamp;
mod summary;
#[cfg(test)]
pub(crate) mod testing;
mod values;
mod written;

pub use batches::{Batches, Progress};
pub use bytes::{Source, Text};
pub use error::InputError;
pub use form::{Decimal, Form, Pattern, Recognize, shell_word};
pub use options::{BadRows, Format, ReadOptions, TimeUnit};
pub use recording::Recording;
pub use roles::Mixed;
pub use series::GivenSeries;
pub use summary::{InputSummary, RowProblem, Summary, TimeFound, TimeFrom};

/// Packs the number of an input and a line for [`crate::store::Batch::rows`].
fn place(file: u16, line: u64) -> u64 {
    u64::from(file) << 48 | line & ((1 << 48) - 1)
}

/// Unpacks what [`place`] packed.
fn placed(place: u64) -> (u16, u64) {
    ((place >> 48) as u16, place & ((1 << 48) - 1))
}
