//! Google's Gemini, streamed: `POST /models/MODEL:streamGenerateContent?alt=sse` (API v1beta of 2025). It caches the beginning of
//! prompts by itself.

use coditect_types::ModelRequest;
use coditect_types::model::{Finish, Speaker, Usage};
use serde_json::{Value, json};

use super::Endpoint;
use super::wire::{Speaks, Told, text_at};

/// The protocol. It keeps nothing between events.
#[derive(Debug, Default)]
pub(super) struct Gemini {}

impl Speaks for Gemini {
    fn path(&self, endpoint: &Endpoint) -> String {
        // A name with a slash of its own would ask for another thing than a model.
        let model: String =
            endpoint.model.chars().filter(|c| c.is_alphanumeric() || "-._".contains(*c)).collect();
        format!("/models/{model}:streamGenerateContent?alt=sse")
    }

    fn headers(&self, endpoint: &Endpoint) -> Vec<(&'static str, String)> {
        match endpoint.key.is_empty() {
            true => Vec::new(),
            false => vec![("x-goog-api-key", endpoint.key.reveal().to_owned())],
        }
    }

    fn body(&self, _: &Endpoint, request: &ModelRequest) -> Value {
        let contents: Vec<Value> = request
            .messages
            .iter()
            .map(|message| {
                let role = match message.speaker {
                    Speaker::User => "user",
                    Speaker::Assistant => "model",
                };
                json!({ "role": role, "parts": [{ "text": message.text }] })
            })
            .collect();
        let mut config = json!({
            "maxOutputTokens": request.output_tokens,
            "temperature": f64::from(request.temperature) / 100.0,
            // It keeps the seed in 32 bits.
            "seed": request.seed & i32::MAX as u64,
        });
        if let Some(schema) = &request.schema {
            config["responseMimeType"] = "application/json".into();
            config["responseJsonSchema"] = schema.clone();
        }
        json!({
            "systemInstruction": { "parts": [{ "text": request.system }] },
            "contents": contents,
            "generationConfig": config,
        })
    }

    fn take(&mut self, event: &Value, told: &mut Told) -> Result<(), Value> {
        if event.get("error").is_some() {
            return Err(event.clone());
        }
        if !text_at(&event["promptFeedback"], "blockReason").is_empty() {
            told.finish = Some(Finish::Refused);
        }
        let candidate = &event["candidates"][0];
        for part in candidate["content"]["parts"].as_array().into_iter().flatten() {
            let text = text_at(part, "text");
            if part["thought"] == Value::Bool(true) {
                told.thought_bytes += text.len() as u64;
            } else {
                told.text.push_str(text);
            }
        }
        match text_at(candidate, "finishReason") {
            "" => {}
            "STOP" => told.finish = told.finish.or(Some(Finish::Done)),
            "MAX_TOKENS" => told.finish = Some(Finish::Length),
            "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" => {
                told.finish = Some(Finish::Refused);
            }
            // A malformed call of a tool, and kinds that come later: an answer, if not a good one.
            _ => told.finish = told.finish.or(Some(Finish::Done)),
        }
        let of = |key: &str| event["usageMetadata"].get(key).and_then(Value::as_u64);
        if let Some(tokens_in) = of("promptTokenCount") {
            told.usage = Some(Usage {
                tokens_in,
                tokens_cached: of("cachedContentTokenCount").unwrap_or(0),
                tokens_out: of("candidatesTokenCount").unwrap_or(0) + of("thoughtsTokenCount").unwrap_or(0),
                reckoned: false,
            });
        }
        Ok(())
    }
}
