//! Where the server is, with what is secret taken out: an address is shown in errors and logs, credentials never are.

use std::path::{Path, PathBuf};

use coditect_ports::PortError;
use coditect_types::ErrorKind;
use reqwest::Url;

/// Servers of one system that may be named.
const SERVERS: usize = 16;

/// Where the servers are, and who asks.
pub(crate) struct Address {
    /// The servers, without user and password.
    pub(crate) servers: Vec<Url>,
    /// The same for a person.
    pub(crate) shown: String,
    /// Who asks.
    pub(crate) login: Login,
}

/// Who asks.
pub(crate) enum Login {
    /// Nobody in particular.
    None,
    /// A user with a password.
    Password(String, String),
    /// The bearer of a token.
    Token(String),
    /// A user whose key is in a file.
    File(PathBuf),
}

// By hand, so that no password is ever printed.
impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Address").field("shown", &self.shown).finish_non_exhaustive()
    }
}

/// Reads addresses such as `nats://user:password@host:4222`, several separated by commas.
pub(crate) fn parse(url: &str, creds: Option<&Path>) -> Result<Address, PortError> {
    let mut servers = Vec::new();
    let mut login = creds.map_or(Login::None, |file| Login::File(file.to_owned()));
    for text in url.split(',').map(str::trim) {
        let mut server = server(text)?;
        if let Some(own) = login_of(&server)? {
            if creds.is_some() {
                return Err(bad("the address has a user, and a file of credentials is named as well")
                    .with_hint("leave one of them out"));
            }
            login = own;
        }
        let removed = server.set_username("").and_then(|()| server.set_password(None));
        removed.map_err(|()| bad("the address has no host"))?;
        servers.push(server);
    }
    if servers.len() > SERVERS {
        return Err(bad(&format!("{} servers are named, and {SERVERS} can be", servers.len())));
    }
    let shown: Vec<_> = servers.iter().map(show).collect();
    Ok(Address { servers, shown: shown.join(", "), login })
}

/// The URL with `***` in place of what is secret, for a person; nothing of it where it cannot be read.
#[must_use]
pub fn redacted(url: &str) -> String {
    let one = |text: &str| match server(text.trim()) {
        Ok(mut server) => {
            let has_login = !server.username().is_empty() || server.password().is_some();
            let removed = server.set_username("").and_then(|()| server.set_password(None));
            match (has_login, removed) {
                (_, Err(())) => "***".to_owned(),
                (false, Ok(())) => show(&server),
                (true, Ok(())) => show(&server).replacen("://", "://***@", 1),
            }
        }
        Err(_) => "***".to_owned(),
    };
    url.split(',').map(one).collect::<Vec<_>>().join(",")
}

/// Checks an address, without a connection.
///
/// # Errors
/// `Invalid`, with what is wrong about it and nothing that is secret.
pub fn check(url: &str) -> Result<(), PortError> {
    parse(url, None).map(drop)
}

fn server(text: &str) -> Result<Url, PortError> {
    let text = if text.contains("://") { text.to_owned() } else { format!("nats://{text}") };
    // The parser's own words could quote the text.
    let mut server = Url::parse(&text).map_err(|_| bad("the address cannot be read"))?;
    if !matches!(server.scheme(), "nats" | "tls") {
        return Err(bad(&format!("the scheme of the address is `{}`, not `nats` or `tls`", server.scheme())));
    }
    if server.host_str().is_none_or(str::is_empty) {
        return Err(bad("the address has no host"));
    }
    if !matches!(server.path(), "" | "/") || server.query().is_some() || server.fragment().is_some() {
        return Err(bad("the address has something behind the port"));
    }
    server.set_path("");
    Ok(server)
}

fn show(server: &Url) -> String {
    let port = server.port().map_or(4222, |port| port);
    format!("{}://{}:{port}", server.scheme(), server.host_str().unwrap_or_default())
}

fn login_of(server: &Url) -> Result<Option<Login>, PortError> {
    let user = decoded(server.username())?;
    match server.password() {
        Some(password) => Ok(Some(Login::Password(user, decoded(password)?))),
        None if user.is_empty() => Ok(None),
        // As every NATS client has it: a name without a password is a token.
        None => Ok(Some(Login::Token(user))),
    }
}

/// Undoes `%40` and the like.
fn decoded(text: &str) -> Result<String, PortError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        match (digit(rest.next()), digit(rest.next())) {
            (Some(high), Some(low)) => bytes.push((high * 16 + low) as u8),
            _ => return Err(bad("user or password has a `%` that begins no `%XX`")),
        }
    }
    String::from_utf8(bytes).map_err(|_| bad("user or password is not UTF-8"))
}

fn bad(cause: &str) -> PortError {
    PortError::new(ErrorKind::Invalid, cause).with_hint("write it like `nats://127.0.0.1:4222`")
}
