package coditect.tool;

import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import javax.tools.Diagnostic;
import javax.tools.FileObject;
import javax.tools.ForwardingJavaFileManager;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileManager;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/**
 * Compiles the sources of one module, only those that changed where that is safe: where the classes that come of them
 * look the same from outside as before.
 */
final class Compiler {
    /** Errors that are told. */
    private static final int MOST_ERRORS = 1_000;

    /** What came of it. */
    static final class Result {
        final List<Diagnostic<? extends JavaFileObject>> errors = new ArrayList<>();
        /** Something that others see changed. */
        boolean shapeChanged;
        /** Source by class, with the dots and dollars of its binary name. */
        final Map<String, Path> sources = new TreeMap<>();
    }

    /** What is known of a source that was compiled. */
    private static final class Known {
        final String hash;
        /** Shape by class. */
        final Map<String, String> classes = new TreeMap<>();

        Known(String hash) {
            this.hash = hash;
        }
    }

    private final Path classes;
    private final Path record;
    private final List<String> options = new ArrayList<>();
    private final Charset encoding;
    private final boolean processors;

    /** `record` is the file that keeps what is known from one build to the next. */
    Compiler(Module module, Path classes, Path record, Collection<Path> classPath) {
        this.classes = classes;
        this.record = record;
        this.encoding = Charset.forName(module.encoding);
        this.processors = module.processors;
        options.add("-g");
        options.add("-nowarn");
        options.add("-Xlint:none");
        options.add("-Xmaxerrs");
        options.add(String.valueOf(MOST_ERRORS));
        // All kinds of errors at once: a batch of candidates is judged by them.
        options.add("-XDshould-stop.ifError=FLOW");
        options.add("-implicit:none");
        options.add("-encoding");
        options.add(module.encoding);
        if (!module.processors) {
            options.add("-proc:none");
        }
        if (module.release.startsWith("-")) {
            String version = module.release.substring(1);
            options.addAll(List.of("-source", version, "-target", version));
        } else if (!module.release.isEmpty()) {
            options.addAll(List.of("--release", module.release));
        }
        options.addAll(module.compilerArguments);
        options.add("-classpath");
        StringBuilder path = new StringBuilder();
        for (Path entry : classPath) {
            path.append(path.length() == 0 ? "" : File.pathSeparator).append(entry);
        }
        options.add(path.toString());
    }

    /** The release that a build asks for, as far as this compiler still knows it; with `-` where it is a source level. */
    static String release(String release, String source) {
        String wanted = release.isEmpty() ? source : release;
        wanted = wanted.startsWith("1.") ? wanted.substring(2) : wanted;
        if (!wanted.matches("\\d{1,3}")) {
            return "";
        }
        int newest = Runtime.version().feature();
        int number = Integer.parseInt(wanted);
        if (number >= newest) {
            return "";
        }
        int oldest = newest >= 20 ? 8 : 7;
        return (release.isEmpty() ? "-" : "") + Math.max(number, oldest);
    }

    /** Compiles. `stale`: what it was compiled against looks different now. */
    Result run(Collection<Path> sources, boolean stale) throws IOException {
        Files.createDirectories(classes);
        Map<Path, Known> before = load();
        Map<Path, String> hashes = new LinkedHashMap<>();
        for (Path source : sources) {
            hashes.put(source, hash(Files.readAllBytes(source)));
        }
        List<Path> changed = new ArrayList<>();
        for (Path source : sources) {
            Known known = before.get(source);
            if (known == null || !known.hash.equals(hashes.get(source))) {
                changed.add(source);
            }
        }
        boolean gone = false;
        for (Path source : new ArrayList<>(before.keySet())) {
            if (!hashes.containsKey(source)) {
                gone |= !isAlone(source, hashes.keySet());
                remove(before.remove(source));
            }
        }
        Map<Path, Known> after = new TreeMap<>(before);
        Result result = new Result();
        boolean whole = stale || gone || before.isEmpty() || processors || changed.size() * 2 > sources.size();
        if (changed.isEmpty() && !whole) {
            finish(result, before);
            return result;
        }
        if (!whole) {
            compile(changed, hashes, after, result);
            boolean same = same(before, after, changed, hashes.keySet());
            result.shapeChanged = !same;
            // Errors of the changed files alone may be those of others that were not looked at: all are told.
            whole = !same && result.errors.isEmpty();
        }
        if (whole) {
            for (Known known : after.values()) {
                remove(known);
            }
            after.clear();
            result.errors.clear();
            compile(new ArrayList<>(hashes.keySet()), hashes, after, result);
            result.shapeChanged = gone || before.isEmpty() || !same(before, after, changed, hashes.keySet());
        }
        if (result.errors.isEmpty()) {
            save(after);
        } else if (whole) {
            // Half of it is compiled: what is there does not belong together, and all of it is compiled again. How it
            // looked is still what others were compiled against.
            Map<Path, Known> halves = new TreeMap<>();
            for (Map.Entry<Path, Known> old : before.entrySet()) {
                Known half = new Known("none");
                half.classes.putAll(old.getValue().classes);
                halves.put(old.getKey(), half);
            }
            for (Known known : after.values()) {
                remove(known);
            }
            if (halves.isEmpty()) {
                Files.deleteIfExists(record);
            } else {
                save(halves);
            }
        } else {
            // The rest still stands, and how these looked is still what others were compiled against.
            for (Path source : changed) {
                Known half = new Known("none");
                Known old = before.get(source);
                if (old != null) {
                    half.classes.putAll(old.classes);
                }
                after.put(source, half);
            }
            save(after);
        }
        finish(result, after);
        return result;
    }

    /** Whether a source is the only one of its package: then no other file could mean it by a name of its own. */
    private static boolean isAlone(Path source, Set<Path> all) {
        return all.stream().noneMatch(other -> !other.equals(source) && other.getParent().equals(source.getParent()));
    }

    private static boolean same(Map<Path, Known> before, Map<Path, Known> after, List<Path> changed, Set<Path> all) {
        for (Path source : changed) {
            Known old = before.get(source);
            if (old == null && isAlone(source, all)) {
                continue;
            }
            Known now = after.get(source);
            Map<String, String> left = old == null ? new TreeMap<>() : visible(old.classes);
            Map<String, String> right = now == null ? new TreeMap<>() : visible(now.classes);
            if (!left.equals(right)) {
                return false;
            }
        }
        return true;
    }

    /** Without classes that have no name of their own, which no other file can speak of. */
    private static Map<String, String> visible(Map<String, String> classes) {
        Map<String, String> seen = new TreeMap<>(classes);
        seen.keySet().removeIf(name -> name.matches(".*\\$\\d.*"));
        return seen;
    }

    private void finish(Result result, Map<Path, Known> known) {
        known.forEach((source, about) -> about.classes.keySet().forEach(name -> result.sources.put(name, source)));
    }

    private void compile(List<Path> files, Map<Path, String> hashes, Map<Path, Known> known, Result result)
            throws IOException {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        for (Path file : files) {
            Known old = known.remove(file);
            if (old != null) {
                remove(old);
            }
            known.put(file, new Known(hashes.get(file)));
        }
        List<String> all = new ArrayList<>(options);
        all.set(all.size() - 1, classes + File.pathSeparator + all.get(all.size() - 1));
        Set<String> told = new HashSet<>();
        try (StandardJavaFileManager standard =
                compiler.getStandardFileManager(null, Locale.ROOT, encoding)) {
            Keeper keeper = new Keeper(standard, classes, known);
            compiler.getTask(null, keeper, diagnostic -> {
                if (diagnostic.getKind() == Diagnostic.Kind.ERROR && result.errors.size() < MOST_ERRORS
                        && told.add(diagnostic.getSource() + ":" + diagnostic.getPosition() + diagnostic.getCode())) {
                    result.errors.add(diagnostic);
                }
            }, all, null, standard.getJavaFileObjectsFromFiles(toFiles(files))).call();
        }
    }

    /** Whether a source is compiled here. */
    boolean has(Path source) throws IOException {
        return load().containsKey(source);
    }

    /** What came of a variant: null where it fits in place of what was compiled, else why not. */
    static final class Variant {
        /** It does not compile. */
        String error;
        /** Others would have to be compiled anew. */
        boolean unfit;
    }

    /** A manager of files for many variants: it keeps open what it has read. */
    StandardJavaFileManager manager() {
        return ToolProvider.getSystemJavaCompiler().getStandardFileManager(null, Locale.ROOT, encoding);
    }

    /** Compiles other texts of some sources into a directory of their own, against what is compiled already. */
    Variant variant(StandardJavaFileManager standard, Map<Path, String> texts, Path into) throws IOException {
        Map<Path, Known> before = load();
        Map<Path, Known> after = new TreeMap<>();
        List<JavaFileObject> files = new ArrayList<>();
        texts.forEach((source, text) -> {
            after.put(source, new Known("variant"));
            files.add(new SimpleJavaFileObject(source.toUri(), JavaFileObject.Kind.SOURCE) {
                @Override
                public CharSequence getCharContent(boolean ignoreErrors) {
                    return text;
                }
            });
        });
        List<String> all = new ArrayList<>(options);
        all.set(all.size() - 1, classes + File.pathSeparator + all.get(all.size() - 1));
        Variant variant = new Variant();
        Keeper keeper = new Keeper(standard, into, after);
        ToolProvider.getSystemJavaCompiler().getTask(null, keeper, diagnostic -> {
            if (diagnostic.getKind() == Diagnostic.Kind.ERROR && variant.error == null) {
                variant.error = "line " + diagnostic.getLineNumber() + ": " + diagnostic.getMessage(Locale.ROOT);
            }
        }, all, null, files).call();
        for (Path source : texts.keySet()) {
            Known old = before.get(source);
            variant.unfit |= old == null || !visible(old.classes).equals(visible(after.get(source).classes));
        }
        return variant;
    }

    private static List<File> toFiles(List<Path> paths) {
        List<File> files = new ArrayList<>();
        paths.forEach(path -> files.add(path.toFile()));
        return files;
    }

    private void remove(Known known) throws IOException {
        for (String name : known.classes.keySet()) {
            Files.deleteIfExists(place(classes, name));
        }
    }

    private static Path place(Path classes, String name) {
        return classes.resolve(name.replace('.', '/') + ".class");
    }

    /** Writes classes where they belong, and keeps which source each came of and how it looks from outside. */
    private static final class Keeper extends ForwardingJavaFileManager<JavaFileManager> {
        private final Path classes;
        private final Map<Path, Known> known;

        Keeper(JavaFileManager standard, Path classes, Map<Path, Known> known) {
            super(standard);
            this.classes = classes;
            this.known = known;
        }

        @Override
        public JavaFileObject getJavaFileForOutput(
                Location location, String name, JavaFileObject.Kind kind, FileObject sibling) throws IOException {
            if (kind != JavaFileObject.Kind.CLASS) {
                Path file = classes.resolve(name.replace('.', '/') + kind.extension);
                Files.createDirectories(file.getParent());
                return new Output(file, kind, null, null);
            }
            Path source = sibling == null ? null : Path.of(sibling.toUri());
            return new Output(place(classes, name), kind, name, source == null ? null : known.get(source));
        }
    }

    private static final class Output extends SimpleJavaFileObject {
        private final Path file;
        private final String name;
        private final Known known;

        Output(Path file, Kind kind, String name, Known known) {
            super(file.toUri(), kind);
            this.file = file;
            this.name = name;
            this.known = known;
        }

        @Override
        public OutputStream openOutputStream() {
            return new java.io.ByteArrayOutputStream() {
                @Override
                public void close() throws IOException {
                    Files.createDirectories(file.getParent());
                    Files.write(file, toByteArray());
                    if (known != null) {
                        known.classes.put(name, hash(Shape.of(toByteArray()).getBytes(StandardCharsets.UTF_8)));
                    }
                }
            };
        }
    }

    private static String hash(byte[] bytes) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(bytes);
            StringBuilder text = new StringBuilder();
            for (int i = 0; i < 16; i++) {
                text.append(Character.forDigit(digest[i] >> 4 & 15, 16)).append(Character.forDigit(digest[i] & 15, 16));
            }
            return text.toString();
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    /** The record begins with the options: under others, nothing that was compiled counts. */
    private Map<Path, Known> load() throws IOException {
        Map<Path, Known> known = new TreeMap<>();
        if (!Files.isRegularFile(record)) {
            return known;
        }
        List<String> lines = Files.readAllLines(record, StandardCharsets.UTF_8);
        if (lines.isEmpty() || !lines.get(0).equals(heading())) {
            return known;
        }
        Known now = null;
        for (String line : lines.subList(1, lines.size())) {
            String[] parts = line.split("\t");
            if (parts[0].equals("source")) {
                now = new Known(parts[1]);
                known.put(Path.of(parts[2]), now);
            } else if (now != null) {
                now.classes.put(parts[2], parts[1]);
            }
        }
        return known;
    }

    private void save(Map<Path, Known> known) throws IOException {
        StringBuilder text = new StringBuilder(heading()).append('\n');
        known.forEach((source, about) -> {
            text.append("source\t").append(about.hash).append('\t').append(source).append('\n');
            about.classes.forEach(
                    (name, shape) -> text.append("class\t").append(shape).append('\t').append(name).append('\n'));
        });
        Files.write(record, text.toString().getBytes(StandardCharsets.UTF_8));
    }

    private String heading() {
        return hash((Runtime.version() + String.join("\0", options)).getBytes(StandardCharsets.UTF_8));
    }
}
