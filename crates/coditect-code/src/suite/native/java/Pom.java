package coditect.tool;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.xml.parsers.DocumentBuilder;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.xml.sax.ErrorHandler;
import org.xml.sax.SAXException;
import org.xml.sax.SAXParseException;

/** A pom.xml with all that it inherits. */
final class Pom {
    /** Parents of a pom, and imports within imports. */
    private static final int MOST_PARENTS = 30;
    private static final Map<Path, Element> PARSED = new HashMap<>();

    final Path file;
    /** This pom first, then its parent, and so on. */
    private final List<Element> line = new ArrayList<>();
    private final Map<String, String> properties = new HashMap<>();
    /** Parents that are not on this machine. */
    final List<String> missingParents = new ArrayList<>();
    private Map<String, Element> managed;
    private final Map<Element, Pom> owners = new HashMap<>();

    private Pom(Path file) {
        this.file = file;
    }

    /** Reads a pom of the project or of the repository. `given` wins over the properties of the pom. */
    static Pom read(Path file, Map<String, String> given, Set<String> profiles) {
        Pom pom = new Pom(file);
        Path at = file;
        while (at != null && pom.line.size() < MOST_PARENTS) {
            Element element = parse(at);
            pom.line.add(element);
            at = pom.parent(at, child(element, "parent"));
        }
        List<Element> oldestFirst = new ArrayList<>(pom.line);
        Collections.reverse(oldestFirst);
        for (Element element : oldestFirst) {
            for (Element part : parts(element, profiles)) {
                for (Element property : children(child(part, "properties"), null)) {
                    pom.properties.put(property.getTagName(), property.getTextContent().trim());
                }
            }
        }
        pom.properties.putAll(given);
        return pom;
    }

    private Path parent(Path of, Element parent) {
        if (parent == null) {
            return null;
        }
        Element relative = child(parent, "relativePath");
        String hop = relative == null ? "../pom.xml" : relative.getTextContent().trim();
        if (!hop.isEmpty() && !of.startsWith("/m2") && !of.startsWith("/gradle") && !of.startsWith("/usr/share")) {
            Path near = of.toAbsolutePath().getParent().resolve(hop).normalize();
            near = Files.isDirectory(near) ? near.resolve("pom.xml") : near;
            if (near.startsWith("/project") && Files.isRegularFile(near)
                    && text(parent, "artifactId").equals(text(parse(near), "artifactId"))) {
                return near;
            }
        }
        String group = text(parent, "groupId");
        String artifact = text(parent, "artifactId");
        String version = text(parent, "version");
        Path found = Repository.find(group, artifact, version, ".pom");
        if (found == null) {
            missingParents.add(group + ":" + artifact + ":pom:" + version);
        }
        return found;
    }

    /** The pom itself and its profiles that are on. */
    private static List<Element> parts(Element pom, Set<String> profiles) {
        List<Element> parts = new ArrayList<>();
        parts.add(pom);
        for (Element profile : children(child(pom, "profiles"), "profile")) {
            Element activation = child(profile, "activation");
            boolean byDefault = "true".equals(text(activation, "activeByDefault"));
            String jdk = text(activation, "jdk");
            if (profiles.contains(text(profile, "id")) || byDefault || isJdk(jdk)) {
                parts.add(profile);
            }
        }
        return parts;
    }

    private static boolean isJdk(String wanted) {
        int now = Runtime.version().feature();
        String range = wanted.replace("1.8", "8").replace("1.7", "7").replace("1.6", "6").replace("1.5", "5");
        if (range.matches("\\d+")) {
            return Integer.parseInt(range) == now;
        }
        if (!range.matches("[\\[(]\\d*,\\d*[\\])]")) {
            return false;
        }
        String[] ends = range.substring(1, range.length() - 1).split(",", -1);
        boolean above = ends[0].isEmpty() || now > Integer.parseInt(ends[0])
                || range.startsWith("[") && now == Integer.parseInt(ends[0]);
        boolean below = ends[1].isEmpty() || now < Integer.parseInt(ends[1])
                || range.endsWith("]") && now == Integer.parseInt(ends[1]);
        return above && below;
    }

    String group() {
        String own = text(line.get(0), "groupId");
        return value(own.isEmpty() ? text(child(line.get(0), "parent"), "groupId") : own);
    }

    String artifact() {
        return value(text(line.get(0), "artifactId"));
    }

    String version() {
        String own = text(line.get(0), "version");
        return value(own.isEmpty() ? text(child(line.get(0), "parent"), "version") : own);
    }

    String packaging() {
        String own = text(line.get(0), "packaging");
        return own.isEmpty() ? "jar" : own;
    }

    /** Text with its `${...}` replaced; what nothing is known of stays as it is. */
    String value(String text) {
        String now = text == null ? "" : text;
        for (int round = 0; round < 10 && now.contains("${"); round++) {
            StringBuilder out = new StringBuilder();
            int at = 0;
            while (true) {
                int from = now.indexOf("${", at);
                int to = from < 0 ? -1 : now.indexOf('}', from);
                if (to < 0) {
                    break;
                }
                String name = now.substring(from + 2, to);
                String known = property(name);
                out.append(now, at, from).append(known == null ? now.substring(from, to + 1) : known);
                at = to + 1;
            }
            String next = out.append(now.substring(at)).toString();
            if (next.equals(now)) {
                break;
            }
            now = next;
        }
        return now;
    }

    private String property(String name) {
        String known = properties.get(name);
        if (known != null) {
            return known;
        }
        switch (name) {
            case "project.groupId":
            case "pom.groupId":
            case "groupId":
                return text(line.get(0), "groupId").isEmpty() ? text(child(line.get(0), "parent"), "groupId")
                        : text(line.get(0), "groupId");
            case "project.version":
            case "pom.version":
            case "version":
                return text(line.get(0), "version").isEmpty() ? text(child(line.get(0), "parent"), "version")
                        : text(line.get(0), "version");
            case "project.parent.version":
            case "parent.version":
                return text(child(line.get(0), "parent"), "version");
            case "project.parent.groupId":
                return text(child(line.get(0), "parent"), "groupId");
            case "project.artifactId":
                return text(line.get(0), "artifactId");
            case "basedir":
            case "project.basedir":
                return file.toAbsolutePath().getParent().toString();
            case "project.build.directory":
                return file.toAbsolutePath().getParent().resolve("target").toString();
            case "project.build.testOutputDirectory":
                return file.toAbsolutePath().getParent().resolve("target/test-classes").toString();
            case "project.build.outputDirectory":
                return file.toAbsolutePath().getParent().resolve("target/classes").toString();
            default:
                return System.getProperty(name);
        }
    }

    /** Elements at a path of names, those of this pom first, of all parents and active profiles after. */
    List<Element> all(Set<String> profiles, String... path) {
        List<Element> found = new ArrayList<>();
        for (Element element : line) {
            for (Element part : parts(element, profiles)) {
                Element at = part;
                for (String name : path) {
                    at = child(at, name);
                }
                if (at != null) {
                    found.add(at);
                }
            }
        }
        return found;
    }

    List<String> modules(Set<String> profiles) {
        List<String> found = new ArrayList<>();
        for (Element part : parts(line.get(0), profiles)) {
            for (Element module : children(child(part, "modules"), "module")) {
                found.add(value(module.getTextContent().trim()));
            }
        }
        return found;
    }

    /** Dependencies of this pom and its parents, the nearest declaration of each. */
    List<Element> dependencies(Set<String> profiles) {
        Map<String, Element> found = new LinkedHashMap<>();
        for (Element list : all(profiles, "dependencies")) {
            for (Element dependency : children(list, "dependency")) {
                found.putIfAbsent(key(dependency), dependency);
            }
        }
        return new ArrayList<>(found.values());
    }

    /** What names a dependency: two with the same key are one. */
    String key(Element dependency) {
        String type = text(dependency, "type");
        return value(text(dependency, "groupId")) + ":" + value(text(dependency, "artifactId")) + ":"
                + (type.isEmpty() ? "jar" : type) + ":" + value(text(dependency, "classifier"));
    }

    /** A part of a dependency, of its own or as it is managed here. */
    String of(Element dependency, String name) {
        String own = text(dependency, name);
        if (!own.isEmpty()) {
            return value(own);
        }
        Element manager = managed().get(key(dependency));
        if (manager == null) {
            return "";
        }
        return owners.getOrDefault(manager, this).value(text(manager, name));
    }

    /** The version that this pom demands of a dependency wherever it comes from, "" for none. */
    String managedVersion(String key) {
        Element manager = managed().get(key);
        return manager == null ? "" : owners.getOrDefault(manager, this).value(text(manager, "version"));
    }

    private Map<String, Element> managed() {
        if (managed == null) {
            managed = new HashMap<>();
            manage(this, managed, owners, new HashSet<>());
        }
        return managed;
    }

    private static void manage(Pom pom, Map<String, Element> into, Map<Element, Pom> owners, Set<Path> seen) {
        if (!seen.add(pom.file) || seen.size() > MOST_PARENTS) {
            return;
        }
        List<Element> imports = new ArrayList<>();
        for (Element list : pom.all(Collections.emptySet(), "dependencyManagement", "dependencies")) {
            for (Element dependency : children(list, "dependency")) {
                if ("import".equals(text(dependency, "scope"))) {
                    imports.add(dependency);
                } else if (into.putIfAbsent(pom.key(dependency), dependency) == null) {
                    owners.put(dependency, pom);
                }
            }
        }
        for (Element one : imports) {
            Path file = Repository.find(pom.value(text(one, "groupId")), pom.value(text(one, "artifactId")),
                    pom.value(text(one, "version")), ".pom");
            if (file != null) {
                manage(read(file, Collections.emptyMap(), Collections.emptySet()), into, owners, seen);
            }
        }
    }

    private static Element parse(Path file) {
        return PARSED.computeIfAbsent(file.toAbsolutePath().normalize(), Pom::parseFresh);
    }

    private static Element parseFresh(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
            factory.setFeature("http://apache.org/xml/features/nonvalidating/load-external-dtd", false);
            factory.setFeature("http://xml.org/sax/features/external-general-entities", false);
            factory.setExpandEntityReferences(false);
            DocumentBuilder builder = factory.newDocumentBuilder();
            builder.setErrorHandler(new Silent());
            return builder.parse(in).getDocumentElement();
        } catch (SAXParseException e) {
            throw new Trouble(file.toString(), "line " + e.getLineNumber() + " is not well formed: " + e.getMessage());
        } catch (IOException | SAXException | javax.xml.parsers.ParserConfigurationException e) {
            throw new Trouble(file.toString(), "it cannot be read: " + e.getMessage());
        }
    }

    /** The first child element with a name, or null. */
    static Element child(Element of, String name) {
        List<Element> found = children(of, name);
        return found.isEmpty() ? null : found.get(0);
    }

    /** Child elements with a name; any, where it is null. */
    static List<Element> children(Element of, String name) {
        List<Element> found = new ArrayList<>();
        for (Node node = of == null ? null : of.getFirstChild(); node != null; node = node.getNextSibling()) {
            if (node instanceof Element && (name == null || ((Element) node).getTagName().equals(name))) {
                found.add((Element) node);
            }
        }
        return found;
    }

    /** The text of a child element, "" for none. */
    static String text(Element of, String name) {
        Element child = child(of, name);
        return child == null ? "" : child.getTextContent().trim();
    }

    /** Errors are thrown, and nothing is printed. */
    private static final class Silent implements ErrorHandler {
        @Override
        public void warning(SAXParseException e) {}

        @Override
        public void error(SAXParseException e) throws SAXParseException {
            throw e;
        }

        @Override
        public void fatalError(SAXParseException e) throws SAXParseException {
            throw e;
        }
    }
}
