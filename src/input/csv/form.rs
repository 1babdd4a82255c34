//! The form of a table: how it can be read without a guess.

use super::header::{self, Role};
use super::{CsvRows, Shape};
use crate::input::summary::InputSummary;
use crate::input::{Decimal, Form, Format};

impl CsvRows {
    /// Says how the table can be read without a guess.
    pub(super) fn found(&self, summary: &mut InputSummary) {
        let header = &self.table.header;
        let values = match &self.table.shape {
            Shape::Long(long) => &long.values,
            Shape::Wide(wide) => &wide.values,
        };
        let mut form = Form { input_format: Some(header.format), ..Form::default() };
        form.delimiter = (self.delimiter != b',').then_some(char::from(self.delimiter));
        form.decimal = values.takes_commas().then_some(Decimal::Comma);
        form.time_column = header.time.iter().map(|at| header.given[*at].clone()).collect();
        let numbered = form.time_column.iter().any(String::is_empty);
        if numbered {
            form.time_column.clear();
        }
        let told = |at: &usize| header.roles[*at] == Role::Label && header.format == Format::CsvWide;
        form.labels = (0..header.roles.len()).filter(told).map(|at| header.given[at].clone()).collect();
        form.labels.retain(|label| !self.settings.form.labels.contains(label));
        let told = &self.settings.form;
        let known = header.time.len() == 1 && header::is_time_name(&header.given[header.time[0]], told);
        summary.guessed =
            !numbered && (values.takes_commas() && told.decimal.is_none() || !known && told.time_column.is_empty());
        summary.form = form;
    }
}
