"""Tells changes apart that every test accepts: what do functions of the project give on inputs like those of the tests?

A script for the runner's `exec`, in either tier (Python 3.8 or later), behind `script/calls.py`. `INPUT` is an object with `mode`:

- `gather`: runs tests, keeps the calls that they make of the project's functions, and makes more inputs of them.
- `run`: calls the functions on such inputs and tells what came of each.

Its answer is one JSON object on standard output. Everything is drawn from the seed and bounded by counts, not by
time: the same question has the same answer. Inputs travel as pickles between guests; nobody else opens them.
"""

import base64
import importlib
import io
import json
import pickle
import random
import re
import sys

import coditect_runner as runner

# Calls kept of one function.
MOST_CALLS = 40
# Functions looked at, and inputs of one function and of all.
MOST_FUNCTIONS = 6
MOST_INPUTS = 120
# Steps (turns of loops, calls) of all calls together.
ALL_STEPS = 1500000
# Examples taken from documentation.
MOST_EXAMPLES = 20
# Calls after which no more are looked at.
MOST_EVENTS = 3000000


# ----------------------------------------------------------------------------------------------------------- gather


class Reporter(runner.Reporter):
    """Has calls watched while a test runs: imports take longer than most tests, and more so where they are watched."""

    def __init__(self):
        super().__init__(lambda line: False)
        self.watch = None

    def start(self, test_id):
        super().start(test_id)
        self.watch.begin()

    def end(self, test_id, status, us=0, **rest):
        self.watch.end()
        super().end(test_id, status, us, **rest)


class Watch:
    """Keeps the calls that tests make."""

    TOOL = 4

    def __init__(self, project, wanted, reporter):
        self.project = project
        self.wanted = wanted  # (file, function) that are changed
        self.reporter = reporter
        self.calls = {}  # code -> [(arguments, test, whether a test calls it, module)]
        self.known = {}  # code -> whether it is looked at: "" never, "inner" always, "entry" if a test calls it
        self.events = 0
        self.keys = set()
        self.mon = getattr(sys, "monitoring", None)
        if self.mon is not None:
            self.mon.use_tool_id(self.TOOL, "gather")
            self.mon.register_callback(self.TOOL, self.mon.events.PY_START, self.started)

    def begin(self):
        if self.events > MOST_EVENTS:
            return
        if self.mon is None:
            sys.settrace(self.trace)
        else:
            self.mon.set_events(self.TOOL, self.mon.events.PY_START)

    def end(self):
        if self.mon is None:
            sys.settrace(None)
        else:
            self.mon.set_events(self.TOOL, 0)

    def started(self, code, _offset):
        if self.how(code):
            self.call(sys._getframe(1))
            return None
        return self.mon.DISABLE

    def trace(self, frame, event, _arg):
        # Before 3.12. It answers None: what happens within the call is of no interest.
        if event == "call" and self.how(frame.f_code):
            self.call(frame)

    def how(self, code):
        self.events += 1
        if self.events > MOST_EVENTS:
            self.end()
        try:
            return self.known[code]
        except KeyError:
            how = self.known[code] = self.look(code)
            return how

    def call(self, frame):
        code = frame.f_code
        outside = self.from_outside(frame.f_back)
        calls = self.calls.setdefault(code, [])
        if len(calls) >= MOST_CALLS or not (outside or self.known[code] == "inner"):
            return
        kept = arguments(frame, code)
        key = (code, kept, outside)
        if kept is not None and key not in self.keys:
            self.keys.add(key)
            calls.append((kept, self.reporter.open or "", outside, frame.f_globals.get("__name__", "")))

    def look(self, code):
        name = self.project.relative(code.co_filename)
        if name is None or self.project.is_test(name) or code.co_name.startswith("<"):
            return ""
        return "inner" if (name, code.co_name) in self.wanted else "entry"

    def from_outside(self, frame):
        if frame is None:
            return True
        name = self.project.relative(frame.f_code.co_filename)
        return name is None or self.project.is_test(name)


def gather(ask):
    kinds = {"unittest": runner.UnittestRun, "pytest": runner.PytestRun, "doctest": runner.DoctestRun}
    reporter = Reporter()
    import os

    request = dict(ask["suite"], root=os.getcwd(), replace={}, coverage="none")
    run = kinds[request["framework"]](request, reporter)
    watch = reporter.watch = Watch(run.project, {(path, name) for path, name in ask["changed"]}, reporter)
    try:
        run.main()
    finally:
        watch.end()
    functions, inputs = [], []
    rng = random.Random(ask["seed"])
    order = sorted(watch.calls.items(), key=lambda item: (watch.known[item[0]] != "inner", item[0].co_filename,
                                                          item[0].co_firstlineno))
    for code, calls in order:
        if len(functions) >= MOST_FUNCTIONS or not calls:
            continue
        module = calls[0][3]
        name, _ = resolve(code, module)
        if name is None or name.rpartition(".")[2].startswith("__") and name.endswith("__"):
            continue
        number = len(functions)
        functions.append({"module": module, "name": name, "file": run.project.relative(code.co_filename),
                          "inner": watch.known[code] == "inner"})
        inputs += Inputs(rng, code, name, [call[:3] for call in calls]).all(number)
    tests = sorted({test for calls in watch.calls.values() for _, test, _, _ in calls})
    modules = sorted({i.split("::")[0] for i in tests})
    return {"functions": functions, "inputs": inputs, "tests": tests, "test_files": modules}


class Inputs:
    """Inputs of one function: those of the tests, and others that are like them."""

    def __init__(self, rng, code, name, calls):
        self.rng, self.name = rng, name
        self.calls = calls
        self.bound = "." in name and code.co_argcount > 0 and code.co_varnames[0] in ("self", "cls")
        self.seen = []
        for kept, test, outside in calls:
            try:
                self.seen.append((pickle.loads(kept), test, outside))
            except BaseException:
                pass
        self.pool = {}
        self.least = {}
        self.letters = set()
        for (positional, named), _, _ in self.seen:
            for value in list(positional) + list(named.values()):
                self.learn(value, 0)
        self.letters = "".join(sorted(self.letters)) or "ab"

    def learn(self, value, depth):
        kind = type(value)
        pool = self.pool.setdefault(kind, [])
        if len(pool) < 60:
            pool.append(value)
        if kind is str:
            self.letters.update(value[:200])
            self.least["str"] = min(self.least.get("str", 9), len(value))
        elif kind in (int, float):
            self.least["number"] = min(self.least.get("number", value), value)
        elif kind in (list, tuple, set, frozenset, dict):
            self.least[kind.__name__] = min(self.least.get(kind.__name__, 9), len(value))
            if depth < 3:
                for item in list(value)[:40]:
                    self.learn(item, depth + 1)

    def wild(self, value, depth=0):
        """True for what no test comes near to: negative where none is, empty where none is, and the like."""
        kind = type(value)
        if kind in (int, float):
            return value < min(0, self.least.get("number", 0)) or (
                value == 0 and self.least.get("number", 0) > 0)
        if kind is str:
            return not value and self.least.get("str", 0) > 0
        if kind in (list, tuple, set, frozenset, dict):
            if not value and self.least.get(kind.__name__, 0) > 0:
                return True
            return depth < 3 and any(self.wild(item, depth + 1) for item in list(value)[:40])
        return False

    def all(self, number):
        found, keys = [], set()

        def add(positional, named, seen, test=""):
            try:
                kept = pickle.dumps((tuple(positional), named), 4)
                text = self.text(positional, named)
            except BaseException:
                return
            key = plain((tuple(positional), named))
            if key in keys or len(kept) > ARGUMENT_BYTES:
                return
            keys.add(key)
            shown = positional[1:] if self.bound else positional
            wild = not seen and any(self.wild(value) for value in list(shown) + list(named.values()))
            found.append({"f": number, "data": base64.b64encode(kept).decode(), "seen": seen, "wild": wild,
                          "test": test, "text": text})

        for (positional, named), test, outside in self.seen:
            # What a test asks for itself comes first: of that it says what is right.
            if outside:
                add(positional, named, True, test)
        for (positional, named), test, outside in self.seen:
            if not outside:
                add(positional, named, False, test)
        tries = 0
        while self.seen and len(found) < MOST_INPUTS and tries < 4 * MOST_INPUTS:
            tries += 1
            (positional, named), _, _ = self.rng.choice(self.seen)
            try:
                positional, named = pickle.loads(pickle.dumps((positional, named), 4))
                positional, named = self.changed(list(positional), dict(named))
            except BaseException:
                continue
            add(positional, named, False)
        return found

    def text(self, positional, named):
        shown = positional[1:] if self.bound else positional
        parts = [plain(value) for value in shown] + ["%s=%s" % (k, plain(v)) for k, v in named.items()]
        return short("%s(%s)" % (self.name, ", ".join(parts)))

    def changed(self, positional, named):
        start = 1 if self.bound and len(positional) > 1 else 0
        places = list(range(start, len(positional))) + list(named)
        if not places:
            return positional, named
        dice = self.rng.random()
        same = [(a, b) for a in range(start, len(positional)) for b in range(a)
                if b >= start and type(positional[a]) is type(positional[b])]
        if same and dice < 0.08:
            a, b = self.rng.choice(same)
            positional[a], positional[b] = positional[b], positional[a]
            return positional, named
        if same and dice < 0.14:
            a, b = self.rng.choice(same)
            positional[a] = positional[b]
            return positional, named
        for _ in range(self.rng.choice((1, 1, 1, 2, 2, 3))):
            place = self.rng.choice(places)
            holder = named if isinstance(place, str) else positional
            value = holder[place]
            others = self.pool.get(type(value), ())
            if others and self.rng.random() < 0.2:
                holder[place] = pickle.loads(pickle.dumps(self.rng.choice(others), 4))
            else:
                holder[place] = self.vary(value, 0)
        return positional, named

    def vary(self, value, depth):
        rng, kind = self.rng, type(value)
        if kind is bool:
            return not value
        if kind is int:
            return rng.choice((0, 1, 2, 3, value + 1, value - 1, value + 2, value * 2, value // 2, -value,
                               rng.randint(0, 12), rng.randint(0, 12), rng.randint(-4, 30), min(abs(value), 99) + 10))
        if kind is float:
            return rng.choice((0.0, 1.0, -value, value + 1, value - 1, value / 2, value * 2, value + 0.5,
                               float(int(value) if abs(value) < 1e15 else 0), round(rng.uniform(-5, 20), 2)))
        if kind is str:
            return self.vary_text(value)
        if kind is bytes:
            return self.vary_text(value.decode("latin-1")).encode("latin-1", "replace")
        if kind in (list, tuple):
            return kind(self.vary_items(list(value), depth))
        if kind in (set, frozenset):
            return kind(self.vary_items(sorted(value, key=plain), depth))
        if kind is dict:
            return self.vary_dict(value, depth)
        if value is not None and hasattr(value, "__dict__") and depth < 4:
            fields = [name for name, inner in vars(value).items() if type(inner) in VARIED]
            if fields:
                name = rng.choice(sorted(fields))
                setattr(value, name, self.vary(getattr(value, name), depth + 1))
        return value

    def vary_text(self, text):
        rng = self.rng
        at = rng.randrange(len(text) + 1)
        dice = rng.randrange(13)
        if dice == 0:
            return ""
        if dice == 1:
            return text[::-1]
        if dice == 2:
            return text.swapcase()
        if dice == 3:
            return text.upper() if rng.random() < 0.5 else text.lower()
        if dice == 4:
            return text[:at]
        if dice == 5:
            return text[at:]
        if dice == 6:
            return text[:at] + text[at + 1:]
        if dice == 7:
            return text[:at] + text[at - 1: at] + text[at:]
        if dice == 8:
            return text[:at] + rng.choice(self.letters) + text[at:]
        if dice == 9:
            return text[:at] + rng.choice(self.letters) + text[at + 1:]
        if dice == 10:
            letters = list(text)
            rng.shuffle(letters)
            return "".join(letters)
        if dice == 11:
            return (text + text)[:400]
        return "".join(rng.choice(self.letters) for _ in range(rng.randint(0, 7)))

    def vary_items(self, items, depth):
        rng = self.rng
        dice = rng.randrange(13)
        at = rng.randrange(len(items)) if items else 0
        kinds = sorted({type(item).__name__ for item in items})
        pool = [v for kind, values in self.pool.items() if kind.__name__ in kinds for v in values]
        if not items or dice == 0:
            return [] if items else self.grown(depth)
        if dice == 1:
            return items[:1]
        if dice == 2:
            return items[::-1]
        if dice == 3:
            return sorted(items, key=lambda item: (type(item).__name__, item))
        if dice == 4:
            return items[:at] + items[at + 1:]
        if dice == 5:
            return items[:at] + [items[at]] + items[at:]
        if dice == 6:
            return (items + items)[:60]
        if dice == 7:
            rng.shuffle(items)
            return items
        if dice == 8 and pool:
            return items[:at] + [rng.choice(pool)] + items[at:]
        if dice == 9:
            other = rng.randrange(len(items))
            items[at] = items[other]
            return items
        if dice == 10:
            return items[: rng.randrange(len(items)) + 1]
        if depth < 3 and dice == 11:
            return [self.vary(item, depth + 1) if rng.random() < 0.5 else item for item in items]
        if depth < 3:
            items[at] = self.vary(items[at], depth + 1)
        return items

    def grown(self, depth):
        pool = [v for kind in (int, str, float) for v in self.pool.get(kind, ())]
        return [self.rng.choice(pool) for _ in range(self.rng.randint(1, 3))] if pool and depth else []

    def vary_dict(self, value, depth):
        rng, copy = self.rng, dict(value)
        if not copy or rng.random() < 0.15:
            return {}
        key = rng.choice(sorted(copy, key=plain))
        dice = rng.randrange(4)
        if dice == 0:
            del copy[key]
        elif dice == 1 and isinstance(key, (str, int, float)):
            copy[self.vary(key, depth + 1)] = copy[key]
        elif dice == 2:
            copy[key] = copy[rng.choice(sorted(copy, key=plain))]
        elif depth < 3:
            copy[key] = self.vary(copy[key], depth + 1)
        return copy


VARIED = (bool, int, float, str, list, tuple, dict, set)
