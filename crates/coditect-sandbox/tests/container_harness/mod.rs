//! An engine for tests, where there is one: `CODITECT_TEST_ENGINE` names its socket.
//!
//! Such an engine is started with, for one:
//! `dockerd --iptables=false --ip6tables=false --bridge=none --data-root D --exec-root E -H unix://S --pidfile P`.
//! The image is made of this machine's own Python and busybox, so nothing is fetched.

#![allow(dead_code, reason = "shared by several test programs")]
#![allow(clippy::unwrap_used, reason = "a harness that cannot be set up is a failed test")]
#![allow(clippy::print_stdout, reason = "a test that cannot run here says so")]

use std::path::PathBuf;
use std::process::{Command, Stdio};

use coditect_sandbox::container::{ContainerSandbox, Settings};

/// The image of tests.
const IMAGE: &str = "coditect-test:1";

/// Puts a root together from what the machine has: its Python with all libraries, and a static busybox.
const ROOT: &str = r#"
set -e
cd "$1"
python=$(python3 -c 'import os, sys; print(os.path.realpath(sys.executable))')
library=$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
mkdir -p tmp proc project bin dev sys usr/bin etc run var/run runner
for part in "$python" "$library"; do cp -a --parents "$part" .; done
rm -rf "./$library/test" "./$library/dist-packages" "./$library/site-packages"
find "./$library" -name __pycache__ -prune -exec rm -rf {} +
# What a process that has loaded every module has mapped is all that they need.
python3 -I - "$library" <<'LIBRARIES' | sort -u | while read -r one; do cp -L --parents "$one" . || true; done
import glob, importlib, os, sys
for file in glob.glob(sys.argv[1] + "/lib-dynload/*.so"):
    try: importlib.import_module(os.path.basename(file).split(".")[0])
    except BaseException: pass
for line in open("/proc/self/maps"):
    if ".so" in line and "/" in line: print("/" + line.rstrip().split("/", 1)[1])
LIBRARIES
ln -sf "$python" usr/bin/python3
cp -L --parents /lib64/ld-linux-*.so.* . 2>/dev/null || cp -L --parents /lib/ld-linux-*.so.* .
# Links by which libraries are asked for.
PATH="$PATH:/sbin:/usr/sbin" ldconfig -r .
cp -L "$(command -v busybox)" bin/busybox
for applet in sh cat ls true false sleep kill id mount env echo touch mkdir rm setsid su; do
    ln -sf busybox "bin/$applet"
done
printf 'root:x:0:0:root:/:/bin/sh\n' > etc/passwd
# The Python may be in a home that only its owner can enter.
chmod -R u=rwX,go=rX .
chmod 1777 tmp
"#;

/// An engine that answers and has the image. Tests speak to it by the `docker` program.
pub(crate) struct Engine {
    socket: PathBuf,
}

impl Engine {
    /// The engine, or none, which is said.
    pub(crate) fn find() -> Option<Self> {
        let Some(socket) = std::env::var_os("CODITECT_TEST_ENGINE").map(PathBuf::from) else {
            println!("skipped: no container engine: set CODITECT_TEST_ENGINE to the socket of one");
            return None;
        };
        let engine = Self { socket };
        engine.import();
        Some(engine)
    }

    fn docker(&self) -> Command {
        let mut command = Command::new("docker");
        command.arg("-H").arg(format!("unix://{}", self.socket.display()));
        command
    }

    fn import(&self) {
        let lock = std::fs::File::create(std::env::temp_dir().join("coditect-test-image.lock")).unwrap();
        lock.lock().unwrap();
        if self.docker().args(["image", "inspect", IMAGE]).output().unwrap().status.success() {
            return;
        }
        let root = tempfile::tempdir().unwrap();
        let made =
            Command::new("sh").args(["-c", ROOT, "sh"]).arg(root.path()).stdout(Stdio::null()).status();
        assert!(made.unwrap().success(), "the root of the image cannot be put together");
        let mut tar = Command::new("tar")
            .arg("-C")
            .arg(root.path())
            .args(["-c", "."])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let image = tar.stdout.take().unwrap();
        let imported = self.docker().args(["import", "-", IMAGE]).stdin(image).stdout(Stdio::null()).status();
        assert!(imported.unwrap().success() && tar.wait().unwrap().success(), "the image cannot be imported");
    }

    pub(crate) fn sandbox(&self) -> ContainerSandbox {
        self.sandbox_of(IMAGE)
    }

    pub(crate) fn sandbox_of(&self, image: &str) -> ContainerSandbox {
        ContainerSandbox::new(Settings {
            sockets: vec![self.socket.clone()],
            image: Some(image.to_owned()),
            launcher: PathBuf::from(env!("CARGO_BIN_EXE_coditect-sandbox-init")),
        })
    }

    /// Containers of a host that are there, running or not.
    pub(crate) fn containers(&self, host: u32) -> Vec<String> {
        let shown = "{{.ID}} {{.Label \"coditect.host\"}}";
        let listed = self.docker().args(["ps", "--all", "--format", shown]).output().unwrap();
        assert!(listed.status.success());
        let host = format!("/{host}/");
        let lines = String::from_utf8_lossy(&listed.stdout).into_owned();
        lines.lines().filter(|line| line.contains(&host)).map(str::to_owned).collect()
    }
}
