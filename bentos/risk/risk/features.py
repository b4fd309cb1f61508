"""What is measured of a case, for everything that handles one; the names are the data set's."""

from __future__ import annotations

from typing import Annotated

import msgspec

Measure = Annotated[float, msgspec.Meta(ge=0, le=100_000)]
"""In the units of the data set: pixels and their squares, or shares."""


class Case(msgspec.Struct, forbid_unknown_fields=True):
    """The nuclei of one aspirate: of each of ten features its mean, its standard error, and its worst."""

    mean_radius: Measure
    mean_texture: Measure
    mean_perimeter: Measure
    mean_area: Measure
    mean_smoothness: Measure
    mean_compactness: Measure
    mean_concavity: Measure
    mean_concave_points: Measure
    mean_symmetry: Measure
    mean_fractal_dimension: Measure
    radius_error: Measure
    texture_error: Measure
    perimeter_error: Measure
    area_error: Measure
    smoothness_error: Measure
    compactness_error: Measure
    concavity_error: Measure
    concave_points_error: Measure
    symmetry_error: Measure
    fractal_dimension_error: Measure
    worst_radius: Measure
    worst_texture: Measure
    worst_perimeter: Measure
    worst_area: Measure
    worst_smoothness: Measure
    worst_compactness: Measure
    worst_concavity: Measure
    worst_concave_points: Measure
    worst_symmetry: Measure
    worst_fractal_dimension: Measure


FEATURES: tuple[str, ...] = Case.__struct_fields__
"""In the order of the columns."""
