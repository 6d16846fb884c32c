// Lists and dictionaries of modules and parameters. They register what they hold by number or key,
// as PyTorch's do; copies of a handle share the list.
#pragma once

#include "weft/nn.h"

#include <concepts>
#include <iterator>

namespace weft::nn {

namespace detail {
[[noreturn]] void refuse_position(const char* op, int64_t k, size_t size, const Loc& loc);
[[noreturn]] void refuse_key(const char* op, const std::string& key, const Loc& loc);
} // namespace detail

/// The key of an entry of a dictionary, with the source line of the call.
struct Key {
  template <class T>
  requires std::convertible_to<const T&, std::string> Key(const T& key, Loc l = Loc::current())
      : name(key), loc(l) {}
  std::string name;
  Loc loc;
};

/// Modules "0", "1", ... of a type, which the owner calls as it likes:
///
///     nn::ModuleList<nn::Linear> layers = child("layers", nn::ModuleList<nn::Linear>());
///
/// One of modules of different types, ModuleList<>, calls them by Module's signature.
template <class M = Module> class ModuleList : public Module {
public:
  /// An iterator over the modules themselves.
  class Iterator {
  public:
    using difference_type = std::ptrdiff_t;
    using value_type = M;
    explicit Iterator(const std::shared_ptr<M>* at = nullptr) : at_(at) {}
    M& operator*() const { return **at_; }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    Iterator operator++(int) { return Iterator(at_++); }
    bool operator==(const Iterator& o) const { return at_ == o.at_; }

  private:
    const std::shared_ptr<M>* at_;
  };

  /// Makes an empty list.
  ModuleList() = default;
  /// Makes a list of these; modules are handles, so that they are shared, not copied.
  explicit ModuleList(const std::vector<M>& modules,
                      Loc loc = Loc::current()) requires(!std::is_same_v<M, Module>) {
    for (const M& m : modules)
      append(m, loc);
  }
  /// Adds a module at the end, under the next number.
  template <std::derived_from<M> N> ModuleList& append(const N& module, Loc loc = Loc::current()) {
    auto shared = std::make_shared<N>(module);
    add_child(std::to_string(list_->size()), shared, loc);
    list_->push_back(std::move(shared));
    return *this;
  }
  /// Returns the number of modules.
  size_t size() const { return list_->size(); }
  /// Returns module k; negative numbers count from the end. Throws Error (index) where there is
  /// none.
  M& operator[](Position k) const {
    auto count = static_cast<int64_t>(size());
    int64_t at = k.value < 0 ? k.value + count : k.value;
    if (at < 0 || at >= count) detail::refuse_position("ModuleList", k.value, size(), k.loc);
    return *(*list_)[static_cast<size_t>(at)];
  }
  Iterator begin() const { return Iterator(list_->data()); }
  Iterator end() const { return Iterator(list_->data() + list_->size()); }

private:
  std::shared_ptr<std::vector<std::shared_ptr<M>>> list_ =
      std::make_shared<std::vector<std::shared_ptr<M>>>();
};

/// Modules of a type by key, in the order in which they were added.
template <class M = Module> class ModuleDict : public Module {
public:
  /// Adds a module. Throws Error (value) where the key is there, is empty or has a dot.
  template <std::derived_from<M> N>
  ModuleDict& insert(const std::string& key, const N& module, Loc loc = Loc::current()) {
    auto shared = std::make_shared<N>(module);
    add_child(key, shared, loc);
    list_->emplace_back(key, std::move(shared));
    return *this;
  }
  /// Returns the number of modules.
  size_t size() const { return list_->size(); }
  /// Says whether a module has this key.
  bool contains(const std::string& key) const { return find(key) != nullptr; }
  /// Returns the module of a key. Throws Error (index) where there is none.
  M& at(const std::string& key, Loc loc = Loc::current()) const {
    M* found = find(key);
    if (!found) detail::refuse_key("ModuleDict", key, loc);
    return *found;
  }
  /// Returns the same, and throws the same.
  M& operator[](const Key& key) const { return at(key.name, key.loc); }
  /// Returns the keys in the order in which they were added.
  std::vector<std::string> keys() const {
    std::vector<std::string> all;
    for (const auto& [key, module] : *list_)
      all.push_back(key);
    return all;
  }

private:
  M* find(const std::string& key) const {
    for (const auto& [known, module] : *list_)
      if (known == key) return module.get();
    return nullptr;
  }
  std::shared_ptr<std::vector<std::pair<std::string, std::shared_ptr<M>>>> list_ =
      std::make_shared<std::vector<std::pair<std::string, std::shared_ptr<M>>>>();
};

/// Parameters "0", "1", ...
class ParameterList : public Module {
public:
  /// Makes a list of these, each of which then requires a gradient.
  explicit ParameterList(const std::vector<Tensor>& values = {}, Loc loc = Loc::current());
  /// Adds a parameter at the end. Throws Error (autograd) for the result of an op.
  ParameterList& append(const Tensor& value, Loc loc = Loc::current());
  /// Returns the number of parameters.
  size_t size() const { return list_->size(); }
  /// Returns parameter k; negative numbers count from the end. Throws Error (index) where there is
  /// none.
  Tensor operator[](Position k) const;
  std::vector<Tensor>::const_iterator begin() const { return list_->begin(); }
  std::vector<Tensor>::const_iterator end() const { return list_->end(); }

private:
  std::shared_ptr<std::vector<Tensor>> list_ = std::make_shared<std::vector<Tensor>>();
};

/// Parameters by key, in the order in which they were added.
class ParameterDict : public Module {
public:
  /// Adds a parameter. Throws Error (value) where the key is there, is empty or has a dot, and
  /// Error (autograd) for the result of an op.
  ParameterDict& insert(const std::string& key, const Tensor& value, Loc loc = Loc::current());
  /// Returns the number of parameters.
  size_t size() const { return named_parameters().size(); }
  /// Says whether a parameter has this key.
  bool contains(const std::string& key) const;
  /// Returns the parameter of a key. Throws Error (index) where there is none.
  Tensor at(const std::string& key, Loc loc = Loc::current()) const;
  /// Returns the same, and throws the same.
  Tensor operator[](const Key& key) const { return at(key.name, key.loc); }
};

} // namespace weft::nn
