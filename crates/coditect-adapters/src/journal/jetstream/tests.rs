#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use bytes::Bytes;
use coditect_testkit::conformance::wait_for;
use coditect_testkit::nats::{SKIPPED, Server};
use proptest::prelude::*;

use super::codec::{Bad, Frame, body_of, decode, encode, records_of};
use super::setup::Names;
use super::*;

fn frame(before: u64, count: u32, part: u32, parts: u32) -> Frame {
    Frame { id: *b"0123456789abcdef", before, count, part, parts }
}

proptest! {
    #[test]
    fn messages_come_back_as_they_were(
        records in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 1..40),
        before in 0..u64::MAX / 2,
    ) {
        let body = body_of(&records).unwrap();
        let count = records.len() as u32;
        let message = encode(&frame(before, count, 0, 1), &body);
        let (read, chunk) = decode(&message).unwrap();
        prop_assert_eq!(read, frame(before, count, 0, 1));
        prop_assert_eq!(read.last(), before + u64::from(count));
        prop_assert_eq!(records_of(chunk, count).unwrap(), records.iter().map(Vec::as_slice).collect::<Vec<_>>());
    }

    #[test]
    fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200), count in any::<u32>()) {
        prop_assert!(decode(&bytes).is_err());
        // What it gives does not matter; that it ends, and reserves no more than there is, does.
        drop(records_of(&bytes, count));
    }

    #[test]
    fn a_bit_that_flips_is_noticed(at in 0_usize..80, bit in 0_u8..8) {
        let mut message = encode(&frame(7, 1, 0, 1), &body_of(&[vec![1; 60]]).unwrap());
        let at = at % message.len();
        message[at] ^= 1 << bit;
        prop_assert!(decode(&message).is_err());
    }
}

#[test]
fn the_format_is_what_it_was() {
    // A message of version 1. If this test must change, so must the version.
    let message = encode(&frame(300, 2, 0, 1), &body_of(&[b"ab".to_vec(), Vec::new()]).unwrap());
    let hex: String = message.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "634a01f9e4b68c30313233343536373839616263646566ac0202000102616200");
    let mut newer = message;
    newer[2] = 2;
    assert_eq!(decode(&newer), Err(Bad::Newer(2)));
}

#[test]
fn addresses_are_shown_without_what_is_secret() {
    let shown =
        |url: &str| address::parse(url, None).map(|address| address.shown).map_err(|error| error.cause);
    assert_eq!(shown("localhost"), Ok("nats://localhost:4222".to_owned()));
    assert_eq!(shown("tls://u:p@a.example:1, nats://b"), Ok("tls://a.example:1, nats://b:4222".to_owned()));
    assert_eq!(redacted("nats://u:p@h:1,tok@h"), "nats://***@h:1,nats://***@h:4222");
    assert_eq!(redacted("http://u:p@h"), "***");
    for bad in ["", "http://h", "nats://", "nats://h/path", "nats://h?x", "nats://u:%zz@h", "nats://h:99999"]
    {
        let error = address::parse(bad, None).unwrap_err();
        assert!(error.kind == ErrorKind::Invalid && error.hint.is_some(), "{bad}: {error:?}");
        assert!(!error.cause.contains("zz"), "{error:?}");
    }
    assert!(address::parse("nats://u:p@h", Some("f".as_ref())).unwrap_err().cause.contains("as well"));
    let many = vec!["h"; 17].join(",");
    assert!(shown(&many).unwrap_err().contains("17 servers"));
}

#[test]
fn names_of_journals_are_safe_in_subjects() {
    assert_eq!(Names::of("team-1").unwrap().journal, "team-1_journal");
    for bad in ["", "a.b", "a>", "a*", "a b", "ä", &"x".repeat(65)] {
        assert!(Names::of(bad).is_err(), "{bad}");
    }
}

/// Speaks to the server past the journal.
fn past(journal: &JetStream, subject: &str, body: serde_json::Value) {
    let subject = subject.to_owned();
    journal
        .blocking(|shared| async move {
            let deadline = shared.link.deadline();
            let done = shared.link.api::<serde_json::Value>(&subject, &body, deadline).await;
            done.map(drop).map_err(|fault| shared.link.error("speaking past the journal", fault))
        })
        .unwrap();
}

fn publish(journal: &JetStream, mission: &MissionId, payload: Vec<u8>) {
    let mission = mission.clone();
    journal
        .blocking(|shared| async move {
            let subject = shared.subject(&mission);
            let sent =
                shared.link.publish(&subject, None, Bytes::from(payload), shared.link.deadline()).await;
            sent.map(drop).map_err(|fault| shared.link.error("publishing past the journal", fault))
        })
        .unwrap();
}

fn named(server: &Server, name: &str) -> Options {
    Options { name: name.to_owned(), ..Options::at(&server.url()) }
}

fn mission(n: u64) -> MissionId {
    MissionId::from_parts(1_700_000_000_000, n)
}

#[test]
fn streams_that_would_lose_records_are_refused() {
    let Some(server) = Server::start() else { return eprintln!("{SKIPPED}") };
    let journal = JetStream::connect(&named(&server, "well")).unwrap();
    let cases = [
        (serde_json::json!({"storage": "memory"}), "its storage is `memory`, not `file`"),
        (serde_json::json!({"retention": "workqueue"}), "its retention is `workqueue`, not `limits`"),
        (serde_json::json!({"max_age": 60_000_000_000_u64}), "it drops messages after 60 s"),
        (serde_json::json!({"max_msgs_per_subject": 5}), "it keeps 5 messages of a subject"),
        (
            serde_json::json!({"max_bytes": 1_000_000, "discard": "old"}),
            "it has a limit and drops the oldest",
        ),
        (serde_json::json!({"allow_direct": false}), "it cannot be read directly"),
        (serde_json::json!({"deny_purge": true}), "nothing in it can be forgotten"),
        (serde_json::json!({"no_ack": true}), "it acknowledges nothing"),
        (serde_json::json!({"subjects": ["other.>"]}), "its subjects are `other.>`"),
        (serde_json::json!({"metadata": {"coditect.format": "2"}}), "was written in format 2"),
    ];
    for (n, (differs, says)) in cases.into_iter().enumerate() {
        let name = format!("c{n}");
        let mut config = serde_json::json!({
            "name": format!("{name}_journal"), "subjects": [format!("{name}.journal.*")], "storage": "file",
            "retention": "limits", "num_replicas": 1, "allow_direct": true, "discard": "new",
        });
        for (key, value) in differs.as_object().unwrap() {
            config[key] = value.clone();
        }
        past(&journal, &format!("STREAM.CREATE.{name}_journal"), config);
        let error = JetStream::connect(&named(&server, &name)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid, "{error:?}");
        assert!(error.cause.contains(says) && error.hint.is_some(), "{says}: {error:?}");
        past(&journal, &format!("STREAM.DELETE.{name}_journal"), serde_json::json!({}));
    }
}

#[test]
fn a_full_stream_refuses_and_stays_readable() {
    let Some(server) = Server::start() else { return eprintln!("{SKIPPED}") };
    let journal = JetStream::connect(&named(&server, "well")).unwrap();
    let config = serde_json::json!({
        "name": "full_journal", "subjects": ["full.journal.*"], "storage": "file", "retention": "limits",
        "num_replicas": 1, "allow_direct": true, "discard": "new", "max_bytes": 20_000, "max_msg_size": 8192,
    });
    past(&journal, "STREAM.CREATE.full_journal", config);
    let full = JetStream::connect(&named(&server, "full")).unwrap();
    // More than a message may have: in parts, which the small stream can hold.
    assert_eq!(wait_for(full.append(&mission(1), 0, vec![vec![1; 10_000]])), Ok(1));
    let refused = wait_for(full.append(&mission(1), 1, vec![vec![2; 12_000]]));
    let Err(AppendError::NotKept(error)) = refused else { panic!("{refused:?}") };
    assert!(error.kind == ErrorKind::Exhausted && error.hint.is_some(), "{error:?}");
    assert_eq!(full.read(&mission(1), 1, 10).unwrap(), [(1, vec![1; 10_000])], "its parts do not count");
    assert_eq!(wait_for(full.append(&mission(1), 1, vec![vec![3]])), Ok(2), "what fits is kept");
    assert_eq!(full.read(&mission(1), 2, 10).unwrap(), [(2, vec![3])]);
}

#[test]
fn a_message_that_comes_twice_or_late_is_kept_once() {
    let Some(server) = Server::start() else { return eprintln!("{SKIPPED}") };
    let journal = JetStream::connect(&named(&server, "well")).unwrap();
    let message = encode(&frame(0, 1, 0, 1), &body_of(&[b"a".to_vec()]).unwrap());
    let sent = |expected: u64| {
        let message = Bytes::from(message.clone());
        journal.blocking(move |shared| async move {
            let subject = shared.subject(&mission(1));
            let link = &shared.link;
            let sent = link.publish(&subject, Some(expected), message, link.deadline()).await;
            sent.map_err(|fault| link.error("publishing past the journal", fault))
        })
    };
    assert_eq!(sent(0), Ok(1));
    assert!(sent(0).unwrap_err().cause.contains("10071"), "a copy is refused");
    assert_eq!(wait_for(journal.append(&mission(1), 1, vec![b"b".to_vec()])), Ok(2));
    assert!(sent(0).is_err() && sent(1).is_err(), "and so is one that comes late");
    assert_eq!(journal.read(&mission(1), 1, 10).unwrap(), [(1, b"a".to_vec()), (2, b"b".to_vec())]);
}

#[test]
fn parts_of_a_writer_that_died_do_not_count() {
    let Some(server) = Server::start() else { return eprintln!("{SKIPPED}") };
    let journal = JetStream::connect(&named(&server, "well")).unwrap();
    let (first, second) = (mission(1), mission(2));
    publish(&journal, &first, encode(&frame(0, 3, 0, 2), b"half"));
    assert_eq!(journal.streams().unwrap(), [], "no mission yet");
    assert_eq!(journal.read(&first, 1, 10).unwrap(), []);
    assert_eq!(wait_for(journal.append(&first, 0, vec![b"a".to_vec()])), Ok(1));
    wait_for(journal.append(&second, 0, vec![b"a".to_vec()])).unwrap();
    publish(&journal, &second, encode(&frame(1, 3, 0, 2), b"half"));
    assert_eq!(wait_for(journal.append(&second, 1, vec![b"b".to_vec()])), Ok(2), "over the half");
    assert_eq!(journal.read(&second, 1, 10).unwrap(), [(1, b"a".to_vec()), (2, b"b".to_vec())]);
    let listed: Vec<_> = journal.streams().unwrap().into_iter().map(|info| info.last_seq).collect();
    assert_eq!(listed, [1, 2]);
}

#[test]
fn what_others_wrote_is_named() {
    let Some(server) = Server::start() else { return eprintln!("{SKIPPED}") };
    let journal = JetStream::connect(&named(&server, "well")).unwrap();
    let one = vec![b"a".to_vec()];
    wait_for(journal.append(&mission(1), 0, one.clone())).unwrap();
    publish(&journal, &mission(1), b"hello".to_vec());
    let error = journal.read(&mission(1), 1, 10).unwrap_err();
    assert!(error.cause.contains("another program wrote it") && error.hint.is_some(), "{error:?}");
    let refused = wait_for(journal.append(&mission(1), 1, one.clone()));
    assert!(
        matches!(&refused, Err(AppendError::NotKept(error)) if error.kind == ErrorKind::Conflict),
        "{refused:?}"
    );
    let mut newer = encode(&frame(0, 1, 0, 1), &body_of(&one).unwrap());
    newer[2] = 9;
    publish(&journal, &mission(2), newer);
    let error = journal.read(&mission(2), 1, 10).unwrap_err();
    assert!(error.kind == ErrorKind::Invalid && error.cause.contains("format 9"), "{error:?}");
    wait_for(journal.append(&mission(3), 0, vec![b"a".to_vec(); 3])).unwrap();
    assert_eq!(journal.streams().unwrap(), [StreamInfo { stream: mission(3), last_seq: 3 }]);
    let findings = journal.findings();
    assert!(
        findings.len() == 2 && findings.iter().any(|finding| finding.contains("format 9")),
        "{findings:?}"
    );
    let gap = encode(&frame(7, 1, 0, 1), &body_of(&one).unwrap());
    publish(&journal, &mission(3), gap);
    assert_eq!(journal.read(&mission(3), 1, 10).unwrap().len(), 3, "what comes before a gap can be read");
    let error = journal.read(&mission(3), 4, 1).unwrap_err();
    assert!(error.cause.contains("record 4") && error.cause.contains("is missing"), "{error:?}");
}
