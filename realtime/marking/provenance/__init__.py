"""Signed provenance: what was done to a file, by which program and model, with whose consent, as a C2PA manifest.

The manifest (C2PA 2.x, written and checked by the standard's own library) sits in MP4 and MOV files themselves and
beside all others, in ``OUTPUT.c2pa``. ``sign`` writes it, ``verify`` reads it back and looks for the watermark.
"""
