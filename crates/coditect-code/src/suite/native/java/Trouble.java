package coditect.tool;

/** Something in the project that keeps it from being built, told to the person. */
final class Trouble extends RuntimeException {
    private static final long serialVersionUID = 1;
    /** The file at fault, or null. */
    final String file;

    Trouble(String file, String message) {
        super(message);
        this.file = file;
    }
}
