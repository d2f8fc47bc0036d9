#![allow(clippy::unwrap_used, reason = "a test ends there")]

use super::*;

#[test]
fn names_that_are_no_text_come_through() {
    let odd = Raw(OsString::from_vec(b"/home/\xff\xfe".to_vec()));
    let written = serde_json::to_string(&[odd.clone(), Raw::new("plain")]).unwrap();
    assert!(written.ends_with("\"plain\"]"), "{written}");
    let read: Vec<Raw> = serde_json::from_str(&written).unwrap();
    assert_eq!(read, [odd, Raw::new("plain")]);
}
