//! Which process has a mission under way: the one that holds the lock on its lease file.
//!
//! The lock is looked up in the kernel's table and never tried, so that looking cannot disturb a process that
//! takes it at that moment.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use coditect_types::MissionId;

/// None: nobody. The inner value is the process, where the file names it.
pub(super) fn of(journal: &Path, mission: &MissionId) -> Option<Option<u32>> {
    let lease = journal.join("leases").join(format!("{mission}.lock"));
    let inode = std::fs::metadata(&lease).ok()?.ino();
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    let named = || std::fs::read_to_string(&lease).ok().and_then(|text| text.trim().parse().ok());
    is_locked(&locks, inode).then(named)
}

/// Lines are `1: FLOCK  ADVISORY  WRITE 1234 fe:01:5678 0 EOF`; the device is left out of the comparison, since
/// file systems with several devices tell another one there.
fn is_locked(locks: &str, inode: u64) -> bool {
    locks.lines().any(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, "FLOCK", _, _, _, place, ..] = words.as_slice() else { return false };
        place.rsplit(':').next().and_then(|text| text.parse::<u64>().ok()) == Some(inode)
    })
}

#[cfg(test)]
mod tests {
    use super::is_locked;

    #[test]
    fn locks_are_found_by_inode() {
        let locks = "\
1: POSIX  ADVISORY  READ  1 fe:01:77 128 128
2: FLOCK  ADVISORY  WRITE 4711 fe:01:5678 0 EOF
2: -> FLOCK  ADVISORY  WRITE 4712 fe:01:99 0 EOF
";
        assert!(is_locked(locks, 5678));
        assert!(!is_locked(locks, 77), "another kind of lock");
        assert!(!is_locked(locks, 99), "one that waits holds nothing");
        assert!(!is_locked(locks, 1));
    }
}
