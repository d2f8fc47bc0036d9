use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use super::*;

const FILE: &[u8] = b"0123456789abcdefghij";

/// A server that gives the file, from where it is asked to; `most` bytes of it at a time, and what it was asked for.
fn server(file: &'static [u8], most: usize, resumes: bool) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/model.gguf", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&asked);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let head: Vec<String> = BufReader::new(stream.try_clone().unwrap())
                .lines()
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty())
                .map(|line| line.to_lowercase())
                .collect();
            let range = head.iter().find_map(|line| line.strip_prefix("range: bytes="));
            kept.lock().unwrap().push(range.unwrap_or_default().to_owned());
            let from: usize = match range.filter(|_| resumes) {
                Some(range) => range.trim_end_matches('-').parse().unwrap(),
                None => 0,
            };
            let status = if from > 0 { "206 Partial Content" } else { "200 OK" };
            let rest = &file[from..];
            let head =
                format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", rest.len());
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&rest[..most.min(rest.len())]).unwrap();
        }
    });
    (url, asked)
}

fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn it_goes_on_where_it_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let into = dir.path().join("model.gguf");
    let (url, asked) = server(FILE, 8, true);
    let (sources, sha256) = ([url.as_str()], sum(FILE));
    let wanted = Wanted { sources: &sources, into: &into, bytes: FILE.len() as u64, sha256: &sha256 };
    for _ in 0..2 {
        assert_eq!(fetch(&wanted, &mut |_| {}).unwrap_err().kind, ErrorKind::Unavailable);
        assert!(!into.exists());
    }
    let mut told = Vec::new();
    fetch(&wanted, &mut |bytes| told.push(bytes)).unwrap();
    assert_eq!(fs::read(&into).unwrap(), FILE);
    assert_eq!(*asked.lock().unwrap(), ["", "8-", "16-"]);
    assert_eq!((told.first(), told.last()), (Some(&16), Some(&20)));
    assert!(!part_of(&into).exists());
}

#[test]
fn another_source_is_asked_where_the_first_cannot_or_lies() {
    let dir = tempfile::tempdir().unwrap();
    let into = dir.path().join("model.gguf");
    let (liar, _) = server(b"an altogether other!", 100, true);
    let (forgetful, asked) = server(FILE, 100, false);
    let sources = ["http://127.0.0.1:1/gone", liar.as_str(), forgetful.as_str()];
    let sha256 = sum(FILE);
    let wanted = Wanted { sources: &sources, into: &into, bytes: FILE.len() as u64, sha256: &sha256 };
    // What is there of a beginning is thrown away by a server that cannot go on from it.
    fs::write(part_of(&into), &FILE[..5]).unwrap();
    fetch(&wanted, &mut |_| {}).unwrap();
    assert_eq!((fs::read(&into).unwrap().as_slice(), asked.lock().unwrap().len()), (FILE, 1));
    let other = Wanted { sources: &sources[1..2], into: &dir.path().join("b"), sha256: "00", ..wanted };
    let error = fetch(&other, &mut |_| {}).unwrap_err();
    assert!(error.kind == ErrorKind::Invalid && error.cause.contains("another file"), "{error:?}");
}
