"""A map of chemical space: molecules with similar fingerprints lie close together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from chem.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COMPONENTS_FIRST = 50
_PERPLEXITY = 30.0
# Okabe & Ito (2008), each with a mark of its own: a reader without colours has the marks.
_MARKS = (
    ("#0072B2", "o"),
    ("#E69F00", "s"),
    ("#009E73", "^"),
    ("#CC79A7", "D"),
    ("#56B4E9", "v"),
    ("#D55E00", "P"),
    ("#000000", "X"),
)
_GREY = "#bbbbbb"


def chemical_space(
    molecules: np.ndarray | Sequence[str],
    *,
    method: Literal["tsne", "pca"] = "tsne",
    perplexity: float | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Lay molecules out in the plane: principal components, then t-SNE over the first fifty of them.

    The same molecules with the same seed give the same map, on any number of cores: one is used. In a t-SNE map neighbours mean something;
    distances between groups, and the directions of the axes, do not.

    Parameters
    ----------
    molecules
        Fingerprints (n_molecules, n_bits), or SMILES, of which Morgan fingerprints of radius 2 and 2048 bits
        are made.
    method
        'pca' stops after two principal components.
    perplexity
        Number of neighbours that t-SNE takes into account; 30, or a third of a small set, where not given.
    seed
        Seed of t-SNE.

    Returns
    -------
    numpy.ndarray
        float64 (n_molecules, 2).

    Raises
    ------
    InputError
        Fewer than four molecules or all of one kind, not a table of finite numbers, a SMILES that does not parse, an unknown
        method, or a perplexity that is not between 1 and the number of molecules.

    References
    ----------
    van der Maaten & Hinton, J. Mach. Learn. Res. 2008, 9, 2579-2605.

    Examples
    --------
    >>> chemical_space(["CCO", "CCCO", "c1ccccc1", "Cc1ccccc1"], method="pca").shape
    (4, 2)
    """
    bits = _fingerprints(molecules)
    if method not in ("tsne", "pca"):
        raise InputError(f"{method!r} is no method", field="method", expected="'tsne' or 'pca'")
    given = min(_PERPLEXITY, len(bits) / 3) if perplexity is None else perplexity
    if not 1 <= given < len(bits):
        raise InputError(
            f"a perplexity of {given!r} for {len(bits)} molecules",
            field="perplexity",
            expected=f"from 1 to less than {len(bits)}",
        )
    return _layout(bits, method, given, seed)


def _layout(bits: np.ndarray, method: str, perplexity: float, seed: int) -> np.ndarray:
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    n_components = min(2 if method == "pca" else _COMPONENTS_FIRST, *bits.shape)
    # The exact solver is as quick as the randomised one up to a few thousand molecules.
    solver = "full" if len(bits) <= 5_000 else "randomized"
    # Sums over several threads depend on how many there are; on a busy machine they wait for each other, too.
    # The limit holds for libraries that are loaded already, so it comes after the imports.
    with threadpool_limits(1):
        layout = PCA(n_components, svd_solver=solver, random_state=seed).fit_transform(bits)
        if method == "tsne":
            settings = {"init": "pca", "learning_rate": "auto", "random_state": seed}
            layout = TSNE(2, perplexity=perplexity, **settings).fit_transform(layout)
    return np.asarray(layout, dtype=np.float64)


def plot_chemical_space(
    coordinates: np.ndarray,
    colour: Sequence[Any] | None = None,
    *,
    label: str = "",
    highlight: Sequence[int] = (),
    names: Sequence[str] | None = None,
    axes_name: str = "t-SNE",
) -> Figure:
    """Plot a map of chemical space, coloured by a column.

    Parameters
    ----------
    coordinates
        (n_molecules, 2), as `chemical_space` returns them.
    colour
        One value per molecule: numbers get a scale of colours; texts a colour and a mark each, the seventh
        and later in the order of their number being 'other'. Missing values are grey.
    label
        What the values are, with their unit.
    highlight
        Indices of molecules to ring.
    names
        One name per molecule, written beside those that are ringed.
    axes_name
        Name of the two axes.

    Returns
    -------
    matplotlib.figure.Figure
        The figure; it belongs to no window.

    Raises
    ------
    InputError
        Coordinates of another shape, or lists of another length.

    Examples
    --------
    >>> points = chemical_space(["CCO", "CCCO", "c1ccccc1", "Cc1ccccc1"], method="pca")
    >>> figure = plot_chemical_space(points, [46.1, 60.1, 78.1, 92.1], label="molecular weight / Da")
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['t-SNE 2', 'molecular weight / Da']
    """
    points = np.asarray(coordinates, dtype=float)
    if points.ndim != 2 or points.shape[1] != 2:
        raise InputError(
            f"coordinates of shape {points.shape}", field="coordinates", expected="(n_molecules, 2)"
        )
    for field, values in (("colour", colour), ("names", names)):
        if values is not None and len(values) != len(points):
            raise InputError(
                f"{len(values)} values for {len(points)} molecules", field=field, expected="one per molecule"
            )
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patheffects import withStroke

    figure = Figure(figsize=(6.4, 4.8), layout="constrained", dpi=120)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    halo = [withStroke(linewidth=2.5, foreground="white")]
    _scatter(axes, points, colour, label)
    for index in highlight:
        axes.scatter(
            points[index, 0],
            points[index, 1],
            s=110,
            facecolors="none",
            edgecolors="black",
            linewidths=1.4,
            zorder=4,
        )
        if names is not None:
            place: dict[str, Any] = {
                "xytext": (7, 7),
                "textcoords": "offset points",
                "fontsize": 8,
                "zorder": 5,
            }
            axes.annotate(str(names[index]), points[index], path_effects=halo, **place)
    axes.set(xlabel=f"{axes_name} 1", ylabel=f"{axes_name} 2")
    axes.set_aspect("equal", adjustable="datalim")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _fingerprints(molecules: np.ndarray | Sequence[str]) -> np.ndarray:
    if isinstance(molecules, np.ndarray) and molecules.dtype.kind in "biuf":
        bits = np.asarray(molecules, dtype=np.float32)
    else:
        from chem.fingerprint import morgan_fingerprints

        bits = morgan_fingerprints(list(molecules)).astype(np.float32)
    if bits.ndim != 2 or not np.isfinite(bits).all():
        raise InputError(
            f"fingerprints of shape {bits.shape}", field="molecules", expected="(n_molecules, n_bits), finite"
        )
    if len(bits) < 4:
        raise InputError(f"{len(bits)} molecules make no map", field="molecules", expected="four at least")
    if (bits == bits[0]).all():
        raise InputError(
            "all molecules have the same fingerprint", field="molecules", expected="two kinds at least"
        )
    return bits


def _scatter(axes: Axes, points: np.ndarray, colour: Sequence[Any] | None, label: str) -> None:
    import pandas as pd
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    size = float(np.clip(9_000 / max(len(points), 1), 5, 36))
    if colour is None:
        axes.scatter(points[:, 0], points[:, 1], s=size, color=_MARKS[0][0], alpha=0.75, linewidths=0)
        return
    values = pd.Series(list(colour))
    missing = values.isna().to_numpy()
    axes.scatter(
        points[missing, 0],
        points[missing, 1],
        s=size,
        color=_GREY,
        linewidths=0,
        label=f"missing ({missing.sum()})" if missing.any() else None,
    )
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        known = points[~missing]
        # Without its palest yellow, which is lost on white.
        scale = ListedColormap(colormaps["viridis"](np.linspace(0.0, 0.92, 256)))
        drawn = axes.scatter(
            known[:, 0],
            known[:, 1],
            s=size,
            c=values[~missing].astype(float),
            cmap=scale,
            linewidths=0,
            zorder=3,
        )
        axes.figure.colorbar(drawn, ax=axes, label=label)
        if missing.any():
            axes.legend(fontsize=8, frameon=False)
        return
    _scatter_kinds(axes, points, values.where(~missing, None).map(str, na_action="ignore"), size, label)


def _scatter_kinds(axes: Axes, points: np.ndarray, values: Any, size: float, label: str) -> None:
    """Draw each kind of molecule with its own colour and mark, the rare ones last and on top."""
    counts = values.value_counts()
    named = list(counts.index[: len(_MARKS) if len(counts) <= len(_MARKS) else len(_MARKS) - 1])
    for kind, (colour, mark) in zip(named, _MARKS, strict=False):
        chosen = (values == kind).to_numpy()
        text = f"{kind} ({chosen.sum()})"
        axes.scatter(
            points[chosen, 0],
            points[chosen, 1],
            s=size,
            c=colour,
            marker=mark,
            linewidths=0,
            alpha=0.85,
            label=text,
            zorder=3,
        )
    other = (values.notna() & ~values.isin(named)).to_numpy()
    if other.any():
        text = f"other ({other.sum()})"
        axes.scatter(
            points[other, 0],
            points[other, 1],
            s=size,
            c="#777777",
            marker=".",
            linewidths=0,
            label=text,
            zorder=2,
        )
    # Beside the map: inside it would hide molecules.
    axes.legend(title=label or None, fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
