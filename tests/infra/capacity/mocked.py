"""Makes the components of a few pools under Pulumi's mocks, in a process of its own; tells what they registered."""

import json
import sys
from typing import Any


def main() -> None:
    import pulumi  # noqa: PLC0415  # only in the process of its own
    from pulumi.runtime.mocks import MockMonitor  # noqa: PLC0415

    class Mocks(pulumi.runtime.Mocks):
        def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
            return f"{args.name}-id", dict(args.inputs)

        def call(self, args: pulumi.runtime.MockCallArgs) -> Any:
            raise AssertionError(args.token)

    found: dict[str, dict[str, Any]] = {}

    class Monitor(MockMonitor):
        def RegisterResource(self, request: Any) -> Any:  # noqa: N802  # gRPC's name
            response = super().RegisterResource(request)  # type: ignore[no-untyped-call]
            found[f"{request.type}::{request.name}"] = {
                "parent": request.parent.split("::")[-1],
                "waits for": sorted(each.split("::")[-1] for each in request.dependencies),
                "replaced on": [*request.replaceOnChanges] if request.deleteBeforeReplace else [],
                "delete": request.customTimeouts.delete,
                "inputs": self.resources[response.urn].state if response.urn in self.resources else {},
            }
            return response

    mocks = Mocks()
    pulumi.runtime.set_mocks(mocks, project="slipway", stack="test", preview=False, monitor=Monitor(mocks))

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def program() -> None:
        from pulumi_kubernetes import Provider  # noqa: PLC0415

        from infra.addons.build import build as build_addons  # noqa: PLC0415
        from infra.addons.planning import plan as plan_addons  # noqa: PLC0415
        from infra.addons.values import Surroundings  # noqa: PLC0415
        from infra.capacity.build import build as build_capacity  # noqa: PLC0415
        from infra.models.planning import plan as plan_models  # noqa: PLC0415
        from infra.models.service import ModelService  # noqa: PLC0415
        from tests.infra.capacity.builders import CPU, GPU, model, planned, stack  # noqa: PLC0415

        plan = planned(cpu=CPU, gpu=GPU)
        provider = Provider("cluster", context="c")
        opts = pulumi.ResourceOptions(providers=[provider])
        around = Surroundings(cluster=pulumi.Output.from_input("c"), endpoint="e", region="r", vpc="v", queue="q")
        addons = build_addons(plan_addons(plan, around), opts=opts)
        after = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=addons))
        pools = build_capacity(plan, cluster=pulumi.Output.from_input("c"), node_role="r", opts=after)
        placed = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=pools))
        assert build_capacity(planned(), cluster="c", node_role="r", opts=after) == []
        models = {
            "digits": model("cpu", replicas=5),
            "llm": model("gpu", resources={"cpu": 1, "memory": "1Gi", "gpus": 1}),
        }
        for spec in plan_models(stack({"cpu": CPU, "gpu": GPU}, models), {}, plan):
            ModelService(spec.name, spec=spec, opts=placed)

    program()
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
