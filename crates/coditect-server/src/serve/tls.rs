//! TLS, by rustls: 1.2 and 1.3, certificates in PEM, and where it is wanted a certificate of who connects.

use std::fmt;
use std::sync::Arc;

use coditect_ports::PortError;
use coditect_types::ErrorKind;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

/// A certificate, its key, and who must have one too.
#[derive(Clone)]
pub struct Tls(Arc<ServerConfig>);

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// Of PEM files: the certificate with those that lead up to its root, its key, and the roots of which who connects must have a
    /// certificate, where that is wanted (mutual TLS).
    ///
    /// # Errors
    /// One of them is none, or the key is another one's.
    pub fn new(chain: &[u8], key: &[u8], clients: Option<&[u8]>) -> Result<Self, PortError> {
        let wrong = |what: &str, why: String| {
            PortError::new(ErrorKind::Invalid, format!("{what}: {why}"))
                .with_hint("certificates and keys are PEM files, as `openssl` and ACME clients write them")
        };
        let chain = certificates(chain).map_err(|why| wrong("the certificate", why))?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| wrong("the key", error.to_string()))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| PortError::new(ErrorKind::Bug, format!("TLS cannot be had: {error}")))?;
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(roots) => {
                let what = "the roots of those who connect";
                let mut store = RootCertStore::empty();
                for root in certificates(roots).map_err(|why| wrong(what, why))? {
                    store.add(root).map_err(|error| wrong(what, error.to_string()))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(store), provider)
                    .build()
                    .map_err(|error| wrong(what, error.to_string()))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|error| wrong("the certificate and its key", error.to_string()))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.0))
    }

    /// The same for who speaks HTTP/2, as gRPC does.
    pub(crate) fn acceptor_for_grpc(&self) -> TlsAcceptor {
        let mut config = ServerConfig::clone(&self.0);
        config.alpn_protocols = vec![b"h2".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match all {
        Ok(all) if all.is_empty() => Err("there is none in it".to_owned()),
        Ok(all) => Ok(all),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_said_to_be_none() {
        let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let (chain, key) = (own.cert.pem(), own.signing_key.serialize_pem());
        assert!(Tls::new(chain.as_bytes(), key.as_bytes(), None).is_ok());
        assert!(Tls::new(chain.as_bytes(), key.as_bytes(), Some(chain.as_bytes())).is_ok());
        let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let other = other.signing_key.serialize_pem();
        for (chain, key, clients, about) in [
            ("", key.as_str(), None, "the certificate: there is none"),
            (chain.as_str(), "", None, "the key"),
            (key.as_str(), key.as_str(), None, "the certificate"),
            (chain.as_str(), other.as_str(), None, "and its key"),
            (chain.as_str(), key.as_str(), Some("x"), "the roots"),
        ] {
            let error = Tls::new(chain.as_bytes(), key.as_bytes(), clients.map(str::as_bytes)).unwrap_err();
            assert!(error.cause.contains(about) && !error.cause.contains("BEGIN"), "{error:?}");
        }
    }
}
