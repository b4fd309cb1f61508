"""From settings to what is made in AWS below the cluster. Pure: no Pulumi, no files."""
