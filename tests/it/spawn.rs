//! The only place that starts processes.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use crate::skipped;

/// Runs a program to its end.
pub(crate) fn run(program: &Path, args: &[&str], folder: &Path) -> Output {
    Command::new(program)
        .args(args)
        .current_dir(folder)
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()))
}

/// Runs the tool in a folder, with the given standard input or none.
pub(crate) fn alertctl(args: &[&str], folder: &Path, stdin: Option<&[u8]>) -> Output {
    let mut child = tool(args, folder)
        .stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the tool starts");
    if let (Some(bytes), Some(mut pipe)) = (stdin, child.stdin.take()) {
        let bytes = bytes.to_vec();
        // A tool that stops early closes its end: what is left need not be read.
        std::thread::spawn(move || pipe.write_all(&bytes));
    }
    child.wait_with_output().expect("the tool ends")
}

/// Runs the tool to its end with variables of the environment.
pub(crate) fn with(args: &[&str], folder: &Path, set: &[(&str, String)]) -> Output {
    let mut command = tool(args, folder);
    command.envs(set.iter().map(|(name, value)| (*name, value.as_str())));
    command.stdin(Stdio::null()).output().expect("the tool starts")
}

/// Makes a command of the tool, free of what the environment says about colours, width and the workflow it runs in.
pub(crate) fn tool(args: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_alertctl"));
    command.args(args).current_dir(folder);
    for name in ["NO_COLOR", "COLUMNS", "GITHUB_STEP_SUMMARY"] {
        command.env_remove(name);
    }
    command
}

/// Sends a signal (`INT` is Ctrl-C) to a process that a test started.
#[cfg(unix)]
pub(crate) fn signal(child: &Child, name: &str) {
    let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", child.id())]).status().expect("a shell");
    assert!(sent.success(), "the signal is sent");
}

/// Runs a script in a folder, with the tool as `alertctl`; nothing where there is no such shell.
#[cfg(unix)]
pub(crate) fn script(shell: &str, text: &str, folder: &Path) -> Option<Output> {
    let tool = Path::new(env!("CARGO_BIN_EXE_alertctl")).parent().expect("a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(shell);
    command.args(["-c", text]).current_dir(folder).env("PATH", format!("{}:{path}", tool.display()));
    match command.output() {
        Ok(out) => Some(out),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => panic!("{shell}: {error}"),
    }
}

/// Runs the tool as a terminal would show it: both streams in one, in the order in which they were written.
pub(crate) fn shown(args: &[&str], folder: &Path) -> String {
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    let both = writer.try_clone().expect("a second end");
    let mut command = tool(args, folder);
    let mut child = command.stdin(Stdio::null()).stdout(writer).stderr(both).spawn().expect("the tool starts");
    drop(command);
    let mut text = String::new();
    reader.read_to_string(&mut text).expect("text");
    child.wait().expect("the tool ends");
    text
}

/// Puts words in place of what differs from run to run: how long it took, and the folder it ran in.
pub(crate) fn without_times(text: &str, folder: &Path) -> String {
    let text = text.replace(&*folder.to_string_lossy(), "DIR");
    let mut lines: Vec<String> = Vec::new();
    for line in text.split('\n') {
        lines.push(match line.rsplit_once(" in ") {
            Some((head, time)) if line.starts_with("evaluated  ") && time.ends_with('s') => format!("{head} in TIME"),
            _ => line.to_owned(),
        });
    }
    lines.join("\n")
}

/// Returns the folder of bench data, if it is there, and says that tests are skipped if not.
pub(crate) fn bench() -> Option<PathBuf> {
    let source = skipped::folder("no bench data", "../shared/bench", None, "generate.rs")?;
    source.parent().map(Path::to_owned)
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
