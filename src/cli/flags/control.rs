//! What is shown of what `check` finds.

use std::path::PathBuf;

use clap::Args;

use crate::lint::control::names::codes_of;

/// The configuration, codes that are wanted or not, and known findings.
#[derive(Debug, Args)]
pub(crate) struct ControlArgs {
    /// Configuration [default: the nearest alertctl.yml]
    ///
    /// Without it, the file is looked for in the folder of each rule file and the folders around it, up to one with
    /// `.git`. docs/check-config.md describes its keys.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<String>,
    /// Read no configuration
    #[arg(long, conflicts_with = "config", hide_short_help = true)]
    pub(crate) no_config: bool,
    /// Show findings of these codes in any case
    ///
    /// Even if they are off, or milder than --min-severity.
    #[arg(long, value_name = "CODES", value_delimiter = ',', value_parser = known)]
    pub(crate) enable: Vec<String>,
    /// Hide findings of these codes
    ///
    /// `policy` stands for all policies. Errors for which a rule cannot be evaluated cannot be disabled.
    #[arg(long, value_name = "CODES", value_delimiter = ',', value_parser = known)]
    pub(crate) disable: Vec<String>,
    /// Hide the known findings of this file
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Save all findings as known, for --baseline
    #[arg(long, value_name = "FILE", conflicts_with_all = ["diff", "changed_since"])]
    pub(crate) save_baseline: Option<PathBuf>,
}

impl ControlArgs {
    /// Returns the codes that words stand for; each word is one that [`known`] took.
    pub(crate) fn codes(words: &[String]) -> Vec<&'static str> {
        words.iter().flat_map(|word| codes_of(word).unwrap_or_default()).collect()
    }
}

/// Takes a word that stands for a code.
fn known(word: &str) -> Result<String, String> {
    let word = word.trim();
    match codes_of(word) {
        Ok(_) => Ok(word.to_owned()),
        Err(refusal) => Err(format!("{}; {}", refusal.message(), refusal.help())),
    }
}
