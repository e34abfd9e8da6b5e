"""What an ONNX file of a network for CT tells of its input and output, and the networks of a chain as such files."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lesionkit.recipes.ct.settings import CtSettings

if TYPE_CHECKING:
    from lesionkit.nets.cube.chain_settings import ChainSettings
    from lesionkit.nets.cube.mask_net import MaskNet
    from lesionkit.nets.onnx_file import OnnxNet

_LEAST_SIDE = 32


def input_told(sides: str, dimensions: int = 3) -> dict[str, str]:
    """Of which form an input is, and which sides it may have."""
    form = "(batch, 1, z, y, x)" if dimensions == 3 else "(slices, 1, y, x)"
    axes = "z grows to the head, y to the back, x to the patient's left"
    return {"image": f"float32 {form}, sides {sides}; {axes}"}


def preprocessing_told(settings: CtSettings) -> dict[str, Any]:
    """How an input is made of a scan."""
    return {
        "steps": "CT resampled to spacing_mm; HU clipped to hu and mapped linearly to -1..1",
        "spacing_mm": settings.prepare.spacing_mm,
        "hu": [-1024, 476],
    }


def networks_of_chain(file: Path, settings: CtSettings) -> "Iterator[OnnxNet]":
    """The network that draws as NAME-draws, and those that judge as NAME-judges-1 …, which tell how they are joined."""
    from lesionkit.nets.cube.chain import Chain
    from lesionkit.nets.onnx_file import OnnxNet
    from lesionkit.nets.weights import load_net

    chain, name = load_net(file, Chain)[0], file.stem
    mask, cube = chain.mask, (chain.settings.side,) * 3
    sides = (max(_LEAST_SIDE, mask.multiple),) * mask.settings.dimensions
    yield OnnxNet(f"{name}-draws", mask, (1, 1, *sides), ("logit",), _of_mask(mask, settings))
    for number, net in enumerate(chain.cubes, start=1):
        told = _of_cube(number, chain.settings, settings)
        yield OnnxNet(f"{name}-judges-{number}", net, (1, 1, *cube), ("logit",), told)


def _of_mask(mask: "MaskNet", settings: CtSettings) -> dict[str, Any]:
    return {
        "input": input_told(f"multiples of {mask.multiple}", mask.settings.dimensions),
        "preprocessing": preprocessing_told(settings),
        "output": {"logit": "float32, shaped as the input: logit that a sample belongs to a nodule"},
        "postprocessing": {
            "steps": "connected pieces of what the logistic of the logit has at drawn_from or above, those from "
            "least_mm3; the strongest `judged` of them are judged around their centres of mass",
            **settings.infer.model_dump(mode="json"),
        },
    }


def _of_cube(number: int, chain: "ChainSettings", settings: CtSettings) -> dict[str, Any]:
    again = {} if chain.rerank is None else {"where screen.model found a place, its logit first": chain.rerank}
    return {
        "input": input_told(f"of {chain.side}, a candidate in the middle"),
        "preprocessing": preprocessing_told(settings),
        "output": {"logit": "float32 (batch,): logit that there is a nodule in the middle"},
        "postprocessing": {
            "steps": "a candidate's probability is the logistic of intercept + the sum of coefficients × logits, that "
            "of the highest sample drawn first, then those of judges 1, 2 …",
            "judge": number,
            "coefficients": list(chain.coefficients),
            "intercept": chain.join.intercept,
            **{name: join.model_dump(mode="json") for name, join in again.items()},
        },
    }
