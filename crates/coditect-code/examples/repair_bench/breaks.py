"""Breaks working programs, to measure how they are repaired. Standard library only.

  breaks.py library OUT                    a few modules of the standard library as programs, each with tests
  breaks.py break PROGRAMS OUT [--each N] [--seed N] [--kinds K,K]
  breaks.py score OUT SOLUTIONS [--log LOG] [--hidden DIR]

PROGRAMS/<name>/ holds one module and tests that pass. `break` writes OUT/tasks/<name>.<kind>.<n>/ and, for the
comparison, OUT/originals/<the same>/. `score` prints by kind: tasks, solved (the tests pass), same (the text is the
original's), and with the log of `repair_bench` candidates and seconds. Kinds: `slip1`, `slip2` (one or two slips that keep
the file from being parsed), `bugs2`, `bugs3` (wrong operators, names and constants in one function). What breaks a file is
drawn from what beginners do and from plain noise (a token or a character more or less), without a look at what the
repair knows.
"""
import argparse
import ast
import io
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tokenize

LIBRARY = {
    "bisect": ["m.bisect_left([1, 3, 5], 3) == 1", "m.bisect_right([1, 3, 5], 3) == 2", "m.bisect_left([1, 3, 5], 4, 1, 2) == 2",
               "m.bisect_right([1, 3, 3, 5], 3) == 3", "(lambda a: (m.insort_left(a, 2), a)[1])([1, 3]) == [1, 2, 3]"],
    "colorsys": ["m.rgb_to_hls(1, 0, 0) == (0.0, 0.5, 1.0)", "m.rgb_to_hsv(0.2, 0.4, 0.4) == (0.5, 0.5, 0.4)",
                 "m.hsv_to_rgb(0.5, 0.5, 0.4) == (0.2, 0.4, 0.4)", "m.hls_to_rgb(0.0, 0.5, 1.0)[0] > 0.99", "m.rgb_to_yiq(0, 0, 0) == (0, 0, 0)"],
    "textwrap": ["m.wrap('the quick brown fox', 10) == ['the quick', 'brown fox']", "m.fill('a b c', 3) == 'a b\\nc'",
                 "m.dedent('  a\\n  b') == 'a\\nb'", "m.indent('a\\nb', '> ') == '> a\\n> b'", "m.shorten('hello wide world', 12) == 'hello [...]'"],
    "heapq": ["m.nsmallest(2, [5, 1, 4]) == [1, 4]", "m.nlargest(2, [5, 1, 4]) == [5, 4]", "list(m.merge([1, 4], [2, 3])) == [1, 2, 3, 4]",
              "(lambda h: (m.heapify(h), [m.heappop(h) for _ in range(3)])[1])([3, 1, 2]) == [1, 2, 3]"],
    "shlex": ["m.split('a \"b c\" d') == ['a', 'b c', 'd']", "m.quote(\"it's\") == \"'it'\\\"'\\\"'s'\"", "m.join(['a', 'b c']) == \"a 'b c'\""],
    "fnmatch": ["m.fnmatch('a.py', '*.py')", "not m.fnmatch('a.py', '*.txt')", "m.filter(['a', 'ab'], 'a?') == ['ab']", "m.translate('a') == '(?s:a)\\\\Z'"],
    "difflib": ["m.get_close_matches('appel', ['ape', 'apple', 'peach']) == ['apple', 'ape']", "m.SequenceMatcher(None, 'abcd', 'bcde').ratio() == 0.75",
                "list(m.ndiff(['a'], ['b'])) == ['- a', '+ b']"],
    "graphlib": ["list(m.TopologicalSorter({'d': {'b', 'c'}, 'b': {'a'}, 'c': {'a'}}).static_order())[0] == 'a'",
                 "list(m.TopologicalSorter({2: [1], 3: [2]}).static_order()) == [1, 2, 3]"],
    "string": ["m.capwords('a bc') == 'A Bc'", "m.Template('$x!').substitute(x=1) == '1!'", "m.Template('$x $y').safe_substitute(x=1) == '1 $y'"],
}


def library(out):
    for name, checks in LIBRARY.items():
        module = __import__(name)
        folder = os.path.join(out, "lib-" + name)
        os.makedirs(folder, exist_ok=True)
        own = "my_" + name
        shutil.copy(module.__file__, os.path.join(folder, own + ".py"))
        lines = ["import unittest", "import %s as m" % own, "", "", "class Test(unittest.TestCase):"]
        for n, check in enumerate(checks):
            lines += ["    def test_%d(self):" % n, "        self.assertTrue(%s)" % check, ""]
        with open(os.path.join(folder, "test_%s.py" % own), "w") as file:
            file.write("\n".join(lines))
        if not passes(folder):
            print("left out, its tests do not pass here:", name)
            shutil.rmtree(folder)


def is_test(name):
    return name.startswith("test_") or name.endswith("_test.py")


def module_of(folder):
    names = [n for n in sorted(os.listdir(folder)) if n.endswith(".py") and not is_test(n)]
    return max(names, key=lambda n: os.path.getsize(os.path.join(folder, n)))


def passes(folder, limit=10):
    tests = [n[:-3] for n in sorted(os.listdir(folder)) if n.endswith(".py") and is_test(n)]
    try:
        command = [sys.executable, "-B", "-m", "unittest", "-q", *tests]
        return subprocess.run(command, cwd=folder, capture_output=True, timeout=limit, stdin=subprocess.DEVNULL).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def parses(text):
    try:
        compile(text, "m.py", "exec")
        return True
    except (SyntaxError, ValueError):
        return False


# ------------------------------------------------------------------------------------------------------------ slips


class Code:
    """A text with its tokens as (start, end, string, type)."""

    def __init__(self, text):
        self.text = text
        starts = [0]
        for line in text.splitlines(True):
            starts.append(starts[-1] + len(line))
        skip = (tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER, tokenize.COMMENT, tokenize.ENCODING)
        self.tokens = []
        for t in tokenize.generate_tokens(io.StringIO(text).readline):
            if t.type not in skip:
                self.tokens.append((starts[t.start[0] - 1] + t.start[1], starts[t.end[0] - 1] + t.end[1], t.string, t.type))
        # Prose at the ends of files is no code.
        self.tokens = [t for t in self.tokens if not (t[3] == tokenize.STRING and t[2].startswith(('"""', "'''")))]

    def change(self, start, end, new):
        return self.text[:start] + new + self.text[end:]

    def pick(self, rng, want):
        found = [t for t in self.tokens if want(t)]
        return rng.choice(found) if found else None

    def lines(self):
        """Starts of lines with code."""
        return sorted({self.text.rfind("\n", 0, t[0]) + 1 for t in self.tokens})


KEYWORDS = ["if", "elif", "else", "for", "while", "def", "class", "return", "in", "not", "and", "or", "import", "from", "yield", "try", "except"]


def typo(rng, word):
    at = rng.randrange(len(word))
    letter = rng.choice("abcdefghijklmnopqrstuvwxyz")
    return rng.choice([word[:at] + word[at + 1:], word[:at] + letter + word[at:], word[:at] + letter + word[at + 1:],
                       word[:max(at - 1, 0)] + word[at:at + 1] + word[max(at - 1, 0):at] + word[at + 1:]])


def drop(want):
    def slip(code, rng):
        t = code.pick(rng, want)
        return t and code.change(t[0], t[1], "")
    return slip


def swap_token(pairs):
    def slip(code, rng):
        t = code.pick(rng, lambda t: t[2] in pairs)
        return t and code.change(t[0], t[1], rng.choice(pairs[t[2]]))
    return slip


def block_colon(code, rng):
    ends = [t for t, n in zip(code.tokens, code.tokens[1:]) if t[2] == ":" and "\n" in code.text[t[1]:n[0]]]
    if not ends:
        return None
    t = rng.choice(ends)
    return code.change(t[0], t[1], rng.choice(["", "", "", ";"]))


def bracket_more(code, rng):
    t = code.pick(rng, lambda t: t[2] in "()[]{}")
    return t and code.change(t[1], t[1], t[2])


def quote_gone(code, rng):
    t = code.pick(rng, lambda t: t[3] == tokenize.STRING and t[2][-1] in "'\"" and len(t[2]) > 2)
    if not t:
        return None
    opening = t[0] + re.match("[a-zA-Z]*", t[2]).end()
    return rng.choice([code.change(t[1] - 1, t[1], ""), code.change(opening, opening + 1, "")])


def quote_kind(code, rng):
    t = code.pick(rng, lambda t: t[3] == tokenize.STRING and t[2][-1] in "'\"" and len(t[2]) > 2)
    return t and code.change(t[1] - 1, t[1], "'" if t[2][-1] == '"' else '"')


def smart_quotes(code, rng):
    t = code.pick(rng, lambda t: t[3] == tokenize.STRING and t[2][0] in "'\"" and len(t[2]) > 2)
    if not t:
        return None
    pair = "\u2018\u2019" if t[2][0] == "'" else "\u201c\u201d"
    return code.change(t[0], t[1], pair[0] + t[2][1:-1] + pair[1])


def shift_line(code, rng):
    at = rng.choice(code.lines())
    indent = len(code.text[at:]) - len(code.text[at:].lstrip(" "))
    by = rng.choice([-4, -2, -1, 1, 2, 4])
    return code.change(at, at + indent, " " * max(indent + by, 0))


def shift_block(code, rng):
    at = rng.choice(code.lines())
    indent = len(code.text[at:]) - len(code.text[at:].lstrip(" "))
    lines = code.text[at:].splitlines(True)
    count = 1
    while count < len(lines) and lines[count].strip() and len(lines[count]) - len(lines[count].lstrip(" ")) >= indent:
        count += 1
    by = rng.choice([-4, -2, 2, 4])
    new = [(" " * by + l) if by > 0 else l[min(-by, indent):] for l in lines[:count]]
    return code.text[:at] + "".join(new) + "".join(lines[count:])


def tab_line(code, rng):
    at = rng.choice(code.lines())
    indent = len(code.text[at:]) - len(code.text[at:].lstrip(" "))
    return indent >= 4 and code.change(at, at + indent, "\t" * (indent // 4))


def keyword_typo(code, rng):
    t = code.pick(rng, lambda t: t[2] in KEYWORDS)
    return t and code.change(t[0], t[1], typo(rng, t[2]))


def keyword_case(code, rng):
    t = code.pick(rng, lambda t: t[2] in KEYWORDS)
    return t and code.change(t[0], t[1], rng.choice([t[2].upper(), t[2].title()]))


def condition_assigns(code, rng):
    t = code.pick(rng, lambda t: t[2] == "==")
    return t and code.change(t[0], t[1], "=")


def blank_gone(code, rng):
    gaps = [(a[1], b[0]) for a, b in zip(code.tokens, code.tokens[1:]) if code.text[a[1]:b[0]] == " "
            and (a[2].isidentifier() or b[2].isidentifier())]
    return gaps and code.change(*rng.choice(gaps), "")


def line_split(code, rng):
    gaps = [(a[1], b[0]) for a, b in zip(code.tokens, code.tokens[1:]) if code.text[a[1]:b[0]] == " "]
    return gaps and code.change(*rng.choice(gaps), "\n" + " " * rng.choice([0, 4, 8]))


def line_join(code, rng):
    gaps = [(a[1], b[0]) for a, b in zip(code.tokens, code.tokens[1:]) if re.fullmatch(r"\n *", code.text[a[1]:b[0]])]
    return gaps and code.change(*rng.choice(gaps), " ")


def token_twice(code, rng):
    t = rng.choice(code.tokens)
    return code.change(t[1], t[1], rng.choice([" ", ""]) + t[2])


def token_gone(code, rng):
    t = rng.choice(code.tokens)
    return code.change(t[0], t[1], "")


def token_more(code, rng):
    at, new = rng.choice(code.tokens), rng.choice(code.tokens)
    return code.change(at[1], at[1], " " + new[2] + " ")


def token_swap(code, rng):
    n = rng.randrange(len(code.tokens) - 1)
    a, b = code.tokens[n], code.tokens[n + 1]
    if "\n" in code.text[a[1]:b[0]]:
        return None
    return code.text[:a[0]] + b[2] + code.text[a[1]:b[0]] + a[2] + code.text[b[1]:]


def char_gone(code, rng):
    t = rng.choice(code.tokens)
    at = rng.randrange(t[0], t[1])
    return code.change(at, at + 1, "")


def char_more(code, rng):
    t = rng.choice(code.tokens)
    at = rng.randrange(t[0], t[1] + 1)
    return code.change(at, at, rng.choice("qwertzuiop;:,.-_#'\"+*~)([]{}=&%$!? 0123"))


def else_if(code, rng):
    t = code.pick(rng, lambda t: t[2] == "elif")
    return t and code.change(t[0], t[1], rng.choice(["else if", "elseif", "elsif"]))


def old_print(code, rng):
    found = re.search(r"print\((.*)\)\n", code.text)
    return found and code.change(found.start(), found.end() - 1, "print " + found.group(1))


def step(code, rng):
    found = list(re.finditer(r"(\w+) ([+-])= 1\n", code.text))
    if not found:
        return None
    m = rng.choice(found)
    return code.change(m.start(), m.end() - 1, m.group(1) + 2 * m.group(2))


def header_word(code, rng):
    t = code.pick(rng, lambda t: t[2] in ("def", "in", "if", "for", "import", "class"))
    return t and code.change(t[0], t[1] + 1, "")


def conflict(code, rng):
    at = rng.choice(code.lines())
    end = code.text.find("\n", at) + 1 or len(code.text)
    line = code.text[at:end]
    words = line.split(" ")
    other = line.replace("(", "((", 1) if len(words) < 2 else line.replace("=", "= 0 +", 1)
    sides = [line, other] if rng.random() < 0.5 else [other, line]
    return code.change(at, end, "<<<<<<< HEAD\n%s=======\n%s>>>>>>> topic\n" % tuple(sides))


def strange(code, rng):
    t = rng.choice(code.tokens)
    return code.change(t[1], t[1], rng.choice(["\u00a0", "\u200b", "$", "?", "`", "\u2013"]))


BRACKETS = {"(": ["[", "{"], ")": ["]", "}"], "[": ["(", "{"], "]": [")", "}"], "{": ["(", "["], "}": [")", "]"]}
FOREIGN = {"and": ["&&"], "or": ["||"], "None": ["null"], "not": ["!"], "!=": ["<>"], "<=": ["=<"], "==": ["==="], "def": ["function", "func"],
           "except": ["catch"], "raise": ["throw"], "in": ["of"]}
SLIPS = {
    "colon": block_colon, "bracket gone": drop(lambda t: t[2] in "()[]{}"), "bracket more": bracket_more, "bracket kind": swap_token(BRACKETS),
    "quote gone": quote_gone, "quote kind": quote_kind, "smart quotes": smart_quotes, "line moved": shift_line, "block moved": shift_block,
    "tab": tab_line, "keyword typo": keyword_typo, "keyword case": keyword_case, "= for ==": condition_assigns, "comma gone": drop(lambda t: t[2] == ","),
    "foreign word": swap_token(FOREIGN), "else if": else_if, "old print": old_print, "++": step, "header word": header_word, "blank gone": blank_gone,
    "line split": line_split, "line joined": line_join, "token twice": token_twice, "token gone": token_gone, "token more": token_more,
    "token swap": token_swap, "char gone": char_gone, "char more": char_more, "conflict": conflict, "strange": strange,
}


def slipped(text, rng, count):
    """The text with `count` slips at different lines, each of which alone keeps it from being parsed; and their names."""
    for _ in range(200):
        names, now, places = [], text, []
        for _ in range(count):
            for _ in range(60):
                name = rng.choice(list(SLIPS))
                # Tokens are those of the original; a slip of another place is put in by its distance from the end.
                new = SLIPS[name](Code(text), rng)
                if not new or parses(new):
                    continue
                start = next((n for n, (a, b) in enumerate(zip(text, new)) if a != b), min(len(text), len(new)))
                tail = next((n for n, (a, b) in enumerate(zip(reversed(text), reversed(new))) if a != b), min(len(text), len(new)))
                tail = min(tail, len(text) - start, len(new) - start)
                if all(abs(text.count("\n", 0, start) - text.count("\n", 0, s)) > 1 and (len(text) - tail <= s or start >= e) for s, e, _ in places):
                    places.append((start, len(text) - tail, new[start:len(new) - tail]))
                    names.append(name)
                    break
        if len(places) == count:
            for start, end, new in sorted(places, reverse=True):
                now = now[:start] + new + now[end:]
            if not parses(now):
                return now, names
    return None, []


# ------------------------------------------------------------------------------------------------------------- bugs

OPERATORS = {"<": ["<=", ">"], "<=": ["<", ">="], ">": [">=", "<"], ">=": [">", "<="], "==": ["!="], "!=": ["=="], "+": ["-"], "-": ["+"], "*": ["+", "**"],
             "//": ["/", "%"], "%": ["//"], "and": ["or"], "or": ["and"], "+=": ["-=", "="], "-=": ["+="], "True": ["False"], "False": ["True"],
             "min": ["max"], "max": ["min"], "break": ["continue"], "append": ["remove"], "any": ["all"], "all": ["any"], "is": ["is not"]}


def bugs_in(text):
    """Slips within functions: by function, (start, end, new)."""
    found = {}
    starts = [0]
    for line in text.splitlines(True):
        starts.append(starts[-1] + len(line))
    tokens = Code(text).tokens
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef):
            continue
        begin = starts[node.body[0].lineno - 1]
        end = starts[node.end_lineno] if node.end_lineno < len(starts) else len(text)
        names = sorted({n.id for n in ast.walk(node) if isinstance(n, ast.Name)} | {a.arg for a in node.args.args})
        names = [n for n in names if n not in dir(__builtins__) and not n[0].isupper()]
        slips = []
        for start, stop, own, kind in tokens:
            if not begin <= start < end:
                continue
            for new in OPERATORS.get(own, []):
                slips.append((start, stop, new))
            if own == "not":
                slips.append((start, stop + 1, ""))
            if kind == tokenize.NUMBER and own.isdigit():
                slips += [(start, stop, str(int(own) + 1)), (start, stop, str(max(int(own) - 1, 0)))]
            if own in names and len(names) > 1:
                slips += [(start, stop, n) for n in names if n != own][:2]
        found[(node.name, begin)] = slips
    return found


def bugged(folder, text, rng, count, work):
    for _ in range(60):
        found = {k: v for k, v in bugs_in(text).items() if len(v) >= 2 * count}
        if not found:
            return None, []
        slips = rng.sample(found[rng.choice(list(found))], count)
        slips.sort()
        if any(a[1] + 3 > b[0] for a, b in zip(slips, slips[1:])):
            continue
        both = text
        for start, end, new in reversed(slips):
            both = both[:start] + new + both[end:]
        alone = [text[:s] + n + text[e:] for s, e, n in slips]
        if not all(map(parses, [both, *alone])):
            continue
        # Each of them shows by itself.
        if any(tested(folder, t, work) for t in [both, *alone]):
            continue
        return both, ["%s -> %s" % (text[s:e], n) for s, e, n in slips]
    return None, []


def tested(folder, text, work):
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(folder, work)
    with open(os.path.join(work, module_of(folder)), "w") as file:
        file.write(text)
    return passes(work, 3)


def break_all(programs, out, each, seed, kinds):
    work = os.path.join(out, "work")
    for name in sorted(os.listdir(programs)):
        folder = os.path.join(programs, name)
        module = module_of(folder)
        with open(os.path.join(folder, module)) as file:
            text = file.read()
        for kind in kinds:
            for n in range(each):
                rng = random.Random("%s %s %s %s" % (seed, name, kind, n))
                count = int(kind[-1])
                new, what = slipped(text, rng, count) if kind.startswith("slip") else bugged(folder, text, rng, count, work)
                if new is None:
                    continue
                task = "%s.%s.%d" % (name, kind, n)
                shutil.copytree(folder, os.path.join(out, "originals", task))
                target = os.path.join(out, "tasks", task)
                shutil.copytree(folder, target)
                with open(os.path.join(target, module), "w") as file:
                    file.write(new)
                with open(os.path.join(target, "TASK.json"), "w") as file:
                    json.dump({"id": task, "request": "make the failing tests pass", "broken": what}, file)
    shutil.rmtree(work, ignore_errors=True)


def score(out, solutions, log):
    times = {}
    for line in open(log) if log else []:
        m = re.match(r"(\S+)\s+([\d.]+) s\s+(\d+) tried", line)
        if m:
            times[m.group(1)] = (float(m.group(2)), int(m.group(3)))
    rows, slips = {}, {}
    for task in sorted(os.listdir(solutions)):
        original, solution = os.path.join(out, "originals", task), os.path.join(solutions, task)
        module = module_of(original)
        with open(os.path.join(original, module)) as a, open(os.path.join(solution, module)) as b:
            same = a.read().split() == b.read().split() and parses(open(os.path.join(solution, module)).read())
        solved = same or passes(solution)
        exact = same and open(os.path.join(original, module)).read() == open(os.path.join(solution, module)).read()
        what = json.load(open(os.path.join(out, "tasks", task, "TASK.json")))["broken"]
        rows.setdefault(task.rsplit(".", 2)[1], []).append((solved, exact, times.get(task, (0, 0)), task, what))
        if task.rsplit(".", 2)[1] == "slip1":
            slips.setdefault(what[0], []).append((solved, exact))
    for kind, found in rows.items():
        seconds = sorted(f[2][0] for f in found)
        at = lambda share: seconds[min(int(share * len(seconds)), len(seconds) - 1)]
        tried = sorted(f[2][1] for f in found)
        print("%-6s %4d tasks  solved %.3f  same text %.3f  candidates p50 %d  seconds p50 %.1f p95 %.1f" % (
            kind, len(found), sum(f[0] for f in found) / len(found), sum(f[1] for f in found) / len(found), tried[len(tried) // 2], at(0.5), at(0.95)))
        for solved, exact, _, task, what in found:
            if not solved:
                print("    miss ", task, what)
    for name, found in sorted(slips.items()):
        print("  %-14s %3d  solved %3d  same %3d" % (name, len(found), sum(f[0] for f in found), sum(f[1] for f in found)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["library", "break", "score"])
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--each", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", default="slip1,slip2,bugs2,bugs3")
    parser.add_argument("--log")
    args = parser.parse_args()
    if args.command == "library":
        library(args.paths[0])
    elif args.command == "break":
        break_all(args.paths[0], args.paths[1], args.each, args.seed, args.kinds.split(","))
    else:
        score(args.paths[0], args.paths[1], args.log)


main()
