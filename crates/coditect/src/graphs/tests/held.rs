//! Since when edges hold, and what commits and missions did, on branches that come and go.

use std::collections::BTreeMap;
use std::path::Path;

use coditect_memory::Episode;
use coditect_memory::episode::{Accepted, Symptom};
use coditect_memory::graph::{Before, EpisodeFact, ProjectGraph, ask};
use coditect_ports::Shelves;
use coditect_ports::graph::Graph;
use coditect_types::graph::{CommitFact, EdgeKind, NodeKind};
use coditect_types::memory::{EpisodeId, MemoryLimits};
use coditect_types::{MissionId, MissionStatus};

use super::{project, refresh, told, write};
use crate::environment::Site;
use crate::graphs;
use crate::wiring::remembering;

const WITH: &str = "def f(): return g()\ndef g(): return 1\n";
const WITHOUT: &str = "def f(): return 1\ndef g(): return 1\n";

struct World {
    dir: tempfile::TempDir,
    graph: ProjectGraph,
}

impl World {
    fn new() -> Self {
        let (dir, graph) = project(&[("b.py", "x = 1\n")]);
        Self { dir, graph }
    }

    /// The directory comes to stand at a commit with this text.
    fn go(&mut self, head: &str, text: &str) {
        write(self.dir.path(), "a.py", text);
        refresh(&mut self.graph, self.dir.path(), head).unwrap();
    }

    /// Since when the call holds, if it does; and what ended, as `from..until`.
    fn call(&self) -> (Option<String>, Vec<String>) {
        let id = |name: &str| ask::target(&self.graph, name).unwrap().all()[0].id;
        let since = self.graph.range(id("f"), id("g"), EdgeKind::Calls).map(|range| range.from);
        let ended = self.graph.ended().map(|one| format!("{}..{}", one.range.from, one.range.until.unwrap()));
        (since, ended.collect())
    }
}

#[test]
fn an_edge_that_comes_back_with_its_branch_holds_as_it_did() {
    let mut world = World::new();
    world.go("c0", WITH);
    world.go("c1", &format!("{WITH}# more\n"));
    for _ in 0..5 {
        world.go("side", WITHOUT);
        assert_eq!(world.call(), (None, vec!["c0..c1".to_owned()]));
        world.go("c1", WITH);
        assert_eq!(world.call(), (Some("c0".to_owned()), Vec::new()));
    }
    // Kept and read again it knows as much.
    world.go("side", WITHOUT);
    world.graph = ProjectGraph::of_bytes(&world.graph.to_bytes()).unwrap();
    world.go("c1", WITH);
    assert_eq!(world.call(), (Some("c0".to_owned()), Vec::new()));
    // At a commit that was never seen with it, it is new.
    world.go("side", WITHOUT);
    world.go("c2", WITH);
    assert_eq!(world.call(), (Some("c2".to_owned()), vec!["c0..c1".to_owned()]));
}

#[test]
fn what_is_taken_out_and_put_back_before_a_commit_has_not_ended() {
    let mut world = World::new();
    world.go("c1", WITH);
    world.go("c2", WITH);
    world.go("c2", WITHOUT);
    assert_eq!(world.call(), (None, vec!["c1..c2".to_owned()]));
    world.go("c2", WITH);
    assert_eq!(world.call(), (Some("c1".to_owned()), Vec::new()));
}

#[test]
fn of_very_many_heads_the_oldest_count_as_one() {
    let mut world = World::new();
    world.go("c1", WITH);
    for n in 0..25_000 {
        let changes = coditect_memory::graph::Changes { head: format!("h{n}"), ..Default::default() };
        world.graph.update(changes);
    }
    let since = world.call().0.unwrap();
    assert!(since.starts_with('h'), "{since}");
    world.go("last", WITHOUT);
    assert_eq!(world.call(), (None, vec![format!("{since}..h24999")]));
}

fn commit(id: &str, author: &str, files: &[&str]) -> CommitFact {
    CommitFact {
        id: id.to_owned(),
        author: author.to_owned(),
        at_s: 1_700_000_000,
        subject: id.to_owned(),
        files: files.iter().map(|file| (*file).to_owned()).collect(),
    }
}

fn history(graph: &ProjectGraph) -> Vec<String> {
    let is_history =
        |line: &String| ["changed_by", "made_by", "worked_on_by"].iter().any(|kind| line.contains(kind));
    told(graph).into_iter().filter(is_history).collect()
}

#[test]
fn commits_of_another_branch_go_and_come_back_and_end_nothing() {
    let mut world = World::new();
    world.go("main", WITH);
    let episode =
        EpisodeFact { id: "m-1".to_owned(), files: vec!["a.py".to_owned()], ..EpisodeFact::default() };
    world.graph.learn_episodes(&[episode], 7);
    let (shared, main, side) = (
        commit("shared", "Ada", &["a.py", "b.py", "no.txt"]),
        commit("main", "Bo", &["b.py"]),
        commit("side", "Cy", &["a.py"]),
    );
    world.graph.learn_commits(&[main.clone(), shared.clone()], "main", Before::Other);
    let on_main = history(&world.graph);
    assert_eq!(
        on_main,
        [
            "a.py changed_by shared 100",
            "a.py worked_on_by m-1 100",
            "b.py changed_by main 100",
            "b.py changed_by shared 100",
            "main made_by Bo 100",
            "shared made_by Ada 100",
        ]
    );
    for _ in 0..3 {
        // The file is not on the other branch.
        std::fs::remove_file(world.dir.path().join("b.py")).unwrap();
        refresh(&mut world.graph, world.dir.path(), "side").unwrap();
        world.graph.learn_commits(std::slice::from_ref(&side), "side", Before::Without(&["main".to_owned()]));
        let on_side = [
            "a.py changed_by shared 100",
            "a.py changed_by side 100",
            "a.py worked_on_by m-1 100",
            "shared made_by Ada 100",
            "side made_by Cy 100",
        ];
        assert_eq!(history(&world.graph), on_side);
        write(world.dir.path(), "b.py", "x = 1\n");
        refresh(&mut world.graph, world.dir.path(), "main").unwrap();
        world.graph.learn_commits(std::slice::from_ref(&main), "main", Before::Without(&["side".to_owned()]));
        assert_eq!(history(&world.graph), on_main, "what the file had before is known still");
    }
    assert_eq!(world.graph.ended().count(), 0, "what a commit did it has done for ever");
    // Another history leaves what missions did.
    world.graph.learn_commits(&[commit("new", "Di", &["a.py"])], "new", Before::Other);
    let expected = ["a.py changed_by new 100", "a.py worked_on_by m-1 100", "new made_by Di 100"];
    assert_eq!(history(&world.graph), expected);
    let again = ProjectGraph::of_bytes(&world.graph.to_bytes()).unwrap();
    assert_eq!((history(&again), again.episodes_through()), (expected.map(str::to_owned).to_vec(), 7));
    let mut people = Vec::new();
    again
        .scan(&mut |node| {
            if node.kind == NodeKind::Author {
                people.push(node.name.to_owned())
            }
        })
        .unwrap();
    assert_eq!(people, ["Di"]);
}

pub(super) fn site(home: &Path) -> Site {
    Site {
        home: home.to_owned(),
        cache: home.join("cache"),
        path: std::env::var_os("PATH"),
        user_home: None,
        xdg_config: None,
        engines: Vec::new(),
        image: None,
        models: Vec::new(),
        memory: MemoryLimits::default(),
        cold: None,
        embedder: None,
        owner: None,
        journal: crate::environment::Place::Files,
        fleet: false,
        announce: false,
        sampler: Default::default(),
        toolchains: BTreeMap::new(),
    }
}

pub(super) fn episode(n: u64, workspace: &Path) -> Episode {
    Episode {
        id: EpisodeId::from(&MissionId::from_parts(n * 1_000, n)),
        workspace: workspace.display().to_string(),
        ended_ms: n,
        status: Some(MissionStatus::Verified),
        request: format!("request {n}"),
        language: "python".to_owned(),
        symptoms: vec![Symptom { test: "t".to_owned(), error: "TypeError".to_owned(), said: String::new() }],
        refused: Vec::new(),
        accepted: Some(Accepted {
            rung: None,
            confidence: 1.0,
            explanation: String::new(),
            diff: format!("--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-{n}\n+x\n"),
        }),
        diagnoses: Vec::new(),
        reused: Vec::new(),
        tokens: 0,
        tree: String::new(),
        wall_ms: 5,
    }
}

#[test]
fn what_missions_did_is_kept_with_the_graph_and_read_once() {
    let home = tempfile::tempdir().unwrap();
    let (dir, _) = project(&[("a.py", WITH)]);
    let (site, dir) = (site(&home.path().join("home")), dir.path().canonicalize().unwrap());
    let asked = || graphs::open(&site, &dir).unwrap();
    let first = asked();
    assert!(first.notes.is_empty() && first.file_bytes > 0);
    assert!(!site.home.join("memory").exists(), "whoever only asks makes no memory");
    let shelves = remembering::shelves(&site).unwrap();
    shelves.put(&[episode(1, &dir).kept(), episode(2, Path::new("/other")).kept()]).unwrap();
    let kept = || ProjectGraph::of_bytes(&std::fs::read(graphs::file_of(&site, &dir)).unwrap()).unwrap();
    let ids = |numbers: &[u64]| -> Vec<String> {
        let edge = |n: &u64| format!("a.py worked_on_by {} 100", episode(*n, &dir).id);
        numbers.iter().map(edge).collect()
    };
    assert_eq!((history(&asked().graph), history(&kept())), (ids(&[1]), ids(&[1])));
    assert!(told(&kept()).contains(&format!("{} showed TypeError 100", episode(1, &dir).id)));
    let known = kept().episodes_through();
    shelves.put(&[episode(3, &dir).kept()]).unwrap();
    assert_eq!(history(&asked().graph), ids(&[1, 3]));
    assert!(kept().episodes_through() > known, "the next time only newer ones are looked at");
    // What a person has memory forget is in no graph any more.
    graphs::remove_all(&site).unwrap();
    let numbers: Vec<u64> = shelves.standings().unwrap().iter().map(|standing| standing.number).collect();
    shelves.remove(&numbers, true).unwrap();
    assert!(history(&asked().graph).is_empty());
    // A memory that begins anew gives numbers that were known.
    shelves.put(&[episode(4, &dir).kept(), episode(5, &dir).kept()]).unwrap();
    assert_eq!(history(&asked().graph), ids(&[4, 5]));
    drop(shelves);
    std::fs::remove_dir_all(site.home.join("memory")).unwrap();
    let shelves = remembering::shelves(&site).unwrap();
    shelves.put(&[episode(6, &dir).kept()]).unwrap();
    assert_eq!(history(&asked().graph), ids(&[4, 5, 6]));
}
