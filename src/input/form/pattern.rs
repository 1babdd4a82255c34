//! Regular expressions that take texts apart.

use std::fmt;
use std::str::FromStr;

use regex_automata::meta::{BuildError, Regex};
use regex_automata::util::syntax;

use crate::limits;

/// A regular expression that is searched for anywhere in a text; classes such as `\w` are those of ASCII.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern {
    text: String,
    regex: Regex,
}

impl Pattern {
    /// Returns the expression as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns whether it is somewhere in a text.
    #[must_use]
    pub fn is_in(&self, text: &[u8]) -> bool {
        self.regex.is_match(text)
    }

    /// Returns the names of its groups.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.regex.group_info().pattern_names(regex_automata::PatternID::ZERO).flatten()
    }

    /// Returns what the named groups hold, in their order; none where the expression is not in the text. A group that
    /// took no part is left out.
    #[must_use]
    pub fn groups<'t>(&self, text: &'t str) -> Option<Vec<(&str, &'t str)>> {
        let mut captures = self.regex.create_captures();
        self.regex.captures(text, &mut captures);
        if !captures.is_match() {
            return None;
        }
        let held = |name| captures.get_group_by_name(name).and_then(|span| text.get(span.range()));
        Some(self.names().filter_map(|name| Some((name, held(name)?))).collect())
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |error: BuildError| {
            let why = error.syntax_error().map_or_else(|| error.to_string(), |error| error.to_string());
            let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            format!("`{text}` is not a valid regular expression: {why}")
        };
        let regex = Regex::builder()
            .syntax(syntax::Config::new().unicode(false).utf8(false))
            .configure(Regex::config().nfa_size_limit(Some(limits::REGEX_BYTES)).utf8_empty(false))
            .build(text)
            .map_err(wrong)?;
        Ok(Self { text: text.to_owned(), regex })
    }
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.text
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_found_anywhere() {
        let pattern: Pattern = r"host-(?<host>\w+)(\.(?P<part>\d+))?\.csv".parse().expect("valid");
        assert_eq!(pattern.groups("a/host-web.csv"), Some(vec![("host", "web")]));
        assert_eq!(pattern.groups("host-web.3.csv.gz"), Some(vec![("host", "web"), ("part", "3")]));
        assert_eq!(pattern.groups("other.csv"), None);
        assert_eq!(pattern.names().collect::<Vec<_>>(), ["host", "part"]);
        assert!("(".parse::<Pattern>().is_err_and(|error| error.contains("not a valid regular expression")));
    }
}
