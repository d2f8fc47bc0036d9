//! What a diff says of files: lines that changed, files that are no more, files that have another name.

use std::borrow::Cow;

use super::find::{Place, lines_of_diff};
use crate::diff::{self, Part};

/// What a unified diff changes.
#[derive(Clone, Debug, Default)]
pub struct Diffed<'d> {
    /// Lines of files as they are after it; all of a file that has another name, since whoever imports it has to follow.
    pub places: Vec<Place>,
    /// Files that are no more under the name that they had.
    pub gone: Vec<Gone<'d>>,
    /// False: nothing in the text is of a diff.
    pub is_diff: bool,
}

/// A file that is no more under the name that it had.
#[derive(Clone, Debug)]
pub struct Gone<'d> {
    /// The name that it had.
    pub path: String,
    /// The name that it has now; None: it is no more.
    pub now: Option<String>,
    /// Its hunks: the line of the file after it at which each begins, and its lines.
    hunks: Vec<(u32, Vec<Part<'d>>)>,
    /// A hunk of it could not be read.
    is_broken: bool,
}

impl Gone<'_> {
    /// The text that it had, where it has `now` (of a file that is no more: nothing). None: the diff is of another text.
    #[must_use]
    pub fn text_before(&self, now: &str) -> Option<String> {
        let lines: Vec<&str> = now.lines().collect();
        let (mut before, mut at): (Vec<&str>, usize) = (Vec::new(), 0);
        for (from, hunk) in &self.hunks {
            let is_in = |part: &Part<'_>| matches!(part, Part::Same(_) | Part::New(_));
            // A hunk that leaves no line names the line before it.
            let from = (*from as usize).saturating_sub(usize::from(hunk.iter().any(is_in)));
            before.extend(lines.get(at..from)?);
            at = from;
            for part in hunk {
                match part {
                    Part::Gone(line) => before.push(line),
                    Part::Same(line) | Part::New(line) => {
                        if lines.get(at) != Some(line) {
                            return None;
                        }
                        at += 1;
                        if matches!(part, Part::Same(_)) {
                            before.push(line);
                        }
                    }
                    Part::Before(_)
                    | Part::After(_)
                    | Part::From(_)
                    | Part::To(_)
                    | Part::Deleted(_)
                    | Part::Hunk(_)
                    | Part::Broken => {}
                }
            }
        }
        before.extend(lines.get(at..)?);
        let mut text = before.join("\n");
        text.push('\n');
        (!self.is_broken).then_some(text)
    }
}

/// Reads a diff.
#[must_use]
pub fn diffed(text: &str) -> Diffed<'_> {
    let mut said = Diffed { places: lines_of_diff(text), gone: Vec::new(), is_diff: false };
    said.is_diff = text.lines().any(|line| line.starts_with("diff --"));
    let (mut before, mut renamed): (Option<Cow<'_, str>>, Option<Cow<'_, str>>) = (None, None);
    // The file that hunks are of, if it is one that is gone.
    let mut here: Option<usize> = None;
    for part in diff::parts(text) {
        said.is_diff = true;
        match part {
            Part::Before(name) => {
                here = here.filter(|at| name.as_deref() == Some(said.gone[*at].path.as_str()));
                before = name;
            }
            Part::After(name) => {
                if let (Some(path), None) = (before.take(), name) {
                    here = Some(said.without(&path, None));
                }
            }
            Part::Deleted(path) => here = Some(said.without(&path, None)),
            Part::From(path) => renamed = Some(path),
            Part::To(path) => {
                said.places.push(Place { path: path.clone().into_owned(), lines: None });
                here = renamed.take().map(|from| said.without(&from, Some(&path)));
            }
            Part::Hunk(from) => {
                if let Some(gone) = here.and_then(|at| said.gone.get_mut(at)) {
                    gone.hunks.push((from, Vec::new()));
                }
            }
            Part::Same(_) | Part::Gone(_) | Part::New(_) => {
                let gone = here.and_then(|at| said.gone.get_mut(at));
                if let Some((_, lines)) = gone.and_then(|gone| gone.hunks.last_mut()) {
                    lines.push(part);
                }
            }
            Part::Broken => {
                if let Some(gone) = here.and_then(|at| said.gone.get_mut(at)) {
                    gone.is_broken = true;
                }
            }
        }
    }
    let Diffed { places, gone, .. } = &mut said;
    places.retain(|place| gone.iter().all(|gone| gone.path != place.path));
    said
}

impl Diffed<'_> {
    /// Notes that a file is no more under its name; gives where that is noted.
    fn without(&mut self, path: &str, now: Option<&str>) -> usize {
        if let Some(at) = self.gone.iter().position(|gone| gone.path == path) {
            return at;
        }
        let (path, now) = (path.to_owned(), now.map(str::to_owned));
        self.gone.push(Gone { path, now, hunks: Vec::new(), is_broken: false });
        self.gone.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(diff: &str, places: &[(&str, Option<(u32, u32)>)], gone: &[(&str, Option<&str>)]) {
        let said = diffed(diff);
        let told: Vec<_> = said.places.iter().map(|one| (one.path.as_str(), one.lines)).collect();
        assert_eq!(told, places, "{diff}");
        let told: Vec<_> = said.gone.iter().map(|one| (one.path.as_str(), one.now.as_deref())).collect();
        assert_eq!(told, gone, "{diff}");
    }

    #[test]
    fn files_that_go_and_files_that_move_are_told() {
        check(
            "diff --git a/m.py b/m.py\ndeleted file mode 100644\n--- a/m.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n\
             diff --git a/n.py b/n.py\n--- a/n.py\n+++ b/n.py\n@@ -1 +1 @@\n-x\n+y\n",
            &[("n.py", Some((1, 1)))],
            &[("m.py", None)],
        );
        check("--- a/m.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n", &[], &[("m.py", None)]);
        check("diff --git a/m.py b/m.py\ndeleted file mode 100644\n", &[], &[("m.py", None)]);
        check(
            "diff --git a/m.py b/n.py\nsimilarity index 100%\nrename from m.py\nrename to n.py\n",
            &[("n.py", None)],
            &[("m.py", Some("n.py"))],
        );
        check("diff --git a/m.sh b/m.sh\nold mode 100644\nnew mode 100755\n", &[], &[]);
        assert!(diffed("diff --git a/m.sh b/m.sh\nold mode 100644\nnew mode 100755\n").is_diff);
        assert!(!diffed("no diff\n").is_diff && !diffed("").is_diff);
    }

    #[test]
    fn what_a_file_was_is_told_by_its_hunks() {
        let before = |diff: &str, now: &str| diffed(diff).gone[0].text_before(now);
        let deleted = "--- a/m.py\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-x\n-y\n";
        assert_eq!(before(deleted, "").as_deref(), Some("x\ny\n"));
        let moved = "diff --git a/m.py b/n.py\nrename from m.py\nrename to n.py\n";
        assert_eq!(before(moved, "one\ntwo\n").as_deref(), Some("one\ntwo\n"));
        let changed = format!(
            "{moved}--- a/m.py\n+++ b/n.py\n@@ -1,2 +1,3 @@\n one\n+new\n two\n@@ -4 +4,0 @@\n-gone\n@@ -6 +5 @@\n-six\n+SIX\n"
        );
        let now = "one\nnew\ntwo\nthree\nSIX\nseven\n";
        assert_eq!(before(&changed, now).as_deref(), Some("one\ntwo\nthree\ngone\nsix\nseven\n"));
        assert_eq!(before(&changed, "another text\n"), None);
        assert_eq!(before(&changed, ""), None);
        assert_eq!(before("--- a/m.py\n+++ /dev/null\n@@ -1,9 +0,0 @@\n-x\n", ""), None);
    }
}
