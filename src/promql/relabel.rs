//! `label_replace` and `label_join` on label sets.

use crate::labels::{LabelSet, Regexp};

/// Sets `dst` to the expansion of `replacement` if `regex` ([`Regexp::wrapped`]) matches the value of `src`, absent being empty.
///
/// Source: promql.md 8.5; Prometheus' `evalLabelReplace`.
pub(crate) fn label_replace(labels: &LabelSet, dst: &str, replacement: &str, src: &str, regex: &Regexp) -> LabelSet {
    match regex.expand(labels.get(src).unwrap_or(""), replacement) {
        Some(value) => labels.to_builder().set(dst, &value).build(),
        None => labels.clone(),
    }
}

/// Sets `dst` to the values of `sources`, absent ones being empty, with `separator` between them.
///
/// Source: Prometheus' `evalLabelJoin`.
pub(crate) fn label_join<S: AsRef<str>>(labels: &LabelSet, dst: &str, separator: &str, sources: &[S]) -> LabelSet {
    let values: Vec<&str> = sources.iter().map(|name| labels.get(name.as_ref()).unwrap_or("")).collect();
    labels.to_builder().set(dst, &values.join(separator)).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(replacement: &str, src: &str, regex: &str, expected: &str) {
        let labels = LabelSet::new([("__name__", "up"), ("host", "db-01")]);
        let regex = Regexp::wrapped(regex).expect(regex);
        assert_eq!(label_replace(&labels, "to", replacement, src, &regex).to_string(), expected, "{replacement}");
    }

    #[test]
    fn groups_are_expanded() {
        check("$1", "host", "(.*)-.*", r#"up{host="db-01", to="db"}"#);
        check("${2}x-$1", "host", "(.*)-(.*)", r#"up{host="db-01", to="01x-db"}"#);
        check("$name!", "host", "(?P<name>.*)-.*", r#"up{host="db-01", to="db!"}"#);
        check("all:$0", "host", ".*", r#"up{host="db-01", to="all:db-01"}"#);
        check("$1x", "host", "(.*)-.*", r#"up{host="db-01"}"#);
    }

    #[test]
    fn what_is_no_group_is_text() {
        check("$$1", "host", ".*", r#"up{host="db-01", to="$1"}"#);
        check("a$", "host", ".*", r#"up{host="db-01", to="a$"}"#);
        check("$-${", "host", ".*", r#"up{host="db-01", to="$-${"}"#);
        check("${a.b}", "host", ".*", r#"up{host="db-01", to="${a.b}"}"#);
        check("x$01", "host", "(.*)-.*", r#"up{host="db-01", to="x"}"#);
    }

    #[test]
    fn without_a_match_nothing_changes() {
        check("$1", "host", "(web)", r#"up{host="db-01"}"#);
        check("none", "absent", "", r#"up{host="db-01", to="none"}"#);
    }

    #[test]
    fn values_are_joined() {
        let labels = LabelSet::new([("a", "1"), ("b", "2")]);
        assert_eq!(label_join(&labels, "c", "-", &["a", "x", "b"]).to_string(), r#"{a="1", b="2", c="1--2"}"#);
        assert_eq!(label_join::<&str>(&labels, "a", "-", &[]).to_string(), r#"{b="2"}"#);
    }
}
