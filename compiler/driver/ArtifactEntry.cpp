// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/driver/ArtifactEntry.h"
#include "llvm/Support/JSON.h"

using namespace llvm;
using namespace attn;
using namespace attn::driver;

namespace attn {

static json::Object noteObject(const MessageNote &note) {
  return json::Object{{"file", json::fixUTF8(note.file)},
                      {"line", note.line},
                      {"column", note.column},
                      {"text", json::fixUTF8(note.text)}};
}
static json::Value toJSON(const Message &message) {
  json::Object object = noteObject(message);
  object["error"] = message.isError;
  object["help"] = json::fixUTF8(message.help);
  json::Array notes;
  for (const MessageNote &note : message.notes)
    notes.push_back(noteObject(note));
  object["notes"] = std::move(notes);
  return object;
}

static bool fromJSON(const json::Value &value, MessageNote &note, json::Path path) {
  json::ObjectMapper map(value, path);
  return map && map.map("file", note.file) && map.map("line", note.line) && map.map("column", note.column) &&
         map.map("text", note.text);
}
static bool fromJSON(const json::Value &value, Message &message, json::Path path) {
  json::ObjectMapper map(value, path);
  return fromJSON(value, static_cast<MessageNote &>(message), path) && map && map.map("error", message.isError) &&
         map.map("help", message.help) && map.map("notes", message.notes);
}
static bool fromJSON(const json::Value &value, ArtifactEntry &entry, json::Path path) {
  json::ObjectMapper map(value, path);
  return map && map.map("remarks", entry.remarks) && map.map("said", entry.said) && map.map("warnings", entry.warnings);
}

} // namespace attn

std::string attn::driver::writeEntry(const ArtifactEntry &entry) {
  json::Array remarks, warnings;
  for (const std::string &remark : entry.remarks)
    remarks.push_back(json::fixUTF8(remark));
  for (const Message &warning : entry.warnings)
    warnings.push_back(toJSON(warning));
  json::Object head{
      {"remarks", std::move(remarks)}, {"said", json::fixUTF8(entry.said)}, {"warnings", std::move(warnings)}};
  std::string content;
  raw_string_ostream out(content);
  out << json::Value(std::move(head)) << '\0' << entry.bytes;
  return content;
}

std::optional<ArtifactEntry> attn::driver::readEntry(StringRef content) {
  auto [head, bytes] = content.split('\0');
  Expected<json::Value> value = json::parse(head);
  if (!value) {
    consumeError(value.takeError());
    return std::nullopt;
  }
  ArtifactEntry entry;
  json::Path::Root root;
  if (!fromJSON(*value, entry, root))
    return std::nullopt;
  entry.bytes = bytes.str();
  return entry;
}
