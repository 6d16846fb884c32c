#!/usr/bin/env python3
"""Adds one pointwise record to a copy of the records and shows that everything else follows from it: the enumerator,
the op's row, API, method, in-place method, recorder hook, gradient, kernel, expression data, dialect op, reference and
test row. The generated sources are compiled, and the kernel runs. Then breaks the record and reads the messages."""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

RECORD = """
def LogSigmoid : Pointwise<"log_sigmoid", (ins Weft_Tensor:$x)> {
  let summary = "logarithm of sigmoid";
  let value = "min(x, 0) - log(1 + exp(-abs(x)))";
  let example = "log_sigmoid(tensor({0.f}))";
  let gives = "[-0.6931] f32[1]";
}
"""

# back end -> (file, what must stand in it)
EXPECTED = {
    "op-list": ("op_enum.inc", [r"^  log_sigmoid,$"]),
    "op-table": ("op_table.inc", [r"^void vjp_log_sigmoid\(VjpContext&\);$",
                                  r'\.name = "log_sigmoid", \.kind = OpKind::pointwise, \.operand_count = 1,.*\.differentiable = true']),
    "op-graphs": ("op_graphs.inc", [r'\.name = "log_sigmoid", \.kind = RecordKind::pointwise, \.signature = "N"']),
    "api-decls": ("api.inc", [r"^/// Returns logarithm of sigmoid\.$", r"^Tensor log_sigmoid\(const Arg& x\);$"]),
    "api-methods": ("methods.inc", [r"^Tensor log_sigmoid\(Loc loc = Loc::current\(\)\) const;$",
                                    r"^const Tensor& log_sigmoid_\(Loc loc = Loc::current\(\)\) const;$"]),
    "api-defs": ("api_defs.inc", [r"follow_known<1>\(Op::log_sigmoid, x\.impl\(\)\)", r"return pointwise\(Op::log_sigmoid, \{&x\}\);"]),
    "vjp": ("vjp.inc", [r"^void vjp_log_sigmoid\(VjpContext& context\) \{$"]),
    "lanes": ("lanes.inc", [r"^struct LogSigmoid \{$", r"X\(log_sigmoid, LogSigmoid\)"]),
    "tests": ("test_table.inc", [r'^\{"log_sigmoid", Op::log_sigmoid, "N", 0, "floating", "same", -4, 4, true, true\},$']),
    "examples": ("examples.inc", [r'^\{"log_sigmoid", \[\] \{ return Tensor\(log_sigmoid\(tensor\(\{0\.f\}\)\)\); \}, "\[-0\.6931\] f32\[1\]"\},$']),
    "docs": ("ops.md", [r"^### log_sigmoid$", r"^- value: `min\(x, 0\) - log\(1 \+ exp\(-abs\(x\)\)\)`$", r"^- gradient: derived from the value$"]),
}

# field text -> what weft-tblgen must say
MISTAKES = {
    'let value = "min(x, 0) - lgo(x)";': "no function or op is named 'lgo'",
    'let value = "min(x, 0";': "',' is expected at the end",
    'let value = "(x > 0) * x";': "'*' operand 1 must be a number, got a bool",
    'let value = "x > 0";': "the value is a mask, the result is not bool",
    'let value = "x"; let grad = ["1 + x"];': "the gradient does not use dy",
    'let value = "x"; let grad = ["dy", "dy"];': "a gradient is needed for each of the 1 operands",
    'let value = "mantissa(x)";': "'mantissa' has no derivative rule",
    'let value = "x"; let grad = ["rint(dy)"];': "a gradient is written over ops, and 'rint' is none",
}


def run(command, **options):
    return subprocess.run([str(c) for c in command], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)


def must(command, **options):
    done = run(command, **options)
    if done.returncode != 0:
        sys.exit(f"failed: {' '.join(map(str, command))}\n{done.stdout}")
    return done.stdout


class Tree:
    """A copy of the records in a folder of its own."""

    def __init__(self, args, folder):
        self.args, self.folder = args, folder
        self.gen = folder / "gen/weft/gen"
        self.gen.mkdir(parents=True)
        (folder / "ir/weft").mkdir(parents=True)
        shutil.copytree(args.source / "ir/ops", folder / "ir/ops")
        shutil.copy(args.source / "ir/weft/base.td", folder / "ir/weft/base.td")
        self.pristine = (folder / "ir/ops/pointwise.td").read_text()

    def add(self, record):
        text = self.pristine.replace("\n#endif", record + "\n#endif")
        (self.folder / "ir/ops/pointwise.td").write_text(text)

    def command(self, tool, backend, out):
        # TableGen looks for includes in the working directory first: it runs in the copy.
        return [tool, f"-gen-{backend}", "-I", ".", "-I", self.args.llvm_include, "ir/ops/ops.td", "-o", out]


def check_generated(tree):
    for backend, (name, patterns) in EXPECTED.items():
        must(tree.command(tree.args.tblgen, backend, tree.gen / name), cwd=tree.folder)
        text = (tree.gen / name).read_text()
        for pattern in patterns:
            if not re.search(pattern, text, re.MULTILINE):
                sys.exit(f"{name}: must have a line like {pattern}")
    dialect = tree.folder / "ops.h.inc"
    must(tree.command(tree.args.mlir_tblgen, "op-decls", dialect), cwd=tree.folder)
    if "class LogSigmoid : public ::mlir::Op<LogSigmoid" not in dialect.read_text():
        sys.exit("the dialect must have a class LogSigmoid")


def check_compiles(tree):
    source = tree.args.source
    flags = ["-std=c++20", "-O1", "-Wall", "-Wextra", "-ffp-contract=off", "-I", tree.folder / "gen", "-I", source,
             "-I", source / "runtime/include", "-I", source / "frontend/include"]
    for unit in ["runtime/core/ops.cpp", "runtime/core/op_table.cpp", "runtime/autograd/vjp_records.cpp"]:
        must([tree.args.compiler, *flags, "-fsyntax-only", source / unit])
    lanes = (tree.gen / "lanes.inc").read_text()
    shard = re.findall(r"^#if WEFT_SHARD == (\d+)$", lanes[: lanes.index("X(log_sigmoid,")], re.MULTILINE)[-1]
    program = tree.folder / "run_kernel"
    must([tree.args.compiler, *flags, "-DHWY_COMPILE_ONLY_STATIC", f"-DWEFT_SHARD={shard}", source / "kernels/pointwise.cpp",
          source / "test/add_op/run_kernel.cpp", "-lhwy", "-o", program])
    print(must([program]), end="")


def check_mistakes(tree):
    for fields, message in MISTAKES.items():
        tree.add('\ndef Broken : Pointwise<"broken", (ins Weft_Tensor:$x)> {\n  let summary = "broken";\n  ' + fields + "\n}\n")
        done = run(tree.command(tree.args.tblgen, "vjp", tree.folder / "broken.inc"), cwd=tree.folder)
        if done.returncode == 0 or f"error: {message}" not in done.stdout or "pointwise.td:" not in done.stdout:
            sys.exit(f"{fields}\nmust be refused with: {message}\ngot: {done.stdout}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ["source", "tblgen", "mlir-tblgen", "llvm-include", "compiler"]:
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    args = parser.parse_args()
    args.source, args.tblgen = args.source.resolve(), args.tblgen.resolve()
    with tempfile.TemporaryDirectory() as folder:
        tree = Tree(args, pathlib.Path(folder))
        tree.add(RECORD)
        check_generated(tree)
        check_compiles(tree)
        check_mistakes(tree)
    print("add_op: one record gave an op with everything that belongs to it")


if __name__ == "__main__":
    main()
