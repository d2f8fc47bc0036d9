//! Snapshots: the last message of each of a mission's subjects in a stream of their own. One may be lost, when a
//! writer dies between its parts, and never read wrongly: all parts of one have the same id.

use std::collections::BTreeMap;

use bytes::Bytes;
use coditect_ports::PortError;
use coditect_ports::journal::Saved;
use coditect_types::{ErrorKind, MissionId};

use super::Shared;
use super::codec::{self, Frame};
use super::read;
use crate::nats::api::{AskBatch, AskMessage};
use crate::nats::link::BATCH_BYTES;

/// What the codec and the headers take beside a part, bytes.
const BESIDE: usize = codec::FRAME_MAX + 128;

fn subject(shared: &Shared, mission: &MissionId, part: u32) -> String {
    format!("{}{mission}.{part}", shared.names.of_saved)
}

/// Keeps a snapshot in place of an older one.
pub(super) async fn write(shared: &Shared, mission: &MissionId, saved: &Saved) -> Result<(), PortError> {
    let link = &shared.link;
    if saved.bytes.len() > codec::BODY_MAX {
        let cause = format!("a snapshot may have {} MiB at most", codec::BODY_MAX >> 20);
        return Err(PortError::new(ErrorKind::Invalid, cause));
    }
    let deadline = link.deadline();
    let mut body = Vec::with_capacity(saved.bytes.len() + 16);
    codec::put(&mut body, saved.seq);
    codec::put(&mut body, saved.version.into());
    body.extend_from_slice(&saved.bytes);
    let largest = shared.largest.map_or(link.max_payload(), |own| own.min(link.max_payload()));
    let chunks: Vec<&[u8]> = body.chunks(largest.saturating_sub(BESIDE).max(1)).collect();
    let (id, parts) = (shared.next_id(), chunks.len() as u32);
    // The first part is looked for first, so it comes last.
    for (part, chunk) in (0..parts).zip(&chunks).rev() {
        let frame = Frame { id, before: saved.seq, count: 1, part, parts };
        let payload = Bytes::from(codec::encode(&frame, chunk));
        let subject = subject(shared, mission, part);
        let sent = match link.connected(deadline).await {
            Ok(()) => link.publish(&subject, None, payload, deadline).await,
            Err(fault) => Err(fault),
        };
        sent.map_err(|fault| link.error("keeping a snapshot", fault))?;
    }
    Ok(())
}

/// The newest snapshot that is whole.
pub(super) async fn read(shared: &Shared, mission: &MissionId) -> Result<Option<Saved>, PortError> {
    let link = &shared.link;
    let deadline = link.deadline();
    let failed = |fault| link.error("reading a snapshot", fault);
    let first = subject(shared, mission, 0);
    let which = AskMessage { last_by_subj: Some(&first), ..AskMessage::default() };
    let message = link.message(&shared.names.saved, which, deadline).await.map_err(failed)?;
    let Some(bytes) = message.and_then(|message| read::bytes_of(&message)) else { return Ok(None) };
    let Ok((head, chunk)) = codec::decode(&bytes) else { return Ok(None) };
    let mut chunks = BTreeMap::from([(0, chunk.to_vec())]);
    while (chunks.len() as u64) < u64::from(head.parts) {
        // They come in the order in which they were written, which is the other way round, and as many as fit.
        let missing = (0..head.parts).filter(|part| !chunks.contains_key(part)).take(64);
        let wanted: Vec<String> = missing.map(|part| subject(shared, mission, part)).collect();
        let which = AskBatch {
            multi_last: wanted.iter().map(String::as_str).collect(),
            batch: wanted.len(),
            max_bytes: BATCH_BYTES,
            ..AskBatch::default()
        };
        let got = link.batch(&shared.names.saved, &which, deadline).await.map_err(failed)?;
        let had = chunks.len();
        for message in &got.messages {
            match codec::decode(&message.payload) {
                Ok((frame, chunk)) if frame.id == head.id => drop(chunks.insert(frame.part, chunk.to_vec())),
                // Of another snapshot: this one is not whole.
                Ok(_) | Err(_) => return Ok(None),
            }
        }
        if chunks.len() == had {
            return Ok(None);
        }
    }
    let body = chunks.into_values().flatten().collect::<Vec<u8>>();
    Ok(snapshot_of(&body))
}

fn snapshot_of(mut body: &[u8]) -> Option<Saved> {
    let seq = codec::take(&mut body)?;
    let version = u32::try_from(codec::take(&mut body)?).ok()?;
    Some(Saved { seq, version, bytes: body.to_vec() })
}
