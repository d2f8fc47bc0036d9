//! The names of one file: what it defines at its top, what it imports, what it uses and where.

use super::{BTreeSet, Language, Node, Range, Source, Tree, children, function_bodies, text_of};

/// What a file names.
#[derive(Debug)]
pub(super) struct Names<'s> {
    pub(super) path: &'s str,
    /// Functions, types and values at its top.
    pub(super) defines: BTreeSet<&'s str>,
    pub(super) imports: Vec<Import<'s>>,
    /// Names outside of imports, and where they stand.
    uses: Vec<(usize, &'s str)>,
    /// Functions and where they stand.
    functions: Vec<(String, Range<usize>)>,
}

/// One import.
#[derive(Debug, Default)]
pub(super) struct Import<'s> {
    /// Parts of the module's path.
    pub(super) path: Vec<&'s str>,
    /// Names that it brings: as they are called here, and as they are called there. None: all of the file uses it.
    pub(super) bound: Vec<(&'s str, &'s str)>,
}

impl Import<'_> {
    pub(super) fn is_used(&self, used: &BTreeSet<&str>) -> bool {
        self.bound.is_empty() || self.bound.iter().any(|(local, _)| used.contains(local))
    }
}

impl<'s> Names<'s> {
    /// None: no language that is read here.
    pub(super) fn of(source: &'s Source) -> Option<Self> {
        let language = Language::of_path(&source.path)?;
        let tree = language.syntax()?.parse(&source.text)?;
        let text = source.text.as_str();
        let mut names = Self {
            path: &source.path,
            defines: BTreeSet::new(),
            imports: Vec::new(),
            uses: Vec::new(),
            functions: functions(text, &tree, language),
        };
        names.look(text, &tree, language);
        Some(names)
    }

    fn look(&mut self, text: &'s str, tree: &Tree, language: Language) {
        for node in children(tree.root_node()) {
            self.define(text, node, 0);
        }
        let mut open = vec![tree.root_node()];
        while let Some(node) = open.pop() {
            if is_import(node) {
                if language == Language::Python {
                    self.imports.extend(python_imports(text, node));
                } else {
                    self.imports.push(plain_import(text, node));
                }
                continue;
            }
            if is_name(node) {
                self.uses.push((node.start_byte(), text_of(text, node)));
            } else if language.is_script() && is_path(text, node) {
                // A module that is asked for by a call has no name of its own.
                self.imports.push(Import { path: path_parts(text_of(text, node)), bound: Vec::new() });
            }
            open.extend(children(node));
        }
    }

    /// Takes what a node at the top defines.
    fn define(&mut self, text: &'s str, node: Node<'_>, depth: usize) {
        // A method's name stands behind a value of which nothing is known here.
        if let Some(name) = ["name", "left"].iter().find_map(|field| node.child_by_field_name(field))
            && is_name(name)
            && node.kind() != "method_declaration"
        {
            self.defines.insert(text_of(text, name));
            return;
        }
        let holds_more = matches!(
            node.kind(),
            "decorated_definition"
                | "export_statement"
                | "lexical_declaration"
                | "variable_declaration"
                | "variable_declarator"
                | "type_declaration"
                | "type_spec"
                | "const_declaration"
                | "const_spec"
                | "var_declaration"
                | "var_spec"
                | "expression_statement"
                | "assignment"
        );
        if holds_more && depth < 3 {
            for child in children(node) {
                self.define(text, child, depth + 1);
            }
        }
    }

    /// Every name that it uses, and all that it imports.
    pub(super) fn all(&self) -> BTreeSet<&'s str> {
        let bound = self.imports.iter().flat_map(|import| &import.bound).map(|(local, _)| *local);
        self.uses.iter().map(|(_, name)| *name).chain(bound).collect()
    }

    /// The names that it uses outside of these functions and of imports.
    pub(super) fn within(&self, without: &BTreeSet<&str>) -> BTreeSet<&'s str> {
        let left_out: Vec<&Range<usize>> = self
            .functions
            .iter()
            .filter(|(name, _)| without.contains(name.as_str()))
            .map(|(_, range)| range)
            .collect();
        let is_in = |at: usize| left_out.iter().any(|range| range.contains(&at));
        self.uses.iter().filter(|(at, _)| !is_in(*at)).map(|(_, name)| *name).collect()
    }
}

fn functions(text: &str, tree: &Tree, language: Language) -> Vec<(String, Range<usize>)> {
    function_bodies(text, tree, language).into_iter().map(|body| (body.name, body.whole)).collect()
}

/// A file's name without what follows its first dot.
pub(super) fn stem_of(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.split('.').next().unwrap_or(name)
}

fn is_name(node: Node<'_>) -> bool {
    node.kind().contains("identifier") && node.child_count() == 0
}

fn is_import(node: Node<'_>) -> bool {
    match node.kind() {
        "import_statement"
        | "import_from_statement"
        | "use_declaration"
        | "extern_crate_declaration"
        | "import_declaration"
        | "package_declaration" => true,
        "mod_item" => node.child_by_field_name("body").is_none(),
        "export_statement" => node.child_by_field_name("source").is_some(),
        _ => false,
    }
}

/// A string that names a file beside this one, as `require("./roman")` has it.
fn is_path(text: &str, node: Node<'_>) -> bool {
    node.kind() == "string" && text_of(text, node).trim_matches(['"', '\'']).starts_with('.')
}

/// `roman` of `"../lib/roman.js"`, with its folders.
fn path_parts(quoted: &str) -> Vec<&str> {
    let path = quoted.trim_matches(['"', '\'', '`']);
    let parts = path.split('/').map(|part| part.split('.').next().unwrap_or_default());
    parts.filter(|part| !part.is_empty()).collect()
}

/// `import a.b as c, d` and `from a.b import c as d, e`: which name leads where is known.
fn python_imports<'s>(text: &'s str, node: Node<'_>) -> Vec<Import<'s>> {
    let words = |node: Node<'_>| -> Vec<&'s str> {
        let words = text_of(text, node).split(['.', ' ', '\n', '\\']).map(str::trim);
        words.filter(|word| !word.is_empty()).collect()
    };
    // As it is called there, and here.
    let name = |node: Node<'_>| -> (Vec<&'s str>, Option<&'s str>) {
        let alias = node.child_by_field_name("alias").map(|alias| text_of(text, alias));
        (words(node.child_by_field_name("name").unwrap_or(node)), alias)
    };
    let module = node.child_by_field_name("module_name");
    let named = children(node)
        .into_iter()
        .filter(|child| matches!(child.kind(), "dotted_name" | "aliased_import") && Some(*child) != module);
    let Some(module) = module else {
        let import = |child: Node<'_>| {
            let (path, alias) = name(child);
            let local = alias.or(path.first().copied()).unwrap_or_default();
            let own = path.last().copied().unwrap_or_default();
            Import { path, bound: vec![(local, own)] }
        };
        return named.map(import).collect();
    };
    let bound = named.map(name).filter_map(|(path, alias)| {
        let own = path.last().copied()?;
        Some((alias.unwrap_or(own), own))
    });
    vec![Import { path: words(module), bound: bound.collect() }]
}

/// An import of another language: each of its words may be what is used.
fn plain_import<'s>(text: &'s str, node: Node<'_>) -> Import<'s> {
    let (mut path, mut open) = (Vec::new(), vec![node]);
    while let Some(node) = open.pop() {
        if is_name(node) {
            path.push(text_of(text, node));
        } else if node.kind().contains("string") && node.named_child_count() <= 1 && path_is_whole(node) {
            path.extend(path_parts(text_of(text, node)));
            continue;
        }
        open.extend(children(node));
    }
    Import { bound: path.iter().map(|part| (*part, *part)).collect(), path }
}

/// A string literal, and not a part of one.
fn path_is_whole(node: Node<'_>) -> bool {
    matches!(node.kind(), "string" | "interpreted_string_literal" | "raw_string_literal")
}
