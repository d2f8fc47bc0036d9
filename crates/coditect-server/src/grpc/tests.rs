use coditect_api::v1::fleet_client::FleetClient;
use coditect_api::v1::missions_client::MissionsClient;
use coditect_types::{AttemptId, Event, MissionStatus, UserRole};
use tokio::sync::oneshot;
use tonic::transport::{Channel, Endpoint};

use super::*;
use crate::guard::Secrets;
use crate::house::House;
use crate::metrics::Metrics;
use crate::serve::{Ground, Server};
use crate::trial::{Trial, ending, id, token};

/// A server with a team, and a door for gRPC.
struct Open {
    trial: Arc<Trial>,
    metrics: Arc<Metrics>,
    channel: Channel,
    stop: Option<oneshot::Sender<()>>,
    serving: tokio::task::JoinHandle<()>,
    _tasks: TaskTracker,
}

impl Open {
    async fn with(trial: Trial) -> Self {
        let here = SocketAddr::from(([127, 0, 0, 1], 0));
        let grpc = Grpc::bind(here, None).await.unwrap();
        let at = grpc.address();
        let server = Server::bind(here).await.unwrap().with_grpc(grpc);
        let metrics = server.metrics();
        let (stop, stopped) = oneshot::channel::<()>();
        let trial = Arc::new(trial);
        let house = Arc::clone(&trial) as Arc<dyn House>;
        let secrets = Secrets::users(&"f".repeat(32)).unwrap();
        let tasks = TaskTracker::new();
        let serving = tasks.spawn(server.run(house, secrets, Ground::default(), async {
            stopped.await.ok();
        }));
        let channel = Endpoint::from_shared(format!("http://{at}")).unwrap().connect().await.unwrap();
        Self { trial, metrics, channel, stop: Some(stop), serving, _tasks: tasks }
    }

    async fn team() -> Self {
        let trial = Trial::default();
        trial.has_a_team();
        Self::with(trial).await
    }

    fn missions(&self) -> MissionsClient<Channel> {
        MissionsClient::new(self.channel.clone())
    }

    fn fleet(&self) -> FleetClient<Channel> {
        FleetClient::new(self.channel.clone())
    }

    /// What the book has, a line each.
    fn book(&self) -> Vec<String> {
        let book = self.trial.book.lock().unwrap();
        book.iter().map(|asked| format!("{} {}", asked.call, asked.allowed)).collect()
    }

    async fn close(mut self) {
        drop(self.stop.take());
        self.serving.await.unwrap();
    }
}

fn by<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

/// What a call of this name is answered, by whoever has this token.
async fn called(open: &Open, name: &str, token: &str) -> Result<(), Status> {
    let mission = || "m-adas".to_owned();
    let (mut missions, mut fleet) = (open.missions(), open.fleet());
    match name {
        "submit" => {
            let asked = api::SubmitRequest {
                request: "fix it".to_owned(),
                directory: "/p".to_owned(),
                ..api::SubmitRequest::default()
            };
            missions.submit(by(token, asked)).await.map(drop)
        }
        "list" => missions.list(by(token, api::ListRequest::default())).await.map(drop),
        "get" => missions.get(by(token, api::GetRequest { mission: mission(), at: None })).await.map(drop),
        "watch" => {
            missions.watch(by(token, api::WatchRequest { mission: mission(), from: 1 })).await.map(drop)
        }
        "list_approvals" => missions.list_approvals(by(token, api::ListApprovalsRequest {})).await.map(drop),
        "answer" => {
            let (verdict, why) = ("denied".to_owned(), "x".to_owned());
            missions
                .answer(by(token, api::AnswerRequest { mission: mission(), number: 1, verdict, why }))
                .await
                .map(drop)
        }
        "cancel" => missions
            .cancel(by(token, api::CancelRequest { mission: mission(), why: "x".to_owned() }))
            .await
            .map(drop),
        "fork" => {
            let asked = api::ForkRequest { mission: mission(), at: 1, ..api::ForkRequest::default() };
            missions.fork(by(token, asked)).await.map(drop)
        }
        "look" => fleet.look(by(token, api::LookRequest {})).await.map(drop),
        "world" => fleet.world(by(token, api::WorldRequest { mission: mission() })).await.map(drop),
        other => panic!("no test knows `{other}`"),
    }
}

/// Every call that the description has, whether it is about a mission, and the roles that it is for.
const CALLS: [(&str, bool, &[UserRole]); 10] = [
    ("submit", false, &[UserRole::Operator, UserRole::Admin]),
    ("list", false, &UserRole::ALL),
    ("get", true, &UserRole::ALL),
    ("watch", true, &UserRole::ALL),
    ("list_approvals", false, &UserRole::ALL),
    ("answer", true, &[UserRole::Approver, UserRole::Admin]),
    ("cancel", true, &[UserRole::Operator, UserRole::Admin]),
    ("fork", true, &[UserRole::Operator, UserRole::Admin]),
    ("look", false, &UserRole::ALL),
    ("world", true, &UserRole::ALL),
];

#[tokio::test]
async fn every_call_is_for_its_roles_and_missions_for_who_reaches_them() {
    let open = Open::team().await;
    for (name, is_about_one, roles) in CALLS {
        for role in UserRole::ALL {
            let is_let = roles.contains(&role);
            for (user, reaches) in [("ada", true), ("grace", true), ("eve", role == UserRole::Admin)] {
                let answered = called(&open, name, &token(user, role)).await;
                let code = answered.as_ref().map_or_else(Status::code, |()| Code::Ok);
                let expected = match (is_let, reaches || !is_about_one) {
                    (false, _) => Code::PermissionDenied,
                    (true, false) => Code::NotFound,
                    (true, true) => Code::Ok,
                };
                assert_eq!(code, expected, "{name} by {user} as {}: {answered:?}", role.name());
            }
        }
        for nobody in ["cdt_old", "cdt_nobody", ""] {
            let refused = called(&open, name, nobody).await.unwrap_err();
            assert_eq!(refused.code(), Code::Unauthenticated, "{name}: {refused:?}");
            assert!(refused.metadata().get_bin("coditect-hint-bin").is_some(), "{refused:?}");
        }
    }
    open.close().await;
}

#[test]
fn every_call_that_is_described_is_tried() {
    let text = include_str!("../../../coditect-api/proto/coditect/v1/missions.proto");
    let described: Vec<String> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("rpc ")?.split('(').next())
        .map(|name| {
            name.chars().fold(String::new(), |name, c| match c.is_uppercase() && !name.is_empty() {
                true => format!("{name}_{}", c.to_ascii_lowercase()),
                false => format!("{name}{}", c.to_ascii_lowercase()),
            })
        })
        .collect();
    assert_eq!(described, CALLS.map(|(name, ..)| name.to_owned()));
}

#[tokio::test]
async fn calls_are_counted_by_method_and_what_they_ask_is_not_counted_again() {
    let open = Open::team().await;
    let (ada, eve) = (token("ada", UserRole::Operator), token("eve", UserRole::Operator));
    called(&open, "get", &ada).await.unwrap();
    called(&open, "get", &eve).await.unwrap_err();
    called(&open, "get", "cdt_nobody").await.unwrap_err();
    called(&open, "watch", &ada).await.unwrap();
    let text = open.metrics.text(open.trial.as_ref(), 0).unwrap();
    let rows = |name: &str| -> Vec<String> {
        let rows = text.lines().filter_map(|line| line.strip_prefix(name)).filter(|row| !row.ends_with(" 0"));
        rows.map(str::to_owned).collect()
    };
    assert_eq!(
        rows("coditect_grpc_calls_total"),
        [
            "{method=\"Missions/Get\",code=\"not_found\"} 1",
            "{method=\"Missions/Get\",code=\"ok\"} 1",
            "{method=\"Missions/Get\",code=\"unauthenticated\"} 1",
            "{method=\"Missions/Watch\",code=\"ok\"} 1",
        ]
    );
    assert_eq!(rows("coditect_grpc_call_duration_seconds_count"), ["{method=\"Missions/Get\"} 3"]);
    assert_eq!(rows("coditect_refusals_total"), ["{why=\"unknown\"} 1", "{why=\"hidden\"} 1"]);
    assert!(rows("coditect_http_requests_total{").is_empty(), "{text}");
    open.close().await;
}

#[tokio::test]
async fn what_is_asked_is_in_the_book_as_if_it_had_come_over_http() {
    let open = Open::team().await;
    called(&open, "cancel", &token("ada", UserRole::Operator)).await.unwrap();
    called(&open, "cancel", &token("eve", UserRole::Operator)).await.unwrap_err();
    called(&open, "cancel", &token("ada", UserRole::Viewer)).await.unwrap_err();
    called(&open, "get", &token("ada", UserRole::Viewer)).await.unwrap();
    let line = |is_let: bool| format!("POST /api/missions/m-adas/cancel {is_let}");
    assert_eq!(open.book(), [line(true), line(true), line(false), line(false)]);
    // So is who names no mission at all, and who is not known.
    let nothing = api::GetRequest { mission: "../x".to_owned(), at: None };
    open.missions().get(by(&token("ada", UserRole::Viewer), nothing)).await.unwrap_err();
    called(&open, "get", "cdt_nobody").await.unwrap_err();
    assert_eq!(open.book()[4..], ["GET /api/missions/- false", "POST /coditect.v1.Missions/Get false"]);
    let from = open.trial.book.lock().unwrap()[0].from.clone();
    assert!(from.starts_with("127.0.0.1:"), "{from}");
    open.close().await;
}

#[tokio::test]
async fn a_mission_is_begun_listed_and_shown() {
    let open = Open::team().await;
    let ada = token("ada", UserRole::Operator);
    let asked = api::SubmitRequest {
        request: "make the failing tests pass".to_owned(),
        directory: "/p".to_owned(),
        budget_s: Some(60),
        ..api::SubmitRequest::default()
    };
    let made = open.missions().submit(by(&ada, asked)).await.unwrap().into_inner();
    assert!(made.mission.starts_with("m-"), "{made:?}");
    let list = open.missions().list(by(&ada, api::ListRequest::default())).await.unwrap().into_inner();
    assert_eq!((list.all, list.missions.len()), (1, 1));
    assert_eq!((list.missions[0].mission.as_str(), list.missions[0].owner.as_str()), ("m-adas", "ada"));
    let words = api::ListRequest { words: "no such words & =".to_owned(), ..api::ListRequest::default() };
    assert!(open.missions().list(by(&ada, words)).await.unwrap().into_inner().missions.is_empty());
    let get = |at| api::GetRequest { mission: "m-adas".to_owned(), at };
    let now = open.missions().get(by(&ada, get(None))).await.unwrap().into_inner();
    assert!(now.seq == now.newest_seq && !now.plan.is_empty() && now.json.starts_with('{'), "{now:?}");
    assert!(now.plan.iter().all(|task| task.id > 0 && !task.role.is_empty() && !task.state.is_empty()));
    let then = open.missions().get(by(&ada, get(Some(1)))).await.unwrap().into_inner();
    assert_eq!((then.seq, then.newest_seq, then.plan.len()), (1, now.newest_seq, 0));
    open.close().await;
}

#[tokio::test]
async fn records_are_watched_from_where_one_was_up_to_the_end() {
    let open = Open::team().await;
    let ada = token("ada", UserRole::Viewer);
    let watch = |from| by(&ada, api::WatchRequest { mission: "m-adas".to_owned(), from });
    let mut all = open.missions().watch(watch(0)).await.unwrap().into_inner();
    let mut seqs = Vec::new();
    let first = all.message().await.unwrap().unwrap();
    assert_eq!((first.seq, first.r#type.as_str()), (1, "mission.submitted"));
    assert!(first.json.contains("\"seq\":1"), "{}", first.json);
    seqs.push(first.seq);
    open.trial.append(&id("m-adas"), ending(MissionStatus::Failed));
    while let Some(record) = all.message().await.unwrap() {
        seqs.push(record.seq);
    }
    let expected: Vec<u64> = (1..=seqs.len() as u64).collect();
    assert_eq!(seqs, expected);
    let last = *seqs.last().unwrap();
    let mut rest = open.missions().watch(watch(last)).await.unwrap().into_inner();
    assert_eq!(rest.message().await.unwrap().unwrap().r#type, "mission.completed");
    assert!(rest.message().await.unwrap().is_none());
    let mut nothing = open.missions().watch(watch(last + 1)).await.unwrap().into_inner();
    assert!(nothing.message().await.unwrap().is_none());
    open.close().await;
}

#[tokio::test]
async fn whoever_watches_is_told_of_the_end_wherever_they_began() {
    let open = Open::team().await;
    let ada = token("ada", UserRole::Viewer);
    let watch = |from| by(&ada, api::WatchRequest { mission: "m-adas".to_owned(), from });
    // Nothing comes from there on, and then the mission ends.
    let mut beyond = open.missions().watch(watch(1_000)).await.unwrap().into_inner();
    open.trial.append(&id("m-adas"), ending(MissionStatus::Failed));
    assert!(beyond.message().await.unwrap().is_none());
    // What came too late stands behind the end.
    let late = Event::OutcomeIgnored { attempt: AttemptId(1), reason: "late".to_owned() };
    open.trial.append(&id("m-adas"), vec![late]);
    let mut all = open.missions().watch(watch(1)).await.unwrap().into_inner();
    let mut last = None;
    while let Some(record) = all.message().await.unwrap() {
        last = Some(record.r#type);
    }
    assert_eq!(last.as_deref(), Some("outcome.ignored"));
    open.close().await;
}

#[tokio::test]
async fn whoever_leaves_a_quiet_mission_gives_their_place_back() {
    let open = Open::team().await;
    let ada = token("ada", UserRole::Viewer);
    let watch = || by(&ada, api::WatchRequest { mission: "m-adas".to_owned(), from: 1_000 });
    // More than a user may watch at once, one after the other: nothing ever comes of these.
    for n in 0..STREAMS + 20 {
        let began = Instant::now();
        let mut tried = open.missions().watch(watch()).await;
        while tried.as_ref().is_err_and(|status| status.code() == Code::ResourceExhausted) {
            assert!(began.elapsed() < Duration::from_secs(30), "{n}: places are not given back");
            tokio::time::sleep(Duration::from_millis(50)).await;
            tried = open.missions().watch(watch()).await;
        }
        drop(tried.unwrap());
    }
    open.close().await;
}

#[tokio::test]
async fn a_mission_that_cannot_be_read_hides_nothing_of_the_world() {
    let open = Open::team().await;
    let ada = token("ada", UserRole::Viewer);
    let asked = || by(&ada, api::WorldRequest { mission: "m-adas".to_owned() });
    let whole = open.fleet().world(asked()).await.unwrap().into_inner();
    assert_eq!((whole.missions, whole.left_out), (1, 0));
    let broken = id("m-broken");
    let mut events = crate::trial::hostile(&broken);
    let Event::MissionSubmitted { policy, .. } = &mut events[0] else { panic!("{events:?}") };
    policy.owner = Some(crate::trial::name("ada"));
    let count = events.len() as u64;
    open.trial.append(&broken, events);
    open.trial.journal.append_now(&broken, count, vec![b"{".to_vec()]).unwrap();
    let rest = open.fleet().world(asked()).await.unwrap().into_inner();
    assert_eq!((rest.missions, rest.left_out, rest.records), (1, 1, whole.records));
    open.close().await;
}

#[tokio::test]
async fn a_token_that_is_taken_back_ends_what_is_watched() {
    let open = Open::team().await;
    let ada = token("ada", UserRole::Viewer);
    let watch = by(&ada, api::WatchRequest { mission: "m-adas".to_owned(), from: 1 });
    let mut records = open.missions().watch(watch).await.unwrap().into_inner();
    records.message().await.unwrap().unwrap();
    open.trial.users.lock().unwrap().remove(&ada);
    let ended = loop {
        match records.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the mission has not ended"),
            Err(status) => break status,
        }
    };
    assert_eq!(ended.code(), Code::Aborted);
    open.close().await;
}

#[tokio::test]
async fn what_names_no_mission_reaches_no_other_address() {
    let open = Open::team().await;
    let ada = token("ada", UserRole::Admin);
    for mission in ["", "m-adas/cancel", "../costs", "m-adas?at=1", "m-adas%2Fcancel", "m-Ä", "m-none"] {
        let asked = api::GetRequest { mission: mission.to_owned(), at: None };
        let refused = open.missions().get(by(&ada, asked)).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound, "{mission}: {refused:?}");
    }
    let verdict = api::AnswerRequest {
        mission: "m-adas".to_owned(),
        number: 1,
        verdict: "maybe".to_owned(),
        why: String::new(),
    };
    assert_eq!(open.missions().answer(by(&ada, verdict)).await.unwrap_err().code(), Code::InvalidArgument);
    let long = api::SubmitRequest {
        request: "x".repeat(MESSAGE + 1),
        directory: "/p".to_owned(),
        ..api::SubmitRequest::default()
    };
    assert_eq!(open.missions().submit(by(&ada, long)).await.unwrap_err().code(), Code::OutOfRange);
    open.close().await;
}

#[tokio::test]
async fn it_says_how_it_is_and_what_it_can_do() {
    use tonic_health::pb::health_client::HealthClient;
    use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus};
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
    use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

    let open = Open::team().await;
    let mut health = HealthClient::new(open.channel.clone());
    let serving = loop {
        let service = "coditect.v1.Missions".to_owned();
        match health.check(HealthCheckRequest { service }).await {
            Ok(told) if told.get_ref().status() == ServingStatus::Serving => break true,
            Ok(_) => tokio::task::yield_now().await,
            // It is looked at a moment after the door opens.
            Err(status) => assert_eq!(status.code(), Code::NotFound),
        }
    };
    assert!(serving);
    let mut reflection = ServerReflectionClient::new(open.channel.clone());
    let asked = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut told =
        reflection.server_reflection_info(futures::stream::iter([asked])).await.unwrap().into_inner();
    let told: ServerReflectionResponse = told.message().await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = told.message_response else { panic!("{told:?}") };
    let names: Vec<&str> = list.service.iter().map(|service| service.name.as_str()).collect();
    for name in ["coditect.v1.Fleet", "coditect.v1.Missions", "grpc.health.v1.Health"] {
        assert!(names.contains(&name), "{names:?}");
    }
    open.close().await;
}
