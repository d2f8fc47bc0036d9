package coditect.tool;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** Projects without a build file, and what all kinds of projects have in common. */
final class Plain {
    private static final int MOST_FILES = 50_000;
    /** Directories that hold no sources of the project. */
    private static final Set<String> SKIPPED =
            Set.of("target", "build", "out", "bin", "node_modules", ".git", ".gradle", ".idea", ".mvn");

    private Plain() {}

    static List<Module> read(Path root, Request request) throws IOException {
        Module module = new Module(root, root);
        standard(module, module.mainSources, "src/main/java", "src/java", "src", "source", "java");
        standard(module, module.testSources, "src/test/java", "src/test", "test/java", "test", "tests");
        standard(module, module.mainResources, "src/main/resources", "src/resources", "resources");
        standard(module, module.testResources, "src/test/resources", "test/resources");
        boolean split = module.mainSources.isEmpty() || module.testSources.isEmpty();
        if (split) {
            // Sources and tests beside each other are compiled as one.
            Path only = module.mainSources.isEmpty() ? root : module.mainSources.get(0);
            module.mainSources.clear();
            module.testSources.clear();
            module.testSources.add(only);
            module.testResources.add(only);
        } else if (module.testSources.get(0).startsWith(module.mainSources.get(0))) {
            module.mainResources.clear();
        }
        jars(module, request);
        return Collections.singletonList(module);
    }

    /** The first of some directories that there is. */
    static void standard(Module module, List<Path> into, String... names) {
        for (String name : names) {
            Path at = module.folder.resolve(name);
            if (into.isEmpty() && Files.isDirectory(at)) {
                into.add(at);
            }
        }
    }

    /** Jars that the command names, those that the project keeps, and JUnit as the machine has it. */
    private static void jars(Module module, Request request) throws IOException {
        Set<Path> found = new TreeSet<>();
        for (String name : request.jars) {
            for (Path jar : named(request.root, name)) {
                found.add(jar);
            }
        }
        for (String folder : new String[] {"lib", "libs", "jars", "."}) {
            Path at = module.folder.resolve(folder);
            if (Files.isDirectory(at)) {
                found.addAll(folder.equals(".") ? named(module.folder, "*") : files(at, ".jar", false));
            }
        }
        module.mainJars.addAll(found);
        module.testJars.addAll(found);
        String imports = imports(module);
        boolean jupiter = imports.contains("org.junit.jupiter");
        if (jupiter && !has(found, "jupiter-api") && !has(found, "console-standalone")) {
            for (String artifact : new String[] {"junit-jupiter-api", "junit-jupiter-params", "junit-jupiter-engine"}) {
                known(module, "org.junit.jupiter", artifact);
            }
        }
        boolean junit = imports.contains("org.junit.") && !jupiter || imports.contains("junit.framework");
        if (junit && !has(found, "junit")) {
            known(module, "junit", "junit");
        }
        if ((junit || imports.contains("org.hamcrest")) && !has(found, "hamcrest")) {
            String version = Repository.newest("org.hamcrest", "hamcrest");
            known(module, "org.hamcrest", version == null ? "hamcrest-core" : "hamcrest");
        }
    }

    private static void known(Module module, String group, String artifact) {
        String version = Repository.newest(group, artifact);
        if (version == null) {
            module.missing.add(group + ":" + artifact);
            return;
        }
        Path jar = Repository.find(group, artifact, version, ".jar");
        module.mainJars.add(jar);
        module.testJars.add(jar);
    }

    private static boolean has(Set<Path> jars, String part) {
        return jars.stream().anyMatch(jar -> jar.getFileName().toString().contains(part));
    }

    /** Jars of an entry of a class path; `dir/*` is all in a directory. */
    private static List<Path> named(Path root, String entry) throws IOException {
        List<Path> found = new ArrayList<>();
        Path at = root.resolve(entry.endsWith("*") ? entry.substring(0, entry.length() - 1) : entry);
        if (entry.endsWith("*") && Files.isDirectory(at)) {
            try (java.util.stream.Stream<Path> all = Files.list(at)) {
                all.filter(path -> path.toString().endsWith(".jar")).sorted().forEach(found::add);
            }
        } else if (entry.endsWith(".jar") && Files.isRegularFile(at)) {
            found.add(at);
        }
        return found;
    }

    /** The import lines of all sources. */
    private static String imports(Module module) throws IOException {
        StringBuilder imports = new StringBuilder();
        for (Path folder : module.testSources) {
            for (Path file : files(folder, ".java", true)) {
                String text = new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
                text.lines().filter(line -> line.startsWith("import ") || line.contains("org.junit"))
                        .forEach(line -> imports.append(line).append('\n'));
            }
        }
        return imports.toString();
    }

    /** Files below a directory, sorted. Links are not followed. */
    static List<Path> files(Path folder, String end, boolean sources) throws IOException {
        List<Path> found = new ArrayList<>();
        if (!Files.isDirectory(folder)) {
            return found;
        }
        Files.walkFileTree(folder, new SimpleFileVisitor<Path>() {
            @Override
            public FileVisitResult preVisitDirectory(Path at, BasicFileAttributes about) {
                boolean skipped = sources && !at.equals(folder) && SKIPPED.contains(at.getFileName().toString())
                        && !Files.exists(at.resolve("package-info.java"));
                return skipped && isTop(folder, at) ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes about) {
                if (about.isRegularFile() && file.toString().endsWith(end)) {
                    found.add(file);
                }
                return found.size() < MOST_FILES ? FileVisitResult.CONTINUE : FileVisitResult.TERMINATE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException e) {
                return FileVisitResult.CONTINUE;
            }
        });
        Collections.sort(found);
        return found;
    }

    /** Only at the top of a project such names are not packages. */
    private static boolean isTop(Path folder, Path at) {
        return at.getParent().equals(folder);
    }
}
