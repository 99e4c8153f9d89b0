"""Audio in, text out: decoding of wire and file formats, resampling, voice activity, streaming recognition.

Importing the package loads no model and no heavy library; the recogniser's processes do that when they start.
"""
