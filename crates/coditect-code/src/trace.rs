//! Which lines a test runs, for languages without an interpreter that tells: the sources are instrumented.
//!
//! The start of every block says once that it was reached, on standard error. That needs no tool of the language, works
//! the same in all of them, and costs one build. What is not in a block of its own (an arm without braces, a constant)
//! counts as run where the block around it ran.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use tree_sitter::Node;

use crate::languages::{Language, function_bodies, is_comment, test_regions};
use crate::repair::Source;
use crate::repair::schemata::{crate_roots, java_place};
use crate::suite::Lines;
use crate::syntax::{Splice, children, splice};

mod script;

/// What a reached block says, before its number, on a line of its own.
pub const MARK: &str = "\u{1}coditect-hit ";
/// Blocks that are instrumented at most; the likeliest files come first.
const MOST: usize = 50_000;

/// Instrumented sources.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// Files in place of the project's own, and new ones, by path.
    pub files: BTreeMap<String, String>,
    /// By number: the file, and the lines (from 1) that are the block's own.
    spots: Vec<(String, Vec<u32>)>,
    /// Lines that run when a file is loaded, where that is known.
    loading: Lines,
}

impl Trace {
    /// Instruments product sources. Empty where their language is none of those that are built.
    #[must_use]
    pub fn of(sources: &[Source]) -> Self {
        let mut trace = Self::default();
        for source in sources {
            let Some(language) = Language::of_path(&source.path).filter(|of| *of != Language::Python) else {
                continue;
            };
            trace.add(source, language);
        }
        trace.add_support(sources);
        trace
    }

    /// The lines of blocks with these numbers.
    #[must_use]
    pub fn lines(&self, hits: &[u32]) -> Lines {
        let mut lines: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
        for (path, own) in hits.iter().filter_map(|hit| self.spots.get(*hit as usize)) {
            lines.entry(path.clone()).or_default().extend(own);
        }
        lines.into_iter().map(|(path, own)| (path, own.into_iter().collect())).collect()
    }

    /// Lines of these files that run when they are loaded, as far as that is known.
    #[must_use]
    pub fn lines_of_loading(&self, files: &[&str]) -> Lines {
        let of = |file: &&str| Some(((*file).to_owned(), self.loading.get(*file)?.clone()));
        files.iter().filter_map(of).collect()
    }

    fn add_script(&mut self, source: &Source, language: Language, root: Node<'_>) {
        let spots = script::spots(root);
        let mut splices = Vec::new();
        for spot in &spots {
            if self.spots.len() >= MOST {
                break;
            }
            splices.extend(spot.splices(call(language, self.spots.len()).trim().trim_end_matches(';')));
            self.spots.push((source.path.clone(), spot.own_lines(&spots)));
        }
        self.loading.insert(source.path.clone(), script::lines_of_loading(root, &spots));
        splices.sort_by_key(|splice| splice.range.start);
        if let (false, Some(text)) = (splices.is_empty(), splice(&source.text, &splices)) {
            // One file that does not parse would keep all tests from being loaded.
            let tree = language.syntax().and_then(|mut syntax| syntax.parse(&text));
            if tree.is_some_and(|tree| !tree.root_node().has_error()) {
                self.files.insert(source.path.clone(), text);
            }
        }
    }

    fn add(&mut self, source: &Source, language: Language) {
        let Some(tree) = language.syntax().and_then(|mut syntax| syntax.parse(&source.text)) else { return };
        if tree.root_node().has_error() {
            return;
        }
        if language.is_script() {
            return self.add_script(source, language, tree.root_node());
        }
        let tests = test_regions(&source.text, &tree, language);
        let outside_tests = |at: usize| tests.iter().all(|test| !test.contains(&at));
        let mut splices = Vec::new();
        let bodies = function_bodies(&source.text, &tree, language);
        // What is computed while compiling can call nothing that prints.
        let constant: Vec<&Range<usize>> = bodies
            .iter()
            .filter(|body| body.special && language != Language::Java)
            .map(|body| &body.range)
            .collect();
        let in_body = |at: usize| bodies.iter().any(|body| body.range.contains(&at));
        let mut blocks = Vec::new();
        blocks_of(tree.root_node(), &mut blocks, 0);
        blocks.retain(|block| {
            let at = block.start_byte();
            in_body(at) && outside_tests(at) && constant.iter().all(|range| !range.contains(&at))
        });
        for block in &blocks {
            if self.spots.len() >= MOST {
                break;
            }
            let number = self.spots.len();
            let at = first_place(*block);
            splices.push(Splice { range: at..at, new: call(language, number) });
            self.spots.push((source.path.clone(), own_lines(*block, &blocks)));
        }
        if let (false, Some(text)) = (splices.is_empty(), splice(&source.text, &splices)) {
            self.files.insert(source.path.clone(), text);
        }
    }

    fn add_support(&mut self, sources: &[Source]) {
        let changed: Vec<String> = self.files.keys().cloned().collect();
        let of = |language| changed.iter().filter(move |path| Language::of_path(path) == Some(language));
        if of(Language::Rust).next().is_some() {
            for root in crate_roots(sources) {
                let text = self.files.get(&root).cloned();
                let text = text.or_else(|| sources.iter().find(|s| s.path == root).map(|s| s.text.clone()));
                self.files.insert(root, text.unwrap_or_default() + RUST);
            }
        }
        let packages: BTreeMap<String, String> = of(Language::Go)
            .filter_map(|path| {
                let package = self.files.get(path)?.lines().find_map(|line| line.strip_prefix("package "))?;
                let name = package.split_whitespace().next()?.to_owned();
                Some((path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/")), name))
            })
            .collect();
        for (folder, package) in packages {
            self.files.insert(format!("{folder}coditect_hit.go"), format!("package {package}\n{GO}"));
        }
        if let Some(path) = of(Language::Java).next() {
            let place = java_place(path, self.files.get(path).map_or("", String::as_str), "Hit");
            self.files.insert(place, java(self.spots.len()));
        }
    }
}

/// The numbers of blocks that a process reached, by what it printed.
#[must_use]
pub fn hits(stderr: &[u8]) -> Vec<u32> {
    let text = String::from_utf8_lossy(stderr);
    let numbers = text.split(MARK).skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..end].parse().ok()
    });
    numbers.collect::<BTreeSet<u32>>().into_iter().collect()
}

fn blocks_of<'t>(node: Node<'t>, found: &mut Vec<Node<'t>>, depth: u32) {
    if depth > 200 {
        return;
    }
    let is_block = matches!(node.kind(), "block" | "statement_block" | "constructor_body")
        && node.child(0).is_some_and(|child| child.kind() == "{");
    // Java's `case x:` with statements.
    let is_case = node.kind() == "switch_block_statement_group" && first_statement(node).is_some();
    if is_block || is_case {
        found.push(node);
    }
    for child in children(node) {
        // Macros are expanded from tokens: what looks like a block there may be none.
        if child.is_named() && !matches!(child.kind(), "macro_definition" | "token_tree") {
            blocks_of(child, found, depth + 1);
        }
    }
}

/// Where a block can first say that it was reached.
fn first_place(block: Node<'_>) -> usize {
    let first = first_statement(block);
    match block.kind() {
        // Nothing may come before Java's `this(...)` and `super(...)`.
        "constructor_body" => first
            .filter(|first| first.kind() == "explicit_constructor_invocation")
            .map_or(block.start_byte() + 1, |first| first.end_byte()),
        "switch_block_statement_group" => first.map_or(block.end_byte(), |first| first.start_byte()),
        _ => block.start_byte() + 1,
    }
}

fn first_statement(block: Node<'_>) -> Option<Node<'_>> {
    children(block)
        .into_iter()
        .find(|child| child.is_named() && !is_comment(*child) && child.kind() != "switch_label")
}

/// The lines of a block that belong to no block within it.
fn own_lines(block: Node<'_>, all: &[Node<'_>]) -> Vec<u32> {
    let rows = |node: Node<'_>| node.start_position().row..node.end_position().row + 1;
    let within = |inner: &&Node<'_>| {
        inner.id() != block.id()
            && block.start_byte() < inner.start_byte()
            && inner.end_byte() < block.end_byte()
    };
    let inner: Vec<Range<usize>> = all
        .iter()
        .filter(within)
        .map(|inner| {
            // The line that opens a block and the one that closes it belong to the block around it too.
            let closes = usize::from(inner.kind() != "switch_block_statement_group");
            let rows = rows(*inner);
            rows.start + 1..rows.end.saturating_sub(closes)
        })
        .collect();
    rows(block)
        .filter(|row| inner.iter().all(|inner| !inner.contains(row)))
        .filter_map(|row| u32::try_from(row + 1).ok())
        .collect()
}

fn call(language: Language, number: usize) -> String {
    match language {
        Language::Rust => format!(" crate::__coditect_trace::hit({number}u32); "),
        Language::Go => format!(" coditectHit({number}); "),
        Language::Java => format!(" coditect.Hit.at({number}); "),
        // The runner's part of ours defines it in the realm of the tests, and tells which test reached what.
        Language::JavaScript => format!(" globalThis.__coditect&&globalThis.__coditect({number}); "),
        Language::TypeScript | Language::Tsx => {
            format!(" (globalThis as any).__coditect&&(globalThis as any).__coditect({number}); ")
        }
        Language::Python => String::new(),
    }
}

const RUST: &str = "
#[doc(hidden)]
#[allow(warnings, clippy::all, missing_docs)]
pub mod __coditect_trace {
    extern crate std;
    use std::io::Write as _;
    pub fn hit(number: u32) {
        static SEEN: std::sync::Mutex<std::collections::BTreeSet<u32>> =
            std::sync::Mutex::new(std::collections::BTreeSet::new());
        let new = match SEEN.lock() {
            Ok(mut seen) => seen.insert(number),
            Err(poisoned) => poisoned.into_inner().insert(number),
        };
        if new {
            // Not by `eprintln!`, which a test captures.
            let _ = std::io::stderr().write_all(std::format!(\"\\u{1}coditect-hit {number}\\n\").as_bytes());
        }
    }
}
";

const GO: &str = "
import (
\t\"os\"
\t\"strconv\"
\t\"sync\"
)

var coditectSeen sync.Map

func coditectHit(number int) {
\tif _, seen := coditectSeen.LoadOrStore(number, true); !seen {
\t\tos.Stderr.WriteString(\"\\x01coditect-hit \" + strconv.Itoa(number) + \"\\n\")
\t}
}
";

/// Java's runner asks which blocks a test reached: it runs many tests in one process.
fn java(spots: usize) -> String {
    format!(
        "package coditect;

public final class Hit {{
    private static final boolean[] SEEN = new boolean[{spots}];

    public static void at(int number) {{
        SEEN[number] = true;
    }}

    public static java.util.List<Integer> seen() {{
        java.util.List<Integer> seen = new java.util.ArrayList<>();
        for (int i = 0; i < SEEN.length; i++) {{
            if (SEEN[i]) {{
                seen.add(i);
                SEEN[i] = false;
            }}
        }}
        return seen;
    }}
}}
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_says_that_it_was_reached() {
        let text = "fn f(a: i32) -> i32 {\n    if a > 0 {\n        return 1;\n    }\n    2\n}\nconst fn g() -> i32 { 1 }\n#[cfg(test)]\nmod tests { fn t() { } }\n";
        let trace = Trace::of(&[Source { path: "src/lib.rs".to_owned(), text: text.to_owned() }]);
        let new = &trace.files["src/lib.rs"];
        assert!(new.starts_with("fn f(a: i32) -> i32 { crate::__coditect_trace::hit(0u32); \n    if a > 0 { crate::__coditect_trace::hit(1u32); \n"), "{new}");
        assert_eq!(new.matches("::hit(").count(), 2);
        assert_eq!(trace.lines(&[0]), Lines::from([("src/lib.rs".to_owned(), vec![1, 2, 4, 5, 6])]));
        assert_eq!(trace.lines(&[1]), Lines::from([("src/lib.rs".to_owned(), vec![2, 3, 4])]));
        assert_eq!(hits("x\u{1}coditect-hit 12\ny\u{1}coditect-hit 3".as_bytes()), [3, 12]);
    }

    #[test]
    fn java_says_it_where_its_rules_allow_it() {
        let text = "class A {\n  A() {\n    super();\n    x = 1;\n  }\n  A(int y) { x = y; }\n  int f(int n) {\n    switch (n) {\n      case 1:\n      case 2:\n        return 3;\n      default:\n    }\n    return 0;\n  }\n}\n";
        let trace = Trace::of(&[Source { path: "A.java".to_owned(), text: text.to_owned() }]);
        let new = &trace.files["A.java"];
        assert!(new.contains("super(); coditect.Hit.at(0); \n"), "{new}");
        assert!(new.contains("A(int y) { coditect.Hit.at(1);  x = y; }"), "{new}");
        assert!(new.contains("case 2:\n         coditect.Hit.at(3); return 3;"), "{new}");
        assert!(trace.lines(&[0])["A.java"].contains(&4));
        assert!(trace.lines(&[3])["A.java"].contains(&11) && !trace.lines(&[2])["A.java"].contains(&11));
        assert!(trace.files["coditect/Hit.java"].contains("new boolean[4]"));
    }
}
