// RUN: weft-opt %s -split-input-file -verify-diagnostics

// Shapes broadcast as NumPy's do.
func.func @broadcast(%x: tensor<3xf32>, %y: tensor<4xf32>) {
  // expected-error @below {{shapes must broadcast, got [3] and [4]}}
  %0 = weft.add %x, %y : (tensor<3xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

// The result has the shape that the rule gives.
func.func @result(%x: tensor<3xf32>) {
  // expected-error @below {{the result's shape must be [3], got [4]}}
  %0 = weft.exp %x : (tensor<3xf32>) -> tensor<4xf32>
  return
}

// -----

// Promotion happens before.
func.func @elements(%x: tensor<3xf32>, %y: tensor<3xf64>) {
  // expected-error @below {{operands must have one element type, got 'f32' and 'f64'}}
  %0 = weft.add %x, %y : (tensor<3xf32>, tensor<3xf64>) -> tensor<3xf32>
  return
}

// -----

// A comparison gives a mask.
func.func @comparison(%x: tensor<3xf32>) {
  // expected-error @below {{the result's element type must be i1, got 'f32'}}
  %0 = weft.lt %x, %x : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return
}

// -----

// A condition is a mask.
func.func @mask(%x: tensor<3xf32>) {
  // expected-error @below {{operand #0 must be tensor of 1-bit signless integer values}}
  %0 = weft.where %x, %x, %x : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return
}

// -----

// A reduction names dims that are there.
func.func @reduction(%x: tensor<3xf32>) {
  // expected-error @below {{dim must lie in 0 to 1, got 1}}
  %0 = weft.sum %x {structure = array<i64: 0, 1>} : (tensor<3xf32>) -> tensor<f32>
  return
}

// -----

// A view keeps the number of elements.
func.func @view(%x: tensor<6xf32>) {
  // expected-error @below {{the number of elements must stay the same, got [6] as [2, 2]}}
  %0 = weft.view %x {sizes = affine_map<() -> (2, 2)>} : (tensor<6xf32>) -> tensor<2x2xf32>
  return
}

// -----

// A permutation names each dim once.
func.func @permute(%x: tensor<2x3xf32>) {
  // expected-error @below {{the order must name each dim once}}
  %0 = weft.permute %x {structure = array<i64: 0, 0>} : (tensor<2x3xf32>) -> tensor<2x2xf32>
  return
}

// -----

// Only dims of size 1 are repeated.
func.func @expand(%x: tensor<2xf32>) {
  // expected-error @below {{only dims of size 1 can be expanded, got [2] to [4]}}
  %0 = weft.expand %x {sizes = affine_map<() -> (4)>} : (tensor<2xf32>) -> tensor<4xf32>
  return
}

// -----

// The inner sizes of a product agree.
func.func @product(%x: tensor<2x3xf32>) {
  // expected-error @below {{the inner sizes must be equal, got [2, 3] and [2, 3]}}
  %0 = weft.matmul %x, %x : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

// Parts of a concatenation agree but in the dim.
func.func @concatenation(%x: tensor<2x3xf32>, %y: tensor<3x3xf32>) {
  // expected-error @below {{shapes must agree but in the dim, got [2, 3] and [3, 3]}}
  %0 = weft.concatenate %x, %y {structure = array<i64: 1>} : (tensor<2x3xf32>, tensor<3x3xf32>) -> tensor<2x6xf32>
  return
}

// -----

// A number has no dims.
func.func @number(%x: f64) {
  // expected-error @below {{the result must have no dims, got 'tensor<2xf32>'}}
  %0 = weft.scalar %x : f64 -> tensor<2xf32>
  return
}

// -----

// An update has the source's sizes but in its dim.
func.func @update(%x: tensor<4x4xf32>, %y: tensor<3x2xf32>) {
  // expected-error @below {{the update must have the source's sizes but in the dim, got 'tensor<3x2xf32>'}}
  %0 = weft.slice_update %x, %y dim 1 at affine_map<() -> (0, 1)> : (tensor<4x4xf32>, tensor<3x2xf32>) -> tensor<4x4xf32>
  return
}

// -----

// A step of a reduction has one accumulator.
func.func @step(%x: tensor<4xf32>) {
  // expected-error @below {{the record must be a reduction with one accumulator, got "argmax"}}
  %0 = weft.partial_reduce "argmax" %x dims [0] : (tensor<4xf32>) -> tensor<f32>
  return
}

// -----

// A kernel's results are what its parts yield.
func.func @kernel(%x: tensor<4xf32>) {
  // expected-error @below {{results must be what the parts yield, got 2 for 1}}
  %0:2 = weft.kernel {
    %1 = weft.exp %x : (tensor<4xf32>) -> tensor<4xf32>
    weft.yield %1 : tensor<4xf32>
  } : tensor<4xf32>, tensor<4xf32>
  return
}

// -----

// A launch names a place for each of its buffers.
func.func @launch(%x: tensor<4xf32>) {
  // expected-error @below {{buffers must name each of the 2 buffers, got 1}}
  %0 = weft.launch @k(%x : tensor<4xf32>) {buffers = [#weft.buffer<leaf 0>], summary = "", tied = array<i64: -1>} : tensor<4xf32>
  return
}

// -----

// An index has the rank of what it indexes.
func.func @gather(%x: tensor<4x3xf32>, %at: tensor<4xi64>) -> tensor<4xf32> {
  // expected-error @below {{index must have the rank of x, got [4] for [4, 3]}}
  %0 = weft.gather %x, %at {structure = array<i64: 0>} : (tensor<4x3xf32>, tensor<4xi64>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// A convolution has as many places as its windows fit the padded image.
func.func @convolution(%x: tensor<1x4x9xf32>, %w: tensor<6x2x3xf32>) {
  // expected-error @below {{the result's shape must be [1, 6, 5], got [1, 6, 9]}}
  %0 = weft.convolution %x, %w {structure = array<i64: 2, 2, 1, 1, 1>} : (tensor<1x4x9xf32>, tensor<6x2x3xf32>) -> tensor<1x6x9xf32>
  return
}

// -----

// There is an index for each element that is scattered.
func.func @scatter(%x: tensor<4x3xf32>, %at: tensor<2x3xi64>, %src: tensor<2x2xf32>) -> tensor<4x3xf32> {
  // expected-error @below {{index and src must have one shape of the rank of x, got [2, 3] and [2, 2] for [4, 3]}}
  %0 = weft.scatter %x, %at, %src {structure = array<i64: 0>} : (tensor<4x3xf32>, tensor<2x3xi64>, tensor<2x2xf32>) -> tensor<4x3xf32>
  return %0 : tensor<4x3xf32>
}

// -----

// Its gradients have the sizes that they are given.
func.func @convolution_input(%dy: tensor<1x6x5xf32>, %w: tensor<6x2x3xf32>) {
  // expected-error @below {{the result's shape must be [1, 4, 9], got [1, 2, 9]}}
  %0 = weft.convolution_input %dy, %w {structure = array<i64: 2, 2, 1, 1, 1>, sizes = affine_map<() -> (9)>} : (tensor<1x6x5xf32>, tensor<6x2x3xf32>) -> tensor<1x2x9xf32>
  return
}

// -----

// A diagonal is of a square.
func.func @diagonal_view(%x: tensor<4x3xf32>) -> tensor<3xf32> {
  // expected-error @below {{dims must be two of one size, got [4, 3]}}
  %0 = weft.diagonal_view %x {structure = array<i64: 0, 1>} : (tensor<4x3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

// A strided view has an offset, and a stride for each size.
func.func @strided_view(%x: tensor<12xf32>) {
  // expected-error @below {{must have an operand of one dim and a stride for each size}}
  %0 = weft.strided_view %x {sizes = affine_map<() -> (1, 3, 2, 1)>} : (tensor<12xf32>) -> tensor<3xf32>
  return
}

// -----

// A determinant is that of square matrices.
func.func @determinant(%x: tensor<2x3xf32>) {
  // expected-error @below {{must have square matrices, got [2, 3]}}
  %0 = weft.determinant %x {structure = array<i64: 0>} : (tensor<2x3xf32>) -> tensor<f32>
  return
}

// -----

// A solution has as many rows as the matrix.
func.func @solution(%a: tensor<3x3xf32>, %b: tensor<2x1xf32>) {
  // expected-error @below {{must have square matrices and as many of as many rows, got [3, 3] and [2, 1]}}
  %0 = weft.linear_solution %a, %b : (tensor<3x3xf32>, tensor<2x1xf32>) -> tensor<2x1xf32>
  return
}

// -----

// Eigenvalues are those of square matrices.
func.func @eigenvalues(%x: tensor<3x2xf32>) {
  // expected-error @below {{must have square matrices, got [3, 2]}}
  %0 = weft.eigenvalues %x : (tensor<3x2xf32>) -> tensor<2xf32>
  return
}

// -----

// A wide matrix is decomposed by its transpose.
func.func @wide(%x: tensor<2x3xf32>) {
  // expected-error @below {{must have matrices with at least as many rows as columns, got [2, 3]}}
  %0 = weft.singular_system %x : (tensor<2x3xf32>) -> tensor<3x6xf32>
  return
}

// -----

// Where all columns of q are wanted, there are as many rows as the matrix has.
func.func @complete(%x: tensor<3x2xf32>) {
  // expected-error @below {{the result's shape must be [3, 5], got [2, 5]}}
  %0 = weft.orthogonal_factors %x {structure = array<i64: 1>} : (tensor<3x2xf32>) -> tensor<2x5xf32>
  return
}

// -----

// Behind factors by elimination lies a row with the pivots.
func.func @elimination(%x: tensor<3x2xf32>) {
  // expected-error @below {{the result's shape must be [4, 2], got [3, 2]}}
  %0 = weft.lu_factors %x {structure = array<i64: 1>} : (tensor<3x2xf32>) -> tensor<3x2xf32>
  return
}

// -----

// So does one with the factors of the reflections.
func.func @reflections(%x: tensor<3xf32>) {
  // expected-error @below {{must have matrices, got [3]}}
  %0 = weft.householder_factors %x : (tensor<3xf32>) -> tensor<4xf32>
  return
}

// -----

// Pivots lead to an order of as many rows as are named.
func.func @order(%x: tensor<2x3xi64>) {
  // expected-error @below {{the result's shape must be [2, 5], got [2, 3]}}
  %0 = weft.row_order %x {structure = array<i64: 0>, sizes = affine_map<() -> (5)>} : (tensor<2x3xi64>) -> tensor<2x3xi64>
  return
}

// -----

// A spectrum has as many values as its system rows.
func.func @spectrum(%x: tensor<3x2xf32>, %s: tensor<3x6xf32>) {
  // expected-error @below {{must have matrices and their systems, got [3, 2] and [3, 6]}}
  %0 = weft.spectrum %x, %s {structure = array<i64: 0>} : (tensor<3x2xf32>, tensor<3x6xf32>) -> tensor<3xf32>
  return
}

// -----

// A pseudo-inverse has the sides of its matrix exchanged.
func.func @inverse(%x: tensor<3x2xf32>, %y: tensor<3x2xf32>) {
  // expected-error @below {{must have matrices and their pseudo-inverses, got [3, 2] and [3, 2]}}
  %0 = weft.pseudo_inverse %x, %y : (tensor<3x2xf32>, tensor<3x2xf32>) -> tensor<3x2xf32>
  return
}

// -----

// Least squares have as many right sides as rows, and one number.
func.func @least_squares(%a: tensor<3x2xf32>, %b: tensor<3x1xf32>, %r: tensor<1xf32>) {
  // expected-error @below {{must have as many matrices of as many rows, and a number, got [3, 2] and [3, 1]}}
  %0 = weft.least_squares %a, %b, %r : (tensor<3x2xf32>, tensor<3x1xf32>, tensor<1xf32>) -> tensor<2x2xf32>
  return
}

// -----

// A window has a stride, padding before and after it, and a dilation.
func.func @windows(%x: tensor<1x4x9xf32>, %w: tensor<6x2x3xf32>) {
  // expected-error @below {{must have two operands, groups and windows for their spatial dims}}
  %0 = weft.convolution %x, %w {structure = array<i64: 2, 2, 1>} : (tensor<1x4x9xf32>, tensor<6x2x3xf32>) -> tensor<1x6x5xf32>
  return
}

// -----

// A pool in parts has as many places as there are parts.
func.func @parts(%x: tensor<3x7xf32>) {
  // expected-error @below {{the result's shape must be [3, 2], got [3, 7]}}
  %0 = weft.max_pool_positions %x {structure = array<i64>, sizes = affine_map<() -> (2)>} : (tensor<3x7xf32>) -> tensor<3x7xi64>
  return
}

// -----

// A dim of a partial result is one of its operand's.
func.func @dims(%x: tensor<4xf32>) {
  // expected-error @below {{dims must lie in 0 to 1, got 1}}
  %0 = weft.partial_reduce "sum" %x dims [1] : (tensor<4xf32>) -> tensor<f32>
  return
}

// -----

// An update changes nothing but elements.
func.func @updated_type(%x: tensor<4x4xf32>, %y: tensor<4x2xf32>) {
  // expected-error @below {{the result must have the source's type, got 'tensor<4x5xf32>'}}
  %0 = weft.slice_update %x, %y dim 1 at affine_map<() -> (0, 1)> : (tensor<4x4xf32>, tensor<4x2xf32>) -> tensor<4x5xf32>
  return
}

// -----

// It begins somewhere and goes on by a step.
func.func @update_place(%x: tensor<4x4xf32>, %y: tensor<4x2xf32>) {
  // expected-error @below {{must have a start and a step, got 1 expressions}}
  %0 = weft.slice_update %x, %y dim 1 at affine_map<() -> (0)> : (tensor<4x4xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  return
}

// -----

// What is put into a tensor is like a part of it.
func.func @update_elements(%x: tensor<4x4xf32>, %y: tensor<4x2xf64>) {
  // expected-error @below {{the update must have the source's rank and element type, got 'tensor<4x2xf64>'}}
  %0 = weft.slice_update %x, %y dim 1 at affine_map<() -> (0, 1)> : (tensor<4x4xf32>, tensor<4x2xf64>) -> tensor<4x4xf32>
  return
}

// -----

// Parts of a kernel read the function's values.
func.func @part_arguments() {
  // expected-error @below {{a part must take no arguments, got 1}}
  "weft.kernel"() ({
  ^bb0(%i: index):
    "weft.yield"() : () -> ()
  }) : () -> ()
  return
}

// -----

// A tile's counts, steps and extents belong to the same dims.
func.func @tiles(%x: tensor<4x4xf32>) {
  // expected-error @below {{each count must have a step and an extent, got 1, 2 and 1}}
  %0 = weft.tiles @k(%x) counts affine_map<() -> (2)> steps affine_map<() -> (2, 1)> extents affine_map<() -> (2)> {summary = ""} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  return
}

// -----

// Columns are hidden by whole vectors.
func.func @visible(%x: tensor<4x4xf32>) {
  // expected-error @below {{visible columns must be some of at least 64, got 8}}
  %0 = weft.tiles @k(%x) counts affine_map<() -> (2)> steps affine_map<() -> (2)> extents affine_map<() -> (2)> visible @seen of 8 {summary = ""} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  return
}

// -----

// Blocks that leave columns over need a function for those.
func.func @blocks(%x: tensor<4x4xf32>) {
  // expected-error @below {{blocks must be the length of one, then a function for no column, one for a block and one for what blocks leave over, got [256, @none, @block]}}
  %0 = weft.tiles @k(%x) counts affine_map<() -> (2)> steps affine_map<() -> (2)> extents affine_map<() -> (2)> of 1000 {summary = "", weft.blocks = [256, @none, @block]} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  return
}

// -----

// Only ops with kernels of their own are called.
// expected-error @below {{the record must be a structured op, got "exp"}}
weft.routine @k of "exp" {layouts = [affine_map<(d0) -> (d0)>], shapes = [affine_map<() -> (4)>], structure = array<i64>, code = 0 : i32}

// -----

// A buffer is read through its layout and has its shape.
// expected-error @below {{each operand must have a layout and a shape, got 1 and 0}}
weft.routine @k of "matmul" {layouts = [affine_map<(d0) -> (d0)>], shapes = [], structure = array<i64>, code = 0 : i32}

// -----

// A layout gives one place in memory.
// expected-error @below {{a layout must map the indices of its operand to one offset, got affine_map<(d0) -> (d0)> for affine_map<() -> (4, 4)>}}
weft.routine @k of "matmul" {layouts = [affine_map<(d0) -> (d0)>], shapes = [affine_map<() -> (4, 4)>], structure = array<i64>, code = 0 : i32}

// -----

// Results are memory of their own or that of an input.
func.func @tied(%x: tensor<4xf32>) {
  // expected-error @below {{tied must have an entry for each of the 1 results, got 0}}
  %0 = weft.launch @k(%x : tensor<4xf32>) {summary = "", tied = array<i64>} : tensor<4xf32>
  return
}

// -----

// A window moves by at least one element.
func.func @stride(%x: tensor<1x4x9xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @below {{strides and dilations must be at least 1 and padding at least 0}}
  %0 = weft.convolution %x, %w {structure = array<i64: 1, 0, 0, 0, 1>} : (tensor<1x4x9xf32>, tensor<6x4x3xf32>) -> tensor<1x6x7xf32>
  return
}

// -----

// A weight has the channels of one group.
func.func @groups(%x: tensor<1x4x9xf32>, %w: tensor<7x3x3xf32>) {
  // expected-error @below {{groups must divide the channels, got 2 for [1, 4, 9] and [7, 3, 3]}}
  %0 = weft.convolution %x, %w {structure = array<i64: 2, 1, 0, 0, 1>} : (tensor<1x4x9xf32>, tensor<7x3x3xf32>) -> tensor<1x7x7xf32>
  return
}

// -----

// A slice ends inside of its dim.
func.func @slice(%x: tensor<4xf32>) {
  // expected-error @below {{start, length and step must lie inside of the dim, got [0, 100, 1] of [4]}}
  %0 = weft.slice %x {structure = array<i64: 0>, sizes = affine_map<() -> (0, 100, 1)>} : (tensor<4xf32>) -> tensor<100xf32>
  return
}
