//! What a person means by a name.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use coditect_ports::PortError;
use coditect_ports::graph::{Graph, Node, Way};
use coditect_types::graph::{EdgeKind, NodeId, NodeKind};

use super::super::is_source;
use super::{by_name, called, known, nodes};
use crate::diff::{self, Part};

/// Lines of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file.
    pub path: String,
    /// First and last line; None: all of it.
    pub lines: Option<(u32, u32)>,
}

/// What a name means.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// Exactly this.
    One(Box<Node>),
    /// Any of these.
    Several(Vec<Node>),
    /// Nothing that the graph has.
    Nothing,
}

impl Target {
    /// All that it may mean.
    #[must_use]
    pub fn all(self) -> Vec<Node> {
        match self {
            Self::One(node) => vec![*node],
            Self::Several(nodes) => nodes,
            Self::Nothing => Vec::new(),
        }
    }
}

/// The nodes that a name stands for: `src/a.py`, `src/a.py:12-20`, `src/a.py::Ledger::add`, `Ledger.add`, `Ledger::add`, `add`.
pub fn target(graph: &dyn Graph, name: &str) -> Result<Target, PortError> {
    let name = name.trim().trim_start_matches("./");
    let mut found = if let Some(place) = place_of(name) {
        match (file_at(graph, &place.path)?, place.lines) {
            (None, _) => Vec::new(),
            (Some(file), None) => vec![file],
            (Some(file), Some(lines)) => Standing::of(graph, file)?.at(lines),
        }
    } else {
        let whole = nodes(graph, &graph.named(name)?)?;
        if whole.is_empty() { in_parts(graph, name)? } else { whole }
    };
    found.sort_by(by_name);
    Ok(match found.len() {
        0 => Target::Nothing,
        1 => found.pop().map_or(Target::Nothing, |node| Target::One(Box::new(node))),
        _ => Target::Several(found),
    })
}

/// `path:12`, `path:12-20`; a path alone is told from a name by its dot and ending or slash.
fn place_of(name: &str) -> Option<Place> {
    if name.contains("::") {
        return None;
    }
    if let Some((path, lines)) = name.rsplit_once(':') {
        let (from, to) = lines.split_once('-').unwrap_or((lines, lines));
        let (from, to): (u32, u32) = (from.parse().ok()?, to.parse().ok()?);
        return Some(Place { path: path.to_owned(), lines: Some((from.min(to), from.max(to))) });
    }
    let is_path = name.contains('/') || is_source(name);
    is_path.then(|| Place { path: name.to_owned(), lines: None })
}

/// A name of several parts: the last is looked up, the others have to fit.
fn in_parts(graph: &dyn Graph, name: &str) -> Result<Vec<Node>, PortError> {
    let (path, full) = match name.split_once("::") {
        Some((path, full)) if path.contains('/') || path.contains('.') => (path, full),
        _ => ("", name),
    };
    let full = full.split(['[', '(']).next().unwrap_or(full);
    let wanted = if full.contains("::") { full.to_owned() } else { full.replace('.', "::") };
    let last = wanted.rsplit("::").next().unwrap_or(&wanted);
    let found = nodes(graph, &graph.named(last)?)?;
    let fits = |node: &Node| {
        let ends = node.full == wanted || node.full.ends_with(&format!("::{wanted}"));
        ends && (path.is_empty() || node.path == path || node.path.ends_with(&format!("/{path}")))
    };
    let exact: Vec<Node> = found.iter().filter(|node| called(node.lend()) == name).cloned().collect();
    Ok(if exact.is_empty() { found.into_iter().filter(fits).collect() } else { exact })
}

fn file_at(graph: &dyn Graph, path: &str) -> Result<Option<Node>, PortError> {
    Ok(nodes(graph, &graph.named(path)?)?.into_iter().find(|node| node.kind == NodeKind::File))
}

/// What stands in a file: its symbols, each with the place of the one that defines it.
struct Standing {
    file: Node,
    symbols: Vec<(Node, Option<usize>)>,
}

impl Standing {
    fn of(graph: &dyn Graph, file: Node) -> Result<Self, PortError> {
        let mut symbols: Vec<(Node, Option<usize>)> = Vec::new();
        let mut open: HashMap<NodeId, Option<usize>> = HashMap::from([(file.id, None)]);
        while !open.is_empty() {
            let ids: Vec<NodeId> = open.keys().copied().collect();
            let mut within: Vec<(NodeId, Option<usize>)> = Vec::new();
            graph.edges(&ids, Way::Out, &mut |around, edge| {
                if edge.kind == EdgeKind::Defines {
                    within.push((edge.to, open.get(&around).copied().flatten()));
                }
            })?;
            let ids: Vec<NodeId> = within.iter().map(|(id, _)| *id).collect();
            let mut found = known(graph, &ids)?;
            open = HashMap::new();
            for (id, around) in within {
                if let Some(node) = found.remove(&id).filter(|node| node.path == file.path) {
                    open.insert(id, Some(symbols.len()));
                    symbols.push((node, around));
                }
            }
        }
        Ok(Self { file, symbols })
    }

    /// The innermost symbols that some lines touch; the file where they touch none.
    ///
    /// What stands within what is told by lines and by what defines what: a method of Go, or of an `impl` block, stands outside of
    /// the lines of its type.
    fn at(&self, (from, to): (u32, u32)) -> Vec<Node> {
        let lines = |at: usize| self.symbols[at].0.lines;
        let mut touched: Vec<usize> =
            (0..self.symbols.len()).filter(|at| lines(*at).0 <= to && lines(*at).1 >= from).collect();
        touched.sort_by_key(|at| lines(*at));
        // The lines at which something begins, or something has ended just before: between them all is the same.
        let mut cuts: Vec<u32> = vec![from];
        cuts.extend(touched.iter().map(|at| lines(*at).0.max(from)));
        cuts.extend(touched.iter().map(|at| lines(*at).1.saturating_add(1)).filter(|cut| *cut <= to));
        cuts.sort_unstable();
        cuts.dedup();
        let mut found: BTreeSet<usize> = BTreeSet::new();
        let mut here: BTreeSet<(u32, usize)> = BTreeSet::new();
        let mut coming = touched.into_iter().peekable();
        for cut in cuts {
            while let Some(at) = coming.next_if(|at| lines(*at).0 <= cut) {
                here.insert((lines(at).1, at));
            }
            while here.first().is_some_and(|(end, _)| *end < cut) {
                here.pop_first();
            }
            found.extend(self.innermost(here.iter().map(|(_, at)| *at)));
        }
        // A blank line between the tests of a module is no change of all of them.
        let is_group = |at: &usize| self.symbols[*at].0.kind == NodeKind::Module;
        if !found.iter().all(is_group) {
            found.retain(|at| !is_group(at));
        }
        if found.is_empty() {
            return vec![self.file.clone()];
        }
        found.into_iter().map(|at| self.symbols[at].0.clone()).collect()
    }

    /// Those of some symbols that stand on one line that have no other of them in them.
    fn innermost(&self, here: impl Iterator<Item = usize>) -> Vec<usize> {
        let lines = |at: usize| self.symbols[at].0.lines;
        let mut left: Vec<usize> = here.collect();
        let mut around: BTreeSet<usize> = BTreeSet::new();
        for at in &left {
            let mut outer = self.symbols[*at].1;
            while let Some(at) = outer.filter(|at| around.insert(*at)) {
                outer = self.symbols[at].1;
            }
        }
        left.retain(|at| !around.contains(at));
        // Those that begin last come first; whoever ends no earlier than one of these is around it.
        left.sort_by_key(|at| (u32::MAX - lines(*at).0, lines(*at).1));
        let mut inner: Option<(u32, u32)> = None;
        left.retain(|at| {
            let own = lines(*at);
            let is_around = inner.is_some_and(|inner| inner != own && inner.1 <= own.1);
            if !is_around {
                inner = Some(own);
            }
            !is_around
        });
        left
    }
}

/// The nodes that places stand for; the paths of those of which nothing is known.
pub fn find(graph: &dyn Graph, places: &[Place]) -> Result<(Vec<Node>, Vec<String>), PortError> {
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    // A diff has many places of one file, which is looked at once.
    let mut by_path: BTreeMap<&str, Vec<Option<(u32, u32)>>> = BTreeMap::new();
    for place in places {
        by_path.entry(&place.path).or_default().push(place.lines);
    }
    for (path, places) in by_path {
        let Some(file) = file_at(graph, path)? else {
            unknown.push(path.to_owned());
            continue;
        };
        if places.contains(&None) {
            found.push(file.clone());
        }
        let standing = Standing::of(graph, file)?;
        found.extend(places.into_iter().flatten().flat_map(|lines| standing.at(lines)));
    }
    found.sort_by(by_name);
    found.dedup_by_key(|node| node.id);
    Ok((found, unknown))
}

/// The places that a unified diff changed, in files as they are after it. What was only taken out changed the line that came to
/// stand there.
#[must_use]
pub fn lines_of_diff(diff: &str) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    let (mut path, mut line) = (String::new(), 1_u32);
    for part in diff::parts(diff) {
        match part {
            // A file that is no more keeps the name that it had.
            Part::Before(named) | Part::After(named) => {
                if let Some(named) = named {
                    path = named.into_owned();
                }
            }
            Part::From(_) | Part::To(_) | Part::Deleted(_) => {}
            Part::Hunk(from) => line = from,
            Part::Same(_) => line = line.saturating_add(1),
            Part::Gone(_) => touch(&mut places, &path, line),
            Part::New(_) => {
                touch(&mut places, &path, line);
                line = line.saturating_add(1);
            }
            Part::Broken => {}
        }
    }
    places.sort();
    let mut joined: Vec<Place> = Vec::new();
    for place in places {
        match place.lines {
            Some((from, to)) => {
                touch(&mut joined, &place.path, from);
                if let Some((_, end)) = joined.last_mut().and_then(|last| last.lines.as_mut()) {
                    *end = to.max(*end);
                }
            }
            None => joined.push(place),
        }
    }
    joined
}

/// Notes a line; neighbouring lines are one place.
fn touch(places: &mut Vec<Place>, path: &str, line: u32) {
    if path.is_empty() {
        return;
    }
    let line = line.max(1);
    match places.last_mut() {
        Some(Place { path: of, lines: Some((from, end)) })
            if of == path && (*from..=end.saturating_add(1)).contains(&line) =>
        {
            *end = line.max(*end);
        }
        Some(_) | None => places.push(Place { path: path.to_owned(), lines: Some((line, line)) }),
    }
}
