//! Circuit breakers in a file of the state directory, which all processes of a person share: each mission is a process of its own, and a
//! provider that is down would be found out by each of them anew.
//!
//! Other machines have files of their own: what one cannot reach, another may.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use coditect_ports::Breakers;
use coditect_types::breaker::{BreakerSeen, Remote, Standing};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The file, what it is written as, and what is locked while it is changed.
const FILE: &str = "breakers.json";
const BESIDE: &str = "breakers.json.new";
const GATE: &str = "breakers.lock";
/// Others have the file for less than this; where one has it for longer, it was stopped.
const PATIENCE: Duration = Duration::from_millis(100);
const AGAIN: Duration = Duration::from_millis(1);
/// What is read of the file at most: each entry has less than 1 KiB, as a rule.
const MOST_BYTES: u64 = 4 << 20;
/// Breakers that are kept. Of more, those are forgotten that are closed, and then those whose time is over first.
const MOST: usize = 500;
/// Letters of a name that are kept: longer ones are none of a model.
const MOST_LETTERS: usize = 500;

/// See the module.
#[derive(Debug)]
pub struct FileBreakers {
    dir: PathBuf,
    patience: Duration,
    own: Mutex<Own>,
}

/// What this process knows by itself, for where the file cannot be used.
#[derive(Debug, Default)]
struct Own {
    seen: BTreeMap<Remote, Standing>,
    /// Those that the file is behind with.
    ahead: BTreeSet<Remote>,
}

impl Own {
    fn standing(&self, of: &Remote) -> Standing {
        self.seen.get(of).copied().unwrap_or_default()
    }
}

/// What is in the file.
#[derive(Debug, Default)]
struct Kept {
    known: BTreeMap<Remote, Entry>,
    /// What a newer version keeps there.
    others: Vec<Value>,
}

/// A breaker in the file.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Entry {
    #[serde(flatten)]
    seen: BreakerSeen,
    /// The process that makes the call which decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    process: Option<u32>,
}

impl Entry {
    /// Where it stands. A trial ends with its process, however that ends.
    fn standing(&self, now_ms: u64) -> Standing {
        let is_gone = self.process.is_some_and(|id| !Path::new(&format!("/proc/{id}")).exists());
        match self.seen.standing {
            Standing::HalfOpen { until_ms, open_ms } if is_gone => {
                Standing::Open { until_ms: until_ms.min(now_ms), open_ms }
            }
            standing @ (Standing::Closed { .. } | Standing::Open { .. } | Standing::HalfOpen { .. }) => {
                standing
            }
        }
    }
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct Wire {
    breakers: Vec<Value>,
}

impl FileBreakers {
    /// Those of a state directory. Nothing is made before there is something to keep.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), patience: PATIENCE, own: Mutex::default() }
    }

    fn own(&self) -> MutexGuard<'_, Own> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The right to change the file, until it is dropped.
    fn gate(&self) -> io::Result<File> {
        let mut open = OpenOptions::new();
        open.read(true).write(true).create(true).truncate(false).mode(0o600);
        let gate = open.open(self.dir.join(GATE))?;
        let until = Instant::now() + self.patience;
        loop {
            match gate.try_lock() {
                Ok(()) => return Ok(gate),
                Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::park_timeout(AGAIN),
                Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::TimedOut.into()),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    /// What the file has. One that is damaged has nothing: what it said is found out again.
    fn read(&self) -> io::Result<Kept> {
        let file = match File::open(self.dir.join(FILE)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Kept::default()),
            Err(error) => return Err(error),
        };
        let mut bytes = Vec::new();
        file.take(MOST_BYTES).read_to_end(&mut bytes)?;
        let wire: Wire = serde_json::from_slice(&bytes).unwrap_or_default();
        let mut kept = Kept::default();
        for one in wire.breakers {
            match Entry::deserialize(&one) {
                Ok(entry) => {
                    kept.known.insert(entry.seen.remote.clone(), entry);
                }
                Err(_) => kept.others.push(one),
            }
        }
        Ok(kept)
    }

    /// Puts another file in its place, all at once; whoever does has the gate. It need not survive a loss of power: what it says is found
    /// out again.
    fn write(&self, mut kept: Kept) -> io::Result<()> {
        shorten(&mut kept);
        let known = kept.known.into_values().map(|entry| serde_json::to_value(entry).unwrap_or_default());
        let wire = Wire { breakers: known.chain(kept.others).collect() };
        let beside = self.dir.join(BESIDE);
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(&serde_json::to_vec(&wire)?)?;
        fs::rename(&beside, self.dir.join(FILE))
    }

    /// Moves it in the file.
    ///
    /// # Errors
    /// The file cannot be locked or read. Nothing was moved then.
    fn in_file(
        &self,
        own: &mut Own,
        of: &Remote,
        change: &mut dyn FnMut(Standing) -> Standing,
    ) -> io::Result<()> {
        let _gate = self.gate()?;
        let mut kept = self.read()?;
        let entry = kept.known.get(of).cloned();
        let there = entry.as_ref().map(|entry| entry.standing(now_ms())).unwrap_or_default();
        let standing = if own.ahead.contains(of) { own.standing(of) } else { there };
        let next = change(standing);
        own.seen.insert(of.clone(), next);
        if next == there {
            own.ahead.remove(of);
            return Ok(());
        }
        let process = match (there, next) {
            // A trial that is looked at stays whose it is.
            (Standing::HalfOpen { until_ms: before, .. }, Standing::HalfOpen { until_ms, .. })
                if until_ms <= before =>
            {
                entry.and_then(|entry| entry.process)
            }
            (_, Standing::HalfOpen { .. }) => Some(std::process::id()),
            (_, Standing::Closed { .. } | Standing::Open { .. }) => None,
        };
        let seen = BreakerSeen { remote: of.clone(), standing: next };
        kept.known.insert(of.clone(), Entry { seen, process });
        match self.write(kept) {
            Ok(()) => {
                own.ahead.remove(of);
            }
            Err(error) => {
                tracing::debug!(%error, "what is left alone is known to this process only");
                own.ahead.insert(of.clone());
            }
        }
        Ok(())
    }
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

/// Leaves away what matters least, where there is too much.
fn shorten(kept: &mut Kept) {
    if kept.known.len() + kept.others.len() <= MOST {
        return;
    }
    kept.others.clear();
    let over = |standing: Standing| match standing {
        Standing::Closed { failures: 0, .. } => (0, 0),
        Standing::Closed { last_ms, .. } => (1, last_ms),
        Standing::Open { until_ms, .. } | Standing::HalfOpen { until_ms, .. } => (2, until_ms),
    };
    let mut all: Vec<_> =
        kept.known.iter().map(|(of, entry)| (over(entry.seen.standing), of.clone())).collect();
    all.sort();
    let surplus = all.len().saturating_sub(MOST);
    for (_, of) in all.into_iter().take(surplus) {
        kept.known.remove(&of);
    }
}

impl Breakers for FileBreakers {
    fn change(&self, of: &Remote, change: &mut dyn FnMut(Standing) -> Standing) {
        let mut own = self.own();
        let name = of.name.chars().take(MOST_LETTERS).collect();
        let of = Remote { kind: of.kind, name };
        if let Err(error) = self.in_file(&mut own, &of, change) {
            tracing::debug!(%error, "what others have left alone is not known");
            let before = own.standing(&of);
            let next = change(before);
            own.seen.insert(of.clone(), next);
            // What was only looked at is behind what others keep.
            if next != before {
                own.ahead.insert(of);
            }
        }
    }

    fn all(&self) -> Vec<BreakerSeen> {
        let (own, now_ms) = (self.own(), now_ms());
        let known = self.read().unwrap_or_default().known.into_iter();
        let mut all: BTreeMap<Remote, Standing> =
            known.map(|(of, entry)| (of, entry.standing(now_ms))).collect();
        all.extend(own.ahead.iter().map(|of| (of.clone(), own.standing(of))));
        all.into_iter().map(|(remote, standing)| BreakerSeen { remote, standing }).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

    use std::os::unix::fs::PermissionsExt;
    use std::sync::Arc;

    use coditect_testkit::conformance;
    use coditect_types::breaker::RemoteKind;

    use super::*;

    fn of(name: &str) -> Remote {
        Remote::new(RemoteKind::Model, name)
    }

    fn closed(failures: u32) -> Standing {
        Standing::Closed { failures, last_ms: 0 }
    }

    fn more(standing: Standing) -> Standing {
        match standing {
            Standing::Closed { failures, .. } => closed(failures + 1),
            Standing::Open { .. } | Standing::HalfOpen { .. } => standing,
        }
    }

    #[test]
    fn it_keeps_the_promises_of_its_port() {
        let dir = tempfile::tempdir().unwrap();
        conformance::breakers(&|| Arc::new(FileBreakers::new(dir.path())));
    }

    #[test]
    fn two_processes_that_move_one_at_the_same_time_lose_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let moves = || {
            // Each has a file handle of its own, as two processes have, and time for it.
            let breakers =
                FileBreakers { patience: Duration::from_secs(60), ..FileBreakers::new(dir.path()) };
            (0..50).for_each(|_| breakers.change(&of("one"), &mut more));
        };
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(moves);
            }
        });
        let all = FileBreakers::new(dir.path()).all();
        assert_eq!(all[0].standing, closed(150));
        let left: Vec<_> =
            fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "{left:?}");
    }

    #[test]
    fn a_file_that_is_damaged_or_newer_stops_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(FILE);
        for damaged in ["", "{", "[]", "null", "{\"breakers\": 7}", "\u{0}\u{1}"] {
            fs::write(&file, damaged).unwrap();
            let breakers = FileBreakers::new(dir.path());
            breakers.change(&of("one"), &mut more);
            assert_eq!(breakers.all()[0].standing, closed(1), "{damaged}");
        }
        let newer = r#"{"kind":"oracle","name":"delphi","state":"asleep"}"#;
        fs::write(&file, format!("{{\"breakers\":[{newer}],\"more\":1}}")).unwrap();
        let breakers = FileBreakers::new(dir.path());
        breakers.change(&of("one"), &mut more);
        assert!(fs::read_to_string(&file).unwrap().contains(newer), "what a newer version knows stays");
        assert_eq!(breakers.all().len(), 1);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn where_nothing_can_be_kept_a_process_goes_by_what_it_has_seen() {
        let nowhere = tempfile::tempdir().unwrap().path().join("gone");
        let breakers = FileBreakers::new(&nowhere);
        (0..3).for_each(|_| breakers.change(&of("one"), &mut more));
        let mut seen = Standing::default();
        breakers.change(&of("one"), &mut |standing| {
            seen = standing;
            standing
        });
        assert_eq!(seen, closed(3));
        assert!(!nowhere.exists());
    }

    #[test]
    fn a_disk_that_is_full_does_not_keep_one_from_opening() {
        let dir = tempfile::tempdir().unwrap();
        let breakers = FileBreakers::new(dir.path());
        breakers.change(&of("one"), &mut more);
        // What is written beside cannot be made where a directory has its name.
        fs::create_dir(dir.path().join(BESIDE)).unwrap();
        breakers.change(&of("one"), &mut more);
        breakers.change(&of("one"), &mut more);
        assert_eq!(breakers.all()[0].standing, closed(3));
        fs::remove_dir(dir.path().join(BESIDE)).unwrap();
        breakers.change(&of("one"), &mut more);
        let others = FileBreakers::new(dir.path()).all();
        assert_eq!(others[0].standing, closed(4), "it is kept again");
    }

    #[test]
    fn whoever_holds_the_lock_for_too_long_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let breakers = FileBreakers::new(dir.path());
        breakers.change(&of("one"), &mut more);
        let stopped = File::open(dir.path().join(GATE)).unwrap();
        stopped.lock().unwrap();
        breakers.change(&of("one"), &mut more);
        let mut seen = Standing::default();
        breakers.change(&of("one"), &mut |standing| {
            seen = standing;
            standing
        });
        assert_eq!(seen, closed(2));
        // What was told meanwhile is not lost once it goes on.
        stopped.unlock().unwrap();
        breakers.change(&of("one"), &mut more);
        assert_eq!(FileBreakers::new(dir.path()).all()[0].standing, closed(3));
    }

    #[test]
    fn a_trial_ends_with_its_process() {
        let dir = tempfile::tempdir().unwrap();
        let breakers = FileBreakers::new(dir.path());
        let trial = Standing::HalfOpen { until_ms: u64::MAX, open_ms: 5 };
        breakers.change(&of("one"), &mut |_| trial);
        assert_eq!(FileBreakers::new(dir.path()).all()[0].standing, trial, "this process is there");
        let file = dir.path().join(FILE);
        let said = fs::read_to_string(&file).unwrap();
        // No system gives a process this number.
        let gone = said.replace(&format!("\"process\":{}", std::process::id()), "\"process\":4294967295");
        assert_ne!(said, gone);
        fs::write(&file, gone).unwrap();
        let over = FileBreakers::new(dir.path()).all()[0].standing;
        assert!(matches!(over, Standing::Open { until_ms, open_ms: 5 } if until_ms <= now_ms()), "{over:?}");
    }

    #[test]
    fn it_does_not_grow_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let breakers = FileBreakers::new(dir.path());
        breakers.change(&of("broken"), &mut |_| Standing::Open { until_ms: 1, open_ms: 1 });
        (0..MOST + 10).for_each(|n| breakers.change(&of(&format!("model {n}")), &mut more));
        let all = breakers.all();
        assert!(all.len() <= MOST, "{}", all.len());
        assert!(all.iter().any(|seen| seen.remote == of("broken")));
    }
}
