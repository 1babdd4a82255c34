//! Answers to the queries of templates.

use std::sync::{Mutex, PoisonError};

use hashbrown::HashMap;

use crate::labels::LabelSet;
use crate::promql::lags::Lags;
use crate::promql::program::{Inputs, Written};
use crate::promql::query::{Query, QueryContext, QueryOptions, Value};
use crate::rules::template::QueriedSample;
use crate::store::{Hidden, Store};
use crate::time::{Millis, Timestamp};

/// How the queries of templates are evaluated.
pub(crate) struct Queries {
    options: QueryOptions,
    /// How far back they see, where the recording has no end: what is held besides depends on other rules.
    history: Option<Millis>,
    /// By rule: those whose templates ask queries.
    askers: Vec<Asker>,
}

/// A rule whose templates ask queries.
struct Asker {
    rule: usize,
    /// From when it sees what rules wrote.
    lags: Lags,
    /// A rule asks from one thread at a time.
    asked: Mutex<Asked>,
}

impl Queries {
    /// Takes the rules whose templates ask, ascending, each with what it sees of written samples.
    pub(crate) fn new(
        options: QueryOptions,
        history: Option<Millis>,
        askers: impl Iterator<Item = (usize, Lags)>,
    ) -> Self {
        let askers = askers.map(|(rule, lags)| Asker { rule, lags, asked: Mutex::default() });
        Self { options, history, askers: askers.collect() }
    }

    /// # Panics
    /// When the rule's templates ask no query, as far as the builder of the engine could see.
    fn asker(&self, rule: usize) -> &Asker {
        let at = self.askers.binary_search_by_key(&rule, |asker| asker.rule);
        assert!(at.is_ok(), "templates that ask are known when an engine is built");
        &self.askers[at.unwrap_or_default()]
    }

    /// Evaluates an instant query at a slot on what a rule sees at it.
    pub(crate) fn answer(
        &self,
        rule: usize,
        text: &str,
        slot: Timestamp,
        recording: &Store,
        written: Option<(&Store, &[u32], &Hidden)>,
    ) -> Result<Vec<QueriedSample>, String> {
        let Asker { lags, asked, .. } = self.asker(rule);
        let written = written.map(|(store, writers, hidden)| Written { store, writers, lags, hidden });
        let after = self.history.map_or(Timestamp::MIN, |history| slot.minus(history));
        let inputs = Inputs { written, after, ..Inputs::of(recording) };
        // What a panic left behind is as good as before: a query begins again each time.
        let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
        let query = asked.query(text, &self.options).as_mut().map_err(|refused| refused.clone())?;
        match query.at_on(&inputs, slot).map_err(|error| error.to_string())? {
            Value::Vector(samples) => {
                Ok(samples.into_iter().map(|(labels, value)| QueriedSample { labels, value }).collect())
            }
            Value::Scalar(value) => Ok(vec![QueriedSample { labels: LabelSet::empty(), value: value.into() }]),
            Value::String(_) | Value::Matrix(_) => Err("rule result is not a vector or scalar".to_owned()),
        }
    }

    /// Returns how often a text of a rule was read and planned; never for one whose templates do not ask.
    #[cfg(test)]
    pub(crate) fn prepared(&self, rule: usize) -> usize {
        let asker = self.askers.iter().find(|asker| asker.rule == rule);
        asker.map_or(0, |asker| asker.asked.lock().unwrap_or_else(PoisonError::into_inner).prepared)
    }
}

/// A query that is ready, or why it is refused.
type Ready = Result<Query, String>;

/// How many texts are kept in either half of [`Asked`]: templates mostly have a few of their own; those that make texts
/// of labels have one for each alert.
const KEPT: usize = 64;

/// What the templates of one rule asked, by text. Of many texts, those that were not asked for longest are forgotten.
#[derive(Default)]
struct Asked {
    /// Asked since the other half was last thrown away.
    recent: HashMap<String, Ready, foldhash::fast::FixedState>,
    before: HashMap<String, Ready, foldhash::fast::FixedState>,
    #[cfg(test)]
    prepared: usize,
}

impl Asked {
    /// Returns the query of a text, prepared unless it was asked before.
    fn query(&mut self, text: &str, options: &QueryOptions) -> &mut Ready {
        let mut held = None;
        if !self.recent.contains_key(text) {
            held = self.before.remove(text);
            if self.recent.len() == KEPT {
                self.before = std::mem::take(&mut self.recent);
            }
        }
        self.recent.entry_ref(text).or_insert_with(|| {
            held.unwrap_or_else(|| {
                #[cfg(test)]
                {
                    self.prepared += 1;
                }
                Query::prepare(text, QueryContext::Rule, options).map_err(|error| error.to_string())
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_prepared_once_until_many_others_were_asked() {
        let mut asked = Asked::default();
        let mut ask = |text: &str| {
            let is_ready = asked.query(text, &QueryOptions::default()).is_ok();
            (is_ready, asked.prepared)
        };
        assert_eq!([ask("up"), ask("up"), ask("up["), ask("up[")], [(true, 1), (true, 1), (false, 2), (false, 2)]);
        (0..KEPT).for_each(|number| assert!(ask(&format!("up == {number}")).0));
        assert_eq!(ask("up"), (true, 2 + KEPT));
        (0..3 * KEPT).for_each(|number| assert!(ask(&format!("up > {number}")).0));
        assert_eq!(ask("up"), (true, 3 + 4 * KEPT));
    }
}
