//! What a change reaches, and which tests.

use std::borrow::Cow;
use std::io::Read;
use std::path::Path;

use coditect_memory::graph::ask::{self, Gone, Impact, Reached, called};
use coditect_memory::graph::{Changed, Changes, ProjectGraph};
use coditect_ports::graph::{Graph, Node};
use coditect_types::ErrorKind;
use coditect_types::graph::{NodeId, Stamp};
use serde_json::{Value, json};

use super::places::{Places, is_file};
use super::told::{line_of, object};
use super::{DOING, MOST_PASSED, named};
use crate::args::ChangeArgs;
use crate::commands::Context;
use crate::out::{harmless, paint, painted};
use crate::phrase;
use crate::report::{Doing, Done, Report};

/// Bytes of a diff.
const MOST_BYTES: u64 = 64 << 20;
/// Files that are no more and are looked into, and bytes of one.
const MOST_GONE: usize = 2_000;
const MOST_OF_GONE: usize = 2 << 20;

/// A change, and what it reaches.
#[derive(Default)]
struct Change {
    /// What changes, as far as it is there.
    nodes: Vec<Node>,
    impact: Impact,
    /// What a person should know of it, a line each.
    notes: Vec<String>,
    /// Nothing changes.
    is_empty: bool,
}

fn read(path: &Path) -> Result<String, Report> {
    let mut text = Vec::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().lock().take(MOST_BYTES).read_to_end(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MOST_BYTES).read_to_end(&mut text))
    };
    read.map_err(|error| {
        Report::new(ErrorKind::Invalid, "reading the diff", format!("`{}`: {error}", path.display()))
            .hint("name a file with a unified diff, or `-` and pipe `git diff` in")
    })?;
    // A file of the change may be in any encoding.
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// What changes, and what that reaches. A diff that changes nothing which is known is no error: whoever asks has to have an answer for
/// every diff.
fn reached(
    cx: &Context,
    (graph, own): (&dyn Graph, &ProjectGraph),
    places: &Places,
    asked: &ChangeArgs,
) -> Result<Change, Report> {
    let mut change = Change::default();
    for name in &asked.what {
        change.nodes.extend(named(graph, name)?);
    }
    let text = asked.diff.as_deref().map(read).transpose()?;
    let diff = text.as_deref().map(ask::diffed).unwrap_or_default();
    if let Some(text) = text.as_deref().filter(|_| diff.places.is_empty() && diff.gone.is_empty()) {
        let is_blank = text.trim().is_empty();
        if !is_blank && !diff.is_diff {
            return Err(Report::new(ErrorKind::Invalid, "reading the diff", "it is no unified diff")
                .hint("pipe `git diff` in, or `git diff HEAD` where it is staged"));
        }
        change.is_empty = is_blank && asked.what.is_empty();
        let note = if is_blank { "the diff is empty" } else { "the diff changes no line of a text" };
        change.notes.push(note.to_owned());
    }
    let (mut spots, mut gone) = (diff.places, diff.gone);
    let paths: Vec<&str> = spots.iter().map(|place| place.path.as_str()).collect();
    if let Some(here) = places.before_paths(own, &paths)? {
        let below = |path: &mut String| *path = format!("{here}/{path}");
        spots.iter_mut().for_each(|place| below(&mut place.path));
        gone.iter_mut().for_each(|gone| {
            below(&mut gone.path);
            gone.now.iter_mut().for_each(below);
        });
    }
    // What the directory has all the same, since it has not taken the diff in, or has it again, changes.
    for one in &gone {
        if is_file(own, &one.path)? {
            spots.push(ask::Place { path: one.path.clone(), lines: None });
        }
    }
    gone.retain(|gone| !is_file(own, &gone.path).unwrap_or(false));
    let (nodes, unknown) = ask::find(graph, &spots).doing(DOING)?;
    change.nodes.extend(nodes);
    let ids: Vec<NodeId> = change.nodes.iter().map(|node| node.id).collect();
    change.impact = ask::impact(graph, &ids).doing(DOING)?;
    let unknown = unknown.iter().map(|path| unknown_file(path));
    change.notes.extend(unknown);
    as_it_was(&mut change, own, places, &gone)?;
    for note in change.notes.iter().take(MOST_PASSED) {
        cx.note(note);
    }
    if let Some(more) = change.notes.len().checked_sub(MOST_PASSED).filter(|more| *more > 0) {
        cx.note(&format!("and {} like these; `--json` has all", phrase::count_of(more, "note")));
    }
    Ok(change)
}

fn unknown_file(path: &str) -> String {
    format!("nothing is known of `{path}`: what it reaches cannot be told")
}

/// Takes in what files reached that are no more under the name that they had: the diff, and for a file that has another name now that
/// file, say what stood in them, so that they can be put into a graph as it was with them.
fn as_it_was(
    change: &mut Change,
    own: &ProjectGraph,
    places: &Places,
    gone: &[Gone<'_>],
) -> Result<(), Report> {
    let mut before = Changes::default();
    for one in gone.iter().take(MOST_GONE) {
        let now = match &one.now {
            Some(path) if is_file(own, path)? => std::fs::read(places.top().join(path)).unwrap_or_default(),
            Some(_) | None => Vec::new(),
        };
        let now = String::from_utf8_lossy(&now);
        // Where the diff is of another text, that of now is likelier than none.
        let text = one.text_before(&now).map_or(now, Cow::Owned);
        let text = if text.len() > MOST_OF_GONE { "" } else { &text };
        let Some(facts) = coditect_code::graph::facts(&one.path, text) else {
            change.notes.push(unknown_file(&one.path));
            continue;
        };
        change.notes.push(match &one.now {
            Some(now) => format!("`{}` is `{now}` now: what needed the old name is told too", one.path),
            None => format!("`{}` is no more: what needed it is told", one.path),
        });
        before.gone.extend(one.now.clone());
        let (path, stamp) = (one.path.clone(), Stamp::default());
        before.changed.push(Changed { path, hash: [0; 16], stamp, facts });
    }
    if gone.len() > MOST_GONE {
        let more = gone.len() - MOST_GONE;
        change.notes.push(format!("{more} more files that are no more were not looked into"));
    }
    if before.changed.is_empty() {
        return Ok(());
    }
    let paths: Vec<String> = before.changed.iter().map(|one| one.path.clone()).collect();
    let mut graph = own.clone();
    graph.update(before);
    let mut ids: Vec<NodeId> = Vec::new();
    for path in &paths {
        ids.extend(graph.named(path).doing(DOING)?);
    }
    let mut impact = ask::impact(&graph, &ids).doing(DOING)?;
    // What stood in these files cannot be run, or be looked at.
    let is_there = |path: &str| !paths.iter().any(|gone| gone == path);
    impact.tests.retain(|one| is_there(&one.node.path));
    impact.symbols.retain(|one| is_there(&one.node.path));
    impact.files.retain(|(path, _)| is_there(path));
    change.impact.join(impact);
    Ok(())
}

fn told(one: &Reached) -> Value {
    let mut object = object(&one.node);
    object["strength"] = json!(one.strength);
    object["steps"] = json!(one.steps);
    object["from"] =
        json!(one.from.as_ref().map(|(node, kind)| json!({ "name": called(node.lend()), "by": kind })));
    object
}

pub(super) fn impact(
    cx: &mut Context,
    graphs: (&dyn Graph, &ProjectGraph),
    places: &Places,
    (change, limit): (&ChangeArgs, usize),
) -> Done {
    let Change { nodes, impact, notes, .. } = reached(cx, graphs, places, change)?;
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
            "notes": notes,
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
    graphs: (&dyn Graph, &ProjectGraph),
    places: &Places,
    (change, limit): (&ChangeArgs, usize),
) -> Done {
    let Change { impact, mut notes, is_empty, .. } = reached(cx, graphs, places, change)?;
    if impact.tests.is_empty() && !is_empty {
        let note = "no test reaches it, as far as names tell: run the whole suite";
        cx.note(note);
        notes.push(note.to_owned());
    }
    if cx.out.json {
        let all: Vec<Value> = impact.tests.iter().take(limit).map(told).collect();
        cx.out.object(&json!({ "tests": all, "of": graphs.1.size().tests, "notes": notes }))?;
        return Ok(0);
    }
    for one in impact.tests.iter().take(limit) {
        cx.out.line(&harmless(&called(one.node.lend())))?;
    }
    Ok(0)
}
