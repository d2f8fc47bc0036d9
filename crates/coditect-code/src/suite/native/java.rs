//! JUnit, without Maven or Gradle: a build of our own, and a runner of our own.
//!
//! Build tools take seconds to begin and want a network. So a small program in Java, which is handed into the sandbox
//! as source, reads the project's build file there, finds the jars that are on the machine, and compiles with the
//! compiler's own interface: only what changed, where that is safe, and with every error. Tests run in a JVM of the
//! project's class path, or many candidates of a woven build one after the other, each in a class loader of its own.

use std::collections::BTreeMap;
use std::path::Path;

use coditect_ports::Ran;
use coditect_ports::sandbox::{Reports, TOOL_CACHE, TOOL_FILES};
use coditect_types::testing::Frame;
use coditect_types::{Limits, Project};

use super::{Arm, Broken, Driver, MESSAGE_BYTES, Step, Unit, Variant};
use crate::suite::protocol::Line;

/// See the module.
pub(super) struct Java;

/// Our programs, by name: what builds, and what runs tests.
const BUILDER: &[(&str, &str)] = &[
    ("Arms.java", include_str!("java/Arms.java")),
    ("Build.java", include_str!("java/Build.java")),
    ("Compiler.java", include_str!("java/Compiler.java")),
    ("Gradle.java", include_str!("java/Gradle.java")),
    ("Junit.java", include_str!("java/Junit.java")),
    ("Maven.java", include_str!("java/Maven.java")),
    ("Module.java", include_str!("java/Module.java")),
    ("Plain.java", include_str!("java/Plain.java")),
    ("Pom.java", include_str!("java/Pom.java")),
    ("Repository.java", include_str!("java/Repository.java")),
    ("Request.java", include_str!("java/Request.java")),
    ("Shape.java", include_str!("java/Shape.java")),
    ("Trouble.java", include_str!("java/Trouble.java")),
    ("Unmet.java", include_str!("java/Unmet.java")),
    ("Variants.java", include_str!("java/Variants.java")),
];
const RUNNER: &[(&str, &str)] = &[
    ("Framework.java", include_str!("java/Framework.java")),
    ("Junit3.java", include_str!("java/Junit3.java")),
    ("Junit4.java", include_str!("java/Junit4.java")),
    ("Junit5.java", include_str!("java/Junit5.java")),
    ("Loader.java", include_str!("java/Loader.java")),
    ("Reports.java", include_str!("java/Reports.java")),
    ("Run.java", include_str!("java/Run.java")),
];
/// Starts the builder; the first time compiles it. `$1`: its directory in the cache. `$2`: MiB of heap. `$3`: sources.
const BUILD: &str = r#"
home=$1
flags='-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData -XX:CompressedClassSpaceSize=128m'
if ! test -e "$home/build.jar"; then
  rm -rf "$home" && mkdir -p "$home/classes" || exit 2
  (cd /tool && javac -J-XX:TieredStopAtLevel=1 -J-XX:+UseSerialGC -J-Xmx"$2"m -proc:none -nowarn -d "$home/classes" $3) || exit 2
  jar --create --file "$home/new.jar" -C "$home/classes" . && mv "$home/new.jar" "$home/build.jar" || exit 2
fi
if test -e "$home/build.jsa"; then
  flags="$flags -XX:SharedArchiveFile=$home/build.jsa"
elif test ! -e "$home/tried"; then
  : > "$home/tried"
  flags="$flags -XX:ArchiveClassesAtExit=$home/build.jsa"
fi
exec java $flags -Xmx"$2"m -cp "$home/build.jar" coditect.tool.Build /tool/request /cache/java
"#;
/// Starts the runner; its reports are its standard output. `$1`: MiB of heap. `$2`: flags. `$3`: the arguments' file.
const RUN: &str = r#"
heap=$1 flags=$2 args=$3
shift 3
own=${1%/*}/variants/${CODITECT_PICK:-none}-${1##*/}.args
if test -e "$own"; then args=$own; fi
exec java -Xmx"$heap"m $flags -XX:+UseSerialGC -XX:-UsePerfData -Xshare:auto -XX:CompressedClassSpaceSize=128m "@$args" coditect.tool.Run "$@" >&"$CODITECT_REPORT_FD"
"#;
/// Where its flags for the JVM are among its words.
const FLAGS: usize = 5;
/// Settings of JUnit for an order by chance, which the JVM's own properties may give.
const ORDER: &[(&str, &str)] = &[
    ("junit.jupiter.testmethod.order.default", "org.junit.jupiter.api.MethodOrderer$Random"),
    ("junit.jupiter.testclass.order.default", "org.junit.jupiter.api.ClassOrderer$Random"),
];
/// For runs that are over before a better compiler would pay.
const SHORT: &str = "-XX:TieredStopAtLevel=1";
/// The same for woven methods, which may be longer than a JVM compiles by itself.
const PICKS: &str = "-XX:TieredStopAtLevel=1 -XX:-DontCompileHugeMethods";
/// Traced tests that see classes which nobody used before: the red ones come first.
const FRESH: usize = 6;
/// Stands in an argument for the heap that the limits allow, MiB.
const HEAP: &str = "{heap}";
/// What a JVM takes beside its heap, bytes.
const BESIDE_HEAP: u64 = 300 << 20;
const LEAST_HEAP: u64 = 64 << 20;
/// What a line of the builder begins with.
const MARK: &str = "\u{1}coditect\t";
/// Missing dependencies that are named.
const MOST_MISSING: usize = 8;
/// Where the sandbox shows the project.
const PROJECT: &str = "/project";

impl Driver for Java {
    fn builds(&self, project: &Project) -> Vec<Step> {
        vec![build(request(project), Vec::new())]
    }

    fn variants(&self, project: &Project, variants: &[Variant<'_>]) -> Option<Step> {
        let mut request = request(project);
        let files = add_variants(&mut request, variants);
        Some(build(request, files))
    }

    fn woven(&self, project: &Project, arms: &[Arm], variants: &[Variant<'_>]) -> Option<Vec<Step>> {
        let mut request = request(project);
        for Arm { number, path, lines } in arms {
            let last = lines.end.saturating_sub(1);
            request.push_str(&format!("arm\t{number}\t{}\t{last}\t{path}\n", lines.start));
        }
        let files = add_variants(&mut request, variants);
        Some(vec![build(request, files)])
    }

    fn fitting(&self, ran: &Ran) -> BTreeMap<u32, Result<(), String>> {
        let text = String::from_utf8_lossy(&ran.stdout);
        let said = text.lines().filter_map(|line| line.split_once(MARK)).map(|(_, said)| said);
        let one = |line: &str| {
            let parts: Vec<&str> = line.split('\t').collect();
            match parts.as_slice() {
                ["variant", number, "fits"] => Some((number.parse().ok()?, Ok(()))),
                ["variant", number, "refused", why] => Some((number.parse().ok()?, Err((*why).to_owned()))),
                _ => None,
            }
        };
        said.filter_map(one).collect()
    }

    fn built(&self, _project: &Project, _root: &Path, ran: Option<&Ran>) -> Result<Vec<Unit>, Broken> {
        let Some(ran) = ran else { return Ok(Vec::new()) };
        let text = String::from_utf8_lossy(&ran.stdout);
        let (mut units, mut broken, mut missing) = (Vec::new(), Broken::default(), Vec::new());
        let mut notes = Vec::new();
        for line in text.lines().filter_map(|line| line.split_once(MARK)).map(|(_, said)| said) {
            let parts: Vec<&str> = line.split('\t').collect();
            match parts.as_slice() {
                ["unit", module, home] => units.push(unit(module, home)),
                ["file", file] => {
                    if let Some(unit) = units.last_mut() {
                        unit.files.insert((*file).to_owned());
                    }
                }
                ["note", text] => notes.push((*text).to_owned()),
                ["error", file, line, message] => add(&mut broken, file, line, message),
                ["missing", what] => missing.push((*what).to_owned()),
                _ => {}
            }
        }
        if ran.exit == coditect_ports::Exit::Code(0) {
            if let Some(first) = units.first_mut() {
                first.notes = notes;
            }
            return Ok(units);
        }
        if !missing.is_empty() {
            broken.message = lacking(&missing, &broken.message);
            broken.lacks = true;
        } else if broken.message.is_empty() {
            broken.message = super::said(ran);
        }
        Err(broken)
    }

    fn launch(&self, unit: &Unit, select: Option<&[String]>) -> Step {
        match select {
            None => run(unit, ("", "whole.args"), &["whole"], Vec::new()),
            Some(ids) => run(unit, (SHORT, "whole.args"), &["select"], vec![("ids", lines(ids))]),
        }
    }

    /// JUnit Jupiter since 5.8; others know no such settings, and keep their order.
    fn order(&self, _unit: &Unit, step: &mut Step, seed: u64) {
        let Some(flags) = step.argv.get_mut(FLAGS) else { return };
        for (name, value) in ORDER {
            flags.push_str(&format!(" -D{name}={value}"));
        }
        // The first numbers of `java.util.Random` are much alike for seeds that are.
        let seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 1;
        flags.push_str(&format!(" -Djunit.jupiter.execution.order.random.seed={seed}"));
    }

    fn traced(&self, unit: &Unit, ids: &[String]) -> Option<Step> {
        let mut step = run(unit, (SHORT, "batch.args"), &["each"], vec![("ids", lines(ids))]);
        step.argv.push(FRESH.to_string());
        Some(step)
    }

    fn picks(&self, unit: &Unit, picks: &[u32], ids: &[String], near: &[String]) -> Option<Step> {
        let picks: Vec<String> = picks.iter().map(u32::to_string).collect();
        let files = vec![("picks", lines(&picks)), ("ids", lines(ids)), ("near", lines(near))];
        Some(run(unit, (PICKS, "batch.args"), &["picks"], files))
    }

    fn most_named(&self) -> usize {
        usize::MAX
    }

    fn fit(&self, step: &mut Step, limits: &Limits) {
        let heap = limits.memory_bytes.saturating_sub(BESIDE_HEAP).max(LEAST_HEAP) >> 20;
        for word in step.argv.iter_mut().filter(|word| *word == HEAP) {
            *word = heap.to_string();
        }
    }

    fn reports(&self) -> Reports {
        Reports::Channel
    }

    fn hear(&self, _unit: &Unit, line: &str, take: &mut dyn FnMut(Line)) {
        // The JVM itself may print a warning there.
        if let Ok(line) = serde_json::from_str::<Line>(line) {
            take(line);
        }
    }
}

/// The builder with a request, and further files of it.
fn build(request: String, more: Vec<(String, String)>) -> Step {
    let mut hash = blake3::Hasher::new();
    for (_, text) in BUILDER.iter().chain(RUNNER) {
        hash.update(text.as_bytes());
    }
    let home = format!("{TOOL_CACHE}/tool-{}", &hash.finalize().to_hex()[..16]);
    let names: Vec<&str> = BUILDER.iter().map(|(name, _)| *name).collect();
    let argv = ["sh", "-c", BUILD, "build", &home, HEAP, &names.join(" ")].map(str::to_owned).to_vec();
    let own = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    let mut files: Vec<(String, String)> = BUILDER.iter().chain(RUNNER).map(own).collect();
    files.push(("request".to_owned(), request));
    files.extend(more);
    Step { argv, env: environment(), files, ..Step::default() }
}

/// Adds variants to a request. Gives the files with their texts.
fn add_variants(request: &mut String, variants: &[Variant<'_>]) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for (number, texts) in variants {
        for (path, text) in *texts {
            let name = format!("text-{}", files.len());
            request.push_str(&format!("variant\t{number}\t{name}\t{path}\n"));
            files.push((name, text.clone()));
        }
    }
    files
}

/// Adds an error of the compiler.
fn add(broken: &mut Broken, file: &str, line: &str, message: &str) {
    let message = message.replace('\u{2}', "\n");
    if broken.message.len() < MESSAGE_BYTES {
        let place = if file.is_empty() { String::new() } else { format!("{file}:{line}: ") };
        broken.message.push_str(&format!("{place}error: {message}\n"));
    }
    if let (false, Ok(line)) = (file.is_empty(), line.parse()) {
        broken.frames.push(Frame { file: file.to_owned(), line, function: String::new() });
    }
}

/// What the builder is asked: lines of a word, a tab and a text. What the survey understood of the test command is in
/// the project's targets, see [`crate::survey`].
fn request(project: &Project) -> String {
    let root = match project.root.as_str() {
        "" => PROJECT.to_owned(),
        root => format!("{PROJECT}/{root}"),
    };
    let mut text = format!("root\t{root}\n");
    for target in &project.targets {
        if let Some((word, rest)) = target.split_once('=') {
            text.push_str(&format!("{word}\t{}\n", rest.replace(['\t', '\n'], " ")));
        }
    }
    text
}

/// One arena for memory of C is enough: each reserves address space, which may be limited.
fn environment() -> Vec<(String, String)> {
    vec![("MALLOC_ARENA_MAX".to_owned(), "2".to_owned())]
}

fn unit(module: &str, home: &str) -> Unit {
    let name = if module.is_empty() { "java".to_owned() } else { module.to_owned() };
    let step = Step {
        argv: vec![home.to_owned()],
        directory: module.to_owned(),
        env: environment(),
        ..Step::default()
    };
    Unit { name, step, ..Unit::default() }
}

/// The runner with files of its own. A unit's step holds where its module was built.
fn run(unit: &Unit, (flags, arguments): (&str, &str), mode: &[&str], files: Vec<(&str, String)>) -> Step {
    let home = unit.step.argv.first().map_or("", String::as_str);
    let arguments = format!("{home}/{arguments}");
    let mut argv = ["sh", "-c", RUN, "run", HEAP, flags, &arguments, home].map(str::to_owned).to_vec();
    argv.extend(mode.iter().map(|word| (*word).to_owned()));
    argv.extend(files.iter().map(|(name, _)| format!("{TOOL_FILES}/{name}")));
    let files = files.into_iter().map(|(name, text)| (name.to_owned(), text)).collect();
    Step { argv, files, ..unit.step.clone() }
}

fn lines(texts: &[String]) -> String {
    let mut all = String::new();
    for text in texts.iter().filter(|text| !text.contains('\n')) {
        all.push_str(text);
        all.push('\n');
    }
    all
}

/// Says which dependencies are not on the machine, and on a second line what to do.
fn lacking(missing: &[String], errors: &str) -> String {
    let named: Vec<String> = missing.iter().take(MOST_MISSING).map(|one| format!("`{one}`")).collect();
    let more = missing.len().saturating_sub(MOST_MISSING);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!(
        "the project needs {}{more}, which this machine does not have\nfetch it once: `mvn dependency:go-offline`, \
         `gradle testClasses`, or install the package that has it\n{errors}",
        named.join(", ")
    )
}

#[cfg(test)]
mod tests;
