//! Connections of programs that speak gRPC, with TLS and without.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::{FutureExt, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::Sleep;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use crate::guard::Peer;
use crate::pace::{Place, Places, network};
use crate::serve::{next, stopped};

/// Connections at once, and of one address. The next one waits to be taken, or is not.
const CONNECTIONS: usize = 256;
const OF_ONE: usize = 64;
/// TLS has to be agreed on within this time, and something said within it after that.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// Connections that have begun and are not taken yet.
const WAITING: usize = 16;

/// A connection.
#[derive(Debug)]
pub(super) struct Line {
    stream: Wire,
    peer: SocketAddr,
    /// Runs until the first bytes come: what is behind this waits for them without an end.
    silent: Option<Pin<Box<Sleep>>>,
    _places: (Option<OwnedSemaphorePermit>, Place),
}

#[derive(Debug)]
enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// The connections that come until the server stops.
pub(super) fn lines(
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    mut stopping: watch::Receiver<bool>,
) -> impl Stream<Item = io::Result<Line>> {
    let (sender, receiver) = mpsc::channel(WAITING);
    let (places, of_one) = (Arc::new(Semaphore::new(CONNECTIONS)), Places::default());
    let taking = async move {
        let mut shaking = tokio::task::JoinSet::new();
        loop {
            let ((stream, peer), place) = tokio::select! {
                () = stopped(&mut stopping) => return,
                taken = next(&listener, &places) => taken,
            };
            // Who has many already is let go at once, and keeps nobody out.
            let Ok(own) = of_one.take("connections", &network(peer.ip()), OF_ONE) else {
                tracing::info!(%peer, "a connection is refused: {OF_ONE} of its address are there already");
                continue;
            };
            // Whoever takes long to agree on TLS keeps nobody waiting.
            let (acceptor, sender) = (acceptor.clone(), sender.clone());
            shaking.spawn(async move {
                if let Some(stream) = agreed(stream, acceptor, peer).await {
                    // Where nobody takes connections any more, the server stops.
                    let silent = Some(Box::pin(tokio::time::sleep(HEAD_WITHIN)));
                    sender.send(Ok(Line { stream, peer, silent, _places: (place, own) })).await.ok();
                }
            });
            while shaking.try_join_next().is_some() {}
        }
    };
    // It takes connections as long as somebody asks for the next one, and the channel ends with it.
    let mut taking = Box::pin(taking.fuse());
    let mut receiver = receiver;
    futures::stream::poll_fn(move |cx| {
        let _is_over = taking.poll_unpin(cx).is_ready();
        receiver.poll_recv(cx)
    })
}

async fn agreed(stream: TcpStream, acceptor: Option<TlsAcceptor>, peer: SocketAddr) -> Option<Wire> {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection may be slower than it need be");
    }
    let Some(acceptor) = acceptor else { return Some(Wire::Plain(stream)) };
    match tokio::time::timeout(HEAD_WITHIN, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => Some(Wire::Tls(Box::new(stream))),
        Ok(Err(error)) => {
            tracing::debug!(%error, %peer, "a connection has no TLS that fits");
            None
        }
        Err(_) => {
            tracing::debug!(%peer, "a connection did not begin in time");
            None
        }
    }
}

impl Connected for Line {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        Peer(self.peer)
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = match &mut self.stream {
            Wire::Plain(stream) => Pin::new(stream).poll_read(cx, into),
            Wire::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, into),
        };
        if read.is_ready() {
            self.silent = None;
            return read;
        }
        match &mut self.silent {
            Some(silent) => silent.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into())),
            None => Poll::Pending,
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Wire::Plain(stream) => Pin::new(stream).poll_write(cx, from),
            Wire::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, from),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Wire::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Wire::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Wire::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Wire::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}
