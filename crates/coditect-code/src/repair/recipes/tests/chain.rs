#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by failing")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use coditect_ports::{Clock, PortError, Stop};

use super::source;
use crate::repair::layers::red_test;
use crate::repair::{Judge, Means, Problem, Scope, SeekLimits, Sought, Trial, answer, seek};
use crate::suite::BUILD;

/// A compiler of Go that knows three slips, and a test behind it.
struct Compiler {
    text: &'static str,
    want: &'static str,
}

const SLIPS: &[(&str, &str)] = &[
    ("lenght", "undefined: lenght"),
    ("strings.ToUppr", "undefined: strings.ToUppr"),
    ("\"os\"", "imported and not used: \"os\""),
];

impl Judge for Compiler {
    fn judge(&self, overlay: &BTreeMap<String, String>, _scope: Scope<'_>) -> Result<Trial, PortError> {
        let text = overlay.get("a.go").map_or(self.text, String::as_str);
        let mut trial = Trial { complete: true, ..Trial::default() };
        // One error at a time, as some compilers do.
        let slip = SLIPS.iter().find_map(|(slip, said)| Some((text.find(slip)?, said)));
        if let Some((at, said)) = slip {
            let line = text[..at].matches('\n').count() + 1;
            let column = at - text[..at].rfind('\n').map_or(0, |n| n + 1) + 1;
            trial
                .red
                .push((BUILD.to_owned(), format!("CompileError: # ex\n./a.go:{line}:{column}: {said}\n")));
            return Ok(trial);
        }
        let id = "a_test.go::TestF".to_owned();
        if text.contains(self.want) {
            trial.passed = vec![id, BUILD.to_owned()];
        } else {
            trial.red = vec![(id, "want another".to_owned()), (BUILD.to_owned(), "red".to_owned())];
        }
        Ok(trial)
    }
}

#[derive(Debug, Default)]
struct Ticks(AtomicU64);

impl Clock for Ticks {
    fn now_ms(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
    fn monotonic_us(&self) -> u64 {
        self.0.fetch_add(100, Ordering::Relaxed)
    }
}

const THREE: &str = "package ex\n\nimport (\n\t\"os\"\n\t\"strings\"\n)\n\nfunc F(length int, s string) string {\n\tif lenght > 1 {\n\t\treturn strings.ToUppr(s)\n\t}\n\treturn s\n}\n";

fn sought(want: &'static str, whole: bool) -> Sought {
    let judge = Compiler { text: THREE, want };
    let sources = [source("a.go", THREE)];
    let message = judge.judge(&BTreeMap::new(), Scope::Whole).unwrap().red[0].1.clone();
    let red = [red_test(BUILD, message.trim_start_matches("CompileError: "))];
    let problem = Problem { sources: &sources, red: &red, ..Problem::default() };
    let (limits, clock, stop) = (SeekLimits::default(), Ticks::default(), Stop::new());
    let means = Means { judge: &judge, limits: &limits, clock: &clock, stop: &stop };
    if whole { seek(&problem, &means, &mut |_| {}) } else { answer(&problem, &means, &mut |_| {}) }
}

#[test]
fn errors_are_answered_one_on_top_of_the_other() {
    let found = sought("strings.ToUpper(s)", false);
    let best = found.best.unwrap_or_else(|| panic!("{}", found.account));
    let new = THREE.replace("\t\"os\"\n", "").replace("lenght", "length").replace("ToUppr", "ToUpper");
    assert_eq!(best.sources[0].text, new);
    assert_eq!(best.candidate.edits.len(), 3);
    assert!(found.tried < 40, "{}", found.account);
    assert!(found.account.contains("changes that the error messages name were tried"), "{}", found.account);
}

#[test]
fn how_far_the_answers_came_is_told() {
    let found = sought("nothing has this", false);
    assert!(found.best.is_none());
    assert!(
        found.account.ends_with("With some of them the project builds, and 1 tests are red."),
        "{}",
        found.account
    );
}

#[test]
fn the_search_goes_on_where_the_answers_end() {
    let found = sought("length >= 1", true);
    let best = found.best.unwrap_or_else(|| panic!("{}", found.account));
    assert!(best.sources[0].text.contains("if length >= 1 {"), "{}", best.sources[0].text);
    assert!(best.explanation.contains("names the cure"), "{}", best.explanation);
}
