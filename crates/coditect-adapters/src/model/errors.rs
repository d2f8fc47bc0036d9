//! What a provider's refusal means: by its status (RFC 9110), its code, and what it asks to wait for.

use coditect_ports::{ModelError, PortError};
use coditect_types::ErrorKind;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::Endpoint;

/// The longest wait that is passed on, ms.
const MOST_WAIT_MS: u64 = 3_600_000;
/// Letters of a provider's own words that are told.
const SAID: usize = 300;

/// The error that a refusal stands for.
pub(super) fn of_status(endpoint: &Endpoint, status: u16, headers: &HeaderMap, body: &str) -> ModelError {
    let json: Value = serde_json::from_str(body).unwrap_or(Value::Null);
    let mut error = of_refusal(endpoint, status, &json, body);
    error.retry_after_ms = retry_after_ms(headers);
    error
}

/// The error that an object `{"error": ...}` stands for; `status` is 0 where it came within an answer.
pub(super) fn of_refusal(endpoint: &Endpoint, status: u16, json: &Value, body: &str) -> ModelError {
    let error = json.get("error").unwrap_or(json);
    let of = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default();
    let code = [of("code"), of("type"), of("status")].join(" ").to_ascii_lowercase();
    let message = [of("message"), error.as_str().unwrap_or_default(), of("detail"), body]
        .into_iter()
        .find(|text| !text.trim().is_empty())
        .unwrap_or_default();
    let said = said(endpoint, message);
    let lower = message.to_ascii_lowercase();
    let is_long = code.contains("context_length")
        || (lower.contains("context")
            && ["exceed", "too long", "maximum", "larger", "length"].iter().any(|w| lower.contains(w)))
        || lower.contains("prompt is too long");
    let is_spent = code.contains("insufficient_quota") || code.contains("billing") || status == 402;
    let name = &endpoint.name;
    let error = match status {
        _ if is_spent => PortError::new(
            ErrorKind::Exhausted,
            format!("the account behind `{name}` has no money left{said}"),
        )
        .with_hint("put money on the account, or choose another model with `--model`"),
        // Some tell it with a 500; a deadline of theirs that was exceeded has a context too.
        _ if is_long
            && (status < 500 || code.contains("context_length") || code.contains("exceed_context")) =>
        {
            PortError::new(ErrorKind::Invalid, format!("the prompt is too long for `{name}`{said}"))
                .with_hint("set `context_tokens` of the model to what it can really hold")
        }
        401 => PortError::new(ErrorKind::Denied, format!("`{name}` does not take the key{said}"))
            .with_hint("set the key again: `coditect models` says where it is looked for"),
        403 => PortError::new(ErrorKind::Denied, format!("`{name}` may not be used with this key{said}"))
            .with_hint("ask for access where the key comes from, or choose another model with `--model`"),
        404 => PortError::new(
            ErrorKind::NotFound,
            format!("there is no model `{}` at {}{said}", endpoint.model, endpoint.url),
        )
        .with_hint("`coditect models` lists what the server offers"),
        408 | 409 | 425 => {
            PortError::new(ErrorKind::Unavailable, format!("`{name}` is busy (status {status}){said}"))
        }
        429 => {
            PortError::new(ErrorKind::Unavailable, format!("`{name}` takes no more requests for now{said}"))
        }
        300..400 => PortError::new(
            ErrorKind::Denied,
            format!("`{name}` sends to another address, which is not followed"),
        )
        .with_hint("write the right address into `url` of the model: the key goes nowhere else"),
        400..500 => PortError::new(
            ErrorKind::Invalid,
            format!("`{name}` refuses the request (status {status}){said}"),
        ),
        0 if code.contains("overload")
            || code.contains("rate_limit")
            || code.contains("server_error")
            || code.contains("api_error") =>
        {
            PortError::new(ErrorKind::Unavailable, format!("`{name}` gave up in its answer{said}"))
        }
        0 => PortError::new(ErrorKind::Unavailable, format!("`{name}` reports an error in its answer{said}")),
        _ => {
            PortError::new(ErrorKind::Unavailable, format!("`{name}` is in trouble (status {status}){said}"))
        }
    };
    error.into()
}

/// The provider's own words, short, on one line and without the key.
fn said(endpoint: &Endpoint, message: &str) -> String {
    let message = endpoint.key.scrub(message);
    let flat: String = message.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SAID).collect();
    let flat = flat.split_whitespace().collect::<Vec<_>>().join(" ");
    if flat.is_empty() { String::new() } else { format!(": {flat}") }
}

/// How long to wait, by `retry-after-ms` or `retry-after` (seconds; RFC 9110, 10.2.3).
fn retry_after_ms(headers: &HeaderMap) -> Option<u64> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let ms = number("retry-after-ms").or_else(|| Some(number("retry-after")? * 1_000.0))?;
    // The cast saturates; NaN becomes 0.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded on the next line")]
    let ms = ms.max(0.0) as u64;
    Some(ms.min(MOST_WAIT_MS))
}
