//! What became of the episodes of one alert: which of two runs are one, and how they differ in time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::engine::Episode;
use crate::time::{Millis, Timestamp};

/// How episodes of one label set differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// It fired before, and does not any more.
    OnlyBefore,
    /// It fires, and did not before.
    OnlyAfter,
    /// What fired once fires several times.
    Split,
    /// What fired several times fires once.
    Merged,
    /// It fires earlier.
    Earlier,
    /// It fires later.
    Later,
    /// It fires for longer.
    Longer,
    /// It fires for a shorter time.
    Shorter,
    /// It has other labels.
    Relabeled,
    /// It fires at the same times, or on neither side; when it was pending differs.
    Pending,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::OnlyBefore,
        Self::OnlyAfter,
        Self::Split,
        Self::Merged,
        Self::Earlier,
        Self::Later,
        Self::Longer,
        Self::Shorter,
        Self::Relabeled,
        Self::Pending,
    ];

    /// Returns the word that machine formats use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::OnlyBefore => "only_before",
            Self::OnlyAfter => "only_after",
            Self::Split => "split",
            Self::Merged => "merged",
            Self::Earlier => "earlier",
            Self::Later => "later",
            Self::Longer => "longer",
            Self::Shorter => "shorter",
            Self::Relabeled => "relabeled",
            Self::Pending => "pending",
        }
    }
}

/// One episode, as far as it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Its place in the outcome.
    pub at: usize,
    /// The number of its label set: of episodes that are compared with each other, equal where the labels are.
    pub set: usize,
    pub active: Timestamp,
    pub fired: Option<Timestamp>,
    /// When it became inactive; one that is open at the end has none.
    pub ended: Option<Timestamp>,
    /// The last step that was evaluated.
    pub last: Timestamp,
}

impl Stretch {
    pub(super) fn of(at: usize, set: usize, episode: &Episode, last: Timestamp) -> Self {
        let activity = &episode.activity;
        Self { at, set, active: activity.active_at, fired: activity.fired_at, ended: episode.ended_at, last }
    }

    fn until(&self) -> Timestamp {
        self.ended.unwrap_or(self.last).max(self.active)
    }

    /// Returns when it resolved, where it fired.
    fn resolved(&self) -> Option<Timestamp> {
        self.fired.and(self.ended)
    }

    fn firing(&self) -> Millis {
        self.fired.map_or(Millis::ZERO, |fired| self.until().since(fired))
    }

    /// Returns when it was active, without the end; one that is open at the end was at the last step, too.
    fn active_span(&self) -> (Timestamp, Timestamp) {
        let end = self.ended.unwrap_or(self.last.plus(Millis(1)));
        (self.active, end.max(self.active.plus(Millis(1))))
    }

    /// Returns when it fired, without the end.
    fn firing_span(&self) -> (Timestamp, Timestamp) {
        let from = self.fired.unwrap_or(self.active);
        (from, self.active_span().1.max(from.plus(Millis(1))))
    }

    /// Returns whether the times that a report gives are the same but for shifts of so much.
    fn is_like(&self, other: &Self, tolerance: Millis) -> bool {
        let near = |a: Option<Timestamp>, b: Option<Timestamp>| match (a, b) {
            (Some(a), Some(b)) => a.since(b).0.abs() <= tolerance.0,
            (None, None) => true,
            _ => false,
        };
        near(Some(self.active), Some(other.active))
            && near(self.fired, other.fired)
            && near(self.resolved(), other.resolved())
    }
}

/// Episodes of one label set that are not the same on both sides: the places of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Met {
    pub kinds: Vec<Kind>,
    pub before: Vec<usize>,
    pub after: Vec<usize>,
    /// How much later it fires first, where it fires on both sides.
    pub later: Option<Millis>,
}

/// Episodes of both sides that belong together, each in the order of time.
type Group = (Vec<Stretch>, Vec<Stretch>);

/// Compares the episodes of an alert, whose labels may be set otherwise on the other side. Those that are the same are
/// left out; of the others, those are taken together that fire at one time, then those that fire with those that are only
/// pending, then those that never fire. Shifts up to the tolerance do not count.
///
/// Cost: n log n, and the pairs of episodes that overlap: of one label set on each side, as many as there are episodes.
pub(super) fn compare(before: &[Stretch], after: &[Stretch], tolerance: Millis) -> Vec<Met> {
    let (mut before, mut after) = (before.to_vec(), after.to_vec());
    for side in [&mut before, &mut after] {
        side.sort_by_key(|one| (one.active, one.fired, one.set));
    }
    let mut found: Vec<(Timestamp, Met)> = Vec::new();
    let mut say = |(before, after): &Group, met: Met| {
        let first = before.iter().chain(after).map(|one| one.active).min().unwrap_or_default();
        found.push((first, met));
    };
    // First those at the same times, with the same labels before other ones; then those that are nearly.
    for labels in [true, false] {
        let equal = equal(&mut before, &mut after, labels);
        pairs(&equal, Millis::ZERO).into_iter().flatten().for_each(|(group, met)| say(&group, met));
    }
    if tolerance > Millis::ZERO {
        let whole = groups(&before, &after, Millis::ZERO, Stretch::active_span);
        (before, after) = Group::default();
        for group in whole {
            match pairs(&group, tolerance) {
                Some(pairs) => pairs.into_iter().for_each(|(group, met)| say(&group, met)),
                None => {
                    before.extend(group.0);
                    after.extend(group.1);
                }
            }
        }
    }
    let fires = |side: &[Stretch]| -> Group { side.iter().copied().partition(|one| one.fired.is_some()) };
    let ((fired, pending), (fired_now, pending_now)) = (fires(&before), fires(&after));
    let mut tell = |group: &Group| match pairs(group, tolerance) {
        Some(pairs) => pairs.into_iter().for_each(|(group, met)| say(&group, met)),
        None => say(group, met(&group.0, &group.1, tolerance)),
    };
    let (mut lost, mut new) = (Vec::new(), Vec::new());
    for group in groups(&fired, &fired_now, tolerance, Stretch::firing_span) {
        match (group.0.is_empty(), group.1.is_empty()) {
            (false, false) => tell(&group),
            _ => {
                lost.extend(group.0);
                new.extend(group.1);
            }
        }
    }
    let (mut left, mut left_now) = (Vec::new(), Vec::new());
    for group in groups(&lost, &pending_now, tolerance, Stretch::active_span) {
        if group.0.is_empty() { left_now.extend(group.1) } else { tell(&group) }
    }
    for group in groups(&pending, &new, tolerance, Stretch::active_span) {
        if group.1.is_empty() { left.extend(group.0) } else { tell(&group) }
    }
    groups(&left, &left_now, tolerance, Stretch::active_span).iter().for_each(tell);
    found.sort_by_key(|(first, _)| *first);
    found.into_iter().map(|(_, met)| met).collect()
}

/// Takes away what has the same times on both sides, and the same labels if those count.
fn equal(before: &mut Vec<Stretch>, after: &mut Vec<Stretch>, labels: bool) -> Group {
    let key = |one: &Stretch| (labels.then_some(one.set), one.active, one.fired, one.resolved());
    let mut others: BTreeMap<_, VecDeque<Stretch>> = BTreeMap::new();
    after.iter().for_each(|one| others.entry(key(one)).or_default().push_back(*one));
    let mut equal = Group::default();
    before.retain(|one| {
        let Some(other) = others.get_mut(&key(one)).and_then(VecDeque::pop_front) else { return true };
        equal.0.push(*one);
        equal.1.push(other);
        false
    });
    let taken: BTreeSet<usize> = equal.1.iter().map(|one| one.at).collect();
    after.retain(|one| !taken.contains(&one.at));
    equal
}

/// Pairs the episodes of a group where they are as many on both sides and alike one by one; what is left to say of them
/// is that the labels of some are others.
fn pairs((before, after): &Group, tolerance: Millis) -> Option<Vec<(Group, Met)>> {
    let alike =
        before.len() == after.len() && before.iter().zip(after).all(|(one, other)| one.is_like(other, tolerance));
    let relabeled = |(one, other): (&Stretch, &Stretch)| {
        let met = Met { kinds: vec![Kind::Relabeled], before: vec![one.at], after: vec![other.at], later: None };
        (one.set != other.set).then(|| ((vec![*one], vec![*other]), met))
    };
    alike.then(|| before.iter().zip(after).filter_map(relabeled).collect())
}

/// Puts together the episodes of both sides whose spans have a time in common, or would have but for a shift of less than
/// the tolerance, and those that only another one connects. One that meets none is a group of its own.
fn groups(
    before: &[Stretch],
    after: &[Stretch],
    tolerance: Millis,
    span: impl Fn(&Stretch) -> (Timestamp, Timestamp),
) -> Vec<Group> {
    let all: Vec<(bool, &Stretch)> =
        before.iter().map(|one| (false, one)).chain(after.iter().map(|one| (true, one))).collect();
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|at| (span(all[*at].1).0, *at));
    let mut leader: Vec<usize> = (0..all.len()).collect();
    // By side: those that have begun and not ended.
    let mut open: [Vec<usize>; 2] = Default::default();
    for at in &order {
        let (is_after, one) = all[*at];
        let (from, _) = span(one);
        let others = &mut open[usize::from(!is_after)];
        others.retain(|other| span(all[*other].1).1.plus(tolerance) > from);
        for other in others.iter() {
            let (a, b) = (led(&mut leader, *at), led(&mut leader, *other));
            leader[a.max(b)] = a.min(b);
        }
        open[usize::from(is_after)].push(*at);
    }
    let mut places: BTreeMap<usize, usize> = BTreeMap::new();
    let mut found: Vec<Group> = Vec::new();
    for at in order {
        let place = *places.entry(led(&mut leader, at)).or_insert(found.len());
        if place == found.len() {
            found.push(Group::default());
        }
        let (is_after, one) = all[at];
        let side = if is_after { &mut found[place].1 } else { &mut found[place].0 };
        side.push(*one);
    }
    found
}

/// Returns the one that a group is known by, and shortens the way to it.
fn led(leader: &mut [usize], mut at: usize) -> usize {
    while leader[at] != at {
        leader[at] = leader[leader[at]];
        at = leader[at];
    }
    at
}

/// Says how episodes that meet differ.
fn met(before: &[Stretch], after: &[Stretch], tolerance: Millis) -> Met {
    let fired = |side: &[Stretch]| side.iter().filter_map(|one| Some((one.fired?, one.firing()))).collect::<Vec<_>>();
    let (was, is) = (fired(before), fired(after));
    let mut kinds = Vec::new();
    let mut later = None;
    match (was.as_slice(), is.as_slice()) {
        ([], []) => kinds.push(Kind::Pending),
        (_, []) => kinds.push(Kind::OnlyBefore),
        ([], _) => kinds.push(Kind::OnlyAfter),
        ([(first, _), ..], [(first_now, _), ..]) => {
            let by = first_now.since(*first);
            later = Some(by);
            let firing = |all: &[(Timestamp, Millis)]| all.iter().map(|(_, firing)| firing.0).sum::<i64>();
            let longer = firing(&is) - firing(&was);
            let differs = [
                (Kind::Split, is.len() > was.len()),
                (Kind::Merged, is.len() < was.len()),
                (Kind::Earlier, by.0 < -tolerance.0),
                (Kind::Later, by.0 > tolerance.0),
                (Kind::Longer, longer > tolerance.0),
                (Kind::Shorter, longer < -tolerance.0),
            ];
            kinds.extend(differs.into_iter().filter(|(_, differs)| *differs).map(|(kind, _)| kind));
        }
    }
    if kinds.is_empty() {
        // They begin together and last as long in all; one of several may differ all the same.
        let differs = was.iter().zip(&is).find_map(|((start, firing), (start_now, firing_now))| {
            match (start_now.since(*start).0, firing_now.0 - firing.0) {
                (by, _) if by.abs() > tolerance.0 => Some(if by < 0 { Kind::Earlier } else { Kind::Later }),
                (_, by) if by.abs() > tolerance.0 => Some(if by < 0 { Kind::Shorter } else { Kind::Longer }),
                _ => None,
            }
        });
        kinds.push(differs.unwrap_or(Kind::Pending));
    }
    let sets = |side: &[Stretch]| side.iter().map(|one| one.set).collect::<BTreeSet<_>>();
    if !before.is_empty() && !after.is_empty() && sets(before) != sets(after) {
        kinds.push(Kind::Relabeled);
    }
    let places = |side: &[Stretch]| side.iter().map(|one| one.at).collect();
    Met { kinds, before: places(before), after: places(after), later }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads episodes `active-end` or `active/fired-end`, in minutes; `-` without an end is open, one in brackets only
    /// pending. The last step is 100.
    fn stretches(text: &str) -> Vec<Stretch> {
        let minute = |text: &str| Timestamp(text.parse::<i64>().expect("a minute") * 60_000);
        let one = |(at, text): (usize, &str)| {
            let pending = text.starts_with('(');
            let (start, end) = text.trim_matches(['(', ')']).split_once('-').expect("a dash");
            let (active, fired) = start.split_once('/').unwrap_or((start, start));
            Stretch {
                at,
                set: 0,
                active: minute(active),
                fired: (!pending).then(|| minute(fired)),
                ended: (!end.is_empty()).then(|| minute(end)),
                last: minute("100"),
            }
        };
        text.split_whitespace().enumerate().map(one).collect()
    }

    /// Checks what is found, as `places > places: kinds`; and that the other way round it is the mirror image.
    fn check(before: &str, after: &str, tolerance: i64, expected: &[&str]) {
        let (before, after) = (stretches(before), stretches(after));
        let tolerance = Millis(tolerance * 60_000);
        let found = compare(&before, &after, tolerance);
        let line = |met: &Met| {
            let places = |all: &[usize]| all.iter().map(ToString::to_string).collect::<Vec<_>>().join("+");
            let kinds: Vec<&str> = met.kinds.iter().map(|kind| kind.word()).collect();
            format!("{} > {}: {}", places(&met.before), places(&met.after), kinds.join(" "))
        };
        assert_eq!(found.iter().map(line).collect::<Vec<_>>(), expected);
        let mirrored = |met: Met| Met {
            kinds: sorted(met.kinds.into_iter().map(mirror).collect()),
            before: met.after,
            after: met.before,
            later: met.later.map(|later| Millis(-later.0)),
        };
        let mut back: Vec<Met> = compare(&after, &before, tolerance).into_iter().map(mirrored).collect();
        let mut found: Vec<Met> =
            found.into_iter().map(|met| Met { kinds: sorted(met.kinds.clone()), ..met }).collect();
        for side in [&mut back, &mut found] {
            side.sort_by_key(|met| (met.before.clone(), met.after.clone()));
        }
        assert_eq!(back, found);
    }

    fn sorted(mut kinds: Vec<Kind>) -> Vec<Kind> {
        kinds.sort_unstable();
        kinds
    }

    fn mirror(kind: Kind) -> Kind {
        match kind {
            Kind::OnlyBefore => Kind::OnlyAfter,
            Kind::OnlyAfter => Kind::OnlyBefore,
            Kind::Split => Kind::Merged,
            Kind::Merged => Kind::Split,
            Kind::Earlier => Kind::Later,
            Kind::Later => Kind::Earlier,
            Kind::Longer => Kind::Shorter,
            Kind::Shorter => Kind::Longer,
            kind => kind,
        }
    }

    #[test]
    fn equal_episodes_are_no_difference() {
        check("", "", 0, &[]);
        check("1-5 7/9-12 20-", "1-5 7/9-12 20-", 0, &[]);
        check("(1-5)", "(1-7)", 0, &[]);
    }

    #[test]
    fn episodes_that_meet_are_compared() {
        check("1/3-9", "1/5-9", 0, &["0 > 0: later shorter"]);
        check("3-9", "1-9", 0, &["0 > 0: earlier longer"]);
        check("1-9", "1-12", 0, &["0 > 0: longer"]);
        check("1-5", "3-7", 0, &["0 > 0: later"]);
        check("1-9", "2-5 6-9", 0, &["0 > 0+1: split later shorter"]);
        check("1-3 5-9", "1-9", 0, &["0+1 > 0: merged longer"]);
        check("1-3", "2-4", 0, &["0 > 0: later"]);
        check("2/3-9", "1/3-9", 0, &["0 > 0: pending"]);
        check("1-3 3-5 7-9", "1-4 5-8", 0, &["0+1 > 0: merged shorter", "2 > 1: earlier longer"]);
        check("1-3 4-8 9-12", "1-3 5-9 10-13", 0, &["1 > 1: later", "2 > 2: later"]);
        check("1-4 8-20 21-22", "3-9 19-24", 0, &["0+1+2 > 0+1: merged later shorter"]);
    }

    #[test]
    fn what_fires_on_one_side_only_is_lost_or_new() {
        check("1-5 10-20", "10-20", 0, &["0 > : only_before"]);
        check("", "10-20", 0, &[" > 0: only_after"]);
        check("1/3-5", "(1-5)", 0, &["0 > 0: only_before"]);
        check("(1-5)", "", 0, &["0 > : pending"]);
        check("1-5 8-9", "(1-5) 8-", 0, &["0 > 0: only_before", "1 > 1: longer"]);
    }

    #[test]
    fn episodes_that_only_touch_do_not_meet() {
        check("1-3", "3-4", 0, &["0 > : only_before", " > 0: only_after"]);
        check(
            "1-3 5-9",
            "3-5 9-",
            0,
            &["0 > : only_before", " > 0: only_after", "1 > : only_before", " > 1: only_after"],
        );
        check("1-", "100-", 0, &["0 > 0: later shorter"]);
    }

    #[test]
    fn what_fired_on_both_sides_meets_by_its_firing() {
        // Both were active at one time, and fired at none.
        check("5/14-15", "5-8", 0, &["0 > : only_before", " > 0: only_after"]);
        check("1/8-10", "1/3-5 7/9-12", 0, &["0 > 1: later longer", " > 0: only_after"]);
        check("1/8-10 (12-20)", "(1-9) 13/15-20", 0, &["0 > 0: only_before", "1 > 1: only_after"]);
        // What is only pending connects nothing that fires.
        check("1/4-6 (7-10)", "(1-8) 9-12", 0, &["0 > 0: only_before", "1 > 1: only_after"]);
        check("1-9 (10-12)", "1-5 (6-8)", 0, &["0 > 0: shorter", " > 1: pending", "1 > : pending"]);
    }

    /// Checks what is found of episodes of several label sets: those of each by its number.
    fn check_sets(before: &[&str], after: &[&str], expected: &[&str]) {
        let side = |sets: &[&str]| -> Vec<Stretch> {
            let of = |(set, text): (usize, &&str)| stretches(text).into_iter().map(move |one| (set, one));
            let all = sets.iter().enumerate().flat_map(of);
            all.enumerate().map(|(at, (set, one))| Stretch { at, set, ..one }).collect()
        };
        let line = |met: &Met| {
            let kinds: Vec<&str> = met.kinds.iter().map(|kind| kind.word()).collect();
            format!("{:?} > {:?}: {}", met.before, met.after, kinds.join(" "))
        };
        let found = compare(&side(before), &side(after), Millis::ZERO);
        assert_eq!(found.iter().map(line).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_has_other_labels_is_told() {
        check_sets(
            &["1-5 (7-8) 9-12"],
            &["", "1-5 (7-8) 9-20"],
            &["[0] > [0]: relabeled", "[1] > [1]: relabeled", "[2] > [2]: longer relabeled"],
        );
        // Only some have other labels.
        check_sets(&["1-5 9-12"], &["1-5", "9-12"], &["[1] > [1]: relabeled"]);
        check_sets(&["1-9"], &["1-4", "4-9"], &["[0] > [0, 1]: split relabeled"]);
        // Several at one time on each side, by their times.
        check_sets(&["1-9", "2-8"], &["", "", "2-8", "1-9"], &["[0] > [1]: relabeled", "[1] > [0]: relabeled"]);
        check_sets(
            &["1-9", "2-3", "7-8"],
            &["", "", "", "7-9"],
            &["[0, 2] > [0]: merged later shorter relabeled", "[1] > []: only_before"],
        );
    }

    #[test]
    fn small_shifts_do_not_count() {
        check("1-9 20-30", "2-10 20-33", 1, &["1 > 1: longer"]);
        check("1-2", "3-4", 2, &[]);
        check("1-2", "3-4", 0, &["0 > : only_before", " > 0: only_after"]);
        check("1-2", "(1-2)", 5, &["0 > 0: only_before"]);
        check("1-2 3-4", "1-4", 5, &["0+1 > 0: merged"]);
        check("1-9 12-14", "2-10", 5, &["1 > : only_before"]);
    }
}
