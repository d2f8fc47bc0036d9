//! What nobody writes by hand: the reference in `docs/reference/` from the program itself, and the wire in Rust from its `.proto` files.

mod commands;
mod events;
mod settings;
mod wire;

use std::path::Path;

use crate::Done;
use crate::args::Args;
use crate::process::{Build, built_binary, cargo, output, root, run};

const HELP: &str = "\
Usage: cargo xtask generate [OPTIONS]

Writes docs/reference/events.md from the types of the events, docs/reference/cli.md from the binary's help,
docs/reference/settings.md from its settings, and crates/coditect-api/src/generated from the .proto files.

Options:
  --check       Compare with what is kept, write nothing
  --only PAGE   events, cli, settings or wire alone
  --binary PATH Ask this program, which is built already";

/// Where the reference stands, below the top.
const DIRECTORY: &str = "docs/reference";

/// One generated file.
struct Page {
    /// Below the top.
    path: String,
    bytes: Vec<u8>,
}

impl Page {
    /// A page of the reference.
    fn new(name: &str, text: String) -> Self {
        Self { path: format!("{DIRECTORY}/{name}"), bytes: text.into_bytes() }
    }
}

pub(crate) fn main(mut args: Args) -> Done {
    if args.helped(HELP) {
        return Ok(());
    }
    let check = args.flag("--check");
    let only = args.value("--only")?;
    // It is asked from another directory.
    let given = args.value("--binary")?.map(std::path::absolute).transpose();
    let given = given.map_err(|error| format!("--binary: {error}"))?;
    args.finish(HELP)?;
    let built = || {
        run(cargo(["build", "--quiet", "--locked", "--package", "coditect"]))?;
        built_binary(Build::Debug)
    };
    let binary = || given.clone().map_or_else(built, Ok);
    let pages = match only.as_deref() {
        None => {
            let mut all = wire::pages()?;
            let binary = binary()?;
            all.extend([events_page(), commands_page(&binary)?, settings_page(&binary)?]);
            all
        }
        Some("wire") => wire::pages()?,
        Some("events") => vec![events_page()],
        Some("cli") => vec![commands_page(&binary()?)?],
        Some("settings") => vec![settings_page(&binary()?)?],
        Some(other) => return Err(format!("`{other}` is not a page\n\n{HELP}")),
    };
    if check { compare(&pages) } else { write(&pages) }
}

fn events_page() -> Page {
    // As events are written: a field that readers may leave out is there all the same.
    let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
    let schema = settings.into_generator().into_root_schema_for::<coditect_types::Record>();
    Page::new("events.md", events::reference(&schema.to_value()))
}

fn commands_page(binary: &Path) -> Result<Page, String> {
    let text = commands::reference(&mut |words| {
        let mut command = std::process::Command::new(binary);
        // The help shows values of variables and wraps at the terminal's width: neither may come from here.
        command.env_clear().env("COLUMNS", "100").env("NO_COLOR", "1").args(words).arg("--help");
        output(command)
    })?;
    Ok(Page::new("cli.md", text))
}

fn settings_page(binary: &Path) -> Result<Page, String> {
    let mut command = std::process::Command::new(binary);
    // What a person of this machine has set is nobody else's.
    let nowhere = "/nonexistent";
    command.env_clear().env("CODITECT_HOME", nowhere).env("XDG_CONFIG_HOME", nowhere).current_dir("/");
    command.args(["config", "--json"]);
    Ok(Page::new("settings.md", settings::reference(&output(command)?)?))
}

fn write(pages: &[Page]) -> Done {
    for page in pages {
        let path = root().join(&page.path);
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)
                .map_err(|error| format!("{}: {error}", directory.display()))?;
        }
        std::fs::write(&path, &page.bytes).map_err(|error| format!("{}: {error}", path.display()))?;
        println!("{}: {} bytes", page.path, page.bytes.len());
    }
    Ok(())
}

fn compare(pages: &[Page]) -> Done {
    let complaints: Vec<String> = pages.iter().filter_map(difference).collect();
    if complaints.is_empty() {
        return Ok(());
    }
    Err(format!("{}\nwrite them again with `cargo xtask generate`", complaints.join("\n")))
}

/// What differs between a page and the file that is kept, if anything.
fn difference(page: &Page) -> Option<String> {
    let Page { path, bytes } = page;
    let kept = std::fs::read(root().join(path)).unwrap_or_default();
    if kept == *bytes {
        return None;
    }
    let (kept, is) = (String::from_utf8_lossy(&kept), String::from_utf8_lossy(bytes));
    let number = kept.lines().zip(is.lines()).take_while(|(old, new)| old == new).count();
    let line = |text: &str| text.lines().nth(number).unwrap_or("(its end)").escape_debug().to_string();
    let (old, new) = (line(&kept), line(&is));
    Some(format!("{path}:{}: kept  {old}\n{path}:{0}: is    {new}", number + 1))
}

#[cfg(test)]
mod tests;
