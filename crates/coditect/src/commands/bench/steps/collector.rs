//! A collector that takes all that it is sent, and looks at how much that is.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use coditect_ports::PortError;

/// What came.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Received {
    pub(super) bytes: u64,
    pub(super) spans: u64,
    pub(super) lines: u64,
}

#[derive(Debug, Default)]
struct Counts {
    bytes: AtomicU64,
    spans: AtomicU64,
    lines: AtomicU64,
}

/// It listens as long as the process lives.
#[derive(Debug)]
pub(super) struct Collector {
    address: SocketAddr,
    counts: Arc<Counts>,
}

impl Collector {
    /// Listens on a free port of this machine.
    pub(super) fn listen() -> Result<Self, PortError> {
        let failed = |error: std::io::Error| PortError::from_io("listening as a collector", &error);
        let listener = TcpListener::bind("127.0.0.1:0").map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let counts = Arc::<Counts>::default();
        let own = Arc::clone(&counts);
        let listen = move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let counts = Arc::clone(&own);
                let taking = std::thread::Builder::new().name("collector".to_owned());
                // A connection that is refused is one that counts as dropped.
                drop(taking.spawn(move || take(stream, &counts)));
            }
        };
        std::thread::Builder::new().name("collector".to_owned()).spawn(listen).map_err(failed)?;
        Ok(Self { address, counts })
    }

    /// Where it is.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What came so far.
    pub(super) fn received(&self) -> Received {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let Counts { bytes, spans, lines } = &*self.counts;
        Received { bytes: of(bytes), spans: of(spans), lines: of(lines) }
    }
}

/// Takes requests of one connection until it ends.
fn take(stream: TcpStream, counts: &Counts) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut line, mut length) = (String::new(), 0);
        while reader.read_line(&mut line).ok()? > 2 {
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            line.clear();
        }
        if length == 0 {
            return None;
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let body = String::from_utf8(body).ok()?;
        let count = |what: &str| body.matches(what).count() as u64;
        counts.bytes.fetch_add(body.len() as u64, Ordering::Relaxed);
        counts.spans.fetch_add(count("\"endTimeUnixNano\""), Ordering::Relaxed);
        counts.lines.fetch_add(count("\"severityNumber\""), Ordering::Relaxed);
        reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").ok()?;
    }
}
