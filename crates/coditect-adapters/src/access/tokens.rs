//! Tokens: what a user shows at a door. Only a hash of each is kept, so that whoever reads the file cannot use them.
//!
//! A token is 256 bits of chance, so one round of BLAKE3 hides it: there is nothing to guess that a slow hash would protect.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use coditect_ports::PortError;
use coditect_types::access::Admission;
use coditect_types::{ErrorKind, UserName, UserRole, Visitor};
use serde::{Deserialize, Serialize};

use super::locked;

const FILE: &str = "tokens.json";
/// Every token begins so: a scanner of secrets can know it.
const MARK: &str = "cdt";
/// Characters of a token's name and of its secret, both hexadecimal.
const NAME: usize = 8;
const SECRET: usize = 64;
/// Tokens that are kept: more is nobody's team.
const MOST: usize = 10_000;
/// Bytes of the file that are read.
const MOST_BYTES: u64 = 16 << 20;
const VERSION: u32 = 1;

/// A token as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Its name, which is a part of it and no secret.
    pub name: String,
    /// Whose it is.
    pub user: UserName,
    /// What they are let do with it.
    pub roles: BTreeSet<UserRole>,
    /// Users whose missions they reach beside their own.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub of: BTreeSet<UserName>,
    /// When it was made, ms since 1970.
    pub made_at_ms: u64,
    /// From when on it opens nothing; None: it has no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at_ms: Option<u64>,
    /// Since when it opens nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at_ms: Option<u64>,
    hash: String,
}

impl Grant {
    /// Why it opens nothing any more; None: it does.
    #[must_use]
    pub fn past(&self, now_ms: u64) -> Option<&'static str> {
        if self.revoked_at_ms.is_some() {
            return Some("revoked");
        }
        self.expires_at_ms.is_some_and(|end| end <= now_ms).then_some("expired")
    }
}

/// What a new token is to be.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Whose it is.
    pub user: UserName,
    /// What they are let do with it.
    pub roles: BTreeSet<UserRole>,
    /// Users whose missions they reach beside their own.
    pub of: BTreeSet<UserName>,
    /// From when on it opens nothing, ms since 1970.
    pub expires_at_ms: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Book {
    version: u32,
    tokens: Vec<Grant>,
}

/// What tells one state of the file from another.
type Stamp = (u64, u64, i64, i64);

/// The tokens of a state directory. What another process changes counts at once.
#[derive(Debug)]
pub struct Tokens {
    dir: PathBuf,
    read: Mutex<Option<(Stamp, Vec<Grant>)>>,
}

impl Tokens {
    /// Those below `dir`, which need not exist.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), read: Mutex::default() }
    }

    /// All of them, the oldest first.
    pub fn list(&self) -> Result<Vec<Grant>, PortError> {
        self.with(<[Grant]>::to_vec)
    }

    /// Looks into them, read anew where the file is another one.
    fn with<T>(&self, look: impl FnOnce(&[Grant]) -> T) -> Result<T, PortError> {
        let path = self.dir.join(FILE);
        let at = |error: std::io::Error| PortError::from_io(&format!("`{}`", path.display()), &error);
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                *read = None;
                return Ok(look(&[]));
            }
            Err(error) => return Err(at(error)),
        };
        let meta = file.metadata().map_err(at)?;
        // A file is written anew and takes the old one's place, so that its number is another.
        let stamp = (meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec());
        if let Some((known, tokens)) = &*read
            && *known == stamp
        {
            return Ok(look(tokens));
        }
        if meta.len() > MOST_BYTES {
            let cause = format!("`{}` is larger than it can be", path.display());
            return Err(PortError::new(ErrorKind::Invalid, cause));
        }
        let book: Book = serde_json::from_reader(std::io::BufReader::new(file)).map_err(|error| {
            PortError::new(ErrorKind::Invalid, format!("`{}` is damaged: {error}", path.display()))
                .with_hint("nobody is let in; move it away, and make new tokens with `coditect token add`")
        })?;
        if book.version != VERSION {
            let cause = format!("`{}` was written by a newer version", path.display());
            return Err(PortError::new(ErrorKind::Invalid, cause));
        }
        let seen = look(&book.tokens);
        *read = Some((stamp, book.tokens));
        Ok(seen)
    }

    /// Makes one. The token itself is given once, and never again. `chance`: 36 bytes that nobody can guess.
    pub fn add(&self, new: NewToken, chance: &[u8; 36], now_ms: u64) -> Result<(String, Grant), PortError> {
        if new.roles.is_empty() {
            return Err(PortError::new(ErrorKind::Invalid, "a token without a role opens nothing"));
        }
        let hex: String = chance.iter().map(|byte| format!("{byte:02x}")).collect();
        let (name, secret) = hex.split_at(NAME);
        let NewToken { user, roles, of, expires_at_ms } = new;
        let grant = Grant {
            name: name.to_owned(),
            user,
            roles,
            of,
            made_at_ms: now_ms,
            expires_at_ms,
            revoked_at_ms: None,
            hash: hash(secret),
        };
        let kept = grant.clone();
        self.change(move |tokens| {
            if tokens.len() >= MOST {
                // Whose they were stands in the book.
                tokens.retain(|token| token.past(now_ms).is_none());
            }
            if tokens.len() >= MOST {
                return Err(PortError::new(ErrorKind::Exhausted, format!("there are {MOST} tokens already")));
            }
            if tokens.iter().any(|token| token.name == kept.name) {
                return Err(PortError::new(ErrorKind::Conflict, "chance gave a name that there is already")
                    .with_hint("try again"));
            }
            tokens.push(kept);
            Ok(())
        })?;
        Ok((format!("{MARK}_{name}_{secret}"), grant))
    }

    /// From now on the token of this name, or all tokens of the user of this name, open nothing. Gives those.
    pub fn revoke(&self, which: &str, now_ms: u64) -> Result<Vec<Grant>, PortError> {
        let mut revoked = Vec::new();
        self.change(|tokens| {
            for token in tokens.iter_mut() {
                let is_meant = token.name == which || token.user.as_str() == which;
                if is_meant && token.revoked_at_ms.is_none() {
                    token.revoked_at_ms = Some(now_ms);
                    revoked.push(token.clone());
                }
            }
            if revoked.is_empty() {
                let cause = format!(
                    "there is no token, and no user with one, of the name `{}`",
                    which.escape_default()
                );
                return Err(
                    PortError::new(ErrorKind::NotFound, cause).with_hint("`coditect token list` names them")
                );
            }
            Ok(())
        })?;
        Ok(revoked)
    }

    /// Who shows this.
    pub fn admit(&self, token: &str, now_ms: u64) -> Result<Admission, PortError> {
        let Some((name, secret)) = parts(token) else { return Ok(Admission::Unknown) };
        let found = self.with(|tokens| tokens.iter().find(|grant| grant.name == name).cloned())?;
        let Some(grant) = found else { return Ok(Admission::Unknown) };
        // Of hashes nobody learns a secret by how long they take to compare.
        if grant.hash != hash(secret) {
            return Ok(Admission::Unknown);
        }
        let why = grant.past(now_ms);
        let Grant { name, user, roles, of, .. } = grant;
        Ok(match why {
            Some(why) => Admission::Past { user, token: name, why },
            None => Admission::Known(Visitor { user: Some(user), roles, of, token: Some(name) }),
        })
    }

    /// Whether the token of this name opens anything.
    pub fn is_open(&self, name: &str, now_ms: u64) -> Result<bool, PortError> {
        self.with(|tokens| tokens.iter().any(|grant| grant.name == name && grant.past(now_ms).is_none()))
    }

    /// Changes the tokens, or leaves them as they are.
    fn change(&self, change: impl FnOnce(&mut Vec<Grant>) -> Result<(), PortError>) -> Result<(), PortError> {
        let _lock = locked(&self.dir)?;
        let mut tokens = self.list()?;
        change(&mut tokens)?;
        let (path, new) = (self.dir.join(FILE), self.dir.join(format!("{FILE}.new")));
        let at = |error: std::io::Error| PortError::from_io(&format!("`{}`", path.display()), &error);
        let text = serde_json::to_vec_pretty(&Book { version: VERSION, tokens })
            .map_err(|error| PortError::new(ErrorKind::Bug, format!("tokens cannot be written: {error}")))?;
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new).map_err(at)?;
        file.write_all(&text).and_then(|()| file.sync_all()).map_err(at)?;
        fs::rename(&new, &path).map_err(at)?;
        File::open(&self.dir).and_then(|dir| dir.sync_all()).map_err(at)
    }
}

/// A token's name and its secret.
fn parts(token: &str) -> Option<(&str, &str)> {
    let (name, secret) = token.strip_prefix(MARK)?.strip_prefix('_')?.split_once('_')?;
    let is_hex = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    (name.len() == NAME && secret.len() == SECRET && is_hex(name) && is_hex(secret)).then_some((name, secret))
}

fn hash(secret: &str) -> String {
    blake3::hash(secret.as_bytes()).to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(user: &str, role: UserRole) -> NewToken {
        NewToken {
            user: UserName::parse(user).unwrap(),
            roles: BTreeSet::from([role]),
            of: BTreeSet::new(),
            expires_at_ms: None,
        }
    }

    #[test]
    fn a_token_opens_until_it_is_revoked_or_past() {
        let dir = tempfile::tempdir().unwrap();
        let (tokens, other) = (Tokens::new(dir.path()), Tokens::new(dir.path()));
        assert_eq!(tokens.admit("cdt_0_0", 1).unwrap(), Admission::Unknown);
        let (token, grant) = tokens.add(new("ada", UserRole::Operator), &[7; 36], 5).unwrap();
        let Admission::Known(visitor) = other.admit(&token, 6).unwrap() else { panic!("{token}") };
        assert_eq!((visitor.user, visitor.token), (Some(grant.user.clone()), Some("07070707".to_owned())));
        let changed = token.replace("_07070707_0", "_07070707_1");
        for wrong in ["", "cdt", "cdt_07070707_", &token[1..], &format!("{token}0"), &changed] {
            assert_eq!(other.admit(wrong, 6).unwrap(), Admission::Unknown, "{wrong}");
        }
        let (second, _) = other
            .add(NewToken { expires_at_ms: Some(9), ..new("ada", UserRole::Viewer) }, &[8; 36], 5)
            .unwrap();
        assert!(matches!(tokens.admit(&second, 8).unwrap(), Admission::Known(_)));
        assert!(matches!(tokens.admit(&second, 9).unwrap(), Admission::Past { why: "expired", .. }));
        assert!(tokens.is_open(&grant.name, 10).unwrap());
        assert_eq!(other.revoke("ada", 10).unwrap().len(), 2);
        assert!(!tokens.is_open(&grant.name, 10).unwrap());
        assert!(matches!(tokens.admit(&token, 10).unwrap(), Admission::Past { why: "revoked", .. }));
        assert_eq!(tokens.revoke("ada", 11).unwrap_err().kind, ErrorKind::NotFound);
    }

    #[test]
    fn no_token_is_in_the_file_and_nobody_else_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let access = dir.path().join("access");
        let tokens = Tokens::new(&access);
        let (token, _) = tokens.add(new("ada", UserRole::Admin), &[0xab; 36], 5).unwrap();
        let text = fs::read_to_string(access.join(FILE)).unwrap();
        assert!(!text.contains(&token[15..]) && text.contains("ada"), "{text}");
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&access), mode(&access.join(FILE))), (0o700, 0o600));
    }

    #[test]
    fn a_damaged_file_lets_nobody_in() {
        let dir = tempfile::tempdir().unwrap();
        let tokens = Tokens::new(dir.path());
        let (token, _) = tokens.add(new("ada", UserRole::Admin), &[1; 36], 5).unwrap();
        fs::write(dir.path().join(FILE), "{\"version\":1,\"tok").unwrap();
        assert_eq!(tokens.admit(&token, 6).unwrap_err().kind, ErrorKind::Invalid);
        assert!(tokens.add(new("eve", UserRole::Admin), &[2; 36], 5).is_err());
        fs::write(dir.path().join(FILE), "{\"version\":2,\"tokens\":[]}").unwrap();
        assert!(tokens.admit(&token, 6).is_err());
    }

    #[test]
    fn those_who_make_tokens_at_once_lose_none() {
        let dir = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for n in 0..8_u8 {
                let dir = dir.path();
                scope.spawn(move || {
                    for m in 0..5_u8 {
                        let chance = [n * 16 + m; 36];
                        Tokens::new(dir).add(new("ada", UserRole::Viewer), &chance, 1).unwrap();
                    }
                });
            }
        });
        assert_eq!(Tokens::new(dir.path()).list().unwrap().len(), 40);
    }
}
