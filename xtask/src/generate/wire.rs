//! The wire in Rust, from its `.proto` files.

use std::path::Path;

use protox::prost::Message;

use super::Page;
use crate::process::root;

const PROTO: &str = "crates/coditect-api/proto";
const GENERATED: &str = "crates/coditect-api/src/generated";
/// Where the files are, below `PROTO`: all of one version.
const VERSION: &str = "coditect/v1";

/// What is generated: the code, and the descriptors for who asks by reflection.
pub(super) fn pages() -> Result<Vec<Page>, String> {
    let mut files = names(&root().join(PROTO).join(VERSION))?;
    files.retain(|name| name.ends_with(".proto"));
    let files = files.iter().map(|name| format!("{VERSION}/{name}"));
    let mut found = protox::compile(files, [root().join(PROTO)]).map_err(|error| error.to_string())?;
    let out = tempfile::tempdir().map_err(|error| format!("a directory for what is generated: {error}"))?;
    tonic_prost_build::configure()
        .build_transport(false)
        .out_dir(out.path())
        .compile_fds(found.clone())
        .map_err(|error| format!("generating the wire: {error}"))?;
    let mut pages = Vec::new();
    for name in names(out.path())? {
        let bytes = std::fs::read(out.path().join(&name)).map_err(|error| format!("{name}: {error}"))?;
        pages.push(Page { path: format!("{GENERATED}/{name}"), bytes });
    }
    // Comments and places are for who reads the files themselves.
    found.file.iter_mut().for_each(|file| file.source_code_info = None);
    pages.push(Page { path: format!("{GENERATED}/descriptors.bin"), bytes: found.encode_to_vec() });
    let is_made = |name: &String| pages.iter().any(|page| page.path == format!("{GENERATED}/{name}"));
    match names(&root().join(GENERATED))?.into_iter().find(|name| !is_made(name)) {
        Some(stray) => Err(format!("{GENERATED}/{stray}: nothing makes it any more")),
        None => Ok(pages),
    }
}

/// The names of the files in a directory, in their order.
fn names(directory: &Path) -> Result<Vec<String>, String> {
    let oops = |error: std::io::Error| format!("{}: {error}", directory.display());
    let entries = std::fs::read_dir(directory).map_err(oops)?.collect::<Result<Vec<_>, _>>().map_err(oops)?;
    let mut names: Vec<String> =
        entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}
