//! The commented `coditect.toml` that `coditect init` writes: every setting that a project may have, from the table.

use super::{KEYS, Key, ProjectMay};

const TOP: &str = "\
# Settings of this project for CODITECT. Every line is optional; `coditect config` prints what holds and why.
#
# This file comes with the repository, so it is not trusted: it may say how the tests are run, lower limits, and
# ask for the stronger sandbox. Whoever runs CODITECT can set anything with a flag, a variable, or their own file.
";

/// The text of the file.
pub(crate) fn template() -> String {
    let mut text = TOP.to_owned();
    for key in KEYS {
        let Some(about) = may(key) else { continue };
        let default = key.default.map_or_else(String::new, |value| format!("Default: {}.", value()));
        let facts = [default.as_str(), about].join(" ");
        let facts = if facts.trim().is_empty() { String::new() } else { format!("# {}\n", facts.trim()) };
        text.push_str(&format!("\n# {}\n{facts}# {} = {}\n", key.doc, key.name, key.example));
    }
    text
}

/// What the file's reader must know of a project's rights; None: a project may not set it at all.
fn may(key: &Key) -> Option<&'static str> {
    match key.project {
        ProjectMay::Set => Some(""),
        ProjectMay::Lower { .. } => Some("Can be lowered here, not raised."),
        ProjectMay::Strengthen => Some("Only \"wasm\" can be asked for here."),
        ProjectMay::Not | ProjectMay::NotImage | ProjectMay::NotModels | ProjectMay::NotServer => None,
    }
}
