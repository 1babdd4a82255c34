//! What became of the episodes of one alert: which of two runs are one, and how they differ in time.

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
    pub active: Timestamp,
    pub fired: Option<Timestamp>,
    /// When it became inactive; one that is open at the end has none.
    pub ended: Option<Timestamp>,
    /// The last step that was evaluated.
    pub last: Timestamp,
}

impl Stretch {
    pub(super) fn of(at: usize, episode: &Episode, last: Timestamp) -> Self {
        let activity = &episode.activity;
        Self { at, active: activity.active_at, fired: activity.fired_at, ended: episode.ended_at, last }
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

    /// Returns whether both were active at one time, or would have been but for a shift of so much.
    fn meets(&self, other: &Self, tolerance: Millis) -> bool {
        self.active <= other.until().plus(tolerance) && other.active <= self.until().plus(tolerance)
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

/// Compares the episodes of one label set, both sides in the order of time. Those that are the same are left out, unless
/// they are `relabeled`; the rest is taken together where it meets in time. Shifts up to the tolerance do not count. Cost:
/// linear, but for episodes that are within the tolerance of each other.
pub(super) fn compare(before: &[Stretch], after: &[Stretch], tolerance: Millis, relabeled: bool) -> Vec<Met> {
    let mut same = Vec::new();
    let (before, after) = without_same(before.to_vec(), after.to_vec(), Millis::ZERO, &mut same);
    let (before, after) = without_same(before, after, tolerance, &mut same);
    let pair =
        |(before, after)| Met { kinds: vec![Kind::Relabeled], before: vec![before], after: vec![after], later: None };
    let mut found: Vec<Met> = if relabeled { same.into_iter().map(pair).collect() } else { Vec::new() };
    let (mut b, mut a) = (0, 0);
    while b < before.len() || a < after.len() {
        // The earlier one begins; all that meets what is there already follows.
        let (first_b, first_a) = (b, a);
        let before_first = match (before.get(b), after.get(a)) {
            (Some(x), Some(y)) => x.active <= y.active,
            (one, _) => one.is_some(),
        };
        if before_first {
            b += 1;
        } else {
            a += 1;
        }
        loop {
            let meets =
                |one: &Stretch, others: &[Stretch]| others.iter().rev().any(|other| one.meets(other, tolerance));
            if before.get(b).is_some_and(|one| meets(one, &after[first_a..a])) {
                b += 1;
            } else if after.get(a).is_some_and(|one| meets(one, &before[first_b..b])) {
                a += 1;
            } else {
                break;
            }
        }
        let mut met = met(&before[first_b..b], &after[first_a..a], tolerance);
        if relabeled && b > first_b && a > first_a {
            met.kinds.push(Kind::Relabeled);
        }
        found.push(met);
    }
    found
}

/// Takes away what is the same on both sides, each at most once, in the order of time: of what is only nearly the same,
/// what meets nothing else.
fn without_same(
    before: Vec<Stretch>,
    after: Vec<Stretch>,
    tolerance: Millis,
    pairs: &mut Vec<(usize, usize)>,
) -> (Vec<Stretch>, Vec<Stretch>) {
    let mut taken = vec![false; after.len()];
    let mut from = 0;
    let mut rest = before.clone();
    rest.retain(|one| {
        while after.get(from).is_some_and(|other| other.active.plus(tolerance) < one.active) {
            from += 1;
        }
        let near = (from..after.len()).take_while(|at| after[*at].active <= one.active.plus(tolerance));
        let apart = |other: &Stretch| {
            tolerance == Millis::ZERO || is_alone(one, &after, other) && is_alone(other, &before, one)
        };
        let mut same = near.filter(|at| !taken[*at] && after[*at].is_like(one, tolerance) && apart(&after[*at]));
        let Some(at) = same.next() else { return true };
        taken[at] = true;
        pairs.push((one.at, after[at].at));
        false
    });
    let left = after.into_iter().zip(taken).filter(|(_, taken)| !taken).map(|(one, _)| one).collect();
    (rest, left)
}

/// Returns whether an episode meets none of the other side, which are in the order of time, but one.
fn is_alone(one: &Stretch, others: &[Stretch], but: &Stretch) -> bool {
    let from = others.partition_point(|other| other.until() < one.active);
    others[from..].iter().take_while(|other| other.active <= one.until()).all(|other| other.at == but.at)
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
        let found = compare(&before, &after, tolerance, false);
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
        let mut back: Vec<Met> = compare(&after, &before, tolerance, false).into_iter().map(mirrored).collect();
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
        check("1-3", "3-4", 0, &["0 > 0: later shorter"]);
        check("2/3-9", "1/3-9", 0, &["0 > 0: pending"]);
        check("1-3 3-5 7-9", "1-4 5-8", 0, &["0+1+2 > 0+1: merged"]);
        check("1-3 4-8 9-12", "1-3 5-9 10-13", 0, &["1+2 > 1+2: later"]);
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
    fn what_has_other_labels_is_told() {
        let (before, after) = (stretches("1-5 (7-8) 9-12"), stretches("1-5 (7-8) 9-20"));
        let kinds: Vec<Vec<Kind>> =
            compare(&before, &after, Millis::ZERO, true).into_iter().map(|met| met.kinds).collect();
        assert_eq!(kinds, [vec![Kind::Relabeled], vec![Kind::Relabeled], vec![Kind::Longer, Kind::Relabeled]]);
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
