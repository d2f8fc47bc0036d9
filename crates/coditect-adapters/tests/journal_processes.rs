//! The embedded journal with real processes: killed at any moment, several at once, on a full disk.
//!
//! A test that needs another process starts this very test binary with `JOURNAL_ROLE` set; [`a_child`] then plays
//! that role and otherwise does nothing.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use coditect_adapters::Segments;
use coditect_adapters::journal::Finding;
use coditect_ports::{AppendError, Journal};
use coditect_testkit::conformance::wait_for;
use coditect_types::{ErrorKind, MissionId};

const SEGMENT: u64 = 256 << 10;
const STREAMS: u64 = 4;

fn stream(n: u64) -> MissionId {
    MissionId::from_parts(0, n)
}

/// Starts a child in a role; `shell` is run before it in the same process.
fn start(role: &str, dir: &Path, shell: &str) -> Child {
    Command::new("sh")
        .arg("-c")
        .arg(format!("{shell} exec \"$0\" \"$@\""))
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "a_child", "--nocapture", "--test-threads=1"])
        .env("JOURNAL_ROLE", role)
        .env("JOURNAL_DIR", dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn a_child() {
    let Ok(role) = std::env::var("JOURNAL_ROLE") else {
        return;
    };
    let dir = std::path::PathBuf::from(std::env::var_os("JOURNAL_DIR").unwrap());
    match role.as_str() {
        "write for ever" => write_for_ever(&dir),
        "write beside others" => write_beside_others(&dir),
        "hold" => hold(&dir),
        "fill" => fill(&dir),
        other => panic!("no role `{other}`"),
    }
}

/// One line to the parent. A single write, so that a kill leaves no half line that looks whole.
fn say(line: &str) {
    std::io::stdout().write_all(format!("\n{line}\n").as_bytes()).unwrap();
    std::io::stdout().flush().unwrap();
}

/// The lines that children say.
fn said(line: &str) -> Option<Vec<u64>> {
    let numbers = line.strip_prefix("kept ")?;
    numbers.split(' ').map(|number| number.parse().ok()).collect()
}

/// A record names its batch, so that half a batch can be told.
fn batch(n: u64, last: u64) -> Vec<Vec<u8>> {
    let len = 1 + (last * 7 + n) % 5;
    let record =
        |i| format!("{n} {} {} {len} {}", last + i, last + 1, "x".repeat((last * 31 % 900) as usize));
    (1..=len).map(|i| record(i).into_bytes()).collect()
}

fn write_for_ever(dir: &Path) {
    let journal = Segments::open_with(dir, SEGMENT).unwrap();
    let write = |n: u64| {
        let streams = journal.streams().unwrap();
        let mut last = streams.iter().find(|info| info.stream == stream(n)).map_or(0, |info| info.last_seq);
        loop {
            last = wait_for(journal.append(&stream(n), last, batch(n, last))).unwrap();
            say(&format!("kept {n} {last}"));
        }
    };
    std::thread::scope(|scope| {
        for n in 0..STREAMS {
            scope.spawn(move || write(n));
        }
    });
}

/// Checks that a stream is made of whole batches. Gives its last number.
fn check_stream(journal: &Segments, n: u64) -> u64 {
    let mut last = 0;
    loop {
        let expected = batch(n, last);
        let page = journal.read(&stream(n), last + 1, expected.len()).unwrap();
        if page.is_empty() {
            return last;
        }
        let found: Vec<Vec<u8>> = page.into_iter().map(|(_, bytes)| bytes).collect();
        assert!(found == expected, "stream {n} after {last}: a whole batch or none");
        last += expected.len() as u64;
    }
}

#[test]
fn what_was_acknowledged_survives_a_kill_at_any_moment() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged: BTreeMap<u64, u64> = BTreeMap::new();
    for round in 0..15_usize {
        let mut child = start("write for ever", dir.path(), "");
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let (mut line, mut count) = (String::new(), 0);
        // Killed at another moment each time; what it said before its end counts too.
        while lines.read_line(&mut line).unwrap() > 0 {
            if let Some(kept) = said(line.trim_end()).filter(|kept| kept.len() == 2 && line.ends_with('\n')) {
                acknowledged.insert(kept[0], kept[1]);
                count += 1;
                if count == 3 + round * 37 {
                    child.kill().unwrap();
                }
            }
            line.clear();
        }
        child.wait().unwrap();
        let journal = if round % 2 == 0 {
            Segments::open_with(dir.path(), SEGMENT).unwrap()
        } else {
            Segments::open_read_only(dir.path()).unwrap()
        };
        let damage = journal.findings().into_iter().find(|f| matches!(f, Finding::Damaged { .. }));
        assert_eq!(damage, None);
        for (n, last) in &acknowledged {
            assert!(
                check_stream(&journal, *n) >= *last,
                "round {round}, stream {n}: {last} was acknowledged"
            );
        }
    }
    assert_eq!(acknowledged.len() as u64, STREAMS);
}

/// Writes to a stream of its own, and to one that all share, letting go each time.
fn write_beside_others(dir: &Path) {
    let journal = Segments::open_with(dir, SEGMENT).unwrap();
    let own = stream(100 + u64::from(std::process::id()));
    let shared = stream(0);
    let (mut last, mut mine) = (0, 0);
    while mine < 30 {
        last = wait_for(journal.append(&own, last, vec![b"own".to_vec()])).unwrap();
        let at =
            journal.streams().unwrap().iter().find(|i| i.stream == shared).map_or(0, |info| info.last_seq);
        let record = vec![format!("{} {mine}", std::process::id()).into_bytes()];
        match wait_for(journal.append(&shared, at, record)) {
            Ok(_) => mine += 1,
            Err(AppendError::Held(_) | AppendError::Conflict { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        journal.release(&shared);
    }
    say(&format!("kept {} {last}", std::process::id()));
}

#[test]
fn processes_use_one_journal_at_the_same_time() {
    let dir = tempfile::tempdir().unwrap();
    let children: Vec<Child> = (0..3).map(|_| start("write beside others", dir.path(), "")).collect();
    let mut own = Vec::new();
    for child in children {
        let out = child.wait_with_output().unwrap();
        assert!(out.status.success());
        own.extend(String::from_utf8(out.stdout).unwrap().lines().filter_map(said));
    }
    assert_eq!(own.len(), 3);
    let journal = Segments::open(dir.path()).unwrap();
    assert_eq!(journal.findings(), []);
    for kept in own {
        let records = journal.read(&stream(100 + kept[0]), 1, usize::MAX).unwrap();
        assert_eq!(records.len() as u64, kept[1]);
    }
    let mut next: BTreeMap<String, u64> = BTreeMap::new();
    let records = journal.read(&stream(0), 1, 1000).unwrap();
    assert_eq!(records.len(), 90);
    for (_, record) in records {
        let text = String::from_utf8(record).unwrap();
        let (pid, n) = text.split_once(' ').unwrap();
        let expected = next.entry(pid.to_owned()).or_default();
        assert_eq!(n, expected.to_string(), "in each writer's order");
        *expected += 1;
    }
}

fn hold(dir: &Path) {
    let journal = Segments::open(dir).unwrap();
    wait_for(journal.append(&stream(1), 0, vec![b"mine".to_vec()])).unwrap();
    say("kept 1 1");
    // Until the parent closes the pipe.
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

#[test]
fn a_held_stream_names_its_holder_until_that_one_dies() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = start("hold", dir.path(), "");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| said(&line.unwrap()).is_some()));
    let journal = Segments::open(dir.path()).unwrap();
    let refused = wait_for(journal.append(&stream(1), 1, vec![b"x".to_vec()]));
    let Err(AppendError::Held(error)) = refused else { panic!("{refused:?}") };
    assert!(error.cause.contains(&format!("process {}", child.id())), "{error}");
    assert_eq!(journal.forget(&stream(1)).unwrap_err().kind, ErrorKind::Conflict);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(wait_for(journal.append(&stream(1), 1, vec![b"y".to_vec()])), Ok(2));
}

/// Appends until the disk refuses. Gives the last number that was kept.
fn append_until_refused(journal: &Segments, mut last: u64) -> u64 {
    loop {
        match wait_for(journal.append(&stream(1), last, vec![vec![last as u8; 60_000]])) {
            Ok(new) => last = new,
            Err(AppendError::NotKept(error)) => {
                assert_eq!(error.kind, ErrorKind::Exhausted, "{error}");
                return last;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

fn check_filled(journal: &Segments, last: u64) {
    let records = journal.read(&stream(1), 1, usize::MAX).unwrap();
    assert_eq!(records.len() as u64, last);
    assert!(records.iter().all(|(n, bytes)| *bytes == vec![(n - 1) as u8; 60_000]));
}

/// In a process whose files may not grow further: the limit is then lifted.
fn fill(dir: &Path) {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let journal = Segments::open(dir).unwrap();
    let last = append_until_refused(&journal, 0);
    assert!(last > 5);
    check_filled(&journal, last);
    let (_, hard) = getrlimit(Resource::RLIMIT_FSIZE).unwrap();
    setrlimit(Resource::RLIMIT_FSIZE, hard, hard).unwrap();
    assert_eq!(wait_for(journal.append(&stream(1), last, vec![vec![last as u8; 60_000]])), Ok(last + 1));
    check_filled(&journal, last + 1);
    say(&format!("kept 1 {}", last + 1));
}

#[test]
fn a_file_that_may_not_grow_refuses_and_stays_readable() {
    let dir = tempfile::tempdir().unwrap();
    let child = start("fill", dir.path(), "trap '' XFSZ; ulimit -S -f 2000;");
    let out = child.wait_with_output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(out.status.success(), "{text}");
    let kept = text.lines().find_map(said).unwrap();
    let journal = Segments::open(dir.path()).unwrap();
    assert_eq!(journal.findings(), []);
    check_filled(&journal, kept[1]);
}

#[test]
fn a_full_disk_refuses_and_goes_on_when_there_is_room() {
    use nix::mount::{MsFlags, mount};
    use nix::sched::{CloneFlags, unshare};
    let dir = tempfile::tempdir().unwrap();
    // A small disk of this thread's own, which needs root; the test above shows the same without.
    if unshare(CloneFlags::CLONE_NEWNS).is_err() {
        return;
    }
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    let mounted = mount(None::<&str>, "/", None::<&str>, private, None::<&str>)
        .and_then(|()| mount(Some("tmpfs"), dir.path(), Some("tmpfs"), MsFlags::empty(), Some("size=4m")));
    if mounted.is_err() {
        return;
    }
    std::fs::write(dir.path().join("ballast"), vec![1; 1 << 20]).unwrap();
    let journal = Segments::open(&dir.path().join("journal")).unwrap();
    let last = append_until_refused(&journal, 0);
    assert!(last > 5);
    check_filled(&journal, last);
    assert_eq!(append_until_refused(&journal, last), last, "refused as long as it is full");
    std::fs::remove_file(dir.path().join("ballast")).unwrap();
    let more = append_until_refused(&journal, last);
    assert!(more > last, "there was room again");
    drop(journal);
    let journal = Segments::open(&dir.path().join("journal")).unwrap();
    assert_eq!(journal.findings(), []);
    check_filled(&journal, more);
    journal.forget(&stream(1)).expect("removing needs no room");
    assert!(append_until_refused(&journal, 0) > 5);
}
