"""The rules of thumb for compounds as a table: conditions, thresholds and where they are from."""

from __future__ import annotations

from dataclasses import dataclass

_ANY = float("inf")


@dataclass(frozen=True)
class Condition:
    """A property and the range it must lie in, ends included.

    Parameters
    ----------
    property
        molecular_weight in Da, tpsa in square angstrom, log_p (Crippen) or a count.
    low, high
        The ends.

    Examples
    --------
    >>> str(Condition("log_p", high=5)), str(Condition("n_rings", 1, 4))
    ('log_p <= 5', '1 <= n_rings <= 4')
    """

    property: str
    low: float = -_ANY
    high: float = _ANY

    def __str__(self) -> str:
        low = "" if self.low == -_ANY else f"{self.low:g} <= "
        high = "" if self.high == _ANY else f" <= {self.high:g}"
        return f"{low}{self.property}{high}" if high else f"{self.property} >= {self.low:g}"

    def met(self, value: float) -> bool:
        """Whether a value lies in the range."""
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Rule:
    """Conditions on a molecule's properties, and how many of them it may fail.

    Parameters
    ----------
    name
        What `check_rules` calls it.
    conditions
        Its conditions.
    reference
        Where it is from.
    may_fail
        Conditions that may fail while the rule passes.

    Examples
    --------
    >>> [str(condition) for condition in RULES["veber"].conditions]
    ['n_rotatable_bonds <= 10', 'tpsa <= 140']
    """

    name: str
    conditions: tuple[Condition, ...]
    reference: str
    may_fail: int = 0


_MW, _LOG_P, _TPSA = "molecular_weight", "log_p", "tpsa"
_DONORS, _ACCEPTORS, _TURNS, _RINGS = (
    "n_hydrogen_donors",
    "n_hydrogen_acceptors",
    "n_rotatable_bonds",
    "n_rings",
)
_CONGREVE = "Congreve et al., Drug Discov. Today 2003, 8, 876-877, doi:10.1016/S1359-6446(03)02831-9"
_THREE = (
    Condition(_MW, high=300),
    Condition(_LOG_P, high=3),
    Condition(_DONORS, high=3),
    Condition(_ACCEPTORS, high=3),
)
_RULES = (
    Rule(
        "lipinski",
        (
            Condition(_MW, high=500),
            Condition(_LOG_P, high=5),
            Condition("n_nh_oh", high=5),
            Condition("n_nitrogen_oxygen", high=10),
        ),
        "Lipinski et al., Adv. Drug Deliv. Rev. 1997, 23, 3-25, doi:10.1016/S0169-409X(96)00423-1",
        may_fail=1,
    ),
    Rule(
        "veber",
        (Condition(_TURNS, high=10), Condition(_TPSA, high=140)),
        "Veber et al., J. Med. Chem. 2002, 45, 2615-2623, doi:10.1021/jm020017n",
    ),
    Rule(
        "egan",
        (Condition(_LOG_P, high=5.88), Condition(_TPSA, high=131.6)),
        "Egan, Merz and Baldwin, J. Med. Chem. 2000, 43, 3867-3877, doi:10.1021/jm000292e",
    ),
    Rule(
        "ghose",
        (
            Condition(_MW, 160, 480),
            Condition(_LOG_P, -0.4, 5.6),
            Condition("molar_refractivity", 40, 130),
            Condition("n_atoms_with_hydrogens", 20, 70),
        ),
        "Ghose, Viswanadhan and Wendoloski, J. Comb. Chem. 1999, 1, 55-68, doi:10.1021/cc9800071",
    ),
    Rule(
        "muegge",
        (
            Condition(_MW, 200, 600),
            Condition(_LOG_P, -2, 5),
            Condition(_TPSA, high=150),
            Condition(_RINGS, high=7),
            Condition("n_carbons", low=5),
            Condition("n_heteroatoms", low=2),
            Condition(_TURNS, high=15),
            Condition(_ACCEPTORS, high=10),
            Condition(_DONORS, high=5),
        ),
        "Muegge, Heald and Brittelli, J. Med. Chem. 2001, 44, 1841-1846, doi:10.1021/jm015507e",
    ),
    Rule(
        "reos",
        (
            Condition(_MW, 200, 500),
            Condition(_LOG_P, -5, 5),
            Condition(_DONORS, high=5),
            Condition(_ACCEPTORS, high=10),
            Condition("formal_charge", -2, 2),
            Condition(_TURNS, high=8),
            Condition("n_heavy_atoms", 15, 50),
        ),
        "Walters and Namchuk, Nat. Rev. Drug Discov. 2003, 2, 259-266, doi:10.1038/nrd1063",
    ),
    Rule(
        "oprea_drug_like",
        (
            Condition(_DONORS, high=2),
            Condition(_ACCEPTORS, 2, 9),
            Condition(_TURNS, 2, 8),
            Condition(_RINGS, 1, 4),
        ),
        "Oprea, J. Comput. Aided Mol. Des. 2000, 14, 251-264, doi:10.1023/A:1008130001697",
    ),
    Rule(
        "lead_like",
        (Condition(_MW, 250, 350), Condition(_LOG_P, high=3.5), Condition(_TURNS, high=7)),
        "Teague et al., Angew. Chem. Int. Ed. 1999, 38, 3743-3748, with the thresholds of SwissADME "
        "(Daina, Michielin and Zoete, Sci. Rep. 2017, 7, 42717, doi:10.1038/srep42717)",
    ),
    Rule(
        "oprea_lead_like",
        (
            Condition(_MW, high=460),
            Condition(_LOG_P, -4, 4.2),
            Condition(_TURNS, high=10),
            Condition(_RINGS, high=4),
            Condition(_DONORS, high=5),
            Condition(_ACCEPTORS, high=9),
        ),
        "Hann and Oprea, Curr. Opin. Chem. Biol. 2004, 8, 255-263, doi:10.1016/j.cbpa.2004.04.003 "
        "(without its condition on solubility, which is not computed)",
    ),
    Rule("rule_of_three", _THREE, _CONGREVE),
    Rule(
        "rule_of_three_extended", (*_THREE, Condition(_TURNS, high=3), Condition(_TPSA, high=60)), _CONGREVE
    ),
    Rule(
        "gsk_4_400",
        (Condition(_MW, high=400), Condition(_LOG_P, high=4)),
        "Gleeson, J. Med. Chem. 2008, 51, 817-834, doi:10.1021/jm701122q",
    ),
    Rule(
        "pfizer_3_75",
        (Condition(_LOG_P, high=3), Condition(_TPSA, low=75)),
        "Hughes et al., Bioorg. Med. Chem. Lett. 2008, 18, 4872-4875, doi:10.1016/j.bmcl.2008.07.071 "
        "(at risk is what fails both)",
        may_fail=1,
    ),
    Rule(
        "beyond_rule_of_five",
        (
            Condition(_MW, high=1000),
            Condition(_LOG_P, -2, 10),
            Condition(_DONORS, high=6),
            Condition(_ACCEPTORS, high=15),
            Condition(_TPSA, high=250),
            Condition(_TURNS, high=20),
        ),
        "Doak et al., Chem. Biol. 2014, 21, 1115-1142, doi:10.1016/j.chembiol.2014.08.013",
    ),
)
RULES: dict[str, Rule] = {rule.name: rule for rule in _RULES}
"""Every rule that `check_rules` knows, by name."""
