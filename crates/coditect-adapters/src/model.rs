//! Language models, one file for each protocol. None of them tries again, keeps anything, or knows what a mission is.

mod anthropic;
mod chat;
mod errors;
mod wire;

use std::fmt;

use coditect_ports::{Model, ModelError, Stop};
use coditect_types::limits::CallLimits;
use coditect_types::{ModelReply, ModelRequest};

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
    /// Chat completions as OpenAI defines them, and as OpenRouter, DeepSeek, Groq, vLLM, llama-server, LM Studio and Ollama
    /// speak them.
    Chat,
    /// Messages of Anthropic.
    Anthropic,
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
        match self.0.protocol {
            Protocol::Chat => call.make(&mut chat::Chat::default(), hear),
            Protocol::Anthropic => call.make(&mut anthropic::Messages::default(), hear),
        }
    }
}

/// The names of the models that a server offers, by `GET URL/models`.
pub fn offered(endpoint: &Endpoint, limits: &CallLimits, stop: &Stop) -> Result<Vec<String>, ModelError> {
    wire::offered(endpoint, limits, stop)
}

#[cfg(test)]
mod tests;
