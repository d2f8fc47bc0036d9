//! Streams of a JetStream server, whoever made them: what their configuration has to say so that nothing that is kept in them is lost by it,
//! and what a person should know where it promises less than it could.

use async_nats::jetstream::Context;
use coditect_ports::PortError;
use coditect_types::ErrorKind;

use super::api::{Answer, ApiError, StreamConfig, StreamInfo, code};
use super::link::{REPLICAS, refused};

/// Messages of a stream whose bytes cannot be bounded.
const MOST_UNMEASURED: i64 = 10_000;

/// What the messages of a stream are to a person, and how long they have to stay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keeps<'a> {
    /// Several of them: `records`.
    pub(crate) what: &'a str,
    /// It may drop what is as old as this, nanoseconds; 0: nothing by its age.
    pub(crate) least_age: i64,
}

/// A stream that is there: as it is wanted where it was not, and as somebody made it where it was. Refused where it would lose what is kept in it.
pub(crate) async fn make_or_find(
    context: &Context,
    wanted: &StreamConfig,
    keeps: Keeps<'_>,
) -> Result<StreamInfo, PortError> {
    let found = match ask::<()>(context, &format!("STREAM.INFO.{}", wanted.name), None).await? {
        Err(error) if error.err_code == code::NO_STREAM => make(context, wanted).await?,
        found => found,
    };
    let found = found.map_err(|error| refusal(&wanted.name, &error))?;
    check(wanted, &found, keeps)?;
    Ok(found)
}

async fn make(context: &Context, wanted: &StreamConfig) -> Result<Result<StreamInfo, ApiError>, PortError> {
    let create = format!("STREAM.CREATE.{}", wanted.name);
    let made = match ask(context, &create, Some(wanted)).await? {
        // A limit of bytes is room that the server sets aside: where it has less, the limit is a count alone.
        Err(error) if error.err_code == code::STORAGE && wanted.max_bytes > 0 => {
            let max_msgs = if wanted.max_msgs > 0 { wanted.max_msgs } else { MOST_UNMEASURED };
            let smaller = StreamConfig { max_bytes: -1, max_msgs, ..wanted.clone() };
            ask(context, &create, Some(&smaller)).await?
        }
        made => made,
    };
    match made {
        // Another process was faster.
        Err(error) if error.err_code == code::NAME_IN_USE => {
            ask::<()>(context, &format!("STREAM.INFO.{}", wanted.name), None).await
        }
        made => Ok(made),
    }
}

/// A stream as it is. None: there is none.
pub(crate) async fn find(context: &Context, name: &str) -> Result<Option<StreamInfo>, PortError> {
    match ask::<()>(context, &format!("STREAM.INFO.{name}"), None).await? {
        Err(error) if error.err_code == code::NO_STREAM => Ok(None),
        found => found.map(Some).map_err(|error| refusal(name, &error)),
    }
}

/// Asks the server for a stream. The inner error is its own.
async fn ask<T: serde::Serialize + Sync>(
    context: &Context,
    subject: &str,
    body: Option<&T>,
) -> Result<Result<StreamInfo, ApiError>, PortError> {
    let answer = context.request(subject.to_owned(), &body).await.map_err(|error| {
        PortError::new(ErrorKind::Unavailable, format!("the NATS server keeps nothing: {error}"))
            .with_hint("start it with JetStream: `nats-server -js`")
    })?;
    Ok(match answer {
        Answer::Done(found) => Ok(found),
        Answer::Refused { error } => Err(error),
    })
}

fn refusal(name: &str, error: &ApiError) -> PortError {
    let (kind, cause, hint) = refused(error);
    PortError::new(kind, format!("opening the stream `{name}`: {cause}")).with_hint(hint)
}

/// Refuses a stream that would lose what is kept in it, or have it read wrong.
pub(crate) fn check(wanted: &StreamConfig, found: &StreamInfo, keeps: Keeps<'_>) -> Result<(), PortError> {
    let (name, wrong) = (&wanted.name, faults_of(wanted, &found.config, keeps.least_age));
    if wrong.is_empty() {
        return Ok(());
    }
    let cause = format!("the stream `{name}` cannot be used: {}", wrong.join(", "));
    let hint = format!(
        "mend it with `nats stream edit {name}`; what cannot be edited is made anew after `nats stream rm {name}`, \
         which removes it with all that is in it"
    );
    Err(PortError::new(ErrorKind::Invalid, cause).with_hint(hint))
}

/// What is wrong with a configuration, a phrase each. It may drop messages that are as old as `least_age`, nanoseconds; 0: none.
pub(crate) fn faults_of(wanted: &StreamConfig, found: &StreamConfig, least_age: i64) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut must = |holds: bool, what: String| {
        if !holds {
            wrong.push(what);
        }
    };
    let (storage, retention) = (&wanted.storage, &wanted.retention);
    must(found.storage == *storage, format!("its storage is `{}`, not `{storage}`", found.storage));
    must(found.retention == *retention, format!("its retention is `{}`, not `{retention}`", found.retention));
    let is_kept = found.max_age == 0 || (least_age > 0 && found.max_age >= least_age);
    must(is_kept, format!("it drops messages after {} s", seconds(found.max_age)));
    must(
        found.max_msgs_per_subject == wanted.max_msgs_per_subject
            || (wanted.max_msgs_per_subject < 0 && found.max_msgs_per_subject == 0),
        format!("it keeps {} messages of a subject", found.max_msgs_per_subject),
    );
    let is_to_drop = wanted.discard == "old" && is_bounded(wanted);
    must(
        is_to_drop || found.discard == "new" || !is_bounded(found),
        "it has a limit and drops the oldest (`discard`)".to_owned(),
    );
    let own = &wanted.subjects;
    must(
        found.subjects == *own,
        format!("its subjects are `{}`, not `{}`", found.subjects.join(" "), own.join(" ")),
    );
    must(!found.no_ack, "it acknowledges nothing (`no_ack`)".to_owned());
    must(!found.sealed, "it is sealed".to_owned());
    must(
        found.mirror.is_none() && found.subject_transform.is_none(),
        "it is a mirror or changes subjects".to_owned(),
    );
    must(!found.deny_purge, "nothing in it can be forgotten (`deny_purge`)".to_owned());
    must(
        found.allow_direct || !wanted.allow_direct,
        "it cannot be read directly (`allow_direct`)".to_owned(),
    );
    must(
        found.allow_rollup_hdrs || !wanted.allow_rollup_hdrs,
        "nothing in it can be replaced (`allow_rollup_hdrs`)".to_owned(),
    );
    wrong
}

/// What a person should know of a stream that can be used, a sentence each: where it promises less than one that is made here.
pub(crate) fn notes_on(wanted: &StreamConfig, found: &StreamInfo, what: &str) -> Vec<String> {
    let (name, config) = (&wanted.name, &found.config);
    let mut notes = Vec::new();
    let is_clustered = found.cluster.as_ref().is_some_and(|cluster| cluster.name.is_some());
    if is_clustered && config.num_replicas < REPLICAS {
        notes.push(format!(
            "the stream `{name}` has {} of {REPLICAS} replicas: a server that is lost takes {what} with it; \
             `nats stream edit {name} --replicas {REPLICAS}`",
            config.num_replicas
        ));
    }
    if config.persist_mode.as_deref().is_some_and(|mode| mode != "default") {
        notes.push(format!(
            "the stream `{name}` is written behind its acknowledgements (`persist_mode`): a crash of the server \
             loses {what} that were acknowledged"
        ));
    }
    if config.max_age > 0 && config.max_age < wanted.max_age {
        let (age, usual) = (seconds(config.max_age), seconds(wanted.max_age));
        notes.push(format!(
            "the stream `{name}` drops {what} after {age} s, and {usual} s are usual: what nobody came for by then is \
             lost; `nats stream edit {name} --max-age {usual}s`"
        ));
    }
    if wanted.allow_msg_ttl && !config.allow_msg_ttl {
        notes.push(format!(
            "the stream `{name}` ends no message by itself: {what} whose time is over wait for a worker that says so; \
             `nats stream edit {name} --allow-msg-ttl`"
        ));
    }
    if is_bounded(wanted) && !is_bounded(config) {
        notes.push(format!(
            "the stream `{name}` has no limit: {what} can fill the server's disk; `nats stream edit {name} \
             --max-msgs {} --max-bytes {}`",
            wanted.max_msgs, wanted.max_bytes
        ));
    }
    notes
}

fn is_bounded(config: &StreamConfig) -> bool {
    config.max_msgs > 0 || config.max_bytes > 0
}

fn seconds(ns: i64) -> i64 {
    ns / 1_000_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000_000;

    fn usual() -> StreamConfig {
        StreamConfig {
            name: "X_ORDERS".to_owned(),
            subjects: vec!["x.order.*".to_owned()],
            retention: "workqueue".to_owned(),
            storage: "file".to_owned(),
            discard: "new".to_owned(),
            num_replicas: 1,
            max_age: 24 * HOUR,
            max_msgs: 10,
            max_bytes: -1,
            max_msgs_per_subject: -1,
            ..StreamConfig::default()
        }
    }

    fn found(config: StreamConfig, cluster: Option<&str>) -> StreamInfo {
        let cluster = serde_json::json!({ "name": cluster });
        let text = serde_json::json!({ "config": config, "state": { "last_seq": 0 }, "cluster": cluster });
        serde_json::from_value(text).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn what_would_lose_something_is_a_fault_and_what_keeps_more_is_none() {
        let faults = |change: fn(&mut StreamConfig)| {
            let mut config = usual();
            change(&mut config);
            faults_of(&usual(), &config, HOUR)
        };
        let none: [fn(&mut StreamConfig); 5] = [
            |_| {},
            |of| of.max_age = 0,
            |of| of.max_age = HOUR,
            |of| of.max_msgs = -1,
            |of| of.max_msgs_per_subject = 0,
        ];
        for change in none {
            assert_eq!(faults(change), [""; 0]);
        }
        type Change = fn(&mut StreamConfig);
        let some: [(Change, &str); 8] = [
            (|of| of.storage = "memory".to_owned(), "its storage is `memory`, not `file`"),
            (|of| of.retention = "limits".to_owned(), "its retention is `limits`, not `workqueue`"),
            (|of| of.max_age = HOUR - 1, "it drops messages after 3599 s"),
            (|of| of.max_msgs_per_subject = 1, "it keeps 1 messages of a subject"),
            (|of| of.discard = "old".to_owned(), "it has a limit and drops the oldest (`discard`)"),
            (|of| of.subjects.clear(), "its subjects are ``, not `x.order.*`"),
            (|of| of.no_ack = true, "it acknowledges nothing (`no_ack`)"),
            (|of| of.sealed = true, "it is sealed"),
        ];
        for (change, told) in some {
            assert_eq!(faults(change), [told]);
        }
        // Where all is to be kept, no age will do.
        let aged = StreamConfig { max_age: 24 * HOUR, ..usual() };
        assert_eq!(faults_of(&usual(), &aged, 0).len(), 1);
        // One that is to make room may.
        let rolling = StreamConfig { discard: "old".to_owned(), ..usual() };
        assert_eq!(faults_of(&rolling, &rolling, HOUR), [""; 0]);
    }

    #[test]
    fn what_promises_less_is_said_with_what_mends_it() {
        assert_eq!(notes_on(&usual(), &found(usual(), None), "orders"), [""; 0]);
        let config =
            StreamConfig { max_age: HOUR, max_msgs: -1, persist_mode: Some("async".to_owned()), ..usual() };
        let notes = notes_on(&usual(), &found(config, Some("test")), "orders");
        assert_eq!(notes.len(), 4, "{notes:?}");
        let mends = ["--replicas 3", "persist_mode", "--max-age 86400s", "--max-msgs 10"];
        for (note, mend) in notes.iter().zip(mends) {
            assert!(note.contains(mend) && note.contains("orders"), "{note}");
        }
    }
}
