//! `coditect graph`: questions to the knowledge graph of a directory.

mod change;
mod export;
mod places;
mod server;
mod told;

pub(crate) use server::tell_of_copy;

use std::path::{Path, PathBuf};

use coditect_memory::graph::ProjectGraph;
use coditect_memory::graph::ask::{self, called};
use coditect_ports::graph::{Graph, Node, Way};
use coditect_runtime::FarGraph;
use coditect_types::ErrorKind;
use coditect_types::graph::{EdgeKind, NodeId, NodeKind};
use serde_json::{Value, json};

use super::Context;
use crate::args::{GraphArgs, GraphAsk, Ways};
use crate::environment::directory;
use crate::graphs::{self, Opened};
use crate::out::{harmless, paint, painted};
use crate::phrase;
use crate::report::{Doing, Done, Report};

use places::{Places, is_below};
use told::{line_of, object};

const DOING: &str = "asking the graph";
/// What is passed over and told one by one.
const MOST_PASSED: usize = 5;
/// Things of one name that are told.
const MOST_LIKE: usize = 8;

pub(crate) fn perform(cx: &mut Context, args: &GraphArgs) -> Done {
    let named = directory(&args.dir)?;
    let (dir, opened) = open(cx, &named)?;
    opened.notes.iter().for_each(|note| cx.note(note));
    let size = opened.graph.size();
    // A diff may say what there was.
    let has_diff = args.ask.as_ref().and_then(GraphAsk::change).is_some_and(|change| change.diff.is_some());
    if size.files == 0 && !has_diff {
        let cause = format!("`{}` holds no source file that is read", dir.display());
        return Err(Report::new(ErrorKind::NotFound, DOING, cause)
            .hint("name the directory with `--workspace DIR`; Python, Rust, JavaScript, TypeScript, Go and Java are read")
            .into());
    }
    let places = Places::of(&dir, &named)?;
    let question = args.ask.as_ref().map(|ask| places.ask(&opened.graph, ask)).transpose()?;
    let server = server::up_to_date(cx, &dir, &args.server, &opened.graph)?;
    let far = server.as_ref().map(|(copy, way)| FarGraph::new(copy.as_ref(), &opened.graph, way));
    let graph: &dyn Graph = match &far {
        Some(far) => far,
        None => &opened.graph,
    };
    let done = ask(cx, question.as_ref(), (&opened, &places), graph);
    for why in far.iter().flat_map(FarGraph::failed) {
        cx.note(&format!("{why}; the embedded graph answered"));
    }
    done
}

/// The graph of the work tree that a directory is in, as a mission on it would see that, and its top.
fn open(cx: &Context, named: &Path) -> Result<(PathBuf, Opened), Report> {
    let site = cx.site()?;
    let top = graphs::top_of(&site, named);
    match graphs::open(&site, &top) {
        Err(report) if report.kind == ErrorKind::Exhausted && top != named => {
            cx.note(&format!("{}: this is the graph of `{}` alone", report.cause, named.display()));
            Ok((named.to_owned(), graphs::open(&site, named)?))
        }
        opened => Ok((top, opened?)),
    }
}

fn ask(
    cx: &mut Context,
    question: Option<&GraphAsk>,
    (opened, places): (&Opened, &Places),
    graph: &dyn Graph,
) -> Done {
    let size = opened.graph.size();
    let own = (graph, &opened.graph);
    match question {
        None => summary(cx, opened),
        Some(GraphAsk::Impact { change, limit }) => {
            change::impact(cx, own, places, (change, *limit as usize))
        }
        Some(GraphAsk::Tests { change, limit }) => change::tests(cx, own, places, (change, *limit as usize)),
        Some(GraphAsk::Cause { test, changed, limit }) => {
            cause(cx, (graph, size.commits), (test, changed), *limit as usize)
        }
        Some(GraphAsk::Path { from, to }) => path(cx, graph, from, to),
        Some(GraphAsk::Similar { symbol, limit }) => similar(cx, graph, symbol, *limit as usize),
        Some(GraphAsk::Owners { area, limit }) => owners(cx, graph, area, *limit as usize),
        Some(GraphAsk::Hot { limit }) => hot(cx, graph, *limit as usize),
        Some(GraphAsk::Dead { below, exported, limit }) => dead(cx, graph, below, *exported, *limit as usize),
        Some(GraphAsk::Query { name, edge, way, limit }) => {
            query(cx, own, name, edge.as_deref(), *way, *limit as usize)
        }
        Some(ask @ GraphAsk::Export { .. }) => export::perform(cx, graph, ask),
    }
}

fn summary(cx: &mut Context, opened: &Opened) -> Done {
    let size = opened.graph.size();
    let mut kinds: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
    opened.graph.scan(&mut |node| *kinds.entry(node.kind.name()).or_default() += 1).doing(DOING)?;
    let ended = opened.graph.ended().count();
    if cx.out.json {
        let passed: Vec<Value> =
            opened.passed.iter().map(|one| json!({ "path": one.path, "why": one.why })).collect();
        cx.out.object(&json!({
            "files": size.files, "symbols": size.symbols, "tests": size.tests, "edges": size.edges, "commits": size.commits,
            "broken": size.broken, "bytes": size.bytes, "kinds": kinds, "ended_edges": ended, "passed_over": passed,
            "read_again": opened.updated.taken, "looked_at_again": opened.updated.looked_at, "gone": opened.updated.gone,
        }))?;
        return Ok(0);
    }
    cx.out.line(&format!(
        "{}, {}, {}, {}, {}",
        phrase::count_of(size.files, "file"),
        phrase::count_of(size.symbols - size.tests, "symbol"),
        phrase::count_of(size.tests, "test"),
        phrase::count_of(size.edges, "edge"),
        phrase::count_of(size.commits, "commit"),
    ))?;
    let kinds: Vec<String> =
        kinds.into_iter().map(|(kind, n)| format!("{} {kind}", phrase::grouped(n as u64))).collect();
    cx.out.line(&painted(paint::DIM, &kinds.join(", ")))?;
    if size.broken > 0 {
        cx.out.line(&format!(
            "{} with syntax that could not be read everywhere",
            phrase::count_of(size.broken, "file")
        ))?;
    }
    if ended > 0 {
        cx.out.line(&format!(
            "{} that no longer holds, or did until a commit",
            phrase::count_of(ended, "edge")
        ))?;
    }
    for one in opened.passed.iter().take(MOST_PASSED) {
        cx.out.line(&harmless(&format!("passed over: {} ({})", one.path, one.why)))?;
    }
    if opened.passed.len() > MOST_PASSED {
        cx.out.line(&format!("and {} more; `--json` has all", opened.passed.len() - MOST_PASSED))?;
    }
    Ok(0)
}

/// The nodes that a name stands for; a report where it stands for none.
fn named(graph: &dyn Graph, name: &str) -> Result<Vec<Node>, Report> {
    let found = ask::target(graph, name).doing(DOING)?.all();
    if found.is_empty() { Err(nothing(name)) } else { Ok(found) }
}

fn nothing(name: &str) -> Report {
    Report::new(ErrorKind::NotFound, DOING, format!("nothing is called `{name}`"))
        .hint("name a file by its path, a symbol by its name or as `path::Type::method`; ignored files are not read")
}

fn something_else(name: &str) -> Report {
    Report::new(ErrorKind::Invalid, DOING, format!("`{name}` is something else"))
        .hint(format!("`coditect graph query {name}` says what it is"))
}

fn several(name: &str, all: &[Node], what: &str) -> Report {
    let named: Vec<String> =
        all.iter().take(MOST_LIKE).map(|node| format!("`{}`", called(node.lend()))).collect();
    let more = if all.len() > MOST_LIKE { ", ..." } else { "" };
    let cause = format!("`{name}` may be {} {what}: {}{more}", all.len(), named.join(", "));
    Report::new(ErrorKind::Invalid, DOING, cause).hint("name one of them in full")
}

/// The only one of some nodes. None: there are more, or none.
fn only(nodes: &mut Vec<Node>) -> Option<Node> {
    if nodes.len() == 1 { nodes.pop() } else { None }
}

/// The symbol that a name stands for.
fn symbol(graph: &dyn Graph, name: &str) -> Result<Node, Report> {
    let mut symbols = named(graph, name)?;
    symbols.retain(|node| node.kind.is_symbol());
    match only(&mut symbols) {
        Some(node) => Ok(node),
        None if symbols.is_empty() => Err(something_else(name)),
        None => Err(several(name, &symbols, "things")),
    }
}

/// A test by its id, or by a part of it; ids of the runners name a class with a dot, or a parameter in brackets.
fn test(graph: &dyn Graph, id: &str) -> Result<Node, Report> {
    let found = ask::target(graph, id).doing(DOING)?.all();
    let mut tests: Vec<Node> = found.iter().filter(|node| node.kind == NodeKind::Test).cloned().collect();
    if tests.is_empty() {
        graph
            .scan(&mut |node| {
                if node.kind == NodeKind::Test && called(node).contains(id) {
                    tests.push(node.into());
                }
            })
            .doing(DOING)?;
        tests.sort_by_key(|node| called(node.lend()));
    }
    match only(&mut tests) {
        Some(node) => Ok(node),
        None if !tests.is_empty() => Err(several(id, &tests, "tests")),
        None if found.is_empty() => Err(nothing(id)),
        None => Err(something_else(id)),
    }
}

fn cause(
    cx: &mut Context,
    (graph, commits): (&dyn Graph, usize),
    (name, changed): (&str, &[String]),
    limit: usize,
) -> Done {
    let test = test(graph, name)?;
    let found = ask::cause(graph, test.id, changed, limit).doing(DOING)?;
    if cx.out.json {
        let candidates: Vec<Value> = found
            .iter()
            .map(|one| {
                let mut object = object(&one.node);
                object["score"] = json!(one.score);
                object["reached"] = json!(one.strength);
                object["steps"] = json!(one.steps);
                object["recent"] = json!(one.recent);
                object["commit"] =
                    json!(one.commit.as_ref().map(|(id, subject)| json!({ "id": id, "subject": subject })));
                object
            })
            .collect();
        cx.out.object(&json!({ "test": called(test.lend()), "candidates": candidates }))?;
        return Ok(0);
    }
    if commits == 0 && changed.is_empty() {
        cx.note("no history is known: candidates are ranked by how near they are alone");
    }
    if found.is_empty() {
        cx.out.line("the test reaches no code of the project, as far as names tell")?;
    }
    for one in found {
        let commit = one
            .commit
            .map(|(id, subject)| format!("  {} {subject}", id.get(..10).unwrap_or(&id)))
            .unwrap_or_default();
        cx.out.line(&format!(
            "{:.3}  {}  {}{}",
            one.score,
            line_of(&one.node),
            phrase::count(u64::from(one.steps), "step"),
            painted(paint::DIM, &harmless(&commit))
        ))?;
    }
    Ok(0)
}

fn path(cx: &mut Context, graph: &dyn Graph, from: &str, to: &str) -> Done {
    let ids = |nodes: &[Node]| -> Vec<NodeId> { nodes.iter().map(|node| node.id).collect() };
    let (one, other) = (ids(&named(graph, from)?), ids(&named(graph, to)?));
    let mut steps = ask::path(graph, &one, &other).doing(DOING)?;
    let is_reversed = steps.is_empty();
    if is_reversed {
        steps = ask::path(graph, &other, &one).doing(DOING)?;
    }
    if cx.out.json {
        let told: Vec<Value> = steps
            .iter()
            .map(|step| {
                let mut object = object(&step.node);
                object["by"] = json!(step.by.map(|(kind, sure)| json!({ "kind": kind, "sure": sure })));
                object
            })
            .collect();
        cx.out.object(
            &json!({ "from": from, "to": to, "reversed": is_reversed && !steps.is_empty(), "steps": told }),
        )?;
        return Ok(0);
    }
    if steps.is_empty() {
        cx.out.line(&harmless(&format!(
            "no way leads from `{from}` to `{to}`, nor back, as far as names tell"
        )))?;
    } else if is_reversed {
        cx.note(&format!("`{from}` does not lead to `{to}`; this is the way back"));
    }
    for step in steps {
        let by = step.by.map_or_else(String::new, |(kind, sure)| format!("{} ({sure} %) ", kind.name()));
        cx.out.line(&format!("{}{}", painted(paint::DIM, &by), line_of(&step.node)))?;
    }
    Ok(0)
}

fn similar(cx: &mut Context, graph: &dyn Graph, name: &str, limit: usize) -> Done {
    let symbol = symbol(graph, name)?;
    let found = ask::similar(graph, symbol.id, limit).doing(DOING)?;
    if cx.out.json {
        let all: Vec<Value> = found
            .iter()
            .map(|one| {
                let mut object = object(&one.node);
                object["likeness"] = json!(one.likeness);
                object["in"] = json!({ "name": one.name, "shape": one.shape, "uses": one.uses });
                object
            })
            .collect();
        cx.out.object(&json!({ "symbol": called(symbol.lend()), "similar": all }))?;
        return Ok(0);
    }
    if found.is_empty() {
        cx.out.line("nothing is like it")?;
    }
    for one in found {
        let parts = format!("name {:.2}, shape {:.2}, uses {:.2}", one.name, one.shape, one.uses);
        cx.out.line(&format!(
            "{:.2}  {}  {}",
            one.likeness,
            line_of(&one.node),
            painted(paint::DIM, &parts)
        ))?;
    }
    Ok(0)
}

/// The files of an area: a folder, a file, or those of a symbol.
fn area(graph: &dyn Graph, area: &str) -> Result<Vec<NodeId>, Report> {
    let area = if area == "." { "" } else { area };
    let mut files: Vec<NodeId> = Vec::new();
    graph
        .scan(&mut |node| {
            if node.kind == NodeKind::File && is_below(node.path, area) {
                files.push(node.id);
            }
        })
        .doing(DOING)?;
    if files.is_empty() {
        for node in named(graph, area)? {
            files.extend(graph.named(&node.path).doing(DOING)?);
        }
    }
    Ok(files)
}

fn owners(cx: &mut Context, graph: &dyn Graph, name: &str, limit: usize) -> Done {
    let files = area(graph, name)?;
    let found = ask::owners(graph, &files).doing(DOING)?;
    if cx.out.json {
        let all: Vec<Value> = found
            .owners
            .iter()
            .map(|one| json!({ "name": one.name, "share": one.share, "commits": one.commits, "last_s": one.last_s }))
            .collect();
        let missions: Vec<Value> =
            found.episodes.iter().map(|(id, request)| json!({ "mission": id, "request": request })).collect();
        cx.out.object(&json!({ "area": name, "files": found.files, "owners": all, "missions": missions }))?;
        return Ok(0);
    }
    if found.owners.is_empty() {
        cx.out.line("no commit that is known changed it")?;
    }
    for one in found.owners.iter().take(limit) {
        cx.out.line(&harmless(&format!(
            "{:>4.0} %  {}  {}, the last {}",
            100.0 * one.share,
            one.name,
            phrase::count_of(one.commits, "commit"),
            phrase::moment(one.last_s.saturating_mul(1_000)),
        )))?;
    }
    for (id, request) in found.episodes.iter().take(limit) {
        cx.out.line(&format!("{}  {}", painted(paint::NAME, id), crate::out::brief(request, 80)))?;
    }
    Ok(0)
}

fn hot(cx: &mut Context, graph: &dyn Graph, limit: usize) -> Done {
    let found = ask::hot(graph, limit).doing(DOING)?;
    if cx.out.json {
        let all: Vec<Value> = found
            .iter()
            .map(|one| {
                json!({ "path": one.path, "score": one.score, "changes": one.changes, "commits": one.commits, "used_by": one.used_by })
            })
            .collect();
        cx.out.object(&json!({ "hot": all }))?;
        return Ok(0);
    }
    if found.is_empty() {
        cx.out.line("no history is known: the directory is under no git, or has no commits")?;
        return Ok(0);
    }
    let head = format!("{:>8} {:>8} {:>8}  FILE", "SCORE", "COMMITS", "USED BY");
    cx.out.line(&painted(paint::LABEL, &head))?;
    for one in found {
        cx.out.line(&harmless(&format!(
            "{:>8.2} {:>8} {:>8}  {}",
            one.score, one.commits, one.used_by, one.path
        )))?;
    }
    Ok(0)
}

fn dead(cx: &mut Context, graph: &dyn Graph, below: &str, exported: bool, limit: usize) -> Done {
    let which = if exported { ask::Exported::MayBeDead } else { ask::Exported::IsNeeded };
    let mut found = ask::dead(graph, which).doing(DOING)?;
    found.retain(|node| is_below(&node.path, below));
    if cx.out.json {
        let all: Vec<Value> = found.iter().map(object).collect();
        cx.out.object(&json!({ "dead": all }))?;
        return Ok(0);
    }
    if found.is_empty() {
        cx.out.line("nothing, as far as names tell")?;
    }
    for node in found.iter().take(limit) {
        cx.out.line(&line_of(node))?;
    }
    if found.len() > limit {
        cx.out.line(&format!("and {} more; `--limit` shows them", found.len() - limit))?;
    }
    Ok(0)
}

fn query(
    cx: &mut Context,
    (graph, own): (&dyn Graph, &ProjectGraph),
    name: &str,
    kind: Option<&str>,
    ways: Ways,
    limit: usize,
) -> Done {
    let kind = match kind {
        None => None,
        Some(name) => Some(EdgeKind::of_name(name).ok_or_else(|| {
            let all: Vec<&str> = EdgeKind::ALL.iter().map(|kind| kind.name()).collect();
            Report::new(ErrorKind::Invalid, DOING, format!("no edge says `{name}`"))
                .hint(format!("one of {}", all.join(", ")))
        })?),
    };
    let mut objects = Vec::new();
    for node in named(graph, name)?.into_iter().take(limit) {
        let mut edges: Vec<(bool, EdgeKind, u8, NodeId)> = Vec::new();
        for way in [Way::Out, Way::In] {
            if ways == Ways::Both || (ways == Ways::Out) == (way == Way::Out) {
                graph
                    .edges(&[node.id], way, &mut |_, edge| {
                        if kind.is_none_or(|kind| kind == edge.kind) {
                            edges.push((way == Way::In, edge.kind, edge.sure, edge.to));
                        }
                    })
                    .doing(DOING)?;
            }
        }
        let ids: Vec<NodeId> = edges.iter().map(|(.., id)| *id).collect();
        // Two edges may lead to one node.
        let others = ask::known(graph, &ids).doing(DOING)?;
        let mut told: Vec<(bool, EdgeKind, u8, Node)> = edges
            .into_iter()
            .filter_map(|(way, kind, sure, id)| Some((way, kind, sure, others.get(&id)?.clone())))
            .collect();
        told.sort_by(|a, b| {
            (a.0, a.1).cmp(&(b.0, b.1)).then_with(|| called(a.3.lend()).cmp(&called(b.3.lend())))
        });
        if cx.out.json {
            objects.push(told::neighbours(own, &node, &told));
            continue;
        }
        cx.out.line(&format!("{} {}", painted(paint::LABEL, node.kind.name()), line_of(&node)))?;
        let rest = told.len().saturating_sub(limit);
        for (is_in, kind, sure, other) in told.into_iter().take(limit) {
            let arrow = if is_in { "<-" } else { "->" };
            let says = format!("  {arrow} {:<10} {sure:>3} %  ", kind.name());
            cx.out.line(&format!("{}{}", painted(paint::DIM, &says), line_of(&other)))?;
        }
        if rest > 0 {
            cx.out.line(&format!("  and {rest} more; `--limit` shows them"))?;
        }
    }
    if cx.out.json {
        cx.out.object(&json!({ "found": objects }))?;
    }
    Ok(0)
}
