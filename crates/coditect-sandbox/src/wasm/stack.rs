//! Stacks of guests, kept from run to run: a stack that has been used has its pages.
//!
//! A guest cannot read its stack but through frames that write before they read (WebAssembly has no other way), so what
//! an earlier run left there is never seen.

use std::io;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};

use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap_anonymous, mprotect, munmap};

/// Bytes below a stack that nothing may touch.
const GUARD: usize = 64 << 10;

/// Bytes at the top of a stack that stay in memory between runs. What a deep recursion used below is given back.
const KEEP: usize = 512 << 10;

/// Stacks that are kept while nobody uses them.
const IDLE: usize = 8;

/// Where stacks come from and go back to.
#[derive(Default)]
pub(super) struct Stacks {
    idle: Arc<Mutex<Vec<Mapping>>>,
}

/// A guard, and the stack above it.
struct Mapping {
    start: NonNull<u8>,
    size: usize,
}

// SAFETY: a `Mapping` owns its address space alone.
#[allow(unsafe_code, reason = "see above")]
unsafe impl Send for Mapping {}
// SAFETY: through a shared reference only its address and size are read.
#[allow(unsafe_code, reason = "see above")]
unsafe impl Sync for Mapping {}

impl Mapping {
    #[allow(unsafe_code, reason = "each block says why it is sound")]
    fn new(size: usize) -> io::Result<Self> {
        let all = NonZeroUsize::new(size.saturating_add(GUARD)).ok_or(io::ErrorKind::InvalidInput)?;
        let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_NORESERVE | MapFlags::MAP_STACK;
        // SAFETY: a new mapping at an address of the kernel's choice, which nothing can touch yet.
        let start = unsafe { mmap_anonymous(None, all, ProtFlags::PROT_NONE, flags)? };
        let mapping = Self { start: start.cast(), size };
        // SAFETY: all of the mapping just made but its guard.
        unsafe { mprotect(mapping.bottom(), size, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE)? };
        Ok(mapping)
    }

    fn bottom(&self) -> NonNull<std::ffi::c_void> {
        NonNull::new(self.start.as_ptr().wrapping_add(GUARD).cast()).unwrap_or(self.start.cast())
    }

    /// Gives back what a deep recursion used.
    #[allow(unsafe_code, reason = "the block says why it is sound")]
    fn trim(&self) {
        // SAFETY: within this mapping; the fiber that used it has ended, so nothing points into it.
        unsafe { madvise(self.bottom(), self.size.saturating_sub(KEEP), MmapAdvise::MADV_DONTNEED) }.ok();
    }
}

impl Drop for Mapping {
    #[allow(unsafe_code, reason = "the block says why it is sound")]
    fn drop(&mut self) {
        // SAFETY: exactly the mapping that `new` made, and the last use of it.
        unsafe { munmap(self.start.cast(), self.size + GUARD) }.ok();
    }
}

/// A stack while a guest has it.
struct Lent {
    mapping: Option<Mapping>,
    idle: Arc<Mutex<Vec<Mapping>>>,
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(mapping) = self.mapping.take() else { return };
        mapping.trim();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(mapping);
        }
    }
}

impl Lent {
    fn mapping(&self) -> &Mapping {
        // Only `drop` takes it out.
        self.mapping.as_ref().unwrap_or_else(|| unreachable!("a stack in use has its mapping"))
    }
}

// SAFETY: the stack is page-aligned, readable and writable, owned by one fiber until it is dropped, and below it lies a
// guard that nothing can touch.
#[allow(unsafe_code, reason = "see above")]
unsafe impl wasmtime::StackMemory for Lent {
    fn top(&self) -> *mut u8 {
        self.mapping().bottom().as_ptr().cast::<u8>().wrapping_add(self.mapping().size)
    }

    fn range(&self) -> Range<usize> {
        let bottom = self.mapping().bottom().as_ptr() as usize;
        bottom..bottom + self.mapping().size
    }

    fn guard_range(&self) -> Range<*mut u8> {
        let start = self.mapping().start.as_ptr();
        start..start.wrapping_add(GUARD)
    }
}

// SAFETY: see `StackMemory` above.
#[allow(unsafe_code, reason = "see above")]
unsafe impl wasmtime::StackCreator for Stacks {
    fn new_stack(&self, size: usize, _zeroed: bool) -> wasmtime::Result<Box<dyn wasmtime::StackMemory>> {
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mapping = match kept.filter(|mapping| mapping.size == size) {
            Some(mapping) => mapping,
            None => Mapping::new(size)?,
        };
        Ok(Box::new(Lent { mapping: Some(mapping), idle: Arc::clone(&self.idle) }))
    }
}

#[cfg(test)]
mod tests {
    use wasmtime::StackCreator as _;

    use super::*;

    #[test]
    fn a_stack_is_used_again_and_has_a_guard() {
        let stacks = Stacks::default();
        let first = stacks.new_stack(1 << 20, false).unwrap();
        let range = first.range();
        assert_eq!((range.len(), first.top() as usize), (1 << 20, range.end));
        assert_eq!(
            (first.guard_range().end as usize, first.guard_range().start as usize),
            (range.start, range.start - GUARD)
        );
        drop(first);
        assert_eq!(stacks.new_stack(1 << 20, false).unwrap().range(), range);
        assert_eq!(stacks.new_stack(2 << 20, false).unwrap().range().len(), 2 << 20);
    }
}
