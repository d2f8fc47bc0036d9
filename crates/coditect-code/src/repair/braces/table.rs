//! What differs between the languages with braces, as one table each, and the shapes that their nodes have in common.

use tree_sitter::Node;

use super::tables::{go, java, rust, script};
use crate::languages::Language;

/// What a node is, whatever its language calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Nothing that is edited by itself; what is inside may be.
    Other,
    /// Types, attributes, imports, labels: never looked into.
    Skip,
    Comment,
    Name,
    /// A path such as `a::b`: used as it stands.
    Path,
    This,
    Int,
    Float,
    Text,
    Char,
    True,
    False,
    Null,
    Binary,
    Unary,
    /// `i++`, `--i`.
    Update,
    /// `a = b`, `a += b`.
    Assign,
    Paren,
    Ternary,
    Member,
    Index,
    Slice,
    Range,
    Call,
    New,
    Macro,
    Lambda,
    Array,
    Object,
    Cast,
    Await,
    /// Rust's `?`.
    Try,
    Reference,
    /// Another expression.
    Value,
    /// An expression as a statement.
    Plain,
    /// A declaration of locals.
    Local,
    Return,
    Break,
    Continue,
    Throw,
    If,
    While,
    DoWhile,
    For,
    ForEach,
    Loop,
    Switch,
    /// A case of a switch; its statements follow its label.
    Case,
    /// Another statement.
    Statement,
    /// A block or another list of statements.
    Block,
    Arguments,
    Function,
    /// A class, `impl`, trait, module: holds functions.
    Holder,
}

impl Shape {
    /// True for expressions.
    pub(super) fn is_expression(self) -> bool {
        matches!(
            self,
            Self::Name
                | Self::Path
                | Self::This
                | Self::Int
                | Self::Float
                | Self::Text
                | Self::Char
                | Self::True
                | Self::False
                | Self::Null
                | Self::Binary
                | Self::Unary
                | Self::Update
                | Self::Assign
                | Self::Paren
                | Self::Ternary
                | Self::Member
                | Self::Index
                | Self::Slice
                | Self::Range
                | Self::Call
                | Self::New
                | Self::Macro
                | Self::Lambda
                | Self::Array
                | Self::Object
                | Self::Cast
                | Self::Await
                | Self::Try
                | Self::Reference
                | Self::Value
        )
    }

    /// True for loops.
    pub(super) fn is_loop(self) -> bool {
        matches!(self, Self::While | Self::DoWhile | Self::For | Self::ForEach | Self::Loop)
    }
}

/// What is mistaken for what, likeliest first.
pub(super) type Rivals = &'static [(&'static str, &'static [&'static str])];
/// Words that are mistaken for one another; neighbours are the likeliest to be mixed up.
pub(super) type Groups = &'static [&'static [&'static str]];

/// One language's words. Texts with `{}` are filled with an expression.
pub(super) struct Table {
    /// Kinds of nodes and their shapes.
    pub(super) shapes: &'static [(&'static str, Shape)],
    pub(super) comparisons: Rivals,
    pub(super) arithmetic: Rivals,
    /// Binary operators from the loosest to the tightest, as they bind.
    pub(super) levels: &'static [&'static [&'static str]],
    /// Methods and members that are mistaken for one another.
    pub(super) methods: Groups,
    /// Functions, macros and paths that are mistaken for one another.
    pub(super) functions: Groups,
    /// What stands for nothing.
    pub(super) nothing: &'static [&'static str],
    /// Tests of a value that may be nothing, with their opposites: (is nothing, is something).
    pub(super) null_tests: &'static [(&'static str, &'static str)],
    /// Tests of a text or container, with how likely they are.
    pub(super) size_tests: &'static [(&'static str, f64)],
    /// How long a text or container is.
    pub(super) lengths: &'static [&'static str],
    /// Equal and unequal.
    pub(super) equal: (&'static str, &'static str),
    /// Calls and operators round a value: text, classes of value (see [`super::types::Class::letter`]), fit.
    pub(super) wrappers: &'static [(&'static str, &'static str, f64)],
    /// Values of a type that stand for a default, by the letter of its class.
    pub(super) defaults: &'static [(char, &'static [&'static str])],
    /// Types of whole numbers.
    pub(super) integers: &'static [&'static str],
    /// Types of numbers with a fraction.
    pub(super) floats: &'static [&'static str],
    /// Types of texts.
    pub(super) texts: &'static [&'static str],
    /// Methods and functions whose value's type is known by their name: name, letter of the class.
    pub(super) returns: &'static [(&'static str, char)],
    /// Conditions stand in brackets.
    pub(super) bracketed: bool,
    /// Types are checked before anything runs.
    pub(super) typed: bool,
    /// `;` after statements.
    pub(super) semicolon: &'static str,
    /// How the object of a method calls itself.
    pub(super) this: &'static str,
}

/// A language's table, with its kinds looked up.
pub(super) struct Grammar {
    pub(super) language: Language,
    pub(super) table: &'static Table,
    /// By the number of the kind.
    shapes: Vec<Shape>,
}

impl std::fmt::Debug for Grammar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Grammar").field("language", &self.language).finish_non_exhaustive()
    }
}

impl Grammar {
    /// The grammar of edits for a language; None where it has no braces.
    pub(super) fn of(language: Language) -> Option<Self> {
        let table: &'static Table = match language {
            Language::Python => return None,
            Language::Rust => &rust::TABLE,
            Language::JavaScript | Language::TypeScript | Language::Tsx => &script::TABLE,
            Language::Go => &go::TABLE,
            Language::Java => &java::TABLE,
        };
        let kinds = language.grammar();
        let mut shapes = vec![Shape::Other; kinds.node_kind_count()];
        for (kind, shape) in table.shapes {
            // A kind may have several numbers: the visible one is what nodes report.
            for (number, slot) in (0..=u16::MAX).zip(&mut shapes) {
                if kinds.node_kind_is_named(number) && kinds.node_kind_for_id(number) == Some(kind) {
                    *slot = *shape;
                }
            }
        }
        Some(Self { language, table, shapes })
    }

    /// What a node is.
    pub(super) fn shape(&self, node: Node<'_>) -> Shape {
        if !node.is_named() {
            return Shape::Other;
        }
        self.shapes.get(usize::from(node.kind_id())).copied().unwrap_or(Shape::Other)
    }

    /// The named children that are no comments.
    pub(super) fn parts<'t>(&self, node: Node<'t>) -> Vec<Node<'t>> {
        let mut cursor = node.walk();
        node.named_children(&mut cursor).filter(|child| self.shape(*child) != Shape::Comment).collect()
    }

    /// True where types are compiled.
    pub(super) fn typed(&self) -> bool {
        self.table.typed && !self.language.is_script()
    }
}

/// Every group of `groups` that holds `word`, as its other members, each with its distance in the group.
pub(super) fn confusable(groups: Groups, word: &str) -> Vec<(&'static str, usize)> {
    let mut found: Vec<(&'static str, usize)> = Vec::new();
    for group in groups {
        let Some(at) = group.iter().position(|member| *member == word) else { continue };
        for (n, member) in group.iter().enumerate() {
            if n != at && !found.iter().any(|(known, _)| known == member) {
                found.push((member, n.abs_diff(at)));
            }
        }
    }
    found
}

/// What `word` is mistaken for.
pub(super) fn rivals(table: Rivals, word: &str) -> &'static [&'static str] {
    table.iter().find(|(known, _)| *known == word).map_or(&[], |(_, rivals)| rivals)
}
