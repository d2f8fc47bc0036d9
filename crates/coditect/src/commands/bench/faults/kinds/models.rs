//! Kinds in which a model is asked: what it answers, and how it fails to.

use std::time::Duration;

use super::super::meddler::Meddling;
use super::super::projects::{Chance, Project};
use super::super::provider::Answer;

/// The whole module, in a block below its path: the form that is asked for.
fn file(project: &Project, code: &str) -> String {
    format!("{}\n```python\n{code}```\n", project.code())
}

fn right(project: &Project) -> Answer {
    Answer::Says(file(project, &project.mended()))
}

/// The first call fails so, and the next one is answered.
fn then_right(project: &mut Project, first: Answer) -> Meddling {
    project.leave_out();
    Meddling::Models(vec![vec![first, right(project)]])
}

/// What a model wrote until it was cut off.
fn begun(project: &Project) -> String {
    let whole = file(project, &project.mended());
    whole.chars().take(whole.chars().count() / 2).collect()
}

pub(super) fn answers(project: &mut Project, _: &mut Chance) -> Meddling {
    project.leave_out();
    Meddling::Models(vec![vec![right(project)]])
}

/// No change can be read from it, or none that may be made.
pub(super) fn off_contract(project: &mut Project, chance: &mut Chance) -> Meddling {
    let tests = format!("{}\n```python\nassert True\n```\n", project.test_file);
    let code = project.code();
    let said = [
        "The function is not written yet. You may want to write it.\n".to_owned(),
        String::new(),
        tests,
        format!("../{code}\n```python\nx = 1\n```\n"),
        format!("{code}\n```python\n<<<<<<< SEARCH\nno such line\n=======\nx = 1\n>>>>>>> REPLACE\n```\n"),
        "{\"tool\": \"shell\", \"arguments\": {\"command\": \"make test\"}}\n".to_owned(),
    ];
    let first = chance.pick(&said).cloned().unwrap_or_default();
    then_right(project, Answer::Says(first))
}

/// One that never begins, and another that answers.
pub(super) fn silent(project: &mut Project, _: &mut Chance) -> Meddling {
    project.leave_out();
    Meddling::Models(vec![vec![Answer::KeepsSilent], vec![right(project)]])
}

pub(super) fn breaks_off(project: &mut Project, chance: &mut Chance) -> Meddling {
    let begun = begun(project);
    let first = match chance.below(4) {
        0 => Answer::BreaksOff(begun),
        1 => Answer::GivesUp(begun),
        2 => Answer::Garbles,
        _ => Answer::HangsUp,
    };
    then_right(project, first)
}

pub(super) fn overloaded(project: &mut Project, chance: &mut Chance) -> Meddling {
    let status = chance.pick(&[429, 500, 502, 503, 529]).copied().unwrap_or(503);
    let wait_s = (chance.below(2) == 0).then_some(1);
    then_right(project, Answer::Refuses(status, wait_s))
}

/// Slow, and within all of its limits.
pub(super) fn slow(project: &mut Project, chance: &mut Chance) -> Meddling {
    project.leave_out();
    let pause = Duration::from_millis(20 + chance.below(80) as u64);
    Meddling::Models(vec![vec![Answer::SaysSlowly(file(project, &project.mended()), pause)]])
}

/// An answer as it was asked for that the tests refute, and then a better one: so models work.
pub(super) fn wrong_once(project: &mut Project, _: &mut Chance) -> Meddling {
    project.leave_out();
    let text = project.files.get(&project.code()).cloned().unwrap_or_default();
    let wrong = file(project, &text.replacen("raise NotImplementedError", "return None", 1));
    Meddling::Models(vec![vec![Answer::Says(wrong), right(project)]])
}
