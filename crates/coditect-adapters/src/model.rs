//! Language models, one file for each protocol. None of them tries again, keeps anything, or knows what a mission is.

mod anthropic;
mod chat;
mod embeddings;
mod errors;
mod fetch;
mod frames;
mod gemini;
mod kept;
mod looping;
mod ollama;
mod responses;
mod served;
mod tape;
mod wire;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use coditect_ports::{Model, ModelError, Stop};
use coditect_types::limits::CallLimits;
use coditect_types::{ModelReply, ModelRequest};

pub use embeddings::Embeddings;
pub use fetch::{Wanted, fetch, sha256};
pub use served::{KEY, Launch, PORT, Served};
pub use tape::{Recorder, Tape};
pub use wire::is_loopback;

/// A key that is shown to nobody: neither in errors nor in debug output.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A key; blanks around it are none of it.
    #[must_use]
    pub fn new(key: &str) -> Self {
        Self(key.trim().to_owned())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// A text without the key.
    pub(crate) fn scrub(&self, text: &str) -> String {
        // A short key would blank out innocent words, and is none that anyone gives out.
        if self.0.len() < 6 { text.to_owned() } else { text.replace(&self.0, "[key]") }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "no key" } else { "[key]" })
    }
}

/// The protocol of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Chat completions as OpenAI defines them, and as OpenRouter, DeepSeek, Groq, vLLM, llama-server and LM Studio speak
    /// them.
    Chat,
    /// Responses of OpenAI.
    Responses,
    /// Messages of Anthropic.
    Anthropic,
    /// The chat of Ollama.
    Ollama,
    /// Gemini of Google.
    Gemini,
}

impl Protocol {
    /// All of them, with the names by which settings know them.
    pub const ALL: [(&'static str, Self); 5] = [
        ("chat", Self::Chat),
        ("responses", Self::Responses),
        ("anthropic", Self::Anthropic),
        ("ollama", Self::Ollama),
        ("gemini", Self::Gemini),
    ];

    fn speaks(self) -> Box<dyn wire::Speaks> {
        match self {
            Self::Chat => Box::new(chat::Chat::default()),
            Self::Responses => Box::new(responses::Responses::default()),
            Self::Anthropic => Box::new(anthropic::Messages::default()),
            Self::Ollama => Box::new(ollama::Ollama::default()),
            Self::Gemini => Box::new(gemini::Gemini::default()),
        }
    }
}

/// Where a model is, and how it is asked.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The name by which missions know it.
    pub name: String,
    /// How it is spoken to.
    pub protocol: Protocol,
    /// The address up to the version, such as `http://127.0.0.1:8080/v1`.
    pub url: String,
    /// The provider's own name of the model.
    pub model: String,
    /// The key, where one is needed.
    pub key: Secret,
    /// Tokens of prompt and answer together that it is to hold, for servers that want to be told.
    pub context_tokens: u64,
}

/// A model behind an address.
#[derive(Debug)]
pub struct Remote(Endpoint);

impl Remote {
    /// A model at this address. Nothing is sent yet.
    #[must_use]
    pub fn new(endpoint: Endpoint) -> Self {
        Self(endpoint)
    }
}

/// The model at an address; `kept` is where its answers are kept, so that the same request is not paid for twice.
#[must_use]
pub fn remote(endpoint: Endpoint, kept: Option<&Path>) -> Arc<dyn Model> {
    let remote = Arc::new(Remote::new(endpoint.clone()));
    match kept {
        Some(dir) => Arc::new(kept::Kept::new(remote, &endpoint, dir)),
        None => remote,
    }
}

/// A model with a server of its own; `file` is the hash of what it serves.
#[must_use]
pub fn served(launch: Launch, file: &str, kept: Option<&Path>) -> Arc<dyn Model> {
    let (url, context_tokens) = (format!("file:{file}"), launch.context_tokens);
    let endpoint = Endpoint {
        name: launch.name.clone(),
        protocol: Protocol::Chat,
        url,
        model: launch.name.clone(),
        key: Secret::default(),
        context_tokens,
    };
    let served = Arc::new(Served::new(launch));
    match kept {
        Some(dir) => Arc::new(kept::Kept::new(served, &endpoint, dir)),
        None => served,
    }
}

impl Model for Remote {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn answer(
        &self,
        request: &ModelRequest,
        limits: &CallLimits,
        stop: &Stop,
        hear: &mut dyn FnMut(&str),
    ) -> Result<ModelReply, ModelError> {
        let call = wire::Call { endpoint: &self.0, request, limits, stop };
        call.make(&mut *self.0.protocol.speaks(), hear)
    }
}

/// The names of the models that a server offers, by its protocol's own list.
pub fn offered(endpoint: &Endpoint, limits: &CallLimits, stop: &Stop) -> Result<Vec<String>, ModelError> {
    wire::offered(endpoint, &*endpoint.protocol.speaks(), limits, stop)
}

#[cfg(test)]
mod tests;
