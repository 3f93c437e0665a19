"""What records go through between a reader and the store, as one set of choices."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genomics.build import build_from_lengths
from genomics.errors import InputError
from genomics.fields import DEFAULT_FIELDS, Field
from genomics.normalise import Normalise, NormaliseOptions
from genomics.policy import CallPolicy
from genomics.policy_apply import ApplyPolicy
from genomics.readers import VariantReader
from genomics.readers.protocol import Reject
from genomics.regions import Region
from genomics.transform import BlockTransform

if TYPE_CHECKING:
    from genomics.hard_filters import HardFilter

PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class Preparation:
    """Choices for the way from a variant file to the store; the default changes nothing.

    Attributes
    ----------
    policy
        What becomes of calls that are not plain; see `genomics.policy.CHOICES`.
    sexes
        Table of the samples' sexes, for the policy ``sex_chromosomes=by-sex``.
    sites
        VCF or table of sites that a gVCF's reference blocks are expanded at.
    normalise
        How to split, align or join records; None leaves them as they are.
    reference
        FASTA of the build of the calls: for alignment, and REF is checked against it.
    hard_filter
        Name of a preset of `genomics.hard_filters.HARD_FILTERS`, or ``auto``.
    force_hard_filter
        Apply it although the header tells of another caller.
    extract, exclude
        Lists of variants to keep or to leave out, as PLINK takes them.
    keep, remove
        Lists of samples to keep or to leave out, as PLINK takes them.
    chain, target
        Chain file and FASTA of another build that the calls are lifted over to; they are normalised there.

    Examples
    --------
    >>> Preparation().changes_nothing, Preparation(hard_filter="gatk").changes_nothing
    (True, False)
    """

    policy: CallPolicy = field(default_factory=CallPolicy)
    sexes: PathLike | None = None
    sites: PathLike | None = None
    normalise: NormaliseOptions | None = None
    reference: PathLike | None = None
    hard_filter: str = ""
    force_hard_filter: bool = False
    extract: tuple[PathLike, ...] = ()
    exclude: tuple[PathLike, ...] = ()
    keep: tuple[PathLike, ...] = ()
    remove: tuple[PathLike, ...] = ()
    chain: PathLike | None = None
    target: PathLike | None = None

    def __post_init__(self) -> None:
        if (self.chain is None) != (self.target is None):
            raise InputError(
                "a liftover needs the chain file and the FASTA of the build it leads to",
                field="chain",
                expected="both, or neither",
                hint="calls are never lifted over without a chain file",
            )
        if self.chain is not None and self.reference is not None:
            raise InputError(
                "two genomes: calls that are lifted over are normalised by the one they are lifted to",
                field="reference",
                expected="chain and target alone",
            )
        if self.reference is not None and self.normalise is None:
            object.__setattr__(self, "normalise", NormaliseOptions(align="none"))

    @property
    def changes_nothing(self) -> bool:
        """Records are stored as the file has them."""
        return replace(self, keep=(), remove=()) == Preparation()

    def select_samples(
        self, readers: Sequence[VariantReader], asked: Sequence[str] | None
    ) -> tuple[Sequence[str] | None, dict[str, Any]]:
        """Apply the lists of samples to those asked for; return them and what the store states of the lists.

        Raises
        ------
        InputError
            A list cannot be read, or nobody is left.
        """
        if not (self.keep or self.remove):
            return asked, {}
        from genomics.lists import select_samples

        families = getattr(readers[0], "families", None)
        lists = select_samples(readers[0].samples, keep=self.keep, remove=self.remove, families=families)
        left = set(lists.samples)
        ordered = lists.samples if asked is None else [name for name in asked if name in left]
        return list(ordered), {"sample_lists": lists.attributes}

    def needed_fields(
        self, readers: Sequence[VariantReader], asked: Sequence[str] | None
    ) -> list[str] | None:
        """Return the fields to read: those asked for, and those that a step looks at."""
        needed = set()
        if self.hard_filter:
            needed |= set(self._hard_filter(readers).needed_fields)
        if self.sites is not None:
            from genomics.gvcf import REQUIRED_FIELDS

            needed |= set(REQUIRED_FIELDS)
        if self.policy.half_calls != "no-call":
            needed.add("FORMAT/FT")
        declared = {key for reader in readers for key in reader.fields}
        extra = sorted(needed & declared)
        if not extra:
            return None if asked is None else list(asked)
        return [*(DEFAULT_FIELDS if asked is None else asked), *extra]

    def steps(
        self,
        readers: Sequence[VariantReader],
        samples: Sequence[str],
        *,
        regions: Sequence[Region] = (),
        build: str = "auto",
        reject: Reject | None = None,
    ) -> list[BlockTransform]:
        """Make the steps, in their order.

        Parameters
        ----------
        readers
            Of all files.
        samples
            Of the store, in its order.
        regions
            Those that are read.
        build
            Of the calls; ``auto`` takes what the headers' contig lengths say.
        reject
            Takes records that a step must leave out; without it some steps raise.

        Raises
        ------
        InputError
            A file that a step needs is missing or does not fit.
        """
        if self.changes_nothing:
            return []
        declared: dict[str, Field] = {key: f for reader in readers for key, f in reader.fields.items()}
        if build == "auto":
            build = build_from_lengths({name: n for reader in readers for name, n in reader.contigs.items()})
        steps: list[BlockTransform] = []
        if self.sites is not None:
            steps.append(self._expansion(regions, len(samples)))
        steps.append(self._policy(declared, samples, build))
        if self.chain is not None and self.target is not None:
            steps.append(self._liftover(reject))
        if self.normalise is not None:
            steps.append(self._normalisation(declared, build, reject))
        if self.hard_filter:
            steps.append(self._hard_filter(readers))
        if self.extract or self.exclude:
            from genomics.lists import VariantLists

            steps.append(VariantLists(extract=self.extract, exclude=self.exclude))
        steps.append(ApplyPolicy(self.policy, fields=declared, parts=("filters",)))
        return steps

    def _expansion(self, regions: Sequence[Region], n_samples: int) -> BlockTransform:
        from genomics.gvcf import ExpandReferenceBlocks
        from genomics.gvcf_sites import read_sites

        sites = read_sites(self.sites or "")
        return ExpandReferenceBlocks(sites.within(regions) if regions else sites, n_samples=n_samples)

    def _policy(self, declared: Mapping[str, Field], samples: Sequence[str], build: str) -> BlockTransform:
        from genomics.sex_chromosomes import read_sexes

        sexes = None if self.sexes is None else read_sexes(self.sexes, samples)
        return ApplyPolicy(self.policy, fields=declared, sexes=sexes, build=build, parts=("calls",))

    def _normalisation(
        self, declared: Mapping[str, Field], build: str, reject: Reject | None
    ) -> BlockTransform:
        from genomics.reference import Reference, require_same_build

        if self.target is not None:
            reference: Reference | None = Reference(self.target)
        else:
            reference = None if self.reference is None else Reference(self.reference)
            if reference is not None:
                require_same_build(reference, build)
        return Normalise(self.normalise or NormaliseOptions(), declared, reference, reject)

    def _liftover(self, reject: Reject | None) -> BlockTransform:
        from genomics.chain import Chain
        from genomics.liftover import Liftover
        from genomics.reference import Reference

        return Liftover(Chain(self.chain or ""), Reference(self.target or ""), reject)

    def _hard_filter(self, readers: Sequence[VariantReader]) -> HardFilter:
        """Choose the filter, after each file's header had its say."""
        from genomics.dialects import detect_caller
        from genomics.hard_filters import choose_hard_filter

        chosen = [
            choose_hard_filter(
                self.hard_filter,
                detect_caller(getattr(getattr(reader, "header", None), "text", b"")),
                declared=reader.fields,
                force=self.force_hard_filter,
                file=reader.path,
            )
            for reader in readers
        ]
        if len({step.preset.name for step in chosen}) > 1:
            raise InputError(
                "the files come from different callers", field="hard filter", expected="one caller",
                hint="name the hard filter, or ingest the files apart",
            )  # fmt: skip
        return chosen[0]


def read_settings(path: PathLike) -> Preparation:
    r"""Read a preparation from a TOML file: its tables ``policy`` and ``normalise``, and other choices on top.

    Raises
    ------
    InputError
        The file is missing or no TOML, or a name in it is unknown.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "ingest.toml"
    >>> _ = path.write_text('hard_filter = "gatk"\n[policy]\nhalf_calls = "error"\n')
    >>> read_settings(path).policy.half_calls
    'error'
    """
    path = Path(path)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError("no such file", file=path, hint="check the path") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"not a TOML file ({error})", file=path) from None
    choices: dict[str, Any] = dict(table)
    if "policy" in choices:
        choices["policy"] = CallPolicy.from_json(choices["policy"])
    if "normalise" in choices:
        choices["normalise"] = _checked(NormaliseOptions(align="none"), choices["normalise"], path)
    for name in ("extract", "exclude", "keep", "remove"):
        if isinstance(choices.get(name), str):
            choices[name] = (choices[name],)
        elif name in choices:
            choices[name] = tuple(choices[name])
    return _checked(Preparation(), choices, path)


def _checked(default: Any, choices: Mapping[str, Any], path: Path) -> Any:
    known = {item.name for item in fields(default)}
    for name in choices:
        if name not in known:
            raise InputError(
                f"unknown setting {name!r}", file=path, field=name, expected=", ".join(sorted(known))
            )
    return replace(default, **choices)
