"""Live: a camera in, a virtual camera or a stream out, for hours. One engine that the command and the daemon run."""
