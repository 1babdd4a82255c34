//! Label sets as maps of names to values, for serde.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::LabelSet;

/// Writes the labels by name, the metric name as `__name__`.
impl Serialize for LabelSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

/// Reads labels in any order, as [`LabelSet::new`] takes them: an empty value is no label.
impl<'de> Deserialize<'de> for LabelSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::<String, String>::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_as_it_was() {
        let check = |json: &str, set: LabelSet, written: &str| {
            assert_eq!(serde_json::from_str::<LabelSet>(json).expect("labels"), set, "{json}");
            assert_eq!(serde_json::to_string(&set).expect("JSON"), written, "{json}");
            assert_eq!(serde_json::from_str::<LabelSet>(written).expect("labels"), set, "{json}");
        };
        check("{}", LabelSet::empty(), "{}");
        check(
            r#"{"job": "a\"b\n", "__name__": "up", "none": ""}"#,
            LabelSet::new([("__name__", "up"), ("job", "a\"b\n")]),
            r#"{"__name__":"up","job":"a\"b\n"}"#,
        );
        assert!(serde_json::from_str::<LabelSet>(r#"{"a": 1}"#).is_err(), "a value is a text");
    }
}
