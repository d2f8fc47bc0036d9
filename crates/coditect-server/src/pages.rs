//! Pages: what goes into each template, as text that is ready to be shown. Escaping is the template's.

pub(crate) mod change;
pub(crate) mod costs;
pub(crate) mod explorer;
pub(crate) mod fleet;
pub(crate) mod json;
pub(crate) mod list;
pub(crate) mod memory;
pub(crate) mod mission;
pub(crate) mod proof;
pub(crate) mod sides;

use askama::Template;
use coditect_types::MissionId;

#[derive(Template)]
#[template(path = "said.html")]
struct Said<'a> {
    mission: &'a MissionId,
    said: &'a str,
}

/// What came of something that a person did.
pub(crate) fn said(mission: &MissionId, said: &str) -> Result<String, askama::Error> {
    Said { mission, said }.render()
}

/// Who looks at a page, and what it offers them.
#[derive(Debug)]
pub(crate) struct Who<'a> {
    /// The token of forms.
    pub(crate) form: &'a str,
    /// Their name.
    pub(crate) person: String,
    /// Whether they reach everybody's missions.
    pub(crate) sees_all: bool,
    /// Whether they signed in.
    pub(crate) is_user: bool,
    pub(crate) may_begin: bool,
    pub(crate) may_cancel: bool,
    pub(crate) may_answer: bool,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn<'a> {
    wrong: &'a str,
}

/// Where users sign in; `wrong`: what was wrong with the last try.
pub(crate) fn sign_in(wrong: &str) -> Result<String, askama::Error> {
    SignIn { wrong }.render()
}
