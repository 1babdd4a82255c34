//! What `data` says of a recording, `eval` says too.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::spawn;

/// What both say of one recording: span, spacing, gaps, and the hints that are about the recording alone.
fn said(args: &[&str], folder: &Path, facts: &str, hints: &str) -> Value {
    let output = spawn::alertctl(args, folder, None);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let document: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{args:?}: {error}: {text}"));
    let facts = document.pointer(facts).expect("facts of a recording");
    let about = |hint: &&Value| ["query-grid", "replicas"].iter().any(|code| hint["code"] == *code);
    let hints = document.pointer(hints).and_then(Value::as_array).into_iter().flatten().filter(about);
    let hints: BTreeSet<&str> = hints.filter_map(|hint| hint["message"].as_str()).collect();
    let gaps = facts["gaps"].as_array().into_iter().flatten();
    let gaps: Vec<Value> = gaps.map(|gap| serde_json::json!([gap["from"], gap["to"], gap["series"]])).collect();
    serde_json::json!([facts["start"], facts["end"], facts["cadence_s"], gaps, hints])
}

fn check(folder: &Path, name: &str) -> Value {
    let data = said(&["data", "-o", "json", name], folder, "", "/hints");
    let rules = ["eval", "-q", "-e", "vector(1) > 2", "-o", "json", name];
    assert_eq!(said(&rules, folder, "/recordings/0", "/diagnostics"), data, "{name}");
    data
}

#[test]
fn data_and_eval_say_the_same_of_the_fixtures() {
    for name in ["fixtures/node.csv", "fixtures/portsyncd.csv"] {
        check(Path::new("."), name);
    }
}

#[test]
fn data_and_eval_say_the_same_of_odd_recordings() {
    let folder = tempfile::tempdir().expect("a folder");
    let check = |text: &str| {
        std::fs::write(folder.path().join("a.csv"), text).expect("a file");
        check(folder.path(), "a.csv")
    };
    let time = |minute: i64| format!("2026-01-05T{:02}:{:02}:00Z", minute / 60, minute % 60);
    // Rows without values at both ends, and one in the middle.
    let blank = check(&format!(
        "time,host,temp\n{},a,\n{},a,1\n{},a,\n{},a,3\n{},a,\n",
        time(0),
        time(1),
        time(2),
        time(3),
        time(4)
    ));
    assert_eq!((&blank[0], &blank[1]), (&"2026-01-05T00:01:00Z".into(), &"2026-01-05T00:03:00Z".into()));
    // Two series, one of which begins late and has a gap of its own; not in the order of time.
    let mut rows = String::from("time,host,temp\n");
    for minute in (0..90).rev().filter(|minute| !(40..50).contains(minute)) {
        rows.push_str(&format!("{},a,1\n", time(minute)));
        if minute > 20 && !(60..70).contains(&minute) {
            rows.push_str(&format!("{},b,2\n", time(minute)));
        }
    }
    check(&rows);
    // Two servers in one recording, on a grid.
    let mut rows = String::from("time,metric,cluster,value\n");
    for minute in 0..20 {
        rows.push_str(&format!("{},up,ams,1\n{},up,fra,1\n", time(minute), time(minute)));
    }
    let servers = check(&rows);
    assert_eq!(servers[4].as_array().map(Vec::len), Some(2), "{servers}");
}
