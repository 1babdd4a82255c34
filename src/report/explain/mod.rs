//! Explanations: for people in one screen, and as JSON.

mod answer;
mod history;
pub mod json;
mod tree;
pub(super) mod words;

use std::io::{self, Write};

use crate::engine::Phase;
use crate::explain::{Because, Explanation};
use crate::format::{Clock, counted, duration};
use crate::time::Millis;

use self::words::Times;
use super::wrap::{hung_by, width};

/// The most lines of a tree that is shown.
const TREE_LINES: usize = 30;
/// The width where there is no terminal.
const WIDTH: usize = 100;

/// How an explanation is shown.
#[derive(Clone, Debug)]
pub struct View {
    /// Writes times.
    pub clock: Clock,
    /// The width of the terminal; none where the output is no terminal.
    pub width: Option<usize>,
    /// Whether nothing is left out.
    pub full: bool,
}

/// Writes an explanation for people.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, explanation: &Explanation, view: &View) -> io::Result<()> {
    let times = Times::of(explanation, &view.clock);
    let mut page = Page { out, view, times, explanation };
    page.head()?;
    page.history()?;
    page.tree()?;
    page.texts()?;
    page.margin()
}

/// A line, and how far what does not fit is indented.
type Line = (String, usize);

struct Page<'a> {
    out: &'a mut dyn Write,
    view: &'a View,
    times: Times<'a>,
    explanation: &'a Explanation,
}

impl Page<'_> {
    /// Writes a line, broken where it is too wide.
    fn line(&mut self, text: &str, hang: usize) -> io::Result<()> {
        let width = self.view.width.unwrap_or(WIDTH);
        writeln!(self.out, "{}", hung_by(text.trim_end(), Some(width), hang))
    }

    fn heading(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out)?;
        self.line(text, 2)
    }

    fn head(&mut self) -> io::Result<()> {
        let Explanation { rule, alert, because, label_sets, namesakes, .. } = self.explanation;
        let severity = alert.as_ref().and_then(|alert| alert.get("severity")).or(rule.severity.as_deref());
        let severity = severity.map_or(String::new(), |severity| format!("  {severity}"));
        self.line(&format!("{}{severity}  {}  {}:{}", rule.name, rule.condition, rule.file, rule.line), 2)?;
        let labels = alert.as_ref().map(|alert| alert.filter(|name| name != "alertname"));
        if let Some(labels) = labels.filter(|labels| !labels.is_empty()) {
            self.line(&labels.to_string(), 2)?;
        }
        let sets = *label_sets as u64;
        let of = |words: &str| match sets {
            0 | 1 => String::new(),
            sets => format!("{words} of {}; others: --where", counted(sets, "label set")),
        };
        let chosen = match because {
            Because::Only | Because::Nothing => String::new(),
            Because::FiredLongest => of("the one that fired longest"),
            Because::FiredFirst => of("the one that fired first"),
            Because::FiredLast => of("the one that fired last"),
            Because::PendingLongest => of("the one that was pending longest"),
            Because::ActiveThen => of("the one that was active then"),
            Because::NearestInTime => of("the one that was active nearest to that time"),
            Because::Beyond => "the series that went furthest beyond the threshold".to_owned(),
            Because::NearestValue => "the series that came nearest to the threshold".to_owned(),
            Because::NearestValueThen => "the series that was nearest to the threshold then".to_owned(),
        };
        if !chosen.is_empty() {
            self.line(&format!("({chosen})"), 1)?;
        }
        for (file, line) in namesakes {
            self.line(&format!("(another rule of this name: alertctl explain {file}:{line})"), 1)?;
        }
        if let Some(full) = self.explanation.full_from.filter(|full| *full > self.explanation.at) {
            let text = if self.explanation.outcome.range.evaluated_to.is_none_or(|last| last < full) {
                "(its ranges are never full: the recording is too short)".to_owned()
            } else {
                format!("(its ranges are full from {} on)", self.times.at(full))
            };
            self.line(&text, 1)?;
        }
        writeln!(self.out)?;
        self.line(&answer::answer(self.explanation, &self.times), 0)
    }

    fn history(&mut self) -> io::Result<()> {
        let Explanation { history, group, .. } = self.explanation;
        if history.is_empty() {
            return Ok(());
        }
        let day = self.times.day().map_or(String::new(), |day| format!("{day} "));
        let every = match group.schedule.interval {
            Millis(0) => "evaluated at its rows".to_owned(),
            interval => format!("evaluated every {}", duration(interval)),
        };
        let offset = match self.explanation.query_offset {
            Millis(0) => String::new(),
            offset => format!(", reads {} back (`query_offset`)", duration(offset)),
        };
        self.heading(&format!("HISTORY  {day}{}; {every}{offset}", self.view.clock.name))?;
        let lines = history::lines(self.explanation, &self.times, self.view.full);
        lines.iter().try_for_each(|(text, hang)| self.line(text, *hang))
    }

    fn tree(&mut self) -> io::Result<()> {
        let Explanation { at, phase, .. } = self.explanation;
        let phase = match phase {
            Phase::Inactive => "inactive",
            Phase::Pending => "pending",
            Phase::Firing => "firing",
        };
        self.heading(&format!("WHY  at {}, {phase} then", self.times.at(*at)))?;
        let width = self.view.width.unwrap_or(WIDTH);
        let lines = tree::lines(self.explanation, &self.times, (width, self.view.full));
        let most = if self.view.full { usize::MAX } else { TREE_LINES };
        for (text, hang) in lines.iter().take(most) {
            self.line(text, *hang)?;
        }
        let left = lines.len().saturating_sub(most);
        if left > 0 { self.line(&format!("  {left} more lines: --full"), 2) } else { Ok(()) }
    }

    fn margin(&mut self) -> io::Result<()> {
        let sentences = answer::margins(self.explanation);
        if sentences.is_empty() {
            return Ok(());
        }
        self.heading("MARGIN")?;
        sentences.iter().try_for_each(|sentence| self.line(&format!("  {sentence}"), 2))
    }

    fn texts(&mut self) -> io::Result<()> {
        let Explanation { episodes, episode, .. } = self.explanation;
        let Some(one) = episode.map(|place| &episodes[place]) else { return Ok(()) };
        if one.annotations.is_empty() {
            return Ok(());
        }
        let made = one.activity.fired_at.unwrap_or(one.activity.active_at);
        let made = if made == self.explanation.at { String::new() } else { format!("  as of {}", self.times.at(made)) };
        self.heading(&format!("TEXTS{made}"))?;
        let wide = one.annotations.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
        for (name, text) in &one.annotations {
            let text = text.replace('\n', " ");
            self.line(&format!("  {name:wide$}  {text}"), wide + 4)?;
        }
        Ok(())
    }
}
