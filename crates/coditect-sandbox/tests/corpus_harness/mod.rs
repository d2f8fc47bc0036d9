//! Reading the corpus, planting what is to be found, and looking whether it was.

#![allow(clippy::unwrap_used, reason = "a harness that cannot plant is a failed test")]

use std::fs;
use std::io::Read;
use std::net::{TcpListener, UdpSocket};
use std::ops::ControlFlow;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use coditect_ports::sandbox::Probe;
use coditect_ports::{Exit, Job, PortError, Program, Ran, Sandbox};
use coditect_types::{Enforced, Tier};

/// Where programs are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Wasm,
    Os,
    /// The OS tier, with a layer above the view that goes with the run.
    Overlay,
    Container,
}

impl Place {
    pub(crate) fn tier(self) -> Tier {
        match self {
            Self::Wasm => Tier::Wasm,
            Self::Os | Self::Overlay => Tier::Os,
            Self::Container => Tier::Container,
        }
    }

    /// Whether a program of these tiers makes sense here.
    fn fits(self, tiers: &str) -> bool {
        match tiers {
            "both" => self != Self::Overlay,
            "os" => matches!(self, Self::Os | Self::Container),
            "overlay" => self == Self::Overlay,
            "container" => self == Self::Container,
            other => panic!("there are no tiers {other}"),
        }
    }
}

/// How a program is to end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    /// By itself, or killed for its memory.
    Itself,
    /// At the time limit.
    TimedOut,
    /// At one limit or another.
    AtLimit,
    /// Somehow.
    Any,
}

/// One program of the corpus.
#[derive(Debug)]
pub(crate) struct Attack {
    pub(crate) name: String,
    pub(crate) code: String,
    pub(crate) ends: Ends,
}

/// Names another place of the programs.
pub(crate) const FOLDER: &str = "CODITECT_CORPUS_FOLDER";

fn kept() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

/// A folder that everyone may read, with the programs in `programs`.
pub(crate) fn open_folder() -> tempfile::TempDir {
    let open = tempfile::Builder::new().prefix("coditect-open-").tempdir_in("/var/tmp").unwrap();
    let programs = open.path().join("programs");
    fs::create_dir(&programs).unwrap();
    for folder in [open.path(), &programs] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
    for entry in fs::read_dir(kept()).unwrap().flatten() {
        fs::copy(entry.path(), programs.join(entry.file_name())).unwrap();
    }
    open
}

/// The programs that make sense in a place, sorted by name. All native ones are also tried in the layer if
/// `CODITECT_CORPUS_WHOLE` is set: it takes minutes.
pub(crate) fn attacks(place: Place) -> Vec<Attack> {
    let folder = std::env::var_os(FOLDER).map_or_else(kept, PathBuf::from);
    let only = std::env::var("CODITECT_CORPUS_ONLY").ok();
    let mut attacks: Vec<Attack> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "py"))
        .filter_map(|path| read(&path, place))
        .filter(|attack| only.as_ref().is_none_or(|only| attack.name.contains(only.as_str())))
        .collect();
    attacks.sort_by(|a, b| a.name.cmp(&b.name));
    attacks
}

fn read(path: &Path, place: Place) -> Option<Attack> {
    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
    let code = fs::read_to_string(path).unwrap();
    let field = |key: &str| code.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    assert!(code.starts_with("\"\"\"") && field("Escape:").is_some(), "{name} has no header");
    let tiers = field("Tiers:").unwrap_or_default();
    let whole = place == Place::Overlay && std::env::var_os("CODITECT_CORPUS_WHOLE").is_some();
    if !(place.fits(tiers) || (whole && Place::Os.fits(tiers))) {
        return None;
    }
    let ends = match field("Ends:") {
        None => Ends::Itself,
        Some("timeout") => Ends::TimedOut,
        Some("limit") => Ends::AtLimit,
        Some("any") => Ends::Any,
        other => panic!("{name}: ends {other:?}"),
    };
    Some(Attack { name, code, ends })
}

/// What is planted for one program.
pub(crate) struct Planted {
    /// Told to the program by its environment, so that every process of it can be found.
    pub(crate) token: String,
    secret: String,
    view: tempfile::TempDir,
    outside: tempfile::TempDir,
    before: Vec<Entry>,
    /// The view as it was, where it is to stay so.
    view_before: Vec<Entry>,
    place: Place,
    victim: Child,
    tcp: TcpListener,
    udp: UdpSocket,
    unix: UnixListener,
    hidden: UnixListener,
}

/// A file of the folder outside: path, mode, size, modification time, content.
type Entry = (PathBuf, u32, u64, i64, Vec<u8>);

impl Planted {
    pub(crate) fn new(name: &str, place: Place) -> Self {
        let random = format!(
            "{:x}",
            fs::read("/proc/sys/kernel/random/uuid")
                .unwrap()
                .iter()
                .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte))
                    .wrapping_mul(0x0100_0000_01b3),)
        );
        let token = format!("{name}-{random}");
        let secret = format!("SECRET-{random}");
        // Outside `/tmp`, which the sandbox covers with its own.
        let outside = tempfile::Builder::new().prefix("coditect-outside-").tempdir_in("/var/tmp").unwrap();
        let view = tempfile::Builder::new().prefix("coditect-view-").tempdir().unwrap();
        fs::write(outside.path().join("secret.txt"), &secret).unwrap();
        fs::write(outside.path().join("canary.txt"), "sings").unwrap();
        let unix = UnixListener::bind(outside.path().join("listener.sock")).unwrap();
        let hidden =
            UnixListener::bind_addr(&SocketAddr::from_abstract_name(token.as_bytes()).unwrap()).unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        for made in [tcp.set_nonblocking(true), udp.set_nonblocking(true)] {
            made.unwrap();
        }
        unix.set_nonblocking(true).unwrap();
        hidden.set_nonblocking(true).unwrap();
        let victim = Command::new("cat")
            .arg0(format!("victim-{random}"))
            .env("SECRET", &secret)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let planted = serde_json::json!({
            "secret": outside.path().join("secret.txt"),
            "canary": outside.path().join("canary.txt"),
            "home": std::env::home_dir(),
            "host_pid": std::process::id(),
            "victim_pid": victim.id(),
            "tcp_port": tcp.local_addr().unwrap().port(),
            "udp_port": udp.local_addr().unwrap().port(),
            "unix_path": outside.path().join("listener.sock"),
            "abstract": &token,
        });
        let at = view.path();
        fs::write(at.join("planted.json"), planted.to_string()).unwrap();
        symlink(outside.path().join("secret.txt"), at.join("link_to_secret")).unwrap();
        symlink(outside.path().join("canary.txt"), at.join("link_to_canary")).unwrap();
        symlink(outside.path(), at.join("link_to_folder")).unwrap();
        symlink("/", at.join("link_to_root")).unwrap();
        let before = listing(outside.path());
        Self {
            token,
            secret,
            view,
            outside,
            before,
            view_before: Vec::new(),
            place,
            victim,
            tcp,
            udp,
            unix,
            hidden,
        }
    }

    pub(crate) fn view(&self) -> &Path {
        self.view.path()
    }

    /// Puts the program into the view; gives its name.
    pub(crate) fn program(&mut self, code: &str) -> String {
        let name = format!("attack-{}.py", self.token);
        fs::write(self.view.path().join(&name), code).unwrap();
        self.view_before = listing(self.view.path());
        name
    }

    /// Everything that should not have happened.
    pub(crate) fn escapes(mut self, said: &[u8]) -> Vec<String> {
        let said = String::from_utf8_lossy(said);
        let mut found = Vec::new();
        let mut claim = |wrong: bool, what: String| {
            if wrong {
                found.push(what);
            }
        };
        claim(said.contains(&self.secret), "the secret was printed".into());
        let own = said.lines().find(|line| line.contains("ESCAPED"));
        claim(
            own.is_some(),
            format!("it says: {}", own.unwrap_or_default().chars().take(300).collect::<String>()),
        );
        claim(said.contains("CARGO_MANIFEST_DIR="), "the environment of the host was printed".into());
        let hashes = ["root:$", "root:!", "root:*:"];
        claim(hashes.iter().any(|hash| said.contains(hash)), "a password file was printed".into());
        claim(listing(self.outside.path()) != self.before, "a file outside was changed".into());
        claim(self.victim.try_wait().unwrap().is_some(), "the victim is gone".into());
        let state = fs::read_to_string(format!("/proc/{}/stat", self.victim.id())).unwrap_or_default();
        claim(state.contains(") T "), "the victim is stopped".into());
        claim(self.tcp.accept().is_ok(), "a TCP listener was reached".into());
        claim(self.udp.recv(&mut [0; 16]).is_ok(), "a UDP listener was reached".into());
        claim(self.unix.accept().is_ok(), "a Unix listener was reached".into());
        claim(self.hidden.accept().is_ok(), "an abstract listener was reached".into());
        found.extend(self.left_in_view());
        found.extend(self.left_running());
        found.extend(left_mounted(self.view.path()));
        if self.place == Place::Overlay && listing(self.view.path()) != self.view_before {
            found.push("the project is not as it was".to_owned());
        }
        // Other tiers make none, but their tests may run in the same process at the same time.
        if self.place.tier() == Tier::Os {
            found.extend(left_cgroups());
        }
        found
    }

    /// Files that the view must not have afterwards.
    fn left_in_view(&self) -> Vec<String> {
        let mut found = Vec::new();
        for entry in fs::read_dir(self.view.path()).unwrap().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Ok(kind) = entry.metadata() else { continue };
            if kind.mode() & 0o6000 != 0 {
                found.push(format!("set-id file {name}"));
            }
            if kind.len() > 16 << 20 {
                found.push(format!("{name} is too large: {}", kind.len()));
            }
            if name.starts_with("core") {
                found.push(format!("core file {name}"));
            }
            if self.place == Place::Wasm && !name.starts_with("link_to") && name != "planted.json" {
                found.push(format!("{name} was written to a read-only view"));
            }
        }
        found
    }

    /// Processes that have the token in their environment or arguments.
    fn left_running(&self) -> Vec<String> {
        let holds = |pid: &str, file: &str| {
            let mut bytes = Vec::new();
            fs::File::open(format!("/proc/{pid}/{file}"))
                .and_then(|mut file| file.read_to_end(&mut bytes))
                .is_ok_and(|_| bytes.windows(self.token.len()).any(|part| part == self.token.as_bytes()))
        };
        fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
            .filter(|pid| holds(pid, "environ") || holds(pid, "cmdline"))
            .map(|pid| format!("process {pid} is left"))
            .collect()
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        self.victim.kill().unwrap();
        self.victim.wait().unwrap();
    }
}

/// Mounts that speak of the view.
fn left_mounted(view: &Path) -> Vec<String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let view = view.to_string_lossy();
    mounts.lines().filter(|line| line.contains(&*view)).map(|line| format!("mount {line} is left")).collect()
}

/// Control groups that this process made.
fn left_cgroups() -> Vec<String> {
    let mut found = Vec::new();
    let own = format!("coditect-{}-", std::process::id());
    let mut folders = vec![(PathBuf::from("/sys/fs/cgroup"), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(&own) {
                found.push(format!("cgroup {} is left", entry.path().display()));
            } else if depth < 3 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push((entry.path(), depth + 1));
            }
        }
    }
    found
}

/// What is in a folder; nothing, if it is gone.
fn listing(folder: &Path) -> Vec<Entry> {
    let mut entries: Vec<Entry> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| {
            let path = entry.unwrap().path();
            let kind = path.symlink_metadata().unwrap();
            let content = if kind.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
            (path, kind.permissions().mode(), kind.len(), kind.mtime(), content)
        })
        .collect();
    entries.extend(
        folder.metadata().map(|kind| (folder.to_owned(), kind.permissions().mode(), 0, 0, Vec::new())),
    );
    entries.sort();
    entries
}

/// No sandbox at all, to see whether the harness notices.
#[derive(Debug)]
pub(crate) struct Unboxed;

impl Sandbox for Unboxed {
    fn tier(&self) -> Tier {
        Tier::Os
    }

    fn probe(&self) -> Probe {
        let (facts, advice) = (Vec::new(), Vec::new());
        Probe { tier: Tier::Os, usable: true, enforced: Enforced::default(), facts, advice }
    }

    fn run(&self, job: &Job<'_>, _: &mut dyn FnMut(&str) -> ControlFlow<()>) -> Result<Ran, PortError> {
        let Program::Command { argv, .. } = job.program else {
            panic!("the harness gives commands to this tier");
        };
        let view = job.view.to_string_lossy();
        let program = argv[1].replace("/project", &view);
        let code = fs::read_to_string(&program).unwrap().replace("/project", &view);
        let out = Command::new("python3").args(["-c", &code]).current_dir(job.view).output().unwrap();
        Ok(Ran {
            exit: out.status.code().map_or(Exit::Signal(0), Exit::Code),
            stdout: out.stdout,
            stderr: out.stderr,
            dropped: 0,
            wall_us: 0,
            peak_memory: None,
            enforced: Enforced::default(),
        })
    }
}
