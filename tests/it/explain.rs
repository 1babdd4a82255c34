//! `alertctl explain`: what it says of an alert is what `eval` finds, and its margins are where the alert tips over.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::schema::check_outputs;
use crate::slow::generate::Random;
use crate::spawn;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Runs a command that writes JSON.
fn json(args: &[&str], folder: &Path) -> Value {
    let output = spawn::alertctl(args, folder, None);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{args:?}: {error}: {text}{said}"))
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Returns matchers that take one alert alone.
fn matchers(labels: &Value) -> String {
    let labels = labels.as_object().expect("labels").iter();
    let one = |(name, value): (&String, &Value)| format!("{name}={value}");
    labels.map(one).collect::<Vec<_>>().join(",")
}

#[test]
fn what_happened_to_an_alert_is_what_eval_finds() {
    let root = Path::new(ROOT);
    let mut explained = Vec::new();
    for (rules, data) in [("rules/node.yml", "fixtures/node.csv"), ("rules/portsyncd.yml", "fixtures/portsyncd.csv")] {
        let eval = json(&["eval", "-q", "-r", rules, data, "-o", "json"], root);
        let episodes = array(&eval["episodes"]);
        assert!(episodes.len() > 15, "{rules}");
        for (at, episode) in episodes.iter().enumerate() {
            let is_first = |other: &Value| other["labels"] == episode["labels"];
            if episodes[..at].iter().any(is_first) {
                continue;
            }
            let alert = episode["alert"].as_str().expect("a name");
            let asked = matchers(&episode["labels"]);
            let args = ["explain", alert, "-q", "-r", rules, data, "-o", "json", "--where", &asked];
            let output = spawn::alertctl(&args, root, None);
            let text = String::from_utf8(output.stdout).expect("text");
            let found: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{args:?}: {error}"));
            assert_eq!(found["labels"], episode["labels"]);
            let history = |what: &str| -> Vec<String> {
                let those = array(&found["history"]).iter().filter(|one| one["what"] == what);
                those.map(|one| one["at"].as_str().expect("a time").to_owned()).collect()
            };
            let of = |key: &str| -> Vec<String> {
                let own = episodes.iter().filter(|one| one["labels"] == episode["labels"]);
                let own = own.filter(|one| one["fired_at"].is_string());
                let mut times: Vec<String> = own.filter_map(|one| Some(one[key].as_str()?.to_owned())).collect();
                times.sort();
                times
            };
            assert_eq!(history("fires"), of("fired_at"), "{alert}");
            assert_eq!(history("resolved"), of("resolved_at"), "{alert}");
            let died = |one: &&Value| one["labels"] == episode["labels"] && one["end"] == "died_pending";
            assert_eq!(history("dropped").len(), episodes.iter().filter(died).count(), "{alert}");
            explained.push(text);
        }
    }
    check_outputs("explain", &explained.iter().map(String::as_str).collect::<Vec<_>>());
}

/// Writes a recording of a random walk with gaps.
fn walk(random: &mut Random) -> String {
    let mut text = "time,host,m\n".to_owned();
    for host in ["a", "b"] {
        let mut level = random.below(40) as i64;
        for minute in 0..90 {
            level = (level + random.below(11) as i64 - 5).clamp(0, 40);
            if random.below(12) > 0 {
                let at = 1_767_571_200 + minute * 60;
                let _ = writeln!(text, "{at},{host},{level}");
            }
        }
    }
    text
}

/// Returns when an alert of an expression fires on one host.
fn fires(folder: &Path, expr: &str, hold_ms: i64, host: &str) -> Vec<String> {
    let hold = format!("{hold_ms}ms");
    let asked = format!("host={host:?}");
    let args = ["eval", "-q", "-e", expr, "--for", &hold, "m.csv", "--stale", "off", "--where", &asked, "-o", "json"];
    let found = json(&args, folder);
    array(&found["episodes"]).iter().filter_map(|one| Some(one["fired_at"].as_str()?.to_owned())).collect()
}

#[test]
fn margins_are_where_an_alert_tips_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let (mut margins, mut misses) = (0, 0);
    for seed in 0..14 {
        let mut random = Random(seed);
        fs::write(folder.join("m.csv"), walk(&mut random)).expect("a file");
        let op = [">", ">=", "<", "<="][random.below(4)];
        let limit = 5 + random.below(30) as i64;
        let hold = (random.below(6) as i64) * 60_000;
        let (expr, for_) = (format!("m {op} {limit}"), format!("{hold}ms"));
        let args = ["explain", "m", "-q", "-e", &expr, "--for", &for_, "m.csv", "--stale", "off", "-o", "json"];
        let found = json(&args, folder);
        let Some(host) = found["labels"]["host"].as_str() else { continue };
        let number = |value: &Value| value.as_f64();
        let with = |limit: f64| format!("m {op} {limit}");
        // A step that is too small for whole numbers, in the direction in which fewer values satisfy it.
        let further = if op.starts_with('>') { 0.25 } else { -0.25 };
        let strict = op.len() == 1;
        let fired = found["episode"]["fired_at"].as_str();
        if let (Some(fired), Some(ended)) = (fired, found["episode"]["resolved_at"].as_str()) {
            let within = |expr: &str, hold: i64| {
                fires(folder, expr, hold, host).iter().any(|at| at.as_str() >= fired && at.as_str() < ended)
            };
            let active = found["episode"]["active_at"].as_str().expect("a time");
            assert!(active <= fired);
            let most = number(&found["margin"]["for_over_s"]).expect("a margin") as i64 * 1000;
            assert!(within(&expr, most) && !within(&expr, most + 1), "{seed}: {expr} for {most}");
            let tips = number(&found["margin"]["threshold"]).expect("a margin");
            let (in_, out) = if strict { (tips - further, tips) } else { (tips, tips + further) };
            assert!(within(&with(in_), hold) && !within(&with(out), hold), "{seed}: {expr} for {hold}: {tips}");
            margins += 1;
        } else if fired.is_none() {
            assert!(fires(folder, &expr, hold, host).is_empty());
            if let Some(tips) = number(&found["near"]["threshold"]) {
                let (in_, out) = if strict { (tips - further, tips) } else { (tips, tips + further) };
                let at = |limit: f64| !fires(folder, &with(limit), hold, host).is_empty();
                assert!(at(in_) && !at(out), "{seed}: {expr} for {hold}: {tips}");
                misses += 1;
            }
            if let Some(most) = number(&found["near"]["true_for_s"]) {
                let at = |hold: i64| !fires(folder, &expr, hold, host).is_empty();
                let most = most as i64 * 1000;
                assert!(at(most) && !at(most + 1), "{seed}: {expr} for {most}");
            }
        }
    }
    assert!(margins >= 5 && misses >= 1, "{margins} margins, {misses} misses");
}
