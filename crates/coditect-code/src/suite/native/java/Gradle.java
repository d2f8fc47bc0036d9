package coditect.tool;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads build.gradle and build.gradle.kts as text: the program that they are is not run. Dependencies that are written
 * as constants are understood, and where sources lie.
 */
final class Gradle {
    private static final Pattern INCLUDED = Pattern.compile("[\"'](:?[\\w.\\-]+(?::[\\w.\\-]+)*)[\"']");
    private static final Pattern DEPENDENCY = Pattern.compile(
            "(?m)^\\s*(api|implementation|compile|compileOnly|runtimeOnly|testImplementation|testCompile|testRuntimeOnly"
                    + "|testRuntime|testCompileOnly|runtime|annotationProcessor)\\b\\s*\\(?\\s*(.+)$");
    private static final Pattern COORDINATE =
            Pattern.compile("[\"']([\\w.\\-]+):([\\w.\\-]+)(?::([^\"'@:]+))?(?::([\\w\\-]+))?(?:@\\w+)?[\"']");
    private static final Pattern NAMED = Pattern.compile(
            "group\\s*[:=]\\s*[\"']([^\"']+)[\"']\\s*,\\s*name\\s*[:=]\\s*[\"']([^\"']+)[\"']"
                    + "(?:\\s*,\\s*version\\s*[:=]\\s*[\"']([^\"']+)[\"'])?");
    private static final Pattern PROJECT = Pattern.compile("project\\s*\\(\\s*(?:path\\s*[:=]\\s*)?[\"']:?([^\"']*)[\"']");
    private static final Pattern LIBRARY = Pattern.compile("\\blibs\\.([\\w.]+)");
    private static final Pattern VARIABLE = Pattern.compile(
            "(?m)^\\s*(?:ext\\.|def |val |var |String |set\\([\"'])?([\\w.]+)[\"']?\\s*[=,:]\\s*[\"']([^\"'$]+)[\"']");
    private static final Pattern FOLDERS = Pattern.compile("srcDirs?\\s*[=(]?\\s*\\(?\\[?((?:\\s*[\"'][^\"']+[\"']\\s*,?)+)");
    private static final Pattern RELEASE = Pattern.compile(
            "(?:sourceCompatibility\\s*=\\s*|release\\s*[.=]?\\s*(?:set\\()?\\s*|JavaLanguageVersion\\.of\\()"
                    + "(?:JavaVersion\\.VERSION_)?[\"']?(?:1[._])?(\\d+)");

    private final Path root;
    private final Map<String, String> variables = new HashMap<>();
    /** `libs.x.y` of a version catalogue: its coordinate. */
    private final Map<String, String> catalogue = new HashMap<>();
    /** By path, with `/`. */
    private final Map<String, Module> modules = new LinkedHashMap<>();

    private Gradle(Path root) {
        this.root = root;
    }

    static List<Module> read(Path root) throws IOException {
        Gradle gradle = new Gradle(root);
        gradle.modules.put("", new Module(root, root));
        String settings = text(root, "settings.gradle");
        for (String line : settings.split("\n")) {
            if (line.trim().startsWith("include") && !line.trim().startsWith("includeBuild")
                    || line.trim().matches("[\"'][:\\w.\\-]+[\"'],?\\)?")) {
                Matcher named = INCLUDED.matcher(line);
                while (named.find()) {
                    String name = named.group(1).replaceFirst("^:", "").replace(':', '/');
                    if (Files.isDirectory(root.resolve(name))) {
                        gradle.modules.put(name, new Module(root, root.resolve(name)));
                    }
                }
            }
        }
        gradle.readVariables();
        String common = blocks(text(root, "build.gradle"), "allprojects", "subprojects");
        for (Map.Entry<String, Module> one : gradle.modules.entrySet()) {
            String own = text(one.getValue().folder, "build.gradle");
            gradle.fill(one.getValue(), one.getKey().isEmpty() ? own : common + "\n" + own);
        }
        return new ArrayList<>(gradle.modules.values());
    }

    private static String text(Path folder, String name) throws IOException {
        for (String one : new String[] {name, name + ".kts"}) {
            Path file = folder.resolve(one);
            if (Files.isRegularFile(file)) {
                String text = new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
                return text.replaceAll("(?s)/\\*.*?\\*/", "").replaceAll("(?m)^\\s*//.*$", "");
            }
        }
        return "";
    }

    private void readVariables() throws IOException {
        Path properties = root.resolve("gradle.properties");
        if (Files.isRegularFile(properties)) {
            java.util.Properties read = new java.util.Properties();
            try (java.io.InputStream in = Files.newInputStream(properties)) {
                read.load(in);
            }
            read.forEach((name, value) -> variables.put(name.toString(), value.toString().trim()));
        }
        for (Module module : modules.values()) {
            Matcher found = VARIABLE.matcher(text(module.folder, "build.gradle"));
            while (found.find()) {
                variables.putIfAbsent(found.group(1), found.group(2));
            }
        }
        Path file = root.resolve("gradle/libs.versions.toml");
        if (Files.isRegularFile(file)) {
            readCatalogue(Files.readAllLines(file, StandardCharsets.UTF_8));
        }
    }

    private void readCatalogue(List<String> lines) {
        Map<String, String> versions = new HashMap<>();
        String section = "";
        for (String line : lines) {
            String text = line.trim();
            if (text.startsWith("[")) {
                section = text;
            }
            int equals = text.indexOf('=');
            if (equals < 0 || text.startsWith("#")) {
                continue;
            }
            String name = text.substring(0, equals).trim();
            String value = text.substring(equals + 1).trim();
            if (section.equals("[versions]")) {
                versions.put(name, value.replaceAll("[\"']", ""));
            } else if (section.equals("[libraries]")) {
                String version = part(value, "version");
                version = version.isEmpty() ? versions.getOrDefault(part(value, "version.ref"), "") : version;
                String module = part(value, "module");
                module = module.isEmpty() ? part(value, "group") + ":" + part(value, "name") : module;
                String whole = value.startsWith("{") ? module + ":" + version : value.replaceAll("[\"']", "");
                catalogue.put(name.replace('-', '.').replace('_', '.'), whole);
            }
        }
    }

    private static String part(String table, String key) {
        Matcher found = Pattern.compile("\\b" + Pattern.quote(key) + "\\s*=\\s*[\"']([^\"']+)[\"']").matcher(table);
        return found.find() ? found.group(1) : "";
    }

    private void fill(Module module, String build) throws IOException {
        String sets = blocks(build, "sourceSets");
        folders(module, blocks(sets, "main"), module.mainSources, module.mainResources);
        folders(module, blocks(sets, "test"), module.testSources, module.testResources);
        Plain.standard(module, module.mainSources, "src/main/java");
        Plain.standard(module, module.testSources, "src/test/java");
        Plain.standard(module, module.mainResources, "src/main/resources");
        Plain.standard(module, module.testResources, "src/test/resources");
        Matcher release = RELEASE.matcher(build);
        module.release = release.find() ? Compiler.release(release.group(1), "") : "";
        String own = blocks(build, "dependencies");
        // What the build itself needs is no concern of the tests.
        String buildscript = blocks(blocks(build, "buildscript"), "dependencies");
        own = buildscript.isEmpty() ? own : own.replace(buildscript, "");
        Map<String, String> bom = new HashMap<>();
        Matcher found = DEPENDENCY.matcher(own);
        List<String[]> jars = new ArrayList<>();
        while (found.find()) {
            declared(module, found.group(1), found.group(2), jars, bom);
        }
        Maven.resolve(root, module, pom(jars, bom));
        Matcher arguments = Pattern.compile("jvmArgs\\s*\\(?\\s*\\+?=?\\s*(.+)").matcher(build);
        while (arguments.find()) {
            module.jvmArguments.addAll(Maven.jvm(arguments.group(1).replaceAll("[\"'\\[\\](),]", " ")));
        }
        Matcher property = Pattern.compile("systemProperty\\s*\\(?\\s*[\"']([^\"']+)[\"']\\s*,\\s*[\"']([^\"'$]*)[\"']")
                .matcher(build);
        while (property.find()) {
            module.properties.put(property.group(1), property.group(2));
        }
    }

    /** The same dependencies as a pom has them. */
    private static String pom(List<String[]> jars, Map<String, String> bom) {
        StringBuilder pom = new StringBuilder("<project><groupId>coditect</groupId><artifactId>gradle</artifactId>"
                + "<version>1</version><dependencyManagement><dependencies>");
        bom.forEach((name, version) -> {
            String[] parts = name.split(":");
            element(pom, parts[0], parts[1], version, "<type>pom</type><scope>import</scope>");
        });
        pom.append("</dependencies></dependencyManagement><dependencies>");
        for (String[] jar : jars) {
            String scope = jar[0].startsWith("test") ? "test" : jar[0].startsWith("runtime") ? "runtime" : "compile";
            String classifier = jar[4].isEmpty() ? "" : "<classifier>" + jar[4] + "</classifier>";
            String version = jar[3].isEmpty() && bom.isEmpty() ? Repository.newest(jar[1], jar[2]) : jar[3];
            element(pom, jar[1], jar[2], version == null ? "" : version, "<scope>" + scope + "</scope>" + classifier);
        }
        return pom.append("</dependencies></project>").toString();
    }

    private static void element(StringBuilder pom, String group, String artifact, String version, String rest) {
        pom.append("<dependency><groupId>").append(group).append("</groupId><artifactId>").append(artifact)
                .append("</artifactId>").append(version.isEmpty() ? "" : "<version>" + version + "</version>")
                .append(rest).append("</dependency>");
    }

    private void declared(Module module, String scope, String what, List<String[]> jars, Map<String, String> bom)
            throws IOException {
        module.processors |= scope.equals("annotationProcessor");
        Matcher project = PROJECT.matcher(what);
        Matcher named = NAMED.matcher(what);
        Matcher coordinate = COORDINATE.matcher(what);
        Matcher library = LIBRARY.matcher(what);
        if (project.find()) {
            Module other = modules.get(project.group(1).replace(':', '/'));
            if (other != null && other != module) {
                module.needs.add(other);
            }
        } else if (what.contains("platform(")) {
            if (coordinate.find()) {
                bom.put(coordinate.group(1) + ":" + coordinate.group(2), value(coordinate.group(3)));
            }
        } else if (what.contains("fileTree") || what.contains("files(")) {
            Matcher file = Pattern.compile("[\"']([^\"']+)[\"']").matcher(what);
            while (file.find()) {
                Path at = module.folder.resolve(file.group(1)).normalize();
                List<Path> all = Files.isDirectory(at) ? Plain.files(at, ".jar", false) : List.of(at);
                for (Path jar : all) {
                    if (Files.isRegularFile(jar)) {
                        module.testJars.add(jar);
                        if (!scope.startsWith("test")) {
                            module.mainJars.add(jar);
                        }
                    }
                }
            }
        } else if (named.find()) {
            jars.add(new String[] {scope, named.group(1), named.group(2), value(named.group(3)), ""});
        } else if (coordinate.find()) {
            do {
                jars.add(new String[] {scope, coordinate.group(1), coordinate.group(2), value(coordinate.group(3)),
                    coordinate.group(4) == null ? "" : coordinate.group(4)});
            } while (coordinate.find());
        } else if (library.find() && catalogue.containsKey(library.group(1))) {
            String[] parts = catalogue.get(library.group(1)).split(":");
            if (parts.length > 1) {
                jars.add(new String[] {scope, parts[0], parts[1], parts.length > 2 ? parts[2] : "", ""});
            }
        }
    }

    private void folders(Module module, String set, List<Path> sources, List<Path> resources) {
        String java = blocks(set, "java");
        take(module, java.isEmpty() ? set.replace(blocks(set, "resources"), "") : java, sources);
        take(module, blocks(set, "resources"), resources);
    }

    private static void take(Module module, String text, List<Path> into) {
        Matcher found = FOLDERS.matcher(text);
        while (found.find()) {
            Matcher name = Pattern.compile("[\"']([^\"']+)[\"']").matcher(found.group(1));
            while (name.find()) {
                Path at = module.folder.resolve(name.group(1)).normalize();
                if (Files.isDirectory(at) && !into.contains(at)) {
                    into.add(at);
                }
            }
        }
    }

    /** A version with the variables in it replaced. */
    private String value(String text) {
        if (text == null) {
            return "";
        }
        Matcher found = Pattern.compile("\\$\\{?([\\w.]+)}?").matcher(text);
        StringBuilder out = new StringBuilder();
        while (found.find()) {
            String name = found.group(1);
            String known = variables.getOrDefault(name, variables.get(name.substring(name.lastIndexOf('.') + 1)));
            found.appendReplacement(out, Matcher.quoteReplacement(known == null ? found.group() : known));
        }
        return found.appendTail(out).toString();
    }

    /** The insides of all blocks with one of these names. */
    private static String blocks(String text, String... names) {
        StringBuilder out = new StringBuilder();
        for (String name : names) {
            Matcher found = Pattern.compile("\\b" + name + "\\b\\s*(?:\\.\\w+\\s*)?(?:\\([^){]*\\))?\\s*\\{").matcher(text);
            int from = 0;
            while (found.find(from)) {
                int depth = 1;
                int at = found.end();
                while (at < text.length() && depth > 0) {
                    char c = text.charAt(at++);
                    depth += c == '{' ? 1 : c == '}' ? -1 : 0;
                }
                out.append(text, found.end(), depth == 0 ? at - 1 : at).append('\n');
                from = at;
            }
        }
        return out.toString();
    }
}
