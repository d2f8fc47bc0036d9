//! Ollama's own chat, streamed line by line: `POST /api/chat` (its API document of 2025). Unlike its chat completions, it takes
//! the size of the window with the request; left to itself it cuts a longer prompt without a word.

use coditect_types::ModelRequest;
use coditect_types::model::{Finish, Usage};
use serde_json::{Value, json};

use super::Endpoint;
use super::wire::{Speaks, Told, bearer, messages, text_at};

/// The protocol. It keeps nothing between events.
#[derive(Debug, Default)]
pub(super) struct Ollama {}

impl Speaks for Ollama {
    fn path(&self, _: &Endpoint) -> String {
        "/api/chat".into()
    }

    fn list_path(&self) -> &'static str {
        "/api/tags"
    }

    fn headers(&self, endpoint: &Endpoint) -> Vec<(&'static str, String)> {
        bearer(endpoint)
    }

    fn body(&self, endpoint: &Endpoint, request: &ModelRequest) -> Value {
        let mut body = json!({
            "model": endpoint.model,
            "messages": messages(request),
            "stream": true,
            "options": {
                "num_ctx": endpoint.context_tokens,
                "num_predict": request.output_tokens,
                "temperature": f64::from(request.temperature) / 100.0,
                // It keeps the seed in 32 bits.
                "seed": request.seed & i32::MAX as u64,
            },
        });
        if let Some(schema) = &request.schema {
            body["format"] = schema.clone();
        }
        body
    }

    fn take(&mut self, event: &Value, told: &mut Told) -> Result<(), Value> {
        if event.get("error").is_some() {
            return Err(event.clone());
        }
        let message = &event["message"];
        told.text.push_str(text_at(message, "content"));
        told.thought_bytes += text_at(message, "thinking").len() as u64;
        if event["done"] == Value::Bool(true) {
            told.finish = Some(match text_at(event, "done_reason") {
                "length" => Finish::Length,
                _ => Finish::Done,
            });
            let of = |key: &str| event.get(key).and_then(Value::as_u64);
            match (of("prompt_eval_count"), of("eval_count")) {
                (Some(tokens_in), Some(tokens_out)) => {
                    told.usage = Some(Usage { tokens_in, tokens_cached: 0, tokens_out, reckoned: false });
                }
                // It leaves the prompt's count out where it had all of it cached: that one is reckoned.
                (None, tokens_out) => told.tokens_out = tokens_out,
                (Some(_), None) => {}
            }
        }
        Ok(())
    }
}
