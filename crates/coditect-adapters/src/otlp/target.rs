//! Where a kind of what is sent goes, by the standard variables.

use std::time::Duration;

use coditect_ports::PortError;
use coditect_types::ErrorKind;
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};

use super::queue::Limits;
use super::trust::Trust;
use super::variables::Variables;
use super::{Sampler, Signal, send};

/// What is spoken, as the standard calls it: every collector takes it, and the standard has it where nobody says.
const SPOKEN: &str = "http/protobuf";
/// How long a collector may take where nobody says: the standard's own value.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How often figures are sent where nobody says: the standard's own value.
const INTERVAL: Duration = Duration::from_secs(60);
/// And how often at most: a collector is not there to be flooded.
const SHORTEST: Duration = Duration::from_millis(100);
/// What may wait at most, what may go with one request, and how long the first of it may wait for others, ms: more would be a machine's
/// memory, or news of yesterday.
const MOST_WAITING: u64 = 1 << 20;
const MOST_BATCH: u64 = 1 << 16;
const LONGEST_DELAY_MS: u64 = 600_000;

/// Where it is sent, and as whose.
#[derive(Clone, Debug)]
pub struct Target {
    pub(super) signal: Signal,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    /// How long one request may take.
    pub(super) timeout: Duration,
    /// How long a batch may take with all its requests; None: as long as these do.
    pub(super) within: Option<Duration>,
    pub(super) interval: Duration,
    pub(super) limits: Limits,
    pub(super) trust: Trust,
    pub(super) is_compressed: bool,
    pub(super) resource: Map<String, Value>,
    /// Which traces are told.
    sampler: Sampler,
    notes: Vec<String>,
}

impl Target {
    /// What the standard variables say; None: nothing is to be sent. `get` reads one variable.
    ///
    /// # Errors
    /// `Invalid` where one of them asks for what is not spoken here, or where nothing could be sent as it says; what files it names
    /// cannot be read.
    pub fn from_variables(
        signal: Signal,
        get: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, PortError> {
        let variables = Variables::new(signal, &get);
        let Some(url) = url(&variables)? else { return Ok(None) };
        let (of, all) = variables.either("HEADERS").unwrap_or_default();
        let headers = headers(&of, &all)?;
        // Where nothing is encrypted, no certificate is looked at.
        let trust = match url.scheme() {
            "https" => Trust::from_variables(&variables)?,
            _ => Trust::default(),
        };
        let time = |name: &str| variables.text(name).and_then(|text| variables.time(name, &text));
        let timeout = variables.either("TIMEOUT").and_then(|(name, text)| variables.time(&name, &text));
        let interval = (signal == Signal::Metrics).then(|| time("OTEL_METRIC_EXPORT_INTERVAL")).flatten();
        let sampler = match signal {
            Signal::Traces => {
                let (sampler, wrong) = Sampler::from_variables(&get);
                wrong.into_iter().for_each(|wrong| variables.note(wrong));
                sampler
            }
            Signal::Metrics | Signal::Logs => Sampler::default(),
        };
        let text = |name: &str| variables.text(name);
        let target = Self {
            signal,
            url,
            headers,
            timeout: timeout.unwrap_or(TIMEOUT),
            within: time(match signal {
                Signal::Traces => "OTEL_BSP_EXPORT_TIMEOUT",
                Signal::Metrics => "OTEL_METRIC_EXPORT_TIMEOUT",
                Signal::Logs => "OTEL_BLRP_EXPORT_TIMEOUT",
            }),
            interval: interval.unwrap_or(INTERVAL).max(SHORTEST),
            limits: limits(&variables),
            trust,
            is_compressed: is_compressed(&variables),
            resource: resource(text("OTEL_SERVICE_NAME"), text("OTEL_RESOURCE_ATTRIBUTES")),
            sampler,
            notes: variables.notes(),
        };
        must_be_usable(&target)?;
        Ok(Some(target))
    }

    /// What is wrong with variables that count as if they were not set, a line each.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
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

/// The address of the collector. None: there is none, or nothing of this kind is wanted.
fn url(variables: &Variables<'_>) -> Result<Option<Url>, PortError> {
    let signal = variables.signal().name();
    // Any other exporter is one that we do not have.
    let chosen = variables.text(&format!("OTEL_{}_EXPORTER", signal.to_uppercase()));
    let is_off = variables.text("OTEL_SDK_DISABLED").is_some_and(|text| text.eq_ignore_ascii_case("true"))
        || chosen.is_some_and(|text| !text.split(',').any(|name| name.trim() == "otlp"));
    let own = variables.text(&variables.own_name("ENDPOINT")).is_some();
    let Some((name, base)) = variables.either("ENDPOINT").filter(|_| !is_off) else { return Ok(None) };
    if let Some((name, protocol)) = variables.either("PROTOCOL").filter(|(_, protocol)| protocol != SPOKEN) {
        let cause = format!("{name}: `{protocol}` is not spoken here");
        return Err(PortError::new(ErrorKind::Invalid, cause)
            .with_hint(format!("use `{SPOKEN}` and the collector's HTTP port, as a rule 4318")));
    }
    let mut url = address(&name, &base)?;
    if !own {
        let path = format!("{}/v1/{signal}", url.path().trim_end_matches('/'));
        url.set_path(&path);
    }
    Ok(Some(url))
}

/// How much waits, and goes at once. Figures do not wait.
fn limits(variables: &Variables<'_>) -> Limits {
    let (own, usual) = match variables.signal() {
        Signal::Traces => ("OTEL_BSP", Limits::default()),
        Signal::Logs => ("OTEL_BLRP", Limits::default()),
        Signal::Metrics => return Limits::default(),
    };
    let number = |what: &str, most: u64| variables.number(&format!("{own}_{what}"), 1..=most);
    let size = |what: &str, most: u64| number(what, most).and_then(|n| usize::try_from(n).ok());
    let waiting = size("MAX_QUEUE_SIZE", MOST_WAITING).unwrap_or(usual.waiting);
    let batch = size("MAX_EXPORT_BATCH_SIZE", MOST_BATCH);
    if batch.is_some_and(|batch| batch > waiting) {
        variables.note(format!(
            "{own}_MAX_EXPORT_BATCH_SIZE is more than may wait ({own}_MAX_QUEUE_SIZE): it is taken for {waiting}"
        ));
    }
    let gathered_for = number("SCHEDULE_DELAY", LONGEST_DELAY_MS).map(Duration::from_millis);
    Limits {
        waiting,
        batch: batch.unwrap_or(usual.batch).min(waiting),
        gathered_for: gathered_for.unwrap_or(usual.gathered_for),
    }
}

fn is_compressed(variables: &Variables<'_>) -> bool {
    let Some((name, how)) = variables.either("COMPRESSION") else { return false };
    match how.as_str() {
        "gzip" => true,
        "none" => false,
        _ => {
            variables.note(format!("{name} knows `gzip` and `none` here: nothing is compressed"));
            false
        }
    }
}

/// A certificate and a key that do not belong together are found out before there is anything to send.
fn must_be_usable(target: &Target) -> Result<(), PortError> {
    if !target.trust.is_said() {
        return Ok(());
    }
    match send::client(target) {
        Ok(_) => Ok(()),
        Err(error) => {
            let cause = format!(
                "OTEL_EXPORTER_OTLP_CERTIFICATE, ..._CLIENT_CERTIFICATE and ..._CLIENT_KEY cannot be used together: {}",
                send::causes(&error)
            );
            Err(PortError::new(ErrorKind::Invalid, cause)
                .with_hint("the key must be the one of the certificate that is shown"))
        }
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
