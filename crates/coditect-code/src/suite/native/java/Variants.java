package coditect.tool;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import javax.tools.StandardJavaFileManager;

/**
 * Candidates that cannot be woven (in the initial value of a field, in a method that is long): each is compiled by itself,
 * in this one process, into a directory that goes before the others on the class path.
 */
final class Variants {
    private Variants() {}

    /** How the tests of a module are run. */
    static final class Launch {
        final String label;
        final List<String> options;
        final List<Path> classPath;

        Launch(String label, List<String> options, List<Path> classPath) {
            this.label = label;
            this.options = options;
            this.classPath = classPath;
        }
    }

    static void make(Map<Integer, Map<Path, Path>> variants, List<Compiler> compilers, List<Launch> launches, Path into,
            Consumer<String[]> say) throws IOException {
        clear(into);
        Map<Compiler, StandardJavaFileManager> managers = new LinkedHashMap<>();
        for (Map.Entry<Integer, Map<Path, Path>> variant : variants.entrySet()) {
            String number = variant.getKey().toString();
            Compiler compiler = null;
            Map<Path, String> texts = new LinkedHashMap<>();
            for (Map.Entry<Path, Path> file : variant.getValue().entrySet()) {
                texts.put(file.getKey(), Files.readString(file.getValue(), StandardCharsets.UTF_8));
                for (Compiler one : compilers) {
                    compiler = compiler == null && one.has(file.getKey()) ? one : compiler;
                }
            }
            if (compiler == null) {
                say.accept(new String[] {"variant", number, "unfit"});
                continue;
            }
            StandardJavaFileManager manager = managers.computeIfAbsent(compiler, Compiler::manager);
            Path home = Files.createDirectories(into.resolve(number));
            Compiler.Variant made = compiler.variant(manager, texts, home);
            if (made.error != null) {
                say.accept(new String[] {"variant", number, "refused", made.error});
                continue;
            }
            say.accept(new String[] {"variant", number, made.unfit ? "unfit" : "fits"});
            for (Launch launch : launches) {
                List<Path> path = new ArrayList<>();
                path.add(home);
                path.addAll(launch.classPath);
                Build.arguments(into.resolve(number + "-" + launch.label + ".args"), launch.options, path);
            }
        }
        for (StandardJavaFileManager manager : managers.values()) {
            manager.close();
        }
    }

    private static void clear(Path directory) throws IOException {
        if (Files.isDirectory(directory)) {
            try (java.util.stream.Stream<Path> all = Files.walk(directory)) {
                for (Path path : (Iterable<Path>) all.sorted(java.util.Comparator.reverseOrder())::iterator) {
                    Files.delete(path);
                }
            }
        }
    }
}
