//! What happened to an alert, line by line; what repeats itself is summed up.

use super::Line;
use super::words::{Times, happened};
use crate::engine::Episode;
use crate::explain::{Explanation, Happening, What, Why};
use crate::format::{counted, duration};
use crate::report::wrap::width;
use crate::time::{Millis, Timestamp};

/// The most lines of a history that is shown whole.
const LINES: usize = 18;
/// The fewest episodes in short succession that are called flapping.
const FLAPS: usize = 3;

/// How many times longer than `--join` an episode may be that flaps.
const SHORT: i64 = 3;

/// The events of one episode, or some between episodes.
struct Chunk<'a> {
    episode: Option<usize>,
    events: &'a [Happening],
    fold: Fold,
}

/// What is done with the events of an episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fold {
    /// They are shown.
    Shown,
    /// They are summed up with their neighbours, since there are many.
    Many,
    /// They are summed up as flapping, with those of the same number.
    Flaps(usize),
}

/// Returns the lines of a history; `full` leaves nothing out.
pub(super) fn lines(explanation: &Explanation, times: &Times<'_>, full: bool) -> Vec<Line> {
    let mut chunks = chunks(explanation);
    if !full {
        fold(&mut chunks, explanation);
    }
    let mut rows: Vec<(String, &'static str, String)> = Vec::new();
    let mut said: Vec<&str> = Vec::new();
    for run in chunks.chunk_by(|a, b| a.fold == b.fold && a.fold != Fold::Shown) {
        match run {
            [Chunk { events, .. }] => {
                let first = rows.len();
                shown(events, explanation, times, full, &mut rows);
                again(events, &mut said, &mut rows[first..]);
            }
            run => rows.push(summed(run, explanation, times)),
        }
    }
    let wide = rows.iter().map(|(stamp, ..)| width(stamp)).max().unwrap_or(0);
    let line = |(stamp, word, text): (String, &str, String)| (format!("  {stamp:wide$}  {word:<8}  {text}"), wide + 14);
    rows.into_iter().map(line).collect()
}

fn chunks(explanation: &Explanation) -> Vec<Chunk<'_>> {
    let chunks = explanation.history.chunk_by(|a, b| a.episode == b.episode);
    chunks.map(|events| Chunk { episode: events[0].episode, events, fold: Fold::Shown }).collect()
}

/// Decides what is summed up: never the episode that is looked at, or else the one that is nearest in time.
fn fold(chunks: &mut [Chunk<'_>], explanation: &Explanation) {
    let Explanation { episodes, episode, at, outcome, .. } = explanation;
    let nearest = || {
        let away = |chunk: &Chunk<'_>| chunk.events.iter().map(|one| one.at.since(*at).0.abs()).min();
        let place = (0..chunks.len()).min_by_key(|place| away(&chunks[*place]));
        place.map(|place| chunks[place].events[0].at)
    };
    let focus = match episode {
        Some(_) => None,
        None => nearest(),
    };
    let is_focus = |chunk: &Chunk<'_>| match focus {
        Some(first) => chunk.events[0].at == first,
        None => chunk.episode == *episode,
    };
    for (number, cluster) in clusters(episodes, outcome.options.join.value).into_iter().enumerate() {
        let flaps = chunks.iter_mut().filter(|chunk| chunk.episode.is_some_and(|one| cluster.contains(&one)));
        if cluster.len() >= FLAPS {
            flaps.filter(|chunk| !is_focus(chunk)).for_each(|chunk| chunk.fold = Fold::Flaps(number));
        }
    }
    // One that is not over is never summed up.
    let is_open = |chunk: &Chunk<'_>| chunk.episode.is_some_and(|one| episodes[one].ended_at.is_none());
    // What failed between two of them belongs to them.
    for at in 1..chunks.len() {
        let before = chunks[at - 1].fold;
        let is_within = chunks.get(at + 1).is_none_or(|next| next.fold == before);
        if chunks[at].episode.is_none() && before != Fold::Shown && is_within {
            chunks[at].fold = before;
        }
    }
    let left: usize = chunks.iter().filter(|chunk| chunk.fold == Fold::Shown).map(|chunk| chunk.events.len()).sum();
    if left > LINES {
        let others = chunks.iter_mut();
        let others = others.filter(|chunk| !is_focus(chunk) && !is_open(chunk) && chunk.fold == Fold::Shown);
        others.for_each(|chunk| chunk.fold = Fold::Many);
    }
}

/// Returns the episodes that follow each other within a time, as ranges of their numbers.
fn clusters(episodes: &[Episode], join: Millis) -> Vec<std::ops::Range<usize>> {
    let mut clusters: Vec<std::ops::Range<usize>> = Vec::new();
    for (at, episode) in episodes.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| &episodes[before]);
        let is_near = before.is_some_and(|before| {
            let ended = before.ended_at.unwrap_or(Timestamp::MAX);
            let is_short = |one: &Episode| {
                one.ended_at.is_some_and(|ended| ended.since(one.activity.active_at).0 <= SHORT * join.0)
            };
            is_short(before) && is_short(episode) && episode.activity.active_at.since(ended) <= join
        });
        match clusters.last_mut().filter(|_| is_near) {
            Some(last) => last.end = at + 1,
            None => clusters.push(at..at + 1),
        }
    }
    clusters
}

fn shown(
    events: &[Happening],
    explanation: &Explanation,
    times: &Times<'_>,
    full: bool,
    rows: &mut Vec<(String, &'static str, String)>,
) {
    let cut = !full && events.len() > LINES;
    for (at, one) in events.iter().enumerate() {
        if cut && at == LINES - 2 {
            let left = &events[at..events.len() - 1];
            let kept = left.iter().filter(|one| one.what == What::Kept).count();
            let kept = if kept > 1 { format!(", {kept} times false and kept firing") } else { String::new() };
            rows.push((times.at(one.at), "more", format!("{} events{kept} (--full)", left.len())));
        }
        if cut && at >= LINES - 2 && at + 1 < events.len() {
            continue;
        }
        let (word, text) = happened(one, explanation, times);
        rows.push((times.at(one.at), word, text));
    }
}

/// Shortens what is said of failed evaluations whose reason was given before.
fn again<'a>(events: &'a [Happening], said: &mut Vec<&'a str>, rows: &mut [(String, &'static str, String)]) {
    // Where some are left out, rows and events do not go together.
    if events.len() != rows.len() {
        return;
    }
    for (one, (.., text)) in events.iter().zip(rows) {
        let (What::Failed { evaluations }, Some(Why::Failed { message })) =
            (&one.what, one.why.as_ref().map(|reason| &reason.why))
        else {
            continue;
        };
        if said.contains(&message.as_str()) {
            *text = format!("{} failed, for the same reason as before", counted(*evaluations, "evaluation"));
        } else {
            said.push(message);
        }
    }
}

/// Sums up episodes.
fn summed(run: &[Chunk<'_>], explanation: &Explanation, times: &Times<'_>) -> (String, &'static str, String) {
    let events = || run.iter().flat_map(|chunk| chunk.events);
    let mut numbers: Vec<usize> = run.iter().filter_map(|chunk| chunk.episode).collect();
    numbers.dedup();
    let of: Vec<&Episode> = numbers.iter().map(|number| &explanation.episodes[*number]).collect();
    let (fired, pending): (Vec<&Episode>, Vec<&Episode>) =
        of.into_iter().partition(|one| one.activity.fired_at.is_some());
    let mut parts = Vec::new();
    if !fired.is_empty() {
        let on = spread(fired.iter().filter_map(|one| Some(one.ended_at?.since(one.activity.fired_at?))));
        let each = if fired.len() > 1 { "each " } else { "" };
        let on = on.map_or(String::new(), |on| format!(", {each}{on}"));
        parts.push(format!("{}{on}", counted(fired.len() as u64, "firing")));
        let gaps = fired.windows(2).filter_map(|pair| Some(pair[1].activity.fired_at?.since(pair[0].ended_at?)));
        parts.extend(spread(gaps).map(|gaps| format!("{gaps} apart")));
    }
    if !pending.is_empty() {
        let on = spread(pending.iter().map(|one| one.activity.last_true_at.since(one.activity.active_at)));
        let times = if pending.len() == 1 { "once".to_owned() } else { format!("{} times", pending.len()) };
        let on = match on.as_deref() {
            None | Some("0s") => "at one evaluation".to_owned(),
            Some(on) => format!("for {on}"),
        };
        parts.push(match fired.is_empty() {
            true => format!("{times} true {on}, never fired"),
            false => format!("and {times} true {on} without firing"),
        });
    }
    let failed: u64 = events()
        .map(|one| match one.what {
            What::Failed { evaluations } => evaluations,
            _ => 0,
        })
        .sum();
    if failed > 0 {
        parts.push(format!("{} failed", counted(failed, "evaluation")));
    }
    let (from, to) = (run[0].events[0].at, events().last().map_or(run[0].events[0].at, |last| last.at));
    let until = if from == to { String::new() } else { format!("until {}: ", times.at(to)) };
    let word = if matches!(run[0].fold, Fold::Flaps(_)) { "flaps" } else { "more" };
    (times.at(from), word, format!("{until}{} (--full)", parts.join(", ")))
}

/// Writes between which lengths some spans are.
fn spread(spans: impl Iterator<Item = Millis> + Clone) -> Option<String> {
    let (least, most) = (spans.clone().min()?, spans.max()?);
    Some(if least == most { duration(least) } else { format!("{} to {}", duration(least), duration(most)) })
}
