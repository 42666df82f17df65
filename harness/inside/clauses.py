"""The contract of models in clauses, each with its level and its reason."""

from dataclasses import dataclass
from typing import Dict


@dataclass(frozen=True)
class Clause:
    """One rule of the contract.

    Parameters
    ----------
    level : str
        ``must`` (without it the model cannot be benchmarked), ``should`` (without it the
        model can, and less is known of it) or ``may``.
    rule : str
        What a model provides.
    reason : str
        Why.
    """

    level: str
    rule: str
    reason: str


CLAUSES: Dict[str, Clause] = {
    "name": Clause(
        "must",
        "a name of lower case letters, digits and underscores",
        "it is a key in records, a file's name and part of an address",
    ),
    "words": Clause(
        "must",
        "`teaches` and `notation`, the latter with a `~`",
        "a reader of a dashboard has to see what the model is without its code",
    ),
    "data": Clause(
        "must",
        "a `data` function that gives the same finite arrays each time and leaves numpy's global"
        " random state alone",
        "records of different data cannot be compared, and the draws depend on the global state",
    ),
    "builds": Clause(
        "must",
        "a build function that takes the data and returns a `pymc3.Model` of whole data, not of minibatches,"
        " and imports PyMC3 itself",
        "it is called in every stack, and listing models must not load Theano",
    ),
    "continuous": Clause(
        "must",
        "at least one free variable that is continuous and has a gradient",
        "NUTS needs a gradient; variables without one may stand beside it",
    ),
    "monitored": Clause(
        "must",
        "`monitored` empty, or all free variables and Deterministics by their names; of a variant, those that"
        " its model has",
        "what nobody looks at goes wrong unseen",
    ),
    "shapes": Clause(
        "must",
        "the same variables of the same shapes each time that it is built",
        "a scalar is known by its index: coeff[2] has to be the same thing in every record",
    ),
    "start": Clause(
        "must",
        "a finite log-probability and gradient at its test point",
        "PyMC3 starts there",
    ),
    "proper": Clause(
        "must",
        "a posterior that can be normalised: no direction in which neither prior nor data end it",
        "chains that have nowhere to go back to never mix, however many draws they make",
    ),
    "exact": Clause(
        "must",
        "if it gives an `exact` posterior, one whose log density is that of the model",
        "the posterior of another model would call right draws wrong",
    ),
    "claims": Clause(
        "must",
        "if it makes claims, claims on scalars that it has",
        "a claim that cannot be checked is no claim",
    ),
    "both": Clause(
        "must",
        "all of this on both stacks",
        "releases are compared on the same model",
    ),
    "jitter": Clause(
        "should",
        "a finite log-probability around its test point, too: up to 1 away in every coordinate",
        "PyMC3 jitters its starts by as much, and a chain that starts badly ends the whole cell",
    ),
    "truth": Clause(
        "should",
        "a reference posterior: `exact` if that is closed, else reference draws (`nutsbench reference`);"
        " where neither can be, the reason as `no_truth`",
        'without one its accuracy is always "inconclusive"',
    ),
    "quiet": Clause(
        "should",
        "functions that print nothing",
        "they are called again and again, and what they print is kept with no record",
    ),
    "mixed": Clause(
        "may",
        "discrete variables, or others without a gradient, beside those of NUTS",
        "`pm.sample` gives them to other step methods; divergences, step size, tree depth and E-BFMI are"
        " then those of NUTS's part alone",
    ),
    "missing": Clause(
        "may",
        "missing values, in a pandas object or a masked array",
        "PyMC3 imputes them where they are observations, each as a variable more",
    ),
    "settings": Clause(
        "may",
        "`settings`, and `quick` for the quick profile",
        "the defaults are PyMC3's, which need not suit it",
    ),
    "tags": Clause("may", "`tags`, and claims on what one should see", "a reader looks for models by them"),
}


@dataclass(frozen=True)
class Finding:
    """Something that a model lacks.

    Parameters
    ----------
    clause : str
        Key in :data:`CLAUSES`.
    text : str
        What is wrong, in a sentence.
    """

    clause: str
    text: str

    def to_dict(self) -> Dict[str, str]:
        """Return the finding, ready for JSON."""
        return {"clause": self.clause, "level": CLAUSES[self.clause].level, "text": self.text}


def markdown() -> str:
    """Return the contract as a table for docs/models.md."""
    rows = ["| | a model provides | because |", "| --- | --- | --- |"]
    rows += [f"| {clause.level} | {clause.rule} | {clause.reason} |" for clause in CLAUSES.values()]
    return "\n".join(rows)
