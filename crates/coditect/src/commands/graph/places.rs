//! What a person calls a place, as the graph calls it: paths are typed relative to where the person stands, or absolute, and the graph
//! has them relative to the top of the project.

use std::path::{Component, Path, PathBuf};

use coditect_memory::graph::ProjectGraph;
use coditect_ports::graph::Graph;
use coditect_types::ErrorKind;
use coditect_types::graph::NodeKind;

use super::DOING;
use crate::args::{ChangeArgs, GraphAsk};
use crate::environment::directory;
use crate::phrase;
use crate::report::{Doing, Report};

/// Where paths may begin.
#[derive(Debug)]
pub(super) struct Places {
    /// The top of what the graph is of.
    top: PathBuf,
    /// The directory that was named.
    named: PathBuf,
    /// Where the person stands.
    here: PathBuf,
}

impl Places {
    pub(super) fn of(top: &Path, named: &Path) -> Result<Self, Report> {
        let (top, named, here) = (top.to_owned(), named.to_owned(), directory(Path::new("."))?);
        Ok(Self { top, named, here })
    }

    pub(super) fn top(&self) -> &Path {
        &self.top
    }

    /// The same question with every name as the graph has it.
    pub(super) fn ask(&self, graph: &ProjectGraph, ask: &GraphAsk) -> Result<GraphAsk, Report> {
        let name = |of: &mut String| -> Result<(), Report> {
            *of = self.name(graph, of)?;
            Ok(())
        };
        let mut ask = ask.clone();
        match &mut ask {
            GraphAsk::Impact { change: ChangeArgs { what, .. }, .. }
            | GraphAsk::Tests { change: ChangeArgs { what, .. }, .. } => {
                what.iter_mut().try_for_each(name)?
            }
            GraphAsk::Cause { test, changed, .. } => {
                name(test)?;
                changed.iter_mut().try_for_each(name)?;
            }
            GraphAsk::Path { from, to } => {
                name(from)?;
                name(to)?;
            }
            GraphAsk::Similar { symbol: of, .. }
            | GraphAsk::Query { name: of, .. }
            | GraphAsk::Export { around: Some(of), .. } => name(of)?,
            GraphAsk::Owners { area, .. } => {
                *area = match self.folder(graph, area)? {
                    Some(folder) if folder.is_empty() => ".".to_owned(),
                    Some(folder) => folder,
                    None => self.name(graph, area)?,
                };
            }
            GraphAsk::Dead { below, .. } if !below.is_empty() => *below = self.below(graph, below)?,
            GraphAsk::Dead { .. } | GraphAsk::Hot { .. } | GraphAsk::Export { around: None, .. } => {}
        }
        Ok(ask)
    }

    /// A path below the top, with `.` and `..` taken out; `""`: the top itself. None: it leads out of it.
    fn inside(&self, path: &Path) -> Option<String> {
        let mut clean = PathBuf::new();
        for part in path.components() {
            match part {
                Component::CurDir => {}
                Component::ParentDir => {
                    clean.pop();
                }
                Component::Prefix(_) | Component::RootDir | Component::Normal(_) => clean.push(part),
            }
        }
        let inside = |path: &Path| path.strip_prefix(&self.top).ok()?.to_str().map(str::to_owned);
        // The directory was named with its links resolved.
        inside(&clean).or_else(|| inside(&path.canonicalize().ok()?))
    }

    /// All that a path may mean, the likeliest first: from where the person stands, from the directory that was named, from the top.
    fn meant(&self, path: &str) -> Result<Vec<String>, Report> {
        if Path::new(path).is_absolute() {
            return self.inside(Path::new(path)).map(|path| vec![path]).ok_or_else(|| {
                let cause = format!("`{path}` is not below `{}`", self.top.display());
                Report::new(ErrorKind::Invalid, DOING, cause)
                    .hint("name the directory of the project with `--workspace DIR`")
            });
        }
        let from = [&self.here, &self.named, &self.top];
        Ok(from.into_iter().filter_map(|from| self.inside(&from.join(path))).collect())
    }

    /// A file, a part of one, or a symbol. What is no path of a file stays as it is.
    fn name(&self, graph: &ProjectGraph, given: &str) -> Result<String, Report> {
        let given = given.trim();
        let (path, lines, rest) = parted(given);
        let meant = self.meant(path)?;
        let is_file = |path: &&String| is_file(graph, path).unwrap_or(false);
        let Some(file) = meant.iter().find(is_file) else {
            let is_absolute = Path::new(path).is_absolute();
            let inside = meant.first().filter(|_| is_absolute);
            return Ok(inside.map_or_else(|| given.to_owned(), |path| format!("{path}{rest}")));
        };
        if let Some(lines) = lines {
            self.must_have(file, lines)?;
        }
        Ok(format!("{file}{rest}"))
    }

    /// Refuses lines that a file does not have: the answer would be one to another question.
    fn must_have(&self, file: &str, lines: &str) -> Result<(), Report> {
        let Ok(bytes) = std::fs::read(self.top.join(file)) else { return Ok(()) };
        let has = bytes.split_inclusive(|byte| *byte == b'\n').count() as u64;
        let (from, to) = lines.split_once('-').unwrap_or((lines, lines));
        // A number that is too large for a number is too large for a file.
        let number = |text: &str| text.parse::<u64>().unwrap_or(u64::MAX);
        let (from, to) = (number(from), number(to));
        if 1 <= from && from <= to && to <= has {
            return Ok(());
        }
        let cause = format!("`{lines}` are no lines of `{file}`, which has {}", phrase::count(has, "line"));
        let hint = match has {
            0 => format!("name all of it: `{file}`"),
            _ => format!("name lines from 1 to {has}, the first one first, such as `{file}:1-{has}`"),
        };
        Err(Report::new(ErrorKind::Invalid, DOING, cause).hint(hint))
    }

    /// A folder or a file of the graph, `""` for all of it. None: no file stands there.
    fn folder(&self, graph: &ProjectGraph, given: &str) -> Result<Option<String>, Report> {
        let given = given.trim().trim_end_matches('/');
        let meant = match given {
            "." => self.inside(&self.named).into_iter().collect(),
            "" => vec![String::new()],
            path => self.meant(path)?,
        };
        let has_files = |folder: &String| graph.files().any(|(path, ..)| is_below(path, folder));
        Ok(meant.into_iter().find(has_files))
    }

    /// A folder or a file that is there, also where none of its files is read.
    fn below(&self, graph: &ProjectGraph, given: &str) -> Result<String, Report> {
        if let Some(folder) = self.folder(graph, given)? {
            return Ok(folder);
        }
        let mut meant = self.meant(given.trim())?.into_iter();
        meant.find(|path| self.top.join(path).exists()).ok_or_else(|| {
            let cause = format!("there is no `{given}` in `{}`", self.top.display());
            Report::new(ErrorKind::NotFound, DOING, cause)
                .hint("name a file or a folder of the project, or none for all of it")
        })
    }

    /// What stands before the paths of a diff, where they are relative to where the person stands, as `git diff --relative` writes
    /// them. None: they are relative to the top.
    pub(super) fn before_paths(
        &self,
        graph: &ProjectGraph,
        paths: &[&str],
    ) -> Result<Option<String>, Report> {
        let Some(here) = self.inside(&self.here).filter(|here| !here.is_empty()) else { return Ok(None) };
        let is_known = |path: &str| is_file(graph, path).unwrap_or(false);
        let is_relative = !paths.iter().any(|path| is_known(path))
            && paths.iter().any(|path| is_known(&format!("{here}/{path}")));
        Ok(is_relative.then_some(here))
    }
}

/// True for what stands at a path or below it; all stands below `""`.
pub(super) fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty()
        || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// True for a file that the graph has.
pub(super) fn is_file(graph: &dyn Graph, path: &str) -> Result<bool, Report> {
    let mut found = false;
    let ids = graph.named(path).doing(DOING)?;
    graph.look(&ids, &mut |node| found |= node.kind == NodeKind::File).doing(DOING)?;
    Ok(found)
}

/// What may be a path, its lines where they follow, and all that follows.
fn parted(name: &str) -> (&str, Option<&str>, &str) {
    if let Some(at) = name.find("::") {
        return (&name[..at], None, &name[at..]);
    }
    let is_lines = |text: &str| {
        let mut parts = text.splitn(2, '-');
        parts.all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    match name.rfind(':').filter(|at| is_lines(&name[at + 1..])) {
        Some(at) => (&name[..at], Some(&name[at + 1..]), &name[at..]),
        None => (name, None, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::{is_below, parted};

    #[test]
    fn a_name_falls_into_its_path_and_the_rest() {
        assert_eq!(parted("src/a.py"), ("src/a.py", None, ""));
        assert_eq!(parted("src/a.py:10-20"), ("src/a.py", Some("10-20"), ":10-20"));
        assert_eq!(parted("a.py:7"), ("a.py", Some("7"), ":7"));
        assert_eq!(parted("a.py::K::m"), ("a.py", None, "::K::m"));
        for name in ["a.py:x", "a.py:", "a.py:1-", "a.py:-1", "a.py:1-2-3"] {
            assert_eq!(parted(name), (name, None, ""));
        }
    }

    #[test]
    fn below_a_folder_is_not_beside_it() {
        assert!(is_below("src/a.py", "src") && is_below("src/a.py", "src/a.py") && is_below("a.py", ""));
        assert!(!is_below("src2/a.py", "src") && !is_below("a.py", "src"));
    }
}
