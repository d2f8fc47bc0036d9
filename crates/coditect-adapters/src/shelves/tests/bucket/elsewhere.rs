//! Buckets that are another one than before, away, slow, or have something else.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::server::slow;
use super::*;

/// Shelves of a folder that nobody named a bucket for, with 20 episodes of which ten are in a part.
fn of_folder(dir: &Path) -> Vec<u64> {
    let shelves = DiskShelves::open(dir).unwrap();
    shelves.put(&(1..=20).map(kept).collect::<Vec<_>>()).unwrap();
    let known = numbers(&shelves);
    shelves.move_to(Shelf::Cold, &known[..10]).unwrap();
    known
}

#[test]
fn what_the_folder_has_is_forgotten_while_a_bucket_that_was_never_used_is_away() {
    let nobody = at_port(saying(""), AT);
    let wrong = PortError::new(ErrorKind::Invalid, "it does not begin with `s3://`");
    for named in [Ok(nobody), Err(wrong)] {
        let dir = tempfile::tempdir().unwrap();
        let known = of_folder(dir.path());
        let shelves = DiskShelves::open_with(dir.path(), Some(named)).unwrap();
        shelves.can_forget().unwrap();
        shelves.remove(&known[3..4], true).unwrap();
        assert!(!holds(&texts_here(dir.path()), "planted-4-planted"));
        assert_eq!((all(&shelves).len(), shelves.erase()), (19, Ok(())));
        assert!(!catalogue::is_erasing(&shelves.catalogue()).unwrap());
    }
}

#[test]
fn a_bucket_that_another_process_uses_since_is_asked_before_anything_is_forgotten() {
    let Some(server) = Server::with("memories") else { return };
    let dir = tempfile::tempdir().unwrap();
    let known = of_folder(dir.path());
    let wrong = PortError::new(ErrorKind::Invalid, "it does not begin with `s3://`");
    let shelves = DiskShelves::open_with(dir.path(), Some(Err(wrong))).unwrap();
    shelves.can_forget().unwrap();
    open_at(dir.path(), server.at(AT)).move_to(Shelf::Cold, &known[10..15]).unwrap();
    shelves.can_forget().unwrap_err();
    shelves.remove(&known[12..13], true).unwrap_err();
    assert_eq!(shelves.standings().unwrap().len(), 20);
}

#[test]
fn a_bucket_of_the_same_name_in_another_store_is_another_one() {
    let (Some(server), Some(mirror)) = (Server::with("memories"), Server::with("memories")) else { return };
    let dir = tempfile::tempdir().unwrap();
    let (shelves, known) = filled(dir.path(), server.at(AT), 20, 5);
    // What a mirror had of it before the rest came.
    for name in server.names("memories") {
        let (_, body) = server.ask("GET", &format!("/memories/{name}"), b"");
        mirror.ask("PUT", &format!("/memories/{name}"), &body);
    }
    shelves.move_to(Shelf::Cold, &known[5..10]).unwrap();
    drop(shelves);
    remove_copies(dir.path());
    let mark = dir.path().join(COLD).join("bucket");
    for has_mark in [true, false] {
        if !has_mark {
            fs::remove_file(&mark).unwrap();
        }
        let shelves = open_at(dir.path(), mirror.at(AT));
        let said = shelves.findings().join("\n");
        let both = [server.port, mirror.port].map(|port| said.contains(&format!("http://127.0.0.1:{port}")));
        assert!(both == [true, true] && said.contains("AWS_ENDPOINT_URL"), "{said}");
        assert_eq!(shelves.fetch(&known).unwrap().len(), 10);
        shelves.each(0, &mut |_| true).unwrap_err();
        shelves.remove(&known[..1], true).unwrap_err();
        assert!(!shelves.findings().join("\n").contains("any more"), "{:?}", shelves.findings());
    }
    assert_eq!(all(&open_at(dir.path(), server.at(AT))).len(), 20);
    // A person says that it is one store under two addresses.
    let door = Door::before(&server);
    let text = fs::read_to_string(&mark).unwrap();
    let without: Vec<&str> = text.lines().filter(|line| !line.starts_with("endpoint")).collect();
    fs::write(&mark, without.join("\n")).unwrap();
    remove_copies(dir.path());
    assert_eq!(all(&open_at(dir.path(), at_port(door.port, AT))).len(), 20);
    assert!(fs::read_to_string(&mark).unwrap().contains(&format!("endpoint http://127.0.0.1:{}", door.port)));
}

#[test]
fn who_has_nothing_there_is_called_otherwise_at_another_store() {
    let (Some(first), Some(second)) = (Server::with("memories"), Server::with("memories")) else { return };
    let dir = tempfile::tempdir().unwrap();
    let (of_first, known) = filled(dir.path(), first.at(AT), 20, 5);
    of_first.move_to(Shelf::Warm, &known).unwrap();
    let word = |shelves: &DiskShelves| catalogue::owner(&shelves.catalogue()).unwrap().unwrap().word;
    let before = word(&of_first);
    let of_second = open_at(dir.path(), second.at(AT));
    assert_ne!(word(&of_second), before);
    of_second.move_to(Shelf::Cold, &known[..5]).unwrap();
    remove_copies(dir.path());
    // Who still asks the first one takes nothing for lost, and changes nothing.
    let error = of_first.move_to(Shelf::Cold, &known[5..9]).unwrap_err();
    assert!(error.cause.contains("another process was told"), "{error:?}");
    of_first.remove(&known[..1], true).unwrap_err();
    assert_eq!(of_first.fetch(&known).unwrap().len(), 15);
    let said = of_first.findings().join("\n");
    assert!(!said.contains("any more") && said.contains("passed over"), "{said}");
    assert!(first.parts("memories").is_empty());
    assert_eq!(all(&open_at(dir.path(), second.at(AT))).len(), 20);
    // With everything at hand it goes back.
    of_second.move_to(Shelf::Warm, &known).unwrap();
    let again = open_at(dir.path(), first.at(AT));
    again.move_to(Shelf::Cold, &known[..5]).unwrap();
    assert!(again.findings().is_empty() && word(&again) != before, "{:?}", again.findings());
}

#[test]
fn what_never_arrived_keeps_nobody_from_the_folder_once_no_bucket_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let known = of_folder(dir.path());
    let shelves = open_at(dir.path(), at_port(saying(""), AT));
    let file = catalogue::new_file(&shelves.catalogue()).unwrap();
    shelves.alone(|step| catalogue::note_sent(step, &file, moving::now_ms())).unwrap();
    drop(shelves);
    let shelves = DiskShelves::open(dir.path()).unwrap();
    assert_eq!((shelves.findings(), shelves.far().unwrap()), (Vec::new(), None));
    shelves.move_to(Shelf::Cold, &known[10..15]).unwrap();
    shelves.move_to(Shelf::Warm, &known[..3]).unwrap();
    assert_eq!(all(&shelves).len(), 20);
    // It may have arrived all the same, and that is said.
    let error = shelves.remove(&known[..1], true).unwrap_err();
    assert!(error.cause.contains("not everywhere erased"), "{error:?}");
    assert!(!holds(&texts_here(dir.path()), "planted-1-planted"));
}

#[test]
fn what_takes_long_to_send_is_sent() {
    let port = slow(Duration::from_millis(400), "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let mut bucket = Bucket::new(at_port(port, AT), "me").unwrap();
    bucket.idle = Duration::from_millis(50);
    bucket.put("x", "text".into()).unwrap();
}

#[test]
fn an_object_that_became_longer_is_damaged_and_the_store_is_not_away() {
    let Some(server) = Server::with("memories") else { return };
    let dir = tempfile::tempdir().unwrap();
    let (shelves, known) = filled(dir.path(), server.at(AT), 20, 5);
    let longer = server.parts("memories").remove(0);
    shelves.move_to(Shelf::Cold, &known[5..10]).unwrap();
    remove_copies(dir.path());
    assert_eq!(server.ask("PUT", &format!("/memories/{longer}"), &[b'x'; 100_000]).0, 200);
    assert_eq!(all(&shelves).len(), 15);
    assert!(shelves.findings().join("\n").contains("is damaged"), "{:?}", shelves.findings());
    // It can be forgotten.
    shelves.remove(&known[..1], true).unwrap();
    assert_eq!(server.parts("memories").len(), 1);
}

#[test]
fn a_copy_that_is_made_anew_lets_go_of_the_mark_before_the_catalogue_does() {
    let Some(server) = Server::with("memories") else { return };
    let (dir, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drop(filled(dir.path(), server.at(AT), 20, 5));
    let copied = Command::new("cp").arg("-r").arg(dir.path()).arg(copy.path().join("memory")).status();
    assert!(copied.unwrap().success());
    let copy = copy.path().join("memory");
    let shelves = open_at(&copy, server.at(AT));
    let everything: Vec<Kept> = all(&shelves).into_values().map(|row| row.kept).collect();
    // It stops at the mark.
    let mark = copy.join(COLD).join("bucket");
    let text = fs::read(&mark).unwrap();
    fs::remove_file(&mark).unwrap();
    fs::create_dir(&mark).unwrap();
    shelves.refill(&everything, u64::MAX).unwrap_err();
    assert!(catalogue::owner(&shelves.catalogue()).unwrap().is_some(), "it still knows whose it is");
    drop(shelves);
    // As if it was killed behind it.
    fs::remove_dir(&mark).unwrap();
    let shelves = open_at(&copy, server.at(AT));
    assert_eq!(fs::read(&mark).unwrap(), text);
    let error = shelves.move_to(Shelf::Cold, &numbers(&shelves)).unwrap_err();
    assert!(error.cause.contains("copied or moved"), "{error:?}");
    shelves.refill(&everything, u64::MAX).unwrap();
    assert!(!mark.exists() && catalogue::owner(&shelves.catalogue()).unwrap().is_none());
}

/// A store before a server that says for a while that it has not what it has.
#[test]
fn a_part_that_cannot_be_had_just_now_is_found_by_a_catalogue_that_was_lost() {
    let Some(server) = Server::with("memories") else { return };
    let dir = tempfile::tempdir().unwrap();
    drop(filled(dir.path(), server.at(AT), 20, 5));
    let part = server.parts("memories").remove(0);
    let (port, left) = denying(server.port, part, 2);
    let mark = dir.path().join(COLD).join("bucket");
    let text = fs::read_to_string(&mark).unwrap().replace(&server.port.to_string(), &port.to_string());
    fs::write(&mark, text).unwrap();
    remove_catalogue(dir.path());
    remove_copies(dir.path());
    let shelves = open_at(dir.path(), at_port(port, AT));
    assert!(shelves.findings().join("\n").contains("cannot be had"), "{:?}", shelves.findings());
    assert_eq!((left.load(Ordering::SeqCst), all(&shelves).len()), (0, 0));
    assert!(catalogue::is_adopting(&shelves.catalogue()).unwrap());
    shelves.tend().unwrap();
    assert_eq!(all(&shelves).len(), 5);
    assert!(!catalogue::is_adopting(&shelves.catalogue()).unwrap());
}

/// A server before another one that says so many times that there is no `part`.
fn denying(behind: u16, part: String, times: usize) -> (u16, std::sync::Arc<AtomicUsize>) {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let left = std::sync::Arc::new(AtomicUsize::new(times));
    let of_server = std::sync::Arc::clone(&left);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read(&mut byte).unwrap_or(0) == 0 {
                    break;
                }
                head.push(byte[0]);
            }
            let text = String::from_utf8_lossy(&head).into_owned();
            if text.starts_with(&format!("GET /memories/{part}")) && of_server.load(Ordering::SeqCst) > 0 {
                of_server.fetch_sub(1, Ordering::SeqCst);
                let body = "<Error><Code>NoSuchKey</Code></Error>";
                let answer =
                    format!("HTTP/1.1 404 Not Found\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                stream.write_all(answer.as_bytes()).ok();
                continue;
            }
            let mut there = TcpStream::connect(("127.0.0.1", behind)).unwrap();
            let closes = text.replacen("\r\n", "\r\nconnection: close\r\n", 1);
            there.write_all(closes.as_bytes()).unwrap();
            std::io::copy(&mut there, &mut stream).ok();
        }
    });
    (port, left)
}
