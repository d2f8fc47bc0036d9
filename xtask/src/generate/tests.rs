use serde_json::json;

use super::*;

#[test]
fn the_kept_reference_of_events_is_up_to_date() {
    assert_eq!(difference(&events_page()), None, "run `cargo xtask generate`");
}

#[test]
fn the_kept_wire_is_up_to_date() {
    let differing: Vec<String> = wire::pages().unwrap().iter().filter_map(difference).collect();
    assert_eq!(differing, Vec::<String>::new(), "run `cargo xtask generate`");
}

#[test]
fn every_event_has_a_section_and_every_type_a_heading() {
    let text = String::from_utf8(events_page().bytes).unwrap();
    for name in ["mission.submitted", "plan.made", "attempt.ended", "violation.found", "mission.completed"] {
        assert!(text.contains(&format!("\n## `{name}`\n")), "{name}");
    }
    for link in text.split("](#").skip(1).filter_map(|rest| rest.split(')').next()) {
        let heading = text.lines().any(|line| line.to_lowercase() == format!("## {link}"));
        assert!(heading, "`{link}` leads nowhere");
    }
}

#[test]
fn an_event_is_told_by_its_schema() {
    let schema = json!({
        "properties": {"seq": {"type": "integer", "description": "Its number."}},
        "required": ["seq", "type"],
        "oneOf": [{
            "description": "It broke.",
            "properties": {
                "type": {"const": "thing.broke"},
                "how": {"$ref": "#/$defs/How", "description": "In which\nway."},
                "why": {"type": ["string", "null"]}
            },
            "required": ["type", "how"]
        }],
        "$defs": {"How": {"description": "Ways to break.", "oneOf": [{"const": "loudly", "description": "With noise."}]}}
    });
    let text = events::reference(&schema);
    for part in [
        "| `seq` | whole number | Its number. |",
        "## `thing.broke`\n\nIt broke.\n",
        "| `how` | [How](#how) | In which way. |",
        "| `why` | text or `null`, may be absent |  |",
        "## How\n\nWays to break.\n",
        "| `loudly` | With noise. |",
    ] {
        assert!(text.contains(part), "{part}\nis not in\n{text}");
    }
}

#[test]
fn commands_are_followed_down() {
    let top = "Does it\n\nUsage: coditect\n\nCommands:\n  run     Begin\n          at once\n  help    Print this\n\nOptions:\n";
    assert_eq!(commands::subcommands(top), ["run"]);
    let page = commands::reference(&mut |words| {
        Ok(if words.is_empty() { top.to_owned() } else { "Begin  \n".to_owned() })
    });
    assert!(page.is_ok_and(|text| text.ends_with("\n## `coditect run`\n\n```text\nBegin\n```\n")));
}
