"""What is known of a location besides its place, never the value measured there.

* ``covariates`` as numbers, with their ``covariate_origins`` and ``covariate_groups``; ``spectra`` and ``gradients``,
  which are covariates made of many bands and of other fields.
* What networks read: ``neighbors`` with the average ``covariance`` to them, ``sequences`` of measured values,
  ``kriging_context`` of the pre-trained one.
* Where that may be believed: ``applicability``.
"""
