//! Programs of each language, and the tools that say whether they parse and pass.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// What is known of a language.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    /// The file that is broken, and the one that tests it.
    pub(crate) file: &'static str,
    test: &'static str,
    /// Programs, each with its test.
    pub(crate) programs: &'static [(&'static str, &'static str)],
    /// Further files.
    with: &'static [(&'static str, &'static str)],
    /// Says whether it is there.
    probe: &'static [&'static str],
    /// Fails where the file does not parse.
    parse: &'static [&'static str],
    /// One after the other; the first that fails tells why.
    commands: &'static [&'static [&'static str]],
    pub(crate) words: &'static [&'static str],
    /// What begins a function that is repeated to make a large file, and how many times its `0` is in its name.
    pub(crate) filler: &'static str,
    /// Of the two languages that most people's files are in.
    pub(crate) is_first: bool,
}

/// What tsc says of syntax, without a check of types, and the file as JavaScript.
const TRANSPILE: &str = "const ts=require('typescript'),fs=require('fs');const text=fs.readFileSync('m.ts','utf8');\
const out=ts.transpileModule(text,{fileName:'m.ts',reportDiagnostics:true,compilerOptions:{module:'esnext',target:'es2022'}});\
for(const d of out.diagnostics){const p=d.file.getLineAndCharacterOfPosition(d.start);\
console.error(`m.ts(${p.line+1},${p.character+1}): error TS${d.code}: ${ts.flattenDiagnosticMessageText(d.messageText,'\\n')}`)}\
if(out.diagnostics.length)process.exit(1);fs.writeFileSync('m.mjs',out.outputText)";

pub(crate) const ALL: &[Tool] = &[
    Tool {
        name: "python",
        file: "m.py",
        test: "test_m.py",
        programs: &[
            (include_str!("programs/words.py"), include_str!("programs/words_test.py")),
            (include_str!("programs/graph.py"), include_str!("programs/graph_test.py")),
        ],
        with: &[],
        probe: &["python3", "--version"],
        parse: &["python3", "-c", "compile(open('m.py').read(), 'm.py', 'exec')"],
        commands: &[&["python3", "-B", "test_m.py"]],
        words: &[
            "def", "return", "for", "while", "in", "elif", "else", "if", "import", "from", "class", "try",
            "except", "raise", "not", "is", "continue", "lambda",
        ],
        filler: "\n\ndef filler_0(a, b=1):\n    if a > b:\n        return [a, (b, 'text')]\n    for c in range(a):\n        b += c\n    return {\"a\": a, \"b\": b}\n",
        is_first: true,
    },
    Tool {
        name: "javascript",
        file: "m.js",
        test: "test.js",
        programs: &[
            (include_str!("programs/bank.js"), include_str!("programs/bank_test.js")),
            (include_str!("programs/route.js"), include_str!("programs/route_test.js")),
        ],
        with: &[],
        probe: &["node", "--version"],
        parse: &["node", "--check", "m.js"],
        commands: &[&["node", "test.js"]],
        words: &[
            "function", "return", "const", "let", "for", "while", "of", "else", "if", "class", "new", "try",
            "catch", "throw", "switch", "case", "default", "typeof", "break", "continue",
        ],
        filler: "\nfunction filler_0(a, b = 1) {\n  if (a > b) {\n    return [a, { b: 'text' }];\n  }\n  for (let c = 0; c < a; c++) {\n    b += c;\n  }\n  return { a, b };\n}\n",
        is_first: true,
    },
    Tool {
        name: "typescript",
        file: "m.ts",
        test: "test.mjs",
        programs: &[(include_str!("programs/stack.ts"), include_str!("programs/stack_test.mjs"))],
        with: &[],
        probe: &["node", "-e", "require('typescript')"],
        parse: &["node", "-e", TRANSPILE],
        commands: &[&["node", "-e", TRANSPILE], &["node", "test.mjs"]],
        words: &[
            "function",
            "return",
            "const",
            "for",
            "while",
            "of",
            "else",
            "if",
            "class",
            "new",
            "throw",
            "switch",
            "case",
            "default",
            "export",
            "interface",
            "async",
            "await",
            "extends",
        ],
        filler: "\nexport function filler_0(a: number, b: number = 1): unknown {\n  if (a > b) {\n    return [a, { b: 'text' }];\n  }\n  return { a, b };\n}\n",
        is_first: false,
    },
    Tool {
        name: "rust",
        file: "m.rs",
        test: "main.rs",
        programs: &[(include_str!("programs/shapes.rs"), include_str!("programs/shapes_test.rs"))],
        with: &[],
        probe: &["rustc", "--version"],
        parse: &[
            "rustc",
            "--edition",
            "2021",
            "--crate-type",
            "lib",
            "--emit",
            "metadata",
            "--cap-lints",
            "allow",
            "-o",
            "m.rmeta",
            "m.rs",
        ],
        commands: &[
            &[
                "rustc",
                "--edition",
                "2021",
                "--cap-lints",
                "allow",
                "-C",
                "debuginfo=0",
                "-o",
                "main",
                "main.rs",
            ],
            &["./main"],
        ],
        words: &[
            "fn", "pub", "let", "mut", "match", "impl", "for", "while", "if", "in", "struct", "enum",
            "return", "use", "self",
        ],
        filler: "\npub fn filler_0(a: i32, b: i32) -> Vec<i32> {\n    if a > b {\n        return vec![a, (b)];\n    }\n    let text = \"text\";\n    vec![a, text.len() as i32]\n}\n",
        is_first: false,
    },
    Tool {
        name: "go",
        file: "m.go",
        test: "main.go",
        programs: &[(include_str!("programs/cache.go"), include_str!("programs/cache_test.go"))],
        with: &[("go.mod", "module ex\n\ngo 1.18\n")],
        probe: &["go", "version"],
        parse: &["gofmt", "-e", "-l", "m.go"],
        commands: &[&["go", "build", "-o", "main", "."], &["./main"]],
        words: &[
            "func", "package", "import", "return", "var", "for", "range", "if", "else", "switch", "case",
            "default", "type", "struct", "map", "continue",
        ],
        filler: "\nfunc Filler_0(a int, b int) []int {\n\tif a > b {\n\t\treturn []int{a, (b)}\n\t}\n\ttext := \"text\"\n\treturn []int{len(text)}\n}\n",
        is_first: false,
    },
    Tool {
        name: "java",
        file: "M.java",
        test: "Main.java",
        programs: &[(include_str!("programs/Library.java"), include_str!("programs/Library_test.java"))],
        with: &[],
        probe: &["javac", "-version"],
        parse: &["javac", "-proc:none", "-d", "out", "M.java"],
        commands: &[
            &[
                "javac",
                "-J-XX:TieredStopAtLevel=1",
                "-J-XX:+UseSerialGC",
                "-proc:none",
                "-d",
                "out",
                "M.java",
                "Main.java",
            ],
            &["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", "out", "Main"],
        ],
        words: &[
            "public",
            "private",
            "static",
            "class",
            "interface",
            "return",
            "for",
            "if",
            "else",
            "switch",
            "case",
            "default",
            "new",
            "try",
            "catch",
            "throw",
            "import",
            "final",
            "break",
        ],
        filler: "",
        is_first: false,
    },
];

impl Tool {
    pub(crate) fn is_there(&self) -> bool {
        let mut command = Command::new(self.probe[0]);
        command.args(&self.probe[1..]).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    pub(crate) fn lay_out(&self, folder: &Path, program: usize) -> io::Result<()> {
        fs::write(folder.join(self.test), self.programs[program].1)?;
        self.with.iter().try_for_each(|(name, text)| fs::write(folder.join(name), text))
    }

    /// True where the file parses, whatever else is wrong with it. Compilers that check more in the same run are asked for
    /// what the tests need, which says less: it may call a file broken that parses.
    pub(crate) fn parses(&self, folder: &Path, text: &str) -> io::Result<bool> {
        fs::write(folder.join(self.file), text)?;
        Ok(run(folder, self.parse)?.is_none())
    }

    /// Runs the test of the file with this text: None where it passes, else what is said.
    pub(crate) fn run(&self, folder: &Path, text: &str) -> io::Result<Option<String>> {
        fs::write(folder.join(self.file), text)?;
        for command in self.commands {
            if let Some(said) = run(folder, command)? {
                return Ok(Some(said));
            }
        }
        Ok(None)
    }
}

/// Runs a command with ten seconds of CPU time; what it said, if it failed.
fn run(folder: &Path, command: &[&str]) -> io::Result<Option<String>> {
    let output = Command::new("sh")
        .args(["-c", "ulimit -t 20; exec \"$@\"", "sh"])
        .args(command)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()?;
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    Ok((!output.status.success()).then(|| said.chars().take(20_000).collect()))
}
