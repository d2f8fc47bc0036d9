"""Entry of the component: everything imported here is warm in every fresh interpreter."""

import os
import sys

sys.dont_write_bytecode = True
# WASI starts with no environment; these are what programs commonly ask for.
os.environ.update(HOME="/tmp", TMPDIR="/tmp", LANG="C.UTF-8", USER="coditect", PYTHONDONTWRITEBYTECODE="1")

# The standard library, as far as this interpreter can have it. A module that is not listed is still importable from
# the read-only library, at the cost of compiling it.
WARM = """
__future__ _strptime _threading_local abc argparse array ast asyncio asyncio.runners base64 binascii bisect
builtins calendar cmath code codecs codeop collections collections.abc colorsys concurrent.futures configparser
contextlib contextvars copy copyreg csv dataclasses datetime decimal difflib dis doctest email email.message
email.mime.multipart email.mime.text email.parser email.policy email.utils encodings.ascii encodings.cp1252
encodings.cp437 encodings.latin_1 encodings.punycode encodings.raw_unicode_escape encodings.unicode_escape
encodings.utf_16 encodings.utf_16_le encodings.utf_16_be encodings.utf_8_sig encodings.hex_codec
encodings.base64_codec encodings.rot_13 enum errno filecmp fnmatch fractions functools getopt getpass gettext
glob graphlib gzip hashlib heapq hmac html html.entities html.parser http http.client http.cookies importlib
importlib.abc importlib.metadata importlib.resources importlib.util inspect io ipaddress itertools json
json.decoder json.encoder keyword linecache locale logging logging.config math numbers opcode operator optparse
os os.path pathlib pickle pkgutil platform posixpath ntpath pprint queue quopri random re reprlib runpy sched
secrets select selectors shelve shlex shutil signal socket socketserver stat statistics string
string.templatelib struct subprocess sysconfig tarfile tempfile textwrap threading time timeit token tokenize
tomllib traceback types typing unicodedata unittest unittest.async_case unittest.mock unittest.runner urllib
urllib.error urllib.parse urllib.request uuid warnings wave weakref xml xml.dom.minidom xml.etree.ElementTree
zipfile zipimport zlib zoneinfo _pytest.assertion.rewrite _pytest.assertion.truncate _pytest.assertion.util
_pytest.cacheprovider _pytest.capture _pytest.config _pytest.config.findpaths _pytest.debugging _pytest.doctest
_pytest.fixtures _pytest.freeze_support _pytest.helpconfig _pytest.hookspec _pytest.junitxml _pytest.legacypath
_pytest.logging _pytest.main _pytest.mark _pytest.monkeypatch _pytest.nodes _pytest.outcomes _pytest.python
_pytest.raises _pytest.recwarn _pytest.reports _pytest.runner _pytest.setuponly _pytest.setupplan
_pytest.skipping _pytest.stepwise _pytest.subtests _pytest.terminal _pytest.terminalprogress
_pytest.threadexception _pytest.tmpdir _pytest.unittest _pytest.unraisableexception _pytest.warnings pytest
pluggy iniconfig packaging.version
"""

COLD = []
for _name in WARM.split():
    try:
        __import__(_name)
    except ImportError as _error:
        COLD.append("%s: %s" % (_name, _error))

import asyncio
import gc
import random
import time
import traceback

import hot
import runner
import wit_world
from componentize_py_types import Err


class TimerSelector:
    """Waits for the next timer: there is nothing else to wait for."""

    def select(self, timeout=None):
        # Without a timer nothing can ever happen; the wall clock limit ends such a wait.
        time.sleep(3600 if timeout is None else max(timeout, 0))
        return []


class TimerLoop(asyncio.base_events.BaseEventLoop):
    """An event loop for a world without sockets, signals and threads: coroutines, callbacks and timers."""

    def __init__(self):
        super().__init__()
        self._selector = TimerSelector()

    def _process_events(self, events):
        pass

    def _write_to_self(self):
        pass


asyncio.unix_events._UnixDefaultEventLoopPolicy._loop_factory = TimerLoop
asyncio.SelectorEventLoop = asyncio.EventLoop = TimerLoop



def scrub():
    """Writes zeros over memory that compiling the library left behind, so that it compresses to nothing."""
    held = [bytes(1 << 18) for _ in range(48)] + [bytes(1 << 14) for _ in range(256)]
    for size in range(16, 512, 16):
        held += [bytes(size) for _ in range(400)]
    del held


def prepare_pytest():
    """Keeps a configuration of pytest with its own plugins registered, which is half of what a session costs."""
    import pathlib

    from _pytest import config

    make = config.get_config
    ready = []

    def refill():
        if not ready:
            kept, sys.argv = sys.argv, ["pytest"]
            ready.append(make(["-p", "no:cacheprovider", "-p", "no:faulthandler"]))
            sys.argv = kept

    def get_config(args=None, plugins=None, **rest):
        if not ready:
            return make(args, plugins, **rest)
        found = ready.pop()
        found.invocation_params = config.Config.InvocationParams(
            args=args or (), plugins=plugins, dir=pathlib.Path.cwd())
        if args:
            found.pluginmanager.consider_preparse(list(args), exclude_only=True)
        return found

    config.get_config = get_config
    refill()
    runner.REFILL.append(refill)


REHEARSAL = runner.rehearse("/0/rehearsal", ["-p", "no:logging", "-p", "no:tmpdir"])
if COLD or any('"stage"' in line for line in REHEARSAL):
    raise SystemExit("\n".join(COLD + REHEARSAL))
prepare_pytest()
# What is there now is there in every interpreter: most of what a run refers to.
hot.hold(gc.get_objects(), gc.get_referents)
# A folder that only the build has: without a project, relative paths name nothing.
os.chdir("/world")
gc.collect()
scrub()
gc.collect()
gc.freeze()


# Whether nothing was run in this interpreter.
FRESH = [True]


class WitWorld(wit_world.WitWorld):
    """The world's export."""

    def run(self, request):
        # Every interpreter starts from the same snapshot; without this they would all draw the same numbers.
        random.seed()
        if FRESH:
            FRESH.clear()
            runner.forget_ours()
        try:
            return hot.serve(request, wit_world.report)
        except BaseException as error:
            # An exception that leaves here would be a trap without a word.
            text = "".join(traceback.format_exception(error))
            raise Err(text[-4096:].encode("utf-8", "replace").decode()) from None
