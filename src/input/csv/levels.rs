//! Headers of several rows: levels that are labels, groups of columns, units.

use csv::ByteRecord;

use super::header::is_time_name;
use super::text;
use crate::input::Form;
use crate::input::naming::{Named, clean};
use crate::input::number::is_numeric_cell;
use crate::input::stamp::looks_like_time;

/// How many rows a header has at most.
pub(super) const ROWS: usize = 16;

/// What several rows say of the columns.
#[derive(Debug, PartialEq)]
pub(super) enum Levels {
    /// The first row is the header.
    One,
    /// The first row is a sample already.
    None,
    /// So many rows are the header; names, and what columns are where labels are in it.
    Many { rows: usize, names: Vec<String>, named: Vec<Option<Named>>, note: Option<String> },
}

/// Finds out how many of the first rows are the header.
pub(super) fn find(rows: &[&ByteRecord], form: &Form) -> Levels {
    let format = form.time_format.as_deref();
    let timed = |row: &&ByteRecord| row.iter().any(|cell| looks_like_time(cell.trim_ascii(), format));
    // Where times are in no known form, numbers are what a header has none of.
    let numbers = |row: &&ByteRecord| row.iter().any(|cell| is_numeric_cell(cell.trim_ascii()));
    let first = rows.iter().position(timed).or_else(|| rows.iter().position(numbers).filter(|above| *above > 0));
    // Without any row of data, all of them are the header.
    let all = || rows.last().is_some_and(|last| form.levels || last.iter().any(|cell| is_time_name(&text(cell), form)));
    let Some(above) = first.or_else(|| (rows.len() > 1 && all()).then_some(rows.len())) else { return Levels::One };
    if above == 0 {
        let named = rows[0].iter().any(|cell| is_time_name(&text(cell), form));
        return if named { Levels::One } else { Levels::None };
    }
    let numeric = |row: &&&ByteRecord| numbers(row);
    let fits = |row: &&&ByteRecord| row.len() == rows[0].len();
    let more = rows[1..above].iter().take_while(|row| fits(row) && (form.levels || !numeric(row))).count();
    if more == 0 || more + 1 < above {
        return Levels::One;
    }
    let header: Vec<Vec<String>> = rows[..above].iter().map(|row| row.iter().map(text).collect()).collect();
    let first = &header[0];
    let time_first = first.iter().any(|name| is_time_name(name, form));
    let last = &header[above - 1];
    let index = !last[0].is_empty() && last[1..].iter().all(String::is_empty);
    if form.levels || index || (!time_first && above > 2) {
        return labelled(&header[..above - usize::from(index)], if index { &last[0] } else { "time" }, above, form);
    }
    let gaps = first.iter().any(String::is_empty) || first.iter().skip(1).zip(first).any(|(one, other)| one == other);
    if last.iter().any(|name| is_time_name(name, form)) || (gaps && !time_first) {
        return grouped(&header, above, form);
    }
    let note = format!("{} below the header {} no time and no number, and was passed over", rows_of(above), has(above));
    Levels::Many { rows: above, names: first.clone(), named: vec![None; first.len()], note: Some(note) }
}

fn rows_of(above: usize) -> String {
    if above == 2 { "the row".to_owned() } else { format!("{} rows", above - 1) }
}

fn has(above: usize) -> &'static str {
    if above == 2 { "has" } else { "have" }
}

/// Each row is a label of its columns, or their metric name.
fn labelled(header: &[Vec<String>], time: &str, rows: usize, form: &Form) -> Levels {
    let told = form.metric_column.as_deref();
    let is_metric = |level: &&Vec<String>| match told {
        Some(told) => level[0] == told,
        None => matches!(level[0].to_ascii_lowercase().as_str(), "metric" | "__name__" | "metricname" | "metric name"),
    };
    let metric = header.iter().position(|level| is_metric(&level)).unwrap_or(0);
    let columns = header[0].len();
    let (mut names, mut named) = (vec![time.to_owned()], vec![None]);
    for column in 1..columns {
        let cell = |level: usize| {
            // A cell that is merged with the one before it is empty.
            let filled = (1..=column).rev().map(|at| &header[level][at]).find(|cell| !cell.is_empty());
            filled.cloned().unwrap_or_default()
        };
        let labels = (0..header.len()).filter(|level| *level != metric).map(|level| {
            let name = &header[level][0];
            (if name.is_empty() { format!("level_{level}") } else { clean(name) }, cell(level))
        });
        let kept = labels.filter(|(name, _)| !form.ignore_columns.contains(name));
        let one = Named { metric: cell(metric), labels: kept.collect(), unit: None };
        names.push(
            std::iter::once(one.metric.clone())
                .chain(one.labels.iter().map(|label| label.1.clone()))
                .collect::<Vec<_>>()
                .join(" "),
        );
        named.push(Some(one));
    }
    let level = match header[metric][0].as_str() {
        "" => format!("row {}", metric + 1),
        name => format!("`{name}`"),
    };
    let note = format!("the header has {rows} rows: {level} is the metric name, the others are labels");
    Levels::Many { rows, names, named, note: Some(note) }
}

/// The first row names groups of columns.
fn grouped(header: &[Vec<String>], rows: usize, form: &Form) -> Levels {
    let mut group = "";
    let mut names = Vec::new();
    for (top, name) in header[0].iter().zip(&header[rows - 1]) {
        if !top.is_empty() {
            group = top;
        }
        let is_time = is_time_name(name, form);
        let short = name.strip_prefix(group).map_or(name.as_str(), |rest| rest.trim_start_matches(':'));
        names.push(if is_time || group.is_empty() { name.clone() } else { clean(&format!("{group} {short}")) });
    }
    let note = Some(format!("the header has {rows} rows, whose names are joined by an underscore"));
    Levels::Many { rows, named: vec![None; names.len()], names, note }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, form: &Form) -> Levels {
        let rows: Vec<ByteRecord> =
            text.lines().map(|line| ByteRecord::from(line.split(',').collect::<Vec<_>>())).collect();
        find(&rows.iter().collect::<Vec<_>>(), form)
    }

    fn names(levels: Levels) -> (usize, Vec<String>) {
        match levels {
            Levels::Many { rows, names, .. } => (rows, names),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn headers_of_several_rows_are_told_apart() {
        let plain = Form::default();
        assert_eq!(check("time,a\n2026-01-05,1", &plain), Levels::One);
        assert_eq!(check("time,a\nbad,1\n2026-01-05,1", &plain), Levels::One);
        assert_eq!(check("2026-01-05,1\n2026-01-06,2", &plain), Levels::None);
        assert_eq!(
            names(check("time,temp\ns,C\n1767607200,1", &plain)),
            (2, vec!["time".to_owned(), "temp".to_owned()])
        );
        assert_eq!(
            names(check("system,total cpu,\ntime,usr,sys\n1767607200,1,2", &plain)),
            (2, vec!["time".to_owned(), "total_cpu_usr".to_owned(), "total_cpu_sys".to_owned()])
        );
    }

    #[test]
    fn levels_are_labels() {
        let Levels::Many { rows, named, .. } =
            check("metric,cpu,,mem\nhost,a,b,a\ntime,,,\n2026-01-05,1,2,3", &Form::default())
        else {
            panic!("levels")
        };
        let one = |metric: &str, host: &str| {
            Some(Named { metric: metric.to_owned(), labels: vec![("host".to_owned(), host.to_owned())], unit: None })
        };
        assert_eq!((rows, named), (3, vec![None, one("cpu", "a"), one("cpu", "b"), one("mem", "a")]));
    }
}
