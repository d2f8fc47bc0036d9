//! OpenAI's responses, streamed: `POST /responses` (API reference of 2025). Nothing is stored at the provider.

use coditect_types::ModelRequest;
use coditect_types::model::{Finish, Speaker, Usage};
use serde_json::{Value, json};

use super::Endpoint;
use super::wire::{Speaks, Told, bearer, cache_key, text_at};

/// The protocol. It keeps nothing between events.
#[derive(Debug, Default)]
pub(super) struct Responses {}

impl Speaks for Responses {
    fn path(&self, _: &Endpoint) -> String {
        "/responses".into()
    }

    fn headers(&self, endpoint: &Endpoint) -> Vec<(&'static str, String)> {
        bearer(endpoint)
    }

    fn body(&self, endpoint: &Endpoint, request: &ModelRequest) -> Value {
        let input: Vec<Value> = request
            .messages
            .iter()
            .map(|message| {
                let (role, kind) = match message.speaker {
                    Speaker::User => ("user", "input_text"),
                    Speaker::Assistant => ("assistant", "output_text"),
                };
                json!({ "role": role, "content": [{ "type": kind, "text": message.text }] })
            })
            .collect();
        // No temperature: the models that think refuse any.
        let mut body = json!({
            "model": endpoint.model,
            "instructions": request.system,
            "input": input,
            "max_output_tokens": request.output_tokens,
            "store": false,
            "prompt_cache_key": cache_key(endpoint, request),
            "stream": true,
        });
        if let Some(schema) = &request.schema {
            body["text"] = json!({
                "format": { "type": "json_schema", "name": "answer", "strict": true, "schema": schema },
            });
        }
        body
    }

    fn take(&mut self, event: &Value, told: &mut Told) -> Result<(), Value> {
        match text_at(event, "type") {
            "response.output_text.delta" => told.text.push_str(text_at(event, "delta")),
            "response.refusal.delta" => {
                told.text.push_str(text_at(event, "delta"));
                told.finish = Some(Finish::Refused);
            }
            kind if kind.starts_with("response.reasoning") || kind.contains("_call_arguments") => {
                told.thought_bytes += text_at(event, "delta").len() as u64;
            }
            "response.completed" | "response.incomplete" => end(&event["response"], told),
            "response.failed" => return Err(event["response"].clone()),
            "error" => return Err(event.clone()),
            // A whole answer, where the server does not stream.
            "" if text_at(event, "object") == "response" => {
                if event.get("error").is_some_and(|error| !error.is_null()) {
                    return Err(event.clone());
                }
                let items = event["output"].as_array().into_iter().flatten();
                for part in items.filter_map(|item| item["content"].as_array()).flatten() {
                    told.text.push_str(text_at(part, "text"));
                    if !text_at(part, "refusal").is_empty() {
                        told.text.push_str(text_at(part, "refusal"));
                        told.finish = Some(Finish::Refused);
                    }
                }
                end(event, told);
            }
            // Beginnings and ends of parts, and kinds that come later.
            _ => {}
        }
        Ok(())
    }
}

/// Takes in how a response ended and what it took.
fn end(response: &Value, told: &mut Told) {
    let finish = match text_at(&response["incomplete_details"], "reason") {
        "content_filter" => Finish::Refused,
        "" => Finish::Done,
        _ => Finish::Length,
    };
    told.finish = told.finish.or(Some(finish));
    let of = |value: &Value, key: &str| value.get(key).and_then(Value::as_u64).unwrap_or(0);
    if let Some(usage) = response.get("usage").filter(|usage| usage.is_object()) {
        told.usage = Some(Usage {
            tokens_in: of(usage, "input_tokens"),
            tokens_cached: of(&usage["input_tokens_details"], "cached_tokens"),
            tokens_out: of(usage, "output_tokens"),
            reckoned: false,
        });
    }
}
