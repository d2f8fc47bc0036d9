#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use coditect_ports::Exit;
use coditect_types::project::Framework;
use coditect_types::{Enforced, Tier};

use super::*;

fn project(targets: &[&str]) -> Project {
    Project {
        language: "java".to_owned(),
        framework: Framework::Junit,
        command: vec!["mvn".to_owned(), "test".to_owned()],
        root: "core".to_owned(),
        import_paths: Vec::new(),
        targets: targets.iter().map(|target| (*target).to_owned()).collect(),
        tier: Tier::Os,
        tier_reason: String::new(),
        interpreter: None,
        lent: Vec::new(),
        report: None,
        notes: Vec::new(),
    }
}

fn ran(code: i32, lines: &[&str]) -> Ran {
    let said: String = lines.iter().map(|line| format!("{MARK}{line}\n")).collect();
    Ran {
        exit: Exit::Code(code),
        stdout: format!("a warning\n{said}").into_bytes(),
        stderr: Vec::new(),
        dropped: 0,
        wall_us: 1,
        peak_memory: None,
        enforced: Enforced::default(),
    }
}

fn built(code: i32, lines: &[&str]) -> Result<Vec<Unit>, Broken> {
    Java.built(&project(&[]), Path::new("."), Some(&ran(code, lines)))
}

#[test]
fn the_request_says_what_the_survey_understood() {
    let text = request(&project(&["module=a", "class=*Fast*", "property=x=y\tz", "nothing"]));
    assert_eq!(text, "root\t/project/core\nmodule\ta\nclass\t*Fast*\nproperty\tx=y z\n");
}

#[test]
fn a_build_gives_a_unit_for_each_module() {
    let units = built(
        0,
        &["unit\t\t/cache/java/root", "file\tA.java", "unit\tb\t/cache/java/m-b", "note\tleft out: x"],
    )
    .unwrap();
    assert_eq!(units.len(), 2);
    assert_eq!((units[0].name.as_str(), units[0].files.len()), ("java", 1));
    assert_eq!((units[1].name.as_str(), units[1].step.directory.as_str()), ("b", "b"));
    assert_eq!(units[0].notes, ["left out: x"]);
}

#[test]
fn what_a_compiler_says_has_its_place() {
    let broken = built(1, &["error\tsrc/A.java\t7\tcannot find symbol\u{2}  symbol: x", "error\t\t0\tno"])
        .unwrap_err();
    assert_eq!(broken.message, "src/A.java:7: error: cannot find symbol\n  symbol: x\nerror: no\n");
    assert_eq!(broken.frames, [Frame { file: "src/A.java".to_owned(), line: 7, function: String::new() }]);
    assert!(!broken.lacks);
    let broken = built(1, &["missing\tg:a:1", "error\tA.java\t1\tpackage g does not exist"]).unwrap_err();
    assert!(broken.lacks);
    assert!(broken.message.starts_with("the project needs `g:a:1`, which this machine does not have\n"));
}

#[test]
fn variants_are_handed_over_with_their_texts() {
    let texts = BTreeMap::from([("src/A.java".to_owned(), "class A {}".to_owned())]);
    let step = Java.variants(&project(&[]), &[(4, &texts)]).unwrap();
    let file = |name: &str| step.files.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str());
    assert_eq!(file("text-0"), Some("class A {}"));
    assert!(file("request").unwrap().ends_with("variant\t4\ttext-0\tsrc/A.java\n"));
    let said = ran(0, &["variant\t4\tfits", "variant\t5\trefused\tline 1: no", "variant\t6\tunfit"]);
    let fitting = Java.fitting(&said);
    assert_eq!(fitting, BTreeMap::from([(4, Ok(())), (5, Err("line 1: no".to_owned()))]));
}
