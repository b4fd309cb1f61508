"""One small daemon per instance, owner of every process it started; asked over a socket."""
