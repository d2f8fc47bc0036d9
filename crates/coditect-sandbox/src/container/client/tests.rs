#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use serde_json::json;

use super::*;

#[test]
fn answers_are_read_whole_or_in_chunks() {
    let whole = b"HTTP/1.1 201 Created\r\nContent-Length: 12\r\n\r\n{\"Id\":\"abc\"}";
    assert_eq!(parse(whole).unwrap(), Answer { status: 201, body: json!({"Id": "abc"}) });
    let chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{\"a\"\r\n3\r\n:1}\r\n0\r\n\r\n";
    assert_eq!(parse(chunks).unwrap(), Answer { status: 200, body: json!({"a": 1}) });
    assert_eq!(parse(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap(), Answer { status: 204, body: Value::Null });
}

#[test]
fn what_is_no_answer_is_an_error_and_no_panic() {
    for bytes in [
        &b""[..],
        b"SSH-2.0-x\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc",
    ] {
        assert_eq!(parse(bytes).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}

#[test]
fn an_error_of_the_engine_is_told_in_its_own_words() {
    let answer = Answer { status: 409, body: json!({"message": "it is gone\n"}) };
    assert_eq!(answer.checked("removing").unwrap_err().cause, "removing: it is gone");
    assert_eq!(quoted("reg:5000/a b@sha"), "reg%3A5000/a%20b%40sha");
}
