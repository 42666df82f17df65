"""What it does to an ESS, and to a mean, that sampling stops as soon as the estimated ESS is reached.

``python -m benchmarks.studies.stopping`` makes chains whose effective sample size is known, autoregressive
ones, and stops them where ``nutsbench run --until-ess`` would. It compares the ESS that they stop on with the
true one of so many draws, and the error of the mean with what that ESS says; and the same of runs of a fixed
number of draws, the median of those at which the others have stopped. Nothing is sampled.
"""

import argparse
from typing import Dict, List

import numpy as np

from nutsbench.judge import goal

CHAINS = 2


def chains(rng: np.random.Generator, phi: float, draws: int) -> np.ndarray:
    """Return stationary autoregressive chains with variance 1, shape (chain, draw)."""
    noise = rng.normal(size=(CHAINS, draws)) * np.sqrt(1 - phi**2)
    values = np.empty((CHAINS, draws))
    values[:, 0] = rng.normal(size=CHAINS)
    for index in range(1, draws):
        values[:, index] = phi * values[:, index - 1] + noise[:, index]
    return values


def true_ess(phi: float, draws: int) -> float:
    """Return the effective sample size of a mean, of all chains, for long ones."""
    return CHAINS * draws * (1 - phi) / (1 + phi)


def study(phi: float, ess: float, block: int, repeats: int, seed: int) -> Dict[str, float]:
    """Return what stopping did to the ESS and to the mean, over repeats."""
    rng = np.random.default_rng(seed)
    longest = int(8 * ess * (1 + phi) / (1 - phi) / CHAINS)
    runs = [chains(rng, phi, longest) for _ in range(repeats)]
    ends = [goal.stopped(values, ess, block) for values in runs]
    stopped = [(values, *end) for values, end in zip(runs, ends) if end is not None]
    fixed = int(np.median([count for _, count, _ in stopped]))

    def errors(found: List[tuple[np.ndarray, int, float]]) -> float:
        return float(
            np.mean([abs(one[:, :count].mean()) * np.sqrt(known) > 1.96 for one, count, known in found])
        )

    same = [(values, fixed, goal.limiting_ess(values[:, :fixed])) for values in runs]
    return {
        "draws": fixed,
        "stopped": float(np.mean([known / true_ess(phi, count) for _, count, known in stopped])),
        "fixed": float(np.mean([known / true_ess(phi, count) for _, count, known in same])),
        "stopped_missed": errors(stopped),
        "fixed_missed": errors(same),
    }


def main() -> None:
    """Print a row for each autocorrelation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ess", type=float, default=400)
    parser.add_argument("--block", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(
        "| autocorrelation | draws of a chain | ESS over the true one, stopped | fixed"
        " | 95 % intervals of the mean that miss, stopped | fixed |"
        "\n| ---: | ---: | ---: | ---: | ---: | ---: |"
    )
    for phi in (0.0, 0.5, 0.9):
        row = study(phi, options.ess, options.block, options.repeats, options.seed)
        print(
            f"| {phi} | {row['draws']:.0f} | {row['stopped']:.2f} | {row['fixed']:.2f} |"
            f" {row['stopped_missed']:.1%} | {row['fixed_missed']:.1%} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
