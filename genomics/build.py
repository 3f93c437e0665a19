"""Tell which genome build a file is on, from what it says and from what its records show.

Three kinds of evidence count. A record at the position that a known variant has on one build alone, with that
build's reference base, and with the variant's rs number where the record has one. An rs number at a
position that belongs to neither build, which speaks for another build such as NCBI36. And the
lengths of the chromosomes in the header. The words of ``##reference`` are kept for the reader and decide
nothing, since a header often outlives a lift-over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from genomics.block import VariantBlock
from genomics.contigs import canonical_contig
from genomics.errors import InputError

BUILDS: tuple[str, str] = ("GRCh37", "GRCh38")
SITE_COLUMNS: tuple[str, ...] = (
    "rsid",
    "contig",
    "position_grch37",
    "position_grch38",
    "ref_grch37",
    "ref_grch38",
)
_MIN_SITES = 3
_FEW_RECORDS = 1000  # a position shared by chance is unlikely in a file of this size
_STRAY = 0.2  # share of sites that may speak for the other build by chance

# Lengths of the primary assembly's chromosomes 1-22, X, Y in base pairs, from the assembly reports of the
# Genome Reference Consortium: GRCh37 (GCA_000001405.1) and GRCh38 (GCA_000001405.15). MT is as long on both.
_NAMES = (*(str(number) for number in range(1, 23)), "X", "Y")
_GRCH37 = (
    249250621, 243199373, 198022430, 191154276, 180915260, 171115067, 159138663, 146364022,
    141213431, 135534747, 135006516, 133851895, 115169878, 107349540, 102531392, 90354753,
    81195210, 78077248, 59128983, 63025520, 48129895, 51304566, 155270560, 59373566,
)  # fmt: skip
_GRCH38 = (
    248956422, 242193529, 198295559, 190214555, 181538259, 170805979, 159345973, 145138636,
    138394717, 133797422, 135086622, 133275309, 114364328, 107043718, 101991189, 90338345,
    83257441, 80373285, 58617616, 64444167, 46709983, 50818468, 156040895, 57227415,
)  # fmt: skip
CHROMOSOME_LENGTHS: dict[str, dict[str, int]] = {
    "GRCh37": dict(zip(_NAMES, _GRCH37, strict=True)),
    "GRCh38": dict(zip(_NAMES, _GRCH38, strict=True)),
}


def build_from_lengths(lengths: Mapping[str, int | None]) -> str:
    """Tell the build whose chromosome lengths a header gives; 'unknown' unless all of them agree.

    Examples
    --------
    >>> build_from_lengths({"chr1": 248956422, "chrUn_KI270302v1": 2274})
    'GRCh38'
    >>> build_from_lengths({"1": 249250621, "2": 242193529})
    'unknown'
    """
    known = {canonical_contig(name): length for name, length in lengths.items() if length is not None}
    known = {name: length for name, length in known.items() if name in CHROMOSOME_LENGTHS["GRCh37"]}
    for build in BUILDS:
        if known and all(CHROMOSOME_LENGTHS[build][name] == length for name, length in known.items()):
            return build
    return "unknown"


@dataclass
class _Counts:
    """Sites that speak for each build, in one file or in all."""

    with_rsid: dict[str, int] = field(default_factory=lambda: dict.fromkeys(BUILDS, 0))
    by_position: dict[str, int] = field(default_factory=lambda: dict.fromkeys(BUILDS, 0))
    neither: int = 0
    n_records: int = 0
    example: dict[str, str] = field(default_factory=dict)

    def total(self, build: str) -> int:
        return self.with_rsid[build] + self.by_position[build]

    def add(self, other: _Counts) -> None:
        for build in BUILDS:
            self.with_rsid[build] += other.with_rsid[build]
            self.by_position[build] += other.by_position[build]
        self.neither += other.neither
        self.n_records += other.n_records
        self.example = {**other.example, **self.example}

    def is_mixed(self) -> bool:
        """Both builds have support that chance does not explain."""
        if all(self.with_rsid[build] for build in BUILDS):
            return True
        less, more = sorted(self.total(build) for build in BUILDS)
        return less >= 2 and less > _STRAY * more

    def verdict(self) -> str:
        """Return a build, or 'unknown'."""
        best = max(BUILDS, key=self.total)
        other = BUILDS[1 - BUILDS.index(best)]
        support, contra = self.total(best), self.total(other) + self.neither
        if support == 0 or contra > _STRAY * support:
            return "unknown"
        few = self.with_rsid[best] or self.n_records <= _FEW_RECORDS
        return best if support >= _MIN_SITES or few else "unknown"


class BuildDetector:
    """Collect evidence for the build while files are read.

    Parameters
    ----------
    sites
        Known variants: rsid, contig (canonical), position_grch37, position_grch38, ref_grch37,
        ref_grch38. Only substitutions whose position differs between the builds are used.
    """

    def __init__(self, sites: pd.DataFrame | None) -> None:
        self._at: dict[str, dict[tuple[str, int], tuple[str, str]]] = {build: {} for build in BUILDS}
        self._of_rsid: dict[str, set[tuple[str, int]]] = {}
        self._files: dict[str, _Counts] = {}
        self._header_build: dict[str, str] = {}
        self._hints: dict[str, str] = {}
        if sites is not None:
            self._read_sites(sites)
        places = [place for at in self._at.values() for _, place in at]
        self._positions = np.unique(np.array(places, np.int64))

    def _read_sites(self, sites: pd.DataFrame) -> None:
        absent = [name for name in SITE_COLUMNS if name not in sites.columns]
        if absent:
            raise InputError(
                "the table of sites for build detection lacks a column", field=absent[0], expected=absent[0]
            )
        row: Any
        for row in sites[list(SITE_COLUMNS)].dropna().itertuples(index=False):
            rsid, contig = str(row.rsid), canonical_contig(str(row.contig))
            places = {"GRCh37": int(row.position_grch37), "GRCh38": int(row.position_grch38)}
            refs = {"GRCh37": str(row.ref_grch37), "GRCh38": str(row.ref_grch38)}
            self._of_rsid.setdefault(rsid, set()).update((contig, place) for place in places.values())
            if places["GRCh37"] == places["GRCh38"] or not all(ref in set("ACGT") for ref in refs.values()):
                continue
            for build in BUILDS:
                self._at[build][(contig, places[build])] = (refs[build], rsid)
        for place in self._at["GRCh37"].keys() & self._at["GRCh38"].keys():
            del self._at["GRCh37"][place], self._at["GRCh38"][place]

    def add_header(self, file: str, lengths: Mapping[str, int | None], reference: str) -> None:
        """Take the chromosome lengths and the reference's name of a file's header."""
        build = build_from_lengths(lengths)
        if build != "unknown":
            self._header_build[file] = build
        if reference:
            self._hints[file] = re.sub(r"\s+", " ", reference)[:200]

    def add_block(self, file: str, block: VariantBlock, *, either_allele: bool = False) -> None:
        """Take the records of a block.

        Parameters
        ----------
        file
            Name of the file, for messages.
        block
            Its records.
        either_allele
            The file does not say which allele is the reference (PLINK), so any allele may match.
        """
        counts = self._files.setdefault(file, _Counts())
        counts.n_records += len(block)
        if not self._of_rsid:
            return
        for row in self._candidates(block):
            contig = block.contigs[row]
            place = (canonical_contig(contig), int(block.positions[row]))
            identifiers = [text for text in block.identifiers[row].split(";") if text.startswith("rs")]
            alleles = block.alleles[row] if either_allele else block.alleles[row][:1]
            self._count(counts, place, identifiers, [allele[:1].upper() for allele in alleles], contig)

    def _candidates(self, block: VariantBlock) -> list[int]:
        """Rows at the position of a known site, or with the identifier of one."""
        at_site = set(np.flatnonzero(np.isin(block.positions, self._positions)).tolist())
        named = {
            row
            for row, name in enumerate(block.identifiers)
            if name in self._of_rsid or (";" in name and not self._of_rsid.keys().isdisjoint(name.split(";")))
        }
        return sorted(at_site | named)

    def state(self) -> dict[str, Any]:
        """Return what was collected, as JSON values."""
        return {
            "files": {file: asdict(counts) for file, counts in self._files.items()},
            "header_build": dict(self._header_build),
            "hints": dict(self._hints),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        self._files = {file: _Counts(**counts) for file, counts in state["files"].items()}
        self._header_build, self._hints = dict(state["header_build"]), dict(state["hints"])

    def _count(
        self,
        counts: _Counts,
        place: tuple[str, int],
        identifiers: Sequence[str],
        bases: Sequence[str],
        contig: str,
    ) -> None:
        for build in BUILDS:
            site = self._at[build].get(place)
            if site is None or site[0] not in bases:
                continue
            if site[1] in identifiers:
                counts.with_rsid[build] += 1
            elif not identifiers:
                counts.by_position[build] += 1
            else:
                continue
            counts.example.setdefault(build, f"{contig}:{place[1]}")
            return
        known = [self._of_rsid[name] for name in identifiers if name in self._of_rsid]
        if known and not any(_is_near(place, places) for places in known):
            counts.neither += 1

    def decide(self, asked: str = "auto") -> tuple[str, dict[str, Any]]:
        """Return the build and what it rests on.

        Parameters
        ----------
        asked
            ``auto``, or the build that the user says it is.

        Returns
        -------
        build : str
        evidence : dict
            Counts, header hints and a reason, ready for JSON.

        Raises
        ------
        InputError
            The files, or the records of one, are on different builds; or the evidence contradicts `asked`.
        """
        if asked not in ("auto", *BUILDS):
            raise InputError(f"{asked!r} is not a build", field="build", expected="auto, GRCh37 or GRCh38")
        total = _Counts()
        for counts in self._files.values():
            total.add(counts)
        self._refuse_mix(total)
        found, reason = self._verdict(total)
        evidence = self._evidence(total, reason)
        if asked == "auto":
            return found, evidence
        if found not in ("unknown", asked):
            file, counts = next(((f, c) for f, c in self._files.items() if found in c.example), (None, total))
            such = f", such as {counts.example[found]}" if found in counts.example else ""
            raise InputError(
                f"the records are on {found}, not on {asked}, as given ({reason}{such})",
                file=file,
                field="build",
                expected=f"--build {found}",
                hint="leave --build out to have it detected",
            )
        return asked, {**evidence, "reason": f"given by the user; {reason}"}

    def _verdict(self, total: _Counts) -> tuple[str, str]:
        by_sites = total.verdict()
        headers = set(self._header_build.values())
        if by_sites != "unknown":
            return by_sites, f"{total.total(by_sites)} known sites stand where {by_sites} has them"
        if total.neither:
            return "unknown", (
                f"{total.neither} known rs numbers stand where neither GRCh37 nor GRCh38 has them"
                + "".join(f"; the header says {hint}" for hint in sorted(set(self._hints.values()))[:1])
            )
        if len(headers) == 1 and not any(total.total(build) for build in BUILDS):
            build = headers.pop()
            return build, f"the header's chromosome lengths are those of {build}"
        return "unknown", "too few known sites among the records, and no chromosome lengths that tell"

    def _evidence(self, total: _Counts, reason: str) -> dict[str, Any]:
        return {
            "reason": reason,
            "sites_grch37": total.total("GRCh37"),
            "sites_grch38": total.total("GRCh38"),
            "sites_neither": total.neither,
            "sites_with_rsid_grch37": total.with_rsid["GRCh37"],
            "sites_with_rsid_grch38": total.with_rsid["GRCh38"],
            "header_lengths": ", ".join(sorted(set(self._header_build.values()))),
            "header_reference": "; ".join(sorted(set(self._hints.values()))[:5]),
        }

    def _refuse_mix(self, total: _Counts) -> None:
        for file, counts in self._files.items():
            if counts.is_mixed():
                raise _mix(f"{file} {counts.example['GRCh37']}", f"{file} {counts.example['GRCh38']}")
        verdicts = {file: counts.verdict() for file, counts in self._files.items()}
        on = {build: [f for f, verdict in verdicts.items() if verdict == build] for build in BUILDS}
        for file, build in self._header_build.items():
            if verdicts.get(file, "unknown") == "unknown" and not self._files.get(file, _Counts()).neither:
                on[build].append(file)
            elif verdicts.get(file) in BUILDS and verdicts[file] != build:
                example = self._files[file].example[verdicts[file]]
                pair = {verdicts[file]: f"{file} {example}", build: f"{file}'s header (contig lengths)"}
                raise _mix(pair["GRCh37"], pair["GRCh38"])
        if on["GRCh37"] and on["GRCh38"]:
            raise _mix(*(self._witness(on[build][0], build) for build in BUILDS))
        if total.is_mixed():
            raise _mix(*(total.example[build] for build in BUILDS))

    def _witness(self, file: str, build: str) -> str:
        example = self._files.get(file, _Counts()).example.get(build)
        return f"{file} {example}" if example else f"{file}'s header (contig lengths)"


def _is_near(place: tuple[str, int], places: set[tuple[str, int]]) -> bool:
    # An insertion or deletion may be written a few bases to the left of where the table has it.
    return any(place[0] == contig and abs(place[1] - position) <= 50 for contig, position in places)


def _mix(on_37: str, on_38: str) -> InputError:
    return InputError(
        f"a mix of builds: {on_37} is on GRCh37 and {on_38} on GRCh38",
        field="POS",
        expected="one genome build in all records",
        hint="lift one of them over",
    )
