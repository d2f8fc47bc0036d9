//! Answers that are kept: the very same request to the very same model is not paid for twice, also where the first answer never
//! arrived in the journal because the process died.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use coditect_ports::{Model, ModelError, Stop};
use coditect_types::limits::CallLimits;
use coditect_types::model::Finish;
use coditect_types::{ModelReply, ModelRequest};
use serde::{Deserialize, Serialize};

use super::Endpoint;

/// Answers that are kept; the oldest go first.
const MOST: usize = 2_000;
/// How many may be too many until they are looked through again: that reads the whole directory.
const SLACK: usize = 64;

/// What one file holds: the request too, since a hash could be another's.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    url: String,
    model: String,
    request: ModelRequest,
    reply: ModelReply,
}

/// A model whose answers are kept.
#[derive(Debug)]
pub(super) struct Kept {
    model: Arc<dyn Model>,
    url: String,
    of: String,
    dir: PathBuf,
}

impl Kept {
    pub(super) fn new(model: Arc<dyn Model>, endpoint: &Endpoint, dir: &Path) -> Self {
        Self { model, url: endpoint.url.clone(), of: endpoint.model.clone(), dir: dir.to_owned() }
    }

    fn path(&self, request: &ModelRequest) -> Option<PathBuf> {
        let key = serde_json::to_vec(&(&self.url, &self.of, request)).ok()?;
        Some(self.dir.join(format!("{}.json", &blake3::hash(&key).to_hex()[..32])))
    }

    fn look(&self, path: &Path, request: &ModelRequest) -> Option<ModelReply> {
        let entry: Entry = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        let is_it = entry.url == self.url && entry.model == self.of && entry.request == *request;
        is_it.then_some(ModelReply { kept: true, ..entry.reply })
    }

    /// Keeps an answer. Where that fails, the next call is paid for again, and nothing else is lost.
    fn keep(&self, path: &Path, request: &ModelRequest, reply: &ModelReply) -> std::io::Result<()> {
        let (url, model) = (self.url.clone(), self.of.clone());
        let entry = Entry { url, model, request: request.clone(), reply: reply.clone() };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)?;
        // Written beside and moved into place: a process that dies leaves no half an answer.
        let beside = path.with_extension(format!("{}.part", std::process::id()));
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(&serde_json::to_vec(&entry)?)?;
        drop(file);
        fs::rename(&beside, path)?;
        self.prune()
    }

    fn prune(&self) -> std::io::Result<()> {
        let mut all: Vec<(SystemTime, PathBuf)> = fs::read_dir(&self.dir)?
            .flatten()
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        if all.len() <= MOST + SLACK {
            return Ok(());
        }
        all.sort();
        let surplus = all.len() - MOST;
        all.into_iter().take(surplus).try_for_each(|(_, path)| fs::remove_file(path))
    }
}

impl Model for Kept {
    fn name(&self) -> &str {
        self.model.name()
    }

    fn is_shared(&self) -> bool {
        self.model.is_shared()
    }

    fn answer(
        &self,
        request: &ModelRequest,
        limits: &CallLimits,
        stop: &Stop,
        hear: &mut dyn FnMut(&str),
    ) -> Result<ModelReply, ModelError> {
        let path = self.path(request);
        if let Some(reply) = path.as_ref().and_then(|path| self.look(path, request)) {
            hear(&reply.text);
            return Ok(reply);
        }
        let reply = self.model.answer(request, limits, stop, hear)?;
        // What a provider would not answer today it may answer tomorrow.
        if let (Some(path), false) = (path, reply.finish == Finish::Refused)
            && let Err(error) = self.keep(&path, request, &reply)
        {
            tracing::warn!(%error, dir = %self.dir.display(), "an answer could not be kept");
        }
        Ok(reply)
    }
}

#[cfg(test)]
mod tests;
