package coditect.tool;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.jar.JarOutputStream;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/** Which JUnit a project's tests have, and our runner for it. */
final class Junit {
    private static final Pattern FAMILY = Pattern.compile(
            "(junit4?|junit-dep|junit-[\\dx][\\w.\\-]*|junit-(platform|jupiter|vintage)[\\w.\\-]*|hamcrest[\\w.\\-]*"
                    + "|opentest4j-?[\\d.]*|apiguardian[\\w.\\-]*|univocity-parsers[\\w.\\-]*)\\.jar");
    private static final int WARMED_S = 60;

    private Junit() {}

    /** JUnit and what it stands on. */
    static Set<Path> family(Set<Path> jars) {
        Set<Path> found = new LinkedHashSet<>();
        for (Path jar : jars) {
            if (FAMILY.matcher(jar.getFileName().toString()).matches()) {
                found.add(jar);
            }
        }
        return found;
    }

    /** Adds what build tools add by themselves to JUnit 5: its engine and its launcher. */
    static void complete(Module module, Set<Path> jars) throws IOException {
        if (!has(jars, "org/junit/jupiter/api/Test.class") && !has(jars, "org/junit/platform/engine/TestEngine.class")) {
            return;
        }
        String jupiter = version(jars, "junit-jupiter-api");
        if (has(jars, "org/junit/jupiter/api/Test.class")
                && !has(jars, "org/junit/jupiter/engine/JupiterTestEngine.class")) {
            add(module, jars, "org.junit.jupiter", "junit-jupiter-engine", jupiter);
        }
        if (!has(jars, "org/junit/platform/launcher/Launcher.class")) {
            String platform = version(jars, "junit-platform-engine");
            platform = platform == null ? version(jars, "junit-platform-commons") : platform;
            platform = platform == null && jupiter != null ? jupiter.replaceFirst("^5", "1") : platform;
            add(module, jars, "org.junit.platform", "junit-platform-launcher", platform);
        }
    }

    private static void add(Module module, Set<Path> jars, String group, String artifact, String version)
            throws IOException {
        String found = version != null && Repository.find(group, artifact, version, ".jar") != null ? version
                : Repository.newest(group, artifact);
        if (found == null) {
            module.missing.add(group + ":" + artifact + (version == null ? "" : ":" + version));
            return;
        }
        Maven.resolve(module.folder, module, "<project><groupId>coditect</groupId><artifactId>junit</artifactId>"
                + "<version>1</version><dependencies><dependency><groupId>" + group + "</groupId><artifactId>" + artifact
                + "</artifactId><version>" + found + "</version><scope>test</scope></dependency></dependencies></project>");
        for (Path jar : module.testJars) {
            // A second version of what is there would be one too many.
            String name = jar.getFileName().toString().replaceFirst("-[\\dx][\\w.\\-]*\\.jar$", "");
            if (jars.stream().noneMatch(known -> known.getFileName().toString().startsWith(name + "-")
                    || known.getFileName().toString().equals(name + ".jar"))) {
                jars.add(jar);
            }
        }
    }

    private static String version(Set<Path> jars, String artifact) {
        Pattern pattern = Pattern.compile(Pattern.quote(artifact) + "-(\\d[\\w.\\-]*)\\.jar");
        for (Path jar : jars) {
            Matcher name = pattern.matcher(jar.getFileName().toString());
            if (name.matches()) {
                return name.group(1);
            }
        }
        return null;
    }

    private static boolean has(Set<Path> jars, String entry) {
        for (Path jar : jars) {
            try (ZipFile zip = new ZipFile(jar.toFile())) {
                if (zip.getEntry(entry) != null) {
                    return true;
                }
            } catch (IOException e) {
                // A jar that cannot be read has nothing in it.
                continue;
            }
        }
        return false;
    }

    /** A jar with our runner for these jars, made once. Null: there is no JUnit among them. */
    static Path runner(Path home, Path tool, Set<Path> jars) throws IOException {
        List<String> sources = new ArrayList<>();
        sources.add("Run.java");
        sources.add("Reports.java");
        sources.add("Loader.java");
        sources.add("Framework.java");
        if (has(jars, "org/junit/platform/launcher/Launcher.class")) {
            sources.add("Junit5.java");
        } else if (has(jars, "org/junit/runner/JUnitCore.class")) {
            sources.add("Junit4.java");
        } else if (has(jars, "junit/framework/TestCase.class")) {
            sources.add("Junit3.java");
        } else {
            return null;
        }
        Path jar = home.resolve("runner.jar");
        Path stamp = home.resolve("runner.txt");
        Path archive = home.resolve("run.jsa");
        StringBuilder text = new StringBuilder();
        for (String name : sources) {
            text.append(Files.readString(tool.resolve(name)));
        }
        String about = Runtime.version() + " " + text.toString().hashCode() + " " + sources + " " + jars;
        if (Files.isRegularFile(stamp) && Files.isRegularFile(jar) && Files.readString(stamp).equals(about)) {
            return jar;
        }
        Files.deleteIfExists(archive);
        Module own = new Module(home, home);
        Path classes = home.resolve("runner");
        Set<Path> files = new LinkedHashSet<>();
        sources.forEach(name -> files.add(tool.resolve(name)));
        Compiler.Result compiled = new Compiler(own, classes, home.resolve("runner-record.txt"), jars).run(files, true);
        if (!compiled.errors.isEmpty()) {
            throw new Trouble(null, "the runner does not fit this JUnit: " + compiled.errors.get(0));
        }
        try (OutputStream out = Files.newOutputStream(jar); JarOutputStream zip = new JarOutputStream(out)) {
            for (Path file : Plain.files(classes, ".class", false)) {
                zip.putNextEntry(new ZipEntry(classes.relativize(file).toString()));
                Files.copy(file, zip);
                zip.closeEntry();
            }
        }
        archive(home, jar, archive, jars);
        Files.write(stamp, about.getBytes(StandardCharsets.UTF_8));
        return jar;
    }

    /** Keeps the loaded classes of JUnit and the runner, so that the next start is faster. Without it all works too. */
    private static void archive(Path home, Path jar, Path archive, Set<Path> jars) throws IOException {
        StringBuilder path = new StringBuilder(jar.toString());
        family(jars).forEach(one -> path.append(':').append(one));
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m", "-XX:ArchiveClassesAtExit=" + archive,
                "-cp", path.toString(), "coditect.tool.Run", home.toString(), "warm")
                .redirectErrorStream(true).redirectOutput(home.resolve("archive.log").toFile()).start();
        try {
            if (!process.waitFor(WARMED_S, TimeUnit.SECONDS) || process.exitValue() != 0) {
                process.destroyForcibly();
                Files.deleteIfExists(archive);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
