#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod form;
mod load;
mod looks;
mod users;

use std::sync::atomic::Ordering;

use axum::body::{Body, Bytes, HttpBody};
use coditect_ports::Journal;
use coditect_types::{Event, MissionStatus};
use futures::StreamExt;
use tower::ServiceExt;

use super::*;
use crate::health::Rhythm;
use crate::trial::{Trial, ending, hostile, id, submitted};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const FORM: &str = "fedcba9876543210fedcba9876543210";
const OWN: &str = "http://127.0.0.1:7077";

/// A server without a socket.
struct Door {
    trial: Arc<Trial>,
    router: Router,
    stop: watch::Sender<bool>,
    _tasks: TaskTracker,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Door {
    fn open() -> Self {
        Self::with(Secrets::new(TOKEN, FORM).unwrap())
    }

    fn with(secrets: Secrets) -> Self {
        let trial = Arc::new(Trial::default());
        let (stop, stopping) = watch::channel(false);
        let tasks = TaskTracker::new();
        let house = Arc::clone(&trial) as Arc<dyn House>;
        let shared = Arc::new(Shared::new(
            house,
            secrets,
            Place { port: 7077, ..Place::default() },
            &tasks,
            &stopping,
        ));
        Self { trial, router: router(shared), stop, _tasks: tasks }
    }

    async fn ask(&self, request: Request) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn told(&self, request: Request) -> Answer {
        let response = self.ask(request).await;
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = axum::body::to_bytes(response.into_body(), 16 << 20).await.unwrap();
        Answer { status, headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    async fn get(&self, path: &str) -> Answer {
        self.told(asked(path).body(Body::empty()).unwrap()).await
    }

    async fn json(&self, path: &str) -> serde_json::Value {
        let answer = self.get(path).await;
        serde_json::from_str(&answer.text).unwrap_or_else(|error| panic!("{path}: {error}: {}", answer.text))
    }

    async fn post(&self, path: &str, origin: &str, form: &str) -> Answer {
        let request = asked(path).method("POST").header("origin", origin);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        self.told(request.body(Body::from(form.to_owned())).unwrap()).await
    }

    fn asked_of_it(&self) -> Vec<String> {
        self.trial.asked.lock().unwrap().clone()
    }
}

/// A request of the person's browser.
fn asked(path: &str) -> axum::http::request::Builder {
    Request::builder()
        .uri(path)
        .header("host", "127.0.0.1:7077")
        .header("cookie", format!("other=1; coditect-ui-7077={TOKEN}"))
}

#[tokio::test]
async fn only_who_has_the_token_is_let_in() {
    let door = Door::open();
    let plain = |path: &str| Request::builder().uri(path).header("host", "127.0.0.1:7077");
    for path in ["/", "/missions/m-1", "/missions/m-1/events", "/api/missions", "/metrics", "/nowhere"] {
        let answer = door.told(plain(path).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        assert!(answer.text.contains("coditect ui"), "{}", answer.text);
    }
    for path in [
        "/health/live",
        "/assets/app.js",
        "/assets/style.css",
        "/assets/icon.svg",
        "/assets/manifest.webmanifest",
    ] {
        assert_eq!(
            door.told(plain(path).body(Body::empty()).unwrap()).await.status,
            StatusCode::OK,
            "{path}"
        );
    }
    let other = plain("/").header("cookie", format!("coditect-ui-7078={TOKEN}; coditect-ui-7077={FORM}"));
    assert_eq!(door.told(other.body(Body::empty()).unwrap()).await.status, StatusCode::UNAUTHORIZED);
    let wrong = door.told(plain("/?token=x").body(Body::empty()).unwrap()).await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    let right = door.told(plain(&format!("//a?q=1&token={TOKEN}")).body(Body::empty()).unwrap()).await;
    assert_eq!(
        (right.status, &right.headers["location"]),
        (StatusCode::SEE_OTHER, &HeaderValue::from_static("/a?q=1"))
    );
    let cookie = right.headers["set-cookie"].to_str().unwrap();
    assert_eq!(cookie, format!("coditect-ui-7077={TOKEN}; Path=/; HttpOnly; SameSite=Strict"));
    let bearer = plain("/metrics").header("authorization", format!("Bearer {TOKEN}"));
    assert_eq!(door.told(bearer.body(Body::empty()).unwrap()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_name_of_somebody_else_that_leads_here_is_not_answered() {
    let door = Door::open();
    for path in ["/", "/health/live", "/assets/app.js"] {
        let request = asked(path).body(Body::empty()).unwrap();
        let (mut parts, body) = request.into_parts();
        parts.headers.insert("host", HeaderValue::from_static("evil.example:7077"));
        let answer = door.told(Request::from_parts(parts, body)).await;
        assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST, "{path}");
    }
}

#[tokio::test]
async fn every_answer_has_the_headers_that_keep_strangers_out() {
    let door = Door::open();
    let posted = door.post("/missions/m-1/cancel", "http://evil.example", "form=x").await;
    let (mut answers, paths) =
        (vec![posted], ["/", "/missions/m-1", "/api/missions/x", "/nowhere", "/metrics", "/assets/app.js"]);
    for path in paths {
        answers.push(door.get(path).await);
    }
    for answer in answers {
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"), "{policy}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert!(answer.headers.contains_key("cache-control") && answer.headers.contains_key("content-type"));
    }
}

/// What a project says stays text, whatever it says: on every page, for every event, in the past and at the end.
#[tokio::test]
async fn hostile_text_is_text() {
    let door = Door::open();
    let mission = id("m-1");
    let check = async |path: &str| {
        let answer = door.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
        let text = answer.text.replace("<script src=\"/assets/app.js\" defer></script>", "");
        assert!(!text.contains("<script") && !text.contains("<img"), "{path}: {text}");
        assert!(text.contains("&lt;script&gt;alert(1)"), "{path}: nothing of it is shown: {text}");
        let steers = text.find(|c: char| c == '\u{202e}' || (c.is_control() && c != '\n' && c != '\t'));
        assert_eq!(steers, None, "{path}");
        form::check(&answer.text);
        assert!(!text.contains(" style=") && !text.contains(" onclick="), "{path}: nothing is inline");
    };
    door.trial.append(&mission, hostile(&mission));
    check("/").await;
    check("/missions/m-1").await;
    check("/missions/m-1?at=4").await;
    door.trial.append(&mission, ending(MissionStatus::Verified));
    check("/").await;
    check("/missions/m-1").await;
    let searched = door.get("/?q=%3Cscript%3E%22%3E&status=").await;
    assert!(searched.text.contains("value=\"&lt;script&gt;&quot;&gt;\""), "{}", searched.text);
}

#[tokio::test]
async fn the_list_is_narrowed_by_status_and_words() {
    let door = Door::open();
    let empty = door.get("/").await;
    assert!(empty.text.contains("No mission yet"), "{}", empty.text);
    form::check(&empty.text);
    form::check(&door.get("/nowhere").await.text);
    for (n, words) in [(1, "fix the Rounding"), (2, "add a flag"), (3, "fix the flag")] {
        let mission = id(&format!("m-{n}"));
        door.trial.append(&mission, vec![submitted(&mission, words)]);
    }
    door.trial.append(&id("m-3"), ending(MissionStatus::Verified));
    let listed = async |query: &str| {
        let all = door.json(&format!("/api/missions?{query}")).await;
        let missions = all["missions"].as_array().unwrap_or_else(|| panic!("{all}")).clone();
        missions.iter().map(|one| one["mission"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(listed("").await.split(' ').count(), 3);
    assert_eq!(listed("q=FIX+rounding").await, "m-1");
    assert_eq!(listed("status=verified").await, "m-3");
    assert_eq!(listed("status=stopped&q=flag").await, "m-2");
    assert_eq!(listed("status=running").await, "");
    let page = door.get("/?q=rounding").await;
    assert!(page.text.contains("/missions/m-1") && !page.text.contains("/missions/m-2"), "{}", page.text);
    let bad = door.json("/api/missions?status=done").await;
    assert!(bad["error"]["hint"].as_str().unwrap().contains("partly_verified"), "{bad}");
    assert_eq!(door.get("/?page=many").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_is_not_there_is_said_to_be() {
    let door = Door::open();
    for path in
        ["/missions/m-1", "/missions/x", "/missions/m-1/events", "/nowhere", "/api/missions/m-1/records"]
    {
        assert_eq!(door.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let answer = door.json("/api/missions/m-1").await;
    assert_eq!((&answer["error"]["kind"], answer["error"]["hint"].is_string()), (&"not_found".into(), true));
    let mission = id("m-1");
    door.trial.append(&mission, hostile(&mission));
    assert_eq!(door.get("/missions/m-1?at=x").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(door.post("/metrics", OWN, "").await.status, StatusCode::METHOD_NOT_ALLOWED);
    // A record that this build cannot read is told, and hides no other mission.
    let other = id("m-2");
    door.trial.journal.append_now(&other, 0, vec![b"{\"from\":\"a newer version\"}".to_vec()]).unwrap();
    let bad = door.get("/missions/m-2").await;
    assert!(
        bad.status == StatusCode::INTERNAL_SERVER_ERROR && bad.text.contains("newer version"),
        "{}",
        bad.text
    );
    assert_eq!(door.get("/").await.status, StatusCode::OK);
    assert!(door.get("/metrics").await.text.contains("coditect_missions_left_out 1\n"));
}

#[tokio::test]
async fn state_is_shown_as_it_was() {
    let door = Door::open();
    let mission = id("m-1");
    door.trial.append(&mission, hostile(&mission));
    let now = door.get("/missions/m-1").await.text;
    assert!(now.contains("data-events=\"/missions/m-1/events?from=9\"") && now.contains(FORM), "{now}");
    assert!(now.contains("Question 1") && now.contains("value=\"ada\""), "{now}");
    let then = door.get("/missions/m-1?at=3").await.text;
    assert!(
        then.contains("how it stood at record 3 of 8") && then.contains("?at=2") && then.contains("?at=4"),
        "{then}"
    );
    assert!(then.contains("coditect fork m-1 --at 3"), "one can go on from there: {then}");
    let can_be_changed = then.contains("/cancel\"") || then.contains("/approvals/");
    assert!(!can_be_changed && !then.contains("data-events") && !then.contains("id=\"r4\""), "{then}");
    let (then, now) = (door.json("/api/missions/m-1?at=3").await, door.json("/api/missions/m-1?at=99").await);
    assert_eq!(
        (&then["last_seq"], &then["newest_seq"], &then["tasks"][0]["state"]),
        (&3.into(), &8.into(), &"running".into())
    );
    assert_eq!((&now["last_seq"], &now["violations"][0]["diagnosis"]["cause"]), (&8.into(), &"flaky".into()));
    assert_eq!(now["needs"]["2"][0], 1);
    assert_eq!(door.json("/api/missions/m-1?at=0").await["last_seq"], 1);
}

#[tokio::test]
async fn records_are_given_as_they_are_kept() {
    let door = Door::open();
    let mission = id("m-1");
    door.trial.append(&mission, hostile(&mission));
    let page = door.json("/api/missions/m-1/records?from=2&limit=3").await;
    let seqs: Vec<_> =
        page["records"].as_array().unwrap().iter().map(|record| record["seq"].as_u64().unwrap()).collect();
    assert_eq!((seqs, &page["next"], &page["newest_seq"]), (vec![2, 3, 4], &5.into(), &8.into()));
    let kept = door.trial.journal.read(&mission, 2, 1).unwrap().remove(0).1;
    assert_eq!(page["records"][0], serde_json::from_slice::<serde_json::Value>(&kept).unwrap());
    let end = door.json("/api/missions/m-1/records?from=9").await;
    assert_eq!((end["records"].as_array().unwrap().len(), end["next"].is_null()), (0, true));
}

#[tokio::test]
async fn what_changes_something_is_asked_by_an_own_form() {
    let door = Door::open();
    let mission = id("m-1");
    door.trial.append(&mission, hostile(&mission));
    let good = format!("form={FORM}&why=enough");
    let denied = StatusCode::FORBIDDEN;
    for (origin, form) in
        [("http://evil.example", good.as_str()), ("null", &good), ("http://127.0.0.1:1", &good)]
    {
        assert_eq!(door.post("/missions/m-1/cancel", origin, form).await.status, denied, "{origin}");
    }
    assert_eq!(door.post("/missions/m-1/cancel", OWN, &format!("form={TOKEN}")).await.status, denied);
    assert_eq!(
        door.post("/missions/m-1/cancel", OWN, "why=x").await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let long = format!("form={FORM}&why={}", "x".repeat(WORDS + 1));
    assert_eq!(door.post("/missions/m-1/cancel", OWN, &long).await.status, StatusCode::BAD_REQUEST);
    let huge = format!("form={FORM}&why={}", "x".repeat(FORM_BYTES));
    assert_eq!(door.post("/missions/m-1/cancel", OWN, &huge).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(door.get("/missions/m-1/cancel").await.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(door.asked_of_it(), Vec::<String>::new());

    let done = door.post("/missions/m-1/cancel", OWN, &good).await;
    assert!(done.status == StatusCode::OK && done.text.contains("cancelled m-1"), "{}", done.text);
    form::check(&done.text);
    let answer = format!("form={FORM}&verdict=approved&by=&why=it+was+%3Cb%3E");
    assert_eq!(door.post("/missions/m-1/approvals/1", OWN, &answer).await.status, StatusCode::OK);
    let unknown = door.post("/missions/m-1/approvals/7", OWN, &answer).await;
    assert!(
        unknown.status == StatusCode::NOT_FOUND && unknown.text.contains("no question 7"),
        "{}",
        unknown.text
    );
    let neither = format!("form={FORM}&verdict=maybe");
    assert_eq!(
        door.post("/missions/m-1/approvals/1", OWN, &neither).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert_eq!(door.asked_of_it(), ["cancel m-1: enough", "Approved m-1 1 by ada: it was <b>"]);
}

#[tokio::test]
async fn missions_are_begun_and_forked_by_an_own_form() {
    let door = Door::open();
    let good = format!("form={FORM}&request=fix+it&dir=%2Fproject&model=&budget_s=60");
    assert_eq!(door.post("/missions", "http://evil.example", &good).await.status, StatusCode::FORBIDDEN);
    let other = good.replacen(FORM, TOKEN, 1);
    assert_eq!(door.post("/missions", OWN, &other).await.status, StatusCode::FORBIDDEN);
    for bad in ["request=&dir=%2Fproject", "request=x&dir=", "request=x&dir=%2Fp&budget_s=soon"] {
        let answer = door.post("/missions", OWN, &format!("form={FORM}&{bad}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{bad}");
    }
    assert_eq!(door.get("/missions").await.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(door.asked_of_it(), Vec::<String>::new());

    let begun = door.post("/missions", OWN, &good).await;
    assert_eq!(
        (begun.status, &begun.headers["location"]),
        (StatusCode::SEE_OTHER, &"/missions/m-begun".parse().unwrap())
    );
    let nowhere = door.post("/missions", OWN, &good.replacen("%2Fproject", "%2Fnowhere", 1)).await;
    assert!(nowhere.status == StatusCode::NOT_FOUND && nowhere.text.contains("/nowhere"), "{}", nowhere.text);
    let forked = door
        .post("/missions/m-1/fork", OWN, &format!("form={FORM}&at=7&model=local/x&seed=9&budget_s="))
        .await;
    assert_eq!(forked.headers["location"], "/missions/m-forked");
    assert_eq!(
        door.asked_of_it(),
        [
            "begin fix it on /project: Terms { model: \"\", budget_s: Some(60), seed: None, id: None }",
            "fork m-1 at 7: Terms { model: \"local/x\", budget_s: None, seed: Some(9), id: None }",
        ]
    );
}

#[tokio::test]
async fn moments_and_missions_are_held_against_each_other() {
    let door = Door::open();
    for path in ["/missions/m-1/between?from=2&to=5", "/missions/m-1/compare?with=m-2"] {
        let page = door.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        form::check(&page.text);
        assert!(!page.text.contains("<img") && !page.text.contains('\u{202e}'), "{path}: {}", page.text);
        assert!(page.text.contains("nothing"), "{path}: what is not known is said: {}", page.text);
    }
    for (path, status) in [
        ("/missions/m-1/between?from=2&to=9", StatusCode::BAD_REQUEST),
        ("/missions/m-1/between?from=2", StatusCode::BAD_REQUEST),
        ("/missions/m-1/compare?with=%2Fetc", StatusCode::NOT_FOUND),
    ] {
        assert_eq!(door.get(path).await.status, status, "{path}");
    }
}

/// An event stream as a browser reads it.
struct Stream {
    body: std::pin::Pin<Box<dyn futures::Stream<Item = Result<Bytes, axum::Error>> + Send>>,
    text: String,
}

impl Stream {
    fn of(response: Response) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: Box::pin(response.into_body().into_data_stream()), text: String::new() }
    }

    /// The next event: its name, its id, and what it says. None: the stream has ended.
    async fn next(&mut self) -> Option<(String, u64, serde_json::Value)> {
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    event
                        .lines()
                        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                        .map(str::to_owned)
                };
                let found = field("id").map(|seq| {
                    let data = serde_json::from_str(&field("data").unwrap()).unwrap();
                    (field("event").unwrap(), seq.parse().unwrap(), data)
                });
                self.text = rest.to_owned();
                if found.is_some() {
                    return found;
                }
            }
            let more = self.body.next().await?.unwrap();
            self.text.push_str(std::str::from_utf8(&more).unwrap());
        }
    }

    async fn seqs(&mut self, n: usize) -> Vec<u64> {
        let mut all = Vec::new();
        while all.len() < n {
            all.push(self.next().await.unwrap().1);
        }
        all
    }
}

#[tokio::test]
async fn an_event_stream_resumes_follows_and_ends() {
    let door = Door::open();
    let mission = id("m-1");
    door.trial.append(&mission, hostile(&mission));
    let events = |last: &str| {
        let request = asked("/missions/m-1/events?from=1").header("last-event-id", last.to_owned());
        request.body(Body::empty()).unwrap()
    };
    let mut stream = Stream::of(door.ask(events("5")).await);
    let (name, seq, data) = stream.next().await.unwrap();
    assert_eq!((name.as_str(), seq, &data["type"]), ("record", 6, &"attempt.ended".into()));
    assert!(!data.to_string().contains('\u{202e}'), "{data}");
    assert_eq!(stream.seqs(2).await, [7, 8]);
    let follower = Stream::of(door.ask(events("8")).await);
    assert!(door.get("/metrics").await.text.contains("coditect_ui_watchers 2\n"));
    drop(follower);
    assert!(door.get("/metrics").await.text.contains("coditect_ui_watchers 1\n"));
    door.trial.append(&mission, ending(MissionStatus::Verified));
    assert_eq!(stream.seqs(2).await, [9, 10]);
    assert_eq!(stream.next().await.map(|(name, seq, _)| (name, seq)), Some(("ended".to_owned(), 11)));
    assert_eq!(stream.next().await, None);
    // A browser that asks again is told to stop asking.
    assert_eq!(door.told(events("11")).await.status, StatusCode::NO_CONTENT);
    assert_eq!(Stream::of(door.ask(events("9")).await).seqs(2).await, [10, 11]);
    assert_eq!(door.told(events("last")).await.status, StatusCode::BAD_REQUEST);
}

/// Who stops reading for a while keeps nobody waiting, and misses nothing.
#[tokio::test]
async fn a_slow_watcher_reads_later_what_it_missed() {
    let door = Door::open();
    let mission = id("m-1");
    door.trial.append(&mission, hostile(&mission));
    let events = || asked("/missions/m-1/events").body(Body::empty()).unwrap();
    let (mut slow, mut quick) = (Stream::of(door.ask(events()).await), Stream::of(door.ask(events()).await));
    assert_eq!((slow.seqs(8).await.len(), quick.seqs(8).await.len()), (8, 8));
    for n in 0..700_u64 {
        door.trial.append(&mission, vec![Event::MissionConcluding {}]);
        if n % 100 == 99 {
            assert_eq!(quick.seqs(100).await.last(), Some(&(9 + n)));
        }
    }
    assert_eq!(slow.seqs(700).await, (9..709).collect::<Vec<u64>>());
    // It ends with the server.
    door.stop.send_replace(true);
    assert_eq!((slow.next().await, quick.next().await), (None, None));
}

#[tokio::test]
async fn places_of_watchers_are_bounded_and_given_back() {
    let door = Door::open();
    let mission = id("m-1");
    door.trial.append(&mission, hostile(&mission));
    let mut open = Vec::new();
    for _ in 0..crate::follow::WATCHERS {
        open.push(door.ask(asked("/missions/m-1/events").body(Body::empty()).unwrap()).await);
    }
    let full = door.get("/missions/m-1/events").await;
    assert_eq!(full.status, StatusCode::TOO_MANY_REQUESTS, "{}", full.text);
    open.pop();
    let again = door.ask(asked("/missions/m-1/events").body(Body::empty()).unwrap()).await;
    assert_eq!((again.status(), again.body().is_end_stream()), (StatusCode::OK, false));
}

#[tokio::test]
async fn a_long_mission_is_shown_in_parts() {
    let door = Door::open();
    let mission = id("m-1");
    door.trial.append(&mission, hostile(&mission));
    door.trial.append(&mission, (0..10_000).map(|_| Event::MissionConcluding {}).collect());
    let page = door.get("/missions/m-1").await.text;
    assert!(
        page.contains("Records 9909 to 10008 of 10008") && page.contains("?from=9809#timeline"),
        "{}",
        page.len()
    );
    assert!(page.len() < 100_000, "{}", page.len());
    let first = door.get("/missions/m-1?from=1&at=300").await.text;
    assert!(
        first.contains("Records 1 to 100 of 10008") && first.contains("?from=101&amp;at=300#timeline"),
        "{first}"
    );
    assert!(!first.contains("id=\"records\""), "new records do not belong at its end");
}

/// A quick rhythm: what takes seconds otherwise is seen at once.
const QUICK: Rhythm = Rhythm {
    every: Duration::from_millis(10),
    within: Duration::from_millis(50),
    believed: Duration::from_millis(300),
};

#[tokio::test]
async fn it_is_ready_while_the_journal_can_be_read_and_until_it_is_to_stop() {
    let trial = Arc::new(Trial::default());
    trial.is_stuck.store(true, Ordering::Relaxed);
    let (stop, stopping) = watch::channel(false);
    let (tasks, secrets) = (TaskTracker::new(), Secrets::new(TOKEN, FORM).unwrap());
    let house = Arc::clone(&trial) as Arc<dyn House>;
    let place = Place { port: 7077, ..Place::default() };
    let shared = Shared::new(house, secrets, place, &tasks, &stopping).with_health(Health::new(QUICK));
    let shared = Arc::new(shared);
    let door = router(Arc::clone(&shared));
    let stands = async |what: &str| {
        let request = Request::builder().uri(format!("/health/{what}")).header("host", "127.0.0.1:7077");
        let answer = door.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        let told = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        let told: serde_json::Value = serde_json::from_slice(&told).unwrap();
        assert_eq!(headers.contains_key("retry-after"), status == StatusCode::SERVICE_UNAVAILABLE);
        (status.as_u16(), told)
    };
    let until = async |what: &str, status: u16| loop {
        let (stands, told) = stands(what).await;
        if stands == status {
            return told;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let told = until("ready", 503).await;
    assert_eq!(told["error"]["cause"], "the journal is being read");
    tasks.spawn(Arc::clone(&shared).look_after(tasks.clone(), stopping));
    assert_eq!(stands("startup").await.0, 503);
    trial.is_stuck.store(false, Ordering::Relaxed);
    assert_eq!(until("ready", 200).await["status"], "ready");
    assert_eq!(stands("startup").await.0, 200);
    // Once begun it has begun, whatever happens.
    trial.is_stuck.store(true, Ordering::Relaxed);
    let told = until("ready", 503).await;
    assert!(told["error"]["cause"].as_str().unwrap().contains("does not answer within"), "{told}");
    assert_eq!((stands("startup").await.0, stands("live").await.0), (200, 200));
    trial.is_stuck.store(false, Ordering::Relaxed);
    until("ready", 200).await;
    shared.health().leaves();
    assert_eq!(stands("ready").await.1["error"]["cause"], "the server is stopping");
    assert_eq!(stands("live").await.0, 200);
    stop.send_replace(true);
    tasks.close();
    tasks.wait().await;
}
