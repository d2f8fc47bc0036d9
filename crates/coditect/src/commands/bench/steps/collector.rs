//! A collector that takes all that it is sent, and looks at how much that is.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use coditect_ports::PortError;

use crate::wiring::read_varint;

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
    let (mut line, mut body) = (String::new(), Vec::new());
    loop {
        let (mut length, mut path) = (0, String::new());
        line.clear();
        while reader.read_line(&mut line).ok()? > 2 {
            if path.is_empty() {
                path = line.split(' ').nth(1)?.to_owned();
            } else if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            line.clear();
        }
        if length == 0 {
            return None;
        }
        body.resize(length, 0);
        reader.read_exact(&mut body).ok()?;
        counts.bytes.fetch_add(length as u64, Ordering::Relaxed);
        match path.as_str() {
            "/v1/traces" => counts.spans.fetch_add(things(&body), Ordering::Relaxed),
            "/v1/logs" => counts.lines.fetch_add(things(&body), Ordering::Relaxed),
            _ => 0,
        };
        reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").ok()?;
    }
}

/// How many spans, or lines, are in a request: by resource (1), by scope (2), and of themselves (2). None of them is looked into, since what the
/// collector takes of the machine is taken from what is measured.
fn things(body: &[u8]) -> u64 {
    let scopes = each(body, 1).flat_map(|of_resource| each(of_resource, 2));
    scopes.map(|of_scope| each(of_scope, 2).count() as u64).sum()
}

/// The messages in a field, up to what is cut off or has another form.
fn each(of: &[u8], field: u64) -> impl Iterator<Item = &[u8]> {
    const MESSAGE: u64 = 2;
    let mut rest = of;
    std::iter::from_fn(move || {
        loop {
            let (key, more) = read_varint(rest)?;
            let (length, more) = read_varint(more).filter(|_| key & 7 == MESSAGE)?;
            let (bytes, more) = more.split_at_checked(usize::try_from(length).ok()?)?;
            rest = more;
            if key >> 3 == field {
                return Some(bytes);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::things;

    #[test]
    fn each_thing_of_a_request_is_counted() {
        let message = |field: u8, of: &[u8]| [&[field << 3 | 2, of.len() as u8], of].concat();
        let span = message(2, b"looks like nothing");
        let scope = [message(1, b"scope"), span.clone(), span.clone(), span].concat();
        let resource = [message(1, b"resource"), message(2, &scope)].concat();
        let body = [message(1, &resource), message(1, &resource)].concat();
        assert_eq!(things(&body), 6);
        assert_eq!([things(b""), things(b"{}"), things(&[0xff; 40])], [0; 3]);
        assert_eq!(things(&body[..body.len() - 1]), 3, "what is cut off is not counted");
    }
}
