use std::sync::Arc;

use crate::memory_journal::MemoryJournal;

#[test]
fn the_journal_in_memory_conforms() {
    super::journal(|| Arc::new(MemoryJournal::new()));
}
