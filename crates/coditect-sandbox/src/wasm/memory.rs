//! Memories of guests: the snapshot stays mapped, and after each run only what the guest wrote is mended.
//!
//! A run writes to 200 pages (4 KiB) and more, scattered over 20 MB of the snapshot. With a new copy-on-write mapping for
//! each run these are as many page faults, and with several threads each of them interrupts the other cores, since all
//! share one address space. So a memory is kept after its run: the kernel tells which pages are private by now
//! (`PAGEMAP_SCAN`, Linux 6.7), these are copied back from the snapshot, and the next run finds them in place. Where the
//! kernel cannot tell, or a guest wrote a lot, the private pages are given back, and the next run faults them in anew.
//!
//! A scan looks at each page of the memory, which is a sixth of what a short run costs. A page becomes private by a page
//! fault, and the kernel counts the faults of each thread ([`Faults`]): after a run without any, the pages that were
//! private before it still are, and no others.
//!
//! Isolation between runs rests on this module: [`Mapping::mend`] leaves a memory whose every byte is the snapshot's.

use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap, mmap_anonymous, mprotect, munmap};

use super::snapshot::Contents;

mod held;
mod often;
mod pagemap;

pub(super) use held::Held;
use often::Often;
pub(super) use pagemap::Faults;

/// Private pages that a memory keeps from run to run, bytes. Copying them back costs a tenth of a millisecond for each
/// megabyte.
const KEEP: usize = 16 << 20;

/// Memories that are kept while nobody uses them.
const IDLE: usize = 8;

/// Address space before a memory that nothing may touch, bytes: a second wall.
const GUARD_BEFORE: usize = 1 << 20;

/// A page of the host, bytes. Where pages are larger, the scan refuses the first try and is not used.
const HOST_PAGE: usize = 4096;

/// The snapshot, in a file that exists in memory only and can no longer change.
struct Image {
    file: File,
    size: usize,
    /// The whole file, mapped for reading.
    start: NonNull<u8>,
}

// SAFETY: the mapping is read-only, its file is sealed against writing, and it lives as long as the value.
#[allow(unsafe_code, reason = "see above")]
unsafe impl Send for Image {}
// SAFETY: as above; all access is by reading.
#[allow(unsafe_code, reason = "see above")]
unsafe impl Sync for Image {}

impl Image {
    fn new(contents: Contents<'_>) -> io::Result<Self> {
        Self::filled(contents.size, |bytes| {
            contents.each(|place, segment| bytes[place..place + segment.len()].copy_from_slice(segment))
        })
    }

    /// What the open part of a memory contains now.
    #[allow(unsafe_code, reason = "the block says why it is sound")]
    fn of(mapping: &Mapping) -> io::Result<Self> {
        // SAFETY: the open part is readable; no guest runs in it, since the caller has the mapping to itself.
        let now = unsafe { std::slice::from_raw_parts(mapping.base(), mapping.open) };
        Self::filled(mapping.open, |bytes| {
            // Pages of zeros are left out: the file has none there, and needs none.
            for (page, to) in now.chunks(HOST_PAGE).zip(bytes.chunks_mut(HOST_PAGE)) {
                if page.iter().any(|&byte| byte != 0) {
                    to.copy_from_slice(page);
                }
            }
            Ok(())
        })
    }

    #[allow(unsafe_code, reason = "each block says why it is sound")]
    fn filled(size: usize, fill: impl FnOnce(&mut [u8]) -> Result<(), String>) -> io::Result<Self> {
        use nix::fcntl::{FcntlArg, SealFlag, fcntl};
        use nix::sys::memfd::{MFdFlags, memfd_create};

        let length = NonZeroUsize::new(size)
            .filter(|size| size.get().is_multiple_of(HOST_PAGE))
            .ok_or_else(|| io::Error::other("the interpreter's memory has no sensible size"))?;
        let fd: OwnedFd =
            memfd_create(c"coditect-python", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)?;
        let file = File::from(fd);
        file.set_len(size as u64)?;
        let both = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a new mapping, at an address of the kernel's choice, of a file as long as the mapping.
        let draft = unsafe { mmap(None, length, both, MapFlags::MAP_SHARED, &file, 0)? };
        // SAFETY: the mapping just made: `size` bytes, readable, writable, zero, and nobody else's.
        let bytes = unsafe { std::slice::from_raw_parts_mut(draft.cast::<u8>().as_ptr(), size) };
        let filled = fill(bytes);
        // SAFETY: the mapping just made; `bytes` is not used after this.
        unsafe { munmap(draft, size)? };
        filled.map_err(io::Error::other)?;
        let seals =
            SealFlag::F_SEAL_WRITE | SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL;
        fcntl(&file, FcntlArg::F_ADD_SEALS(seals))?;
        // SAFETY: a new mapping of a file as long as it is, which can neither shrink nor change.
        let start = unsafe { mmap(None, length, ProtFlags::PROT_READ, MapFlags::MAP_SHARED, &file, 0)? };
        Ok(Self { file, size, start: start.cast() })
    }

    /// The bytes from `from` on.
    #[allow(unsafe_code, reason = "the block says why it is sound")]
    fn bytes(&self, from: usize, length: usize) -> &[u8] {
        assert!(from.checked_add(length).is_some_and(|end| end <= self.size), "beyond the snapshot");
        // SAFETY: within the mapping (asserted), which is readable, never changes and lives as long as `self`.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().add(from), length) }
    }
}

impl Drop for Image {
    #[allow(unsafe_code, reason = "the block says why it is sound")]
    fn drop(&mut self) {
        // SAFETY: the mapping that `new` made; slices of it borrow from `self`, so there are none.
        unsafe { munmap(self.start.cast(), self.size) }.ok();
    }
}

/// Where memories come from and go back to. Serves the interpreter's memory and no other.
pub(super) struct Memories {
    image: OnceLock<Image>,
    pagemap: Option<File>,
    idle: Mutex<Vec<Mapping>>,
}

impl std::fmt::Debug for Memories {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memories").field("tracked", &self.pagemap.is_some()).finish_non_exhaustive()
    }
}

impl Memories {
    pub(super) fn new() -> Self {
        Self { image: OnceLock::new(), pagemap: pagemap::open(), idle: Mutex::default() }
    }

    /// Sets what memories contain at first. Must come before the first guest, once.
    pub(super) fn provide(&self, contents: Contents<'_>) -> io::Result<()> {
        let image = Image::new(contents)?;
        self.image.set(image).map_err(|_| io::Error::other("the interpreter's memory was provided twice"))
    }

    /// Whether written pages are found one by one, or whole memories are given back.
    pub(super) fn tracked(&self) -> bool {
        self.pagemap.is_some()
    }

    fn lend(&self, minimum: usize, reserved: usize, guard: usize) -> Result<Mapping, String> {
        let image = self.image.get().ok_or("the interpreter's memory was not provided")?;
        if minimum != image.size || reserved < minimum {
            return Err(format!("a memory of {minimum} bytes is not the interpreter's"));
        }
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match kept {
            Some(mapping) if mapping.reserved == reserved && mapping.guard == guard => Ok(mapping),
            Some(_) | None => {
                Mapping::new(image, reserved, guard).map_err(|e| format!("map a guest's memory: {e}"))
            }
        }
    }

    fn take_back(&self, mut mapping: Mapping) {
        let Some(image) = self.image.get().filter(|_| mapping.settled.is_none()) else { return };
        if let Err(error) = mapping.mend(image, self.pagemap.as_ref()) {
            // Dropped, it is unmapped: the next guest gets a new one.
            tracing::warn!(%error, "a guest's memory could not be mended");
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(mapping);
        }
    }
}

/// The address space of one memory: a guard, the memory with room to grow, another guard.
struct Mapping {
    start: NonNull<u8>,
    reserved: usize,
    guard: usize,
    /// Bytes of the memory that can be touched; behind them any access is a fault.
    open: usize,
    /// What it contains at first, if that is not the snapshot: see [`Mapping::settle`].
    settled: Option<Settled>,
}

/// What a memory is rewound to, and which of its pages stay private from run to run.
struct Settled {
    image: Image,
    often: Often,
    /// Whether no page may be private that is not kept.
    exact: bool,
}

// SAFETY: a `Mapping` owns its address space alone, like a `Box<[u8]>`.
#[allow(unsafe_code, reason = "see above")]
unsafe impl Send for Mapping {}
// SAFETY: as above; through a shared reference only its address and size are read.
#[allow(unsafe_code, reason = "see above")]
unsafe impl Sync for Mapping {}

impl Mapping {
    #[allow(unsafe_code, reason = "each block says why it is sound")]
    fn new(image: &Image, reserved: usize, guard: usize) -> io::Result<Self> {
        let all = Self::length(reserved, guard)
            .ok_or_else(|| io::Error::other("more address space than there is"))?;
        let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_NORESERVE;
        // SAFETY: a new mapping at an address of the kernel's choice, which nothing can touch yet.
        let start = unsafe { mmap_anonymous(None, all, ProtFlags::PROT_NONE, flags)? };
        // From here on `drop` unmaps it, whatever fails.
        let mapping = Self { start: start.cast(), reserved, guard, open: image.size, settled: None };
        mapping.show(image)?;
        Ok(mapping)
    }

    /// Makes the first part of the memory a private copy of an image.
    #[allow(unsafe_code, reason = "the block says why it is sound")]
    fn show(&self, image: &Image) -> io::Result<()> {
        let size = NonZeroUsize::new(image.size).filter(|size| size.get() <= self.open);
        let size = size.ok_or_else(|| io::Error::other("an image that does not fit"))?;
        let both = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_FIXED;
        let base = NonZeroUsize::new(self.base() as usize);
        // SAFETY: replaces a part of this mapping alone (no larger than its open part, which is no larger than what is
        // reserved), in which no guest runs now: it is new, or the caller has it to itself. Private: what a guest
        // writes never reaches the file.
        unsafe { mmap(base, size, both, flags, &image.file, 0)? };
        Ok(())
    }

    /// Makes what the memory contains now what [`Mapping::rewind`] comes back to.
    fn settle(&mut self, held: Option<Held>) -> io::Result<()> {
        if let Some(held) = held {
            held.make_lasting(self.bytes_mut());
        }
        let image = Image::of(self)?;
        let shown = self.show(&image);
        // Also where that went wrong, so that a memory with a hole in it is unmapped in the end and never mended.
        self.settled = Some(Settled { image, often: Often::default(), exact: false });
        shown
    }

    /// Makes the memory what it was when it was settled. What the guest has grown by since stays, and is zero.
    ///
    /// `unfaulted`: no page of it became private since the last time.
    fn rewind(&mut self, pagemap: Option<&File>, unfaulted: bool) -> io::Result<()> {
        let mut settled =
            self.settled.take().ok_or_else(|| io::Error::other("the memory was never settled"))?;
        let restored = self.come_back(&mut settled, pagemap, unfaulted);
        settled.exact = matches!(restored, Ok(true));
        self.settled = Some(settled);
        restored.map(drop)
    }

    /// Whether it is known now which pages are private.
    fn come_back(
        &mut self,
        settled: &mut Settled,
        pagemap: Option<&File>,
        unfaulted: bool,
    ) -> io::Result<bool> {
        if unfaulted && settled.exact {
            settled.often.same();
        } else {
            let Some(private) = self.scan(&settled.image, pagemap)? else {
                self.give_back(0..self.open)?;
                settled.often = Often::default();
                return Ok(true);
            };
            let start = self.base() as usize;
            for region in settled.often.divide(&private) {
                self.give_back(region.start - start..region.end - start)?;
            }
        }
        self.copy_back(&settled.image, settled.often.kept())?;
        Ok(true)
    }

    /// The open part.
    #[allow(unsafe_code, reason = "the block says why it is sound")]
    fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: the open part is readable and writable; no guest runs in it, since `self` is borrowed alone.
        unsafe { std::slice::from_raw_parts_mut(self.base(), self.open) }
    }

    /// Bytes of address space in all.
    fn length(reserved: usize, guard: usize) -> Option<NonZeroUsize> {
        NonZeroUsize::new(GUARD_BEFORE.checked_add(reserved)?.checked_add(guard)?)
    }

    /// The memory's first byte.
    fn base(&self) -> *mut u8 {
        // Stays within the mapping, which is longer than its first guard; wrapping needs no proof, so no `unsafe`.
        self.start.as_ptr().wrapping_add(GUARD_BEFORE)
    }

    fn at(&self, offset: usize) -> NonNull<std::ffi::c_void> {
        debug_assert!(offset <= self.reserved);
        NonNull::new(self.base().wrapping_add(offset).cast()).unwrap_or(self.start.cast())
    }

    /// Opens the memory up to `size` bytes. What is new is zero.
    #[allow(unsafe_code, reason = "the block says why it is sound")]
    fn grow(&mut self, size: usize) -> io::Result<()> {
        if size > self.reserved {
            return Err(io::Error::from(io::ErrorKind::OutOfMemory));
        }
        if size > self.open {
            let both = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
            // SAFETY: address space of this mapping alone (`size <= reserved`), anonymous, and made accessible only.
            unsafe { mprotect(self.at(self.open), size - self.open, both)? };
            self.open = size;
        }
        Ok(())
    }

    /// Makes the memory what it was when it was new.
    #[allow(unsafe_code, reason = "the block says why it is sound")]
    fn mend(&mut self, image: &Image, pagemap: Option<&File>) -> io::Result<()> {
        match self.scan(image, pagemap)? {
            Some(private) => self.copy_back(image, &private)?,
            None => self.give_back(0..self.open)?,
        }
        if self.open > image.size {
            // SAFETY: address space of this mapping alone, made inaccessible; a guest that grows into it opens it again.
            unsafe { mprotect(self.at(image.size), self.open - image.size, ProtFlags::PROT_NONE)? };
            self.open = image.size;
        }
        Ok(())
    }

    /// Makes these pages what the image says.
    ///
    /// Each page of the open part is one of three: a page of the image's file, a page that was never touched (which reads as
    /// zero, behind the image), or a private one, present or swapped out. Only private ones can differ from what they were
    /// at first, and these are what [`pagemap::private`] finds.
    #[allow(unsafe_code, reason = "the block says why it is sound")]
    fn copy_back(&mut self, image: &Image, private: &[Range<usize>]) -> io::Result<()> {
        let start = self.base() as usize;
        let end = start + image.size.min(self.open);
        for region in private {
            let from = region.start.checked_sub(start).filter(|_| region.end <= end);
            let from = from.ok_or_else(|| io::Error::other("the kernel told of other pages"))?;
            // SAFETY: within the open part of this mapping (checked), which is readable and writable; no guest runs in
            // it any more, since whoever mends or rewinds it has it alone, so nothing else points here.
            let bytes = unsafe { std::slice::from_raw_parts_mut(self.base().add(from), region.len()) };
            // To compare first and to copy what differs is no faster: it reads as much.
            bytes.copy_from_slice(image.bytes(from, region.len()));
        }
        Ok(())
    }

    /// The private pages that the image has something for; those behind it are given back. None: not to be told.
    fn scan(&mut self, image: &Image, pagemap: Option<&File>) -> io::Result<Option<Vec<Range<usize>>>> {
        let start = self.base() as usize;
        let all = start..start + self.open;
        let end = start + image.size.min(self.open);
        let Some(mut found) = pagemap.and_then(|file| pagemap::private(file, all, KEEP).ok()).flatten()
        else {
            return Ok(None);
        };
        if found.iter().any(|region| region.end > end) {
            // A guest does not know what those before it have grown by, and grows by as much again.
            self.give_back(end - start..self.open)?;
            for region in &mut found {
                region.end = region.end.min(end);
            }
            found.retain(|region| region.start < region.end);
        }
        Ok(Some(found))
    }

    /// Gives back the private pages of a part.
    #[allow(unsafe_code, reason = "the block says why it is sound")]
    fn give_back(&mut self, part: Range<usize>) -> io::Result<()> {
        if part.start > part.end || part.end > self.open {
            return Err(io::Error::other("the kernel told of other pages"));
        }
        // SAFETY: address space of this mapping alone (checked); giving back the private pages of a private mapping shows
        // the file's again, and zeros where there is no file.
        unsafe { madvise(self.at(part.start), part.len(), MmapAdvise::MADV_DONTNEED)? };
        Ok(())
    }
}

impl Drop for Mapping {
    #[allow(unsafe_code, reason = "the block says why it is sound")]
    fn drop(&mut self) {
        if let Some(all) = Self::length(self.reserved, self.guard) {
            // SAFETY: exactly the mapping that `new` made, and the last use of it.
            unsafe { munmap(self.start.cast(), all.get()) }.ok();
        }
    }
}

/// A memory while a guest has it. The engine owns one of these, a [`Handle`] may share it.
struct Lent {
    mapping: Arc<Mutex<Option<Mapping>>>,
    owner: Arc<Memories>,
}

/// The memory of a guest, for whoever runs it. To be used only while the guest does not run.
pub(super) struct Handle {
    mapping: Arc<Mutex<Option<Mapping>>>,
    owner: Arc<Memories>,
}

thread_local! {
    /// The memory that was handed out last on this thread.
    static LATEST: RefCell<Option<Handle>> = const { RefCell::new(None) };
}

impl Handle {
    /// The memory of the guest that was made last on this thread.
    pub(super) fn latest() -> Option<Self> {
        LATEST.take()
    }

    /// See [`Mapping::settle`].
    pub(super) fn settle(&self, held: Option<Held>) -> io::Result<()> {
        with(&self.mapping, |mapping| mapping.settle(held)).unwrap_or_else(gone)
    }

    /// See [`Mapping::rewind`]. `before`: the page faults of this thread when the guest, which has run on it alone since
    /// the last time, was entered.
    pub(super) fn rewind(&self, before: Option<Faults>) -> io::Result<()> {
        let unfaulted = before.is_some() && before == Faults::now();
        with(&self.mapping, |mapping| mapping.rewind(self.owner.pagemap.as_ref(), unfaulted))
            .unwrap_or_else(gone)
    }

    /// Bytes that the guest has.
    pub(super) fn size(&self) -> usize {
        with(&self.mapping, |mapping| mapping.open).unwrap_or_default()
    }
}

fn gone() -> io::Result<()> {
    Err(io::Error::other("the guest is gone"))
}

fn with<T>(mapping: &Mutex<Option<Mapping>>, act: impl FnOnce(&mut Mapping) -> T) -> Option<T> {
    mapping.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(act)
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mapping = self.mapping.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mapping) = mapping {
            self.owner.take_back(mapping);
        }
    }
}

// SAFETY: `as_ptr` never moves (room for all growth is reserved at once), the first `byte_size` bytes are readable and
// writable, and everything behind them up to the end of the guard is not accessible: `Mapping` keeps that.
#[allow(unsafe_code, reason = "see above")]
unsafe impl wasmtime::LinearMemory for Lent {
    fn byte_size(&self) -> usize {
        with(&self.mapping, |mapping| mapping.open).unwrap_or_default()
    }

    fn byte_capacity(&self) -> usize {
        with(&self.mapping, |mapping| mapping.reserved).unwrap_or_default()
    }

    fn grow_to(&mut self, new_size: usize) -> wasmtime::Result<()> {
        with(&self.mapping, |mapping| mapping.grow(new_size)).unwrap_or_else(gone)?;
        Ok(())
    }

    fn as_ptr(&self) -> *mut u8 {
        // Only `drop` takes the mapping out.
        with(&self.mapping, |mapping| mapping.base())
            .unwrap_or_else(|| unreachable!("a memory in use has its mapping"))
    }
}

/// [`Memories`] as the engine wants it.
pub(super) struct Creator(pub(super) Arc<Memories>);

// SAFETY: each memory that is handed out is owned by its instance alone until it is dropped, see `Lent`. It is not zero
// at first but filled with the snapshot, which is what its module's data segments, cut out of it, would have written.
#[allow(unsafe_code, reason = "see above")]
unsafe impl wasmtime::MemoryCreator for Creator {
    fn new_memory(
        &self,
        _ty: wasmtime::MemoryType,
        minimum: usize,
        _maximum: Option<usize>,
        reserved: Option<usize>,
        guard: usize,
    ) -> Result<Box<dyn wasmtime::LinearMemory>, String> {
        let reserved = reserved.ok_or("the engine reserves no address space")?;
        let mapping = self.0.lend(minimum, reserved, guard)?;
        let mapping = Arc::new(Mutex::new(Some(mapping)));
        let handle = Handle { mapping: Arc::clone(&mapping), owner: Arc::clone(&self.0) };
        LATEST.set(Some(handle));
        Ok(Box::new(Lent { mapping, owner: Arc::clone(&self.0) }))
    }
}

#[cfg(test)]
#[allow(unsafe_code, reason = "the tests do what guests do")]
mod tests {
    use super::*;

    const SIZE: usize = 24 << 20;
    const RESERVED: usize = 64 << 20;
    const GUARD: usize = 1 << 20;

    /// A snapshot with something in each third page.
    fn contents() -> Vec<u8> {
        let mut bytes = (SIZE as u64).to_le_bytes().to_vec();
        let places: Vec<usize> =
            (0..SIZE / HOST_PAGE).step_by(3).map(|page| page * HOST_PAGE + page % 97).collect();
        leb(&mut bytes, places.len());
        for place in places {
            bytes.extend([0, 0x41]);
            // Signed: a zero bit must lead.
            bytes.extend(
                [place & 0x7f, place >> 7 & 0x7f, place >> 14 & 0x7f, place >> 21 & 0x7f]
                    .map(|b| b as u8 | 0x80),
            );
            bytes.extend([0, 0x0b, 4, 1, 2, 3, (place % 251) as u8]);
        }
        bytes
    }

    fn leb(to: &mut Vec<u8>, mut value: usize) {
        while value > 0x7f {
            to.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        to.push(value as u8);
    }

    fn image() -> Image {
        Image::new(Contents::parse(&contents()).unwrap()).unwrap()
    }

    fn write(mapping: &Mapping, place: usize, value: u8) {
        assert!(place < mapping.open);
        // SAFETY: within the open part, and nobody else uses the mapping.
        unsafe { mapping.base().add(place).write(value) };
    }

    fn all(mapping: &Mapping) -> &[u8] {
        // SAFETY: the open part of a mapping that nobody writes to meanwhile.
        unsafe { std::slice::from_raw_parts(mapping.base(), mapping.open) }
    }

    /// Numbers that look random and are the same each time.
    fn numbers() -> impl FnMut(usize) -> usize {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        move |below| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        }
    }

    #[test]
    fn a_mended_memory_is_the_snapshot() {
        let image = image();
        let fresh = image.bytes(0, SIZE).to_vec();
        assert!(fresh.iter().any(|&byte| byte != 0));
        let tracking = pagemap::open();
        for pagemap in [None, tracking.as_ref()] {
            let mut number = numbers();
            let mut mapping = Mapping::new(&image, RESERVED, GUARD).unwrap();
            assert!(all(&mapping) == fresh);
            // Few pages, many, more than are kept; with and without growth; all from run to run in one memory.
            for (writes, grown) in
                [(1, 0), (200, 0), (90, 5), (9_000, 0), (3, 1), (5_000, 300), (0, 0), (400, 7)]
            {
                mapping.grow(SIZE + grown * (64 << 10)).unwrap();
                assert!(all(&mapping)[SIZE..].iter().all(|&byte| byte == 0), "{writes} {grown}");
                for _ in 0..writes {
                    let place = number(mapping.open);
                    write(&mapping, place, number(256) as u8);
                }
                mapping.mend(&image, pagemap).unwrap();
                assert_eq!(mapping.open, SIZE);
                assert!(all(&mapping) == fresh, "{writes} {grown}");
            }
        }
    }

    #[test]
    fn a_memory_is_rewound_whether_its_pages_are_known_or_not() {
        let image = image();
        let tracking = pagemap::open();
        let mut mapping = Mapping::new(&image, RESERVED, GUARD).unwrap();
        write(&mapping, 12_345, 1);
        mapping.settle(None).unwrap();
        let settled = all(&mapping).to_vec();
        let (mut number, mut known) = (numbers(), 0);
        // The same pages over and over, with a new one now and then, and growth.
        for run in 0..60 {
            let before = Faults::now();
            for page in 0..50 {
                write(&mapping, page * 7 * HOST_PAGE + number(HOST_PAGE), number(256) as u8);
            }
            if run % 10 == 9 {
                write(&mapping, (400 + run) * HOST_PAGE, 200);
                mapping.grow(SIZE + run * (64 << 10)).unwrap();
                write(&mapping, mapping.open - 1, 200);
            }
            let unfaulted = before.is_some() && before == Faults::now();
            known += usize::from(unfaulted);
            mapping.rewind(tracking.as_ref(), unfaulted).unwrap();
            assert!(all(&mapping)[..SIZE] == settled, "{run}");
            assert!(all(&mapping)[SIZE..].iter().all(|&byte| byte == 0), "{run}");
        }
        // The comparison itself reads pages that nothing has read before, but not for long.
        assert!(tracking.is_none() || known > 20, "{known}");
    }

    #[test]
    fn a_page_that_becomes_private_is_a_fault_of_the_thread_that_wrote_to_it() {
        let mapping = Mapping::new(&image(), RESERVED, GUARD).unwrap();
        write(&mapping, 7, 1);
        // Another test's thread does not count. But the kernel may take away any page meanwhile, and this thread then has a
        // fault of its own, which costs a scan and no more: most times there is none.
        let unfaulted = |_: &usize| {
            let before = Faults::now().unwrap();
            write(&mapping, 8, 1);
            Faults::now().unwrap() == before
        };
        assert!((0..100).filter(unfaulted).count() > 50);
        let before = Faults::now().unwrap();
        write(&mapping, 8 + 100 * HOST_PAGE, 1);
        assert_ne!(Faults::now().unwrap(), before);
    }

    #[test]
    fn pages_that_were_written_are_told_and_no_others() {
        let Some(file) = pagemap::open() else { return };
        let image = image();
        let mapping = Mapping::new(&image, RESERVED, GUARD).unwrap();
        let base = mapping.base() as usize;
        let told = |most| pagemap::private(&file, base..base + SIZE, most).unwrap();
        // Reading makes no page private.
        assert!(all(&mapping).iter().any(|&byte| byte != 0));
        assert_eq!(told(KEEP), Some(Vec::new()));
        for page in [3, 4, 5, 700] {
            write(&mapping, page * HOST_PAGE + 9, 1);
        }
        let page = |number| base + number * HOST_PAGE;
        assert_eq!(told(KEEP), Some(vec![page(3)..page(6), page(700)..page(701)]));
        assert_eq!(told(2 * HOST_PAGE), None);
        // More regions than the kernel's own buffer has room for.
        for page in (1000..4000).step_by(2) {
            write(&mapping, page * HOST_PAGE, 1);
        }
        assert_eq!(told(KEEP).map(|regions| regions.len()), Some(1502));
    }

    #[test]
    fn a_memory_cannot_grow_past_what_is_reserved() {
        let mut mapping = Mapping::new(&image(), RESERVED, GUARD).unwrap();
        assert!(mapping.grow(RESERVED + 1).is_err());
        mapping.grow(RESERVED).unwrap();
        write(&mapping, RESERVED - 1, 1);
    }

    #[test]
    fn only_the_interpreter_gets_a_memory() {
        let memories = Memories::new();
        assert!(memories.lend(SIZE, RESERVED, GUARD).is_err());
        memories.provide(Contents::parse(&contents()).unwrap()).unwrap();
        assert!(memories.provide(Contents::parse(&contents()).unwrap()).is_err());
        assert!(memories.lend(SIZE - (64 << 10), RESERVED, GUARD).is_err());
        let first = memories.lend(SIZE, RESERVED, GUARD).unwrap();
        let place = first.base() as usize;
        memories.take_back(first);
        assert_eq!(memories.lend(SIZE, RESERVED, GUARD).unwrap().base() as usize, place);
    }
}
