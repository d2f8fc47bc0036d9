//! The kept interpreter is the one that the sources beside it would build.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn python() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("python")
}

#[test]
fn the_kept_artefacts_fit_their_sources() {
    let lock = std::fs::read_to_string(python().join("python.lock")).expect("python.lock");
    let mut named = BTreeSet::new();
    for line in lock.lines().filter_map(|line| line.strip_prefix("blake3 ")) {
        let (hash, file) = line.split_once(' ').expect("a hash and a name");
        let bytes = std::fs::read(python().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(blake3::hash(&bytes).to_hex().as_str(), hash, "`{file}` changed: run python/build.sh");
        named.insert(file.to_owned());
    }
    for file in [
        "world.wit",
        "app.py",
        "hot.py",
        "parts.py",
        "runner.py",
        "build.sh",
        "bundle.py",
        "python.wasm.zst",
        "pylib.zst",
    ] {
        assert!(named.contains(file), "python.lock does not name `{file}`");
    }
}

#[test]
fn the_version_of_the_engine_in_the_cache_key_is_the_one_that_is_linked() {
    let lock = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.lock"))
        .expect("a lock");
    let linked = lock
        .split("[[package]]")
        .find(|package| package.contains("name = \"wasmtime\"\n"))
        .expect("wasmtime");
    let code = include_str!("../src/wasm/engine.rs");
    let kept =
        code.split("WASMTIME: &str = \"").nth(1).and_then(|rest| rest.split('"').next()).expect("a version");
    assert!(linked.contains(&format!("version = \"{kept}\"")), "{kept}: {linked}");
}
