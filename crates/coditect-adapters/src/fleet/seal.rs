//! Who says something in a fleet: what goes by the server is signed by whoever sends it (Ed25519, RFC 8032, keys as NATS writes them), and
//! taken only from those whom one trusts, where a list says who that is.
//!
//! The list is a file that is read each time, so that a line that is gone is gone at once. What is signed is told apart by what it is,
//! and an outcome by the very order that it answers.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_nats::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use coditect_ports::PortError;
use coditect_types::ErrorKind;
use nkeys::{KeyPair, KeyPairType};

/// Where a signature and the key that it is by stand beside a message.
const KEY: &str = "Coditect-Key";
pub(super) const SIGNATURE: &str = "Coditect-Signature";
/// Bytes of a list of keys.
const MOST: u64 = 1 << 20;

/// What is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Matter {
    Order,
    /// An outcome of the order that has this digest.
    Outcome([u8; 32]),
    /// Why the order was given up that was sent as this.
    Dead([u8; 32]),
}

/// Beside an outcome: the digest of the order that it is of, in hex.
const ORDER: &str = "Coditect-Order";

/// Says of which order an outcome is.
pub(super) fn say_order(of: [u8; 32], headers: &mut HeaderMap) {
    headers.insert(ORDER, blake3::Hash::from(of).to_hex().as_str());
}

/// Whether an outcome is of this order, as far as is said: workers of an older version say nothing.
pub(super) fn is_of_order(of: [u8; 32], headers: Option<&HeaderMap>) -> bool {
    let said = headers.and_then(|headers| headers.get(ORDER));
    said.is_none_or(|said| said.as_str() == blake3::Hash::from(of).to_hex().as_str())
}

/// Whether it is said that something is of this order.
pub(super) fn names_order(of: [u8; 32], headers: Option<&HeaderMap>) -> bool {
    headers.is_some_and(|headers| headers.get(ORDER).is_some()) && is_of_order(of, headers)
}

/// The digest of an order.
pub(super) fn digest(order: &[u8]) -> [u8; 32] {
    *blake3::hash(order).as_bytes()
}

impl Matter {
    /// What stands for a message of this kind, so that none can be taken for one of the other.
    fn of(self, bytes: &[u8]) -> Vec<u8> {
        let mut hasher = blake3::Hasher::new();
        let mut put = |part: &[u8]| {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        };
        match self {
            Self::Order => put(b"coditect.order.1"),
            Self::Outcome(of) => {
                put(b"coditect.outcome.1");
                put(&of);
            }
            Self::Dead(of) => {
                put(b"coditect.dead.1");
                put(&of);
            }
        }
        put(bytes);
        hasher.finalize().as_bytes().to_vec()
    }
}

/// What a process signs with, and whom it trusts.
#[derive(Clone, Default)]
pub struct Seal {
    key: Option<Arc<KeyPair>>,
    trusted: Option<PathBuf>,
}

// By hand, so that no key is ever printed.
impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seal").field("key", &self.public()).field("trusted", &self.trusted).finish()
    }
}

impl Seal {
    /// The key in `file`, which is made where there is none, and the file that lists whom to trust; None: everybody who may write to the
    /// server.
    ///
    /// # Errors
    /// `Denied` where others may read the key, `Invalid` where it is none, or where the list cannot be read.
    pub fn open(file: &Path, trusted: Option<PathBuf>) -> Result<Self, PortError> {
        let seal = Self { key: Some(Arc::new(key(file)?)), trusted };
        // What is wrong with the list is said before anything waits for it.
        seal.list()?;
        Ok(seal)
    }

    /// The public half of the key, as others list it.
    #[must_use]
    pub fn public(&self) -> Option<String> {
        self.key.as_ref().map(|key| key.public_key())
    }

    /// Signs what is sent.
    pub(super) fn sign(
        &self,
        matter: Matter,
        bytes: &[u8],
        headers: &mut HeaderMap,
    ) -> Result<(), PortError> {
        let Some(key) = &self.key else { return Ok(()) };
        let signature = key.sign(&matter.of(bytes)).map_err(|error| {
            PortError::new(ErrorKind::Bug, format!("a message of the fleet cannot be signed: {error}"))
        })?;
        headers.insert(KEY, key.public_key().as_str());
        headers.insert(SIGNATURE, STANDARD.encode(signature).as_str());
        Ok(())
    }

    /// Whether what came is by somebody who is trusted.
    ///
    /// # Errors
    /// `Denied`: nobody signed it, somebody who is not listed did, or it is not what they signed. `Invalid`: the list cannot be read.
    pub(super) fn check(
        &self,
        matter: Matter,
        bytes: &[u8],
        headers: Option<&HeaderMap>,
    ) -> Result<(), PortError> {
        let Some(list) = self.list()? else { return Ok(()) };
        let what = match matter {
            Matter::Order => "an order",
            Matter::Outcome(_) => "an outcome",
            Matter::Dead(_) => "a dead letter",
        };
        let denied = |why: String| PortError::new(ErrorKind::Denied, format!("{what} is refused: {why}"));
        let header = |name: &str| Some(headers?.get(name)?.as_str().to_owned());
        let (Some(key), Some(signature)) = (header(KEY), header(SIGNATURE)) else {
            return Err(denied("nobody signed it".to_owned()));
        };
        // Whatever is no key is on no list.
        if !list.contains(&key) {
            let key = key.chars().take(64).collect::<String>();
            return Err(denied(format!("it is by `{}`, who is not trusted", key.escape_default())));
        }
        let signature = STANDARD.decode(&signature).unwrap_or_default();
        let key = KeyPair::from_public_key(&key);
        match key.and_then(|key| key.verify(&matter.of(bytes), &signature)) {
            Ok(()) => Ok(()),
            Err(_) => Err(denied("it is not what was signed".to_owned())),
        }
    }

    /// Who is trusted. None: everybody.
    fn list(&self) -> Result<Option<Vec<String>>, PortError> {
        let Some(file) = &self.trusted else { return Ok(None) };
        let named = format!("the list of keys `{}`", file.display());
        let wrong = |cause: String| PortError::new(ErrorKind::Invalid, format!("{named}: {cause}"));
        // Somebody may be writing it: it is read again.
        let away = |error: std::io::Error| {
            PortError::new(ErrorKind::Unavailable, format!("{named} cannot be read: {error}"))
        };
        let is_long = fs::metadata(file).map_err(away)?.len() > MOST;
        if is_long {
            return Err(wrong(format!("it is longer than {} MiB", MOST >> 20)));
        }
        let text = fs::read_to_string(file).map_err(away)?;
        let mut keys = Vec::new();
        for line in text.lines() {
            // What stands behind a key says whose it is.
            let Some(key) = line.split('#').next().and_then(|line| line.split_whitespace().next()) else {
                continue;
            };
            let is_key = KeyPair::from_public_key(key).is_ok_and(|key| is_user(&key));
            if !is_key {
                return Err(wrong(format!("`{}` is no key", key.escape_default())).with_hint(
                    "a key is a word that begins with `U`; `coditect serve --role worker` says its own",
                ));
            }
            keys.push(key.to_owned());
        }
        Ok(Some(keys))
    }
}

fn is_user(key: &KeyPair) -> bool {
    matches!(key.key_pair_type(), KeyPairType::User)
}

/// Reads a key, or makes one.
fn key(file: &Path) -> Result<KeyPair, PortError> {
    let named = format!("the key `{}`", file.display());
    let failed = |error: std::io::Error| PortError::from_io(&named, &error);
    // One that is there may be where nobody may write.
    if file.exists() {
        return known(file, &named);
    }
    if let Some(dir) = file.parent() {
        fs::create_dir_all(dir).map_err(failed)?;
    }
    let new = KeyPair::new_user();
    let seed = new.seed().map_err(|error| PortError::new(ErrorKind::Bug, format!("{named}: {error}")))?;
    // Two processes may come at once: the file has its name once it is whole, and the first stays.
    let public = new.public_key();
    let fresh = file.with_extension(format!("{public}.new"));
    let mut options = OpenOptions::new();
    let written = options.write(true).create(true).truncate(true).mode(0o600).open(&fresh);
    let mut written = written.map_err(failed)?;
    written.write_all(format!("{seed}\n").as_bytes()).and_then(|()| written.sync_all()).map_err(failed)?;
    let linked = fs::hard_link(&fresh, file);
    fs::remove_file(&fresh).map_err(failed)?;
    match linked {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(failed(error)),
        Ok(()) | Err(_) => known(file, &named),
    }
}

fn known(file: &Path, named: &str) -> Result<KeyPair, PortError> {
    use std::os::unix::fs::PermissionsExt;
    let failed = |error: std::io::Error| PortError::from_io(named, &error);
    if fs::metadata(file).map_err(failed)?.permissions().mode() & 0o077 != 0 {
        return Err(PortError::new(ErrorKind::Denied, format!("others may read {named}"))
            .with_hint("`chmod 600` it if nobody has read it, or remove it and have another made"));
    }
    let text = fs::read_to_string(file).map_err(failed)?;
    // What the parser says could quote it.
    KeyPair::from_seed(text.trim()).ok().filter(is_user).ok_or_else(|| {
        PortError::new(ErrorKind::Invalid, format!("{named} is none"))
            .with_hint("remove it: another one is made, which is to be listed anew")
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

    use super::*;

    struct World {
        dir: tempfile::TempDir,
    }

    impl World {
        fn new() -> Self {
            Self { dir: tempfile::tempdir().unwrap() }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.dir.path().join(name)
        }

        fn seal(&self, name: &str) -> Seal {
            Seal::open(&self.path(name), None).unwrap()
        }

        /// One who trusts these.
        fn trusting(&self, of: &[&Seal]) -> Seal {
            let lines = of.iter().map(|seal| format!("{} # of a test\n", seal.public().unwrap()));
            fs::write(self.path("list"), format!("# keys\n\n{}", lines.collect::<String>())).unwrap();
            Seal::open(&self.path("own"), Some(self.path("list"))).unwrap()
        }
    }

    fn signed(by: &Seal, matter: Matter, bytes: &[u8]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        by.sign(matter, bytes, &mut headers).unwrap();
        headers
    }

    #[test]
    fn a_key_is_made_once_and_nobody_else_reads_it() {
        use std::os::unix::fs::PermissionsExt;
        let world = World::new();
        let (one, again) = (world.seal("a/key"), world.seal("a/key"));
        assert_eq!(one.public(), again.public());
        assert!(one.public().unwrap().starts_with('U'));
        let file = world.path("a/key");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(world.path("a")).unwrap().count(), 1);
        let seed = fs::read_to_string(&file).unwrap();
        assert!(!format!("{one:?}").contains(seed.trim()));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(Seal::open(&file, None).unwrap_err().kind, ErrorKind::Denied);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&file, "SUnothing").unwrap();
        let error = Seal::open(&file, None).unwrap_err();
        assert!(error.kind == ErrorKind::Invalid && !error.cause.contains("SUnothing"), "{error:?}");
    }

    #[test]
    fn only_what_a_trusted_one_signed_is_taken_and_only_as_what_it_is() {
        let world = World::new();
        let (worker, stranger) = (world.seal("worker"), world.seal("stranger"));
        let boss = world.trusting(&[&worker]);
        let (of, other) = (Matter::Outcome(digest(b"order")), Matter::Outcome(digest(b"another order")));
        let headers = signed(&worker, of, b"done");
        boss.check(of, b"done", Some(&headers)).unwrap();
        let refused = |matter, bytes: &[u8], headers: Option<&HeaderMap>| {
            let error = boss.check(matter, bytes, headers).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Denied, "{error:?}");
            error.cause
        };
        assert!(refused(of, b"Done", Some(&headers)).contains("not what was signed"));
        assert!(refused(other, b"done", Some(&headers)).contains("not what was signed"));
        assert!(refused(Matter::Order, b"done", Some(&headers)).contains("not what was signed"));
        let dead = Matter::Dead(digest(b"order"));
        assert!(refused(dead, b"done", Some(&headers)).contains("not what was signed"), "nor as its end");
        assert!(refused(of, b"done", None).contains("nobody signed it"));
        let theirs = signed(&stranger, of, b"done");
        assert!(refused(of, b"done", Some(&theirs)).contains(&stranger.public().unwrap()));
        // Another's name does not help.
        let mut forged = theirs;
        forged.insert(KEY, worker.public().unwrap().as_str());
        assert!(refused(of, b"done", Some(&forged)).contains("not what was signed"));
    }

    #[test]
    fn a_line_that_is_gone_is_gone_at_once() {
        let world = World::new();
        let worker = world.seal("worker");
        let boss = world.trusting(&[&worker]);
        let headers = signed(&worker, Matter::Order, b"x");
        boss.check(Matter::Order, b"x", Some(&headers)).unwrap();
        fs::write(world.path("list"), "# nobody\n").unwrap();
        assert_eq!(boss.check(Matter::Order, b"x", Some(&headers)).unwrap_err().kind, ErrorKind::Denied);
        fs::write(world.path("list"), "SUAKEYTHATISASEED\n").unwrap();
        assert_eq!(boss.check(Matter::Order, b"x", Some(&headers)).unwrap_err().kind, ErrorKind::Invalid);
        fs::remove_file(world.path("list")).unwrap();
        boss.check(Matter::Order, b"x", Some(&headers)).unwrap_err();
        // Whoever has no list trusts everybody.
        worker.check(Matter::Order, b"x", None).unwrap();
    }
}
