//! Which rules of one set are which of another one: for all that compares two sets of rules.

use std::collections::{BTreeMap, BTreeSet};

use crate::promql::parse::parse;

/// What a rule is known by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known<'a> {
    /// The file.
    pub file: &'a str,
    /// The group.
    pub group: &'a str,
    /// The alert, or the metric that is recorded.
    pub name: &'a str,
    /// Whether it records a series.
    pub records: bool,
    /// Its labels with their templates, sorted.
    pub labels: &'a [(String, String)],
    /// Its expression, as it prints.
    pub expr: &'a str,
}

/// How alike two expressions must be to be taken for one that was edited: the share of their words that both have.
const ALIKE: f64 = 0.6;
/// The most comparisons of expressions; beyond, rules that have neither name nor expression in common stay apart.
const MOST: usize = 1_000_000;

/// Finds for each rule of `now` the one of `base` that it was, each at most once.
///
/// Rules are paired by name and labels, then by name, then by equal expressions, then by those that are most alike;
/// where there is a choice, by how much else is the same: the expression, the file, the group, the order. An alert is
/// never paired with a recording rule.
///
/// Cost: O((n + m) log (n + m)); of those that have neither name nor expression in common, O(n m) words.
#[must_use]
pub fn pair(base: &[Known<'_>], now: &[Known<'_>]) -> Vec<Option<usize>> {
    let mut pairs = Pairs { base_of: vec![None; now.len()], free: (0..base.len()).collect() };
    pairs.by(base, now, |rule| (rule.records, rule.name, rule.labels, ""));
    pairs.by(base, now, |rule| (rule.records, rule.name, &[], ""));
    pairs.by(base, now, |rule| (rule.records, "", &[], rule.expr));
    pairs.by_likeness(base, now);
    pairs.base_of
}

struct Pairs {
    /// By rule now.
    base_of: Vec<Option<usize>>,
    /// The rules of the base that are not paired yet.
    free: BTreeSet<usize>,
}

type Key<'a> = (bool, &'a str, &'a [(String, String)], &'a str);

impl Pairs {
    fn open(&self) -> Vec<usize> {
        (0..self.base_of.len()).filter(|at| self.base_of[*at].is_none()).collect()
    }

    fn take(&mut self, now: usize, base: usize) {
        self.free.remove(&base);
        self.base_of[now] = Some(base);
    }

    /// Pairs those with one key; of several, those that have most in common first.
    fn by<'a>(&mut self, base: &[Known<'a>], now: &[Known<'a>], key: impl Fn(&Known<'a>) -> Key<'a>) {
        let mut candidates: BTreeMap<Key<'a>, Vec<usize>> = BTreeMap::new();
        for at in &self.free {
            candidates.entry(key(&base[*at])).or_default().push(*at);
        }
        let open = self.open();
        // What is the same in all is paired before what is the same in less.
        for level in (0..LEVELS).rev() {
            for at in open.iter().copied() {
                let rule = &now[at];
                let Some(candidates) = candidates.get_mut(&key(rule)).filter(|_| self.base_of[at].is_none()) else {
                    continue;
                };
                if let Some(found) = candidates.iter().position(|before| in_common(&base[*before], rule) == level) {
                    let before = candidates.remove(found);
                    self.take(at, before);
                }
            }
        }
    }

    /// Pairs what is left by how alike the expressions are, the most alike first.
    fn by_likeness(&mut self, base: &[Known<'_>], now: &[Known<'_>]) {
        let open = self.open();
        if open.len().saturating_mul(self.free.len()) > MOST {
            return;
        }
        let before: Vec<(usize, Vec<&str>)> = self.free.iter().map(|at| (*at, words(base[*at].expr))).collect();
        let mut alike: Vec<(f64, u8, usize, usize)> = Vec::new();
        for at in open {
            let own = words(now[at].expr);
            let metrics_now = metrics(now[at].expr);
            for (was, words) in before.iter().filter(|(was, _)| base[*was].records == now[at].records) {
                // Rules about other things are other rules, however alike they are written.
                if metrics_now.is_disjoint(&metrics(base[*was].expr)) {
                    continue;
                }
                // Of one that is short, each number counts for much: where it stands decides.
                let same = is_there(&base[*was], &now[at]) && shape(now[at].expr) == shape(base[*was].expr);
                let share = in_both(&own, words).max(if same { ALIKE } else { 0.0 });
                if share >= ALIKE {
                    alike.push((share, in_common(&base[*was], &now[at]), at, *was));
                }
            }
        }
        alike.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)).then((a.2, a.3).cmp(&(b.2, b.3))));
        for (.., at, was) in alike {
            if self.base_of[at].is_none() && self.free.contains(&was) {
                self.take(at, was);
            }
        }
    }
}

const LEVELS: u8 = 8;

/// Returns how much two rules have in common besides what they are paired by, below [`LEVELS`]: the expression before
/// the place.
fn in_common(a: &Known<'_>, b: &Known<'_>) -> u8 {
    u8::from(a.expr == b.expr) * 4 + u8::from(a.file == b.file) * 2 + u8::from(a.group == b.group)
}

/// Returns the metrics that an expression names.
fn metrics(expr: &str) -> BTreeSet<String> {
    let parsed = parse(expr).expr;
    parsed.selectors().into_iter().filter_map(|one| one.selector.metric().map(str::to_owned)).collect()
}

/// Returns the words of an expression, sorted: names, numbers and texts.
fn words(expr: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = expr;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '.');
        let end = if is_word(first) { rest.find(|c| !is_word(c)).unwrap_or(rest.len()) } else { first.len_utf8() };
        let (word, after) = rest.split_at(end);
        if is_word(first) {
            words.push(word);
        }
        rest = after;
    }
    words.sort_unstable();
    words
}

/// Returns whether two rules stand in one group and have the same labels.
fn is_there(a: &Known<'_>, b: &Known<'_>) -> bool {
    (a.file, a.group, a.labels) == (b.file, b.group, b.labels)
}

/// Returns an expression without its numbers.
fn shape(expr: &str) -> String {
    let mut out = String::with_capacity(expr.len());
    let (mut is_number, mut before) = (false, ' ');
    for c in expr.chars() {
        let in_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '.');
        is_number = in_word(c) && (is_number || c.is_ascii_digit() && !in_word(before));
        if !is_number {
            out.push(c);
        }
        before = c;
    }
    out
}

/// Returns the share of the words that both have, of sorted words.
fn in_both(a: &[&str], b: &[&str]) -> f64 {
    let (mut at, mut other, mut both) = (0, 0, 0);
    while let (Some(x), Some(y)) = (a.get(at), b.get(other)) {
        both += usize::from(x == y);
        at += usize::from(x <= y);
        other += usize::from(y <= x);
    }
    2.0 * both as f64 / (a.len() + b.len()).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks pairs of rules written `file/group/name: expr`; `*` before the name is a recording rule.
    fn check(base: &[&str], now: &[&str], expected: &[Option<usize>]) {
        let known = |text: &&'static str| {
            let (place, expr) = text.split_once(": ").expect("a colon");
            let parts: Vec<&'static str> = place.split('/').collect();
            let records = parts[2].starts_with('*');
            Known { file: parts[0], group: parts[1], name: parts[2], records, labels: &[], expr }
        };
        let own = |texts: &[&str]| texts.iter().map(|text| &*String::leak((*text).to_owned())).collect::<Vec<_>>();
        let (base, now) = (own(base), own(now));
        let (base, now): (Vec<_>, Vec<_>) = (base.iter().map(known).collect(), now.iter().map(known).collect());
        assert_eq!(pair(&base, &now), expected);
    }

    #[test]
    fn rules_keep_their_names_wherever_they_stand() {
        check(&["f/g/A: a", "f/g/B: b"], &["f/g/B: b", "f/h/A: a[6h]"], &[Some(1), Some(0)]);
        // Of one name, those of one place or with one expression belong together.
        check(&["f/g/A: a", "f/h/A: b"], &["f/h/A: c", "f/g/A: d"], &[Some(1), Some(0)]);
        check(&["f/g/A: a", "f/g/A: b"], &["f/g/A: b", "f/g/A: c"], &[Some(1), Some(0)]);
        check(&["f/g/A: a"], &["f/g/A: a", "f/g/A: a"], &[Some(0), None]);
        // The one that is as it was is that one, not the first of the name.
        check(&["f/g/A: a"], &["f/g/A: a + b", "f/g/A: a"], &[None, Some(0)]);
    }

    #[test]
    fn labels_tell_rules_of_one_name_apart() {
        let labels = |value: &str| vec![("severity".to_owned(), value.to_owned())];
        let (page, warn) = (labels("page"), labels("warn"));
        let of = |labels, expr| Known { name: "Full", labels, expr, ..Known::default() };
        let base = [of(&page, "free < 1"), of(&warn, "free < 5")];
        assert_eq!(pair(&base, &[of(&warn, "free < 9"), of(&page, "free < 2")]), [Some(1), Some(0)]);
        let changed = labels("critical");
        assert_eq!(pair(&base, &[of(&changed, "free < 1")]), [Some(0)]);
    }

    #[test]
    fn renamed_rules_are_found_by_their_expressions() {
        check(&["f/g/A: rate(x[5m]) > 1"], &["f/h/New: rate(x[5m]) > 1"], &[Some(0)]);
        check(&["f/g/A: rate(x[5m]) > 1", "f/g/B: up == 0"], &["f/g/New: rate(x[6h]) > 1"], &[Some(0)]);
        check(&["f/g/A: rate(x[5m]) > 1"], &["f/g/New: absent(up)"], &[None]);
        check(&["f/g/A: rate(x[5m]) > 1"], &["f/g/New: rate(y[5m]) > 1"], &[None]);
        check(&["f/g/A: a > 1"], &["f/g/*New: a > 1"], &[None]);
        // Of a short expression only the number differs.
        check(&["f/g/A: m > 3"], &["f/g/New: m > 4"], &[Some(0)]);
        check(&["f/g/A: m2 > 3"], &["f/g/New: m > 4"], &[None]);
        check(&["f/g/A: m > 3"], &["f/g/New: m < 4"], &[None]);
        check(&["f/g/A: m > 3"], &["f/h/New: m > 4"], &[None]);
        // The more alike takes it.
        check(
            &["f/g/A: sum by (job) (rate(x[5m])) > 1"],
            &["f/g/N: sum by (pod) (rate(x[2m])) > 7", "f/g/M: sum by (job) (rate(x[9m])) > 1"],
            &[None, Some(0)],
        );
    }
}
