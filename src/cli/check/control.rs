//! What is shown of what is found: the configuration, comments, flags and known findings.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::cli::args::CheckArgs;
use crate::cli::claims::Claims;
use crate::cli::flags::ControlArgs;
use crate::cli::load::Disk;
use crate::cli::ui::{Terminal, say};
use crate::cli::{Failure, out, problems};
use crate::diagnostic::Diagnostics;
use crate::format::counted;
use crate::limits;
use crate::lint::control::baseline::{Baseline, Known};
use crate::lint::control::comments::Comments;
use crate::lint::control::paths::{folder, relative};
use crate::lint::control::{Configs, Control, is_certain};
use crate::lint::policy::Firings;
use crate::lint::subject::Subject;
use crate::rules::{RuleSet, RuleText};
use crate::source::{self, FileId, Files, SourceMap};
use crate::time::{Day, Timestamp};

/// What controls a run of `check`.
pub(super) struct Controlled<'a> {
    args: &'a CheckArgs,
    control: Control,
    /// The texts of the configurations.
    sources: SourceMap,
    baseline: Option<(&'a Path, Baseline)>,
}

impl<'a> Controlled<'a> {
    /// Reads the configurations of rule files, and the baseline.
    pub(super) fn load(args: &'a CheckArgs, texts: &[RuleText], terminal: &Terminal) -> Result<Self, Failure> {
        let flags = &args.control;
        let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::default());
        let names: Vec<&str> = texts.iter().map(|text| text.name.as_str()).collect();
        let configs = match flags.no_config {
            true => Configs::default(),
            false => Configs::load(&Disk, flags.config.as_deref(), &names, &mut sources, &mut diagnostics)?,
        };
        problems::settle(&diagnostics, &sources, "the configuration; nothing was checked", args.quiet, terminal)?;
        let [enabled, disabled] = [&flags.enable, &flags.disable].map(|words| ControlArgs::codes(words));
        if let Some(both) = enabled.iter().find(|code| disabled.contains(code)) {
            return Err(
                Failure::new(format!("`{both}` is in --enable and in --disable")).hint("name it in one of them")
            );
        }
        let today = Day::of(Timestamp(jiff::Timestamp::now().as_millisecond()));
        let control = Control { configs, enabled, disabled, today, has_data: args.recorded.is_given() };
        let baseline = flags.baseline.as_deref().map(|path| Ok((path, read(path)?)));
        Ok(Self { args, control, sources, baseline: baseline.transpose().map_err(|failure: Failure| failure)? })
    }

    /// Adds the baseline that is written to what the command line names.
    pub(super) fn claims(args: &CheckArgs, claims: Claims) -> Claims {
        claims.writes("--save-baseline", args.control.save_baseline.as_deref())
    }

    /// Returns the set that rules are added to.
    pub(super) fn rules(&self) -> RuleSet {
        RuleSet { keep_parts: true, sources: self.sources.clone(), ..self.args.keys.rules() }
    }

    /// Reads the comments of rule files.
    pub(super) fn comments(&self, rules: &RuleSet) -> Comments {
        self.control.comments(rules)
    }

    /// Looks at rules as the policies of their configurations ask.
    pub(super) fn policies(&self, subject: &Subject<'_>, comments: &Comments, firings: &Firings) -> Diagnostics {
        self.control.policies(subject, comments, firings)
    }

    /// Leaves out of what was found what the configuration and comments silence.
    pub(super) fn settle(&self, rules: &mut RuleSet, comments: Comments) {
        self.control.settle(rules, comments);
    }

    /// Leaves of that what is to be shown. Returns what is known.
    pub(super) fn show(&self, rules: &mut RuleSet) -> Known {
        let mut found = std::mem::take(&mut rules.diagnostics);
        let known = self.hide(&mut found, rules);
        let least = self.args.min_severity.severity().max(self.args.fail_on.severity());
        self.control.show(&mut found, least);
        rules.diagnostics = found;
        known
    }

    fn hide(&self, found: &mut Diagnostics, rules: &RuleSet) -> Known {
        let Some((path, baseline)) = &self.baseline else { return Known::default() };
        let seen = seen_from(path, rules);
        let files: BTreeSet<String> = rules.files.iter().map(|file| seen(file.file)).collect();
        baseline.hide(found, &files, &seen, &|code| self.control.ran(code))
    }

    /// Writes the baseline that is asked for, which hides all that it holds, and says what known findings there are. It
    /// is not written where not all rules were read (`whole`).
    pub(super) fn finish(&self, rules: &mut RuleSet, known: &Known, whole: bool) -> Result<(), Failure> {
        if let Some(path) = self.args.control.save_baseline.as_ref().filter(|_| whole) {
            let seen = seen_from(path, rules);
            let baseline = Baseline::of(rules.diagnostics.iter().chain(known.hidden.iter()), &seen);
            out::write_to(Some(path), &mut |out| out.write_all(baseline.text().as_bytes()))?;
            rules.diagnostics.retain(|one| is_certain(one));
            let saved = counted(baseline.count(), "known finding");
            say(self.args.quiet, &format!("{saved} written to `{}`", path.display()));
        } else if let Some((path, _)) = &self.baseline {
            let hidden = known.hidden.iter().count() as u64;
            let mut line = format!("{} hidden", counted(hidden, "known finding"));
            if known.gone > 0 {
                let path = path.display();
                line.push_str(&format!(", {} gone: --save-baseline {path} forgets them", known.gone));
            }
            say(self.args.quiet, &line);
        }
        Ok(())
    }
}

/// Reads a baseline.
fn read(path: &Path) -> Result<Baseline, Failure> {
    let name = path.to_string_lossy();
    let bytes = source::bytes(&Disk, &name, limits::YAML_BYTES)?;
    Baseline::read(&bytes).map_err(|error| {
        Failure::new(format!("`{name}` {error}"))
            .hint(format!("write a new one: alertctl check RULES --save-baseline {name}"))
    })
}

/// Returns what names files as seen from a baseline.
fn seen_from(baseline: &Path, rules: &RuleSet) -> impl Fn(FileId) -> String + use<> {
    let absolute = |name: &str| {
        let parent = folder(name);
        let parent = Disk.identity(if parent.is_empty() { "." } else { parent });
        format!("{}/{}", parent.trim_end_matches('/'), name.rsplit('/').next().unwrap_or(name))
    };
    let at = folder(&absolute(&baseline.to_string_lossy())).to_owned();
    let names = rules.files.iter().map(|file| (file.file, relative(&absolute(rules.file_name(file)), &at)));
    let names: BTreeMap<FileId, String> = names.collect();
    move |file| names.get(&file).cloned().unwrap_or_default()
}
