//! `coditect export`: a mission's journal in one file, without secrets.

use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use coditect_memory::redact::redact;
use coditect_ports::PortError;
use coditect_runtime::cell;
use coditect_types::{ErrorKind, MissionId, Record};
use serde_json::{Value, json};

use crate::args::ExportArgs;
use crate::commands::Context;
use crate::missions;
use crate::phrase;
use crate::report::{Doing, Done, Report};
use crate::wiring::{self, export};

const DOING: &str = "exporting";
/// Names of what is a hash of git's or ours. They look like secrets, and evidence is nothing without them.
const HASHES: [&str; 8] = ["commit", "tree", "head", "parent", "base", "handed", "output_hash", "onto"];

pub(crate) fn perform(cx: &mut Context, args: &ExportArgs) -> Done {
    let (archive, mission) = cx.opened(&args.of.mission)?;
    let (records, _) = missions::load(archive.journal(), &mission)?;
    let mut blotted = 0_usize;
    let lines: Vec<Vec<u8>> = records.iter().map(|record| line(record, &mut blotted)).collect();
    match &args.file {
        Some(file) if file != Path::new("-") => {
            write(file, &mission, &lines)?;
            let (count, secrets) =
                (phrase::count_of(lines.len(), "record"), phrase::count_of(blotted, "text"));
            if cx.out.json {
                let told = json!({ "mission": mission, "file": file.display().to_string(), "records": lines.len(), "redacted": blotted });
                cx.out.object(&told)?;
            } else {
                cx.out.line(&format!("wrote {count} of {mission}, with secrets taken out of {secrets}"))?;
            }
        }
        Some(_) | None => {
            let mut bytes = Vec::new();
            // Writing into memory cannot fail.
            export(&mut bytes, &mission, wiring::now_ms(), &lines).ok();
            cx.out.bytes(&bytes)?;
        }
    }
    Ok(0)
}

/// Writes a file that is its owner's alone. One that is there already stays.
fn write(file: &Path, mission: &MissionId, lines: &[Vec<u8>]) -> Result<(), Report> {
    let failed = |error: std::io::Error| {
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            return PortError::new(ErrorKind::Conflict, format!("`{}` exists", file.display()))
                .with_hint("name a file that is not there yet");
        }
        PortError::from_io(&format!("`{}`", file.display()), &error)
    };
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let mut out = BufWriter::new(opened.map_err(failed).doing(DOING)?);
    let written = export(&mut out, mission, wiring::now_ms(), lines).and_then(|()| out.flush());
    written.map_err(failed).doing(DOING).inspect_err(|_| {
        // Half of a mission is of no use to anybody.
        std::fs::remove_file(file).ok();
    })
}

/// A record without what looks like a secret.
fn line(record: &Record, blotted: &mut usize) -> Vec<u8> {
    let bytes = cell::encode(record);
    let Ok(mut value) = serde_json::from_slice::<Value>(&bytes) else { return bytes };
    let before = *blotted;
    blot(&mut value, blotted);
    // As it was, to the letter, where nothing was taken out.
    if *blotted == before { bytes } else { value.to_string().into_bytes() }
}

fn blot(value: &mut Value, blotted: &mut usize) {
    match value {
        Value::String(text) => {
            let clean = redact(text);
            if clean != *text {
                *blotted += 1;
                *text = clean;
            }
        }
        Value::Array(all) => {
            blot_words(all, blotted);
            all.iter_mut().for_each(|one| blot(one, blotted));
        }
        Value::Object(fields) => {
            for (name, mut one) in std::mem::take(fields) {
                if !(HASHES.contains(&name.as_str()) && is_hash(&one)) {
                    blot(&mut one, blotted);
                }
                // Names of tests are names of fields, and may have anything in them.
                let clean = redact(&name);
                *blotted += usize::from(clean != name);
                fields.insert(clean, one);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The words of a command: what the one before it gives away as a secret is one, as in `--password`, `...`.
fn blot_words(words: &mut [Value], blotted: &mut usize) {
    for at in 1..words.len() {
        let (Some(name), Some(word)) = (words[at - 1].as_str(), words[at].as_str()) else { continue };
        let clean = redact(&format!("{name} {word}"));
        if let Some(clean) = clean.strip_prefix(&format!("{name} "))
            && clean != word
        {
            words[at] = Value::String(clean.to_owned());
            *blotted += 1;
        }
    }
}

fn is_hash(value: &Value) -> bool {
    value.as_str().is_some_and(|text| {
        matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test panics")]

    use coditect_types::event::TaskEnd;
    use coditect_types::{Event, TaskId};

    use super::*;

    fn settled(why: &str) -> Record {
        let event = Event::TaskSettled { task: TaskId(1), end: TaskEnd::Failed, why: why.to_owned() };
        Record { mission: MissionId::parse("m-abc").unwrap(), seq: 1, at_ms: 5, event }
    }

    #[test]
    fn secrets_are_taken_out_and_hashes_stay() {
        let mut blotted = 0;
        let plain = settled("it printed nothing");
        assert_eq!(line(&plain, &mut blotted), cell::encode(&plain));
        let secret = "AKIAIOSFODNN7EXAMPLE";
        let clean = line(&settled(&format!("it printed {secret}")), &mut blotted);
        assert!(!String::from_utf8(clean.clone()).unwrap().contains(secret));
        assert_eq!(cell::decode(&clean).unwrap().seq, 1, "it is a record still");
        assert_eq!(blotted, 1);
        let hash = "0123456789abcdef0123456789abcdef01234567";
        let mut value = json!({ "tree": hash, "message": hash });
        blot(&mut value, &mut blotted);
        assert_eq!(value["tree"], hash);
        // Words of a command, and names of tests.
        let mut value =
            json!({ "command": ["pytest", "--password", "hunter2hunter"], "after": { (secret): "passed" } });
        blot(&mut value, &mut blotted);
        let text = value.to_string();
        assert!(!text.contains("hunter2hunter") && !text.contains(secret), "{text}");
    }
}
