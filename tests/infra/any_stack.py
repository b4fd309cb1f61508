"""Any stack: what fits `stacks/schema.json`, with the names and sums that no schema knows.

Structure, keys, forms and bounds are the schema's. Here is only what makes most of what it allows possible.
"""

from collections.abc import Collection
from typing import Any

from hypothesis import strategies as st

from infra.settings import editor
from infra.settings.aws import queues_of
from tests.infra.from_schema import Drawing, Mend, Vocabulary

SCHEMA = editor.json_schema()
IMAGE = f"m@sha256:{'0' * 64}"
REGIONS = ("us-east-1", "us-east-1", "us-east-1", "eu-central-1", "us-gov-west-1")
MODELS = ("l4", "l40s", "a10g", "h100", "inferentia2")
FAMILIES = ("m7i", "m7a", "c7i", "m6i", "t3", "r8g", "g6", "g6e", "inf2", "m7l")
SELDOM = st.sampled_from([False] * 7 + [True])

WORDS: dict[str, st.SearchStrategy[Any]] = {
    "Settings.aws:region": st.sampled_from(REGIONS),
    "Settings.*": st.just("anything"),
    "Settings{}": st.sampled_from(["kubernetes:context", "pulumi:tags"]),
    "Settings.aws:forbiddenAccountIds": st.just(["999900001111"]),
    "Settings.slipway:models{}": st.sampled_from(["cpu", "a", "never-built", "b" * 40]),
    "Settings.slipway:capacity{}": st.sampled_from(["cpu", "cpu-spot", "gpu", "other"]),
    "Settings.capacity{}": st.sampled_from(["cpu", "cpu-spot", "gpu"]),
    "Network.cidr": st.sampled_from(["10.40.0.0/16", "10.40.0.0/20", "192.168.240.0/20", "172.16.0.0/18"]),
    "EksCluster.services-cidr": st.sampled_from(["172.20.0.0/16", "10.96.0.0/12", "192.168.0.0/24"]),
    "EksCluster.admins[]": st.just("arn:aws:iam::111122223333:role/platform"),
    "Endpoint.public-from[]": st.sampled_from(["203.0.113.0/24", "8.0.0.0/8"]),
    "DefaultTags.tags{}": st.text("abc", min_size=1, max_size=3),
    "Instances.families[]": st.sampled_from(FAMILIES),
    "Instances.sizes[]": st.sampled_from(["large", "xlarge", "2xlarge", "12xlarge"]),
    "Instances.generations[]": st.integers(6, 8),
    "Instances.exclude[]": st.sampled_from(["m7i.large", "m7i", "g6.xlarge"]),
    "Gpu.models[]": st.sampled_from(MODELS),
    "Gpu.count": st.sampled_from([1, 1, 4, 8]),
    "Limits.cpu": st.sampled_from([40_000, "40000", "399999500m", "4000"]),
    "Limits.memory": st.sampled_from(["90Ti", "90Ti", "4Ti", 10**13]),
    "Limits.gpus": st.sampled_from([640, 64]),
    "Resources.cpu": st.sampled_from([1, "500m", "1.5", 3]),
    "Resources.memory": st.sampled_from(["1Gi", "64Mi", "3Gi", 2**31]),
    "Resources.gpus": st.sampled_from([0, 0, 0, 1]),
    "Model.image": st.sampled_from(["built", IMAGE]),
    "Cache.memory": st.sampled_from(["32Mi", 2**20, "1Ti"]),
    "SharedCache.memory": st.sampled_from(["64Mi", 2**30]),
    "Cache.shared": st.sampled_from(
        ["cluster", "rediss://cache.internal:6379", "redis://cache/1", "unix:///run/redis?db=1"]
    ),
    "Review.queue": st.just(f"{queues_of('us-east-1', '111122223333')}people"),
    "Gateway.public-from[]": st.sampled_from(["203.0.113.0/24", "198.51.100.7/32"]),
    "Gateway.hostname": st.just("models.example.com"),
    "Keys.secret": st.just("clients"),
    "Tls.secret": st.just("certificate"),
    "Tokens.issuer": st.just("https://login.example.com/"),
    "Tokens.audiences[]": st.just("models"),
    "Tokens.client": st.sampled_from(["sub", "client_id"]),
    "Pool.labels{}": st.sampled_from(["team", "example.com/x"]),
}
"""What the schema gives no list of: names of AWS and Kubernetes, and amounts that are large enough for a node."""


def _whole(drawing: Drawing, draw: st.DrawFn, config: dict[str, Any]) -> dict[str, Any]:
    """Sections with what they need of each other."""
    config.setdefault("aws:region", draw(WORDS["Settings.aws:region"]))
    config["aws:allowedAccountIds"] = config.get("aws:allowedAccountIds", ["111122223333"])[:1]
    if _section(config, "tags") is None:
        config["slipway:tags"] = {"owner": "platform", "cost-center": "ml"}
    if draw(st.sampled_from([True, True, True, False])):
        _with(config, "cluster", draw(drawing.part("EksCluster")))
        for name, part in (("capacity", "Pool"), ("models", "Model")):
            if not _section(config, name):
                _with(config, name, {draw(WORDS[f"Settings.slipway:{name}{{}}"]): draw(drawing.part(part))})
    elif not _section(config, "cluster"):
        _with(config, "cluster", draw(drawing.part("ExistingCluster")))
    cluster = _section(config, "cluster") or {}
    if "name" in cluster and _section(config, "network") is None:
        _with(config, "network", draw(drawing.part("Network")))
    network = _section(config, "network")
    if network is not None:
        _reachable(config["aws:region"], network, cluster)
    if "name" not in cluster:
        _with(config, "capacity", {})
    if "namespace" in cluster:
        for section in ("gateway", "cache"):
            config.pop(f"slipway:{section}", None)
            config.pop(section, None)
    models, pools = _section(config, "models") or {}, _section(config, "capacity") or {}
    if not cluster:
        models.clear()
        for section in ("gateway", "cache"):
            config.pop(f"slipway:{section}", None)
            config.pop(section, None)
    gateway = _section(config, "gateway")
    for name, model in models.items():
        _routed(name, model, gateway)
    if any(model.get("serving", {}).get("cache", {}).get("shared") == "cluster" for model in models.values()):
        _with(config, "cache", _section(config, "cache") or {})
    for model in models.values():
        _placed(draw, model, pools)
        _reviewed(config, cluster, model.get("serving", {}).get("review"))
    if _section(config, "cache") is not None or any("scaling" in model for model in models.values()):
        cluster.pop("namespace", None)
    return config


def _with(config: dict[str, Any], name: str, section: Any) -> None:
    config[name if name in config else f"slipway:{name}"] = section


def _section(config: dict[str, Any], name: str) -> Any:
    return config.get(f"slipway:{name}", config.get(name))


def _reachable(region: str, network: dict[str, Any], cluster: dict[str, Any]) -> None:
    """Zones of the region, a way out of the network, and one into the cluster."""
    network["zones"] = [f"{region}{letter}" for letter in "abc"[: len(network["zones"])]]
    endpoint = cluster.get("endpoint", {})
    if network.get("nat") == "none":
        network["private-endpoints"] = True
    if "private" in endpoint and (network.get("nat") == "none" or not endpoint.get("public-from")):
        endpoint["private"] = True
    if network["cidr"].split(".")[0] == cluster.get("services-cidr", "").split(".")[0]:
        del cluster["services-cidr"]


def _placed(draw: st.DrawFn, model: dict[str, Any], pools: dict[str, Any]) -> None:
    """A model on a pool for serving; without pools, nowhere, and without accelerators."""
    model.pop("pool", None)
    if pools:
        model["pool"] = draw(st.sampled_from(sorted(pools)))
        pool = pools[model["pool"]]
        if "serving" not in pool["for"]:
            pool["for"] = "serving"
    if not pools or "gpu" not in pools[model["pool"]].get("instances", {}):
        model["resources"]["gpus"] = 0


def _reviewed(config: dict[str, Any], cluster: dict[str, Any], review: dict[str, Any] | None) -> None:
    """A queue where none is made, and one of the stack's own account and region where a role has to be let in."""
    if review is None or ("name" in cluster and "queue" not in review):
        return
    review["queue"] = f"{queues_of(config['aws:region'], config['aws:allowedAccountIds'][0])}people"


def _routed(name: str, model: dict[str, Any], gateway: dict[str, Any] | None) -> None:
    """A way of its own through the gateway, where there is one, for somebody who can come."""
    if gateway is None:
        model.pop("route", None)
        return
    if not {"keys", "tokens"} & gateway.keys():
        gateway["keys"] = {"secret": "clients"}
    if "path" in model.get("route", {}):
        model["route"]["path"] = f"/v1/{name}"
    if "scaling" in model and len(name) == 1:
        model["scaling"]["min"] = 0  # the gateway wakes it
    if "timeout" in model.get("route", {}):
        model["route"]["timeout"] = max(model["route"]["timeout"], model.get("serving", {}).get("objective", 100))


def _gated(_: Drawing, __: st.DrawFn, gateway: dict[str, Any]) -> dict[str, Any]:
    """Only a load balancer is reached from the internet."""
    if gateway.get("public-from"):
        gateway["exposure"] = "load-balancer"
    return gateway


def _signed(_: Drawing, draw: st.DrawFn, tokens: dict[str, Any]) -> dict[str, Any]:
    """One place of the keys that tokens are signed with."""
    places = {"jwks": "https://login.example.com/jwks", "config-map": "signers"}
    place: str = draw(st.sampled_from(sorted(places)))
    return {**{key: value for key, value in tokens.items() if key not in places}, place: places[place]}


def _mixed(_: Drawing, draw: st.DrawFn, mix: dict[str, Any]) -> dict[str, Any]:
    """Shares that come to a whole and can be held, or one order."""
    order = sorted({"reserved", "committed"} & mix.keys())
    in_order: bool = draw(st.booleans())
    if order and in_order:
        first: str = draw(st.sampled_from(order))
        then = {"then": mix.get("then", "on-demand")} if first == "committed" or "then" in mix else {}
        return {first: mix[first], **then}
    part = draw(st.sampled_from([5, 33, 60, 60, 0, 100, 90, 7, 2]))
    if part == 0:
        return {"spot": "100%", **({"then": "on-demand"} if "then" in mix else {})}
    return {"on-demand": f"{part}%", **({"spot": f"{100 - part}%"} if part < 100 else {})}


def _pooled(_: Drawing, draw: st.DrawFn, pool: dict[str, Any]) -> dict[str, Any]:
    """Types that are of one kind, and limits that a node fits into and a commitment leaves something of."""
    if isinstance(pool["for"], list) and "system" in pool["for"]:
        pool["for"] = "system"
    instances = pool.get("instances", {})
    if "gpu" in instances:
        pool["instances"] = {key: value for key, value in instances.items() if key in {"gpu", "exclude"}}
        instances["gpu"]["models"] = instances["gpu"]["models"][:1]
        if draw(st.booleans()):
            instances["gpu"].pop("count", None)
    elif instances:
        instances["families"] = sorted({*instances.get("families", ()), "m7i", "c7i"} - {"g6", "g6e", "inf2", "m7l"})
        instances["sizes"] = sorted({*instances.get("sizes", ()), "xlarge"})
        if "generations" in instances:
            instances["generations"] = [7, *instances["generations"]]
        instances.setdefault("architectures", ["amd64"])
        if "amd64" not in instances["architectures"]:
            instances["architectures"] = ["arm64", "amd64"]
    committed = pool["mix"].get("committed")
    if "gpu" not in instances:
        pool["limits"].pop("gpus", None)
        (committed or {}).pop("gpus", None)
    for limits in (pool["limits"], committed):
        if limits is not None and not limits:
            limits["cpu"] = "40000"
    if committed:
        pool["mix"]["committed"] = {"cpu": draw(st.sampled_from([400, "2000"]))}
    return pool


def _windowed(_: Drawing, __: st.DrawFn, budget: dict[str, Any]) -> dict[str, Any]:
    window = {"schedule": "@daily", "duration": "8h"}
    return {**window, **budget} if window.keys() & budget.keys() else budget


def _served(_: Drawing, draw: st.DrawFn, model: dict[str, Any]) -> dict[str, Any]:
    """What only slipway-kit plans to, and a queue that a batch and a request fit into."""
    if model.get("server") == "bentoml":
        model.pop("serving", None)
        model.pop("scaling", None)
    serving, scaling = model.get("serving", {}), model.get("scaling")
    if scaling is not None:
        model.pop("replicas", None)
        if "objective" in serving:
            serving["objective"] = max(serving["objective"], scaling.get("queue-wait", 0) + 1)
    for key in sorted({"queue-memory", "largest-request"} & serving.keys()):
        serving[key] = draw(st.sampled_from(["32Mi", 2**25] if key == "queue-memory" else ["64Ki", "32Mi"]))
    if "queue" in serving or "max-batch" in serving:
        serving["queue"] = max(serving.get("queue", 0), serving.get("max-batch", 64))
    return model


def _scaled(_: Drawing, __: st.DrawFn, scaling: dict[str, Any]) -> dict[str, Any]:
    """Numbers that leave something to scale between, and a trigger that can be reached."""
    least = scaling["min"] = min(max(scaling.get("min", 1), 1), 150)
    scaling["max"] = max(scaling["max"], least + 2)
    if "forecast" in scaling or not {"in-flight", "queue-wait", "cpu", "schedule"} & scaling.keys():
        scaling.setdefault("in-flight", 8)
    for key, most in (("in-flight", 16), ("queue-wait", 50)):
        if key in scaling:
            scaling[key] = min(scaling[key], most)
    if "without-metrics" in scaling:
        scaling["without-metrics"] = least + 1
    for window in scaling.get("schedule", ()):
        window["min"] = least + 1
        if "timezone" in window:
            window["timezone"] = "Europe/Berlin"
        if window["start"] == window["end"]:
            window["end"] = f"59 {window['start'].partition(' ')[2]}"
    if not scaling.get("schedule", (1,)) and not {"in-flight", "queue-wait", "cpu"} & scaling.keys():
        scaling["in-flight"] = 8
    return scaling


def _surrounded(_: Drawing, __: st.DrawFn, serving: dict[str, Any]) -> dict[str, Any]:
    """Somebody who answers where the model is left alone, and memory for what is old."""
    if "breaker" in serving:
        serving.setdefault("fallback", ["smaller"])
    if "cached" in serving.get("fallback", ()):
        serving.setdefault("cache", {})["memory"] = "32Mi"
    return serving


def _cached(_: Drawing, __: st.DrawFn, cache: dict[str, Any]) -> dict[str, Any]:
    return cache if {"memory", "shared"} & cache.keys() else {**cache, "memory": "1Mi"}


def _ordered(_: Drawing, __: st.DrawFn, nodes: dict[str, Any]) -> dict[str, Any]:
    three = sorted(nodes.get(key, usual) for key, usual in (("min", 2), ("size", 2), ("max", 4)))
    return {**nodes, **dict(zip(("min", "size", "max"), three, strict=True))}


MENDS: dict[str, Mend] = {
    "Gateway": _gated,
    "Tokens": _signed,
    "Settings": _whole,
    "Mix": _mixed,
    "Pool": _pooled,
    "Model": _served,
    "Serving": _surrounded,
    "Cache": _cached,
    "Scaling": _scaled,
    "SystemNodes": _ordered,
    "infra__settings__capacity__Budget": _windowed,
}


ODD_WORDS: dict[str, st.SearchStrategy[Any]] = {
    "Instances.sizes[]": st.sampled_from(["large", "xlarge", "12xlarge", "48xlarge", "huge"]),
    "Gpu.models": st.sampled_from(
        ["l4", "l40s", "h100", "inferentia2", "l5", "l4 a10g", "l4 inferentia2", "inferentia2 l40s"]
    ).map(str.split),
    "Gpu.count": st.sampled_from([1, 3, 8]),
    "Limits.cpu": st.sampled_from(["40000", "40000", 12, "1500m"]),
    "Limits.memory": st.sampled_from(["90Ti", "4Gi"]),
    "Limits.gpus": st.sampled_from([640, 1]),
    "Resources.cpu": st.sampled_from([1, "4", 200]),
    "Resources.memory": st.sampled_from(["1Gi", "30Gi", "3Ti"]),
    "Resources.gpus": st.integers(0, 2),
}
"""Names that nobody sells, and amounts that fit nowhere."""


def _anywhere(draw: st.DrawFn, whole: dict[str, Any]) -> None:
    """Models on any pool, or on one that there is not, with as many accelerators as it comes."""
    for model in _models(whole):
        model["pool"] = draw(st.sampled_from(["cpu", *_pools(whole), "gone"]))
        model["resources"]["gpus"] = draw(ODD_WORDS["Resources.gpus"])


def _nowhere(_: st.DrawFn, whole: dict[str, Any]) -> None:
    """Models that name no pool."""
    for model in _models(whole):
        model["resources"].pop("gpus", None)
        model.pop("pool", None)


def _for_others(draw: st.DrawFn, whole: dict[str, Any]) -> None:
    """Pools that are for something else than the models on them."""
    for pool in _pools(whole).values():
        pool["for"] = draw(st.sampled_from(["batch", "system", ["batch", "training"]]))


def _elsewhere(draw: st.DrawFn, whole: dict[str, Any]) -> None:
    """Zones that there are not, that EKS does not take, and that do not sell what the pools buy."""
    network = _section(whole, "network")
    if network is not None:
        network["zones"] = [f"{whole['aws:region']}{letter}" for letter in draw(st.sampled_from(["ez", "ez", "aez"]))]
    for pool in _pools(whole).values():
        pool["instances"] = {"families": ["m7i"]}


def _moved(_: st.DrawFn, whole: dict[str, Any]) -> None:
    """A cluster that exists, for which nothing is bought."""
    _with(whole, "cluster", {"context": "somewhere"})


def _without_pools(draw: st.DrawFn, whole: dict[str, Any]) -> None:
    """The same, and models that still ask for what only pools have."""
    _moved(draw, whole)
    _with(whole, "capacity", {})
    for model in _models(whole):
        model["resources"]["gpus"] = draw(ODD_WORDS["Resources.gpus"])


WAYS = (_anywhere, _nowhere, _for_others, _elsewhere, _moved, _without_pools)
"""What goes wrong with a whole stack, as only the catalog or its pools can tell."""


def _pools(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return _section(config, "capacity") or {}


def _models(config: dict[str, Any]) -> Collection[dict[str, Any]]:
    return (_section(config, "models") or {}).values()


def _astray(drawing: Drawing, draw: st.DrawFn, config: dict[str, Any]) -> dict[str, Any]:
    """A whole stack with which a few things went wrong, or none; now and then without what it needs in AWS."""
    if draw(SELDOM):
        return config
    whole = _whole(drawing, draw, config)
    for way in draw(st.lists(st.sampled_from(WAYS), max_size=3, unique=True)):
        way(draw, whole)
    return whole


def _as_it_came(_: Drawing, draw: st.DrawFn, pool: dict[str, Any]) -> dict[str, Any]:
    """A pool that the schema is content with: with a limit, and some of it committed."""
    alone = draw(st.sampled_from(["gpu", "families", ""]))
    if alone in pool.get("instances", {}):
        pool["instances"] = {alone: pool["instances"][alone]}
    if "gpu" not in pool.get("instances", {}) and not draw(SELDOM):
        pool["limits"].pop("gpus", None)
    if not pool["limits"]:
        pool["limits"]["cpu"] = draw(ODD_WORDS["Limits.cpu"])
    if "committed" in pool["mix"]:
        pool["mix"]["committed"] = {"cpu": draw(st.sampled_from([2, 400, 50_000]))}
    if isinstance(pool["for"], list) and "system" in pool["for"]:
        pool["for"] = "system"
    return pool


ODD = {"Settings": _astray, "Pool": _as_it_came}
DRAWN = Drawing(SCHEMA, Vocabulary(words=WORDS, mends=MENDS))
STRANGE = Drawing(SCHEMA, Vocabulary(words={**WORDS, **ODD_WORDS}, mends={**MENDS, **ODD}))
PLAIN = Drawing(SCHEMA, Vocabulary())
configurations = st.sampled_from((DRAWN, DRAWN, DRAWN, STRANGE, STRANGE, PLAIN)).flatmap(
    lambda drawing: drawing.part("Settings")
)
"""The `config` of a stack file: half of them as they should be, a third odd, the rest of the schema alone."""
