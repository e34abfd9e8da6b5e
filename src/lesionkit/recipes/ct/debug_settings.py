"""What a training shows and leaves out while it is being tried; all off unless asked for."""

from pydantic import Field

from lesionkit.core.settings import Settings


class DebugSettings(Settings):
    """The switches of system 0 (row 0.3), which plotted to the screen what is written into the run folder here."""

    lungs: bool = False
    """Write lungs.html: the lungs that were found in each scan, as `prepare --preview` does."""
    first_batches: int = Field(0, ge=0)
    """Pictures of the patches of so many batches from the first, in `first batches` beside the logs of each network."""
    fine_and_large: bool = False
    """Learn and validate only on scans of which at least a tenth is lung, and lesions from 12 mm; smaller ones count
    neither way."""
