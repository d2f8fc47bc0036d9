//! Where users show their tokens, and where they take them back.

use super::*;
use crate::guard::{Peer, kept};

/// Bytes of what is taken for a token.
const TOKEN: usize = 200;

/// The page, where users sign in at all.
pub(super) async fn page(State(shared): Shares) -> Response {
    told(must_have_users(&shared).and_then(|()| super::page(pages::sign_in(""))), Reader::Person)
}

/// What the form sends.
#[derive(Clone, Deserialize)]
pub(super) struct Shown {
    token: String,
}

/// Makes a cookie of a token that opens something.
pub(super) async fn enter(
    State(shared): Shares,
    peer: Option<Extension<Peer>>,
    form: Result<Form<Shown>, FormRejection>,
) -> Response {
    let done = async {
        must_have_users(&shared)?;
        let peer = peer.map(|Extension(peer)| peer.0);
        let token = sent(form)?.token.trim().to_owned();
        let admission =
            if token.len() > TOKEN { Admission::Unknown } else { shared.admission(token.clone()).await? };
        let (user, name, allowed, why) = match admission {
            Admission::Known(visitor) => (visitor.user, visitor.token, true, ""),
            Admission::Unknown => (None, None, false, "this token is not known here"),
            Admission::Past { user, token, why } => (Some(user), Some(token), false, why),
        };
        let (call, why) = (format!("POST {SIGN_IN}"), why.to_owned());
        let from = peer.map_or_else(|| "local".to_owned(), |peer| peer.to_string());
        let asked = Asked { user, token: name, from, call, about: None, allowed, why, unwritten: 0 };
        if !allowed {
            shared.doors().refused(StatusCode::UNAUTHORIZED);
            // Behind a proxy all have one address: who has a token that opens something is not kept out by who has none.
            shared.pace.try_token(peer.map(|peer| peer.ip()))?;
            let oops = Oops::new(ErrorKind::Denied, "this token opens nothing");
            if guard::refuse::<()>(&shared, asked, oops).await.is_err() {
                let mut response = super::page(pages::sign_in("This token opens nothing."))?;
                *response.status_mut() = StatusCode::UNAUTHORIZED;
                return Ok(response);
            }
            return Err(Oops::new(ErrorKind::Bug, "a refusal was none"));
        }
        shared.keep(asked).await?;
        to("/", &kept(&shared, &token))
    };
    told(done.await, Reader::Person)
}

/// Takes the cookie back.
pub(super) async fn leave(State(shared): Shares) -> Response {
    let done = must_have_users(&shared).and_then(|()| to(SIGN_IN, &kept(&shared, "")));
    told(done, Reader::Person)
}

/// Another page, with a cookie.
fn to(path: &str, cookie: &str) -> Result<Response, Oops> {
    let mut response = Redirect::to(path).into_response();
    let value = HeaderValue::from_str(cookie)
        .map_err(|_| Oops::new(ErrorKind::Invalid, "this is no token: it has other characters"))?;
    response.headers_mut().insert(header::SET_COOKIE, value);
    Ok(response)
}

fn must_have_users(shared: &Shared) -> Result<(), Oops> {
    if shared.secrets.has_users() {
        return Ok(());
    }
    Err(Oops::new(ErrorKind::NotFound, "this server is one person's, and nobody signs in"))
}
