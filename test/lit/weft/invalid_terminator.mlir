// RUN: weft-opt %s -allow-unregistered-dialect -verify-diagnostics

// Parts of a kernel end with what they give.
func.func @part_end() {
  // expected-error @below {{a part must end with weft.yield}}
  "weft.kernel"() ({
    "test.end"() : () -> ()
  }) : () -> ()
  return
}
