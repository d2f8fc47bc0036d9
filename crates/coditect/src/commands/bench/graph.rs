//! The knowledge graph of a large repository: made, kept, brought up to date after an edit, asked.

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use coditect_code::graph::facts;
use coditect_memory::graph::ask::{self, Exported};
use coditect_memory::graph::{Before, Changed, Changes, ProjectGraph, draw};
use coditect_memory::numbers::Numbers;
use coditect_ports::graph::Graph;
use coditect_types::ErrorKind;
use coditect_types::graph::{CommitFact, NodeId, NodeKind, Stamp};
use serde_json::json;

use super::{Figure, Measured};
use crate::args::GraphBenchArgs;
use crate::graphs::refresh;
use crate::report::{Doing, Report};

const DOING: &str = "measuring the graph";
/// Files of the repository that is made, and with `--quick`.
const FILES: [u32; 2] = [10_000, 1_000];
/// Edits of each kind, questions of each kind, and of those that look at everything.
const EDITS: usize = 200;
const ASKED: usize = 500;
const ASKED_ALL: usize = 30;
/// Commits that are drawn as the history.
const COMMITS: u64 = 1_000;
const AUTHORS: u64 = 12;

/// One module of the made repository: functions and a class that use those of others.
fn module(n: u64, files: u64, numbers: &mut Numbers) -> String {
    let mut text = String::new();
    let others: Vec<u64> = (0..4).map(|_| numbers.below(n.max(1)).min(files - 1)).collect();
    for other in &others {
        writeln!(text, "from pkg{}.mod{other} import step_{other}_0, Part{other}", other / 100).ok();
    }
    writeln!(text, "\nLIMIT_{n} = {}\n", numbers.below(1000)).ok();
    for at in 0..6 {
        let other = others[at % others.len()];
        writeln!(
            text,
            "def step_{n}_{at}(value, rate=LIMIT_{n}):\n    total = 0\n    for item in range(value):\n        if item % {} == 0:\n            \
             total += step_{other}_0(item) * rate\n        else:\n            total -= {}\n    return total\n",
            2 + numbers.below(9),
            if at > 0 { format!("step_{n}_{}(item)", at - 1) } else { "item".to_owned() },
        )
        .ok();
    }
    let base = others[0];
    let base = if base == n { String::new() } else { format!("(Part{base})") };
    writeln!(
        text,
        "class Part{n}{base}:\n    def __init__(self, size):\n        self.size = size\n        self.other = Part{}(size)\n\n    def grow(self, by):\n        \
         self.size += step_{n}_1(by)\n        return self.measure()\n\n    def measure(self):\n        return self.other.measure_all() + step_{n}_2(self.size)\n\n    \
         def measure_all(self):\n        return [step_{n}_3(one) for one in range(self.size)]\n",
        others[1]
    )
    .ok();
    text
}

fn test(n: u64) -> String {
    format!(
        "from pkg{}.mod{n} import step_{n}_5, Part{n}\n\ndef test_step_{n}():\n    assert step_{n}_5(3) >= 0\n\ndef test_part_{n}():\n    part = Part{n}(2)\n    \
         assert part.grow(1)\n",
        n / 100
    )
}

/// Writes a repository: one file of ten holds tests.
fn make(dir: &Path, files: u32, numbers: &mut Numbers) -> std::io::Result<()> {
    let tests = files / 10;
    let modules = u64::from(files - tests);
    std::fs::create_dir_all(dir.join("tests"))?;
    for n in 0..modules {
        let folder = dir.join(format!("pkg{}", n / 100));
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(format!("mod{n}.py")), module(n, modules, numbers))?;
    }
    for n in 0..u64::from(tests) {
        let of = n * 9 % modules;
        std::fs::write(dir.join(format!("tests/test_{of}.py")), test(of))?;
    }
    Ok(())
}

fn ms(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1e3
}

pub(super) fn measure(args: &GraphBenchArgs, quick: bool) -> Result<Measured, Report> {
    let mut numbers = Numbers::of(args.seed);
    let mut measured = Measured::default();
    let made =
        tempfile::tempdir().map_err(|error| Report::new(ErrorKind::Unavailable, DOING, error.to_string()))?;
    let dir: PathBuf = match &args.dir {
        Some(dir) => crate::environment::directory(dir)?,
        None => {
            let files = args.files.unwrap_or(FILES[usize::from(quick)]);
            make(made.path(), files, &mut numbers).map_err(|error| {
                Report::new(ErrorKind::Unavailable, "making a repository", error.to_string())
            })?;
            made.path().to_owned()
        }
    };
    measured.params.insert("made", json!(args.dir.is_none()));
    measured.params.insert("seed", json!(args.seed));
    let mut graph = ProjectGraph::default();
    let began = Instant::now();
    refresh(&mut graph, &dir, "").doing(DOING)?;
    measured.results.insert("build_s", Figure::One { unit: "s", value: began.elapsed().as_secs_f64() });
    let size = graph.size();
    if size.symbols == 0 {
        return Err(Report::new(
            ErrorKind::NotFound,
            DOING,
            format!("`{}` holds no code that is read", dir.display()),
        )
        .hint("name the top of an unpacked project"));
    }
    for (name, value) in
        [("files", size.files), ("symbols", size.symbols), ("tests", size.tests), ("edges", size.edges)]
    {
        measured.params.insert(name, json!(value));
    }
    kept(&mut graph, &dir, &mut measured)?;
    edits(&mut graph, &dir, &mut numbers, &mut measured);
    let commits = history(&graph, &mut numbers);
    graph.learn_commits(&commits, "drawn", Before::Other);
    questions(&graph, &mut numbers, &mut measured).doing(DOING)?;
    Ok(measured)
}

/// Written as bytes, read again, compared with the directory.
fn kept(graph: &mut ProjectGraph, dir: &Path, measured: &mut Measured) -> Result<(), Report> {
    let one = |unit, value| Figure::One { unit, value };
    let began = Instant::now();
    let bytes = graph.to_bytes();
    measured.results.insert("save_ms", one("ms", ms(began)));
    measured.results.insert("file_bytes", one("B", bytes.len() as f64));
    measured.results.insert("memory_bytes", one("B", graph.size().bytes as f64));
    let began = Instant::now();
    let read = ProjectGraph::of_bytes(&bytes);
    measured.results.insert("load_ms", one("ms", ms(began)));
    *graph = read.map_err(|why| Report::new(ErrorKind::Bug, DOING, why.to_string()))?;
    // Files that are young are read once more; the second look finds nothing to do.
    let mut looks = Vec::new();
    for _ in 0..5 {
        let began = Instant::now();
        refresh(graph, dir, "").doing(DOING)?;
        looks.push(ms(began));
    }
    let least = looks.into_iter().fold(f64::INFINITY, f64::min);
    measured.results.insert("look_ms", one("ms", least));
    Ok(())
}

/// A file is edited and put back: a line within a function, a function that is new. Nothing is written to the disk.
fn edits(graph: &mut ProjectGraph, dir: &Path, numbers: &mut Numbers, measured: &mut Measured) {
    let mut paths: Vec<String> = graph.files().map(|(path, ..)| path.to_owned()).collect();
    paths.sort_unstable();
    let mut times = [Vec::new(), Vec::new()];
    let mut looked_at = Vec::new();
    for n in 0..EDITS * 2 {
        let path = &paths[numbers.below(paths.len() as u64) as usize];
        let Ok(text) = std::fs::read_to_string(dir.join(path)) else { continue };
        let (kind, more) = match n % 2 {
            0 => (0, "\n\n".to_owned()),
            _ if path.ends_with(".py") => (1, format!("\n\ndef added_{n}(value):\n    return value\n")),
            _ => continue,
        };
        let edited = format!("{text}{more}");
        let began = Instant::now();
        let Some(facts) = facts(path, &edited) else { continue };
        let changed = Changed { path: path.clone(), hash: [0; 16], stamp: Stamp::default(), facts };
        let updated = graph.update(Changes { changed: vec![changed], ..Changes::default() });
        times[kind].push(ms(began));
        looked_at.push(updated.looked_at as f64);
        if let Some(facts) = coditect_code::graph::facts(path, &text) {
            let changed = Changed { path: path.clone(), hash: [1; 16], stamp: Stamp::default(), facts };
            graph.update(Changes { changed: vec![changed], ..Changes::default() });
        }
    }
    let [lines, symbols] = &mut times;
    measured.results.insert("increment_ms", Figure::spread("ms", lines));
    if !symbols.is_empty() {
        measured.results.insert("increment_symbol_ms", Figure::spread("ms", symbols));
    }
    measured.results.insert("increment_files", Figure::spread("1", &mut looked_at));
}

/// A history that is drawn, so that every question has an answer: a few files in each commit, some far more often.
fn history(graph: &ProjectGraph, numbers: &mut Numbers) -> Vec<CommitFact> {
    let mut paths: Vec<&str> = graph.files().map(|(path, ..)| path).collect();
    paths.sort_unstable();
    let commit = |n: u64, numbers: &mut Numbers| {
        let count = 1 + numbers.below(6);
        let files = (0..count).map(|_| {
            let end = (paths.len() as u64 >> numbers.below(6)).max(1);
            paths[numbers.below(end) as usize].to_owned()
        });
        let files = files.collect();
        CommitFact {
            id: format!("{n:040x}"),
            author: format!("author {}", numbers.below(AUTHORS)),
            at_s: 1_800_000_000 - n as i64 * 7_200,
            subject: format!("change {n}"),
            files,
        }
    };
    (0..COMMITS).map(|n| commit(n, numbers)).collect()
}

type Answer = Result<(), coditect_ports::PortError>;

fn questions(graph: &ProjectGraph, numbers: &mut Numbers, measured: &mut Measured) -> Answer {
    let (mut symbols, mut tests, mut files): (Vec<NodeId>, Vec<NodeId>, Vec<NodeId>) = Default::default();
    graph.scan(&mut |node| match node.kind {
        NodeKind::Test => tests.push(node.id),
        NodeKind::File => files.push(node.id),
        NodeKind::Function | NodeKind::Method | NodeKind::Type => symbols.push(node.id),
        NodeKind::Value
        | NodeKind::Module
        | NodeKind::Dependency
        | NodeKind::Commit
        | NodeKind::Author
        | NodeKind::Episode
        | NodeKind::Error => {}
    })?;
    let draw_one = |numbers: &mut Numbers, all: &[NodeId]| all[numbers.below(all.len() as u64) as usize];
    let mut reached = Vec::new();
    let mut ask = |name: &'static str, count: usize, question: &mut dyn FnMut() -> Answer| -> Answer {
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            let began = Instant::now();
            question()?;
            times.push(ms(began));
        }
        measured.results.insert(name, Figure::spread("ms", &mut times));
        Ok(())
    };
    ask("impact_symbol_ms", ASKED, &mut || {
        let impact = ask::impact(graph, &[draw_one(numbers, &symbols)])?;
        reached.push((impact.symbols.len() + impact.tests.len()) as f64);
        Ok(())
    })?;
    ask("impact_file_ms", ASKED, &mut || {
        black_box(ask::impact(graph, &[draw_one(numbers, &files)])?);
        Ok(())
    })?;
    if !tests.is_empty() {
        ask("cause_ms", ASKED, &mut || {
            black_box(ask::cause(graph, draw_one(numbers, &tests), &[], 10)?);
            Ok(())
        })?;
    }
    ask("path_ms", ASKED, &mut || {
        black_box(ask::path(graph, &[draw_one(numbers, &symbols)], &[draw_one(numbers, &symbols)])?);
        Ok(())
    })?;
    ask("owners_ms", ASKED, &mut || {
        black_box(ask::owners(graph, &[draw_one(numbers, &files)])?);
        Ok(())
    })?;
    ask("around_ms", ASKED, &mut || {
        black_box(draw::svg(&draw::around(graph, &[draw_one(numbers, &symbols)], 2, 60)?));
        Ok(())
    })?;
    ask("similar_ms", ASKED_ALL * 4, &mut || {
        black_box(ask::similar(graph, draw_one(numbers, &symbols), 10)?);
        Ok(())
    })?;
    ask("hot_ms", ASKED_ALL, &mut || {
        black_box(ask::hot(graph, 20)?);
        Ok(())
    })?;
    ask("dead_ms", ASKED_ALL, &mut || {
        black_box(ask::dead(graph, Exported::IsNeeded)?);
        Ok(())
    })?;
    measured.results.insert("reached_symbols", Figure::spread("1", &mut reached));
    Ok(())
}
