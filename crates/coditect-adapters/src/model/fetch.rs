//! A large file from the web: resumed where it stopped, from the first source that has it, and taken only if it is the one that
//! was meant.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use coditect_ports::PortError;
use coditect_types::ErrorKind;
use futures::StreamExt;
use reqwest::{Client, Response, StatusCode};
use sha2::{Digest, Sha256};

use super::wire::deepest;

/// Until a connection stands, and between two pieces of the file.
const CONNECT: Duration = Duration::from_secs(15);
const IDLE: Duration = Duration::from_secs(60);

/// A file that is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Where it can be had, the best first.
    pub sources: &'a [&'a str],
    /// Where it is to be.
    pub into: &'a Path,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, in lower-case hexadecimal.
    pub sha256: &'a str,
}

/// Fetches a file, blocking; `told` hears how many bytes of it are there. What was fetched when it is interrupted is used the
/// next time.
///
/// # Errors
///
/// `Unavailable` where no source gave it, `Invalid` where it is another file than was meant, and what the disk says.
pub fn fetch(wanted: &Wanted<'_>, told: &mut dyn FnMut(u64)) -> Result<(), PortError> {
    let part = part_of(wanted.into);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| PortError::from_io("starting to fetch", &error))?;
    let mut last = None;
    for source in wanted.sources {
        match runtime.block_on(from(source, wanted, &part, told)) {
            Ok(()) => {
                let sum = sha256(&part, &mut |_| {})?;
                if sum != wanted.sha256 {
                    fs::remove_file(&part).ok();
                    let cause = format!("what {source} gave is another file: its SHA-256 is {sum}");
                    last = Some(PortError::new(ErrorKind::Invalid, cause));
                    continue;
                }
                return fs::rename(&part, wanted.into)
                    .map_err(|error| PortError::from_io(&format!("`{}`", wanted.into.display()), &error));
            }
            Err(error) if matches!(error.kind, ErrorKind::Exhausted | ErrorKind::Denied) => {
                return Err(error);
            }
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| PortError::new(ErrorKind::Unavailable, "there is no source for it")))
}

/// The beginning of a file, beside the place where all of it is to be.
fn part_of(into: &Path) -> PathBuf {
    let mut name = into.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

async fn from(
    source: &str,
    wanted: &Wanted<'_>,
    part: &Path,
    told: &mut dyn FnMut(u64),
) -> Result<(), PortError> {
    let io = |error: &std::io::Error| PortError::from_io(&format!("`{}`", part.display()), error);
    let mut had = fs::metadata(part).map_or(0, |about| about.len());
    if had == wanted.bytes {
        return Ok(());
    }
    if had > wanted.bytes {
        fs::remove_file(part).map_err(|error| io(&error))?;
        had = 0;
    }
    let response = ask(source, had).await?;
    // Who does not know how to go on begins anew.
    let mut have = if response.status() == StatusCode::PARTIAL_CONTENT { had } else { 0 };
    let opened = OpenOptions::new().create(true).write(true).append(have > 0).truncate(have == 0).open(part);
    let mut file = opened.map_err(|error| io(&error))?;
    let mut pieces = response.bytes_stream();
    told(have);
    loop {
        let next = tokio::time::timeout(IDLE, pieces.next()).await;
        let Ok(next) = next else { return Err(unavailable(source, "it went silent")) };
        let piece = match next {
            None => break,
            Some(Ok(piece)) => piece,
            Some(Err(error)) => return Err(unavailable(source, &deepest(&error))),
        };
        have += piece.len() as u64;
        if have > wanted.bytes {
            return Err(unavailable(source, "it gives more than the file has"));
        }
        file.write_all(&piece).map_err(|error| io(&error))?;
        told(have);
    }
    file.sync_all().map_err(|error| io(&error))?;
    if have < wanted.bytes {
        return Err(unavailable(source, "the connection was closed before the end"));
    }
    Ok(())
}

async fn ask(source: &str, had: u64) -> Result<Response, PortError> {
    let client = Client::builder()
        .connect_timeout(CONNECT)
        .user_agent(concat!("coditect/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| unavailable(source, &deepest(&error)))?;
    let mut request = client.get(source);
    if had > 0 {
        request = request.header("range", format!("bytes={had}-"));
    }
    let response = tokio::time::timeout(IDLE, request.send()).await;
    let response = response.map_err(|_| unavailable(source, "it does not answer"))?;
    let response = response.map_err(|error| unavailable(source, &deepest(&error)))?;
    match response.status() {
        status if status.is_success() => Ok(response),
        status => Err(unavailable(source, &format!("it answers with status {}", status.as_u16()))),
    }
}

fn unavailable(source: &str, why: &str) -> PortError {
    PortError::new(ErrorKind::Unavailable, format!("{source} cannot be had: {why}"))
}

/// The SHA-256 of a file, in lower-case hexadecimal; `told` hears how many bytes were read.
pub fn sha256(path: &Path, told: &mut dyn FnMut(u64)) -> Result<String, PortError> {
    let io = |error: &std::io::Error| PortError::from_io(&format!("`{}`", path.display()), error);
    let mut file = File::open(path).map_err(|error| io(&error))?;
    let (mut hash, mut buffer, mut read) = (Sha256::new(), vec![0; 1 << 20], 0);
    loop {
        match file.read(&mut buffer).map_err(|error| io(&error))? {
            0 => break,
            n => {
                hash.update(&buffer[..n]);
                read += n as u64;
                told(read);
            }
        }
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests;
