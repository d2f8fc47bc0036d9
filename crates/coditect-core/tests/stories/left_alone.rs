//! Models that are left alone.

use super::*;

/// A story in which a model is to be asked now, and who plays its world.
fn at_a_call() -> (Story, Truth) {
    let mut truth = Truth { red: 1, green: 2, models: 1, model_right_at: 1, ..Truth::default() };
    truth.pieces.steady = true;
    let policy = Policy { models: truth.policy(&mut Chance::new(1)).models, ..Policy::default() };
    let mut story = Story::with_policy(FIX, policy);
    while !matches!(story.action(), Action::AskModel { .. }) {
        let (attempt, action) = (*story.state.running.keys().next().unwrap(), story.action());
        let outcome = truth.perform(&action, &mut Chance::new(1));
        story.hand_in(&Input::Outcome { attempt, outcome });
    }
    (story, truth)
}

/// The call under way is not made: the model is left alone for so long.
fn is_left_alone(story: &mut Story, retry_after_ms: u64) {
    let attempt = *story.state.running.keys().next().unwrap();
    let failure = Failure {
        retry_after_ms: Some(retry_after_ms),
        unasked: true,
        ..Failure::new(ErrorKind::Unavailable, "it is left alone")
    };
    story.hand_in(&Input::Outcome {
        attempt,
        outcome: Outcome::Failed { failure, spent: Default::default() },
    });
}

#[test]
fn a_model_that_is_left_alone_is_waited_for_and_that_costs_nothing() {
    let (mut story, mut truth) = at_a_call();
    for _ in 0..20 {
        is_left_alone(&mut story, 5_000);
        assert!(story.state.running.is_empty() && story.state.end.is_none(), "{}", story.text);
        story.now_ms += 5_000;
        story.hand_in(&Input::Tick);
        assert!(matches!(story.action(), Action::AskModel { .. }), "{}", story.text);
    }
    let ledger = &story.state.ledger;
    assert!(ledger.model_calls == 0 && ledger.models.values().all(|cost| cost.calls == 0), "{ledger:?}");
    assert_eq!(story.state.failures, 0);
    let story = story.play(&mut truth);
    assert_eq!(story.state.end, Some(MissionStatus::Verified), "{}", story.text);
}

#[test]
fn a_model_that_is_left_alone_for_longer_than_there_is_time_is_said_to_be_so() {
    let (mut story, _) = at_a_call();
    is_left_alone(&mut story, 100_000_000);
    assert_eq!(story.state.end, Some(MissionStatus::Failed), "{}", story.text);
    let end = story.text.lines().last().unwrap_or_default();
    assert!(end.contains("t is left alone"), "{end}\n{}", story.text);
}
