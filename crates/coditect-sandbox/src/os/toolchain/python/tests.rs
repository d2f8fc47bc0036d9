#![allow(clippy::unwrap_used, reason = "a test ends there")]

use std::os::unix::fs::symlink;

use super::*;

/// A machine in a directory: `versions/3.X` with an interpreter and its library, shims, a home, a view.
struct Machine {
    top: tempfile::TempDir,
    settings: Settings,
}

impl Machine {
    fn new() -> Self {
        let top = tempfile::tempdir().unwrap();
        let at = top.path().canonicalize().unwrap();
        for folder in
            ["versions/3.12.1/bin", "versions/3.12.1/lib/python3.12", "shims", "home/bin", "home/lib", "view"]
        {
            fs::create_dir_all(at.join(folder)).unwrap();
        }
        fs::write(at.join("versions/3.12.1/bin/python3.12"), b"\x7fELF...").unwrap();
        symlink("python3.12", at.join("versions/3.12.1/bin/python3")).unwrap();
        fs::write(at.join("versions/3.12.1/lib/python3.12/os.py"), "").unwrap();
        symlink("3.12.1", at.join("versions/3.12")).unwrap();
        fs::write(at.join("shims/python3"), "#!/bin/sh\n").unwrap();
        fs::write(at.join("version"), "3.12.1\n").unwrap();
        let mut settings = Settings::this_program(vec![at.join("shims")], Some(at.join("home")));
        settings.toolchains.clear();
        Self { top, settings }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.top.path().canonicalize().unwrap().join(path)
    }

    fn find(&self, name: impl AsRef<Path>) -> Result<Interpreter, PortError> {
        resolve(&self.settings, &self.at("view"), name.as_ref())
    }

    fn bound(&self, found: &Interpreter) -> Vec<PathBuf> {
        found
            .entries
            .iter()
            .filter_map(|entry| match entry {
                Entry::Bind { source, .. } => Some(source.as_path().to_owned()),
                Entry::Link { .. } | Entry::File { .. } | Entry::Runner | Entry::Overlay { .. } => None,
            })
            .collect()
    }
}

#[test]
fn a_shim_is_read_and_not_run() {
    let machine = Machine::new();
    let found = machine.find("python3").unwrap();
    assert_eq!(found.program, machine.at("versions/3.12.1/bin/python3"));
    assert_eq!(machine.bound(&found), [machine.at("versions/3.12.1")]);
}

#[test]
fn a_version_file_of_the_project_cannot_leave_the_versions() {
    let machine = Machine::new();
    fs::write(machine.at("home/bin/python3"), b"\x7fELF...").unwrap();
    fs::write(machine.at("view/.python-version"), "../home\n..\n").unwrap();
    let found = machine.find("python3").unwrap();
    assert_eq!(machine.bound(&found), [machine.at("versions/3.12.1")]);
}

#[test]
fn an_environment_in_the_view_needs_its_base_and_the_links_to_it() {
    let machine = Machine::new();
    fs::create_dir_all(machine.at("view/.venv/bin")).unwrap();
    symlink(machine.at("versions/3.12/bin/python3"), machine.at("view/.venv/bin/python")).unwrap();
    let home = format!("home = {}\n", machine.at("versions/3.12/bin").display());
    fs::write(machine.at("view/.venv/pyvenv.cfg"), home).unwrap();
    let found = machine.find(".venv/bin/python").unwrap();
    assert_eq!(found.program, Path::new("/project/.venv/bin/python"));
    assert_eq!(machine.bound(&found), [machine.at("versions/3.12.1")]);
    let link = Entry::Link { target: Raw::new(machine.at("versions/3.12")), to: Raw::new("3.12.1") };
    assert!(found.entries.contains(&link), "{:?}", found.entries);
}

#[test]
fn a_home_is_never_shown() {
    let machine = Machine::new();
    // Even if a home looks like an installation, as `~/.local` and `~` can.
    fs::create_dir_all(machine.at("home/lib/python3.12")).unwrap();
    fs::write(machine.at("home/lib/python3.12/os.py"), "").unwrap();
    fs::write(machine.at("home/bin/python3"), b"\x7fELF...").unwrap();
    let error = machine.find(machine.at("home/bin/python3")).unwrap_err();
    assert!(error.cause.contains("holds more"), "{error:?}");
}

#[test]
fn what_is_no_interpreter_is_refused() {
    let machine = Machine::new();
    for (name, text) in [("script", "#!/bin/sh\n"), ("alone", "\x7fELF...")] {
        fs::write(machine.at("view").join(name), text).unwrap();
    }
    fs::create_dir(machine.at("other")).unwrap();
    fs::write(machine.at("other/python3"), b"\x7fELF...").unwrap();
    symlink(machine.at("loop"), machine.at("loop")).unwrap();
    let refused = [machine.at("view/script"), machine.at("other/python3"), machine.at("loop")];
    for path in refused {
        assert_eq!(machine.find(&path).unwrap_err().kind, ErrorKind::Invalid, "{path:?}");
    }
    assert_eq!(machine.find("python9").unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(machine.find("/nowhere/python3").unwrap_err().kind, ErrorKind::NotFound);
}
