//! Rules that were evaluated on a recording, and the recording itself: for questions that come after the run.

use std::collections::BTreeMap;

use crate::engine::{Engine, EngineOptions, FaultAt};
use crate::input::{Batches, Recording};
use crate::labels::Matcher;
use crate::outcome::{Outcome, RunOptions};
use crate::promql::lags::Lags;
use crate::rules::RuleSet;
use crate::store::{Hidden, Reach, Store};
use crate::survey::Survey;

use super::{Loaded, Observer, RunError, conclude, load_watched};

/// Which samples of a recording are held.
#[derive(Clone, Copy, Debug)]
pub enum Hold<'a> {
    /// All of them.
    All,
    /// Those that the rules read, and those of the series that satisfy these matchers.
    Read(&'a [Matcher]),
}

/// Rules and the recording that they were evaluated on.
pub struct Recorded {
    /// The series of the recording, with the samples that are held.
    pub store: Store,
    /// What the recording looks like.
    pub survey: Survey,
    /// What the rules found.
    pub outcome: Outcome,
    /// What the recording itself says that metrics are, by name.
    pub types: BTreeMap<String, String>,
    /// All failed evaluations, by rule and then by slot; only where the samples that the rules read are held.
    pub faults: Vec<FaultAt>,
    /// The engine after its last evaluation, with all that the rules wrote.
    pub(crate) engine: Engine,
    /// By rule: when it saw what rules wrote.
    pub(crate) sights: Vec<Lags>,
}

impl Recorded {
    /// Reads a recording and evaluates rules on it. Memory: what is held of the recording, some 8 bytes a sample, and all
    /// that the rules write.
    ///
    /// # Errors
    /// When the recording cannot be read, a rule can never be evaluated, the options ask for something that neither the
    /// rules nor the recording have, a group would be evaluated too often, or the observer stops the run.
    pub fn read(
        rules: &RuleSet,
        options: &RunOptions,
        hold: Hold<'_>,
        recording: &mut Recording,
        observer: &mut impl Observer,
    ) -> Result<Self, RunError> {
        let mut made = None;
        let mut begin = || {
            let mut store = Store::new(options.conflicts);
            match hold {
                Hold::All => store.keep_all(),
                Hold::Read(besides) => {
                    store.select(besides, Reach::default(), &Hidden::default());
                }
            }
            store.infer(options.stale.value);
            let engine = EngineOptions { compare: true, keep_written: true, ..options.engine() };
            let mut engine = Engine::new(&rules.files, engine, &mut store).map_err(RunError::Rules)?;
            if let Hold::Read(_) = hold {
                engine.trace_faults();
            }
            made = Some(engine);
            Ok(store)
        };
        let loaded = load_watched(recording, &mut begin, observer)?;
        let last = loaded.last();
        let Loaded { store, survey, .. } = loaded;
        let mut engine = made.unwrap_or_else(|| Engine::empty(options.engine()));
        if let Some(last) = last {
            engine.finish(&store, last)?;
        }
        let outcome = conclude(rules, options, &mut engine, (&store, &survey), recording.summary())?;
        let mut faults = engine.take_faults();
        faults.sort_by_key(|fault| (fault.rule, fault.slot));
        let types = recording.summary().inputs.iter().flat_map(|input| input.types.clone()).collect();
        let sights = engine.sights();
        Ok(Self { store, survey, outcome, types, faults, engine, sights })
    }
}
