//! What the kernel knows of our pages: `PAGEMAP_SCAN` of ioctl_pagemap_scan(2), Linux 6.7, and how many faults there were.

use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::ops::Range;
use std::os::fd::AsRawFd as _;

use nix::sys::resource::{UsageWho, getrusage};

use super::HOST_PAGE;

/// Regions that one scan can tell. A run of a test suite writes to some thousand pages in fewer regions than this.
const REGIONS: usize = 4096;

const FILE: u64 = 1 << 2;
const PRESENT: u64 = 1 << 3;
const SWAPPED: u64 = 1 << 4;
const PFNZERO: u64 = 1 << 5;

/// `struct page_region` of linux/fs.h.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Region {
    start: u64,
    end: u64,
    categories: u64,
}

/// `struct pm_scan_arg` of linux/fs.h.
#[repr(C)]
struct Scan {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    vec: u64,
    vec_len: u64,
    max_pages: u64,
    category_inverted: u64,
    category_mask: u64,
    category_anyof_mask: u64,
    return_mask: u64,
}

#[allow(unsafe_code, reason = "what the macro makes is called below only")]
mod call {
    nix::ioctl_readwrite!(pagemap_scan, b'f', 16, super::Scan);
}

/// The file to ask, if this kernel answers.
pub(super) fn open() -> Option<File> {
    let file = File::open("/proc/self/pagemap").ok()?;
    let page = Box::new([0_u8; 2 * HOST_PAGE]);
    let start = (page.as_ptr() as usize).next_multiple_of(HOST_PAGE);
    private(&file, start..start + HOST_PAGE, HOST_PAGE).ok()?;
    Some(file)
}

/// The private pages of a range, present or swapped out; none if they are more than `most` bytes or too scattered.
#[allow(unsafe_code, reason = "the block says why it is sound")]
pub(super) fn private(
    file: &File,
    range: Range<usize>,
    most: usize,
) -> io::Result<Option<Vec<Range<usize>>>> {
    let mut regions = vec![Region::default(); REGIONS];
    let mut scan = Scan {
        size: size_of::<Scan>() as u64,
        flags: 0,
        start: range.start as u64,
        end: range.end as u64,
        walk_end: 0,
        vec: regions.as_mut_ptr() as u64,
        vec_len: regions.len() as u64,
        max_pages: (most / HOST_PAGE) as u64,
        // Neither a page of the file nor the kernel's page of zeros, but there.
        category_inverted: FILE | PFNZERO,
        category_mask: FILE | PFNZERO,
        category_anyof_mask: PRESENT | SWAPPED,
        return_mask: 0,
    };
    // SAFETY: both structures are laid out as the kernel's, `size` says so, and `vec` has room for `vec_len`
    // regions; the call reads page tables and writes to these two only.
    let found = unsafe { call::pagemap_scan(file.as_raw_fd(), &raw mut scan)? };
    let found = usize::try_from(found).map_err(io::Error::other)?;
    regions.truncate(found);
    let bytes: u64 = regions.iter().map(|region| region.end - region.start).sum();
    // These are the two reasons to stop early. `walk_end` does not tell: it stays where the kernel's own buffer of
    // 512 regions was full, although the scan went on from there.
    if found == REGIONS || bytes / HOST_PAGE as u64 == scan.max_pages {
        return Ok(None);
    }
    let exact = |place: u64| usize::try_from(place).map_err(io::Error::other);
    regions
        .iter()
        .map(|region| Ok(exact(region.start)?..exact(region.end)?))
        .collect::<io::Result<_>>()
        .map(Some)
}

/// The page faults of this thread so far, minor and major. Stays on its thread: the numbers of two say nothing together.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::wasm) struct Faults {
    count: i64,
    of_one_thread: PhantomData<*const ()>,
}

impl Faults {
    /// None where the kernel does not tell.
    pub(in crate::wasm) fn now() -> Option<Self> {
        let usage = getrusage(UsageWho::RUSAGE_THREAD).ok()?;
        let count = usage.minor_page_faults() + usage.major_page_faults();
        Some(Self { count, of_one_thread: PhantomData })
    }
}
