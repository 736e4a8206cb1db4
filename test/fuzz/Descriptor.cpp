// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Descriptors and calls drawn from bytes, within what a mapped artifact can promise: pointers are null or point at as
// many elements as the counts say. The runtime refuses them or calls the kernel with views inside the tensors given.
#include "runtime/attnc.h"
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

namespace {

struct Bytes {
  const uint8_t *at, *end;
  uint8_t byte() { return at == end ? 0 : *at++; }
  unsigned below(unsigned n) { return byte() % n; }
  bool rarely() { return byte() == 255; }
  /// Mostly small and sensible, sometimes anything.
  int64_t number() {
    uint8_t kind = byte();
    if (kind < 240)
      return kind % 9;
    uint64_t value = 0;
    for (int i = 0; i < 8; ++i)
      value = value << 8 | byte();
    return static_cast<int64_t>(kind < 248 ? value : ~uint64_t(0) >> kind % 8 * 8);
  }
};

constexpr const char *kNames[] = {"Q", "K", "s", "O", "m", "p"};
constexpr int64_t kScratch = 1 << 12;

/// What `prepare` answers; kernels are called on one thread.
struct Answer {
  int32_t failed;
  int64_t workspace, scratch, tasks;
} answer;
const attnc_kernel_descriptor *current;

int32_t prepare(attnc_frame *call) {
  for (int32_t i = 0; i < current->num_symbols; ++i)
    if (current->symbols[i].declared)
      call->symbols[i] = answer.tasks;
  for (int32_t i = 0; i < current->num_launches; ++i)
    call->tasks[i] = answer.tasks;
  call->workspace_bytes = answer.workspace;
  call->scratch_bytes = answer.scratch;
  return answer.failed < current->num_checks ? answer.failed : -1;
}

void launch(void *context, int64_t task, int32_t worker) {
  auto *call = static_cast<attnc_frame *>(context);
  if (answer.scratch > 0)
    std::memset(call->scratch + worker * call->scratch_stride, 1, answer.scratch);
  if (answer.workspace > 0)
    std::memset(call->workspace, 2, answer.workspace);
  if (task < 0 || task >= answer.tasks)
    std::abort();
}

class Drawn {
public:
  explicit Drawn(Bytes &bytes) : bytes(bytes) {
    kernel = {};
    kernel.name = name();
    kernel.features = bytes.rarely() ? bytes.byte() : 0;
    kernel.num_symbols = draw(symbols, 3, [&] {
      return attnc_symbol_descriptor{name(), bytes.below(3) ? -1 : bytes.number(), bytes.below(4) == 0};
    });
    kernel.num_args = draw(args, 4, [&] { return argument(); });
    kernel.num_checks = draw(checks, 2, [&] { return attnc_check_descriptor{"E > 0", "k.attn", 1}; });
    kernel.num_launches = draw(launches, 2, [&] { return bytes.rarely() ? nullptr : &launch; });
    kernel.args = args.data();
    kernel.symbols = symbols.data();
    kernel.checks = checks.data();
    kernel.launches = launches.data();
    kernel.prepare = bytes.rarely() ? nullptr : prepare;
    artifact = {bytes.rarely() ? 0 : ATTNC_ABI_MAGIC, bytes.rarely() ? 77 : ATTNC_ABI_VERSION, 1, &kernel, nullptr};
  }

  attnc_kernel_descriptor kernel;
  attnc_artifact_descriptor artifact;

private:
  const char *name() { return bytes.rarely() ? nullptr : kNames[bytes.below(std::size(kNames))]; }

  /// Fills the list; the count, which may be a wrong negative one.
  template <typename T, typename Make> int32_t draw(std::vector<T> &list, unsigned most, Make make) {
    for (unsigned i = 0, n = bytes.below(most + 1); i < n; ++i)
      list.push_back(make());
    return bytes.rarely() ? -1 - bytes.byte() : static_cast<int32_t>(list.size());
  }

  attnc_dim_descriptor dim() {
    std::vector<int32_t> &indices = lists.emplace_back();
    attnc_dim_descriptor made{name(), bytes.below(4) ? 1 : bytes.number(), nullptr, 0};
    made.num_symbols = draw(indices, 2, [&] {
      return bytes.rarely() ? static_cast<int32_t>(bytes.number()) : static_cast<int32_t>(bytes.below(3));
    });
    made.symbols = indices.data();
    return made;
  }

  attnc_arg_descriptor argument() {
    std::vector<attnc_dim_descriptor> &list = dims.emplace_back();
    attnc_arg_descriptor made{
        name(), bytes.below(4) == 0, ATTNC_F16 + bytes.below(10), 1 + bytes.below(3), bytes.below(3) == 0, nullptr, 0};
    if (made.kind == ATTNC_ARG_SCALAR)
      made.direction = ATTNC_IN;
    made.num_dims = made.kind == ATTNC_ARG_SCALAR ? 0 : draw(list, 3, [&] { return dim(); });
    made.dims = list.data();
    return made;
  }

  Bytes &bytes;
  std::vector<attnc_symbol_descriptor> symbols;
  std::vector<attnc_arg_descriptor> args;
  std::vector<attnc_check_descriptor> checks;
  std::vector<attnc_launch> launches;
  std::deque<std::vector<attnc_dim_descriptor>> dims;
  std::deque<std::vector<int32_t>> lists;
};

struct Call {
  Call(Bytes &bytes, const attnc_kernel_descriptor &kernel) {
    for (unsigned i = 0, n = bytes.below(6); i < n; ++i) {
      const char *name = kNames[bytes.below(std::size(kNames))];
      const attnc_arg_descriptor *known = nullptr;
      for (int32_t a = 0; a < kernel.num_args; ++a)
        if (kernel.args[a].name && std::strcmp(kernel.args[a].name, name) == 0)
          known = &kernel.args[a];
      switch (bytes.below(8)) {
      case 0:
        args.push_back(ATTNC_SCALAR(name, bytes.byte()));
        break;
      case 1:
        args.push_back(ATTNC_INT(name, bytes.number()));
        break;
      default:
        args.push_back(ATTNC_TENSOR(name, bytes.rarely() ? nullptr : tensor(bytes, known)));
      }
    }
  }

  const DLTensor *tensor(Bytes &bytes, const attnc_arg_descriptor *known) {
    std::vector<int64_t> &shape = lists.emplace_back(), &strides = lists.emplace_back();
    int32_t numDims = known && !bytes.rarely() ? known->num_dims : bytes.below(ATTNC_MAX_DIMS + 3);
    for (int32_t d = 0; d < numDims; ++d) {
      shape.push_back(bytes.number());
      strides.push_back(bytes.number());
    }
    DLTensor made = {bytes.rarely() ? nullptr : memory + bytes.below(2) * 4096 + (bytes.rarely() ? 1 : 0),
                     {kDLCPU, 0},
                     numDims,
                     {kDLFloat, 32, 1},
                     shape.data(),
                     bytes.below(2) ? strides.data() : nullptr,
                     bytes.rarely() ? bytes.byte() : 0u};
    if (bytes.rarely())
      made.ndim = -1;
    if (bytes.below(16) == 0)
      made.dtype = {bytes.byte(), bytes.byte(), bytes.byte()};
    if (bytes.rarely())
      made.device.device_type = static_cast<decltype(made.device.device_type)>(2);
    return &tensors.emplace_back(made);
  }

  alignas(64) static inline char memory[1 << 14];
  std::vector<attnc_arg> args;
  std::deque<std::vector<int64_t>> lists;
  std::deque<DLTensor> tensors;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Bytes bytes{data, data + size};
  attnc_context *context = nullptr;
  attnc_options options = {1, nullptr, nullptr};
  if (attnc_create(&options, &context) != ATTNC_OK)
    return 0;
  Drawn drawn(bytes);
  current = &drawn.kernel;
  attnc_module *module = nullptr;
  attnc_status status = attnc_link(context, &drawn.artifact, &module);
  if ((status == ATTNC_OK) != (module != nullptr) || (status != ATTNC_OK && !*attnc_message(context)))
    std::abort();
  if (attnc_kernel *kernel = attnc_kernel_at(module, 0)) {
    attnc_find(module, kNames[bytes.below(std::size(kNames))]);
    answer = {static_cast<int32_t>(bytes.below(4)) - 1, bytes.number() % kScratch, bytes.number() % kScratch,
              bytes.below(5)};
    Call call(bytes, drawn.kernel);
    int64_t sizes[ATTNC_MAX_DIMS];
    auto numArgs = static_cast<int32_t>(call.args.size());
    attnc_shape(kernel, call.args.data(), numArgs, kNames[bytes.below(std::size(kNames))], sizes);
    if (attnc_call(kernel, call.args.data(), numArgs) != ATTNC_OK && !*attnc_message(context))
      std::abort();
  }
  attnc_destroy(context);
  return 0;
}
