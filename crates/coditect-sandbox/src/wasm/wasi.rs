//! Where our WASI differs from wasmtime-wasi's: listings leave out what cannot be named, and writing has a limit.

use std::io;

use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::filesystem::WasiFilesystemView as _;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    Descriptor, DirectoryEntry, DirectoryEntryStream, ErrorCode, HostDescriptor as _,
    HostDirectoryEntryStream as _,
};
use wasmtime_wasi::p2::bindings::io::streams::{self, Host as _, HostOutputStream as _};
use wasmtime_wasi::p2::{DynOutputStream, StreamError};
use wasmtime_wasi::{TrappableError, WasiView as _};

use super::guest::Guest;

/// The interfaces that are changed, in the version that wasmtime-wasi provides.
const FILESYSTEM: &str = "wasi:filesystem/types@0.2.12";
const STREAMS: &str = "wasi:io/streams@0.2.12";

/// What a guest may still write, bytes.
#[derive(Debug)]
pub(super) struct Quota(u64);

impl Quota {
    pub(super) fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// Takes `bytes` off. False when there are not so many left, and from then on.
    fn spend(&mut self, bytes: usize) -> bool {
        match self.0.checked_sub(bytes as u64) {
            Some(left) => self.0 = left,
            None => self.0 = 0,
        }
        self.0 > 0
    }
}

/// WASI 0.2 with our differences.
pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    linker.allow_shadowing(true);
    skip_unnameable_files(linker)?;
    bound_writes_to_files(linker)?;
    bound_writes_to_streams(linker)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Makes listing a directory leave out names that are not UTF-8. WASI cannot name such files, and wasmtime-wasi
/// answers the whole listing with an error, so one odd file in a project would hide all others.
fn skip_unnameable_files(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.instance(FILESYSTEM)?.func_wrap_async(
        "[method]directory-entry-stream.read-directory-entry",
        |mut store, (stream,): (Resource<DirectoryEntryStream>,)| {
            Box::new(async move {
                let mut files = store.data_mut().filesystem();
                loop {
                    let stream = Resource::new_borrow(stream.rep());
                    match files.read_directory_entry(stream).await.map_err(TrappableError::downcast) {
                        Ok(entry) => return Ok((Ok(entry),)),
                        Err(Ok(ErrorCode::IllegalByteSequence)) => {}
                        Err(Ok(code)) => return Ok((Err::<Option<DirectoryEntry>, _>(code),)),
                        Err(Err(trap)) => return Err(trap),
                    }
                }
            })
        },
    )
}

/// Files written at an offset.
fn bound_writes_to_files(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.instance(FILESYSTEM)?.func_wrap_async(
        "[method]descriptor.write",
        |mut store, (file, bytes, offset): (Resource<Descriptor>, Vec<u8>, u64)| {
            Box::new(async move {
                if !store.data_mut().quota.spend(bytes.len()) {
                    return Ok((Err(ErrorCode::InsufficientSpace),));
                }
                let mut files = store.data_mut().filesystem();
                match files.write(file, bytes, offset).await.map_err(TrappableError::downcast) {
                    Ok(written) => Ok((Ok(written),)),
                    Err(Ok(code)) => Ok((Err(code),)),
                    Err(Err(trap)) => Err(trap),
                }
            })
        },
    )
}

/// Files written from where they are, which is how `write` of the guest's libc works, and its standard output.
fn bound_writes_to_streams(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    let mut instance = linker.instance(STREAMS)?;
    instance.func_wrap(
        "[method]output-stream.write",
        |mut store, (stream, bytes): (Resource<DynOutputStream>, Vec<u8>)| {
            let within = store.data_mut().quota.spend(bytes.len());
            let table = store.data_mut().ctx().table;
            let written = if within { table.write(stream, bytes) } else { Err(full()) };
            answer(table, written)
        },
    )?;
    instance.func_wrap_async(
        "[method]output-stream.blocking-write-and-flush",
        |mut store, (stream, bytes): (Resource<DynOutputStream>, Vec<u8>)| {
            Box::new(async move {
                let within = store.data_mut().quota.spend(bytes.len());
                let table = store.data_mut().ctx().table;
                let written =
                    if within { table.blocking_write_and_flush(stream, bytes).await } else { Err(full()) };
                answer(table, written)
            })
        },
    )
}

/// What a full disk says.
fn full() -> StreamError {
    StreamError::LastOperationFailed(io::Error::from(nix::errno::Errno::ENOSPC).into())
}

fn answer(
    table: &mut wasmtime_wasi::ResourceTable,
    written: Result<(), StreamError>,
) -> wasmtime::Result<(Result<(), streams::StreamError>,)> {
    match written {
        Ok(()) => Ok((Ok(()),)),
        Err(error) => Ok((Err(table.convert_stream_error(error)?),)),
    }
}
