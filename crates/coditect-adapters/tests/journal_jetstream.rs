//! The journal on JetStream keeps the port's promises, with a real server that is killed, paused and misconfigured.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use coditect_adapters::JetStream;
use coditect_adapters::journal::jetstream::{Options, Syncs};
use coditect_ports::journal::Saved;
use coditect_ports::{AppendError, Journal, PortError};
use coditect_testkit::conformance::{self, wait_for};
use coditect_testkit::nats::{SKIPPED, Server};
use coditect_types::{ErrorKind, MissionId};

/// So that a test of what never answers does not take long.
const SHORT: Duration = Duration::from_millis(1500);

fn options(server: &Server, name: &str) -> Options {
    Options { name: name.to_owned(), ..Options::at(&server.url()) }
}

fn connect(server: &Server) -> JetStream {
    JetStream::connect(&options(server, "test")).unwrap()
}

fn refused(options: &Options) -> PortError {
    let error = JetStream::connect(options).unwrap_err();
    assert!(error.hint.is_some(), "it says what to do: {error:?}");
    error
}

fn mission(n: u64) -> MissionId {
    MissionId::from_parts(1_700_000_000_000, n)
}

fn append(journal: &JetStream, n: u64, at: u64, text: &str) -> Result<u64, AppendError> {
    wait_for(journal.append(&mission(n), at, vec![text.as_bytes().to_vec()]))
}

/// The texts of a mission, whose numbers must be without gaps.
fn texts(journal: &JetStream, n: u64) -> Vec<String> {
    let records = journal.read(&mission(n), 1, usize::MAX).unwrap();
    assert!(records.iter().map(|(number, _)| *number).eq(1..=records.len() as u64), "numbers without gaps");
    records.into_iter().map(|(_, bytes)| String::from_utf8(bytes).unwrap()).collect()
}

#[test]
fn conforms() {
    // Once with the usual limit, once with one so small that everything goes in parts.
    for more in ["", "max_payload: 4096"] {
        let Some(server) = Server::start_with("", more) else { return eprintln!("{SKIPPED}") };
        let count = std::cell::Cell::new(0);
        conformance::journal(|| {
            count.set(count.get() + 1);
            Arc::new(JetStream::connect(&options(&server, &format!("n{}", count.get()))).unwrap())
        });
    }
}

#[test]
fn conforms_on_a_server() {
    let Some(server) = Server::start() else { return eprintln!("{SKIPPED}") };
    let open = |dir: &Path| -> Arc<dyn Journal> {
        let name: String = dir.file_name().unwrap().to_str().unwrap().replace(['.', '_'], "");
        Arc::new(JetStream::connect(&options(&server, &name)).unwrap())
    };
    conformance::journal_on_server(open);
}

#[test]
fn what_was_acknowledged_survives_a_killed_server() {
    let Some(mut server) = Server::start() else { return eprintln!("{SKIPPED}") };
    let journal = connect(&server);
    for n in 0..12 {
        assert_eq!(append(&journal, 1, n, &format!("{n}")), Ok(n + 1), "it connects again by itself");
        if n % 3 == 0 {
            server.kill();
            server.restart();
        }
    }
    let expected: Vec<String> = (0..12).map(|n| n.to_string()).collect();
    assert_eq!(texts(&journal, 1), expected);
    assert_eq!(texts(&connect(&server), 1), expected);
}

#[test]
fn a_server_that_is_killed_under_load_loses_and_doubles_nothing() {
    let Some(mut server) = Server::start() else { return eprintln!("{SKIPPED}") };
    let journal = Arc::new(connect(&server));
    let ended = Arc::new(AtomicBool::new(false));
    let writers = writers(&journal, &ended);
    for round in 1..=5 {
        // So that each kill comes in the middle of something.
        let far = round * 40;
        while (0..4).any(|n| journal.read(&mission(n), far, 1).unwrap().is_empty()) {}
        server.kill();
        server.restart();
    }
    ended.store(true, Ordering::Relaxed);
    all_are_there(&journal, writers);
}

type Writers = Vec<std::thread::JoinHandle<u64>>;

/// Four that append to a mission each until the end, whatever happens. They give its last number.
fn writers(journal: &Arc<JetStream>, ended: &Arc<AtomicBool>) -> Writers {
    let write = |n: u64| {
        let (journal, ended) = (Arc::clone(journal), Arc::clone(ended));
        std::thread::spawn(move || {
            let mut at = 0;
            while !ended.load(Ordering::Relaxed) {
                // The next text is that of the next number, so that one kept twice would show.
                match append(&journal, n, at, &format!("{at}")) {
                    Ok(last) => at = last,
                    Err(AppendError::NotKept(_)) => {}
                    Err(other) => panic!("within the deadline its end is known: {other:?}"),
                }
            }
            at
        })
    };
    (0..4).map(write).collect()
}

/// Everything that was acknowledged, and nothing beside it.
fn all_are_there(journal: &JetStream, writers: Writers) {
    for (n, writer) in (0..).zip(writers) {
        let last = writer.join().unwrap();
        let expected: Vec<String> = (0..last).map(|n| n.to_string()).collect();
        assert_eq!(texts(journal, n), expected);
    }
}

#[test]
fn a_cluster_whose_servers_are_killed_in_turn_loses_and_doubles_nothing() {
    let Some(mut servers) = Server::start_cluster() else { return eprintln!("{SKIPPED}") };
    let urls: Vec<String> = servers.iter().map(Server::url).collect();
    let options = Options { name: "test".to_owned(), ..Options::at(&urls.join(",")) };
    let begun = Instant::now();
    let journal = loop {
        match JetStream::connect(&options) {
            Ok(journal) => break Arc::new(journal),
            // Until the three have found each other.
            Err(error) => assert!(begun.elapsed() < Duration::from_secs(60), "{error:?}"),
        }
    };
    let note = &journal.notes()[0];
    assert!(
        note.contains("machines of most replicas") && journal.notes().len() == 1,
        "three replicas: {note}"
    );
    let ended = Arc::new(AtomicBool::new(false));
    let writers = writers(&journal, &ended);
    for (far, server) in [40, 80, 120].into_iter().zip(&mut servers) {
        while (0..4).any(|n| journal.read(&mission(n), far, 1).unwrap().is_empty()) {}
        server.kill();
        while (0..4).any(|n| journal.read(&mission(n), far + 20, 1).unwrap().is_empty()) {}
        server.restart();
    }
    ended.store(true, Ordering::Relaxed);
    all_are_there(&journal, writers);
}

#[test]
fn a_paused_server_ends_an_append_and_no_copy_of_it_is_kept_twice() {
    let Some(server) = Server::start() else { return eprintln!("{SKIPPED}") };
    let journal = JetStream::connect(&Options { patience: SHORT, ..options(&server, "test") }).unwrap();
    append(&journal, 1, 0, "a").unwrap();
    server.pause();
    let unknown = append(&journal, 1, 1, "b");
    let reading = journal.read(&mission(1), 1, 10);
    server.go_on();
    let Err(AppendError::Unknown(error)) = unknown else { panic!("it was sent: {unknown:?}") };
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.hint.is_some() && error.cause.contains("no answer within"), "{error:?}");
    assert_eq!(reading.unwrap_err().kind, ErrorKind::Unavailable);
    // As the caller must: it reads before it goes on.
    let kept = texts(&journal, 1);
    assert!(kept == ["a"] || kept == ["a", "b"], "once at most: {kept:?}");
    let next = append(&journal, 1, kept.len() as u64, "c");
    let now = texts(&journal, 1);
    match next {
        Ok(_) => assert_eq!(now.last().unwrap(), "c"),
        // The copy that was on its way came in between.
        Err(AppendError::Conflict { .. }) => assert_eq!(now, ["a", "b"]),
        Err(other) => panic!("{other:?}"),
    }
    assert!(now.iter().filter(|text| *text == "b").count() <= 1, "{now:?}");
}

#[test]
fn a_snapshot_of_many_parts_is_read_whole() {
    let Some(server) = Server::start() else { return eprintln!("{SKIPPED}") };
    let journal = JetStream::connect(&options(&server, "test")).unwrap();
    append(&journal, 1, 0, "a").unwrap();
    // More than one batch of answers holds.
    for (seq, size) in [(1, 10 << 20), (1, 100)] {
        let bytes: Vec<u8> = (0..size).map(|n: u32| (n % 251) as u8).collect();
        let saved = Saved { seq, version: 1, bytes };
        journal.save(&mission(1), &saved).unwrap();
        assert!(journal.saved(&mission(1)).unwrap() == Some(saved), "{size} bytes");
    }
}

#[test]
fn a_pause_that_is_short_is_waited_for() {
    let Some(server) = Server::start() else { return eprintln!("{SKIPPED}") };
    // So impatient that the pause is longer than the wait for one answer, which is an eighth.
    let patience = Duration::from_secs(8);
    let journal = Arc::new(JetStream::connect(&Options { patience, ..options(&server, "test") }).unwrap());
    append(&journal, 1, 0, "a").unwrap();
    server.pause();
    let writer = std::thread::spawn({
        let journal = Arc::clone(&journal);
        move || append(&journal, 1, 1, "b")
    });
    std::thread::park_timeout(Duration::from_millis(2600));
    server.go_on();
    assert_eq!(writer.join().unwrap(), Ok(2), "it was sent again, or found to be kept");
    assert_eq!(texts(&journal, 1), ["a", "b"]);
}

#[test]
fn while_there_is_no_server_nothing_is_kept_and_nothing_hangs() {
    let Some(mut server) = Server::start() else { return eprintln!("{SKIPPED}") };
    let journal = JetStream::connect(&Options { patience: SHORT, ..options(&server, "test") }).unwrap();
    append(&journal, 1, 0, "a").unwrap();
    server.kill();
    let failed = append(&journal, 1, 1, "x");
    assert!(matches!(failed, Err(AppendError::NotKept(_) | AppendError::Unknown(_))), "{failed:?}");
    let again = append(&journal, 1, 1, "x");
    let Err(AppendError::NotKept(error)) = again else { panic!("it was surely not sent: {again:?}") };
    assert!(error.cause.contains("the connection is lost"), "{error:?}");
    assert!(journal.streams().is_err());
    server.restart();
    // How soon it is connected again is the machine's matter; what was not kept may be sent again.
    let goes_on = (0..40)
        .map(|_| append(&journal, 1, 1, "b"))
        .find(|kept| !matches!(kept, Err(AppendError::NotKept(_))));
    assert_eq!(goes_on, Some(Ok(2)), "it goes on");
    assert_eq!(texts(&journal, 1), ["a", "b"]);
}

#[test]
fn what_cannot_be_used_is_refused_with_a_reason() {
    let gone = Options { patience: SHORT, ..Options::at("nats://user:hush@127.0.0.1:1") };
    let error = refused(&gone);
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(
        error.cause.contains("nats://127.0.0.1:1") && !format!("{error:?} {gone:?}").contains("hush"),
        "{error:?}"
    );
    let Some(server) = Server::start_bare("authorization { user: u, password: right }") else {
        return eprintln!("{SKIPPED}");
    };
    let with = |login: &str| Options::at(&server.url().replace("//", &format!("//{login}@")));
    let error = refused(&with("u:hush"));
    assert_eq!(error.kind, ErrorKind::Denied);
    assert!(!format!("{error:?}").contains("hush"), "{error:?}");
    let error = refused(&Options { patience: SHORT, ..with("u:r%69ght") });
    assert!(error.cause.contains("JetStream"), "it has none: {error:?}");
    let small = Server::start_with("", "max_payload: 1024").unwrap();
    let error = refused(&options(&small, "test"));
    assert!(error.cause.contains("takes messages of 1024 bytes, and 4096 are needed"), "{error:?}");
}

#[test]
fn logins_are_a_password_a_token_or_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("team.creds");
    let with_file = Options { creds: Some(file.clone()), ..Options::at("nats://127.0.0.1:1") };
    let error = refused(&with_file);
    assert!(error.kind == ErrorKind::NotFound && error.cause.contains("team.creds"), "{error:?}");
    std::fs::write(&file, "SUHUSHHUSH").unwrap();
    let error = refused(&with_file);
    assert!(error.kind == ErrorKind::Invalid && !format!("{error:?}").contains("HUSH"), "{error:?}");
    let Some(server) = Server::start_with("", "authorization { token: \"to/ken\" }") else {
        return eprintln!("{SKIPPED}");
    };
    let with = |login: &str| Options::at(&server.url().replace("//", &format!("//{login}@")));
    assert_eq!(append(&JetStream::connect(&with("to%2Fken")).unwrap(), 1, 0, "a"), Ok(1));
    assert_eq!(refused(&with("token")).kind, ErrorKind::Denied);
    assert_eq!(refused(&Options::at(&server.url())).kind, ErrorKind::Denied);
}

#[test]
fn weak_durability_is_said() {
    let Some(server) = Server::start() else { return eprintln!("{SKIPPED}") };
    let journal = connect(&server);
    assert_eq!(journal.syncs(), Syncs::Unknown);
    assert!(journal.notes()[0].contains("cannot be seen from here"), "{:?}", journal.notes());
    let asked = |server: &Server| {
        let options = Options { monitor: Some(server.monitor()), ..options(server, "test") };
        let journal = JetStream::connect(&options).unwrap();
        (journal.syncs(), journal.notes().len())
    };
    assert_eq!(asked(&server), (Syncs::Every(Duration::from_secs(120)), 1));
    let strict = Server::start_with("sync_interval: always", "").unwrap();
    assert_eq!(asked(&strict), (Syncs::Always, 0));
    let other = Options { monitor: Some(strict.monitor()), ..options(&server, "test") };
    assert!(refused(&other).cause.contains("another server"));
}

#[test]
fn what_is_removed_is_gone_and_can_be_made_again() {
    let Some(server) = Server::start() else { return eprintln!("{SKIPPED}") };
    let journal = JetStream::connect(&Options { patience: SHORT, ..options(&server, "test") }).unwrap();
    append(&journal, 1, 0, "a").unwrap();
    journal.remove().unwrap();
    let failed = append(&journal, 2, 0, "x");
    let Err(AppendError::NotKept(error)) = failed else { panic!("its stream is gone: {failed:?}") };
    assert!(error.cause.contains("its stream is gone") && error.hint.is_some(), "{error:?}");
    assert_eq!(connect(&server).streams().unwrap(), []);
    assert_eq!(append(&journal, 2, 0, "a"), Ok(1));
}

#[test]
fn an_append_that_is_too_large_is_refused() {
    let Some(server) = Server::start() else { return eprintln!("{SKIPPED}") };
    let journal = connect(&server);
    let refused = wait_for(journal.append(&mission(1), 0, vec![vec![0; 33 << 20]]));
    let Err(AppendError::NotKept(error)) = refused else { panic!("{refused:?}") };
    assert_eq!(
        (error.kind, error.cause.as_str()),
        (ErrorKind::Invalid, "one append may have 32 MiB at most")
    );
    assert_eq!(wait_for(journal.append(&mission(1), 0, vec![vec![7; 31 << 20], vec![]])), Ok(2), "in parts");
    let back = journal.read(&mission(1), 1, 9).unwrap();
    assert!(back.len() == 2 && back[0].1 == vec![7; 31 << 20] && back[1].1.is_empty());
}
