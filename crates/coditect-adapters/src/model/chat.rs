//! Chat completions, streamed: `POST /chat/completions` (OpenAI's API reference of 2025, and what other servers make of it).

use coditect_types::ModelRequest;
use coditect_types::model::{Finish, Usage};
use serde_json::{Value, json};

use super::Endpoint;
use super::wire::{Speaks, Told, bearer, cache_key, messages, text_at};

/// The protocol. It keeps nothing between events.
#[derive(Debug, Default)]
pub(super) struct Chat {}

impl Speaks for Chat {
    fn path(&self, _: &Endpoint) -> String {
        "/chat/completions".into()
    }

    fn headers(&self, endpoint: &Endpoint) -> Vec<(&'static str, String)> {
        bearer(endpoint)
    }

    fn body(&self, endpoint: &Endpoint, request: &ModelRequest) -> Value {
        let messages = if is_anthropic(endpoint) { marked(request) } else { messages(request) };
        let mut body = json!({
            "model": endpoint.model,
            "messages": messages,
            "stream": true,
            "stream_options": { "include_usage": true },
        });
        if is_openai(endpoint) {
            // Its newer models refuse the older name, and any temperature but their own.
            body["max_completion_tokens"] = request.output_tokens.into();
            body["prompt_cache_key"] = cache_key(endpoint, request).into();
        } else {
            body["max_tokens"] = request.output_tokens.into();
            body["temperature"] = json!(f64::from(request.temperature) / 100.0);
        }
        body["seed"] = (request.seed & i64::MAX as u64).into();
        if let Some(schema) = &request.schema {
            body["response_format"] = json!({
                "type": "json_schema",
                "json_schema": { "name": "answer", "strict": true, "schema": schema },
            });
        }
        body
    }

    fn take(&mut self, event: &Value, told: &mut Told) -> Result<(), Value> {
        if event.get("error").is_some_and(|error| !error.is_null()) {
            return Err(event.clone());
        }
        if let Some(usage) = event.get("usage").filter(|usage| usage.is_object()) {
            told.usage = Some(usage_of(usage));
        }
        let Some(choice) = event.get("choices").and_then(|choices| choices.get(0)) else { return Ok(()) };
        // An answer that is not streamed has the same under another name.
        let part = choice.get("delta").or_else(|| choice.get("message")).unwrap_or(&Value::Null);
        let text = |key: &str| text_at(part, key);
        told.text.push_str(text("content"));
        told.thought_bytes += (text("reasoning_content").len() + text("reasoning").len()) as u64;
        // No tool was offered; what a call of one says is no answer, and must have an end too.
        for call in part.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
            told.thought_bytes += text_at(&call["function"], "arguments").len() as u64;
        }
        if !text("refusal").is_empty() {
            told.text.push_str(text("refusal"));
            told.finish = Some(Finish::Refused);
        }
        match choice.get("finish_reason").and_then(Value::as_str) {
            Some("length") => told.finish = Some(Finish::Length),
            Some("content_filter") => told.finish = Some(Finish::Refused),
            Some(_) => told.finish = told.finish.or(Some(Finish::Done)),
            None => {}
        }
        Ok(())
    }
}

/// Whether it is a model of Anthropic's behind a server that names models by their makers, such as OpenRouter.
fn is_anthropic(endpoint: &Endpoint) -> bool {
    endpoint.model.starts_with("anthropic/")
}

/// The conversation with marks up to where it is to be cached: such a model caches nothing that is not marked (OpenRouter's guide to
/// prompt caching).
fn marked(request: &ModelRequest) -> Vec<Value> {
    let mut messages = messages(request);
    let stable = request.stable.min(request.messages.len());
    let mut mark = |at: usize| {
        if let Some(message) = messages.get_mut(at) {
            let part = json!({ "type": "text", "text": message["content"], "cache_control": { "type": "ephemeral" } });
            message["content"] = json!([part]);
        }
    };
    // What the model is stands before the messages.
    mark(0);
    if stable > 0 {
        mark(stable);
    }
    messages
}

fn is_openai(endpoint: &Endpoint) -> bool {
    let host = endpoint.url.split("//").nth(1).and_then(|rest| rest.split(['/', ':']).next());
    host == Some("api.openai.com")
}

fn usage_of(usage: &Value) -> Usage {
    let of = |value: &Value, key: &str| value.get(key).and_then(Value::as_u64).unwrap_or(0);
    let details = usage.get("prompt_tokens_details").unwrap_or(&Value::Null);
    Usage {
        tokens_in: of(usage, "prompt_tokens"),
        tokens_cached: of(details, "cached_tokens").max(of(usage, "prompt_cache_hit_tokens")),
        tokens_out: of(usage, "completion_tokens"),
        reckoned: false,
    }
}
