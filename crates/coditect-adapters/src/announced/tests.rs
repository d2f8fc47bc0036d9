#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use coditect_testkit::nats::Server as NatsServer;
use coditect_types::{Policy, WorkspaceRef};
use futures::StreamExt;

use super::*;

fn id() -> MissionId {
    MissionId::parse("m-1").unwrap()
}

fn record(seq: u64, event: Event) -> Notice {
    Notice::Recorded(Box::new(Record { mission: id(), seq, at_ms: 1_000 + seq, event }))
}

fn submitted(request: &str) -> Event {
    Event::MissionSubmitted {
        mission: id(),
        request: request.to_owned(),
        workspace: WorkspaceRef { path: "/p".to_owned() },
        policy: Policy::default(),
        fork: None,
    }
}

fn ignored() -> Event {
    Event::OutcomeIgnored { attempt: AttemptId(3), reason: "late".to_owned() }
}

fn doing(what: &str) -> Notice {
    Notice::Doing { mission: id(), task: TaskId(2), attempt: AttemptId(3), what: what.to_owned() }
}

#[test]
fn an_announcement_says_what_it_is_of() {
    let (topic, told) = announcement(&record(1, submitted("fix it")));
    assert_eq!(
        (topic, told.seq, told.at_ms, told.r#type.as_str()),
        ("mission.state", 1, 1_001, "mission.submitted")
    );
    assert!(told.json.contains("fix it") && told.task.is_none());
    let (topic, told) = announcement(&record(9, ignored()));
    assert_eq!((topic, told.attempt, told.r#type.as_str()), ("system.error", Some(3), "outcome.ignored"));
    let (topic, told) = announcement(&doing("running 14 tests"));
    assert_eq!((topic, told.seq, told.task, told.attempt), ("agent.act", 0, Some(2), Some(3)));
    assert!(told.json.contains("progress.doing") && told.json.contains("running 14 tests"), "{}", told.json);
    let (_, told) = announcement(&record(1, submitted(&"x".repeat(JSON_BYTES))));
    assert!(told.json.is_empty() && told.seq == 1, "what is too large is looked up in the journal");
}

#[test]
fn parts_keep_the_order_and_fit_into_messages() {
    let one = |n: u64| Announcement { seq: n, json: "x".repeat(200 << 10), ..Announcement::default() };
    let parts = parts((1..=7).map(one).collect());
    assert!(parts.len() > 2 && parts.iter().all(|part| part.len() <= 2), "{}", parts.len());
    let seqs: Vec<u64> = parts.iter().flatten().map(|one| one.seq).collect();
    assert_eq!(seqs, (1..=7).collect::<Vec<_>>());
}

#[test]
fn whoever_listens_hears_of_a_mission_in_order_and_of_its_end() {
    let Some(server) = NatsServer::start() else { return };
    let listening = threads::start("listens", 1).unwrap();
    let url = server.url();
    let mut heard = listening.block_on(async {
        let client = nats::connect_to(&url, None, PATIENCE).await.unwrap();
        let heard = client.subscribe("coditect.events.*.*.m-1").await.unwrap();
        client.flush().await.unwrap();
        heard
    });
    let (name, process) = ("coditect".to_owned(), "here".to_owned());
    let announced = Announced::open(&AnnouncedAt { url, creds: None, name, process }).unwrap();
    announced.announce(record(1, submitted("fix it")));
    for n in 0..1_000 {
        announced.announce(doing(&format!("step {n}")));
    }
    announced.announce(record(2, ignored()));
    assert_eq!(announced.dropped(), 0);
    drop(announced);
    let mut steps = 0;
    let mut topics = Vec::new();
    while topics.len() < 3 || steps < 1_000 {
        let message = listening.block_on(async { timeout(PATIENCE, heard.next()).await.unwrap().unwrap() });
        let told = Announcements::decode(message.payload.as_ref()).unwrap();
        assert_eq!((told.process.as_str(), told.dropped), ("here", 0));
        for one in told.announcements {
            if one.r#type == "progress.doing" {
                assert!(one.json.contains(&format!("\"step {steps}\"")), "{}", one.json);
                steps += 1;
            }
        }
        let topic = message
            .subject
            .strip_prefix("coditect.events.")
            .unwrap()
            .strip_suffix(".m-1")
            .unwrap()
            .to_owned();
        if !topics.contains(&topic) {
            topics.push(topic);
        }
    }
    topics.sort();
    assert_eq!(topics, ["agent.act", "mission.state", "system.error"]);
}

#[test]
fn a_server_that_is_away_costs_announcements_and_no_time() {
    let Some(mut server) = NatsServer::start() else { return };
    let (name, process) = ("coditect".to_owned(), "here".to_owned());
    let at = AnnouncedAt { url: server.url(), creds: None, name, process };
    let announced = Announced::open(&at).unwrap();
    server.kill();
    for n in 0..4 * WAITING {
        announced.announce(doing(&format!("step {n}")));
    }
    drop(announced);
    assert!(Announced::open(&at).is_err(), "nobody is there");
}
