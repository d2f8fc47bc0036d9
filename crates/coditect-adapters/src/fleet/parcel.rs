//! What messages hold: JSON, compressed; what is too long for a message is in the object store, and the message says where.

use std::cell::RefCell;
use std::time::Duration;

use async_nats::jetstream::object_store::ObjectStore;
use bytes::Bytes;
use coditect_ports::PortError;
use coditect_types::ErrorKind;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::AsyncReadExt;
use zstd::bulk::{Compressor, Decompressor};

/// Bytes that a message may have here; servers allow 1 MiB unless they are told otherwise.
const LARGEST: usize = 512 << 10;
/// Bytes that a parcel may have, as it is written and read.
const MOST: u64 = 256 << 20;
/// Bytes that are made room for at once.
const SMALL: u64 = 1 << 20;
/// How long one object may be on its way.
const TRANSFER: Duration = Duration::from_secs(300);
/// How it is written: this is the version, too.
const INLINE: u8 = 1;
const STORED: u8 = 2;

fn odd(why: impl std::fmt::Display) -> PortError {
    PortError::new(ErrorKind::Invalid, format!("a message of the fleet cannot be read: {why}"))
        .with_hint("orchestrator and workers are to be of the same version")
}

/// Writes a value as it is signed and packed.
pub(super) fn written(value: &impl Serialize) -> Result<Vec<u8>, PortError> {
    serde_json::to_vec(value).map_err(odd)
}

/// Packs what was written; `name` is what it is called in the store.
pub(super) async fn wrap(json: &[u8], name: &str, store: &ObjectStore) -> Result<Bytes, PortError> {
    let packed = compress(json).map_err(odd)?;
    let mut bytes = Vec::with_capacity(packed.len() + 1);
    bytes.push(INLINE);
    bytes.extend(packed);
    if bytes.len() <= LARGEST {
        return Ok(bytes.into());
    }
    put(store, name, &bytes[1..]).await?;
    bytes = vec![STORED];
    bytes.extend(name.as_bytes());
    Ok(bytes.into())
}

/// Reads what was unpacked.
pub(super) fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, PortError> {
    serde_json::from_slice(json).map_err(odd)
}

/// Unpacks what was written.
pub(super) async fn unwrap(bytes: &[u8], store: &ObjectStore) -> Result<Vec<u8>, PortError> {
    let (how, rest) = bytes.split_first().ok_or_else(|| odd("it is empty"))?;
    match *how {
        INLINE => decompress(rest),
        STORED => decompress(&get(store, std::str::from_utf8(rest).map_err(odd)?).await?),
        other => Err(odd(format!("its version is {other}"))),
    }
}

thread_local! {
    /// What compresses and decompresses is larger than most messages, and dearer to make than to use.
    static PACKER: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static UNPACKER: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

fn compress(json: &[u8]) -> std::io::Result<Vec<u8>> {
    PACKER.with_borrow_mut(|packer| {
        let packer = match packer {
            Some(packer) => packer,
            None => packer.insert(Compressor::new(1)?),
        };
        packer.compress(json)
    })
}

fn decompress(packed: &[u8]) -> Result<Vec<u8>, PortError> {
    // What it says of its own size is believed as far as that costs nothing.
    let size = zstd::zstd_safe::get_frame_content_size(packed).ok().flatten();
    if let Some(size) = size.filter(|size| *size <= SMALL) {
        return UNPACKER.with_borrow_mut(|unpacker| {
            let unpacker = match unpacker {
                Some(unpacker) => unpacker,
                None => unpacker.insert(Decompressor::new().map_err(odd)?),
            };
            unpacker.decompress(packed, size as usize).map_err(odd)
        });
    }
    // A small message must not become a large one.
    let most = usize::try_from(MOST).unwrap_or(usize::MAX);
    let reader = zstd::Decoder::new(packed).map_err(odd)?;
    let mut json = Vec::new();
    let read = std::io::Read::read_to_end(&mut std::io::Read::take(reader, MOST), &mut json).map_err(odd)?;
    if read >= most {
        return Err(odd(format!("it is longer than {most} bytes")));
    }
    Ok(json)
}

/// Keeps bytes in the store.
pub(super) async fn put(store: &ObjectStore, name: &str, mut bytes: &[u8]) -> Result<(), PortError> {
    store.put(name, &mut bytes).await.map(drop).map_err(|error| away(&error))
}

/// Bytes that are in the store. A reader whose pieces were removed under it would wait for ever.
pub(super) async fn get(store: &ObjectStore, name: &str) -> Result<Vec<u8>, PortError> {
    let got = tokio::time::timeout(TRANSFER, get_all(store, name)).await;
    got.unwrap_or_else(|_| Err(away(&format!("`{name}` did not come within {} s", TRANSFER.as_secs()))))
}

async fn get_all(store: &ObjectStore, name: &str) -> Result<Vec<u8>, PortError> {
    let object = store.get(name).await.map_err(|error| away(&error))?;
    let mut bytes = Vec::new();
    // The digest of all of it is compared at its end.
    object.take(MOST * 8).read_to_end(&mut bytes).await.map_err(|error| away(&error))?;
    Ok(bytes)
}

/// Something of the server that did not go well, and may the next time.
pub(super) fn away(error: &dyn std::fmt::Display) -> PortError {
    PortError::new(ErrorKind::Unavailable, format!("the fleet's server: {error}"))
}
