"""The runs: every amount a full schedule of its own, and one thing varied at a time around the middle amount."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """One connector."""

    name: str
    samples: int
    seed: int = 1
    lr: float = 1e-3
    shuffled: bool = False  # captions of other pictures
    held: bool = False  # the mean length of its image tokens is kept as it was at the start


@dataclass(frozen=True)
class Study:
    seed: int = 7  # of the samples, which all runs share
    batch: int = 32
    amounts: tuple[int, ...] = (2048, 8192, 32_768)
    largest: tuple[int, ...] = (131_072, 98_304, 65_536, 49_152)  # the first of these that fits the time
    low_rate: float = 3e-4
    heldout: int = 400  # pictures of names that were never trained
    scenes: int = 200  # new scenes of names that were
    pairs: int = 100  # of the measurement: half of either kind
    prose: int = 96  # tokens of a passage
    calibration: int = 16  # pictures by which the length is held
    rows: int = 512  # of an evaluation's batch
    decoder_layers: int = 30  # fewer only to try the road

    @property
    def middle(self) -> int:
        return self.amounts[-1]

    def groups(self, largest: int) -> list[list[Run]]:
        """Runs of one amount, trained side by side; the largest come last."""
        of = lambda n, seeds: [Run(named("amount", n, s), n, s) for s in seeds]
        small, *between, middle = self.amounts
        around = [*of(middle, (1, 2)), Run(named("shuffled", middle, 1), middle, shuffled=True),
                  Run(named("lr-low", middle, 1), middle, lr=self.low_rate), Run(named("held", middle, 1), middle, held=True)]
        return [of(small, (1, 2, 3)), *(of(n, (1,)) for n in between), around, of(largest, (1, 2, 3))]


def named(axis: str, samples: int, seed: int) -> str:
    return f"{axis}-{samples}" + (f"-seed{seed}" if seed > 1 else "")


STUDY = Study()
TOY = Study(batch=4, amounts=(8, 12, 16), largest=(24, 20), heldout=8, scenes=4, pairs=3, calibration=2, rows=16, decoder_layers=2)
