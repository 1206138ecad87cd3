"""One command for each check: lint, types, docs, tests with the newest and the lowest dependencies.

``nox`` runs all of them on the Python that runs nox; ``.ci/run`` chooses the Pythons. The tests run
on the built wheel, away from the source, as users get it.
"""

from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path

import nox

nox.options.sessions = ["lint", "types", "docs", "tests", "floors"]
ROOT = Path(__file__).parent
FLOORS = ROOT / ".ci" / "floors.txt"


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff, and its formatter."""
    session.install(*_group("lint", "ruff"))
    session.run("ruff", "check", "--no-cache", ".")
    session.run("ruff", "format", "--no-cache", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Mypy, strict."""
    _install(session, ".[all,lint]")
    cache = session.create_tmp()
    session.run("mypy", "--strict", "--cache-dir", cache, "numcodecs_video")


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation; a warning is an error."""
    _install(session, ".[docs]")
    out = Path(session.create_tmp())
    session.run(
        *("python", "-m", "sphinx", "-n", "-W", "-q", "-b", "html"),
        *("-d", str(out / "doctrees"), "docs", str(out / "html")),
    )


@nox.session
def tests(session: nox.Session) -> None:
    """The tests of the built wheel, with the newest dependencies."""
    # Another project's checks of bounds; it has no final release yet.
    _test(session, "numcodecs-safeguards>=0.1.0rc5")


@nox.session
def floors(session: nox.Session) -> None:
    """The same with the lowest release of every dependency."""
    _test(session, "--constraint", str(FLOORS))


def _test(session: nox.Session, *requirements: str) -> None:
    """Build both distributions, check them, and test the wheel with the tests of the source one."""
    scratch = Path(session.create_tmp()).resolve()
    dist, source = scratch / "dist", scratch / "source"
    for folder in (dist, source):
        shutil.rmtree(folder, ignore_errors=True)
    # The tools have requirements of their own, which are none of the package's.
    session.run("python", "-m", "venv", str(scratch / "tools"))
    python = str(scratch / "tools" / ("Scripts" if os.name == "nt" else "bin") / "python")
    session.run(python, "-m", "pip", "install", "-q", "build", "twine", external=True)
    environment = _build_outside(scratch)
    session.run(python, "-m", "build", "--outdir", str(dist), env=environment, external=True)
    session.run(
        python, "-m", "twine", "check", "--strict", *map(str, dist.iterdir()), external=True
    )
    (archive,), (wheel,) = dist.glob("*.tar.gz"), dist.glob("*.whl")
    with tarfile.open(archive) as packed:
        packed.extractall(source, filter="data")
    (top,) = source.iterdir()
    shutil.rmtree(top / "numcodecs_video")
    session.install(*requirements, f"{wheel}[test]")
    session.run("python", "-m", "pip", "check")
    with session.chdir(top):
        session.run(
            # The slow ones, too.
            *("python", "-m", "pytest", "-p", "no:cacheprovider", "-m", ""),
            *("tests", "--pyargs", "numcodecs_video"),
            *session.posargs,
        )


def _install(session: nox.Session, what: str) -> None:
    session.install(what, env=_build_outside(Path(session.create_tmp()).resolve()))


def _build_outside(scratch: Path) -> dict[str, str]:
    """Keep ``build/`` out of the checkout: one of an earlier version would end up in the wheel."""
    (scratch / "egg").mkdir(parents=True, exist_ok=True)
    shutil.rmtree(scratch / "build", ignore_errors=True)
    config = scratch / "build.cfg"
    config.write_text(
        f"[build]\nbuild_base = {scratch / 'build'}\n[egg_info]\negg_base = {scratch / 'egg'}\n",
        encoding="utf-8",
    )
    return {**os.environ, "DIST_EXTRA_CONFIG": str(config)}


def _group(extra: str, *names: str) -> list[str]:
    """The requirements of an extra whose names begin so, as pyproject.toml pins them."""
    project = nox.project.load_toml(ROOT / "pyproject.toml")
    found = project["project"]["optional-dependencies"][extra]
    return [requirement for requirement in found if requirement.startswith(names)]
