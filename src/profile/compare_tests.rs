use super::*;
use crate::profile::sample::Session;
use crate::profile::testing::{measurement, measurement_of, rule, samples, session, time};
use crate::rules::changes::sentence;

fn settings() -> Settings {
    Settings { evidence: Evidence::Saved, limits: Limits::default(), rules_only: false, slowed: true }
}

/// Returns one line a metric and a rule.
fn lines(base: &Measurement, now: &Measurement) -> String {
    let comparison = compare(base, now, &settings()).expect("comparable");
    let mut text = String::new();
    for metric in &comparison.metrics {
        let rule = metric.rule.as_ref().map_or("-", |rule| &rule.name);
        let ratio = metric.decision.ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
        let Decision { verdict, note, .. } = &metric.decision;
        text += format!("{} {rule} {ratio} {} {note}", metric.id, verdict.word()).trim_end();
        text.push('\n');
    }
    for change in &comparison.rules {
        text += format!("{} {} {}", change.verdict.word(), change.rule.name, sentence(&change.causes)).trim_end();
        text.push('\n');
    }
    text
}

#[test]
fn the_same_measurement_is_no_regression() {
    insta::assert_snapshot!(lines(&measurement(), &measurement()), @r##"
    cond.above.ns - 1.00 ok
    latency.p50 - 1.00 ok
    rule.samples_per_s HighCpu 1.00 ok
    rule.samples_per_s DiskFull 1.00 ok
    "##);
}

#[test]
fn other_data_or_another_plan_is_refused_with_what_differs() {
    let check = |change: &dyn Fn(&mut Measurement), expected: &str| {
        let mut now = measurement();
        change(&mut now);
        let found = compare(&measurement(), &now, &settings()).expect_err("not comparable");
        assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "), expected);
    };
    let other = "the baseline was saved from another recording, or one that was read with other flags";
    check(&|now| now.inputs.data_sha256 = "d2".to_owned(), other);
    let rounds = "the baseline was measured with 3 batches per process, this run with 20";
    check(&|now| now.plan.rounds = 20, rounds);
    let build = "the baseline was saved by a release build, this is a debug build";
    check(&|now| now.tool.opt = "debug".to_owned(), build);
    // How a release was optimised is what a comparison of two programs may be about.
    let mut small = measurement();
    small.tool.opt = "release, opt-level z".to_owned();
    assert_eq!(differences(&measurement(), &small), []);
}

#[test]
fn another_machine_makes_times_advisory_and_nothing_else() {
    let mut now = measurement_of(
        measurement().rules,
        vec![session(vec![time("latency.p50", [700.0; 5]), samples(0, 241.0), samples(1, 10.0)])],
    );
    now.machine.fingerprint = "m2".to_owned();
    insta::assert_snapshot!(lines(&measurement(), &now), @r##"
        latency.p50 - 1.25 advisory another machine; would be: regression
        rule.samples_per_s HighCpu 1.00 regression
        rule.samples_per_s DiskFull 1.00 ok
        cond.above.ns - - gone
        "##);
}

#[test]
fn a_machine_that_slowed_down_is_tolerated_by_as_much() {
    let check = |calibration: f64, times: f64, expected: &str| {
        let mut now = measurement();
        for session in &mut now.sessions {
            session.calibration.values_mut().for_each(|loop_| loop_.p10 *= calibration);
            for metric in session.metrics.iter_mut().filter(|metric| !metric.kind.is_exact()) {
                metric.per_process.p10.iter_mut().for_each(|ns| *ns *= times);
                metric.pooled.p10 *= times;
            }
        }
        let text = lines(&measurement(), &now);
        assert_eq!(text.lines().nth(1), Some(expected), "{text}");
    };
    check(1.038, 1.0, "latency.p50 - 1.00 ok");
    check(1.038, 1.038, "latency.p50 - 1.04 ok");
    check(
        1.038,
        1.09,
        "latency.p50 - 1.09 inconclusive the machine changed: its calibration loop is 3.8 % slower: 1.05x to 1.09x",
    );
    check(1.038, 1.9, "latency.p50 - 1.90 regression");
    check(0.966, 1.9, "latency.p50 - 1.90 regression");
    check(
        1.6,
        2.0,
        "latency.p50 - 2.00 inconclusive the machine changed: its calibration loop is 60 % slower: too much to compare times",
    );
}

#[test]
fn sides_in_turns_had_one_machine_whatever_its_loops_say() {
    let mut now = measurement();
    for session in &mut now.sessions {
        session.calibration.values_mut().for_each(|loop_| loop_.p10 *= 1.04);
    }
    let in_turns = Settings { evidence: Evidence::Interleaved, ..settings() };
    let comparison = compare(&measurement(), &now, &in_turns).expect("comparable");
    assert!(comparison.metrics.iter().all(|metric| metric.decision.verdict == Verdict::Ok), "{comparison:?}");
}

/// Returns a session at so many times the pace of the one of [`measurement`].
fn at_pace(factor: f64) -> Session {
    let mut session = session(vec![time("latency.p50", [560.0; 5].map(|ns| ns * factor)), samples(0, 240.0)]);
    session.calibration.values_mut().for_each(|loop_| loop_.p10 *= factor);
    session
}

#[test]
fn sessions_are_compared_with_those_at_the_same_speed() {
    let check = |base: &[f64], now: &[f64], slower: f64, expected: (Verdict, usize)| {
        let of = |paces: &[f64]| measurement_of(measurement().rules, paces.iter().map(|pace| at_pace(*pace)).collect());
        let mut now = of(now);
        for metric in now.sessions.iter_mut().flat_map(|session| &mut session.metrics).filter(|it| !it.kind.is_exact())
        {
            metric.per_process.p10.iter_mut().for_each(|ns| *ns *= slower);
            metric.pooled.p10 *= slower;
        }
        let comparison = compare(&of(base), &now, &settings()).expect("comparable");
        assert_eq!((comparison.metrics[0].decision.verdict, comparison.open().len()), expected, "{comparison:?}");
        // What is exact is compared at any speed.
        assert_eq!(comparison.metrics[1].decision.verdict, Verdict::Ok);
    };
    // A baseline whose sessions saw the clock wander, and a run at the speed of one of them.
    check(&[1.0, 1.1, 1.2], &[1.2], 1.0, (Verdict::Ok, 0));
    check(&[1.0, 1.1, 1.2], &[1.2], 1.1, (Verdict::Regression, 0));
    // A run that found the speed of the baseline in its second session.
    check(&[1.0, 1.01], &[1.9, 1.0], 1.0, (Verdict::Ok, 0));
    // None at its speed: it is measured again.
    check(&[1.0, 1.1], &[1.9], 1.0, (Verdict::Inconclusive, 1));
    check(&[1.0, 1.1], &[1.4], 1.0, (Verdict::Inconclusive, 1));
    check(&[1.0, 1.01], &[1.4], 2.0, (Verdict::Regression, 0));
}

#[test]
fn another_build_is_tolerated_more_where_times_are_tiny() {
    let check = |tiny: f64, expected: &str| {
        let metrics = vec![time("cond.above.ns", [tiny; 5]), time("latency.p50", [616.0; 5])];
        let mut now = measurement_of(measurement().rules, vec![session(metrics)]);
        now.tool.binary_sha256 = "b2".to_owned();
        let text = lines(&measurement(), &now);
        assert!(text.starts_with(&format!("cond.above.ns - {expected}\nlatency.p50 - 1.10 regression\n")), "{text}");
    };
    check(14.4, "1.21 ok");
    check(15.5, "1.31 regression");
    check(30.0, "2.61 regression");
}

#[test]
fn other_iterations_make_a_metric_incompatible() {
    let mut now = measurement();
    now.plan.iters.insert("cond.above.ns".to_owned(), 2_000);
    let text = lines(&measurement(), &now);
    assert!(
        text.starts_with("cond.above.ns - - incompatible 3000 operations per batch in the baseline, 2000 now"),
        "{text}"
    );
}

#[test]
fn rules_are_paired_and_their_changes_named() {
    let base = measurement_of(
        vec![
            rule("HighCpu", r#"avg_over_time(cpu{job="db"}[1h]) > 0.9"#),
            rule("DiskFull", r#"disk_free{job="db"} < 4e+10"#),
            rule("Old", "x"),
            rule("Slow", "sum(rate(y[5m]))"),
            rule("Same", "z > 1"),
        ],
        vec![session(vec![samples(0, 240.0), samples(1, 10.0), samples(2, 1.0), samples(3, 20.0), samples(4, 7.0)])],
    );
    let now = measurement_of(
        vec![
            rule("Same", "(z) > 1"),
            rule("HighCpu", r#"avg_over_time(cpu{job="db"}[6h]) > 0.9"#),
            rule("DiskFull", "disk_free < 4e+10"),
            rule("Slow", "max(rate(y[5m]))"),
            rule("Fresh", "w"),
        ],
        vec![session(vec![
            samples(0, 7.0),
            samples(1, 1440.0),
            samples(2, 40.0),
            time("rule.ns", [500.0; 5]).of_rule(2),
            samples(3, 20.0),
            samples(4, 3.0),
        ])],
    );
    insta::assert_snapshot!(lines(&base, &now), @r##"
    rule.samples_per_s Same 1.00 ok
    rule.samples_per_s HighCpu 6.00 regression window grew from [1h] to [6h]
    rule.samples_per_s DiskFull 4.00 regression label matcher job="db" of disk_free removed
    rule.ns DiskFull - new
    rule.samples_per_s Slow 1.00 changed aggregation sum became max
    rule.samples_per_s Fresh - new
    rule.samples_per_s Old - gone
    changed HighCpu window grew from [1h] to [6h]
    changed DiskFull label matcher job="db" of disk_free removed
    changed Slow aggregation sum became max
    new Fresh
    gone Old
    "##);
}

#[test]
fn what_reads_a_rule_that_changed_is_named_with_that_cause() {
    let rules = |window: &str| {
        vec![
            rule("a:rate", &format!("rate(a[{window}])")),
            rule("b:max", "max_over_time(a:rate[10m])"),
            rule("Hot", "b:max > 5"),
            rule("Calm", "a:rate > 1e9"),
        ]
    };
    let base = measurement_of(
        rules("1h"),
        vec![session(vec![samples(0, 60.0), samples(1, 10.0), samples(2, 1.0), samples(3, 1.0)])],
    );
    let now = measurement_of(
        rules("6h"),
        vec![session(vec![
            samples(0, 360.0),
            samples(1, 20.0),
            samples(2, 2.0),
            samples(3, 1.0),
            time("rule.ns", [500.0; 5]).of_rule(2),
        ])],
    );
    insta::assert_snapshot!(lines(&base, &now), @r##"
    rule.samples_per_s a:rate 6.00 regression window grew from [1h] to [6h]
    rule.samples_per_s b:max 2.00 regression reads `a:rate`, which changed (window grew from [1h] to [6h])
    rule.samples_per_s Hot 2.00 regression reads `b:max`, which reads `a:rate`, which changed (window grew from [1h] to [6h])
    rule.samples_per_s Calm 1.00 ok
    rule.ns Hot - new
    changed a:rate window grew from [1h] to [6h]
    "##);
}

#[test]
fn what_all_rules_cost_together_is_gated_whether_they_differ_or_not() {
    let side = |id: &str, expr: &str, ns: f64| {
        measurement_of(vec![rule("A", expr)], vec![session(vec![time(id, [ns; 5]), samples(0, 5.0)])])
    };
    let check = |id: &str, expr: &str, expected: &str| {
        assert!(lines(&side(id, "x > 1", 500.0), &side(id, expr, 900.0)).starts_with(expected));
    };
    check("run.ns_per_s", "x > 1", "run.ns_per_s - 1.80 regression");
    check("run.ns_per_s", "x > 2", "run.ns_per_s - 1.80 regression");
    // As many allocations cannot be asked of other rules.
    check("run.allocs", "x > 1", "run.allocs - 1.80 regression");
    check("run.allocs", "x > 2", "run.allocs - 1.80 changed the rules differ");
}

#[test]
fn a_suspect_must_be_confirmed() {
    let now = measurement_of(measurement().rules, vec![session(vec![time("latency.p50", [700.0; 5])])]);
    let first = compare(&measurement(), &now, &settings()).expect("comparable");
    assert_eq!(first.suspects().len(), 1);
    let verdict = |fresh: &Comparison| {
        let mut joined = first.clone();
        joined.confirm(fresh);
        joined.metrics[0].decision.verdict
    };
    assert_eq!(verdict(&first), Verdict::Regression);
    assert_eq!(verdict(&Comparison::default()), Verdict::Inconclusive);
    let calm = compare(&measurement(), &measurement(), &settings()).expect("comparable");
    assert_eq!(verdict(&calm), Verdict::Inconclusive);
}

#[test]
fn the_same_program_is_not_slower_than_itself() {
    let mut now = measurement_of(measurement().rules, vec![session(vec![time("latency.p50", [1_200.0; 5])])]);
    let verdict = |now: &Measurement, slowed: bool| {
        let settings = Settings { slowed, ..settings() };
        let comparison = compare(&measurement(), now, &settings).expect("comparable");
        let decision = comparison.metrics[0].decision.clone();
        (decision.verdict, decision.note)
    };
    let same = "the program is the same: it is the machine that differs".to_owned();
    assert_eq!(verdict(&now, false), (Verdict::Inconclusive, same));
    // Other rules may well take longer in it.
    let run =
        |expr: &str, ns: f64| measurement_of(vec![rule("A", expr)], vec![session(vec![time("run.ns_per_s", [ns; 5])])]);
    let comparison = compare(&run("x", 500.0), &run("rate(x[5m])", 900.0), &Settings { slowed: false, ..settings() });
    assert_eq!(comparison.expect("comparable").metrics[0].decision.verdict, Verdict::Regression);
    // One that is made slower on purpose is another one.
    assert_eq!(verdict(&now, true).0, Verdict::Regression);
    now.tool.binary_sha256 = "b2".to_owned();
    assert_eq!(verdict(&now, false).0, Verdict::Regression);
}

#[test]
fn a_rate_of_few_batches_is_not_judged_by_a_saved_one() {
    let rate = |per_s: f64, batches: usize| {
        let processes = vec![vec![per_s; batches]; 5];
        Metric::of_batches("rate", "events/s", Better::Higher, Kind::Rate, &processes).expect("there are batches")
    };
    let check = |batches, expected| {
        let of = |per_s| measurement_of(Vec::new(), vec![session(vec![rate(per_s, batches)])]);
        let comparison = compare(&of(1e5), &of(5e4), &settings()).expect("comparable");
        assert_eq!(comparison.metrics[0].decision.verdict, expected, "{batches}");
    };
    check(3, Verdict::Inconclusive);
    check(20, Verdict::Regression);
}
