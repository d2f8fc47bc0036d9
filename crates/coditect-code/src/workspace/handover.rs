//! Giving a change to the person: one new branch, or a patch file where there is no repository or it takes no branch.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use coditect_ports::PortError;
use coditect_ports::workspace::Handed;
use coditect_types::outcome::Carried;
use coditect_types::workspace::WorkspaceKind;
use coditect_types::{ErrorKind, MissionId, Snapshot};

use super::git::Git;
use super::lens::Lens;
use super::lines::for_history;
use super::paths::{checked_oid, remove, trouble, write_whole};
use super::repository::{Place, Repository, locate};
use super::shadow::{Given, Shadow};
use super::snapshot::kept;

const GIVEN: &str = "handed.json";

/// Objects that are handed over one by one; more come as a pack (git's `fetch.unpackLimit` is 100 too).
const MOST_LOOSE: u32 = 100;

/// What was handed over earlier.
pub(super) fn given(shadow: &Shadow<'_>) -> Option<Given> {
    shadow.note(GIVEN)
}

/// Hands `commit` over under `message`; on top of a newer commit of the person's where it was carried there.
pub(super) fn hand_over(
    shadow: &Shadow<'_>,
    mission: &MissionId,
    dir: &Path,
    snapshot: &Snapshot,
    (commit, carried): (&str, Option<&Carried>),
    message: &str,
) -> Result<Handed, PortError> {
    let start = checked_oid(&snapshot.commit)?;
    let tree = shadow.tree_of(commit)?;
    if shadow.call().args(["merge-base", "--is-ancestor", start, commit]).ask()?.is_none() {
        let cause = format!("the commit `{commit}` was not made on the mission's snapshot");
        return Err(PortError::new(ErrorKind::Invalid, cause));
    }
    match snapshot.kind {
        WorkspaceKind::Plain => {
            let handed = shadow.commit_tree(&tree, Some(start), message)?;
            shadow.write_note(GIVEN, &Given { handed, change: commit.to_owned() })?;
            let patch = give_patch(shadow, mission, start, commit, "")?;
            Ok(Handed { branch: None, commit: None, patch: Some(patch) })
        }
        WorkspaceKind::Git => {
            let repository = repository_at(shadow.git(), dir)?;
            let (handed, head) = match carried {
                Some(carried) => {
                    (carried_commit(shadow, carried, message)?, Some(checked_oid(&carried.head)?))
                }
                None => (final_commit(shadow, start, commit, &tree, message)?, snapshot.head.as_deref()),
            };
            let lens = Lens::open(shadow.git(), &repository, &shadow.path("lens.git"))?;
            let branch = format!("coditect/{mission}");
            shadow.write_note(GIVEN, &Given { handed: handed.clone(), change: commit.to_owned() })?;
            let given = give_branch(shadow, &lens, &repository, &branch, &handed, head);
            remove(lens.dir())?;
            match given {
                Ok(()) => Ok(Handed { branch: Some(branch), commit: Some(handed), patch: None }),
                Err(error) if keeps_branches_out(error.kind) => {
                    let why = format!("There is no branch `{branch}`: {}.\n\n", error.cause);
                    let patch = give_patch(shadow, mission, start, commit, &why)?;
                    Ok(Handed { branch: None, commit: None, patch: Some(patch) })
                }
                Err(error) => Err(error),
            }
        }
    }
}

/// Keeps `commit` as a patch file and writes nothing to the person's repository.
pub(super) fn keep_patch(
    shadow: &Shadow<'_>,
    mission: &MissionId,
    snapshot: &Snapshot,
    commit: &str,
    message: &str,
) -> Result<Handed, PortError> {
    let start = checked_oid(&snapshot.commit)?;
    let tree = shadow.tree_of(commit)?;
    let handed = match snapshot.kind {
        WorkspaceKind::Plain => shadow.commit_tree(&tree, Some(start), message)?,
        WorkspaceKind::Git => final_commit(shadow, start, commit, &tree, message)?,
    };
    shadow.write_note(GIVEN, &Given { handed, change: commit.to_owned() })?;
    let patch = give_patch(shadow, mission, start, commit, "")?;
    Ok(Handed { branch: None, commit: None, patch: Some(patch) })
}

/// True for what a person has to change before their repository takes a branch. The change is verified: until then it
/// is given as a patch file.
fn keeps_branches_out(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Denied | ErrorKind::Exhausted)
}

/// The change as a file in the mission's directory. `git apply` and `patch` pass over the lines before the first diff.
fn give_patch(
    shadow: &Shadow<'_>,
    mission: &MissionId,
    start: &str,
    commit: &str,
    above: &str,
) -> Result<PathBuf, PortError> {
    let patch = shadow.path(&format!("{mission}.patch"));
    let diff = shadow.diff(start, commit, &["--binary", "--full-index"])?;
    write_whole(&patch, &[above.as_bytes(), &diff].concat())?;
    Ok(patch)
}

/// The repository that `dir` was in when the snapshot was taken.
pub(super) fn repository_at(git: &Git, dir: &Path) -> Result<Repository, PortError> {
    match locate(git, dir)? {
        Place::Git(repository) => Ok(repository),
        Place::Plain(dir) => {
            let cause = format!("`{}` is not a git work tree any more", dir.display());
            Err(PortError::new(ErrorKind::Conflict, cause).with_hint("put its `.git` back, then try again"))
        }
    }
}

/// A change that was carried as one commit on what the person has by now, under its final message.
fn carried_commit(shadow: &Shadow<'_>, carried: &Carried, message: &str) -> Result<String, PortError> {
    let Some(commit) = &carried.commit else {
        let cause = format!("the change does not stand on `{}`", carried.head);
        return Err(PortError::new(ErrorKind::Invalid, cause));
    };
    shadow.commit_tree(&shadow.tree_of(commit)?, Some(checked_oid(&carried.head)?), message)
}

/// The change as one commit on what the person had, under its final message.
fn final_commit(
    shadow: &Shadow<'_>,
    start: &str,
    commit: &str,
    tree: &str,
    message: &str,
) -> Result<String, PortError> {
    let base = kept(shadow).filter(|kept| kept.snapshot.commit == start).map(|kept| kept.base);
    match base {
        Some(base) if base != start => {
            if let Some(tree) = tree_on_base(shadow, &base, start, commit)? {
                return shadow.commit_tree(&tree, Some(&base), message);
            }
            // The change touches a file that only the person's own filter can convert: then the branch has a
            // commit with the files as they are on the disk, and the change upon that.
            shadow.commit_tree(tree, Some(start), message)
        }
        _ => shadow.commit_tree(tree, Some(start), message),
    }
}

/// The tree of `base` with the change from `start` to `commit`; None where a file of it cannot be carried over.
fn tree_on_base(
    shadow: &Shadow<'_>,
    base: &str,
    start: &str,
    commit: &str,
) -> Result<Option<String>, PortError> {
    let converted = shadow.differences(base, start)?;
    let mut entries = Vec::new();
    for difference in shadow.differences(start, commit)? {
        let history = match converted.iter().find(|other| other.path == difference.path) {
            Some(other) => other.old.as_ref(),
            None => difference.old.as_ref(),
        };
        let entry = match &difference.new {
            None => None,
            Some((mode, new)) => {
                let disk = difference.old.as_ref().map(|(_, oid)| oid.as_str());
                match for_history(shadow, new, disk, history.map(|(_, oid)| oid.as_str()))? {
                    Some(oid) => Some((mode.clone(), oid)),
                    None => return Ok(None),
                }
            }
        };
        entries.push((difference.path, entry));
    }
    shadow.tree_with(&shadow.tree_of(base)?, &entries).map(Some)
}

/// Makes the branch, or finds that it is there.
fn give_branch(
    shadow: &Shadow<'_>,
    lens: &Lens<'_>,
    repository: &Repository,
    branch: &str,
    handed: &str,
    head: Option<&str>,
) -> Result<(), PortError> {
    let name = format!("refs/heads/{branch}");
    if branch_is(lens, &name, handed)? {
        return Ok(());
    }
    if lens.resolve("refs/heads/coditect")?.is_some() {
        let cause =
            format!("the repository has a branch `coditect`, so git cannot have one named `{branch}`");
        return Err(PortError::new(ErrorKind::Denied, cause)
            .with_hint("rename it: `git branch -m coditect NEW-NAME`"));
    }
    send_objects(shadow, lens, handed, head)?;
    match create_ref(lens, &name, handed) {
        Ok(()) => Ok(()),
        // Another call was first and made the same branch.
        Err(_) if branch_is(lens, &name, handed)? => Ok(()),
        Err(error) => {
            if !take_back_lock(repository, &name, handed)? {
                return Err(error);
            }
            create_ref(lens, &name, handed)
        }
    }
}

fn branch_is(lens: &Lens<'_>, name: &str, handed: &str) -> Result<bool, PortError> {
    match lens.resolve(name)? {
        None => Ok(false),
        Some(there) if there == handed => Ok(true),
        Some(there) => {
            let cause = format!("`{name}` exists and is at `{there}`, not at `{handed}`");
            Err(PortError::new(ErrorKind::Conflict, cause).with_hint("rename that branch"))
        }
    }
}

/// Creates a ref that must not exist. Git waits two seconds for a lock (see the settings in `git.rs`).
fn create_ref(lens: &Lens<'_>, name: &str, commit: &str) -> Result<(), PortError> {
    let none = "0".repeat(commit.len());
    let call = lens.durable_call().setting("core.logAllRefUpdates=false");
    call.args(["update-ref", "--no-deref", name, commit, &none]).run().map(drop)
}

/// Removes the lock that a killed call of ours left on this very ref. Only a mission's own hand-over takes it,
/// and only one that was killed leaves it empty or with this commit in it.
fn take_back_lock(repository: &Repository, name: &str, commit: &str) -> Result<bool, PortError> {
    let lock = repository.common_dir.join(format!("{name}.lock"));
    let ours = fs::symlink_metadata(&lock).is_ok_and(|meta| meta.is_file() && meta.len() <= 65)
        && fs::read(&lock).is_ok_and(|text| text.is_empty() || text.trim_ascii_end() == commit.as_bytes());
    if ours {
        remove(&lock)?;
    }
    Ok(ours)
}

/// Copies what `commit` needs, beyond what `known` has, into the person's object store.
pub(super) fn send_objects(
    shadow: &Shadow<'_>,
    lens: &Lens<'_>,
    commit: &str,
    known: Option<&str>,
) -> Result<(), PortError> {
    let pack = shadow.path("handover.pack");
    let file = File::create(&pack).map_err(|error| trouble("write", &pack, &error))?;
    let mut wanted = format!("{commit}\n");
    if let Some(known) = known {
        wanted.push_str(&format!("^{known}\n"));
    }
    let packing = shadow.call().args(["pack-objects", "--revs", "--thin", "--stdout", "-q"]);
    packing.stdin(wanted.into_bytes()).stdout_file(file).run()?;
    let file = File::open(&pack).map_err(|error| trouble("read", &pack, &error))?;
    // A few loose objects, as `git commit` leaves them; or a pack, as `git fetch` does. Both are nothing but new
    // files in `objects/`.
    let unpacking = match objects_in(&pack)? {
        0..=MOST_LOOSE => lens.durable_call().args(["unpack-objects", "-q"]),
        _ => lens.durable_call().args(["index-pack", "--stdin", "--fix-thin"]),
    };
    unpacking.stdin_file(file).run()?;
    remove(&pack)
}

/// How many objects a pack says it has: the third word of its header (gitformat-pack(5)).
fn objects_in(pack: &Path) -> Result<u32, PortError> {
    let mut header = [0; 12];
    File::open(pack)
        .and_then(|mut file| file.read_exact(&mut header))
        .map_err(|error| trouble("read", pack, &error))?;
    let [.., a, b, c, d] = header;
    Ok(u32::from_be_bytes([a, b, c, d]))
}
