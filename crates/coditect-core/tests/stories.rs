//! Missions as stories: inputs at times in, events and effects out. Rewrite with `INSTA_UPDATE=always`.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::fmt::Write as _;

use coditect_core::decide::MAX_DELEGATED;
use coditect_core::{Spending, State, decide, effects};
use coditect_testkit::chance::Chance;
use coditect_testkit::invent::Truth;
use coditect_testkit::pieces::Pieces;
use coditect_testkit::rules::sleeps;
use coditect_types::limits::{Approvals, Thresholds, Verdict};
use coditect_types::outcome::Carried;
use coditect_types::{
    Action, ApprovalId, Budget, Command, Effect, ErrorKind, Event, Failure, Input, Intent, Ledger, MissionId,
    MissionStatus, Outcome, Policy, Rung, StrandId, TaskSpec, Workers, WorkspaceRef,
};

#[path = "stories/cascade.rs"]
mod cascade;
#[path = "stories/fleet.rs"]
mod fleet;
#[path = "stories/left_alone.rs"]
mod left_alone;

/// One mission, told line by line.
struct Story {
    state: State,
    spending: Spending,
    now_ms: u64,
    text: String,
}

impl Story {
    fn begin(request: &str) -> Self {
        Self::with_policy(request, Policy::default())
    }

    fn with_policy(request: &str, policy: Policy) -> Self {
        let (state, spending) = (State::default(), Spending::default());
        let mut story = Self { state, spending, now_ms: 0, text: String::new() };
        story.hand_in(&Input::Command(Command::SubmitMission {
            mission: MissionId::parse("m-1").unwrap(),
            request: request.into(),
            workspace: WorkspaceRef { path: "/repo".into() },
            policy,
        }));
        story
    }

    fn hand_in(&mut self, input: &Input) {
        let name = match input {
            Input::Command(Command::SubmitMission { request, .. }) => format!("submit {request:?}"),
            Input::Command(command) => format!("{command:?}"),
            Input::Outcome { attempt, outcome } => format!("{attempt}: {}", outcome_name(outcome)),
            Input::Resume(_) => "resume".into(),
            Input::Tick => "tick".into(),
        };
        writeln!(self.text, "{:>6} > {name}", self.now_ms).unwrap();
        match decide(&self.state, self.now_ms, input) {
            Ok(decision) => {
                for event in &decision.events {
                    writeln!(self.text, "         {}", told(event)).unwrap();
                    self.spending.take(event);
                }
                self.state = decision.next;
                // Who folds the costs alone comes to the same.
                let ledger = Ledger { solved_by: None, ..self.state.ledger.clone() };
                assert_eq!(*self.spending.ledger(), ledger, "{}", self.text);
                let mut sum = Ledger::default();
                self.spending.tasks().values().for_each(|task| sum += task);
                assert_eq!(sum, ledger, "what the tasks cost is what the mission did\n{}", self.text);
                assert!(!sleeps(&self.state), "nothing wakes it\n{}", self.text);
            }
            Err(refusal) => writeln!(self.text, "         refused: {}", refusal.cause).unwrap(),
        }
    }

    /// Lets the world answer every attempt under way until nothing is, one second each.
    fn play(mut self, truth: &mut Truth) -> Self {
        let mut chance = Chance::new(1);
        for _ in 0..400 {
            let first = effects(&self.state).into_iter().find_map(|effect| match effect {
                Effect::PerformAction { attempt, action, .. } => Some((attempt, action)),
                Effect::ArmTimer { .. } => None,
            });
            self.now_ms += 1_000;
            match first {
                Some((attempt, action)) => {
                    let outcome = truth.perform(&action, &mut chance);
                    self.hand_in(&Input::Outcome { attempt, outcome });
                }
                None if self.state.end.is_some() => return self,
                None => self.hand_in(&Input::Tick),
            }
        }
        panic!("the story does not end:\n{}", self.text);
    }

    fn action(&self) -> Action {
        let effect = effects(&self.state).into_iter().next().unwrap();
        match effect {
            Effect::PerformAction { action, .. } => action.as_ref().clone(),
            Effect::ArmTimer { .. } => panic!("nothing is under way"),
        }
    }

    fn fail(&mut self, kind: ErrorKind) {
        let attempt = *self.state.running.keys().next().unwrap();
        let failure = Failure::new(kind, "the disk is on fire").with_hint("call someone");
        self.hand_in(&Input::Outcome {
            attempt,
            outcome: Outcome::Failed { failure, spent: Default::default() },
        });
    }
}

fn outcome_name(outcome: &Outcome) -> String {
    serde_json::to_value(outcome).unwrap()["outcome"].as_str().unwrap().to_owned()
}

fn told(event: &Event) -> String {
    match event {
        Event::PlanMade { tasks, reason, strands } => {
            let task = |t: &TaskSpec| {
                let strand = t.strand.map_or_else(String::new, |strand| format!(" {strand}"));
                format!("{} {:?}{strand}", t.id, t.role).to_lowercase()
            };
            let tasks: Vec<String> = tasks.iter().map(task).collect();
            let mut told = format!("plan.made [{}] {reason}", tasks.join(", "));
            for strand in strands {
                let (tests, files) = (strand.tests.join(" "), strand.files.join(" "));
                write!(told, "\n           {}: {tests} in {files}", strand.id).unwrap();
            }
            told
        }
        Event::StagesPlanned { stages, reason } => {
            let mut told = format!("stages.planned: {reason}");
            for stage in stages {
                write!(
                    told,
                    "\n           {}: {} ({:?}), needs {:?}",
                    stage.id, stage.what, stage.aim, stage.needs
                )
                .unwrap();
            }
            told
        }
        Event::StageEnded { stage, end, why, .. } => format!("stage.ended {stage} {end:?} {why}"),
        Event::AttemptStarted { task, attempt, action, expectations, .. } => {
            format!("attempt.started {task} {attempt} {action}, expecting {}", expectations.len())
        }
        Event::AttemptEnded { task, attempt, .. } => format!("attempt.ended {task} {attempt}"),
        Event::ViolationFound { kind, observed, response, .. } => {
            format!("violation.found {kind:?}: {observed} -> {response:?}")
        }
        Event::TaskSettled { task, end, why } => {
            format!("task.settled {task} {end:?} {why}").trim_end().to_owned()
        }
        Event::MissionCompleted { status, summary, hint, caveats, .. } => {
            format!("mission.completed {status:?}: {summary} hint: {hint:?} caveats: {caveats:?}")
        }
        Event::MissionSubmitted { .. } => "mission.submitted".into(),
        Event::MissionConcluding {} => "mission.concluding".into(),
        Event::MissionForked { .. } => "mission.forked".into(),
        Event::MissionResumed { lost } => format!("mission.resumed, lost {lost:?}"),
        Event::ApprovalAsked { approval, task, observed, until_ms, .. } => {
            format!("approval.asked {approval} for {task} until {until_ms}: {observed}")
        }
        Event::ApprovalGiven { approval, verdict, by, why } => {
            format!("approval.given {approval} {verdict:?} by {by:?} {why}").trim_end().to_owned()
        }
        Event::OutcomeIgnored { attempt, reason } => format!("outcome.ignored {attempt}: {reason}"),
    }
}

fn world(red: u32, recipe_finds: bool, reflex_right_at: u32) -> Truth {
    Truth { red, green: 2, recipe_finds, reflex_right_at, ..Truth::default() }
}

const FIX: &str = "make the failing tests pass";

#[test]
fn a_repair_from_request_to_branch() {
    insta::assert_snapshot!(Story::begin(FIX).play(&mut world(2, false, 1)).text);
}

#[test]
fn a_recipe_spares_the_search() {
    let story = Story::begin(FIX).play(&mut world(1, true, 1));
    insta::assert_snapshot!(story.text);
}

#[test]
fn a_refused_proposal_leads_to_another_and_is_not_proposed_again() {
    let story = Story::begin(FIX).play(&mut world(1, false, 2));
    insta::assert_snapshot!(story.text);
    assert_eq!(story.state.world.refused.to_vec(), ["diff 1"]);
}

#[test]
fn nothing_found_is_said() {
    insta::assert_snapshot!(Story::begin(FIX).play(&mut world(1, false, 0)).text);
}

#[test]
fn green_already() {
    insta::assert_snapshot!(Story::begin(FIX).play(&mut world(0, false, 0)).text);
}

#[test]
fn flaky_tests_are_named_and_prove_nothing() {
    let mut truth = Truth { flaky: 1, ..world(0, false, 0) };
    insta::assert_snapshot!(Story::begin(FIX).play(&mut truth).text);
}

#[test]
fn a_proposal_that_changes_a_test_is_refused() {
    let mut truth = Truth { cheats: true, ..world(1, false, 1) };
    insta::assert_snapshot!(Story::begin(FIX).play(&mut truth).text);
}

#[test]
fn a_request_for_a_model_ends_at_once() {
    insta::assert_snapshot!(Story::begin("add a CSV export").text);
}

#[test]
fn an_empty_request_is_refused() {
    insta::assert_snapshot!(Story::begin("  \n").text);
}

#[test]
fn transient_trouble_is_tried_again_and_then_given_up() {
    let mut story = Story::begin(FIX);
    for _ in 0..3 {
        story.fail(ErrorKind::Unavailable);
        story.now_ms += 5_000;
        story.hand_in(&Input::Tick);
    }
    insta::assert_snapshot!(story.text);
}

#[test]
fn trouble_that_stays_ends_the_mission_with_its_hint() {
    let mut story = Story::begin(FIX);
    story.fail(ErrorKind::NotFound);
    insta::assert_snapshot!(story.text);
}

#[test]
fn resume_starts_what_was_lost_again_and_late_outcomes_change_nothing() {
    let mut story = Story::begin(FIX);
    let before = story.action();
    let attempt = *story.state.running.keys().next().unwrap();
    story.now_ms += 86_400_000;
    story.hand_in(&Input::Resume(Workers::Own));
    assert_eq!(story.action(), before);
    story.hand_in(&Input::Outcome { attempt, outcome: Outcome::NothingDone });
    assert_eq!(story.state.active_ms(story.now_ms), 0, "a day asleep costs nothing of the budget");
    insta::assert_snapshot!(story.text);
}

#[test]
fn a_silent_agent_is_given_up_at_its_deadline() {
    let mut story = Story::begin(FIX);
    story.now_ms += 602_000;
    story.hand_in(&Input::Tick);
    insta::assert_snapshot!(story.text);
}

#[test]
fn the_time_budget_ends_the_mission() {
    let mut policy = Policy::default();
    policy.budget.wall_ms = 10_000;
    let mut story = Story::with_policy(FIX, policy);
    story.now_ms += 10_000;
    story.hand_in(&Input::Tick);
    insta::assert_snapshot!(story.text);
}

#[test]
fn cancel_ends_and_a_second_cancel_is_refused() {
    let mut story = Story::begin(FIX);
    let cancel = Input::Command(Command::CancelMission { reason: "changed my mind".into() });
    story.hand_in(&cancel);
    story.hand_in(&cancel);
    insta::assert_snapshot!(story.text);
    assert!(effects(&story.state).is_empty());
}

/// A world of four pieces: the first and the last are found at once, the third at the second answer, the second never; and
/// the changes of the first and the third do not go together.
fn in_pieces() -> (Truth, Policy) {
    let mut pieces = Pieces::default();
    (pieces.count, pieces.right_at, pieces.steady) = (4, vec![1, 0, 2, 1], true);
    pieces.clash = Some((1, 3));
    let truth = Truth { red: 5, green: 1, models: 1, pieces, ..Truth::default() };
    let models = truth.policy(&mut Chance::new(1)).models;
    (truth, Policy { models, ..Policy::default() })
}

#[test]
fn work_that_falls_apart_is_done_in_strands_and_merged() {
    let (mut truth, policy) = in_pieces();
    insta::assert_snapshot!(Story::with_policy(FIX, policy).play(&mut truth).text);
}

#[test]
fn who_concludes_gets_what_the_strands_have() {
    let (mut truth, policy) = in_pieces();
    let (mut story, mut chance) = (Story::with_policy(FIX, policy), Chance::new(1));
    while !story.state.world.strands.values().any(|strand| strand.proposal.is_some()) {
        let attempt = *story.state.running.keys().next().unwrap();
        let outcome = truth.perform(&story.action(), &mut chance);
        story.hand_in(&Input::Outcome { attempt, outcome });
    }
    story.text.clear();
    story.hand_in(&Input::Command(Command::ConcludeMission));
    insta::assert_snapshot!(story.play(&mut truth).text);
}

#[test]
fn strands_of_one_mission_hold_leases_on_different_files_and_shares_of_the_budget() {
    let (mut truth, policy) = in_pieces();
    let (mut story, mut chance) = (Story::with_policy(FIX, policy.clone()), Chance::new(1));
    while story.state.world.strands.is_empty() {
        let outcome = truth.perform(&story.action(), &mut chance);
        let attempt = *story.state.running.keys().next().unwrap();
        story.hand_in(&Input::Outcome { attempt, outcome });
    }
    let asked: Vec<_> = effects(&story.state)
        .into_iter()
        .filter(|effect| matches!(effect, Effect::PerformAction { action, .. } if matches!(**action, Action::AskModel { .. })))
        .collect();
    assert_eq!(asked.len(), 4, "each strand asks at once");
    let strands: Vec<_> = story.state.world.strands.values().collect();
    let calls: u64 = strands.iter().map(|strand| strand.share.model_calls).sum();
    let tokens: u64 = strands.iter().map(|strand| strand.share.tokens).sum();
    assert!(calls <= policy.budget.model_calls && tokens <= policy.budget.tokens);
    assert_eq!(strands[0].spec.tests, ["test_a.py::red_0", "test_a.py::red_4"]);
    // What was under way when the process died is asked once more, and counts for its strand.
    story.hand_in(&Input::Resume(Workers::Own));
    let first = &story.state.world.strands[&StrandId(1)];
    assert_eq!((first.used.model_calls, story.state.ledger.model_calls), (1, 4));
    assert!(first.used.tokens > 0 && first.used.tokens < first.share.tokens);
}

#[test]
fn what_no_test_shows_is_specified_by_tests_first() {
    let truth = Truth { green: 2, models: 1, specified_at: 2, model_right_at: 3, ..Truth::default() };
    let models = truth.policy(&mut Chance::new(1)).models;
    let policy = Policy { models, ..Policy::default() };
    let request = truth.request();
    insta::assert_snapshot!(Story::with_policy(request, policy.clone()).play(&mut truth.clone()).text);
    // Where no answer holds such tests, a person is asked.
    let mut truth = Truth { specified_at: 9, ..truth };
    let text = Story::with_policy(request, policy).play(&mut truth).text.clone();
    assert!(text.contains("needs_person") || text.contains("NeedsPerson"), "{text}");
}

#[test]
fn a_request_for_several_things_is_carried_out_in_stages() {
    let mut pieces = Pieces::default();
    pieces.steady = true;
    let truth = Truth {
        green: 2,
        models: 1,
        specified_at: 2,
        model_right_at: 3,
        stages: 3,
        pieces,
        ..Truth::default()
    };
    let models = truth.policy(&mut Chance::new(1)).models;
    let policy = Policy { models, ..Policy::default() };
    let told =
        |truth: &Truth| Story::with_policy(truth.request(), policy.clone()).play(&mut truth.clone()).text;
    insta::assert_snapshot!(told(&truth));
    // Out of time in the second stage, what the first came to is handed over.
    let budget = Budget { wall_ms: 17_000, ..policy.budget.clone() };
    let hurried = Policy { budget, ..policy.clone() };
    let text = Story::with_policy(truth.request(), hurried).play(&mut truth.clone()).text;
    assert!(
        text.contains("mission.completed PartlyVerified") && text.contains("1 of 3 stages verified"),
        "{text}"
    );
    // Where nothing comes of the first, what needs it is dropped.
    let text = told(&Truth { model_right_at: 0, ..truth.clone() });
    assert!(text.contains("a stage that it needs failed") || text.contains("None of the 3 stages"), "{text}");
}

/// A mission that is at trying the answer of a model.
fn at_an_answer() -> Story {
    let mut truth = Truth { red: 1, green: 2, models: 1, ..Truth::default() };
    truth.pieces.steady = true;
    let policy = Policy { models: truth.policy(&mut Chance::new(1)).models, ..Policy::default() };
    let mut story = Story::with_policy(FIX, policy);
    while !matches!(story.action(), Action::TryReply { .. }) {
        let (attempt, action) = (*story.state.running.keys().next().unwrap(), story.action());
        let outcome = truth.perform(&action, &mut Chance::new(1));
        story.hand_in(&Input::Outcome { attempt, outcome });
    }
    story
}

fn delegates(story: &mut Story, needs: Vec<Intent>) {
    let attempt = *story.state.running.keys().next().unwrap();
    let outcome = Outcome::NeedsFirst { needs, why: "it asks".into(), spent: Default::default() };
    story.hand_in(&Input::Outcome { attempt, outcome });
}

#[test]
fn an_agent_delegates_as_much_as_it_may_and_goes_on_after_it() {
    let see = |n: usize| Intent::GatherMore { files: vec![format!("a{n}.py")] };
    let mut story = at_an_answer();
    let parent = story.state.running.values().next().unwrap().task;
    for n in 0..MAX_DELEGATED {
        delegates(&mut story, vec![see(n)]);
        let Action::GatherContext { also, .. } = story.action() else { panic!("{}", story.text) };
        assert_eq!(also.len(), n + 1);
        let attempt = *story.state.running.keys().next().unwrap();
        let outcome = Outcome::ContextGathered { context: Default::default() };
        story.hand_in(&Input::Outcome { attempt, outcome });
        assert_eq!(story.state.running.values().next().unwrap().task, parent, "{}", story.text);
    }
    delegates(&mut story, vec![see(9)]);
    assert!(story.text.contains("it delegates more than it may"), "{}", story.text);
    // Neither its own work, nor what costs a model or reaches the person, is for others to do on its word.
    for need in [
        Intent::TryReply { rung: Rung::SmallModel },
        Intent::AskModel { model: "m".into() },
        Intent::HandOver,
    ] {
        let mut story = at_an_answer();
        delegates(&mut story, vec![see(0), need]);
        assert!(story.text.contains("what no other agent may do for it"), "{}", story.text);
    }
}

#[test]
fn what_was_delegated_does_not_outlive_its_task() {
    let mut story = at_an_answer();
    delegates(
        &mut story,
        vec![
            Intent::GatherMore { files: vec!["a.py".into()] },
            Intent::GatherMore { files: vec!["b.py".into()] },
        ],
    );
    assert_eq!(story.state.running.len(), 2, "side by side");
    story.hand_in(&Input::Command(Command::CancelMission { reason: String::new() }));
    assert_eq!(story.text.matches("the task that delegated it ended").count(), 2, "{}", story.text);
}

#[test]
fn a_review_that_objects_sends_a_change_back_with_its_words() {
    let mut story = at_an_answer();
    let mut truth = Truth { reflex_right_at: 1, model_right_at: 1, answers: 1, ..world(1, false, 1) };
    truth.pieces.steady = true;
    let attempt = *story.state.running.keys().next().unwrap();
    let outcome = truth.perform(&story.action(), &mut Chance::new(7));
    assert!(matches!(outcome, Outcome::ChangeProposed { .. }), "{outcome:?}");
    story.hand_in(&Input::Outcome { attempt, outcome });
    let attempt = *story.state.running.keys().next().unwrap();
    assert!(matches!(story.action(), Action::ReviewChange { .. }));
    let objections = vec!["it opens a network connection".to_owned()];
    story.hand_in(&Input::Outcome {
        attempt,
        outcome: Outcome::ChangeReviewed { objections, remarks: Vec::new() },
    });
    assert!(story.text.contains("violation.found Objection"), "{}", story.text);
    let turn = &story.state.world.turns("model-0")[0];
    assert_eq!(turn.feedback, "A review objects: it opens a network connection.");
    assert!(matches!(story.action(), Action::AskModel { .. }), "{}", story.text);
}

#[test]
fn a_suite_that_takes_long_leaves_a_search_less() {
    // The red test hangs: it will not, once it is green. What a first tier took before is no part of a proof either.
    for (wall_ms, reserved) in [(60_000, 15_000), (10_000, 12_000)] {
        let policy = Policy {
            budget: Budget { wall_ms: 120_000, search_ms: 300_000, ..Budget::default() },
            ..Policy::default()
        };
        let mut story = Story::with_policy(FIX, policy);
        let (mut truth, mut chance) = (world(1, false, 1), Chance::new(1));
        let searched = loop {
            let action = story.action();
            if let Action::SeekChange { budget, .. } = &action {
                break budget.search_ms;
            }
            let mut outcome = truth.perform(&action, &mut chance);
            if let Outcome::BaselineMeasured { report, spent, .. } = &mut outcome {
                spent.wall_ms = 60_000;
                report.wall_ms = wall_ms;
                for test in report.tests.iter_mut().filter(|test| test.status.is_red()) {
                    test.us = 45_000_000;
                }
                story.now_ms += 60_000;
            }
            let attempt = *story.state.running.keys().next().unwrap();
            story.hand_in(&Input::Outcome { attempt, outcome });
        };
        assert_eq!(searched, 60_000 - reserved);
    }
}

/// A mission whose every doubt is a question, played until one is asked.
fn asked(truth: &mut Truth, approvals: Approvals) -> Story {
    let thresholds = Thresholds { act_from: 100, ..Thresholds::default() };
    let mut story = Story::with_policy(FIX, Policy { thresholds, approvals, ..Policy::default() });
    let mut chance = Chance::new(1);
    while story.state.approvals.is_empty() {
        let Some(Effect::PerformAction { attempt, action, .. }) = effects(&story.state).into_iter().next()
        else {
            panic!("nothing was asked:\n{}", story.text)
        };
        story.now_ms += 1_000;
        let outcome = truth.perform(&action, &mut chance);
        story.hand_in(&Input::Outcome { attempt, outcome });
    }
    story
}

fn answer(verdict: Verdict) -> Input {
    let (by, why) = ("ada".to_owned(), "I know it".to_owned());
    Input::Command(Command::AnswerApproval { approval: ApprovalId(1), verdict, by, why })
}

const AN_HOUR: Approvals = Approvals { wait_ms: 3_600_000, otherwise: Verdict::Denied };

#[test]
fn a_doubt_waits_for_a_person_and_what_is_denied_is_given_up() {
    let mut truth = world(1, false, 2);
    let mut story = asked(&mut truth, AN_HOUR);
    story.now_ms += 60_000;
    story.hand_in(&answer(Verdict::Denied));
    // It has an answer by now.
    story.hand_in(&answer(Verdict::Approved));
    insta::assert_snapshot!(story.play(&mut truth).text);
}

#[test]
fn what_is_approved_with_a_red_test_is_handed_over_and_not_called_verified() {
    let mut truth = world(1, false, 2);
    let mut story = asked(&mut truth, AN_HOUR);
    story.hand_in(&answer(Verdict::Approved));
    let story = story.play(&mut truth);
    assert_eq!(story.state.end, Some(MissionStatus::Unverified), "{}", story.text);
    insta::assert_snapshot!(story.text);
}

#[test]
fn a_question_that_nobody_answers_ends_by_the_policy_and_takes_none_of_the_budget() {
    let mut truth = world(1, false, 2);
    let mut story = asked(&mut truth, AN_HOUR);
    let active = story.state.active_ms(story.now_ms);
    story.now_ms += 3_000_000;
    assert_eq!(story.state.active_ms(story.now_ms), active);
    story.hand_in(&Input::Tick);
    assert!(!story.state.approvals.is_empty() && story.state.end.is_none(), "{}", story.text);
    // The process stops, and is started again after a day.
    story.now_ms += 86_400_000;
    story.hand_in(&Input::Resume(Workers::Own));
    story.hand_in(&Input::Tick);
    assert!(!story.state.approvals.is_empty(), "nobody could answer meanwhile:\n{}", story.text);
    // When it stopped is not known, so it has its whole hour again.
    story.now_ms += 3_700_000;
    story.hand_in(&Input::Tick);
    assert!(story.state.approvals.is_empty() && story.state.end.is_none(), "{}", story.text);
    assert_eq!(story.state.active_ms(story.now_ms), active);
    assert_eq!(story.play(&mut truth).state.end, Some(MissionStatus::Verified));
}

#[test]
fn where_nobody_is_to_be_asked_the_policy_answers_at_once() {
    for (otherwise, end) in
        [(Verdict::Denied, MissionStatus::Verified), (Verdict::Approved, MissionStatus::Unverified)]
    {
        let approvals = Approvals { wait_ms: 0, otherwise };
        let thresholds = Thresholds { act_from: 100, ..Thresholds::default() };
        let policy = Policy { thresholds, approvals, ..Policy::default() };
        let story = Story::with_policy(FIX, policy).play(&mut world(1, false, 2));
        // The first proposal is wrong: it is given up, or taken without proof.
        assert_eq!(story.state.end, Some(end), "{}", story.text);
    }
}

#[test]
fn whoever_wants_what_there_is_is_not_asked_on() {
    let mut truth = world(1, false, 2);
    let mut story = asked(&mut truth, AN_HOUR);
    story.hand_in(&Input::Command(Command::ConcludeMission));
    assert!(story.state.approvals.is_empty(), "{}", story.text);
}

/// Plays a repair up to its hand-over, and says that the branch is at another commit by now.
fn moved_on(commit: Option<&str>, policy: Policy) -> (Story, Truth) {
    let mut truth = world(1, false, 1);
    let mut story = Story::with_policy(FIX, policy);
    let mut chance = Chance::new(1);
    for _ in 0..40 {
        let action = story.action();
        let attempt = *story.state.running.keys().next().unwrap();
        story.now_ms += 1_000;
        if matches!(action, Action::HandOver { .. }) {
            let carried = Carried {
                head: "newer".into(),
                branch: Some("main".into()),
                commit: commit.map(str::to_owned),
                tree: commit.map(|commit| commit.replace("commit", "tree")),
                conflicts: if commit.is_some() { Vec::new() } else { vec!["calc.py".into()] },
            };
            story.hand_in(&Input::Outcome { attempt, outcome: Outcome::HeadMoved { carried } });
            return (story, truth);
        }
        let outcome = truth.perform(&action, &mut chance);
        story.hand_in(&Input::Outcome { attempt, outcome });
    }
    panic!("nothing is handed over:\n{}", story.text);
}

/// The commit of the change that the invented world proposes.
fn proposed(story: &Story) -> String {
    story.state.world.proposal.as_deref().unwrap().commit.clone()
}

#[test]
fn a_change_on_top_of_a_newer_commit_is_proved_before_it_is_handed_over() {
    let (story, _) = moved_on(Some("commit"), Policy::default());
    let right = proposed(&story);
    let (story, mut truth) = moved_on(Some(&right), Policy::default());
    assert!(matches!(story.action(), Action::VerifyChange { commit, .. } if commit == right));
    let story = story.play(&mut truth);
    assert_eq!(story.state.end, Some(MissionStatus::Verified), "{}", story.text);
    assert!(story.text.contains("on top of `newer` on `main`"), "{}", story.text);
    assert_eq!(story.state.replans, 0, "the change itself was never in doubt");
}

#[test]
fn a_change_that_is_refuted_on_a_newer_commit_keeps_the_proof_that_it_has() {
    let (story, mut truth) = moved_on(Some("commit-of-nothing"), Policy::default());
    let proof = story.state.world.receipt.clone();
    let story = story.play(&mut truth);
    assert_eq!(story.state.end, Some(MissionStatus::NeedsPerson), "{}", story.text);
    assert_eq!(story.state.world.receipt, proof);
    assert!(story.text.contains("violation.found ConcurrentChange"), "{}", story.text);
    assert!(!story.text.contains("violation.found TestExpectation"), "{}", story.text);
    assert!(story.state.world.refused.is_empty() && story.state.world.handed.is_some());
}

#[test]
fn a_change_that_conflicts_is_handed_over_at_once() {
    let (story, mut truth) = moved_on(None, Policy::default());
    assert!(matches!(story.action(), Action::HandOver { carried: None, seen, .. } if seen == ["newer"]));
    let story = story.play(&mut truth);
    assert_eq!(story.state.end, Some(MissionStatus::NeedsPerson), "{}", story.text);
    assert!(story.text.contains("both change calc.py"), "{}", story.text);
}

#[test]
fn a_commit_that_is_known_is_no_reason_to_begin_again() {
    let (mut story, mut truth) = moved_on(None, Policy::default());
    let attempt = *story.state.running.keys().next().unwrap();
    let carried = story.state.world.heads.newest.clone().unwrap().carried;
    story.hand_in(&Input::Outcome { attempt, outcome: Outcome::HeadMoved { carried } });
    assert!(story.text.contains("violation.found OffContract"), "{}", story.text);
    assert_eq!(story.state.world.heads.seen.len(), 1);
    let story = story.play(&mut truth);
    assert!(story.state.world.handed.is_some(), "it is asked for again:\n{}", story.text);
}

#[test]
fn what_was_proved_is_handed_over_where_no_time_is_left_for_another_proof() {
    let budget = Budget { wall_ms: 60_000, ..Budget::default() };
    let (mut story, mut truth) = moved_on(Some("commit-of-nothing"), Policy { budget, ..Policy::default() });
    assert!(matches!(story.action(), Action::VerifyChange { .. }));
    story.now_ms = 61_000;
    story.hand_in(&Input::Tick);
    assert!(matches!(story.action(), Action::HandOver { carried: None, .. }), "{}", story.text);
    let story = story.play(&mut truth);
    assert_eq!(story.state.end, Some(MissionStatus::NeedsPerson), "{}", story.text);
    assert!(story.state.world.handed.is_some() && story.text.contains("no time to run the suite there"));
}
