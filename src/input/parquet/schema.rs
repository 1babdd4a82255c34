//! What the columns of a Parquet file are, as far as its schema tells.

use std::sync::Arc;

use ::parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type};
use ::parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};

use crate::input::InputError;
use crate::input::names::{METRIC_COLUMNS, TIME_COLUMNS, listed, stem};
use crate::input::settings::Settings;
use crate::limits;

/// How pandas calls an index that has no name.
const INDEX: &str = "__index_level_";

/// What the cells of a column are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Bool,
    Signed,
    Unsigned,
    Float,
    /// A 16-bit float.
    Half,
    /// A whole number divided by a power of ten.
    Decimal {
        divisor: f64,
    },
    Text,
    /// A time: how many units make a millisecond, or how many milliseconds a unit.
    Time {
        units_per_ms: i64,
        ms_per_unit: i64,
        zoned: bool,
    },
    /// The old form of times, in 96 bits.
    Time96,
}

impl Kind {
    /// Tells the kind of a column; none for one that is no value and no label.
    fn of(column: &ColumnDescriptor) -> Option<Self> {
        let time = |units_per_ms, zoned| Some(Self::Time { units_per_ms, ms_per_unit: 1, zoned });
        let decimal = |scale: i32| Some(Self::Decimal { divisor: 10_f64.powi(scale) });
        match column.logical_type_ref() {
            Some(LogicalType::Timestamp(stamp)) => {
                let units = match stamp.unit {
                    TimeUnit::MILLIS => 1,
                    TimeUnit::MICROS => 1_000,
                    TimeUnit::NANOS => 1_000_000,
                };
                return time(units, stamp.is_adjusted_to_u_t_c);
            }
            Some(LogicalType::Decimal(decimals)) => return decimal(decimals.scale),
            Some(LogicalType::Float16) => return Some(Self::Half),
            Some(LogicalType::Integer(integer)) if !integer.is_signed => return Some(Self::Unsigned),
            Some(LogicalType::Date) => return Some(Self::DATE),
            Some(LogicalType::Time(_) | LogicalType::Uuid) => return None,
            _ => {}
        }
        match column.converted_type() {
            ConvertedType::TIMESTAMP_MILLIS => return time(1, true),
            ConvertedType::TIMESTAMP_MICROS => return time(1_000, true),
            ConvertedType::DATE => return Some(Self::DATE),
            ConvertedType::DECIMAL => return decimal(column.type_scale()),
            ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64 => {
                return Some(Self::Unsigned);
            }
            ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS | ConvertedType::INTERVAL => return None,
            _ => {}
        }
        match column.physical_type() {
            Type::BOOLEAN => Some(Self::Bool),
            Type::INT32 | Type::INT64 => Some(Self::Signed),
            Type::INT96 => Some(Self::Time96),
            Type::FLOAT | Type::DOUBLE => Some(Self::Float),
            Type::BYTE_ARRAY => Some(Self::Text),
            Type::FIXED_LEN_BYTE_ARRAY => None,
        }
    }

    /// Days since the epoch.
    const DATE: Self = Self::Time { units_per_ms: 1, ms_per_unit: 86_400_000, zoned: false };

    pub(super) fn is_time(self) -> bool {
        matches!(self, Self::Time { .. } | Self::Time96)
    }

    fn is_number(self) -> bool {
        !self.is_time() && self != Self::Text
    }
}

/// A column that is read.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    /// Its place in the file.
    pub(super) leaf: usize,
    pub(super) kind: Kind,
    /// Whether cells may be absent.
    pub(super) optional: bool,
}

/// The columns of a file by what they are.
#[derive(Debug)]
pub(super) struct Schema {
    /// All columns, by name.
    pub(super) names: Vec<String>,
    pub(super) time: Column,
    pub(super) labels: Vec<Column>,
    /// Columns of numbers: the value of a long file, or the metrics of a wide one.
    pub(super) values: Vec<Column>,
    /// The column that names the metric, in a long file.
    pub(super) metric: Option<Column>,
    pub(super) why: String,
    pub(super) warnings: Vec<String>,
}

impl Schema {
    /// Gives each column its role; `is_time` looks whether a column of whole numbers holds times.
    pub(super) fn new(
        path: &Arc<str>,
        file: &SchemaDescriptor,
        settings: &Settings,
        is_time: &mut dyn FnMut(&Column) -> Result<bool, InputError>,
    ) -> Result<Self, InputError> {
        let wrong = |what: String| InputError::Contradiction { path: Arc::clone(path), what };
        if file.num_columns() > limits::CSV_COLUMNS {
            return Err(InputError::TooManyColumns { path: Arc::clone(path), columns: file.num_columns() });
        }
        let mut names = Vec::new();
        let mut columns = Vec::new();
        for (leaf, column) in file.columns().iter().enumerate() {
            let given = file.get_column_root(leaf).name();
            let name = settings.form.rename.get(given).map_or(given, String::as_str).to_owned();
            if names.last() != Some(&name) {
                names.push(name.clone());
            }
            if settings.form.ignore_columns.contains(&name) {
                continue;
            }
            let nested = column.path().parts().len() > 1 || column.max_rep_level() > 0;
            let Some(kind) = Kind::of(column).filter(|_| !nested) else {
                let what = if nested { "a list, a map or a struct" } else { "neither a number nor a text" };
                return Err(InputError::OddColumn { path: Arc::clone(path), column: name, what });
            };
            columns.push(Column { name, leaf, kind, optional: column.max_def_level() > 0 });
        }
        let mut warnings = Vec::new();
        let time = match settings.form.time_column.first() {
            Some(told) => {
                let at = columns.iter().position(|column| column.name == *told);
                columns.remove(at.ok_or_else(|| InputError::UnknownColumn {
                    flag: "--time-column",
                    name: told.clone(),
                    path: Arc::clone(path),
                    columns: listed(&names),
                })?)
            }
            None => Self::take_time(path, &mut columns, is_time)?,
        };
        if settings.form.labels.contains(&time.name) {
            return Err(wrong(format!("--labels {}: that column holds the times", time.name)));
        }
        columns.retain(|column| {
            let is_row = column.name.starts_with(INDEX) && column.kind.is_number();
            let told = settings.form.labels.contains(&column.name);
            if is_row && !told {
                warnings.push(format!("column `{}` is the number of the row and is ignored", column.name));
            }
            if column.kind.is_time() {
                warnings.push(format!("column `{}` holds other times and is ignored", column.name));
            }
            (!is_row || told) && !column.kind.is_time()
        });
        let mut schema =
            Self { names, time, labels: Vec::new(), values: Vec::new(), metric: None, why: String::new(), warnings };
        schema.share_out(path, columns, settings)?;
        Ok(schema)
    }

    /// Finds the column of times and takes it out.
    fn take_time(
        path: &Arc<str>,
        columns: &mut Vec<Column>,
        is_time: &mut dyn FnMut(&Column) -> Result<bool, InputError>,
    ) -> Result<Column, InputError> {
        let named = |name: &&str| columns.iter().position(|column| column.name.eq_ignore_ascii_case(name));
        let fits = |at: &usize| !matches!(columns[*at].kind, Kind::Bool | Kind::Half | Kind::Decimal { .. });
        if let Some(at) = TIME_COLUMNS.iter().filter_map(named).find(fits) {
            return Ok(columns.remove(at));
        }
        let stamped: Vec<usize> = (0..columns.len()).filter(|at| columns[*at].kind.is_time()).collect();
        if let [first, second, ..] = stamped[..] {
            let (first, second) = (columns[first].name.clone(), columns[second].name.clone());
            let what = format!("columns `{first}` and `{second}` hold times: --ignore-columns one of them");
            return Err(InputError::Contradiction { path: Arc::clone(path), what });
        }
        if let Some(at) = stamped.first() {
            return Ok(columns.remove(*at));
        }
        for at in 0..columns.len() {
            if columns[at].name.starts_with(INDEX) && is_time(&columns[at])? {
                return Ok(columns.remove(at));
            }
        }
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        Err(InputError::NoTimeColumn { path: Arc::clone(path), columns: listed(&names) })
    }

    /// Tells labels from values.
    fn share_out(&mut self, path: &Arc<str>, columns: Vec<Column>, settings: &Settings) -> Result<(), InputError> {
        let contradiction = |what: String| InputError::Contradiction { path: Arc::clone(path), what };
        let find = |names: &[&str]| {
            names.iter().find_map(|name| columns.iter().position(|column| column.name.eq_ignore_ascii_case(name)))
        };
        let form = &settings.form;
        let metrics = form.metric_column.as_deref().map_or(METRIC_COLUMNS.to_vec(), |name| vec![name]);
        let values = [form.value_column.as_deref().unwrap_or("value")];
        let (metric, value) = (find(&metrics).filter(|at| columns[*at].kind == Kind::Text), find(&values));
        let (long, only) = (metric.zip(value), columns.len() == 1);
        if let Some((metric, value)) = long {
            if let Some(name) = &settings.form.metric {
                return Err(contradiction(format!(
                    "--metric {name}: column `{}` names the metrics",
                    columns[metric].name
                )));
            }
            for (at, what) in [(metric, "names the metrics"), (value, "holds the values")] {
                if settings.form.labels.contains(&columns[at].name) {
                    return Err(contradiction(format!("--labels {}: that column {what}", columns[at].name)));
                }
            }
            self.why = format!("long, columns `{}` and `{}`", columns[metric].name, columns[value].name);
        } else if only && value.is_some() {
            let metric = settings.form.metric.clone().unwrap_or_else(|| stem(path));
            self.why = format!("a time and a value; the metric is named `{metric}`");
        } else {
            self.why = "wide, one column per metric".to_owned();
        }
        for (at, mut column) in columns.into_iter().enumerate() {
            let told = settings.form.labels.contains(&column.name);
            match long {
                Some((metric, _)) if at == metric => self.metric = Some(column),
                Some((_, value)) if at == value => self.values.push(column),
                Some(_) => self.labels.push(column),
                None if told || column.kind == Kind::Text && !(only && value.is_some()) => self.labels.push(column),
                None => {
                    if value == Some(at) {
                        self.rename_value(&mut column, path, only, settings);
                    }
                    self.values.push(column);
                }
            }
        }
        if let Some(metric) = settings.form.metric.as_ref().filter(|_| long.is_none() && value.is_none()) {
            return Err(contradiction(format!("--metric {metric}: there is no column `value` to name")));
        }
        if self.values.is_empty() {
            let columns = listed(&self.names);
            return Err(InputError::NoValueColumn { path: Arc::clone(path), columns });
        }
        Ok(())
    }

    /// Names the metric of a column that is called `value`.
    fn rename_value(&mut self, column: &mut Column, path: &str, only: bool, settings: &Settings) {
        match &settings.form.metric {
            Some(metric) => column.name.clone_from(metric),
            None if only => column.name = stem(path),
            None => self
                .warnings
                .push("the metric is named `value`, like its column; rename it with --metric NAME".to_owned()),
        }
    }
}
