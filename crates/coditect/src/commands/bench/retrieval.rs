//! Functions that people look for in their own words: where memory puts the right one.

use std::path::Path;
use std::time::Instant;

use coditect_memory::{Index, Part, code};
use coditect_types::ErrorKind;
use serde::Deserialize;
use serde_json::json;

use super::{Figure, Measured};
use crate::args::RetrievalArgs;
use crate::report::Report;

/// The files of the set.
const FUNCTIONS: &str = "cosqa-functions.jsonl";
const QUERIES: &str = "cosqa-dev-queries.jsonl";
/// Ranks that are looked at; what comes later counts nothing.
const DEEPEST: usize = 1_000;

#[derive(Deserialize)]
struct Function {
    id: u64,
    code: String,
}

#[derive(Deserialize)]
struct Query {
    query: String,
    relevant: u64,
}

fn read<T: for<'d> Deserialize<'d>>(dir: &Path, name: &str) -> Result<Vec<T>, Report> {
    let path = dir.join(name);
    let report = |cause: String| {
        Report::new(ErrorKind::Invalid, format!("reading `{}`", path.display()), cause)
            .hint("name the folder that holds `cosqa-functions.jsonl` and `cosqa-dev-queries.jsonl`")
    };
    let text = std::fs::read_to_string(&path).map_err(|error| report(error.to_string()))?;
    let line = |(n, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| report(format!("line {}: {error}", n + 1)))
    };
    text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()).map(line).collect()
}

/// What the ranks of the right answers come to.
#[derive(Default)]
struct Ranks {
    inverse: f64,
    in_ten: usize,
    asked: usize,
}

impl Ranks {
    fn take(&mut self, rank: Option<usize>) {
        self.asked += 1;
        self.inverse += rank.map_or(0.0, |rank| 1.0 / rank as f64);
        self.in_ten += usize::from(rank.is_some_and(|rank| rank <= 10));
    }

    fn mean(&self) -> f64 {
        self.inverse / self.asked.max(1) as f64
    }

    fn recall(&self) -> f64 {
        self.in_ten as f64 / self.asked.max(1) as f64
    }
}

pub(super) fn measure(args: &RetrievalArgs) -> Result<Measured, Report> {
    let functions: Vec<Function> = read(&args.dir, FUNCTIONS)?;
    let queries: Vec<Query> = read(&args.dir, QUERIES)?;
    let mut ours = Index::default();
    let mut plain = Index::default();
    let began = Instant::now();
    for function in &functions {
        ours.insert(&code::parts(&function.code));
    }
    ours.learn();
    let build_s = began.elapsed().as_secs_f64();
    for function in &functions {
        plain.insert(&[Part { text: &function.code, weight: 1 }]);
    }
    let (mut both, mut words, mut alone, mut times) =
        (Ranks::default(), Ranks::default(), Ranks::default(), Vec::new());
    for query in &queries {
        let rank = |hits: &[coditect_memory::Hit]| {
            let is_right = |hit: &coditect_memory::Hit| {
                functions.get(hit.text as usize).is_some_and(|function| function.id == query.relevant)
            };
            hits.iter().position(is_right).map(|at| at + 1)
        };
        let began = Instant::now();
        drop(ours.search(&query.query, 10));
        times.push(began.elapsed().as_secs_f64() * 1e3);
        both.take(rank(&ours.search(&query.query, DEEPEST)));
        words.take(rank(&ours.by_words(&query.query, DEEPEST)));
        alone.take(rank(&plain.by_words(&query.query, DEEPEST)));
    }
    let mut measured = Measured::default();
    measured.params.insert("functions", json!(functions.len()));
    measured.params.insert("queries", json!(queries.len()));
    let mut note = |name, unit, value| {
        measured.results.insert(name, Figure::One { unit, value });
    };
    note("build_s", "s", build_s);
    note("mrr", "1", both.mean());
    note("recall_at_10", "1", both.recall());
    note("mrr_by_words", "1", words.mean());
    note("mrr_bm25", "1", alone.mean());
    note("recall_at_10_bm25", "1", alone.recall());
    measured.results.insert("query_ms", Figure::spread("ms", &mut times));
    Ok(measured)
}
