//! The layer table: which crate of ours may name which.
//!
//! A crate exists only to forbid something that the compiler can enforce, so an arrow that is not in this table
//! takes a wall away. To add one, change the table here, the table in ARCHITECTURE.md, and say why in `docs/adr/`.

use serde_json::Value;

/// What one crate may name of ours.
struct Room {
    name: &'static str,
    may_name: &'static [&'static str],
}

const TABLE: [Room; 14] = [
    Room { name: "coditect-types", may_name: &[] },
    Room { name: "coditect-core", may_name: &["coditect-types"] },
    Room { name: "coditect-ports", may_name: &["coditect-types"] },
    Room { name: "coditect-runtime", may_name: &["coditect-types", "coditect-core", "coditect-ports"] },
    Room { name: "coditect-code", may_name: &["coditect-types", "coditect-ports"] },
    Room { name: "coditect-agents", may_name: &["coditect-types", "coditect-ports", "coditect-code"] },
    Room { name: "coditect-memory", may_name: &["coditect-types", "coditect-ports"] },
    Room { name: "coditect-adapters", may_name: &["coditect-types", "coditect-ports", "coditect-api"] },
    Room { name: "coditect-sandbox", may_name: &["coditect-types", "coditect-ports"] },
    Room { name: "coditect-api", may_name: &[] },
    // It reads the journal through the port, and names nothing that stands behind it.
    Room {
        name: "coditect-server",
        may_name: &["coditect-types", "coditect-ports", "coditect-runtime", "coditect-api"],
    },
    Room {
        name: "coditect-testkit",
        may_name: &["coditect-types", "coditect-core", "coditect-ports", "coditect-runtime"],
    },
    Room {
        name: "coditect",
        may_name: &[
            "coditect-types",
            "coditect-ports",
            "coditect-runtime",
            "coditect-code",
            "coditect-agents",
            "coditect-memory",
            "coditect-adapters",
            "coditect-sandbox",
            "coditect-api",
            "coditect-server",
        ],
    },
    // The words only: the reference of events is generated from them.
    Room { name: "xtask", may_name: &["coditect-types"] },
];

/// What a test may name beside what its crate may.
const TESTS_MAY_NAME: &str = "coditect-testkit";

/// Whether product code or only its tests name a crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    Product,
    Tests,
}

/// One crate of ours that names another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Arrow {
    pub(super) from: String,
    /// None for a crate that names no other of ours; it needs a row all the same.
    pub(super) to: Option<(String, For)>,
}

/// The arrows in the answer of `cargo metadata --no-deps`.
pub(super) fn arrows(metadata: &Value) -> Vec<Arrow> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let packages = list(&metadata["packages"]);
    let ours: Vec<String> = packages.iter().map(|package| text(&package["name"])).collect();
    let mut arrows = Vec::new();
    for package in &packages {
        let from = text(&package["name"]);
        arrows.push(Arrow { from: from.clone(), to: None });
        for dependency in list(&package["dependencies"]) {
            let to = text(&dependency["name"]);
            // Build dependencies count as product code: what they make is shipped.
            let kind = if dependency["kind"] == "dev" { For::Tests } else { For::Product };
            if ours.contains(&to) {
                arrows.push(Arrow { from: from.clone(), to: Some((to, kind)) });
            }
        }
    }
    arrows
}

/// A sentence for each arrow that is not in the table.
pub(super) fn check(arrows: &[Arrow]) -> Vec<String> {
    arrows.iter().filter_map(complaint).collect()
}

fn complaint(arrow: &Arrow) -> Option<String> {
    let from = &arrow.from;
    let Some(room) = TABLE.iter().find(|room| room.name == from) else {
        return arrow.to.is_none().then(|| {
            format!("layers: `{from}` has no row in the layer table; add one in xtask/src/tidy/layers.rs, and say in \
                     docs/adr/ what its wall forbids")
        });
    };
    let (to, kind) = arrow.to.as_ref()?;
    if room.may_name.contains(&to.as_str()) {
        return None;
    }
    match kind {
        For::Tests if to == TESTS_MAY_NAME || to == from => None,
        For::Tests => {
            Some(format!("layers: the tests of `{from}` name `{to}`, which is not in the layer table"))
        }
        For::Product if to == TESTS_MAY_NAME => Some(format!(
            "layers: `{from}` names `{to}`, which is never a normal dependency; make it a dev-dependency"
        )),
        For::Product => {
            let may =
                if room.may_name.is_empty() { "none of ours".to_owned() } else { room.may_name.join(", ") };
            Some(format!(
                "layers: `{from}` names `{to}`, but may name {may}; turn the arrow round through a port"
            ))
        }
    }
}
