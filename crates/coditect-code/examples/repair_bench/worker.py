"""Runs tests of one copy of a project in forked children. For development only: there is no isolation.

One JSON object a line on standard input: {"files": {path: text}, "ids": [..] or null, "stop": bool, "trace": bool,
"cpu": seconds, "wall": seconds}. One a line on standard output: {"passed": [..], "red": [[id, message, error, frames]],
"complete": bool, "timed_out": bool, "lines": {test: {path: [..]}}}.
"""
import gc
import importlib
import json
import os
import py_compile
import resource
import select
import signal
import sys
import time
import traceback
import unittest

# Imported once here, so that no child has to.
import collections, copy, functools, heapq, itertools, math, random, re, string  # noqa: E401,F401


# Ends the id that stands for the tests of a file that cannot be imported.
IMPORT = "::<import>"


def test_files(root):
    """Paths of test files, below the root."""
    found = []
    for folder, _, names in sorted(os.walk(root)):
        for name in sorted(names):
            if (name.startswith("test_") or name.endswith("_test.py")) and name.endswith(".py"):
                found.append(os.path.relpath(os.path.join(folder, name), root))
    return found


def tests_of(paths):
    """Every test of the project, by id, and the errors of files that cannot be imported."""
    found, errors = {}, {}
    for path in paths:
        try:
            module = importlib.import_module(path[:-3].replace(os.sep, "."))
        except BaseException as error:
            errors[path + IMPORT] = error
            continue
        for suite in unittest.defaultTestLoader.loadTestsFromModule(module):
            for test in suite if isinstance(suite, unittest.TestSuite) else [suite]:
                parts = test.id().rsplit(".", 2)
                found["%s::%s" % (path, "::".join(parts[1:]))] = test
    return found, errors


class Tracer:
    def __init__(self, root):
        self.root, self.lines = root + os.sep, {}

    def __call__(self, frame, event, arg):
        name = frame.f_code.co_filename
        if not name.startswith(self.root):
            return None
        path = name[len(self.root):]
        if path.startswith("test_") or path.endswith("_test.py"):
            return self if event == "call" else None
        self.lines.setdefault(path, set()).add(frame.f_lineno)
        return self.local

    def local(self, frame, event, arg):
        if event == "line":
            self.lines[frame.f_code.co_filename[len(self.root):]].add(frame.f_lineno)
        return self.local

    def done(self):
        return {path: sorted(lines) for path, lines in self.lines.items()}


def frames_of(error, root):
    found = []
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename.startswith(root + os.sep):
            found.append([os.path.relpath(frame.filename, root), frame.lineno, frame.name])
    return found[-20:]


def said(error, root):
    """Message, kind and frames of an error; the message begins with the kind, as the product's judge has it."""
    kind = type(error).__name__
    frames = frames_of(error, root)
    if isinstance(error, SyntaxError) and (error.filename or "").startswith(root + os.sep):
        frames.append([os.path.relpath(error.filename, root), error.lineno or 0, "<module>"])
    return ["%s: %s" % (kind, str(error)[:2000]), kind, frames[-20:]]


class Result(unittest.TestResult):
    def __init__(self, root):
        super().__init__()
        self.root, self.red, self.said = root, False, None

    def note(self, err):
        kind, value, _ = err
        self.red = True
        self.said = said(value, self.root)

    def addError(self, test, err):
        self.note(err)

    def addFailure(self, test, err):
        self.note(err)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.note(err)


def quiet():
    null = os.open(os.devnull, os.O_RDWR)
    for n in (0, 1, 2):
        os.dup2(null, n)
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))


def run(request, root, paths, send):
    random.seed(0)
    signal.setitimer(signal.ITIMER_PROF, request["cpu"])
    tracer = Tracer(root)
    current = [None]

    def over(number, frame):
        sys.settrace(None)
        send({"id": current[0], "red": ["it did not end", "TimedOut", []], "lines": tracer.done(), "hung": True})
        os._exit(3)

    if request.get("trace"):
        signal.signal(signal.SIGPROF, over)
    found, errors = tests_of(paths)
    if request.get("list"):
        send({"ids": [*found, *errors]})
    ids = request["ids"] if request["ids"] is not None else [*found, *errors]
    # A file that could not be imported is answered for by all of its tests, once it can be.
    imports = [name for name in ids if name.endswith(IMPORT)]
    if request["ids"] is None and not request.get("list"):
        imports = [path + IMPORT for path in paths]
    ids = [name for name in ids if name not in imports]
    for name in imports:
        ids += [test for test in found if test.startswith(name[:-len(IMPORT)] + "::") and test not in ids]
    reds = set()
    for name, error in errors.items():
        if name in imports or request["ids"] is None:
            reds.add(name)
            send({"id": name, "red": said(error, root), "us": 0})
    if reds and request["stop"]:
        return
    for name in ids:
        test = found.get(name)
        if test is None:
            error = errors.get(name.split("::")[0] + IMPORT)
            if error is not None:
                send({"id": name, "red": said(error, root), "us": 0})
                if request["stop"]:
                    return
            continue
        result = Result(root)
        current[0] = name
        started = time.process_time()
        if request.get("trace"):
            tracer.lines = {}
            signal.setitimer(signal.ITIMER_PROF, request["cpu"])
            sys.settrace(tracer)
        try:
            test.run(result)
        except BaseException as error:
            result.note((type(error), error, None))
        sys.settrace(None)
        us = int(1e6 * (time.process_time() - started))
        line = {"id": name, "red": result.said if result.red else None, "us": us}
        if request.get("trace"):
            line["lines"] = tracer.done()
        send(line)
        if result.red:
            reds.add(name)
            if request["stop"]:
                return
    for name in imports:
        if name not in errors:
            bad = [red for red in reds if red.startswith(name[:-len(IMPORT)] + "::")]
            send({"id": name, "red": ["`%s` is red" % bad[0], "", []] if bad else None, "us": 0})


class Child:
    """A forked process that answers one request, or many, with the project's modules imported anew for each."""

    def __init__(self, root, paths):
        requests, self.requests = os.pipe()
        self.answers, answers = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.requests)
            os.close(self.answers)
            quiet()
            try:
                self.loop(root, paths, os.fdopen(requests, "r"), answers)
            finally:
                os._exit(9)
        os.close(requests)
        os.close(answers)
        self.data = b""

    def loop(self, root, paths, requests, answers):
        known = set(sys.modules)
        send = lambda value: os.write(answers, (json.dumps(value) + "\n").encode())
        for line in requests:
            for name in set(sys.modules) - known:
                if (getattr(sys.modules[name], "__file__", None) or root).startswith(root):
                    del sys.modules[name]
            importlib.invalidate_caches()
            sys.setrecursionlimit(1000)
            run(json.loads(line), root, paths, send)
            signal.setitimer(signal.ITIMER_PROF, 0)
            send({"end": True})
        os._exit(0)

    def ask(self, request):
        """Lines of the answer, and whether it ended."""
        os.write(self.requests, (json.dumps(request) + "\n").encode())
        limit, lines = time.monotonic() + request["wall"], []
        while True:
            while b"\n" in self.data:
                line, self.data = self.data.split(b"\n", 1)
                lines.append(json.loads(line))
                if lines[-1].get("end"):
                    return lines, True
            left = limit - time.monotonic()
            if left <= 0 or not select.select([self.answers], [], [], left)[0]:
                return lines, False
            piece = os.read(self.answers, 65536)
            if not piece:
                return lines, False
            self.data += piece

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.requests)
        os.close(self.answers)


kept = []


def serve(request, root, paths):
    olds = {}
    for path, text in request["files"].items():
        full = os.path.join(root, path)
        with open(full, newline="", encoding="utf-8") as file:
            olds[full] = file.read()
        with open(full, "w", newline="", encoding="utf-8") as file:
            file.write(text)
    # A survivor's last word, and whatever is traced, comes from a process of its own.
    fresh = request["ids"] is None or request.get("trace") or request.get("list")
    child = Child(root, paths) if fresh or not kept else kept.pop()
    lines, ended = child.ask({**request, "files": None})
    if ended and not fresh:
        kept.append(child)
    else:
        child.close()
    for full, text in olds.items():
        with open(full, "w", newline="", encoding="utf-8") as file:
            file.write(text)
    answer = {"passed": [], "red": [], "complete": ended, "timed_out": not ended, "lines": {}, "ids": [], "us": 0}
    for line in lines:
        if "ids" in line:
            answer["ids"] = line["ids"]
        elif "id" in line:
            answer["us"] += line.get("us", 0)
            if line["red"]:
                answer["red"].append([line["id"], *line["red"]])
            else:
                answer["passed"].append(line["id"])
            answer["lines"][line["id"]] = line.get("lines", {})
            if line.get("hung"):
                answer["timed_out"] = True
    return answer


def main():
    root = os.path.realpath(sys.argv[1])
    os.chdir(root)
    sys.path.insert(0, root)
    # Tests do not change, so they are compiled once; what is edited never leaves compiled code behind.
    paths = test_files(root)
    for path in paths:
        py_compile.compile(path)
    sys.dont_write_bytecode = True
    gc.collect()
    gc.freeze()
    out = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        out.write(json.dumps(serve(json.loads(line), root, paths)) + "\n")
        out.flush()


main()
