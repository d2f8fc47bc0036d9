"""Calls of the project's functions: kept while tests run, made again, told in words.

A part of the scripts that do so (Python 3.8 or later); it runs nothing by itself.
"""

import pickle
import sys
import types

# Bytes of the arguments of one call.
ARGUMENT_BYTES = 8192
# Steps (turns of loops, calls) of one call.
STEPS = 20000
# Characters of a value that is shown, and elements of one that is compared.
SHOWN = 80
ELEMENTS = 2000


class Endless(BaseException):
    """A call took more steps than it may."""


class Budget:
    """Counts the steps of a call and ends it."""

    TOOL = 3

    def __init__(self):
        self.left = self.all = 0
        self.mon = getattr(sys, "monitoring", None)
        self.on = False

    def step(self, *_):
        self.left -= 1
        if self.left < 0 and self.on:
            raise Endless()

    def trace(self, frame, event, arg):
        self.step()
        return self.trace

    def __enter__(self):
        self.left, self.on = min(STEPS, self.all), True
        self.given = self.left
        if self.mon is None:
            sys.settrace(self.trace)
            return self
        events = self.mon.events
        if self.mon.get_tool(self.TOOL) is None:
            self.mon.use_tool_id(self.TOOL, "probe")
        for event in (events.JUMP, events.PY_START):
            self.mon.register_callback(self.TOOL, event, self.step)
        self.mon.set_events(self.TOOL, events.JUMP | events.PY_START)
        return self

    def __exit__(self, *_):
        self.on = False
        self.all -= self.given - max(self.left, 0)
        if self.mon is None:
            sys.settrace(None)
        else:
            self.mon.set_events(self.TOOL, 0)


# -------------------------------------------------------------------------------------------------- values in words


def plain(value, depth=0, seen=()):
    """A value as text that is the same in every interpreter: no addresses, sets in order, floats rounded."""
    if value is None or value is True or value is False or value is Ellipsis:
        return repr(value)
    kind = type(value)
    if kind is int:
        return repr(value) if value.bit_length() < 4000 else "int of %d bits" % value.bit_length()
    if kind is float:
        return "%.10g" % value if value == value else "nan"
    if kind in (str, bytes, complex, bytearray):
        return repr(value[:ELEMENTS]) if kind is not complex else repr(value)
    if id(value) in seen or depth > 40:
        return "..."
    seen = seen + (id(value),)
    inner = lambda item: plain(item, depth + 1, seen)
    if kind in (list, tuple):
        body = ", ".join(inner(item) for item in value[:ELEMENTS])
        return "[%s]" % body if kind is list else "(%s)" % (body + "," if len(value) == 1 else body)
    if kind in (set, frozenset):
        body = ", ".join(sorted(inner(item) for item in list(value)[:ELEMENTS]))
        return "{%s}" % body if kind is set else "frozenset({%s})" % body
    if isinstance(value, dict):
        body = ", ".join("%s: %s" % (inner(k), inner(v)) for k, v in list(value.items())[:ELEMENTS])
        return ("{%s}" if kind is dict else kind.__name__ + "({%s})") % body
    if isinstance(value, BaseException):
        return "%s(%s)" % (kind.__name__, ", ".join(inner(item) for item in value.args))
    if isinstance(value, (types.FunctionType, types.BuiltinFunctionType, types.MethodType, type)):
        return "<%s>" % getattr(value, "__qualname__", kind.__name__)
    if isinstance(value, types.ModuleType):
        return "<module %s>" % value.__name__
    if hasattr(value, "__next__"):
        items = []
        for item in value:
            items.append(inner(item))
            if len(items) >= 200:
                break
        return "<%s: %s>" % (kind.__name__, ", ".join(items))
    fields = dict(getattr(value, "__dict__", None) or {})
    for cls in kind.__mro__:
        slots = cls.__dict__.get("__slots__", ())
        for slot in (slots,) if isinstance(slots, str) else slots:
            if hasattr(value, slot):
                fields.setdefault(slot, getattr(value, slot))
    if fields:
        return "%s(%s)" % (kind.__name__, ", ".join("%s=%s" % (k, inner(v)) for k, v in fields.items()))
    text = repr(value)
    return "<%s>" % kind.__name__ if " at 0x" in text else text[:ELEMENTS]


def short(text):
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


def kind_of(value):
    """The type of a value, one level deep."""
    name = type(value).__name__
    if name == "bool":
        return "bool"
    if isinstance(value, (list, tuple, set, frozenset)) and value:
        inner = sorted({type(item).__name__ for item in list(value)[:50]})
        return "%s of %s" % (name, "|".join(inner))
    return name


def arguments(frame, code):
    """What a function was called with, as a pickle; None where that cannot be kept."""
    names, found = code.co_varnames, frame.f_locals
    count = code.co_argcount
    try:
        positional = [found[name] for name in names[:count]]
        at = count + code.co_kwonlyargcount
        named = {name: found[name] for name in names[count:at]}
        if code.co_flags & 4:
            positional += found[names[at]]
            at += 1
        if code.co_flags & 8:
            named.update(found[names[at]])
        kept = pickle.dumps((tuple(positional), named), 4)
    except BaseException:
        return None
    return kept if len(kept) <= ARGUMENT_BYTES else None


def owners(module):
    """(qualified name, function) of a module and its classes."""
    for name, value in list(vars(module).items()):
        if isinstance(value, type) and value.__module__ == module.__name__:
            for inner, method in list(vars(value).items()):
                if isinstance(method, (staticmethod, classmethod)):
                    method = method.__func__
                yield "%s.%s" % (name, inner), method
        else:
            yield name, value


def resolve(code, module):
    """The function with this code, and the name by which it is found in its module."""
    module = sys.modules.get(module)
    if module is None:
        return None, None
    for name, value in owners(module):
        for _ in range(5):
            if getattr(value, "__code__", None) is code:
                return name, value
            value = getattr(value, "__wrapped__", None)
            if value is None:
                break
    return None, None
