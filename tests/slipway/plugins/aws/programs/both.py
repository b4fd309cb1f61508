"""A program that needs both resource plugins."""

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

run = pulumi.Config("t").require("run")
aws.sqs.Queue("queue", name=f"queue-{run}")
kubernetes.core.v1.ConfigMap("colours", metadata={"namespace": "default"}, data={"sky": "blue"})
