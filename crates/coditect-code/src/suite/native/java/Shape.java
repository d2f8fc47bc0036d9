package coditect.tool;

import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.util.Map;
import java.util.TreeMap;

/**
 * What other classes can see of a compiled class: its names, types and constants, and not what its methods do. Where
 * that stays the same, nothing that was compiled against it is out of date.
 */
final class Shape {
    private static final int PRIVATE = 0x0002;
    private static final int SYNTHETIC = 0x1000;
    private static final int INTERFACE = 0x0200;

    private final DataInputStream in;
    private String[] texts;
    private Object[] constants;

    private Shape(byte[] code) {
        in = new DataInputStream(new ByteArrayInputStream(code));
    }

    /** A text that is equal for classes that look the same from outside. */
    static String of(byte[] code) throws IOException {
        return new Shape(code).read();
    }

    private String read() throws IOException {
        in.skipBytes(8);
        pool();
        StringBuilder out = new StringBuilder();
        int access = in.readUnsignedShort();
        out.append(access).append(' ').append(name(in.readUnsignedShort())).append(' ')
                .append(name(in.readUnsignedShort()));
        int interfaces = in.readUnsignedShort();
        for (int i = 0; i < interfaces; i++) {
            out.append(' ').append(name(in.readUnsignedShort()));
        }
        boolean isInterface = (access & INTERFACE) != 0;
        members(out, false);
        members(out, isInterface);
        attributes(out.append('\n'));
        return out.toString();
    }

    private String name(int index) {
        return String.valueOf(constants[index]);
    }

    private void members(StringBuilder out, boolean ofInterface) throws IOException {
        int count = in.readUnsignedShort();
        Map<String, String> seen = new TreeMap<>();
        for (int i = 0; i < count; i++) {
            int access = in.readUnsignedShort();
            String name = texts[in.readUnsignedShort()];
            String type = texts[in.readUnsignedShort()];
            StringBuilder about = new StringBuilder();
            boolean hasBody = attributes(about);
            boolean hidden = (access & SYNTHETIC) != 0 || (access & PRIVATE) != 0 || name.equals("<clinit>");
            if (!hidden) {
                seen.put(name + type, access + " " + about + (ofInterface && hasBody));
            }
        }
        out.append('\n').append(seen);
    }

    /** Attributes that others see. True: there is code among them. */
    private boolean attributes(StringBuilder out) throws IOException {
        int count = in.readUnsignedShort();
        boolean code = false;
        Map<String, String> seen = new TreeMap<>();
        for (int i = 0; i < count; i++) {
            String name = texts[in.readUnsignedShort()];
            byte[] content = new byte[in.readInt()];
            in.readFully(content);
            switch (name) {
                case "Code":
                    code = true;
                    break;
                case "ConstantValue":
                case "Signature":
                    int index = (content[0] & 0xff) << 8 | content[1] & 0xff;
                    seen.put(name, String.valueOf(texts[index] == null ? constants[index] : texts[index]));
                    break;
                case "Exceptions":
                    StringBuilder all = new StringBuilder();
                    for (int at = 2; at + 1 < content.length; at += 2) {
                        all.append(name((content[at] & 0xff) << 8 | content[at + 1] & 0xff)).append(' ');
                    }
                    seen.put(name, all.toString());
                    break;
                case "Deprecated":
                case "RuntimeVisibleAnnotations":
                case "AnnotationDefault":
                case "Record":
                case "PermittedSubclasses":
                    // By length: numbers of constants may differ where nothing else does.
                    seen.put(name, String.valueOf(content.length));
                    break;
                default:
                    break;
            }
        }
        out.append(seen);
        return code;
    }

    private void pool() throws IOException {
        int count = in.readUnsignedShort();
        texts = new String[count];
        constants = new Object[count];
        int[] classes = new int[count];
        for (int i = 1; i < count; i++) {
            int tag = in.readUnsignedByte();
            switch (tag) {
                case 1:
                    texts[i] = in.readUTF();
                    break;
                case 3:
                    constants[i] = in.readInt();
                    break;
                case 4:
                    constants[i] = in.readFloat();
                    break;
                case 5:
                    constants[i++] = in.readLong();
                    break;
                case 6:
                    constants[i++] = in.readDouble();
                    break;
                case 7:
                case 8:
                case 16:
                case 19:
                case 20:
                    classes[i] = in.readUnsignedShort();
                    break;
                case 15:
                    in.skipBytes(3);
                    break;
                default:
                    in.skipBytes(4);
                    break;
            }
        }
        for (int i = 1; i < count; i++) {
            if (classes[i] > 0) {
                constants[i] = texts[classes[i]];
            }
        }
    }
}
