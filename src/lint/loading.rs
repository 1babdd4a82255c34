//! The pages of what is found while rules are loaded: an example with the mistake, and one without it.

use crate::diagnostic::codes;

/// The page of a code of loading.
#[derive(Clone, Copy, Debug)]
pub struct LoadingPage {
    /// The code.
    pub code: &'static str,
    /// A file with the mistake, or the entries of a group's `rules:`.
    pub bad: &'static str,
    /// The same without it.
    pub clean: &'static str,
}

const fn page(code: &'static str, bad: &'static str, clean: &'static str) -> LoadingPage {
    LoadingPage { code, bad, clean }
}

/// Finds the page of a code; none where an example would show nothing.
#[must_use]
pub fn find(code: &str) -> Option<&'static LoadingPage> {
    ALL.iter().find(|page| page.code == code)
}

const SOUND: &str = "- alert: InstanceDown\n  expr: up == 0\n  for: 5m\n";
const NATIVE: &str = "alertctl: 1\nrules:\n- id: temp_hot\n  metric: temp\n  above: 80\n";

/// All pages.
pub static ALL: &[LoadingPage] = &[
    page(codes::YAML_SYNTAX, "- alert: InstanceDown\n  expr: up == 0\n annotations: {}\n", SOUND),
    page(
        codes::YAML_ALIAS,
        "- alert: InstanceDown\n  expr: up == 0\n  labels: *common\n",
        "- alert: InstanceDown\n  expr: up == 0\n  labels: &common {team: web}\n- alert: DiskFull\n  expr: disk_free_bytes == 0\n  labels: *common\n",
    ),
    page(codes::YAML_TAG, "- alert: InstanceDown\n  expr: !!binary dXA=\n", SOUND),
    page(
        codes::SECOND_DOCUMENT,
        "groups: [{name: a, rules: []}]\n---\ngroups: [{name: b, rules: []}]\n",
        "groups: [{name: a, rules: []}, {name: b, rules: []}]\n",
    ),
    page(
        codes::DUPLICATE_KEY,
        "- alert: InstanceDown\n  expr: up == 0\n  expr: up == 1\n",
        "- alert: InstanceDown\n  expr: up == 0\n",
    ),
    page(codes::UNKNOWN_KEY, "- alert: InstanceDown\n  expr: up == 0\n  fro: 5m\n", SOUND),
    page(codes::WRONG_TYPE, "- alert: InstanceDown\n  expr: [up, down]\n", SOUND),
    page(codes::EMPTY_ENTRY, "- alert: InstanceDown\n  expr: up == 0\n-\n", SOUND),
    page(codes::DURATION, "- alert: InstanceDown\n  expr: up == 0\n  for: 5\n", SOUND),
    page(
        codes::FRACTION,
        "groups:\n- name: a\n  limit: 10.5\n  rules: []\n",
        "groups:\n- name: a\n  limit: 10\n  rules: []\n",
    ),
    page(codes::GROUP_NAME, "groups:\n- rules: []\n", "groups:\n- name: hosts\n  rules: []\n"),
    page(
        codes::DUPLICATE_GROUP,
        "groups:\n- {name: hosts, rules: []}\n- {name: hosts, rules: []}\n",
        "groups:\n- {name: hosts, rules: []}\n- {name: disks, rules: []}\n",
    ),
    page(codes::RULE_KIND, "- expr: up == 0\n  for: 5m\n", SOUND),
    page(
        codes::RECORD_NAME,
        "- record: 'up{job=\"web\"}'\n  expr: sum(up)\n",
        "- record: web:up:sum\n  expr: sum(up{job=\"web\"})\n",
    ),
    page(
        codes::RECORDING_RULE_KEY,
        "- record: job:up:sum\n  expr: sum by (job) (up)\n  for: 5m\n",
        "- record: job:up:sum\n  expr: sum by (job) (up)\n",
    ),
    page(codes::MISSING_EXPR, "- alert: InstanceDown\n  for: 5m\n", SOUND),
    page(
        codes::RULE_TYPE,
        "- record: job:up:sum\n  expr: up[5m]\n",
        "- record: job:up:sum\n  expr: sum by (job) (avg_over_time(up[5m]))\n",
    ),
    page(
        codes::LABEL_NAME,
        "- alert: InstanceDown\n  expr: up == 0\n  labels: {__name__: down}\n",
        "- alert: InstanceDown\n  expr: up == 0\n  labels: {team: web}\n",
    ),
    page(
        codes::ANNOTATION_NAME,
        "- alert: InstanceDown\n  expr: up == 0\n  annotations: {'': is down}\n",
        "- alert: InstanceDown\n  expr: up == 0\n  annotations: {summary: is down}\n",
    ),
    page(
        codes::READS_ITSELF,
        "- record: job:up:max\n  expr: max by (job) (job:up:max)\n",
        "- record: job:up:max\n  expr: max by (job) (up) or job:up:max\n",
    ),
    page(
        codes::TEMPLATE,
        "- alert: InstanceDown\n  expr: up == 0\n  annotations: {summary: '{{ humanise $value }}'}\n",
        "- alert: InstanceDown\n  expr: up == 0\n  annotations: {summary: '{{ humanize $value }}'}\n",
    ),
    page(codes::PROMQL_SYNTAX, "- alert: InstanceDown\n  expr: up ==\n  for: 5m\n", SOUND),
    page(
        codes::PROMQL_FUNCTION,
        "- record: job:errors:rate5m\n  expr: sum by (job) (rat(errors_total[5m]))\n",
        "- record: job:errors:rate5m\n  expr: sum by (job) (rate(errors_total[5m]))\n",
    ),
    page(
        codes::PROMQL_TYPE,
        "- record: job:errors:rate5m\n  expr: rate(errors_total)\n",
        "- record: job:errors:rate5m\n  expr: rate(errors_total[5m])\n",
    ),
    page(
        codes::PROMQL_REGEX,
        "- alert: InstanceDown\n  expr: up{job=~\"(web\"} == 0\n",
        "- alert: InstanceDown\n  expr: up{job=~\"(web|db)\"} == 0\n",
    ),
    page(codes::FORM_VERSION, "alertctl: 2\nrules: []\n", NATIVE),
    page(codes::RULE_ID, "alertctl: 1\nrules:\n- metric: temp\n  above: 80\n", NATIVE),
    page(
        codes::DUPLICATE_ID,
        "alertctl: 1\nrules:\n- {id: hot, metric: temp, above: 80}\n- {id: hot, metric: temp, above: 90}\n",
        "alertctl: 1\nrules:\n- {id: warm, metric: temp, above: 80}\n- {id: hot, metric: temp, above: 90}\n",
    ),
    page(codes::RULE_EXPR, "alertctl: 1\nrules:\n- id: temp_hot\n  expr: temp > 80\n", NATIVE),
    page(codes::METRIC, "alertctl: 1\nrules:\n- id: temp_hot\n  metric: rate(temp[5m])\n  above: 80\n", NATIVE),
    page(
        codes::MATCH,
        "alertctl: 1\nrules:\n- id: temp_hot\n  metric: temp\n  match: '{host=\"a\"}'\n  above: 80\n",
        "alertctl: 1\nrules:\n- id: temp_hot\n  metric: temp\n  match: 'host=\"a\"'\n  above: 80\n",
    ),
    page(codes::CONDITION, "alertctl: 1\nrules:\n- id: temp_hot\n  metric: temp\n", NATIVE),
    page(codes::THRESHOLD, "alertctl: 1\nrules:\n- id: temp_hot\n  metric: temp\n  above: hot\n", NATIVE),
    page(
        codes::THRESHOLD_RANGE,
        "alertctl: 1\nrules:\n- id: temp_odd\n  metric: temp\n  between: [80, 20]\n",
        "alertctl: 1\nrules:\n- id: temp_odd\n  metric: temp\n  between: [20, 80]\n",
    ),
    page(
        codes::WINDOW,
        "alertctl: 1\nrules:\n- id: temp_rises\n  metric: temp\n  rate_of_change: 0.5\n",
        "alertctl: 1\nrules:\n- id: temp_rises\n  metric: temp\n  rate_of_change: 0.5\n  evaluation_window: 5m\n",
    ),
    page(
        codes::SEVERITY,
        "alertctl: 1\nrules:\n- id: temp_hot\n  metric: temp\n  above: 80\n  severity: fatal\n",
        "alertctl: 1\nrules:\n- id: temp_hot\n  metric: temp\n  above: 80\n  severity: critical\n",
    ),
    page(
        codes::ACTION,
        "alertctl: 1\nrules:\n- id: temp_hot\n  metric: temp\n  above: 80\n  actions: [shout]\n",
        "alertctl: 1\nrules:\n- id: temp_hot\n  metric: temp\n  above: 80\n  actions: [log]\n",
    ),
    page(
        codes::DERIVED_CYCLE,
        "alertctl: 1\nderived: [{record: load, expr: load / cores}]\nrules: []\n",
        "alertctl: 1\nderived: [{record: load_per_core, expr: load / cores}]\nrules: []\n",
    ),
];
