//! The rules that a server has loaded, as its API gives them: `/api/v1/rules` of Prometheus, and of Thanos, Mimir and
//! vmalert, which answer alike.
//!
//! What a server adds (states, alerts, times) is passed over. The labels of groups are in those of the rules already;
//! the `query_offset` of a group is not in the answer.

use std::collections::BTreeMap;

use crate::diagnostic::codes;
use crate::time::Millis;
use crate::yaml::fields::{Field, Fields};
use crate::yaml::problems::Problems;
use crate::yaml::{Content, Node};

use super::other::{first, value};
use super::prometheus::{first_of, group_name, is_left_out};
use super::rule::{self, Does};
use super::{Evaluate, Group, Rule, RuleKind};

/// Returns the list of groups in an answer: in its `data`, or alone.
pub(super) fn groups_of(root: &Node) -> Option<&Node> {
    if let (Some(_), Some(data)) = (value(root, "status"), value(root, "data")) {
        return value(data, "groups");
    }
    let groups = value(root, "groups")?;
    let Content::Sequence(items) = &groups.content else { return None };
    // A list of rule files without rules is one, too.
    let rule = items.iter().find_map(|group| first(value(group, "rules")?))?;
    (value(rule, "query").is_some() && value(rule, "expr").is_none()).then_some(groups)
}

/// Reports what a server answered in place of rules; whether it did.
pub(super) fn refuse_error(root: &Node, problems: &mut Problems<'_>) -> bool {
    let text = |key| value(root, key).and_then(Node::scalar).map(|scalar| scalar.text());
    let Some(status) = value(root, "status").filter(|_| text("status") == Some("error")) else { return false };
    let why = text("error").or(text("errorType")).unwrap_or("no reason is given");
    let message = format!("the server answered with an error, not with rules: {why}");
    let help = "ask it again: `curl SERVER/api/v1/rules > rules.json`";
    problems.error_with_help(codes::NOT_A_RULE_FILE, message, status.span, help);
    true
}

/// Reports that an answer is one page of several.
pub(super) fn refuse_page(root: &Node, problems: &mut Problems<'_>) {
    let next = value(root, "data").and_then(|data| value(data, "groupNextToken"));
    let token = next.and_then(Node::scalar).filter(|token| !token.text().is_empty());
    if let (Some(next), Some(_)) = (next, token) {
        let message = "this answer is one page of several: more groups follow";
        let help = "ask for all of them: `curl SERVER/api/v1/rules > rules.json`, without `group_limit`";
        problems.error_with_help(codes::NOT_A_RULE_FILE, message, next.span, help);
    }
}

/// Reads the groups of an answer.
pub(super) fn groups(listed: &Node, problems: &mut Problems<'_>) -> Vec<Group> {
    match &listed.content {
        Content::Sequence(groups) => groups.iter().filter_map(|node| group(node, problems)).collect(),
        _ if listed.is_null() => Vec::new(),
        _ => {
            problems.error(codes::WRONG_TYPE, format!("`groups` is a list, this is {}", listed.words()), listed.span);
            Vec::new()
        }
    }
}

fn group(node: &Node, problems: &mut Problems<'_>) -> Option<Group> {
    if is_left_out(node, "a group", problems) {
        return None;
    }
    let mut fields = Fields::open(node, "a group", problems)?;
    let name_field = fields.take("name");
    let at = problems.at(name_field.map_or(fields.span, |field| field.key_span));
    // Groups of two files may have one name.
    let name = group_name(name_field, node, &mut BTreeMap::new(), problems);
    problems.set_subject(Some((name.text.clone(), String::new())));
    let interval = fields.take("interval").map_or(Millis::ZERO, |field| seconds(field, problems));
    let limit = fields.take("limit").map_or(0, |field| field.count(problems));
    let query_offset = fields.take("queryOffset").map(|field| seconds(field, problems));
    let listed = fields.take("rules").map(|field| field.sequence(problems)).unwrap_or_default();
    let rules = listed.iter().filter_map(|node| read(node, &name.text, problems)).collect();
    problems.set_subject(None);
    let evaluate = if interval == Millis::ZERO { Evaluate::ByDefault } else { Evaluate::Every(interval) };
    Some(Group { name, evaluate, query_offset, limit, rules, at, parts: None })
}

fn read(node: &Node, group: &str, problems: &mut Problems<'_>) -> Option<Rule> {
    problems.set_subject(Some((group.to_owned(), String::new())));
    if is_left_out(node, "a rule", problems) {
        return None;
    }
    let mut fields = Fields::open(node, "a rule", problems)?;
    let span = fields.span;
    let name_field = fields.take("name");
    if let Some(name) = name_field.and_then(|field| field.value.scalar()) {
        problems.set_subject(Some((group.to_owned(), name.text().to_owned())));
    }
    let does = does(fields.take("type"), first_of(span), problems)?;
    let name = name_field.and_then(|field| field.text(problems)).filter(|name| !name.text.is_empty());
    if name.is_none() {
        problems.error(codes::RULE_KIND, "this rule has no `name`", first_of(span));
    }
    let query = fields.take("query").or_else(|| fields.take("expr"));
    let expr = rule::expression(query, span, problems);
    let hold = fields.take("duration").map_or(Millis::ZERO, |field| seconds(field, problems));
    let keep = fields.take("keepFiringFor").or_else(|| fields.take("keep_firing_for"));
    let keep_firing = keep.map_or(Millis::ZERO, |field| seconds(field, problems));
    let labels = fields.take("labels").map(|field| field.texts(problems)).unwrap_or_default();
    let labels = rule::overlay(&labels, &mut [], does, problems);
    let annotations = fields.take("annotations").map(|field| field.texts(problems)).unwrap_or_default();
    let kind = match does {
        Does::Record => RuleKind::Record,
        Does::Alert => {
            let annotations = annotations.iter().map(|annotation| {
                rule::check_name(*annotation, "annotation", problems);
                (annotation.name.to_owned(), rule::template(*annotation, "annotation", problems))
            });
            RuleKind::Alert { hold, keep_firing, annotations: annotations.collect() }
        }
    };
    let (name, (text, expr)) = (name?.clone(), expr?);
    let at = problems.at(name_field.map_or(first_of(span), |field| field.key_span));
    let (enabled, actions, condition) = (true, Vec::new(), None);
    Some(Rule { name, kind, text, expr, condition, labels, enabled, actions, at, parts: None })
}

/// Returns whether a rule alerts or records, as its `type` says.
fn does(field: Option<Field<'_>>, rule: crate::source::Span, problems: &mut Problems<'_>) -> Option<Does> {
    match field.map(Field::value_text) {
        Some("alerting") => Some(Does::Alert),
        Some("recording") => Some(Does::Record),
        _ => {
            let span = field.map_or(rule, |field| field.value.span);
            let message = "the `type` of a rule of `/api/v1/rules` is `alerting` or `recording`";
            problems.error(codes::RULE_KIND, message, span);
            None
        }
    }
}

/// Returns a span of time that is written as a number of seconds.
fn seconds(field: Field<'_>, problems: &mut Problems<'_>) -> Millis {
    if field.value.is_null() {
        return Millis::ZERO;
    }
    let number = field.value.scalar().and_then(|scalar| scalar.number()).map(|seconds| (seconds * 1000.0).round());
    match number.filter(|millis| (0.0..1e15).contains(millis)) {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole, and in the range that was checked")]
        Some(millis) => Millis(millis as i64),
        None => {
            let message = format!("`{}` is a number of seconds", field.key.text());
            problems.error(codes::DURATION, message, field.value.span);
            Millis::ZERO
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, load};
    use crate::rules::{Evaluate, RuleKind};
    use crate::time::Millis;

    const ANSWER: &str = r#"{"status":"success","data":{"groups":[{"name":"g","file":"/etc/a.yml","rules":[
{"state":"firing","name":"Hot","query":"temp \u003e 80","duration":90,"keepFiringFor":0.5,"labels":{"severity":"page"},
"annotations":{"summary":"{{ $value }}"},"alerts":[{"labels":{"a":"b"},"state":"firing","activeAt":"x","value":"1e+00"}],
"health":"ok","evaluationTime":0.001,"lastEvaluation":"2026-01-05T00:00:00Z","type":"alerting"},
{"name":"a:b","query":"sum(temp)","labels":{"x":"y"},"health":"ok","type":"recording"}],"interval":15,"limit":3},
{"name":"g","file":"/etc/b.yml","rules":[],"interval":60,"limit":0}],"groupNextToken":""}}"#;

    #[test]
    fn the_rules_of_a_server_are_read() {
        let (sources, file, found) = load(ANSWER);
        assert_eq!(found, []);
        let file = file.expect("rules");
        let [first, second] = file.groups.as_slice() else { panic!("two groups") };
        assert_eq!((first.evaluate, first.limit), (Evaluate::Every(Millis(15_000)), 3));
        assert_eq!(second.evaluate, Evaluate::Every(Millis(60_000)));
        let [hot, record] = first.rules.as_slice() else { panic!("two rules") };
        let RuleKind::Alert { hold, keep_firing, annotations } = &hot.kind else { panic!("an alert") };
        assert_eq!((*hold, *keep_firing, annotations.len()), (Millis(90_000), Millis(500), 1));
        assert_eq!((hot.text.text.as_str(), sources.position(hot.at).line), ("temp > 80", 2));
        assert_eq!((record.name.text.as_str(), record.labels.len()), ("a:b", 1));
        let data = ANSWER.split_once("\"data\":").expect("data").1;
        assert_eq!(load(&data[..data.len() - 1]).1.expect("rules").groups.len(), 2);
    }

    #[test]
    fn wrong_answers_are_reported() {
        let rule =
            |rule: &str| format!(r#"{{"status":"success","data":{{"groups":[{{"name":"g","rules":[{rule}]}}]}}}}"#);
        check(
            &rule(r#"{"name":"A","query":"up","duration":"5m","type":"alerting"}"#),
            &["duration 1:96 `duration` is a number of seconds"],
        );
        check(
            &rule(r#"{"name":"A","query":"up"}"#),
            &["rule-kind 1:60 the `type` of a rule of `/api/v1/rules` is `alerting` or `recording`"],
        );
        check(&rule(r#"{"name":"A","type":"recording"}"#), &["missing-expr 1:60 this rule has no `expr`"]);
        check(
            r#"{"status":"error","errorType":"bad_data","error":"invalid"}"#,
            &["not-a-rule-file 1:11 the server answered with an error, not with rules: invalid"],
        );
        check(
            r#"{"status":"success","data":{"alerts":[]}}"#,
            &["not-a-rule-file 1:29 this is the answer of `/api/v1/alerts`, not a rule file"],
        );
        check(&ANSWER[..200], &["yaml-syntax 2:1 `{` is not closed"]);
        for cut in 1..ANSWER.len() {
            assert!(load(&ANSWER[..cut]).1.is_none(), "{}", &ANSWER[..cut]);
        }
    }
}
