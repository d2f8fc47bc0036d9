//! Projects that are made so that a search through them would never end.

use std::fmt::Write as _;

use coditect_memory::graph::ProjectGraph;

use super::{has, has_not, project, refresh, told, write};

/// A search that tries every way comes to no end here: that a test ends is what it shows.
fn made(files: &[(String, String)]) -> (tempfile::TempDir, ProjectGraph) {
    let lent: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    project(&lent)
}

#[test]
fn stars_in_circles_are_followed_once() {
    let count = 40;
    let file = |n: usize| {
        let mut text = String::new();
        (0..count)
            .filter(|other| *other != n)
            .for_each(|other| writeln!(text, "from m{other} import *").unwrap());
        writeln!(text, "def own_{n}(): return own_{}() + nowhere_{n}()", (n + 1) % count).unwrap();
        (format!("m{n}.py"), text)
    };
    let (dir, mut graph) = made(&(0..count).map(file).collect::<Vec<_>>());
    has(&graph, &["m3.py::own_3 calls m4.py::own_4", "m39.py::own_39 calls m0.py::own_0"]);
    // After an edit it is what it would be anew.
    write(dir.path(), "m4.py", "from m5 import *\ndef other(): pass\n");
    refresh(&mut graph, dir.path(), "").unwrap();
    has_not(&graph, &["m3.py::own_3 calls m4.py::own_4"]);
    let mut fresh = ProjectGraph::default();
    refresh(&mut fresh, dir.path(), "").unwrap();
    assert_eq!(told(&graph), told(&fresh));
}

#[test]
fn a_name_that_all_pass_on_to_all_is_looked_for_once() {
    let count = 40;
    let python = |n: usize| {
        let mut text = String::new();
        (0..count)
            .filter(|other| *other != n)
            .for_each(|other| writeln!(text, "from p{other} import thing").unwrap());
        writeln!(text, "def use_{n}(): return thing()").unwrap();
        (format!("p{n}.py"), text)
    };
    let script = |n: usize| {
        let mut text = String::new();
        (0..count)
            .filter(|other| *other != n)
            .for_each(|other| writeln!(text, "export * from './s{other}';").unwrap());
        writeln!(
            text,
            "import {{ what }} from './s{}';\nexport function f{n}() {{ what(); }}",
            (n + 1) % count
        )
        .unwrap();
        (format!("s{n}.ts"), text)
    };
    let rust = |n: usize| {
        let mut text = String::new();
        (0..count).filter(|other| *other != n).for_each(|other| {
            writeln!(text, "pub use crate::r{other}::*;\npub use crate::r{other}::inner::thing;").unwrap()
        });
        writeln!(text, "fn f{n}() {{ thing(); crate::r0::what(); }}").unwrap();
        (format!("src/r{n}.rs"), text)
    };
    let mut files: Vec<(String, String)> =
        (0..count).map(python).chain((0..count).map(script)).chain((0..count).map(rust)).collect();
    let mods: String = (0..count).map(|n| format!("pub mod r{n};\n")).collect();
    files.push(("src/lib.rs".to_owned(), mods));
    let (_dir, graph) = made(&files);
    assert!(graph.size().files > 3 * count);
}

#[test]
fn a_long_chain_of_stars_is_followed_to_its_end() {
    let count = 3_000;
    let file = |n: usize| {
        let text = if n + 1 == count {
            "def far(): pass\n".to_owned()
        } else {
            format!("from m{} import *\ndef f{n}(): far()\n", n + 1)
        };
        (format!("m{n}.py"), text)
    };
    let (_dir, graph) = made(&(0..count).map(file).collect::<Vec<_>>());
    has(&graph, &["m0.py::f0 calls m2999.py::far"]);
}

#[test]
fn types_that_are_made_from_many_that_are_made_from_many_are_looked_into_once() {
    let mut text = String::new();
    for layer in 0..12 {
        for n in 0..12 {
            let bases: Vec<String> = (0..12).map(|base| format!("K{}_{base}", layer + 1)).collect();
            let bases = if layer == 11 { String::new() } else { format!("({})", bases.join(", ")) };
            writeln!(
                text,
                "class K{layer}_{n}{bases}:\n    def own_{layer}_{n}(self): return self.nowhere()"
            )
            .unwrap();
        }
    }
    writeln!(text, "def far(): return K0_0().own_11_11()").unwrap();
    let (_dir, graph) = made(&[("a.py".to_owned(), text)]);
    has(&graph, &["a.py::far calls a.py::K11_11::own_11_11"]);
}
