//! Which packages, and how each is fetched and tested.

use serde::Deserialize;

/// The list, as it is kept.
const LIST: &str = include_str!("packages.toml");

/// One package of one version.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Package {
    /// `rust`, `javascript`, `typescript`, `go`, `java`, `python`.
    pub(super) language: String,
    /// The client that fetches it.
    pub(super) from: Client,
    pub(super) name: String,
    pub(super) version: String,
    /// Files and folders that bugs go into.
    pub(super) product: Vec<String>,
    /// What the tests need beside what the package declares, as the client takes it.
    #[serde(default)]
    pub(super) needs: Vec<String>,
    /// Shell, once, in the package as it was fetched.
    #[serde(default)]
    pub(super) setup: String,
    /// Shell: must succeed for a bug to count, since what does not compile is found without tests. `$FILE` is the
    /// changed file, `$BUILD` a directory for what is built, `$PYTHON` an interpreter with `needs`.
    #[serde(default)]
    pub(super) build: String,
    /// Shell: the suite. Must fail for a bug to count.
    pub(super) check: String,
    /// The command in `TASK.json`; empty: coditect finds out by itself.
    #[serde(default)]
    pub(super) test_command: Vec<String>,
}

/// Where a package comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Client {
    Cargo,
    Pip,
    Npm,
    Apt,
}

impl Client {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Cargo => "cargo",
            Self::Pip => "pip",
            Self::Npm => "npm",
            Self::Apt => "apt",
        }
    }
}

impl Package {
    /// A name for its folders, and the start of those of its tasks.
    pub(super) fn folder(&self) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
        format!("{}-{}", self.name, self.version).trim_start_matches('@').chars().map(plain).collect()
    }

    /// What the name of its tasks begins with.
    pub(super) fn task(&self) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
        self.name.trim_start_matches('@').chars().map(plain).collect()
    }
}

#[derive(Deserialize)]
struct List {
    package: Vec<Package>,
}

/// Every package.
pub(super) fn all() -> Result<Vec<Package>, String> {
    let list: List = toml::from_str(LIST).map_err(|error| format!("packages.toml: {error}"))?;
    Ok(list.package)
}
