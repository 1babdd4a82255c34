//! The one test binary: what must hold of the crate as a whole.

mod agree;
mod alerts;
mod blame;
mod cases;
mod check_changed;
mod check_ci;
mod check_data;
mod check_fix;
mod check_formats;
mod churn;
mod conditions;
mod convert;
mod embed;
mod explain;
mod exports;
mod forms;
mod golden;
mod hostile;
#[cfg(feature = "parquet")]
mod parquet;
mod portsyncd;
mod profile;
mod profile_ci;
mod promql;
mod props;
mod props_engine;
mod readme;
mod rows;
mod schema;
mod seeded;
mod shell;
mod skipped;
mod slow;
mod soak;
mod spawn;
mod tidy;
