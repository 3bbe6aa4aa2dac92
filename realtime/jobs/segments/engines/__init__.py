"""Who makes the segments of a job: this process, several of this machine, or a cluster."""
