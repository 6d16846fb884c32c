# Runs the .mlir files below this folder: RUN lines of weft-opt and FileCheck, one English sentence a case.
# The build passes two folders: `lit --param bin=BUILD/bin --param llvm=LLVM/bin test/lit`.
import os

import lit.formats

config.name = "weft"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(os.path.dirname(lit_config.params["bin"]), "test", "lit")
config.environment["PATH"] = os.pathsep.join([lit_config.params["bin"], lit_config.params["llvm"], os.environ["PATH"]])
config.environment["FILECHECK_OPTS"] = "--dump-input=fail --dump-input-context=8"
for name in ("XDG_CACHE_HOME", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"):
    if name in os.environ:
        config.environment[name] = os.environ[name]
