//! Missions of a fleet, which other processes take up.

use super::*;

/// What a fleet's workers are at does not end with the process that handed it out, and its outcome counts.
#[test]
fn who_takes_up_a_mission_of_a_fleet_goes_on_with_what_its_workers_do() {
    let mut story = Story::begin(FIX);
    let (mut truth, mut chance) = (Truth { red: 1, green: 1, ..Truth::default() }, Chance::new(1));
    // The snapshot is taken where the person's directory is, and lost with the process.
    let first = *story.state.running.keys().next().unwrap();
    story.hand_in(&Input::Resume(Workers::Fleet));
    let attempt = *story.state.running.keys().next().unwrap();
    assert!(attempt > first && !story.action().travels());
    let outcome = truth.perform(&story.action(), &mut chance);
    story.hand_in(&Input::Outcome { attempt, outcome });
    let (attempt, action) = (*story.state.running.keys().next().unwrap(), story.action());
    assert!(action.travels());
    story.now_ms += 60_000;
    story.hand_in(&Input::Resume(Workers::Fleet));
    assert!(story.text.ends_with("mission.resumed, lost []\n"), "{}", story.text);
    assert_eq!(story.state.running.keys().collect::<Vec<_>>(), [&attempt]);
    let outcome = truth.perform(&action, &mut chance);
    story.hand_in(&Input::Outcome { attempt, outcome });
    assert!(!story.text.contains("ignored"), "{}", story.text);
    // Without a fleet nobody is at it, and past its deadline nobody is believed to be.
    let next = *story.state.running.keys().next().unwrap();
    let alone = decide(&story.state, story.now_ms, &Input::Resume(Workers::Own)).unwrap();
    assert_eq!(alone.events[0], Event::MissionResumed { lost: vec![next] });
    story.now_ms += 86_400_000;
    story.hand_in(&Input::Resume(Workers::Fleet));
    assert!(story.text.contains(&format!("mission.resumed, lost [{next:?}]")), "{}", story.text);
}
