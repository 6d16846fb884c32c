// Names side by side: what a function that users call is called in PyTorch.
#include "ir/tblgen/backends.h"
#include "ir/tblgen/print.h"

#include <map>

namespace weft::tblgen {

namespace {

// What users call, by name, with its other names; several forms of a function are one.
std::map<std::string, Texts> named(const Records& records) {
  std::map<std::string, Texts> all;
  for (const OpRecord& op : records.all) {
    if (op.is_ours || op.returns == "void" || !(op.has_function() || op.has_inplace())) continue;
    Texts& names = all[op.has_function() ? op.name : op.name + "_"];
    names.insert(names.end(), op.pytorch.begin(), op.pytorch.end());
  }
  return all;
}

} // namespace

void gen_pytorch_names(const Records& records, llvm::raw_ostream& os) {
  banner(os, "A row {name in PyTorch, name here} where they differ.");
  for (const auto& [name, others] : named(records))
    for (const std::string& other : others)
      if (other.find('(') == std::string::npos && other.find('[') == std::string::npos)
        os << "{\"" << other << "\", \"" << name << "\"},\n";
}

void gen_pytorch_page(const Records& records, llvm::raw_ostream& os) {
  os << "| PyTorch | Weft |\n|---|---|\n";
  Texts same;
  for (const auto& [name, others] : named(records)) {
    if (others.empty())
      same.push_back("`" + name + "`");
    else
      os << "| " << join_code(others) << " | `" << name << "` |\n";
  }
  os << "\n"
     << same.size()
     << " have the same name in both, in torch, its Tensor, nn.functional, special or linalg:\n";
  constexpr size_t kWidth = 150;
  size_t column = 0;
  for (const std::string& name : same) {
    const bool breaks = column + name.size() > kWidth;
    if (column) os << (breaks ? "\n" : " ");
    column = breaks ? name.size() : column + name.size() + 1;
    os << name;
  }
  os << "\n";
}

} // namespace weft::tblgen
