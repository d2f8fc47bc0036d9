//! Makes realistic bugs of one place. It looks at syntax trees by the names of their nodes and knows nothing of the
//! grammar of edits: what it does is a list of its own, so that a miss of the grammar shows.

use std::ops::Range;

use coditect_code::languages::{Body, Language, function_bodies, is_comment, test_regions};
use tree_sitter::{Node, Tree};

#[path = "more.rs"]
mod more;

/// A bug: what stood at `range` became `new`.
#[derive(Clone, Debug)]
pub(crate) struct Bug {
    pub(crate) kind: &'static str,
    pub(crate) range: Range<usize>,
    pub(crate) new: String,
    /// The function around it, in bytes of the original.
    pub(crate) function: Range<usize>,
}

/// Words that people mix up; the mutator's own choice.
const MIXED_UP: &[(&str, &str)] = &[
    ("min", "max"),
    ("first", "last"),
    ("push", "unshift"),
    ("pop", "shift"),
    ("startsWith", "endsWith"),
    ("starts_with", "ends_with"),
    ("HasPrefix", "HasSuffix"),
    ("TrimPrefix", "TrimSuffix"),
    ("indexOf", "lastIndexOf"),
    ("Index", "LastIndex"),
    ("floor", "ceil"),
    ("some", "every"),
    ("any", "all"),
    ("is_some", "is_none"),
    ("is_ok", "is_err"),
    ("toLowerCase", "toUpperCase"),
    ("ToLower", "ToUpper"),
    ("keys", "values"),
    ("slice", "splice"),
    ("length", "size"),
    ("saturating_sub", "wrapping_sub"),
    ("Some", "Ok"),
    ("add", "remove"),
    ("get", "set"),
    ("isEmpty", "isBlank"),
    ("next", "previous"),
    ("find", "filter"),
];

const COMPARISONS: &[(&str, &[&str])] = &[
    ("<", &["<=", ">", ">="]),
    ("<=", &["<", ">=", ">"]),
    (">", &[">=", "<", "<="]),
    (">=", &[">", "<=", "<"]),
    ("==", &["!="]),
    ("!=", &["=="]),
    ("===", &["!=="]),
    ("!==", &["==="]),
    ("is", &["is not"]),
    ("is not", &["is"]),
    ("in", &["not in"]),
    ("not in", &["in"]),
];

const OPERATORS: &[(&str, &[&str])] = &[
    ("+", &["-"]),
    ("-", &["+"]),
    ("*", &["/", "+"]),
    ("/", &["*"]),
    ("//", &["/"]),
    ("%", &["/", "*"]),
    ("&", &["|"]),
    ("|", &["&"]),
    ("^", &["&", "|"]),
    ("<<", &[">>"]),
    (">>", &["<<"]),
    ("+=", &["-=", "="]),
    ("-=", &["+="]),
    ("*=", &["+="]),
    ("|=", &["&="]),
    ("++", &["--"]),
    ("--", &["++"]),
];

/// Every bug that can be made of a file, by function.
pub(crate) fn bugs(text: &str, tree: &Tree, language: Language) -> Vec<Bug> {
    let tests = test_regions(text, tree, language);
    let mut all = Vec::new();
    let bodies = function_bodies(text, tree, language);
    let methods = names_of_methods(text, tree.root_node());
    for body in &bodies {
        let nested = bodies
            .iter()
            .any(|other| other.whole.start < body.whole.start && body.whole.end <= other.whole.end);
        let rows = text[body.range.clone()].matches('\n').count();
        let is_test = tests.iter().any(|test| test.contains(&body.whole.start));
        if is_test || !(2..=80).contains(&rows) || (nested && rows < 5) {
            continue;
        }
        let Some(node) = tree.root_node().descendant_for_byte_range(body.range.start, body.range.end) else {
            continue;
        };
        let variables = variables(text, tree, body);
        Maker { text, language, body, methods: &methods, variables, out: &mut all }.inside(node);
    }
    // A function inside another has its bugs once.
    all.sort_by_key(|bug: &Bug| (bug.range.start, bug.range.end, bug.function.len()));
    all.dedup_by(|b, a| a.range == b.range && a.new == b.new && a.kind == b.kind);
    all
}

struct Maker<'a> {
    text: &'a str,
    language: Language,
    body: &'a Body,
    methods: &'a [String],
    variables: Vec<String>,
    out: &'a mut Vec<Bug>,
}

fn named(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|child| !is_comment(*child)).collect()
}

fn tokens(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.children(&mut cursor).collect()
}

/// Names that the function declares: parameters and locals.
fn variables(text: &str, tree: &Tree, body: &Body) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let whole = tree.root_node().descendant_for_byte_range(body.whole.start, body.whole.end);
    let mut stack: Vec<Node<'_>> = whole.into_iter().collect();
    while let Some(node) = stack.pop() {
        let declares = matches!(
            node.kind(),
            "parameter"
                | "formal_parameter"
                | "required_parameter"
                | "parameter_declaration"
                | "variable_declarator"
                | "let_declaration"
                | "short_var_declaration"
                | "typed_parameter"
                | "default_parameter"
                | "typed_default_parameter"
                | "assignment"
                | "for_statement"
        );
        let list = matches!(node.kind(), "formal_parameters" | "parameters");
        let mut names: Vec<Node<'_>> = Vec::new();
        if declares {
            for field in ["name", "pattern", "left"] {
                if let Some(name) = node.child_by_field_name(field) {
                    names.push(name);
                    names.extend(named(name));
                }
            }
        }
        if list {
            names.extend(named(node));
        }
        for name in names.into_iter().filter(|name| name.kind() == "identifier") {
            let word = text[name.byte_range()].to_owned();
            if word != "_" && !found.contains(&word) {
                found.push(word);
            }
        }
        stack.extend(named(node));
    }
    found.sort();
    found
}

/// Names after a dot that are called, in the whole file.
fn names_of_methods(text: &str, root: Node<'_>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut stack = vec![root];
    while let Some(node) = stack.pop() {
        if let Some(name) = method_of(node) {
            found.push(text[name.byte_range()].to_owned());
        }
        stack.extend(named(node));
    }
    found.sort();
    found.dedup();
    found
}

fn method_of(call: Node<'_>) -> Option<Node<'_>> {
    match call.kind() {
        "method_invocation" => call.child_by_field_name("object").and(call.child_by_field_name("name")),
        "call_expression" | "call" => {
            let function = call.child_by_field_name("function")?;
            ["field", "property", "attribute"].iter().find_map(|name| function.child_by_field_name(name))
        }
        _ => None,
    }
}

impl Maker<'_> {
    fn word(&self, node: Node<'_>) -> &str {
        &self.text[node.byte_range()]
    }

    fn make(&mut self, kind: &'static str, range: Range<usize>, new: impl Into<String>) {
        let new = new.into();
        // A body of Python has no braces around it.
        let bare = usize::from(self.language != Language::Python);
        if self.text[range.clone()] != new
            && self.body.range.start + bare <= range.start
            && range.end + bare <= self.body.range.end
        {
            self.out.push(Bug { kind, range, new, function: self.body.whole.clone() });
        }
    }

    fn inside(&mut self, node: Node<'_>) {
        for child in named(node) {
            let kind = child.kind();
            if kind.contains("type") && kind != "type_cast_expression" || kind == "macro_definition" {
                continue;
            }
            self.one(child);
            self.inside(child);
        }
    }

    fn one(&mut self, node: Node<'_>) {
        match node.kind() {
            "binary_expression" | "binary_operator" | "boolean_operator" | "comparison_operator" => {
                self.binary(node);
            }
            "compound_assignment_expr"
            | "augmented_assignment_expression"
            | "augmented_assignment"
            | "assignment_statement"
            | "assignment_expression"
            | "update_expression"
            | "inc_statement"
            | "dec_statement" => {
                self.replace_token(node, OPERATORS, "assign op");
            }
            "integer_literal" | "decimal_integer_literal" | "number" | "int_literal" | "integer" => {
                self.number(node)
            }
            "true" => self.make("boolean flip", node.byte_range(), "false"),
            "false" => self.make("boolean flip", node.byte_range(), "true"),
            "boolean_literal" => {
                let new = if self.word(node) == "true" { "false" } else { "true" };
                self.make("boolean flip", node.byte_range(), new);
            }
            "string_literal" | "string" | "interpreted_string_literal" => self.string(node),
            "if_statement" | "if_expression" | "while_statement" | "while_expression" => self.branch(node),
            "ternary_expression" => self.swap(node, "consequence", "alternative", "arms swapped"),
            "call_expression"
            | "call"
            | "method_invocation"
            | "new_expression"
            | "object_creation_expression" => self.call(node),
            "identifier" => self.variable(node),
            "return_statement" | "return_expression" => self.returned(node),
            "break_statement" => {
                let new = self.word(node).replacen("break", "continue", 1);
                self.make("jump", node.byte_range(), new);
            }
            "continue_statement" | "continue_expression" => {
                let new = self.word(node).replacen("continue", "break", 1);
                self.make("jump", node.byte_range(), new);
            }
            "range_expression" => self.replace_token(node, &[("..", &["..="]), ("..=", &[".."])], "range"),
            "await_expression" => {
                let new = self.word(node).trim_start_matches("await ").trim_end_matches(".await").to_owned();
                self.make("await", node.byte_range(), new);
            }
            _ => {}
        }
        self.statement(node);
        self.more(node);
    }

    fn replace_token(&mut self, node: Node<'_>, table: &[(&str, &[&str])], kind: &'static str) {
        for token in tokens(node).into_iter().filter(|token| !token.is_named()) {
            let word = self.word(token).to_owned();
            for (_, others) in table.iter().filter(|(from, _)| *from == word) {
                for other in *others {
                    self.make(kind, token.byte_range(), *other);
                }
            }
        }
    }

    fn binary(&mut self, node: Node<'_>) {
        self.replace_token(node, COMPARISONS, "comparison");
        self.replace_token(node, OPERATORS, "arithmetic");
        let junctions: [(&str, &[&str]); 4] =
            [("&&", &["||"]), ("||", &["&&"]), ("and", &["or"]), ("or", &["and"])];
        self.replace_token(node, &junctions, "and/or");
        let (Some(left), Some(right)) = (node.child_by_field_name("left"), node.child_by_field_name("right"))
        else {
            return;
        };
        let logical = tokens(node).iter().any(|token| matches!(token.kind(), "&&" | "||" | "and" | "or"));
        for side in [left, right] {
            let new = self.word(side).to_owned();
            if logical {
                self.make("condition dropped", node.byte_range(), new);
            } else if self.word(if side == left { right } else { left }) == "1" {
                self.make("off by one", node.byte_range(), new);
            }
        }
    }

    fn number(&mut self, node: Node<'_>) {
        if let Ok(number) = self.word(node).parse::<i64>() {
            self.make("constant +-1", node.byte_range(), (number + 1).to_string());
            if number > 0 {
                self.make("constant +-1", node.byte_range(), (number - 1).to_string());
            }
        }
    }

    fn string(&mut self, node: Node<'_>) {
        let word = self.word(node).to_owned();
        let (Some(quote), true) = (word.get(..1), word.len() > 4) else { return };
        let triple = word.starts_with("\"\"\"") || word.starts_with("'''");
        if triple || !["\"", "'", "`"].contains(&quote) {
            return;
        }
        let inner = &word[1..word.len() - 1];
        if inner.is_ascii() && !inner.contains('\\') {
            self.make("text", node.byte_range(), format!("{quote}{}{quote}", inner.to_uppercase()));
            self.make("text", node.byte_range(), format!("{quote}{} {quote}", inner));
        }
    }

    fn branch(&mut self, node: Node<'_>) {
        if let Some(condition) = node.child_by_field_name("condition") {
            let inner = if condition.kind() == "parenthesized_expression" {
                condition.named_child(0)
            } else {
                Some(condition)
            };
            if let Some(inner) = inner.filter(|inner| !inner.kind().starts_with("let")) {
                let word = self.word(inner).to_owned();
                let not = if self.language == Language::Python { "not " } else { "!" };
                let bare = word.strip_prefix(not);
                let new = match bare {
                    Some(rest) if matches!(inner.kind(), "unary_expression" | "not_operator") => {
                        rest.to_owned()
                    }
                    _ if self.language == Language::Python => format!("not ({word})"),
                    _ if inner.kind() == "binary_expression" => format!("!({word})"),
                    _ => format!("{not}{word}"),
                };
                self.make("negated", inner.byte_range(), new);
            }
        }
        let (Some(body), other) =
            (node.child_by_field_name("consequence"), node.child_by_field_name("alternative"))
        else {
            return;
        };
        if let Some(other) = other {
            let other = if other.kind() == "else_clause" { other.named_child(0) } else { Some(other) };
            if let Some(other) = other.filter(|other| !other.kind().starts_with("if")) {
                self.swapped(node, body, other, "arms swapped");
            }
            return;
        }
        let words = self.word(body).trim_matches(['{', '}', ' ', '\n', '\t', '\r']);
        let ends = ["return", "continue", "break", "throw", "panic", "raise"]
            .iter()
            .any(|jump| words.starts_with(jump));
        if ends && words.matches('\n').count() == 0 {
            self.lines("guard missing", node);
        }
    }

    fn swap(&mut self, node: Node<'_>, one: &str, two: &str, kind: &'static str) {
        if let (Some(one), Some(two)) = (node.child_by_field_name(one), node.child_by_field_name(two)) {
            self.swapped(node, one, two, kind);
        }
    }

    fn swapped(&mut self, node: Node<'_>, one: Node<'_>, two: Node<'_>, kind: &'static str) {
        if self.word(one).len() + self.word(two).len() > 400 {
            return;
        }
        let new = format!(
            "{}{}{}{}{}",
            &self.text[node.start_byte()..one.start_byte()],
            self.word(two),
            &self.text[one.end_byte()..two.start_byte()],
            self.word(one),
            &self.text[two.end_byte()..node.end_byte()]
        );
        self.make(kind, node.byte_range(), new);
    }

    fn call(&mut self, node: Node<'_>) {
        if let Some(name) = method_of(node) {
            let word = self.word(name).to_owned();
            for (one, two) in MIXED_UP {
                for (from, to) in [(one, two), (two, one)] {
                    if *from == word {
                        self.make("wrong method", name.byte_range(), *to);
                    }
                }
            }
            let at = self.methods.iter().position(|method| *method == word).unwrap_or(0);
            let next = self.methods.get((at + 1) % self.methods.len().max(1)).cloned().unwrap_or_default();
            if !next.is_empty() {
                self.make("wrong method", name.byte_range(), next);
            }
        }
        let Some(list) = node.child_by_field_name("arguments") else { return };
        let arguments = named(list);
        for two in arguments.windows(2) {
            let (one, other) = (two[0], two[1]);
            if self.word(one) != self.word(other)
                && !self.word(one).contains('\n')
                && !self.word(other).contains('\n')
            {
                let new = format!(
                    "{}{}{}",
                    self.word(other),
                    &self.text[one.end_byte()..other.start_byte()],
                    self.word(one)
                );
                self.make("arguments swapped", one.start_byte()..other.end_byte(), new);
            }
        }
        if let [.., before, last] = arguments.as_slice()
            && !self.word(*last).contains('\n')
        {
            self.make("argument missing", before.end_byte()..last.end_byte(), "");
        }
    }

    fn variable(&mut self, node: Node<'_>) {
        let word = self.word(node).to_owned();
        let declared = node.parent().is_none_or(|parent| {
            ["name", "pattern", "field", "property", "key", "label", "macro", "function"]
                .iter()
                .any(|field| parent.child_by_field_name(field) == Some(node))
                || (parent.kind() == "expression_list"
                    && parent.parent().is_some_and(|list| list.child_by_field_name("left") == Some(parent)))
                || parent.kind().contains("pattern")
                || parent.kind().contains("parameter")
        });
        let Some(at) = self.variables.iter().position(|name| *name == word).filter(|_| !declared) else {
            return;
        };
        // Two others, the neighbours in the alphabet: any would do.
        for step in [1, 2] {
            let other = self.variables[(at + step) % self.variables.len()].clone();
            if other != word {
                self.make("wrong variable", node.byte_range(), other);
            }
        }
    }

    fn returned(&mut self, node: Node<'_>) {
        let Some(value) = named(node).first().copied() else { return };
        let word = self.word(value).to_owned();
        let new = match word.as_str() {
            "true" => "false",
            "false" | "null" | "nil" | "None" => return,
            "0" => "1",
            _ if word.starts_with(['"', '\'']) => "\"\"",
            _ if word.contains('\n') => return,
            _ => match node.kind() {
                "return_expression" => "0",
                _ if self.language == Language::Python => "None",
                _ if self.language == Language::Go => "nil",
                _ => "null",
            },
        };
        self.make("return value", value.byte_range(), new);
    }

    fn statement(&mut self, node: Node<'_>) {
        let simple = matches!(
            node.kind(),
            "expression_statement"
                | "assignment_statement"
                | "inc_statement"
                | "dec_statement"
                | "break_statement"
        ) && node.parent().is_some_and(|parent| {
            matches!(
                parent.kind(),
                "block"
                    | "statement_block"
                    | "statement_list"
                    | "switch_case"
                    | "switch_block_statement_group"
            )
        });
        if simple && !self.word(node).contains('\n') {
            let jump = self.word(node).starts_with("return") || self.word(node).starts_with("if");
            if !jump {
                self.lines("statement missing", node);
            }
            if let Some(next) = node.next_named_sibling().filter(|next| next.kind() == node.kind())
                && !self.word(next).contains('\n')
            {
                let new = format!(
                    "{}{}{}",
                    self.word(next),
                    &self.text[node.end_byte()..next.start_byte()],
                    self.word(node)
                );
                if !new.contains("//") {
                    self.make("statements swapped", node.start_byte()..next.end_byte(), new);
                }
            }
        }
    }

    /// A statement goes, with its lines where it has them for itself.
    fn lines(&mut self, kind: &'static str, node: Node<'_>) {
        let start = self.text[..node.start_byte()].rfind('\n').map_or(0, |at| at + 1);
        let end =
            self.text[node.end_byte()..].find('\n').map_or(self.text.len(), |at| node.end_byte() + at + 1);
        let alone = self.text[start..node.start_byte()].trim().is_empty()
            && self.text[node.end_byte()..end].trim().is_empty();
        if alone {
            self.make(kind, start..end, "");
        }
    }
}
