//! The dashboard of the real program, on real missions, with a plain client.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod world;

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use world::{REQUEST, UNSTEADY, World, objects};

/// A dashboard that runs.
struct Ui {
    child: Child,
    address: String,
    token: String,
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Ui {
    fn open(world: &World) -> Self {
        Self::open_with(world, &[])
    }

    fn open_with(world: &World, flags: &[&str]) -> Self {
        let mut command = world.command(&["ui", "--json"]);
        command.args(flags);
        let mut child =
            command.env("USER", "ada").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(told["type"], "ui.listening");
        let (address, url) = (told["address"].as_str().unwrap(), told["url"].as_str().unwrap());
        let token = url.strip_prefix(&format!("http://{address}/?token=")).unwrap().to_owned();
        Self { child, address: address.to_owned(), token }
    }

    fn port(&self) -> &str {
        self.address.rsplit(':').next().unwrap()
    }

    /// Sends a request and gives what comes, as it comes. HTTP/1.0: nothing is in pieces, and the end is the end.
    fn send(&self, request: &str, headers: &[&str], body: &str) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        let length = body.len();
        write!(stream, "{request} HTTP/1.0\r\n{headers}content-length: {length}\r\n\r\n{body}").unwrap();
        BufReader::new(stream)
    }

    fn told(&self, request: &str, headers: &[&str], body: &str) -> Answer {
        let mut all = String::new();
        self.send(request, headers, body).read_to_string(&mut all).unwrap();
        let (head, body) = all.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_lowercase(), body: body.to_owned() }
    }

    fn own(&self) -> [String; 2] {
        let cookie = format!("cookie: coditect-ui-{}={}", self.port(), self.token);
        [format!("host: {}", self.address), cookie]
    }

    fn get(&self, path: &str) -> Answer {
        let own = self.own();
        self.told(&format!("GET {path}"), &[&own[0], &own[1]], "")
    }

    fn page(&self, path: &str) -> String {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.page(path)).unwrap()
    }

    /// Sends a form as the mission's own page does.
    fn submit(&self, mission: &str, to: &str, fields: &str) -> Answer {
        self.submit_from(&format!("/missions/{mission}"), &format!("/missions/{mission}/{to}"), fields)
    }

    /// Sends a form of a page to an address.
    fn submit_from(&self, page: &str, to: &str, fields: &str) -> Answer {
        let page = self.page(page);
        let form = page.split("name=\"form\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        let own = self.own();
        let origin = format!("origin: http://{}", self.address);
        let kind = "content-type: application/x-www-form-urlencoded";
        let body = format!("form={form}&{fields}");
        self.told(&format!("POST {to}"), &[&own[0], &own[1], &origin, kind], &body)
    }

    /// The events of a mission, behind the one that was had last.
    fn events(&self, mission: &str, last: u64) -> Events {
        let own = self.own();
        let last = format!("last-event-id: {last}");
        let reader = self.send(&format!("GET /missions/{mission}/events"), &[&own[0], &own[1], &last], "");
        Events(reader.lines())
    }

    /// Stops it as a person does, and gives its exit code.
    fn stop(mut self) -> Option<i32> {
        Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Ui {
    /// A test that failed leaves no server behind.
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

struct Events(Lines<BufReader<TcpStream>>);

impl Iterator for Events {
    type Item = (String, u64);

    /// The name and the number of the next event.
    fn next(&mut self) -> Option<Self::Item> {
        let (mut name, mut seq) = (String::new(), 0);
        for line in self.0.by_ref() {
            let line = line.unwrap();
            if let Some(said) = line.strip_prefix("event: ") {
                said.clone_into(&mut name);
            } else if let Some(said) = line.strip_prefix("id: ") {
                seq = said.parse().unwrap();
            } else if line.is_empty() && seq > 0 {
                return Some((name, seq));
            }
        }
        None
    }
}

/// A mission under way, and its records as they come.
struct Mission {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Mission {
    fn begin(world: &World, args: &[&str]) -> Self {
        let mut command = world.command(&[&["run", "--json"], args].concat());
        command.env("CODITECT_ACT_FROM", "100");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// One that asks its person. Chance may have it that the test which passes now and then is steady as long as it is looked
    /// at, so that there is nothing to ask: then another one is begun.
    fn that_asks(world: &World) -> (Self, String) {
        std::fs::write(world.path("project/test_calc.py"), UNSTEADY).unwrap();
        for _ in 0..6 {
            let mut mission = Self::begin(world, &["--search-s", "10", REQUEST]);
            if let Some(asked) = mission.next("approval.asked") {
                return (mission, asked["mission"].as_str().unwrap().to_owned());
            }
            mission.code();
        }
        panic!("no mission had a question");
    }

    fn next(&mut self, kind: &str) -> Option<Value> {
        let records = self.lines.by_ref().map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
        let mut records = records.filter(|record| record["type"] == kind);
        records.next()
    }

    fn until(&mut self, kind: &str) -> Value {
        self.next(kind).unwrap_or_else(|| panic!("there is no {kind}"))
    }

    fn code(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

#[test]
fn a_mission_is_watched_to_its_end() {
    let world = World::new();
    let ui = Ui::open(&world);
    assert!(ui.page("/").contains("No mission yet"));
    let request = format!("{REQUEST} <script>alert(1)</script>\u{202e}");
    let mut mission = Mission::begin(&world, &[&request]);
    let id = mission.until("mission.submitted")["mission"].as_str().unwrap().to_owned();
    // Followed while another process writes it, from the first record to the last.
    let mut events: Vec<(String, u64)> = ui.events(&id, 0).collect();
    assert_eq!(mission.code(), Some(0));
    let last = world.json(&["show", "last", "--json"])["last_seq"].as_u64().unwrap();
    assert_eq!(events.pop(), Some(("ended".to_owned(), last)));
    assert!(events.into_iter().eq((1..last).map(|seq| ("record".to_owned(), seq))));
    // Who was away goes on behind what they had.
    assert_eq!(ui.events(&id, last - 2).map(|(_, seq)| seq).collect::<Vec<_>>(), [last - 1, last]);
    assert_eq!(ui.get(&format!("/missions/{id}/events?from={}", last + 1)).status, 204);

    let list = ui.json("/api/missions?status=verified");
    assert_eq!((&list["missions"][0]["mission"], &list["all"]), (&json!(id), &json!(1)));
    let page = ui.page(&format!("/missions/{id}"));
    for part in
        ["verified", "result + number", "test_calc.py::Total::test_some", "failed → passed", "exit code 0"]
    {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    assert!(
        !page.contains("<script>") && !page.contains('\u{202e}') && page.contains("&lt;script&gt;alert(1)")
    );
    let records = ui.json(&format!("/api/missions/{id}/records?limit=1000"));
    assert_eq!(
        *records["records"].as_array().unwrap(),
        objects(&world.coditect(&["log", "last", "--json"]).stdout)
    );
    // Back to where the tests were red, and no change was known.
    let then = ui.json(&format!("/api/missions/{id}?at=3"));
    assert!(then["status"].is_null() && then["proposal"].is_null() && then["newest_seq"] == last, "{then}");
    assert!(ui.page(&format!("/missions/{id}?at=3")).contains("how it stood at record 3"));
    let metrics = ui.page("/metrics");
    assert!(metrics.contains("coditect_missions{status=\"verified\"} 1\n"), "{metrics}");
    assert!(!metrics.contains("coditect_candidates_total{rung=\"reflex\"} 0\n"), "{metrics}");
    assert_eq!(ui.stop(), Some(130));
}

#[test]
fn a_project_is_looked_through_from_node_to_node() {
    let world = World::new();
    let name = "_script_alert_1_";
    std::fs::write(world.path(&format!("project/<b>{name}.py")), "import calc\n\ncalc.mean([1])\n").unwrap();
    assert_eq!(world.coditect(&["run", "--quiet", REQUEST]).status.code(), Some(0));
    let ui = Ui::open(&world);
    let mission = ui.json("/api/missions")["missions"][0]["mission"].as_str().unwrap().to_owned();
    let projects = ui.json("/api/graph");
    let dir = world.path("project");
    assert_eq!(projects["projects"][0]["directory"], dir.to_str().unwrap());
    assert!(ui.page("/graph").contains(&format!("href=\"/missions/{mission}/graph\"")));

    let api = format!("/api/missions/{mission}/graph");
    let whole = ui.json(&api);
    assert_eq!((&whole["size"]["files"], &whole["size"]["tests"]), (&json!(3), &json!(3)), "{whole}");
    assert_eq!(whole["answer"]["whole"]["hot"]["list"][0]["commits"], 1);
    let names = |list: &Value| -> Vec<String> {
        let list = list["list"].as_array().unwrap();
        let name = |one: &Value| one["node"]["name"].as_str().unwrap_or_default().to_owned();
        list.iter().map(name).collect()
    };
    // Who calls it, what it calls, which tests need it: each leads on.
    let total = ui.json(&format!("{api}?q=total"))["answer"]["one"].clone();
    let way = |way: &str| {
        let all = total["neighbours"].as_array().unwrap().iter();
        all.filter(|one| one["way"] == way).flat_map(|one| names(&one["nodes"])).collect::<Vec<_>>()
    };
    assert!(way("called by").contains(&"calc.py::mean".to_owned()), "{total}");
    assert!(names(&total["tests"]).contains(&"test_calc.py::Total::test_some".to_owned()), "{total}");
    let page = ui.page(&format!("/missions/{mission}/graph?q=total"));
    let link = format!("/missions/{mission}/graph?q=calc.py%3A%3Amean&amp;kind=function");
    assert!(page.contains(&link) && page.contains("<svg role=\"img\""), "{page}");
    let mean = ui.json(&format!("{api}?q=calc.py%3A%3Amean&kind=function"));
    assert_eq!(mean["answer"]["one"]["nodes"]["list"][0]["name"], "calc.py::mean");

    // A part of a name, nothing, and a name that somebody chose with care.
    let parts = ui.json(&format!("{api}?q=tot"))["answer"]["several"].clone();
    assert_eq!(parts["list"][0]["name"], "calc.py::total", "{parts}");
    assert!(ui.page(&format!("/missions/{mission}/graph?q=no_such_name")).contains("Nothing has that"));
    let hostile = ui.page(&format!("/missions/{mission}/graph?q={name}"));
    assert!(hostile.contains(&format!("&lt;b&gt;{name}")) && !hostile.contains("<b>"), "{hostile}");

    // It is the directory as it stands; where that is gone, it is said.
    std::fs::rename(&dir, world.path("moved")).unwrap();
    let gone = ui.get(&format!("/missions/{mission}/graph?q=total"));
    assert!(gone.status == 404 && gone.body.contains("moved or removed"), "{}", gone.body);
    let fleet = ui.page("/fleet");
    assert!(fleet.contains("There is no fleet") && fleet.contains("This machine"), "{fleet}");
}

#[test]
fn strangers_are_not_let_in() {
    let world = World::new();
    let (ui, other) = (Ui::open(&world), Ui::open(&world));
    let host = format!("host: {}", ui.address);
    assert_eq!(ui.told("GET /", &[&host], "").status, 401);
    let [_, cookie] = ui.own();
    assert_eq!(ui.told("GET /", &["host: evil.example", &cookie], "").status, 421);
    assert_eq!(ui.told("GET /health/live", &[&host], "").status, 200);
    let of_other = format!("cookie: coditect-ui-{}={}", ui.port(), other.token);
    assert_eq!(ui.told("GET /", &[&host, &of_other], "").status, 401);
    let entered = ui.told(&format!("GET /?token={}", ui.token), &[&host], "");
    assert_eq!(entered.status, 303);
    assert!(
        entered.head.contains("httponly; samesite=strict") && entered.head.contains("location: /\r\n"),
        "{}",
        entered.head
    );
    assert!(ui.get("/").head.contains("content-security-policy: default-src 'none'"));
    let foreign = ui.told("POST /missions/m-1/cancel", &[&host, &cookie, "origin: http://evil.example"], "");
    assert_eq!(foreign.status, 403);
    let taken = world.coditect(&["ui", "--listen", &ui.address]);
    let said = String::from_utf8(taken.stderr).unwrap();
    assert!(taken.status.code() == Some(1) && said.contains("another program has it"), "{said}");
    let open = world.coditect(&["ui", "--listen", "0.0.0.0:0"]);
    assert_eq!(open.status.code(), Some(2), "{open:?}");
    assert_eq!((ui.stop(), other.stop()), (Some(130), Some(130)));
}

#[test]
fn a_question_is_answered_on_its_page() {
    let world = World::new();
    let ui = Ui::open(&world);
    let (mut mission, id) = Mission::that_asks(&world);
    assert!(ui.page("/").contains("asks you: 1 question"));
    assert!(ui.page("/metrics").contains("coditect_approvals_open 1\n"));
    let answered = ui.submit(&id, "approvals/1", "verdict=approved&by=ada+%26+bob&why=it+was+random");
    assert_eq!(answered.status, 200, "{}", answered.body);
    let given = mission.until("approval.given");
    assert_eq!(
        (&given["verdict"], &given["by"], &given["why"]),
        (&json!("approved"), &json!("ada & bob"), &json!("it was random"))
    );
    mission.until("mission.completed");
    mission.code();
    let page = ui.page(&format!("/missions/{id}"));
    assert!(
        page.contains("approved by ada &amp; bob: it was random") && !page.contains("/approvals/"),
        "{page}"
    );
    assert_eq!(ui.stop(), Some(130));
}

#[test]
fn a_mission_is_ended_on_its_page() {
    let world = World::new();
    let ui = Ui::open(&world);
    // It waits for an answer, so that it is there to be ended.
    let (mut mission, id) = Mission::that_asks(&world);
    let ended = ui.submit(&id, "cancel", "why=not+now");
    assert!(ended.status == 200 && ended.body.contains(&format!("cancelled {id}")), "{}", ended.body);
    assert_eq!(mission.until("mission.completed")["status"], "cancelled");
    assert_eq!(mission.code(), Some(130));
    let late = ui.told(
        &format!("POST /missions/{id}/cancel"),
        &[
            &ui.own()[0],
            &ui.own()[1],
            &format!("origin: http://{}", ui.address),
            "content-type: application/x-www-form-urlencoded",
        ],
        "form=x",
    );
    assert_eq!(late.status, 403);
    assert!(ui.page("/?status=cancelled").contains(&id));
    assert_eq!(ui.stop(), Some(130));
}

#[test]
fn the_dashboard_is_measured() {
    let world = World::new();
    let bench = world.json(&["bench", "watch", "--quick", "--json"]);
    let results = &bench["results"];
    // 20 watch 50 steps of three events each, and none of them misses one.
    assert_eq!(results["event_to_screen_ms"]["n"], 20 * 50 * 3, "{bench}");
    assert_eq!(results["page_ms"]["n"], 20, "{bench}");
    assert!(results["first_page_ms"]["value"].as_f64().unwrap() > 0.0, "{bench}");
}

#[test]
fn a_token_for_metrics_stays_the_same_and_opens_nothing_else() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let file = world.path("token");
    let flags = ["--metrics-token-file", file.to_str().unwrap()];
    let first = Ui::open_with(&world, &flags).token.clone();
    let kept = std::fs::read_to_string(&file).unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let ui = Ui::open_with(&world, &flags);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), kept);
    assert!(ui.token != first && ui.token != kept.trim(), "the person's own is new each time");
    let host = format!("host: {}", ui.address);
    let shown = |token: &str| format!("authorization: Bearer {token}");
    let status = |request: &str, token: &str| ui.told(request, &[&host, &shown(token)], "").status;
    assert_eq!(status("GET /metrics", kept.trim()), 200);
    for other in ["GET /", "GET /api/missions", "POST /metrics", "POST /missions", "GET /metrics/../"] {
        assert_eq!(status(other, kept.trim()), 401, "{other}");
    }
    assert_eq!(
        ui.told("GET /metrics", &[&host, &format!("cookie: coditect-ui-{}={}", ui.port(), kept.trim())], "")
            .status,
        401
    );
    assert_eq!(status("GET /metrics", &ui.token), 200);
    drop(ui);
    let refused = |cause: &str| {
        let output = world.coditect(&["ui", "--metrics-token-file", file.to_str().unwrap()]);
        assert!(!output.status.success(), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(cause), "{output:?}");
    };
    std::fs::write(&file, "short").unwrap();
    refused("too short");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    refused("can be read by others");
}

#[test]
fn a_mission_is_begun_forked_and_held_against_its_fork_in_the_browser() {
    let world = World::new();
    let ui = Ui::open(&world);
    let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let post = |path: &str, fields: &str| ui.submit_from("/", path, fields);
    let begun_at = |answer: &Answer| {
        assert_eq!(answer.status, 303, "{}\n{}", answer.head, answer.body);
        let place = answer.head.lines().find_map(|line| line.strip_prefix("location: ")).unwrap();
        place.strip_prefix("/missions/").unwrap().to_owned()
    };
    let dir = encode(world.path("project").to_str().unwrap());
    let mission = begun_at(&post("/missions", &format!("request={}&dir={dir}", encode(REQUEST))));
    let ended = |mission: &str| {
        let watched = world.coditect(&["watch", mission, "--json", "--quiet"]);
        assert_eq!(watched.status.code(), Some(0), "{watched:?}");
        objects(&watched.stdout).pop().unwrap()
    };
    assert_eq!(ended(&mission)["status"], "verified");

    let fork = begun_at(&post(&format!("/missions/{mission}/fork"), "at=10&seed=4"));
    assert_eq!(ended(&fork)["status"], "verified");
    assert_eq!(world.json(&["show", &fork, "--json"])["forked_from"]["mission"], mission.as_str());
    let page = ui.get(&format!("/missions/{fork}"));
    assert!(page.body.contains(&format!("href=\"/missions/{mission}?at=")), "{}", page.body);
    let compared = ui.get(&format!("/missions/{fork}/compare?with={mission}"));
    assert!(compared.body.contains("the same in both"), "{}", compared.body);
    let changed = ui.get(&format!("/missions/{mission}/between?from=1&to=25"));
    assert!(
        changed.body.contains("3 green, 0 red") && changed.body.contains("result + number"),
        "{}",
        changed.body
    );

    // What cannot be begun is said with its cause, and a directory is named in full.
    for (dir, cause) in
        [("project", "no directory in full"), ("%2Fno%2Fsuch%2Fdirectory", "/no/such/directory")]
    {
        let refused = post("/missions", &format!("request=x&dir={dir}"));
        assert!(refused.status >= 400 && refused.body.contains(cause), "{}\n{}", refused.head, refused.body);
    }
    let late = post(&format!("/missions/{mission}/fork"), "at=9999");
    assert!(late.status >= 400 && late.body.contains("they are 1 to"), "{}", late.body);
}
