//! Every form, cut anywhere: never a silent half.

use std::fs;

use alertctl::input::{Batches, ReadOptions, Recording, Text};
use alertctl::replay;
use alertctl::store::Conflicts;

/// Returns the first file of a case: its name and text.
fn sample(case: &str) -> (String, String) {
    let (head, rest) = case.split_once("== file ").expect("a file").1.split_once('\n').expect("a name");
    let body = rest.split_inclusive('\n').take_while(|line| !line.starts_with("== ") && !line.starts_with("$ "));
    (head.to_owned(), body.collect())
}

/// Reads a text and returns how many samples it has; none where it is refused or something is said to be missing.
fn read(name: &str, text: &[u8]) -> Option<u64> {
    let mut recording = Recording::open(vec![Text::boxed(name, text)], ReadOptions::default()).ok()?;
    replay::survey(&mut recording, Conflicts::First, &mut ()).ok()?;
    let summary = recording.summary();
    let mut warnings = summary.inputs.iter().flat_map(|input| &input.warnings);
    let said = summary.bad_rows > 0 || warnings.any(|warning| warning.contains("being written"));
    (!said).then_some(summary.samples)
}

#[test]
fn a_recording_that_is_cut_anywhere_is_never_read_as_whole() {
    let mut forms = 0;
    for entry in fs::read_dir("tests/cases").expect("cases") {
        let path = entry.expect("a case").path();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if !name.starts_with("form_") || name == "form_flags" {
            continue;
        }
        forms += 1;
        let (file, text) = sample(&fs::read_to_string(&path).expect("a case"));
        let whole = read(&file, text.as_bytes()).unwrap_or_else(|| panic!("{name}: the sample is not read"));
        assert!(whole > 0, "{name}");
        for len in 1..text.len() {
            let part = &text.as_bytes()[..len];
            // What ends with a line is whole as far as it goes.
            let of_lines = part.ends_with(b"\n") || text.as_bytes()[len] == b'\n';
            let samples = read(&file, part);
            assert!(samples.is_none() || of_lines || samples == Some(whole), "{name}: {len} bytes: {samples:?}");
        }
    }
    assert!(forms > 15, "{forms} forms");
}
