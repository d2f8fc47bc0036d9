//! Pages: what goes into each template, as text that is ready to be shown. Escaping is the template's.

pub(crate) mod change;
pub(crate) mod json;
pub(crate) mod list;
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
