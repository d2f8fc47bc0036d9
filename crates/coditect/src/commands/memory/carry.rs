//! `coditect memory export` and `import`: episodes as lines of JSON.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use coditect_memory::Episode;
use coditect_ports::Shelves;
use coditect_ports::shelves::Kept;
use coditect_types::ErrorKind;
use serde_json::json;

use super::{open, tell_findings};
use crate::commands::Context;
use crate::out::Out;
use crate::phrase;
use crate::report::{Doing, Done, Report};
use crate::wiring::remembering;

/// The version of the lines, which the first one says.
const VERSION: u64 = 1;
/// Bytes of one line: an episode has at most a diff of 64 KiB and some texts.
const MOST_LINE: u64 = 4 << 20;
/// Episodes that are put on the shelf together.
const TOGETHER: usize = 500;

/// What episodes are written to.
enum Target {
    /// Standard output.
    Out,
    /// What is no regular file, such as a pipe: it is written to as it is.
    Stream(File),
    /// A file, which is there once all of it is.
    Fresh(tempfile::NamedTempFile, PathBuf),
}

impl Target {
    fn of(file: Option<&Path>, force: bool) -> Result<Self, Report> {
        let Some(path) = file.filter(|path| *path != Path::new("-")) else { return Ok(Self::Out) };
        let doing = format!("writing `{}`", path.display());
        let failed = |error: std::io::Error| {
            Report::new(ErrorKind::Unavailable, doing.clone(), error.to_string())
                .hint("name a file in a directory that you may write")
        };
        // A link stays one, and what it leads to is written.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        match std::fs::metadata(&path) {
            Ok(meta) if meta.is_dir() => Err(failed(std::io::ErrorKind::IsADirectory.into())),
            Ok(meta) if !meta.is_file() => {
                let stream = std::fs::OpenOptions::new().write(true).open(&path);
                stream.map(Self::Stream).map_err(failed)
            }
            Ok(_) if !force => Err(Report::new(ErrorKind::Invalid, doing, "there is such a file already")
                .hint("name another one, or write over it with `--force`")),
            Ok(_) | Err(_) => {
                let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
                let fresh = tempfile::NamedTempFile::new_in(dir).map_err(failed)?;
                Ok(Self::Fresh(fresh, path))
            }
        }
    }
}

pub(super) fn export(cx: &mut Context, file: Option<&Path>, force: bool) -> Done {
    let opened = open(cx)?;
    let shelves = &opened.shelves;
    let doing = "writing the episodes";
    let failed = |error: &std::io::Error| Report::new(ErrorKind::Unavailable, doing, error.to_string());
    let target = Target::of(file, force)?;
    let mut to: Box<dyn Write + '_> = match &target {
        Target::Fresh(fresh, _) => Box::new(std::io::BufWriter::new(fresh.as_file())),
        Target::Stream(stream) => Box::new(std::io::BufWriter::new(stream)),
        Target::Out => Box::new(Lines(&mut cx.out)),
    };
    let mut count = 0_usize;
    let mut trouble = writeln!(to, "{}", json!({ "coditect_memory": VERSION })).err();
    shelves
        .each(0, &mut |row| {
            if let Some(episode) = Episode::from_kept(&row.kept) {
                count += 1;
                trouble = trouble.take().or_else(|| writeln!(to, "{}", json!(episode)).err());
            }
            trouble.is_none()
        })
        .doing(doing)?;
    let flushed = trouble.map_or_else(|| to.flush(), Err);
    flushed.map_err(|error| failed(&error))?;
    drop(to);
    let missing = shelves.standings().doing(doing)?.len().saturating_sub(count);
    if let Target::Fresh(fresh, path) = target {
        let kept = if force { fresh.persist(path) } else { fresh.persist_noclobber(path) };
        kept.map_err(|error| failed(&error.error))?;
    }
    if let Some(path) = file.filter(|path| *path != Path::new("-")) {
        if cx.out.json {
            cx.out.object(&json!({ "episodes": count, "missing": missing, "file": path }))?;
        } else {
            cx.out.line(&format!("wrote {} to {}", phrase::count_of(count, "episode"), path.display()))?;
        }
    }
    tell_findings(cx, shelves);
    if missing == 0 {
        return Ok(0);
    }
    cx.note(&format!("{} cannot be read, and was left out", phrase::count_of(missing, "episode")));
    Ok(1)
}

/// Standard output.
struct Lines<'o>(&'o mut Out);

impl Write for Lines<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.bytes(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Reads lines, none of them too long.
fn next_line(from: &mut impl BufRead, line: &mut Vec<u8>) -> Result<bool, String> {
    line.clear();
    let read =
        std::io::Read::take(&mut *from, MOST_LINE).read_until(b'\n', line).map_err(|e| e.to_string())?;
    if read as u64 == MOST_LINE && line.last() != Some(&b'\n') {
        return Err(format!("it is longer than {} MiB", MOST_LINE >> 20));
    }
    Ok(read > 0)
}

pub(super) fn import(cx: &mut Context, file: &Path) -> Done {
    let name =
        if file == Path::new("-") { "standard input".to_owned() } else { format!("`{}`", file.display()) };
    let doing = format!("reading episodes from {name}");
    let bad = |cause: String| {
        Report::new(ErrorKind::Invalid, doing.clone(), cause)
            .hint("it is to be what `coditect memory export` wrote; nothing of it was taken in")
    };
    let mut from: Box<dyn BufRead> = if file == Path::new("-") {
        Box::new(BufReader::new(std::io::stdin()))
    } else {
        Box::new(BufReader::new(File::open(file).map_err(|error| bad(error.to_string()))?))
    };
    // All of it is read before any of it is taken in.
    let mut episodes: Vec<Kept> = Vec::new();
    let mut line = Vec::new();
    let mut number = 0_usize;
    while next_line(&mut from, &mut line).map_err(|cause| bad(format!("line {}: {cause}", number + 1)))? {
        number += 1;
        if number == 1 {
            let head: Option<serde_json::Value> = serde_json::from_slice(&line).ok();
            match head.as_ref().and_then(|head| head["coditect_memory"].as_u64()) {
                Some(VERSION) => continue,
                Some(newer) => return Err(bad(format!("version {newer} is not known here")).into()),
                None => return Err(bad("its first line does not say that it has episodes".to_owned()).into()),
            }
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let episode: Episode =
            serde_json::from_slice(&line).map_err(|error| bad(format!("line {number}: {error}")))?;
        if coditect_types::EpisodeId::parse(episode.id.as_str()).is_err() {
            return Err(bad(format!("line {number}: `{}` names no episode", episode.id)).into());
        }
        // It says nothing of what was tried here.
        episodes.push(Episode { reused: Vec::new(), ..episode }.kept());
    }
    if number == 0 {
        return Err(bad("it is empty".to_owned()).into());
    }
    let shelves = remembering::shelves(&cx.site()?)?;
    let (mut new, mut same, mut forgotten) = (0, 0, 0);
    for episodes in episodes.chunks(TOGETHER) {
        let put = shelves.put(episodes).doing("taking in episodes")?;
        (new, same, forgotten) = (new + put.new, same + put.same, forgotten + put.forgotten);
    }
    let known = episodes.len() - new - forgotten;
    if cx.out.json {
        cx.out.object(&json!({ "new": new, "same": same, "known": known - same, "forgotten": forgotten }))?;
        return Ok(0);
    }
    let mut line = format!("took in {}; known already: {known}", phrase::count_of(new, "episode"));
    if forgotten > 0 {
        line.push_str(&format!("; forgotten here, and they stay so: {forgotten}"));
    }
    cx.out.line(&line)?;
    Ok(0)
}
