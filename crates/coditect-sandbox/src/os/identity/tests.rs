use super::*;

#[test]
fn ids_are_looked_for_in_all_ranges() {
    let map = "         0       1000          1\n         1     100000      65536\n";
    for (id, expected) in [(0, true), (1, true), (65534, true), (65536, true), (65537, false)] {
        assert_eq!(is_mapped(map, id), expected, "{id}");
    }
    assert!(is_mapped("0 0 4294967295", ORDINARY_IDS[0]));
    assert!(!is_mapped("no map", 0));
}
