"""Spatial structure: experimental variograms, models, fitting.

* What is seen: ``pairs`` and ``direction`` of lags make the table of ``experimental`` and the ``cloud``.
* What it is taken for: ``models`` (``shaped`` ones apart), in ``anisotropy`` frames, ``tilted`` ones in 3-D; ``file``.
* How it is found, in ``fitting`` by ``fit_options``: ``least_squares_candidates``, then ``likelihood_candidates``,
  which climb ``likelihood`` over a ``trial``, ``whitening`` the samples; ``leave_one_out`` scores ``candidates``,
  ``choice`` takes one, and ``between_holes`` moves it where holes are predicted from holes.
* What is said of it: ``remarks``, ``agreement`` with other samples, ``report`` and ``experimental_report``.
"""
