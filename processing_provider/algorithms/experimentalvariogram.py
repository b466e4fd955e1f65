"""A look at spatial structure before a model is fitted: lags, directions, map and cloud."""

from __future__ import annotations

from ...core.errors import InputError
from ...core.progress import part
from ...core.transforms import Transform
from ...core.variogram.cloud import variogram_cloud, variogram_map
from ...core.variogram.direction import Direction
from ...core.variogram.experimental import LAG_SCHEMES, experimental_variogram
from ...core.variogram.experimental_report import experimental_page, remarks, variogram_table
from ..base import Algorithm, AlgorithmSpec, Group
from ..identity import tr
from ..parameters.kinds import distance, optional_text, real_number, static_enum, whole_number, with_help
from ..parameters.outputs import file_output, numbers, report_output
from ..parameters.samples import input_field, input_samples, transform
from ..parameters.validation import seed
from ..parameters.variograms import estimator, largest_lag


class ExperimentalVariogram(Algorithm):
    """Computes semivariances by lag and direction; fits nothing."""

    spec = AlgorithmSpec(
        "experimentalvariogram",
        lambda: tr("Experimental variogram"),
        Group.VARIOGRAPHY,
        lambda: tr("Shows how samples differ with distance and direction: lags, variogram map and cloud."),
        inputs=lambda: [
            input_samples(),
            input_field(),
            transform(estimates=False),
            with_help(
                whole_number("N_LAGS", tr("Number of lags"), 15, 1, 200),
                tr("Distance classes of the variogram."),
            ),
            largest_lag(),
            with_help(
                optional_text("AZIMUTH", tr("Azimuths")),
                tr(
                    "Directions in degrees clockwise from north, separated by semicolons, like 0;45;90;135. Empty: all "
                    "directions together, which are always computed."
                ),
            ),
            with_help(
                real_number("DIP", tr("Dip"), 0.0, -90.0, 90.0),
                tr(
                    "Of these directions, in degrees downward from the horizontal. Needs samples with elevations. At "
                    "90 and -90 they are vertical: the azimuth does not count, but one has to be given."
                ),
                advanced=True,
            ),
            with_help(
                real_number("TOLERANCE", tr("Tolerance"), 22.5, 0.0, 90.0),
                tr("Degrees to either side of a direction that still belong to it, in azimuth and in dip; above 0."),
            ),
            with_help(
                distance("BANDWIDTH", tr("Bandwidth"), "INPUT"),
                tr(
                    "Largest distance of a pair's second sample from the line through the first one in the direction, "
                    "in map units. Empty: no limit."
                ),
                advanced=True,
            ),
            estimator(),
            with_help(
                static_enum("LAG_SCHEME", tr("Lag scheme"), LAG_SCHEMES, "equal_width"),
                tr("equal_width: lags as wide as each other. equal_counts: lags with as many pairs as each other."),
                advanced=True,
            ),
            with_help(
                optional_text("LAG_EDGES", tr("Ends of the lags")),
                tr(
                    "Upper ends of the lags in map units, separated by semicolons, ascending. Take the place of number "
                    "of lags, largest lag and lag scheme."
                ),
                advanced=True,
            ),
            seed(tr("Where there are too many pairs to take all: the same seed takes the same share of them.")),
        ],
        outputs=lambda: [
            file_output(
                "OUTPUT",
                tr("Table"),
                "CSV (*.csv *.CSV)",
                tr("CSV file, one row a lag and direction, with semivariance and number of pairs."),
            ),
            report_output(
                tr("Experimental variogram report"),
                tr("Page with the variograms by direction, the variogram map and the cloud of pairs."),
            ),
            *numbers(
                N=tr("Number of samples"),
                N_PAIRS=tr("Pairs up to the largest lag"),
                VARIANCE=tr("Variance of the values, on the scale of the transform"),
            ),
        ],
        tags=("variogram", "semivariogram", "variography", "anisotropy", "cloud", "directions"),
    )

    def compute(self, read, progress, is_cancelled):
        """Compute all directions together, each direction, map and cloud."""
        azimuths = numbers_in(read.text("AZIMUTH"), tr("azimuths"))
        edges = numbers_in(read.text("LAG_EDGES"), tr("ends of the lags"))
        directions = [
            Direction(azimuth, read.number("DIP"), read.number("TOLERANCE"), read.number("BANDWIDTH") or None)
            for azimuth in azimuths
        ]
        if read.number("DIP") and not directions:
            raise InputError(tr("A dip needs an azimuth: enter at least one, or leave the dip at 0."))
        samples = read.samples(elevations=True)
        chosen = Transform(read.choice("TRANSFORM")).fitted(samples.values[:, 0], samples.targets[0])
        values = chosen.forward(samples.values[:, 0], samples.targets[0])
        found = []
        for index, direction in enumerate([None, *directions]):
            progress(index / (len(directions) + 3), tr("Computing the variogram"))
            found.append(
                experimental_variogram(
                    samples.coordinates,
                    values,
                    n_lags=read.whole("N_LAGS"),
                    max_lag=read.number("MAX_LAG") or None,
                    estimator=read.choice("ESTIMATOR"),
                    lag_scheme=read.choice("LAG_SCHEME"),
                    edges=edges or None,
                    direction=direction,
                    seed=read.whole("SEED"),
                    progress=part(progress, index / (len(directions) + 3), (index + 1) / (len(directions) + 3)),
                    is_cancelled=is_cancelled,
                )
            )
        for remark in remarks(found[0], found[1:]):
            read.feedback.pushWarning(remark)
        results = {
            "OUTPUT": variogram_table(found),
            "N": len(samples),
            "N_PAIRS": int(found[0].pair_counts.sum()),
            "VARIANCE": float(values.var(ddof=1)),
        }
        if "OUTPUT_HTML" in read.staged_files:
            settings = {
                "max_lag": found[0].max_lag,
                "seed": read.whole("SEED"),
                "is_cancelled": is_cancelled,
            }
            start = 1 - 2 / (len(directions) + 3)
            progress(start, tr("Drawing map and cloud"))
            lag_map = variogram_map(
                samples.coordinates, values, progress=part(progress, start, (1 + start) / 2), **settings
            )
            cloud = variogram_cloud(
                samples.coordinates, values, progress=part(progress, (1 + start) / 2, 1.0), **settings
            )
            results["OUTPUT_HTML"] = experimental_page(
                found[0],
                found[1:],
                cloud,
                lag_map,
                field=samples.targets[0],
                values=values,
                scale=chosen.label,
                map_unit=read.map_unit(),
                provenance={**read.provenance(), "seed": read.whole("SEED")},
            )
        return results


def numbers_in(text: str, what: str) -> list[float]:
    """Return the numbers of a text, separated by semicolons, commas or blanks.

    Raises
    ------
    InputError
        For anything that is not a number.
    """
    words = text.replace(";", " ").replace(",", " ").split()
    try:
        return [float(word) for word in words]
    except ValueError as error:
        raise InputError(
            tr("Expected numbers separated by semicolons for the {what}, got {text!r}.").format(what=what, text=text)
        ) from error
