package coditect.tool;

import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectUniqueId;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.platform.engine.DiscoverySelector;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.TestSource;
import org.junit.platform.engine.support.descriptor.ClassSource;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.Launcher;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.TestPlan;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/** JUnit 5, and older tests by its engines. */
final class Junit5 implements Framework {
    /** Made once: it looks through the whole class path for engines. */
    private Launcher launcher;
    /** What was found for tests that were wanted before, of the same classes. */
    private final Map<Set<String>, Found> found = new HashMap<>();

    /** Tests, ready to be run again and again. */
    private static final class Found {
        final Names names;
        final LauncherDiscoveryRequest request;
        final Set<String> known;

        Found(Names names, LauncherDiscoveryRequest request, Set<String> known) {
            this.names = names;
            this.request = request;
            this.known = known;
        }
    }

    @Override
    public void run(Collection<Class<?>> classes, Set<String> wanted, Reports reports) {
        Found tests = wanted == null ? null : found.get(wanted);
        if (tests == null) {
            tests = find(classes, wanted, reports);
            if (wanted != null) {
                found.put(new LinkedHashSet<>(wanted), tests);
            }
        }
        reports.collected(tests.known);
        if (tests.request != null) {
            launcher.execute(tests.request, new Listener(tests.names, reports));
        }
    }

    private Found find(Collection<Class<?>> classes, Set<String> wanted, Reports reports) {
        launcher = launcher == null ? LauncherFactory.create() : launcher;
        List<DiscoverySelector> selectors = new ArrayList<>();
        classes.forEach(one -> selectors.add(selectClass(one)));
        LauncherDiscoveryRequest request = request(selectors);
        TestPlan plan = launcher.discover(request);
        Names names = new Names(plan, reports);
        Set<String> known = new LinkedHashSet<>();
        if (wanted != null) {
            selectors.clear();
            for (String id : wanted) {
                String unique = names.unique(id);
                if (unique != null) {
                    selectors.add(selectUniqueId(unique));
                }
            }
            if (selectors.isEmpty()) {
                return new Found(names, null, known);
            }
            request = request(selectors);
            plan = launcher.discover(request);
        }
        // What is made while a test runs (parameters) is known only then.
        for (TestIdentifier root : plan.getRoots()) {
            for (TestIdentifier one : plan.getDescendants(root)) {
                if (one.isTest()) {
                    known.add(names.id(one));
                }
            }
        }
        for (String id : wanted == null ? List.<String>of() : wanted) {
            if (names.unique(id) != null) {
                known.add(id);
            }
        }
        return new Found(names, request, known);
    }

    private static LauncherDiscoveryRequest request(List<DiscoverySelector> selectors) {
        return LauncherDiscoveryRequestBuilder.request().selectors(selectors)
                .configurationParameter("junit.jupiter.execution.parallel.enabled", "false").build();
    }

    /** Ids of tests, and back. */
    private static final class Names {
        private final Map<String, String> ids = new HashMap<>();
        private final Map<String, String> uniques = new LinkedHashMap<>();
        private final Reports reports;

        Names(TestPlan plan, Reports reports) {
            this.reports = reports;
            Map<String, Integer> count = new HashMap<>();
            List<TestIdentifier> all = new ArrayList<>();
            plan.getRoots().forEach(root -> all.addAll(plan.getDescendants(root)));
            all.removeIf(one -> !(one.getSource().orElse(null) instanceof MethodSource));
            all.forEach(one -> count.merge(simple(one), 1, Integer::sum));
            for (TestIdentifier one : all) {
                String id = simple(one);
                if (count.get(id) > 1) {
                    MethodSource source = (MethodSource) one.getSource().get();
                    id += "(" + source.getMethodParameterTypes() + ")";
                }
                ids.put(one.getUniqueId(), id);
                uniques.put(id, one.getUniqueId());
            }
        }

        private String simple(TestIdentifier one) {
            MethodSource source = (MethodSource) one.getSource().get();
            boolean vintage = one.getUniqueId().startsWith("[engine:junit-vintage]");
            return reports.id(source.getClassName(), vintage ? one.getDisplayName() : source.getMethodName());
        }

        /** The id of a test; one that was made while another ran has its number after that one's id. */
        String id(TestIdentifier one) {
            String unique = one.getUniqueId();
            String known = ids.get(unique);
            if (known != null) {
                return known;
            }
            int last = unique.lastIndexOf("/[");
            if (last > 0) {
                String above = ids.get(unique.substring(0, last));
                String number = unique.substring(unique.indexOf(':', last) + 1, unique.length() - 1);
                if (above != null) {
                    String id = above + "[" + number.replace("#", "") + "]";
                    ids.put(unique, id);
                    return id;
                }
            }
            TestSource source = one.getSource().orElse(null);
            String owner = source instanceof ClassSource ? ((ClassSource) source).getClassName() : "";
            return reports.id(owner, one.getDisplayName());
        }

        /** What JUnit calls a test, or null. */
        String unique(String id) {
            String known = uniques.get(id);
            int bracket = id.lastIndexOf('[');
            if (known != null || bracket < 0 || !id.endsWith("]")) {
                return known;
            }
            String above = unique(id.substring(0, bracket));
            if (above == null) {
                return null;
            }
            String kind = above.contains("[test-template:") ? "test-template-invocation" : "dynamic-test";
            return above + "/[" + kind + ":#" + id.substring(bracket + 1, id.length() - 1) + "]";
        }
    }

    private static final class Listener implements TestExecutionListener {
        private final Names names;
        private final Reports reports;
        private TestPlan plan;

        Listener(Names names, Reports reports) {
            this.names = names;
            this.reports = reports;
        }

        @Override
        public void testPlanExecutionStarted(TestPlan plan) {
            this.plan = plan;
        }

        @Override
        public void dynamicTestRegistered(TestIdentifier one) {
            String id = names.id(one);
            if (one.isTest()) {
                reports.collected(List.of(id));
            }
        }

        @Override
        public void executionStarted(TestIdentifier one) {
            if (one.isTest()) {
                reports.start(names.id(one));
            }
        }

        @Override
        public void executionSkipped(TestIdentifier one, String reason) {
            for (String id : tests(one)) {
                reports.end(id, "skipped", null, reason);
            }
        }

        @Override
        public void executionFinished(TestIdentifier one, TestExecutionResult result) {
            Throwable trouble = result.getThrowable().orElse(null);
            boolean passed = result.getStatus() == TestExecutionResult.Status.SUCCESSFUL;
            if (one.isTest() || !passed) {
                boolean aborted = result.getStatus() == TestExecutionResult.Status.ABORTED;
                String red = trouble instanceof AssertionError ? "failed" : "errored";
                String status = passed ? "passed" : aborted ? "skipped" : red;
                // A container that cannot be set up takes its tests with it.
                for (String id : tests(one)) {
                    reports.end(id, status, aborted || passed ? null : trouble,
                            aborted && trouble != null ? trouble.getMessage() : null);
                }
            }
        }

        private Set<String> tests(TestIdentifier one) {
            Set<String> found = new LinkedHashSet<>();
            if (one.isTest()) {
                found.add(names.id(one));
                return found;
            }
            for (TestIdentifier below : plan.getDescendants(one)) {
                if (below.isTest()) {
                    found.add(names.id(below));
                }
            }
            if (found.isEmpty()) {
                found.add(names.id(one));
                reports.collected(found);
            }
            return found;
        }
    }
}
