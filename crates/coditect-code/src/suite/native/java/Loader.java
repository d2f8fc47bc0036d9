package coditect.tool;

import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.security.ProtectionDomain;
import java.security.cert.Certificate;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Loads the classes of a project anew for each candidate; what was read of them is kept. */
final class Loader extends URLClassLoader {
    /** Class files by name; empty where there is none. */
    private static final Map<String, Optional<Read>> KEPT = new ConcurrentHashMap<>();

    private static final class Read {
        final byte[] code;
        final URL from;

        Read(byte[] code, URL from) {
            this.code = code;
            this.from = from;
        }
    }

    static {
        registerAsParallelCapable();
    }

    /** Runs tests of these classes; null: nothing was run yet. */
    Framework framework;
    /** Test classes that were loaded, by the tests that were wanted. */
    final Map<Set<String>, Collection<Class<?>>> tests = new HashMap<>();
    /** Classes of this candidate alone; null: none. */
    private final Path own;

    Loader(URL[] path, Path own, ClassLoader parent) {
        super(path, parent);
        this.own = own;
    }

    @Override
    protected Class<?> findClass(String name) throws ClassNotFoundException {
        Read read = own == null ? null : own(name);
        if (read == null) {
            read = KEPT.computeIfAbsent(name, this::read).orElseThrow(() -> new ClassNotFoundException(name));
        }
        int dot = name.lastIndexOf('.');
        if (dot > 0 && getDefinedPackage(name.substring(0, dot)) == null) {
            try {
                definePackage(name.substring(0, dot), null, null, null, null, null, null, null);
            } catch (IllegalArgumentException e) {
                // Another thread was faster.
                assert getDefinedPackage(name.substring(0, dot)) != null;
            }
        }
        ProtectionDomain domain = new ProtectionDomain(new CodeSource(read.from, (Certificate[]) null), null, this, null);
        return defineClass(name, read.code, 0, read.code.length, domain);
    }

    private Read own(String name) {
        Path file = own.resolve(name.replace('.', '/') + ".class");
        try {
            return Files.isRegularFile(file) ? new Read(Files.readAllBytes(file), own.toUri().toURL()) : null;
        } catch (IOException e) {
            return null;
        }
    }

    private Optional<Read> read(String name) {
        String path = name.replace('.', '/') + ".class";
        URL url = findResource(path);
        if (url == null) {
            return Optional.empty();
        }
        try (InputStream in = url.openStream()) {
            String all = url.toString();
            String from = all.substring(0, all.length() - path.length());
            from = from.startsWith("jar:") && from.endsWith("!/") ? from.substring(4, from.length() - 2) : from;
            return Optional.of(new Read(in.readAllBytes(), new URL(from)));
        } catch (IOException e) {
            return Optional.empty();
        }
    }
}
