//! A name becomes another one wherever it stands: in code by the syntax trees, in comments and documents where it is plain that
//! they mean it. Whether it is one thing that has the name is asked first; where it is not, nothing is renamed.
//!
//! Names are not resolved as a compiler does it. What stands in for that is caution: one definition in the whole project, no other
//! use of the new name, and the suite afterwards.

use std::collections::BTreeMap;
use std::fmt;

use tree_sitter::Node;

use crate::languages::{Language, is_comment};
use crate::sameness::is_documentation;
use crate::syntax::{Splice, children, splice, text_of};

#[cfg(test)]
mod tests;

/// A file, below the project's root.
#[derive(Clone, Copy, Debug)]
pub struct File<'a> {
    /// Its path.
    pub path: &'a str,
    /// What it says.
    pub text: &'a str,
}

/// A file as it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renamed {
    /// Its path as it was.
    pub path: String,
    /// Its path as it is to be, where the language wants files named like what they hold.
    pub moved: Option<String>,
    /// What it is to say.
    pub text: String,
    /// Places that changed.
    pub places: usize,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: String,
    /// The line (from 1).
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} line {}", self.path, self.line)
    }
}

/// Why nothing was renamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// No definition has the name.
    Unknown,
    /// More than one has it.
    Several(Place, Place),
    /// The new name is in use.
    Taken(Place),
    /// A file that holds the name could not be read as code.
    Broken(Place),
    /// The new name is none in that language.
    NoName(Language),
}

impl Why {
    /// For people; `from` and `to` are the two names.
    #[must_use]
    pub fn told(&self, from: &str, to: &str) -> String {
        match self {
            Self::Unknown => format!("nothing in the project defines `{from}`"),
            Self::Several(one, other) => format!(
                "more than one thing is called `{from}` ({one}, {other}), and which is meant only a person can say"
            ),
            Self::Taken(at) => format!("`{to}` stands in {at} already: the two would become one"),
            Self::Broken(at) => format!("{at} has a syntax error, so where `{from}` stands cannot be told"),
            Self::NoName(language) => format!("`{to}` cannot be a name in {}", language.name()),
        }
    }
}

/// The files that change where `from` becomes `to`, in the order of `files`.
pub fn rename(files: &[File<'_>], from: &str, to: &str) -> Result<Vec<Renamed>, Why> {
    let mut found = Found { from, to, definitions: BTreeMap::new(), taken: None };
    let mut splices: Vec<Vec<Splice>> = Vec::new();
    for file in files {
        splices.push(if file.text.contains(from) { found.look(file)? } else { Vec::new() });
    }
    let mut definitions = found.definitions.values();
    let Some(first) = definitions.next() else { return Err(Why::Unknown) };
    if let Some(other) = definitions.next() {
        return Err(Why::Several(first.place.clone(), other.place.clone()));
    }
    // Only where it would meet the name that becomes it.
    let changed: Vec<&File<'_>> =
        files.iter().zip(&splices).filter(|(_, splices)| !splices.is_empty()).map(|(file, _)| file).collect();
    for file in &changed {
        found.meet(file);
    }
    if let Some(taken) = found.taken {
        return Err(Why::Taken(taken));
    }
    let first = found.definitions.values().next();
    let names_file =
        first.filter(|definition| definition.names_file).map(|definition| definition.place.path.clone());
    let mut renamed = Vec::new();
    for (file, splices) in files.iter().zip(&splices).filter(|(_, splices)| !splices.is_empty()) {
        let language = Language::of_path(file.path);
        let text = splice(file.text, splices).unwrap_or_else(|| file.text.to_owned());
        if let Some(language) = language.filter(|language| !parses(*language, &text)) {
            return Err(Why::NoName(language));
        }
        let moved =
            names_file.as_deref().filter(|path| *path == file.path).and_then(|path| moved(path, from, to));
        renamed.push(Renamed { path: file.path.to_owned(), moved, text, places: splices.len() });
    }
    Ok(renamed)
}

fn parses(language: Language, text: &str) -> bool {
    let tree = language.syntax().and_then(|mut syntax| syntax.parse(text));
    tree.is_some_and(|tree| !tree.root_node().has_error())
}

/// `src/Foo.java` as `src/Bar.java`.
fn moved(path: &str, from: &str, to: &str) -> Option<String> {
    let (folder, name) = path.rsplit_once('/').map_or(("", path), |(folder, name)| (folder, name));
    let rest = name.strip_prefix(from).filter(|rest| rest.starts_with('.'))?;
    Some(if folder.is_empty() { format!("{to}{rest}") } else { format!("{folder}/{to}{rest}") })
}

/// Where a definition stands.
struct Definition {
    place: Place,
    /// Its file has to be called like it.
    names_file: bool,
}

struct Found<'a> {
    from: &'a str,
    to: &'a str,
    /// By file and the place of the scope that they are in: what is bound twice in one scope is one thing.
    definitions: BTreeMap<(String, usize), Definition>,
    taken: Option<Place>,
}

impl Found<'_> {
    /// The places of a file where the name stands, and its definitions.
    fn look(&mut self, file: &File<'_>) -> Result<Vec<Splice>, Why> {
        let Some(language) = Language::of_path(file.path) else {
            return Ok(self.in_prose(file.text, 0));
        };
        let tree = language.syntax().and_then(|mut syntax| syntax.parse(file.text));
        let tree = tree.filter(|tree| !tree.root_node().has_error());
        let Some(tree) = tree else {
            let at = file.text.find(self.from).unwrap_or(0);
            let line = file.text[..at].matches('\n').count() + 1;
            return Err(Why::Broken(Place { path: file.path.to_owned(), line }));
        };
        let mut splices = Vec::new();
        self.walk(language, file, tree.root_node(), &mut splices);
        Ok(splices)
    }

    fn walk(&mut self, language: Language, file: &File<'_>, node: Node<'_>, splices: &mut Vec<Splice>) {
        let said = text_of(file.text, node);
        if !said.contains(self.from) {
            return;
        }
        if is_comment(node) || (language == Language::Python && is_documentation(node)) {
            splices.extend(self.in_prose(said, node.start_byte()));
            return;
        }
        if is_name(node) {
            if said == self.from && !is_argument_name(node) {
                self.define(language, file, node);
                splices.push(Splice { range: node.byte_range(), new: self.to.to_owned() });
            }
            return;
        }
        if language == Language::Python && node.kind() == "string" {
            let inner = children(node).into_iter().find(|child| child.kind() == "string_content");
            if let Some(inner) =
                inner.filter(|inner| self.is_meant(file.text, node, text_of(file.text, *inner)))
            {
                let end = inner.end_byte();
                splices.push(Splice { range: end - self.from.len()..end, new: self.to.to_owned() });
            }
            if !children(node).iter().any(|child| child.kind() == "interpolation") {
                return;
            }
        }
        for child in children(node) {
            self.walk(language, file, child, splices);
        }
    }

    /// Whether a string of Python holds the name of the thing: in `__all__`, for `getattr`, or as a dotted path.
    fn is_meant(&self, text: &str, string: Node<'_>, said: &str) -> bool {
        if let Some((before, last)) = said.rsplit_once('.') {
            let is_name = |part: &str| {
                part.starts_with(|c: char| c.is_alphabetic() || c == '_')
                    && part.chars().all(|c| c.is_alphanumeric() || c == '_')
            };
            return last == self.from && before.split('.').all(is_name);
        }
        if said != self.from {
            return false;
        }
        let Some(around) = string.parent() else { return false };
        let above = around.parent();
        match around.kind() {
            "list" | "tuple" => above.is_some_and(|above| {
                above.child_by_field_name("left").is_some_and(|left| text_of(text, left) == "__all__")
            }),
            "argument_list" => {
                above.and_then(|call| call.child_by_field_name("function")).is_some_and(|called| {
                    let called = text_of(text, called);
                    ["getattr", "hasattr", "setattr", "delattr", "patch.object"]
                        .iter()
                        .any(|known| called.ends_with(known))
                })
            }
            _ => false,
        }
    }

    /// Where the name stands in prose that plainly means it.
    fn in_prose(&self, text: &str, offset: usize) -> Vec<Splice> {
        // One that could be a word is meant where it is set as code.
        let is_word = !self.from.contains('_') && !self.from.chars().skip(1).any(char::is_uppercase);
        let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let meant = |at: usize| {
            let (before, after) =
                (text[..at].chars().next_back(), text[at + self.from.len()..].chars().next());
            let is_whole = !is_part(before) && !is_part(after);
            is_whole && (!is_word || after == Some('(') || (before == Some('`') && after == Some('`')))
        };
        let found = text.match_indices(self.from).map(|(at, _)| at).filter(|at| meant(*at));
        found
            .map(|at| Splice { range: offset + at..offset + at + self.from.len(), new: self.to.to_owned() })
            .collect()
    }

    /// Takes note of a definition, where the name stands in one.
    fn define(&mut self, language: Language, file: &File<'_>, node: Node<'_>) {
        let Some(what) = definition(node) else { return };
        let key = (file.path.to_owned(), scope(what).map_or(0, |scope| scope.id()));
        let place = Place { path: file.path.to_owned(), line: node.start_position().row + 1 };
        let names_file =
            language == Language::Java && moved(file.path, self.from, self.to).is_some() && is_type(what);
        let of = self.definitions.entry(key).or_insert(Definition { place, names_file });
        of.names_file |= names_file;
    }

    /// Takes note of the new name, where it stands already.
    fn meet(&mut self, file: &File<'_>) {
        let Some(language) = Language::of_path(file.path).filter(|_| self.taken.is_none()) else { return };
        let Some(tree) = language.syntax().and_then(|mut syntax| syntax.parse(file.text)) else { return };
        let mut open = vec![tree.root_node()];
        while let Some(node) = open.pop() {
            if is_name(node) && text_of(file.text, node) == self.to && !is_argument_name(node) {
                self.taken = Some(Place { path: file.path.to_owned(), line: node.start_position().row + 1 });
                return;
            }
            open.extend(children(node));
        }
    }
}

/// Whether a node is one name. `{ name }` in a pattern takes it from a thing that has it already.
fn is_name(node: Node<'_>) -> bool {
    node.child_count() == 0 && (node.kind().ends_with("identifier") || node.kind() == TAKES)
}

const TAKES: &str = "shorthand_property_identifier_pattern";

fn is_type(node: Node<'_>) -> bool {
    matches!(
        node.kind(),
        "class_declaration" | "interface_declaration" | "enum_declaration" | "record_declaration"
    )
}

/// `name` in `f(name=1)`: it belongs to `f`.
fn is_argument_name(node: Node<'_>) -> bool {
    node.parent().is_some_and(|parent| {
        parent.kind() == "keyword_argument"
            && parent.child_by_field_name("name").is_some_and(|name| name.id() == node.id())
    })
}

/// What ends the names of nodes that define what stands in their field `name`.
const DEFINING: &[&str] = &[
    "definition",
    "declaration",
    "declarator",
    "_item",
    "_spec",
    "_signature",
    "enum_variant",
    "enum_constant",
    "_parameter",
    "type_alias",
    "pair",
    "named_expression",
    "method_elem",
];

/// The node that defines what this identifier names, if it is a definition.
fn definition<'t>(node: Node<'t>) -> Option<Node<'t>> {
    if node.kind() == TAKES {
        return None;
    }
    let mut at = node;
    // `self.name = ...` and `a, name = ...`.
    while let Some(above) = at.parent() {
        match above.kind() {
            "attribute"
                if above.child_by_field_name("attribute").is_some_and(|named| named.id() == at.id()) =>
            {
                let owner = above.child_by_field_name("object").filter(|owner| owner.kind() == "identifier");
                owner?;
                let assigned = above.parent().filter(|of| of.kind() == "assignment")?;
                return (assigned.child_by_field_name("left")?.id() == above.id()).then_some(assigned);
            }
            "pattern_list"
            | "tuple_pattern"
            | "list_pattern"
            | "expression_list"
            | "as_pattern_target"
            | "list_splat_pattern"
            | "dictionary_splat_pattern"
            | "array_pattern"
            | "object_pattern" => at = above,
            _ => break,
        }
    }
    // A constructor is called like its class.
    let above = at.parent().filter(|above| above.kind() != "constructor_declaration")?;
    let is = |field: &str| above.child_by_field_name(field).is_some_and(|of| of.id() == at.id());
    let kind = above.kind();
    let by_name = (is("name") || is("key")) && DEFINING.iter().any(|ending| kind.ends_with(ending));
    let by_place = match kind {
        "assignment"
        | "for_statement"
        | "for_in_clause"
        | "short_var_declaration"
        | "range_clause"
        | "for_in_statement" => is("left"),
        "as_pattern" => at.kind() == "as_pattern_target",
        "aliased_import" | "import_specifier" | "use_as_clause" => is("alias"),
        "parameters" | "lambda_parameters" | "formal_parameters" | "closure_parameters"
        | "typed_parameter" => true,
        "parameter" | "let_declaration" | "required_parameter" | "optional_parameter" | "arrow_function" => {
            is("pattern") || is("parameter")
        }
        "parameter_declaration" | "field_declaration" | "formal_parameter" | "catch_formal_parameter" => {
            is("name")
        }
        _ => false,
    };
    (by_name || by_place).then_some(above)
}

/// What a definition is visible in: the next function, class or other body around it. Its own body is not around it.
fn scope<'t>(defining: Node<'t>) -> Option<Node<'t>> {
    let mut at = defining.parent();
    // Attributes of an instance belong to its class.
    let is_attribute = defining.kind() == "assignment"
        && defining.child_by_field_name("left").is_some_and(|left| left.kind() == "attribute");
    while let Some(node) = at {
        let kind = node.kind();
        let is_function = kind.contains("function") || kind.contains("method") || kind == "lambda";
        let is_class = kind.contains("class_") || kind.ends_with("impl_item") || kind.ends_with("trait_item");
        if is_class || (is_function && !is_attribute) {
            return Some(node);
        }
        at = node.parent();
    }
    None
}
