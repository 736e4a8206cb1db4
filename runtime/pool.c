// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
/* A pool with dynamic tickets. A region is a set of tasks that one caller waits for. `ticket` holds the region's number
 * and how many of its tasks nobody has taken yet:
 *
 *   take:   t = ticket; read the region's fields; compare-and-swap t -> t - 1. Success means that between the two the
 * ticket did not change, so the region was not finished, so its fields were not rewritten: no worker can hold a region
 *           back, or touch one that is over, however long it was preempted.
 *   join:   waits for tasks that are done, not for workers to wake up. After an idle time the caller often does small
 *           regions alone before any worker is up.
 *
 * Workers take the rounding and denormal modes of the caller over, so that results do not depend on who runs a task.
 * Idle workers and a waiting caller spin for a bounded time, then sleep on a futex; nobody is woken who does not sleep.
 */
#include "runtime/pool.h"
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <xmmintrin.h>

enum { SPINS = 20000 };
#define LARGEST_REGION ((int64_t)INT32_MAX)

struct attnc_pool {
  _Atomic uint64_t ticket; /* region << 32 | tasks not taken */
  _Atomic uint32_t signal; /* counts regions: what idle workers watch */
  _Atomic uint32_t done;   /* tasks of the region that are finished */
  _Atomic int32_t sleepers, joining, stop;
  atomic_flag busy; /* a caller owns the pool */
  /* The region: written by its caller while no task is left to take. */
  _Atomic(attnc_launch) fn;
  _Atomic(void *) ctx;
  _Atomic int64_t base;         /* number of its first task */
  _Atomic uint32_t size, modes; /* modes: the caller's MXCSR */
  int32_t num_threads;
  struct attnc_thread {
    attnc_pool *pool;
    pthread_t thread;
    int32_t worker;
  } threads[];
};

static void pauseCpu(void) { __builtin_ia32_pause(); }
static void sleepOn(_Atomic uint32_t *word, uint32_t value) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}
static void wake(_Atomic uint32_t *word, int count) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

/* Takes tasks until none is left. */
static void work(attnc_pool *pool, int32_t worker) {
  uint64_t ticket = atomic_load_explicit(&pool->ticket, memory_order_acquire);
  while ((uint32_t)ticket != 0) {
    attnc_launch fn = atomic_load_explicit(&pool->fn, memory_order_relaxed);
    void *ctx = atomic_load_explicit(&pool->ctx, memory_order_relaxed);
    int64_t base = atomic_load_explicit(&pool->base, memory_order_relaxed);
    uint32_t size = atomic_load_explicit(&pool->size, memory_order_relaxed);
    uint32_t modes = atomic_load_explicit(&pool->modes, memory_order_relaxed);
    if (!atomic_compare_exchange_weak_explicit(&pool->ticket, &ticket, ticket - 1, memory_order_acq_rel,
                                               memory_order_acquire))
      continue;
    if (worker != 0)
      _mm_setcsr(modes);
    fn(ctx, base + (size - (uint32_t)ticket), worker);
    if (atomic_fetch_add(&pool->done, 1) + 1 == size && atomic_load(&pool->joining))
      wake(&pool->done, INT_MAX);
    ticket = atomic_load_explicit(&pool->ticket, memory_order_acquire);
  }
}

static void *runThread(void *arg) {
  struct attnc_thread *self = arg;
  attnc_pool *pool = self->pool;
  uint32_t seen = 0;
  while (!atomic_load(&pool->stop)) {
    work(pool, self->worker);
    for (int i = 0; i < SPINS && atomic_load_explicit(&pool->signal, memory_order_acquire) == seen; ++i)
      pauseCpu();
    if (atomic_load(&pool->signal) == seen) {
      atomic_fetch_add(&pool->sleepers, 1);
      sleepOn(&pool->signal, seen);
      atomic_fetch_sub(&pool->sleepers, 1);
    }
    seen = atomic_load(&pool->signal);
  }
  return NULL;
}

static void join(attnc_pool *pool, uint32_t size) {
  for (int i = 0; i < SPINS; ++i) {
    if (atomic_load_explicit(&pool->done, memory_order_acquire) == size)
      return;
    pauseCpu();
  }
  atomic_store(&pool->joining, 1);
  for (uint32_t done; (done = atomic_load(&pool->done)) != size;)
    sleepOn(&pool->done, done);
  atomic_store(&pool->joining, 0);
}

/* One region of at most LARGEST_REGION tasks, by the owner of the pool. */
static void runRegion(attnc_pool *pool, int64_t base, uint32_t size, attnc_launch fn, void *ctx) {
  atomic_store_explicit(&pool->fn, fn, memory_order_relaxed);
  atomic_store_explicit(&pool->ctx, ctx, memory_order_relaxed);
  atomic_store_explicit(&pool->base, base, memory_order_relaxed);
  atomic_store_explicit(&pool->size, size, memory_order_relaxed);
  atomic_store_explicit(&pool->modes, _mm_getcsr(), memory_order_relaxed);
  atomic_store_explicit(&pool->done, 0, memory_order_relaxed);
  uint64_t region = (atomic_load_explicit(&pool->ticket, memory_order_relaxed) >> 32) + 1;
  atomic_store_explicit(&pool->ticket, region << 32 | size, memory_order_release);
  atomic_fetch_add(&pool->signal, 1);
  if (atomic_load(&pool->sleepers))
    wake(&pool->signal, (int)(size - 1));
  work(pool, 0);
  join(pool, size);
}

void attnc_pool_run(attnc_pool *pool, int64_t n, attnc_launch fn, void *ctx) {
  if (n <= 1 || pool->num_threads == 0 || atomic_flag_test_and_set_explicit(&pool->busy, memory_order_acquire)) {
    for (int64_t task = 0; task < n; ++task)
      fn(ctx, task, 0);
    return;
  }
  for (int64_t base = 0; base < n; base += LARGEST_REGION)
    runRegion(pool, base, (uint32_t)(n - base < LARGEST_REGION ? n - base : LARGEST_REGION), fn, ctx);
  atomic_flag_clear_explicit(&pool->busy, memory_order_release);
}

attnc_pool *attnc_pool_create(int32_t num_workers) {
  int32_t count = num_workers - 1;
  attnc_pool *pool = calloc(1, sizeof *pool + (size_t)count * sizeof pool->threads[0]);
  if (!pool)
    return NULL;
  atomic_flag_clear(&pool->busy);
  sigset_t all, before; /* signals are the embedder's business */
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (int32_t i = 0; i < count; ++i) {
    struct attnc_thread *thread = &pool->threads[i];
    thread->pool = pool;
    thread->worker = i + 1;
    if (pthread_create(&thread->thread, NULL, runThread, thread) != 0)
      break;
    pool->num_threads = i + 1;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (pool->num_threads == count)
    return pool;
  attnc_pool_destroy(pool);
  return NULL;
}

void attnc_pool_destroy(attnc_pool *pool) {
  if (!pool)
    return;
  atomic_store(&pool->stop, 1);
  atomic_fetch_add(&pool->signal, 1);
  wake(&pool->signal, INT_MAX);
  for (int32_t i = 0; i < pool->num_threads; ++i)
    pthread_join(pool->threads[i].thread, NULL);
  free(pool);
}
