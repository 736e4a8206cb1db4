// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/attnc/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/PrettyStackTrace.h"
#include "llvm/Support/raw_ostream.h"

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  llvm::setBugReportMsg("please report this crash to the attnc project, with the command and its input\n");
  llvm::Expected<attn::CommandLine> line = attn::parseCommandLine(llvm::ArrayRef<const char *>(argv + 1, argv + argc));
  if (!line)
    return attn::driver::fail(line.takeError());
  if (line->run)
    return line->run(line->request);
  llvm::outs() << line->text;
  return attn::driver::Fine;
}
