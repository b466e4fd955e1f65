"""Truth: numbers published in books and computed by R's gstat and GSLIB's kt3d."""

import numpy as np
import pytest
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood
from hybrid_geostatistics.core.kriging.ordinary import fit_kriging
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel
from numpy.testing import assert_allclose

ISAAKS = np.array(
    [(61, 139, 477), (63, 140, 696), (64, 129, 227), (68, 128, 646), (71, 140, 606), (73, 141, 791), (75, 128, 783)],
    dtype=float,
)
# tests/data/gstat_vectors.R prints what is called gstat here; 12 digits, hence the tolerance.
GSTAT = {"rtol": 1e-9}
TARGETS = np.array([(181180, 333740), (180580, 332500), (180260, 331300), (179660, 330340)], dtype=float)
TARGET_DIST = np.array([0.0, 0.0921598, 0.7716870, 0.2227260])
MEUSE_MODEL = VariogramModel(0.05, (Structure("spherical", 0.59, 897.0),))
# The samples of PyKrige's 3-D test (BSD-3-Clause).
CUBE = np.array(
    [
        (2.40, 3.80, 5.93, 12.13), (6.83, 6.83, 5.36, 19.03), (3.01, 9.71, 0.87, 13.59), (8.00, 1.01, 0.76, 9.78),
        (6.03, 1.23, 0.79, 8.06), (5.73, 9.77, 7.19, 22.69), (2.99, 3.78, 2.59, 9.36), (0.11, 1.43, 5.95, 7.49),
        (3.38, 3.82, 2.20, 9.40), (4.42, 5.67, 9.52, 19.61),
    ]
)  # fmt: skip


def linear(slope, nugget):
    """Return gamma = slope h + nugget as the foot of a spherical model far wider than any lag here."""
    width = 1e7
    return VariogramModel(nugget, (Structure("spherical", slope * width / 1.5, width),))


@pytest.mark.parametrize("neighborhood", [Neighborhood(), Neighborhood(max_neighbors=7)], ids=["all", "moving"])
@pytest.mark.parametrize(
    ("model", "estimate", "variance"),
    [
        (VariogramModel(0.0, (Structure("exponential", 10.0, 10.0),)), 592.7289428, 8.956052789),
        (VariogramModel(0.0, (Structure("exponential", 20.0, 10.0),)), 592.7289428, 17.912105578),
        (VariogramModel(5.0, (Structure("exponential", 5.0, 10.0),)), 596.777, 10.30585),
        (VariogramModel(0.0, (Structure("exponential", 10.0, 20.0),)), 572.3899, 5.7585),
        (VariogramModel(0.0, (Structure("gaussian", 10.0, 10.0),)), 559.370, 4.7806),
    ],
    ids=["book", "sill", "nugget", "range", "shape"],
)
def test_isaaks_and_srivastava_chapter_12(model, estimate, variance, neighborhood):
    # Isaaks & Srivastava (1989), An Introduction to Applied Geostatistics; more digits from gstat.
    result = fit_kriging(ISAAKS[:, :2], ISAAKS[:, 2], model, neighborhood).predict([[65.0, 137.0]])
    assert_allclose(result.estimate, estimate, rtol=1e-6)
    assert_allclose(result.kriging_variance, variance, rtol=1e-5)
    assert result.n_neighbors == [7]


def test_isaaks_and_srivastava_weights():
    kriging = fit_kriging(ISAAKS[:, :2], ISAAKS[:, 2], VariogramModel(0.0, (Structure("exponential", 10.0, 10.0),)))
    weights, multiplier = kriging.weights([[65.0, 137.0]])
    assert_allclose(weights[0], [0.1729, 0.3178, 0.1287, 0.0864, 0.1511, 0.0572, 0.0858], atol=5e-5)
    assert_allclose(multiplier, [-0.9066], atol=5e-5)


def test_isaaks_and_srivastava_samples_with_a_linear_drift():
    kriging = fit_kriging(
        ISAAKS[:, :2],
        ISAAKS[:, 2],
        VariogramModel(0.0, (Structure("exponential", 10.0, 10.0),)),
        drift=ISAAKS[:, :2],
    )
    result = kriging.predict([[65.0, 137.0]], drift=[[65.0, 137.0]])
    assert_allclose([result.estimate[0], result.kriging_variance[0]], [567.6621085, 9.038283428], **GSTAT)


def test_kitanidis_example_3_2():
    # Kitanidis (1997), Introduction to Geostatistics; digits as PyKrige tests them.
    kriging = fit_kriging([(9.7, 47.6), (43.8, 24.6)], [1.22, 2.822], linear(0.006, 0.1))
    result = kriging.predict([(18.8, 67.9), (43.8, 24.6)])
    assert_allclose(result.estimate, [1.63639007, 2.822], rtol=1e-8)
    assert_allclose(result.kriging_variance, [0.42009945, 0.0], rtol=1e-7)


def test_meuse_with_all_samples(meuse):
    coordinates, zinc, _ = meuse
    targets = [(181180, 333740), (181140, 333700), (179660, 331860)]
    result = fit_kriging(coordinates, zinc, MEUSE_MODEL).predict(targets)
    assert_allclose(result.estimate, [6.499876613, 6.62272945, 5.566117756], **GSTAT)
    assert_allclose(result.kriging_variance, [0.3186776128, 0.2509313899, 0.1630654124], **GSTAT)


@pytest.mark.parametrize(
    ("model", "neighborhood", "estimate", "variance"),
    [
        (
            MEUSE_MODEL,
            Neighborhood(max_neighbors=20),
            [6.54710967621, 6.47237679090, 4.85087925377, 5.25097882748],
            [0.343460446272, 0.134823387891, 0.192231934693, 0.208849856708],
        ),
        (
            MEUSE_MODEL,
            Neighborhood(search_radius=400.0),
            [6.56030006659, 6.47059752719, 4.85686822778, 5.12302154916],
            [0.353476008663, 0.134856037523, 0.193213437949, 0.214790640157],
        ),
        (
            # gstat's range parameters are 1/3 of the exponential's and 1/sqrt(3) of the gaussian's effective range.
            VariogramModel(
                0.05, (Structure("exponential", 0.3, 900.0), Structure("gaussian", 0.3, 200.0 * np.sqrt(3.0)))
            ),
            Neighborhood(),
            [6.32893847975, 6.50891921298, 4.87439006510, 5.29558882922],
            [0.478239087934, 0.150277995894, 0.287124221541, 0.314279732728],
        ),
        (
            VariogramModel(0.05, (Structure("spherical", 0.59, 1200.0, azimuth=45.0, ratio_minor=0.4),)),
            Neighborhood(),
            [6.65664143543, 6.33798399297, 4.81468106800, 5.11729834638],
            [0.287713356890, 0.174586941865, 0.210009510022, 0.212507789154],
        ),
    ],
    ids=["nearest 20", "within 400 m", "nested", "anisotropic"],
)
def test_meuse_against_gstat(meuse, model, neighborhood, estimate, variance):
    coordinates, zinc, _ = meuse
    result = fit_kriging(coordinates, zinc, model, neighborhood).predict(TARGETS)
    assert_allclose(result.estimate, estimate, **GSTAT)
    assert_allclose(result.kriging_variance, variance, **GSTAT)


@pytest.mark.parametrize("neighborhood", [Neighborhood(), Neighborhood(max_neighbors=155)], ids=["all", "moving"])
def test_meuse_with_the_distance_to_the_river_as_drift(meuse, neighborhood):
    coordinates, zinc, root_distance = meuse
    model = VariogramModel(0.0674, (Structure("spherical", 0.149, 700.0),))
    kriging = fit_kriging(coordinates, zinc, model, neighborhood, drift=root_distance)
    result = kriging.predict(TARGETS, drift=np.sqrt(TARGET_DIST))
    assert_allclose(result.estimate, [7.05104522896, 6.30082046919, 4.88636541053, 5.37481573138], **GSTAT)
    assert_allclose(result.kriging_variance, [0.166534332287, 0.105352413886, 0.124446025646, 0.131491365999], **GSTAT)


def test_meuse_leave_one_out(meuse):
    coordinates, zinc, _ = meuse
    left_out = fit_kriging(coordinates, zinc, MEUSE_MODEL).leave_one_out()
    error = zinc - left_out.estimate
    assert_allclose(error.mean(), -1.256e-05, rtol=1e-3)
    assert_allclose(np.sqrt(np.mean(error**2)), 0.3917494741, **GSTAT)
    assert_allclose(np.abs(error).mean(), 0.2921010805, **GSTAT)
    assert_allclose(np.mean(error**2 / left_out.kriging_variance), 0.8227633, rtol=1e-6)
    assert_allclose(np.mean(np.abs(error) <= 1.959964 * left_out.kriging_std), 0.96774, rtol=1e-5)


@pytest.mark.parametrize(
    ("angles_and_ratios", "estimate", "variance"),
    [
        ({}, [14.9366137991, 8.2070510829], [9.42186842915, 11.45785636494]),
        (
            {"azimuth": 30.0, "ratio_minor": 0.5, "ratio_vertical": 0.25},
            [15.8770391223, 11.4570860094],
            [15.7495896979, 18.6708759872],
        ),
        (
            # gstat counts the dip upward.
            {"azimuth": 30.0, "dip": -10.0, "ratio_minor": 0.5, "ratio_vertical": 0.25},
            [16.8062567086, 11.9937404471],
            [14.8447460468, 21.7758022268],
        ),
        (
            {"azimuth": 30.0, "dip": -10.0, "plunge": 20.0, "ratio_minor": 0.5, "ratio_vertical": 0.25},
            [16.4847704914, 11.6486693330],
            [14.2613292109, 19.8732350659],
        ),
    ],
    ids=["isotropic", "azimuth", "dip", "plunge"],
)
def test_anisotropy_in_3d_against_gstat(angles_and_ratios, estimate, variance):
    model = VariogramModel(1.0, (Structure("spherical", 25.0, 12.0, **angles_and_ratios),))
    result = fit_kriging(CUBE[:, :3], CUBE[:, 3], model).predict([(5.0, 5.0, 5.0), (1.0, 2.0, 3.0)])
    assert_allclose(result.estimate, estimate, **GSTAT)
    assert_allclose(result.kriging_variance, variance, **GSTAT)


def test_kt3d_in_3d():
    # GSLIB's kt3d (test3d_answer.txt of PyKrige); three decimals, at five of 1,000 nodes, east fastest.
    cells = np.array([0, 123, 555, 777, 999])
    targets = np.column_stack([cells % 10, cells // 10 % 10, cells // 100]).astype(float)
    result = fit_kriging(CUBE[:, :3], CUBE[:, 3], linear(1.0, 0.1)).predict(targets)
    assert_allclose(result.estimate, [5.966, 7.495, 14.926, 20.332, 22.224], rtol=1e-3)
    assert_allclose(result.kriging_variance, [7.603, 3.063, 2.637, 2.393, 6.115], rtol=1e-3)
