//! The streams on the server: made where there are none, checked where there are. A stream that would lose records
//! by its configuration is refused; where the server promises less than the port does, it is said.

use std::collections::BTreeMap;
use std::time::Duration;

use coditect_ports::PortError;
use coditect_types::ErrorKind;
use serde::Deserialize;
use tokio::time::Instant;

use crate::nats::api::{StreamConfig, StreamInfo};
use crate::nats::link::Link;
use crate::nats::streams::{self, Keeps};

/// What may be in a stream's metadata under this: the version of its messages.
const FORMAT: &str = "coditect.format";
/// The version that this build writes, and the newest that it reads.
const VERSION: u64 = super::codec::VERSION as u64;
/// The least that a message must be allowed to have, bytes.
const LEAST_PAYLOAD: usize = 4 << 10;
/// The server remembers the names of messages for so long. We give them none: what fences is the expected number,
/// which never expires.
const DUPLICATES_NS: i64 = 1_000_000_000;

/// What the streams keep: none of it goes by its age.
const RECORDS: Keeps<'static> = Keeps { what: "records", least_age: 0 };

/// How long the streams may take to be there.
const OPENING: Duration = Duration::from_secs(5);

/// Names of the streams and subjects of one journal.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) journal: String,
    pub(super) saved: String,
    /// What the subjects of missions begin with.
    pub(super) of_journal: String,
    /// The same for snapshots.
    pub(super) of_saved: String,
}

impl Names {
    /// Those of the journal `name`: letters, digits and `-`.
    pub(super) fn of(name: &str) -> Result<Self, PortError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if name.is_empty() || name.len() > 64 || !name.bytes().all(fits) {
            let cause = format!("`{}` is no name of a journal", name.escape_default());
            return Err(PortError::new(ErrorKind::Invalid, cause).with_hint("use letters, digits and `-`"));
        }
        Ok(Self {
            journal: format!("{name}_journal"),
            saved: format!("{name}_saved"),
            of_journal: format!("{name}.journal."),
            of_saved: format!("{name}.saved."),
        })
    }
}

/// When the server's disk has what it acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syncs {
    /// Before it acknowledges (`sync_interval: always`).
    Always,
    /// Every so often: until then, what was acknowledged is in the memory of the server's machine.
    Every(Duration),
    /// It cannot be seen from here.
    Unknown,
}

impl std::fmt::Display for Syncs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Always => f.write_str("always"),
            Self::Every(time) => write!(f, "every {} s", time.as_secs_f64()),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// What was found when the streams were opened.
#[derive(Debug)]
pub(super) struct Opened {
    /// What a message may have at most by the stream's own limit; None: as the server.
    pub(super) largest: Option<usize>,
    /// What a person should know, a sentence each.
    pub(super) notes: Vec<String>,
}

/// Makes or checks both streams.
pub(super) async fn open(link: &Link, names: &Names) -> Result<Opened, PortError> {
    // Where there is no JetStream, a person is to hear it soon; where a server is starting, it is waited for. A cluster may have to find
    // a leader first.
    let opening = if link.is_clustered() { link.patience } else { OPENING };
    let deadline = link.deadline().min(Instant::now() + opening);
    let replicas = link.replicas();
    let journal = config(&names.journal, format!("{}*", names.of_journal), replicas, -1);
    let saved = config(&names.saved, format!("{}*.*", names.of_saved), replicas, 1);
    let mut opened = Opened { largest: None, notes: Vec::new() };
    for wanted in [journal, saved] {
        let doing = format!("opening the stream `{}`", wanted.name);
        let found = link.make_or_find(&wanted, deadline).await.map_err(|fault| link.error(&doing, fault))?;
        let checked = check(&wanted, &found)?;
        opened.notes.extend(checked.notes);
        opened.largest = [opened.largest, checked.largest].into_iter().flatten().min();
    }
    let least = opened.largest.map_or(link.max_payload(), |largest| largest.min(link.max_payload()));
    if least < LEAST_PAYLOAD {
        let cause = format!(
            "the NATS server at `{}` takes messages of {least} bytes, and {LEAST_PAYLOAD} are needed",
            link.shown
        );
        let hint = "raise `max_payload` of the server, and `max_msg_size` of the stream where it has one";
        return Err(PortError::new(ErrorKind::Invalid, cause).with_hint(hint));
    }
    Ok(opened)
}

fn config(name: &str, subject: String, replicas: u32, per_subject: i64) -> StreamConfig {
    StreamConfig {
        name: name.to_owned(),
        description: "CODITECT".to_owned(),
        subjects: vec![subject],
        retention: "limits".to_owned(),
        storage: "file".to_owned(),
        // Nothing is thrown away to make room; a full stream refuses. A snapshot replaces the one before.
        discard: if per_subject > 0 { "old".to_owned() } else { "new".to_owned() },
        num_replicas: replicas,
        max_msgs: -1,
        max_bytes: -1,
        max_msgs_per_subject: per_subject,
        max_msg_size: -1,
        duplicate_window: DUPLICATES_NS,
        allow_direct: true,
        metadata: BTreeMap::from([(FORMAT.to_owned(), VERSION.to_string())]),
        ..StreamConfig::default()
    }
}

/// What a stream's configuration says.
#[derive(Debug, Default)]
struct Checked {
    largest: Option<usize>,
    notes: Vec<String>,
}

/// Refuses a stream that would lose records; says where it promises less than it should.
fn check(wanted: &StreamConfig, found: &StreamInfo) -> Result<Checked, PortError> {
    let (name, config) = (&wanted.name, &found.config);
    let written = config.metadata.get(FORMAT).map(|text| text.parse::<u64>());
    if let Some(written) = written.filter(|written| written.as_ref() != Ok(&VERSION)) {
        let written = written.map_or_else(|_| "another".to_owned(), |version| version.to_string());
        let cause = format!(
            "the stream `{name}` was written in format {written}, and this version reads {VERSION} at most"
        );
        return Err(
            PortError::new(ErrorKind::Invalid, cause).with_hint("use the newest version of `coditect`")
        );
    }
    streams::check(wanted, found, RECORDS).map_err(|error| {
        let hint = error.hint.as_deref().unwrap_or_default();
        let hint = format!("name another journal, or {hint}");
        error.with_hint(hint)
    })?;
    Ok(Checked {
        largest: usize::try_from(config.max_msg_size).ok().filter(|size| *size > 0),
        notes: streams::notes_on(wanted, found, RECORDS.what),
    })
}

/// The answer of a server's monitoring port to `/varz`, as far as we need it.
#[derive(Debug, Deserialize)]
struct Varz {
    server_id: String,
    #[serde(default)]
    jetstream: VarzJetStream,
}

#[derive(Debug, Default, Deserialize)]
struct VarzJetStream {
    #[serde(default)]
    config: VarzConfig,
}

#[derive(Debug, Default, Deserialize)]
struct VarzConfig {
    /// Nanoseconds.
    #[serde(default)]
    sync_interval: u64,
    #[serde(default)]
    sync_always: bool,
}

/// When the server syncs, as its monitoring port says. The client's own protocol does not tell.
pub(super) async fn syncs(link: &Link, monitor: Option<&str>) -> Result<Syncs, PortError> {
    let Some(monitor) = monitor else { return Ok(Syncs::Unknown) };
    let url = format!("{}/varz", monitor.trim_end_matches('/'));
    let failed = |error: reqwest::Error| {
        let cause = format!("asking the monitoring port of NATS: {}", error.without_url());
        PortError::new(ErrorKind::Unavailable, cause)
            .with_hint("start the server with `-m 8222`, and name `http://HOST:8222`")
    };
    let client =
        reqwest::Client::builder().no_proxy().timeout(link.patience.min(Duration::from_secs(5))).build();
    let answer = client.map_err(failed)?.get(url).send().await.and_then(reqwest::Response::error_for_status);
    let text = answer.map_err(failed)?.bytes().await.map_err(failed)?;
    let varz: Varz = serde_json::from_slice(&text).map_err(|error| {
        let cause = format!("the monitoring port of NATS says something else than expected: {error}");
        PortError::new(ErrorKind::Invalid, cause)
    })?;
    // Of several servers, the client takes any: that of the port may be another one.
    if varz.server_id != link.server_id() && link.shown.contains(',') {
        return Ok(Syncs::Unknown);
    }
    if varz.server_id != link.server_id() {
        let cause = format!("the monitoring port is that of another server than `{}`", link.shown);
        return Err(PortError::new(ErrorKind::Invalid, cause).with_hint("name the port of the same server"));
    }
    let config = varz.jetstream.config;
    Ok(if config.sync_always {
        Syncs::Always
    } else {
        Syncs::Every(Duration::from_nanos(config.sync_interval))
    })
}

/// What a person should know of when the server syncs; None: it keeps what the port promises.
pub(super) fn note_on(syncs: Syncs, is_clustered: bool) -> Option<String> {
    let until = match syncs {
        Syncs::Always => return None,
        Syncs::Every(time) => format!("the NATS server syncs its disk every {} s", time.as_secs_f64()),
        Syncs::Unknown => {
            "when the NATS server syncs its disk cannot be seen from here, and unless it is told \
                           otherwise it does so every 120 s"
                .to_owned()
        }
    };
    let loses = if is_clustered {
        "if the machines of most replicas lose power at once, records that were acknowledged are lost"
    } else {
        "if its machine loses power, records that were acknowledged are lost (not if only the server is killed)"
    };
    Some(format!("{until}: {loses}; `jetstream {{ sync_interval: always }}` in its configuration mends that"))
}

#[cfg(test)]
mod tests;
