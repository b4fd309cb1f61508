"""What the AWS endpoint remembers and shows, but nothing here does: the table that the README points to."""

HELD: dict[str, str] = {
    "EKS clusters": "the API server is the instance's own; logging, encryption, access configuration, upgrade policy, "
    "zonal shift and deletion protection are remembered, and only the last has an effect",
    "EKS add-ons": "remembered; nothing is installed into the cluster, and any well-formed version is accepted",
    "EKS access entries and policies": "remembered; they grant nothing in the API server, and the creator gets none",
    "EKS pod identity associations": "remembered; no pod gets credentials by them",
    "managed node groups": "launch, scale and terminate instances; the Auto Scaling group is a name, update and repair "
    "configuration are remembered, and what is terminated from outside returns with the next update only",
    "EC2 instances": "running from the moment they are launched, with nothing in them",
    "EKS-optimised images": "names, dates and architectures of real releases; the ids are made from region and name",
    "capacity blocks and interruptible reservations": "a launch can ask for them; nothing sells them",
    "placement groups": "remembered; nothing is near anything",
    "instant fleets": "InstanceRequirements, SingleInstanceType, SingleAvailabilityZone, MinTargetCapacity, "
    "MaxTotalPrice and ClientToken are not modelled; all pools are equally deep until scarcity says otherwise",
    "images in ECR": "manifests, digests and tags; of a layer its digest and size, so nothing can be pulled, and an "
    "upload that a restart interrupts begins anew; nothing is scanned, and no lifecycle policy takes anything away",
    "registries of other accounts": "hold what `slipway up` has told of them: images of the stack file that were "
    "built on this machine; whether a repository's policy lets an account read is not looked at",
    "spot requests, spot fleets, Auto Scaling, fleets that are not instant": "moto's own: they follow neither prices "
    "nor scarcity",
    "VPC endpoints, flow logs": "remembered by moto; no packet goes through them, and nothing is logged",
}
"""Thing → what of it is real here."""
