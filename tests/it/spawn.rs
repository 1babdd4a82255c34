//! The only place that starts processes.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// Runs a program to its end.
pub(crate) fn run(program: &Path, args: &[&str], folder: &Path) -> Output {
    Command::new(program)
        .args(args)
        .current_dir(folder)
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()))
}

/// Returns the folder of bench data, if it is there, and says that tests are skipped if not.
#[expect(clippy::print_stdout, reason = "it is what a person reads with --nocapture")]
pub(crate) fn bench() -> Option<PathBuf> {
    let folder = PathBuf::from("../shared/bench");
    if folder.join("generate.rs").is_file() {
        return Some(folder);
    }
    println!("skipped: no bench data, {} is not there", folder.display());
    None
}

/// Returns the recording S (100 series, one day), made once by the generator of the bench data.
pub(crate) fn recording_s(bench: &Path) -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let recording = folder.join("S.csv");
        let whole = std::fs::metadata(&recording).is_ok_and(|found| found.len() == 31_906_096);
        if !whole {
            let source = bench.join("generate.rs").canonicalize().expect("the generator's source");
            let source = source.to_string_lossy().into_owned();
            let made = run(Path::new("rustc"), &["-O", &source, "-o", "generate"], &folder);
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
            let made = run(&folder.join("generate"), &[".", "S", "10", "1", "csv"], &folder);
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        }
        recording
    })
}
