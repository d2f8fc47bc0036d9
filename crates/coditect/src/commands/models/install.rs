//! `coditect models install`: fetches a model's file, or takes one that is here.

use std::fs;
use std::path::Path;
use std::time::Duration;

use coditect_adapters::model::{Wanted, fetch, sha256};
use coditect_types::ErrorKind;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use crate::args::{InstallArgs, RemoveArgs};
use crate::commands::Context;
use crate::host;
use crate::models::installed::{self, CATALOGUE, Installed, LOCAL, Offer, SERVER};
use crate::report::{Doing, Done, Report};

/// The first bytes of a GGUF file.
const MAGIC: &[u8] = b"GGUF";
/// Tokens that a file of one's own is taken to hold.
const CONTEXT: u64 = 16_384;

pub(crate) fn install(cx: &mut Context, args: &InstallArgs) -> Done {
    let name = args.name.strip_prefix(&format!("{LOCAL}/")).unwrap_or(&args.name);
    let doing = format!("installing the model `{name}`");
    if !installed::is_name(name) {
        let cause = "a name has letters, digits, `-`, `_` and `.` only";
        return Err(Report::new(ErrorKind::Invalid, doing, cause).into());
    }
    let dir = installed::directory(&cx.env)?;
    fs::create_dir_all(&dir).map_err(|error| {
        Report::new(ErrorKind::Unavailable, &*doing, format!("`{}`: {error}", dir.display()))
    })?;
    let offer = CATALOGUE.iter().find(|offer| offer.name == name);
    let model = match (&args.from, offer) {
        (Some(file), _) => taken(name, file, args.context_tokens, &doing)?,
        (None, Some(offer)) => fetched(cx, &dir, offer, args.context_tokens, &doing)?,
        (None, None) => {
            let all: Vec<_> = CATALOGUE.iter().map(|offer| offer.name).collect();
            let cause = "it is not in the catalogue";
            return Err(Report::new(ErrorKind::NotFound, doing, cause)
                .hint(format!("known are {}; `--from FILE` takes a GGUF file of yours", all.join(", ")))
                .into());
        }
    };
    let text = serde_json::to_vec_pretty(&model).map_err(std::io::Error::other)?;
    fs::write(Installed::entry(&dir, name), text)?;
    if host::on_path(&cx.env, SERVER).is_none() {
        cx.note(&format!(
            "there is no program `{SERVER}` in $PATH, which serves it: it is a part of llama.cpp"
        ));
    }
    if cx.out.json {
        cx.out.object(&json!({ "installed": model }))?;
    } else {
        cx.out.line(&format!("installed; ask it with `--model {LOCAL}/{name}`"))?;
    }
    Ok(0)
}

/// A file that is here stays where it is.
fn taken(name: &str, file: &Path, context_tokens: Option<u64>, doing: &str) -> Result<Installed, Report> {
    let wrong = |cause: String| Report::new(ErrorKind::Invalid, doing, cause);
    let file = file.canonicalize().map_err(|error| wrong(format!("`{}`: {error}", file.display())))?;
    let mut magic = [0; 4];
    let read = fs::File::open(&file).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut magic));
    if read.is_err() || magic != MAGIC {
        return Err(wrong(format!("`{}` is no GGUF file", file.display())));
    }
    let bytes = file.metadata().map_or(0, |about| about.len());
    let bar = bar(bytes, "reading it");
    let sha256 = sha256(&file, &mut |read| bar.set_position(read)).doing(doing)?;
    bar.finish_and_clear();
    let offer = CATALOGUE.iter().find(|offer| offer.sha256 == sha256);
    let licence = offer.map(|offer| offer.licence.to_owned());
    let context_tokens = context_tokens.or(offer.map(|offer| offer.context_tokens)).unwrap_or(CONTEXT);
    Ok(Installed { name: name.to_owned(), file, bytes, sha256, licence, context_tokens })
}

fn fetched(
    cx: &mut Context,
    dir: &Path,
    offer: &Offer,
    context_tokens: Option<u64>,
    doing: &str,
) -> Result<Installed, Report> {
    let into = dir.join(format!("{}.gguf", offer.name));
    if !cx.out.json {
        let mb = offer.bytes / 1_000_000;
        cx.note(&format!("{}, {mb} MB, licence {}", offer.about, offer.licence));
        cx.note("an interrupted download goes on where it stopped, with the same command");
    }
    if !is_whole(&into, (offer.bytes, offer.sha256)) {
        if into.exists() {
            cx.note(&format!("`{}` is not the file that was meant: it is fetched again", into.display()));
        }
        let bar = bar(offer.bytes, "fetching it");
        let wanted = Wanted { sources: offer.sources, into: &into, bytes: offer.bytes, sha256: offer.sha256 };
        let fetched = fetch(&wanted, &mut |there| bar.set_position(there));
        fetched.doing(doing).map_err(|report| {
            report.hint("the same command goes on where it stopped; `--from FILE` takes a file that you fetched yourself")
        })?;
        bar.finish_and_clear();
    }
    Ok(Installed {
        name: offer.name.to_owned(),
        file: into,
        bytes: offer.bytes,
        sha256: offer.sha256.to_owned(),
        licence: Some(offer.licence.to_owned()),
        context_tokens: context_tokens.unwrap_or(offer.context_tokens),
    })
}

/// Whether a file is there and is the one that is meant: its length alone would take one that was damaged.
fn is_whole(file: &Path, (bytes, sum): (u64, &str)) -> bool {
    if !file.metadata().is_ok_and(|about| about.len() == bytes) {
        return false;
    }
    let bar = bar(bytes, "reading it");
    let found = sha256(file, &mut |read| bar.set_position(read));
    bar.finish_and_clear();
    found.is_ok_and(|found| found == sum)
}

fn bar(bytes: u64, what: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr());
    let style = ProgressStyle::default_bar()
        .template("{bar:30} {bytes} of {total_bytes}  {binary_bytes_per_sec}  {msg}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar.set_message(what);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Forgets a model; a file that was fetched goes with it, and one of the person's own stays.
pub(crate) fn remove(cx: &mut Context, args: &RemoveArgs) -> Done {
    let name = args.name.strip_prefix(&format!("{LOCAL}/")).unwrap_or(&args.name);
    let dir = installed::directory(&cx.env)?;
    let model = installed::find(&dir, name)?;
    fs::remove_file(Installed::entry(&dir, name))?;
    let is_ours = model.file.parent() == Some(dir.as_path());
    if is_ours && model.file.exists() {
        fs::remove_file(&model.file)?;
    }
    if cx.out.json {
        cx.out.object(&json!({ "removed": model, "file_removed": is_ours }))?;
    } else {
        let file = if is_ours { "its file is gone too" } else { "its file stays where it is" };
        cx.out.line(&format!("`{LOCAL}/{name}` is forgotten; {file}"))?;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_right_length_is_not_yet_the_right_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.gguf");
        fs::write(&file, "GGUF right").unwrap();
        let sum = sha256(&file, &mut |_| {}).unwrap();
        assert!(is_whole(&file, (10, &sum)));
        fs::write(&file, "GGUF wrong").unwrap();
        assert!(!is_whole(&file, (10, &sum)) && !is_whole(&file, (9, &sum)));
        assert!(!is_whole(&dir.path().join("none"), (10, &sum)));
    }
}
