// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
def AttnSelectTiling : Pass<"attn-select-tiling", "::attn::KernelOp"> {
  let summary = "chooses tile sizes for each group from the target's row";
  let description = [{
    The only chooser of tile sizes. Reads the facts of the target's row, never its name, and states its reasons as remarks.
    `tile` pins ranks ("p=64,m=256").

    After this pass every group has a tiling: a size for each rank that its operations iterate.
  }];
  let options = [
    Option<"target", "target", "std::string", "\"cpu:x86-64-v3\"", "row of the table of targets">,
    Option<"tile", "tile", "std::string", "\"\"", "pinned sizes, as rank=size separated by commas">
  ];
}

def AttnTile : Pass<"attn-tile", "::mlir::ModuleOp"> {
  let summary = "kernels become loops over blocks of fragments";
  let description = [{
    Each group becomes a launch: a parallel loop over blocks of its parallel ranks, `route.for` over the visited blocks of a
    stream, tile ops on fragments. Example: test/passes/tile/tile.mlir.

    After this pass no attn op is left. Fragments have no layout; predicates are masks; loads are padded.
  }];
  let dependentDialects = ["::attn::tile::TileDialect", "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::cf::ControlFlowDialect", "::mlir::func::FuncDialect", "::mlir::math::MathDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"];
}
