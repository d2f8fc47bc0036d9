package coditect.tool;

import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.junit.runner.Description;
import org.junit.runner.Request;
import org.junit.runner.RunWith;
import org.junit.runner.Runner;
import org.junit.runner.manipulation.Filter;
import org.junit.runner.manipulation.NoTestsRemainException;
import org.junit.runner.notification.Failure;
import org.junit.runner.notification.RunListener;
import org.junit.runner.notification.RunNotifier;

/** JUnit 4, and tests of JUnit 3 by it. */
final class Junit4 implements Framework {
    @Override
    public void run(Collection<Class<?>> classes, Set<String> wanted, Reports reports) {
        List<Runner> runners = new ArrayList<>();
        Set<String> ids = new LinkedHashSet<>();
        for (Class<?> one : classes) {
            Runner runner = isTest(one) ? runner(one, classes, wanted, reports) : null;
            if (runner != null) {
                Set<String> own = leaves(runner.getDescription(), reports);
                // What a suite names again runs once.
                if (ids.addAll(own)) {
                    runners.add(runner);
                }
            }
        }
        reports.collected(ids);
        for (Runner runner : runners) {
            RunNotifier notifier = new RunNotifier();
            notifier.addListener(new Listener(reports));
            runner.run(notifier);
        }
    }

    private static Runner runner(Class<?> of, Collection<Class<?>> classes, Set<String> wanted, Reports reports) {
        Runner runner;
        try {
            runner = Request.aClass(of).getRunner();
            if (isSuite(runner.getDescription(), of, classes)) {
                return null;
            }
        } catch (RuntimeException | LinkageError e) {
            reports.trouble(reports.source(of.getName()), e);
            return null;
        }
        if (wanted != null) {
            try {
                new Only(wanted, reports).apply(runner);
            } catch (NoTestsRemainException e) {
                return null;
            }
        }
        return runner;
    }

    /** A class that only lists others, which are run anyway. */
    private static boolean isSuite(Description description, Class<?> of, Collection<Class<?>> classes) {
        List<Description> open = new ArrayList<>(description.getChildren());
        boolean any = false;
        while (!open.isEmpty()) {
            Description next = open.remove(open.size() - 1);
            open.addAll(next.getChildren());
            if (next.isTest()) {
                Class<?> owner = next.getTestClass();
                any = true;
                if (owner == null || owner == of || owner.getName().startsWith(of.getName() + "$")
                        || !classes.contains(owner)) {
                    return false;
                }
            }
        }
        return any;
    }

    private static boolean isTest(Class<?> one) {
        if (Modifier.isAbstract(one.getModifiers()) || one.isAnonymousClass() || one.isInterface()) {
            return false;
        }
        try {
            if (one.isAnnotationPresent(RunWith.class) || junit.framework.TestCase.class.isAssignableFrom(one)) {
                return true;
            }
            for (Class<?> at = one; at != null && at != Object.class; at = at.getSuperclass()) {
                for (Method method : at.getDeclaredMethods()) {
                    boolean suite = method.getName().equals("suite") && method.getParameterCount() == 0
                            && Modifier.isStatic(method.getModifiers())
                            && junit.framework.Test.class.isAssignableFrom(method.getReturnType());
                    if (suite || method.isAnnotationPresent(org.junit.Test.class)) {
                        return true;
                    }
                }
            }
            return false;
        } catch (LinkageError e) {
            // What it needs is missing: running it says what.
            return true;
        }
    }

    static Set<String> leaves(Description description, Reports reports) {
        Set<String> found = new LinkedHashSet<>();
        List<Description> open = new ArrayList<>();
        open.add(description);
        for (int at = 0; at < open.size(); at++) {
            Description next = open.get(at);
            open.addAll(at + 1, next.getChildren());
            if (next.isTest() && !next.isEmpty()) {
                found.add(id(next, reports));
            }
        }
        return found;
    }

    static String id(Description test, Reports reports) {
        String name = test.getMethodName();
        String owner = test.getClassName();
        return name == null ? reports.id(owner, test.getDisplayName()) : reports.id(owner, name);
    }

    private static final class Only extends Filter {
        private final Set<String> wanted;
        private final Reports reports;

        Only(Set<String> wanted, Reports reports) {
            this.wanted = wanted;
            this.reports = reports;
        }

        @Override
        public boolean shouldRun(Description description) {
            if (description.isTest()) {
                return wanted.contains(id(description, reports));
            }
            return description.getChildren().stream().anyMatch(this::shouldRun);
        }

        @Override
        public String describe() {
            return "what was asked for";
        }
    }

    private static final class Listener extends RunListener {
        private final Reports reports;
        private Failure failure;
        private String skipped;

        Listener(Reports reports) {
            this.reports = reports;
        }

        @Override
        public void testStarted(Description test) {
            failure = null;
            skipped = null;
            reports.start(id(test, reports));
        }

        @Override
        public void testFailure(Failure failed) {
            if (failed.getDescription().isTest()) {
                failure = failed;
                return;
            }
            // A class that cannot be set up takes its tests with it.
            for (String id : leaves(failed.getDescription(), reports)) {
                reports.end(id, status(failed.getException()), failed.getException(), null);
            }
        }

        @Override
        public void testAssumptionFailure(Failure failed) {
            String said = String.valueOf(failed.getMessage());
            if (failed.getDescription().isTest()) {
                skipped = said;
                return;
            }
            leaves(failed.getDescription(), reports).forEach(id -> reports.end(id, "skipped", null, said));
        }

        @Override
        public void testIgnored(Description test) {
            leaves(test, reports).forEach(id -> reports.end(id, "skipped", null, "ignored"));
        }

        @Override
        public void testFinished(Description test) {
            String id = id(test, reports);
            if (failure != null) {
                reports.end(id, status(failure.getException()), failure.getException(), null);
            } else {
                reports.end(id, skipped == null ? "passed" : "skipped", null, skipped);
            }
        }
    }

    private static String status(Throwable trouble) {
        return trouble instanceof AssertionError ? "failed" : "errored";
    }
}
