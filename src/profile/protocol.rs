//! What a measuring process is asked and what it answers: lines of JSON, versioned.

use serde::{Deserialize, Serialize};

use super::sample::{Better, Kind};
use crate::engine::EngineOptions;

/// What both ends of a pipe must speak.
pub const PROTOCOL: &str = "alertctl.worker/4";

/// The first line of a worker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`PROTOCOL`].
    pub protocol: String,
    /// The program's version.
    pub version: String,
    /// Whether it was built with optimisation.
    pub optimised: bool,
    /// How it was built; empty of a program that does not tell yet.
    #[serde(default)]
    pub build: Build,
}

/// How a program was built.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Build {
    /// The commit, with `-dirty` where there was more than it.
    pub git: Option<String>,
    /// The compiler.
    pub rustc: String,
    /// The optimisation besides whether it is a release: `opt-level 3, no debug info`.
    pub opt: String,
    /// Cargo features.
    pub features: Vec<String>,
}

impl Build {
    /// Returns how this program was built, as the build script found it.
    #[must_use]
    pub fn own() -> Self {
        let rustc = option_env!("ALERTCTL_RUSTC").unwrap_or_default();
        let debug = match option_env!("ALERTCTL_DEBUG") {
            Some("false") => "no debug info",
            _ => "debug info",
        };
        let features = option_env!("ALERTCTL_FEATURES").unwrap_or_default().split(',');
        Self {
            git: option_env!("ALERTCTL_GIT").map(str::to_owned),
            rustc: rustc.strip_prefix("rustc ").unwrap_or(rustc).to_owned(),
            opt: option_env!("ALERTCTL_OPT_LEVEL").map_or(String::new(), |level| format!("opt-level {level}, {debug}")),
            features: features.filter(|feature| !feature.is_empty()).map(str::to_owned).collect(),
        }
    }
}

impl Hello {
    /// Returns what this program says.
    #[must_use]
    pub fn own() -> Self {
        Self {
            protocol: PROTOCOL.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            optimised: !cfg!(debug_assertions),
            build: Build::own(),
        }
    }
}

/// A rule file as it was read once, by the parent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleSource {
    /// As messages name it.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// How recordings are read, in the words of the flags; what is absent is as usual.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reading {
    /// What the flags say of how they are written, as a form file; empty where they say nothing.
    pub form: String,
    /// The form file below that, if one was named.
    pub chosen: Option<String>,
    /// What to do with rows that cannot be read.
    pub bad_rows: Option<String>,
    /// Which of two values of one series at one time counts.
    pub conflicts: Option<String>,
    /// The zone of times that are written without one.
    pub input_timezone: Option<String>,
}

impl Reading {
    fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// Rules and recordings of the user, in place of the workload of the report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Inputs {
    /// The rule files.
    pub rules: Vec<RuleSource>,
    /// Whether keys that mean nothing are left out of them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ignore_unknown_fields: bool,
    /// The recordings' paths.
    pub recordings: Vec<String>,
    /// Their size, by which the parent waits for them to be read. Unit: bytes.
    #[serde(skip)]
    pub recording_bytes: u64,
    /// How the recordings are read, where it is not as usual.
    #[serde(default, skip_serializing_if = "Reading::is_usual")]
    pub reading: Reading,
    /// The interval of groups that give none. Unit: milliseconds.
    pub interval: i64,
    /// How far an instant selector looks back. Unit: milliseconds.
    pub lookback: i64,
}

impl Inputs {
    /// Writes how the recordings are read and evaluated, where that is not as usual; nothing otherwise.
    #[must_use]
    pub fn unusual(&self) -> String {
        let usual = EngineOptions::default();
        if self.reading.is_usual() && (self.interval, self.lookback) == (usual.interval.0, usual.lookback.0) {
            return String::new();
        }
        format!("{:?} {} {}", self.reading, self.interval, self.lookback)
    }
}

/// A time to be measured, and how many operations make a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// The metric's id.
    pub id: String,
    /// The place of the rule that it is about.
    pub rule: Option<usize>,
    /// Operations a batch; of single calls, the calls of one.
    pub iters: u64,
    /// How many operations are timed as one call: more than 1 where the clock cannot see one.
    pub chunk: u64,
}

/// What a worker is asked to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum Job {
    /// Take these inputs. Answers [`Answer::Loaded`].
    Load(Box<Inputs>),
    /// Find what there is time for, and how many operations take a batch. Answers [`Answer::Calibrated`].
    Calibrate {
        /// The length of a batch that is aimed at. Unit: microseconds.
        batch_us: u64,
        /// The longest that a batch may be. Unit: microseconds.
        most_us: u64,
        /// The rules to be timed, the most important first; all where absent.
        rules: Option<Vec<usize>>,
    },
    /// Measure times, in this order. Answers [`Answer::Ready`] before each turn, which begins with a [`Job::Turn`];
    /// in the end an [`Answer::Timed`] each, then [`Answer::Done`].
    Time {
        /// What, and in which order.
        metrics: Vec<Planned>,
        /// Batches that count.
        rounds: u64,
        /// Batches before them.
        warmup: u64,
        /// Batches of a turn.
        turn: u64,
        /// How many times longer a batch is made than it should be: 1 but for tests of the gate.
        slowdown: f64,
    },
    /// Go on with [`Job::Time`].
    Turn,
    /// Count what repeats exactly. Answers [`Answer::Counted`].
    Count,
    /// Measure how the rules grow. Answers an [`Answer::Grown`] a rule, then [`Answer::Done`].
    Grow {
        /// How long all of them may take together. Unit: microseconds.
        budget_us: u64,
    },
    /// Tell where the time goes. Answers [`Answer::Staged`].
    Stages,
}

/// A time or rate that was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timed {
    /// The metric's id.
    pub id: String,
    /// The place of the rule that it is about.
    pub rule: Option<usize>,
    /// The unit of a batch's value.
    pub unit: String,
    /// Whether more is better.
    pub higher_is_better: bool,
    /// The operations that a value covers.
    pub ops: u64,
    /// A value a batch.
    pub batches: Vec<f64>,
    /// Latencies of single calls, where the clock can see one.
    pub hist: Option<String>,
    /// How many calls each latency is the mean of.
    pub chunk: u64,
    /// Involuntary context switches meanwhile.
    pub switches: u64,
    /// Time on a processor meanwhile. Unit: nanoseconds.
    pub cpu_ns: u64,
    /// All operations that were done meanwhile.
    pub all_ops: u64,
}

impl Timed {
    /// Returns which direction is good.
    #[must_use]
    pub fn better(&self) -> Better {
        if self.higher_is_better { Better::Higher } else { Better::Lower }
    }
}

/// A number that repeats exactly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Counted {
    /// The metric's id.
    pub id: String,
    /// The place of the rule that it is about.
    pub rule: Option<usize>,
    /// The unit.
    pub unit: String,
    /// `bytes`, `count` or `samples`.
    pub kind: String,
    /// The value.
    pub value: f64,
}

impl Counted {
    /// Makes one.
    #[must_use]
    pub fn new(id: &str, rule: Option<usize>, unit: &str, kind: Kind, value: f64) -> Self {
        Self { id: id.to_owned(), rule, unit: unit.to_owned(), kind: kind.word().to_owned(), value }
    }

    /// Returns what it counts.
    #[must_use]
    pub fn kind(&self) -> Kind {
        Kind::ALL.iter().find(|(_, word)| *word == self.kind).map_or(Kind::Count, |(kind, _)| *kind)
    }
}

/// How a rule grows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Grown {
    /// The place of the rule.
    pub rule: usize,
    /// By number of series.
    pub series: Grew,
    /// By length of its windows.
    pub window: Grew,
}

/// How a rule grows by one size.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Grew {
    /// By size; empty where the rule has nothing to grow by.
    pub points: Vec<AtSize>,
    /// What kept it from being measured at all sizes.
    pub cut: Option<Cut>,
}

/// What one evaluation of a rule takes at one size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AtSize {
    /// The size: 1, 2, 4 or 8 times that of the recording or the rule.
    pub size: f64,
    /// The time. Unit: nanoseconds.
    pub ns: f64,
    /// The samples that a server handles, those of subqueries each time that they are evaluated.
    pub samples: f64,
}

/// Why a rule was not measured at all sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// The time was used up.
    Time,
    /// The recording is shorter than the window would be.
    Recording,
}

/// Where the time of a whole run goes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Staged {
    /// By stage. Unit: nanoseconds.
    pub stages: Vec<(String, u64)>,
    /// All rules together, as `eval` runs them. Unit: nanoseconds.
    pub together_ns: u64,
    /// The same with each rule by itself. Unit: nanoseconds.
    pub apart_ns: u64,
    /// By rule and stage, each rule alone. Unit: nanoseconds an evaluation.
    pub rules: Vec<Vec<(String, f64)>>,
    /// Collapsed stacks, the outermost frame first.
    pub stacks: Vec<(Vec<String>, u64)>,
}

/// A rule as the worker sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadedRule {
    /// The place of its file among those that were given.
    pub file: usize,
    /// Its group.
    pub group: String,
    /// Its name.
    pub name: String,
    /// Whether it records a series, in place of an alert.
    pub records: bool,
    /// Its labels and their templates.
    pub labels: Vec<(String, String)>,
    /// Its expression.
    pub expr: String,
    /// When it is evaluated: `1m`, `each_row`, `each_snapshot`.
    pub every: String,
    /// The time from one evaluation to the next, where that is always the same. Unit: milliseconds.
    pub interval_ms: Option<i64>,
    /// What else decides when it is active: `for 5m`.
    pub terms: String,
    /// How far back it looks, subqueries included. Unit: milliseconds.
    pub reach_ms: i64,
    /// Whether it is evaluated.
    pub enabled: bool,
    /// The line that it begins on, from 1.
    pub line: u32,
}

/// What a worker says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// The inputs were taken.
    Loaded {
        /// The rules, in order.
        rules: Vec<LoadedRule>,
        /// Series of the recordings.
        series: u64,
        /// Samples of the recordings.
        samples: u64,
        /// From the first sample to the last one. Unit: milliseconds.
        span_ms: i64,
    },
    /// What can be timed.
    Calibrated {
        /// The metrics; what there is no time for is left out.
        metrics: Vec<Planned>,
        /// How long a batch of all of them takes. Unit: nanoseconds.
        batch_ns: u64,
    },
    /// It waits for its turn.
    Ready,
    /// One time.
    Timed(Timed),
    /// All counts.
    Counted {
        /// The counts.
        metrics: Vec<Counted>,
    },
    /// The growth of one rule.
    Grown(Grown),
    /// Where the time goes.
    Staged(Staged),
    /// The end of several answers.
    Done,
    /// It could not be done.
    Failed {
        /// Why, in words for a user.
        message: String,
    },
}
