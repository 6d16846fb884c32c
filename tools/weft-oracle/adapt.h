// Names and arguments of the oracle's library, brought to ours.
#pragma once

#include "tools/common/call.h"

namespace weft::tools {

/// Our name of a case's function.
std::string own_name(const Json& c);

/// Our name of a step: max_keep is amax with the dim kept, gt0 is gt, sum_i is sum.
std::string own_step_name(const std::string& op);

/// The dtype that a method or a step of the oracle's library converts to.
std::optional<DType> converts_to(const std::string& name);

/// Removes an argument and gives what it held.
std::optional<Json> taken(Json& kwargs, const char* key);

/// Brings `call` to the arguments of our function.
void adapt(const std::string& call, std::string& name, Json& args, Json& kwargs,
           const std::vector<Tensor>& inputs);

} // namespace weft::tools
