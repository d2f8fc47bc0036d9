use coditect_types::{Command, ErrorKind, MissionId};

use super::{LETTER_BYTES, Mailbox, WAITING, Waiting};

fn cancel(reason: &str) -> Command {
    Command::CancelMission { reason: reason.to_owned() }
}

fn commands(waiting: &Waiting) -> Vec<Command> {
    waiting.letters.iter().map(|letter| letter.command.clone()).collect()
}

#[test]
fn commands_arrive_in_order_and_stay_until_they_are_done() {
    let dir = tempfile::tempdir().unwrap();
    let (mission, other) = (MissionId::from_parts(0, 1), MissionId::from_parts(0, 2));
    let (sender, taker) = (Mailbox::new(dir.path()), Mailbox::new(dir.path()));
    assert!(taker.look(&mission).unwrap().letters.is_empty());
    sender.send(&mission, &cancel("one")).unwrap();
    sender.send(&mission, &cancel("two")).unwrap();
    sender.send(&other, &cancel("other")).unwrap();
    let waiting = taker.look(&mission).unwrap();
    assert_eq!(commands(&waiting), [cancel("one"), cancel("two")]);
    // A process that dies before it has kept what came of them leaves them to the next one.
    let next = Mailbox::new(dir.path());
    assert_eq!(next.look(&mission).unwrap(), waiting);
    next.done(&waiting.letters[0]).unwrap();
    next.done(&waiting.letters[0]).unwrap();
    assert_eq!(commands(&next.look(&mission).unwrap()), [cancel("two")]);
    next.done(&waiting.letters[1]).unwrap();
    assert!(next.look(&mission).unwrap().letters.is_empty());
    taker.clean(&other).unwrap();
    taker.clean(&other).unwrap();
    assert!(taker.look(&other).unwrap().letters.is_empty());
}

#[test]
fn bad_files_are_set_aside_and_stop_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mission = MissionId::from_parts(0, 1);
    let mailbox = Mailbox::new(dir.path());
    let inbox = dir.path().join(mission.as_str());
    std::fs::create_dir_all(&inbox).unwrap();
    std::fs::write(inbox.join("0.json"), b"{ not json \xff").unwrap();
    std::fs::write(inbox.join("1.json"), vec![b' '; LETTER_BYTES + 1]).unwrap();
    std::os::unix::fs::symlink("/dev/zero", inbox.join("2.json")).unwrap();
    std::fs::create_dir(inbox.join("3.json")).unwrap();
    std::fs::write(inbox.join(".half"), b"{").unwrap();
    mailbox.send(&mission, &cancel("still")).unwrap();
    let waiting = mailbox.look(&mission).unwrap();
    assert_eq!(commands(&waiting), [cancel("still")]);
    assert_eq!(waiting.set_aside.len(), 4);
    assert!(mailbox.look(&mission).unwrap().set_aside.is_empty());
}

#[test]
fn too_much_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mission = MissionId::from_parts(0, 1);
    let mailbox = Mailbox::new(dir.path());
    let large = cancel(&"x".repeat(LETTER_BYTES));
    assert_eq!(mailbox.send(&mission, &large).unwrap_err().kind, ErrorKind::Invalid);
    for _ in 0..WAITING {
        mailbox.send(&mission, &cancel("again")).unwrap();
    }
    assert_eq!(mailbox.send(&mission, &cancel("again")).unwrap_err().kind, ErrorKind::Exhausted);
    assert_eq!(mailbox.look(&mission).unwrap().letters.len(), WAITING);
}
