"""Training, in the backend only: three kinds of models in one frame.

* The frame: ``inner`` folds in ``outer`` ones, ``export`` to ONNX, ``updating`` with new samples.
* The ``hybrid``: krigings with learned drifts, of networks (``training``) and of ``forests``, by ``stacking``.
* The ``network`` by name: an ``architectures`` entry made of ``layers``, its ``network_inputs``, ``search`` and
  ``self_evaluation``; ``graph`` trains all ``ensembles`` of a kind at once.
* The ``pretrained`` correction of a mixture of ``members``, whose network ``pretraining`` makes from simulated sites.
"""
