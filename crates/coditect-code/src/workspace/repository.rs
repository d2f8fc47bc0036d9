//! Finding out what the person's directory is, by reading files. No git runs inside their repository, except
//! `git config --file`, which parses one file and follows no include.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use coditect_ports::PortError;
use coditect_types::ErrorKind;

use super::git::{Git, joined};
use super::paths::trouble;

/// Settings of the person's that say how their disk behaves and which line ends they want. They are carried
/// over, since they name no program.
const DISK_SETTINGS: &[&str] = &[
    "core.autocrlf",
    "core.eol",
    "core.filemode",
    "core.symlinks",
    "core.ignorecase",
    "core.precomposeunicode",
    "core.trustctime",
    "core.checkstat",
    "core.sharedrepository",
];

/// Extensions of the repository format that change nothing for a reader of objects and refs.
const HARMLESS_EXTENSIONS: &[&str] =
    &["noop", "noop-v1", "preciousobjects", "partialclone", "worktreeconfig", "relativeworktrees"];

/// What a directory is under.
#[derive(Debug)]
pub(super) enum Place {
    Git(Repository),
    Plain(PathBuf),
}

/// A work tree and the git directories that belong to it.
#[derive(Clone, Debug)]
pub(super) struct Repository {
    /// The work tree: the directory that holds `.git`. `core.worktree` is not followed.
    pub(super) top: PathBuf,
    /// The named directory below `top`.
    pub(super) subdir: PathBuf,
    /// HEAD and index are here.
    pub(super) git_dir: PathBuf,
    /// Objects and refs are here; the same as `git_dir` but for linked worktrees.
    pub(super) common_dir: PathBuf,
    /// Objects are named by SHA-256.
    pub(super) sha256: bool,
    /// Refs are kept in the reftable format.
    pub(super) reftable: bool,
    /// `name=value` for the settings of [`DISK_SETTINGS`].
    pub(super) disk: Vec<String>,
    /// The repository's own `core.excludesFile`.
    pub(super) excludes: Option<PathBuf>,
}

/// Looks at `dir` and the directories above it, as git does, up to the edge of the file system.
pub(super) fn locate(git: &Git, dir: &Path) -> Result<Place, PortError> {
    let named = fs::canonicalize(dir).map_err(|error| trouble("open the directory", dir, &error))?;
    let meta = fs::metadata(&named).map_err(|error| trouble("look at", dir, &error))?;
    if !meta.is_dir() {
        return Err(PortError::new(ErrorKind::Invalid, format!("`{}` is not a directory", dir.display())));
    }
    for top in named.ancestors() {
        if fs::metadata(top).map_or(true, |above| above.dev() != meta.dev()) {
            break;
        }
        if let Some(git_dir) = git_dir_of(top)? {
            let subdir = named.strip_prefix(top).unwrap_or(Path::new("")).to_owned();
            return open(git, top, subdir, git_dir).map(Place::Git);
        }
        if looks_like_git_dir(top) {
            return Err(PortError::new(
                ErrorKind::Invalid,
                format!("`{}` is a bare repository: it has no files to work on", top.display()),
            )
            .with_hint("clone it, and name the clone"));
        }
    }
    Ok(Place::Plain(named))
}

/// What a mission on a directory would read and write beside it: the work tree that it is in, and that one's git directories.
pub fn stands_on(git: &Git, dir: &Path) -> Result<Vec<PathBuf>, PortError> {
    Ok(match locate(git, dir)? {
        Place::Git(Repository { top, git_dir, common_dir, .. }) => vec![top, git_dir, common_dir],
        Place::Plain(dir) => vec![dir],
    })
}

/// The git directory that `top/.git` is or points to.
fn git_dir_of(top: &Path) -> Result<Option<PathBuf>, PortError> {
    let dot_git = top.join(".git");
    let Ok(meta) = fs::metadata(&dot_git) else {
        return Ok(None);
    };
    if meta.is_dir() {
        // An empty `.git` is passed over by git too.
        let empty = fs::read_dir(&dot_git)
            .map_err(|error| trouble("read the directory", &dot_git, &error))?
            .next()
            .is_none();
        return Ok((!empty).then_some(dot_git));
    }
    if !meta.is_file() || meta.len() > 65_536 {
        return Err(damaged(&dot_git, "is neither a directory nor a small file"));
    }
    let text = fs::read(&dot_git).map_err(|error| trouble("read", &dot_git, &error))?;
    let Some(target) = text.strip_prefix(b"gitdir: ") else {
        return Err(damaged(&dot_git, "does not start with `gitdir: `"));
    };
    Ok(Some(top.join(OsStr::from_bytes(target.trim_ascii_end()))))
}

fn looks_like_git_dir(dir: &Path) -> bool {
    dir.join("HEAD").is_file() && dir.join("objects").is_dir() && dir.join("refs").is_dir()
}

fn damaged(path: &Path, what: &str) -> PortError {
    PortError::new(ErrorKind::Invalid, format!("`{}` {what}", path.display()))
        .with_hint("run `git status` there: it is not a repository that git can use")
}

/// Checks a git directory and reads what matters of its configuration.
fn open(git: &Git, top: &Path, subdir: PathBuf, git_dir: PathBuf) -> Result<Repository, PortError> {
    let git_dir = fs::canonicalize(&git_dir).map_err(|error| {
        trouble("open the git directory", &git_dir, &error)
            .with_hint(format!("`{}` points there: run `git worktree repair`", top.join(".git").display()))
    })?;
    let common_dir = common_dir_of(&git_dir)?;
    for (dir, name) in [(&git_dir, "HEAD"), (&common_dir, "objects"), (&common_dir, "refs")] {
        if fs::symlink_metadata(dir.join(name)).is_err() {
            return Err(damaged(dir, &format!("has no `{name}`")));
        }
    }
    // Git says of a store that it may not read that there is no repository.
    for dir in ["objects", "refs"].map(|name| common_dir.join(name)) {
        fs::read_dir(&dir).map_err(|error| trouble("read the directory", &dir, &error))?;
    }
    let config = read_config(git, &common_dir.join("config"))?;
    let linked = git_dir != common_dir;
    if !linked && is_true(config.get("core.bare")) {
        return Err(PortError::new(
            ErrorKind::Invalid,
            format!("`{}` belongs to a bare repository: it has no files to work on", top.display()),
        )
        .with_hint("clone it or add a worktree, and name that"));
    }
    let format = Format::of(&config, &git_dir, linked)?;
    let disk = DISK_SETTINGS
        .iter()
        .filter_map(|&name| config.get(name).map(|value| format!("{name}={value}")))
        .collect();
    let excludes = config.get("core.excludesfile").map(PathBuf::from).filter(|path| path.is_absolute());
    Ok(Repository {
        top: top.to_owned(),
        subdir,
        git_dir,
        common_dir,
        sha256: format.sha256,
        reftable: format.reftable,
        disk,
        excludes,
    })
}

/// A linked worktree's git directory names the one that it shares.
fn common_dir_of(git_dir: &Path) -> Result<PathBuf, PortError> {
    let file = git_dir.join("commondir");
    if !file.is_file() {
        return Ok(git_dir.to_owned());
    }
    let text = fs::read(&file).map_err(|error| trouble("read", &file, &error))?;
    let target = git_dir.join(OsStr::from_bytes(text.trim_ascii_end()));
    fs::canonicalize(&target).map_err(|error| trouble("open the git directory", &target, &error))
}

/// What the repository's format is.
struct Format {
    sha256: bool,
    reftable: bool,
}

impl Format {
    fn of(config: &BTreeMap<String, String>, git_dir: &Path, linked: bool) -> Result<Self, PortError> {
        let refuse = |what: &str| {
            Err(PortError::new(ErrorKind::Invalid, format!("`{}` {what}", git_dir.display()))
                .with_hint("clone it into a new repository, and name that"))
        };
        let version = config.get("core.repositoryformatversion").map_or("0", String::as_str);
        if !matches!(version, "0" | "1") {
            return refuse(&format!("has the unknown repository format {version}"));
        }
        let mut format = Self { sha256: false, reftable: false };
        let extensions =
            config.iter().filter_map(|(key, value)| Some((key.strip_prefix("extensions.")?, value)));
        for (name, value) in extensions {
            match (name, value.as_str()) {
                ("objectformat", "sha1") | ("refstorage", "files") => {}
                ("objectformat", "sha256") => format.sha256 = true,
                ("refstorage", "reftable") if !linked => format.reftable = true,
                ("refstorage", "reftable") => {
                    return refuse("is a linked worktree of a repository that keeps its refs in a reftable");
                }
                (name, _) if HARMLESS_EXTENSIONS.contains(&name) => {}
                // Format 0 has no extensions: git ignores what is written there.
                _ if version == "0" => {}
                (name, value) => return refuse(&format!("uses the extension `{name} = {value}`")),
            }
        }
        Ok(format)
    }
}

/// One configuration file as `section.name` (lower case; subsections as written) and last value.
pub(super) fn read_config(git: &Git, file: &Path) -> Result<BTreeMap<String, String>, PortError> {
    if !file.is_file() {
        return Ok(BTreeMap::new());
    }
    let call = git.call(Path::new("/")).args(["config", "--null", "--list"]);
    let listed = call.arg(joined("--file=", file)).run().map_err(|error| {
        PortError { kind: ErrorKind::Invalid, ..error }
            .with_hint("correct that file: git cannot read it either")
    })?;
    let pairs = super::paths::parts(&listed).map(|pair| {
        let mut halves = pair.splitn(2, |&byte| byte == b'\n').map(|half| {
            // Values that are not UTF-8 can only be paths, and those are compared with nothing.
            String::from_utf8_lossy(half).into_owned()
        });
        // A key without `=` is a true boolean.
        (halves.next().unwrap_or_default(), halves.next().unwrap_or_else(|| "true".to_owned()))
    });
    Ok(pairs.collect())
}

fn is_true(value: Option<&String>) -> bool {
    value.is_some_and(|text| matches!(text.to_ascii_lowercase().as_str(), "true" | "yes" | "on" | "1"))
}
