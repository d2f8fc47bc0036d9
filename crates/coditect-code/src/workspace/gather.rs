//! Putting a snapshot's index together.
//!
//! It starts as a copy of the person's own, so that files which did not change since their git last looked are
//! not read again. Then every tracked path is compared with the disk, and untracked files that are not ignored
//! are added: that is the directory as their git sees it. Last, files whose bytes on the disk are not those of
//! their blob are hashed as they are.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Metadata};
use std::path::{Path, PathBuf};
use std::time::Duration;

use coditect_ports::PortError;
use coditect_types::ErrorKind;

use super::disk::{Standing, copy_index, standing};
use super::git::{Call, joined};
use super::lens::{Head, Lens};
use super::paths::{above, below, line, list, parts, remove, shown, trouble, write_whole};
use super::repository::Repository;
use super::shadow::Shadow;
use super::snapshot::Source;
use super::survey::Survey;

/// Untracked files beyond these are a forgotten `.gitignore`, not work.
const MOST_UNTRACKED_FILES: usize = 200_000;
const MOST_UNTRACKED_BYTES: u64 = 4 << 30;

/// One line of the index.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) path: Vec<u8>,
    pub(super) mode: String,
    oid: String,
    /// As `git ls-files -v` has it.
    tag: u8,
    merged: bool,
}

impl Entry {
    pub(super) fn is_submodule(&self) -> bool {
        self.mode == "160000"
    }

    /// The person told git not to look at it (`update-index --skip-worktree`, or a sparse checkout).
    fn is_skipped(&self) -> bool {
        self.tag.eq_ignore_ascii_case(&b'S')
    }

    /// `<tag> <mode> <oid> <stage>\t<path>`
    fn parse(part: &[u8]) -> Option<Self> {
        let tab = part.iter().position(|&byte| byte == b'\t')?;
        let mut words = part[..tab].split(|&byte| byte == b' ');
        let (tag, mode, oid, stage) = (words.next()?, words.next()?, words.next()?, words.next()?);
        Some(Self {
            path: part[tab + 1..].to_vec(),
            mode: line(mode),
            oid: line(oid),
            tag: *tag.first()?,
            merged: stage == b"0",
        })
    }
}

/// Where the person's ignore rules stand, beside the `.gitignore` files.
#[derive(Debug)]
pub(super) struct Excludes<'a> {
    pub(super) common: Option<&'a Path>,
    pub(super) own: Option<&'a Path>,
}

/// A snapshot that is being put together.
#[derive(Debug)]
pub(super) struct Gather<'a> {
    pub(super) source: &'a Source<'a>,
    pub(super) shadow: &'a Shadow<'a>,
    pub(super) top: &'a Path,
    /// None in a plain directory: then there is only what stands on the disk.
    pub(super) git_sees: Option<(&'a Lens<'a>, &'a Repository)>,
    pub(super) index: PathBuf,
}

/// How a file's bytes become a blob.
#[derive(Clone, Copy, Debug)]
enum View {
    /// As the person's git would hash it, but for filters.
    Git,
    /// As it stands on the disk.
    Disk,
}

impl Gather<'_> {
    /// A command on our index and the person's files.
    fn call(&self, view: View) -> Call {
        match (view, self.git_sees) {
            (View::Git, Some((lens, repository))) => {
                lens.look(repository, self.source.taste, self.shadow, &self.index)
            }
            (View::Disk, Some((_, repository))) => {
                repository.disk.iter().fold(self.plain_call(), |call, setting| call.setting(setting))
            }
            (_, None) => self.plain_call(),
        }
    }

    fn plain_call(&self) -> Call {
        let call = self.source.git.call(self.top).git_dir(&self.shadow.repo());
        call.work_tree(self.top).index(&self.index)
    }

    pub(super) fn write_tree(&self) -> Result<String, PortError> {
        // Blobs that a partial clone never fetched are not needed for a tree.
        Ok(line(&self.call(View::Disk).args(["write-tree", "--missing-ok"]).run()?))
    }

    pub(super) fn entries(&self) -> Result<Vec<Entry>, PortError> {
        let said = self.call(View::Git).args(["ls-files", "-s", "-v", "-z"]).run()?;
        Ok(parts(&said).filter_map(Entry::parse).collect())
    }

    /// Feeds paths to `git update-index`.
    fn update(&self, view: View, flags: &[&str], paths: &[&[u8]]) -> Result<(), PortError> {
        if paths.is_empty() {
            return Ok(());
        }
        let call = self.call(view).arg("update-index").args(flags).args(["-z", "--stdin"]);
        call.stdin(list(paths.iter().copied())).run().map(drop)
    }

    /// Copies the person's index, or makes one of HEAD where they have none.
    pub(super) fn seed(
        &self,
        repository: &Repository,
        lens: &Lens<'_>,
        head: &Head,
    ) -> Result<(), PortError> {
        let theirs = repository.git_dir.join("index");
        if copy_index(&theirs, &self.index, &repository.git_dir, lens.dir())? {
            let checked = self.call(View::Git).args(["ls-files", "-s"]).answer()?;
            if checked.code != Some(0) {
                let cause = format!("`{}` cannot be read: {}", theirs.display(), checked.complaint());
                return Err(PortError::new(ErrorKind::Invalid, cause)
                    .with_hint("move that file away and run `git reset`: your files stay as they are"));
            }
        } else if let Some(commit) = &head.commit {
            self.call(View::Git).args(["read-tree", commit]).run()?;
        }
        Ok(())
    }

    /// Brings every tracked path to what stands on the disk. Gives what the disk said of each file that is there.
    pub(super) fn update_tracked(
        &self,
        filtered: &BTreeSet<Vec<u8>>,
        notes: &mut BTreeMap<Vec<u8>, String>,
    ) -> Result<BTreeMap<Vec<u8>, Metadata>, PortError> {
        let entries = self.entries()?;
        let mut seen = BTreeMap::new();
        let (mut changed, mut gone) = (BTreeSet::new(), BTreeSet::new());
        let links = self.links_on_the_way(&entries);
        for entry in &entries {
            let path = &entry.path[..];
            if above(path).any(|dir| links.contains(dir)) {
                gone.insert(path);
                continue;
            }
            if entry.is_submodule() {
                if !entry.merged {
                    gone.insert(path);
                }
                continue;
            }
            match standing(&below(self.top, path)) {
                Standing::File(meta) => {
                    if !entry.merged {
                        let note = "in the middle of a merge; kept as it stands on the disk";
                        notes.insert(path.to_vec(), note.to_owned());
                    }
                    changed.insert(path);
                    seen.insert(path.to_vec(), meta);
                }
                Standing::Absent if entry.is_skipped() => {}
                Standing::Absent | Standing::Other => {
                    gone.insert(path);
                }
                Standing::Unreadable if entry.merged => {
                    notes.insert(path.to_vec(), "file that cannot be read; kept as git has it".to_owned());
                }
                Standing::Unreadable => {
                    let cause = format!("`{}` is in conflict and cannot be read", shown(path));
                    return Err(PortError::new(ErrorKind::Denied, cause));
                }
            }
        }
        let there = |entry: &&Entry| seen.contains_key(&entry.path);
        let skipped = entries.iter().filter(there).filter(|entry| entry.is_skipped());
        self.update(
            View::Git,
            &["--no-skip-worktree"],
            &skipped.map(|entry| &entry.path[..]).collect::<Vec<_>>(),
        )?;
        let assumed = entries.iter().filter(there).filter(|entry| entry.tag.is_ascii_lowercase());
        self.update(
            View::Git,
            &["--no-assume-unchanged"],
            &assumed.map(|entry| &entry.path[..]).collect::<Vec<_>>(),
        )?;
        self.update(View::Git, &["--force-remove"], &gone.into_iter().collect::<Vec<_>>())?;
        let untouched = self.untouched(filtered)?;
        changed.retain(|path| !untouched.contains(*path));
        self.update(View::Git, &["--add", "--remove"], &changed.into_iter().collect::<Vec<_>>())?;
        Ok(seen)
    }

    /// Directories of the index that are links on the disk: what lies beyond them is not the repository's.
    fn links_on_the_way<'e>(&self, entries: &'e [Entry]) -> BTreeSet<&'e [u8]> {
        let mut dirs: BTreeSet<&[u8]> = entries.iter().flat_map(|entry| above(&entry.path)).collect();
        dirs.retain(|dir| fs::symlink_metadata(below(self.top, dir)).is_ok_and(|meta| meta.is_symlink()));
        dirs
    }

    /// Adds what is neither tracked nor ignored.
    pub(super) fn add_untracked(
        &self,
        survey: &Survey,
        excludes: &Excludes<'_>,
        notes: &mut BTreeMap<Vec<u8>, String>,
    ) -> Result<(), PortError> {
        let pruned = self.shadow.path("pruned");
        write_whole(&pruned, &survey.patterns())?;
        let mut call =
            self.call(View::Git).args(["ls-files", "-z", "--others", "--exclude-per-directory=.gitignore"]);
        // Of these files the last one wins, as with git: the repository's own beats the person's common one.
        for file in [excludes.common, excludes.own, Some(&pruned)].into_iter().flatten() {
            if file.is_file() {
                call = call.arg(joined("--exclude-from=", file));
            }
        }
        let listed = call.run()?;
        remove(&pruned)?;
        let (mut paths, mut bytes) = (Vec::new(), 0_u64);
        for path in parts(&listed) {
            // A name that ends in `/` is a git repository of its own.
            if path.ends_with(b"/") || survey.prunes(path) {
                continue;
            }
            match standing(&below(self.top, path)) {
                Standing::File(meta) => {
                    bytes += meta.len();
                    paths.push(path);
                }
                Standing::Unreadable => {
                    notes.insert(path.to_vec(), "file that cannot be read".to_owned());
                }
                Standing::Absent | Standing::Other => {}
            }
        }
        if paths.len() > MOST_UNTRACKED_FILES || bytes > MOST_UNTRACKED_BYTES {
            let (files, mib, top) = (paths.len(), bytes >> 20, self.top.display());
            let cause =
                format!("`{top}` has {files} untracked files of {mib} MiB together, which is too much");
            let hint = "name what is not source in `.gitignore`";
            return Err(PortError::new(ErrorKind::Exhausted, cause).with_hint(hint));
        }
        self.update(View::Git, &["--add", "--remove"], &paths)
    }

    /// Hashes tracked files anew whose bytes are not those of their blob, since a conversion stands between the
    /// two. True if there was one.
    pub(super) fn rehash_converted(
        &self,
        filtered: &BTreeSet<Vec<u8>>,
        seen: &BTreeMap<Vec<u8>, Metadata>,
    ) -> Result<bool, PortError> {
        let entries = self.entries()?;
        let files: Vec<&Entry> = entries.iter().filter(|entry| seen.contains_key(&entry.path)).collect();
        let oids: Vec<u8> = files.iter().flat_map(|entry| [entry.oid.as_bytes(), b"\n"].concat()).collect();
        let said = self.shadow.call().args(["cat-file", "--batch-check=%(objectsize)"]).stdin(oids).run()?;
        let sizes = said.split(|&byte| byte == b'\n').map(|size| line(size).parse::<u64>().ok());
        let doubtful: Vec<&Entry> = files
            .into_iter()
            .zip(sizes)
            .filter(|(entry, size)| {
                let on_disk = seen.get(&entry.path).map(Metadata::len);
                (size.is_some() && *size != on_disk) || filtered.contains(&entry.path)
            })
            .map(|(entry, _)| entry)
            .collect();
        if doubtful.is_empty() {
            return Ok(false);
        }
        // An entry that is set this way has no times, so that the file is read again.
        let lines: Vec<Vec<u8>> = doubtful
            .iter()
            .map(|entry| [format!("{} {} 0\t", entry.mode, entry.oid).as_bytes(), &entry.path].concat())
            .collect();
        let reset = self.call(View::Disk).args(["update-index", "-z", "--index-info"]);
        reset.stdin(list(lines.iter().map(Vec::as_slice))).run()?;
        let paths: Vec<&[u8]> = doubtful.iter().map(|entry| &entry.path[..]).collect();
        self.update(View::Disk, &["--add", "--remove"], &paths)?;
        Ok(true)
    }

    /// Tracked files under an attribute that may change bytes without changing their number.
    pub(super) fn filtered(
        &self,
        lens: &Lens<'_>,
        has_attributes: bool,
    ) -> Result<BTreeSet<Vec<u8>>, PortError> {
        let taste = self.source.taste;
        if !has_attributes && taste.attributes.is_none() && !lens.dir().join("info/attributes").is_file() {
            return Ok(BTreeSet::new());
        }
        let names = self.call(View::Git).args(["ls-files", "-z"]).run()?;
        let call = self.call(View::Git).args(["check-attr", "-z", "--stdin"]);
        let said = call.args(["filter", "ident", "working-tree-encoding"]).stdin(names).run()?;
        // path, attribute, value
        let fields: Vec<&[u8]> = said.split(|&byte| byte == 0).collect();
        let set = fields.chunks_exact(3).filter(|field| !matches!(field[2], b"unspecified" | b"unset"));
        Ok(set.map(|field| field[0].to_vec()).collect())
    }

    /// Those of `paths` that their git has seen as they are now. Where a filter stands between file and blob,
    /// only times can tell, since we do not run filters: so even an entry of the very second of the index counts
    /// as seen, where git itself would run the filter to be sure.
    fn untouched(&self, paths: &BTreeSet<Vec<u8>>) -> Result<BTreeSet<Vec<u8>>, PortError> {
        if paths.is_empty() {
            return Ok(BTreeSet::new());
        }
        let set_time =
            |time| File::options().write(true).open(&self.index).and_then(|file| file.set_modified(time));
        let trouble = |error| trouble("set the time of", &self.index, &error);
        let time = fs::metadata(&self.index).and_then(|meta| meta.modified()).map_err(trouble)?;
        set_time(time + Duration::from_secs(2)).map_err(trouble)?;
        let flags = ["-z", "--name-only", "--no-renames", "--ignore-submodules=all"];
        let said = self.call(View::Git).arg("diff-files").args(flags).run();
        set_time(time).map_err(trouble)?;
        let said = said?;
        let touched: BTreeSet<&[u8]> = parts(&said).collect();
        Ok(paths.iter().filter(|path| !touched.contains(&path[..])).cloned().collect())
    }
}
