#![allow(clippy::unwrap_used, reason = "a test ends there")]

use super::*;

/// A tree of directories in place of `/sys/fs/cgroup`.
fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

#[test]
fn version_one_has_a_place_for_each_controller() {
    let root = tree(&[("memory/own/tasks", ""), ("pids/tasks", "")]);
    let own = "9:name=systemd:/\n8:pids:/\n4:memory:/own\n0::/\n";
    let expected = Place::Split { memory: root.path().join("memory/own"), pids: root.path().join("pids") };
    assert_eq!(candidates(root.path(), own), [expected]);
}

#[test]
fn version_two_takes_its_own_group_or_the_one_above() {
    let root = tree(&[
        ("cgroup.controllers", "cpu memory pids"),
        ("user/app/scope/cgroup.subtree_control", ""),
        ("user/app/cgroup.subtree_control", "memory pids\n"),
    ]);
    let found = candidates(root.path(), "0::/user/app/scope\n");
    assert_eq!(found, [Place::Unified(root.path().join("user/app"))]);
}

#[test]
fn a_group_without_the_controllers_is_no_place() {
    let root = tree(&[("cgroup.controllers", "cpu"), ("a/cgroup.subtree_control", "cpu\n")]);
    assert_eq!(candidates(root.path(), "0::/a\n"), []);
    assert_eq!(candidates(root.path(), "no cgroup at all"), []);
}

#[test]
fn version_two_writes_limits_and_reads_kills() {
    let root = tree(&[("cgroup.subtree_control", "memory pids")]);
    let limits = Limits { memory_bytes: 1 << 20, processes: 7, ..Limits::default() };
    let group = Place::Unified(root.path().to_owned()).group(&limits).unwrap();
    assert_eq!(fs::read_to_string(group.memory.join("memory.max")).unwrap(), "1048576");
    assert_eq!(fs::read_to_string(group.memory.join("pids.max")).unwrap(), "9");
    assert!(!group.was_out_of_memory());
    fs::write(group.memory.join("memory.events"), "oom 1\noom_kill 2\noom_group_kill 1\n").unwrap();
    assert!(group.was_out_of_memory());
    fs::write(group.memory.join("memory.peak"), "4096\n").unwrap();
    assert_eq!(group.peak_memory(), Some(4096));
}

#[test]
fn groups_of_hosts_that_are_gone_are_swept() {
    let root = tempfile::tempdir().unwrap();
    let own = format!("{PREFIX}{}-0", std::process::id());
    for name in [&own, "coditect-4294967-0", "someone-else"] {
        fs::create_dir(root.path().join(name)).unwrap();
    }
    Place::Unified(root.path().to_owned()).sweep();
    assert!(root.path().join(own).exists() && root.path().join("someone-else").exists());
    assert!(!root.path().join("coditect-4294967-0").exists());
}
