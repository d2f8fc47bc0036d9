package coditect.tool;

import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Enumeration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import junit.framework.AssertionFailedError;
import junit.framework.Test;
import junit.framework.TestCase;
import junit.framework.TestListener;
import junit.framework.TestResult;
import junit.framework.TestSuite;

/** JUnit 3 where there is no newer one. */
final class Junit3 implements Framework {
    @Override
    public void run(Collection<Class<?>> classes, Set<String> wanted, Reports reports) {
        List<TestCase> cases = new ArrayList<>();
        Set<String> ids = new LinkedHashSet<>();
        for (Class<?> one : classes) {
            if (TestCase.class.isAssignableFrom(one) && !Modifier.isAbstract(one.getModifiers())) {
                flatten(new TestSuite(one.asSubclass(TestCase.class)), cases);
            }
        }
        cases.removeIf(test -> wanted != null && !wanted.contains(id(test, reports)));
        cases.forEach(test -> ids.add(id(test, reports)));
        reports.collected(ids);
        TestResult result = new TestResult();
        result.addListener(new Listener(reports));
        cases.forEach(test -> test.run(result));
    }

    private static void flatten(TestSuite suite, List<TestCase> into) {
        for (Enumeration<Test> all = suite.tests(); all.hasMoreElements();) {
            Test next = all.nextElement();
            if (next instanceof TestSuite) {
                flatten((TestSuite) next, into);
            } else if (next instanceof TestCase) {
                into.add((TestCase) next);
            }
        }
    }

    private static String id(Test test, Reports reports) {
        return reports.id(test.getClass().getName(), ((TestCase) test).getName());
    }

    private static final class Listener implements TestListener {
        private final Reports reports;
        private Throwable trouble;

        Listener(Reports reports) {
            this.reports = reports;
        }

        @Override
        public void startTest(Test test) {
            trouble = null;
            reports.start(id(test, reports));
        }

        @Override
        public void addError(Test test, Throwable thrown) {
            trouble = thrown;
        }

        @Override
        public void addFailure(Test test, AssertionFailedError thrown) {
            trouble = thrown;
        }

        @Override
        public void endTest(Test test) {
            String status = trouble == null ? "passed" : trouble instanceof AssertionFailedError ? "failed" : "errored";
            reports.end(id(test, reports), status, trouble, null);
        }
    }
}
