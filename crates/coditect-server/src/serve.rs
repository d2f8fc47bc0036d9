//! Connections: how many, how long a request may take, and how the server stops.

mod patience;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use coditect_ports::PortError;
use coditect_types::ErrorKind;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use crate::follow::WATCHERS;
use crate::grpc::Grpc;
use crate::guard::{Peer, Secrets};
use crate::house::House;
use crate::metrics::Metrics;
use crate::pace::Pace;
use crate::routes::{self, Place, Shared};
use crate::serve::patience::Patient;
pub use tls::Tls;

/// Connections at once: one for each watcher, and some to ask with. The next one waits to be taken.
const CONNECTIONS: usize = WATCHERS + 200;
/// The head of a request has to be there within this time, and has this many bytes and lines at most.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
const HEAD_BYTES: usize = 16 << 10;
const HEAD_LINES: usize = 64;
/// Where the system has no handle for another connection, it is asked again after this.
const AGAIN: Duration = Duration::from_millis(100);
/// Connections are given this long to end when the server stops.
pub(crate) const STOP_WITHIN: Duration = Duration::from_millis(800);

/// What a server is called, and by what it proves that.
#[derive(Clone, Debug, Default)]
pub struct Ground {
    /// Names that it answers to beside those of the machine itself.
    pub hosts: Vec<String>,
    /// Its certificate; None: it speaks without TLS, and listens on a loopback address only.
    pub tls: Option<Tls>,
    /// Whether a proxy in front of it speaks TLS, so that browsers know it by `https`.
    pub is_behind_tls: bool,
    /// How long it answers on once it is told to stop, and says that it is not ready.
    pub leaves_within: Duration,
}

/// A server that listens and does not answer yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    metrics: Arc<Metrics>,
    pace: Arc<Pace>,
    grpc: Option<Grpc>,
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
        let (listener, address) = listen(address, "--listen 127.0.0.1:PORT").await?;
        Ok(Self { listener, address, metrics: Arc::default(), pace: Arc::default(), grpc: None })
    }

    /// The same with a door for gRPC beside it.
    #[must_use]
    pub fn with_grpc(self, grpc: Grpc) -> Self {
        Self { grpc: Some(grpc), ..self }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens for gRPC, if it does.
    #[must_use]
    pub fn grpc_address(&self) -> Option<SocketAddr> {
        self.grpc.as_ref().map(Grpc::address)
    }

    /// What it counts, for whoever sends that on.
    #[must_use]
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.metrics)
    }

    /// What it lets through, for doors that have the same users.
    #[must_use]
    pub fn pace(&self) -> Arc<Pace> {
        Arc::clone(&self.pace)
    }

    /// Answers until `until` resolves, then ends all streams and gives connections a moment.
    pub async fn run(
        self,
        house: Arc<dyn House>,
        secrets: Secrets,
        ground: Ground,
        until: impl Future<Output = ()>,
    ) {
        let (stop, stopping) = watch::channel(false);
        let tasks = TaskTracker::new();
        let place = Place::new(self.address.port(), &ground);
        let shared = Shared::new(house, secrets, place, &tasks, &stopping);
        let shared = Arc::new(shared.with_metrics(self.metrics).with_pace(self.pace));
        tasks.spawn(Arc::clone(&shared).look_after(tasks.clone(), stopping.clone()));
        let router = routes::router(Arc::clone(&shared));
        if let Some(grpc) = self.grpc {
            let lent = (router.clone(), Arc::clone(&shared));
            tasks.spawn(grpc.run(lent, tasks.clone(), stopping.clone()));
        }
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let acceptor = ground.tls.as_ref().map(Tls::acceptor);
        tokio::pin!(until);
        let mut leaving = None;
        loop {
            tokio::select! {
                () = &mut until, if leaving.is_none() => {
                    // Whoever sends requests here hears of it before the door is shut.
                    shared.health().leaves();
                    leaving = Some(Instant::now() + ground.leaves_within);
                }
                () = past(leaving) => break,
                ((stream, peer), place) = next(&self.listener, &places) => {
                    let spoken = (acceptor.clone(), router.clone(), stopping.clone());
                    tasks.spawn(connection(stream, peer, spoken, place));
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

/// Resolves once a moment has come, which may not be known yet.
async fn past(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Listens, and says where. `flag` names another port.
pub(crate) async fn listen(address: SocketAddr, flag: &str) -> Result<(TcpListener, SocketAddr), PortError> {
    let failed = |error: std::io::Error| {
        let doing = format!("listening on `{address}`");
        match error.kind() == std::io::ErrorKind::AddrInUse {
            true => PortError::new(ErrorKind::Conflict, format!("{doing}: another program has it"))
                .with_hint(format!("name another port with `{flag}`; port 0 is a free one")),
            false => PortError::from_io(&doing, &error),
        }
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// The next connection, once there is a place for it.
pub(crate) async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> ((TcpStream, SocketAddr), Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed.
    let place = Arc::clone(places).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok(connected) => return (connected, place),
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
pub(crate) async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    (acceptor, router, stopping): (Option<TlsAcceptor>, Router, watch::Receiver<bool>),
    _place: Option<OwnedSemaphorePermit>,
) {
    // Events are small, and are to be seen at once.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection may be slower than it need be");
    }
    let Some(acceptor) = acceptor else { return speak(stream, peer, router, stopping).await };
    match tokio::time::timeout(HEAD_WITHIN, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => speak(stream, peer, router, stopping).await,
        Ok(Err(error)) => tracing::debug!(%error, %peer, "a connection has no TLS that fits"),
        Err(_) => tracing::debug!(%peer, "a connection did not begin in time"),
    }
}

/// Answers what comes over a connection.
async fn speak<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    peer: SocketAddr,
    router: Router,
    mut stopping: watch::Receiver<bool>,
) {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN);
    builder.max_buf_size(HEAD_BYTES).max_headers(HEAD_LINES);
    let answers = TowerToHyperService::new(router);
    let answers = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        answers.call(request)
    });
    let serving = builder.serve_connection(TokioIo::new(Patient::new(stream)), answers);
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
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
    use rustls::{ClientConfig, RootCertStore};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_rustls::TlsConnector;

    use super::*;
    use crate::trial::Trial;

    /// A certificate for `localhost` by itself, and its key, PEM.
    fn certificate() -> (String, String) {
        let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        (own.cert.pem(), own.signing_key.serialize_pem())
    }

    /// What a client is told that trusts one certificate, and shows another where it has one.
    async fn asked(at: SocketAddr, root: &str, own: Option<&(String, String)>) -> std::io::Result<String> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(root.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let builder = builder.with_root_certificates(roots);
        let config = match own {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => {
                let chain = vec![CertificateDer::from_pem_slice(chain.as_bytes()).unwrap()];
                builder
                    .with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap())
                    .unwrap()
            }
        };
        let stream = TcpStream::connect(at).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        stream.write_all(b"GET /health/live HTTP/1.0\r\nhost: localhost\r\n\r\n").await?;
        let mut told = String::new();
        stream.read_to_string(&mut told).await?;
        Ok(told)
    }

    #[tokio::test]
    async fn a_door_with_tls_is_for_who_trusts_it_and_whom_it_trusts() {
        let (own, client, other) = (certificate(), certificate(), certificate());
        for roots in [None, Some(client.0.as_str())] {
            let tls = Tls::new(own.0.as_bytes(), own.1.as_bytes(), roots.map(str::as_bytes)).unwrap();
            let server = Server::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
            let at = server.address();
            let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
            let secrets = Secrets::users(&"f".repeat(32)).unwrap();
            let ground = Ground { tls: Some(tls), ..Ground::default() };
            let serving = server.run(Arc::new(Trial::default()), secrets, ground, async {
                stopped.await.ok();
            });
            let known = roots.map(|_| &client);
            let asking = async {
                assert!(asked(at, &own.0, known).await.unwrap().contains("live"), "{roots:?}");
                let untrusted = asked(at, &other.0, known).await;
                assert!(untrusted.is_err(), "another certificate than the one that is trusted");
                if roots.is_some() {
                    assert!(asked(at, &own.0, None).await.is_err(), "nobody without a certificate");
                    assert!(asked(at, &own.0, Some(&other)).await.is_err(), "nobody with another one");
                }
                // Who speaks without TLS is not answered.
                let mut plain = TcpStream::connect(at).await.unwrap();
                plain.write_all(b"GET /health/live HTTP/1.0\r\nhost: localhost\r\n\r\n").await.unwrap();
                let mut told = Vec::new();
                plain.read_to_end(&mut told).await.ok();
                assert!(!String::from_utf8_lossy(&told).contains("live"));
                drop(stop);
            };
            tokio::join!(serving, asking);
        }
    }

    /// Who is asked whether it is ready says that it is not, before it answers nobody any more.
    #[tokio::test]
    async fn a_door_that_is_to_stop_says_so_while_it_is_open_yet() {
        let server = Server::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let at = server.address();
        let ground = Ground { leaves_within: Duration::from_secs(600), ..Ground::default() };
        let secrets = Secrets::users(&"f".repeat(32)).unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let serving = server.run(Arc::new(Trial::default()), secrets, ground, async {
            stopped.await.ok();
        });
        let told = async || {
            let mut stream = TcpStream::connect(at).await.unwrap();
            stream.write_all(b"GET /health/ready HTTP/1.0\r\nhost: localhost\r\n\r\n").await.unwrap();
            let mut told = String::new();
            stream.read_to_string(&mut told).await.unwrap();
            told
        };
        let until = async |words: &str| {
            while !told().await.contains(words) {
                tokio::task::yield_now().await;
            }
        };
        let asking = async {
            until("200 OK").await;
            drop(stop);
            until("the server is stopping").await;
        };
        tokio::select! {
            () = serving => panic!("it has stopped"),
            () = asking => {}
        }
    }

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
