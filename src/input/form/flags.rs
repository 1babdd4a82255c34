//! A form as flags of a command line.

use super::{Decimal, Form};

impl Form {
    /// Returns the flags that say the same, ready for a shell; none where only a form file can.
    #[must_use]
    pub fn flags(&self) -> Option<String> {
        let mut flags: Vec<String> = Vec::new();
        let mut say = |flag: &str, value: &str| flags.push(format!("{flag} {}", shell_word(value)));
        if let Some(format) = self.input_format {
            say("--input-format", format.word());
        }
        if self.skip_lines > 0 {
            say("--skip-lines", &self.skip_lines.to_string());
        }
        if let Some(delimiter) = self.delimiter {
            say("--delimiter", &if delimiter == '\t' { "tab".to_owned() } else { delimiter.to_string() });
        }
        if let Some(decimal) = self.decimal {
            say("--decimal", if decimal == Decimal::Comma { "," } else { "." });
        }
        let lists = [
            ("--time-column", &self.time_column),
            ("--labels", &self.labels),
            ("--ignore-columns", &self.ignore_columns),
        ];
        for (flag, names) in lists.into_iter().filter(|(_, names)| !names.is_empty()) {
            if names.iter().any(|name| name.contains(',')) {
                return None;
            }
            say(flag, &names.join(","));
        }
        let texts = [
            ("--time-format", &self.time_format),
            ("--input-timezone", &self.input_timezone),
            ("--metric-column", &self.metric_column),
            ("--value-column", &self.value_column),
            ("--metric", &self.metric),
            ("--columns-as", &self.columns_as),
        ];
        for (flag, text) in texts {
            text.iter().for_each(|text| say(flag, text));
        }
        if let Some(unit) = self.time_unit {
            say("--time-unit", unit.word());
        }
        if let Some(pattern) = &self.label_from_path {
            say("--label-from-path", pattern.text());
        }
        self.rename.iter().for_each(|(old, new)| say("--rename", &format!("{old}={new}")));
        self.label.iter().for_each(|(name, value)| say("--label", &format!("{name}={value}")));
        self.null.iter().for_each(|text| say("--null", text));
        for (flag, given) in [("--no-header", self.no_header), ("--keep-blanks", self.keep_blanks)] {
            if given {
                flags.push(flag.to_owned());
            }
        }
        // What has no flag would be lost.
        let said = Self {
            title: None,
            recognize: super::Recognize::default(),
            header_line: None,
            levels: false,
            skip_rows: None,
            columns: Vec::new(),
            ignore_others: false,
            rows: None,
            zip: Vec::new(),
            continued: None,
            only: std::collections::BTreeMap::new(),
            labels_in: None,
            values_in: None,
            zone_from: None,
            column_pattern: None,
            clean_names: false,
            words: std::collections::BTreeMap::new(),
            ..self.clone()
        };
        (said == *self).then(|| flags.join(" "))
    }
}

/// Writes a word so that a shell takes it as one.
#[must_use]
pub fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ',' | '/' | ':' | '=' | '@' | '+');
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_ready_for_a_shell() {
        let form = Form {
            time_column: vec!["Datum".to_owned(), "Zeit".to_owned()],
            decimal: Some(Decimal::Comma),
            labels: vec!["it's".to_owned()],
            ..Form::default()
        };
        assert_eq!(form.flags().as_deref(), Some(r"--decimal , --time-column Datum,Zeit --labels 'it'\''s'"));
        assert_eq!(Form { levels: true, ..form }.flags(), None);
    }
}
