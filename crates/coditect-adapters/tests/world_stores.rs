//! Stores of shared facts keep the port's promises, on real servers that are killed, paused and closed.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use coditect_adapters::world::{JetStreamAt, JetStreamWorld, RedisAt, RedisWorld};
use coditect_ports::{PortError, WorldStore};
use coditect_testkit::conformance;
use coditect_testkit::{nats, redis};
use coditect_types::fact::FACT_BYTES;
use coditect_types::{ErrorKind, Expected, FactKey, Put};

const LONG: Duration = Duration::from_secs(600);

type Store = Arc<dyn WorldStore>;

fn on_nats(url: &str) -> Store {
    let at = JetStreamAt { url: url.to_owned(), creds: None, name: "test".to_owned() };
    Arc::new(JetStreamWorld::connect(&at).unwrap())
}

fn redis_at(url: &str) -> RedisAt {
    RedisAt { url: url.to_owned(), name: "test".to_owned() }
}

fn on_redis(url: &str) -> Store {
    Arc::new(RedisWorld::connect(&redis_at(url)).unwrap())
}

fn key(name: &str) -> FactKey {
    FactKey::new("kind", name).unwrap()
}

fn kept(put: Result<Put, PortError>) -> u64 {
    match put.unwrap() {
        Put::Kept(version) => version,
        Put::Refused(found) => panic!("it was refused: {found:?}"),
    }
}

/// Does it until it is done: a server that begins anew needs a moment.
fn in_the_end<T>(what: impl Fn() -> Result<T, PortError>) -> T {
    let begun = Instant::now();
    loop {
        match what() {
            Ok(done) => return done,
            Err(error) => assert!(begun.elapsed() < Duration::from_secs(60), "{error:?}"),
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

#[test]
fn jetstream_conforms() {
    let Some(server) = nats::Server::start() else { return eprintln!("{}", nats::SKIPPED) };
    conformance::world_store(&|| on_nats(&server.url()));
}

#[test]
fn redis_conforms() {
    let Some(server) = redis::Server::start_with(&["--requirepass", "p4ss"]) else {
        return eprintln!("{}", redis::SKIPPED);
    };
    conformance::world_store(&|| on_redis(&server.url()));
    // What is left on somebody's server ends by itself.
    let names = server.ask("KEYS *");
    for name in names.lines().filter(|line| line.starts_with("coditect:")) {
        let left = server.ask(&format!("PTTL {name}"));
        assert!(left.starts_with(':') && !left.starts_with(":-1"), "{name}: {left}");
    }
}

#[test]
fn a_cluster_of_redis_conforms() {
    let Some(servers) = redis::Server::start_cluster() else { return eprintln!("{}", redis::SKIPPED) };
    let urls: Vec<_> = servers.iter().map(redis::Server::url).collect();
    conformance::world_store(&|| on_redis(&urls.join(",")));
    let has = |server: &&redis::Server| server.ask("KEYS coditect:*").contains("coditect:");
    assert!(servers.iter().filter(has).count() >= 2, "kinds lie on several servers");
    // One alone knows that it is one of several.
    let error = RedisWorld::connect(&redis_at(&urls[0])).and_then(|one| {
        let put = |kind| one.put(&FactKey::new(kind, "a").unwrap(), b"", Expected::Anything, LONG);
        ["kind", "kin", "one", "two", "three", "four"].into_iter().try_for_each(|kind| put(kind).map(drop))
    });
    let error = error.unwrap_err();
    assert!(error.hint.as_ref().is_some_and(|hint| hint.contains("cluster")), "{error:?}");
}

/// What is lost is lost, and no version comes twice.
fn emptied(store: &dyn WorldStore, lose: impl FnOnce()) {
    let first = kept(store.put(&key("a"), b"before", Expected::Nothing, LONG));
    lose();
    assert_eq!(in_the_end(|| store.get(&key("a"))), None, "it is lost");
    assert!(!in_the_end(|| store.extend(&key("a"), first, LONG)), "it is lost");
    let second = in_the_end(|| store.put(&key("a"), b"after", Expected::Anything, LONG));
    let Put::Kept(second) = second else { panic!("{second:?}") };
    assert!(second > first, "no version comes twice: {first}, {second}");
    assert_eq!(in_the_end(|| store.all("kind")).len(), 1);
}

#[test]
fn a_redis_that_is_killed_loses_all_and_is_used_again() {
    let Some(mut server) = redis::Server::start() else { return eprintln!("{}", redis::SKIPPED) };
    let store = on_redis(&server.url());
    emptied(store.as_ref(), || {
        server.kill();
        let error = store.get(&key("a")).unwrap_err();
        assert!(error.kind == ErrorKind::Unavailable && error.hint.is_some(), "{error:?}");
        server.restart();
    });
    store.put(&key("b"), b"", Expected::Anything, LONG).unwrap();
    // The same without an end of the connection.
    assert!(server.ask("FLUSHALL").starts_with("+OK"));
    assert_eq!(store.all("kind"), Ok(Vec::new()));
    // Scripts that the server forgot are said again.
    assert!(server.ask("SCRIPT FLUSH").starts_with("+OK"));
    kept(store.put(&key("b"), b"", Expected::Nothing, LONG));
}

#[test]
fn a_nats_server_that_is_killed_loses_all_and_is_used_again() {
    let Some(mut server) = nats::Server::start() else { return eprintln!("{}", nats::SKIPPED) };
    let store = on_nats(&server.url());
    emptied(store.as_ref(), || {
        server.kill();
        let error = store.get(&key("a")).unwrap_err();
        assert!(error.kind == ErrorKind::Unavailable && error.hint.is_some(), "{error:?}");
        server.restart();
    });
}

#[test]
fn a_server_that_hangs_ends_a_question_and_is_used_again() {
    let hangs = |store: &dyn WorldStore| {
        let error = store.put(&key("a"), b"x", Expected::Anything, LONG).unwrap_err();
        assert!(error.kind == ErrorKind::Unavailable && error.hint.is_some(), "{error:?}");
    };
    if let Some(server) = redis::Server::start() {
        let store = on_redis(&server.url());
        server.pause();
        hangs(store.as_ref());
        server.go_on();
        in_the_end(|| store.put(&key("b"), b"", Expected::Anything, LONG));
    }
    if let Some(server) = nats::Server::start() {
        let store = on_nats(&server.url());
        kept(store.put(&key("z"), b"", Expected::Anything, LONG));
        server.pause();
        hangs(store.as_ref());
        server.go_on();
        in_the_end(|| store.put(&key("b"), b"", Expected::Anything, LONG));
    }
}

/// Ends others, also where a test breaks.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn no_token_of_a_lock_comes_twice_while_its_server_is_killed() {
    let Some(mut server) = redis::Server::start() else { return eprintln!("{}", redis::SKIPPED) };
    let (url, is_over) = (server.url(), AtomicBool::new(false));
    let tokens: Vec<Vec<u64>> = std::thread::scope(|scope| {
        let takes = |n: u32| {
            let (store, is_over) = (on_redis(&url), &is_over);
            scope.spawn(move || {
                let mut tokens = Vec::new();
                while !is_over.load(Ordering::Relaxed) {
                    match store.lock(&key("lock"), &n.to_string(), Duration::from_secs(1)) {
                        Ok(Some(token)) => {
                            tokens.push(token);
                            store.remove(&key("lock"), token).ok();
                        }
                        Ok(None) | Err(_) => std::thread::park_timeout(Duration::from_millis(5)),
                    }
                }
                tokens
            })
        };
        let threads: Vec<_> = (0..3).map(takes).collect();
        let ends = Ends(&is_over);
        for _ in 0..3 {
            std::thread::park_timeout(Duration::from_millis(300));
            server.kill();
            server.restart();
        }
        std::thread::park_timeout(Duration::from_millis(500));
        drop(ends);
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(tokens.iter().all(|own| own.is_sorted_by(|one, next| one < next)), "{tokens:?}");
    let all: BTreeSet<u64> = tokens.iter().flatten().copied().collect();
    assert_eq!(all.len(), tokens.iter().map(Vec::len).sum::<usize>(), "no token comes twice");
    assert!(all.len() > 3, "they go on after each loss: {}", all.len());
}

#[test]
fn a_cluster_of_nats_servers_that_begins_anew_gives_no_version_twice() {
    let Some(mut servers) = nats::Server::start_cluster() else { return eprintln!("{}", nats::SKIPPED) };
    let urls: Vec<_> = servers.iter().map(nats::Server::url).collect();
    let store = on_nats(&urls.join(","));
    let put = |name| in_the_end(|| store.put(&key(name), b"", Expected::Anything, LONG));
    let versions = ["a", "b", "c"].map(put);
    servers.iter_mut().for_each(nats::Server::kill);
    servers.iter_mut().for_each(nats::Server::restart);
    let (Put::Kept(last), Put::Kept(next)) = (versions[2], put("d")) else { panic!("{versions:?}") };
    assert!(next > last, "{last}, {next}");
    assert!(in_the_end(|| store.all("kind")).iter().any(|fact| fact.name == "d"));
}

#[test]
fn lists_are_whole_however_large_their_facts_are() {
    let lists = |store: &dyn WorldStore| {
        for n in 0..20 {
            kept(store.put(&key(&format!("f{n:02}")), &vec![n; FACT_BYTES], Expected::Nothing, LONG));
        }
        let all = store.all("kind").unwrap();
        let told: Vec<_> = all.iter().map(|fact| (fact.value[0], fact.value.len())).collect();
        assert_eq!(told, (0..20).map(|n| (n, FACT_BYTES)).collect::<Vec<_>>());
    };
    if let Some(server) = nats::Server::start() {
        lists(on_nats(&server.url()).as_ref());
    }
    if let Some(server) = redis::Server::start() {
        lists(on_redis(&server.url()).as_ref());
    }
}

#[test]
fn what_a_person_removed_with_a_client_of_the_layer_is_nothing() {
    let Some(server) = nats::Server::start() else { return eprintln!("{}", nats::SKIPPED) };
    let store = on_nats(&server.url());
    let first = kept(store.put(&key("a"), b"x", Expected::Nothing, LONG));
    // As `nats kv del` does it.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = async_nats::connect(server.url()).await.unwrap();
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("KV-Operation", "DEL");
        client.publish_with_headers("$KV.test_world.kind.a", headers, "".into()).await.unwrap();
        client.flush().await.unwrap();
    });
    let begun = Instant::now();
    while store.get(&key("a")).unwrap().is_some() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it is removed");
    }
    assert_eq!(store.all("kind"), Ok(Vec::new()));
    assert_eq!(store.extend(&key("a"), first, LONG), Ok(false));
    assert!(store.lock(&key("a"), "one", LONG).unwrap() > Some(first));
    assert_eq!(store.lock(&key("a"), "other", LONG), Ok(None));
}

#[test]
fn what_cannot_be_used_is_refused_with_a_reason() {
    let Some(server) = redis::Server::start_with(&["--requirepass", "p4ss"]) else {
        return eprintln!("{}", redis::SKIPPED);
    };
    let refused = |url: &str, kind: ErrorKind| {
        let error = RedisWorld::connect(&redis_at(url)).unwrap_err();
        assert!(error.kind == kind && error.hint.is_some(), "{url}: {error:?}");
        assert!(!error.cause.contains("secret"), "{error:?}");
    };
    let bare = server.url().replace(":p4ss@", "");
    refused(&bare, ErrorKind::Denied);
    refused(&bare.replace("://", "://:secret@"), ErrorKind::Denied);
    refused("redis://127.0.0.1:1", ErrorKind::Unavailable);
    refused("http://127.0.0.1:1", ErrorKind::Invalid);
    let name = RedisAt { name: "a b".to_owned(), ..redis_at(&server.url()) };
    assert_eq!(RedisWorld::connect(&name).unwrap_err().kind, ErrorKind::Invalid);
    // Somebody else's key under one of our names.
    let store = on_redis(&server.url());
    assert!(server.ask("SET coditect:{test/kind}:a other").starts_with("+OK"));
    assert!(store.get(&key("a")).is_err() && store.put(&key("a"), b"", Expected::Anything, LONG).is_err());
}
