//! `cargo xtask crash` itself: it must pass a program that keeps its promises, and catch those that do not.
//!
//! The programs are shell scripts that stand in for `coditect`: they know one mission, and hand over one branch.
#![allow(clippy::unwrap_used, reason = "a failing test panics")]

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// `run` in a seed's directory stops half-way and waits for the kill; elsewhere it goes through.
const PROGRAM: &str = r#"#!/bin/sh
mission="$CODITECT_HOME/mission"
complete() {
    cd "$(cat "$mission")" || exit 1
    export GIT_AUTHOR_DATE=2024-02-01T00:00:00Z GIT_COMMITTER_DATE=2024-02-01T00:00:00Z
    tree=$(git rev-parse "$1")
    commit=$(git -c user.name=c -c user.email=c@example.org commit-tree "$tree" -p HEAD -m mended)
    git update-ref refs/heads/coditect/m-1 "$commit"
    echo '{"type": "mission.completed", "status": "verified", "branch": "coditect/m-1",' \
        "\"commit\": \"$commit\", \"receipt\": {\"after\": {\"a\": \"passed\"}}}"
}
case "$1" in
run)
    echo "$5" > "$mission"
    echo '{"type": "mission.submitted"}'
    case "$CODITECT_HOME" in
    */seed-*) mkfifo "$CODITECT_HOME/pipe" && exec cat "$CODITECT_HOME/pipe" ;;
    esac
    # Long enough for a seed's run to have submitted its mission when the kill comes.
    i=0; while [ $i -lt 300000 ]; do i=$((i + 1)); done
    complete HEAD^{tree}
    ;;
resume)
    RESUME
    ;;
esac
"#;

/// Runs two kill points with a program that resumes like this; success, and all that was said.
fn crash(resume: &str) -> (bool, String) {
    let top = tempfile::tempdir().unwrap();
    let binary = top.path().join("coditect");
    std::fs::write(&binary, PROGRAM.replace("RESUME", resume)).unwrap();
    std::fs::set_permissions(&binary, std::fs::Permissions::from_mode(0o755)).unwrap();
    let out = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["crash", "--seeds", "2", "--binary"])
        .arg(&binary)
        .env("TMPDIR", top.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
    (out.status.success(), said)
}

#[track_caller]
fn check_caught(resume: &str, part: &str) {
    let (passed, said) = crash(resume);
    assert!(!passed, "{said}");
    assert!(said.contains(part), "{part:?} is not in\n{said}");
    assert!(said.contains("0 of 2 ended as an uninterrupted mission does (0 were killed"), "{said}");
}

#[test]
fn a_program_that_keeps_its_promises_passes() {
    let (passed, said) = crash("complete HEAD^{tree}");
    assert!(passed, "{said}");
    assert!(
        said.contains("2 of 2 ended as an uninterrupted mission does (2 were killed while they ran)"),
        "{said}"
    );
}

#[test]
fn a_changed_index_is_caught() {
    check_caught("complete HEAD^{tree}; git add scratch.txt", "changed: .git/index");
}

#[test]
fn a_changed_file_is_caught() {
    check_caught("complete HEAD^{tree}; echo more >> README.md", "changed: README.md");
}

#[test]
fn another_tree_is_caught() {
    check_caught("complete HEAD:tests", "ended with verified (tree ");
}

#[test]
fn a_second_branch_is_caught() {
    check_caught("complete HEAD^{tree}; git branch coditect/m-2", "2 branches)");
}

#[test]
fn a_lost_mission_is_caught() {
    check_caught(
        "echo 'no mission' >&2; exit 2",
        "no `mission.completed`; last event: none; stderr: no mission",
    );
}

#[test]
fn a_process_that_is_left_is_caught_and_ended() {
    let resume =
        r#"complete HEAD^{tree}; mkfifo "$CODITECT_HOME/left"; setsid cat "$CODITECT_HOME/left" & exit 0"#;
    check_caught(resume, "still running: ");
}
