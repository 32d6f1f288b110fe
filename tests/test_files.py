"""Files are there as a whole or not at all, whatever the disk says; damaged ones are one message."""

import os
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

from hikibayes.files import FORMAT, netcdf_bytes, read_dataset, read_tree, write_whole
from hikibayes.spec import InputError

DATA = xr.Dataset({"a": ("x", np.arange(500.0)), "label": ("x", np.array(["one", "two"] * 250, dtype=object))})


def test_a_tree_comes_back_from_its_bytes(tmp_path):
    tree = xr.DataTree.from_dict({"posterior": DATA, "participants": DATA})
    write_whole(tmp_path / "new" / "tree.nc", netcdf_bytes(tree))
    assert set(read_tree(tmp_path / "new" / "tree.nc").children) == {"posterior", "participants"}
    xr.testing.assert_equal(read_dataset(tmp_path / "new" / "tree.nc", group="posterior"), DATA)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["tree.nc"]


@pytest.mark.parametrize("size", [0, 7, 100, 3000, -20])
@pytest.mark.parametrize("read", [read_dataset, read_tree])
def test_a_damaged_file_is_one_message(tmp_path, size, read):
    path = tmp_path / "cut.nc"
    path.write_bytes(netcdf_bytes(DATA)[:size])
    with pytest.raises(InputError, match="is damaged, or not the netCDF file it should be") as caught:
        read(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_what_is_no_file_or_has_no_such_group_is_one_message(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read_tree(tmp_path)
    (tmp_path / "whole.nc").write_bytes(netcdf_bytes(DATA))
    with pytest.raises(InputError, match="is damaged, or not the netCDF file it should be"):
        read_dataset(tmp_path / "whole.nc", group="none")


FULL = """
import resource, signal, sys
from pathlib import Path
import numpy as np, xarray as xr
from hikibayes.files import FORMAT, netcdf_bytes, write_whole
from hikibayes.spec import InputError
content = netcdf_bytes(xr.Dataset({"a": ("x", np.random.default_rng(1).normal(size=50_000))}))
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    write_whole(Path(sys.argv[1]), content)
except InputError as error:
    print(error)
"""


def test_a_disk_that_fills_up_leaves_what_was_there(tmp_path):
    """A limit on the size of files stands for a disk that is full; the netCDF library would end the process."""
    (tmp_path / "draws.nc").write_text("old")
    run = subprocess.run(
        [sys.executable, "-c", FULL, tmp_path / "draws.nc"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run
    assert run.stdout.strip() == f"{tmp_path}/draws.nc: cannot be written (File too large)"
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"draws.nc": "old"}


@pytest.mark.parametrize("where", ["file/inside.nc", "folder"])
def test_a_file_for_a_folder_and_a_folder_for_a_file(tmp_path, where):
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder" / "full").mkdir(parents=True)
    with pytest.raises(InputError, match="cannot be written"):
        write_whole(tmp_path / where, b"x")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder", "full"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_of_somebody_else(tmp_path):
    tmp_path.chmod(0o555)
    with pytest.raises(InputError, match="Permission denied"):
        write_whole(tmp_path / "x", b"x")


@pytest.mark.parametrize("group", [None, "a"])
def test_a_netcdf_of_a_newer_format_is_refused_with_what_to_do_whichever_group_is_read(tmp_path, monkeypatch, group):
    path = tmp_path / "tree.nc"
    made = xr.DataTree.from_dict({"a": DATA})
    write_whole(path, netcdf_bytes(made))
    assert read_tree(path).attrs == {} == read_dataset(path, group).attrs
    monkeypatch.setattr("hikibayes.files.FORMAT", FORMAT + 1)
    write_whole(path, netcdf_bytes(made))
    monkeypatch.undo()
    for read in (read_tree, lambda path: read_dataset(path, group)):
        with pytest.raises(InputError, match=f"is of format {FORMAT + 1}, and .* up to {FORMAT}; update"):
            read(path)
