//! Interrupts: the first asks for a clean stop, the second ends the process at once.

use std::time::{Duration, Instant};

use coditect_types::ErrorKind;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::report::{INTERRUPTED, Report};

/// A signal that comes again within this time is the same one: a supervisor that signals a process and its group
/// does that, and no finger is so fast.
const ECHO: Duration = Duration::from_millis(250);

/// SIGINT, SIGTERM and SIGHUP, from now on.
#[derive(Debug)]
pub(crate) struct Signals {
    all: [Signal; 3],
    first: Option<Instant>,
}

impl Signals {
    /// Listens. Call it inside a tokio runtime, before anything is begun.
    pub(crate) fn listen() -> Result<Self, Report> {
        let listen = |kind| {
            signal(kind).map_err(|error| {
                Report::new(ErrorKind::Unavailable, "listening for signals", error.to_string())
            })
        };
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let [int, term, hup] = kinds.map(listen);
        Ok(Self { all: [int?, term?, hup?], first: None })
    }

    /// Resolves at the next signal. May be dropped and called again.
    pub(crate) async fn next(&mut self) {
        let [int, term, hup] = &mut self.all;
        tokio::select! {
            _ = int.recv() => {}
            _ = term.recv() => {}
            _ = hup.recv() => {}
        }
        self.first.get_or_insert_with(Instant::now);
    }

    /// Waits for `work`; a second signal meanwhile ends the process at once. Everything that the process started dies
    /// with it, and the journal is whole at any moment.
    pub(crate) async fn or_exit<T>(&mut self, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = self.next() => {
                    if self.first.is_some_and(|first| first.elapsed() >= ECHO) {
                        leave();
                    }
                }
            }
        }
    }
}

#[allow(clippy::exit, reason = "the person pressed Ctrl-C twice: at once means at once")]
fn leave() -> ! {
    std::process::exit(i32::from(INTERRUPTED))
}
