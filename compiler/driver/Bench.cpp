// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// attnc bench: seconds of a call, and how near that is to what this machine can do.
#include "compiler/driver/Arguments.h"
#include "compiler/driver/Probes.h"
#include "compiler/driver/Progress.h"
#include "compiler/driver/Quiet.h"
#include "compiler/driver/Work.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace attn;
using namespace attn::driver;

namespace {
struct Measurement {
  QuietTimes times;
  int threads = 1;
  std::optional<double> flops, bytes;
  double peak = 0, readBandwidth = 0; ///< flop/s, bytes/s
  std::optional<double> speed() const { return ratio(flops, times.median()); }
  std::optional<double> bandwidth() const { return ratio(bytes, times.median()); }
  static std::optional<double> ratio(std::optional<double> a, std::optional<double> b) {
    return a && b ? std::optional<double>(*a / *b) : std::nullopt;
  }
};
} // namespace

/// The visible points are those of the routes that the compiler finds.
static Expected<std::vector<Visits>> findVisits(const Spec &spec, const CompileOptions &options, const Extents &extents,
                                                const StringMap<reference::Scalar> &scalars) {
  CompileOptions until = options;
  until.until = "attn-select-tiling";
  std::unique_ptr<Compilation> compilation = parseSpec(spec.path, spec.text, until, nulls());
  std::string errors;
  raw_string_ostream out(errors);
  if (!compilation || !runPasses(*compilation, out))
    return make_error<ReportedError>(std::move(errors));
  return visitsOf(*compilation->module->getOps<KernelOp>().begin(), &extents, scalars);
}

static json::Value orNull(std::optional<double> value) { return value ? json::Value(*value) : json::Value(nullptr); }

static void printJson(const Spec &spec, const Measurement &m) {
  auto giga = [](std::optional<double> value) { return orNull(value ? std::optional<double>(*value / 1e9) : value); };
  json::Object object{{"kernel", spec.kernel->name},
                      {"target", spec.compilation->target->name},
                      {"threads", m.threads},
                      {"flops", orNull(m.flops)},
                      {"bytes", orNull(m.bytes)},
                      {"median_s", orNull(m.times.median())},
                      {"best_s", orNull(m.times.best())},
                      {"samples", static_cast<int64_t>(m.times.quiet.size())},
                      {"gflops", giga(m.speed())},
                      {"peak_gflops", m.peak / 1e9},
                      {"fraction_of_peak", orNull(Measurement::ratio(m.speed(), m.peak))},
                      {"gbs", giga(m.bandwidth())},
                      {"read_gbs", m.readBandwidth / 1e9},
                      {"fraction_of_bandwidth", orNull(Measurement::ratio(m.bandwidth(), m.readBandwidth))}};
  outs() << json::Value(std::move(object)) << '\n';
}

static std::string percent(double share) { return number(share * 100, 3) + " %"; }

static void printText(const Spec &spec, const Measurement &m) {
  outs() << spec.kernel->name << "  " << elementTypes(*spec.kernel) << "  " << m.threads
         << (m.threads == 1 ? " thread" : " threads");
  if (!m.times.median()) {
    outs() << "   no quiet sample (of " << m.times.taken << ")\n";
    outs() << "  peak " << number(m.peak / 1e9, 4) << " GF/s   read " << number(m.readBandwidth / 1e9, 3) << " GB/s\n";
    return;
  }
  outs() << "   median " << duration(*m.times.median()) << "  best " << duration(*m.times.best()) << "  ("
         << m.times.quiet.size() << " of " << m.times.taken << " samples quiet)\n";
  if (m.speed() && *m.flops > 0)
    outs() << "  " << number(*m.speed() / 1e9, 4) << " GF/s of " << number(m.peak / 1e9, 4)
           << " peak = " << percent(*m.speed() / m.peak);
  if (m.bandwidth())
    outs() << "      " << number(*m.bandwidth() / 1e9, 3) << " GB/s of " << number(m.readBandwidth / 1e9, 3)
           << " read = " << percent(*m.bandwidth() / m.readBandwidth);
  outs() << '\n';
}

static Expected<QuietTimes> measure(const Call &call, const LoadedKernel &kernel, const QuietOptions &options) {
  Error failure = Error::success();
  QuietTimes times = measureQuietly(
      [&] {
        Error error = call.run(*kernel);
        bool isFine = !error;
        failure = joinErrors(std::move(failure), std::move(error));
        return isFine;
      },
      options);
  if (failure)
    return std::move(failure);
  return times;
}

/// The call with random inputs; results are allocated once the kernel is there.
static Expected<Call> makeCall(const Request &request, const Spec &spec, Extents &extents,
                               StringMap<reference::Scalar> &scalars) {
  Expected<StringMap<reference::Scalar>> values = readScalars(*spec.kernel, request.scalars);
  if (!values)
    return values.takeError();
  scalars = std::move(*values);
  if (Error error = requireScalars(*spec.kernel, scalars))
    return std::move(error);
  if (Error error = extents.addSizes(request.sizes))
    return std::move(error);
  if (Error error = extents.requireAll())
    return std::move(error);
  reference::DataOptions data;
  data.seed = request.seed;
  data.scalars = scalars;
  Expected<std::vector<reference::Argument>> arguments = drawArguments(spec, extents, data);
  if (!arguments)
    return arguments.takeError();
  Call call(*spec.kernel);
  call.setScalars(scalars);
  call.fill(*arguments);
  return call;
}

static Expected<Measurement> measureAll(const Request &request, const Spec &spec, Progress &progress) {
  keepMemory();
  Measurement m;
  m.threads = request.threads ? request.threads : availableCores();
  Extents extents(*spec.kernel);
  StringMap<reference::Scalar> scalars;
  Expected<Call> call = makeCall(request, spec, extents, scalars);
  if (!call)
    return call.takeError();
  CompileOptions options = spec.options;
  options.bound = withInnerRanks(options.bound, *spec.kernel, extents);
  Expected<std::vector<Visits>> visits = findVisits(spec, options, extents, scalars);
  if (!visits)
    return visits.takeError();
  Expected<attnc::Context> context = createContext(m.threads);
  if (!context)
    return context.takeError();
  Expected<LoadedKernel> kernel = LoadedKernel::compile(spec, options, *context);
  if (!kernel)
    return kernel.takeError();
  if (Error error = call->makeResults(**kernel))
    return std::move(error);

  Work work = workOf(kernelOf(spec));
  RankExtents all = rankExtents(kernelOf(spec), extents, scalars);
  m.flops = evaluate(work.flops, all, mainVisits(*visits));
  m.bytes = evaluate(work.bytes, all, nullptr);
  QuietOptions quiet;
  quiet.isOneThread = m.threads == 1;
  quiet.isDouble =
      any_of(spec.kernel->args, [](const codegen::KernelArgument &each) { return each.element == ATTNC_F64; });
  quiet.lanes = spec.compilation->target->lanes;
  if (quiet.isOneThread)
    pinThread();
  progress.say("measure " + spec.kernel->name);
  m.readBandwidth = probeReadBandwidth(m.threads);
  m.peak = probeFmaOf(m.threads, quiet.isDouble, quiet.lanes);
  Expected<QuietTimes> times = measure(*call, *kernel, quiet);
  if (!times)
    return times.takeError();
  m.times = std::move(*times);
  if (quiet.isOneThread)
    m.peak = std::max(m.peak, m.times.bestFma);
  return m;
}

static Error bench(const Request &request) {
  Expected<Spec> spec = openSpec(request);
  if (!spec)
    return spec.takeError();
  Expected<Measurement> measured = [&] {
    Progress progress("compile " + request.spec);
    return measureAll(request, *spec, progress);
  }();
  if (!measured)
    return measured.takeError();
  if (request.json)
    printJson(*spec, *measured);
  else
    printText(*spec, *measured);
  return Error::success();
}

Exit attn::driver::runBench(const Request &request) {
  if (Error error = bench(request))
    return fail(std::move(error));
  return Fine;
}
