//! Metrics of the recording that recording rules write as well: rules see what is computed, and not what was recorded.

use std::collections::BTreeMap;

use crate::diagnostic::{Severity, codes};
use crate::engine::{Agreement, Difference, RuleId};
use crate::format::{count, counted, value};
use crate::promql::query::SampleValue;

use super::notes::named;
use super::reasons::Known;
use super::{Finding, Needs, NoSource, RuleFacts};

/// The most notes, one more aside that counts the rest.
const SHOWN: usize = 10;

/// A metric of the recording that recording rules write as well.
#[derive(Clone, Debug, PartialEq)]
pub struct HiddenMetric {
    /// How the recorded series compare with the computed ones.
    pub agreement: Agreement,
    /// The rules that write it, in order.
    pub writers: Vec<WriterFacts>,
    /// What its rules lack, where none of them had a result for that.
    pub no_source: Option<NoSource>,
}

/// A rule that writes a metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriterFacts {
    /// Its number in the run.
    pub id: RuleId,
    /// The place of its group in [`super::Outcome::groups`].
    pub group: usize,
    /// The file it stands in.
    pub file: String,
    /// The line it begins on, from 1.
    pub line: u32,
}

/// Looks at what is hidden; `rules` are all that were evaluated, by number.
pub(super) fn hidden(agreements: Vec<Agreement>, rules: &[RuleFacts], known: &Known<'_>) -> Vec<HiddenMetric> {
    let writer = |id: &RuleId| {
        let RuleFacts { group, file, line, .. } = rules.get(id.0 as usize)?;
        Some(WriterFacts { id: *id, group: *group, file: file.clone(), line: *line })
    };
    let one = |agreement: Agreement| HiddenMetric {
        writers: agreement.rules.iter().filter_map(writer).collect(),
        no_source: if agreement.computed_series == 0 { known.no_source(&agreement.metric) } else { None },
        agreement,
    };
    agreements.into_iter().map(one).collect()
}

impl HiddenMetric {
    /// Returns whether rules see at every point what was recorded there.
    #[must_use]
    pub fn agrees(&self) -> bool {
        let Agreement { compared, agreed, gaps, recorded_only, .. } = self.agreement;
        compared > 0 && agreed == compared && gaps == 0 && recorded_only == 0
    }

    /// Says why nothing was computed.
    fn nothing(&self) -> String {
        match &self.no_source {
            Some(NoSource { needs: Needs::Result, .. }) | None => "the expression never had a result".to_owned(),
            Some(source) if source.rule == self.agreement.metric => format!("nothing, because it {}", source.needs),
            Some(NoSource { rule, file, line, needs, .. }) => {
                format!("nothing, because the rule of `{rule}` ({file}:{line}) {needs}")
            }
        }
    }

    /// Says how the computed values differ from the recorded ones.
    fn differs(&self) -> String {
        let Agreement { series, compared, agreed, gaps, recorded_only, first, examples, .. } = &self.agreement;
        let mut parts = Vec::new();
        if let Some(Difference { at, labels, recorded, computed }) = first {
            let which = if labels.len() > 1 { format!(" {}", labels.without_metric()) } else { String::new() };
            let (different, of) = (count(compared - agreed), counted(*compared, "point"));
            let [recorded, computed] = values(recorded, computed);
            parts.push(format!(
                "it differs at {different} of {of}, first at {at}{which}: recorded {recorded}, computed {computed}"
            ));
        } else if *compared > 0 {
            parts.push(format!("it agrees at {}", counted(*compared, "point")));
        }
        if *gaps > 0 {
            parts.push(format!("at {} there is a recorded value and no computed one", counted(*gaps, "point")));
        }
        if let (Some((recorded, _)), 1..) = (&examples.recorded, *recorded_only) {
            let computed = examples.computed.as_ref().filter(|_| self.agreement.computed_only > 0);
            let computed = computed.map(|labels| format!(" (computed: {})", labels.without_metric()));
            parts.push(format!(
                "{} of {} recorded series {} not computed, such as {}{}",
                count(*recorded_only),
                count(*series),
                if *recorded_only == 1 { "is" } else { "are" },
                recorded.without_metric(),
                computed.unwrap_or_default()
            ));
        } else if *compared == 0 {
            parts.push("the two never have a value at the same time".to_owned());
        }
        parts.join("; ")
    }
}

/// Writes two values that differ, so that they do so in writing.
fn values(a: &SampleValue, b: &SampleValue) -> [String; 2] {
    let (SampleValue::Float(a), SampleValue::Float(b)) = (a, b) else { return [a.to_string(), b.to_string()] };
    let (a, b) = (*a, *b);
    let short = [value(a), value(b)];
    if short[0] == short[1] { [a, b].map(|exact| format!("{exact:?}")) } else { short }
}

/// What is said of several metrics in one line.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// Nothing was computed, for a reason.
    Nothing(String),
    /// What was computed differs from what was recorded; by the number of the metric.
    Differs(usize),
    /// All that was recorded was computed, too.
    Agrees,
}

/// Returns a note for each metric, those with one reason or without a difference together; the worst first.
pub(super) fn notes(hidden: &[HiddenMetric]) -> Vec<Finding> {
    let mut classes: BTreeMap<Class, Vec<&HiddenMetric>> = BTreeMap::new();
    for (at, one) in hidden.iter().enumerate() {
        let class = match one.agreement.computed_series {
            0 => Class::Nothing(one.nothing()),
            _ if one.agrees() => Class::Agrees,
            _ => Class::Differs(at),
        };
        classes.entry(class).or_default().push(one);
    }
    let (quiet, loud): (Vec<_>, Vec<_>) = classes.iter().partition(|(class, _)| **class == Class::Agrees);
    let left_out: u64 = loud.iter().skip(SHOWN).map(|(_, metrics)| metrics.len() as u64).sum();
    let mut notes: Vec<Finding> = loud.into_iter().take(SHOWN).map(note).collect();
    if left_out > 0 {
        let message = format!("and {} more: -o json", counted(left_out, "hidden metric"));
        notes.push(finding(Severity::Warning, message, None));
    }
    notes.extend(quiet.into_iter().map(note));
    notes
}

fn note((class, metrics): (&Class, &Vec<&HiddenMetric>)) -> Finding {
    let names = named(metrics.iter().map(|one| format!("`{}`", one.agreement.metric)));
    let (is, its) = if metrics.len() == 1 { ("is", "it") } else { ("are", "each") };
    let writers = || metrics.iter().flat_map(|one| &one.writers);
    let by = named(writers().map(|writer| format!("{}:{}", writer.file, writer.line)));
    let (compute, out) = match writers().count() {
        1 => ("computes", "leave out that rule to use the recorded values"),
        _ => ("compute", "leave out those rules to use the recorded values"),
    };
    let message = match class {
        Class::Nothing(why) => {
            let recorded: u64 = metrics.iter().map(|one| one.agreement.series).sum();
            let last = metrics.first().and_then(|one| one.agreement.examples.recorded.as_ref());
            let last = last.filter(|_| metrics.len() == 1).map(|(_, last)| format!(", last value {}", value(*last)));
            let (recorded, last) = (count(recorded), last.unwrap_or_default());
            let why = why.replacen("because it ", &format!("because {its} "), 1);
            format!(
                "{names} {is} in the recording ({recorded} series{last}), but rules see what {by} {compute}: {why}; {out}"
            )
        }
        Class::Differs(_) => {
            let why: Vec<String> = metrics.iter().map(|one| one.differs()).collect();
            format!("{names} {is} in the recording, but rules see what {by} {compute}: {}; {out}", why.join("; "))
        }
        Class::Agrees => {
            let compared: u64 = metrics.iter().map(|one| one.agreement.compared).sum();
            let agrees = if metrics.len() == 1 { "it agrees" } else { "they agree" };
            let points = counted(compared, "point");
            format!("{names} {is} in the recording, but rules see what {by} {compute}: {agrees} at all {points}")
        }
    };
    let severity = if *class == Class::Agrees { Severity::Info } else { Severity::Warning };
    finding(severity, message, writers().next())
}

fn finding(severity: Severity, message: String, at: Option<&WriterFacts>) -> Finding {
    let place = at.map(|writer| (writer.file.clone(), writer.line, 1));
    Finding { code: codes::HIDDEN_SERIES, severity, message, place }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Examples;
    use crate::labels::LabelSet;
    use crate::time::Timestamp;

    /// A metric with one recorded and one computed series that agree at all of 1,204 points.
    fn metric(name: &str, line: u32) -> HiddenMetric {
        let agreement = Agreement {
            metric: name.to_owned(),
            rules: vec![RuleId(line)],
            series: 1,
            samples: 1204,
            computed_series: 1,
            recorded_only: 0,
            computed_only: 0,
            compared: 1204,
            agreed: 1204,
            gaps: 0,
            first: None,
            examples: Examples {
                recorded: Some((LabelSet::new([("__name__", name), ("job", "a")]), 9.0)),
                computed: None,
            },
        };
        let writers = vec![WriterFacts { id: RuleId(line), group: 0, file: "team.yml".to_owned(), line }];
        HiddenMetric { agreement, writers, no_source: None }
    }

    fn check(metrics: &[HiddenMetric], expected: &[&str]) {
        let told: Vec<String> =
            notes(metrics).iter().map(|note| format!("{}: {}", note.severity.word(), note.message)).collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn what_agrees_is_told_together_and_quietly() {
        check(
            &[metric("m", 4)],
            &["info: `m` is in the recording, but rules see what team.yml:4 computes: it agrees at all 1,204 points"],
        );
        let five: Vec<HiddenMetric> = (1..6).map(|line| metric(&format!("m{line}"), line)).collect();
        check(
            &five,
            &["info: `m1`, `m2`, `m3` and 2 more are in the recording, but rules see what team.yml:1, team.yml:2, \
               team.yml:3 and 2 more compute: they agree at all 6,020 points"],
        );
    }

    #[test]
    fn what_differs_is_told_with_its_first_point() {
        let mut one = metric("m", 4);
        let labels = LabelSet::new([("__name__", "m"), ("job", "a")]);
        one.agreement.first = Some(Difference { at: Timestamp(0), labels, recorded: 9.0.into(), computed: 4.5.into() });
        one.agreement.agreed = 1167;
        let head = "warning: `m` is in the recording, but rules see what team.yml:4 computes: ";
        let out = "; leave out that rule to use the recorded values";
        let differs = "it differs at 37 of 1,204 points, first at 1970-01-01T00:00:00Z {job=\"a\"}: ";
        check(&[one.clone()], &[&format!("{head}{differs}recorded 9, computed 4.5{out}")]);
        if let Some(first) = &mut one.agreement.first {
            (first.recorded, first.computed) = (1.0.into(), 1.000_01.into());
        }
        check(&[one], &[&format!("{head}{differs}recorded 1.0, computed 1.00001{out}")]);
        let mut gaps = metric("m", 4);
        (gaps.agreement.gaps, gaps.agreement.series, gaps.agreement.recorded_only) = (1, 3, 2);
        let why = "it agrees at 1,204 points; at 1 point there is a recorded value and no computed one; \
                   2 of 3 recorded series are not computed, such as {job=\"a\"}";
        check(&[gaps], &[&format!("{head}{why}{out}")]);
    }

    #[test]
    fn equal_causes_are_told_once_and_many_are_counted() {
        let nothing = |line: u32| {
            let mut one = metric(&format!("m{line:02}"), line);
            (one.agreement.computed_series, one.agreement.recorded_only, one.agreement.compared) = (0, 1, 0);
            one
        };
        check(
            &[nothing(1)],
            &["warning: `m01` is in the recording (1 series, last value 9), but rules see what team.yml:1 computes: \
               the expression never had a result; leave out that rule to use the recorded values"],
        );
        assert_eq!(notes(&(0..40).map(nothing).collect::<Vec<_>>()).len(), 1);
        let gap = |line: u32| {
            let mut one = metric(&format!("m{line:02}"), line);
            one.agreement.gaps = 1;
            one
        };
        let mut many: Vec<HiddenMetric> = (0..13).map(gap).collect();
        many.push(metric("agrees", 20));
        let told = notes(&many);
        assert_eq!(told.len(), 12);
        assert_eq!(told[10].message, "and 3 hidden metrics more: -o json");
        assert!(told[11].message.starts_with("`agrees` is"));
    }
}
