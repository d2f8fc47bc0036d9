//! Whether a process can do what it is there for: looked at again and again, and told to whoever watches.
//!
//! `/health/live` says that the process answers, `/health/startup` that it has begun, `/health/ready` that it is worth sending something
//! here. What is not so is told with the reason, and with the time after which it is worth asking again.

use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use coditect_types::{ErrorKind, Refusal};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use crate::house::House;
use crate::refusal::{Oops, Reader};

/// What a process says of itself. It may be asked at any moment, and answers at once.
pub trait Vitals: Debug + Send + Sync {
    /// Whether it has begun.
    ///
    /// # Errors
    /// It has not: what it waits for.
    fn startup(&self) -> Result<(), Refusal>;

    /// Whether it is worth sending something to it now.
    ///
    /// # Errors
    /// It is not: why.
    fn ready(&self) -> Result<(), Refusal>;
}

/// The answer to whoever asks for one of these.
pub(crate) fn told(name: &str, stands: Result<(), Refusal>) -> Response {
    match stands {
        Ok(()) => {
            let body = format!("{}\n", json!({ "status": name }));
            ([(header::CONTENT_TYPE, "application/json")], body).into_response()
        }
        Err(refusal) => Oops::from(refusal).answer(Reader::Program),
    }
}

/// The answer of whoever can answer.
pub(crate) async fn live() -> Response {
    told("live", Ok(()))
}

/// How often it is looked, how long one look may take, and for how long a good one is believed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rhythm {
    pub(crate) every: Duration,
    pub(crate) within: Duration,
    pub(crate) believed: Duration,
}

impl Default for Rhythm {
    /// One look that goes wrong, as where a cluster chooses another leader, sends nobody away.
    fn default() -> Self {
        Self {
            every: Duration::from_secs(2),
            within: Duration::from_secs(3),
            // Two of the rhythm and two looks, and a little.
            believed: Duration::from_secs(11),
        }
    }
}

/// How a server stands.
#[derive(Debug)]
pub(crate) struct Health {
    rhythm: Rhythm,
    has_begun: AtomicBool,
    is_leaving: AtomicBool,
    seen: Mutex<Seen>,
    /// Of the look that is under way: one that hangs keeps others from hanging, too.
    turn: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Seen {
    /// When the last good look ended.
    good: Option<Instant>,
    /// What went wrong since.
    wrong: Option<String>,
}

impl Default for Health {
    fn default() -> Self {
        Self::new(Rhythm::default())
    }
}

impl Health {
    pub(crate) fn new(rhythm: Rhythm) -> Self {
        Self {
            rhythm,
            has_begun: AtomicBool::new(false),
            is_leaving: AtomicBool::new(false),
            seen: Mutex::default(),
            turn: Arc::new(Semaphore::new(1)),
        }
    }

    /// The journals were read once.
    pub(crate) fn has_begun(&self) {
        self.has_begun.store(true, Ordering::Relaxed);
    }

    /// It is about to stop: nobody is to send anything here any more.
    pub(crate) fn leaves(&self) {
        self.is_leaving.store(true, Ordering::Relaxed);
    }

    /// Looks for as long as it is polled. `begin` reads the journals for the first time, and is tried until it succeeds.
    pub(crate) async fn watch(&self, house: &Arc<dyn House>, begin: impl Fn() + Send) {
        loop {
            self.look(house).await;
            if !self.has_begun.load(Ordering::Relaxed) {
                // It takes as long as it takes, and one's own looks go on meanwhile.
                begin();
            }
            tokio::time::sleep(self.rhythm.every).await;
        }
    }

    async fn look(&self, house: &Arc<dyn House>) {
        let hangs = || format!("it does not answer within {} ms", self.rhythm.within.as_millis());
        let came = match Arc::clone(&self.turn).try_acquire_owned() {
            Err(_) => Err(hangs()),
            Ok(turn) => {
                let house = Arc::clone(house);
                let looking = tokio::task::spawn_blocking(move || {
                    let seen = house.look();
                    drop(turn);
                    seen
                });
                match timeout(self.rhythm.within, looking).await {
                    Ok(Ok(seen)) => seen.map_err(|refusal| {
                        // Whoever asks shows no token: addresses and paths are none of their business.
                        tracing::warn!(why = refusal.cause, "the journal cannot be read");
                        "the server's log says why".to_owned()
                    }),
                    Ok(Err(_)) => Err("looking at it broke; please report it".to_owned()),
                    Err(_) => Err(hangs()),
                }
            }
        };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match came {
            Ok(()) => *seen = Seen { good: Some(Instant::now()), wrong: None },
            Err(why) => seen.wrong = Some(why),
        }
    }
}

fn refusal(kind: ErrorKind, cause: impl Into<String>) -> Refusal {
    Refusal { kind, cause: cause.into(), hint: None }
}

impl Vitals for Health {
    fn startup(&self) -> Result<(), Refusal> {
        if self.has_begun.load(Ordering::Relaxed) {
            return Ok(());
        }
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        Err(match &seen.wrong {
            Some(why) => refusal(ErrorKind::Unavailable, format!("the journal cannot be read: {why}")),
            None => refusal(ErrorKind::Unavailable, "the journal is being read"),
        })
    }

    fn ready(&self) -> Result<(), Refusal> {
        if self.is_leaving.load(Ordering::Relaxed) {
            return Err(refusal(ErrorKind::Interrupted, "the server is stopping"));
        }
        self.startup()?;
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.good.is_some_and(|at| at.elapsed() <= self.rhythm.believed) {
            return Ok(());
        }
        let why = seen.wrong.as_deref().unwrap_or("it has not been looked at yet");
        Err(refusal(ErrorKind::Unavailable, format!("the journal cannot be read: {why}")))
    }
}
