#![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

use std::sync::Arc;

use super::*;

/// Inputs `0..n`, the first `seen` of which are of tests.
fn inputs(n: usize, seen: usize) -> Vec<Input> {
    let input = |at: usize| Input { text: format!("f({at})"), function: 0, seen: at < seen, wild: false };
    (0..n).map(input).collect()
}

fn answers(n: usize, of: impl Fn(usize) -> Result<i64, &'static str>) -> Answers {
    let outcome = |at: usize| match of(at) {
        Ok(value) => Outcome {
            key: value.to_string(),
            broke: false,
            says: format!("it gives `{value}`"),
            kind: "int".to_owned(),
            properties: BTreeMap::from([("the result is not negative".to_owned(), value >= 0)]),
        },
        Err(class) => Outcome {
            key: format!("raise {class}"),
            broke: true,
            says: format!("it raises {class}"),
            ..Outcome::default()
        },
    };
    Answers { outcomes: (0..n).map(|at| Some(outcome(at))).collect(), examples: Vec::new() }
}

fn behaviour(original: Answers, variants: Vec<Answers>) -> Behaviour {
    let n = original.outcomes.len();
    Behaviour { inputs: inputs(n, 4), original, variants: variants.into_iter().map(Some).collect() }
}

fn int(at: usize) -> i64 {
    i64::try_from(at).unwrap()
}

#[test]
fn what_does_the_same_is_one() {
    let double = || answers(40, |at| Ok(2 * int(at)));
    let found =
        behaviour(answers(40, |at| Ok(int(at))), vec![double(), answers(40, |at| Ok(2 + int(at))), double()]);
    let groups: Vec<usize> = weigh(&found, &[1.0, 1.0, 1.0]).iter().map(|evidence| evidence.group).collect();
    assert_eq!(groups, [0, 1, 0]);
}

#[test]
fn a_change_that_breaks_elsewhere_weighs_less() {
    let fine = answers(40, |at| Ok(2 * int(at)));
    let breaks = answers(40, |at| if at > 20 { Err("IndexError") } else { Ok(2 * int(at)) });
    let found = behaviour(answers(40, |at| Ok(int(at))), vec![breaks, fine]);
    let evidence = weigh(&found, &[1.0, 1.0]);
    assert!(evidence[0].factor < evidence[1].factor / 2.0, "{evidence:?}");
    assert!(evidence[0].says.iter().any(|says| says.contains("breaks")), "{evidence:?}");
    let (input, mine, other) = difference(&found, 0, 1).unwrap();
    assert_eq!(
        (input.as_str(), mine.as_str(), other.as_str()),
        ("f(21)", "it raises IndexError", "it gives `42`")
    );
}

#[test]
fn what_all_tests_show_is_asked_of_other_inputs() {
    let keeps = answers(40, |at| Ok(int(at)));
    let negative = answers(40, |at| Ok(if at > 10 { -int(at) } else { int(at) }));
    let found = behaviour(answers(40, |_| Ok(7)), vec![negative, keeps]);
    let evidence = weigh(&found, &[1.0, 1.0]);
    assert!(evidence[0].factor < evidence[1].factor, "{evidence:?}");
}

#[test]
fn examples_of_the_documentation_weigh_and_stale_ones_do_not() {
    let mut kept = answers(40, |at| Ok(2 * int(at)));
    let mut broken = answers(40, |at| Ok(2 + int(at)));
    kept.examples = vec![("f(8)".to_owned(), Some(true)), ("f(9)".to_owned(), Some(false))];
    broken.examples = vec![("f(8)".to_owned(), Some(false)), ("f(9)".to_owned(), Some(false))];
    let found = behaviour(answers(40, |at| Ok(int(at))), vec![broken, kept]);
    let evidence = weigh(&found, &[1.0, 1.0]);
    assert!(evidence[0].factor < evidence[1].factor / 4.0, "{evidence:?}");
    assert!(evidence[0].says[0].contains("f(8)"), "{evidence:?}");
}

#[test]
fn a_change_for_the_inputs_of_tests_alone_is_seen() {
    let original = answers(40, |at| Ok(int(at)));
    let special = answers(40, |at| Ok(if at == 3 { 9 } else { int(at) }));
    let general = answers(40, |at| Ok(if at % 4 == 3 { 9 } else { int(at) }));
    let found = behaviour(original, vec![special, general]);
    let special: Vec<bool> = weigh(&found, &[1.0, 1.0]).iter().map(|evidence| evidence.special).collect();
    assert_eq!(special, [true, false]);
    let edit = |new: &str| vec![Edit { path: Arc::from("a.py"), range: 0..0, new: new.to_owned() }];
    assert!(names_a_value(&edit("if n == 37:")) && names_a_value(&edit("if name == 'bob':")));
    assert!(!names_a_value(&edit("if n == 0:")) && !names_a_value(&edit("n + 37")));
    assert!(!names_a_value(&edit("if not text or text == '':")));
}

#[test]
fn too_few_calls_say_nothing() {
    let found = behaviour(
        answers(6, |at| Ok(int(at))),
        vec![answers(6, |_| Err("ValueError")), answers(6, |at| Ok(int(at)))],
    );
    let evidence = weigh(&found, &[1.0, 1.0]);
    assert_eq!(evidence[0].factor.to_bits(), evidence[1].factor.to_bits());
}
