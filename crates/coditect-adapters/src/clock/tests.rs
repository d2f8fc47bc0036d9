use std::collections::HashSet;

use coditect_ports::{Clock, Entropy};

use super::{SystemClock, SystemEntropy};

#[test]
fn entropy_does_not_repeat() {
    let (one, two) = (SystemEntropy::new(), SystemEntropy::new());
    let mut seen = HashSet::new();
    for _ in 0..100_000 {
        assert!(seen.insert(one.next_u64()));
    }
    assert!((0..100).any(|_| seen.insert(two.next_u64())));
    // Mission ids take the low digits: they must differ too.
    let low: HashSet<u64> = (0..1000).map(|_| one.next_u64() % 36_u64.pow(4)).collect();
    assert!(low.len() > 990);
}

#[test]
fn clock_tells_wall_and_monotonic_time() {
    let clock = SystemClock::new();
    let (wall, us) = (clock.now_ms(), clock.monotonic_us());
    assert!(wall > 1_700_000_000_000);
    assert!(clock.monotonic_us() >= us);
}
