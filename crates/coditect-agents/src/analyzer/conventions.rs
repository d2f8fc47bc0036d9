//! A project's own ways, as it tells agents of them: from the top down to the directories of the files that matter, so that what is
//! nearer to a file stands behind what it refines.

use std::collections::BTreeSet;
use std::path::Path;

use coditect_types::context::FragmentKind;
use coditect_types::{Context, Fragment};

use crate::coder::by_tools::beginning_below;

/// Files in which a project tells its ways, the one that goes before the others first.
const NAMES: &[&str] = &["AGENTS.override.md", "AGENTS.md", "CLAUDE.md", "GEMINI.md"];
/// Bytes of one of them.
const ONE_BYTES: usize = 16 << 10;
/// Files that are read, of as many directories.
const MOST: usize = 12;
/// Stands where a file was cut.
const CUT: &str = "\n[the rest of this file is not shown]\n";

/// Takes one file of each directory from the top down to those of `files`; paths are below the top, and one that ends in `/` is a
/// directory's.
pub(super) fn conventions(view: &Path, files: &[String], context: &mut Context) {
    // A directory sorts before what is below it.
    let directories: BTreeSet<&str> = files.iter().flat_map(|file| above(file)).collect();
    let mut taken = 0;
    for directory in directories {
        let found = NAMES.iter().find_map(|name| {
            let path = format!("{directory}{name}");
            let (text, bytes) = beginning_below(view, &path, ONE_BYTES)?;
            Some((path, text, bytes))
        });
        let Some((path, mut text, bytes)) = found else { continue };
        taken += 1;
        if taken > MOST {
            context
                .left_out
                .push(format!("`{path}` is not shown: {MOST} files tell the project's ways before it"));
            continue;
        }
        let cut = bytes > ONE_BYTES as u64;
        if cut {
            context.left_out.push(format!("of `{path}` the first {ONE_BYTES} of {bytes} bytes are shown"));
            text.push_str(CUT);
        }
        context.fragments.push(Fragment { kind: FragmentKind::Conventions, path, text, cut });
    }
}

/// The directories that a file is in, each with a `/` at its end: the top is the empty one.
fn above(file: &str) -> impl Iterator<Item = &str> {
    std::iter::once("").chain(file.match_indices('/').map(|(at, _)| &file[..=at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(files: &[(&str, &str)], near: &[&str]) -> (Vec<String>, Context) {
        let top = tempfile::tempdir().unwrap();
        for (path, text) in files {
            std::fs::create_dir_all(top.path().join(path).parent().unwrap()).unwrap();
            std::fs::write(top.path().join(path), text).unwrap();
        }
        let near: Vec<String> = near.iter().map(|path| (*path).to_owned()).collect();
        let mut context = Context::default();
        conventions(top.path(), &near, &mut context);
        (context.fragments.iter().map(|fragment| fragment.path.clone()).collect(), context)
    }

    #[test]
    fn what_is_nearer_to_a_file_comes_later() {
        let files = [
            ("AGENTS.md", "top"),
            ("app/CLAUDE.md", "app"),
            ("app/core/AGENTS.md", "core"),
            ("app/core/AGENTS.override.md", "core, really"),
            ("app/other/AGENTS.md", "other"),
            ("app-two/AGENTS.md", "two"),
        ];
        assert_eq!(told(&files, &[]).0, [""; 0]);
        assert_eq!(told(&files, &["app/"]).0, ["AGENTS.md", "app/CLAUDE.md"]);
        let near = ["app/", "app/core/deep/a.py", "app-two/b.py"];
        let (paths, context) = told(&files, &near);
        assert_eq!(
            paths,
            ["AGENTS.md", "app-two/AGENTS.md", "app/CLAUDE.md", "app/core/AGENTS.override.md"],
            "each once, and the override in place of the other"
        );
        assert!(context.left_out.is_empty() && context.fragments.iter().all(|fragment| !fragment.cut));
    }

    #[test]
    fn a_long_one_is_cut_and_that_is_told() {
        let long = "ü".repeat(ONE_BYTES);
        let (paths, context) = told(&[("AGENTS.md", &long), ("CLAUDE.md", "short")], &["a.py"]);
        assert_eq!(paths, ["AGENTS.md"], "it is not passed over for another one");
        let shown = &context.fragments[0];
        assert!(shown.cut && shown.text.ends_with(CUT) && shown.text.len() <= ONE_BYTES + CUT.len());
        assert_eq!(
            context.left_out,
            [format!("of `AGENTS.md` the first 16384 of {} bytes are shown", long.len())]
        );
        // One that is no longer than that is whole.
        assert!(!told(&[("AGENTS.md", &"x".repeat(ONE_BYTES))], &["a.py"]).1.fragments[0].cut);
    }

    #[test]
    fn of_very_many_the_rest_is_named() {
        let files: Vec<(String, &str)> = (0..=MOST).map(|n| (format!("d{n:02}/AGENTS.md"), "x")).collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        let near: Vec<&str> = files.iter().map(|(path, _)| *path).collect();
        let (paths, context) = told(&files, &near);
        assert_eq!(paths.len(), MOST);
        assert!(context.left_out[0].starts_with("`d12/AGENTS.md` is not shown"), "{:?}", context.left_out);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_not_followed() {
        let top = tempfile::tempdir().unwrap();
        std::fs::write(top.path().join("secret"), "s").unwrap();
        std::os::unix::fs::symlink("secret", top.path().join("AGENTS.md")).unwrap();
        let mut context = Context::default();
        conventions(top.path(), &[String::from("a.py")], &mut context);
        assert_eq!(context, Context::default());
    }
}
