"""What an entry of the table says: how one Pulumi token is made, seen, changed and deleted through AWS's API."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from slipway.plugins.aws.expressions import Expression, Path, paths_in, properties_in

Hook = Callable[[Any, Mapping[str, Any]], None]
"""What the table cannot say: called with the client and the properties."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request.

    Attributes:
        operation: Method of the boto3 client.
        params: Its parameters, as expressions over properties, `id`, `region`, `account`, `partition`.
        absent: Error codes that mean an empty answer.
    """

    operation: str
    params: Mapping[str, Expression] = field(default_factory=dict)
    absent: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A part of a resource that can be changed, after its creation and later.

    Attributes:
        on: Properties it sets: a change of any of them makes the request.
        call: The request.
        when: Found to be false or nothing, `unset` is the request instead. By default: whether any of `on` is given.
        unset: The request that takes the setting back; none where there is nothing to take back.
        undo: The request that takes the old value (`old.…`) back before another one can be set.
        at_creation: Whether it is made at creation, too; not where the creating request carries the properties.
    """

    on: tuple[str, ...]
    call: Call
    unset: Call | None = None
    when: str = ""
    undo: Call | None = None
    at_creation: bool = True


@dataclass(frozen=True, kw_only=True)
class Tagging:
    """How tags are changed after creation: `tagged` and `untagged` are what is to be set and taken away."""

    tag: Call
    untag: Call


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One Pulumi token.

    Attributes:
        token: Pulumi's name of it.
        service: Name of the boto3 client.
        create: The request that makes it.
        identity: Its id, over `reply` and the properties.
        read: The request that shows it; none for what cannot be shown (its properties are then believed).
        item: Where it is in the reply of `read`; nothing there means it is gone.
        find: The same, where an expression cannot say it: called with the reply and the properties.
        more: Further requests whose replies `outputs` may use, by the name it uses.
        gone: Error codes that mean it is gone.
        outputs: Properties as they are, over `item`, `more`, the properties, `id`, `region`, `account`, `partition`.
        settings: What can be changed.
        tagging: How its tags are changed; none where it has none, or `settings` do it.
        delete: The request that deletes it; none where there is nothing to delete.
        after_create: What must happen before any setting.
        before_delete: What must happen before it can be deleted.
        named: The property that holds its name, given one when the program gives none.
        prefix: What such a name begins with.
        defaults: What the official plugin gives a property that the program does not.
        computed: Properties that AWS fills in when the program does not: their absence is no change.
        numbers: The least and the most that AWS takes, where its model says nothing of it.
        free: Properties that only this plugin reads; a change of them changes nothing in AWS.
        ready: When it can be used, over the same as `outputs`; always, when empty.
        single: Whether there can be only one of it where it belongs, so that the old one must go first.
        secret: Properties that are always secret.
    """

    token: str
    service: str
    create: Call
    identity: str
    read: Call | None
    item: str = "@"
    find: Callable[[Mapping[str, Any], Mapping[str, Any]], Any] | None = None
    more: Mapping[str, Call] = field(default_factory=dict)
    gone: tuple[str, ...] = ()
    outputs: Mapping[str, Expression] = field(default_factory=dict)
    settings: tuple[Setting, ...] = ()
    tagging: Tagging | None = None
    delete: Call | None
    after_create: Hook | None = None
    before_delete: Hook | None = None
    named: str = ""
    prefix: str = ""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    computed: tuple[str, ...] = ()
    numbers: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    free: tuple[str, ...] = ()
    ready: str = ""
    single: bool = False
    secret: tuple[str, ...] = ()

    @property
    def changeable(self) -> frozenset[str]:
        """Properties that can change without a new resource."""
        tags = ("tags", "tagsAll") if self.tagging is not None else ()
        return frozenset((*(name for setting in self.settings for name in setting.on), *tags, *self.free))

    @property
    def inputs(self) -> frozenset[str]:
        """Every property that a program may give."""
        read = properties_in(dict(self.create.params))
        for setting in self.settings:
            read |= set(setting.on)
        return frozenset((read | set(self.free) | ({self.named} if self.named else set())) - CONTEXT)

    @property
    def followed(self) -> frozenset[Path]:
        """Where, below the properties of a program, something is read; what is read nowhere would be passed over."""
        calls = (self.create, *(setting.call for setting in self.settings))
        return frozenset(path for call in calls for path in paths_in(dict(call.params)))


CONTEXT = frozenset({"id", "region", "account", "partition", "tagged", "untagged", "reply", "item", "old"})
"""What expressions may use besides properties."""
