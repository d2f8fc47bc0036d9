use coditect_types::TestStatus::{Errored, Failed, Passed, Skipped};

use super::*;

fn parse(format: ReportFormat, text: &str) -> Result<Reported, Unread> {
    let mut reported = Reported::default();
    match format {
        ReportFormat::JunitXml => junit::parse(text, "`r.xml`", &mut reported),
        ReportFormat::Tap | ReportFormat::ExitCode => tap::parse(text, "standard output", &mut reported),
    }?;
    Ok(reported)
}

#[track_caller]
fn check(format: ReportFormat, text: &str, expect: &[(&str, TestStatus, &str)], problems: &[&str]) {
    let reported = parse(format, text).unwrap_or_else(|unread| panic!("{}", unread.why()));
    let cases: Vec<_> =
        reported.cases.iter().map(|case| (case.id.as_str(), case.status, case.message.as_str())).collect();
    assert_eq!(cases, expect);
    assert_eq!(reported.problems, problems);
}

#[test]
fn junit_of_pytest() {
    let text = r#"<?xml version="1.0" encoding="utf-8"?><testsuites><testsuite name="pytest" errors="0" tests="3">
<testcase classname="tests.test_a.TestA" name="test_one[a&lt;b]" time="0.001" />
<testcase classname="tests.test_a" name="test_two" time="0.002"><failure message="assert 1 == 2">def test_two():
&gt;       assert 1 == 2
tests/test_a.py:7: AssertionError</failure></testcase>
<testcase classname="tests.test_a" name="test_three"><skipped type="pytest.skip" message="not here">x</skipped></testcase>
</testsuite></testsuites>"#;
    check(
        ReportFormat::JunitXml,
        text,
        &[
            ("tests.test_a.TestA::test_one[a<b]", Passed, ""),
            (
                "tests.test_a::test_two",
                Failed,
                "assert 1 == 2\ndef test_two():\n>       assert 1 == 2\ntests/test_a.py:7: AssertionError",
            ),
            ("tests.test_a::test_three", Skipped, "not here"),
        ],
        &[],
    );
}

#[test]
fn junit_of_other_tools() {
    let text = "\u{feff}<testsuite name='go'>
<properties><property name='a>b' value=\"x\"/></properties>
<testcase name='TestA' time='1,000.5'><error type='panic'><![CDATA[a < b && c]]></error><system-out>x</system-out></testcase>
<testcase name='TestB' status='notrun'/>
<testcase classname='C' name='d'><failure message='first'/><error message='second'/></testcase>
<error message='no main'/>
</testsuite>";
    let reported = parse(ReportFormat::JunitXml, text).unwrap();
    assert_eq!(reported.cases[0].us, 1_000_500_000);
    assert_eq!(reported.cases[0].error_type, "panic");
    check(
        ReportFormat::JunitXml,
        text,
        &[
            ("go::TestA", Errored, "a < b && c"),
            ("go::TestB", Skipped, ""),
            ("C::d", Failed, "first\nsecond"),
        ],
        &["`r.xml` says of `go`: no main"],
    );
}

#[test]
fn junit_that_is_none_says_why() {
    let check = |text: &str, wrong: bool, expect: &str| {
        let unread = parse(ReportFormat::JunitXml, text).unwrap_err();
        assert_eq!(matches!(unread, Unread::Wrong(_)), wrong, "{text}");
        assert!(unread.why().contains(expect), "{}", unread.why());
    };
    check("", false, "is empty");
    check("{\"tests\": []}", true, "does not begin with an element");
    check("<html><body/></html>", true, "its first element is `html`");
    check("<testsuite><testcase name='a'>", false, "`testcase` has no end");
    check("<testsuite>\n<testcase name='a", false, "broken off at line 2: a tag has no `>`");
    check("<testsuite></testcase></testsuite>", false, "`testsuite` is open, and `testcase` is closed");
    check(
        "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><testsuite/>",
        false,
        "a document type of its own",
    );
    check(&"<testsuite>".repeat(100), true, "more than 64 deep");
    check("<testsuite><failure><![CDATA[", false, "has no end");
}

#[test]
fn tap_of_version_13() {
    let text = "TAP version 13
1..6
ok 1 - adds
# a remark
not ok 2 - takes # away
  ---
  message: 'got 3'
  at: lib/a.js:12:5
  ...
ok 3 # SKIP no network
not ok 4 - later # TODO soon
some print of the program
ok
not ok 6 - last
# Failed test 'last'
";
    check(
        ReportFormat::Tap,
        text,
        &[
            ("adds", Passed, ""),
            ("takes # away", Failed, "message: 'got 3'\nat: lib/a.js:12:5"),
            ("test 3", Skipped, "no network"),
            ("later", Skipped, "soon"),
            ("test 5", Passed, ""),
            ("last", Failed, "Failed test 'last'"),
        ],
        &[],
    );
}

#[test]
fn tap_with_subtests() {
    let text = "TAP version 14
# Subtest: sums
    # Subtest: of two
        ok 1 - small
        not ok 2 - large
          ---
          duration_ms: 1.5
          ...
        1..2
    not ok 1 - of two
    ok 2 - of none
    1..2
not ok 1 - sums
# Subtest: cleans up
    ok 1 - a
    1..1
not ok 2 - cleans up
1..2
";
    let expect = [
        ("sums::of two::small", Passed, ""),
        ("sums::of two::large", Failed, ""),
        ("sums::of none", Passed, ""),
        ("cleans up::a", Passed, ""),
        ("cleans up", Failed, ""),
    ];
    check(ReportFormat::Tap, text, &expect, &[]);
    assert_eq!(parse(ReportFormat::Tap, text).unwrap().cases[1].us, 1_500);
}

#[test]
fn tap_that_is_cut_or_none_says_so() {
    check(
        ReportFormat::Tap,
        "1..3\nok 1 - a\n",
        &[("a", Passed, "")],
        &["standard output plans 3 tests, and 1 came"],
    );
    check(ReportFormat::Tap, "Bail out! no database", &[], &["standard output says: bail out: no database"]);
    check(ReportFormat::Tap, "1..0 # SKIP nothing here", &[], &[]);
    let unread = parse(ReportFormat::Tap, "all fine\nokay\n").unwrap_err();
    assert_eq!(
        unread,
        Unread::Missing("no line of TAP is on standard output, such as `ok 1 - adds` or `1..0`".into())
    );
}

#[test]
fn files_are_found_by_patterns_and_never_through_links() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("project");
    for file in ["a/TEST-1.xml", "a/TEST-2.xml", "a/b/c/TEST-3.xml", "a/other.txt", "r.xml"] {
        let path = root.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "<testsuite/>").unwrap();
    }
    std::fs::write(dir.path().join("secret.xml"), "<testsuite/>").unwrap();
    std::os::unix::fs::symlink(dir.path().join("secret.xml"), root.join("a/TEST-4.xml")).unwrap();
    std::os::unix::fs::symlink(dir.path(), root.join("up")).unwrap();
    let check = |pattern: &str, expect: &[&str]| assert_eq!(matches(&root, pattern), expect, "{pattern}");
    check("r.xml", &["r.xml"]);
    check("./r.xml", &["r.xml"]);
    check("a/*.xml", &["a/TEST-1.xml", "a/TEST-2.xml"]);
    check("a/TEST-?.xml", &["a/TEST-1.xml", "a/TEST-2.xml"]);
    check("**/TEST-*.xml", &["a/TEST-1.xml", "a/TEST-2.xml", "a/b/c/TEST-3.xml"]);
    check("a/**/TEST-3.xml", &["a/b/c/TEST-3.xml"]);
    check("up/secret.xml", &[]);
    check("*/secret.xml", &[]);
    check("a", &[]);
    let source = ReportSource { format: ReportFormat::JunitXml, path: Some("a/*.xml".to_owned()) };
    let old = before(&source, &root);
    let why = "the command left no file `a/*.xml` (what is there is older than the run)";
    assert_eq!(read(&source, &root, &old, (b"", false)), Err(Unread::Missing(why.to_owned())));
    std::fs::remove_file(root.join("a/TEST-2.xml")).unwrap();
    std::fs::write(root.join("a/TEST-2.xml"), "<testsuite><testcase name='x'/></testsuite>").unwrap();
    let ids: Vec<String> =
        read(&source, &root, &old, (b"", false)).unwrap().cases.into_iter().map(|case| case.id).collect();
    assert_eq!(ids, ["x"]);
}

#[test]
fn tests_of_one_name_are_told_apart_and_places_are_of_the_project() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("lib")).unwrap();
    std::fs::write(dir.path().join("lib/a.js"), "").unwrap();
    let source = ReportSource { format: ReportFormat::Tap, path: None };
    let text = "ok 1 - a\nnot ok 2 - a\n  ---\n  at f (/project/lib/a.js:3:1)\n  at g (lib/none.js:3:1)\n  ...\n\
                not ok 3 - b\n#   File \"./lib/a.js\", line 9, in h\n# /etc/passwd:1 ../x.js:1\n1..3\n";
    let reported = read(&source, dir.path(), &Before::default(), (text.as_bytes(), false)).unwrap();
    let ids: Vec<&str> = reported.cases.iter().map(|case| case.id.as_str()).collect();
    assert_eq!(ids, ["a", "a #2", "b"]);
    let frame =
        |line: u32, function: &str| Frame { file: "lib/a.js".into(), line, function: function.into() };
    assert_eq!(reported.cases[1].frames, [frame(3, "")]);
    assert_eq!(reported.cases[2].frames, [frame(9, "h")]);
    assert!(
        read(&source, dir.path(), &Before::default(), (text.as_bytes(), true))
            .is_err_and(|unread| unread.why().contains("was cut"))
    );
}
