//! What a person's own git settings (`~/.gitconfig`) say about files: which are ignored, which line ends they
//! have. No other setting is looked at.

use std::path::{Path, PathBuf};

use super::git::{Git, joined};
use super::paths::line;

/// The person's own settings, as far as they say what a snapshot holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taste {
    /// The gitignore file for all their repositories.
    pub excludes: Option<PathBuf>,
    /// The gitattributes file for all their repositories.
    pub attributes: Option<PathBuf>,
    /// `core.autocrlf` and `core.eol`, as `name=value`.
    pub line_ends: Vec<String>,
}

impl Taste {
    /// Reads `core.excludesFile`, `core.attributesFile`, `core.autocrlf` and `core.eol` from
    /// `$XDG_CONFIG_HOME/git/config` and `~/.gitconfig`, the last of which wins. The two files are
    /// `$XDG_CONFIG_HOME/git/ignore` and `.../attributes` where nothing is said. A file that cannot be read
    /// says nothing.
    #[must_use]
    pub fn read(git: &Git, home: Option<&Path>, xdg_config_home: Option<&Path>) -> Self {
        let xdg = xdg_config_home.map(Path::to_owned).or_else(|| home.map(|home| home.join(".config")));
        let xdg = xdg.map(|xdg| xdg.join("git"));
        let files = [home.map(|home| home.join(".gitconfig")), xdg.as_ref().map(|xdg| xdg.join("config"))];
        let said = |name: &str| files.iter().flatten().find_map(|file| value(git, home, file, name));
        let file = |name: &str, usual: &str| {
            let named = said(name).map(PathBuf::from);
            named.or_else(|| xdg.as_ref().map(|xdg| xdg.join(usual))).filter(|file| file.is_file())
        };
        let line_ends = ["core.autocrlf", "core.eol"]
            .into_iter()
            .filter_map(|name| said(name).map(|value| format!("{name}={value}")))
            .collect();
        Self {
            excludes: file("core.excludesFile", "ignore"),
            attributes: file("core.attributesFile", "attributes"),
            line_ends,
        }
    }
}

/// One setting of one file, with `~/` of paths made whole.
fn value(git: &Git, home: Option<&Path>, file: &Path, name: &str) -> Option<String> {
    if !file.is_file() {
        return None;
    }
    let mut call = git.call(Path::new("/"));
    if let Some(home) = home {
        call = call.env("HOME", home);
    }
    let call = call.args(["config", "--includes"]);
    let call = if name.ends_with("File") { call.arg("--type=path") } else { call };
    let said = call.arg(joined("--file=", file)).args(["--get", name]).ask().ok()??;
    Some(line(&said))
}
