//! Vectors of texts by a server's `/embeddings`, as OpenAI defines it and as Ollama, llama-server, vLLM, LM Studio and others
//! speak it.

use coditect_ports::{Embedder, ModelError, PortError, Stop};
use coditect_types::ErrorKind;
use coditect_types::limits::CallLimits;
use serde::Deserialize;
use serde_json::json;

use super::{Endpoint, Protocol, wire};

/// Texts of one request.
const TOGETHER: usize = 32;
/// Letters of a text that are sent: what small models read of it, and enough to say what it is about.
const LETTERS: usize = 1_400;
/// The longest vector that is taken.
const MOST_NUMBERS: usize = 16_384;
/// Bytes of an answer, for each of its numbers at the most.
const BYTES_PER_NUMBER: usize = 32;
/// How long a request is waited for, ms, whatever its limits.
const MOST_MS: u64 = 30_000;

/// A server that gives texts their vectors.
#[derive(Debug)]
pub struct Embeddings {
    endpoint: Endpoint,
    limits: CallLimits,
    /// What they are of: the address and the model.
    name: String,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<One>,
}

#[derive(Deserialize)]
struct One {
    #[serde(default)]
    index: Option<usize>,
    embedding: Vec<f32>,
}

impl Embeddings {
    /// The server at this address. Nothing is sent yet. `limits` are of one request of up to 32 texts.
    #[must_use]
    pub fn new(endpoint: Endpoint, limits: CallLimits) -> Self {
        let name = format!("{} {}", endpoint.url, endpoint.model);
        // Work waits for it: who is slow is done without.
        let limits = CallLimits {
            first_byte_ms: limits.first_byte_ms.min(MOST_MS),
            wall_ms: limits.wall_ms.min(2 * MOST_MS),
            ..limits
        };
        Self { endpoint, limits, name }
    }

    /// Where it is asked below the address: Ollama's own protocol has it elsewhere.
    fn path(&self) -> &'static str {
        if self.endpoint.protocol == Protocol::Ollama { "/v1/embeddings" } else { "/embeddings" }
    }

    fn ask(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, ModelError> {
        let short: Vec<&str> = texts.iter().map(|text| cut(text)).collect();
        let body = json!({ "model": self.endpoint.model, "input": short, "encoding_format": "float" });
        let most = texts.len().saturating_mul(MOST_NUMBERS * BYTES_PER_NUMBER);
        let call = wire::Post { endpoint: &self.endpoint, path: self.path(), limits: &self.limits, most };
        let answer: Answer = serde_json::from_value(call.make(&body, &Stop::default())?)
            .map_err(|error| self.no_vectors(&format!("it holds none ({error})")))?;
        let mut vectors = vec![Vec::new(); texts.len()];
        for (at, one) in answer.data.into_iter().enumerate() {
            if let Some(vector) = vectors.get_mut(one.index.unwrap_or(at)) {
                *vector = one.embedding;
            }
        }
        let numbers = vectors.first().map_or(0, Vec::len);
        if numbers == 0 || numbers > MOST_NUMBERS || vectors.iter().any(|vector| vector.len() != numbers) {
            let cause = format!("{} texts are to have one of the same length each", texts.len());
            return Err(self.no_vectors(&cause).into());
        }
        if vectors.iter().flatten().any(|number| !number.is_finite()) {
            return Err(self.no_vectors("some of their numbers are none").into());
        }
        Ok(vectors)
    }

    fn no_vectors(&self, why: &str) -> PortError {
        let cause =
            format!("the answer of `{}` has not the vectors that were asked for: {why}", self.endpoint.name);
        PortError::new(ErrorKind::Unavailable, cause)
            .with_hint("name a model that makes embeddings: `memory_embeddings` in your settings")
    }
}

impl Embedder for Embeddings {
    fn name(&self) -> &str {
        &self.name
    }

    fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, PortError> {
        let mut vectors = Vec::with_capacity(texts.len());
        for some in texts.chunks(TOGETHER) {
            vectors.extend(self.ask(some).map_err(|ModelError { error, .. }| of_text(error))?);
        }
        Ok(vectors)
    }
}

/// A text that is too long for the model is not the server's trouble, whichever status it tells it with: llama-server says 500.
fn of_text(error: PortError) -> PortError {
    let is_long = ["too large", "too long", "batch size"].iter().any(|words| error.cause.contains(words));
    if is_long { PortError { kind: ErrorKind::Invalid, ..error } } else { error }
}

/// The beginning of a text. Servers refuse what is empty.
fn cut(text: &str) -> &str {
    let end = text.char_indices().nth(LETTERS).map_or(text.len(), |(end, _)| end);
    if end == 0 { " " } else { &text[..end] }
}

#[cfg(test)]
mod tests;
