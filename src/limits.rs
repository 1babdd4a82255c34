//! Every limit of the tool, in one place; a message that a limit causes names it.

/// The longest file of rules, silences or targets that is read. Unit: bytes.
pub const YAML_BYTES: usize = 64 << 20;
/// The deepest nesting of YAML collections.
pub const YAML_DEPTH: usize = 64;
/// The most YAML nodes a file may hold, those an alias repeats counted again.
pub const YAML_NODES: usize = 2_000_000;
/// The longest expression. Unit: bytes.
pub const EXPR_BYTES: usize = 256 << 10;
/// The deepest nesting of an expression; each operator of a chain `a + b + c` counts, real rules have some 300.
pub const EXPR_DEPTH: usize = 400;
/// The largest compiled regular expression. Unit: bytes.
pub const REGEX_BYTES: usize = 10 << 20;
/// The longest line of a recording. Unit: bytes.
pub const LINE_BYTES: usize = 16 << 20;
/// The longest Parquet file, which is held in memory while it is read. Unit: bytes.
pub const PARQUET_BYTES: usize = 2 << 30;
/// The most columns of a CSV file.
pub const CSV_COLUMNS: usize = 100_000;
/// The most rows of one batch that a reader hands over.
pub const BATCH_ROWS: usize = 16_384;
/// How many samples of a recording come in before rules are evaluated on them, unless a whole block of evaluations is due
/// before that.
pub const WAITING_SAMPLES: usize = 1 << 19;
/// The most series that the rules of a run may write for other rules to read: some 1 GB.
pub const WRITTEN_SERIES: usize = 1_000_000;
/// The most samples of written series that one slice of time should hold.
pub const WRITTEN_SAMPLES: usize = 4 << 20;
/// The most values and stretches of times that may be held until samples are written by series, 16 to 24 bytes each. A
/// value that stays the same, as that of an alert, is held once.
pub const HELD_SAMPLES: usize = 50_000_000;
/// The most evaluations of one group in a run.
pub const STEPS: i64 = 100_000_000;
/// The most evaluations of a rule that are made up for where snapshots are far apart.
pub const CATCH_UP: i64 = 10_000_000;
/// The most problems of one code that are shown for one file.
pub const DIAGNOSTICS_PER_CODE: usize = 50;
/// The most bad rows that are shown.
pub const BAD_ROWS_SHOWN: usize = 20;
/// The deepest nesting of templates that call one another.
pub const TEMPLATE_DEPTH: usize = 100;
/// The deepest nesting of blocks and parentheses in one template.
pub const TEMPLATE_NESTING: usize = 100;
/// The most blocks, parentheses and templates that may be open at once in one expansion of a template.
pub const TEMPLATE_STACK: usize = 400;
/// The most steps one expansion of a template may take.
pub const TEMPLATE_STEPS: usize = 1_000_000;
/// The longest text one template may expand to. Unit: bytes.
pub const TEMPLATE_BYTES: usize = 1 << 20;
/// The most steps that the templates of one rule may take at one evaluation, a few seconds of work: each expansion may
/// take the same part of it.
pub const TEMPLATE_RULE_STEPS: usize = 20_000_000;
/// The longest text that the templates of one rule may expand to at one evaluation; each may make the same part. Unit:
/// bytes.
pub const TEMPLATE_RULE_BYTES: usize = 256 << 20;
/// The steps that an expansion may always take, however many alerts a rule has: no more than an alert costs without it.
pub const TEMPLATE_LEAST_STEPS: usize = 1_000;
/// The text that an expansion may always make. Unit: bytes.
pub const TEMPLATE_LEAST_BYTES: usize = 1 << 10;
/// The most points that a subquery may have in one evaluation of one series.
pub const SUBQUERY_POINTS: i64 = 8_000_000;
/// The most values that a subquery may have in one evaluation of all its series.
pub const SUBQUERY_VALUES: usize = 24_000_000;
/// The most values that one line of series notation may expand to.
pub const SERIES_VALUES: usize = 1_000_000;
/// The most inputs of one recording; their number and a line share 64 bits.
pub const INPUTS: usize = 65_535;
/// The most conflicting samples that are shown.
pub const CONFLICTS_SHOWN: usize = 3;
/// The most text that problems of a run may fill on a terminal. Unit: bytes.
pub const DIAGNOSTICS_BYTES: usize = 15 << 10;
/// The longest source line that is shown whole above a caret. Unit: characters.
pub const SOURCE_LINE_SHOWN: usize = 200;
/// The most different messages of failed evaluations that are kept for one rule; others are counted together.
pub const FAULT_MESSAGES: usize = 100;
/// The longest baseline that is read; 30 sessions of 1,000 rules take some 20 MB. Unit: bytes.
pub const BASELINE_BYTES: usize = 64 << 20;
/// The most rows of edit distances that the search for near names may take among one set of names, so that missing
/// names never cost more than the run; 5,000 that are missing among 5,000 much alike fit.
pub const NEAREST_ROWS: usize = 50_000_000;
/// The most combinations of values that a sweep may try.
pub const SWEEP_POINTS: usize = 100_000;
/// The most of them where each needs an engine of its own.
pub const SWEEP_ENGINES: usize = 1_000;
