# The second half of the script that `gather.py` begins.


# -------------------------------------------------------------------------------------------------------------- run


def find(function):
    value = importlib.import_module(function["module"])
    for part in function["name"].split("."):
        value = getattr(value, part)
    return value


def unpacked(data):
    return pickle.loads(base64.b64decode(data))


def call(target, method, positional, named, budget):
    """What came of one call: how it ended, its value, what it printed."""
    out = io.StringIO()
    kept = sys.stdout
    sys.stdout = out
    random.seed(1)
    try:
        with budget:
            value = target(*positional, **named) if not method else getattr(positional[0], method)(
                *positional[1:], **named)
            if hasattr(value, "__next__"):
                # A generator does its work only when it is asked.
                value = Drawn(type(value).__name__, value)
        return "value", value, out.getvalue()
    except Endless:
        return "endless", None, out.getvalue()
    except BaseException as error:
        return "raise", error, out.getvalue()
    finally:
        sys.stdout = kept


class Drawn:
    """What an iterator gave."""

    def __init__(self, name, iterator):
        self.name, self.items = name, []
        for item in iterator:
            self.items.append(item)
            if len(self.items) >= 200:
                break


def comes_to(how, value, printed, positional):
    """The outcome in words, all of it and short."""
    if how == "endless":
        return "endless", "it does not end"
    if how == "raise":
        return "raise " + type(value).__name__, "it raises %s" % type(value).__name__
    if isinstance(value, Drawn):
        text = "<%s: %s>" % (value.name, ", ".join(plain(item) for item in value.items))
    else:
        text = plain(value)
    whole = text + " | " + plain(positional) + (" | " + printed[:2000] if printed else "")
    told = "it gives `%s`" % short(text)
    if value is None and printed:
        told = "it prints %s" % short(repr(printed))
    return whole, told


def run(ask):
    for file in ask["test_files"]:
        # Classes that tests define are needed to open their pickles.
        name = file[:-3].replace("/", ".") if file.endswith(".py") else file
        for name in (name, name.rpartition(".")[2]):
            try:
                importlib.import_module(name)
                break
            except BaseException:
                pass
    found, budget = [], Budget()
    for function in ask["functions"]:
        try:
            found.append(find(function))
        except BaseException:
            found.append(None)
    # Each function has its share of the steps.
    answers, endless, at = [], 0, None
    for item in ask["inputs"]:
        if item["f"] != at:
            at, endless, budget.all = item["f"], 0, ALL_STEPS // max(1, len(ask["functions"]))
        target = found[item["f"]]
        if target is None or budget.all <= 0 or endless > 8:
            answers.append(None)
            continue
        name = ask["functions"][item["f"]]["name"]
        try:
            positional, named = unpacked(item["data"])
        except BaseException:
            answers.append(None)
            continue
        try:
            method = bound(target, name, positional)
            how, value, printed = call(target, method, positional, named, budget)
            endless += how == "endless"
            whole, told = comes_to(how, value, printed, positional)
            answer = {"how": how if how != "raise" else whole, "key": whole, "says": told}
            if how == "value":
                answer["type"] = kind_of(value)
                with budget:
                    answer["props"] = properties(target, method, item["data"], value, positional)
        except BaseException as error:
            answer = {"how": "raise", "key": "raise " + type(error).__name__, "says": "it cannot be told"}
        answers.append(answer)
    return {"answers": answers, "examples": examples(ask, budget)}


def bound(target, name, positional):
    """The method to call on the first argument, where the function is one."""
    if "." not in name or not positional:
        return None
    holder, method = name.rsplit(".", 1)
    first = positional[0]
    names = [cls.__name__ for cls in type(first).__mro__]
    return method if holder.rpartition(".")[2] in names and hasattr(first, method) else None


PLAIN = (int, float, str, bytes, bool, type(None), list, tuple, dict, set, frozenset)


# Whoever is equal to both of a pair is equal to whatever is like them.
PAIRS = ((object(), object()), (7919, 104729), ("zq7", "qz9"))


def equals_all(value):
    return type(value) not in PLAIN and any(all((value == one) is True for one in pair) for pair in PAIRS)


def properties(target, method, data, value, after):
    """What holds of a call, by name. Absent: it does not apply."""
    before, named = unpacked(data)
    props = {}

    def note(name, test):
        try:
            props[name] = bool(test())
        except Endless:
            raise
        except BaseException:
            pass

    arguments = before[1:] if method else before
    number = lambda v: type(v) in (int, float)
    many = (list, tuple, str)
    note("arguments are left alone", lambda: plain(before) == plain(after))
    inside = value[:20] if type(value) in (list, tuple) else [value]
    if any(type(item) not in PLAIN for item in inside):
        note("the result is equal to whatever it is compared with", lambda: any(map(equals_all, inside)))
    if number(value):
        note("the result is not negative", lambda: value >= 0)
        for n, argument in enumerate(arguments):
            if number(argument):
                note("the result is at most argument %d" % n, lambda: value <= argument)
                note("the result is at least argument %d" % n, lambda: value >= argument)
            elif isinstance(argument, (list, tuple, str, set, dict)):
                note("the result is at most the length of argument %d" % n, lambda: value <= len(argument))
                if isinstance(argument, (list, tuple)) and argument and all(map(number, argument)):
                    note("the result is an element of argument %d" % n, lambda: value in argument)
                    note("the result is at least the least of argument %d" % n, lambda: value >= min(argument))
                    note("the result is at most the greatest of argument %d" % n, lambda: value <= max(argument))
    elif isinstance(value, many):
        note("the result is not empty", lambda: len(value) > 0)
        if isinstance(value, (list, tuple)) and len(value) > 1:
            note("the result is sorted", lambda: list(value) == sorted(value))
            note("the result is sorted downwards", lambda: list(value) == sorted(value, reverse=True))
            note("the result repeats nothing", lambda: len(set(map(plain, value))) == len(value))
            note("the parts of the result are of one length", lambda: len({len(item) for item in value}) == 1)
        for n, argument in enumerate(arguments):
            if isinstance(argument, many) and isinstance(argument, str) == isinstance(value, str):
                note("the result is as long as argument %d" % n, lambda: len(value) == len(argument))
                note("the result is no longer than argument %d" % n, lambda: len(value) <= len(argument))
                if len(argument) > 1:
                    note("the result has the parts of argument %d" % n,
                         lambda: sorted(map(plain, value)) == sorted(map(plain, argument)))
                note("the result's parts are in argument %d" % n, lambda: all(item in argument for item in value))
            elif number(argument) and type(argument) is int and argument >= 0:
                note("the result is as long as argument %d says" % n, lambda: len(value) == argument)
    elif value is None or isinstance(value, bool):
        note("the result is something", lambda: value is not None)
    if method is None and not named:
        metamorphic(target, before, value, note)
    return props


def metamorphic(target, before, value, note):
    """What holds between calls."""
    again = lambda *arguments: plain(target(*pickle.loads(pickle.dumps(arguments, 4))))
    if len(before) == 1:
        (only,) = before
        if type(only) is type(value):
            note("twice is as once", lambda: again(value) == plain(value))
            if plain(only) != plain(value):
                note("twice is as never", lambda: again(value) == plain(only))
        if isinstance(only, (list, tuple)) and len(only) > 1 and list(only) != list(only)[::-1]:
            note("the order does not matter", lambda: again(only[::-1]) == plain(value))
    elif len(before) == 2 and type(before[0]) is type(before[1]) and plain(before[0]) != plain(before[1]):
        note("arguments can change places", lambda: again(before[1], before[0]) == plain(value))


# --------------------------------------------------------------------------------------------------------- examples


def examples(ask, budget):
    """Examples in the documentation of the functions' files: the call, and whether it gives what stands there."""
    found = []
    budget.all = ALL_STEPS // 4
    import doctest

    for module in sorted({function["module"] for function in ask["functions"]}):
        place = sys.modules.get(module)
        names = {f["name"] for f in ask["functions"] if f["module"] == module and "." not in f["name"]}
        if place is None or not names:
            continue
        for text in texts(place):
            for source, want in said(text, names, doctest):
                if len(found) >= MOST_EXAMPLES:
                    return found
                if all(source != known[0] for known in found):
                    found.append([source, holds(source, want, vars(place), budget)])
    return found


def texts(module):
    """Strings that stand alone in a module's source, comments, and docstrings."""
    import ast

    try:
        with io.open(module.__file__, encoding="utf-8") as file:
            source = file.read()
        tree = ast.parse(source)
    except BaseException:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value
    comments = [line.strip()[1:] for line in source.splitlines() if line.strip().startswith("#")]
    if comments:
        yield "\n".join(comments)


ARROW = re.compile(r"\s*(?:==>|=>|-->|->|➞|→|==|returns|should return|gives|#=>|# =>|#)\s*(.+?)\s*$")


def said(text, names, doctest):
    """(call, expected literal) pairs of a text."""
    import ast

    try:
        parsed = doctest.DocTestParser().get_examples(text)
    except ValueError:
        parsed = []
    for example in parsed:
        if example.want and example.exc_msg is None and any(name + "(" in example.source for name in names):
            yield example.source.strip(), example.want.strip()
    for line in text.splitlines():
        line = line.strip().lstrip("*->• ").strip("`")
        for name in names:
            at = line.find(name + "(")
            if at < 0 or (at and (line[at - 1].isalnum() or line[at - 1] in "_.")):
                continue
            depth = 0
            for end in range(at + len(name), len(line)):
                depth += line[end] in "([{"
                depth -= line[end] in ")]}"
                if depth == 0:
                    break
            else:
                continue
            arrow = ARROW.match(line[end + 1:].strip("`"))
            if arrow is None:
                continue
            want = arrow.group(1).strip("`").rstrip(".;,").strip("`")
            try:
                ast.parse(line[at: end + 1], mode="eval")
                ast.literal_eval(want)
            except BaseException:
                continue
            yield line[at: end + 1], want


def holds(source, want, names, budget):
    """Whether an example holds: 1, 0, or -1 where it cannot be told."""
    import ast

    try:
        target = compile(source, "<example>", "eval")
    except SyntaxError:
        return -1
    value = None
    how, value, printed = call(lambda: eval(target, dict(names)), None, (), {}, budget)
    if how == "endless":
        return 0
    try:
        wanted = ast.literal_eval(want)
    except BaseException:
        got = printed if value is None else repr(value)
        return int(" ".join(got.split()) == " ".join(want.split())) if how == "value" else -1
    if how == "raise":
        return 0 if not isinstance(value, NameError) else -1
    if isinstance(value, Drawn):
        value = value.items
    if value is None and printed:
        return int(" ".join(printed.split()) == " ".join(want.split()))
    if isinstance(wanted, float) and isinstance(value, (int, float)):
        return int(abs(wanted - value) <= 1e-6 * max(1.0, abs(wanted)))
    return int(value == wanted or plain(value) == plain(wanted))


def main():
    out = sys.stdout
    asked = INPUT  # noqa: F821, given by the runner
    answer = gather(asked) if asked["mode"] == "gather" else run(asked)
    sys.stdout = out
    out.write(json.dumps(answer))


main()
