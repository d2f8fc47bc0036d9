#![allow(clippy::unwrap_used, reason = "a test ends there")]

use std::io::Write;

use super::*;

fn pipe() -> (OwnedFd, File) {
    let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC).unwrap();
    (read, File::from(write))
}

#[test]
fn output_keeps_its_beginning() {
    let (read, mut write) = pipe();
    let mut output = Output::new(read, 4).unwrap();
    let mut turn = buffer();
    let mut none = |line: &str| -> ControlFlow<()> { panic!("output that is no report is reported: {line}") };
    assert_eq!(output.pump(&mut turn, &mut none).unwrap(), Reported::Nothing, "an empty pipe blocks nobody");
    write.write_all(b"abcdefg\n").unwrap();
    assert_eq!(output.pump(&mut turn, &mut none).unwrap(), Reported::Some);
    drop(write);
    assert_eq!(output.pump(&mut turn, &mut none).unwrap(), Reported::Nothing);
    assert!(output.fd().is_none());
    assert_eq!((output.kept.as_slice(), output.dropped), (&b"abcd"[..], 4));
}

#[test]
fn output_that_reports_is_kept_all_the_same() {
    let (read, mut write) = pipe();
    let mut output = Output::new(read, 64).unwrap().reporting();
    write.write_all(b"one\ntwo\nthr").unwrap();
    let mut heard = Vec::new();
    let mut hear = |line: &str| {
        heard.push(line.to_owned());
        ControlFlow::Continue(())
    };
    assert_eq!(output.pump(&mut buffer(), &mut hear).unwrap(), Reported::Some);
    assert_eq!(heard, ["one", "two"]);
    assert_eq!(output.kept, b"one\ntwo\nthr");
}

/// Feeds `parts`, one a turn; gives the lines and what each turn came to.
fn lines(parts: &[&[u8]], enough: usize) -> (Vec<String>, Vec<Reported>) {
    let (read, mut write) = pipe();
    let mut reports = Reports::new(read).unwrap();
    let (mut turn, mut heard) = (buffer(), Vec::new());
    let mut came = Vec::new();
    for part in parts {
        write.write_all(part).unwrap();
        came.push(
            reports
                .pump(&mut turn, &mut |line| {
                    heard.push(line.to_owned());
                    if heard.len() >= enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                })
                .unwrap(),
        );
    }
    (heard, came)
}

#[test]
fn lines_are_whole_however_they_come() {
    let (heard, came) = lines(&[b"one\ntw", b"o\n\xffthree\nrest"], 9);
    assert_eq!(heard, ["one", "two", "\u{fffd}three"]);
    assert_eq!(came, [Reported::Some, Reported::Some]);
}

#[test]
fn enough_ends_in_the_middle_of_a_turn() {
    let (heard, came) = lines(&[b"one\ntwo\nthree\n"], 2);
    assert_eq!((heard.len(), came), (2, vec![Reported::Enough]));
}

#[test]
fn a_line_without_end_is_too_long() {
    let part = vec![b'x'; 60 << 10];
    let parts: Vec<&[u8]> = std::iter::repeat_n(part.as_slice(), 18).collect();
    let (heard, came) = lines(&parts, 9);
    assert_eq!((heard.len(), came.last()), (0, Some(&Reported::TooLong)));
}
