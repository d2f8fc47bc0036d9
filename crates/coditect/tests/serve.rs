//! A server that several people use, with the real program at both ends.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]
#![allow(clippy::print_stderr, reason = "a test that is skipped must say so")]

mod world;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};
use world::{REQUEST, World, objects};

/// A server that runs on a world's missions.
struct Serve {
    child: Child,
    url: String,
    /// What it said when it began.
    told: Value,
}

impl Serve {
    fn open(world: &World, flags: &[&str]) -> Self {
        let mut command = world.command(&["serve", "--json", "--listen", "127.0.0.1:0"]);
        let mut child = command.args(flags).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(told["type"], "serve.listening");
        Self { child, url: told["url"].as_str().unwrap().to_owned(), told }
    }

    /// A command of a user on a machine that has nothing of the server's but its address.
    fn command(&self, elsewhere: &World, token: &str, args: &[&str]) -> Command {
        let mut command = elsewhere.command(args);
        command.env("CODITECT_SERVER", &self.url).env("CODITECT_TOKEN", token);
        command
    }

    fn ask(&self, elsewhere: &World, token: &str, args: &[&str]) -> Output {
        self.command(elsewhere, token, args).output().unwrap()
    }

    fn json(&self, elsewhere: &World, token: &str, args: &[&str]) -> Value {
        let output = self.ask(elsewhere, token, args);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{args:?}: {error}: {output:?}"))
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn token(world: &World, user: &str, flags: &[&str]) -> String {
    let made = world.json(&[&["token", "add", user, "--json"], flags].concat());
    made["token"].as_str().unwrap().to_owned()
}

/// Sends a request as a program of somebody's own would, and gives its status.
fn sent(serve: &Serve, token: &str, request: &str) -> u16 {
    use std::io::{Read, Write};
    let address = serve.url.strip_prefix("http://").unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(stream, "{request} HTTP/1.0\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\r\n").unwrap();
    let mut told = String::new();
    stream.read_to_string(&mut told).unwrap();
    told.split(' ').nth(1).unwrap().parse().unwrap()
}

/// Begins a mission as a program does; gives the status, and after how many seconds it is worth asking again.
fn begun(serve: &Serve, token: &str, dir: &str) -> (u16, Option<u64>) {
    use std::io::{Read, Write};
    let address = serve.url.strip_prefix("http://").unwrap();
    let body = json!({ "request": REQUEST, "dir": dir }).to_string();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST /api/missions HTTP/1.0\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut told = String::new();
    stream.read_to_string(&mut told).unwrap();
    let again = told.lines().find_map(|line| line.strip_prefix("retry-after: ")?.trim().parse().ok());
    (told.split(' ').nth(1).unwrap().parse().unwrap(), again)
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_team_uses_one_server_and_nobody_reaches_what_is_anothers() {
    let (world, elsewhere) = (World::new(), World::new());
    let ada = token(&world, "ada", &["--role", "operator"]);
    let eve = token(&world, "eve", &["--role", "operator"]);
    let grace = token(&world, "grace", &["--role", "viewer", "--of", "ada"]);
    let root = token(&world, "root", &["--role", "admin"]);
    let project = world.path("project").to_str().unwrap().to_owned();
    let before = world.git(&["status", "--porcelain"]);
    let serve = Serve::open(&world, &["--projects", &project]);

    // One who works on the server's directory from elsewhere.
    let ran = serve.ask(&elsewhere, &ada, &["run", "--json", "-C", &project, REQUEST]);
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    let records = objects(&ran.stdout);
    let (first, last) = (records.first().unwrap(), records.last().unwrap());
    assert_eq!((&first["policy"]["owner"], &last["status"]), (&json!("ada"), &json!("verified")));
    let mission = first["mission"].as_str().unwrap();
    assert_eq!(world.git(&["status", "--porcelain"]), before, "the person's tree");
    assert!(world.git(&["branch", "--list", "coditect/*"]).contains(mission));
    assert!(!elsewhere.path("home").exists(), "nothing is made where one only looks");

    // It is looked at from there as on the server, by whoever reaches it.
    for shown in [&ada, &grace, &root] {
        let list = serve.json(&elsewhere, shown, &["list", "--json"]);
        assert_eq!(list["missions"][0]["mission"], mission, "{list}");
        let view = serve.json(&elsewhere, shown, &["show", "last", "--json"]);
        assert_eq!(view["status"], "verified");
        let why = serve.ask(&elsewhere, shown, &["why", "last"]);
        assert!(String::from_utf8_lossy(&why.stdout).contains("verified"), "{why:?}");
    }
    assert_eq!(world.text(&["log", "last", "--owner", "ada"]), {
        let log = serve.ask(&elsewhere, &grace, &["log", "last"]);
        String::from_utf8(log.stdout).unwrap()
    });

    // Who does not reach it learns nothing of it.
    assert_eq!(serve.json(&elsewhere, &eve, &["list", "--json"])["all"], 0);
    for args in [&["show", mission][..], &["cancel", mission], &["log", mission]] {
        let refused = serve.ask(&elsewhere, &eve, args);
        assert_eq!(refused.status.code(), Some(2), "{args:?}: {refused:?}");
    }
    for path in ["", "/records", "/events", "/graph"] {
        assert_eq!(sent(&serve, &eve, &format!("GET /api/missions/{mission}{path}")), 404, "{path}");
    }
    let viewer = serve.ask(&elsewhere, &grace, &["run", "-C", &project, REQUEST]);
    assert_eq!(viewer.status.code(), Some(3), "{viewer:?}");
    assert!(stderr(&viewer).contains("viewer"), "{viewer:?}");
    let outside = elsewhere.path("project").to_str().unwrap().to_owned();
    for dir in [outside.as_str(), "/", "/no/such/place"] {
        let refused = serve.ask(&elsewhere, &eve, &["run", "-C", dir, REQUEST]);
        assert_eq!(refused.status.code(), Some(3), "{dir}: {refused:?}");
    }

    what_one_looks_through_is_ones_own(&world, &elsewhere, &serve, ([&ada, &grace, &root], mission));

    // What ada's mission taught is hers.
    let episodes =
        |args: &[&str]| world.json(&[args, &["memory", "stats", "--json"]].concat())["episodes"].clone();
    assert_eq!((episodes(&["--owner", "ada"]), episodes(&[])), (json!(1), json!(0)));

    the_book_has_it(&world, &elsewhere, &serve, [&ada, &eve, &grace, &root]);
}

/// What a project is made of is seen by who reaches a mission on it, as long as the server has its directory among its projects.
fn what_one_looks_through_is_ones_own(
    world: &World,
    elsewhere: &World,
    serve: &Serve,
    (tokens, mission): ([&String; 3], &str),
) {
    let [ada, grace, root] = tokens;
    let graph = format!("GET /api/missions/{mission}/graph?q=calc.py");
    for shown in tokens {
        assert_eq!((sent(serve, shown, &graph), sent(serve, shown, "GET /fleet")), (200, 200));
    }
    let outside = elsewhere.path("project").to_str().unwrap().to_owned();
    let other = Serve::open(world, &["--projects", &outside]);
    assert_eq!((sent(&other, ada, &graph), sent(&other, root, &graph)), (403, 200));
    let fleet = serve.json(elsewhere, grace, &["fleet", "--json"]);
    assert!(fleet["here"].is_null() && fleet["server"].is_null(), "{fleet}");
}

/// What was asked is written down; a token that is revoked opens nothing; a line that is changed is found.
fn the_book_has_it(world: &World, elsewhere: &World, serve: &Serve, tokens: [&String; 4]) {
    let [ada, ..] = tokens;
    // A token that is revoked opens nothing from now on.
    assert!(world.text(&["token", "revoke", "ada"]).contains("ada"));
    let gone = serve.ask(elsewhere, ada, &["list"]);
    assert_eq!(gone.status.code(), Some(3), "{gone:?}");
    assert!(stderr(&gone).contains("revoked"), "{gone:?}");

    let book = world.json(&["audit", "--json", "-n", "1000"]);
    let lines = book["lines"].as_array().unwrap();
    let of = |user: &str, allowed: bool| {
        lines.iter().filter(|line| line["user"] == user && line["allowed"] == allowed).count()
    };
    // The token that was revoked, and a directory that another server does not have.
    assert!(of("ada", true) >= 1 && of("ada", false) == 2, "{book:#}");
    assert!(of("eve", false) >= 3 && of("grace", false) == 1, "{book:#}");
    let head = book["head"].as_str().unwrap();
    assert!(world.text(&["audit", "--head", head]).contains(head));
    for secret in tokens {
        let secret = secret.rsplit('_').next().unwrap();
        assert!(!grep(&world.path("home"), secret), "a token is in a file");
    }
    let path = world.path("home/access/audit.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("\"allowed\":false", "\"allowed\":true ", 1)).unwrap();
    let changed = world.coditect(&["audit"]);
    assert_eq!(changed.status.code(), Some(1), "{changed:?}");
    assert!(stderr(&changed).contains("line "), "{changed:?}");
}

#[test]
fn a_mission_whose_process_is_killed_is_gone_on_with() {
    let (world, elsewhere) = (World::new(), World::new());
    let ada = token(&world, "ada", &["--role", "operator"]);
    let project = world.path("project").to_str().unwrap().to_owned();
    let serve = Serve::open(&world, &["--projects", &project]);
    let mut command = serve.command(&elsewhere, &ada, &["run", "--json", "-C", &project, REQUEST]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    let mission = first["mission"].as_str().unwrap().to_owned();
    // The process that has it, by what stands on its command line.
    let process = process_with(&mission).expect("it was over already");
    assert!(Command::new("kill").args(["-KILL", &process]).status().unwrap().success());
    child.kill().unwrap();
    child.wait().unwrap();
    let ended = (0..480).find_map(|_| {
        std::thread::park_timeout(std::time::Duration::from_millis(250));
        let view = serve.json(&elsewhere, &ada, &["show", &mission, "--json"]);
        view["status"].as_str().map(str::to_owned)
    });
    assert_eq!(ended.as_deref(), Some("verified"));
}

#[test]
fn who_begins_more_missions_than_there_is_room_for_is_told_when_to_come_again_and_gets_in() {
    let world = World::new();
    let ada = token(&world, "ada", &["--role", "operator"]);
    let project = world.path("project").to_str().unwrap().to_owned();
    let serve = Serve::open(&world, &["--projects", &project, "--missions", "1"]);
    let sent_away = std::sync::atomic::AtomicUsize::new(0);
    let begins = || loop {
        match begun(&serve, &ada, &project) {
            (201, _) => return,
            (429, Some(again_s)) => {
                sent_away.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                std::thread::park_timeout(std::time::Duration::from_secs(again_s));
            }
            other => panic!("{other:?}"),
        }
    };
    std::thread::scope(|scope| (0..3).for_each(|_| drop(scope.spawn(begins))));
    assert!(sent_away.into_inner() > 0, "there was room for all of them");
    let listed = serve.json(&world, &ada, &["list", "--json"]);
    assert_eq!(listed["missions"].as_array().unwrap().len(), 3);
}

#[test]
fn a_door_is_ready_while_its_journal_can_be_read() {
    let Some(nats) = coditect_testkit::nats::Server::start() else {
        return eprintln!("{}", coditect_testkit::nats::SKIPPED);
    };
    let world = World::new();
    token(&world, "ada", &["--role", "operator"]);
    let serve = Serve::open(&world, &["--nats", &nats.url()]);
    let until = |status: u16| {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(120);
        while sent(&serve, "", "GET /health/ready") != status {
            assert!(std::time::Instant::now() < deadline, "it does not become {status}");
            std::thread::park_timeout(std::time::Duration::from_millis(100));
        }
    };
    until(200);
    nats.pause();
    until(503);
    let others = ["GET /health/startup", "GET /health/live"].map(|path| sent(&serve, "", path));
    assert_eq!(others, [200, 200]);
    nats.go_on();
    until(200);
}

/// The process that has this as an argument of its own, and is no client.
fn process_with(argument: &str) -> Option<String> {
    std::fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let line = std::fs::read(entry.path().join("cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).into_owned();
        line.split('\0').any(|one| one == argument).then_some(name)
    })
}

/// Whether any file below a directory has these bytes.
fn grep(dir: &std::path::Path, text: &str) -> bool {
    let found = Command::new("grep").args(["-rqF", text]).arg(dir).status().unwrap();
    found.success()
}

#[test]
fn projects_are_a_boundary_upwards_and_sideways_too() {
    let (world, elsewhere) = (World::new(), World::new());
    let eve = token(&world, "eve", &["--role", "operator"]);
    let inner = world.path("project/inner");
    std::fs::create_dir(&inner).unwrap();
    std::fs::write(inner.join("calc.py"), "x = 1\n").unwrap();
    // One below which the repository is not, one that points elsewhere, and the server's own.
    let pointed = world.path("pointed");
    std::fs::create_dir(&pointed).unwrap();
    std::fs::write(pointed.join(".git"), format!("gitdir: {}\n", world.path("project/.git").display()))
        .unwrap();
    let tops = [inner, pointed, world.path("home")];
    let mut flags = vec!["--projects"];
    let names: Vec<String> = tops.iter().map(|top| top.to_str().unwrap().to_owned()).collect();
    flags.extend([names[0].as_str(), "--projects", &names[1], "--projects", &names[2]]);
    let serve = Serve::open(&world, &flags);
    for dir in &names {
        let refused = serve.ask(&elsewhere, &eve, &["run", "-C", dir, REQUEST]);
        assert_ne!(refused.status.code(), Some(0), "{dir}: {refused:?}");
        let told = stderr(&refused);
        assert!(told.contains("reach further") || told.contains("the state directory"), "{dir}: {told}");
    }
    assert!(world.git(&["branch", "--list", "coditect/*"]).is_empty());
    // A model that the server's person has not chosen is not asked with their key.
    let named = ["run", "-C", names[0].as_str(), "--model", "openai/gpt-x", REQUEST];
    let refused = serve.ask(&elsewhere, &eve, &named);
    assert!(stderr(&refused).contains("does not offer"), "{refused:?}");
}

#[test]
fn what_one_forgets_or_removes_is_ones_own() {
    let world = World::new();
    for args in
        [&["run", REQUEST][..], &["run", "--owner", "ada", REQUEST], &["run", "--owner", "eve", REQUEST]]
    {
        assert_eq!(world.coditect(args).status.code(), Some(0), "{args:?}");
    }
    let owners = || {
        let list = world.json(&["list", "--json"]);
        let mut all: Vec<Value> =
            list["missions"].as_array().unwrap().iter().map(|one| one["owner"].clone()).collect();
        all.sort_by_key(ToString::to_string);
        all
    };
    assert_eq!(owners(), [json!("ada"), json!("eve"), Value::Null]);
    // The newest is eve's; without a name one's own is meant.
    assert_eq!(world.json(&["show", "last", "--json"])["policy"]["owner"], Value::Null);
    assert_eq!(world.json(&["show", "last", "--json", "--owner", "ada"])["policy"]["owner"], "ada");
    world.text(&["memory", "forget", "--all", "--owner", "ada"]);
    assert_eq!(owners(), [json!("eve"), Value::Null]);
    world.text(&["memory", "forget", "--all"]);
    assert_eq!(owners(), [json!("eve")]);
    world.text(&["clean", "--all"]);
    assert_eq!(owners(), [json!("eve")]);
    world.text(&["clean", "--all", "--owner", "eve"]);
    assert!(owners().is_empty());
}

#[test]
fn what_a_server_cannot_do_is_not_done_here_in_its_place() {
    let world = World::new();
    let closed = world.coditect(&["serve"]);
    assert_eq!(closed.status.code(), Some(2), "{closed:?}");
    assert!(stderr(&closed).contains("coditect token add"), "{closed:?}");
    let with = |args: &[&str], token: &str| {
        let mut command = world.command(args);
        command.env("CODITECT_SERVER", "http://127.0.0.1:9");
        if !token.is_empty() {
            command.env("CODITECT_TOKEN", token);
        }
        command.output().unwrap()
    };
    for args in
        [&["apply", "last"][..], &["resume", "last"], &["clean", "--all"], &["fork", "last", "--at", "1"]]
    {
        let refused = with(args, "cdt_x");
        assert_eq!(refused.status.code(), Some(2), "{args:?}: {refused:?}");
    }
    let nobody = with(&["list"], "");
    assert!(stderr(&nobody).contains("CODITECT_TOKEN"), "{nobody:?}");
    let away = with(&["run", "-C", "/srv/project", REQUEST], "cdt_x");
    assert_eq!(away.status.code(), Some(1), "{away:?}");
    assert!(stderr(&away).contains("cannot be reached"), "{away:?}");
    let relative = with(&["run", REQUEST], "cdt_x");
    assert!(stderr(&relative).contains("in full"), "{relative:?}");
    let more = with(&["run", "-C", "/srv/project", "--seed", "7", REQUEST], "cdt_x");
    assert_eq!(more.status.code(), Some(2), "{more:?}");
    // What is about this machine is done here all the same.
    assert_eq!(with(&["config"], "").status.code(), Some(0));
    let named = world.coditect(&["config", "--server", "http://127.0.0.1:9"]);
    assert_eq!(named.status.code(), Some(2), "{named:?}");
}

#[test]
fn a_door_to_other_machines_has_a_certificate() {
    let world = World::new();
    token(&world, "root", &["--role", "admin"]);
    let open = world.coditect(&["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(open.status.code(), Some(2), "{open:?}");
    assert!(stderr(&open).contains("--tls-cert"), "{open:?}");
    std::fs::write(world.path("key.pem"), "no key\n").unwrap();
    let key = world.path("key.pem").to_str().unwrap().to_owned();
    Command::new("chmod").args(["644", &key]).status().unwrap();
    let shared = world.coditect(&["serve", "--tls-cert", &key, "--tls-key", &key]);
    assert_eq!(shared.status.code(), Some(3), "{shared:?}");
    Command::new("chmod").args(["600", &key]).status().unwrap();
    let none = world.coditect(&["serve", "--tls-cert", &key, "--tls-key", &key]);
    assert_eq!(none.status.code(), Some(2), "{none:?}");
    assert!(stderr(&none).contains("certificate"), "{none:?}");
}

/// A program that speaks gRPC begins a mission, follows it to its end, and sees what came of it.
#[test]
fn a_program_that_speaks_grpc_does_what_one_does_over_http() {
    use coditect_api::v1::missions_client::MissionsClient;
    use coditect_api::v1::{GetRequest, SubmitRequest, WatchRequest};
    use tonic::Request;
    use tonic::transport::Endpoint;

    let world = World::new();
    let ada = token(&world, "ada", &["--role", "operator"]);
    let project = world.path("project").to_str().unwrap().to_owned();
    let serve = Serve::open(&world, &["--projects", &project, "--grpc", "127.0.0.1:0"]);
    let grpc = serve.told["grpc"]["url"].as_str().unwrap().to_owned();
    fn by<T>(token: &str, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        request
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (mission, records, shown) = runtime.block_on(async {
        let channel = Endpoint::from_shared(grpc).unwrap().connect().await.unwrap();
        let mut client = MissionsClient::new(channel).max_decoding_message_size(64 << 20);
        let asked = SubmitRequest {
            request: REQUEST.to_owned(),
            directory: project.clone(),
            ..SubmitRequest::default()
        };
        let mission = client.submit(by(&ada, asked)).await.unwrap().into_inner().mission;
        let watch = WatchRequest { mission: mission.clone(), from: 1 };
        let mut stream = client.watch(by(&ada, watch)).await.unwrap().into_inner();
        let mut records = Vec::new();
        while let Some(record) = stream.message().await.unwrap() {
            records.push(record);
        }
        let get = GetRequest { mission: mission.clone(), at: None };
        let shown = client.get(by(&ada, get)).await.unwrap().into_inner();
        (mission, records, shown)
    });
    let seqs: Vec<u64> = records.iter().map(|record| record.seq).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    assert_eq!(records.last().unwrap().r#type, "mission.completed");
    assert_eq!((shown.status.as_str(), shown.owner.as_str()), ("verified", "ada"));
    assert!(shown.plan.iter().all(|task| task.state != "waiting" && task.state != "running"));
    assert!(
        shown.branch.contains(&mission) && world.git(&["branch", "--list", "coditect/*"]).contains(&mission)
    );
    let book = world.json(&["audit", "--json"]);
    assert!(book.to_string().contains("POST /api/missions"), "{book}");
}

#[test]
fn two_doors_let_a_user_through_as_one_would() {
    use coditect_testkit::{nats, redis};
    let Some(nats) = nats::Server::start() else { return eprintln!("{}", nats::SKIPPED) };
    let Some(redis) = redis::Server::start() else { return eprintln!("{}", redis::SKIPPED) };
    let world = World::new();
    let ada = token(&world, "ada", &["--role", "operator"]);
    let flags = ["--nats", &nats.url(), "--redis", &redis.url()];
    let doors = [Serve::open(&world, &flags), Serve::open(&world, &flags)];
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    // Each tells the other under a name, beside which stand the version and the list of names.
    while redis.ask("KEYS coditect:*pace*").matches("coditect:").count() < 4 {
        assert!(std::time::Instant::now() < deadline, "the doors do not know each other");
        std::thread::park_timeout(std::time::Duration::from_millis(50));
    }
    // The one that put last has been heard, too.
    std::thread::park_timeout(std::time::Duration::from_millis(2500));
    // It is refused for what it asks, and counted all the same.
    let begins = |door: &Serve| (0..15).filter(|_| sent(door, &ada, "POST /api/missions") == 429).count();
    assert_eq!(begins(&doors[0]), 0, "20 at once");
    std::thread::park_timeout(std::time::Duration::from_millis(2500));
    assert!(begins(&doors[1]) > 0, "20 at once, at both of them");
}
