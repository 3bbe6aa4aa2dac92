"""Live: a camera in, a virtual camera or a stream out, for hours. One engine that the command and the daemon run."""

import logging

#: Without a word from the program, events are for those who subscribe to them.
logging.getLogger(__name__).addHandler(logging.NullHandler())
