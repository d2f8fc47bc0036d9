//! What the compiler of Go says.

use std::ops::Range;

use super::names::{after, is_name, leading, near, near_in};
use super::sheet::Sheet;
use crate::repair::Problem;
use crate::repair::notes::Note;
use crate::repair::python::facts::words_in;
use crate::syntax::{Splice, line_end, line_start};

/// Packages of the standard library, by the path that they are imported under.
const PACKAGES: &[&str] = &[
    "archive/tar",
    "archive/zip",
    "bufio",
    "bytes",
    "cmp",
    "compress/gzip",
    "compress/zlib",
    "container/heap",
    "container/list",
    "container/ring",
    "context",
    "crypto/hmac",
    "crypto/md5",
    "crypto/rand",
    "crypto/sha1",
    "crypto/sha256",
    "crypto/sha512",
    "database/sql",
    "embed",
    "encoding/base64",
    "encoding/binary",
    "encoding/csv",
    "encoding/gob",
    "encoding/hex",
    "encoding/json",
    "encoding/xml",
    "errors",
    "expvar",
    "flag",
    "fmt",
    "go/ast",
    "go/format",
    "go/parser",
    "go/token",
    "hash/crc32",
    "hash/fnv",
    "html",
    "html/template",
    "image",
    "io",
    "io/fs",
    "io/ioutil",
    "log",
    "maps",
    "math",
    "math/big",
    "math/bits",
    "math/cmplx",
    "math/rand",
    "mime",
    "net",
    "net/http",
    "net/mail",
    "net/url",
    "os",
    "os/exec",
    "os/signal",
    "os/user",
    "path",
    "path/filepath",
    "plugin",
    "reflect",
    "regexp",
    "runtime",
    "runtime/debug",
    "slices",
    "sort",
    "strconv",
    "strings",
    "sync",
    "sync/atomic",
    "syscall",
    "testing",
    "text/scanner",
    "text/tabwriter",
    "text/template",
    "time",
    "unicode",
    "unicode/utf16",
    "unicode/utf8",
    "unsafe",
];
/// Types that convert into one another by their name.
const BASIC: &[&str] = &[
    "int", "int8", "int16", "int32", "int64", "uint", "uint8", "uint16", "uint32", "uint64", "uintptr",
    "byte", "rune", "float32", "float64", "string", "[]byte", "[]rune",
];
const QUOTES: (char, char) = ('"', '"');

pub(super) fn answer(problem: &Problem<'_>, note: &Note<'_>, sheets: &mut [Sheet<'_>]) {
    let said = note.said;
    let sheet = &mut sheets[note.source];
    if said.contains("imported and not used") {
        unused_import(sheet, note);
    } else if let Some(name) =
        said.strip_suffix(" declared but not used").or_else(|| said.strip_prefix("declared and not used: "))
    {
        unused(sheet, note, name.trim());
    } else if let Some(name) =
        said.strip_prefix("undefined: ").or_else(|| said.strip_prefix("undeclared name: "))
    {
        undefined(problem, note, sheet, leading_path(name));
    } else if said.contains("no new variables on left side of :=") {
        replace_on(sheet, note, ":=", "=", 3.0);
    } else if said.contains(" undefined (type ") {
        selector(problem, note, sheet);
    } else if said.starts_with("cannot use ") {
        convert(sheet, note);
    } else if said.contains("mismatched types") {
        mismatched(sheet, note);
    } else if said.contains("not enough return values") {
        too_few_results(sheet, note);
    } else if said.contains("missing return") {
        missing_return(sheet, note);
    } else if said.starts_with("assignment mismatch") {
        assignment(sheet, note);
    } else if said.starts_with("package ") && said.contains("is not in ") {
        package(problem, note, sheet);
    }
}

/// `strings.ToUppr` of a message, without what follows it.
fn leading_path(name: &str) -> &str {
    name.split([' ', '(']).next().unwrap_or(name)
}

/// Replaces the text nearest to a note on its line.
fn replace_on(sheet: &mut Sheet<'_>, note: &Note<'_>, old: &str, new: &str, fit: f64) {
    let (Some(range), Some(at)) = (sheet.line(note.line), sheet.at(note.line, note.column)) else { return };
    let text = &sheet.source.text[range.clone()];
    let nearest =
        text.match_indices(old).map(|(offset, _)| range.start + offset).min_by_key(|n| n.abs_diff(at));
    if let Some(start) = nearest {
        sheet.put(start..start + old.len(), new, fit);
    }
}

/// `return top` where `(int, error)` is wanted: what is missing has no value, or had none on another such line.
fn too_few_results(sheet: &mut Sheet<'_>, note: &Note<'_>) {
    let types = |word: &str| {
        let at = note.rest.find(word)? + word.len();
        let list = note.rest[at..].trim_start().strip_prefix('(')?.split(')').next()?;
        Some(
            list.split(',')
                .map(|one| one.trim().to_owned())
                .filter(|one| !one.is_empty())
                .collect::<Vec<_>>(),
        )
    };
    let (Some(have), Some(want)) = (types("have "), types("want ")) else { return };
    let Some(missing) = want.get(have.len()..).filter(|missing| !missing.is_empty()) else { return };
    let Some(range) = sheet.line(note.line) else { return };
    let line = &sheet.source.text[range.clone()];
    let code = line.split("//").next().unwrap_or(line).trim_end();
    if !code.trim_start().starts_with("return") {
        return;
    }
    let zeros: Vec<String> = missing.iter().map(|one| zero_of(one)).collect();
    let sign = if have.is_empty() { " " } else { ", " };
    let at = range.start + code.len();
    sheet.put(at..at, format!("{sign}{}", zeros.join(", ")), 2.5);
}

/// The value of a variable of this type that nobody gave one.
fn zero_of(kind: &str) -> String {
    match kind {
        "bool" => "false".to_owned(),
        "string" => "\"\"".to_owned(),
        "error" | "any" => "nil".to_owned(),
        _ if ["*", "[]", "map[", "chan ", "func(", "interface"]
            .iter()
            .any(|start| kind.starts_with(start)) =>
        {
            "nil".to_owned()
        }
        _ if ["int", "uint", "float", "complex", "byte", "rune"]
            .iter()
            .any(|start| kind.starts_with(start)) =>
        {
            "0".to_owned()
        }
        other => format!("{other}{{}}"),
    }
}

fn unused_import(sheet: &mut Sheet<'_>, note: &Note<'_>) {
    let (Some(range), Some(path)) = (sheet.line(note.line), after(note.said, "", QUOTES)) else { return };
    let quoted = format!("\"{path}\"");
    let code = sheet.source.text[range.clone()].trim();
    let alone = code.ends_with(&quoted) && !code.contains('(') && code.matches('"').count() == 2;
    if alone {
        sheet.remove_line(range.start, 3.0);
    } else if let Some(at) = sheet.source.text[range.clone()].find(&quoted) {
        let start = range.start + at;
        let rest = &sheet.source.text[start + quoted.len()..range.end];
        let extra = rest.len() - rest.trim_start_matches([';', ' ']).len();
        sheet.put(start..start + quoted.len() + extra, "", 2.5);
    }
}

/// A variable that nothing reads: the assignment was meant for another one, or is not needed.
fn unused(sheet: &mut Sheet<'_>, note: &Note<'_>, name: &str) {
    let (Some(range), Some(at)) = (sheet.line(note.line), sheet.at(note.line, note.column)) else { return };
    let text = sheet.source.text.as_str();
    let before = &text[..range.start];
    if words_in(before, name).next().is_some() {
        replace_on(sheet, note, ":=", "=", 1.6);
    }
    let line = &text[range.clone()];
    let targets = line.split(":=").next().unwrap_or_default();
    let others = targets.split(',').count() > 1;
    if text[at..].starts_with(name) {
        let single = vec![Splice { range: at..at + name.len(), new: "_".to_owned() }];
        let mut whole = single.clone();
        if let Some(sign) = line.find(":=").filter(|_| !others) {
            whole.push(Splice { range: range.start + sign..range.start + sign + 2, new: "=".to_owned() });
        }
        sheet.put_all(if others { single } else { whole }, if others { 2.0 } else { 1.4 });
    }
    if !others {
        sheet.remove_line(range.start, 1.8);
    }
    // What was meant to read it reads something that is spelt alike.
    let block = &text[range.end..];
    let end = block.find("\n}").map_or(text.len(), |end| range.end + end);
    for (other, alike) in near(name, super::names::words_of(&text[range.end..end]).into_keys()) {
        for word in words_in(&text[range.end..end], &other).take(3) {
            sheet.put(range.end + word.start..range.end + word.end, name, 1.3 * alike);
        }
    }
}

fn undefined(problem: &Problem<'_>, note: &Note<'_>, sheet: &mut Sheet<'_>, name: &str) {
    let (head, member) = name.split_once('.').unwrap_or(("", name));
    if head.is_empty() {
        for path in PACKAGES.iter().filter(|path| path.rsplit('/').next() == Some(name)) {
            import(sheet, path);
        }
        for path in own_packages(problem, name) {
            import(sheet, &path);
        }
        declare(sheet, note, name);
        let packages = PACKAGES.iter().filter_map(|path| path.rsplit('/').next());
        let used = sheet.source.text.clone();
        let close = near(name, packages.filter(|package| used.contains(&format!("{package}\""))));
        for (other, alike) in near_in(name, &sheet.source.text, problem.sources).into_iter().chain(close) {
            for range in sheet.words_on(note.line, note.column, name).into_iter().take(1) {
                sheet.put(range, other.clone(), 1.5 * alike);
            }
        }
        return;
    }
    // What the project itself uses of the package.
    let mut known: Vec<String> = members(head).map(str::to_owned).collect();
    let sign = format!("{head}.");
    for source in problem.sources.iter().chain(problem.others) {
        let used =
            source.text.match_indices(&sign).map(|(at, sign)| leading(&source.text[at + sign.len()..]));
        known.extend(used.filter(|used| *used != member).map(str::to_owned));
    }
    for (other, alike) in near(member, known.iter().map(String::as_str)) {
        for range in sheet.words_on(note.line, note.column, member).into_iter().take(1) {
            sheet.put(range, other.clone(), 2.0 * alike);
        }
    }
}

/// What is used most of some packages.
const MEMBERS: &[(&str, &str)] = &[
    (
        "strings",
        "Builder Compare Contains ContainsAny ContainsRune Count EqualFold Fields FieldsFunc HasPrefix \
         HasSuffix Index IndexByte IndexRune Join LastIndex Map NewReader NewReplacer Repeat Replace \
         ReplaceAll Split SplitN Title ToLower ToTitle ToUpper Trim TrimFunc TrimLeft TrimPrefix TrimRight \
         TrimSpace TrimSuffix",
    ),
    (
        "strconv",
        "Atoi FormatBool FormatFloat FormatInt Itoa ParseBool ParseFloat ParseInt ParseUint Quote Unquote",
    ),
    ("fmt", "Errorf Fprint Fprintf Fprintln Print Printf Println Sprint Sprintf Sprintln Sscanf Stringer"),
    ("errors", "As Is New Unwrap"),
    ("math", "Abs Ceil Floor Inf IsNaN Log Max MaxInt MaxInt64 Min MinInt Mod NaN Pi Pow Round Sqrt Trunc"),
    ("os", "Args Create Exit Getenv MkdirAll Open ReadFile Remove Stderr Stdin Stdout WriteFile"),
    ("time", "Date Duration Hour Millisecond Minute Now Parse Second Since Sleep Time Unix"),
    ("utf8", "DecodeRuneInString RuneCountInString RuneError RuneLen ValidString"),
];

fn members(package: &str) -> impl Iterator<Item = &'static str> {
    let known = MEMBERS.iter().filter(move |(known, _)| *known == package);
    known.flat_map(|(_, members)| members.split_whitespace())
}

/// Import paths of the project's own packages of this name, by the imports that its files have already.
fn own_packages(problem: &Problem<'_>, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    for source in problem.sources.iter().chain(problem.others) {
        for piece in source.text.split('"').skip(1).step_by(2) {
            let fits =
                piece.rsplit('/').next() == Some(name) && piece.contains('/') && !piece.contains([' ', '\n']);
            if fits && !PACKAGES.contains(&piece) && !found.contains(&piece.to_owned()) {
                found.push(piece.to_owned());
            }
        }
    }
    found.truncate(4);
    found
}

/// An import, in its place among those that there are.
fn import(sheet: &mut Sheet<'_>, path: &str) {
    let text = sheet.source.text.as_str();
    let eol = sheet.eol();
    let line = format!("\"{path}\"");
    if text.contains(&line) {
        return;
    }
    if let Some(open) = text.find("\nimport (").map(|at| at + 1) {
        let first = line_end(text, open);
        let close = text[first..].find(')').map_or(first, |at| first + at);
        // In order, as the formatter keeps them.
        let mut at = first;
        for piece in text[first..close].split_inclusive('\n') {
            let known = after(piece, "", QUOTES);
            if known.is_none_or(|known| known > path) {
                break;
            }
            at += piece.len();
        }
        sheet.put(at..at, format!("\t{line}{eol}"), 3.0);
    } else if let Some(at) = text.find("\nimport ").map(|at| at + 1) {
        let end = line_end(text, at);
        let single = after(&text[at..end], "import", QUOTES).map(str::to_owned);
        match single {
            Some(other) => {
                let mut both = [format!("\"{other}\""), line];
                both.sort();
                let block = format!("import ({eol}\t{}{eol}\t{}{eol}){eol}", both[0], both[1]);
                sheet.put(at..end, block, 3.0);
            }
            None => sheet.put(at..at, format!("import {line}{eol}"), 3.0),
        }
    } else if let Some(package) = package_clause(text) {
        sheet.put(package..package, format!("{eol}import {line}{eol}"), 3.0);
    }
}

/// The end of the line `package x`.
fn package_clause(text: &str) -> Option<usize> {
    let at = if text.starts_with("package ") { 0 } else { text.find("\npackage ")? + 1 };
    Some(line_end(text, at))
}

/// `x = 1` where `x := 1` was meant.
fn declare(sheet: &mut Sheet<'_>, note: &Note<'_>, name: &str) {
    let Some(range) = sheet.line(note.line) else { return };
    let code = &sheet.source.text[range.clone()];
    let Some((targets, _)) =
        code.split_once('=').filter(|(targets, _)| !targets.ends_with([':', '!', '<', '>']))
    else {
        return;
    };
    if targets.split(',').any(|target| target.trim() == name) {
        let at = range.start + targets.len();
        sheet.put(at..at + 1, ":=", 2.6);
    }
}

/// `t.name undefined (type T has no field or method name, but does have Name)`
fn selector(problem: &Problem<'_>, note: &Note<'_>, sheet: &mut Sheet<'_>) {
    let said = note.said;
    let Some(path) = said.split(" undefined").next() else { return };
    let name = path.rsplit('.').next().unwrap_or_default();
    if !is_name(name) {
        return;
    }
    let mut near: Vec<(String, f64)> = Vec::new();
    for sign in ["does have field ", "does have method ", "does have "] {
        if let Some(at) = said.find(sign) {
            let other = leading(&said[at + sign.len()..]);
            if is_name(other) {
                near.push((other.to_owned(), 2.0));
                break;
            }
        }
    }
    near.extend(near_in(name, &sheet.source.text, problem.sources));
    for (other, alike) in near {
        for range in sheet.words_on(note.line, note.column, name).into_iter().take(1) {
            sheet.put(range, other.clone(), 1.5 * alike);
        }
    }
}

/// `cannot use a (variable of type int64) as type int in argument`
fn convert(sheet: &mut Sheet<'_>, note: &Note<'_>) {
    let rest = note.said.trim_start_matches("cannot use ");
    let Some((value, about)) = rest.split_once(" (") else { return };
    let Some((_, wanted)) = about.split_once(") as ") else { return };
    let wanted = wanted.trim_start_matches("type ");
    let wanted =
        wanted.split(" value").next().unwrap_or(wanted).split(" in ").next().unwrap_or_default().trim();
    let Some(at) = sheet.at(note.line, note.column).filter(|at| sheet.source.text[*at..].starts_with(value))
    else {
        return;
    };
    let range = at..at + value.len();
    if BASIC.contains(&wanted) {
        sheet.put(range.clone(), format!("{wanted}({value})"), 2.4);
    }
    if wanted == "string" && about.contains(" int") {
        sheet.put(range.clone(), format!("strconv.Itoa({value})"), 1.8);
    }
    if wanted == "error" {
        sheet.put(range.clone(), format!("errors.New({value})"), 1.8);
    }
    if let Some(pointed) = wanted.strip_prefix('*')
        && about.contains(pointed)
    {
        sheet.put(range.clone(), format!("&{value}"), 2.2);
    }
    if about.contains(&format!("*{wanted}")) {
        sheet.put(range, format!("*{value}"), 2.2);
    }
}

/// `invalid operation: a + b (mismatched types int64 and int)`
fn mismatched(sheet: &mut Sheet<'_>, note: &Note<'_>) {
    let Some((operation, types)) = note.said.split_once(" (mismatched types ") else { return };
    let operation = operation.trim_start_matches("invalid operation: ");
    let Some((one, two)) = types.trim_end_matches(')').split_once(" and ") else { return };
    let Some(line) = sheet.line(note.line) else { return };
    let Some(start) = sheet.source.text[line.clone()].find(operation).map(|at| line.start + at) else {
        return;
    };
    for sign in
        [" + ", " - ", " * ", " / ", " % ", " == ", " != ", " < ", " > ", " <= ", " >= ", " & ", " | "]
    {
        let Some(at) = operation.find(sign) else { continue };
        let (left, right) = (&operation[..at], &operation[at + sign.len()..]);
        let left_range = start..start + left.len();
        let right_range = start + at + sign.len()..start + operation.len();
        if BASIC.contains(&one) {
            sheet.put(right_range, format!("{one}({right})"), 2.2);
        }
        if BASIC.contains(&two) {
            sheet.put(left_range, format!("{two}({left})"), 2.2);
        }
    }
}

/// A function that ends without returning: what it has computed, or nothing.
fn missing_return(sheet: &mut Sheet<'_>, note: &Note<'_>) {
    let Some(range) = sheet.line(note.line) else { return };
    let text = sheet.source.text.as_str();
    let Some(head) =
        text[..range.start].rfind("\nfunc ").map(|at| at + 1).or(text.starts_with("func ").then_some(0))
    else {
        return;
    };
    let signature = &text[head..line_end(text, head)];
    let body = &text[line_end(text, head)..range.start];
    let result =
        signature.rsplit_once(')').map_or("", |(_, result)| result).trim().trim_end_matches('{').trim();
    let indent = &text[range.start..range.start + (range.len() - text[range.clone()].trim_start().len())];
    let inner = format!("{indent}\t");
    let mut values: Vec<(String, f64)> = Vec::new();
    for line in body.lines().rev() {
        if let Some((targets, _)) = line.split_once(":=").or_else(|| line.split_once('=')) {
            let name = leading(targets.trim());
            if is_name(name) && !values.iter().any(|(known, _)| known == name) {
                values.push((name.to_owned(), 1.6));
            }
        }
    }
    values.truncate(4);
    for parameter in
        signature.split(['(', ',', ')']).filter_map(|part| part.split_whitespace().next()).skip(1)
    {
        if is_name(parameter) && !values.iter().any(|(known, _)| known == parameter) {
            values.push((parameter.to_owned(), 1.0));
        }
    }
    values.truncate(8);
    values.extend(zero(result).iter().map(|value| ((*value).to_owned(), 1.2)));
    for (value, fit) in values {
        sheet.put_line(range.start, &format!("{inner}return {value}"), fit);
    }
}

/// Values that a result begins with.
fn zero(result: &str) -> &'static [&'static str] {
    match result {
        "bool" => &["false", "true"],
        "string" => &["\"\""],
        "error" => &["nil"],
        _ if result.starts_with(['*', '[']) || result.starts_with("map[") => &["nil"],
        _ if BASIC.contains(&result) => &["0", "1", "-1"],
        _ => &["nil"],
    }
}

/// `assignment mismatch: 1 variable but f returns 2 values`
fn assignment(sheet: &mut Sheet<'_>, note: &Note<'_>) {
    let counts: Vec<usize> =
        note.said.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect();
    let (Some(range), [have, want]) = (sheet.line(note.line), counts.as_slice()) else { return };
    let text = sheet.source.text.as_str();
    let Some(at) = text[range.clone()].find(":=").or_else(|| text[range.clone()].find('=')) else { return };
    let targets = text[range.start..range.start + at].trim_end();
    let end = range.start + targets.len();
    if have < want && want - have < 4 {
        sheet.put(end..end, ", _".repeat(want - have), 2.2);
        let start = range.start + (targets.len() - targets.trim_start().len());
        sheet.put(start..start, "_, ".repeat(want - have), 1.2);
    } else if have > want
        && let Some(comma) = targets.match_indices(',').nth(want - 1).map(|(at, _)| range.start + at)
    {
        sheet.put(comma..end, "", 2.0);
    }
}

/// `package string is not in GOROOT`
fn package(problem: &Problem<'_>, note: &Note<'_>, sheet: &mut Sheet<'_>) {
    let Some(path) = note.said.split(' ').nth(1) else { return };
    let quoted = format!("\"{path}\"");
    let Some(at) = sheet.source.text.find(&quoted) else { return };
    let range: Range<usize> = at + 1..at + 1 + path.len();
    let mut own: Vec<String> = Vec::new();
    for source in problem.sources {
        let Some((folder, _)) = source.path.rsplit_once('/') else { continue };
        // The module's name is what stands before a folder of its own in the imports.
        let root = path.split('/').next().unwrap_or_default();
        own.push(format!("{root}/{folder}"));
    }
    let known = PACKAGES.iter().copied().chain(own.iter().map(String::as_str));
    for (other, alike) in near(path, known) {
        sheet.put(range.clone(), other, 2.5 * alike);
    }
    let start = line_start(&sheet.source.text, at);
    sheet.remove_line(start, 0.8);
}
