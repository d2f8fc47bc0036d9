//! By what a collector proves who it is, and by what we do, where the standard variables name files for it.

use std::fs::File;
use std::io::Read;

use coditect_ports::PortError;
use coditect_types::ErrorKind;
use reqwest::{Certificate, ClientBuilder, Identity};

use super::variables::Variables;

/// Bytes of a PEM file.
const PEM_BYTES: u64 = 1 << 20;

/// Whose certificates are believed, and which one is shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Trust {
    /// None: those that the machine believes.
    roots: Option<Vec<Certificate>>,
    /// None: none is shown.
    own: Option<Identity>,
}

impl Trust {
    /// What the variables say.
    ///
    /// # Errors
    /// A file cannot be read, or is not what it is to be; half of our own certificate is missing. Nothing is sent then: whoever names a
    /// certificate does not want any other to do.
    pub(super) fn from_variables(variables: &Variables<'_>) -> Result<Self, PortError> {
        let roots = match variables.either("CERTIFICATE") {
            Some(named) => Some(certificates(&named)?),
            None => None,
        };
        let own = match (variables.either("CLIENT_CERTIFICATE"), variables.either("CLIENT_KEY")) {
            (Some(chain), Some(key)) => Some(identity(&chain, &key)?),
            (None, None) => None,
            (Some((name, _)), None) => return Err(half(&name, "CLIENT_KEY")),
            (None, Some((name, _))) => return Err(half(&name, "CLIENT_CERTIFICATE")),
        };
        Ok(Self { roots, own })
    }

    /// Whether the variables say anything.
    pub(super) fn is_said(&self) -> bool {
        self.roots.is_some() || self.own.is_some()
    }

    /// A client that goes by it.
    pub(super) fn given_to(&self, client: ClientBuilder) -> ClientBuilder {
        let client = match &self.roots {
            Some(roots) => client.tls_certs_only(roots.iter().cloned()),
            None => client,
        };
        match &self.own {
            Some(own) => client.identity(own.clone()),
            None => client,
        }
    }
}

fn invalid(cause: String) -> PortError {
    PortError::new(ErrorKind::Invalid, cause)
}

fn half(name: &str, missing: &str) -> PortError {
    invalid(format!("{name} is set, and no OTEL_EXPORTER_OTLP_{missing} that belongs to it"))
        .with_hint("a certificate is shown with its key: set both, or none of them")
}

/// The file that a variable names.
fn read((name, path): &(String, String)) -> Result<Vec<u8>, PortError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(PEM_BYTES + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) if bytes.len() as u64 > PEM_BYTES => {
            Err(invalid(format!("{name}: `{path}` is larger than a PEM file is")))
        }
        Ok(_) => Ok(bytes),
        Err(error) => Err(PortError::from_io(&format!("{name}: `{path}`"), &error)),
    }
}

/// Whether there is such a part in a PEM file: it says where one begins.
fn has(bytes: &[u8], what: &str) -> bool {
    String::from_utf8_lossy(bytes).lines().any(|line| line.starts_with("-----BEGIN") && line.contains(what))
}

fn certificates(named: &(String, String)) -> Result<Vec<Certificate>, PortError> {
    let bytes = read(named)?;
    let (name, path) = named;
    let found = Certificate::from_pem_bundle(&bytes).ok().filter(|all| !all.is_empty());
    found.ok_or_else(|| {
        invalid(format!("{name}: `{path}` has no certificate"))
            .with_hint("it is a file in PEM: `BEGIN CERTIFICATE`")
    })
}

fn identity(chain: &(String, String), key: &(String, String)) -> Result<Identity, PortError> {
    let (mut both, key_bytes) = (read(chain)?, read(key)?);
    for ((name, path), bytes, what) in [(chain, &both, "CERTIFICATE"), (key, &key_bytes, "PRIVATE KEY")] {
        if !has(bytes, what) {
            let hint = format!("it is a file in PEM: `BEGIN {what}`");
            return Err(invalid(format!("{name}: `{path}` has none")).with_hint(hint));
        }
    }
    both.push(b'\n');
    both.extend_from_slice(&key_bytes);
    Identity::from_pem(&both).map_err(|_| {
        let ((chain_name, chain), (key_name, key)) = (chain, key);
        invalid(format!(
            "{chain_name}: `{chain}`, and {key_name}: `{key}`, cannot be read as a certificate and its key"
        ))
        .with_hint("both are files in PEM, and the key is not encrypted")
    })
}
