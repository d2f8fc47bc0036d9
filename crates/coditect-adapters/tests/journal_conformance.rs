//! The embedded journal keeps the port's promises.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::path::Path;
use std::sync::Arc;

use coditect_adapters::Segments;
use coditect_ports::Journal;
use coditect_testkit::conformance;

/// Segments so small that every suite rolls over many of them.
const SMALL: u64 = 8 << 10;

#[test]
fn conforms() {
    let dir = tempfile::tempdir().unwrap();
    let count = std::cell::Cell::new(0);
    for bytes in [SMALL, 64 << 20] {
        conformance::journal(|| {
            count.set(count.get() + 1);
            Arc::new(Segments::open_with(&dir.path().join(count.get().to_string()), bytes).unwrap())
        });
    }
}

#[test]
fn conforms_on_disk() {
    for bytes in [SMALL, 64 << 20] {
        let open = |dir: &Path| -> Arc<dyn Journal> { Arc::new(Segments::open_with(dir, bytes).unwrap()) };
        conformance::journal_on_disk(open);
    }
}
