"""The offline kubernetes plugin: the official one's behaviour, for the kinds that this program uses."""
