#![allow(clippy::unwrap_used, reason = "a failing test panics")]

use coditect_ports::{Bus, Notice};
use coditect_types::plan::Role;
use coditect_types::{AttemptId, MissionId, TaskId};

use super::*;

/// Answers at once with nothing.
#[derive(Debug)]
struct Idler;

impl Agent for Idler {
    fn roles(&self) -> &[Role] {
        &[Role::Analyzer]
    }
    fn perform(&self, _: &Action, _: &Work) -> Outcome {
        Outcome::NothingDone
    }
}

#[derive(Debug)]
struct Silence;

impl Bus for Silence {
    fn announce(&self, _: Notice) {}
}

fn order(attempt: u32, inbox: &mpsc::Sender<Message>) -> Box<Order> {
    let work = Work {
        mission: MissionId::parse("m-1").unwrap(),
        task: TaskId(1),
        attempt: AttemptId(attempt),
        stop: Stop::new(),
        bus: Arc::new(Silence),
        is_old: false,
        allowance_ms: None,
    };
    Order::new(Arc::new(Action::DoNothing), work, inbox.downgrade())
}

fn attempt_of(message: Option<Message>) -> u32 {
    let Some(Message::Done(mut order)) = message else { panic!("no outcome came") };
    assert_eq!(order.take_outcome(), Outcome::NothingDone);
    order.work.attempt.0
}

#[test]
fn no_order_is_left_lying_however_they_come() {
    let pool = Pool::start("worker", Box::new(vec![Arc::new(Idler) as Arc<dyn Agent>]), 3).unwrap();
    let (inbox, mut outcomes) = mpsc::channel(64);
    let mut next = 0;
    for round in 0..3_000 {
        // One at a time finds the workers asleep; bunches find some of them awake and some on the way.
        let bunch = [1, 1, 2, 1, 7][round % 5];
        let sent: Vec<u32> = (next..next + bunch).collect();
        next += bunch;
        for attempt in &sent {
            pool.submit(order(*attempt, &inbox));
        }
        let mut came: Vec<u32> = sent.iter().map(|_| attempt_of(outcomes.blocking_recv())).collect();
        came.sort_unstable();
        assert_eq!(came, sent);
    }
    pool.close();
}

#[test]
fn a_full_inbox_is_waited_for() {
    let pool = Pool::start("worker", Box::new(vec![Arc::new(Idler) as Arc<dyn Agent>]), 1).unwrap();
    let (inbox, mut outcomes) = mpsc::channel(1);
    for attempt in 0..5 {
        pool.submit(order(attempt, &inbox));
    }
    let came: Vec<u32> = (0..5).map(|_| attempt_of(outcomes.blocking_recv())).collect();
    assert_eq!(came, [0, 1, 2, 3, 4], "one worker takes them in the sequence in which they came");
    pool.close();
}

#[test]
fn an_order_of_a_mission_that_is_gone_harms_nobody() {
    let pool = Pool::start("worker", Box::new(vec![Arc::new(Idler) as Arc<dyn Agent>]), 1).unwrap();
    let (gone, outcomes) = mpsc::channel(1);
    pool.submit(order(1, &gone));
    drop((gone, outcomes));
    let (inbox, mut outcomes) = mpsc::channel(1);
    pool.submit(order(2, &inbox));
    assert_eq!(attempt_of(outcomes.blocking_recv()), 2);
    pool.close();
}
