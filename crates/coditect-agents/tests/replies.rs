//! What models answer, on a real repository: some answers become proposals, all others are refused with the reason.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::wildcard_enum_match_arm, reason = "test code")]

#[path = "../../coditect-code/tests/python_host/mod.rs"]
mod python_host;
mod world;

use coditect_types::context::FragmentKind;
use coditect_types::limits::SandboxChoice;
use coditect_types::{Action, Context, Outcome, Tier};
use python_host::Host;
use world::{Baseline, World};

const CALC: &str =
    "def total(xs):\n    return sum(xs)\n\n\ndef largest(xs):\n    raise NotImplementedError  # TODO\n";
const TEST_CALC: &str = "import unittest\nfrom calc import largest, total\n\n\nclass TestCalc(unittest.TestCase):\n    \
    def test_total(self):\n        self.assertEqual(total([1, 2, 3]), 6)\n\n    def test_largest(self):\n        \
    self.assertEqual(largest([3, 9, 2]), 9)\n";
const TEST_ROWS: &str = "import unittest\nfrom rows import rows\n\n\nclass T(unittest.TestCase):\n    def test_rows(self):\n        \
    self.assertEqual(rows(3), [[1], [2, 2], [3, 3, 3]])\n\n    def test_one(self):\n        self.assertEqual(rows(1), [[1]])\n\n    \
    def test_none(self):\n        self.assertEqual(rows(0), [])\n";
const RIGHT: &str = "calc.py\n<<<<<<< SEARCH\n    raise NotImplementedError  # TODO\n=======\n    return max(xs)\n>>>>>>> REPLACE\n";

fn begun() -> (World, Baseline) {
    let files = [
        ("calc.py", CALC),
        ("tests/test_calc.py", TEST_CALC),
        ("notes.txt", "keep\n"),
        ("AGENTS.md", "Use four blanks.\n"),
        ("CLAUDE.md", "Use tabs.\n"),
    ];
    let world = World::new(&files, vec![Host::new(Tier::Wasm)]);
    let baseline = world.baseline_with(SandboxChoice::Only(Tier::Wasm));
    (world, baseline)
}

fn whole(path: &str, text: &str) -> String {
    format!("{path}\n```\n{text}```\n")
}

#[test]
fn an_answer_that_the_tests_accept_is_proposed() {
    let (world, baseline) = begun();
    let Outcome::ChangeProposed { proposal, spent } = world.perform(&baseline.try_reply(RIGHT, &[])) else {
        panic!("it is right")
    };
    assert!(proposal.diff.contains("+    return max(xs)\n"), "{}", proposal.diff);
    assert_eq!((proposal.files.len(), spent.candidates), (1, 1));
    // A new file comes with it where it is asked for.
    let two = format!(
        "{}{}",
        whole(
            "calc.py",
            "from most import most\n\n\ndef total(xs):\n    return sum(xs)\n\n\ndef largest(xs):\n    return most(xs)\n"
        ),
        whole("most.py", "def most(xs):\n    return max(xs)\n")
    );
    let Outcome::ChangeProposed { proposal, .. } = world.perform(&baseline.try_reply(&two, &[])) else {
        panic!("it is right too")
    };
    let files: Vec<&str> = proposal.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(files, ["calc.py", "most.py"]);
}

#[test]
fn an_answer_that_is_nearly_right_is_mended_by_a_search() {
    let files =
        [("rows.py", "def rows(n):\n    raise NotImplementedError  # TODO\n"), ("test_rows.py", TEST_ROWS)];
    let world = World::new(&files, vec![Host::new(Tier::Wasm)]);
    let baseline = world.baseline_with(SandboxChoice::Only(Tier::Wasm));
    // Right but for one of its bounds.
    let nearly = "def rows(n):\n    found = []\n    for i in range(1, n):\n        found.append([i] * i)\n    return found\n";
    let answer = whole("rows.py", nearly);
    let alone = world.perform(&baseline.try_reply(&answer, &[]));
    let Outcome::ReplyRefused { account, .. } = alone else { panic!("{alone:?}") };
    assert!(account.contains("was refuted"), "{account}");
    let mended = world.perform(&baseline.try_reply_and_mend(&answer, &[], 60_000));
    let Outcome::ChangeProposed { proposal, spent } = mended else { panic!("{mended:?}") };
    assert!(proposal.diff.contains("+    for i in range(1, n + 1):"), "{}", proposal.diff);
    // One change of what the person had, and both who wrote it and who mended it are told.
    assert!(proposal.diff.contains("-    raise NotImplementedError"), "{}", proposal.diff);
    assert!(proposal.explanation.contains("`coder` wrote was mended"), "{}", proposal.explanation);
    assert!(spent.candidates > 1 && proposal.confidence <= 0.5, "{spent:?}");
    let hopeless = whole("rows.py", "def rows(n):\n    return 'rows'\n");
    let outcome = world.perform(&baseline.try_reply_and_mend(&hopeless, &[], 8_000));
    let Outcome::ReplyRefused { account, spent, .. } = outcome else { panic!("{outcome:?}") };
    assert!(account.contains("small changes of it passes") && spent.candidates > 1, "{account}");
}

#[test]
fn of_an_answer_that_breaks_something_the_part_that_does_not_is_proposed() {
    let (world, baseline) = begun();
    // Right, and with an improvement that nobody asked for.
    let both = whole(
        "calc.py",
        "def total(xs):\n    return sum(xs[1:])\n\n\ndef largest(xs):\n    return max(xs)\n",
    );
    let Outcome::ReplyRefused { halved: None, .. } = world.perform(&baseline.try_reply(&both, &[])) else {
        panic!("without leave, no part of it is tried")
    };
    let outcome = world.perform(&baseline.try_parts_of(&both));
    let Outcome::ChangeProposed { proposal, spent } = outcome else { panic!("{outcome:?}") };
    assert!(proposal.diff.contains("+    return max(xs)\n"), "{}", proposal.diff);
    assert!(!proposal.diff.contains("xs[1:]"), "{}", proposal.diff);
    let halved = proposal.evidence.halved.expect("it is a part");
    let (part, test) = (&halved.parts[0], "tests/test_calc.py::TestCalc::test_total".to_owned());
    assert_eq!(
        (halved.parts.len(), &part.places[..], &part.breaks),
        (1, &["calc.py:2".to_owned()][..], &vec![test])
    );
    assert_eq!(part.text, "-    return sum(xs)\n+    return sum(xs[1:])\n");
    assert!(proposal.explanation.ends_with(&part.says()), "{}", proposal.explanation);
    assert!(spent.sandbox_runs >= 3 && halved.runs >= 1, "{spent:?} {halved:?}");
    // The tester says the same of it.
    let Outcome::ChangeVerified { receipt, .. } = world.perform(&baseline.verify(&proposal.commit)) else {
        panic!("it is verified")
    };
    assert_eq!((receipt.exit_code, receipt.tree), (0, proposal.tree));
    // One that another part needs is named, and the answer is refused with that.
    let needed =
        whole("calc.py", "def total(xs):\n    return max(xs)\n\n\ndef largest(xs):\n    return total(xs)\n");
    let outcome = world.perform(&baseline.try_parts_of(&needed));
    let Outcome::ReplyRefused { account, feedback, halved: Some(halved), .. } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(halved.parts[0].places, ["calc.py:2"]);
    let says = "`calc.py:2` breaks `tests/test_calc.py::TestCalc::test_total`";
    assert!(account.contains(says) && feedback.contains(says), "{account} {feedback}");
    assert!(feedback.contains("+    return max(xs)"), "{feedback}");
    // What does not do what it is for is not taken apart.
    let wrong = RIGHT.replace("max(xs)", "min(xs)");
    let outcome = world.perform(&baseline.try_parts_of(&wrong));
    assert!(matches!(outcome, Outcome::ReplyRefused { halved: None, .. }), "{outcome:?}");
}

#[test]
fn what_must_not_be_changed_is_refused_by_name_and_nothing_else_is_done() {
    let (world, baseline) = begun();
    for (path, why) in [
        ("tests/test_calc.py", "tests are not changed"),
        ("tests/conftest.py", "tests are not changed"),
        ("../outside.py", "outside of the repository"),
        ("/etc/cron.d/job.py", "outside of the repository"),
        (".git/hooks/post-commit.sh", "belongs to git"),
        ("notes.txt", "no source file"),
        ("calc.py/more.py", "in the way"),
    ] {
        let with_it = format!("{RIGHT}\n{}", whole(path, "pass\n"));
        // A test beside the code is passed over; by itself it is refused like the others.
        let is_test = why.contains("tests");
        if is_test {
            let outcome = world.perform(&baseline.try_reply(&with_it, &[]));
            let Outcome::ChangeProposed { proposal, .. } = outcome else { panic!("{path}: {outcome:?}") };
            let files: Vec<&str> = proposal.files.iter().map(|file| file.path.as_str()).collect();
            assert_eq!(files, ["calc.py"]);
        }
        let answer = if is_test { whole(path, "pass\n") } else { with_it };
        let outcome = world.perform(&baseline.try_reply(&answer, &[]));
        let Outcome::ReplyRefused { account, feedback, diff, .. } = outcome else {
            panic!("{path}: {outcome:?}")
        };
        assert!(account.contains(why) && feedback.contains(path), "{path}: {account} {feedback}");
        assert_eq!(diff, "", "{path}");
    }
}

#[test]
fn what_is_no_repair_is_refused_with_what_the_model_can_learn_from() {
    let (world, baseline) = begun();
    let wrong = RIGHT.replace("max(xs)", "min(xs)");
    let breaks = whole("calc.py", "def largest(xs):\n    return max(xs)\n");
    for (answer, account_says, feedback_says) in [
        ("I am sorry, I cannot do that.", "no change", "fenced block"),
        ("", "no change", "fenced block"),
        (&whole("calc.py", CALC), "changes nothing", "as it was"),
        (&whole("calc.py", "def largest(xs):\n    # ... rest of the code\n"), "not applied", "not whole"),
        (&wrong, "test_largest` is red", "(fails still)"),
        (&breaks, "is red", "(did not fail before)"),
    ] {
        let outcome = world.perform(&baseline.try_reply(answer, &[]));
        let Outcome::ReplyRefused { account, feedback, .. } = outcome else {
            panic!("{answer}: {outcome:?}")
        };
        assert!(account.contains(account_says), "{answer}: {account}");
        assert!(feedback.contains(feedback_says), "{answer}: {feedback}");
    }
    let Outcome::ReplyRefused { diff, .. } = world.perform(&baseline.try_reply(&wrong, &[])) else {
        panic!()
    };
    let again = world.perform(&baseline.try_reply(&wrong, &[diff]));
    let Outcome::ReplyRefused { account, spent, .. } = again else { panic!("{again:?}") };
    assert!(account.contains("once more") && spent.sandbox_runs == 0, "{account}");
}

#[test]
fn what_a_model_must_know_is_gathered() {
    let (world, baseline) = begun();
    let action = baseline.gather("implement the TODO in calc.py as `AGENTS.md` says.");
    let Outcome::ContextGathered { context } = world.perform(&action) else { panic!("it is gathered") };
    let paths = |context: &Context, kind| context.of(kind).map(|f| f.path.clone()).collect::<Vec<_>>();
    assert_eq!(paths(&context, FragmentKind::Conventions), ["AGENTS.md"], "the first of its kind counts");
    assert_eq!(paths(&context, FragmentKind::Document), ["AGENTS.md"], "the request names it");
    assert_eq!(paths(&context, FragmentKind::Source), ["calc.py"]);
    assert_eq!(paths(&context, FragmentKind::Test), ["tests/test_calc.py"]);
}

#[test]
fn of_a_long_file_of_tests_the_red_ones_are_told() {
    let mut tests = "import unittest\nimport calc\n\n\nclass T(unittest.TestCase):\n".to_owned();
    for n in 0..60 {
        tests.push_str(&format!("    def test_{n:02}(self):\n"));
        (0..6).for_each(|k| {
            tests.push_str(&format!("        self.assertEqual(calc.add({n}, {k}), {n} + {k})\n"))
        });
        tests.push('\n');
    }
    tests.push_str(
        "    def test_sub(self):\n        first = calc.sub(3, 1)\n        self.assertEqual(first, 2)\n",
    );
    let calc = "def add(a, b):\n    return a + b\n\n\ndef sub(a, b):\n    return a + b\n";
    let world = World::new(
        &[("calc.py", calc), ("tests/__init__.py", ""), ("tests/test_calc.py", &tests)],
        vec![Host::new(Tier::Wasm)],
    );
    let baseline = world.baseline_with(SandboxChoice::Only(Tier::Wasm));
    let told = world.perform(&baseline.gather("mend it"));
    let Outcome::ContextGathered { context } = told else { panic!("{told:?}") };
    let told = context.of(FragmentKind::Test).next().unwrap();
    assert!(told.cut && told.text.len() * 2 < tests.len(), "{}", told.text);
    assert!(
        told.text.contains("first = calc.sub(3, 1)\n        self.assertEqual(first, 2)"),
        "{}",
        told.text
    );
    assert!(told.text.contains("def test_07(self):\n        ...\n"), "{}", told.text);
    assert_eq!(context.of(FragmentKind::Source).next().unwrap().text, calc);
}

#[test]
fn of_a_long_file_a_model_may_see_and_answer_the_functions_that_matter() {
    let mut calc = "\"\"\"Sums.\"\"\"\n".to_owned();
    for n in 0..60 {
        calc.push_str(&format!("\n\ndef other_{n}(x):\n"));
        (0..8).for_each(|k| calc.push_str(&format!("    x = x + {k} * {n}\n")));
        calc.push_str("    return x\n");
    }
    calc.push_str("\n\ndef largest(xs):\n    raise NotImplementedError  # TODO\n");
    let test = "import unittest\nimport calc\n\n\nclass T(unittest.TestCase):\n    def test_other(self):\n        \
                self.assertEqual(calc.other_0(1), 1)\n\n    def test_largest(self):\n        \
                self.assertEqual(calc.largest([3, 9, 2]), 9)\n";
    let world = World::new(&[("calc.py", &calc), ("test_calc.py", test)], vec![Host::new(Tier::Wasm)]);
    let baseline = world.baseline_with(SandboxChoice::Only(Tier::Wasm));
    let told = world.perform(&baseline.gather("write what is missing"));
    let Outcome::ContextGathered { context } = told else { panic!("{told:?}") };
    let source = context.of(FragmentKind::Source).next().unwrap();
    assert_eq!((&source.text, source.cut), (&calc, false), "whoever has room sees all of it");
    let part = context.in_part(source).unwrap();
    assert!(part.cut && part.text.len() * 3 < calc.len(), "{}", part.text);
    assert!(
        part.text.contains("def other_7(x):\n    ...\n") && part.text.contains("# TODO"),
        "{}",
        part.text
    );
    let answer = whole("calc.py", "def largest(xs):\n    return max(xs)\n");
    let Outcome::ReplyRefused { .. } = world.perform(&baseline.try_reply(&answer, &[])) else {
        panic!("taken for the whole file it breaks the other test")
    };
    let mut action = baseline.try_reply(&answer, &[]);
    if let Action::TryReply { in_part, .. } = &mut action {
        *in_part = Some(context.gaps.clone());
    }
    let outcome = world.perform(&action);
    let Outcome::ChangeProposed { proposal, .. } = outcome else { panic!("{outcome:?}") };
    assert!(
        proposal.diff.contains("-    raise NotImplementedError  # TODO\n+    return max(xs)\n"),
        "{}",
        proposal.diff
    );
}

#[test]
fn what_local_names_are_worth_where_tests_fail_is_gathered() {
    let product = "class Cart:\n    def __init__(self, items):\n        self.items = items\n\n    def total(self, rate):\n        \
                   total = sum(self.items)\n        return total / (rate - 1)\n\n\nclass Rude:\n    def __repr__(self):\n        \
                   raise SystemExit(3)\n";
    let test = "import unittest\nfrom cart import Cart, Rude\n\n\nclass T(unittest.TestCase):\n    def test_total(self):\n        \
                rude, long = Rude(), 'x' * 5000\n        cart = Cart([1, 2])\n        self.assertEqual(cart.total(1), 3)\n\n    \
                def test_sum(self):\n        got = Cart([2, 3]).total(2)\n        self.assertEqual(got, 6)\n\n    \
                def test_fine(self):\n        self.assertEqual(Cart([]).total(2), 0)\n";
    let world = World::new(&[("cart.py", product), ("test_cart.py", test)], vec![Host::new(Tier::Wasm)]);
    let baseline = world.baseline_with(SandboxChoice::Only(Tier::Wasm));
    let Outcome::ContextGathered { context } = world.perform(&baseline.gather("make `total` right")) else {
        panic!("it is gathered")
    };
    let says = |id: &str| -> Vec<String> {
        let of = context.values.iter().filter(|failing| failing.test == id);
        of.flat_map(|failing| &failing.frames).map(|frame| frame.says()).collect()
    };
    assert_eq!(says("test_cart.py::T::test_sum"), ["at test_cart.py:13 in `test_sum`: got = 5.0"]);
    let [of_test, of_product] = &says("test_cart.py::T::test_total")[..] else { panic!("{context:?}") };
    assert!(of_test.starts_with("at test_cart.py:9 in `test_total`: rude = <Rude"), "{of_test}");
    assert!(of_test.contains("cart = <") && !of_test.contains("0x") && of_test.len() < 500, "{of_test}");
    assert_eq!(of_product, "at cart.py:7 in `total`: rate = 1, total = 3, self.items = [1, 2]");
    assert_eq!(context.values.len(), 2, "green tests have nothing to tell");
    let smallest =
        context.values.iter().filter_map(|failing| Some((&*failing.test, failing.smallest.as_ref()?)));
    let smallest: Vec<_> = smallest.collect();
    let [("test_cart.py::T::test_total", smallest)] = smallest[..] else { panic!("{smallest:?}") };
    assert_eq!(
        (&*smallest.call, &*smallest.given),
        ("Cart(items=[]).total(1)", "Cart(items=[1, 2]).total(1)"),
        "where a test itself says that it is not so, no call breaks"
    );
    assert_eq!(smallest.raises, "ZeroDivisionError: division by zero");
}

#[test]
fn the_smallest_call_that_breaks_as_in_the_test_is_found_whatever_the_function_does() {
    let product = "import sys\n\n\ndef settings(text):\n    found = {}\n    for part in text.split(','):\n        key, value = \
                   part.split('=')\n        found[key] = int(value)\n    return found\n\n\ndef deep(n):\n    return deep(n + 1)\n\n\ndef \
                   leave(rows, hard=False):\n    if len(rows) > 4:\n        sys.exit(3)\n    if 7 in rows:\n        while True:\n            \
                   pass\n    if 'a' in rows and 'b' in rows:\n        raise KeyError(rows)\n\n\ndef later(n):\n    yield n\n    raise \
                   ValueError(n)\n";
    let test = "import unittest\nfrom app import deep, later, leave, settings\n\n\nclass T(unittest.TestCase):\n    def \
                test_settings(self):\n        self.assertEqual(settings('alpha=1,beta=zwei'), {})\n\n    def test_deep(self):\n        \
                deep(3)\n\n    def test_leave(self):\n        leave(['x', 'a', 'y', 'b'], hard=True)\n\n    def test_later(self):\n        \
                list(later(300))\n";
    let world = World::new(&[("app.py", product), ("test_app.py", test)], vec![Host::new(Tier::Wasm)]);
    let baseline = world.baseline_with(SandboxChoice::Only(Tier::Wasm));
    let Outcome::ContextGathered { context } = world.perform(&baseline.gather("mend `app.py`")) else {
        panic!("it is gathered")
    };
    let found: Vec<(&str, Option<&str>)> = context
        .values
        .iter()
        .map(|failing| {
            (failing.test.rsplit("::").next().unwrap(), failing.smallest.as_ref().map(|s| &*s.call))
        })
        .collect();
    assert_eq!(
        found,
        [
            ("test_deep", Some("deep(0)")),
            ("test_later", None),
            ("test_leave", Some("leave(['a', 'b'])")),
            ("test_settings", Some("settings('=')")),
        ]
    );
}
