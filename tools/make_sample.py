"""Write the Meuse sample as a GeoPackage and GeoTIFFs from the CSV files of R's package sp.

``tools/make_sample`` runs this with the system's Python, which has GDAL.
The same input gives the same bytes with the same GDAL.
"""

import csv
import sys
from pathlib import Path

import numpy as np
from osgeo import gdal, ogr, osr

CRS = 28992  # Amersfoort / RD New
CELL = 40.0  # metres
NUMBERS = ("cadmium", "copper", "lead", "zinc", "elev", "om")
COVARIATES = {
    "dist": (gdal.GDT_Float32, -1.0, "distance to the river Meuse, scaled to 0..1"),
    "ffreq": (gdal.GDT_Byte, 0, "flooding frequency class: 1 once in 2 years, 2 once in 10, 3 once in 50"),
    "soil": (gdal.GDT_Byte, 0, "soil type: 1 Rd10A, 2 Rd90C-VII, 3 Bkd26-VII"),
}

gdal.UseExceptions()
gdal.SetConfigOption("OGR_CURRENT_DATE", "2024-01-01T00:00:00.000Z")  # else the file changes with the clock


def read(path: Path) -> list:
    with open(path, newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def reference_system() -> osr.SpatialReference:
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(CRS)
    return crs


def write_points(rows: list, path: Path) -> None:
    path.unlink(missing_ok=True)
    source = ogr.GetDriverByName("GPKG").CreateDataSource(str(path))
    layer = source.CreateLayer("meuse", reference_system(), ogr.wkbPoint, ["DESCRIPTION=Meuse topsoil samples"])
    for name in NUMBERS:
        layer.CreateField(ogr.FieldDefn(name, ogr.OFTReal))
    layer.CreateField(ogr.FieldDefn("landuse", ogr.OFTString))
    for row in rows:
        feature = ogr.Feature(layer.GetLayerDefn())
        for name in NUMBERS:
            if row[name]:
                feature.SetField(name, float(row[name]))
        if row["landuse"]:
            feature.SetField("landuse", row["landuse"])
        point = ogr.Geometry(ogr.wkbPoint)
        point.AddPoint_2D(float(row["x"]), float(row["y"]))
        feature.SetGeometry(point)
        layer.CreateFeature(feature)


def write_raster(rows: list, name: str, folder: Path) -> None:
    data_type, nodata, description = COVARIATES[name]
    easting = np.array([float(row["x"]) for row in rows])
    northing = np.array([float(row["y"]) for row in rows])
    column = ((easting - easting.min()) / CELL).round().astype(int)
    line = ((northing.max() - northing) / CELL).round().astype(int)
    values = np.full((line.max() + 1, column.max() + 1), nodata, dtype=float)
    values[line, column] = [float(row[name]) for row in rows]

    raster = gdal.GetDriverByName("GTiff").Create(
        str(folder / f"{name}.tif"), values.shape[1], values.shape[0], 1, data_type, ["COMPRESS=DEFLATE", "PREDICTOR=1"]
    )
    # The file gives cell centres; a raster starts at the corner of its first cell.
    raster.SetGeoTransform((easting.min() - CELL / 2, CELL, 0, northing.max() + CELL / 2, 0, -CELL))
    raster.SetProjection(reference_system().ExportToWkt())
    band = raster.GetRasterBand(1)
    band.SetNoDataValue(nodata)
    band.SetDescription(name)
    raster.SetMetadataItem("TIFFTAG_IMAGEDESCRIPTION", description)
    band.WriteArray(values)
    raster = None


def main() -> None:
    source, folder = Path(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    write_points(read(source / "meuse.csv"), folder / "meuse.gpkg")
    grid = read(source / "meuse_grid.csv")
    for name in COVARIATES:
        write_raster(grid, name, folder)


main()
