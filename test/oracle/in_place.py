#!/usr/bin/env python3
"""PyTorch's forms in place: `in_place.py > data/in_place.txt` lists them where PyTorch is installed; `in_place.py --check LIST HEADERS... PAGE` says which of
them Weft's headers do not declare and the page does not give a reason for. A name on the page that is there after all is a mistake as well."""
import re, sys
from pathlib import Path


def of_pytorch():
    import torch
    places = {"torch.Tensor": torch.Tensor, "torch": torch, "torch.nn.functional": torch.nn.functional}
    names = {}
    for place, of in places.items():
        for name in dir(of):
            if name.endswith("_") and not name.startswith("_"):
                names.setdefault(name, place)
    print(f"# Forms in place of PyTorch {torch.__version__.split('+')[0]}, by in_place.py.")
    for name, place in sorted(names.items()):
        print(name, place)


def check(listed, headers, page):
    declared = set()
    for header in headers:
        declared |= set(re.findall(r"Tensor& (\w+_)\(", Path(header).read_text()))
    section = Path(page).read_text().split("\n## In place\n")[1].split("\n## ")[0]
    left_out = {name for line in section.splitlines() if line.startswith("| `") for name in re.findall(r"`(\w+_)`", line)}
    wrong = []
    for line in Path(listed).read_text().splitlines():
        name = line.split()[0]
        if name == "#":
            continue
        if name in declared and name in left_out:
            wrong.append(f"{name} is there, and {page} says that it is not")
        if name not in declared and name not in left_out:
            wrong.append(f"{name} is neither there nor left out in {page}")
    print("\n".join(wrong) or f"{len(declared)} forms in place are there, {len(left_out)} are left out")
    return 1 if wrong else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--check"]:
        sys.exit(check(sys.argv[2], sys.argv[3:-1], sys.argv[-1]))
    of_pytorch()
