#!/usr/bin/env python3
"""The demo's accuracies: at least what is asked for, and on a device those that training on the CPU ends with."""
import argparse
import re
import subprocess
import sys

MOST_APART = 0.005  # sums in another order: 9 of 1,797 images


def train(args, device):
    """Returns the accuracies of eager and compiled training; exits where the device is not there."""
    command = [args.digits, "--epochs", str(args.epochs), "--net", args.net, "--device", device]
    run = subprocess.run(command, capture_output=True, text=True)
    print(run.stdout, run.stderr, sep="", flush=True)
    found = re.search(r"^digits: accuracy eager ([0-9.]+) compiled ([0-9.]+),", run.stdout, re.MULTILINE)
    if found:
        return [float(a) for a in found.groups()]
    if device != "cpu" and re.match(r"(opencl|cuda)(:\d+)?: .* must be", run.stderr):
        print(f"SKIPPED: {run.stderr.strip()}")
        sys.exit(0)
    sys.exit(f"digits on {device} must print its accuracies, got exit code {run.returncode}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("digits", help="the demo's executable")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--net", default="mlp")
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--least", type=float, default=0, help="accuracy that each training must reach")
    args = parser.parse_args()
    accuracies = {device: train(args, device) for device in dict.fromkeys([args.device, "cpu"])}
    flat = sum(accuracies.values(), [])
    if min(flat) < args.least:
        sys.exit(f"accuracies must be at least {args.least}, got {accuracies}")
    if max(flat) - min(flat) > MOST_APART:
        sys.exit(f"accuracies must be within {MOST_APART}, got {accuracies}")


if __name__ == "__main__":
    main()
