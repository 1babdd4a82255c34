//! Reads a file of cases.
//!
//! Source: the format of Prometheus' promqltest package.

use alertctl::labels::LabelSet;
use alertctl::time::parse_duration;

use super::needs::{self, Values};

/// One command of a file.
pub(crate) enum Command {
    /// Forgets all samples.
    Clear,
    /// Adds samples.
    Load(Load),
    /// Evaluates and compares.
    Eval(Box<Case>),
}

/// Samples to add.
pub(crate) struct Load {
    /// The line of its command, from 1.
    pub(crate) line: usize,
    /// The distance of the samples. Unit: milliseconds.
    pub(crate) every: i64,
    /// Whether classic histograms are to be there as native ones too.
    pub(crate) with_nhcb: bool,
    /// The series.
    pub(crate) series: Vec<(LabelSet, Values)>,
}

/// When a case is evaluated. Unit: milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum When {
    /// At one time.
    Instant(i64),
    /// At each step.
    Range {
        /// The first.
        start: i64,
        /// The bound of the last.
        end: i64,
        /// Their distance.
        step: i64,
    },
}

/// How a fault is to read.
pub(crate) enum Words {
    /// Any way.
    Any,
    /// Exactly so.
    Text(String),
    /// As the expression says.
    Regex(regex::Regex),
}

impl Words {
    /// Returns whether a fault reads that way.
    pub(crate) fn fit(&self, words: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Text(text) => text == words,
            Self::Regex(regex) => regex.is_match(words),
        }
    }
}

/// What annotations of one level are expected.
#[derive(Default)]
pub(crate) struct Told {
    /// How they read: each is to be there, and none besides. Any are right where there are none of these.
    pub(crate) wanted: Vec<Words>,
    /// Whether there are to be none.
    pub(crate) none: bool,
}

impl Told {
    /// Compares what was told with it.
    ///
    /// # Errors
    /// What is missing, or too much.
    pub(crate) fn check(&self, told: &[String]) -> Result<(), String> {
        if self.none && !told.is_empty() {
            return Err(format!("told although nothing is to be: {told:?}"));
        }
        if self.wanted.iter().any(|words| !told.iter().any(|told| words.fit(told))) {
            return Err(format!("an expected annotation is missing among {told:?}"));
        }
        match told.iter().find(|told| !self.wanted.iter().any(|words| words.fit(told))) {
            Some(other) if !self.wanted.is_empty() => Err(format!("told besides: {other:?}")),
            _ => Ok(()),
        }
    }
}

/// One evaluation and what is to come of it.
pub(crate) struct Case {
    /// The line of its command, from 1.
    pub(crate) line: usize,
    /// When.
    pub(crate) when: When,
    /// What.
    pub(crate) expr: String,
    /// Whether the order of the result counts.
    pub(crate) ordered: bool,
    /// How it fails.
    pub(crate) fails: Option<Words>,
    /// The warnings and the infos that are expected.
    pub(crate) told: [Told; 2],
    /// The text that comes.
    pub(crate) string: Option<String>,
    /// The times of a range vector that comes: start, end, step.
    pub(crate) range_vector: Option<(i64, i64, i64)>,
    /// The number that comes.
    pub(crate) scalar: Option<f64>,
    /// The series that come.
    pub(crate) series: Vec<(LabelSet, Values)>,
}

/// Reads the commands of a file.
///
/// # Errors
/// The number of a line and what is wrong with it.
pub(crate) fn commands(text: &str) -> Result<Vec<Command>, (usize, String)> {
    let lines: Vec<&str> =
        text.lines().map(str::trim).map(|line| if line.starts_with('#') { "" } else { line }).collect();
    let mut commands = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        let first = line.split_whitespace().next().unwrap_or("").to_lowercase();
        let block: Vec<(usize, &str)> =
            (at + 1..lines.len()).map(|at| (at, lines[at])).take_while(|(_, line)| !line.is_empty()).collect();
        let here = |error: String| (at + 1, error);
        if first.is_empty() {
            at += 1;
        } else if first == "clear" {
            commands.push(Command::Clear);
            at += 1;
        } else if first.starts_with("load") {
            at += 1 + block.len();
            commands.push(Command::Load(Load { line: at - block.len(), ..load(line, &block)? }));
        } else if first.starts_with("eval") {
            let (case, used) = eval(line, &block).map_err(here)?;
            at += 1 + used;
            commands.push(Command::Eval(Box::new(Case { line: at - used, ..case })));
        } else {
            return Err((at + 1, format!("unknown command {first:?}")));
        }
    }
    Ok(commands)
}

fn load(line: &str, block: &[(usize, &str)]) -> Result<Load, (usize, String)> {
    let (command, every) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let first = block.first().map_or(0, |(at, _)| *at);
    let every = millis(every).map_err(|error| (first, error))?;
    let mut series = Vec::new();
    // A line of start timestamps tells of the samples in the line after it.
    let mut started: Option<(LabelSet, Vec<Option<i64>>)> = None;
    for (at, line) in block {
        let here = |error: String| (at + 1, error);
        if let Some((name, starts)) = line.split_once("@st ") {
            let (labels, _) = needs::series(&format!("{name} _")).map_err(here)?;
            started = Some((labels, needs::starts(starts).map_err(here)?));
            continue;
        }
        let (labels, mut values) = needs::series(line).map_err(here)?;
        if let Some((of, starts)) = started.take() {
            if of != labels || starts.len() != values.samples.len() {
                return Err(here(format!("{line}: the start timestamps before it are of other samples")));
            }
            values.starts = starts;
        }
        series.push((labels, values));
    }
    if started.is_some() {
        return Err((first + 1, "start timestamps of no samples".to_owned()));
    }
    Ok(Load { line: 0, every, with_nhcb: command.eq_ignore_ascii_case("load_with_nhcb"), series })
}

fn millis(text: &str) -> Result<i64, String> {
    if let Ok(seconds) = text.trim().parse::<f64>() {
        return Ok((seconds * 1000.0) as i64);
    }
    parse_duration(text.trim()).map(|span| span.0).map_err(|error| error.to_string())
}

/// Takes `word` and what follows it up to `next` from the front of a text.
fn after<'a>(text: &'a str, word: &str) -> Result<&'a str, String> {
    text.trim_start()
        .strip_prefix(word)
        .map(str::trim_start)
        .ok_or_else(|| format!("expected {word:?} before {text:?}"))
}

fn word(text: &str) -> (&str, &str) {
    text.split_once(char::is_whitespace).map_or((text, ""), |(word, rest)| (word, rest.trim_start()))
}

fn eval(line: &str, block: &[(usize, &str)]) -> Result<(Case, usize), String> {
    let (command, rest) = word(line);
    let (kind, rest) = word(rest);
    let (when, expr) = match kind {
        "instant" => {
            let (at, expr) = match rest.strip_prefix("at ") {
                Some(rest) => word(rest.trim_start()),
                None => ("0", rest),
            };
            (When::Instant(millis(at)?), expr)
        }
        "range" => {
            let (start, rest) = word(after(rest, "from ")?);
            let (end, rest) = word(after(rest, "to ")?);
            let (step, expr) = word(after(rest, "step ")?);
            (When::Range { start: millis(start)?, end: millis(end)?, step: millis(step)? }, expr)
        }
        other => return Err(format!("{other:?} is neither instant nor range")),
    };
    let mut case = Case {
        line: 0,
        when,
        expr: expr.to_owned(),
        ordered: command == "eval_ordered",
        fails: (command == "eval_fail").then_some(Words::Any),
        told: Default::default(),
        string: None,
        range_vector: None,
        scalar: None,
        series: Vec::new(),
    };
    match command {
        "eval_warn" => case.told[0].wanted.push(Words::Any),
        "eval_info" => case.told[1].wanted.push(Words::Any),
        _ => {}
    }
    for (used, (_, line)) in block.iter().enumerate() {
        if expectation(&mut case, line)? {
            return Ok((case, used + 1));
        }
    }
    Ok((case, block.len()))
}

/// Reads one line under an evaluation; true when it is the last of them.
fn expectation(case: &mut Case, line: &str) -> Result<bool, String> {
    if let Some(text) = line.strip_prefix("expected_fail_message") {
        case.fails = Some(Words::Text(text.trim().to_owned()));
        return Ok(true);
    }
    if let Some(text) = line.strip_prefix("expected_fail_regexp") {
        case.fails = Some(words(&format!("regex:{text}"))?);
        return Ok(true);
    }
    if let Some(rest) = line.strip_prefix("expect range vector") {
        let (start, rest) = word(after(rest, "from ")?);
        let (end, rest) = word(after(rest, "to ")?);
        case.range_vector = Some((millis(start)?, millis(end)?, millis(after(rest, "step ")?)?));
        return Ok(false);
    }
    if let Some(text) = line.strip_prefix("expect string") {
        case.string = Some(needs::unquoted(text.trim())?);
        return Ok(false);
    }
    if word(line).0 == "expect" {
        let (kind, rest) = word(word(line).1);
        match kind {
            "ordered" => case.ordered = true,
            "fail" => case.fails = Some(words(rest)?),
            "warn" => case.told[0].wanted.push(words(rest)?),
            "info" => case.told[1].wanted.push(words(rest)?),
            "no_warn" => case.told[0].none = true,
            "no_info" => case.told[1].none = true,
            other => return Err(format!("unknown expectation {other:?}")),
        }
        return Ok(false);
    }
    if let Some(number) = needs::number(line) {
        case.scalar = Some(number);
        return Ok(true);
    }
    case.series.push(needs::series(line)?);
    Ok(false)
}

fn words(text: &str) -> Result<Words, String> {
    if let Some(text) = text.strip_prefix("msg:") {
        return Ok(Words::Text(text.trim().to_owned()));
    }
    if let Some(text) = text.strip_prefix("regex:") {
        return regex::Regex::new(text.trim()).map(Words::Regex).map_err(|error| error.to_string());
    }
    if text.is_empty() { Ok(Words::Any) } else { Err(format!("expected msg: or regex:, found {text:?}")) }
}
