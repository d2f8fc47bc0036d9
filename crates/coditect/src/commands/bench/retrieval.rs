//! Functions that people look for in their own words: where memory puts the right one.

use std::path::Path;
use std::time::Instant;

use coditect_memory::{Index, Part, code};
use coditect_ports::Embedder;
use coditect_types::ErrorKind;
use serde::Deserialize;
use serde_json::json;

use super::{Figure, Measured};
use crate::args::{RetrievalArgs, SettingFlags};
use crate::environment::Environment;
use crate::models::Vectors;
use crate::report::{Doing, Report};
use crate::settings;

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

/// The functions and the queries with the vectors of a model.
struct Embedded {
    index: Index,
    queries: Vec<Vec<f32>>,
    texts_per_s: f64,
    learn_s: f64,
}

impl Embedded {
    fn of(embedder: &dyn Embedder, functions: &[Function], queries: &[Query]) -> Result<Self, Report> {
        let doing = "asking for the vectors of texts";
        let began = Instant::now();
        let texts: Vec<String> = functions.iter().map(|function| function.code.clone()).collect();
        let vectors = embedder.embed(&texts).doing(doing)?;
        let asked: Vec<String> = queries.iter().map(|query| query.query.clone()).collect();
        let queries = embedder.embed(&asked).doing(doing)?;
        let texts_per_s = (texts.len() + asked.len()) as f64 / began.elapsed().as_secs_f64();
        let mut index = Index::of_given();
        for (function, vector) in functions.iter().zip(&vectors) {
            index.insert_with(&code::parts(&function.code), Some(vector));
        }
        let began = Instant::now();
        index.learn();
        Ok(Self { index, queries, texts_per_s, learn_s: began.elapsed().as_secs_f64() })
    }
}

/// The model that is named.
fn embedder(env: &Environment, name: &str) -> Result<Vectors, Report> {
    let own = settings::load(&SettingFlags::default(), env, Path::new("/"))?;
    Ok(Vectors::of(name, &own.settings.model, env))
}

pub(super) fn measure(env: &Environment, args: &RetrievalArgs) -> Result<Measured, Report> {
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
    let given =
        args.embeddings.as_deref().map(|name| Embedded::of(&embedder(env, name)?, &functions, &queries));
    let given = given.transpose()?;
    let [mut both, mut words, mut alone, mut by_given] = <[Ranks; 4]>::default();
    let (mut times, mut given_times) = (Vec::new(), Vec::new());
    for (at, query) in queries.iter().enumerate() {
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
        if let Some(given) = &given {
            let vector = given.queries.get(at).map(Vec::as_slice);
            let began = Instant::now();
            drop(given.index.search_with(&query.query, vector, 10));
            given_times.push(began.elapsed().as_secs_f64() * 1e3);
            by_given.take(rank(&given.index.search_with(&query.query, vector, DEEPEST)));
        }
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
    if let Some(given) = &given {
        note("embeddings_mrr", "1", by_given.mean());
        note("embeddings_recall_at_10", "1", by_given.recall());
        note("embeddings_texts_per_s", "1/s", given.texts_per_s);
        note("embeddings_learn_s", "s", given.learn_s);
        measured.results.insert("embeddings_query_ms", Figure::spread("ms", &mut given_times));
    }
    measured.results.insert("query_ms", Figure::spread("ms", &mut times));
    Ok(measured)
}
