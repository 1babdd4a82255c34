//! Text as the workflow commands of GitHub Actions hold it.
//!
//! Source: the workflow commands of GitHub Actions; a step shows at most 10 annotations of a kind.

/// The most annotations of a kind that a step shows.
pub(super) const MOST: usize = 10;

/// Escapes the text of an annotation.
pub(super) fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes the value of a property.
pub(super) fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_runner_would_obey_is_escaped() {
        assert_eq!(data("50 %\r\n::error::x"), "50 %25%0D%0A::error::x");
        assert_eq!(property("a:b,c%"), "a%3Ab%2Cc%25");
    }
}
