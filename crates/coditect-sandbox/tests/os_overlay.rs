//! The layer above a view: what a run sees through it, that nothing stays, and that it is held to its limits.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends there")]
#![allow(clippy::print_stdout, reason = "a test that cannot run here says so")]

mod os_harness;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use coditect_ports::{Exit, Ran, Sandbox, Writes};
use coditect_types::Limits;
use os_harness::{Case, again_under, sandbox, text, view};

/// A run that drops what it writes; none where this kernel has no layers.
fn run(case: &Case<'_>, argv: &[&str]) -> Option<Ran> {
    match case.run(argv) {
        Ok(ran) => Some(ran),
        Err(error) if error.cause.contains("`overlay`") => {
            println!("skipped: {}", error.cause);
            None
        }
        Err(error) => panic!("{error:?}"),
    }
}

fn case<'a>(view: &'a Path, over: Option<&'a Path>) -> Case<'a> {
    Case { writes: Writes::Dropped { over }, ..Case::new(view) }
}

/// Everything below a directory: mode, time of change and content.
fn listing(top: &Path) -> BTreeMap<PathBuf, (u32, i64, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![top.to_owned()];
    while let Some(path) = waiting.pop() {
        let about = path.symlink_metadata().unwrap();
        if about.is_dir() {
            waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        let content = if about.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        found.insert(path, (about.mode(), about.mtime(), content));
    }
    found
}

fn project() -> tempfile::TempDir {
    let view = view();
    fs::create_dir_all(view.path().join("pkg/deep")).unwrap();
    for (path, content) in [("keep.txt", "kept"), ("pkg/a.py", "A = 1\n"), ("pkg/deep/b.py", "B = 2\n")] {
        fs::write(view.path().join(path), content).unwrap();
    }
    fs::set_permissions(view.path().join("pkg/a.py"), fs::Permissions::from_mode(0o640)).unwrap();
    symlink("keep.txt", view.path().join("link")).unwrap();
    view
}

const CHANGES: &str = "
import os, shutil
assert open('pkg/a.py').read() == 'A = 1\\n' and os.readlink('link') == 'keep.txt'
open('pkg/a.py', 'a').write('changed')
open('new.txt', 'w').write('new'); os.chmod('keep.txt', 0o600); os.utime('keep.txt', (1, 1))
os.remove('pkg/deep/b.py'); os.rmdir('pkg/deep'); os.mkdir('pkg/deep')
assert os.listdir('pkg/deep') == []
os.rename('link', 'renamed'); os.link('keep.txt', 'hard'); os.symlink('/etc', 'out')
shutil.move('pkg', 'moved')
assert open('moved/a.py').read() == 'A = 1\\nchanged'
os.mkfifo('fifo')
print(sorted(os.listdir('.')), os.getuid(), os.stat('.').st_uid)
";

#[test]
fn a_run_may_do_anything_and_the_view_stays_as_it_is() {
    let view = project();
    let before = listing(view.path());
    let Some(ran) = run(&case(view.path(), None), &["python3", "-c", CHANGES]) else { return };
    assert_eq!(ran.exit, Exit::Code(0), "{}", text(&ran.stderr));
    assert_eq!(
        text(&ran.stdout).trim(),
        "['fifo', 'hard', 'keep.txt', 'moved', 'new.txt', 'out', 'renamed'] 1000 1000"
    );
    assert_eq!(listing(view.path()), before);
    assert!(ran.enforced.by.iter().any(|by| by == "overlay"), "{:?}", ran.enforced);
    // And so it does for the next run.
    let ran = run(&case(view.path(), None), &["python3", "-c", CHANGES]).unwrap();
    assert_eq!(ran.exit, Exit::Code(0), "{}", text(&ran.stderr));
}

#[test]
fn an_ordinary_user_has_the_layer_too() {
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: this is an ordinary user, and the other tests were for it");
        return;
    }
    let open = tempfile::Builder::new().prefix("coditect-open-").tempdir_in("/var/tmp").unwrap();
    fs::set_permissions(open.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let (itself, launcher) = (open.path().join("test"), open.path().join("launcher"));
    fs::copy(std::env::current_exe().unwrap(), &itself).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_coditect-sandbox-init"), &launcher).unwrap();
    let out = std::process::Command::new("setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .arg(itself)
        .args(["--nocapture", "--skip", "an_ordinary_user"])
        .env(os_harness::LAUNCHER, launcher)
        .env("HOME", "/nonexistent")
        .env("PATH", "/usr/bin:/bin")
        .env("TMPDIR", open.path())
        .output()
        .unwrap();
    println!("{}", text(&out.stdout));
    assert!(out.status.success(), "{}", text(&out.stderr));
}

#[test]
fn files_of_a_candidate_stand_in_place_of_the_view_s() {
    let (view, over) = (project(), view());
    fs::create_dir(over.path().join("pkg")).unwrap();
    fs::write(over.path().join("pkg/a.py"), "A = 5\n").unwrap();
    fs::write(over.path().join("pkg/c.py"), "C = 7\n").unwrap();
    let before = (listing(view.path()), listing(over.path()));
    let script = "
import os
from pkg import a, c
print(a.A, c.C, sorted(os.listdir('pkg')), os.listdir('/'), os.path.exists('/tmp/upper'))
open('pkg/a.py', 'w').write('spoilt'); os.remove('pkg/c.py')
";
    let case = case(view.path(), Some(over.path()));
    let Some(ran) = run(&case, &["python3", "-B", "-c", script]) else { return };
    assert_eq!(ran.exit, Exit::Code(0), "{}", text(&ran.stderr));
    let said = text(&ran.stdout);
    assert!(said.starts_with("5 7 ['a.py', 'c.py', 'deep'] "), "{said}");
    assert!(!said.contains("room") && !said.contains(".view") && said.trim().ends_with("False"), "{said}");
    assert_eq!((listing(view.path()), listing(over.path())), before);
}

#[test]
fn the_layer_is_held_to_the_limit_of_bytes_and_inodes() {
    let view = project();
    let mut case = case(view.path(), None);
    case.limits = Limits { memory_bytes: 64 << 20, file_bytes: 1 << 30, ..case.limits };
    let fill = "
import errno
try:
    with open('big', 'wb') as out:
        for _ in range(200): out.write(bytes(1 << 20))
    print('ESCAPED')
except OSError as error:
    print(errno.errorcode[error.errno])
";
    let Some(ran) = run(&case, &["python3", "-c", fill]) else { return };
    // By the layer's own size, or by the memory that it is made of: whichever is met first.
    let held = ran.exit == Exit::OutOfMemory || text(&ran.stdout).trim() == "ENOSPC";
    assert!(held, "{:?} {} {}", ran.exit, text(&ran.stdout), text(&ran.stderr));
    let many = "
import errno, os
try:
    for n in range(400_000): os.mknod(f'n{n}')
    print('ESCAPED')
except OSError as error:
    print(errno.errorcode[error.errno])
";
    case.limits.memory_bytes = 2 << 30;
    let ran = run(&case, &["python3", "-c", many]).unwrap();
    assert_eq!((ran.exit, text(&ran.stdout).trim()), (Exit::Code(0), "ENOSPC"), "{}", text(&ran.stderr));
}

#[test]
fn many_runs_share_one_view_at_once() {
    let view = project();
    let before = listing(view.path());
    let sandbox = sandbox();
    if run(&case(view.path(), None), &["true"]).is_none() {
        return;
    }
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (sandbox, view) = (&sandbox, view.path());
            scope.spawn(move || {
                for round in 0..5 {
                    let script =
                        format!("test ! -e mark && echo {thread}-{round} > mark && cat mark && rm keep.txt");
                    let ran = case(view, None).run_in(sandbox, &["sh", "-c", &script]).unwrap();
                    assert_eq!(
                        text(&ran.stdout).trim(),
                        format!("{thread}-{round}"),
                        "{}",
                        text(&ran.stderr)
                    );
                }
            });
        }
    });
    assert_eq!(listing(view.path()), before);
    assert!(!fs::read_to_string("/proc/self/mountinfo").unwrap().contains(&*view.path().to_string_lossy()));
}

#[test]
fn a_layer_in_which_the_run_starts_and_a_view_without_write_rights() {
    let view = project();
    fs::set_permissions(view.path().join("pkg"), fs::Permissions::from_mode(0o555)).unwrap();
    let mut case = case(view.path(), None);
    case.directory = "pkg".into();
    let Some(ran) =
        run(&case, &["sh", "-c", "pwd; touch here && echo wrote; chmod u+w . && touch here && ls"])
    else {
        return;
    };
    assert_eq!(text(&ran.stdout), "/project/pkg\na.py\ndeep\nhere\n", "{}", text(&ran.stderr));
    fs::set_permissions(view.path().join("pkg"), fs::Permissions::from_mode(0o755)).unwrap();
}

/// Where the kernel mounts no overlay for an ordinary user, runs with one are refused and others are not.
#[test]
fn where_there_is_no_layer_it_is_refused_by_name() {
    // In a user namespace that may have no further mount namespace nothing runs; one whose scratch file system takes no
    // attributes cannot be made here. What is left to see is a view that no overlay can lie over.
    let over = view();
    let error = case(Path::new("/proc/self/fd"), Some(over.path())).run(&["true"]).unwrap_err();
    assert!(error.cause.contains("cannot be a view"), "{error:?}");
    let error = case(over.path(), Some(Path::new("/proc"))).run(&["true"]).unwrap_err();
    assert!(error.cause.contains("cannot be a view"), "{error:?}");
    let probe = sandbox().probe();
    assert!(probe.facts.iter().any(|(name, _)| name == "overlay"), "{probe:?}");
}

/// However a run ends, what it wrote is gone when the call returns, and so are its mounts and processes.
#[test]
fn nothing_of_a_layer_outlives_a_run_whatever_its_end() {
    let (view, over) = (project(), view());
    fs::write(over.path().join("keep.txt"), "a candidate's").unwrap();
    let before = (listing(view.path()), listing(over.path()));
    let spoil = "echo x > new.txt; rm -r pkg; echo y > keep.txt; ";
    let ends: [(&str, Exit); 3] = [
        ("exec sleep 1000", Exit::TimedOut),
        ("kill -SEGV $$", Exit::Signal(11)),
        ("(setsid sleep 1000 &) ; exit 3", Exit::Code(3)),
    ];
    for (end, exit) in ends {
        let mut case = case(view.path(), Some(over.path()));
        case.limits = Limits { wall_ms: 1_000, ..case.limits };
        let Some(ran) = run(&case, &["sh", "-c", &format!("{spoil}{end}")]) else { return };
        // On a busy machine the time may be over before the end that was meant.
        assert!(ran.exit == exit || ran.exit == Exit::TimedOut, "{end}: {:?}", ran.exit);
        assert_eq!((listing(view.path()), listing(over.path())), before, "{end}");
    }
    let stopped = case(view.path(), Some(over.path()));
    stopped.stop.raise(coditect_ports::StopCause::Cancelled);
    // Stopped before it began is an end as well.
    drop(stopped.run(&["sh", "-c", &format!("{spoil}sleep 1000")]));
    assert_eq!((listing(view.path()), listing(over.path())), before);
    os_harness::until(|| os_harness::own_children().is_empty());
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(&*view.path().to_string_lossy()) && !mounts.contains(".room"));
}

/// A host that is killed leaves neither mounts nor files, at whatever moment.
#[test]
fn nothing_of_a_layer_outlives_a_host_that_is_killed() {
    const VIEW: &str = "CODITECT_TEST_HOST_VIEW";
    if let Some(view) = std::env::var_os(VIEW) {
        let view = Path::new(&view).to_owned();
        let script = "echo x > written; rm keep.txt; sleep 1000";
        drop(case(&view, None).run(&["sh", "-c", script]));
        return;
    }
    let view = project();
    let before = listing(view.path());
    if run(&case(view.path(), None), &["true"]).is_none() {
        return;
    }
    let mut host = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "nothing_of_a_layer_outlives_a_host_that_is_killed"])
        .env(VIEW, view.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // The launcher, the first process of its namespace, the shell and its sleep.
    let mut tree = Vec::new();
    os_harness::until(|| {
        tree = os_harness::descendants(host.id());
        tree.len() >= 4
    });
    host.kill().unwrap();
    host.wait().unwrap();
    os_harness::until(|| tree.iter().all(|pid| !os_harness::lives(*pid)));
    assert_eq!(listing(view.path()), before);
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(&*view.path().to_string_lossy()) && !mounts.contains(".room"));
}

/// In a container's own user namespace, as with an engine that runs without root.
#[test]
fn a_user_namespace_around_it_changes_nothing() {
    let under = ["unshare", "--user", "--map-root-user", "--mount"];
    if !again_under(&under, "a_user_namespace_around_it_changes_nothing") {
        return;
    }
    let view = project();
    let before = listing(view.path());
    let Some(ran) = run(&case(view.path(), None), &["sh", "-c", "rm -r pkg && echo x > keep.txt && ls"])
    else {
        return;
    };
    assert_eq!(text(&ran.stdout), "keep.txt\nlink\n", "{}", text(&ran.stderr));
    assert_eq!(listing(view.path()), before);
}
