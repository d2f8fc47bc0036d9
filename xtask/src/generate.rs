//! The reference that nobody writes by hand: `docs/reference/` from the program itself.

mod commands;
mod events;

use crate::Done;
use crate::args::Args;
use crate::process::{Build, built_binary, cargo, output, root, run};

const HELP: &str = "\
Usage: cargo xtask generate [OPTIONS]

Writes docs/reference/events.md from the types of the events and docs/reference/cli.md from the binary's help.

Options:
  --check       Compare with what is kept, write nothing
  --only PAGE   events or cli alone";

/// Where the files stand, below the top.
const DIRECTORY: &str = "docs/reference";

/// One generated file.
struct Page {
    name: &'static str,
    text: String,
}

pub(crate) fn main(mut args: Args) -> Done {
    if args.helped(HELP) {
        return Ok(());
    }
    let check = args.flag("--check");
    let only = args.value("--only")?;
    args.finish(HELP)?;
    let pages = match only.as_deref() {
        None => vec![events_page(), commands_page()?],
        Some("events") => vec![events_page()],
        Some("cli") => vec![commands_page()?],
        Some(other) => return Err(format!("`{other}` is not a page\n\n{HELP}")),
    };
    if check { compare(&pages) } else { write(&pages) }
}

fn events_page() -> Page {
    // As events are written: a field that readers may leave out is there all the same.
    let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
    let schema = settings.into_generator().into_root_schema_for::<coditect_types::Record>();
    Page { name: "events.md", text: events::reference(&schema.to_value()) }
}

fn commands_page() -> Result<Page, String> {
    run(cargo(["build", "--quiet", "--locked", "--package", "coditect"]))?;
    let binary = built_binary(Build::Debug)?;
    let text = commands::reference(&mut |words| {
        let mut command = std::process::Command::new(&binary);
        // The help shows values of variables and wraps at the terminal's width: neither may come from here.
        command.env_clear().env("COLUMNS", "100").env("NO_COLOR", "1").args(words).arg("--help");
        output(command)
    })?;
    Ok(Page { name: "cli.md", text })
}

fn write(pages: &[Page]) -> Done {
    let directory = root().join(DIRECTORY);
    std::fs::create_dir_all(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    for page in pages {
        let path = directory.join(page.name);
        std::fs::write(&path, &page.text).map_err(|error| format!("{}: {error}", path.display()))?;
        println!("{DIRECTORY}/{}: {} lines", page.name, page.text.lines().count());
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
    let name = page.name;
    let kept = std::fs::read_to_string(root().join(DIRECTORY).join(name)).unwrap_or_default();
    if kept == page.text {
        return None;
    }
    let number = kept.lines().zip(page.text.lines()).take_while(|(old, new)| old == new).count();
    let line = |text: &str| text.lines().nth(number).unwrap_or("(its end)").to_owned();
    let (old, new) = (line(&kept), line(&page.text));
    Some(format!("{DIRECTORY}/{name}:{}: kept  {old}\n{DIRECTORY}/{name}:{0}: is    {new}", number + 1))
}

#[cfg(test)]
mod tests;
