//! The labels and annotations that a rule gives to its alerts, and the labels of the series that tell of them.

use crate::labels::{LabelBuilder, LabelSet, METRIC_NAME};
use crate::promql::query::SampleValue;
use crate::rules::graph::{ALERT_NAME, ALERT_STATE, ALERTS, ALERTS_FOR_STATE};
use crate::rules::template::{QueriedSample, Share, Template, TemplateData};
use crate::time::Timestamp;

/// What templates show besides the sample.
#[derive(Clone, Debug)]
pub(crate) struct External {
    /// `$externalLabels`.
    pub labels: LabelSet,
    /// `$externalURL`.
    pub url: String,
}

/// Answers a query of a template at a slot.
pub(crate) type Ask<'a> = dyn FnMut(&str, Timestamp) -> Result<Vec<QueriedSample>, String> + 'a;

/// A sample that gave rise to an alert: its labels, its value, its slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample<'a> {
    pub labels: &'a LabelSet,
    pub value: &'a SampleValue,
    pub at: Timestamp,
}

/// Names the alerts of one rule.
#[derive(Debug)]
pub(crate) struct Naming {
    pub alert: String,
    /// Labels that the rule sets, sorted by name.
    pub labels: Vec<(String, Template)>,
    /// Texts for people.
    pub annotations: Vec<(String, Template)>,
}

impl Naming {
    /// Returns whether an alert's labels may change while its series stays: then each sample is named again.
    pub(crate) fn by_value(&self) -> bool {
        // The word `now` may stand for other things; to name each sample again is right for all of them.
        let varies = |template: &Template| {
            !template.is_literal()
                && (template.uses_value() || template.uses_query() || template.text().contains("now"))
        };
        self.labels.iter().any(|(_, template)| varies(template))
    }

    /// Returns what the expansion of a label may do where so many alerts are named at one evaluation.
    pub(crate) fn label_share(&self, alerts: usize) -> Share {
        Share::of(&self.labels, alerts)
    }

    /// Returns what the expansion of an annotation may do where so many alerts get some at one evaluation.
    pub(crate) fn annotation_share(&self, alerts: usize) -> Share {
        Share::of(&self.annotations, alerts)
    }

    fn expand(
        &self,
        template: &Template,
        share: Share,
        sample: Sample<'_>,
        external: &External,
        ask: &mut Ask<'_>,
    ) -> String {
        if template.is_literal() {
            return template.text().to_owned();
        }
        let data = TemplateData {
            labels: sample.labels,
            value: sample.value,
            external_labels: &external.labels,
            external_url: &external.url,
            now: sample.at,
            alert: &self.alert,
        };
        template.expand_or_error(&data, share, &mut |text| ask(text, sample.at))
    }

    /// Returns the labels of the alert that a sample gives rise to.
    ///
    /// Source: Prometheus' `AlertingRule.Eval`: an empty expansion removes the label, `alertname` wins.
    pub(crate) fn alert_labels(
        &self,
        share: Share,
        sample: Sample<'_>,
        external: &External,
        ask: &mut Ask<'_>,
    ) -> LabelSet {
        let mut builder = sample.labels.to_builder();
        builder.remove(METRIC_NAME);
        for (name, template) in &self.labels {
            builder.set(name, &self.expand(template, share, sample, external, ask));
        }
        builder.set(ALERT_NAME, &self.alert);
        builder.build()
    }

    /// Returns the annotations as of a sample, sorted by name.
    pub(crate) fn annotations(
        &self,
        share: Share,
        sample: Sample<'_>,
        external: &External,
        ask: &mut Ask<'_>,
    ) -> Vec<(String, String)> {
        let expand =
            |(name, template): &(String, Template)| (name.clone(), self.expand(template, share, sample, external, ask));
        let mut texts: Vec<(String, String)> = self.annotations.iter().map(expand).collect();
        texts.sort();
        texts
    }

    /// Returns the labels of the three series that tell of an alert: pending, firing, and since when.
    ///
    /// Source: Prometheus' `AlertingRule.sample`: below the alert's labels are the rule's, their templates not
    /// expanded.
    pub(crate) fn series_labels(&self, alert: &LabelSet) -> [LabelSet; 3] {
        let mut builder = LabelBuilder::default();
        for (name, template) in &self.labels {
            builder.set(name, template.text());
        }
        for (name, value) in alert.iter() {
            builder.set(name, value);
        }
        builder.set(ALERT_NAME, &self.alert);
        let mut since = builder.clone();
        since.set(METRIC_NAME, ALERTS_FOR_STATE);
        builder.set(METRIC_NAME, ALERTS);
        let mut state = |phase| builder.set(ALERT_STATE, phase).build();
        [state("pending"), state("firing"), since.build()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naming(labels: &[(&str, &str)]) -> Naming {
        let template = |text: &str| Template::parse(text).expect("a template");
        Naming {
            alert: "A".to_owned(),
            labels: labels.iter().map(|(name, text)| ((*name).to_owned(), template(text))).collect(),
            annotations: Vec::new(),
        }
    }

    fn check(labels: &[(&str, &str)], sample: &LabelSet, alert: &str, firing: &str) {
        let naming = naming(labels);
        let external = External { labels: LabelSet::empty(), url: String::new() };
        let sample = Sample { labels: sample, value: &7.0.into(), at: Timestamp(0) };
        let made = naming.alert_labels(Share::WHOLE, sample, &external, &mut |_, _| Ok(Vec::new()));
        assert_eq!(made.to_string(), alert);
        assert_eq!(naming.series_labels(&made)[1].to_string(), firing);
    }

    #[test]
    fn rule_labels_overlay_the_samples_and_the_name_wins() {
        let sample = LabelSet::new([("__name__", "up"), ("job", "api"), ("team", "x")]);
        check(
            &[("alertname", "B"), ("severity", "page"), ("team", "ops")],
            &sample,
            r#"{alertname="A", job="api", severity="page", team="ops"}"#,
            r#"ALERTS{alertname="A", alertstate="firing", job="api", severity="page", team="ops"}"#,
        );
        check(
            &[("job", "")],
            &sample,
            r#"{alertname="A", team="x"}"#,
            r#"ALERTS{alertname="A", alertstate="firing", team="x"}"#,
        );
    }

    #[test]
    fn an_empty_expansion_removes_the_label_but_alerts_show_its_template() {
        let sample = LabelSet::new([("job", "api")]);
        check(
            &[("job", "{{ $labels.none }}")],
            &sample,
            r#"{alertname="A"}"#,
            r#"ALERTS{alertname="A", alertstate="firing", job="{{ $labels.none }}"}"#,
        );
    }
}
