#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::path::Path;

use super::file::Owner;
use super::*;

fn layer(owner: Owner, text: &str) -> Layer {
    file::parse(Path::new("/x/coditect.toml"), owner, text).unwrap()
}

fn error(text: &str) -> (String, Option<String>) {
    let report = file::parse(Path::new("/x/coditect.toml"), Owner::Project, text).unwrap_err();
    (report.cause, report.hint)
}

fn source<'a>(resolved: &'a Resolved, name: &str) -> &'a Source {
    &resolved.values.iter().find(|(key, ..)| key.name == name).unwrap().2
}

#[test]
fn the_highest_layer_wins_and_says_so() {
    let flags = SettingFlags {
        pace: PaceFlags { seed: Some("4".to_owned()), ..PaceFlags::default() },
        ..SettingFlags::default()
    };
    let env = Environment::of(&[("CODITECT_SEED", "3"), ("CODITECT_TIMEOUT_S", "30")]);
    let mut notes = Vec::new();
    let resolved = Layers {
        flags: layers::from_flags(&flags).unwrap(),
        env: layers::from_environment(&env, &mut notes).unwrap(),
        project: layer(Owner::Project, "seed = 2\ntimeout_s = 20\nframework = 'pytest'"),
        user: layer(Owner::User, "seed = 1\nsandbox = 'os'\n"),
    }
    .resolve();
    assert_eq!((resolved.settings.seed, resolved.settings.timeout_s), (4, 30));
    assert_eq!(resolved.settings.sandbox, SandboxChoice::Only(Tier::Os));
    assert_eq!(resolved.settings.test_command.as_deref().unwrap().join(" "), "python -m pytest");
    assert_eq!(resolved.settings.budget_s, 1800);
    assert_eq!(source(&resolved, "seed").to_string(), "--seed");
    assert_eq!(source(&resolved, "timeout_s").to_string(), "$CODITECT_TIMEOUT_S");
    assert_eq!(source(&resolved, "sandbox").to_string(), "/x/coditect.toml:2");
    assert_eq!(source(&resolved, "budget_s"), &Source::Default);
    assert!(notes.is_empty() && resolved.notes.is_empty());
}

#[test]
fn a_project_lowers_limits_and_no_more() {
    let asks = "\
waive = ['network']
sandbox = 'os'
budget_s = 99999
timeout_s = 5
agents = 0
test_command = '/usr/bin/python3 -m pytest'
";
    let resolved = Layers {
        project: layer(Owner::Project, asks),
        user: layer(Owner::User, "agents = 1\nmemory_mib = 128"),
        ..Layers::default()
    }
    .resolve();
    let settings = &resolved.settings;
    assert_eq!(settings.waive, Vec::<String>::new());
    assert_eq!(settings.sandbox, SandboxChoice::Auto);
    assert_eq!((settings.budget_s, settings.timeout_s, settings.agents), (1800, 5, 1));
    assert_eq!(settings.test_command, None);
    let notes = resolved.notes.join("\n");
    for said in [
        "coditect.toml:1: `waive` is ignored: a project may not give up protections; you may, with `--waive`",
        "coditect.toml:2: `sandbox` is ignored: a project may ask for the stronger sandbox only",
        "coditect.toml:3: `budget_s` is ignored: a project may lower it and not raise it above your 1800",
        "coditect.toml:5: `agents` is ignored",
        "coditect.toml:6: `test_command` is ignored: a project may not choose a program outside of it",
    ] {
        assert!(notes.contains(said), "{said}\nis not in\n{notes}");
    }
    assert_eq!(resolved.notes.len(), 5);
}

#[test]
fn a_person_may_raise_limits_and_waive() {
    let resolved = Layers {
        user: layer(
            Owner::User,
            "waive = ['memory']\nbudget_s = 9999\ntest_command = ['/opt/py', '-m', 'x y']",
        ),
        ..Layers::default()
    }
    .resolve();
    assert_eq!(resolved.settings.waive, ["memory"]);
    assert_eq!(resolved.settings.policy().budget.wall_ms, 9_999_000);
    assert_eq!(resolved.settings.test_command.unwrap()[2], "x y");
}

#[test]
fn errors_of_a_file_name_the_line_and_what_was_meant() {
    let (cause, hint) = error("seed = 1\nsandbx = 'auto'\n");
    assert_eq!(cause, "/x/coditect.toml:2: there is no setting `sandbx`");
    assert_eq!(hint.unwrap(), "did you mean `sandbox`?");
    assert_eq!(error("colour = 1").1.unwrap(), "`coditect config` lists every setting");
    assert_eq!(
        error("\n\nbudget_s = 0").0,
        "/x/coditect.toml:3: `budget_s`: `0` is not a whole number from 1 to 2592000"
    );
    assert_eq!(error("seed = 'x'").0, "/x/coditect.toml:1: `seed`: it must be a whole number, not a string");
    assert_eq!(
        error("sandbox = 'vm'").0,
        "/x/coditect.toml:1: `sandbox`: `vm` is none of auto, wasm, os, container"
    );
    assert_eq!(
        error("test_command = \"a 'b\"").0,
        "/x/coditect.toml:1: `test_command`: the quote ' has no end"
    );
    assert!(
        error("waive = ['netwrok']")
            .0
            .starts_with("/x/coditect.toml:1: `waive`: `netwrok` is none of network, ")
    );
    assert!(error("seed = 1\nseed 2").0.starts_with("/x/coditect.toml:2: "));
}

#[test]
fn how_results_are_told_is_set_with_the_tests() {
    let under = layer(
        Owner::Project,
        "seed = 1\n[tests]\ntest_command = \"make check\"\nreport_path = \"out/*.xml\"\n",
    );
    assert_eq!(under.len(), 3);
    let report = |format, path| super::report(format, path).map(|report| (report.format, report.path));
    assert_eq!(report(None, Some("a.xml")), Some((ReportFormat::JunitXml, Some("a.xml".to_owned()))));
    assert_eq!(report(None, Some("a.tap")), Some((ReportFormat::Tap, Some("a.tap".to_owned()))));
    assert_eq!(report(Some("tap"), None), Some((ReportFormat::Tap, None)));
    assert_eq!(report(None, None), None);
    for (text, cause) in [
        (
            "test_report = 'xml'",
            "/x/coditect.toml:1: `test_report`: `xml` is none of junit-xml, tap, exit-code",
        ),
        (
            "report_path = '/etc/passwd'",
            "/x/coditect.toml:1: `report_path`: `/etc/passwd` is no path below the project",
        ),
        (
            "report_path = 'a/../../b'",
            "/x/coditect.toml:1: `report_path`: `a/../../b` is no path below the project",
        ),
        ("\n[tests]\ncolour = 1", "/x/coditect.toml:2: there is no setting `colour`"),
        (
            "seed = 1\n[tests]\nseed = 2",
            "/x/coditect.toml:2: `seed`: it is set twice, inside a table and outside",
        ),
    ] {
        assert_eq!(error(text).0, cause);
    }
}

#[test]
fn a_variable_that_is_no_setting_is_said() {
    let mut notes = Vec::new();
    let env = Environment::of(&[
        ("CODITECT_SEEDS", "3"),
        ("CODITECT_HOME", "/h"),
        ("CODITECT_GRAPH_PASSWORD", "secret"),
        ("OTHER", "1"),
    ]);
    assert!(layers::from_environment(&env, &mut notes).unwrap().is_empty());
    assert_eq!(notes, ["$CODITECT_SEEDS is no setting; `coditect config` lists them all"]);
    let env = Environment::of(&[("CODITECT_SEED", "x")]);
    assert!(layers::from_environment(&env, &mut notes).unwrap_err().cause.starts_with("$CODITECT_SEED: `x`"));
}

#[test]
fn the_template_is_a_valid_file_also_with_every_line_switched_on() {
    assert!(layer(Owner::Project, &template()).is_empty());
    let on: String = template()
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|rest| rest.contains(" = ")).unwrap_or(line))
        .fold(String::new(), |text, line| text + line + "\n");
    let layers = Layers { project: layer(Owner::Project, &on), ..Layers::default() };
    assert_eq!(
        layers.project.len(),
        KEYS.len() - 25,
        "every key but `waive`, `image`, `models`, `model`, `rungs` and what is the person's to decide"
    );
    assert!(layers.resolve().notes.is_empty());
}

#[test]
fn a_bucket_is_the_persons_to_name() {
    let text = "memory_cold = \"s3://mine/team\"\n";
    let user = Layers { user: layer(Owner::User, text), ..Layers::default() }.resolve().settings;
    assert_eq!(user.memory_cold.as_deref(), Some("s3://mine/team"));
    let project = Layers { project: layer(Owner::Project, text), ..Layers::default() }.resolve();
    assert_eq!((project.settings.memory_cold, project.notes.len()), (None, 1), "{:?}", project.notes);
    let key = KEYS.iter().find(|key| key.name == "memory_cold").unwrap();
    assert!(key.read("https://mine").unwrap_err().contains("s3://BUCKET"));
}

#[test]
fn the_sandbox_may_be_a_table_and_its_image_is_the_persons() {
    let table = "[sandbox]\ntier = \"container\"\nimage = \"python:3\"\n";
    let user = Layers { user: layer(Owner::User, table), ..Layers::default() }.resolve().settings;
    assert_eq!(user.sandbox, SandboxChoice::Only(Tier::Container));
    assert_eq!(user.image.as_deref(), Some("python:3"));
    let project = Layers { project: layer(Owner::Project, table), ..Layers::default() }.resolve();
    assert_eq!((project.settings.sandbox, project.settings.image), (SandboxChoice::Auto, None));
    assert_eq!(project.notes.len(), 2, "{:?}", project.notes);
}

#[test]
fn a_projects_file_is_not_followed_through_a_link() {
    let dir = tempfile::tempdir().unwrap();
    let real = dir.path().join("real.toml");
    std::fs::write(&real, "seed = 1").unwrap();
    let link = dir.path().join("coditect.toml");
    std::os::unix::fs::symlink(&real, &link).unwrap();
    assert!(file::read(&link, Owner::Project).unwrap_err().cause.contains("not a regular file"));
    assert_eq!(file::read(&link, Owner::User).unwrap().unwrap().len(), 1);
    assert!(file::read(&dir.path().join("none.toml"), Owner::User).unwrap().is_none());
}

#[test]
fn the_projects_file_is_found_at_the_top_of_the_repository() {
    let dir = tempfile::tempdir().unwrap();
    let below = dir.path().join("a/b");
    std::fs::create_dir_all(&below).unwrap();
    std::fs::write(dir.path().join("coditect.toml"), "").unwrap();
    assert_eq!(project_file(&below), below.join("coditect.toml"), "no repository");
    std::fs::create_dir(dir.path().join(".git")).unwrap();
    assert_eq!(project_file(&below), dir.path().join("coditect.toml"));
}
