//! The texts of `--help` that are not about one flag.

/// What stands above the commands of `alertctl --help`.
pub(super) const ABOUT: &str = "Run alert rules on recorded metrics, offline";

/// What `alertctl` alone prints.
pub(super) const INTRODUCTION: &str = "\
alertctl runs alert rules on recorded metrics, offline.

Commands:
  eval         Show which alerts would have fired on recorded metrics, and when
  explain      Explain why an alert fired, or did not
  query        Evaluate a PromQL expression on recorded metrics
  diff         Show what a change of rules would have done
  check        Check rule files for errors
  fmt          Lay out expressions, in rule files too
  data         Show what is in a recording: metrics, labels, gaps
  init         Write a starter rule file for a recording
  profile      Measure what rules cost, and catch regressions
  schema       Print a JSON Schema of a file or an output
  completions  Generate a shell completion script
  man          Generate man pages

Example:
  alertctl eval -r rules/portsyncd.yml fixtures/portsyncd.csv

For help with a command: alertctl COMMAND --help
";

pub(super) const EXIT_CODES: &str = "\
For help with a command: alertctl COMMAND --help
Exit codes: 0 success, 1 the answer is no, 2 error, 130 interrupted";

pub(super) const EXAMPLES: &str = "\
Examples:
  alertctl data night.csv
      Look at a recording first
  alertctl eval -r rules/node.yml night.csv
      Show which alerts would have fired
  alertctl eval -e 'temp > 80' --for 5m probe.csv
      Try one expression without a rule file

Exit codes:
  0    success
  1    the answer is no: `check` found problems, or a --fail-on condition was met
  2    error: wrong usage, unreadable or invalid input, or nothing was evaluated
  130  interrupted (Ctrl-C)";

pub(super) const EVAL_USAGE: &str = "alertctl eval [OPTIONS] <--rules <PATH>|--expr <PROMQL>> [RECORDING]...";

pub(super) const EVAL_EXIT_CODES: &str = "\
Exit codes: 0 success, 1 --fail-on was met, 2 error. All flags: --help";

pub(super) const EVAL_EXAMPLES: &str = "\
Examples:
  alertctl eval -r rules/node.yml night.csv
      One row per alert, with the reason if it never fired
  alertctl eval -e 'temp > 80' --for 5m --severity critical probe.csv
      An alert without a rule file, named `temp` after its metric
  alertctl eval -r rules/ 'recordings/*.csv.gz' --alert DiskFull --pending
      Every episode of one alert, including those that never fired
  alertctl eval -r rules/ night.csv --set HighCpu.for=5m,10m,15m
      What other values of `for` would have done
  alertctl eval -r rules/ night.csv --fail-on firing=critical --out report.json
      In CI: exit with 1 if a critical alert fired, keep everything in a file

Exit codes:
  0    success
  1    a --fail-on condition was met
  2    error: wrong usage, unreadable or invalid input, or nothing was evaluated
  130  interrupted (Ctrl-C)";

pub(super) const EXPLAIN_USAGE: &str = "alertctl explain ALERT [OPTIONS] <--rules <PATH>|--expr <PROMQL>> RECORDING...";

pub(super) const EXPLAIN_EXIT_CODES: &str = "\
Exit codes: 0 explained, 2 error. All flags and examples: alertctl explain --help";

pub(super) const EXPLAIN_EXAMPLES: &str = "\
Examples:
  alertctl explain DiskFull -r rules/node.yml night.csv
      Why it fired, or how near it came: the label set that fired longest
  alertctl explain DiskFull -r rules/ night.csv --where 'instance=\"db-1\"' --at 03:17
      One label set at one time
  alertctl explain DiskFull -r rules/ night.csv --first --full -o json
      Everything about the first firing, for a program

Exit codes:
  0    explained
  2    error: wrong usage, no such alert, a time outside the recording,
       unreadable or invalid input, or nothing was evaluated
  130  interrupted (Ctrl-C)";

pub(super) const QUERY_USAGE: &str = "\
alertctl query [OPTIONS] EXPR RECORDING...
       alertctl query [OPTIONS] --expr-file FILE RECORDING...";

pub(super) const QUERY_EXIT_CODES: &str = "\
Exit codes: 0 evaluated, 1 it failed or a metric is not in the recording, 2 error.
All flags and examples: alertctl query --help";

pub(super) const QUERY_EXAMPLES: &str = "\
Examples:
  alertctl query 'up == 0' night.csv
      What was down at the end of the recording
  alertctl query 'sum by (job) (rate(errors_total[5m]))' night.csv --start -2h -o plot
      The last two hours, drawn
  alertctl query 'topk(3, memory_bytes)' night.csv --time '2026-01-05 18:00' -o json
      At a time, as Prometheus' API answers
  alertctl query 'sum(rate(errors_total[5m]))' night.csv --start +0s --step 1m --analyze
      What each part of the expression costs
  alertctl query --expr-file exprs.txt night.csv --start +0s --end -0s --step 5m
      Many expressions, one per line: one line of JSON for each

Exit codes:
  0    evaluated, even if no series is left
  1    the evaluation failed, or a metric that the expression needs is not in
       the recording
  2    error: wrong usage, an expression with a mistake, unreadable or invalid
       input, or nothing was evaluated
  130  interrupted (Ctrl-C)";

pub(super) const DIFF_USAGE: &str = "\
alertctl diff [OPTIONS] OLD NEW RECORDING...
       alertctl diff [OPTIONS] --base REF RULES RECORDING...";

pub(super) const DIFF_EXIT_CODES: &str = "\
Exit codes: 0 success, 1 --fail-on was met, 2 error. All flags: --help";

pub(super) const DIFF_EXAMPLES: &str = "\
Examples:
  alertctl diff old.yml new.yml night.csv
      Which firings are lost, new or shifted, and what changed in which rule
  alertctl diff --base main rules/ 'recordings/*.csv.gz' --tolerance 1m
      What this branch changes; shifts of a minute do not count
  alertctl diff --base origin/main rules/ night.csv --fail-on lost-firing --out diff.md
      In CI: a comment for the pull request; exit with 1 if an alert would not fire any more

Exit codes:
  0    success
  1    a --fail-on condition was met
  2    error: wrong usage, unreadable or invalid input, or nothing was evaluated
  130  interrupted (Ctrl-C)";

pub(super) const CHECK_EXIT_CODES: &str = "\
Exit codes: 0 no error, 1 an error (or what --fail-on names), 2 a file could not
be read. Examples: alertctl check --help";

pub(super) const CHECK_EXAMPLES: &str = "\
Examples:
  alertctl check rules/node.yml
      Show every problem, with its line
  alertctl check rules/ 'teams/*/alerts.yml' --fail-on warning
      Check a folder and a glob; exit with 1 on warnings too
  alertctl check rules/ -d night.csv
      And what only recorded data shows: names, ranges, thresholds, firings
  alertctl check rules/ --fix --diff
      What could be fixed, as a patch; --fix alone writes it
  alertctl check --changed-since origin/main rules/ -o github --out check.sarif
      In CI: only what a pull request brings, as annotations and as SARIF

Exit codes:
  0  no problem that --fail-on names
  1  at least one problem that --fail-on names; with --diff also if there is
     anything to fix
  2  error: a file is missing or cannot be read, or no file holds rules";

pub(super) const FMT_EXIT_CODES: &str = "\
Exit codes: 0 success, 1 --check or --diff found something to change, 2 error
Examples: alertctl fmt --help";

pub(super) const FMT_EXAMPLES: &str = "\
Expressions look as `promtool promql format` prints them. Comments and all that
is not an expression stay as they are.

Examples:
  alertctl fmt 'sum(rate(errors_total[5m]))by(job)>1'
      Print an expression
  alertctl fmt rules/ 'teams/*/alerts.yml'
      Rewrite rule files
  alertctl fmt --check rules/
      In CI: name the files that are not laid out, exit with 1 if there is any
  alertctl fmt - < rules.yml
      Print what an editor sends, laid out

Exit codes:
  0  success
  1  with --check or --diff: something would change
  2  error: a file cannot be read or written, or an error stands in a file or an
     expression; such a file is left as it is";

pub(super) const DATA_EXIT_CODES: &str = "\
Exit codes: 0 success, 1 `eval` would refuse it, 2 error, 130 interrupted
All flags and examples: alertctl data --help";

pub(super) const DATA_EXAMPLES: &str = "\
Examples:
  alertctl data night.csv
      One row per metric, then labels, gaps and warnings
  alertctl data 'probes/*.jsonl.gz' --labels port --tz local
      Several files as one recording; the numbers in `port` are labels
  alertctl data -o json - < night.csv
      Everything as one JSON object
  alertctl data night.om --to csv --start -2h --only-for rules/ --out cut.csv
      Convert the last two hours of what the rules read

Exit codes:
  0    success
  1    `eval` would refuse the recording: unreadable rows, conflicts, no samples
  2    error: wrong usage or unreadable input
  130  interrupted (Ctrl-C)";

pub(super) const INIT_EXIT_CODES: &str = "\
Exit codes: 0 success, 2 error, 130 interrupted
All flags and examples: alertctl init --help";

pub(super) const INIT_EXAMPLES: &str = "\
One rule per metric, each with a threshold beyond what was recorded: nothing
fires until you move it.

Examples:
  alertctl init night.csv --out rules.yml
      Write rules to begin with
  alertctl eval -r rules.yml night.csv
      Evaluate them on the same recording

Exit codes:
  0    success
  2    error: wrong usage, unreadable input, no metric, or the file exists
  130  interrupted (Ctrl-C)";

pub(super) const SCHEMA: &str = "\
Examples:
  alertctl schema
      List the kinds
  alertctl schema rules > rules.schema.json
      Let an editor check native rules: docs/check.md shows how";

pub(super) const COMPLETIONS: &str = "\
Examples:
  alertctl completions bash > ~/.local/share/bash-completion/completions/alertctl
  alertctl completions zsh > ~/.zfunc/_alertctl       (with `fpath+=~/.zfunc` before `compinit`)
  alertctl completions fish > ~/.config/fish/completions/alertctl.fish";

pub(super) const MAN: &str = "\
Examples:
  alertctl man | man -l -
      Read the page of alertctl
  alertctl man ~/.local/share/man/man1
      Install a page for each command; then: man alertctl-eval";
