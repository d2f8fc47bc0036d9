//! The copy of the graph on a server, where one is named.

use std::path::Path;

use coditect_adapters::GraphAt;
use coditect_ports::graph::Graph;
use coditect_runtime::Guarded;

use crate::args::{GraphServer, SettingFlags};
use crate::commands::Context;
#[cfg(feature = "neo4j")]
use crate::graphs;
use crate::report::Report;
use crate::settings;

/// A copy on a server, and the way to it.
pub(super) type Copied = (Box<dyn Graph>, Guarded);

/// How long bringing a copy up to date may take, ms, before nothing is expected of it any more.
#[cfg(feature = "neo4j")]
const PUSHED_WITHIN_MS: u64 = 600_000;

/// The copy on the server, brought up to date. None: no server is named, or it does not answer, which is said.
#[cfg(feature = "neo4j")]
pub(super) fn up_to_date(
    cx: &Context,
    dir: &Path,
    args: &GraphServer,
    graph: &dyn Graph,
) -> Result<Option<Copied>, Report> {
    use coditect_adapters::graph::Neo4jGraph;
    use coditect_ports::PortError;
    use coditect_types::ErrorKind;
    use coditect_types::breaker::{Remote, RemoteKind};

    use crate::report::Doing;
    use crate::wiring;

    let Some(at) = named(cx, args)? else { return Ok(None) };
    let site = cx.site()?;
    let server = Neo4jGraph::open(&at, &graphs::name_on_server(&site, dir)).doing(super::DOING)?;
    let way = wiring::guarded(&site, Remote::new(RemoteKind::Graph, at.url));
    let call = match way.pass(PUSHED_WITHIN_MS) {
        Ok(call) => call,
        Err(left_alone) => {
            cx.note(&format!("{}; the embedded graph answers", PortError::from(left_alone).cause));
            return Ok(None);
        }
    };
    match server.push(graph) {
        Ok(pushed) => {
            call.succeeded();
            tracing::debug!(?pushed, "the graph's server");
            Ok(Some((Box::new(server), way)))
        }
        Err(error) if error.kind == ErrorKind::Unavailable => {
            call.failed();
            cx.note(&format!("{}; the embedded graph answers", error.cause));
            Ok(None)
        }
        Err(error) => {
            drop(call);
            Err(error).doing("copying the graph to its server")
        }
    }
}

/// No server is known to this build.
#[cfg(not(feature = "neo4j"))]
pub(super) fn up_to_date(
    cx: &Context,
    _dir: &Path,
    args: &GraphServer,
    _graph: &dyn Graph,
) -> Result<Option<Copied>, Report> {
    use coditect_types::ErrorKind;

    if named(cx, args)?.is_none() {
        return Ok(None);
    }
    let cause = "this build cannot ask a graph's server";
    Err(Report::new(ErrorKind::Invalid, super::DOING, cause).hint(
        "build it with `cargo build --release --features neo4j`, or leave `--graph-url` and the setting `graph_url` away",
    ))
}

/// Says that a copy on a server still has what was forgotten, where the person's settings name one.
pub(crate) fn tell_of_copy(cx: &Context) -> Result<(), Report> {
    if settings::load(&SettingFlags::default(), &cx.env, Path::new("/"))?.settings.graph.url.is_some() {
        cx.note(
            "copies of graphs on the server of the setting `graph_url` have what was forgotten until they are asked again: \
             `coditect graph -C DIR owners FILE` brings one up to date",
        );
    }
    Ok(())
}

/// The server that is named: by flags, else by the person's settings.
fn named(cx: &Context, args: &GraphServer) -> Result<Option<GraphAt>, Report> {
    let own = settings::load(&SettingFlags::default(), &cx.env, Path::new("/"))?.settings.graph;
    let Some(url) = args.graph_url.clone().or(own.url) else { return Ok(None) };
    let password = cx.env.get("CODITECT_GRAPH_PASSWORD").map(|value| value.to_string_lossy().into_owned());
    Ok(Some(GraphAt {
        url,
        user: args.graph_user.clone().unwrap_or(own.user),
        password: password.unwrap_or_default(),
        database: args.graph_database.clone().or(own.database),
    }))
}
