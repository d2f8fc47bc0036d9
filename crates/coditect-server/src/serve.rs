//! Connections: how many, how long a request may take, and how the server stops.

mod patience;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use coditect_ports::PortError;
use coditect_types::ErrorKind;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::task::TaskTracker;

use crate::follow::WATCHERS;
use crate::guard::Secrets;
use crate::house::House;
use crate::routes::{self, Shared};
use crate::serve::patience::Patient;

/// Connections at once: one for each watcher, and some to ask with. The next one waits to be taken.
const CONNECTIONS: usize = WATCHERS + 200;
/// The head of a request has to be there within this time, and has this many bytes and lines at most.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
const HEAD_BYTES: usize = 16 << 10;
const HEAD_LINES: usize = 64;
/// Where the system has no handle for another connection, it is asked again after this.
const AGAIN: Duration = Duration::from_millis(100);
/// Connections are given this long to end when the server stops.
const STOP_WITHIN: Duration = Duration::from_millis(800);

/// A server that listens and does not answer yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

/// Checks an address to listen on: `127.0.0.1:7077`, `127.0.0.1:0`, `[::1]:0`, `localhost:0`.
///
/// # Errors
/// It is no address and port, or not a loopback one.
pub fn loopback(text: &str) -> Result<SocketAddr, String> {
    let named = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    let address: SocketAddr = named
        .as_deref()
        .unwrap_or(text)
        .parse()
        .map_err(|_| format!("`{text}` is no address and port, such as `127.0.0.1:7077`"))?;
    if address.ip().is_loopback() {
        return Ok(address);
    }
    Err(format!(
        "`{}` can be reached from other machines; from there, use `ssh -L 7077:127.0.0.1:PORT` and `127.0.0.1`",
        address.ip()
    ))
}

impl Server {
    /// Listens. Port 0 is a free one. Call it inside a tokio runtime.
    ///
    /// # Errors
    /// The address cannot be had: `Conflict` where another program has it.
    pub async fn bind(address: SocketAddr) -> Result<Self, PortError> {
        let failed = |error: std::io::Error| {
            let doing = format!("listening on `{address}`");
            match error.kind() == std::io::ErrorKind::AddrInUse {
                true => PortError::new(ErrorKind::Conflict, format!("{doing}: another program has it"))
                    .with_hint("name another port with `--listen 127.0.0.1:PORT`; port 0 is a free one"),
                false => PortError::from_io(&doing, &error),
            }
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `until` resolves, then ends all streams and gives connections a moment.
    pub async fn run(self, house: Arc<dyn House>, secrets: Secrets, until: impl Future<Output = ()>) {
        let (stop, stopping) = watch::channel(false);
        let tasks = TaskTracker::new();
        let shared = Arc::new(Shared::new(house, secrets, self.address.port(), &tasks, &stopping));
        shared.make_ready(&tasks);
        let router = routes::router(shared);
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        tokio::pin!(until);
        loop {
            tokio::select! {
                () = &mut until => break,
                (stream, place) = next(&self.listener, &places) => {
                    tasks.spawn(connection(stream, router.clone(), stopping.clone(), place));
                }
            }
        }
        stop.send_replace(true);
        drop(self.listener);
        tasks.close();
        // What does not end by then is left to the end of the process: nothing here has anything to lose.
        if tokio::time::timeout(STOP_WITHIN, tasks.wait()).await.is_err() {
            tracing::debug!("connections were cut off");
        }
    }
}

/// The next connection, once there is a place for it.
async fn next(listener: &TcpListener, places: &Arc<Semaphore>) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed.
    let place = Arc::clone(places).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, place),
            Err(error) => {
                tracing::info!(%error, "a connection could not be taken");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

/// Resolves once the server is to stop, or is gone.
pub(crate) async fn stopped(stopping: &mut watch::Receiver<bool>) {
    stopping.wait_for(|stop| *stop).await.ok();
}

/// One connection, until it ends or the server stops.
async fn connection(
    stream: TcpStream,
    router: Router,
    mut stopping: watch::Receiver<bool>,
    _place: Option<OwnedSemaphorePermit>,
) {
    // Events are small, and are to be seen at once.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection may be slower than it need be");
    }
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN);
    builder.max_buf_size(HEAD_BYTES).max_headers(HEAD_LINES);
    let serving =
        builder.serve_connection(TokioIo::new(Patient::new(stream)), TowerToHyperService::new(router));
    tokio::pin!(serving);
    let ended = tokio::select! {
        ended = &mut serving => ended,
        () = stopped(&mut stopping) => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests {
    use super::loopback;

    #[test]
    fn only_loopback_addresses_are_listened_on() {
        for good in ["127.0.0.1:0", "localhost:7077", "[::1]:1", "127.1.2.3:9"] {
            assert!(loopback(good).is_ok(), "{good}");
        }
        for bad in [
            "0.0.0.0:80",
            "[::]:80",
            "192.168.1.2:80",
            "127.0.0.1",
            "7077",
            "",
            "example.org:80",
            "127.0.0.1:99999",
        ] {
            assert!(loopback(bad).is_err(), "{bad}");
        }
        assert!(loopback("0.0.0.0:80").unwrap_err().contains("ssh -L"));
    }
}
