import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

public class M {
    public interface Rule {
        boolean allows(Book book, int lent);
    }

    public static class Book {
        private final String title;
        private final int pages;
        private boolean lent = false;

        public Book(String title, int pages) {
            if (title == null || title.isEmpty()) {
                throw new IllegalArgumentException("no title");
            }
            this.title = title;
            this.pages = pages;
        }

        public String label() {
            return lent ? title + " (lent)" : title;
        }
    }

    private final Map<String, List<Book>> shelves = new HashMap<>();
    private final Rule rule;

    public M(Rule rule) {
        this.rule = rule;
    }

    public void add(String shelf, Book book) {
        shelves.computeIfAbsent(shelf, key -> new ArrayList<>()).add(book);
    }

    public Book lend(String title) {
        int lent = 0;
        Book found = null;
        for (List<Book> books : shelves.values()) {
            for (Book book : books) {
                if (book.lent) {
                    lent++;
                } else if (book.title.equals(title)) {
                    found = book;
                }
            }
        }
        if (found == null || !rule.allows(found, lent)) {
            return null;
        }
        found.lent = true;
        return found;
    }

    public int pages(String shelf) {
        List<Book> books = shelves.get(shelf);
        if (books == null) {
            return -1;
        }
        int sum = 0;
        for (int i = 0; i < books.size(); i++) {
            sum += books.get(i).pages;
        }
        return sum;
    }

    public static int[] digits(String text) {
        int[] counts = new int[10];
        for (char c : text.toCharArray()) {
            switch (c) {
                case ' ':
                case '-':
                    break;
                default:
                    try {
                        counts[Integer.parseInt(String.valueOf(c))]++;
                    } catch (NumberFormatException e) {
                        return null;
                    }
            }
        }
        return counts;
    }
}
