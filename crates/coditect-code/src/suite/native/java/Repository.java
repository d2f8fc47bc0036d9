package coditect.tool;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * What was fetched before and is on this machine: Maven's local repository, Gradle's cache and Debian's packages.
 * Nothing is ever fetched.
 */
final class Repository {
    private static final Path MAVEN = Paths.get("/m2");
    private static final Path GRADLE = Paths.get("/gradle");
    private static final Path DEBIAN = Paths.get("/usr/share/maven-repo");

    private Repository() {}

    /** A file of an artifact, or null. `end` is what follows the version in its name, such as ".jar". */
    static Path find(String group, String artifact, String version, String end) {
        String folder = group.replace('.', '/') + "/" + artifact;
        String name = artifact + "-" + version + end;
        Path local = MAVEN.resolve(folder).resolve(version).resolve(name);
        if (Files.isRegularFile(local)) {
            return local;
        }
        Path cached = inGradle(GRADLE.resolve(group).resolve(artifact).resolve(version), name);
        return cached != null ? cached : inDebian(DEBIAN.resolve(folder), artifact, version, end);
    }

    /** The newest version that there is of an artifact, or null. */
    static String newest(String group, String artifact) {
        List<String> versions = new ArrayList<>(entries(MAVEN.resolve(group.replace('.', '/')).resolve(artifact)));
        versions.addAll(entries(GRADLE.resolve(group).resolve(artifact)));
        versions.removeIf(version -> find(group, artifact, version, ".jar") == null);
        if (versions.isEmpty()) {
            versions.addAll(entries(DEBIAN.resolve(group.replace('.', '/')).resolve(artifact)));
            versions.removeIf(version -> find(group, artifact, version, ".jar") == null);
        }
        return versions.stream().max(Repository::compare).orElse(null);
    }

    private static Path inGradle(Path folder, String name) {
        // Below the version every file has a directory of its own, named by its hash.
        for (String hash : entries(folder)) {
            Path file = folder.resolve(hash).resolve(name);
            if (Files.isRegularFile(file)) {
                return file;
            }
        }
        return null;
    }

    /** Debian has one version of most things, under its number and under a name that stands for any number. */
    private static Path inDebian(Path folder, String artifact, String version, String end) {
        List<String> tried = new ArrayList<>();
        tried.add(version);
        int dot = version.indexOf('.');
        tried.add(dot > 0 ? version.substring(0, dot) + ".x" : version);
        tried.add("debian");
        List<String> others = entries(folder);
        others.sort(Comparator.comparing((String other) -> other, Repository::compare).reversed());
        tried.addAll(others);
        for (String one : tried) {
            Path file = folder.resolve(one).resolve(artifact + "-" + one + end);
            if (Files.isRegularFile(file)) {
                return file;
            }
        }
        return null;
    }

    private static List<String> entries(Path folder) {
        List<String> found = new ArrayList<>();
        if (Files.isDirectory(folder)) {
            try (DirectoryStream<Path> all = Files.newDirectoryStream(folder)) {
                all.forEach(path -> found.add(path.getFileName().toString()));
            } catch (IOException e) {
                // What cannot be read is not there.
                found.clear();
            }
        }
        return found;
    }

    /** Compares versions number by number. */
    static int compare(String a, String b) {
        String[] left = a.split("[.-]");
        String[] right = b.split("[.-]");
        for (int i = 0; i < Math.max(left.length, right.length); i++) {
            String x = i < left.length ? left[i] : "0";
            String y = i < right.length ? right[i] : "0";
            boolean numbers = x.matches("\\d{1,9}") && y.matches("\\d{1,9}");
            int order = numbers ? Integer.compare(Integer.parseInt(x), Integer.parseInt(y)) : x.compareTo(y);
            if (order != 0) {
                return order;
            }
        }
        return 0;
    }
}
