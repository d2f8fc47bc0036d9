#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]
use super::*;
use coditect_types::Tier;

#[test]
fn names_and_patterns_choose_files_as_node_does() {
    let chosen = |arguments: &[&str], typed: bool| {
        let files = [
            "a.js",
            "a.test.js",
            "lib/test-b.mjs",
            "src/c.test.ts",
            "src/c.d.ts",
            "test/deep/d.js",
            "test/e.json",
        ];
        let top = tempfile::tempdir().unwrap();
        for file in files {
            let at = top.path().join(file);
            std::fs::create_dir_all(at.parent().unwrap()).unwrap();
            std::fs::write(at, "").unwrap();
        }
        let listing = Listing::load(top.path()).unwrap();
        files::of(&listing, arguments, typed)
    };
    assert_eq!(chosen(&[], false), ["a.test.js", "lib/test-b.mjs", "test/deep/d.js"]);
    assert_eq!(chosen(&[], true), ["a.test.js", "lib/test-b.mjs", "src/c.test.ts", "test/deep/d.js"]);
    assert_eq!(chosen(&["test"], false), ["test/deep/d.js"]);
    assert_eq!(chosen(&["**/*.test.{js,ts}"], false), ["a.test.js", "src/c.test.ts"]);
    assert_eq!(chosen(&["./a.js"], false), ["a.js"]);
}

#[test]
fn patterns_match_whole_paths() {
    for (pattern, path, expect) in [
        ("*.js", "a.js", true),
        ("*.js", "b/a.js", false),
        ("**/*.js", "b/c/a.js", true),
        ("b/**", "b/c/a.js", true),
        ("a?.js", "ab.js", true),
        ("*a*b*.js", "xaybz.js", true),
        ("*a*b*.js", "xbya.js", false),
    ] {
        assert_eq!(files::matches(pattern, path), expect, "{pattern} {path}");
    }
}

#[test]
fn words_of_vitest_are_read_as_its_interface_takes_them() {
    let words = ["run", "--config", "v.ts", "--environment=jsdom", "--globals", "src/a"].map(str::to_owned);
    let vitest = vitest(&words);
    assert_eq!(vitest.options["config"], "v.ts");
    assert_eq!(vitest.options["environment"], "jsdom");
    assert_eq!(vitest.options["globals"], true);
    assert!(vitest.filters.contains(&"src/a".to_owned()));
}

#[test]
fn jest_is_asked_for_files_in_place_of_its_patterns() {
    let mut argv = ["node", "launch.cjs", "jest", "src/a", "--config", "j.json", "--ci", "b"]
        .map(str::to_owned)
        .to_vec();
    without_patterns(&mut argv);
    assert_eq!(argv, ["node", "launch.cjs", "jest", "--config", "j.json", "--ci"]);
}

#[test]
fn a_compiler_names_places_in_two_ways() {
    let frames = places("src/a.ts(12,3): error TS1: x\nsrc/b.ts:4:1 - error TS2: y\nnote: nothing\n");
    let found: Vec<(&str, u32)> = frames.iter().map(|frame| (frame.file.as_str(), frame.line)).collect();
    assert_eq!(found, [("src/a.ts", 12), ("src/b.ts", 4)]);
}

#[test]
fn what_is_told_of_a_project_comes_back_from_it() {
    let told = Told {
        package: "packages/a".to_owned(),
        env: vec![("A".to_owned(), "b=c".to_owned())],
        builds: vec!["tsc -p .".to_owned()],
        words: vec!["--test".to_owned(), "in=x".to_owned()],
        opaque: None,
    };
    let project = Project { targets: told.targets(), ..project() };
    assert_eq!(Told::of(&project), told);
}

fn project() -> Project {
    Project {
        language: "javascript".to_owned(),
        framework: Framework::NodeTest,
        command: Vec::new(),
        root: String::new(),
        import_paths: Vec::new(),
        targets: Vec::new(),
        tier: Tier::Os,
        tier_reason: String::new(),
        interpreter: None,
        lent: Vec::new(),
        report: None,
        notes: Vec::new(),
    }
}
