//! Anthropic's messages, streamed: `POST /messages` (API version 2023-06-01).

use coditect_types::ModelRequest;
use coditect_types::model::{Finish, Speaker, Usage};
use serde_json::{Value, json};

use super::Endpoint;
use super::wire::{Speaks, Told};

/// The tool by which an answer that must fit a schema is given.
const ANSWER: &str = "answer";

/// The protocol. What the prompt took comes with the first event, what the answer took with the last ones.
#[derive(Debug, Default)]
pub(super) struct Messages {
    usage: Usage,
}

impl Speaks for Messages {
    fn path(&self, _: &Endpoint) -> String {
        "/messages".into()
    }

    fn headers(&self, endpoint: &Endpoint) -> Vec<(&'static str, String)> {
        vec![("x-api-key", endpoint.key.reveal().to_owned()), ("anthropic-version", "2023-06-01".to_owned())]
    }

    fn body(&self, endpoint: &Endpoint, request: &ModelRequest) -> Value {
        let cache = json!({ "type": "ephemeral" });
        let messages: Vec<Value> = request
            .messages
            .iter()
            .enumerate()
            .map(|(n, message)| {
                let role = match message.speaker {
                    Speaker::User => "user",
                    Speaker::Assistant => "assistant",
                };
                let mut part = json!({ "type": "text", "text": message.text });
                if n + 1 == request.stable {
                    part["cache_control"] = cache.clone();
                }
                json!({ "role": role, "content": [part] })
            })
            .collect();
        let mut body = json!({
            "model": endpoint.model,
            "max_tokens": request.output_tokens,
            "temperature": f64::from(request.temperature) / 100.0,
            "system": [{ "type": "text", "text": request.system, "cache_control": cache }],
            "messages": messages,
            "stream": true,
        });
        if let Some(schema) = &request.schema {
            body["tools"] =
                json!([{ "name": ANSWER, "description": "Gives the answer.", "input_schema": schema }]);
            body["tool_choice"] = json!({ "type": "tool", "name": ANSWER });
        }
        body
    }

    fn take(&mut self, event: &Value, told: &mut Told) -> Result<(), Value> {
        let of =
            |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        match of(event, "type").as_str() {
            "error" => return Err(event.clone()),
            "message_start" => self.count(&event["message"]["usage"], told),
            "content_block_delta" => {
                let delta = &event["delta"];
                told.text.push_str(&of(delta, "text"));
                told.text.push_str(&of(delta, "partial_json"));
                told.thought_bytes += of(delta, "thinking").len() as u64;
            }
            "message_delta" => {
                self.count(&event["usage"], told);
                told.finish = finish(&of(&event["delta"], "stop_reason")).or(told.finish);
            }
            "message_stop" => told.finish = told.finish.or(Some(Finish::Done)),
            // A whole answer, where the server does not stream.
            "message" => {
                for part in event["content"].as_array().into_iter().flatten() {
                    told.text.push_str(&of(part, "text"));
                    if let Some(input) = part.get("input") {
                        told.text.push_str(&input.to_string());
                    }
                }
                self.count(&event["usage"], told);
                told.finish = finish(&of(event, "stop_reason"));
            }
            // `ping`, and kinds that come later.
            _ => {}
        }
        Ok(())
    }
}

impl Messages {
    fn count(&mut self, usage: &Value, told: &mut Told) {
        let of = |key: &str| usage.get(key).and_then(Value::as_u64);
        let (fresh, written, read) =
            (of("input_tokens"), of("cache_creation_input_tokens"), of("cache_read_input_tokens"));
        if fresh.is_some() {
            self.usage.tokens_cached = read.unwrap_or(0);
            self.usage.tokens_in = fresh.unwrap_or(0) + written.unwrap_or(0) + read.unwrap_or(0);
        }
        // It is the sum so far, not what was added.
        self.usage.tokens_out = of("output_tokens").unwrap_or(self.usage.tokens_out);
        told.usage = Some(self.usage);
    }
}

fn finish(reason: &str) -> Option<Finish> {
    match reason {
        "" => None,
        "max_tokens" | "model_context_window_exceeded" => Some(Finish::Length),
        "refusal" => Some(Finish::Refused),
        _ => Some(Finish::Done),
    }
}
