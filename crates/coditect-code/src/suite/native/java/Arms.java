package coditect.tool;

import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import javax.tools.Diagnostic;
import javax.tools.JavaFileObject;

/**
 * Copies of methods that were woven into sources, each of a candidate. One that does not compile is taken out here, in the
 * process that has the compiler loaded, and the rest is compiled again.
 */
final class Arms {
    /** Times that a module is compiled again at most. */
    static final int MOST_ROUNDS = 8;
    private static final String NOTHING = "{ throw new IllegalStateException(); }";

    /** A copy: whole lines of a source, from 1. */
    private static final class Arm {
        final int number;
        final int first;
        final int last;

        Arm(int number, int first, int last) {
            this.number = number;
            this.first = first;
            this.last = last;
        }
    }

    private final Map<Path, List<Arm>> arms = new LinkedHashMap<>();
    /** Why copies were taken out, by number; nothing: the method had no room for them. */
    final Map<Integer, String> refused = new TreeMap<>();

    void add(Path source, int number, int first, int last) {
        arms.computeIfAbsent(source, key -> new ArrayList<>()).add(new Arm(number, first, last));
    }

    /** Takes out the copies that errors are in. False: there is none. */
    boolean prune(Collection<Diagnostic<? extends JavaFileObject>> errors, Charset encoding) throws IOException {
        Map<Path, List<Arm>> out = new LinkedHashMap<>();
        for (Diagnostic<? extends JavaFileObject> error : errors) {
            Path source = error.getSource() == null ? null : Path.of(error.getSource().toUri());
            List<Arm> known = arms.getOrDefault(source, List.of());
            if (error.getCode() != null && error.getCode().contains("limit.code")) {
                halve(known, error.getLineNumber(), out.computeIfAbsent(source, key -> new ArrayList<>()));
                continue;
            }
            for (Arm arm : known) {
                if (arm.first <= error.getLineNumber() && error.getLineNumber() <= arm.last) {
                    refused.putIfAbsent(arm.number, "line " + error.getLineNumber() + ": " + error.getMessage(Locale.ROOT));
                    out.computeIfAbsent(source, key -> new ArrayList<>()).add(arm);
                }
            }
        }
        out.values().removeIf(List::isEmpty);
        for (Map.Entry<Path, List<Arm>> file : out.entrySet()) {
            arms.get(file.getKey()).removeAll(file.getValue());
            blank(file.getKey(), file.getValue(), encoding);
        }
        return !out.isEmpty();
    }

    /** The method at a line has more code than a method may have: every second copy in it goes. */
    private void halve(List<Arm> known, long line, List<Arm> out) {
        // Copies of one method stand close together: the line before the first is that of the one above, or its head.
        List<Arm> below = new ArrayList<>();
        int next = 0;
        for (Arm arm : known) {
            if (arm.first > line && (below.isEmpty() || arm.first <= next + 2)) {
                below.add(arm);
                next = arm.last;
            }
        }
        for (int i = below.size() - 1; i >= 0; i -= 2) {
            refused.putIfAbsent(below.get(i).number, "");
            out.add(below.get(i));
        }
    }

    private static void blank(Path source, List<Arm> arms, Charset encoding) throws IOException {
        List<String> lines = new ArrayList<>(Arrays.asList(Files.readString(source, encoding).split("\n", -1)));
        for (Arm arm : arms) {
            for (int line = arm.first; line <= arm.last && line <= lines.size(); line++) {
                lines.set(line - 1, line == arm.first ? NOTHING : "");
            }
        }
        Files.writeString(source, String.join("\n", lines), encoding);
    }
}
