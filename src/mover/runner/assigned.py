"""What a run's assignment means for the engine."""

from __future__ import annotations

import msgspec

from mover.migrations.given.wanted import GivenKeys
from mover.migrations.options import PairOptions
from mover.migrations.records import Assignment, PairRun
from mover.settings import Settings
from mover.workplace.keeping_out import kept_out
from mover.workplace.sealing import SealingChoice
from mover.workplace.sides import Sides


def without_own_files(settings: Settings, assignment: Assignment, sides: Sides) -> PairOptions:
    """The options, and Mover's own files kept out. Raises InvalidConfiguration where the source is nothing else."""
    own = kept_out(settings, sides)
    if not own:
        return assignment.options
    return msgspec.structs.replace(assignment.options, exclude=(*(assignment.options.exclude or ()), *own))


def sealing_choice(options: PairOptions, given: GivenKeys) -> SealingChoice:
    """How the files of a run are opened and sealed, with the keys that were given for it."""
    recipients = options.seal_to or ()
    return SealingChoice(
        recipients=recipients,
        names=bool(recipients and options.seal_names),
        crypt_to=given.crypt_to,
        open_with=(given.open_with,) if given.open_with else (),
        crypt_from=given.crypt_from,
    )


def keys_of(run: PairRun) -> str:
    """Where the vault has what the keys of a pair's sealed files follow from."""
    return f"sealing:pair:{run.pair_id}"


def paths_of(assignment: Assignment, sides: Sides) -> tuple[str, ...] | None:
    """The paths that the run is about; None: all."""
    if sides.single_file is not None:
        return (sides.single_file,)
    return assignment.retry_paths
