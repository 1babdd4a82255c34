//! Cells of one column, as many rows as are wanted.

use ::parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use ::parquet::data_type::{ByteArray, DataType, FixedLenByteArray};
use ::parquet::errors::{ParquetError, Result};

use super::schema::{Column, Kind};
use crate::time::Timestamp;

/// The cells of a stretch of rows; none where there is no cell.
pub(super) enum Cells {
    Numbers(Vec<Option<f64>>),
    Texts(Vec<Option<ByteArray>>),
    Times(Vec<Option<Timestamp>>),
}

impl Cells {
    /// Writes times without their zone, for the reader of written times, who knows the zone.
    pub(super) fn write_times(&mut self) {
        let Self::Times(times) = self else { return };
        let write = |at: &Timestamp| ByteArray::from(at.to_string().trim_end_matches('Z').as_bytes().to_vec());
        *self = Self::Texts(times.iter().map(|at| at.as_ref().map(write)).collect());
    }
}

/// What the cells are wanted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    /// Numbers, or texts where the column holds texts.
    Values,
    /// Texts, also where the column holds numbers.
    Texts,
    /// Times, or texts where the column does not say that it holds times.
    Times,
}

/// Reads the cells of the next rows. `cut` becomes true if a time is finer than milliseconds.
pub(super) fn read(
    reader: &mut ColumnReader,
    column: &Column,
    want: Want,
    rows: usize,
    cut: &mut bool,
) -> Result<Cells> {
    let Column { kind, optional, .. } = *column;
    let as_texts = want != Want::Values && !kind.is_time();
    match reader {
        ColumnReader::BoolColumnReader(reader) => {
            let cells = cells(reader, optional, rows)?;
            Ok(numbers(cells, as_texts, |cell| f64::from(u8::from(*cell)), |cell| u8::from(*cell).to_string()))
        }
        ColumnReader::Int32ColumnReader(reader) => {
            let cells = cells(reader, optional, rows)?;
            let wide = |cell: &i32| if kind == Kind::Unsigned { i64::from(*cell as u32) } else { i64::from(*cell) };
            Ok(whole(cells.into_iter().map(|cell| cell.as_ref().map(wide)), kind, as_texts, cut))
        }
        ColumnReader::Int64ColumnReader(reader) => {
            Ok(whole(cells(reader, optional, rows)?.into_iter(), kind, as_texts, cut))
        }
        ColumnReader::Int96ColumnReader(reader) => {
            let cells = cells(reader, optional, rows)?.into_iter();
            let mut time = |nanos: i64| {
                *cut |= nanos % 1_000_000 != 0;
                Timestamp(nanos.div_euclid(1_000_000))
            };
            Ok(Cells::Times(
                cells.map(|cell| cell.map(|cell| cell.to_nanos())).map(|cell| cell.map(&mut time)).collect(),
            ))
        }
        ColumnReader::FloatColumnReader(reader) => {
            let cells = cells(reader, optional, rows)?;
            Ok(numbers(cells, as_texts, |cell| f64::from(*cell), ToString::to_string))
        }
        ColumnReader::DoubleColumnReader(reader) => {
            let cells = cells(reader, optional, rows)?;
            Ok(numbers(cells, as_texts, |cell| *cell, ToString::to_string))
        }
        ColumnReader::ByteArrayColumnReader(reader) => {
            let cells = cells(reader, optional, rows)?;
            if let Kind::Decimal { divisor } = kind {
                let value = |cell: &ByteArray| big_endian(cell.data()) / divisor;
                return Ok(numbers(cells, as_texts, value, |cell| value(cell).to_string()));
            }
            Ok(Cells::Texts(cells))
        }
        ColumnReader::FixedLenByteArrayColumnReader(reader) => {
            let cells = cells(reader, optional, rows)?;
            let value = |cell: &FixedLenByteArray| match kind {
                Kind::Decimal { divisor } => big_endian(cell.data()) / divisor,
                _ => half(cell.data()),
            };
            Ok(numbers(cells, as_texts, value, |cell| value(cell).to_string()))
        }
    }
}

/// Reads cells as they are in the file.
fn cells<T: DataType>(reader: &mut ColumnReaderImpl<T>, optional: bool, rows: usize) -> Result<Vec<Option<T::T>>> {
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    let mut read = 0;
    while read < rows {
        let (records, ..) = reader.read_records(rows - read, optional.then_some(&mut levels), None, &mut values)?;
        if records == 0 {
            return Err(ParquetError::EOF(format!("a column has {read} rows where {rows} are expected")));
        }
        read += records;
    }
    if !optional {
        return Ok(values.into_iter().map(Some).collect());
    }
    let mut values = values.into_iter();
    Ok(levels.into_iter().map(|level| if level > 0 { values.next() } else { None }).collect())
}

fn numbers<T>(cells: Vec<Option<T>>, as_texts: bool, number: impl Fn(&T) -> f64, text: impl Fn(&T) -> String) -> Cells {
    if as_texts {
        let text = |cell: Option<T>| cell.map(|cell| ByteArray::from(text(&cell).into_bytes()));
        return Cells::Texts(cells.into_iter().map(text).collect());
    }
    Cells::Numbers(cells.iter().map(|cell| cell.as_ref().map(&number)).collect())
}

/// Takes whole numbers as what the column says they are.
fn whole(cells: impl Iterator<Item = Option<i64>>, kind: Kind, as_texts: bool, cut: &mut bool) -> Cells {
    match kind {
        Kind::Time { units_per_ms, ms_per_unit, .. } => {
            let mut time = |cell: i64| {
                *cut |= cell % units_per_ms != 0;
                Timestamp(cell.div_euclid(units_per_ms).saturating_mul(ms_per_unit))
            };
            Cells::Times(cells.map(|cell| cell.map(&mut time)).collect())
        }
        Kind::Decimal { divisor } => {
            let value = |cell: &i64| *cell as f64 / divisor;
            numbers(cells.collect(), as_texts, value, |cell| value(cell).to_string())
        }
        Kind::Unsigned => {
            numbers(cells.collect(), as_texts, |cell| *cell as u64 as f64, |cell| (*cell as u64).to_string())
        }
        _ => numbers(cells.collect(), as_texts, |cell| *cell as f64, ToString::to_string),
    }
}

/// Reads a whole number in two's complement.
fn big_endian(bytes: &[u8]) -> f64 {
    let sign = bytes.first().map_or(0.0, |byte| if byte & 0x80 == 0 { 0.0 } else { -1.0 });
    bytes.iter().fold(sign, |number, byte| number * 256.0 + f64::from(*byte))
}

/// Reads a float of 16 bits, the lower byte first.
fn half(bytes: &[u8]) -> f64 {
    let bits = u16::from_le_bytes([bytes.first().copied().unwrap_or(0), bytes.get(1).copied().unwrap_or(0)]);
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let size = match exponent {
        0x1f if fraction != 0.0 => return f64::NAN,
        0x1f => f64::INFINITY,
        0 => fraction * 2_f64.powi(-24),
        _ => (1024.0 + fraction) * 2_f64.powi(exponent - 25),
    };
    if bits & 0x8000 == 0 { size } else { -size }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_bytes_are_read() {
        assert_eq!(big_endian(&[0x30, 0x39]), 12_345.0);
        assert_eq!(big_endian(&[0xff, 0xfe]), -2.0);
        for (bits, value) in [(0x3c00, 1.0), (0xc000, -2.0), (0x0001, 5.960_464_477_539_063e-8), (0x7bff, 65504.0)] {
            assert_eq!(half(&u16::to_le_bytes(bits)), value);
        }
        assert!(half(&[0, 0x7e]).is_nan() && half(&[0, 0x7c]) == f64::INFINITY);
    }
}
