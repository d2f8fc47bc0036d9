//! Memory of many episodes that are made up: what it takes to keep them, and to find one again.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use coditect_memory::episode::{Accepted, Symptom};
use coditect_memory::numbers::Numbers;
use coditect_memory::{Episode, Episodes};
use coditect_ports::shelves::Kept;
use coditect_ports::{PortError, Shelves};
use coditect_runtime::mover;
use coditect_types::memory::MemoryLimits;
use coditect_types::{EpisodeId, MissionId, MissionStatus, Rung};
use serde_json::json;

use super::{Figure, Measured};
use crate::args::MemoryBenchArgs;
use crate::environment::Site;
use crate::report::{Doing, Report};
use crate::wiring::{self, remembering};

const DOING: &str = "measuring memory";
/// Episodes that are put on the shelf together.
const TOGETHER: u32 = 1_000;
/// When the first of them ended, ms since 1970.
const FIRST_MS: u64 = 1_700_000_000_000;

/// Episodes, and with `--quick`.
const EPISODES: [u32; 2] = [1_000_000, 100_000];
/// Queries whose answers are timed, at most, and those of them that are held against a look at every episode.
const ASKED: usize = 1_000;
const COMPARED: usize = 100;
/// Answers that are asked for.
const ANSWERS: usize = 10;
/// Words that there are, subjects that texts are about, and the words of each.
const WORDS: u64 = 40_000;
const SUBJECTS: u64 = 4_000;
const OF_SUBJECT: u64 = 40;
/// Words that are in texts of every subject.
const COMMON: u64 = 300;

/// Words of syllables, so that many are written alike, as words are.
fn word(n: u64) -> String {
    const HEADS: [&str; 20] = [
        "re", "con", "pa", "ser", "qu", "de", "in", "ma", "tra", "lo", "fi", "vec", "sum", "ex", "pro", "ta",
        "un", "ki", "bo", "ne",
    ];
    const TAILS: [&str; 20] = [
        "der", "nel", "rse", "tor", "mit", "lex", "gra", "pha", "set", "map", "cat", "ron", "bit", "key",
        "row", "dex", "ner", "val", "tic", "lan",
    ];
    let (mut n, mut text) = (n, String::new());
    for (at, parts) in [HEADS, TAILS, HEADS, TAILS].iter().enumerate() {
        if at < 2 || n > 0 {
            text.push_str(parts[(n % 20) as usize]);
            n /= 20;
        }
    }
    text
}

/// Of `end` numbers, the small ones far more often: as ranks of words are (Zipf).
fn seldom(numbers: &mut Numbers, end: u64) -> u64 {
    let unit = numbers.below(1 << 30) as f64 / f64::from(1 << 30);
    // Its logarithm is even, so that each rank comes about as often as its inverse.
    ((end as f64).powf(unit) as u64).saturating_sub(1).min(end - 1)
}

/// An episode: what was asked for, what was red, what was changed.
fn episode(numbers: &mut Numbers) -> (String, String, String) {
    let subject = seldom(numbers, SUBJECTS);
    let of_subject = |numbers: &mut Numbers| {
        let at = seldom(numbers, OF_SUBJECT);
        word((subject * 97 + at * 131) % WORDS)
    };
    let join = |numbers: &mut Numbers, count: u64, with: &str| -> String {
        let mut words: Vec<String> = Vec::new();
        for _ in 0..count {
            words.push(match numbers.below(3) {
                0 => word(seldom(numbers, COMMON)),
                _ => of_subject(numbers),
            });
        }
        words.join(with)
    };
    let length = 4 + numbers.below(8);
    let request = join(numbers, length, " ");
    let (module, test) = (join(numbers, 2, "_"), join(numbers, 3, "_"));
    let error =
        ["AssertionError", "TypeError", "KeyError", "ValueError", "IndexError"][numbers.below(5) as usize];
    let symbols = join(numbers, 6, "_");
    (request, format!("tests/test_{module}.py::test_{test} {error}"), symbols)
}

/// The same as a mission of it would be kept, with a change of one line.
fn kept(number: u32, (request, red, symbols): &(String, String, String)) -> Kept {
    let (test, error) = red.split_once(' ').unwrap_or((red, ""));
    let diff = format!(
        "--- a/m.py\n+++ b/m.py\n@@ -1,2 +1,2 @@\n def {symbols}(x):\n-    return x\n+    return x + {number}\n"
    );
    let episode = Episode {
        id: EpisodeId::from(&MissionId::from_parts(u64::from(number) * 1_000, u64::from(number))),
        workspace: "/srv/repository".to_owned(),
        ended_ms: FIRST_MS + u64::from(number) * 1_000,
        status: Some(MissionStatus::Verified),
        request: request.clone(),
        language: "python".to_owned(),
        symptoms: vec![Symptom { test: test.to_owned(), error: error.to_owned(), said: String::new() }],
        refused: Vec::new(),
        accepted: Some(Accepted {
            rung: Some(Rung::Reflex),
            confidence: 0.85,
            explanation: "a term was missing".to_owned(),
            diff,
        }),
        diagnoses: Vec::new(),
        reused: Vec::new(),
        tokens: 0,
        tree: String::new(),
        wall_ms: 1_000,
    };
    episode.kept()
}

pub(super) fn measure(site: &Site, args: &MemoryBenchArgs, quick: bool) -> Result<Measured, Report> {
    let episodes = args.episodes.unwrap_or(EPISODES[usize::from(quick)]);
    let mut numbers = Numbers::of(args.seed);
    let mut measured = Measured::default();
    measured.params.insert("episodes", json!(episodes));
    measured.params.insert("seed", json!(args.seed));
    let one = |unit, value| Figure::One { unit, value };
    let (_dir, site) = wiring::bench_site(site)?;
    let before = resident();
    let shelves = remembering::shelves(&site)?;
    let mut put_s = 0.0;
    for from in (0..episodes).step_by(TOGETHER as usize) {
        let some: Vec<Kept> =
            (from..episodes.min(from + TOGETHER)).map(|n| kept(n, &episode(&mut numbers))).collect();
        let began = Instant::now();
        shelves.put(&some).doing(DOING)?;
        put_s += began.elapsed().as_secs_f64();
    }
    // The first question has everything in the index, and keeps it.
    let began = Instant::now();
    let memory = remembering::memory_on(&site, Arc::clone(&shelves), 0);
    memory.search("anything", 1).doing(DOING)?;
    let index_s = began.elapsed().as_secs_f64();
    measured.results.insert("insert_per_s", one("1/s", f64::from(episodes) / (put_s + index_s)));
    measured.results.insert("put_s", one("s", put_s));
    measured.results.insert("index_s", one("s", index_s));
    if let (Some(before), Some(after)) = (before, resident()) {
        let bytes = after.0.saturating_sub(before.0) as f64;
        measured.results.insert("bytes_per_episode", one("B", bytes / f64::from(episodes)));
    }
    drop(memory);
    let began = Instant::now();
    let now_ms = FIRST_MS + u64::from(episodes) * 1_000;
    let moved = mover::round(&*shelves, &MemoryLimits::default(), now_ms).doing(DOING)?;
    let per_s = moved.away as f64 / began.elapsed().as_secs_f64();
    measured.results.insert("put_away_per_s", one("1/s", per_s));
    let [(_, warm), (_, cold)] = shelves.sizes().doing(DOING)?;
    measured.results.insert("warm_mb", one("MB", warm.bytes as f64 / 1e6));
    measured.results.insert("cold_mb", one("MB", cold.bytes as f64 / 1e6));
    drop(shelves);
    // As the next process finds it.
    let began = Instant::now();
    let shelves = remembering::shelves(&site)?;
    let memory = remembering::memory_on(&site, Arc::clone(&shelves), 0);
    memory.search("anything", 1).doing(DOING)?;
    measured.results.insert("open_ms", one("ms", began.elapsed().as_secs_f64() * 1e3));
    if let Some((_, peak)) = resident() {
        measured.results.insert("peak_mb", one("MB", peak as f64 / 1e6));
    }
    let asked = ASKED.min(episodes as usize);
    questions(&memory, asked, &mut numbers, &mut measured).doing(DOING)?;
    Ok(measured)
}

/// Asks for episodes like those that are there, in other words of the same subject.
fn questions(
    memory: &Episodes,
    asked: usize,
    numbers: &mut Numbers,
    measured: &mut Measured,
) -> Result<(), PortError> {
    let queries: Vec<String> = (0..asked)
        .map(|_| {
            let (request, red, _) = episode(numbers);
            if numbers.below(2) == 0 { request } else { format!("{request} {red}") }
        })
        .collect();
    let (mut times, mut by_words, mut fetched) = (Vec::new(), Vec::new(), Vec::new());
    let (mut found, mut there) = (0_usize, 0_usize);
    for (n, query) in queries.iter().enumerate() {
        memory.asking(|index, _| {
            let began = Instant::now();
            let hits = black_box(index.search(query, ANSWERS));
            times.push(began.elapsed().as_secs_f64() * 1e3);
            let began = Instant::now();
            black_box(index.by_words(query, ANSWERS));
            by_words.push(began.elapsed().as_secs_f64() * 1e3);
            if n < COMPARED {
                let exact = index.exact(query, ANSWERS);
                there += exact.len();
                // Of those that are as good as the last, any will do.
                let least = exact.last().map_or(f32::MAX, |hit| hit.score - 1e-5);
                found += hits.iter().filter(|hit| hit.score >= least).count().min(exact.len());
            }
        })?;
    }
    for query in &queries {
        let began = Instant::now();
        black_box(memory.search(query, ANSWERS)?);
        fetched.push(began.elapsed().as_secs_f64() * 1e3);
    }
    measured.results.insert("search_ms", Figure::spread("ms", &mut times));
    measured.results.insert("search_and_fetch_ms", Figure::spread("ms", &mut fetched));
    measured.results.insert("by_words_ms", Figure::spread("ms", &mut by_words));
    let recall = found as f64 / there.max(1) as f64;
    measured.results.insert("recall_at_10", Figure::One { unit: "1", value: recall });
    Ok(())
}

/// Memory of this process in use, and at most so far, bytes.
fn resident() -> Option<(u64, u64)> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let of = |name: &str| -> Option<u64> {
        let line = status.lines().find(|line| line.starts_with(name))?;
        Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
    };
    Some((of("VmRSS:")?, of("VmHWM:")?))
}
