//! The layer table, and the habits that no compiler keeps.
//!
//! Every check takes values and gives complaints, so that its tests need no repository; [`main`] reads the files.

mod house;
mod layers;
mod lexer;
mod sources;

use std::path::{Path, PathBuf};

use crate::Done;
use crate::args::Args;
use crate::process::{cargo, output, root};

const HELP: &str = "\
Usage: cargo xtask tidy

Fails on an arrow between crates that is not in the layer table, and on sources that break a habit of the house:
files that are too long or too big, `unsafe` outside the sandbox, IO and clocks in the core, paths of one machine,
things left to do, attributes without a reason, decisions without a line in docs/adr/README.md, licences and
changelog fragments out of form.";

/// A file of the tree.
#[derive(Debug)]
struct File {
    /// Path below the top, `/` between components.
    path: String,
    /// Size in bytes.
    size: u64,
    /// Its text, if it is text of at most [`TEXT_LIMIT`] bytes.
    text: Option<String>,
}

/// Larger files are not read: nothing that a person writes is so long.
const TEXT_LIMIT: u64 = 1 << 20;

/// Directories that are made, not written.
const MADE: [&str; 8] =
    [".git", "target", "coverage", "__pycache__", ".pytest_cache", ".venv", "node_modules", ".mypy_cache"];

pub(crate) fn main(mut args: Args) -> Done {
    if args.helped(HELP) {
        return Ok(());
    }
    args.finish(HELP)?;
    let complaints = complaints()?;
    if complaints.is_empty() {
        return Ok(());
    }
    Err(format!("{}\ntidy: {} to put right", complaints.join("\n"), complaints.len()))
}

/// All complaints about this repository, one a line, sorted.
pub(crate) fn complaints() -> Result<Vec<String>, String> {
    let metadata = output(cargo(["metadata", "--offline", "--no-deps", "--format-version", "1"]))?;
    let metadata = serde_json::from_str(&metadata).map_err(|error| format!("`cargo metadata`: {error}"))?;
    let top = root();
    let mut files = Vec::new();
    read_tree(&top, &top, &mut files)?;
    let mut found = layers::check(&layers::arrows(&metadata));
    found.extend(files.iter().flat_map(sources::check));
    found.extend(house::check(&files));
    found.extend(built("ring")?);
    found.sort();
    Ok(found)
}

/// Says where a banned crate is really built, and not only named in the lock for a feature that is off.
fn built(name: &str) -> Result<Option<String>, String> {
    let all = output(cargo(["tree", "--offline", "--workspace", "--prefix", "none", "--format", "{p}"]))?;
    let is_built = all.lines().any(|line| line.split_whitespace().next() == Some(name));
    Ok(is_built
        .then(|| format!("`{name}` is banned and built (`cargo tree -i {name}`); deny.toml tells why")))
}

/// Reads every file below `dir` that is not made. Links are not followed.
fn read_tree(top: &Path, dir: &Path, files: &mut Vec<File>) -> Done {
    let oops = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let mut entries = std::fs::read_dir(dir)
        .and_then(Iterator::collect::<std::io::Result<Vec<_>>>)
        .map_err(|error| oops(dir, error))?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let kind = entry.file_type().map_err(|error| oops(&path, error))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if kind.is_dir() {
            if !MADE.contains(&name.as_str()) {
                read_tree(top, &path, files)?;
            }
        } else if kind.is_file() && !name.ends_with(".profraw") {
            files.push(read_file(top, &path).map_err(|error| oops(&path, error))?);
        }
    }
    Ok(())
}

fn read_file(top: &Path, path: &PathBuf) -> std::io::Result<File> {
    let size = std::fs::metadata(path)?.len();
    let text = if size <= TEXT_LIMIT { String::from_utf8(std::fs::read(path)?).ok() } else { None };
    let below = path.strip_prefix(top).unwrap_or(path);
    Ok(File { path: below.to_string_lossy().replace('\\', "/"), size, text })
}

#[cfg(test)]
mod tests;
