//! A real server that speaks S3 (`moto_server` of PyPI), a door before it that can be shut in several ways, and servers that say one thing.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::time::Instant;

use super::super::super::part::{Source, read_all};
use super::super::*;

/// The program, where there is one.
fn program() -> Option<Command> {
    if let Some(folder) = std::env::var_os("CODITECT_TEST_MOTO").map(PathBuf::from) {
        let mut python = Command::new("python3");
        python.arg(folder.join("bin/moto_server")).env("PYTHONPATH", folder);
        return Some(python);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|dir| dir.join("moto_server"))
        .find(|file| file.is_file())
        .map(Command::new)
}

/// A server that runs; it ends with the value.
pub(super) struct Server {
    child: Child,
    pub(super) port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Server {
    /// None: there is none on this machine, which is said.
    pub(super) fn start() -> Option<Self> {
        let Some(mut program) = program() else {
            eprintln!(
                "skipped: CODITECT_TEST_MOTO names no folder with moto_server, and there is none on PATH"
            );
            return None;
        };
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = program
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { child, port };
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(60), "moto_server does not listen");
            std::thread::park_timeout(Duration::from_millis(50));
        }
        Some(server)
    }

    /// The same with a bucket.
    pub(super) fn with(bucket: &str) -> Option<Self> {
        let server = Self::start()?;
        assert_eq!(server.ask("PUT", &format!("/{bucket}"), b"").0, 200);
        Some(server)
    }

    pub(super) fn at(&self, address: &str) -> BucketAt {
        at_port(self.port, address)
    }

    /// One request, and its answer. The server asks for a signature, and does not look at it.
    pub(super) fn ask(&self, method: &str, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let signed = "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=x";
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: {signed}\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), answer.split_off(end + 4))
    }

    /// The names of all objects of a bucket.
    pub(super) fn names(&self, bucket: &str) -> Vec<String> {
        let (status, body) = self.ask("GET", &format!("/{bucket}?list-type=2"), b"");
        assert_eq!(status, 200);
        let text = String::from_utf8(body).unwrap();
        text.split("<Key>").skip(1).map(|rest| rest.split_once('<').unwrap().0.to_owned()).collect()
    }

    /// The names of those that are parts.
    pub(super) fn parts(&self, bucket: &str) -> Vec<String> {
        self.names(bucket).into_iter().filter(|name| name.ends_with(".parquet")).collect()
    }

    /// Everything that a bucket holds, as it is and unpacked.
    pub(super) fn texts(&self, bucket: &str) -> Vec<u8> {
        let mut all = Vec::new();
        for name in self.names(bucket) {
            let (status, body) = self.ask("GET", &format!("/{bucket}/{name}"), b"");
            assert_eq!(status, 200, "{name}");
            all.extend_from_slice(&body);
            all.extend(unpacked(&name, body));
        }
        all
    }
}

fn unpacked(name: &str, body: Vec<u8>) -> Vec<u8> {
    let rows = read_all(&Source::Bytes(name.to_owned(), body.into())).unwrap_or_default();
    rows.into_iter().flat_map(|row| [row.kept.body, row.kept.request.into_bytes()].concat()).collect()
}

/// Everything below a directory, as it is and unpacked.
pub(in crate::shelves::tests) fn texts_here(dir: &Path) -> Vec<u8> {
    let mut all = texts_below(dir);
    for entry in fs::read_dir(dir.join(COLD)).unwrap().flatten().filter(|entry| entry.path().is_file()) {
        all.extend(unpacked("part", fs::read(entry.path()).unwrap()));
    }
    all
}

pub(super) fn at_port(port: u16, address: &str) -> BucketAt {
    let endpoint = format!("http://127.0.0.1:{port}");
    let get = |name: &str| match name {
        "AWS_ENDPOINT_URL" => Some(endpoint.clone()),
        "AWS_ACCESS_KEY_ID" => Some("planted-key".to_owned()),
        "AWS_SECRET_ACCESS_KEY" => Some("planted-secret".to_owned()),
        "AWS_SESSION_TOKEN" => Some("planted-token".to_owned()),
        _ => None,
    };
    BucketAt::from_variables(address, get).unwrap()
}

/// How a door may be.
pub(super) const OPEN: usize = 0;
/// What each way of being shut says to whatever it is asked. Empty: it hangs up.
pub(super) const SHUT: [&str; 8] = [
    "",
    "",
    "HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\n\r\nnot found",
    "HTTP/1.1 404 Not Found\r\ncontent-length: 40\r\n\r\n<Error><Code>NoSuchBucket</Code></Error>",
    "HTTP/1.1 200 OK\r\ncontent-length: 18\r\n\r\n<html>Sign in now!",
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 503 Slow Down\r\ncontent-length: 0\r\n\r\n",
    "HTTP/1.1 403 Forbidden\r\ncontent-length: 41\r\n\r\n<Error><Code>InvalidKeyId</Code>x</Error>",
];

/// A door before a server.
pub(super) struct Door {
    pub(super) port: u16,
    state: Arc<AtomicUsize>,
    behind: Arc<AtomicU16>,
}

impl Door {
    pub(super) fn before(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (state, behind) = (Arc::new(AtomicUsize::new(OPEN)), Arc::new(AtomicU16::new(server.port)));
        let (of_door, leads_to) = (Arc::clone(&state), Arc::clone(&behind));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, state) = (stream.unwrap(), of_door.load(Ordering::SeqCst));
                let behind = leads_to.load(Ordering::SeqCst);
                std::thread::spawn(move || match state {
                    OPEN => pass(stream, behind),
                    shut => say(stream, SHUT[shut]),
                });
            }
        });
        Self { port, state, behind }
    }

    /// Another server answers at the same address from now on.
    pub(super) fn lead_to(&self, server: &Server) {
        self.behind.store(server.port, Ordering::SeqCst);
    }

    pub(super) fn set(&self, state: usize) {
        self.state.store(state, Ordering::SeqCst);
    }
}

fn pass(stream: TcpStream, port: u16) {
    let Ok(behind) = TcpStream::connect(("127.0.0.1", port)) else { return };
    let (mut from, mut to) = (stream.try_clone().unwrap(), behind.try_clone().unwrap());
    let there = std::thread::spawn(move || {
        std::io::copy(&mut from, &mut to).ok();
        to.shutdown(Shutdown::Write).ok();
    });
    let (mut from, mut to) = (behind, stream);
    std::io::copy(&mut from, &mut to).ok();
    to.shutdown(Shutdown::Both).ok();
    there.join().ok();
}

/// Reads what is asked, so that nobody is cut off, and says one thing.
fn say(mut stream: TcpStream, answer: &str) {
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let mut asked = [0; 65_536];
    while stream.read(&mut asked).is_ok_and(|read| read == asked.len()) {}
    stream.write_all(answer.as_bytes()).ok();
    stream.shutdown(Shutdown::Write).ok();
    std::io::copy(&mut stream.take(1 << 20), &mut std::io::sink()).ok();
}

/// A server that takes its time until it has read what it is sent, and then says one thing.
pub(super) fn slow(wait: Duration, answer: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            std::thread::park_timeout(wait);
            say(stream, answer);
        }
    });
    port
}

/// A server that says one thing to whatever it is asked.
pub(super) fn saying(answer: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            say(stream.unwrap(), answer);
        }
    });
    port
}
