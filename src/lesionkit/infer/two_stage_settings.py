"""How a scan is searched by a network that draws, and those that classify what it drew."""

from pydantic import Field

from lesionkit.infer.detect_settings import InferSettings


class TwoStageInferSettings(InferSettings):
    """What is drawn becomes a candidate, and is judged."""

    largest_window: int = Field(1_500_000, ge=100_000)
    """Most samples in one window, context included; the network that draws takes about 400 bytes each."""
    halo: int = Field(16, ge=0, multiple_of=4)
    drawn_from: float = Field(0.3, gt=0, lt=1)
    """Probability from which a sample belongs to what is drawn."""
    least_mm3: float = Field(8.0, ge=0)
    """Smaller pieces are no candidates; a ball of 3 mm has 14."""
    lasting_mm: float = Field(4.0, ge=0)
    """Where slices are drawn one by one, what was drawn is ranked by the highest mean of its probabilities over so much
    of z; 0 takes the highest itself."""
    roundness: float = Field(2.0, ge=0)
    """Likewise their score is multiplied by this power of diameter / longest side: vessels are long; 0 for none."""
    full_mm: float = Field(8.0, ge=0)
    """Likewise by diameter / this, where they are smaller; 0 for none."""
    judged: int = Field(60, ge=1)
    """So many of the strongest pieces are judged by the classifiers; the rest are dropped."""
    batch: int = Field(8, ge=1)
    """Cubes that are judged at once."""
