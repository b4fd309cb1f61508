import pulumi, pulumi_kubernetes as k8s
p = k8s.Provider("cluster", context="slipway-local")
ns = k8s.core.v1.Namespace("models", metadata={"name":"models"}, opts=pulumi.ResourceOptions(provider=p))
d = k8s.apps.v1.Deployment("web", metadata={"namespace": ns.metadata["name"]}, spec={"replicas": 3, "selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "localhost/slipway/pause:1"}]}}}, opts=pulumi.ResourceOptions(provider=p))
pulumi.export("name", d.metadata["name"])
