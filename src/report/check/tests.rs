//! What the formats of `check` show.

use super::*;
use crate::report::diagnostic::Look;
use crate::rules::load_partly;

const LOOK: Look = Look { color: false, width: None };

/// Returns the last lines of the text and the object.
fn check(texts: &[&str]) -> (String, serde_json::Value) {
    let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::default());
    let mut load =
        |(at, text): (usize, &&str)| load_partly(&mut sources, &format!("{at}.yml"), text.as_bytes(), &mut diagnostics);
    let files: Vec<RuleFile> = texts.iter().enumerate().map(&mut load).collect();
    let checked = Checked::new(&files, &diagnostics, &sources);
    let (mut text, mut object) = (Vec::new(), Vec::new());
    text::write(&mut text, &checked, LOOK, true).expect("a vector takes all");
    json::write(&mut object, &checked).expect("a vector takes all");
    let text = String::from_utf8_lossy(&text);
    let end = text.rsplit("\n\n").next().unwrap_or_default().to_owned();
    (end, serde_json::from_slice(&object).expect("an object"))
}

const SOUND: &str = "\
alertctl: 1
derived: [{record: ratio, expr: a / b}]
rules: [{id: hot, metric: temp, above: 80}, {id: low, metric: ratio, below: 1}]
";
const BROKEN: &str = "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up ==\n    fro: 5m\n";

#[test]
fn what_there_is_is_told_when_all_is_well() {
    let (text, object) = check(&[SOUND]);
    assert_eq!(text, "1 file, 2 alerting and 1 recording rule in 1 group: no problems\n");
    assert_eq!(object["files"][0]["form"], "native");
    assert_eq!(object["counts"]["alerting_rules"], 2);
    assert_eq!(check(&["groups: []"]).0, "1 file, no rules in 0 groups: no problems\n");
}

#[test]
fn what_can_be_fixed_is_offered() {
    let offered = |text: &str| {
        let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::default());
        let files = [load_partly(&mut sources, "a.yml", text.as_bytes(), &mut diagnostics)];
        let mut checked = Checked::new(&files, &diagnostics, &sources);
        assert_eq!(checked.fixable(), "");
        checked.can_fix = true;
        checked.fixable()
    };
    let rule = |keys: &str| format!("groups:\n- name: g\n  rules:\n  - alert: A\n{keys}");
    assert_eq!(offered(BROKEN), "; 1 of them can be fixed: add --fix");
    assert_eq!(offered(&rule("    expr: up\n    fro: 5m\n")), "; it can be fixed: add --fix");
    assert_eq!(offered(&rule("    expr: up\n    fro: 5m\n    labls: {}\n")), "; all of them can be fixed: add --fix");
    assert_eq!(offered(&rule("    expr: up\n")), "");
}

#[test]
fn problems_are_counted_by_file() {
    let (text, object) = check(&[BROKEN, SOUND, "groups: 5"]);
    assert_eq!(text, "0.yml: 2 errors\n2.yml: 1 error\n3 files: 3 errors\n");
    assert_eq!(object["schema"], "alertctl.check/1");
    assert_eq!(object["counts"]["errors"], 3);
    assert_eq!(object["files"][1]["errors"], 0);
    let found = &object["diagnostics"][1];
    assert_eq!(found["code"], "unknown-key");
    assert_eq!((&found["file"], &found["line"], &found["column"]), (&"0.yml".into(), &6.into(), &5.into()));
    assert_eq!(found["end"], serde_json::json!({"line": 6, "column": 8}));
    assert_eq!(found["subject"], serde_json::json!({"group": "g", "rule": "A"}));
}

#[test]
fn where_not_all_are_shown_the_format_that_has_all_is_named() {
    let rules = |count: usize| {
        let rule = |at: usize| format!("  - alert: A{at}\n    expr: up ==\n");
        format!("groups:\n- name: g\n  rules:\n{}", (0..count).map(rule).collect::<String>())
    };
    let shown = |count: usize| {
        let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::default());
        let files = [load_partly(&mut sources, "a.yml", rules(count).as_bytes(), &mut diagnostics)];
        // Of one code and file the loader keeps as many as are shown.
        let found: Vec<Diagnostic> = diagnostics.sorted();
        found.into_iter().for_each(|one| diagnostics.push(Diagnostic { message: format!("{}!", one.message), ..one }));
        let mut text = Vec::new();
        let checked = Checked::new(&files, &diagnostics, &sources);
        text::write(&mut text, &checked, LOOK, true).expect("a vector takes all");
        String::from_utf8_lossy(&text).contains("\n-o json shows all of them\n")
    };
    assert_eq!((shown(5), shown(40)), (false, true));
}
