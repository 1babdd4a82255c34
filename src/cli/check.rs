//! `alertctl check`.

mod changed;
mod control;
mod explain;
mod fix;
mod outputs;

use crate::diagnostic::{Diagnostics, Severity, codes};
use crate::engine;
use crate::format::counted;
use crate::lint;
use crate::lint::control::baseline::Known;
use crate::lint::policy::Firings;
use crate::lint::subject::{LintOptions, Subject};
use crate::report::check::Checked;
use crate::report::diagnostic::Look;
use crate::rules::{self, RuleFile, RuleSet, RuleText};
use crate::threads;

use self::changed::Changed;
use self::control::Controlled;
use self::fix::Kinds;
use self::outputs::Outputs;
use super::args::CheckArgs;
use super::check_data::Learnt;
use super::claims::Claims;
use super::load::Disk;
use super::rules::{say_unread, without_rules};
use super::ui::{Terminal, say};
use super::{Exit, Failure};
use super::{mistaken, out};

/// Loads all rules, looks at them with every lint, fixes what is asked for, and says what is wrong with the rest.
pub(super) fn run(args: &CheckArgs) -> Result<Exit, Failure> {
    let terminal = Terminal::look(args.color);
    let look = Look { color: terminal.stdout_color, width: terminal.width };
    if let Some(code) = &args.explain {
        return explain::explain(code, look);
    }
    if args.list_lints {
        return explain::list(look);
    }
    let paths: Vec<String> = args.rules.iter().chain(&args.flagged).cloned().collect();
    let outputs = Outputs::of(args)?;
    let claims = Controlled::claims(args, Claims::default().rules(&paths).recordings(&args.recorded.data));
    outputs.files().fold(claims, |claims, file| claims.writes("--out", Some(file))).check()?;
    args.recorded.check()?;
    let (mut texts, failures) = rules::find(&Disk, &paths);
    say_unread(&paths, args.quiet);
    let control = Controlled::load(args, &texts, &terminal)?;
    if args.diff {
        return diff(args, &texts, &control, failures.into_iter().map(Failure::from).collect());
    }
    if args.fix {
        texts = fixed(args, &texts, &control)?;
    }
    let Looked { mut rules, known, unread, .. } = match looked(args, &texts, &control, Some(&terminal))? {
        Ok(looked) => looked,
        Err(exit) => return Ok(exit),
    };
    control.finish(&mut rules, &known, failures.is_empty() && unread.is_none())?;
    let mut checked = Checked::new(&rules.files, &rules.diagnostics, &rules.sources);
    if let Some(reference) = &args.changed_since {
        let names: Vec<&str> = texts.iter().map(|text| text.name.as_str()).collect();
        let changed = Changed::since(reference, &names)?;
        let name = |file| rules.sources.file(file).name.as_str();
        checked.keep_since(reference, changed.any(), |file, first, last| changed.touches(name(file), first, last));
    }
    checked.can_fix = !args.fix && args.changed_since.is_none();
    checked.unread = failures.iter().map(|failure| failure.message.clone()).collect();
    // "No problems" is no answer where there was no rule to look at, or a recording that was not read.
    let nothing = (rules.is_empty() || unread.is_some()) && checked.diagnostics.is_empty();
    outputs.write(args, &checked, look, nothing)?;
    let failed = !failures.is_empty() || unread.is_some() || is_unreadable(&rules);
    failures.into_iter().map(Failure::from).chain(unread).for_each(|failure| failure.say());
    let wanted = |severity: Severity| severity <= args.fail_on.severity();
    let exit = if failed {
        Ok(Exit::Failed)
    } else if checked.diagnostics.iter().any(|one| wanted(one.severity)) {
        Ok(Exit::No)
    } else if rules.is_empty() {
        Err(without_rules(&paths))
    } else {
        Ok(Exit::Good)
    };
    drop(checked);
    threads::free(rules);
    exit
}

/// Returns whether none of the files could be read as rules, so that nothing was checked.
fn is_unreadable(rules: &RuleSet) -> bool {
    let no_rules = [codes::INVALID_UTF8, codes::FILE_TOO_LARGE, codes::NOT_A_RULE_FILE, codes::RULE_FORM];
    let of = |file: &RuleFile| {
        let mut found = rules.diagnostics.iter();
        found.any(|one| {
            no_rules.contains(&one.code) && one.primary.as_ref().is_some_and(|mark| mark.at.file == file.file)
        })
    };
    rules.is_empty() && !rules.files.is_empty() && rules.files.iter().all(of)
}

/// What was found in rules.
#[derive(Default)]
struct Looked {
    /// The rules, and what is to be shown of what was found in them.
    rules: RuleSet,
    /// What there is of each kind, shown or not.
    kinds: Kinds,
    /// What a baseline hides.
    known: Known,
    /// Why the recordings could not be read.
    unread: Option<Failure>,
}

/// Loads rules and looks at them with all lints; with a terminal, those of data too where there is a recording. How the
/// run ends, where the reading of one was stopped.
fn looked(
    args: &CheckArgs,
    texts: &[RuleText],
    control: &Controlled<'_>,
    terminal: Option<&Terminal>,
) -> Result<Result<Looked, Exit>, Failure> {
    let mut rules = loaded(texts, control)?;
    let options = LintOptions { scrape_interval: args.scrape_interval, ..args.recorded.lint_options() };
    let comments = control.comments(&rules);
    let (found, unread) = {
        let (mut found, subject) = threads::both(|| engine::check(&rules), || Subject::new(&rules, options));
        found.extend(lint::run(&subject, &|code| args.recorded.leaves(code)));
        let mut firings = Firings::new();
        let learnt = terminal.map(|terminal| args.recorded.learn(&subject, &|_| true, args.quiet, terminal));
        let unread = match learnt.unwrap_or_else(|| Ok(Learnt::Found(Diagnostics::default(), Firings::new(), None))) {
            Ok(Learnt::Found(more, fired, unread)) => {
                found.extend(more);
                firings = fired;
                unread
            }
            Ok(Learnt::Stopped(exit)) => return Ok(Err(exit)),
            Err(failure) => Some(failure),
        };
        lint::fix::keep_own(&mut found, &rules);
        found.extend(control.policies(&subject, &comments, &firings));
        (found, unread)
    };
    rules.diagnostics.extend(found);
    control.settle(&mut rules, comments);
    let kinds = fix::kinds(&rules);
    let known = control.show(&mut rules);
    Ok(Ok(Looked { rules, kinds, known, unread }))
}

/// Looks at rules without a recording.
fn found(args: &CheckArgs, texts: &[RuleText], control: &Controlled<'_>) -> Result<Looked, Failure> {
    looked(args, texts, control, None).map(Result::unwrap_or_default)
}

/// Loads rules, each with where its parts stand.
fn loaded(texts: &[RuleText], control: &Controlled<'_>) -> Result<RuleSet, Failure> {
    let mut rules = control.rules();
    rules.add_all_partly(texts.iter().map(|text| (text.name.as_str(), text.bytes.as_slice())));
    rules.check_unique();
    rules.check_loops();
    let line = |name: &str| format!("alertctl data {name}");
    mistaken::not_loaded(&rules, texts, line).map_or(Ok(rules), Err)
}

/// Writes the files whose findings could be fixed, and returns all texts as they are now.
fn fixed(args: &CheckArgs, texts: &[RuleText], control: &Controlled<'_>) -> Result<Vec<RuleText>, Failure> {
    let fixed = fix::fixed(texts, |texts| found(args, texts, control))?;
    fixed.say_left();
    fixed.write()?;
    say(args.quiet || fixed.is_empty(), &format!("fixed {}", fixed.summary()));
    Ok(fixed.texts)
}

/// Prints what would be fixed as a patch. The answer is "no" if there is anything, or if what is left fails the check.
fn diff(
    args: &CheckArgs,
    texts: &[RuleText],
    control: &Controlled<'_>,
    failures: Vec<Failure>,
) -> Result<Exit, Failure> {
    let fixed = fix::fixed(texts, |texts| found(args, texts, control))?;
    fixed.say_left();
    let patch = fixed.patch(texts);
    out::write_to(None, &mut |out| out.write_all(patch.as_bytes()))?;
    let left = fixed.rules.diagnostics.sorted();
    let mut said =
        if fixed.is_empty() { "nothing to fix".to_owned() } else { format!("would fix {}", fixed.summary()) };
    if !left.is_empty() {
        said.push_str(&format!("; {} left: leave --diff out to see more", counted(left.len() as u64, "problem")));
    }
    say(args.quiet, &said);
    failures.iter().for_each(Failure::say);
    if !failures.is_empty() || is_unreadable(&fixed.rules) {
        return Ok(Exit::Failed);
    }
    let fails = left.iter().any(|one| one.severity <= args.fail_on.severity());
    Ok(if fails || !fixed.is_empty() { Exit::No } else { Exit::Good })
}
