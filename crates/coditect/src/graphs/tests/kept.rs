//! What is kept of graphs, for how long, and what is never kept.

use std::fmt::Write as _;
use std::path::Path;

use coditect_memory::graph::{Origin, ProjectGraph};
use coditect_ports::Shelves;
use coditect_types::UserName;

use super::held::{episode, site};
use super::{project, refresh, told, write};
use crate::environment::Site;
use crate::graphs::{self, Remembered};
use crate::wiring::remembering;

#[test]
fn names_that_went_with_edits_are_not_kept_for_ever() {
    let (dir, mut graph) = project(&[("b.py", "from a import *\ndef b(): return f_7_1() + f_9_2()\n")]);
    let mut sizes = Vec::new();
    for round in 0..12 {
        let mut text = String::new();
        for n in 0..300 {
            writeln!(text, "def f_{round}_{n}(): return f_{round}_{}()", (n + 1) % 300).unwrap();
        }
        write(dir.path(), "a.py", &text);
        refresh(&mut graph, dir.path(), "").unwrap();
        let bytes = graph.to_bytes();
        sizes.push(bytes.len());
        graph = ProjectGraph::of_bytes(&bytes).unwrap();
        let mut fresh = ProjectGraph::default();
        refresh(&mut fresh, dir.path(), "").unwrap();
        assert_eq!(told(&graph), told(&fresh), "round {round}");
    }
    assert!(sizes.iter().all(|size| *size < 2 * sizes[0]), "{sizes:?}");
}

#[test]
fn what_has_ended_and_who_changed_what_is_known_when_names_got_new_numbers() {
    let (dir, mut graph) = project(&[("b.py", "x = 1\n")]);
    let go = |graph: &mut ProjectGraph, head: &str, text: &str| {
        write(dir.path(), "a.py", text);
        refresh(graph, dir.path(), head).unwrap();
    };
    go(&mut graph, "c1", "def f(): return g()\ndef g(): pass\n");
    let commit = coditect_types::graph::CommitFact {
        id: "c1".to_owned(),
        author: "Ada".to_owned(),
        at_s: 1,
        subject: "begin".to_owned(),
        files: vec!["a.py".to_owned(), "away.py".to_owned()],
    };
    graph.learn_commits(&[commit], "c1", coditect_memory::graph::Before::Other);
    go(&mut graph, "c2", "def f(): pass\ndef g(): pass\n");
    let ended = |graph: &ProjectGraph| format!("{:?}", graph.ended().collect::<Vec<_>>());
    let (edges, before) = (told(&graph), ended(&graph));
    assert!(before.contains("a.py::f") && edges.iter().any(|edge| edge.contains("changed_by c1")));
    // Names that nothing has are many, and come before those that others get later.
    let many: String = (0..200).map(|n| format!("def idle_{n}(): pass\n")).collect();
    write(dir.path(), "idle.py", &many);
    refresh(&mut graph, dir.path(), "c2").unwrap();
    std::fs::remove_file(dir.path().join("idle.py")).unwrap();
    refresh(&mut graph, dir.path(), "c2").unwrap();
    let bytes = graph.to_bytes();
    assert!(!bytes.windows(6).any(|text| text == b"idle_1"), "idle names are not written");
    let again = ProjectGraph::of_bytes(&bytes).unwrap();
    assert_eq!((told(&again), ended(&again)), (edges, before));
    // A file that comes back has its history.
    let mut again = again;
    write(dir.path(), "away.py", "x = 1\n");
    refresh(&mut again, dir.path(), "c2").unwrap();
    assert!(told(&again).contains(&"away.py changed_by c1 100".to_owned()));
}

#[test]
fn graphs_of_directories_that_are_gone_are_idle() {
    let home = tempfile::tempdir().unwrap();
    let site = site(&home.path().join("home"));
    assert!(graphs::idle(&site).unwrap().is_empty(), "where there are none");
    let ((one, _), (other, _)) = (project(&[("a.py", "x = 1\n")]), project(&[("a.py", "x = 1\n")]));
    let (gone, stays) = (one.path().canonicalize().unwrap(), other.path().canonicalize().unwrap());
    for dir in [&gone, &stays] {
        graphs::open(&site, dir).unwrap();
    }
    assert!(graphs::idle(&site).unwrap().is_empty());
    drop(one);
    let (gone, stays) = (graphs::file_of(&site, &gone), graphs::file_of(&site, &stays));
    assert_eq!(graphs::idle(&site).unwrap(), std::slice::from_ref(&gone));
    // Those of another version: an older one is never read again, a newer one is another program's.
    let bytes = std::fs::read(&stays).unwrap();
    let of_version = |version: u8| {
        let file = stays.with_file_name(format!("v{version}.graph"));
        let mut bytes = bytes.clone();
        bytes[8] = version;
        std::fs::write(&file, bytes).unwrap();
        file
    };
    let (older, newer) = (of_version(1), of_version(200));
    let mut idle = graphs::idle(&site).unwrap();
    idle.sort();
    let mut expected = vec![gone, older];
    expected.sort();
    assert_eq!(idle, expected);
    graphs::remove(&idle).unwrap();
    graphs::remove(&idle).unwrap();
    assert!(graphs::idle(&site).unwrap().is_empty() && stays.exists() && newer.exists());
}

fn holds(file: &Path, text: &str) -> bool {
    std::fs::read(file).unwrap().windows(text.len()).any(|bytes| bytes == text.as_bytes())
}

#[test]
fn what_is_forgotten_while_a_graph_is_made_is_not_written_with_it() {
    let home = tempfile::tempdir().unwrap();
    let (dir, _) = project(&[("a.py", "x = 1\n")]);
    let (site, dir) = (site(&home.path().join("home")), dir.path().canonicalize().unwrap());
    graphs::open(&site, &dir).unwrap();
    let shelves = remembering::shelves(&site).unwrap();
    shelves.put(&[episode(1, &dir).kept()]).unwrap();
    let memory = Remembered::of(&site).unwrap();
    let opened = graphs::open(&site, &dir).unwrap();
    let file = graphs::file_of(&site, &dir);
    assert!(holds(&file, "request 1") && opened.graph.origin().forgotten == 0);
    let older = std::fs::read(&file).unwrap();
    // As `memory forget` does it.
    let numbers: Vec<u64> = shelves.standings().unwrap().iter().map(|standing| standing.number).collect();
    shelves.remove(&numbers, true).unwrap();
    graphs::remove_all(&site).unwrap();
    // Whoever had read the graph before comes to write it now.
    assert_eq!(graphs::keep(&site, &file, &opened.graph, &memory).unwrap(), 0);
    assert!(!file.exists());
    // One that came back, such as from a backup, is not used.
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, older).unwrap();
    let opened = graphs::open(&site, &dir).unwrap();
    assert!(opened.notes.is_empty() && opened.file_bytes > 0, "{:?}", opened.notes);
    assert!(!holds(&file, "request 1"));
    let origin = Origin::of_bytes(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!((Path::new(&*String::from_utf8_lossy(&origin.directory)), origin.forgotten), (&*dir, 1));
}

#[test]
fn each_owner_has_a_graph_of_their_own_on_a_server_too() {
    let home = Path::new("/state");
    let name = |owner: Option<&str>, dir: &str| {
        let owner = owner.map(|owner| UserName::parse(owner).unwrap());
        graphs::name_on_server(&Site { owner, ..site(home) }, Path::new(dir))
    };
    let names = [name(None, "/p"), name(Some("ada"), "/p"), name(Some("bo"), "/p"), name(Some("ada"), "/q")];
    let mut different = names.to_vec();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), names.len());
    assert_eq!(name(Some("ada"), "/p"), names[1]);
}

#[test]
fn what_a_mission_on_a_part_of_a_work_tree_changed_is_in_the_graph_of_the_whole() {
    let home = tempfile::tempdir().unwrap();
    let (dir, _) = project(&[("a.py", "x = 1\n"), ("part/b.py", "x = 1\n"), ("own/.git/HEAD", "")]);
    let (site, dir) = (site(&home.path().join("home")), dir.path().canonicalize().unwrap());
    let shelves = remembering::shelves(&site).unwrap();
    let at = |path: &str| dir.join(path);
    shelves.put(&[episode(1, &at("part")).kept(), episode(2, &at("own")).kept()]).unwrap();
    let known = || {
        let graph = graphs::open(&site, &dir).unwrap().graph;
        told(&graph).iter().filter(|edge| edge.contains("worked_on_by")).count()
    };
    // Of a plain directory no part is a part of it.
    assert_eq!(known(), 0);
    std::fs::create_dir(at(".git")).unwrap();
    graphs::remove_all(&site).unwrap();
    assert_eq!(known(), 1, "that of the repository within is another one's");
}
