"""Makes the input smaller with which a function of the project breaks in a red test.

A part of the script that tells values (Python 3.8 or later), behind `script/calls.py` and `tell.py`. The tests in question are run once
more, and the latest calls of the function that breaks are kept. The call that breaks is then made again and again with less: delta
debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002) on what has parts, simpler values in the
place of others. What counts is the same class of error on the same line. A call is bounded by counts of calls and of steps; tests that take
long are not run for it, and once all took long, nothing more is called.
"""

import collections
import io
import time

# Functions whose input is made smaller, calls that are kept of one, and calls that are made of one.
MOST_FUNCTIONS, MOST_KEPT, MOST_MADE = 6, 20, 400
# Seconds that a test may take, and all of it.
QUICK, ALL_QUICK = 0.7, 2.5
# Steps of all calls together.
MOST_STEPS = 1000000
# Parts of a value that are looked at one by one, and how deep.
MOST_PARTS, DEEPEST = 12, 4
# Characters of a call that is shown.
CALL = 150
# Generators and coroutines break elsewhere than where they are called.
LAZY = 0x20 | 0x80 | 0x200


def signature(project, error, tb):
    """The class of an error, and the innermost line of the project that it went through."""
    place = None
    while tb is not None:
        name = project.relative(tb.tb_frame.f_code.co_filename)
        if name is not None:
            place = (name, tb.tb_frame.f_code.co_name, tb.tb_lineno)
        tb = tb.tb_next
    if isinstance(error, RecursionError):
        # Where it is noticed is chance.
        place = None
    return type(error).__module__, type(error).__qualname__, place


class Breaks:
    """How a test broke in a function of the project, and by which calls."""

    def __init__(self, code, sign):
        self.key = (code.co_filename, code.co_firstlineno, code.co_name)
        self.sign = sign
        self.calls = collections.deque(maxlen=MOST_KEPT)
        self.code = self.module = None


def broken(project, error, tb):
    """None: it broke in the test itself, or where no call can be made again."""
    innermost, last = None, tb
    while last is not None:
        if project.relative(last.tb_frame.f_code.co_filename) is not None:
            innermost = last.tb_frame.f_code
        last = last.tb_next
    if innermost is None or innermost.co_name.startswith("<") or innermost.co_flags & LAZY:
        return None
    if project.is_test(project.relative(innermost.co_filename)):
        return None
    return Breaks(innermost, signature(project, error, tb))


def saying(error):
    """An error in words, cut."""
    says = " ".join(("%s: %s" % (type(error).__name__, error)).rstrip(": ").split())
    return says if len(says) <= CAP else says[:CAP] + "..."


class Keeper:
    """Keeps the latest calls of functions."""

    TOOL = 4

    def __init__(self, wanted):
        self.wanted = {breaks.key: breaks for breaks in wanted}
        self.mon = getattr(sys, "monitoring", None)

    def see(self, code, frame):
        breaks = self.wanted.get((code.co_filename, code.co_firstlineno, code.co_name))
        if breaks is None:
            return False
        kept = arguments(frame, code)
        if kept is not None:
            breaks.code, breaks.module = code, frame.f_globals.get("__name__", "")
            breaks.calls.append(kept)
        return True

    def started(self, code, _offset):
        if not self.see(code, sys._getframe(1)):
            return self.mon.DISABLE

    def trace(self, frame, event, _arg):
        if event == "call":
            self.see(frame.f_code, frame)

    def __enter__(self):
        if self.mon is None:
            sys.settrace(self.trace)
            return self
        if self.mon.get_tool(self.TOOL) is None:
            self.mon.use_tool_id(self.TOOL, "minimise")
        self.mon.register_callback(self.TOOL, self.mon.events.PY_START, self.started)
        self.mon.restart_events()
        self.mon.set_events(self.TOOL, self.mon.events.PY_START)
        return self

    def __exit__(self, *_):
        if self.mon is None:
            sys.settrace(None)
        else:
            self.mon.set_events(self.TOOL, 0)


class Enough(Exception):
    """As many calls were made as may be."""


class Smaller:
    """Makes one call smaller."""

    def __init__(self, project, breaks, budget, ends):
        self.project, self.breaks, self.budget, self.ends = project, breaks, budget, ends
        self.name, self.function = resolve(breaks.code, breaks.module)
        self.made, self.says = 0, ""

    def holds(self, positional, named):
        """Whether the call breaks in the same way. It gets copies: what it does to them is not seen by the next one."""
        self.made += 1
        if self.made > MOST_MADE or self.budget.all <= 0 or time.perf_counter() > self.ends:
            raise Enough()
        try:
            positional, named = pickle.loads(pickle.dumps((tuple(positional), named), 4))
        except Exception:
            return False
        kept, sys.stdout = sys.stdout, io.StringIO()
        try:
            with self.budget:
                self.function(*positional, **named)
        except Endless:
            return False
        except BaseException as error:
            if signature(self.project, error, error.__traceback__) != self.breaks.sign:
                return False
            self.says = saying(error)
            return True
        finally:
            sys.stdout = kept
        return False

    def run(self):
        """The call of the test and the smallest one that was found, in words; None where it does not break again."""
        if self.function is None:
            return None
        for kept in reversed(self.breaks.calls):
            try:
                positional, named = pickle.loads(kept)
                if self.holds(positional, named):
                    break
            except Enough:
                return None
            except Exception:
                continue
        else:
            return None
        given = self.text(positional, named)
        self.positional, self.named = list(positional), dict(named)
        try:
            self.minimise()
        except Enough:
            pass
        call = self.text(self.positional, self.named)
        return {"call": call, "given": given, "raises": self.says, "calls": min(self.made, MOST_MADE)}

    def text(self, positional, named):
        shown, before = list(positional), ""
        if "." in self.name and shown and self.breaks.code.co_varnames[:1] in (("self",), ("cls",)):
            before = plain(shown.pop(0)) + "."
            name = self.name.rpartition(".")[2]
        else:
            name = self.name
        parts = [plain(value) for value in shown] + ["%s=%s" % (k, plain(v)) for k, v in named.items()]
        text = ADDRESS.sub("", "%s%s(%s)" % (before, name, ", ".join(parts)))
        return text if len(text) <= CALL else text[:CALL] + "..."

    def minimise(self):
        # What was made smaller at one place may allow less at another.
        for _ in range(4):
            before = plain((self.positional, self.named))
            self.fewer_arguments()
            for place in list(range(len(self.positional))) + list(self.named):
                self.at(place)
            if plain((self.positional, self.named)) == before:
                return

    def fewer_arguments(self):
        least = self.breaks.code.co_argcount - len(self.function.__defaults__ or ())
        while len(self.positional) > max(least, 0) and self.holds(self.positional[:-1], self.named):
            self.positional.pop()
        for name in list(self.named):
            rest = {other: value for other, value in self.named.items() if other != name}
            if self.holds(self.positional, rest):
                self.named = rest

    def at(self, place):
        holder = self.named if isinstance(place, str) else self.positional

        def holds(value):
            return self.kept(holder, place, value, lambda: self.holds(self.positional, self.named))

        holder[place] = self.smaller(holder[place], holds, 0)

    def kept(self, holder, place, value, holds):
        """Puts a value in a place, and leaves it there where that holds: what was reached so far stands when it is enough."""
        before, holder[place] = holder[place], value
        stands = False
        try:
            stands = holds()
        finally:
            if not stands:
                holder[place] = before
        return stands

    def smaller(self, value, holds, depth):
        """The smallest value of its kind that was found for which `holds`."""
        kind = type(value)
        if kind is int:
            return self.number(value, holds, lambda n: n // 2 if n > 0 else -(-n // 2))
        if kind is float:
            whole = float(int(value)) if abs(value) < 1e15 else value
            if whole != value and holds(whole):
                value = whole
            return self.number(value, holds, lambda n: float(int(n / 2)) if abs(n) < 1e15 else n / 2)
        if kind in (str, bytes):
            return self.fewer(value, lambda parts: value[:0].join(parts), [value[n:n + 1] for n in range(len(value))], holds)
        if kind in (list, tuple):
            value = self.fewer(value, kind, list(value), holds)
            return self.parts(list(value), kind, holds, depth)
        if kind in (set, frozenset):
            return self.fewer(value, kind, sorted(value, key=plain), holds)
        if kind is dict:
            value = self.fewer(value, dict, list(value.items()), holds)
            keys = list(value)
            rebuilt = lambda values: dict(zip(keys, values))
            return self.parts(list(value.values()), rebuilt, holds, depth)
        if depth < DEEPEST and type(getattr(value, "__dict__", None)) is dict:
            return self.attributes(value, holds, depth)
        return value

    def number(self, value, holds, half):
        if value != value:
            return value
        for simple in (type(value)(0), type(value)(1)):
            if value == simple or holds(simple):
                return simple
        while True:
            less = half(value)
            if less == value or not holds(less):
                break
            value = less
        less = value - 1 if value > 0 else value + 1
        while abs(value) < 64 and holds(less):
            value, less = less, less - 1 if less > 0 else less + 1
        return value

    def fewer(self, value, make, parts, holds):
        """Delta debugging: fewer and fewer of the parts."""
        if not parts:
            return value
        if holds(make([])):
            return make([])
        chunks = 2
        while len(parts) >= 2:
            size = max(1, len(parts) // chunks)
            for at in range(0, len(parts), size):
                rest = parts[:at] + parts[at + size:]
                if rest and holds(make(rest)):
                    parts, chunks, value = rest, max(chunks - 1, 2), make(rest)
                    break
            else:
                if size == 1:
                    break
                chunks = min(chunks * 2, len(parts))
        return value

    def parts(self, parts, make, holds, depth):
        """Each part smaller."""
        if depth >= DEEPEST:
            return make(parts)
        for n in range(min(len(parts), MOST_PARTS)):
            within = lambda part, n=n: holds(make(parts[:n] + [part] + parts[n + 1:]))
            parts[n] = self.smaller(parts[n], within, depth + 1)
        return make(parts)

    def attributes(self, value, holds, depth):
        """The attributes of an object smaller, in place: calls get copies."""
        fields = value.__dict__

        for name in list(fields)[:MOST_PARTS]:
            within = lambda part, name=name: self.kept(fields, name, part, lambda: holds(value))
            fields[name] = self.smaller(fields[name], within, depth + 1)
        return value


def minimised(request, project, found, took):
    """By test: the smallest call with which its function breaks. `found`: how tests broke; `took`: how long they did, s."""
    wanted = {}
    for breaks in found.values():
        if len(wanted) < MOST_FUNCTIONS:
            wanted.setdefault((breaks.key, breaks.sign), breaks)
    if not wanted:
        return {}
    tests, began = {}, time.perf_counter()
    for test, breaks in found.items():
        key = (breaks.key, breaks.sign)
        if key in wanted and took.get(test, 0.0) < min(QUICK, took.get(tests.get(key), QUICK)):
            tests[key] = test
    budget, answers = Budget(), {}
    kinds = {"unittest": runner.UnittestRun, "pytest": runner.PytestRun}
    for key, test in tests.items():
        if time.perf_counter() - began > ALL_QUICK:
            break
        breaks = wanted[key]
        asked = dict(request, op="test", root=os.getcwd(), replace={}, coverage="none", select=[test])
        with Keeper([breaks]):
            kinds[request["framework"]](asked, runner.Reporter(lambda line: False)).main()
        budget.all = MOST_STEPS // len(tests)
        try:
            answers[key] = Smaller(project, breaks, budget, began + ALL_QUICK).run()
        except Exception:
            # What is known of the others is worth telling without it.
            continue
    return {test: answers[(breaks.key, breaks.sign)] for test, breaks in found.items()
            if answers.get((breaks.key, breaks.sign))}


main(INPUT)  # noqa: F821, given by the runner
