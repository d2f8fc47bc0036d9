//! Who of the cascade is passed over.

use coditect_types::context::FragmentKind;
use coditect_types::limits::History;
use coditect_types::{Context, Fragment};

use super::*;

/// A world with a small and a large model, of which the first answer is right.
fn of_two() -> (Truth, Policy) {
    let mut truth = Truth { red: 1, green: 2, models: 2, model_right_at: 1, ..Truth::default() };
    truth.pieces.steady = true;
    let models = truth.policy(&mut Chance::new(1)).models;
    (truth, Policy { models, ..Policy::default() })
}

#[test]
fn a_small_model_that_never_came_to_anything_is_passed_over() {
    let told = |tried: u32, proved: u32| {
        let (mut truth, policy) = of_two();
        let record = [("turn_tests_green".to_owned(), (tried, proved))].into();
        let history = History { models: [("model-0".to_owned(), record)].into(), ..History::default() };
        Story::with_policy(FIX, Policy { history, ..policy }).play(&mut truth).text
    };
    let text = told(12, 0);
    let why =
        "ask `model-1`; `model-0` is passed over: it was proved right in 0 of the 12 missions like this one";
    assert!(text.contains(why) && text.contains("mission.completed Verified"), "{text}");
    assert!(!text.contains("ask `model-0`"), "{text}");
    for (tried, proved) in [(9, 0), (12, 6)] {
        let text = told(tried, proved);
        assert!(text.contains("ask `model-0`") && !text.contains("passed over"), "{text}");
    }
}

#[test]
fn a_small_model_whose_window_is_too_small_for_the_file_is_passed_over_once_that_is_known() {
    let (mut truth, mut policy) = of_two();
    policy.models[1].context_tokens = 64_000;
    let mut story = Story::with_policy(FIX, policy);
    let mut asked = Vec::new();
    for _ in 0..400 {
        story.now_ms += 1_000;
        if story.state.end.is_some() {
            break;
        }
        let Some(attempt) = story.state.running.keys().next().copied() else {
            story.hand_in(&Input::Tick);
            continue;
        };
        let action = story.action();
        if let Action::AskModel { model, .. } = &action {
            asked.push(model.name.clone());
        }
        let outcome = if matches!(action, Action::GatherContext { .. }) {
            let (kind, path, text) = (FragmentKind::Source, "a.py".into(), "x = 1\n".repeat(3_000));
            let fragments = vec![Fragment { kind, path, text, cut: false }];
            Outcome::ContextGathered { context: Context { fragments, ..Context::default() } }
        } else {
            truth.perform(&action, &mut Chance::new(1))
        };
        story.hand_in(&Input::Outcome { attempt, outcome });
    }
    assert_eq!(asked, ["model-1"], "{}", story.text);
    let why = "`model-0` has a window of 2000 tokens, too small for the first file";
    assert!(story.text.contains(why) && story.text.contains("mission.completed Verified"), "{}", story.text);
}
