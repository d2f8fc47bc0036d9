package coditect.tool;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** What is asked for: lines of a word, a tab and a text. */
final class Request {
    Path root;
    /** `-D` of the test command. */
    final Map<String, String> properties = new LinkedHashMap<>();
    final Set<String> profiles = new HashSet<>();
    /** Modules to test, by directory or artifact; empty: all. */
    final List<String> only = new ArrayList<>();
    /** Patterns of test classes; empty: as the project has them. */
    final List<String> classes = new ArrayList<>();
    /** Entries of a class path that the test command names, below the root. */
    final List<String> jars = new ArrayList<>();

    /** By number: texts for sources below the root, in files beside the request. */
    final Map<Integer, Map<Path, Path>> variants = new TreeMap<>();

    /** What is woven into sources. */
    final Arms arms = new Arms();

    static Request read(Path file) throws IOException {
        Request request = new Request();
        for (String line : Files.readAllLines(file, StandardCharsets.UTF_8)) {
            int tab = line.indexOf('\t');
            String word = tab < 0 ? line : line.substring(0, tab);
            String text = tab < 0 ? "" : line.substring(tab + 1);
            switch (word) {
                case "root":
                    request.root = Path.of(text);
                    break;
                case "property":
                    int equals = text.indexOf('=');
                    request.properties.put(equals < 0 ? text : text.substring(0, equals),
                            equals < 0 ? "true" : text.substring(equals + 1));
                    break;
                case "profile":
                    request.profiles.add(text);
                    break;
                case "module":
                    request.only.add(text);
                    break;
                case "class":
                    request.classes.add(text);
                    break;
                case "jar":
                    request.jars.add(text);
                    break;
                case "variant":
                    String[] parts = text.split("\t");
                    request.variants.computeIfAbsent(Integer.valueOf(parts[0]), number -> new LinkedHashMap<>())
                            .put(request.root.resolve(parts[2]), file.resolveSibling(parts[1]));
                    break;
                case "arm":
                    String[] arm = text.split("\t");
                    request.arms.add(request.root.resolve(arm[3]), Integer.parseInt(arm[0]), Integer.parseInt(arm[1]),
                            Integer.parseInt(arm[2]));
                    break;
                default:
                    throw new IOException("the request has an unknown word: " + word);
            }
        }
        return request;
    }
}
