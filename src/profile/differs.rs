//! What keeps two measurements from being compared, in plain words.

use super::compare::Difference;
use super::digest::sha256;

/// Says how this run differs from a baseline.
#[must_use]
pub(super) fn sentence(difference: &Difference) -> String {
    let (base, now) = (difference.base.as_str(), difference.now.as_str());
    let plan = |of: &str| format!("the baseline was measured with {base} {of}, this run with {now}");
    match difference.what {
        "inputs.data_sha256" if base == sha256(b"") => {
            "the baseline holds the built-in workload, this run measures rules on a recording".to_owned()
        }
        "inputs.data_sha256" if now == sha256(b"") => {
            "the baseline holds rules on a recording, this run measures the built-in workload".to_owned()
        }
        "inputs.data_sha256" => {
            "the baseline was saved from another recording, or one that was read with other flags".to_owned()
        }
        "inputs.series" => format!("the recording had {base} series in the baseline and has {now} now"),
        "inputs.samples" => format!("the recording had {base} samples in the baseline and has {now} now"),
        "plan.processes" => plan("processes per session"),
        "plan.rounds" => plan("batches per process"),
        "plan.batch_us" => plan("us per batch"),
        "plan.warmup_rounds" => plan("warm-up batches"),
        "tool.opt" => format!("the baseline was saved by a {base} build, this is a {now} build"),
        what => format!("{what} is {base} in the baseline and {now} now"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_told_in_plain_words() {
        let check = |what, base: &str, now: &str, expected: &str| {
            let difference = Difference { what, base: base.to_owned(), now: now.to_owned() };
            assert_eq!(sentence(&difference), expected);
        };
        let empty = sha256(b"");
        let workload = "the baseline holds the built-in workload, this run measures rules on a recording";
        check("inputs.data_sha256", &empty, "d2", workload);
        let rules = "the baseline holds rules on a recording, this run measures the built-in workload";
        check("inputs.data_sha256", "d1", &empty, rules);
        let other = "the baseline was saved from another recording, or one that was read with other flags";
        check("inputs.data_sha256", "d1", "d2", other);
        check("tool.opt", "release", "debug", "the baseline was saved by a release build, this is a debug build");
        let rounds = "the baseline was measured with 20 batches per process, this run with 40";
        check("plan.rounds", "20", "40", rounds);
        check("plan.allocator", "a", "b", "plan.allocator is a in the baseline and b now");
    }
}
