"""The composition root: the only package that knows every concrete class."""

from bridge.app.check import examine
from bridge.app.operator import operate
from bridge.app.run import Started, run

__all__ = ["Started", "examine", "operate", "run"]
