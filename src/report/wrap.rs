//! Text in lines that fit a width: broken between words, never within one that fits a line.

use unicode_width::UnicodeWidthChar;

/// The room on a line under which a word that is longer than any line begins on the next one. Unit: columns.
const WORTH_FILLING: usize = 20;
/// The farthest that lines are indented under the first words of a text. Unit: columns.
const DEEPEST: usize = 12;
/// The words that messages begin with.
const HEADS: [&str; 5] = ["error: ", "warning: ", "note: ", "hint: ", "tip: "];

/// Returns how many columns a text takes on a terminal: colours take none, wide characters two.
pub(crate) fn width(text: &str) -> usize {
    pieces(text).map(|(_, wide)| wide).sum()
}

/// Returns each character, or escape sequence, with the columns it takes.
fn pieces(text: &str) -> impl Iterator<Item = (&str, usize)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let (len, wide) = match (first, rest.as_bytes().get(1)) {
            ('\u{1b}', Some(b'[')) => {
                let end = rest[2..].find(|c: char| ('@'..='~').contains(&c));
                (end.map_or(rest.len(), |end| end + 3), 0)
            }
            _ => (first.len_utf8(), first.width().unwrap_or(0)),
        };
        let (piece, after) = rest.split_at(len);
        rest = after;
        Some((piece, wide))
    })
}

/// Breaks a text into lines of at most `width` columns. A longer word is broken after punctuation, or else where the
/// line ends.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    lines(text, width, width)
}

/// Breaks each line of a text where it exceeds the width, if there is one, and indents what follows under its first words.
pub(crate) fn hung(text: &str, width: Option<usize>) -> String {
    let hang = |line: &str| hang(line);
    hung_as(text, width, &hang)
}

/// Does what [`hung`] does, and indents what follows by a number of columns.
pub(crate) fn hung_by(text: &str, width: Option<usize>, columns: usize) -> String {
    hung_as(text, width, &|_| columns)
}

fn hung_as(text: &str, width: Option<usize>, hang: &dyn Fn(&str) -> usize) -> String {
    let Some(width) = width else { return text.to_owned() };
    let line = |line: &str| {
        let hang = hang(line);
        let hang = if hang * 2 > width { 2.min(width / 4) } else { hang };
        lines(line, width, width.saturating_sub(hang)).join(&format!("\n{}", " ".repeat(hang)))
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// Returns how far the lines that follow are indented: under the text after `error: ` or after the first column, or a
/// little more than the first.
fn hang(line: &str) -> usize {
    let indent = line.len() - line.trim_start_matches(' ').len();
    if let Some(head) = HEADS.iter().find(|head| line[indent..].starts_with(**head)) {
        return indent + head.len();
    }
    let text = line[indent..].find("  ").map(|end| {
        let after = &line[indent + end..];
        indent + width(&line[indent..indent + end]) + (after.len() - after.trim_start_matches(' ').len())
    });
    text.filter(|column| *column <= DEEPEST && line[indent..].find(' ').is_some()).unwrap_or(indent + 2)
}

/// Breaks a text into lines, the first of at most `first` columns.
fn lines(text: &str, first: usize, rest: usize) -> Vec<String> {
    let (mut room, rest) = (first.max(1), rest.max(1));
    let mut done = Vec::new();
    let (mut line, mut used) = (String::new(), 0);
    let mut text = text.trim_end_matches(' ');
    while !text.is_empty() {
        let blanks = text.len() - text.trim_start_matches(' ').len();
        let end = text[blanks..].find(' ').map_or(text.len(), |end| blanks + end);
        let mut word = &text[blanks..end];
        let mut wide = width(word);
        text = &text[end..];
        let fits = used + blanks + wide <= room;
        let begins = wide > rest && used + blanks + WORTH_FILLING <= room;
        if fits || begins || used == 0 && blanks < room {
            line.push_str(&" ".repeat(blanks));
            used += blanks;
        } else if used > 0 {
            done.push(std::mem::take(&mut line));
            (used, room) = (0, rest);
        }
        while used + wide > room {
            let (head, tail) = split(word, room - used);
            line.push_str(head);
            done.push(std::mem::take(&mut line));
            (used, room) = (0, rest);
            word = tail;
            wide = width(word);
        }
        line.push_str(word);
        used += wide;
    }
    if !line.is_empty() || done.is_empty() {
        done.push(line);
    }
    done
}

/// Splits a word so that its head takes at most `room` columns, and one character at least.
fn split(word: &str, room: usize) -> (&str, &str) {
    let (mut at, mut used) = (0, 0);
    // The last place after punctuation, if it leaves no half line empty.
    let mut good = None;
    for (piece, wide) in pieces(word) {
        if used + wide > room && used > 0 {
            break;
        }
        at += piece.len();
        used += wide;
        if piece.ends_with([',', ';', '/', '|', ')', '}', ']', '(', '{', '=', '-', '_', '.', ':']) && used * 2 > room {
            good = Some(at);
        }
    }
    word.split_at(if at == word.len() { at } else { good.unwrap_or(at) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_take_no_room() {
        assert_eq!(width("\u{1b}[1;31mred\u{1b}[0m"), 3);
        assert_eq!((width("bücher"), width("日本"), width("")), (6, 4, 0));
        assert_eq!(wrapped("\u{1b}[31mred\u{1b}[0m blue", 8), ["\u{1b}[31mred\u{1b}[0m blue"]);
    }

    #[test]
    fn words_stay_whole() {
        let check = |text: &str, width, expected: &[&str]| assert_eq!(wrapped(text, width), expected, "{text}");
        check("has no interval", 11, &["has no", "interval"]);
        check("has no interval", 15, &["has no interval"]);
        check("  03:17:42  x7", 20, &["  03:17:42  x7"]);
        check("", 5, &[""]);
        check("a  b", 3, &["a", "b"]);
    }

    #[test]
    fn longer_words_break_after_punctuation() {
        let check = |text: &str, width, expected: &[&str]| assert_eq!(wrapped(text, width), expected, "{text}");
        check("rate(errors_total[5m])", 12, &["rate(errors_", "total[5m])"]);
        check("abcdefghij", 4, &["abcd", "efgh", "ij"]);
        check("日本", 1, &["日", "本"]);
        check("see abcdefghijkl", 6, &["see", "abcdef", "ghijkl"]);
    }

    #[test]
    fn what_follows_is_indented() {
        let check = |text: &str, width, expected: &str| assert_eq!(hung(text, width), expected);
        check("error: no such file there", Some(18), "error: no such\n       file there");
        check("rules      a.yml  3 alerts", Some(24), "rules      a.yml  3\n           alerts");
        check("3 firings of 2 alerts", Some(14), "3 firings of 2\n  alerts");
        check("a very long line", None, "a very long line");
        check("one\ntwo three", Some(8), "one\ntwo\n  three");
        assert_eq!(hung_by("a b c", Some(3), 1), "a b\n c");
    }
}
