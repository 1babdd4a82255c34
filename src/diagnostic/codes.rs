//! Every code that a problem, a warning or a hint may have: the stable word by which people silence, search and count it.
//! A code never changes its meaning, and one that is gone is not used again.

use super::Severity;

/// What a code is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// What a file must be to be read.
    Loading,
    /// A rule that can be evaluated, and hardly does what its author meant: known from the rules alone.
    Lint,
    /// The same, known with a recording.
    DataLint,
    /// How rules are to be written by whoever keeps them: a policy of a configuration.
    Policy,
    /// How a check is controlled: by comments.
    Control,
    /// A recording, or a run.
    Run,
}

/// One code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// The word, in kebab-case.
    pub word: &'static str,
    /// What it means, in one sentence.
    pub meaning: &'static str,
    /// What it is about.
    pub about: About,
    /// How bad it is, unless a configuration says otherwise.
    pub severity: Severity,
}

/// Returns a code by its word. Cost: a walk over the table.
#[must_use]
pub fn find(word: &str) -> Option<&'static Code> {
    ALL.iter().find(|code| code.word == word)
}

/// Makes a constant of each word and the table of all.
macro_rules! codes {
    ($($about:ident $severity:ident { $($name:ident = $word:literal: $meaning:literal;)* })*) => {
        $($(#[doc = $meaning] pub const $name: &str = $word;)*)*

        /// All codes, by what they are about.
        pub const ALL: &[Code] = &[$($(Code {
            word: $word,
            meaning: $meaning,
            about: About::$about,
            severity: Severity::$severity,
        }),*),*];
    };
}

codes! {
    Loading Error {
        // The bytes of a file.
        FILE_TOO_LARGE = "file-too-large": "A file is longer than the limit.";
        INVALID_UTF8 = "invalid-utf8": "A file is not UTF-8 text.";
        CONTROL_CHARACTER = "control-character": "A character stands in the text that YAML forbids.";
        MORE_PROBLEMS = "more-problems": "Problems of one code and file were left out; this one counts them.";
        // YAML.
        YAML_SYNTAX = "yaml-syntax": "The text is not YAML.";
        YAML_ALIAS = "yaml-alias": "An alias names no anchor above it, or one that it stands in.";
        YAML_TAG = "yaml-tag": "A tag asks for a type that is not read.";
        YAML_TOO_DEEP = "yaml-too-deep": "Lists and mappings are nested deeper than the limit.";
        YAML_TOO_LARGE = "yaml-too-large": "A file holds more YAML nodes than the limit, aliases followed.";
    }
    Loading Warning {
        SECOND_DOCUMENT = "second-document": "A second YAML document is ignored.";
    }
    Loading Error {
        // Fields and values.
        DUPLICATE_KEY = "duplicate-key": "A key is written twice in one mapping.";
        UNKNOWN_KEY = "unknown-key": "A mapping has a key that means nothing in it.";
    }
    Loading Warning {
        IGNORED_KEY = "ignored-key": "A key that means nothing is left out on request.";
    }
    Loading Error {
        MISSING_KEY = "missing-key": "A mapping lacks a key that it must have.";
        WRONG_TYPE = "wrong-type": "A value is of another type than its key takes.";
    }
    Loading Warning {
        EMPTY_ENTRY = "empty-entry": "An entry of a list is empty and ignored.";
    }
    Loading Error {
        DURATION = "duration": "A text is not a duration.";
    }
    Loading Warning {
        FRACTION = "fraction": "A whole number was written with a fraction, which is cut.";
    }
    Loading Error {
        // Rule files of both forms.
        RULE_FORM = "rule-form": "A file names neither of the two forms of rule file, or both.";
        NOT_A_RULE_FILE = "not-a-rule-file": "A file is plainly of another kind.";
    }
    Loading Warning {
        OTHER_RESOURCE = "other-resource": "Resources of a manifest, or entries of a ConfigMap, hold no rules.";
    }
    Loading Error {
        GROUP_NAME = "group-name": "A group has no name.";
        DUPLICATE_GROUP = "duplicate-group": "Two groups of one file have one name.";
        RULE_KIND = "rule-kind": "A rule neither alerts nor records, or both.";
        RECORD_NAME = "record-name": "A recorded metric has a name that no metric can have.";
        RECORDING_RULE_KEY = "recording-rule-key": "A recording rule has a key of alerting rules.";
        MISSING_EXPR = "missing-expr": "A rule has no expression.";
        RULE_TYPE = "rule-type": "An expression gives something that a rule cannot use.";
        LABEL_NAME = "label-name": "A label has a name that cannot be set.";
        ANNOTATION_NAME = "annotation-name": "An annotation has no name.";
    }
    Loading Warning {
        READS_ITSELF = "reads-itself": "A recording rule reads only series that it writes itself, so nothing gives it a first value.";
    }
    Loading Error {
        TEMPLATE = "template": "A template cannot be expanded.";
        // Rule files of the native form.
        FORM_VERSION = "form-version": "A file is written in a version of the native form that is not read.";
        RULE_ID = "rule-id": "A native rule has no id, or one of other characters than an id may have.";
        DUPLICATE_ID = "duplicate-id": "Two native rules have one id.";
        RULE_EXPR = "rule-expr": "A native rule is written with an expression.";
        METRIC = "metric": "A native rule names no metric, or something else than one.";
        MATCH = "match": "The matchers of a native rule cannot be read.";
        CONDITION = "condition": "A native rule has no condition, or more than one.";
        THRESHOLD = "threshold": "A threshold is not a finite number.";
        THRESHOLD_RANGE = "threshold-range": "A range of thresholds is not two numbers in order.";
        TOLERANCE = "tolerance": "A tolerance is not a number, or its condition takes none.";
        WINDOW = "window": "A condition lacks the window that it looks at, or has one that cannot be used.";
        TAKE = "take": "What is taken from a window is none of what there is.";
    }
    Loading Warning {
        WINDOW_WITHOUT_EFFECT = "window-without-effect": "A window is given to a condition that looks at one value.";
    }
    Loading Error {
        DERIVED_NAME = "derived-name": "A derived metric has no name.";
        DERIVED_CYCLE = "derived-cycle": "Derived metrics read each other, or one reads itself.";
        DERIVED_ORDER = "derived-order": "A derived metric is read above the place that makes it.";
        DUPLICATE_DERIVED = "duplicate-derived": "Two derived metrics have one name.";
        SEVERITY = "severity": "A severity is none that there is.";
        ACTION = "action": "An action is none that there is, or lacks a part.";
        WEBHOOK = "webhook": "The URL of a webhook cannot be called.";
        // PromQL.
        PROMQL_SYNTAX = "promql-syntax": "An expression is not valid PromQL.";
        PROMQL_FUNCTION = "promql-function": "An expression calls a function that does not exist.";
        PROMQL_TYPE = "promql-type": "An operand or an argument is of a wrong type.";
        PROMQL_REGEX = "promql-regex": "A regular expression does not compile.";
        PROMQL_LIMIT = "promql-limit": "An expression is longer or deeper than the limit.";
        PROMQL_DURATION = "promql-duration": "A duration that an expression works out is not one that can be used.";
        EVALUATION = "evaluation": "An evaluation failed, as those of rules do that become faults.";
        CANNOT_EVALUATE = "cannot-evaluate": "An expression is valid, and no evaluation of it can succeed.";
        NOT_SUPPORTED = "not-supported": "Rules are in a language that is not evaluated here.";
    }
    Run Error {
        // Other files.
        SILENCE_MATCHERS = "silence-matchers": "The matchers of a silence cannot be read, or would silence everything.";
    }
    Run Warning {
        IDLE_SILENCE = "idle-silence": "A silence covers no alert that there could be, or no time of the recording.";
    }
    Run Error {
        SILENCE_TIME = "silence-time": "A silence has a time that is none, or ends before it begins.";
        INCIDENT = "incident": "An incident has a time that is none, or ends before it begins.";
        ACCEPTANCE = "acceptance": "An acceptance of an increase names nothing that there is, or lacks its date or reason.";
        CONFIGURATION = "configuration": "A configuration of the check has a value that cannot be used.";
        TARGET = "target": "A value is not a target of its check, or its check takes none.";
    }
    Run Warning {
        // Hints on a recording and a run.
        CONFLICTS = "conflicts": "Samples of one series and time have different values.";
        REPLICAS = "replicas": "Series differ in nothing but the label of a replica or a server.";
        QUERY_GRID = "query-grid": "A recording looks like the answer to a query, not like raw samples.";
        LONG_LOOK_BACK = "long-look-back": "The look-back is longer than the recording.";
        MANY_STALE_MARKERS = "many-stale-markers": "So many ends of series were inferred that alerts may be cut to pieces.";
        ENDS_EARLY = "ends-early": "Series end long before the recording does.";
        NEVER_WARM = "never-warm": "A rule's window is longer than the recording and never full.";
        INTERVAL_ASSUMED = "interval-assumed": "A group is evaluated at an interval that neither its file nor a flag names.";
        HIDDEN_SERIES = "hidden-series": "A recording has series of a metric that a recording rule writes, and rules see only what is computed.";
        RULES_LEFT_OUT = "rules-left-out": "Rules are left out of a report on request.";
    }
    // The rule alone.
    Lint Error {
        VALUE_IN_LABELS = "value-in-labels": "A label holds the value, so every new value is a new alert.";
        TEMPLATE_LABEL_MISSING = "template-label-missing": "A template reads a label that the expression does not have.";
        RATE_OF_SUM = "rate-of-sum": "A rate is taken of an aggregation, which is no counter.";
        RANGE_TOO_SHORT = "range-too-short": "A range holds no two samples, which its function needs.";
    }
    Lint Warning {
        ALWAYS_FIRES = "always-fires": "Nothing in the expression of an alert is a condition.";
        ABSENT_WITHOUT_FOR = "absent-without-for": "An alert on missing series fires at once, or never.";
        DEAD_CODE = "dead-code": "Part of an expression can never have an effect.";
        CONTRADICTORY_THRESHOLD = "contradictory-threshold": "A comparison is never true, always true, or true by chance.";
        FRAGILE = "fragile": "An alert changes its identity, or fires while data is incomplete.";
        NAN_POISON = "nan-poison": "A sum or an average holds a division that may be 0 by 0.";
        HIDDEN_BY_COMMENT = "hidden-by-comment": "A comment hides lines of an expression, which YAML joins with it.";
        EXPERIMENTAL = "experimental": "An expression uses what Prometheus evaluates only with a feature flag.";
    }
    Lint Info {
        FOR_DEFAULT = "for-default": "A `for` or `keep_firing_for` is the default, or acts as another duration.";
        SUBQUERY_STEP = "subquery-step": "A subquery leaves its step to the configuration of the server.";
        REGEXP = "regexp": "A regular expression is a plain text, matches everything, or has anchors without effect.";
        IRATE = "irate": "An alert looks at the last two samples alone.";
        HUMANIZE = "humanize": "A text prints a computed number with all its digits.";
    }
    // The rules together.
    Lint Warning {
        DEPENDENCY = "dependency": "A rule reads what is written later, elsewhere or nowhere.";
        DUPLICATE = "duplicate": "Two rules have one name and the same labels.";
        INTERVAL_OVER_LOOKBACK = "interval-over-lookback": "A group is evaluated so rarely that what it writes is gone in between.";
    }
    Lint Info {
        PRECOMPUTED = "precomputed": "An expression is one that a recording rule works out already.";
    }
    // With a recording.
    DataLint Error {
        DUPLICATE_LABELSET = "duplicate-labelset": "An evaluation fails because two series have the same labels.";
        EVALUATION_FAILS = "evaluation-fails": "An evaluation fails on the recording.";
    }
    DataLint Warning {
        NO_SUCH_METRIC = "no-such-metric": "A selector asks for a metric that neither the recording nor a rule has.";
        NO_SUCH_LABEL = "no-such-label": "An expression asks for a label that no series of the recording has there.";
        NO_SUCH_VALUE = "no-such-value": "A matcher asks for a value that the label has in no series of the metric.";
        COUNTER_AS_GAUGE = "counter-as-gauge": "A counter is compared with a threshold without a rate.";
        RATE_ON_GAUGE = "rate-on-gauge": "A function for counters is used on a metric that falls.";
        LONG_CADENCE = "long-cadence": "Samples are further apart than the look-back.";
        NO_MATCH = "no-match": "Both sides of an operator have series, and no pair of them matches.";
        BEYOND_DATA = "beyond-data": "An expression looks back further than the recording is long.";
        ALWAYS_FIRING = "always-firing": "An alert fires all the time, or nearly so.";
        FLAPPING = "flapping": "An alert fires and resolves again and again.";
        GAP_RESET = "gap-reset": "Missing samples, and not the value, make `for` begin again.";
        THRESHOLD_OUT_OF_RANGE = "threshold-out-of-range": "A threshold is beyond every value of the recording.";
        TEMPLATE_FAILS = "template-fails": "A template cannot be expanded for an alert of the recording.";
    }
    DataLint Info {
        FIRE_COUNT = "fire-count": "How often an alert fires on the recording.";
        NEVER_FIRES = "never-fires": "An alert does not fire on the recording.";
        DIES_PENDING = "dies-pending": "An alert is pending again and again, and never for as long as `for` wants.";
        COST = "cost": "How many series and samples an expression reads, and how many series it gives.";
    }
    // What a configuration asks of rules.
    Policy Warning {
        REQUIRED_LABEL = "required-label": "A rule lacks a label that a policy requires, or gives it another value than it allows.";
        FORBIDDEN_LABEL = "forbidden-label": "A rule sets a label that a policy does not allow.";
        ALLOWED_SEVERITY = "allowed-severity": "An alert has a severity that a policy does not list.";
        REQUIRED_ANNOTATION = "required-annotation": "An alert lacks an annotation that a policy requires, or gives it another text than it allows.";
        FORBIDDEN_ANNOTATION = "forbidden-annotation": "An alert has an annotation that a policy does not allow.";
        FIRING_LIMITS = "firing-limits": "An alert fires more or less often on the recording than a policy allows.";
        RUNBOOK_URL = "runbook-url": "The link to a runbook is no URL, or not one of the form that a policy asks for.";
        RULE_NAME = "rule-name": "The name of a rule does not match the pattern of a policy.";
        FOR_LIMITS = "for-limits": "The `for` or `keep_firing_for` of an alert is outside the limits of a policy.";
        SELECTOR_LABEL = "selector-label": "A selector has no matcher for a label that a policy asks for.";
        AGGREGATION_LABEL = "aggregation-label": "An aggregation drops a label that a policy keeps, or keeps one that it drops.";
        RULE_OWNER = "rule-owner": "No comment says who owns a rule, although a policy asks for it.";
    }
    // Comments that control the check.
    Control Error {
        INVALID_COMMENT = "invalid-comment": "A comment for alertctl cannot be read: its word, its date or its codes are none that there are.";
    }
    Control Warning {
        UNKNOWN_CODE = "unknown-code": "A comment names a code that does not exist.";
        UNUSED_COMMENT = "unused-comment": "A comment silences nothing.";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_unique_and_in_kebab_case() {
        for (at, code) in ALL.iter().enumerate() {
            let parts = code.word.split('-');
            let plain = |part: &str| {
                part.starts_with(|c: char| c.is_ascii_lowercase())
                    && part.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
            };
            assert!(parts.into_iter().all(plain), "{}", code.word);
            assert_eq!(ALL.iter().position(|other| other.word == code.word), Some(at), "{}", code.word);
        }
    }

    #[test]
    fn every_meaning_is_one_sentence() {
        for Code { word, meaning, .. } in ALL {
            assert!(meaning.ends_with('.') && meaning.matches(". ").count() == 0, "{word}: {meaning}");
        }
    }
}
