"""Runs red tests and tells what the local names are worth where they fail.

A script for the runner's `exec`, in either tier (Python 3.8 or later), behind `script/calls.py` and with `minimise.py` after it. `INPUT` is
a request for a run of tests. The answer: for each test the frame of the test that is innermost, and the innermost frame of the product,
with names and short values; and where a function of the product breaks, the smallest call with which it does. Values are asked for
their `repr`, and functions called, which may do anything that the sandbox allows.
"""

import json
import os
import re
import reprlib
import sys
import types

import coditect_runner as runner

MOST_TESTS, MOST_NAMES, MOST_OWN, CAP = 12, 12, 6, 120
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")

cutting = reprlib.Repr()
cutting.maxlevel, cutting.maxstring, cutting.maxlong, cutting.maxother = 3, CAP, CAP, CAP
cutting.maxlist = cutting.maxtuple = cutting.maxset = cutting.maxfrozenset = cutting.maxdeque = cutting.maxarray = 8
cutting.maxdict = 6


def told(value):
    try:
        text = cutting.repr(value)
    except BaseException as error:
        text = "<%s: repr raised %s>" % (type(value).__name__, type(error).__name__)
    text = ADDRESS.sub("", " ".join(str(text).split()))
    return text if len(text) <= CAP else text[:CAP] + "..."


HIDDEN = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType, type)


def names_of(values, prefix=""):
    found = []
    for name, value in list(values.items()):
        # What pytest's rewriting of assertions keeps begins with `@py`.
        if isinstance(name, str) and name.isidentifier() and not name.startswith("__") and not isinstance(value, HIDDEN):
            found.append((prefix + name, value))
    return found


def own(frame):
    """The attributes of `self`, without asking the object."""
    try:
        return object.__getattribute__(frame.f_locals["self"], "__dict__")
    except BaseException:
        return {}


def values_of(frame, is_test):
    named = names_of({name: value for name, value in frame.f_locals.items() if name != "self"})
    if not is_test and frame.f_code.co_name != "<module>":
        named += names_of(own(frame), "self.")[:MOST_OWN]
    return [[name, told(value)] for name, value in named[:MOST_NAMES]]


def frames_of(project, tb):
    found = []
    while tb is not None:
        name = project.relative(tb.tb_frame.f_code.co_filename)
        if name is not None:
            found.append((name, tb.tb_lineno or 0, tb.tb_frame))
        tb = tb.tb_next
    tests = [one for one in found if project.is_test(one[0])]
    product = [one for one in found if not project.is_test(one[0])]
    picked = [(one, True) for one in tests[-1:]] + [(one, False) for one in product[-1:]]
    return [{"file": name, "line": line, "function": frame.f_code.co_name, "values": values_of(frame, is_test)}
            for (name, line, frame), is_test in picked]


def main(request):
    out, seen, breaks, took, open_test, projects = sys.stdout, {}, {}, {}, [None], []
    explain, send = runner.Project.explain, runner.Reporter.send

    def telling(self, error, tb=None):
        test = open_test[0]
        if test is not None and test not in seen and len(seen) < MOST_TESTS:
            try:
                at = tb if tb is not None else error.__traceback__
                seen[test] = frames_of(self, at)
                how = broken(self, error, at)
                if how is not None:
                    breaks[test] = how
                    projects.append(self)
            except BaseException:
                seen.setdefault(test, [])
        return explain(self, error, tb)

    def hearing(self, kind, **fields):
        if kind in ("start", "end"):
            open_test[0] = fields["id"] if kind == "start" else None
            took[fields["id"]] = (fields.get("us") or 0) / 1e6
        return send(self, kind, **fields)

    runner.Project.explain, runner.Reporter.send = telling, hearing
    try:
        runner.answer(dict(request, op="test", root=os.getcwd(), replace={}, coverage="none"), lambda line: False)
    finally:
        runner.Project.explain, runner.Reporter.send = explain, send
        sys.stdout = out
    smallest = {}
    try:
        smallest = minimised(request, projects[0], breaks, took) if breaks else {}
    except Exception:
        # The values are worth telling without it.
        pass
    finally:
        sys.stdout = out
    answers = [{"test": test, "frames": frames, "smallest": smallest.get(test)} for test, frames in seen.items() if frames]
    out.write(json.dumps(answers))
