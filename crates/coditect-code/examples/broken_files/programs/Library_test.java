public class Main {
    static void check(boolean ok, String what) {
        if (!ok) {
            System.err.println("AssertionError: " + what);
            System.exit(1);
        }
    }

    public static void main(String[] args) {
        M m = new M((book, lent) -> lent < 1);
        m.add("s", new M.Book("a", 10));
        m.add("s", new M.Book("b", 20));
        check(m.pages("s") == 30 && m.pages("t") == -1, "pages");
        check(m.lend("z") == null, "none");
        check(m.lend("a").label().equals("a (lent)"), "lend");
        check(m.lend("b") == null, "rule");
        check(new M.Book("c", 1).label().equals("c"), "label");
        int[] d = M.digits("1-2 2");
        check(d[1] == 1 && d[2] == 2 && M.digits("x") == null, "digits");
        try {
            new M.Book("", 1);
            check(false, "title");
        } catch (IllegalArgumentException e) {
            check(e.getMessage().equals("no title"), "message");
        }
    }
}
