//! Paths below a project's root, and the same below the snapshot's top.

use coditect_types::Project;

/// A path below the project's root, seen from the snapshot's top.
pub(crate) fn below_top(project: &Project, path: &str) -> String {
    match project.root.as_str() {
        "" => path.to_owned(),
        root => format!("{root}/{path}"),
    }
}

/// A path below the snapshot's top, seen from the project's root.
pub(crate) fn below_root<'p>(project: &Project, path: &'p str) -> &'p str {
    let root = project.root.as_str();
    path.strip_prefix(root)
        .and_then(|rest| rest.strip_prefix('/'))
        .filter(|_| !root.is_empty())
        .unwrap_or(path)
}
