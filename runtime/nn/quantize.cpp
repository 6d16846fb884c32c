#include "weft/nn_quantize.h"

#include "runtime/composite/composite.h"
#include "weft/nn_layers.h"

#include <fmt/format.h>

#include <algorithm>

namespace weft::nn {

namespace {

struct Found {
  std::string name;
  Linear layer;
};

void find_layers(Module& module, const std::string& name, const QuantizeOptions& options,
                 std::vector<Found>& found) {
  if (dynamic_cast<MultiheadAttention*>(&module)) return; // which reads its weights itself
  if (auto* layer = dynamic_cast<Linear*>(&module)) {
    auto is_same = [&](const Found& f) { return f.layer.is_same(*layer); };
    bool is_new = std::none_of(found.begin(), found.end(), is_same);
    if (is_new && !layer->scales().defined() && (!options.filter || options.filter(name, *layer)))
      found.push_back({name, *layer});
    return;
  }
  for (const auto& [part, child] : module.children())
    find_layers(*child, name.empty() ? part : name + "." + part, options, found);
}

} // namespace

std::vector<std::string> quantize(Module& module, const QuantizeOptions& options, Loc loc) {
  LocScope scope(loc);
  std::vector<Found> found;
  find_layers(module, "", options, found);
  for (const Found& f : found)
    if (options.block > 0 && f.layer.weight.size(1) % options.block)
      composite::refuse(
          "quantize", ErrorKind::shape,
          fmt::format("the inputs of each layer must be a multiple of the block of {}, got {} of "
                      "\"{}\"; leave it out by `filter`",
                      options.block, f.layer.weight.size(1), f.name),
          loc);
  std::vector<std::string> names;
  for (Found& f : found) {
    f.layer.quantize(options.bits, options.block, loc);
    names.push_back(f.name);
  }
  return names;
}

} // namespace weft::nn
