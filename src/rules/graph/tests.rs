use proptest::prelude::*;

use super::*;
use crate::rules::testing::load;

/// Reads rules, each in a group of its own; `+` before one gives its group a query offset.
fn files<T: AsRef<str>>(rules: &[T]) -> Vec<RuleFile> {
    let mut text = "groups:\n".to_owned();
    for (at, rule) in rules.iter().map(AsRef::as_ref).enumerate() {
        let (offset, rule) = match rule.strip_prefix('+') {
            Some(rule) => ("query_offset: 30s, ", rule),
            None => ("", rule),
        };
        text.push_str(&format!("- {{name: g{at}, {offset}rules: [{{{rule}}}]}}\n"));
    }
    let (_, file, found) = load(&text);
    vec![file.unwrap_or_else(|| panic!("{text}\n{found:?}"))]
}

/// Writes components as `rules` joined by `+`, `*` for stepwise, a `|` before each level but the first.
fn written_out<'a>(components: impl Iterator<Item = (&'a [u32], bool, u32)>) -> String {
    let mut out = String::new();
    let mut last = 0;
    for (rules, stepwise, level) in components {
        out.push_str(&"| ".repeat((level - last) as usize));
        last = level;
        let rules: Vec<String> = rules.iter().map(ToString::to_string).collect();
        out.push_str(&format!("{}{} ", rules.join("+"), if stepwise { "*" } else { "" }));
    }
    out.trim_end().to_owned()
}

fn order(graph: &RuleGraph) -> String {
    written_out(graph.components.iter().map(|one| (one.rules.as_slice(), one.stepwise, one.level)))
}

fn check(rules: &[&str], expected: &str) {
    assert_eq!(order(&RuleGraph::of(&files(rules), Keep::Read)), expected, "{rules:?}");
}

#[test]
fn readers_come_after_writers() {
    check(&["record: c, expr: b", "record: b, expr: a", "record: a, expr: x"], "2 | 1 | 0");
    check(&["record: a, expr: x", "record: b, expr: x"], "0 1");
    check(&["record: a, expr: x", "record: b, expr: '{__name__=~\"a|y\"}'", "record: c, expr: b"], "0 | 1 | 2");
    check(&["record: a, expr: x, labels: {job: api}", "record: b, expr: '{job=\"api\"}'"], "0 | 1*");
    check(
        &[
            "record: a, expr: x, labels: {job: db}",
            "record: c, expr: a, labels: {job: db}",
            "record: b, expr: '{job=\"api\"}', labels: {job: db}",
        ],
        "0 2 | 1",
    );
}

#[test]
fn what_reads_itself_runs_step_by_step() {
    check(&["record: a, expr: a"], "0*");
    check(&["record: a, expr: b", "record: b, expr: a", "record: c, expr: a"], "0+1* | 2");
    check(&["record: a, expr: b", "record: b, expr: c", "record: c, expr: a", "record: x, expr: y"], "0+1+2* 3");
    check(&["alert: A, expr: x, labels: {l: '{{ query \"up\" }}'}", "record: b, expr: x"], "1 | 0*");
}

#[test]
fn writers_of_one_series_run_together() {
    check(&["record: a, expr: x", "record: a, expr: x, labels: {job: x}", "record: b, expr: a"], "0+1* | 2");
    let by_job = ["record: a, expr: x, labels: {job: y}", "record: a, expr: x, labels: {job: x}", "record: b, expr: a"];
    check(&by_job, "0 1 | 2");
    let none = ["record: a, expr: x, labels: {job: ''}", "record: a, expr: x, labels: {job: x}", "record: b, expr: a"];
    check(&none, "0 1 | 2");
    // Nobody reads it: who wins does not matter.
    check(&["record: a, expr: x", "record: a, expr: x"], "0 1");
    // A reader between two writers sees the one at its own slot and the other one later.
    check(&["record: a, expr: x", "record: b, expr: a", "record: a, expr: x"], "0+1+2*");
    check(&["record: a, expr: x", "+record: a, expr: x", "record: b, expr: a"], "0+1+2*");
}

#[test]
fn alerts_are_read_by_name_and_state() {
    let with = |selector: &str| {
        ["alert: X, expr: x".to_owned(), "alert: Y, expr: x".to_owned(), format!("record: b, expr: '{selector}'")]
    };
    let check = |selector: &str, expected: &str, is_read: [bool; 3]| {
        let graph = RuleGraph::of(&files(&with(selector)), Keep::Read);
        assert_eq!(order(&graph), expected, "{selector}");
        assert!(graph.nodes.iter().map(|node| node.is_read).eq(is_read), "{selector}");
    };
    check("ALERTS{alertname=\"Y\"}", "0 1 | 2", [false, true, false]);
    check("ALERTS{alertstate=\"firing\"}", "0 1 | 2", [true, true, false]);
    check("ALERTS{alertstate=\"inactive\"}", "0 1 2", [false; 3]);
}

#[test]
fn a_long_chain_does_not_overflow_the_stack() {
    let rules: Vec<String> = (0..5_000).map(|at| format!("record: m{at}, expr: m{}", at + 1)).collect();
    assert_eq!(RuleGraph::of(&files(&rules), Keep::Read).components.len(), 5_000);
}

/// Counts the edges of a graph of rules, and what its sets hold.
fn size(rules: &[String]) -> usize {
    let files = files(rules);
    let rules: Vec<(&Rule, &Group)> = files
        .iter()
        .flat_map(|file| &file.groups)
        .flat_map(|group| group.rules.iter().map(move |rule| (rule, group)))
        .collect();
    let writes: Vec<Vec<Written>> = rules.iter().map(|(rule, _)| Written::by(rule)).collect();
    let asks: Vec<Asks> = rules.iter().map(|(rule, _)| Asks::of(rule)).collect();
    let (sets, reads) = reads(&rules, &asks, &writes);
    let items: Vec<Item<'_>> = items(&writes).collect();
    let edges = edges(&sets, &reads, Rivals::among(&items, &vec![Millis::ZERO; rules.len()]));
    edges.iter().chain(&sets).map(Vec::len).sum()
}

#[test]
fn edges_grow_with_the_rules_not_with_their_pairs() {
    let rules = |write: fn(usize) -> String, read: fn(usize) -> String| {
        let both = |at| if at % 2 == 0 { write(at) } else { read(at) };
        let apart = (0..2_000).map(write).chain((0..2_000).map(read)).collect::<Vec<_>>();
        size(&(0..4_000).map(both).collect::<Vec<_>>()).max(size(&apart))
    };
    // Each writer leads to the set, to the first writer and back; each reader is led to and leads back to the set.
    let most = 4_000 * 4;
    let one = |at: usize| format!("record: a, expr: x{at}");
    assert!(rules(one, |at| format!("alert: A{at}, expr: a > {at}")) <= most);
    assert!(
        rules(|at| format!("record: a, expr: x, labels: {{job: j{at}}}"), |_| "record: b, expr: a".to_owned()) <= most
    );
    assert!(
        rules(|at| format!("record: r{at}, expr: x"), |at| format!("alert: A{at}, expr: r{} > 1", at - at % 2)) <= most
    );
    assert!(rules(|at| format!("alert: A{at}, expr: x"), |_| "record: b, expr: ALERTS".to_owned()) <= most);
    let by_job = |at: usize| format!("record: b, expr: 'a{{job=\"j{}\"}}'", at - at % 2);
    assert!(rules(|at| format!("record: a, expr: x, labels: {{job: j{at}}}"), by_job) <= most);
}

/// Orders rules by the definition: pairs of writer and reader, pairs of rivals, and the readers of each pair.
fn by_pairs(files: &[RuleFile]) -> String {
    let groups = files.iter().flat_map(|file| &file.groups);
    let rules: Vec<(&Rule, &Group)> =
        groups.flat_map(|group| group.rules.iter().map(move |rule| (rule, group))).collect();
    let writes: Vec<Vec<Written>> = rules.iter().map(|(rule, _)| Written::by(rule)).collect();
    let count = rules.len();
    let reads = |reader: usize, writer: usize| {
        let selectors = rules[reader].0.expr.selectors();
        let taken = |written: &Written| selectors.iter().any(|one| written.may_match(&one.selector.matchers));
        let asks = Asks::of(rules[reader].0).labels && !writes[writer].is_empty();
        asks || writes[writer].iter().any(taken)
    };
    let later = rules.iter().any(|(rule, _)| Asks::of(rule).annotations);
    let is_read = |writer: usize| later || (0..count).any(|reader| reads(reader, writer));
    let may_equal = |a: &Written, b: &Written| {
        let agrees = |(name, value): &(String, String)| b.value(name).is_none_or(|theirs| theirs == value);
        a.name == b.name && a.certain.iter().all(agrees)
    };
    let rivals = |a: usize, b: usize| {
        let any = writes[a].iter().any(|ours| writes[b].iter().any(|theirs| may_equal(ours, theirs)));
        a != b && any && is_read(a) && is_read(b)
    };
    let mut reaches = vec![vec![false; count]; count];
    let mut after = vec![vec![false; count]; count];
    for a in 0..count {
        for b in 0..count {
            after[a][b] = reads(b, a);
            reaches[a][b] |= after[a][b] || rivals(a, b);
            for reader in (0..count).filter(|reader| rivals(a, b) && (reads(*reader, a) || reads(*reader, b))) {
                let alike = rules[a].1.query_offset == rules[b].1.query_offset && (a >= reader) == (b >= reader);
                reaches[reader][a] |= !alike;
                reaches[reader][b] |= !alike;
            }
        }
    }
    for by in 0..count {
        for from in 0..count {
            for to in 0..count {
                reaches[from][to] |= reaches[from][by] && reaches[by][to];
            }
        }
    }
    let together = |a: usize, b: usize| a == b || (reaches[a][b] && reaches[b][a]);
    let mut levels = vec![0; count];
    for _ in 0..count {
        for a in 0..count {
            for b in (0..count).filter(|b| after[a][*b] && !together(a, *b)) {
                let level = levels[b].max(levels[a] + 1);
                (0..count).filter(|other| together(b, *other)).for_each(|other| levels[other] = level);
            }
            let level = (0..count).filter(|other| together(a, *other)).map(|other| levels[other]).max();
            levels[a] = level.unwrap_or_default();
        }
    }
    let mut components: Vec<(u32, Vec<u32>, bool)> = (0..count)
        .filter(|rule| (0..*rule).all(|before| !together(before, *rule)))
        .map(|rule| {
            let rules = (0..count).filter(|other| together(rule, *other)).map(number).collect();
            (levels[rule], rules, reaches[rule][rule])
        })
        .collect();
    components.sort();
    written_out(components.iter().map(|(level, rules, stepwise)| (rules.as_slice(), *stepwise, *level)))
}

fn rule() -> impl Strategy<Value = String> {
    let expr = prop::sample::select(vec![
        "a",
        "b",
        "x",
        "x",
        "a + b",
        "ALERTS",
        "ALERTS_FOR_STATE",
        "a{job=\"x\"}",
        "a{job=\"\"}",
        "b{env=\"p\",job!=\"y\"}",
        "{job=\"x\"}",
        "{__name__=~\"a|b\",env=\"q\"}",
        "ALERTS{alertname=\"X\"}",
        "ALERTS{alertname=\"Y\",job=\"x\"}",
        "ALERTS{alertstate=\"inactive\"}",
        "ALERTS{alertstate=\"firing\",env=\"p\"}",
        "rate(b{zone=\"z\"}[5m])",
    ]);
    let head = prop::sample::select(vec!["record: a", "record: a", "record: b", "record: c", "alert: X", "alert: Y"]);
    let label = |values: &'static [&'static str]| prop::sample::select(values);
    let job = label(&["", "", "job: x, ", "job: y, ", "job: '', ", "job: '{{ $value }}', "]);
    let env = label(&["", "", "env: p, ", "env: q, ", "env: '{{ query \"up\" }}', "]);
    let zone = label(&["", "", "", "zone: z, "]);
    let offset = label(&["", "", "", "+"]);
    (offset, head, expr, job, env, zone).prop_map(|(offset, head, expr, job, env, zone)| {
        // Templates are for the labels of alerts.
        let plain = |label: &'static str| if head.starts_with("record") && label.contains('{') { "" } else { label };
        let labels = [plain(job), plain(env), zone].concat();
        format!("{offset}{head}, expr: '{expr}', labels: {{{}}}", labels.trim_end_matches(", "))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn components_and_levels_are_those_of_all_pairs(rules in prop::collection::vec(rule(), 1..9)) {
        let files = files(&rules);
        prop_assert_eq!(order(&RuleGraph::of(&files, Keep::Read)), by_pairs(&files));
    }
}
