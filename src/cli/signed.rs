//! Expressions of the command line that begin with a sign, which must not be taken for flags.

use std::ffi::OsString;

use clap::{Arg, Args, Command};

use crate::promql::parse::parse;

use super::args::FmtArgs;
use super::query::args::QueryArgs;

/// Puts a blank before the expressions of `query` and `fmt` that begin with a sign; their first letter may be that of a
/// flag.
pub(super) fn spaced(words: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut words: Vec<OsString> = words.collect();
    let (mut command, is_one) = match words.get(1).and_then(|word| word.to_str()) {
        Some("query") => (QueryArgs::augment_args(Command::new("query")), true),
        Some("fmt") => (FmtArgs::augment_args(Command::new("fmt")), false),
        _ => return words,
    };
    // With the flags that all commands have.
    command.build();
    let mut is_value = false;
    for word in &mut words[2..] {
        // A file has the expressions, or all that follows is none of flags.
        let Some(text) = word.to_str().filter(|text| *text != "--" && !text.starts_with("--expr-file")) else { break };
        if is_value {
            is_value = false;
            continue;
        }
        let is_signed = is_expr(&command, text);
        let is_word = is_signed || !text.starts_with('-');
        is_value = !is_word && flag(&command, text).is_some_and(takes_value);
        if is_signed {
            *word = format!(" {text}").into();
        }
        // `query` takes one: what follows names files.
        if is_word && is_one {
            break;
        }
    }
    words
}

/// Returns an expression as it was typed, without the blank.
pub(super) fn typed(word: &str) -> &str {
    word.strip_prefix(' ').filter(|rest| rest.starts_with('-')).unwrap_or(word)
}

/// Returns whether a word is an expression that begins with a sign.
fn is_expr(command: &Command, word: &str) -> bool {
    let Some(rest) = word.strip_prefix('-').filter(|rest| !rest.starts_with('-')) else { return false };
    let Some(first) = rest.chars().next() else { return false };
    // No name of a flag has one of these, but the value that is written behind a letter may.
    let is_no_name = rest.contains([' ', '(', '[', '{']);
    let parses = || parse(word).problems.is_empty();
    match short(command, first) {
        None => is_no_name || parses(),
        Some(arg) => is_no_name && (!takes_value(arg) || parses()),
    }
}

fn short(command: &Command, letter: char) -> Option<&Arg> {
    command.get_arguments().find(|arg| arg.get_short() == Some(letter))
}

/// Returns the flag that a whole word is.
fn flag<'a>(command: &'a Command, word: &str) -> Option<&'a Arg> {
    match word.strip_prefix("--") {
        Some(long) => command.get_arguments().find(|arg| arg.get_long() == Some(long)),
        None => {
            let mut letters = word.strip_prefix('-')?.chars();
            letters.next().filter(|_| letters.next().is_none()).and_then(|letter| short(command, letter))
        }
    }
}

fn takes_value(arg: &Arg) -> bool {
    arg.get_action().takes_values()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks which words of a command line get a blank.
    fn check(line: &str, expected: &[usize]) {
        let words = line.split('|').map(OsString::from);
        let found = spaced(words.clone());
        let changed: Vec<usize> =
            words.zip(&found).enumerate().filter(|(_, (before, after))| before != *after).map(|(at, _)| at).collect();
        assert_eq!(changed, expected, "{line}");
    }

    #[test]
    fn the_expression_of_query_may_begin_with_a_sign() {
        check("alertctl|query|-x|a.csv", &[2]);
        check("alertctl|query|-q|-x > 5|a.csv", &[3]);
        check("alertctl|query|-rate(x[5m])|a.csv|-o|json", &[2]);
        check("alertctl|query|-o > 5|a.csv", &[2]);
        check("alertctl|query|x|-ojson|-q|-", &[]);
        check("alertctl|query|x|--time|-2h|-d|-x", &[]);
        check("alertctl|query|--|-x", &[]);
        check("alertctl|query|-x{|a.csv", &[2]);
        check("alertctl|query|--time|-2h|-x|a.csv", &[4]);
        check("alertctl|query|x|a.csv|-z", &[]);
        check("alertctl|query|--expr-file|-|-z", &[]);
        check("alertctl|query|-h", &[]);
        check("alertctl|eval|-x", &[]);
    }

    #[test]
    fn each_expression_of_fmt_may_begin_with_a_sign() {
        check("alertctl|fmt|-1|-up + 1|a|-(up)|-hour()", &[2, 3, 5, 6]);
        check("alertctl|fmt|-q|-h|-e|-x|-y|-", &[6]);
        check("alertctl|fmt|--expr|-x|--check|--expr=-x|-y", &[6]);
        // Minus `exp`, but `sum` behind the flag.
        check("alertctl|fmt|-exp(x)|-esum(x)", &[2]);
        check("alertctl|fmt|a|--|-x", &[]);
    }

    #[test]
    fn expressions_are_shown_as_they_were_typed() {
        assert_eq!([" -x", "x", " x", "-x"].map(typed), ["-x", "x", " x", "-x"]);
    }
}
