//! The named questions, of the projects of each language.

use coditect_memory::graph::ask::{self, Exported, Target, called, lines_of_diff};
use coditect_memory::graph::{Before, EpisodeFact, ProjectGraph, draw};
use coditect_types::NodeId;
use coditect_types::graph::{CommitFact, EdgeKind};

use super::{GO, JAVA, PYTHON, RUST, SCRIPT, project, refresh, write};

fn ids(graph: &ProjectGraph, name: &str) -> Vec<NodeId> {
    let found = ask::target(graph, name).unwrap().all();
    assert!(!found.is_empty(), "`{name}` is nothing");
    found.into_iter().map(|node| node.id).collect()
}

fn tests_of(graph: &ProjectGraph, name: &str) -> Vec<String> {
    let impact = ask::impact(graph, &ids(graph, name)).unwrap();
    impact.tests.iter().map(|one| called(one.node.lend())).collect()
}

#[test]
fn tests_to_run_for_a_change_in_each_language() {
    let (_python, graph) = project(PYTHON);
    assert_eq!(tests_of(&graph, "_cents")[0], "tests/test_shop.py::test_round");
    assert_eq!(tests_of(&graph, "Base.total")[0], "tests/test_shop.py::test_total");
    assert!(tests_of(&graph, "shop/ledger.py").contains(&"tests/test_shop.py::test_add".to_owned()));
    let (_rust, graph) = project(RUST);
    let tests = tests_of(&graph, "Part::put");
    assert_eq!(
        tests[..2],
        ["crates/shop-core/src/ledger.rs::tests::adds", "crates/shop-core/tests/whole.rs::opens"]
    );
    let (_script, graph) = project(SCRIPT);
    assert_eq!(tests_of(&graph, "Store.save"), ["test/cart.test.ts::cart::puts"]);
    assert_eq!(tests_of(&graph, "cents").len(), 3);
    let (_go, graph) = project(GO);
    assert_eq!(tests_of(&graph, "Store.Put"), ["ledger/ledger_test.go::TestAdd"]);
    let (_java, graph) = project(JAVA);
    assert_eq!(tests_of(&graph, "Rules.round"), ["src/test/java/shop/LedgerTest.java::LedgerTest::adds"]);
}

#[test]
fn an_impact_is_strongest_near_the_change_and_says_where_it_comes_from() {
    let (_dir, graph) = project(PYTHON);
    let impact = ask::impact(&graph, &ids(&graph, "shop/money.py::_cents")).unwrap();
    let told: Vec<_> = impact
        .symbols
        .iter()
        .map(|one| {
            (
                one.node.full.as_str(),
                one.steps,
                one.from.as_ref().map(|(node, kind)| (node.full.as_str(), *kind)),
            )
        })
        .collect();
    assert_eq!(
        told[..3],
        [
            ("_cents", 0, None),
            ("round_up", 1, Some(("_cents", EdgeKind::Calls))),
            ("Ledger::add", 2, Some(("round_up", EdgeKind::Calls))),
        ]
    );
    assert!(impact.symbols.windows(2).all(|two| two[0].strength >= two[1].strength));
    assert_eq!(impact.files[0], ("shop/money.py".to_owned(), 1.0));
}

#[test]
fn a_diff_names_what_it_changes() {
    let (_dir, graph) = project(PYTHON);
    let diff = "--- a/shop/money.py\n+++ b/shop/money.py\n@@ -1,3 +1,3 @@\n def round_up(n): return _cents(n)\n-def _cents(n): return 0\n+def _cents(n): return n\n def _unused(n): return n\n\
                --- a/gone.py\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-x = 1\n";
    let places = lines_of_diff(diff);
    let told: Vec<_> = places.iter().map(|one| (one.path.as_str(), one.lines)).collect();
    assert_eq!(told, [("gone.py", Some((1, 1))), ("shop/money.py", Some((2, 2)))]);
    let (nodes, unknown) = ask::find(&graph, &places).unwrap();
    assert_eq!(nodes.iter().map(|node| node.full.as_str()).collect::<Vec<_>>(), ["_cents"]);
    assert_eq!(unknown, ["gone.py"]);
    assert!(lines_of_diff("no diff\n@@ broken\n+x\n").is_empty());
    // A line of a class that is in none of its methods is the class's.
    let target = ask::target(&graph, "shop/ledger.py:5").unwrap();
    assert!(matches!(target, Target::One(node) if node.full == "Ledger"));
    let target = ask::target(&graph, "shop/ledger.py:9-10").unwrap();
    assert!(matches!(target, Target::One(node) if node.full == "Ledger::add"));
}

fn commit(n: i64, author: &str, files: &[&str]) -> CommitFact {
    CommitFact {
        id: format!("{n:040x}"),
        author: author.to_owned(),
        at_s: 1_700_000_000 + n * 86_400,
        subject: format!("change {n}"),
        files: files.iter().map(|file| (*file).to_owned()).collect(),
    }
}

/// A graph with a history: money.py by Ada often and lately, base.py once by Bo.
fn with_history() -> (tempfile::TempDir, ProjectGraph) {
    let (dir, mut graph) = project(PYTHON);
    let mut commits = vec![commit(300, "Ada", &["shop/base.py"])];
    commits.extend((100..105).rev().map(|n| commit(n, "Ada", &["shop/money.py"])));
    commits.push(commit(1, "Bo", &["shop/money.py", "shop/ledger.py", "no/such.py"]));
    graph.learn_commits(&commits, &format!("{:040x}", 300), Before::Other);
    (dir, graph)
}

#[test]
fn the_cause_of_a_red_test_is_near_and_changed_lately() {
    let (_dir, graph) = with_history();
    let test = ids(&graph, "test_total")[0];
    let found = ask::cause(&graph, test, &[], 10).unwrap();
    assert_eq!(found[0].node.full, "Base::total", "{found:#?}");
    assert_eq!(found[0].commit.as_ref().unwrap().1, "change 300");
    // What is edited just now is likelier than what is nearer.
    let test = ids(&graph, "test_round")[0];
    let calm = ask::cause(&graph, test, &[], 10).unwrap();
    let edited = ask::cause(&graph, test, &["shop/money.py".to_owned()], 10).unwrap();
    assert_eq!(calm[0].node.full, "round_up");
    assert!(edited[0].score > calm[0].score && edited[0].recent == 1.0);
    assert!(edited.iter().all(|one| !one.node.traits.for_tests));
}

#[test]
fn owners_and_hot_spots_follow_the_history() {
    let (_dir, mut graph) = with_history();
    let file = ids(&graph, "shop/money.py");
    let owners = ask::owners(&graph, &file).unwrap();
    assert_eq!(
        owners.owners.iter().map(|one| (one.name.as_str(), one.commits)).collect::<Vec<_>>(),
        [("Ada", 5), ("Bo", 1)]
    );
    assert!(owners.owners[0].share > 0.8);
    assert!(owners.episodes.is_empty());
    graph.learn_episodes(
        &[EpisodeFact {
            id: "m-1".to_owned(),
            request: "round up".to_owned(),
            files: vec!["shop/money.py".to_owned()],
            errors: vec!["AssertionError".to_owned()],
        }],
        1,
    );
    assert_eq!(ask::owners(&graph, &file).unwrap().episodes, [("m-1".to_owned(), "round up".to_owned())]);
    let hot = ask::hot(&graph, 10).unwrap();
    let paths: Vec<_> = hot.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(paths[0], "shop/money.py");
    assert_eq!((hot[0].commits, hot[0].used_by), (6, 2));
    // Another history takes the place of the first.
    graph.learn_commits(&[commit(1, "Cy", &["shop/base.py"])], "x", Before::Other);
    assert_eq!(ask::hot(&graph, 10).unwrap().len(), 1);
    assert_eq!(graph.size().commits, 1);
    let kept = ProjectGraph::of_bytes(&graph.to_bytes()).unwrap();
    assert_eq!(ask::hot(&kept, 10).unwrap(), ask::hot(&graph, 10).unwrap());
}

#[test]
fn a_path_is_told_step_by_step() {
    for (files, from, to, steps) in [
        (PYTHON, "test_total", "Base.check", vec!["test_total", "Base::total", "Base::check"]),
        (RUST, "main", "Part::put", vec!["main", "run", "Ledger::add", "Part::put"]),
        (SCRIPT, "puts", "cents", vec!["cart::puts", "Cart::put", "round", "cents"]),
        (GO, "main", "check.go::round", vec!["main", "Ledger::Add", "round"]),
        (JAVA, "adds", "Money.of", vec!["LedgerTest::adds", "Ledger::add", "Ledger::total", "Money::of"]),
    ] {
        let (_dir, graph) = project(files);
        let found = ask::path(&graph, &ids(&graph, from), &ids(&graph, to)).unwrap();
        let told: Vec<_> = found.iter().map(|step| step.node.full.as_str()).collect();
        assert_eq!(told, steps);
        assert!(found[0].by.is_none() && found[1..].iter().all(|step| step.by.is_some()));
    }
    let (_dir, graph) = project(PYTHON);
    assert!(ask::path(&graph, &ids(&graph, "_unused"), &ids(&graph, "Base")).unwrap().is_empty());
}

#[test]
fn similar_symbols_share_words_shape_and_what_they_use() {
    let (_dir, graph) = project(&[
        (
            "a.py",
            "def load_users(db):\n    out = []\n    for row in rows(db):\n        if row.ok:\n            out.append(user(row))\n    return out\n\ndef rows(db): pass\ndef user(r): pass\n",
        ),
        (
            "b.py",
            "from a import rows, user\n\ndef load_admins(store):\n    found = []\n    for one in rows(store):\n        if one.ok:\n            found.append(user(one))\n    return found\n\ndef save(path):\n    with open(path) as f:\n        f.write('x')\n",
        ),
    ]);
    let found = ask::similar(&graph, ids(&graph, "load_users")[0], 5).unwrap();
    assert_eq!(found[0].node.full, "load_admins");
    assert!(found[0].likeness > 0.7, "{found:#?}");
    assert!(found.iter().skip(1).all(|one| one.likeness < 0.5), "{found:#?}");
}

#[test]
fn dead_code_is_what_nothing_leads_to() {
    let names = |files: &[(&str, &str)], exported| -> Vec<String> {
        let (_dir, graph) = project(files);
        ask::dead(&graph, exported).unwrap().into_iter().map(|node| node.full).collect()
    };
    assert_eq!(names(PYTHON, Exported::IsNeeded), ["dumps", "_unused"].map(str::to_owned));
    assert_eq!(
        names(
            &[(
                "src/lib.rs",
                "pub fn out() { used() }\nfn used() {}\nfn dead() { deader() }\nfn deader() {}\n#[test]\nfn t() {}\n"
            )],
            Exported::IsNeeded
        ),
        ["dead", "deader"]
    );
    assert_eq!(
        names(
            &[("src/a.ts", "export function out() {}\nfunction dead() {}\nclass K { m() {} }\nnew K();\n")],
            Exported::IsNeeded
        ),
        ["dead", "K::m"]
    );
    assert_eq!(names(&[("src/a.ts", "export function out() {}\n")], Exported::MayBeDead), ["out"]);
    assert_eq!(
        names(
            &[("a.go", "package a\nfunc Out() {}\nfunc dead() {}\nfunc main() { live() }\nfunc live() {}\n")],
            Exported::IsNeeded
        ),
        ["dead"]
    );
    assert_eq!(
        names(
            &[(
                "A.java",
                "public class A {\n  public void out() { live(); }\n  private void dead() {}\n  private void live() {}\n}\n"
            )],
            Exported::IsNeeded
        ),
        ["A::dead"]
    );
    // A name that is used on something unknown may mean it.
    assert!(names(&[("a.py", "class K:\n    def odd(self): pass\nclass L:\n    def odd(self): pass\n    def even(self): pass\ndef test(x, *xs):\n    x.odd()\ntest(K(), L())\n")], Exported::IsNeeded).iter().all(|name| name != "K::odd"));
}

#[test]
fn edges_hold_from_a_commit_until_a_commit() {
    let (dir, mut graph) = project(PYTHON);
    let mut at = |text: &str, head: &str| {
        write(dir.path(), "shop/money.py", text);
        refresh(&mut graph, dir.path(), head).unwrap();
        let from = ids(&graph, "round_up")[0];
        let to = ids(&graph, "_cents")[0];
        let range = graph.range(from, to, EdgeKind::Calls).map(|range| range.from);
        (
            range,
            graph
                .ended()
                .map(|one| format!("{} {} {} {:?}", one.from, one.kind.name(), one.to, one.range))
                .collect::<Vec<_>>(),
        )
    };
    let (with, without) = (
        "def round_up(n): return _cents(n)\ndef _cents(n): return n\n",
        "def round_up(n): return n\ndef _cents(n): return n\n",
    );
    assert_eq!(at(without, "c1").0, None);
    assert_eq!(at(with, "c2"), (Some("c2".to_owned()), Vec::new()));
    assert_eq!(at(&format!("{with}# more\n"), "c3").0.as_deref(), Some("c2"));
    let (now, ended) = at(without, "c4");
    assert_eq!(now, None);
    assert_eq!(
        ended,
        ["shop/money.py::round_up calls shop/money.py::_cents Range { from: \"c2\", until: Some(\"c3\") }"]
    );
}

#[test]
fn what_is_drawn_is_the_same_each_time_and_well_formed() {
    let (_dir, graph) = project(PYTHON);
    let around = draw::around(&graph, &ids(&graph, "Ledger.add"), 2, 12).unwrap();
    assert!(around.nodes.len() <= 12 && around.lines.iter().all(|line| line.from < around.nodes.len()));
    assert!(around.nodes.iter().any(|node| node.full == "round_up"));
    let files = draw::files(&graph, 4).unwrap();
    assert_eq!((files.nodes.len(), files.left_out), (4, 3));
    let all = draw::all(&graph, usize::MAX).unwrap();
    assert_eq!(all.left_out, 0);
    for part in [&around, &files, &all] {
        let svg = draw::svg(part);
        assert_eq!(svg, draw::svg(part));
        assert_eq!(svg.matches("<g>").count(), part.nodes.len());
        assert_eq!(svg.matches("<path d=\"M").count(), part.lines.len() + 1);
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert_eq!(draw::dot(part).matches(" -> ").count(), part.lines.len());
        assert_eq!(draw::graphml(part).matches("<edge ").count(), part.lines.len());
    }
    // A graph of other numbers is drawn alike.
    let (_other, again) = project(&PYTHON.iter().rev().copied().collect::<Vec<_>>());
    let again = draw::around(&again, &ids(&again, "Ledger.add"), 2, 12).unwrap();
    assert_eq!(draw::svg(&again), draw::svg(&around));
}

#[test]
fn a_picture_of_circles_and_of_nothing_has_an_end() {
    let (_dir, graph) = project(&[("a.py", "def f(): g()\ndef g(): h()\ndef h(): f()\ndef k(): k()\n")]);
    let part = draw::all(&graph, usize::MAX).unwrap();
    assert_eq!(draw::svg(&part).matches("<g>").count(), 5);
    assert!(draw::svg(&draw::Part::default()).contains("0 nodes"));
}

#[test]
fn a_part_of_a_name_finds_what_has_it_and_says_how_much_more_there_is() {
    let (_dir, graph) = project(PYTHON);
    let names = |words: &str, most| {
        let (found, left_out) = ask::like(&graph, words, most).unwrap();
        (found.iter().map(|node| called(node.lend())).collect::<Vec<_>>(), left_out)
    };
    let (all, none) = names("LEDGER", usize::MAX);
    assert!(all[0].ends_with("::Ledger"), "{all:?}");
    assert!(all.contains(&"shop/ledger.py".to_owned()) && none == 0, "{all:?}");
    let (first, more) = names("ledger", 2);
    assert_eq!((first.as_slice(), more), (&all[..2], all.len() - 2));
    assert_eq!((names("no such thing", 9), names("  ", 9)), ((Vec::new(), 0), (Vec::new(), 0)));
}

#[test]
fn a_part_is_laid_out_within_its_size_and_a_line_is_nothing_but_numbers() {
    let (_dir, graph) = project(PYTHON);
    let part = draw::files(&graph, 10).unwrap();
    let laid = draw::lay(&part);
    assert_eq!((laid.spots.len(), laid.curves.len()), (part.nodes.len(), part.lines.len()));
    assert!(laid.spots.iter().all(|spot| spot.x + spot.width < laid.size.0 && spot.y < laid.size.1));
    let is_plain = |c: char| c.is_ascii_digit() || " MC".contains(c);
    assert!(laid.curves.iter().all(|curve| curve.path.chars().all(is_plain)), "{laid:?}");
}
