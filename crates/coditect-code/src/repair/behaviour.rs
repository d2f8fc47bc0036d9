//! What changes do on inputs like those of the tests, and what that says for or against each of them.
//!
//! Tests accept several changes now and then, and most of those are wrong: they pass by chance (Qi et al., 2015). Here
//! they are told apart by what they do elsewhere. A [`Judge`](crate::repair::Judge) that can calls the functions of
//! every changed project on the same inputs; this module, which runs nothing, reads what came of it:
//!
//! - changes that give the same everywhere are one, so that they do not speak against each other;
//! - examples in the documentation that only some of them keep (documentation may be stale, so they weigh but do not rule);
//! - what holds of every call that the tests make (the result is sorted, is no longer than the argument, can be had
//!   twice with the same end, ...) and is broken elsewhere;
//! - exceptions, endless loops and types of results that neither the original nor the other changes have;
//! - how much of what the program did is kept, and how many others, by their own likelihood, give the same.

use std::collections::{BTreeMap, BTreeSet};

use crate::repair::Edit;

pub use elsewhere::{EQUALS_ALL, Elsewhere, elsewhere};

mod elsewhere;
#[cfg(test)]
mod tests;

/// What a judge is asked.
#[derive(Clone, Debug)]
pub struct Inquiry<'a> {
    /// Changed projects, as files in place of the project's own, all of which pass the tests.
    pub variants: &'a [&'a BTreeMap<String, String>],
    /// Files and functions that are changed by some of them.
    pub changed: &'a BTreeSet<(String, String)>,
    /// Tests that were red.
    pub red: &'a [String],
    /// The inputs are drawn from it.
    pub seed: u64,
}

/// Calls of the project's functions, and what came of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Behaviour {
    /// The calls.
    pub inputs: Vec<Input>,
    /// What the unchanged project gives.
    pub original: Answers,
    /// What each variant gives; None where that is not known.
    pub variants: Vec<Option<Answers>>,
}

/// One call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    /// The call as a person would write it, shortened.
    pub text: String,
    /// Number of the function.
    pub function: usize,
    /// A test makes this very call: what it gives is right in all variants.
    pub seen: bool,
    /// No test comes near it (negative numbers where none are used, say), so that it may be out of bounds.
    pub wild: bool,
}

/// What one project gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers {
    /// For each input; None where it was not called.
    pub outcomes: Vec<Option<Outcome>>,
    /// Examples of the documentation and whether they hold; None where that cannot be told.
    pub examples: Vec<(String, Option<bool>)>,
}

/// What came of one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The value, changed arguments and output, or the class of the exception: equal where the outcomes are.
    pub key: String,
    /// It raised an exception or did not end.
    pub broke: bool,
    /// The same in words: "it gives `3`".
    pub says: String,
    /// The type of the value.
    pub kind: String,
    /// What holds of the value, by name.
    pub properties: BTreeMap<String, bool>,
}

/// What is known of one variant.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Evidence {
    /// Which variants do the same: the number of the first of them.
    pub(super) group: usize,
    /// How much it speaks for the variant: 1 is nothing.
    pub(super) factor: f64,
    /// What speaks for and against it, in phrases.
    pub(super) says: Vec<String>,
    /// It does something else for inputs of tests, and only for these.
    pub(super) special: bool,
}

/// A property is believed where this many calls of tests show it.
const SHOWN: usize = 3;
/// Calls that are not of tests must be as many before anything is read from them.
const ENOUGH: usize = 8;

/// Reads the evidence. `merits`: how likely each variant is without it.
pub(super) fn weigh(behaviour: &Behaviour, merits: &[f64]) -> Vec<Evidence> {
    let known: Vec<usize> =
        (0..behaviour.variants.len()).filter(|n| behaviour.variants[*n].is_some()).collect();
    let groups = groups(behaviour);
    let beliefs = Beliefs::of(behaviour, &known);
    let rates: Vec<Option<Rates>> = (0..groups.len()).map(|n| beliefs.rates(n)).collect();
    let least = Rates::least(rates.iter().flatten());
    let (mut all, told) = (Vec::new(), documented(behaviour, &known));
    for (n, group) in groups.iter().enumerate() {
        let Some(rates) = &rates[n] else {
            all.push(Evidence { group: *group, factor: 0.5, ..Evidence::default() });
            continue;
        };
        let mut evidence = Evidence { group: *group, factor: 1.0, ..Evidence::default() };
        let failed = told.iter().filter(|(_, holds)| holds[n] == Some(false)).count();
        if let Some((example, _)) = told.iter().find(|(_, holds)| holds[n] == Some(false)) {
            evidence.factor *= if failed * 2 > told.len() { 0.08 } else { 0.2 };
            evidence.says.push(format!("`{example}` of the documentation does not hold with it"));
        } else if !told.is_empty() {
            evidence.says.push("it keeps the examples of the documentation".to_owned());
        }
        evidence.factor *= rates.factor(&least);
        evidence.says.extend(rates.says(&least));
        evidence.factor *= 0.6 + 0.8 * consent(behaviour, &groups, merits, n);
        evidence.special = special(behaviour, n);
        all.push(evidence);
    }
    all
}

/// For each variant the first that gives the same on every input.
fn groups(behaviour: &Behaviour) -> Vec<usize> {
    let mut first: BTreeMap<Vec<&str>, usize> = BTreeMap::new();
    let keys = |answers: &'_ Answers| -> Vec<String> {
        answers.outcomes.iter().map(|o| o.as_ref().map_or_else(String::new, |o| o.key.clone())).collect()
    };
    let all: Vec<Option<Vec<String>>> = behaviour.variants.iter().map(|v| v.as_ref().map(keys)).collect();
    all.iter()
        .enumerate()
        .map(|(n, keys)| match keys {
            Some(keys) if keys.iter().any(|key| !key.is_empty()) => {
                *first.entry(keys.iter().map(String::as_str).collect()).or_insert(n)
            }
            _ => n,
        })
        .collect()
}

/// Examples of the documentation that some variants keep and others do not; whether each variant does.
fn documented(behaviour: &Behaviour, known: &[usize]) -> Vec<(String, Vec<Option<bool>>)> {
    let examples = |answers: &Answers| -> BTreeMap<String, bool> {
        answers.examples.iter().filter_map(|(text, holds)| Some((text.clone(), (*holds)?))).collect()
    };
    let all: Vec<BTreeMap<String, bool>> =
        behaviour.variants.iter().map(|v| v.as_ref().map(examples).unwrap_or_default()).collect();
    let texts: BTreeSet<&String> = all.iter().flat_map(BTreeMap::keys).collect();
    texts
        .into_iter()
        .map(|text| (text.clone(), all.iter().map(|holds| holds.get(text).copied()).collect::<Vec<_>>()))
        // What no variant keeps is stale.
        .filter(|(_, holds)| known.iter().any(|n| holds[*n] == Some(true)))
        .collect()
}

/// Inputs that tests do not have but are like theirs.
fn tame(behaviour: &Behaviour) -> impl Iterator<Item = usize> {
    (0..behaviour.inputs.len()).filter(|n| !behaviour.inputs[*n].seen && !behaviour.inputs[*n].wild)
}

/// What the calls of the tests show, by function.
struct Beliefs<'a> {
    behaviour: &'a Behaviour,
    properties: BTreeMap<usize, BTreeSet<&'a str>>,
    kinds: BTreeMap<usize, BTreeSet<&'a str>>,
    /// Whether most variants end well on each input.
    ends_well: Vec<bool>,
}

impl<'a> Beliefs<'a> {
    fn of(behaviour: &'a Behaviour, known: &[usize]) -> Self {
        let answers = || known.iter().filter_map(|n| behaviour.variants[*n].as_ref());
        let mut holds: BTreeMap<(usize, &str), (usize, bool)> = BTreeMap::new();
        let mut kinds: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
        for (n, input) in behaviour.inputs.iter().enumerate().filter(|(_, input)| input.seen) {
            let mut shown = BTreeSet::new();
            for outcome in answers().filter_map(|a| a.outcomes.get(n)?.as_ref()).filter(|o| !o.broke) {
                kinds.entry(input.function).or_default().insert(base(&outcome.kind));
                for (name, held) in &outcome.properties {
                    let slot = holds.entry((input.function, name)).or_insert((0, true));
                    slot.0 += usize::from(shown.insert(name));
                    slot.1 &= held;
                }
            }
        }
        let mut properties: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
        for ((function, name), (count, held)) in holds {
            if held && count >= SHOWN {
                properties.entry(function).or_default().insert(name);
            }
        }
        let ends_well = (0..behaviour.inputs.len())
            .map(|n| {
                let fine = |a: &Answers| a.outcomes.get(n).and_then(Option::as_ref).is_some_and(|o| !o.broke);
                fine(&behaviour.original) || answers().filter(|a| fine(a)).count() * 2 >= known.len().max(1)
            })
            .collect();
        Self { behaviour, properties, kinds, ends_well }
    }

    fn rates(&self, variant: usize) -> Option<Rates> {
        let answers = self.behaviour.variants[variant].as_ref()?;
        let (mut rates, mut calls, mut values) = (Rates::default(), 0_usize, 0_usize);
        let mut broken: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        let (mut own, mut before) = (BTreeSet::new(), BTreeSet::new());
        for n in tame(self.behaviour) {
            let Some(Some(outcome)) = answers.outcomes.get(n) else { continue };
            let function = self.behaviour.inputs[n].function;
            calls += 1;
            if let Some(Some(old)) = self.behaviour.original.outcomes.get(n) {
                rates.kept += f64::from(u8::from(old.key == outcome.key));
                before.insert(&old.key);
            }
            own.insert(&outcome.key);
            if outcome.broke {
                rates.breaks += f64::from(u8::from(self.ends_well[n]));
                rates.example.get_or_insert_with(|| (n, outcome.says.clone()));
                continue;
            }
            values += 1;
            let kinds = self.kinds.get(&function);
            rates.strange += f64::from(u8::from(kinds.is_some_and(|k| !k.contains(base(&outcome.kind)))));
            for name in self.properties.get(&function).into_iter().flatten() {
                if let Some(held) = outcome.properties.get(*name) {
                    let slot = broken.entry(name).or_insert((0, 0));
                    slot.0 += usize::from(!held);
                    slot.1 += 1;
                }
            }
        }
        if calls < ENOUGH {
            return Some(Rates { kept: 0.5, variety: 1.0, ..Rates::default() });
        }
        rates.kept /= calls as f64;
        rates.breaks /= calls as f64;
        rates.strange /= values.max(1) as f64;
        rates.variety = own.len() as f64 / before.len().max(1) as f64;
        rates.properties = broken
            .into_iter()
            .filter(|(_, (_, of))| *of >= SHOWN)
            .map(|(name, (broken, of))| (name.to_owned(), broken as f64 / of as f64))
            .collect();
        Some(rates)
    }
}

/// The type without what it holds.
fn base(kind: &str) -> &str {
    kind.split(' ').next().unwrap_or(kind)
}

/// How often a variant does what speaks against it, on inputs like those of the tests.
#[derive(Clone, Debug, Default)]
struct Rates {
    /// It breaks where the original or most others do not.
    breaks: f64,
    /// The result is of a type that no test has seen.
    strange: f64,
    /// It gives what the original gives.
    kept: f64,
    /// Different outcomes against those of the original.
    variety: f64,
    /// What holds in all tests does not hold.
    properties: BTreeMap<String, f64>,
    /// An input for which it breaks.
    example: Option<(usize, String)>,
}

impl Rates {
    /// The least of all: what every variant has says nothing against one.
    fn least<'r>(all: impl Iterator<Item = &'r Self> + Clone) -> Self {
        let least = |of: fn(&Self) -> f64| all.clone().map(of).fold(1.0, f64::min);
        let mut properties: BTreeMap<String, f64> = BTreeMap::new();
        for (name, rate) in all.clone().flat_map(|rates| &rates.properties) {
            let slot = properties.entry(name.clone()).or_insert(1.0);
            *slot = slot.min(*rate);
        }
        Self { breaks: least(|r| r.breaks), strange: least(|r| r.strange), properties, ..Self::default() }
    }

    /// Rates of broken properties above the least, the worst first.
    fn broken(&self, least: &Self) -> Vec<(&str, f64)> {
        let over =
            |(name, rate): (&'_ String, &f64)| rate - least.properties.get(name).copied().unwrap_or(0.0);
        let mut broken: Vec<(&str, f64)> = self
            .properties
            .iter()
            .map(|found| (found.0.as_str(), over(found)))
            .filter(|(_, over)| *over > 0.0)
            .collect();
        broken.sort_by(|a, b| b.1.total_cmp(&a.1));
        broken
    }

    fn factor(&self, least: &Self) -> f64 {
        let breaks = (-4.0 * (self.breaks - least.breaks)).exp();
        let strange = (-3.0 * (self.strange - least.strange)).exp();
        // Properties hang together: the worst counts whole, the others a little.
        let broken = self.broken(least);
        let worst = broken.first().map_or(0.0, |(_, over)| *over);
        let more: f64 = broken.iter().skip(1).map(|(_, over)| *over).sum();
        let properties = (-1.5 * worst - 0.3 * more.min(2.0)).exp();
        // A change that no longer looks at its input gives few different things.
        let variety = if self.variety < 0.3 { 0.6 } else { 1.0 };
        breaks * strange * properties * variety
    }

    fn says(&self, least: &Self) -> Vec<String> {
        let mut says = Vec::new();
        if self.breaks > least.breaks {
            says.push(format!("it breaks for {:.0} % of similar inputs", 100.0 * self.breaks));
        }
        if self.strange > least.strange {
            says.push("it gives results of a type that no test has seen".to_owned());
        }
        if let Some((name, _)) = self.broken(least).first().filter(|(_, over)| *over > 0.1) {
            says.push(format!("in all tests {name}, which does not hold elsewhere with it"));
        }
        says
    }
}

/// The share of the others, by merit, that give the same as variant `n`, over inputs like those of the tests.
fn consent(behaviour: &Behaviour, groups: &[usize], merits: &[f64], n: usize) -> f64 {
    let Some(own) = &behaviour.variants[n] else { return 0.5 };
    let (mut same, mut all) = (0.0, 0.0);
    // Of each group the likeliest speaks, once.
    let mut speakers: BTreeMap<usize, usize> = BTreeMap::new();
    for (variant, group) in groups.iter().enumerate() {
        let slot = speakers.entry(*group).or_insert(variant);
        if merits[variant] > merits[*slot] {
            *slot = variant;
        }
    }
    for (group, speaker) in speakers {
        let (Some(other), true) = (&behaviour.variants[speaker], group != groups[n]) else { continue };
        let (mut agree, mut of) = (0_usize, 0_usize);
        for input in tame(behaviour) {
            if let (Some(Some(a)), Some(Some(b))) = (own.outcomes.get(input), other.outcomes.get(input)) {
                of += 1;
                agree += usize::from(a.key == b.key);
            }
        }
        if of > 0 {
            same += merits[speaker] * agree as f64 / of as f64;
            all += merits[speaker];
        }
    }
    if all > 0.0 { same / all } else { 0.5 }
}

/// True where the variant differs from the original on calls of tests and nowhere else, as far as is known.
fn special(behaviour: &Behaviour, n: usize) -> bool {
    let Some(own) = &behaviour.variants[n] else { return false };
    let (mut elsewhere, mut compared, mut seen) = (0_usize, 0_usize, 0_usize);
    for (at, input) in behaviour.inputs.iter().enumerate() {
        let (Some(Some(new)), Some(Some(old))) = (own.outcomes.get(at), behaviour.original.outcomes.get(at))
        else {
            continue;
        };
        if input.seen {
            seen += usize::from(new.key != old.key);
        } else {
            compared += 1;
            elsewhere += usize::from(new.key != old.key);
        }
    }
    seen > 0 && elsewhere == 0 && compared >= 2 * ENOUGH
}

/// A value in the text of a change that is no boundary: a change that does something else only for inputs of tests, and
/// names such a value, was made for these inputs.
pub(super) fn names_a_value(edits: &[Edit]) -> bool {
    const BOUNDARIES: [&str; 6] = ["0", "1", "2", "10", "0.0", "1.0"];
    edits.iter().any(|edit| {
        let text = &edit.new;
        let compares = ["==", "!=", " in ", " is "].iter().any(|sign| text.contains(sign));
        let digits = text
            .split(|c: char| !(c.is_alphanumeric() || c == '.' || c == '_'))
            .any(|word| word.starts_with(|c: char| c.is_ascii_digit()) && !BOUNDARIES.contains(&word));
        let quoted =
            ['"', '\''].iter().any(|q| text.split(*q).skip(1).step_by(2).any(|inside| !inside.is_empty()));
        compares && (digits || quoted)
    })
}

/// The plainest input on which two variants differ, and what each gives: "for `f([])` it gives `0`, that one ...".
pub(super) fn difference(
    behaviour: &Behaviour,
    one: usize,
    other: usize,
) -> Option<(String, String, String)> {
    let (a, b) = (behaviour.variants.get(one)?.as_ref()?, behaviour.variants.get(other)?.as_ref()?);
    let mut found: Option<(usize, usize)> = None;
    for (n, input) in behaviour.inputs.iter().enumerate() {
        let (Some(Some(mine)), Some(Some(theirs))) = (a.outcomes.get(n), b.outcomes.get(n)) else { continue };
        let cost = input.text.len() + if input.wild { 1_000 } else { 0 };
        if mine.key != theirs.key && mine.says != theirs.says && found.is_none_or(|(least, _)| cost < least) {
            found = Some((cost, n));
        }
    }
    let (_, n) = found?;
    let says = |answers: &Answers| answers.outcomes[n].as_ref().map(|o| o.says.clone());
    Some((behaviour.inputs[n].text.clone(), says(a)?, says(b)?))
}
