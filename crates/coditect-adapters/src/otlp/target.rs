//! Where a kind of what is sent goes, by the standard variables.

use std::time::Duration;

use coditect_ports::PortError;
use coditect_types::ErrorKind;
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};

use super::{Sampler, Signal};

/// What is spoken, as the standard calls it: every collector takes it, and the standard has it where nobody says.
const SPOKEN: &str = "http/protobuf";
/// How long a collector may take where nobody says: the standard's own value.
const TIMEOUT_MS: u64 = 10_000;
/// How often figures are sent where nobody says: the standard's own value.
const INTERVAL_MS: u64 = 60_000;
/// And how often at most: a collector is not there to be flooded.
const SHORTEST_MS: u64 = 100;

/// Where it is sent, and as whose.
#[derive(Clone, Debug)]
pub struct Target {
    pub(super) signal: Signal,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) timeout: Duration,
    pub(super) interval: Duration,
    pub(super) resource: Map<String, Value>,
    /// Which traces are told.
    sampler: Sampler,
}

impl Target {
    /// What the standard variables say; None: nothing is to be sent. `get` reads one variable.
    ///
    /// # Errors
    /// `Invalid` where one of them cannot be what it is, or asks for what is not spoken here.
    pub fn from_variables(
        signal: Signal,
        get: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, PortError> {
        let get = |name: &str| get(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let upper = signal.name().to_uppercase();
        let own_name = |what: &str| format!("OTEL_EXPORTER_OTLP_{upper}_{what}");
        // With the name of the variable that said it.
        let either = |what: &str| {
            let names = [own_name(what), format!("OTEL_EXPORTER_OTLP_{what}")];
            names.into_iter().find_map(|name| get(&name).map(|text| (name, text)))
        };
        // Any other exporter is one that we do not have.
        let chosen = get(&format!("OTEL_{upper}_EXPORTER"));
        let is_off = get("OTEL_SDK_DISABLED").is_some_and(|text| text.eq_ignore_ascii_case("true"))
            || chosen.is_some_and(|text| !text.split(',').any(|name| name.trim() == "otlp"));
        let own = get(&own_name("ENDPOINT")).is_some();
        let Some((name, base)) = either("ENDPOINT").filter(|_| !is_off) else { return Ok(None) };
        if let Some((name, protocol)) = either("PROTOCOL").filter(|(_, protocol)| protocol != SPOKEN) {
            let cause = format!("{name}: `{protocol}` is not spoken here");
            return Err(PortError::new(ErrorKind::Invalid, cause)
                .with_hint(format!("use `{SPOKEN}` and the collector's HTTP port, as a rule 4318")));
        }
        let mut url = address(&name, &base)?;
        if !own {
            let path = format!("{}/v1/{}", url.path().trim_end_matches('/'), signal.name());
            url.set_path(&path);
        }
        let (of, all) = either("HEADERS").unwrap_or_default();
        let timeout = match either("TIMEOUT") {
            Some((name, text)) => number(&name, &text)?,
            None => 0,
        };
        let interval = match get("OTEL_METRIC_EXPORT_INTERVAL") {
            Some(text) if signal == Signal::Metrics => number("OTEL_METRIC_EXPORT_INTERVAL", &text)?,
            Some(_) | None => 0,
        };
        // For as long as it takes is too long.
        let or = |ms: u64, usual: u64| if ms == 0 { usual } else { ms };
        Ok(Some(Self {
            signal,
            url,
            headers: headers(&of, &all)?,
            timeout: Duration::from_millis(or(timeout, TIMEOUT_MS)),
            interval: Duration::from_millis(or(interval, INTERVAL_MS).max(SHORTEST_MS)),
            resource: resource(get("OTEL_SERVICE_NAME"), get("OTEL_RESOURCE_ATTRIBUTES")),
            sampler: match signal {
                Signal::Traces => Sampler::from_variables(get)?,
                Signal::Metrics | Signal::Logs => Sampler::default(),
            },
        }))
    }

    /// Says more of whose it is. What the person's variables say is not overruled.
    #[must_use]
    pub fn with_resource(mut self, name: &str, value: &str) -> Self {
        self.resource.entry(name).or_insert_with(|| value.into());
        self
    }

    /// Which traces are told.
    #[must_use]
    pub fn sampler(&self) -> Sampler {
        self.sampler
    }

    /// Which kind goes there.
    #[must_use]
    pub fn signal(&self) -> Signal {
        self.signal
    }

    /// The address without what may be secret.
    #[must_use]
    pub fn shown(&self) -> String {
        let mut url = self.url.clone();
        url.set_query(None);
        // An address of HTTP can be without a login.
        url.set_username("").and_then(|()| url.set_password(None)).ok();
        url.to_string()
    }
}

/// What it says is not told: a login may stand in it.
fn address(name: &str, text: &str) -> Result<Url, PortError> {
    let bad = |cause: &str| PortError::new(ErrorKind::Invalid, format!("{name}: {cause}"));
    let url = Url::parse(text).map_err(|error| bad(&format!("it is no address: {error}")))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        _ => Err(bad("it begins with neither `http://` nor `https://`")),
    }
}

fn number(name: &str, text: &str) -> Result<u64, PortError> {
    text.parse().map_err(|error| {
        PortError::new(ErrorKind::Invalid, format!("{name} is no number of milliseconds: {error}"))
    })
}

/// `key=value,key=value`, each in percent encoding.
fn pairs(text: &str) -> impl Iterator<Item = (String, String)> {
    text.split(',').filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        Some((unescaped(name.trim()), unescaped(value.trim())))
    })
}

fn unescaped(text: &str) -> String {
    let (mut out, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, more)) = rest.split_first() {
        let code = (*first == b'%').then(|| more.get(..2)).flatten();
        let code = code.and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        out.push(code.unwrap_or(*first));
        rest = if code.is_some() { &more[2..] } else { more };
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn headers(variable: &str, text: &str) -> Result<HeaderMap, PortError> {
    let mut all = HeaderMap::new();
    for (name, value) in pairs(text) {
        let pair = HeaderName::try_from(&name).ok().zip(HeaderValue::try_from(&value).ok());
        let Some((header, mut value)) = pair else {
            let cause = format!("{variable}: `{name}` and its value are no header");
            return Err(PortError::new(ErrorKind::Invalid, cause).with_hint("write `name=value,name=value`"));
        };
        value.set_sensitive(true);
        all.insert(header, value);
    }
    Ok(all)
}

/// Whose it is. `OTEL_SERVICE_NAME` beats what the attributes say.
fn resource(service: Option<String>, attributes: Option<String>) -> Map<String, Value> {
    let attributes = attributes.unwrap_or_default();
    let mut all: Map<String, Value> = pairs(&attributes).map(|(name, value)| (name, value.into())).collect();
    if let Some(service) = service {
        all.insert("service.name".to_owned(), service.into());
    }
    all.entry("service.name").or_insert_with(|| "coditect".into());
    all.insert("service.version".to_owned(), env!("CARGO_PKG_VERSION").into());
    all
}
