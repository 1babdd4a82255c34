//! `alertctl init`.

use std::path::Path;

use crate::replay::{self, RunError};
use crate::report::starter;
use crate::store::Store;

use super::args::InitArgs;
use super::claims::Claims;
use super::interrupt::Interrupt;
use super::ui::{Terminal, say};
use super::watch::Watch;
use super::{Exit, Failure};
use super::{load, out};

/// What the rule file is called where it has no name yet.
const FILE: &str = "rules.yml";

/// Reads recordings and writes rules to begin with.
pub(super) fn run(args: &InitArgs) -> Result<Exit, Failure> {
    let terminal = Terminal::look(args.console.color);
    let interrupt = Interrupt::listen(terminal.stderr);
    match out::file(&args.out) {
        Some(path) => check_free(path, args.force)?,
        None => out::check_stdout()?,
    }
    Claims::default().recordings(args.input.all()).writes("--out", out::file(&args.out)).check()?;
    let paths = args.input.paths("alertctl init night.csv")?;
    let read = &args.input.read;
    let mut opened = read.open("init", load::recordings(&paths)?, read.options()?)?;
    let mut watch = Watch::new(args.console, &terminal, opened.length, &interrupt);
    let mut begin = || {
        let mut store = Store::new(read.conflicts);
        store.keep_all();
        Ok(store)
    };
    let loaded = replay::load_watched(&mut opened.recording, &mut begin, &mut watch);
    watch.done();
    let store = match loaded {
        Ok(loaded) => loaded.store,
        Err(RunError::Stopped) => {
            interrupt.say_stopped();
            return Ok(interrupt.exit());
        }
        Err(error) => return Err(Failure::of(&error, error.hint())),
    };
    let seen = starter::look(&store);
    let rules = starter::rules(&seen);
    let Some(span) = store.span().filter(|_| rules > 0) else {
        return Err(Failure::new("the recording has no metric with a number to make a rule of")
            .hint(format!("see what is in it: alertctl data {}", paths.join(" "))));
    };
    let file = out::file(&args.out).map_or_else(|| FILE.to_owned(), |path| path.display().to_string());
    let names = paths.iter().map(|path| quoted(path)).collect::<Vec<_>>().join(" ");
    out::write_to(out::file(&args.out), &mut |out| starter::write(out, &seen, (&names, &quoted(&file)), span))?;
    if out::file(&args.out).is_some() {
        let many = if rules == 1 { "1 rule".to_owned() } else { format!("{rules} rules") };
        say(args.console.quiet, &format!("wrote {many} to `{file}`; try: alertctl eval -r {} {names}", quoted(&file)));
    }
    Ok(Exit::Good)
}

/// Refuses a file that is there already.
fn check_free(path: &Path, force: bool) -> Result<(), Failure> {
    out::check_place(path)?;
    if path.exists() && !force {
        return Err(Failure::new(format!("`{}` exists already", path.display())).hint("replace it with --force"));
    }
    Ok(())
}

/// Returns a word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:,@%=".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}
