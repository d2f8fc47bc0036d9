//! A fleet on three NATS servers and a Redis, with two doors on machines of their own, in which something dies all the time: every mission comes to a
//! truthful end, and what it hands over is there once.
//!
//! `CODITECT_CHAOS="missions=200 workers=50 seed=7"` makes it as large as wanted; what it saw is printed (`--no-capture`).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]
#![allow(
    clippy::print_stderr,
    reason = "a test that is skipped must say so, and one that measures what it saw"
)]

mod world;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{park_timeout, spawn};
use std::time::{Duration, Instant};

use coditect_adapters::journal::served::{Reach, Served};
use coditect_ports::Journal;
use coditect_testkit::nats::{SKIPPED, Server};
use coditect_testkit::redis;
use coditect_types::{ErrorKind, MissionId};
use serde_json::{Value, json};
use world::{REQUEST, World, objects};

/// How often something is killed.
const EVERY: Duration = Duration::from_secs(2);
/// How long it is away.
const AWAY: Duration = Duration::from_millis(700);
/// How long missions may take beyond the last kill: who was cut off is not heard for 20 s, and missions rest for 30 s.
const REST: Duration = Duration::from_secs(400);

/// How much of it there is.
struct Sizes {
    missions: usize,
    workers: usize,
    seed: u64,
}

impl Sizes {
    fn wanted() -> Self {
        let text = std::env::var("CODITECT_CHAOS").unwrap_or_default();
        let of = |name: &str, usual: u64| {
            let value = text.split_whitespace().find_map(|one| one.strip_prefix(name)?.strip_prefix('='));
            value.map_or(usual, |value| value.parse().unwrap())
        };
        Self { missions: of("missions", 4) as usize, workers: of("workers", 3) as usize, seed: of("seed", 1) }
    }
}

/// The next number of a sequence that a seed gives (Vigna's SplitMix64).
fn next(seed: &mut u64) -> usize {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 1) as usize
}

/// A process that is started again.
struct Part {
    begin: Box<dyn Fn() -> Command + Send>,
    child: Child,
}

impl Part {
    fn start(begin: impl Fn() -> Command + Send + 'static) -> Self {
        let child = launch(&begin);
        Self { begin: Box::new(begin), child }
    }

    fn kill(&mut self) {
        self.child.kill().ok();
        self.child.wait().unwrap();
    }

    fn again(&mut self) {
        self.child = launch(&self.begin);
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.kill();
    }
}

fn launch(begin: &(impl Fn() -> Command + ?Sized)) -> Child {
    begin().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// A door, a worker: what they are started with.
fn begins(world: &Arc<World>, home: PathBuf, args: Vec<String>) -> impl Fn() -> Command + Send + 'static {
    let world = Arc::clone(world);
    move || {
        let mut command = world.command(&args.iter().map(String::as_str).collect::<Vec<_>>());
        command.env("CODITECT_HOME", &home).current_dir(world.dir.path());
        command
    }
}

/// Everything that can be killed.
struct Sea {
    world: Arc<World>,
    servers: Vec<Server>,
    /// Where processes say what they have; None: on these servers.
    redis: Option<redis::Server>,
    doors: Vec<Part>,
    workers: Vec<Part>,
    /// The addresses of the doors, and what opens them.
    urls: String,
    token: String,
}

impl Sea {
    fn new(sizes: &Sizes, redis: Option<redis::Server>) -> Option<Self> {
        let servers = Server::start_cluster()?;
        let world = Arc::new(World::new());
        let nats: Vec<String> = servers.iter().map(Server::url).collect();
        std::fs::create_dir_all(world.path(".config/coditect")).unwrap();
        let mut settings = format!("nats = \"{}\"\nfleet = \"on\"\n", nats.join(","));
        if let Some(redis) = &redis {
            settings += &format!("redis = \"{}\"\n", redis.url());
        }
        std::fs::write(world.path(".config/coditect/config.toml"), settings).unwrap();
        let made = world.json(&["token", "add", "ada", "--json", "--role", "operator"]);
        let token = made["token"].as_str().unwrap().to_owned();
        // The second door knows the same users, and nothing else of the first.
        std::fs::create_dir_all(world.path("other")).unwrap();
        let (from, to) = (world.path("home/access"), world.path("other/access"));
        assert!(Command::new("cp").arg("-r").args([from, to]).status().unwrap().success());
        // Whoever opens the journal first makes it: a cluster takes some seconds to have a leader.
        let deadline = Instant::now() + Duration::from_secs(60);
        while !world.coditect(&["list"]).status.success() {
            assert!(Instant::now() < deadline, "the cluster has no leader");
            park_timeout(Duration::from_millis(500));
        }
        let ports: Vec<u16> = {
            let free: Vec<_> = (0..2).map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap()).collect();
            free.iter().map(|one| one.local_addr().unwrap().port()).collect()
        };
        let all = world.dir.path().canonicalize().unwrap().join("projects");
        std::fs::create_dir_all(&all).unwrap();
        let doors = ports.iter().zip(["home", "other"]).map(|(port, home)| {
            let args =
                ["serve", "--listen", &format!("127.0.0.1:{port}"), "--projects", all.to_str().unwrap()];
            Part::start(begins(&world, world.path(home), args.map(str::to_owned).into()))
        });
        let doors = doors.collect();
        let workers = (0..sizes.workers).map(|n| {
            let args = ["serve", "--role", "worker", "--slots", "1", "--name", &format!("w{n}")];
            Part::start(begins(&world, world.path(&format!("w{n}")), args.map(str::to_owned).into()))
        });
        let workers = workers.collect();
        let urls: Vec<String> = ports.iter().map(|port| format!("http://127.0.0.1:{port}")).collect();
        Some(Self { world, servers, redis, doors, workers, urls: urls.join(","), token })
    }

    fn served(&self) -> Served {
        let reach = Reach { url: self.urls.clone(), token: self.token.clone(), ..Reach::default() };
        Served::new(&reach).unwrap()
    }

    /// A client that begins a mission and stays with it.
    fn runs(&self, dir: &std::path::Path) -> Command {
        let mut command = self.world.command(&["run", "--json", "-C", dir.to_str().unwrap(), REQUEST]);
        command.env("CODITECT_SERVER", &self.urls).env("CODITECT_TOKEN", &self.token);
        command.env("CODITECT_HOME", self.world.path("nowhere"));
        command
    }

    /// Processes that have missions: children of the doors that go on without them.
    fn of_missions(&self) -> Vec<String> {
        let homes = [self.world.path("home"), self.world.path("other")];
        let is_one = |line: &str| {
            let words: Vec<&str> = line.split('\0').collect();
            let home = words
                .windows(2)
                .any(|two| two[0] == "--home" && homes.iter().any(|home| two[1] == home.to_str().unwrap()));
            home && words.iter().any(|word| *word == "run" || *word == "resume")
        };
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let found = processes.filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let line = std::fs::read(entry.path().join("cmdline")).ok()?;
            is_one(&String::from_utf8_lossy(&line)).then_some(name)
        });
        found.collect()
    }

    /// Kills one of all processes, and starts it again. Gives what it was.
    fn strike(&mut self, seed: &mut u64) -> &'static str {
        let missions = self.of_missions();
        let (servers, doors, workers) = (self.servers.len(), self.doors.len(), self.workers.len());
        let more = usize::from(self.redis.is_some());
        let at = next(seed) % (servers + doors + workers + missions.len() + more);
        if let (Some(redis), 0) = (&mut self.redis, at) {
            redis.kill();
            park_timeout(AWAY);
            redis.restart();
            return "the Redis";
        }
        let at = at - more;
        if let Some(server) = self.servers.get_mut(at) {
            server.kill();
            park_timeout(AWAY);
            server.restart();
            return "a NATS server";
        }
        let (at, what) = match at - servers {
            at if at < doors => (&mut self.doors[at], "a door"),
            at if at < doors + workers => (&mut self.workers[at - doors], "a worker"),
            // Nobody starts these again but a door.
            at => {
                let process = &missions[at - doors - workers];
                Command::new("kill").args(["-KILL", process]).stderr(Stdio::null()).status().unwrap();
                return "a mission's process";
            }
        };
        at.kill();
        park_timeout(AWAY);
        at.again();
        what
    }
}

/// Begins a mission and stays with it to its end. A user may begin so many in a while: whoever is told to ask again does.
fn begin(command: &mut Command) -> (std::process::Output, Option<String>) {
    loop {
        let ran = command.output().unwrap();
        let mission = objects(&ran.stdout).first().and_then(|one| one["mission"].as_str().map(str::to_owned));
        if mission.is_some() || !String::from_utf8_lossy(&ran.stderr).contains("ask again in") {
            return (ran, mission);
        }
        park_timeout(Duration::from_secs(2));
    }
}

/// A thread that asks the doors all the time, as a client does.
struct Asking {
    thread: std::thread::JoinHandle<Vec<String>>,
    ends: Arc<AtomicBool>,
    asked: Arc<AtomicU64>,
}

impl Asking {
    fn start(served: Served) -> Self {
        let (ends, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (end, count) = (Arc::clone(&ends), Arc::clone(&asked));
        let thread = spawn(move || {
            let mut unanswered = Vec::new();
            while !end.load(Ordering::Relaxed) {
                count.fetch_add(1, Ordering::Relaxed);
                if let Err(error) = served.streams() {
                    unanswered.push(error.to_string());
                }
                park_timeout(Duration::from_millis(100));
            }
            unanswered
        });
        Self { thread, ends, asked }
    }

    /// How many requests there were, and what was said of those that were not answered.
    fn end(self) -> (u64, Vec<String>) {
        self.ends.store(true, Ordering::Relaxed);
        (self.asked.load(Ordering::Relaxed), self.thread.join().unwrap())
    }
}

#[test]
fn whatever_dies_every_mission_comes_to_a_truthful_end() {
    let sizes = Sizes::wanted();
    let redis = redis::Server::start();
    if redis.is_none() {
        eprintln!("without a Redis: {}", redis::SKIPPED);
    }
    let Some(mut sea) = Sea::new(&sizes, redis) else { return eprintln!("{SKIPPED}") };
    let began = Instant::now();
    let projects: Vec<PathBuf> = (0..sizes.missions).map(|n| sea.world.one_of(n)).collect();
    let asking = Asking::start(sea.served());
    let (at, left) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(sizes.missions)));
    let begun = Arc::new(Mutex::new(BTreeMap::<usize, String>::new()));
    let clients: Vec<_> = (0..sizes.missions.min(24))
        .map(|_| {
            let (at, left, begun) = (Arc::clone(&at), Arc::clone(&left), Arc::clone(&begun));
            let mut all: Vec<Command> = projects.iter().map(|dir| sea.runs(dir)).collect();
            spawn(move || {
                loop {
                    let n = at.fetch_add(1, Ordering::SeqCst);
                    let Some(command) = all.get_mut(n) else { return };
                    let (ran, mission) = begin(command);
                    if let Some(mission) = mission {
                        begun.lock().unwrap().insert(n, mission);
                    } else {
                        eprintln!("p{n}: {}", String::from_utf8_lossy(&ran.stderr).trim());
                    }
                    left.fetch_sub(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    let (mut seed, mut strikes) = (sizes.seed, BTreeMap::<&str, u32>::new());
    while left.load(Ordering::SeqCst) > 0 {
        let until = Instant::now() + EVERY;
        *strikes.entry(sea.strike(&mut seed)).or_default() += 1;
        park_timeout(until.saturating_duration_since(Instant::now()));
        assert!(began.elapsed() < REST + Duration::from_secs(20) * sizes.missions as u32, "{strikes:?}");
    }
    clients.into_iter().for_each(|client| client.join().unwrap());
    let (asked, unanswered) = asking.end();
    let ended = all_ended(&sea);
    let took = began.elapsed().as_secs();
    eprintln!("{} missions, {} workers, {took} s; killed: {strikes:?}", sizes.missions, sizes.workers);
    eprintln!("asked {asked} times, unanswered {}: {unanswered:?}", unanswered.len());
    let mut of = BTreeMap::<&str, usize>::new();
    ended.iter().for_each(|one| *of.entry(one["status"].as_str().unwrap()).or_default() += 1);
    eprintln!("ended: {of:?}");
    assert_eq!(ended.len(), sizes.missions, "each was begun, and none twice");
    let verified = of.get("verified").copied().unwrap_or_default();
    assert!(verified * 10 >= sizes.missions * 9, "{of:?}");
    ended.iter().for_each(|one| is_truthful(&sea, one));
    assert!(unanswered.len() as u64 * 1_000 <= asked, "{unanswered:?}");
}

#[test]
fn a_mission_whose_machine_is_gone_is_gone_on_with_on_another() {
    let Some(mut sea) = Sea::new(&Sizes { missions: 1, workers: 1, seed: 0 }, None) else {
        return eprintln!("{SKIPPED}");
    };
    let project = sea.world.one_of(0);
    let client = sea.runs(&project).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    // It is under way, and what it works on is with the first door alone.
    let deadline = Instant::now() + Duration::from_secs(120);
    let process = loop {
        let listed = sea.world.json(&["list", "--json", "--owner", "ada"]);
        let first = &listed["missions"][0];
        if let (Some(mission), [process]) = (first["mission"].as_str(), sea.of_missions().as_slice())
            && sea.world.path("home/missions").join(mission).join("snapshot.json").exists()
        {
            break process.clone();
        }
        assert!(Instant::now() < deadline, "{listed}");
        park_timeout(Duration::from_millis(20));
    };
    drop(sea.doors.remove(0));
    assert!(Command::new("kill").args(["-KILL", &process]).status().unwrap().success());
    std::fs::rename(sea.world.path("home/missions"), sea.world.path("gone")).unwrap();
    // Whoever began it learns its end, from the other door.
    let ran = client.wait_with_output().unwrap();
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    let ended = all_ended(&sea);
    assert_eq!((ended.len(), ended[0]["status"].as_str()), (1, Some("verified")), "{ended:?}");
    is_truthful(&sea, &ended[0]);
    let mission = ended[0]["mission"].as_str().unwrap();
    assert!(sea.world.path("other/missions").join(mission).is_dir(), "it was brought there");
}

#[test]
fn a_mission_that_is_asked_for_twice_is_begun_once() {
    let Some(sea) = Sea::new(&Sizes { missions: 1, workers: 1, seed: 0 }, None) else {
        return eprintln!("{SKIPPED}");
    };
    let (project, other) = (sea.world.one_of(0), sea.world.one_of(1));
    let id = MissionId::from_parts(now_ms(), 7);
    let body = |dir: &std::path::Path, id: &str| json!({ "request": REQUEST, "dir": dir, "id": id });
    let served = sea.served();
    let begun = served.begin(&body(&project, id.as_str())).unwrap();
    assert_eq!(begun, id);
    assert_eq!(served.begin(&body(&project, id.as_str())).unwrap(), id, "asked twice");
    // Of the other door the same; it knows nothing of the first but the journal.
    let second = sea.urls.split(',').nth(1).unwrap().to_owned();
    let there = Served::new(&Reach { url: second, token: sea.token.clone(), ..Reach::default() }).unwrap();
    assert_eq!(there.begin(&body(&project, id.as_str())).unwrap(), id);
    let refused = |body: &Value| served.begin(body).unwrap_err().kind;
    assert_eq!(refused(&body(&other, id.as_str())), ErrorKind::Conflict, "another project");
    for bad in ["m-1", "m-zzzzzz0000000", "../x", &MissionId::from_parts(0, 7).to_string()] {
        assert_eq!(refused(&body(&project, bad)), ErrorKind::Invalid, "{bad}");
    }
    let ended = all_ended(&sea);
    assert_eq!(ended.len(), 1, "{ended:?}");
    is_truthful(&sea, &ended[0]);
}

fn now_ms() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

/// All missions, once each has ended.
fn all_ended(sea: &Sea) -> Vec<Value> {
    let deadline = Instant::now() + REST;
    loop {
        let listed = sea.world.json(&["list", "--json", "-n", "10000", "--owner", "ada"]);
        let missions = listed["missions"].as_array().unwrap();
        if missions.iter().all(|one| !one["ended_at_ms"].is_null()) {
            return missions.clone();
        }
        assert!(Instant::now() < deadline, "{listed:#}");
        park_timeout(Duration::from_secs(1));
    }
}

/// What a mission says is so: a change that it says it proved is there once, and passes.
fn is_truthful(sea: &Sea, listed: &Value) {
    let (mission, status) = (listed["mission"].as_str().unwrap(), listed["status"].as_str().unwrap());
    let project = PathBuf::from(listed["workspace"].as_str().unwrap());
    let branch = format!("coditect/{mission}");
    assert_eq!(sea.world.git_in(&project, &["status", "--porcelain"]).1, "", "{mission}");
    let branches =
        sea.world.git_in(&project, &["branch", "--list", "coditect/*", "--format=%(refname:short)"]).1;
    let log = sea.world.coditect(&["log", "--json", mission]);
    let ends = objects(&log.stdout).iter().filter(|one| one["type"] == "mission.completed").count();
    assert_eq!(ends, 1, "{mission}");
    if status != "verified" {
        assert!(branches.is_empty(), "{mission} is {status}, and left {branches}");
        return;
    }
    assert_eq!(branches, branch);
    assert_eq!(
        sea.world.git_in(&project, &["rev-list", "--count", &format!("main..{branch}")]).1,
        "1",
        "{mission}"
    );
    let out = sea.world.path(&format!("out-{mission}"));
    let added = sea.world.git_in(&project, &["worktree", "add", "-q", out.to_str().unwrap(), &branch]);
    assert!(added.0, "{mission}");
    let tests = Command::new("python3").args(["-m", "unittest", "-q"]).current_dir(&out).output().unwrap();
    assert!(tests.status.success(), "{mission}: {}", String::from_utf8_lossy(&tests.stderr));
}
