//! A server that several people use: who may do what, with whose missions, and what is written down of it.

use std::sync::atomic::Ordering;

use axum::http::Method;
use coditect_types::UserRole;
use serde_json::json;

use super::*;
use crate::trial::{name, token};

fn team() -> Door {
    let door = Door::with(Secrets::users(FORM).unwrap());
    door.trial.has_a_team();
    door
}

/// Every call that there is, with what is sent, and the roles that it is for.
fn calls() -> Vec<(Method, &'static str, serde_json::Value, &'static [UserRole])> {
    const LOOK: &[UserRole] = &UserRole::ALL;
    const OPERATE: &[UserRole] = &[UserRole::Operator, UserRole::Admin];
    const APPROVE: &[UserRole] = &[UserRole::Approver, UserRole::Admin];
    let none = serde_json::Value::Null;
    vec![
        (Method::GET, "/api/missions/m-adas", none.clone(), LOOK),
        (Method::GET, "/api/missions/m-adas/records", none.clone(), LOOK),
        (Method::GET, "/api/missions/m-adas/events", none.clone(), LOOK),
        (Method::GET, "/missions/m-adas", none.clone(), LOOK),
        (Method::GET, "/missions/m-adas/events", none.clone(), LOOK),
        (Method::GET, "/missions/m-adas/between?from=1&to=2", none.clone(), LOOK),
        (Method::GET, "/missions/m-adas/compare?with=m-adas", none.clone(), LOOK),
        (Method::GET, "/missions/m-adas/graph", none.clone(), LOOK),
        (Method::GET, "/missions/m-adas/graph?q=many&kind=type&exported=1", none.clone(), LOOK),
        (Method::GET, "/api/missions/m-adas/graph?q=x", none.clone(), LOOK),
        (Method::GET, "/api/missions/m-adas/world", none, LOOK),
        (Method::POST, "/api/missions/m-adas/cancel", json!({ "why": "x" }), OPERATE),
        (Method::POST, "/api/missions/m-adas/fork", json!({ "at": 1 }), OPERATE),
        (Method::POST, "/api/missions/m-adas/approvals/1", json!({ "verdict": "denied" }), APPROVE),
        (Method::POST, "/missions/m-adas/cancel", json!("form"), OPERATE),
        (Method::POST, "/missions/m-adas/fork", json!("form&at=1"), OPERATE),
        (Method::POST, "/missions/m-adas/approvals/1", json!("form&verdict=denied"), APPROVE),
    ]
}

/// Calls that are about no mission.
fn open_calls() -> Vec<(Method, &'static str, serde_json::Value, &'static [UserRole])> {
    const LOOK: &[UserRole] = &UserRole::ALL;
    const OPERATE: &[UserRole] = &[UserRole::Operator, UserRole::Admin];
    let none = serde_json::Value::Null;
    vec![
        (Method::GET, "/", none.clone(), LOOK),
        (Method::GET, "/api/missions", none.clone(), LOOK),
        (Method::GET, "/api/approvals", none.clone(), LOOK),
        (Method::GET, "/api/me", none.clone(), LOOK),
        (Method::GET, "/costs", none.clone(), LOOK),
        (Method::GET, "/api/costs?days=3", none.clone(), LOOK),
        (Method::GET, "/memory?q=x", none.clone(), LOOK),
        (Method::GET, "/api/memory", none.clone(), LOOK),
        (Method::GET, "/memory/m-1", none.clone(), LOOK),
        (Method::GET, "/api/memory/m-1", none.clone(), LOOK),
        (Method::GET, "/graph", none.clone(), LOOK),
        (Method::GET, "/api/graph", none.clone(), LOOK),
        (Method::GET, "/fleet", none.clone(), LOOK),
        (Method::GET, "/api/fleet", none.clone(), LOOK),
        (Method::GET, "/api/openapi.json", none.clone(), LOOK),
        (Method::GET, "/metrics", none, &[UserRole::Admin]),
        (Method::POST, "/api/missions", json!({ "request": "fix it", "dir": "/p" }), OPERATE),
        (Method::POST, "/missions", json!("form&request=fix&dir=/p"), OPERATE),
    ]
}

fn called(method: &Method, path: &str, sent: &serde_json::Value, token: Option<&str>) -> Request {
    let mut request = Request::builder().method(method).uri(path).header("host", "127.0.0.1:7077");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let (kind, body) = if let Some(form) = sent.as_str() {
        ("application/x-www-form-urlencoded", form.replacen("form", &format!("form={FORM}"), 1))
    } else if sent.is_null() {
        ("text/plain", String::new())
    } else {
        ("application/json", sent.to_string())
    };
    request.header("content-type", kind).body(Body::from(body)).unwrap()
}

async fn status(door: &Door, request: Request) -> StatusCode {
    let response = door.ask(request).await;
    // A stream has no end while its mission has none: nobody reads it here.
    response.status()
}

#[tokio::test]
async fn every_call_is_for_its_roles_and_missions_for_who_reaches_them() {
    let door = team();
    for (method, path, sent, roles) in calls() {
        for role in UserRole::ALL {
            let is_let = roles.contains(&role);
            for (user, reaches) in [("ada", true), ("grace", true), ("eve", role == UserRole::Admin)] {
                let got = status(&door, called(&method, path, &sent, Some(&token(user, role)))).await;
                let about = format!("{method} {path} by {user}, {role:?}: {got}");
                match (is_let, reaches) {
                    (true, true) => assert!(got.is_success() || got.is_redirection(), "{about}"),
                    (true, false) => assert_eq!(got, StatusCode::NOT_FOUND, "{about}"),
                    (false, _) => assert_eq!(got, StatusCode::FORBIDDEN, "{about}"),
                }
            }
        }
    }
    for (method, path, sent, roles) in open_calls() {
        for role in UserRole::ALL {
            let got = status(&door, called(&method, path, &sent, Some(&token("eve", role)))).await;
            let about = format!("{method} {path} by {role:?}: {got}");
            if roles.contains(&role) {
                assert!(got.is_success() || got.is_redirection(), "{about}");
            } else {
                assert_eq!(got, StatusCode::FORBIDDEN, "{about}");
            }
        }
    }
}

#[tokio::test]
async fn who_shows_no_token_that_opens_is_nobody() {
    let door = team();
    let own = token("ada", UserRole::Admin);
    for shown in [None, Some(""), Some(TOKEN), Some("cdt_old"), Some(&own[1..]), Some(FORM)] {
        for (method, path, sent, _) in calls().into_iter().chain(open_calls()) {
            let got = status(&door, called(&method, path, &sent, shown)).await;
            let is_page = method == Method::GET && reader(path) == Reader::Person;
            let wanted = if is_page { StatusCode::SEE_OTHER } else { StatusCode::UNAUTHORIZED };
            assert_eq!(got, wanted, "{method} {path} with {shown:?}");
        }
    }
    // A token in an address stays in a browser's history and in the books of proxies.
    let by_address = called(&Method::GET, &format!("/?token={own}"), &json!(null), None);
    assert_eq!(status(&door, by_address).await, StatusCode::SEE_OTHER);
    assert!(door.asked_of_it().is_empty(), "{:?}", door.asked_of_it());
}

#[tokio::test]
async fn no_other_spelling_of_an_address_leads_past_the_guard() {
    let door = team();
    let eve = token("eve", UserRole::Operator);
    for path in [
        "/missions/%6d-adas",
        "/api/missions/m%2dadas",
        "/api/missions/m-ada%73/records",
        "/api/missions/%6D-adas/events",
        "/missions//m-adas",
        "//missions/m-adas",
        "/missions/m-adas/",
        "/api//missions/m-adas",
        "/API/missions/m-adas",
        "/missions/./m-adas",
        "/missions/x/../m-adas",
        "/missions/%6d-adas/graph",
        "/api/missions/m-ada%73/graph",
    ] {
        for method in [Method::GET, Method::HEAD, Method::POST, Method::DELETE, Method::OPTIONS, Method::PUT]
        {
            let answer = door.told(called(&method, path, &json!(null), Some(&eve))).await;
            assert!(answer.status.is_client_error(), "{method} {path}: {}", answer.status);
            assert!(!answer.text.contains("/projects/"), "{method} {path}");
        }
    }
    for method in [Method::HEAD, Method::DELETE, Method::OPTIONS, Method::PUT, Method::PATCH] {
        let answer = door.told(called(&method, "/api/missions/m-adas", &json!(null), Some(&eve))).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method}");
    }
    assert!(door.asked_of_it().is_empty());
}

#[tokio::test]
async fn every_refusal_and_every_change_is_in_the_book() {
    let door = team();
    let mut refused = 0;
    for (method, path, sent, roles) in calls() {
        for role in UserRole::ALL {
            status(&door, called(&method, path, &sent, Some(&token("eve", role)))).await;
            refused += usize::from(!roles.contains(&role) || role != UserRole::Admin);
        }
    }
    status(&door, called(&Method::GET, "/api/me", &json!(null), Some("cdt_old"))).await;
    let book = door.trial.book.lock().unwrap().clone();
    let (allowed, not): (Vec<_>, Vec<_>) = book.iter().partition(|line| line.allowed);
    assert_eq!(not.len(), refused + 1, "{not:#?}");
    // Each is written down before it is done, and once it is.
    let (before, done): (Vec<&Asked>, Vec<&Asked>) =
        allowed.iter().copied().partition(|line| line.why.is_empty());
    assert_eq!((before.len(), done.len()), (6, 6), "{allowed:#?}");
    assert!(book.iter().all(|line| line.user.is_some() && line.token.is_some()), "{book:#?}");
    let last = not.last().unwrap();
    assert_eq!((&last.user, last.why.as_str()), (&Some(name("ada")), "this token is expired"));
    assert!(before.iter().all(|line| line.about.as_deref() == Some("m-adas")), "{allowed:#?}");
    // What was begun is named.
    assert!(done.iter().any(|line| line.about.as_deref() == Some("m-forked")), "{done:#?}");
    // What is refused behind the guard is a refusal too.
    let own = token("ada", UserRole::Operator);
    let nowhere = json!({ "request": "fix it", "dir": "/nowhere" });
    status(&door, called(&Method::POST, "/api/missions", &nowhere, Some(&own))).await;
    let last = door.trial.book.lock().unwrap().last().cloned().unwrap();
    assert_eq!((last.allowed, last.why.as_str()), (false, "answered 404"));
    assert!(not.iter().any(|line| line.why == "another user's"), "{not:#?}");
}

#[tokio::test]
async fn what_cannot_be_written_down_is_not_done() {
    let door = team();
    door.trial.has_full_disk.store(true, Ordering::Relaxed);
    let own = token("ada", UserRole::Admin);
    for (method, path, sent, _) in calls().into_iter().chain(open_calls()) {
        let got = status(&door, called(&method, path, &sent, Some(&own))).await;
        assert_eq!(got.is_success(), method == Method::GET, "{method} {path}: {got}");
    }
    assert!(door.asked_of_it().is_empty());
}

#[tokio::test]
async fn lists_have_what_a_user_reaches_and_say_no_more() {
    let door = team();
    let seen = async |user: &str, role| {
        let shown = token(user, role);
        let list = door.told(called(&Method::GET, "/api/missions", &json!(null), Some(&shown))).await;
        let list: serde_json::Value = serde_json::from_str(&list.text).unwrap();
        let page = door.told(called(&Method::GET, "/", &json!(null), Some(&shown))).await.text;
        let asked = door.told(called(&Method::GET, "/api/approvals", &json!(null), Some(&shown))).await.text;
        let all = list["all"].as_u64().unwrap();
        for mission in ["m-adas", "m-own"] {
            let listed = list.to_string().contains(mission);
            assert_eq!(
                (page.contains(mission), asked.contains(mission)),
                (listed, listed),
                "{user} {mission}"
            );
        }
        all
    };
    assert_eq!(seen("ada", UserRole::Operator).await, 1);
    assert_eq!(seen("grace", UserRole::Viewer).await, 1);
    assert_eq!(seen("eve", UserRole::Operator).await, 0);
    assert_eq!(seen("eve", UserRole::Admin).await, 2);
    // The other mission of a comparison is held to the same.
    let shown = token("ada", UserRole::Operator);
    let with = |other: &str| {
        called(&Method::GET, &format!("/missions/m-adas/compare?with={other}"), &json!(null), Some(&shown))
    };
    assert_eq!(status(&door, with("m-own")).await, StatusCode::NOT_FOUND);
    let (missing, others) = (door.told(with("m-none")).await.text, door.told(with("m-own")).await.text);
    assert_eq!(missing.replace("m-none", "m-own"), others, "one tells whether there is such a mission");
}

#[tokio::test]
async fn a_user_answers_and_begins_in_their_own_name() {
    let door = team();
    let body = json!({ "verdict": "approved", "why": "seen", "by": "root" });
    let path = "/api/missions/m-adas/approvals/1";
    let grace = token("grace", UserRole::Approver);
    assert_eq!(
        status(&door, called(&Method::POST, path, &body, Some(&grace))).await,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let form = json!("form&verdict=approved&why=seen&by=root");
    assert!(
        status(&door, called(&Method::POST, "/missions/m-adas/approvals/1", &form, Some(&grace)))
            .await
            .is_success()
    );
    let begin = json!({ "request": "fix it", "dir": "/p", "budget_s": 9 });
    let ada = token("ada", UserRole::Operator);
    let begun = door.told(called(&Method::POST, "/api/missions", &begin, Some(&ada))).await;
    assert_eq!(
        (begun.status, &begun.headers["location"]),
        (StatusCode::CREATED, &HeaderValue::from_static("/api/missions/m-begun"))
    );
    let told = door.asked_of_it();
    assert!(told[0].contains("by grace: seen") && told[1].starts_with("ada: begin fix it on /p"), "{told:?}");
}

#[tokio::test]
async fn a_user_signs_in_and_out_in_a_browser() {
    let door = team();
    let shown = token("ada", UserRole::Operator);
    let send = async |path: &str, origin: &str, form: String, cookie: Option<&str>| {
        let mut request = Request::builder().method("POST").uri(path).header("host", "127.0.0.1:7077");
        request =
            request.header("origin", origin).header("content-type", "application/x-www-form-urlencoded");
        if let Some(cookie) = cookie {
            request = request.header("cookie", cookie);
        }
        door.told(request.body(Body::from(form)).unwrap()).await
    };
    let page = door.told(called(&Method::GET, "/sign-in", &json!(null), None)).await;
    assert!(page.status.is_success() && page.text.contains("type=\"password\""), "{}", page.text);
    let foreign = send("/sign-in", "http://evil.example", format!("token={shown}"), None).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN, "nobody signs another one in");
    let wrong = send("/sign-in", OWN, "token=cdt_old".to_owned(), None).await;
    assert!(wrong.status == StatusCode::UNAUTHORIZED && !wrong.headers.contains_key("set-cookie"));
    let right = send("/sign-in", OWN, format!("token={shown}"), None).await;
    let cookie = right.headers["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let list = Request::builder().uri("/").header("host", "127.0.0.1:7077").header("cookie", &cookie);
    let list = door.told(list.body(Body::empty()).unwrap()).await;
    assert!(list.text.contains("m-adas") && list.text.contains("Sign out"), "{}", list.text);
    // A cookie alone changes nothing: the page of another site sends it too, were the browser an old one.
    let cancel = format!("form={FORM}&why=x");
    let foreign = send("/missions/m-adas/cancel", "http://evil.example", cancel.clone(), Some(&cookie)).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    assert_eq!(send("/missions/m-adas/cancel", OWN, cancel, Some(&cookie)).await.status, StatusCode::OK);
    let out = send("/sign-out", OWN, String::new(), Some(&cookie)).await;
    assert!(out.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    for _ in 0..30 {
        send("/sign-in", OWN, "token=guess".to_owned(), None).await;
    }
    let guessed = send("/sign-in", OWN, "token=guess".to_owned(), None).await;
    assert_eq!(guessed.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(guessed.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn a_stream_ends_with_the_token_that_opened_it() {
    let door = team();
    let shown = token("ada", UserRole::Viewer);
    let response =
        door.ask(called(&Method::GET, "/api/missions/m-adas/events", &json!(null), Some(&shown))).await;
    let mut body = response.into_body().into_data_stream();
    assert!(body.next().await.is_some());
    door.trial.users.lock().unwrap().remove(&shown);
    let rest = async { while body.next().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(60), rest).await.expect("it goes on");
}

#[tokio::test]
async fn who_begins_too_much_is_told_when_to_ask_again() {
    let door = team();
    let ada = token("ada", UserRole::Operator);
    let begin = json!({ "request": "fix it", "dir": "/p" });
    let mut last = None;
    for _ in 0..40 {
        last = Some(door.told(called(&Method::POST, "/api/missions", &begin, Some(&ada))).await);
    }
    let last = last.unwrap();
    assert_eq!(last.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(last.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1);
    let eve = token("eve", UserRole::Operator);
    assert_eq!(
        status(&door, called(&Method::POST, "/api/missions", &begin, Some(&eve))).await,
        StatusCode::CREATED
    );
}

#[test]
fn what_programs_may_call_is_described() {
    let described: serde_json::Value =
        serde_json::from_str(include_str!("../../../assets/openapi.json")).unwrap();
    let paths = described["paths"].as_object().unwrap();
    for (method, path, _, _) in calls().into_iter().chain(open_calls()) {
        if !path.starts_with("/api/") {
            continue;
        }
        let path = path
            .split('?')
            .next()
            .unwrap()
            .replace("memory/m-1", "memory/{id}")
            .replace("m-adas", "{id}")
            .replace("approvals/1", "approvals/{number}");
        assert!(paths[&path][method.as_str().to_lowercase()].is_object(), "{method} {path}");
    }
}
