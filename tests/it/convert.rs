//! A recording that is converted gives the answers of the one that it was made from.

use crate::spawn;

/// Where the tool runs: the root of the repository.
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Runs a command that must be good and returns what it printed.
fn shown(args: &[&str]) -> String {
    let ran = spawn::alertctl(args, ROOT.as_ref(), None);
    assert!(ran.status.success(), "{args:?}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).expect("text")
}

#[test]
fn episodes_of_a_converted_recording_are_equal() {
    let folder = tempfile::tempdir().expect("a folder");
    for (rules, recording) in
        [("rules/node.yml", "fixtures/node.csv"), ("rules/portsyncd.yml", "fixtures/portsyncd.csv")]
    {
        let episodes = |recording: &str| shown(&["eval", "-q", "-r", rules, recording, "-o", "csv"]);
        let expected = episodes(recording);
        assert!(expected.lines().count() > 5, "{expected}");
        let mut texts = Vec::new();
        for (to, name) in [("csv", "a.csv"), ("jsonl", "a.jsonl"), ("openmetrics", "a.om"), ("vm", "b.jsonl")] {
            let path = folder.path().join(name);
            let path = path.to_str().expect("text");
            shown(&["data", "-q", recording, "--to", to, "--out", path]);
            texts.push(shown(&["data", "-q", path, "--to", "csv"]));
            assert_eq!(episodes(path), expected, "{recording}: {to}");
        }
        assert!(texts.iter().all(|text| *text == texts[0]), "{recording}: samples differ");
        let path = folder.path().join("part.csv");
        let path = path.to_str().expect("text");
        shown(&["data", "-q", recording, "--to", "csv", "--only-for", rules, "--out", path]);
        assert_eq!(episodes(path), expected, "{recording}: --only-for");
    }
}

#[test]
fn starter_rules_load_and_do_not_fire() {
    let folder = tempfile::tempdir().expect("a folder");
    for recording in ["fixtures/node.csv", "fixtures/portsyncd.csv"] {
        let path = folder.path().join("starter.yml");
        let path = path.to_str().expect("text");
        shown(&["init", "-q", recording, "--out", path, "--force"]);
        shown(&["check", "--fail-on", "warning", path]);
        let told = shown(&["eval", "-q", "-r", path, recording, "-o", "csv", "--fail-on", "firing"]);
        assert_eq!(told.lines().count(), 1, "{told}");
    }
}
