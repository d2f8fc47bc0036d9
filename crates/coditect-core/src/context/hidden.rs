//! A small model that is shown code to mend often gives it back as it is, and does so again however it is asked. What it does not see it
//! cannot copy: the lines that are likely to be wrong are hidden, and it writes them anew.

use coditect_types::context::{Fragment, FragmentKind};
use coditect_types::testing::Suspect;
use coditect_types::{Context, ModelSpec, Rung};

use super::Turn;

/// What is shown in place of lines that are hidden.
const HIDDEN: &str = "... (lines that are wrong are not shown)";
/// What is said of it where the answer is asked for.
pub(super) const ASK: &str =
    "Where lines are not shown, they were wrong: write them anew, by what the names and the tests say. ";
/// Lines are hidden whose score is at least this share of the best one's.
const SHARE: f64 = 0.5;
/// Lines between two hidden ones that are hidden with them: those that no test runs, such as an `else`.
const BETWEEN: usize = 3;
/// A file of no more lines than this stands in many an answer.
const SHORT: usize = 2;
/// Lines of a file of which something is hidden. In a longer one the rest would be more than a small model writes again.
const LONGEST: usize = 120;

/// Whether a small model gave a file back as it is.
pub(super) fn is_wanted(context: &Context, model: &ModelSpec, turns: &[Turn]) -> bool {
    model.rung == Rung::SmallModel && turns.iter().any(|turn| echoes(context, turn))
}

/// Whether an answer holds a file that was shown as it is.
pub(super) fn echoes(context: &Context, turn: &Turn) -> bool {
    let reply = format!("\n{}", squeezed(&turn.reply));
    let mut sources = context.of(FragmentKind::Source).filter(|source| !source.cut);
    sources.any(|source| {
        let own = squeezed(&source.text);
        own.lines().count() > SHORT && reply.contains(&format!("\n{own}"))
    })
}

/// The lines of a text that say something, without what is around them.
fn squeezed(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.fold(String::new(), |all, line| all + line + "\n")
}

/// A file without the lines that are likely to be wrong. None: none of it is likelier than the rest, or it is too long.
pub(super) fn hidden(source: &Fragment, suspects: &[Suspect]) -> Option<Fragment> {
    let lines: Vec<&str> = source.text.lines().collect();
    let own = || suspects.iter().filter(|suspect| is_of(&source.path, &suspect.file));
    let best = own().map(|suspect| suspect.score).fold(0.0, f64::max);
    if source.cut || lines.len() > LONGEST || best <= 0.0 {
        return None;
    }
    let mut wrong: Vec<usize> = own()
        .filter(|suspect| suspect.score >= best * SHARE)
        .filter_map(|suspect| usize::try_from(suspect.line).ok()?.checked_sub(1))
        .filter(|at| *at < lines.len())
        .collect();
    wrong.sort_unstable();
    wrong.dedup();
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for at in wrong {
        match runs.last_mut() {
            Some((_, last)) if at - *last <= BETWEEN + 1 => *last = at,
            _ => runs.push((at, at)),
        }
    }
    let (mut text, mut next) = (String::new(), 0);
    for (first, last) in runs {
        for line in &lines[next..first] {
            text.push_str(line);
            text.push('\n');
        }
        let indent: String = lines[first].chars().take_while(|c| c.is_whitespace()).collect();
        text.push_str(&format!("{indent}{HIDDEN}\n"));
        next = last + 1;
    }
    for line in &lines[next..] {
        text.push_str(line);
        text.push('\n');
    }
    // A head must be left to write the rest below.
    let is_left = text.lines().any(|line| !line.trim().is_empty() && line.trim() != HIDDEN);
    (is_left && next > 0).then(|| Fragment { text, ..source.clone() })
}

/// Whether a path below the top is the one below the project's root.
pub(super) fn is_of(path: &str, file: &str) -> bool {
    path.strip_suffix(file).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "def mean(xs):\n    total = 0\n    for x in xs:\n        total += x\n    else:\n        pass\n    return total\n\n\ndef one():\n    return 1\n";

    fn source(text: &str) -> Fragment {
        Fragment { kind: FragmentKind::Source, path: "src/calc.py".into(), text: text.into(), cut: false }
    }

    fn suspects(lines: &[(u32, f64)]) -> Vec<Suspect> {
        lines
            .iter()
            .map(|(line, score)| Suspect { file: "calc.py".into(), line: *line, score: *score })
            .collect()
    }

    #[test]
    fn likely_lines_are_hidden_with_what_is_between_and_the_heads_stay() {
        let hidden =
            hidden(&source(TEXT), &suspects(&[(2, 0.9), (3, 0.9), (7, 0.8), (11, 0.1), (99, 0.9)])).unwrap();
        assert_eq!(hidden.text, format!("def mean(xs):\n    {HIDDEN}\n\n\ndef one():\n    return 1\n"));
    }

    #[test]
    fn where_nothing_is_likelier_nothing_is_hidden() {
        let other = [
            Suspect { file: "other.py".into(), line: 2, score: 0.9 },
            Suspect { file: "c.py".into(), line: 2, score: 1.0 },
        ];
        assert!(hidden(&source(TEXT), &other).is_none());
        assert!(hidden(&source(TEXT), &[]).is_none());
        assert!(hidden(&source("x = 1\n"), &suspects(&[(1, 1.0)])).is_none(), "nothing would be left");
        assert!(hidden(&source(&"x = 1\n".repeat(200)), &suspects(&[(1, 1.0)])).is_none());
    }

    #[test]
    fn an_answer_with_the_file_as_it_is_echoes_it_however_it_is_laid_out() {
        let context = Context { fragments: vec![source(TEXT)], ..Context::default() };
        let turn = |reply: &str| Turn::new(reply);
        assert!(echoes(&context, &turn(&format!("calc.py\n```\n{}\n```", TEXT.replace("\n\n\n", "\n")))));
        assert!(!echoes(&context, &turn(&TEXT.replace("total = 0", "total = 1"))));
        assert!(!echoes(&context, &turn("no idea")));
    }
}
