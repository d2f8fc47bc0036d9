//! Imports of JavaScript and TypeScript: those that are missing, that name what is not exported, or a file that has
//! another name.

use super::{QUOTES, definitions, is_module};
use crate::repair::Problem;
use crate::repair::notes::Note;
use crate::repair::python::facts::words_in;
use crate::repair::recipes::names::{after, is_name, near};
use crate::repair::recipes::sheet::Sheet;
use crate::syntax::{Splice, line_end};

/// Modules of Node that are used under their own name.
const MODULES: &[&str] = &[
    "assert",
    "buffer",
    "child_process",
    "cluster",
    "crypto",
    "dns",
    "events",
    "fs",
    "http",
    "http2",
    "https",
    "net",
    "os",
    "path",
    "perf_hooks",
    "punycode",
    "querystring",
    "readline",
    "stream",
    "string_decoder",
    "timers",
    "tls",
    "tty",
    "url",
    "util",
    "v8",
    "vm",
    "worker_threads",
    "zlib",
];
/// What is imported most of them.
const MEMBERS: &[(&str, &str)] = &[
    (
        "fs",
        "readFileSync writeFileSync existsSync mkdirSync readdirSync statSync unlinkSync appendFileSync createReadStream \
         createWriteStream readFile writeFile rmSync copyFileSync promises",
    ),
    ("path", "join resolve dirname basename extname relative sep isAbsolute"),
    ("events", "EventEmitter once"),
    ("util", "promisify inspect format inherits deprecate types isDeepStrictEqual"),
    ("crypto", "createHash createHmac randomBytes randomUUID timingSafeEqual"),
    ("child_process", "spawn exec execSync execFile fork spawnSync"),
    ("url", "fileURLToPath pathToFileURL"),
    ("stream", "Readable Writable Transform Duplex PassThrough pipeline"),
    ("os", "tmpdir homedir cpus EOL platform"),
    ("perf_hooks", "performance"),
    ("worker_threads", "Worker parentPort workerData isMainThread"),
    ("string_decoder", "StringDecoder"),
    ("assert", "strictEqual deepStrictEqual"),
    ("readline", "createInterface"),
];

/// What brings a name into a file: a module of Node, or a file of the project that exports it.
pub(super) fn missing(problem: &Problem<'_>, sheet: &mut Sheet<'_>, name: &str) {
    let prefix = if sheet.source.text.contains("'node:") || sheet.source.text.contains("\"node:") {
        "node:"
    } else {
        ""
    };
    if MODULES.contains(&name) {
        import(sheet, name, &format!("{prefix}{name}"), Form::Whole, 3.0);
    }
    for (module, members) in MEMBERS {
        if members.split_whitespace().any(|member| member == name) {
            import(sheet, name, &format!("{prefix}{module}"), Form::Member, 2.8);
        }
    }
    let own = sheet.source.path.clone();
    for source in problem.sources.iter().filter(|source| source.path != own) {
        let Some(form) = exported(&source.text, name) else { continue };
        // The importer writes extensions or it does not.
        let relative = relative(&own, &source.path);
        let bare = relative.rsplit_once('.').map_or(relative.clone(), |(bare, _)| bare.to_owned());
        let extended = is_module(sheet.source) && own.ends_with("js");
        let fits = if extended { [2.6, 1.2] } else { [1.2, 2.6] };
        import(sheet, name, &relative, form, fits[0]);
        import(sheet, name, &bare, form, fits[1]);
    }
}

/// How a module gives a name away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Whole,
    Member,
}

fn exported(text: &str, name: &str) -> Option<Form> {
    let member = [
        format!("exports.{name} ="),
        format!("export function {name}("),
        format!("export async function {name}("),
        format!("export class {name} "),
        format!("export const {name} "),
        format!("export const {name}:"),
        format!("export let {name} "),
        format!("export interface {name} "),
        format!("export type {name} "),
        format!("export enum {name} "),
    ];
    if member.iter().any(|sign| text.contains(sign)) || listed(text).iter().any(|own| own == name) {
        return Some(Form::Member);
    }
    let whole = [
        format!("module.exports = {name};"),
        format!("export default {name};"),
        format!("export default function {name}("),
        format!("export default class {name} "),
    ];
    whole.iter().any(|sign| text.contains(sign)).then_some(Form::Whole)
}

/// Names of `module.exports = { a, b }` and `export { a, b }`.
fn listed(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for sign in ["module.exports = {", "export {"] {
        let Some(at) = text.find(sign) else { continue };
        let inner = text[at + sign.len()..].split('}').next().unwrap_or_default();
        found.extend(inner.split(',').filter_map(|part| {
            let name = part.split([':', ' ']).find(|word| !word.trim().is_empty())?.trim();
            is_name(name).then(|| name.to_owned())
        }));
    }
    found
}

/// The path from one file to another, as imports write it.
fn relative(from: &str, to: &str) -> String {
    let mut folders: Vec<&str> = from.split('/').collect();
    folders.pop();
    let target: Vec<&str> = to.split('/').collect();
    let common = folders.iter().zip(&target).take_while(|(a, b)| a == b).count();
    let up = "../".repeat(folders.len() - common);
    let down = target[common..].join("/");
    if up.is_empty() { format!("./{down}") } else { format!("{up}{down}") }
}

/// A line that imports, behind the last one that there is.
fn import(sheet: &mut Sheet<'_>, name: &str, from: &str, form: Form, fit: f64) {
    let text = sheet.source.text.as_str();
    let double = text.matches("from \"").count() + text.matches("require(\"").count();
    let single = text.matches("from '").count() + text.matches("require('").count();
    let quote = if double > single { '"' } else { '\'' };
    let module = is_module(sheet.source);
    let (open, close) = if form == Form::Member { ("{ ", " }") } else { ("", "") };
    let lines = text.lines().filter(|line| line.contains("require(") || line.starts_with("import "));
    let ends: Vec<bool> = lines.map(|line| line.trim_end().ends_with(';')).collect();
    let end =
        if ends.is_empty() || ends.iter().filter(|end| **end).count() * 2 > ends.len() { ";" } else { "" };
    let line = if module {
        format!("import {open}{name}{close} from {quote}{from}{quote}{end}")
    } else {
        format!("const {open}{name}{close} = require({quote}{from}{quote}){end}")
    };
    let at = place(text);
    let new = format!("{line}{}", sheet.eol());
    sheet.put(at..at, new, fit);
}

/// Where an import goes: behind the last one, else behind what only may stand at the top.
fn place(text: &str) -> usize {
    let (mut at, mut last, mut top) = (0, None, 0);
    let mut comment = false;
    for piece in text.split_inclusive('\n') {
        let code = piece.trim_start_matches('\u{feff}').trim();
        at += piece.len();
        comment = comment || code.starts_with("/*");
        if comment {
            comment = !code.contains("*/");
            top = if last.is_none() { at } else { top };
            continue;
        }
        let imports = (code.starts_with("import ") && code.contains(['\'', '"']))
            || (code.contains("= require(") && !piece.starts_with([' ', '\t']));
        if imports {
            last = Some(at);
        } else if code.starts_with("#!")
            || code.starts_with("//")
            || code.starts_with("'use ")
            || code.starts_with("\"use ")
        {
            top = if last.is_none() { at } else { top };
        } else if !code.is_empty() {
            break;
        }
    }
    last.unwrap_or(top)
}

/// `The requested module './b.mjs' does not provide an export named 'foo'`, and what TypeScript says of it.
pub(super) fn no_export(problem: &Problem<'_>, note: &Note<'_>, sheets: &mut [Sheet<'_>], said: &str) {
    let module = after(said, "odule ", QUOTES).unwrap_or_default().trim_matches('"');
    let name = after(said, "export named ", QUOTES).or_else(|| after(said, "exported member ", QUOTES));
    let Some(name) = name.filter(|name| is_name(name)) else { return };
    let own = sheets[note.source].source.path.clone();
    let stem =
        |path: &str| path.rsplit('/').next().unwrap_or(path).split('.').next().unwrap_or_default().to_owned();
    for n in 0..sheets.len() {
        let source = sheets[n].source;
        if stem(&source.path) != stem(module) || source.path == own && stem(&own) != stem(module) {
            continue;
        }
        let text = source.text.as_str();
        if definitions(text).contains(name) {
            export(&mut sheets[n], name);
        }
        for (other, alike) in near(name, definitions(text).iter().map(String::as_str)) {
            // The importer is wrong, or the definition is.
            rename(problem, sheets, &own, name, &other, 2.0 * alike);
            let all: Vec<Splice> =
                words_in(text, &other).map(|range| Splice { range, new: name.to_owned() }).collect();
            sheets[n].put_all(all, 1.8 * alike);
        }
        if text.contains("export default ") {
            whole(sheets, &own, name);
        }
    }
}

/// `import { a } from` that should be `import a from`.
fn whole(sheets: &mut [Sheet<'_>], path: &str, name: &str) {
    for sheet in sheets.iter_mut().filter(|sheet| sheet.source.path == path) {
        for sign in [format!("{{ {name} }}"), format!("{{{name}}}")] {
            if let Some(at) = sheet.source.text.find(&sign) {
                sheet.put(at..at + sign.len(), name, 1.6);
            }
        }
    }
}

fn rename(problem: &Problem<'_>, sheets: &mut [Sheet<'_>], path: &str, old: &str, new: &str, fit: f64) {
    let Some(n) = problem.sources.iter().position(|source| source.path == path) else { return };
    let text = problem.sources[n].text.as_str();
    let all: Vec<Splice> = words_in(text, old).map(|range| Splice { range, new: new.to_owned() }).collect();
    sheets[n].put_all(all, fit);
}

/// Gives away what a file defines and keeps to itself.
fn export(sheet: &mut Sheet<'_>, name: &str) {
    let text = sheet.source.text.as_str();
    for word in ["async function ", "function ", "class ", "const ", "let "] {
        for (at, sign) in text.match_indices(word) {
            let starts = at == 0 || text[..at].ends_with('\n');
            if starts && super::leading(&text[at + sign.len()..]) == name {
                sheet.put(at..at, "export ", 2.8);
                return;
            }
        }
    }
}

/// A name that is called and is not there: a module defines it, and does not give it away.
pub(super) fn not_exported(problem: &Problem<'_>, sheets: &mut [Sheet<'_>], name: &str) {
    for (n, source) in problem.sources.iter().enumerate() {
        let text = source.text.as_str();
        if !definitions(text).contains(name) || exported(text, name).is_some() {
            continue;
        }
        let Some(at) = text.find("module.exports = {") else {
            if text.contains("exports.") {
                let eol = sheets[n].eol();
                let end = text.len();
                let before = if text.ends_with('\n') { "" } else { eol };
                sheets[n].put(end..end, format!("{before}exports.{name} = {name};{eol}"), 2.0);
            }
            continue;
        };
        let open = at + "module.exports = {".len();
        let Some(close) = text[open..].find('}').map(|at| open + at) else { continue };
        let inner = &text[open..close];
        let last = open + inner.trim_end().len();
        let comma = inner.trim_end().ends_with(',');
        let lines = inner.contains('\n');
        let indent = inner.lines().rev().find(|line| !line.trim().is_empty());
        let indent = indent.map_or("  ", |line| &line[..line.len() - line.trim_start().len()]);
        let gap = if lines { format!("{}{indent}", sheets[n].eol()) } else { " ".to_owned() };
        let (before, behind) = if comma { ("", ",") } else { (",", "") };
        sheets[n].put(last..last, format!("{before}{gap}{name}{behind}"), 2.6);
    }
}

/// `Cannot find module './b'`: a file with nearly that name.
pub(super) fn no_module(problem: &Problem<'_>, note: &Note<'_>, sheets: &mut [Sheet<'_>], said: &str) {
    let Some(module) = after(said, "Cannot find module ", QUOTES) else { return };
    let stem = module.rsplit('/').next().unwrap_or(module);
    // Who asked for it is named below, or behind.
    let asker = said
        .rsplit("imported from ")
        .next()
        .and_then(|path| crate::repair::notes::find(path.trim(), problem.sources));
    let stacked = note.said.lines().filter_map(|line| line.strip_prefix("- "));
    let asked = stacked.filter_map(|path| crate::repair::notes::find(path.trim(), problem.sources)).next();
    let all: Vec<usize> = asker.or(asked).map_or_else(|| (0..sheets.len()).collect(), |n| vec![n]);
    for n in all {
        let own = sheets[n].source.path.clone();
        let text = sheets[n].source.text.as_str();
        let Some((range, written)) = specifier(text, stem) else { continue };
        let has_extension = written.rsplit('/').next().is_some_and(|file| file.contains('.'));
        let mut known: Vec<String> = MODULES.iter().map(|module| (*module).to_owned()).collect();
        for source in problem.sources.iter().filter(|source| source.path != own) {
            let path = relative(&own, &source.path);
            let bare = path.rsplit_once('.').map_or(path.as_str(), |(bare, _)| bare).to_owned();
            known.push(if has_extension { path } else { bare });
        }
        // The folder may be wrong and not the name.
        let file = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
        let moved: Vec<String> = known.iter().filter(|path| file(path) == file(&written)).cloned().collect();
        for path in moved {
            sheets[n].put(range.clone(), path, 2.6);
        }
        let by_file: Vec<(String, f64)> =
            near(&file(&written), known.iter().map(|path| path.rsplit('/').next().unwrap_or(path)))
                .into_iter()
                .flat_map(|(close, alike)| {
                    known
                        .iter()
                        .filter(move |path| file(path) == close)
                        .map(move |path| (path.clone(), alike))
                })
                .collect();
        for (path, alike) in by_file.into_iter().chain(near(&written, known.iter().map(String::as_str))) {
            sheets[n].put(range.clone(), path, 2.2 * alike);
        }
        if !has_extension && written.starts_with('.') {
            for extension in [".js", ".mjs", ".cjs", "/index.js"] {
                let whole = format!("{written}{extension}");
                let exists = problem.sources.iter().any(|source| relative(&own, &source.path) == whole);
                if exists {
                    sheets[n].put(range.clone(), whole, 2.8);
                }
            }
        }
    }
}

/// Where a file names a module that ends like this, within its quotes.
fn specifier(text: &str, stem: &str) -> Option<(std::ops::Range<usize>, String)> {
    for sign in ["require(", "from ", "import(", "import "] {
        for (at, sign) in text.match_indices(sign) {
            let start = at + sign.len();
            let rest = &text[start..line_end(text, start)];
            let Some(quote) = rest.chars().next().filter(|c| matches!(c, '\'' | '"' | '`')) else { continue };
            let inner = rest[1..].split(quote).next().unwrap_or_default();
            if inner.rsplit('/').next() == Some(stem) {
                return Some((start + 1..start + 1 + inner.len(), inner.to_owned()));
            }
        }
    }
    None
}
