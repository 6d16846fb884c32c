"""Writes digits.txt from scikit-learn's copy of the data: convert.py PATH/TO/digits.csv.gz > digits.txt

A line an image: 64 pixels of 0..16 in row-major order, each one character of "0123456789abcdefg", a
space, and the digit that it shows.
"""

import csv
import gzip
import sys

CHARACTERS = "0123456789abcdefg"

with gzip.open(sys.argv[1], "rt") as file:
    for row in csv.reader(file):
        *pixels, label = (int(float(v)) for v in row)
        assert len(pixels) == 64 and 0 <= label <= 9
        print("".join(CHARACTERS[p] for p in pixels), label)
