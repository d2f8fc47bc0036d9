"""Many candidates in one tree of processes, where there is `fork`: what warm guests are in WASM, for other sandboxes.

Starting Python, importing the test framework and the project, and collecting tests takes a hundred times as long as the
tests that most candidates fail. So one process imports the framework and whatever the project needs of others, and forks
another, which has the project imported and its tests collected too (`hot.py`). A candidate that changes the bodies of
functions only is a fork of the second, with their code exchanged. Any other one is a fork of the first, which imports the
project with the candidate's text. Neither leaves anything in memory for the next; what they write to the disk
stays there until the whole tree ends. What is said here is a hint for the search, no proof.

Request: as for op "test", and candidates ([{n, files: [{path, start, end, new}]}], where bytes from `start` to `end` are
replaced), near (tests for candidates that turn the selected ones green), share_ms (how long the tests of one may take).

Reports: those of the tests between {"e":"candidate","n":N} and {"e":"candidate_end","n":N,"hung":BOOL}, with
{"e":"near","n":N} where those near begin. A candidate that cannot be tried here is left out. The last report is a note on
how many candidates were tried in which way.
"""

import gc
import json
import os
import select as polling
import signal
import sys
import time

import hot
import runner

# How much longer than at first the project may take to be imported: times, and seconds.
IMPORT_TIMES, IMPORT_LEAST = 3, 1.0
# Seconds for a process that does not answer, past what its child may take.
PATIENCE = 5.0
# Doubtful candidates that are always imported anew.
AGAIN = 3
# Status of a child that cannot take its candidate, and of one whose candidate failed and might not have.
COLD, DOUBTFUL = 3, 4

_clock, _sleep = time.monotonic, time.sleep
_fork, _waitpid, _killpg, _read, _write = os.fork, os.waitpid, os.killpg, os.read, os.write
_exit = os._exit


def serve(request, voice):
    """Answers op "many"."""
    order = {name: request.pop(name) for name in ("candidates", "near", "share_ms")}
    share = order["share_ms"] / 1000.0
    request.update(op="test", coverage="none", replace={}, stop_on_failure=False)
    near = order["near"]
    if request["framework"] == "pytest":
        files = dict.fromkeys(one.split("::")[0] for one in request["select"] + near)
        request["targets"] = runner.options_of(request["targets"]) + list(files)
    began = _clock()
    runner.warm(dict(request, select=None, list_only=True))
    patience = IMPORT_LEAST + IMPORT_TIMES * (_clock() - began) + share
    ready = Ready(request, voice, patience)
    texts = Texts(request["root"])
    sums = {"ready": (1, _clock() - began)}
    doubtful = []

    def note(kind, since):
        count, seconds = sums.get(kind, (0, 0.0))
        sums[kind] = count + 1, seconds + _clock() - since

    def try_cold(trial):
        since = _clock()
        voice.send(e="candidate", n=trial["n"])
        end = in_child(voice, patience, lambda: run_cold(request, trial, voice))
        voice.send(e="candidate_end", n=trial["n"], hung=end == "hung")
        note("hung" if end == "hung" else "cold", since)

    for one in order["candidates"]:
        replace = texts.of(one["files"])
        if replace is None:
            continue
        voice.send(e="candidate", n=one["n"])
        trial = dict(n=one["n"], replace=replace, near=near)
        since = _clock()
        end = ready.try_out(trial, share)
        if end == "cold":
            try_cold(trial)
            continue
        if end == "doubtful":
            doubtful.append(trial)
        voice.send(e="candidate_end", n=one["n"], hung=end == "hung")
        note({"done": "hot"}.get(end, end), since)
    until = _clock() + (_clock() - began) / 3
    for n, trial in enumerate(doubtful):
        if n >= AGAIN and _clock() > until:
            break
        try_cold(trial)
    ready.close()
    said = ", ".join("%s: %d in %.1f s" % (kind, count, seconds) for kind, (count, seconds) in sums.items())
    voice.send(e="note", text=said)
    return json.dumps({"exit_code": 0})


class Texts:
    """What files of the project say with a candidate."""

    def __init__(self, root):
        self.root, self.known = root, {}

    def of(self, files):
        """Texts by path, or None where one is not what the runner takes."""
        found = {}
        for file in files:
            path = file["path"]
            if path not in self.known:
                try:
                    with open(os.path.join(self.root, path), "rb") as opened:
                        self.known[path] = opened.read()
                except OSError:
                    self.known[path] = b""
            old = self.known[path]
            try:
                new = (old[:file["start"]] + file["new"].encode("utf-8") + old[file["end"]:]).decode("utf-8")
            except (UnicodeDecodeError, UnicodeEncodeError):
                return None
            if "coding" in new[:200] and not new.startswith("\ufeff") and not is_utf8(new):
                return None
            found[path] = new
        return found


def is_utf8(text):
    """Whether the first two lines name no other encoding."""
    for line in text.split("\n", 2)[:2]:
        if line.lstrip().startswith("#") and "coding" in line and "utf" not in line.lower():
            return False
    return True


def wait(pid, seconds):
    """The status of a child that ended, or None for one that was killed."""
    deadline, pause = _clock() + seconds, 0.0005
    while True:
        found, status = _waitpid(pid, os.WNOHANG)
        if found:
            reap(pid)
            return status
        if _clock() > deadline:
            reap(pid)
            _waitpid(pid, 0)
            return None
        _sleep(pause)
        pause = min(pause * 1.5, 0.01)


def reap(group):
    """Ends what is left of a child and what it started."""
    try:
        _killpg(group, signal.SIGKILL)
    except OSError:
        pass


def in_child(voice, seconds, work):
    """Runs `work` in a child that speaks for the run. The answer: done, hung, cold or doubtful."""
    pid = _fork()
    if not pid:
        code = 1
        try:
            os.setpgid(0, 0)
            voice.owner = os.getpid()
            code = work()
        finally:
            _exit(code)
    try:
        os.setpgid(pid, pid)
    except OSError:
        pass
    status = wait(pid, seconds)
    if status is None:
        return "hung"
    return {COLD: "cold", DOUBTFUL: "doubtful"}.get(os.WEXITSTATUS(status) if os.WIFEXITED(status) else None, "done")


def run_tests(run, select, trial, voice):
    """Runs the tests, and those near them where all are green. `run` answers what `runner.serve` does. True: they are;
    None: they are not for this process."""
    said = run(dict(select=select, stop_on_failure=False))
    if said is None:
        return None
    said = json.loads(said)
    if said["exit_code"] != 0 or said["tests"] < len(select):
        return False
    if trial["near"]:
        voice.send(e="near", n=trial["n"])
        run(dict(select=trial["near"], stop_on_failure=True))
    return True


def run_cold(request, trial, voice):
    def run(more):
        return runner.answer(dict(request, replace=trial["replace"], **more), voice)

    run_tests(run, request["select"], trial, voice)
    return 0


class Ready:
    """A process that has the project imported and its tests collected."""

    def __init__(self, request, voice, patience):
        self.pid = None
        kind = {"unittest": hot.UnittestStage, "pytest": hot.PytestStage}.get(request["framework"])
        if kind is None or not hot.IS_ABLE:
            return
        down, up = os.pipe(), os.pipe()
        pid = _fork()
        if not pid:
            try:
                os.setpgid(0, 0)
                os.close(down[1])
                os.close(up[0])
                self.live(kind, request, voice, down[0], up[1])
            finally:
                _exit(0)
        os.close(down[0])
        os.close(up[1])
        self.pid, self.down, self.up = pid, down[1], up[0]
        if self.hear(patience) != "ready":
            self.close()

    @staticmethod
    def live(kind, request, voice, down, up):
        wanted = dict(request, files=request["select"])
        stage = kind(wanted, hot.NoSteps())
        if not stage.prepare():
            return
        gc.collect()
        gc.freeze()
        _write(up, b"ready\n")
        for line in open(down, "rb", buffering=1 << 16):
            trial = json.loads(line)
            select = request["select"]
            trial["near"] = [one for one in trial["near"] if one in stage.tests]

            def work():
                pairs = stage.exchanges(trial["replace"])
                is_sure = pairs is not None
                if not is_sure:
                    for file in stage.files.values():
                        file.called = ()
                    pairs, trial["near"] = stage.exchanges(trial["replace"]), []
                if pairs is None:
                    return COLD
                stage.exchanges = lambda _: pairs

                def run(more):
                    return stage.run(dict(request, replace=trial["replace"], **more), voice)

                are_green = run_tests(run, select, trial, voice)
                if are_green is None or (are_green and not is_sure):
                    return COLD
                return 0 if is_sure else DOUBTFUL

            _write(up, in_child(voice, trial["share"], work).encode() + b"\n")

    def try_out(self, trial, share):
        """The end of a candidate: done, hung, doubtful, or cold where it is not for this process."""
        if self.pid is None:
            return "cold"
        data = json.dumps(dict(trial, share=share)).encode() + b"\n"
        try:
            while data:
                data = data[_write(self.down, data):]
        except OSError:
            self.close()
            return "cold"
        said = self.hear(share + PATIENCE)
        if said not in ("done", "hung", "doubtful", "cold"):
            self.close()
            return "cold"
        return said

    def hear(self, seconds):
        """One word of it, or None."""
        said, deadline = b"", _clock() + seconds
        while not said.endswith(b"\n"):
            ready, _, _ = polling.select([self.up], [], [], max(0.0, deadline - _clock()))
            more = _read(self.up, 64) if ready else b""
            if not more:
                return None
            said += more
        return said.decode().strip()

    def close(self):
        if self.pid is not None:
            reap(self.pid)
            _waitpid(self.pid, 0)
            os.close(self.down)
            os.close(self.up)
            self.pid = None
