//! Rules that changed at random, compared as `--against-rules` compares: nobody else may be blamed.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::format::counted;
use crate::profile::campaign::Campaign;
use crate::profile::clock::Timer;
use crate::profile::compare::{Comparison, RuleRef};
use crate::profile::gate::Verdict;
use crate::profile::machine;
use crate::profile::mutate::{Change, Mutant, mutate};
use crate::profile::sample::Measurement;

use super::super::super::Failure;
use super::super::super::ui::Steps;
use super::super::args::ProfileArgs;
use super::super::compared::Bench;
use super::super::subject::Ruleset;
use super::tally::row;

/// The most rules that change in a pair, and the share of all that do at most.
const MOST: usize = 10;
/// Of how many rules one may change.
const ONE_IN: usize = 10;
/// What the ids of figures begin with whose growth makes a rule dearer.
const COSTS: [&str; 2] = ["rule.samples", "rule.series"];
/// The most faults that are shown.
const SHOWN: usize = 10;

/// What came of the pairs.
pub(super) struct Unequal {
    rules: Ruleset,
    recordings: Vec<String>,
    /// The most rules that change in a pair.
    most: usize,
    /// Why no rule can be changed, where none can.
    barred: Option<String>,
    pairs: u64,
    found: Found,
}

/// What was found in all pairs.
#[derive(Debug, Default)]
struct Found {
    /// Rules that cost what they did, and how many of them were named.
    calm: u64,
    blamed: u64,
    /// Rules that became dearer, and how many of them were named.
    dearer: u64,
    named: u64,
    /// How many of them each metric named.
    by_metric: BTreeMap<String, u64>,
    faults: Vec<String>,
}

impl Unequal {
    /// Prepares comparisons of a rule set of so many rules.
    pub(super) fn of(rules: Ruleset, recordings: Vec<String>, count: usize) -> Self {
        let most = (count / ONE_IN).clamp(1, MOST);
        let barred = mutate(&rules.texts, 1, 0).err();
        Self { rules, recordings, most, barred, pairs: 0, found: Found::default() }
    }

    /// Changes the rules, and compares them with what they were.
    pub(super) fn pair(&mut self, args: &ProfileArgs, campaign: &mut Campaign<'_>) -> Result<(), Failure> {
        if self.barred.is_some() {
            return Ok(());
        }
        let seed = campaign.dice.roll();
        let mutant = mutate(&self.rules.texts, 1 + campaign.dice.below(self.most), seed).map_err(Failure::new)?;
        let now = Ruleset { texts: mutant.texts.clone(), ..self.rules.clone() };
        let mut bench = Bench::of_rules(args, self.rules.clone(), now, &self.recordings)?;
        let machine = machine::describe(Timer::probe());
        let measured = bench.measure(args, campaign, &machine, None, &Steps::new(false))?;
        let compared = measured.compare(args, &bench, campaign, None)?;
        if let (Some(base), Some(comparison)) = (&measured.base, &compared.comparison) {
            self.found.add(&mutant, base, &measured.now, comparison, seed);
        }
        self.pairs += 1;
        Ok(())
    }

    /// Returns whether nobody was blamed and nobody missed.
    pub(super) fn is_good(&self) -> bool {
        self.found.blamed == 0 && self.found.named == self.found.dearer
    }

    /// Writes what was found.
    pub(super) fn told(&self) -> String {
        let found = &self.found;
        if let Some(barred) = &self.barred {
            return format!("\nOther rules: not tried ({barred})\n");
        }
        let mut text = format!(
            "\nOther rules: {}, at most {} changed in each.\n",
            counted(self.pairs, "pair"),
            counted(self.most as u64, "rule")
        );
        row(&mut text, "rules that cost the same", &[format!("{} of {} named", found.blamed, found.calm)]);
        row(&mut text, "rules that cost more", &[format!("{} of {} named", found.named, found.dearer)]);
        for (id, named) in &found.by_metric {
            row(&mut text, &format!("  {id}"), &[format!("{named} of {} named", found.dearer)]);
        }
        text.push_str("Expected: none of those that cost the same, all of those that cost more.\n");
        found.faults.iter().take(SHOWN).for_each(|fault| {
            let _ = writeln!(text, "{fault}");
        });
        if let Some(more @ 1..) = found.faults.len().checked_sub(SHOWN) {
            let _ = writeln!(text, "and {more} more");
        }
        text
    }
}

impl Found {
    /// Adds a pair. Which rule is which is known from what was done to them, not from how they were compared.
    fn add(&mut self, mutant: &Mutant, base: &Measurement, now: &Measurement, comparison: &Comparison, seed: u64) {
        let mut naming: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        for metric in comparison.metrics.iter().filter(|metric| metric.decision.verdict == Verdict::Regression) {
            let is = |rule: &RuleRef| now.rules.iter().position(|one| RuleRef::of(one) == *rule);
            if let Some(rule) = metric.rule.as_ref().and_then(is) {
                naming.entry(rule).or_default().push(&metric.id);
            }
        }
        for (at, was) in mutant.was.iter().enumerate().filter(|(at, _)| *at < now.rules.len()) {
            let by = naming.get(&at).map_or(&[][..], Vec::as_slice);
            let mut fault = |what: &str| {
                let (name, changes) = (&now.rules[at].name, changes(mutant));
                self.faults.push(format!("seed {seed}: {name} {what} [{}] after {changes}", by.join(", ")));
            };
            if !mutant.affected.contains(&at) {
                self.calm += 1;
                if !by.is_empty() {
                    self.blamed += 1;
                    fault("costs the same and was named by");
                }
            } else if was.is_some_and(|was| is_dearer((base, was), (now, at))) {
                self.dearer += 1;
                self.named += u64::from(!by.is_empty());
                by.iter().for_each(|id| *self.by_metric.entry((*id).to_owned()).or_default() += 1);
                if by.is_empty() {
                    fault("costs more and was not named");
                }
            }
        }
    }
}

/// Says what was done to the rules, once what was done to all of a group.
fn changes(mutant: &Mutant) -> String {
    let mut told: Vec<(&Change, u64)> = Vec::new();
    for change in &mutant.changes {
        match told.iter_mut().find(|(first, _)| (first.what, &first.how) == (change.what, &change.how)) {
            Some((_, times)) => *times += 1,
            None => told.push((change, 1)),
        }
    }
    let one = |(change, times): &(&Change, u64)| match times {
        1 => change.to_string(),
        _ => format!("{}: {}", counted(*times, "rule"), change.how),
    };
    told.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// Returns whether an exact cost of a rule grew.
fn is_dearer((base, was): (&Measurement, usize), (now, is): (&Measurement, usize)) -> bool {
    let exact = |measurement: &Measurement, rule| {
        let of_rule = measurement.sessions.iter().flat_map(|session| &session.metrics);
        let costs = of_rule.filter(move |metric| metric.rule == Some(rule) && metric.kind.is_exact());
        let costs = costs.filter(|metric| COSTS.iter().any(|cost| metric.id.starts_with(cost)));
        costs.map(|metric| (metric.id.clone(), metric.pooled.p10)).collect::<BTreeMap<String, f64>>()
    };
    let before = exact(base, was);
    exact(now, is).iter().any(|(id, cost)| before.get(id).is_some_and(|before| cost > before))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::compare::{Settings, compare};
    use crate::profile::gate::{Evidence, Limits};
    use crate::profile::mutate::What;
    use crate::profile::testing::{measurement_of, rule, samples, session};

    /// Compares two rules, of which the first got another window, and counts what was found.
    fn found(costs: [[f64; 2]; 2], affected: &[usize], window: &str, rules_only: bool) -> Found {
        let side = |window: &str, [first, second]: [f64; 2]| {
            let mut rules = vec![rule("A", &format!("avg_over_time(a[{window}]) > 1")), rule("B", "b > 1")];
            rules[1].line += 1;
            measurement_of(rules, vec![session(vec![samples(0, first), samples(1, second)])])
        };
        let (base, now) = (side("5m", costs[0]), side(window, costs[1]));
        let settings =
            Settings { evidence: Evidence::Interleaved, limits: Limits::default(), rules_only, slowed: true };
        let comparison = compare(&base, &now, &settings).expect("comparable");
        let mutant = Mutant {
            was: vec![Some(0), Some(1)],
            changes: vec![Change {
                what: What::Window,
                rule: "A".to_owned(),
                was: Some(0),
                is: Some(0),
                how: "window".to_owned(),
            }],
            affected: affected.iter().copied().collect(),
            ..Mutant::default()
        };
        let mut found = Found::default();
        found.add(&mutant, &base, &now, &comparison, 7);
        found
    }

    #[test]
    fn who_is_named_and_who_should_be_is_counted() {
        let check = |found: &Found, expected: [u64; 4], fault: Option<&str>| {
            assert_eq!([found.blamed, found.calm, found.named, found.dearer], expected, "{found:?}");
            assert_eq!(found.faults.first().map(String::as_str), fault);
        };
        check(&found([[10.0, 5.0], [60.0, 5.0]], &[0], "30m", true), [0, 1, 1, 1], None);
        check(&found([[10.0, 5.0], [8.0, 5.0]], &[0], "4m", true), [0, 1, 0, 0], None);
        check(
            &found([[10.0, 5.0], [60.0, 6.0]], &[0], "30m", false),
            [1, 1, 1, 1],
            Some("seed 7: B costs the same and was named by [rule.samples_per_s] after A: window"),
        );
        assert_eq!(found([[10.0, 5.0], [60.0, 5.0]], &[0], "30m", true).by_metric["rule.samples_per_s"], 1);
    }
}
