//! What a person means by a name.

use coditect_ports::PortError;
use coditect_ports::graph::{Graph, Node, Way};
use coditect_types::graph::{EdgeKind, NodeId, NodeKind};

use super::{by_name, called, nodes};

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
        let file = nodes(graph, &graph.named(&place.path)?)?;
        let file: Vec<Node> = file.into_iter().filter(|node| node.kind == NodeKind::File).collect();
        match (file.is_empty(), place.lines) {
            (true, _) => Vec::new(),
            (false, None) => file,
            (false, Some(_)) => at(graph, &place)?,
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
        let (from, to) = (from.parse().ok()?, to.parse().ok()?);
        return Some(Place { path: path.to_owned(), lines: Some((from, to)) });
    }
    let is_path = name.contains('/')
        || ["py", "rs", "js", "ts", "tsx", "jsx", "go", "java", "mjs", "cjs"]
            .iter()
            .any(|end| name.ends_with(&format!(".{end}")));
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

/// The innermost symbols that some lines touch; the file where they touch none.
fn at(graph: &dyn Graph, place: &Place) -> Result<Vec<Node>, PortError> {
    let Some((from, to)) = place.lines else { return Ok(Vec::new()) };
    let files = nodes(graph, &graph.named(&place.path)?)?;
    let mut around: Vec<Node> = files.into_iter().filter(|node| node.kind == NodeKind::File).collect();
    let mut found: Vec<Node> = Vec::new();
    while let Some(outer) = around.pop() {
        let mut within: Vec<NodeId> = Vec::new();
        graph.edges(&[outer.id], Way::Out, &mut |_, edge| {
            if edge.kind == EdgeKind::Defines {
                within.push(edge.to);
            }
        })?;
        let touched: Vec<Node> = nodes(graph, &within)?
            .into_iter()
            .filter(|node| node.path == outer.path && node.lines.0 <= to && node.lines.1 >= from)
            .collect();
        // A line of a type that belongs to none of what is in it changes the type.
        let covered = (from..=to.min(from.saturating_add(10_000)))
            .all(|line| touched.iter().any(|node| node.lines.0 <= line && line <= node.lines.1));
        if touched.is_empty() || (!covered && outer.kind == NodeKind::Type) {
            found.push(outer);
        }
        around.extend(touched);
    }
    Ok(found)
}

/// The nodes that places stand for; the paths of those of which nothing is known.
pub fn find(graph: &dyn Graph, places: &[Place]) -> Result<(Vec<Node>, Vec<String>), PortError> {
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    for place in places {
        let known = match place.lines {
            Some(_) => at(graph, place)?,
            None => {
                let files = nodes(graph, &graph.named(&place.path)?)?;
                files.into_iter().filter(|node| node.kind == NodeKind::File).collect()
            }
        };
        if known.is_empty() {
            unknown.push(place.path.clone());
        }
        found.extend(known);
    }
    found.sort_by(by_name);
    found.dedup_by_key(|node| node.id);
    unknown.dedup();
    Ok((found, unknown))
}

/// The places that a unified diff changed, in files as they are after it. What was only taken out changed the line that came to
/// stand there.
#[must_use]
pub fn lines_of_diff(diff: &str) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    let mut path = String::new();
    let (mut line, mut old_left, mut new_left) = (1_u32, 0_u32, 0_u32);
    let path_of = |text: &str| {
        let text = text.split('\t').next().unwrap_or(text).trim();
        let own = text.strip_prefix("a/").or_else(|| text.strip_prefix("b/")).unwrap_or(text);
        (text != "/dev/null").then(|| own.to_owned())
    };
    for text in diff.lines() {
        if old_left == 0 && new_left == 0 {
            if let Some(old) = text.strip_prefix("--- ") {
                path = path_of(old).unwrap_or_default();
            } else if let Some(new) = text.strip_prefix("+++ ") {
                path = path_of(new).unwrap_or(path);
            } else if let Some((_, numbers)) =
                text.strip_prefix("@@ -").and_then(|rest| rest.split_once(" +"))
            {
                let old = text[4..].split(' ').next().unwrap_or_default();
                let count = |range: &str| {
                    range.split_once(',').map_or(Ok(1), |(_, count)| count.parse()).unwrap_or(0)
                };
                let new = numbers.split(' ').next().unwrap_or_default();
                line = new.split(',').next().and_then(|from| from.parse().ok()).unwrap_or(1);
                (old_left, new_left) = (count(old), count(new));
            }
            continue;
        }
        let kind = text.as_bytes().first().copied().unwrap_or(b' ');
        if matches!(kind, b'+' | b'-') && !path.is_empty() {
            places.push(Place { path: path.clone(), lines: Some((line.max(1), line.max(1))) });
        }
        if kind != b'+' && kind != b'\\' {
            old_left = old_left.saturating_sub(1);
        }
        if kind != b'-' && kind != b'\\' {
            (line, new_left) = (line + 1, new_left.saturating_sub(1));
        }
    }
    places.sort();
    places.dedup();
    // Neighbouring lines are one place.
    let mut joined: Vec<Place> = Vec::new();
    for place in places {
        match (joined.last_mut(), place.lines) {
            (Some(last), Some((from, to)))
                if last.path == place.path && last.lines.is_some_and(|(_, end)| from <= end + 1) =>
            {
                last.lines = last.lines.map(|(start, _)| (start, to));
            }
            _ => joined.push(place),
        }
    }
    joined
}
