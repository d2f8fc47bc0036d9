package coditect.tool;

import java.util.Collection;
import java.util.Set;

/** A testing framework: finds tests, runs them and reports each. */
interface Framework {
    /** Runs the tests of classes; of them only those with these ids, where that is not null. */
    void run(Collection<Class<?>> classes, Set<String> wanted, Reports reports);
}
