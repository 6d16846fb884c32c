#!/usr/bin/env python3
"""Writes the files of test/io/data with the packages that own the formats: numpy, ml_dtypes, safetensors.

Element k, in row-major order, is k / 2 - 3 of floating tensors, 7 k - 9 of integers, and `k % 3 == 0` of bools.
"""

import argparse
import pathlib
import struct
import zipfile

import ml_dtypes
import numpy as np
import safetensors.numpy


def array(dtype, *shape):
    k = np.arange(int(np.prod(shape)))
    if dtype is bool:
        return (k % 3 == 0).reshape(shape)
    values = k * 7 - 9 if np.issubdtype(dtype, np.integer) else k / 2 - 3
    return values.astype(dtype).reshape(shape)


def write_npy(folder):
    for name, a in {
        "f32": array(np.float32, 2, 3, 4),
        "f64": array(np.float64, 5),
        "i64": array(np.int64, 2, 3),
        "bool": array(bool, 7),
        "bf16": array(ml_dtypes.bfloat16, 3, 2),
        "zero_dims": array(np.float32),
        "empty": array(np.float32, 0, 3),
        "fortran": np.asfortranarray(array(np.float32, 2, 3)),
        "big_endian": array(np.float32, 2, 3).astype(">f4"),
        "complex": array(np.complex64, 3),
        "structured": np.zeros(2, [("x", np.float32), ("n", np.int64)]),
    }.items():
        np.save(folder / f"{name}.npy", a)
    for version in (2, 0), (3, 0):
        with open(folder / f"version{version[0]}.npy", "wb") as file:
            np.lib.format.write_array(file, array(np.float32, 2, 3), version)


def write_npz(folder):
    arrays = {"weight": array(np.float32, 2, 3), "count": array(np.int64), "mask": array(bool, 7)}
    np.savez(folder / "stored.npz", **arrays)
    np.savez_compressed(folder / "deflated.npz", zeros=np.zeros((100, 1000), np.float32), **arrays)
    # Without 64-bit records, as other programs write archives.
    with zipfile.ZipFile(folder / "plain.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(folder.parent / "npy/f32.npy", "f32.npy")
        archive.comment = b"a comment"


def write_safetensors(folder):
    safetensors.numpy.save_file(
        {
            "f32": array(np.float32, 2, 3, 4),
            "f64": array(np.float64, 5),
            "i64": array(np.int64, 2, 3),
            "bool": array(bool, 7),
            "bf16": array(ml_dtypes.bfloat16, 3, 2),
            "zero_dims": array(np.float32),
            "empty": array(np.float32, 0, 3),
        },
        folder / "all.safetensors",
        {"format": "np", "note": "\u00e4 \"quoted\" text"},
    )
    safetensors.numpy.save_file({"c": array(np.uint64, 3)}, folder / "unsupported.safetensors")
    # A header that no library pads: its elements are misaligned.
    header = b'{"x":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}'
    header += b" " * ((3 - len(header)) % 8)
    (folder / "misaligned.safetensors").write_bytes(
        struct.pack("<Q", len(header)) + header + array(np.float32, 3).tobytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=pathlib.Path, default=pathlib.Path(__file__).parent / "data")
    folder = parser.parse_args().folder
    for name, write in ("npy", write_npy), ("npz", write_npz), ("safetensors", write_safetensors):
        (folder / name).mkdir(parents=True, exist_ok=True)
        write(folder / name)


if __name__ == "__main__":
    main()
