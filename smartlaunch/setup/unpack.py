"""Unpacks the Chromium that an npm package holds in Brotli parts.

Python has no Brotli of its own, so the Node that Playwright brings does that half, and Python's tar reader the other.
"""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

from smartlaunch.setup.archives import extract
from smartlaunch.setup.commands import Done, on_path, playwrights_node, run

_LIMIT_S = 120
_PARTS = {"chromium.br": "chromium", "al2023.tar.br": "al2023.tar", "swiftshader.tar.br": "swiftshader.tar", "fonts.tar.br": "fonts.tar"}
_SCRIPT = """
const fs = require('fs'), zlib = require('zlib'), {pipeline} = require('stream');
const [from, to] = process.argv.slice(1).slice(-2);
pipeline(fs.createReadStream(from), zlib.createBrotliDecompress(), fs.createWriteStream(to), error => {
  if (error) { console.error(error.message); process.exit(1); }
});
"""


def unpack(package: Path, folder: Path) -> Done:
    """Unpack ``node_modules/@sparticuz/chromium`` into a folder: the program, the libraries beside it, and ``lib/``."""
    node = playwrights_node() or (Path(found) if (found := on_path("node")) else None)
    if node is None:
        return Done(ok=False, said="there is no Node to unpack it with")
    folder.mkdir(parents=True, exist_ok=True)
    for source, name in _PARTS.items():
        part = package / "bin" / source
        if not part.is_file():
            continue
        done = run([str(node), "-e", _SCRIPT, str(part), str(folder / f"{name}.part")], limit_s=_LIMIT_S)
        if not done.ok:
            return done
        (folder / f"{name}.part").replace(folder / name)
        if name.endswith(".tar"):
            with tarfile.open(folder / name) as archive:
                extract(archive, folder)
            (folder / name).unlink()
    program = folder / "chromium"
    if not program.is_file():
        return Done(ok=False, said="the package holds no chromium.br")
    program.chmod(0o755)
    _gather_libraries(folder)
    return Done(ok=True, said=str(program))


def _gather_libraries(folder: Path) -> None:
    """Put every shared library into ``lib/``, where the launcher looks for them; those of the graphics stay beside the program too."""
    target = folder / "lib"
    target.mkdir(exist_ok=True)
    for path in sorted(folder.rglob("*.so*")):
        if path.parent != target and path.is_file():
            shutil.copy2(path, target / path.name)
