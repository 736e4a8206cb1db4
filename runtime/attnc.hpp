// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
/// The runtime for C++17: ownership by RAII, statuses that cannot be dropped, nothing that throws but std::string and
/// std::vector running out of memory. Header only.
///
///   auto context = attnc::Context::create();
///   auto module = context->load("mha.so");
///   if (!module) std::cerr << module.status().message;
///   attnc::Tensor q(qData, {1, 12, 37, 32}), ...;
///   attnc::Status status = module->find("mha")->call({{"Q", q}, {"K", k}, {"V", v}, {"O", o}});
#ifndef ATTNC_HPP
#define ATTNC_HPP

#include "attnc.h"
#include <array>
#include <cassert>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace attnc {

struct [[nodiscard]] Status {
  attnc_status code = ATTNC_OK;
  std::string message; ///< what attnc_message said; empty if all is well
  bool ok() const { return code == ATTNC_OK; }
};

/// A value, or the status that says why there is none.
template <typename T> class [[nodiscard]] Result {
public:
  Result(T value) : held(std::move(value)) {}
  Result(Status status) : failure(std::move(status)) { assert(!failure.ok()); }
  explicit operator bool() const { return held.has_value(); }
  T &operator*() { return assert(held), *held; }
  T *operator->() { return assert(held), &*held; }
  const Status &status() const { return failure; }

private:
  std::optional<T> held;
  Status failure;
};

template <typename T> struct ElementOf;
#define ATTNC_ELEMENT(type, dlCode)                                                                                    \
  template <> struct ElementOf<type> {                                                                                 \
    static constexpr DLDataType value = {dlCode, 8 * sizeof(type), 1};                                                 \
  }
ATTNC_ELEMENT(float, 2);
ATTNC_ELEMENT(double, 2);
ATTNC_ELEMENT(int8_t, 0);
ATTNC_ELEMENT(uint8_t, 1);
ATTNC_ELEMENT(int32_t, 0);
ATTNC_ELEMENT(int64_t, 0);
ATTNC_ELEMENT(bool, 6);
#undef ATTNC_ELEMENT
inline constexpr DLDataType f16 = {2, 16, 1}, bf16 = {4, 16, 1};

/// A view of the caller's CPU memory. Sizes and strides in elements.
class Tensor {
public:
  Tensor(void *data, DLDataType type, std::vector<int64_t> sizes, std::vector<int64_t> strides = {})
      : sizes(std::move(sizes)), strides(std::move(strides)), data(data), type(type) {
    assert(this->strides.empty() || this->strides.size() == this->sizes.size());
  }
  template <typename T>
  Tensor(T *data, std::vector<int64_t> sizes, std::vector<int64_t> strides = {})
      : Tensor(data, ElementOf<T>::value, std::move(sizes), std::move(strides)) {}
  template <typename T> /// of an input: the runtime writes to results only
  Tensor(const T *data, std::vector<int64_t> sizes, std::vector<int64_t> strides = {})
      : Tensor(const_cast<T *>(data), ElementOf<T>::value, std::move(sizes), std::move(strides)) {}

  /// Valid as long as this tensor.
  DLTensor dl() const {
    DLTensor t = {};
    t.data = data;
    t.device.device_type = kDLCPU;
    t.ndim = static_cast<int32_t>(sizes.size());
    t.dtype = type;
    t.shape = const_cast<int64_t *>(sizes.data());
    t.strides = strides.empty() ? nullptr : const_cast<int64_t *>(strides.data());
    return t;
  }

private:
  std::vector<int64_t> sizes, strides;
  void *data;
  DLDataType type;
};

/// An argument of a call by name. Holds a tensor's description, not the Tensor: use it while that lives.
class Arg {
public:
  Arg(const char *name, const Tensor &tensor) : tensor(tensor.dl()), arg(ATTNC_TENSOR(name, nullptr)) {}
  Arg(const char *name, const DLTensor &tensor) : tensor(tensor), arg(ATTNC_TENSOR(name, nullptr)) {}
  Arg(const char *name, double value) : arg(ATTNC_SCALAR(name, value)) {}
  Arg(const char *name, float value) : arg(ATTNC_SCALAR(name, static_cast<double>(value))) {}
  Arg(const char *name, int64_t value) : arg(ATTNC_INT(name, value)) {}
  Arg(const char *name, int value) : arg(ATTNC_INT(name, value)) {}
  Arg(const char *name, bool value) : arg(ATTNC_INT(name, value)) {}
  attnc_arg c() const { return arg.given == ATTNC_GIVEN_TENSOR ? attnc_make_tensor(arg.name, &tensor) : arg; }

private:
  DLTensor tensor = {};
  attnc_arg arg;
};

/// A reference to a kernel of a module; valid as long as the module.
class Kernel {
public:
  Kernel(attnc_context *context, attnc_kernel *kernel) : context(context), kernel(kernel) {}

  Status call(std::initializer_list<Arg> args) const { return call(args.begin(), args.size()); }
  Status call(const std::vector<Arg> &args) const { return call(args.data(), args.size()); }

  /// The extents that tensor `name` must have (attnc_shape).
  Result<std::vector<int64_t>> shape(const char *name, const std::vector<Arg> &args) const {
    std::array<int64_t, ATTNC_MAX_DIMS> sizes;
    std::vector<attnc_arg> list = toC(args.data(), args.size());
    attnc_status code = attnc_shape(kernel, list.data(), static_cast<int32_t>(list.size()), name, sizes.data());
    if (code != ATTNC_OK)
      return Status{code, attnc_message(context)};
    const attnc_kernel_descriptor *d = attnc_describe(kernel);
    for (int32_t i = 0; i < d->num_args; ++i)
      if (name == std::string(d->args[i].name))
        return std::vector<int64_t>(sizes.begin(), sizes.begin() + d->args[i].num_dims);
    return Status{ATTNC_INVALID_USE, "no such tensor"};
  }

  const attnc_kernel_descriptor &describe() const { return *attnc_describe(kernel); }

private:
  static std::vector<attnc_arg> toC(const Arg *args, size_t count) {
    std::vector<attnc_arg> list;
    for (size_t i = 0; i < count; ++i)
      list.push_back(args[i].c());
    return list;
  }
  Status call(const Arg *args, size_t count) const {
    std::vector<attnc_arg> list = toC(args, count);
    attnc_status code = attnc_call(kernel, list.data(), static_cast<int32_t>(count));
    return code == ATTNC_OK ? Status() : Status{code, attnc_message(context)};
  }

  attnc_context *context;
  attnc_kernel *kernel;
};

/// A loaded artifact. Unloads it; the context must still live then.
class Module {
public:
  Module(attnc_context *context, attnc_module *module) : context(context), module(module, attnc_unload) {}

  Result<Kernel> find(const char *name) const {
    if (attnc_kernel *kernel = attnc_find(module.get(), name))
      return Kernel(context, kernel);
    return Status{ATTNC_INVALID_USE, attnc_message(context)};
  }
  attnc_module *get() const { return module.get(); }

private:
  attnc_context *context;
  std::unique_ptr<attnc_module, void (*)(attnc_module *)> module;
};

/// Threads and memory. Must outlive its modules.
class Context {
public:
  static Result<Context> create(const attnc_options &options = {}) {
    attnc_context *context = nullptr;
    attnc_status code = attnc_create(&options, &context);
    if (code != ATTNC_OK)
      return Status{code, attnc_status_text(code)};
    return Context(context);
  }

  Result<Module> load(const std::string &path) const {
    attnc_module *module = nullptr;
    attnc_status code = attnc_load(context.get(), path.c_str(), &module);
    return wrap(code, module);
  }
  Result<Module> link(const attnc_artifact_descriptor &artifact) const {
    attnc_module *module = nullptr;
    attnc_status code = attnc_link(context.get(), &artifact, &module);
    return wrap(code, module);
  }
  attnc_context *get() const { return context.get(); }

private:
  explicit Context(attnc_context *context) : context(context, attnc_destroy) {}
  Result<Module> wrap(attnc_status code, attnc_module *module) const {
    if (code != ATTNC_OK)
      return Status{code, attnc_message(context.get())};
    return Module(context.get(), module);
  }

  std::unique_ptr<attnc_context, void (*)(attnc_context *)> context;
};

} // namespace attnc
#endif
