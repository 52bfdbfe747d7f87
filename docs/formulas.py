"""The formulas of docstrings: read, computed, and set as MathML, which browsers draw offline.

The notation is that of the docstrings: ``mean s(-r) + 1/2 mean (f - a)^2``.  A name right before a
bracket is a function; ``mean``, ``log`` and ``sqrt`` also take the factor that follows; other
neighbours are multiplied.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

PREFIXES = ("mean", "log", "sqrt")
_TOKEN = re.compile(r"\s*(\d+(?:\.\d+)?|f\*(?=\()|[A-Za-z_]\w*|[-+*/^()\[\],|])")
_GREEK = {"pi": "π", "alpha": "α", "omega": "ω", "sigma": "σ", "gamma": "γ"}
_OPENING = {"(": ")", "[": "]", "|": "|"}


@dataclass(frozen=True)
class Node:
    """A formula: ``number``, ``name``, ``call``, ``minus``, or one of ``+ - * / ^``."""

    kind: str
    text: str = ""
    parts: tuple["Node", ...] = ()


class _Reader:
    """Recursive descent over the tokens of one formula."""

    def __init__(self, text: str):
        self.text, self.tokens = text, _tokens(text)
        self.place = 0

    @property
    def next(self) -> str:
        return self.tokens[self.place][0] if self.place < len(self.tokens) else ""

    def take(self, wanted: str = "") -> str:
        found = self.next
        if not found or (wanted and found != wanted):
            raise ValueError(
                f"{self.text!r}: {found or 'the end'} where {wanted or 'more'} belongs"
            )
        self.place += 1
        return found

    def sum(self) -> Node:
        node = self.signed()
        while self.next and self.next in "+-":
            node = Node(self.take(), parts=(node, self.product()))
        return node

    def signed(self) -> Node:
        if self.next == "-":
            self.take()
            return Node("minus", parts=(self.product(),))
        return self.product()

    def product(self) -> Node:
        node = self.power()
        while self.next and (self.next in "*/([" or self.next[0].isalnum()):
            kind = self.take() if self.next in "*/" else "*"
            node = Node(kind, parts=(node, self.power()))
        return node

    def power(self) -> Node:
        base = self.atom()
        if self.next != "^":
            return base
        self.take()
        if self.next == "-":
            self.take()
            return Node("^", parts=(base, Node("minus", parts=(self.atom(),))))
        return Node("^", parts=(base, self.atom()))

    def atom(self) -> Node:
        if self.next in _OPENING:
            opening = self.take()
            inside = self.sum()
            self.take(_OPENING[opening])
            return Node("call", "abs", (inside,)) if opening == "|" else inside
        text = self.take()
        if text[0].isdigit():
            return Node("number", text)
        if self.touches():
            return Node("call", text, self.arguments())
        return Node("call", text, (self.power(),)) if text in PREFIXES else Node("name", text)

    def touches(self) -> bool:
        """Whether a bracket opens right after the last token."""
        end = self.tokens[self.place - 1][1]
        return self.text[end : end + 1] in ("(", "[")

    def arguments(self) -> tuple[Node, ...]:
        closing = _OPENING[self.take()]
        found = [self.sum()]
        while self.next == ",":
            self.take()
            found.append(self.sum())
        self.take(closing)
        return tuple(found)


def _tokens(text: str) -> list[tuple[str, int]]:
    found, place = [], 0
    while text[place:].strip():
        match = _TOKEN.match(text, place)
        if match is None:
            raise ValueError(f"{text!r}: cannot read {text[place:]!r}")
        found.append((match[1], match.end()))
        place = match.end()
    return found


def read(text: str) -> Node:
    """The formula that ``text`` spells.

    >>> compute(read("1/2 mean (r - b)^2"), {"mean": lambda x: x, "r": 4.0, "b": 1.0})
    4.5

    Raises:
        ValueError: it is none.
    """
    reader = _Reader(text)
    node = reader.sum()
    if reader.next:
        raise ValueError(f"{text!r}: {reader.next} where the end belongs")
    return node


_OPERATIONS: dict[str, Callable[..., Any]] = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b,
    "/": lambda a, b: a / b, "^": lambda a, b: a**b, "minus": lambda a: -a,
}  # fmt: skip


def compute(node: Node, known: Mapping[str, Any]) -> Any:
    """The value, with ``known`` numbers, arrays and functions by their names."""
    if node.kind == "number":
        return float(node.text)
    if node.kind == "name":
        return known[node.text]
    parts = [compute(part, known) for part in node.parts]
    return known[node.text](*parts) if node.kind == "call" else _OPERATIONS[node.kind](*parts)


def mathml(left: str, node: Node) -> str:
    """``left = node`` as a line of its own: presentation MathML."""
    said = _drawn(read(left))
    return f'<math display="block">{said}<mo>=</mo>{_drawn(node)}</math>'


def _drawn(node: Node) -> str:
    if node.kind == "number":
        return f"<mn>{node.text}</mn>"
    if node.kind == "name":
        return _name(node.text)
    if node.kind == "call":
        return _call(node)
    if node.kind == "minus":
        return f"<mrow><mo>−</mo>{_factor(node.parts[0])}</mrow>"
    a, b = node.parts
    if node.kind == "/":
        return f"<mfrac>{_row(a)}{_row(b)}</mfrac>"
    if node.kind == "^":
        base = _drawn(a) if a.kind in ("number", "name", "call") else _bracketed(a)
        return f"<msup><mrow>{base}</mrow>{_row(b)}</msup>"
    if node.kind == "*":
        return f"<mrow>{_factor(a)}<mspace width='0.17em'/>{_factor(b)}</mrow>"
    second = _bracketed(b) if node.kind == "-" and b.kind in "+-" else _drawn(b)
    return f"<mrow>{_drawn(a)}<mo>{'−' if node.kind == '-' else '+'}</mo>{second}</mrow>"


def _row(node: Node) -> str:
    return f"<mrow>{_drawn(node)}</mrow>"


def _factor(node: Node) -> str:
    return _bracketed(node) if node.kind in ("+", "-", "minus") else _drawn(node)


def _bracketed(node: Node) -> str:
    return f"<mrow><mo>(</mo>{_drawn(node)}<mo>)</mo></mrow>"


def _name(text: str) -> str:
    if text == "f*":
        return "<msup><mi>f</mi><mo>*</mo></msup>"
    head, _, index = text.partition("_")
    drawn = f"<mi>{escape(_GREEK.get(head, head))}</mi>"
    return f"<msub>{drawn}<mi>{escape(index)}</mi></msub>" if index else drawn


def _call(node: Node) -> str:
    if node.text == "sqrt":
        return f"<msqrt>{_drawn(node.parts[0])}</msqrt>"
    if node.text == "abs":
        return f"<mrow><mo>|</mo>{_drawn(node.parts[0])}<mo>|</mo></mrow>"
    (first, *_) = node.parts
    if node.text in PREFIXES and first.kind in ("number", "name", "call", "^"):
        return f"<mrow>{_name(node.text)}<mspace width='0.17em'/>{_drawn(first)}</mrow>"
    inside = "<mo>,</mo>".join(_drawn(part) for part in node.parts)
    return f"<mrow>{_name(node.text)}<mo>(</mo>{inside}<mo>)</mo></mrow>"


_LINE = re.compile(r"^ +L_([DG]) = (.+?)(?: {3,}(\w+): .*)?$", re.MULTILINE)


def of_loss(docstring: str, generator: str | None = None) -> dict[str, str]:
    """``{"D": ..., "G": ...}``: right sides of the formulas that a loss's docstring states.

    Args:
        docstring: with lines such as ``L_D = mean f - mean r``.
        generator: which of several formulas of G, by the word that follows it.

    Raises:
        ValueError: one of the two is missing.
    """
    found = {
        network: formula
        for network, formula, word in _LINE.findall(docstring)
        if not word or generator is None or word == generator
    }
    if found.keys() != {"D", "G"}:
        raise ValueError(f"the docstring states formulas of {sorted(found)}, not of D and G")
    return found


def of_divergence(divergence: type) -> dict[str, str]:
    """``f(u)``, ``T(u)``, ``g_f(v)``, ``f*(t)`` and what f* is written in, from docstrings.

    ``note`` is what the docstring adds to f*.

    Raises:
        ValueError: f(u) or f*(t) is not stated.
    """
    head = " ".join(str(divergence.__doc__).split())
    activation = " ".join(str(divergence.activation.__doc__).split())  # type: ignore[attr-defined]
    conjugate = " ".join(str(divergence.conjugate.__doc__).split())  # type: ignore[attr-defined]
    found = {}
    stated = re.search(r"f\(u\) = (.+?)(?:, T = (.+?))?(?:, in nats)?[:.]", head)
    if stated is None:
        raise ValueError(f"the docstring of {divergence.__name__} does not state f(u)")
    found["f(u)"] = stated[1]
    if stated[2]:
        found["T(u)"] = stated[2]
    found["g_f(v)"] = re.split(r", | = |\.$", activation.removeprefix("alpha < 1: "))[0]
    dual = re.search(
        r"f\*\(t\) = (.+?)(?: with (\w) = (.+?)(?=, which|[:.]|$))?(?:[,:.]|$)(?P<note> and[^.]*)?",
        f"{conjugate} {head}",
    )
    if dual is None:
        raise ValueError(f"the docstrings of {divergence.__name__} do not state f*(t)")
    found["f*(t)"] = dual[1]
    if dual[2]:
        found[dual[2]] = dual[3]
    if dual["note"]:
        found["note"] = dual["note"].strip()
    return found


def functions() -> dict[str, Any]:
    """What the formulas call, on tensors."""
    import torch
    from scipy.special import wrightomega

    return {
        "s": torch.nn.functional.softplus, "softplus": torch.nn.functional.softplus,
        "mean": torch.mean, "log": lambda x: torch.as_tensor(x).double().log(),
        "exp": torch.exp, "sqrt": torch.sqrt, "tanh": torch.tanh, "sign": torch.sign,
        "abs": torch.abs, "max": lambda least, x: x.clamp(min=least),
        "omega": lambda x: torch.from_numpy(wrightomega(x.numpy())), "e": math.e,
    }  # fmt: skip
