//! The texts of `--help` that are not about one flag.

/// What stands above the commands of `alertctl --help`.
pub(super) const ABOUT: &str = "Tells offline what alert rules would have done on recorded metrics";

/// What `alertctl` alone prints.
pub(super) const INTRODUCTION: &str = "\
alertctl tells offline what alert rules would have done on recorded metrics.

Commands:
  eval         evaluates rules on recordings: which alerts would have fired, when and for how long
  check        tells everything that is wrong with rule files
  data         tells what is in recordings, before any rule
  profile      measures what rules cost: against targets, a baseline, other rules or another build
  completions  writes a script that completes commands and flags in a shell
  man          writes the manual pages

Example:
  alertctl eval -r rules/portsyncd.yml fixtures/portsyncd.csv

`alertctl COMMAND --help` says more.
";

pub(super) const EXIT_CODES: &str = "\
Examples: --help. Flags of a command: alertctl COMMAND -h
Exit codes: 0 done, 1 done and the answer is no, 2 could not be done, 130 stopped by Ctrl-C";

pub(super) const EXAMPLES: &str = "\
Examples:
  alertctl data night.csv
      what is in a recording: the first thing to ask of a strange file
  alertctl eval -r rules/node.yml night.csv
      which alerts would have fired on a recording
  alertctl eval -e 'temp > 80' --for 5m probe.csv
      the same for one expression, without a rule file

Exit codes:
  0    done, and the answer is good
  1    done, and the answer is no: problems in rules or recordings, a --fail-on is met
  2    could not be done: usage, unreadable or invalid input, nothing evaluated
  130  stopped by Ctrl-C";

pub(super) const EVAL_EXIT_CODES: &str = "\
More flags and examples: --help
Exit codes: 0 done, 1 done and a --fail-on is met, 2 could not be done, 130 stopped by Ctrl-C";

pub(super) const EVAL_EXAMPLES: &str = "\
Examples:
  alertctl eval -r rules/node.yml night.csv
      one row an alert, with the reason where one never fired
  alertctl eval -e 'temp > 80' --for 5m --severity critical probe.csv
      an alert without a rule file; it is called `temp`, as its first metric
  alertctl eval -r rules/ 'recordings/*.csv.gz' --alert DiskFull --pending
      every episode of one alert, those that died pending too
  alertctl eval -r rules/ night.csv --fail-on firing=critical --out json:report.json
      exit code 1 when a critical alert fired, everything in report.json

Exit codes:
  0    done
  1    done, and a --fail-on is met
  2    could not be done: usage, unreadable or invalid input, nothing evaluated
  130  stopped by Ctrl-C";

pub(super) const CHECK_EXIT_CODES: &str = "\
Examples: --help
Exit codes: 0 no problem, 1 an error (with --fail-on warning: or a warning), 2 could not be read";

pub(super) const CHECK_EXAMPLES: &str = "\
Examples:
  alertctl check rules/node.yml
      every problem of a file, with the line it stands on
  alertctl check rules/ 'teams/*/alerts.yml' --fail-on warning
      all files of a folder and a glob; warnings make the exit code 1 too
  alertctl check -o json rules/ > problems.json
      for other tools: code, place and help of each problem

Exit codes:
  0  no problem that --fail-on names
  1  some problem that it names
  2  could not be done: a file is not there or can not be read";

pub(super) const DATA_EXIT_CODES: &str = "\
More flags and examples: --help
Exit codes: 0 done, 1 done and `eval` would refuse it, 2 could not be read, 130 stopped by Ctrl-C";

pub(super) const DATA_EXAMPLES: &str = "\
Examples:
  alertctl data night.csv
      one row a metric, then labels, gaps and what is worth a thought
  alertctl data 'probes/*.jsonl.gz' --labels port --tz local
      several files together; the numbers of `port` are labels
  alertctl data -o json - < night.csv
      everything as one JSON object, alertctl.data/1

Exit codes:
  0    done
  1    done, and `eval` would refuse the recording: bad rows, conflicts, no samples
  2    could not be done: usage, unreadable input
  130  stopped by Ctrl-C";

pub(super) const COMPLETIONS: &str = "\
Examples:
  alertctl completions bash > ~/.local/share/bash-completion/completions/alertctl
  alertctl completions zsh > ~/.zfunc/_alertctl       (with `fpath+=~/.zfunc` before `compinit`)
  alertctl completions fish > ~/.config/fish/completions/alertctl.fish";

pub(super) const MAN: &str = "\
Examples:
  alertctl man | man -l -
      reads the page of alertctl
  alertctl man ~/.local/share/man/man1
      writes alertctl.1 and a page for each command; then: man alertctl-eval";
