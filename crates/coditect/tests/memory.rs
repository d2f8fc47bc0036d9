//! Memory, with the real program: what was right once is tried first where code of the same form is wrong in the same way.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod world;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use world::{REQUEST, World, objects};

/// The same mistake as in the world's own project, in other words.
const SHOP: &str = "\
class Basket:
    def __init__(self, goods):
        self.goods = goods

    def price(self):
        amount = 0
        for good in self.goods:
            amount = amount - good
        return amount
";

const SHOP_TESTS: &str = "\
import unittest

import shop


class Price(unittest.TestCase):
    def test_nothing(self):
        self.assertEqual(shop.Basket([]).price(), 0)

    def test_two(self):
        self.assertEqual(shop.Basket([3, 4]).price(), 7)

    def test_one(self):
        self.assertEqual(shop.Basket([5]).price(), 5)
";

/// Other files in a repository of their own, with the same home.
fn other_project(world: &World, code: &str, tests: &str) {
    let dir = world.path("other");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("shop.py"), code).unwrap();
    fs::write(dir.join("test_shop.py"), tests).unwrap();
}

fn run(world: &World, dir: &str, flags: &[&str]) -> (Vec<Value>, Option<i32>) {
    let output = world.coditect(&[&["run", "--json", "-C", dir], flags, &[REQUEST]].concat());
    (objects(&output.stdout), output.status.code())
}

fn rung(records: &[Value]) -> &Value {
    &records.last().unwrap()["ledger"]["solved_by"]
}

#[test]
fn what_was_right_once_is_tried_first_elsewhere() {
    let world = World::new();
    let own = world.path("project");
    let (first, code) = run(&world, own.to_str().unwrap(), &[]);
    assert_eq!((rung(&first), code), (&json!("reflex"), Some(0)), "{:?}", first.last());
    other_project(&world, SHOP, SHOP_TESTS);
    let other = world.path("other");
    let (second, code) = run(&world, other.to_str().unwrap(), &[]);
    assert_eq!((rung(&second), code), (&json!("memory"), Some(0)), "{:?}", second.last());
    let proposed = second.iter().find(|record| record["outcome"]["outcome"] == "change_proposed").unwrap();
    assert!(
        proposed["outcome"]["proposal"]["diff"]
            .as_str()
            .unwrap()
            .contains("+            amount = amount + good")
    );
    // Who wants to do without it can.
    let (third, code) = run(&world, other.to_str().unwrap(), &["--rungs", "recipe,reflex"]);
    assert_eq!((rung(&third), code), (&json!("reflex"), Some(0)), "{:?}", third.last());

    let stats = world.json(&["memory", "stats", "--json"]);
    // The third did what the second had done.
    let counts = [&stats["episodes"], &stats["patterns"], &stats["same"], &stats["reused"], &stats["held"]];
    assert_eq!(counts, [2, 2, 1, 1, 1], "{stats}");
    let found = world.json(&["memory", "search", "price of a basket", "--json"]);
    let ids: Vec<&Value> = found["found"].as_array().unwrap().iter().map(|hit| &hit["workspace"]).collect();
    assert_eq!(ids[0], &json!(other), "{found}");
    let text = world.text(&["memory", "show", "last"]);
    assert!(text.contains("accepted") && text.contains("+            amount = amount + good"), "{text}");
    assert!(world.text(&["memory", "search", "sum of numbers"]).contains("verified"));
    assert!(world.text(&["memory", "stats"]).contains("2 episodes"));
    // How often a change was tried again can be read of it, and asked of all.
    let first = world.json(&["memory", "search", "sum of numbers", "-n", "1", "--json"]);
    assert_eq!((&first["found"][0]["uses"], &first["found"][0]["held"]), (&json!(1), &json!(1)), "{first}");
    let sql = world.json(&["sql", "SELECT id FROM episodes WHERE uses = 1", "--json"]);
    assert_eq!(sql["rows"][0]["id"], first["found"][0]["id"], "{sql}");
    assert_eq!(world.coditect(&["sql", "DROP TABLE episodes"]).status.code(), Some(2));
    assert!(world.text(&["sql", "SELECT count(*) AS n, 'x' AS y FROM episodes"]).starts_with("n  y\n2  x"));
}

/// Every file below a directory, as one.
fn bytes_below(dir: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() {
            bytes.extend(bytes_below(&path));
        } else if kind.is_file() {
            bytes.extend(path.to_string_lossy().as_bytes());
            bytes.extend(fs::read(path).unwrap());
        }
    }
    bytes
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn what_is_forgotten_is_in_no_file_and_nothing_else_goes() {
    let world = World::new();
    let planted = "zanzibarquux";
    let request = format!("make the failing tests pass for {planted}");
    let (records, code) = {
        let output = world.coditect(&["run", "--json", &request]);
        (objects(&output.stdout), output.status.code())
    };
    assert_eq!(code, Some(0), "{:?}", records.last());
    let branch = records.last().unwrap()["branch"].as_str().unwrap().to_owned();
    let (_, code) = run(&world, world.path("project").to_str().unwrap(), &[]);
    assert_eq!(code, Some(0));
    assert_eq!(world.json(&["memory", "stats", "--json"])["episodes"], 2);
    let found = world.json(&["memory", "search", planted, "-n", "1", "--json"]);
    assert_eq!(found["found"][0]["request"], json!(request));
    // The graph of the project has what missions did, too.
    world.text(&["graph", "owners", "calc.py"]);
    assert!(holds(&bytes_below(&world.path("home")), planted));
    assert_eq!(world.coditect(&["memory", "forget"]).status.code(), Some(2));
    let dry = world.text(&["memory", "forget", "--matching", "ZanzibarQuux", "--dry-run"]);
    assert!(dry.starts_with("would forget 1 episode and 1 mission\n"), "{dry}");
    // Put away first, so that it goes from there too.
    let moved =
        world.command(&["memory", "move", "--json"]).env("CODITECT_MEMORY_WARM", "0").output().unwrap();
    assert_eq!(objects(&moved.stdout)[0]["put_away"], 2, "{moved:?}");
    assert!(world.text(&["memory", "forget", "--matching", "ZanzibarQuux"]).starts_with("forgot 1 episode"));
    assert!(!holds(&bytes_below(&world.path("home")), planted));
    // Who looks for it again finds nothing, and one that has not ended is named.
    let mut begun =
        world.command(&["run", "--json", &request]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(begun.stdout.as_mut().unwrap()), &mut first)
        .unwrap();
    begun.kill().unwrap();
    begun.wait().unwrap();
    let again = world.coditect(&["memory", "forget", "--matching", planted]);
    let told = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(told.contains("has not ended and keeps its texts"), "{told}");
    world.text(&["clean", "--all", "--force"]);
    assert!(!holds(&bytes_below(&world.path("home")), planted));
    // Neither a question nor making it anew brings it back; the other one and the branch are there.
    world.text(&["memory", "rebuild"]);
    let stats = world.json(&["memory", "stats", "--json"]);
    assert_eq!((&stats["episodes"], &stats["proved"]), (&json!(1), &json!(1)), "{stats}");
    assert!(!holds(&bytes_below(&world.path("home")), planted));
    world.git(&["rev-parse", "--verify", &branch]);
}

#[test]
fn what_memory_dropped_for_room_is_forgotten_with_its_journal() {
    let world = World::new();
    let own = world.path("project");
    let (records, code) = run(&world, own.to_str().unwrap(), &[]);
    assert_eq!(code, Some(0), "{:?}", records.last());
    let mission = records.last().unwrap()["mission"].as_str().unwrap().to_owned();
    let small = |args: &[&str]| {
        let mut command = world.command(args);
        command.env("CODITECT_MEMORY_WARM", "0").env("CODITECT_MEMORY_COLD_MIB", "0");
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    small(&["memory", "move"]);
    assert!(small(&["memory", "stats"]).contains("0 episodes"));
    assert!(world.path("home/missions").join(&mission).exists());
    for others in [&["--older-than", "1d"][..], &["--matching", "nowhere said"]] {
        let said = small(&[&["memory", "forget"], others].concat());
        assert_eq!(said, "forgot 0 episodes\n", "{others:?}");
    }
    // A text that is in the change and not in the request.
    let matching = ["memory", "forget", "--matching", "DEF total"];
    let dry = small(&[&matching[..], &["--dry-run"]].concat());
    assert!(dry.starts_with("would forget 0 episodes and 1 mission\n"), "{dry}");
    assert!(dry.contains(&mission) && world.path("home/missions").join(&mission).exists(), "{dry}");
    assert!(small(&matching).starts_with("forgot 0 episodes and 1 mission"));
    assert!(!world.path("home/missions").join(&mission).exists());
}

#[test]
fn what_was_carried_from_another_owner_is_forgotten_without_their_missions() {
    let world = World::new();
    let ran = world.coditect(&["run", "--owner", "alice", "--quiet", REQUEST]);
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    let file = world.path("team.jsonl");
    let file = file.to_str().unwrap();
    world.text(&["memory", "export", file, "--owner", "alice"]);
    world.text(&["memory", "import", file, "--owner", "bob"]);
    let forgotten = world.json(&["memory", "forget", "--all", "--owner", "bob", "--json"]);
    assert_eq!((&forgotten["forgotten"], &forgotten["missions"]), (&json!(1), &json!([])), "{forgotten}");
    let missions = world.json(&["list", "--owner", "alice", "--json"]);
    assert_eq!(missions["missions"].as_array().unwrap().len(), 1, "{missions}");
}

#[test]
fn a_fork_goes_with_the_mission_whose_records_it_has() {
    let world = World::new();
    let planted = "zanzibarquux";
    let request = format!("make the failing tests pass for {planted}");
    assert_eq!(world.coditect(&["run", "--quiet", &request]).status.code(), Some(0));
    let first = world.json(&["list", "--json"])["missions"][0]["mission"].as_str().unwrap().to_owned();
    let records = world.json(&["show", &first, "--json"])["last_seq"].as_u64().unwrap_or(14);
    let at = records.min(14).to_string();
    let forked = world.coditect(&["fork", &first, "--at", &at, "--rungs", "recipe", "--quiet"]);
    assert!(matches!(forked.status.code(), Some(0 | 1 | 3)), "{forked:?}");
    let forgotten = world.json(&["memory", "forget", &first, "--json"]);
    assert_eq!(forgotten["forks"].as_array().unwrap().len(), 1, "{forgotten}");
    assert!(!holds(&bytes_below(&world.path("home")), planted));
    assert_eq!(world.json(&["list", "--json"])["missions"], json!([]));
}

#[test]
fn what_a_killed_process_began_to_forget_is_forgotten_by_the_next() {
    let world = World::new();
    let planted = "zanzibarquux";
    let request = format!("make the failing tests pass for {planted}");
    assert_eq!(world.coditect(&["run", "--quiet", &request]).status.code(), Some(0));
    let id = world.json(&["memory", "show", "last", "--json"])["id"].as_str().unwrap().to_owned();
    let mut half = 0;
    for n in 0..24_u64 {
        let home = world.path(&format!("home-{n}"));
        let copied =
            std::process::Command::new("cp").arg("-r").arg(world.path("home")).arg(&home).status().unwrap();
        assert!(copied.success());
        let in_home = |args: &[&str]| {
            let mut command = world.command(args);
            command.env("CODITECT_HOME", &home);
            command
        };
        let quiet = std::process::Stdio::null;
        let mut forgetting =
            in_home(&["memory", "forget", &id]).stdout(quiet()).stderr(quiet()).spawn().unwrap();
        // From the first thing that it does to the last one.
        std::thread::park_timeout(std::time::Duration::from_millis(10 * n));
        forgetting.kill().unwrap();
        let done = forgetting.wait().unwrap();
        let stats = in_home(&["memory", "stats", "--json"]).output().unwrap();
        let stats = objects(&stats.stdout).pop().unwrap();
        let left = objects(&in_home(&["list", "--json"]).output().unwrap().stdout).pop().unwrap();
        let missions = left["missions"].as_array().unwrap().len();
        half += usize::from(!done.success() && missions == 0);
        assert_eq!(stats["episodes"], json!(missions), "{n}: {stats}");
        assert_eq!(holds(&bytes_below(&home), planted), missions > 0, "{n}");
        fs::remove_dir_all(&home).unwrap();
    }
    println!("{half} were stopped on the way");
}

#[test]
fn what_does_not_fit_costs_nothing_and_what_is_named_is_named_whole() {
    let world = World::new();
    run(&world, world.path("project").to_str().unwrap(), &[]);
    let id = world.json(&["list", "--json"])["missions"][0]["mission"].as_str().unwrap().to_owned();
    let aside = world.path("home/memory/memory.db.damaged-1");
    fs::write(&aside, "what may be the only copy").unwrap();
    assert_eq!(world.text(&["memory", "forget", "--matching", "nowhere said"]), "forgot 0 episodes\n");
    assert!(aside.exists());
    let short = world.coditect(&["memory", "forget", "m-"]);
    let told = String::from_utf8_lossy(&short.stderr).into_owned();
    assert!(short.status.code() == Some(2) && told.contains("too short to say"), "{told}");
    let gone = world.coditect(&["memory", "forget", &id]);
    let told = String::from_utf8_lossy(&gone.stderr).into_owned();
    assert!(gone.status.success() && told.contains("damaged-1`, which was damaged, goes too"), "{told}");
    assert!(!aside.exists());
}

#[test]
fn episodes_that_cannot_be_read_are_told_and_make_no_success() {
    let world = World::new();
    run(&world, world.path("project").to_str().unwrap(), &[]);
    let id = world.json(&["list", "--json"])["missions"][0]["mission"].as_str().unwrap().to_owned();
    world.command(&["memory", "move"]).env("CODITECT_MEMORY_WARM", "0").output().unwrap();
    let part = fs::read_dir(world.path("home/memory/cold")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&part).unwrap();
    let end = bytes.len() / 2;
    bytes[4..end].fill(7);
    fs::write(&part, bytes).unwrap();
    let file = world.path("team.jsonl");
    let exported = world.coditect(&["memory", "export", file.to_str().unwrap()]);
    let told = String::from_utf8_lossy(&exported.stderr).into_owned();
    assert_eq!(exported.status.code(), Some(1), "{told}");
    assert!(told.contains("is damaged") && told.contains("1 episode cannot be read"), "{told}");
    let shown = world.coditect(&["memory", "show", "last"]);
    assert!(String::from_utf8_lossy(&shown.stderr).contains("cannot be read any more"), "{shown:?}");
    let matching = world.coditect(&["memory", "forget", "--matching", "nowhere said"]);
    let told = String::from_utf8_lossy(&matching.stderr).into_owned();
    assert!(matching.status.code() == Some(1) && told.contains("could not be looked through"), "{told}");
    // By its name it goes whether or not it can be read.
    assert!(world.text(&["memory", "forget", &id]).starts_with("forgot 1 episode and 1 mission"));
    assert_eq!(world.json(&["memory", "stats", "--json"])["episodes"], 0);
}

#[test]
fn an_export_writes_over_nothing_unasked() {
    use std::os::unix::fs::FileTypeExt;
    let world = World::new();
    let file = world.path("team.jsonl");
    let name = file.to_str().unwrap();
    fs::write(&file, "mine").unwrap();
    let refused = world.coditect(&["memory", "export", name]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    // A link stays one.
    let link = world.path("link.jsonl");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    world.text(&["memory", "export", "--force", link.to_str().unwrap()]);
    assert!(link.is_symlink() && fs::read_to_string(&file).unwrap().starts_with("{\"coditect_memory\""));
    // And what is no file is written to.
    let pipe = world.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reading =
        std::process::Command::new("cat").arg(&pipe).stdout(std::process::Stdio::piped()).spawn().unwrap();
    world.text(&["memory", "export", pipe.to_str().unwrap()]);
    let read = reading.wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&read.stdout).starts_with("{\"coditect_memory\""), "{read:?}");
    assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
}

#[test]
fn what_was_learnt_is_carried_elsewhere_and_outlives_its_missions() {
    let world = World::new();
    run(&world, world.path("project").to_str().unwrap(), &[]);
    let file = world.path("team.jsonl");
    let file = file.to_str().unwrap();
    world.text(&["memory", "export", file]);
    assert_eq!(world.text(&["memory", "export"]), fs::read_to_string(file).unwrap());
    world.text(&["clean", "--all"]);
    assert_eq!(world.json(&["list", "--json"])["missions"], json!([]));
    assert_eq!(world.json(&["memory", "rebuild", "--json"])["episodes"], 1);

    let other = World::new();
    let bad = other.path("bad.jsonl");
    for text in ["", "{}\n", "{\"coditect_memory\":9}\n", "{\"coditect_memory\":1}\n{\"id\":\"x\"}\n"] {
        fs::write(&bad, text).unwrap();
        let output = other.coditect(&["memory", "import", bad.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2), "{text}: {output:?}");
    }
    assert_eq!(other.json(&["memory", "import", file, "--json"])["new"], 1);
    assert_eq!(other.json(&["memory", "import", file, "--json"])["new"], 0);
    other_project(&other, SHOP, SHOP_TESTS);
    let (records, code) = run(&other, other.path("other").to_str().unwrap(), &[]);
    assert_eq!((rung(&records), code), (&json!("memory"), Some(0)), "{:?}", records.last());
    assert!(other.text(&["memory", "show", "last"]).contains("right"));
}

#[test]
fn commits_of_a_repository_are_learnt_from() {
    let world = World::new();
    let mended = world::CALC.replace("result - number", "result + number");
    fs::write(world.path("project/calc.py"), &mended).unwrap();
    fs::write(world.path("project/test_calc.py"), format!("{}# one more\n", world::TESTS)).unwrap();
    world.git(&["commit", "-q", "-a", "-m", "Sum up what is to be summed up"]);
    let learnt = world.json(&["learn", "--json"]);
    assert_eq!((&learnt["commits"], &learnt["new"]), (&json!(2), &json!(1)), "{learnt}");
    assert!(world.text(&["learn"]).contains("0 of them new"));
    other_project(&world, SHOP, SHOP_TESTS);
    let (records, code) = run(&world, world.path("other").to_str().unwrap(), &[]);
    assert_eq!((rung(&records), code), (&json!("memory"), Some(0)), "{:?}", records.last());
    let found = world.json(&["memory", "search", "sum up", "-n", "1", "--json"]);
    assert_eq!(
        (&found["found"][0]["status"], &found["found"][0]["held"]),
        (&json!("learnt"), &json!(1)),
        "{found}"
    );
    assert!(world.text(&["memory", "search", "zzzqqq"]).contains("nothing in memory fits"));
    let nowhere = world.path("nowhere");
    fs::create_dir(&nowhere).unwrap();
    assert_eq!(world.coditect(&["learn", "-C", nowhere.to_str().unwrap()]).status.code(), Some(2));
}

#[test]
fn a_memory_that_cannot_be_used_stops_no_mission() {
    let world = World::new();
    let own = world.path("project");
    run(&world, own.to_str().unwrap(), &[]);
    let file = world.path("home/memory/memory.db");
    assert!(file.exists());
    // Damaged: it is set aside, and made anew from the journals.
    for end in ["-wal", "-shm"] {
        fs::remove_file(world.path(&format!("home/memory/memory.db{end}"))).ok();
    }
    fs::write(&file, "no database at all, but long enough to be looked into as one".repeat(40)).unwrap();
    let output = world.coditect(&["memory", "stats", "--json"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("set aside"), "{output:?}");
    assert_eq!(objects(&output.stdout)[0]["episodes"], 1);
    // A directory in its place.
    fs::remove_dir_all(world.path("home/memory")).unwrap();
    fs::write(world.path("home/memory"), "in the way").unwrap();
    let output = world.coditect(&["memory", "stats"]);
    assert_ne!(output.status.code(), Some(0), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("memory"), "{output:?}");
    let (records, code) = run(&world, own.to_str().unwrap(), &[]);
    assert_eq!((rung(&records), code), (&json!("reflex"), Some(0)), "{:?}", records.last());
}

#[test]
fn what_fits_and_is_wrong_here_is_not_taken() {
    let world = World::new();
    let own = world.path("project");
    run(&world, own.to_str().unwrap(), &[]);
    // Here the minus is right, and the start is wrong.
    let code = SHOP.replace("amount = 0", "amount = 1");
    let tests = SHOP_TESTS
        .replace("price(), 0)", "price(), 100)")
        .replace("price(), 7)", "price(), 93)")
        .replace("price(), 5)", "price(), 95)");
    let code = code.replace("amount = 1", "amount = 10");
    other_project(&world, &code, &tests);
    let (records, _) = run(&world, world.path("other").to_str().unwrap(), &["--search-s", "20"]);
    assert_ne!(rung(&records), &json!("memory"), "{:?}", records.last());
    let tried = records.iter().find(|record| {
        record["outcome"]["outcome"] == "no_change_found" && record["outcome"]["rung"] == "memory"
    });
    assert!(
        tried.unwrap()["outcome"]["account"].as_str().unwrap().contains("none is right here"),
        "{tried:?}"
    );
}

#[test]
fn an_empty_memory_says_so() {
    let world = World::new();
    assert!(world.text(&["memory", "search", "anything"]).contains("nothing yet"));
    assert_eq!(world.text(&["memory", "export"]), "{\"coditect_memory\":1}\n");
    assert_eq!(world.text(&["sql", "SELECT count(*) AS n FROM episodes"]), "n\n0\n");
    for args in
        [&["memory", "show", "x"][..], &["memory", "forget", "x"], &["memory", "rebuild"], &["sql", "selec"]]
    {
        assert_eq!(world.coditect(args).status.code(), Some(2), "{args:?}");
    }
    assert!(world.text(&["memory", "forget", "--all"]).contains("forgot 0 episodes"));
    assert!(!world.path("home").exists());
    assert!(world.text(&["memory", "stats"]).contains("0 episodes"));
    assert_eq!(world.coditect(&["memory", "search", " "]).status.code(), Some(2));
}

#[test]
fn the_benches_of_memory_measure() {
    let world = World::new();
    let result = |json: &Value, name: &str| {
        let figure = &json["results"][name];
        figure["value"].as_f64().or(figure["p50"].as_f64()).unwrap_or_else(|| panic!("{name}: {json}"))
    };
    let memory = world.json(&["bench", "memory", "--episodes", "100", "--json"]);
    assert!(result(&memory, "recall_at_10") > 0.99, "{memory}");
    for name in
        ["search_ms", "search_and_fetch_ms", "open_ms", "insert_per_s", "bytes_per_episode", "peak_mb"]
    {
        assert!(result(&memory, name) > 0.0, "{name}");
    }
    // The second task of this seed has the first one's bug under other names.
    let reuse = world.json(&["bench", "reuse", "--tasks", "2", "--seed", "5", "--json"]);
    assert_eq!(
        (result(&reuse, "solved_from_memory"), result(&reuse, "wrong_reuse_accepted")),
        (1.0, 0.0),
        "{reuse}"
    );
    assert!(result(&reuse, "seconds_with") > 0.0 && result(&reuse, "seconds_without") > 0.0);
}

#[test]
fn a_model_is_shown_what_was_right_on_the_same_directory_and_nowhere_else() {
    let provider = world::roman::server(&[world::roman::RIGHT]);
    let world = world::roman::world(&provider.url("chat"), "");
    let commit = |dir: &Path, says: &str| {
        for args in [
            &["init", "-q"][..],
            &["add", "-A"],
            &["-c", "user.name=A", "-c", "user.email=a@b", "commit", "-q", "-m", says],
        ] {
            let done = std::process::Command::new("git").args(args).current_dir(dir).output().unwrap();
            assert!(done.status.success(), "{done:?}");
        }
    };
    // The same thing was mended here and in another repository; the one has a word that the other has not.
    for (dir, word) in [("project", "oursix"), ("elsewhere", "theirsix")] {
        let dir = world.path(dir);
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("arabic.py"), "def to_arabic(text):\n    return text.count('V')\n").unwrap();
        fs::write(dir.join("test_arabic.py"), "# tests of roman letters\n").unwrap();
        commit(&dir, "Begin");
        let code = format!("def to_arabic(text):\n    return text.count('I')  # {word}\n");
        fs::write(dir.join("arabic.py"), code).unwrap();
        fs::write(dir.join("test_arabic.py"), "# tests of roman letters, small ones\n").unwrap();
        commit(&dir, "Count the small roman letters so that the tests pass");
        assert_eq!(world.json(&["learn", "-C", dir.to_str().unwrap(), "--json"])["new"], 1);
    }
    let (end, code) = world::roman::completed(&world, &["--reply-cache", "on"]);
    assert_eq!((code, &end["status"]), (0, &json!("verified")), "{end}");
    let said = provider.asked()[0].body["messages"].to_string();
    assert!(said.contains("right in this project before") && said.contains("oursix"), "{said}");
    assert!(!said.contains("theirsix"), "{said}");
    // Whole prompts are kept with the answers to them, until something is forgotten.
    let replies = world.path("home/replies");
    assert!(holds(&bytes_below(&replies), "oursix"));
    world.text(&["memory", "forget", "--all"]);
    assert!(!holds(&bytes_below(&replies), "oursix"));
}
