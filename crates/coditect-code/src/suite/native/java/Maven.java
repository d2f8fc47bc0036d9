package coditect.tool;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.w3c.dom.Element;

/** Reads the modules of a project with a pom.xml. */
final class Maven {
    private static final int MOST_MODULES = 300;
    private static final int MOST_DEPENDENCIES = 3_000;

    private final Path root;
    private final Request request;
    private final Map<Path, Pom> poms = new LinkedHashMap<>();
    /** By group and artifact. */
    private final Map<String, Module> modules = new LinkedHashMap<>();

    private Maven(Path root, Request request) {
        this.root = root;
        this.request = request;
    }

    static List<Module> read(Path root, Request request) {
        Maven maven = new Maven(root, request);
        maven.collect(root.resolve("pom.xml"));
        for (Pom pom : maven.poms.values()) {
            Module module = new Module(root, pom.file.getParent());
            maven.modules.put(pom.group() + ":" + pom.artifact(), module);
        }
        for (Pom pom : maven.poms.values()) {
            maven.fill(pom, maven.modules.get(pom.group() + ":" + pom.artifact()));
        }
        return new ArrayList<>(maven.modules.values());
    }

    private void collect(Path file) {
        if (poms.containsKey(file) || poms.size() >= MOST_MODULES) {
            return;
        }
        Pom pom = Pom.read(file, request.properties, request.profiles);
        poms.put(file, pom);
        for (String name : pom.modules(request.profiles)) {
            Path below = file.getParent().resolve(name).normalize();
            below = below.toString().endsWith(".xml") ? below : below.resolve("pom.xml");
            if (below.startsWith(root) && Files.isRegularFile(below)) {
                collect(below);
            }
        }
    }

    private void fill(Pom pom, Module module) {
        module.missing.addAll(pom.missingParents);
        Set<String> profiles = request.profiles;
        List<Element> builds = pom.all(profiles, "build");
        folders(pom, module, builds);
        String encoding = pom.value("${project.build.sourceEncoding}");
        if (!encoding.contains("${") && java.nio.charset.Charset.isSupported(encoding)) {
            module.encoding = encoding;
        }
        compiler(pom, module);
        surefire(pom, module);
        resolve(pom, module);
    }

    private static void folders(Pom pom, Module module, List<Element> builds) {
        for (Element build : builds) {
            place(pom, module, Pom.text(build, "sourceDirectory"), module.mainSources);
            place(pom, module, Pom.text(build, "testSourceDirectory"), module.testSources);
            for (Element one : Pom.children(Pom.child(build, "resources"), "resource")) {
                place(pom, module, Pom.text(one, "directory"), module.mainResources);
            }
            for (Element one : Pom.children(Pom.child(build, "testResources"), "testResource")) {
                place(pom, module, Pom.text(one, "directory"), module.testResources);
            }
        }
        Plain.standard(module, module.mainSources, "src/main/java");
        Plain.standard(module, module.testSources, "src/test/java");
        Plain.standard(module, module.mainResources, "src/main/resources");
        Plain.standard(module, module.testResources, "src/test/resources");
    }

    private static void place(Pom pom, Module module, String named, List<Path> into) {
        String path = pom.value(named);
        if (!path.isEmpty() && !path.contains("${")) {
            Path at = module.folder.resolve(path).normalize();
            if (Files.isDirectory(at) && !into.contains(at)) {
                into.add(at);
            }
        }
    }

    /** Configurations of a plugin, the nearest first. */
    private List<Element> configurations(Pom pom, String artifact) {
        List<Element> found = new ArrayList<>();
        List<Element> lists = new ArrayList<>(pom.all(request.profiles, "build", "plugins"));
        lists.addAll(pom.all(request.profiles, "build", "pluginManagement", "plugins"));
        for (Element list : lists) {
            for (Element plugin : Pom.children(list, "plugin")) {
                if (artifact.equals(Pom.text(plugin, "artifactId"))) {
                    Element own = Pom.child(plugin, "configuration");
                    if (own != null) {
                        found.add(own);
                    }
                    for (Element execution : Pom.children(Pom.child(plugin, "executions"), "execution")) {
                        if (Pom.text(execution, "id").startsWith("default-")
                                && Pom.child(execution, "configuration") != null) {
                            found.add(Pom.child(execution, "configuration"));
                        }
                    }
                }
            }
        }
        return found;
    }

    private void compiler(Pom pom, Module module) {
        List<Element> configurations = configurations(pom, "maven-compiler-plugin");
        String release = first(pom, configurations, "release", "maven.compiler.release");
        String source = first(pom, configurations, "source", "maven.compiler.source");
        module.release = Compiler.release(release, source);
        for (Element configuration : configurations) {
            for (Element argument : Pom.children(Pom.child(configuration, "compilerArgs"), null)) {
                String text = pom.value(argument.getTextContent().trim());
                if (text.equals("-parameters") || text.startsWith("-A") || text.equals("--enable-preview")) {
                    module.compilerArguments.add(text);
                }
            }
            names(pom, configuration, "testExcludes", module.testExcludes);
            module.processors |= Pom.child(configuration, "annotationProcessorPaths") != null;
            if ("true".equals(pom.value(Pom.text(configuration, "parameters")))) {
                module.compilerArguments.add("-parameters");
            }
        }
        if (module.compilerArguments.contains("--enable-preview")) {
            module.jvmArguments.add("--enable-preview");
        }
    }

    private static String first(Pom pom, List<Element> configurations, String name, String property) {
        for (Element configuration : configurations) {
            String found = pom.value(Pom.text(configuration, name));
            if (!found.isEmpty() && !found.contains("${")) {
                return found;
            }
        }
        String found = pom.value("${" + property + "}");
        return found.contains("${") ? "" : found;
    }

    private void surefire(Pom pom, Module module) {
        List<Element> configurations = configurations(pom, "maven-surefire-plugin");
        for (Element configuration : configurations) {
            names(pom, configuration, "includes", module.includes);
            names(pom, configuration, "excludes", module.excludes);
            for (Element one : Pom.children(Pom.child(configuration, "systemPropertyVariables"), null)) {
                module.properties.putIfAbsent(one.getTagName(), pom.value(one.getTextContent().trim()));
            }
            for (Element one : Pom.children(Pom.child(configuration, "systemProperties"), "property")) {
                module.properties.putIfAbsent(Pom.text(one, "name"), pom.value(Pom.text(one, "value")));
            }
        }
        String line = first(pom, configurations, "argLine", "argLine");
        for (Element configuration : configurations) {
            String own = pom.value(Pom.text(configuration, "argLine"));
            line = line.isEmpty() ? own : line;
        }
        module.jvmArguments.addAll(jvm(line));
        if (module.includes.isEmpty()) {
            module.includes.addAll(
                    Arrays.asList("**/Test*.java", "**/*Test.java", "**/*Tests.java", "**/*TestCase.java"));
        }
    }

    /** The arguments of a JVM that say what tests may do; limits are ours, and agents are left out. */
    static List<String> jvm(String line) {
        List<String> found = new ArrayList<>();
        String[] words = line.trim().split("\\s+");
        for (int i = 0; i < words.length; i++) {
            String word = words[i];
            if (word.contains("${") || word.contains("@{")) {
                continue;
            }
            boolean opens = word.matches("--add-(opens|exports|modules|reads)");
            if (opens && i + 1 < words.length) {
                found.add(word + "=" + words[++i]);
            } else if (word.startsWith("--add-") || word.startsWith("-D") || word.startsWith("-Xss")
                    || word.equals("--enable-preview") || word.startsWith("--illegal-access")
                    || word.startsWith("-XX:-OmitStackTraceInFastThrow")) {
                found.add(word);
            }
        }
        return found;
    }

    private static void names(Pom pom, Element configuration, String list, List<String> into) {
        if (into.isEmpty()) {
            for (Element one : Pom.children(Pom.child(configuration, list), null)) {
                String text = pom.value(one.getTextContent().trim());
                if (!text.isEmpty() && !text.contains("${")) {
                    into.addAll(Arrays.asList(text.split("\\s*,\\s*")));
                }
            }
        }
    }

    /** A dependency on the way to its jar. */
    private static final class Need {
        final Pom declaredIn;
        final Element element;
        final String scope;
        final Set<String> excluded;
        final int depth;

        Need(Pom declaredIn, Element element, String scope, Set<String> excluded, int depth) {
            this.declaredIn = declaredIn;
            this.element = element;
            this.scope = scope;
            this.excluded = excluded;
            this.depth = depth;
        }
    }

    /** Finds the jars of dependencies that are written as a pom. */
    static void resolve(Path root, Module module, String pom) throws IOException {
        Path file = Files.createTempFile("dependencies", ".xml");
        Files.write(file, pom.getBytes(StandardCharsets.UTF_8));
        Request nothing = new Request();
        new Maven(root, nothing).resolve(Pom.read(file, nothing.properties, nothing.profiles), module);
    }

    /** The nearest declaration of each artifact wins, as Maven has it. */
    private void resolve(Pom pom, Module module) {
        ArrayDeque<Need> open = new ArrayDeque<>();
        for (Element dependency : pom.dependencies(request.profiles)) {
            String scope = pom.of(dependency, "scope");
            open.add(new Need(pom, dependency, scope.isEmpty() ? "compile" : scope, Collections.emptySet(), 0));
        }
        Map<String, String> scopes = new HashMap<>();
        int count = 0;
        while (!open.isEmpty() && count++ < MOST_DEPENDENCIES) {
            Need need = open.poll();
            String key = need.declaredIn.key(need.element);
            String before = scopes.get(key);
            boolean better = before != null && before.equals("test") && !need.scope.equals("test");
            if (before != null && !better) {
                continue;
            }
            scopes.put(key, need.scope);
            take(pom, module, need, key, open);
        }
    }

    private void take(Pom pom, Module module, Need need, String key, ArrayDeque<Need> open) {
        String[] parts = key.split(":", -1);
        String type = parts[2];
        String classifier = parts[3].isEmpty() && type.equals("test-jar") ? "tests" : parts[3];
        Module sibling = modules.get(parts[0] + ":" + parts[1]);
        if (sibling != null) {
            (classifier.equals("tests") ? module.needsTests : module.needs).add(sibling);
            module.needs.add(sibling);
        }
        String managed = need.depth > 0 ? pom.managedVersion(key) : "";
        String version = managed.isEmpty() ? need.declaredIn.of(need.element, "version") : managed;
        version = range(version);
        if (sibling == null && !type.equals("pom")) {
            String end = (classifier.isEmpty() ? "" : "-" + classifier) + ".jar";
            Path jar = need.scope.equals("system") ? system(need) : Repository.find(parts[0], parts[1], version, end);
            if (jar == null) {
                if (!"true".equals(need.declaredIn.of(need.element, "optional"))) {
                    module.missing.add(parts[0] + ":" + parts[1] + ":" + version);
                }
            } else {
                module.testJars.add(jar);
                if (!need.scope.equals("test") && !need.scope.equals("runtime")) {
                    module.mainJars.add(jar);
                }
            }
        }
        Path file = sibling == null ? Repository.find(parts[0], parts[1], version, ".pom")
                : sibling.folder.resolve("pom.xml");
        if (file == null || need.depth > 40) {
            return;
        }
        Set<String> excluded = new HashSet<>(need.excluded);
        for (Element one : Pom.children(Pom.child(need.element, "exclusions"), "exclusion")) {
            excluded.add(Pom.text(one, "groupId") + ":" + Pom.text(one, "artifactId"));
        }
        Pom theirs = poms.getOrDefault(file, Pom.read(file, Collections.emptyMap(), Collections.emptySet()));
        for (Element next : theirs.dependencies(Collections.emptySet())) {
            follow(need, theirs, next, excluded, open);
        }
    }

    private static void follow(Need need, Pom theirs, Element next, Set<String> excluded, ArrayDeque<Need> open) {
        String scope = theirs.of(next, "scope");
        scope = scope.isEmpty() ? "compile" : scope;
        String group = theirs.value(Pom.text(next, "groupId"));
        boolean off = excluded.contains(group + ":" + theirs.value(Pom.text(next, "artifactId")))
                || excluded.contains(group + ":*") || excluded.contains("*:*");
        boolean optional = "true".equals(theirs.of(next, "optional"));
        if (off || optional || !(scope.equals("compile") || scope.equals("runtime"))) {
            return;
        }
        String own = need.scope.equals("compile") ? scope : need.scope;
        open.add(new Need(theirs, next, own, excluded, need.depth + 1));
    }

    private static Path system(Need need) {
        Path path = java.nio.file.Paths.get(need.declaredIn.value(Pom.text(need.element, "systemPath")));
        return Files.isRegularFile(path) ? path : null;
    }

    /** `[1.0,2.0)` means its lower end here, and `[1.0]` itself. */
    private static String range(String version) {
        if (!version.startsWith("[") && !version.startsWith("(")) {
            return version;
        }
        String inner = version.substring(1).replaceAll("[\\])].*", "");
        return inner.split(",")[0].trim();
    }
}
