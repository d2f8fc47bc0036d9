package coditect.tool;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** One module of a project: what is compiled together, and how its tests are run. */
final class Module {
    /** Its directory. */
    final Path folder;
    /** That directory below the project's root, "" for the root itself. */
    final String name;
    final List<Path> mainSources = new ArrayList<>();
    final List<Path> testSources = new ArrayList<>();
    final List<Path> mainResources = new ArrayList<>();
    final List<Path> testResources = new ArrayList<>();
    /** Jars in the order of the class path. */
    final Set<Path> mainJars = new LinkedHashSet<>();
    final Set<Path> testJars = new LinkedHashSet<>();
    /** Modules of the same project. */
    final Set<Module> needs = new LinkedHashSet<>();
    /** Modules whose tests' classes are needed too. */
    final Set<Module> needsTests = new LinkedHashSet<>();
    /** Dependencies that are nowhere on this machine. */
    final Set<String> missing = new LinkedHashSet<>();
    String encoding = "UTF-8";
    /** Release of the language, "" for the compiler's own. */
    String release = "";
    /** Further arguments of the compiler. */
    final List<String> compilerArguments = new ArrayList<>();
    /** Whether annotation processors on the class path take part. */
    boolean processors;
    /** Patterns of the test classes to run, as Maven has them; empty: all. */
    final List<String> includes = new ArrayList<>();
    final List<String> excludes = new ArrayList<>();
    /** Patterns of test sources that are not compiled. */
    final List<String> testExcludes = new ArrayList<>();
    final List<String> jvmArguments = new ArrayList<>();
    final Map<String, String> properties = new LinkedHashMap<>();

    Module(Path root, Path folder) {
        this.folder = folder;
        this.name = root.relativize(folder).toString();
    }

    /** A directory name for what is built of it. */
    String label() {
        return name.isEmpty() ? "root" : "m-" + name.replace('/', '-');
    }

    @Override
    public String toString() {
        return name.isEmpty() ? "the project" : name;
    }
}
