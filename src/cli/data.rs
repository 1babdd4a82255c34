//! `alertctl data`.

use crate::input::facts::{Facts, Findings};
use crate::input::{BadRows, Progress, ReadOptions, Recording, Summary};
use crate::report::data::{self, View};
use crate::report::format::counted;
use crate::store::{Batch, Conflicts, Store};

use super::args::{Format, Zone};
use super::eval::{LOOKBACK_DELTA, unread};
use super::flags::{DataArgs, DataFormat};
use super::out::{self, Output};
use super::ui::{self, Interrupt, Terminal, tell};
use super::{Failure, Outcome, load};

/// Reads recordings and tells what is in them.
pub(super) fn run(args: &DataArgs) -> Result<Outcome, Failure> {
    let terminal = Terminal::look(args.console.color);
    let interrupt = Interrupt::listen(terminal.stderr);
    let Some((summary, findings)) = learn(args, &terminal, &interrupt)? else {
        interrupt.tell();
        return Ok(Outcome::Interrupted);
    };
    let stdout = Output { format: Format::Table, path: None };
    out::write(&stdout, &mut |out| match args.format {
        DataFormat::Json => data::write_object(out, &summary, &findings),
        DataFormat::Table => {
            let clock = Zone::clock(args.tz.as_ref());
            let view = View { clock, width: terminal.width, color: terminal.stdout_color, limit: args.limit };
            data::write_table(out, &summary, &findings, &view)
        }
    })?;
    let refusal = refusal(args, &summary, &findings);
    refusal.iter().for_each(|refusal| tell(args.console.quiet, refusal));
    Ok(refusal.map_or(Outcome::Good, |_| Outcome::No))
}

/// Reads to the end; none when Ctrl-C was pressed. Nothing is refused that can be told instead.
fn learn(args: &DataArgs, terminal: &Terminal, interrupt: &Interrupt) -> Result<Option<(Summary, Findings)>, Failure> {
    let sources = load::recordings(&args.input.paths("alertctl data night.csv")?)?;
    let mut options = args.input.read_options();
    if options.bad_rows == BadRows::Stop {
        options = ReadOptions { bad_rows: BadRows::Skip { share: Some(1.0) }, ..options };
    }
    let conflicts = match args.input.conflicts {
        Conflicts::Refuse => Conflicts::First,
        given => given,
    };
    let drawn = terminal.stderr && !args.console.quiet && !args.console.no_progress;
    let mut progress = ui::Progress::new(drawn, load::length(&sources).unwrap_or(0));
    let mut recording = Recording::open(sources, options).map_err(|error| unread(&error))?;
    let (mut store, mut facts, mut batch) = (Store::new(conflicts), Facts::default(), Batch::default());
    loop {
        if interrupt.pressed() {
            progress.done();
            return Ok(None);
        }
        match recording.next_batch(&mut store, &mut batch).map_err(|error| unread(&error))? {
            Progress::Restart => (store, facts) = (Store::new(conflicts), Facts::default()),
            Progress::End => break,
            Progress::Batch(_) => {
                facts.observe(&store, &batch);
                recording.append(&mut store, &batch).map_err(|error| unread(&error))?;
            }
        }
        progress.at(recording.bytes_read());
    }
    progress.done();
    let look_back = args.lookback_delta.unwrap_or(LOOKBACK_DELTA);
    Ok(Some((recording.summary().clone(), facts.findings(&store, &recording, look_back))))
}

/// Says why `eval` would stop at this recording, and what to type then; nothing when it would not.
fn refusal(args: &DataArgs, summary: &Summary, findings: &Findings) -> Option<String> {
    let mut reasons = Vec::new();
    if findings.samples == 0 {
        reasons.push("there are no samples".to_owned());
    }
    if summary.bad_rows > 0 && args.input.bad_rows == BadRows::Stop {
        reasons.push(format!("{} (--bad-rows skip)", counted(summary.bad_rows, "bad row")));
    }
    if findings.conflicts > 0 && args.input.conflicts == Conflicts::Refuse {
        reasons.push(format!("{} (--labels, or --conflicts last)", counted(findings.conflicts, "conflict")));
    }
    (!reasons.is_empty()).then(|| format!("eval would stop here: {}", reasons.join(", ")))
}
