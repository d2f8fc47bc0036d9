//! Which files a module's name stands for, by the rules of each language as far as paths tell.

use std::rc::Rc;

use super::super::keep::{folder_of, is_hub, parts, stem_of};
use super::super::names::{NONE, Name};
use super::super::{Family, Kept, KeptImport};
use super::{Meant, Sight};

/// Endings that a script's import may leave out, in the order in which they are tried.
const ENDINGS: &[&str] = &["ts", "tsx", "js", "jsx", "mjs", "cjs", "mts", "cts"];

impl<'g> Sight<'g> {
    pub(super) fn at(&self, path: &str) -> Option<u32> {
        let name = self.graph.names.find(path)?;
        self.graph.by_path.get(&name).copied()
    }

    /// The files that a module's name stands for, seen from a file.
    pub(super) fn module(&mut self, kept: &'g Kept, module: Name, dots: u8) -> Meant<'g> {
        let key = (kept.path, module, dots);
        match self.modules.get(&key) {
            Some(Some(known)) => return *known,
            Some(None) => {
                self.cut_short();
                return Meant::Nothing;
            }
            None => {}
        }
        // Only what is asked again soon is worth its place.
        if self.modules.len() > 200_000 {
            self.modules.retain(|_, found| found.is_none());
        }
        self.modules.insert(key, None);
        let (own, text) = (self.graph.names.get(kept.path), self.graph.names.get(module));
        let look = |sight: &mut Self| match kept.family {
            Family::Python => sight.python(own, text, dots),
            Family::Rust => sight.rust_module(kept, text),
            Family::Script => sight.script(own, text),
            Family::Go => sight.go(text),
            Family::Java => sight.java(kept, text),
        };
        let found = self.ask(look, |sight, found| {
            sight.modules.insert(key, Some(found));
        });
        if self.modules.get(&key) == Some(&None) {
            self.modules.remove(&key);
        }
        found
    }

    /// A module below a file that stands for a folder.
    pub(super) fn child_module(&self, kept: &'g Kept, name: Name) -> Option<u32> {
        let (path, name) = (self.graph.names.get(kept.path), self.graph.names.get(name));
        let at = |folder: &str, end: &str| self.at(&join(folder, &format!("{name}{end}")));
        match kept.family {
            Family::Python if stem_of(path) == "__init__" => {
                let folder = folder_of(path);
                at(folder, ".py").or_else(|| at(folder, "/__init__.py"))
            }
            Family::Rust => {
                let folder = rust_folder(path);
                at(&folder, ".rs").or_else(|| at(&folder, "/mod.rs"))
            }
            Family::Python | Family::Script | Family::Go | Family::Java => None,
        }
    }

    /// A module that is taken out of a folder of Python without a file of its own.
    pub(super) fn submodule(&self, kept: &Kept, import: &KeptImport) -> Option<u32> {
        let name = self.graph.names.get(import.name);
        if kept.family != Family::Python || matches!(name, "" | "*") {
            return None;
        }
        let module = self.graph.names.get(import.module);
        let whole = if module.is_empty() { name.to_owned() } else { format!("{module}.{name}") };
        match self.python(self.graph.names.get(kept.path), &whole, import.dots) {
            Meant::File(file) => Some(file),
            Meant::Node(_) | Meant::Files(_) | Meant::Outside | Meant::Nothing => None,
        }
    }

    fn python(&self, own: &str, module: &str, dots: u8) -> Meant<'g> {
        let below = |folder: &str| {
            if module.is_empty() {
                return self.at(&join(folder, "__init__.py"));
            }
            let base = join(folder, &module.replace('.', "/"));
            let candidates = [format!("{base}.py"), join(&base, "__init__.py")];
            candidates.iter().find_map(|path| self.at(path))
        };
        if dots > 0 {
            let mut folder = folder_of(own);
            for _ in 1..dots {
                folder = folder_of(folder);
            }
            return below(folder).map_or(Meant::Nothing, Meant::File);
        }
        // From the file's own folder upwards, then wherever such a path begins in the project.
        let mut folder = Some(folder_of(own));
        while let Some(at) = folder {
            let is_package = self.at(&join(at, "__init__.py")).is_some();
            if !is_package && let Some(file) = below(at) {
                return Meant::File(file);
            }
            folder = (!at.is_empty()).then(|| folder_of(at));
        }
        let last = module.rsplit('.').next().unwrap_or(module);
        let wanted = module.replace('.', "/");
        let ends = [format!("{wanted}.py"), format!("{wanted}/__init__.py")];
        let root_of = |path: &'g str| -> Option<&'g str> {
            let root = ends.iter().find_map(|end| path.strip_suffix(end.as_str()))?;
            (root.is_empty() || root.ends_with('/')).then(|| root.trim_end_matches('/'))
        };
        let found = self.graph.names.find(last).map_or(&[][..], |last| self.graph.stems.get(last));
        let found = found.iter().copied().filter(|file| {
            let path = self.graph.file(*file).map_or("", |file| self.graph.names.get(file.path));
            root_of(path).is_some_and(|root| self.at(&join(root, "__init__.py")).is_none())
        });
        self.nearest(own, found).map_or_else(
            // A package without a file of its own is a folder; a name that nothing has is someone else's.
            || if self.graph.folders.contains_key(&wanted) { Meant::Nothing } else { Meant::Outside },
            Meant::File,
        )
    }

    /// Of some files that which has most of its path in common, by its path where several have as much.
    fn nearest(&self, own: &str, files: impl Iterator<Item = u32>) -> Option<u32> {
        let path = |file: u32| self.graph.file(file).map_or("", |file| self.graph.names.get(file.path));
        files.min_by_key(|file| {
            let path = path(*file);
            let common = own.split('/').zip(path.split('/')).take_while(|(a, b)| a == b).count();
            (usize::MAX - common, path.len(), path)
        })
    }

    fn script(&self, own: &str, module: &str) -> Meant<'g> {
        let base = if module.starts_with('.') {
            let Some(path) = normal(&join(folder_of(own), module)) else { return Meant::Nothing };
            path
        } else if let Some(rest) = module.strip_prefix("@/").or_else(|| module.strip_prefix("~/")) {
            // By custom the folder of the sources, in whatever package the file is.
            let root = own.find("src/").map_or("", |at| &own[..at]);
            format!("{root}src/{rest}")
        } else {
            return Meant::Outside;
        };
        let with = |base: &str| {
            let files = ENDINGS.iter().map(|ending| format!("{base}.{ending}"));
            let indexes = ENDINGS.iter().map(|ending| join(base, &format!("index.{ending}")));
            files.chain(indexes).find_map(|path| self.at(&path))
        };
        // TypeScript writes the name of what a file is made into.
        let stem = [".js", ".jsx", ".mjs", ".cjs"].iter().find_map(|end| base.strip_suffix(end));
        let found = self.at(&base).or_else(|| with(&base)).or_else(|| with(stem?));
        found.map_or(Meant::Nothing, Meant::File)
    }

    fn go(&self, module: &str) -> Meant<'g> {
        let path: Vec<&str> = module.split('/').collect();
        let best = (0..path.len()).find_map(|skip| {
            let folder = path[skip..].join("/");
            let files = self.graph.folders.get(&folder)?;
            let own =
                files.iter().filter_map(|file| self.graph.file(*file)).any(|file| file.family == Family::Go);
            // One part alone may be a package of the language.
            let is_ours = path[0].contains('.') || path.len() - skip > 1;
            (own && is_ours).then_some(files)
        });
        if let Some(files) = best {
            return Meant::Files(files);
        }
        // The module's root may lie below the top, or be the top.
        let last = path.last().copied().unwrap_or_default();
        let below =
            self.graph.names.find(last).map_or(&[][..], |last| self.graph.stems.get(last)).iter().find_map(
                |file| {
                    let file = self.graph.file(*file).filter(|file| file.family == Family::Go)?;
                    let folder = folder_of(self.graph.names.get(file.path));
                    let common =
                        folder.rsplit('/').zip(path.iter().rev()).take_while(|(a, b)| a == *b).count();
                    (common > 1 && path[0].contains('.')).then(|| self.graph.folders.get(folder)).flatten()
                },
            );
        below.map_or(Meant::Outside, |files| Meant::Files(files))
    }

    /// The files of the package that a file belongs to.
    pub(super) fn package(&mut self, kept: &'g Kept) -> Rc<[u32]> {
        let path = self.graph.names.get(kept.path);
        let key = (folder_of(path), kept.family, kept.for_tests);
        if let Some(known) = self.packages.get(&key) {
            return Rc::clone(known);
        }
        let mut files: Vec<u32> = self.graph.folders.get(folder_of(path)).cloned().unwrap_or_default();
        if kept.family == Family::Java
            && let Some((root, package)) = java_package(path)
        {
            // Tests stand in a tree of their own, in the same package.
            let other = match root.strip_suffix("test/java") {
                Some(before) => format!("{before}main/java/{package}"),
                None => root
                    .strip_suffix("main/java")
                    .map_or_else(String::new, |before| format!("{before}test/java/{package}")),
            };
            files.extend(self.graph.folders.get(&other).into_iter().flatten().filter(|_| kept.for_tests));
        }
        files.retain(|file| {
            self.graph
                .file(*file)
                .is_some_and(|file| file.family == kept.family && (kept.for_tests || !file.for_tests))
        });
        // In an order that does not depend on when they came.
        files.sort_by_key(|file| self.graph.file(*file).map(|file| self.graph.names.get(file.path)));
        let files: Rc<[u32]> = files.into();
        self.packages.insert(key, Rc::clone(&files));
        files
    }

    fn java(&self, kept: &'g Kept, module: &str) -> Meant<'g> {
        let wanted = module.replace('.', "/");
        let own = self.graph.names.get(kept.path);
        // A package, or a class of which something is taken.
        let last = module.rsplit('.').next().unwrap_or(module);
        let stems = self.graph.names.find(last).map_or(&[][..], |last| self.graph.stems.get(last));
        let path = |file: &u32| self.graph.file(*file).map_or("", |file| self.graph.names.get(file.path));
        let is_class = |file: &&u32| {
            path(file)
                .strip_suffix(".java")
                .is_some_and(|path| path == wanted || path.ends_with(&format!("/{wanted}")))
        };
        if let Some(file) = self.nearest(own, stems.iter().filter(is_class).copied()) {
            let class =
                self.graph.file(file).and_then(|kept| kept.within(0, self.graph.names.find(last)?).next());
            return class.map_or(Meant::File(file), Meant::Node);
        }
        let in_package = stems.iter().filter(|file| {
            let folder = folder_of(path(file));
            folder == wanted || folder.ends_with(&format!("/{wanted}"))
        });
        let first = self.nearest(own, in_package.copied());
        let files = first.and_then(|file| self.graph.folders.get(folder_of(path(&file))));
        files.map_or(Meant::Outside, |files| Meant::Files(files))
    }

    fn rust_module(&mut self, kept: &'g Kept, module: &str) -> Meant<'g> {
        if module.is_empty() {
            // `use name::...` of one part: a crate, or a module beside.
            return Meant::File(self.graph.by_path.get(&kept.path).copied().unwrap_or_default());
        }
        self.rust_path(kept, module).unwrap_or(Meant::Outside)
    }

    /// What a path of Rust stands for, from the crate, the file or another crate of the project on. None: none of these.
    pub(super) fn rust_path(&mut self, kept: &'g Kept, path: &str) -> Option<Meant<'g>> {
        let own = self.graph.names.get(kept.path);
        let mut rest: Vec<&str> = parts(path).collect();
        let mut file = match *rest.first()? {
            "crate" => {
                rest.remove(0);
                self.rust_root(own)?
            }
            "self" | "super" => {
                let mut at = self.graph.by_path.get(&kept.path).copied()?;
                while let Some(first) = rest.first().filter(|first| matches!(**first, "self" | "super")) {
                    if *first == "super" {
                        // Within a file `super` may be the file itself, of a module in it.
                        at = self.rust_above(at, rest.len() == 1 && has_tests(self.graph.file(at)?))?;
                    }
                    rest.remove(0);
                }
                at
            }
            first => {
                let name = self.graph.names.find(first)?;
                if let Some(child) = self.child_module(kept, name) {
                    rest.remove(0);
                    child
                } else {
                    let root = self.rust_crate(name)?;
                    rest.remove(0);
                    root
                }
            }
        };
        let mut meant = Meant::File(file);
        for (at, part) in rest.iter().enumerate() {
            let name = self.graph.names.find(part)?;
            if let Some(child) = self
                .graph
                .file(file)
                .filter(|_| meant == Meant::File(file))
                .and_then(|kept| self.child_module(kept, name))
            {
                file = child;
                meant = Meant::File(file);
                continue;
            }
            meant = self.inside(kept, meant, name);
            if meant == Meant::Nothing {
                return (at + 1 == rest.len()).then_some(Meant::Nothing);
            }
            if let Meant::File(other) = meant {
                file = other;
            }
        }
        Some(meant)
    }

    /// The file that a crate of this file begins with.
    fn rust_root(&self, own: &str) -> Option<u32> {
        let mut folder = folder_of(own);
        loop {
            for name in ["lib.rs", "main.rs"] {
                if let Some(root) = self.at(&join(folder, name)) {
                    return Some(root);
                }
            }
            if folder.is_empty() {
                // A test or example that is a crate of its own.
                return self.at(own);
            }
            folder = folder_of(folder);
        }
    }

    /// The first file of a crate of the project, by the crate's name: by custom the name of its folder.
    fn rust_crate(&mut self, name: Name) -> Option<u32> {
        if let Some(known) = self.crates.get(&name) {
            return *known;
        }
        let found = self.crate_called(self.graph.names.get(name));
        self.crates.insert(name, found);
        found
    }

    fn crate_called(&self, name: &str) -> Option<u32> {
        let libs = self.graph.names.find("lib").map_or(&[][..], |lib| self.graph.stems.get(lib));
        let is_it = |file: &&u32| {
            let path = self.graph.file(**file).map_or("", |file| self.graph.names.get(file.path));
            let folder =
                path.strip_suffix("/src/lib.rs").map(|folder| folder.rsplit('/').next().unwrap_or(folder));
            folder.is_some_and(|folder| folder.replace('-', "_") == name)
        };
        let named = libs.iter().find(is_it).copied();
        // Where there is one crate alone, nothing says what it is called but those who use it.
        named.or_else(|| self.at("src/lib.rs").filter(|_| libs.len() == 1))
    }

    /// The file of the module above.
    fn rust_above(&self, file: u32, stays: bool) -> Option<u32> {
        if stays {
            return Some(file);
        }
        let path = self.graph.file(file).map(|file| self.graph.names.get(file.path))?;
        let folder = if is_hub(path) { folder_of(folder_of(path)) } else { folder_of(path) };
        let as_file = format!("{folder}.rs");
        ["lib.rs", "main.rs", "mod.rs"]
            .iter()
            .find_map(|name| self.at(&join(folder, name)))
            .or_else(|| self.at(&as_file))
    }

    /// The package of others that an import names.
    pub(super) fn package_of(&self, kept: &Kept, import: &KeptImport) -> Option<String> {
        let module = if import.module == NONE { import.name } else { import.module };
        let text = self.graph.names.get(module);
        let package = match kept.family {
            Family::Python => text.split('.').next(),
            Family::Rust => text.split("::").next(),
            Family::Script => {
                let parts = if text.starts_with('@') { 2 } else { 1 };
                text.match_indices('/').nth(parts - 1).map_or(Some(text), |(at, _)| text.get(..at))
            }
            Family::Go => Some(text),
            Family::Java => Some(text),
        };
        package.filter(|package| !package.is_empty()).map(str::to_owned)
    }
}

/// True where a file holds a module of its own tests.
fn has_tests(file: &Kept) -> bool {
    file.symbols.iter().any(|one| one.kind == coditect_types::NodeKind::Module)
}

/// The folder of the modules below a file of Rust.
fn rust_folder(path: &str) -> String {
    if is_hub(path) {
        folder_of(path).to_owned()
    } else {
        path.strip_suffix(".rs").unwrap_or(path).to_owned()
    }
}

fn java_package(path: &str) -> Option<(&str, &str)> {
    let folder = folder_of(path);
    let at = folder.find("/java/")? + "/java".len();
    Some((&folder[..at], &folder[at + 1..]))
}

pub(super) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// A path without `.` and `..`. None: it leads out.
fn normal(path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
