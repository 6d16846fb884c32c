// lld's link-time optimisation names Polly's plugin; Weft links machine code only and never reaches
// it.
#include "llvm/Plugins/PassPlugin.h"

llvm::PassPluginLibraryInfo getPollyPluginInfo() {
  return {LLVM_PLUGIN_API_VERSION, "", "", [](llvm::PassBuilder&) {}};
}
