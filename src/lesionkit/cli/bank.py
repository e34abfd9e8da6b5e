"""`lesionkit bank`: real nodules, cut out and kept for phantoms and training."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="Folder with image/ and mask/, or of scans with LIDC's XML.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="BANK", help="Folder of the bank.")],
) -> None:
    """Cut real nodules out of scans, as a bank that training and phantoms draw from.

    SOURCE is a folder with image/ and mask/, one volume per nodule or per scan, and a table nodules.csv; or a folder of
    DICOM scans with LIDC's XML files beside them. BANK gets voxels.npz, nodules.csv and bank.json.

    Examples:
      lesionkit bank NODULES --out BANK
      lesionkit phantom ct --out DATA --insert-into SCANS --nodules BANK
      lesionkit run ct-nodule DATA --set sample.nodules=BANK
    """
    from lesionkit.cli.conclusion import conclude
    from lesionkit.recipes.ct.bank import make_bank

    conclude(f"bank {source}", make_bank(source, out))
