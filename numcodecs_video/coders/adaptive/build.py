"""Build ``kernel.wasm`` from ``kernel.c``: ``python build.py`` needs clang and lld, nothing else.

Another release of clang may arrange the same steps otherwise, and decode the same; the file in the
repository is of ``CLANG``.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

__all__ = ["CLANG", "build"]

#: the release that built the file in the repository
CLANG = "14.0.6"
_FOLDER = Path(__file__).parent
_COMPILE = (
    "clang",
    "--target=wasm32",
    "-O2",
    "-msimd128",
    "-mnontrapping-fptoint",
    "-std=c11",
    "-ffp-contract=off",
    "-fwrapv",
    "-ffreestanding",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-c",
)
# By itself: clang would send what it links through any wasm-opt that it finds.
_LINK = ("wasm-ld", "--no-entry", "--strip-all", "--stack-first", "-z", "stack-size=65536")


def build(target: Path) -> None:
    """Compile the kernel to a module at ``target``."""
    with tempfile.TemporaryDirectory() as folder:
        unlinked = Path(folder) / "kernel.o"
        subprocess.run([*_COMPILE, str(_FOLDER / "kernel.c"), "-o", str(unlinked)], check=True)
        subprocess.run([*_LINK, str(unlinked), "-o", str(target)], check=True)


if __name__ == "__main__":
    build(Path(sys.argv[1]) if len(sys.argv) > 1 else _FOLDER / "kernel.wasm")
