//! The copy of the graph on a server, where one is named.

use std::path::Path;

use coditect_ports::graph::Graph;

use crate::args::GraphServer;
use crate::commands::Context;
use crate::report::Report;

/// The copy on the server, brought up to date. None: no server is named, or it does not answer, which is said.
#[cfg(feature = "neo4j")]
pub(super) fn up_to_date(
    cx: &Context,
    dir: &Path,
    args: &GraphServer,
    graph: &dyn Graph,
) -> Result<Option<Box<dyn Graph>>, Report> {
    use std::os::unix::ffi::OsStrExt;

    use coditect_adapters::GraphAt;
    use coditect_adapters::graph::Neo4jGraph;
    use coditect_types::ErrorKind;

    use crate::report::Doing;

    let environment = &cx.env;
    let named = |flag: &Option<String>, variable: &str| {
        flag.clone().or_else(|| environment.get(variable).map(|value| value.to_string_lossy().into_owned()))
    };
    let Some(url) = named(&args.server, URL) else { return Ok(None) };
    let at = GraphAt {
        url,
        user: named(&args.server_user, "CODITECT_GRAPH_USER").unwrap_or_else(|| "neo4j".to_owned()),
        password: named(&None, "CODITECT_GRAPH_PASSWORD").unwrap_or_default(),
        database: named(&args.server_database, "CODITECT_GRAPH_DATABASE"),
    };
    // Two machines, or two homes of one, may have a directory of the same name.
    let home = cx.site()?.home;
    let mut name = blake3::Hasher::new();
    let host = nix::unistd::gethostname().unwrap_or_default();
    for part in [host.as_bytes(), home.as_os_str().as_bytes(), dir.as_os_str().as_bytes()] {
        name.update(&(part.len() as u64).to_le_bytes());
        name.update(part);
    }
    let server = Neo4jGraph::open(&at, &name.finalize().to_hex()[..24]).doing(super::DOING)?;
    match server.push(graph) {
        Ok(pushed) => {
            tracing::debug!(?pushed, "the graph's server");
            Ok(Some(Box::new(server)))
        }
        Err(error) if error.kind == ErrorKind::Unavailable => {
            cx.note(&format!("{}; the embedded graph answers", error.cause));
            Ok(None)
        }
        Err(error) => Err(error).doing("copying the graph to its server"),
    }
}

/// No server is known to this build.
#[cfg(not(feature = "neo4j"))]
pub(super) fn up_to_date(
    cx: &Context,
    _dir: &Path,
    args: &GraphServer,
    _graph: &dyn Graph,
) -> Result<Option<Box<dyn Graph>>, Report> {
    use coditect_types::ErrorKind;

    if args.server.is_none() && cx.env.get(URL).is_none() {
        return Ok(None);
    }
    let cause = "this build cannot ask a graph's server";
    Err(Report::new(ErrorKind::Invalid, super::DOING, cause).hint(format!(
        "build it with `cargo build --release --features neo4j`, or leave `--server` and {URL} away"
    )))
}

/// The variable that names the server.
const URL: &str = "CODITECT_GRAPH_URL";
