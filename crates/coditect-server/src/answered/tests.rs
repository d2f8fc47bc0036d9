#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use coditect_types::MissionStatus;
use futures::FutureExt;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::*;
use crate::guard::Secrets;
use crate::house::House;
use crate::routes::{Place, router};
use crate::trial::{Trial, ending, hostile, id};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A server without a socket.
struct Door {
    router: Router,
    shared: Arc<Shared>,
    _stop: watch::Sender<bool>,
}

impl Door {
    fn open() -> Self {
        let trial = Trial::default();
        trial.append(&id("m-live"), hostile(&id("m-live")));
        trial.append(&id("m-over"), hostile(&id("m-over")));
        trial.append(&id("m-over"), ending(MissionStatus::Failed));
        let (stop, stopping) = watch::channel(false);
        let secrets = Secrets::new(TOKEN, &"f".repeat(32)).unwrap();
        let house = Arc::new(trial) as Arc<dyn House>;
        let place = Place { port: 7077, ..Place::default() };
        let shared = Arc::new(Shared::new(house, secrets, place, &TaskTracker::new(), &stopping));
        Self { router: router(Arc::clone(&shared)), shared, _stop: stop }
    }

    async fn ask(&self, path: &str, token: &str) -> Response {
        self.router.clone().oneshot(asked(path, token)).await.unwrap()
    }

    /// The rows of a figure that is not zero, as they are scraped.
    async fn rows(&self, name: &str) -> Vec<String> {
        let answer = self.ask("/metrics", TOKEN).await;
        let text = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        let text = String::from_utf8(text.to_vec()).unwrap();
        let rows = text.lines().filter_map(|line| line.strip_prefix(name)).filter(|row| !row.ends_with(" 0"));
        rows.map(str::to_owned).collect()
    }
}

fn asked(path: &str, token: &str) -> Request {
    let request = Request::builder().uri(path).header("host", "127.0.0.1:7077");
    request.header("authorization", format!("Bearer {token}")).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn requests_are_counted_by_the_pattern_of_their_address() {
    let door = Door::open();
    for path in
        ["/", "/missions/m-live", "/missions/m-over", "/missions/m-none", "/api/missions", "/secret-name"]
    {
        door.ask(path, TOKEN).await;
    }
    door.ask("/missions/m-live", "wrong").await;
    assert_eq!(
        door.rows("coditect_http_requests_total").await,
        [
            "{route=\"/\",code=\"2xx\"} 1",
            "{route=\"/api/missions\",code=\"2xx\"} 1",
            "{route=\"/missions/{id}\",code=\"2xx\"} 2",
            "{route=\"/missions/{id}\",code=\"4xx\"} 2",
            "{route=\"nowhere\",code=\"4xx\"} 1",
        ]
    );
    let took = door.rows("coditect_http_request_duration_seconds_count").await;
    assert!(took.contains(&"{route=\"/missions/{id}\"} 4".to_owned()), "{took:?}");
    // The first scrape is seen by the second one.
    let scraped = door.rows("coditect_http_requests_total{route=\"/metrics\",code=\"2xx\"}").await;
    assert_eq!(scraped, [" 2"]);
}

#[tokio::test]
async fn who_is_not_let_in_is_counted_by_why() {
    let door = Door::open();
    door.ask("/", "wrong").await;
    door.ask("/api/missions", "wrong").await;
    let mut elsewhere = asked("/", TOKEN);
    elsewhere.headers_mut().insert(header::HOST, "evil.example".parse().unwrap());
    door.router.clone().oneshot(elsewhere).await.unwrap();
    let mut foreign = asked("/missions", TOKEN);
    *foreign.method_mut() = axum::http::Method::POST;
    door.router.clone().oneshot(foreign).await.unwrap();
    // What is not there is no refusal.
    door.ask("/missions/m-none", TOKEN).await;
    let told =
        ["{why=\"unknown\"} 2".to_owned(), "{why=\"denied\"} 1".to_owned(), "{why=\"host\"} 1".to_owned()];
    assert_eq!(door.rows("coditect_refusals_total").await, told);
    for (status, why) in [
        (StatusCode::TOO_MANY_REQUESTS, "too_many"),
        (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        (StatusCode::NOT_FOUND, "hidden"),
    ] {
        door.shared.doors().refused(status);
        let row = format!("coditect_refusals_total{{why=\"{why}\"}}");
        assert_eq!(door.rows(&row).await, [" 1"], "{status}");
    }
}

#[tokio::test]
async fn a_stream_counts_when_it_begins_and_its_length_does_not() {
    let door = Door::open();
    let stream = door.ask("/missions/m-live/events", TOKEN).await;
    assert_eq!(stream.status(), StatusCode::OK);
    let counted = door.rows("coditect_http_requests_total{route=\"/missions/{id}/events\"").await;
    assert_eq!(counted, [",code=\"2xx\"} 1"]);
    drop(stream);
    let timed =
        door.rows("coditect_http_request_duration_seconds_count{route=\"/missions/{id}/events\"").await;
    assert!(timed.is_empty(), "{timed:?}");
}

#[tokio::test]
async fn who_goes_away_before_the_answer_is_counted_too() {
    let door = Door::open();
    let never = || std::future::pending::<&'static str>();
    let slow = Router::new().route("/slow/{id}", get(never));
    let slow = slow.layer(from_fn_with_state(Arc::clone(&door.shared), counted));
    assert!(slow.oneshot(asked("/slow/1", TOKEN)).now_or_never().is_none());
    let told = door.rows("coditect_http_requests_total{route=\"/slow/{id}\"").await;
    assert_eq!(told, [",code=\"gone\"} 1"]);
}

#[test]
fn every_method_of_the_description_has_rows_from_the_beginning() {
    let text = include_str!("../../../coditect-api/proto/coditect/v1/missions.proto");
    let (mut service, mut described) = ("", Vec::new());
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("service ") {
            service = name.trim_end_matches(" {");
        }
        if let Some((name, _)) = line.strip_prefix("rpc ").and_then(|rest| rest.split_once('(')) {
            described.push(format!("{service}/{name}"));
        }
    }
    assert_eq!(described, METHODS[..METHODS.len() - 1]);
    let answered = Answered::default();
    let rows = |answered: &Answered| answered.figures()[2].points.len();
    assert_eq!(rows(&answered), 0, "there is no door for gRPC");
    answered.speaks_grpc();
    assert_eq!(rows(&answered), METHODS.len());
}
