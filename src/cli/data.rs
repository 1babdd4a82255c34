//! `alertctl data`.

use std::path::Path;

use crate::input::{BadRows, Batches, Form, ReadOptions, Recognize, Summary};
use crate::outcome::RunOptions;
use crate::replay::{self, Loaded, RunError};
use crate::report::data::{self, View};
use crate::store::Conflicts;
use crate::survey::Findings;

use super::args::{DataArgs, DataFormat};
use super::claims::Claims;
use super::interrupt::Interrupt;
use super::ui::{Terminal, say};
use super::watch::Watch;
use super::{Exit, Failure};
use super::{convert, load, out};

/// Reads recordings and shows what is in them.
pub(super) fn run(args: &DataArgs) -> Result<Exit, Failure> {
    if let Some(to) = args.convert.to {
        return convert::run(args, to);
    }
    let terminal = Terminal::look(args.console.color);
    let interrupt = Interrupt::listen(terminal.stderr);
    out::check_stdout()?;
    let form = args.save_form.as_deref();
    Claims::default().recordings(args.input.all()).writes("--save-form", form).check()?;
    form.map_or(Ok(()), out::check_place)?;
    let Some((summary, findings)) = learn(args, &terminal, &interrupt)? else {
        interrupt.say_stopped();
        return Ok(interrupt.exit());
    };
    out::write_to(None, &mut |out| match args.format {
        DataFormat::Json => data::write_object(out, &summary, &findings),
        DataFormat::Table => {
            let clock = args.zone.clock();
            let view = View { clock, width: terminal.width, color: terminal.stdout_color, limit: args.limit };
            data::write_table(out, &summary, &findings, &view)
        }
    })?;
    if let Some(path) = form {
        save_form(path, &summary)?;
    }
    let stops = findings.stops(&summary, args.input.read.bad_rows, args.input.read.conflicts);
    if stops.is_empty() {
        return Ok(Exit::Good);
    }
    say(args.console.quiet, &format!("eval would refuse this recording: {}", stops.join(", ")));
    Ok(Exit::No)
}

/// Writes how the recordings are read, with what was detected.
fn save_form(path: &Path, summary: &Summary) -> Result<(), Failure> {
    let Some(first) = summary.inputs.first() else { return Ok(()) };
    if let Some(other) = summary.inputs.iter().find(|input| input.form != first.form) {
        return Err(Failure::new(format!("{} and {} are read in different ways", first.path, other.path))
            .hint("save the form of one of them"));
    }
    let text = Form { recognize: Recognize::default(), ..first.form.clone() }.to_yaml();
    out::write_to(Some(path), &mut |out| out.write_all(text.as_bytes()))
}

/// Reads to the end; none when Ctrl-C was pressed. Nothing is refused that can be shown instead.
fn learn(args: &DataArgs, terminal: &Terminal, interrupt: &Interrupt) -> Result<Option<(Summary, Findings)>, Failure> {
    let read = &args.input.read;
    let mut options = read.options()?;
    if options.bad_rows == BadRows::Stop {
        options = ReadOptions { bad_rows: BadRows::Skip { share: Some(1.0) }, ..options };
    }
    let conflicts = match read.conflicts {
        Conflicts::Refuse => Conflicts::First,
        given => given,
    };
    let mut opened = read.open("data", load::recordings(&args.input.paths("alertctl data night.csv")?)?, options)?;
    let mut watch = Watch::new(args.console, terminal, opened.length, interrupt);
    let surveyed = replay::survey(&mut opened.recording, conflicts, &mut watch);
    watch.done();
    let Loaded { store, survey, .. } = match surveyed {
        Ok(surveyed) => surveyed,
        Err(RunError::Stopped) => return Ok(None),
        Err(error) => return Err(Failure::of(&error, error.hint())),
    };
    let look_back = args.lookback_delta.unwrap_or(RunOptions::default().lookback_delta.value);
    let mut findings = survey.findings(&store, look_back);
    findings.conflicts_shown = survey.conflicts(&store, &opened.recording);
    Ok(Some((opened.recording.summary().clone(), findings)))
}
