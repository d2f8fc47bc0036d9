//! What processes of a fleet share for a while: facts that end when nobody keeps them up, and locks that are made of those.

use std::fmt::Debug;
use std::time::Duration;

use coditect_types::{Expected, Fact, FactKey, Put};

use crate::PortError;

/// Keeps facts that several processes share. It is a cache: what has to be kept is in the journal.
///
/// A **lock** is a fact that is put where nothing is ([`WorldStore::lock`]), kept up while it is needed, and removed. Its version is the
/// fencing token: whoever has the lock later has a greater one, so that what is guarded can refuse who had it before.
///
/// # Promises
/// What one caller put is what the next one finds, whatever process it is in. Of two that put under the same expectation, one is
/// refused. A name never has the same version twice, and a later value has a greater one, also after everything was lost. Whatever is not
/// kept up is gone within some seconds of its time.
///
/// # May
/// Lose everything, at any time: as when it is restarted. Wait for its server for some seconds. Last a second longer than was said.
///
/// # Must not
/// Let a fact end before its time, while it is not lost. Say that something was put which was not.
///
/// # When it fails
/// Nobody knows whether it was done: a fact that was put without an answer may be there, and ends by itself.
pub trait WorldStore: Debug + Send + Sync {
    /// A fact. None: there is none, or it has ended.
    ///
    /// # Errors
    /// The server does not answer, or refuses.
    fn get(&self, key: &FactKey) -> Result<Option<Fact>, PortError>;

    /// Puts a fact that lasts so long (see [`coditect_types::fact::LASTS`]) unless it is kept up, where what is expected is there.
    ///
    /// # Errors
    /// As above, and `Invalid` for a value of more than [`coditect_types::fact::FACT_BYTES`] or a time that is none.
    fn put(&self, key: &FactKey, value: &[u8], expected: Expected, lasts: Duration)
    -> Result<Put, PortError>;

    /// Keeps the fact of a version up: it lasts so long from now on. Gives whether it is still there.
    ///
    /// # Errors
    /// As above.
    fn extend(&self, key: &FactKey, version: u64, lasts: Duration) -> Result<bool, PortError>;

    /// Removes the fact of a version. Gives whether it was there.
    ///
    /// # Errors
    /// As above.
    fn remove(&self, key: &FactKey, version: u64) -> Result<bool, PortError>;

    /// All facts of a kind, by their names.
    ///
    /// # Errors
    /// As above, and where there are more than 1,024.
    fn all(&self, kind: &'static str) -> Result<Vec<Fact>, PortError>;

    /// Takes a lock, unless somebody has it. Gives its token: [`WorldStore::extend`] keeps it, [`WorldStore::remove`] gives it back.
    ///
    /// # Errors
    /// As above. Then it may be taken by the caller without their knowing, until it ends.
    fn lock(&self, key: &FactKey, holder: &str, lasts: Duration) -> Result<Option<u64>, PortError> {
        Ok(match self.put(key, holder.as_bytes(), Expected::Nothing, lasts)? {
            Put::Kept(token) => Some(token),
            Put::Refused(_) => None,
        })
    }
}
