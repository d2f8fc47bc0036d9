//! What one looks at beside missions: who is at work, and what projects are made of.

use std::collections::BTreeSet;

use coditect_types::UserRole;

use super::*;
use crate::trial::HOSTILE;

fn name(text: &str) -> UserName {
    UserName::parse(text).unwrap()
}

/// Two missions under way, one of Ada's, and two users who may only look: Ada, and Eve.
fn team() -> Door {
    let door = Door::with(Secrets::users(FORM).unwrap());
    for (user, role) in [("ada", UserRole::Viewer), ("eve", UserRole::Viewer), ("root", UserRole::Admin)] {
        let token = format!("cdt_{user}");
        let visitor = Visitor {
            user: Some(name(user)),
            roles: BTreeSet::from([role]),
            of: BTreeSet::new(),
            token: Some(user.to_owned()),
        };
        door.trial.users.lock().unwrap().insert(token, Admission::Known(visitor));
    }
    for (mission, owner) in [("m-adas", Some("ada")), ("m-own", None)] {
        let mission = id(mission);
        let mut events = hostile(&mission);
        let Event::MissionSubmitted { policy, workspace, .. } = &mut events[0] else { panic!("{events:?}") };
        policy.owner = owner.map(name);
        workspace.path = format!("/projects/{}", owner.unwrap_or("own"));
        door.trial.append(&mission, events);
        door.trial.running.lock().unwrap().insert(mission);
    }
    door
}

async fn seen(door: &Door, user: &str, path: &str) -> (StatusCode, String) {
    let request = Request::builder().uri(path).header("host", "127.0.0.1:7077");
    let request = request.header("authorization", format!("Bearer cdt_{user}"));
    let answer = door.told(request.body(Body::empty()).unwrap()).await;
    (answer.status, answer.text)
}

#[tokio::test]
async fn hostile_names_of_workers_and_code_are_text() {
    let door = Door::open();
    let mission = id("m-adas");
    door.trial.append(&mission, hostile(&mission));
    door.trial.running.lock().unwrap().insert(mission);
    for path in [
        "/fleet",
        "/graph",
        "/missions/m-adas/graph",
        "/missions/m-adas/graph?q=one",
        "/missions/m-adas/graph?q=many",
        "/missions/m-adas/graph?q=%3Cscript%3E%22%3E",
    ] {
        let answer = door.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
        form::check(&answer.text);
        let text = answer.text.replace("<script src=\"/assets/app.js\" defer></script>", "");
        assert!(!text.contains("<script") && !text.contains("<img"), "{path}: {text}");
        assert!(text.contains("&lt;script&gt;"), "{path}: nothing of it is shown: {text}");
        assert!(!text.contains('\u{202e}') && !text.contains(" style="), "{path}");
    }
    let long = "x".repeat(WORDS + 1);
    assert_eq!(door.get(&format!("/missions/m-adas/graph?q={long}")).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(door.get("/missions/m-none/graph").await.status, StatusCode::NOT_FOUND);
    let asked = door.json("/api/missions/m-adas/graph").await;
    assert_eq!(asked["answer"]["whole"]["dead"]["left_out"], 7);
    assert_eq!(asked["answer"]["whole"]["hot"]["list"][0]["path"], HOSTILE);
}

#[tokio::test]
async fn a_project_is_seen_by_who_reaches_a_mission_on_it() {
    let door = team();
    let listed = async |user: &str| seen(&door, user, "/graph").await.1;
    let (ada, eve, root) = (listed("ada").await, listed("eve").await, listed("root").await);
    assert!(ada.contains("/projects/ada") && !ada.contains("/projects/own"), "{ada}");
    assert!(!eve.contains("/projects/") && eve.contains("No mission yet"), "{eve}");
    assert!(root.contains("/projects/ada") && root.contains("/projects/own"), "{root}");
    for (user, mission, status) in [
        ("ada", "m-adas", StatusCode::OK),
        ("ada", "m-own", StatusCode::NOT_FOUND),
        ("eve", "m-adas", StatusCode::NOT_FOUND),
        ("root", "m-own", StatusCode::OK),
    ] {
        for path in [format!("/missions/{mission}/graph"), format!("/api/missions/{mission}/graph?q=x")] {
            assert_eq!(seen(&door, user, &path).await.0, status, "{user} {path}");
        }
    }
    // What was refused was never looked for.
    let asked = door.trial.explored.lock().unwrap().clone();
    assert_eq!(asked.iter().filter(|line| line.contains("for ada")).count(), 2, "{asked:?}");
    assert!(!asked.iter().any(|line| line.contains("for eve")), "{asked:?}");
}

#[tokio::test]
async fn who_is_at_work_is_seen_as_far_as_ones_missions_go() {
    let door = team();
    let told = async |user: &str| -> (serde_json::Value, String) {
        let api = seen(&door, user, "/api/fleet").await.1;
        (serde_json::from_str(&api).unwrap(), seen(&door, user, "/fleet").await.1)
    };
    let (root, page) = told("root").await;
    assert_eq!((&root["queue"]["waiting"], &root["missions"].as_array().unwrap().len()), (&3.into(), &2));
    assert_eq!(root["workers"][0]["jobs"].as_array().unwrap().len(), 2);
    assert!(page.contains("process 4711") && page.contains("10.0.0.7"), "{page}");
    assert_eq!(root["breakers"][0]["state"], "open");
    assert!(page.contains("left alone for 9.0 s"), "{page}");
    let (ada, page) = told("ada").await;
    assert_eq!(
        (ada["missions"].as_array().unwrap().len(), &ada["missions"][0]["mission"]),
        (1, &"m-adas".into())
    );
    assert!(ada["queue"].is_null() && ada["workers"][0]["busy"].is_null(), "{ada}");
    assert!(!page.contains("m-own") && page.contains("m-adas"), "{page}");
    assert!(ada["breakers"].as_array().is_some_and(Vec::is_empty) && !page.contains("left alone"), "{page}");
    let (eve, page) = told("eve").await;
    assert_eq!(eve["missions"].as_array().unwrap().len(), 0);
    assert!(!eve.to_string().contains("m-adas") && !page.contains("m-adas"), "{page}");
}
