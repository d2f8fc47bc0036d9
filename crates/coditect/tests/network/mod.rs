//! Machines in network namespaces of their own, with a network between them that does what it is told.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

/// Set in the process that has namespaces of its own.
const INSIDE: &str = "CODITECT_TEST_NETWORK";

/// Runs a test of this program once more in namespaces of its own, and gives whether this is that run. None: that cannot be had here.
pub(crate) fn inside(test: &str) -> Option<bool> {
    if std::env::var_os(INSIDE).is_some() {
        return Some(true);
    }
    let there =
        |program: &str| Command::new(program).arg("--version").output().is_ok_and(|ran| ran.status.success());
    let has_all = Path::new("/dev/net/tun").exists()
        && ["unshare", "nsenter", "python3"].iter().all(|program| there(program))
        && Command::new("ip").arg("-V").output().is_ok_and(|ran| ran.status.success());
    let namespaces = ["--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--mount-proc"];
    // A device is what may be forbidden.
    let device = ["ip", "tuntap", "add", "dev", "probe0", "mode", "tun"];
    let tried = Command::new("unshare").args(namespaces).args(device).output();
    if !has_all || !tried.is_ok_and(|ran| ran.status.success()) {
        return None;
    }
    let status = Command::new("unshare")
        .args(namespaces)
        .arg("--kill-child=KILL")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .stdin(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "`{test}` in namespaces of its own: {status}");
    Some(false)
}

/// The switch.
pub(crate) struct Network {
    folder: PathBuf,
    hub: Child,
    rules: ChildStdin,
    answers: BufReader<ChildStdout>,
    machines: Vec<Machine>,
}

/// A namespace with a wire to the switch.
pub(crate) struct Machine {
    /// Its address.
    pub(crate) address: String,
    /// A process in it, which has nothing to do.
    place: Child,
    wire: Child,
}

impl Drop for Machine {
    fn drop(&mut self) {
        for child in [&mut self.wire, &mut self.place] {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.hub.kill().ok();
        self.hub.wait().ok();
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/network/net.py")
}

fn heard(from: &mut impl BufRead) {
    let mut line = String::new();
    from.read_line(&mut line).unwrap();
    assert_eq!(line.trim(), "ok");
}

impl Network {
    /// A switch with its sockets in `folder`, and a machine at each of these addresses.
    pub(crate) fn of(folder: &Path, seed: u64, addresses: &[String]) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let mut hub = Command::new("python3")
            .arg(script())
            .arg("hub")
            .arg(folder)
            .arg(seed.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (rules, answers) = (hub.stdin.take().unwrap(), BufReader::new(hub.stdout.take().unwrap()));
        let mut network = Self { folder: folder.to_owned(), hub, rules, answers, machines: Vec::new() };
        heard(&mut network.answers);
        network.machines = addresses.iter().map(|address| network.machine(address)).collect();
        network
    }

    fn machine(&self, address: &str) -> Machine {
        let mut place = Command::new("unshare")
            .args(["--net", "sh", "-c", "echo ok; exec sleep 100000"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        heard(&mut BufReader::new(place.stdout.take().unwrap()));
        let mut wire = entered(place.id(), "python3")
            .arg(script())
            .arg("wire")
            .arg(&self.folder)
            .arg(address)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        heard(&mut BufReader::new(wire.stdout.take().unwrap()));
        Machine { address: address.to_owned(), place, wire }
    }

    /// A command that runs on a machine, as `command` says it.
    pub(crate) fn on(&self, address: &str, command: &Command) -> Command {
        let machine = self.machines.iter().find(|machine| machine.address == address).unwrap();
        let mut there = entered(machine.place.id(), command.get_program());
        there.args(command.get_args()).env_clear();
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => there.env(name, value),
                None => there.env_remove(name),
            };
        }
        if let Some(dir) = command.get_current_dir() {
            there.current_dir(dir);
        }
        there.stdin(Stdio::null());
        there
    }

    /// Gives machines new rules: `at` an address, `cut`, `loss` and `twice` (0 to 1), `delay_ms`, `jitter_ms`.
    pub(crate) fn obeys(&mut self, rules: &Value) {
        writeln!(self.rules, "{rules}").unwrap();
        self.rules.flush().unwrap();
        heard(&mut self.answers);
    }

    /// Every packet comes at once, and once.
    pub(crate) fn heals(&mut self) {
        let rules: Vec<Value> =
            self.machines.iter().map(|machine| json!({ "at": machine.address })).collect();
        self.obeys(&Value::from(rules));
    }
}

/// A program in the network namespace of a process.
fn entered(pid: u32, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("nsenter");
    command.args(["--target", &pid.to_string(), "--net", "--"]).arg(program);
    command
}
