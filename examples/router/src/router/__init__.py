"""Routes, rates and middleware."""

from .app import App, Request, Response
from .limits import Limiter
from .patterns import BadPattern, Pattern
from .table import MethodNotAllowed, NoRoute, Table

__all__ = [
    "App",
    "BadPattern",
    "Limiter",
    "MethodNotAllowed",
    "NoRoute",
    "Pattern",
    "Request",
    "Response",
    "Table",
]
