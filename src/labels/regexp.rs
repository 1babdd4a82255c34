//! RE2 expressions as Prometheus uses them, on the regex crate.

use thiserror::Error;

use crate::limits;

/// Says why a regular expression can not be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RegexpError {
    /// It is not a regular expression.
    #[error("`{pattern}` is not a regular expression: {reason}")]
    Syntax {
        /// As it was written.
        pattern: String,
        /// What the compiler says, in one line.
        reason: String,
    },
    /// Its program would be too large.
    #[error("the regular expression `{pattern}` needs more than the limit of {} MiB when compiled", limits::REGEX_BYTES >> 20)]
    TooLarge {
        /// As it was written.
        pattern: String,
    },
}

/// A compiled regular expression with RE2's meaning.
#[derive(Clone, Debug)]
pub struct Regexp(regex::Regex);

impl Regexp {
    /// Compiles an expression that must match a whole text, where `.` matches a line end too.
    ///
    /// Source: Prometheus' `labels.NewFastRegexMatcher` (`^(?s:..)$`).
    ///
    /// # Errors
    /// When it does not compile, or only to more than [`limits::REGEX_BYTES`].
    pub fn anchored(pattern: &str) -> Result<Self, RegexpError> {
        let inner = from_re2(pattern);
        // Compiled alone first, so that `a)(b` is an error and not a way out of the group.
        compile(&format!("(?s){inner}"), pattern)?;
        compile(&format!("^(?s:{inner})$"), pattern)
    }

    /// Compiles an expression that may match anywhere, with `.` stopping at line ends, as Go's `regexp` package does.
    ///
    /// # Errors
    /// As for [`Regexp::anchored`].
    pub fn unanchored(pattern: &str) -> Result<Self, RegexpError> {
        compile(&from_re2(pattern), pattern)
    }

    /// Tells whether the text matches. Cost: linear in the text.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    /// Returns the expansion of a replacement (`$1`, `${name}`) for a match of the expression, or none without a match.
    #[must_use]
    pub fn expand(&self, text: &str, replacement: &str) -> Option<String> {
        let captures = self.0.captures(text)?;
        let mut out = String::new();
        captures.expand(replacement, &mut out);
        Some(out)
    }

    /// Replaces every match, `$1` and `${name}` in the replacement expanded.
    #[must_use]
    pub fn replace_all(&self, text: &str, replacement: &str) -> String {
        self.0.replace_all(text, replacement).into_owned()
    }
}

fn compile(regex: &str, pattern: &str) -> Result<Regexp, RegexpError> {
    regex::RegexBuilder::new(regex).size_limit(limits::REGEX_BYTES).nest_limit(250).build().map(Regexp).map_err(
        |error| match error {
            regex::Error::CompiledTooBig(_) => RegexpError::TooLarge { pattern: short(pattern) },
            error => RegexpError::Syntax { pattern: short(pattern), reason: reason(&error) },
        },
    )
}

/// Cuts a pattern for a message.
fn short(pattern: &str) -> String {
    if pattern.chars().count() <= 120 {
        return pattern.to_owned();
    }
    pattern.chars().take(117).chain("...".chars()).collect()
}

/// Takes the last line of the compiler's drawing: the sentence itself.
fn reason(error: &regex::Error) -> String {
    let text = error.to_string();
    let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or(&text);
    line.trim().trim_start_matches("error: ").to_owned()
}

/// Rewrites what RE2 and the regex crate read differently: `\d \w \s \b` mean ASCII, `\Q..\E` quotes, `\C` and `\z`
/// stay as they are, and a brace that opens no repetition is a brace.
///
/// Source: RE2's syntax page; promql.md 8.5.
fn from_re2(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    let mut in_class = false;
    while let Some(c) = rest.chars().next() {
        let mut taken = c.len_utf8();
        match c {
            '\\' => {
                let escaped = rest[1..].chars().next();
                taken += escaped.map_or(0, char::len_utf8);
                match escaped {
                    Some('d') => out.push_str(if in_class { "0-9" } else { "[0-9]" }),
                    Some('D') => out.push_str("[^0-9]"),
                    Some('w') => out.push_str(if in_class { "0-9A-Za-z_" } else { "[0-9A-Za-z_]" }),
                    Some('W') => out.push_str("[^0-9A-Za-z_]"),
                    Some('s') => out.push_str(if in_class { "\\t\\n\\f\\r " } else { "[\\t\\n\\f\\r ]" }),
                    Some('S') => out.push_str("[^\\t\\n\\f\\r ]"),
                    Some('b') if !in_class => out.push_str("(?-u:\\b)"),
                    Some('B') if !in_class => out.push_str("\\B"),
                    Some('Q') => {
                        let quoted = &rest[2..];
                        let end = quoted.find("\\E").unwrap_or(quoted.len());
                        out.push_str(&regex::escape(&quoted[..end]));
                        taken += end + if end < quoted.len() { 2 } else { 0 };
                    }
                    Some(e) => {
                        out.push('\\');
                        out.push(e);
                    }
                    None => out.push('\\'),
                }
            }
            '[' if in_class => {
                if rest.starts_with("[:") && rest.contains(":]") {
                    out.push('[');
                } else {
                    out.push_str("\\[");
                }
            }
            '[' => {
                in_class = true;
                out.push('[');
                // A `]` right after the opening (or after `^`) is itself, in both dialects.
                for first in ["^]", "]", "^"] {
                    if rest[1..].starts_with(first) {
                        out.push_str(if first == "^" {
                            "^"
                        } else if first == "]" {
                            "\\]"
                        } else {
                            "^\\]"
                        });
                        taken += first.len();
                        break;
                    }
                }
            }
            ']' if in_class => {
                // The end of `[:alpha:]` inside a class is not the end of the class.
                if out.ends_with(':')
                    && out
                        .rfind("[:")
                        .is_some_and(|open| out[open..].chars().all(|c| "[:]^".contains(c) || c.is_ascii_alphabetic()))
                {
                    out.push(']');
                } else {
                    in_class = false;
                    out.push(']');
                }
            }
            '&' | '~' | '-' if in_class && rest[1..].starts_with(c) => {
                // The regex crate reads `&&`, `~~` and `--` in a class as set operators.
                out.push('\\');
                out.push(c);
            }
            '{' if !in_class && !opens_repetition(rest) => out.push_str("\\{"),
            '}' if !in_class && !closes_repetition(&out) => out.push_str("\\}"),
            c => out.push(c),
        }
        rest = &rest[taken..];
    }
    out
}

/// Tells whether the text begins with `{n}`, `{n,}` or `{n,m}`.
fn opens_repetition(text: &str) -> bool {
    let Some(end) = text.find('}') else { return false };
    let inner = &text[1..end];
    let (low, high) = inner.split_once(',').unwrap_or((inner, ""));
    !low.is_empty() && low.bytes().all(|b| b.is_ascii_digit()) && high.bytes().all(|b| b.is_ascii_digit())
}

/// Tells whether a `}` now would close a repetition, or a `\x{..}` or `\p{..}`.
fn closes_repetition(out: &str) -> bool {
    out.rfind('{').is_some_and(|open| !out[open..].contains('}') && !out[..open].ends_with('\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, text: &str, expected: bool) {
        let regexp = Regexp::anchored(pattern).expect(pattern);
        assert_eq!(regexp.is_match(text), expected, "{pattern} on {text:?}");
    }

    #[test]
    fn the_whole_text_must_match_and_dot_takes_line_ends() {
        check("a|b", "ab", false);
        check("a.*", "a\nb", true);
        check("", "", true);
        check(".+", "", false);
    }

    #[test]
    fn dialect_differences_are_mended() {
        check(r"\d+", "٣", false);
        check(r"[\d]+", "12", true);
        check(r"\Qa.b\Ec", "a.bc", true);
        check(r"\Qa.b\Ec", "axbc", false);
        check("a{b}", "a{b}", true);
        check("a{2}", "aa", true);
        check("{}", "{}", true);
        check("[[:alpha:]]+", "ab", true);
        check("[]a]+", "]a", true);
        check("[a[]+", "a[", true);
        check(r"\x{61}", "a", true);
    }

    #[test]
    fn wrong_and_huge_expressions_are_refused() {
        assert!(matches!(Regexp::anchored("a)(b"), Err(RegexpError::Syntax { .. })));
        assert!(matches!(Regexp::anchored("((a{1000}){1000}){1000}"), Err(RegexpError::TooLarge { .. })));
    }
}
