//! What must hold whatever happens to other rules, to the store, or to the process.

use proptest::prelude::*;

use super::super::super::NewRule;
use super::*;
use crate::time::Millis;

/// What may happen to a `Live`.
#[derive(Clone, Debug)]
enum Op {
    /// A snapshot so many seconds later.
    Step(u16),
    Set {
        series: u8,
        value: i8,
    },
    End(u8),
    Forget(u8),
    Evaluate,
    Advance(u16),
    /// Adds a rule, or removes it where it is there.
    Toggle {
        own: bool,
        rule: u8,
    },
    /// Disables a rule, or enables it where it is not.
    Switch {
        own: bool,
        rule: u8,
    },
    /// Loads a file of others, reloads it changed, or unloads it.
    File(u8),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let span = || prop_oneof![8 => 1_u16..30, 1 => 30_u16..1_000];
    let op = prop_oneof![
        6 => span().prop_map(Op::Step),
        12 => (0_u8..9, 0_i8..10).prop_map(|(series, value)| Op::Set { series, value }),
        1 => (0_u8..9).prop_map(Op::End),
        1 => (0_u8..9).prop_map(Op::Forget),
        6 => Just(Op::Evaluate),
        1 => span().prop_map(Op::Advance),
        3 => (any::<bool>(), 0_u8..16).prop_map(|(own, rule)| Op::Toggle { own, rule }),
        2 => (any::<bool>(), 0_u8..16).prop_map(|(own, rule)| Op::Switch { own, rule }),
        1 => (0_u8..3).prop_map(Op::File),
    ];
    prop::collection::vec(op, 1..120)
}

const OWN: [fn(&str) -> NewRule; 16] = [
    |name| NewRule::alert(name, "cpu > 5"),
    |name| NewRule::alert(name, "cpu > 5").hold(Millis(20_000)).keep_firing(Millis(15_000)),
    |name| NewRule::alert(name, "own:double > 12").hold(Millis(10_000)),
    |name| NewRule::alert(name, "sum(cpu) > 12").annotation("text", "{{ $value }} of {{ $labels.host }}"),
    |name| NewRule::alert(name, "avg_over_time(cpu[1m]) > 5"),
    |name| NewRule::alert(name, "max_over_time(own:double[2m]) > 15"),
    |name| NewRule::alert(name, "absent(mem)").hold(Millis(30_000)),
    |name| NewRule::alert(name, "cpu > 5").each_label_set().hold(Millis(5_000)).keep_firing(Millis(20_000)),
    |name| NewRule::alert(name, "cpu > mem").every(Millis(7_000)),
    |name| NewRule::alert(name, "max_over_time(cpu[20s] offset -30s) > 5"),
    |name| NewRule::alert(name, "ALERTS{alertname=\"Own0\", alertstate=\"firing\"}").hold(Millis(5_000)),
    |name| NewRule::alert(name, "cpu * on () group_left () mem > 20"),
    |name| NewRule::alert(name, "cpu > 5 and changes(cpu[5m]) > 2").label("level", "{{ $value }}"),
    |name| NewRule::alert(name, "rate(disk[1m]) > 0.1").every(Millis(15_000)).hold(Millis(15_000)),
    |name| NewRule::alert(name, "own:double > 3 or absent(cpu) or cpu offset -20s > 4").each_label_set(),
    |name| NewRule::alert(name, "count(own:rows) > 1 or cpu > (cpu @ 40) + (max_over_time(own:double[30s] @ 60) / 4)"),
];

const OTHER: [fn(&str) -> NewRule; 16] = [
    |name| NewRule::alert(name, "avg_over_time(cpu{host!=\"a\"}[1m]) > 3"),
    |name| NewRule::record(&name.to_lowercase(), "cpu * 3"),
    |name| NewRule::alert(name, "other1 > 10").hold(Millis(10_000)),
    |name| NewRule::alert(name, "max_over_time(cpu[1h]) > 5"),
    |name| NewRule::alert(name, "own:double offset -5m > 1"),
    |name| NewRule::alert(name, "cpu @ 4102444800 > 1"),
    |name| NewRule::alert(name, "ALERTS{alertstate=\"firing\"}"),
    |name| NewRule::alert(name, "cpu > 3").each_label_set().keep_firing(Millis(60_000)),
    |name| NewRule::alert(name, "max_over_time(own:double[10m]) > 1").every(Millis(11_000)),
    |name| NewRule::alert(name, "mem > 2").annotation("text", "{{ query \"cpu\" | len }}"),
    |name| NewRule::alert(name, "mem > 2").label("by", "{{ query \"own:double\" | len }}"),
    |name| NewRule::record(&name.to_lowercase(), "other11 + 1 or vector(0)"),
    |name| NewRule::record(&name.to_lowercase(), "sum by (host) (mem)").each_label_set(),
    |name| NewRule::alert(name, "cpu offset -2m > 5").each_label_set(),
    |name| NewRule::alert(name, "cpu * on () mem > 1").every(Millis(3_000)),
    |name| NewRule::alert(name, "quantile_over_time(0.5, disk[20m]) > 1").hold(Millis(60_000)),
];

/// What is done to a `Live` that must not show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unseen {
    Nothing,
    Compact,
    Restore,
    /// Evaluations are left out.
    Lazy,
}

struct Run {
    live: Live,
    now: i64,
    told: Vec<String>,
}

impl Run {
    fn new() -> Self {
        let mut run = Self { live: new(), now: 0, told: Vec::new() };
        run.own_records();
        run
    }

    /// Adds what the own rules read of each other.
    fn own_records(&mut self) {
        self.live.add(NewRule::record("own:double", "cpu * 2")).expect("a rule");
        self.live.add(NewRule::record("own:rows", "cpu + 1").each_label_set()).expect("a rule");
    }

    fn tell(&mut self, events: &[Event]) {
        for event in events.iter().filter(|event| event.rule().starts_with("Own")) {
            let texts: Vec<(&str, &str)> = event.annotations().collect();
            self.told.push(format!("{event} {:?} {texts:?} since {}", event.value(), event.active_at()));
        }
    }

    fn step(&mut self, op: &Op, others: bool) {
        let name = |series: u8| {
            let metric = ["cpu", "mem", "disk"][usize::from(series % 3)];
            labels(metric, ["a", "b", "c"][usize::from(series / 3)])
        };
        match op {
            Op::Step(span) => self.now += i64::from(*span),
            Op::Set { series, value } => drop(self.live.at(at(self.now)).set_labels(&name(*series), f64::from(*value))),
            Op::End(series) => {
                let series = self.live.series(&name(*series));
                self.live.end(&series, at(self.now));
            }
            Op::Forget(series) => {
                let series = self.live.series(&name(*series));
                self.live.forget(&series);
            }
            Op::Evaluate => {
                let events = self.live.evaluate();
                self.tell(&events);
            }
            Op::Advance(span) => {
                self.now += i64::from(*span);
                let events = self.live.advance(at(self.now));
                self.tell(&events);
            }
            Op::Toggle { own, rule } if *own || others => {
                let (pool, word) = if *own { (OWN, "Own") } else { (OTHER, "Other") };
                let rule = pool[usize::from(*rule)](&format!("{word}{rule}"));
                match self.live.rules().find(rule.name()) {
                    Some(held) => drop(self.live.remove(held).then_some(())),
                    None => drop(self.live.add(rule).expect("a rule")),
                }
            }
            Op::Switch { own, rule } if *own || others => {
                let word = if *own { "Own" } else { "Other" };
                let names = [format!("{word}{rule}"), format!("{word}{rule}").to_lowercase()];
                if let Some(held) = names.iter().find_map(|name| self.live.rules().find(name)) {
                    let enabled = self.live.rules().get(held).is_some_and(|rule| rule.is_enabled());
                    self.live.set_enabled(held, !enabled);
                }
            }
            Op::File(limit) if others => {
                let text = format!(
                    "groups: [{{name: g, interval: 10s, rules: [{{alert: F, expr: cpu > {limit}}}, {{record: f, expr: mem}}]}}]"
                );
                let loaded = self.live.rules().find("F").is_some();
                match (&self.file(), limit) {
                    (Some(file), 0) => assert!(self.live.unload(*file)),
                    (Some(file), _) => self.live.reload(*file, &text).expect("rules"),
                    (None, _) => drop(self.live.load("f.yml", &text).expect("rules")),
                }
                assert!(!loaded || self.live.rules().find("F").is_some() == (*limit > 0));
            }
            Op::Toggle { .. } | Op::Switch { .. } | Op::File(_) => {}
        }
    }

    fn file(&self) -> Option<FileHandle> {
        self.live.rules().find_file("f.yml")
    }
}

fn new() -> Live {
    let options = LiveOptions::new().stale_after(Millis(40_000)).idle_series(Millis(200_000));
    Live::with_options(options.history(Millis(60_000)))
}

/// Returns what happened to the own rules.
fn run(ops: &[Op], others: bool, unseen: Unseen) -> Vec<String> {
    let mut run = Run::new();
    for op in ops {
        if unseen == Unseen::Lazy && matches!(op, Op::Evaluate) {
            continue;
        }
        run.step(op, others);
        match unseen {
            // As after an evaluation, which does it.
            Unseen::Compact if run.live.batch.is_empty() && run.live.leaving.is_empty() => {
                run.live.rebind();
                run.live.compact();
            }
            Unseen::Restore => {
                let mut saved = Vec::new();
                run.live.save(&mut saved).expect("memory");
                let mut live = new();
                live.rules = run.live.rules.clone();
                live.restore(saved.as_slice()).expect("a save");
                run.live = live;
            }
            Unseen::Nothing | Unseen::Compact | Unseen::Lazy => {}
        }
    }
    let events = run.live.evaluate();
    run.tell(&events);
    run.told
}

/// Returns how many cases are tried.
fn cases(count: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig::with_cases(asked.unwrap_or(count))
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn other_rules_do_not_show(ops in ops()) {
        prop_assert_eq!(run(&ops, true, Unseen::Nothing), run(&ops, false, Unseen::Nothing));
    }

    /// Where the rules stay and no value comes twice for one time.
    #[test]
    fn how_often_rules_are_evaluated_does_not_show(ops in ops()) {
        let mut plain: Vec<Op> = (0..16).map(|rule| Op::Toggle { own: true, rule }).collect();
        for op in ops {
            match op {
                Op::Toggle { .. } | Op::Switch { .. } | Op::File(_) | Op::Evaluate => {}
                Op::Step(_) | Op::Advance(_) => plain.extend([Op::Evaluate, op]),
                op => plain.push(op),
            }
        }
        let eager = run(&plain, false, Unseen::Nothing);
        let mut lazy = run(&plain, false, Unseen::Lazy);
        // A rule that waits has its events later, and a run at once sorts them in.
        let mut sorted = eager;
        sorted.sort();
        lazy.sort();
        prop_assert_eq!(sorted, lazy);
    }

    #[test]
    fn a_new_store_does_not_show(ops in ops()) {
        prop_assert_eq!(run(&ops, true, Unseen::Compact), run(&ops, true, Unseen::Nothing));
    }

    #[test]
    fn a_new_process_does_not_show(ops in ops()) {
        prop_assert_eq!(run(&ops, true, Unseen::Restore), run(&ops, true, Unseen::Nothing));
    }
}
