//! `coditect token` and `coditect audit`: who uses a shared server, and what was asked of it.

use std::collections::{BTreeSet, VecDeque};

use coditect_adapters::access::{Grant, Line, NewToken};
use coditect_types::access::Asked;
use coditect_types::{ErrorKind, UserRole};
use serde_json::{Value, json};

use super::{Context, approvals};
use crate::args::{AuditArgs, TokenArgs, TokenAsk};
use crate::out::{brief, harmless, paint, painted};
use crate::phrase;
use crate::report::{Doing, Done, Report};
use crate::wiring;

const DAY_MS: u64 = 86_400_000;
/// Characters of a call and of why it was refused.
const WIDTH: usize = 60;

pub(crate) fn token(cx: &mut Context, args: &TokenArgs) -> Done {
    match &args.ask {
        TokenAsk::Add { user, role, of, days } => {
            let roles: BTreeSet<UserRole> = role.iter().map(|role| UserRole::from(*role)).collect();
            let until = (*days > 0).then(|| wiring::now_ms() + u64::from(*days) * DAY_MS);
            let of = of.iter().cloned().collect();
            add(cx, NewToken { user: user.clone(), roles, of, expires_at_ms: until })
        }
        TokenAsk::List => list(cx),
        TokenAsk::Revoke { which } => revoke(cx, which),
    }
}

fn add(cx: &mut Context, new: NewToken) -> Done {
    let doing = "making a token";
    let site = cx.site()?;
    wiring::make_home(&site.home)?;
    let (tokens, chance) = (wiring::tokens(&site), wiring::chance()?);
    let now_ms = wiring::now_ms();
    // What is not in the book is not done.
    let names = |all: Vec<&str>| if all.is_empty() { "none".to_owned() } else { all.join(", ") };
    let about = format!(
        "{}; roles {}; of {}; until {}",
        new.user,
        names(new.roles.iter().map(|role| role.name()).collect()),
        names(new.of.iter().map(|user| user.as_str()).collect()),
        new.expires_at_ms.map_or_else(|| "for good".to_owned(), phrase::moment),
    );
    note(cx, "token add", &about)?;
    let (token, grant) = tokens.add(new, &chance, now_ms).doing(doing)?;
    if cx.out.json {
        let mut object = object(&grant, now_ms);
        object["token"] = json!(token);
        cx.out.object(&object)?;
        return Ok(0);
    }
    cx.out.line(&token)?;
    let ends = grant
        .expires_at_ms
        .map_or_else(|| "for good".to_owned(), |at| format!("until {} UTC", phrase::moment(at)));
    cx.note(&format!(
        "{} may be {} with it, {ends}; it is kept nowhere and cannot be printed again",
        grant.user,
        roles(&grant)
    ));
    Ok(0)
}

fn list(cx: &mut Context) -> Done {
    let site = cx.site()?;
    let now_ms = wiring::now_ms();
    let tokens = wiring::tokens(&site).list().doing("listing tokens")?;
    if cx.out.json {
        let all: Vec<Value> = tokens.iter().map(|grant| object(grant, now_ms)).collect();
        cx.out.object(&json!({ "tokens": all }))?;
        return Ok(0);
    }
    if tokens.is_empty() {
        cx.out.line("no token yet; make one with `coditect token add NAME --role operator`")?;
        return Ok(0);
    }
    cx.out.line(&painted(
        paint::LABEL,
        &format!("{:<9} {:<9} {:<20} {:<28} {}", "TOKEN", "OPENS", "USER", "ROLES", "UNTIL"),
    ))?;
    for grant in &tokens {
        let opens = grant.past(now_ms).unwrap_or("yes");
        let until = grant.expires_at_ms.map_or_else(|| "for good".to_owned(), phrase::moment);
        let of: Vec<&str> = grant.of.iter().map(|user| user.as_str()).collect();
        let of = if of.is_empty() { String::new() } else { format!(", of {} too", of.join(" and ")) };
        cx.out.line(&format!(
            "{:<9} {opens:<9} {:<20} {:<28} {until}",
            grant.name,
            grant.user.as_str(),
            roles(grant) + &of
        ))?;
    }
    Ok(0)
}

fn revoke(cx: &mut Context, which: &str) -> Done {
    let doing = "revoking";
    let site = cx.site()?;
    let now_ms = wiring::now_ms();
    let tokens = wiring::tokens(&site);
    if tokens.list().doing(doing)?.is_empty() {
        return Err(Report::new(ErrorKind::NotFound, doing, "there is no token").into());
    }
    note(cx, "token revoke", which)?;
    let revoked = tokens.revoke(which, now_ms).doing(doing)?;
    if cx.out.json {
        let all: Vec<Value> = revoked.iter().map(|grant| object(grant, now_ms)).collect();
        cx.out.object(&json!({ "revoked": all }))?;
        return Ok(0);
    }
    for grant in &revoked {
        cx.out.line(&format!("{} of {} opens nothing any more", grant.name, grant.user))?;
    }
    Ok(0)
}

/// Writes into the book what is done on the machine itself.
fn note(cx: &Context, call: &str, about: &str) -> Result<(), Report> {
    let asked = Asked {
        user: None,
        token: None,
        from: "local".to_owned(),
        call: call.to_owned(),
        about: Some(about.to_owned()),
        allowed: true,
        why: format!("by {}", approvals::person(&cx.env)),
        unwritten: 0,
    };
    let site = cx.site()?;
    wiring::audit(&site).add(&asked, wiring::now_ms()).doing("writing into the book")
}

fn roles(grant: &Grant) -> String {
    let all: Vec<&str> = grant.roles.iter().map(|role| role.name()).collect();
    all.join(", ")
}

fn object(grant: &Grant, now_ms: u64) -> Value {
    json!({
        "name": grant.name,
        "user": grant.user,
        "roles": grant.roles,
        "of": grant.of,
        "made_at_ms": grant.made_at_ms,
        "expires_at_ms": grant.expires_at_ms,
        "revoked_at_ms": grant.revoked_at_ms,
        "opens": grant.past(now_ms).is_none(),
    })
}

pub(crate) fn audit(cx: &mut Context, args: &AuditArgs) -> Done {
    let doing = "reading the book";
    let book = wiring::audit(&cx.site()?);
    let mut newest: VecDeque<Line> = VecDeque::new();
    let is_meant = |line: &Line| {
        (!args.refused || !line.asked.allowed)
            && args.user.as_ref().is_none_or(|user| line.asked.user.as_ref() == Some(user))
    };
    let checked = book.check(args.head.as_deref(), &mut |line| {
        if is_meant(&line) {
            newest.push_back(line);
        }
        if newest.len() > args.limit {
            newest.pop_front();
        }
    });
    let checked = match checked {
        Err(error) if error.kind == ErrorKind::NotFound => {
            return Err(Report::new(ErrorKind::NotFound, doing, "nothing was written yet")
                .hint("`coditect serve` and `coditect token` write into it")
                .into());
        }
        checked => checked.doing(doing)?,
    };
    if checked.has_head == Some(false) {
        return Err(Report::new(ErrorKind::Conflict, doing, "no line has the hash that was noted")
            .hint("lines were cut off its end, or the book is another one")
            .into());
    }
    if cx.out.json {
        cx.out.object(&json!({ "lines": newest, "all": checked.lines, "head": checked.head }))?;
        return Ok(0);
    }
    for line in &newest {
        let Asked { user, from, call, about, allowed, why, unwritten, .. } = &line.asked;
        let who = user.as_ref().map_or("-", |user| user.as_str());
        let verdict = if *allowed { "allowed" } else { "refused" };
        let about = about.as_ref().map(|about| format!(" {about}")).unwrap_or_default();
        let why = if why.is_empty() { String::new() } else { format!(": {}", brief(why, WIDTH)) };
        let more = if *unwritten > 0 { format!(" (and {unwritten} before it)") } else { String::new() };
        let call = brief(call, WIDTH);
        let at = phrase::moment(line.at_ms);
        cx.out.line(&harmless(&format!(
            "{:>6} {at} {who:<12} {verdict} {call}{about} from {from}{why}{more}",
            line.seq
        )))?;
    }
    cx.out.line(&format!(
        "{} as they were written; the last one has {}",
        phrase::count_of(usize::try_from(checked.lines).unwrap_or(usize::MAX), "line"),
        checked.head
    ))?;
    Ok(0)
}
