"""The net that says what of a face is visible: generated things in front of faces, a net, its training and its file."""
