//! Collectors behind TLS, with certificates that only this test believes.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::*;

/// A certificate by itself, and its key, as files.
struct Pair {
    chain: PathBuf,
    key: PathBuf,
}

impl Pair {
    fn make(within: &tempfile::TempDir, name: &str) -> Self {
        let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let pair = Self {
            chain: within.path().join(format!("{name}.pem")),
            key: within.path().join(format!("{name}.key")),
        };
        std::fs::write(&pair.chain, own.cert.pem()).unwrap();
        std::fs::write(&pair.key, own.signing_key.serialize_pem()).unwrap();
        pair
    }

    fn certificate(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(&self.chain).unwrap()
    }
}

/// A collector that shows `own`, and wants to see `client` where one is named. It takes one connection, and gives what came over it.
fn collector(own: &Pair, client: Option<&Pair>) -> (String, thread::JoinHandle<Option<Value>>) {
    let provider = Arc::new(default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let builder = match client {
        None => builder.with_no_client_auth(),
        Some(client) => {
            let mut roots = RootCertStore::empty();
            roots.add(client.certificate()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let key = PrivateKeyDer::from_pem_file(&own.key).unwrap();
    let config = Arc::new(builder.with_single_cert(vec![own.certificate()], key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let taking = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut connection = ServerConnection::new(config).unwrap();
        while connection.is_handshaking() {
            connection.complete_io(&mut stream).ok()?;
        }
        Some(one(StreamOwned::new(connection, stream), "200 OK", b""))
    });
    (url, taking)
}

/// How many spans of one came to the collector with these variables, and what that was sent.
fn sent(url: &str, variables: &[(&str, &PathBuf)]) -> (u64, u64) {
    let mut all = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", url), ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")];
    all.extend(variables.iter().map(|(name, path)| (*name, path.to_str().unwrap())));
    let exporter = Exporter::<Span>::start(target(&all).unwrap().unwrap()).unwrap();
    exporter.offer(span(ROOT));
    exporter.finish(Duration::from_secs(30))
}

const ROOTS: &str = "OTEL_EXPORTER_OTLP_CERTIFICATE";
const CHAIN: &str = "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE";
const KEY: &str = "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY";

#[test]
fn a_collector_is_believed_by_the_certificate_of_the_variables_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (own, other) = (Pair::make(&dir, "own"), Pair::make(&dir, "other"));
    let (url, taking) = collector(&own, None);
    assert_eq!(sent(&url, &[(ROOTS, &own.chain)]), (1, 0));
    let body = taking.join().unwrap().unwrap();
    assert_eq!(body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().len(), 1);
    // The variable of the kind is closer than the one of all kinds.
    let (url, taking) = collector(&own, None);
    let traces = "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE";
    assert_eq!(sent(&url, &[(ROOTS, &own.chain), (traces, &other.chain)]), (0, 1));
    assert!(taking.join().unwrap().is_none());
}

#[test]
fn a_collector_that_wants_a_certificate_is_shown_ours() {
    let dir = tempfile::tempdir().unwrap();
    let (own, client, other) =
        (Pair::make(&dir, "own"), Pair::make(&dir, "client"), Pair::make(&dir, "other"));
    for (shown, told) in [(Some(&client), 1), (Some(&other), 0), (None, 0)] {
        let (url, taking) = collector(&own, Some(&client));
        let mut variables = vec![(ROOTS, &own.chain)];
        variables.extend(shown.iter().flat_map(|pair| [(CHAIN, &pair.chain), (KEY, &pair.key)]));
        assert_eq!(sent(&url, &variables), (told, 1 - told));
        assert_eq!(taking.join().unwrap().is_some(), told == 1);
    }
}

#[test]
fn files_that_cannot_be_used_are_named_with_their_variable() {
    let dir = tempfile::tempdir().unwrap();
    let (own, other) = (Pair::make(&dir, "own"), Pair::make(&dir, "other"));
    let (empty, missing) = (dir.path().join("empty.pem"), dir.path().join("missing.pem"));
    std::fs::write(&empty, "-----BEGIN NOTHING-----\n").unwrap();
    let refused = |variables: &[(&str, &PathBuf)]| {
        let mut all = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", "https://localhost:9")];
        all.extend(variables.iter().map(|(name, path)| (*name, path.to_str().unwrap())));
        let error = target(&all).unwrap_err();
        (error.cause, error.kind)
    };
    for (variables, name, path) in [
        (&[(ROOTS, &missing)][..], ROOTS, &missing),
        (&[(ROOTS, &empty)], ROOTS, &empty),
        (&[(ROOTS, &own.key)], ROOTS, &own.key),
        (&[(CHAIN, &own.key), (KEY, &own.key)], CHAIN, &own.key),
        (&[(CHAIN, &own.chain), (KEY, &own.chain)], KEY, &own.chain),
        (&[(CHAIN, &own.chain), (KEY, &missing)], KEY, &missing),
    ] {
        let (cause, _) = refused(variables);
        let told = format!("`{}`", path.display());
        assert!(cause.starts_with(name) && cause.contains(&told), "{variables:?}: {cause}");
    }
    let (half, kind) = refused(&[(CHAIN, &own.chain)]);
    assert_eq!(kind, ErrorKind::Invalid);
    assert!(half.contains("OTEL_EXPORTER_OTLP_CLIENT_KEY"), "{half}");
    let (torn, _) = refused(&[(CHAIN, &own.chain), (KEY, &other.key)]);
    assert!(torn.contains("CLIENT_CERTIFICATE") && torn.contains("CLIENT_KEY"), "{torn}");
    // Nothing is encrypted there, so nobody looks at it.
    let plain = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:9"), (ROOTS, missing.to_str().unwrap())];
    assert!(target(&plain).unwrap().is_some());
}
