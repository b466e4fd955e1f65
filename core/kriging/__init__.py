"""Kriging of any drift in one covariance-form system.

* What is estimated and from what: ``functionals`` (values, blocks, slopes), ``neighborhood`` and ``restricted`` ones,
  ``covariance``, ``drift`` with ``trend`` and ``local_drift``.
* How: ``ordinary`` holds the fitted kriging and asks the ``system`` of all samples or the ``moving`` one; ``gradient``
  differentiates either. Rasters have shorter ways to the same numbers: ``tiles``, ``reduction``, ``far_samples``.
* What comes of it: ``estimate``, ``back_transform``, ``log_blocks``; ``left_out`` and ``cross_validation`` of samples,
  ``joint_errors`` of several places.
* Files named after numba are compiled twins of these, reached by ``compiled`` alone; each names the road it repeats.
"""
