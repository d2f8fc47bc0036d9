//! What javac says.

use std::ops::Range;

use super::names::{after, is_name, leading, near, near_in, words_of};
use super::sheet::Sheet;
use crate::repair::Problem;
use crate::repair::notes::Note;
use crate::syntax::{Splice, line_end, line_start};

/// Packages of the JDK with the types of theirs that are imported most.
const PACKAGES: &[(&str, &str)] = &[
    (
        "java.util",
        "ArrayDeque ArrayList Arrays BitSet Calendar Collection Collections Comparator Currency Date Deque EnumMap EnumSet \
         HashMap HashSet Iterator LinkedHashMap LinkedHashSet LinkedList List ListIterator Locale Map NavigableMap \
         NavigableSet NoSuchElementException Objects Optional OptionalDouble OptionalInt PriorityQueue Properties Queue \
         Random Scanner Set SortedMap SortedSet Stack StringJoiner StringTokenizer TreeMap TreeSet UUID Vector \
         ConcurrentModificationException InputMismatchException Base64 Timer",
    ),
    (
        "java.util.function",
        "BiConsumer BiFunction BiPredicate BinaryOperator Consumer Function IntFunction IntPredicate IntUnaryOperator \
         Predicate Supplier ToDoubleFunction ToIntFunction ToLongFunction UnaryOperator IntBinaryOperator",
    ),
    ("java.util.stream", "Collector Collectors DoubleStream IntStream LongStream Stream StreamSupport"),
    ("java.util.regex", "Matcher Pattern PatternSyntaxException"),
    (
        "java.util.concurrent",
        "BlockingQueue Callable CompletableFuture ConcurrentHashMap ConcurrentMap CountDownLatch ExecutionException \
         Executor ExecutorService Executors Future LinkedBlockingQueue ThreadLocalRandom TimeUnit TimeoutException \
         ConcurrentLinkedQueue CopyOnWriteArrayList",
    ),
    ("java.util.concurrent.atomic", "AtomicBoolean AtomicInteger AtomicLong AtomicReference"),
    ("java.util.concurrent.locks", "Lock ReadWriteLock ReentrantLock ReentrantReadWriteLock"),
    (
        "java.io",
        "BufferedReader BufferedWriter ByteArrayInputStream ByteArrayOutputStream Closeable EOFException File \
         FileInputStream FileNotFoundException FileOutputStream FileReader FileWriter IOException InputStream \
         InputStreamReader ObjectInputStream ObjectOutputStream OutputStream OutputStreamWriter PrintStream PrintWriter \
         Reader Serializable StringReader StringWriter UncheckedIOException Writer",
    ),
    ("java.nio.file", "FileSystems Files NoSuchFileException Path Paths StandardOpenOption"),
    ("java.nio.charset", "Charset StandardCharsets"),
    ("java.nio", "ByteBuffer CharBuffer ByteOrder"),
    ("java.math", "BigDecimal BigInteger MathContext RoundingMode"),
    (
        "java.time",
        "Clock DayOfWeek Duration Instant LocalDate LocalDateTime LocalTime Month Period ZoneId ZonedDateTime ZoneOffset",
    ),
    ("java.time.format", "DateTimeFormatter DateTimeParseException"),
    ("java.time.temporal", "ChronoUnit"),
    ("java.text", "DateFormat DecimalFormat MessageFormat NumberFormat ParseException SimpleDateFormat"),
    (
        "java.net",
        "HttpURLConnection InetAddress MalformedURLException Socket URI URISyntaxException URL URLDecoder URLEncoder",
    ),
    ("java.lang.reflect", "Array Constructor Field InvocationTargetException Method Modifier Type"),
    ("java.security", "MessageDigest NoSuchAlgorithmException SecureRandom"),
];
/// Types that need no import, and methods that every project uses.
const KNOWN: &str = "String StringBuilder Integer Long Double Float Boolean Character Object Math System Thread Runnable \
    Iterable Comparable Exception RuntimeException IllegalArgumentException IllegalStateException \
    UnsupportedOperationException IndexOutOfBoundsException NullPointerException ArithmeticException NumberFormatException \
    CharSequence Override Number Byte Short Void Class Enum Record InterruptedException CloneNotSupportedException \
    length size isEmpty add remove get put contains containsKey containsValue charAt substring indexOf lastIndexOf equals \
    equalsIgnoreCase hashCode toString compareTo compare append insert reverse split trim strip toLowerCase toUpperCase \
    startsWith endsWith replace replaceAll matches join format valueOf parseInt parseDouble parseLong keySet values \
    entrySet getKey getValue getOrDefault putIfAbsent computeIfAbsent addAll removeAll clear iterator hasNext next stream \
    collect map filter reduce forEach sort sorted toList toArray asList copyOf copyOfRange fill max min abs pow sqrt floor \
    ceil round println print printf push pop peek poll offer first last isDigit isLetter isWhitespace chars getClass name \
    ordinal run call close read write";
/// Keywords that a misspelt one may have been taken for a name.
const KEYWORDS: &[&str] = &[
    "return", "while", "for", "if", "throw", "super", "this", "switch", "catch", "assert", "break",
    "continue",
];
const NUMBERS: &[&str] = &["byte", "short", "char", "int", "long", "float", "double"];

pub(super) fn answer(problem: &Problem<'_>, note: &Note<'_>, sheets: &mut [Sheet<'_>]) {
    let said = note.said;
    if said.starts_with("cannot find symbol") {
        return symbol(problem, note, sheets);
    }
    let sheet = &mut sheets[note.source];
    if said.starts_with("package ") && said.ends_with(" does not exist") {
        package(problem, note, sheet);
    } else if let Some(thrown) = said.strip_prefix("unreported exception ") {
        unreported(sheet, note, leading(thrown));
    } else if let Some(types) = said.strip_prefix("incompatible types: ") {
        types_of(sheet, note, types);
    } else if said.starts_with("missing return statement") {
        missing_return(sheet, note);
    } else if said.contains(" is already defined in ") {
        twice(sheet, note);
    } else if said.contains("might not have been initialized") {
        uninitialised(sheet, note);
    } else if said.starts_with("cannot assign a value to final variable ") {
        not_final(sheet, said.rsplit(' ').next().unwrap_or_default());
    } else if said.contains("cannot be referenced from a static context") {
        not_static(sheet, note);
    } else if said.contains("does not override abstract method ")
        || said.contains("does not override or implement a method")
    {
        overrides(problem, note, sheet);
    } else if said.contains("unreachable statement")
        && let Some(at) = sheet.at(note.line, 0)
    {
        sheet.remove_line(at, 1.6);
    }
}

/// `symbol:   variable x` and the like in the lines below a note.
fn asked(note: &Note<'_>) -> Option<(String, String)> {
    let line = note
        .rest
        .lines()
        .find_map(|line| line.split_once("symbol:").map(|(_, rest)| rest.trim().to_owned()))?;
    let (kind, name) = line.split_once(' ')?;
    Some((kind.trim().to_owned(), leading(name.trim()).to_owned()))
}

fn symbol(problem: &Problem<'_>, note: &Note<'_>, sheets: &mut [Sheet<'_>]) {
    let Some((kind, name)) = asked(note).filter(|(_, name)| is_name(name)) else { return };
    let capital = name.starts_with(|c: char| c.is_uppercase());
    let sheet = &mut sheets[note.source];
    if kind == "class" || (kind == "variable" && capital) {
        for package in packages_of(problem, &name) {
            import(sheet, &format!("{package}.{name}"));
        }
    }
    let keywords = if kind == "class" { &[][..] } else { KEYWORDS };
    let mut close = near(&name, keywords.iter().copied());
    close.extend(near_in(&name, &sheet.source.text, problem.sources));
    let types: Vec<&str> = PACKAGES.iter().flat_map(|(_, types)| types.split_whitespace()).collect();
    let known = KNOWN.split_whitespace().chain(types.iter().copied().filter(|_| kind == "class" || capital));
    close.extend(near(&name, known));
    // Methods begin with small letters, types with capital ones.
    close.retain(|(other, _)| kind != "method" || !other.starts_with(|c: char| c.is_uppercase()));
    for range in sheet.words_on(note.line, note.column, &name).into_iter().take(1) {
        for (other, alike) in &close {
            sheet.put(range.clone(), other.clone(), 1.6 * alike);
        }
        if kind == "variable" {
            declare(sheet, &range, note);
        }
    }
    // The same name everywhere: a type that was renamed.
    if kind == "class" {
        for (other, alike) in close.iter().take(3) {
            let text = &sheet.source.text;
            let all = crate::repair::python::facts::words_in(text, &name);
            let splices: Vec<Splice> = all.map(|range| Splice { range, new: other.clone() }).collect();
            if splices.len() > 1 {
                sheet.put_all(splices, 1.5 * alike);
            }
        }
    }
}

/// `x = 1;` without the type of `x`.
fn declare(sheet: &mut Sheet<'_>, range: &Range<usize>, note: &Note<'_>) {
    let Some(line) = sheet.line(note.line) else { return };
    let text = &sheet.source.text;
    let starts = text[line.start..range.start].trim().is_empty();
    let rest = text[range.end..line.end].trim_start();
    if starts && rest.starts_with('=') && !rest.starts_with("==") {
        for (kind, fit) in [("int", 1.4), ("String", 1.2), ("double", 1.0), ("boolean", 1.0), ("var", 0.9)] {
            sheet.put(range.start..range.start, format!("{kind} "), fit);
        }
    }
}

/// Packages that have a type of this name: of the JDK, and of the project.
fn packages_of(problem: &Problem<'_>, name: &str) -> Vec<String> {
    let known = PACKAGES.iter().filter(|(_, types)| types.split_whitespace().any(|own| own == name));
    let mut found: Vec<String> = known.map(|(package, _)| (*package).to_owned()).collect();
    for source in problem.sources.iter().chain(problem.others) {
        let stem = source.path.rsplit('/').next().and_then(|file| file.strip_suffix(".java"));
        if stem == Some(name) {
            found.extend(package_of(&source.text).map(str::to_owned));
        }
    }
    // Where others import it from.
    for source in problem.sources.iter().chain(problem.others) {
        let imports =
            source.text.lines().filter_map(|line| line.trim().strip_prefix("import ")?.strip_suffix(';'));
        for (package, _) in imports.filter_map(|path| path.rsplit_once('.')).filter(|(_, own)| *own == name) {
            if !found.iter().any(|known| known == package) && !package.contains(' ') {
                found.push(package.to_owned());
            }
        }
    }
    found
}

fn package_of(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.trim().strip_prefix("package ")?.strip_suffix(';')).map(str::trim)
}

/// An import behind those that there are, or below the package.
fn import(sheet: &mut Sheet<'_>, path: &str) {
    let text = sheet.source.text.as_str();
    let line = format!("import {path};");
    if text.contains(&line) {
        return;
    }
    let mut last = None;
    let mut package = None;
    let mut before = None;
    let mut at = 0;
    for piece in text.split_inclusive('\n') {
        let code = piece.trim();
        if code.starts_with("import ") && !code.starts_with("import static ") {
            last = Some(at + piece.len());
            if code > line.as_str() && before.is_none() {
                before = Some(at);
            }
        } else if code.starts_with("package ") {
            package = Some(at + piece.len());
        } else if code.contains("class ") || code.contains("interface ") || code.contains("enum ") {
            break;
        }
        at += piece.len();
    }
    let eol = sheet.eol();
    let (place, new) = match (before.or(last), package) {
        (Some(place), _) => (place, format!("{line}{eol}")),
        (None, Some(place)) => (place, format!("{eol}{line}{eol}")),
        (None, None) => (0, format!("{line}{eol}{eol}")),
    };
    sheet.put(place..place, new, 3.0);
}

/// `package java.utl does not exist`
fn package(problem: &Problem<'_>, note: &Note<'_>, sheet: &mut Sheet<'_>) {
    let Some(name) = note.said.split(' ').nth(1) else { return };
    let Some(line) = sheet.line(note.line) else { return };
    let text = sheet.source.text.as_str();
    let Some(at) = text[line.clone()].find(name).map(|at| line.start + at) else { return };
    let range = at..at + name.len();
    let own: Vec<&str> = problem.sources.iter().filter_map(|source| package_of(&source.text)).collect();
    let imported = text[line.clone()].trim().trim_end_matches(';').rsplit('.').next().unwrap_or_default();
    for (package, types) in PACKAGES {
        if types.split_whitespace().any(|own| own == imported) {
            sheet.put(range.clone(), *package, 2.6);
        }
    }
    for (other, alike) in near(name, PACKAGES.iter().map(|(package, _)| *package).chain(own)) {
        sheet.put(range.clone(), other, 2.0 * alike);
    }
    if text[line.clone()].trim_start().starts_with("import ") {
        sheet.remove_line(line.start, 1.0);
    }
}

/// The head of the method around byte `at`: where its line begins, and where its `{` is.
fn method(text: &str, at: usize) -> Option<(usize, usize)> {
    let mut end = line_start(text, at);
    loop {
        let start = if end == 0 { return None } else { line_start(text, end - 1) };
        let line = &text[start..line_end(text, start)];
        let code = line.trim_end();
        let words = code.trim_start().split([' ', '(']).next().unwrap_or_default();
        let head = code.ends_with('{') && code.contains('(') && code.contains(')');
        let statement = matches!(
            words,
            "if" | "for"
                | "while"
                | "switch"
                | "try"
                | "catch"
                | "}"
                | "else"
                | "synchronized"
                | "do"
                | "return"
                | "new"
        );
        if head && !statement && !code.contains(" -> ") && !code.contains("= ") {
            return Some((start, start + code.len() - 1));
        }
        end = start;
    }
}

/// `unreported exception X; must be caught or declared to be thrown`
fn unreported(sheet: &mut Sheet<'_>, note: &Note<'_>, thrown: &str) {
    let Some(line) = sheet.line(note.line) else { return };
    let text = sheet.source.text.as_str();
    let here = method(text, line_end(text, line.start)).or_else(|| method(text, line.start));
    if let Some((start, brace)) = here {
        let head = text[start..brace].trim_end();
        let end = start + head.len();
        let new = if head.contains(" throws ") { format!(", {thrown}") } else { format!(" throws {thrown}") };
        sheet.put(end..end, new, 2.6);
    }
    let code = text[line.clone()].trim();
    if code.ends_with(';') {
        let indent = &text[line.start..line.start + (line.len() - text[line.clone()].trim_start().len())];
        let eol = sheet.eol();
        let caught = format!(
            "{indent}try {{{eol}{indent}    {code}{eol}{indent}}} catch ({thrown} e) {{{eol}{indent}    throw new \
             RuntimeException(e);{eol}{indent}}}"
        );
        sheet.put(line, caught, 1.2);
    }
}

/// The value on a line that a note is about: what is assigned or returned, or the argument under its caret.
fn value(sheet: &Sheet<'_>, note: &Note<'_>) -> Option<Range<usize>> {
    let line = sheet.line(note.line)?;
    let at = sheet.at(note.line, note.column)?.clamp(line.start, line.end);
    let text = sheet.source.text.as_str();
    let before = &text[line.start..at];
    let assigned = before.rfind("= ").map(|n| n + 2).into_iter();
    let returned = before.rfind("return ").map(|n| n + 7);
    let start = line.start + assigned.chain(returned).max().unwrap_or(before.len());
    let end = text[at..line.end].find(';').map_or(line.end, |n| at + n);
    (start < end).then_some(start..end)
}

fn types_of(sheet: &mut Sheet<'_>, note: &Note<'_>, types: &str) {
    let Some(range) = value(sheet, note) else { return };
    let old = sheet.source.text[range.clone()].to_owned();
    let simple = old.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.'));
    if let Some(types) = types.strip_prefix("possible lossy conversion from ") {
        let Some((from, to)) = types.split_once(" to ") else { return };
        let to = leading(to);
        let cast = if simple { format!("({to}) {old}") } else { format!("({to}) ({old})") };
        sheet.put(range.clone(), cast, 2.4);
        declared(sheet, note, to, leading(from));
        return;
    }
    let Some((from, to)) = types.split_once(" cannot be converted to ") else { return };
    let (from, to) = (from.trim(), to.trim());
    match (from, to) {
        (_, "String") => sheet.put(range.clone(), format!("String.valueOf({old})"), 2.2),
        ("String", "int") => sheet.put(range.clone(), format!("Integer.parseInt({old})"), 2.0),
        ("String", "double") => sheet.put(range.clone(), format!("Double.parseDouble({old})"), 2.0),
        ("String", "char") if old.len() == 3 && old.starts_with('"') => {
            sheet.put(range.clone(), old.replace('"', "'"), 2.4);
        }
        ("int", "boolean") => sheet.put(range.clone(), format!("{old} != 0"), 1.2),
        ("Object", to) if is_name(to) => sheet.put(range.clone(), format!("({to}) {old}"), 2.2),
        _ => {}
    }
    if is_name(leading(from)) {
        declared(sheet, note, to, from);
    }
}

/// The type that a declaration on this line names becomes that of its value.
fn declared(sheet: &mut Sheet<'_>, note: &Note<'_>, old: &str, new: &str) {
    let known = NUMBERS.contains(&new) || new.starts_with(|c: char| c.is_uppercase()) || new == "boolean";
    let Some(line) = sheet.line(note.line).filter(|_| known) else { return };
    let code = &sheet.source.text[line.clone()];
    let start = line.start + (code.len() - code.trim_start().len());
    if sheet.source.text[start..line.end].starts_with(&format!("{old} ")) {
        sheet.put(start..start + old.len(), new, 1.4);
    }
}

fn missing_return(sheet: &mut Sheet<'_>, note: &Note<'_>) {
    let Some(line) = sheet.line(note.line) else { return };
    let text = sheet.source.text.as_str();
    let at = sheet.at(note.line, note.column).unwrap_or(line.end);
    let Some((start, brace)) = method(text, line_end(text, line.start)).or_else(|| method(text, line.start))
    else {
        return;
    };
    let head = &text[start..brace];
    let result =
        head.split('(').next().unwrap_or_default().split_whitespace().rev().nth(1).unwrap_or_default();
    let zero: &[&str] = match result {
        "boolean" => &["false", "true"],
        _ if NUMBERS.contains(&result) => &["0", "1", "-1"],
        "String" => &["\"\"", "null"],
        _ => &["null"],
    };
    let mut values: Vec<(String, f64)> = Vec::new();
    for body in text[brace..at].lines().rev() {
        let Some((targets, _)) = body.split_once(" = ") else { continue };
        let name = targets.split_whitespace().last().unwrap_or_default();
        if is_name(name) && !values.iter().any(|(known, _)| known == name) {
            values.push((name.to_owned(), 1.6));
        }
    }
    values.truncate(4);
    values.extend(zero.iter().map(|value| ((*value).to_owned(), 1.2)));
    // The last expression of the body may have been meant.
    let indent = &text[line.start..line.start + (line.len() - text[line.clone()].trim_start().len())];
    let alone = text[line.clone()].trim() == "}";
    for (value, fit) in values {
        if alone {
            let inner = format!("{indent}    return {value};");
            sheet.put_line(line.start, &inner, fit);
        } else {
            sheet.put(at..at, format!("return {value}; "), fit);
        }
    }
}

/// `variable x is already defined`: the second one assigns.
fn twice(sheet: &mut Sheet<'_>, note: &Note<'_>) {
    let Some(name) = note.said.strip_prefix("variable ").map(leading) else { return };
    let Some(range) = sheet.words_on(note.line, note.column, name).into_iter().next() else { return };
    let text = sheet.source.text.as_str();
    let before = text[..range.start].trim_end();
    let start = before.rfind(|c: char| !(c.is_alphanumeric() || "_.<>[]".contains(c))).map_or(0, |at| at + 1);
    if start < before.len() {
        sheet.put(start..range.start, "", 2.2);
    }
}

/// `variable x might not have been initialized`
fn uninitialised(sheet: &mut Sheet<'_>, note: &Note<'_>) {
    let Some(name) = note.said.strip_prefix("variable ").map(leading) else { return };
    let text = sheet.source.text.as_str();
    let declaration = format!(" {name};");
    let Some(upto) = sheet.line(note.line).map(|line| line.end) else { return };
    let Some(at) = text[..upto].rfind(&declaration) else { return };
    let kind = text[..at].split_whitespace().last().unwrap_or_default();
    let values: &[&str] = match kind {
        "boolean" => &["false", "true"],
        "String" => &["\"\"", "null"],
        _ if NUMBERS.contains(&kind) => &["0", "1"],
        _ => &["null"],
    };
    let end = at + declaration.len() - 1;
    for (n, value) in values.iter().enumerate() {
        sheet.put(end..end, format!(" = {value}"), 2.2 - 0.4 * n as f64);
    }
}

fn not_final(sheet: &mut Sheet<'_>, name: &str) {
    let text = sheet.source.text.as_str();
    let mut found = Vec::new();
    for (at, sign) in text.match_indices("final ") {
        let line = &text[at..line_end(text, at)];
        if words_of(line).contains_key(name) || line.contains(&format!(" {name}")) {
            found.push(at..at + sign.len());
        }
    }
    for range in found.into_iter().take(3) {
        sheet.put(range, "", 2.0);
    }
}

/// `non-static variable x cannot be referenced from a static context`
fn not_static(sheet: &mut Sheet<'_>, note: &Note<'_>) {
    let Some(line) = sheet.line(note.line) else { return };
    let text = sheet.source.text.as_str();
    if let Some((start, brace)) =
        method(text, line_end(text, line.start)).or_else(|| method(text, line.start))
        && let Some(at) = text[start..brace].find("static ")
    {
        sheet.put(start + at..start + at + "static ".len(), "", 2.0);
    }
    let name = note.said.split(' ').nth(2).map(leading).unwrap_or_default();
    let mut at = 0;
    let mut found = Vec::new();
    for piece in text.split_inclusive('\n') {
        let code = piece.trim_start();
        let declares = ["private ", "public ", "protected "].iter().find(|word| code.starts_with(**word));
        if let Some(word) = declares
            && words_of(code).contains_key(name)
            && !code.contains("static ")
        {
            found.push(at + (piece.len() - code.len()) + word.len());
        }
        at += piece.len();
    }
    for at in found.into_iter().take(3) {
        sheet.put(at..at, "static ", 1.6);
    }
}

/// A method that was meant to override one is misspelt.
fn overrides(problem: &Problem<'_>, note: &Note<'_>, sheet: &mut Sheet<'_>) {
    let text = sheet.source.text.as_str();
    if let Some(at) = note.said.find("abstract method ") {
        let wanted = leading(&note.said[at + "abstract method ".len()..]);
        for (other, alike) in near(wanted, words_of(text).into_keys()) {
            let found: Vec<Range<usize>> = crate::repair::python::facts::words_in(text, &other)
                .filter(|range| text[range.end..].starts_with('('))
                .take(2)
                .collect();
            for range in found {
                sheet.put(range, wanted, 2.0 * alike);
            }
        }
        return;
    }
    // `@Override`, and the method below it.
    let Some(line) = sheet.line(note.line) else { return };
    let below = line_end(text, line.start);
    let head = &text[below..line_end(text, below)];
    let name = head.split('(').next().and_then(|head| head.split_whitespace().last()).unwrap_or_default();
    let Some(at) = head.find(&format!("{name}(")).map(|at| below + at).filter(|_| is_name(name)) else {
        return;
    };
    let mut close = near_in(name, "", problem.sources);
    close.extend(near(name, KNOWN.split_whitespace()));
    for (other, alike) in close {
        sheet.put(at..at + name.len(), other, 2.0 * alike);
    }
    if after(note.said, "", ('"', '"')).is_none() && text[line.clone()].trim() == "@Override" {
        sheet.remove_line(line.start, 0.9);
    }
}
