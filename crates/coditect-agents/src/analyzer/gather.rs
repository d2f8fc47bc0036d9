//! What a model must know of a project: its ways, the files that may be changed, the tests that are red.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use coditect_code::blank;
use coditect_code::excerpt::{self, Function};
use coditect_code::outline::{self, Outline};
use coditect_code::python::Listing;
use coditect_code::reach;
use coditect_code::repair::Source;
use coditect_code::written;
use coditect_ports::memory::{Example, Situation};
use coditect_ports::{PortError, Work};
use coditect_types::context::{FragmentKind, Gaps};
use coditect_types::{
    Aim, Context, Failure, Focus, Fragment, Outcome, Project, Reach, Snapshot, Suspect, TestReport,
    TestResult,
};

use super::Analyzer;
use super::conventions::conventions;
use crate::coder::by_tools::text_below;
use crate::coder::sources;
use crate::notices::Notices;
use crate::paths::below_top;
use crate::values::{self, Asked};

/// Bytes of all fragments, and of one.
const ALL_BYTES: usize = 256 << 10;
const ONE_BYTES: usize = 64 << 10;
/// Bytes of the map.
const MAP_BYTES: usize = 48 << 10;
/// Suspicious files whose directories may tell ways of their own, the likeliest.
const MOST_NEAR: usize = 8;
/// Endings of documents, and how many of them are read.
const DOCUMENTS: &[&str] = &["md", "markdown", "rst", "txt", "adoc", "json", "yaml", "yml", "toml", "csv"];
const MOST_DOCUMENTS: usize = 8;
/// Files of tests that show how tests are written, where none is red.
const MOST_EXAMPLES: usize = 3;
/// Changes of earlier missions that are shown.
const MOST_REMEMBERED: usize = 2;
/// Red tests of which is told what they need.
const MOST_RED: usize = 2_000;

/// Bytes of a file whose functions are written sooner than all of it.
const LONG: usize = 2 << 10;
/// What says that a function is still to be written.
const TO_DO: &[&str] = &["TODO", "NotImplementedError"];
/// Lines are suspicious whose score is at least this share of the best one's.
const SUSPICIOUS: f64 = 0.5;

/// What is gathered, and of what.
pub(super) struct Gather<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) project: &'a Project,
    pub(super) baseline: &'a TestReport,
    pub(super) suspects: &'a [Suspect],
    pub(super) request: &'a str,
    pub(super) focus: &'a Focus,
    /// Files that an agent asked for.
    pub(super) also: &'a [String],
    /// How its red tests are run once more.
    pub(super) run: Asked<'a>,
    /// The person's directory and its repository's: what was done there before is looked for.
    pub(super) places: &'a [String],
}

impl Analyzer {
    /// Reads what a model must know.
    pub(super) fn gather(&self, of: &Gather<'_>, work: &Work) -> Result<Outcome, Failure> {
        Notices::new(work, &*self.tools.clock).doing("gathering what a model must know");
        let view = self.tools.workspace.worktree(&work.mission, &of.snapshot.commit, "gather")?;
        let root = view.join(&of.project.root);
        let files =
            Listing::load(&root).map_err(|error| PortError::from_io("list the project's files", &error))?;
        let sources = sources::read(&root, &files, of.project, of.baseline, of.suspects);
        // Where an agent asks for more files, the rest is known.
        let is_first = of.also.is_empty();
        let blank = of.is_blank(&sources.product);
        let has_values = is_first && !blank;
        let values = if has_values { values::values(&self.tools, &of.run, &view, work)? } else { Vec::new() };
        let mut context = Context { values, blank, ..Context::default() };
        conventions(&view, &of.near(&sources.product), &mut context);
        of.add_asked_for(&view, &sources.product, &mut context);
        documents(&root, &files, of, &mut context);
        context.reach = of.reach(&sources.product, &sources.tests);
        let (mut product, mut tests) = (sources.product, sources.tests);
        let outlines = outline::outlines(&product, of.request);
        let places: BTreeMap<&str, usize> =
            outlines.iter().zip(0..).map(|(one, at)| (one.path.as_str(), at)).collect();
        product.sort_by_key(|source| of.rank(source, &places));
        let red: BTreeSet<&str> = of.baseline.red().filter_map(|test| test.id.split("::").next()).collect();
        if matches!(of.focus.aim, Aim::TurnTestsGreen) {
            context.gaps = of.gaps(&product, &tests);
        }
        if red.is_empty() {
            // Tests are to be written: those that are there show how.
            tests.sort_by_key(|source| (std::cmp::Reverse(of.shared(source)), source.text.len()));
            tests.truncate(MOST_EXAMPLES);
        } else {
            tests.retain(|source| {
                red.contains(source.path.as_str()) || red.iter().any(|id| is_of(id, &source.path))
            });
        }
        for (kind, sources) in [(FragmentKind::Test, tests), (FragmentKind::Source, product)] {
            for source in sources {
                of.add(kind, source, &mut context);
            }
        }
        // One file is shown whole, or it is too long for its heads to say where.
        if outlines.len() > 1 {
            of.add_outlines(&outlines, &mut context);
        }
        context.left_out.extend(sources.passed_over);
        if is_first {
            self.examples(of, &mut context);
        }
        Ok(Outcome::ContextGathered { context })
    }

    /// What was done on this directory before in a situation like this one. A memory that cannot be asked is no reason to do without the
    /// rest.
    fn examples(&self, of: &Gather<'_>, context: &mut Context) {
        let Some(memory) = self.tools.memory.as_ref().filter(|_| !of.places.is_empty()) else { return };
        let red: Vec<TestResult> = of.baseline.red().cloned().collect();
        let now_ms = self.tools.clock.now_ms();
        let situation = Situation { request: of.request, language: &of.project.language, red: &red, now_ms };
        let examples = memory.examples(&situation, of.places, MOST_REMEMBERED).unwrap_or_else(|error| {
            tracing::warn!(%error, "memory cannot be asked");
            Vec::new()
        });
        context.fragments.extend(examples.into_iter().map(|Example { episode, request, diff }| Fragment {
            kind: FragmentKind::Example,
            path: episode.to_string(),
            text: format!("{}\n\n{diff}", request.trim()),
            cut: false,
        }));
    }
}

/// Whether a test's id names a file in the way of another language: `pkg.TestThing` is in `pkg/TestThing.java`.
fn is_of(id: &str, path: &str) -> bool {
    let stem = path.rsplit('/').next().and_then(|name| name.split('.').next()).unwrap_or_default();
    !stem.is_empty() && id.split(['.', '/']).any(|part| part == stem)
}

impl Gather<'_> {
    /// Whether somebody named a file: the person, or an agent that wants to see it.
    fn is_named(&self, source: &Source) -> bool {
        let name = source.path.rsplit('/').next().unwrap_or_default();
        self.request.contains(name)
            || self.focus.files.iter().any(|file| source.path.ends_with(file))
            || self.also.contains(&below_top(self.project, &source.path))
    }

    /// Paths below the top of what is likely to be changed: the project's root, the files that somebody named, and the suspicious ones.
    fn near(&self, product: &[Source]) -> Vec<String> {
        let root = match self.project.root.as_str() {
            "" => String::new(),
            root => format!("{root}/"),
        };
        let mut suspects: Vec<&str> = Vec::new();
        for suspect in self.suspects {
            if suspects.len() < MOST_NEAR && !suspects.contains(&suspect.file.as_str()) {
                suspects.push(&suspect.file);
            }
        }
        let named = product.iter().filter(|source| self.is_named(source)).map(|source| source.path.as_str());
        let files = named.chain(suspects).map(|path| below_top(self.project, path));
        std::iter::once(root).chain(files).collect()
    }

    /// Where a file stands: one that the person named is first, then in the order of suspicion, or of the map.
    fn rank(&self, source: &Source, places: &BTreeMap<&str, usize>) -> (bool, bool, usize) {
        let is_named = self.is_named(source);
        let is_suspect = self.suspects.iter().any(|suspect| suspect.file == source.path);
        // Where tests are red, their traces say more than words do.
        let is_guessed = self.baseline.red().next().is_none();
        let place = places.get(source.path.as_str()).copied().unwrap_or(usize::MAX);
        (!is_named, !is_suspect, if is_guessed { place } else { 0 })
    }

    /// Whether what the red tests call is still to be written: all files with suspicious lines, or all files there are.
    fn is_blank(&self, product: &[Source]) -> bool {
        let is_suspect = |source: &&Source| self.suspects.iter().any(|suspect| suspect.file == source.path);
        let mut suspects = product.iter().filter(is_suspect).peekable();
        let blank = |source: &Source| blank::is_blank(&source.path, &source.text);
        match suspects.peek() {
            Some(_) => suspects.all(blank),
            None => !product.is_empty() && product.iter().all(blank),
        }
    }

    /// How many words of the request stand in a file or its path.
    fn shared(&self, source: &Source) -> usize {
        let words: BTreeSet<String> = self
            .request
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .filter(|word| word.len() > 2)
            .map(str::to_lowercase)
            .collect();
        let (path, text) = (source.path.to_lowercase(), source.text.to_lowercase());
        words.iter().filter(|word| path.contains(*word) || text.contains(*word)).count()
    }

    /// What the red tests need. Where there is one, or what they need cannot be told of any, there is nothing to divide.
    fn reach(&self, product: &[Source], tests: &[Source]) -> Vec<Reach> {
        let steady =
            |test: &&TestResult| !test.passes_of_runs.is_some_and(|(passed, ran)| passed > 0 && passed < ran);
        let wanted = self.baseline.red().filter(steady).filter(|test| self.focus.wants_test(&test.id));
        let red: Vec<&TestResult> = wanted.collect();
        if red.len() < 2 || red.len() > MOST_RED {
            return Vec::new();
        }
        let mut reach = reach::reach(product, tests, self.baseline, &red);
        if reach.len() < 2 || reach.iter().all(|one| one.files.is_empty()) {
            return Vec::new();
        }
        for one in &mut reach {
            for path in one.test_files.iter_mut().chain(&mut one.files).chain(&mut one.raised) {
                *path = below_top(self.project, path);
            }
        }
        reach
    }

    /// Of long files the functions that the red tests have nothing to do with: they neither name them, nor is a suspicious line in them,
    /// nor are they still to be written. What somebody asked to see, they see whole. None at all where functions are no answer: a file
    /// cannot be read, or what is most suspicious is in no function.
    fn gaps(&self, product: &[Source], tests: &[Source]) -> Gaps {
        if !product.iter().all(|source| written::may_be_in_part(&source.path, &source.text)) {
            return Gaps::new();
        }
        let red: BTreeSet<&str> = self.baseline.red().flat_map(|test| words(&test.id)).collect();
        let of_red =
            |test: &Source| excerpt::texts(&test.path, &test.text, &|function| red.contains(function.name));
        let texts: Vec<String> = tests.iter().flat_map(of_red).collect();
        let told: BTreeSet<&str> = texts.iter().flat_map(|text| words(text)).collect();
        let best = self.suspects.iter().map(|suspect| suspect.score).fold(0.0, f64::max);
        let is_in = |suspect: &Suspect, function: &Function<'_>| {
            function.lines.contains(&usize::try_from(suspect.line).unwrap_or(0))
        };
        let mut gaps = Gaps::new();
        for source in product.iter().filter(|source| source.text.len() > LONG) {
            let path = below_top(self.project, &source.path);
            let own: Vec<&Suspect> =
                self.suspects.iter().filter(|suspect| suspect.file == source.path).collect();
            let worst: Vec<&&Suspect> = own.iter().filter(|suspect| suspect.score >= best).collect();
            let is_of_function = |suspect: &&&Suspect| {
                !excerpt::texts(&source.path, &source.text, &|function| is_in(suspect, function)).is_empty()
            };
            if !worst.is_empty() && !worst.iter().any(is_of_function) {
                return Gaps::new();
            }
            let is_told = |function: &Function<'_>| {
                let is_suspicious =
                    |suspect: &&Suspect| suspect.score >= best * SUSPICIOUS && is_in(suspect, function);
                told.contains(function.name) || own.iter().any(is_suspicious)
            };
            // What is to be written is of use beside what the tests name, and hides nothing by itself.
            let is_any = !excerpt::texts(&source.path, &source.text, &is_told).is_empty();
            let matters = |function: &Function<'_>| {
                is_told(function) || TO_DO.iter().any(|mark| function.text.contains(mark))
            };
            let is_whole = !is_any || self.also.contains(&path);
            let found = if is_whole { None } else { excerpt::gaps(&source.path, &source.text, &matters) };
            let found = found.unwrap_or_default().into_iter().map(|gap| (gap.start, gap.end));
            gaps.insert(path, found.collect());
        }
        gaps
    }

    /// What was asked for and is no source: it is read, and not changed.
    fn add_asked_for(&self, view: &Path, product: &[Source], context: &mut Context) {
        for path in self.also {
            let is_source = product.iter().any(|source| below_top(self.project, &source.path) == *path);
            if !is_source && let Some(text) = text_below(view, path) {
                let end = text.floor_char_boundary(ONE_BYTES);
                let (cut, text) = (end < text.len(), text[..end].to_owned());
                context.fragments.push(Fragment {
                    kind: FragmentKind::Document,
                    path: path.clone(),
                    text,
                    cut,
                });
            }
        }
    }

    /// The map of the project, as much of it as a model can use.
    fn add_outlines(&self, outlines: &[Outline], context: &mut Context) {
        let mut taken = 0;
        for one in outlines {
            let more = if one.left_out > 0 { format!("\nand {} more", one.left_out) } else { String::new() };
            let text = format!("{}{more}", one.heads);
            taken += one.path.len() + text.len();
            if taken > MAP_BYTES {
                break;
            }
            let path = below_top(self.project, &one.path);
            context.fragments.push(Fragment { kind: FragmentKind::Outline, path, text, cut: false });
        }
    }

    fn add(&self, kind: FragmentKind, source: Source, context: &mut Context) {
        let path = below_top(self.project, &source.path);
        // What somebody asked to see, they see.
        let is_told = kind == FragmentKind::Test && !self.also.contains(&path);
        let in_part = if is_told { red_tests_of(self, &source) } else { None };
        let is_in_part = in_part.is_some();
        let source = in_part.map_or(source.clone(), |text| Source { text, ..source });
        let taken: usize = context.fragments.iter().map(|fragment| fragment.text.len()).sum();
        let room = ALL_BYTES.saturating_sub(taken).min(ONE_BYTES);
        if source.text.len() > room && (room < ONE_BYTES || kind == FragmentKind::Source) {
            context.left_out.push(format!("`{path}` is too long to be shown ({} bytes)", source.text.len()));
            return;
        }
        let mut end = room.min(source.text.len());
        while !source.text.is_char_boundary(end) {
            end -= 1;
        }
        let cut = is_in_part || end < source.text.len();
        context.fragments.push(Fragment { kind, path, text: source.text[..end].to_owned(), cut });
    }
}

/// A long file of tests without those that are green. None: it is shown whole. Nobody writes it, so that nothing can be lost by that.
fn red_tests_of(gather: &Gather<'_>, test: &Source) -> Option<String> {
    let red: BTreeSet<&str> = gather.baseline.red().flat_map(|test| words(&test.id)).collect();
    excerpt::excerpt(&test.path, &test.text, &|function| red.contains(function.name))
}

/// Words of a text that may be names.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// Documents that the request names.
fn documents(root: &Path, files: &Listing, of: &Gather<'_>, context: &mut Context) {
    let is_document = |path: &str| {
        let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
        DOCUMENTS.contains(&ending) && !path.split('/').any(|part| part.starts_with('.'))
    };
    let words: BTreeSet<&str> =
        of.request.split(|c: char| c.is_whitespace() || "`\"'(),;:".contains(c)).collect();
    let is_named = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or_default();
        // `README` stands for README.md.
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let is_loud = stem.len() > 3 && stem.chars().all(|c| c.is_uppercase() || c == '_');
        words
            .iter()
            .map(|word| word.trim_end_matches('.'))
            .any(|word| word == path || word == name || (is_loud && word.eq_ignore_ascii_case(stem)))
    };
    let named = files.files().iter().filter(|path| is_document(path) && is_named(path)).take(MOST_DOCUMENTS);
    for path in named {
        if let Some(text) = text_below(root, path).filter(|text| text.len() <= ONE_BYTES) {
            of.add(FragmentKind::Document, Source { path: path.clone(), text }, context);
        }
    }
}
