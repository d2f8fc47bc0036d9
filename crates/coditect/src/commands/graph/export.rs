//! A part of the graph for other programs, or as a picture.

use coditect_memory::graph::draw::{self, Part};
use coditect_ports::graph::Graph;
use coditect_types::ErrorKind;
use coditect_types::graph::NodeId;
use serde_json::{Value, json};

use super::told::object;
use super::{DOING, named};
use crate::args::{Form, GraphAsk};
use crate::commands::Context;
use crate::report::{Doing, Done, Report};

/// Nodes of a part, where nobody says how many.
const MOST: u32 = 60;

pub(super) fn perform(cx: &mut Context, graph: &dyn Graph, ask: &GraphAsk) -> Done {
    let GraphAsk::Export { format, around, depth, all, most, output } = ask else {
        return Err(Report::new(ErrorKind::Bug, DOING, "this is no export").into());
    };
    let most_of = |otherwise: u32| most.unwrap_or(otherwise) as usize;
    let part = match around {
        Some(name) => {
            let ids: Vec<NodeId> = named(graph, name)?.iter().map(|node| node.id).collect();
            draw::around(graph, &ids, *depth, most_of(MOST))
        }
        None if *all => draw::all(graph, most_of(u32::MAX)),
        None => draw::files(graph, most_of(MOST)),
    };
    let part = part.doing(DOING)?;
    let format = if cx.out.json && output.is_none() { Form::Json } else { *format };
    let text = match format {
        Form::Dot => draw::dot(&part),
        Form::Graphml => draw::graphml(&part),
        Form::Svg => draw::svg(&part),
        Form::Json => format!("{}\n", as_json(&part)),
    };
    if part.left_out > 0 {
        cx.note(&format!("{} nodes are left out; `--most N` takes more in", part.left_out));
    }
    match output {
        None => cx.out.bytes(text.as_bytes())?,
        Some(path) => {
            // The call is right, whatever the disk says to it.
            std::fs::write(path, text).map_err(|error| {
                let doing = format!("writing `{}`", path.display());
                Report::new(ErrorKind::Unavailable, doing, error.to_string())
                    .hint("name a file in a directory that you may write")
            })?;
            let nodes = part.nodes.len();
            if cx.out.json {
                cx.out.object(&json!({ "file": path, "nodes": nodes, "left_out": part.left_out }))?;
            } else {
                cx.out.line(&format!("wrote {nodes} nodes to {}", path.display()))?;
            }
        }
    }
    Ok(0)
}

fn as_json(part: &Part) -> Value {
    let nodes: Vec<Value> = part.nodes.iter().map(object).collect();
    let edges: Vec<Value> = part
        .lines
        .iter()
        .map(|line| json!({ "from": line.from, "to": line.to, "kind": line.kind, "sure": line.sure }))
        .collect();
    json!({ "nodes": nodes, "edges": edges, "left_out": part.left_out })
}
