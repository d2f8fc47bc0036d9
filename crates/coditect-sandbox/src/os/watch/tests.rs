use super::*;

#[test]
fn a_status_is_added_up() {
    let status = "Name:\tx\nRssAnon:\t     100 kB\nRssFile:\t  900 kB\nRssShmem:\t  20 kB\nThreads:\t3\n";
    assert_eq!(parse(status), Use { memory_bytes: 120 * 1024, threads: 3 });
    assert_eq!(parse(""), Use::default());
}

#[test]
fn a_process_that_is_gone_uses_nothing() {
    assert_eq!(measure(u32::MAX), Use::default());
}
