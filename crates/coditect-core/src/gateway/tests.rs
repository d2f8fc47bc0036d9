use coditect_types::model::{EditForm, Message, Price, Speaker};
use coditect_types::{ModelRequest, ModelSpec, Rung};

use super::*;

fn spec(tokens_in: u64, tokens_out: u64) -> ModelSpec {
    ModelSpec {
        name: "m".into(),
        rung: Rung::SmallModel,
        context_tokens: 8_192,
        output_tokens: 2_048,
        edits: EditForm::Whole,
        price: Price { tokens_in, tokens_cached: tokens_in, tokens_out },
        limits: Default::default(),
    }
}

fn left(model_calls: u64, tokens: u64, micro_usd: u64) -> Budget {
    Budget { model_calls, tokens, micro_usd, ..nothing() }
}

#[test]
fn a_call_that_could_cost_more_than_is_left_is_refused_before_it_is_made() {
    let free = spec(0, 0);
    assert!(afford(&left(0, 9_999, 0), &free, 10).unwrap_err().contains("calls"));
    assert!(afford(&left(1, 300, 0), &free, 100).unwrap_err().contains("300 tokens"));
    assert_eq!(afford(&left(1, 1_000, 0), &free, 100), Ok(900));
    assert_eq!(afford(&left(1, 100_000, 0), &free, 100), Ok(2_048));
    // 3 dollars and 15 dollars a million: 100 tokens in are 300 millionths, 256 out are 3,840.
    let dear = spec(3_000_000, 15_000_000);
    assert!(afford(&left(1, 100_000, 4_139), &dear, 100).unwrap_err().contains("$0.004139"));
    assert_eq!(afford(&left(1, 100_000, 4_140), &dear, 100), Ok(256));
    assert_eq!(afford(&left(1, 100_000, 15_301), &dear, 100), Ok(1_000));
}

#[test]
fn what_is_afforded_never_costs_more_than_is_left() {
    for price in [1, 7, 999_999, 1_000_001, 15_000_000] {
        let model = spec(price, price * 3);
        for left_usd in (0..200_000).step_by(977) {
            let budget = left(1, 50_000, left_usd);
            if let Ok(tokens_out) = afford(&budget, &model, 1_234) {
                let usage = Usage { tokens_in: 1_234, tokens_out, ..Usage::default() };
                assert!(model.price.of(&usage) <= left_usd, "{price} {left_usd} {tokens_out}");
            }
        }
    }
}

#[test]
fn a_call_reserves_every_byte_of_its_prompt() {
    let request = ModelRequest {
        system: "be brief".into(),
        messages: vec![Message { speaker: Speaker::User, text: "x".repeat(1_000) }],
        stable: 1,
        output_tokens: 500,
        temperature: 0,
        seed: 0,
        schema: None,
    };
    let most = at_most(&spec(1_000_000, 2_000_000), &request);
    let tokens_in = 8 + 1_000 + 64;
    assert_eq!((most.model_calls, most.tokens), (1, tokens_in + 500));
    assert_eq!(most.micro_usd, tokens_in + 1_000);
}

#[test]
fn a_small_model_is_asked_longer_where_no_larger_one_waits() {
    let model = |name: &str, rung| ModelSpec { name: name.into(), rung, ..spec(0, 0) };
    let (small, large) = (model("small", Rung::SmallModel), model("large", Rung::LargeModel));
    let asked_until_spent = |models: &[&ModelSpec], refuted: fn(usize) -> bool| {
        let models = models.iter().map(|model| (*model).clone()).collect();
        let policy = coditect_types::Policy { models, ..Default::default() };
        let state = State { policy: std::sync::Arc::new(policy), ..State::default() };
        let turn = |n| Turn { refuted: refuted(n), ..Turn::new("x = 1") };
        (0..100).find(|n| is_spent(&state, &small, &(0..*n).map(turn).collect::<Vec<_>>()))
    };
    assert_eq!(asked_until_spent(&[&small, &large], |_| true), Some(SAMPLES));
    assert_eq!(asked_until_spent(&[&small], |_| true), Some(SAMPLES_OF_THE_LAST));
    // What cannot even be read is given up sooner; now and then it is no reason to.
    assert_eq!(asked_until_spent(&[&small, &large], |_| false), Some(MAX_REPLIES));
    assert_eq!(asked_until_spent(&[&small], |_| false), Some(MAX_REPLIES));
    assert_eq!(asked_until_spent(&[&small], |n| n % 3 == 0), Some(SAMPLES_OF_THE_LAST));
}
