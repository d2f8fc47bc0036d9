//! The compiled interpreter, kept between starts.
//!
//! Compiled code is executed, so it is loaded only from a directory that is ours alone, and only if its bytes are
//! the ones that this installation wrote: the file's name carries their hash, and the very bytes that were hashed
//! are the ones that are loaded. Anything else is compiled again.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Instant;

use coditect_ports::PortError;
use wasmtime::Engine;
use wasmtime::component::Component;

use super::memory::Memories;
use super::snapshot::{self, Contents};
use super::{assets, engine};

/// Changes when the layout of the kept files does.
const FORMAT: &[u8] = b"memory and code, 1";

/// Compiled interpreters that are kept, for versions and settings that are used by turns.
const KEPT: usize = 3;

/// A step of [`super::PythonWasm::open`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The interpreter is being compiled for this machine; once, some seconds.
    Compiling,
    /// It was compiled.
    Compiled {
        /// How long that took, ms.
        ms: u64,
    },
    /// It was found in the cache.
    Found,
}

/// A directory that only we can change, or a temporary one.
pub(super) enum Cache {
    /// Kept between starts.
    Kept(PathBuf),
    /// Gone with the process, with the reason.
    Temporary(io::Result<tempfile::TempDir>, String),
}

impl fmt::Display for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept(path) => write!(f, "{}", path.display()),
            Self::Temporary(_, why) => write!(f, "none: {why}"),
        }
    }
}

impl Cache {
    /// Opens or creates the cache below `parent`.
    pub(super) fn open(parent: &Path) -> Self {
        match own_directory(&parent.join("wasm")) {
            Ok(path) => Self::Kept(path),
            Err(why) => {
                let temporary = tempfile::Builder::new().prefix("coditect-wasm-").tempdir();
                Self::Temporary(temporary, format!("{}: {why}", parent.display()))
            }
        }
    }

    /// Waits until no other process compiles, and keeps others waiting until it is dropped (or we die).
    fn lock(&self) -> Option<std::fs::File> {
        let Self::Kept(directory) = self else { return None };
        let file = std::fs::File::create(directory.join("compile.lock")).ok()?;
        file.lock().ok()?;
        Some(file)
    }

    /// Where files may be put.
    pub(super) fn directory(&self) -> io::Result<&Path> {
        match self {
            Self::Kept(path) => Ok(path),
            Self::Temporary(Ok(dir), _) => Ok(dir.path()),
            Self::Temporary(Err(error), _) => Err(io::Error::new(error.kind(), error.to_string())),
        }
    }
}

/// Makes sure that `path` is a real directory, ours, writable, and closed to everybody else.
fn own_directory(path: &Path) -> io::Result<PathBuf> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    let metadata = std::fs::symlink_metadata(path)?;
    let refuse = |why: &str| Err(io::Error::new(io::ErrorKind::PermissionDenied, why.to_owned()));
    if !metadata.is_dir() {
        return refuse("not a directory");
    }
    if metadata.uid() != nix::unistd::geteuid().as_raw() {
        return refuse("belongs to another user");
    }
    if metadata.mode() & 0o077 != 0 {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))?;
    }
    tempfile::tempfile_in(path)?;
    path.canonicalize()
}

/// A component and where it came from.
pub(super) struct Loaded {
    pub(super) component: Component,
    pub(super) origin: Origin,
}

/// Where a component came from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Origin {
    Cache,
    Compiled { ms: u64 },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cache => write!(f, "found in the cache"),
            Self::Compiled { ms } => write!(f, "compiled in {ms} ms"),
        }
    }
}

/// Loads the interpreter from the cache, or compiles it and keeps it there.
pub(super) fn load(
    engine: &Engine,
    cache: &Cache,
    memories: &Memories,
    on_progress: &mut dyn FnMut(Progress),
) -> Result<Loaded, PortError> {
    let key = key(engine);
    let mut found = || {
        let Cache::Kept(directory) = cache else { return None };
        let component = find(engine, directory, memories, &key)?;
        on_progress(Progress::Found);
        Some(Loaded { component, origin: Origin::Cache })
    };
    if let Some(loaded) = found() {
        return Ok(loaded);
    }
    // Of several processes that start at once, one compiles. Where locks do not work, they all do, which is fine.
    let _lock = cache.lock();
    if let Some(loaded) = found() {
        return Ok(loaded);
    }
    on_progress(Progress::Compiling);
    let started = Instant::now();
    let bytes = assets::component().map_err(|e| assets::unusable(&e))?;
    let split = snapshot::split(&bytes).map_err(|e| assets::unusable(&io::Error::other(e)))?;
    let component = Component::from_binary(engine, &split.component)
        .map_err(|e| engine::bug("compile the interpreter", &e))?;
    Contents::parse(&split.contents)
        .map_err(io::Error::other)
        .and_then(|contents| memories.provide(contents))
        .map_err(|e| super::unavailable("set up the interpreter's memory", &e))?;
    let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    on_progress(Progress::Compiled { ms });
    if let Cache::Kept(directory) = cache
        && let Err(error) = keep(&component, &split.contents, directory, &key)
    {
        // Not fatal: the next start compiles again.
        tracing::warn!(error = %error, directory = %directory.display(), "compiled interpreter could not be kept");
    }
    Ok(Loaded { component, origin: Origin::Compiled { ms } })
}

/// Everything that decides whether compiled code fits: the artefact, the engine, its settings, the processor.
fn key(engine: &Engine) -> String {
    struct Blake(blake3::Hasher);
    impl Hasher for Blake {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            0 // Never asked for: the whole hash is read below.
        }
    }
    let mut hasher = Blake(blake3::Hasher::new());
    hasher.write(FORMAT);
    hasher.write(assets::COMPONENT);
    hasher.write(engine::WASMTIME.as_bytes());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.0.finalize().to_hex()[..32].to_owned()
}

/// The component of this key, if its file is whole.
fn find(engine: &Engine, directory: &Path, memories: &Memories, key: &str) -> Option<Component> {
    for entry in std::fs::read_dir(directory).ok()?.flatten() {
        let name = entry.file_name();
        let Some(hash) =
            name.to_str().and_then(|name| name.strip_prefix(key)?.strip_prefix('-')?.strip_suffix(".cwasm"))
        else {
            continue;
        };
        let Ok(bytes) = std::fs::read(entry.path()) else { continue };
        if blake3::hash(&bytes).to_hex().as_str() != hash {
            tracing::warn!(file = %entry.path().display(), "compiled interpreter is damaged: compiling again");
            continue;
        }
        let Some((contents, code)) = parts(&bytes) else { continue };
        match deserialize(engine, code) {
            Ok(component) => {
                let provided =
                    Contents::parse(contents).map_err(io::Error::other).and_then(|it| memories.provide(it));
                return provided.is_ok().then_some(component);
            }
            Err(error) => tracing::warn!(%error, "compiled interpreter does not fit: compiling again"),
        }
    }
    None
}

/// The two parts of a kept file: what the memory contains, behind its length, then the compiled component.
fn parts(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)
}

#[allow(unsafe_code, reason = "wasmtime cannot check machine code, only who wrote it can be checked")]
fn deserialize(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `Component::deserialize` must be given bytes that `Component::serialize` of a compatible engine
    // wrote. `bytes` are a part of what was read from a directory that belongs to our user and that nobody else may enter (mode 0700,
    // checked when the cache was opened), from a file whose name carries the hash of exactly these bytes (checked
    // by the caller, on the buffer that is passed here, so the file cannot change in between) and, as a prefix, the
    // key over the artefact, the engine's version and its compatibility hash. Only `keep` makes such files, from
    // `Component::serialize`. wasmtime itself checks version, target and settings once more.
    unsafe { Component::deserialize(engine, bytes) }
}

/// Writes the compiled component, durable and all at once.
fn keep(
    component: &Component,
    contents: &[u8],
    directory: &Path,
    key: &str,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut bytes = (contents.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(contents);
    bytes.extend_from_slice(&component.serialize()?);
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(&bytes)?;
    file.as_file().sync_all()?;
    file.persist(directory.join(format!("{key}-{}.cwasm", blake3::hash(&bytes).to_hex())))?;
    std::fs::File::open(directory)?.sync_all()?;
    prune(directory)?;
    Ok(())
}

/// Removes the oldest compiled interpreters beyond [`KEPT`]: each upgrade leaves one of some 60 MB behind.
fn prune(directory: &Path) -> io::Result<()> {
    let mut found: Vec<_> = std::fs::read_dir(directory)?
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "cwasm"))
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    found.sort();
    for (_, path) in found.iter().rev().skip(KEPT) {
        std::fs::remove_file(path)?;
    }
    Ok(())
}
