package coditect.tool;

import java.io.File;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TimeZone;
import java.util.TreeSet;

/**
 * Runs tests and reports each on standard output, which is the channel of reports; what tests print goes to standard
 * error. `whole` runs all of them, `select` some; `each` runs every one in a class loader of its own and says which
 * blocks it reached; `picks` tries candidates of a woven build one after the other, each in a class loader of its own.
 */
public final class Run {
    /** What a thread that a candidate left has to end, ms. */
    private static final long THREAD_MS = 50;
    /** Tests that are all run, to see how many a candidate turns green. */
    private static final int FEW = 3;
    /** Candidates that use the same classes at most: what one leaves in them, others see. */
    private static final int MOST_SHARED = 24;
    private static final String PICK = "coditect.pick";

    private final Path home;
    private final Map<String, String> sources = new HashMap<>();
    private final List<String> classes;
    private final Reports reports;

    private Run(Path home) throws IOException {
        this.home = home;
        this.classes = lines(home.resolve("tests.txt"));
        for (String line : lines(home.resolve("sources.txt"))) {
            int tab = line.indexOf('\t');
            sources.put(line.substring(0, tab), line.substring(tab + 1));
        }
        PrintStream rest = new PrintStream(new FileOutputStream(FileDescriptor.err), true);
        reports = new Reports(new FileOutputStream(FileDescriptor.out), sources);
        System.setOut(rest);
    }

    /** Arguments: the directory of the module's build, what to do, and files with what it is done with. */
    public static void main(String[] arguments) throws Exception {
        if (arguments[1].equals("warm")) {
            warm();
            return;
        }
        Run run = new Run(Path.of(arguments[0]));
        switch (arguments[1]) {
            case "whole":
                run.once(null);
                break;
            case "select":
                run.once(new LinkedHashSet<>(lines(Path.of(arguments[2]))));
                break;
            case "each":
                run.each(lines(Path.of(arguments[2])), Integer.parseInt(arguments[3]));
                break;
            case "picks":
                run.picks(lines(Path.of(arguments[2])), lines(Path.of(arguments[3])), lines(Path.of(arguments[4])));
                break;
            default:
                throw new IllegalArgumentException(arguments[1]);
        }
        run.reports.done();
        // Threads that tests left must not keep the process.
        Runtime.getRuntime().halt(0);
    }

    /** Loads what every run needs, for an archive of loaded classes. */
    private static void warm() throws Exception {
        Reports nobody = new Reports(java.io.OutputStream.nullOutputStream(), new HashMap<>());
        framework().run(List.of(Run.class), null, nobody);
        nobody.end("x", "failed", new AssertionError("x", new RuntimeException("y")), null);
        Class.forName("coditect.tool.Loader");
    }

    private static List<String> lines(Path file) throws IOException {
        return Files.isRegularFile(file) ? Files.readAllLines(file, StandardCharsets.UTF_8) : new ArrayList<>();
    }

    private static Framework framework() throws ReflectiveOperationException {
        for (String name : new String[] {"Junit5", "Junit4", "Junit3"}) {
            try {
                return (Framework) Class.forName("coditect.tool." + name).getDeclaredConstructor().newInstance();
            } catch (ClassNotFoundException e) {
                // Built without this one.
                continue;
            }
        }
        throw new ClassNotFoundException("no framework");
    }

    private void once(Set<String> wanted) throws Exception {
        framework().run(load(wanted, Run.class.getClassLoader()), wanted, reports);
    }

    /** Tests of one loader, run with what is made once for it. */
    private void run(Loader loader, Set<String> wanted) throws ReflectiveOperationException {
        if (loader.framework == null) {
            loader.framework = framework();
        }
        loader.framework.run(loader.tests.computeIfAbsent(wanted, ids -> load(ids, loader)), wanted, reports);
    }

    /** The test classes, or those that the wanted tests are in. */
    private Collection<Class<?>> load(Set<String> wanted, ClassLoader loader) {
        Set<String> files = new HashSet<>();
        for (String id : wanted == null ? Collections.<String>emptyList() : wanted) {
            int end = id.indexOf("::");
            files.add(end < 0 ? id : id.substring(0, end));
        }
        Set<String> names = new TreeSet<>();
        for (String name : classes) {
            if (wanted == null || files.contains(reports.source(name))) {
                names.add(name);
            }
        }
        // A test that only a suite names is run by its own class.
        Set<String> known = new HashSet<>();
        names.forEach(name -> known.add(reports.source(name)));
        if (wanted != null) {
            sources.forEach((name, file) -> {
                if (files.contains(file) && !known.contains(file)) {
                    names.add(name);
                }
            });
        }
        List<Class<?>> found = new ArrayList<>();
        for (String name : names) {
            try {
                found.add(Class.forName(name, false, loader));
            } catch (ClassNotFoundException | LinkageError e) {
                reports.trouble(reports.source(name), e);
            }
        }
        return found;
    }

    /** A loader for a candidate, or for what was built: null. */
    private Loader fresh(String pick) throws IOException {
        List<URL> path = new ArrayList<>();
        for (String entry : lines(home.resolve("own.txt"))) {
            path.add(new File(entry).toURI().toURL());
        }
        Path own = pick == null ? null : home.resolveSibling("variants").resolve(pick);
        own = own != null && Files.isDirectory(own) ? own : null;
        return new Loader(path.toArray(new URL[0]), own, Run.class.getClassLoader());
    }

    /** Runs tests one by one. The first few see classes that nobody used before, the others share theirs. */
    private void each(List<String> ids, int fresh) throws Exception {
        reports.collected(ids);
        int first = Math.min(fresh, ids.size());
        for (int i = 0; i < first; i++) {
            each(ids.subList(i, i + 1));
        }
        if (first < ids.size()) {
            each(ids.subList(first, ids.size()));
        }
    }

    private void each(List<String> ids) throws Exception {
        State before = new State();
        try (Loader loader = fresh(null)) {
            reports.hits = () -> hits(loader);
            alone(loader, () -> {
                for (String id : ids) {
                    Set<String> only = Collections.singleton(id);
                    run(loader, only);
                }
            });
        }
        before.restore();
    }

    @SuppressWarnings("unchecked")
    private static Collection<Integer> hits(ClassLoader loader) {
        try {
            Class<?> hit = Class.forName("coditect.Hit", true, loader);
            return (Collection<Integer>) hit.getMethod("seen").invoke(null);
        } catch (ClassNotFoundException | NoSuchMethodException | IllegalAccessException | InvocationTargetException e) {
            return Collections.emptyList();
        }
    }

    /**
     * Tries candidates: each test by itself, where they are many up to the first red one; those that turn all of them
     * green also with tests near them.
     */
    private void picks(List<String> picks, List<String> ids, List<String> near) throws Exception {
        Map<Path, String> project = looks();
        Shared shared = new Shared(ids);
        for (String pick : picks) {
            State before = new State();
            reports.begin(pick);
            reports.collected(ids);
            // Most candidates are red at once: that shows in classes that others used, which are loaded and compiled.
            if (!shared.isRed(pick)) {
                System.setProperty(PICK, pick);
                try (Loader loader = fresh(pick)) {
                    alone(loader, () -> {
                        one(loader, ids);
                        Set<String> others = reports.isRed() || near.isEmpty() ? Set.of() : shared.steady(near);
                        if (!others.isEmpty()) {
                            run(loader, others);
                        }
                    });
                }
            }
            reports.done();
            if (!before.restore() || !looks().equals(project)) {
                // Whoever listens starts another process for the rest, in a clean directory.
                Runtime.getRuntime().halt(0);
            }
        }
    }

    /** Runs the red tests. */
    private void one(Loader loader, List<String> ids) throws Exception {
        for (String id : ids) {
            run(loader, Collections.singleton(id));
            if (reports.isRed() && ids.size() > FEW) {
                break;
            }
        }
    }

    /** Classes that several candidates use one after the other. */
    private final class Shared {
        private final List<String> ids;
        private Loader loader;
        private int used;
        /** Candidates that change what happens while classes are initialised; null: not known yet. */
        private Set<Integer> early;
        private boolean impossible;
        private Set<String> steady;

        Shared(List<String> ids) {
            this.ids = ids;
        }

        /**
         * Of tests that are green, those that are so here too, without a candidate: not all can do with a class loader that
         * is not the system's.
         */
        Set<String> steady(List<String> near) throws Exception {
            if (steady == null) {
                steady = new LinkedHashSet<>(near);
                String pick = System.clearProperty(PICK);
                reports.suspend();
                try (Loader plain = fresh(null)) {
                    alone(plain, () -> run(plain, new LinkedHashSet<>(near)));
                }
                steady.removeAll(reports.resume());
                System.setProperty(PICK, pick);
            }
            return steady;
        }

        /** True: a test is red with this candidate, which has been reported. False: nothing is known. */
        boolean isRed(String pick) throws Exception {
            if (impossible || Files.isDirectory(home.resolveSibling("variants").resolve(pick))) {
                return false;
            }
            if (loader == null || used >= MOST_SHARED) {
                renew();
            }
            if (impossible || early.contains(Integer.valueOf(pick))) {
                return false;
            }
            used++;
            field("at").set(null, Integer.valueOf(pick));
            reports.hold();
            alone(loader, () -> one(loader, ids));
            field("at").set(null, -1);
            if (reports.isRed() && !reports.isBroken()) {
                reports.tell();
                return true;
            }
            used = reports.isBroken() ? MOST_SHARED : used;
            reports.forget();
            return false;
        }

        private void renew() throws Exception {
            if (loader != null) {
                loader.close();
            }
            loader = fresh(null);
            used = 0;
            if (early != null) {
                return;
            }
            early = Collections.newSetFromMap(new java.util.concurrent.ConcurrentHashMap<>());
            try {
                field("early").set(null, early);
            } catch (ClassNotFoundException e) {
                // Nothing is woven.
                impossible = true;
                return;
            }
            reports.hold();
            alone(loader, () -> one(loader, ids));
            reports.forget();
            field("early").set(null, null);
        }

        private java.lang.reflect.Field field(String name) throws ReflectiveOperationException {
            return Class.forName("coditect.Pick", true, loader).getField(name);
        }
    }

    /** How the files of the project look: sizes and times. */
    private static Map<Path, String> looks() throws IOException {
        Map<Path, String> found = new HashMap<>();
        Files.walkFileTree(Path.of("/project"), new SimpleFileVisitor<Path>() {
            @Override
            public FileVisitResult preVisitDirectory(Path at, BasicFileAttributes about) {
                found.put(at, "");
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes about) {
                found.put(file, about.size() + " " + about.lastModifiedTime().toMillis());
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException e) {
                return FileVisitResult.CONTINUE;
            }
        });
        return found;
    }

    private interface Work {
        void run() throws Exception;
    }

    /** Does work on a thread of its own, so that nothing of it stays with this one. */
    private static void alone(ClassLoader loader, Work work) throws Exception {
        Throwable[] trouble = new Throwable[1];
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (Throwable e) {
                trouble[0] = e;
            }
        }, "main");
        thread.setContextClassLoader(loader);
        thread.start();
        thread.join();
        if (trouble[0] != null) {
            throw new IllegalStateException(trouble[0]);
        }
    }

    /** What of the process a test can change for those after it. */
    private static final class State {
        private final Properties properties = (Properties) System.getProperties().clone();
        private final Locale locale = Locale.getDefault();
        private final Locale display = Locale.getDefault(Locale.Category.DISPLAY);
        private final Locale format = Locale.getDefault(Locale.Category.FORMAT);
        private final TimeZone zone = TimeZone.getDefault();
        private final PrintStream out = System.out;
        private final PrintStream err = System.err;
        private final InputStream in = System.in;
        private final Thread.UncaughtExceptionHandler handler = Thread.getDefaultUncaughtExceptionHandler();
        private final Set<Thread> threads = Thread.getAllStackTraces().keySet();
        private final Set<Path> scratch = scratch();

        /** Puts it back. False: something goes on that cannot be ended. */
        boolean restore() throws InterruptedException {
            System.setProperties((Properties) properties.clone());
            Locale.setDefault(locale);
            Locale.setDefault(Locale.Category.DISPLAY, display);
            Locale.setDefault(Locale.Category.FORMAT, format);
            TimeZone.setDefault(zone);
            System.setOut(out);
            System.setErr(err);
            System.setIn(in);
            Thread.setDefaultUncaughtExceptionHandler(handler);
            for (Path path : scratch()) {
                if (!scratch.contains(path)) {
                    delete(path);
                }
            }
            for (Thread thread : Thread.getAllStackTraces().keySet()) {
                if (!threads.contains(thread) && thread != Thread.currentThread() && isOfTests(thread)) {
                    thread.interrupt();
                    thread.join(THREAD_MS);
                    if (thread.isAlive()) {
                        return false;
                    }
                }
            }
            return true;
        }

        /** The JVM starts threads of its own now and then. */
        private static boolean isOfTests(Thread thread) {
            ThreadGroup group = thread.getThreadGroup();
            return group != null && !group.getName().equals("system") && !group.getName().equals("InnocuousThreadGroup");
        }

        private static Set<Path> scratch() {
            Set<Path> found = new HashSet<>();
            File[] files = new File("/tmp").listFiles();
            for (File file : files == null ? new File[0] : files) {
                found.add(file.toPath());
            }
            return found;
        }

        private static void delete(Path path) {
            File[] below = Files.isSymbolicLink(path) ? null : path.toFile().listFiles();
            for (File file : below == null ? new File[0] : below) {
                delete(file.toPath());
            }
            path.toFile().delete();
        }
    }
}
