//! Random rule files, as text: groups, chains of recording rules, readers of alerts, labels of all kinds.

use super::generate::{Random, scalar, vector};

/// Metric names that recording rules write.
const RECORDED: [&str; 3] = ["rec:a", "rec:b", "rec:c"];

/// Makes the text of a rule file.
pub(crate) fn rule_file(random: &mut Random) -> String {
    let mut out = "groups:\n".to_owned();
    for group in 0..1 + random.below(3) {
        out.push_str(&format!("  - name: g{group}\n"));
        line(&mut out, 4, "interval", random.pick(&["", "", "1m", "45s", "2m", "90s"]));
        line(&mut out, 4, "query_offset", random.pick(&["", "", "", "0s", "7s", "1m", "100s"]));
        line(&mut out, 4, "limit", random.pick(&["", "", "", "", "1", "3", "6"]));
        if random.one_in(4) {
            let labels = [("team", "ops"), ("zone", "all"), ("severity", "none")];
            let (name, value) = labels[random.below(labels.len())];
            out.push_str(&format!("    labels: {{{name}: {value}}}\n"));
        }
        out.push_str("    rules:\n");
        for number in 0..1 + random.below(4) {
            if random.one_in(2) {
                out.push_str(&format!("      - record: {}\n", random.pick(&RECORDED)));
                line(&mut out, 8, "expr", &quoted(&expression(random)));
                labels(random, &mut out, &RECORDED_LABELS);
            } else {
                // Two rules may have one name.
                out.push_str(&format!("      - alert: A{}\n", number % 3));
                line(&mut out, 8, "expr", &quoted(&expression(random)));
                line(&mut out, 8, "for", random.pick(&["", "", "0s", "1s", "45s", "1m", "90s", "2m", "5m"]));
                line(&mut out, 8, "keep_firing_for", random.pick(&["", "", "", "1s", "1m", "2m", "150s"]));
                labels(random, &mut out, &ALERT_LABELS);
            }
        }
    }
    out
}

/// Writes a field unless its value is empty.
fn line(out: &mut String, indent: usize, name: &str, value: &str) {
    if !value.is_empty() {
        out.push_str(&format!("{:indent$}{name}: {value}\n", ""));
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

const RECORDED_LABELS: [(&str, &str); 5] =
    [("team", "red"), ("host", ""), ("zone", "one"), ("kind", "x"), ("severity", "")];

const ALERT_LABELS: [(&str, &str); 11] = [
    ("severity", "page"),
    ("severity", ""),
    ("host", ""),
    ("host", "{{ $labels.nobody }}"),
    ("zone", "{{ $labels.host }}"),
    ("where", "{{ $labels.host }}-{{ $labels.zone }}"),
    ("value", "{{ $value }}"),
    ("kind", "{{ if gt $value 2.0 }}high{{ else }}low{{ end }}"),
    ("alertname", "other"),
    ("alertstate", "mine"),
    ("broken", "{{ index (slice \"a\" 3) 1 }}"),
];

fn labels(random: &mut Random, out: &mut String, among: &[(&str, &str)]) {
    let mut chosen = std::collections::BTreeMap::new();
    for _ in 0..random.below(5).saturating_sub(2) {
        let (name, value) = among[random.below(among.len())];
        chosen.insert(name, value);
    }
    if !chosen.is_empty() {
        out.push_str("        labels:\n");
    }
    for (name, value) in chosen {
        out.push_str(&format!("          {name}: {}\n", quoted(value)));
    }
}

fn expression(random: &mut Random) -> String {
    let number = random.pick(&["0", "1", "2", "-1", "5"]);
    let op = random.pick(&[">", "<", ">=", "==", "!="]);
    match random.below(12) {
        0 => scalar(random, 2),
        1..3 => reader(random),
        3..6 => format!("{} {op} {number}", reader(random)),
        6..9 => {
            let depth = random.below(3);
            format!("({}) {op} {number}", vector(random, depth))
        }
        9 => format!("({}) {} ({})", vector(random, 1), random.pick(&["and", "unless", "or"]), reader(random)),
        _ => {
            let depth = random.below(3);
            vector(random, depth)
        }
    }
}

/// Makes an expression that reads what rules write.
fn reader(random: &mut Random) -> String {
    let name = random.pick(&RECORDED);
    match random.below(18) {
        0 => format!("rate({name}[5m])"),
        1 => format!("sum by (host) ({name})"),
        2 => format!("{name} offset 1m"),
        3 => format!("{name} offset -1m"),
        4 => format!("max_over_time({name}[3m:30s])"),
        5 => format!("count_over_time({name}[4m] offset 20s)"),
        6 => format!("absent({name})"),
        7 => format!("{name} + 1 or vector(0)"),
        8 => "ALERTS".to_owned(),
        9 => "ALERTS{alertstate=\"firing\"}".to_owned(),
        10 => "count by (alertname, alertstate) (ALERTS)".to_owned(),
        11 => "time() - ALERTS_FOR_STATE".to_owned(),
        12 => "{__name__=~\"rec:.*|ALERTS\"}".to_owned(),
        13 => "sum_over_time(ALERTS{alertname=\"A0\"}[5m])".to_owned(),
        14 => format!("{name} @ 300"),
        15 => format!("max_over_time(sum_over_time({name}[2m:30s])[3m:1m])"),
        16 => format!("max_over_time(sum_over_time(temp[2m:{}])[3m:1m])", random.pick(&["20s", "50s"])),
        _ => name.to_owned(),
    }
}
