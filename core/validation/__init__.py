"""Honest comparison: methods side by side on folds, everything fitted anew without what is held out.

* Held out: ``folds``, ``distance_matching``; ``components`` and ``gradients`` fitted inside each training fold.
* Predicted: ``predictive`` says what a method gives back, ``methods`` and ``random_forest`` are those without a
  network, ``intervals`` make errors of samples left out into intervals; ``comparison`` runs them, ``ablation`` without
  groups of covariates, too.
* Judged: ``scores`` and ``grade_classes`` with the ``bootstrap`` of clusters, below the ceiling of ``noise``;
  ``scoring`` puts them into ``results``, ``verdicts`` and ``conclusions``.
* Told: ``wording``, ``evidence``, ``comparison_report``, ``training_report``, ``ablation_report``.
"""
