//! Which rules are evaluated.

use clap::Args;

use crate::labels::LabelSet;
use crate::rules::{Quick, RuleSet};
use crate::time::{Millis, parse_duration};

use crate::cli::Failure;

/// Rule files, and alerts without a file.
#[derive(Debug, Args)]
pub(crate) struct RuleArgs {
    /// Rule files, folders or globs; repeatable
    ///
    /// In folders, *.yml, *.yaml, and *.json with rule groups. Prometheus rule files, alertctl's own form, Kubernetes
    /// manifests (PrometheusRule, ConfigMap) and answers of /api/v1/rules can be mixed.
    #[arg(short, long = "rules", value_name = "PATH", required_unless_present = "expr", help_heading = "Rules")]
    pub(crate) rules: Vec<String>,
    #[command(flatten)]
    pub(crate) keys: KeyArgs,
    /// Alert on this expression; repeatable
    ///
    /// No rule file is needed. The alert is named after the first metric of the expression.
    #[arg(short, long = "expr", value_name = "PROMQL", allow_hyphen_values = true, help_heading = "Rules")]
    pub(crate) expr: Vec<String>,
    /// How long --expr must be true to fire [default: 0s]
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration, help_heading = "Rules")]
    pub(crate) hold: Option<Millis>,
    /// How long --expr keeps firing once it is no longer true [default: 0s]
    #[arg(
        long,
        value_name = "DURATION",
        value_parser = parse_duration,
        hide_short_help = true,
        help_heading = "Rules"
    )]
    pub(crate) keep_firing_for: Option<Millis>,
    /// The `severity` label of --expr alerts
    #[arg(long, value_name = "SEVERITY", help_heading = "Rules")]
    pub(crate) severity: Option<String>,
}

/// How rule files are read.
#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    /// Leave out unknown keys of rule files, with a warning
    ///
    /// For the keys of Thanos, Mimir and vmalert, such as `partial_response_strategy` and `eval_delay`. Each key that is
    /// left out is named. Applies to Prometheus rule files, not to alertctl's own form.
    #[arg(long, hide_short_help = true, help_heading = "Rules")]
    pub(crate) ignore_unknown_fields: bool,
}

impl KeyArgs {
    /// Returns a set of rules, empty yet, that reads files so.
    pub(crate) fn rules(&self) -> RuleSet {
        RuleSet { ignore_unknown_fields: self.ignore_unknown_fields, ..RuleSet::default() }
    }
}

impl RuleArgs {
    /// Returns what all alerts of `--expr` have in common; flags that would mean nothing are refused.
    pub(crate) fn quick(&self) -> Result<Quick, Failure> {
        let given = [
            ("--for", self.hold.is_some()),
            ("--keep-firing-for", self.keep_firing_for.is_some()),
            ("--severity", self.severity.is_some()),
        ];
        match given.into_iter().find(|(_, given)| *given && self.expr.is_empty()) {
            Some((flag, _)) => Err(Failure::new(format!("{flag} applies to the alerts of --expr, and there are none"))
                .hint(format!("alertctl eval -e 'temp > 80' {flag} ... probe.csv; in rule files, set it per rule"))),
            None => Ok(Quick {
                hold: self.hold.unwrap_or_default(),
                keep_firing: self.keep_firing_for.unwrap_or_default(),
                severity: self.severity.clone(),
            }),
        }
    }
}

/// What a server adds to the alerts of its rules.
#[derive(Debug, Args)]
pub(crate) struct ExternalArgs {
    /// A label that the server would add to every alert; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = label, hide_short_help = true, help_heading = "Rules")]
    pub(crate) external_label: Vec<(String, String)>,
    /// The server's address, for `$externalURL` in templates
    #[arg(
        long,
        value_name = "URL",
        default_value = "",
        hide_default_value = true,
        hide_short_help = true,
        help_heading = "Rules"
    )]
    pub(crate) external_url: String,
}

impl ExternalArgs {
    /// Returns the labels, if there are any.
    pub(crate) fn labels(&self) -> Option<LabelSet> {
        let labels = || LabelSet::new(self.external_label.iter().map(|(name, value)| (name, value)));
        (!self.external_label.is_empty()).then(labels)
    }
}

pub(super) fn label(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let wrong = || format!("`{text}` is not a label; write it like `cluster=ams`");
    pair.map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or_else(wrong)
}
