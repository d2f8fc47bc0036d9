package coditect.tool;

import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import javax.tools.Diagnostic;
import javax.tools.JavaFileObject;

/**
 * Compiles a project and its tests into the cache, and says what there is to run. Its answers are lines of standard
 * output that begin with a mark: `unit`, `file`, `error`, `missing`, `note`, each with its parts between tabs.
 */
public final class Build {
    private static final String MARK = "\u0001coditect\t";
    /** Names in one note. */
    private static final int NAMED = 5;
    private static final PrintStream OUT = new PrintStream(System.out, false, StandardCharsets.UTF_8);

    private final Request request;
    private final Path cache;
    private final Path tool;
    private final Map<Module, Boolean> changed = new LinkedHashMap<>();
    private final List<Compiler> compilers = new ArrayList<>();
    private final List<Variants.Launch> launches = new ArrayList<>();
    private boolean broken;

    private Build(Request request, Path cache, Path tool) {
        this.request = request;
        this.cache = cache;
        this.tool = tool;
    }

    /** Arguments: the request, which lies beside our own sources, and the directory for what is built. */
    public static void main(String[] arguments) throws IOException {
        Request request = Request.read(Path.of(arguments[0]));
        Build build = new Build(request, Path.of(arguments[1]), Path.of(arguments[0]).toAbsolutePath().getParent());
        try {
            build.run();
        } catch (Trouble trouble) {
            build.error(trouble.file == null ? "" : build.below(Path.of(trouble.file)), 1, trouble.getMessage());
        }
        OUT.flush();
        System.exit(build.broken ? 1 : 0);
    }

    private void run() throws IOException {
        Path root = request.root;
        List<Module> modules;
        if (Files.isRegularFile(root.resolve("pom.xml"))) {
            modules = Maven.read(root, request);
        } else if (Files.isRegularFile(root.resolve("build.gradle")) || Files.isRegularFile(root.resolve("build.gradle.kts"))
                || Files.isRegularFile(root.resolve("settings.gradle"))
                || Files.isRegularFile(root.resolve("settings.gradle.kts"))) {
            modules = Gradle.read(root);
        } else {
            modules = Plain.read(root, request);
        }
        Set<Module> wanted = new LinkedHashSet<>();
        for (Module module : modules) {
            if (request.only.isEmpty() || request.only.contains(module.name)
                    || request.only.contains(":" + module.folder.getFileName())) {
                order(module, wanted);
            }
        }
        for (Module module : wanted) {
            module(module, request.only.isEmpty() || request.only.contains(module.name)
                    || request.only.contains(":" + module.folder.getFileName()));
            if (broken) {
                return;
            }
        }
        request.arms.refused.forEach((number, why) -> say("variant", number.toString(), "refused", why));
        if (!request.variants.isEmpty()) {
            Variants.make(request.variants, compilers, launches, cache.resolve("variants"), this::say);
        }
    }

    /** What a module needs comes before it. */
    private static void order(Module module, Set<Module> into) {
        if (into.contains(module)) {
            return;
        }
        Set<Module> seen = new LinkedHashSet<>();
        closure(module, seen);
        List<Module> all = new ArrayList<>(seen);
        java.util.Collections.reverse(all);
        into.addAll(all);
        into.add(module);
    }

    /** All modules that one needs, itself not. */
    private static void closure(Module module, Set<Module> seen) {
        for (Module need : module.needs) {
            if (seen.size() < 1_000 && seen.add(need)) {
                closure(need, seen);
                // What it needs in turn is built before it.
                for (Module deeper : need.needs) {
                    if (seen.remove(deeper)) {
                        seen.add(deeper);
                    }
                }
            }
        }
        seen.remove(module);
    }

    private void module(Module module, boolean tested) throws IOException {
        Path home = Files.createDirectories(cache.resolve(module.label()));
        Set<Module> needs = new LinkedHashSet<>();
        closure(module, needs);
        Set<Path> jars = new LinkedHashSet<>(module.mainJars);
        Set<Path> testJars = new LinkedHashSet<>(module.testJars);
        boolean stale = false;
        List<Path> siblings = new ArrayList<>();
        for (Module need : needs) {
            stale |= changed.getOrDefault(need, false);
            siblings.add(cache.resolve(need.label()).resolve("classes"));
            siblings.addAll(need.mainResources);
            jars.addAll(need.mainJars);
            testJars.addAll(need.mainJars);
        }
        List<Path> path = new ArrayList<>(siblings);
        path.addAll(jars);
        Path classes = home.resolve("classes");
        Compiler main = new Compiler(module, classes, home.resolve("main.txt"), path);
        Set<Path> sources = sources(module.mainSources, module.testSources);
        Compiler.Result compiled = main.run(sources, stale);
        for (int round = 0; round < Arms.MOST_ROUNDS && !compiled.errors.isEmpty(); round++) {
            if (!request.arms.prune(compiled.errors, Charset.forName(module.encoding))) {
                break;
            }
            compiled = main.run(sources, stale);
        }
        compilers.add(main);
        changed.put(module, compiled.shapeChanged);
        if (!tell(module, compiled) || !tested) {
            return;
        }
        Set<Path> testSources = sources(module.testSources, List.of());
        testSources.removeIf(source -> isExcluded(module, source));
        if (testSources.isEmpty()) {
            return;
        }
        Junit.complete(module, testJars);
        List<Path> testPath = new ArrayList<>();
        testPath.add(classes);
        for (Module need : module.needsTests) {
            testPath.add(cache.resolve(need.label()).resolve("test-classes"));
        }
        testPath.addAll(siblings);
        testPath.addAll(testJars);
        Path testClasses = home.resolve("test-classes");
        Compiler test = new Compiler(module, testClasses, home.resolve("test.txt"), testPath);
        boolean again = stale || compiled.shapeChanged;
        compilers.add(test);
        Compiler.Result tests = test.run(testSources, again);
        if (!tests.errors.isEmpty()) {
            tests = without(module, test, tests, testSources, sources);
        }
        if (!tell(module, tests)) {
            return;
        }
        if (!module.missing.isEmpty()) {
            say("note", "not on this machine, and not needed to compile " + module + ": "
                    + String.join(", ", module.missing));
        }
        Map<String, Path> all = new TreeMap<>(compiled.sources);
        all.putAll(tests.sources);
        write(module, home, testJars, siblings, tests.sources, all);
    }

    /** Compiles tests without those that need what nobody has. */
    private Compiler.Result without(Module module, Compiler test, Compiler.Result first, Set<Path> all, Set<Path> main)
            throws IOException {
        Unmet unmet = new Unmet(List.of(main, all));
        Compiler.Result result = first;
        Set<Path> rest = new LinkedHashSet<>(all);
        for (int round = 0; round < Unmet.MOST_ROUNDS && unmet.grow(result, all); round++) {
            rest.removeAll(unmet.sources);
            if (rest.isEmpty()) {
                module.missing.addAll(unmet.packages);
                return first;
            }
            result = test.run(rest, true);
        }
        if (!result.errors.isEmpty()) {
            return first;
        }
        List<String> names = new ArrayList<>();
        unmet.sources.forEach(source -> names.add(below(source)));
        say("note", "left out: " + names.size() + " test files, which need packages that are not on this machine ("
                + some(new ArrayList<>(unmet.packages)) + "): " + some(names));
        return result;
    }

    /** The first few of a list. */
    private static String some(List<String> all) {
        int most = Math.min(all.size(), NAMED);
        String more = all.size() > most ? " and " + (all.size() - most) + " more" : "";
        return String.join(", ", all.subList(0, most)) + more;
    }

    private Set<Path> sources(List<Path> folders, List<Path> but) throws IOException {
        Set<Path> found = new LinkedHashSet<>();
        for (Path folder : folders) {
            for (Path file : Plain.files(folder, ".java", true)) {
                boolean theirs = but.stream().anyMatch(other -> !folder.startsWith(other) && file.startsWith(other));
                // Without modules everything can be seen, which tests within a module need anyway.
                if (!theirs && !file.endsWith("module-info.java")) {
                    found.add(file);
                }
            }
        }
        return found;
    }

    /** Tells errors. True: there are none. */
    private boolean tell(Module module, Compiler.Result result) {
        for (Diagnostic<? extends JavaFileObject> one : result.errors) {
            JavaFileObject source = one.getSource();
            String file = source == null ? "" : below(Path.of(source.toUri()));
            error(file, Math.max(one.getLineNumber(), 0), one.getMessage(Locale.ROOT));
        }
        if (!result.errors.isEmpty()) {
            for (String missing : module.missing) {
                say("missing", missing);
            }
        }
        return result.errors.isEmpty();
    }

    /** Writes down how the tests of a module are run. */
    private void write(Module module, Path home, Set<Path> jars, List<Path> siblings, Map<String, Path> tests,
            Map<String, Path> all) throws IOException {
        Path runner = Junit.runner(home, tool, jars);
        if (runner == null) {
            say("missing", "junit:junit");
            error("", 0, "the tests of " + module + " need JUnit, and no JUnit is among its dependencies");
            return;
        }
        Set<Path> family = Junit.family(jars);
        List<Path> first = new ArrayList<>();
        first.add(runner);
        first.addAll(family);
        List<Path> own = new ArrayList<>();
        own.add(home.resolve("test-classes"));
        own.addAll(module.testResources);
        own.add(home.resolve("classes"));
        own.addAll(module.mainResources);
        for (Module need : module.needsTests) {
            own.add(cache.resolve(need.label()).resolve("test-classes"));
            own.addAll(need.testResources);
        }
        own.addAll(siblings);
        jars.stream().filter(jar -> !family.contains(jar)).forEach(own::add);
        List<Path> whole = new ArrayList<>(first);
        whole.addAll(own);
        List<String> options = new ArrayList<>(module.jvmArguments);
        options.add("-ea");
        options.add("-Dfile.encoding=UTF-8");
        options.add("-Dbasedir=" + module.folder);
        module.properties.forEach((name, value) -> options.add("-D" + name + "=" + value));
        request.properties.forEach((name, value) -> options.add("-D" + name + "=" + value));
        Path archive = home.resolve("run.jsa");
        if (Files.isRegularFile(archive)) {
            options.add("-XX:SharedArchiveFile=" + archive);
        }
        launches.add(new Variants.Launch(home.getFileName().toString(), options, whole));
        arguments(home.resolve("whole.args"), options, whole);
        // Some ask the class loader of the system for their files.
        List<Path> batch = new ArrayList<>(first);
        batch.addAll(module.testResources);
        batch.addAll(module.mainResources);
        arguments(home.resolve("batch.args"), options, batch);
        Files.write(home.resolve("own.txt"), lines(own));
        List<String> places = new ArrayList<>();
        all.forEach((name, source) -> places.add(name + "\t" + below(source)));
        Files.write(home.resolve("sources.txt"), places);
        List<String> classes = new ArrayList<>();
        Set<String> files = new TreeSet<>();
        tests.forEach((name, source) -> {
            if (isAskedFor(module, name)) {
                classes.add(name);
                files.add(below(source));
            }
        });
        Files.write(home.resolve("tests.txt"), classes);
        say("unit", module.name, home.toString());
        files.forEach(file -> say("file", file));
    }

    private static List<String> lines(Collection<Path> paths) {
        List<String> lines = new ArrayList<>();
        paths.forEach(path -> lines.add(path.toString()));
        return lines;
    }

    static void arguments(Path file, List<String> options, List<Path> classPath) throws IOException {
        StringBuilder text = new StringBuilder();
        for (String option : options) {
            text.append(quoted(option)).append('\n');
        }
        StringBuilder path = new StringBuilder();
        for (Path entry : classPath) {
            path.append(path.length() == 0 ? "" : File.pathSeparator).append(entry);
        }
        text.append("-cp\n").append(quoted(path.toString())).append('\n');
        Files.write(file, text.toString().getBytes(StandardCharsets.UTF_8));
    }

    private static String quoted(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }

    /** Whether the build leaves a test source alone. */
    private static boolean isExcluded(Module module, Path source) {
        for (Path folder : module.testSources) {
            if (source.startsWith(folder)) {
                String file = folder.relativize(source).toString();
                return module.testExcludes.stream().anyMatch(one -> matches(one, file));
            }
        }
        return false;
    }

    private boolean isAskedFor(Module module, String name) {
        // Classes within classes are found through those around them.
        if (name.contains("$") && request.classes.isEmpty() && !module.includes.isEmpty()) {
            return false;
        }
        String file = name.replace('.', '/') + ".java";
        if (!request.classes.isEmpty()) {
            String simple = name.substring(name.lastIndexOf('.') + 1);
            return request.classes.stream().anyMatch(one -> matches(one, simple) || matches(one, name)
                    || matches(one.replace('.', '/') + ".java", file));
        }
        return (module.includes.isEmpty() || module.includes.stream().anyMatch(one -> matches(one, file)))
                && module.excludes.stream().noneMatch(one -> matches(one, file));
    }

    /** Patterns as Maven and Ant have them. */
    private static boolean matches(String pattern, String text) {
        String ant = pattern.replaceAll("\\.class$", ".java").replaceAll("^\\*\\*/", "\u0002");
        StringBuilder regex = new StringBuilder();
        for (int i = 0; i < ant.length(); i++) {
            char c = ant.charAt(i);
            if (c == '\u0002') {
                regex.append("(?:.*/)?");
            } else if (c == '*' && i + 1 < ant.length() && ant.charAt(i + 1) == '*') {
                regex.append(".*");
                i++;
            } else if (c == '*') {
                regex.append("[^/]*");
            } else if (c == '?') {
                regex.append("[^/]");
            } else {
                regex.append(Pattern.quote(String.valueOf(c)));
            }
        }
        return Pattern.matches(regex.toString(), text);
    }

    private String below(Path file) {
        return file.startsWith(request.root) ? request.root.relativize(file).toString() : file.toString();
    }

    private void error(String file, long line, String message) {
        broken = true;
        say("error", file, String.valueOf(line), message);
    }

    private void say(String... parts) {
        StringBuilder line = new StringBuilder(MARK);
        for (int i = 0; i < parts.length; i++) {
            line.append(i == 0 ? "" : "\t").append(parts[i].replace("\n", "\u0002").replace('\t', ' '));
        }
        OUT.print(line.append('\n'));
    }
}
