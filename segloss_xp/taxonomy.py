"""All losses, family by family."""

from segloss_xp import boundary, calibration, compound, distribution, region, topology
from segloss_xp._entry import Entry

#: What the losses of each family measure.
FAMILIES = {
    "distribution": "the label of each voxel",
    "region": "the overlap of regions",
    "boundary": "the distance to surfaces",
    "compound": "several of these together",
    "topology": "how regions lie and hang together",
    "calibration": "how sure a prediction is",
}


def losses(family: str | None = None) -> tuple[Entry, ...]:
    """
    List the losses: name, family, formula, source, year, parameters of each.

    Parameters
    ----------
    family : str, optional
        One of `segloss_xp.taxonomy.FAMILIES`; all by default.

    Returns
    -------
    tuple of Entry
        In the order of the families.

    Raises
    ------
    ValueError
        If there is no such family.

    Examples
    --------
    >>> import segloss_xp as sx
    >>> dice = next(each for each in sx.losses("region") if each.loss is sx.DiceLoss)
    >>> dice.formula
    '1 − 2Σpg / (Σp + Σg)'
    >>> dice.year
    2016
    """
    if family is not None and family not in FAMILIES:
        raise ValueError(f"expected one of the families {tuple(FAMILIES)}, got {family!r}")
    packages = distribution, region, boundary, compound, topology, calibration
    entries = (entry for package in packages for entry in package.LOSSES)
    return tuple(each for each in entries if family in (None, each.family))
