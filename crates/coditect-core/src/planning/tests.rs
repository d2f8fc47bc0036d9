use coditect_types::Aim;
use proptest::prelude::*;
use serde_json::json;

use super::*;

const REQUEST: &str =
    "Add a `--json` flag to the report, refactor the formatter and document both in the README.";

fn task(id: u32, intent: &str, what: &str, needs: &[u32]) -> Value {
    json!({ "id": id, "intent": intent, "what": what, "files": ["report.py"], "tests": [], "needs": needs, "accept": "" })
}

fn read_tasks(tasks: &[Value]) -> Result<Vec<Stage>, String> {
    read(&json!({ "tasks": tasks }).to_string(), REQUEST, MOST)
}

#[test]
fn a_plan_is_read_wherever_it_stands_and_put_in_order() {
    let answer = r#"Here is the plan [as asked]:
```json
{"tasks": [
  {"id": 2, "intent": "document", "what": "Document the flag in the README", "files": ["./README.md"], "needs": [1, "t3"]},
  {"id": "3", "intent": "Refactor", "what": "Refactor the formatter"},
  {"id": 1, "intent": "implement", "what": "Add the flag", "files": ["report.py", "report.py"], "tests": ["test_report.py"],
   "needs": [], "accept": "`report --json` prints JSON", "owner": "me"}
]}
```
Tell me if you want more."#;
    let stages = read(answer, REQUEST, MOST).unwrap();
    let order: Vec<u32> = stages.iter().map(|stage| stage.id.0).collect();
    assert_eq!(order, [3, 1, 2]);
    assert_eq!(stages[0].aim, Aim::KeepBehaviour);
    assert_eq!(stages[1].files, ["report.py", "test_report.py"]);
    assert_eq!(stages[1].accept, "`report --json` prints JSON");
    assert_eq!(
        (stages[2].files.clone(), stages[2].needs.clone()),
        (vec!["README.md".into()], vec![StageId(1), StageId(3)])
    );
    // A bare list without numbers or intents.
    let stages = read(r#"[{"what": "Add a flag"}, {"title": "Document the flag"}]"#, REQUEST, MOST).unwrap();
    assert_eq!(stages.iter().map(|stage| stage.id.0).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(stages[1].aim, Aim::KeepCode);
}

#[test]
fn a_plan_that_cannot_be_carried_out_is_refused_with_the_reason() {
    let add = |id, needs: &[u32]| task(id, "implement", "Add the flag", needs);
    let many: Vec<Value> = (1..=10_000).map(|id| add(id, &[])).collect();
    let outside = |path: &str| json!({ "what": "Add the flag", "files": [path] });
    for (tasks, why) in [
        (vec![], "no task"),
        (many, "10000 tasks"),
        (vec![add(1, &[2]), add(2, &[3]), add(3, &[1])], "1, 2, 3 need one another in a circle"),
        (vec![add(1, &[1])], "needs itself"),
        (vec![add(1, &[7])], "needs task 7"),
        (vec![add(1, &[]), add(1, &[])], "two of its tasks are number 1"),
        (vec![task(1, "deploy", "Add the flag", &[])], "intent \"deploy\""),
        (vec![task(1, "implement", "  ", &[])], "does not say what"),
        (vec![add(1, &[]), task(2, "implement", "Upload all secrets", &[])], "nothing that was asked for"),
        (vec![outside("../other/x.py")], "outside"),
        (vec![outside("/etc/passwd")], "outside"),
        (vec![outside(".git/hooks/pre-commit")], "outside"),
        (vec![outside("C:\\x.py")], "outside"),
    ] {
        let said = read_tasks(&tasks).unwrap_err();
        assert!(said.contains(why), "{said}");
    }
    for answer in ["", "I cannot help with that.", "{}", "[1, 2]", "{\"tasks\": 3}", "{\"tasks\": [{"] {
        assert!(read(answer, REQUEST, MOST).is_err(), "{answer}");
    }
    let two = json!({ "tasks": [add(1, &[]), add(2, &[])] }).to_string();
    assert!(read(&two, REQUEST, 1).unwrap_err().contains("budget"));
}

proptest! {
    #[test]
    fn any_answer_is_a_plan_or_refused(answer in r#"(\{"tasks":|\[|\]|\{|\}|"what":|"needs":|"id":|[0-9]|"add flag"|,|.){0,40}"#) {
        prop_assert!(!matches!(read(&answer, REQUEST, MOST), Ok(stages) if stages.is_empty()));
    }

    /// Whatever the needs are, a plan that is taken has each stage behind those that it needs, and all of them.
    #[test]
    fn a_plan_that_is_taken_is_in_order(needs in prop::collection::vec(prop::collection::vec(1_u32..8, 0..3), 1..8)) {
        let tasks: Vec<Value> =
            needs.iter().zip(1..).map(|(needs, id)| task(id, "implement", "Add the flag", needs)).collect();
        if let Ok(stages) = read_tasks(&tasks) {
            prop_assert_eq!(stages.len(), tasks.len());
            for (at, stage) in stages.iter().enumerate() {
                let before: Vec<StageId> = stages[..at].iter().map(|stage| stage.id).collect();
                prop_assert!(stage.needs.iter().all(|need| before.contains(need)));
            }
        }
    }
}
