//! What to type when a recording could not be read.

use super::InputError;

impl InputError {
    /// Returns what to type next, if anything helps.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Packed { path, command, kind } => {
                let sheet = if kind.contains("spreadsheet") { "; save a spreadsheet as CSV" } else { "" };
                format!("unpack it: `{command} {path}`{sheet}")
            }
            Self::NoParquet { .. } => "build it with `--features cli,parquet`, or write CSV".to_owned(),
            Self::Codec { .. } => "write it with zstd, snappy, gzip or lz4".to_owned(),
            Self::TooLong { .. } => "write several files, and name them all".to_owned(),
            Self::OddColumn { column, .. } => format!("leave it out: `--ignore-columns {column}`"),
            Self::Directory { path } => format!("name the files in it, for example `{path}/*.csv`"),
            Self::Compressed { .. } => "copy the file again; part of a recording gives wrong results".to_owned(),
            Self::Empty { .. } | Self::HeaderOnly { .. } | Self::NoSamples { .. } => {
                "check the export that produced it".to_owned()
            }
            Self::NotCsv { path, found } if found.contains("UTF-8") => {
                format!("convert it: `iconv -f cp1252 -t utf-8 {path}`, for a file of Windows")
            }
            Self::NotCsv { .. } => "convert it to CSV with the columns timestamp, metric, value and labels".to_owned(),
            Self::OtherJson { .. } => {
                "write one object per sample, {\"timestamp\":..,\"metric\":..,\"value\":..}, or one per snapshot, \
                 {\"timestamp\":..,METRICS,LABELS}"
                    .to_owned()
            }
            Self::Export { found, .. } if found.contains("holds no series") => {
                "export samples: a query of the metric over time (`up[26h]`), or a range query".to_owned()
            }
            Self::Export { .. } => "fetch it again, as a whole; part of a recording gives wrong results".to_owned(),
            Self::Tables { .. } => "export it with `_time` and all annotations: `influx query --raw`, or the dialect \
                 {\"annotations\":[\"datatype\",\"group\",\"default\"]}"
                .to_owned(),
            Self::LineTooLong { path, line } => format!("look at that line: `sed -n {line}p {path} | head -c 200`"),
            Self::TooManyColumns { .. } => {
                "write the long form: one sample per row, columns timestamp, metric, value and labels".to_owned()
            }
            Self::DuplicateColumn { .. } => "rename one of them in the header".to_owned(),
            Self::NoHeader { columns, time, .. } => {
                let names = (1..=*columns).filter(|column| column != time);
                let renamed: Vec<String> = names.take(3).map(|name| format!("--rename {name}=NAME")).collect();
                format!("`--no-header --time-column {time} {}`, with a NAME for each", renamed.join(" "))
            }
            Self::OtherHeader { path, line } => format!(
                "split the file there, and name both: `sed -n '{line},$p' {path} > second.csv; head -n {} {path} > first.csv`",
                line - 1
            ),
            Self::NamelessColumn { .. } => "name the metric of all such columns: `--metric NAME`".to_owned(),
            Self::NoTimeColumn { columns, .. } => time_column(columns),
            Self::NoValueColumn { .. } => {
                "long form: timestamp,metric,value,LABELS; wide form: timestamp,LABELS,METRICS".to_owned()
            }
            Self::FarApart { .. } => "take the wrong row out; `--time-unit s` accepts both".to_owned(),
            Self::TimeUnit { text, .. } => of_number(text),
            Self::TextColumn { column, .. } => {
                format!("ignore it: `--ignore-columns {column}`; if it is a label all the same: `--labels {column}`")
            }
            Self::OpenQuote { column: Some(column), .. } => {
                format!("close the quote; if the text is meant: `--ignore-columns {column}`, or `--labels {column}`")
            }
            Self::OpenQuote { path, line, .. } => format!("look at that line: `sed -n {line}p {path}`"),
            Self::UnknownColumn { .. } => "`alertctl data FILE` lists what a recording has".to_owned(),
            Self::ColumnDiffers { column, .. } => format!("if it is a label in both: `--labels {column}`"),
            Self::Contradiction { .. } => "leave the flag out".to_owned(),
            Self::PathPattern { .. } => {
                "write an expression for all paths, such as `--label-from-path '(?<host>[^/]+)[.]csv'`".to_owned()
            }
            Self::MixedColumn { column, mixed, .. } => format!(
                "if `{0}` means no sample: `--null '{0}'`; if it is a label: `--labels {column}`; to leave it out: \
                 `--ignore-columns {column}`",
                mixed.text.1
            ),
            Self::BadRows { count, rows, .. } if count == rows && *count > 1 => {
                "no row can be read: what is wrong with the first is wrong with all".to_owned()
            }
            Self::BadRows { .. } => "fix them, or skip them with `--bad-rows skip`".to_owned(),
            Self::Conflicts { several: true, .. } => {
                "if each file is of another host: `--label-from-path '(?<host>[^/]+)[.]csv'`; to keep one value: \
                 `--conflicts first` or `--conflicts last`"
                    .to_owned()
            }
            Self::Conflicts { candidates, .. } if candidates.is_empty() => {
                "keep one of them with `--conflicts first` or `--conflicts last`".to_owned()
            }
            Self::Conflicts { candidates, .. } => format!(
                "if {} is a label: `--labels {}`; to keep one value: `--conflicts first` or `--conflicts last`",
                candidates.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or "),
                candidates[0],
            ),
            Self::DisorderOnce { .. } | Self::OutOfOrder { .. } => {
                "save it to a file first: the rows of a file are sorted".to_owned()
            }
            Self::TooManyInputs { .. } => "join some of them: `cat a.csv b.csv`, without the second header".to_owned(),
            Self::Open { .. } | Self::Read { .. } => return None,
        })
    }
}

/// Says what a number may be that is no time in any unit.
fn of_number(text: &str) -> String {
    let whole = text.trim().split('.').next().unwrap_or_default();
    let date = || matches!(whole.as_bytes(), [b'1' | b'2', b'9' | b'0', _, _, b'0' | b'1', _, b'0'..=b'3', _, ..]);
    let format = match whole.len() {
        8 if date() => "%Y%m%d",
        12 if date() => "%Y%m%d%H%M",
        14 if date() => "%Y%m%d%H%M%S",
        _ => "",
    };
    match whole.parse::<i64>() {
        _ if !format.is_empty() => format!("if it is a date: `--time-format {format}`"),
        Ok(30_000..=60_000) => {
            "if it is the day number of a spreadsheet: format the column as a date there, and export it again; if it is \
             a time since 1970: `--time-unit s`, ms, us or ns"
                .to_owned()
        }
        Ok(-1_000_000..=1_000_000) => {
            "if it is a time since the start: rules need the time of day, so add the start to it; `--time-unit s` (ms, us, \
             ns) reads it as of 1970"
                .to_owned()
        }
        _ => "name the unit: `--time-unit s`, ms, us or ns".to_owned(),
    }
}

/// Says how to name a time column among columns that are listed.
fn time_column(columns: &str) -> String {
    let names: Vec<&str> = columns.split('`').skip(1).step_by(2).collect();
    if let [one] = names[..] {
        let delimiter = ['|', ';', '\t', ',', ' '].into_iter().find(|sign| one.contains(*sign));
        if let Some(delimiter) = delimiter.filter(|sign| *sign != ' ') {
            return format!("if `{delimiter}` separates the cells: `--delimiter '{delimiter}'`");
        }
        if delimiter.is_some() {
            return "separate the cells by commas: `tr -s ' ' ,`".to_owned();
        }
    }
    let alike = |name: &&&str| {
        let name = name.to_ascii_lowercase();
        ["time", "date", "stamp", "_at", "zeit", "datum"].iter().any(|part| name.contains(part))
    };
    match names.iter().find(alike) {
        Some(name) => format!("name it: `--time-column '{name}'`"),
        None => "name it: `--time-column NAME`".to_owned(),
    }
}
