//! Plants bugs in packages, keeps those that a test notices, and writes the tasks.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::natively::{End, Room, copy};
use super::packages::{self, Package};
use super::{HELP, ask_mutator, beside, directory, fetch, mutator};
use crate::Done;
use crate::args::Args;
use crate::process::output;

/// A suite with a bug may take this many times as long as without, and never less than [`AT_LEAST`].
const TIMES: u32 = 4;
const AT_LEAST: Duration = Duration::from_secs(20);
/// The suite of a package, the first time.
const FIRST: Duration = Duration::from_secs(900);
/// Bugs tried at most for each that is asked for: most do not compile, or no test notices them.
const TRIES: usize = 25;
/// What a task asks for.
const REQUEST: &str = "make the failing tests pass";

/// A change of one place.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Bug {
    /// Below the package's top.
    pub(super) path: String,
    pub(super) kind: String,
    /// From 1.
    pub(super) line: usize,
    pub(super) start: usize,
    pub(super) end: usize,
    /// What stood there.
    pub(super) old: String,
    pub(super) new: String,
    /// Bytes of the function around it.
    pub(super) function: (usize, usize),
}

/// What is known of a task and kept apart from it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Answer {
    pub(super) id: String,
    pub(super) language: String,
    /// The package's folder beside the tasks.
    pub(super) package: String,
    pub(super) name: String,
    /// Time for one run of the suite, s.
    pub(super) limit_s: u64,
    #[serde(flatten)]
    pub(super) bug: Bug,
}

pub(super) fn main(mut args: Args) -> Done {
    let out = directory(&mut args, "--out")?;
    let language = args.value("--language")?;
    let name = args.value("--package")?;
    let bugs = usize::try_from(args.number("--bugs")?.unwrap_or(8)).unwrap_or(usize::MAX);
    let seed = args.number("--seed")?.unwrap_or(1);
    args.finish(HELP)?;
    let chosen: Vec<Package> = packages::all()?
        .into_iter()
        .filter(|package| language.as_ref().is_none_or(|language| *language == package.language))
        .filter(|package| name.as_ref().is_none_or(|name| *name == package.name))
        .collect();
    if chosen.is_empty() {
        return Err("no package is of that name and language; `cargo xtask seeds list` names all".to_owned());
    }
    let field = Field { mutator: mutator()?, out, bugs, seed };
    let mut troubles = Vec::new();
    for package in &chosen {
        // One that cannot be had here is no reason to do without the others.
        if let Err(trouble) = field.plant(package) {
            eprintln!("{}: {trouble}", package.name);
            troubles.push(package.name.clone());
        }
    }
    if troubles.is_empty() { Ok(()) } else { Err(format!("no tasks of: {}", troubles.join(", "))) }
}

struct Field {
    mutator: PathBuf,
    out: PathBuf,
    bugs: usize,
    seed: u64,
}

impl Field {
    fn plant(&self, package: &Package) -> Done {
        let make = |path: PathBuf| {
            fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display())).map(|()| path)
        };
        let pristine = make(beside(&self.out, "packages"))?.join(package.folder());
        let scratch = make(beside(&self.out, "scratch").join(package.folder()))?;
        let answers = make(beside(&self.out, "answers"))?;
        make(self.out.clone())?;
        let python = match package.language.as_str() {
            "python" => fetch::python(&beside(&self.out, "python"))?,
            _ => PathBuf::from("python3"),
        };
        fetch::fetch(package, &pristine, &scratch, &python)?;
        let room = Room { top: scratch.join("room"), scratch, python };
        copy(&pristine, &room.top)?;
        let took = room.prove(package, FIRST)?;
        let limit = AT_LEAST.max(took * TIMES);
        eprintln!("{}: its suite is green, in {:.1} s", package.name, took.as_secs_f64());
        let mut kept = Kept::new(self.bugs);
        for (tried, bug) in self.candidates(package, &pristine)?.into_iter().enumerate() {
            if kept.is_full() || tried >= self.bugs.saturating_mul(TRIES) {
                break;
            }
            if !kept.wants(&bug) {
                continue;
            }
            let end = try_out(&room, package, &bug, limit)?;
            if !matches!(end, Some(End::Red | End::OverTime)) || !kept.keep(&bug, end == Some(End::OverTime))
            {
                continue;
            }
            let id = format!("{}-{}", package.task(), kept.count);
            eprintln!("  {id}: {} in {}:{}", bug.kind, bug.path, bug.line);
            self.write(package, &pristine, &id, &bug, took)?;
            let answer = Answer {
                id: id.clone(),
                language: package.language.clone(),
                package: package.folder(),
                name: package.name.clone(),
                limit_s: limit.as_secs(),
                bug,
            };
            let text = serde_json::to_string_pretty(&answer).map_err(|error| error.to_string())?;
            fetch::write(&answers.join(format!("{id}.json")), &text)?;
        }
        if kept.is_full() {
            return Ok(());
        }
        Err(format!("only {} of {} bugs were noticed by its tests", kept.count, self.bugs))
    }

    fn candidates(&self, package: &Package, top: &Path) -> Result<Vec<Bug>, String> {
        let (top, seed) = (top.to_string_lossy(), self.seed.to_string());
        let most = self.bugs.saturating_mul(2 * TRIES).to_string();
        let mut words = vec!["bugs", &package.language, &*top, &seed, &most];
        words.extend(package.product.iter().map(String::as_str));
        let said = ask_mutator(&self.mutator, &words)?;
        said.lines().map(|line| serde_json::from_str(line).map_err(|e| format!("{line}: {e}"))).collect()
    }

    fn write(&self, package: &Package, pristine: &Path, id: &str, bug: &Bug, took: Duration) -> Done {
        let folder = self.out.join(id);
        copy(pristine, &folder)?;
        put(&folder, bug)?;
        let mut about = json!({
            "id": id,
            "request": REQUEST,
            "timeout_s": (took.as_secs() * 3).clamp(60, 600),
        });
        if !package.test_command.is_empty() {
            about["test_command"] = json!(package.test_command);
        }
        let text = serde_json::to_string_pretty(&about).map_err(|error| error.to_string())?;
        fetch::write(&folder.join("TASK.json"), &text)?;
        let git = |words: &[&str]| {
            let mut command = Command::new("git");
            command.current_dir(&folder).args(["-c", "user.name=seeds", "-c", "user.email=seeds@invalid"]);
            command.args(words);
            output(command).map(drop)
        };
        git(&["init", "--quiet"])?;
        git(&["add", "--all"])?;
        git(&["commit", "--quiet", "--message", "As it was published, but for one place"])
    }
}

/// Writes the bug into its file below `top`.
pub(super) fn put(top: &Path, bug: &Bug) -> Done {
    let path = top.join(&bug.path);
    let oops = |error: std::io::Error| format!("{}: {error}", path.display());
    let text = fs::read_to_string(&path).map_err(oops)?;
    let (Some(before), Some(after)) = (text.get(..bug.start), text.get(bug.end..)) else {
        return Err(format!("{}: has no bytes {}..{}", path.display(), bug.start, bug.end));
    };
    fs::write(&path, format!("{before}{}{after}", bug.new)).map_err(oops)
}

/// How the suite ends with the bug; None: it does not compile. The room is as it was afterwards.
fn try_out(room: &Room, package: &Package, bug: &Bug, limit: Duration) -> Result<Option<End>, String> {
    let path = room.top.join(&bug.path);
    let oops = |error: std::io::Error| format!("{}: {error}", path.display());
    let before = fs::read(&path).map_err(oops)?;
    put(&room.top, bug)?;
    let end = match room.run(&package.build, &bug.path, FIRST) {
        Ok(End::Green) => room.run(&package.check, &bug.path, limit).map(Some),
        Ok(End::Red | End::OverTime) => Ok(None),
        Err(trouble) => Err(trouble),
    };
    fs::write(&path, before).map_err(oops)?;
    end
}

/// The bugs of a package so far, not too many of a kind or in a function.
struct Kept {
    most: usize,
    count: usize,
    over_time: usize,
    kinds: BTreeMap<String, usize>,
    functions: BTreeMap<(String, usize), usize>,
}

impl Kept {
    fn new(most: usize) -> Self {
        Self { most, count: 0, over_time: 0, kinds: BTreeMap::new(), functions: BTreeMap::new() }
    }

    fn is_full(&self) -> bool {
        self.count >= self.most
    }

    fn wants(&self, bug: &Bug) -> bool {
        let of_kind = self.kinds.get(&bug.kind).copied().unwrap_or(0);
        let in_function = self.functions.contains_key(&(bug.path.clone(), bug.function.0));
        of_kind < self.most.div_ceil(5) && !in_function
    }

    /// False: bugs that hang the tests are a tenth at most.
    fn keep(&mut self, bug: &Bug, over_time: bool) -> bool {
        if over_time && self.over_time >= self.most.div_ceil(10) {
            return false;
        }
        self.over_time += usize::from(over_time);
        self.count += 1;
        *self.kinds.entry(bug.kind.clone()).or_insert(0) += 1;
        *self.functions.entry((bug.path.clone(), bug.function.0)).or_insert(0) += 1;
        true
    }
}

#[cfg(test)]
pub(super) mod kept {
    use super::*;

    pub(in crate::seeds) fn bug(kind: &str, function: usize) -> Bug {
        Bug {
            path: "a.rs".to_owned(),
            kind: kind.to_owned(),
            line: 1,
            start: 0,
            end: 1,
            old: "a".to_owned(),
            new: "b".to_owned(),
            function: (function, function + 9),
        }
    }

    #[test]
    fn no_kind_and_no_function_comes_too_often() {
        let mut kept = Kept::new(5);
        assert!(kept.wants(&bug("negated", 0)) && kept.keep(&bug("negated", 0), true));
        assert!(!kept.wants(&bug("negated", 10)), "a fifth of them at most");
        assert!(!kept.wants(&bug("sign", 0)), "once in a function");
        assert!(
            kept.wants(&bug("sign", 10)) && !kept.keep(&bug("sign", 10), true),
            "one that hangs is enough"
        );
        assert!(kept.keep(&bug("sign", 10), false));
        assert_eq!(kept.count, 2);
    }
}
