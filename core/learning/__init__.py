"""Training, in the backend only: three kinds of models in one frame.

* The frame: ``inner`` folds in ``outer`` ones, ``export`` to ONNX, ``updating`` with new samples.
* The ``hybrid``: of a ``hybrid_problem`` ``learned_drifts``, by networks (``training``) and ``forests``, and
  ``hybrid_bases``, krigings with and without them, weighed by ``stacking``.
* The ``network`` by name: an ``architectures`` entry made of ``layers``, its ``network_inputs``, ``search`` and
  ``self_evaluation``; ``graph`` trains all ``ensembles`` of a kind at once.
* The ``pretrained`` correction of a mixture of ``members``, whose network ``pretraining`` makes from simulated sites.
"""
