"""The test runner of CODITECT: one request in, reports out, one JSON object each.

The same file runs in two places: inside the WASM interpreter, where `app.py` imports it before the snapshot is
taken, and as `python3 runner.py` (3.8 or later) in the OS sandbox, with the request on standard input and the reports
on the descriptor `CODITECT_REPORT_FD` or in the file `CODITECT_REPORT_FILE`.

Tests are hostile by accident: they replace `sys.stdout`, patch `time` and `open`, exit, recurse, print without end.
So whatever is needed while they run is referenced here before any of them is imported, and output is bounded.

Request: op ("test" or "exec"), root, framework ("unittest", "pytest", "doctest"), paths, targets, select, deselect,
coverage ("none" or "lines"), stop_on_failure, max_output, replace, list_only; for exec: code, input.

Reports: collected, start, end, error, note, done; see the functions of `Reporter`.
"""

import sys

sys.dont_write_bytecode = True

import ast
import builtins
import doctest
import errno
import fnmatch
import gc
import importlib
import importlib.machinery
import importlib.util
import io
import json
import linecache
import os
import re
import time
import traceback
import types
import unittest
import unittest.case
import unittest.loader
import unittest.suite

MESSAGE_CAP = 4096
FRAMES_CAP = 40
VALUE_CAP = 500
OUTPUT_CAP = 16384

_clock = time.perf_counter
def _encoder():
    """`json.dumps` with its machinery made once: a report is a line of some hundred bytes."""
    slow = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
    if json.encoder.c_make_encoder is None:
        return slow.encode
    quick = json.encoder.c_make_encoder(
        None, slow.default, json.encoder.encode_basestring, None, ":", ",", False, False, True)
    return lambda value: "".join(quick(value, 0))


_encode = _encoder()
_os_write = os.write
_getpid = os.getpid
_realpath = os.path.realpath
_normpath = os.path.normpath
_abspath = os.path.abspath
_isfile = os.path.isfile
_isdir = os.path.isdir
_open = open
_hard_exit = os._exit
_repr = repr

# Folders whose files are never the project's own code.
FOREIGN = ("site-packages", "dist-packages", "node_modules", ".venv", "venv", ".tox", ".nox", ".git", "__pycache__",
           ".eggs", ".mypy_cache", ".pytest_cache")


class HardExit(SystemExit):
    """What `os._exit` raises while tests run."""


class Stop(BaseException):
    """Enough is known: the run ends."""


# ---------------------------------------------------------------------------------------------------------- reports


def clip(text, cap):
    """At most `cap` characters, with the number of those left out."""
    if len(text) <= cap:
        return text
    return "%s... [%d more]" % (text[:cap], len(text) - cap)


def safe_repr(value, cap=VALUE_CAP):
    """`repr` that cannot raise, of at most `cap` characters."""
    try:
        return clip(_repr(value), cap)
    except BaseException as error:
        return "<%s: repr raised %s>" % (type(value).__name__, type(error).__name__)


def safe_str(value):
    try:
        return str(value)
    except BaseException as error:
        return "<str raised %s>" % type(error).__name__


class Reporter:
    """Sends reports. `emit(line)` answers True when enough is known."""

    def __init__(self, emit):
        self._emit = emit
        self.stopped = False
        self.tests = 0
        self.failed = 0
        self.broken = 0
        self.open = None

    def send(self, kind, **fields):
        fields["e"] = kind
        # Lone surrogates (file names that are not UTF-8) are not JSON for most readers.
        line = _encode(fields).encode("utf-8", "replace").decode("utf-8")
        if self._emit(line):
            self.stopped = True

    def start(self, test_id):
        self.open = test_id
        self.send("start", id=test_id)

    def end(self, test_id, status, us=0, **rest):
        self.open = None
        self.tests += 1
        if status in ("failed", "errored", "xpassed_strict"):
            self.failed += 1
        self.send("end", id=test_id, status=status, us=int(us), **{k: v for k, v in rest.items() if v is not None})

    def error(self, stage, where, details):
        self.broken += 1
        self.send("error", stage=stage, where=where, **details)

    def note(self, text):
        self.send("note", text=text)

    def done(self, exit_code):
        self.send("done", tests=self.tests, failed=self.failed, exit_code=int(exit_code))


# ------------------------------------------------------------------------------------------------- output of tests


class Sink(io.TextIOBase):
    """A text stream that keeps the first `cap` characters and counts the rest."""

    encoding = "utf-8"
    errors = "replace"
    newlines = None
    name = "<captured>"
    mode = "w"

    def __init__(self, cap):
        self.cap = cap
        self.kept = []
        self.size = 0
        self.dropped = 0
        self.buffer = SinkBytes(self)

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError("write() argument must be str, not %s" % type(text).__name__)
        room = self.cap - self.size
        if room > 0:
            self.kept.append(text[:room])
            self.size += min(len(text), room)
            # Many tiny writes would otherwise cost a list entry each.
            if len(self.kept) > 4096:
                self.kept = ["".join(self.kept)]
        self.dropped += max(0, len(text) - max(room, 0))
        return len(text)

    def writable(self):
        return True

    def readable(self):
        return False

    def isatty(self):
        return False

    def fileno(self):
        raise io.UnsupportedOperation("captured output has no file descriptor")

    def flush(self):
        pass

    def close(self):
        pass

    def reconfigure(self, **_):
        pass

    def text(self):
        kept = "".join(self.kept)
        return kept + ("\n[%d more characters]" % self.dropped if self.dropped else "")


class SinkBytes(io.RawIOBase):
    """The byte side of a `Sink` (`sys.stdout.buffer`)."""

    def __init__(self, sink):
        self.sink = sink

    def write(self, data):
        data = bytes(data)
        self.sink.write(data[: self.sink.cap + 1].decode("utf-8", "replace"))
        self.sink.dropped += max(0, len(data) - self.sink.cap - 1)
        return len(data)

    def writable(self):
        return True

    def close(self):
        pass


class EmptyInput(io.StringIO):
    """Standard input of tests: at its end."""

    encoding = "utf-8"

    def fileno(self):
        raise io.UnsupportedOperation("no standard input")


# ---------------------------------------------------------------------------------------------- errors, explained

# Modules of the standard library that need what a WASM interpreter has not.
NATIVE_ONLY = {
    "ssl": "ssl", "_ssl": "ssl", "ctypes": "ctypes", "_ctypes": "ctypes", "multiprocessing": "multiprocessing",
    "_multiprocessing": "multiprocessing", "_posixshmem": "multiprocessing", "_posixsubprocess": "subprocess",
    "fcntl": "fcntl", "termios": "termios", "tty": "termios", "pty": "termios", "pwd": "pwd", "grp": "grp",
    "resource": "resource", "readline": "readline", "curses": "curses", "_curses": "curses", "mmap": "mmap",
    "_bz2": "bz2", "bz2": "bz2", "_lzma": "lzma", "lzma": "lzma", "tkinter": "tkinter", "_tkinter": "tkinter",
    "sqlite3": "sqlite3", "_sqlite3": "sqlite3", "_socket": "sockets", "socket": "sockets", "_dbm": "dbm",
    "_gdbm": "dbm", "syslog": "syslog", "_uuid": "uuid", "_hashlib": "hashlib", "spwd": "spwd", "nis": "nis",
    "_interpreters": "interpreters", "compression": "zstd", "_zstd": "zstd", "venv": "venv", "ensurepip": "ensurepip",
}

ABSENT_IN_OS = {
    "fork": "subprocess", "forkpty": "subprocess", "posix_spawn": "subprocess", "posix_spawnp": "subprocess",
    "waitpid": "subprocess", "wait": "subprocess", "kill": "subprocess", "killpg": "subprocess", "pipe": "pipes",
    "pipe2": "pipes", "getuid": "users", "geteuid": "users", "getgid": "users", "getegid": "users",
    "getlogin": "users", "chown": "users", "fchmod": "file modes", "umask": "file modes", "mkfifo": "pipes",
    "setsid": "subprocess", "getppid": "subprocess", "openpty": "termios", "sched_getaffinity": "cpu affinity",
    "getloadavg": "load", "nice": "subprocess", "dup2": "file descriptors", "socketpair": "sockets",
    "SIGALRM": "signals", "alarm": "signals", "setitimer": "signals", "SIGUSR1": "signals", "SIGCHLD": "signals",
    "pthread_kill": "threads", "AF_UNIX": "sockets", "tzset": "tzset", "get_terminal_size": "termios",
    "system": "subprocess", "execv": "subprocess", "execve": "subprocess", "spawnv": "subprocess",
}


def missing_module(error):
    """Name of the module that an import error is about, if it is about a missing one."""
    while error is not None:
        if isinstance(error, ModuleNotFoundError) and error.name:
            return error.name
        error = error.__cause__ or error.__context__
    return None


def unsupported(error, project):
    """What the WASM tier cannot host, where that is what the error says. Always None elsewhere."""
    if sys.platform != "wasi":
        return None
    seen = 0
    while error is not None and seen < 10:
        reason = _unsupported(error, project)
        if reason:
            return reason
        error = error.__cause__ or error.__context__
        seen += 1
    return None


def _unsupported(error, project):
    text = safe_str(error)
    if isinstance(error, ImportError):
        name = error.name or ""
        head = name.split(".")[0]
        if head in NATIVE_ONLY:
            return NATIVE_ONLY[head]
        if isinstance(error, ModuleNotFoundError):
            if head in getattr(sys, "stdlib_module_names", ()):
                return name
            if project is not None and project.has_extension(name):
                return "C extension `%s`" % name
        return None
    if isinstance(error, RuntimeError):
        if "can't start new thread" in text:
            return "threads"
        return None
    if isinstance(error, AttributeError):
        found = re.match(r"module '(os|posix|signal|socket|time|select)' has no attribute '(\w+)'", text)
        if found and found.group(2) in ABSENT_IN_OS:
            return ABSENT_IN_OS[found.group(2)]
        return None
    if isinstance(error, OSError):
        if "does not support processes" in text:
            return "subprocess"
        if error.errno in (errno.ENOSYS, getattr(errno, "ENOTSUP", None), getattr(errno, "EOPNOTSUPP", None)):
            return _module_of_frames(error) or "an operation of the operating system"
        if _module_of_frames(error) == "sockets":
            return "sockets"
        return None
    if isinstance(error, NotImplementedError):
        # The event loop of the guest has timers only.
        return _module_of_frames(error)
    return None


def _module_of_frames(error):
    """Which part of the standard library an error came out of."""
    tb = error.__traceback__
    while tb is not None and tb.tb_next is not None:
        tb = tb.tb_next
    name = tb.tb_frame.f_globals.get("__name__", "") if tb is not None else ""
    head = name.split(".")[0]
    return {"socket": "sockets", "socketserver": "sockets", "ssl": "ssl", "subprocess": "subprocess",
            "selectors": "sockets", "multiprocessing": "multiprocessing", "asyncio": "sockets",
            "urllib": "sockets", "http": "sockets", "threading": "threads"}.get(head)


# ----------------------------------------------------------------------------------------------------- the project


def message_of(error):
    """What an exception says."""
    if type(error).__name__ == "FixtureLookupError":
        return "fixture '%s' not found" % getattr(error, "argname", "")
    return safe_str(error) or type(error).__name__


class Project:
    """The root: which files are its own, and how they are called."""

    def __init__(self, root, overlay):
        self.root = _realpath(root)
        self.alias = _abspath(root)
        self.overlay = overlay
        self.tests = set()
        self._names = {}

    def relative(self, filename):
        """Path below the root with forward slashes, or None for files of others."""
        try:
            return self._names[filename]
        except KeyError:
            pass
        name = None
        if filename and not filename.startswith("<"):
            path = _normpath(filename if os.path.isabs(filename) else os.path.join(self.root, filename))
            for base in (self.root, self.alias):
                prefix = base if base.endswith(os.sep) else base + os.sep
                if path.startswith(prefix):
                    rest = path[len(prefix):].replace(os.sep, "/")
                    if not any(part in FOREIGN for part in rest.split("/")):
                        name = rest
                    break
        self._names[filename] = name
        return name

    def is_test(self, relative):
        """Whether a file of the project is a test rather than tested."""
        if relative in self.tests:
            return True
        *folders, name = relative.split("/")
        return (
            fnmatch.fnmatch(name, "test_*.py") or fnmatch.fnmatch(name, "*_test.py")
            or name in ("conftest.py", "tests.py") or any(folder in ("tests", "test", "testing") for folder in folders)
        )

    def has_extension(self, module):
        """Whether the project holds a compiled module of this name."""
        parts = module.split(".")
        for base in [self.root] + [path for path in sys.path if self.relative(os.path.join(path, "x"))]:
            folder = os.path.join(base, *parts[:-1])
            try:
                names = os.listdir(folder)
            except OSError:
                continue
            for name in names:
                if name.startswith(parts[-1] + ".") and name.endswith((".so", ".pyd", ".pyx", ".c")):
                    return True
        return False

    def frames(self, tb):
        """The traceback within the project, innermost last."""
        found = []
        steps = 0
        while tb is not None:
            name = self.relative(tb.tb_frame.f_code.co_filename)
            if name is not None:
                found.append([name, tb.tb_lineno or 0, tb.tb_frame.f_code.co_name])
                if len(found) > 4 * FRAMES_CAP:
                    del found[: 2 * FRAMES_CAP]
            tb = tb.tb_next
            steps += 1
        return found[-FRAMES_CAP:]

    def explain(self, error, tb=None):
        """The fields that describe an exception."""
        frames = self.frames(tb if tb is not None else error.__traceback__)
        if isinstance(error, SyntaxError):
            name = self.relative(error.filename or "")
            if name is not None:
                frames = (frames + [[name, error.lineno or 0, "<module>"]])[-FRAMES_CAP:]
        return {
            "error_type": type(error).__name__,
            "message": clip(message_of(error), MESSAGE_CAP),
            "frames": frames,
            "missing_module": missing_module(error) if isinstance(error, ImportError) else None,
            "unsupported": unsupported(error, self),
        }


# --------------------------------------------------------------------------------------------------------- overlay


class Overlay:
    """Sources that stand in for what is on disk, without touching it."""

    def __init__(self, root, replace):
        self.sources = {}
        for name, source in replace.items():
            path = _normpath(os.path.join(_realpath(root), name))
            self.sources[path] = source
            alias = _normpath(os.path.join(_abspath(root), name))
            self.sources[alias] = source
        self._seen = {}

    def get(self, path):
        """The source that replaces this file, or None."""
        if not self.sources or not path:
            return None
        path = os.fspath(path)
        try:
            return self._seen[path]
        except KeyError:
            source = self.sources.get(_normpath(_abspath(path)))
            if source is None:
                source = self.sources.get(_realpath(path))
            self._seen[path] = source
            return source

    def install(self):
        if self.sources:
            self.patch()

    def patch(self):
        overlay = self
        loader = importlib.machinery.SourceFileLoader
        disk_code, disk_data = loader.get_code, loader.get_data

        def get_code(self, fullname):
            path = self.get_filename(fullname)
            source = overlay.get(path)
            if source is None:
                return disk_code(self, fullname)
            code = SPLICE[0](path, source) if SPLICE else None
            return self.source_to_code(source.encode("utf-8", "surrogatepass"), path) if code is None else code

        def get_data(self, path):
            source = overlay.get(path)
            return disk_data(self, path) if source is None else source.encode("utf-8", "surrogatepass")

        loader.get_code, loader.get_data = get_code, get_data
        sys.meta_path.append(Added(self))
        self.patch_files()
        self.show()

    def show(self):
        for path, source in self.sources.items():
            self.lines(path, source)

    def lines(self, path, source):
        """Makes tracebacks and `inspect` show this text."""
        # Without a time stamp `linecache.checkcache` leaves an entry alone.
        linecache.cache[path] = (len(source), None, [line + "\n" for line in source.splitlines()], path)

    def patch_files(self):
        """Whoever opens one of these files to read it gets the same text: `runpy`, `exec(open(...).read())`."""
        overlay, disk_open, disk_code = self, io.open, io.open_code

        def source_of(file, mode="r"):
            if "r" not in mode or "+" in mode or not isinstance(file, (str, os.PathLike)):
                return None
            source = overlay.get(file)
            return None if source is None else io.BytesIO(source.encode("utf-8", "surrogatepass"))

        def open_file(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, *rest, **named):
            found = source_of(file, mode)
            if found is None:
                return disk_open(file, mode, buffering, encoding, errors, newline, *rest, **named)
            return found if "b" in mode else io.TextIOWrapper(found, encoding or "utf-8", errors, newline)

        def open_code(path):
            return source_of(path) or disk_code(path)

        builtins.open = io.open = open_file
        io.open_code = open_code


class Added:
    """Finds modules that exist only in the overlay."""

    def __init__(self, overlay):
        self.overlay = overlay

    def find_spec(self, fullname, path=None, target=None):
        tail = fullname.rpartition(".")[2]
        for entry in sys.path if path is None else path:
            base = os.path.join(entry or os.getcwd(), tail)
            for file, package in ((os.path.join(base, "__init__.py"), True), (base + ".py", False)):
                if self.overlay.get(file) is not None:
                    loader = importlib.machinery.SourceFileLoader(fullname, file)
                    return importlib.util.spec_from_file_location(
                        fullname, file, loader=loader, submodule_search_locations=[base] if package else None)
        return None


# -------------------------------------------------------------------------------------------------------- coverage


class NoCoverage:
    def start(self):
        pass

    def reset(self):
        pass

    def take(self):
        return None

    def stop(self):
        pass


class TraceCoverage:
    """Lines that ran, by `sys.settrace` (before 3.12)."""

    def __init__(self, project):
        self.wanted = {}
        self.project = project
        self.lines = set()

    def start(self):
        sys.settrace(self._enter)

    def _name(self, filename):
        try:
            return self.wanted[filename]
        except KeyError:
            name = self.project.relative(filename)
            if name is not None and self.project.is_test(name):
                name = None
            self.wanted[filename] = name
            return name

    def _enter(self, frame, event, arg):
        return self._line if self._name(frame.f_code.co_filename) is not None else None

    def _line(self, frame, event, arg):
        if event == "line":
            self.lines.add((frame.f_code.co_filename, frame.f_lineno))
        return self._line

    def reset(self):
        self.lines = set()
        # A test may have replaced the trace function.
        sys.settrace(self._enter)

    def take(self):
        taken, self.lines = self.lines, set()
        found = {}
        for filename, line in taken:
            name = self._name(filename)
            if name is not None:
                found.setdefault(name, set()).add(line)
        return {name: sorted(lines) for name, lines in found.items()}

    def stop(self):
        sys.settrace(None)


class MonitorCoverage(TraceCoverage):
    """Lines that ran, by `sys.monitoring`: each place reports once per test, foreign code never."""

    TOOL = 4

    def start(self):
        self.mon = sys.monitoring
        if self.mon.get_tool(self.TOOL) is None:
            self.mon.use_tool_id(self.TOOL, "coditect")
        events = self.mon.events
        self.mon.register_callback(self.TOOL, events.PY_START, self._start)
        self.mon.register_callback(self.TOOL, events.PY_RESUME, self._start)
        self.mon.register_callback(self.TOOL, events.LINE, self._on_line)
        self.mon.set_events(self.TOOL, events.PY_START | events.PY_RESUME)

    def _start(self, code, _offset):
        if self._name(code.co_filename) is not None:
            self.mon.set_local_events(self.TOOL, code, self.mon.events.LINE)
        return self.mon.DISABLE

    def _on_line(self, code, line):
        self.lines.add((code.co_filename, line))
        return self.mon.DISABLE

    def reset(self):
        self.lines = set()
        self.mon.restart_events()

    def stop(self):
        self.mon.set_events(self.TOOL, 0)
        self.mon.free_tool_id(self.TOOL)


def coverage_for(project, kind):
    if kind != "lines":
        return NoCoverage()
    return MonitorCoverage(project) if hasattr(sys, "monitoring") else TraceCoverage(project)


# ------------------------------------------------------------------------------------------------------------ runs


class Run:
    """What every framework needs."""

    def __init__(self, request, reporter):
        self.request = request
        self.reporter = reporter
        root = request.get("root") or os.getcwd()
        self.overlay = Overlay(root, request.get("replace") or {})
        self.project = Project(root, self.overlay)
        self.coverage = coverage_for(self.project, request.get("coverage"))
        self.max_output = int(request.get("max_output", OUTPUT_CAP))
        self.select = request.get("select")
        self.deselect = set(request.get("deselect") or ())
        self.targets = list(request.get("targets") or ())
        self.list_only = bool(request.get("list_only"))
        self.stop_on_failure = bool(request.get("stop_on_failure"))
        self.sink = Sink(self.max_output)
        # Called before each test.
        self.before_test = None

    def enter(self):
        """Makes the interpreter look as the framework's own command would have it."""
        os.chdir(self.project.root)
        paths = [_normpath(os.path.join(self.project.root, path)) for path in self.request.get("paths", [""])]
        # The folder of this file is no part of the project, except in the guest, where pytest lies beside it.
        here = os.path.dirname(_abspath(__file__)) if sys.platform != "wasi" else None
        sys.path[:] = paths + [p for p in sys.path if p and p not in paths and _abspath(p) != here]
        sys.argv = [self.request.get("framework", "unittest")]
        sys.stdin = EmptyInput()
        sys.stdout = sys.stderr = self.sink
        if sys.platform == "wasi":
            sys.__stdout__ = sys.__stderr__ = self.sink
        self.overlay.install()
        guard_exit()
        if not WARMED:
            importlib.invalidate_caches()

    def captured(self):
        """A fresh sink in place of standard output and error."""
        self.sink = Sink(self.max_output)
        sys.stdout = sys.stderr = self.sink
        return self.sink

    def chosen(self, tests):
        """Filters and orders (id, test) pairs."""
        if self.select is not None:
            by_id = dict(tests)
            for wanted in self.select:
                if wanted not in by_id:
                    self.reporter.note("no such test: %s" % wanted)
            tests = [(wanted, by_id[wanted]) for wanted in dict.fromkeys(self.select) if wanted in by_id]
        return [(test_id, test) for test_id, test in tests if test_id not in self.deselect]

    def collected(self, tests):
        lines = self.coverage.take()
        self.reporter.send("collected", tests=[test_id for test_id, _ in tests], lines=lines or {})

    def enough(self, status):
        if self.reporter.stopped:
            return True
        return self.stop_on_failure and status in ("failed", "errored")


def guard_exit():
    """Makes `os._exit` end a test rather than the run. Forked children keep the real one."""
    if os._exit is not _hard_exit:
        return
    owner = _getpid()

    def exit_of_tests(status):
        if _getpid() != owner:
            _hard_exit(status)
        raise HardExit(status)

    os._exit = exit_of_tests
    posix = sys.modules.get("posix")
    if posix is not None:
        posix._exit = exit_of_tests


def unique(pairs):
    """Gives repeated ids a number."""
    seen = {}
    for test_id, test in pairs:
        count = seen[test_id] = seen.get(test_id, 0) + 1
        yield (test_id if count == 1 else "%s#%d" % (test_id, count)), test


# -------------------------------------------------------------------------------------------------------- unittest


class Outcome(unittest.TestResult):
    """Gathers what `unittest` says of one test."""

    def __init__(self, run):
        super().__init__()
        self.run = run
        self.clear()

    def clear(self):
        self.status = None
        self.fields = {}

    def _red(self, status, err):
        if self.status in ("failed", "errored"):
            return
        error, tb = err[1], err[2]
        if not isinstance(error, BaseException):
            error = RuntimeError(safe_str(error))
        self.status = status
        self.fields = self.run.project.explain(error, tb)
        self.fields.update(compared(tb))

    def addFailure(self, test, err):
        self._red("failed", err)

    def addError(self, test, err):
        self._red("errored", err)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            failure = issubclass(err[0], test.failureException)
            first = self.status not in ("failed", "errored")
            self._red("failed" if failure else "errored", err)
            if first:
                label = safe_str(subtest._subDescription())
                self.fields["message"] = clip("%s %s" % (label, self.fields["message"]), MESSAGE_CAP)

    def addSkip(self, test, reason):
        if self.status is None:
            self.status, self.fields = "skipped", {"message": clip(safe_str(reason), MESSAGE_CAP)}

    def addExpectedFailure(self, test, err):
        self.status = self.status or "xfailed"

    def addUnexpectedSuccess(self, test):
        self.status = self.status or "xpassed"

    def addSuccess(self, test):
        self.status = self.status or "passed"


def compared(tb):
    """Expected and actual value of a failed `assertEqual`, read from its frame."""
    found = {}
    while tb is not None:
        frame = tb.tb_frame
        if frame.f_globals.get("__name__") == "unittest.case" and frame.f_code.co_name in (
                "assertEqual", "assertListEqual", "assertDictEqual", "assertTupleEqual", "assertSetEqual",
                "assertMultiLineEqual", "assertSequenceEqual", "assertAlmostEqual", "assertCountEqual",
                "assertIs", "assertIn", "_baseAssertEqual"):
            names = frame.f_locals
            for first, second in (("first", "second"), ("seq1", "seq2"), ("d1", "d2"), ("set1", "set2"),
                                  ("list1", "list2"), ("tuple1", "tuple2"), ("expr1", "expr2")):
                if first in names and second in names and not found:
                    found = {"actual": safe_repr(names[first]), "expected": safe_repr(names[second])}
        tb = tb.tb_next
    return found


class UnittestRun(Run):
    def main(self):
        self.enter()
        self.coverage.start()
        try:
            tests, red = self.collect()
        except KeyboardInterrupt as error:
            self.reporter.error("collect", "", self.project.explain(error))
            tests, red = [], True
        tests = self.chosen(list(unique(tests)))
        self.collected(tests)
        if not self.list_only and not self.reporter.stopped:
            self.run_all(tests)
        self.coverage.stop()
        if red or self.reporter.broken or self.reporter.failed:
            return 1
        return 0 if tests else 5

    def collect(self):
        loader = unittest.TestLoader()
        suites, red = [], False
        for target in self.targets or [""]:
            try:
                suites.append(self.load(loader, target))
            except (Exception, SystemExit) as error:
                red = True
                self.reporter.error("import", target, self.project.explain(error))
        tests = []
        for test in flat(suites):
            if isinstance(test, unittest.loader._FailedTest):
                red = True
                self.failed_import(test)
            else:
                tests.append((self.test_id(test), test))
        return tests, red

    def load(self, loader, target):
        # A file, a folder, a dotted name, or nothing: as `python -m unittest` reads them.
        root = self.project.root
        if target == "":
            return loader.discover(".", "test*.py", self.top("."))
        path = target.split("::")[0]
        if _isdir(path):
            return loader.discover(path, "test*.py", self.top(path))
        if path.endswith(".py"):
            return loader.loadTestsFromName(self.module_name(_normpath(os.path.join(root, path))))
        return loader.loadTestsFromName(target)

    def top(self, path):
        """The folder that the modules of `path` are named from: the nearest entry of `sys.path` above it."""
        full = _normpath(os.path.join(self.project.root, path))
        above = [p for p in sys.path if full == p or full.startswith(p + os.sep)]
        inside = [p for p in above if self.project.root == p or p.startswith(self.project.root + os.sep)]
        best = max(inside, key=len, default=full)
        between = full[len(best):].strip(os.sep)
        # `discover` wants packages on the way down; where they are missing, the folder is its own top.
        step = best
        for part in between.split(os.sep) if between else ():
            step = os.path.join(step, part)
            if not _isfile(os.path.join(step, "__init__.py")):
                return full
        return best

    def module_name(self, path):
        stem = path[:-3]
        for entry in sorted((p for p in sys.path if stem.startswith(p + os.sep)), key=len, reverse=True):
            parts = stem[len(entry) + 1:].split(os.sep)
            if all(part.isidentifier() for part in parts):
                if parts[-1] == "__init__":
                    parts.pop()
                return ".".join(parts)
        folder = os.path.dirname(path)
        sys.path.insert(0, folder)
        return os.path.basename(stem)

    def failed_import(self, test):
        error = getattr(test, test._testMethodName, None)
        try:
            error()
        except unittest.SkipTest as skip:
            self.reporter.note("%s: skipped: %s" % (test._testMethodName, skip))
            return
        except BaseException as raised:
            # The loader keeps only the text of what went wrong: import once more for the error itself.
            found = self.import_again(test._testMethodName) or raised
            self.reporter.error("import", self.where(test._testMethodName, found), self.project.explain(found))

    def where(self, name, error):
        frames = self.project.explain(error)["frames"]
        path = name.replace(".", "/") + ".py"
        for entry in sys.path:
            relative = self.project.relative(os.path.join(entry, path))
            if relative and (_isfile(os.path.join(entry, path)) or self.overlay.get(os.path.join(entry, path))):
                return relative
        return frames[0][0] if frames else name

    @staticmethod
    def import_again(name):
        try:
            importlib.import_module(name)
        except BaseException as error:
            return error
        return None

    def test_id(self, test):
        if isinstance(test, doctest.DocTestCase):
            found = test._dt_test
            return "%s::doctest::%s" % (self.project.relative(found.filename or "") or "", found.name)
        cls = type(test)
        module = sys.modules.get(cls.__module__)
        if isinstance(test, unittest.FunctionTestCase):
            code = getattr(test._testFunc, "__code__", None)
            file = self.project.relative(code.co_filename) if code else None
            return "%s::%s" % (file or cls.__module__, getattr(test._testFunc, "__name__", "function"))
        file = self.project.relative(getattr(module, "__file__", None) or "")
        if file is None:
            code = getattr(getattr(cls, test._testMethodName, None), "__code__", None)
            file = (self.project.relative(code.co_filename) if code else None) or cls.__module__
        self.project.tests.add(file)
        return "%s::%s::%s" % (file, cls.__qualname__.replace(".<locals>", ""), test._testMethodName)

    def run_all(self, tests):
        """Runs tests with the fixtures of their classes and modules, as `unittest.TestSuite` does."""
        fixtures = unittest.TestSuite()
        result = Outcome(self)
        result._previousTestClass = None
        result._testRunEntered = True
        for test_id, test in tests:
            self.captured()
            result.clear()
            broken = self.fixtures_before(fixtures, test, result)
            status = self.one(test_id, test, result, broken)
            if self.enough(status):
                break
        result.clear()
        self.captured()
        for step in (lambda: fixtures._tearDownPreviousClass(None, result), lambda: fixtures._handleModuleTearDown(result)):
            self.fixture(step, result)
        self.report_teardown(result, tests[-1][0] if tests else "")

    def fixture(self, step, result):
        try:
            step()
        except Stop:
            raise
        except BaseException as error:
            result._red("errored", (type(error), error, error.__traceback__))

    def fixtures_before(self, fixtures, test, result):
        """Tears down what ends and sets up what begins. The answer: how the set-up of this test's class ended, if
        it did not end well."""
        cls = type(test)
        self.fixture(lambda: fixtures._tearDownPreviousClass(test, result), result)
        self.report_teardown(result, cls.__qualname__)
        self.fixture(lambda: fixtures._handleModuleFixture(test, result), result)
        module_end = (result.status, result.fields)
        if module_end[0] is not None:
            self.module_end = module_end
        result.clear()
        self.fixture(lambda: fixtures._handleClassSetUp(test, result), result)
        if result.status is not None:
            cls._coditect_setup = (result.status, result.fields)
        result.clear()
        result._previousTestClass = cls
        if getattr(result, "_moduleSetUpFailed", False):
            return getattr(self, "module_end", ("errored", {"message": "setUpModule failed"}))
        if cls.__dict__.get("_classSetupFailed", False) or "_coditect_setup" in cls.__dict__:
            return cls.__dict__.get("_coditect_setup", ("errored", {"message": "setUpClass failed"}))
        return None

    def report_teardown(self, result, where):
        if result.status in ("failed", "errored"):
            self.reporter.error("teardown", where, {k: v for k, v in result.fields.items()})
        result.clear()

    def one(self, test_id, test, result, broken):
        self.reporter.start(test_id)
        if broken is not None:
            status, fields = broken
            self.reporter.end(test_id, status, 0, output=self.sink.text(), lines={}, **fields)
            return status
        self.coverage.reset()
        if self.before_test is not None:
            self.before_test()
        began = _clock()
        try:
            test(result)
        except Stop:
            raise
        except BaseException as error:
            result._red("errored", (type(error), error, error.__traceback__))
        us = (_clock() - began) * 1e6
        lines = self.coverage.take()
        output, sink = self.sink.text(), self.sink
        sys.stdout = sys.stderr = sink
        status = result.status or "passed"
        self.reporter.end(test_id, status, us, output=output, lines=lines, **result.fields)
        return status


def flat(suite):
    """The tests of nested suites, in order."""
    stack = [iter([suite])]
    while stack:
        try:
            item = next(stack[-1])
        except StopIteration:
            stack.pop()
            continue
        if isinstance(item, (list, tuple, unittest.BaseTestSuite)):
            stack.append(iter(list(item)))
        elif item is not None:
            yield item


# --------------------------------------------------------------------------------------------------------- doctest


class BoundedSpoof(doctest._SpoofOut):
    """Output of one example, with an end."""

    CAP = 1 << 20

    def write(self, text):
        return super().write(text) if self.tell() < self.CAP else len(text)


class ExampleRunner(doctest.DocTestRunner):
    """Runs one docstring and keeps its first failure."""

    def __init__(self, run):
        super().__init__(verbose=False, optionflags=run.flags)
        self.first = None
        self.run_ = run

    def report_start(self, out, test, example):
        pass

    def report_success(self, out, test, example, got):
        pass

    def _keep(self, test, example, fields):
        if self.first is None:
            file = self.run_.project.relative(test.filename or "")
            line = (test.lineno or 0) + example.lineno + 1
            fields.setdefault("frames", [])
            if file is not None:
                fields["frames"] = ([[file, line, test.name]] + fields["frames"])[-FRAMES_CAP:]
            self.first = fields

    def report_failure(self, out, test, example, got):
        text = "%s\nexpected: %sgot: %s" % (example.source, example.want, got)
        self._keep(test, example, {
            "status": "failed", "error_type": "AssertionError", "message": clip(text, MESSAGE_CAP),
            "expected": clip(example.want.rstrip("\n"), VALUE_CAP), "actual": clip(got.rstrip("\n"), VALUE_CAP)})

    def report_unexpected_exception(self, out, test, example, exc_info):
        fields = self.run_.project.explain(exc_info[1], exc_info[2])
        fields["status"] = "errored"
        self._keep(test, example, fields)


class DoctestRun(UnittestRun):
    flags = 0

    def main(self):
        self.enter()
        doctest._SpoofOut = BoundedSpoof
        self.coverage.start()
        tests, red = self.collect()
        tests = self.chosen(list(unique(tests)))
        self.collected(tests)
        if not self.list_only and not self.reporter.stopped:
            for test_id, test in tests:
                if self.enough(self.example(test_id, test)):
                    break
        self.coverage.stop()
        if red or self.reporter.broken or self.reporter.failed:
            return 1
        return 0 if tests else 5

    def collect(self):
        tests, red = [], False
        finder, parser = doctest.DocTestFinder(exclude_empty=True), doctest.DocTestParser()
        for path in self.files():
            relative = self.project.relative(path)
            try:
                source = self.overlay.get(path)
                if source is None:
                    with _open(path, encoding="utf-8", errors="replace") as file:
                        source = file.read()
                if ">>>" not in source:
                    continue
                if path.endswith(".py"):
                    module = importlib.import_module(self.module_name(path))
                    found = [t for t in finder.find(module) if t.examples]
                    found.sort(key=lambda t: (t.lineno or 0, t.name))
                else:
                    found = [parser.get_doctest(source, {"__name__": "__main__"}, relative, path, 0)]
            except (Exception, SystemExit, KeyboardInterrupt) as error:
                red = True
                self.reporter.error("import", relative or path, self.project.explain(error))
                continue
            tests.extend(("%s::doctest::%s" % (relative, test.name), test) for test in found)
        return tests, red

    def files(self):
        for target in self.targets or ["."]:
            path = _normpath(os.path.join(self.project.root, target))
            if not _isdir(path):
                if _isfile(path) or self.overlay.get(path) is not None:
                    yield path
                elif re.match(r"^\w+(\.\w+)*$", target):
                    spec = importlib.util.find_spec(target)
                    if spec is not None and spec.origin:
                        yield spec.origin
                continue
            for folder, folders, files in os.walk(path):
                folders[:] = sorted(f for f in folders if f not in FOREIGN and not f.startswith("."))
                for name in sorted(files):
                    if name.endswith(".py") and name not in ("setup.py", "conftest.py", "__main__.py"):
                        yield os.path.join(folder, name)

    def example(self, test_id, test):
        self.captured()
        self.reporter.start(test_id)
        self.coverage.reset()
        runner = ExampleRunner(self)
        began = _clock()
        try:
            runner.run(test, out=lambda text: None, clear_globs=False)
        except Stop:
            raise
        except BaseException as error:
            runner.first = dict(self.project.explain(error), status="errored")
        us = (_clock() - began) * 1e6
        sys.stdout = sys.stderr = self.sink
        fields = dict(runner.first or {"status": "passed"})
        status = fields.pop("status")
        self.reporter.end(test_id, status, us, output=self.sink.text(), lines=self.coverage.take(), **fields)
        return status


# ---------------------------------------------------------------------------------------------------------- pytest

# Options of plugins that may be named in a project's settings, and how many arguments follow them.
PLUGIN_OPTIONS = {
    "--cov": ("pytest_cov", 0), "--cov-report": ("pytest_cov", 1), "--cov-config": ("pytest_cov", 1),
    "--cov-fail-under": ("pytest_cov", 1), "--cov-branch": ("pytest_cov", 0), "--cov-append": ("pytest_cov", 0),
    "--no-cov": ("pytest_cov", 0), "--cov-context": ("pytest_cov", 1), "--no-cov-on-fail": ("pytest_cov", 0),
    "-n": ("xdist", 1), "--numprocesses": ("xdist", 1), "--dist": ("xdist", 1), "--maxprocesses": ("xdist", 1),
    "--timeout": ("pytest_timeout", 1), "--timeout-method": ("pytest_timeout", 1),
    "--asyncio-mode": ("pytest_asyncio", 1), "--benchmark-skip": ("pytest_benchmark", 0),
    "--benchmark-only": ("pytest_benchmark", 0), "--benchmark-disable": ("pytest_benchmark", 0),
    "--benchmark-autosave": ("pytest_benchmark", 0), "--reruns": ("pytest_rerunfailures", 1),
    "--reruns-delay": ("pytest_rerunfailures", 1), "--html": ("pytest_html", 1),
    "--self-contained-html": ("pytest_html", 0), "--mypy": ("pytest_mypy", 0), "--flake8": ("pytest_flake8", 0),
    "--black": ("pytest_black", 0), "--isort": ("pytest_isort", 0), "--ruff": ("pytest_ruff", 0),
    "--randomly-seed": ("pytest_randomly", 1), "--random-order": ("random_order", 0), "--ds": ("pytest_django", 1),
    "--reuse-db": ("pytest_django", 0), "--nomigrations": ("pytest_django", 0), "--snapshot-update": ("syrupy", 0),
    "--sugar": ("pytest_sugar", 0), "--instafail": ("pytest_instafail", 0), "--picked": ("pytest_picked", 0),
    "--disable-socket": ("pytest_socket", 0), "--allow-unix-socket": ("pytest_socket", 0),
    "--doctest-plus": ("pytest_doctestplus", 0), "--xdoctest": ("xdoctest", 0), "--spec": ("pytest_spec", 0),
    "--hypothesis-profile": ("hypothesis", 1), "--hypothesis-show-statistics": ("hypothesis", 0),
    "--typeguard-packages": ("typeguard", 1), "--forked": ("pytest_forked", 0), "--count": ("pytest_repeat", 1),
    "--mpl": ("pytest_mpl", 0), "--remote-data": ("pytest_remotedata", 1), "--tach": ("pytest_tach", 0),
}


# Whether this interpreter has run the project's tests before and was then rewound: the files are as they were.
WARMED = []

# Compiled code of the project's files, by path, once `warm` ran.
KEPT = {}

# Makes the code of a changed file out of what is kept, where it can: `(path, source)` to code or None.
SPLICE = []

# What is to be done after `warm` so that the next run finds what the first one used up.
REFILL = []

# What pytest had before `PytestRun.patch`, by name: patches are made once per run and do not pile up.
ORIGINALS = {}


def original(holder, name):
    return ORIGINALS.setdefault((holder.__name__, name), getattr(holder, name))


# Options of pytest among targets that have a word of their own after them.
OPTION_PAIRS = ("-k", "-m", "-o", "-c", "-p", "--deselect", "--ignore", "--ignore-glob")


def options_of(targets):
    """The options among pytest's targets."""
    found, words = [], list(targets)
    while words:
        word = words.pop(0)
        if word.startswith("-"):
            found.append(word)
            if word in OPTION_PAIRS and words:
                found.append(words.pop(0))
    return found


def importable(name):
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def tolerable(args, note):
    """The arguments without those of plugins that are not here."""
    kept, words = [], list(args)
    while words:
        word = words.pop(0)
        head, has_value = word.split("=", 1)[0], "=" in word
        if re.match(r"^-n(\d+|auto|logical)$", word):
            head, has_value = "-n", True
        if head == "-p" and words and not words[0].startswith("no:") and not words[0].startswith("_pytest"):
            if not importable(words[0].split(".")[0]) and words[0] not in KNOWN_PLUGINS:
                note("plugin `%s` is not installed: left out" % words.pop(0))
                continue
        plugin, arguments = PLUGIN_OPTIONS.get(head, (None, 0))
        if plugin is None or importable(plugin):
            kept.append(word)
            continue
        dropped = [word]
        if not has_value and words and not words[0].startswith("-"):
            # `--cov pkg` and `-n auto` carry an argument; `--cov` alone followed by a path is as pytest-cov has it.
            if arguments or (head == "--cov" and not _isfile(words[0])):
                dropped.append(words.pop(0))
        note("option `%s` needs plugin `%s`, which is not installed: left out" % (" ".join(dropped), plugin))
    return kept


KNOWN_PLUGINS = ("cacheprovider", "faulthandler", "doctest", "pytester", "logging", "terminal", "junitxml", "warnings",
                 "unittest", "capture", "tmpdir", "monkeypatch", "recwarn", "pastebin", "stepwise", "setuponly",
                 "setupplan", "debugging", "assertion", "mark", "main", "runner", "fixtures", "helpconfig", "python",
                 "pytest_cov.plugin")


class Plugin:
    """Watches a pytest session."""

    def __init__(self, run):
        self.run = run
        self.reporter = run.reporter
        self.project = run.project
        self.state = None
        self.values = {}
        self.count = 0
        # Called before each test.
        self.before_test = None

    # Collection

    def pytest_collectreport(self, report):
        if report.outcome == "failed":
            error = getattr(report, "coditect_error", None)
            if error is None:
                details = {"error_type": "CollectError", "message": clip(safe_str(report.longrepr), MESSAGE_CAP),
                           "frames": [], "missing_module": None, "unsupported": None}
            else:
                details = self.project.explain(root_cause(error))
            self.reporter.error("collect", self.run.file_of(report.nodeid), details)

    def pytest_collection_modifyitems(self, session, config, items):
        names = dict.fromkeys(item.nodeid for item in items)
        select, deselect = self.run.select, self.run.deselect
        dropped = []
        if select is not None:
            order = {self.run.local(wanted): place for place, wanted in enumerate(select)}
            dropped += [item for item in items if item.nodeid not in order]
            for wanted in order:
                if wanted not in names:
                    self.reporter.note("no such test: %s" % wanted)
            items[:] = sorted((item for item in items if item.nodeid in order), key=lambda item: order[item.nodeid])
        dropped += [item for item in items if self.run.id_of(item.nodeid) in deselect]
        items[:] = [item for item in items if self.run.id_of(item.nodeid) not in deselect]
        if dropped:
            config.hook.pytest_deselected(items=dropped)

    def pytest_collection_finish(self, session):
        for item in session.items:
            file = self.run.id_of(item.nodeid).split("::")[0]
            self.project.tests.add(file)
        self.run.coverage.wanted = {}
        self.count = len(session.items)
        lines = self.run.coverage.take()
        self.reporter.send("collected", tests=[self.run.id_of(i.nodeid) for i in session.items], lines=lines or {})
        if self.reporter.stopped:
            session.shouldstop = "enough is known"

    # One test

    def pytest_runtest_logstart(self, nodeid, location):
        self.state = {"status": None, "fields": {}, "output": [], "us": 0.0}
        self.values = {}
        self.reporter.start(self.run.id_of(nodeid))
        self.run.coverage.reset()
        if self.before_test is not None:
            self.before_test()

    def pytest_assertrepr_compare(self, config, op, left, right):
        if op == "==":
            self.values = {"actual": safe_repr(left), "expected": safe_repr(right)}

    def settle(self, item, call, report):
        """Takes in the report of one phase."""
        state = self.state
        if state is None:
            return
        state["us"] += call.duration * 1e6 if call.when == "call" else 0
        for _, text in report.sections[-6:]:
            if text not in state["output"]:
                state["output"].append(text)
        was_xfail = hasattr(report, "wasxfail")
        if report.failed and state["status"] not in ("failed", "errored"):
            error = call.excinfo.value if call.excinfo is not None else None
            if error is None:
                state["status"] = "failed"
                state["fields"] = {"message": clip(safe_str(report.longrepr), MESSAGE_CAP)}
                return
            asserted = isinstance(error, AssertionError) or type(error).__name__ == "Failed"
            state["status"] = "failed" if call.when == "call" and asserted else "errored"
            state["fields"] = self.project.explain(error, call.excinfo.tb)
            if isinstance(error, AssertionError):
                state["fields"].update(compared(call.excinfo.tb) or self.values)
        elif report.skipped and state["status"] is None:
            state["status"] = "xfailed" if was_xfail else "skipped"
            if not was_xfail and call.excinfo is not None:
                state["fields"] = {"message": clip(safe_str(call.excinfo.value), MESSAGE_CAP)}
        elif report.passed and call.when == "call" and state["status"] is None:
            state["status"] = "xpassed" if was_xfail else "passed"

    def pytest_runtest_logfinish(self, nodeid, location):
        state, self.state = self.state, None
        if state is None:
            return
        lines = self.run.coverage.take()
        output = clip("".join(state["output"]), self.run.max_output)
        status = state["status"] or "errored"
        self.reporter.end(self.run.id_of(nodeid), status, state["us"], output=output, lines=lines, **state["fields"])
        if self.run.enough(status):
            self.run.finished_early = True
            self.session.shouldstop = "enough is known"

    def pytest_sessionstart(self, session):
        self.session = session


def root_cause(error):
    """What a collection error is really about: pytest wraps import errors in its own."""
    seen = 0
    while seen < 10 and type(error).__name__ in ("CollectError", "ConftestImportFailure") and (
            error.__cause__ is not None or error.__context__ is not None):
        error = error.__cause__ or error.__context__
        seen += 1
    return error


class PytestRun(Run):
    finished_early = False

    def main(self):
        self.enter()
        try:
            import pytest
        except ImportError as error:
            self.reporter.error("setup", "", self.project.explain(error))
            return 4
        self.coverage.start()
        self.patch(pytest)
        plugin = Plugin(self)
        args = self.arguments() + (self.targets or self.selected_files())
        try:
            code = pytest.main(args, plugins=[plugin, self.hooks(pytest, plugin)])
        except Stop:
            raise
        except BaseException as error:
            self.reporter.error("setup", "", self.project.explain(error))
            code = 3
        finally:
            sys.stdout = sys.stderr = self.sink
        self.coverage.stop()
        if self.reporter.open is not None:
            self.reporter.end(self.reporter.open, "errored", 0, message="the session ended within this test")
        code = int(code)
        if code in (3, 4) and not self.reporter.broken:
            self.reporter.error("setup", "", {
                "error_type": "UsageError", "message": clip(self.said(), MESSAGE_CAP), "frames": [],
                "missing_module": None, "unsupported": None})
        if code == 2 and (self.finished_early or self.reporter.stopped):
            code = 1 if self.reporter.failed else 0
        return code

    def arguments(self):
        """pytest's arguments without what is to be collected."""
        args = ["-p", "no:cacheprovider", "-p", "no:faulthandler", "--capture=sys", "--tb=short",
                "--color=no", "--continue-on-collection-errors", "--rootdir=" + self.project.root]
        if sys.platform == "wasi":
            args.append("--basetemp=/tmp/pytest")
        if self.list_only:
            args.append("--collect-only")
        return args + [str(arg) for arg in self.request.get("args") or ()]

    def said(self):
        return self.sink.text().strip()[-MESSAGE_CAP:]

    def selected_files(self):
        """Only the files of selected tests need be collected."""
        if self.select is None:
            return []
        return [f for f in dict.fromkeys(i.split("::")[0] for i in self.select) if _isfile(f) or self.overlay.get(f)]

    # Node ids are relative to pytest's rootdir, which is our root.

    def id_of(self, nodeid):
        return nodeid

    def local(self, test_id):
        return test_id

    @staticmethod
    def file_of(nodeid):
        return nodeid.split("::")[0]

    def hooks(self, pytest, plugin):
        """Hooks that need pytest's own decorators."""
        run = self

        def survive(outcome):
            error = outcome.excinfo[1] if outcome.excinfo else None
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                # Pytest would end the session: give it an ordinary error of the same name.
                kind = type(type(error).__name__, (RuntimeError,), {})
                raised = kind(*error.args).with_traceback(error.__traceback__)
                try:
                    outcome.force_exception(raised)
                except AttributeError:
                    outcome._excinfo = (type(raised), raised, raised.__traceback__)

        class Hooks:
            @pytest.hookimpl(hookwrapper=True, tryfirst=True)
            def pytest_runtest_makereport(self, item, call):
                outcome = yield
                if outcome.excinfo is None:
                    plugin.settle(item, call, outcome.get_result())

            @pytest.hookimpl(hookwrapper=True, tryfirst=True)
            def pytest_make_collect_report(self, collector):
                outcome = yield
                if outcome.excinfo is None:
                    report = outcome.get_result()
                    call = getattr(report, "call", None)
                    if report.outcome == "failed" and call is not None and call.excinfo is not None:
                        report.coditect_error = call.excinfo.value

            @pytest.hookimpl(hookwrapper=True)
            def pytest_runtest_setup(self, item):
                survive((yield))

            @pytest.hookimpl(hookwrapper=True)
            def pytest_runtest_call(self, item):
                survive((yield))

            @pytest.hookimpl(hookwrapper=True)
            def pytest_runtest_teardown(self, item, nextitem):
                survive((yield))

        return Hooks()

    def patch(self, pytest):
        """Bounds, overlays and tolerates what pytest itself would not."""
        import _pytest.assertion.rewrite as rewrite
        import _pytest.capture as capture
        import _pytest.config as config

        limit = max(1 << 22, self.max_output)

        class BoundedCaptureIO(original(capture, "CaptureIO")):
            def write(self, text):
                try:
                    full = self.buffer.tell() > limit
                except (AttributeError, ValueError, OSError):
                    full = False
                return len(text) if full else super().write(text[:limit])

        capture.CaptureIO = BoundedCaptureIO
        overlay = self.overlay
        if overlay.sources:
            disk_rewrite, disk_pyc = original(rewrite, "_rewrite_test"), original(rewrite, "_read_pyc")

            def rewrite_test(fn, config):
                source = overlay.get(fn)
                if source is None:
                    return disk_rewrite(fn, config)
                name = str(fn)
                data = source.encode("utf-8", "surrogatepass")
                tree = ast.parse(data, filename=name)
                rewrite.rewrite_asserts(tree, data, name, config)
                # The first value (a stat result or a hash) is asked for only where bytecode is written.
                return None, compile(tree, name, "exec", dont_inherit=True)

            def read_pyc(source, pyc, *rest, **named):
                return None if overlay.get(source) is not None else disk_pyc(source, pyc, *rest, **named)

            rewrite._rewrite_test, rewrite._read_pyc = rewrite_test, read_pyc
        note = self.reporter.note
        # The text of a failure is made here, from the error itself; pytest's own parses the source for each.
        import _pytest.nodes as nodes

        nodes.Node._repr_failure_py = lambda self, excinfo, style=None: clip(excinfo.exconly(tryshort=True), MESSAGE_CAP)

        # Settings' `addopts` and PYTEST_ADDOPTS pass through here before anything reads them.
        validated = original(config.Config, "_validate_args")

        def validate_args(self, args, via):
            return validated(self, tolerable(args, note), via)

        config.Config._validate_args = validate_args


# ------------------------------------------------------------------------------------------------------------ exec


def execute(request, reporter):
    """Runs a script as `__main__`. The answer is a dictionary. Without a root there is no project and little to do,
    which is what makes a fresh interpreter for a few lines of code cheap."""
    root = request.get("root")
    run = None
    if root:
        run = Run(request, reporter)
        run.enter()
    else:
        guard_exit()
        sys.stdin = EmptyInput()
    cap = int(request.get("max_output", 1 << 20))
    out, err = Sink(cap), Sink(cap)
    sys.stdout, sys.stderr = out, err
    code = request.get("code", "")
    module = types.ModuleType("__main__")
    module.__dict__["INPUT"] = request.get("input")
    sys.modules["__main__"] = module
    exit_code, error = 0, None
    try:
        exec(compile(code, "<code>", "exec", dont_inherit=True), module.__dict__)
    except SystemExit as stop:
        value = stop.code
        if isinstance(value, str):
            err.write(value + "\n")
        exit_code = value if isinstance(value, int) else (0 if value is None else 1)
    except BaseException as raised:
        exit_code = 1
        tb = raised.__traceback__.tb_next if raised.__traceback__ else None
        linecache.cache["<code>"] = (len(code), None, [line + "\n" for line in code.splitlines()], "<code>")
        error = (run or Run(request, reporter)).project.explain(raised)
        error["traceback"] = clip("".join(traceback.format_exception(type(raised), raised, tb)), MESSAGE_CAP)
    return {"stdout": out.text(), "stderr": err.text(), "exit_code": exit_code, "error": error,
            "dropped": out.dropped + err.dropped}


# ------------------------------------------------------------------------------------------------------------ doors


def serve(text, emit):
    """Answers one request. `emit(line)` sends a report and answers True when enough is known."""
    return answer(json.loads(text), emit)


def answer(request, emit):
    """Answers one request that is parsed."""
    reporter = Reporter(emit)
    if request.get("op") == "warm":
        return warm(request)
    if request.get("op", "test") == "exec":
        return _encode(execute(request, reporter)).encode("utf-8", "replace").decode("utf-8")
    kinds = {"unittest": UnittestRun, "pytest": PytestRun, "doctest": DoctestRun}
    kind = kinds.get(request.get("framework", "unittest"))
    if kind is None:
        raise ValueError("unknown framework: %r" % request.get("framework"))
    code = kind(request, reporter).main()
    reporter.done(code)
    return _encode({"exit_code": int(code), "tests": reporter.tests, "failed": reporter.failed})


def warm(request):
    """Runs tests once and forgets what that did, but not what it learnt: the project's code stays compiled and the
    library that it needs imported. The host keeps this memory and gives it to run after run."""
    root = request["root"]
    before = Stage()
    modules, project = set(sys.modules), Project(root, None)
    keep_code((_abspath(root), _realpath(root)))
    request["op"] = "test"
    said = answer(request, lambda line: False)
    for name in set(sys.modules) - modules:
        module = sys.modules[name]
        places = [getattr(module, "__file__", None) or "", *map(str, getattr(module, "__path__", ()))]
        if any(place == root or project.relative(place) is not None for place in places):
            del sys.modules[name]
    before.restore()
    WARMED.append(True)
    for step in REFILL:
        step()
    gc.collect()
    gc.freeze()
    return said


def keep_code(roots):
    """Remembers the compiled code of files below `roots` from now on."""
    loader = importlib.machinery.SourceFileLoader
    compiled, known = loader.get_code, KEPT

    def get_code(self, fullname):
        path = self.get_filename(fullname)
        code = known.get(path)
        if code is None:
            code = compiled(self, fullname)
            if path.startswith(roots):
                known[path] = code
        return code

    loader.get_code = get_code
    rewrite = sys.modules.get("_pytest.assertion.rewrite")
    if rewrite is not None:
        disk_rewrite, rewritten = original(rewrite, "_rewrite_test"), {}

        def rewrite_test(fn, config):
            name = str(fn)
            if name not in rewritten:
                rewritten[name] = disk_rewrite(fn, config)
            return rewritten[name]

        ORIGINALS[rewrite.__name__, "_rewrite_test"] = rewrite._rewrite_test = rewrite_test


class Stage:
    """What a run changes around itself, to be put back."""

    NAMES = ("stdin", "stdout", "stderr", "__stdout__", "__stderr__", "argv")

    def __init__(self):
        self.kept = {name: getattr(sys, name) for name in self.NAMES}
        self.paths, self.meta, self.main = list(sys.path), list(sys.meta_path), sys.modules["__main__"]

    def restore(self):
        sys.path[:], sys.meta_path[:] = self.paths, self.meta
        for name, value in self.kept.items():
            setattr(sys, name, value)
        sys.modules["__main__"] = self.main
        os._exit = _hard_exit
        linecache.clearcache()


def rehearse(root, pytest_args):
    """Runs each framework once on a small project, before the snapshot of the WASM interpreter: what every run would
    fill, compile or look up first is then done. Leaves the interpreter as it was."""
    before, modules = Stage(), set(sys.modules)
    said = []
    try:
        for framework in ("unittest", "pytest", "doctest"):
            request = {"framework": framework, "root": root, "coverage": "lines", "args": pytest_args}
            serve(json.dumps(request), lambda line: said.append(line))
            for name in set(sys.modules) - modules:
                if not (getattr(sys.modules[name], "__file__", None) or "").startswith(root):
                    continue
                del sys.modules[name]
            sys.path[:], sys.meta_path[:] = before.paths, before.meta
        # Often enough that the interpreter has specialised this path, since specialising writes to memory.
        for _ in range(64):
            serve('{"op":"exec","code":"print(1 + 1)"}', said.append)
    finally:
        before.restore()
        sys.path_importer_cache.clear()
    return said


def native():
    """`python3 runner.py`, in the OS sandbox."""
    text = sys.stdin.buffer.read().decode("utf-8")
    descriptor = os.environ.pop("CODITECT_REPORT_FD", None)
    path = os.environ.pop("CODITECT_REPORT_FILE", None)
    if descriptor is not None:
        fd = int(descriptor)
        os.set_inheritable(fd, False)
    elif path is not None:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0), 0o600)
    else:
        sys.stderr.write("runner.py: set CODITECT_REPORT_FD or CODITECT_REPORT_FILE\n")
        return 2
    voice = Voice(fd)
    sys.modules.setdefault("runner", sys.modules["__main__"])
    request = json.loads(text)
    serve_it = beside("many").serve if request.get("op") == "many" else answer
    forget_ours()
    said = serve_it(request, voice)
    voice.send(e="answer", answer=said)
    return json.loads(said).get("exit_code", 1)


def forget_ours():
    """A project may call its modules as we call ours. Scripts of ours know this one by a name that no project has."""
    sys.modules["coditect_runner"] = sys.modules["runner"]
    for name in ("app", "hot", "many", "parts", "runner", "wit_world"):
        sys.modules.pop(name, None)


class Voice:
    """Writes reports of a process to a descriptor. A forked child of a test must not speak for the run."""

    def __init__(self, fd):
        self.fd, self.owner = fd, _getpid()

    def __call__(self, line):
        if _getpid() == self.owner:
            data = (line + "\n").encode("utf-8")
            while data:
                data = data[_os_write(self.fd, data):]
        return False

    def send(self, **fields):
        self(_encode(fields))


def beside(name):
    """A module that lies beside this file, of which no path may be searched."""
    for needed in {"many": ["hot"], "hot": ["parts"]}.get(name, ()):
        beside(needed)
    folder = os.path.dirname(_abspath(__file__))
    spec = importlib.util.spec_from_file_location(name, os.path.join(folder, name + ".py"))
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    _code = native()
    # Threads that tests left behind must not keep the process alive.
    _hard_exit(_code)
