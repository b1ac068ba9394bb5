"""Unpacking: plain members come out, and nothing is written outside of the folder, with and without tarfile's own filters."""

import io
import tarfile

import pytest

from smartlaunch.setup.archives import UnsafeArchive, extract


@pytest.fixture(params=["filters", "no filters"], autouse=True)
def python(request, monkeypatch):
    if request.param == "no filters":
        monkeypatch.delattr(tarfile, "data_filter", raising=False)


def archive(*members):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, kind, link in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, link
            content = b"text" if kind == tarfile.REGTYPE else b""
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    packed.seek(0)
    return tarfile.open(fileobj=packed)


def test_files_and_links_within_the_folder(tmp_path):
    with archive(("a/b.txt", tarfile.REGTYPE, ""), ("a/c.txt", tarfile.SYMTYPE, "b.txt"), ("d.txt", tarfile.LNKTYPE, "a/b.txt")) as packed:
        extract(packed, tmp_path)
    assert [(tmp_path / name).read_text() for name in ("a/b.txt", "a/c.txt", "d.txt")] == ["text"] * 3


@pytest.mark.parametrize(
    "member",
    [
        ("../out.txt", tarfile.REGTYPE, ""),
        ("a/../../out.txt", tarfile.REGTYPE, ""),
        ("/out.txt", tarfile.REGTYPE, ""),
        ("a", tarfile.SYMTYPE, "../out.txt"),
        ("a", tarfile.SYMTYPE, "/out.txt"),
        ("a", tarfile.LNKTYPE, "../out.txt"),
        ("a", tarfile.FIFOTYPE, ""),
    ],
)
def test_nothing_leaves_the_folder(tmp_path, member):
    folder = tmp_path / "inside"
    folder.mkdir()
    with archive(("fine.txt", tarfile.REGTYPE, ""), member) as packed, pytest.raises(UnsafeArchive):
        extract(packed, folder)
    assert not list(folder.iterdir())
    assert not (tmp_path / "out.txt").exists()


def test_links_that_only_together_lead_out(tmp_path):
    members = [("d/e/x", tarfile.SYMTYPE, "../.."), ("y", tarfile.SYMTYPE, "d/e/x/.."), ("y/out.txt", tarfile.REGTYPE, "")]
    folder = tmp_path / "inside"
    folder.mkdir()
    with archive(*members) as packed, pytest.raises(UnsafeArchive):
        extract(packed, folder)
    assert not list(folder.iterdir())
    assert not (tmp_path / "out.txt").exists()
