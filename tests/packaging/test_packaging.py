"""Wheel and sdist: what is in them, and that the wheel works in an empty folder beside packages that could get in its way."""

import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from smartlaunch.setup.archives import extract

pytestmark = pytest.mark.xdist_group("packaging")
ROOT = Path(__file__).resolve().parents[2]
FOREIGN = "raise RuntimeError('a foreign package was imported')\n"


def run(*command: object, cwd: Path, limit_s: float = 240, code: int | None = 0, **env: str) -> str:
    clean = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("PYTEST_", "SMARTLAUNCH_")) and key not in ("PYTHONPATH", "VIRTUAL_ENV")
    }
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=clean | env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=limit_s,
        check=False,
    )
    text = done.stdout + done.stderr
    assert code is None or done.returncode == code, text[-4000:]
    assert "Traceback" not in text, text[-4000:]
    return text


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The folder with a wheel and an sdist of this checkout."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-d", out, cwd=ROOT)
    return out


@pytest.fixture(scope="session")
def wheel(built):
    return next(built.glob("*.whl"))


@pytest.fixture(scope="session")
def installed(tmp_path_factory, wheel):
    """The scripts folder of an environment with the wheel and with packages whose names clash with ours."""
    folder = tmp_path_factory.mktemp("venv") / "venv"
    run(sys.executable, "-m", "venv", folder, cwd=folder.parent)
    python = folder / "bin" / "python"
    run(python, "-m", "pip", "--disable-pip-version-check", "install", "-q", "-c", _constraints(tmp_path_factory), wheel, cwd=folder.parent)
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])", cwd=folder.parent).strip())
    for name in ("steps", "suites", "features"):
        (site / name).mkdir()
        (site / name / "__init__.py").write_text(FOREIGN)
    (site / "conftest.py").write_text(FOREIGN)
    (site / "foreign_plugin.py").write_text(FOREIGN)
    info = site / "foreign_plugin-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign-plugin\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[pytest11]\nforeign = foreign_plugin\n")
    return folder / "bin"


def _constraints(tmp_path_factory) -> Path:
    """The locked versions without their hashes, which pip wants for all or none."""
    lines = [line.split(" \\")[0] for line in (ROOT / "requirements.txt").read_text().splitlines() if line and line[0].isalnum()]
    path = tmp_path_factory.mktemp("lock") / "constraints.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


def names(archive: Path) -> set[str]:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel_file:
            return set(wheel_file.namelist())
    with tarfile.open(archive) as sdist:
        return {name.split("/", 1)[1] for name in sdist.getnames() if "/" in name}


def tracked(*folders: str) -> set[str]:
    return {
        path.relative_to(ROOT).as_posix()
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix != ".pyc" and "node_modules" not in path.parts
    }


def test_the_wheel_holds_the_package_and_the_whole_suite(wheel):
    held = names(wheel)
    assert tracked("smartlaunch") <= held
    assert {f"smartlaunch/_suite/{name}" for name in tracked("features", "steps", "suites", "targets")} <= held
    assert "smartlaunch/_suite/conftest.py" in held
    tops = {name.split("/")[0] for name in held}
    assert tops == {"smartlaunch", next(top for top in tops if top.endswith(".dist-info"))}


def test_the_sdist_builds_the_same_wheel(built, wheel, tmp_path):
    with tarfile.open(next(built.glob("*.tar.gz"))) as sdist:
        extract(sdist, tmp_path)
    source = next(tmp_path.iterdir())
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path / "dist", cwd=source)
    assert names(next((tmp_path / "dist").glob("*.whl"))) == names(wheel)


def test_nothing_built_or_locked_names_a_host_or_this_machine(built):
    words = ["files." + "pythonhosted", "registry." + "npmjs", "--index-" + "url http", str(Path.home()) + "/", str(ROOT)]
    for archive in built.iterdir():
        folder = built / "look" / archive.name
        folder.mkdir(parents=True, exist_ok=True)
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as opened:
                opened.extractall(folder)
        elif archive.suffix == ".gz":
            with tarfile.open(archive) as sdist:
                extract(sdist, folder)
        for path in folder.rglob("*"):
            if path.is_file() and path.suffix in {".py", ".toml", ".txt", ".json", ".ini", ".md", ".feature", ".cfg"}:
                text = path.read_text("utf-8", "replace")
                assert not [word for word in words if word in text], path.name


def test_the_metadata_has_upper_bounds_where_private_parts_are_used():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">=3.11"
    for name in ("pytest", "pytest-bdd", "allure-pytest", "playwright", "httpx"):
        assert "<" in next(line for line in project["dependencies"] if line.split(">")[0] == name)


def test_the_locks_pin_versions_and_hashes():
    for file in ("requirements.txt", "requirements-dev.txt"):
        text = (ROOT / file).read_text()
        assert "://" not in text
        rows = [line for line in text.splitlines() if line and line[0].isalnum()]
        assert all("==" in row for row in rows)
        assert text.count("--hash=sha256:") >= len(rows)
        locked = {row.split("==")[0].split("[")[0].lower() for row in rows}
        wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
        assert {line.split(">")[0].split("[")[0].lower() for line in wanted} <= locked


def test_the_installed_command_lists_the_suite_in_an_empty_folder(installed, tmp_path):
    text = run(installed / "smartlaunch", "run", "--list", cwd=tmp_path)
    listed = run(sys.executable, "-m", "smartlaunch.cli", "run", "--list", cwd=ROOT)
    assert text == listed
    assert "standalone-public/" in text
    assert list(tmp_path.iterdir()) == []


def test_the_installed_package_finds_its_data(installed, tmp_path):
    assert '"$schema"' in run(installed / "smartlaunch", "schema", "target", cwd=tmp_path)
    assert "omits_state" in run(installed / "smartlaunch", "defects", cwd=tmp_path)
    assert "oracle-health-patient" in run(installed / "smartlaunch", "run", "--target", "nope", cwd=tmp_path, code=2)
    assert "browser:" in run(installed / "smartlaunch", "setup", "--check", cwd=tmp_path, code=None)


def test_the_installed_command_runs_a_scenario_beside_foreign_packages(installed, tmp_path):
    for name in ("steps", "suites"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(FOREIGN)
    (tmp_path / "conftest.py").write_text(FOREIGN)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    listed = run(installed / "smartlaunch", "run", "--list", "--suite", "standalone-public", cwd=tmp_path)
    scenario = next(line.strip() for line in listed.splitlines() if line.strip().startswith("standalone-public/"))
    text = run(installed / "smartlaunch", "run", "--scenario", scenario, "--out", "out", cwd=tmp_path)
    assert "1 passed" in text
    assert (tmp_path / "out" / "index.html").is_file()
    assert (tmp_path / "out" / "run.json").is_file()
