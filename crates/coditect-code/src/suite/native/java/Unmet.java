package coditect.tool;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.Diagnostic;
import javax.tools.JavaFileObject;

/**
 * Test sources that speak of packages which neither the project nor this machine has: benchmarks, tests of an optional
 * part. They are left out, with those that need them, so that the others can be run.
 */
final class Unmet {
    /** Compilations of one set of tests: each may find sources that need what the one before left out. */
    static final int MOST_ROUNDS = 6;

    private static final Pattern PACKAGE = Pattern.compile("package ([\\w.]+) does not exist");
    private static final Pattern NAME = Pattern.compile("(?:class|variable|symbol|file) (\\w+)");
    private static final Pattern DECLARED = Pattern.compile("(?m)^\\s*package\\s+([\\w.]+)\\s*;");

    /** What is left out. */
    final Set<Path> sources = new LinkedHashSet<>();
    /** Packages that nobody has. */
    final Set<String> packages = new TreeSet<>();
    private final Set<String> own = new HashSet<>();

    /** The sources of the project, whose packages there are, whatever a compiler that lacks them says. */
    Unmet(Iterable<Set<Path>> project) throws IOException {
        for (Set<Path> sources : project) {
            for (Path source : sources) {
                Matcher matcher = DECLARED.matcher(new String(Files.readAllBytes(source), StandardCharsets.ISO_8859_1));
                if (matcher.find()) {
                    own.add(matcher.group(1));
                }
            }
        }
    }

    /** Finds sources to leave out by what the compiler says. True: there are more than before. */
    boolean grow(Compiler.Result result, Set<Path> tests) {
        int before = sources.size();
        Set<String> gone = new HashSet<>();
        sources.forEach(source -> gone.add(source.getFileName().toString().replaceFirst("\\.java$", "")));
        for (Diagnostic<? extends JavaFileObject> error : result.errors) {
            Path source = error.getSource() == null ? null : Path.of(error.getSource().toUri());
            if (source == null || !tests.contains(source)) {
                continue;
            }
            String said = error.getMessage(Locale.ROOT);
            Matcher missing = PACKAGE.matcher(said);
            if (missing.find()) {
                // A class that is left out can be named as if it were a package.
                String name = missing.group(1);
                String last = name.substring(name.lastIndexOf('.') + 1);
                if (!own.contains(name) && name.contains(".") && !Character.isUpperCase(last.charAt(0))) {
                    packages.add(name);
                    sources.add(source);
                } else if (gone.contains(last)) {
                    sources.add(source);
                }
                continue;
            }
            Matcher names = NAME.matcher(said);
            while (names.find()) {
                if (gone.contains(names.group(1))) {
                    sources.add(source);
                }
            }
        }
        return sources.size() > before;
    }
}
