//! A store of shared facts in memory, which can lose everything.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use coditect_ports::{PortError, WorldStore};
use coditect_types::fact::{FACT_BYTES, LASTS};
use coditect_types::{ErrorKind, Expected, Fact, FactKey, Put};

#[derive(Debug, Default)]
struct Inner {
    facts: BTreeMap<FactKey, (Fact, Instant)>,
    last: u64,
    /// What every question is answered with.
    fails: Option<PortError>,
}

/// A store of shared facts in memory.
#[derive(Debug, Default)]
pub struct MemoryWorld(Mutex<Inner>);

impl MemoryWorld {
    fn inner(&self) -> Result<MutexGuard<'_, Inner>, PortError> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = &inner.fails {
            return Err(error.clone());
        }
        let now = Instant::now();
        inner.facts.retain(|_, (_, ends)| *ends > now);
        Ok(inner)
    }

    /// Loses all facts, as a server that is restarted.
    pub fn lose_everything(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).facts.clear();
    }

    /// From now on every question fails so, or none does.
    pub fn fail(&self, with: Option<PortError>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fails = with;
    }
}

fn must_fit(value: &[u8], lasts: Duration) -> Result<(), PortError> {
    let fits = value.len() <= FACT_BYTES && LASTS.contains(&lasts);
    fits.then_some(()).ok_or_else(|| PortError::new(ErrorKind::Invalid, "no such fact"))
}

impl WorldStore for MemoryWorld {
    fn get(&self, key: &FactKey) -> Result<Option<Fact>, PortError> {
        Ok(self.inner()?.facts.get(key).map(|(fact, _)| fact.clone()))
    }

    fn put(
        &self,
        key: &FactKey,
        value: &[u8],
        expected: Expected,
        lasts: Duration,
    ) -> Result<Put, PortError> {
        must_fit(value, lasts)?;
        let mut inner = self.inner()?;
        let found = inner.facts.get(key).map(|(fact, _)| fact.version);
        let fits = match expected {
            Expected::Anything => true,
            Expected::Nothing => found.is_none(),
            Expected::Version(version) => found == Some(version),
        };
        if !fits {
            return Ok(Put::Refused(found));
        }
        inner.last += 1;
        let version = inner.last;
        let fact = Fact { name: key.name().to_owned(), value: value.to_vec(), version };
        inner.facts.insert(key.clone(), (fact, Instant::now() + lasts));
        Ok(Put::Kept(version))
    }

    fn extend(&self, key: &FactKey, version: u64, lasts: Duration) -> Result<bool, PortError> {
        must_fit(&[], lasts)?;
        let mut inner = self.inner()?;
        let found = inner.facts.get_mut(key).filter(|(fact, _)| fact.version == version);
        let is_there = found.is_some();
        if let Some((_, ends)) = found {
            *ends = Instant::now() + lasts;
        }
        Ok(is_there)
    }

    fn remove(&self, key: &FactKey, version: u64) -> Result<bool, PortError> {
        let mut inner = self.inner()?;
        let is_there = inner.facts.get(key).is_some_and(|(fact, _)| fact.version == version);
        if is_there {
            inner.facts.remove(key);
        }
        Ok(is_there)
    }

    fn all(&self, kind: &'static str) -> Result<Vec<Fact>, PortError> {
        let inner = self.inner()?;
        let facts = inner.facts.iter().filter(|(key, _)| key.kind() == kind);
        Ok(facts.map(|(_, (fact, _))| fact.clone()).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn conforms() {
        let world = Arc::new(MemoryWorld::default());
        crate::conformance::world_store(&|| Arc::clone(&world) as Arc<dyn WorldStore>);
    }
}
