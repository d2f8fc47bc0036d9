//! Many candidates in one build: program schemata.
//!
//! Compiled languages pay seconds for a build and milliseconds for a test. So the candidates of a batch are woven into
//! one program: the body of each function that candidates change becomes a choice between its copies, one for each
//! candidate and one as it was, and a number in the environment says which one runs. (After "mutant schemata": Untch,
//! Offutt, Harrold, "Mutation analysis using mutant schemata", 1993; here whole bodies are chosen, so that nothing need
//! be known of types.) A candidate that does not compile is found by the lines that the compiler names, and left out of
//! the next build.
//!
//! What a woven program says is a hint for the search, no proof: whoever accepts a change builds it as it will be.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::languages::{Body, Language, function_bodies};
use crate::repair::{Candidate, Edit, Source};
use crate::syntax::{Splice, children, splice};

/// The variable of the environment that says which candidate runs.
pub const PICK: &str = "CODITECT_PICK";

/// Bytes of source of a Java method with all its copies: it may have 64 KiB of code, and most methods have less than a
/// third of their source. (The compiler refuses a longer one.)
const JAVA_BYTES: usize = 120_000;

/// Candidates woven into one program.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    /// Files in place of the project's own, and new ones, by path.
    pub files: BTreeMap<String, String>,
    /// Candidates (by their place in the list) that are in it.
    pub members: BTreeSet<usize>,
    /// Lines of each file, from 1, that are a candidate's own.
    lines: BTreeMap<String, Vec<(Range<u32>, usize)>>,
    /// Lines of bodies as they were, with the byte where each begins in its file.
    bases: BTreeMap<String, Vec<(Range<u32>, usize)>>,
}

/// What a weave leaves out, since it does not compile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Without {
    /// Candidates, by their place in the list.
    pub candidates: BTreeSet<usize>,
    /// Bodies as they are in the sources: by file, and the byte where they begin. Only candidates in them can run.
    pub bodies: BTreeSet<(String, usize)>,
}

impl Schema {
    /// The candidate whose copy holds a line.
    #[must_use]
    pub fn owner(&self, path: &str, line: u32) -> Option<usize> {
        self.lines.get(path)?.iter().find(|(lines, _)| lines.contains(&line)).map(|(_, candidate)| *candidate)
    }

    /// Where the copies lie: candidate, file, and whole lines from 1.
    pub fn arms(&self) -> impl Iterator<Item = (usize, &str, Range<u32>)> {
        self.lines.iter().flat_map(|(path, arms)| {
            arms.iter().map(move |(lines, number)| (*number, path.as_str(), lines.clone()))
        })
    }

    /// The body whose own text holds a line: the byte where it begins in its file. A candidate's copy of a function within
    /// it is no part of its own text.
    #[must_use]
    pub fn base(&self, path: &str, line: u32) -> Option<usize> {
        if self.owner(path, line).is_some() {
            return None;
        }
        let bases = self.bases.get(path)?;
        let around = bases.iter().filter(|(lines, _)| lines.contains(&line));
        around.min_by_key(|(lines, _)| lines.len()).map(|(_, body)| *body)
    }
}

/// Whether a language's candidates can be woven.
#[must_use]
pub fn is_woven(language: Language) -> bool {
    matches!(language, Language::Rust | Language::Go | Language::Java)
}

/// Weaves the candidates that are not in `without`. One with an edit that is in no body of a function is left out; so are
/// those in bodies that cannot be a choice (see [`Body::special`]). One with edits in several bodies is chosen in each.
#[must_use]
pub fn weave(sources: &[Source], candidates: &[&Candidate], without: &Without) -> Schema {
    let mut schema = Schema::default();
    let wanted: Vec<usize> = (0..candidates.len())
        .filter(|n| !without.candidates.contains(n) && !candidates[*n].edits.is_empty())
        .collect();
    let paths: BTreeSet<&str> =
        wanted.iter().flat_map(|n| candidates[*n].edits.iter().map(|edit| &*edit.path)).collect();
    let mut files: BTreeMap<&str, (Vec<Body>, Language, &str)> = BTreeMap::new();
    for path in paths {
        let Some(source) = sources.iter().find(|source| source.path == path) else { continue };
        let Some(language) = Language::of_path(path).filter(|language| is_woven(*language)) else { continue };
        let Some(tree) = language.syntax().and_then(|mut syntax| syntax.parse(&source.text)) else {
            continue;
        };
        files.insert(path, (function_bodies(&source.text, &tree, language), language, &source.text));
    }
    let mut looms: BTreeMap<&str, Loom<'_>> = files
        .iter()
        .map(|(path, (bodies, language, text))| {
            let is_broken = |body: &Body| without.bodies.contains(&((*path).to_owned(), body.range.start));
            let broken: BTreeSet<usize> = (0..bodies.len()).filter(|n| is_broken(&bodies[*n])).collect();
            let by_body = broken.iter().map(|body| (*body, Vec::new())).collect();
            (*path, Loom { language: *language, path, text, bodies, by_body, broken, candidates })
        })
        .collect();
    for n in wanted {
        let Some(places) = places_of(&looms, candidates[n]) else { continue };
        for (path, body) in places {
            if let Some(loom) = looms.get_mut(path) {
                loom.by_body.entry(body).or_default().push(n);
            }
        }
        schema.members.insert(n);
    }
    for (path, mut loom) in looms {
        loom.by_body.retain(|_, mine| !mine.is_empty());
        if loom.by_body.is_empty() {
            continue;
        }
        let mut out = Woven::default();
        loom.range(0..loom.text.len(), &mut out);
        schema.files.insert(path.to_owned(), out.text);
        schema.lines.insert(path.to_owned(), out.lines);
        schema.bases.insert(path.to_owned(), out.bases);
    }
    add_support(sources, &mut schema.files);
    schema
}

/// The bodies that a candidate's edits are in, by file. None: one is in no body that can be a choice.
fn places_of<'c>(
    looms: &BTreeMap<&str, Loom<'_>>,
    candidate: &'c Candidate,
) -> Option<BTreeSet<(&'c str, usize)>> {
    let mut places: BTreeSet<(&str, usize)> = BTreeSet::new();
    for edit in &candidate.edits {
        let path: &str = &edit.path;
        places.insert((path, looms.get(path)?.body_of(&edit.range)?));
    }
    // A copy holds all that is within it.
    let all = places.clone();
    places.retain(|(path, body)| {
        let range = |body: &usize| looms.get(path).map_or(0..0, |loom| loom.bodies[*body].range.clone());
        let inner = range(body);
        let holds = |outer: Range<usize>| outer.start < inner.start && inner.end < outer.end;
        !all.iter().any(|(other, outer)| other == path && holds(range(outer)))
    });
    let fits = |(path, body): &(&str, usize)| looms.get(path).is_some_and(|loom| loom.has_room(*body));
    places.iter().all(fits).then_some(places)
}

/// A file as it is woven.
#[derive(Default)]
struct Woven {
    text: String,
    lines: Vec<(Range<u32>, usize)>,
    bases: Vec<(Range<u32>, usize)>,
    /// Line breaks so far.
    breaks: u32,
}

impl Woven {
    fn push(&mut self, text: &str) {
        self.breaks += u32::try_from(text.bytes().filter(|byte| *byte == b'\n').count()).unwrap_or(0);
        self.text.push_str(text);
    }
}

struct Loom<'a> {
    language: Language,
    path: &'a str,
    text: &'a str,
    bodies: &'a [Body],
    by_body: BTreeMap<usize, Vec<usize>>,
    /// Bodies that do not compile as they are.
    broken: BTreeSet<usize>,
    candidates: &'a [&'a Candidate],
}

impl Loom<'_> {
    /// The innermost body that holds an edit, if it can be a choice.
    fn body_of(&self, edit: &Range<usize>) -> Option<usize> {
        let holds = |body: &Body| body.range.start < edit.start && edit.end < body.range.end;
        let inner = (0..self.bodies.len())
            .filter(|n| holds(&self.bodies[*n]))
            .min_by_key(|n| self.bodies[*n].range.len())?;
        let body = &self.bodies[inner];
        // Each copy of a body has an opaque type of its own, so that they cannot be arms of one choice.
        let opaque = self.language == Language::Rust
            && self
                .text
                .get(body.whole.start..body.range.start)
                .is_some_and(|signature| signature.contains("-> impl "));
        (!body.special && !opaque).then_some(inner)
    }

    /// Whether one more copy of a body fits, see [`JAVA_BYTES`].
    fn has_room(&self, body: usize) -> bool {
        let copies = self.by_body.get(&body).map_or(0, Vec::len);
        self.language != Language::Java || (copies + 3) * self.bodies[body].range.len() <= JAVA_BYTES
    }

    /// The text of a range, with the bodies within it woven.
    fn range(&self, range: Range<usize>, out: &mut Woven) {
        let mut at = range.start;
        let outermost = |body: &Body| range.start <= body.range.start && body.range.end <= range.end;
        for (n, body) in
            self.bodies.iter().enumerate().filter(|(n, body)| self.is_woven_in(*n) && outermost(body))
        {
            if body.range.start < at {
                // Within one that is done.
                continue;
            }
            out.push(&self.text[at..body.range.start]);
            self.body(n, out);
            at = body.range.end;
        }
        out.push(&self.text[at..range.end]);
    }

    /// True for a body that is a choice or holds one.
    fn is_woven_in(&self, n: usize) -> bool {
        let range = &self.bodies[n].range;
        let within = |inner: &usize| {
            let inner = &self.bodies[*inner].range;
            range.start <= inner.start && inner.end <= range.end
        };
        self.by_body.keys().any(within)
    }

    fn body(&self, n: usize, out: &mut Woven) {
        let range = self.bodies[n].range.clone();
        let Some(mine) = self.by_body.get(&n) else {
            // Only bodies within it are choices.
            out.push("{");
            self.range(range.start + 1..range.end, out);
            return;
        };
        // The arms of Rust's choice must be of one type, and the first one says which: that is the body as it is, so that the
        // compiler names a copy of another type, and not whatever comes after it.
        let (open, close) = match self.language {
            Language::Rust => ("{ match crate::__coditect::pick() {\n", "_ => panic!(),\n} }"),
            Language::Go => ("{ switch coditectPick {\n", "\n} }"),
            Language::Python
            | Language::JavaScript
            | Language::TypeScript
            | Language::Tsx
            | Language::Java => ("{ ", " }"),
        };
        out.push(open);
        let copies: Vec<(usize, String)> =
            mine.iter().filter_map(|number| Some((*number, self.copy(&range, *number)?))).collect();
        if self.language == Language::Rust {
            let numbers: Vec<String> = copies.iter().map(|(number, _)| format!("{number}u32")).collect();
            let guard = if numbers.is_empty() {
                String::new()
            } else {
                format!(" if !matches!(pick, {})", numbers.join(" | "))
            };
            out.push(&format!("pick{guard} => "));
            self.own(n, &range, out);
            out.push("\n");
        }
        for (number, copy) in copies {
            out.push(&match self.language {
                Language::Rust => format!("{number}u32 =>\n"),
                Language::Go => format!("case {number}:\n"),
                Language::Python
                | Language::JavaScript
                | Language::TypeScript
                | Language::Tsx
                | Language::Java => format!("if (coditect.Pick.is({number}))\n"),
            });
            let first = out.breaks + 1;
            out.push(&copy);
            out.lines.push((first..out.breaks + 2, number));
            out.push(if self.language == Language::Java { "\nelse " } else { "\n" });
        }
        match self.language {
            Language::Rust => {}
            Language::Go => {
                out.push("default:\n");
                self.own(n, &range, out);
            }
            Language::Python
            | Language::JavaScript
            | Language::TypeScript
            | Language::Tsx
            | Language::Java => self.own(n, &range, out),
        }
        out.push(close);
    }

    /// A body as it is, but for the choices within it.
    fn own(&self, n: usize, range: &Range<usize>, out: &mut Woven) {
        if self.broken.contains(&n) {
            out.push(match self.language {
                Language::Rust => "panic!(),",
                Language::Go => "panic(\"coditect\")",
                Language::Python
                | Language::JavaScript
                | Language::TypeScript
                | Language::Tsx
                | Language::Java => "throw new IllegalStateException();",
            });
            return;
        }
        let first = out.breaks + 1;
        out.push("{");
        self.range(range.start + 1..range.end, out);
        out.bases.push((first..out.breaks + 2, range.start));
    }

    /// A body as a candidate has it.
    fn copy(&self, range: &Range<usize>, number: usize) -> Option<String> {
        let within = |edit: &&Edit| {
            &*edit.path == self.path && range.start < edit.range.start && edit.range.end < range.end
        };
        let splices: Vec<Splice> = self.candidates[number]
            .edits
            .iter()
            .filter(within)
            .map(|edit| Splice {
                range: edit.range.start - range.start..edit.range.end - range.start,
                new: edit.new.clone(),
            })
            .collect();
        let copy = splice(self.text.get(range.clone())?, &splices)?;
        Some(if self.language == Language::Go { with_own_labels(copy, number) } else { copy })
    }
}

/// A body of Go with its labels renamed: a function may have each of them but once.
fn with_own_labels(copy: String, number: usize) -> String {
    const HEAD: &str = "package p\n\nfunc f() ";
    let has_label =
        copy.contains(':') && ["break ", "continue ", "goto "].iter().any(|word| copy.contains(word));
    if !has_label {
        return copy;
    }
    let whole = format!("{HEAD}{copy}\n");
    let Some(tree) = Language::Go.syntax().and_then(|mut syntax| syntax.parse(&whole)) else { return copy };
    let mut labels = Vec::new();
    let mut stack = vec![tree.root_node()];
    while let Some(node) = stack.pop() {
        if node.kind() == "label_name" {
            let at = node.end_byte() - HEAD.len();
            labels.push(Splice { range: at..at, new: format!("_coditect{number}") });
        }
        stack.extend(children(node));
    }
    labels.sort_by_key(|label| label.range.start);
    splice(&copy, &labels).unwrap_or(copy)
}

/// Adds what the choices ask.
fn add_support(sources: &[Source], files: &mut BTreeMap<String, String>) {
    let changed: Vec<String> = files.keys().cloned().collect();
    let of = |language| changed.iter().filter(move |path| Language::of_path(path) == Some(language));
    if of(Language::Rust).next().is_some() {
        for root in crate_roots(sources) {
            let text = files.get(&root).cloned();
            let text = text.or_else(|| sources.iter().find(|s| s.path == root).map(|s| s.text.clone()));
            files.insert(root, text.unwrap_or_default() + RUST_SUPPORT);
        }
    }
    let packages: BTreeSet<(String, String)> = of(Language::Go)
        .filter_map(|path| {
            let text = &files.get(path)?;
            let package = text.lines().find_map(|line| line.strip_prefix("package "))?;
            let name = package.split_whitespace().next()?.to_owned();
            Some((path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/")), name))
        })
        .collect();
    for (folder, package) in packages {
        files.insert(format!("{folder}coditect_pick.go"), go_support(&package));
    }
    if let Some(path) = of(Language::Java).next() {
        files.insert(
            java_place(path, files.get(path).map_or("", String::as_str), "Pick"),
            JAVA_SUPPORT.to_owned(),
        );
    }
}

/// Files at the root of a crate, by cargo's conventions: a file of the project that others hang on by `mod`.
pub(crate) fn crate_roots(sources: &[Source]) -> Vec<String> {
    let is_root = |path: &str| {
        let parts: Vec<&str> = path.split('/').collect();
        matches!(
            parts.as_slice(),
            [.., "src", "lib.rs" | "main.rs"]
                | [.., "src", "bin", _]
                | [.., "src", "bin", _, "main.rs"]
                | ["lib.rs" | "main.rs"]
        )
    };
    sources.iter().map(|source| &source.path).filter(|path| is_root(path)).cloned().collect()
}

const RUST_SUPPORT: &str = "
#[doc(hidden)]
#[allow(warnings, clippy::all, missing_docs)]
pub mod __coditect {
    extern crate std;
    pub fn pick() -> u32 {
        static PICK: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
        *PICK.get_or_init(|| {
            let named = std::env::var(\"CODITECT_PICK\").ok();
            named.and_then(|text| text.parse().ok()).unwrap_or(u32::MAX)
        })
    }
}
";

fn go_support(package: &str) -> String {
    format!(
        "package {package}\n\nimport (\n\t\"os\"\n\t\"strconv\"\n)\n\nvar coditectPick = func() int {{\n\tnumber, err := \
         strconv.Atoi(os.Getenv(\"CODITECT_PICK\"))\n\tif err != nil {{\n\t\treturn -1\n\t}}\n\treturn number\n}}()\n"
    )
}

/// Old projects are compiled as Java 7, so it has no lambdas. A process that tries many candidates sets `at`, and asks beforehand which choices are made while classes are
/// initialised (`early`): that happens once, so that these candidates need classes of their own.
const JAVA_SUPPORT: &str = "package coditect;

public final class Pick {
    public static volatile int at = read();
    public static volatile java.util.Set<Integer> early;

    public static boolean is(int number) {
        java.util.Set<Integer> found = early;
        if (found != null && isEarly()) {
            found.add(number);
        }
        return at == number;
    }

    private static boolean isEarly() {
        for (StackTraceElement frame : new Throwable().getStackTrace()) {
            if (frame.getMethodName().equals(\"<clinit>\")) {
                return true;
            }
        }
        return false;
    }

    private static int read() {
        String named = System.getProperty(\"coditect.pick\", System.getenv(\"CODITECT_PICK\"));
        return named == null ? -1 : Integer.parseInt(named);
    }
}
";

/// Where a class of the package `coditect` lies, seen from another file of the same sources.
pub(crate) fn java_place(path: &str, text: &str, class: &str) -> String {
    let package = text.lines().find_map(|line| line.trim().strip_prefix("package ")?.strip_suffix(';'));
    let depth = package.map_or(0, |package| package.trim().split('.').count());
    let mut folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    for _ in 0..depth {
        folder = folder.rsplit_once('/').map_or("", |(above, _)| above);
    }
    if folder.is_empty() {
        format!("coditect/{class}.java")
    } else {
        format!("{folder}/coditect/{class}.java")
    }
}

#[cfg(test)]
mod tests;
