use std::sync::Mutex;

use super::*;

type Heard = Vec<(Said, Option<Owner>)>;

/// Hears lines as both layers do.
#[derive(Clone, Default)]
struct Ear(Arc<Mutex<Heard>>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Ear {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        self.0.lock().unwrap().push(heard(event, &context));
    }
}

fn hear(say: impl FnOnce()) -> Heard {
    let ear = Ear::default();
    let own = filter_fn(|of| of.is_span() && *of.level() == Level::ERROR);
    let subscriber =
        Registry::default().with(Owners.with_filter(own)).with(ear.clone().with_filter(LevelFilter::WARN));
    tracing::subscriber::with_default(subscriber, say);
    std::mem::take(&mut *ear.0.lock().unwrap())
}

#[test]
fn a_line_is_of_the_mission_that_it_names_or_that_it_is_said_within() {
    let heard = hear(|| {
        tracing::warn!(mission = %"m-abc", attempt = %"a3", tries = 2, "by itself");
        tracing::error_span!("order", mission = %"m-def", attempt = %"a1").in_scope(|| {
            tracing::error!(error = %"away", "within");
            tracing::warn!(mission = %"m-abc", "of another one");
        });
        tracing::warn!(mission = %"no id", "of none");
        tracing::info!("not said");
    });
    let of = |mission: &str, attempt: Option<u32>| {
        Some(Owner { mission: MissionId::parse(mission).unwrap(), attempt: attempt.map(AttemptId) })
    };
    let owners: Vec<_> = heard.iter().map(|(said, owner)| (said.message.as_str(), owner.clone())).collect();
    assert_eq!(
        owners,
        [
            ("by itself", of("m-abc", Some(3))),
            ("within", of("m-def", Some(1))),
            ("of another one", of("m-abc", None)),
            ("of none", None),
        ]
    );
}

#[test]
fn a_line_as_json_has_the_ids_of_its_span() {
    let mut heard = hear(|| tracing::warn!(mission = %"m-abc", attempt = %"a3", tries = 2, "said"));
    let (said, owner) = heard.remove(0);
    let span = owner.as_ref().unwrap().span();
    let line = json_line("2026-01-01T00:00:00Z", (&Level::WARN, "coditect"), said, owner);
    assert_eq!(line["trace_id"], span.trace_id());
    assert_eq!(line["span_id"], span.span_id());
    assert_eq!(
        (&line["level"], &line["message"], &line["fields"]["tries"]),
        (&json!("WARN"), &json!("said"), &json!(2))
    );
    let plain = json_line("", (&Level::WARN, "x"), Said::default(), None);
    assert!(plain.get("trace_id").is_none());
}

#[test]
fn a_collector_is_sent_nothing_of_a_project() {
    let mut heard = hear(|| {
        tracing::warn!(
            mission = %"m-abc",
            error = %"`src/secret_plan.py` in /srv/ada/project cannot be read: api_key=hunter2hunter2",
            tries = 3,
            "reading C:\\plan failed with \"def f():\" at http://user:pw@host/x"
        );
    });
    let (said, owner) = heard.remove(0);
    let line = line(Severity::Warn, "coditect_agents", said, owner);
    let text = format!("{} {:?}", line.said, line.args);
    for private in ["secret_plan", "ada", "hunter2", "C:", "def", "host", "pw"] {
        assert!(!text.contains(private), "{private} is in {text}");
    }
    assert_eq!(line.args["tries"], 3);
    assert_eq!(line.args["coditect.mission.id"], "m-abc");
    assert!(!line.args.contains_key("error"), "{text}");
    assert_eq!(veiled(&"x".repeat(10_000)).len(), TEXT + "…".len());
    assert_eq!(veiled(&"é".repeat(10_000)).chars().count(), TEXT / 2 + 1);
}
