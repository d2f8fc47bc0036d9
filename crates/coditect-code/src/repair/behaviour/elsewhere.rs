//! Whether a change does something for the inputs of tests alone.

use std::collections::BTreeSet;

use super::{Behaviour, ENOUGH, Outcome};

/// The property of a value that no comparison refutes.
pub const EQUALS_ALL: &str = "the result is equal to whatever it is compared with";

/// What a change does for the inputs of tests and for others that are like them.
#[derive(Clone, Debug, PartialEq)]
pub struct Elsewhere {
    /// For others than those of tests it does what was done before, breaks, or gives once more what tests ask for.
    pub is_of_tests_alone: bool,
    /// The part of the others for which it does something else than before.
    pub share: f64,
    /// What it gives for the others are several of the tests' results, and for most of them: classes, it may be.
    pub is_spread: bool,
    /// How many different results tests get that they did not get before.
    pub results: usize,
    /// The results are texts.
    pub is_text: bool,
    /// A result is equal to whatever it is compared with.
    pub equals_all: bool,
    /// A call that a test makes, and what it gives: "`f(1)`: it gives `2`".
    pub seen: String,
    /// One that no test makes.
    pub other: String,
}

/// A call and what came of it.
struct Call<'a> {
    text: &'a str,
    old: &'a Outcome,
    new: &'a Outcome,
}

impl Call<'_> {
    fn differs(&self) -> bool {
        self.old.key != self.new.key
    }

    fn says(&self) -> String {
        format!("`{}`: {}", self.text, self.new.says)
    }
}

/// What a change does for each function of which a test's input has another end with it. Where too little can be compared,
/// nothing is said of a function.
#[must_use]
pub fn elsewhere(behaviour: &Behaviour, variant: usize) -> Vec<Elsewhere> {
    let functions: BTreeSet<usize> = behaviour.inputs.iter().map(|input| input.function).collect();
    functions.into_iter().filter_map(|function| of_function(behaviour, variant, function)).collect()
}

fn of_function(behaviour: &Behaviour, variant: usize, function: usize) -> Option<Elsewhere> {
    let answers = behaviour.variants.get(variant)?.as_ref()?;
    let of = |is_seen: bool| {
        let inputs = behaviour.inputs.iter().enumerate();
        inputs.filter(move |(_, input)| input.function == function && input.seen == is_seen).filter_map(
            |(n, input)| {
                let old = behaviour.original.outcomes.get(n)?.as_ref()?;
                let new = answers.outcomes.get(n)?.as_ref()?;
                Some((input, Call { text: &input.text, old, new }))
            },
        )
    };
    let seen: Vec<Call<'_>> = of(true).map(|(_, call)| call).collect();
    let is_all = |outcome: &Outcome| outcome.properties.get(EQUALS_ALL) == Some(&true);
    let hollow = seen.iter().find(|call| is_all(call.new) && !is_all(call.old));
    let changed: Vec<&Call<'_>> = seen.iter().filter(|call| call.differs() && !call.new.broke).collect();
    let first = *changed.first().or(hollow.as_ref())?;
    // What no test comes near may end as it likes.
    let others: Vec<Call<'_>> = of(false).filter(|(input, _)| !input.wild).map(|(_, call)| call).collect();
    let answered: BTreeSet<&str> = changed.iter().map(|call| value(call.new)).collect();
    // To give nothing is no answer either.
    let is_told =
        |call: &Call<'_>| call.new.broke || value(call.new) == "None" || answered.contains(value(call.new));
    let differ = others.iter().filter(|call| call.differs()).count();
    let enough = others.len() >= 2 * ENOUGH;
    let gives = |call: &&Call<'_>| !call.new.broke && value(call.new) != "None";
    let given: BTreeSet<&str> = others.iter().filter(gives).map(|call| value(call.new)).collect();
    let is_spread = given.len() > 1 && others.iter().filter(gives).count() * 2 > others.len();
    let was_unwritten = seen.iter().all(|call| call.old.broke);
    let is_of_tests_alone = enough
        && if was_unwritten {
            // Yes and no are all that some functions ever say: of those, one that says but one of them elsewhere.
            let is_yes_or_no = changed.iter().all(|call| call.new.kind == "bool");
            // Of words, a few may be all that there are.
            let are_numbers = changed.iter().all(|call| !call.text.contains(['\'', '"']));
            let few = if is_yes_or_no { are_numbers && given.len() <= 1 } else { others.iter().all(is_told) };
            !answered.is_empty() && (answered.len() > 1 || !is_yes_or_no) && few
        } else {
            !changed.is_empty() && others.iter().filter(|call| call.differs()).all(is_told)
        };
    let share = if others.is_empty() { 1.0 } else { differ as f64 / others.len() as f64 };
    let other = others.iter().find(|call| !call.differs()).or(others.first());
    Some(Elsewhere {
        is_of_tests_alone,
        share,
        is_spread,
        results: answered.len(),
        is_text: first.new.kind == "str",
        equals_all: hollow.is_some(),
        seen: first.says(),
        other: other.map(Call::says).unwrap_or_default(),
    })
}

/// The value alone: what stands behind it are the arguments.
fn value(outcome: &Outcome) -> &str {
    outcome.key.split(" | ").next().unwrap_or(&outcome.key)
}
