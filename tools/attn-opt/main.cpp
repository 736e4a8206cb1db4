// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/attn/Attn.h"
#include "dialects/route/Route.h"
#include "dialects/tile/Tile.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "passes/Passes.h"
#include "llvm/Support/PrettyStackTrace.h"

int main(int argc, char **argv) {
  llvm::setBugReportMsg("please report this crash to the attnc project, with the command and its input\n");
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registry.insert<attn::AttnDialect, attn::route::RouteDialect, attn::tile::TileDialect>();
  mlir::registerAllPasses();
  attn::registerAttncPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "attnc optimizer driver\n", registry));
}
