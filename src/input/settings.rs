//! How one input is read: the form that was chosen for it, with what the user says put over it.

use jiff::tz::{Offset, TimeZone};

use super::form::builtin;
use super::{Form, InputError, Pattern, ReadOptions};
use crate::labels::LabelBuilder;

/// What the readers of one input go by.
#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    /// The form and the flags.
    pub(super) form: Form,
    /// The name of the built-in form that was recognized.
    pub(super) recognized: Option<&'static str>,
    /// Labels that all series have.
    pub(super) fixed: Fixed,
    /// The zone of times that have none; UTC without it.
    pub(super) time_zone: Option<TimeZone>,
    /// After how many samples a batch is handed over.
    pub(super) batch_rows: usize,
    /// What a person would want to know of the choice, a sentence each.
    pub(super) notes: Vec<String>,
}

impl Settings {
    /// Chooses how an input is read; `head` is its beginning.
    ///
    /// # Errors
    /// When its path does not hold what is to be found there.
    pub(super) fn choose(path: &str, head: &[u8], options: &ReadOptions) -> Result<Self, InputError> {
        let (mut recognized, mut notes) = (None, Vec::new());
        let below = match &options.chosen {
            Some(form) => form.clone(),
            None => {
                let mut found = builtin::recognize(path, head).into_iter();
                let first = found.next();
                recognized = first.map(|(name, _)| name);
                let others: Vec<String> = found.map(|(name, _)| format!("`--form {name}`")).collect();
                if let (Some(name), false) = (recognized, others.is_empty()) {
                    notes.push(format!("read as {name}; {} fits too", others.join(" or ")));
                }
                first.map(|(_, form)| form.clone()).unwrap_or_default()
            }
        };
        let mut form = below.with(&options.form);
        let mut fixed: Vec<(String, String)> = form.label.clone().into_iter().collect();
        if let Some(pattern) = &form.label_from_path {
            let Some(groups) = pattern.groups(path) else {
                return Err(InputError::PathPattern { path: path.into(), pattern: pattern.to_string() });
            };
            let (metric, labels): (Vec<_>, Vec<_>) = groups.into_iter().partition(|(name, _)| *name == "metric");
            fixed.extend(labels.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())));
            if let Some((_, metric)) = metric.first() {
                // What the user says counts before the path, and that before the form.
                form.metric = options.form.metric.clone().or(Some((*metric).to_owned()));
            }
        }
        let west = form.zone_from.as_ref().and_then(|pattern| west_of_utc(pattern, head));
        let zone = west.or_else(|| form.input_timezone.as_deref().and_then(|zone| TimeZone::get(zone).ok()));
        Ok(Self {
            recognized,
            fixed: Fixed(fixed),
            time_zone: options.time_zone.clone().or(zone),
            batch_rows: options.batch_rows.max(1),
            notes,
            form,
        })
    }
}

/// Returns the zone whose distance from UTC stands in the beginning of an input.
fn west_of_utc(pattern: &Pattern, head: &[u8]) -> Option<TimeZone> {
    let line = head.split(|byte| *byte == b'\n').next()?;
    let groups = pattern.groups(std::str::from_utf8(line).ok()?)?;
    let minutes: i32 = groups.iter().find(|(name, _)| *name == "west")?.1.parse().ok()?;
    Offset::from_seconds(minutes.checked_mul(-60)?).ok().map(TimeZone::fixed)
}

/// Labels that all series of an input have.
#[derive(Clone, Debug, Default)]
pub(super) struct Fixed(Vec<(String, String)>);

impl Fixed {
    /// Gives the labels to a series.
    ///
    /// # Errors
    /// When the recording has another value for one of them.
    pub(super) fn give(&self, labels: &mut LabelBuilder) -> Result<(), String> {
        for (name, value) in &self.0 {
            if let Some(own) = labels.get(name).filter(|own| own != value) {
                return Err(format!(
                    "has a label `{name}` already, `{own}`; `--rename {name}=NAME` keeps it next to `{value}`"
                ));
            }
            labels.set(name, value);
        }
        Ok(())
    }
}
