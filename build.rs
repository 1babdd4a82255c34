//! Tells the program how it was built, for `profile` to write next to its figures.
//!
//! What cannot be detected stays unknown; nothing here stops a build.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    tell("RUSTC", said(&env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned()), &["-V"]));
    tell("OPT_LEVEL", env::var("OPT_LEVEL").ok());
    tell("DEBUG", env::var("DEBUG").ok());
    tell("FEATURES", env::var("CARGO_CFG_FEATURE").ok());
    // Of release builds only: a commit would otherwise compile the debug builds of the tests again.
    let log = Path::new(".git/logs/HEAD");
    if env::var("PROFILE").is_ok_and(|profile| profile == "release") && log.exists() {
        println!("cargo::rerun-if-changed={}", log.display());
        for path in BUILT {
            println!("cargo::rerun-if-changed={path}");
        }
        tell("GIT", commit());
    }
}

/// What a commit must hold for the program to be made of it.
const BUILT: [&str; 3] = ["src", "Cargo.toml", "Cargo.lock"];

/// Returns the commit, and that there is more than it.
fn commit() -> Option<String> {
    let commit = said("git", &["rev-parse", "--short=12", "HEAD"])?;
    let changed = said("git", &[&["status", "--porcelain", "--"], &BUILT[..]].concat());
    Some(commit + if changed.is_some() { "-dirty" } else { "" })
}

/// Returns the first line that a program says; none when it fails or says nothing.
fn said(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok().filter(|output| output.status.success())?;
    String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned)
}

/// Sets a variable that the program reads while it is compiled.
fn tell(name: &str, value: Option<String>) {
    if let Some(value) = value {
        println!("cargo::rustc-env=ALERTCTL_{name}={value}");
    }
}
