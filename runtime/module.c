// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
/* Modules made of descriptors: what the descriptor says is checked once here, so that calls can rely on it. */
#include "runtime/internal.h"
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SCALARS = 64 }; /* bits of attnc_frame.given */

static int isSoundArg(const attnc_kernel_descriptor *kernel, const attnc_arg_descriptor *arg) {
  if (!arg->name || arg->kind > ATTNC_ARG_SCALAR || !attnc_element_size(arg->element) || arg->direction < ATTNC_IN ||
      arg->direction > ATTNC_INOUT || arg->num_dims < 0 || arg->num_dims > ATTNC_MAX_DIMS)
    return 0;
  if (arg->kind == ATTNC_ARG_SCALAR && (arg->num_dims != 0 || arg->direction != ATTNC_IN))
    return 0;
  for (int32_t d = 0; d < arg->num_dims; ++d) {
    const attnc_dim_descriptor *dim = &arg->dims[d];
    if (!dim->name || dim->factor < 0 || dim->num_symbols < 0)
      return 0;
    for (int32_t s = 0; s < dim->num_symbols; ++s)
      if (dim->symbols[s] < 0 || dim->symbols[s] >= kernel->num_symbols)
        return 0;
  }
  return 1;
}

static int isSoundKernel(const attnc_kernel_descriptor *kernel) {
  if (!kernel->name || !kernel->prepare || kernel->num_args < 0 || kernel->num_symbols < 0 || kernel->num_checks < 0 ||
      kernel->num_launches < 0)
    return 0;
  int32_t scalars = 0;
  for (int32_t i = 0; i < kernel->num_args; ++i) {
    if (!isSoundArg(kernel, &kernel->args[i]))
      return 0;
    scalars += kernel->args[i].kind == ATTNC_ARG_SCALAR;
  }
  for (int32_t i = 0; i < kernel->num_symbols; ++i)
    if (!kernel->symbols[i].name || kernel->symbols[i].extent < -1)
      return 0;
  for (int32_t i = 0; i < kernel->num_launches; ++i)
    if (!kernel->launches[i])
      return 0;
  return scalars <= MOST_SCALARS;
}

static attnc_status checkDescriptor(attnc_context *context, const attnc_artifact_descriptor *artifact,
                                    const char *name) {
  if (artifact->magic != ATTNC_ABI_MAGIC)
    return attnc_fail(context, ATTNC_NOT_AN_ARTIFACT, "%s: is not an attnc artifact", name);
  if (artifact->version != ATTNC_ABI_VERSION)
    return attnc_fail(context, ATTNC_WRONG_VERSION, "%s: has ABI version %u, this runtime reads %u", name,
                      artifact->version, ATTNC_ABI_VERSION);
  for (uint32_t i = 0; i < artifact->num_kernels; ++i)
    if (!isSoundKernel(&artifact->kernels[i]))
      return attnc_fail(context, ATTNC_DAMAGED, "%s: the description of kernel %u is malformed", name, i);
  return ATTNC_OK;
}

/* Fills `kernel`, whose two lists share one allocation. */
static int initKernel(attnc_kernel *kernel, attnc_module *module, const attnc_kernel_descriptor *descriptor) {
  kernel->module = module;
  kernel->descriptor = descriptor;
  for (int32_t i = 0; i < descriptor->num_args; ++i)
    kernel->num_tensors += descriptor->args[i].kind == ATTNC_ARG_TENSOR;
  kernel->tensors = calloc((size_t)descriptor->num_args + 1, sizeof(int32_t));
  if (!kernel->tensors)
    return 0;
  kernel->scalars = kernel->tensors + kernel->num_tensors;
  for (int32_t i = 0, tensors = 0; i < descriptor->num_args; ++i) {
    if (descriptor->args[i].kind == ATTNC_ARG_TENSOR)
      kernel->tensors[tensors++] = i;
    else
      kernel->scalars[kernel->num_scalars++] = i;
  }
  return 1;
}

static attnc_kernel *findKernel(attnc_module *module, const char *name) {
  for (int32_t i = 0; i < module->num_kernels; ++i)
    if (strcmp(module->kernels[i].descriptor->name, name) == 0)
      return &module->kernels[i];
  return NULL;
}

/* Takes of each name the version that runs here and needs the most. */
static attnc_status addKernels(attnc_module *module) {
  const attnc_artifact_descriptor *artifact = module->artifact;
  module->kernels = calloc((size_t)artifact->num_kernels + 1, sizeof *module->kernels);
  if (!module->kernels)
    return ATTNC_OUT_OF_MEMORY;
  for (uint32_t i = 0; i < artifact->num_kernels; ++i) {
    const attnc_kernel_descriptor *descriptor = &artifact->kernels[i];
    attnc_text text;
    if (attnc_missing_features(descriptor->features, &text))
      continue;
    attnc_kernel *kernel = findKernel(module, descriptor->name);
    if (kernel && kernel->descriptor->features >= descriptor->features)
      continue;
    if (kernel) {
      free(kernel->tensors);
      memset(kernel, 0, sizeof *kernel);
    } else {
      kernel = &module->kernels[module->num_kernels++];
    }
    if (!initKernel(kernel, module, descriptor))
      return ATTNC_OUT_OF_MEMORY;
  }
  return ATTNC_OK;
}

static void freeModule(attnc_module *module) {
  for (int32_t i = 0; i < module->num_kernels; ++i)
    free(module->kernels[i].tensors);
  free(module->kernels);
  free(module->name);
  if (module->handle)
    dlclose(module->handle);
  free(module);
}

attnc_status attnc_add_module(attnc_context *context, const attnc_artifact_descriptor *artifact, const char *name,
                              void *handle, attnc_module **result) {
  attnc_status status = checkDescriptor(context, artifact, name);
  if (status != ATTNC_OK)
    return status;
  attnc_module *module = calloc(1, sizeof *module);
  if (!module)
    return attnc_fail(context, ATTNC_OUT_OF_MEMORY, "%s: out of memory", name);
  module->context = context;
  module->artifact = artifact;
  module->name = strdup(name);
  status = module->name ? addKernels(module) : ATTNC_OUT_OF_MEMORY;
  if (status != ATTNC_OK) {
    freeModule(module);
    return attnc_fail(context, status, "%s: out of memory", name);
  }
  module->handle = handle;
  pthread_mutex_lock(&context->lock);
  module->next = context->modules;
  context->modules = module;
  pthread_mutex_unlock(&context->lock);
  *result = module;
  return ATTNC_OK;
}

attnc_status attnc_link(attnc_context *context, const attnc_artifact_descriptor *artifact, attnc_module **module) {
  if (module)
    *module = NULL;
  if (!context)
    return ATTNC_INVALID_USE;
  if (!artifact || !module)
    return attnc_fail(context, ATTNC_INVALID_USE, "attnc_link: '%s' is null", artifact ? "module" : "artifact");
  return attnc_add_module(context, artifact, "linked artifact", NULL, module);
}

void attnc_unload(attnc_module *module) {
  if (!module)
    return;
  attnc_context *context = module->context;
  pthread_mutex_lock(&context->lock);
  attnc_module **at = &context->modules;
  while (*at && *at != module)
    at = &(*at)->next;
  if (*at)
    *at = module->next;
  pthread_mutex_unlock(&context->lock);
  freeModule(module);
}

/* Why there is no kernel `name`: its versions need another CPU, or it is not in the artifact. */
static void explainMissing(attnc_module *module, const char *name) {
  const attnc_artifact_descriptor *artifact = module->artifact;
  attnc_text list = {.used = 0}, missing = {.used = 0};
  for (uint32_t i = 0; i < artifact->num_kernels; ++i) {
    const attnc_kernel_descriptor *kernel = &artifact->kernels[i];
    if (strcmp(kernel->name, name) == 0 && attnc_missing_features(kernel->features, &missing)) {
      attnc_fail(module->context, ATTNC_WRONG_CPU, "%s: kernel '%s' is %s", module->name, name, missing.bytes);
      return;
    }
    attnc_append(&list, "%s'%s'", i ? ", " : "", kernel->name);
  }
  attnc_fail(module->context, ATTNC_INVALID_USE, "%s: no kernel '%s', there is %s", module->name, name,
             artifact->num_kernels ? list.bytes : "none");
}

attnc_kernel *attnc_find(attnc_module *module, const char *name) {
  if (!module)
    return NULL;
  if (!name) {
    attnc_fail(module->context, ATTNC_INVALID_USE, "attnc_find: 'name' is null");
    return NULL;
  }
  attnc_kernel *kernel = findKernel(module, name);
  if (!kernel)
    explainMissing(module, name);
  return kernel;
}

attnc_kernel *attnc_kernel_at(attnc_module *module, int32_t index) {
  return module && index >= 0 && index < module->num_kernels ? &module->kernels[index] : NULL;
}

const attnc_kernel_descriptor *attnc_describe(const attnc_kernel *kernel) { return kernel ? kernel->descriptor : NULL; }
