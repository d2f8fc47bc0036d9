//! The model that gives memory the vectors of texts.

use std::fmt;
use std::sync::OnceLock;

use coditect_adapters::model::Embeddings;
use coditect_ports::{Embedder, PortError};
use coditect_types::ErrorKind;

use super::{Known, Tables, find};
use crate::environment::Environment;
use crate::report::Report;

/// Such a model. Its key is read when it is asked for the first time.
pub(crate) struct Vectors {
    known: Result<Known, PortError>,
    space: String,
    env: Environment,
    server: OnceLock<Embeddings>,
}

impl fmt::Debug for Vectors {
    // The environment holds keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vectors").field("space", &self.space).finish_non_exhaustive()
    }
}

impl Vectors {
    /// The model of this name: `PROVIDER/MODEL`, or one that a table says where to find. That there is none is told when it is asked.
    pub(crate) fn of(name: &str, tables: &Tables, env: &Environment) -> Self {
        let known = find(name, tables, env).and_then(|known| {
            match known.installed.is_none() && known.has_vectors() {
                true => Ok(known),
                false => Err(Report::new(
                    ErrorKind::Invalid,
                    "reading `memory_embeddings`",
                    format!("`{name}` has no `/embeddings` as OpenAI defines them"),
                )
                .hint("name a model of a server that has, such as `ollama/nomic-embed-text`")),
            }
        });
        let space = known
            .as_ref()
            .map_or_else(|_| name.to_owned(), |known| format!("{} {}", bare(&known.url), known.model));
        Self { known: known.map_err(port_error), space, env: env.clone(), server: OnceLock::new() }
    }

    fn server(&self) -> Result<&Embeddings, PortError> {
        if let Some(server) = self.server.get() {
            return Ok(server);
        }
        let known = self.known.as_ref().map_err(Clone::clone)?;
        let endpoint = known.endpoint(&self.env).map_err(port_error)?;
        Ok(self.server.get_or_init(|| Embeddings::new(endpoint, known.spec.limits)))
    }
}

/// An address without a user and a password: it is shown, and kept.
fn bare(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let host = rest.find('/').map_or(rest, |end| &rest[..end]);
    let from = host.rfind('@').map_or(0, |at| at + 1);
    format!("{scheme}://{}", &rest[from..])
}

fn port_error(report: Report) -> PortError {
    let error = PortError::new(report.kind, format!("{}: {}", report.doing, report.cause));
    report.hint.into_iter().fold(error, PortError::with_hint)
}

impl Embedder for Vectors {
    fn name(&self) -> &str {
        &self.space
    }

    fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, PortError> {
        self.server()?.embed(texts)
    }
}
