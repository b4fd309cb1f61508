"""From settings to what is made for a team as a whole. Pure: no Pulumi, no files."""
