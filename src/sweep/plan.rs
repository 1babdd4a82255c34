//! What is tried: the alert, its parameters, and the values of each.

use std::fmt;

use crate::diagnostic::nearest;
use crate::engine::RuleId;
use crate::limits;
use crate::outcome::{Kind, Selection};
use crate::promql::ast::Expr;
use crate::promql::parse::parse;
use crate::rules::{Group, Rule, RuleFile, RuleKind, RuleSet, called};
use crate::source::{FileSpan, Span};

use super::SweepError;
use super::ask::{Ask, Key, Value, Which, too_many};
use super::literal::{Literal, literals};

/// A place in a file as people write it: `node.yml:12:29`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

impl Place {
    /// Returns where a stretch of a file begins.
    pub(super) fn of(at: FileSpan, rules: &RuleSet) -> Self {
        let position = rules.sources.position(at);
        Self { file: rules.sources.file(at.file).name.clone(), line: position.line, column: position.column }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// A parameter and the values that are tried.
#[derive(Clone, Debug)]
pub struct Axis {
    /// What it is.
    pub key: Key,
    /// Its name, such as `for` or `threshold[2]`.
    pub name: String,
    /// The values, ascending, the rule's own among them.
    pub values: Vec<Value>,
    /// The place of the rule's own value.
    pub now: usize,
    /// The rule's own value as it is written.
    pub written: String,
    /// Where it stands; nowhere for `for` and `keep_firing_for`.
    pub places: Vec<Place>,
    /// Where it stands in the text of the expression.
    pub(super) spans: Vec<Span>,
}

/// One alert, and the values of its parameters.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The number of the rule.
    pub rule: RuleId,
    /// Its name.
    pub alert: String,
    /// The name of its group.
    pub group: String,
    /// The file and line of the rule.
    pub place: Place,
    /// The parameters, in the order they were asked for.
    pub axes: Vec<Axis>,
}

/// An alerting rule that may be meant.
#[derive(Clone, Copy)]
struct Candidate<'a> {
    id: RuleId,
    file: &'a RuleFile,
    group: &'a Group,
    rule: &'a Rule,
}

impl Plan {
    /// Finds what is asked for. `selection` narrows the rules down; without asks, it leaves one alert.
    ///
    /// # Errors
    /// When no rule or several are meant, a parameter is not there or ambiguous, or there are too many values.
    pub fn of(rules: &RuleSet, selection: &Selection, asks: &[Ask]) -> Result<Self, SweepError> {
        let candidates = candidates(rules, selection);
        let one = match asks.first() {
            None => the_only(&candidates, rules)?,
            Some(ask) => named(&ask.alert, &candidates, rules)?,
        };
        for ask in asks {
            let other = named(&ask.alert, &candidates, rules)?;
            if other.id != one.id {
                let [a, b] = [one, other].map(|one| one.rule.name.text.clone());
                let message = format!("--set names two alerts, {a} and {b}: values of one alert are tried at a time");
                return Err(SweepError::new(message).hint("run the command once for each alert"));
            }
        }
        if !one.rule.enabled {
            let place = Place::of(one.rule.at, rules);
            let message = format!("{} ({}:{}) is disabled in its file", one.rule.name.text, place.file, place.line);
            return Err(SweepError::new(message).hint("enable it: `enabled: true`"));
        }
        let found = literals(one.rule, rules);
        let mut axes: Vec<Axis> = Vec::new();
        for ask in asks {
            let axis = axis(ask, one, &found, rules)?;
            let overlaps = |other: &&Axis| {
                other.key == axis.key
                    && (!axis.key.is_literal() || axis.spans.iter().any(|span| other.spans.contains(span)))
            };
            if let Some(other) = axes.iter().find(overlaps) {
                let (name, other, alert) = (&axis.name, &other.name, &one.rule.name.text);
                let (message, hint) = match name == other {
                    true => (format!("--set gives `{name}` of {alert} twice"), "write all values into one list"),
                    false => (
                        format!("--set gives `{name}` and `{other}` of {alert}, which set the same literal"),
                        "name each literal by its place, or all of them together",
                    ),
                };
                return Err(SweepError::new(message).hint(hint));
            }
            axes.push(axis);
        }
        let asked: u128 = asks.iter().map(|ask| ask.values.len() as u128).product();
        if asked > limits::SWEEP_POINTS as u128 {
            return Err(SweepError::new(too_many(asked)));
        }
        Ok(Self {
            rule: one.id,
            alert: one.rule.name.text.clone(),
            group: one.group.name.text.clone(),
            place: Place::of(one.rule.at, rules),
            axes,
        })
    }

    /// Returns how many points the grid has.
    #[must_use]
    pub fn points(&self) -> usize {
        self.axes.iter().map(|axis| axis.values.len()).product()
    }

    /// Returns the places of the values of a point, by parameter; the last one changes first.
    #[must_use]
    pub fn point(&self, number: usize) -> Vec<usize> {
        let mut left = number;
        let mut point: Vec<usize> = Vec::with_capacity(self.axes.len());
        for axis in self.axes.iter().rev() {
            point.push(left % axis.values.len());
            left /= axis.values.len();
        }
        point.reverse();
        point
    }

    /// Returns the number of a point.
    #[must_use]
    pub fn number(&self, point: &[usize]) -> usize {
        self.axes.iter().zip(point).fold(0, |number, (axis, at)| number * axis.values.len() + at)
    }

    /// Returns the number of the point with the rule's own values.
    #[must_use]
    pub fn now(&self) -> usize {
        self.number(&self.axes.iter().map(|axis| axis.now).collect::<Vec<_>>())
    }

    /// Returns where the literals that are set stand in the text of the expression, ascending.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        let mut spans: Vec<Span> = self.axes.iter().flat_map(|axis| axis.spans.iter().copied()).collect();
        spans.sort_by_key(|span| span.start);
        spans
    }

    /// Returns the text of a rule's expression with the values of a point in it.
    #[must_use]
    pub fn edited(&self, rule: &Rule, point: &[usize]) -> String {
        let mut edits: Vec<(Span, String)> = Vec::new();
        for (axis, at) in self.axes.iter().zip(point).filter(|(axis, at)| axis.key.is_literal() && **at != axis.now) {
            edits.extend(axis.spans.iter().map(|span| (*span, axis.values[*at].to_string())));
        }
        edits.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
        let mut text = rule.text.text.clone();
        edits.iter().for_each(|(span, value)| text.replace_range(span.range(), value));
        text
    }

    /// Returns the rule's expression with the values of a point in it.
    ///
    /// # Errors
    /// When they make no expression of it.
    pub(super) fn expr(&self, rule: &Rule, point: &[usize]) -> Result<(String, Expr), SweepError> {
        let text = self.edited(rule, point);
        let parsed = parse(&text);
        match parsed.problems.first() {
            None => Ok((text, parsed.expr)),
            Some(problem) => Err(SweepError::new(format!("`{text}` cannot be evaluated: {}", problem.message))),
        }
    }
}

fn candidates<'a>(rules: &'a RuleSet, selection: &Selection) -> Vec<Candidate<'a>> {
    let groups = rules.groups().flat_map(|(file, group)| group.rules.iter().map(move |rule| (file, group, rule)));
    let all = (0..).map(RuleId).zip(groups).map(|(id, (file, group, rule))| Candidate { id, file, group, rule });
    let alerts = all.filter(|one| matches!(one.rule.kind, RuleKind::Alert { .. }));
    alerts.filter(|one| selection.takes_rule(Kind::Alert, &one.rule.name.text, &one.group.name.text)).collect()
}

/// Returns the alert that is meant where none is named.
fn the_only<'a>(candidates: &[Candidate<'a>], rules: &RuleSet) -> Result<Candidate<'a>, SweepError> {
    match candidates {
        [one] => Ok(*one),
        [] => Err(SweepError::new("no alerting rule is selected")),
        several => {
            let message =
                format!("--incidents judges one alert, and there are {}:{}", several.len(), listed(several, "", rules));
            Err(SweepError::new(message).hint("name one: --alert NAME, or --set NAME.for=5m,10m"))
        }
    }
}

/// Finds the alert of a name, as [`called`] reads it.
fn named<'a>(name: &str, candidates: &[Candidate<'a>], rules: &RuleSet) -> Result<Candidate<'a>, SweepError> {
    let of = |name: &str| -> Vec<Candidate<'a>> {
        let numbers = called(rules, name);
        candidates.iter().filter(|one| numbers.contains(&(one.id.0 as usize))).copied().collect()
    };
    match of(name).as_slice() {
        [one] => return Ok(*one),
        [] => {}
        several => {
            let message = format!("{} alerts are named `{name}`:{}", several.len(), listed(several, name, rules));
            return Err(SweepError::new(message).hint("write the name as it is listed above"));
        }
    }
    let (bare, place) = match name.rsplit_once('#') {
        Some((bare, place)) if place.parse::<usize>().is_ok_and(|place| place > 0) => (bare, Some(place)),
        _ => (name, None),
    };
    match (of(bare).as_slice(), place) {
        (several @ [_, ..], Some(place)) if called(rules, name).is_empty() => Err(SweepError::new(format!(
            "there is no `{bare}#{place}`, of that name there are {}:{}",
            several.len(),
            listed(several, bare, rules)
        ))),
        _ => Err(elsewhere(name, bare, rules).unwrap_or_else(|| no_such(bare, candidates))),
    }
}

/// Says where a name stands that is none of the alerts that may be meant; `bare` is without the place after it.
fn elsewhere(name: &str, bare: &str, rules: &RuleSet) -> Option<SweepError> {
    if !called(rules, name).is_empty() {
        let error = SweepError::new(format!("--set: --alert or --group leaves out `{name}`"));
        return Some(error.hint("leave them out: --set names the alert"));
    }
    let name = bare;
    let all = candidates(rules, &Selection::default());
    let (_, bare) = name.rsplit_once('/').unwrap_or(("", name));
    let twins: Vec<Candidate<'_>> = all.into_iter().filter(|one| one.rule.name.text == bare).collect();
    if let [one, ..] = twins.as_slice() {
        let group = &one.group.name.text;
        return Some(
            SweepError::new(format!("--set: there is no alert `{name}`")).hint(format!("`{group}/{bare}` is one")),
        );
    }
    let record = |rule: &&Rule| matches!(rule.kind, RuleKind::Record) && rule.name.text == name;
    let rule = rules.rules().map(|(_, rule)| rule).find(record)?;
    let at = Place::of(rule.at, rules);
    let error = SweepError::new(format!("--set: `{name}` is a recording rule ({}:{}), not an alert", at.file, at.line));
    Some(error.hint(EDIT))
}

/// What to do where another rule than the alert would have to be changed.
const EDIT: &str =
    "values of an alert can be set; change the recording rule in a copy, and see: alertctl diff OLD NEW DATA";

fn no_such(name: &str, candidates: &[Candidate<'_>]) -> SweepError {
    let names: Vec<&str> = candidates.iter().map(|one| one.rule.name.text.as_str()).collect();
    let error = SweepError::new(format!("--set: there is no alert `{name}`"));
    match nearest(name, names.iter().copied()).as_slice() {
        [] if names.is_empty() => error,
        [] => {
            let mut shown: Vec<&str> = names.clone();
            shown.dedup();
            let more = shown.len().saturating_sub(10);
            shown.truncate(10);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            error.hint(format!("the alerts are {}{more}", shown.join(", ")))
        }
        near => error.hint(format!(
            "did you mean {}?",
            near.iter().map(|near| format!("`{near}`")).collect::<Vec<_>>().join(" or ")
        )),
    }
}

/// Lists alerts, each with its place and a name that means no other, with the group where `asked` has it.
fn listed(found: &[Candidate<'_>], asked: &str, rules: &RuleSet) -> String {
    const MOST: usize = 20;
    let mut lines = String::new();
    for one in found.iter().take(MOST) {
        let (name, group) = (&one.rule.name.text, &one.group.name.text);
        let in_group = format!("{group}/{name}");
        let [twins, of_group] = [name, &in_group].map(|name| called(rules, name));
        let place = |twins: &[usize]| twins.iter().take_while(|twin| **twin != one.id.0 as usize).count() + 1;
        let shown = match (twins.len(), of_group.len()) {
            (1, _) => name.clone(),
            (_, 1) => in_group,
            _ if asked == in_group => format!("{in_group}#{}", place(&of_group)),
            _ => format!("{name}#{}", place(&twins)),
        };
        let at = Place::of(one.rule.at, rules);
        lines.push_str(&format!("\n  {shown}  {}:{}", rules.file_name(one.file), at.line));
    }
    if found.len() > MOST {
        lines.push_str(&format!("\n  and {} more", found.len() - MOST));
    }
    lines
}

/// Makes a parameter of what is asked for.
fn axis(ask: &Ask, one: Candidate<'_>, found: &[Literal], rules: &RuleSet) -> Result<Axis, SweepError> {
    let rule = one.rule;
    let RuleKind::Alert { hold, keep_firing, .. } = &rule.kind else {
        return Err(SweepError::new(format!("{} is no alerting rule", rule.name.text)));
    };
    let pace = |value, name: &str| (name.to_owned(), Value::Span(value), value.to_string(), Vec::new(), Vec::new());
    let (name, now, written, places, spans) = match ask.key {
        Key::Hold => pace(*hold, "for"),
        Key::Keep if rule.condition.is_some() => {
            let message = format!("{} has no `keep_firing_for`: alertctl's own form does not have it", rule.name.text);
            return Err(SweepError::new(message));
        }
        Key::Keep => pace(*keep_firing, "keep_firing_for"),
        Key::Threshold | Key::Number | Key::Window => {
            let (name, chosen) = chosen(ask, rule, found, rules)?;
            let first = chosen[0];
            let places = chosen.iter().map(|one| one.place.clone()).collect();
            let spans = chosen.iter().flat_map(|one| one.spans.iter().copied()).collect();
            (name, first.value, first.text.clone(), places, spans)
        }
    };
    let mut values = ask.values.clone();
    let at = values.partition_point(|value| value.order(&now).is_lt());
    if values.get(at) != Some(&now) {
        values.insert(at, now);
    }
    Ok(Axis { key: ask.key, name, values, now: at, written, places, spans })
}

/// Returns the literals that are meant, and the name of the parameter.
fn chosen<'l>(
    ask: &Ask,
    rule: &Rule,
    found: &'l [Literal],
    rules: &RuleSet,
) -> Result<(String, Vec<&'l Literal>), SweepError> {
    let word = ask.key.word();
    let all: Vec<&Literal> = found.iter().filter(|one| one.key == ask.key).collect();
    // What the native form adds of its own is no parameter.
    let of_key: Vec<&Literal> = all.iter().copied().filter(|one| one.is_written).collect();
    let at = Place::of(rule.at, rules);
    let alert = format!("{} ({}:{})", rule.name.text, at.file, at.line);
    let refused = |message: String| SweepError::new(format!("{message}{}", all_of(found, &[ask.key])));
    let equals = rule.condition.as_ref().is_some_and(|condition| condition.contains(", equals: "));
    if ask.key == Key::Threshold && equals {
        let message = format!("{alert} compares with `equals`, which is no threshold of its expression");
        return Err(SweepError::new(message)
            .hint("only `above`, `below`, `between`, `outside` and `rate_of_change` have thresholds"));
    }
    let what = match ask.key {
        Key::Threshold if found.iter().any(|one| one.key == Key::Number) => "no comparison with a plain number",
        Key::Threshold => "no comparison with a number",
        Key::Number => "no number that is not a threshold",
        _ => "no window that is written out",
    };
    let (name, chosen) = match ask.which {
        _ if of_key.is_empty() && !all.is_empty() => {
            let message =
                format!("{alert}: `{word}` is not written in its file as the expression has it, `{}`", all[0].text);
            return Err(SweepError::new(message).hint("write it in the file as a plain decimal number"));
        }
        _ if of_key.is_empty() => {
            let others = all_of(found, &[Key::Threshold, Key::Number, Key::Window]);
            let others = if others.is_empty() { others } else { format!("; what can be set is{others}") };
            let error = SweepError::new(format!("{alert} has {what}, so there is no `{word}` to set{others}"));
            let read = recorded(ask.key, rule, rules);
            if read.is_empty() {
                return Err(error);
            }
            let message = format!("{}\n  of recording rules that it reads:{read}", error.message);
            return Err(SweepError::new(message).hint(EDIT));
        }
        Which::Only if of_key.len() > 1 => {
            let message = format!("{alert} has {} literals that `{word}` may mean", of_key.len());
            let alike = of_key.iter().all(|one| one.value == of_key[0].value);
            let all = if alike { format!(", or `{word}[*]` to set all of them together") } else { String::new() };
            return Err(refused(message).hint(format!("write `{word}[1]` for the first{all}")));
        }
        Which::At(at) if at > of_key.len() => {
            return Err(refused(format!("{alert} has no `{word}[{at}]`")));
        }
        Which::At(at) if of_key.len() > 1 => (format!("{word}[{at}]"), vec![of_key[at - 1]]),
        Which::Only | Which::At(_) => (word.to_owned(), vec![of_key[0]]),
        Which::All => {
            if of_key.iter().any(|one| one.value != of_key[0].value) {
                return Err(refused(format!("{alert}: `{word}[*]` sets all together, and they differ")));
            }
            (format!("{word}[*]"), of_key)
        }
    };
    Ok((name, chosen))
}

/// Lists the literals of a kind in the recording rules that a rule reads.
fn recorded(key: Key, rule: &Rule, rules: &RuleSet) -> String {
    let mut lines = String::new();
    let mut seen: Vec<&Rule> = Vec::new();
    let mut open = vec![rule];
    while let Some(reader) = open.pop() {
        let selectors = reader.expr.selectors();
        let reads = |name: &str| selectors.iter().any(|found| found.selector.metric() == Some(name));
        let writes = |one: &&Rule| matches!(one.kind, RuleKind::Record) && reads(&one.name.text);
        for writer in rules.rules().map(|(_, rule)| rule).filter(writes) {
            if seen.iter().any(|known| std::ptr::eq(*known, writer)) {
                continue;
            }
            seen.push(writer);
            open.push(writer);
            for one in literals(writer, rules).iter().filter(|one| one.key == key && one.is_written) {
                lines.push_str(&format!("\n  {}  {}  {}  {}", key.word(), one.text, one.place, writer.name.text));
            }
        }
    }
    lines
}

/// Lists what may be set in an expression, of some kinds.
fn all_of(found: &[Literal], keys: &[Key]) -> String {
    let mut lines = String::new();
    for key in keys.iter().copied() {
        let of_key: Vec<&Literal> = found.iter().filter(|one| one.key == key && one.is_written).collect();
        for (at, one) in of_key.iter().enumerate() {
            let place = if of_key.len() > 1 { format!("[{}]", at + 1) } else { String::new() };
            lines.push_str(&format!("\n  {}{place}  {}  {}", key.word(), one.text, one.place));
        }
    }
    lines
}
