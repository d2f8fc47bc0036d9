//! What a provider's refusal means: by its status (RFC 9110), its code, and what it asks to wait for.

use std::time::{Duration, SystemTime};

use coditect_ports::{ModelError, PortError};
use coditect_types::ErrorKind;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::Endpoint;
use super::wire::text_at;

/// The longest wait that is passed on, ms.
const MOST_WAIT_MS: u64 = 3_600_000;
/// Letters of a provider's own words that are told.
const SAID: usize = 300;

/// The error that a refusal stands for.
pub(super) fn of_status(endpoint: &Endpoint, status: u16, headers: &HeaderMap, body: &str) -> ModelError {
    let json: Value = serde_json::from_str(body).unwrap_or(Value::Null);
    let mut error = of_refusal(endpoint, status, &json, body);
    error.retry_after_ms = retry_after_ms(headers, SystemTime::now()).or_else(|| retry_delay_ms(&json));
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

/// How long to wait, by `retry-after-ms` or `retry-after`: seconds, or a date (RFC 9110, 10.2.3), which is reckoned from the date of
/// the answer where that is said, since clocks differ, and from `now` otherwise.
fn retry_after_ms(headers: &HeaderMap, now: SystemTime) -> Option<u64> {
    let text = |name: &str| Some(headers.get(name)?.to_str().ok()?.trim());
    let number = |name: &str| text(name)?.parse::<f64>().ok();
    let date = |name: &str| httpdate::parse_http_date(text(name)?).ok();
    if let Some(ms) = number("retry-after-ms").or_else(|| Some(number("retry-after")? * 1_000.0)) {
        return Some(bounded_ms(ms));
    }
    let wait = date("retry-after")?.duration_since(date("date").unwrap_or(now));
    // A date that is past asks for no wait.
    Some(bounded_ms(wait.unwrap_or(Duration::ZERO).as_secs_f64() * 1_000.0))
}

/// How long to wait, by the detail `RetryInfo` of an error of Google's: `"retryDelay": "27s"` (google.rpc, error_details.proto).
fn retry_delay_ms(json: &Value) -> Option<u64> {
    // A stream that is not one gives the error as the only item of a list.
    let json = json.get(0).unwrap_or(json);
    let details = json.get("error")?.get("details")?.as_array()?;
    let s = details
        .iter()
        .find_map(|detail| text_at(detail, "retryDelay").strip_suffix('s')?.parse::<f64>().ok())?;
    Some(bounded_ms(s * 1_000.0))
}

fn bounded_ms(ms: f64) -> u64 {
    // The cast saturates; NaN becomes 0.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded on the next line")]
    let ms = ms.max(0.0) as u64;
    ms.min(MOST_WAIT_MS)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn how_long_to_wait_is_said_in_several_ways() {
        let at = |text: &str| httpdate::parse_http_date(text).unwrap();
        let now = at("Sun, 06 Nov 1994 08:49:37 GMT");
        let asked = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, value.parse().unwrap());
            }
            retry_after_ms(&headers, now)
        };
        for (value, ms) in [
            ("20", Some(20_000)),
            (" 1.5 ", Some(1_500)),
            ("-3", Some(0)),
            ("1e30", Some(MOST_WAIT_MS)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30_000)),
            ("Sunday, 06-Nov-94 08:50:07 GMT", Some(30_000)),
            ("Sun Nov  6 08:50:07 1994", Some(30_000)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("Mon, 07 Nov 1994 08:49:37 GMT", Some(MOST_WAIT_MS)),
            ("soon", None),
        ] {
            assert_eq!(asked(&[("retry-after", value)]), ms, "{value}");
        }
        assert_eq!(asked(&[("retry-after", "20"), ("retry-after-ms", "70")]), Some(70));
        // Its clock is a day ahead of ours.
        let ahead =
            [("date", "Mon, 07 Nov 1994 08:49:37 GMT"), ("retry-after", "Mon, 07 Nov 1994 08:49:47 GMT")];
        assert_eq!(asked(&ahead), Some(10_000));
    }

    #[test]
    fn a_delay_is_read_out_of_the_details_of_an_error() {
        let error = |delay: Value| json!({ "error": { "code": 429, "details": [{ "@type": "x.QuotaFailure" }, { "retryDelay": delay }] } });
        assert_eq!(retry_delay_ms(&error(json!("27s"))), Some(27_000));
        assert_eq!(retry_delay_ms(&json!([error(json!("0.25s"))])), Some(250));
        for none in [error(json!("soon")), error(json!(27)), json!({ "error": "x" }), json!([]), Value::Null]
        {
            assert_eq!(retry_delay_ms(&none), None, "{none}");
        }
    }
}
