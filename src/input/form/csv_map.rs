//! VictoriaMetrics' notation of the columns of a CSV file: `2:metric:cpu,3:label:host,1:time:unix_s`.
//!
//! Source: VictoriaMetrics' documentation of `/api/v1/import/csv`.

use std::collections::BTreeMap;

use super::Form;
use crate::input::TimeUnit;
use crate::limits;

/// The name of the time column.
const TIME: &str = "timestamp";

impl Form {
    /// Makes a form of a `format` parameter of `/api/v1/import/csv`: columns that it does not name are left out.
    ///
    /// # Errors
    /// When a part is not written as `COLUMN:metric:NAME`, `COLUMN:label:NAME` or `COLUMN:time:FORMAT`, or there is no
    /// time or no metric.
    pub fn from_csv_map(text: &str) -> Result<Self, String> {
        let mut form = Self { no_header: true, ignore_others: true, ..Self::default() };
        let mut names = BTreeMap::new();
        let mut metrics = 0;
        for part in text.split(',') {
            let wrong = |why: &str| {
                format!("`{part}` in the CSV map {why}; write it like `2:metric:cpu,3:label:host,1:time:unix_s`")
            };
            let mut words = part.trim().splitn(3, ':');
            let (Some(column), Some(kind), Some(rest)) = (words.next(), words.next(), words.next()) else {
                return Err(wrong("has not three parts"));
            };
            let column = column.parse().ok().filter(|column| (1..=limits::CSV_COLUMNS).contains(column));
            let column: usize = column.ok_or_else(|| wrong("does not begin with the number of a column, from 1"))?;
            let name = match kind {
                "time" => {
                    form.read_time(rest).map_err(|why| wrong(&why))?;
                    form.time_column = vec![TIME.to_owned()];
                    TIME.to_owned()
                }
                "metric" if !rest.is_empty() => {
                    metrics += 1;
                    rest.to_owned()
                }
                "label" if !rest.is_empty() => {
                    form.labels.push(rest.to_owned());
                    rest.to_owned()
                }
                "metric" | "label" => return Err(wrong("has no name")),
                _ => return Err(wrong("is neither a metric, a label nor the time")),
            };
            if names.insert(column, name).is_some() {
                return Err(wrong("names a column twice"));
            }
        }
        if form.time_column.is_empty() || metrics == 0 {
            let what =
                if metrics == 0 { "a metric, such as `2:metric:cpu`" } else { "the time, such as `1:time:unix_s`" };
            return Err(format!("the CSV map `{text}` does not say which column is {what}"));
        }
        let last = names.keys().next_back().copied().unwrap_or(0);
        form.columns = (1..=last).map(|column| names.remove(&column).unwrap_or_default()).collect();
        Ok(form)
    }

    fn read_time(&mut self, format: &str) -> Result<(), String> {
        match format {
            "unix_s" => self.time_unit = Some(TimeUnit::Seconds),
            "unix_ms" => self.time_unit = Some(TimeUnit::Millis),
            "unix_us" => self.time_unit = Some(TimeUnit::Micros),
            "unix_ns" => self.time_unit = Some(TimeUnit::Nanos),
            "rfc3339" => {}
            other => match other.strip_prefix("custom:").filter(|layout| !layout.is_empty()) {
                Some(layout) => self.time_format = Some(of_layout(layout)),
                None => {
                    return Err("has none of the times unix_s, unix_ms, unix_ns, rfc3339 and custom:LAYOUT".to_owned());
                }
            },
        }
        Ok(())
    }
}

/// Translates a layout of Go's `time.Parse` to the notation of `strftime`.
fn of_layout(layout: &str) -> String {
    // Longer parts before those that they begin with.
    const PARTS: [(&str, &str); 22] = [
        ("2006", "%Y"),
        ("January", "%B"),
        ("Monday", "%A"),
        ("-07:00", "%:z"),
        ("Z07:00", "%:z"),
        ("-0700", "%z"),
        (".000000000", "%.f"),
        (".000000", "%.f"),
        (".000", "%.f"),
        ("Jan", "%b"),
        ("Mon", "%a"),
        ("MST", "%Z"),
        ("01", "%m"),
        ("02", "%d"),
        ("15", "%H"),
        ("03", "%I"),
        ("04", "%M"),
        ("05", "%S"),
        ("06", "%y"),
        ("PM", "%p"),
        ("_2", "%e"),
        ("%", "%%"),
    ];
    let (mut rest, mut format) = (layout, String::new());
    while let Some(c) = rest.chars().next() {
        let part = PARTS.iter().find(|(part, _)| rest.starts_with(part));
        let (length, written) =
            part.map_or((c.len_utf8(), &rest[..c.len_utf8()]), |(part, written)| (part.len(), *written));
        format.push_str(written);
        rest = &rest[length..];
    }
    format
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_names_columns() {
        let form = Form::from_csv_map("2:metric:cpu,4:label:host,1:time:unix_ms").expect("valid");
        assert_eq!(form.columns, ["timestamp", "cpu", "", "host"]);
        assert_eq!((form.time_unit, form.labels), (Some(TimeUnit::Millis), vec!["host".to_owned()]));
        let form = Form::from_csv_map("1:time:custom:2006-01-02 15:04:05.000,2:metric:a").expect("valid");
        assert_eq!(form.time_format.as_deref(), Some("%Y-%m-%d %H:%M:%S%.f"));
    }

    #[test]
    fn a_wrong_map_says_what_is_right() {
        for (text, word) in [
            ("2:metric", "three parts"),
            ("0:metric:a,1:time:unix_s", "number of a column"),
            ("1:time:noon", "unix_ms"),
            ("1:value:a", "neither"),
            ("1:time:unix_s,1:metric:a", "twice"),
            ("1:time:unix_s", "which column is a metric"),
            ("1:metric:a", "which column is the time"),
            ("1:label:,2:metric:a", "no name"),
        ] {
            let error = Form::from_csv_map(text).expect_err(text);
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
