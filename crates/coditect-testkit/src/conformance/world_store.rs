//! What every store of shared facts must do.
#![allow(clippy::expect_used, reason = "a broken promise ends the suite, with its name")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use coditect_ports::{PortError, WorldStore};
use coditect_types::fact::FACT_BYTES;
use coditect_types::{ErrorKind, Expected, Fact, FactKey, Put};

const KIND: &str = "kind";
const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_secs(3);
/// What hangs is no answer.
const PATIENCE: Duration = Duration::from_secs(60);

fn key(name: &str) -> FactKey {
    FactKey::new(KIND, name).expect("a name")
}

fn kept(put: Result<Put, PortError>) -> u64 {
    match put.expect("it can be put") {
        Put::Kept(version) => version,
        Put::Refused(found) => panic!("it was refused: {found:?} is there"),
    }
}

fn fact(store: &dyn WorldStore, name: &str) -> Option<(Vec<u8>, u64)> {
    store.get(&key(name)).expect("it answers").map(|fact| {
        assert_eq!(fact.name, name, "a fact has the name that was asked for");
        (fact.value, fact.version)
    })
}

/// Holds a store of shared facts to its promises. `open` gives a handle on the same store each time, as another process has one; the store is
/// empty at first.
///
/// # Panics
/// At the first promise that is broken.
pub fn world_store(open: &dyn Fn() -> Arc<dyn WorldStore>) {
    let (one, other) = (open(), open());
    versions(one.as_ref(), other.as_ref());
    values(one.as_ref(), other.as_ref());
    endings(one.as_ref(), other.as_ref());
    several(open);
}

fn versions(one: &dyn WorldStore, other: &dyn WorldStore) {
    let of = key("versions");
    assert_eq!(one.all(KIND), Ok(Vec::new()), "nothing is there yet");
    assert_eq!(fact(one, "versions"), None, "nothing is there yet");
    let refused = one.put(&of, b"x", Expected::Version(7), LONG);
    assert_eq!(refused, Ok(Put::Refused(None)), "nothing has no version");
    let first = kept(one.put(&of, b"a", Expected::Nothing, LONG));
    assert_eq!(fact(other, "versions"), Some((b"a".to_vec(), first)), "what one put the other finds");
    let refused = other.put(&of, b"x", Expected::Nothing, LONG);
    assert_eq!(refused, Ok(Put::Refused(Some(first))), "something is there");
    let second = kept(other.put(&of, b"b", Expected::Version(first), LONG));
    assert!(second > first, "a later value has a greater version: {first}, {second}");
    let refused = one.put(&of, b"x", Expected::Version(first), LONG);
    assert_eq!(refused, Ok(Put::Refused(Some(second))), "the version is another one");
    let third = kept(one.put(&of, b"c", Expected::Anything, LONG));
    assert!(third > second, "a later value has a greater version: {second}, {third}");

    assert_eq!(one.extend(&of, second, LONG), Ok(false), "that version is gone");
    assert_eq!(one.extend(&of, third, LONG), Ok(true));
    assert_eq!(fact(other, "versions"), Some((b"c".to_vec(), third)), "it is the same, for longer");
    let fourth = kept(other.put(&of, b"d", Expected::Version(third), LONG));
    assert!(fourth > third, "what was kept up can be replaced: {third}, {fourth}");

    assert_eq!(one.remove(&of, third), Ok(false), "that version is gone");
    assert_eq!(one.remove(&of, fourth), Ok(true));
    assert_eq!(one.remove(&of, fourth), Ok(false), "it was there once");
    assert_eq!(one.extend(&of, fourth, LONG), Ok(false), "it is gone");
    assert_eq!(fact(other, "versions"), None, "it is gone");
    let fifth = kept(other.put(&of, b"e", Expected::Nothing, LONG));
    assert!(fifth > fourth, "no version comes twice, also after nothing: {fourth}, {fifth}");
    assert_eq!(one.remove(&of, fifth), Ok(true));
}

fn values(one: &dyn WorldStore, other: &dyn WorldStore) {
    let large = vec![0xA5; FACT_BYTES];
    let all: [(&str, &[u8]); 4] =
        [("B_9", b""), ("a-1", b"\0\xFF\r\n {}"), ("a-2", "\u{1f600}".as_bytes()), ("z", &large)];
    let mut wanted = Vec::new();
    for (name, value) in all {
        let version = kept(one.put(&key(name), value, Expected::Nothing, LONG));
        wanted.push(Fact { name: name.to_owned(), value: value.to_vec(), version });
    }
    let elsewhere = FactKey::new("kin", "a-1").expect("a name");
    let version = kept(one.put(&elsewhere, b"other", Expected::Nothing, LONG));
    let found = other.all(KIND).expect("it answers");
    assert_eq!(found.len(), wanted.len(), "those of the kind and no others");
    assert!(found == wanted, "bytes are kept as they are, in the order of names");
    assert_eq!(one.remove(&elsewhere, version), Ok(true), "kinds have names of their own");
    for Fact { name, version, .. } in wanted {
        assert_eq!(other.remove(&key(&name), version), Ok(true));
    }
    let invalid = |put: Result<Put, PortError>| put.err().map(|error| error.kind) == Some(ErrorKind::Invalid);
    let too_large = vec![0; FACT_BYTES + 1];
    assert!(invalid(one.put(&key("z"), &too_large, Expected::Anything, LONG)), "too large");
    assert!(invalid(one.put(&key("z"), b"", Expected::Anything, Duration::ZERO)), "no time");
    assert_eq!(fact(one, "z"), None, "what is refused is not there");
}

fn endings(one: &dyn WorldStore, other: &dyn WorldStore) {
    let lock = key("lock");
    let stays = kept(one.put(&key("stays"), b"", Expected::Nothing, SHORT));
    assert_eq!(one.extend(&key("stays"), stays, LONG), Ok(true));
    let put = kept(one.put(&key("put"), b"", Expected::Nothing, SHORT));
    let put = kept(one.put(&key("put"), b"", Expected::Version(put), LONG));
    let token = one.lock(&lock, "one", SHORT).expect("it answers").expect("nobody has it");
    let begun = Instant::now();
    let later = loop {
        match other.lock(&lock, "other", LONG).expect("it answers") {
            Some(token) => break token,
            None => std::thread::park_timeout(Duration::from_millis(50)),
        }
        assert!(begun.elapsed() < PATIENCE, "a lock that is not kept up is free again");
    };
    assert!(later > token, "whoever has a lock later has a greater token: {token}, {later}");
    assert_eq!(one.extend(&lock, token, LONG), Ok(false), "the lock is another's");
    assert_eq!(one.remove(&lock, token), Ok(false), "the lock is another's");
    assert_eq!(fact(one, "lock"), Some((b"other".to_vec(), later)), "a lock tells whose it is");
    // A store may be late with what ends; it is not early with what was kept up.
    std::thread::park_timeout(SHORT * 2);
    assert_eq!(fact(one, "stays").map(|(_, version)| version), Some(stays), "it was kept up");
    assert_eq!(fact(one, "put").map(|(_, version)| version), Some(put), "it was put anew, for longer");
    for (name, version) in [("stays", stays), ("put", put), ("lock", later)] {
        assert_eq!(one.remove(&key(name), version), Ok(true));
    }
    let all = one.all(KIND).expect("it answers");
    assert_eq!(all, [], "what has ended is in no list");
}

/// So many threads, each of which adds so often.
const THREADS: usize = 4;
const ADDS: usize = 25;

fn several(open: &dyn Fn() -> Arc<dyn WorldStore>) {
    let stores: Vec<_> = (0..THREADS).map(|_| open()).collect();
    let tokens = std::thread::scope(|scope| {
        let threads: Vec<_> = stores
            .iter()
            .map(|store| {
                scope.spawn(move || {
                    (0..ADDS).for_each(|_| add(store.as_ref()));
                    store.lock(&key("one"), "somebody", LONG).expect("it answers")
                })
            })
            .collect();
        threads.into_iter().filter_map(|thread| thread.join().expect("it ends")).count()
    });
    assert_eq!(tokens, 1, "one of several has a lock");
    let sum = fact(stores[0].as_ref(), "sum").expect("it is there").0;
    assert_eq!(sum, (THREADS * ADDS).to_string().into_bytes(), "no addition is lost or done twice");
}

fn add(store: &dyn WorldStore) {
    loop {
        let (sum, expected) = match store.get(&key("sum")).expect("it answers") {
            Some(fact) => {
                let sum: u64 = String::from_utf8_lossy(&fact.value).parse().expect("a number");
                (sum, Expected::Version(fact.version))
            }
            None => (0, Expected::Nothing),
        };
        let text = (sum + 1).to_string();
        if let Put::Kept(_) = store.put(&key("sum"), text.as_bytes(), expected, LONG).expect("it answers") {
            return;
        }
    }
}
