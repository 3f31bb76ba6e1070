"""The seam between gateway and worker: a closed set of messages over a private socket."""
