//! What is on the server: streams that somebody made otherwise, dead letters, orders whose time is over, a queue that is full.

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::{AckKind, Message};
use coditect_types::Failure;
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::*;

fn runtime() -> Runtime {
    Runtime::new().unwrap()
}

/// Makes a stream as somebody else would; `differs` from how a fleet makes it.
fn past(sea: &Sea, stream: &str, subjects: &[String], differs: &Value) {
    let mut config = json!({
        "name": stream, "subjects": subjects, "storage": "file", "retention": "limits", "discard": "new",
        "num_replicas": 1, "allow_direct": true,
    });
    for (key, value) in differs.as_object().unwrap() {
        config[key] = value.clone();
    }
    runtime().block_on(async {
        let client = async_nats::connect(sea.server.url()).await.unwrap();
        let subject = format!("$JS.API.STREAM.CREATE.{stream}");
        let answer = client.request(subject, serde_json::to_vec(&config).unwrap().into()).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
        assert!(answer["error"].is_null(), "{answer}");
    });
}

fn orders_of(sea: &Sea, name: &str, differs: &Value) {
    let mut usual = json!({ "retention": "workqueue", "allow_direct": false });
    for (key, value) in differs.as_object().unwrap() {
        usual[key] = value.clone();
    }
    past(sea, &format!("{}_ORDERS", name.to_uppercase()), &[format!("{name}.order.*")], &usual);
}

#[test]
fn streams_that_would_lose_work_are_refused() {
    let Some(sea) = Sea::new() else { return };
    let cases = [
        (
            "ORDERS",
            "order.*",
            json!({"storage": "memory", "retention": "workqueue"}),
            "its storage is `memory`",
        ),
        ("ORDERS", "order.*", json!({}), "its retention is `limits`, not `workqueue`"),
        ("ORDERS", "*.order", json!({"retention": "workqueue"}), "its subjects are `c2.*.order`"),
        ("OUTCOMES", "outcome.>", json!({"max_msgs_per_subject": 1, "allow_direct": false}), "read directly"),
        ("OUTCOMES", "outcome.>", json!({"max_msgs_per_subject": 7}), "it keeps 7 messages of a subject"),
        ("DEAD", "dead.*.*", json!({"max_age": 60_000_000_000_u64}), "it drops messages after 60 s"),
        ("DEAD", "dead.*.*", json!({"no_ack": true}), "it acknowledges nothing"),
    ];
    for (n, (stream, subject, differs, says)) in cases.iter().enumerate() {
        let at = At { name: format!("c{n}"), ..sea.at() };
        past(&sea, &format!("C{n}_{stream}"), &[format!("c{n}.{subject}")], differs);
        let error = Fleet::open(&at, Arc::new(NoFiles)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid, "{error:?}");
        assert!(error.cause.contains(says) && error.hint.is_some(), "{says}: {error:?}");
        let error = Lookout::open(&at, || 7).unwrap().notes().unwrap_err();
        assert!(error.cause.contains(says), "who only looks is told, too: {error:?}");
    }
    let bucket = ["$O.store-objects.C.>".to_owned(), "$O.store-objects.M.>".to_owned()];
    past(&sea, "OBJ_store-objects", &bucket, &json!({"storage": "memory", "allow_rollup_hdrs": true}));
    let at = At { name: "store".to_owned(), ..sea.at() };
    let error = Fleet::open(&at, Arc::new(NoFiles)).unwrap_err();
    assert!(error.cause.contains("`OBJ_store-objects` cannot be used"), "{error:?}");
}

#[test]
fn weaker_streams_are_used_and_it_is_said() {
    let Some(sea) = Sea::new() else { return };
    let lookout = Lookout::open(&sea.at(), || 7).unwrap();
    assert_eq!(lookout.notes().unwrap(), [""; 0]);
    assert_eq!(lookout.look().unwrap().queue, None, "looking makes nothing");
    assert_eq!(sea.fleet().notes(), [""; 0]);
    assert_eq!(lookout.notes().unwrap(), [""; 0]);
    // As an older version made it, and as somebody else did.
    orders_of(&sea, "older", &json!({ "max_age": 24 * 3_600_000_000_000_u64 }));
    orders_of(&sea, "short", &json!({ "max_age": 2 * 3_600_000_000_000_u64, "max_msgs": 9 }));
    for (name, says) in [("older", "has no limit"), ("short", "drops orders after 7200 s")] {
        let at = At { name: name.to_owned(), ..sea.at() };
        let fleet = Fleet::open(&at, Arc::new(NoFiles)).unwrap();
        for says in [says, "ends no message by itself"] {
            assert!(fleet.notes().iter().any(|note| note.contains(says)), "{:?}", fleet.notes());
        }
        assert_eq!(fleet.notes().len(), 2);
        let worker = Worker::join(&at, Arc::new(NoFiles), Vec::new(), booked(offer("one"))).unwrap();
        assert_eq!(worker.notes(), fleet.notes());
        assert_eq!(Lookout::open(&at, || 7).unwrap().notes().unwrap(), fleet.notes());
    }
}

fn offer(name: &str) -> Offer {
    Offer { name: name.to_owned(), slots: 1, roles: vec![Role::Analyzer] }
}

/// Takes the next order, as a worker would, so many times, and hands it back; the last time it is not.
async fn taken(house: &House, times: u32) -> Message {
    let config = pull::Config {
        durable_name: Some(setup::CONSUMER.to_owned()),
        ack_wait: house.silence,
        max_ack_pending: 100_000,
        max_waiting: 10_000,
        ..pull::Config::default()
    };
    let consumer = house.orders.get_or_create_consumer(setup::CONSUMER, config).await.unwrap();
    let mut n = 0;
    loop {
        let mut messages = consumer.batch().max_messages(1).expires(SOON).messages().await.unwrap();
        let message = messages.next().await.unwrap().unwrap();
        n += 1;
        if n == times {
            return message;
        }
        message.ack_with(AckKind::Nak(None)).await.unwrap();
    }
}

fn why() -> Failure {
    Failure::new(ErrorKind::Invalid, "nobody can read it")
}

#[test]
fn who_waits_for_an_order_that_is_given_up_hears_why() {
    let Some(sea) = Sea::new() else { return };
    let (fleet, runtime) = (sea.fleet(), runtime());
    let lookout = Lookout::open(&sea.at(), || 7).unwrap();
    let (_stop, told) = sea.dispatch(&fleet, 1);
    let house = runtime.block_on(House::open(&sea.at())).unwrap();
    runtime.block_on(async {
        let message = taken(&house, 3).await;
        house.bury("one", (&message, 3), why()).await.unwrap();
        message.ack_with(AckKind::Term).await.unwrap();
    });
    let Outcome::Failed { failure, .. } = told.recv_timeout(SOON).unwrap() else { panic!("it is given up") };
    assert_eq!(failure, why());
    let roll = seen(&lookout, |roll| roll.queue.as_ref().is_some_and(|queue| queue.dead == 1));
    assert_eq!(roll.queue.unwrap().waiting, 0);
    // It stays for a person to look at, with what stood beside the order.
    let letter = runtime.block_on(house.dead.get_raw_message(1)).unwrap();
    assert_eq!(letter.subject.as_str(), "test.dead.m-test.a1");
    let json: Value = serde_json::from_slice(&letter.payload).unwrap();
    assert_eq!((&json["worker"], &json["tries"]), (&"one".into(), &3.into()));
    let name = json["headers"]["Nats-Msg-Id"][0].as_str().unwrap();
    assert!(name.starts_with("m-test.a1."), "{json}");
}

/// A process that is gone while its order is given up finds that where it dispatches the same attempt again.
#[test]
fn who_did_not_hear_of_it_finds_it_later() {
    let Some(sea) = Sea::new() else { return };
    let (fleet, runtime) = (sea.fleet(), runtime());
    let _lost = sea.dispatch(&fleet, 1);
    until(|| fleet.is_out(1));
    drop(fleet);
    runtime.block_on(async {
        let house = House::open(&sea.at()).await.unwrap();
        let message = taken(&house, 1).await;
        house.bury("one", (&message, 1), why()).await.unwrap();
    });
    let fleet = sea.fleet();
    let (_stop, told) = sea.dispatch_as(&fleet, 1, true);
    assert!(matches!(told.recv_timeout(SOON).unwrap(), Outcome::Failed { .. }));
}

#[test]
fn what_is_handed_out_too_often_ends_as_failed_and_stands_with_the_dead() {
    let Some(sea) = Sea::new() else { return };
    let (fleet, runtime) = (sea.fleet(), runtime());
    let (_stop, told) = sea.dispatch(&fleet, 1);
    runtime.block_on(async {
        let house = House::open(&sea.at()).await.unwrap();
        let message = taken(&house, 50).await;
        message.ack_with(AckKind::Nak(None)).await.unwrap();
    });
    let agent = Arc::<Counts>::default();
    let hired = sea.hire("one", 1, &agent);
    let Outcome::Failed { failure, .. } = told.recv_timeout(SOON).unwrap() else { panic!("it is given up") };
    assert!(failure.kind == ErrorKind::Unavailable && failure.cause.contains("51 times"), "{failure:?}");
    let lookout = Lookout::open(&sea.at(), || 7).unwrap();
    seen(&lookout, |roll| roll.queue.as_ref().is_some_and(|queue| queue.dead == 1));
    hired.leaves();
    assert_eq!(agent.begun.load(Ordering::SeqCst), 0);
}

#[test]
fn a_worker_gives_up_what_it_cannot_read() {
    let Some(sea) = Sea::new() else { return };
    let runtime = runtime();
    let house = runtime.block_on(House::open(&sea.at())).unwrap();
    runtime.block_on(async {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", "m-test.a9.0123456789abcdef");
        let subject = house.order(Role::Analyzer);
        let sent = house.context.publish_with_headers(subject, headers, "junk".into()).await;
        sent.unwrap().await.unwrap();
        taken(&house, 50).await.ack_with(AckKind::Nak(None)).await.unwrap();
    });
    let hired = sea.hire("one", 1, &Arc::<Counts>::default());
    let lookout = Lookout::open(&sea.at(), || 7).unwrap();
    let roll = seen(&lookout, |roll| roll.queue.as_ref().is_some_and(|queue| queue.dead == 1));
    assert_eq!(roll.queue.unwrap().waiting, 0);
    let letter = runtime.block_on(house.dead.get_raw_message(1)).unwrap();
    assert_eq!(letter.subject.as_str(), "test.dead.m-test.a9");
    let json: Value = serde_json::from_slice(&letter.payload).unwrap();
    let cause = json["failure"]["cause"].as_str().unwrap();
    assert!(cause.contains("51 times, and no worker could read it"), "{json}");
    hired.leaves();
}

#[test]
fn nobody_without_a_key_ends_an_attempt_by_a_dead_letter() {
    let Some(sea) = Sea::new() else { return };
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("list");
    std::fs::write(&list, "").unwrap();
    let seal = |name: &str| Seal::open(&dir.path().join(name), Some(list.clone())).unwrap();
    let key = |name: &str| seal(name).public().unwrap();
    std::fs::write(&list, format!("{} # missions\n{} # one\n", key("boss"), key("one"))).unwrap();
    let at = |name: &str| At { seal: seal(name), ..sea.at() };
    let fleet = Fleet::open(&at("boss"), Arc::new(NoFiles)).unwrap();
    let (_stop, told) = sea.dispatch(&fleet, 1);
    let runtime = runtime();
    let (trusted, stranger) = runtime
        .block_on(async { (House::open(&at("one")).await.unwrap(), House::open(&at("two")).await.unwrap()) });
    let message = runtime.block_on(async {
        let message = taken(&trusted, 1).await;
        stranger.bury("two", (&message, 60), why()).await.unwrap();
        let unsigned = House::open(&sea.at()).await.unwrap();
        unsigned.bury("three", (&message, 60), why()).await.unwrap();
        // Junk under the name of the order: whoever is trusted gives that up in good faith, and it is another one.
        let headers = message.headers.clone().unwrap();
        let mut junk = HeaderMap::new();
        junk.insert("Nats-Msg-Id", headers.get("Nats-Msg-Id").unwrap().as_str());
        let forged =
            async_nats::Message { payload: "junk".into(), headers: Some(junk), ..message.message.clone() };
        let forged = Message { message: forged, context: message.context.clone() };
        trusted.bury("one", (&forged, 60), why()).await.unwrap();
        // The same bytes, which nobody signed.
        let forged =
            async_nats::Message { headers: forged.message.headers.clone(), ..message.message.clone() };
        let forged = Message { message: forged, context: message.context.clone() };
        trusted.bury("one", (&forged, 60), why()).await.unwrap();
        message
    });
    assert!(told.recv_timeout(Duration::from_secs(3)).is_err(), "none of these ends it");
    runtime.block_on(trusted.bury("one", (&message, 60), why())).unwrap();
    assert!(matches!(told.recv_timeout(SOON).unwrap(), Outcome::Failed { failure, .. } if failure == why()));
}

/// The server remembers the name of an order for a while after it is gone: whoever takes up the mission, with a key of their own, hands it out all
/// the same.
#[test]
fn an_order_of_a_process_that_died_is_handed_out_again_by_another_machine() {
    let Some(sea) = Sea::new() else { return };
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| At { seal: Seal::open(&dir.path().join(name), None).unwrap(), ..sea.at() };
    let fleet = |name: &str| Fleet::open(&at(name), Arc::new(NoFiles)).unwrap();
    let (first, second) = (fleet("first"), fleet("second"));
    let (_stop, first_told) = sea.dispatch(&first, 1);
    let runtime = runtime();
    let house = runtime.block_on(House::open(&sea.at())).unwrap();
    runtime.block_on(async {
        taken(&house, 1).await.ack_with(AckKind::Term).await.unwrap();
        house.client.flush().await.unwrap();
    });
    until(|| first.is_out(0));
    let (_other_stop, told) = sea.dispatch_as(&second, 1, true);
    until(|| second.is_out(1));
    let agent = Arc::<Counts>::default();
    let hired = sea.hire("one", 1, &agent);
    assert_eq!(told.recv_timeout(SOON).unwrap(), Outcome::NothingDone);
    // Whoever is there after all hears it, too: it is the same order.
    assert_eq!(first_told.recv_timeout(SOON).unwrap(), Outcome::NothingDone);
    assert_eq!(agent.begun.load(Ordering::SeqCst), 1);
    hired.leaves();
}

#[test]
fn a_worker_stops_at_the_end_of_an_attempts_time() {
    let Some(sea) = Sea::new() else { return };
    let agent = Arc::new(Counts { is_held: AtomicBool::new(true), ..Counts::default() });
    let hired = sea.hire("one", 1, &agent);
    let fleet = sea.fleet();
    let (_stop, told) = sea.dispatch_for(&fleet, 1, 5_000);
    let Outcome::Failed { failure, .. } = told.recv_timeout(SOON).unwrap() else { panic!("it is stopped") };
    assert_eq!((agent.begun.load(Ordering::SeqCst), failure.kind), (1, ErrorKind::Interrupted));
    assert!(failure.cause.contains("worker `one` stopped it"), "{failure:?}");
    // One that ends in time is done.
    agent.is_held.store(false, Ordering::SeqCst);
    let (_stop, told) = sea.dispatch_for(&fleet, 2, 600_000);
    assert_eq!(told.recv_timeout(SOON).unwrap(), Outcome::NothingDone);
    hired.leaves();
}

#[test]
fn what_has_waited_for_longer_than_it_may_take_is_not_begun() {
    let Some(sea) = Sea::new() else { return };
    // Where the server can, it takes it away itself.
    let fleet = sea.fleet();
    let (stop, _told) = sea.dispatch_for(&fleet, 1, 5_000);
    until(|| fleet.is_out(1));
    until(|| fleet.is_out(0));
    stop.raise(StopCause::Cancelled);
    // Where it cannot, a worker asks it for how long it had it.
    orders_of(&sea, "older", &json!({ "max_msgs": 9 }));
    let at = At { name: "older".to_owned(), ..sea.at() };
    let fleet = Fleet::open(&at, Arc::new(NoFiles)).unwrap();
    let (_stop, told) = sea.dispatch_for(&fleet, 1, 1_000);
    until(|| fleet.is_out(1));
    std::thread::park_timeout(Duration::from_secs(4));
    let agent = Arc::<Counts>::default();
    let hired = Sea::hire_at(&at, "one", 1, &agent);
    let Outcome::Failed { failure, .. } = told.recv_timeout(SOON).unwrap() else { panic!("it is too late") };
    assert!(failure.kind == ErrorKind::Interrupted && failure.cause.contains("was not begun"), "{failure:?}");
    hired.leaves();
    assert_eq!(agent.begun.load(Ordering::SeqCst), 0);
}

#[test]
fn a_queue_that_is_full_is_waited_for() {
    let Some(sea) = Sea::new() else { return };
    orders_of(&sea, "test", &json!({ "max_msgs": 2, "allow_msg_ttl": true }));
    let fleet = sea.fleet();
    let told: Vec<_> = (1..=5).map(|n| sea.dispatch(&fleet, n)).collect();
    let is_said = |what: &String| what.contains("the queue `TEST_ORDERS` is full");
    until(|| sea.heard.0.lock().unwrap().iter().any(is_said));
    assert!(fleet.is_out(2));
    let hired = sea.hire("one", 1, &Arc::<Counts>::default());
    for (_, told) in told {
        assert_eq!(told.recv_timeout(SOON).unwrap(), Outcome::NothingDone);
    }
    hired.leaves();
}
