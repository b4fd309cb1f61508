"""What every component does, read from its source: outputs registered once and last, nothing made inside `apply`."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.paths import REPOSITORY

SOURCES = sorted((REPOSITORY / "infra").rglob("*.py"))


def components(source: str) -> Iterator[ast.ClassDef]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef) and any("ComponentResource" in ast.unparse(base) for base in node.bases):
            yield node


def registrations(node: ast.AST) -> list[ast.Call]:
    return [
        each
        for each in ast.walk(node)
        if isinstance(each, ast.Call) and ast.unparse(each.func) == "self.register_outputs"
    ]


def faults(source: str) -> Iterator[str]:
    """What is wrong with the components of a file."""
    for component in components(source):
        init = next(each for each in component.body if isinstance(each, ast.FunctionDef) and each.name == "__init__")
        last = init.body[-1]
        if len(registrations(component)) != 1:
            yield f"{component.name} registers its outputs {len(registrations(component))} times"
        elif not (isinstance(last, ast.Expr) and last.value in registrations(init)):
            yield f"{component.name} does something after it has registered its outputs"
        arguments = init.args
        if [each.arg for each in arguments.args] != ["self", "name"] or not arguments.kwonlyargs:
            yield f"{component.name} takes more than its name by position"
        if arguments.kwonlyargs[-1].arg != "opts":
            yield f"{component.name} has no opts at its end"
    yield from inside_apply(source)


def inside_apply(source: str) -> Iterator[str]:
    """Calls in what `apply` and `all` are given: of anything with a capital first, which may be a resource."""
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "apply"):
            continue
        for argument in node.args:
            if isinstance(argument, ast.Name) and argument.id in {"str", "int", "bool", "list"}:
                continue
            if not isinstance(argument, ast.Lambda):
                yield f"line {node.lineno}: apply is given {ast.unparse(argument)}, which cannot be looked into here"
                continue
            for each in ast.walk(argument):
                if isinstance(each, ast.Call) and ast.unparse(each.func).rpartition(".")[2][:1].isupper():
                    yield f"line {node.lineno}: {ast.unparse(each.func)} is made inside apply"


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(REPOSITORY)))
def test_components_keep_their_habits(file: Path) -> None:
    assert list(faults(file.read_text())) == []


def test_there_are_components() -> None:
    found = {each.name for file in SOURCES for each in components(file.read_text())}
    assert {"Network", "Keys", "Stores", "Cluster", "SystemNodes", "PodIdentity", "Interruptions"} <= found
    assert {"Repository", "Ci", "Audit", "Spending"} <= found


GOOD = """
class Thing(pulumi.ComponentResource):
    def __init__(self, name, *, spec, opts=None):
        super().__init__("slipway:room:Thing", name, {}, opts)
        self.size = made.size.apply(lambda size: size + 1)
        self.register_outputs({})
"""
BAD = {
    "no outputs": GOOD.replace("        self.register_outputs({})\n", ""),
    "twice": GOOD.replace("super()", "self.register_outputs({})\n        super()"),
    "not last": GOOD + "        self.late = 1\n",
    "by position": GOOD.replace("name, *, spec", "name, spec, *"),
    "made inside apply": GOOD.replace("size + 1", "Bucket('b')"),
    "made inside a function given to apply": GOOD.replace("lambda size: size + 1", "make"),
    "no opts": GOOD.replace(", opts=None", "").replace(", opts)", ")"),
}


def test_a_good_component_has_no_fault() -> None:
    assert list(faults(GOOD)) == []


@pytest.mark.parametrize("name", BAD)
def test_a_bad_habit_is_seen(name: str) -> None:
    assert len(list(faults(BAD[name]))) == 1
