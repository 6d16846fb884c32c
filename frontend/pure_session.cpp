// Calls of pure functions that run the body: what they leave behind for those that do not, and what
// is refused.

#include "frontend/pure_difference.h"
#include "frontend/session.h"
#include "runtime/autograd/tape.h"
#include "weft/device.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>

namespace weft {

namespace {

int index_of(const TensorImpl* t, const detail::PureValues& values) {
  for (size_t k = 0; k < values.tensors.size(); k++)
    if (values.tensors[k] == t) return static_cast<int>(k);
  return -1;
}

// The slot of the leaf or result into whose storage a slot's value looks.
int32_t owner_of(const Flush& f, int32_t slot) {
  for (const Flush::Value& v : f.values)
    if (v.slot == slot) return v.owner;
  return slot;
}

// The first op in place that writes into a leaf's storage.
const ColdNode* writer_of(const Flush& f, int32_t leaf) {
  for (const ColdNode* c : f.path)
    if (c->in_place && owner_of(f, c->operands[0]) == leaf) return c;
  return nullptr;
}

/// Describes a call that was followed as one segment, before its flush and with its tape settled.
class PureDescription {
public:
  PureDescription(const Flush& f, TensorImpl* const* values, const RegionSession* session,
                  const detail::PureValues& given, const detail::PureValues& got)
      : f_(f), values_(values), session_(session), given_(given), got_(got),
        made_(std::make_unique<PureProgram>()) {
    made_->flush = &f;
    made_->records_gradients = grad_mode;
    made_->default_device = DeviceScope::current();
  }
  /// Each of these returns why calls cannot do without the body, or null where they can.
  const char* arguments(const std::vector<Meta>& metas);
  const char* leaves();
  const char* results();
  /// The op of a value that somebody holds though it is no result, or null.
  const ColdNode* kept() const;
  std::unique_ptr<PureProgram> take() { return std::move(made_); }

private:
  bool is_held(const TensorImpl* t, uint32_t by_session) const;
  bool is_constant(const TensorImpl* leaf) const;
  const char* result(TensorImpl* t, PureProgram::Result& r) const;
  const char* result_from_outside(TensorImpl* t, PureProgram::Result& r) const;

  const Flush& f_;
  TensorImpl* const* values_;
  const RegionSession* session_;
  const detail::PureValues &given_, &got_;
  std::unique_ptr<PureProgram> made_;
};

const char* PureDescription::arguments(const std::vector<Meta>& metas) {
  for (size_t k = 0; k < given_.tensors.size(); k++) {
    const TensorImpl* t = given_.tensors[k];
    if (t && !same_meta(t->meta, metas[k])) return "it changes whether an argument requires grad";
    const int first = t ? index_of(t, given_) : -1;
    made_->arguments.push_back(
        {t != nullptr, first < static_cast<int>(k) ? first : -1, metas[k], t});
  }
  made_->is_proven = std::vector<std::atomic<bool>>(given_.tensors.size());
  for (size_t k = 0; k < given_.numbers.size(); k++)
    made_->numbers.push_back(given_.numbers[k]);
  return nullptr;
}

// Says whether anybody but the session and the results has a handle.
bool PureDescription::is_held(const TensorImpl* t, uint32_t by_session) const {
  uint32_t known = by_session;
  for (size_t k = 0; k < got_.tensors.size(); k++)
    known += got_.tensors[k] == t;
  return t->user_refs() > known;
}

bool PureDescription::is_constant(const TensorImpl* leaf) const {
  if (is_held(leaf, 1) || leaf->storage->external) return false;
  uint32_t known = 1; // who looks into its memory
  for (const Flush::Value& v : f_.values)
    known += values_[v.slot]->storage == leaf->storage;
  return leaf->storage->refs.load(std::memory_order_acquire) == known;
}

const char* PureDescription::leaves() {
  for (const Flush::Leaf& l : f_.leaves) {
    TensorImpl* t = values_[l.slot];
    if (l.written && t->meta.requires_grad && !t->is_leaf) return "gradients are recorded";
    PureProgram::Leaf leaf{index_of(t, given_), {}, false, t->meta, 0};
    if (leaf.argument < 0) {
      leaf.is_constant = is_constant(t);
      t->retain();
      leaf.captured = Tensor::adopt(t);
    }
    for (const ColdNode* c : f_.path)
      leaf.written += l.written && c->in_place && owner_of(f_, c->operands[0]) == l.slot;
    made_->leaves.push_back(std::move(leaf));
  }
  return nullptr;
}

// What each call makes anew must not be the same memory for all of them.
constexpr const char* kMadeOfHostValues = "a result was made of host values";

const char* PureDescription::result_from_outside(TensorImpl* t, PureProgram::Result& r) const {
  using Kind = PureProgram::Result::Kind;
  r.index = index_of(t, given_);
  r.kind = r.index < 0 ? Kind::captured : Kind::argument;
  if (r.index >= 0) return nullptr;
  bool is_leaf = false;
  for (const PureProgram::Leaf& l : made_->leaves) {
    if (l.captured.impl() != t) continue;
    if (l.is_constant) return kMadeOfHostValues;
    is_leaf = true;
  }
  if (!is_leaf && !is_held(t, 0)) return kMadeOfHostValues;
  t->retain();
  r.captured = Tensor::adopt(t);
  return nullptr;
}

const char* PureDescription::result(TensorImpl* t, PureProgram::Result& r) const {
  using Kind = PureProgram::Result::Kind;
  if (!t) {
    r.kind = Kind::undefined;
    return nullptr;
  }
  if (t->session != session_) return result_from_outside(t, r);
  if (t->meta.requires_grad) return "gradients are recorded";
  if (t->link) return "a result is a view, whose history gradients may need; use NoGrad";
  const int32_t owner = owner_of(f_, t->slot);
  r.meta = t->meta;
  r.is_view = t->is_view;
  r.is_detached = t->detached;
  r.offset = t->offset;
  for (size_t k = 0; k < f_.leaves.size(); k++) {
    if (f_.leaves[k].slot != owner) continue;
    if (made_->leaves[k].is_constant) return kMadeOfHostValues;
    r.kind = Kind::leaf;
    r.index = static_cast<int>(k);
    r.offset -= values_[owner]->offset;
    return nullptr;
  }
  r.kind = Kind::output;
  r.index = owner;
  return nullptr;
}

const char* PureDescription::results() {
  for (size_t k = 0; k < got_.tensors.size(); k++) {
    PureProgram::Result r{};
    const int first = got_.tensors[k] ? index_of(got_.tensors[k], got_) : -1;
    if (first >= 0 && first < static_cast<int>(k)) {
      r.kind = PureProgram::Result::Kind::result;
      r.index = first;
    } else if (const char* why = result(got_.tensors[k], r)) {
      return why;
    }
    made_->results.push_back(std::move(r));
  }
  for (size_t k = 0; k < got_.numbers.size(); k++)
    made_->result_numbers.push_back(got_.numbers[k]);
  return nullptr;
}

const ColdNode* PureDescription::kept() const {
  for (const Flush::Value& v : f_.values)
    if (is_held(values_[v.slot], 1)) return v.node;
  return nullptr;
}

// Fills what only the launch decides: the program and the order of its outputs. `bytes`: of the
// storages that the call's segment made, by their owners' slots.
void add_outputs(PureProgram& p, SegmentProgram& ran, const std::map<int32_t, size_t>& bytes) {
  p.segment_program = &ran;
  std::map<int32_t, int> number_of; // by owner's slot
  for (const ProgramOutput& o : ran.program->program().outputs) {
    const auto leaf_count = static_cast<int32_t>(p.flush->leaves.size());
    if (o.value < leaf_count) {
      p.outputs.push_back({o.value, 0});
      continue;
    }
    const int32_t slot = p.flush->values[static_cast<size_t>(o.value - leaf_count)].slot;
    number_of[slot] = static_cast<int>(p.outputs.size());
    p.outputs.push_back({-1, bytes.at(slot)});
  }
  for (PureProgram::Result& r : p.results)
    if (r.kind == PureProgram::Result::Kind::output) r.output = number_of.at(r.index);
}

} // namespace

void Session::begin_pure(const detail::PureValues& given, PureProgram* promised) {
  begin();
  given_ = &given;
  given_metas_.clear();
  for (size_t k = 0; k < given.tensors.size(); k++)
    given_metas_.push_back(given.tensors[k] ? given.tensors[k]->meta : Meta{});
  promised_ = promised;
  if (promised) promised->bodies.fetch_add(1, std::memory_order_relaxed);
}

void Session::refuse_pure(const std::string& must, const Loc& loc) const {
  throw Error(ErrorKind::unsupported, "compile: a pure function must not " + must, loc);
}

// Throws where the segment that ends writes into a tensor that is no argument.
void Session::check_pure_writes(const Flush& f) const {
  for (const Flush::Leaf& l : f.leaves)
    if (l.written && index_of(value_table_[static_cast<size_t>(l.slot)], *given_) < 0) {
      const ColdNode* c = writer_of(f, l.slot);
      refuse_pure(
          fmt::format("write into other tensors than its arguments ({}_)", info(c->op).name),
          c->loc);
    }
}

// Describes the call before its flush; returns null where the body cannot be done without, and says
// in `why` why. Throws where somebody holds a value of the segment that is no result.
std::unique_ptr<PureProgram> Session::describe_pure(const detail::PureValues& got,
                                                    const char*& why) {
  if (mode_ != Mode::follow)
    why = "its path was new";
  else if (last_flush_)
    why = "it takes several segments";
  else if (current == region_.trace().root())
    why = "it has no ops";
  if (why) return nullptr;
  Flush& f = *find_or_make_end("end of the region", Loc());
  settle_tape(f);
  PureDescription description(f, values, this, *given_, got);
  why = description.arguments(given_metas_);
  if (!why) why = description.leaves();
  if (!why) why = description.results();
  if (why) return nullptr;
  if (const ColdNode* c = description.kept())
    refuse_pure(fmt::format("keep tensors beyond its call ({})", info(c->op).name), c->loc);
  std::unique_ptr<PureProgram> made = description.take();
  for (int k = 0; k < f.scalar_count; k++)
    made->scalars.push_back(bits_of(scalars_[static_cast<size_t>(k)]));
  made->sizes.assign(sizes_.begin(), sizes_.begin() + f.size_count);
  if (f.device != Device::cpu()) made->refusals = refusals(f, nullptr);
  return made;
}

void Session::end_pure(const detail::PureValues& got) {
  const char* why = nullptr;
  std::unique_ptr<PureProgram> made = describe_pure(got, why);
  std::map<int32_t, size_t> bytes;
  if (made)
    for (int32_t owner : made->flush->owners)
      bytes[owner] = values[owner]->meta.nbytes();
  end();
  if (made && !ran_) {
    why = "its ops ran one by one";
    made.reset();
  }
  if (made) add_outputs(*made, *ran_, bytes);
  if (promised_) return check_promise(std::move(made));
  region_.pure().note(why);
  if (made && region_.options().verify == 0) region_.pure().add(std::move(made), *given_);
}

// Compares a call that ran the body with what was made of an earlier one.
void Session::check_promise(std::unique_ptr<PureProgram> made) {
  PureProgram& was = *promised_;
  std::optional<Broken> broken;
  bool is_binding = false; // they do the same with other tensors
  if (last_flush_) broken = other_path(*was.flush, *last_flush_);
  if (broken) {
    is_binding = broken->was_at && broken->is_at && broken->was_at->op == broken->is_at->op;
  } else if (made) {
    broken = other_number(was, *made);
    is_binding = !broken;
    if (!broken) broken = other_leaf(was, *made);
    if (!broken) broken = other_results(was, *made);
  }
  if (broken && is_binding && was.is_unproven(*given_)) {
    // A tensor was an argument and captured as well: only now can they be told apart.
    was.is_retired.store(true, std::memory_order_relaxed);
    if (made) region_.pure().add(std::move(made), *given_);
    return;
  }
  if (broken) {
    region_.pure().give_up();
    auto place = [](const ColdNode* c) { return c ? " at " + c->place.str() : std::string(); };
    throw Error(ErrorKind::value,
                fmt::format("compile: a pure function must do the same in each call: first {}{}, "
                            "now {}{}",
                            broken->was, place(broken->was_at), broken->is, place(broken->is_at)),
                broken->is_at ? broken->is_at->loc : Loc());
  }
  if (!made) return; // which tensors it read is not known
  for (size_t k = 0; k < was.arguments.size(); k++)
    if (given_->tensors[k] != was.arguments[k].was)
      was.is_proven[k].store(true, std::memory_order_relaxed);
}

} // namespace weft
