"""Trained models as files, and what they predict, in numpy and onnxruntime alone.

``trained_model`` opens a file and its ``contract`` says of which kind it is: ``hybrid``, ``network_model`` or
``pretrained``, which is a ``mixture`` of krigings with a correction and a ``local_scale``. All kinds give the same
estimates and ``intervals`` to those who ask.
"""
