//! Why a run would stop at a recording.

use super::Findings;
use crate::format::counted;
use crate::input::{BadRows, Summary};
use crate::store::Conflicts;

impl Findings {
    /// Returns why a run that reads the recording in this way would stop, and what to type then; nothing when it would
    /// not.
    #[must_use]
    pub fn stops(&self, summary: &Summary, bad_rows: BadRows, conflicts: Conflicts) -> Vec<String> {
        let mut stops = Vec::new();
        if self.samples == 0 {
            stops.push("there are no samples".to_owned());
        }
        if summary.bad_rows > 0 && bad_rows == BadRows::Stop {
            stops.push(format!("{} (--bad-rows skip)", counted(summary.bad_rows, "bad row")));
        }
        if self.conflicts > 0 && conflicts == Conflicts::Refuse {
            stops.push(format!("{} (--labels, or --conflicts last)", counted(self.conflicts, "conflict")));
        }
        stops
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_stops_unless_it_is_told_how_to_go_on() {
        let found = Findings { samples: 9, conflicts: 1, ..Findings::default() };
        let summary = Summary { bad_rows: 2, ..Summary::default() };
        let stops = |bad_rows, conflicts| found.stops(&summary, bad_rows, conflicts);
        assert_eq!(
            stops(BadRows::Stop, Conflicts::Refuse),
            ["2 bad rows (--bad-rows skip)", "1 conflict (--labels, or --conflicts last)"]
        );
        assert!(stops(BadRows::Skip { share: None }, Conflicts::First).is_empty());
    }
}
