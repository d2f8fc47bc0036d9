"""Files of a project as parts that can be compiled by themselves, and what their code differs in.

A candidate changes a function or two. Compiling the statement that they are in, and comparing the code that comes out with what
is there, tells whether the change can be put in as it is (`hot.py`), and is a small part of the work of compiling the file.
"""

import ast
import bisect
import sys
import types

# Bytes of one file whose lines are kept.
TEXT_BYTES = 4 << 20


def all_codes(code):
    yield code
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from all_codes(const)


def is_function(code):
    return bool(code.co_flags & 1)  # CO_OPTIMIZED: neither a module nor the body of a class


def same_constant(a, b):
    return type(a) is type(b) and repr(a) == repr(b)


def same_shape(a, b):
    """Whether two codes are alike but for their constants and lines."""
    return (a.co_code == b.co_code and a.co_names == b.co_names and a.co_varnames == b.co_varnames
            and a.co_freevars == b.co_freevars and a.co_cellvars == b.co_cellvars and a.co_flags == b.co_flags
            and a.co_argcount == b.co_argcount and a.co_kwonlyargcount == b.co_kwonlyargcount
            and a.co_posonlyargcount == b.co_posonlyargcount and len(a.co_consts) == len(b.co_consts)
            and a.co_exceptiontable == b.co_exceptiontable and a.co_name == b.co_name)


def same(a, b):
    if not same_shape(a, b):
        return False
    for x, y in zip(a.co_consts, b.co_consts):
        if isinstance(x, types.CodeType):
            if not (isinstance(y, types.CodeType) and same(x, y)):
                return False
        elif not same_constant(x, y):
            return False
    return True


def differing(old, new, found):
    """Functions whose code differs, as pairs, in `found`. False: something else differs too."""
    if not same_shape(old, new):
        return False
    for a, b in zip(old.co_consts, new.co_consts):
        if not isinstance(a, types.CodeType):
            # The names that methods assign to: for tools, not for the program.
            if not same_constant(a, b) and "__static_attributes__" not in old.co_names:
                return False
        elif not isinstance(b, types.CodeType) or a.co_name != b.co_name or is_function(a) != is_function(b):
            return False
        elif not is_function(a):
            if not differing(a, b, found):
                return False
        elif not same(a, b):
            if a.co_freevars != b.co_freevars or docstring(a) != docstring(b):
                return False
            found.append((a, b))
    return True


def lowered(code, lines):
    """The same code so many lines further down."""
    consts = tuple(lowered(one, lines) if isinstance(one, types.CodeType) else one for one in code.co_consts)
    return code.replace(co_firstlineno=code.co_firstlineno + lines, co_consts=consts)


def docstring(code):
    first = code.co_consts[0] if code.co_consts else None
    if sys.version_info < (3, 13):
        return first if isinstance(first, str) else None
    return first if code.co_flags & 0x4000000 else None  # CO_HAS_DOCSTRING


def common_prefix(a, b):
    """How many characters two texts have in common at their start."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def common_suffix(a, b, most):
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if a[len(a) - middle: len(a) - low] == b[len(b) - middle: len(b) - low]:
            low = middle
        else:
            high = middle - 1
    return low


def imported(node):
    """Names that are imported in the scope of a module."""
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, (ast.Import, ast.ImportFrom)):
            names = (one.asname or one.name.split(".")[0] for one in inner.names)
            yield from (name for name in names if name != "*")
        elif not isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.expr)):
            yield from imported(inner)


def rebuilt(code, new):
    """The code of a module with other functions in it: `new` by the identity of what they stand for."""
    consts = tuple(
        one if not isinstance(one, types.CodeType)
        else new.get(id(one)) or (one if is_function(one) else rebuilt(one, new))
        for one in code.co_consts
    )
    return code.replace(co_consts=consts)


class File:
    """A file of the project whose code is known."""

    @classmethod
    def read_from(cls, path, code, functions=(), called=()):
        """None: it is not for this."""
        try:
            with open(path, "rb") as file:
                data = file.read(TEXT_BYTES + 1)
            text = data.decode("utf-8")
            if len(data) <= TEXT_BYTES and "\r" not in text and "\f" not in text and not text.startswith("\ufeff"):
                return cls(path, code, text, functions, called)
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            pass
        return None

    def __init__(self, path, code, text, functions, called):
        self.path, self.code, self.text = path, code, text
        self.loaded = {}
        for inner in all_codes(code):
            place = inner.co_qualname, inner.co_firstlineno
            # Two lambdas of one line cannot be told apart.
            self.loaded[place] = None if place in self.loaded else inner
        self.flags = code.co_flags & 0x1FF0000  # of `from __future__ import`
        self.functions, self.called = functions, called
        self.compiled, self.spans, self.methods = {}, [], []
        # Where it is, under all names of the root.
        self.places = {path}
        self.read()

    def read(self):
        """Finds the parts that can be compiled by themselves, and compiles them: all runs begin from here."""
        tree = ast.parse(self.text.encode("utf-8", "surrogatepass"))
        starts = [0]
        for line in self.text.split("\n"):
            starts.append(starts[-1] + len(line) + 1)

        def span(node, head=""):
            first = min([node.lineno] + [one.lineno for one in getattr(node, "decorator_list", ())])
            return starts[first - 1], min(starts[node.end_lineno], len(self.text)), first, head

        # Calls of what is imported at the top compile to other code than calls of methods.
        names = ", ".join(sorted(set(imported(tree))))
        above = "import %s\n" % names if names else ""
        self.spans = [span(node, above) for node in tree.body]
        # Methods are parts of their own: a class can be long.
        self.methods = [
            span(node, "%sclass %s:\n" % (above, owner.name))
            for owner in tree.body if isinstance(owner, ast.ClassDef)
            for node in owner.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        ]
        for one in self.spans + self.methods:
            try:
                self.compiled[one] = self.compile(self.text[one[0]:one[1]], one)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                pass

    def compile(self, text, span):
        return compile((span[3] + text).encode("utf-8", "surrogatepass"), self.path, "exec", flags=self.flags,
                       dont_inherit=True)

    @staticmethod
    def part(spans, start, end):
        """The one of these parts that a change from `start` to `end` lies in, and no other touches, or None."""
        at = bisect.bisect_right(spans, start, key=lambda span: span[0]) - 1
        if at < 0:
            return None
        first, last = spans[at][:2]
        alone = (at == 0 or spans[at - 1][1] <= first) and (at + 1 == len(spans) or last <= spans[at + 1][0])
        # At its very end the statement could go on into what follows.
        return spans[at] if alone and end <= last and (start < last or last == first) else None

    def changes(self, text):
        """Pairs of the code of a function and the one that makes the file what `text` is, or None."""
        old = self.text
        if text == old:
            return []
        start = common_prefix(old, text)
        tail = common_suffix(old, text, min(len(old), len(text)) - start)
        end = len(old) - tail
        # A method whose first character changes may be one no longer.
        method = self.part(self.methods, start, end)
        at = method if method is not None and start > method[0] else self.part(self.spans, start, end)
        if at not in self.compiled:
            return None
        first, last = at[:2]
        try:
            new = self.compile(text[first: len(text) - (len(old) - last)], at)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
        pairs = []
        if not differing(self.compiled[at], new, pairs):
            return None
        found, above = [], at[2] - 1 - at[3].count("\n")
        for before, after in pairs:
            loaded = self.loaded.get((before.co_qualname, before.co_firstlineno + above))
            if loaded is None or not same(loaded, before):
                return None
            found.append((loaded, lowered(after, above)))
        return found

    def exchanges(self, text):
        """(function, code) pairs that make the imported file what `text` is, or None."""
        changes = self.changes(text)
        if changes is None:
            return None
        found = []
        for loaded, after in changes:
            owners = self.functions.get(loaded)
            if not owners or any(code in self.called for code in all_codes(loaded)):
                return None
            found += [(function, after) for function in owners]
        return found

    def spliced(self, text):
        """The code of `text`, or None."""
        changes = self.changes(text)
        return None if changes is None else rebuilt(self.code, {id(before): after for before, after in changes})
