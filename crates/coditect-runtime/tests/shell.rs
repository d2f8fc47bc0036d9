//! The shell on tokio's paused clock, with a journal in memory and agents of a simulated world.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use coditect_ports::{Agent, Bus, Clock, Dispatch, Done, Entropy, Journal, Notice, Work};
use coditect_runtime::{OwnBreakers, Ports, Settings, Shell, ShellError, history, view};
use coditect_testkit::chance::Chance;
use coditect_testkit::invent::Truth;
use coditect_testkit::memory_journal::{Fate, MemoryJournal};
use coditect_types::plan::Role;
use coditect_types::{
    Action, AttemptId, Command, Event, MissionId, MissionStatus, Outcome, Policy, Reply, WorkspaceRef,
};

#[derive(Debug, Default)]
struct Heard(Mutex<Vec<u64>>);

impl Bus for Heard {
    fn announce(&self, notice: Notice) {
        if let Notice::Recorded(record) = notice {
            self.0.lock().unwrap().push(record.seq);
        }
    }
}

#[derive(Debug)]
struct Fixed;

impl Clock for Fixed {
    fn now_ms(&self) -> u64 {
        1_000_000
    }
    fn monotonic_us(&self) -> u64 {
        0
    }
}

impl Entropy for Fixed {
    fn next_u64(&self) -> u64 {
        7
    }
}

/// Answers as a simulated world does; may break or wait for its stop flag.
#[derive(Debug)]
struct Simulated {
    truth: Mutex<Truth>,
    habit: Habit,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Habit {
    Works,
    Panics,
    WaitsForStop,
}

impl Agent for Simulated {
    fn roles(&self) -> &[Role] {
        &[Role::Analyzer, Role::Coder, Role::Tester, Role::Deployer]
    }

    fn perform(&self, action: &Action, work: &Work) -> Outcome {
        match self.habit {
            Habit::Works => self.truth.lock().unwrap().perform(action, &mut Chance::new(1)),
            Habit::Panics => panic!("invented defect"),
            Habit::WaitsForStop => {
                while !work.stop.is_raised() {
                    std::thread::yield_now();
                }
                Outcome::NothingDone
            }
        }
    }
}

fn world() -> Truth {
    Truth { red: 2, green: 2, reflex_right_at: 1, ..Truth::default() }
}

struct Bench {
    journal: Arc<MemoryJournal>,
    heard: Arc<Heard>,
    shell: Shell,
}

fn bench(habit: Habit) -> Bench {
    let journal = Arc::new(MemoryJournal::new());
    let heard = Arc::new(Heard::default());
    let shell = shell_on(&journal, &heard, habit);
    Bench { journal, heard, shell }
}

fn shell_on(journal: &Arc<MemoryJournal>, heard: &Arc<Heard>, habit: Habit) -> Shell {
    shell_with(journal, heard, habit, None)
}

fn shell_with(
    journal: &Arc<MemoryJournal>,
    heard: &Arc<Heard>,
    habit: Habit,
    fleet: Option<Arc<dyn Dispatch>>,
) -> Shell {
    let agent = Simulated { truth: Mutex::new(world()), habit };
    let ports = Ports {
        journal: Arc::clone(journal) as Arc<dyn Journal>,
        bus: Arc::clone(heard) as Arc<dyn Bus>,
        clock: Arc::new(Fixed),
        entropy: Arc::new(Fixed),
        agents: vec![Arc::new(agent)],
        models: Vec::new(),
        breakers: Arc::new(OwnBreakers::default()),
        fleet,
    };
    Shell::start(ports, Settings::default()).unwrap()
}

/// Workers that answer once they are told to.
#[derive(Debug)]
struct Far {
    truth: Mutex<Truth>,
    answers: AtomicBool,
    /// What was handed out, and whether another process may have done so before.
    asked: Mutex<Vec<(AttemptId, bool)>>,
}

impl Dispatch for Far {
    fn dispatch(&self, action: Arc<Action>, work: Work, done: Done) {
        self.asked.lock().unwrap().push((work.attempt, work.is_old));
        if self.answers.load(Ordering::SeqCst) {
            done(self.truth.lock().unwrap().perform(&action, &mut Chance::new(1)));
        }
    }
}

fn mission() -> MissionId {
    MissionId::parse("m-1").unwrap()
}

fn submit() -> Command {
    Command::SubmitMission {
        mission: mission(),
        request: "make the failing tests pass".into(),
        workspace: WorkspaceRef { path: "/repo".into() },
        policy: Policy::default(),
    }
}

#[tokio::test]
async fn a_mission_runs_to_its_end_and_every_record_is_told_in_order() {
    let bench = bench(Habit::Works);
    assert_eq!(bench.shell.submit(mission(), submit()).await.unwrap(), Reply::Taken);
    assert_eq!(bench.shell.ended(&mission()).await.unwrap(), MissionStatus::Verified);
    let records = history(bench.journal.as_ref(), &mission()).unwrap();
    let told = bench.heard.0.lock().unwrap().clone();
    assert_eq!(told, (1..=records.len() as u64).collect::<Vec<_>>());
    let view = view(&records).unwrap();
    assert_eq!(view.status, Some(MissionStatus::Verified));
    assert_eq!(view.branch.as_deref(), Some("coditect/simulated"));
    assert_eq!(
        bench.shell.ended(&mission()).await.unwrap(),
        MissionStatus::Verified,
        "and again, from the journal"
    );
}

/// An outcome that comes past the pool, once the attempt is under way: it counts, and what the pool's own agent tells later
/// does not.
#[tokio::test]
async fn of_two_outcomes_of_an_attempt_the_first_counts_and_the_other_is_kept_as_ignored() {
    let bench = bench(Habit::WaitsForStop);
    assert_eq!(bench.shell.submit(mission(), submit()).await.unwrap(), Reply::Taken);
    let first = coditect_types::AttemptId(1);
    let failed = |cause: &str| Outcome::Failed {
        failure: coditect_types::Failure::new(coditect_types::ErrorKind::Denied, cause),
        spent: Default::default(),
    };
    bench.shell.report(&mission(), first, failed("the first")).await.unwrap();
    // The mission ends with it, or is at its end: either way the second one changes nothing.
    bench.shell.report(&mission(), first, failed("the second")).await.ok();
    assert_eq!(bench.shell.ended(&mission()).await.unwrap(), MissionStatus::NeedsPerson);
    let records = history(bench.journal.as_ref(), &mission()).unwrap();
    let ends: Vec<&Event> = records
        .iter()
        .map(|record| &record.event)
        .filter(|event| matches!(event, Event::AttemptEnded { .. }))
        .collect();
    assert!(
        matches!(ends[..], [Event::AttemptEnded { outcome: Outcome::Failed { failure, .. }, .. }] if failure.cause == "the first"),
        "{ends:?}"
    );
    let nowhere = MissionId::parse("m-2").unwrap();
    let refused = bench.shell.report(&nowhere, first, Outcome::NothingDone).await;
    assert!(matches!(refused, Err(ShellError::NotHere(_))), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_journal_in_trouble_is_tried_again() {
    for fate in [Fate::NotKept, Fate::UnknownKept, Fate::UnknownNotKept] {
        let bench = bench(Habit::Works);
        bench.journal.next_fate(fate);
        bench.shell.submit(mission(), submit()).await.unwrap();
        assert_eq!(bench.shell.ended(&mission()).await.unwrap(), MissionStatus::Verified, "{fate:?}");
        // Also what was kept without an answer is told, and once.
        let records = history(bench.journal.as_ref(), &mission()).unwrap();
        let all: Vec<u64> = records.iter().map(|record| record.seq).collect();
        assert_eq!(*bench.heard.0.lock().unwrap(), all, "{fate:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_was_overtaken_without_an_answer_steps_down() {
    let bench = bench(Habit::Works);
    bench.journal.next_fate(Fate::UnknownOvertaken);
    let error = bench.shell.submit(mission(), submit()).await.unwrap_err();
    assert!(matches!(error, ShellError::SteppedDown(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_stays_in_trouble_stops_the_mission_with_the_cause() {
    let bench = bench(Habit::Works);
    for _ in 0..20 {
        bench.journal.next_fate(Fate::NotKept);
    }
    let error = bench.shell.submit(mission(), submit()).await.unwrap_err();
    assert!(matches!(error, ShellError::Port(_)), "{error}");
}

#[tokio::test]
async fn an_agent_that_breaks_fails_its_attempts_and_not_the_process() {
    let bench = bench(Habit::Panics);
    bench.shell.submit(mission(), submit()).await.unwrap();
    // The retries wait on the real clock's ticks; the fixed clock of this test never reaches them.
    let records = loop {
        let records = history(bench.journal.as_ref(), &mission()).unwrap();
        if records.iter().any(|r| matches!(r.event, Event::AttemptEnded { .. })) {
            break records;
        }
        tokio::task::yield_now().await;
    };
    let text = format!("{records:?}");
    assert!(text.contains("the agent broke: invented defect"), "{text}");
}

#[tokio::test]
async fn cancel_stops_the_agents_and_ends() {
    let bench = bench(Habit::WaitsForStop);
    bench.shell.submit(mission(), submit()).await.unwrap();
    let reply =
        bench.shell.command(&mission(), Command::CancelMission { reason: String::new() }).await.unwrap();
    assert_eq!(reply, Reply::Ended(MissionStatus::Cancelled));
    assert_eq!(bench.shell.ended(&mission()).await.unwrap(), MissionStatus::Cancelled);
}

#[tokio::test]
async fn a_shutdown_leaves_a_mission_that_resumes_to_the_same_end() {
    let bench = bench(Habit::WaitsForStop);
    bench.shell.submit(mission(), submit()).await.unwrap();
    let before = history(bench.journal.as_ref(), &mission()).unwrap();
    bench.shell.shut_down(Duration::from_secs(1)).await;
    assert!(matches!(bench.shell.ended(&mission()).await, Err(ShellError::ShuttingDown)));
    assert_eq!(history(bench.journal.as_ref(), &mission()).unwrap(), before, "a stop writes nothing");

    let next = shell_on(&bench.journal, &bench.heard, Habit::Works);
    next.resume(&mission()).await.unwrap();
    assert_eq!(next.ended(&mission()).await.unwrap(), MissionStatus::Verified);
    assert!(matches!(next.resume(&mission()).await, Err(ShellError::Refused(_))), "it has ended");
}

#[tokio::test]
async fn a_second_writer_makes_the_first_step_down() {
    let bench = bench(Habit::WaitsForStop);
    bench.shell.submit(mission(), submit()).await.unwrap();
    let other = shell_on(&bench.journal, &bench.heard, Habit::Works);
    other.resume(&mission()).await.unwrap();
    assert_eq!(other.ended(&mission()).await.unwrap(), MissionStatus::Verified);
    let error =
        bench.shell.command(&mission(), Command::CancelMission { reason: String::new() }).await.unwrap_err();
    assert!(matches!(error, ShellError::SteppedDown(_)), "{error}");
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let bench = bench(Habit::Works);
    assert!(matches!(bench.shell.resume(&mission()).await, Err(ShellError::NoSuchMission(_))));
    let cancel = Command::CancelMission { reason: String::new() };
    assert!(matches!(bench.shell.command(&mission(), cancel).await, Err(ShellError::NotHere(_))));
    bench.shell.submit(mission(), submit()).await.unwrap();
    assert!(bench.shell.submit(mission(), submit()).await.is_err(), "the id is taken");
}

#[tokio::test]
async fn a_thousand_missions_of_steps_that_do_nothing() {
    let bench = bench(Habit::Works);
    for n in 0..1_000_u64 {
        let mission = MissionId::from_parts(n * 1000, n);
        bench.shell.submit(mission.clone(), Command::SubmitNoOps { mission, steps: 3 }).await.unwrap();
    }
    for n in 0..1_000_u64 {
        let ended = bench.shell.ended(&MissionId::from_parts(n * 1000, n)).await.unwrap();
        assert_eq!(ended, MissionStatus::Unverified);
    }
}

#[tokio::test]
async fn what_a_fleet_is_at_is_handed_out_again_by_who_takes_the_mission_up() {
    let (journal, heard) = (Arc::new(MemoryJournal::new()), Arc::new(Heard::default()));
    let far = Arc::new(Far {
        truth: Mutex::new(world()),
        answers: AtomicBool::new(false),
        asked: Mutex::default(),
    });
    let shell = || shell_with(&journal, &heard, Habit::Works, Some(Arc::clone(&far) as Arc<dyn Dispatch>));
    let first = shell();
    first.submit(mission(), submit()).await.unwrap();
    while far.asked.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    first.shut_down(Duration::from_secs(5)).await;
    far.answers.store(true, Ordering::SeqCst);
    let second = shell();
    second.resume(&mission()).await.unwrap();
    assert_eq!(second.ended(&mission()).await.unwrap(), MissionStatus::Verified);
    let asked = far.asked.lock().unwrap().clone();
    let (attempt, was_old) = asked[0];
    assert_eq!((was_old, asked[1]), (false, (attempt, true)), "{asked:?}");
    assert!(asked[2..].iter().all(|(_, is_old)| !is_old), "{asked:?}");
    let records = history(journal.as_ref(), &mission()).unwrap();
    assert!(records.iter().any(|record| record.event == Event::MissionResumed { lost: Vec::new() }));
}
