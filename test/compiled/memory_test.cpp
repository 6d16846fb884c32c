// What a compiled training step keeps and what it computes again: peak, budget, equal results.
#include "compiled_util.h"
#include "weft/memory.h"

#include <nlohmann/json.hpp>

using namespace weft;
using Json = nlohmann::json;

namespace {

constexpr int64_t kSamples = 16, kPositions = 128, kWidth = 128, kHeads = 4, kClasses = 256;

struct Block : nn::Module {
  nn::LayerNorm before = child("before", nn::LayerNorm({kWidth}));
  nn::Linear qkv = child("qkv", nn::Linear(kWidth, 3 * kWidth, false));
  nn::Linear out = child("out", nn::Linear(kWidth, kWidth));
  nn::LayerNorm between = child("between", nn::LayerNorm({kWidth}));
  nn::Linear up = child("up", nn::Linear(kWidth, 4 * kWidth));
  nn::Linear down = child("down", nn::Linear(4 * kWidth, kWidth));

  Tensor forward(const Tensor& x) override {
    Tensor all = qkv(before(x));
    auto heads = [&](int64_t k) {
      Tensor part = slice(all, -1, k * kWidth, (k + 1) * kWidth);
      return transpose(reshape(part, {kSamples, kPositions, kHeads, kWidth / kHeads}), 1, 2);
    };
    Tensor y = scaled_dot_product_attention(heads(0), heads(1), heads(2), {}, 0, true);
    Tensor h = x + out(reshape(transpose(y, 1, 2), {kSamples, kPositions, kWidth}));
    return h + dropout(down(gelu(up(between(h)))), 0.1, true);
  }
};

struct Gpt : nn::Module {
  nn::Embedding tokens = child("tokens", nn::Embedding(kClasses, kWidth));
  std::vector<std::shared_ptr<Block>> blocks;
  nn::Linear head = child("head", nn::Linear(kWidth, kClasses));
  Gpt() {
    for (int k = 0; k < 4; k++)
      blocks.push_back(std::make_shared<Block>(child("block" + std::to_string(k), Block())));
  }
  Tensor forward(const Tensor& x) override {
    Tensor h = tokens(x);
    for (auto& block : blocks)
      h = (*block)(h);
    return reshape(head(h), {-1, kClasses});
  }
};

struct Outcome {
  size_t peak = 0; // of the last step
  std::vector<double> losses;
  std::vector<Tensor> parameters;
  Json workspace; // of its program
  std::string explained;
};

/// Trains four steps, compiled unless `options` are missing.
Outcome train(const std::optional<CompileOptions>& options) {
  manual_seed(3);
  Gpt net;
  optim::AdamW opt(net.parameters(), {.lr = 0.01});
  Tensor x = randint(0, kClasses, {kSamples, kPositions}),
         y = randint(0, kClasses, {kSamples * kPositions});
  auto step = [&] {
    opt.zero_grad();
    Tensor loss = cross_entropy(net(x), y);
    loss.backward();
    opt.step();
    return loss.detach();
  };
  auto compiled = compile(step, options.value_or(CompileOptions()));
  Outcome result;
  for (int k = 0; k < 4; k++) {
    memory::reset_peak();
    result.losses.push_back((options ? compiled() : step()).item<double>());
    result.peak = memory::stats().peak;
  }
  result.parameters = net.parameters();
  result.explained = compiled.explain();
  if (options)
    result.workspace =
        Json::parse(compiled.explain_json())["segments"][0]["programs"][0]["workspace"];
  return result;
}

void require_same(const Outcome& a, const Outcome& b, double tolerance) {
  for (size_t k = 0; k < a.losses.size(); k++)
    CHECK(std::fabs(a.losses[k] - b.losses[k]) <= tolerance * std::fabs(a.losses[k]));
  for (size_t k = 0; k < a.parameters.size(); k++)
    CHECK(test::difference(a.parameters[k], b.parameters[k]) <= tolerance);
}

} // namespace

TEST_CASE("a compiled training step takes at most 0.7 of the eager one's memory", "[memory]") {
  const Outcome eager = train({}), compiled = train(CompileOptions());
  INFO(compiled.explained);
  CHECK(static_cast<double>(compiled.peak) <= 0.7 * static_cast<double>(eager.peak));
  CHECK(compiled.workspace["recomputed"] > 0);
  CHECK(compiled.workspace["at_once"] <= compiled.workspace["bytes"]);
  CHECK(compiled.workspace["over_budget"] == false);
  CHECK(compiled.explained.find("computed again") != std::string::npos);
  require_same(eager, compiled, 2e-3);
}

TEST_CASE("memory_budget computes more again, and says where it is not met", "[memory]") {
  const Outcome usual = train(CompileOptions());
  const auto workspace = usual.workspace["bytes"].get<int64_t>();
  const Outcome tight = train(CompileOptions{.name = "tight", .memory_budget = 1});
  INFO(tight.explained);
  CHECK(tight.workspace["bytes"] < workspace);
  CHECK(tight.workspace["recomputed_bytes"] > usual.workspace["recomputed_bytes"]);
  CHECK(tight.workspace["over_budget"] == true);
  CHECK(tight.explained.find("more than memory_budget, 1 B") != std::string::npos);
  require_same(usual, tight, 2e-3);
  const Outcome ample = train(CompileOptions{.name = "ample", .memory_budget = workspace});
  CHECK(ample.workspace == usual.workspace);
}

TEST_CASE("a memory_budget below 0 is refused", "[memory]") {
  CHECK_THROWS_WITH(compile([] { return ones({2}); }, {.name = "none", .memory_budget = -1}),
                    Catch::Matchers::Contains("memory_budget must be at least 0, got -1"));
}
