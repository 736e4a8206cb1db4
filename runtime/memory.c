// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
/* Buffers for workspace, scratch and the bookkeeping of calls. They are kept between calls: fresh pages cost more than
 * small kernels do. */
#include "runtime/internal.h"
#include <stdlib.h>

enum { PAGE = 4096 };

/* Unlinks the best free buffer: the smallest that holds `size` bytes, else the largest, else null. */
static attnc_buffer *takeBest(attnc_cache *cache, size_t size) {
  attnc_buffer **best = NULL;
  for (attnc_buffer **at = &cache->free; *at; at = &(*at)->next) {
    int fits = (*at)->size >= size;
    if (!best || (fits ? (*best)->size < size || (*at)->size < (*best)->size : (*at)->size > (*best)->size))
      best = at;
  }
  if (!best)
    return NULL;
  attnc_buffer *taken = *best;
  *best = taken->next;
  return taken;
}

attnc_buffer *attnc_cache_take(attnc_cache *cache, size_t size) {
  pthread_mutex_lock(&cache->lock);
  attnc_buffer *buffer = takeBest(cache, size);
  pthread_mutex_unlock(&cache->lock);
  if (!buffer && !(buffer = calloc(1, sizeof *buffer)))
    return NULL;
  if (buffer->size >= size && buffer->bytes)
    return buffer;
  free(buffer->bytes);
  size_t rounded = size <= SIZE_MAX - PAGE ? (size + PAGE) & ~(size_t)(PAGE - 1) : 0;
  buffer->bytes = rounded ? aligned_alloc(PAGE, rounded) : NULL;
  buffer->size = rounded;
  if (buffer->bytes)
    return buffer;
  free(buffer);
  return NULL;
}

void attnc_cache_give(attnc_cache *cache, attnc_buffer *buffer) {
  if (!buffer)
    return;
  pthread_mutex_lock(&cache->lock);
  buffer->next = cache->free;
  cache->free = buffer;
  pthread_mutex_unlock(&cache->lock);
}

void attnc_cache_clear(attnc_cache *cache) {
  while (cache->free) {
    attnc_buffer *buffer = cache->free;
    cache->free = buffer->next;
    free(buffer->bytes);
    free(buffer);
  }
}
