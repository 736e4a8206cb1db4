// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#define _GNU_SOURCE /* sched_getaffinity */
#include "runtime/internal.h"
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_THREADS = 4096 };

/* The last message of a thread. A slot is never freed before the context: the thread holds its text. A later thread
 * that has the id of one that ended takes its slot over, so there are at most as many as threads ever lived at once. */
struct attnc_message_slot {
  attnc_message_slot *next;
  pthread_t owner;
  attnc_text text;
};

static int32_t numCores(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    return CPU_COUNT(&set);
  long online = sysconf(_SC_NPROCESSORS_ONLN); /* more cores than a cpu_set_t holds */
  return online > 0 && online <= MOST_THREADS ? (int32_t)online : 1;
}

static attnc_status setOptions(attnc_context *context, const attnc_options *options) {
  context->parallel_for = options->parallel_for;
  context->user = options->user;
  context->num_workers = options->num_threads;
  if (options->num_threads < 0 || options->num_threads > MOST_THREADS ||
      (options->parallel_for && options->num_threads == 0))
    return ATTNC_INVALID_USE;
  if (options->parallel_for)
    return ATTNC_OK;
  if (options->num_threads == 0)
    context->num_workers = numCores();
  context->pool = attnc_pool_create(context->num_workers);
  return context->pool ? ATTNC_OK : ATTNC_OUT_OF_MEMORY;
}

attnc_status attnc_create(const attnc_options *options, attnc_context **result) {
  static const attnc_options defaults;
  if (!result)
    return ATTNC_INVALID_USE;
  *result = NULL;
  attnc_context *context = calloc(1, sizeof *context);
  if (!context)
    return ATTNC_OUT_OF_MEMORY;
  pthread_mutex_init(&context->lock, NULL);
  pthread_mutex_init(&context->calls.lock, NULL);
  pthread_mutex_init(&context->workspace.lock, NULL);
  attnc_status status = setOptions(context, options ? options : &defaults);
  if (status == ATTNC_OK)
    *result = context;
  else
    attnc_destroy(context);
  return status;
}

void attnc_destroy(attnc_context *context) {
  if (!context)
    return;
  attnc_pool_destroy(context->pool);
  while (context->modules)
    attnc_unload(context->modules);
  while (context->messages) {
    attnc_message_slot *slot = context->messages;
    context->messages = slot->next;
    free(slot);
  }
  attnc_cache_clear(&context->calls);
  attnc_cache_clear(&context->workspace);
  pthread_mutex_destroy(&context->calls.lock);
  pthread_mutex_destroy(&context->workspace.lock);
  pthread_mutex_destroy(&context->lock);
  free(context);
}

static attnc_message_slot *findSlot(attnc_context *context) {
  attnc_message_slot *slot = context->messages;
  while (slot && !pthread_equal(slot->owner, pthread_self()))
    slot = slot->next;
  return slot;
}

const char *attnc_message(attnc_context *context) {
  if (!context)
    return "no context";
  pthread_mutex_lock(&context->lock);
  attnc_message_slot *slot = findSlot(context);
  pthread_mutex_unlock(&context->lock);
  return slot ? slot->text.bytes : "";
}

static void appendV(attnc_text *text, const char *format, va_list list) {
  size_t room = sizeof text->bytes - text->used;
  int length = vsnprintf(text->bytes + text->used, room, format, list);
  if (length > 0)
    text->used += (size_t)length < room ? (size_t)length : room - 1;
}

void attnc_append(attnc_text *text, const char *format, ...) {
  va_list list;
  va_start(list, format);
  appendV(text, format, list);
  va_end(list);
}

attnc_status attnc_fail(attnc_context *context, attnc_status status, const char *format, ...) {
  attnc_text text;
  text.used = 0;
  va_list list;
  va_start(list, format);
  appendV(&text, format, list); /* first: a parameter may be the old message */
  va_end(list);
  pthread_mutex_lock(&context->lock);
  attnc_message_slot *slot = findSlot(context);
  if (!slot && (slot = calloc(1, sizeof *slot))) {
    slot->owner = pthread_self();
    slot->next = context->messages;
    context->messages = slot;
  }
  if (slot)
    slot->text = text;
  pthread_mutex_unlock(&context->lock);
  return status;
}

const char *attnc_status_text(attnc_status status) {
  static const char *const texts[] = {"ok",
                                      "invalid use of the interface",
                                      "out of memory or threads",
                                      "cannot be read",
                                      "not an artifact",
                                      "made for another version",
                                      "made for another CPU",
                                      "damaged",
                                      "cannot be loaded",
                                      "replaced while loaded",
                                      "argument does not fit",
                                      "requirement does not hold"};
  return (unsigned)status < sizeof texts / sizeof texts[0] ? texts[status] : "unknown status";
}
