//! Names that exist, where one that was asked for does not.

use std::fmt;

use crate::diagnostic::nearest;

/// The most names that are listed where none is near.
const LISTED: usize = 3;

/// Names that exist: those near the one that was asked for, or the first of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suggested {
    /// At most three.
    pub names: Vec<String>,
    /// Whether they are near.
    pub near: bool,
    /// How many more there are; 0 where they are near.
    pub left: u64,
}

impl Suggested {
    /// Looks for names near one: first those that differ only in case, then those within a few edits. Without any, the
    /// first of all names in the order of their text.
    pub(crate) fn near<'a>(name: &str, all: impl IntoIterator<Item = &'a str>) -> Self {
        let mut all: Vec<&str> = all.into_iter().collect();
        all.sort_unstable();
        all.dedup();
        let lower = name.to_lowercase();
        let mut near: Vec<&str> = all.iter().copied().filter(|one| one.to_lowercase() == lower).collect();
        if near.is_empty() {
            near = nearest(name, all.iter().copied());
        }
        if near.is_empty() { Self::first(all) } else { Self::of_near(near) }
    }

    /// Takes the first of all names, which are sorted.
    pub(crate) fn first(all: Vec<&str>) -> Self {
        let left = all.len().saturating_sub(LISTED) as u64;
        Self { names: all.into_iter().take(LISTED).map(str::to_owned).collect(), near: false, left }
    }

    /// Takes names that are known to be near.
    pub(crate) fn of_near(near: Vec<&str>) -> Self {
        Self { names: near.into_iter().take(LISTED).map(str::to_owned).collect(), near: true, left: 0 }
    }

    /// Writes what may follow a sentence about `what`, in the plural: `; near: a`, `; the labels are a, b and 4 more`,
    /// or nothing where there is no name.
    pub(crate) fn after(&self, f: &mut fmt::Formatter<'_>, what: &str) -> fmt::Result {
        let names = self.names.join(", ");
        match self.left {
            _ if self.names.is_empty() => Ok(()),
            _ if self.near => write!(f, "; near: {names}"),
            0 => write!(f, "; {what}: {names}"),
            left => write!(f, "; {what}: {names} and {left} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, all: &[&str], expected: &str) {
        struct Shown(Suggested);
        impl fmt::Display for Shown {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.after(f, "they are")
            }
        }
        assert_eq!(Shown(Suggested::near(name, all.iter().copied())).to_string(), expected, "{name}");
    }

    #[test]
    fn names_that_differ_in_case_come_before_others() {
        check("HostHighCPU", &["HostHighMem", "HostHighCpu", "HostHighCpx"], "; near: HostHighCpu");
        check("web07", &["web-07", "web-12"], "; near: web-07");
        check("zzz", &["b", "a", "c", "d", "a"], "; they are: a, b, c and 1 more");
        check("zzz", &["b"], "; they are: b");
        check("zzz", &[], "");
    }
}
