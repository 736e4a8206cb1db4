// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
/* The runtime's own threads. */
#ifndef ATTNC_POOL_H
#define ATTNC_POOL_H

#include "runtime/attnc_abi.h"

typedef struct attnc_pool attnc_pool;

/* A pool of `num_workers` workers, the calling thread being one of them; null if memory or threads run out. */
attnc_pool *attnc_pool_create(int32_t num_workers);
void attnc_pool_destroy(attnc_pool *pool); /* null is allowed */

/* Runs fn(ctx, task, worker) for each task in [0, n); returns when all are done. May be called by several threads at
 * once: the pool serves one of them, the others run their tasks alone, as worker 0. */
void attnc_pool_run(attnc_pool *pool, int64_t n, attnc_launch fn, void *ctx);

#endif
