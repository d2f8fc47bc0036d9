//! A buffered view of a file that is read mostly forwards.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Bytes read at once, to begin with: whoever follows a journal mostly finds nothing new.
const FIRST_CHUNK: usize = 4 << 10;
/// Most bytes read at once.
const CHUNK: usize = 1 << 20;

#[derive(Debug)]
pub(super) struct Window<'f> {
    file: &'f File,
    start: u64,
    bytes: Vec<u8>,
    chunk: usize,
    most: usize,
}

impl<'f> Window<'f> {
    pub(super) fn new(file: &'f File) -> Self {
        Self { file, start: 0, bytes: Vec::new(), chunk: FIRST_CHUNK, most: CHUNK }
    }

    /// A view that reads no further ahead than `chunk` bytes.
    pub(super) fn with_chunk(file: &'f File, chunk: usize) -> Self {
        Self { chunk, most: chunk, ..Self::new(file) }
    }

    /// `len` bytes from `at` on; fewer at the end of the file.
    pub(super) fn get(&mut self, at: u64, len: usize) -> io::Result<&[u8]> {
        let inside = at >= self.start && at + len as u64 <= self.start + self.bytes.len() as u64;
        if !inside {
            self.fill(at, len.max(self.chunk))?;
            self.chunk = (self.chunk * 4).min(self.most);
        }
        let from = (at - self.start) as usize;
        let to = (from + len).min(self.bytes.len());
        Ok(&self.bytes[from..to])
    }

    fn fill(&mut self, at: u64, len: usize) -> io::Result<()> {
        self.start = at;
        // The file's own length is the bound: a false length in a frame must not ask for memory.
        let left = self.file.metadata()?.len().saturating_sub(at);
        let len = len.min(usize::try_from(left).unwrap_or(usize::MAX));
        self.bytes.resize(len, 0);
        let mut done = 0;
        while done < len {
            match self.file.read_at(&mut self.bytes[done..], at + done as u64) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.bytes.clear();
                    return Err(error);
                }
            }
        }
        self.bytes.truncate(done);
        Ok(())
    }
}
