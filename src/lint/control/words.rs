//! What comments for `alertctl` and for pint ask, word by word.

use crate::diagnostic::nearest;
use crate::time::Day;

use super::names::{Refusal, codes_of};
use super::pint;

/// What a comment asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// To say nothing of some codes.
    Silence {
        /// In all of the file, not only in what the comment belongs to.
        whole_file: bool,
        /// Only until this day comes.
        until: Option<Day>,
        /// What it names, each from where to where in the text of the comment.
        names: Vec<Name>,
    },
    /// To say nothing of some lines.
    Lines(Lines),
    /// It says who owns a rule, or all rules of the file.
    Owner {
        /// Whether it is about the file.
        whole_file: bool,
        /// The owner.
        owner: String,
    },
    /// Something that others read.
    Nothing,
}

/// The lines of pint's `ignore`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lines {
    /// All of the file.
    File,
    /// The comment's own.
    Own,
    /// The next one.
    Next,
    /// From here on.
    Begin,
    /// Up to here.
    End,
}

/// A code or a check as a comment names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// The codes it stands for.
    pub(super) codes: Vec<&'static str>,
    /// What a finding must be about: the `m` of `promql/series(m)`.
    pub(super) about: Option<String>,
    /// Where it stands in the text. Unit: bytes.
    pub(super) at: (usize, usize),
    /// Why it stands for no code.
    pub(super) refused: Option<Refusal>,
}

/// The words of our own comments.
const WORDS: [&str; 7] = ["disable", "file/disable", "snooze", "file/snooze", "owner", "file/owner", "accept"];

/// A text that is taken apart, and how far.
struct Words<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Words<'a> {
    /// Takes the next word; commas are like blanks, a reason is over.
    fn next(&mut self) -> Option<(&'a str, usize)> {
        let rest = &self.text[self.at..];
        let gap = rest.len() - rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',').len();
        let start = self.at + gap;
        let rest = &self.text[start..];
        let mut depth = 0;
        let end = rest.find(|c: char| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            depth <= 0 && (c.is_whitespace() || c == ',')
        });
        let word = &rest[..end.unwrap_or(rest.len())];
        self.at = start + word.len();
        (!word.is_empty()).then_some((word, start))
    }
}

/// Reads what follows `alertctl` in a comment.
///
/// # Errors
/// What is wrong, and what to type.
pub(super) fn own(text: &str, today: Day) -> Result<Asked, (String, String)> {
    let colon = text.len() - text.trim_start_matches(':').len();
    let mut words = Words { text, at: colon };
    let Some((word, _)) = words.next() else { return Ok(Asked::Nothing) };
    let (word, whole_file) = match word.strip_prefix("file/") {
        Some(rest) => (rest, true),
        None => (word, false),
    };
    match word {
        "disable" => silence(words, whole_file, None),
        "snooze" => {
            let example = format!("# alertctl snooze {} always-fires: waits for a new exporter", today.plus(30));
            let Some((date, _)) = words.next() else {
                return Err(("this snooze has no date and no code".to_owned(), format!("write it like `{example}`")));
            };
            let Some(until) = day(date) else {
                let message = format!("`{date}` is not a date");
                return Err((message, format!("write the day on which to look again, like `{example}`")));
            };
            silence(words, whole_file, Some(until))
        }
        "owner" => {
            let owner = text[words.at..].trim().to_owned();
            match owner.is_empty() {
                true => Err(("this comment names no owner".to_owned(), "write `# alertctl owner team`".to_owned())),
                false => Ok(Asked::Owner { whole_file, owner }),
            }
        }
        // An increase that is accepted is read where increases are looked at.
        _ if word == "accept" || word.starts_with("accept:") => Ok(Asked::Nothing),
        _ => unknown(word, whole_file, words),
    }
}

/// Says that a word asks nothing, unless the comment is plain prose.
fn unknown(word: &str, whole_file: bool, mut words: Words<'_>) -> Result<Asked, (String, String)> {
    let prefix = if whole_file { "file/" } else { "" };
    let is_meant = |word: &str| codes_of(word).is_ok() || !pint::codes_of(word).is_empty() || day(word).is_some();
    let next = [words.next(), words.next()];
    if !whole_file && !next.into_iter().flatten().any(|(word, _)| is_meant(word.trim_end_matches(':'))) {
        return Ok(Asked::Nothing);
    }
    let word = format!("{prefix}{word}");
    let help = match nearest(&word, WORDS).first() {
        Some(near) => format!("did you mean `# alertctl {near}`?"),
        None => "write `# alertctl disable CODE`, or `# alertctl snooze DATE CODE`".to_owned(),
    };
    Err((format!("`{word}` is nothing that a comment can ask"), help))
}

/// Reads the codes of a comment.
fn silence(mut words: Words<'_>, whole_file: bool, until: Option<Day>) -> Result<Asked, (String, String)> {
    let mut names = Vec::new();
    while let Some((word, start)) = words.next() {
        if matches!(word, "--" | ":" | "#") {
            break;
        }
        // A reason follows the colon.
        let name = word.trim_end_matches([':', ';']);
        let (codes, refused) = match codes_of(name) {
            Ok(codes) => (codes, None),
            Err(refusal) => (Vec::new(), Some(refusal)),
        };
        names.push(Name { codes, about: None, at: (start, start + name.len()), refused });
        if name.len() < word.len() {
            break;
        }
    }
    if names.is_empty() {
        let help = "name the codes, such as `always-fires`: they stand in brackets in what check prints";
        return Err(("this comment names no code".to_owned(), help.to_owned()));
    }
    Ok(Asked::Silence { whole_file, until, names })
}

/// Reads what follows `pint` in a comment. What only pint understands asks nothing here.
///
/// Source: pint's documentation, "Ignoring checks" and "Snoozing".
///
/// # Errors
/// What is wrong, and what to type.
pub(super) fn of_pint(text: &str) -> Result<Asked, (String, String)> {
    let mut words = Words { text, at: 0 };
    let Some((word, _)) = words.next() else { return Ok(Asked::Nothing) };
    let (whole_file, mut until) = (word.starts_with("file/"), None);
    match word {
        "disable" | "file/disable" => {}
        "snooze" | "file/snooze" => {
            let date = words.next().map_or("", |(date, _)| date);
            let Some(day) = day(date) else {
                return Err((format!("`{date}` is not a date"), "write it like `2026-12-31T00:00:00Z`".to_owned()));
            };
            until = Some(day);
        }
        "ignore/file" => return Ok(Asked::Lines(Lines::File)),
        "ignore/line" => return Ok(Asked::Lines(Lines::Own)),
        "ignore/next-line" => return Ok(Asked::Lines(Lines::Next)),
        "ignore/begin" => return Ok(Asked::Lines(Lines::Begin)),
        "ignore/end" => return Ok(Asked::Lines(Lines::End)),
        "rule/owner" | "file/owner" => {
            let owner = text[words.at..].trim().to_owned();
            return Ok(Asked::Owner { whole_file, owner });
        }
        _ => return Ok(Asked::Nothing),
    }
    let Some((word, start)) = words.next() else { return Ok(Asked::Nothing) };
    let (check, about) = match word.split_once('(') {
        Some((check, about)) => (check, Some(about.trim_end_matches(')').to_owned())),
        None => (word, None),
    };
    let near = || nearest(check, pint::names()).first().map(|near| (*near).to_owned());
    if !pint::names().any(|name| name == check)
        && let Some(near) = near()
    {
        return Err((format!("pint has no check `{check}`"), format!("did you mean `{near}`?")));
    }
    let codes = pint::codes_of(check);
    let name = Name { codes, about, at: (start, start + word.len()), refused: None };
    Ok(Asked::Silence { whole_file, until, names: vec![name] })
}

/// Reads a date, or the day of a time.
fn day(text: &str) -> Option<Day> {
    let (date, time) = text.split_once('T').unwrap_or((text, ""));
    let is_time = time.is_empty() || time.starts_with(|c: char| c.is_ascii_digit());
    Day::parse(date).filter(|_| is_time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::codes;

    fn today() -> Day {
        Day::parse("2026-11-29").expect("a date")
    }

    /// Returns what a comment asks, in short.
    fn short(asked: Result<Asked, (String, String)>) -> String {
        match asked {
            Ok(Asked::Silence { whole_file, until, names }) => {
                let name = |name: &Name| match &name.refused {
                    Some(refusal) => format!("!{}", refusal.message()),
                    None => format!("{}{}", name.codes.join("+"), name.about.as_deref().unwrap_or_default()),
                };
                let names: Vec<String> = names.iter().map(name).collect();
                let until = until.map(|day| format!(" until {day}")).unwrap_or_default();
                format!("{}{}{until}", if whole_file { "file " } else { "" }, names.join(","))
            }
            Ok(other) => format!("{other:?}"),
            Err((message, help)) => format!("{message}; {help}"),
        }
    }

    #[test]
    fn our_own_words_are_read() {
        let check = |text: &str, expected: &str| assert_eq!(short(own(text, today())), expected, "{text}");
        check(" disable dead-code", codes::DEAD_CODE);
        check(": disable dead-code, humanize: a reason, dead-code", "dead-code,humanize");
        check(" file/disable dead-code humanize -- why", "file dead-code,humanize");
        check(" snooze 2026-12-31 dead-code: why", "dead-code until 2026-12-31");
        check(" file/snooze 2026-12-31T10:00:00Z dead-code", "file dead-code until 2026-12-31");
        check(" disable ded-code", "!there is no code `ded-code`");
        check(" owner the db team", "Owner { whole_file: false, owner: \"the db team\" }");
        check(" accept 2026-11-29: needs a week", "Nothing");
        check(" accepts what you write", "Nothing");
        check(" is great", "Nothing");
        check("", "Nothing");
        check(" disabel dead-code", "`disabel` is nothing that a comment can ask; did you mean `# alertctl disable`?");
        let names = "they stand in brackets in what check prints";
        check(" disable", &format!("this comment names no code; name the codes, such as `always-fires`: {names}"));
        let like = "like `# alertctl snooze 2026-12-29 always-fires: waits for a new exporter`";
        check(" snooze", &format!("this snooze has no date and no code; write it {like}"));
        let look = format!("write the day on which to look again, {like}");
        check(" snooze dead-code 2026-12-31", &format!("`dead-code` is not a date; {look}"));
        check(" snooze 2026-02-31 dead-code", &format!("`2026-02-31` is not a date; {look}"));
    }

    #[test]
    fn the_words_of_pint_are_read() {
        let check = |text: &str, expected: &str| assert_eq!(short(of_pint(text)), expected, "{text}");
        check(" disable promql/impossible", codes::DEAD_CODE);
        check(" file/disable promql/impossible(up{job=\"a b\"})", "file dead-codeup{job=\"a b\"}");
        check(" snooze 2026-12-31T00:00:00Z promql/impossible", "dead-code until 2026-12-31");
        check(" disable promql/imposible", "pint has no check `promql/imposible`; did you mean `promql/impossible`?");
        check(" ignore/next-line", "Lines(Next)");
        check(" rule/owner db", "Owner { whole_file: false, owner: \"db\" }");
        check(" rule/set promql/series min-age 1d", "Nothing");
        check(" snooze soon promql/series", "`soon` is not a date; write it like `2026-12-31T00:00:00Z`");
    }
}
