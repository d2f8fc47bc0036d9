//! Calls of language models as collectors expect them: the client metrics of OpenTelemetry's semantic conventions for generative AI.
//! They have the names of models, which are the person's own settings; what is on `/metrics` has none.

use std::collections::BTreeMap;

use coditect_types::Outcome;
use coditect_types::figure::{Amount, Family, Figure, Point, Spread};
use coditect_types::model::provider;

use crate::names::name;

/// Upper ends of the buckets, as the conventions have them: tokens, and ms.
const TOKENS: [u64; 14] =
    [1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864];
const TOOK_MS: [u64; 14] =
    [10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 5_120, 10_240, 20_480, 40_960, 81_920];
/// Models that have names of their own; what is beyond is one more.
const MOST: usize = 32;
const OTHER: &str = "_OTHER";
/// Bytes of a name.
const NAME: usize = 100;

const USED: Family =
    Family::histogram("gen_ai.client.token.usage", "{token}", "Number of input and output tokens used.");
const TOOK: Family = Family::histogram("gen_ai.client.operation.duration", "s", "GenAI operation duration.");

/// The calls of each model, by its name.
pub(super) type Models = BTreeMap<String, Calls>;

/// The calls of a model.
#[derive(Clone, Debug)]
pub(super) struct Calls {
    read: Spread,
    written: Spread,
    /// By what went wrong; empty: nothing did.
    took: BTreeMap<String, Spread>,
}

impl Default for Calls {
    fn default() -> Self {
        let tokens = || Spread::new(&TOKENS, 1);
        Self { read: tokens(), written: tokens(), took: BTreeMap::new() }
    }
}

impl Calls {
    fn add(&mut self, more: &Self) {
        self.read.add(&more.read);
        self.written.add(&more.written);
        for (error, spread) in &more.took {
            self.took.entry(error.clone()).or_insert_with(times).add(spread);
        }
    }
}

fn times() -> Spread {
    Spread::new(&TOOK_MS, 1_000)
}

/// The calls of a model, where there is room for one more.
fn of<'a>(models: &'a mut Models, model: &str) -> &'a mut Calls {
    let is_known = models.contains_key(model) || models.len() < MOST;
    let known = if is_known && model.len() <= NAME { model } else { OTHER };
    models.entry(known.to_owned()).or_default()
}

/// Counts a call of a model that has ended.
pub(super) fn take(models: &mut Models, model: &str, outcome: &Outcome) {
    let (error, spent, usage) = if let Outcome::Failed { failure, spent } = outcome
        && !failure.unasked
    {
        (name(&failure.kind), spent, spent.usage.as_ref())
    } else if let Outcome::ModelAnswered { reply, spent, .. } = outcome
        && !reply.kept
    {
        (String::new(), spent, Some(&reply.usage))
    } else {
        // What was kept from an earlier call was none, nor was what nobody was asked.
        return;
    };
    let calls = of(models, model);
    if let Some(usage) = usage {
        calls.read.see(usage.tokens_in);
        calls.written.see(usage.tokens_out);
    }
    calls.took.entry(error).or_insert_with(times).see(spent.wall_ms);
}

pub(super) fn add(models: &mut Models, more: &Models) {
    more.iter().for_each(|(model, calls)| of(models, model).add(calls));
}

/// What collectors are told.
pub(super) fn figures(models: &Models) -> [Figure; 2] {
    let (mut used, mut took) = (Vec::new(), Vec::new());
    for (model, calls) in models {
        let labels = || {
            let mut labels = vec![("gen_ai.operation.name", "chat".to_owned())];
            labels.extend(provider(model).map(|name| ("gen_ai.provider.name", name.to_owned())));
            labels.push(("gen_ai.request.model", model.clone()));
            labels
        };
        for (kind, spread) in [("input", &calls.read), ("output", &calls.written)] {
            let mut labels = labels();
            labels.push(("gen_ai.token.type", kind.to_owned()));
            used.push(Point { labels, amount: Amount::Spread(spread.clone()) });
        }
        for (error, spread) in &calls.took {
            let mut labels = labels();
            labels.extend((!error.is_empty()).then(|| ("error.type", error.clone())));
            took.push(Point { labels, amount: Amount::Spread(spread.clone()) });
        }
    }
    [Figure { family: USED, points: used }, Figure { family: TOOK, points: took }]
}
