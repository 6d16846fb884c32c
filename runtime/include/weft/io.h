// Files of tensors: NumPy's .npy and .npz, safetensors, checkpoints; and DLPack, for sharing memory
// with other libraries. A file is written as a whole or not at all. What a file says is believed
// only as far as its bytes go: a damaged or hostile one throws weft::Error of kind io, one with a
// dtype that Weft does not have of kind unsupported.
#pragma once

#include "weft/nn.h"
#include "weft/optim.h"

#include <cstdint>
#include <map>
#include <string>

// DLPack's structs (https://dmlc.github.io/dlpack): in weft/dlpack.h, or any other copy of
// dlpack.h.
struct DLManagedTensor;
struct DLManagedTensorVersioned;

namespace weft {

/// Tensors by name.
using TensorMap = std::map<std::string, Tensor>;

/// How NumPy's files hold what NumPy does not have.
struct NpyOptions {
  /// NumPy has no bf16. Such elements are dtype '<V2', as the package ml_dtypes reads and writes
  /// it, or with this on uint16 with the same bits.
  bool bf16_as_uint16 = false;
};

/// Reads an array of an .npy file. Big-endian elements are converted; one in Fortran order keeps
/// its strides.
Tensor load_npy(const std::string& path, NpyOptions options = {}, Loc loc = Loc::current());
/// Writes a tensor as an .npy file, its elements in row-major order.
void save_npy(const std::string& path, const Tensor& t, NpyOptions options = {},
              Loc loc = Loc::current());

/// Reads the arrays of an .npz file, which numpy.savez or numpy.savez_compressed wrote, by name.
TensorMap load_npz(const std::string& path, NpyOptions options = {}, Loc loc = Loc::current());
/// Writes tensors as an .npz file, as numpy.savez does.
void save_npz(const std::string& path, const TensorMap& tensors, NpyOptions options = {},
              Loc loc = Loc::current());

/// Tensors and texts of a safetensors file.
struct Safetensors {
  TensorMap tensors;
  std::map<std::string, std::string> metadata;
};

/// Maps a safetensors file into memory: its tensors are views of the map, which lives as long as
/// any of them, and elements are read from disk when they are touched first. Ops in place change
/// the tensors, never the file. Elements that lie misaligned in the file are copied. The file must
/// not be cut short while it is mapped; replacing it, as save_safetensors does, is safe.
Safetensors load_safetensors(const std::string& path, Loc loc = Loc::current());
/// Writes tensors and texts as a safetensors file, in which each element is aligned.
void save_safetensors(const std::string& path, const TensorMap& tensors,
                      const std::map<std::string, std::string>& metadata = {},
                      Loc loc = Loc::current());

/// What loading demands of the names in a file.
struct LoadOptions {
  /// Off: names that only the file or only the module has are left alone. Shapes must fit in any
  /// case.
  bool strict = true;
};

/// Writes a module's parameters and buffers as safetensors, by their dotted names.
void save(const nn::Module& module, const std::string& path, Loc loc = Loc::current());
/// Copies parameters and buffers from a safetensors file into the module, converted to its dtypes.
/// Returns the names that only one side has. An error lists every name that does not fit, and
/// changes nothing.
nn::StateDifference load(nn::Module& module, const std::string& path, LoadOptions options = {},
                         Loc loc = Loc::current());

/// How far training has come: what a checkpoint holds beside tensors.
struct Progress {
  int64_t step = 0, epoch = 0;
  int64_t batch = 0;                          // of the epoch, for data::DataLoader::resume
  std::map<std::string, std::string> notes{}; // whatever the program likes to keep
};

/// Writes a module, its optimizer's state by parameter name, progress, and the state of this
/// thread's random generator, as one safetensors file, which replaces an older one as a whole.
void save_checkpoint(const std::string& path, const nn::Module& module,
                     const optim::Optimizer& optimizer, const Progress& progress = {},
                     Loc loc = Loc::current());
/// Reads a checkpoint back: training goes on with the very numbers that it would have had. Options
/// of the optimizer, such as its rate, are the program's own. With `strict` off, what the file
/// lacks stays as it is. An error lists every name that does not fit, and changes nothing.
Progress load_checkpoint(const std::string& path, nn::Module& module, optim::Optimizer& optimizer,
                         LoadOptions options = {}, Loc loc = Loc::current());

/// Shares a tensor's memory, of the CPU or CUDA, with another library. The struct keeps the memory
/// until its deleter is called, which whoever takes the struct must do once. Throws for a tensor
/// that requires a gradient: share detach().
DLManagedTensorVersioned* to_dlpack(const Tensor& t, Loc loc = Loc::current());
/// Shares a tensor's memory in the form before DLPack 1.0.
DLManagedTensor* to_dlpack_unversioned(const Tensor& t, Loc loc = Loc::current());

/// Makes a tensor over another library's memory and takes the struct over: its deleter is called
/// when the memory is not used any more. Memory marked read-only is copied. On an error the struct
/// stays the caller's.
Tensor from_dlpack(DLManagedTensorVersioned* managed, Loc loc = Loc::current());
/// Does the same for a struct of the form before DLPack 1.0.
Tensor from_dlpack(DLManagedTensor* managed, Loc loc = Loc::current());

} // namespace weft
