#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]
#![allow(clippy::print_stderr, reason = "a test that is skipped must say so")]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use coditect_ports::workspace::{Applied, Change, Difference, FileEdit, Handed, Merged, Workspace};
use coditect_ports::{Agent, Bus, Dispatch, Notice, PortError, Stop, StopCause, Work};
use coditect_testkit::nats::{SKIPPED, Server};
use coditect_types::outcome::Carried;
use coditect_types::plan::Role;
use coditect_types::{Action, AttemptId, ErrorKind, MissionId, Outcome, Snapshot, TaskId};

use super::account::{Course, End, Mark};
use super::setup::{self, House};
use super::{Account, At, Fleet, Lookout, Offer, Order, Roll, Seal, Worker, parcel};
use crate::otlp::Sampler;
use crate::trace::{Context, Piece};

mod streams;

/// Nothing of what these tests do is about files.
#[derive(Debug)]
struct NoFiles;

fn no<T>() -> Result<T, PortError> {
    Err(PortError::new(ErrorKind::Bug, "not asked for here"))
}

#[rustfmt::skip]
impl Workspace for NoFiles {
    fn take_snapshot(&self, _: &MissionId, _: &Path) -> Result<Snapshot, PortError> { no() }
    fn changed_since(&self, _: &MissionId, _: &Path, _: &Snapshot) -> Result<Vec<String>, PortError> { no() }
    fn worktree(&self, _: &MissionId, _: &str, _: &str) -> Result<PathBuf, PortError> { no() }
    fn cache(&self, _: &MissionId, _: &str, _: Option<&str>) -> Result<PathBuf, PortError> { no() }
    fn commit(&self, _: &MissionId, _: &str, _: &[FileEdit], _: &str) -> Result<Change, PortError> { no() }
    fn merge(&self, _: &MissionId, _: &str, _: &[String], _: &str) -> Result<Merged, PortError> { no() }
    fn tree_of(&self, _: &MissionId, _: &str) -> Result<String, PortError> { no() }
    fn hand_over(&self, _: &MissionId, _: &Path, _: &Snapshot, _: &str, _: &str) -> Result<Handed, PortError> { no() }
    fn carry(&self, _: &MissionId, _: &Path, _: &Snapshot, _: &str) -> Result<Option<Carried>, PortError> { no() }
    fn hand_over_onto(&self, _: &MissionId, _: &Path, _: &Snapshot, _: &str, _: &Carried, _: &str) -> Result<Handed, PortError> { no() }
    fn keep_patch(&self, _: &MissionId, _: &Snapshot, _: &str, _: &str) -> Result<Handed, PortError> { no() }
    fn apply(&self, _: &MissionId, _: &Path, _: &Snapshot) -> Result<Applied, PortError> { no() }
    fn fork(&self, _: &MissionId, _: &MissionId) -> Result<(), PortError> { no() }
    fn difference(&self, _: &MissionId, _: &str, _: &str) -> Result<Difference, PortError> { no() }
    fn copy_out(&self, _: &MissionId, _: &str, _: &Path) -> Result<(), PortError> { no() }
    fn has(&self, _: &MissionId, _: &str) -> Result<bool, PortError> { no() }
    fn pack(&self, _: &MissionId, _: &str, _: Option<&str>) -> Result<Vec<u8>, PortError> { no() }
    fn unpack(&self, _: &MissionId, _: &str, _: Option<&str>, _: Vec<u8>) -> Result<(), PortError> { no() }
    fn adopt(&self, _: &MissionId, _: &Path, _: &Snapshot) -> Result<(), PortError> { no() }
    fn clean(&self, _: &MissionId) -> Result<(), PortError> { no() }
}

/// Does nothing, counts it, and takes as long as it is held.
#[derive(Debug, Default)]
struct Counts {
    begun: AtomicUsize,
    done: AtomicUsize,
    is_held: AtomicBool,
}

impl Agent for Counts {
    fn roles(&self) -> &[Role] {
        &[Role::Analyzer]
    }

    fn perform(&self, _: &Action, work: &Work) -> Outcome {
        self.begun.fetch_add(1, Ordering::SeqCst);
        while self.is_held.load(Ordering::SeqCst) && !work.stop.is_wanted() {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        if work.stop.is_raised() {
            return super::worker::failed(ErrorKind::Interrupted, "stopped");
        }
        self.done.fetch_add(1, Ordering::SeqCst);
        Outcome::NothingDone
    }
}

#[derive(Debug, Default)]
struct Heard(Mutex<Vec<String>>);

impl Bus for Heard {
    fn announce(&self, notice: Notice) {
        if let Notice::Doing { what, .. } = notice {
            self.0.lock().unwrap().push(what);
        }
    }
}

/// A fleet on a server of its own.
struct Sea {
    server: Server,
    heard: Arc<Heard>,
}

impl Sea {
    fn new() -> Option<Self> {
        let server = Server::start();
        if server.is_none() {
            eprintln!("{SKIPPED}");
        }
        Some(Self { server: server?, heard: Arc::default() })
    }

    fn at(&self) -> At {
        At {
            url: self.server.url(),
            creds: None,
            name: "test".into(),
            silence: Duration::from_secs(2),
            seal: Seal::default(),
            sampler: Sampler::default(),
        }
    }

    fn fleet(&self) -> Fleet {
        Fleet::open(&self.at(), Arc::new(NoFiles)).unwrap()
    }

    fn dispatch(&self, fleet: &Fleet, attempt: u32) -> (Stop, Receiver<Outcome>) {
        self.dispatch_as(fleet, attempt, false)
    }

    /// `allowance_ms`: how long it may take.
    fn dispatch_for(&self, fleet: &Fleet, attempt: u32, allowance_ms: u64) -> (Stop, Receiver<Outcome>) {
        self.dispatch_work(fleet, (attempt, false), Some(allowance_ms))
    }

    /// `is_old`: whether an earlier life of whoever dispatches it may have done so.
    fn dispatch_as(&self, fleet: &Fleet, attempt: u32, is_old: bool) -> (Stop, Receiver<Outcome>) {
        self.dispatch_work(fleet, (attempt, is_old), None)
    }

    fn dispatch_work(
        &self,
        fleet: &Fleet,
        (attempt, is_old): (u32, bool),
        allowance_ms: Option<u64>,
    ) -> (Stop, Receiver<Outcome>) {
        let (tell, told) = sync_channel(2);
        let stop = Stop::new();
        let work = Work {
            mission: MissionId::parse("m-test").unwrap(),
            task: TaskId(1),
            attempt: AttemptId(attempt),
            stop: stop.clone(),
            bus: Arc::clone(&self.heard) as Arc<dyn Bus>,
            is_old,
            allowance_ms,
        };
        fleet.dispatch(
            Arc::new(Action::DoNothing),
            work,
            Box::new(move |outcome| tell.send(outcome).unwrap()),
        );
        (stop, told)
    }

    /// A worker that works until it is told to end.
    fn hire(&self, name: &str, slots: usize, agent: &Arc<Counts>) -> Hired {
        Self::hire_at(&self.at(), name, slots, agent)
    }

    fn hire_at(at: &At, name: &str, slots: usize, agent: &Arc<Counts>) -> Hired {
        let offer = Offer { name: name.into(), slots, roles: vec![Role::Analyzer] };
        let agents = vec![Arc::clone(agent) as Arc<dyn Agent>];
        let worker = Worker::join(at, Arc::new(NoFiles), agents, booked(offer)).unwrap();
        let stop = Stop::new();
        let flag = stop.clone();
        let thread = std::thread::spawn(move || worker.run(&flag, &|_| {}).unwrap());
        Hired { stop, thread: Some(thread) }
    }
}

fn booked(offer: Offer) -> (Offer, Arc<Account>) {
    let account = Arc::new(Account::new(&offer, None));
    (offer, account)
}

struct Hired {
    stop: Stop,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Hired {
    fn leaves(mut self) {
        self.stop.hurry();
        self.thread.take().unwrap().join().unwrap();
    }
}

impl Drop for Hired {
    fn drop(&mut self) {
        self.stop.raise(StopCause::Shutdown);
    }
}

const SOON: Duration = Duration::from_secs(30);

fn until(what: impl Fn() -> bool) {
    let began = Instant::now();
    while !what() {
        assert!(began.elapsed() < SOON, "it does not come");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

#[test]
fn what_is_handed_out_is_done_once_and_comes_back() {
    let Some(sea) = Sea::new() else { return };
    let agent = Arc::<Counts>::default();
    let (one, two) = (sea.hire("one", 2, &agent), sea.hire("two", 3, &agent));
    let fleet = sea.fleet();
    let told: Vec<_> = (1..=40).map(|n| sea.dispatch(&fleet, n)).collect();
    for (_, told) in told {
        assert_eq!(told.recv_timeout(SOON).unwrap(), Outcome::NothingDone);
        assert!(told.try_recv().is_err(), "it is told once");
    }
    assert_eq!(agent.done.load(Ordering::SeqCst), 40);
    until(|| sea.heard.0.lock().unwrap().iter().any(|what| what.starts_with("at work on `")));
    one.leaves();
    two.leaves();
}

#[test]
fn a_worker_that_ends_hands_back_what_it_has_and_another_does_it() {
    let Some(sea) = Sea::new() else { return };
    let slow = Arc::new(Counts { is_held: AtomicBool::new(true), ..Counts::default() });
    let first = sea.hire("first", 1, &slow);
    let fleet = sea.fleet();
    let (_stop, told) = sea.dispatch(&fleet, 1);
    until(|| slow.begun.load(Ordering::SeqCst) == 1);
    first.stop.raise(StopCause::Shutdown);
    let quick = Arc::<Counts>::default();
    let second = sea.hire("second", 1, &quick);
    assert_eq!(told.recv_timeout(SOON).unwrap(), Outcome::NothingDone);
    assert_eq!((slow.done.load(Ordering::SeqCst), quick.done.load(Ordering::SeqCst)), (0, 1));
    first.leaves();
    second.leaves();
}

#[test]
fn a_worker_that_says_nothing_any_more_is_taken_for_gone_and_one_that_is_slow_is_not() {
    let Some(sea) = Sea::new() else { return };
    let slow = Arc::new(Counts { is_held: AtomicBool::new(true), ..Counts::default() });
    let hired = sea.hire("slow", 1, &slow);
    let fleet = sea.fleet();
    let (_stop, told) = sea.dispatch(&fleet, 1);
    until(|| slow.begun.load(Ordering::SeqCst) == 1);
    // Another one is free all the time, and gets nothing while the first one says that it is at it.
    let quick = Arc::<Counts>::default();
    let other = sea.hire("quick", 1, &quick);
    std::thread::park_timeout(Duration::from_secs(5));
    assert_eq!((told.try_recv().is_err(), quick.begun.load(Ordering::SeqCst)), (true, 0));
    other.leaves();
    // A process that is killed says nothing: here its connection ends with it.
    let offer = Offer { name: "gone".into(), slots: 1, roles: vec![Role::Analyzer] };
    let gone = Arc::new(Counts { is_held: AtomicBool::new(true), ..Counts::default() });
    let worker =
        Worker::join(&sea.at(), Arc::new(NoFiles), vec![Arc::clone(&gone) as Arc<dyn Agent>], booked(offer));
    let (_stop, lost) = sea.dispatch(&fleet, 2);
    worker.unwrap().dies_after(Duration::from_secs(3));
    assert_eq!(gone.begun.load(Ordering::SeqCst), 1);
    let quick = Arc::<Counts>::default();
    let other = sea.hire("quick", 1, &quick);
    assert_eq!(lost.recv_timeout(SOON).unwrap(), Outcome::NothingDone);
    slow.is_held.store(false, Ordering::SeqCst);
    assert_eq!(told.recv_timeout(SOON).unwrap(), Outcome::NothingDone);
    hired.leaves();
    other.leaves();
}

#[test]
fn work_goes_on_without_the_one_who_gave_it_and_is_found_again() {
    let Some(sea) = Sea::new() else { return };
    let fleet = sea.fleet();
    let _lost = sea.dispatch(&fleet, 1);
    until(|| fleet.is_out(1));
    drop(fleet);
    let agent = Arc::<Counts>::default();
    let hired = sea.hire("late", 1, &agent);
    until(|| agent.done.load(Ordering::SeqCst) == 1);
    hired.leaves();
    let fleet = sea.fleet();
    let (_stop, told) = sea.dispatch_as(&fleet, 1, true);
    // Nobody is there any more: it is the outcome that was kept.
    assert_eq!(told.recv_timeout(SOON).unwrap(), Outcome::NothingDone);
}

#[test]
fn what_was_done_is_not_done_again() {
    let Some(sea) = Sea::new() else { return };
    let agent = Arc::<Counts>::default();
    let hired = sea.hire("one", 3, &agent);
    let fleet = sea.fleet();
    let (_stop, told) = sea.dispatch(&fleet, 1);
    assert_eq!(told.recv_timeout(SOON).unwrap(), Outcome::NothingDone);
    // Whoever does not know that it was done hands it out again; another one says the same.
    for is_old in [true, false] {
        let fleet = sea.fleet();
        let (_stop, told) = sea.dispatch_as(&fleet, 1, is_old);
        assert_eq!(told.recv_timeout(SOON).unwrap(), Outcome::NothingDone);
    }
    // Once the server has forgotten that it had the order, a worker sees it again.
    fleet.repeat(1, false);
    until(|| fleet.is_out(0));
    assert_eq!(agent.begun.load(Ordering::SeqCst), 1);
    // One that says that it is the first of its attempt is taken at its word.
    fleet.repeat(1, true);
    until(|| agent.done.load(Ordering::SeqCst) == 2);
    hired.leaves();
}

/// Slots that have nothing to do wait together, and each is filled as soon as there is something.
#[test]
fn every_slot_is_filled_whoever_is_free() {
    let Some(sea) = Sea::new() else { return };
    let agent = Arc::new(Counts { is_held: AtomicBool::new(true), ..Counts::default() });
    // Nobody is to be taken for gone on a slow machine.
    let at = At { silence: Duration::from_secs(20), ..sea.at() };
    let (one, two) = (Sea::hire_at(&at, "one", 3, &agent), Sea::hire_at(&at, "two", 4, &agent));
    let fleet = Fleet::open(&at, Arc::new(NoFiles)).unwrap();
    let mut told = Vec::new();
    for n in 1..=7 {
        told.push(sea.dispatch(&fleet, n));
        until(|| agent.begun.load(Ordering::SeqCst) == n as usize);
    }
    told.extend((8..=20).map(|n| sea.dispatch(&fleet, n)));
    std::thread::park_timeout(Duration::from_millis(300));
    assert_eq!(agent.begun.load(Ordering::SeqCst), 7, "nobody takes what they have no slot for");
    agent.is_held.store(false, Ordering::SeqCst);
    for (_, told) in told {
        assert_eq!(told.recv_timeout(SOON).unwrap(), Outcome::NothingDone);
    }
    one.leaves();
    two.leaves();
    assert_eq!(agent.begun.load(Ordering::SeqCst), 20);
}

#[test]
fn what_is_cancelled_is_stopped_or_taken_back() {
    let Some(sea) = Sea::new() else { return };
    let fleet = sea.fleet();
    let (stop, told) = sea.dispatch(&fleet, 1);
    until(|| fleet.is_out(1));
    stop.raise(StopCause::Cancelled);
    assert!(matches!(told.recv_timeout(SOON).unwrap(), Outcome::Failed { .. }));
    let agent = Arc::new(Counts { is_held: AtomicBool::new(true), ..Counts::default() });
    let hired = sea.hire("one", 1, &agent);
    let (stop, told) = sea.dispatch(&fleet, 2);
    until(|| agent.begun.load(Ordering::SeqCst) == 1);
    stop.raise(StopCause::Cancelled);
    assert!(matches!(told.recv_timeout(SOON).unwrap(), Outcome::Failed { .. }));
    // An end with what there is.
    let (stop, told) = sea.dispatch(&fleet, 3);
    until(|| agent.begun.load(Ordering::SeqCst) == 2);
    stop.hurry();
    assert_eq!(told.recv_timeout(SOON).unwrap(), Outcome::NothingDone);
    hired.leaves();
    assert_eq!(agent.begun.load(Ordering::SeqCst), 2, "the first was never begun");
}

/// Who hands an order out again is given what its worker was at all the time, whatever each of them tells of traces.
#[test]
fn a_process_that_ends_stops_no_work_and_the_next_one_is_given_its_outcome() {
    let Some(sea) = Sea::new() else { return };
    let agent = Arc::new(Counts { is_held: AtomicBool::new(true), ..Counts::default() });
    let hired = sea.hire("one", 2, &agent);
    let fleet = sea.fleet();
    let (stop, told) = sea.dispatch(&fleet, 1);
    until(|| agent.begun.load(Ordering::SeqCst) == 1);
    stop.raise(StopCause::Shutdown);
    assert!(matches!(told.recv_timeout(SOON).unwrap(), Outcome::Failed { .. }));
    drop(fleet);
    let never = |name: &str| (name == "OTEL_TRACES_SAMPLER").then(|| "always_off".to_owned());
    let sampler = Sampler::from_variables(never).0;
    let fleet = Fleet::open(&At { sampler, ..sea.at() }, Arc::new(NoFiles)).unwrap();
    let (_stop, told) = sea.dispatch_as(&fleet, 1, true);
    assert!(told.recv_timeout(Duration::from_secs(3)).is_err(), "the worker is at it, and nobody else");
    agent.is_held.store(false, Ordering::SeqCst);
    assert_eq!(told.recv_timeout(SOON).unwrap(), Outcome::NothingDone);
    assert_eq!((agent.begun.load(Ordering::SeqCst), agent.done.load(Ordering::SeqCst)), (1, 1));
    hired.leaves();
}

#[test]
fn a_server_that_restarts_loses_nothing() {
    let Some(mut sea) = Sea::new() else { return };
    let agent = Arc::new(Counts { is_held: AtomicBool::new(true), ..Counts::default() });
    let hired = sea.hire("one", 2, &agent);
    let fleet = sea.fleet();
    let first = sea.dispatch(&fleet, 1);
    until(|| agent.begun.load(Ordering::SeqCst) == 1);
    sea.server.kill();
    sea.server.restart();
    let second = sea.dispatch(&fleet, 2);
    agent.is_held.store(false, Ordering::SeqCst);
    for (_, told) in [first, second] {
        assert_eq!(told.recv_timeout(SOON).unwrap(), Outcome::NothingDone);
    }
    hired.leaves();
}

/// What a worker has asked for is gone with the server that knew of it: it asks the next one at once, and not when its wait is over.
#[test]
fn who_waited_for_orders_hears_of_those_of_a_server_that_has_restarted() {
    let Some(mut sea) = Sea::new() else { return };
    let agent = Arc::<Counts>::default();
    let hired = sea.hire("one", 3, &agent);
    let fleet = sea.fleet();
    let (_stop, told) = sea.dispatch(&fleet, 1);
    assert_eq!(told.recv_timeout(SOON).unwrap(), Outcome::NothingDone);
    // It waits again, with all of its slots.
    std::thread::park_timeout(Duration::from_millis(500));
    sea.server.kill();
    sea.server.restart();
    let (_stop, told) = sea.dispatch(&fleet, 2);
    assert_eq!(told.recv_timeout(super::worker::POLL * 3 / 4).unwrap(), Outcome::NothingDone);
    hired.leaves();
}

/// What is seen of it, once that is so.
fn seen(lookout: &Lookout, is_so: impl Fn(&Roll) -> bool) -> Roll {
    let began = Instant::now();
    loop {
        let roll = lookout.look().unwrap();
        if is_so(&roll) {
            return roll;
        }
        assert!(began.elapsed() < SOON, "it does not come: {roll:?}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

#[test]
fn who_is_there_answers_and_what_waits_is_counted() {
    let Some(sea) = Sea::new() else { return };
    let lookout = Lookout::open(&sea.at(), || 7).unwrap();
    // Looking makes nothing.
    assert_eq!(lookout.look().unwrap(), Roll::default());
    let fleet = sea.fleet();
    let told: Vec<_> = (1..=3).map(|n| sea.dispatch(&fleet, n)).collect();
    let queued = seen(&lookout, |roll| roll.queue.as_ref().is_some_and(|queue| queue.waiting == 3));
    let queue = queued.queue.unwrap();
    assert_eq!((queue.under_way, queue.waiting_since_ms, queued.workers.len()), (0, queue.since_ms, 0));
    assert_eq!(queue.by_role.values().sum::<u64>(), 3);
    let held = Arc::new(Counts { is_held: AtomicBool::new(true), ..Counts::default() });
    let hired = sea.hire("one", 2, &held);
    let busy = seen(&lookout, |roll| roll.workers.iter().any(|worker| worker.busy == Some(2)));
    let (worker, queue) = (&busy.workers[0], busy.queue.as_ref().unwrap());
    assert_eq!((worker.name.as_str(), worker.slots, worker.heard_at_ms), ("one", 2, 7));
    assert_eq!(
        (worker.roles.as_slice(), worker.version.is_empty()),
        (["analyzer".to_owned()].as_slice(), false)
    );
    // Which of the three came first, chance decides.
    assert!(worker.jobs.len() == 2 && worker.jobs.iter().all(|job| job.mission.as_str() == "m-test"));
    assert_eq!((queue.waiting, queue.under_way, queue.again), (1, 2, 0));
    assert!(queue.waiting_since_ms >= queue.since_ms, "{queue:?}");
    // Somebody who has just come learns the same without waiting for the next sign of life.
    let other = Lookout::open(&sea.at(), || 8).unwrap();
    assert_eq!(other.look().unwrap().workers.len(), 1);
    held.is_held.store(false, Ordering::SeqCst);
    for (_, told) in told {
        told.recv_timeout(SOON).unwrap();
    }
    let idle =
        |roll: &Roll| roll.workers.iter().all(|worker| worker.busy == Some(0) && worker.jobs.is_empty());
    let done =
        seen(&lookout, |roll| idle(roll) && roll.queue.as_ref().is_some_and(|queue| queue.under_way == 0));
    assert_eq!((done.queue.unwrap().since_ms, done.workers.len()), (None, 1));
    hired.leaves();
    // Whoever takes their leave is gone at once, and not silent for a while.
    seen(&lookout, |roll| roll.workers.is_empty());
}

#[test]
fn parcels_of_every_size_arrive_and_what_is_none_is_refused() {
    let Some(sea) = Sea::new() else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let house = House::open(&sea.at()).await.unwrap();
        // Text that does not get shorter by compressing.
        let noise = |n: usize| -> String {
            (0..n as u64)
                .flat_map(|n| blake3::hash(&n.to_le_bytes()).to_hex().chars().collect::<Vec<_>>())
                .collect()
        };
        for n in [0, 1, 1_000, 60_000] {
            let text = noise(n);
            let bytes = parcel::wrap(&parcel::written(&text).unwrap(), &format!("p-{n}"), &house.store)
                .await
                .unwrap();
            assert!(bytes.len() < 600_000);
            assert_eq!(
                parcel::read::<String>(&parcel::unwrap(&bytes, &house.store).await.unwrap()).unwrap(),
                text
            );
        }
        for bad in [&b""[..], b"\x01", b"\x01junk", b"\x02nothing-there", b"\x09x", b"\x02\xff"] {
            parcel::unwrap(bad, &house.store).await.unwrap_err();
        }
        // A bomb: much out of little.
        let mut bomb = vec![1];
        bomb.extend(zstd::bulk::compress(&vec![b' '; 300 << 20], 1).unwrap());
        assert_eq!(parcel::unwrap(&bomb, &house.store).await.unwrap_err().kind, ErrorKind::Invalid);
    });
}

#[test]
fn who_is_not_trusted_gets_no_work_done_and_is_not_believed() {
    let Some(sea) = Sea::new() else { return };
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("list");
    let seal = |name: &str| Seal::open(&dir.path().join(name), Some(list.clone())).unwrap();
    std::fs::write(&list, "").unwrap();
    let sealed = |name: &str| At { seal: seal(name), ..sea.at() };
    let key = |name: &str| seal(name).public().unwrap();
    std::fs::write(&list, format!("{} # missions\n{} # one\n", key("boss"), key("one"))).unwrap();
    let counts = Arc::new(Counts::default());
    let fleet = Fleet::open(&sealed("boss"), Arc::new(NoFiles)).unwrap();
    // Of one that is not listed, an outcome is no outcome; it takes orders, since this one trusts whoever may write.
    let open = At { seal: Seal::open(&dir.path().join("two"), None).unwrap(), ..sea.at() };
    let stranger = Sea::hire_at(&open, "two", 1, &counts);
    let (_stop, told) = sea.dispatch(&fleet, 1);
    let refused = told.recv_timeout(SOON).unwrap();
    let Outcome::Failed { failure, .. } = &refused else { panic!("{refused:?}") };
    assert!(failure.kind == ErrorKind::Denied && failure.cause.contains(&key("two")), "{failure:?}");
    stranger.leaves();
    // One that is listed does what a listed one orders.
    let one = Sea::hire_at(&sealed("one"), "one", 1, &counts);
    let (_stop, told) = sea.dispatch(&fleet, 2);
    assert_eq!(told.recv_timeout(SOON).unwrap(), Outcome::NothingDone);
    // And nothing that nobody signed.
    let begun = counts.begun.load(Ordering::SeqCst);
    let (stop, told) = sea.dispatch(&sea.fleet(), 3);
    assert!(told.recv_timeout(Duration::from_secs(3)).is_err());
    assert_eq!(counts.begun.load(Ordering::SeqCst), begun);
    stop.raise(StopCause::Cancelled);
    // A line that is taken away counts at once.
    std::fs::write(&list, format!("{} # missions\n", key("boss"))).unwrap();
    let (_stop, told) = sea.dispatch(&fleet, 4);
    assert!(matches!(told.recv_timeout(SOON).unwrap(), Outcome::Failed { .. }));
    one.leaves();
}

/// A worker's spans and figures, and whoever hears of them.
fn account() -> (Arc<Account>, Receiver<(Context, Piece)>) {
    let (tell, told) = sync_channel(100);
    let offer = Offer { name: "one".into(), slots: 2, roles: vec![Role::Analyzer] };
    let hear = move |above, piece| tell.send((above, piece)).unwrap();
    (Arc::new(Account::new(&offer, Some(Box::new(hear)))), told)
}

fn order(traceparent: Option<&str>) -> Order<Action> {
    Order {
        mission: MissionId::parse("m-test").unwrap(),
        task: TaskId(1),
        attempt: AttemptId(7),
        action: Action::DoNothing,
        digest: [0; 32],
        allowance_ms: None,
        ends: None,
        traceparent: traceparent.map(str::to_owned),
    }
}

/// What a figure comes to, each under its labels.
fn rows(account: &Account, family: &str) -> Vec<(String, u64)> {
    let figure = account.figures().into_iter().find(|of| of.family.name == family).unwrap();
    let row = |point: &coditect_types::Point| {
        let labels: Vec<_> = point.labels.iter().map(|(_, value)| value.as_str()).collect();
        let n = match &point.amount {
            coditect_types::Amount::Count(n) | coditect_types::Amount::Part { n, .. } => *n,
            coditect_types::Amount::Spread(spread) => spread.counts().iter().sum(),
        };
        (labels.join(" "), n)
    };
    figure.points.iter().map(row).filter(|(_, n)| *n > 0).collect()
}

#[test]
fn an_order_is_spans_below_the_attempt_whether_it_says_so_or_not() {
    let given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let own = Context::of_attempt(&MissionId::parse("m-test").unwrap(), AttemptId(7));
    let cases = [(None, own), (Some("junk"), own), (Some(given), Context::parse(given).unwrap())];
    for (said, above) in cases {
        let (account, told) = account();
        let mut course = Course::begin(&account, &order(said), (Mark::now(), 1), (Some(0), 10));
        course.performed(Mark::now(), Some(&super::worker::failed(ErrorKind::Exhausted, "secret/path.py")));
        course.kept(Mark::now(), 5, true);
        course.ends(End::Failed(ErrorKind::Exhausted));
        drop(course);
        let spans: Vec<_> = told.try_iter().collect();
        let names: Vec<_> = spans.iter().map(|(_, piece)| piece.name.as_str()).collect();
        assert_eq!(
            names,
            ["wait for a worker", "perform in the sandbox", "send the outcome", "order analyzer"]
        );
        let (of, order) = spans.last().unwrap();
        assert_eq!((*of, order.error.as_deref()), (above, Some("exhausted")));
        assert_eq!(order.args["coditect.worker"], "one");
        assert!(spans[..3].iter().all(|(of, _)| *of == above.below(&order.id)));
        assert!(!format!("{spans:?}").contains("secret"), "{spans:?}");
    }
}

#[test]
fn what_becomes_of_orders_is_counted() {
    let (account, _told) = account();
    let course = Course::begin(&account, &order(None), (Mark::now(), 2), (None, 10));
    assert_eq!(rows(&account, "coditect_worker_orders_running"), [(String::new(), 1)]);
    drop(course);
    let mut course = Course::begin(&account, &order(None), (Mark::now(), 1), (Some(0), 10));
    course.ends(End::Done);
    course.kept(Mark::now(), 5, true);
    drop(course);
    assert_eq!(rows(&account, "coditect_worker_orders_running"), []);
    assert_eq!(rows(&account, "coditect_worker_orders_taken_total"), [("analyzer".to_owned(), 2)]);
    assert_eq!(
        rows(&account, "coditect_worker_orders_ended_total"),
        [("analyzer done".to_owned(), 1), ("analyzer handed_back".to_owned(), 1)]
    );
    assert_eq!(rows(&account, "coditect_worker_order_duration_seconds"), [("analyzer".to_owned(), 2)]);
    assert_eq!(rows(&account, "coditect_worker_order_wait_seconds"), [(String::new(), 1)], "the first time");
    assert_eq!(rows(&account, "coditect_worker_fetched_bytes_total"), [(String::new(), 20)]);
    assert_eq!(rows(&account, "coditect_worker_sent_bytes_total"), [(String::new(), 5)]);
}

/// Versions meet on a server: an order of an older one says no context, and an older worker does not know what that is.
#[test]
fn orders_with_and_without_a_context_are_read_by_either_version() {
    #[derive(serde::Deserialize)]
    struct Older {
        attempt: AttemptId,
    }
    let newer = serde_json::to_string(&order(Some("00-x"))).unwrap();
    assert_eq!(serde_json::from_str::<Older>(&newer).unwrap().attempt, AttemptId(7));
    let older = serde_json::to_string(&order(None)).unwrap();
    assert!(!older.contains("traceparent") && !older.contains("allowance_ms"), "{older}");
    assert_eq!(serde_json::from_str::<Order<Action>>(&older).unwrap().traceparent, None);
}

#[test]
fn every_figure_of_a_worker_is_in_the_reference_with_its_labels() {
    let reference = include_str!("../../../../docs/reference/dashboard.md");
    let (account, _told) = account();
    let tallies = crate::otlp::figures(&[]);
    for figure in account.figures().into_iter().chain(tallies) {
        let name = figure.family.name;
        let row = reference.lines().find(|line| line.starts_with(&format!("| `{name}` | ")));
        let row = row.unwrap_or_else(|| panic!("{name} is not in docs/reference/dashboard.md"));
        let kind = format!("{:?}", figure.family.kind).to_lowercase();
        assert!(row.contains(&format!(" | {kind} | ")), "{row}");
        for (label, _) in figure.points.iter().flat_map(|point| &point.labels) {
            assert!(row.contains(&format!("`{label}`")), "{label} is not in {row}");
        }
    }
}
