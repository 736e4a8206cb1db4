// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/driver/Artifacts.h"
#include "compiler/driver/ArtifactEntry.h"
#include "compiler/driver/Request.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Path.h"

using namespace llvm;
using namespace attn;
using namespace attn::driver;

std::string attn::driver::stemOf(StringRef path) {
  std::string stem = sys::path::stem(path).str();
  for (char &c : stem)
    if (!isAlnum(c))
      c = '_';
  if (stem.empty() || isDigit(stem[0]))
    stem.insert(0, "_");
  return stem;
}

//===-- kinds --------------------------------------------------------------------------------------------------------

static Expected<std::string> makeShared(Compilation &compilation, StringRef) {
  auto object = compileObject(compilation);
  return object ? codegen::linkArtifact(*object) : object.takeError();
}

static Expected<std::string> makeLinkable(Compilation &compilation, StringRef stem) {
  auto object = compileObject(compilation, stem);
  if (!object)
    return object.takeError();
  if (Error error = codegen::checkObject(*object))
    return std::move(error);
  return std::string(object->begin(), object->end());
}

static Expected<std::string> makeHeader(Compilation &compilation, StringRef stem) {
  return codegen::headerText(compilation.interfaces, stem);
}

static Expected<std::string> makeAssembly(Compilation &compilation, StringRef) {
  LLVMContext context;
  auto module = translate(compilation, context);
  if (!module)
    return module.takeError();
  const TargetRow &row = *compilation.target;
  return codegen::emitAssembly(**module, {row.cpu.str(), row.features.str(), row.abiFeatures});
}

static Expected<std::string> makeLlvm(Compilation &compilation, StringRef) {
  LLVMContext context;
  auto module = translate(compilation, context);
  if (!module)
    return module.takeError();
  std::string text;
  raw_string_ostream out(text);
  (*module)->print(out, nullptr);
  return text;
}

static Expected<std::string> makeMlir(Compilation &compilation, StringRef) {
  std::string text;
  raw_string_ostream out(text);
  compilation.module->print(out);
  return text;
}

ArrayRef<ArtifactKind> attn::driver::artifactKinds() {
  static constexpr ArtifactKind kinds[] = {{"so", ".so", false, makeShared},   {"obj", ".o", true, makeLinkable},
                                           {"header", ".h", true, makeHeader}, {"asm", ".s", false, makeAssembly},
                                           {"llvm", ".ll", false, makeLlvm},   {"mlir", ".mlir", false, makeMlir}};
  return kinds;
}

const ArtifactKind *attn::driver::findArtifactKind(StringRef name) {
  auto kind = find_if(artifactKinds(), [&](const ArtifactKind &each) { return each.name == name; });
  return kind == artifactKinds().end() ? nullptr : kind;
}

Error attn::driver::unknownKind(StringRef name) {
  std::vector<std::string> known;
  for (const ArtifactKind &kind : artifactKinds())
    known.push_back(kind.name.str());
  return usageError("unknown kind '" + name + "'; known: " + listOf(known));
}

//===-- making -------------------------------------------------------------------------------------------------------

/// Empty where nothing may be kept. The path is part of it, since messages and checks name it.
std::string Artifacts::keyFor(const ArtifactKind &kind, StringRef stem) const {
  const TargetRow *target = options.target.empty() ? hostTarget() : findTarget(options.target);
  std::optional<std::string> build = cache.isOn() ? buildId() : std::nullopt;
  if (!build || !target || !options.until.empty() || !options.dumpDir.empty())
    return "";
  std::vector<std::string> parts = {*build,
                                    LLVM_VERSION_STRING,
                                    path,
                                    text,
                                    kind.name.str(),
                                    kind.usesStem ? stem.str() : "",
                                    options.kernel,
                                    options.tile,
                                    options.exactFactors ? "exact" : "",
                                    target->name.str(),
                                    target->cpu.str(),
                                    target->features.str(),
                                    std::to_string(options.types.size())};
  for (const auto &[name, type] : options.types)
    parts.insert(parts.end(), {name, type});
  for (const auto &[name, extent] : options.bound)
    parts.insert(parts.end(), {name, std::to_string(extent)});
  return cacheKey(parts);
}

Error Artifacts::compile(MessageSink errors) {
  if (compilation)
    return Error::success();
  raw_string_ostream out(said);
  std::unique_ptr<Compilation> made = parseSpec(path, text, options, {out, &warnings});
  bool isFine = made && runPasses(*made, {out, &warnings});
  if (!hasWarned) {
    errors.text << said;
    if (errors.list)
      errors.list->insert(errors.list->end(), warnings.begin(), warnings.end());
  }
  hasWarned = true;
  if (!isFine)
    return make_error<ReportedError>();
  compilation = std::move(made);
  return Error::success();
}

Expected<Artifact> Artifacts::make(const ArtifactKind &kind, StringRef stem, MessageSink errors) {
  Artifact artifact;
  std::string key = keyFor(kind, stem), content;
  Cache::State state = key.empty() ? Cache::State::Missing : cache.find(key, content);
  if (state == Cache::State::Found) {
    if (std::optional<ArtifactEntry> entry = readEntry(content)) {
      if (!hasWarned) {
        errors.text << entry->said;
        if (errors.list)
          errors.list->insert(errors.list->end(), entry->warnings.begin(), entry->warnings.end());
      }
      hasWarned = true;
      return Artifact{std::move(entry->bytes), std::move(entry->remarks), true, "from " + cache.pathOf(key)};
    }
    state = Cache::State::Damaged;
  }
  if (Error error = compile(errors))
    return std::move(error);
  Expected<std::string> bytes = kind.make(*compilation, stem);
  if (!bytes)
    return bytes.takeError();
  artifact.bytes = std::move(*bytes);
  artifact.remarks = compilation->remarks;
  if (key.empty())
    return artifact;
  std::string problem = cache.store(key, writeEntry({artifact.bytes, artifact.remarks, said, warnings}));
  artifact.cacheNote = !problem.empty() ? "nothing kept: " + problem : "kept as " + cache.pathOf(key);
  if (state == Cache::State::Damaged)
    artifact.cacheNote += ", in place of a damaged entry";
  return artifact;
}
