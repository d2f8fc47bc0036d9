//! Checks of the tree as a whole: decisions, changelog fragments, dependencies.

use super::File;

/// All complaints about the tree.
pub(super) fn check(files: &[File]) -> Vec<String> {
    let mut found = decisions(files);
    found.extend(fragments(files));
    found.extend(lock(files));
    for needed in ["LICENSE", "CHANGELOG.md", "README.md", "ARCHITECTURE.md", ".ci/run", "Cargo.lock"] {
        if !files.iter().any(|file| file.path == needed) {
            found.push(format!("{needed}: is missing"));
        }
    }
    found
}

fn text_of<'a>(files: &'a [File], path: &str) -> Option<&'a str> {
    files.iter().find(|file| file.path == path).and_then(|file| file.text.as_deref())
}

/// Every decision is listed, so that a reader finds it.
fn decisions(files: &[File]) -> Vec<String> {
    let index = text_of(files, "docs/adr/README.md").unwrap_or_default();
    files
        .iter()
        .filter_map(|file| file.path.strip_prefix("docs/adr/"))
        .filter(|name| *name != "README.md" && !index.contains(&format!("({name})")))
        .map(|name| format!("docs/adr/{name}: has no line in docs/adr/README.md"))
        .collect()
}

/// Changelog fragments are named `NUMBER.KIND.md` or `NUMBER.KIND.WORD.md`, and say something.
fn fragments(files: &[File]) -> Vec<String> {
    const KINDS: [&str; 6] = ["added", "changed", "deprecated", "removed", "fixed", "security"];
    let is_word = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let in_form = |name: &str| match name.split('.').collect::<Vec<_>>()[..] {
        [number, kind, "md"] => is_word(number) && KINDS.contains(&kind),
        [number, kind, word, "md"] => is_word(number) && KINDS.contains(&kind) && is_word(word),
        _ => false,
    };
    let mut found = Vec::new();
    for file in files {
        let Some(name) = file.path.strip_prefix("changelog.d/").filter(|name| *name != "README.md") else {
            continue;
        };
        if !in_form(name) {
            found.push(format!("{}: a fragment is named as changelog.d/README.md tells", file.path));
        }
        if file.text.as_ref().is_none_or(|text| text.trim().is_empty()) {
            found.push(format!("{}: says nothing", file.path));
        }
    }
    found
}

/// Crates that never come in, and the one registry that they come from. `deny.toml` has the reasons and the
/// licences; this part holds where `cargo-deny` is not installed.
fn lock(files: &[File]) -> Vec<String> {
    // `ring` stands in the lock without being built: for HTTP/3 of reqwest, which nothing switches on. Whether it is built is
    // looked at in `super::built`.
    const BANNED: [&str; 3] = ["openssl-sys", "native-tls", "rsa"];
    const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";
    let mut found = Vec::new();
    for line in text_of(files, "Cargo.lock").unwrap_or_default().lines() {
        let value = |key: &str| line.strip_prefix(key).map(|rest| rest.trim_matches('"'));
        if let Some(name) = value("name = ").filter(|name| BANNED.contains(name)) {
            found.push(format!("Cargo.lock: `{name}` is banned; deny.toml tells why"));
        }
        if let Some(source) = value("source = ").filter(|source| *source != REGISTRY) {
            found.push(format!("Cargo.lock: `{source}` is not crates.io"));
        }
    }
    found
}
