//! Writing a segment's sidecar from the index.

use std::io;
use std::sync::Arc;

use super::format::SegmentKey;
use super::index::{Index, List};
use super::layout::Layout;
use super::read::frames_of;
use super::sidecar::{self, Listed};

/// Writes the sidecar of a segment, and lets the index refer to it instead of holding every frame in memory.
///
/// A segment with damage has none, so that it is read, and its damage said, each time the journal is opened.
pub(super) fn checkpoint(layout: &Layout, index: &mut Index, key: SegmentKey) -> io::Result<()> {
    let Some(segment) = index.segments.get(&key) else {
        return Ok(());
    };
    if !segment.damage.is_empty() {
        return match std::fs::remove_file(layout.sidecar(key)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        };
    }
    let (salt, covered) = (segment.salt, segment.scanned);
    let mut listed = Vec::new();
    for (stream, part) in index.parts_in(key) {
        let frames = frames_of(layout, part)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "its older sidecar cannot be read"))?;
        listed.push(Listed { stream: stream.clone(), frames: Arc::clone(&frames) });
    }
    let places = sidecar::write(&layout.sidecar(key), salt, covered, &listed)?;
    let mut places = places.into_iter();
    // The same order as `parts_in` above.
    for stream in index.streams.values_mut() {
        for part in stream.parts.iter_mut().filter(|part| part.segment == key) {
            if let Some(place) = places.next() {
                part.list = List::Sidecar(place);
            }
        }
    }
    if let Some(segment) = index.segments.get_mut(&key) {
        segment.covered = covered;
    }
    Ok(())
}
