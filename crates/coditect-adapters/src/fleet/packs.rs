//! Commits by way of the store.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_nats::jetstream::object_store::InfoErrorKind;
use coditect_ports::{PortError, Workspace};
use coditect_types::{ErrorKind, MissionId, Snapshot};

use super::parcel::{away, get, put};
use super::setup::{House, object};

/// After so long it is looked again whether an object is still there.
const KNOWN: Duration = Duration::from_secs(3600);

/// The missions' stores here, and what of them the other side can have.
#[derive(Clone, Debug)]
pub(super) struct Packs {
    workspace: Arc<dyn Workspace>,
    /// What is in the store, as far as we know, and since when we do.
    there: Arc<Mutex<BTreeMap<String, Instant>>>,
    /// One thing is sent at a time: what two sent at once, the second would take away under a reader of the first.
    sends: Arc<tokio::sync::Mutex<()>>,
}

impl Packs {
    pub(super) fn new(workspace: Arc<dyn Workspace>) -> Self {
        Self { workspace, there: Arc::default(), sends: Arc::default() }
    }

    /// Makes the mission's own store here for the project in `dir`.
    pub(super) fn adopt(
        &self,
        mission: &MissionId,
        dir: &Path,
        snapshot: &Snapshot,
    ) -> Result<(), PortError> {
        self.workspace.adopt(mission, dir, snapshot)
    }

    /// Sees to it that the store has a commit: all of it, or what it has beyond `upon`. Gives how many bytes went there for that.
    pub(super) async fn send(
        &self,
        house: &House,
        mission: &MissionId,
        commit: &str,
        upon: Option<&str>,
    ) -> Result<u64, PortError> {
        let mut sent = 0;
        let name = object(kind(upon), mission, commit);
        let _alone = self.sends.lock().await;
        let known = self.there().get(&name).copied();
        if known.is_some_and(|since| since.elapsed() < KNOWN) {
            return Ok(sent);
        }
        if house.store.info(&name).await.is_err() {
            let (workspace, mission) = (Arc::clone(&self.workspace), mission.clone());
            let (commit, upon) = (commit.to_owned(), upon.map(str::to_owned));
            let pack = aside(move || workspace.pack(&mission, &commit, upon.as_deref())).await?;
            put(&house.store, &name, &pack).await?;
            sent = pack.len() as u64;
        }
        self.there().insert(name, Instant::now());
        Ok(sent)
    }

    fn there(&self) -> MutexGuard<'_, BTreeMap<String, Instant>> {
        self.there.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same where it is here or the server has it. False: neither.
    pub(super) async fn fetch_if_there(
        &self,
        house: &House,
        mission: &MissionId,
        commit: &str,
        upon: Option<&str>,
    ) -> Result<bool, PortError> {
        let (workspace, of, wanted) = (Arc::clone(&self.workspace), mission.clone(), commit.to_owned());
        if aside(move || workspace.has(&of, &wanted)).await? {
            return Ok(true);
        }
        let there = house.store.info(&object(kind(upon), mission, commit)).await;
        match there {
            Err(error) if error.kind() == InfoErrorKind::NotFound => Ok(false),
            Err(error) => Err(away(&error)),
            Ok(_) => self.fetch(house, mission, commit, upon).await.map(|_| true),
        }
    }

    /// Sees to it that the mission's own store here has a commit. Gives how many bytes came for that; None: it was here.
    pub(super) async fn fetch(
        &self,
        house: &House,
        mission: &MissionId,
        commit: &str,
        upon: Option<&str>,
    ) -> Result<Option<u64>, PortError> {
        let (workspace, of, wanted) = (Arc::clone(&self.workspace), mission.clone(), commit.to_owned());
        if aside(move || workspace.has(&of, &wanted)).await? {
            return Ok(None);
        }
        let pack = get(&house.store, &object(kind(upon), mission, commit)).await?;
        let (workspace, mission) = (Arc::clone(&self.workspace), mission.clone());
        let (commit, upon) = (commit.to_owned(), upon.map(str::to_owned));
        let bytes = pack.len() as u64;
        aside(move || workspace.unpack(&mission, &commit, upon.as_deref(), pack)).await?;
        Ok(Some(bytes))
    }

    /// Whether a commit that another machine made has the tree that it is said to have.
    pub(super) async fn holds(&self, mission: &MissionId, commit: &str, tree: &str) -> Result<(), PortError> {
        let (workspace, mission, of) = (Arc::clone(&self.workspace), mission.clone(), commit.to_owned());
        let found = aside(move || workspace.tree_of(&mission, &of)).await?;
        match found == tree {
            true => Ok(()),
            false => {
                let cause = format!("a worker says that {commit} has the tree {tree}, and it has {found}");
                Err(PortError::new(ErrorKind::Invalid, cause))
            }
        }
    }
}

/// What an object is called that has all of a commit, or a part of it.
fn kind(upon: Option<&str>) -> &'static str {
    if upon.is_none() { "snapshot" } else { "change" }
}

/// Does what blocks on a thread for that.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PortError> + Send + 'static,
) -> Result<T, PortError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(PortError::new(ErrorKind::Bug, "work on the mission's store broke off")))
}
