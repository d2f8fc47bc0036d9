//! A copy of the graph on a real server that speaks Bolt answers as the graph does.
#![cfg(feature = "neo4j")]
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use coditect_adapters::GraphAt;
use coditect_adapters::graph::Neo4jGraph;
use coditect_testkit::chance::Chance;
use coditect_testkit::conformance::{self, ListedGraph};
use coditect_types::ErrorKind;

const PASSWORD: &str = "only-for-a-test";

/// A server in a directory of its own; it ends with the test.
struct Server {
    process: Child,
    port: u16,
    _dir: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// The unpacked package `arcadedb-embedded`, which holds a server and a Java of its own.
fn package() -> Option<PathBuf> {
    let named = std::env::var_os("CODITECT_TEST_ARCADEDB").map(PathBuf::from);
    named.filter(|folder| folder.join("jars").is_dir() && folder.join("jre/bin/java").is_file())
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Server {
    fn start(package: &Path) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (port, http) = (free_port(), free_port());
        let setting = |name: &str, value: &str| format!("-Darcadedb.{name}={value}");
        let process = Command::new(package.join("jre/bin/java"))
            .args(["-Xmx512m", "--add-modules", "jdk.incubator.vector"])
            .arg("--add-opens=java.base/java.nio.channels.spi=ALL-UNNAMED")
            .arg(setting("server.rootPath", dir.path().to_str().unwrap()))
            .arg(setting("server.rootPassword", PASSWORD))
            .arg(setting("server.defaultDatabases", "graph[root]"))
            .arg(setting("server.plugins", "BoltProtocolPlugin"))
            .arg(setting("bolt.host", "127.0.0.1"))
            .arg(setting("bolt.port", &port.to_string()))
            .arg(setting("server.httpIncomingHost", "127.0.0.1"))
            .arg(setting("server.httpIncomingPort", &http.to_string()))
            .arg("-cp")
            .arg(package.join("jars/*"))
            .arg("com.arcadedb.server.ArcadeDBServer")
            .current_dir(dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { process, port, _dir: dir };
        // It listens before it has its database.
        let began = Instant::now();
        let is_up = || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
                && Neo4jGraph::open(&server.at(), "nothing").unwrap().push(&ListedGraph::default()).is_ok()
        };
        while !is_up() {
            assert!(began.elapsed() < Duration::from_secs(120), "the server did not come up");
            std::thread::park_timeout(Duration::from_millis(200));
        }
        server
    }

    fn at(&self) -> GraphAt {
        GraphAt {
            url: format!("bolt://127.0.0.1:{}", self.port),
            user: "root".into(),
            password: PASSWORD.into(),
            database: Some("graph".into()),
        }
    }
}

#[test]
fn a_copy_answers_as_the_graph_does_and_only_what_changed_is_written() {
    let Some(package) = package() else {
        eprintln!("skipped: CODITECT_TEST_ARCADEDB names no unpacked `arcadedb-embedded`");
        return;
    };
    let server = Server::start(&package);
    let mut chance = Chance::new(7);
    let mut listed = ListedGraph::of(&mut chance, 700);
    let copy = Neo4jGraph::open(&server.at(), "one").unwrap();
    let other = Neo4jGraph::open(&server.at(), "another").unwrap();
    let of_other = ListedGraph::of(&mut chance, 30);
    let error = copy.push(&of_other).and_then(|_| other.push(&of_other)).err();
    assert_eq!(error, None);
    conformance::graph(&of_other, &copy);
    // A whole other graph in its place, and the other one is left alone.
    let pushed = copy.push(&listed).unwrap();
    assert_eq!((pushed.nodes, pushed.written), (700, 700));
    conformance::graph(&listed, &copy);
    conformance::graph(&of_other, &other);
    for _ in 0..4 {
        listed.change(&mut chance);
        let pushed = copy.push(&listed).unwrap();
        assert!(pushed.written > 0 && pushed.written < 60 && pushed.gone > 0, "{pushed:?}");
        conformance::graph(&listed, &copy);
        assert_eq!(copy.push(&listed).unwrap().written, 0);
    }
    let wrong = GraphAt { password: "wrong".into(), ..server.at() };
    let error = Neo4jGraph::open(&wrong, "one").unwrap().push(&listed).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied, "{error}");
    let url = format!("bolt://127.0.0.1:{}", free_port());
    let error = Neo4jGraph::open(&GraphAt { url, ..server.at() }, "one").unwrap().push(&listed).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
}

#[test]
fn an_address_with_a_password_is_refused_without_being_told() {
    for (url, says) in [
        ("bolt://neo4j:secret@127.0.0.1:7687", "holds a user or a password"),
        ("http://127.0.0.1:7474", "begins with none of"),
        ("", "begins with none of"),
    ] {
        let at = GraphAt { url: url.into(), user: "neo4j".into(), password: "secret".into(), database: None };
        let error = Neo4jGraph::open(&at, "one").unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert!(error.cause.contains(says) && !error.cause.contains("secret"), "{error}");
        assert!(!format!("{at:?}").contains("secret") || url.contains("secret"), "{at:?}");
    }
}
