//! What a change reaches, and which tests.

use std::io::Read;

use coditect_memory::graph::ask::{self, Impact, Reached, called};
use coditect_ports::graph::{Graph, Node};
use coditect_types::ErrorKind;
use coditect_types::graph::NodeId;
use serde_json::{Value, json};

use super::told::{line_of, object};
use super::{DOING, named};
use crate::args::ChangeArgs;
use crate::commands::Context;
use crate::out::{harmless, paint, painted};
use crate::phrase;
use crate::report::{Doing, Done, Report};

/// Bytes of a diff.
const MOST_BYTES: u64 = 64 << 20;

/// The nodes that change.
fn changed(cx: &Context, graph: &dyn Graph, change: &ChangeArgs) -> Result<Vec<Node>, Report> {
    let mut found: Vec<Node> = Vec::new();
    for name in &change.what {
        found.extend(named(graph, name)?);
    }
    if let Some(path) = &change.diff {
        let doing = "reading the diff";
        let mut text = String::new();
        let read = if path.as_os_str() == "-" {
            std::io::stdin().lock().take(MOST_BYTES).read_to_string(&mut text)
        } else {
            std::fs::File::open(path).and_then(|file| file.take(MOST_BYTES).read_to_string(&mut text))
        };
        read.map_err(|error| {
            Report::new(ErrorKind::Invalid, doing, format!("`{}`: {error}", path.display()))
                .hint("name a file with a unified diff, or `-` and pipe `git diff` in")
        })?;
        let places = ask::lines_of_diff(&text);
        if places.is_empty() && change.what.is_empty() {
            return Err(Report::new(ErrorKind::Invalid, doing, "there is no change in it")
                .hint("pipe `git diff` in, or `git diff HEAD` where it is staged"));
        }
        let (nodes, unknown) = ask::find(graph, &places).doing(DOING)?;
        for path in unknown {
            cx.note(&format!("nothing is known of `{path}`: what it reaches cannot be told"));
        }
        found.extend(nodes);
    }
    if found.is_empty() {
        return Err(Report::new(ErrorKind::NotFound, DOING, "nothing is known of what changes")
            .hint("only source files are read; `coditect graph` says what was passed over"));
    }
    Ok(found)
}

fn reached(cx: &Context, graph: &dyn Graph, change: &ChangeArgs) -> Result<(Vec<Node>, Impact), Report> {
    let nodes = changed(cx, graph, change)?;
    let ids: Vec<NodeId> = nodes.iter().map(|node| node.id).collect();
    let impact = ask::impact(graph, &ids).doing(DOING)?;
    Ok((nodes, impact))
}

fn told(one: &Reached) -> Value {
    let mut object = object(&one.node);
    object["strength"] = json!(one.strength);
    object["steps"] = json!(one.steps);
    object["from"] =
        json!(one.from.as_ref().map(|(node, kind)| json!({ "name": called(node.lend()), "by": kind })));
    object
}

pub(super) fn impact(cx: &mut Context, graph: &dyn Graph, change: &ChangeArgs, limit: usize) -> Done {
    let (nodes, impact) = reached(cx, graph, change)?;
    if cx.out.json {
        let of = |list: &[Reached]| -> Vec<Value> { list.iter().map(told).collect() };
        let files: Vec<Value> = impact
            .files
            .iter()
            .map(|(path, strength)| json!({ "path": path, "strength": strength }))
            .collect();
        let changed: Vec<Value> = nodes.iter().map(object).collect();
        cx.out.object(&json!({
            "changed": changed, "tests": of(&impact.tests), "symbols": of(&impact.symbols), "files": files,
        }))?;
        return Ok(0);
    }
    for (what, list) in [("test", &impact.tests), ("symbol", &impact.symbols)] {
        cx.out.line(&painted(paint::LABEL, &phrase::count_of(list.len(), what)))?;
        for one in list.iter().take(limit) {
            let from = one.from.as_ref().map_or_else(
                || "changes".to_owned(),
                |(node, kind)| format!("{} {}", kind.name(), node.full),
            );
            let from = painted(paint::DIM, &harmless(&format!("  {from}")));
            cx.out.line(&format!("  {:.2}  {}{from}", one.strength, line_of(&one.node)))?;
        }
        more(cx, list.len(), limit)?;
    }
    cx.out.line(&painted(paint::LABEL, &phrase::count_of(impact.files.len(), "file")))?;
    for (path, strength) in impact.files.iter().take(limit) {
        cx.out.line(&harmless(&format!("  {strength:.2}  {path}")))?;
    }
    more(cx, impact.files.len(), limit)?;
    Ok(0)
}

fn more(cx: &mut Context, all: usize, limit: usize) -> std::io::Result<()> {
    if all > limit {
        cx.out.line(&format!("  and {} more; `--limit` or `--json` shows them", all - limit))?;
    }
    Ok(())
}

pub(super) fn tests(
    cx: &mut Context,
    (graph, of): (&dyn Graph, usize),
    change: &ChangeArgs,
    limit: usize,
) -> Done {
    let (_, impact) = reached(cx, graph, change)?;
    if cx.out.json {
        let all: Vec<Value> = impact.tests.iter().take(limit).map(told).collect();
        cx.out.object(&json!({ "tests": all, "of": of }))?;
        return Ok(0);
    }
    if impact.tests.is_empty() {
        cx.note("no test reaches it, as far as names tell: run the whole suite");
    }
    for one in impact.tests.iter().take(limit) {
        cx.out.line(&harmless(&called(one.node.lend())))?;
    }
    Ok(0)
}
