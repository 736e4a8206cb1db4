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
    stream, tile ops on fragments. Example: test/passes/attn/tile.mlir.

    After this pass no attn op is left. Fragments have no layout; predicates are masks; loads are padded.
  }];
  let dependentDialects = ["::attn::tile::TileDialect", "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::cf::ControlFlowDialect", "::mlir::func::FuncDialect", "::mlir::math::MathDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"];
}

def TileAssignLayouts : Pass<"tile-assign-layouts", "::mlir::func::FuncOp"> {
  let summary = "gives every fragment a layout";
  let description = [{
    Rows, but for the factors of contractions that are read in vectors: those lie in panels as wide as a micro-tile of the
    target's row. Factors narrower than the accumulator are widened first, which is exact. Example:
    test/passes/tile/assign-layouts.mlir.

    After this pass every fragment has a layout.
  }];
  let options = [Option<"target", "target", "std::string", "\"cpu:x86-64-v3\"", "row of the table of targets">];
  let dependentDialects = ["::attn::tile::TileDialect", "::mlir::arith::ArithDialect"];
}

def TileSchedule : Pass<"tile-schedule", "::mlir::func::FuncOp"> {
  let summary = "loops over blocks become plain loops, invariants leave them";
  let description = [{
    Full and partial blocks get loops of their own, so masks of full blocks fold. Loads that a loop does not write to and ops
    without effects move out of the loops they do not depend on. A factor in panels that many tasks would pack is packed by a
    launch of its own into a workspace, which the loops then view: where at least four tasks share a block, decided once a call.
    Example: test/passes/tile/schedule.mlir.

    After this pass no route op is left.
  }];
  let options = [Option<"workspaceLimit", "workspace-limit", "int64_t", "256 << 20", "most bytes of one packed factor">];
  let dependentDialects = ["::attn::tile::TileDialect", "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"];
}

def TileAllocateScratch : Pass<"tile-allocate-scratch", "::mlir::func::FuncOp"> {
  let summary = "gives every fragment a place in its worker's scratch";
  let description = [{
    Fragments that are live together lie apart; a carried value, its initial value and what is yielded for it lie in one
    place, by copies where they must. Example: test/passes/tile/allocate-scratch.mlir.

    After this pass ops that make fragments have `tile.offset` (bytes, one a result, -1 for results that are no fragments), and
    the function has `tile.scratch_bytes`.
  }];
  let options = [Option<"limit", "limit", "int64_t", "64 << 20", "most bytes of scratch a worker may need">];
  let dependentDialects = ["::attn::tile::TileDialect"];
}

def TileOutlineLaunches : Pass<"tile-outline-launches", "::mlir::ModuleOp"> {
  let summary = "a kernel becomes the functions of the ABI";
  let description = [{
    `@NAME.prepare(call) -> i32` evaluates the straight-line code: checks, extents of declared ranks, tasks, workspace and
    scratch; it has the attribute `tile.launches`, their number. `@NAME.launch<k>(call, task, worker)` is one task of a launch.
    Example: test/passes/tile/outline-launches.mlir.

    After this pass no function has `tile.kernel`, and there is no scf.forall of a kernel.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::arith::ArithDialect", "::mlir::cf::ControlFlowDialect",
                           "::mlir::memref::MemRefDialect"];
}

def TileConvertToCpu : Pass<"tile-convert-to-cpu", "::mlir::func::FuncOp"> {
  let summary = "tile ops become loops over scratch with vectors innermost";
  let description = [{
    Functions with `tile.scratch_bytes` are lowered with the facts of the target's row. Contractions are register-blocked
    micro-kernels; elementwise ops and reductions are loops over vectors; loads and stores go in vectors where memory is
    contiguous and inside. Example: test/passes/tile/convert-to-cpu.mlir.

    After this pass no tile op is left.
  }];
  let options = [Option<"target", "target", "std::string", "\"cpu:x86-64-v3\"", "row of the table of targets">];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}
