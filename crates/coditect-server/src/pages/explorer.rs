//! What a project is made of: the knowledge graph of a mission's directory, to be looked through.

use std::collections::BTreeMap;

use askama::Template;
use coditect_runtime::Entry;
use coditect_runtime::said::{count, count_of, grouped, moment};
use coditect_types::MissionId;
use serde_json::{Value, json};

use crate::house::graph::{
    Around, Explored, Few, GraphAnswer, GraphAsked, GraphNode, HotFile, Picture, Reached, Whole,
};
use crate::text::percent;

/// Projects that are listed.
const MOST: usize = 200;

/// A directory that missions worked on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProjectOf {
    /// Where it is.
    pub(crate) directory: String,
    /// The newest mission on it.
    pub(crate) mission: MissionId,
    /// How many missions there were.
    pub(crate) missions: u64,
    /// When the newest was submitted, ms since 1970.
    pub(crate) newest_ms: u64,
}

/// The directories of missions that were listed, the one with the newest mission first.
pub(crate) fn projects(entries: &[Entry]) -> Few<ProjectOf> {
    let mut found: BTreeMap<&str, ProjectOf> = BTreeMap::new();
    for entry in entries {
        let fresh = || ProjectOf {
            directory: entry.workspace.clone(),
            mission: entry.mission.clone(),
            missions: 0,
            newest_ms: entry.submitted_at_ms,
        };
        let of = found.entry(&entry.workspace).or_insert_with(fresh);
        of.missions += 1;
        if entry.submitted_at_ms > of.newest_ms {
            (of.mission, of.newest_ms) = (entry.mission.clone(), entry.submitted_at_ms);
        }
    }
    let mut all: Vec<ProjectOf> = found.into_values().collect();
    all.sort_by_key(|of| std::cmp::Reverse(of.newest_ms));
    Few::of(all, MOST)
}

/// The same for programs.
pub(crate) fn projects_json(of: &Few<ProjectOf>) -> Value {
    let one = |of: &ProjectOf| {
        json!({
            "directory": of.directory, "mission": of.mission, "missions": of.missions, "newest_ms": of.newest_ms,
            "graph": format!("/api/missions/{}/graph", of.mission),
        })
    };
    json!({ "projects": of.list.iter().map(one).collect::<Vec<_>>(), "left_out": of.left_out })
}

#[derive(Debug)]
struct ProjectRow {
    directory: String,
    mission: MissionId,
    missions: String,
    newest: String,
}

#[derive(Template)]
#[template(path = "graphs.html")]
struct ProjectsPage {
    projects: Vec<ProjectRow>,
    left_out: usize,
}

/// The list of projects.
pub(crate) fn list(of: &Few<ProjectOf>) -> Result<String, askama::Error> {
    let row = |of: &ProjectOf| ProjectRow {
        directory: of.directory.clone(),
        mission: of.mission.clone(),
        missions: count(of.missions, "mission"),
        newest: moment(of.newest_ms),
    };
    ProjectsPage { projects: of.list.iter().map(row).collect(), left_out: of.left_out }.render()
}

/// A node as a link to what stands around it.
#[derive(Debug)]
struct Row {
    href: String,
    kind: &'static str,
    name: String,
    place: String,
    says: String,
    note: String,
}

/// A list with a title.
#[derive(Debug)]
struct Part {
    id: String,
    title: String,
    rows: Vec<Row>,
    left_out: usize,
}

#[derive(Debug)]
struct HotRow {
    href: String,
    path: String,
    commits: String,
    used_by: String,
}

#[derive(Template)]
#[template(path = "graph.html")]
struct GraphPage<'a> {
    mission: &'a MissionId,
    directory: &'a str,
    asked: &'a GraphAsked,
    sizes: String,
    notes: &'a [String],
    title: String,
    is_whole: bool,
    says: String,
    hot: Vec<HotRow>,
    hot_left_out: usize,
    parts: Vec<Part>,
    picture: Option<&'a Picture>,
    picture_says: String,
    drawn: Vec<Row>,
}

/// The address of what stands around a node.
fn address(mission: &MissionId, kind: &str, name: &str) -> String {
    format!("/missions/{mission}/graph?q={}&kind={kind}", percent(name))
}

fn row(mission: &MissionId, node: &GraphNode, note: String) -> Row {
    let place = match (node.path.is_empty(), node.lines) {
        (true, _) => String::new(),
        (false, (0, _)) => node.path.clone(),
        (false, (from, to)) => format!("{}:{from}-{to}", node.path),
    };
    Row {
        href: address(mission, node.kind, &node.name),
        kind: node.kind,
        name: node.name.clone(),
        // Of a file it is the name.
        place: if place == node.name { String::new() } else { place },
        says: node.says.clone(),
        note,
    }
}

fn part(title: String, number: usize, rows: Few<Row>) -> Part {
    Part { id: format!("part-{number}"), title, rows: rows.list, left_out: rows.left_out }
}

fn hot_row(mission: &MissionId, of: &HotFile) -> HotRow {
    HotRow {
        href: address(mission, "file", &of.path),
        path: of.path.clone(),
        commits: grouped(of.commits as u64),
        used_by: grouped(of.used_by as u64),
    }
}

fn reached(mission: &MissionId, of: &Few<Reached>) -> Few<Row> {
    let one = |of: &Reached| {
        let steps = match of.steps {
            0 => "changes itself".to_owned(),
            n => count(u64::from(n), "step"),
        };
        row(mission, &of.node, format!("{:.2}, {steps}", of.strength))
    };
    Few { list: of.list.iter().map(one).collect(), left_out: of.left_out }
}

/// The lists about one thing.
fn parts(mission: &MissionId, of: &Around) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut add = |title: String, rows: Few<Row>| {
        if !rows.list.is_empty() {
            parts.push(part(title, parts.len(), rows));
        }
    };
    for one in &of.neighbours {
        let neighbour =
            |of: &crate::house::graph::Neighbour| row(mission, &of.node, format!("{} %", of.sure));
        let list = one.nodes.list.iter().map(neighbour).collect();
        add(one.way.to_owned(), Few { list, left_out: one.nodes.left_out });
    }
    add("tests that a change of it can reach".to_owned(), reached(mission, &of.tests));
    add("symbols that a change of it can reach".to_owned(), reached(mission, &of.symbols));
    let file = |(path, strength): &(String, f64)| {
        let node = GraphNode { kind: "file", name: path.clone(), ..GraphNode::default() };
        row(mission, &node, format!("{strength:.2}"))
    };
    let files = of.files.list.iter().map(file).collect();
    add("files that a change of it can reach".to_owned(), Few { list: files, left_out: of.files.left_out });
    parts
}

/// The page of a project, or of something in it.
pub(crate) fn one(mission: &MissionId, asked: &GraphAsked, of: &Explored) -> Result<String, askama::Error> {
    let size = of.size;
    let mut page = GraphPage {
        mission,
        directory: &of.directory,
        asked,
        sizes: [
            count_of(size.files, "file"),
            count_of(size.symbols.saturating_sub(size.tests), "symbol"),
            count_of(size.tests, "test"),
            count_of(size.edges, "edge"),
            count_of(size.commits, "commit"),
        ]
        .join(", "),
        notes: &of.notes,
        title: "Knowledge graph".to_owned(),
        is_whole: false,
        says: String::new(),
        hot: Vec::new(),
        hot_left_out: 0,
        parts: Vec::new(),
        picture: None,
        picture_says: String::new(),
        drawn: Vec::new(),
    };
    let plain = |list: &Few<GraphNode>| Few {
        list: list.list.iter().map(|node| row(mission, node, String::new())).collect(),
        left_out: list.left_out,
    };
    match &of.answer {
        GraphAnswer::Whole(whole) => {
            let Whole { hot, dead, picture } = &**whole;
            page.is_whole = true;
            page.hot = hot.list.iter().map(|of| hot_row(mission, of)).collect();
            page.hot_left_out = hot.left_out;
            page.parts = vec![part("dead code, as far as names tell".to_owned(), 0, plain(dead))];
            page.picture = Some(picture);
        }
        GraphAnswer::One(around) => {
            page.title = around.nodes.list.first().map_or_else(String::new, |node| node.name.clone());
            page.says = match around.nodes.list.as_slice() {
                [one] => format!("{} {}", one.kind, row(mission, one, String::new()).place),
                several => format!("{} of one name", several.len() + around.nodes.left_out),
            };
            page.parts = parts(mission, around);
            page.picture = Some(&around.picture);
        }
        GraphAnswer::Several(found) if found.list.is_empty() => {
            page.says = "Nothing has that in its name. Files that git ignores are not read.".to_owned();
        }
        GraphAnswer::Several(found) => {
            let all = count_of(found.list.len() + found.left_out, "thing");
            page.says = format!("It may be {all}.");
            page.parts = vec![part("what it may be".to_owned(), 0, plain(found))];
        }
    }
    page.picture = page.picture.filter(|picture| !picture.boxes.is_empty());
    if let Some(picture) = page.picture {
        let left_out = match picture.left_out {
            0 => String::new(),
            n => format!("; {} more are left out", grouped(n as u64)),
        };
        page.picture_says = format!("{} and what uses what{left_out}", count_of(picture.boxes.len(), "node"));
        page.drawn = picture.boxes.iter().map(|of| row(mission, &of.node, String::new())).collect();
    }
    page.render()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::{HOSTILE, explored, id};

    #[test]
    fn names_of_a_project_are_text_and_lead_to_themselves() {
        for name in ["", "a", "many"] {
            let asked = GraphAsked { name: name.to_owned(), ..GraphAsked::default() };
            let page = one(&id("m-1"), &asked, &explored("/p", &asked)).unwrap();
            assert!(!page.contains("<script>alert") && !page.contains("<img"), "{page}");
            assert!(!page.contains('\u{202e}') && page.contains("&lt;script&gt;"), "{page}");
            let hrefs = page.split("href=\"/missions/m-1/graph?q=").skip(1);
            for href in hrefs.map(|rest| rest.split('"').next().unwrap_or_default()) {
                let is_plain = |c: char| c.is_ascii_alphanumeric() || "%-_.~&=;#".contains(c);
                assert!(href.chars().all(is_plain), "{href}");
            }
        }
    }

    #[test]
    fn what_is_left_out_is_said() {
        let asked = GraphAsked { name: "a".to_owned(), ..GraphAsked::default() };
        let page = one(&id("m-1"), &asked, &explored("/p", &asked)).unwrap();
        assert!(page.contains("7 more") && page.contains("called by") && page.contains("60 %"), "{page}");
        let asked = GraphAsked { name: "nothing".to_owned(), ..asked };
        let page = one(&id("m-1"), &asked, &explored("/p", &asked)).unwrap();
        assert!(page.contains("Nothing has that in its name"), "{page}");
    }

    #[test]
    fn a_project_is_listed_once_with_its_newest_mission() {
        let entry = |mission: &str, workspace: &str, at_ms| Entry {
            mission: id(mission),
            request: String::new(),
            workspace: workspace.to_owned(),
            owner: None,
            forked_from: None,
            submitted_at_ms: at_ms,
            last_seq: 1,
            end: None,
        };
        let found = projects(&[entry("m-1", "/a", 5), entry("m-2", HOSTILE, 9), entry("m-3", "/a", 7)]);
        let told: Vec<_> = found.list.iter().map(|of| (of.mission.as_str(), of.missions)).collect();
        assert_eq!(told, [("m-2", 1), ("m-3", 2)]);
        let page = list(&found).unwrap();
        assert!(!page.contains("<script>alert") && page.contains("/missions/m-3/graph"), "{page}");
        assert_eq!(projects_json(&found)["projects"][1]["graph"], "/api/missions/m-3/graph");
    }
}
