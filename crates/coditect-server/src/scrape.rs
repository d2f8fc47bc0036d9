//! The door of processes that have nothing for browsers, such as workers: `/metrics` for Prometheus, and `/health/live`,
//! `/health/startup` and `/health/ready`.
//!
//! On a loopback address anybody of the machine may read it: there are counts of our own and nothing of a project. On any other
//! address whoever asks for figures must show a token, since how busy a machine is is nobody else's business.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use coditect_ports::PortError;
use coditect_types::{ErrorKind, Figure};
use tokio::sync::{Semaphore, watch};
use tokio_util::task::TaskTracker;

use crate::guard::{bearer, host_among, is_fit, is_same};
use crate::health::{self, Vitals};
use crate::metrics::text;
use crate::refusal::{Oops, Reader};
use crate::serve::{STOP_WITHIN, connection, listen, next};

/// Connections at once: a scraper has one.
const CONNECTIONS: usize = 16;

/// Reads the figures. It may take a lock for a moment, and nothing longer.
pub type Read = Arc<dyn Fn() -> Vec<Figure> + Send + Sync>;

/// A door that listens and does not answer yet.
#[derive(Debug)]
pub struct Scrape {
    listener: tokio::net::TcpListener,
    address: SocketAddr,
    token: Option<Token>,
}

#[derive(Clone)]
struct Token(Arc<str>);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

struct Shared {
    read: Read,
    vitals: Arc<dyn Vitals>,
    token: Option<Token>,
    is_loopback: bool,
}

impl Scrape {
    /// Listens. Port 0 is a free one. Call it inside a tokio runtime.
    ///
    /// # Errors
    /// The address cannot be had; `Denied` where it can be reached from other machines and there is no token; `Invalid` where the
    /// token is none.
    pub async fn bind(address: SocketAddr, token: Option<&str>) -> Result<Self, PortError> {
        if token.is_none() && !address.ip().is_loopback() {
            let cause =
                format!("`{address}` can be reached from other machines, and everybody could read it");
            return Err(PortError::new(ErrorKind::Denied, cause)
                .with_hint("add `--metrics-token-file FILE`, or listen on `127.0.0.1`"));
        }
        if token.is_some_and(|token| !is_fit(token)) {
            let cause = "the token is too short, or has other characters than letters and digits";
            return Err(
                PortError::new(ErrorKind::Invalid, cause).with_hint("remove its file, and one is made")
            );
        }
        let (listener, address) = listen(address, "--metrics 127.0.0.1:PORT").await?;
        Ok(Self { listener, address, token: token.map(|token| Token(token.into())) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `until` resolves.
    pub async fn run(self, (read, vitals): (Read, Arc<dyn Vitals>), until: impl Future<Output = ()>) {
        let (stop, stopping) = watch::channel(false);
        let tasks = TaskTracker::new();
        let is_loopback = self.address.ip().is_loopback();
        let shared = Arc::new(Shared { read, vitals, token: self.token, is_loopback });
        let router = router(shared);
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        tokio::pin!(until);
        loop {
            tokio::select! {
                () = &mut until => break,
                ((stream, peer), place) = next(&self.listener, &places) => {
                    let spoken = (None, router.clone(), stopping.clone());
                    tasks.spawn(connection(stream, peer, spoken, place));
                }
            }
        }
        stop.send_replace(true);
        tasks.close();
        // Nothing here has anything to lose.
        tokio::time::timeout(STOP_WITHIN, tasks.wait()).await.ok();
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/health/live", get(health::live))
        .route("/health/startup", get(startup))
        .route("/health/ready", get(ready))
        .fallback(|| async {
            refuse(ErrorKind::NotFound, "there is nothing at this address", StatusCode::NOT_FOUND)
        })
        .with_state(Arc::clone(&shared))
        .layer(from_fn_with_state(shared, guard))
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], text(&(shared.read)())).into_response()
}

async fn startup(State(shared): State<Arc<Shared>>) -> Response {
    health::told("started", shared.vitals.startup())
}

async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    health::told("ready", shared.vitals.ready())
}

/// Who is let in: on a loopback address, whoever does not come by another name of it; elsewhere, who shows the token.
async fn guard(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let mut answer = match admit(&shared, &request) {
        Ok(()) => next.run(request).await,
        Err(oops) => oops.answer(Reader::Program),
    };
    answer.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

fn admit(shared: &Shared, request: &Request) -> Result<(), Oops> {
    if shared.is_loopback {
        host_among(&[], request.headers())?;
    }
    let is_open = request.uri().path().starts_with("/health/");
    let shows = |token: &Token| bearer(request.headers()).is_some_and(|given| is_same(&token.0, &given));
    if is_open || shared.token.as_ref().is_none_or(shows) {
        return Ok(());
    }
    Err(Oops::new(ErrorKind::Denied, "this is for whoever has the token of `--metrics-token-file`")
        .with_status(StatusCode::UNAUTHORIZED))
}

fn refuse(kind: ErrorKind, cause: &str, status: StatusCode) -> Response {
    Oops::new(kind, cause).with_status(status).answer(Reader::Program)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

    use axum::body::{Body, to_bytes};
    use coditect_types::{Family, Point, Refusal};
    use tower::ServiceExt;

    use super::*;

    const TOKEN: &str = "0123456789abcdef0123456789abcdef";

    /// It has begun, and is cut off.
    #[derive(Debug)]
    struct Alone;

    impl Vitals for Alone {
        fn startup(&self) -> Result<(), Refusal> {
            Ok(())
        }

        fn ready(&self) -> Result<(), Refusal> {
            let cause = "its server cannot be reached".to_owned();
            Err(Refusal { kind: ErrorKind::Unavailable, cause, hint: None })
        }
    }

    async fn asked(of: (bool, Option<&str>), path: &str, headers: &[(&str, &str)]) -> (StatusCode, String) {
        let (is_loopback, token) = of;
        let read: Read = Arc::new(|| {
            let family = Family::gauge("coditect_worker_slots", "1", "Slots.");
            vec![Figure { family, points: vec![Point::plain(3)] }]
        });
        let token = token.map(|token| Token(token.into()));
        let mut request = Request::builder().uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let router = router(Arc::new(Shared { read, vitals: Arc::new(Alone), token, is_loopback }));
        let answer = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let status = answer.status();
        (status, String::from_utf8(to_bytes(answer.into_body(), 1 << 20).await.unwrap().into()).unwrap())
    }

    #[tokio::test]
    async fn figures_are_for_this_machine_or_whoever_has_the_token() {
        let here = ("host", "127.0.0.1:9");
        let (status, said) = asked((true, None), "/metrics", &[here]).await;
        assert_eq!(status, StatusCode::OK);
        assert!(said.ends_with("coditect_worker_slots 3\n"), "{said}");
        let elsewhere = ("host", "evil.example.org");
        assert_eq!(asked((true, None), "/metrics", &[elsewhere]).await.0, StatusCode::MISDIRECTED_REQUEST);
        let shown = format!("Bearer {TOKEN}");
        let shown = ("authorization", shown.as_str());
        let outside = (false, Some(TOKEN));
        assert_eq!(asked(outside, "/metrics", &[elsewhere, shown]).await.0, StatusCode::OK);
        assert_eq!(asked(outside, "/metrics", &[elsewhere]).await.0, StatusCode::UNAUTHORIZED);
        let wrong = ("authorization", "Bearer 0123456789abcdef0123456789abcdee");
        assert_eq!(asked(outside, "/metrics", &[elsewhere, wrong]).await.0, StatusCode::UNAUTHORIZED);
        assert_eq!(asked(outside, "/health/live", &[elsewhere]).await.0, StatusCode::OK);
        assert_eq!(asked(outside, "/health/startup", &[elsewhere]).await.0, StatusCode::OK);
        let (status, said) = asked(outside, "/health/ready", &[elsewhere]).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(said.contains("its server cannot be reached"), "{said}");
        assert_eq!(asked(outside, "/", &[elsewhere, shown]).await.0, StatusCode::NOT_FOUND);
        assert_eq!(asked((true, None), "/", &[here]).await.0, StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn what_others_can_reach_is_not_opened_without_a_token() {
        let address = "0.0.0.0:0".parse().unwrap();
        assert_eq!(Scrape::bind(address, None).await.unwrap_err().kind, ErrorKind::Denied);
        assert_eq!(Scrape::bind(address, Some("short")).await.unwrap_err().kind, ErrorKind::Invalid);
        assert!(Scrape::bind(address, Some(TOKEN)).await.is_ok());
        assert!(Scrape::bind("127.0.0.1:0".parse().unwrap(), None).await.is_ok());
    }
}
