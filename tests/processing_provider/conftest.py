"""What lets tests of the provider run: the provider itself, and a small world to run on."""

import gc
import importlib.util
from pathlib import Path

import pytest

if importlib.util.find_spec("qgis") is None:
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def world():
    """Return the module `world`, which makes layers and reads results."""
    spec = importlib.util.spec_from_file_location("world", Path(__file__).with_name("world.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def provider(qgis_app, qgis_processing):
    """Return the registered provider."""
    from hybrid_geostatistics.processing_provider.provider import HybridGeostatisticsProvider
    from qgis.core import QgsApplication

    provider = HybridGeostatisticsProvider()
    assert QgsApplication.processingRegistry().addProvider(provider)
    yield provider
    QgsApplication.processingRegistry().removeProvider(provider)
    # Tracebacks of refusals hold QGIS objects, which must go before QGIS does.
    gc.collect()


@pytest.fixture
def run(provider, qgis_new_project, world):
    """Return a function that runs an algorithm and returns its results and log."""
    import processing
    from qgis.core import QgsCoordinateReferenceSystem, QgsProject

    QgsProject.instance().setCrs(QgsCoordinateReferenceSystem("EPSG:3857"))

    def run(algorithm, parameters, feedback=None):
        log = feedback or world.Log()
        results = processing.run(f"hybridgeo:{algorithm}", parameters, feedback=log)
        return results, log

    return run


@pytest.fixture
def refused(run, world):
    """Return a function that runs an algorithm which must refuse, and returns everything it said."""
    from qgis.core import QgsProcessingException

    def refused(algorithm, parameters):
        log = world.Log()
        with pytest.raises(QgsProcessingException) as caught:
            run(algorithm, parameters, log)
        return f"{caught.value}\n{log.text}"

    return refused


@pytest.fixture
def samples(tmp_path, world):
    """Return the path of 40 samples with the field zinc."""
    coordinates, values = world.field_values()
    return world.write_points(tmp_path / "samples.gpkg", coordinates, {"zinc": values.tolist()})


@pytest.fixture
def variogram(tmp_path, world):
    """Return the path of a hand-written variogram file with nothing but what is required."""
    return world.write_variogram(tmp_path / "variogram.json")


@pytest.fixture
def slope(tmp_path, world):
    """Return the path of a raster that rises to the east, with a hole of nodata."""
    return world.write_raster(tmp_path / "slope.tif", world.slope_values(), nodata=-1e6)


@pytest.fixture
def template(tmp_path, world):
    """Return the path of a raster of non-square cells that is aligned to nothing else."""
    return world.write_raster(
        tmp_path / "template.tif",
        world.np.zeros((5, 3), "float32"),
        left=world.LEFT + 7.25,
        top=world.TOP - 11.5,
        cell=(41.0, 23.5),
    )


@pytest.fixture
def kriged(run, samples, variogram, template, tmp_path):
    """Return a function that kriges on the template and gives its results, as well as its log."""

    def kriged(**more):
        parameters = {"INPUT": samples, "FIELD": "zinc", "VARIOGRAM": variogram, "TEMPLATE": template,
                      "ESTIMATE": str(tmp_path / "e.tif"), "KRIGING_VARIANCE": str(tmp_path / "v.tif")}  # fmt: skip
        return run("ordinarykriging", {**parameters, **more})

    return kriged
