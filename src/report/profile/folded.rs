//! Collapsed stacks, which every viewer of flame graphs reads: `frame;frame;frame count`.

use std::collections::BTreeMap;
use std::io::{self, Write};

/// One stack and what was spent in it, without what it called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// The frames, the outermost first.
    pub frames: Vec<String>,
    /// What was spent. Unit: nanoseconds, or samples.
    pub value: u64,
}

/// Writes stacks in order of their text, equal ones as one; stacks without a frame or a value are left out.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, stacks: &[Stack]) -> io::Result<()> {
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for stack in stacks.iter().filter(|stack| !stack.frames.is_empty() && stack.value > 0) {
        let frames: Vec<String> = stack.frames.iter().map(|frame| clean(frame)).collect();
        let sum = sums.entry(frames.join(";")).or_default();
        *sum = sum.saturating_add(stack.value);
    }
    for (frames, value) in sums {
        writeln!(out, "{frames} {value}")?;
    }
    Ok(())
}

/// Replaces what ends a frame or a line.
fn clean(frame: &str) -> String {
    frame
        .chars()
        .map(|c| {
            if c == ';' {
                ','
            } else if c.is_control() {
                ' '
            } else {
                c
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_stacks_are_summed_and_frames_keep_apart() {
        let stack =
            |frames: &[&str], value| Stack { frames: frames.iter().map(|&frame| frame.to_owned()).collect(), value };
        let mut out = Vec::new();
        let stacks = [
            stack(&["run", "evaluate", "HighCpu a;b\n"], 5),
            stack(&["run"], 2),
            stack(&["run", "evaluate", "HighCpu a;b\n"], 6),
            stack(&["run", "read"], 0),
            stack(&[], 9),
        ];
        write(&mut out, &stacks).expect("a vector takes all");
        assert_eq!(String::from_utf8_lossy(&out), "run 2\nrun;evaluate;HighCpu a,b  11\n");
    }
}
