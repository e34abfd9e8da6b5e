"""The simple net of system 4, row 4.13: strided convolutions, and one transposed convolution back to every pixel."""

import torch
from torch import Tensor, nn
from torch.nn.functional import elu, max_pool2d, pad


class TransposedNet(nn.Module):
    """Maps slides (b, 3, y, x), sides multiples of 16, to logits (b, 1, y, x). 1,538,048 parameters.

    The softmax over two classes is kept as published; the logit is their difference, which is the same probability.
    """

    stride = 1
    multiple = 16

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 100, 3, stride=2)
        self.second = nn.Conv2d(100, 200, 3, stride=2)
        self.third = nn.Conv2d(200, 300, 3, padding=1)
        self.fourth = nn.Conv2d(300, 300, 3, padding=1)
        self.dropout = nn.Dropout(dropout)
        self.classes = nn.Conv2d(300, 2, 1)
        self.up = nn.ConvTranspose2d(2, 2, 31, stride=16, padding=7)

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        x = image
        for strided in (self.first, self.second):
            # Keras pads an even side by one sample, at its end.
            x = max_pool2d(elu(strided(pad(x, (0, 1, 0, 1)))), 2)
        x = self.dropout(elu(self.fourth(elu(self.third(x)))))
        # One sample too many, which Keras cuts off at the end.
        two = self.up(self.classes(x))[..., :-1, :-1]
        return torch.sub(two[:, 1:], two[:, :1])
