//! One settings file: read with care, parsed with file and line in every error.

use std::collections::BTreeMap;
use std::io::{ErrorKind as Io, Read};
use std::path::Path;

use coditect_types::ErrorKind;
use toml::Spanned;

use super::{KEYS, Layer, Source, Sourced, bad_value};
use crate::report::Report;

/// Bytes of a settings file that are read at most.
const MOST_BYTES: u64 = 64 * 1024;

/// The heading under which the settings of tests may stand.
const TESTS: &str = "tests";

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// It came with the repository: never followed through a link.
    Project,
    /// The person's own.
    User,
}

/// Reads a file; None where there is none.
pub(crate) fn read(path: &Path, owner: Owner) -> Result<Option<Layer>, Report> {
    let report =
        |cause: String| Report::new(ErrorKind::Invalid, format!("reading `{}`", path.display()), cause);
    let looked = match owner {
        Owner::Project => path.symlink_metadata(),
        Owner::User => path.metadata(),
    };
    let meta = match looked {
        Ok(meta) => meta,
        Err(error) if matches!(error.kind(), Io::NotFound | Io::NotADirectory) => return Ok(None),
        Err(error) => return Err(report(error.to_string())),
    };
    // Opening a pipe would wait for ever, and a link could lead anywhere.
    if !meta.is_file() {
        return Err(report("it is not a regular file".to_owned()));
    }
    if meta.len() > MOST_BYTES {
        return Err(report(format!("it has {} bytes; at most {MOST_BYTES} are read", meta.len())));
    }
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MOST_BYTES).read_to_string(&mut text))
        .map_err(|error| report(error.to_string()))?;
    parse(path, owner, &text).map(Some)
}

/// Parses the text of a file.
pub(crate) fn parse(path: &Path, owner: Owner, text: &str) -> Result<Layer, Report> {
    let line_at = |offset: usize| text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1;
    let source = |line: usize| match owner {
        Owner::Project => Source::Project { file: path.to_owned(), line },
        Owner::User => Source::User { file: path.to_owned(), line },
    };
    let entries: BTreeMap<Spanned<String>, Spanned<toml::Value>> = toml::from_str(text).map_err(|error| {
        let line = line_at(error.span().map_or(0, |span| span.start));
        Report::new(ErrorKind::Invalid, "reading settings", format!("{}: {}", source(line), error.message()))
    })?;
    let mut layer = Layer::new();
    for (name, value) in entries.into_iter().flat_map(unfolded) {
        let source = source(line_at(name.span().start));
        let name = name.into_inner();
        let Some(key) = KEYS.iter().find(|key| key.name == name) else {
            return Err(unknown(&source, &name));
        };
        let value = key.read_toml(value.get_ref()).map_err(|cause| bad_value(&source, key.name, &cause))?;
        if layer.contains_key(key.name) {
            return Err(bad_value(&source, key.name, "it is set twice, inside a table and outside"));
        }
        layer.insert(key.name, Sourced { value, source });
    }
    Ok(layer)
}

/// The tables `[sandbox]` and `[tests]` are headings for what belongs together.
fn unfolded(
    (name, value): (Spanned<String>, Spanned<toml::Value>),
) -> Vec<(Spanned<String>, Spanned<toml::Value>)> {
    let (at, whole) = (name.span(), value.span());
    let toml::Value::Table(table) = value.get_ref() else { return vec![(name, value)] };
    let heading = name.get_ref().clone();
    if heading != "sandbox" && heading != TESTS {
        return vec![(name, value)];
    }
    let entry = |(inner, value): (&String, &toml::Value)| {
        let name = if heading == "sandbox" && inner == "tier" { "sandbox" } else { inner };
        (Spanned::new(at.clone(), name.to_owned()), Spanned::new(whole.clone(), value.clone()))
    };
    table.iter().map(entry).collect()
}

fn unknown(source: &Source, name: &str) -> Report {
    let report = Report::new(
        ErrorKind::Invalid,
        "reading settings",
        format!("{source}: there is no setting `{name}`"),
    );
    let near = KEYS.iter().map(|key| (distance(key.name, name), key.name)).min();
    match near {
        Some((distance, near)) if distance <= 1 + near.len() / 4 => {
            report.hint(format!("did you mean `{near}`?"))
        }
        _ => report.hint("`coditect config` lists every setting"),
    }
}

/// Letters to add, drop or change to make one word the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_edits() {
        for (a, b, expect) in
            [("seed", "seed", 0), ("seed", "sed", 1), ("sandbox", "sandbx", 1), ("", "abc", 3)]
        {
            assert_eq!(distance(a, b), expect, "{a} {b}");
        }
    }
}
