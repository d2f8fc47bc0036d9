//! What a file imports, in each language's own words.

use super::{Frame, Language, Node, Reader};
use crate::syntax::children;
use coditect_types::graph::ImportFact;

/// Lists within one another of one `use`.
const DEEPEST: usize = 32;

impl<'t> Reader<'t> {
    /// Takes an import; false: the node is none.
    pub(super) fn import(&mut self, frame: Frame<'t>) -> bool {
        let node = frame.node;
        match (self.language, frame.kind) {
            (Language::Python, "import_statement") => self.python_import(node),
            (Language::Python, "import_from_statement") => self.python_from(node),
            (Language::Python, "future_import_statement") | (Language::Java, "package_declaration") => {}
            (Language::Rust, "use_declaration") => {
                let Some(argument) = self.field(node, "argument") else { return true };
                let is_passed_on = self.text(node).starts_with("pub");
                self.rust_use("", argument, (is_passed_on, 0));
            }
            (Language::Rust, "extern_crate_declaration") => {}
            (Language::Rust, "mod_item") if node.child_by_field_name("body").is_none() => {
                if let Some(name) = self.field(node, "name") {
                    self.imported(&format!("self::{name}"), "", name);
                }
            }
            (Language::Go, "import_spec") => self.go_import(node),
            (Language::Java, "import_declaration") => self.java_import(node),
            (language, "import_statement") if language.is_script() => self.script_import(node),
            (language, "export_statement") if language.is_script() => return self.script_export(node),
            (language, "call_expression") if language.is_script() => return self.script_call(node),
            _ => return false,
        }
        true
    }

    fn python_import(&mut self, node: Node<'t>) {
        for child in children(node) {
            match child.kind() {
                "dotted_name" => {
                    let module = self.text(child);
                    self.imported(module, "", module);
                }
                "aliased_import" => {
                    let module = self.field(child, "name").unwrap_or_default();
                    let local = self.field(child, "alias").unwrap_or(module);
                    self.imported(module, "", local);
                }
                _ => {}
            }
        }
    }

    fn python_from(&mut self, node: Node<'t>) {
        let Some(from) = node.child_by_field_name("module_name") else { return };
        let written = self.text(from);
        let module = written.trim_start_matches(['.', ' ']);
        let dots = written[..written.len() - module.len()].bytes().filter(|b| *b == b'.').count();
        let dots = u8::try_from(dots).unwrap_or(u8::MAX);
        let mut take = |name: &str, local: &str| {
            self.facts.imports.push(ImportFact {
                module: module.to_owned(),
                dots,
                name: name.to_owned(),
                local: local.to_owned(),
            });
        };
        for child in children(node).into_iter().filter(|child| child.id() != from.id()) {
            let text = |child: Node<'t>| crate::syntax::text_of(self.text, child);
            match child.kind() {
                "dotted_name" => take(text(child), text(child)),
                "wildcard_import" => take("*", ""),
                "aliased_import" => {
                    let name = child.child_by_field_name("name").map_or("", text);
                    take(name, child.child_by_field_name("alias").map_or(name, text));
                }
                _ => {}
            }
        }
    }

    /// `a::b::{self, c as d, e::*}`, word by word.
    fn rust_use(&mut self, before: &str, written: &str, (is_passed_on, deep): (bool, usize)) {
        if deep > DEEPEST {
            return;
        }
        let below = (is_passed_on, deep + 1);
        let written = written.trim();
        let join = |path: &str| {
            let path = path.trim().trim_end_matches("::");
            if before.is_empty() {
                path.to_owned()
            } else if path.is_empty() {
                before.to_owned()
            } else {
                format!("{before}::{path}")
            }
        };
        if let Some((path, list)) = written.split_once('{') {
            let path = join(path);
            let list = list.trim_end().strip_suffix('}').unwrap_or(list);
            let (mut depth, mut from) = (0_usize, 0);
            for (at, letter) in list.char_indices() {
                match letter {
                    '{' => depth += 1,
                    '}' => depth = depth.saturating_sub(1),
                    ',' if depth == 0 => {
                        self.rust_use(&path, &list[from..at], below);
                        from = at + 1;
                    }
                    _ => {}
                }
            }
            if !list[from..].trim().is_empty() {
                self.rust_use(&path, &list[from..], below);
            }
            return;
        }
        let (path, alias) =
            written.split_once(" as ").map_or((written, None), |(path, alias)| (path, Some(alias.trim())));
        let path = join(path.trim());
        let (module, name) = path.rsplit_once("::").unwrap_or(("", &path));
        let (module, name) = match name {
            "self" => (module, ""),
            _ => (module, name),
        };
        let last = if name.is_empty() { module.rsplit("::").next().unwrap_or(module) } else { name };
        let local = alias.unwrap_or(if name == "*" { "" } else { last });
        self.imported(module, name, local);
        if is_passed_on && name != "*" {
            self.facts.exports.push((local.to_owned(), local.to_owned()));
        }
    }

    fn go_import(&mut self, node: Node<'t>) {
        let path = self.field(node, "path").unwrap_or_default().trim_matches(['"', '`']);
        // A last part such as `v2` is a version, and the package is called by the part before.
        let is_version = |part: &str| {
            part.strip_prefix('v').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        };
        let last = path.rsplit('/').find(|part| !is_version(part)).unwrap_or(path);
        match self.field(node, "name") {
            Some("_") => self.imported(path, "", ""),
            Some(".") => self.imported(path, "*", ""),
            Some(name) => self.imported(path, "", name),
            None => self.imported(path, "", last.trim_start_matches("go-")),
        }
    }

    fn java_import(&mut self, node: Node<'t>) {
        let text = self.text(node).trim_end_matches(';').trim_start_matches("import").trim();
        let path = text.strip_prefix("static ").unwrap_or(text).trim();
        let (module, name) = path.rsplit_once('.').unwrap_or(("", path));
        self.imported(module.trim(), name.trim(), if name == "*" { "" } else { name.trim() });
    }

    fn source(&self, node: Node<'t>) -> Option<&'t str> {
        Some(self.field(node, "source")?.trim_matches(['"', '\'', '`']))
    }

    fn script_import(&mut self, node: Node<'t>) {
        let mut source = self.source(node);
        let mut open = children(node);
        let mut taken = Vec::new();
        while let Some(child) = open.pop() {
            match child.kind() {
                "import_clause" | "named_imports" => open.extend(children(child)),
                "identifier" => taken.push(("default", self.text(child))),
                "namespace_import" => {
                    let name = children(child).into_iter().find(|child| child.kind() == "identifier");
                    taken.extend(name.map(|name| ("", self.text(name))));
                }
                "import_specifier" => {
                    let name = self.field(child, "name").unwrap_or_default();
                    taken.push((name, self.field(child, "alias").unwrap_or(name)));
                }
                "import_require_clause" => {
                    source = self.source(child);
                    let name = children(child).into_iter().find(|child| child.kind() == "identifier");
                    taken.extend(name.map(|name| ("", self.text(name))));
                }
                _ => {}
            }
        }
        let Some(source) = source else { return };
        if taken.is_empty() {
            taken.push(("", ""));
        }
        for (name, local) in taken {
            self.imported(source, name, local);
        }
    }

    /// `export ... from` passes on; `export { a as b }` and `export default a` give names. True where nothing else is in it.
    fn script_export(&mut self, node: Node<'t>) -> bool {
        let source = self.source(node);
        let clause = children(node).into_iter().find(|child| child.kind() == "export_clause");
        for child in clause.into_iter().flat_map(children).filter(|child| child.kind() == "export_specifier")
        {
            let name = self.field(child, "name").unwrap_or_default();
            let alias = self.field(child, "alias").unwrap_or(name);
            if let Some(source) = source {
                self.imported(source, name, alias);
            }
            self.facts.exports.push((alias.to_owned(), name.to_owned()));
        }
        if let (Some(source), None) = (source, clause) {
            let space = children(node).into_iter().find(|child| child.kind() == "namespace_export");
            let local = space
                .and_then(|space| children(space).into_iter().find(|child| child.kind() == "identifier"));
            match local {
                Some(local) => self.imported(source, "", self.text(local)),
                None => self.imported(source, "*", ""),
            }
        }
        if let Some(value) = node.child_by_field_name("value").filter(|value| value.kind() == "identifier") {
            self.facts.exports.push(("default".to_owned(), self.text(value).to_owned()));
        }
        source.is_some() || clause.is_some()
    }

    /// `require("./x")` and `import("./x")` that nothing is taken out of by a pattern.
    fn script_call(&mut self, node: Node<'t>) -> bool {
        let Some(module) = self.required(node) else { return false };
        let owner = self.frame(1).filter(|above| above.kind == "variable_declarator");
        match owner.and_then(|owner| owner.node.child_by_field_name("name")) {
            Some(name) if name.kind() == "identifier" => self.imported(module, "", self.text(name)),
            Some(pattern) => {
                for child in children(pattern) {
                    match child.kind() {
                        "shorthand_property_identifier_pattern" => {
                            let name = self.text(child);
                            self.imported(module, name, name);
                        }
                        "pair_pattern" => {
                            let name = self.field(child, "key").unwrap_or_default();
                            let local = self.field(child, "value").unwrap_or(name);
                            self.imported(module, name, local);
                        }
                        _ => {}
                    }
                }
            }
            None => self.imported(module, "", ""),
        }
        true
    }

    /// The module that a call asks for, if it is such a call.
    pub(super) fn required(&self, node: Node<'t>) -> Option<&'t str> {
        let function = self.field(node, "function")?;
        if node.kind() != "call_expression" || !matches!(function, "require" | "import") {
            return None;
        }
        let arguments = node.child_by_field_name("arguments")?;
        let first = arguments.named_child(0).filter(|first| first.kind() == "string")?;
        Some(self.text(first).trim_matches(['"', '\'', '`']))
    }
}
