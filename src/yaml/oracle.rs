//! What this reader reads is what serde_yaml reads, wherever both accept a text.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_yaml::{Mapping, Value};

use super::tests::TEXTS;
use super::{Content, Node, open};
use crate::diagnostic::Diagnostics;
use crate::source::SourceMap;

/// Reads a text; `None` when something is reported for it.
fn read(source: &str) -> Option<Option<Node>> {
    let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::default());
    let (problems, node) = open(&mut sources, "a.yml", source.as_bytes(), "a file", &mut diagnostics);
    problems.finish();
    diagnostics.is_empty().then_some(node)
}

/// Checks that a node is a value; `resolved`: a bare scalar is also compared as what it is taken for.
fn compare(node: &Node, value: &Value, resolved: bool, source: &str) {
    match (&node.content, value) {
        (Content::Scalar(scalar), Value::String(text)) => assert_eq!(scalar.text(), text, "{source:?}"),
        (Content::Scalar(scalar), Value::Null | Value::Bool(_) | Value::Number(_)) => {
            assert!(scalar.plain, "{source:?}");
            match value {
                _ if !resolved => {}
                Value::Bool(truth) => assert_eq!(scalar.text(), truth.to_string(), "{source:?}"),
                Value::Number(number) => assert_eq!(scalar.decimal(), number.as_f64(), "{source:?}"),
                _ => assert!(scalar.is_null(), "{source:?}"),
            }
        }
        (Content::Sequence(items), Value::Sequence(values)) => {
            assert_eq!(items.len(), values.len(), "{source:?}");
            items.iter().zip(values).for_each(|(item, value)| compare(item, value, resolved, source));
        }
        (Content::Mapping(entries), Value::Mapping(values)) => {
            assert_eq!(entries.len(), values.len(), "{source:?}");
            for ((key, node), (name, value)) in entries.iter().zip(values) {
                compare(key, name, resolved, source);
                compare(node, value, resolved, source);
            }
        }
        _ => panic!("{source:?}: {node:?} is not {value:?}"),
    }
}

/// Compares what both readers make of a text; whether both accept it.
fn check(source: &str) -> bool {
    match (read(source), serde_yaml::from_str::<Value>(source)) {
        (Some(Some(node)), Ok(value)) => {
            compare(&node, &value, false, source);
            true
        }
        (Some(None), Ok(value)) => {
            assert_eq!(value, Value::Null, "{source:?}");
            true
        }
        _ => false,
    }
}

#[test]
fn texts_are_those_of_the_oracle() {
    for source in TEXTS {
        assert!(check(source), "{source:?}");
    }
}

#[test]
fn files_of_this_project_are_those_of_the_oracle() {
    for source in [
        include_str!("../../rules/node.yml"),
        include_str!("../../rules/portsyncd.yml"),
        include_str!("../../docs/planned-work.yml"),
        include_str!("../../fixtures/mistakes.yml"),
    ] {
        assert!(check(source), "{source}");
    }
}

/// Texts with what YAML gives a meaning to.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,12}",
        "[a-c:#'\"{}\\[\\],&*!|>%@` \n\té😀-]{0,16}",
        prop::sample::select(vec!["", "~", "null", "true", "no", "1", "1e3", "0x10", "- a", "a: b", "<<", "=", "---"])
            .prop_map(str::to_owned),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => text().prop_map(Value::String),
        1 => any::<i32>().prop_map(|number| Value::Number(number.into())),
        1 => (-1e9..1e9).prop_map(|number: f64| Value::Number(number.into())),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::Sequence),
            vec((text(), inner), 0..4).prop_map(|entries| {
                Value::Mapping(entries.into_iter().map(|(key, value)| (Value::String(key), value)).collect::<Mapping>())
            }),
        ]
    })
}

/// Lines as people write them, good and bad.
fn lines() -> impl Strategy<Value = String> {
    let indent = prop::sample::select(vec!["", "", "  ", "    "]);
    let dash = prop::sample::select(vec!["", "", "- "]);
    let key = prop::sample::select(vec!["", "a: ", "b: ", "'c d': ", "e: &x ", "f:"]);
    let scalar = prop::sample::select(vec![
        "",
        "x",
        "x y",
        "'x: #y'",
        "\"x\\ty\"",
        "|",
        ">-",
        "[x, 'y z']",
        "{x: y}",
        "x # why",
        "*x",
        "5m",
        "a:b",
        "-x",
        "\"\"",
        "''",
    ]);
    vec((indent, dash, key, scalar), 1..7).prop_map(|lines| {
        lines.into_iter().map(|(indent, dash, key, scalar)| format!("{indent}{dash}{key}{scalar}\n")).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_the_oracle_writes_is_read_as_it_was(value in value()) {
        let block = serde_yaml::to_string(&value).expect("every value can be written");
        let flow = serde_json::to_string(&value).expect("keys are texts");
        let spread = serde_json::to_string_pretty(&value).expect("keys are texts");
        for source in [block, flow, spread] {
            let node = read(&source).expect("nothing is told").expect("a node");
            compare(&node, &value, true, &source);
        }
    }

    #[test]
    fn lines_that_both_accept_mean_the_same(source in lines()) {
        check(&source);
    }
}
