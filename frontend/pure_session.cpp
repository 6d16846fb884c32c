// Calls of pure functions that run the body: what they leave behind for those that do not, and what
// is refused.

#include "frontend/pure_difference.h"
#include "frontend/session.h"
#include "runtime/autograd/tape.h"

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

/// Describes a call that was followed as one segment, before its flush.
class PureDescription {
public:
  PureDescription(const Flush& f, TensorImpl* const* values, const RegionSession* session)
      : f_(f), values_(values), session_(session), made_(std::make_unique<PureProgram>()) {
    made_->flush = &f;
    made_->records_gradients = grad_mode;
  }
  void arguments(const detail::PureValues& given);
  /// Says in `why` why the results cannot be made without the body; it stays null where they can.
  void results(const detail::PureValues& got, const char*& why);
  std::unique_ptr<PureProgram> take() { return std::move(made_); }

private:
  const char* result(TensorImpl* t, const detail::PureValues& given_before,
                     PureProgram::Result& r) const;

  const Flush& f_;
  TensorImpl* const* values_;
  const RegionSession* session_;
  const detail::PureValues* given_ = nullptr;
  std::unique_ptr<PureProgram> made_;
};

void PureDescription::arguments(const detail::PureValues& given) {
  given_ = &given;
  for (size_t k = 0; k < given.tensors.size(); k++) {
    const TensorImpl* t = given.tensors[k];
    const int first = t ? index_of(t, given) : -1;
    made_->arguments.push_back(
        {t != nullptr, first < static_cast<int>(k) ? first : -1, t ? t->meta : Meta{}, t});
  }
  made_->is_proven = std::vector<std::atomic<bool>>(given.tensors.size());
  for (size_t k = 0; k < given.numbers.size(); k++)
    made_->numbers.push_back(given.numbers[k]);
  for (const Flush::Leaf& l : f_.leaves) {
    TensorImpl* t = values_[l.slot];
    PureProgram::Leaf leaf{index_of(t, given), {}, t->meta, 0};
    if (leaf.argument < 0) {
      t->retain();
      leaf.captured = Tensor::adopt(t);
    }
    for (const ColdNode* c : f_.path)
      leaf.written += l.written && c->in_place && owner_of(f_, c->operands[0]) == l.slot;
    made_->leaves.push_back(std::move(leaf));
  }
}

const char* PureDescription::result(TensorImpl* t, const detail::PureValues& given,
                                    PureProgram::Result& r) const {
  using Kind = PureProgram::Result::Kind;
  if (!t) {
    r.kind = Kind::undefined;
    return nullptr;
  }
  if (t->session != session_) {
    r.index = index_of(t, given);
    r.kind = r.index < 0 ? Kind::captured : Kind::argument;
    if (r.index >= 0) return nullptr;
    if (t->user_refs() == 1) return "a result was made of host values";
    t->retain();
    r.captured = Tensor::adopt(t);
    return nullptr;
  }
  if (t->meta.requires_grad) return "gradients are recorded";
  if (t->link) return "a result is a view, whose history gradients may need; use NoGrad";
  const int32_t owner = owner_of(f_, t->slot);
  r.meta = t->meta;
  r.is_view = t->is_view;
  r.offset = t->offset;
  for (size_t k = 0; k < f_.leaves.size(); k++) {
    if (f_.leaves[k].slot != owner) continue;
    r.kind = Kind::leaf;
    r.index = static_cast<int>(k);
    r.offset -= values_[owner]->offset;
    return nullptr;
  }
  r.kind = Kind::output;
  r.index = owner; // an output's number takes its place after the launch
  return nullptr;
}

void PureDescription::results(const detail::PureValues& got, const char*& why) {
  for (size_t k = 0; k < got.tensors.size() && !why; k++) {
    PureProgram::Result r{};
    const int first = got.tensors[k] ? index_of(got.tensors[k], got) : -1;
    if (first >= 0 && first < static_cast<int>(k)) {
      r.kind = PureProgram::Result::Kind::result;
      r.index = first;
    } else {
      why = result(got.tensors[k], *given_, r);
    }
    made_->results.push_back(std::move(r));
  }
  for (size_t k = 0; k < got.numbers.size(); k++)
    made_->result_numbers.push_back(got.numbers[k]);
}

// Fills what only the launch decides: the program and the order of its outputs.
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
    if (r.kind == PureProgram::Result::Kind::output) r.index = number_of.at(r.index);
}

} // namespace

void Session::begin_pure(const detail::PureValues& given, PureProgram* promised) {
  begin();
  given_ = &given;
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

// Throws where somebody still holds a value of the segment that is no result.
void Session::check_pure_values(const Flush& f, const PureProgram& made) const {
  for (size_t k = 0; k < f.owners.size(); k++) {
    if (!live_scratch_[k]) continue;
    const bool is_result =
        std::any_of(made.results.begin(), made.results.end(), [&](const PureProgram::Result& r) {
          return r.kind == PureProgram::Result::Kind::output && r.index == f.owners[k];
        });
    if (is_result) continue;
    const ColdNode& c = op_at(f, f.owners[k]);
    refuse_pure(fmt::format("keep tensors beyond its call ({})", info(c.op).name), c.loc);
  }
}

void Session::end_pure(const detail::PureValues& got) {
  PurePrograms& programs = region_.pure();
  const char* why = nullptr;
  std::unique_ptr<PureProgram> made;
  std::map<int32_t, size_t> bytes;
  if (mode_ != Mode::follow) {
    why = "its path was new";
  } else if (last_flush_) {
    why = "it takes several segments";
  } else if (current == region_.trace().root()) {
    why = "it has no ops";
  } else {
    Flush* f = find_end();
    if (!f) {
      std::lock_guard lock(region_.mutex());
      f = make_flush("end of the region", Loc());
    }
    PureDescription description(*f, values, this);
    description.arguments(*given_);
    description.results(got, why);
    if (!why) made = description.take();
    if (made) {
      for (int k = 0; k < f->scalar_count; k++)
        made->scalars.push_back(bits_of(scalars_[static_cast<size_t>(k)]));
      made->sizes.assign(sizes_.begin(), sizes_.begin() + f->size_count);
      for (int32_t owner : f->owners)
        bytes[owner] = values[owner]->meta.nbytes();
      if (f->device != Device::cpu()) made->refusals = refusals(*f, nullptr);
    }
  }
  end();
  if (made && !ran_) {
    why = "its ops ran one by one";
    made.reset();
  }
  if (made) {
    check_pure_values(*made->flush, *made);
    add_outputs(*made, *ran_, bytes);
  }
  if (promised_) return check_promise(std::move(made));
  programs.note(why);
  if (made && region_.options().verify == 0) programs.add(std::move(made));
}

// Compares a call that ran the body with what was made of an earlier one.
void Session::check_promise(std::unique_ptr<PureProgram> made) {
  std::optional<Broken> broken;
  if (last_flush_) broken = other_path(*promised_->flush, *last_flush_);
  const bool other_operands =
      broken && broken->was_at && broken->is_at && broken->was_at->op == broken->is_at->op;
  if (made && !broken) broken = other_number(*promised_, *made);
  std::optional<Broken> other_binding;
  if (made && !broken) other_binding = other_leaf(*promised_, *made);
  if ((other_operands || other_binding) && promised_->is_unproven(*given_)) {
    // A tensor was an argument and captured as well: only now can they be told apart.
    promised_->is_retired.store(true, std::memory_order_relaxed);
    if (made) region_.pure().add(std::move(made));
    return;
  }
  if (!broken) broken = other_binding;
  if (made && !broken) broken = other_results(*promised_, *made);
  if (!broken) {
    for (size_t k = 0; k < promised_->arguments.size(); k++)
      if (given_->tensors[k] != promised_->arguments[k].was)
        promised_->is_proven[k].store(true, std::memory_order_relaxed);
    return;
  }
  region_.pure().give_up();
  auto place = [](const ColdNode* c) { return c ? " at " + c->place.str() : std::string(); };
  throw Error(ErrorKind::value,
              fmt::format("compile: a pure function must do the same in each call: first {}{}, now "
                          "{}{}",
                          broken->was, place(broken->was_at), broken->is, place(broken->is_at)),
              broken->is_at ? broken->is_at->loc : Loc());
}

} // namespace weft
