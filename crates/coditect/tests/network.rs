//! A fleet on a network that loses packets, delays them, sends them twice, and is cut: three NATS servers, two doors and workers, each on a
//! machine (a network namespace) of its own. Every mission comes to a truthful end, and whoever was cut off is back within seconds.
//!
//! `CODITECT_NETWORK="missions=20 workers=4 seed=7"` makes it as large as wanted; what it saw is printed (`--no-capture`).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]
#![allow(
    clippy::print_stderr,
    reason = "a test that is skipped must say so, and one that measures what it saw"
)]

#[path = "network/mod.rs"]
mod net;
mod world;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::park_timeout;
use std::time::{Duration, Instant};

use net::{Network, inside};
use serde_json::{Value, json};
use world::{REQUEST, World, objects};

/// How long what cannot be had at once is waited for.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long missions may take once everything has healed: a mission whose process gave up rests for a minute until another has it.
const REST: Duration = Duration::from_secs(300);
/// The door's port, on each machine.
const DOOR: &str = "http://127.0.0.1:7077";

const SKIPPED: &str = "skipped: it needs nats-server, user namespaces, iproute2 and /dev/net/tun";

/// A process that ends with the value.
struct Part(Child);

impl Part {
    fn is_there(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn start(command: &mut Command) -> Part {
    Part(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
}

/// A number of what is wanted, by its name.
fn wanted(name: &str, usual: u64) -> u64 {
    let text = std::env::var("CODITECT_NETWORK").unwrap_or_default();
    let value =
        text.split_whitespace().find_map(|one| one.strip_prefix(name)?.strip_prefix('=').map(str::to_owned));
    value.map_or(usual, |value| value.parse().unwrap())
}

fn next(seed: &mut u64, below: u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) % below
}

struct Fleet {
    /// The first to go: they write below the world.
    parts: Vec<Part>,
    network: Network,
    /// Machines with doors, by address and home.
    doors: Vec<(String, PathBuf)>,
    workers: Vec<String>,
    servers: Vec<String>,
    token: String,
    world: World,
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.parts.clear();
        // Missions go on without the door that began them.
        let homes: Vec<String> = self.doors.iter().map(|(_, home)| home.display().to_string()).collect();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).into_owned();
            if line.split('\0').any(|word| homes.iter().any(|home| word == home)) {
                let pid = entry.file_name().into_string().unwrap();
                Command::new("kill").args(["-KILL", &pid]).stderr(Stdio::null()).status().unwrap();
            }
        }
    }
}

impl Fleet {
    fn new(workers: u64, seed: u64) -> Self {
        let world = World::new();
        let at = |n: u64| format!("10.77.0.{n}");
        let servers: Vec<String> = (0..3).map(|n| at(n + 11)).collect();
        let machines: Vec<String> = (0..2).map(|n| at(n + 21)).collect();
        let workers: Vec<String> = (0..workers).map(|n| at(n + 31)).collect();
        let all: Vec<String> = servers.iter().chain(&machines).chain(&workers).cloned().collect();
        let network = Network::of(&world.path("net"), seed, &all);
        let nats: Vec<String> = servers.iter().map(|server| format!("nats://{server}:4222")).collect();
        std::fs::create_dir_all(world.path(".config/coditect")).unwrap();
        let settings = format!("nats = \"{}\"\nfleet = \"on\"\n", nats.join(","));
        std::fs::write(world.path(".config/coditect/config.toml"), settings).unwrap();
        let made = world.json(&["token", "add", "ada", "--json", "--role", "operator"]);
        let token = made["token"].as_str().unwrap().to_owned();
        std::fs::create_dir_all(world.path("other")).unwrap();
        let (from, to) = (world.path("home/access"), world.path("other/access"));
        assert!(Command::new("cp").arg("-r").args([from, to]).status().unwrap().success());
        let projects = world.path("projects");
        std::fs::create_dir_all(&projects).unwrap();
        let homes = [world.path("home"), world.path("other")];
        let doors: Vec<_> = machines.into_iter().zip(homes).collect();
        let mut fleet = Self { parts: Vec::new(), network, doors, workers, servers, token, world };
        fleet.parts = fleet.started(&projects);
        fleet
    }

    fn started(&self, projects: &Path) -> Vec<Part> {
        let mut parts: Vec<Part> = self.servers.iter().map(|server| self.nats(server)).collect();
        // Whoever opens the journal first makes it: a cluster takes some seconds to have a leader.
        let deadline = Instant::now() + PATIENCE;
        while !self.at(0, &["list"]).output().unwrap().status.success() {
            assert!(Instant::now() < deadline, "the cluster has no leader");
            park_timeout(Duration::from_millis(500));
        }
        for door in 0..self.doors.len() {
            let args = ["serve", "--listen", "127.0.0.1:7077", "--projects", projects.to_str().unwrap()];
            parts.push(start(&mut self.at(door, &args)));
        }
        for (n, worker) in self.workers.iter().enumerate() {
            let name = format!("w{n}");
            let mut command =
                self.world.command(&["serve", "--role", "worker", "--slots", "1", "--name", &name]);
            command.env("CODITECT_HOME", self.world.path(&name)).current_dir(self.world.dir.path());
            parts.push(start(&mut self.network.on(worker, &command)));
        }
        for door in 0..self.doors.len() {
            let deadline = Instant::now() + PATIENCE;
            while !self.asks(door, &["list"]).output().unwrap().status.success() {
                assert!(Instant::now() < deadline, "a door does not open");
                park_timeout(Duration::from_millis(500));
            }
        }
        parts
    }

    fn nats(&self, server: &str) -> Part {
        let folder = self.world.path(&format!("nats-{server}"));
        std::fs::create_dir_all(&folder).unwrap();
        let routes: Vec<String> = self.servers.iter().map(|one| format!("\"nats://{one}:6222\"")).collect();
        let text = format!(
            "listen: \"{server}:4222\"\nserver_name: \"{server}\"\njetstream {{ store_dir: {:?} }}\n\
             cluster {{ name: net, listen: \"{server}:6222\", routes: [{}] }}\n",
            folder.join("store"),
            routes.join(", ")
        );
        let file = folder.join("server.conf");
        std::fs::write(&file, text).unwrap();
        let mut command = Command::new(coditect_testkit::nats::program().unwrap());
        command.arg("-c").arg(file).env("HOME", self.world.dir.path());
        start(&mut self.network.on(server, &command))
    }

    /// The program on the machine of a door, by the journal itself.
    fn at(&self, door: usize, args: &[&str]) -> Command {
        let (address, home) = &self.doors[door];
        let mut command = self.world.command(args);
        command.env("CODITECT_HOME", home).current_dir(self.world.dir.path());
        self.network.on(address, &command)
    }

    /// The program on the machine of a door, by the door.
    fn asks(&self, door: usize, args: &[&str]) -> Command {
        let mut command = self.world.command(args);
        command.env("CODITECT_SERVER", DOOR).env("CODITECT_TOKEN", &self.token);
        command.env("CODITECT_HOME", self.world.path("nowhere")).current_dir(self.world.dir.path());
        self.network.on(&self.doors[door].0, &command)
    }

    /// Begins a mission by a door, and stays with it.
    fn runs(&self, door: usize, dir: &Path) -> Part {
        start(&mut self.asks(door, &["run", "--json", "-C", dir.to_str().unwrap(), REQUEST]))
    }

    /// The missions, as the machine of a door sees them; None where it cannot.
    fn listed(&self, door: usize) -> Option<Vec<Value>> {
        let ran = self.at(door, &["list", "--json", "-n", "10000", "--owner", "ada"]).output().unwrap();
        let told: Value = serde_json::from_slice(&ran.stdout).ok()?;
        told["missions"].as_array().filter(|_| ran.status.success()).cloned()
    }

    /// So many missions, once each has ended.
    fn all_ended(&self, count: usize) -> Vec<Value> {
        let deadline = Instant::now() + REST;
        loop {
            let missions = self.listed(0).unwrap_or_default();
            if missions.len() >= count && missions.iter().all(|one| !one["ended_at_ms"].is_null()) {
                return missions;
            }
            assert!(Instant::now() < deadline, "{missions:#?}");
            park_timeout(Duration::from_secs(1));
        }
    }

    /// What a mission says is so: a change that it says it proved is there once, and passes.
    fn is_truthful(&self, listed: &Value) {
        let (mission, status) = (listed["mission"].as_str().unwrap(), listed["status"].as_str().unwrap());
        let project = PathBuf::from(listed["workspace"].as_str().unwrap());
        let branch = format!("coditect/{mission}");
        assert_eq!(self.world.git_in(&project, &["status", "--porcelain"]).1, "", "{mission}");
        let branches =
            self.world.git_in(&project, &["branch", "--list", "coditect/*", "--format=%(refname:short)"]).1;
        let log = self.at(0, &["log", "--json", mission]).output().unwrap();
        let ends = objects(&log.stdout).iter().filter(|one| one["type"] == "mission.completed").count();
        assert_eq!(ends, 1, "{mission}");
        if status != "verified" {
            assert!(branches.is_empty(), "{mission} is {status}, and left {branches}");
            return;
        }
        assert_eq!(branches, branch);
        let own = format!("main..{branch}");
        assert_eq!(self.world.git_in(&project, &["rev-list", "--count", &own]).1, "1", "{mission}");
        let out = self.world.path(&format!("out-{mission}"));
        assert!(
            self.world.git_in(&project, &["worktree", "add", "-q", out.to_str().unwrap(), &branch]).0,
            "{mission}"
        );
        let tests =
            Command::new("python3").args(["-m", "unittest", "-q"]).current_dir(&out).output().unwrap();
        assert!(tests.status.success(), "{mission}: {}", String::from_utf8_lossy(&tests.stderr));
    }

    /// Lets one thing go wrong on one machine, and gives what.
    fn strikes(&mut self, seed: &mut u64) -> &'static str {
        let all: Vec<&String> =
            self.servers.iter().chain(self.doors.iter().map(|door| &door.0)).chain(&self.workers).collect();
        let at = all[next(seed, all.len() as u64) as usize].clone();
        let (what, rule) = match next(seed, 4) {
            0 => ("cut", json!({ "at": at, "cut": true })),
            1 => ("delay", json!({ "at": at, "delay_ms": 50 + next(seed, 300), "jitter_ms": 200 })),
            2 => ("loss", json!({ "at": at, "loss": 0.05 + next(seed, 25) as f64 / 100.0 })),
            _ => ("twice", json!({ "at": at, "twice": 0.3, "jitter_ms": 50 })),
        };
        self.network.obeys(&json!([rule]));
        what
    }
}

#[test]
fn however_the_network_is_every_mission_comes_to_a_truthful_end() {
    let test = "however_the_network_is_every_mission_comes_to_a_truthful_end";
    match (coditect_testkit::nats::program(), inside(test)) {
        (None, _) | (_, None) => return eprintln!("{SKIPPED}"),
        (_, Some(false)) => return,
        (_, Some(true)) => {}
    }
    let (missions, mut seed) = (wanted("missions", 4), wanted("seed", 1));
    let mut fleet = Fleet::new(wanted("workers", 2), seed);
    let began = Instant::now();
    let mut clients: Vec<Part> =
        (0..missions).map(|n| fleet.runs((n % 2) as usize, &fleet.world.one_of(n as usize))).collect();
    let mut strikes = BTreeMap::<&str, u32>::new();
    let most = Duration::from_secs(45) * u32::try_from(missions).unwrap();
    // Something goes wrong every second, for some seconds each, as long as somebody waits for a mission.
    while clients.iter_mut().any(Part::is_there) && began.elapsed() < most {
        for _ in 0..3 {
            *strikes.entry(fleet.strikes(&mut seed)).or_default() += 1;
            park_timeout(Duration::from_millis(500 + next(&mut seed, 2_000)));
        }
        fleet.network.heals();
        park_timeout(Duration::from_millis(next(&mut seed, 3_000)));
    }
    fleet.network.heals();
    let healed = Instant::now();
    while fleet.listed(0).is_none() || fleet.listed(1).is_none() {
        assert!(healed.elapsed() < REST, "a machine does not come back");
    }
    let back = healed.elapsed();
    let ended = fleet.all_ended(missions as usize);
    while clients.iter_mut().any(Part::is_there) {
        assert!(healed.elapsed() < 2 * REST, "a client does not learn the end of its mission");
        park_timeout(Duration::from_millis(100));
    }
    let mut of = BTreeMap::<&str, usize>::new();
    ended.iter().for_each(|one| *of.entry(one["status"].as_str().unwrap()).or_default() += 1);
    eprintln!(
        "{missions} missions, {} s: {strikes:?}; back in {back:.1?}; ended: {of:?}",
        began.elapsed().as_secs()
    );
    assert_eq!(ended.len() as u64, missions, "each was begun, and none twice");
    let verified = of.get("verified").copied().unwrap_or_default() as u64;
    assert!(verified * 4 >= missions * 3, "{of:?}");
    ended.iter().for_each(|one| fleet.is_truthful(one));
}

#[test]
fn whoever_was_cut_off_goes_on_soon_after() {
    let test = "whoever_was_cut_off_goes_on_soon_after";
    match (coditect_testkit::nats::program(), inside(test)) {
        (None, _) | (_, None) => return eprintln!("{SKIPPED}"),
        (_, Some(false)) => return,
        (_, Some(true)) => {}
    }
    let mut fleet = Fleet::new(1, 1);
    let (mut took, mut begun) = (Vec::new(), 0);
    for cut_s in [2, 8, 20] {
        // Now and then a mission ends before its machine is cut off: then another one is.
        let (mut client, stood, mission) = loop {
            let mut client = fleet.runs(0, &fleet.world.one_of(begun as usize));
            begun += 1;
            let mission = fleet.under_way(begun as usize, &mut client);
            let machine = fleet.doors[0].0.clone();
            fleet.network.obeys(&json!([{ "at": machine, "cut": true }]));
            park_timeout(Duration::from_secs(cut_s));
            match fleet.records(&mission) {
                Some((stood, false)) => break (client, stood, mission),
                _ => fleet.network.heals(),
            }
            fleet.ends(&mut client);
        };
        fleet.network.heals();
        let healed = Instant::now();
        while fleet.records(&mission).is_none_or(|(now, _)| now <= stood) {
            assert!(healed.elapsed() < REST, "it does not go on");
            park_timeout(Duration::from_millis(20));
        }
        took.push((cut_s, healed.elapsed()));
        fleet.ends(&mut client);
    }
    fleet.all_ended(begun as usize).iter().for_each(|one| fleet.is_truthful(one));
    took.iter().for_each(|(cut_s, took)| eprintln!("cut off for {cut_s} s: goes on {took:.1?} after that"));
}

impl Fleet {
    /// The newest of so many missions, once it is at work.
    fn under_way(&self, count: usize, client: &mut Part) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let listed = self.listed(1).unwrap_or_default();
            if let Some(mission) = listed.first().filter(|_| listed.len() == count) {
                let mission = mission["mission"].as_str().unwrap();
                if self.records(mission).is_some_and(|(n, _)| n >= 3) {
                    return mission.to_owned();
                }
            }
            assert!(client.is_there() && Instant::now() < deadline, "it does not begin");
            park_timeout(Duration::from_millis(20));
        }
    }

    /// How many records a mission has, as the second machine sees it, and whether it has ended. None: it cannot be told.
    fn records(&self, mission: &str) -> Option<(usize, bool)> {
        let log = self.at(1, &["log", "--json", mission]).output().unwrap();
        let records = objects(&log.stdout);
        let is_over = records.iter().any(|one| one["type"] == "mission.completed");
        log.status.success().then_some((records.len(), is_over))
    }

    fn ends(&self, client: &mut Part) {
        let deadline = Instant::now() + REST;
        while client.is_there() {
            assert!(Instant::now() < deadline, "a client does not learn the end of its mission");
            park_timeout(Duration::from_millis(50));
        }
    }
}
