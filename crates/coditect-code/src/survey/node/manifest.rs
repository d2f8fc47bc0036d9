//! `package.json`, as far as it says how a package is tested.

use coditect_types::{ErrorKind, Failure};
use serde_json::Value;

use super::below;
use crate::python::Listing;

/// Packages of a workspace that are looked at.
const MOST_PACKAGES: usize = 1_000;

/// A `package.json`.
#[derive(Clone, Debug)]
pub(super) struct Manifest(Value);

impl Manifest {
    pub(super) fn read(files: &Listing, directory: &str) -> Result<Self, Failure> {
        let path = below(directory, "package.json");
        let text = files.text(&path).ok_or_else(|| {
            Failure::new(ErrorKind::NotFound, format!("there is no `{path}`"))
                .with_hint("name the package's directory with `-C`")
        })?;
        let text = text.trim_start_matches('\u{feff}');
        match serde_json::from_str::<Value>(text) {
            Ok(value) if value.is_object() => Ok(Self(value)),
            Ok(_) => Err(Failure::new(ErrorKind::Invalid, format!("`{path}` is no object"))),
            Err(error) => Err(Failure::new(ErrorKind::Invalid, format!("`{path}` is not JSON: {error}"))
                .with_hint("mend the file: every tool of this package reads it")),
        }
    }

    /// The name of the package in a directory; empty where it has none.
    pub(super) fn name(files: &Listing, directory: &str) -> String {
        let manifest = Self::read(files, directory).ok();
        let name = manifest.as_ref().and_then(|manifest| manifest.0.get("name")?.as_str());
        name.unwrap_or_default().to_owned()
    }

    /// A script, unless it is the one that `npm init` writes.
    pub(super) fn script(&self, name: &str) -> Option<&str> {
        let script = self.0.get("scripts")?.get(name)?.as_str()?;
        (!script.contains("no test specified") && !script.trim().is_empty()).then_some(script)
    }

    /// Whether it has a field of this name.
    pub(super) fn has(&self, field: &str) -> bool {
        self.0.get(field).is_some()
    }

    /// Whether it names a package as needed, for use or for work on it.
    pub(super) fn depends(&self, on: &str) -> bool {
        let has = |field: &str| self.0.get(field).is_some_and(|packages| packages.get(on).is_some());
        has("dependencies") || has("devDependencies")
    }

    /// Whether it needs any package for its use.
    pub(super) fn has_dependencies(&self) -> bool {
        self.has_some("dependencies")
    }

    /// Whether it needs any package for its use or for work on it.
    pub(super) fn has_packages(&self) -> bool {
        self.has_some("dependencies") || self.has_some("devDependencies")
    }

    fn has_some(&self, field: &str) -> bool {
        self.0.get(field).and_then(Value::as_object).is_some_and(|packages| !packages.is_empty())
    }
}

/// Directories with a `package.json` in `directory` and below it, the shallow ones first.
pub(super) fn packages(files: &Listing, directory: &str) -> Vec<String> {
    let mut found: Vec<String> = files
        .files()
        .iter()
        .filter(|file| file.ends_with("package.json"))
        .filter_map(|file| match file.as_str() {
            "package.json" => Some(String::new()),
            file => file.strip_suffix("/package.json").map(str::to_owned),
        })
        .filter(|at| directory.is_empty() || at == directory || at.starts_with(&format!("{directory}/")))
        .take(MOST_PACKAGES)
        .collect();
    found.sort_by_key(|at| (at.matches('/').count(), at.clone()));
    found
}
