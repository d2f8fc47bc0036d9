"""Trials without importing anything again: the code of changed functions is exchanged in the imported project.

In WASM, the op `hot` runs tests once as the op `warm` does (see `runner.py`), then imports the project afresh and collects its
tests, but runs none. The host keeps this memory and gives it to run after run. A run whose changes are bodies of functions
gets their new code put into the functions as they are, and runs its tests at once. That is what importing the changed
files would have led to, provided that

- the text differs within one statement of the file's top level, and what that statement compiles to differs in the code
  of functions only (not in defaults, decorators, the bodies of classes, what they close over, or docstrings);
- these functions were not called while files were imported and tests collected, so nothing stems from their old code.

Where that cannot be shown the answer is `COLD`, and the host takes another guest. Whatever passes here is proved in a
fresh one anyway.

A candidate that loops is ended after so many turns of loops and calls in its changed functions, not by a clock: the guest
is whole after that.

Where there is `fork` the same stages serve candidates of their own, see `many.py`: a child that loops is killed there.
"""

import array
import gc
import json
import linecache
import os
import sys
import types
import unittest
import weakref

import runner
from parts import File, all_codes

COLD = '{"cold":true}'
# Turns of loops and calls in changed functions that one test may take at least, and how many times as many as all tests
# took together before the change: some programs are slow as they are.
STEPS, TIMES = 100000, 10
# A file and how often candidates of it are tried before this memory is kept: see `Stage.rehearse`.
REHEARSAL, REHEARSALS = "<rehearsal>", 12
REHEARSED = """import re

def scaled(number=2, by=3):
    return number * by if by > 0 else [len(str(by)), number]
"""
# Text of files that are read in parts for a warm guest: it is made while a search waits for it.
SPLICED_BYTES = 1 << 20

STAGE = None

# Before 3.11 code has no name that tells functions apart.
IS_ABLE = sys.version_info >= (3, 11)


class TooManySteps(BaseException):
    """A candidate loops."""


def serve(text, emit):
    """Answers one request, as `runner.serve` does."""
    global STAGE
    request = json.loads(text)
    op = request.get("op", "test")
    if STAGE is not None:
        # This guest is for such runs alone.
        return (STAGE.run(request, emit) if op == "test" else None) or COLD
    if op != "hot":
        said = runner.answer(request, emit)
        if op == "warm":
            splice(runner.Project(request["root"], None))
            said = lasting(json.loads(said))
        return said
    with Load(request) as load:
        runner.warm(dict(request))
    stage = {"unittest": UnittestStage, "pytest": PytestStage}.get(request.get("framework"))
    if stage is None:
        return COLD
    ready = stage(request, Steps(max(STEPS, load.steps * TIMES)))
    if not ready.prepare():
        return COLD
    STAGE = ready
    return lasting({"exit_code": 0})


def lasting(answer):
    """The answer of a guest that is kept from now on."""
    answer["held"] = held()
    gc.collect()
    gc.freeze()
    return json.dumps(answer)


# Objects that are there for good, and the addresses of their counts of references.
HELD, PLACES = [], array.array("L")


def hold(objects, refer):
    """Sees to it that these objects, and what `refer` says that they refer to, never go. Left out is what a program can notice
    the end of."""
    seen = set()
    while objects:
        one = objects.pop()
        kind = type(one)
        if id(one) in seen or kind in FLEETING or is_finalized(kind):
            continue
        seen.add(id(one))
        if kind is types.CodeType:
            objects += [one.co_consts, one.co_names, one.co_filename, one.co_name, one.co_qualname, one.co_linetable,
                        one.co_exceptiontable, *one.co_consts]
        elif kind is not weakref.ref:
            objects += refer(one)
        if kind in LASTING or not weakref.getweakrefcount(one):
            HELD.append(one)
            PLACES.append(id(one))


def is_finalized(kind):
    try:
        return hasattr(kind, "__del__")
    except BaseException:
        # A class of the project decides on its attributes itself.
        return True


def code_of(one):
    """What a function is made of. The rest of what the project's objects refer to is there without it."""
    return (one.__code__, one.__qualname__) if type(one) is types.FunctionType else ()


# Kinds of objects whose end nobody waits for, although they are referred to weakly.
LASTING = (type, types.FunctionType, types.ModuleType)
FLEETING = (types.FrameType, types.GeneratorType, types.CoroutineType)


def held():
    """Where the host finds the addresses, how many, and one object with its count, to compare. The host makes these counts
    such as are never changed: hundreds of pages that a run would only count in stay as they are."""
    if sys.platform != "wasi":
        return None
    # All that came since the interpreter was made.
    hold(gc.get_objects(), code_of)
    probe = object()
    HELD.append(probe)
    place, count = PLACES.buffer_info()
    return [place, count, id(probe), sys.getrefcount(probe) - 1]


def splice(project):
    """From now on a changed file whose functions differ is made of the code that is kept, and not compiled as a whole."""
    files, left = {}, SPLICED_BYTES
    for path, code in runner.KEPT.items():
        name = project.relative(path)
        file = None
        if left > 0 and name is not None and not project.is_test(name):
            file = File.read_from(path, code)
        if file is not None:
            files[path] = file
            left -= len(file.text)

    def spliced(path, source):
        file = files.get(path)
        return file.spliced(source) if file is not None else None

    runner.SPLICE[:] = [spliced]


class Called:
    """Which code of the project is run while files are imported and tests collected."""

    TOOL = 5

    def __init__(self, project):
        self.project, self.codes = project, set()
        self.mon = getattr(sys, "monitoring", None)

    def __enter__(self):
        if self.mon is None:
            sys.setprofile(self._profile)
            return self
        start = self.mon.events.PY_START
        self.mon.use_tool_id(self.TOOL, "coditect-hot")
        self.mon.register_callback(self.TOOL, start, self._start)
        self.mon.set_events(self.TOOL, start)
        return self

    def _start(self, code, _offset):
        if self.project.relative(code.co_filename) is not None:
            self.codes.add(code)
        return self.mon.DISABLE

    def _profile(self, frame, event, _arg):
        # Before 3.12.
        if event == "call" and self.project.relative(frame.f_code.co_filename) is not None:
            self.codes.add(frame.f_code)

    def __exit__(self, *_):
        if self.mon is None:
            sys.setprofile(None)
            return
        self.mon.set_events(self.TOOL, 0)
        self.mon.free_tool_id(self.TOOL)


class Load:
    """Counts turns of loops and calls in the whole project."""

    TOOL = 5

    def __init__(self, request):
        self.root = os.path.realpath(request.get("root") or os.getcwd())
        self.mon, self.steps = sys.monitoring, 0

    def __enter__(self):
        events = self.mon.events
        self.mon.use_tool_id(self.TOOL, "coditect-hot")
        for event in (events.JUMP, events.PY_START):
            self.mon.register_callback(self.TOOL, event, self._step)
        self.mon.set_events(self.TOOL, events.JUMP | events.PY_START)
        return self

    def _step(self, code, *_):
        if not code.co_filename.startswith(self.root):
            return self.mon.DISABLE
        self.steps += 1
        return None

    def __exit__(self, *_):
        self.mon.set_events(self.TOOL, 0)
        self.mon.free_tool_id(self.TOOL)


class NoSteps:
    """What loops is ended from outside."""

    def begin(self):
        pass

    def settle(self, code):
        pass

    def watch(self, code):
        pass

    def reset(self):
        pass


class Steps:
    """Counts turns of loops and calls in the codes of a candidate."""

    TOOL = 5

    def __init__(self, most):
        self.mon, self.most, self.left = sys.monitoring, most, most

    def begin(self):
        self.mon.use_tool_id(self.TOOL, "coditect-hot")
        for event in (self.mon.events.JUMP, self.mon.events.PY_START):
            self.mon.register_callback(self.TOOL, event, self._step)

    def settle(self, code):
        """Has the interpreter note now, and not in each run, that nothing watches this code any more."""
        for inner in all_codes(code):
            self.mon.set_local_events(self.TOOL, inner, self.mon.events.JUMP)
            self.mon.set_local_events(self.TOOL, inner, 0)

    def watch(self, code):
        for inner in all_codes(code):
            self.mon.set_local_events(self.TOOL, inner, self.mon.events.JUMP | self.mon.events.PY_START)

    def reset(self):
        self.left = self.most

    def _step(self, *_):
        self.left -= 1
        if self.left < 0:
            raise TooManySteps("it takes more than %d steps" % self.most)


# ----------------------------------------------------------------------------------------------------------- stages


class Stage:
    """A project that is imported, with its tests collected."""

    def __init__(self, request, steps):
        # All tests of the files of red ones, also those that hang and were not run.
        self.test_files = list(dict.fromkeys(one.split("::")[0] for one in request.get("files") or ()))
        # Where the program loops as it is, any of its functions may be the one that does.
        self.loops = len(request.get("files") or ()) > len(request.get("select") or ())
        self.request = dict(request, op="test", replace={}, select=None, coverage="none", list_only=False)
        self.files, self.steps = {}, steps

    def prepare(self):
        reporter = runner.Reporter(lambda line: False)
        self.session = self.kind(self.request, reporter)
        self.overlay = self.session.overlay = Overlay(self.session.project)
        with Called(self.session.project) as called:
            fine = self.collect()
        if not fine or reporter.broken:
            return False
        self.steps.begin()
        self.index(called.codes)
        files, tests = self.files, self.tests
        try:
            self.rehearse()
        finally:
            self.files, self.tests = files, tests
            self.overlay.take({})
        return True

    def rehearse(self):
        """Tries candidates of a file that belongs to nobody. What all runs go through is then in the form that the interpreter
        makes of code that is used often, and its pages are written, before this memory is kept: no run does it again."""
        code = compile(REHEARSED, REHEARSAL, "exec", dont_inherit=True)
        names = {}
        exec(code, names)
        function = names["scaled"]
        kept = function.__code__
        self.files = {REHEARSAL: File(REHEARSAL, code, REHEARSED, {kept: [function]}, set())}
        self.tests = self.rehearsed(function)
        for turn in range(REHEARSALS):
            text = REHEARSED.replace("*", "+" if turn % 2 else "-")
            self.run({"select": list(self.tests), "replace": {REHEARSAL: text}}, lambda line: False)
            function.__code__ = kept

    def rehearsed(self, function):
        """Tests that fail in the ways that tests fail in most."""
        return {}

    def index(self, called):
        functions = {}
        for thing in gc.get_objects():
            if type(thing) is types.FunctionType:
                functions.setdefault(thing.__code__, []).append(thing)
        project = self.session.project
        for code in functions:
            if project.relative(code.co_filename) is not None:
                self.steps.settle(code)
        for path, code in runner.KEPT.items():
            name = project.relative(path)
            file = None
            if name is not None and not project.is_test(name):
                file = File.read_from(path, code, functions, called)
            if file is not None:
                self.files[name] = file
                file.places = {path} | {os.path.join(base, *name.split("/")) for base in (project.root, project.alias)}
                if self.loops:
                    self.steps.watch(code)

    def exchanges(self, replace):
        """(function, code) pairs for all changed files, or None."""
        found = []
        for name, text in replace.items():
            file = self.files.get(name)
            pairs = file.exchanges(text) if file is not None else None
            if pairs is None:
                return None
            found += pairs
        return found

    def run(self, request, emit):
        if request.get("coverage", "none") != "none" or request.get("list_only") or request.get("deselect"):
            return None
        select = request.get("select")
        if select is None or any(one not in self.tests for one in select):
            return None
        replace = request.get("replace") or {}
        pairs = self.exchanges(replace)
        if pairs is None:
            return None
        for function, code in pairs:
            function.__code__ = code
        for code in {code for _, code in pairs}:
            self.steps.watch(code)
        run = self.session
        run.reporter = runner.Reporter(emit)
        self.overlay.take({path: text for name, text in replace.items() for path in self.files[name].places})
        run.select, run.stop_on_failure = select, bool(request.get("stop_on_failure"))
        run.max_output = int(request.get("max_output", runner.OUTPUT_CAP))
        chosen = [(one, self.tests[one]) for one in dict.fromkeys(select)]
        run.reporter.send("collected", tests=[one for one, _ in chosen], lines={})
        if chosen and not run.reporter.stopped:
            self.run_tests(chosen)
        code = 1 if run.reporter.broken or run.reporter.failed else 0
        run.reporter.done(code)
        return runner._encode({"exit_code": code, "tests": run.reporter.tests, "failed": run.reporter.failed})


class Overlay(runner.Overlay):
    """Files that are imported already: asked for only by what reloads them or reads their source. It is put in place once,
    with nothing in it."""

    def __init__(self, project):
        super().__init__(project.root, {})

    def install(self):
        self.patch()

    def take(self, sources):
        self.sources, self._seen = sources, {}
        self.show()

    def lines(self, path, source):
        # Read when they are asked for.
        linecache.cache[path] = (lambda: source,)


class UnittestStage(Stage):
    kind = runner.UnittestRun

    def collect(self):
        run = self.session
        run.enter()
        tests, red = run.collect()
        self.tests = dict(runner.unique(tests))
        run.before_test = self.steps.reset
        return bool(tests) and not red

    def rehearsed(self, function):
        pairs = [(1, 2), ("a b\nc", "a c\n"), ([1, 2], [1, 3]), ((1, "a"), (2, "a")), ({"a": 1}, {"a": 2}), (None, 0), (1, 1)]
        tests = [unittest.FunctionTestCase(function)]
        tests += [Rehearsed("equal", *pair) for pair in pairs] + [Rehearsed(name) for name in ("true", "error")]
        return {"%s::%d" % (REHEARSAL, place): test for place, test in enumerate(tests)}

    def run_tests(self, chosen):
        self.session.run_all(chosen)


class Rehearsed(unittest.TestCase):
    """See `Stage.rehearse`."""

    def __init__(self, name, *values):
        super().__init__(name)
        self.values = values

    def equal(self):
        self.assertEqual(*self.values)

    def true(self):
        self.assertTrue(self.values)

    def error(self):
        raise ValueError(self.values)


class PytestStage(Stage):
    kind = runner.PytestRun

    def collect(self):
        from _pytest.config import _prepareconfig
        from _pytest.main import Session

        run = self.session
        run.enter()
        import pytest

        run.patch(pytest)
        self.plugin = runner.Plugin(run)
        targets = runner.options_of(run.targets) + self.test_files if self.test_files else run.targets
        args = run.arguments() + targets
        config = _prepareconfig(args, [self.plugin, run.hooks(pytest, self.plugin)])
        self.pytest = session = Session.from_config(config)
        config._do_configure()
        config.hook.pytest_sessionstart(session=session)
        config.hook.pytest_collection(session=session)
        self.tests = {run.id_of(item.nodeid): item for item in session.items}
        self.plugin.before_test = self.steps.reset
        return bool(self.tests) and not session.testsfailed

    def run_tests(self, chosen):
        session, self.plugin.reporter = self.pytest, self.session.reporter
        session.items[:] = [item for _, item in chosen]
        try:
            session.config.hook.pytest_runtestloop(session=session)
        except (session.Interrupted, session.Failed):
            pass
        sys.stdout = sys.stderr = self.session.sink
