package coditect.tool;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Report lines: one JSON object each, as all of CODITECT's runners write them. */
final class Reports {
    private static final int MESSAGE_CHARS = 4_000;
    private static final int MOST_FRAMES = 60;

    private final OutputStream channel;
    /** Files below the project's root, by binary class name. */
    private final Map<String, String> sources;
    private final Set<String> ended = new HashSet<>();
    private final Map<String, Long> started = new HashMap<>();
    private boolean red;
    /** Tests that were red. */
    private final Set<String> failed = new HashSet<>();
    /** Lines that are kept back; null: none. */
    private StringBuilder held;
    /** What was known when something else began; null: nothing did. */
    private Reports suspended;
    /** A class could not be initialised, which stays so. */
    private boolean broken;
    /** Asked at the end of a test for the numbers of the blocks that it ran; null: nobody asks. */
    java.util.function.Supplier<Collection<Integer>> hits;

    Reports(OutputStream channel, Map<String, String> sources) {
        this.channel = channel;
        this.sources = sources;
    }

    /** Keeps lines back until it is known whether they count. */
    synchronized void hold() {
        held = new StringBuilder();
    }

    /** Says what was kept back. */
    synchronized void tell() {
        String all = held.toString();
        held = null;
        if (!all.isEmpty()) {
            line(all.substring(0, all.length() - 1));
        }
    }

    /** Forgets what was kept back, and the tests that it was about. */
    synchronized void forget() {
        held = null;
        reset();
    }

    /** Begins something else, of which nobody is to hear. */
    synchronized void suspend() {
        suspended = new Reports(OutputStream.nullOutputStream(), sources);
        suspended.ended.addAll(ended);
        suspended.started.putAll(started);
        suspended.red = red;
        hold();
        reset();
    }

    /** Goes on with what there was; gives the tests that were red meanwhile. */
    synchronized Set<String> resume() {
        Set<String> meanwhile = failed();
        forget();
        ended.addAll(suspended.ended);
        started.putAll(suspended.started);
        red = suspended.red;
        suspended = null;
        return meanwhile;
    }

    private void reset() {
        ended.clear();
        started.clear();
        failed.clear();
        red = false;
        broken = false;
    }

    /** Forgets the tests so far: a new candidate is tried. */
    synchronized void begin(String pick) {
        reset();
        line("{\"e\":\"job\",\"pick\":" + pick + "}");
    }

    /** Whether a test was red. */
    synchronized boolean isRed() {
        return red;
    }

    /** The tests that were red since the candidate began, or since lines are held back. */
    synchronized Set<String> failed() {
        return new HashSet<>(failed);
    }

    /** Whether a class could not be initialised. */
    synchronized boolean isBroken() {
        return broken;
    }

    /** The id of a test: its file, classes within it, its name. */
    String id(String className, String test) {
        String file = source(className);
        String simple = className.substring(className.lastIndexOf('.') + 1);
        if (file == null) {
            return className.replace('.', '/') + ".java::" + test;
        }
        String stem = file.substring(file.lastIndexOf('/') + 1).replaceFirst("\\.java$", "");
        String within = simple.equals(stem) ? "" : simple.startsWith(stem + "$") ? simple.substring(stem.length() + 1) : simple;
        return file + "::" + (within.isEmpty() ? "" : within.replace("$", "::") + "::") + test;
    }

    String source(String className) {
        String name = className;
        while (true) {
            String file = sources.get(name);
            int dollar = name.lastIndexOf('$');
            if (file != null || dollar < 0) {
                return file;
            }
            name = name.substring(0, dollar);
        }
    }

    synchronized void collected(Collection<String> ids) {
        StringBuilder out = new StringBuilder("{\"e\":\"collected\",\"tests\":[");
        int n = 0;
        for (String id : ids) {
            out.append(n++ == 0 ? "" : ",").append(text(id));
        }
        line(out.append("]}").toString());
    }

    synchronized void start(String id) {
        if (!ended.contains(id) && started.putIfAbsent(id, System.nanoTime()) == null) {
            line("{\"e\":\"start\",\"id\":" + text(id) + "}");
        }
    }

    /** The end of a test. `trouble`: what was thrown; null: nothing. */
    synchronized void end(String id, String status, Throwable trouble, String note) {
        if (ended.contains(id)) {
            return;
        }
        start(id);
        ended.add(id);
        long us = (System.nanoTime() - started.getOrDefault(id, System.nanoTime())) / 1_000;
        StringBuilder out = new StringBuilder("{\"e\":\"end\",\"id\":").append(text(id)).append(",\"status\":\"")
                .append(status).append("\",\"us\":").append(us);
        if (status.equals("failed") || status.equals("errored")) {
            red = true;
            failed.add(id);
        }
        for (Throwable at = trouble; at != null; at = at.getCause() == at ? null : at.getCause()) {
            broken |= at instanceof LinkageError;
        }
        if (trouble != null) {
            out.append(",\"error_type\":").append(text(trouble.getClass().getName()));
            out.append(",\"message\":").append(text(message(trouble)));
            out.append(",\"frames\":").append(frames(trouble));
        } else if (note != null) {
            out.append(",\"message\":").append(text(note));
        }
        if (hits != null) {
            out.append(",\"lines\":{\"<hits>\":").append(hits.get()).append('}');
        }
        line(out.append('}').toString());
    }

    synchronized void done() {
        line("{\"e\":\"done\",\"exit_code\":" + (red ? 1 : 0) + "}");
    }

    synchronized void trouble(String place, Throwable trouble) {
        line("{\"e\":\"error\",\"stage\":\"collect\",\"where\":" + text(place) + ",\"error_type\":"
                + text(trouble.getClass().getName()) + ",\"message\":" + text(message(trouble)) + ",\"frames\":"
                + frames(trouble) + "}");
    }

    synchronized void line(String json) {
        if (held != null) {
            held.append(json).append('\n');
            // Whoever listens knows by it that something goes on.
            write("{}");
            return;
        }
        write(json);
    }

    private void write(String line) {
        try {
            channel.write((line + "\n").getBytes(StandardCharsets.UTF_8));
            channel.flush();
        } catch (IOException e) {
            // Nobody listens any more.
            Runtime.getRuntime().halt(3);
        }
    }

    private static String message(Throwable trouble) {
        String said;
        try {
            said = trouble.getMessage();
        } catch (RuntimeException e) {
            said = "(its message cannot be had: " + e.getClass().getName() + ")";
        }
        StringBuilder out = new StringBuilder(said == null ? "" : said);
        Set<Throwable> seen = Collections.newSetFromMap(new java.util.IdentityHashMap<>());
        Throwable cause = trouble.getCause();
        while (cause != null && seen.add(cause) && out.length() < MESSAGE_CHARS) {
            out.append("\ncaused by ").append(cause.getClass().getName());
            out.append(cause.getMessage() == null ? "" : ": " + cause.getMessage());
            cause = cause.getCause();
        }
        return out.length() > MESSAGE_CHARS ? out.substring(0, MESSAGE_CHARS) : out.toString();
    }

    /** Places in the project, innermost last, those of the cause after those of what it caused. */
    private String frames(Throwable trouble) {
        List<String> found = new ArrayList<>();
        Set<Throwable> seen = Collections.newSetFromMap(new java.util.IdentityHashMap<>());
        for (Throwable one = trouble; one != null && seen.add(one); one = one.getCause()) {
            StackTraceElement[] trace = one.getStackTrace();
            List<String> own = new ArrayList<>();
            for (int i = 0; i < trace.length && own.size() < MOST_FRAMES; i++) {
                StackTraceElement frame = trace[i];
                String file = frame.getLineNumber() > 0 ? source(frame.getClassName()) : null;
                if (file != null) {
                    own.add("[" + text(file) + "," + frame.getLineNumber() + "," + text(frame.getMethodName()) + "]");
                }
            }
            Collections.reverse(own);
            found.addAll(own);
        }
        int from = Math.max(0, found.size() - MOST_FRAMES);
        return "[" + String.join(",", found.subList(from, found.size())) + "]";
    }

    static String text(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            boolean whole = !Character.isSurrogate(c)
                    || Character.isHighSurrogate(c) && i + 1 < text.length() && Character.isLowSurrogate(text.charAt(i + 1))
                    || Character.isLowSurrogate(c) && i > 0 && Character.isHighSurrogate(text.charAt(i - 1));
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < ' ' || !whole) {
                // Half a letter has no UTF-8.
                out.append(whole ? String.format("\\u%04x", (int) c) : "\\ufffd");
            } else {
                out.append(c);
            }
        }
        return out.append('"').toString();
    }
}
